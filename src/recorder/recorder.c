/* recorder.c - the workers' rings emptied into one bounded list.
 *
 * Room      recorder.
 * In        the rings (one reader: whoever holds `lock`).
 * Touches   its list. An item is one block: head, then its texts. When the sum is over the limit the oldest go. */
#include "recorder/recorder.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/list.h"
#include "base/slice.h"

enum { BATCH_OCTETS = 1 << 20 }; /* copied out in one go by recorder_each() */

struct item {
    struct list_node    node;
    size_t              n; /* of the whole block */
    uint64_t            serial;
    struct record_entry entry; /* its slices point behind it */
    char                texts[];
};

struct recorder {
    struct recorder_config config;
    struct record        **record;
    pthread_mutex_t        lock; /* the rings' reader, and the list */
    pthread_cond_t         stop_said;
    pthread_t              thread;
    bool                   runs, stop;
    struct list            items;
    size_t                 octets;
    uint64_t               kept, serial, thrown_away;
};

static struct slice take(char **at, struct slice s)
{
    struct slice out = {*at, s.n};

    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

static struct item *item_copy(struct mem *mem, const struct record_entry *e, uint64_t serial)
{
    size_t       n = sizeof(struct item) + e->transport.n + e->code.n + e->call_id.n + e->octets.n;
    struct item *i = mem_alloc(mem, n);
    char        *at;

    if (!i)
        return NULL;
    *i = (struct item){.n = n, .serial = serial, .entry = *e};
    at = i->texts;
    i->entry.transport = take(&at, e->transport);
    i->entry.code = take(&at, e->code);
    i->entry.call_id = take(&at, e->call_id);
    i->entry.octets = take(&at, e->octets);
    return i;
}

static void throw_away_oldest(struct recorder *r)
{
    struct item *i = LIST_OF(list_pop(&r->items), struct item, node);

    r->octets -= i->n;
    r->kept--;
    r->thrown_away++;
    mem_free(r->config.mem, i, i->n);
}

static void keep(struct recorder *r, const struct record_entry *e)
{
    struct item *i = item_copy(r->config.mem, e, ++r->serial);

    if (!i) {
        r->thrown_away++;
        return;
    }
    r->kept++;
    r->octets += i->n;
    list_append(&r->items, &i->node);
    while (r->octets > r->config.octets && r->kept > 1)
        throw_away_oldest(r);
}

/* The ring whose oldest entry is the oldest of all: so that workers' entries come in the order of time. */
static struct record *oldest_ring(struct recorder *r, struct record_entry *e)
{
    struct record *best = NULL;

    for (unsigned k = 0; k < r->config.n_record; k++) {
        struct record_entry x;

        if (r->record[k] && record_peek(r->record[k], &x) == ERR_OK && (!best || x.mono_us < e->mono_us)) {
            best = r->record[k];
            *e = x;
        }
    }
    return best;
}

static void pump_locked(struct recorder *r)
{
    struct record_entry e;

    for (struct record *ring; (ring = oldest_ring(r, &e));) {
        keep(r, &e);
        record_next(ring);
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
    list_init(&r->items);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->stop_said, NULL);
    if (!(r->record = mem_zalloc(config->mem, config->n_record * sizeof *r->record + 1))) {
        recorder_close(r);
        return ERR_NOMEM;
    }
    memcpy(r->record, config->record, config->n_record * sizeof *r->record);
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
    while (!list_empty(&r->items))
        throw_away_oldest(r);
    pthread_cond_destroy(&r->stop_said);
    pthread_mutex_destroy(&r->lock);
    mem_free(mem, r->record, r->config.n_record * sizeof *r->record + 1);
    mem_free(mem, r, sizeof *r);
}

/* The first kept item after that serial. A walk from the end is short for whoever follows. */
static struct list_node *first_after(struct recorder *r, uint64_t after)
{
    struct list_node *n = list_last(&r->items), *found = NULL;

    for (; n && n != &r->items.head && LIST_OF(n, struct item, node)->serial > after; n = n->prev)
        found = n;
    return found;
}

/* Copies of the next items, as many as fit into a batch. */
static void copy_batch(struct recorder *r, uint64_t after, struct list *batch, bool *lost)
{
    size_t octets = 0;

    pthread_mutex_lock(&r->lock);
    pump_locked(r);
    for (struct list_node *n = first_after(r, after); n && octets < BATCH_OCTETS; n = list_next(&r->items, n)) {
        const struct item *i = LIST_OF(n, struct item, node);
        struct item       *copy = item_copy(r->config.mem, &i->entry, i->serial);

        if (!copy)
            break;
        *lost = *lost || i->serial > after + 1;
        after = i->serial;
        octets += copy->n;
        list_append(batch, &copy->node);
    }
    pthread_mutex_unlock(&r->lock);
}

uint64_t recorder_each(struct recorder *r, uint64_t after, bool (*each)(void *arg, const struct recorder_item *item), void *arg,
                       bool *lost)
{
    bool gone = false, more = true, given = true;

    while (more && given) {
        struct list batch;

        list_init(&batch);
        given = false;
        copy_batch(r, after, &batch, &gone);
        for (struct list_node *n; (n = list_pop(&batch));) {
            struct item         *i = LIST_OF(n, struct item, node);
            struct recorder_item item = {i->serial, &i->entry};

            if (more) {
                more = each(arg, &item);
                after = i->serial;
                given = true;
            }
            mem_free(r->config.mem, i, i->n);
        }
    }
    if (lost)
        *lost = gone;
    return after;
}

void recorder_counts(struct recorder *r, struct recorder_counts *out)
{
    struct list_node *first;

    *out = (struct recorder_counts){0};
    pthread_mutex_lock(&r->lock);
    pump_locked(r);
    first = list_first(&r->items);
    out->kept = r->kept;
    out->octets = r->octets;
    out->thrown_away = r->thrown_away;
    out->since_wall_us = first ? LIST_OF(first, struct item, node)->entry.wall_us : 0;
    for (unsigned k = 0; k < r->config.n_record; k++) {
        struct record_counts n = {0};

        if (r->record[k])
            record_counts(r->record[k], &n);
        out->dropped += n.dropped;
    }
    pthread_mutex_unlock(&r->lock);
}
