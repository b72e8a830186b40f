/* buf_test.c - writing with every write checked, and the encodings. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_buf(const struct buf *b, const char *want)
{
    struct slice got = buf_slice(b);

    assert_int_equal(buf_err(b), ERR_OK);
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.n ? got.p : "", want, got.n);
}

static void pieces_and_numbers(void **state)
{
    char       octets[200];
    struct buf b = BUF_ON(octets);

    (void)state;
    buf_puts(&b, S("a"), SLICE_NONE, S("bc"));
    buf_putc(&b, ' ');
    buf_putu(&b, 0);
    buf_putc(&b, ' ');
    buf_putu(&b, UINT64_MAX);
    buf_putc(&b, ' ');
    buf_putu_wide(&b, 7, 3);
    buf_putu_wide(&b, 1234, 3);
    buf_putc(&b, ' ');
    buf_putu_wide(&b, 5, 99); /* no wider than 20 */
    assert_buf(&b, "abc 0 18446744073709551615 0071234 00000000000000000005");
    buf_reset(&b);
    buf_puthex(&b, S("\x00\xfe\x7f"));
    buf_putc(&b, ' ');
    buf_puthex64(&b, 0);
    buf_putc(&b, ' ');
    buf_puthex64(&b, UINT64_MAX);
    buf_putc(&b, ' ');
    buf_put_lower(&b, S("AbZ@[\xc4"));
    assert_buf(&b, "00fe7f 0 ffffffffffffffff abz@[\xc4");
    buf_reset(&b);
    buf_put_escaped(&b, S("a \"b\"\\\r\n\x7f\xff"));
    assert_buf(&b, "a \\x22b\\x22\\x5c\\x0d\\x0a\\x7f\\xff");
}

/* Each length is copied in a way of its own; what does not fit leaves nothing behind. */
static void pieces_of_each_length(void **state)
{
    char       text[160], octets[2 * sizeof text];
    struct buf b;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)i;
    for (size_t n = 0; n <= 80; n++) {
        memset(octets, 'x', sizeof octets);
        buf_init(&b, octets, 2 * n + 1);
        buf_puts(&b, (struct slice){text, n}, S("-"), (struct slice){text + n, n});
        assert_int_equal(buf_err(&b), ERR_OK);
        assert_memory_equal(octets, text, n);
        assert_int_equal(octets[n], '-');
        assert_memory_equal(octets + n + 1, text + n, n);
        assert_int_equal(octets[2 * n + 1], 'x');
        buf_init(&b, octets, 2 * n);
        buf_puts(&b, (struct slice){text, n}, S("-"), (struct slice){text + n, n});
        assert_int_equal(buf_err(&b), ERR_LIMIT);
        assert_int_equal(b.n, 0);
    }
    buf_init(&b, NULL, 0);
    buf_puts(&b, SLICE_NONE, S(""));
    assert_int_equal(buf_err(&b), ERR_OK);
}

/* Octets as digits, and small letters, against the C library's: both go several at a time. */
static void octets_of_each_length(void **state)
{
    char          octets[32], want[32];
    unsigned char text[13];
    struct buf    b;

    (void)state;
    for (unsigned v = 0; v < 256; v++)
        for (size_t n = 1; n < sizeof text; n++) {
            for (size_t i = 0; i < n; i++) {
                text[i] = (unsigned char)(v + 31 * i);
                snprintf(want + 2 * i, 3, "%02x", text[i]);
            }
            buf_init(&b, octets, 2 * n);
            buf_puthex(&b, (struct slice){(const char *)text, n});
            assert_buf(&b, want);
            buf_init(&b, octets, n);
            buf_put_lower(&b, (struct slice){(const char *)text, n});
            assert_int_equal(b.n, n);
            for (size_t i = 0; i < n; i++)
                assert_int_equal((unsigned char)octets[i], text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
        }
}

static void hex_of_each_length(void **state)
{
    char       octets[32], want[32];
    struct buf b = BUF_ON(octets);

    (void)state;
    for (uint64_t v = 0xfedcba9876543210u; v; v >>= 3) {
        snprintf(want, sizeof want, "%llx", (unsigned long long)v);
        buf_reset(&b);
        buf_puthex64(&b, v);
        assert_buf(&b, want);
    }
}

static void assert_number(uint64_t v)
{
    char       octets[32], want[32];
    struct buf b = BUF_ON(octets);

    snprintf(want, sizeof want, "%llu", (unsigned long long)v);
    buf_putu(&b, v);
    assert_buf(&b, want);
}

static void numbers_of_each_length(void **state)
{
    (void)state;
    for (uint64_t v = 0; v < 12000; v++)
        assert_number(v);
    for (uint64_t ten = 10000; ten <= UINT64_MAX / 10; ten *= 10) {
        assert_number(ten - 1);
        assert_number(ten);
        assert_number(ten * 9 + 8);
    }
}

static void half_a_message_never_leaves(void **state)
{
    char       octets[5];
    struct buf b = BUF_ON(octets);

    (void)state;
    buf_put(&b, S("1234"));
    assert_int_equal(buf_room(&b), 1);
    buf_put(&b, S("56"));
    assert_int_equal(buf_err(&b), ERR_LIMIT);
    assert_int_equal(buf_slice(&b).n, 0);
    assert_int_equal(buf_room(&b), 0);
    buf_putc(&b, '5'); /* would fit, but what it follows did not */
    assert_int_equal(buf_slice(&b).n, 0);
    buf_put_lower(&b, S("X"));
    buf_put(&b, SLICE_NONE);
    assert_int_equal(buf_err(&b), ERR_LIMIT);
    buf_reset(&b);
    buf_put(&b, S("12345"));
    assert_buf(&b, "12345");
    buf_put(&b, SLICE_NONE);
    assert_buf(&b, "12345");
    buf_init(&b, octets, 2);
    buf_put_lower(&b, S("ABC"));
    assert_int_equal(buf_err(&b), ERR_LIMIT);
}

/* RFC 4648 §10, and what differs between the two alphabets. */
static void base64_there_and_back(void **state)
{
    static const struct {
        const char *plain, *standard, *url;
    } rows[] = {{"", "", ""},
                {"f", "Zg==", "Zg"},
                {"fo", "Zm8=", "Zm8"},
                {"foo", "Zm9v", "Zm9v"},
                {"foob", "Zm9vYg==", "Zm9vYg"},
                {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                {"\xfb\xff\xbf", "+/+/", "-_-_"}};
    char       octets[64];
    struct buf b = BUF_ON(octets);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_reset(&b);
        buf_put_base64(&b, slice_z(rows[i].plain));
        assert_buf(&b, rows[i].standard);
        buf_reset(&b);
        buf_put_base64url(&b, slice_z(rows[i].plain));
        assert_buf(&b, rows[i].url);
        buf_reset(&b);
        assert_int_equal(buf_put_unbase64(&b, slice_z(rows[i].standard)), ERR_OK);
        assert_buf(&b, rows[i].plain);
        buf_reset(&b);
        assert_int_equal(buf_put_unbase64(&b, slice_z(rows[i].url)), ERR_OK);
        assert_buf(&b, rows[i].plain);
    }
}

/* All the letters, both ways, and no other octet is one. */
static void each_letter_of_base64(void **state)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char              octets[64], text[100], one[] = "AAAA";
    struct buf        b = BUF_ON(octets), t = BUF_ON(text);
    unsigned          good = 0;

    (void)state;
    assert_int_equal(buf_put_unbase64(&b, slice_z(letters)), ERR_OK);
    buf_put_base64(&t, buf_slice(&b));
    assert_buf(&t, letters);
    for (unsigned c = 0; c < 256; c++) {
        one[1] = (char)c;
        buf_reset(&b);
        good += buf_put_unbase64(&b, (struct slice){one, 4}) == ERR_OK;
    }
    assert_int_equal(good, 64 + 2);
}

static void bad_base64(void **state)
{
    char       octets[4];
    struct buf b = BUF_ON(octets);

    (void)state;
    assert_int_equal(buf_put_unbase64(&b, S("Zm9v!")), ERR_SYNTAX);
    assert_int_equal(buf_put_unbase64(&b, S("Z")), ERR_SYNTAX);
    assert_int_equal(buf_put_unbase64(&b, S("Zg=g")), ERR_SYNTAX);
    assert_int_equal(buf_put_unbase64(&b, S("Zm 9")), ERR_SYNTAX);
    buf_reset(&b);
    assert_int_equal(buf_put_unbase64(&b, S("Zm9vYmE=")), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_and_numbers),
        cmocka_unit_test(pieces_of_each_length),
        cmocka_unit_test(hex_of_each_length),
        cmocka_unit_test(octets_of_each_length),
        cmocka_unit_test(numbers_of_each_length),
        cmocka_unit_test(half_a_message_never_leaves),
        cmocka_unit_test(base64_there_and_back),
        cmocka_unit_test(each_letter_of_base64),
        cmocka_unit_test(bad_base64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
