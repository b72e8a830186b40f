%:include "sys/sys.h"
