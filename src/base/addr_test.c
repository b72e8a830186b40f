/* addr_test.c - addresses read (RFC 4291 §2.2) and written (RFC 5952), compared, and of what kind they are. */
#include "base/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct addr ip(const char *z)
{
    struct addr a;

    assert_int_equal(addr_parse_ip(slice_z(z), &a), ERR_OK);
    return a;
}

static void assert_written(const struct addr *a, void (*put)(struct buf *b, const struct addr *a), const char *want)
{
    char         text[ADDR_MAX_TEXT];
    struct buf   b = BUF_ON(text);
    struct slice got;

    put(&b, a);
    got = buf_slice(&b);
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.p, want, got.n);
}

static void read_and_written(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:db8::1", "2001:db8::1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"2001:0db8:0000:0001:0000:0000:0000:0001", "2001:db8:0:1::1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* one group alone is written out */
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"}, /* the first of two equals */
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
        {"::FFFF:c000:0201", "::ffff:192.0.2.1"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"[fe80::1]", "fe80::1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct addr a = ip(rows[i].in);

        assert_int_equal(a.port, 0);
        assert_written(&a, addr_put_ip, rows[i].out);
    }
}

static void what_is_no_address(void **state)
{
    static const char *const rows[] = {
        "",          "1.2.3",      "1.2.3.4.5",  "256.1.1.1", "1.2.3.",    ".1.2.3",        "1..2.3",         "a.b.c.d",
        "1.2.3.4 ",  " 1.2.3.4",   "1.2.3.-4",   "0001.2.3.4", ":",        ":::",           "1:2:3:4:5:6:7",  "1:2:3:4:5:6:7:8:9",
        "1::2::3",   "12345::",    "g::",        "1:2:3:4:5:6:7:8::",      "::1.2.3",       "::1.2.3.4:5",    "1.2.3.4::",
        "[::1",      "::1]",       "[1.2.3.4]",  "[]",        "fe80::1%1", "example.com",   "1:2:3:4:5:6:7:1.2.3.4", ":1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:", "1:::2", "::-1",       "+1::",      "1:2:3:4::5:6:7:8",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct addr a = {.port = 77};

        assert_int_equal(addr_parse_ip(slice_z(rows[i]), &a), ERR_SYNTAX);
        assert_int_equal(a.port, 77); /* untouched */
    }
    assert_int_equal(addr_parse_ip(SLICE_NONE, &(struct addr){0}), ERR_SYNTAX);
}

static void with_ports(void **state)
{
    static const struct {
        const char *in;
        uint16_t    port;
        const char *out;
    } rows[] = {{"192.0.2.1:5060", 5060, "192.0.2.1:5060"}, {"192.0.2.1", 0, "192.0.2.1"},
                {"[2001:db8::1]:5061", 5061, "[2001:db8::1]:5061"}, {"[2001:db8::1]", 0, "[2001:db8::1]"},
                {"2001:db8::1", 0, "[2001:db8::1]"}, {"127.0.0.1:65535", 65535, "127.0.0.1:65535"}};
    static const char *const bad[] = {"192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:x", "[::1]:", "[::1]x", "[::1]:99999",
                                      "host:5060", ":5060", "", "[", "]", "[:", "192.0.2.1:5060:1", "[::1]5060"};
    struct addr a;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(addr_parse(slice_z(rows[i].in), &a), ERR_OK);
        assert_int_equal(a.port, rows[i].port);
        assert_written(&a, addr_put, rows[i].out);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(addr_parse(slice_z(bad[i]), &a), ERR_SYNTAX);
    a = ip("::1");
    assert_written(&a, addr_put_host, "[::1]");
}

static void the_longest_fits(void **state)
{
    struct addr a = {ADDR_IP6, 65535, 0, {0}};
    char        text[ADDR_MAX_TEXT];
    struct buf  b = BUF_ON(text);

    (void)state;
    memset(a.ip, 0xff, 16);
    addr_put(&b, &a);
    assert_int_equal(buf_err(&b), ERR_OK);
}

static void equal_or_not(void **state)
{
    struct addr a = ip("192.0.2.1"), mapped = ip("::ffff:192.0.2.1"), b = ip("192.0.2.2"), six = ip("2001:db8::1");
    struct addr six_too = six, compatible = ip("::192.0.2.1");

    (void)state;
    assert_true(addr_same_ip(&a, &mapped));
    assert_true(addr_same_ip(&mapped, &a));
    assert_true(addr_same_ip(&mapped, &mapped));
    assert_false(addr_same_ip(&a, &b));
    assert_false(addr_same_ip(&a, &six));
    assert_false(addr_same_ip(&a, &compatible));
    assert_true(addr_eq(&six, &six_too));
    six_too.port = 1;
    assert_true(addr_same_ip(&six, &six_too));
    assert_false(addr_eq(&six, &six_too));
    six_too.scope = 2;
    assert_false(addr_same_ip(&six, &six_too));
    assert_false(addr_same_ip(&a, &(struct addr){0}));
}

static void what_kind(void **state)
{
    static const struct {
        const char *text;
        bool        any, loopback, private;
    } rows[] = {
        {"0.0.0.0", true, false, false},       {"::", true, false, false},
        {"127.0.0.1", false, true, false},     {"127.255.0.9", false, true, false},
        {"128.0.0.1", false, false, false},    {"::1", false, true, false},
        {"::ffff:127.1.2.3", false, true, false}, {"10.1.2.3", false, false, true},
        {"172.16.0.1", false, false, true},    {"172.31.255.1", false, false, true},
        {"172.32.0.1", false, false, false},   {"172.15.0.1", false, false, false},
        {"192.168.1.1", false, false, true},   {"192.169.1.1", false, false, false},
        {"169.254.1.1", false, false, true},   {"fe80::1", false, false, true},
        {"febf::1", false, false, true},       {"fec0::1", false, false, false},
        {"fc00::1", false, false, true},       {"fdff::1", false, false, true},
        {"fe00::1", false, false, false},      {"2001:db8::1", false, false, false},
        {"::ffff:10.0.0.1", false, false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct addr a = ip(rows[i].text);

        assert_int_equal(addr_is_any(&a), rows[i].any);
        assert_int_equal(addr_is_loopback(&a), rows[i].loopback);
        assert_int_equal(addr_is_private(&a), rows[i].private);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_and_written), cmocka_unit_test(what_is_no_address), cmocka_unit_test(with_ports),
        cmocka_unit_test(the_longest_fits), cmocka_unit_test(equal_or_not),       cmocka_unit_test(what_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
