/* rtcp.h - RTCP compound packets: SR, RR, SDES with CNAME, BYE (RFC 3550 §6), and extended reports (RFC 3611). */
#ifndef MEDIA_RTCP_H
#define MEDIA_RTCP_H

#include "base/buf.h"
#include "base/slice.h"
#include "media/rtcp_xr.h"

#define RTCP_MAX_OCTETS 512 /* of a compound of ours */

struct rtcp_block { /* what one end says about the packets of another: §6.4.1 */
    uint32_t ssrc;      /* of whom */
    uint8_t  fraction;  /* lost lately, in 1/256 */
    int32_t  lost;      /* in all; 24 bits with sign */
    uint32_t max_seq;
    uint32_t jitter;    /* in timestamp units */
    uint32_t lsr, dlsr; /* middle of the last SR's NTP time; since then, in 1/65536 s */
};

struct rtcp_sender {
    uint64_t ntp;       /* 32.32 fixed point */
    uint32_t ts, packets, octets;
};

struct rtcp_report {
    uint32_t           ssrc;      /* who speaks */
    bool               is_sender; /* SR, else RR */
    struct rtcp_sender sender;
    bool               has_block;
    struct rtcp_block  block;
    struct slice       cname;     /* at most 255 octets */
    struct rtcp_xr     xr;
    bool               bye;
};

/* Write SR or RR, SDES with the CNAME, XR if there is any, and BYE if so. buf_err() tells whether it fitted. */
void rtcp_put(struct buf *b, const struct rtcp_report *r);

/* Read a compound. out->block and out->xr's are those about `about`, if any; packets of other kinds are passed over.
 * ERR_SYNTAX: it does not begin with SR or RR, or a length does not fit (§A.2). */
enum err rtcp_parse(struct slice in, uint32_t about, struct rtcp_report *out);

/* Microseconds of some clock as NTP's 32.32 fixed point, and the middle 32 bits of that. */
uint64_t rtcp_ntp(uint64_t us);
static inline uint32_t rtcp_ntp_middle(uint64_t ntp) { return (uint32_t)(ntp >> 16); }

/* Round trip in microseconds from a block about us that arrives at `now` (middle bits): §6.4.1. 0 when it cannot be told. */
uint32_t rtcp_round_trip_us(const struct rtcp_block *b, uint32_t now);

#endif
