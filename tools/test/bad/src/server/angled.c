#include <sys/sys_priv.h>
