#include "base/slice.h"
