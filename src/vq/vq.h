/* vq.h - voice quality reports of phones: application/vq-rtcpxr (RFC 6035 §4.6). Pure.
 *
 * A phone says in such a report how it has heard in a call, and what the other end has told it by RTCP XR (RFC 3611). It is
 * read liberally: fields in any order, unknown ones passed over, CRLF or LF, folded lines; figures that cannot be are
 * unknown. Parts are hundredths of a percent, scores hundredths (441: 4.41), times milliseconds. */
#ifndef VQ_VQ_H
#define VQ_VQ_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/slice.h"

#define VQ_MAX_OCTETS 8192 /* longer: ERR_LIMIT */
#define VQ_MAX_LINES 128   /* more: ERR_LIMIT */
#define VQ_UNKNOWN UINT32_MAX
#define VQ_CONTENT_TYPE "application/vq-rtcpxr"

enum vq_kind {
    VQ_SESSION,  /* of a whole call, at its end or when it changed */
    VQ_INTERVAL, /* of a part of it */
    VQ_ALERT     /* something has become bad */
};

/* How one end hears; each figure may be VQ_UNKNOWN. */
struct vq_metrics {
    bool         given;                /* else nothing else is */
    int64_t      start_ms, stop_ms;    /* since 1970; 0: not said */
    struct slice codec;                /* "PCMA"; empty: not said */
    uint32_t     pt, rate_hz, frame_ms;
    uint32_t     jitter_ms_now, jitter_ms_max, jitter_ms_abs_max; /* the jitter buffer */
    uint32_t     loss, discard;        /* in the network; by the jitter buffer */
    uint32_t     burst, burst_ms, gap, gap_ms;
    uint32_t     round_trip_ms, end_delay_ms, jitter_ms;
    uint32_t     r_lq, r_cq, mos_lq, mos_cq;
};
extern const struct vq_metrics vq_metrics_unknown; /* given, and nothing known */

struct vq_end {
    struct slice id;    /* "Alice <sip:1001@example.com>", or the URI alone */
    struct addr  rtp;   /* family ADDR_NONE: not said */
    uint32_t     ssrc;  /* 0: not said */
};

struct vq_report {
    enum vq_kind      kind;
    struct slice      call_id;
    struct slice      from_tag, to_tag; /* of DialogID, as the writer has them; empty: not said */
    struct slice      orig_id;          /* who has called */
    struct vq_end     local, remote;
    struct vq_metrics here, there;      /* what the writer hears; what it was told that the other end hears */
};

/* Its slices point into `in`. ERR_SYNTAX: it does not begin with a kind of report, a line is none, or no CallID is there;
 * ERR_LIMIT. Then *out is as it was. */
enum err vq_read(struct slice in, struct vq_report *out);

/* What is unknown is left out. buf_err() tells whether it fitted; octets of its slices are the caller's care: no line ends. */
void vq_put(struct buf *b, const struct vq_report *r);

#endif
