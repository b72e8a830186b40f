/* threads_test.c - many threads submit, one commits: each write is told once, in order, through deliver. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "server/store/store.h"
#include "sys/folder_test.h"
#include "sys/heap.h"
#include "sys/random.h"

#define THREADS 4
#define WRITES 100

struct submitter {
    struct store *s;
    pthread_t     thread;
    unsigned      number;
    atomic_uint   told;
    atomic_uint   wrong;
};

struct ticket {
    struct submitter *of;
    unsigned          number;
};

static atomic_uint delivered;

static void deliver(void *ctx, void (*fn)(void *arg, enum err e), void *arg, enum err e)
{
    (void)ctx;
    atomic_fetch_add(&delivered, 1);
    fn(arg, e);
}

static void on_done(void *arg, enum err e)
{
    struct ticket *t = arg;

    /* Of one submitter the writes are done in its order. */
    if (e || atomic_fetch_add(&t->of->told, 1) != t->number)
        atomic_fetch_add(&t->of->wrong, 1);
    free(t);
}

static void *submit_many(void *arg)
{
    struct submitter *me = arg;

    for (unsigned i = 0; i < WRITES; i++) {
        struct store_write *w = store_begin(me->s, (enum store_when)(i % 3));
        struct ticket      *t = malloc(sizeof *t);
        char                key[24];
        struct buf          b = BUF_ON(key);

        *t = (struct ticket){me, i};
        buf_putu(&b, me->number);
        buf_putc(&b, '.');
        buf_putu(&b, i);
        store_put_setting(w, buf_slice(&b), S("x"));
        store_submit(w, on_done, t);
    }
    return NULL;
}

static bool count(void *arg, struct slice key, struct slice value)
{
    (void)key, (void)value;
    ++*(size_t *)arg;
    return true;
}

static void many_submit_one_commits(void **state)
{
    static struct submitter subs[THREADS];
    char                    dir[] = "/tmp/strowger-threads-XXXXXX";
    struct mem              mem;
    struct random           random;
    struct store_conf       conf = {.dir = dir, .mode = STORE_THREAD, .mem = &mem, .random = &random, .deliver = deliver};
    struct store_fault      fault;
    struct store_counters   c;
    struct store           *s;
    struct store_write     *w;
    size_t                  n = 0;

    (void)state;
    heap_mem(&mem);
    random_seed(&random, 7);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(store_open(&s, &conf, &fault), ERR_OK);
    for (unsigned i = 0; i < THREADS; i++) {
        subs[i].s = s;
        subs[i].number = i;
        assert_int_equal(pthread_create(&subs[i].thread, NULL, submit_many, &subs[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(subs[i].thread, NULL);
    w = store_begin(s, STORE_PROMISE);
    store_put_setting(w, S("last"), S("x"));
    assert_int_equal(store_submit_wait(w), ERR_OK);
    store_flush(s);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(subs[i].told, WRITES);
        assert_int_equal(subs[i].wrong, 0);
    }
    assert_int_equal(delivered, THREADS * WRITES); /* the one that was waited for did not come that way */
    assert_int_equal(store_each_setting(s, count, &n), ERR_OK);
    assert_int_equal(n, THREADS * WRITES + 1);
    store_counters(s, &c);
    assert_int_equal(c.writes, THREADS * WRITES + 1);
    assert_int_equal(c.failed_writes, 0);
    assert_true(c.commits <= c.writes);
    store_close(s);
    assert_int_equal(folder_remove(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_submit_one_commits)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
