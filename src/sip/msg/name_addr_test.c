/* name_addr_test.c - addresses with names, and comma lists of them: RFC 3261 §20.10, §7.3.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sip/msg/msg_priv.h"
#include "sip/msg/msg_walk.h"

#define assert_slice(got, want) assert_true(slice_eq((got), S(want)))

static struct name_addr good(const char *text)
{
    struct name_addr na;

    if (name_addr_parse(slice_z(text), &na))
        fail_msg("refused: %s", text);
    return na;
}

static void its_forms(void **state)
{
    struct name_addr na = good("\"Bell, \\\"A\\\"\" <sip:a;lr@b;x?y=z> ; tag = 43 ;q=0.5");

    (void)state;
    assert_slice(na.display, "\"Bell, \\\"A\\\"\"");
    assert_slice(na.uri, "sip:a;lr@b;x?y=z");
    assert_true(na.bracketed);
    assert_slice(name_addr_tag(&na), "43");
    na = good("A. G. Bell <sip:a@b>");
    assert_slice(na.display, "A. G. Bell");
    na = good("caller<sip:caller@example.com>;tag=323");
    assert_slice(na.display, "caller");
    na = good("sip:a@b;tag=7;x");
    assert_slice(na.uri, "sip:a@b");
    assert_slice(na.params, ";tag=7;x");
    assert_false(na.bracketed);
    na = good("<sip:a@b>");
    assert_int_equal(na.display.n, 0);
    assert_int_equal(name_addr_tag(&na).n, 0);
    assert_true(good("*").star);
    assert_slice(good("J\xc3\xbcrgen <sip:j@b>").display, "J\xc3\xbcrgen");
    na = good("\"\" <sip:a@b>");
    assert_slice(na.display, "\"\"");
    na = good("<sip:a@b>;+sip.instance=\"<urn:uuid:0>\";ob");
    assert_true(msg_has_param(na.params, S("ob")));
}

static void broken_ones(void **state)
{
    static const char *const bad[] = {
        "", " ", "<", "<>", "<sip:a@b", "sip:a@b>", "\"Mr. J. User <sip:j@b>", "\"Joe\" sip:a@b", "Bell, A <sip:a@b>",
        "< sip:a@b >", "<sip:a@b >", "<sip:a b>", "<sip:a@b>;;;;", "<sip:a@b>;", "<sip:a@b> x", "sip:a@b?Route=x",
        "sip:a@b,c", "sip:a@b;tag=\"", "a:b <sip:c>", "<sip:a@b>;=x", "<sip:a<b>", "\"a\"b <sip:c>",
    };
    struct name_addr na;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (name_addr_parse(slice_z(bad[i]), &na) != ERR_SYNTAX)
            fail_msg("accepted: %s", bad[i]);
}

static void written_again(void **state)
{
    char             out[100];
    struct buf       b = BUF_ON(out);
    struct name_addr na = good("A <sip:a>;tag=1");

    (void)state;
    name_addr_put(&b, &na);
    assert_slice(buf_slice(&b), "A <sip:a>;tag=1");
    buf_reset(&b);
    na = good("sip:a;tag=1");
    name_addr_put(&b, &na);
    assert_slice(buf_slice(&b), "<sip:a>;tag=1");
    buf_reset(&b);
    na = good("*");
    name_addr_put(&b, &na);
    assert_slice(buf_slice(&b), "*");
}

static char block[32768];

static struct msg *with(const char *rows)
{
    static char octets[4096];
    struct buf  b = BUF_ON(octets);

    buf_puts(&b, S("BYE sip:a SIP/2.0\r\n"), slice_z(rows), S("\r\n"));
    return walk_parse(buf_slice(&b), block, sizeof block);
}

static void from_and_to(void **state)
{
    struct msg      *m = with("f: A <sip:a>;tag=1\r\nTo: sip:b\r\n");
    struct name_addr na;

    (void)state;
    assert_slice(msg_from_tag(m), "1");
    assert_int_equal(msg_to_tag(m).n, 0);
    assert_int_equal(msg_to(m, &na), ERR_OK);
    assert_slice(na.uri, "sip:b");
    assert_int_equal(msg_name_addr(m, HDR_CONTACT, &na), ERR_NOTFOUND);
    /* To is no list: a second address in it is not lawful, and not silently left out */
    assert_int_equal(msg_to(with("To: <sip:a>, <sip:b>\r\n"), &na), ERR_SYNTAX);
}

static void lists_over_rows_and_commas(void **state)
{
    struct msg     *m = with("Route: <sip:a,b>, \"c, \\\" d\" <sip:d>,\r\n  ,<sip:e>\r\nX: <sip:no>\r\nRoute:\r\nroute: <sip:f>\r\n");
    struct msg_list it = msg_list_begin(m, HDR_ROUTE);
    struct slice    one;

    (void)state;
    assert_true(msg_list_next(&it, &one));
    assert_slice(one, "<sip:a,b>");
    assert_true(msg_list_next(&it, &one));
    assert_slice(one, "\"c, \\\" d\" <sip:d>");
    assert_true(msg_list_next(&it, &one));
    assert_slice(one, "<sip:e>");
    assert_true(msg_list_next(&it, &one));
    assert_slice(one, "<sip:f>");
    assert_false(msg_list_next(&it, &one));
    assert_int_equal(msg_element_count(m, HDR_ROUTE), 4);
    assert_int_equal(msg_element(m, HDR_ROUTE, 3, &one), ERR_OK);
    assert_int_equal(msg_element(m, HDR_ROUTE, 4, &one), ERR_NOTFOUND);
    assert_int_equal(msg_element_last(m, HDR_ROUTE, &one), ERR_OK);
    assert_slice(one, "<sip:f>");
    assert_int_equal(msg_element_last(m, HDR_PATH, &one), ERR_NOTFOUND);
}

static void tokens_of_a_list(void **state)
{
    struct msg *m = with("Supported: 100rel,Replaces\r\nk: timer;x=y\r\nAllow: INVITE, REFER\r\nRequire:\r\n");

    (void)state;
    assert_true(msg_has_token(m, HDR_SUPPORTED, S("replaces")));
    assert_true(msg_has_token(m, HDR_SUPPORTED, S("timer")));
    assert_false(msg_has_token(m, HDR_SUPPORTED, S("rel")));
    assert_true(msg_has_token(m, HDR_ALLOW, S("REFER")));
    assert_false(msg_has_token(m, HDR_ALLOW, S("refer")));
    assert_false(msg_has_token(m, HDR_REQUIRE, S("")));
    m = with("Supported: no-replaces, replaces2\r\nk: a;replaces,\t REPLACES =x\r\nAllow: PREFER,REFERS,\r\n  REFER\r\n");
    assert_true(msg_has_token(m, HDR_SUPPORTED, S("replaces")));
    assert_false(msg_has_token(m, HDR_SUPPORTED, S("x")));
    assert_true(msg_has_token(m, HDR_ALLOW, S("REFER")));
    assert_false(msg_has_token(m, HDR_ALLOW, S("INVITE")));
    m = with("Supported: no-replaces, replaces2, a;replaces\r\nAllow: PREFER, REFERS\r\n");
    assert_false(msg_has_token(m, HDR_SUPPORTED, S("replaces")));
    assert_false(msg_has_token(m, HDR_ALLOW, S("REFER")));
}

static void a_list_without_end_is_cut_off(void **state)
{
    static char octets[8192];
    struct buf  b = BUF_ON(octets);
    struct msg *m;

    (void)state;
    buf_put(&b, S("BYE sip:a SIP/2.0\r\nAccept: "));
    for (int i = 0; i < MSG_MAX_ELEMENTS + 10; i++)
        buf_put(&b, S("a/b,"));
    buf_put(&b, S("\r\n\r\n"));
    m = walk_parse(buf_slice(&b), block, sizeof block);
    assert_int_equal(msg_element_count(m, HDR_ACCEPT), MSG_MAX_ELEMENTS);
}

struct q {
    const char *text;
    int         q; /* -1: refused */
};

static void q_in_thousandths(void **state)
{
    static const struct q qs[] = {{"", 1000}, {";q=1", 1000}, {";q=0", 0}, {";Q=0.7", 700}, {";q=0.33", 330}, {";q=1.000", 1000},
                                  {";q=0.", 0}, {";q=1.001", -1}, {";q=2", -1}, {";q=0.1234", -1}, {";q=.5", -1},
                                  {";q=", -1}, {";q", -1}, {";q=0.x", -1}, {";q=-1", -1}};

    (void)state;
    for (size_t i = 0; i < sizeof qs / sizeof qs[0]; i++) {
        uint16_t q = 7777;
        enum err e = msg_q(slice_z(qs[i].text), &q);

        if (e ? qs[i].q != -1 : q != qs[i].q)
            fail_msg("%s: %u", qs[i].text, q);
    }
}

static void expires_of_a_contact(void **state)
{
    uint32_t n = 5;

    (void)state;
    assert_int_equal(msg_contact_expires(S(";expires=60"), &n), ERR_OK);
    assert_int_equal(n, 60);
    assert_int_equal(msg_contact_expires(S(";expires=280297596632815"), &n), ERR_OK);
    assert_int_equal(n, UINT32_MAX);
    assert_int_equal(msg_contact_expires(S(";expires=\"30\""), &n), ERR_OK);
    assert_int_equal(n, 30);
    assert_int_equal(msg_contact_expires(S(";q=1"), &n), ERR_NOTFOUND);
    assert_int_equal(msg_contact_expires(S(";expires=x"), &n), ERR_SYNTAX);
    assert_int_equal(msg_contact_expires(S(";expires"), &n), ERR_SYNTAX);
}

static void parameters(void **state)
{
    struct slice     rest = S(" ; a ; b = \"x;\\\"y\" ;c=[::1]:5;\r\n d= "), v;
    struct msg_param p;

    (void)state;
    assert_int_equal(msg_param(rest, S("B"), &v), ERR_OK);
    assert_slice(v, "\"x;\\\"y\"");
    assert_int_equal(msg_param(rest, S("a"), &v), ERR_OK);
    assert_int_equal(v.n, 0);
    assert_int_equal(msg_param(rest, S("e"), &v), ERR_NOTFOUND);
    assert_int_equal(msg_params_check(rest), ERR_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(msg_param_next(&rest, &p), ERR_OK);
    assert_slice(p.name, "d");
    assert_true(p.has_value);
    assert_int_equal(p.value.n, 0);
    assert_int_equal(msg_param_next(&rest, &p), ERR_NOTFOUND);
    assert_int_equal(msg_params_check(S(";a;;b")), ERR_SYNTAX);
    assert_int_equal(msg_params_check(S("a")), ERR_SYNTAX);
    assert_int_equal(msg_params_check(S(";a=\"x")), ERR_SYNTAX);
    assert_int_equal(msg_params_check(S(";a=\"x\"y")), ERR_SYNTAX);
}

static void too_many_parameters(void **state)
{
    char       text[2 * MSG_MAX_PARAMS + 2];
    struct buf b = BUF_ON(text);

    (void)state;
    for (int i = 0; i < MSG_MAX_PARAMS; i++)
        buf_put(&b, S(";a"));
    assert_int_equal(msg_params_check(buf_slice(&b)), ERR_OK);
    buf_put(&b, S(";a"));
    assert_int_equal(msg_params_check(buf_slice(&b)), ERR_LIMIT);
}

static void quotes_on_and_off(void **state)
{
    char       out[100];
    struct buf b = BUF_ON(out);

    (void)state;
    msg_put_unquoted(&b, S("\"a \\\"b\\\" \r\n c\\\\\""));
    assert_slice(buf_slice(&b), "a \"b\" c\\");
    buf_reset(&b);
    msg_put_unquoted(&b, S("plain"));
    assert_slice(buf_slice(&b), "plain");
    buf_reset(&b);
    msg_put_quoted(&b, S("a \"b\" \\\r\nX: y"));
    assert_slice(buf_slice(&b), "\"a \\\"b\\\" \\\\  X: y\"");
}

/* What is read once says the same each time, errors too. */
static void asked_again(void **state)
{
    static const char good_one[] = "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: A <sip:a@x>;tag=1\r\n"
                                   "To: <sip:b@y>\r\nContact: <sip:a@10.0.0.1>, <sip:b@10.0.0.2>\r\nRoute: ,<sip:p;lr>\r\nRoute: <sip:q>\r\nCall-ID: c1@a\r\nCSeq: 7 INVITE\r\n\r\n";
    static const char bad_one[] = "INVITE sip:@ SIP/2.0\r\nFrom: <sip:a@x\r\nTo: <nothing>;tag=2\r\nContact: *\r\nCSeq: x\r\n\r\n";
    struct arena      a;
    struct msg       *m;
    struct name_addr  na;
    struct hash_key   key = {1, 2}, other = {1, 3};
    struct cseq       cseq;

    (void)state;
    arena_init_fixed(&a, block, sizeof block);
    assert_int_equal(msg_parse(&a, slice_z(good_one), &m), ERR_OK);
    for (int i = 0; i < 2; i++) {
        assert_slice(msg_from_tag(m), "1");
        assert_slice(msg_to_tag(m), "");
        assert_true(msg_from(m, &na) == ERR_OK && slice_eq(na.display, S("A")));
        assert_slice(msg_from_uri(m)->host, "x");
        assert_slice(msg_to_uri(m)->host, "y");
        assert_slice(msg_request_uri(m)->user, "bob");
        assert_slice(msg_route_uri(m)->host, "p");
        assert_true(msg_name_addr(m, HDR_ROUTE, &na) == ERR_OK && slice_eq(na.uri, S("sip:p;lr")));
        assert_true(msg_name_addr(m, HDR_CONTACT, &na) == ERR_OK && slice_eq(na.uri, S("sip:a@10.0.0.1")));
        assert_true(msg_cseq(m, &cseq) == ERR_OK && cseq.number == 7);
        assert_slice(msg_via(m)->branch, "z9hG4bK1");
        assert_true(msg_call_hash(m, &key) == hash_name(&key, msg_call_id(m)));
        assert_true(msg_call_hash(m, &other) == hash_name(&other, msg_call_id(m)));
    }
    arena_init_fixed(&a, block, sizeof block);
    assert_int_equal(msg_parse(&a, slice_z(bad_one), &m), ERR_OK);
    for (int i = 0; i < 2; i++) {
        assert_slice(msg_from_tag(m), "");
        assert_slice(msg_to_tag(m), "2");
        assert_int_equal(msg_from(m, &na), ERR_SYNTAX);
        assert_null(msg_from_uri(m));
        assert_null(msg_to_uri(m));
        assert_null(msg_request_uri(m));
        assert_null(msg_route_uri(m));
        assert_int_equal(msg_name_addr(m, HDR_ROUTE, &na), ERR_NOTFOUND);
        assert_true(msg_name_addr(m, HDR_CONTACT, &na) == ERR_OK && na.star);
        assert_int_equal(msg_cseq(m, &cseq), ERR_SYNTAX);
        assert_null(msg_via(m));
    }
}

/* Whichever of tag and URI is asked for first. */
static void a_tag_before_its_uri_and_behind_it(void **state)
{
    static const char *const values[] = {
        "<sip:a@h.example.com>;tag=1", "\"A\" <sip:a@h>;tag=1;x", "sip:a@h;tag=1", "<sip:a b@h>;tag=1", "<sips:h>;tag=1", "<>;tag=1",
        "<sip:a@h;lr>;tag=\"x", "<sip:a@h", "<nothing>;tag=1", "<sip:a:b@h?c=d> ;tag=1", "*", "", "<sip:a@h>>;tag=1", "<sip:a@>;tag=1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct msg_party tag_first, at_once;

        msg_party_parse(slice_z(values[i]), false, &tag_first);
        msg_party_parse(slice_z(values[i]), true, &at_once);
        assert_int_equal(tag_first.e, at_once.e);
        assert_true(slice_eq(tag_first.tag, at_once.tag));
        assert_int_equal(msg_party_uri(&tag_first) != NULL, msg_party_uri(&at_once) != NULL);
        if (msg_party_uri(&at_once))
            assert_true(uri_equal(&tag_first.uri, &at_once.uri) && slice_eq(tag_first.uri.raw, at_once.uri.raw));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_forms),
        cmocka_unit_test(broken_ones),
        cmocka_unit_test(written_again),
        cmocka_unit_test(from_and_to),
        cmocka_unit_test(asked_again),
        cmocka_unit_test(a_tag_before_its_uri_and_behind_it),
        cmocka_unit_test(lists_over_rows_and_commas),
        cmocka_unit_test(tokens_of_a_list),
        cmocka_unit_test(a_list_without_end_is_cut_off),
        cmocka_unit_test(q_in_thousandths),
        cmocka_unit_test(expires_of_a_contact),
        cmocka_unit_test(parameters),
        cmocka_unit_test(too_many_parameters),
        cmocka_unit_test(quotes_on_and_off),
    };
    return cmocka_run_group_tests_name("sip/msg/name_addr", tests, NULL, NULL);
}
