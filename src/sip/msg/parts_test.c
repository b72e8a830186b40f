/* parts_test.c - multipart bodies (RFC 2046 §5.1) and SIP fragments (RFC 3420). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sip/msg/msg_walk.h"

#define assert_slice(got, want) assert_true(slice_eq((got), S(want)))

static char block[32768];

static const struct slice mixed = S("multipart/mixed;boundary=\"b 1\"");
static const struct slice body = S("preamble\r\n--b 1 \r\n"
                                   "Content-Type: text/plain\r\nX: y\r\n\r\n"
                                   "one\r\n--b 11\r\n\r\n"
                                   "--b 1\r\n\r\n"
                                   "\0\n--\r\n"
                                   "--b 1\r\n"
                                   "--b 1\r\nContent-Type:\r\n application/sdp\r\n\r\nv=0\r\n\r\n"
                                   "--b 1--\r\nepilogue\r\n--b 1\r\n");

static void parts_of_a_body(void **state)
{
    struct msg_parts it;
    struct msg_part  part;
    struct slice     value;

    (void)state;
    assert_int_equal(msg_parts_begin(mixed, body, &it), ERR_OK);
    assert_int_equal(msg_parts_next(&it, &part), ERR_OK);
    assert_slice(part.body, "one\r\n--b 11\r\n");
    assert_int_equal(msg_part_value(&part, S("x"), &value), ERR_OK);
    assert_slice(value, "y");
    assert_int_equal(msg_part_value(&part, S("z"), &value), ERR_NOTFOUND);
    assert_int_equal(msg_parts_next(&it, &part), ERR_OK);
    assert_int_equal(part.head.n, 0);
    assert_slice(part.body, "\0\n--");
    assert_int_equal(msg_parts_next(&it, &part), ERR_OK);
    assert_int_equal(part.body.n, 0);
    assert_int_equal(msg_parts_next(&it, &part), ERR_OK);
    assert_slice(part.body, "v=0\r\n");
    assert_int_equal(msg_parts_next(&it, &part), ERR_NOTFOUND);
    assert_int_equal(msg_parts_next(&it, &part), ERR_NOTFOUND);
}

static void broken_multiparts(void **state)
{
    struct msg_parts it;
    struct msg_part  part;

    (void)state;
    assert_int_equal(msg_parts_begin(S("text/plain;boundary=x"), body, &it), ERR_UNSUPPORTED);
    assert_int_equal(msg_parts_begin(S("multipart/mixed"), body, &it), ERR_SYNTAX);
    assert_int_equal(msg_parts_begin(S("multipart/mixed;boundary=\"\""), body, &it), ERR_SYNTAX);
    assert_int_equal(msg_parts_begin(S("nonsense"), body, &it), ERR_SYNTAX);
    assert_int_equal(msg_parts_begin(S("multipart/mixed;boundary=x"), S("no boundary"), &it), ERR_OK);
    assert_int_equal(msg_parts_next(&it, &part), ERR_SYNTAX);
    assert_int_equal(msg_parts_begin(S("multipart/mixed;boundary=x"), S("--x\r\n\r\nnot closed"), &it), ERR_OK);
    assert_int_equal(msg_parts_next(&it, &part), ERR_SYNTAX);
    assert_int_equal(msg_parts_begin(S("multipart/mixed;boundary=x"), S("--x--"), &it), ERR_OK);
    assert_int_equal(msg_parts_next(&it, &part), ERR_SYNTAX);
}

static void limits_are_kept(void **state)
{
    static char      octets[1024];
    struct buf       b = BUF_ON(octets);
    struct msg_parts it;
    struct msg_part  part;

    (void)state;
    for (int i = 0; i < MSG_MAX_PARTS + 2; i++)
        buf_put(&b, S("--x\r\n\r\nbody\r\n"));
    assert_int_equal(msg_parts_begin(S("multipart/mixed;boundary=x"), buf_slice(&b), &it), ERR_OK);
    for (int i = 0; i < MSG_MAX_PARTS; i++)
        assert_int_equal(msg_parts_next(&it, &part), ERR_OK);
    assert_int_equal(msg_parts_next(&it, &part), ERR_LIMIT);
    buf_reset(&b);
    buf_put(&b, S("multipart/mixed;boundary="));
    for (int i = 0; i < MSG_MAX_BOUNDARY + 1; i++)
        buf_putc(&b, 'b');
    assert_int_equal(msg_parts_begin(buf_slice(&b), body, &it), ERR_SYNTAX);
    assert_int_equal(msg_parts_begin(slice_to(buf_slice(&b), buf_slice(&b).n - 1), body, &it), ERR_OK);
}

static void a_body_by_type(void **state)
{
    static char octets[2048];
    struct buf  b = BUF_ON(octets);
    struct slice found;
    struct msg  *m;

    (void)state;
    buf_puts(&b, S("INVITE sip:a SIP/2.0\r\nc: multipart/alternative;boundary=out\r\n\r\n--out\r\nContent-Type: "), mixed,
             S("\r\n\r\n"), body, S("\r\n--out--\r\n"));
    m = walk_parse(buf_slice(&b), block, sizeof block);
    assert_int_equal(msg_find_body(m, S("application"), S("sdp"), &found), ERR_OK);
    assert_slice(found, "v=0\r\n");
    assert_int_equal(msg_find_body(m, S("application"), S("pidf+xml"), &found), ERR_NOTFOUND);
    m = walk_parse(S("INVITE sip:a SIP/2.0\r\nc: application/SDP\r\n\r\nv=0\r\n"), block, sizeof block);
    assert_int_equal(msg_find_body(m, S("application"), S("sdp"), &found), ERR_OK);
    assert_slice(found, "v=0\r\n");
    m = walk_parse(S("INVITE sip:a SIP/2.0\r\n\r\nv=0\r\n"), block, sizeof block);
    assert_int_equal(msg_find_body(m, S("application"), S("sdp"), &found), ERR_NOTFOUND);
}

static void sip_fragments(void **state)
{
    struct sipfrag f;

    (void)state;
    assert_int_equal(sipfrag_parse(S("SIP/2.0 180 Ringing\r\n"), &f), ERR_OK);
    assert_false(f.is_request);
    assert_int_equal(f.status, 180);
    assert_slice(f.reason, "Ringing");
    assert_int_equal(sipfrag_parse(S("SIP/2.0 200 OK"), &f), ERR_OK);
    assert_int_equal(f.status, 200);
    assert_int_equal(sipfrag_parse(S("INVITE sip:a SIP/2.0\r\nTo: x\r\n\r\n"), &f), ERR_OK);
    assert_true(f.is_request);
    assert_slice(f.method, "INVITE");
    assert_slice(f.uri, "sip:a");
    assert_int_equal(sipfrag_parse(S("From: x\r\n"), &f), ERR_SYNTAX);
    assert_int_equal(sipfrag_parse(S("SIP/2.0 99 x\r\n"), &f), ERR_SYNTAX);
    assert_int_equal(sipfrag_parse(S(""), &f), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_a_body),
        cmocka_unit_test(broken_multiparts),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(a_body_by_type),
        cmocka_unit_test(sip_fragments),
    };
    return cmocka_run_group_tests_name("sip/msg/parts", tests, NULL, NULL);
}
