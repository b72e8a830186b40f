/* dialog_test.c - dialogs of UAC and UAS: made, matched, refreshed, spoken in (RFC 3261 §12). */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sip/dialog/dialog.h"

static alignas(max_align_t) char block[1 << 18];
static struct arena arena;

static int begin(void **state)
{
    (void)state;
    arena_init_fixed(&arena, block, sizeof block);
    return 0;
}

static const struct msg *read_msg(const char *z)
{
    struct msg *m;

    assert_int_equal(msg_parse(&arena, slice_z(z), &m), ERR_OK);
    return m;
}

#define assert_text(s, z)                              \
    do {                                               \
        struct slice s_ = (s);                         \
        assert_int_equal(s_.n, strlen(z));             \
        assert_memory_equal(s_.p, z, strlen(z));       \
    } while (0)

#define RESPONSE(line, to_tag, rows)                                                             \
    "SIP/2.0 " line "\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n"                         \
    "From: \"Alice\" <sip:1001@example.com>;tag=a1\r\nTo: <sip:1002@example.com>" to_tag "\r\n"  \
    "Call-ID: c1\r\nCSeq: 7 INVITE\r\n" rows "Content-Length: 0\r\n\r\n"
#define INVITE(rows)                                                                                      \
    "INVITE sip:1002@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n" \
    "From: \"Alice\" <sip:1001@example.com>;tag=a1\r\nTo: <sip:1002@example.com>\r\n"                     \
    "Call-ID: c1\r\nCSeq: 7 INVITE\r\n" rows "Content-Length: 0\r\n\r\n"
#define CONTACT_B "Contact: <sip:1002@192.0.2.2:5062;transport=udp>\r\n"
#define CONTACT_A "Contact: <sip:1001@192.0.2.1>\r\n"

static void uac_2xx_makes_a_dialog_with_routes_in_reverse(void **state)
{
    struct dialog d;

    (void)state;
    assert_int_equal(dialog_from_response(&arena,
                                          read_msg(RESPONSE("200 OK", ";tag=b1",
                                                            "Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\n"
                                                            "Record-Route: <sip:p3.example;lr>\r\n" CONTACT_B)),
                                          false, &d),
                     ERR_OK);
    assert_true(d.confirmed);
    assert_text(d.local_tag, "a1");
    assert_text(d.remote_tag, "b1");
    assert_text(d.local, "\"Alice\" <sip:1001@example.com>;tag=a1");
    assert_text(d.target, "sip:1002@192.0.2.2:5062;transport=udp");
    assert_int_equal(d.local_cseq, 7);
    assert_false(d.has_remote_cseq);
    assert_int_equal(d.n_routes, 3);
    assert_text(d.route[0], "sip:p3.example;lr");
    assert_text(d.route[2], "sip:p1.example;lr");
    assert_text(dialog_next_hop(&d), "sip:p3.example;lr");
}

static void what_makes_no_dialog_is_said(void **state)
{
    struct dialog d;

    (void)state;
    assert_int_equal(dialog_from_response(&arena, read_msg(RESPONSE("100 Trying", "", CONTACT_B)), false, &d), ERR_INVALID);
    assert_int_equal(dialog_from_response(&arena, read_msg(RESPONSE("180 Ringing", "", CONTACT_B)), false, &d), ERR_INVALID);
    assert_int_equal(dialog_from_response(&arena, read_msg(RESPONSE("486 Busy", ";tag=b", CONTACT_B)), false, &d),
                     ERR_INVALID);
    assert_int_equal(dialog_from_response(&arena, read_msg(RESPONSE("200 OK", ";tag=b", "")), false, &d), ERR_NOTFOUND);
    assert_int_equal(dialog_from_response(&arena, read_msg(RESPONSE("200 OK", ";tag=b", CONTACT_B)), true, &d),
                     ERR_INVALID); /* secure: the target must be sips */
}

static void a_2xx_without_tag_is_from_an_rfc2543_peer(void **state)
{
    struct dialog d;

    (void)state;
    assert_int_equal(dialog_from_response(&arena, read_msg(RESPONSE("200 OK", "", CONTACT_B)), false, &d), ERR_OK);
    assert_int_equal(d.remote_tag.n, 0);
    struct dialog_ref ref = dialog_ref_for_peer(&d);
    assert_text(ref.to_tag, "0");
}

static void uas_dialog_has_routes_in_order_and_our_tag(void **state)
{
    struct dialog d;
    struct dialog_uas uas = {
        .request = read_msg(INVITE("Record-Route: <sip:p2.example;lr>\r\nRecord-Route: <sip:p1.example;lr>\r\n" CONTACT_A)),
        .local_tag = S("b9"),
    };

    (void)state;
    assert_int_equal(dialog_from_request(&arena, &uas, &d), ERR_OK);
    assert_false(d.confirmed);
    assert_false(d.is_uac);
    assert_text(d.local, "<sip:1002@example.com>;tag=b9");
    assert_text(d.local_tag, "b9");
    assert_text(d.remote_tag, "a1");
    assert_text(d.route[0], "sip:p2.example;lr");
    assert_text(d.route[1], "sip:p1.example;lr");
    assert_int_equal(d.remote_cseq, 7);
    assert_int_equal(dialog_next_cseq(&d), 1);
}

static void loose_route_keeps_the_target_in_the_request_line(void **state)
{
    char room[2048];
    struct buf b = BUF_ON(room);
    struct dialog d;

    (void)state;
    assert_int_equal(
        dialog_from_response(&arena, read_msg(RESPONSE("200 OK", ";tag=b1", "Record-Route: <sip:p1.example;lr>\r\n" CONTACT_B)),
                             false, &d),
        ERR_OK);
    dialog_put_request(&b, &d, S("BYE"), dialog_next_cseq(&d));
    assert_text(buf_slice(&b),
                "BYE sip:1002@192.0.2.2:5062;transport=udp SIP/2.0\r\n"
                "Route: <sip:p1.example;lr>\r\n"
                "Max-Forwards: 70\r\n"
                "From: \"Alice\" <sip:1001@example.com>;tag=a1\r\n"
                "To: <sip:1002@example.com>;tag=b1\r\n"
                "Call-ID: c1\r\n"
                "CSeq: 8 BYE\r\n");
}

/* RFC 3261 §12.2.1.1, second example. */
static void strict_route_goes_into_the_request_line_and_the_target_last(void **state)
{
    char room[2048];
    struct buf b = BUF_ON(room);
    struct dialog d;

    (void)state;
    assert_int_equal(dialog_from_response(&arena,
                                          read_msg(RESPONSE("200 OK", ";tag=b1",
                                                            "Record-Route: <sip:p2.example;lr>\r\n"
                                                            "Record-Route: <sip:p1.example;method=INVITE;x=1?Subject=a>\r\n" CONTACT_B)),
                                          false, &d),
                     ERR_OK);
    dialog_put_request(&b, &d, S("BYE"), 9);
    assert_true(slice_starts(buf_slice(&b), S("BYE sip:p1.example;x=1 SIP/2.0\r\n"
                                              "Route: <sip:p2.example;lr>\r\n"
                                              "Route: <sip:1002@192.0.2.2:5062;transport=udp>\r\n")));
}

static void a_2xx_takes_the_route_set_anew(void **state)
{
    struct dialog d;
    const struct msg *ok = read_msg(RESPONSE("200 OK", ";tag=b1", "Record-Route: <sip:new.example;lr>\r\n"
                                                                  "Contact: <sip:1002@192.0.2.9>\r\n"));

    (void)state;
    assert_int_equal(
        dialog_from_response(&arena, read_msg(RESPONSE("180 Ringing", ";tag=b1", "Record-Route: <sip:old.example;lr>, <sip:x.example;lr>\r\n" CONTACT_B)),
                             false, &d),
        ERR_OK);
    assert_false(d.confirmed);
    assert_int_equal(dialog_on_response(&d, ok), ERR_OK);
    assert_true(d.confirmed);
    assert_int_equal(d.n_routes, 1);
    assert_text(d.route[0], "sip:new.example;lr");
    assert_text(d.target, "sip:1002@192.0.2.9");
    /* once confirmed the route set never changes again, whatever a repeated 2xx says */
    assert_int_equal(dialog_on_response(&d, read_msg(RESPONSE("200 OK", ";tag=b1", "Record-Route: <sip:evil.example;lr>\r\n" CONTACT_B))),
                     ERR_OK);
    assert_text(d.route[0], "sip:new.example;lr");
}

static void requests_match_by_call_id_and_both_tags(void **state)
{
    struct dialog d;
    struct dialog_uas uas = {.request = read_msg(INVITE(CONTACT_A)), .local_tag = S("b9")};
    const char *format[] = {"a1", "b9", "c1"};
    char text[512];

    (void)state;
    assert_int_equal(dialog_from_request(&arena, &uas, &d), ERR_OK);
    for (int wrong = 0; wrong <= 3; wrong++) {
        const char *tag[3];
        for (int i = 0; i < 3; i++)
            tag[i] = i == wrong ? "zz" : format[i];
        int n = snprintf(text, sizeof text,
                         "BYE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK2\r\nFrom: <sip:a@b>;tag=%s\r\n"
                         "To: <sip:c@d>;tag=%s\r\nCall-ID: %s\r\nCSeq: 8 BYE\r\nContent-Length: 0\r\n\r\n",
                         tag[0], tag[1], tag[2]);
        assert_true(n > 0);
        assert_int_equal(dialog_has_request(&d, read_msg(text)), wrong == 3);
    }
}

static void lower_cseq_is_stale_and_gaps_are_lawful(void **state)
{
    struct dialog d;
    struct dialog_uas uas = {.request = read_msg(INVITE(CONTACT_A)), .local_tag = S("b9")};

    (void)state;
    assert_int_equal(dialog_from_request(&arena, &uas, &d), ERR_OK);
    assert_int_equal(dialog_take_cseq(&d, 6), ERR_STALE);
    assert_int_equal(d.remote_cseq, 7);
    assert_int_equal(dialog_take_cseq(&d, 20), ERR_OK);
    assert_int_equal(dialog_take_cseq(&d, 19), ERR_STALE);
    assert_int_equal(dialog_take_cseq(&d, 4294967295u), ERR_OK);
}

static void refresh_moves_the_target_and_bad_contacts_do_not(void **state)
{
    struct dialog d;
    struct dialog_uas uas = {.request = read_msg(INVITE(CONTACT_A)), .local_tag = S("b9")};
    char text[1024], user[400];

    (void)state;
    assert_int_equal(dialog_from_request(&arena, &uas, &d), ERR_OK);
    assert_int_equal(dialog_refresh(&d, read_msg(INVITE("Contact: <sip:1001@192.0.2.77:6000>\r\n"))), ERR_OK);
    assert_text(d.target, "sip:1001@192.0.2.77:6000");
    assert_int_equal(dialog_refresh(&d, read_msg(INVITE(""))), ERR_OK);
    assert_int_equal(dialog_refresh(&d, read_msg(INVITE("Contact: *\r\n"))), ERR_SYNTAX);
    assert_text(d.target, "sip:1001@192.0.2.77:6000");
    memset(user, 'u', sizeof user);
    assert_true(snprintf(text, sizeof text, INVITE("Contact: <sip:%.*s@h>\r\n"), (int)sizeof user, user) > 0);
    assert_int_equal(dialog_refresh(&d, read_msg(text)), ERR_OK); /* longer than the room kept for it */
    assert_int_equal(d.target.n, sizeof user + 6);
    char *before = arena.at;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(dialog_refresh(&d, uas.request), ERR_OK);
    assert_ptr_equal(arena.at, before); /* refreshing eats no memory */
}

/* RFC 3891 §3: in the header that reaches us, to-tag is ours. */
static void replaces_names_the_dialog_from_the_receivers_view(void **state)
{
    struct dialog uac, uas_d;
    struct dialog_uas uas = {.request = read_msg(INVITE(CONTACT_A)), .local_tag = S("b1")};
    struct dialog_ref ref;

    (void)state;
    assert_int_equal(dialog_from_request(&arena, &uas, &uas_d), ERR_OK);
    assert_int_equal(dialog_from_response(&arena, read_msg(RESPONSE("200 OK", ";tag=b1", CONTACT_B)), false, &uac), ERR_OK);
    ref = dialog_ref_for_peer(&uac);
    assert_true(dialog_is_named(&uas_d, &ref));
    assert_false(dialog_is_named(&uac, &ref));
    ref.from_tag = S("other");
    assert_false(dialog_is_named(&uas_d, &ref));
}

static void long_route_sets_are_refused(void **state)
{
    char text[8192];
    struct buf b = BUF_ON(text);
    struct dialog d;

    (void)state;
    buf_put(&b, S("INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
                  "Call-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\n"));
    for (int i = 0; i <= DIALOG_MAX_ROUTES; i++)
        buf_put(&b, S("Record-Route: <sip:p;lr>\r\n"));
    buf_puts(&b, S("Content-Length: 0\r\n\r\n"), S("\0"));
    assert_int_equal(buf_err(&b), ERR_OK);
    struct dialog_uas uas = {.request = read_msg(text), .local_tag = S("b1")};
    assert_int_equal(dialog_from_request(&arena, &uas, &d), ERR_LIMIT);
}

/* Memory that runs out at each point in turn is said, never half used. */
static void memory_may_run_out_anywhere(void **state)
{
    static alignas(max_align_t) char small[4096];
    const struct msg *m = read_msg(RESPONSE("200 OK", ";tag=b1", "Record-Route: <sip:p1.example;lr>\r\n" CONTACT_B));
    size_t n = 0;
    enum err e = ERR_NOMEM;

    (void)state;
    for (; e && n <= sizeof small; n += 16) {
        struct arena a;
        struct dialog d;
        arena_init_fixed(&a, small, n);
        e = dialog_from_response(&a, m, false, &d);
        assert_true(e == ERR_OK || e == ERR_NOMEM);
    }
    assert_int_equal(e, ERR_OK);
    assert_true(n > 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(uac_2xx_makes_a_dialog_with_routes_in_reverse, begin),
        cmocka_unit_test_setup(what_makes_no_dialog_is_said, begin),
        cmocka_unit_test_setup(a_2xx_without_tag_is_from_an_rfc2543_peer, begin),
        cmocka_unit_test_setup(uas_dialog_has_routes_in_order_and_our_tag, begin),
        cmocka_unit_test_setup(loose_route_keeps_the_target_in_the_request_line, begin),
        cmocka_unit_test_setup(strict_route_goes_into_the_request_line_and_the_target_last, begin),
        cmocka_unit_test_setup(a_2xx_takes_the_route_set_anew, begin),
        cmocka_unit_test_setup(requests_match_by_call_id_and_both_tags, begin),
        cmocka_unit_test_setup(lower_cseq_is_stale_and_gaps_are_lawful, begin),
        cmocka_unit_test_setup(refresh_moves_the_target_and_bad_contacts_do_not, begin),
        cmocka_unit_test_setup(replaces_names_the_dialog_from_the_receivers_view, begin),
        cmocka_unit_test_setup(long_route_sets_are_refused, begin),
        cmocka_unit_test_setup(memory_may_run_out_anywhere, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
