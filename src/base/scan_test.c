/* scan_test.c - octets many at a time say what they say one at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/scan.h"
#include "base/slice.h"

/* No octet behind those that are named is read: the sanitizer would see it. */
static void words_of_fewer(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 8; n++) {
        char    *text = malloc(n ? n : 1);
        uint64_t want = 0;

        assert_non_null(text);
        for (size_t i = 0; i < n; i++) {
            text[i] = (char)(0xf8 + i);
            want |= (uint64_t)(0xf8 + i) << 8 * i;
        }
        assert_true(scan_word_of(text, n) == want);
        free(text);
    }
    assert_true(scan_word("abcdefgh") == 0x6867666564636261);
    assert_true(scan_word_of("abcdefghi", 9) == 0x6867666564636261);
}

static void the_first_is_found(void **state)
{
    (void)state;
    assert_int_equal(scan_find(scan_word("Via: SIP"), ':'), 3);
    assert_int_equal(scan_find(scan_word("::::::::"), ':'), 0);
    assert_int_equal(scan_find(scan_word("1234567:"), ':'), 7);
    assert_int_equal(scan_find(scan_word(";:;:;;;;"), ':'), 1); /* the octet behind one found borrows */
    assert_int_equal(scan_find(scan_word("12345678"), ':'), 8);
    assert_int_equal(scan_find(scan_word("\xba\xba\xba\xba\xba\xba\xba\xba"), ':'), 8);
    assert_int_equal(scan_find(scan_word("\xba\xba\xff\xba\xba\xba\xba\xba"), '\xff'), 2);
}

static void letters_only_are_lowered(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++)
        for (unsigned at = 0; at < 8; at++) {
            char text[] = "AZ@[az`{", want[] = "az@[az`{";

            text[at] = (char)c;
            want[at] = ascii_lower((char)c);
            assert_true(scan_lower(scan_word(text)) == scan_word(want));
        }
}

static void where_of_many_is_where_of_each(void **state)
{
    uint32_t r = 1;
    char     text[16];

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        for (size_t k = 0; k < sizeof text; k++)
            text[k] = "\r\n:\x8d"[(r = r * 1664525 + 1013904223) >> 30];
        assert_true(scan_where16(text, '\x8d') == scan_where_of(text, 16, '\x8d'));
        assert_true(scan_where16(text, ':') == scan_where_of(text, 16, ':'));
        assert_true(scan_where8(text, ':') == scan_where_of(text, 8, ':'));
    }
    for (unsigned i = 0; i < 65536; i++) { /* what each octet is to those beside it */
        memset(text, (int)(i >> 8), 8);
        text[3] = (char)i;
        assert_true(scan_where8(text, '\x8d') == scan_where_of(text, 8, '\x8d'));
        assert_true(scan_where8(text, '\0') == scan_where_of(text, 8, '\0'));
    }
    assert_true(scan_where_of("a:b:", 3, ':') == 2);
    assert_true(scan_where_of("a:b:", 0, ':') == 0);
}

/* Each way to ask must say the same. */
static void assert_low_alike(const char text[64])
{
    uint64_t want = scan_low_of(text, 64);

    assert_true(scan_low(text) == want);
    for (unsigned i = 0; i < 64; i += 8)
        assert_true(scan_low8(text + i) == (want >> i & 0xff));
}

static void low_octets_of_64(void **state)
{
    uint32_t r = 1;
    char     text[64];

    (void)state;
    for (unsigned c = 0; c < 256; c++)
        for (size_t at = 0; at < sizeof text; at++) {
            memset(text, (int)(c + at * 7), sizeof text);
            text[at] = (char)c;
            assert_low_alike(text);
            assert_int_equal(scan_low_of(text + at, 1), c <= '\r');
        }
    for (unsigned i = 0; i < 10000; i++) {
        for (size_t k = 0; k < sizeof text; k++)
            text[k] = "\r\n\t\x0e\x8d\x80 a"[(r = r * 1664525 + 1013904223) >> 29];
        assert_low_alike(text);
    }
    assert_true(scan_low_of("a\r\nb\n", 4) == 6);
    assert_true(scan_low_of("\n", 0) == 0);
}

/* A class of octets, looked for in sixteen at once and one by one. */
static void assert_alike(uint64_t (*of16)(const char *p), uint64_t (*of)(const char *p, size_t n), bool (*is_one)(unsigned char c))
{
    char text[16];

    for (unsigned c = 0; c < 256; c++)
        for (size_t at = 0; at < sizeof text; at++) {
            memset(text, (int)(c + at * 7), sizeof text);
            text[at] = (char)c;
            assert_true(of16(text) == of(text, sizeof text));
            assert_int_equal(of(text + at, 1), is_one((unsigned char)c));
        }
}

static bool is_edge(unsigned char c)
{
    return c <= ' ' || strchr("\"<>\x7f", c);
}

static void octets_round_a_uri(void **state)
{
    (void)state;
    assert_alike(scan_edge16, scan_edge_of, is_edge);
    assert_true(scan_edge_of("a>", 1) == 0);
}

static bool is_plain(unsigned char c)
{
    return ascii_is_alnum((char)c) || (c && strchr("-._", c));
}

static void plain_octets_of_16(void **state)
{
    (void)state;
    assert_alike(scan_plain16, scan_plain_of, is_plain);
    assert_true(scan_plain_of("aZ09@[`{/:", 10) == 0xf);
    assert_true(scan_plain_of("a1", 0) == 0);
}

static void the_end_of_a_class(void **state)
{
    static const uint8_t class_of[256] = {['a'] = 1, ['b'] = 2, [0xe1] = 3};
    const char           text[] = "abab\xe1" "bacb";

    (void)state;
    for (size_t from = 0; from < 7; from++)
        for (size_t to = from; to < sizeof text; to++)
            assert_ptr_equal(scan_behind(text + from, text + to, class_of, 3), text + (to < 7 ? to : 7));
    assert_ptr_equal(scan_behind(text + 3, text + 9, class_of, 2), text + 6);
    assert_ptr_equal(scan_behind(NULL, NULL, class_of, 2), NULL);
}

/* As scan_behind() says, whatever stands where. */
static void the_far_end_of_a_class(void **state)
{
    static const uint8_t class_of[256] = {['a' ... 'z'] = 1, ['A' ... 'Z'] = 1, ['0' ... '9'] = 1, ['-'] = 1, ['.'] = 1, ['_'] = 1, [':'] = 1};
    char                 text[100];
    uint32_t             r = 1;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        const char *end = text + i % (sizeof text + 1);

        for (size_t k = 0; k < sizeof text; k++)
            text[k] = "aZ9-._:x0b1c2d3;"[(r = r * 1664525 + 1013904223) >> (i & 1 ? 28 : 29) & 15];
        assert_ptr_equal(scan_far_behind(text, end, class_of, 1), scan_behind(text, end, class_of, 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_fewer),
        cmocka_unit_test(the_first_is_found),
        cmocka_unit_test(letters_only_are_lowered),
        cmocka_unit_test(where_of_many_is_where_of_each),
        cmocka_unit_test(low_octets_of_64),
        cmocka_unit_test(octets_round_a_uri),
        cmocka_unit_test(plain_octets_of_16),
        cmocka_unit_test(the_end_of_a_class),
        cmocka_unit_test(the_far_end_of_a_class),
    };
    return cmocka_run_group_tests_name("base/scan", tests, NULL, NULL);
}
