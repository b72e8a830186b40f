/* equal_test.c - URIs compared: RFC 3261 §19.1.4, RFC 3966 §4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sip/uri/uri.h"

struct pair {
    const char *a, *b;
};

static bool same(const char *a, const char *b)
{
    struct uri x, y;

    assert_int_equal(uri_parse(slice_z(a), &x, NULL), ERR_OK);
    assert_int_equal(uri_parse(slice_z(b), &y, NULL), ERR_OK);
    assert_true(uri_equal(&x, &x));
    assert_true(uri_equal(&y, &y));
    assert_int_equal(uri_equal(&x, &y), uri_equal(&y, &x));
    return uri_equal(&x, &y);
}

static void equal_for_all_their_differences(void **state)
{
    static const struct pair pairs[] = {
        {"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"},
        {"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"},
        {"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"},
        {"sip:b.com;transport=tcp;method=REGISTER?to=sip:bob%40b.com", "sip:b.com;method=REGISTER;transport=tcp?to=sip:bob%40b.com"},
        {"sip:a@a.com?subject=project%20x&priority=urgent", "sip:a@a.com?priority=urgent&subject=project%20x"},
        {"sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0:0:0:0:1]"},
        {"sip:a@b;lr", "sip:a@b;%6c%72"},
        {"sip:a@b;x=1;y=2", "sip:a@b;y=2"},
        {"sip:a%20b@c", "sip:%61%20%62@c"},
        {"tel:+1-201-555-0123", "tel:+12015550123"},
        {"tel:+1(201)555.0123;ext=1-2", "tel:+12015550123;ext=12"},
        {"tel:7042;phone-context=Example.com", "TEL:70-42;phone-context=example.COM"},
        {"tel:70a;phone-context=+1-201", "tel:70A;phone-context=+1201"},
        {"tel:1;a=b;c=d", "tel:1;c=d;a=b"},
        {"tel:1;a=b;a=c", "tel:1;a=b"}, /* of two with one name the first counts */
        {"sip:a@b;x=1;x=2", "sip:a@b;x=1"},
        {"HTTP://x/", "http://x/"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (!same(pairs[i].a, pairs[i].b))
            fail_msg("%s is not %s", pairs[i].a, pairs[i].b);
}

static void different_for_all_their_likeness(void **state)
{
    static const struct pair pairs[] = {
        {"sip:ALICE@a.com", "sip:alice@a.com"},
        {"sip:bob@b.com", "sip:bob@b.com:5060"},
        {"sip:bob@b.com", "sip:bob@b.com;transport=udp"},
        {"sip:bob@b.com", "sip:bob@b.com:6000;transport=tcp"},
        {"sip:carol@c.com", "sip:carol@c.com?Subject=next%20meeting"},
        {"sip:bob@phone21.example.com", "sip:bob@192.0.2.4"},
        {"sip:a@b", "sips:a@b"},
        {"sip:a@b", "sip:b"},
        {"sip:a:x@b", "sip:a:y@b"},
        {"sip:a:@b", "sip:a@b"},
        {"sip:a@b;user=phone", "sip:a@b"},
        {"sip:a@b;ttl=1", "sip:a@b"},
        {"sip:a@b;method=INVITE", "sip:a@b"},
        {"sip:a@b;maddr=1.2.3.4", "sip:a@b"},
        {"sip:a@b;x=1", "sip:a@b;x=2"},
        {"sip:a%3Bb@c", "sip:a;b@c"}, /* ';' is reserved: its escape is another thing */
        {"sip:a%00b@c", "sip:a@c"},
        {"sip:%00@c", "sip:%00%00@c"},
        {"sip:a@b?x=1&x=1", "sip:a@b?x=1"},
        {"sip:a@b?x=1&x=2", "sip:a@b?x=1&x=1"},
        {"sip:a@b?x=1", "sip:a@b?y=1"},
        {"sip:a%2541@b", "sip:aA@b"}, /* unescaped once only */
        {"tel:+12015550123", "tel:12015550123"},
        {"tel:1;ext=1", "tel:1"},
        {"tel:1;phone-context=a", "tel:1;phone-context=b"},
        {"tel:1", "sip:1"},
        {"http://x/a", "http://x/A"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (same(pairs[i].a, pairs[i].b))
            fail_msg("%s is not to be %s", pairs[i].a, pairs[i].b);
}

static void hosts_and_texts_alone(void **state)
{
    (void)state;
    assert_true(uri_host_equal(S("A.example"), S("a.EXAMPLE")));
    assert_true(uri_host_equal(S("2001:db8::1"), S("[2001:db8:0::1]")));
    assert_false(uri_host_equal(S("192.0.2.1"), S("::ffff:192.0.2.1")));
    assert_true(uri_text_equal(S("%61"), S("a")));
    assert_false(uri_text_equal(S("%3b"), S(";")));
    assert_false(uri_text_equal(S("a"), S("A")));
    assert_true(uri_text_equal(S("%"), S("%")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_for_all_their_differences),
        cmocka_unit_test(different_for_all_their_likeness),
        cmocka_unit_test(hosts_and_texts_alone),
    };
    return cmocka_run_group_tests_name("sip/uri/equal", tests, NULL, NULL);
}
