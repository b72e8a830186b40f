/* rtp.h - RTP packets read and written (RFC 3550 §5.1), and what a receiver keeps about their order (§A.1, A.3, A.8). */
#ifndef MEDIA_RTP_H
#define MEDIA_RTP_H

#include "base/buf.h"
#include "base/slice.h"

#define RTP_HEADER_OCTETS 12
#define RTP_MAX_DROPOUT 3000 /* a jump ahead of less is loss; RFC 3550 §A.1 */
#define RTP_MAX_MISORDER 100 /* as far back a packet may be late */

struct rtp {
    bool         marker;
    uint8_t      pt;
    uint16_t     seq;
    uint32_t     ts, ssrc;
    struct slice payload;
};

/* Read a packet in place; CSRCs, extension and padding are passed over. ERR_SYNTAX: not RTP of version 2. */
enum err rtp_parse(struct slice in, struct rtp *out);
void rtp_put(struct buf *b, const struct rtp *r);

/* Of two things on one port (RFC 5761 §4): is it RTCP? */
bool rtp_is_rtcp(struct slice in);

/* One sender as its receiver sees it. Zeroed: nothing came yet. */
struct rtp_source {
    bool     begun;
    uint32_t ssrc;
    uint32_t base_seq, max_seq; /* extended: cycles in the upper half */
    uint32_t bad_seq;           /* where the stream would go on if it has really jumped; UINT32_MAX: nowhere */
    uint32_t received;
    uint32_t expected_prior, received_prior;
    bool     timed;
    int32_t  transit;           /* in timestamp units */
    uint32_t jitter_16;         /* 16 times RFC 3550 §6.4.1's J */
};

/* Count a packet of src->ssrc; *extended gets its sequence number with cycles. ERR_OK; ERR_STALE: too old or too far to
 * be of this stream (dropped); ERR_EXISTS: the sender has begun anew, counting started again, and the packet is its first. */
enum err rtp_source_count(struct rtp_source *src, uint16_t seq, uint32_t *extended);

/* Its jitter (RFC 3550 §A.8), by the arrival time in the units of the timestamp. Not for packets that repeat a timestamp. */
void rtp_source_time(struct rtp_source *src, uint32_t ts, uint32_t arrival);

uint32_t rtp_source_expected(const struct rtp_source *src);
int32_t  rtp_source_lost(const struct rtp_source *src);     /* may be negative: duplicates */
uint8_t  rtp_source_fraction(struct rtp_source *src);       /* lost since the last call, in 1/256; moves the marks */

#endif
