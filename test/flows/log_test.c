/* log_test.c - what a call, a transfer, a refusal and a wrong password leave in the log, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

enum { DIARY_OCTETS = 32768 };

struct diary {
    struct log log;
    struct buf b;
    char       text[DIARY_OCTETS];
};

static void keep(void *ctx, struct slice line)
{
    struct diary *d = ctx;

    assert_int_equal(line.p[line.n - 1], '\n');
    buf_put(&d->b, line);
    assert_int_equal(buf_err(&d->b), ERR_OK);
}

static struct kit *begin_with(struct diary *d, enum log_level level, bool digest)
{
    struct kit_options o = {.digest = digest, .log = &d->log};

    buf_init(&d->b, d->text, sizeof d->text);
    log_to(&d->log, keep, d, level);
    return kit_begin(&o);
}

/* The events in order, "a.b c.d"; those of another call than `call_id` left out unless that is empty. */
static const char *events(struct diary *d, struct slice call_id)
{
    static char  text[4096];
    struct buf   b = BUF_ON(text);
    struct slice rest = buf_slice(&d->b), line, word;

    while (slice_line(&rest, &line)) {
        size_t at = slice_find_slice(line, S(" ev="));

        assert_true(slice_starts(line, S("t=")) && at != SIZE_MAX);
        line = slice_from(line, at + 4);
        if (!slice_cut(&line, ' ', &word))
            word = line;
        if (call_id.n && !(slice_starts(line, S("call=")) && slice_starts(slice_from(line, 5), call_id)))
            continue;
        buf_puts(&b, b.n ? S(" ") : S(""), word);
    }
    buf_putc(&b, '\0');
    assert_int_equal(buf_err(&b), ERR_OK);
    return text;
}

static bool has(const struct diary *d, const char *what)
{
    return slice_find_slice(buf_slice(&d->b), slice_z(what)) != SIZE_MAX;
}

static void a_call_is_three_lines_with_its_call_id(void **state)
{
    static struct diary d;
    struct kit         *k = begin_with(&d, LOG_INFO, false);
    struct peer        *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    struct slice        rest, id;

    (void)state;
    assert_string_equal(events(&d, SLICE_NONE), "binding.new binding.new");
    assert_true(has(&d, "number=alice"));
    set_up(alice, bob, "INVITE bob");
    kit_wait_ms(k, 2000);
    hang_up(bob, alice);
    rest = slice_from(peer_sent(bob), slice_find_slice(peer_sent(bob), S("Call-ID: ")) + 9);
    assert_true(slice_cut(&rest, '\r', &id));
    assert_string_equal(events(&d, id), "call.begun call.answered call.ended");
    assert_true(has(&d, "caller=alice callee=bob code=200 by=callee why=bye talked_ms=2"));
    kit_end(k);
}

static void a_refusal_says_by_whom_and_why(void **state)
{
    static struct diary d;
    struct kit         *k = begin_with(&d, LOG_INFO, false);
    struct peer        *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "INVITE nobody-is-there");
    peer_expect(alice, "480");
    peer_send(alice, "ACK");
    assert_string_equal(events(&d, SLICE_NONE), "binding.new binding.new call.begun call.ended request.refused");
    assert_true(has(&d, "code=480 by=exchange"));
    assert_true(has(&d, "method=INVITE uri=sip:nobody-is-there@example.com code=480"));
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    refuse(bob, alice, "486");
    assert_true(has(&d, "callee=bob code=486 by=callee"));
    assert_false(has(&d, "uri=sip:bob")); /* it is the phone that refused */
    kit_end(k);
}

static void a_transfer_is_told_from_its_acceptance_to_its_end(void **state)
{
    static struct diary d;
    struct kit         *k = begin_with(&d, LOG_INFO, false);
    struct peer        *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_registered(k, "carol");
    set_up(alice, bob, "INVITE bob");
    peer_send(bob, "REFER\nRefer-To: <sip:carol@example.com>");
    peer_expect(bob, "202");
    peer_expect(alice, "REFER");
    assert_true(has(&d, "ev=transfer.accepted"));
    peer_send(alice, "480");
    peer_expect(bob, "NOTIFY");
    peer_send(bob, "200");
    assert_true(has(&d, "transferee=alice target=carol code=480"));
    hang_up(bob, alice);
    assert_non_null(strstr(events(&d, SLICE_NONE), "call.answered transfer.accepted transfer.told call.ended"));
    kit_end(k);
}

static void a_wrong_password_is_told_at_the_usual_level_and_never_shown(void **state)
{
    static struct diary d;
    struct kit         *k = begin_with(&d, LOG_WARN, true);
    struct peer        *bob;

    (void)state;
    peer_registered(k, "alice");
    assert_string_equal(events(&d, SLICE_NONE), ""); /* challenges are none of anybody's business */
    bob = peer_add(k, "bob");
    peer_set_login(bob, "bob", "guessed-wrongly");
    peer_send(bob, "REGISTER sip:example.com\nTo: <sip:bob@example.com>\nExpires: 60");
    peer_expect(bob, "401");
    assert_string_equal(events(&d, SLICE_NONE), "auth.wrong");
    assert_true(has(&d, "method=REGISTER number=bob from=10.0.0."));
    assert_false(has(&d, "guessed") || has(&d, "nonce") || has(&d, "response"));
    kit_end(k);
}

static void a_bad_message_is_told_with_its_fault(void **state)
{
    static struct diary d;
    struct kit         *k = begin_with(&d, LOG_INFO, false);
    struct peer        *alice = peer_registered(k, "alice");

    (void)state;
    peer_send_raw(alice, S("OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.11;branch=z9hG4bKbad\r\n"
                           "From: <sip:alice@example.com>;tag=1\r\nTo: <sip:example.com>\r\nCall-ID: bad-one\r\n"
                           "CSeq: 10 OPTIONS\r\nMax-Forwards: \x01seventy\r\n\r\n"));
    kit_wait_ms(k, 100);
    assert_true(has(&d, "ev=msg.bad"));
    for (size_t i = 0; i < d.b.n; i++)
        assert_true(d.text[i] == '\n' || (d.text[i] >= ' ' && d.text[i] < 127));
    peer_expect(alice, "400 OPTIONS");
    kit_end(k);
}

static void bindings_are_told_as_they_come_change_and_go(void **state)
{
    static struct diary d;
    struct kit         *k = begin_with(&d, LOG_DEBUG, false);
    struct peer        *alice = peer_registered(k, "alice");

    (void)state;
    kit_wait_ms(k, 4000 * 1000);
    assert_string_equal(events(&d, SLICE_NONE), "binding.new binding.expired");
    peer_register(alice);
    assert_string_equal(events(&d, SLICE_NONE), "binding.new binding.expired binding.new");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_three_lines_with_its_call_id),
        cmocka_unit_test(a_refusal_says_by_whom_and_why),
        cmocka_unit_test(a_transfer_is_told_from_its_acceptance_to_its_end),
        cmocka_unit_test(a_wrong_password_is_told_at_the_usual_level_and_never_shown),
        cmocka_unit_test(a_bad_message_is_told_with_its_fault),
        cmocka_unit_test(bindings_are_told_as_they_come_change_and_go),
    };

    return cmocka_run_group_tests_name("flows/log", tests, NULL, NULL);
}
