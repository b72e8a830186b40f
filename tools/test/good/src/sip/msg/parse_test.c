#include "sip/msg/msg_priv.h"
#include "sys/sys.h"
#include <setjmp.h>
#include <cmocka.h>
