#if 0
#include "sys/sys.h"
#endif
