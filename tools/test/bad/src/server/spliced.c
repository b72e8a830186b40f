#in\
clude \
"sys/sys.h"
