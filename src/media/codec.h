/* codec.h - what is said of every codec; and of G.711 both laws, samples to payloads and back: 16-bit, at 8 kHz. G.722 is in
 * wide.h, Opus in opus_voice.h. */
#ifndef MEDIA_CODEC_H
#define MEDIA_CODEC_H

#include "media/media.h"

#define CODEC_RATE_HZ 8000
#define CODEC_MAX_FRAME_MS 60
#define CODEC_MAX_FRAME (2 * CODEC_RATE_HZ / 1000 * CODEC_MAX_FRAME_MS) /* samples of a packet of ours, wide band */

#define CODEC_MAX_PACKET (16 * 120) /* samples of a packet of others': 120 ms of wide band */

uint32_t codec_clock_hz(enum media_codec c); /* of its RTP timestamps: 8000, G.722 included (RFC 3551 §4.5.2); Opus: 48000 */
uint32_t codec_rate_hz(enum media_codec c);  /* of the sound that it is made of, and decoded to, here */
/* How much sound a payload is, in ms, rounded up; 0: it is none. */
uint16_t codec_duration_ms(enum media_codec c, struct slice payload);

/* Decode at most max samples; returns how many. */
size_t codec_decode(enum media_codec c, struct slice payload, int16_t *pcm, size_t max);

/* Encode n samples; `out` has room for n octets. Returns the octets written. */
size_t codec_encode(enum media_codec c, const int16_t *pcm, size_t n, uint8_t *out);

#endif
