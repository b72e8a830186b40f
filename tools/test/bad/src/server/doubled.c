#include <sys//sys.h>
