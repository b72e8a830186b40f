/* watch.c - trunks come, change and go; their registrations.
 *
 * Room      server/trunk.
 * In        the tick, in its shard; what ua tells of a registration, in that one's shard.
 * Out       ask.c, when OPTIONS is due.
 * Touches   the watches, under the lock. An account is closed here alone, a tick after it has left.
 * Changed   a trunk that has been set anew is another one: the old registration is taken away before the new one begins. */
#include "server/trunk/trunk_priv.h"

#include <limits.h>
#include <string.h>

struct watch *trunk_find_locked(struct trunks *t, struct slice name)
{
    for (size_t i = 0; i < DIRECTORY_MAX_TRUNKS; i++)
        if (t->watch[i].used && !t->watch[i].gone && slice_eq(t->watch[i].name, name))
            return &t->watch[i];
    return NULL;
}

/* ---- coming ---- */

static struct watch *free_place(struct trunks *t)
{
    for (size_t i = 0; i < DIRECTORY_MAX_TRUNKS; i++)
        if (!t->watch[i].used)
            return &t->watch[i];
    return NULL;
}

static struct ua_account *open_account(struct trunks *t, const struct directory_trunk *d)
{
    struct ua_account_config c = {.user = d->user, .domain = d->domain, .auth_name = d->auth_name, .password = d->password,
                                  .server = d->server};
    struct ua_account       *a = NULL;

    return d->registers && ua_account_open(t->ua, &c, &a) == ERR_OK ? a : NULL;
}

/* NULL: no place yet; it is tried again at the next tick. */
static struct watch *add(struct trunks *t, const struct directory_trunk *d)
{
    struct watch *w;
    struct buf    b;

    spin_lock(&t->lock);
    if ((w = free_place(t))) {
        *w = (struct watch){.t = t, .used = true, .version = d->version, .code = UINT_MAX};
        memcpy(w->name_text, d->name.p, d->name.n);
        w->name = (struct slice){w->name_text, d->name.n};
        buf_init(&b, w->call_id_text, sizeof w->call_id_text);
        stack_put_token(t->config.rng, &b);
        w->call_id = buf_slice(&b);
        w->shard = stack_shard_of(t->stack, w->call_id);
        w->account = open_account(t, d);
        w->state = w->account ? ACCOUNT_TRYING : ACCOUNT_NONE;
        atomic_fetch_add(&t->n_watches, 1);
    }
    spin_unlock(&t->lock);
    return w;
}

/* ---- going ---- */

/* Is nothing of it under way any more? Then its place is free. */
static void leave(struct watch *w, uint8_t worker)
{
    struct trunks     *t = w->t;
    struct ua_account *a = NULL;

    spin_lock(&t->lock);
    if (w->account && (w->state == ACCOUNT_TRYING || w->state == ACCOUNT_REGISTERED)) {
        w->state = ACCOUNT_LEAVING;
        a = w->account;
    } else if (!w->asking && (!w->account || w->state == ACCOUNT_LEFT)) {
        ua_account_close(w->account);
        w->account = NULL;
        w->used = false;
        atomic_fetch_sub(&t->n_watches, 1);
    }
    spin_unlock(&t->lock);
    if (a && ua_unregister(a, worker)) {
        spin_lock(&t->lock);
        w->state = ACCOUNT_REGISTERED; /* no memory: at the next tick */
        spin_unlock(&t->lock);
    }
}

/* ---- the tick ---- */

static void ask_if_due(struct watch *w, const struct directory_trunk *d, uint64_t now_ms)
{
    bool due;

    spin_lock(&w->t->lock);
    due = d->qualify_s && !w->asking && now_ms >= w->ask_at_ms;
    if (due) {
        w->asking = true;
        w->ask_at_ms = now_ms + 1000u * d->qualify_s;
    }
    spin_unlock(&w->t->lock);
    if (due)
        trunk_ask(w);
}

static void look(struct trunks *t, struct shard *sh, const struct directory_trunk *d)
{
    struct watch *w;
    bool          leaving = false;

    spin_lock(&t->lock);
    w = trunk_find_locked(t, d->name);
    if (w && w->version != d->version) {
        w->gone = true;
        w = NULL;
    }
    for (size_t i = 0; i < DIRECTORY_MAX_TRUNKS; i++)
        leaving |= t->watch[i].used && t->watch[i].gone && slice_eq(t->watch[i].name, d->name);
    spin_unlock(&t->lock);
    if (leaving)
        return; /* one that it was before */
    if (!w && (w = add(t, d)) && d->registers && (!w->account || ua_register(w->account, shard_worker(sh)))) {
        spin_lock(&t->lock);
        w->gone = true; /* no memory: it is begun anew */
        spin_unlock(&t->lock);
    } else if (w)
        ask_if_due(w, d, shard_now_ms(sh));
}

/* A connection that we had registered by has gone: it is done again, by another one. Accounts come and go in the tick alone. */
static void take_lost(struct trunks *t, struct shard *sh)
{
    struct flow lost[LOST_FLOWS];
    size_t      n;

    spin_lock(&t->lock);
    n = t->n_lost;
    for (size_t i = 0; i < n; i++)
        lost[i] = t->lost[i];
    t->n_lost = 0;
    spin_unlock(&t->lock);
    for (size_t i = 0; i < n; i++)
        ua_flow_lost(t->ua, t->stack, shard_worker(sh), &lost[i]);
}

void trunk_on_tick(void *arg, struct shard *sh)
{
    struct trunks                *t = arg;
    const struct directory_view  *view = directory_take(t->config.directory);
    const struct directory_trunk *list;
    size_t                        n = directory_trunks(view, &list);

    atomic_store(&t->posted, false);
    take_lost(t, sh);
    for (size_t i = 0; i < DIRECTORY_MAX_TRUNKS; i++) {
        struct watch *w = &t->watch[i];

        if (!w->used)
            continue;
        if (!w->gone && !directory_trunk(view, w->name)) {
            spin_lock(&t->lock);
            w->gone = true;
            spin_unlock(&t->lock);
        }
        if (w->gone)
            leave(w, shard_worker(sh));
    }
    for (size_t i = 0; i < n; i++)
        look(t, sh, &list[i]);
    directory_give(view);
}

/* ---- registrations ---- */

static struct watch *of_account_locked(struct trunks *t, const struct ua_account *a)
{
    for (size_t i = 0; i < DIRECTORY_MAX_TRUNKS; i++)
        if (t->watch[i].used && t->watch[i].account == a)
            return &t->watch[i];
    return NULL;
}

void trunk_on_registration(void *arg, struct ua_account *a, const struct ua_registration *r)
{
    struct trunks *t = arg;
    struct watch  *w;

    spin_lock(&t->lock);
    w = of_account_locked(t, a);
    if (w && r->kind == UA_UNREGISTERED)
        w->state = ACCOUNT_LEFT;
    else if (w && w->state != ACCOUNT_LEAVING)
        w->state = r->kind == UA_REGISTERED ? ACCOUNT_REGISTERED : ACCOUNT_TRYING;
    if (w)
        w->code = r->code;
    spin_unlock(&t->lock);
    if (w && r->kind == UA_REGISTERED)
        trunk_log(t, LOG_INFO, LOG_EVENT("trunk.registered"), w, 0);
    else if (w && r->kind == UA_REGISTER_FAILED)
        trunk_log(t, LOG_WARN, LOG_EVENT("trunk.refused"), w, r->code);
}
