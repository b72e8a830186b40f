/* restore.c - subscriptions found again at start (RFC 6665 knows of no restarts: the subscriber is to see none).
 *
 * Room      server/presence.
 * In        presence_attach(), before any worker runs.
 * Out       subs that wait in their shards until somebody holds these for the first time (presence.c wakes them), counted in
 *           the index already, so that no change is missed.
 * Touches   the file: slots that are free, damaged, or older than another of the same dialog are given up. */
#include <string.h>

#include "server/presence/presence_priv.h"

static enum err copy_routes(struct sub *s, struct slice text)
{
    struct dialog *d = &s->dialog;
    struct slice   route, rest = text;

    for (size_t i = 0; i < text.n; i++)
        d->n_routes += text.p[i] == '>';
    if (!(d->route = arena_alloc(&s->arena, d->n_routes * sizeof *d->route)))
        return ERR_NOMEM;
    d->route_cap = d->n_routes;
    for (size_t i = 0; i < d->n_routes; i++) {
        slice_cut(&rest, '>', &route);
        if (arena_dup(&s->arena, slice_from(route, 1), &d->route[i]))
            return ERR_NOMEM;
    }
    return ERR_OK;
}

/* What stands in the file, as a sub. ERR_INVALID: it was another program's, or the package is not served any more. */
static enum err copy_texts(struct sub *s, const struct kept *k)
{
    struct dialog *d = &s->dialog;
    struct slice  *to[N_TEXTS] = {&d->call_id, &d->local_tag, &d->remote_tag, &d->local, &d->remote, &d->target, NULL, NULL,
                                  &s->number, &s->host, &s->subscriber, NULL, &s->event_id, &s->event_params};

    for (int i = 0; i < N_TEXTS; i++)
        if (to[i] && arena_dup(&s->arena, k->text[i], to[i]))
            return ERR_NOMEM;
    if (k->text[TEXT_FLOW].n != sizeof s->flow || !(s->package = package_find(s->p, k->text[TEXT_PACKAGE])))
        return ERR_INVALID;
    memcpy(&s->flow, k->text[TEXT_FLOW].p, sizeof s->flow);
    return copy_routes(s, k->text[TEXT_ROUTES]);
}

static enum err fill(struct sub *s, const struct kept *k)
{
    enum err e = copy_texts(s, k);

    if (e)
        return e;
    s->dialog.arena = &s->arena;
    s->dialog.local_cseq = k->local_cseq;
    s->dialog.remote_cseq = k->remote_cseq;
    s->dialog.has_remote_cseq = s->dialog.confirmed = true;
    s->dialog.secure = k->secure;
    s->eventlist = k->eventlist;
    s->version = k->version;
    s->made_ms = k->made_ms;
    s->expires_ms = k->expires_ms;
    if ((e = sub_count_user(s)))
        return e;
    return sub_watch(s, &s->number, 1); /* a list's members are looked up when it is woken */
}

/* Killed between the new slot's serial and the old one's end: the newer holds. */
static struct sub *same_dialog(struct presence_shard *ps, const struct kept *k)
{
    for (struct list_node *n = list_first(&ps->waiting); n; n = list_next(&ps->waiting, n)) {
        struct sub *s = LIST_OF(n, struct sub, node);

        if (slice_eq(s->dialog.call_id, k->text[TEXT_CALL_ID]) && slice_eq(s->dialog.local_tag, k->text[TEXT_LOCAL_TAG]))
            return s;
    }
    return NULL;
}

static enum err restore_one(struct presence *p, uint32_t number, const struct slot *slot)
{
    struct presence_shard *ps;
    struct sub            *s, *other;
    struct kept            k;
    enum err               e;

    kept_read(slot, &k);
    ps = &p->shard[stack_shard_of(p->stack, k.text[TEXT_CALL_ID])];
    if ((other = same_dialog(ps, &k))) {
        if (mapped_slot(&p->file, other->slot)->serial > slot->serial)
            return ERR_EXISTS;
        mapped_give(&p->file, other->slot);
        sub_free(other);
    }
    if ((e = sub_new(p, (unsigned)(ps - p->shard), &s)))
        return e;
    if ((e = fill(s, &k))) {
        sub_free(s);
        return e;
    }
    s->slot = number;
    list_append(&ps->waiting, &s->node);
    atomic_fetch_add(&p->restored, 1);
    return ERR_OK;
}

enum err restore_all(struct presence *p)
{
    uint32_t n = mapped_count(&p->file);

    for (uint32_t i = n; i > 0; i--) {
        const struct slot *slot = mapped_slot(&p->file, i);
        bool               damaged = slot->serial != 0 && !kept_is_sound(slot);
        enum err           e = slot->serial == 0 || damaged ? ERR_NOTFOUND : restore_one(p, i, slot);

        if (slot->serial >= p->file.serial)
            p->file.serial = slot->serial + 1;
        if (damaged)
            atomic_fetch_add(&p->file.damaged, 1);
        if (e)
            mapped_give(&p->file, i);
        if (e == ERR_NOMEM)
            return e;
    }
    return ERR_OK;
}
