/* vq_test.c - voice quality reports: read as phones write them, written and read back. */
#include "vq/vq_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_slice(struct slice is, const char *expected)
{
    if (!slice_eq(is, slice_z(expected)))
        fail_msg("is '%.*s', expected '%s'", SARG(is), expected);
}

static struct vq_report report_of(const char *text)
{
    struct vq_report r;

    assert_int_equal(vq_read(slice_z(text), &r), ERR_OK);
    return r;
}

/* As a desk phone has it: a mode behind the kind, folded lines, quoted values, fields of its own. */
static const char desk_phone[] =
    "VQSessionReport : CallTerm\r\nCallID: 12345@192.0.2.10\r\nLocalID: \"Anna: desk\" <sip:1001@pbx.example>\r\n"
    "RemoteID: <sip:1002@pbx.example>\r\nOrigID: <sip:1001@pbx.example>\r\nLocalGroup: sales\r\n"
    "LocalAddr: IP=192.0.2.10 PORT=11780 SSRC=0x1a3b5c7d\r\nLocalMAC: 00:11:22:33:44:55\r\n"
    "RemoteAddr: IP=192.0.2.20 PORT=11782 SSRC=2468abcd\r\n"
    "LocalMetrics:\r\nTimestamps: START=2026-01-31T09:30:05Z STOP=2026-01-31T09:31:05.250Z\r\n"
    "SessionDesc: PT=8 PD=PCMA SR=8000 FD=20 FPP=1 PPS=50\r\n   FMTP=\"a=b c;d\" PLC=3 SSUP=on\r\n"
    "JitterBuffer: JBA=3 JBR=2 JBN=40 JBM=80 JBX=120\r\nPacketLoss: NLR=5.0 JDR=2.25\r\n"
    "BurstGapLoss: BLD=0 BD=0 GLD=2.5 GD=500 GMIN=16\r\nDelay: RTD=200 ESD=140 IAJ=2 MAJ=10\r\n"
    "Signal: SL=2 NL=10 RERL=14\r\nQualityEst: RLQ=90 RCQ=85 EXTRI=90 MOSLQ=3.4 MOSCQ=3.35 QoEEstAlg=P.564\r\n"
    "RemoteMetrics:\r\nPacketLoss: NLR=0.4 JDR=0\r\nQualityEst: MOSLQ=0 MOSCQ=127\r\n"
    "X-Own: 1=2\r\nDialogID: 12345@192.0.2.10;to-tag=8472761; from-tag=9123dh311\r\n";

static void a_desk_phones_report_is_read(void **state)
{
    struct vq_report r = report_of(desk_phone);

    (void)state;
    assert_int_equal(r.kind, VQ_SESSION);
    assert_slice(r.call_id, "12345@192.0.2.10");
    assert_slice(r.local.id, "\"Anna: desk\" <sip:1001@pbx.example>");
    assert_slice(r.orig_id, "<sip:1001@pbx.example>");
    assert_slice(r.from_tag, "9123dh311");
    assert_slice(r.to_tag, "8472761");
    assert_int_equal(r.local.rtp.port, 11780);
    assert_int_equal(r.local.ssrc, 0x1a3b5c7d);
    assert_int_equal(r.remote.ssrc, 0x2468abcd);
    assert_true(r.here.given && r.there.given);
    assert_true(r.here.start_ms == 1769851805000);
    assert_true(r.here.stop_ms == 1769851865000);
    assert_slice(r.here.codec, "PCMA");
    assert_int_equal(r.here.loss, 500);
    assert_int_equal(r.here.discard, 225);
    assert_int_equal(r.here.gap, 250);
    assert_int_equal(r.here.jitter_ms_max, 80);
    assert_int_equal(r.here.round_trip_ms, 200);
    assert_int_equal(r.here.jitter_ms, 2);
    assert_int_equal(r.here.mos_lq, 340);
    assert_int_equal(r.here.mos_cq, 335);
    assert_int_equal(r.here.r_cq, 85);
}

static void what_is_not_measured_is_unknown(void **state)
{
    struct vq_report r = report_of(desk_phone);

    (void)state;
    assert_int_equal(r.there.loss, 40);
    assert_int_equal(r.there.discard, 0);
    assert_int_equal(r.there.mos_lq, VQ_UNKNOWN); /* 0 */
    assert_int_equal(r.there.mos_cq, VQ_UNKNOWN); /* over the scale */
    assert_int_equal(r.there.round_trip_ms, VQ_UNKNOWN);
    r = report_of("VQIntervalReport\nCallID:1\nLocalMetrics:\nPacketLoss:NLR=x JDR=-1\nDelay:RTD=99999999999\nNLR=7:\n");
    assert_int_equal(r.kind, VQ_INTERVAL);
    assert_int_equal(r.here.loss, VQ_UNKNOWN);
    assert_int_equal(r.here.discard, VQ_UNKNOWN);
    assert_int_equal(r.here.round_trip_ms, VQ_UNKNOWN);
    assert_false(r.there.given);
}

static void what_is_no_report_is_refused(void **state)
{
    static const char *const wrong[] = {"", "\r\n", "VQReport\r\nCallID:1\r\n", "VQSessionReport\r\n", "VQSessionReport\r\nCallID:\r\n",
                                        "VQSessionReport\r\nCallID:1\r\nnonsense\r\n", "CallID:1\r\nVQSessionReport\r\n"};
    char             many[4 * (VQ_MAX_LINES + 2)] = "VQAlertReport\nCallID:1\n", big[VQ_MAX_OCTETS + 1];
    struct vq_report r;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(vq_read(slice_z(wrong[i]), &r), ERR_SYNTAX);
    assert_int_equal(vq_read(slice_z(many), &r), ERR_OK);
    for (size_t i = 0; i < VQ_MAX_LINES; i++)
        memcpy(many + strlen(many), "a:\n", 4);
    assert_int_equal(vq_read(slice_z(many), &r), ERR_LIMIT);
    memset(big, 'a', sizeof big);
    assert_int_equal(vq_read((struct slice){big, sizeof big}, &r), ERR_LIMIT);
}

static void what_is_written_is_read(void **state)
{
    char             room[2048], again[2048];
    struct buf       b = BUF_ON(room), c = BUF_ON(again);
    struct vq_report r = report_of(desk_phone), back;

    (void)state;
    vq_put(&b, &r);
    assert_int_equal(buf_err(&b), ERR_OK);
    assert_int_equal(vq_read(buf_slice(&b), &back), ERR_OK);
    for (size_t i = 0; i < vq_n_fields; i++) {
        assert_int_equal(*vq_figure(&back.here, &vq_fields[i]), *vq_figure(&r.here, &vq_fields[i]));
        assert_int_equal(*vq_figure(&back.there, &vq_fields[i]), *vq_figure(&r.there, &vq_fields[i]));
    }
    assert_true(back.here.start_ms == r.here.start_ms && slice_eq(back.to_tag, r.to_tag));
    assert_true(addr_eq(&back.remote.rtp, &r.remote.rtp) && back.remote.ssrc == r.remote.ssrc);
    vq_put(&c, &back);
    assert_true(slice_eq(buf_slice(&b), buf_slice(&c)));
    assert_true(slice_find_slice(buf_slice(&b), S("\r\nPacketLoss:NLR=5.00 JDR=2.25\r\n")) != SIZE_MAX);
    assert_true(slice_find_slice(buf_slice(&b), S("\r\nBurstGapLoss:BLD=0.00 BD=0 GLD=2.50 GD=500 GMIN=16\r\n")) != SIZE_MAX);
}

/* Each day of four centuries, so every kind of leap year. */
static void dates_go_there_and_back(void **state)
{
    (void)state;
    for (int64_t day = 1; day < 146097; day++) {
        char       room[VQ_TIME_OCTETS + 4];
        struct buf b = BUF_ON(room);
        int64_t    ms = (day * 86400 + day % 86400) * 1000;

        vq_put_time(&b, ms);
        if (vq_read_time(buf_slice(&b)) != ms)
            fail_msg("day %d is written %.*s", (int)day, SARG(buf_slice(&b)));
    }
    assert_true(vq_read_time(S("2024-02-29T00:00:00Z")) == 1709164800000);
    assert_true(vq_read_time(S("2024-02-29 00:00:00Z")) == 0);
    assert_true(vq_read_time(S("2024-13-29T00:00:00Z")) == 0);
    assert_true(vq_read_time(S("2024-02-29T00:00")) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_desk_phones_report_is_read),
        cmocka_unit_test(what_is_not_measured_is_unknown),
        cmocka_unit_test(what_is_no_report_is_refused),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(dates_go_there_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
