/* histogram.c - log-linear cells: values below 128 have one each, above that each octave has 64.
 *
 * Room      app/load. */
#include "app/load/histogram.h"

#define FINE (1u << HISTOGRAM_FINE_BITS)

static uint32_t cell_of(uint64_t value)
{
    uint32_t octave = 0;

    while (value >> octave >= 2 * FINE)
        octave++;
    return octave * FINE + (uint32_t)(value >> octave);
}

/* The largest value that falls into the cell. */
static uint64_t upper_end(uint32_t cell)
{
    uint32_t octave = cell < 2 * FINE ? 0 : cell / FINE - 1;

    return (((uint64_t)(cell - octave * FINE) + 1) << octave) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
    uint64_t most = (UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1;

    if (value > most)
        value = most;
    h->cell[cell_of(value)]++;
    h->n++;
    if (value > h->max)
        h->max = value;
}

uint64_t histogram_at(const struct histogram *h, uint32_t per_100000)
{
    uint64_t wanted = (h->n * per_100000 + 99999) / 100000, seen = 0;

    if (!wanted && h->n)
        wanted = 1;
    for (uint32_t i = 0; i < HISTOGRAM_CELLS; i++) {
        seen += h->cell[i];
        if (seen >= wanted && h->n)
            return upper_end(i) < h->max ? upper_end(i) : h->max;
    }
    return 0;
}
