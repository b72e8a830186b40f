/* seat.c - who is there before the first step of a flow, and what has been set and said. See flow.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/edge.h"
#include "kit/play.h"

static bool registers(const struct call_flow *f, unsigned party)
{
    for (size_t i = 0; i < f->n_steps; i++)
        if (f->step[i].from == party && !strcmp(f->step[i].message, "REGISTER"))
            return true;
    return false;
}

static bool is_known(const struct play *p, unsigned party)
{
    for (unsigned i = 0; i < party; i++)
        if (flow_is_phone(p->f, i) && !strcmp(p->f->party[i].number, p->f->party[party].number))
            return true;
    return false;
}

static bool has_party(const struct call_flow *f, const char *number)
{
    for (unsigned i = 0; i < f->n_parties; i++)
        if (flow_is_phone(f, i) && !strcmp(f->party[i].number, number))
            return true;
    return false;
}

static void set_users(struct play *p)
{
    const char *at = p->x ? p->x->settings : NULL;

    while (at && *at) {
        char number[64], key[64], value[128];

        if (sscanf(at, "%63s %63s %127[^\n]", number, key, value) != 3)
            kit_fail(p->k, "not NUMBER KEY VALUE:", at);
        if (!has_party(p->f, number))
            kit_add_user(p->k, number);
        kit_set_user(p->k, number, key, value);
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
}

/* A call that the exchange refuses with 403, and nobody gets: its caller may not call. */
static void bar_callers(struct play *p)
{
    for (size_t i = 0; i < p->f->n_steps; i++) {
        const struct flow_step *s = &p->f->step[i];

        if (!strcmp(s->message, "403") && flow_is_phone(p->f, s->to) && p->f->party[s->with].exchange && !flow_reaches_phone(p->f, s->call))
            kit_set_user(p->k, p->f->party[s->to].number, "barred", "*");
    }
}

/* The n-th phone of a user who has several, to be tried one after the other (RFC 3261 §16.6: by q). */
static void register_in_turn(struct play *p, struct peer *peer, unsigned party)
{
    unsigned before = 0;
    char     what[256];

    for (unsigned i = 0; i < party; i++)
        before += flow_is_phone(p->f, i) && !strcmp(p->f->party[i].number, p->f->party[party].number);
    snprintf(what, sizeof what, "REGISTER %s\nExpires: 3600\nContact: <%s>;q=0.%u", p->f->party[party].number, peer_contact(peer),
             9 - before);
    peer_send(peer, what);
    peer_expect(peer, "200 REGISTER");
}

static void add_user(struct play *p, unsigned party)
{
    if (is_known(p, party) || p->f->party[party].outside)
        return;
    kit_add_user(p->k, p->f->party[party].number);
    if (p->relay)
        kit_set_user(p->k, p->f->party[party].number, "transfer", "relay");
}

static bool is_behind_edges(const struct call_flow *f, unsigned party)
{
    for (size_t i = 0; i < f->n_steps; i++)
        if ((f->step[i].from == party && f->party[f->step[i].to].edge) || (f->step[i].to == party && f->party[f->step[i].from].edge))
            return true;
    return false;
}

/* A flow by each edge; the last to be registered is the first to be tried (RFC 5626 §5.3). */
static void register_by_edges(struct play *p, unsigned party)
{
    unsigned flow = 0;

    for (unsigned i = (unsigned)p->f->n_parties; i-- > 0;)
        if (p->seat[i].edge) {
            if (flow)
                kit_wait_ms(p->k, 1000);
            edge_register(p->seat[i].edge, p->seat[party].peer, ++flow);
        }
}

static void seat_edge(struct play *p, unsigned i)
{
    p->seat[i].edge = edge_add(p->k);
    for (size_t s = 0; s < p->f->n_steps; s++)
        if (p->f->step[s].from == i && !strcmp(p->f->step[s].message, "430"))
            edge_lose_flows(p->seat[i].edge);
}

static void seat_phone(struct play *p, unsigned i)
{
    const struct flow_party *party = &p->f->party[i];
    enum flow_before         before = p->x ? p->x->before : FLOW_REGISTERED;
    struct peer             *peer = p->seat[i].peer = peer_add(p->k, party->number);

    if (p->bad_wire)
        peer_set_reliable(peer);
    if (p->x && p->x->in_turn)
        register_in_turn(p, peer, i);
    else if (is_behind_edges(p->f, i))
        register_by_edges(p, i);
    else if (!party->outside && (before != FLOW_REGISTERED || !registers(p->f, i)))
        peer_register(peer);
}

static void call_and_answer(struct peer *a, struct peer *b, const char *number)
{
    char what[64];

    snprintf(what, sizeof what, "INVITE %s", number);
    peer_send(a, what);
    peer_expect(b, "INVITE");
    peer_send(b, "200");
    peer_expect(a, "200 INVITE");
    peer_send(a, "ACK");
    peer_expect(b, "ACK");
}

/* `from` has called `to`, and they talk; in the flow's call of that number. */
static void talk(struct play *p, unsigned from, unsigned to, unsigned call)
{
    struct peer *a = p->seat[from].peer, *b = p->seat[to].peer;

    call_and_answer(a, b, p->f->party[to].number);
    p->up[call] = true;
    p->number[from][call] = peer_call_number(a);
    p->number[to][call] = peer_call_number(b);
}

static void all_talk(struct play *p)
{
    const char *at = p->x->talking;
    unsigned    a = 0, b, call = 0;

    while (at && *at) {
        size_t n = strcspn(at, ">"), m = strcspn(at + n + 1, ",");

        talk(p, flow_party_of(p->f, at, n), flow_party_of(p->f, at + n + 1, m), call++);
        at += n + 1 + m + (at[n + 1 + m] == ',');
    }
    if (call)
        return;
    while (!flow_is_phone(p->f, a))
        a++;
    for (b = a + 1; !flow_is_phone(p->f, b);)
        b++;
    talk(p, a, b, 0);
}

static void attack(struct play *p)
{
    static const char *const users[] = {"u1", "u2"};
    char                     what[512];

    for (int i = 0; i < 2; i++) {
        struct peer *u;

        kit_add_user(p->k, users[i]);
        u = peer_add(p->k, users[i]);
        if (p->bad_wire)
            peer_set_reliable(u);
        snprintf(what, sizeof what,
                 "REGISTER %s\nPath: <sip:" KIT_EXCHANGE ":5060;lr>\nContact: <sip:u1@" KIT_DOMAIN ">, <sip:u2@" KIT_DOMAIN ">",
                 users[i]);
        peer_send(u, what);
        peer_expect(u, "200");
    }
}

/* Somebody who is in no step talks with a party that is busy. */
static void keep_busy(struct play *p)
{
    p->busy = flow_party_of(p->f, p->x->busy, strlen(p->x->busy));
    kit_add_user(p->k, "somebody");
    p->caller = peer_add(p->k, "somebody");
    if (p->bad_wire)
        peer_set_reliable(p->caller);
    call_and_answer(p->caller, p->seat[p->busy].peer, p->f->party[p->busy].number);
}

void play_seat(struct play *p)
{
    for (unsigned i = 0; i < p->f->n_parties; i++)
        if (p->f->party[i].edge)
            seat_edge(p, i);
    for (unsigned i = 0; i < p->f->n_parties; i++)
        if (flow_is_phone(p->f, i)) {
            add_user(p, i);
            seat_phone(p, i);
        }
    set_users(p);
    bar_callers(p);
    if (p->x && p->x->before == FLOW_TALKING)
        all_talk(p);
    for (size_t i = 0; i < p->f->n_talks; i++)
        talk(p, p->f->talk[i].from, p->f->talk[i].to, p->f->talk[i].call);
    if (p->x && p->x->before == FLOW_ATTACK)
        attack(p);
    if (p->x && p->x->busy)
        keep_busy(p);
}
