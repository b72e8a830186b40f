/* ends_test.c - how calls end, and what is told of it: CDRs, the list of calls, an administrator who hangs up
 * (DESIGN §5; PROTOCOL §4, §7.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

static void call(struct two *t)
{
    peer_send(t->alice, "INVITE bob");
    peer_expect(t->bob, "INVITE");
}

static void one_cdr(struct two *t, const char *cdr)
{
    kit_wait_ms(t->k, 10);
    assert_string_equal(kit_calls(t->k), "");
    assert_string_equal(kit_cdr(t->k, 0), cdr);
    assert_string_equal(kit_cdr(t->k, 1), "");
    kit_end(t->k);
}

/* ---- by the parties ---- */

static void the_list_of_calls(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    call(&t);
    assert_string_equal(kit_calls(t.k), "alice bob calling");
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    assert_string_equal(kit_calls(t.k), "alice bob ringing");
    answer(t.bob, t.alice);
    assert_string_equal(kit_calls(t.k), "alice bob talking");
    hang_up(t.alice, t.bob);
    one_cdr(&t, "alice bob 200 caller bye");
}

static void the_callee_hangs_up(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    call(&t);
    answer(t.bob, t.alice);
    hang_up(t.bob, t.alice);
    one_cdr(&t, "alice bob 200 callee bye");
}

/* A BYE that nobody answers ends the call all the same. */
static void the_other_phone_is_gone(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    call(&t);
    answer(t.bob, t.alice);
    peer_send(t.alice, "BYE");
    peer_expect(t.bob, "BYE");
    peer_expect_nothing(t.alice, 40000); /* no 408 to a BYE: RFC 4320 §4.2 */
    one_cdr(&t, "alice bob 200 caller bye");
}

/* 481: it does not know of the call any more (RFC 5057 §5.1). */
static void the_other_phone_has_forgotten(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    call(&t);
    answer(t.bob, t.alice);
    pass(t.alice, t.bob, "INFO", "481");
    one_cdr(&t, "alice bob 200 callee Call/Transaction Does Not Exist");
}

/* What is no end: refused re-INVITEs, unanswered INFOs, 481 to what is a subscription's. */
static void what_does_not_end_a_call(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    call(&t);
    answer(t.bob, t.alice);
    peer_send(t.alice, "INVITE");
    peer_expect(t.bob, "INVITE");
    refuse(t.bob, t.alice, "488");
    pass(t.alice, t.bob, "NOTIFY\nEvent: refer\nSubscription-State: terminated", "481");
    peer_send(t.alice, "INFO");
    peer_expect(t.bob, "INFO");
    kit_wait_ms(t.k, 40000);
    assert_string_equal(kit_calls(t.k), "alice bob talking");
    hang_up(t.bob, t.alice);
    one_cdr(&t, "alice bob 200 callee bye");
}

static void refusals(void **state)
{
    static const struct {
        const char *code, *goes, *cdr;
    } cases[] = {
        {"486", "486", "alice bob 486 callee Busy Here"},
        {"603", "603", "alice bob 603 callee Decline"},
        {"404", "404", "alice bob 404 callee Not Found"},
        {"480", "480", "alice bob 480 callee Temporarily Unavailable"},
        {"302\nContact: <sip:x@elsewhere.example>", "302", "alice bob 302 callee Moved Temporarily"},
        {"503", "500", "alice bob 500 exchange Server Internal Error"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct two t = two_begin(NULL);

        call(&t);
        peer_send(t.bob, cases[i].code);
        peer_expect(t.bob, "ACK");
        peer_expect(t.alice, cases[i].goes);
        peer_send(t.alice, "ACK");
        one_cdr(&t, cases[i].cdr);
    }
}

static void nobody_answers(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    call(&t);
    peer_expect_in(t.alice, "408", 31000, 34000);
    peer_send(t.alice, "ACK");
    one_cdr(&t, "alice bob 408 exchange Request Timeout");
}

static void the_caller_gives_up(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    call(&t);
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    peer_send(t.alice, "CANCEL");
    peer_expect(t.alice, "200 CANCEL");
    peer_expect(t.bob, "CANCEL");
    peer_send(t.bob, "200 CANCEL");
    refuse(t.bob, t.alice, "487 INVITE");
    one_cdr(&t, "alice bob 487 caller cancel");
}

static void nobody_of_that_number(void **state)
{
    const struct kit_options o = {.digest = true};
    struct two               t = two_begin(&o);

    (void)state;
    peer_send(t.alice, "INVITE nobody"); /* asked for its password first: that was no call yet */
    peer_expect(t.alice, "404");
    peer_send(t.alice, "ACK");
    one_cdr(&t, "alice nobody 404 exchange Not Found");
}

/* PROTOCOL 7.5: what is no INVITE is no call; the same Call-ID with a new CSeq is a second attempt. */
static void two_attempts_of_one_call_id_7_5(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    pass(t.alice, t.bob, "MESSAGE bob", "200");
    call(&t);
    refuse(t.bob, t.alice, "486");
    peer_send(t.alice, "INVITE");
    peer_expect(t.bob, "INVITE");
    answer(t.bob, t.alice);
    hang_up(t.alice, t.bob);
    assert_string_equal(kit_cdr(t.k, 0), "alice bob 200 caller bye");
    assert_string_equal(kit_cdr(t.k, 1), "alice bob 486 callee Busy Here");
    assert_string_equal(kit_cdr(t.k, 2), "");
    kit_end(t.k);
}

/* ---- by an administrator ---- */

static void hung_up_while_it_rings(void **state)
{
    static const char *const provisional[] = {"100", "180"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct two t = two_begin(NULL);

        call(&t);
        peer_send(t.bob, provisional[i]);
        if (i)
            peer_expect(t.alice, "180");
        kit_wait_ms(t.k, 10);
        assert_int_equal(kit_hang_up(t.k, 0), ERR_OK);
        peer_expect(t.bob, "CANCEL");
        peer_send(t.bob, "200 CANCEL");
        peer_send(t.bob, "487 INVITE");
        peer_expect(t.bob, "ACK");
        peer_expect(t.alice, "487");
        peer_send(t.alice, "ACK");
        one_cdr(&t, "alice bob 487 admin ended by an administrator");
    }
}

/* BYE to both sides, each as if from the other, with a number that it has not seen (PROTOCOL 4.2). */
static void hung_up_while_they_talk_4_2(void **state)
{
    struct two        t = two_begin(NULL);
    const struct msg *m, *refer;

    (void)state;
    call(&t);
    answer(t.bob, t.alice);
    peer_send(t.alice, "INFO");
    refer = peer_expect(t.bob, "INFO");
    peer_send(t.bob, "200");
    peer_expect(t.alice, "200 INFO");
    assert_int_equal(kit_hang_up(t.k, 0), ERR_OK);
    m = peer_expect(t.bob, "BYE");
    assert_int_equal(cseq_of(m), cseq_of(refer) + 1);
    assert_true(slice_eq(m->uri, slice_z(peer_contact(t.bob))));
    assert_true(slice_find_slice(msg_value(m, HDR_REASON), S("ended by an administrator")) != SIZE_MAX);
    peer_send(t.bob, "200");
    m = peer_expect(t.alice, "BYE");
    assert_true(slice_eq(m->uri, slice_z(peer_contact(t.alice))));
    peer_send(t.alice, "200");
    assert_int_equal(kit_hang_up(t.k, 0), ERR_NOTFOUND);
    one_cdr(&t, "alice bob 200 admin ended by an administrator");
}

/* While a re-INVITE is under way: its end comes too. */
static void hung_up_during_a_re_invite(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    call(&t);
    answer(t.bob, t.alice);
    peer_send(t.alice, "INVITE");
    peer_expect(t.bob, "INVITE");
    assert_int_equal(kit_hang_up(t.k, 0), ERR_OK);
    peer_expect(t.bob, "BYE");
    peer_send(t.bob, "200 BYE");
    peer_send(t.bob, "487 INVITE");
    peer_expect(t.bob, "ACK");
    peer_expect(t.alice, "BYE");
    peer_send(t.alice, "200 BYE");
    peer_expect(t.alice, "487");
    peer_send(t.alice, "ACK");
    one_cdr(&t, "alice bob 200 admin ended by an administrator");
}

/* Two phones ring: both are cancelled. */
static void hung_up_while_two_ring(void **state)
{
    struct two   t = two_begin(NULL);
    struct peer *two = peer_add(t.k, "bob");

    (void)state;
    peer_register(two);
    call(&t);
    peer_expect(two, "INVITE");
    peer_send(two, "180");
    peer_expect(t.alice, "180");
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    assert_int_equal(kit_hang_up(t.k, 0), ERR_OK);
    for (int i = 0; i < 2; i++) {
        struct peer *p = i ? two : t.bob;

        peer_expect(p, "CANCEL");
        peer_send(p, "200 CANCEL");
        peer_send(p, "487 INVITE");
        peer_expect(p, "ACK");
    }
    peer_expect(t.alice, "487");
    peer_send(t.alice, "ACK");
    one_cdr(&t, "alice bob 487 admin ended by an administrator");
}

/* ---- by a restart: PROTOCOL 4.1 ---- */

static void talking_while_it_is_killed_4_1(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    call(&t);
    answer(t.bob, t.alice);
    kit_kill(t.k);
    kit_restart(t.k);
    assert_string_equal(kit_calls(t.k), "alice bob talking");
    assert_int_equal(kit_hang_up(t.k, 0), ERR_OK); /* by the flows that the record has */
    peer_expect(t.bob, "BYE");
    peer_send(t.bob, "200");
    peer_expect(t.alice, "BYE");
    peer_send(t.alice, "200");
    one_cdr(&t, "alice bob 200 admin ended by an administrator");
}

/* The attempt's transactions are gone; it ends in the books, at the latest by the sweep. */
static void ringing_while_it_is_killed(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    call(&t);
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    kit_kill(t.k);
    kit_restart(t.k);
    kit_wait_ms(t.k, 300000);
    one_cdr(&t, "alice bob 0 restart nobody ended it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_of_calls),
        cmocka_unit_test(the_callee_hangs_up),
        cmocka_unit_test(the_other_phone_is_gone),
        cmocka_unit_test(the_other_phone_has_forgotten),
        cmocka_unit_test(what_does_not_end_a_call),
        cmocka_unit_test(refusals),
        cmocka_unit_test(nobody_answers),
        cmocka_unit_test(the_caller_gives_up),
        cmocka_unit_test(nobody_of_that_number),
        cmocka_unit_test(two_attempts_of_one_call_id_7_5),
        cmocka_unit_test(hung_up_while_it_rings),
        cmocka_unit_test(hung_up_while_they_talk_4_2),
        cmocka_unit_test(hung_up_during_a_re_invite),
        cmocka_unit_test(hung_up_while_two_ring),
        cmocka_unit_test(talking_while_it_is_killed_4_1),
        cmocka_unit_test(ringing_while_it_is_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
