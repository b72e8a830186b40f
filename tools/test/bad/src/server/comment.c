/* x
 */ #/**/include/**/"sys/sys.h"
