/* record.c - entries of different sizes written into chunks, one behind the other.
 *
 * Room      record.
 * In        record_message(), record_reason(): the worker.
 * Touches   the chunk that is being filled; see record_priv.h. */
#include "record/record_priv.h"

#include <string.h>

#include "base/cold.h"

enum { CHUNKS = 16, CHUNK_MAX_OCTETS = 1 << 20 }; /* so many make up a record at first; so large at most */
enum { FETCHED_OCTETS = 1024 }; /* most entries are shorter */

static size_t room_of_chunks(size_t octets)
{
    size_t share = octets / CHUNKS / alignof(max_align_t) * alignof(max_align_t);

    if (share > CHUNK_MAX_OCTETS)
        share = CHUNK_MAX_OCTETS;
    return share < sizeof(struct record_chunk) + RECORD_MAX_ENTRY ? RECORD_MAX_ENTRY : share - sizeof(struct record_chunk);
}

/* ---- the chunk that is being filled ---- */

static void fill(struct record *r, struct record_chunk *c)
{
    atomic_store_explicit(&c->next, NULL, memory_order_relaxed);
    atomic_store_explicit(&c->used, 0, memory_order_relaxed);
    c->before = atomic_load_explicit(&r->written, memory_order_relaxed);
    r->last = c;
    r->to = c->octets;
    r->left = r->chunk_room;
}

static struct record_chunk *take_empty(struct record *r)
{
    struct record_chunk *c;

    if (!r->own && atomic_load_explicit(&r->empty, memory_order_relaxed))
        r->own = atomic_exchange_explicit(&r->empty, NULL, memory_order_acquire);
    if ((c = r->own))
        r->own = atomic_load_explicit(&c->next, memory_order_relaxed);
    return c;
}

/* On to an empty one. False: there is none, and what is left of the last one stays. */
COLD static bool go_on(struct record *r)
{
    struct record_chunk *full = r->last, *c = take_empty(r);

    if (!c)
        return false;
    fill(r, c);
    atomic_store_explicit(&full->next, c, memory_order_release);
    return true;
}

/* ---- open and close ---- */

enum err record_open(const struct record_config *config, struct record **out)
{
    struct record *r;
    size_t         octets = config->octets < RECORD_MIN_OCTETS ? RECORD_MIN_OCTETS : config->octets;

    if (octets > RECORD_MAX_OCTETS)
        return ERR_LIMIT;
    if (!(r = mem_zalloc(config->mem, sizeof *r)))
        return ERR_NOMEM;
    r->config = *config;
    r->chunk_room = room_of_chunks(octets);
    while (record_octets(r) < octets)
        if (record_grow(r)) {
            record_close(r);
            return ERR_NOMEM;
        }
    fill(r, take_empty(r));
    r->first = r->newest = r->last;
    r->filled = 1;
    r->taken = record_first(r);
    *out = r;
    return ERR_OK;
}

static void free_all(struct record *r, struct record_chunk *c)
{
    for (struct record_chunk *next; c; c = next) {
        next = atomic_load_explicit(&c->next, memory_order_relaxed);
        mem_free(r->config.mem, c, record_chunk_octets(r));
    }
}

void record_close(struct record *r)
{
    if (!r)
        return;
    free_all(r, r->first);
    free_all(r, r->own);
    free_all(r, atomic_load_explicit(&r->empty, memory_order_relaxed));
    mem_free(r->config.mem, r, sizeof *r);
}

/* ---- writing ---- */

/* A count that only one thread changes needs no locked instruction. */
static uint64_t count(_Atomic uint64_t *n)
{
    uint64_t now = atomic_load_explicit(n, memory_order_relaxed) + 1;

    atomic_store_explicit(n, now, memory_order_relaxed);
    return now;
}

/* Room for an entry with two texts, its sizes written. NULL: it is dropped. */
static struct entry *begin(struct record *r, struct slice text, struct slice more)
{
    size_t        n = (sizeof(struct entry) + text.n + more.n + 7) & ~(size_t)7;
    struct entry *e;

    if (text.n > RECORD_MAX_ENTRY || more.n > RECORD_MAX_ENTRY || n > RECORD_MAX_ENTRY || (n > r->left && !go_on(r))) {
        count(&r->dropped);
        return NULL;
    }
    e = (struct entry *)(void *)r->to;
    e->octets = (uint32_t)n;
    e->n[0] = (uint32_t)text.n;
    e->n[1] = (uint32_t)more.n;
    return e;
}

/* Where the next entry goes nobody has written for long: by then its lines are in the cache, and no store has to wait for them, nor what waits
 * for stores. */
static void fetch_next(const struct record *r)
{
    ahead_fetch(r->to, r->left < FETCHED_OCTETS ? r->left : FETCHED_OCTETS);
}

/* It has all but its number and texts. From here on it can be read. */
static void end(struct record *r, struct entry *e, struct slice text, struct slice more)
{
    uint64_t dropped = atomic_load_explicit(&r->dropped, memory_order_relaxed);

    e->number = count(&r->written) + dropped;
    e->missed = dropped - r->dropped_said;
    e->mark = 0;
    r->dropped_said = dropped;
    if (text.n)
        memcpy(e + 1, text.p, text.n);
    if (more.n)
        memcpy((char *)(e + 1) + text.n, more.p, more.n);
    r->to += e->octets;
    r->left -= e->octets;
    fetch_next(r);
    atomic_store_explicit(&r->last->used, (size_t)(r->to - r->last->octets), memory_order_release);
}

void record_skip(struct record *r)
{
    count(&r->dropped);
}

void record_message(struct record *r, struct record_time at, bool out, const struct record_flow *flow, struct slice octets)
{
    struct entry *e = begin(r, octets, SLICE_NONE);

    if (!e)
        return;
    e->kind = RECORD_MESSAGE;
    e->out = out;
    e->name = flow->transport;
    e->mono_us = at.mono_us;
    e->wall_us = at.wall_us;
    e->local = flow->local;
    e->remote = flow->remote;
    end(r, e, octets, SLICE_NONE);
}

void record_reason(struct record *r, struct record_time at, struct slice code, struct slice call_id, struct slice text)
{
    struct entry *e = begin(r, text, call_id);

    if (!e)
        return;
    e->kind = RECORD_REASON;
    e->out = false;
    e->name = code;
    e->mono_us = at.mono_us;
    e->wall_us = at.wall_us;
    e->local = e->remote = (struct addr){0};
    end(r, e, text, call_id);
}

void record_counts(const struct record *r, struct record_counts *out)
{
    out->written = atomic_load_explicit(&r->written, memory_order_relaxed);
    out->dropped = atomic_load_explicit(&r->dropped, memory_order_relaxed);
}
