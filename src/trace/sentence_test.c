/* sentence_test.c - what is said of each message: every outcome has a plain sentence; and the verdict tells what it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sys/heap.h"
#include "trace/kit_test.h"

/* What is said of message i. */
static struct slice sentence(const struct kit *k, size_t i)
{
    for (size_t n = 0; n < k->t->n_messages; n++) {
        const struct trace_seen *m = &k->t->messages[n];

        if (m->in == &k->m[i] && m->story != TRACE_NONE)
            return k->t->stories[m->story].rows[m->row].sentence;
    }
    return SLICE_NONE;
}

static void says(const struct kit *k, size_t i, const char *text)
{
    if (slice_eq(sentence(k, i), slice_z(text)))
        return;
    kit_print(k);
    fail_msg("message %zu says \"%.*s\", not \"%s\"", i, SARG(sentence(k, i)), text);
}

static void verdict(const struct kit *k, const char *text)
{
    if (slice_find_slice(k->t->stories[0].verdict.text, slice_z(text)) != SIZE_MAX)
        return;
    kit_print(k);
    fail_msg("the verdict is \"%.*s\", not \"%s\"", SARG(k->t->stories[0].verdict.text), text);
}

/* --- calls --------------------------------------------------------------------------------------------------------------- */

static void a_plain_call(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_HOLD KIT_BYE);
    kit_wait(&k, 14, 12000000);
    kit_build(&k);
    says(&k, 0, "A calls 1002");
    says(&k, 1, "The exchange passes the call on to B");
    says(&k, 3, "A hears that B rings");
    says(&k, 7, "B has it: A and B are connected");
    says(&k, 8, "A puts B on hold");
    says(&k, 10, "B agrees");
    says(&k, 14, "B hangs up");
    verdict(&k, "A called B and they talked 12.6 s. Nothing is wrong.");
    kit_close(&k);
}

static void each_refusal_has_words(void **state)
{
    static const struct {
        const char *status, *text;
    } cases[] = {
        {"400", "B could not read the request"},        {"403", "B does not allow it"},
        {"404", "B knows no such number"},              {"405", "B does not do such things"},
        {"410", "B says that the number is gone"},      {"415", "B does not know that kind of content"},
        {"420", "B lacks an extension that was required"}, {"433", "B takes no anonymous calls"},
        {"480", "B cannot be reached now"},             {"484", "B needs more digits"},
        {"486", "B is busy"},                           {"488", "B cannot take the media that were offered"},
        {"489", "B knows no such event"},               {"500", "B cannot work on it now"},
        {"501", "B does not know such requests"},       {"503", "B has no capacity for it now"},
        {"513", "B finds the message too large"},       {"600", "B is busy"},
        {"603", "B declines"},                          {"604", "B says that there is nobody of that number anywhere"},
        {"607", "B does not want to be called by that one"}, {"499", "B refuses: 499 Unknown"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kit k;
        char       flow[160];

        snprintf(flow, sizeof flow, "A>P INVITE 1|P>B INVITE 1|B>P %s INVITE 1|P>B ACK 1|P>A %s INVITE 1|A>P ACK 1", cases[i].status,
                 cases[i].status);
        kit_open(&k, flow);
        kit_build(&k);
        says(&k, 2, cases[i].text);
        assert_true(slice_starts(sentence(&k, 4), S("A learns it: B ")));
        kit_close(&k);
    }
}

static void the_exchange_refuses_for_a_number(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>A 480 INVITE 1|A>P ACK 1");
    for (size_t i = 0; i < k.n; i++)
        k.m[i].exchange = i == 1 ? TRACE_KNOWN_SENDER : TRACE_KNOWN_RECEIVER;
    kit_build(&k);
    says(&k, 1, "The exchange cannot reach 1002");
    kit_close(&k);
}

static void how_a_call_ended_is_in_the_verdict(void **state)
{
    static const struct {
        const char *status, *text;
    } cases[] = {
        {"486", "A called B, who was busy. Nothing"},      {"603", "A called B, who declined. Nothing"},
        {"404", "A called B, whom nobody knows. Nothing"}, {"480", "A called B, who could not be reached. Nothing"},
        {"410", "A called B and was refused: 410 Gone. "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kit k;
        char       flow[160];

        snprintf(flow, sizeof flow, "A>P INVITE 1|P>B INVITE 1|B>P %s INVITE 1|P>B ACK 1|P>A %s INVITE 1|A>P ACK 1", cases[i].status,
                 cases[i].status);
        kit_open(&k, flow);
        kit_build(&k);
        verdict(&k, cases[i].text);
        kit_close(&k);
    }
}

static void special_calls(void **state)
{
    static const struct {
        const char *row, *text;
    } cases[] = {
        {"Privacy: id", "A calls 1002, and hides who it is"},
        {"Alert-Info: <http://www.notused.com>;info=alert-autoanswer;delay=0", "A calls 1002, to be answered at once"},
        {"Call-Info: <sip:x>;answer-after=0", "A calls 1002, to be answered at once"},
        {"Join: x@y;to-tag=a;from-tag=b", "A calls 1002, to join a call that is there"},
        {"Replaces: x@y;to-tag=a;from-tag=b", "A calls 1002, to take over a call that is there"},
    };
    struct kit k;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kit_open(&k, KIT_UP);
        kit_row(&k, 0, cases[i].row);
        kit_build(&k);
        says(&k, 0, cases[i].text);
        kit_close(&k);
    }
    kit_open(&k, KIT_UP);
    kit_edit(&k, 0, "From: <sip:1001@example.com>", "From: <sip:anonymous@anonymous.invalid>");
    kit_build(&k);
    says(&k, 0, "A calls 1002, and hides who it is");
    kit_close(&k);
}

static void provisional_answers_and_their_prack(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 183 INVITE 1|P>A 183 INVITE 1|A>P PRACK 1|P>B PRACK 1|B>P 200 PRACK 1|P>A 200 PRACK 1|"
                 "B>P 181 INVITE 1|P>A 181 INVITE 1|B>P 200 INVITE 1|P>A 200 INVITE 1|A>P ACK 1|P>B ACK 1|A>P UPDATE 1|P>B UPDATE 1|"
                 "B>P 200 UPDATE 1|P>A 200 UPDATE 1|A>P INFO 1|P>B INFO 1|B>P 200 INFO 1|P>A 200 INFO 1");
    kit_edit(&k, 18, "Content-Length: 0\r\n\r\n", "Content-Type: application/dtmf-relay\r\nContent-Length: 24\r\n\r\nSignal=5\r\nDuration=160\r\n");
    kit_build(&k);
    says(&k, 2, "B is at work (there may be sound already)");
    says(&k, 4, "A confirms that it heard the provisional answer");
    says(&k, 6, "B knows that it was heard");
    says(&k, 7, "The exchange passes that on");
    says(&k, 9, "A hears that B forwards the call");
    says(&k, 14, "A renews the session");
    says(&k, 15, "The exchange passes that on to B");
    says(&k, 16, "B agrees");
    says(&k, 18, "A presses the key 5");
    says(&k, 20, "B has got it");
    kit_close(&k);
}

static void the_reason_of_a_bye_or_cancel_is_told(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_row(&k, 8, "Reason: Q.850;cause=16;text=\"Terminated\"");
    kit_build(&k);
    says(&k, 8, "B hangs up (Terminated)");
    kit_close(&k);
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|P>C INVITE 1|B>P 200 INVITE 1|P>A 200 INVITE 1|P>C CANCEL 1|A>P ACK 1|P>B ACK 1");
    kit_row(&k, 5, "Reason: SIP;cause=200;text=\"Call completed elsewhere\"");
    kit_build(&k);
    says(&k, 5, "The exchange tells C to stop ringing: somebody else has answered");
    kit_close(&k);
}

static void the_exchange_forwards(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 486 INVITE 1|P>B ACK 1|P>C INVITE 1|C>P 200 INVITE 1|P>A 200 INVITE 1|A>P ACK 1|P>C ACK 1");
    kit_row(&k, 4, "Diversion: <sip:1002@example.com>;reason=user-busy");
    kit_edit(&k, 4, "INVITE sip:1002@", "INVITE sip:1003@");
    kit_build(&k);
    says(&k, 4, "The exchange passes the call on to C: 1002 is busy");
    assert_true(slice_eq(k.t->stories[0].parties[3].number, S("1003")));
    kit_close(&k);
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 302 INVITE 1|P>B ACK 1|P>A 302 INVITE 1|A>P ACK 1" KIT_UP2);
    kit_build(&k);
    says(&k, 2, "B sends the call on to 1003");
    says(&k, 4, "A is told to call 1003");
    says(&k, 6, "A calls 1003 instead");
    verdict(&k, "A called B; B sent the call on to C; A and C are still connected. Nothing is wrong.");
    kit_close(&k);
}

/* Who is another exchange is named as ours names it; what it says of that is no reason beside a message. */
static void a_trunk_is_named(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 503 INVITE 1|P>B ACK 1|P>C INVITE 1|C>P 200 INVITE 1|P>A 200 INVITE 1|A>P ACK 1|P>C ACK 1");
    k.reason = (struct trace_reason){k.m[2].time_us, S("call1@192.0.2.10"), S("berlin"), TRACE_REASON_TO_TRUNK, 0};
    kit_build(&k);
    assert_true(slice_eq(k.t->stories[0].parties[3].trunk, S("berlin")));
    assert_true(slice_starts(k.t->stories[0].parties[3].label, S("trunk berlin (")));
    assert_int_equal(k.t->stories[0].parties[2].trunk.n, 0);
    for (size_t i = 0; i < k.t->stories[0].n_rows; i++)
        assert_int_equal(k.t->stories[0].rows[i].reason.n, 0);
    kit_close(&k);
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 200 INVITE 1|P>A 200 INVITE 1|A>P ACK 1|P>B ACK 1");
    k.reason = (struct trace_reason){k.m[1].time_us, S("call1@192.0.2.10"), S("berlin"), TRACE_REASON_FROM_TRUNK, 0};
    kit_build(&k);
    assert_true(slice_eq(k.t->stories[0].parties[0].trunk, S("berlin")));
    kit_close(&k);
}

/* Two are called at once: what is said between the two INVITEs is of the second. */
static void of_two_at_one_time_the_right_one_is_a_trunk(void **state)
{
    for (size_t next = 1; next <= 2; next++) {
        struct kit k;

        (void)state;
        kit_open(&k, "A>P INVITE 1|P>B INVITE 1|P>C INVITE 1|C>P 200 INVITE 1|P>A 200 INVITE 1|A>P ACK 1|P>C ACK 1");
        k.m[1].time_us = k.m[2].time_us = k.m[0].time_us;
        k.reason = (struct trace_reason){k.m[0].time_us, S("call1@192.0.2.10"), S("berlin"), TRACE_REASON_TO_TRUNK, next};
        kit_build(&k);
        assert_int_equal(k.t->stories[0].parties[2].trunk.n > 0, next == 1);
        assert_int_equal(k.t->stories[0].parties[3].trunk.n > 0, next == 2);
        k.reason.kind = TRACE_REASON_FROM_TRUNK;
        kit_build(&k);
        assert_true(slice_eq(k.t->stories[0].parties[0].trunk, S("berlin")));
        kit_close(&k);
    }
}

/* --- transfers ----------------------------------------------------------------------------------------------------------- */

static void a_blind_transfer(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_REFER KIT_NOTIFY KIT_BYE KIT_UP2 "|A>P BYE 2|P>C BYE 2|C>P 200 BYE 2|P>A 200 BYE 2");
    kit_build(&k);
    says(&k, 8, "B asks the exchange to connect A to 1003");
    says(&k, 9, "The exchange accepts the transfer itself");
    says(&k, 10, "The exchange passes the request on: A shall call 1003");
    says(&k, 11, "A will do it");
    says(&k, 12, "A tells the exchange how the transfer goes: 200 OK");
    says(&k, 14, "B has heard it");
    says(&k, 15, "The exchange passes that on");
    says(&k, 20, "A calls 1003, as B asked");
    verdict(&k, "A called B and they talked 700 ms; B sent A on to C; A and C talked 300 ms. Nothing is wrong.");
    kit_close(&k);
}

/* The exchange does it itself (RFC 3725): A is asked for an offer and hears a tone, C is called, A gets C's answer. */
#define EXECUTED                                                                                                                \
    "|P>A INVITE! 1|A>P 200 INVITE 1|P>A ACK 1|P>C INVITE 2|C>P 180 INVITE 2|C>P 200 INVITE 2|P>C ACK 2|P>A INVITE! 1|"             \
    "A>P 200 INVITE 1|P>A ACK 1|P>B NOTIFY 1|B>P 200 NOTIFY 1|P>B BYE 1|B>P 200 BYE 1"

static void without_body(struct kit *k, size_t i)
{
    size_t at = slice_find_slice(k->m[i].octets, S("Content-Type:"));
    char   text[2048];

    assert_true(at != SIZE_MAX);
    snprintf(text, sizeof text, "%.*sContent-Length: 0\r\n\r\n", (int)at, k->m[i].octets.p);
    assert_int_equal(arena_dup(&k->a, slice_z(text), &k->m[i].octets), ERR_OK);
}

static void a_transfer_that_the_exchange_executes(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 202* REFER 1" EXECUTED);
    for (size_t i = 0; i < k.n; i++) { /* it speaks to A as B, to B as A, and to C in A's name */
        if (i == 10 || i == 11 || i == 12 || (i >= 17 && i < 20)) {
            kit_edit(&k, i, slice_find_slice(k.m[i].octets, S("From: <sip:1002@")) != SIZE_MAX ? "tag=tag1-1" : "tag=tag0-1",
                     slice_find_slice(k.m[i].octets, S("From: <sip:1002@")) != SIZE_MAX ? "tag=tag2-1" : "tag=tag0-1");
        }
    }
    without_body(&k, 10);
    kit_build(&k);
    says(&k, 10, "The exchange asks A how it wants to hear and speak, to connect it elsewhere");
    says(&k, 11, "A agrees, and offers how");
    says(&k, 13, "The exchange calls 1003 for A, as B asked");
    says(&k, 17, "The exchange tells A where its sound goes from now on");
    says(&k, 20, "The exchange tells B how the transfer goes: 200 OK");
    says(&k, 22, "The exchange ends the call of B");
    verdict(&k, "B sent A on to C; A and C are still connected");
    kit_close(&k);
}

/* Who refuses is not at fault when the exchange does it in its place; what it sends itself is not drawn. */
static void a_refused_transfer_that_the_exchange_carries_out(void **state)
{
    const struct trace_finding *f;
    struct kit                  k;
    static char                 text[16384];
    struct buf                  b = BUF_ON(text);

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 202* REFER 1|P>A REFER 1|A>P 405 REFER 1|P>C INVITE 2|C>P 200 INVITE 2|P>C ACK 2|P>B NOTIFY 1|"
                        "B>P 200 NOTIFY 1");
    kit_again(&k, 13, 10);
    k.m[k.n - 1].from = k.m[k.n - 1].to = k.m[12].from; /* from the leg of its own that the call goes through */
    kit_edit(&k, k.n - 1, "branch=", "branch=z9hG4bKown");
    kit_edit(&k, k.n - 1, "Contact: ", "X-Own: 1\r\nContact: ");
    kit_build(&k);
    kit_expect_clean(&k);
    f = kit_find(&k, "RFC 3515", "A refused the transfer that B asked for: 405 Method Not Allowed; the exchange carried the transfer out itself.");
    assert_non_null(f);
    assert_int_equal(f->severity, TRACE_NOTE);
    says(&k, 14, "C has it: A and C are connected");
    verdict(&k, "B sent A on to C; A and C are still connected. Nothing is wrong.");
    trace_put_text(&b, &k.t->stories[0], &(struct trace_look){.columns = 110});
    assert_int_equal(slice_find_slice(buf_slice(&b), S("o 200 OK")), SIZE_MAX);
    assert_int_equal(k.t->stories[0].n_rows, k.n);
    kit_close(&k);
}

static void a_transfer_that_nobody_wants(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 202* REFER 1|P>A REFER 1|A>P 603 REFER 1|P>B NOTIFY 1|B>P 200 NOTIFY 1");
    kit_edit(&k, 8, "Refer-To: <sip:1002@", "Refer-To: <sip:1009@");
    kit_edit(&k, 12, "SIP/2.0 200 OK\r\n", "SIP/2.0 603 No\r\n");
    kit_build(&k);
    says(&k, 11, "A declines");
    verdict(&k, "A refused the transfer that B asked for: 603 Decline. A called B and they are still connected; B wanted to send A on to ");
    kit_close(&k);
}

#define CONSULTED                                                                                                               \
    KIT_UP KIT_HOLD KIT_UP2 "|A>P REFER 1|P>A 202* REFER 1|P>B REFER 1|B>P 202 REFER 1|B>P INVITE 3|P>C INVITE 3|C>P 200 INVITE 3|"   \
                            "P>B 200 INVITE 3|B>P ACK 3|P>C ACK 3|C>P BYE 2|P>A BYE 2|A>P 200 BYE 2|P>C 200 BYE 2|A>P BYE 1|"       \
                            "P>B BYE 1|B>P 200 BYE 1|P>A 200 BYE 1"

static void open_consulted(struct kit *k)
{
    kit_open(k, CONSULTED);
    for (size_t i = 22; i <= 24; i += 2)
        kit_edit(k, i, "Refer-To: <sip:1003@example.com>",
                 "Refer-To: <sip:1003@example.com?Replaces=call2@192.0.2.10%3Bto-tag%3Dtag3-2%3Bfrom-tag%3Dtag0-2>");
    for (size_t i = 26; i <= 27; i++)
        kit_row(k, i, "Replaces: call2@192.0.2.10;to-tag=tag3-2;from-tag=tag0-2");
    kit_row(k, 23, "Refer-Sub: false");
}

static void a_transfer_with_consultation(void **state)
{
    struct kit k;

    (void)state;
    open_consulted(&k);
    kit_build(&k);
    kit_expect_clean(&k);
    says(&k, 22, "A asks the exchange to connect B to 1003, in its own place");
    says(&k, 26, "B calls 1003, as A asked, to take the place of A");
    verdict(&k, "A called B and they talked 1.7 s; A called C and they talked 800 ms; A sent B on to C with consultation; B and C are still "
                "connected. Nothing is wrong.");
    kit_close(&k);
}

static void a_transfer_while_the_target_still_rings(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_HOLD "|A>P INVITE 2|P>C INVITE 2|C>P 180 INVITE 2|P>A 180 INVITE 2|A>P REFER 1|P>A 202* REFER 1|P>B REFER 1|"
                                 "B>P 202 REFER 1");
    for (size_t i = 18; i <= 20; i += 2)
        kit_edit(&k, i, "Refer-To: <sip:100", "Refer-To: <sip:1003@example.com?Replaces=call2@192.0.2.10%3Bto-tag%3Dtag3-2%3B"
                                              "from-tag%3Dtag0-2>\r\nX-Old: <sip:100");
    kit_build(&k);
    says(&k, 18, "A asks the exchange to connect B to 1003, who still rings");
    kit_close(&k);
}

static void a_call_that_is_picked_up(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 180 INVITE 1|P>A 180 INVITE 1|C>P INVITE 2|P>B INVITE 2|B>P 200 INVITE 2|P>C 200 INVITE 2|"
                 "C>P ACK 2|P>B ACK 2");
    for (size_t i = 4; i < 6; i++)
        kit_row(&k, i, "Replaces: call1@192.0.2.10;to-tag=tag2-1;from-tag=tag0-1");
    kit_build(&k);
    assert_int_equal(k.t->n_stories, 1);
    says(&k, 4, "C calls 1002, to pick up the call that rings there");
    verdict(&k, "C picked the call up; C and B are still connected");
    kit_close(&k);
}

static void who_asked_for_a_failed_transfer_is_called_back(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_REFER KIT_NOTIFY KIT_BYE "|A>P INVITE 2|P>C INVITE 2|C>P 486 INVITE 2|P>C ACK 2|P>A 486 INVITE 2|A>P ACK 2|"
                        "P>B INVITE 3|B>P 200 INVITE 3|P>B ACK 3");
    kit_edit(&k, 26, "To: <sip:1002@", "To: <sip:1002@");
    for (size_t i = 26; i < 29; i++)
        kit_edit(&k, i, "From: <sip:1002@", "From: <sip:1001@");
    kit_build(&k);
    assert_int_equal(k.t->n_stories, 1);
    says(&k, 26, "The exchange calls 1002 back: the transfer that it asked for did not come about");
    verdict(&k, "The transfer failed: 1003 answered 486 Busy Here.");
    kit_close(&k);
}

static void a_conference(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|A>P REFER 1|P>B REFER 1|B>P 202 REFER 1|P>A 202 REFER 1|A>P REFER 1|P>B REFER 1|B>P 202 REFER 1|P>A 202 REFER 1");
    for (size_t i = 4; i < 6; i++)
        kit_edit(&k, i, "Contact: <sip:1002@192.0.2.12:5060>", "Contact: <sip:1002@192.0.2.12:5060>;isfocus");
    kit_edit(&k, 8, "Refer-To: <sip:1002@example.com>", "Refer-To: <sip:1007@example.com>");
    kit_edit(&k, 12, "Refer-To: <sip:1002@example.com>", "Refer-To: <sip:1007@example.com;method=BYE>");
    kit_build(&k);
    says(&k, 4, "B answers: it is a conference");
    says(&k, 8, "A asks the conference to take in 1007");
    says(&k, 12, "A asks the conference to let go of 1007");
    kit_close(&k);
}

/* --- subscriptions --------------------------------------------------------------------------------------------------------- */

static void subscriptions_and_what_they_tell(void **state)
{
    static const struct {
        const char *event, *subscribe, *type, *body, *notify;
    } cases[] = {
        {"dialog", "A wants to know when somebody talks there (1002)", "application/dialog-info+xml",
         "<dialog-info entity=\"sip:1002@example.com\"><dialog id=\"1\"><state>confirmed</state></dialog></dialog-info>",
         "B tells A that 1002 talks"},
        {"dialog", "A wants to know when somebody talks there (1002)", "application/dialog-info+xml",
         "<dialog-info entity=\"sip:1002@example.com\"></dialog-info>", "B tells A that 1002 is free"},
        {"message-summary", "A wants to know of waiting messages (1002)", "application/simple-message-summary",
         "Messages-Waiting: yes\r\nVoice-Message: 2/8\r\n", "B tells A of waiting messages: there are some (2/8 new/old)"},
        {"presence", "A wants to know who is there (1002)", "application/pidf+xml",
         "<presence entity=\"sip:1002@example.com\"><basic>closed</basic></presence>", "B tells A that 1002 is not there"},
        {"reg", "A wants to know where the number is registered (1002)", "application/reginfo+xml", "<reginfo/>",
         "B tells A where the number is registered"},
        {"as-feature-event", "A wants to know of do-not-disturb and forwards (1002)", "application/x", "x",
         "B tells A of do-not-disturb and forwards"},
        {"conference", "A wants to know who is in the conference (1002)", "application/x", "x",
         "B tells A who is in the conference"},
        {"check-sync", "A wants to know of changes of check-sync (1002)", "application/x", "x",
         "B tells A to read its configuration again"},
        {"other", "A wants to know of changes of other (1002)", "application/x", "x", "B tells A the state of other"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kit k;
        char       event[64], body[512];

        /* within a call, so that there is a story */
        kit_open(&k, "A>B INVITE 1|B>A 200 INVITE 1|A>B ACK 1|A>B SUBSCRIBE 1|B>A 200 SUBSCRIBE 1|B>A NOTIFY 1|A>B 200 NOTIFY 1|"
                     "A>B SUBSCRIBE 1");
        snprintf(event, sizeof event, "Event: %s", cases[i].event);
        for (size_t n = 3; n < 8; n += 2)
            kit_edit(&k, n, "Event: refer", event);
        kit_edit(&k, 3, ";tag=tag1-1", "");
        snprintf(body, sizeof body, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", cases[i].type, strlen(cases[i].body), cases[i].body);
        kit_edit(&k, 5, "Content-Type: message/sipfrag\r\nContent-Length: 16\r\n\r\nSIP/2.0 200 OK\r\n", body);
        kit_edit(&k, 5, "terminated;reason=noresource", "active;expires=600");
        kit_row(&k, 4, "Expires: 600");
        kit_row(&k, 7, "Expires: 0");
        kit_build(&k);
        says(&k, 3, cases[i].subscribe);
        says(&k, 4, "B will tell it for 600 s");
        says(&k, 5, cases[i].notify);
        says(&k, 6, "A has heard it");
        assert_true(slice_starts(sentence(&k, 7), S("A no longer wants to know ")));
        kit_close(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_call),
        cmocka_unit_test(each_refusal_has_words),
        cmocka_unit_test(the_exchange_refuses_for_a_number),
        cmocka_unit_test(how_a_call_ended_is_in_the_verdict),
        cmocka_unit_test(special_calls),
        cmocka_unit_test(provisional_answers_and_their_prack),
        cmocka_unit_test(the_reason_of_a_bye_or_cancel_is_told),
        cmocka_unit_test(the_exchange_forwards),
        cmocka_unit_test(a_trunk_is_named),
        cmocka_unit_test(of_two_at_one_time_the_right_one_is_a_trunk),
        cmocka_unit_test(a_blind_transfer),
        cmocka_unit_test(a_transfer_that_the_exchange_executes),
        cmocka_unit_test(a_refused_transfer_that_the_exchange_carries_out),
        cmocka_unit_test(a_transfer_that_nobody_wants),
        cmocka_unit_test(a_transfer_with_consultation),
        cmocka_unit_test(a_transfer_while_the_target_still_rings),
        cmocka_unit_test(a_call_that_is_picked_up),
        cmocka_unit_test(who_asked_for_a_failed_transfer_is_called_back),
        cmocka_unit_test(a_conference),
        cmocka_unit_test(subscriptions_and_what_they_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
