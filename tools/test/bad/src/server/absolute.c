#include "/usr/include/stdlib.h"
