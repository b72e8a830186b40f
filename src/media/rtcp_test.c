/* rtcp_test.c - compound packets: RFC 3550 §6.4 to §6.6, §A.2. */
#include "media/rtcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct rtcp_report full = {
    .ssrc = 0x11223344, .is_sender = true,
    .sender = {.ntp = 0x0102030405060708, .ts = 9, .packets = 10, .octets = 1600},
    .has_block = true,
    .block = {.ssrc = 0x55667788, .fraction = 128, .lost = -3, .max_seq = 0x10002, .jitter = 7, .lsr = 11, .dlsr = 12},
    .cname = {"abcde", 5}, .bye = true,
};

static struct slice written(struct buf *b, const struct rtcp_report *r)
{
    buf_reset(b);
    rtcp_put(b, r);
    assert_int_equal(buf_err(b), ERR_OK);
    assert_int_equal(buf_slice(b).n % 4, 0);
    return buf_slice(b);
}

/* Field by field: what lies between them is anybody's. */
static void assert_same_block(const struct rtcp_block *a, const struct rtcp_block *b)
{
    assert_int_equal(a->ssrc, b->ssrc);
    assert_int_equal(a->fraction, b->fraction);
    assert_int_equal(a->lost, b->lost);
    assert_int_equal(a->max_seq, b->max_seq);
    assert_int_equal(a->jitter, b->jitter);
    assert_int_equal(a->lsr, b->lsr);
    assert_int_equal(a->dlsr, b->dlsr);
}

static void what_is_written_is_read(void **state)
{
    char               block[RTCP_MAX_OCTETS];
    struct buf         b = BUF_ON(block);
    struct rtcp_report r;

    (void)state;
    assert_int_equal(rtcp_parse(written(&b, &full), 0x55667788, &r), ERR_OK);
    assert_int_equal(r.ssrc, full.ssrc);
    assert_true(r.is_sender && r.has_block && r.bye);
    assert_true(r.sender.ntp == full.sender.ntp);
    assert_int_equal(r.sender.ts, 9);
    assert_int_equal(r.sender.octets, 1600);
    assert_same_block(&r.block, &full.block);
    assert_true(slice_eq(r.cname, S("abcde")));
    assert_int_equal(rtcp_parse(buf_slice(&b), 1, &r), ERR_OK);
    assert_false(r.has_block); /* about somebody else */
}

static void a_receiver_that_heard_nothing_says_an_empty_report(void **state)
{
    char               block[RTCP_MAX_OCTETS];
    struct buf         b = BUF_ON(block);
    struct rtcp_report r = {.ssrc = 5, .cname = S("x")};
    struct slice       text = written(&b, &r);

    (void)state;
    assert_memory_equal(text.p, "\x80\xc9\x00\x01\x00\x00\x00\x05\x81\xca\x00\x02\x00\x00\x00\x05\x01\x01x\x00", 20);
    assert_int_equal(text.n, 20);
    assert_int_equal(rtcp_parse(text, 5, &r), ERR_OK);
    assert_false(r.is_sender || r.has_block || r.bye);
}

/* An item that ends on a word needs a word of zeros more: §6.5. */
static void every_length_of_cname_is_written_right(void **state)
{
    static const char name[255] = {'n'};
    char              block[RTCP_MAX_OCTETS];
    struct buf        b = BUF_ON(block);

    (void)state;
    for (size_t n = 0; n <= sizeof name; n++) {
        struct rtcp_report r = full, back;

        r.cname = (struct slice){name, n};
        assert_int_equal(rtcp_parse(written(&b, &r), 0, &back), ERR_OK);
        assert_int_equal(back.cname.n, n);
        assert_true(back.bye);
    }
}

static void lost_is_kept_in_24_bits(void **state)
{
    char               block[RTCP_MAX_OCTETS];
    struct buf         b = BUF_ON(block);
    struct rtcp_report r = full, back;

    (void)state;
    r.block.lost = 1 << 30;
    assert_int_equal(rtcp_parse(written(&b, &r), r.block.ssrc, &back), ERR_OK);
    assert_int_equal(back.block.lost, 0x7fffff);
    r.block.lost = -(1 << 30);
    assert_int_equal(rtcp_parse(written(&b, &r), r.block.ssrc, &back), ERR_OK);
    assert_int_equal(back.block.lost, -0x800000);
}

static void cut_anywhere_it_is_refused_or_whole_packets(void **state)
{
    char               block[RTCP_MAX_OCTETS];
    struct buf         b = BUF_ON(block);
    struct rtcp_report r;
    struct slice       text = written(&b, &full);
    size_t             good = 0;

    (void)state;
    for (size_t n = 0; n <= text.n; n++) {
        char *copy = malloc(n ? n : 1);

        memcpy(copy, text.p, n);
        good += rtcp_parse((struct slice){copy, n}, 1, &r) == ERR_OK;
        free(copy);
    }
    assert_int_equal(good, 3); /* behind SR, SDES, BYE */
    assert_int_equal(rtcp_parse(S("\x81\xca\x00\x02\x00\x00\x00\x05\x01\x01x\x00"), 1, &r), ERR_SYNTAX); /* SDES first */
    assert_int_equal(rtcp_parse(S("\x82\xc9\x00\x01\x00\x00\x00\x05"), 1, &r), ERR_SYNTAX); /* two blocks, none there */
    assert_int_equal(rtcp_parse(S("\xa0\xc9\x00\x01\x00\x00\x00\xff"), 1, &r), ERR_SYNTAX); /* padding beyond */
}

static void round_trip_is_now_less_both_waits(void **state)
{
    struct rtcp_block b = {.lsr = 0};

    (void)state;
    assert_int_equal(rtcp_round_trip_us(&b, 1000), 0); /* they had no SR of ours */
    b.lsr = 0xb7052000;                                /* the RFC's own example, §6.4.1: 6.125 s */
    b.dlsr = 0x00054000;
    assert_int_equal(rtcp_round_trip_us(&b, 0xb7108000), 6125000);
    assert_int_equal(rtcp_round_trip_us(&b, 0xb7057000), 0); /* clocks that disagree */
    assert_true(rtcp_ntp(1500000) == 0x180000000);
    assert_int_equal(rtcp_ntp_middle(rtcp_ntp(1500000)), 0x18000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_receiver_that_heard_nothing_says_an_empty_report),
        cmocka_unit_test(every_length_of_cname_is_written_right),
        cmocka_unit_test(lost_is_kept_in_24_bits),
        cmocka_unit_test(cut_anywhere_it_is_refused_or_whole_packets),
        cmocka_unit_test(round_trip_is_now_less_both_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
