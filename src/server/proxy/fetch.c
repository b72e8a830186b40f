/* fetch.c - who calls a parking place where somebody waits is connected with him straight (RFC 5359 §2.15, RFC 3891).
 *
 * Room      server/proxy.
 * In        new.c (the number of the place was called), steer.c (an INVITE names that call: a lamp's key), answer.c.
 * Touches   f->takes_place, and the fork's texts of it; server/dialogs only to read.
 *
 * The INVITE goes to the phone that waits, with Replaces of its call to the exchange: it takes the new call and hangs up on
 * us. A phone that cannot do that, or refuses, is connected by the exchange, which has both calls then (server/voice). */
#include "server/proxy/proxy_priv.h"

#define PARK S("park")

/* Who parks a call by the code for it has it called by the exchange. */
static enum dialog_side own_side(const struct dialog_record *r)
{
    return r->side[DIALOG_CALLER].own ? DIALOG_CALLER : DIALOG_CALLEE;
}

bool fetch_is_parked(const struct fork *f, const struct dialog_record *r)
{
    const struct dialog_party *own = &r->side[own_side(r)];

    return r->state == DIALOG_CONFIRMED && own->own && slice_eq(f->px->legs.app(f->px->legs.ctx, own->number), PARK);
}

enum err fetch_take(struct fork *f, struct dialog_id id, const struct dialog_record *r, struct plan_facts *facts)
{
    const struct dialog_party *own = &r->side[own_side(r)], *waits = &r->side[dialogs_other(own_side(r))];
    struct dialog_ref          ref = {.call_id = r->call_id, .to_tag = waits->tag, .from_tag = own->tag};
    struct plan_binding       *b = fork_binding_of(f, waits);
    struct buf                 text;
    enum err                   e = b ? ERR_OK : ERR_NOMEM;

    if (e || (e = fork_keep(f, FORK_FETCHED, own->number)) ||
        (e = proxy_scratch(f->sh, ref.call_id.n + ref.to_tag.n + ref.from_tag.n + 64, &text)))
        return e;
    dialog_ref_put(&text, HDR_REPLACES, &ref);
    if ((e = fork_keep(f, FORK_PICKED_UP, buf_slice(&text))))
        return e;
    b->registered_ms = r->started_ms;
    facts->bindings = b;
    facts->n_bindings = 1;
    facts->callee = (struct plan_callee){.number = fork_text(f, FORK_FETCHED)};
    facts->request.pickup = facts->request.fetch = f->takes_place = true;
    f->picked = id;
    return ERR_OK;
}

struct search {
    struct dialog_id id;
    size_t           n; /* calls at that place */
};

static bool look(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    struct search *s = arg;

    if (r->state != DIALOG_CONFIRMED)
        return true; /* a recall rings, or who is about to be parked */
    s->id = id;
    s->n++;
    return true;
}

/* Is there exactly one, and does its phone not say that it cannot? */
enum err fetch_facts(struct fork *f, struct plan_facts *facts)
{
    struct search              s = {.n = 0};
    struct dialog_record       r;
    const struct dialog_party *waits;
    enum err                   e;

    if (!slice_eq(facts->callee.app, PARK) || f->method != METHOD_INVITE)
        return ERR_OK;
    if ((e = dialogs_each_of(f->px->dialogs, facts->request.number, look, &s)))
        return e;
    if (s.n != 1 || dialogs_get(f->px->dialogs, s.id, shard_scratch(f->sh), &r) || !fetch_is_parked(f, &r))
        return ERR_OK;
    waits = &r.side[dialogs_other(own_side(&r))];
    if (waits->no_replaces || !waits->number.n || slice_eq(waits->number, f->caller))
        return ERR_OK; /* to another exchange it would be a new call; and a phone is not connected with itself */
    return fetch_take(f, s.id, &r, facts);
}

bool fetch_by_exchange(struct fork *f)
{
    const struct stack_in *in = stack_request_of(f->sh, f->server);
    struct dialog_record   r;
    struct slice           number = fork_text(f, FORK_FETCHED);

    if (!number.n || !in || dialogs_get(f->px->dialogs, f->picked, shard_scratch(f->sh), &r) ||
        fork_keep(f, FORK_FETCHED, SLICE_NONE))
        return false; /* he does not wait any more */
    proxy_say(f->sh, f->call_id, S("the phone that waits does not take the call in place of its own: the exchange connects the two"));
    fork_hand_over(f, in, number);
    return true;
}
