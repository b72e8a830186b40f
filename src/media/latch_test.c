/* latch_test.c - who is listened to: the rule that media.h tells, sentence by sentence. */
#include "media/latch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "media/media.h"

static struct addr at(uint8_t host, uint16_t port)
{
    return (struct addr){.family = ADDR_IP4, .port = port, .ip = {192, 0, 2, host}};
}

static struct latch agreed(bool allow)
{
    struct latch l = {.allow = false};
    struct addr  a = at(1, 4000);

    latch_agree(&l, &a, allow);
    return l;
}

static enum latch_verdict packet(struct latch *l, struct addr from, uint32_t ssrc, uint64_t now_ms)
{
    return latch_on_packet(l, &from, ssrc, now_ms);
}

static void the_agreed_address_is_heard_at_once_and_nobody_else(void **state)
{
    struct latch l = agreed(true);

    (void)state;
    assert_int_equal(packet(&l, at(1, 4000), 1, 0), LATCH_HEARD);
    for (uint64_t t = 0; t < 4900; t += 20) {
        assert_int_equal(packet(&l, at(9, 4000), 2, t), LATCH_FOREIGN);
        assert_int_equal(packet(&l, at(1, 4002), 2, t), LATCH_FOREIGN);
    }
    assert_false(latch_is_elsewhere(&l));
}

static void without_latch_nobody_else_ever(void **state)
{
    struct latch l = agreed(false);

    (void)state;
    for (uint64_t t = 0; t < 60000; t += 20)
        assert_int_equal(packet(&l, at(9, 4000), 2, t), LATCH_FOREIGN);
}

static void another_must_insist(void **state)
{
    struct latch l = agreed(true);

    (void)state;
    assert_int_equal(packet(&l, at(9, 4000), 2, 0), LATCH_FOREIGN);
    assert_int_equal(packet(&l, at(9, 4000), 2, 0), LATCH_FOREIGN);
    assert_int_equal(packet(&l, at(9, 4000), 3, 0), LATCH_FOREIGN); /* another SSRC: from the start */
    assert_int_equal(packet(&l, at(8, 4000), 3, 0), LATCH_FOREIGN); /* another address too */
    assert_int_equal(packet(&l, at(8, 4000), 3, 0), LATCH_FOREIGN);
    assert_int_equal(packet(&l, at(8, 4000), 3, 0), LATCH_CHANGED);
    assert_int_equal(packet(&l, at(8, 4000), 4, 0), LATCH_HEARD); /* its SSRC may change then */
    assert_true(latch_is_elsewhere(&l));
    for (uint64_t t = 0; t < 10; t++)
        assert_int_equal(packet(&l, at(9, 4000), 2, t), LATCH_FOREIGN);
}

static void the_agreed_address_wins_over_another(void **state)
{
    struct latch l = agreed(true);

    (void)state;
    for (int i = 0; i < MEDIA_LATCH_PACKETS; i++)
        packet(&l, at(9, 4000), 2, 0);
    assert_true(latch_is_elsewhere(&l));
    assert_int_equal(packet(&l, at(1, 4000), 1, 10), LATCH_CHANGED);
    assert_false(latch_is_elsewhere(&l));
    assert_int_equal(packet(&l, at(9, 4000), 2, 20), LATCH_FOREIGN);
}

static void silence_frees_the_place(void **state)
{
    struct latch l = agreed(true);

    (void)state;
    assert_int_equal(packet(&l, at(1, 4000), 1, 1000), LATCH_HEARD);
    packet(&l, at(9, 4000), 2, 1000 + MEDIA_LATCH_FREE_MS - 1);
    packet(&l, at(9, 4000), 2, 1000 + MEDIA_LATCH_FREE_MS);
    packet(&l, at(9, 4000), 2, 1000 + MEDIA_LATCH_FREE_MS);
    assert_int_equal(packet(&l, at(9, 4000), 2, 1000 + MEDIA_LATCH_FREE_MS), LATCH_CHANGED);
}

static void agreeing_anew_begins_anew_only_with_another_address(void **state)
{
    struct latch l = agreed(true);
    struct addr  same = at(1, 4000), other = at(2, 4000);

    (void)state;
    for (int i = 0; i < MEDIA_LATCH_PACKETS; i++)
        packet(&l, at(9, 4000), 2, 0);
    latch_agree(&l, &same, true);
    assert_true(latch_is_elsewhere(&l));
    latch_agree(&l, &other, true);
    assert_false(latch_is_elsewhere(&l));
    assert_int_equal(packet(&l, at(9, 4000), 2, 0), LATCH_FOREIGN);
    assert_int_equal(packet(&l, at(2, 4000), 5, 0), LATCH_HEARD);
}

static void rtcp_is_believed_by_host(void **state)
{
    struct latch l = agreed(true);
    struct addr  near = at(1, 7777), far = at(9, 4001);

    (void)state;
    assert_true(latch_takes_rtcp(&l, &near));
    assert_false(latch_takes_rtcp(&l, &far));
    for (int i = 0; i < MEDIA_LATCH_PACKETS; i++)
        packet(&l, at(9, 4000), 2, 0);
    assert_true(latch_takes_rtcp(&l, &far));
}

static void where_nothing_was_agreed_nobody_is_heard_by_mistake(void **state)
{
    struct latch l = {.allow = false};
    struct addr  none = {0};

    (void)state;
    latch_agree(&l, &none, false);
    assert_int_equal(packet(&l, at(9, 4000), 2, 0), LATCH_FOREIGN);
    assert_int_equal(packet(&l, none, 2, 0), LATCH_FOREIGN);
    assert_false(latch_takes_rtcp(&l, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_agreed_address_is_heard_at_once_and_nobody_else),
        cmocka_unit_test(without_latch_nobody_else_ever),
        cmocka_unit_test(another_must_insist),
        cmocka_unit_test(the_agreed_address_wins_over_another),
        cmocka_unit_test(silence_frees_the_place),
        cmocka_unit_test(agreeing_anew_begins_anew_only_with_another_address),
        cmocka_unit_test(rtcp_is_believed_by_host),
        cmocka_unit_test(where_nothing_was_agreed_nobody_is_heard_by_mistake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
