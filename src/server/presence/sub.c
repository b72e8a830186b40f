/* sub.c - the life of a subscription: made, found, kept in the file, ended.
 *
 * Room      server/presence.
 * Touches   struct sub and what of its shard leads to it; the shard is held, but while a start restores it.
 * Ends      sub_end() owes the subscriber a last NOTIFY (RFC 6665 §4.4.1); sub_drop() says nothing. The memory goes when no
 *           transaction can call any more. */
#include <string.h>

#include "server/presence/presence_priv.h"

enum { ROUTES_OCTETS = 1024 };

enum err sub_new(struct presence *p, unsigned shard, struct sub **out)
{
    struct sub *s;

    if (atomic_fetch_add(&p->n_subs, 1) >= PRESENCE_MAX_SUBSCRIPTIONS) {
        atomic_fetch_sub(&p->n_subs, 1);
        return ERR_FULL;
    }
    if (!(s = mem_zalloc(p->mem, sizeof *s))) {
        atomic_fetch_sub(&p->n_subs, 1);
        return ERR_NOMEM;
    }
    s->p = p;
    s->index = shard;
    s->retry_ms = RETRY_MS;
    arena_init(&s->arena, p->mem, SUB_BLOCK_OCTETS, SUB_MAX_OCTETS);
    *out = s;
    return ERR_OK;
}

enum err sub_count_user(struct sub *s)
{
    enum err e = index_add(s->p, NULL, s->subscriber, s->index, PRESENCE_MAX_OF_USER);

    s->user_counted = !e;
    return e;
}

/* ---- what it watches ---- */

static void unlink_watches(struct sub *s)
{
    struct map *by_number = &s->p->shard[s->index].by_number;

    for (size_t i = 0; i < s->n_watch; i++) {
        if (s->watch[i].linked)
            map_remove(by_number, &s->watch[i].by_number);
        index_remove(s->p, s->package, s->watch[i].number, s->index);
    }
    mem_free(s->p->mem, s->watch, s->watch_octets);
    s->watch = NULL;
    s->n_watch = s->watch_octets = 0;
}

static void link_watches(struct presence_shard *ps, struct sub *s)
{
    for (size_t i = 0; i < s->n_watch; i++) {
        struct watch *w = &s->watch[i];

        map_insert(&ps->by_number, &w->by_number, index_hash(s->p, s->package, w->number));
        w->linked = true;
    }
}

static struct watch *copy_watches(struct sub *s, const struct slice *numbers, size_t n, size_t *octets)
{
    struct watch *list;
    char         *at;

    *octets = n * sizeof *list;
    for (size_t i = 0; i < n; i++)
        *octets += numbers[i].n;
    if (!(list = mem_zalloc(s->p->mem, *octets)))
        return NULL;
    at = (char *)(list + n);
    for (size_t i = 0; i < n; i++) {
        list[i].sub = s;
        list[i].number = (struct slice){at, numbers[i].n};
        if (numbers[i].n)
            memcpy(at, numbers[i].p, numbers[i].n);
        at += numbers[i].n;
    }
    return list;
}

enum err sub_watch(struct sub *s, const struct slice *numbers, size_t n)
{
    size_t        octets, i = 0;
    struct watch *list = copy_watches(s, numbers, n, &octets);
    enum err      e = list ? ERR_OK : ERR_NOMEM;

    while (!e && i < n)
        if ((e = index_add(s->p, s->package, numbers[i], s->index, 0)) == ERR_OK)
            i++;
    if (e) {
        while (i > 0)
            index_remove(s->p, s->package, numbers[--i], s->index);
        mem_free(s->p->mem, list, octets);
        return e;
    }
    unlink_watches(s);
    s->watch = list;
    s->n_watch = n;
    s->watch_octets = octets;
    if (s->linked)
        link_watches(&s->p->shard[s->index], s);
    return ERR_OK;
}

/* ---- its shard ---- */

static uint64_t dialog_hash(const struct presence *p, struct slice call_id, struct slice local_tag)
{
    return hash_pair(&p->config.hash, call_id, local_tag);
}

static void on_expiry(void *arg)
{
    sub_end(arg, "timeout");
}

static void on_later(void *arg)
{
    notify_look(arg);
}

void sub_link(struct presence_shard *ps, struct sub *s)
{
    s->expiry.fire = on_expiry;
    s->later.fire = on_later;
    s->expiry.arg = s->later.arg = s;
    list_append(&ps->subs, &s->node);
    map_insert(&ps->by_dialog, &s->by_dialog, dialog_hash(s->p, s->dialog.call_id, s->dialog.local_tag));
    s->linked = true;
    link_watches(ps, s);
}

struct sub *sub_find(struct presence_shard *ps, struct slice call_id, struct slice local_tag, struct slice remote_tag)
{
    for (struct map_node *n = map_find(&ps->by_dialog, dialog_hash(ps->p, call_id, local_tag)); n; n = map_find_next(n)) {
        struct sub *s = MAP_OF(n, struct sub, by_dialog);

        if (s->state == SUB_ACTIVE && slice_eq(s->dialog.call_id, call_id) && slice_eq(s->dialog.local_tag, local_tag) &&
            slice_eq(s->dialog.remote_tag, remote_tag))
            return s;
    }
    return NULL;
}

void sub_free(struct sub *s)
{
    struct presence *p = s->p;

    if (s->sh) {
        shard_timer_stop(s->sh, &s->expiry);
        shard_timer_stop(s->sh, &s->later);
    }
    unlink_watches(s);
    if (s->user_counted)
        index_remove(p, NULL, s->subscriber, s->index);
    if (s->linked)
        map_remove(&p->shard[s->index].by_dialog, &s->by_dialog);
    list_remove(&s->node);
    list_remove(&s->due);
    if (s->asking)
        atomic_fetch_sub(&p->pending, 1);
    mem_free(p->mem, s->known, s->n_known * sizeof *s->known);
    arena_close(&s->arena);
    atomic_fetch_sub(&p->n_subs, 1);
    mem_free(p->mem, s, sizeof *s);
}

/* ---- the file ---- */

static struct slice routes_text(const struct sub *s, struct buf *b)
{
    for (size_t i = 0; i < s->dialog.n_routes; i++)
        buf_puts(b, S("<"), s->dialog.route[i], S(">"));
    return buf_slice(b);
}

enum err sub_keep(struct sub *s)
{
    const struct dialog *d = &s->dialog;
    char                 routes[ROUTES_OCTETS];
    struct buf           b = BUF_ON(routes);
    struct kept          k = {.made_ms = s->made_ms, .expires_ms = s->expires_ms, .local_cseq = d->local_cseq,
                              .remote_cseq = d->remote_cseq, .version = s->version, .eventlist = s->eventlist,
                              .secure = d->secure};

    k.text[TEXT_CALL_ID] = d->call_id;
    k.text[TEXT_LOCAL_TAG] = d->local_tag;
    k.text[TEXT_REMOTE_TAG] = d->remote_tag;
    k.text[TEXT_LOCAL] = d->local;
    k.text[TEXT_REMOTE] = d->remote;
    k.text[TEXT_TARGET] = d->target;
    k.text[TEXT_ROUTES] = routes_text(s, &b);
    k.text[TEXT_FLOW] = (struct slice){(const char *)&s->flow, sizeof s->flow};
    k.text[TEXT_NUMBER] = s->number;
    k.text[TEXT_HOST] = s->host;
    k.text[TEXT_SUBSCRIBER] = s->subscriber;
    k.text[TEXT_PACKAGE] = s->package->name;
    k.text[TEXT_EVENT_ID] = s->event_id;
    k.text[TEXT_EVENT_PARAMS] = s->event_params;
    return buf_err(&b) ? ERR_LIMIT : mapped_put(&s->p->file, &k, &s->slot);
}

void sub_set_expiry(struct sub *s, uint32_t seconds)
{
    s->expires_ms = wall_ms(s->sh) + (int64_t)seconds * 1000;
    shard_timer_start(s->sh, &s->expiry, (uint64_t)seconds * 1000);
}

/* ---- the end ---- */

void sub_log(const struct sub *s, const char *event, struct slice why)
{
    struct log_line l;

    log_begin(&l, s->p->config.log, LOG_INFO, event, s->dialog.call_id);
    log_text(&l, "package", s->package->name);
    log_text(&l, "number", s->number);
    log_text(&l, "subscriber", s->subscriber);
    if (why.n)
        log_text(&l, "why", why);
    log_end(&l);
}

/* Nobody has to find it any more. */
static void withdraw(struct sub *s)
{
    shard_timer_stop(s->sh, &s->expiry);
    shard_timer_stop(s->sh, &s->later);
    unlink_watches(s);
}

void sub_end(struct sub *s, const char *reason)
{
    if (s->state != SUB_ACTIVE)
        return;
    sub_log(s, LOG_EVENT("subscription.ended"), slice_z(reason));
    withdraw(s);
    s->state = SUB_ENDING;
    s->reason = reason;
    s->dirty = s->forced = true;
    notify_look(s);
}

void sub_drop(struct sub *s)
{
    withdraw(s);
    mapped_give(&s->p->file, s->slot);
    s->slot = NO_SLOT;
    s->state = SUB_DONE;
    if (!s->open)
        sub_free(s);
}
