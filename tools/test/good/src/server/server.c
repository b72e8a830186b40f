#include "sip/msg/msg.h"
#include "net/net.h"
#include <stdlib.h>
