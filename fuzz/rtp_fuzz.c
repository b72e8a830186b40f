/* rtp_fuzz.c - what may come to the ports of a call: RTP with its order and its digits, RTCP, the jitter buffer.
 *
 * The input is a row of datagrams, each behind an octet with its length (times four) that also moves the clock. It uses
 * the room's own headers: what is fuzzed here is not behind its door. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/burst.h"
#include "media/digit.h"
#include "media/jitter.h"
#include "media/rtcp.h"
#include "media/rtp.h"

struct world {
    struct rtp_source     source;
    struct digit_receiver digits;
    struct jitter         jitter;
    struct burst          burst;
    uint64_t              now_ms;
};

static void on_rtp(struct world *w, struct slice in)
{
    struct rtp           r;
    uint32_t             seq;
    struct digit_heard   h;
    struct jitter_packet p = {.rate_hz = 8000, .duration_ms = 20};

    if (rtp_parse(in, &r))
        return;
    assert(r.payload.n <= in.n - RTP_HEADER_OCTETS);
    if (rtp_source_count(&w->source, r.seq, &seq))
        return;
    rtp_source_time(&w->source, r.ts, (uint32_t)(w->now_ms * 8));
    if (r.pt == 101)
        (void)digit_on_packet(&w->digits, r.ts, r.payload, 8000, w->now_ms, &h);
    p.seq = seq;
    p.ts = r.ts;
    p.filler = r.pt == 101;
    p.payload = r.payload;
    (void)jitter_put(&w->jitter, &p, w->now_ms);
    assert(w->jitter.n <= JITTER_SLOTS);
}

static void on_heard(struct world *w, const struct jitter_packet *p)
{
    struct burst_figures f;

    assert(p->payload.n <= JITTER_MAX_OCTETS);
    burst_on_packet(&w->burst, p->seq);
    burst_figures(&w->burst, &f);
    assert(f.missing >= 0 && f.missing < 1 && f.ratio >= 1 && f.burst_density <= 1 && f.gap_density <= 1);
}

static void on_rtcp(struct slice in)
{
    char               text[RTCP_MAX_OCTETS];
    struct buf         b = BUF_ON(text);
    struct rtcp_report r, back;

    if (rtcp_parse(in, 0x01020304, &r))
        return;
    rtcp_put(&b, &r);
    assert(rtcp_parse(buf_slice(&b), r.has_block ? r.block.ssrc : 0, &back) == ERR_OK);
    assert(back.xr.has_time == r.xr.has_time && back.xr.ntp == r.xr.ntp);
    assert(back.ssrc == r.ssrc && back.bye == r.bye && slice_eq(back.cname, r.cname));
    (void)rtcp_round_trip_us(&r.block, 12345);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world        *w = calloc(1, sizeof *w);
    struct jitter_packet out;

    while (w && size > 1) {
        size_t n = 4 * (size_t)data[0] < size - 1 ? 4 * (size_t)data[0] : size - 1;
        char  *copy = malloc(n ? n : 1); /* of exactly its size */

        if (!copy)
            break;
        memcpy(copy, data + 1, n);
        w->now_ms += data[0];
        if (rtp_is_rtcp((struct slice){copy, n}))
            on_rtcp((struct slice){copy, n});
        else
            on_rtp(w, (struct slice){copy, n});
        free(copy);
        if (jitter_get(&w->jitter, w->now_ms, &out) == JITTER_PACKET)
            on_heard(w, &out);
        data += 1 + n;
        size -= 1 + n;
    }
    free(w);
    return 0;
}
