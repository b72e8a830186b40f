/* store.c - the queue of writes, and who commits it: a thread, a pump, or the submitter.
 *
 * Room      server/store.
 * In        store_submit() from any thread; store_pump() from the owner of virtual time.
 * Out       done() of each write, in the order of submission within a group, through deliver or where the commit was.
 * Touches   s->queue and its counts under s->lock. A group is taken off the queue before it is committed, so nobody waits
 *           for a disk while holding the lock.
 * Time      only where there is a storage thread is a clock read, to let writes wait; in virtual time the pump is told. */
#include <string.h>
#include <time.h>

#include "server/store/store_priv.h"

static int64_t monotonic_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the end of a write ---- */
static void tell(struct store *s, struct store_write *w)
{
    void (*done)(void *, enum err) = w->done;
    void    *arg = w->arg;
    enum err e = w->e;
    bool     here = w->here || !s->conf.deliver;

    store_drop(w);
    if (!done)
        return;
    if (here)
        done(arg, e);
    else
        s->conf.deliver(s->conf.deliver_ctx, done, arg, e);
}

/* Commit a group that is off the queue. Callers wait for s->n_finished, so that rises only after all were told. */
static size_t commit_group(struct store *s, struct list *group)
{
    size_t            n = 0, failed = 0;
    bool              lost = false;
    struct list_node *at;

    pthread_mutex_lock(&s->committing);
    store_db_commit(s, group);
    pthread_mutex_unlock(&s->committing);
    while ((at = list_pop(group))) {
        struct store_write *w = LIST_OF(at, struct store_write, node);

        n++;
        failed += w->e != ERR_OK;
        lost |= w->e && w->when == STORE_BEHIND;
        tell(s, w);
    }
    pthread_mutex_lock(&s->lock);
    s->n_finished += n;
    s->counters.writes += n;
    s->counters.failed_writes += failed;
    if (lost)
        s->marks_closing = false; /* nobody was told, so the next start must take it for a crash */
    pthread_cond_broadcast(&s->finished);
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* Take the oldest writes off the queue; s->lock is held. */
static void take_group(struct store *s, struct list *group)
{
    list_init(group);
    for (size_t n = 0; n < STORE_MAX_GROUP && s->n_queue > 0; n++) {
        struct list_node *at = list_pop(&s->queue);

        s->n_queue--;
        s->n_promises -= LIST_OF(at, struct store_write, node)->when == STORE_PROMISE;
        list_append(group, at);
    }
    if (s->n_queue == 0)
        s->due_ms = INT64_MAX;
}

/* Is there a reason to commit now? s->lock is held. */
static bool due(const struct store *s, int64_t now_ms)
{
    if (s->n_queue == 0)
        return false;
    return (s->n_promises > 0 && now_ms >= s->rest_ms) || s->n_queue >= STORE_GROUP || s->stop || s->flush_to > s->n_finished ||
           s->due_ms <= now_ms;
}

/* ---- the storage thread ---- */
/* When it has to look again by itself. While it rests nothing is due before the pause is over: so who submits something then need
 * not wake it. */
static int64_t next_look_ms(const struct store *s, int64_t now_ms)
{
    return now_ms < s->rest_ms && s->rest_ms < s->due_ms ? s->rest_ms : s->due_ms;
}

static void wait_for_work(struct store *s, int64_t now_ms)
{
    struct timespec until;

    s->looks_ms = next_look_ms(s, now_ms);
    until.tv_sec = (time_t)(s->looks_ms / 1000);
    until.tv_nsec = (long)(s->looks_ms % 1000) * 1000000;
    if (s->looks_ms == INT64_MAX)
        pthread_cond_wait(&s->wake, &s->lock);
    else
        pthread_cond_timedwait(&s->wake, &s->lock, &until);
    s->looks_ms = 0;
}

/* What came while promises were being committed waits for the pause too. s->lock is held. */
static void begin_rest(struct store *s)
{
    s->rest_ms = monotonic_ms() + STORE_PACE_MS;
    if (s->due_ms < s->rest_ms)
        s->due_ms = s->rest_ms;
}

static void *storage_thread(void *arg)
{
    struct store *s = arg;
    struct list   group;
    int64_t       now_ms;
    bool          rest;

    pthread_mutex_lock(&s->lock);
    while (!s->stop || s->n_queue > 0) {
        now_ms = monotonic_ms();
        if (!due(s, now_ms)) {
            wait_for_work(s, now_ms);
            continue;
        }
        rest = s->n_promises > 0;
        take_group(s, &group);
        pthread_mutex_unlock(&s->lock);
        commit_group(s, &group);
        pthread_mutex_lock(&s->lock);
        if (rest)
            begin_rest(s);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- in ---- */
static int64_t wait_ms(enum store_when when)
{
    switch (when) {
    case STORE_PROMISE: return 0;
    case STORE_SOON: return STORE_SOON_MS;
    case STORE_BEHIND: return STORE_BEHIND_MS;
    }
    return 0;
}

/* Into the queue, or ERR_FULL, ERR_CLOSED. */
static enum err enqueue(struct store *s, struct store_write *w)
{
    enum err e = ERR_OK;
    int64_t  due_ms;

    pthread_mutex_lock(&s->lock);
    if (s->stop)
        e = ERR_CLOSED;
    else if (s->n_queue >= STORE_MAX_WAITING)
        e = ERR_FULL;
    if (!e) {
        due_ms = (s->conf.mode == STORE_THREAD ? monotonic_ms() : s->conf.now_ms) + wait_ms(w->when);
        if (due_ms < s->rest_ms)
            due_ms = s->rest_ms;
        list_append(&s->queue, &w->node);
        s->n_queue++;
        s->n_submitted++;
        s->n_promises += w->when == STORE_PROMISE;
        if (s->has_thread && (due_ms < s->looks_ms || s->n_queue == STORE_GROUP))
            pthread_cond_signal(&s->wake); /* else it looks soon enough */
        if (due_ms < s->due_ms)
            s->due_ms = due_ms;
    }
    pthread_mutex_unlock(&s->lock);
    return e;
}

static void submit(struct store_write *w)
{
    struct store *s = w->store;
    struct list   alone;

    if (!w->e && s->conf.mode != STORE_DIRECT) {
        enum err e = enqueue(s, w);

        if (!e)
            return; /* it is the storage thread's by now, and may be gone */
        w->e = e;
    }
    if (w->e) {
        pthread_mutex_lock(&s->lock);
        s->counters.failed_writes++;
        pthread_mutex_unlock(&s->lock);
        tell(s, w);
        return;
    }
    list_init(&alone);
    list_append(&alone, &w->node);
    pthread_mutex_lock(&s->lock);
    s->n_submitted++;
    pthread_mutex_unlock(&s->lock);
    commit_group(s, &alone);
}

void store_submit(struct store_write *w, void (*done)(void *arg, enum err e), void *arg)
{
    w->done = done;
    w->arg = arg;
    submit(w);
}

void store_submit_filled(struct store_write *w, void (*fill)(void *arg, struct store_write *w), void (*done)(void *arg, enum err e),
                         void *arg)
{
    w->fill = fill;
    store_submit(w, done, arg);
}

void store_hurry(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    if (s->n_queue)
        s->due_ms = s->rest_ms;
    if (s->has_thread)
        pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

struct waiter {
    struct store *store;
    bool          ready;
    enum err      e;
};

static void on_waited(void *arg, enum err e)
{
    struct waiter *wt = arg;
    struct store  *s = wt->store;

    pthread_mutex_lock(&s->lock);
    wt->e = e;
    wt->ready = true;
    pthread_cond_broadcast(&s->finished);
    pthread_mutex_unlock(&s->lock);
}

enum err store_submit_wait(struct store_write *w)
{
    struct store *s = w->store;
    struct waiter wt = {.store = s};

    w->done = on_waited;
    w->arg = &wt;
    w->here = true;
    submit(w);
    if (s->conf.mode == STORE_PUMPED)
        store_pump(s, s->conf.now_ms, true);
    pthread_mutex_lock(&s->lock);
    while (!wt.ready)
        pthread_cond_wait(&s->finished, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return wt.e;
}

size_t store_pump(struct store *s, int64_t now_ms, bool all)
{
    struct list group;
    size_t      n = 0, before;

    if (s->conf.mode != STORE_PUMPED)
        return 0;
    pthread_mutex_lock(&s->lock);
    if (now_ms > s->conf.now_ms)
        s->conf.now_ms = now_ms;
    /* What the callbacks submit waits for the next pump: so this ends. */
    before = s->n_queue;
    if (!all && !due(s, now_ms))
        before = 0;
    while (n < before) {
        take_group(s, &group);
        pthread_mutex_unlock(&s->lock);
        n += commit_group(s, &group);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

void store_flush(struct store *s)
{
    store_pump(s, s->conf.now_ms, true);
    if (!s->has_thread)
        return;
    pthread_mutex_lock(&s->lock);
    if (s->flush_to < s->n_submitted)
        s->flush_to = s->n_submitted;
    pthread_cond_signal(&s->wake);
    for (uint64_t to = s->n_submitted; s->n_finished < to;)
        pthread_cond_wait(&s->finished, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

/* ---- open and close ---- */
static void init_locks(struct store *s)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attr);
    pthread_cond_init(&s->finished, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->reading, NULL);
    pthread_mutex_init(&s->committing, NULL);
}

enum err store_open(struct store **out, const struct store_conf *conf, struct store_fault *fault)
{
    struct store *s = mem_zalloc(conf->mem, sizeof *s);
    enum err      e;

    memset(fault, 0, sizeof *fault);
    if (!s) {
        memcpy(fault->text, "no memory", sizeof "no memory");
        return ERR_NOMEM;
    }
    s->conf = *conf;
    list_init(&s->queue);
    s->due_ms = INT64_MAX;
    init_locks(s);
    if ((e = store_folder_open(s, fault)) || (e = store_db_open(s, fault)))
        goto fail;
    if (conf->mode == STORE_THREAD) {
        if (pthread_create(&s->thread, NULL, storage_thread, s) != 0) {
            memcpy(fault->text, "cannot start the storage thread", sizeof "cannot start the storage thread");
            e = ERR_IO;
            goto fail;
        }
        s->has_thread = true;
    }
    *out = s;
    return ERR_OK;
fail:
    s->marks_closing = false; /* it did not open, so nothing says that it was closed */
    store_close(s);
    return e;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    while (s->conf.mode == STORE_PUMPED && store_pump(s, s->conf.now_ms, true) > 0)
        ; /* callbacks may have submitted more */
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    store_db_close(s);
    store_folder_close(s);
    store_spare_close(s);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->finished);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->reading);
    pthread_mutex_destroy(&s->committing);
    mem_free(s->conf.mem, s, sizeof *s);
}

bool store_was_closed(const struct store *s)
{
    return s->was_closed;
}

bool store_last_fault(struct store *s, struct store_fault *out)
{
    bool has;

    pthread_mutex_lock(&s->lock);
    has = s->has_fault;
    if (has)
        *out = s->fault;
    pthread_mutex_unlock(&s->lock);
    return has;
}

void store_counters(struct store *s, struct store_counters *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->counters;
    pthread_mutex_unlock(&s->lock);
}
