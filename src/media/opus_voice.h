/* opus_voice.h - Opus (RFC 6716, RFC 7587) by libopus: mono, and at 16 kHz as all wide sound here is, whatever its RTP clock
 * of 48000 says. Losses are made good by the library: by the copy that the next packet may carry (in-band FEC), else made up.
 *
 * A build without libopus has all of this too: opus_voice_open() fails, and nothing else may be called. 16-bit samples. */
#ifndef MEDIA_OPUS_VOICE_H
#define MEDIA_OPUS_VOICE_H

#include "media/media.h"

#define OPUS_VOICE_CLOCK_HZ 48000
#define OPUS_VOICE_MAX_MS 120  /* of one packet: RFC 6716 §3.2.5 */
#define OPUS_VOICE_STEP 40     /* samples of the shortest frame, 2.5 ms */

struct opus_voice; /* one stream's: what both directions remember from packet to packet */

bool     opus_voice_is_there(void);               /* in this build */
enum err opus_voice_open(struct opus_voice **out); /* ERR_NOMEM; ERR_UNSUPPORTED: not in this build */
void     opus_voice_close(struct opus_voice *v);   /* NULL is allowed */

/* What is sent from now on, by what the other end has said it can take. */
void opus_voice_tune(struct opus_voice *v, const struct media_opus *wish);

/* n samples, of 10, 20, 40 or 60 ms; returns the octets written, at most max; 0: it cannot be. */
size_t opus_voice_encode(struct opus_voice *v, const int16_t *pcm, size_t n, uint8_t *out, size_t max);

/* How much sound a payload is, in units of the clock; 0: no Opus. */
uint32_t opus_voice_units(struct slice payload);

/* A payload of at most max samples; returns how many. What cannot be decoded is made up. */
size_t opus_voice_decode(struct opus_voice *v, struct slice payload, int16_t *pcm, size_t max);

/* The n samples of the packet before `next`, which was lost: from the copy in `next` if it has one. */
void opus_voice_rescue(struct opus_voice *v, struct slice next, int16_t *pcm, size_t n);

/* n samples in place of what was lost. */
void opus_voice_conceal(struct opus_voice *v, int16_t *pcm, size_t n);

#endif
