/* threads_test.c - many workers register and look up at once: each update is told once, each reader sees whole bindings. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/location/location.h"
#include "sys/digest.h"
#include "sys/folder_test.h"
#include "sys/heap.h"
#include "sys/random.h"

#define WORKERS 4
#define ROUNDS 150
#define NOW INT64_C(1700000000000)

static struct location *l;
static struct mem       mem;
static atomic_uint      told, refused, wrong;

static void on_done(void *arg, enum err e, const struct location_binding *b, size_t n)
{
    (void)arg;
    atomic_fetch_add(&told, 1);
    if (e)
        atomic_fetch_add(&refused, 1);
    for (size_t i = 0; i < n; i++)
        if (!slice_starts(b[i].contact, S("sip:")))
            atomic_fetch_add(&wrong, 1);
}

/* One AOR for all workers, one for each: every worker registers its contact, refreshes it, takes it away. */
static void change(unsigned worker, unsigned round, const char *aor)
{
    char                    contact[40], call_id[24];
    struct location_contact c = {.uri = {contact, (size_t)snprintf(contact, sizeof contact, "sip:w%u@127.0.0.%u", worker, worker)},
                                 .q = 1000, .expires_s = round % 3 == 2 ? 0 : 60};
    struct location_change  ch = {.aor = slice_z(aor), .cseq = round + 1, .contacts = &c, .n_contacts = 1, .now_ms = NOW + round};

    ch.call_id = (struct slice){call_id, (size_t)snprintf(call_id, sizeof call_id, "call-%u", worker)};
    ch.flow = c.uri; /* so that a reader can see whether both belong together */
    location_update(l, &ch, on_done, NULL);
}

static void look(struct arena *a, const char *aor, unsigned worker)
{
    struct location_binding *b, one;
    size_t                   n;
    char                     contact[40];
    struct slice uri = {contact, (size_t)snprintf(contact, sizeof contact, "sip:w%u@127.0.0.%u", worker, worker)};

    arena_reset(a);
    if (location_lookup(l, slice_z(aor), NOW, a, &b, &n))
        atomic_fetch_add(&wrong, 1);
    for (size_t i = 0; i < n; i++)
        if (!slice_eq(b[i].contact, b[i].flow) || !slice_eq(b[i].aor, slice_z(aor)))
            atomic_fetch_add(&wrong, 1);
    if (location_by_contact(l, uri, NOW, a, &one) == ERR_OK && !slice_eq(one.contact, uri))
        atomic_fetch_add(&wrong, 1);
}

static void *work(void *arg)
{
    unsigned     me = (unsigned)(uintptr_t)arg;
    struct arena a;
    char         own[16];

    snprintf(own, sizeof own, "10%u", me);
    arena_init(&a, &mem, 4096, 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        change(me, round, "shared");
        change(me, round, own);
        look(&a, "shared", (me + 1) % WORKERS);
        look(&a, own, me);
        if (round % 16 == 0)
            location_sweep(l, NOW, 8);
    }
    arena_close(&a);
    return NULL;
}

static bool count(void *arg, const struct location_binding *b)
{
    (void)b;
    ++*(size_t *)arg;
    return true;
}

static void workers_register_and_look_up_at_once(void **state)
{
    char                     dir[] = "/tmp/strowger-workers-XXXXXX";
    struct random            random;
    struct digester          digester;
    struct store            *store;
    struct store_fault       said;
    struct location_conf     conf = {.mem = &mem, .random = &random, .digester = &digester, .now_ms = NOW};
    pthread_t                workers[WORKERS];
    struct location_counters c;
    size_t                   n = 0;

    (void)state;
    heap_mem(&mem);
    random_seed(&random, 7);
    digest_open(&digester);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(store_open(&store, &(struct store_conf){.dir = dir, .mode = STORE_THREAD, .mem = &mem, .random = &random}, &said),
                     ERR_OK);
    conf.store = store;
    assert_int_equal(location_open(&l, &conf), ERR_OK);
    for (uintptr_t i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, work, (void *)i), 0);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    /* Each flush ends what waited; an update that stood in line is submitted by the one before it. */
    for (int i = 0; i < 1000 && told < WORKERS * ROUNDS * 2; i++)
        store_flush(store);
    assert_int_equal(told, WORKERS * ROUNDS * 2);
    assert_int_equal(wrong, 0);
    location_counters(l, &c);
    assert_int_equal(c.refused, refused); /* too many waited, or came late behind one that was refused: said, not lost */
    assert_int_equal(location_each(l, NOW, count, &n), ERR_OK);
    assert_int_equal(n, c.bindings);
    location_close(l);
    store_close(store);
    assert_int_equal(folder_remove(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(workers_register_and_look_up_at_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
