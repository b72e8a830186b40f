/* scalars_test.c - numbers and dates of header fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sip/msg/msg_walk.h"

#define assert_slice(got, want) assert_true(slice_eq((got), S(want)))

static char block[32768];

/* A request with these rows. */
static struct msg *with(const char *rows)
{
    static char octets[4096];
    struct buf  b = BUF_ON(octets);
    struct msg *m;

    buf_puts(&b, S("NOTIFY sip:a SIP/2.0\r\n"), slice_z(rows), S("\r\n"));
    m = walk_parse(buf_slice(&b), block, sizeof block);
    assert_non_null(m);
    return m;
}

static void cseq(void **state)
{
    struct cseq c;

    (void)state;
    assert_int_equal(msg_cseq(with("cseq: 0009\r\n  INVITE\r\n"), &c), ERR_OK);
    assert_int_equal(c.number, 9);
    assert_int_equal(c.method_id, METHOD_INVITE);
    assert_int_equal(msg_cseq(with("CSeq: 4294967295 !odd\r\n"), &c), ERR_OK);
    assert_int_equal(c.number, UINT32_MAX);
    assert_slice(c.method, "!odd");
    assert_int_equal(msg_cseq(with("CSeq: 4294967296 INVITE\r\n"), &c), ERR_LIMIT);
    assert_int_equal(msg_cseq(with("CSeq: 36893488147419103232 INVITE\r\n"), &c), ERR_LIMIT);
    assert_int_equal(msg_cseq(with("CSeq: -1 INVITE\r\n"), &c), ERR_SYNTAX);
    assert_int_equal(msg_cseq(with("CSeq: 1INVITE\r\n"), &c), ERR_SYNTAX);
    assert_int_equal(msg_cseq(with("CSeq: 1\r\n"), &c), ERR_SYNTAX);
    assert_int_equal(msg_cseq(with("CSeq: 1 INVITE x\r\n"), &c), ERR_SYNTAX);
    assert_int_equal(msg_cseq(with("CSeq:\r\n"), &c), ERR_SYNTAX);
    assert_int_equal(msg_cseq(with(""), &c), ERR_NOTFOUND);
    assert_int_equal(c.number, UINT32_MAX);
}

static void max_forwards(void **state)
{
    unsigned n = 77;

    (void)state;
    assert_int_equal(msg_max_forwards(with("MaX-fOrWaRdS: 0068\r\n"), &n), ERR_OK);
    assert_int_equal(n, 68);
    assert_int_equal(msg_max_forwards(with("Max-Forwards: 255\r\n"), &n), ERR_OK);
    assert_int_equal(msg_max_forwards(with("Max-Forwards: 256\r\n"), &n), ERR_LIMIT);
    assert_int_equal(msg_max_forwards(with("Max-Forwards: 7x\r\n"), &n), ERR_SYNTAX);
    assert_int_equal(msg_max_forwards(with(""), &n), ERR_NOTFOUND);
    assert_int_equal(n, 255);
    assert_int_equal(msg_max_breadth(with("Max-Breadth: 60\r\n"), &n), ERR_OK);
    assert_int_equal(n, 60);
    assert_int_equal(msg_max_breadth(with("Max-Breadth: 1000000\r\n"), &n), ERR_OK);
    assert_int_equal(n, 65535);
}

static void seconds_saturate(void **state)
{
    uint32_t n = 77;

    (void)state;
    assert_int_equal(msg_expires(with("Expires: 3600\r\n"), &n), ERR_OK);
    assert_int_equal(n, 3600);
    assert_int_equal(msg_expires(with("Expires: 10000000000000000000000000000000000\r\n"), &n), ERR_OK);
    assert_int_equal(n, UINT32_MAX);
    assert_int_equal(msg_expires(with("Expires: Thu, 01 Dec 1994 16:00:00 GMT\r\n"), &n), ERR_SYNTAX);
    assert_int_equal(msg_expires(with("Expires: 3600;x\r\n"), &n), ERR_SYNTAX);
    assert_int_equal(msg_min_expires(with("Min-Expires: 60\r\n"), &n), ERR_OK);
    assert_int_equal(n, 60);
    assert_int_equal(msg_flow_timer(with("Flow-Timer: 120\r\n"), &n), ERR_OK);
    assert_int_equal(n, 120);
    assert_int_equal(msg_flow_timer(with(""), &n), ERR_NOTFOUND);
}

static void reliable_provisional(void **state)
{
    struct rack r;
    uint32_t    n;

    (void)state;
    assert_int_equal(msg_rseq(with("RSeq: 988789\r\n"), &n), ERR_OK);
    assert_int_equal(n, 988789);
    assert_int_equal(msg_rseq(with("RSeq: 0\r\n"), &n), ERR_INVALID);
    assert_int_equal(msg_rseq(with("RSeq: 4294967296\r\n"), &n), ERR_LIMIT);
    assert_int_equal(msg_rack(with("RAck: 776656 1 INVITE\r\n"), &r), ERR_OK);
    assert_int_equal(r.rseq, 776656);
    assert_int_equal(r.cseq.number, 1);
    assert_int_equal(r.cseq.method_id, METHOD_INVITE);
    assert_int_equal(msg_rack(with("RAck: 776656 1\r\n"), &r), ERR_SYNTAX);
    assert_int_equal(msg_rack(with("RAck: 776656\r\n"), &r), ERR_SYNTAX);
    assert_int_equal(msg_rack(with(""), &r), ERR_NOTFOUND);
}

static void retry_after(void **state)
{
    struct retry_after r;

    (void)state;
    assert_int_equal(msg_retry_after(with("Retry-After: 18000;duration=3600\r\n"), &r), ERR_OK);
    assert_int_equal(r.seconds, 18000);
    assert_slice(r.params, ";duration=3600");
    assert_int_equal(msg_retry_after(with("Retry-After: 120 (I'm in a (long) meeting)\r\n"), &r), ERR_OK);
    assert_int_equal(r.seconds, 120);
    assert_int_equal(msg_retry_after(with("Retry-After: 949302838503028349304023988\r\n"), &r), ERR_OK);
    assert_int_equal(r.seconds, UINT32_MAX);
    assert_int_equal(msg_retry_after(with("Retry-After: 1 (open\r\n"), &r), ERR_SYNTAX);
    assert_int_equal(msg_retry_after(with("Retry-After: x\r\n"), &r), ERR_SYNTAX);
}

static void session_timers(void **state)
{
    struct session_expires x;
    uint32_t               n;

    (void)state;
    assert_int_equal(msg_session_expires(with("x: 1800 ;refresher=UAS\r\n"), &x), ERR_OK);
    assert_int_equal(x.seconds, 1800);
    assert_int_equal(x.refresher, REFRESHER_UAS);
    assert_int_equal(msg_session_expires(with("Session-Expires: 90\r\n"), &x), ERR_OK);
    assert_int_equal(x.refresher, REFRESHER_NONE);
    assert_int_equal(msg_session_expires(with("Session-Expires: 90;refresher=me\r\n"), &x), ERR_SYNTAX);
    assert_int_equal(msg_min_se(with("Min-SE: 120;x=y\r\n"), &n), ERR_OK);
    assert_int_equal(n, 120);
}

static void content_length(void **state)
{
    size_t n;

    (void)state;
    assert_int_equal(msg_content_length(with("l: 000\r\n"), &n), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(msg_content_length(with(""), &n), ERR_NOTFOUND);
}

struct dated {
    const char *text;
    uint64_t    seconds;
};

static void dates(void **state)
{
    static const struct dated dated[] = {
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Sat, 13 Nov 2010 23:29:00 GMT", 1289690940},
        {"Tue, 29 Feb 2000 12:00:01 GMT", 951825601},
        {"Fri, 31 Dec 1999 23:59:59 GMT", 946684799},
        {"Mon, 01 Mar 2100 00:00:00 GMT", 4107542400},
        {"Sun, 28 Feb 2100 23:59:59 GMT", 4107542399},
        {"Tue, 29 Feb 2400 12:00:00 GMT", 13574606400},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
    };

    (void)state;
    for (size_t i = 0; i < sizeof dated / sizeof dated[0]; i++) {
        char       row[80], out[40];
        struct buf b = BUF_ON(row), back = BUF_ON(out);
        uint64_t   n;

        buf_puts(&b, S("Date: "), slice_z(dated[i].text), S("\r\n\0"));
        assert_int_equal(msg_date(with(row), &n), ERR_OK);
        assert_int_equal(n, dated[i].seconds);
        msg_put_date(&back, n);
        assert_true(slice_eq(buf_slice(&back), slice_z(dated[i].text)));
    }
}

static void what_is_no_date(void **state)
{
    static const char *const bad[] = {
        "Date: Fri, 01 Jan 2010 16:00:00 EST\r\n", "Date: Fri, 32 Jan 2010 16:00:00 GMT\r\n",
        "Date: Mon, 29 Feb 2100 00:00:00 GMT\r\n", "Date: Fri, 01 Foo 2010 16:00:00 GMT\r\n",
        "Date: Fri, 01 Jan 2010 24:00:00 GMT\r\n", "Date: Fri, 00 Jan 2010 16:00:00 GMT\r\n",
        "Date: Fri, 01 Jan 1969 16:00:00 GMT\r\n", "Date: now\r\n", "Date: Fri; 01 Jan 2010 16:00:00 GMT\r\n",
    };
    uint64_t n;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (msg_date(with(bad[i]), &n) != ERR_SYNTAX)
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(msg_date(with(""), &n), ERR_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cseq),
        cmocka_unit_test(max_forwards),
        cmocka_unit_test(seconds_saturate),
        cmocka_unit_test(reliable_provisional),
        cmocka_unit_test(retry_after),
        cmocka_unit_test(session_timers),
        cmocka_unit_test(content_length),
        cmocka_unit_test(dates),
        cmocka_unit_test(what_is_no_date),
    };
    return cmocka_run_group_tests_name("sip/msg/scalars", tests, NULL, NULL);
}
