/* tls_test.c - phones by TLS, phones by UDP, and what is dialled as sips (RFC 3261 §26.2, §26.4; RFC 5658). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit.h"

static const struct kit_options secure = {.tls = true};

static struct slice row(const struct msg *m, enum hdr_id h, size_t nth)
{
    struct msg_list it = msg_list_begin(m, h);
    struct slice    element = SLICE_NONE;

    for (size_t i = 0; i <= nth; i++)
        assert_true(msg_list_next(&it, &element));
    return element;
}

static struct peer *by_tls(struct kit *k, const char *number)
{
    struct peer *p = peer_add_tls(k, number);

    peer_register(p);
    return p;
}

static void say_bye(struct peer *from, struct peer *to)
{
    peer_send(from, "BYE");
    peer_expect(to, "BYE");         peer_send(to, "200 BYE");
    peer_expect(from, "200 BYE");
}

/*   alice (TLS)          strowger            bob (UDP)
 *     |------ INVITE ------>|------ INVITE ------>|   Record-Route twice: one for each side
 *     |<----- 200 ----------|<----- 200 ----------|
 *     |------ ACK --------->|------ ACK --------->|
 *     |<----- BYE ----------|<----- BYE ----------|   back by alice's connection */
static void rfc5658_tls_calls_udp(void **state)
{
    struct kit       *k = kit_begin(&secure);
    struct peer      *alice = by_tls(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;
    struct slice      upper, lower;

    (void)state;
    peer_send(alice, "INVITE bob");
    m = peer_expect(bob, "INVITE");
    upper = row(m, HDR_RECORD_ROUTE, 0);
    lower = row(m, HDR_RECORD_ROUTE, 1);
    assert_true(slice_find_slice(upper, S("@10.0.0.1:5060;lr")) != SIZE_MAX);
    assert_true(slice_find_slice(lower, S("@10.0.0.1:5061;transport=tls;lr")) != SIZE_MAX);
    assert_true(slice_starts(row(m, HDR_VIA, 0), S("SIP/2.0/UDP 10.0.0.1:5060")));
    assert_true(slice_starts(row(m, HDR_VIA, 1), S("SIP/2.0/TLS ")));
    peer_send(bob, "200");
    peer_expect(alice, "200");      peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    say_bye(bob, alice);
    kit_end(k);
}

/* The phone is called by its own connection, wherever its Contact says that it is. */
static void rfc5626_udp_calls_tls(void **state)
{
    struct kit       *k = kit_begin(&secure);
    struct peer      *alice = peer_registered(k, "alice"), *bob = by_tls(k, "bob");
    const struct msg *m;

    (void)state;
    peer_send(alice, "INVITE bob");
    m = peer_expect(bob, "INVITE");
    assert_true(slice_starts(row(m, HDR_VIA, 0), S("SIP/2.0/TLS 10.0.0.1:5061")));
    peer_send(bob, "200");
    peer_expect(alice, "200");      peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    say_bye(alice, bob);
    kit_end(k);
}

/*   alice (TLS)                  strowger                  bob (TLS)
 *     |--- INVITE sips:bob --------->|--- INVITE -------------->|   Record-Route: sips */
static void rfc3261_26_2_sips_goes_by_tls(void **state)
{
    struct kit       *k = kit_begin(&secure);
    struct peer      *alice = peer_add_tls(k, "alice"), *bob = peer_add_tls(k, "bob");
    const struct msg *m;

    (void)state;
    peer_set_contact(alice, "sips:alice@10.0.0.11:5061");
    peer_set_contact(bob, "sips:bob@10.0.0.12:5061");
    peer_register(alice);
    peer_register(bob);
    peer_send(alice, "INVITE sips:bob@example.com");
    m = peer_expect(bob, "INVITE");
    assert_true(slice_eq(m->uri, S("sips:bob@10.0.0.12:5061")));
    assert_true(slice_starts(row(m, HDR_RECORD_ROUTE, 0), S("<sips:")));
    peer_send(bob, "200");
    peer_expect(alice, "200");      peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    say_bye(bob, alice);
    kit_end(k);
}

/* bob's phone is there by UDP: what is asked of sips never goes there. */
static void rfc3261_26_2_sips_never_goes_in_the_clear(void **state)
{
    struct kit  *k = kit_begin(&secure);
    struct peer *alice = by_tls(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "INVITE sips:bob@example.com");
    peer_expect(alice, "480");      peer_send(alice, "ACK");
    peer_expect_nothing(bob, 1000);
    peer_send(alice, "MESSAGE sips:bob@example.com");
    peer_expect(alice, "480");
    kit_end(k);
}

/* The number is the same. */
static void a_sips_uri_of_a_number(void **state)
{
    struct kit  *k = kit_begin(&secure);
    struct peer *alice = peer_registered(k, "alice"), *bob = by_tls(k, "+4930123");

    (void)state;
    peer_send(alice, "MESSAGE sips:+4930123@" KIT_DOMAIN);
    peer_expect(bob, "MESSAGE");    peer_send(bob, "200");
    peer_expect(alice, "200");
    kit_end(k);
}

/* One of bob's phones is there by TLS, the other by UDP: the first one rings. */
static void rfc3261_26_2_sips_rings_where_tls_leads(void **state)
{
    struct kit  *k = kit_begin(&secure);
    struct peer *alice = by_tls(k, "alice"), *desk = peer_registered(k, "bob"), *soft = by_tls(k, "bob");

    (void)state;
    peer_send(alice, "INVITE sips:bob@example.com");
    peer_expect(soft, "INVITE");    peer_send(soft, "486");
    peer_expect(soft, "ACK");
    peer_expect(alice, "486");      peer_send(alice, "ACK");
    peer_expect_nothing(desk, 1000);
    kit_end(k);
}

static void a_sips_contact_is_registered_by_tls_alone(void **state)
{
    struct kit  *k = kit_begin(&secure);
    struct peer *plain = peer_add(k, "alice"), *sealed = peer_add_tls(k, "bob");

    (void)state;
    peer_send(plain, "REGISTER sip:example.com\nTo: <sip:alice@example.com>\nFrom: <sip:alice@example.com>\n-Contact\n"
                     "Contact: <sips:alice@10.0.0.11>");
    peer_expect(plain, "400");
    peer_set_contact(sealed, "sips:bob@10.0.0.12");
    peer_register(sealed);
    kit_end(k);
}

/* The connection ends and comes back: until then nobody is called, then it is the new one. */
static void a_phone_that_comes_back_is_called_there(void **state)
{
    struct kit  *k = kit_begin(&secure);
    struct peer *alice = peer_registered(k, "alice"), *bob = by_tls(k, "bob");

    (void)state;
    peer_disconnect(bob);
    kit_wait_ms(k, 100);
    peer_connect(bob);
    peer_register(bob);
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");     peer_send(bob, "486");
    peer_expect(bob, "ACK");
    peer_expect(alice, "486");      peer_send(alice, "ACK");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc5658_tls_calls_udp),
        cmocka_unit_test(rfc5626_udp_calls_tls),
        cmocka_unit_test(rfc3261_26_2_sips_goes_by_tls),
        cmocka_unit_test(rfc3261_26_2_sips_never_goes_in_the_clear),
        cmocka_unit_test(a_sips_uri_of_a_number),
        cmocka_unit_test(rfc3261_26_2_sips_rings_where_tls_leads),
        cmocka_unit_test(a_sips_contact_is_registered_by_tls_alone),
        cmocka_unit_test(a_phone_that_comes_back_is_called_there),
    };

    return cmocka_run_group_tests_name("flows/tls", tests, NULL, NULL);
}
