/* via_test.c - Via: RFC 3261 §20.42 and §18.2, RFC 3581, RFC 5118 §4.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sip/msg/msg_walk.h"

#define assert_slice(got, want) assert_true(slice_eq((got), S(want)))

static struct via good(const char *text)
{
    struct via v;

    if (via_parse(slice_z(text), &v))
        fail_msg("refused: %s", text);
    return v;
}

static void its_parts(void **state)
{
    struct via v = good("SIP/2.0/tcp a.example.com:5070;branch=z9hG4bKx;maddr=192.0.2.9;ttl=16;rport=77;"
                        "received=192.0.2.1;odd=\"a;b\"");

    (void)state;
    assert_int_equal(v.transport, VIA_TCP);
    assert_slice(v.transport_text, "tcp");
    assert_slice(v.host, "a.example.com");
    assert_int_equal(v.port, 5070);
    assert_slice(v.branch, "z9hG4bKx");
    assert_true(v.rfc3261);
    assert_slice(v.maddr, "192.0.2.9");
    assert_int_equal(v.ttl, 16);
    assert_true(v.has_rport);
    assert_int_equal(v.rport, 77);
    assert_slice(v.received, "192.0.2.1");
}

static void white_space_is_lawful_where_nobody_expects_it(void **state)
{
    struct via v = good("SIP  /   2.0\r\n /UDP\r\n    192.0.2.2 : 5061 ; branch = \r\n 390skdjuw");

    (void)state;
    assert_int_equal(v.transport, VIA_UDP);
    assert_slice(v.host, "192.0.2.2");
    assert_int_equal(v.port, 5061);
    assert_slice(v.branch, "390skdjuw");
    assert_false(v.rfc3261);
}

static void the_magic_cookie_alone_is_no_branch_to_match_by(void **state)
{
    (void)state;
    assert_false(good("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK").rfc3261);
    assert_false(good("SIP/2.0/UDP 192.0.2.1").rfc3261);
    assert_true(good("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1").rfc3261);
}

static void ip6_with_and_without_brackets(void **state)
{
    struct via v = good("SIP/2.0/UDP [2001:db8::9:1]:6050;received=[2001:db8::9:255];branch=z9hG4bKas3-111");

    (void)state;
    assert_slice(v.host, "2001:db8::9:1");
    assert_true(v.host_is_ip6);
    assert_int_equal(v.port, 6050);
    assert_slice(v.received, "2001:db8::9:255");
    assert_slice(good("SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255").received, "2001:db8::9:255");
}

static void rport_with_and_without_value(void **state)
{
    struct via v = good("SIP/2.0/UDP h;rport;branch=z9hG4bK1");

    (void)state;
    assert_true(v.has_rport);
    assert_int_equal(v.rport, 0);
    assert_true(good("SIP/2.0/UDP h;rport=").has_rport);
    assert_false(good("SIP/2.0/UDP h").has_rport);
}

static void transports_known_and_not(void **state)
{
    (void)state;
    assert_int_equal(good("SIP/2.0/UNKNOWN h").transport, VIA_OTHER);
    assert_int_equal(good("SIP/2.0/WSS h").transport, VIA_WSS);
    assert_int_equal(good("SIP/7.0/UDP h").transport, VIA_UDP);
    assert_slice(good("SIP/7.0/UDP h").version, "7.0");
    for (enum via_transport t = VIA_UDP; t <= VIA_WSS; t++)
        assert_int_equal(via_transport_find(via_transport_name(t)), t);
}

static void broken_ones(void **state)
{
    static const char *const bad[] = {
        "", "SIP", "SIP/2.0", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0/UDPh", "HTTP/2.0/UDP h", "SIP/2.0/UDP ;branch=x",
        "SIP/2.0/UDP 192.0.2.15;;", "SIP/2.0/UDP h;", "SIP/2.0/UDP h:0", "SIP/2.0/UDP h:99999", "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP h;ttl=256", "SIP/2.0/UDP h;rport=99999", "SIP/2.0/UDP h;rport=x", "SIP/2.0/UDP [::1;x",
        "SIP/2.0/UDP 2001:db8::1", "SIP/2.0/UDP h x", "SIP/2.0/UDP h;branch=\"", "SIP/2.0/UDP h;=x",
    };
    struct via v;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (via_parse(slice_z(bad[i]), &v) != ERR_SYNTAX)
            fail_msg("accepted: %s", bad[i]);
}

static void assert_goes_on_as(const char *via, const char *source, const char *want)
{
    char        out[300];
    struct buf  b = BUF_ON(out);
    struct via  v = good(via);
    struct addr a;

    assert_int_equal(addr_parse(slice_z(source), &a), ERR_OK);
    via_put_received(&b, &v, &a);
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("%.*s", SARG(buf_slice(&b)));
    assert_int_equal(via_wants_received(&v, &a), slice_find_slice(slice_z(want), S("received")) != SIZE_MAX);
}

static void received_and_rport_as_the_server_adds_them(void **state)
{
    (void)state;
    assert_goes_on_as("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "192.0.2.1:5060", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1");
    assert_goes_on_as("SIP/2.0/UDP a.example.com;branch=z9hG4bK1", "192.0.2.1:5060",
                      "SIP/2.0/UDP a.example.com;branch=z9hG4bK1;received=192.0.2.1");
    assert_goes_on_as("SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK1", "192.0.2.1:9988",
                      "SIP/2.0/UDP 192.0.2.1;rport=9988;branch=z9hG4bK1;received=192.0.2.1");
    assert_goes_on_as("SIP/2.0/UDP 192.0.2.1 ; RPort = 1 ; branch=z9hG4bK1 ;x", "192.0.2.1:9988",
                      "SIP/2.0/UDP 192.0.2.1 ; rport=9988 ; branch=z9hG4bK1 ;x;received=192.0.2.1");
    /* every one of another's "received" goes, since of two the first counts */
    assert_goes_on_as("SIP/2.0/UDP 192.0.2.1;received;rport;received=203.0.113.1", "198.51.100.1:5060",
                      "SIP/2.0/UDP 192.0.2.1;rport=5060;received=198.51.100.1");
    assert_goes_on_as("SIP/2.0/UDP 192.0.2.1;received=203.0.113.1;x", "198.51.100.1:5060",
                      "SIP/2.0/UDP 192.0.2.1;x;received=198.51.100.1");
    assert_goes_on_as("SIP/2.0/UDP [2001:db8::1];rport", "[2001:db8::2]:7",
                      "SIP/2.0/UDP [2001:db8::1];rport=7;received=2001:db8::2");
    assert_goes_on_as("SIP/2.0/UDP [::ffff:192.0.2.1]", "192.0.2.1:7", "SIP/2.0/UDP [::ffff:192.0.2.1]");
}

static void assert_answered_at(const char *via, const char *host, unsigned port)
{
    struct via        v = good(via);
    struct via_target t;

    via_response_target(&v, &t);
    assert_true(slice_eq(t.host, slice_z(host)));
    assert_int_equal(t.port, port);
}

static void where_responses_go(void **state)
{
    (void)state;
    assert_answered_at("SIP/2.0/UDP h.example.com", "h.example.com", 0);
    assert_answered_at("SIP/2.0/UDP h:5070;received=192.0.2.1", "192.0.2.1", 5070);
    assert_answered_at("SIP/2.0/UDP h:5070;received=192.0.2.1;rport=99", "192.0.2.1", 99);
    assert_answered_at("SIP/2.0/UDP h:5070;maddr=224.0.1.75;received=192.0.2.1;rport=9", "224.0.1.75", 5070);
}

static void the_top_one_of_a_message(void **state)
{
    char        block[16384];
    struct msg *m = walk_parse(S("BYE sip:a SIP/2.0\r\nv: SIP/2.0/UDP one, SIP/2.0/UDP two\r\nVia: SIP/2.0/UDP three\r\n\r\n"),
                               block, sizeof block);

    (void)state;
    assert_non_null(msg_via(m));
    assert_slice(msg_via(m)->host, "one");
    assert_int_equal(msg_element_count(m, HDR_VIA), 3);
    m = walk_parse(S("BYE sip:a SIP/2.0\r\n\r\n"), block, sizeof block);
    assert_null(msg_via(m));
}

/* It is read without its end being looked for first: a comma is one of the list, or is not, either way. */
static void the_top_one_is_the_first_of_the_list(void **state)
{
    static const char *const lists[] = {
        "SIP/2.0/UDP a", "SIP/2.0/UDP a,SIP/2.0/UDP b", "SIP/2.0/UDP a , b", "SIP/2.0/UDP a:5;x , b", ", ,SIP/2.0/UDP a", ",",
        "SIP/2.0/UDP a;x=\"b,c\";y,d", "SIP/2.0/UDP a;x=\"b,c", "SIP/2.0/UDP a;x=<b,c>", "SIP/2.0/UDP a;x=b<,c>", "a,SIP/2.0/UDP b",
        "SIP/2.0/UDP ,a", "SIP/2.0/UDP a;,b", "SIP/2.0/UDP a;x=,b", "SIP/2.0/UDP a;x;rport = ,b", "SIP / 2.0 / UDP a : 5 ; x = y , b", "SIP/2.0/UDP a:,b", "",
        "SIP/2.0/UDP [::1]:7;branch=z9hG4bK1,b",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        char         block[16384], text[256];
        struct buf   b = BUF_ON(text);
        struct msg  *m;
        struct slice one;
        struct via   want;

        buf_puts(&b, S("BYE sip:a SIP/2.0\r\nVia: "), slice_z(lists[i]), S("\r\n\r\n"));
        m = walk_parse(buf_slice(&b), block, sizeof block);
        assert_non_null(m);
        if (msg_element(m, HDR_VIA, 0, &one) || via_parse(one, &want)) {
            assert_null(msg_via(m));
            continue;
        }
        assert_non_null(msg_via(m));
        assert_true(slice_eq(msg_via(m)->raw, one) && slice_eq(msg_via(m)->params, want.params));
        assert_true(slice_eq(msg_via(m)->host, want.host) && slice_eq(msg_via(m)->branch, want.branch));
        assert_true(slice_eq(msg_via(m)->rport_text, want.rport_text));
        assert_int_equal(msg_via(m)->port, want.port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_parts),
        cmocka_unit_test(white_space_is_lawful_where_nobody_expects_it),
        cmocka_unit_test(the_magic_cookie_alone_is_no_branch_to_match_by),
        cmocka_unit_test(ip6_with_and_without_brackets),
        cmocka_unit_test(rport_with_and_without_value),
        cmocka_unit_test(transports_known_and_not),
        cmocka_unit_test(broken_ones),
        cmocka_unit_test(received_and_rport_as_the_server_adds_them),
        cmocka_unit_test(where_responses_go),
        cmocka_unit_test(the_top_one_of_a_message),
        cmocka_unit_test(the_top_one_is_the_first_of_the_list),
    };
    return cmocka_run_group_tests_name("sip/msg/via", tests, NULL, NULL);
}
