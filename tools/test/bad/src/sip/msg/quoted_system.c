#include "sys/socket.h"
