/* glance_test.c - what a glance shows, and that it never looks past the end. */
#include "sip/overload/overload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sys/guard.h"

#define HEAD(start, rows) start "\r\nVia: SIP/2.0/UDP a;rport;branch=z9hG4bK7\r\nVia: SIP/2.0/UDP b;branch=z9hG4bK8\r\n" rows \
                                "Call-ID: 1\r\nContent-Length: 3\r\n\r\nt:;tag=x"

static struct overload_glance look(const char *text)
{
    struct overload_glance g;

    overload_glance(slice_z(text), &g);
    return g;
}

static void expect(struct slice got, const char *want)
{
    if (!slice_eq(got, slice_z(want)))
        fail_msg("\"%.*s\", wanted \"%s\"", SARG(got), want);
}

static void what_asks_for_something_new(void **state)
{
    struct overload_glance g = look(HEAD("INVITE sip:b@c SIP/2.0", "To: <sip:b@c>\r\n"));

    (void)state;
    assert_int_equal(g.kind, OVERLOAD_ASKS);
    assert_int_equal(g.method, METHOD_INVITE);
    assert_false(g.answers_challenge);
    expect(g.uri, "sip:b@c");
    expect(g.to, "<sip:b@c>");
    expect(g.branch, "z9hG4bK7");
    assert_int_equal(look(HEAD("REGISTER sip:c SIP/2.0", "t:sip:b@c\r\n")).kind, OVERLOAD_ASKS);
    assert_int_equal(look(HEAD("OPTIONS sip:c SIP/2.0", "")).kind, OVERLOAD_ASKS);
    assert_int_equal(look(HEAD("NONSENSE sip:c SIP/2.0", "To: \"x\" <sip:b;tag=1@c>\r\n")).kind, OVERLOAD_ASKS);
    assert_int_equal(look("\r\n\r\n" HEAD("OPTIONS sip:c SIP/2.0", "")).kind, OVERLOAD_ASKS);
    assert_int_equal(look(HEAD("OPTIONS sip:c SIP/2.0", "Timestamp: 1;tag=1\r\nTo: sip:b@c\r\nTo: sip:b@c;tag=1\r\n")).kind, OVERLOAD_ASKS);
}

static void what_goes_on_with_something(void **state)
{
    static const char *const goes_on[] = {
        HEAD("SIP/2.0 200 OK", "To: sip:b@c\r\n"),        HEAD("BYE sip:b@c SIP/2.0", "To: sip:b@c\r\n"),
        HEAD("CANCEL sip:b@c SIP/2.0", "To: sip:b@c\r\n"), HEAD("PRACK sip:b@c SIP/2.0", ""),
        HEAD("UPDATE sip:b@c SIP/2.0", ""),               HEAD("INVITE sip:b@c SIP/2.0", "To: <sip:b@c>;tag=1\r\n"),
        HEAD("NOTIFY sip:b@c SIP/2.0", "t : <sip:b@c>\r\n ;x=1; TAG=1\r\n"),
        "",                                                "nonsense",
    };

    (void)state;
    for (size_t i = 0; i < sizeof goes_on / sizeof goes_on[0]; i++)
        if (look(goes_on[i]).kind != OVERLOAD_GOES_ON)
            fail_msg("%s", goes_on[i]);
    expect(look(HEAD("NOTIFY sip:b@c SIP/2.0", "t : <sip:b@c>\r\n ;x=1; TAG=12 \r\n")).to_tag, "12");
}

static void an_ack_and_what_it_is_known_by(void **state)
{
    struct overload_glance g = look(HEAD("ACK sip:b@c SIP/2.0", "To: <sip:b@c;tag=2>;tag=busy-1\r\n"));

    (void)state;
    assert_int_equal(g.kind, OVERLOAD_ACK);
    expect(g.to_tag, "busy-1");
    expect(g.branch, "z9hG4bK7");
    expect(look("ACK sip:b SIP/2.0\nv: SIP/2.0/UDP old:5060\n\n").branch, "SIP/2.0/UDP old:5060"); /* RFC 2543 */
}

static void credentials_are_seen(void **state)
{
    (void)state;
    assert_true(look(HEAD("REGISTER sip:c SIP/2.0", "authorization: Digest x\r\n")).answers_challenge);
    assert_true(look(HEAD("INVITE sip:c SIP/2.0", "Proxy-Authorization : Digest x\r\n")).answers_challenge);
    assert_false(look(HEAD("INVITE sip:c SIP/2.0", "Authorization-Info: x\r\nPAuthorization: x\r\n")).answers_challenge);
}

/* Cut at every octet, against a page that must not be read. */
static void it_never_looks_past_the_end(void **state)
{
    static const char text[] = HEAD("INVITE sip:b@c SIP/2.0", "To:\r\n <sip:b@c>;tag=1\r\nAuthorization: x\r\n");
    struct overload_glance g;
    struct guard           page;

    (void)state;
    assert_int_equal(guard_open(&page, sizeof text), ERR_OK);
    for (size_t n = 0; n < sizeof text; n++) {
        overload_glance(guard_copy(&page, (struct slice){text, n}), &g);
        assert_true(g.to.n <= n && g.branch.n <= n && g.uri.n <= n);
    }
    guard_close(&page);
}

#define T(name) cmocka_unit_test(name)
int main(void)
{
    const struct CMUnitTest tests[] = {T(what_asks_for_something_new), T(what_goes_on_with_something), T(an_ack_and_what_it_is_known_by),
                                       T(credentials_are_seen), T(it_never_looks_past_the_end)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
