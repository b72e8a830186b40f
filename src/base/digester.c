/* digester.c - comparing secrets without telling by time. Room base (pure). */
#include "base/digester.h"

#include "base/scan.h"

bool digest_same(struct slice a, struct slice b)
{
    uint64_t diff = 0;
    size_t   at = 0;

    if (a.n != b.n)
        return false;
    for (; a.n - at >= 8; at += 8)
        diff |= scan_word(a.p + at) ^ scan_word(b.p + at);
    if (a.n > at)
        diff |= scan_word_of(a.p + at, a.n - at) ^ scan_word_of(b.p + at, a.n - at);
    return diff == 0;
}
