/* phone_test.c - whole phones against each other, without an exchange: calls with sound, hold, transfer, 302, bad wires. */
#include "flows/phones.h"

#define B "sip:b@10.1.0.2"
#define C "sip:c@10.1.0.3"

static const struct phone_config tone_440 = {.tone_hz = 440}, tone_660 = {.tone_hz = 660}, tone_880 = {.tone_hz = 880};

static void talk(struct ring *a, struct ring *b)
{
    ring_do(a, "call " B);
    ring_expect(b, "incoming sip:a@10.1.0.1");
    ring_expect(a, "ringing 180");
    ring_do(b, "answer");
    ring_expect(b, "confirmed");
    ring_expect(a, "confirmed");
}

/*   a                    b
 *   |---- INVITE -------->|
 *   |<--- 180, 200 -------|
 *   |---- ACK ----------->|
 *   |<=== 440, 660 Hz ===>|
 *   |---- BYE ----------->| */
static void a_call_with_sound_both_ways(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", &tone_440), *b = ring_add(w, "b", &tone_660);

    (void)state;
    talk(a, b);
    ring_expect(a, "hears \"hz\":660");
    ring_expect(b, "hears \"hz\":440");
    band_run_ms(w, 2000);
    assert_in_range(phone_heard_ms(a->phone, 1, 660), 1800, 2600);
    assert_int_equal(phone_heard_ms(a->phone, 1, 440), 0);
    ring_do(a, "hangup");
    ring_expect(a, "ended hung-up");
    ring_expect(a, "call-statistics \"lost\":0");
    ring_expect(b, "ended far-hung-up");
    ring_expect(b, "call-statistics \"codec\":\"G722\"");
    band_close(w);
}

/* "4.41" as 441. */
static unsigned hundredths(struct slice line, const char *key)
{
    struct slice value = line_field(line, key), whole;
    uint32_t a = 0, b = 0;

    slice_cut(&value, '.', &whole);
    assert_int_equal(slice_u32(whole, &a), ERR_OK);
    assert_int_equal(slice_u32(slice_to(value, 2), &b), ERR_OK);
    return 100 * a + b;
}

/* RFC 3611: on a way that loses one packet in ten and takes 200 ms, both phones know how both hear, at any time and at the
 * end. */
static void both_ends_know_how_both_hear(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", &tone_440), *b = ring_add(w, "b", &tone_660);
    struct slice told;

    (void)state;
    assert_int_equal(phone_command(a->phone, S("quality")), ERR_NOTFOUND);
    ring_expect(a, "error \"text\":\"there is no call to quality\"");
    talk(a, b);
    fake_set_link(w->world, &(struct fake_link){.delay_us = 200000, .jitter_us = 20000, .loss_ppm = 100000});
    band_run_ms(w, 30000);
    ring_do(a, "quality");
    told = ring_expect(a, "call-quality");
    assert_in_range(hundredths(told, "mos"), 200, 360);
    assert_in_range(hundredths(told, "mos_listening"), 310, 380);
    assert_in_range(hundredths(told, "loss"), 600, 1400);
    assert_in_range(hundredths(told, "far_loss"), 600, 1400);
    assert_in_range(hundredths(told, "far_mos_listening"), 300, 390);
    assert_in_range(hundredths(told, "round_trip"), 39, 50);
    assert_true(slice_find_slice(told, S("\"far_discard\":")) != SIZE_MAX); /* by XR: no estimate */
    ring_do(b, "hangup");
    told = ring_expect(b, "call-quality");
    assert_in_range(hundredths(told, "loss"), 600, 1400);
    band_close(w);
}

static void a_busy_phone_and_a_rejected_call(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", NULL), *b = ring_add(w, "b", NULL);

    (void)state;
    ring_do(b, "dnd on");
    ring_do(a, "call " B);
    ring_expect(a, "ended \"code\":486");
    ring_expect_none(b, "incoming");
    ring_do(b, "dnd off");
    ring_do(a, "call " B);
    ring_expect(b, "incoming");
    ring_do(b, "reject 603");
    ring_expect(a, "ended \"code\":603");
    band_close(w);
}

static void the_caller_gives_up(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", NULL), *b = ring_add(w, "b", NULL);

    (void)state;
    ring_do(a, "call " B);
    ring_expect(a, "ringing");
    band_run_ms(w, 90000); /* the callee repeats its 180 each minute: RFC 3261 §13.3.1.1 */
    ring_do(a, "hangup");
    ring_expect(a, "ended hung-up");
    ring_expect(b, "ended far-hung-up");
    assert_int_equal(phone_calls(a->phone) + phone_calls(b->phone), 0);
    band_close(w);
}

/* Who holds says and hears nothing; both know it; then all is as before. */
static void hold_and_resume(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", &tone_440), *b = ring_add(w, "b", &tone_660);
    uint32_t before;

    (void)state;
    talk(a, b);
    ring_expect(b, "hears 440");
    ring_do(a, "hold");
    ring_expect(a, "on-hold");
    ring_expect(b, "held");
    band_run_ms(w, 300);
    before = phone_heard_ms(b->phone, 1, 440);
    band_run_ms(w, 2000);
    assert_int_equal(phone_heard_ms(b->phone, 1, 440), before);
    assert_int_equal(phone_command(a->phone, S("hold")), ERR_NOTFOUND);
    ring_do(a, "resume");
    ring_expect(a, "off-hold");
    ring_expect(b, "resumed");
    band_run_ms(w, 2000);
    assert_in_range(phone_heard_ms(b->phone, 1, 440), before + 1500, before + 2100);
    band_close(w);
}

/* Both put the other on hold at once: 491 both ways, and in the end both are on hold (RFC 3261 §14.1). */
static void both_hold_at_once(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", &tone_440), *b = ring_add(w, "b", &tone_660);
    uint32_t before;

    (void)state;
    talk(a, b);
    ring_do(a, "hold");
    ring_do(b, "hold");
    ring_expect(a, "on-hold");
    ring_expect(b, "on-hold");
    ring_do(a, "resume");
    ring_expect(a, "off-hold");
    ring_expect(b, "resumed");
    band_run_ms(w, 100); /* the ACK must be there before the next offer */
    before = phone_heard_ms(a->phone, 1, 660);
    ring_do(b, "resume");
    ring_expect(b, "off-hold");
    ring_expect(a, "resumed");
    band_run_ms(w, 2000);
    assert_in_range(phone_heard_ms(a->phone, 1, 660), before + 1500, before + 2200);
    band_close(w);
}

static void keys_are_heard(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", NULL), *b = ring_add(w, "b", NULL);

    (void)state;
    talk(a, b);
    ring_do(a, "dtmf 12#");
    ring_expect(b, "dtmf \"digit\":\"1\"");
    ring_expect(b, "dtmf \"digit\":\"2\"");
    ring_expect(b, "dtmf \"digit\":\"#\"");
    ring_expect(a, "dtmf-sent");
    assert_int_equal(phone_command(a->phone, S("dtmf xyz")), ERR_INVALID);
    band_close(w);
}

/* The guide's blind transfer, F9 on: b sends a to c, hangs up on the 202, and is told how it went all the same. */
static void a_blind_transfer(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", &tone_440), *b = ring_add(w, "b", &tone_660), *c = ring_add(w, "c", &tone_880);
    struct slice first, second;

    (void)state;
    ring_do(a, "call " B);
    first = line_field(ring_expect(b, "incoming"), "call_id");
    ring_do(b, "answer");
    ring_expect(a, "confirmed");
    ring_do(b, "transfer " C);
    ring_expect(b, "transfer-accepted 202");
    ring_expect(b, "ended hung-up");
    ring_expect(a, "transfer-asked " C);
    ring_expect(a, "ended far-hung-up");
    second = line_field(ring_expect(c, "incoming \"referred_by\":\"<sip:b@10.1.0.2>\""), "call_id");
    assert_true(first.n && second.n && !slice_eq(first, second)); /* a new call: a new Call-ID */
    ring_expect(b, "transfer-progress 180");
    ring_do(c, "answer");
    ring_expect(b, "transfer-result \"ok\":true");
    ring_expect(a, "answered");
    ring_expect(a, "hears 880");
    ring_expect(c, "hears 440");
    assert_int_equal(phone_calls(a->phone), 1);
    band_close(w);
}

static void a_transfer_that_fails_is_told(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", NULL), *b = ring_add(w, "b", NULL), *c = ring_add(w, "c", NULL);

    (void)state;
    talk(a, b);
    ring_do(c, "dnd on");
    ring_do(b, "transfer " C);
    ring_expect(b, "transfer-accepted");
    ring_expect(b, "transfer-result \"ok\":false,\"words\":\"it failed\",\"code\":486");
    ring_expect(a, "ended \"code\":486");
    band_close(w);
}

/* PROTOCOL 7.5: after a 302 our phone calls anew, with a Call-ID of its own. */
static void p7_5_a_302_is_followed_with_a_new_call_id(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", NULL), *b = ring_add(w, "b", NULL), *c = ring_add(w, "c", NULL);
    struct slice first, second;

    (void)state;
    ring_do(a, "call " B);
    first = line_field(ring_expect(b, "incoming"), "call_id");
    ring_do(b, "deflect " C);
    ring_expect(a, "ended \"code\":302");
    ring_expect(a, "redirected " C);
    second = line_field(ring_expect(c, "incoming"), "call_id");
    assert_false(slice_eq(first, second));
    ring_do(c, "answer");
    ring_expect(a, "confirmed");
    band_close(w);
}

/* The target of a transfer sends the transferee on: who asked for it hears of the last one only. */
static void a_transfer_may_be_redirected(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", NULL), *b = ring_add(w, "b", NULL), *c = ring_add(w, "c", NULL),
                *d = ring_add(w, "d", NULL);

    (void)state;
    talk(a, b);
    ring_do(b, "transfer " C);
    ring_expect(c, "incoming");
    ring_do(c, "deflect sip:d@10.1.0.4");
    ring_expect(d, "incoming");
    ring_do(d, "answer");
    ring_expect(b, "transfer-result \"ok\":true");
    band_close(w);
}

static void redirects_in_a_circle_end(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", NULL), *b = ring_add(w, "b", NULL);

    (void)state;
    ring_do(a, "call " B);
    for (int i = 0; i <= PHONE_MAX_REDIRECTS; i++) {
        ring_expect(b, "incoming");
        ring_do(b, "deflect " B);
    }
    band_run_ms(w, 1000);
    ring_expect_none(b, "incoming");
    assert_int_equal(phone_calls(a->phone), 0);
    band_close(w);
}

static void a_second_call_may_come_in(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", NULL), *b = ring_add(w, "b", &tone_660), *c = ring_add(w, "c", NULL);

    (void)state;
    talk(a, b);
    ring_do(c, "call " B);
    ring_expect(b, "incoming sip:c@10.1.0.3");
    ring_do(b, "hold");
    ring_expect(b, "on-hold");
    ring_do(b, "answer");
    ring_expect(c, "confirmed");
    assert_int_equal(phone_calls(b->phone), 2);
    ring_do(b, "status");
    ring_expect(b, "status \"current\":2");
    ring_do(c, "hangup");
    ring_expect(b, "ended \"call\":2");
    ring_do(b, "resume");
    ring_expect(b, "off-hold");
    ring_expect(a, "resumed");
    band_close(w);
}

static void auto_answer_after_a_while(void **state)
{
    struct band *w = band_open(NULL);
    const struct phone_config slow = {.auto_answer = true, .auto_answer_ms = 3000};
    struct ring *a = ring_add(w, "a", NULL), *b = ring_add(w, "b", &slow), *c = ring_add(w, "c", NULL);
    uint64_t from;

    (void)state;
    ring_do(a, "call " B);
    ring_expect(b, "incoming");
    from = fake_now_us(w->world);
    ring_expect(b, "answered");
    assert_in_range(fake_now_us(w->world) - from, 3000000, 3010000);
    ring_expect(a, "confirmed");
    ring_do(c, "call " B); /* while it talks it only rings */
    ring_expect(b, "incoming sip:c@10.1.0.3");
    band_run_ms(w, 10000);
    ring_expect_none(b, "answered");
    ring_do(a, "hangup");
    ring_do(b, "answer");
    ring_expect(c, "confirmed");
    band_close(w);
}

/* Every command line that cannot be carried out says why, and changes nothing. */
static void wrong_commands_are_explained(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", NULL);
    static const struct {
        const char *line, *text;
    } wrong[] = {
        {"dance", "no such command"},       {"call", "usage: call TARGET"}, {"call a b", "usage: call TARGET"},
        {"answer", "there is no call to answer"}, {"hangup 7", "there is no call to hangup"}, {"dnd", "usage: dnd on|off"},
        {"reject 200", "usage: reject [CODE]"},   {"tone x", "usage: tone HZ"},  {"quit now", "usage: quit"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char want[128];
        (void)snprintf(want, sizeof want, "error %s", wrong[i].text);
        assert_int_not_equal(phone_command(a->phone, slice_z(wrong[i].line)), ERR_OK);
        ring_expect(a, want);
    }
    assert_int_equal(phone_command(a->phone, S("  ")), ERR_OK);
    band_close(w);
}

static void a_phone_that_vanishes_is_given_up(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_add(w, "a", NULL), *b = ring_add(w, "b", NULL);

    (void)state;
    talk(a, b);
    fake_down(b->node);
    phone_close(b->phone);
    b->phone = NULL;
    ring_expect(a, "silence");
    ring_do(a, "hangup");
    ring_expect(a, "ended hung-up");
    band_close(w);
}

/* Everything may be lost, doubled, overtaken: the transfer completes. */
static void a_transfer_survives_a_bad_wire(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct band *w = band_open(NULL);
        struct ring *a = ring_add(w, "a", &tone_440), *b = ring_add(w, "b", &tone_660), *c = ring_add(w, "c", &tone_880);
        struct fake_link bad = {.delay_us = 3000 + 500 * (uint32_t)seed, .jitter_us = 15000, .loss_ppm = 100000,
                                .duplicate_ppm = 50000, .reorder_ppm = 50000, .reorder_us = 30000};
        fake_set_link(w->world, &bad);
        ring_do(a, "call " B);
        ring_expect(b, "incoming");
        ring_do(b, "answer");
        ring_expect(b, "confirmed");
        ring_do(b, "transfer " C);
        ring_expect(b, "transfer-accepted");
        ring_expect(c, "incoming");
        ring_do(c, "answer");
        ring_expect(c, "sound");
        ring_do(a, "hangup");
        ring_expect(c, "ended");
        band_run_ms(w, 60000);
        band_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_with_sound_both_ways),
        cmocka_unit_test(both_ends_know_how_both_hear),
        cmocka_unit_test(a_busy_phone_and_a_rejected_call),
        cmocka_unit_test(the_caller_gives_up),
        cmocka_unit_test(hold_and_resume),
        cmocka_unit_test(both_hold_at_once),
        cmocka_unit_test(keys_are_heard),
        cmocka_unit_test(a_blind_transfer),
        cmocka_unit_test(a_transfer_that_fails_is_told),
        cmocka_unit_test(p7_5_a_302_is_followed_with_a_new_call_id),
        cmocka_unit_test(a_transfer_may_be_redirected),
        cmocka_unit_test(redirects_in_a_circle_end),
        cmocka_unit_test(a_second_call_may_come_in),
        cmocka_unit_test(auto_answer_after_a_while),
        cmocka_unit_test(wrong_commands_are_explained),
        cmocka_unit_test(a_phone_that_vanishes_is_given_up),
        cmocka_unit_test(a_transfer_survives_a_bad_wire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
