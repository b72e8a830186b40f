/* msg_walk.h - for tests and fuzz targets: ask a message everything that can be asked, and print it anew. Private.
 *
 * Every slice that a reader gives must lie within the message: asserted here, and seen by a guard page or sanitizer. */
#ifndef SIP_MSG_WALK_H
#define SIP_MSG_WALK_H

#include <assert.h>

#include "sip/msg/msg.h"

/* The message in a block of the caller's; NULL when msg_parse() gives none. */
static inline struct msg *walk_parse(struct slice octets, void *block, size_t n)
{
    struct arena a;
    struct msg  *m = NULL;

    arena_init_fixed(&a, block, n);
    return msg_parse(&a, octets, &m) ? NULL : m;
}

static inline void walk_within(const struct msg *m, struct slice s)
{
    assert(s.n == 0 || (s.p >= m->raw.p && s.p + s.n <= m->raw.p + m->raw.n));
}

static inline void walk_uri(const struct msg *m, struct slice text)
{
    struct uri u;

    walk_within(m, text);
    if (uri_parse(text, &u, NULL))
        return;
    assert(uri_equal(&u, &u));
    walk_within(m, u.user);
    walk_within(m, u.host);
    walk_within(m, u.params);
}

static inline void walk_addresses(const struct msg *m, enum hdr_id id)
{
    struct msg_list  it = msg_list_begin(m, id);
    struct slice     one;
    struct name_addr na;
    uint16_t         q;
    uint32_t         seconds;

    while (msg_list_next(&it, &one)) {
        walk_within(m, one);
        if (name_addr_parse(one, &na))
            continue;
        walk_within(m, na.display);
        walk_within(m, na.params);
        walk_within(m, name_addr_tag(&na));
        walk_uri(m, na.uri);
        if (msg_q(na.params, &q) == ERR_OK)
            assert(q <= 1000);
        (void)msg_contact_expires(na.params, &seconds);
    }
}

static inline void walk_vias(const struct msg *m)
{
    struct msg_list   it = msg_list_begin(m, HDR_VIA);
    struct slice      one;
    struct via        v;
    struct via_target target;

    while (msg_list_next(&it, &one)) {
        if (via_parse(one, &v))
            continue;
        walk_within(m, v.host);
        walk_within(m, v.branch);
        walk_within(m, v.received);
        via_response_target(&v, &target);
        assert(target.host.n > 0);
    }
}

static inline void walk_numbers(const struct msg *m)
{
    struct cseq            cseq;
    struct rack            rack;
    struct retry_after     retry;
    struct session_expires session;
    uint32_t               n;
    unsigned               u;
    uint64_t               date;
    size_t                 length;

    if (msg_cseq(m, &cseq) == ERR_OK)
        walk_within(m, cseq.method);
    if (msg_max_forwards(m, &u) == ERR_OK)
        assert(u <= MSG_MAX_FORWARDS);
    if (msg_content_length(m, &length) == ERR_OK)
        assert(length <= MSG_MAX_OCTETS);
    (void)msg_max_breadth(m, &u);
    (void)msg_expires(m, &n);
    (void)msg_min_expires(m, &n);
    (void)msg_rseq(m, &n);
    (void)msg_flow_timer(m, &n);
    (void)msg_min_se(m, &n);
    (void)msg_rack(m, &rack);
    (void)msg_retry_after(m, &retry);
    (void)msg_session_expires(m, &session);
    (void)msg_date(m, &date);
}

static inline void walk_values(const struct msg *m)
{
    static const enum hdr_id  refs[] = {HDR_REPLACES, HDR_JOIN, HDR_TARGET_DIALOG};
    struct dialog_ref         ref;
    struct event              event;
    struct subscription_state state;
    struct media_type         type;
    struct sipfrag            frag;
    struct slice              body;

    for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++)
        if (msg_dialog_ref(m, refs[i], &ref) == ERR_OK)
            walk_within(m, ref.to_tag);
    if (msg_event(m, &event) == ERR_OK)
        walk_within(m, event.id);
    if (msg_subscription_state(m, &state) == ERR_OK)
        walk_within(m, state.reason);
    (void)msg_content_type(m, &type);
    (void)msg_accepts(m, S("application"), S("sdp"));
    (void)msg_has_token(m, HDR_SUPPORTED, S("replaces"));
    if (msg_find_body(m, S("application"), S("sdp"), &body) == ERR_OK)
        walk_within(m, body);
    if (sipfrag_parse(m->body, &frag) == ERR_OK)
        walk_within(m, frag.reason);
}

static inline void msg_walk(const struct msg *m)
{
    walk_within(m, m->start);
    walk_within(m, m->body);
    for (size_t i = 0; i < m->n_rows; i++) {
        walk_within(m, m->row[i].name);
        walk_within(m, m->row[i].value);
        walk_within(m, m->row[i].line);
    }
    if (m->is_request)
        walk_uri(m, m->uri);
    for (enum hdr_id id = HDR_ACCEPT; id < HDR_N; id++)
        walk_addresses(m, id);
    walk_vias(m);
    walk_numbers(m);
    walk_values(m);
}

/* From its parts: known names spelt out, folds undone, one space behind each colon, Content-Length last. */
static inline void msg_print(struct buf *b, struct arena *a, const struct msg *m)
{
    struct slice value;

    if (m->is_request)
        msg_put_request_line(b, m->method, m->uri);
    else
        msg_put_status_line(b, m->status, m->reason.n ? m->reason : S("-"));
    for (size_t i = 0; i < m->n_rows; i++) {
        const struct msg_row *r = &m->row[i];

        if (r->id == HDR_CONTENT_LENGTH || msg_unfold(a, r->value, &value))
            continue;
        if (r->id == HDR_OTHER)
            msg_put_row_named(b, r->name, value);
        else
            msg_put_row(b, r->id, value);
    }
    msg_put_row_number(b, HDR_CONTENT_LENGTH, m->body.n);
    buf_puts(b, S("\r\n"), m->body);
}

#endif
