/* threads_test.c - workers keep their own calls while others look for them, list them and sweep. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/dialogs/dialogs.h"
#include "sys/heap.h"
#include "sys/random.h"

#define WORKERS 3
#define CALLS 400
#define NOW INT64_C(1700000000000)

static struct dialogs *d;
static struct mem      mem;
static atomic_uint     wrong, looked;
static atomic_bool     stop;

static struct slice call_name(char *text, size_t n, unsigned worker, unsigned call)
{
    return (struct slice){text, (size_t)snprintf(text, n, "call-%u-%u", worker, call)};
}

/* In a whole record both targets are the same text. */
static bool whole(const struct dialog_record *r)
{
    return slice_eq(r->side[0].target, r->side[1].target) && slice_starts(r->call_id, S("call-"));
}

static void one_call(unsigned worker, unsigned call, struct arena *a)
{
    char                 name[32], target[40];
    struct dialog_record r = {.call_id = call_name(name, sizeof name, worker, call), .invite_cseq = 1, .started_ms = NOW,
                              .seen_ms = NOW};
    struct dialog_end    end = {.now_ms = NOW, .by = S("caller"), .why = S("bye")};
    struct dialog_id     id;

    r.side[0].tag = S("a");
    if (dialogs_begin(d, &r, &id)) {
        atomic_fetch_add(&wrong, 1);
        return;
    }
    for (unsigned i = 0; i < 5; i++) {
        arena_reset(a);
        if (dialogs_get(d, id, a, &r) || !whole(&r))
            atomic_fetch_add(&wrong, 1);
        r.side[1].tag = S("b");
        r.side[0].target = r.side[1].target = (struct slice){target, (size_t)snprintf(target, sizeof target, "sip:%u@h%u", call, i)};
        if (dialogs_put(d, id, &r) || dialogs_seen(d, id, DIALOG_CALLER, i, NOW))
            atomic_fetch_add(&wrong, 1);
    }
    if (call % 4 && dialogs_end(d, id, &end))
        atomic_fetch_add(&wrong, 1);
}

static void *keep_calls(void *arg)
{
    unsigned     me = (unsigned)(uintptr_t)arg;
    struct arena a;

    arena_init(&a, &mem, 4096, 0);
    for (unsigned call = 0; call < CALLS; call++)
        one_call(me, call, &a);
    arena_close(&a);
    return NULL;
}

static bool check(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    (void)arg, (void)id;
    if (!whole(r))
        atomic_fetch_add(&wrong, 1);
    return true;
}

static void *look(void *arg)
{
    struct arena a;

    (void)arg;
    arena_init(&a, &mem, 4096, 0);
    for (unsigned call = 0; !atomic_load(&stop); call = (call + 1) % CALLS) {
        char                 name[32];
        struct dialog_key    key = {.call_id = call_name(name, sizeof name, call % WORKERS, call), .from_tag = S("b"), .to_tag = S("a")};
        struct dialog_record r;
        struct dialog_id     id;
        enum dialog_side     from;

        arena_reset(&a);
        if (dialogs_find(d, &key, &a, &id, &from, &r) == ERR_OK && (!whole(&r) || from != DIALOG_CALLEE))
            atomic_fetch_add(&wrong, 1);
        if (call % 64 == 0) {
            dialogs_each(d, check, NULL);
            dialogs_sweep(d, NOW, 256);
        }
        atomic_fetch_add(&looked, 1);
    }
    arena_close(&a);
    return NULL;
}

static void records_are_whole_for_other_threads(void **state)
{
    struct random           random;
    struct dialogs_conf     conf = {.mem = &mem, .random = &random, .slots = 2048, .now_ms = NOW};
    pthread_t               workers[WORKERS], watcher;
    struct dialogs_counters c;

    (void)state;
    heap_mem(&mem);
    random_seed(&random, 7);
    assert_int_equal(dialogs_open(&d, &conf), ERR_OK);
    assert_int_equal(pthread_create(&watcher, NULL, look, NULL), 0);
    for (uintptr_t i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, keep_calls, (void *)i), 0);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    atomic_store(&stop, true);
    pthread_join(watcher, NULL);
    assert_int_equal(wrong, 0);
    assert_true(looked > 0);
    dialogs_counters(d, &c);
    assert_int_equal(c.records, WORKERS * CALLS / 4);
    assert_int_equal(c.slots_used, c.records);
    dialogs_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(records_are_whole_for_other_threads)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
