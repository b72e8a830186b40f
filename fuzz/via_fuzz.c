/* via_fuzz.c - a Via element: its parts lie within it, and what goes on from it is a Via with our received. */
#include <assert.h>
#include <string.h>

#include "sip/msg/msg.h"

enum { OUT_OCTETS = 1 << 17 };

static char out[OUT_OCTETS];

static void within(struct slice all, struct slice part)
{
    assert(part.n == 0 || (part.p >= all.p && part.p + part.n <= all.p + all.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice      in = {(const char *)data, size}, rest = in, one;
    struct addr       source = {.family = ADDR_IP6, .port = 5062, .ip = {0x20, 1, 0xd, 0xb8, [15] = 1}};
    struct buf        b = BUF_ON(out);
    struct via        v, w;
    struct via_target t;
    enum err          e;

    while (msg_element_next(&rest, &one))
        within(in, one);
    if (via_parse(in, &v))
        return 0;
    within(in, v.host);
    within(in, v.params);
    within(in, v.branch);
    within(in, v.received);
    within(in, v.maddr);
    via_put_received(&b, &v, &source);
    if (buf_err(&b))
        return 0;
    e = via_parse(buf_slice(&b), &w);
    assert(e == ERR_OK || e == ERR_LIMIT); /* one parameter more may be one too many */
    if (e)
        return 0;
    assert(slice_eq(v.branch, w.branch) && slice_eq(v.host, w.host) && v.port == w.port);
    assert(w.received.n == 0 || slice_eq(w.received, S("2001:db8::1")));
    assert(w.has_rport == v.has_rport && (!w.has_rport || w.rport == 5062));
    via_response_target(&w, &t);
    assert(t.host.n);
    return 0;
}
