/* view.c - views: made, published, read, freed.
 *
 * Room      server/directory.
 * Readers   `current` holds the newest view's index and how often it was taken, in one word. One atomic add takes both, so
 *           there is no moment between finding the view and being counted. directory_give() adds to the view's own count.
 * Writers   (one at a time, under d->acting) put the new view's index there with a count of zero, and get back how often the
 *           old one was taken altogether. It can go when it was given back as often; that is looked at when the next one is
 *           made or published, oldest first. Readers free nothing.
 * Bounds    48 bits of takes last some centuries; 64 views alive, then publishing says ERR_BUSY.
 * Touches   d->current, d->views, d->oldest, d->newest; the views. */
#include <stdlib.h>
#include <string.h>

#include "server/directory/directory_priv.h"

#define TAKES ((UINT64_C(1) << DIRECTORY_VIEW_SHIFT) - 1)

/* ---- readers ---- */
const struct directory_view *directory_take(struct directory *d)
{
    uint64_t was = atomic_fetch_add_explicit(&d->current, 1, memory_order_acq_rel);

    return d->views[was >> DIRECTORY_VIEW_SHIFT];
}

void directory_give(const struct directory_view *v)
{
    if (v)
        atomic_fetch_add_explicit(&((struct directory_view *)(uintptr_t)v)->given, 1, memory_order_release);
}

static struct user_cell *find(const struct cell_table *t, uint64_t hash, struct slice key, bool by_auth)
{
    struct user_cell *c;

    for (size_t i = hash & t->mask; (c = t->slots[i]); i = (i + 1) & t->mask)
        if ((by_auth ? c->auth_hash : c->hash) == hash && slice_eq(by_auth ? c->u.auth_name : c->u.number, key))
            return c;
    return NULL;
}

struct user_cell *view_find(const struct directory_view *v, struct slice number)
{
    return find(&v->by_number, hash_name(&v->d->key, number), number, false);
}

struct user_cell *view_find_auth(const struct directory_view *v, struct slice auth_name)
{
    uint64_t          hash = hash_name(&v->d->key, auth_name);
    struct user_cell *c = find(&v->by_auth, hash, auth_name, true);

    if (c)
        return c;
    c = find(&v->by_number, hash, auth_name, false);
    return c && slice_eq(c->u.auth_name, auth_name) ? c : NULL;
}

struct user_cell *view_auth_clash(const struct directory_view *v, const struct user_cell *c)
{
    const struct cell_table *t = &v->by_auth;
    struct user_cell        *other = find(&v->by_number, c->auth_hash, c->u.auth_name, false);

    if (other && other != c && slice_eq(other->u.auth_name, c->u.auth_name))
        return other;
    for (size_t i = c->auth_hash & t->mask; (other = t->slots[i]); i = (i + 1) & t->mask)
        if (other != c && slice_eq(other->u.auth_name, c->u.auth_name))
            return other;
    return NULL;
}

const struct directory_user *directory_user(const struct directory_view *v, struct slice number)
{
    struct user_cell *c = view_find(v, number);

    return c ? &c->u : NULL;
}

const struct directory_user *directory_user_by_auth(const struct directory_view *v, struct slice auth_name)
{
    struct user_cell *c = view_find_auth(v, auth_name);

    return c ? &c->u : NULL;
}

const struct directory_user *directory_decoy(const struct directory_view *v)
{
    return &v->d->decoy->u;
}

bool directory_open_house(const struct directory_view *v)
{
    return v->d->conf.open_house;
}

struct slice directory_realm(const struct directory_view *v)
{
    return v->d->realm;
}

size_t directory_trunks(const struct directory_view *v, const struct directory_trunk **out)
{
    *out = v->trunks->trunks;
    return v->trunks->n;
}

const struct directory_trunk *directory_trunk(const struct directory_view *v, struct slice name)
{
    for (size_t i = 0; i < v->trunks->n; i++)
        if (slice_eq(v->trunks->trunks[i].name, name))
            return &v->trunks->trunks[i];
    return NULL;
}

static struct slice emergency_numbers(const struct directory_view *v)
{
    return v->d->conf.emergency.n ? v->d->conf.emergency : S(DIRECTORY_EMERGENCY);
}

bool directory_is_emergency(const struct directory_view *v, struct slice number)
{
    return plan_is_emergency(emergency_numbers(v), number);
}

struct slice directory_emergency(const struct directory_view *v)
{
    struct slice rest = emergency_numbers(v), first;

    slice_cut(&rest, ',', &first);
    return first;
}

void directory_counts(const struct directory_view *v, struct directory_counts *out)
{
    *out = (struct directory_counts){v->by_number.n - v->n_groups, v->n_groups, v->without_secret};
}

static int by_number(const void *a, const void *b)
{
    struct slice x = (*(const struct user_cell *const *)a)->u.number, y = (*(const struct user_cell *const *)b)->u.number;

    if (x.n != y.n)
        return x.n < y.n ? -1 : 1;
    return slice_cmp(x, y);
}

enum err directory_each(const struct directory_view *v, bool (*each)(void *arg, const struct directory_user *u), void *arg)
{
    struct mem        *mem = v->d->conf.mem;
    size_t             n = 0, octets = (v->by_number.n + 1) * sizeof(struct user_cell *);
    struct user_cell **list = mem_alloc(mem, octets);

    if (!list)
        return ERR_NOMEM;
    for (size_t i = 0; i <= v->by_number.mask; i++)
        if (v->by_number.slots[i])
            list[n++] = v->by_number.slots[i];
    qsort(list, n, sizeof *list, by_number); /* numbers differ: there are no ties */
    for (size_t i = 0; i < n; i++)
        if (!each(arg, &list[i]->u))
            break;
    mem_free(mem, list, octets);
    return ERR_OK;
}

/* ---- tables ---- */
static enum err table_init(struct cell_table *t, struct mem *mem, size_t n)
{
    size_t slots = 8;

    while (slots < n * 2)
        slots *= 2;
    *t = (struct cell_table){.mask = slots - 1};
    t->slots = mem_zalloc(mem, slots * sizeof *t->slots);
    return t->slots ? ERR_OK : ERR_NOMEM;
}

static void table_close(struct cell_table *t, struct mem *mem)
{
    if (t->slots)
        mem_free(mem, t->slots, (t->mask + 1) * sizeof *t->slots);
    t->slots = NULL;
}

static void table_put(struct cell_table *t, struct user_cell *c, uint64_t hash)
{
    size_t i = hash & t->mask;

    while (t->slots[i])
        i = (i + 1) & t->mask;
    t->slots[i] = c;
    t->n++;
}

static bool has_auth_name(const struct user_cell *c)
{
    return !slice_eq(c->u.number, c->u.auth_name);
}

static size_t n_with_auth_name(const struct view_change *c)
{
    size_t n = 0;

    for (const struct user_cell *cell = c->put; cell; cell = cell->next_garbage)
        n += has_auth_name(cell);
    return n;
}

static void add(struct directory_view *v, struct user_cell *c)
{
    table_put(&v->by_number, c, c->hash);
    if (has_auth_name(c))
        table_put(&v->by_auth, c, c->auth_hash);
    v->n_groups += c->u.is_group;
    v->without_secret += !c->u.is_group && c->u.ha1_md5.n == 0 && c->u.ha1_sha256.n == 0;
}

/* ---- making ---- */
/* All cells of the newest view that stay; those that do not are noted in v->garbage for the moment of publishing. */
static void carry_over(struct directory *d, struct directory_view *v, const struct view_change *c)
{
    const struct cell_table *old = &d->newest->by_number;

    for (size_t i = 0; i <= old->mask; i++) {
        struct user_cell *cell = old->slots[i];

        if (!cell)
            continue;
        if (find(&v->by_number, cell->hash, cell->u.number, false) || (c->removed && slice_eq(*c->removed, cell->u.number)))
            continue;
        add(v, cell);
    }
}

static void free_with_garbage(struct directory_view *v)
{
    struct directory *d = v->d;

    for (struct user_cell *c = v->garbage, *next; c; c = next) {
        next = c->next_garbage;
        cell_free(d, c);
    }
    for (struct name_list *n = v->garbage_names, *next; n; n = next) {
        next = n->next_garbage;
        names_free(n);
    }
    trunks_free(v->garbage_trunks);
    d->views[v->index] = NULL;
    view_free(v);
}

/* Views that have been given back as often as they were taken, oldest first. */
static void collect(struct directory *d)
{
    while (d->oldest != d->newest && atomic_load_explicit(&d->oldest->given, memory_order_acquire) == d->oldest->taken) {
        struct directory_view *gone = d->oldest;

        d->oldest = gone->newer;
        free_with_garbage(gone);
    }
}

enum err view_make(struct directory *d, const struct view_change *c, struct directory_view **out)
{
    struct mem            *mem = d->conf.mem;
    struct directory_view *v = mem_zalloc(mem, sizeof *v);
    size_t                 n = c->n_put + (d->newest ? d->newest->by_number.n : 0);
    size_t                 n_auth = n_with_auth_name(c) + (d->newest ? d->newest->by_auth.n : 0);
    enum err               e = ERR_NOMEM;

    if (!v)
        return ERR_NOMEM;
    collect(d);
    v->d = d;
    v->names = c->names ? c->names : d->newest->names;
    v->trunks = c->trunks ? c->trunks : d->newest->trunks;
    if (table_init(&v->by_number, mem, n) || table_init(&v->by_auth, mem, n_auth))
        goto fail;
    for (v->index = 0; v->index < DIRECTORY_VIEWS && d->views[v->index]; v->index++)
        ;
    e = ERR_BUSY; /* too many are being read */
    if (v->index == DIRECTORY_VIEWS)
        goto fail;
    for (struct user_cell *cell = c->put; cell; cell = cell->next_garbage)
        add(v, cell);
    if (d->newest)
        carry_over(d, v, c);
    *out = v;
    return ERR_OK;
fail:
    view_free(v);
    return e;
}

void view_free(struct directory_view *v)
{
    struct directory *d = v->d;

    table_close(&v->by_number, d->conf.mem);
    table_close(&v->by_auth, d->conf.mem);
    mem_free(d->conf.mem, v, sizeof *v);
}

/* ---- publishing ---- */
/* What the old view shows and the new one does not goes with the old one. */
static void collect_garbage(struct directory_view *old, const struct directory_view *v)
{
    for (size_t i = 0; i <= old->by_number.mask; i++) {
        struct user_cell *c = old->by_number.slots[i];

        if (c && find(&v->by_number, c->hash, c->u.number, false) != c) {
            c->next_garbage = old->garbage;
            old->garbage = c;
        }
    }
    if (old->names != v->names)
        old->garbage_names = old->names;
    if (old->trunks != v->trunks)
        old->garbage_trunks = old->trunks;
}

void view_publish(struct directory_view *v)
{
    struct directory      *d = v->d;
    struct directory_view *old = d->newest;

    d->views[v->index] = v;
    if (old)
        collect_garbage(old, v);
    d->newest = v;
    if (!old) {
        d->oldest = v;
        atomic_store_explicit(&d->current, (uint64_t)v->index << DIRECTORY_VIEW_SHIFT, memory_order_release);
        return;
    }
    old->newer = v;
    old->taken = atomic_exchange_explicit(&d->current, (uint64_t)v->index << DIRECTORY_VIEW_SHIFT, memory_order_acq_rel) & TAKES;
    collect(d);
}

void views_close(struct directory *d)
{
    for (struct directory_view *v = d->oldest, *newer; v; v = newer) {
        newer = v->newer;
        if (!newer) /* the newest: everything it shows */
            for (size_t i = 0; i <= v->by_number.mask; i++)
                if (v->by_number.slots[i]) {
                    v->by_number.slots[i]->next_garbage = v->garbage;
                    v->garbage = v->by_number.slots[i];
                }
        if (!newer) {
            v->garbage_names = v->names;
            v->garbage_trunks = v->trunks;
        }
        free_with_garbage(v);
    }
    d->oldest = d->newest = NULL;
}
