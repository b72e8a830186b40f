/* judge.c - does what was on the wire meet the flow, and what holds in every flow? See flow.h.
 *
 * The steps of each phone and the exchange must occur on that leg in the order of the flow; more may stand between. Judged
 * from what was sent, so that a lost datagram counts as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/edge.h"
#include "kit/flow.h"
#include "sys/heap.h"

enum { LEG_MAX = 2048 };

struct leg {
    struct kit        *k;
    struct mem         mem;
    struct arena       arena;
    struct addr        phone;
    const struct msg  *m[LEG_MAX];
    bool               ours[LEG_MAX]; /* sent by the exchange */
    size_t             n;
    bool               may_be_called; /* by the exchange itself: then it is no proxy */
};

static void on_seen(void *ctx, const struct kit_seen *s)
{
    struct leg *l = ctx;
    bool        to = addr_same_ip(&s->to, &l->phone), from = addr_same_ip(&s->from, &l->phone);
    struct msg *m;

    if ((!to && !from) || l->n == LEG_MAX || msg_parse(&l->arena, s->octets, &m))
        return;
    l->m[l->n] = m;
    l->ours[l->n++] = to;
}

static void leg_open(struct leg *l, struct kit *k, const struct flow_seat *seat)
{
    *l = (struct leg){.k = k};
    heap_mem(&l->mem);
    arena_init(&l->arena, &l->mem, 65536, 0);
    assert_int_equal(addr_parse_ip(slice_z(seat->edge ? edge_host(seat->edge) : peer_host(seat->peer)), &l->phone), ERR_OK);
    kit_each_seen(k, on_seen, l);
}

static bool code_fits(const char *want, unsigned status)
{
    char text[8];

    snprintf(text, sizeof text, "%u", status);
    for (size_t i = 0; i < 3; i++)
        if (want[i] != 'x' && want[i] != text[i])
            return false;
    return true;
}

/* A 480 that an exception lets be a 408 was compared when it was played: here only its class counts. */
static bool fits(const struct flow_step *s, const struct msg *m)
{
    if (s->message[0] > '6')
        return m->is_request && slice_eq(m->method, slice_z(s->message));
    if (m->is_request || (s->of[0] && !slice_eq(method_name(msg_method(m)), slice_z(s->of))))
        return false;
    return code_fits(s->message, m->status) || (!strcmp(s->message, "480") && m->status == 408);
}

/* What the exchange makes itself, hop by hop, it makes at once, wherever the flow draws it: a 100, the ACK of a refusal, the
 * 200 of a CANCEL. */
static bool is_hop_by_hop(const struct call_flow *f, size_t at, unsigned phone)
{
    const struct flow_step *s = &f->step[at];

    if (s->to != phone)
        return false;
    if (strcmp(s->message, "ACK") != 0)
        return !strcmp(s->message, "100") || (!strcmp(s->message, "200") && !strcmp(s->of, "CANCEL"));
    while (at-- > 0) { /* what did the phone say last? */
        const struct flow_step *t = &f->step[at];

        if (t->from == phone && t->call == s->call && t->message[0] >= '2' && t->message[0] <= '6' && strcmp(t->of, "CANCEL") != 0)
            return t->message[0] > '2';
    }
    return false;
}

/* The next message of the leg from `at` on that is this step; l->n when there is none. */
static size_t find_from(const struct leg *l, size_t at, const struct flow_step *s, unsigned phone)
{
    while (at < l->n && (l->ours[at] != (s->to == phone) || !fits(s, l->m[at])))
        at++;
    return at;
}

/* What the exchange answers itself has an order of its own: it is another pair's than what it passes on. */
static void judge_order(const struct call_flow *f, const struct leg *l, unsigned phone, bool bad_wire, bool own)
{
    size_t at = 0;
    char   text[128];

    for (size_t i = 0; i < f->n_steps; i++) {
        const struct flow_step *s = &f->step[i];
        bool                    anywhere = is_hop_by_hop(f, i, phone) || (bad_wire && !strcmp(s->message, "ACK"));
        size_t                  found;

        if (flow_may_be_missing(f, s) || flow_is_own(f, s) != own || (s->from != phone && s->to != phone) || (bad_wire && (s->copy || s->message[0] == '1')))
            continue;
        found = find_from(l, anywhere ? 0 : at, s, phone); /* nothing answers an ACK, so what follows may overtake it */
        snprintf(text, sizeof text, "%s step %u, %s %s %s", f->id, s->n, f->party[phone].name, s->to == phone ? "gets" : "sends",
                 s->message);
        if (found == l->n)
            kit_fail(l->k, "missing, or not in its order:", text);
        if (!anywhere)
            at = found + 1;
    }
}

/* ---- what holds in every flow ---- */

static struct slice branch_of(const struct msg *m)
{
    return msg_via(m) ? msg_via(m)->branch : SLICE_NONE;
}

static bool has_before(const struct leg *l, size_t at, bool ours, enum method method, struct slice branch)
{
    for (size_t i = 0; i < at; i++)
        if (l->m[i]->is_request && l->ours[i] == ours && l->m[i]->method_id == method && slice_eq(branch_of(l->m[i]), branch))
            return true;
    return false;
}

/* A CANCEL has the branch of its INVITE, on its own hop (RFC 3261 §9.1). */
static bool cancel_is_right(const struct leg *l, size_t i)
{
    const struct msg *m = l->m[i];

    return !m->is_request || m->method_id != METHOD_CANCEL || has_before(l, i, l->ours[i], METHOD_INVITE, branch_of(m));
}

/* One final answer to one request, whatever its copies (a 2xx of another branch of a fork apart). */
static bool final_is_right(const struct leg *l, size_t i)
{
    const struct msg *m = l->m[i];

    if (m->is_request || m->status < 300)
        return true;
    for (size_t k = 0; k < i; k++)
        if (!l->m[k]->is_request && l->m[k]->status >= 200 && l->ours[k] == l->ours[i] && msg_method(l->m[k]) == msg_method(m) &&
            slice_eq(branch_of(l->m[k]), branch_of(m)) && !slice_eq(l->m[k]->raw, m->raw))
            return false;
    return true;
}

/* The exchange's 100 is its own: without the callee's tag (§16.7 step 4; §8.2.6.2). */
static bool trying_is_right(const struct leg *l, size_t i)
{
    if (l->m[i]->is_request || l->m[i]->status != 100 || !l->ours[i] || !msg_to_tag(l->m[i]).n)
        return true;
    for (size_t k = 0; k < i; k++)
        if (l->m[k]->is_request && slice_eq(branch_of(l->m[k]), branch_of(l->m[i])))
            return msg_to_tag(l->m[k]).n > 0; /* inside a dialog the tag is there already */
    return false;
}

/* Is it of a call that the exchange makes itself, for one of its services? */
static bool is_own_call(const struct leg *l, const struct msg *m)
{
    for (size_t i = 0; i < l->n && l->may_be_called; i++)
        if (l->ours[i] && l->m[i]->is_request && l->m[i]->method_id == METHOD_INVITE && msg_element_count(l->m[i], HDR_VIA) == 1 &&
            slice_eq(msg_call_id(l->m[i]), msg_call_id(m)))
            return true;
    return false;
}

/* The exchange stays in the route, and takes a hop off. */
static bool invite_is_right(const struct leg *l, size_t i)
{
    const struct msg *m = l->m[i];
    unsigned          hops;

    if (!m->is_request || !l->ours[i] || m->method_id != METHOD_INVITE || is_own_call(l, m))
        return true;
    return msg_max_forwards(m, &hops) == ERR_OK && hops < 70 && msg_element_count(m, HDR_VIA) > 1 &&
           (msg_to_tag(m).n || msg_has(m, HDR_RECORD_ROUTE));
}

/* An ACK from the exchange belongs to a refusal, with its INVITE's branch, or it is one that came from the caller. */
static bool ack_is_right(const struct leg *l, size_t i)
{
    const struct msg *m = l->m[i];

    if (!m->is_request || !l->ours[i] || m->method_id != METHOD_ACK || is_own_call(l, m))
        return true;
    return has_before(l, i, true, METHOD_INVITE, branch_of(m)) || msg_element_count(m, HDR_VIA) > 1;
}

static void judge_rules(const struct call_flow *f, const struct leg *l)
{
    static const struct {
        bool (*holds)(const struct leg *l, size_t i);
        const char *what;
    } rules[] = {
        {cancel_is_right, "a CANCEL that is of no INVITE"},         {final_is_right, "a second, different final answer"},
        {trying_is_right, "a 100 that was passed on"},              {invite_is_right, "an INVITE without Record-Route or hops"},
        {ack_is_right, "an ACK that is the exchange's own to a 2xx"},
    };

    for (size_t i = 0; i < l->n; i++)
        for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++)
            if (!rules[r].holds(l, i))
                kit_fail(l->k, rules[r].what, f->id);
}

/* ---- what the exchange says itself, it says before it goes on (PROTOCOL 5.2: F10 before F11) ---- */

struct finding {
    struct leg              *l;     /* its arena */
    const struct flow_step  *step;
    struct addr              to;
    unsigned                 count, at; /* messages so far; where the step's first is, from 1 */
};

static void on_find(void *ctx, const struct kit_seen *s)
{
    struct finding *x = ctx;
    struct msg     *m;

    x->count++;
    if (!x->at && addr_same_ip(&s->to, &x->to) && msg_parse(&x->l->arena, s->octets, &m) == ERR_OK && fits(x->step, m))
        x->at = x->count;
}

static unsigned find_step(struct leg *l, const struct flow_step *s, const struct flow_seat *seats)
{
    struct finding x = {.l = l, .step = s};

    assert_int_equal(addr_parse_ip(slice_z(peer_host(seats[s->to].peer)), &x.to), ERR_OK);
    kit_each_seen(l->k, on_find, &x);
    return x.at;
}

static void judge_own(const struct call_flow *f, struct leg *l, const struct flow_seat *seats)
{
    for (size_t i = 0; i + 1 < f->n_steps; i++)
        if (f->step[i].own && find_step(l, &f->step[i], seats) > find_step(l, &f->step[i + 1], seats))
            kit_fail(l->k, "the exchange goes on before it has answered:", f->id);
}

static bool is_called_by_exchange(const struct call_flow *f, unsigned phone)
{
    for (size_t i = 0; i < f->n_steps; i++)
        if (f->step[i].to == phone && f->party[f->step[i].with].end && !strcmp(f->step[i].message, "INVITE"))
            return true;
    return false;
}

void flow_judge(const struct call_flow *f, struct kit *k, const struct flow_seat *seats, bool bad_wire)
{
    for (unsigned i = 0; i < f->n_parties; i++) {
        static struct leg l; /* large */

        if (!seats[i].peer && !seats[i].edge)
            continue;
        leg_open(&l, k, &seats[i]);
        l.may_be_called = is_called_by_exchange(f, i);
        judge_order(f, &l, i, bad_wire, false);
        judge_order(f, &l, i, bad_wire, true);
        if (seats[i].peer) {
            judge_rules(f, &l);
            judge_own(f, &l, seats);
        }
        arena_close(&l.arena);
    }
}
