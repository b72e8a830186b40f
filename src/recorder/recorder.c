/* recorder.c - the workers' rings emptied into one bounded store.
 *
 * Room      recorder.
 * In        the rings (one reader: whoever holds `lock`).
 * Touches   its chunks. Items stand in them one behind the other, head and texts, as they came; the oldest chunk is thrown away
 *           whole, and filled anew. So to keep an item is to copy it: nothing is allocated, and what is old is not touched. */
#include "recorder/recorder.h"

#include <pthread.h>
#include <stdalign.h>
#include <string.h>
#include <time.h>

#include "base/list.h"
#include "base/slice.h"

enum { CHUNKS = 16, CHUNK_MAX_OCTETS = 1 << 20 }; /* at least so many make up what may be kept; so large at most */

struct chunk {
    struct list_node node;
    size_t           size; /* of octets[] */
    size_t           used;
    uint64_t         n;    /* items: at least one, while it is in the list */
    uint64_t         last; /* serial of the last one */
    alignas(max_align_t) char octets[];
};

/* Its texts stand behind it: transport, code, Call-ID, octets. */
struct item {
    size_t              n; /* all of it, up to the next one */
    uint64_t            serial;
    struct record_entry entry; /* of its slices only the lengths count: item_point() */
    char                texts[];
};

/* A ring, and its oldest entry, once it was looked at. */
struct source {
    struct record      *ring;
    bool                has;
    struct record_entry oldest;
};

struct recorder {
    struct recorder_config config;
    struct source         *source; /* [n_source] */
    unsigned               n_source;
    pthread_mutex_t        lock; /* the rings' reader, and the chunks */
    pthread_cond_t         stop_said;
    pthread_t              thread;
    bool                   runs, stop;
    struct list            chunks; /* oldest first */
    size_t                 octets; /* of all chunks */
    uint64_t               kept, serial, thrown_away;
};

/* ---- items ---- */

static char *point(struct slice *s, char *at)
{
    s->p = at;
    return at + s->n;
}

static void item_point(struct item *i)
{
    char *at = i->texts;

    at = point(&i->entry.transport, at);
    at = point(&i->entry.code, at);
    at = point(&i->entry.call_id, at);
    point(&i->entry.octets, at);
}

static size_t item_octets(const struct record_entry *e)
{
    size_t n = sizeof(struct item) + e->transport.n + e->code.n + e->call_id.n + e->octets.n;

    return (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

static char *put_text(char *at, struct slice s)
{
    if (s.n)
        memcpy(at, s.p, s.n);
    return at + s.n;
}

static void item_fill(struct item *i, const struct record_entry *e, size_t n, uint64_t serial)
{
    char *at = i->texts;

    i->n = n;
    i->serial = serial;
    i->entry = *e;
    at = put_text(at, e->transport);
    at = put_text(at, e->code);
    at = put_text(at, e->call_id);
    put_text(at, e->octets);
}

/* ---- chunks ---- */

static struct chunk *newest(struct recorder *r)
{
    return LIST_OF(list_last(&r->chunks), struct chunk, node);
}

static void chunk_free(struct recorder *r, struct chunk *c)
{
    r->octets -= sizeof *c + c->size;
    mem_free(r->config.mem, c, sizeof *c + c->size);
}

static struct chunk *take_oldest(struct recorder *r)
{
    struct chunk *c = LIST_OF(list_pop(&r->chunks), struct chunk, node);

    if (c) {
        r->kept -= c->n;
        r->thrown_away += c->n;
    }
    return c;
}

static struct chunk *chunk_new(struct recorder *r, size_t size)
{
    struct chunk *c = mem_alloc(r->config.mem, sizeof *c + size);

    if (c) {
        c->size = size;
        r->octets += sizeof *c + size;
    }
    return c;
}

/* An empty one that takes an item of n octets. NULL: there is no memory. */
static struct chunk *chunk_add(struct recorder *r, size_t n)
{
    size_t        share = r->config.octets / CHUNKS, size = share < CHUNK_MAX_OCTETS ? share : CHUNK_MAX_OCTETS;
    struct chunk *c = NULL;

    size = n > size - sizeof *c ? n : size - sizeof *c;
    while (!c && r->octets + sizeof *c + size > r->config.octets && !list_empty(&r->chunks)) {
        c = take_oldest(r);
        if (c->size != size) {
            chunk_free(r, c);
            c = NULL;
        }
    }
    if (!c && !(c = chunk_new(r, size)))
        return NULL;
    c->used = 0;
    c->n = 0;
    c->node = (struct list_node){0};
    list_append(&r->chunks, &c->node);
    return c;
}

static void keep(struct recorder *r, const struct record_entry *e)
{
    size_t        n = item_octets(e);
    struct chunk *c = newest(r);

    r->serial++;
    if ((!c || c->size - c->used < n) && !(c = chunk_add(r, n))) {
        r->thrown_away++;
        return;
    }
    item_fill((struct item *)(void *)(c->octets + c->used), e, n, r->serial);
    c->used += n;
    c->n++;
    c->last = r->serial;
    r->kept++;
}

/* ---- the rings ---- */

/* The ring whose oldest entry is the oldest of all: so that workers' entries come in the order of time. */
static struct source *oldest_source(struct recorder *r)
{
    struct source *best = NULL;

    for (struct source *s = r->source; s < r->source + r->n_source; s++) {
        if (!s->has)
            s->has = record_peek(s->ring, &s->oldest) == ERR_OK;
        if (s->has && (!best || s->oldest.mono_us < best->oldest.mono_us))
            best = s;
    }
    return best;
}

static void pump_locked(struct recorder *r)
{
    for (struct source *s; (s = oldest_source(r));) {
        keep(r, &s->oldest);
        record_next(s->ring);
        s->has = false;
    }
}

void recorder_pump(struct recorder *r)
{
    pthread_mutex_lock(&r->lock);
    pump_locked(r);
    pthread_mutex_unlock(&r->lock);
}

static void *recorder_main(void *arg)
{
    struct recorder *r = arg;

    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        struct timespec t;

        pump_locked(r);
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_nsec += RECORDER_EMPTY_MS * 1000000L;
        t.tv_sec += t.tv_nsec / 1000000000L;
        t.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&r->stop_said, &r->lock, &t);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

enum err recorder_open(const struct recorder_config *config, struct recorder **out)
{
    struct recorder *r = mem_zalloc(config->mem, sizeof *r);

    if (!r)
        return ERR_NOMEM;
    r->config = *config;
    if (r->config.octets < RECORDER_MIN_OCTETS)
        r->config.octets = RECORDER_MIN_OCTETS;
    list_init(&r->chunks);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->stop_said, NULL);
    if (!(r->source = mem_zalloc(config->mem, config->n_record * sizeof *r->source + 1))) {
        recorder_close(r);
        return ERR_NOMEM;
    }
    for (unsigned k = 0; k < config->n_record; k++)
        if (config->record[k])
            r->source[r->n_source++].ring = config->record[k];
    if (config->threaded && pthread_create(&r->thread, NULL, recorder_main, r)) {
        recorder_close(r);
        return ERR_NOMEM;
    }
    r->runs = config->threaded;
    *out = r;
    return ERR_OK;
}

void recorder_close(struct recorder *r)
{
    struct mem *mem;

    if (!r)
        return;
    mem = r->config.mem;
    if (r->runs) {
        pthread_mutex_lock(&r->lock);
        r->stop = true;
        pthread_cond_signal(&r->stop_said);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->thread, NULL);
    }
    for (struct chunk *c; (c = take_oldest(r));)
        chunk_free(r, c);
    pthread_cond_destroy(&r->stop_said);
    pthread_mutex_destroy(&r->lock);
    mem_free(mem, r->source, r->config.n_record * sizeof *r->source + 1);
    mem_free(mem, r, sizeof *r);
}

/* ---- handing out ---- */

static struct item *first_item(struct chunk *c)
{
    return (struct item *)(void *)c->octets;
}

static struct item *next_item(struct item *i)
{
    return (struct item *)(void *)((char *)i + i->n);
}

/* The oldest chunk with anything behind that serial. A walk from the end is short for whoever follows. */
static struct chunk *chunk_after(struct recorder *r, uint64_t after)
{
    struct chunk *found = NULL;

    for (struct list_node *n = list_last(&r->chunks); n && n != &r->chunks.head; n = n->prev) {
        struct chunk *c = LIST_OF(n, struct chunk, node);

        if (c->last <= after)
            break;
        found = c;
    }
    return found;
}

/* A copy of what one chunk holds behind that serial; empty: there is nothing, or no memory. */
struct part {
    char  *octets;
    size_t n;
};

static struct part copy_part(struct recorder *r, uint64_t after)
{
    struct part   part = {0};
    struct chunk *c;

    pthread_mutex_lock(&r->lock);
    pump_locked(r);
    if ((c = chunk_after(r, after))) {
        struct item *i = first_item(c);

        while (i->serial <= after)
            i = next_item(i);
        part.n = (size_t)(c->octets + c->used - (char *)i);
        if ((part.octets = mem_alloc(r->config.mem, part.n)))
            memcpy(part.octets, i, part.n);
        else
            part.n = 0;
    }
    pthread_mutex_unlock(&r->lock);
    return part;
}

/* Who is given the items, and how far it has come. */
struct giving {
    bool (*each)(void *arg, const struct recorder_item *item);
    void    *arg;
    uint64_t after;
    bool     gone, enough;
};

static void give_part(struct giving *g, struct part part)
{
    for (struct item *i = (void *)part.octets; (char *)i < part.octets + part.n && !g->enough; i = next_item(i)) {
        item_point(i);
        g->gone |= i->serial > g->after + 1;
        g->after = i->serial;
        g->enough = !g->each(g->arg, &(struct recorder_item){i->serial, &i->entry});
    }
}

uint64_t recorder_each(struct recorder *r, uint64_t after, bool (*each)(void *arg, const struct recorder_item *item), void *arg,
                       bool *lost)
{
    struct giving g = {.each = each, .arg = arg, .after = after};

    while (!g.enough) {
        struct part part = copy_part(r, g.after);

        if (!part.n)
            break;
        give_part(&g, part);
        mem_free(r->config.mem, part.octets, part.n);
    }
    if (lost)
        *lost = g.gone;
    return g.after;
}

void recorder_counts(struct recorder *r, struct recorder_counts *out)
{
    struct chunk *oldest;

    *out = (struct recorder_counts){0};
    pthread_mutex_lock(&r->lock);
    pump_locked(r);
    oldest = LIST_OF(list_first(&r->chunks), struct chunk, node);
    out->kept = r->kept;
    out->octets = r->octets;
    out->thrown_away = r->thrown_away;
    out->since_wall_us = oldest ? first_item(oldest)->entry.wall_us : 0;
    for (unsigned k = 0; k < r->n_source; k++) {
        struct record_counts n;

        record_counts(r->source[k].ring, &n);
        out->dropped += n.dropped;
    }
    pthread_mutex_unlock(&r->lock);
}
