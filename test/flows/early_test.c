/* early_test.c - before there is an answer, and when answers race: CANCEL, forks, timer C, early dialogs (RFC 3261 §9, §16.7,
 * §16.8, §16.10; RFC 3262, RFC 3311, RFC 6026). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

static struct peer *second_phone(struct kit *k, const char *params)
{
    struct peer *p = peer_add(k, "bob");
    char         what[512];

    snprintf(what, sizeof what, "REGISTER bob\nContact: <%s>%s", peer_contact(p), params);
    peer_send(p, what);
    peer_expect(p, "200 REGISTER");
    return p;
}

static void is_cancelled(struct peer *p)
{
    peer_expect(p, "CANCEL");
    peer_send(p, "200 CANCEL");
    peer_send(p, "487 INVITE");
    peer_expect(p, "ACK");
}

static void gives_up(struct peer *p)
{
    peer_send(p, "CANCEL");
    peer_expect(p, "200 CANCEL");
}

static void hears(struct peer *p, const char *final)
{
    peer_expect(p, final);
    peer_send(p, "ACK");
}

/* ---- CANCEL ---- */

/* §9.1: nothing is cancelled that has not been heard of; then it is, at once. */
static void cancel_waits_for_the_first_answer(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    gives_up(t.alice);
    peer_expect_nothing(t.bob, 400);
    peer_send(t.bob, "180");
    is_cancelled(t.bob);
    peer_expect(t.alice, "180");
    hears(t.alice, "487");
    kit_end(t.k);
}

/* It never answers at all: the caller is not left without an end. */
static void cancel_of_a_silent_phone(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    gives_up(t.alice);
    peer_expect_in(t.alice, "487", 30000, 34000);
    peer_send(t.alice, "ACK");
    kit_end(t.k);
}

/* §9.2: a CANCEL that comes after the final response is answered 200 and does nothing. */
static void cancel_after_the_answer(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    peer_send(t.bob, "200");
    gives_up(t.alice); /* it crosses the 200 */
    peer_expect(t.alice, "200 INVITE");
    peer_send(t.alice, "ACK");
    peer_expect(t.bob, "ACK");
    peer_expect_nothing(t.bob, 100);
    hang_up(t.alice, t.bob);
    peer_send(t.alice, "INVITE nobody"); /* an open house: nobody is not registered */
    peer_expect(t.alice, "480");
    gives_up(t.alice);
    peer_send(t.alice, "ACK");
    kit_end(t.k);
}

static void cancel_twice_and_of_nothing(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    peer_send(t.alice, "CANCEL");
    peer_send(t.alice, "CANCEL"); /* octet for octet the same: one answer, and its repeat */
    peer_expect(t.alice, "200 CANCEL");
    is_cancelled(t.bob);
    hears(t.alice, "487");
    assert_true(peer_repeats(t.alice) >= 1);
    peer_expect_nothing(t.bob, 100);
    kit_wait_ms(t.k, 40000); /* now no transaction is left of it */
    peer_send(t.alice, "CANCEL");
    peer_expect(t.alice, "481 CANCEL");
    kit_end(t.k);
}

/* RFC 6026 §7.1, §16.7 step 5: bob answers while the CANCEL is on its way: the call is there, and alice ends it. */
static void the_answer_beats_the_cancel(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    gives_up(t.alice);
    peer_expect(t.bob, "CANCEL");
    peer_send(t.bob, "200 CANCEL");
    answer(t.bob, t.alice);
    assert_string_equal(kit_calls(t.k), "alice bob talking");
    hang_up(t.alice, t.bob);
    assert_string_equal(kit_cdr(t.k, 0), "alice bob 200 caller bye");
    kit_end(t.k);
}

/* The caller's Reason goes on with the CANCEL (RFC 3326). */
static void a_reason_goes_on(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    peer_send(t.alice, "CANCEL\nReason: Q.850;cause=102");
    peer_expect(t.alice, "200 CANCEL");
    assert_true(slice_eq(msg_value(peer_expect(t.bob, "CANCEL"), HDR_REASON), S("Q.850;cause=102")));
    peer_send(t.bob, "200 CANCEL");
    peer_send(t.bob, "487 INVITE");
    peer_expect(t.bob, "ACK");
    hears(t.alice, "487");
    kit_end(t.k);
}

/* ---- the best answer of several: §16.7 step 6, 7 ---- */

static void a_6xx_ends_the_fork(void **state)
{
    struct two   t = two_begin(NULL);
    struct peer *two = second_phone(t.k, ""), *later = second_phone(t.k, ";q=0.1");

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    peer_expect(two, "INVITE");
    peer_send(two, "180");
    peer_expect(t.alice, "180");
    peer_send(t.bob, "600");
    peer_expect(t.bob, "ACK");
    is_cancelled(two);
    hears(t.alice, "600");
    peer_expect_nothing(later, 100); /* whose turn had not come: it never does */
    kit_end(t.k);
}

/* Challenges of all branches in one answer, so that the caller can answer them all. */
static void challenges_are_collected(void **state)
{
    static const char *const orders[][3] = {{"404", "401", "407"}, {"407", "404", "401"}, {"401", "407", "404"}};

    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct two        t = two_begin(NULL);
        struct peer      *phone[] = {t.bob, second_phone(t.k, ""), second_phone(t.k, "")};
        const struct msg *m;
        char              what[256];

        peer_send(t.alice, "INVITE bob");
        for (int n = 0; n < 3; n++)
            peer_expect(phone[n], "INVITE");
        for (int n = 0; n < 3; n++) {
            snprintf(what, sizeof what, "%s%s", orders[i][n],
                     !strcmp(orders[i][n], "401")   ? "\nWWW-Authenticate: Digest realm=\"one\", nonce=\"1\""
                     : !strcmp(orders[i][n], "407") ? "\nProxy-Authenticate: Digest realm=\"two\", nonce=\"2\""
                                                    : "");
            peer_send(phone[n], what);
            peer_expect(phone[n], "ACK");
        }
        kit_wait_ms(t.k, 10);
        m = peer_expect(t.alice, i == 2 || i == 0 ? "401" : "407");
        assert_int_equal(msg_count(m, HDR_WWW_AUTHENTICATE), 1);
        assert_int_equal(msg_count(m, HDR_PROXY_AUTHENTICATE), 1);
        peer_send(t.alice, "ACK");
        kit_end(t.k);
    }
}

/* Cancelled by the caller: 487 is what it waits for, whatever else was said of phones that were not there. */
static void cancelled_is_487_and_not_408(void **state)
{
    struct two   t = two_begin(NULL);
    struct peer *silent = second_phone(t.k, "");

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    peer_expect(silent, "INVITE");
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    gives_up(t.alice);
    is_cancelled(t.bob);
    hears(t.alice, "487");
    kit_end(t.k);
}

/* Not cancelled by the caller: a 487 that our own patience has made is no news to it. */
static void a_group_that_rang_out_is_no_487(void **state)
{
    struct two   t = two_begin(NULL);
    struct peer *first = second_phone(t.k, ";q=1.0"), *last;

    (void)state;
    peer_send(t.bob, "REGISTER bob\nContact: *\nExpires: 0");
    peer_expect(t.bob, "200 REGISTER");
    peer_send(first, "REGISTER");
    peer_expect(first, "200 REGISTER");
    last = second_phone(t.k, ";q=0.5");
    peer_send(t.alice, "INVITE bob");
    peer_expect(first, "INVITE");
    peer_send(first, "180");
    peer_expect(t.alice, "180");
    peer_expect_in(first, "CANCEL", 19000, 21000);
    peer_send(first, "200 CANCEL");
    peer_send(first, "487 INVITE");
    peer_expect(first, "ACK");
    peer_expect(last, "INVITE");
    peer_send(last, "480");
    peer_expect(last, "ACK");
    hears(t.alice, "480");
    kit_end(t.k);
}

/* ---- timer C: §16.6 step 11, §16.8 ---- */

/* Only a 100: it has the INVITE and may ring when it likes, so it must be cancelled, not forgotten. */
static void timer_c_cancels_what_has_said_100(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    peer_send(t.bob, "100");
    peer_expect_in(t.bob, "CANCEL", 180000, 190000);
    peer_send(t.bob, "200 CANCEL");
    peer_send(t.bob, "487 INVITE");
    peer_expect(t.bob, "ACK");
    hears(t.alice, "487");
    kit_end(t.k);
}

/* And when that is not answered either: 408. */
static void timer_c_and_silence(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    peer_expect_in(t.bob, "CANCEL", 180000, 190000);
    peer_expect_in(t.alice, "408", 30000, 34000);
    peer_send(t.alice, "ACK");
    kit_end(t.k);
}

/* Each 1xx but 100 begins it anew: a queue may keep a caller for long. */
static void each_provisional_resets_timer_c(void **state)
{
    struct two t = two_begin(NULL);
    char       what[64];

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    for (int i = 0; i < 5; i++) {
        snprintf(what, sizeof what, "182\nX-Place: %d", i);
        peer_send(t.bob, what);
        peer_expect(t.alice, "182");
        kit_wait_ms(t.k, 150000);
    }
    peer_send(t.bob, "200");
    hears(t.alice, "200 INVITE");
    peer_expect(t.bob, "ACK");
    hang_up(t.bob, t.alice);
    kit_end(t.k);
}

/* The same inside a dialog: a re-INVITE that rings for ever. */
static void timer_c_of_a_re_invite(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    peer_send(t.bob, "200");
    hears(t.alice, "200 INVITE");
    peer_expect(t.bob, "ACK");
    peer_send(t.alice, "INVITE");
    peer_expect(t.bob, "INVITE");
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    peer_expect_in(t.bob, "CANCEL", 180000, 190000);
    peer_send(t.bob, "200 CANCEL");
    peer_send(t.bob, "487 INVITE");
    peer_expect(t.bob, "ACK");
    hears(t.alice, "487");
    hang_up(t.alice, t.bob);
    kit_end(t.k);
}

/* ---- early dialogs: RFC 3262, RFC 3311 ---- */

static void acknowledge_183(struct peer *caller, struct peer *callee)
{
    peer_send(callee, "183 INVITE\nRequire: 100rel\nRSeq: 813520");
    peer_follow(caller, peer_expect(caller, "183"));
    peer_send(caller, "PRACK\nRAck: 813520 1 INVITE");
    assert_true(slice_eq(msg_value(peer_expect(callee, "PRACK"), HDR_RACK), S("813520 1 INVITE")));
    peer_send(callee, "200 PRACK");
    peer_expect(caller, "200 PRACK");
}

/*   alice           strowger            bob
 *     |--- INVITE ---->|--- INVITE ----->|
 *     |<-- 183 --------|<-- 183 ---------|   reliable
 *     |--- PRACK ----->|--- PRACK ------>|
 *     |--- UPDATE ---->|--- UPDATE ----->|   either side may
 *     |<-- UPDATE -----|<-- UPDATE ------|
 *     |<-- 200 --------|<-- 200 ---------|   of the INVITE */
static void prack_and_update(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    peer_send(t.alice, "INVITE bob\nSupported: 100rel");
    peer_expect(t.bob, "INVITE");
    acknowledge_183(t.alice, t.bob);
    peer_send(t.alice, "UPDATE");
    peer_expect(t.bob, "UPDATE");
    peer_send(t.bob, "200 UPDATE");
    peer_expect(t.alice, "200 UPDATE");
    peer_send(t.bob, "UPDATE");
    peer_expect(t.alice, "UPDATE");
    peer_send(t.alice, "200 UPDATE");
    peer_expect(t.bob, "200 UPDATE");
    peer_send(t.bob, "200 INVITE");
    hears(t.alice, "200 INVITE");
    peer_expect(t.bob, "ACK");
    hang_up(t.bob, t.alice);
    kit_end(t.k);
}

/* Two early dialogs of one INVITE: each PRACK goes to the phone whose 183 it is for. */
static void prack_in_a_fork(void **state)
{
    struct two   t = two_begin(NULL);
    struct peer *two = second_phone(t.k, "");

    (void)state;
    peer_send(t.alice, "INVITE bob\nSupported: 100rel");
    peer_expect(t.bob, "INVITE");
    peer_expect(two, "INVITE");
    acknowledge_183(t.alice, two);
    acknowledge_183(t.alice, t.bob);
    peer_send(two, "200 INVITE");
    peer_follow(t.alice, peer_expect(t.alice, "200 INVITE"));
    is_cancelled(t.bob);
    peer_send(t.alice, "ACK");
    peer_expect(two, "ACK");
    hang_up(two, t.alice);
    kit_end(t.k);
}

/* §13.2.2.4, RFC 6026: both answer; alice acknowledges both and ends one: two dialogs, and one CDR. */
static void both_answer(void **state)
{
    struct two        t = two_begin(NULL);
    struct peer      *two = second_phone(t.k, "");
    const struct msg *first;

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    peer_expect(two, "INVITE");
    peer_send(t.bob, "200");
    peer_send(two, "200");
    first = peer_expect(t.alice, "200 INVITE");
    peer_follow(t.alice, first);
    peer_send(t.alice, "ACK");
    peer_expect(t.bob, "ACK");
    peer_follow(t.alice, peer_expect(t.alice, "200 INVITE"));
    peer_send(t.alice, "ACK");
    peer_expect(two, "ACK");
    assert_string_equal(kit_calls(t.k), "alice bob talking, alice bob talking");
    hang_up(t.alice, two);
    assert_string_equal(kit_cdr(t.k, 0), "");
    peer_follow(t.alice, first);
    hang_up(t.bob, t.alice);
    assert_string_equal(kit_cdr(t.k, 0), "alice bob 200 callee bye");
    assert_string_equal(kit_cdr(t.k, 1), "");
    assert_string_equal(kit_calls(t.k), "");
    kit_end(t.k);
}

/* The same of one branch, since a proxy behind us has forked: what comes long after the first 2xx is kept and passed on as well. */
static void one_branch_answers_twice(void **state)
{
    static const enum hdr_id copied[] = {HDR_VIA, HDR_RECORD_ROUTE, HDR_FROM, HDR_CALL_ID, HDR_CSEQ};
    struct two               t = two_begin(NULL);
    const struct msg        *invite;
    char                     room[2048];
    struct buf               b = BUF_ON(room);

    (void)state;
    peer_send(t.alice, "INVITE bob");
    invite = peer_expect(t.bob, "INVITE");
    answer(t.bob, t.alice);
    kit_wait_ms(t.k, 20000);
    buf_put(&b, S("SIP/2.0 200 OK\r\n"));
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++)
        msg_put_rows_of(&b, invite, copied[i]);
    buf_put(&b, S("To: <sip:bob@" KIT_DOMAIN ">;tag=another\r\nContact: <sip:bob@10.0.0.12:5060>\r\nContent-Length: 0\r\n\r\n"));
    peer_send_raw(t.bob, buf_slice(&b));
    peer_follow(t.alice, peer_expect(t.alice, "200 INVITE"));
    peer_send(t.alice, "ACK");
    peer_expect(t.bob, "ACK");
    assert_string_equal(kit_calls(t.k), "alice bob talking, alice bob talking");
    hang_up(t.alice, t.bob);
    assert_string_equal(kit_cdr(t.k, 0), "");
    assert_string_equal(kit_calls(t.k), "alice bob talking");
    kit_end(t.k);
}

/* RFC 6026 §8.9: what belongs to no transaction any more is dropped: the caller was told 408, and that stands. */
static void a_200_long_after_the_end_is_dropped(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    kit_wait_ms(t.k, 2000);
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    hears(t.alice, "408");
    kit_wait_ms(t.k, 40000);
    peer_send(t.bob, "200 INVITE");
    peer_expect_nothing(t.alice, 1000);
    kit_end(t.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancel_waits_for_the_first_answer),
        cmocka_unit_test(cancel_of_a_silent_phone),
        cmocka_unit_test(cancel_after_the_answer),
        cmocka_unit_test(cancel_twice_and_of_nothing),
        cmocka_unit_test(the_answer_beats_the_cancel),
        cmocka_unit_test(a_reason_goes_on),
        cmocka_unit_test(a_6xx_ends_the_fork),
        cmocka_unit_test(challenges_are_collected),
        cmocka_unit_test(cancelled_is_487_and_not_408),
        cmocka_unit_test(a_group_that_rang_out_is_no_487),
        cmocka_unit_test(timer_c_cancels_what_has_said_100),
        cmocka_unit_test(timer_c_and_silence),
        cmocka_unit_test(each_provisional_resets_timer_c),
        cmocka_unit_test(timer_c_of_a_re_invite),
        cmocka_unit_test(prack_and_update),
        cmocka_unit_test(prack_in_a_fork),
        cmocka_unit_test(both_answer), cmocka_unit_test(one_branch_answers_twice),
        cmocka_unit_test(a_200_long_after_the_end_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
