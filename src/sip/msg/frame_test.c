/* frame_test.c - messages cut out of streams: RFC 3261 §18.3, RFC 5626 §4.4.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sip/msg/msg_walk.h"

#define assert_slice(got, want) assert_true(slice_eq((got), S(want)))

static char block[32768];

struct stream {
    struct msg_framer fr;
    struct slice      rest;
};

static struct msg_frame next(struct stream *st)
{
    struct msg_frame out;

    msg_frame(&st->fr, st->rest, 4096, &out);
    assert_true(out.n <= st->rest.n);
    if (out.kind != MSG_FRAME_BROKEN)
        st->rest = slice_from(st->rest, out.n);
    return out;
}

static void assert_next(struct stream *st, enum msg_frame_kind kind, size_t n)
{
    struct msg_frame out = next(st);

    assert_int_equal(out.kind, kind);
    assert_int_equal(out.n, n);
}

#define BYE "BYE sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc"

static void messages_one_behind_another(void **state)
{
    struct stream st = {.rest = S(BYE BYE "BYE sip")};

    (void)state;
    assert_next(&st, MSG_FRAME_WHOLE, sizeof BYE - 1);
    assert_next(&st, MSG_FRAME_WHOLE, sizeof BYE - 1);
    assert_next(&st, MSG_FRAME_MORE, 0);
    assert_slice(st.rest, "BYE sip");
}

static void octet_by_octet(void **state)
{
    struct slice     all = S(BYE);
    struct stream    st = {0};
    struct msg_frame out;

    (void)state;
    for (size_t n = 0; n < all.n; n++) {
        msg_frame(&st.fr, slice_to(all, n), 4096, &out);
        assert_int_equal(out.kind, MSG_FRAME_MORE);
        assert_int_equal(msg_frame_wants(&st.fr), n < all.n - 3 ? 0 : all.n);
    }
    msg_frame(&st.fr, all, 4096, &out);
    assert_int_equal(out.kind, MSG_FRAME_WHOLE);
    assert_int_equal(out.n, all.n);
}

static void a_ping_is_two_empty_lines(void **state)
{
    struct stream st = {.rest = S("\r\n\r\n" BYE "\r\n\r\n\r\n" BYE)};

    (void)state;
    assert_next(&st, MSG_FRAME_PING, 4);
    assert_next(&st, MSG_FRAME_WHOLE, sizeof BYE - 1);
    assert_next(&st, MSG_FRAME_PING, 4);
    assert_next(&st, MSG_FRAME_CRLF, 2);
    assert_next(&st, MSG_FRAME_WHOLE, sizeof BYE - 1);
    /* cut in the middle it is one all the same */
    st.rest = S("\r");
    assert_next(&st, MSG_FRAME_MORE, 0);
    st.rest = S("\r\n");
    assert_next(&st, MSG_FRAME_CRLF, 2);
    st.rest = S("\r\n");
    assert_next(&st, MSG_FRAME_PING, 2);
    st.rest = S("\r\n");
    assert_next(&st, MSG_FRAME_CRLF, 2);
    st.rest = S(BYE "\r\n");
    assert_next(&st, MSG_FRAME_WHOLE, sizeof BYE - 1);
    assert_next(&st, MSG_FRAME_CRLF, 2); /* a message lay between: not the second half */
}

static void on_a_stream_of_ours_empty_lines_are_pongs(void **state)
{
    struct stream st = {.fr = {.opened_by_us = true}, .rest = S("\r\n\r\n\r\n")};

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_next(&st, MSG_FRAME_CRLF, 2);
    assert_next(&st, MSG_FRAME_MORE, 0);
}

static void the_length_in_any_spelling(void **state)
{
    struct stream st = {.rest = S("BYE sip:a SIP/2.0\r\nSubject: l: 9\r\nL\t:\r\n 0002\r\n\r\nab")};

    (void)state;
    assert_next(&st, MSG_FRAME_WHOLE, st.rest.n);
    st.rest = S("BYE sip:a SIP/2.0\r\nX:\r\n l: 9\r\nCONTENT-LENGTH:0\r\n\r\nBYE");
    assert_next(&st, MSG_FRAME_WHOLE, st.rest.n - 3);
}

static void assert_broken(struct slice octets, size_t head, unsigned code)
{
    struct stream    st = {.rest = octets};
    struct msg_frame out = next(&st);

    assert_int_equal(out.kind, MSG_FRAME_BROKEN);
    assert_int_equal(out.n, head);
    assert_int_equal(out.code, code);
    out = next(&st); /* and stays so */
    assert_int_equal(out.kind, MSG_FRAME_BROKEN);
}

#define TWO "BYE sip:a SIP/2.0\r\nl: 5\r\nContent-Length: 13\r\n\r\n"
#define NEGATIVE "BYE sip:a SIP/2.0\r\nl: -999\r\n\r\n"
#define WORD "BYE sip:a SIP/2.0\r\nl: five\r\n\r\n"
#define LARGE "BYE sip:a SIP/2.0\r\nl: 4090\r\n\r\n"

static void a_length_that_cannot_be_known_breaks_the_stream(void **state)
{
    (void)state;
    assert_broken(S(TWO "abcdefg"), sizeof TWO - 1, 400);
    assert_broken(S(NEGATIVE), sizeof NEGATIVE - 1, 400);
    assert_broken(S(WORD "x"), sizeof WORD - 1, 400);
    assert_broken(S(LARGE), sizeof LARGE - 1, 413);
}

static void what_is_no_sip_breaks_the_stream_at_once(void **state)
{
    static char long_name[200];

    (void)state;
    assert_broken(S("\x16\x03\x01\x02"), 0, 400);
    assert_broken(S("v=0"), 0, 400);
    assert_broken(S("HELO\r\n"), 0, 400);
    assert_broken(S(" BYE sip:a"), 0, 400);
    assert_broken(S("\nBYE sip:a"), 0, 400);
    memset(long_name, 'A', sizeof long_name);
    assert_broken((struct slice){long_name, sizeof long_name}, 0, 400);
}

static void a_head_without_end_is_too_much(void **state)
{
    static char octets[5000];
    struct buf  b = BUF_ON(octets);

    (void)state;
    buf_put(&b, S("BYE sip:a SIP/2.0\r\nSubject: "));
    while (buf_room(&b))
        buf_putc(&b, 'x');
    assert_broken(slice_to(buf_slice(&b), 4096), 4096, 413);
    {
        struct stream st = {.rest = slice_to(buf_slice(&b), 4095)};

        assert_next(&st, MSG_FRAME_MORE, 0);
    }
}

static void without_length_there_is_no_body_and_nothing_but_sip_may_follow(void **state)
{
    struct stream st = {.rest = S("BYE sip:a SIP/2.0\r\nTo: x\r\n\r\n" BYE "BYE sip:b SIP/2.0\r\n\r\nv=0\r\no=x\r\n")};

    (void)state;
    assert_next(&st, MSG_FRAME_WHOLE, 28);
    assert_next(&st, MSG_FRAME_WHOLE, sizeof BYE - 1);
    assert_next(&st, MSG_FRAME_WHOLE, 21);
    assert_next(&st, MSG_FRAME_DEAF, 0); /* an answer may still go out on it */
    assert_next(&st, MSG_FRAME_DEAF, 0);
}

static void odd_line_ends_end_a_head_as_in_the_parser(void **state)
{
    struct stream st = {.rest = S("BYE sip:a SIP/2.0\nTo: x\n\nBYE")};
    struct slice  all = st.rest;
    struct msg   *m;

    (void)state;
    assert_next(&st, MSG_FRAME_WHOLE, all.n - 3);
    m = walk_parse(slice_to(all, all.n - 3), block, sizeof block);
    assert_non_null(m->fault.what);
    assert_slice(msg_value(m, HDR_TO), "x");
}

static void a_body_that_does_not_come_can_still_be_answered(void **state)
{
    struct stream st = {.rest = S("BYE sip:a SIP/2.0\r\nl: 999\r\nTo: x\r\n\r\nabc")};
    struct msg   *m;

    (void)state;
    assert_next(&st, MSG_FRAME_MORE, 0);
    assert_int_equal(msg_frame_wants(&st.fr), st.rest.n + 996);
    m = walk_parse(st.rest, block, sizeof block);
    assert_int_equal(m->fault.hdr, HDR_CONTENT_LENGTH);
    assert_int_equal(msg_check(m, NULL), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_one_behind_another),
        cmocka_unit_test(octet_by_octet),
        cmocka_unit_test(a_ping_is_two_empty_lines),
        cmocka_unit_test(on_a_stream_of_ours_empty_lines_are_pongs),
        cmocka_unit_test(the_length_in_any_spelling),
        cmocka_unit_test(a_length_that_cannot_be_known_breaks_the_stream),
        cmocka_unit_test(what_is_no_sip_breaks_the_stream_at_once),
        cmocka_unit_test(a_head_without_end_is_too_much),
        cmocka_unit_test(without_length_there_is_no_body_and_nothing_but_sip_may_follow),
        cmocka_unit_test(odd_line_ends_end_a_head_as_in_the_parser),
        cmocka_unit_test(a_body_that_does_not_come_can_still_be_answered),
    };
    return cmocka_run_group_tests_name("sip/msg/frame", tests, NULL, NULL);
}
