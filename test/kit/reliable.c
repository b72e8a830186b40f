/* reliable.c - a peer that repeats what RFC 3261 §17 and §13 want repeated, so that a script survives a bad wire. See kit.h.
 *
 * It is no transaction machine of ours on purpose: what is tested must not be what tests it. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit_priv.h"

enum { T1_US = 500000, T2_US = 4000000, LIFE_US = 64 * T1_US };

/* Something sent, which is repeated until it is known to have arrived. */
struct repeated {
    struct list_node  node;
    struct peer      *p;
    const struct msg *m;
    struct net_timer  timer;
    uint64_t          begun_us, interval_us;
    bool              over;
};

/* All that was sent: what a repeat of theirs asks for again. */
struct sent {
    struct list_node  node;
    const struct msg *m;
};

struct reliable {
    struct list repeated, sent;
};

void peer_set_reliable(struct peer *p)
{
    p->reliable = ARENA_NEW(&p->k->arena, struct reliable);
    assert_non_null(p->reliable);
    list_init(&p->reliable->repeated);
    list_init(&p->reliable->sent);
}

static bool is_invite_final(const struct msg *m)
{
    return !m->is_request && m->status >= 200 && msg_method(m) == METHOD_INVITE;
}

static void on_late(void *arg)
{
    struct repeated *r = arg;
    uint64_t         now = net_now_us(r->p->net);

    if (r->over || now - r->begun_us >= LIFE_US || (r->p->stream && !r->p->tcp))
        return;
    peer_put_octets(r->p, r->m->raw);
    r->interval_us *= 2;
    if (r->interval_us > T2_US && r->m->method_id != METHOD_INVITE)
        r->interval_us = T2_US;
    net_timer_set(r->p->net, &r->timer, now + r->interval_us);
}

static void repeat_from_now(struct peer *p, const struct msg *m)
{
    struct repeated *r = ARENA_NEW(&p->k->arena, struct repeated);

    assert_non_null(r);
    *r = (struct repeated){.p = p, .m = m, .begun_us = net_now_us(p->net), .interval_us = T1_US};
    r->timer.fire = on_late;
    r->timer.arg = r;
    list_append(&p->reliable->repeated, &r->node);
    net_timer_set(p->net, &r->timer, r->begun_us + T1_US);
}

void reliable_sent(struct peer *p, struct slice octets)
{
    struct sent *s;
    struct msg  *m;

    if (!p->reliable)
        return;
    s = ARENA_NEW(&p->k->arena, struct sent);
    assert_non_null(s);
    assert_int_equal(msg_parse(&p->k->arena, octets, &m), ERR_OK);
    s->m = m;
    list_prepend(&p->reliable->sent, &s->node);
    if (is_invite_final(m) || (!p->stream && m->is_request && m->method_id != METHOD_ACK))
        repeat_from_now(p, m);
}

static bool same_branch(const struct msg *a, const struct msg *b)
{
    return msg_via(a) && msg_via(b) && slice_eq(msg_via(a)->branch, msg_via(b)->branch) &&
           msg_method(a) == msg_method(b);
}

static bool same_call_and_number(const struct msg *a, const struct msg *b)
{
    struct cseq ca, cb;

    return slice_eq(msg_call_id(a), msg_call_id(b)) && msg_cseq(a, &ca) == ERR_OK && msg_cseq(b, &cb) == ERR_OK &&
           ca.number == cb.number;
}

/* Does this message say that `r` has arrived? */
static bool ends(const struct repeated *r, const struct msg *m)
{
    if (!r->m->is_request)
        return m->is_request && m->method_id == METHOD_ACK && same_call_and_number(r->m, m);
    return !m->is_request && same_branch(r->m, m) && (m->status >= 200 || r->m->method_id == METHOD_INVITE);
}

void reliable_received(struct peer *p, const struct msg *m)
{
    if (!p->reliable)
        return;
    for (struct list_node *n = list_first(&p->reliable->repeated); n; n = list_next(&p->reliable->repeated, n)) {
        struct repeated *r = LIST_OF(n, struct repeated, node);

        r->over = r->over || ends(r, m);
    }
}

/* Was `s` our answer to `m`: the response to a request, the ACK of a final response? */
static bool is_answer(const struct msg *s, const struct msg *m)
{
    if (m->is_request)
        return !s->is_request && same_branch(s, m);
    return is_invite_final(m) && s->is_request && s->method_id == METHOD_ACK && same_call_and_number(s, m) &&
           slice_eq(msg_to_tag(s), msg_to_tag(m));
}

void reliable_received_again(struct peer *p, const struct msg *m)
{
    if (!p->reliable || m->method_id == METHOD_ACK)
        return;
    for (struct list_node *n = list_first(&p->reliable->sent); n; n = list_next(&p->reliable->sent, n))
        if (is_answer(LIST_OF(n, struct sent, node)->m, m)) {
            peer_put_octets(p, LIST_OF(n, struct sent, node)->m->raw);
            return;
        }
}
