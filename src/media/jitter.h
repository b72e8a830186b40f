/* jitter.h - packets held back until their time to be heard has come: order restored, delay as long as needed.
 *
 * The delay follows the network: it is how much later than the fastest packets the slowest lately came (it forgets within
 * some seconds), plus one packet. It is reached by waiting at a talk spurt's begin, and after running empty; it is
 * given back by leaving out a packet when there was too much at hand for two seconds.
 *
 * Why not speexdsp's. That one is asked by time stamp and answers with "insert" and "lost" as it sees fit; here a packet's own
 * number decides, so that Opus finds a lost packet in the next one, an event keeps its place without sound, bursts of loss are
 * counted as they were (burst.h), and a run in virtual time is the same each time. It also allocates for each packet. */
#ifndef MEDIA_JITTER_H
#define MEDIA_JITTER_H

#include "base/slice.h"

#define JITTER_SLOTS 64         /* packets at hand; a power of two */
#define JITTER_MAX_OCTETS 640   /* of a payload; longer ones are refused */
#define JITTER_MAX_DELAY_MS 200
#define JITTER_TRIM_PACKETS 100 /* taken while too much was at hand, before one is left out */

struct jitter_packet {
    uint32_t     seq;         /* extended */
    uint32_t     ts;
    uint32_t     rate_hz;     /* of ts */
    uint16_t     duration_ms; /* of sound in it */
    bool         filler;      /* no sound (an event): keeps its place, is heard as silence, does not count for the delay */
    uint8_t      pt;
    struct slice payload;
};

struct jitter_slot {
    bool                 used;
    struct jitter_packet packet; /* its payload points into data */
    char                 data[JITTER_MAX_OCTETS];
};

struct jitter {
    bool     begun, heard, playing;
    uint32_t next;          /* to be heard next */
    size_t   n;             /* at hand */
    uint64_t waiting_since_ms;
    uint16_t packet_ms;
    /* delay */
    bool     timed;
    int64_t  fastest_16, peak_16; /* transit of the fastest, and how much later others came; 16ths of a millisecond */
    unsigned ample;         /* packets taken since there last was not too much */
    /* counts */
    uint32_t late, duplicate, trimmed, lost, ran_dry;
    struct jitter_slot slots[JITTER_SLOTS];
};

void jitter_reset(struct jitter *j); /* all but the counts */

/* Keep a packet that arrived at now_ms. ERR_STALE: its time is over (counted as late); ERR_EXISTS: it is here already;
 * ERR_LIMIT: its payload is too long. A jump ahead of more than JITTER_SLOTS begins anew with this packet. */
enum err jitter_put(struct jitter *j, const struct jitter_packet *p, uint64_t now_ms);

enum jitter_what {
    JITTER_PACKET, /* *out is to be heard; it is valid until the next put */
    JITTER_LOST,   /* a packet is missing, later ones are here: conceal packet_ms of sound */
    JITTER_NOTHING /* nothing is here, or not yet to be heard */
};
enum jitter_what jitter_get(struct jitter *j, uint64_t now_ms, struct jitter_packet *out);

uint32_t jitter_delay_ms(const struct jitter *j); /* what it aims at now */

#endif
