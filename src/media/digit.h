/* digit.h - keys pressed, as telephone-events (RFC 4733 §2.3, §2.5). */
#ifndef MEDIA_DIGIT_H
#define MEDIA_DIGIT_H

#include "base/slice.h"

#define DIGIT_OCTETS 4
#define DIGIT_MAX_QUEUED 64
#define DIGIT_MAX_MS 5000      /* of one event; shorter where its duration would leave its 16 bits: 1365 ms at 48 kHz */
#define DIGIT_END_PACKETS 3    /* §2.5.1.4 */

/* Event code of '0'-'9', '*', '#', 'A'-'D' (either case), '!' (hook flash, 16); -1 for all else. And back; 0 for all else. */
int  digit_code(char c);
char digit_char(unsigned code);

/* ---- sending ---- */
struct digit_sender {
    char     queue[DIGIT_MAX_QUEUED];
    size_t   n;
    uint16_t tone_ms, gap_ms; /* set by the owner: how long a key is down, and up */
    bool     down;
    uint32_t ts;              /* of the event that is being sent: when it began */
    uint32_t sent_ms;         /* of it; or of the gap, when !down */
    unsigned ends;            /* end packets sent */
    bool     gap;
    bool     in_sound;        /* by digit_sound(), not digit_next(); set by the owner */
};

struct digit_packet {
    bool     marker; /* first of an event */
    uint32_t ts;
    uint8_t  payload[DIGIT_OCTETS];
};

/* ERR_FULL: nothing of it was taken; ERR_INVALID: something is not a digit. */
enum err digit_queue(struct digit_sender *d, struct slice digits);
bool digit_busy(const struct digit_sender *d); /* events or gaps are still to come */

/* One packet time of `frame_ms` begins at `now_ts` (clock rate_hz). True: *out is to be sent in place of sound. False: send
 * sound (silence in a gap). The duration covers the packet time that begins now. */
bool digit_next(struct digit_sender *d, uint32_t now_ts, uint32_t frame_ms, uint32_t rate_hz, struct digit_packet *out);

/* The same for keys that are tones in the sound: which one is down in the packet time that begins now; 0: none, a gap.
 * *begins: it was not down before. */
char digit_sound(struct digit_sender *d, uint32_t frame_ms, bool *begins);

/* The two tones of '0'-'9' '*' '#' 'A'-'D' (ITU-T Q.23), either case. */
void digit_tones(char key, uint16_t *low_hz, uint16_t *high_hz);

/* ---- receiving ---- */
struct digit_receiver {
    bool     begun, ended; /* an event is known; and is over, only its repeats may come */
    uint32_t ts;
    uint32_t before;         /* units of the segments before this one (§2.5.1.3) */
    uint8_t  code, level;
    uint16_t duration;
    uint64_t last_ms;
};
struct digit_heard {
    uint8_t  code;
    uint32_t ms; /* how long it was down */
};

#define DIGIT_LOST_MS 200 /* an event that is not heard of for so long is over (§2.5.2.2) */

/* A packet of timestamp `ts` at now_ms. True: *out is an event that is over now: this one by its end bit, or the one before
 * whose end was lost. Repeats and packets out of order give nothing. */
bool digit_on_packet(struct digit_receiver *d, uint32_t ts, struct slice payload, uint32_t rate_hz, uint64_t now_ms,
                     struct digit_heard *out);
/* True: an event whose end never came is over. Ask from time to time. */
bool digit_expire(struct digit_receiver *d, uint32_t rate_hz, uint64_t now_ms, struct digit_heard *out);

#endif
