/* pickup.c - a call that takes the place of one that rings elsewhere (RFC 5359 §2.16; Replaces of an early dialog, RFC 3891).
 *
 * Room      server/proxy.
 * In        new.c (a code), steer.c (Replaces), between the facts and the plan.
 * Touches   f->takes_place, and the fork's texts of it; px->picked.
 *
 * Who dials the code for pick-up, or presses a lamp's key (an INVITE with Replaces made from our dialog-info), wants the caller
 * of a call that rings at somebody else's phone. The INVITE goes to that caller's phone, which ends its own call in favour of
 * this one. That needs no bridge, and the two talk straight; but the caller's phone must know Replaces (Require says so). Where
 * it has shown that it does not, or says so (420), the call is brought the other way (bring.c). */
#include "server/proxy/proxy_priv.h"

struct search {
    struct fork         *f;
    struct slice         number;  /* where it rings */
    struct dialog_id     id;
    struct dialog_record best;    /* the one that has rung longest; texts in the scratch arena */
    bool                 found;
    enum err             e;
};

static enum err copy(struct arena *a, struct slice *s)
{
    return arena_dup(a, *s, s);
}

static enum err copy_record(struct arena *a, const struct dialog_record *r, struct dialog_record *out)
{
    enum err e;

    *out = *r;
    if ((e = copy(a, &out->call_id)))
        return e;
    for (int i = 0; i < 2; i++) {
        struct dialog_party *p = &out->side[i];

        if ((e = copy(a, &p->tag)) || (e = copy(a, &p->number)) || (e = copy(a, &p->uri)) || (e = copy(a, &p->target)) ||
            (e = copy(a, &p->route)) || (e = copy(a, &p->flow)))
            return e;
    }
    return ERR_OK;
}

/* RFC 3891 §3: only an early dialog has tags to be named by; one's own call is not picked up, nor one that the exchange makes
 * of itself (a recall): that is for whom it rings. */
static bool look(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    struct search *s = arg;

    if (r->state != DIALOG_EARLY || r->side[DIALOG_CALLER].own || r->side[DIALOG_CALLEE].tag.n == 0 || !slice_eq(r->side[DIALOG_CALLEE].number, s->number) ||
        slice_eq(r->side[DIALOG_CALLER].number, s->f->caller) || (s->found && s->best.started_ms <= r->started_ms))
        return true;
    s->e = copy_record(shard_scratch(s->f->sh), r, &s->best);
    s->found = s->e == ERR_OK;
    s->id = id;
    return s->found;
}

static bool look_at_member(void *arg, struct slice number)
{
    struct search *s = arg;

    s->number = number;
    if (!slice_eq(number, s->f->caller))
        (void)dialogs_each_of(s->f->px->dialogs, number, look, s);
    return s->e == ERR_OK;
}

/* What rings at the target, or at a colleague's. */
static enum err find_ringing(struct fork *f, const struct directory_view *view, struct slice number, struct search *s)
{
    *s = (struct search){.f = f, .number = number};
    if (f->pickup_group)
        directory_each_colleague(view, f->caller, look_at_member, s);
    else
        s->e = dialogs_each_of(f->px->dialogs, number, look, s);
    return s->e;
}

/* Whoever called there is the one target, and Replaces as it has to be for that phone. */
static enum err take(struct fork *f, const struct dialog_record *r, struct plan_facts *facts)
{
    const struct dialog_party *to = &r->side[DIALOG_CALLER];
    struct plan_binding       *b = fork_binding_of(f, to);
    struct dialog_ref          ref = {r->call_id, to->tag, r->side[DIALOG_CALLEE].tag, true};
    struct buf                 text;
    enum err                   e = b ? ERR_OK : ERR_NOMEM;

    if (e || (e = proxy_scratch(f->sh, ref.call_id.n + ref.to_tag.n + ref.from_tag.n + 64, &text)))
        return e;
    dialog_ref_put(&text, HDR_REPLACES, &ref);
    b->registered_ms = r->started_ms;
    facts->bindings = b;
    facts->n_bindings = 1;
    return fork_keep(f, FORK_PICKED_UP, buf_slice(&text));
}

static void remember(struct proxy *px, struct slice call_id)
{
    uint64_t h = hash_octets(&px->hash, call_id);

    atomic_store(&px->picked[h % PICKED_CALLS], h);
}

bool pickup_took(struct proxy *px, struct slice call_id)
{
    uint64_t h = hash_octets(&px->hash, call_id);

    return atomic_load(&px->picked[h % PICKED_CALLS]) == h;
}

enum err pickup_take(struct fork *f, struct dialog_id id, const struct dialog_record *r, struct plan_facts *facts)
{
    const struct dialog_party *caller = &r->side[DIALOG_CALLER];
    enum err                   e;

    if ((e = fork_keep(f, FORK_PICKED_CALL, r->call_id)))
        return e;
    f->picked = id;
    f->no_replaces = caller->no_replaces || !caller->number.n; /* to another exchange it would be a new call */
    facts->request.pickup = f->takes_place = true;
    facts->callee = (struct plan_callee){.number = r->side[DIALOG_CALLEE].number};
    remember(f->px, r->call_id);
    return take(f, r, facts);
}

enum err pickup_facts(struct fork *f, const struct directory_view *view, struct plan_facts *facts)
{
    struct search s;
    enum err      e;

    facts->request.pickup = true;
    facts->n_bindings = 0;
    facts->callee = (struct plan_callee){.number = f->pickup_group ? S("a colleague's phone") : facts->request.number};
    if ((e = find_ringing(f, view, facts->request.number, &s)) || !s.found)
        return e;
    return pickup_take(f, s.id, &s.best, facts);
}
