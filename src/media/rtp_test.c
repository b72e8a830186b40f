/* rtp_test.c - packets and their order: RFC 3550 §5.1, §A.1, §A.3, §A.8. */
#include "media/rtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void what_is_written_is_read(void **state)
{
    char       block[64];
    struct buf b = BUF_ON(block);
    struct rtp in = {.marker = true, .pt = 8, .seq = 0xfffe, .ts = 0x80000001, .ssrc = 0xdeadbeef, .payload = S("hello")};
    struct rtp out;

    (void)state;
    rtp_put(&b, &in);
    assert_int_equal(buf_slice(&b).n, 17);
    assert_memory_equal(block, "\x80\x88\xff\xfe\x80\x00\x00\x01\xde\xad\xbe\xefhello", 17);
    assert_int_equal(rtp_parse(buf_slice(&b), &out), ERR_OK);
    assert_true(out.marker);
    assert_int_equal(out.pt, 8);
    assert_int_equal(out.seq, 0xfffe);
    assert_int_equal(out.ts, 0x80000001);
    assert_int_equal(out.ssrc, 0xdeadbeef);
    assert_true(slice_eq(out.payload, S("hello")));
}

static void csrcs_extension_and_padding_are_passed_over(void **state)
{
    struct slice in = S("\xb2\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03" /* P, X, CC 2 */
                        "AAAABBBB"
                        "\xbe\xde\x00\x01XXXX"
                        "sound\x00\x00\x03");
    struct rtp   out;

    (void)state;
    assert_int_equal(rtp_parse(in, &out), ERR_OK);
    assert_true(slice_eq(out.payload, S("sound")));
    assert_false(out.marker);
}

/* Every prefix of a packet with everything in it, in a block of exactly its size (AddressSanitizer sees a read past it). */
static void broken_packets_are_refused(void **state)
{
    static const char whole[] = "\xb2\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03"
                                "AAAABBBB\xbe\xde\x00\x01XXXXs\x02";
    struct rtp out;

    (void)state;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        char *copy = malloc(n ? n : 1);

        memcpy(copy, whole, n);
        if (n < 28)
            assert_int_equal(rtp_parse((struct slice){copy, n}, &out), ERR_SYNTAX);
        free(copy);
    }
    assert_int_equal(rtp_parse(slice_to((struct slice){whole, sizeof whole - 1}, 30), &out), ERR_OK);
    assert_int_equal(out.payload.n, 0);
    assert_int_equal(rtp_parse(S("\x40\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03"), &out), ERR_SYNTAX);
    assert_int_equal(rtp_parse(S("\xa0\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x05"), &out), ERR_SYNTAX);
    assert_true(rtp_is_rtcp(S("\x80\xc8")));
    assert_false(rtp_is_rtcp(S("\x80\x88")));
}

static uint32_t count(struct rtp_source *s, uint16_t seq, enum err want)
{
    uint32_t extended = 0;

    assert_int_equal(rtp_source_count(s, seq, &extended), want);
    return extended;
}

static void numbers_wrap_and_loss_is_counted(void **state)
{
    struct rtp_source s = {0};
    uint32_t          first = count(&s, 65533, ERR_OK);

    (void)state;
    assert_int_equal(count(&s, 65534, ERR_OK), first + 1);
    assert_int_equal(count(&s, 1, ERR_OK), first + 4);     /* 65535 and 0 are missing */
    assert_int_equal(rtp_source_expected(&s), 5);
    assert_int_equal(rtp_source_lost(&s), 2);
    assert_int_equal(count(&s, 65535, ERR_OK), first + 2); /* late */
    assert_int_equal(rtp_source_lost(&s), 1);
    assert_int_equal(rtp_source_fraction(&s), 256 / 5);
    count(&s, 2, ERR_OK);
    assert_int_equal(rtp_source_fraction(&s), 0);
    count(&s, 2, ERR_OK); /* twice: counts as received, as §A.3 has it */
    assert_int_equal(rtp_source_lost(&s), 0);
}

static void a_late_packet_from_before_the_first_has_a_number(void **state)
{
    struct rtp_source s = {0};
    uint32_t          first = count(&s, 0, ERR_OK);

    (void)state;
    assert_int_equal(count(&s, 65535, ERR_OK), first - 1);
}

static void a_stray_packet_is_dropped_and_a_new_begin_is_seen(void **state)
{
    struct rtp_source s = {0};

    (void)state;
    count(&s, 100, ERR_OK);
    count(&s, 30000, ERR_STALE);
    count(&s, 101, ERR_OK);
    count(&s, 30001, ERR_STALE); /* not in a row with 30000 any more */
    count(&s, 30002, ERR_EXISTS);
    assert_int_equal(rtp_source_expected(&s), 1);
    count(&s, 30003, ERR_OK);
    assert_int_equal(rtp_source_lost(&s), 0);
}

static void jitter_follows_the_rfc(void **state)
{
    struct rtp_source s = {0};
    double            j = 0;

    (void)state;
    rtp_source_time(&s, 0xffffff60, 1000);
    for (uint32_t i = 0; i < 200; i++) { /* every second packet 5 ms late: |D| is 40 units */
        rtp_source_time(&s, 160 * i, 1160 + 160 * i + (i % 2 ? 0u : 40u));
        j += (40 - j) / 16;
    }
    assert_true(s.jitter_16 / 16 >= (uint32_t)j - 1 && s.jitter_16 / 16 <= (uint32_t)j + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(csrcs_extension_and_padding_are_passed_over),
        cmocka_unit_test(broken_packets_are_refused),
        cmocka_unit_test(numbers_wrap_and_loss_is_counted),
        cmocka_unit_test(a_late_packet_from_before_the_first_has_a_number),
        cmocka_unit_test(a_stray_packet_is_dropped_and_a_new_begin_is_seen),
        cmocka_unit_test(jitter_follows_the_rfc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
