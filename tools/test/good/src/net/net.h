#include "base/slice.h"
#include "sys/sys.h"
#include <net/if.h>
