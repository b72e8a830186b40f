/* digit_test.c - telephone-events sent and received: RFC 4733 §2.5. */
#include "media/digit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { RATE = 8000, FRAME_MS = 20, FRAME = 160 };

static unsigned duration(const struct digit_packet *p)
{
    return (unsigned)p->payload[2] << 8 | p->payload[3];
}

static void an_event_is_marked_grows_and_ends_three_times(void **state)
{
    struct digit_sender d = {.tone_ms = 100, .gap_ms = 40};
    struct digit_packet p;
    uint32_t            ts = 5000;

    (void)state;
    assert_int_equal(digit_queue(&d, S("5")), ERR_OK);
    for (unsigned i = 0; i < 7; i++, ts += FRAME) {
        assert_true(digit_next(&d, ts, FRAME_MS, RATE, &p));
        assert_int_equal(p.marker, i == 0);
        assert_int_equal(p.ts, 5000);
        assert_int_equal(p.payload[0], 5);
        assert_int_equal(p.payload[1] >> 7, i >= 4);
        assert_int_equal(duration(&p), i < 4 ? (i + 1) * FRAME : 800);
    }
    assert_true(digit_busy(&d)); /* the gap */
    assert_false(digit_next(&d, ts, FRAME_MS, RATE, &p));
    assert_false(digit_next(&d, ts, FRAME_MS, RATE, &p));
    assert_false(digit_busy(&d));
    assert_false(digit_next(&d, ts, FRAME_MS, RATE, &p));
}

static void the_next_event_has_its_own_timestamp(void **state)
{
    struct digit_sender d = {.tone_ms = 20, .gap_ms = 20};
    struct digit_packet p;

    (void)state;
    assert_int_equal(digit_queue(&d, S("1#")), ERR_OK);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(digit_next(&d, i * FRAME, FRAME_MS, RATE, &p));
    assert_false(digit_next(&d, 3 * FRAME, FRAME_MS, RATE, &p));
    assert_true(digit_next(&d, 4 * FRAME, FRAME_MS, RATE, &p));
    assert_true(p.marker);
    assert_int_equal(p.ts, 4 * FRAME);
    assert_int_equal(p.payload[0], 11);
}

static void only_keys_are_queued_and_all_or_none(void **state)
{
    static const char many[DIGIT_MAX_QUEUED + 1] = {[0 ... DIGIT_MAX_QUEUED] = '7'};
    struct digit_sender d = {0};

    (void)state;
    assert_int_equal(digit_queue(&d, S("12x")), ERR_INVALID);
    assert_int_equal(digit_queue(&d, (struct slice){"1\0", 2}), ERR_INVALID);
    assert_false(digit_busy(&d));
    assert_int_equal(digit_queue(&d, (struct slice){many, sizeof many}), ERR_FULL);
    assert_int_equal(digit_queue(&d, (struct slice){many, sizeof many - 1}), ERR_OK);
    assert_int_equal(digit_queue(&d, S("1")), ERR_FULL);
}

static void codes_and_names_agree(void **state)
{
    (void)state;
    assert_int_equal(digit_code('0'), 0);
    assert_int_equal(digit_code('*'), 10);
    assert_int_equal(digit_code('#'), 11);
    assert_int_equal(digit_code('d'), 15);
    assert_int_equal(digit_code('!'), 16);
    assert_int_equal(digit_code('E'), -1);
    for (unsigned c = 0; c <= 16; c++)
        assert_int_equal(digit_code(digit_char(c)), (int)c);
    assert_int_equal(digit_char(17), 0);
    assert_int_equal(digit_char(255), 0);
}

static bool packet(struct digit_receiver *r, uint32_t ts, const char *payload, uint64_t now, struct digit_heard *h)
{
    return digit_on_packet(r, ts, (struct slice){payload, 4}, RATE, now, h);
}

static void repeats_of_an_event_are_one_digit(void **state)
{
    struct digit_receiver r = {0};
    struct digit_heard    h;

    (void)state;
    assert_false(packet(&r, 1000, "\x05\x0a\x00\xa0", 0, &h));
    assert_false(packet(&r, 1000, "\x05\x0a\x01\x40", 20, &h));
    assert_true(packet(&r, 1000, "\x05\x8a\x03\x20", 40, &h));
    assert_int_equal(h.code, 5);
    assert_int_equal(h.ms, 100);
    assert_false(packet(&r, 1000, "\x05\x8a\x03\x20", 60, &h));
    assert_false(packet(&r, 1000, "\x05\x0a\x01\x40", 60, &h));  /* late */
    assert_false(packet(&r, 500, "\x01\x8a\x03\x20", 60, &h));   /* of an event before */
    assert_false(digit_expire(&r, RATE, 10000, &h));
    assert_false(packet(&r, 2000, "\x05\x0a\x00\xa0", 80, &h));  /* the same key again */
    assert_true(packet(&r, 2000, "\x05\x8a\x01\x40", 90, &h));
}

static void all_ends_lost_the_event_ends_by_time(void **state)
{
    struct digit_receiver r = {0};
    struct digit_heard    h;

    (void)state;
    assert_false(packet(&r, 1000, "\x0b\x0a\x00\xa0", 0, &h));
    assert_false(digit_expire(&r, RATE, DIGIT_LOST_MS - 1, &h));
    assert_true(digit_expire(&r, RATE, DIGIT_LOST_MS, &h));
    assert_int_equal(h.code, 11);
    assert_int_equal(h.ms, 20);
    assert_false(packet(&r, 1000, "\x0b\x8a\x03\x20", 300, &h)); /* it was told already */
}

static void the_next_event_ends_one_whose_end_was_lost(void **state)
{
    struct digit_receiver r = {0};
    struct digit_heard    h;

    (void)state;
    assert_false(packet(&r, 1000, "\x01\x0a\x00\xa0", 0, &h));
    assert_true(packet(&r, 3000, "\x02\x0a\x00\xa0", 20, &h));
    assert_int_equal(h.code, 1);
    assert_true(packet(&r, 3000, "\x02\x8a\x01\x40", 40, &h));
    assert_int_equal(h.code, 2);
}

static void one_packet_of_an_event_is_enough(void **state)
{
    struct digit_receiver r = {0};
    struct digit_heard    h;

    (void)state;
    assert_true(packet(&r, 7, "\x09\x8a\x03\x20", 0, &h));
    assert_int_equal(h.code, 9);
    assert_false(digit_on_packet(&r, 9, S("\x09\x8a\x03"), RATE, 0, &h)); /* too short */
}

/* §2.5.1.3: at 48 kHz 16 bits are 1.4 s; a key that is down longer is one key, told with all of its time. */
static void a_long_key_in_segments_is_one_key(void **state)
{
    struct digit_receiver r = {0};
    struct digit_heard    h;

    (void)state;
    assert_false(digit_on_packet(&r, 1000, S("\x05\x0a\x80\x00"), 48000, 0, &h));
    assert_false(digit_on_packet(&r, 1000, S("\x05\x0a\xff\xff"), 48000, 20, &h));
    assert_false(digit_on_packet(&r, 1000 + 65535, S("\x05\x0a\x03\xc0"), 48000, 40, &h));
    assert_true(digit_on_packet(&r, 1000 + 65535, S("\x05\x8a\x12\xc0"), 48000, 60, &h));
    assert_int_equal(h.code, 5);
    assert_int_equal(h.ms, (65535 + 4800) / 48);
    assert_false(digit_on_packet(&r, 1000 + 65535, S("\x05\x8a\x12\xc0"), 48000, 80, &h));
}

/* ... and a key of ours ends before its duration would begin anew. */
static void a_duration_stays_within_its_bits(void **state)
{
    struct digit_sender d = {.tone_ms = 4000, .gap_ms = 60};
    struct digit_packet p;
    uint32_t            before = 0;

    (void)state;
    assert_int_equal(digit_queue(&d, S("7")), ERR_OK);
    for (unsigned i = 0; digit_next(&d, 0, FRAME_MS, 48000, &p); i++) {
        uint32_t now = (uint32_t)(p.payload[2] << 8 | p.payload[3]);

        assert_true(now >= before);
        before = now;
    }
    assert_in_range(before, 48 * 1300, 65535);
}

/* Sender and receiver, with every third packet lost. */
static void digits_survive_loss(void **state)
{
    struct digit_sender   d = {.tone_ms = 100, .gap_ms = 60};
    struct digit_receiver r = {0};
    struct digit_packet   p;
    struct digit_heard    h;
    char                  got[32] = "";
    size_t                n = 0;

    (void)state;
    assert_int_equal(digit_queue(&d, S("0123456789*#ABCD")), ERR_OK);
    for (unsigned i = 0; i < 1000 && n < 31; i++) {
        if (digit_next(&d, i * FRAME, FRAME_MS, RATE, &p) && i % 3 != 0 &&
            packet(&r, p.ts, (const char *)p.payload, i * FRAME_MS, &h))
            got[n++] = digit_char(h.code);
        if (digit_expire(&r, RATE, i * FRAME_MS, &h))
            got[n++] = digit_char(h.code);
    }
    assert_string_equal(got, "0123456789*#ABCD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_marked_grows_and_ends_three_times),
        cmocka_unit_test(the_next_event_has_its_own_timestamp),
        cmocka_unit_test(only_keys_are_queued_and_all_or_none),
        cmocka_unit_test(codes_and_names_agree),
        cmocka_unit_test(repeats_of_an_event_are_one_digit),
        cmocka_unit_test(all_ends_lost_the_event_ends_by_time),
        cmocka_unit_test(the_next_event_ends_one_whose_end_was_lost),
        cmocka_unit_test(one_packet_of_an_event_is_enough),
        cmocka_unit_test(a_long_key_in_segments_is_one_key),
        cmocka_unit_test(a_duration_stays_within_its_bits),
        cmocka_unit_test(digits_survive_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
