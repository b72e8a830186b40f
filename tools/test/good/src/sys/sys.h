#include "base/slice.h"
#include <sys/socket.h>
