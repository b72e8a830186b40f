/* overload_fuzz.c - a glance never looks beyond what came; what is reported in a Via is read there again. */
#include <assert.h>

#include "sip/overload/overload.h"

enum { OUT_OCTETS = 1 << 17 };

static char out[OUT_OCTETS];

static void within(struct slice all, struct slice part)
{
    assert(part.n == 0 || (part.p >= all.p && part.p + part.n <= all.p + all.n));
}

static void report(struct slice in)
{
    struct overload_report r = {.loss = (unsigned)(in.n % 101), .valid_ms = (uint32_t)in.n, .seq = 1000 + in.n}, again;
    struct buf             b = BUF_ON(out);
    struct via             v, w;
    enum err               e;

    if (via_parse(in, &v))
        return;
    (void)overload_is_offered(&v);
    (void)overload_read_report(&v, &again);
    overload_put_report(&b, &v, &r);
    if (buf_err(&b))
        return;
    e = via_parse(buf_slice(&b), &w);
    assert(e == ERR_OK || e == ERR_LIMIT); /* four parameters more may be too many */
    if (e)
        return;
    assert(!overload_is_offered(&w) && slice_eq(v.branch, w.branch));
    assert(overload_read_report(&w, &again) == ERR_OK);
    assert(again.loss == r.loss && again.valid_ms == r.valid_ms && again.seq == r.seq);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice           in = {(const char *)data, size};
    struct overload_glance g;

    overload_glance(in, &g);
    within(in, g.uri);
    within(in, g.to);
    within(g.to, g.to_tag);
    within(in, g.branch);
    assert(g.kind != OVERLOAD_ASKS || g.to_tag.n == 0);
    report(in);
    report(slice_to(in, slice_find(in, '\n')));
    return 0;
}
