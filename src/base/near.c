/* near.c - the distance between two short words.
 *
 * Room      base (pure).
 * Touches   *n only. */
#include "base/near.h"

#include <stdint.h>

enum { MAX_DISTANCE = 3, MIN_SHARED = 3 };

struct near near_to(struct slice word)
{
    return (struct near){.word = word, .distance = SIZE_MAX};
}

/* How many letters must be put in, taken out or changed to make b of a (Levenshtein); one row of the table at a time. */
static size_t distance(struct slice a, struct slice b)
{
    size_t row[NEAR_MAX_OCTETS + 1];

    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t change = diagonal + (ascii_lower(a.p[i - 1]) != ascii_lower(b.p[j - 1]));
            size_t shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = change < shift ? change : shift;
        }
    }
    return row[b.n];
}

/* An abbreviation counts as the longest distance that is near, so that a slip is preferred to it. */
static size_t judged(struct slice a, struct slice b)
{
    size_t longer = a.n > b.n ? a.n : b.n, shorter = a.n + b.n - longer, d = distance(a, b);

    if (d <= MAX_DISTANCE && 2 * d < longer)
        return d;
    return shorter >= MIN_SHARED && slice_ieq(slice_to(a, shorter), slice_to(b, shorter)) ? MAX_DISTANCE : SIZE_MAX;
}

void near_offer(struct near *n, struct slice word)
{
    size_t d = n->word.n <= NEAR_MAX_OCTETS && word.n <= NEAR_MAX_OCTETS ? judged(n->word, word) : SIZE_MAX;

    if (d < n->distance) {
        n->distance = d;
        n->best = word;
    }
}
