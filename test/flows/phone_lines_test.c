/* phone_lines_test.c - a phone with several calls, and what a person has set for those that come in: whole phones against
 * each other, without an exchange. */
#include "flows/phones.h"

#define A "sip:a@10.1.0.1"
#define B "sip:b@10.1.0.2"
#define C "sip:c@10.1.0.3"

static const struct phone_config tone_440 = {.tone_hz = 440}, tone_660 = {.tone_hz = 660}, tone_880 = {.tone_hz = 880};

struct three {
    struct band *w;
    struct ring *a, *b, *c;
};

static struct three begin(void)
{
    struct three t = {.w = band_open(NULL)};

    t.a = ring_add(t.w, "a", &tone_440);
    t.b = ring_add(t.w, "b", &tone_660);
    t.c = ring_add(t.w, "c", &tone_880);
    return t;
}

static void talk(struct ring *from, struct ring *to, const char *command)
{
    ring_do(from, command);
    ring_expect(to, "incoming");
    ring_do(to, "answer");
    ring_expect(to, "confirmed");
    ring_expect(from, "confirmed");
}

/* For two seconds that end hears that tone, or does not. */
static void hears(struct ring *r, unsigned call, uint16_t hz, bool yes)
{
    uint32_t before;

    band_run_ms(r->band, 500);
    before = phone_heard_ms(r->phone, call, hz);
    band_run_ms(r->band, 2000);
    if (yes)
        assert_in_range(phone_heard_ms(r->phone, call, hz) - before, 1500, 2200);
    else
        assert_int_equal(phone_heard_ms(r->phone, call, hz), before);
}

/* The guide's flow 05: the first call is on hold before the second is answered.
 *   a                    b                    c
 *   |<== talk ==========>|                    |
 *   |<--- INVITE ------------------------------|
 *   |---- 180 -------------------------------->|
 *   |---- INVITE hold --->|                    |
 *   |<--- 200 ------------|                    |
 *   |---- 200 -------------------------------->|  */
static void a_waiting_call_is_answered(void **state)
{
    struct three t = begin();

    (void)state;
    talk(t.a, t.b, "call " B);
    ring_do(t.c, "call " A);
    ring_expect(t.a, "incoming " C);
    ring_do(t.a, "answer");
    ring_expect_none(t.c, "answered");
    ring_expect(t.a, "on-hold \"call\":1");
    ring_expect(t.a, "answered \"call\":2");
    ring_expect(t.b, "held");
    ring_expect(t.c, "confirmed");
    hears(t.c, 1, 440, true);
    hears(t.b, 1, 440, false);
    band_close(t.w);
}

/* It goes to and fro: one talks, the other waits. */
static void calls_are_swapped(void **state)
{
    struct three t = begin();

    (void)state;
    talk(t.a, t.b, "call " B);
    ring_do(t.a, "hold");
    ring_expect(t.a, "on-hold");
    talk(t.a, t.c, "call " C);
    ring_do(t.a, "swap");
    ring_expect(t.a, "on-hold \"call\":2");
    ring_expect(t.a, "off-hold \"call\":1");
    ring_expect(t.b, "resumed");
    hears(t.b, 1, 440, true);
    hears(t.c, 1, 440, false);
    ring_do(t.a, "line 2");
    ring_expect(t.a, "off-hold \"call\":2");
    hears(t.c, 1, 440, true);
    hears(t.b, 1, 440, false);
    ring_do(t.a, "line 2"); /* it talks already */
    ring_expect_none(t.a, "on-hold");
    ring_do(t.c, "hangup");
    ring_expect(t.a, "ended \"call\":2");
    ring_do(t.a, "swap");
    ring_expect(t.a, "off-hold \"call\":1");
    assert_int_equal(phone_command(t.a->phone, S("swap")), ERR_NOTFOUND);
    band_close(t.w);
}

/* A wish that waits for a hold is the only one; it comes true also where that call ends instead. */
static void one_wish_at_a_time(void **state)
{
    struct three t = begin();

    (void)state;
    talk(t.a, t.b, "call " B);
    ring_do(t.c, "call " A);
    ring_expect(t.a, "incoming");
    ring_do(t.a, "answer");
    assert_int_equal(phone_command(t.a->phone, S("swap")), ERR_BUSY);
    ring_do(t.b, "hangup");
    ring_expect(t.a, "ended \"call\":1");
    ring_expect(t.a, "answered \"call\":2");
    ring_expect(t.c, "confirmed");
    band_close(t.w);
}

/* Whoever leaves wants nothing more: the call that waits is refused, not answered. */
static void a_wish_ends_with_the_phone(void **state)
{
    struct three t = begin();

    (void)state;
    talk(t.a, t.b, "call " B);
    ring_do(t.c, "call " A);
    ring_expect(t.a, "incoming");
    ring_do(t.a, "answer");
    ring_do(t.a, "quit");
    ring_expect(t.c, "ended \"code\":486");
    ring_expect_none(t.a, "failed");
    band_close(t.w);
}

static int64_t lose_hold(void *ctx, const struct addr *from, const struct addr *to, struct slice octets)
{
    (void)ctx;
    (void)from;
    (void)to;
    return slice_find_slice(octets, S("a=sendonly")) != SIZE_MAX ? -1 : 0;
}

/* The hold gets no answer at all: its call is lost, and the waiting one is answered then. */
static void a_hold_that_nobody_answers(void **state)
{
    struct three t = begin();

    (void)state;
    talk(t.a, t.b, "call " B);
    ring_do(t.c, "call " A);
    ring_expect(t.a, "incoming");
    fake_set_filter(t.w->world, lose_hold, NULL);
    ring_do(t.a, "answer");
    ring_expect(t.a, "ended \"call\":1");
    ring_expect(t.a, "answered \"call\":2");
    ring_expect(t.b, "ended");
    fake_set_filter(t.w->world, NULL, NULL);
    band_close(t.w);
}

static void without_call_waiting_it_is_busy(void **state)
{
    struct three t = begin();

    (void)state;
    ring_do(t.a, "waiting off");
    ring_expect(t.a, "settings \"dnd\":false,\"waiting\":false");
    ring_do(t.a, "call " B);
    ring_expect(t.b, "incoming");
    ring_do(t.c, "call " A); /* it is enough that it rings elsewhere */
    ring_expect(t.c, "ended \"code\":486");
    ring_do(t.a, "status");
    ring_expect(t.a, "status \"waiting\":false");
    ring_do(t.a, "waiting on");
    ring_do(t.c, "call " A);
    ring_expect(t.a, "incoming");
    assert_int_equal(phone_command(t.a->phone, S("waiting perhaps")), ERR_SYNTAX);
    band_close(t.w);
}

/* ---- forwards: b sends a to c ---- */

static void answered_by_c(struct three *t)
{
    ring_expect(t->a, "redirected " C);
    ring_expect(t->c, "incoming");
    ring_do(t->c, "answer");
    ring_expect(t->a, "confirmed");
    ring_do(t->a, "hangup");
    ring_expect(t->c, "ended");
}

/* The guide's flow 08: it does not ring. */
static void all_calls_are_forwarded(void **state)
{
    struct three t = begin();

    (void)state;
    ring_do(t.b, "forward always " C);
    ring_do(t.b, "dnd on"); /* that comes after it */
    ring_do(t.a, "call " B);
    ring_expect(t.b, "forwarded \"why\":\"always\",\"from\":\"" A "\",\"to\":\"" C "\"");
    ring_expect(t.a, "ended \"code\":302");
    answered_by_c(&t);
    ring_expect_none(t.b, "incoming");
    ring_do(t.b, "forward off");
    ring_do(t.b, "dnd off");
    ring_do(t.a, "call " B);
    ring_expect(t.b, "incoming");
    band_close(t.w);
}

/* The guide's flow 09: 180 first, busy as it is; it is not told as a call. */
static void calls_to_a_busy_phone_are_forwarded(void **state)
{
    struct three t = begin();

    (void)state;
    ring_do(t.b, "forward busy c@10.1.0.3");
    ring_do(t.b, "dnd on");
    ring_do(t.a, "call " B);
    ring_expect(t.b, "forwarded \"why\":\"busy\"");
    ring_expect(t.a, "ringing 180");
    answered_by_c(&t);
    ring_do(t.b, "dnd off");
    ring_do(t.a, "call " B); /* not busy: it rings */
    ring_expect(t.b, "incoming");
    ring_do(t.b, "waiting off");
    ring_do(t.c, "call " B);
    ring_expect(t.b, "forwarded");
    ring_expect(t.c, "redirected " C);
    ring_do(t.b, "forward busy off");
    ring_do(t.c, "call " B);
    ring_expect(t.c, "ended \"code\":486");
    band_close(t.w);
}

/* The guide's flow 10. */
static void calls_that_nobody_answers_are_forwarded(void **state)
{
    struct three t = begin();
    uint64_t from;

    (void)state;
    ring_do(t.b, "forward noanswer 7 " C);
    ring_do(t.a, "call " B);
    ring_expect(t.b, "incoming");
    from = fake_now_us(t.w->world);
    ring_expect(t.b, "forwarded \"why\":\"noanswer\"");
    assert_in_range(fake_now_us(t.w->world) - from, 7000000, 7010000);
    ring_expect(t.a, "ended \"code\":302");
    answered_by_c(&t);
    ring_do(t.a, "call " B); /* answered in time: nothing happens then */
    ring_expect(t.b, "incoming");
    ring_do(t.b, "answer");
    ring_expect(t.a, "confirmed");
    band_run_ms(t.w, 20000);
    ring_expect_none(t.b, "forwarded");
    ring_do(t.c, "call " B); /* taken off while it rings */
    ring_expect(t.b, "incoming");
    ring_do(t.b, "forward off");
    band_run_ms(t.w, 20000);
    ring_expect_none(t.b, "forwarded");
    band_close(t.w);
}

static void wrong_settings_are_refused(void **state)
{
    static const char *const wrong[] = {"forward", "forward always", "forward sometimes 1003", "forward noanswer 1003",
                                        "forward noanswer x 1003", "forward noanswer 3601 1003", "forward busy a b", "dnd"};
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", NULL);

    (void)state;
    ring_do(a, "forward always 1003");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(phone_command(a->phone, slice_z(wrong[i])), ERR_SYNTAX);
        ring_expect(a, "error usage");
    }
    ring_do(a, "status");
    ring_expect(a, "status \"forward_always\":\"sip:1003@10.1.0.1\",\"current\"");
    band_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_waiting_call_is_answered),
        cmocka_unit_test(calls_are_swapped),
        cmocka_unit_test(one_wish_at_a_time),
        cmocka_unit_test(a_wish_ends_with_the_phone),
        cmocka_unit_test(a_hold_that_nobody_answers),
        cmocka_unit_test(without_call_waiting_it_is_busy),
        cmocka_unit_test(all_calls_are_forwarded),
        cmocka_unit_test(calls_to_a_busy_phone_are_forwarded),
        cmocka_unit_test(calls_that_nobody_answers_are_forwarded),
        cmocka_unit_test(wrong_settings_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
