#define DOOR "sys/sys.h"
#include DOOR
