/* quality_test.c - how calls have sounded: reports of phones (RFC 6035) and of the exchange's own ends, kept with the CDR. */
#include "flows/phones.h"
#include "kit/talk.h"

#include <stdio.h>

#define REPORT "\nEvent: vq-rtcpxr\nExpires: 0\nContent-Type: application/vq-rtcpxr\n\n"

/* As a desk phone says it; what it was told of the other side behind its own. */
static const char *report(struct slice call_id, const char *metrics)
{
    static char text[1000];
    int         n = snprintf(text, sizeof text,
                             "PUBLISH collector" REPORT "VQSessionReport:CallTerm\r\nCallID:%.*s\r\nLocalID:<sip:x@" KIT_DOMAIN ">\r\n"
                             "OrigID:<sip:x@" KIT_DOMAIN ">\r\nLocalMetrics:\r\n%s", SARG(call_id), metrics);

    assert_true(n > 0 && (size_t)n < sizeof text);
    return text;
}

static void assert_quality_is(struct kit *k, const char *want)
{
    const char *is = kit_quality(k, 0);

    if (strcmp(is, want))
        kit_fail(k, is, want);
}

static struct slice call_up(struct peer *a, struct peer *b, const char *number)
{
    char text[40];
    struct slice call_id;

    (void)snprintf(text, sizeof text, "INVITE %s", number);
    peer_send(a, text);
    call_id = msg_call_id(peer_expect(b, "INVITE"));
    peer_send(b, "200");
    peer_expect(a, "200");
    peer_send(a, "ACK");
    peer_expect(b, "ACK");
    return call_id;
}

static void put_down(struct peer *a, struct peer *b)
{
    peer_send(a, "BYE");
    peer_expect(b, "BYE");
    peer_send(b, "200");
    peer_expect(a, "200 BYE");
}

static void published(struct peer *p, struct slice call_id, const char *metrics)
{
    const struct msg *m;

    peer_send(p, report(call_id, metrics));
    m = peer_expect(p, "200 PUBLISH");
    assert_true(msg_value(m, HDR_SIP_ETAG).n > 0);
    assert_true(slice_eq(msg_value(m, HDR_EXPIRES), S("0")));
}

/*   alice                strowger                 bob
 *     |<======================= talk ===============>|
 *     |                     |<----- PUBLISH ---------|  in the call, of a part of it
 *     |------- BYE -------------------------------->|
 *     |-- PUBLISH --------->|                        |  what she heard, and what she was told of his side
 *     |<- 200 --------------|                        |
 *     |                     |<----- PUBLISH ---------|  his own word takes that one's place */
static void reports_are_kept_with_the_call(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    struct slice call = call_up(alice, bob, "bob");

    (void)state;
    published(bob, call, "PacketLoss:NLR=9.0\r\n");
    peer_take_call(bob, 2); /* its REGISTER was the first */
    peer_take_call(alice, 2);
    put_down(alice, bob);
    assert_quality_is(k, "callee 9.00 - -");
    kit_wait_ms(k, 3000);
    published(alice, call, "PacketLoss:NLR=1.25 JDR=0\r\nDelay:IAJ=15\r\nQualityEst:MOSCQ=4.1\r\n"
                           "RemoteMetrics:\r\nPacketLoss:NLR=0.4\r\n");
    assert_quality_is(k, "caller 1.25 15 4.10, callee 9.00 - -");
    published(bob, call, "PacketLoss:NLR=0.5\r\nQualityEst:MOSCQ=4.3\r\n");
    assert_quality_is(k, "caller 1.25 15 4.10, callee 0.50 - 4.30");
    assert_string_equal(kit_cdr(k, 0), "alice bob 200 caller bye");
    kit_end(k);
}

/* Forwarded: another number is in the CDR; who answered has reported all the same. */
static void the_side_is_the_phones_not_the_dialled_number(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    struct slice call;

    (void)state;
    kit_add_user(k, "carol");
    kit_set_user(k, "carol", "forward.always", "bob");
    peer_send(alice, "INVITE carol");
    peer_expect(alice, "181");
    call = msg_call_id(peer_expect(bob, "INVITE"));
    peer_send(bob, "200");
    peer_expect(alice, "200");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    put_down(alice, bob);
    published(bob, call, "PacketLoss:NLR=2\r\nRemoteMetrics:\r\nPacketLoss:NLR=3\r\n");
    assert_quality_is(k, "caller? 3.00 - -, callee 2.00 - -");
    kit_end(k);
}

static void who_was_not_in_the_call_says_nothing_about_it(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *eve = peer_registered(k, "eve");
    struct slice call = call_up(alice, bob, "bob");

    (void)state;
    put_down(alice, bob);
    published(eve, call, "PacketLoss:NLR=99\r\n");
    published(eve, S("no-such-call"), "PacketLoss:NLR=99\r\n");
    assert_quality_is(k, "");
    kit_wait_ms(k, DIALOGS_RECENT_MS);
    published(alice, call, "PacketLoss:NLR=1\r\n"); /* too late */
    assert_quality_is(k, "");
    kit_end(k);
}

static void what_is_no_report_is_refused(void **state)
{
    static const struct {
        const char *what, *answer;
    } table[] = {
        {"PUBLISH alice\nEvent: vq-rtcpxr\nContent-Type: text/plain\n\nVQSessionReport\r\nCallID:1\r\n", "415 PUBLISH"},
        {"PUBLISH alice\nEvent: vq-rtcpxr", "415 PUBLISH"},
        {"PUBLISH alice" REPORT "nonsense", "400 PUBLISH"},
        {"PUBLISH alice" REPORT "VQSessionReport\r\nLocalMetrics:\r\n", "400 PUBLISH"},
        {"PUBLISH alice\nSIP-If-Match: x" REPORT "VQSessionReport\r\nCallID:1\r\n", "412 PUBLISH"},
    };
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice");

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        peer_send(alice, table[i].what);
        peer_expect(alice, table[i].answer);
    }
    kit_end(k);
}

/* With passwords a report needs one as everything does. */
static void a_report_is_asked_for_its_senders_password(void **state)
{
    struct kit_options o = {.digest = true};
    struct kit        *k = kit_begin(&o);
    struct peer       *alice;

    (void)state;
    kit_add_user(k, "alice");
    alice = peer_add(k, "alice");
    peer_set_login(alice, "alice", NULL);
    peer_send(alice, "PUBLISH collector" REPORT "VQSessionReport\r\nCallID:1\r\n");
    peer_expect(alice, "401 PUBLISH");
    kit_end(k);
}

/* ---- whole phones ---- */

static struct ring *ring_at(struct band *w, const char *user, const char *report_to)
{
    struct ring *r = ring_add(w, user, &(struct phone_config){.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .tone_hz = 440,
                                                              .quality_report = slice_z(report_to)});

    ring_expect(r, "registered");
    return r;
}

static void talk_and_hang_up(struct band *w, struct ring *a, struct ring *b, const char *number)
{
    char text[40];

    (void)snprintf(text, sizeof text, "call %s", number);
    ring_do(a, text);
    if (b) {
        ring_expect(b, "incoming");
        ring_do(b, "answer");
    }
    ring_expect(a, "confirmed");
    band_run_ms(w, 20000);
    ring_do(a, "hangup");
    ring_expect(a, "ended");
    band_run_ms(w, 2000);
}

/* Our phones report by themselves, both; over a way that loses nothing all is well. */
static void our_phones_report_by_themselves(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct band *w = band_open(kit_world(k));
    struct ring *a = ring_at(w, "1001", ""), *b = ring_at(w, "1002", "");

    (void)state;
    talk_and_hang_up(w, a, b, "1002");
    assert_quality_is(k, "caller 0.00 0 4.41, callee 0.00 0 4.41");
    band_close(w);
    kit_end(k);
}

/* Who does not report is spoken for by the other side: its RTCP XR has told. */
static void one_phone_speaks_for_both(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct band *w = band_open(kit_world(k));
    struct ring *a = ring_at(w, "1001", "off"), *b = ring_at(w, "1002", "");

    (void)state;
    talk_and_hang_up(w, a, b, "1002");
    assert_quality_is(k, "caller? 0.00 0 4.40, callee 0.00 0 4.41");
    band_close(w);
    kit_end(k);
}

/* Music: the exchange itself is the other end, and knows from the phone's RTCP how it was heard. */
static void the_exchanges_own_ends_tell_too(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct band *w = band_open(kit_world(k));
    struct ring *a = ring_at(w, "1001", "off");

    (void)state;
    talk_and_hang_up(w, a, NULL, "*65");
    assert_string_equal(kit_cdr(k, 0), "1001 *65 200 caller bye");
    assert_quality_is(k, "caller? 0.00 0 4.40");
    band_close(w);
    kit_end(k);
}

/* ---- without memory ---- */

static void drain(struct peer *p, uint64_t ms, struct kit *k)
{
    kit_wait_ms(k, ms);
    while (peer_next(p))
        ;
}

/* Each allocation of the exchange fails once while a report comes: it is answered in the end, and nothing is left. */
static void a_report_and_no_memory(void **state)
{
    bool failed = true;

    (void)state;
    for (uint64_t nth = 1; failed; nth++) {
        struct kit  *k = kit_begin(NULL);
        struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
        struct slice call = call_up(alice, bob, "bob");

        put_down(alice, bob);
        peer_set_reliable(alice);
        kit_fail_allocation(k, nth);
        peer_send(alice, report(call, "PacketLoss:NLR=1\r\nRemoteMetrics:\r\nPacketLoss:NLR=2\r\n"));
        drain(alice, 40000, k);
        failed = kit_allocation_failed(k);
        kit_fail_allocation(k, 0);
        if (!failed)
            assert_quality_is(k, "caller 1.00 - -, callee? 2.00 - -");
        kit_end(k);
    }
}

/* Each allocation of the phone fails once while it hangs up and reports. */
static void a_phone_without_memory_for_its_report(void **state)
{
    bool failed = true;

    (void)state;
    for (uint64_t nth = 1; failed; nth++) {
        struct kit  *k = kit_begin(NULL);
        struct band *w = band_open(kit_world(k));
        struct ring *a = ring_at(w, "1001", ""), *b = ring_at(w, "1002", "off");

        ring_do(a, "call 1002");
        ring_expect(b, "incoming");
        ring_do(b, "answer");
        ring_expect(a, "confirmed");
        band_run_ms(w, 1000);
        atomic_store(&w->failing.left, nth);
        (void)phone_command(a->phone, S("hangup"));
        band_run_ms(w, 40000);
        failed = atomic_load(&w->failing.failed);
        atomic_store(&w->failing.left, 0);
        if (!failed)
            assert_quality_is(k, "caller 0.00 0 4.41");
        band_close(w);
        kit_end(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_are_kept_with_the_call),
        cmocka_unit_test(the_side_is_the_phones_not_the_dialled_number),
        cmocka_unit_test(who_was_not_in_the_call_says_nothing_about_it),
        cmocka_unit_test(what_is_no_report_is_refused),
        cmocka_unit_test(a_report_is_asked_for_its_senders_password),
        cmocka_unit_test(our_phones_report_by_themselves),
        cmocka_unit_test(one_phone_speaks_for_both),
        cmocka_unit_test(the_exchanges_own_ends_tell_too),
        cmocka_unit_test(a_report_and_no_memory),
        cmocka_unit_test(a_phone_without_memory_for_its_report),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
