/* recorder_test.c - what the workers recorded, kept and handed out: in order, bounded, with its gaps said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/recorder.h"
#include "sys/heap.h"

enum { RECORDS = 3, MAX_GIVEN = 8192 };

struct fixture {
    struct heap_counted heap;
    struct record      *record[RECORDS];
    struct recorder    *r;
    uint64_t            now_us;
    /* what was given */
    uint64_t            serial[MAX_GIVEN];
    char                text[MAX_GIVEN][32];
    uint64_t            missed[MAX_GIVEN];
    size_t              n, stop_at;
};

static struct record_time at(const struct fixture *f)
{
    return (struct record_time){f->now_us, f->now_us + 5000000};
}

static void open_all(struct fixture *f, size_t octets)
{
    struct recorder_config c = {.record = f->record, .n_record = RECORDS, .octets = octets};

    *f = (struct fixture){.now_us = 1};
    heap_counted_init(&f->heap, NULL, 0);
    for (unsigned i = 0; i < RECORDS - 1; i++) { /* the last has none */
        struct record_config rc = {.mem = &f->heap.mem, .octets = RECORD_MIN_OCTETS, .worker = (uint8_t)i};

        assert_int_equal(record_open(&rc, &f->record[i]), ERR_OK);
    }
    c.mem = &f->heap.mem;
    assert_int_equal(recorder_open(&c, &f->r), ERR_OK);
}

static void close_all(struct fixture *f)
{
    recorder_close(f->r);
    for (int i = 0; i < RECORDS; i++)
        record_close(f->record[i]);
    assert_int_equal(f->heap.octets, 0);
}

/* One reason, a microsecond later, by that worker. */
static void say(struct fixture *f, unsigned worker, const char *text)
{
    f->now_us++;
    record_reason(f->record[worker], at(f), S("test"), S("call-1"), slice_z(text));
}

static bool take(void *arg, const struct recorder_item *item)
{
    struct fixture *f = arg;

    assert_true(f->n < MAX_GIVEN);
    f->serial[f->n] = item->serial;
    f->missed[f->n] = item->entry->missed;
    snprintf(f->text[f->n], sizeof f->text[0], "%.*s", SARG(slice_to(item->entry->octets, 20)));
    f->n++;
    return f->n != f->stop_at;
}

static uint64_t give(struct fixture *f, uint64_t after, bool *lost)
{
    f->n = 0;
    return recorder_each(f->r, after, take, f, lost);
}

/* Of several workers by time, whichever record was looked at first. */
static void in_the_order_of_time(void **state)
{
    static const char *const wanted[] = {"a", "b", "c", "d"};
    static struct fixture    f;
    bool                     lost = true;

    (void)state;
    open_all(&f, 0);
    say(&f, 1, "a");
    say(&f, 0, "b");
    say(&f, 0, "c");
    say(&f, 1, "d");
    assert_int_equal(give(&f, 0, &lost), 4);
    assert_false(lost);
    assert_int_equal(f.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(f.serial[i], i + 1);
        assert_string_equal(f.text[i], wanted[i]);
    }
    close_all(&f);
}

/* A message and what comes of it have one time: of each worker in the order of writing. Who answers it has a later one (sip/stack/steer.c). */
static void what_has_one_time_stays_in_the_order_of_writing(void **state)
{
    static const char *const wanted[] = {"asked", "passed on", "why", "passed on again", "answered", "answer passed on"};
    static const unsigned    worker[] = {1, 1, 1, 1, 0, 0};
    static struct fixture    f;
    const struct record_flow flow = {.transport = S("UDP")};

    (void)state;
    open_all(&f, 0);
    for (size_t round = 0; round < 2; round++, f.now_us++) {
        give(&f, round * 6, NULL);
        for (size_t i = 0; i < 6; i++) {
            f.now_us += i == 4;
            if (i == 2)
                record_reason(f.record[worker[i]], at(&f), S("test"), S("call-1"), slice_z(wanted[i]));
            else
                record_message(f.record[worker[i]], at(&f), i % 4 > 0, &flow, slice_z(wanted[i]));
        }
    }
    assert_int_equal(give(&f, 0, NULL), 12);
    for (size_t i = 0; i < 12; i++)
        assert_string_equal(f.text[i], wanted[i % 6]);
    close_all(&f);
}

static void from_where_one_was(void **state)
{
    static struct fixture f;
    struct recorder_counts n;

    (void)state;
    open_all(&f, 0);
    say(&f, 0, "a");
    say(&f, 0, "b");
    assert_int_equal(give(&f, 1, NULL), 2);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.text[0], "b");
    assert_int_equal(give(&f, 2, NULL), 2); /* nothing new */
    assert_int_equal(f.n, 0);
    say(&f, 1, "c");
    f.stop_at = 1;
    assert_int_equal(give(&f, 0, NULL), 1); /* who has enough says so */
    assert_int_equal(f.n, 1);
    f.stop_at = 0;
    assert_int_equal(give(&f, 1, NULL), 3);
    recorder_counts(f.r, &n);
    assert_int_equal(n.kept, 3);
    assert_int_equal(n.since_wall_us, 2 + 5000000);
    close_all(&f);
}

/* All of an entry is kept, octet for octet, with a copy of its own. */
static void a_message_as_it_was(void **state)
{
    static struct fixture f;
    struct record_flow    flow = {.transport = S("UDP")};
    char                  octets[] = "OPTIONS sip:x SIP/2.0\r\n\r\n";
    struct slice          text = {octets, sizeof octets - 1};

    (void)state;
    open_all(&f, 0);
    assert_int_equal(addr_parse(S("10.0.0.1:5060"), &flow.local), ERR_OK);
    record_message(f.record[0], at(&f), true, &flow, text);
    memset(octets, 'x', sizeof octets - 1);
    assert_int_equal(give(&f, 0, NULL), 1);
    assert_string_equal(f.text[0], "OPTIONS sip:x SIP/2.");
    close_all(&f);
}

static bool holds_no_secret(void *arg, const struct recorder_item *item)
{
    struct fixture *f = arg;

    assert_int_equal(slice_find_slice(item->entry->octets, S("5ec2e7")), SIZE_MAX);
    f->n += slice_find_slice(item->entry->octets, S("response=\"******\"")) != SIZE_MAX;
    return true;
}

/* What is handed out proves no password, however often one asks. */
static void without_secrets(void **state)
{
    static struct fixture f;
    struct record_flow    flow = {.transport = S("UDP")};

    (void)state;
    open_all(&f, 0);
    record_message(f.record[0], at(&f), false, &flow, S("REGISTER sip:x SIP/2.0\r\nAuthorization: Digest response=\"5ec2e7\"\r\n\r\n"));
    recorder_each(f.r, 0, holds_no_secret, &f, NULL);
    recorder_each(f.r, 0, holds_no_secret, &f, NULL);
    assert_int_equal(f.n, 2);
    close_all(&f);
}

/* More than may be kept: the oldest go, and who had not seen them is told so. */
static void bounded(void **state)
{
    enum { EACH = 2000, ALL = 2000 };
    static struct fixture  f;
    static char            text[EACH];
    struct recorder_counts n;
    bool                   lost = false;
    char                   name[32];

    (void)state;
    open_all(&f, RECORDER_MIN_OCTETS);
    for (int i = 0; i < ALL; i++) {
        memset(text, '.', sizeof text);
        memcpy(text, name, (size_t)snprintf(name, sizeof name, "%d ", i));
        f.now_us++;
        record_reason(f.record[0], at(&f), S("test"), S("call-1"), (struct slice){text, sizeof text});
        recorder_pump(f.r);
    }
    recorder_counts(f.r, &n);
    assert_true(n.octets <= RECORDER_MIN_OCTETS);
    assert_true(n.kept > 300 && n.kept < ALL);
    assert_int_equal(n.kept + n.thrown_away, ALL);
    assert_int_equal(n.dropped, 0);
    assert_int_equal(give(&f, 0, &lost), ALL);
    assert_true(lost);
    assert_int_equal(f.n, n.kept);
    assert_int_equal(f.serial[0], ALL - n.kept + 1); /* the newest, without a hole */
    lost = true;
    assert_int_equal(give(&f, ALL - 5, &lost), ALL);
    assert_false(lost);
    assert_int_equal(f.n, 5);
    close_all(&f);
}

/* Entries of all sizes, some larger than what memory is taken in: what is kept is bounded, without a hole, and as it was. */
static void of_all_sizes(void **state)
{
    enum { ALL = 300, LARGEST = 100000 };
    static struct fixture  f;
    static char            text[LARGEST];
    struct recorder_counts n;
    uint64_t               first;
    char                   name[32];

    (void)state;
    open_all(&f, RECORDER_MIN_OCTETS);
    memset(text, '.', sizeof text);
    for (int i = 0; i < ALL; i++) {
        memcpy(text, name, (size_t)snprintf(name, sizeof name, "%6d ", i + 1));
        f.now_us++;
        record_reason(f.record[i % 2], at(&f), S("test"), S("call-1"), (struct slice){text, i % 10 == 9 ? LARGEST : 100 + (size_t)i});
        recorder_pump(f.r);
        recorder_counts(f.r, &n);
        assert_true(n.octets <= RECORDER_MIN_OCTETS);
        assert_int_equal(n.kept + n.thrown_away, i + 1);
        if (i == ALL / 2)
            assert_int_equal(give(&f, (uint64_t)i - 2, NULL), i + 1);
    }
    assert_int_equal(give(&f, 0, NULL), ALL);
    assert_true(f.n > 40 && f.n <= n.kept);
    first = f.serial[0];
    for (size_t i = 0; i < f.n; i++) {
        assert_int_equal(f.serial[i], first + i);
        assert_int_equal(strtoul(f.text[i], NULL, 10), f.serial[i]);
    }
    close_all(&f);
}

/* What a worker had to drop is said by the next entry, and counted. */
static void what_a_worker_has_dropped(void **state)
{
    static struct fixture  f;
    static char            big[60000];
    struct recorder_counts n;
    uint64_t               missed = 0;

    (void)state;
    open_all(&f, 0);
    memset(big, 'b', sizeof big);
    for (int i = 0; i < 20; i++) { /* nobody gives it room meanwhile */
        f.now_us++;
        record_reason(f.record[0], at(&f), S("test"), S("call-1"), (struct slice){big, sizeof big});
    }
    recorder_pump(f.r);
    say(&f, 0, "after");
    give(&f, 0, NULL);
    for (size_t i = 0; i < f.n; i++)
        missed += f.missed[i];
    assert_true(missed > 0);
    assert_int_equal(f.n + missed, 21);
    recorder_counts(f.r, &n);
    assert_int_equal(n.dropped, missed);
    close_all(&f);
}

/* No memory for more: the oldest go earlier, nothing else is lost. Without any for a copy nothing is given. */
static void without_memory(void **state)
{
    enum { ALL = 1000 };
    static struct fixture  f;
    static char            text[1000];
    struct recorder_counts n;
    bool                   lost = false;

    (void)state;
    open_all(&f, 0);
    f.heap.limit = f.heap.octets;
    memset(text, '.', sizeof text);
    for (int i = 0; i < ALL; i++) {
        f.now_us++;
        record_reason(f.record[0], at(&f), S("test"), S("call-1"), (struct slice){text, sizeof text});
        recorder_pump(f.r);
    }
    assert_int_equal(give(&f, 0, &lost), 0);
    f.heap.limit = 0;
    assert_int_equal(give(&f, 0, &lost), ALL);
    assert_true(lost);
    recorder_counts(f.r, &n);
    assert_int_equal(n.dropped, 0);
    assert_true(n.kept > 50);
    assert_int_equal(n.kept + n.thrown_away, ALL);
    close_all(&f);
}

/* Where one worker's part is gone the others' is not given either: it would make half a call. */
static void no_half_of_a_time(void **state)
{
    enum { EACH = 2000, ALL = 2000 };
    static struct fixture f;
    static char           text[EACH];
    bool                  lost = false;

    (void)state;
    open_all(&f, RECORDER_MIN_OCTETS);
    memset(text, '.', sizeof text);
    say(&f, 1, "early");
    for (int i = 0; i < ALL; i++) {
        f.now_us++;
        record_reason(f.record[0], at(&f), S("test"), S("call-1"), (struct slice){text, sizeof text});
        recorder_pump(f.r);
    }
    say(&f, 1, "late");
    give(&f, 0, &lost);
    assert_true(lost);
    for (size_t i = 0; i < f.n; i++)
        assert_string_not_equal(f.text[i], "early");
    assert_string_equal(f.text[f.n - 1], "late");
    close_all(&f);
}

/* A worker that has more to say than others gets the room that they do not need; what each says next is still in order. */
static void the_room_goes_to_who_needs_it(void **state)
{
    enum { EACH = 2000, ALL = 3000 };
    static struct fixture  f;
    static char            text[EACH];
    struct recorder_counts n;
    char                   name[32];

    (void)state;
    open_all(&f, 2 * RECORDER_MIN_OCTETS);
    memset(text, '.', sizeof text);
    for (int i = 0; i < ALL; i++) {
        memcpy(text, name, (size_t)snprintf(name, sizeof name, "%6d ", i));
        f.now_us++;
        record_reason(f.record[i * 2 / ALL], at(&f), S("test"), S("call-1"), (struct slice){text, sizeof text});
        recorder_pump(f.r);
    }
    recorder_counts(f.r, &n);
    assert_int_equal(n.dropped, 0);
    assert_true(n.octets <= 2 * RECORDER_MIN_OCTETS);
    give(&f, 0, NULL);
    assert_true(f.n > 700); /* the second worker's alone fill it */
    for (size_t i = 0; i < f.n; i++)
        assert_int_equal(strtoul(f.text[i], NULL, 10), ALL - f.n + i);
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_order_of_time),
        cmocka_unit_test(what_has_one_time_stays_in_the_order_of_writing), cmocka_unit_test(from_where_one_was), cmocka_unit_test(a_message_as_it_was),
        cmocka_unit_test(without_secrets),
        cmocka_unit_test(bounded),              cmocka_unit_test(of_all_sizes),         cmocka_unit_test(what_a_worker_has_dropped),
        cmocka_unit_test(without_memory),       cmocka_unit_test(no_half_of_a_time),    cmocka_unit_test(the_room_goes_to_who_needs_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
