/* slice_test.c - cutting, comparing, finding, and numbers at their limits. */
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_slice(struct slice got, const char *want)
{
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.n ? got.p : "", want, got.n);
}

static void equal_and_ordered(void **state)
{
    (void)state;
    assert_true(slice_eq(SLICE_NONE, S("")));
    assert_true(slice_eq(S("abc"), S("abc")));
    assert_false(slice_eq(S("abc"), S("abd")));
    assert_false(slice_eq(S("abc"), S("ab")));
    assert_true(slice_ieq(S("AbC-z"), S("aBc-Z")));
    assert_false(slice_ieq(S("a@"), S("a`"))); /* only letters have a case: these differ by 32 too */
    assert_false(slice_ieq(S("\xc4"), S("\xe4")));
    assert_true(slice_ieq(SLICE_NONE, SLICE_NONE));
    assert_true(slice_cmp(S("a"), S("b")) < 0);
    assert_true(slice_cmp(S("ab"), S("a")) > 0);
    assert_true(slice_cmp(S("\x80"), S("a")) > 0); /* octets, not signed chars */
    assert_int_equal(slice_cmp(SLICE_NONE, SLICE_NONE), 0);
    assert_true(slice_cmp(SLICE_NONE, S("a")) < 0);
}

/* Octets are compared eight and four at a time: with any two of them, in any place, of any length, that is what one at a time is. */
static void case_is_ignored_for_letters_only(void **state)
{
    char a[20], b[20];

    (void)state;
    for (size_t n = 1; n <= sizeof a; n++)
        for (size_t at = 0; at < n; at++)
            for (unsigned x = 0; x < 256; x++)
                for (unsigned y = x & 0x1f; y < 256; y += 0x20) { /* those that a sloppy trick takes for one letter */
                    memset(a, '{', sizeof a);
                    memset(b, '{', sizeof b);
                    a[at] = (char)x;
                    b[at] = (char)y;
                    assert_int_equal(slice_ieq((struct slice){a, n}, (struct slice){b, n}), ascii_lower((char)x) == ascii_lower((char)y));
                    assert_int_equal(slice_istarts((struct slice){a, n}, (struct slice){b, n}),
                                     slice_ieq((struct slice){a, n}, (struct slice){b, n}));
                }
}

static void prefixes_and_endings(void **state)
{
    (void)state;
    assert_true(slice_starts(S("sip:x"), S("sip:")));
    assert_true(slice_starts(S("x"), SLICE_NONE));
    assert_false(slice_starts(S("si"), S("sip")));
    assert_true(slice_istarts(S("SIP:x"), S("sip:")));
    assert_false(slice_istarts(S("SI"), S("sip")));
    assert_true(slice_ends(S("a.b"), S(".b")));
    assert_false(slice_ends(S("b"), S(".b")));
    assert_true(slice_ends(SLICE_NONE, SLICE_NONE));
}

static void parts_are_clamped(void **state)
{
    (void)state;
    assert_slice(slice_from(S("hello"), 2), "llo");
    assert_slice(slice_from(S("hello"), 5), "");
    assert_slice(slice_from(S("hello"), SIZE_MAX), "");
    assert_slice(slice_from(SLICE_NONE, 3), "");
    assert_slice(slice_to(S("hello"), 2), "he");
    assert_slice(slice_to(S("hello"), SIZE_MAX), "hello");
    assert_slice(slice_trim(S(" \t\r\n a b \r\n")), "a b");
    assert_slice(slice_trim(S(" \t")), "");
    assert_slice(slice_trim(SLICE_NONE), "");
    {
        const char *z = "abc";

        assert_slice(slice_between(z + 1, z + 3), "bc");
        assert_slice(slice_between(z + 3, z + 1), "");
    }
    assert_slice(slice_z(NULL), "");
    assert_slice(slice_z("x"), "x");
}

static void put(char *to, struct slice s)
{
    memcpy(to, s.p, s.n);
}

static void finding(void **state)
{
    (void)state;
    assert_int_equal(slice_find(S("a:b:c"), ':'), 1);
    assert_int_equal(slice_find_last(S("a:b:c"), ':'), 3);
    assert_true(slice_find(S("abc"), ':') == SIZE_MAX);
    assert_true(slice_find(SLICE_NONE, ':') == SIZE_MAX);
    assert_true(slice_find_last(SLICE_NONE, ':') == SIZE_MAX);
    assert_int_equal(slice_find(S("a\0b"), '\0'), 1);
    assert_int_equal(slice_find_slice(S("aaab"), S("aab")), 1);
    assert_int_equal(slice_find_slice(S("abcabd"), S("abd")), 3);
    assert_int_equal(slice_find_slice(S("abc"), S("abc")), 0);
    assert_int_equal(slice_find_slice(S("abc"), SLICE_NONE), 0);
    assert_true(slice_find_slice(S("ab"), S("abc")) == SIZE_MAX);
    assert_true(slice_find_slice(S("ababab"), S("abc")) == SIZE_MAX);
    assert_true(slice_find_slice(SLICE_NONE, S("a")) == SIZE_MAX);
    for (size_t n = 3; n <= 80; n++) /* in texts of any length, wherever it stands, behind what only looks like it */
        for (size_t at = 0; at + 3 <= n; at++) {
            char text[80];

            memset(text, 'x', sizeof text);
            for (size_t i = 0; i + 3 <= at; i += 3)
                put(text + i, S("a-c"));
            put(text + at, S("abc"));
            assert_int_equal(slice_find_slice((struct slice){text, n}, S("abc")), at);
            assert_true(slice_find_slice((struct slice){text, at + 2}, S("abc")) == SIZE_MAX);
            assert_true(slice_find_slice((struct slice){text, n}, S("aBc")) == SIZE_MAX);
            assert_int_equal(slice_ifind_slice((struct slice){text, n}, S("aBC")), at);
            assert_true(slice_ifind_slice((struct slice){text, at + 2}, S("aBC")) == SIZE_MAX);
        }
    assert_int_equal(slice_find_any(S("abc;d,e"), S(",;")), 3);
    assert_true(slice_find_any(S("abc"), S(",;")) == SIZE_MAX);
    assert_true(slice_find_any(S("abc"), SLICE_NONE) == SIZE_MAX);
}

static void cutting(void **state)
{
    struct slice s = S("a,b,,c"), head;

    (void)state;
    assert_true(slice_cut(&s, ',', &head));
    assert_slice(head, "a");
    assert_true(slice_cut(&s, ',', &head));
    assert_slice(head, "b");
    assert_true(slice_cut(&s, ',', &head));
    assert_slice(head, "");
    assert_false(slice_cut(&s, ',', &head));
    assert_slice(head, "c");
    assert_slice(s, "");
    assert_false(slice_cut(&s, ',', &head));
    assert_slice(head, "");
}

static void lines(void **state)
{
    struct slice s = S("one\r\ntwo\n\r\nlast"), line;

    (void)state;
    assert_true(slice_line(&s, &line));
    assert_slice(line, "one");
    assert_true(slice_line(&s, &line));
    assert_slice(line, "two");
    assert_true(slice_line(&s, &line));
    assert_slice(line, "");
    assert_true(slice_line(&s, &line));
    assert_slice(line, "last");
    assert_false(slice_line(&s, &line));
}

static void numbers_at_their_limits(void **state)
{
    uint64_t v = 7;
    uint32_t w = 7;
    uint16_t h = 7;

    (void)state;
    assert_int_equal(slice_u64(S("18446744073709551615"), UINT64_MAX, &v), ERR_OK);
    assert_true(v == UINT64_MAX);
    assert_int_equal(slice_u64(S("000000000000000000000000000042"), 42, &v), ERR_OK);
    assert_int_equal(v, 42);
    assert_int_equal(slice_u64(S("18446744073709551616"), UINT64_MAX, &v), ERR_LIMIT);
    assert_int_equal(slice_u64(S("18446744073709551620"), UINT64_MAX, &v), ERR_LIMIT);
    assert_int_equal(slice_u64(S("99999999999999999999999"), UINT64_MAX, &v), ERR_LIMIT);
    assert_int_equal(slice_u64(S("43"), 42, &v), ERR_LIMIT);
    assert_int_equal(slice_u64(SLICE_NONE, 1, &v), ERR_SYNTAX);
    assert_int_equal(slice_u64(S("-1"), 1, &v), ERR_SYNTAX);
    assert_int_equal(slice_u64(S("+1"), 1, &v), ERR_SYNTAX);
    assert_int_equal(slice_u64(S("1 "), 1, &v), ERR_SYNTAX);
    assert_int_equal(slice_u64(S("99999999999999999999999x"), 1, &v), ERR_SYNTAX); /* what it is comes before how large */
    assert_int_equal(v, 42);
    assert_int_equal(slice_u32(S("4294967295"), &w), ERR_OK);
    assert_int_equal(slice_u32(S("4294967296"), &w), ERR_LIMIT);
    assert_true(w == UINT32_MAX);
    assert_int_equal(slice_u16(S("65535"), &h), ERR_OK);
    assert_int_equal(slice_u16(S("65536"), &h), ERR_LIMIT);
    assert_int_equal(h, 65535);
    assert_int_equal(slice_hex64(S("FFFFffffFFFFffff"), &v), ERR_OK);
    assert_true(v == UINT64_MAX);
    assert_int_equal(slice_hex64(S("10000000000000000"), &v), ERR_LIMIT);
    assert_int_equal(slice_hex64(S("0x1"), &v), ERR_SYNTAX);
    assert_int_equal(slice_hex64(SLICE_NONE, &v), ERR_SYNTAX);
}

static void single_characters(void **state)
{
    (void)state;
    for (int c = -128; c < 128; c++) {
        bool digit = c >= '0' && c <= '9';
        bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        assert_int_equal(ascii_is_digit((char)c), digit);
        assert_int_equal(ascii_is_alpha((char)c), alpha);
        assert_int_equal(ascii_is_alnum((char)c), alpha || digit);
        assert_int_equal(ascii_lower((char)c), c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    assert_int_equal(hex_value('0'), 0);
    assert_int_equal(hex_value('a'), 10);
    assert_int_equal(hex_value('F'), 15);
    assert_int_equal(hex_value('g'), -1);
    assert_int_equal(hex_value('@'), -1);
}

static void every_error_has_a_text(void **state)
{
    (void)state;
    for (int e = 0; e < ERR_N; e++)
        assert_non_null(err_text((enum err)e));
    assert_string_equal(err_text(ERR_N), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_and_ordered),       cmocka_unit_test(prefixes_and_endings),
        cmocka_unit_test(parts_are_clamped),       cmocka_unit_test(finding),
        cmocka_unit_test(case_is_ignored_for_letters_only),
        cmocka_unit_test(cutting),                 cmocka_unit_test(lines),
        cmocka_unit_test(numbers_at_their_limits), cmocka_unit_test(single_characters),
        cmocka_unit_test(every_error_has_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
