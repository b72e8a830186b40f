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
    struct seen allow = {S("SIP/2.0 "), S("\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO, NOTIFY\r\n"), 0, 0};

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phone_refuses_a_refer_as_it_is_told),
        cmocka_unit_test(a_phone_is_silent_to_a_refer),
        cmocka_unit_test(a_phone_does_not_know_refer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
