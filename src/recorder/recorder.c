/* recorder.c - what the workers have written, kept where they wrote it: bounded, numbered, handed out.
 *
 * Room      recorder.
 * In        the workers' records (one reader: whoever holds `lock`).
 * Touches   their chunks, only to count them and to give the oldest back; entries are looked at when somebody asks. So to keep a message
 *           costs nothing beyond that it was written. An entry gets its serial, in its mark, when somebody first asks. */
#include "recorder/recorder.h"

#include <pthread.h>
#include <stdalign.h>
#include <string.h>
#include <time.h>

#include "base/slice.h"
#include "trace/trace.h"

enum { PART_OCTETS = 256 * 1024 }; /* given out at once, without locks; any item fits */

/* An entry that is given out. Its texts stand behind it: Call-ID, octets. */
struct item {
    size_t              n; /* all of it, up to the next one */
    struct record_entry entry; /* of these slices only the lengths count: item_finish() */
    char                texts[];
};

/* A worker's record. */
struct source {
    struct record      *record;
    size_t              spare;               /* so many empty chunks it had at first, and shall have again */
    struct record_place fresh;               /* the first entry without a serial */
    struct record_entry oldest;              /* what stands there, once it was looked at */
    bool                has;
    uint64_t            numbered, forgotten; /* entries */
    struct record_place next;                /* to be given out */
};

struct recorder {
    struct recorder_config config;
    struct source         *source; /* [n_source] */
    unsigned               n_source;
    pthread_mutex_t        lock; /* the records' reader */
    pthread_cond_t         stop_said;
    pthread_t              thread;
    bool                   runs, stop;
    size_t                 most; /* octets of all chunks */
    uint64_t               serial;
    uint64_t               horizon_us; /* what is older is not given out: of some worker it is gone, and would make half a call */
};

/* ---- items ---- */

static char *point(struct slice *s, char *at)
{
    s->p = at;
    return at + s->n;
}

/* Its slices are set, and what nobody else may see is covered. */
static void item_finish(struct item *i)
{
    char *octets = point(&i->entry.call_id, i->texts);

    point(&i->entry.octets, octets);
    if (i->entry.kind == RECORD_MESSAGE)
        trace_mask(octets, i->entry.octets.n);
}

static size_t item_octets(const struct record_entry *e)
{
    size_t n = sizeof(struct item) + e->call_id.n + e->octets.n;

    return (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

static char *put_text(char *at, struct slice s)
{
    if (s.n)
        memcpy(at, s.p, s.n);
    return at + s.n;
}

static void item_fill(struct item *i, const struct record_entry *e, size_t n)
{
    i->n = n;
    i->entry = *e;
    put_text(put_text(i->texts, e->call_id), e->octets);
}

/* ---- room for the workers ---- */

static enum err grow(struct recorder *r, struct record *record)
{
    size_t n = record_chunk_octets(record);

    for (const struct source *s = r->source; s < r->source + r->n_source; s++)
        n += record_octets(s->record);
    return n > r->most ? ERR_LIMIT : record_grow(record);
}

/* The record whose oldest chunk ends before all others do, of those that are full; *end_us: when. NULL: there is none. */
static struct source *oldest_chunk(struct recorder *r, uint64_t *end_us)
{
    struct source *best = NULL;

    for (struct source *s = r->source; s < r->source + r->n_source; s++) {
        struct record_place place = record_first(s->record);
        struct record_entry e;

        if (record_leap(&place) && record_read(s->record, &place, &e) == ERR_OK && (!best || e.mono_us < *end_us)) {
            best = s;
            *end_us = e.mono_us;
        }
    }
    return best;
}

/* What goes without ever having had a serial leaves a hole. */
static bool reuse(struct recorder *r, struct source *to)
{
    struct source *from = oldest_chunk(r, &r->horizon_us);

    if (!from)
        return false;
    from->forgotten += record_forget(from->record, to->record);
    if (from->forgotten >= from->numbered) {
        r->serial += from->forgotten - from->numbered;
        from->numbered = from->forgotten;
        from->fresh = record_first(from->record);
        from->has = false;
    }
    return true;
}

static void supply_locked(struct recorder *r)
{
    for (struct source *s = r->source; s < r->source + r->n_source; s++)
        while (record_spare(s->record) < s->spare)
            if (grow(r, s->record) && !reuse(r, s))
                return;
}

void recorder_pump(struct recorder *r)
{
    pthread_mutex_lock(&r->lock);
    supply_locked(r);
    pthread_mutex_unlock(&r->lock);
}

static void *recorder_main(void *arg)
{
    struct recorder *r = arg;

    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        struct timespec t;

        supply_locked(r);
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_nsec += RECORDER_LOOK_MS * 1000000L;
        t.tv_sec += t.tv_nsec / 1000000000L;
        t.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&r->stop_said, &r->lock, &t);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* A record has at first what it needs between two looks at it; that comes on top of what is kept. */
static void add_source(struct recorder *r, struct record *record)
{
    struct source *s = &r->source[r->n_source++];

    *s = (struct source){.record = record, .spare = record_spare(record), .fresh = record_first(record)};
    r->most += s->spare * record_chunk_octets(record);
}

enum err recorder_open(const struct recorder_config *config, struct recorder **out)
{
    struct recorder *r = mem_zalloc(config->mem, sizeof *r);

    if (!r)
        return ERR_NOMEM;
    r->config = *config;
    r->most = config->octets < RECORDER_MIN_OCTETS ? RECORDER_MIN_OCTETS : config->octets;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->stop_said, NULL);
    if (!(r->source = mem_zalloc(config->mem, config->n_record * sizeof *r->source + 1))) {
        recorder_close(r);
        return ERR_NOMEM;
    }
    for (unsigned k = 0; k < config->n_record; k++)
        if (config->record[k])
            add_source(r, config->record[k]);
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
    pthread_cond_destroy(&r->stop_said);
    pthread_mutex_destroy(&r->lock);
    mem_free(mem, r->source, r->config.n_record * sizeof *r->source + 1);
    mem_free(mem, r, sizeof *r);
}

/* ---- serials ---- */

/* The record whose next entry without a serial is the oldest of all: so that workers' entries come in the order of time. */
static struct source *oldest_fresh(struct recorder *r)
{
    struct source *best = NULL;

    for (struct source *s = r->source; s < r->source + r->n_source; s++) {
        if (!s->has)
            s->has = record_read(s->record, &s->fresh, &s->oldest) == ERR_OK;
        if (s->has && (!best || s->oldest.mono_us < best->oldest.mono_us))
            best = s;
    }
    return best;
}

static void number_fresh(struct recorder *r)
{
    for (struct source *s; (s = oldest_fresh(r));) {
        record_mark(&s->fresh, ++r->serial);
        record_pass(&s->fresh);
        s->numbered++;
        s->has = false;
    }
}

/* ---- handing out ---- */

/* Who is given the items, and how far it has come. */
struct giving {
    bool (*each)(void *arg, const struct recorder_item *item);
    void    *arg;
    uint64_t after;
    bool     gone, enough;
    char    *part; /* [PART_OCTETS] */
    size_t   n;
};

/* Is the entry there one that is passed over? */
static bool lies_behind(const struct recorder *r, const struct source *s, struct record_place *place, uint64_t after)
{
    struct record_entry e;

    return record_read(s->record, place, &e) == ERR_OK && ((e.mark && e.mark <= after) || e.mono_us < r->horizon_us);
}

/* Its first entry behind that serial: by whole chunks as far as that goes. */
static void find_next(const struct recorder *r, struct source *s, uint64_t after)
{
    struct record_place place = record_first(s->record);

    do
        s->next = place;
    while (record_leap(&place) && lies_behind(r, s, &place, after));
    while (lies_behind(r, s, &s->next, after))
        record_pass(&s->next);
}

static void find_all(struct recorder *r, uint64_t after)
{
    supply_locked(r);
    number_fresh(r);
    for (struct source *s = r->source; s < r->source + r->n_source; s++)
        find_next(r, s, after);
}

/* The record whose next entry has the lowest serial. NULL: all of them is given. */
static struct source *lowest_next(struct recorder *r, struct record_entry *out)
{
    struct source      *best = NULL;
    struct record_entry e;

    for (struct source *s = r->source; s < r->source + r->n_source; s++)
        if (record_read(s->record, &s->next, &e) == ERR_OK && e.mark && (!best || e.mark < out->mark)) {
            best = s;
            *out = e;
        }
    return best;
}

/* A copy of what follows, as much as fits. */
static void take_part(struct recorder *r, struct giving *g)
{
    struct record_entry e;
    size_t              n;

    g->n = 0;
    pthread_mutex_lock(&r->lock);
    find_all(r, g->after);
    for (struct source *s; (s = lowest_next(r, &e)) && (n = item_octets(&e)) <= PART_OCTETS - g->n; g->n += n) {
        item_fill((struct item *)(void *)(g->part + g->n), &e, n);
        record_pass(&s->next);
    }
    pthread_mutex_unlock(&r->lock);
}

static void give_part(struct giving *g)
{
    struct item *i;

    for (size_t at = 0; at < g->n && !g->enough; at += i->n) {
        i = (struct item *)(void *)(g->part + at);
        item_finish(i);
        g->gone |= i->entry.mark > g->after + 1;
        g->after = i->entry.mark;
        g->enough = !g->each(g->arg, &(struct recorder_item){i->entry.mark, &i->entry});
    }
}

uint64_t recorder_each(struct recorder *r, uint64_t after, bool (*each)(void *arg, const struct recorder_item *item), void *arg,
                       bool *lost)
{
    struct giving g = {.each = each, .arg = arg, .after = after, .part = mem_alloc(r->config.mem, PART_OCTETS)};

    while (g.part && !g.enough) {
        take_part(r, &g);
        if (!g.n)
            break;
        give_part(&g);
    }
    mem_free(r->config.mem, g.part, PART_OCTETS);
    if (lost)
        *lost = g.gone;
    return g.after;
}

static void count_source(struct source *s, struct recorder_counts *out)
{
    struct record_counts n;

    record_counts(s->record, &n);
    out->kept += n.written - s->forgotten;
    out->octets += record_octets(s->record) - record_spare(s->record) * record_chunk_octets(s->record);
    out->thrown_away += s->forgotten;
    out->dropped += n.dropped;
}

void recorder_counts(struct recorder *r, struct recorder_counts *out)
{
    struct record_entry oldest;

    *out = (struct recorder_counts){0};
    pthread_mutex_lock(&r->lock);
    find_all(r, 0);
    for (unsigned k = 0; k < r->n_source; k++)
        count_source(&r->source[k], out);
    if (lowest_next(r, &oldest))
        out->since_wall_us = oldest.wall_us;
    pthread_mutex_unlock(&r->lock);
}
