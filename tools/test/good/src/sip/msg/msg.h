#include "base/slice.h"
#include <string.h>
