/* fork_test.c - several phones of one user: RFC 3261 §16.6-16.8, RFC 5393, RFC 6026, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

/* Another phone of that number, at another address. */
static struct peer *second_phone(struct kit *k, const char *number, const char *params)
{
    struct peer *p = peer_add(k, number);
    char         what[512];

    snprintf(what, sizeof what, "REGISTER %s\nExpires: 3600\nContact: <%s>%s", number, peer_contact(p), params);
    peer_send(p, what);
    peer_expect(p, "200 REGISTER");
    return p;
}

/*   alice          strowger        bob1       bob2
 *     |-- INVITE ---->|-- INVITE -->|          |
 *     |               |-- INVITE ------------->|
 *     |<-- 180 -------|<-- 180 -----|          |
 *     |<-- 180 -------|<-- 180 ----------------|
 *     |<-- 200 -------|<-- 200 ----------------|
 *     |               |-- CANCEL -->|          |
 *     |-- ACK ------->|-- ACK ---------------->|  */
static void one_answers_the_other_is_cancelled(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob1 = peer_registered(k, "bob");
    struct peer      *bob2 = second_phone(k, "bob", "");
    const struct msg *m;

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob1, "INVITE");
    peer_expect(bob2, "INVITE");
    peer_send(bob1, "180");
    peer_expect(alice, "180");
    peer_send(bob2, "180");
    peer_expect(alice, "180");
    peer_send(bob2, "200");
    peer_expect(alice, "200 INVITE");
    m = peer_expect(bob1, "CANCEL");
    assert_true(slice_find_slice(msg_value(m, HDR_REASON), S("completed elsewhere")) != SIZE_MAX);
    peer_send(bob1, "200 CANCEL");
    peer_send(bob1, "487 INVITE");
    peer_expect(bob1, "ACK");
    peer_send(alice, "ACK");
    peer_expect(bob2, "ACK");
    peer_send(bob2, "BYE");
    peer_expect(alice, "BYE");
    peer_send(alice, "200");
    peer_expect(bob2, "200 BYE");
    kit_end(k);
}

/* RFC 3261 §16.7 step 6: 486 and 603: the 6xx wins; 404 and 486: the lower. */
static void the_best_answer_goes_back(void **state)
{
    static const struct {
        const char *one, *two, *best;
    } cases[] = {{"486", "603", "603"}, {"404", "486", "404"}, {"503", "486", "486"}, {"486", "408", "486"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kit  *k = kit_begin(NULL);
        struct peer *alice = peer_registered(k, "alice"), *bob1 = peer_registered(k, "bob"), *bob2 = second_phone(k, "bob", "");

        peer_send(alice, "INVITE bob");
        peer_expect(bob1, "INVITE");
        peer_expect(bob2, "INVITE");
        peer_send(bob1, cases[i].one);
        peer_expect(bob1, "ACK");
        peer_expect_nothing(alice, 50);
        peer_send(bob2, cases[i].two);
        peer_expect(bob2, "ACK");
        peer_expect(alice, cases[i].best);
        peer_send(alice, "ACK");
        kit_end(k);
    }
}

/* RFC 3261 §16.7 step 6: what we could not do ourselves the caller must not believe of us: 503 becomes 500. */
static void a_503_does_not_go_back(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "503");
    peer_expect(bob, "ACK");
    peer_expect(alice, "500");
    peer_send(alice, "ACK");
    kit_end(k);
}

/* q falling: the phone with 0.5 rings only when the one with 1.0 has refused. */
static void series_by_q(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob1 = second_phone(k, "bob", ";q=1.0");
    struct peer *bob2 = second_phone(k, "bob", ";q=0.5");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob1, "INVITE");
    peer_expect_nothing(bob2, 1000);
    peer_send(bob1, "480");
    peer_expect(bob1, "ACK");
    peer_expect(bob2, "INVITE");
    answer(bob2, alice);
    hang_up(alice, bob2);
    kit_end(k);
}

/* RFC 3261 §13, RFC 6026: both answer at once; both 200s reach the caller, who ends one of the calls. */
static void late_200_of_the_other_branch(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob1 = peer_registered(k, "bob"), *bob2 = second_phone(k, "bob", "");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob1, "INVITE");
    peer_expect(bob2, "INVITE");
    peer_send(bob1, "200");
    peer_send(bob2, "200");
    peer_expect(alice, "200 INVITE");
    peer_send(alice, "ACK");
    peer_expect(alice, "200 INVITE");
    kit_wait_ms(k, 100);
    peer_expect(bob1, "ACK");
    kit_wait_ms(k, 500);
    kit_end(k);
}

/* A 302 waits with the other branches and goes back when they fail; nobody follows it here (the default). */
static void redirect_is_passed_back(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;

    (void)state;
    peer_registered(k, "carol");
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "302\nContact: <sip:carol@10.0.0.13:5060>");
    peer_expect(bob, "ACK");
    m = peer_expect(alice, "302");
    /* PROTOCOL 7.4: the phone's own address has become the number */
    assert_true(slice_find_slice(msg_value(m, HDR_CONTACT), S("sip:carol@" KIT_DOMAIN)) != SIZE_MAX);
    peer_send(alice, "ACK");
    kit_end(k);
}

/* Set so for bob, the exchange follows the 302 itself. */
static void redirect_is_followed_where_set(void **state)
{
    struct kit_options     o = {.digest = true};
    struct kit            *k = kit_begin(&o);
    struct peer           *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");
    struct directory_pair  pair = {S("redirect"), S("follow")};
    struct directory_act   act = {.number = S("bob"), .pairs = &pair, .n_pairs = 1, .who = S("test")};
    struct directory_fault fault;

    (void)state;
    assert_int_equal(directory_set(kit_exchange(k)->directory, &act, &fault), ERR_OK);
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "302\nContact: <sip:carol@" KIT_DOMAIN ">");
    peer_expect(bob, "ACK");
    peer_expect(carol, "INVITE");
    refuse(carol, alice, "486");
    kit_end(k);
}

/* RFC 5393 §5.3.3: a redirection that is followed makes the search no wider than the caller allows: one after the other. */
static void a_followed_redirect_is_no_wider_than_allowed(void **state)
{
    struct kit_options o = {.digest = true};
    struct kit        *k = kit_begin(&o);
    struct peer       *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");
    struct peer       *dave = peer_registered(k, "dave");

    (void)state;
    kit_set_user(k, "bob", "redirect", "follow");
    peer_send(alice, "INVITE bob\nMax-Breadth: 1");
    peer_expect(bob, "INVITE");
    peer_send(bob, "300\nContact: <sip:carol@" KIT_DOMAIN ">, <sip:dave@" KIT_DOMAIN ">");
    peer_expect(bob, "ACK");
    peer_expect(carol, "INVITE");
    peer_expect_nothing(dave, 100);
    peer_send(carol, "486");
    peer_expect(carol, "ACK");
    peer_expect(dave, "INVITE");
    refuse(dave, alice, "486");
    kit_end(k);
}

/* RFC 3261 §16.8: no final answer for more than three minutes: timer C cancels. */
static void timer_c_ends_a_ringing_call(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(alice, "180");
    peer_expect_in(bob, "CANCEL", 180000, 200000);
    peer_send(bob, "200 CANCEL");
    refuse(bob, alice, "487 INVITE");
    kit_end(k);
}

/* RFC 3261 §16.3: hops used up, a loop, what Proxy-Require asks. */
static void hops_loops_and_requirements(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "MESSAGE bob\nMax-Forwards: 0");
    peer_expect(alice, "483");
    peer_send(alice, "MESSAGE bob\nProxy-Require: nothinglikethat");
    assert_true(msg_has(peer_expect(alice, "420"), HDR_UNSUPPORTED));
    peer_expect_nothing(bob, 100);
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_answers_the_other_is_cancelled),
        cmocka_unit_test(the_best_answer_goes_back),
        cmocka_unit_test(a_503_does_not_go_back),
        cmocka_unit_test(series_by_q),
        cmocka_unit_test(late_200_of_the_other_branch),
        cmocka_unit_test(redirect_is_passed_back),
        cmocka_unit_test(redirect_is_followed_where_set),
        cmocka_unit_test(a_followed_redirect_is_no_wider_than_allowed),
        cmocka_unit_test(timer_c_ends_a_ringing_call),
        cmocka_unit_test(hops_loops_and_requirements),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
