/* record_test.c - order, gaps, chunks that are filled anew, and readers at places of their own. */
#include "record/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sys/heap.h"
#include "sys/random.h"

struct fixture {
    struct heap_counted heap;
    struct record      *r;
    uint64_t            mono_us, wall_us;
};

static struct record_time at(const struct fixture *f)
{
    return (struct record_time){f->mono_us, f->wall_us};
}

static int begin(void **state)
{
    static struct fixture f;
    struct record_config  config = {.mem = &f.heap.mem, .worker = 3};

    heap_counted_init(&f.heap, NULL, 0);
    f.mono_us = 5;
    f.wall_us = 1000005;
    assert_int_equal(record_open(&config, &f.r), ERR_OK);
    *state = &f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    record_close(f->r);
    assert_int_equal(f->heap.octets, 0);
    return 0;
}

static void assert_slice(struct slice got, struct slice want)
{
    assert_int_equal(got.n, want.n);
    if (want.n)
        assert_memory_equal(got.p, want.p, want.n);
}

static struct record_flow a_flow(void)
{
    struct record_flow flow = {.transport = S("UDP")};

    assert_int_equal(addr_parse(S("192.0.2.1:5060"), &flow.local), ERR_OK);
    assert_int_equal(addr_parse(S("[2001:db8::7]:5080"), &flow.remote), ERR_OK);
    return flow;
}

static void what_was_written_is_read(void **state)
{
    struct fixture     *f = *state;
    struct record_flow  flow = a_flow();
    struct record_entry e;

    assert_int_equal(record_peek(f->r, &e), ERR_AGAIN);
    record_reason(f->r, at(f), S("plan.forward"), S("a@b"), S("1003 forwards to 1004"));
    f->mono_us = 6;
    record_message(f->r, at(f), true, &flow, S("INVITE sip:x SIP/2.0\r\n\r\n"));
    assert_int_equal(record_peek(f->r, &e), ERR_OK);
    assert_int_equal(e.kind, RECORD_REASON);
    assert_int_equal(e.number, 1);
    assert_int_equal(e.worker, 3);
    assert_int_equal(e.mono_us, 5);
    assert_int_equal(e.wall_us, 1000005);
    assert_slice(e.code, S("plan.forward"));
    assert_slice(e.call_id, S("a@b"));
    assert_slice(e.octets, S("1003 forwards to 1004"));
    record_next(f->r);
    assert_int_equal(record_peek(f->r, &e), ERR_OK);
    assert_int_equal(e.kind, RECORD_MESSAGE);
    assert_int_equal(e.number, 2);
    assert_int_equal(e.missed, 0);
    assert_int_equal(e.mono_us, 6);
    assert_true(e.out);
    assert_slice(e.transport, S("UDP"));
    assert_true(addr_eq(&e.local, &flow.local));
    assert_true(addr_eq(&e.remote, &flow.remote));
    assert_slice(e.octets, S("INVITE sip:x SIP/2.0\r\n\r\n"));
    record_next(f->r);
    assert_int_equal(record_peek(f->r, &e), ERR_AGAIN);
    record_next(f->r); /* nothing there: nothing happens */
}

/* A message and what comes of it. */
static void what_has_one_time_keeps_its_order(void **state)
{
    struct fixture     *f = *state;
    struct record_flow  flow = a_flow();
    struct record_entry e;

    record_message(f->r, at(f), false, &flow, S("INVITE"));
    record_message(f->r, at(f), true, &flow, S("100"));
    record_reason(f->r, at(f), S("test"), S("a@b"), S("why"));
    record_message(f->r, at(f), true, &flow, S("INVITE"));
    for (unsigned i = 1; i <= 4; i++) {
        assert_int_equal(record_peek(f->r, &e), ERR_OK);
        assert_int_equal(e.number, i);
        assert_int_equal(e.mono_us, 5);
        assert_int_equal(e.wall_us, 1000005);
        assert_int_equal(e.kind, i == 3 ? RECORD_REASON : RECORD_MESSAGE);
        assert_int_equal(e.out, i == 2 || i == 4);
        record_next(f->r);
    }
}

static void when_full_the_newest_is_dropped_and_counted(void **state)
{
    static char          octets[1000];
    struct fixture      *f = *state;
    struct record_flow   flow = a_flow();
    struct record_entry  e;
    struct record_counts c;
    uint64_t             read = 0;

    for (unsigned i = 0; i < 1000; i++)
        record_message(f->r, at(f), false, &flow, (struct slice){octets, sizeof octets});
    record_counts(f->r, &c);
    assert_true(c.dropped > 0 && c.written > 200);
    assert_int_equal(c.written + c.dropped, 1000);
    for (; record_peek(f->r, &e) == ERR_OK; record_next(f->r)) {
        assert_int_equal(e.number, ++read); /* the oldest are there */
        assert_int_equal(e.missed, 0);
    }
    assert_int_equal(read, c.written);
    record_message(f->r, at(f), false, &flow, S("after"));
    assert_int_equal(record_peek(f->r, &e), ERR_OK);
    assert_int_equal(e.number, 1001);
    assert_int_equal(e.missed, c.dropped);
    assert_slice(e.octets, S("after"));
}

static void what_is_left_out_is_a_gap(void **state)
{
    struct fixture      *f = *state;
    struct record_flow   flow = a_flow();
    struct record_entry  e;
    struct record_counts n;

    record_skip(f->r);
    record_skip(f->r);
    record_message(f->r, at(f), false, &flow, S("seen"));
    assert_int_equal(record_peek(f->r, &e), ERR_OK);
    assert_int_equal(e.missed, 2);
    assert_int_equal(e.number, 3);
    record_counts(f->r, &n);
    assert_int_equal(n.dropped, 2);
}

static void too_large_an_entry_is_a_gap(void **state)
{
    static char         octets[RECORD_MAX_ENTRY];
    struct fixture     *f = *state;
    struct record_flow  flow = a_flow();
    struct record_entry e;

    record_message(f->r, at(f), false, &flow, (struct slice){octets, sizeof octets});
    record_message(f->r, at(f), false, &flow, (struct slice){octets, SIZE_MAX});
    record_message(f->r, at(f), false, &flow, SLICE_NONE);
    assert_int_equal(record_peek(f->r, &e), ERR_OK);
    assert_int_equal(e.missed, 2);
    assert_int_equal(e.number, 3);
    assert_int_equal(e.octets.n, 0);
}

/* Sizes that end everywhere before a chunk's end; contents that tell their number. */
static void fill(char *p, size_t n, uint64_t number)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(number * 31 + i);
}

static size_t size_of(uint64_t number)
{
    return (size_t)(number * 2654435761u % 3000);
}

static void it_goes_round_and_round(void **state)
{
    static char         octets[3000], want[3000];
    struct fixture     *f = *state;
    struct record_flow  flow = a_flow();
    struct record_entry e;
    uint64_t            written = 0, read = 0;
    struct random       r;

    random_seed(&r, 1);
    while (read < 20000) {
        for (uint64_t n = rng_below(&r.rng, 60); n > 0; n--) {
            written++;
            fill(octets, size_of(written), written);
            record_message(f->r, at(f), false, &flow, (struct slice){octets, size_of(written)});
        }
        for (uint64_t n = rng_below(&r.rng, 80); n > 0 && record_peek(f->r, &e) == ERR_OK; n--) {
            assert_int_equal(e.number, read + e.missed + 1);
            read = e.number;
            fill(want, size_of(read), read);
            assert_slice(e.octets, (struct slice){want, size_of(read)});
            record_next(f->r);
        }
    }
}

static void fill_to_the_last_chunk(struct fixture *f)
{
    struct record_flow flow = a_flow();
    char               octets[1000] = "";

    while (record_spare(f->r) > 0)
        record_message(f->r, at(f), false, &flow, (struct slice){octets, sizeof octets});
}

/* What is being written can be read at once, and stays until its chunk is given back: that goes to the writer again. */
static void it_stays_until_it_is_forgotten(void **state)
{
    struct fixture      *f = *state;
    struct record_place  place = record_first(f->r), again = place, empty;
    struct record_entry  e;
    struct record_counts n;
    uint64_t             read = 0;

    assert_int_equal(record_read(f->r, &place, &e), ERR_AGAIN);
    assert_int_equal(record_forget(f->r, f->r), 0); /* it is being written */
    fill_to_the_last_chunk(f);
    for (; record_read(f->r, &place, &e) == ERR_OK; record_pass(&place))
        assert_int_equal(e.number, ++read);
    record_counts(f->r, &n);
    assert_int_equal(read, n.written);
    assert_int_equal(record_read(f->r, &again, &e), ERR_OK);
    assert_int_equal(e.number, 1);
    assert_int_equal(record_forget(f->r, f->r), read - 1); /* all but the one that needed another chunk */
    assert_int_equal(record_spare(f->r), 1);
    again = record_first(f->r);
    assert_int_equal(record_read(f->r, &again, &e), ERR_OK);
    assert_int_equal(e.number, read);
    empty = again;
    assert_false(record_leap(&empty));
    fill_to_the_last_chunk(f);
    assert_true(record_leap(&empty));
    record_counts(f->r, &n);
    assert_int_equal(n.dropped, 0);
}

static void a_mark_is_kept_with_its_entry(void **state)
{
    struct fixture     *f = *state;
    struct record_place first = record_first(f->r), second;
    struct record_entry e;

    record_reason(f->r, at(f), S("a"), SLICE_NONE, SLICE_NONE);
    record_reason(f->r, at(f), S("b"), SLICE_NONE, SLICE_NONE);
    second = first;
    assert_int_equal(record_read(f->r, &second, &e), ERR_OK);
    assert_int_equal(e.mark, 0);
    record_pass(&second);
    record_mark(&second, 77);
    assert_int_equal(record_read(f->r, &first, &e), ERR_OK);
    assert_int_equal(e.mark, 0);
    assert_int_equal(record_read(f->r, &second, &e), ERR_OK);
    assert_int_equal(e.mark, 77);
    assert_slice(e.code, S("b"));
}

/* A chunk may come from another worker's record; memory is given back by whoever has it in the end. */
static void chunks_move_between_records(void **state)
{
    struct fixture      *f = *state;
    struct record_config config = {.mem = &f->heap.mem};
    struct record       *other;
    size_t               octets = record_octets(f->r);

    assert_int_equal(record_open(&config, &other), ERR_OK);
    assert_int_equal(record_spare(other), 1);
    fill_to_the_last_chunk(f);
    assert_true(record_forget(f->r, other) > 0);
    assert_int_equal(record_spare(other), 2);
    assert_int_equal(record_octets(f->r), octets - record_chunk_octets(f->r));
    assert_int_equal(record_octets(other), octets + record_chunk_octets(other));
    assert_int_equal(record_grow(f->r), ERR_OK);
    assert_int_equal(record_spare(f->r), 1);
    f->heap.limit = f->heap.octets;
    assert_int_equal(record_grow(f->r), ERR_NOMEM);
    f->heap.limit = 0;
    record_close(other);
}

static void too_large_or_without_memory_is_refused(void **state)
{
    struct heap_failing  failing;
    struct record_config config = {.mem = &failing.mem, .octets = (size_t)RECORD_MAX_OCTETS + 1};
    struct record       *r = NULL;

    (void)state;
    heap_failing_init(&failing, NULL, 0);
    assert_int_equal(record_open(&config, &r), ERR_LIMIT);
    config.octets = 1;
    for (uint64_t nth = 1; nth <= 3; nth++) {
        heap_failing_init(&failing, NULL, nth);
        assert_int_equal(record_open(&config, &r), ERR_NOMEM);
    }
    assert_null(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_read, begin, end),
        cmocka_unit_test_setup_teardown(what_has_one_time_keeps_its_order, begin, end),
        cmocka_unit_test_setup_teardown(when_full_the_newest_is_dropped_and_counted, begin, end),
        cmocka_unit_test_setup_teardown(what_is_left_out_is_a_gap, begin, end),
        cmocka_unit_test_setup_teardown(too_large_an_entry_is_a_gap, begin, end),
        cmocka_unit_test_setup_teardown(it_goes_round_and_round, begin, end),
        cmocka_unit_test_setup_teardown(it_stays_until_it_is_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(a_mark_is_kept_with_its_entry, begin, end),
        cmocka_unit_test_setup_teardown(chunks_move_between_records, begin, end),
        cmocka_unit_test(too_large_or_without_memory_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
