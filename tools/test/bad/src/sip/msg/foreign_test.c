#include <cmocka.h>
#include "net/net.h"
