/* phone_conference_test.c - the phone mixes its calls: whole phones against each other, without an exchange. */
#include "flows/phones.h"

#define A "sip:a@10.1.0.1"
#define B "sip:b@10.1.0.2"
#define C "sip:c@10.1.0.3"
#define D "sip:d@10.1.0.4"

static const struct phone_config tone_440 = {.tone_hz = 440}, tone_554 = {.tone_hz = 554}, tone_659 = {.tone_hz = 659},
                                 tone_880 = {.tone_hz = 880};

struct four {
    struct band *w;
    struct ring *a, *b, *c, *d;
};

static struct four begin(void)
{
    struct four t = {.w = band_open(NULL)};

    t.a = ring_add(t.w, "a", &tone_440);
    t.b = ring_add(t.w, "b", &tone_554);
    t.c = ring_add(t.w, "c", &tone_659);
    t.d = ring_add(t.w, "d", &tone_880);
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

/* a talks with b and c at once: calls 1 and 2. */
static struct four together(void)
{
    struct four t = begin();

    talk(t.a, t.b, "call " B);
    talk(t.a, t.c, "attend " C);
    ring_do(t.a, "conference");
    ring_expect(t.a, "conference \"calls\":[1,2]");
    ring_expect(t.a, "off-hold \"call\":1");
    ring_expect(t.b, "resumed");
    return t;
}

/* For a second that end hears exactly these. */
static void hears(struct ring *r, unsigned call, uint16_t one, uint16_t other)
{
    static const uint16_t all[] = {440, 554, 659, 880};
    uint32_t before[4];

    band_run_ms(r->band, 500);
    for (size_t i = 0; i < 4; i++)
        before[i] = phone_heard_ms(r->phone, call, all[i]);
    band_run_ms(r->band, 1000);
    for (size_t i = 0; i < 4; i++) {
        const uint32_t heard = phone_heard_ms(r->phone, call, all[i]) - before[i];
        if (all[i] == one || all[i] == other)
            assert_in_range(heard, 800, 1100);
        else
            assert_int_equal(heard, 0);
    }
}

/*   b <==== 440, 659 ====> a <==== 440, 554 ====> c */
static void three_hear_each_other(void **state)
{
    struct four t = together();

    (void)state;
    hears(t.b, 1, 440, 659);
    hears(t.c, 1, 440, 554);
    hears(t.a, 1, 554, 554); /* its two calls are two ears: each hears one peer */
    hears(t.a, 2, 659, 659);
    ring_do(t.a, "status");
    ring_expect(t.a, "status \"joined\":true");
    band_close(t.w);
}

static void one_leaves_and_the_others_go_on(void **state)
{
    struct four t = together();

    (void)state;
    ring_do(t.b, "hangup");
    ring_expect(t.a, "ended \"call\":1");
    ring_expect(t.a, "conference \"calls\":[]");
    hears(t.c, 1, 440, 440);
    assert_int_equal(phone_command(t.a->phone, S("split")), ERR_NOTFOUND);
    assert_int_equal(phone_command(t.a->phone, S("conference")), ERR_NOTFOUND);
    band_close(t.w);
}

static void it_is_split(void **state)
{
    struct four t = together();

    (void)state;
    ring_do(t.a, "split"); /* c is the current one */
    ring_expect(t.a, "conference \"calls\":[]");
    ring_expect(t.b, "held");
    hears(t.c, 1, 440, 440);
    ring_do(t.a, "swap");
    ring_expect(t.b, "resumed");
    hears(t.b, 1, 440, 440);
    ring_do(t.a, "conference"); /* and again */
    ring_expect(t.c, "resumed");
    hears(t.c, 1, 440, 554);
    band_close(t.w);
}

/* A fourth is asked while the others wait, and let in. */
static void a_fourth_is_added(void **state)
{
    struct four t = together();

    (void)state;
    talk(t.a, t.d, "attend " D);
    ring_expect(t.b, "held");
    ring_expect(t.c, "held");
    ring_do(t.a, "conference");
    ring_expect(t.a, "conference \"calls\":[1,2,3]");
    ring_expect(t.b, "resumed");
    ring_expect(t.c, "resumed");
    band_run_ms(t.w, 2000);
    assert_in_range(phone_heard_ms(t.b->phone, 1, 659), 1000, 4000);
    assert_in_range(phone_heard_ms(t.b->phone, 1, 880), 1000, 4000);
    assert_in_range(phone_heard_ms(t.d->phone, 1, 554), 1000, 4000);
    ring_do(t.c, "hangup");
    ring_expect(t.a, "conference \"calls\":[1,3]");
    hears(t.b, 1, 440, 880);
    hears(t.d, 1, 440, 554);
    band_close(t.w);
}

/* c transfers a to d: who comes in c's place is in the conference too. */
static void a_place_in_it_is_transferred(void **state)
{
    struct four t = together();

    (void)state;
    talk(t.c, t.d, "attend " D);
    ring_do(t.c, "complete");
    ring_expect(t.c, "transfer-accepted");
    band_run_ms(t.w, 3000);
    assert_int_equal(phone_calls(t.c->phone), 0);
    assert_int_equal(phone_calls(t.a->phone), 2);
    hears(t.b, 1, 440, 880);
    band_close(t.w);
}

static void nothing_to_bring_together(void **state)
{
    struct four t = begin();

    (void)state;
    assert_int_equal(phone_command(t.a->phone, S("conference")), ERR_NOTFOUND);
    talk(t.a, t.b, "call " B);
    assert_int_equal(phone_command(t.a->phone, S("conference")), ERR_NOTFOUND);
    ring_do(t.c, "call " A);
    ring_expect(t.a, "incoming " C);
    assert_int_equal(phone_command(t.a->phone, S("conference")), ERR_NOTFOUND); /* it only rings */
    ring_do(t.a, "answer");
    ring_expect(t.b, "held");
    ring_expect(t.c, "confirmed");
    ring_do(t.a, "conference");
    ring_expect(t.b, "resumed");
    hears(t.b, 1, 440, 659);
    band_close(t.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_hear_each_other),
        cmocka_unit_test(one_leaves_and_the_others_go_on),
        cmocka_unit_test(it_is_split),
        cmocka_unit_test(a_fourth_is_added),
        cmocka_unit_test(a_place_in_it_is_transferred),
        cmocka_unit_test(nothing_to_bring_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
