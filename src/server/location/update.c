/* update.c - one REGISTER's change: its turn, its promise, its end.
 *
 *   location_update() -> [waits for its turn] -> change_work_out() -> refresh: shown at once, noted in a mapped file
 *                                                                  -> promise: committed, then shown
 *                     -> done() -> the next in turn
 *
 * Room      server/location.
 * Threads   an update is carried on by whoever has the turn: first the caller, after a commit the store's callback.
 * Touches   the AOR's record, turn and queue; slots and contact chains. */
#include <string.h>

#include "server/location/location_priv.h"

#define ARENA_BLOCK 512
#define ARENA_LIMIT 262144

/* ---- turns ---- */
static bool turn_try(struct location *l, struct aor *a)
{
    struct stripe *s = stripe_of(l, a->hash);
    bool           mine;

    spin_lock(&s->lock);
    mine = aor_take_turn(a);
    spin_unlock(&s->lock);
    return mine;
}

/* The one that goes on; NULL: the turn is free again. */
static struct update *turn_next(struct location *l, struct aor *a)
{
    struct stripe *s = stripe_of(l, a->hash);
    struct update *next;

    spin_lock(&s->lock);
    if ((next = a->waiting)) {
        a->waiting = next->next;
        a->n_waiting--;
    } else {
        a->busy = 0;
    }
    spin_unlock(&s->lock);
    return next;
}

/* Take the turn, or stand in the queue. ERR_AGAIN: it waits. ERR_BUSY: too many do. `waits` is made beforehand. */
static enum err turn_take(struct location *l, struct aor *a, struct update *waits)
{
    struct stripe  *s = stripe_of(l, a->hash);
    struct update **last;
    enum err        e;

    spin_lock(&s->lock);
    if (aor_take_turn(a)) {
        e = ERR_OK;
    } else if (a->n_waiting >= LOCATION_MAX_WAITING) {
        e = ERR_BUSY;
    } else {
        for (last = &a->waiting; *last; last = &(*last)->next)
            ;
        *last = waits;
        a->n_waiting++;
        e = ERR_AGAIN;
    }
    spin_unlock(&s->lock);
    return e;
}

/* ---- showing ---- */
static void publish(struct update *u)
{
    struct location *l = u->l;
    struct record   *fresh = u->fresh, *old = aor_record(u->aor);

    for (uint32_t i = 0; i < u->n_made; i++)
        contact_add(l, u->parts[i].made.slot, u->parts[i].made.hash);
    for (uint32_t i = 0; i < u->n_moved; i++)
        contact_move(l, u->parts[i].moved.slot, u->parts[i].moved.hash);
    if (old != fresh)
        atomic_store(&u->aor->record, fresh);
    update_tell(u, old);
    if (l->changed && (u->promise || u->n_dropped > 0))
        l->changed(l->changed_ctx, (struct slice){u->aor->text, u->aor->n});
    u->fresh = NULL;
    for (uint32_t i = 0; i < u->n_dropped; i++) {
        contact_remove(l, u->parts[i].dropped);
        slots_give(l, u->parts[i].dropped);
    }
    if (old && old != fresh)
        pieces_put_by(&l->pieces, &old->head);
}

/* ---- the end of one ---- */
static void update_free(struct update *u)
{
    if (!u || !u->octets)
        return;
    arena_close(&u->arena);
    mem_free(&u->l->heap.mem, u, u->octets);
}

/* Tell the caller, and give up the turn. Returns who goes on. */
static struct update *finish(struct update *u, enum err e)
{
    struct location        *l = u->l;
    struct aor             *a = u->aor;
    struct update          *next;
    struct location_binding list[LOCATION_MAX_CONTACTS_HARD];
    size_t                  n = e ? 0 : location_record_list(l, a, aor_record(a), u->change.now_ms, list);

    if (e)
        atomic_fetch_add_explicit(&l->n_refused, 1, memory_order_relaxed);
    u->done(u->arg, e, list, n);
    next = turn_next(l, a);
    update_free(u);
    return next;
}

/* ---- storing ---- */
/* Is the i-th binding of what the AOR will have one that the change has touched? */
static bool is_touched(const struct update *u, uint32_t i)
{
    return u->fresh->b[i].registered_ms == u->change.now_ms;
}

static void delete_rows(struct store_write *w, const struct update *u)
{
    for (uint32_t i = 0; i < u->n_dropped; i++)
        store_delete_binding(w, u->parts[i].dropped);
}

/* Rows of what the change touched, and of those that went. */
static void put_rows(struct store_write *w, const struct update *u)
{
    for (uint32_t i = 0; u->fresh && i < u->fresh->head.n; i++)
        if (is_touched(u, i))
            location_put_row(w, u->l, u->aor, u->fresh, i);
    delete_rows(w, u);
}

/* All that was refreshed into the mapped file; false when not all of it could go there. */
static bool note_refreshed(const struct update *u)
{
    bool all = true;

    for (uint32_t i = 0; u->fresh && i < u->fresh->head.n; i++)
        if (is_touched(u, i))
            all &= refreshed_note(u->l, u->fresh, i);
    return all;
}

/* What is written behind may get lost in a crash, and so may be left out when there is no memory for it. */
static void write_behind(const struct update *u)
{
    bool                noted = note_refreshed(u);
    struct store_write *w = noted && u->n_dropped == 0 ? NULL : store_begin(u->l->conf.store, STORE_BEHIND);

    if (!w)
        return;
    if (noted)
        delete_rows(w, u);
    else
        put_rows(w, u);
    store_submit(w, NULL, NULL);
}

static void forget_refreshed(const struct update *u)
{
    for (uint32_t i = 0; u->fresh && i < u->fresh->head.n; i++)
        if (is_touched(u, i))
            refreshed_forget(u->l, u->fresh->b[i].slot);
}

/* Nothing of it will be. */
static void take_back(struct update *u)
{
    location_record_free(u->l, u->fresh);
    for (uint32_t i = 0; i < u->n_made; i++)
        slots_give(u->l, u->parts[i].made.slot);
}

static void drive(struct update *u);

static void on_committed(void *arg, enum err e)
{
    struct update *u = arg;

    if (!e) {
        forget_refreshed(u);
        publish(u);
        atomic_fetch_add_explicit(&u->l->n_promises, 1, memory_order_relaxed);
    } else {
        take_back(u);
    }
    drive(finish(u, e));
}

static size_t octets_of(const struct update *u)
{
    uint32_t n = u->n_made > u->n_moved ? u->n_made : u->n_moved;

    return offsetof(struct update, parts) + (n > u->n_dropped ? n : u->n_dropped) * sizeof *u->parts;
}

/* Into memory of its own, when it is on the caller's stack: it lasts longer than this call now. The change's texts are in u->fresh. */
static struct update *settle(struct update *u)
{
    size_t         octets = octets_of(u);
    struct update *h;

    if (u->octets)
        return u;
    if (!(h = mem_alloc(&u->l->heap.mem, octets)))
        return NULL;
    memcpy(h, u, octets);
    h->octets = (uint32_t)octets;
    arena_init(&h->arena, &h->l->heap.mem, ARENA_BLOCK, ARENA_LIMIT);
    return h;
}

static struct update *give_up(struct update *u)
{
    take_back(u);
    return finish(u, ERR_NOMEM);
}

/* One update that has its turn, as far as it goes now. Returns who goes on. */
static struct update *step(struct update *u)
{
    enum err            e = change_work_out(u);
    struct store_write *w;
    struct update      *h;

    if (e)
        return finish(u, e);
    if (!u->promise) {
        write_behind(u);
        publish(u);
        atomic_fetch_add_explicit(&u->l->n_refreshes, u->change.n_contacts > 0, memory_order_relaxed);
        return finish(u, ERR_OK);
    }
    if (!(w = store_begin(u->l->conf.store, STORE_PROMISE)))
        return give_up(u);
    if (!(h = settle(u))) {
        store_drop(w);
        return give_up(u);
    }
    put_rows(w, h);
    store_submit(w, on_committed, h);
    return NULL; /* on_committed() carries on, or has done so */
}

static void drive(struct update *u)
{
    while (u)
        u = step(u);
}

/* On the caller's stack. */
static void begin(struct update *u, struct location *l, location_done *done, void *arg)
{
    memset(u, 0, offsetof(struct update, parts));
    u->l = l;
    u->done = done;
    u->arg = arg;
}

static void nobody_asked(void *arg, enum err e, const struct location_binding *b, size_t n)
{
    (void)arg, (void)e, (void)b, (void)n;
}

/* A change without contacts: the expired ones go, as they do with every change. */
bool aor_expire(struct location *l, struct aor *a, int64_t now_ms)
{
    struct update u;

    begin(&u, l, nobody_asked, NULL);
    u.aor = a;
    u.change.now_ms = now_ms;
    if (!turn_try(l, a))
        return false;
    drive(&u);
    return true;
}

/* ---- in ---- */
static bool too_long(const struct location_change *c)
{
    if (c->aor.n == 0 || c->aor.n > LOCATION_MAX_AOR || c->aor_uri.n > LOCATION_MAX_AOR || c->call_id.n > LOCATION_MAX_CALL_ID ||
        c->path.n > LOCATION_MAX_PATH || c->received.n > LOCATION_MAX_RECEIVED || c->flow.n > LOCATION_MAX_FLOW ||
        c->n_contacts > LOCATION_MAX_CONTACTS_HARD)
        return true;
    for (size_t i = 0; i < c->n_contacts; i++)
        if (c->contacts[i].uri.n > LOCATION_MAX_CONTACT || c->contacts[i].instance.n > LOCATION_MAX_INSTANCE)
            return true;
    return false;
}

/* The same URI twice, or the same flow of the same phone twice, means nothing. A single one is read when it is looked for. */
static enum err check_contacts(const struct location_change *c)
{
    for (size_t i = 0; i < c->n_contacts && c->n_contacts > 1; i++) {
        const struct location_contact *a = &c->contacts[i];
        struct uri                     u, v;

        if (uri_parse(a->uri, &u, NULL))
            return ERR_SYNTAX;
        for (size_t k = 0; k < i; k++) {
            const struct location_contact *b = &c->contacts[k];

            if (uri_parse(b->uri, &v, NULL) == ERR_OK && uri_equal(&u, &v))
                return ERR_INVALID;
            if (a->reg_id && a->reg_id == b->reg_id && a->instance.n && slice_eq(a->instance, b->instance))
                return ERR_INVALID;
        }
    }
    return ERR_OK;
}

static enum err copy_change(struct update *u, const struct location_change *c)
{
    struct location_contact *list;
    struct location_change  *to = &u->change;
    struct slice            *texts[] = {&to->aor, &to->aor_uri, &to->call_id, &to->path, &to->agent, &to->received, &to->flow};

    *to = *c;
    to->agent = slice_to(c->agent, LOCATION_MAX_AGENT);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (arena_dup(&u->arena, *texts[i], texts[i]))
            return ERR_NOMEM;
    if (!(list = arena_alloc(&u->arena, c->n_contacts * sizeof *list)))
        return ERR_NOMEM;
    for (size_t i = 0; i < c->n_contacts; i++) {
        list[i] = c->contacts[i];
        list[i].parsed = NULL; /* of texts that will be gone */
        if (arena_dup(&u->arena, list[i].uri, &list[i].uri) || arena_dup(&u->arena, list[i].instance, &list[i].instance))
            return ERR_NOMEM;
    }
    to->contacts = list;
    return ERR_OK;
}

static struct update *update_make(const struct update *from)
{
    struct update *u = mem_alloc(&from->l->heap.mem, sizeof *u);

    if (!u)
        return NULL;
    begin(u, from->l, from->done, from->arg);
    u->aor = from->aor;
    u->octets = sizeof *u;
    arena_init(&u->arena, &u->l->heap.mem, ARENA_BLOCK, ARENA_LIMIT);
    if (copy_change(u, &from->change)) {
        update_free(u);
        return NULL;
    }
    return u;
}

/* The AOR is being changed by somebody: wait behind them, with copies of everything. */
static void stand_in_line(struct update *u)
{
    struct update *waits = update_make(u);
    enum err       e = waits ? turn_take(u->l, u->aor, waits) : ERR_NOMEM;

    if (e == ERR_AGAIN)
        return;
    if (e == ERR_OK) { /* it has become free meanwhile */
        drive(waits);
        return;
    }
    update_free(waits);
    atomic_fetch_add_explicit(&u->l->n_refused, 1, memory_order_relaxed);
    u->done(u->arg, e, NULL, 0);
}

static void tell_current(struct update *u)
{
    struct arena             arena;
    struct location_binding *list = NULL;
    size_t                   n = 0;
    enum err                 e;

    arena_init(&arena, &u->l->heap.mem, 4096, 0);
    e = location_lookup(u->l, u->change.aor, u->change.now_ms, &arena, &list, &n);
    u->done(u->arg, e, list, n);
    arena_close(&arena);
}

void location_update(struct location *l, const struct location_change *change, location_done *done, void *arg)
{
    struct update u;
    bool          turn;
    enum err      e = too_long(change) ? ERR_LIMIT : check_contacts(change);

    begin(&u, l, done, arg);
    u.change = *change;
    if (!e && change->n_contacts == 0 && !change->remove_all) {
        tell_current(&u);
        return;
    }
    if (!e)
        e = aor_get(l, change->aor, &u.aor, &turn);
    if (e) {
        atomic_fetch_add_explicit(&l->n_refused, 1, memory_order_relaxed);
        done(arg, e, NULL, 0);
        return;
    }
    if (turn)
        drive(&u);
    else
        stand_in_line(&u);
}
