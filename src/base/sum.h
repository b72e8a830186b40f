/* sum.h - a sum over octets that finds what a crash of the machine has torn. Pure.
 *
 * Not against malice: who can write the file can do anything. Each step can be undone, so that two inputs which differ in one
 * word only have different sums. A word at a time, or four, in the machine's own order of octets. */
#ifndef BASE_SUM_H
#define BASE_SUM_H

#include <stddef.h>
#include <stdint.h>

/* The sum so far, and one word more. */
static inline uint64_t sum_word(uint64_t sum, uint64_t w)
{
    sum = (sum ^ w) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 32;
}

/* The same for octets; where they do not fill the last word, zeros follow: their number should be summed, too. */
uint64_t sum_octets(uint64_t sum, const void *octets, size_t n);

#endif
