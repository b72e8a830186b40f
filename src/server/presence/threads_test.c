/* threads_test.c - what is shared between shards, by several threads at once (run under ThreadSanitizer): the index of who
 * watches what, what is published, and the file of subscriptions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "server/presence/presence_priv.h"
#include "sys/heap.h"

enum { THREADS = 4, ROUNDS = 2000, NUMBERS = 7 };

struct shared {
    struct mem                     plain;
    struct heap_counted            heap;
    struct presence                p;
    const struct presence_package *package;
};

struct part {
    struct shared *s;
    unsigned       who;
};

static struct slice number_of(unsigned i, char room[8])
{
    struct buf b;

    buf_init(&b, room, 8);
    buf_putu(&b, 1000 + i % NUMBERS);
    return buf_slice(&b);
}

static struct shared *begin(void)
{
    static struct shared s;

    memset(&s, 0, sizeof s);
    heap_mem(&s.plain);
    heap_counted_init(&s.heap, &s.plain, 0);
    s.p.mem = &s.heap.mem;
    s.p.package[0] = (struct presence_package){.name = S("presence")};
    s.p.n_packages = 1;
    s.package = &s.p.package[0];
    for (size_t i = 0; i < STRIPES; i++) {
        assert_int_equal(map_init(&s.p.stripe[i].map, s.p.mem, 16), ERR_OK);
        assert_int_equal(map_init(&s.p.published[i].map, s.p.mem, 16), ERR_OK);
    }
    assert_int_equal(mapped_open(&s.p.file, s.p.mem, NULL), ERR_OK);
    return &s;
}

static void finish(struct shared *s)
{
    index_close(&s->p);
    published_close(&s->p);
    mapped_close(&s->p.file);
    assert_int_equal(s->heap.pieces, 0);
}

static void run(struct shared *s, void *(*work)(void *part))
{
    pthread_t   thread[THREADS];
    struct part part[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        part[i] = (struct part){s, i};
        assert_int_equal(pthread_create(&thread[i], NULL, work, &part[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
}

/* Each thread is the holder of a shard of its own. */
static void *come_and_go(void *arg)
{
    struct part *me = arg;
    char         room[8];

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct slice number = number_of(i, room);

        if (index_add(&me->s->p, me->s->package, number, me->who, 0) || index_add(&me->s->p, NULL, number, me->who, 1000))
            abort();
        index_remove(&me->s->p, me->s->package, number, me->who);
        index_remove(&me->s->p, NULL, number, me->who);
    }
    return NULL;
}

static void watchers_come_and_go(void **state)
{
    struct shared *s = begin();

    (void)state;
    run(s, come_and_go);
    assert_int_equal(s->p.n_watched[0], 0);
    for (size_t i = 0; i < STRIPES; i++)
        assert_int_equal(s->p.stripe[i].map.n, 0);
    finish(s);
}

static void *publish(void *arg)
{
    struct part     *me = arg;
    struct published what = {.expires_ms = 1000}, list[PUBLISHED_MAX_OF_NUMBER];
    char             room[8];

    memset(what.etag, 'a' + (int)me->who, sizeof what.etag);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct published_key key = {me->s->package, number_of(i, room), {what.etag, sizeof what.etag}};

        if (published_add(&me->s->p, &key, &what) || published_change(&me->s->p, &key, &what, true) ||
            published_list(&me->s->p, &key, 0, list) == 0 || published_remove(&me->s->p, &key))
            abort();
    }
    return NULL;
}

static void states_are_published_and_taken_back(void **state)
{
    struct shared *s = begin();

    (void)state;
    run(s, publish);
    for (size_t i = 0; i < STRIPES; i++)
        assert_int_equal(s->p.published[i].map.n, 0);
    finish(s);
}

/* A writer sees what it has written; a reader sees whole records only. */
static void *write_and_read(void *arg)
{
    struct part *me = arg;
    struct file *f = &me->s->p.file;
    struct slot  copy;
    struct kept  k = {.expires_ms = 1}, got;
    uint32_t     slot = NO_SLOT;
    char         room[8];

    for (unsigned i = 0; i < ROUNDS; i++) {
        k.text[TEXT_NUMBER] = k.text[TEXT_SUBSCRIBER] = number_of(i, room);
        if (mapped_put(f, &k, &slot) || mapped_copy(f, slot, &copy))
            abort();
        kept_read(&copy, &got);
        if (!slice_eq(got.text[TEXT_NUMBER], k.text[TEXT_NUMBER]))
            abort();
        if (mapped_copy(f, 1 + i % mapped_count(f), &copy) == ERR_OK) {
            kept_read(&copy, &got);
            if (!slice_eq(got.text[TEXT_NUMBER], got.text[TEXT_SUBSCRIBER]))
                abort();
        }
    }
    mapped_give(f, slot);
    return NULL;
}

static void the_file_is_written_and_read(void **state)
{
    struct shared *s = begin();
    struct slot    copy;

    (void)state;
    run(s, write_and_read);
    for (uint32_t i = 1; i <= mapped_count(&s->p.file); i++)
        assert_int_equal(mapped_copy(&s->p.file, i, &copy), ERR_NOTFOUND);
    finish(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watchers_come_and_go),
        cmocka_unit_test(states_are_published_and_taken_back),
        cmocka_unit_test(the_file_is_written_and_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
