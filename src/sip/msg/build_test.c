/* build_test.c - new requests, and responses from their requests: RFC 3261 §8.1.1, §8.2.6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sip/msg/msg_walk.h"

#define assert_slice(got, want) assert_true(slice_eq((got), S(want)))

static char block[32768];

static char out_octets[8192];

static const struct slice invite =
    S("INVITE sip:bob@example.com SIP/2.0\r\n"
      "v: SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK1, SIP/2.0/TCP b\r\n"
      "Via: SIP/2.0/UDP c\r\n"
      "Record-route: <sip:p1;lr>\r\n"
      "record-ROUTE: <sip:p2;lr>\r\n"
      "f: <sip:a>;tag=1\r\n"
      "t: <sip:b>\r\n"
      "i: 7@a\r\n"
      "CSeq: 1 INVITE\r\n"
      "Timestamp: 54\r\n"
      "\r\n");

static void a_request(void **state)
{
    struct buf b = BUF_ON(out_octets);

    (void)state;
    msg_put_request_line(&b, method_name(METHOD_BYE), S("sip:b"));
    msg_put_row(&b, HDR_VIA, S("SIP/2.0/UDP us"));
    msg_put_row_number(&b, HDR_MAX_FORWARDS, 70);
    msg_put_cseq(&b, 2, S("BYE"));
    msg_put_row_named(&b, S("X-Y"), S("z"));
    msg_put_end(&b, S("text/plain"), S("hello"));
    assert_slice(buf_slice(&b), "BYE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP us\r\nMax-Forwards: 70\r\nCSeq: 2 BYE\r\nX-Y: z\r\n"
                                "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
}

static void assert_reply_text(const struct msg_reply *r, struct slice want)
{
    struct buf b = BUF_ON(out_octets);

    assert_int_equal(msg_put_refusal(&b, r), ERR_OK);
    if (!slice_eq(buf_slice(&b), want))
        fail_msg("wrote:\n%.*s", SARG(buf_slice(&b)));
}
#define assert_reply(r, want) assert_reply_text((r), S(want))

static void a_response_takes_from_its_request(void **state)
{
    struct addr      source;
    struct msg_reply r = {.request = walk_parse(invite, block, sizeof block), .code = 180, .to_tag = S("9"), .record_route = true};

    (void)state;
    assert_reply(&r, "SIP/2.0 180 Ringing\r\n"
                     "Via: SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK1, SIP/2.0/TCP b\r\n"
                     "Via: SIP/2.0/UDP c\r\n"
                     "From: <sip:a>;tag=1\r\n"
                     "To: <sip:b>;tag=9\r\n"
                     "Call-ID: 7@a\r\n"
                     "CSeq: 1 INVITE\r\n"
                     "Record-Route: <sip:p1;lr>\r\n"
                     "Record-Route: <sip:p2;lr>\r\n"
                     "Content-Length: 0\r\n\r\n");
    assert_int_equal(addr_parse(S("192.0.2.7:999"), &source), ERR_OK);
    r = (struct msg_reply){.request = r.request, .code = 100, .to_tag = S("9"), .source = &source};
    assert_reply(&r, "SIP/2.0 100 Trying\r\n"
                     "Via: SIP/2.0/UDP 192.0.2.1;rport=999;branch=z9hG4bK1;received=192.0.2.7, SIP/2.0/TCP b\r\n"
                     "Via: SIP/2.0/UDP c\r\n"
                     "From: <sip:a>;tag=1\r\n"
                     "To: <sip:b>\r\n"
                     "Call-ID: 7@a\r\n"
                     "CSeq: 1 INVITE\r\n"
                     "Timestamp: 54\r\n"
                     "Content-Length: 0\r\n\r\n");
}

/* Whichever way a row is written, it comes out as ours are. */
static void assert_row_comes_out(const char *row)
{
    char             text[200];
    struct buf       b = BUF_ON(text);
    struct msg_reply r = {.code = 200};

    buf_puts(&b, S("BYE sip:a SIP/2.0\r\n"), slice_z(row), S("\r\n"));
    r.request = walk_parse(buf_slice(&b), block, sizeof block);
    assert_reply(&r, "SIP/2.0 200 OK\r\nCall-ID: 7@a\r\nContent-Length: 0\r\n\r\n");
}

static void a_row_comes_out_as_ours_are(void **state)
{
    static const char *const rows[] = {
        "Call-ID: 7@a\r\n", "call-id: 7@a\r\n", "i: 7@a\r\n", "Call-ID:7@a\r\n", "Call-ID:\t7@a\r\n", "Call-ID :7@a\r\n",
        "Call-ID:  7@a\r\n", "Call-ID: 7@a \r\n", "Call-ID: 7@a \n", "Call-ID: 7@a\n", "Call-ID:\r\n 7@a\r\n", "Call-ID: 7@a\r\n \r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_row_comes_out(rows[i]);
}

static void a_tag_that_is_there_stays_alone(void **state)
{
    struct msg_reply r = {.request = walk_parse(S("BYE sip:a SIP/2.0\r\nTo: <sip:b>;tag=1\r\n\r\n"), block, sizeof block),
                          .code = 481, .to_tag = S("9"), .reason = S("Gone")};

    (void)state;
    assert_reply(&r, "SIP/2.0 481 Gone\r\nTo: <sip:b>;tag=1\r\nContent-Length: 0\r\n\r\n");
}

static void a_broken_request_is_answered_with_what_it_has(void **state)
{
    struct addr      source;
    struct msg_reply r = {.request = walk_parse(S("BYE sip:a SIP/2.0\r\nVia: nonsense\r\nFrom: a\r\nFrom: b\r\nTo: \"x\r\n\r\n"),
                                                block, sizeof block),
                          .code = 400, .to_tag = S("9"), .source = &source};

    (void)state;
    assert_int_equal(addr_parse(S("192.0.2.7:999"), &source), ERR_OK);
    assert_reply(&r, "SIP/2.0 400 Bad Request\r\nVia: nonsense\r\nFrom: a\r\nTo: \"x\r\nContent-Length: 0\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request),
        cmocka_unit_test(a_response_takes_from_its_request),
        cmocka_unit_test(a_row_comes_out_as_ours_are),
        cmocka_unit_test(a_tag_that_is_there_stays_alone),
        cmocka_unit_test(a_broken_request_is_answered_with_what_it_has),
    };
    return cmocka_run_group_tests_name("sip/msg/build", tests, NULL, NULL);
}
