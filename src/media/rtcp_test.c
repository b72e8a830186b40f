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
    .xr = {.has_time = true, .ntp = 0x1112131415161718, .has_delay = true, .delay_ssrc = 0x55667788, .lrr = 21, .dlrr = 22,
           .has_voip = true,
           .voip = {.ssrc = 0x55667788, .loss = 1, .discard = 2, .burst_density = 3, .gap_density = 4, .burst_ms = 0x506,
                    .gap_ms = 0x708, .round_trip_ms = 0x90a, .end_delay_ms = 0xb0c, .signal_dbm0 = -13, .noise_dbm0 = -70,
                    .echo_loss_db = 14, .gmin = 16, .r = 93, .external_r = RTCP_XR_UNKNOWN, .mos_lq_10 = 44, .mos_cq_10 = 43,
                    .config = RTCP_XR_ENHANCED | RTCP_XR_ADAPTIVE, .jitter_ms = 0x1112, .jitter_max_ms = 0x1314,
                    .jitter_abs_max_ms = 0x1516}},
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
    assert_false(r.xr.has_voip || r.xr.has_delay);
    assert_true(r.xr.has_time); /* that one is for all */
}

/* RFC 3611 §4.4, §4.5, §4.7: as they come off the wire, octet for octet. */
static void extended_reports_are_written_as_the_rfc_draws_them(void **state)
{
    char               block[RTCP_MAX_OCTETS];
    struct buf         b = BUF_ON(block);
    struct rtcp_report r;
    struct slice       text;

    (void)state;
    rtcp_xr_put(&b, 0x11223344, &full.xr);
    text = buf_slice(&b);
    assert_int_equal(text.n, 72);
    assert_memory_equal(text.p, "\x80\xcf\x00\x11\x11\x22\x33\x44\x04\x00\x00\x02\x11\x12\x13\x14\x15\x16\x17\x18", 20);
    assert_memory_equal(text.p + 20, "\x05\x00\x00\x03\x55\x66\x77\x88\x00\x00\x00\x15\x00\x00\x00\x16", 16);
    assert_memory_equal(text.p + 36, "\x07\x00\x00\x08\x55\x66\x77\x88\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"
                                     "\xf3\xba\x0e\x10\x5d\x7f\x2c\x2b\xb0\x00\x11\x12\x13\x14\x15\x16", 36);
    assert_int_equal(rtcp_parse(written(&b, &full), 0x55667788, &r), ERR_OK);
    assert_true(r.xr.has_time && r.xr.has_delay && r.xr.has_voip);
    assert_true(r.xr.ntp == full.xr.ntp && r.xr.lrr == 21 && r.xr.dlrr == 22);
    assert_int_equal(r.xr.voip.signal_dbm0, -13);
    assert_int_equal(r.xr.voip.mos_cq_10, 43);
    assert_int_equal(r.xr.voip.config, 0xb0);
    assert_int_equal(r.xr.voip.jitter_abs_max_ms, 0x1516);
}

static void extended_reports_of_others_and_of_other_kinds_are_passed_over(void **state)
{
    struct rtcp_xr x = {.has_time = false};

    (void)state;
    /* a loss run-length block (1), a VoIP block of another length, and a sub-block about us behind one about another */
    assert_int_equal(rtcp_xr_read(S("\x01\x00\x00\x01\x00\x00\x00\x00\x07\x00\x00\x01\x00\x00\x00\x05"
                                    "\x05\x00\x00\x06\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03"
                                    "\x00\x00\x00\x05\x00\x00\x00\x06\x00\x00\x00\x07"), 5, &x), ERR_OK);
    assert_false(x.has_voip || x.has_time);
    assert_true(x.has_delay && x.lrr == 6 && x.dlrr == 7);
    assert_int_equal(rtcp_xr_read(S("\x01\x00\x00\x02\x00\x00\x00\x00"), 5, &x), ERR_SYNTAX);
    assert_int_equal(rtcp_xr_read(S("\x01\x00\x00"), 5, &x), ERR_SYNTAX);
    assert_int_equal(x.lrr, 6); /* as it was */
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
    assert_int_equal(good, 4); /* behind SR, SDES, XR, BYE */
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
        cmocka_unit_test(extended_reports_are_written_as_the_rfc_draws_them),
        cmocka_unit_test(extended_reports_of_others_and_of_other_kinds_are_passed_over),
        cmocka_unit_test(a_receiver_that_heard_nothing_says_an_empty_report),
        cmocka_unit_test(every_length_of_cname_is_written_right),
        cmocka_unit_test(lost_is_kept_in_24_bits),
        cmocka_unit_test(cut_anywhere_it_is_refused_or_whole_packets),
        cmocka_unit_test(round_trip_is_now_less_both_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
