/* way_test.c - a proxy's view of a dialog: directions and the CSeq shift (PROTOCOL 4.2). */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sip/dialog/dialog.h"

static alignas(max_align_t) char block[1 << 16];
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

#define REQUEST(method, from, to, cseq, rows)                                                           \
    method " sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK2\r\nFrom: <sip:a@b>" from "\r\n"       \
           "To: <sip:c@d>" to "\r\nCall-ID: c1\r\nCSeq: " cseq " " method "\r\n" rows "Content-Length: 0\r\n\r\n"
#define RESPONSE(method, from, to, cseq, rows)                                                          \
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK2\r\nFrom: <sip:a@b>" from "\r\n"                \
    "To: <sip:c@d>" to "\r\nCall-ID: c1\r\nCSeq: " cseq " " method "\r\n" rows "Content-Length: 0\r\n\r\n"

static void the_way_of_a_message_is_told_by_its_tags(void **state)
{
    struct dialog_ids ids;

    (void)state;
    assert_int_equal(dialog_ids_of(read_msg(REQUEST("BYE", ";tag=A", ";tag=B", "1", "")), &ids), ERR_OK);
    assert_int_equal(dialog_way_of(&ids, read_msg(REQUEST("BYE", ";tag=A", ";tag=B", "2", ""))), DIALOG_FROM_CALLER);
    assert_int_equal(dialog_way_of(&ids, read_msg(REQUEST("BYE", ";tag=B", ";tag=A", "2", ""))), DIALOG_FROM_CALLEE);
    assert_int_equal(dialog_way_of(&ids, read_msg(RESPONSE("BYE", ";tag=B", ";tag=A", "2", ""))), DIALOG_FROM_CALLEE);
    assert_int_equal(dialog_way_of(&ids, read_msg(REQUEST("BYE", ";tag=A", ";tag=C", "2", ""))), DIALOG_NO_WAY);
    assert_int_equal(dialog_way_of(&ids, read_msg(REQUEST("BYE", ";tag=A", "", "2", ""))), DIALOG_NO_WAY);
    ids.call_id = S("c2");
    assert_int_equal(dialog_way_of(&ids, read_msg(REQUEST("BYE", ";tag=A", ";tag=B", "2", ""))), DIALOG_NO_WAY);
}

static void before_a_to_tag_only_responses_may_bring_one(void **state)
{
    struct dialog_ids ids;

    (void)state;
    assert_int_equal(dialog_ids_of(read_msg(REQUEST("INVITE", ";tag=A", "", "1", "")), &ids), ERR_OK);
    assert_int_equal(dialog_way_of(&ids, read_msg(RESPONSE("INVITE", ";tag=A", ";tag=B", "1", ""))), DIALOG_FROM_CALLER);
    assert_int_equal(dialog_way_of(&ids, read_msg(REQUEST("INVITE", ";tag=A", "", "1", ""))), DIALOG_FROM_CALLER);
    assert_int_equal(dialog_way_of(&ids, read_msg(REQUEST("BYE", ";tag=A", ";tag=B", "1", ""))), DIALOG_NO_WAY);
    assert_int_equal(dialog_ids_of(read_msg(REQUEST("INVITE", "", "", "1", "")), &ids), ERR_NOTFOUND);
}

struct shifted {
    const char *in;
    uint32_t    own, other;
    const char *out; /* NULL: as it came */
};

static void check_shift(const struct shifted *s)
{
    char room[2048];
    struct buf b = BUF_ON(room);
    struct msg_edit e;
    struct dialog_shift t = {.own = s->own, .other = s->other};
    const struct msg *m = read_msg(s->in);
    const char *want = s->out ? s->out : s->in;

    msg_edit_begin(&e, m);
    assert_int_equal(m->is_request ? dialog_shift_request(&e, &t) : dialog_shift_response(&e, &t), ERR_OK);
    assert_int_equal(msg_edit_write(&e, &b), ERR_OK);
    assert_int_equal(b.n, strlen(want));
    assert_memory_equal(b.p, want, b.n);
}

static void p4_2_cseq_is_shifted_and_taken_back(void **state)
{
    const struct shifted cases[] = {
        {REQUEST("BYE", ";tag=A", ";tag=B", "9", ""), 0, 5, NULL},
        {REQUEST("BYE", ";tag=A", ";tag=B", "9", ""), 2, 0, REQUEST("BYE", ";tag=A", ";tag=B", "11", "")},
        {RESPONSE("BYE", ";tag=A", ";tag=B", "11", ""), 2, 0, RESPONSE("BYE", ";tag=A", ";tag=B", "9", "")},
        {REQUEST("ACK", ";tag=A", ";tag=B", "9", ""), 1, 0, REQUEST("ACK", ";tag=A", ";tag=B", "10", "")},
        {REQUEST("BYE", ";tag=A", ";tag=B", "4294967294", ""), 1, 0, REQUEST("BYE", ";tag=A", ";tag=B", "4294967295", "")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_shift(&cases[i]);
}

static void p4_2_rack_moves_as_cseq_does(void **state)
{
    const struct shifted cases[] = {
        {REQUEST("PRACK", ";tag=A", ";tag=B", "9", "RAck: 776656 8 INVITE\r\n"), 3, 0,
         REQUEST("PRACK", ";tag=A", ";tag=B", "12", "RAck: 776656 11 INVITE\r\n")},
        {REQUEST("PRACK", ";tag=A", ";tag=B", "9", "RAck: 776656  \t8\r\n INVITE\r\n"), 1, 0,
         REQUEST("PRACK", ";tag=A", ";tag=B", "10", "RAck: 776656  \t9\r\n INVITE\r\n")},
        {REQUEST("PRACK", ";tag=A", ";tag=B", "9", "RAck: 776656 8 INVITE\r\n"), 0, 4, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_shift(&cases[i]);
}

static void p4_2_event_id_of_a_notify_is_the_other_sides(void **state)
{
    const struct shifted cases[] = {
        {REQUEST("NOTIFY", ";tag=B", ";tag=A", "3", "Event: refer;id=11\r\n"), 0, 2,
         REQUEST("NOTIFY", ";tag=B", ";tag=A", "3", "Event: refer;id=9\r\n")},
        {REQUEST("NOTIFY", ";tag=B", ";tag=A", "3", "Event: refer;id=11\r\n"), 1, 2,
         REQUEST("NOTIFY", ";tag=B", ";tag=A", "4", "Event: refer;id=9\r\n")},
        {REQUEST("SUBSCRIBE", ";tag=A", ";tag=B", "9", "Event: refer;id=9\r\n"), 2, 0,
         REQUEST("SUBSCRIBE", ";tag=A", ";tag=B", "11", "Event: refer;id=11\r\n")},
        {REQUEST("NOTIFY", ";tag=B", ";tag=A", "3", "Event: refer\r\n"), 0, 2, NULL},
        {REQUEST("NOTIFY", ";tag=B", ";tag=A", "3", "Event: dialog;id=11\r\n"), 0, 2, NULL},
        {RESPONSE("SUBSCRIBE", ";tag=A", ";tag=B", "11", "Event: refer;id=11\r\n"), 2, 0,
         RESPONSE("SUBSCRIBE", ";tag=A", ";tag=B", "9", "Event: refer;id=9\r\n")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_shift(&cases[i]);
}

static void p4_2_a_number_that_would_leave_its_range_is_refused(void **state)
{
    struct msg_edit e;
    struct dialog_shift t = {.own = 10};

    (void)state;
    msg_edit_begin(&e, read_msg(RESPONSE("BYE", ";tag=A", ";tag=B", "9", "")));
    assert_int_equal(dialog_shift_response(&e, &t), ERR_INVALID);
    msg_edit_begin(&e, read_msg(REQUEST("BYE", ";tag=A", ";tag=B", "4294967290", "")));
    assert_int_equal(dialog_shift_request(&e, &t), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_way_of_a_message_is_told_by_its_tags, begin),
        cmocka_unit_test_setup(before_a_to_tag_only_responses_may_bring_one, begin),
        cmocka_unit_test_setup(p4_2_cseq_is_shifted_and_taken_back, begin),
        cmocka_unit_test_setup(p4_2_rack_moves_as_cseq_does, begin),
        cmocka_unit_test_setup(p4_2_event_id_of_a_notify_is_the_other_sides, begin),
        cmocka_unit_test_setup(p4_2_a_number_that_would_leave_its_range_is_refused, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
