/* burst.h - how losses lie: bursts and gaps (RFC 3611 §4.7.2), counted as they come.
 *
 * A burst begins and ends with a packet that was not heard, and has nowhere in it BURST_GMIN packets in a row that were. All
 * else is gap, a packet lost alone too. The RFC's own example (§A.2) estimates the lengths from transitions; here they are
 * counted. What is lost and what came too late is not told apart: neither was heard. */
#ifndef MEDIA_BURST_H
#define MEDIA_BURST_H

#include <stdbool.h>
#include <stdint.h>

#define BURST_GMIN 16        /* RFC 3611 §4.7.2's recommendation */
#define BURST_MAX_JUMP 3000  /* packets: a longer hole is no loss, the stream went on elsewhere */

struct burst {
    bool     begun;
    uint32_t next;           /* sequence number, extended */
    uint32_t packets, missing, holes; /* in all; holes: runs of missing ones */
    uint32_t bursts, burst_packets, burst_missing; /* that are over */
    uint32_t run, run_missing; /* what may become one: from its first missing packet to its last */
    uint32_t heard;          /* in a row, lately */
};

/* A packet is heard; those between it and the last one were not. Earlier ones than the last are not counted again. */
void burst_on_packet(struct burst *b, uint32_t seq);
/* Here the stream is cut (hold, another sender): the next packet follows on nothing. */
void burst_cut(struct burst *b);

struct burst_figures {
    double   missing;           /* of all packets: 0 to 1 */
    double   ratio;             /* G.107's BurstR: 1 where they lie at random */
    double   burst_density, gap_density; /* missing in bursts, and in gaps: 0 to 1 */
    uint32_t burst_packets, gap_packets; /* mean lengths */
};
void burst_figures(const struct burst *b, struct burst_figures *out);

#endif
