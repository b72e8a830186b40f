/* match_test.c - what matches what: RFC 3261 §17.1.3, §17.2.3 both procedures, §9.2, §8.2.2.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sip/tsx/tsx.h"

static const struct hash_key hash = {0x0123456789abcdef, 0xfedcba9876543210};

/* A message with what matching looks at. */
struct said {
    const char *start, *via, *from_tag, *to_tag, *call_id, *cseq;
};

#define VIA "SIP/2.0/UDP a.example.com:5060;branch=z9hG4bK77"
#define VIA_2543 "SIP/2.0/UDP a.example.com:5060"
#define URI "sip:bob@example.com"

static const struct said invite = {"INVITE " URI " SIP/2.0", VIA, "f1", "", "c1", "7 INVITE"};
static const struct said invite_2543 = {"INVITE " URI " SIP/2.0", VIA_2543, "f1", "", "c1", "7 INVITE"};

static void put_tag(struct buf *b, const char *tag)
{
    if (*tag)
        buf_puts(b, S(";tag="), slice_z(tag));
    buf_put(b, S("\r\n"));
}

static struct msg *make(struct arena *a, const struct said *s)
{
    static char text[8][1024];
    static int  turn;
    struct buf  b;
    struct msg *m;

    turn = (turn + 1) % 8;
    buf_init(&b, text[turn], sizeof text[turn]);
    buf_puts(&b, slice_z(s->start), S("\r\nVia: "), slice_z(s->via), S("\r\nFrom: <sip:a@example.com>"));
    put_tag(&b, s->from_tag);
    buf_put(&b, S("To: <sip:b@example.com>"));
    put_tag(&b, s->to_tag);
    buf_puts(&b, S("Call-ID: "), slice_z(s->call_id), S("\r\nCSeq: "), slice_z(s->cseq), S("\r\n\r\n"));
    assert_int_equal(buf_err(&b), ERR_OK);
    assert_int_equal(msg_parse(a, buf_slice(&b), &m), ERR_OK);
    return m;
}

static struct tsx_match match_of(const struct said *s)
{
    static char      block[65536];
    struct arena     a;
    struct tsx_match r;

    arena_init_fixed(&a, block, sizeof block);
    assert_int_equal(tsx_match_request(&hash, make(&a, s), &r), ERR_OK);
    return r;
}

static struct said with_via(struct said s, const char *via) { s.via = via; return s; }
static struct said with_start(struct said s, const char *start, const char *cseq)
{
    s.start = start;
    s.cseq = cseq;
    return s;
}

static bool same_tsx(const struct said *x, const struct said *y)
{
    struct tsx_match a = match_of(x), b = match_of(y);
    struct tsx_tags  tags = {.request = a.to_tag};

    return tsx_key_eq(a.key, b.key) && tsx_tags_match(&tags, &b, false);
}

static void s17_2_3_branch_sent_by_and_method(void **state)
{
    struct said again = invite;
    struct said other_branch = with_via(invite, "SIP/2.0/UDP a.example.com:5060;branch=z9hG4bK78");
    struct said other_host = with_via(invite, "SIP/2.0/UDP b.example.com:5060;branch=z9hG4bK77");
    struct said other_port = with_via(invite, "SIP/2.0/UDP a.example.com:5061;branch=z9hG4bK77");
    struct said other_case = with_via(invite, "SIP/2.0/UDP A.Example.COM:5060;rport;branch=z9hG4bK77");
    struct said bye = with_start(invite, "BYE " URI " SIP/2.0", "7 BYE");

    (void)state;
    assert_true(same_tsx(&invite, &again));
    again.call_id = "other"; /* branches should be unique in the world; where they are not, the call tells */
    assert_false(same_tsx(&invite, &again));
    assert_true(same_tsx(&invite, &other_case));
    assert_false(same_tsx(&invite, &other_branch));
    assert_false(same_tsx(&invite, &other_host));
    assert_false(same_tsx(&invite, &other_port));
    assert_false(same_tsx(&invite, &bye));
    assert_false(match_of(&invite).rfc2543);
}

static void s17_2_3_ack_and_cancel_find_their_invite(void **state)
{
    struct said      ack = with_start(invite, "ACK " URI " SIP/2.0", "7 ACK");
    struct said      cancel = with_start(invite, "CANCEL " URI " SIP/2.0", "7 CANCEL");
    struct tsx_match i = match_of(&invite), a, c = match_of(&cancel);
    struct tsx_tags  tags = {.request = i.to_tag};

    (void)state;
    ack.to_tag = "whatever"; /* the response's: not looked at */
    a = match_of(&ack);
    assert_true(tsx_key_eq(i.key, i.invite));
    assert_true(tsx_key_eq(i.key, a.invite));
    assert_true(tsx_key_eq(i.key, c.invite));
    assert_true(tsx_tags_match(&tags, &a, true));
    assert_true(tsx_tags_match(&tags, &c, false));
    assert_false(tsx_key_eq(i.key, a.key));
    assert_false(tsx_key_eq(i.key, c.key)); /* a CANCEL is a transaction of its own (§9.2) */
    assert_false(a.may_merge || c.may_merge);
}

static void s17_2_3_rfc2543_all_of_it(void **state)
{
    struct said x;

    (void)state;
    assert_true(match_of(&invite_2543).rfc2543);
    assert_true(same_tsx(&invite_2543, &invite_2543));
    x = invite_2543, x.call_id = "c2";
    assert_false(same_tsx(&invite_2543, &x));
    x = invite_2543, x.from_tag = "f2";
    assert_false(same_tsx(&invite_2543, &x));
    x = invite_2543, x.to_tag = "t1";
    assert_false(same_tsx(&invite_2543, &x));
    x = with_start(invite_2543, invite_2543.start, "8 INVITE");
    assert_false(same_tsx(&invite_2543, &x));
    x = with_start(invite_2543, "INVITE sip:carol@example.com SIP/2.0", "7 INVITE");
    assert_false(same_tsx(&invite_2543, &x));
    x = with_start(invite_2543, "BYE " URI " SIP/2.0", "7 BYE");
    assert_false(same_tsx(&invite_2543, &x));
    x = with_via(invite_2543, "SIP/2.0/UDP b.example.com:5060");
    assert_false(same_tsx(&invite_2543, &x));
    x = with_via(invite_2543, "SIP/2.0/UDP a.example.com:5060;branch=1");
    assert_false(same_tsx(&invite_2543, &x));
}

static void s17_2_3_rfc2543_ack_carries_the_tag_of_the_response(void **state)
{
    struct said      ack = with_start(invite_2543, "ACK " URI " SIP/2.0", "7 ACK");
    struct said      cancel = with_start(invite_2543, "CANCEL " URI " SIP/2.0", "7 CANCEL");
    struct tsx_match i = match_of(&invite_2543), a, c = match_of(&cancel);
    struct tsx_tags  tags = {.request = i.to_tag, .response = tsx_tag_hash(&hash, S("t9"))};

    (void)state;
    ack.to_tag = "t9";
    a = match_of(&ack);
    assert_true(tsx_key_eq(i.key, a.invite));
    assert_true(tsx_tags_match(&tags, &a, true));
    ack.to_tag = "t8";
    a = match_of(&ack);
    assert_true(tsx_key_eq(i.key, a.invite));
    assert_false(tsx_tags_match(&tags, &a, true));
    assert_true(tsx_key_eq(i.key, c.invite));
    assert_true(tsx_tags_match(&tags, &c, false));
}

/* RFC 4475 §3.2.1: nothing behind the cookie; two such requests are not one transaction. */
static void bare_cookie_is_matched_as_rfc2543(void **state)
{
    struct said x = with_via(invite, "SIP/2.0/UDP a.example.com;branch=z9hG4bK");
    struct said y = x;

    (void)state;
    y.call_id = "c2";
    assert_true(match_of(&x).rfc2543);
    assert_false(same_tsx(&x, &y));
}

static void s8_2_2_2_merged_has_another_branch_and_the_same_cseq(void **state)
{
    struct said      other = with_via(invite, "SIP/2.0/UDP p.example.com;branch=z9hG4bK99");
    struct tsx_match i = match_of(&invite), o = match_of(&other);

    (void)state;
    assert_true(i.may_merge && o.may_merge);
    assert_false(tsx_key_eq(i.key, o.key));
    assert_true(tsx_key_eq(i.merged, o.merged));
    other.from_tag = "f2";
    assert_false(tsx_key_eq(i.merged, match_of(&other).merged));
    other = with_via(invite, other.via), other.call_id = "c2";
    assert_false(tsx_key_eq(i.merged, match_of(&other).merged));
}

static void protocol_7_5_another_cseq_is_another_attempt(void **state)
{
    struct said other = with_start(invite, invite.start, "8 INVITE");
    struct said options = with_start(invite, "OPTIONS " URI " SIP/2.0", "7 OPTIONS");

    (void)state;
    assert_false(tsx_key_eq(match_of(&invite).merged, match_of(&other).merged));
    assert_false(tsx_key_eq(match_of(&invite).merged, match_of(&options).merged));
}

static void s8_2_2_2_inside_a_dialog_nothing_merges(void **state)
{
    struct said inside = invite, untagged = invite;

    (void)state;
    inside.to_tag = "t1";
    untagged.from_tag = "";
    assert_false(match_of(&inside).may_merge);
    assert_false(match_of(&untagged).may_merge); /* RFC 2543: nothing to tell two callers apart by */
}

static struct tsx_key response_key(const struct said *s)
{
    static char    block[65536];
    struct arena   a;
    struct tsx_key k;

    arena_init_fixed(&a, block, sizeof block);
    assert_int_equal(tsx_match_response(make(&a, s), &k), ERR_OK);
    return k;
}

static void s17_1_3_branch_and_method_of_cseq(void **state)
{
    struct said    r = {"SIP/2.0 200 OK", VIA, "f1", "t1", "c1", "7 INVITE"};
    struct tsx_key mine = tsx_client_key(S("z9hG4bK77"), S("INVITE"));

    (void)state;
    assert_true(tsx_key_eq(mine, response_key(&r)));
    r.via = "SIP/2.0/TCP elsewhere.example.com;rport=5;received=192.0.2.1;branch=z9hG4bK77";
    assert_true(tsx_key_eq(mine, response_key(&r)));
    r.cseq = "7 CANCEL"; /* the same branch, another transaction */
    assert_false(tsx_key_eq(mine, response_key(&r)));
    r.cseq = "7 INVITE", r.via = "SIP/2.0/UDP a.example.com;branch=z9hG4bK78";
    assert_false(tsx_key_eq(mine, response_key(&r)));
}

static void without_via_or_cseq_nothing_matches(void **state)
{
    static char      block[65536];
    struct arena     a;
    struct msg      *m;
    struct tsx_match r;
    struct tsx_key   k;

    (void)state;
    arena_init_fixed(&a, block, sizeof block);
    assert_int_equal(msg_parse(&a, S("BYE sip:b@example.com SIP/2.0\r\nCSeq: 1 BYE\r\n\r\n"), &m), ERR_OK);
    assert_int_not_equal(tsx_match_request(&hash, m, &r), ERR_OK);
    assert_int_equal(msg_parse(&a, S("SIP/2.0 200 OK\r\nVia: " VIA "\r\n\r\n"), &m), ERR_OK);
    assert_int_not_equal(tsx_match_response(m, &k), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s17_2_3_branch_sent_by_and_method),
        cmocka_unit_test(s17_2_3_ack_and_cancel_find_their_invite),
        cmocka_unit_test(s17_2_3_rfc2543_all_of_it),
        cmocka_unit_test(s17_2_3_rfc2543_ack_carries_the_tag_of_the_response),
        cmocka_unit_test(bare_cookie_is_matched_as_rfc2543),
        cmocka_unit_test(s8_2_2_2_merged_has_another_branch_and_the_same_cseq),
        cmocka_unit_test(protocol_7_5_another_cseq_is_another_attempt),
        cmocka_unit_test(s8_2_2_2_inside_a_dialog_nothing_merges),
        cmocka_unit_test(s17_1_3_branch_and_method_of_cseq),
        cmocka_unit_test(without_via_or_cseq_nothing_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
