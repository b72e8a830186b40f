/* threads_test.c - views under threads: a reader sees one state of things, whole, while users come and go. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/directory/directory.h"
#include "sys/folder_test.h"
#include "sys/heap.h"
#include "sys/random.h"

#define READERS 3
#define CHANGES 60

static void no_hash(void *ctx, enum digest_alg alg, const struct slice *pieces, size_t n, unsigned char *out)
{
    (void)ctx, (void)pieces, (void)n;
    memset(out, 7, DIGESTER_OCTETS(alg));
}

static atomic_bool stop;
static atomic_uint wrong, seen;

static void *read_views(void *arg)
{
    struct directory *d = arg;

    while (!atomic_load(&stop)) {
        const struct directory_view *v = directory_take(d), *again = directory_take(d);
        const struct directory_user *a = directory_user(v, S("1001")), *b = directory_user(v, S("1002"));

        /* Both users are always given the same name, by one import. */
        if (!a || !b || !slice_eq(a->name, b->name) || !slice_eq(a->settings, b->settings))
            atomic_fetch_add(&wrong, 1);
        directory_give(v);
        if (!directory_user(again, S("1001")))
            atomic_fetch_add(&wrong, 1);
        directory_give(again);
        directory_learn_host(d, S("pbx.lan"));
        atomic_fetch_add(&seen, 1);
    }
    return NULL;
}

static void import_named(struct directory *d, unsigned i)
{
    struct directory_fault  fault;
    char                    csv[200];
    struct directory_import im = {0};
    int n = snprintf(csv, sizeof csv, "number,name,forward.busy\n1001,name%u,%u\n1002,name%u,%u\n", i, i, i, i);

    im.csv = (struct slice){csv, (size_t)n};
    assert_int_equal(directory_import(d, &im, &fault), ERR_OK);
}

static void a_view_is_whole_while_users_change(void **state)
{
    static const struct digester digester = {.hash = no_hash};
    char                         dir[] = "/tmp/strowger-views-XXXXXX";
    struct mem                   mem;
    struct random                random;
    struct store                *store;
    struct store_fault           said;
    struct directory            *d;
    struct directory_fault       fault;
    pthread_t                    readers[READERS];

    (void)state;
    heap_mem(&mem);
    random_seed(&random, 7);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(store_open(&store, &(struct store_conf){.dir = dir, .mode = STORE_THREAD, .mem = &mem, .random = &random}, &said),
                     ERR_OK);
    assert_int_equal(directory_open(&d, &(struct directory_conf){.store = store, .mem = &mem, .random = &random,
                                                                 .digester = &digester, .realm = S("here")}, &fault), ERR_OK);
    import_named(d, 0);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_views, d), 0);
    for (unsigned i = 1; i <= CHANGES || atomic_load(&seen) < CHANGES; i++)
        import_named(d, i);
    atomic_store(&stop, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(wrong, 0);
    assert_true(seen >= CHANGES);
    directory_close(d);
    store_close(store);
    assert_int_equal(folder_remove(dir), 0);
}

static void a_view_that_is_held_lives_on(void **state)
{
    static const struct digester digester = {.hash = no_hash};
    char                         dir[] = "/tmp/strowger-views-XXXXXX";
    struct mem                   mem;
    struct random                random;
    struct store                *store;
    struct store_fault           said;
    struct directory            *d;
    struct directory_fault       fault;
    const struct directory_view *held;

    (void)state;
    heap_mem(&mem);
    random_seed(&random, 7);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(store_open(&store, &(struct store_conf){.dir = dir, .mode = STORE_DIRECT, .mem = &mem, .random = &random}, &said),
                     ERR_OK);
    assert_int_equal(directory_open(&d, &(struct directory_conf){.store = store, .mem = &mem, .random = &random,
                                                                 .digester = &digester, .realm = S("here")}, &fault), ERR_OK);
    import_named(d, 1);
    held = directory_take(d);
    for (unsigned i = 2; i < 60; i++)
        import_named(d, i);
    assert_true(slice_eq(directory_user(held, S("1001"))->name, S("name1")));
    for (unsigned i = 60; i < 80; i++) { /* all places are taken while the oldest is held */
        struct directory_import im = {.csv = S("number,name\n1001,z\n")};

        if (directory_import(d, &im, &fault) == ERR_BUSY)
            break;
        assert_int_not_equal(i, 79);
    }
    directory_give(held);
    import_named(d, 80);
    import_named(d, 81);
    directory_close(d);
    store_close(store);
    assert_int_equal(folder_remove(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_view_is_whole_while_users_change),
                                       cmocka_unit_test(a_view_that_is_held_lives_on)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
