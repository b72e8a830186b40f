/* steer.c - an INVITE that names a call: it goes to the phone that has that call (RFC 3891, RFC 3911; PROTOCOL 7.1). One that
 * still rings is picked up (pickup.c).
 *
 * Room      server/proxy.
 * In        new.c, between the facts and the plan.
 * Touches   the facts: of the callee's phones one is left; what forwards it is left out. Without it a call with two phones
 *           would ring at both, and the one that cannot know the named call refuses it for both.
 *
 * Tags in Replaces stand as the receiver sees them (RFC 3891 §3), but phones are known to swap those that they have from a
 * lamp: of an early dialog there is only one way in which it can be meant, since its callee could not take it (§3). */
#include "server/proxy/proxy_priv.h"

static enum err named(const struct fork *f, const struct msg *m, struct dialog_ref *out)
{
    struct slice replaces = fork_text(f, FORK_REPLACES);

    if (replaces.n)
        return dialog_ref_parse(HDR_REPLACES, replaces, out);
    if (msg_has(m, HDR_REPLACES))
        return msg_dialog_ref(m, HDR_REPLACES, out);
    return msg_dialog_ref(m, HDR_JOIN, out);
}

/* That call, and which of its ends is meant. `early_too`: as one that rings it is found by swapped tags as well. ERR_NOTFOUND:
 * none of ours; ERR_NOMEM. */
static enum err find(const struct fork *f, const struct dialog_ref *ref, bool early_too, struct dialog_id *id,
                     enum dialog_side *side, struct dialog_record *out)
{
    struct dialog_key straight = {.call_id = ref->call_id, .from_tag = ref->to_tag, .to_tag = ref->from_tag};
    struct dialog_key swapped = {.call_id = ref->call_id, .from_tag = ref->from_tag, .to_tag = ref->to_tag};
    struct arena     *a = shard_scratch(f->sh);
    enum err          e = dialogs_find(f->px->dialogs, &straight, a, id, side, out);

    if (e != ERR_NOTFOUND || !early_too)
        return e;
    e = dialogs_find(f->px->dialogs, &swapped, a, id, side, out);
    return !e && out->state != DIALOG_EARLY && !fetch_is_parked(f, out) ? ERR_NOTFOUND : e;
}

static bool is_that_phone(const struct plan_binding *b, const struct dialog_party *p)
{
    struct uri ua, ub;

    if (slice_eq(b->contact, p->target) || (p->flow.n && slice_eq(b->flow, p->flow)))
        return true;
    return uri_parse(b->contact, &ua, NULL) == ERR_OK && uri_parse(p->target, &ub, NULL) == ERR_OK && uri_equal(&ua, &ub);
}

struct plan_binding *fork_binding_of(struct fork *f, const struct dialog_party *p)
{
    struct plan_binding *b = arena_zalloc(shard_scratch(f->sh), sizeof *b);

    if (b)
        *b = (struct plan_binding){.aor = p->number, .contact = p->target, .path = p->route, .flow = p->flow, .q = 1000,
                                   .expires_ms = INT64_MAX};
    return b;
}

/* An end of that call is the one target. */
static enum err steer_to(struct fork *f, const struct dialog_party *p, struct plan_facts *facts)
{
    struct plan_binding *one = fork_binding_of(f, p);

    if (!one)
        return ERR_NOMEM;
    for (size_t i = 0; i < facts->n_bindings; i++)
        if (is_that_phone(&facts->bindings[i], p)) {
            *one = facts->bindings[i];
            break;
        }
    facts->bindings = one;
    facts->n_bindings = 1;
    facts->n_members = 0;
    facts->callee = (struct plan_callee){.known = true, .number = facts->callee.number, .name = facts->callee.name,
                                         .redirect = facts->callee.redirect};
    if (!f->n_branches)
        proxy_say(f->sh, f->call_id, S("it names a call (Replaces or Join): it goes to the phone that has that call, and to no other"));
    return ERR_OK;
}

enum err fork_steer(struct fork *f, const struct msg *m, enum plan_when when, struct plan_facts *facts)
{
    struct dialog_ref    ref;
    struct dialog_record rec;
    struct dialog_id     id;
    enum dialog_side     side;
    enum err             e;
    /* A transfer's (Referred-By) knows better what is meant. */
    bool picks_up = when == PLAN_WHEN_NEW && !f->n_hops && !fork_text(f, FORK_REPLACES).n && msg_has(m, HDR_REPLACES) && !msg_has(m, HDR_REFERRED_BY);

    if (f->method != METHOD_INVITE || named(f, m, &ref))
        return ERR_OK;
    if ((e = find(f, &ref, picks_up, &id, &side, &rec)))
        return e == ERR_NOTFOUND ? ERR_OK : e;
    if (picks_up && rec.state == DIALOG_EARLY && !rec.side[DIALOG_CALLER].own)
        return pickup_take(f, id, &rec, facts);
    if (picks_up && fetch_is_parked(f, &rec))
        return fetch_take(f, id, &rec, facts);
    if (!facts->request.ours || facts->callee.app.n || !rec.side[side].target.n || !rec.side[side].number.n)
        return ERR_OK; /* not to us, or an end that is none of our phones */
    return steer_to(f, &rec.side[side], facts);
}
