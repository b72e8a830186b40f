/* write_test.c - URIs written, escaped, and as keys of addresses of record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sip/uri/uri.h"

#define assert_text(b, want) assert_true(slice_eq(buf_slice(&(b)), S(want)))

static struct uri parsed(const char *text)
{
    struct uri u;

    assert_int_equal(uri_parse(slice_z(text), &u, NULL), ERR_OK);
    return u;
}

static void written_is_what_was_read(void **state)
{
    static const char *const texts[] = {
        "sip:a", "sips:alice:pw@h:5061;lr;x=y?a=b&c=d", "sip:a:@h", "sip:u@[2001:db8::1]:99", "tel:+1-2;ext=3",
        "urn:service:sos", "sip:h?a=",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char       out[200];
        struct buf b = BUF_ON(out);
        struct uri u = parsed(texts[i]);

        uri_write(&b, &u);
        if (!slice_eq(buf_slice(&b), slice_z(texts[i])))
            fail_msg("%s became %.*s", texts[i], SARG(buf_slice(&b)));
    }
}

static void one_parameter_more_or_less(void **state)
{
    char       out[400];
    struct buf b = BUF_ON(out);
    struct uri u = parsed("sip:a@h;X=1;lr;x=2?q=r");

    (void)state;
    uri_write_without(&b, &u, S("x"));
    assert_text(b, "sip:a@h;lr?q=r");
    buf_reset(&b);
    uri_write_with(&b, &u, S("x"), S("3"));
    assert_text(b, "sip:a@h;x=3;lr?q=r");
    buf_reset(&b);
    uri_write_with(&b, &u, S("ob"), S(""));
    assert_text(b, "sip:a@h;X=1;lr;x=2;ob?q=r");
}

static void escapes_are_undone_once(void **state)
{
    char       out[100];
    struct buf b = BUF_ON(out);

    (void)state;
    uri_put_unescaped(&b, S("v%61lue%25%34%31%"));
    assert_text(b, "value%41%");
    buf_reset(&b);
    uri_put_unescaped(&b, S("a%00b"));
    assert_true(slice_eq(buf_slice(&b), ((struct slice){"a\0b", 3})));
}

static void what_may_not_stand_there_is_escaped(void **state)
{
    char       out[100];
    struct buf b = BUF_ON(out);

    (void)state;
    uri_put_escaped_user(&b, (struct slice){"a b@c:#\0\xff;", 10});
    assert_text(b, "a%20b%40c%3A%23%00%FF;");
    buf_reset(&b);
    uri_put_escaped_param(&b, S("a;b=c/:"));
    assert_text(b, "a%3Bb%3Dc/:");
    buf_reset(&b);
    uri_put_escaped_header(&b, S("1@h;to-tag=2;from-tag=3"));
    assert_text(b, "1%40h%3Bto-tag%3D2%3Bfrom-tag%3D3");
}

struct key {
    const char *uri, *key;
};

static void an_address_of_record_has_one_key(void **state)
{
    static const struct key keys[] = {
        {"sip:alice@Example.COM", "alice@example.com"},
        {"sips:%61lice:pw@example.com:5061;transport=tcp?a=b", "alice@example.com"},
        {"sip:alice@example.com.:5060", "alice@example.com"},
        {"sip:alice@example.com:5061", "alice@example.com:5061"},
        {"sip:Alice@example.com", "Alice@example.com"},
        {"sip:a%3bb@h", "a;b@h"},
        {"sip:a;b@h", "a;b@h"},
        {"sip:null-%00-null@h", "null-%00-null@h"},
        {"sip:%25%34%31@h", "%2541@h"},
        {"sip:*21#@h", "*21%23@h"},
        {"sip:a@[2001:DB8:0:0::1]", "a@[2001:db8::1]"},
        {"sip:example.com", "example.com"},
        {"sip:+1-(212)-555.0101@h;user=phone", "+12125550101@h"},
        {"sip:+1-212@h", "+1-212@h"},
        {"sip:first.last@h;user=phone", "first.last@h"},
        {"tel:+1-201-555-0123;ext=3", "+12015550123"},
        {"tel:70-4A;phone-context=Example.com", "704a;phone-context=example.com"},
        {"URN:service:sos", "urn:service:sos"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char       out[100];
        struct buf b = BUF_ON(out);
        struct uri u = parsed(keys[i].uri);

        uri_put_aor(&b, &u);
        if (!slice_eq(buf_slice(&b), slice_z(keys[i].key)))
            fail_msg("%s: %.*s", keys[i].uri, SARG(buf_slice(&b)));
    }
}

static void the_user_alone_as_key(void **state)
{
    char       out[100];
    struct buf b = BUF_ON(out);
    struct uri u = parsed("sip:%61lice@example.com");

    (void)state;
    uri_put_user_key(&b, &u);
    assert_text(b, "alice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_is_what_was_read),
        cmocka_unit_test(one_parameter_more_or_less),
        cmocka_unit_test(escapes_are_undone_once),
        cmocka_unit_test(what_may_not_stand_there_is_escaped),
        cmocka_unit_test(an_address_of_record_has_one_key),
        cmocka_unit_test(the_user_alone_as_key),
    };
    return cmocka_run_group_tests_name("sip/uri/write", tests, NULL, NULL);
}
