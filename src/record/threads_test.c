/* threads_test.c - one thread writes, another reads at the same time: nothing is lost but what is counted. */
#include "record/record.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sys/heap.h"

#define ENTRIES 60000u

static size_t size_of(uint64_t number)
{
    return (size_t)(number * 2654435761u % 1500);
}

static void *writer(void *arg)
{
    static char        octets[1500];
    struct record     *r = arg;
    struct record_flow flow = {.transport = S("TCP")};

    for (uint64_t i = 1; i <= ENTRIES; i++) {
        memset(octets, (int)(i & 127), size_of(i));
        record_message(r, (struct record_time){i, i}, i & 1, &flow, (struct slice){octets, size_of(i)});
        if (i % 64 == 0)
            sched_yield(); /* else one core's reader would see little but gaps */
    }
    record_reason(r, (struct record_time){ENTRIES + 1, 0}, S("end"), SLICE_NONE, SLICE_NONE);
    return NULL;
}

static void assert_entry(const struct record_entry *e)
{
    assert_int_equal(e->out, e->number & 1);
    assert_int_equal(e->octets.n, size_of(e->number));
    for (size_t i = 0; i < e->octets.n; i++)
        assert_int_equal(e->octets.p[i], e->number & 127);
}

static void reader_and_writer_meet_only_in_the_chunks(void **state)
{
    struct mem           mem;
    struct record_config config = {.mem = &mem};
    struct record_entry  e;
    struct record_counts c;
    struct record       *r;
    pthread_t            thread;
    uint64_t             last = 0, read = 0, us = 0;

    (void)state;
    heap_mem(&mem);
    assert_int_equal(record_open(&config, &r), ERR_OK);
    assert_int_equal(pthread_create(&thread, NULL, writer, r), 0);
    while (last < ENTRIES + 1) {
        if (record_peek(r, &e)) {
            record_counts(r, &c);
            if (c.written + c.dropped == ENTRIES + 1 && read == c.written)
                break; /* the very last was dropped */
            sched_yield();
            continue;
        }
        assert_int_equal(e.number, last + e.missed + 1);
        assert_true(e.mono_us >= us);
        us = e.mono_us;
        last = e.number;
        if (e.kind == RECORD_MESSAGE)
            assert_entry(&e);
        read++;
        record_next(r);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    record_counts(r, &c);
    assert_int_equal(c.written, read);
    assert_int_equal(c.written + c.dropped, ENTRIES + 1);
    record_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_and_writer_meet_only_in_the_chunks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
