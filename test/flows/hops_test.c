/* hops_test.c - what a proxy must see before it passes a request on: loops and spirals, breadth, hops, routes, what the
 * URI says (RFC 3261 §16.3-16.6, RFC 5393, RFC 5658). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"
#include "sys/heap.h"

static const struct kit_options relaying = {.may_relay = true};

/* What `p` was sent goes on from it as a proxy would send it on: one more Via, one hop less, another Request-URI. */
static void pass_on(struct peer *p, const struct msg *m, const char *uri)
{
    static unsigned serial;
    char            room[16384], via[256], hops[16];
    struct buf      b = BUF_ON(room);
    struct msg_edit e;
    unsigned        n;

    assert_int_equal(msg_max_forwards(m, &n), ERR_OK);
    snprintf(via, sizeof via, "SIP/2.0/UDP %s:5060;branch=z9hG4bK-proxy-%u", peer_host(p), ++serial);
    snprintf(hops, sizeof hops, "%u", n - 1);
    msg_edit_begin(&e, m);
    msg_edit_uri(&e, slice_z(uri));
    msg_edit_push(&e, HDR_VIA, slice_z(via));
    msg_edit_value(&e, msg_row(m, HDR_MAX_FORWARDS), slice_z(hops));
    assert_int_equal(msg_edit_write(&e, &b), ERR_OK);
    peer_send_raw(p, buf_slice(&b));
}

/* A response back from such a proxy: without its own Via. */
static void pass_back(struct peer *p, const struct msg *m)
{
    char            room[16384];
    struct buf      b = BUF_ON(room);
    struct msg_edit e;

    msg_edit_begin(&e, m);
    msg_edit_remove_first(&e, HDR_VIA, 1);
    assert_int_equal(msg_edit_write(&e, &b), ERR_OK);
    peer_send_raw(p, buf_slice(&b));
}

static void is_refused(struct peer *p, const char *what, const char *answer)
{
    peer_send(p, what);
    peer_expect(p, answer);
    if (!strncmp(what, "INVITE", 6))
        peer_send(p, "ACK");
}

/* ---- loops and spirals: RFC 5393 ---- */

/*   alice ---- MESSAGE bob ----> strowger ---- MESSAGE bob@phone ----> bob, who sends it round again as it was */
static void a_loop_is_482(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;

    (void)state;
    peer_send(alice, "MESSAGE bob");
    m = peer_expect(bob, "MESSAGE");
    pass_on(bob, m, "sip:bob@" KIT_DOMAIN);
    pass_back(bob, peer_expect(bob, "482"));
    peer_expect(alice, "482");
    kit_end(k);
}

/* With another Request-URI it is a spiral, which is lawful (RFC 3261 §6, RFC 5393 §4.2). */
static void a_spiral_is_none(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");
    const struct msg *m;

    (void)state;
    peer_send(alice, "MESSAGE bob");
    m = peer_expect(bob, "MESSAGE");
    pass_on(bob, m, "sip:carol@" KIT_DOMAIN);
    m = peer_expect(carol, "MESSAGE");
    assert_int_equal(msg_element_count(m, HDR_VIA), 4);
    peer_send(carol, "200");
    pass_back(bob, peer_expect(bob, "200"));
    peer_expect(alice, "200");
    kit_end(k);
}

/* RFC 5393 §3: u1 and u2 both registered at u1 and u2, by way of the exchange itself: few messages, and an end. */
static void the_forking_attack_ends(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *u = peer_add(k, "u1");
    const char  *rows = "Path: <sip:" KIT_EXCHANGE ":5060;lr>\nContact: <sip:u1@" KIT_DOMAIN ">, <sip:u2@" KIT_DOMAIN ">";
    char         what[512];
    struct stack_counts before, after;

    (void)state;
    for (int i = 1; i <= 2; i++) {
        snprintf(what, sizeof what, "REGISTER u%d\n%s", i, rows);
        peer_send(u, what);
        peer_expect(u, "200");
    }
    stack_counts(kit_exchange(k)->stack, &before);
    peer_send(alice, "INVITE u1");
    peer_expect(alice, "482");
    peer_send(alice, "ACK");
    stack_counts(kit_exchange(k)->stack, &after);
    assert_true(after.in - before.in < 100); /* linear, not 2**70 */
    kit_end(k);
}

/* ---- Max-Breadth: RFC 5393 §5 ---- */

static struct peer *second_phone(struct kit *k, const char *number)
{
    struct peer *p = peer_add(k, number);

    peer_register(p);
    return p;
}

static void refuse_ring(struct peer *p, const char *breadth)
{
    const struct msg *m = peer_expect(p, "INVITE");

    assert_true(slice_eq(msg_value(m, HDR_MAX_BREADTH), slice_z(breadth)));
    peer_send(p, "480");
    peer_expect(p, "ACK");
}

static void max_breadth(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *one = second_phone(k, "bob"), *two = second_phone(k, "bob");

    (void)state;
    is_refused(alice, "INVITE bob\nMax-Breadth: 0", "440");
    peer_send(alice, "INVITE bob"); /* none said: 60 are shared */
    refuse_ring(one, "30");
    refuse_ring(two, "30");
    peer_expect(alice, "480");
    peer_send(alice, "ACK");
    peer_send(alice, "INVITE bob\nMax-Breadth: 5");
    refuse_ring(one, "2");
    refuse_ring(two, "2");
    peer_expect(alice, "480");
    peer_send(alice, "ACK");
    peer_send(alice, "INVITE bob\nMax-Breadth: 1"); /* no wider than that: one after the other (§5.3.3) */
    kit_wait_ms(k, 100);
    peer_expect_nothing(one, 0);
    refuse_ring(two, "1");
    refuse_ring(one, "1");
    peer_expect(alice, "480");
    peer_send(alice, "ACK");
    kit_end(k);
}

/* ---- hops: RFC 3261 §16.3 step 3 ---- */

static void max_forwards(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;

    (void)state;
    is_refused(alice, "INVITE bob\nMax-Forwards: 0", "483");
    peer_send(alice, "MESSAGE bob\nMax-Forwards: 1");
    m = peer_expect(bob, "MESSAGE");
    assert_true(slice_eq(msg_value(m, HDR_MAX_FORWARDS), S("0")));
    peer_send(bob, "200");
    peer_expect(alice, "200");
    peer_send(alice, "MESSAGE bob\n-Max-Forwards"); /* as RFC 2543 had it: §16.6 step 3 */
    m = peer_expect(bob, "MESSAGE");
    assert_true(slice_eq(msg_value(m, HDR_MAX_FORWARDS), S("70")));
    peer_send(bob, "200");
    peer_expect(alice, "200");
    peer_send(alice, "OPTIONS sip:" KIT_DOMAIN "\nMax-Forwards: 0"); /* it has arrived: §11 */
    peer_expect(alice, "200");
    kit_end(k);
}

/* The same inside a dialog, also where the exchange would answer by itself: a REFER without hops is not accepted. */
static void hops_and_requirements_inside_a_dialog(void **state)
{
    static const char *const methods[] = {"INFO", "REFER", "NOTIFY", "UPDATE", "BYE"};
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;
    char              what[256];

    (void)state;
    set_up(alice, bob, "INVITE bob");
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        snprintf(what, sizeof what, "%s\nMax-Forwards: 0\nRefer-To: <sip:carol@" KIT_DOMAIN ">\nEvent: refer", methods[i]);
        peer_send(alice, what);
        peer_expect(alice, "483");
        snprintf(what, sizeof what, "%s\nProxy-Require: foo, bar\nRefer-To: <sip:carol@" KIT_DOMAIN ">\nEvent: refer", methods[i]);
        peer_send(alice, what);
        m = peer_expect(alice, "420");
        assert_true(msg_has_token(m, HDR_UNSUPPORTED, S("foo")));
        assert_true(msg_has_token(m, HDR_UNSUPPORTED, S("bar")));
    }
    peer_expect_nothing(bob, 100);
    hang_up(alice, bob);
    kit_end(k);
}

/* ---- Route: §16.4, §16.6 step 6 ---- */

/* Phones may be told to send everything by us (outbound proxy): our own Routes go, by address and by name. */
static void a_route_to_us_is_taken_off(void **state)
{
    static const char *const routes[] = {"<sip:" KIT_EXCHANGE ";lr>", "<sip:" KIT_EXCHANGE ":5060;lr>", "<sip:" KIT_DOMAIN ";lr>",
                                         "\"us\" <sip:10.0.0.1:5060;transport=udp;lr>, <sip:" KIT_DOMAIN ";lr>"};
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;
    char              what[512];

    (void)state;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        snprintf(what, sizeof what, "MESSAGE bob\nRoute: %s", routes[i]);
        peer_send(alice, what);
        m = peer_expect(bob, "MESSAGE");
        assert_false(msg_has(m, HDR_ROUTE));
        peer_send(bob, "200");
        peer_expect(alice, "200");
        snprintf(what, sizeof what, "REGISTER alice\nRoute: %s", routes[i]);
        peer_send(alice, what);
        peer_expect(alice, "200");
    }
    kit_end(k);
}

/* Nobody is led elsewhere by us: not by a Route, not by a Request-URI, whoever it says it is for. */
static void a_route_elsewhere_is_refused(void **state)
{
    static const char *const cases[] = {
        "MESSAGE bob\nRoute: <sip:10.0.0.13;lr>",
        "MESSAGE bob\nRoute: <sip:" KIT_EXCHANGE ";lr>, <sip:10.0.0.13;lr>",
        "MESSAGE sip:victim@10.0.0.13",
        "OPTIONS sip:" KIT_DOMAIN "\nRoute: <sip:10.0.0.13;lr>",
        "REGISTER alice\nRoute: <sip:10.0.0.13;lr>",
        "MESSAGE sip:bob@" KIT_DOMAIN ".evil.example",
    };
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *victim = peer_add(k, "victim");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        is_refused(alice, cases[i], "403");
    peer_expect_nothing(victim, 100);
    peer_expect_nothing(bob, 0);
    kit_end(k);
}

/*   alice ---- INVITE dave@other, Route: strowger, edge ----> strowger ---- INVITE dave@other, Route: edge ----> edge */
static void where_relaying_is_allowed_a_route_is_followed(void **state)
{
    struct kit       *k = kit_begin(&relaying);
    struct peer      *alice = peer_registered(k, "alice"), *edge = peer_add(k, "edge");
    const struct msg *m;

    (void)state;
    peer_send(alice, "INVITE sip:dave@other.example\nRoute: <sip:" KIT_EXCHANGE ";lr>, <sip:10.0.0.12;lr>, <sip:next.example;lr>");
    m = peer_expect(edge, "INVITE");
    assert_true(slice_eq(m->uri, S("sip:dave@other.example")));
    assert_int_equal(msg_element_count(m, HDR_ROUTE), 2);
    assert_true(slice_starts(msg_value(m, HDR_ROUTE), S("<sip:10.0.0.12;lr>")));
    assert_int_equal(msg_element_count(m, HDR_RECORD_ROUTE), 1);
    peer_send(edge, "404");
    peer_expect(edge, "ACK");
    peer_expect(alice, "404");
    peer_send(alice, "ACK");
    /* the number is ours, but it has its own way */
    peer_send(alice, "MESSAGE alice\nRoute: <sip:10.0.0.12;lr>");
    m = peer_expect(edge, "MESSAGE");
    assert_true(slice_eq(m->uri, S("sip:alice@" KIT_DOMAIN)));
    peer_send(edge, "200");
    peer_expect(alice, "200");
    kit_end(k);
}

/* §16.6 step 6: a next hop without lr wants to be the Request-URI, and the target last. */
static void a_strict_next_hop_gets_what_it_wants(void **state)
{
    struct kit       *k = kit_begin(&relaying);
    struct peer      *alice = peer_registered(k, "alice"), *edge = peer_add(k, "edge");
    const struct msg *m;
    struct slice      e;

    (void)state;
    peer_send(alice, "MESSAGE sip:dave@other.example\nRoute: <sip:" KIT_EXCHANGE ";lr>, <sip:10.0.0.12>, <sip:next.example;lr>");
    m = peer_expect(edge, "MESSAGE");
    assert_true(slice_eq(m->uri, S("sip:10.0.0.12")));
    assert_int_equal(msg_element_count(m, HDR_ROUTE), 2);
    assert_int_equal(msg_element(m, HDR_ROUTE, 0, &e), ERR_OK);
    assert_true(slice_eq(e, S("<sip:next.example;lr>")));
    assert_int_equal(msg_element(m, HDR_ROUTE, 1, &e), ERR_OK);
    assert_true(slice_eq(e, S("<sip:dave@other.example>")));
    peer_send(edge, "200");
    peer_expect(alice, "200");
    kit_end(k);
}

static void another_domain_is_reached_where_allowed(void **state)
{
    struct kit       *k = kit_begin(&relaying);
    struct peer      *alice = peer_registered(k, "alice"), *other = peer_add(k, "other");
    const struct msg *m;

    (void)state;
    fake_add_address(kit_world(k), S("other.example"), S("10.0.0.12"));
    peer_send(alice, "INVITE sip:dave@other.example");
    m = peer_expect(other, "INVITE");
    assert_true(slice_eq(m->uri, S("sip:dave@other.example")));
    answer(other, alice);
    hang_up(other, alice);
    is_refused(alice, "INVITE sip:dave@nowhere.example", "480"); /* no such name */
    kit_end(k);
}

/* A phone behind a proxy that stays in the route (Path, Record-Route): what is inside the dialog goes by it, both ways.
 *   alice ------ strowger ------ edge ------ bob */
static void a_dialog_by_way_of_another_proxy(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *edge = peer_add(k, "bob");
    const struct msg *m;
    char              what[1024];

    (void)state;
    peer_set_contact(edge, "sip:bob@192.168.1.9"); /* the phone's own */
    peer_send(edge, "REGISTER bob\nSupported: path\nPath: <sip:10.0.0.12;lr>");
    peer_expect(edge, "200");
    peer_send(alice, "INVITE bob");
    m = peer_expect(edge, "INVITE");
    assert_true(slice_eq(m->uri, S("sip:bob@192.168.1.9")));
    snprintf(what, sizeof what, "200\nRecord-Route: <sip:10.0.0.12;lr>, %.*s", SARG(msg_value(m, HDR_RECORD_ROUTE)));
    peer_send(edge, what);
    m = peer_expect(alice, "200 INVITE");
    assert_int_equal(msg_element_count(m, HDR_RECORD_ROUTE), 2);
    peer_send(alice, "ACK");
    m = peer_expect(edge, "ACK");
    assert_true(slice_eq(m->uri, S("sip:bob@192.168.1.9")));
    assert_true(slice_eq(msg_value(m, HDR_ROUTE), S("<sip:10.0.0.12;lr>")));
    peer_send(alice, "INFO");
    m = peer_expect(edge, "INFO");
    assert_true(slice_eq(msg_value(m, HDR_ROUTE), S("<sip:10.0.0.12;lr>")));
    peer_send(edge, "200");
    peer_expect(alice, "200 INFO");
    assert_int_equal(kit_hang_up(k, 0), ERR_OK); /* the exchange's own BYE goes the same way */
    m = peer_expect(edge, "BYE");
    assert_true(slice_eq(msg_value(m, HDR_ROUTE), S("<sip:10.0.0.12;lr>")));
    peer_send(edge, "200");
    peer_expect(alice, "BYE");
    peer_send(alice, "200");
    kit_end(k);
}

/* ---- RFC 5658: both sides of a double Record-Route ---- */

static void both_transports_stay_in_the_route(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_add_tcp(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;
    struct slice      e;

    (void)state;
    peer_register(alice);
    peer_send(alice, "INVITE bob");
    m = peer_expect(bob, "INVITE");
    assert_int_equal(msg_element_count(m, HDR_RECORD_ROUTE), 2);
    assert_int_equal(msg_element(m, HDR_RECORD_ROUTE, 1, &e), ERR_OK);
    assert_true(slice_find_slice(e, S(";transport=tcp")) != SIZE_MAX);
    peer_send(bob, "200");
    peer_expect(alice, "200 INVITE");
    peer_send(alice, "ACK");
    assert_false(msg_has(peer_expect(bob, "ACK"), HDR_ROUTE));
    peer_send(bob, "INVITE");
    m = peer_expect(alice, "INVITE");
    assert_false(msg_has(m, HDR_ROUTE));
    assert_false(msg_has(m, HDR_RECORD_ROUTE)); /* the route set stays as it is (§12.2) */
    peer_send(alice, "200");
    peer_expect(bob, "200 INVITE");
    peer_send(bob, "ACK");
    peer_expect(alice, "ACK");
    hang_up(bob, alice);
    kit_end(k);
}

/* Two phones on connections: one Record-Route, by TCP. */
static void two_phones_on_connections(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_add_tcp(k, "alice"), *bob = peer_add_tcp(k, "bob");
    const struct msg *m;

    (void)state;
    peer_register(alice);
    peer_register(bob);
    peer_send(alice, "INVITE bob");
    m = peer_expect(bob, "INVITE");
    assert_int_equal(msg_element_count(m, HDR_RECORD_ROUTE), 1);
    assert_true(slice_find_slice(msg_value(m, HDR_RECORD_ROUTE), S(";transport=tcp;lr")) != SIZE_MAX);
    answer(bob, alice);
    hang_up(alice, bob);
    kit_end(k);
}

/* ---- what the URI says: §16.5 ---- */

static void uris_of_a_number(void **state)
{
    static const char *const same[] = {
        "MESSAGE sip:+4930123@" KIT_DOMAIN,
        "MESSAGE sip:%2b4930123@" KIT_DOMAIN ";user=phone",
        "MESSAGE sip:%2B49%33%30123@Example.COM:5060;transport=udp",
        "MESSAGE sip:+4930123@" KIT_EXCHANGE,
        "MESSAGE tel:+4930123",
        "MESSAGE tel:+49-30(123)",
    };
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "+4930123");

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        peer_send(alice, same[i]);
        peer_expect(bob, "MESSAGE");
        peer_send(bob, "200");
        peer_expect(alice, "200");
    }
    kit_end(k);
}

static void what_no_phone_is_called_by(void **state)
{
    static const struct {
        const char *what, *answer, *phrase;
    } cases[] = {
        {"MESSAGE nobody", "404", "Not Found"},
        {"MESSAGE carol", "480", "Temporarily Unavailable"},
        {"MESSAGE mailto:bob@" KIT_DOMAIN, "416", "Unsupported URI Scheme"},
        {"MESSAGE sip:" KIT_DOMAIN, "404", "Not Found"},
        {"MESSAGE CAROL", "404", "Not Found"}, /* user parts are compared as written (RFC 3261 §19.1.4) */
    };
    const struct kit_options o = {.digest = true};
    struct kit  *k = kit_begin(&o);
    struct peer *alice = peer_registered(k, "alice");

    (void)state;
    kit_add_user(k, "carol");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct msg *m;

        peer_send(alice, cases[i].what);
        m = peer_expect(alice, cases[i].answer);
        if (!slice_ieq(m->reason, slice_z(cases[i].phrase)))
            fail_msg("%s: %.*s", cases[i].what, SARG(m->start));
    }
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_is_482),
        cmocka_unit_test(a_spiral_is_none),
        cmocka_unit_test(the_forking_attack_ends),
        cmocka_unit_test(max_breadth),
        cmocka_unit_test(max_forwards),
        cmocka_unit_test(hops_and_requirements_inside_a_dialog),
        cmocka_unit_test(a_route_to_us_is_taken_off),
        cmocka_unit_test(a_route_elsewhere_is_refused),
        cmocka_unit_test(where_relaying_is_allowed_a_route_is_followed),
        cmocka_unit_test(a_strict_next_hop_gets_what_it_wants),
        cmocka_unit_test(another_domain_is_reached_where_allowed),
        cmocka_unit_test(a_dialog_by_way_of_another_proxy),
        cmocka_unit_test(both_transports_stay_in_the_route),
        cmocka_unit_test(two_phones_on_connections),
        cmocka_unit_test(uris_of_a_number),
        cmocka_unit_test(what_no_phone_is_called_by),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
