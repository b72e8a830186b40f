/* read.c - what was written, read where it lies; and chunks given back to be written anew.
 *
 * Room      record.
 * In        whoever reads, one thread at a time.
 * Touches   the chunks, see record_priv.h; of one that is still being filled only what was published. */
#include "record/record_priv.h"

#include <assert.h>

static struct record_chunk *next_of(const struct record_chunk *c)
{
    return atomic_load_explicit(&c->next, memory_order_acquire);
}

static bool holds_more(const struct record_place *p)
{
    return p->at < atomic_load_explicit(&p->chunk->used, memory_order_acquire);
}

static struct entry *entry_at(const struct record_place *p)
{
    return (struct entry *)(void *)(p->chunk->octets + p->at);
}

struct record_place record_first(const struct record *r)
{
    return (struct record_place){r->first, 0};
}

/* A chunk is done with when another one is linked behind it and it has, looked at after that, nothing more. */
static bool find_entry(struct record_place *p)
{
    struct record_place q;

    while (!holds_more(p)) {
        q = *p;
        if (!record_leap(&q))
            return false;
        if (!holds_more(p))
            *p = q;
    }
    return true;
}

enum err record_read(const struct record *r, struct record_place *place, struct record_entry *out)
{
    const struct entry *e;
    const char         *texts;

    if (!find_entry(place))
        return ERR_AGAIN;
    e = entry_at(place);
    texts = (const char *)(e + 1);
    *out = (struct record_entry){
        .kind = (enum record_kind)e->kind,
        .worker = r->config.worker,
        .out = e->out,
        .number = e->number,
        .missed = e->missed,
        .mark = e->mark,
        .mono_us = e->mono_us,
        .wall_us = e->wall_us,
        .local = e->local,
        .remote = e->remote,
        .octets = {texts, e->n[0]},
    };
    if (out->kind == RECORD_MESSAGE)
        out->transport = e->name;
    else
        out->code = e->name, out->call_id = (struct slice){texts + e->n[0], e->n[1]};
    return ERR_OK;
}

void record_pass(struct record_place *place)
{
    place->at += entry_at(place)->octets;
}

bool record_leap(struct record_place *place)
{
    struct record_chunk *next = next_of(place->chunk);

    if (next)
        *place = (struct record_place){next, 0};
    return next;
}

void record_mark(const struct record_place *place, uint64_t mark)
{
    entry_at(place)->mark = mark;
}

/* ---- everything once ---- */

enum err record_peek(struct record *r, struct record_entry *out)
{
    return record_read(r, &r->taken, out);
}

void record_next(struct record *r)
{
    if (!find_entry(&r->taken))
        return;
    record_pass(&r->taken);
    while (r->first != r->taken.chunk)
        record_forget(r, r);
}

/* ---- room to write in ---- */

static void give(struct record *r, struct record_chunk *c)
{
    struct record_chunk *head = atomic_load_explicit(&r->empty, memory_order_relaxed);

    do
        atomic_store_explicit(&c->next, head, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&r->empty, &head, c, memory_order_release, memory_order_relaxed));
    r->chunks++;
}

size_t record_octets(const struct record *r)
{
    return r->chunks * record_chunk_octets(r);
}

size_t record_chunk_octets(const struct record *r)
{
    return sizeof *r->first + r->chunk_room;
}

size_t record_spare(struct record *r)
{
    for (struct record_chunk *c; (c = next_of(r->newest)); r->newest = c)
        r->filled++;
    return r->chunks - r->filled;
}

enum err record_grow(struct record *r)
{
    struct record_chunk *c = mem_alloc(r->config.mem, record_chunk_octets(r));

    if (!c)
        return ERR_NOMEM;
    give(r, c);
    return ERR_OK;
}

uint64_t record_forget(struct record *from, struct record *to)
{
    struct record_chunk *c = from->first, *next = next_of(c);
    uint64_t             n;

    assert(from->chunk_room == to->chunk_room);
    if (!next)
        return 0;
    (void)record_spare(from); /* what goes has been counted */
    n = next->before - c->before;
    from->first = next;
    from->filled--;
    from->chunks--;
    give(to, c);
    return n;
}
