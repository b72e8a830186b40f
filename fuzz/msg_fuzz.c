/* msg_fuzz.c - whatever comes over the wire: parsed, checked, asked everything, printed, edited, cut from a stream. */
#include <assert.h>
#include <string.h>

#include "sip/msg/msg_walk.h"

enum { BLOCK_OCTETS = 1 << 20, OUT_OCTETS = 1 << 19 };

static char block[BLOCK_OCTETS], out[OUT_OCTETS], again[OUT_OCTETS];

/* A sound message, printed anew, reads as the same message: and printing that changes nothing more. */
static void print_twice(struct arena *a, const struct msg *m)
{
    struct buf  first = BUF_ON(out), second = BUF_ON(again);
    struct msg *m2;

    msg_print(&first, a, m);
    if (buf_err(&first))
        return;
    assert(msg_parse(a, buf_slice(&first), &m2) == ERR_OK);
    assert(!m2->fault.what);
    assert(msg_check(m2, NULL) == 0);
    assert(m2->is_request == m->is_request && m2->status == m->status && slice_eq(m2->uri, m->uri));
    assert(slice_eq(m2->body, m->body));
    assert(msg_element_count(m2, HDR_VIA) == msg_element_count(m, HDR_VIA));
    assert(slice_eq(msg_call_id(m2), msg_call_id(m)));
    assert(slice_eq(msg_from_tag(m2), msg_from_tag(m)));
    msg_print(&second, a, m2);
    assert(slice_eq(buf_slice(&first), buf_slice(&second)));
}

/* Without edits it is what came, but for header fields in the Request-URI, which stay behind. */
static bool is_as_it_came(const struct msg *m, struct slice written)
{
    bool         has_uri = m->is_request && m->uri.n && m->version.n;
    const char  *from = has_uri ? m->uri.p + m->uri.n : m->raw.p, *to = has_uri ? m->version.p - 1 : m->raw.p;
    struct slice before = slice_between(m->raw.p, from), after = slice_between(to, m->raw.p + m->raw.n);

    return written.n == before.n + after.n && slice_starts(written, before) && slice_ends(written, after);
}

/* What a proxy does: a Via on top, the first Route off, Max-Forwards set, another URI. */
static void forward(struct arena *a, const struct msg *m)
{
    struct msg_edit e;
    struct buf      b = BUF_ON(out);
    struct msg     *m2;
    size_t          routes = msg_element_count(m, HDR_ROUTE), vias = msg_element_count(m, HDR_VIA);

    msg_edit_begin(&e, m);
    assert(msg_edit_write(&e, &b) == ERR_OK && is_as_it_came(m, buf_slice(&b)));
    buf_reset(&b);
    msg_edit_push(&e, HDR_VIA, S("SIP/2.0/UDP us.example.com;branch=z9hG4bKus"));
    msg_edit_remove_first(&e, HDR_ROUTE, 1);
    msg_edit_set(&e, HDR_MAX_FORWARDS, S("69"));
    if (m->is_request)
        msg_edit_uri(&e, S("sip:them@example.com"));
    if (msg_edit_write(&e, &b))
        return;
    assert(msg_edit_octets(&e) == buf_slice(&b).n);
    assert(msg_parse(a, buf_slice(&b), &m2) == ERR_OK && !m2->fault.what && msg_check(m2, NULL) == 0);
    assert(vias == MSG_MAX_ELEMENTS || msg_element_count(m2, HDR_VIA) == vias + 1);
    assert(routes == MSG_MAX_ELEMENTS || msg_element_count(m2, HDR_ROUTE) == (routes ? routes - 1 : 0));
    assert(slice_eq(m2->body, m->body));
}

/* Anything that can be answered is answered with a message that parses, if its own rows allow. */
static void refuse(struct arena *a, const struct msg *m, unsigned code)
{
    struct addr      source = {.family = ADDR_IP4, .port = 5060, .ip = {192, 0, 2, 1}};
    struct msg_reply reply = {.request = m, .code = code, .to_tag = S("t"), .source = &source};
    struct buf       b = BUF_ON(out);
    struct msg      *m2;

    if (!m->is_request || msg_put_refusal(&b, &reply))
        return;
    assert(msg_parse(a, buf_slice(&b), &m2) == ERR_OK);
    assert(m2->status == code && m2->body.n == 0);
}

static void as_stream(struct slice in)
{
    struct msg_framer fr = {0};
    struct msg_frame  frame;
    size_t            taken = 0;

    for (;;) {
        struct slice left = slice_from(in, taken);

        msg_frame(&fr, left, MSG_MAX_OCTETS, &frame);
        assert(frame.n <= left.n);
        if (frame.kind == MSG_FRAME_MORE || frame.kind == MSG_FRAME_BROKEN || frame.kind == MSG_FRAME_DEAF)
            return;
        assert(frame.n > 0);
        taken += frame.n;
    }
}

/* Nothing is said against its beginning that is not said against all of it. */
static void begun(struct slice in, unsigned whole)
{
    static char  begun_block[BLOCK_OCTETS];
    struct arena a;
    struct msg  *m;

    for (size_t part = 1; part <= 4; part++) {
        arena_init_fixed(&a, begun_block, sizeof begun_block);
        if (!msg_parse(&a, msg_sure_lines(slice_to(in, in.n * part / 4)), &m))
            assert(!msg_check_begun(m, NULL) || whole);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice     in = {(const char *)data, size}, id;
    struct arena     a;
    struct msg      *m;
    struct msg_fault fault;
    unsigned         code;
    enum err         steering = msg_find_call_id(in, &id);

    as_stream(in);
    arena_init_fixed(&a, block, sizeof block);
    if (msg_parse(&a, in, &m))
        return 0;
    begun(in, msg_check(m, NULL));
    assert(steering == ERR_OK ? slice_eq(id, msg_call_id(m)) : msg_call_id(m).n == 0 || msg_count(m, HDR_CALL_ID) > 1);
    msg_walk(m);
    code = msg_check(m, &fault);
    refuse(&a, m, code ? code : 404);
    if (code)
        return 0;
    print_twice(&a, m);
    forward(&a, m);
    return 0;
}
