/* rtcp_xr.h - extended reports: RFC 3611. Of its seven blocks the three that voice needs: receiver reference time (§4.4),
 * DLRR (§4.5), VoIP metrics (§4.7). Others are passed over. */
#ifndef MEDIA_RTCP_XR_H
#define MEDIA_RTCP_XR_H

#include "base/buf.h"
#include "base/slice.h"

enum { RTCP_XR_PACKET = 207 };
#define RTCP_XR_UNKNOWN 127      /* R, MOS, levels: not measured */

struct rtcp_voip { /* how one end hears another, since the beginning: §4.7 */
    uint32_t ssrc;               /* of whom it hears */
    uint8_t  loss, discard, burst_density, gap_density; /* in 1/256 */
    uint16_t burst_ms, gap_ms;   /* mean lengths */
    uint16_t round_trip_ms, end_delay_ms; /* 0: not known */
    int8_t   signal_dbm0, noise_dbm0;
    uint8_t  echo_loss_db;
    uint8_t  gmin;
    uint8_t  r, external_r;      /* 0 to 100 */
    uint8_t  mos_lq_10, mos_cq_10; /* 10 to 50: listening, conversational */
    uint8_t  config;             /* §4.7.6: concealment, jitter buffer's kind and rate */
    uint16_t jitter_ms, jitter_max_ms, jitter_abs_max_ms; /* the jitter buffer's delay: now, at most now, at most ever */
};
/* config's words */
enum { RTCP_XR_ENHANCED = 2 << 6, RTCP_XR_ADAPTIVE = 3 << 4 };

struct rtcp_xr {
    bool             has_time;   /* from who sends nothing, so that it learns the round trip all the same */
    uint64_t         ntp;
    bool             has_delay;  /* the answer to that */
    uint32_t         delay_ssrc; /* whose time it was */
    uint32_t         lrr, dlrr;  /* as lsr and dlsr of a report */
    bool             has_voip;
    struct rtcp_voip voip;
};

/* One XR packet of `ssrc` with the blocks that are there; nothing at all where none is. */
void rtcp_xr_put(struct buf *b, uint32_t ssrc, const struct rtcp_xr *x);

/* The blocks of one XR packet's body that follow its SSRC; those about `about`, of each kind the last. ERR_SYNTAX: a length
 * does not fit; then *x is as it was. A block of a known kind with another length than its own is passed over (§3). */
enum err rtcp_xr_read(struct slice blocks, uint32_t about, struct rtcp_xr *x);

/* Octets in network order (rtcp.c). */
void     rtcp_put_number(struct buf *b, uint32_t v, unsigned octets);
uint32_t rtcp_take_number(struct slice *s, unsigned octets);

#endif
