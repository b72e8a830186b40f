/* near.h - which word was probably meant, for "did you mean" in messages. Pure.
 *
 * Offer every word that there is; the best so far stands in `best`:
 *
 *     struct near near = near_to(typed);
 *     for (i = 0; i < N; i++)
 *         near_offer(&near, slice_z(commands[i].name));
 *     if (near.best.n) ...
 */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include <stddef.h>

#include "base/slice.h"

#define NEAR_MAX_OCTETS 32 /* longer words are near to nothing */

struct near {
    struct slice word;     /* what was typed */
    struct slice best;     /* the nearest word offered, the first of several; empty: none is near */
    size_t       distance; /* of best */
};

/* The slices must live as long as the struct is used. */
struct near near_to(struct slice word);

/* Takes `word` as the best where it is nearer than what was offered before, and near at all: at most three letters put
 * in, taken out or changed (their case does not count), and not half of the longer word; or one begins with the other and
 * shares at least three letters. */
void near_offer(struct near *n, struct slice word);

#endif
