/* edit_test.c - forwarding round edits: RFC 3261 §16.4, §16.6; PROTOCOL 2.3. */
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
      "Route: <sip:p1;lr>, <sip:p2;lr>\r\n"
      "Via: SIP/2.0/UDP a, SIP/2.0/UDP b\r\n"
      "Max-Forwards: 70\r\n"
      "v: SIP/2.0/UDP c\r\n"
      "Record-route: <sip:old>\r\n"
      "Route: <sip:p3>\r\n"
      "Subject:\r\n"
      "Content-Type: text/plain\r\n"
      "l: 3\r\n"
      "\r\n"
      "abc");

static struct msg *original(void)
{
    return walk_parse(invite, block, sizeof block);
}

static void assert_written_text(struct msg_edit *e, struct slice want)
{
    struct buf   b = BUF_ON(out_octets);
    struct slice got;
    size_t       n;

    assert_int_equal(msg_edit_write(e, &b), ERR_OK);
    got = buf_slice(&b);
    if (!slice_eq(got, want))
        fail_msg("wrote:\n%.*s", SARG(got));
    assert_int_equal(msg_edit_measure(e, &n), ERR_OK);
    assert_int_equal(n, got.n);
}
#define assert_written(e, want) assert_written_text((e), S(want))

static void without_edits_it_is_the_original(void **state)
{
    struct msg_edit e;

    (void)state;
    msg_edit_begin(&e, original());
    assert_written_text(&e, invite);
}

/* RFC 4475 §3.1.2.11: they neither go on nor become real ones. */
static void header_fields_in_the_request_uri_stay_behind(void **state)
{
    static const struct slice both = S("INVITE sip:bob@example.com?Replaces=1%3Bto-tag%3D2 SIP/2.0\r\nTo: <sip:b?c=d>\r\n\r\n");
    struct msg *m = walk_parse(both, block, sizeof block);
    struct msg_edit e;

    (void)state;
    assert_slice(m->uri, "sip:bob@example.com");
    assert_null(m->fault.what);
    msg_edit_begin(&e, m);
    assert_written(&e, "INVITE sip:bob@example.com SIP/2.0\r\nTo: <sip:b?c=d>\r\n\r\n");
    msg_edit_begin(&e, m);
    msg_edit_uri(&e, S("sip:b@10.0.0.1"));
    assert_written(&e, "INVITE sip:b@10.0.0.1 SIP/2.0\r\nTo: <sip:b?c=d>\r\n\r\n");
}

/* A '?' may be part of a user's name (RFC 3261 §25.1 user-unreserved). */
static void a_question_mark_in_a_name_stays(void **state)
{
    static const struct slice text = S("OPTIONS sip:who?me@example.com SIP/2.0\r\nTo: <sip:b>\r\n\r\n");
    struct msg_edit e;

    (void)state;
    msg_edit_begin(&e, walk_parse(text, block, sizeof block));
    assert_written_text(&e, text);
}

static void a_request_goes_on(void **state)
{
    struct msg     *m = original();
    struct msg_edit e;

    (void)state;
    msg_edit_begin(&e, m);
    msg_edit_value(&e, msg_row(m, HDR_MAX_FORWARDS), S("69"));
    msg_edit_remove_first(&e, HDR_ROUTE, 1);
    msg_edit_push(&e, HDR_RECORD_ROUTE, S("<sip:us-tcp;lr>"));
    msg_edit_push(&e, HDR_RECORD_ROUTE, S("<sip:us;lr>"));
    msg_edit_rename(&e, msg_row(m, HDR_RECORD_ROUTE), hdr_name(HDR_RECORD_ROUTE));
    msg_edit_push(&e, HDR_VIA, S("SIP/2.0/UDP us"));
    msg_edit_uri(&e, S("sip:bob@192.0.2.4"));
    msg_edit_value(&e, msg_row(m, HDR_SUBJECT), S("now there is one"));
    msg_edit_append(&e, HDR_REASON, S("SIP;cause=200"));
    assert_written(&e, "INVITE sip:bob@192.0.2.4 SIP/2.0\r\n"
                       "Route: <sip:p2;lr>\r\n"
                       "Via: SIP/2.0/UDP us\r\n"
                       "Via: SIP/2.0/UDP a, SIP/2.0/UDP b\r\n"
                       "Max-Forwards: 69\r\n"
                       "v: SIP/2.0/UDP c\r\n"
                       "Record-Route: <sip:us-tcp;lr>\r\n"
                       "Record-Route: <sip:us;lr>\r\n"
                       "Record-Route: <sip:old>\r\n"
                       "Route: <sip:p3>\r\n"
                       "Subject:now there is one\r\n"
                       "Content-Type: text/plain\r\n"
                       "l: 3\r\n"
                       "Reason: SIP;cause=200\r\n"
                       "\r\n"
                       "abc");
}

static void first_elements_of_a_list_over_rows(void **state)
{
    struct msg_edit e;

    (void)state;
    for (size_t n = 0; n <= 4; n++) {
        struct buf  b = BUF_ON(out_octets);
        struct msg *m;

        msg_edit_begin(&e, original());
        msg_edit_remove_first(&e, HDR_ROUTE, n);
        msg_edit_remove_first(&e, HDR_VIA, n);
        assert_int_equal(msg_edit_write(&e, &b), ERR_OK);
        m = walk_parse(buf_slice(&b), block, sizeof block);
        assert_null(m->fault.what);
        assert_int_equal(msg_element_count(m, HDR_ROUTE), n < 3 ? 3 - n : 0);
        assert_int_equal(msg_element_count(m, HDR_VIA), n < 3 ? 3 - n : 0);
        assert_int_equal(msg_count(m, HDR_ROUTE), n < 2 ? 2 : n == 2);
    }
}

static void the_last_element_wherever_it_stands(void **state)
{
    struct msg     *m = original();
    struct msg_edit e;
    struct slice    last;
    struct buf      b = BUF_ON(out_octets);

    (void)state;
    msg_edit_begin(&e, m);
    msg_edit_remove_last(&e, HDR_ROUTE);
    assert_int_equal(msg_edit_write(&e, &b), ERR_OK);
    m = walk_parse(buf_slice(&b), block, sizeof block);
    assert_int_equal(msg_count(m, HDR_ROUTE), 1);
    msg_edit_begin(&e, m);
    msg_edit_remove_last(&e, HDR_ROUTE);
    msg_edit_remove_last(&e, HDR_PATH);
    {
        static char again[8192];
        struct buf  b2 = BUF_ON(again);

        assert_int_equal(msg_edit_write(&e, &b2), ERR_OK);
        m = walk_parse(buf_slice(&b2), block, sizeof block);
        assert_int_equal(msg_element_last(m, HDR_ROUTE, &last), ERR_OK);
        assert_slice(last, "<sip:p1;lr>");
        assert_int_equal(msg_element_count(m, HDR_ROUTE), 1);
    }
}

static void a_new_first_row(void **state)
{
    struct msg     *m = walk_parse(S("SIP/2.0 200 OK\r\nTo: x\r\n\r\n"), block, sizeof block);
    struct msg_edit e;

    (void)state;
    msg_edit_begin(&e, m);
    msg_edit_push(&e, HDR_ROUTE, S("<sip:r>"));
    msg_edit_push(&e, HDR_VIA, S("SIP/2.0/UDP us"));
    msg_edit_append_named(&e, S("X-Last"), S("1"));
    /* without a Via both are put on top, in the order of the calls */
    assert_written(&e, "SIP/2.0 200 OK\r\nRoute: <sip:r>\r\nVia: SIP/2.0/UDP us\r\nTo: x\r\nX-Last: 1\r\n\r\n");
}

static void what_goes_and_what_comes_at_one_place(void **state)
{
    struct msg     *m = walk_parse(S("BYE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nTo: x\r\n\r\n"), block, sizeof block);
    struct msg_edit e;

    (void)state;
    msg_edit_begin(&e, m);
    msg_edit_remove_all(&e, HDR_VIA);
    msg_edit_push(&e, HDR_VIA, S("SIP/2.0/UDP us"));
    msg_edit_append(&e, HDR_VIA, S("SIP/2.0/UDP last"));
    msg_edit_set(&e, HDR_TO, S("y"));
    msg_edit_set(&e, HDR_EXPIRES, S("7"));
    assert_written(&e, "BYE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP us\r\nVia: SIP/2.0/UDP last\r\nTo: y\r\nExpires: 7\r\n\r\n");
}

/* A hop's rows, which are known last, and are others for the next one. */
static void rows_on_top_of_all(void **state)
{
    static const struct slice text = S("BYE sip:a SIP/2.0\r\nRoute: <sip:r>\r\nTo: x\r\n\r\n");
    struct msg               *m = walk_parse(text, block, sizeof block);
    struct msg_edit           e;
    char                      room[512];
    struct arena              a;
    struct slice              made;

    (void)state;
    msg_edit_begin(&e, m);
    msg_edit_top(&e, S("Via: one\r\nVia: two\r\n"));
    msg_edit_uri(&e, S("sip:b"));
    msg_edit_push(&e, HDR_ROUTE, S("<sip:first>"));
    assert_written(&e, "BYE sip:b SIP/2.0\r\nVia: one\r\nVia: two\r\nRoute: <sip:first>\r\nRoute: <sip:r>\r\nTo: x\r\n\r\n");
    msg_edit_top(&e, S("Via: three\r\n"));
    arena_init_fixed(&a, room, sizeof room);
    assert_int_equal(msg_edit_make(&e, &a, &made), ERR_OK);
    assert_slice(made, "BYE sip:b SIP/2.0\r\nVia: three\r\nRoute: <sip:first>\r\nRoute: <sip:r>\r\nTo: x\r\n\r\n");
    arena_init_fixed(&a, room, 16);
    assert_int_equal(msg_edit_make(&e, &a, &made), ERR_NOMEM);
    msg_edit_replace(&e, (struct slice){m->head.p - 2, 4}, S("x"));
    assert_int_equal(msg_edit_make(&e, &a, &made), ERR_INVALID); /* across the place of those rows */
}

static void another_body(void **state)
{
    struct msg_edit e;
    struct msg     *m;
    struct buf      b = BUF_ON(out_octets);

    (void)state;
    msg_edit_begin(&e, original());
    msg_edit_body(&e, S("application/sdp"), S("v=0\r\no=x\r\n"));
    assert_int_equal(msg_edit_write(&e, &b), ERR_OK);
    m = walk_parse(buf_slice(&b), block, sizeof block);
    assert_null(m->fault.what);
    assert_slice(m->body, "v=0\r\no=x\r\n");
    assert_slice(msg_value(m, HDR_CONTENT_LENGTH), "10");
    assert_slice(msg_value(m, HDR_CONTENT_TYPE), "application/sdp");
    m = walk_parse(S("SIP/2.0 200 OK\r\nContent-Encoding: gzip\r\n\r\nxx"), block, sizeof block);
    msg_edit_begin(&e, m);
    msg_edit_body(&e, SLICE_NONE, SLICE_NONE);
    assert_written(&e, "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static void overlapping_and_foreign_edits_are_refused(void **state)
{
    struct msg     *m = original();
    struct msg_edit e;
    struct buf      b = BUF_ON(out_octets);

    (void)state;
    msg_edit_begin(&e, m);
    msg_edit_value(&e, msg_row(m, HDR_MAX_FORWARDS), S("1"));
    msg_edit_remove(&e, msg_row(m, HDR_MAX_FORWARDS));
    assert_int_equal(msg_edit_write(&e, &b), ERR_INVALID);
    assert_int_equal(b.n, 0);
    msg_edit_begin(&e, m);
    msg_edit_replace(&e, S("elsewhere"), S("x"));
    assert_int_equal(msg_edit_write(&e, &b), ERR_INVALID);
    msg_edit_begin(&e, m);
    msg_edit_replace(&e, (struct slice){m->raw.p + m->raw.n - 1, 2}, S("x"));
    assert_int_equal(msg_edit_write(&e, &b), ERR_INVALID);
}

static void limits_are_kept(void **state)
{
    struct msg     *m = original();
    struct msg_edit e;
    char            small[100];
    struct buf      b = BUF_ON(small);

    (void)state;
    msg_edit_begin(&e, m);
    for (int i = 0; i < MSG_MAX_EDITS; i++)
        msg_edit_append(&e, HDR_ROUTE, S("<sip:x>"));
    assert_int_equal(msg_edit_write(&e, &b), ERR_LIMIT);
    msg_edit_append(&e, HDR_ROUTE, S("<sip:x>"));
    assert_int_equal(msg_edit_write(&e, &b), ERR_FULL);
}

static void protocol_2_3_record_route_is_spelt_so(void **state)
{
    struct msg     *m = original();
    struct msg_edit e;
    struct buf      b = BUF_ON(out_octets);

    (void)state;
    msg_edit_begin(&e, m);
    msg_edit_rename(&e, msg_row(m, HDR_RECORD_ROUTE), hdr_name(HDR_RECORD_ROUTE));
    assert_int_equal(msg_edit_write(&e, &b), ERR_OK);
    assert_true(slice_find_slice(buf_slice(&b), S("\r\nRecord-Route: <sip:old>\r\n")) != SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_edits_it_is_the_original),
        cmocka_unit_test(header_fields_in_the_request_uri_stay_behind),
        cmocka_unit_test(a_question_mark_in_a_name_stays),
        cmocka_unit_test(a_request_goes_on),
        cmocka_unit_test(first_elements_of_a_list_over_rows),
        cmocka_unit_test(the_last_element_wherever_it_stands),
        cmocka_unit_test(a_new_first_row),
        cmocka_unit_test(what_goes_and_what_comes_at_one_place),
        cmocka_unit_test(rows_on_top_of_all),
        cmocka_unit_test(another_body),
        cmocka_unit_test(overlapping_and_foreign_edits_are_refused),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(protocol_2_3_record_route_is_spelt_so),
    };
    return cmocka_run_group_tests_name("sip/msg/edit", tests, NULL, NULL);
}
