
#include "net/fake/fake.h"
