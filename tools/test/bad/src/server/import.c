#import "sys/sys.h"
