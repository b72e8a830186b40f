/* msg_fuzz.c - whatever comes over the wire: parsed, checked, asked everything, printed, edited, cut from a stream. */
#include <assert.h>
#include <string.h>

#include "base/scan.h"
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
    size_t          n, routes = msg_element_count(m, HDR_ROUTE), vias = msg_element_count(m, HDR_VIA);

    msg_edit_begin(&e, m);
    assert(msg_edit_write(&e, &b) == ERR_OK && is_as_it_came(m, buf_slice(&b)));
    buf_reset(&b);
    msg_edit_top(&e, S("Via: SIP/2.0/UDP us.example.com;branch=z9hG4bKus\r\n"));
    msg_edit_remove_first(&e, HDR_ROUTE, 1);
    msg_edit_set(&e, HDR_MAX_FORWARDS, S("69"));
    if (m->is_request)
        msg_edit_uri(&e, S("sip:them@example.com"));
    if (msg_edit_write(&e, &b))
        return;
    assert(msg_edit_measure(&e, &n) == ERR_OK && n == buf_slice(&b).n);
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

/* --- what a message remembers ------------------------------------------------------------------------------------ */

enum question { ASK_FROM, ASK_TO, ASK_TAGS, ASK_CONTACT, ASK_CSEQ, ASK_VIA, ASK_URI, ASK_FROM_URI, ASK_TO_URI, ASK_N };

struct answers {
    enum err         from_e, to_e, contact_e, cseq_e;
    struct name_addr from, to, contact;
    struct slice     from_tag, to_tag;
    struct cseq      cseq;
    struct via       via;        /* raw.p NULL: none */
    struct uri       uri[ASK_N]; /* of the three questions with a URI; raw.p NULL: none */
};

static void keep_uri(struct answers *said, enum question q, const struct uri *u)
{
    if (u)
        said->uri[q] = *u;
}

static void keep_via(struct answers *said, const struct via *v)
{
    if (v)
        said->via = *v;
}

static void ask(const struct msg *m, enum question q, struct answers *said)
{
    switch (q) {
    case ASK_FROM: said->from_e = msg_from(m, &said->from); break;
    case ASK_TO: said->to_e = msg_to(m, &said->to); break;
    case ASK_TAGS:
        said->from_tag = msg_from_tag(m);
        said->to_tag = msg_to_tag(m);
        break;
    case ASK_CONTACT: said->contact_e = msg_name_addr(m, HDR_CONTACT, &said->contact); break;
    case ASK_CSEQ: said->cseq_e = msg_cseq(m, &said->cseq); break;
    case ASK_VIA: keep_via(said, msg_via(m)); break;
    case ASK_URI: keep_uri(said, q, msg_request_uri(m)); break;
    case ASK_FROM_URI: keep_uri(said, q, msg_from_uri(m)); break;
    case ASK_TO_URI: keep_uri(said, q, msg_to_uri(m)); break;
    case ASK_N: break;
    }
}

/* The very same octets. */
static bool same(struct slice a, struct slice b)
{
    return a.n == b.n && (a.p == b.p || a.n == 0);
}

static bool same_name_addr(const struct name_addr *a, const struct name_addr *b)
{
    return same(a->display, b->display) && same(a->uri, b->uri) && same(a->params, b->params) && a->bracketed == b->bracketed &&
           a->star == b->star;
}

static bool same_uri(const struct uri *a, const struct uri *b)
{
    return same(a->raw, b->raw) && a->scheme == b->scheme && same(a->user, b->user) && same(a->password, b->password) &&
           same(a->host, b->host) && a->port == b->port && same(a->params, b->params) && same(a->headers, b->headers) &&
           same(a->opaque, b->opaque);
}

static bool same_via(const struct via *a, const struct via *b)
{
    return same(a->raw, b->raw) && same(a->version, b->version) && a->transport == b->transport && same(a->host, b->host) &&
           a->port == b->port && same(a->params, b->params) && same(a->branch, b->branch) && a->rfc3261 == b->rfc3261 &&
           same(a->received, b->received) && a->has_rport == b->has_rport && a->rport == b->rport && same(a->maddr, b->maddr) &&
           a->ttl == b->ttl;
}

static void assert_same(const struct answers *a, const struct answers *b)
{
    assert(a->from_e == b->from_e && a->to_e == b->to_e && a->contact_e == b->contact_e);
    assert(a->cseq_e == b->cseq_e);
    assert(same_name_addr(&a->from, &b->from) && same_name_addr(&a->to, &b->to));
    assert(same_name_addr(&a->contact, &b->contact));
    assert(same(a->from_tag, b->from_tag) && same(a->to_tag, b->to_tag));
    assert(a->cseq.number == b->cseq.number && same(a->cseq.method, b->cseq.method));
    assert(same_via(&a->via, &b->via));
    for (enum question q = 0; q < ASK_N; q++)
        assert(same_uri(&a->uri[q], &b->uri[q]));
}

static enum err party_afresh(const struct msg *m, enum hdr_id id, struct name_addr *na)
{
    struct slice one = msg_value(m, id);

    if (!msg_has(m, id) || (id == HDR_CONTACT && msg_element(m, id, 0, &one)))
        return ERR_NOTFOUND;
    return name_addr_parse(one, na);
}

static void uri_afresh(struct answers *said, enum question q, struct slice text)
{
    struct uri u;

    if (uri_parse(text, &u, NULL) == ERR_OK)
        said->uri[q] = u;
}

/* Nothing but values, each read here and now. */
static void read_afresh(const struct msg *m, struct answers *said)
{
    struct slice via;

    said->from_e = party_afresh(m, HDR_FROM, &said->from);
    said->to_e = party_afresh(m, HDR_TO, &said->to);
    said->contact_e = party_afresh(m, HDR_CONTACT, &said->contact);
    said->from_tag = name_addr_tag(&said->from);
    said->to_tag = name_addr_tag(&said->to);
    said->cseq_e = msg_has(m, HDR_CSEQ) ? cseq_parse(msg_value(m, HDR_CSEQ), &said->cseq) : ERR_NOTFOUND;
    if (msg_element(m, HDR_VIA, 0, &via) == ERR_OK)
        (void)via_parse(via, &said->via);
    uri_afresh(said, ASK_URI, m->uri);
    uri_afresh(said, ASK_FROM_URI, said->from.uri);
    uri_afresh(said, ASK_TO_URI, said->to.uri);
}

/* A message says what its values are, when it is asked for the first time and when it has been asked all, in whichever order. */
static void remembered(const struct msg *m, struct slice in)
{
    static char    asked_block[BLOCK_OCTETS];
    struct answers afresh = {0}, first = {0}, later = {0}, other_way = {0};
    struct arena   a;
    struct msg    *asked;

    read_afresh(m, &afresh);
    arena_init_fixed(&a, asked_block, sizeof asked_block);
    assert(msg_parse(&a, in, &asked) == ERR_OK);
    for (enum question q = ASK_N; q-- > 0;)
        ask(asked, q, &other_way);
    arena_init_fixed(&a, asked_block, sizeof asked_block);
    assert(msg_parse(&a, in, &asked) == ERR_OK);
    for (enum question q = 0; q < ASK_N; q++)
        ask(asked, q, &first);
    for (enum question q = 0; q < ASK_N; q++)
        ask(m, q, &later);
    assert_same(&other_way, &afresh);
    assert_same(&first, &afresh);
    assert_same(&later, &afresh);
}

/* Line ends are the same where they are looked for many octets at a time. */
static void low_octets(struct slice in)
{
    for (size_t i = 0; i + 64 <= in.n; i++)
        assert(scan_low(in.p + i) == scan_low_of(in.p + i, 64));
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

    low_octets(in);
    as_stream(in);
    arena_init_fixed(&a, block, sizeof block);
    if (msg_parse(&a, in, &m))
        return 0;
    begun(in, msg_check(m, NULL));
    assert(steering == ERR_OK ? slice_eq(id, msg_call_id(m)) : msg_call_id(m).n == 0 || msg_count(m, HDR_CALL_ID) > 1);
    msg_walk(m);
    code = msg_check(m, &fault);
    remembered(m, in);
    refuse(&a, m, code ? code : 404);
    if (code)
        return 0;
    print_twice(&a, m);
    forward(&a, m);
    return 0;
}
