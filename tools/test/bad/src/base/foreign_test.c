#include "sys/sys.h"
