/* steer.c - an INVITE that names a call: it goes to the phone that has that call (RFC 3891, RFC 3911; PROTOCOL 7.1).
 *
 * Room      server/proxy.
 * In        new.c, between the facts and the plan.
 * Touches   the facts: of the callee's phones one is left; what forwards it is left out. Without it a call with two phones
 *           would ring at both, and the one that cannot know the named call refuses it for both. */
#include "server/proxy/proxy_priv.h"

static enum err named(const struct fork *f, const struct msg *m, struct dialog_ref *out)
{
    if (f->replaces.n)
        return dialog_ref_parse(HDR_REPLACES, f->replaces, out);
    if (msg_has(m, HDR_REPLACES))
        return msg_dialog_ref(m, HDR_REPLACES, out);
    return msg_dialog_ref(m, HDR_JOIN, out);
}

static bool is_that_phone(const struct plan_binding *b, const struct dialog_party *p)
{
    struct uri ua, ub;

    if (slice_eq(b->contact, p->target) || (p->flow.n && slice_eq(b->flow, p->flow)))
        return true;
    return uri_parse(b->contact, &ua, NULL) == ERR_OK && uri_parse(p->target, &ub, NULL) == ERR_OK && uri_equal(&ua, &ub);
}

enum err fork_steer(struct fork *f, const struct msg *m, struct plan_facts *facts)
{
    struct dialog_ref    ref;
    struct dialog_key    key;
    struct dialog_id     id;
    enum dialog_side     side;
    struct dialog_record rec;
    struct plan_binding *one;

    if (f->method != METHOD_INVITE || !facts->request.ours || facts->callee.app.n || named(f, m, &ref))
        return ERR_OK;
    key = (struct dialog_key){ref.call_id, ref.to_tag, ref.from_tag};
    if (dialogs_find(f->px->dialogs, &key, shard_scratch(f->sh), &id, &side, &rec) || !rec.side[side].target.n ||
        !rec.side[side].number.n)
        return ERR_OK; /* none of ours, or an end that is none of our phones */
    if (!(one = arena_zalloc(shard_scratch(f->sh), sizeof *one)))
        return ERR_NOMEM;
    *one = (struct plan_binding){.aor = rec.side[side].number, .contact = rec.side[side].target, .path = rec.side[side].route,
                                 .flow = rec.side[side].flow, .q = 1000, .expires_ms = INT64_MAX};
    for (size_t i = 0; i < facts->n_bindings; i++)
        if (is_that_phone(&facts->bindings[i], &rec.side[side])) {
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
