/* peer.c - a scripted peer: what it has received, and what it is made to send. See kit.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit_priv.h"

struct call *peer_call_of(struct peer *p, struct slice call_id)
{
    for (struct list_node *n = list_first(&p->calls); n; n = list_next(&p->calls, n))
        if (slice_eq(LIST_OF(n, struct call, node)->call_id, call_id))
            return LIST_OF(n, struct call, node);
    return NULL;
}

struct call *peer_call_new(struct peer *p, struct slice call_id)
{
    struct call *c = ARENA_NEW(&p->k->arena, struct call);

    assert_non_null(c);
    c->number = ++p->n_calls;
    assert_int_equal(arena_dup(&p->k->arena, call_id, &c->call_id), ERR_OK);
    list_append(&p->calls, &c->node);
    return c;
}

static struct call *call_numbered(struct peer *p, unsigned n)
{
    for (struct list_node *at = list_first(&p->calls); at; at = list_next(&p->calls, at))
        if (LIST_OF(at, struct call, node)->number == n)
            return LIST_OF(at, struct call, node);
    kit_fail(p->k, p->number, "has no such call");
}

void peer_take_call(struct peer *p, unsigned n)
{
    p->now = call_numbered(p, n);
}

struct peer_dialog peer_dialog(struct peer *p, unsigned n)
{
    const struct call *c = call_numbered(p, n);

    return (struct peer_dialog){c->call_id, c->local_tag, c->remote_tag};
}

struct slice peer_keep(struct peer *p, struct slice s)
{
    struct slice out = SLICE_NONE;

    assert_int_equal(arena_dup(&p->k->arena, s, &out), ERR_OK);
    return out;
}

static struct slice keep(struct peer *p, struct slice s)
{
    return peer_keep(p, s);
}

/* The value of From or To without its tag: as this peer writes it from now on. */
static struct slice without_tag(struct peer *p, const struct msg *m, enum hdr_id id)
{
    struct name_addr na;
    char             room[8192];
    struct buf       b = BUF_ON(room);

    if (msg_name_addr(m, id, &na))
        return SLICE_NONE;
    buf_puts(&b, na.display, na.display.n ? S(" ") : S(""), S("<"), na.uri, S(">"));
    return keep(p, buf_slice(&b));
}

/* Record-Route as Route rows: in order for a UAS, reversed for a UAC (RFC 3261 §12.1). */
static void learn_routes(struct peer *p, struct call *c, const struct msg *m)
{
    char            room[4096];
    struct buf      b = BUF_ON(room);
    size_t          n = msg_element_count(m, HDR_RECORD_ROUTE);
    struct slice    e;

    for (size_t i = 0; i < n; i++)
        if (msg_element(m, HDR_RECORD_ROUTE, m->is_request ? i : n - 1 - i, &e) == ERR_OK)
            buf_puts(&b, S("Route: "), e, S("\r\n"));
    c->routes = keep(p, buf_slice(&b));
}

static void learn_contact(struct peer *p, struct call *c, const struct msg *m)
{
    struct name_addr na;

    if (msg_name_addr(m, HDR_CONTACT, &na) == ERR_OK)
        c->target = keep(p, na.uri);
}

static void learn_request(struct peer *p, struct call *c, const struct msg *m)
{
    char       room[64];
    struct buf b = BUF_ON(room);

    if (!c->local.n) {
        c->local = without_tag(p, m, HDR_TO);
        c->remote = without_tag(p, m, HDR_FROM);
        c->remote_tag = keep(p, msg_from_tag(m));
        kit_token(p->k, "tag", &b);
        c->local_tag = msg_to_tag(m).n ? keep(p, msg_to_tag(m)) : keep(p, buf_slice(&b));
        learn_routes(p, c, m);
        c->in_dialog = true; /* for good: what its own requests are answered changes no route (RFC 3261 §12.2) */
    }
    if (m->method_id == METHOD_INVITE || m->method_id == METHOD_UPDATE || m->method_id == METHOD_SUBSCRIBE ||
        m->method_id == METHOD_REFER)
        learn_contact(p, c, m);
}

static void learn_response(struct peer *p, struct call *c, const struct msg *m)
{
    struct cseq cseq;
    bool        is_invite = msg_method(m) == METHOD_INVITE;

    if (msg_cseq(m, &cseq) || m->status == 100)
        return;
    if (is_invite && cseq.number == c->invite_cseq && m->status >= 200)
        c->invite_code = m->status;
    if (m->status >= 300 || !msg_to_tag(m).n)
        return;
    if (!c->in_dialog && (is_invite || msg_method(m) == METHOD_SUBSCRIBE || msg_method(m) == METHOD_REFER)) {
        c->remote_tag = keep(p, msg_to_tag(m));
        learn_routes(p, c, m);
        c->in_dialog = m->status >= 200;
    }
    if (is_invite || msg_method(m) == METHOD_UPDATE || msg_method(m) == METHOD_SUBSCRIBE)
        learn_contact(p, c, m);
}

void peer_follow(struct peer *p, const struct msg *m)
{
    struct call *c = peer_call_of(p, msg_call_id(m));

    c->remote_tag = keep(p, msg_to_tag(m));
    learn_routes(p, c, m);
    learn_contact(p, c, m);
    c->in_dialog = c->in_dialog || m->status >= 200;
    p->now = c;
}

static void send_octets(struct peer *p, struct slice octets)
{
    p->said = octets;
    peer_put_octets(p, octets);
    reliable_sent(p, octets);
}

void peer_follow_to(struct peer *p, const struct peer *other)
{
    struct call *theirs = peer_call_of((struct peer *)(size_t)other, p->now->call_id);

    for (struct list_node *n = list_last(&p->inbox); n && n != &p->inbox.head && theirs; n = n->prev) {
        const struct msg *m = LIST_OF(n, struct got, node)->m;

        if (!m->is_request && m->status > 100 && msg_has(m, HDR_RECORD_ROUTE) && slice_eq(msg_call_id(m), theirs->call_id) &&
            slice_eq(msg_to_tag(m), theirs->local_tag)) {
            peer_follow(p, m);
            return;
        }
    }
}

void peer_answer(struct peer *p, const struct msg *challenge)
{
    p->last_sent = peer_compose_login(p, p->last_sent, challenge);
    send_octets(p, p->last_sent);
}

uint32_t peer_invite_cseq(const struct peer *p)
{
    return p->now ? p->now->invite_cseq : 0;
}

unsigned peer_call_number(const struct peer *p)
{
    return p->now ? p->now->number : 0;
}

const struct msg *peer_next(struct peer *p)
{
    for (struct list_node *n = list_first(&p->inbox); n; n = list_next(&p->inbox, n)) {
        struct got *g = LIST_OF(n, struct got, node);

        if (g->taken || g->m->status == 100)
            continue;
        g->taken = true;
        p->now = peer_call_of(p, msg_call_id(g->m));
        return g->m;
    }
    return NULL;
}

struct slice peer_sent(const struct peer *p)
{
    return p->last_sent;
}

struct slice peer_said(const struct peer *p)
{
    return p->said;
}

const struct msg *peer_said_message(const struct peer *p)
{
    struct msg *m;

    assert_int_equal(msg_parse(&p->k->arena, p->said, &m), ERR_OK);
    return m;
}

void peer_send_raw(struct peer *p, struct slice octets)
{
    send_octets(p, octets);
}

/* A challenge to the last request: answered at once, and not for the script to see. */
static bool answers_challenge(struct peer *p, const struct msg *m)
{
    if ((m->status != 401 && m->status != 407) || !p->password[0] || !p->last_sent.n ||
        slice_find_slice(p->last_sent, S("Authorization:")) != SIZE_MAX)
        return false;
    if (msg_method(m) == METHOD_INVITE)
        send_octets(p, peer_compose_ack(p, m, NULL));
    p->last_sent = peer_compose_login(p, p->last_sent, m);
    send_octets(p, p->last_sent);
    return true;
}

static bool is_repeat(struct peer *p, struct slice octets)
{
    for (struct list_node *n = list_first(&p->inbox); n; n = list_next(&p->inbox, n))
        if (slice_eq(LIST_OF(n, struct got, node)->m->raw, octets))
            return true;
    return false;
}

void peer_on_octets(struct peer *p, struct slice octets)
{
    struct got  *g;
    struct msg  *m;
    struct call *c;

    if (msg_parse(&p->k->arena, keep(p, octets), &m) || msg_check(m, NULL))
        kit_fail(p->k, "the exchange has sent what cannot be read to", p->number);
    if (is_repeat(p, m->raw)) {
        p->repeats++;
        reliable_received_again(p, m);
        return;
    }
    reliable_received(p, m);
    c = peer_call_of(p, msg_call_id(m));
    if (!c)
        c = peer_call_new(p, msg_call_id(m));
    if (m->is_request)
        learn_request(p, c, m);
    else
        learn_response(p, c, m);
    g = ARENA_NEW(&p->k->arena, struct got);
    assert_non_null(g);
    g->m = m;
    g->at_us = net_now_us(p->net);
    g->taken = !m->is_request && answers_challenge(p, m);
    list_append(&p->inbox, &g->node);
}

static struct peer *add(struct kit *k, const char *number, enum transport_kind kind)
{
    struct peer      *p = ARENA_NEW(&k->arena, struct peer);
    struct fake_node *node;

    assert_non_null(p);
    assert_true(k->n_peers < KIT_MAX_PEERS);
    p->k = k;
    p->stream = kind != TRANSPORT_UDP;
    p->secure = kind == TRANSPORT_TLS;
    snprintf(p->number, sizeof p->number, "%s", number);
    snprintf(p->auth_name, sizeof p->auth_name, "%s", number);
    snprintf(p->host, sizeof p->host, "10.0.0.%zu", 11 + k->n_peers);
    snprintf(p->contact, sizeof p->contact, "sip:%s@%s:5060%s", number, p->host, p->secure ? ";transport=tls" : p->stream ? ";transport=tcp" : "");
    if (k->o.digest)
        snprintf(p->password, sizeof p->password, KIT_PASSWORD);
    list_init(&p->calls);
    list_init(&p->inbox);
    assert_int_equal(fake_add_node(k->world, p->host, 1, &node), ERR_OK);
    p->net = fake_net(node, 0);
    peer_open_link(p);
    k->peer[k->n_peers++] = p;
    return p;
}

struct peer *peer_add(struct kit *k, const char *number)
{
    return add(k, number, TRANSPORT_UDP);
}

struct peer *peer_add_tls(struct kit *k, const char *number)
{
    return add(k, number, TRANSPORT_TLS);
}

struct peer *peer_add_tcp(struct kit *k, const char *number)
{
    return add(k, number, TRANSPORT_TCP);
}

void peer_register(struct peer *p)
{
    char what[2 * KIT_TEXT];

    snprintf(what, sizeof what, "REGISTER %s\nExpires: 3600", p->number);
    peer_send(p, what);
    peer_expect(p, "200 REGISTER");
}

struct peer *peer_registered(struct kit *k, const char *number)
{
    struct peer *p = peer_add(k, number);

    if (k->o.digest)
        kit_add_user(k, number);
    peer_register(p);
    return p;
}

void peer_set_contact(struct peer *p, const char *uri)
{
    snprintf(p->contact, sizeof p->contact, "%s", uri);
}

void peer_set_login(struct peer *p, const char *auth_name, const char *password)
{
    snprintf(p->auth_name, sizeof p->auth_name, "%s", auth_name);
    snprintf(p->password, sizeof p->password, "%s", password ? password : "");
}

const char *peer_host(const struct peer *p)
{
    return p->host;
}

const char *peer_contact(const struct peer *p)
{
    return p->contact;
}

unsigned peer_repeats(const struct peer *p)
{
    return p->repeats;
}

/* --- sending --- */

static struct got *last_request(struct peer *p, struct slice method)
{
    for (struct list_node *n = list_last(&p->inbox); n && n != &p->inbox.head; n = n->prev) {
        struct got *g = LIST_OF(n, struct got, node);

        if (g->m->is_request && g->m->method_id != METHOD_ACK && slice_eq(msg_call_id(g->m), p->now->call_id) &&
            (!method.n || slice_eq(g->m->method, method)))
            return g;
    }
    kit_fail(p->k, p->number, "has no request to answer");
    return NULL;
}

/* The last final response to an INVITE in the current call: a 2xx only of the dialog that it follows. */
static const struct msg *to_acknowledge(struct peer *p)
{
    for (struct list_node *n = list_last(&p->inbox); n && n != &p->inbox.head; n = n->prev) {
        const struct msg *m = LIST_OF(n, struct got, node)->m;

        if (!m->is_request && m->status >= 200 && msg_method(m) == METHOD_INVITE && slice_eq(msg_call_id(m), p->now->call_id) &&
            (m->status >= 300 || slice_eq(msg_to_tag(m), p->now->remote_tag)))
            return m;
    }
    kit_fail(p->k, p->number, "has no response to acknowledge");
    return NULL;
}

void peer_send(struct peer *p, const char *what)
{
    struct wanted w;
    struct slice  rest, word;
    struct slice  octets;

    kit_split(what, &w);
    rest = w.line;
    slice_cut(&rest, ' ', &word);
    if (ascii_is_digit(word.p[0]))
        send_octets(p, peer_compose_response(p, &w, last_request(p, rest)->m));
    else if (slice_eq(word, S("ACK")))
        send_octets(p, peer_compose_ack(p, to_acknowledge(p), &w));
    else {
        octets = peer_compose_request(p, &w);
        if (!slice_eq(word, S("CANCEL")))
            p->last_sent = octets;
        send_octets(p, octets);
    }
}

void peer_send_again(struct peer *p, const char *rows)
{
    p->last_sent = peer_compose_again(p, p->last_sent, slice_z(rows));
    send_octets(p, p->last_sent);
}

/* --- expecting --- */

static bool fits(const struct msg *m, struct slice what)
{
    struct slice word;
    uint64_t     code;
    bool         has_method = slice_cut(&what, ' ', &word);

    if (slice_u64(word, 699, &code))
        return m->is_request && slice_eq(m->method, word);
    return !m->is_request && m->status == code && (!has_method || slice_eq(what, method_name(msg_method(m))));
}

static struct got *find(struct peer *p, struct slice what)
{
    for (struct list_node *n = list_first(&p->inbox); n; n = list_next(&p->inbox, n)) {
        struct got *g = LIST_OF(n, struct got, node);

        if (!g->taken && fits(g->m, what))
            return g;
    }
    return NULL;
}

struct waiting {
    struct peer *p;
    struct slice what;
};

static bool has_come(void *ctx)
{
    struct waiting *w = ctx;

    return find(w->p, w->what) != NULL;
}

const struct msg *peer_expect_in(struct peer *p, const char *what, uint64_t from_ms, uint64_t to_ms)
{
    struct waiting w = {p, slice_z(what)};
    uint64_t       start = fake_now_us(p->k->world);
    char           text[4 * KIT_TEXT];
    struct got    *g;

    kit_run(p->k, start + to_ms * 1000, has_come, &w);
    g = find(p, w.what);
    snprintf(text, sizeof text, "%s by %s within %llu ms", what, p->number, (unsigned long long)to_ms);
    if (!g)
        kit_fail(p->k, "did not come:", text);
    if (g->at_us < start + from_ms * 1000 && from_ms)
        kit_fail(p->k, "came too early:", text);
    g->taken = true;
    p->now = peer_call_of(p, msg_call_id(g->m));
    return g->m;
}

const struct msg *peer_expect(struct peer *p, const char *what)
{
    return peer_expect_in(p, what, 0, KIT_WAIT_MS);
}

void peer_expect_nothing(struct peer *p, uint64_t ms)
{
    kit_wait_ms(p->k, ms);
    for (struct list_node *n = list_first(&p->inbox); n; n = list_next(&p->inbox, n)) {
        struct got *g = LIST_OF(n, struct got, node);
        char        text[4 * KIT_TEXT];

        if (g->taken || g->m->status == 100)
            continue;
        snprintf(text, sizeof text, "%s: %.*s", p->number, SARG(g->m->start));
        kit_fail(p->k, "not expected by", text);
    }
}
