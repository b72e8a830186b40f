#include "base/slice.h"
#include "sys/sys.h"
