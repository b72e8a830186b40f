/* meter.h - which tones are heard, how loud and how long: Goertzel's algorithm over windows of 100 ms. */
#ifndef MEDIA_METER_H
#define MEDIA_METER_H

#include "media/media.h"

#define METER_RATE_HZ 8000
#define METER_WINDOW 800       /* samples: bins of 10 Hz */
#define METER_WINDOW_MS 100
#define METER_MAX_WATCHED 8
#define METER_PEAKS 4          /* tones at once */
#define METER_FLOOR_DBM0 (-45) /* what is softer is not heard */
#define METER_NEAR_HZ 12       /* so close together it is the same tone */

struct meter {
    uint16_t watched[METER_MAX_WATCHED]; /* only these; none: any of 100 to 3900 Hz */
    size_t   n_watched;
    float    window[METER_WINDOW];       /* Hann's */
    int16_t  pcm[METER_WINDOW];
    size_t   n;
    uint64_t heard_ms;                   /* sound, or silence, that was listened to in all */
    struct media_heard heard[MEDIA_MAX_HEARD];
    size_t   n_heard;
};

/* ERR_LIMIT: more than METER_MAX_WATCHED; ERR_INVALID: a frequency outside 100 to 3900 Hz. */
enum err meter_init(struct meter *m, const uint16_t *watched_hz, size_t n);
void meter_write(struct meter *m, const int16_t *pcm, size_t n);

/* The tone nearest to hz within `within_hz`, or NULL. */
const struct media_heard *meter_find(const struct meter *m, uint16_t hz, uint16_t within_hz);

#endif
