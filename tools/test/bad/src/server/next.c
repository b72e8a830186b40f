#include_next "sys/sys.h"
