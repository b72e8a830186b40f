/* parse_test.c - URIs read: RFC 3261 §19.1, RFC 3966, the URIs of RFC 4475 and RFC 5118. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sip/uri/uri.h"
#include "sys/guard.h"

#define assert_slice(got, want) assert_true(slice_eq((got), S(want)))

static struct uri good(const char *text)
{
    struct uri u;
    size_t     fault;

    if (uri_parse(slice_z(text), &u, &fault))
        fail_msg("%s was refused at %zu", text, fault);
    return u;
}

static void every_part_is_found(void **state)
{
    struct uri u = good("sip:alice:se%20cret@Atlanta.example.com:5070;transport=tcp;lr?Subject=a%20b&Priority=urgent");

    (void)state;
    assert_int_equal(u.scheme, URI_SIP);
    assert_slice(u.user, "alice");
    assert_slice(u.password, "se%20cret");
    assert_true(u.has_password);
    assert_slice(u.host, "Atlanta.example.com");
    assert_int_equal(u.port, 5070);
    assert_slice(u.params, ";transport=tcp;lr");
    assert_slice(u.headers, "Subject=a%20b&Priority=urgent");
    assert_slice(u.opaque, "alice:se%20cret@Atlanta.example.com:5070;transport=tcp;lr?Subject=a%20b&Priority=urgent");
}

static void least_uris(void **state)
{
    struct uri u = good("sip:a");

    (void)state;
    assert_int_equal(u.user.n, 0);
    assert_slice(u.host, "a");
    assert_int_equal(u.port, 0);
    assert_int_equal(good("SIPS:a").scheme, URI_SIPS);
    assert_int_equal(good("Tel:1").scheme, URI_TEL);
    assert_slice(good("sip:192.0.2.1:1").host, "192.0.2.1");
    assert_slice(good("sip:h?a=").headers, "a=");
    assert_slice(good("sip:host.").host, "host.");
}

static void the_user_may_hold_separators(void **state)
{
    struct uri u = good("sip:1_u.~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com");

    (void)state;
    assert_slice(u.user, "1_u.~(to-be!sure)&isn't+it$/crazy?,/;;*");
    assert_slice(u.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
    assert_slice(u.host, "example.com");
    u = good("sip:user;par=u%40example.net@example.com");
    assert_slice(u.user, "user;par=u%40example.net");
    assert_int_equal(u.params.n, 0);
    u = good("sip:sips%3Auser%40example.com@example.net");
    assert_slice(u.user, "sips%3Auser%40example.com");
    u = good("sip:*21*1002#@host");
    assert_slice(u.user, "*21*1002#");
}

static void a_refer_to_with_an_at_sign_in_its_header(void **state)
{
    struct uri   u = good("sip:1003@example.com?Replaces=12@host%3Bto-tag%3D7%3Bfrom-tag%3Dx");
    struct slice v;

    (void)state;
    assert_slice(u.user, "1003");
    assert_int_equal(uri_header(&u, S("replaces"), &v), ERR_OK);
    assert_slice(v, "12@host%3Bto-tag%3D7%3Bfrom-tag%3Dx");
    assert_int_equal(uri_header(&u, S("Route"), &v), ERR_NOTFOUND);
}

static void ip6_references(void **state)
{
    struct uri  u = good("sip:user@[2001:db8::10]:5070;x=y");
    struct addr a, b;

    (void)state;
    assert_slice(u.host, "2001:db8::10");
    assert_true(u.host_is_ip6);
    assert_int_equal(u.port, 5070);
    /* RFC 5118 §4.3: without a closing bracket before it, 5070 belongs to the address */
    u = good("sip:[2001:db8::10:5070]");
    assert_slice(u.host, "2001:db8::10:5070");
    assert_int_equal(u.port, 0);
    /* RFC 5118 §4.10: three colons are read as two */
    u = good("sip:user@[2001:db8:::192.0.2.1]");
    assert_int_equal(uri_host_addr(&u, &a), ERR_OK);
    assert_int_equal(addr_parse_ip(S("2001:db8::192.0.2.1"), &b), ERR_OK);
    assert_true(addr_same_ip(&a, &b));
    u = good("sip:[::ffff:192.0.2.2]:1");
    assert_int_equal(uri_host_addr(&u, &a), ERR_OK);
    assert_int_equal(a.port, 1);
    u = good("sip:example.com");
    assert_int_equal(uri_host_addr(&u, &a), ERR_NOTFOUND);
}

static void other_schemes_are_kept_whole(void **state)
{
    struct uri u = good("nobodyKnowsThisScheme:totallyopaquecontent");

    (void)state;
    assert_int_equal(u.scheme, URI_OTHER);
    assert_slice(u.scheme_text, "nobodyKnowsThisScheme");
    assert_slice(u.opaque, "totallyopaquecontent");
    assert_int_equal(good("soap.beep://192.0.2.103:3002").scheme, URI_OTHER);
    assert_int_equal(good("http://www.example.com/a?b=c#d").scheme, URI_OTHER);
    assert_int_equal(good("urn:service:sos").scheme, URI_OTHER);
}

static void tel_uris(void **state)
{
    struct uri   u = good("tel:+1-201-555-0123;ext=12");
    struct slice v;

    (void)state;
    assert_int_equal(u.scheme, URI_TEL);
    assert_slice(u.user, "+1-201-555-0123");
    assert_int_equal(u.host.n, 0);
    assert_int_equal(uri_param(&u, S("ext"), &v), ERR_OK);
    assert_slice(v, "12");
    u = good("tel:7042;phone-context=example.com");
    assert_slice(u.user, "7042");
    assert_slice(good("tel:*21#").user, "*21#");
}

struct bad {
    const char *text;
    size_t      at;
};

static void what_is_no_uri_is_refused_where_it_is_wrong(void **state)
{
    static const struct bad bad[] = {
        {"", 0}, {"sip", 3}, {":a", 0}, {"1sip:a", 0}, {"sip:", 4}, {"sip:@host", 4}, {"sip:a@", 6}, {"sip:a@@b", 6},
        {"sip:a b@host", 5}, {"sip:a%4@host", 5}, {"sip:a%zz@host", 5}, {"sip:a@host;", 11}, {"sip:a@host;;x", 11},
        {"sip:a@host;=x", 11}, {"sip:a@host:", 6}, {"sip:a@host:70000", 6}, {"sip:a@host:0", 6}, {"sip:a@host:5x", 12},
        {"sip:2001:db8::10", 4}, {"sip:[2001:db8::10", 4}, {"sip:[host]", 4}, {"sip:a@ho st", 8}, {"sip:a@h,b", 7},
        {"sip:a..b", 4}, {"sip:-a", 4}, {"sip:user@example.com; lr", 21}, {"<sip:a@b>", 0}, {"sip:a@b>", 7},
        {"sip:a@b?x", 8}, {"sip:a@b?=x", 8}, {"sip:a@b?", 8}, {"sip:a@b?x=%", 10}, {"sip:a@b?x=a\"", 11}, {"tel:", 4},
        {"tel:+", 4}, {"tel:+12a", 4}, {"tel:--", 4}, {"tel:12?x=y", 4}, {"tel:12;a?x", 8}, {"tel:12;", 7}, {"x:", 2}, {"x:a b", 3},
        {"sip:a@b;x=\x01", 10}, {"sip:\xc3\xa4@b", 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct uri u = {.port = 77};
        size_t     fault = 9999;

        if (uri_parse(slice_z(bad[i].text), &u, &fault) != ERR_SYNTAX || fault != bad[i].at)
            fail_msg("\"%s\": fault at %zu, not %zu", bad[i].text, fault, bad[i].at);
        assert_int_equal(u.port, 77);
    }
}

static void limits_are_kept(void **state)
{
    static char text[URI_MAX_OCTETS + 1];
    struct buf  b;
    struct uri  u;

    (void)state;
    buf_init(&b, text, sizeof text);
    buf_put(&b, S("sip:"));
    while (buf_room(&b))
        buf_putc(&b, 'a');
    assert_int_equal(uri_parse((struct slice){text, URI_MAX_OCTETS}, &u, NULL), ERR_OK);
    assert_int_equal(uri_parse((struct slice){text, URI_MAX_OCTETS + 1}, &u, NULL), ERR_LIMIT);
    for (int n = URI_MAX_PARAMS; n <= URI_MAX_PARAMS + 1; n++) {
        buf_init(&b, text, sizeof text);
        buf_put(&b, S("sip:h"));
        for (int i = 0; i < n; i++)
            buf_put(&b, S(";p"));
        assert_int_equal(uri_parse(buf_slice(&b), &u, NULL), n > URI_MAX_PARAMS ? ERR_LIMIT : ERR_OK);
    }
    for (int n = URI_MAX_HEADERS; n <= URI_MAX_HEADERS + 1; n++) {
        buf_init(&b, text, sizeof text);
        buf_put(&b, S("sip:h"));
        for (int i = 0; i < n; i++)
            buf_put(&b, i ? S("&a=b") : S("?a=b"));
        assert_int_equal(uri_parse(buf_slice(&b), &u, NULL), n > URI_MAX_HEADERS ? ERR_LIMIT : ERR_OK);
    }
}

static void parameters_by_name(void **state)
{
    struct uri   u = good("sip:h;Transport=TCP;lr;%6C%72x=1;empty=");
    struct slice v = S("before");

    (void)state;
    assert_int_equal(uri_param(&u, S("transport"), &v), ERR_OK);
    assert_slice(v, "TCP");
    assert_int_equal(uri_param(&u, S("LR"), &v), ERR_OK);
    assert_int_equal(v.n, 0);
    assert_int_equal(uri_param(&u, S("lrx"), &v), ERR_OK);
    assert_slice(v, "1");
    assert_true(uri_has_param(&u, S("empty")));
    assert_int_equal(uri_param(&u, S("l"), &v), ERR_NOTFOUND);
    assert_int_equal(uri_param(&u, S(""), &v), ERR_NOTFOUND);
    assert_slice(v, "1");
}

static void a_host_and_port_at_the_start_of_a_text(void **state)
{
    struct uri_hostport hp;
    struct slice        rest;

    (void)state;
    assert_int_equal(uri_parse_hostport(S("[2001:db8::1]:5061;branch=x"), &hp, &rest), ERR_OK);
    assert_slice(hp.host, "2001:db8::1");
    assert_int_equal(hp.port, 5061);
    assert_slice(rest, ";branch=x");
    assert_int_equal(uri_parse_hostport(S("a.b ;x"), &hp, &rest), ERR_OK);
    assert_slice(rest, " ;x");
    assert_int_equal(uri_parse_hostport(S(":5060"), &hp, &rest), ERR_SYNTAX);
}

/* Sixteen octets at a time where there are so many, else one at a time: a host is the same whatever follows it. */
static void a_host_is_the_same_whatever_follows(void **state)
{
    static const char alphabet[] = "aZ9-_..:";
    uint32_t          r = 1;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        char                text[48] = "";
        size_t              n = i % 15 + 1;
        struct uri_hostport alone = {.port = 0}, within = {.port = 0};
        struct slice        rest, behind = SLICE_NONE;
        enum err            e;

        for (size_t k = 0; k < n; k++)
            text[k] = alphabet[(r = r * 1664525 + 1013904223) >> 29];
        memcpy(text + n, ";aa.-bb--..cc.ddd-e.f.g", 24);
        e = uri_parse_hostport((struct slice){text, n}, &alone, &rest);
        assert_int_equal(uri_parse_hostport((struct slice){text, n + 23}, &within, &behind), e);
        if (e)
            continue;
        assert_true(slice_eq(alone.host, within.host) && alone.port == within.port);
        assert_int_equal(behind.n, rest.n + 23);
    }
    assert_slice(good("sip:a@sixteen.octets.x").host, "sixteen.octets.x");
    assert_slice(good("sip:a@seventeen.octets.").host, "seventeen.octets.");
    assert_slice(good("sip:a@a-host.of.more.than.sixteen").host, "a-host.of.more.than.sixteen");
    assert_int_equal(uri_parse(S("sip:alice@sixteen..x"), &(struct uri){.port = 0}, NULL), ERR_SYNTAX);
}

static bool same_uri(const struct uri *a, const struct uri *b)
{
    return slice_eq(a->raw, b->raw) && slice_eq(a->user, b->user) && slice_eq(a->host, b->host) && slice_eq(a->params, b->params) &&
           slice_eq(a->opaque, b->opaque) && slice_eq(a->scheme_text, b->scheme_text) && !a->headers.n && !b->headers.n &&
           !a->password.n && a->scheme == b->scheme && a->port == b->port && a->host_is_ip6 == b->host_is_ip6 &&
           a->has_password == b->has_password;
}

/* What is read from the left without a look at where it ends is what uri_parse() makes of it, whatever its octets. */
static void a_plain_one_within_a_text(void **state)
{
    static const char *const whole[] = {"sip:1@h", "SIP:a;b@h.example.com:5060;lr;x=y@z", "sip:a?b@h", "sip:a@192.0.2.1:1;transport=udp"};
    static const char *const odd[] = {"sip:h", "sips:a@h", "sip:a:b@h", "sip:a%41@h", "sip:a@h?b=c", "sip:a@[::1]", "sip:@h", "sip:a@h;",
                                      "sip:a@h:0", "sip:a@h:65536", "sip:a@-h", "sip:a@h;x=%41", "tel:1", "sip:", "", "sip:a"};
    struct uri u, want;

    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        char       text[128] = "";
        struct buf b = BUF_ON(text);
        size_t     n = strlen(whole[i]);

        buf_puts(&b, slice_z(whole[i]), S(">;tag=x"));
        assert_ptr_equal(uri_read_plain(text, text + n + 7, &u), text + n);
        assert_int_equal(uri_parse((struct slice){text, n}, &want, NULL), ERR_OK);
        assert_true(same_uri(&u, &want));
    }
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        assert_ptr_not_equal(uri_read_plain(odd[i], odd[i] + strlen(odd[i]), &u), odd[i] + strlen(odd[i]));
}

/* Each input, cut at every octet, lies against a page that may not be read. */
static void nothing_is_read_past_the_end(void **state)
{
    static const char *const texts[] = {
        "sip:alice:se%20cret@Atlanta.example.com:5070;transport=tcp;lr?Subject=a%20b&Priority=urgent",
        "sip:user@[2001:db8:::192.0.2.1]:5060;x=%61;y",
        "tel:+1-201-555-0123;ext=12;phone-context=+1",
        "soap.beep://192.0.2.103:3002/%41",
    };
    struct guard g;

    (void)state;
    assert_int_equal(guard_open(&g, 1024), ERR_OK);
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        for (size_t n = 0; n <= strlen(texts[t]); n++) {
            char       out[512];
            struct buf b = BUF_ON(out);
            struct uri u;

            if (uri_parse(guard_copy(&g, slice_to(slice_z(texts[t]), n)), &u, NULL))
                continue;
            assert_true(uri_equal(&u, &u));
            uri_put_aor(&b, &u);
            uri_write(&b, &u);
            assert_int_equal(buf_err(&b), ERR_OK);
        }
    }
    guard_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_is_found),
        cmocka_unit_test(least_uris),
        cmocka_unit_test(the_user_may_hold_separators),
        cmocka_unit_test(a_refer_to_with_an_at_sign_in_its_header),
        cmocka_unit_test(ip6_references),
        cmocka_unit_test(other_schemes_are_kept_whole),
        cmocka_unit_test(tel_uris),
        cmocka_unit_test(what_is_no_uri_is_refused_where_it_is_wrong),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(parameters_by_name),
        cmocka_unit_test(a_host_and_port_at_the_start_of_a_text),
        cmocka_unit_test(a_host_is_the_same_whatever_follows),
        cmocka_unit_test(a_plain_one_within_a_text),
        cmocka_unit_test(nothing_is_read_past_the_end),
    };
    return cmocka_run_group_tests_name("sip/uri/parse", tests, NULL, NULL);
}
