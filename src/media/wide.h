/* wide.h - wide band: G.722 (RFC 3551 §4.5.2; its RTP clock is 8000 though it has 16000 samples a second), by spandsp, and the
 * way between 8 and 16 kHz, by speexdsp. 16-bit samples. */
#ifndef MEDIA_WIDE_H
#define MEDIA_WIDE_H

#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

#define WIDE_RATE_HZ 16000

struct wide; /* one stream's: what a codec remembers from packet to packet */

enum err wide_open(struct wide **out); /* ERR_NOMEM */
void     wide_close(struct wide *w);   /* NULL is allowed */

/* n samples at 16 kHz, an even number; `out` has room for n / 2 octets, which it returns. */
size_t wide_encode(struct wide *w, const int16_t *pcm, size_t n, uint8_t *out);
/* At most max samples at 16 kHz, two from an octet; returns how many. */
size_t wide_decode(struct wide *w, struct slice payload, int16_t *pcm, size_t max);

/* One stream from 8 to 16 kHz, or back. */
struct rate;
enum err rate_open(struct rate **out, uint32_t from_hz, uint32_t to_hz); /* ERR_NOMEM */
void     rate_close(struct rate *r);                                     /* NULL is allowed */
/* n samples; out has room for as many as they become, whose number it returns. */
size_t rate_change(struct rate *r, const int16_t *in, size_t n, int16_t *out, size_t max);

#endif
