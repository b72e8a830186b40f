/* clock.h - the time, for the few who may ask: net, log, record and app. All others are given it as a number. */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_us(void); /* microseconds since the machine's start; never goes back */
uint64_t clock_wall_us(void); /* microseconds since 1970-01-01 UTC; may jump */

#endif
