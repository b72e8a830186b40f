  #  include  "sys/sys.h"  /* why not */
