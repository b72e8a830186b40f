/* threads_test.c - workers write, the recorder's thread gives them room, others read: nothing is lost that fits, nothing comes twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "recorder/recorder.h"
#include "sys/clock.h"
#include "sys/heap.h"

enum { WRITERS = 3, ENTRIES = 2000 };

struct fixture {
    struct record   *record[WRITERS];
    struct recorder *r;
    atomic_uint      written; /* writers that are done */
};

struct writer {
    struct fixture *f;
    unsigned        index;
};

static void *write_all(void *arg)
{
    struct writer *w = arg;

    for (unsigned i = 0; i < ENTRIES; i++) {
        struct record_time   at = {clock_mono_us(), clock_wall_us()};
        struct record_counts n;

        record_reason(w->f->record[w->index], at, S("test"), S("call"), S("a reason of usual length, as the proxy gives it"));
        record_counts(w->f->record[w->index], &n);
        if (n.written % 256 == 0)
            recorder_pump(w->f->r); /* so that no worker runs out of room, however slow the machine */
    }
    atomic_fetch_add(&w->f->written, 1);
    return NULL;
}

struct following {
    uint64_t last, n;
};

static bool follow(void *arg, const struct recorder_item *item)
{
    struct following *f = arg;

    assert_int_equal(item->serial, f->last + 1);
    f->last = item->serial;
    f->n++;
    return true;
}

static void all_of_it_once(void **state)
{
    static struct fixture  f;
    struct heap_counted    heap;
    struct recorder_config c = {.record = f.record, .n_record = WRITERS, .octets = 64u << 20, .threaded = true};
    struct writer          w[WRITERS];
    pthread_t              thread[WRITERS];
    struct following       seen = {0, 0};
    bool                   lost;

    (void)state;
    heap_counted_init(&heap, NULL, 0);
    c.mem = &heap.mem;
    for (unsigned i = 0; i < WRITERS; i++) {
        struct record_config rc = {.mem = &heap.mem, .octets = RECORD_MIN_OCTETS, .worker = (uint8_t)i};

        assert_int_equal(record_open(&rc, &f.record[i]), ERR_OK);
    }
    assert_int_equal(recorder_open(&c, &f.r), ERR_OK);
    for (unsigned i = 0; i < WRITERS; i++) {
        w[i] = (struct writer){&f, i};
        assert_int_equal(pthread_create(&thread[i], NULL, write_all, &w[i]), 0);
    }
    while (atomic_load(&f.written) < WRITERS || seen.n < (uint64_t)WRITERS * ENTRIES) {
        recorder_each(f.r, seen.last, follow, &seen, &lost);
        assert_false(lost);
        sched_yield();
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(seen.n, (uint64_t)WRITERS * ENTRIES);
    recorder_close(f.r);
    for (unsigned i = 0; i < WRITERS; i++)
        record_close(f.record[i]);
    assert_int_equal(heap.octets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_of_it_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
