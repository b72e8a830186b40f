#include <../sys/sys.h>
