/* play.c - the phones of a flow played by peers, step by step. See flow.h.
 *
 * What a phone sends is made from what it has seen (kit.h); which call, which dialog, whom it calls is read off the steps. A
 * step towards a phone is waited for. What a flow does not draw to its end (a CANCEL without its 487, a call that still
 * rings) is tidied up after it, and nothing but that is let pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/play.h"

enum { TIDY_ROUNDS = 8 };

void play_note_call(struct play *p, const struct flow_step *s, unsigned party)
{
    p->number[party][s->call] = peer_call_number(p->seat[party].peer);
}

/* What is left of a flow that does not draw its end: what belongs to CANCELs and refusals, and the NOTIFY that tells how a
 * transfer went, which the guide leaves out. */
static bool tidy(struct play *p, struct peer *peer)
{
    const struct msg *m = peer_next(peer);

    if (!m)
        return false;
    if (m->is_request && m->method_id == METHOD_CANCEL)
        peer_send(peer, "200 CANCEL"), peer_send(peer, "487 INVITE");
    else if (m->is_request && m->method_id == METHOD_NOTIFY)
        peer_send(peer, "200 NOTIFY");
    else if (!m->is_request && m->status >= 300 && msg_method(m) == METHOD_INVITE)
        peer_send(peer, "ACK");
    else if (!m->is_request ? m->status >= 300 || (m->status >= 200 && msg_method(m) != METHOD_CANCEL) : m->method_id != METHOD_ACK)
        kit_fail(p->k, "not drawn in the flow, and sent:", p->f->id);
    return true;
}

/* A phone that was cancelled in the flow's last steps, and has not yet said 487. */
static void end_cancelled(struct play *p)
{
    for (size_t i = 0; i < p->f->n_steps; i++) {
        const struct flow_step *s = &p->f->step[i];
        bool                    over = false;

        if (!flow_is_phone(p->f, s->from) || strcmp(s->of, "CANCEL") != 0)
            continue;
        for (size_t k = 0; k < p->f->n_steps; k++)
            over = over || (p->f->step[k].from == s->from && p->f->step[k].message[0] >= '2' && flow_is_status(p->f->step[k].message) &&
                            strcmp(p->f->step[k].of, "CANCEL") != 0 && p->f->step[k].call == s->call);
        if (!over)
            peer_send(p->seat[s->from].peer, "487 INVITE");
    }
}

static bool is_answered(const struct call_flow *f, size_t at)
{
    for (size_t i = at + 1; i < f->n_steps; i++) {
        const struct flow_step *t = &f->step[i];

        if (t->call != f->step[at].call)
            continue;
        if (!strcmp(t->message, "CANCEL") || (flow_is_status(t->message) && t->message[0] >= '2' && t->to == f->step[at].from))
            return true;
    }
    return false;
}

/* A call that still rings where the flow ends is given up. */
static void end_ringing(struct play *p)
{
    for (size_t i = 0; i < p->f->n_steps; i++) {
        const struct flow_step *s = &p->f->step[i];

        if (!flow_is_phone(p->f, s->from) || strcmp(s->message, "INVITE") != 0 || s->copy || is_answered(p->f, i))
            continue;
        peer_take_call(p->seat[s->from].peer, p->number[s->from][s->call]);
        peer_send(p->seat[s->from].peer, "CANCEL");
    }
}

static void tidy_up(struct play *p)
{
    bool some = true;

    end_cancelled(p);
    end_ringing(p);
    for (int round = 0; round < TIDY_ROUNDS && some; round++) {
        kit_wait_ms(p->k, p->bad_wire ? 20000 : 5000);
        some = false;
        for (unsigned i = 0; i < p->f->n_parties; i++)
            while (p->seat[i].peer && tidy(p, p->seat[i].peer))
                some = true;
    }
}

static void play_step(struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];
    char                    where[128];

    snprintf(where, sizeof where, "%s step %u, %s from %s to %s", p->f->id, s->n, s->message, p->f->party[s->from].name, p->f->party[s->to].name);
    kit_set_place(p->k, where);
    if (flow_is_phone(p->f, s->from))
        play_sends(p, at);
    else if (flow_is_phone(p->f, s->to))
        play_hears(p, at); /* what an edge gets it passes on by itself */
}

void flow_play(const struct call_flow *f, const struct flow_wire *wire)
{
    const struct flow_exception *x = f->exception;
    struct kit_options o = {.digest = !x || x->before != FLOW_ATTACK, .seed = wire->seed, .workers = wire->workers,
                            .spread = wire->workers > 1, .may_relay = x && x->outside};
    struct play        p = {.f = f, .x = x, .bad_wire = wire->link != NULL, .relay = wire->relay, .open_house = !o.digest};

    if (wire->link)
        o.link = *wire->link;
    p.k = kit_begin(&o);
    play_seat(&p);
    for (size_t i = 0; i < f->n_steps; i++)
        play_step(&p, i);
    kit_set_place(p.k, "after the last step");
    tidy_up(&p);
    flow_judge(f, p.k, p.seat, p.bad_wire);
    kit_end(p.k);
}
