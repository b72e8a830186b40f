/* phone_transfer_test.c - whole phones against each other, without an exchange: transfers, and phones that refuse them. */
#include "flows/phones.h"

#define B "sip:b@10.1.0.2"
#define C "sip:c@10.1.0.3"

static void talk(struct ring *a, struct ring *b)
{
    ring_do(a, "call " B);
    ring_expect(b, "incoming sip:a@10.1.0.1");
    ring_do(b, "answer");
    ring_expect(b, "confirmed");
    ring_expect(a, "confirmed");
}

/* How often datagrams whose first line begins so held that text. */
struct seen {
    struct slice begins, text;
    unsigned     with, without;
};

static void see(void *ctx, const struct fake_seen *s)
{
    struct seen *seen = ctx;

    if (s->fate != FAKE_SENT || !slice_starts(s->octets, seen->begins))
        return;
    if (slice_find_slice(s->octets, seen->text) != SIZE_MAX)
        seen->with++;
    else
        seen->without++;
}

/* `b` is made with that refer_code; a asks it to call c. What a is told, in words of its event. */
static void refused(unsigned refer_code, const char *told)
{
    struct band *w = band_open(NULL);
    const struct phone_config config = {.refer_code = refer_code};
    struct ring *a = ring_add(w, "a", NULL), *b = ring_add(w, "b", &config), *c = ring_add(w, "c", NULL);
    struct seen allow = {S("SIP/2.0 200"), S("NOTIFY, REFER\r\n"), 0, 0};

    fake_observe(w->world, see, &allow);
    talk(a, b);
    ring_do(a, "transfer " C);
    ring_expect(b, "transfer-refused \"to\":\"" C "\"");
    ring_expect(a, told);
    ring_expect_none(c, "incoming");
    assert_int_equal(phone_calls(a->phone), 1); /* it has its call still */
    assert_true(allow.with && !allow.without);
    fake_observe(w->world, NULL, NULL);
    band_close(w);
}

static void a_phone_refuses_a_refer_as_it_is_told(void **state)
{
    (void)state;
    refused(481, "transfer-result \"code\":481");
    refused(603, "transfer-result \"code\":603");
}

/* It stays a while in the call that it has sent on, as some phones do. */
static void a_phone_leaves_later(void **state)
{
    struct band *w = band_open(NULL);
    const struct phone_config config = {.leave_ms = 300};
    struct ring *a = ring_add(w, "a", &config), *b = ring_add(w, "b", NULL), *c = ring_add(w, "c", NULL);

    (void)state;
    talk(a, b);
    ring_do(a, "transfer " C);
    ring_expect(a, "transfer-accepted");
    ring_expect(c, "incoming");
    band_run_ms(w, 250);
    ring_expect_none(a, "ended");
    band_run_ms(w, 50);
    ring_expect(a, "ended");
    band_close(w);
}

/* No answer: the transferor's own transaction gives up (timer F). */
static void a_phone_is_silent_to_a_refer(void **state)
{
    (void)state;
    refused(PHONE_REFER_SILENT, "transfer-result \"code\":408");
}

/*   a                    b: 405, and no REFER in its Allow
 *   |---- REFER --------->|
 *   |<--- 405 ------------|  nobody is asked */
static void a_phone_does_not_know_refer(void **state)
{
    struct band *w = band_open(NULL);
    const struct phone_config config = {.refer_code = PHONE_REFER_UNLISTED};
    struct ring *a = ring_add(w, "a", NULL), *b = ring_add(w, "b", &config);
    struct seen allow = {S("SIP/2.0 "), S("\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, PRACK, INFO, NOTIFY\r\n"), 0, 0};

    (void)state;
    talk(a, b);
    fake_observe(w->world, see, &allow);
    ring_do(a, "transfer " C);
    ring_expect(a, "transfer-result \"code\":405");
    ring_expect_none(b, "transfer-refused");
    assert_int_equal(allow.with, 1);
    fake_observe(w->world, NULL, NULL);
    band_close(w);
}

/* ---- attended ---- */

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

/* a talks with b, holds it, and asks c. */
static void asks(struct three *t)
{
    talk(t->a, t->b);
    ring_do(t->a, "attend " C);
    ring_expect(t->a, "on-hold \"call\":1");
    ring_expect(t->b, "held");
    ring_expect(t->a, "calling \"about\":1");
    ring_expect(t->c, "incoming sip:a@10.1.0.1");
}

/*   a                    b                    c
 *   |<== on hold ========>|                    |
 *   |<== talk ================================>|
 *   |---- REFER (c?Replaces) ->|               |
 *   |<--- 202 ------------|                    |
 *   |---- BYE ----------->|                    |
 *   |                     |-- INVITE Replaces->|
 *   |<--- BYE ---------------------------------|
 *   |                     |<== talk ==========>|  */
static void an_attended_transfer(void **state)
{
    struct three t = begin();
    struct seen invite = {S("INVITE sip:c@"), S("\r\nReplaces: "), 0, 0};

    (void)state;
    asks(&t);
    ring_do(t.c, "answer");
    ring_expect(t.a, "confirmed");
    fake_observe(t.w->world, see, &invite);
    ring_do(t.a, "complete");
    ring_expect(t.a, "transfer-accepted \"call\":1");
    ring_expect(t.a, "ended hung-up");
    ring_expect(t.b, "transfer-asked " C);
    ring_expect(t.c, "incoming \"referred_by\":\"<sip:a@10.1.0.1>\",\"replaces\":true");
    ring_expect(t.a, "ended \"call\":2");
    ring_expect(t.a, "transfer-result \"ok\":true");
    assert_int_equal(invite.with, 1);
    ring_expect(t.c, "ended replaced");
    ring_expect(t.b, "hears 880");
    ring_expect(t.c, "hears 660");
    assert_int_equal(phone_calls(t.a->phone), 0);
    assert_int_equal(phone_calls(t.c->phone), 1);
    ring_do(t.c, "hangup"); /* the call that took the other's place is the current one */
    ring_expect(t.b, "ended far-hung-up");
    fake_observe(t.w->world, NULL, NULL);
    band_close(t.w);
}

/* Two calls that came in are connected as well: the one that talks takes what waits. */
static void calls_that_came_in_are_connected(void **state)
{
    struct three t = begin();

    (void)state;
    ring_do(t.b, "call sip:a@10.1.0.1");
    ring_expect(t.a, "incoming");
    ring_do(t.a, "answer");
    ring_expect(t.b, "confirmed");
    assert_int_equal(phone_command(t.a->phone, S("complete")), ERR_NOTFOUND); /* one call only */
    ring_do(t.c, "call sip:a@10.1.0.1");
    ring_expect(t.a, "incoming sip:c@10.1.0.3");
    assert_int_equal(phone_command(t.a->phone, S("complete")), ERR_NOTFOUND); /* it was not answered */
    ring_do(t.a, "answer");
    ring_expect(t.c, "confirmed");
    ring_do(t.a, "complete");
    ring_expect(t.a, "transfer-result \"ok\":true");
    ring_expect(t.b, "hears 880");
    ring_expect(t.c, "ended replaced");
    band_close(t.w);
}

/* Without an exchange that knows better: whoever is called by an early dialog must not let it be replaced (RFC 3891 §3), so
 * c says 481; a is told, and still has its call to c. */
static void a_call_that_rings_cannot_be_replaced(void **state)
{
    struct three t = begin();

    (void)state;
    asks(&t);
    ring_expect(t.a, "ringing \"call\":2");
    ring_do(t.a, "complete");
    ring_expect(t.a, "transfer-accepted");
    ring_expect(t.a, "transfer-result \"ok\":false,\"words\":\"it failed\",\"code\":481");
    ring_expect_none(t.c, "ended");
    ring_do(t.c, "answer");
    ring_expect(t.a, "confirmed \"call\":2");
    band_close(t.w);
}

static int64_t t_lose_all_to_c(void *ctx, const struct addr *from, const struct addr *to, struct slice octets)
{
    (void)ctx;
    (void)from;
    (void)octets;
    return to->ip[3] == 3 ? -1 : 0;
}

/* Before there is a dialog with c there is nothing that could be replaced. */
static void nothing_rings_yet(void **state)
{
    struct three t = begin();

    (void)state;
    talk(t.a, t.b);
    fake_set_filter(t.w->world, t_lose_all_to_c, NULL);
    ring_do(t.a, "attend " C);
    ring_expect(t.a, "calling");
    assert_int_equal(phone_command(t.a->phone, S("complete")), ERR_INVALID);
    ring_expect(t.a, "ended \"call\":2");
    fake_set_filter(t.w->world, NULL, NULL);
    ring_do(t.a, "swap");
    ring_expect(t.b, "resumed");
    band_close(t.w);
}

/* The call that was asked about ends meanwhile: there is nothing to connect, and c is a call like any other. */
static void the_one_who_waits_gives_up(void **state)
{
    struct three t = begin();

    (void)state;
    asks(&t);
    ring_do(t.c, "answer");
    ring_expect(t.a, "confirmed");
    ring_do(t.b, "hangup");
    ring_expect(t.a, "ended \"call\":1");
    assert_int_equal(phone_command(t.a->phone, S("complete")), ERR_NOTFOUND);
    assert_int_equal(phone_calls(t.a->phone), 1);
    band_close(t.w);
}

/* Do not disturb is about new calls, not about one that takes the place of one that is there. */
static void a_replacement_is_let_in(void **state)
{
    struct three t = begin();

    (void)state;
    asks(&t);
    ring_do(t.c, "answer");
    ring_expect(t.a, "confirmed");
    ring_do(t.c, "dnd on");
    ring_do(t.c, "forward always sip:d@10.1.0.4");
    ring_do(t.a, "complete");
    ring_expect(t.a, "transfer-result \"ok\":true");
    ring_expect(t.c, "ended replaced");
    band_close(t.w);
}

/* Everything may be lost, doubled, overtaken: b and c talk in the end. */
static void an_attended_transfer_survives_a_bad_wire(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct three t = begin();
        struct fake_link bad = {.delay_us = 3000 + 500 * (uint32_t)seed, .jitter_us = 15000, .loss_ppm = 100000,
                                .duplicate_ppm = 50000, .reorder_ppm = 50000, .reorder_us = 30000};
        fake_set_link(t.w->world, &bad);
        asks(&t);
        ring_do(t.c, "answer");
        ring_expect(t.a, "confirmed");
        ring_do(t.a, "complete");
        ring_expect(t.a, "transfer-accepted");
        ring_expect(t.c, "incoming \"replaces\":true");
        ring_expect(t.c, "ended replaced");
        ring_expect(t.a, "ended \"call\":2");
        band_run_ms(t.w, 20000);
        assert_int_equal(phone_calls(t.a->phone), 0);
        /* losses bend a tone, and what is bent counts as another: a part of the time is enough */
        assert_in_range(phone_heard_ms(t.b->phone, 2, 880), 3000, 21000);
        assert_in_range(phone_heard_ms(t.c->phone, 2, 660), 3000, 21000);
        band_close(t.w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phone_refuses_a_refer_as_it_is_told),
        cmocka_unit_test(a_phone_leaves_later),
        cmocka_unit_test(a_phone_is_silent_to_a_refer),
        cmocka_unit_test(a_phone_does_not_know_refer),
        cmocka_unit_test(an_attended_transfer),
        cmocka_unit_test(calls_that_came_in_are_connected),
        cmocka_unit_test(a_call_that_rings_cannot_be_replaced),
        cmocka_unit_test(nothing_rings_yet),
        cmocka_unit_test(the_one_who_waits_gives_up),
        cmocka_unit_test(a_replacement_is_let_in),
        cmocka_unit_test(an_attended_transfer_survives_a_bad_wire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
