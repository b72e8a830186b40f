/* codec.h - samples to payloads and back. 16-bit; both laws of G.711, at 8 kHz (G.722 is in wide.h). */
#ifndef MEDIA_CODEC_H
#define MEDIA_CODEC_H

#include "media/media.h"

#define CODEC_RATE_HZ 8000 /* and the clock of every codec here, G.722 included (RFC 3551 §4.5.2): an octet is 125 µs */
#define CODEC_MAX_FRAME_MS 60
#define CODEC_MAX_FRAME (2 * CODEC_RATE_HZ / 1000 * CODEC_MAX_FRAME_MS) /* samples of a packet of ours, wide band */

/* Units of that clock in a payload of n octets. */
size_t codec_samples(enum media_codec c, size_t n);

/* Decode at most max samples; returns how many. */
size_t codec_decode(enum media_codec c, struct slice payload, int16_t *pcm, size_t max);

/* Encode n samples; `out` has room for n octets. Returns the octets written. */
size_t codec_encode(enum media_codec c, const int16_t *pcm, size_t n, uint8_t *out);

#endif
