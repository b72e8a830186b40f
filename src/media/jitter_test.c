/* jitter_test.c - order and delay. */
#include "media/jitter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FRAME_MS = 20, BASE = 70000 };

struct fixture {
    struct jitter j;
    uint64_t      now_ms;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    *state = f;
    return f ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static enum err put(struct fixture *f, uint32_t seq)
{
    struct jitter_packet p = {.seq = seq, .ts = seq * 160, .rate_hz = 8000, .duration_ms = FRAME_MS};

    p.payload = (struct slice){(const char *)&seq, sizeof seq};
    return jitter_put(&f->j, &p, f->now_ms);
}

/* What is heard now: the packet's number, 0 for a loss, 1 for nothing. */
static uint32_t get(struct fixture *f)
{
    struct jitter_packet p;
    uint32_t             seq;

    switch (jitter_get(&f->j, f->now_ms, &p)) {
    case JITTER_LOST: return 0;
    case JITTER_NOTHING: return 1;
    case JITTER_PACKET: break;
    }
    memcpy(&seq, p.payload.p, sizeof seq);
    assert_int_equal(seq, p.seq);
    return seq;
}

static void a_steady_stream_passes_without_delay(void **state)
{
    struct fixture *f = *state;

    for (uint32_t i = 0; i < 500; i++, f->now_ms += FRAME_MS) {
        assert_int_equal(put(f, BASE + i), ERR_OK);
        assert_int_equal(get(f), BASE + i);
    }
    assert_int_equal(f->j.ran_dry + f->j.lost + f->j.late + f->j.trimmed, 0);
    assert_int_equal(jitter_delay_ms(&f->j), FRAME_MS);
}

static void order_is_restored_and_doubles_are_dropped(void **state)
{
    struct fixture *f = *state;

    put(f, BASE);
    f->now_ms = 40;
    put(f, BASE + 2);
    put(f, BASE + 1);
    assert_int_equal(put(f, BASE + 1), ERR_EXISTS);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(get(f), BASE + i);
    assert_int_equal(put(f, BASE + 1), ERR_STALE);
    assert_int_equal(f->j.late, 1);
    assert_int_equal(f->j.duplicate, 1);
}

static void a_missing_packet_is_a_loss_once_later_ones_are_here(void **state)
{
    struct fixture *f = *state;

    put(f, BASE);
    assert_int_equal(get(f), BASE);
    put(f, BASE + 2);
    assert_int_equal(get(f), 0);
    assert_int_equal(get(f), BASE + 2);
    assert_int_equal(f->j.lost, 1);
}

static void packets_from_before_the_first_count_until_it_is_heard(void **state)
{
    struct fixture *f = *state;

    put(f, BASE + 1);
    f->now_ms = 20;
    assert_int_equal(put(f, BASE), ERR_OK);
    assert_int_equal(get(f), BASE);
    assert_int_equal(get(f), BASE + 1);
    assert_int_equal(put(f, BASE - 1), ERR_STALE);
}

/* Packets come up to 60 ms late, at random: after a while none comes too late to be heard. */
static void delay_grows_with_jitter(void **state)
{
    struct fixture *f = *state;
    uint64_t        due[64];
    uint32_t        random = 1, losses_early = 0, at = 0;

    for (uint32_t i = 0; i < 64; i++)
        due[i] = UINT64_MAX;
    for (uint32_t i = 0; i < 1500; i++, f->now_ms += FRAME_MS) {
        random = random * 1103515245u + 12345u;
        due[i % 64] = f->now_ms + (random >> 16) % 61;
        for (uint32_t k = i > 8 ? i - 8 : 0; k <= i; k++)
            if (due[k % 64] <= f->now_ms) {
                due[k % 64] = UINT64_MAX;
                put(f, BASE + k);
            }
        if (i == 500)
            losses_early = f->j.lost + f->j.ran_dry;
        at = get(f);
    }
    assert_true(jitter_delay_ms(&f->j) >= 60 && jitter_delay_ms(&f->j) <= 100);
    assert_true(f->j.lost + f->j.ran_dry - losses_early <= 5);
    assert_true(at == 0 || at > BASE + 1490);
}

static void after_running_dry_it_waits_anew_and_gives_back_later(void **state)
{
    struct fixture *f = *state;
    uint32_t        i = 0;

    for (; i < 50; i++, f->now_ms += FRAME_MS) {
        put(f, BASE + i);
        get(f);
    }
    for (uint32_t k = 0; k < 5; k++, f->now_ms += FRAME_MS) /* nothing comes for 100 ms ... */
        assert_int_equal(get(f), 1);
    for (uint32_t k = 0; k < 6; k++, i++) /* ... then all at once */
        put(f, BASE + i);
    assert_int_equal(f->j.ran_dry, 1);
    assert_int_equal(get(f), BASE + 50); /* it was held back by the network itself, and for long enough */
    assert_true(jitter_delay_ms(&f->j) > 80);
    for (uint32_t k = 0; k < 1500; k++, i++, f->now_ms += FRAME_MS) { /* steady again: half a minute */
        put(f, BASE + i);
        get(f);
    }
    assert_true(f->j.trimmed >= 2);
    assert_true(f->j.n <= 3);
    assert_int_equal(f->j.lost, 0);
}

static void a_jump_begins_anew(void **state)
{
    struct fixture *f = *state;

    put(f, BASE);
    put(f, BASE + 1);
    assert_int_equal(get(f), BASE);
    assert_int_equal(put(f, BASE + 1000), ERR_OK);
    assert_int_equal(get(f), BASE + 1000);
    assert_int_equal(f->j.lost, 0);
}

static void too_long_a_payload_is_refused(void **state)
{
    static const char    octets[JITTER_MAX_OCTETS + 1];
    struct fixture      *f = *state;
    struct jitter_packet p = {.seq = 1, .rate_hz = 8000, .duration_ms = 20, .payload = {octets, sizeof octets}};

    assert_int_equal(jitter_put(&f->j, &p, 0), ERR_LIMIT);
    p.payload.n--;
    assert_int_equal(jitter_put(&f->j, &p, 0), ERR_OK);
}

/* Anything in any order: numbers that are heard only rise, and the count at hand is right. */
static void at_random_nothing_breaks(void **state)
{
    struct fixture *f = *state;
    uint32_t        random = 7, last = 0;

    for (uint32_t i = 0; i < 200000; i++) {
        uint32_t got, used = 0;

        random = random * 1103515245u + 12345u;
        f->now_ms += random >> 28;
        if (random & 0x10000)
            put(f, BASE + i / 3 + (random >> 20) % 90 - 45);
        got = random & 0x20000 ? get(f) : 1;
        if (got > 1) {
            assert_true(got > last);
            last = got;
        }
        for (size_t s = 0; s < JITTER_SLOTS; s++)
            if (f->j.slots[s].used) {
                used++;
                assert_int_equal(f->j.slots[s].packet.seq % JITTER_SLOTS, s);
                assert_true(f->j.slots[s].packet.seq - f->j.next < JITTER_SLOTS);
            }
        assert_int_equal(used, f->j.n);
    }
    assert_true(last > BASE + 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_steady_stream_passes_without_delay, setup, teardown),
        cmocka_unit_test_setup_teardown(order_is_restored_and_doubles_are_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_packet_is_a_loss_once_later_ones_are_here, setup, teardown),
        cmocka_unit_test_setup_teardown(packets_from_before_the_first_count_until_it_is_heard, setup, teardown),
        cmocka_unit_test_setup_teardown(delay_grows_with_jitter, setup, teardown),
        cmocka_unit_test_setup_teardown(after_running_dry_it_waits_anew_and_gives_back_later, setup, teardown),
        cmocka_unit_test_setup_teardown(a_jump_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(too_long_a_payload_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(at_random_nothing_breaks, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
