#include "server/../sys/sys.h"
