/* parse_test.c - messages cut into start line, rows and body: RFC 3261 §7, §18.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sip/msg/msg_walk.h"

#define assert_slice(got, want) assert_true(slice_eq((got), S(want)))

static char block[256 * 1024];

static struct msg *parsed(struct slice octets)
{
    struct msg *m = walk_parse(octets, block, sizeof block);

    if (!m)
        fail_msg("not parsed");
    return m;
}

static enum err parse_err(struct slice octets, size_t room)
{
    struct arena a;
    struct msg  *m = NULL;
    enum err     e;

    arena_init_fixed(&a, block, room);
    e = msg_parse(&a, octets, &m);
    assert_true(e ? m == NULL : m != NULL);
    return e;
}

static const struct slice invite =
    S("INVITE sip:bob@example.com SIP/2.0\r\n"
      "Via: SIP/2.0/UDP a.example.com;branch=z9hG4bK1\r\n"
      "v : SIP/2.0/UDP b.example.com\r\n"
      "X-New:\r\n folded\r\n\t twice \r\n"
      "Empty:\r\n"
      "i:\t1@a \r\n"
      "l: 3\r\n"
      "\r\n"
      "abcdef");

static void a_request(void **state)
{
    struct msg          *m = parsed(invite);
    const struct msg_row *r;
    struct slice         text;
    struct arena         a;
    char                 scratch[100];

    (void)state;
    assert_null(m->fault.what);
    assert_true(m->is_request);
    assert_int_equal(m->method_id, METHOD_INVITE);
    assert_slice(m->method, "INVITE");
    assert_slice(m->uri, "sip:bob@example.com");
    assert_slice(m->version, "SIP/2.0");
    assert_int_equal(m->n_rows, 6);
    assert_slice(m->body, "abc");
    assert_true(m->raw.n == invite.n - 3); /* what is behind Content-Length is another's */
    r = msg_row(m, HDR_VIA);
    assert_slice(r->line, "Via: SIP/2.0/UDP a.example.com;branch=z9hG4bK1\r\n");
    r = msg_row_next(m, r);
    assert_slice(r->name, "v");
    assert_slice(r->value, "SIP/2.0/UDP b.example.com");
    assert_null(msg_row_next(m, r));
    assert_int_equal(msg_count(m, HDR_VIA), 2);
    r = msg_row_named(m, S("x-nEW"));
    assert_int_equal(r->id, HDR_OTHER);
    assert_slice(r->value, "folded\r\n\t twice");
    assert_slice(r->line, "X-New:\r\n folded\r\n\t twice \r\n");
    arena_init_fixed(&a, scratch, sizeof scratch);
    assert_int_equal(msg_unfold(&a, r->value, &text), ERR_OK);
    assert_slice(text, "folded twice");
    r = msg_row_named(m, S("Empty"));
    assert_int_equal(r->value.n, 0);
    assert_true(r->value.p > r->line.p && r->value.p < r->line.p + r->line.n);
    assert_slice(msg_value(m, HDR_CALL_ID), "1@a");
    assert_false(msg_has(m, HDR_ROUTE));
    assert_null(msg_row(m, HDR_ROUTE));
    assert_int_equal(msg_value(m, HDR_ROUTE).n, 0);
    msg_walk(m);
}

static void a_response(void **state)
{
    struct msg *m = parsed(S("\r\n\r\nSIP/2.0 486 Busy Here, really\r\nCSeq: 7 INVITE\r\n\r\n"));

    (void)state;
    assert_null(m->fault.what);
    assert_false(m->is_request);
    assert_int_equal(m->status, 486);
    assert_slice(m->reason, "Busy Here, really");
    assert_int_equal(m->method.n, 0);
    assert_int_equal(msg_method(m), METHOD_INVITE);
    assert_int_equal(m->raw.p[0], 'S');
    m = parsed(S("sip/2.0 100 \r\n\r\n"));
    assert_int_equal(m->status, 100);
    assert_int_equal(m->reason.n, 0);
    m = parsed(S("SIP/2.0 200\r\n\r\n"));
    assert_int_equal(m->status, 200);
}

static void without_content_length_all_is_body(void **state)
{
    (void)state;
    assert_slice(parsed(S("BYE sip:a SIP/2.0\r\n\r\nall\r\nof it"))->body, "all\r\nof it");
    assert_int_equal(parsed(S("BYE sip:a SIP/2.0\r\n\r\n"))->body.n, 0);
}

struct faulty {
    struct slice text;
    unsigned     code;
    enum hdr_id  hdr;
};

static void what_is_broken_is_noted_and_the_rest_is_there(void **state)
{
    static const struct faulty faulty[] = {
        {S("BYE  sip:a SIP/2.0\r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("BYE sip:a SIP/2.0 \r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S(" BYE sip:a SIP/2.0\r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("BYE sip:a\r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("BYE sip:a SIP/2.x\r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("BYE sip:a SIP/3.0\r\nTo: x\r\n\r\n"), 505, HDR_OTHER},
        {S("SIP/2.0 99 No\r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("SIP/2.0 700 No\r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("SIP/2.0 4294967496 No\r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("SIP/2.0 +20 No\r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("SIP/1.0 200 OK\r\nTo: x\r\n\r\n"), 505, HDR_OTHER},
        {S("BYE sip:a SIP/2.0\r\nno colon\r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("BYE sip:a SIP/2.0\r\n: empty\r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("BYE sip:a SIP/2.0\r\n fold of nothing\r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("BYE sip:a SIP/2.0\r\nA\xc3\xa4: y\r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("BYE sip:a SIP/2.0\r\nTo: x\r\n"), 400, HDR_OTHER},
        {S("BYE sip:a SIP/2.0\r\nTo: x"), 400, HDR_OTHER},
        {S("BYE sip:a SIP/2.0\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("BYE sip:a SIP/2.0\r\nTo: x\n\r\n"), 400, HDR_OTHER},
        {S("BYE sip:a SIP/2.0\r\nTo: x\r\n\n"), 400, HDR_OTHER},
        {S("BYE sip:a SIP/2.0\r\nSubject: a\rFrom: y\r\nTo: x\r\n\r\n"), 400, HDR_OTHER},
        {S("BYE sip:a SIP/2.0\r\nTo: x\r\nContent-Length: 5\r\n\r\n1234"), 400, HDR_CONTENT_LENGTH},
        {S("BYE sip:a SIP/2.0\r\nTo: x\r\nl: -1\r\n\r\n"), 400, HDR_CONTENT_LENGTH},
        {S("BYE sip:a SIP/2.0\r\nTo: x\r\nl: five\r\n\r\n"), 400, HDR_CONTENT_LENGTH},
        {S("BYE sip:a SIP/2.0\r\nTo: x\r\nl:\r\n\r\n"), 400, HDR_CONTENT_LENGTH},
        {S("BYE sip:a SIP/2.0\r\nTo: x\r\nl: 99999999999999999999\r\n\r\n"), 400, HDR_CONTENT_LENGTH},
        {S("BYE sip:a SIP/2.0\r\nTo: x\r\nl: 0\r\nContent-length: 0\r\n\r\n"), 400, HDR_CONTENT_LENGTH},
    };

    (void)state;
    for (size_t i = 0; i < sizeof faulty / sizeof faulty[0]; i++) {
        struct msg      *m = parsed(faulty[i].text);
        struct msg_fault f = {0};

        if (!m->fault.what || m->fault.code != faulty[i].code || m->fault.hdr != faulty[i].hdr)
            fail_msg("case %zu: %s", i, m->fault.what ? m->fault.what : "no fault");
        assert_int_equal(msg_check(m, &f), faulty[i].code);
        assert_slice(msg_value(m, HDR_TO), "x");
        msg_walk(m);
    }
}

static void what_is_no_sip_is_nothing(void **state)
{
    static const struct slice nothing[] = {
        S(""), S("\r\n"), S("\r\n\r\n"), S("\0\0\0\0"), S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), S("hello\r\n\r\n"),
        S("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"), S("SIP/2.0\r\n\r\n"), S("SIP/x 200 OK\r\n\r\n"), S("NEW sip:a\r\n\r\n"),
        S("B(E sip:a SIP/2.0\r\n\r\n"), S("BYE\r\n\r\n"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
        if (parse_err(nothing[i], sizeof block) != ERR_SYNTAX)
            fail_msg("case %zu", i);
}

/* What msg_parse() makes of a second row. The octets end where their memory does: the sanitizer sees who looks further. */
static struct msg_row second_row(struct slice row, struct slice behind, char **octets)
{
    struct slice   before = S("BYE sip:a SIP/2.0\r\nMax-Forwards: 70\r\n");
    struct buf     b;
    struct msg    *m;
    struct msg_row none = {0};

    assert_non_null(*octets = malloc(before.n + row.n + behind.n));
    buf_init(&b, *octets, before.n + row.n + behind.n);
    buf_puts(&b, before, row, behind);
    m = parsed(buf_slice(&b));
    return m->n_rows > 1 ? m->row[1] : none;
}

/* Sixteen octets are looked at at a time, or fewer where all of them end: none may see what stands behind its row. */
static void a_row_is_the_same_whatever_follows(void **state)
{
    static const struct slice rows[] = {
        S("l:0\r\n"), S("L\t : 0\r\n"), S("To: x\r\n"), S("t:\r\n"), S("T:  \r\n"), S("X:y \t\r\n"), S("CSeq:7 A\r\n"),
        S("cSEQ : 7\r\n"), S("Min-SE: 9\r\n"), S("A12345678901234:\r\n"), S("A123456789012345:b\r\n"), S("RAck:\n"),
        S("WWW-Authenticate: Digest\r\n"), S("Subscription-State:a\r\n"), S("P-Media-Authorization \t:a\r\n"),
        S("From :\r\n x\r\n"), S("no colon\r\n"), S("no colon in all of them\r\n"), S(":empty\r\n"), S("a b: c\r\n"),
        S("V\xff: c\r\n"), S("Content-Length:\t 5\n"), S("Call-ID\r\n"), S("Call-ID :\r\r\n"), S("Route: \n"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char          *a, *b;
        struct msg_row alone = second_row(rows[i], SLICE_NONE, &a), followed = second_row(rows[i], S(":::::::::::::::::\r\n"), &b);

        assert_true(!alone.name.p == !followed.name.p);
        assert_true(slice_eq(alone.name, followed.name) && slice_eq(alone.value, followed.value) && alone.id == followed.id);
        assert_true(!alone.name.p || alone.value.p - a == followed.value.p - b);
        free(a);
        free(b);
    }
}

static void only_white_space_is_cut_off_a_value(void **state)
{
    static const struct {
        const char *row, *value;
    } table[] = {
        {"To: abc\r\n", "abc"}, {"To: abc\n", "abc"}, {"To: abc", "abc"},     {"To:abc\r\n", "abc"},   {"To:  abc\r\n", "abc"},
        {"To: abc \r\n", "abc"}, {"To: a\r\n", "a"},   {"To: a\n", "a"},       {"To: \r\n", ""},        {"To:\n", ""},
        {"To:a\n", "a"},         {"To: ab\r", "ab"},   {"To:\tab\r\n", "ab"}, {"To: a\r\n b\n", "a\r\n b"}, {"To: a\n\t\n", "a"},
        {"To: a\r\r\n", "a"},    {"To: a\nX:b\n", "a"}, {"To: ab\rc\n", "ab\rc"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char          *octets;
        struct msg_row row = second_row(slice_z(table[i].row), SLICE_NONE, &octets);

        assert_true(slice_eq(row.value, slice_z(table[i].value)));
        free(octets);
    }
}

/* A message with a row of n octets between others. */
static struct slice with_long_row(struct buf *b, size_t n, struct slice body)
{
    buf_reset(b);
    buf_put(b, S("BYE sip:a SIP/2.0\r\nTo: b\r\nSubject: "));
    for (size_t i = 0; i + 11 < n; i++)
        buf_putc(b, (char)('a' + i % 26));
    buf_puts(b, S("\r\nMin-SE: 90\r\n\r\n"), body);
    return buf_slice(b);
}

/* Lines are looked for 64 octets at a time. */
static void a_line_may_end_anywhere(void **state)
{
    static const struct slice bodies[] = {SLICE_NONE, S("\r\n"), S("Route: x\r\n")};

    (void)state;
    for (size_t n = 12; n < 300; n++)
        for (size_t k = 0; k < sizeof bodies / sizeof bodies[0]; k++) {
            char          octets[512];
            struct buf    b = BUF_ON(octets);
            struct slice  in = with_long_row(&b, n, bodies[k]);
            char         *alone = malloc(in.n); /* what is read behind it is seen */
            struct msg   *m;

            assert_non_null(alone);
            memcpy(alone, in.p, in.n);
            m = parsed((struct slice){alone, in.n});
            assert_null(m->fault.what);
            assert_int_equal(m->n_rows, 3);
            assert_int_equal(m->row[1].line.n, n);
            assert_int_equal(m->row[1].value.n, n - 11);
            assert_slice(msg_value(m, HDR_MIN_SE), "90");
            assert_true(slice_eq(m->body, bodies[k]));
            free(alone);
        }
}

/* Wherever it stands, a CR or LF without the other is a fault of the whole, an HTAB is none, and all that is behind them is read. */
static void a_lone_line_end_is_seen_anywhere(void **state)
{
    static const struct {
        char c;
        bool bad;
    } table[] = {{'\r', true}, {'\n', true}, {'\t', false}, {'\x0e', false}, {'z', false}};

    (void)state;
    for (size_t at = 9; at < 190; at++)
        for (size_t k = 0; k < sizeof table / sizeof table[0]; k++) {
            char          octets[512];
            struct buf    b = BUF_ON(octets);
            struct slice  in = with_long_row(&b, 200, SLICE_NONE);
            size_t        subject = 26;
            struct msg   *m;

            octets[subject + at] = table[k].c;
            m = parsed(in);
            if (!m->fault.what != !table[k].bad || slice_cmp(msg_value(m, HDR_MIN_SE), S("90")) != 0)
                fail_msg("%d at %zu", table[k].c, at);
        }
}

static struct slice with_rows(struct buf *b, int n)
{
    buf_reset(b);
    buf_put(b, S("BYE sip:a SIP/2.0\r\n"));
    for (int i = 0; i < n; i++)
        buf_put(b, i % 2 ? S("m: <sip:a>\r\n") : S("X: y\r\n"));
    buf_put(b, S("\r\n"));
    return buf_slice(b);
}

static void write_at(char *at, struct slice text)
{
    memcpy(at, text.p, text.n);
}

static void limits_are_kept(void **state)
{
    static char octets[MSG_MAX_OCTETS + 1];
    struct buf  b = BUF_ON(octets);
    struct msg *m = parsed(with_rows(&b, MSG_MAX_ROWS));
    size_t      n = 0;

    (void)state;
    assert_int_equal(m->n_rows, MSG_MAX_ROWS);
    assert_int_equal(msg_count(m, HDR_CONTACT), MSG_MAX_ROWS / 2);
    assert_int_equal(parse_err(with_rows(&b, MSG_MAX_ROWS + 1), sizeof block), ERR_LIMIT);
    for (n = 0; parse_err(with_rows(&b, 33), n) == ERR_NOMEM; n += 64)
        assert_true(n < sizeof block);
    assert_int_equal(parse_err(with_rows(&b, 33), n), ERR_OK);
    memset(octets, 'x', sizeof octets);
    write_at(octets, S("BYE sip:a SIP/2.0\r\n\r\n"));
    assert_int_equal(parse_err((struct slice){octets, MSG_MAX_OCTETS}, sizeof block), ERR_OK);
    assert_int_equal(parse_err((struct slice){octets, MSG_MAX_OCTETS + 1}, sizeof block), ERR_LIMIT);
    write_at(octets, S("BYE sip:a SIP/2.0\r\nA:"));
    assert_int_equal(parse_err((struct slice){octets, MSG_MAX_HEAD + 100}, sizeof block), ERR_LIMIT);
    memset(octets, 'A', MSG_MAX_METHOD + 1);
    write_at(octets + MSG_MAX_METHOD + 1, S(" sip:a SIP/2.0\r\n\r\n"));
    assert_int_equal(parse_err((struct slice){octets, MSG_MAX_METHOD + 19}, sizeof block), ERR_SYNTAX);
    assert_int_equal(parse_err((struct slice){octets + 1, MSG_MAX_METHOD + 18}, sizeof block), ERR_OK);
}

static void protocol_3_1_the_call_id_for_steering(void **state)
{
    struct slice id = S("before");

    (void)state;
    assert_int_equal(msg_find_call_id(invite, &id), ERR_OK);
    assert_true(slice_eq(id, msg_call_id(parsed(invite))));
    assert_int_equal(msg_find_call_id(S("BYE sip:a SIP/2.0\r\nSubject:\r\n Call-ID: no\r\nCALL-id :\r\n 7\r\n\r\n"), &id), ERR_OK);
    assert_slice(id, "7");
    assert_int_equal(msg_find_call_id(S("BYE sip:a SIP/2.0\r\ni: 1\r\nCall-ID: 1\r\n\r\n"), &id), ERR_INVALID);
    assert_int_equal(msg_find_call_id(S("BYE sip:a SIP/2.0\r\nTo: x\r\n\r\ni: in the body\r\n"), &id), ERR_NOTFOUND);
    assert_int_equal(msg_find_call_id(S("BYE sip:a SIP/2.0\r\ni: \r\n\r\n"), &id), ERR_NOTFOUND);
    assert_int_equal(msg_find_call_id(S(""), &id), ERR_NOTFOUND);
    assert_int_equal(msg_find_call_id(SLICE_NONE, &id), ERR_NOTFOUND);
    assert_slice(id, "7");
}

static void protocol_3_1_two_call_ids_are_refused(void **state)
{
    struct msg      *m = parsed(S("BYE sip:a SIP/2.0\r\ni: 1\r\nCall-ID: 2\r\n\r\n"));
    struct msg_fault f;
    char             text[80];
    struct buf       b = BUF_ON(text);

    (void)state;
    assert_int_equal(msg_check(m, &f), 400);
    msg_put_fault(&b, &f);
    assert_slice(buf_slice(&b), "Repeated Call-ID header field");
}

static void lines_that_cannot_change_any_more(void **state)
{
    static const struct {
        const char *octets;
        size_t      sure;
    } table[] = {
        {"", 0},
        {"BYE sip:a SIP/2.0", 0},
        {"BYE sip:a SIP/2.0\r\n", 19},
        {"BYE sip:a SIP/2.0\r\nTo: x", 19},
        {"BYE sip:a SIP/2.0\r\nTo: x\r\n", 19}, /* it may be continued */
        {"BYE sip:a SIP/2.0\r\nTo: x\r\n ", 19},
        {"BYE sip:a SIP/2.0\r\nTo: x\r\nC", 26},
        {"BYE sip:a SIP/2.0\r\nTo: x\r\n y\r\nC", 30},
        {"BYE sip:a SIP/2.0\r\nTo: x\r\n\r", 26},
        {"BYE sip:a SIP/2.0\r\nTo: x\r\n\r\n", 26},
        {"BYE sip:a SIP/2.0\r\nTo: x\r\n\r\nbody\r\nbody", 26},
        {"\r\nBYE sip:a SIP/2.0\nTo: x\nC", 26},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct slice octets = slice_z(table[i].octets), sure = msg_sure_lines(octets);

        assert_int_equal(sure.n, table[i].sure);
        assert_true(slice_starts(octets, sure));
    }
}

#define BEGUN(row) "INVITE sip:bob@example.com SIP/2.0\r\n" row "\r\nSubject: x"

/* While a message comes nothing is missing; what has come and is wrong stays so. */
static void what_has_begun_is_judged_by_what_has_come(void **state)
{
    static const struct {
        const char *octets;
        unsigned    code;
    } table[] = {
        {BEGUN("Max-Forwards: 70"), 0},
        {BEGUN("Via: SIP/2.0/TCP a;branch=z9hG4bK1"), 0},
        {BEGUN("Via:"), 0},
        {BEGUN("Contact:"), 0},
        {BEGUN("Content-Length: 5"), 0},
        {BEGUN("Content-Length: five"), 0}, /* the framer's to say */
        {BEGUN("From: Bell, Alexander <sip:a@example.com>;tag=43"), 400},
        {BEGUN("CSeq: one INVITE"), 400},
        {BEGUN("CSeq: 1 OPTIONS"), 400},
        {BEGUN("Call-ID: a b"), 400},
        {BEGUN("Call-ID: a\r\ni: b"), 400},
        {BEGUN("Via: SIP/2.0"), 400},
        {BEGUN("Max-Forwards: 256"), 400},
        {BEGUN("Route: sip:a@example.com"), 400},
        {BEGUN("Contact: <sip:a@example.com>\r\nContact: *"), 400},
        {BEGUN("no colon"), 400},
        {"INVITE sip:bob@example.com SIP/7.0\r\nSubject: x\r\n", 505},
        {"INVITE none:bob SIP/2.0\r\nSubject: x\r\n", 416},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct msg_fault f;
        unsigned         code = msg_check_begun(parsed(msg_sure_lines(slice_z(table[i].octets))), &f);

        if (code != table[i].code)
            fail_msg("%s: %u", table[i].octets, code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request),
        cmocka_unit_test(a_response),
        cmocka_unit_test(without_content_length_all_is_body),
        cmocka_unit_test(what_is_broken_is_noted_and_the_rest_is_there),
        cmocka_unit_test(what_is_no_sip_is_nothing),
        cmocka_unit_test(a_row_is_the_same_whatever_follows),
        cmocka_unit_test(only_white_space_is_cut_off_a_value),
        cmocka_unit_test(a_line_may_end_anywhere),
        cmocka_unit_test(a_lone_line_end_is_seen_anywhere),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(protocol_3_1_the_call_id_for_steering),
        cmocka_unit_test(protocol_3_1_two_call_ids_are_refused),
        cmocka_unit_test(lines_that_cannot_change_any_more),
        cmocka_unit_test(what_has_begun_is_judged_by_what_has_come),
    };
    return cmocka_run_group_tests_name("sip/msg/parse", tests, NULL, NULL);
}
