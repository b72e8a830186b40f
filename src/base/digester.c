/* digester.c - comparing secrets without telling by time. Room base (pure). */
#include "base/digester.h"

bool digest_same(struct slice a, struct slice b)
{
    unsigned char diff = 0;

    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        diff |= (unsigned char)(a.p[i] ^ b.p[i]);
    return diff == 0;
}
