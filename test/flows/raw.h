/* raw.h - one ua against a peer at 10.0.0.9 that says what a test wants, octet by octet. */
#ifndef FLOWS_RAW_H
#define FLOWS_RAW_H

#include "flows/uas.h"

enum { RAW_GOT = 32 };

/* The other end: a UDP socket at 10.0.0.9:5060. */
struct raw {
    struct world   *w;
    struct net     *net;
    struct net_udp *udp;
    const char     *peer; /* whom it speaks to */
    struct arena    arena;
    const struct msg *got[RAW_GOT];
    size_t          n, taken;
};

static inline void raw_octets(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct raw *r = arg;
    struct slice kept;
    struct msg *m;

    (void)u;
    (void)from;
    (void)to;
    assert_int_equal(arena_dup(&r->arena, octets, &kept), ERR_OK);
    assert_int_equal(msg_parse(&r->arena, kept, &m), ERR_OK);
    assert_int_equal(msg_check(m, NULL), 0);
    assert_true(r->n < RAW_GOT);
    r->got[r->n++] = m;
}

static inline void raw_error(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, enum err e)
{
    (void)arg;
    (void)u;
    (void)from;
    (void)to;
    (void)e;
}

static const struct net_udp_on raw_on = {.octets = raw_octets, .error = raw_error};

static inline void raw_listen(struct raw *r)
{
    struct net_udp_options o = {0};

    assert_int_equal(addr_parse(S("10.0.0.9:5060"), &o.local), ERR_OK);
    assert_int_equal(net_udp_open(r->net, &o, &raw_on, r, &r->udp), ERR_OK);
}

static inline void raw_open(struct raw *r, struct world *w)
{
    struct fake_node *node;

    *r = (struct raw){.w = w, .peer = "10.0.0.1:5060"};
    arena_init(&r->arena, &w->plain, 65536, 0);
    assert_int_equal(fake_add_node(w->fake, "10.0.0.9", 1, &node), ERR_OK);
    r->net = fake_net(node, 0);
    raw_listen(r);
}

static inline void raw_send(struct raw *r, struct slice octets)
{
    struct addr to;

    assert_int_equal(addr_parse(slice_z(r->peer), &to), ERR_OK);
    assert_int_equal(net_udp_send(r->net, r->udp, &to, octets), ERR_OK);
    world_run_ms(r->w, 10);
}

/* The next message that begins so; those before it are passed over. */
static inline const struct msg *raw_expect(struct raw *r, const char *begins)
{
    for (int tries = 0; tries < 400; tries++) {
        while (r->taken < r->n)
            if (slice_starts(r->got[r->taken++]->start, slice_z(begins)))
                return r->got[r->taken - 1];
        world_run_ms(r->w, 10);
    }
    print_error("%.*s", SARG(buf_slice(&r->w->wire_log)));
    fail_msg("no %s", begins);
    return NULL;
}

/* An answer: rows end with CRLF each; an SDP body, or "". */
static inline void raw_answer(struct raw *r, const struct msg *m, unsigned code, const char *tag, const char *rows, const char *sdp)
{
    char room[4096];
    struct buf b = BUF_ON(room);

    msg_put_reply(&b, &(struct msg_reply){.request = m, .code = code, .to_tag = slice_z(tag)});
    buf_put(&b, slice_z(rows));
    msg_put_end(&b, *sdp ? S("application/sdp") : SLICE_NONE, slice_z(sdp));
    raw_send(r, buf_slice(&b));
}

#define CONTACT "Contact: <sip:z@10.0.0.9:5060>\r\n"

/* A request outside a dialog; its answer. */
static inline const struct msg *raw_ask(struct raw *r, const char *method, const char *rows, const char *body)
{
    static unsigned serial;
    char room[4096], number[16];
    struct buf b = BUF_ON(room);

    (void)snprintf(number, sizeof number, "%u", ++serial);
    buf_puts(&b, slice_z(method), S(" sip:a@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKraw"),
             slice_z(number), S("\r\nMax-Forwards: 70\r\nFrom: <sip:z@10.0.0.9>;tag=z"), slice_z(number),
             S("\r\nTo: <sip:a@10.0.0.1>\r\nCall-ID: raw"), slice_z(number), S("\r\nCSeq: 5 "), slice_z(method), S("\r\n"),
             slice_z(rows));
    msg_put_row_number(&b, HDR_CONTENT_LENGTH, slice_z(body).n);
    buf_puts(&b, S("\r\n"), slice_z(body));
    raw_send(r, buf_slice(&b));
    return raw_expect(r, "SIP/2.0 ");
}

/* A request in the dialog that the answer `ok` (to our INVITE from raw_ask) made. */
static inline void raw_within(struct raw *r, const struct msg *ok, const char *method, unsigned cseq, const char *rest)
{
    static unsigned serial;
    char room[4096];
    int n = snprintf(room, sizeof room,
                     "%s sip:a@10.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKin%u\r\nMax-Forwards: 70\r\n"
                     "From: %.*s\r\nTo: %.*s\r\nCall-ID: %.*s\r\nCSeq: %u %s\r\n%s",
                     method, ++serial, SARG(msg_value(ok, HDR_FROM)), SARG(msg_value(ok, HDR_TO)), SARG(msg_call_id(ok)), cseq,
                     method, *rest ? rest : "Content-Length: 0\r\n\r\n");

    assert_true(n > 0 && (size_t)n < sizeof room);
    raw_send(r, (struct slice){room, (size_t)n});
}

#define SDP_REST(rows, sdp, n) rows "Content-Type: application/sdp\r\nContent-Length: " n "\r\n\r\n" sdp

struct scene {
    struct world *w;
    struct node  *a;
    struct raw    z;
};

static inline struct scene *scene(void)
{
    static struct scene s;

    s.w = world_open();
    s.a = node_open(s.w, NULL);
    raw_open(&s.z, s.w);
    return &s;
}

static inline void scene_end(struct scene *s)
{
    net_udp_close(s->z.net, s->z.udp);
    arena_close(&s->z.arena);
    world_close(s->w);
}

/* It calls the ua, which answers: the 200. */
static inline const struct msg *raw_call(struct scene *s)
{
    const struct msg *m = raw_ask(&s->z, "INVITE", CONTACT "Content-Type: application/sdp\r\n", "SDP-z");

    if (m->status == 180)
        m = raw_expect(&s->z, "SIP/2.0 200");
    assert_int_equal(m->status, 200);
    raw_within(&s->z, m, "ACK", 5, "");
    assert_diary(s->a, "incoming SDP-z | up");
    return m;
}

#endif
