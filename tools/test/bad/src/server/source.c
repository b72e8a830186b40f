#include "server/macro.c"
