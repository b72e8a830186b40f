/* bridge_test.c - an executed transfer is up: what the two do to each other, transfers of either, attended ones, and kill -9
 * (PROTOCOL §6, 4.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/transfer.h"

static void kill_and_restart(struct three *t)
{
    kit_wait_ms(t->k, 1000);
    kit_kill(t->k);
    kit_restart(t->k);
}

/* ---- while the two talk ---- */

/* Hold by A, and by C without an offer of its own; INFO: all that passes between two pass between these. */
static void two_who_talk_hold_and_send_digits(void **state)
{
    struct three t = executed("603 REFER");
    struct said  s;

    (void)state;
    peer_send(t.a, "INVITE\nContent-Type: application/sdp\n\nv=0\r\no=- 1 9 IN IP4 10.0.0.11\r\ns=-\r\nc=IN IP4 10.0.0.11\r\nt=0 0\r\n"
                   "m=audio 4000 RTP/AVP 0 8\r\na=sendonly\r\n");
    s = said(peer_expect(t.c, "INVITE"));
    assert_int_equal(s.dir, SDP_SENDONLY);
    peer_send(t.c, "200 INVITE");
    peer_expect(t.c, "ACK");
    peer_expect(t.a, "200 INVITE");
    peer_send(t.a, "ACK");
    peer_send(t.c, "INVITE\n-Content-Type\n\n");
    peer_expect(t.a, "INVITE");
    peer_send(t.a, "200 INVITE");
    peer_expect(t.c, "200 INVITE");
    peer_send(t.c, "ACK\nContent-Type: application/sdp\n\nv=0\r\no=- 1 9 IN IP4 10.0.0.13\r\ns=-\r\nc=IN IP4 10.0.0.13\r\nt=0 0\r\n"
                   "m=audio 4000 RTP/AVP 0 8\r\n");
    s = said(peer_expect(t.a, "ACK"));
    assert_string_equal(s.host, "10.0.0.13");
    peer_send(t.a, "INFO\nContent-Type: application/dtmf-relay\n\nSignal=5\r\n");
    peer_expect(t.a, "200 INFO");
    assert_true(slice_starts(peer_expect(t.c, "INFO")->body, S("Signal=5")));
    peer_send(t.c, "200 INFO");
    peer_send(t.c, "INVITE");
    peer_expect(t.a, "INVITE");
    decline(t.a, "488 INVITE");
    refused(t.c, "488 INVITE");
    hang_up(t.c, t.a);
    kit_end(t.k);
}

/* Hold by UPDATE reaches the other as a re-INVITE: what one of them knows is no matter of the other's. Without description it
 * is for the exchange alone. An UPDATE that meets an offer is 491, as any (RFC 3311 §5.2).
 *    a            strowger            c
 *    |-- UPDATE ---->|-- INVITE ------>|   a=sendonly
 *    |<- 200 --------|<- 200, ACK -----| */
static void two_who_talk_hold_by_update(void **state)
{
    struct three      t = executed("603 REFER");
    const struct msg *m;
    struct said       s;

    (void)state;
    peer_send(t.a, "UPDATE\nContent-Type: application/sdp\n\nv=0\r\no=- 1 9 IN IP4 10.0.0.11\r\ns=-\r\nc=IN IP4 10.0.0.11\r\nt=0 0\r\n"
                   "m=audio 4000 RTP/AVP 0 8\r\na=sendonly\r\n");
    s = said(peer_expect(t.c, "INVITE"));
    assert_int_equal(s.dir, SDP_SENDONLY);
    assert_string_equal(s.host, "10.0.0.11");
    peer_send(t.c, "UPDATE\nContent-Type: application/sdp\n\nv=0\r\no=- 1 9 IN IP4 10.0.0.13\r\ns=-\r\nc=IN IP4 10.0.0.13\r\nt=0 0\r\n"
                   "m=audio 4000 RTP/AVP 0 8\r\n");
    peer_expect(t.c, "491 UPDATE");
    peer_send(t.c, "200 INVITE\nContent-Type: application/sdp\n\nv=0\r\no=- 1 10 IN IP4 10.0.0.13\r\ns=-\r\nc=IN IP4 10.0.0.13\r\nt=0 0\r\n"
                   "m=audio 4000 RTP/AVP 0 8\r\na=recvonly\r\n");
    peer_expect(t.c, "ACK");
    m = peer_expect(t.a, "200 UPDATE");
    s = said(m);
    assert_int_equal(s.dir, SDP_RECVONLY);
    assert_string_equal(s.host, "10.0.0.13");
    peer_send(t.c, "UPDATE");
    m = peer_expect(t.c, "200 UPDATE");
    assert_int_equal(m->body.n, 0);
    peer_send(t.c, "UPDATE\nContent-Type: application/sdp\n\nv=0\r\no=- 1 11 IN IP4 10.0.0.13\r\ns=-\r\nc=IN IP4 10.0.0.13\r\nt=0 0\r\n"
                   "m=audio 4000 RTP/AVP 0 8\r\n");
    peer_expect(t.a, "INVITE");
    decline(t.a, "488 INVITE");
    peer_expect(t.c, "488 UPDATE");
    hang_up(t.c, t.a);
    kit_end(t.k);
}

/* The exchange is the end of two sessions (RFC 4028): each is refreshed at half of 600 s, and after kill -9 each phone is asked
 * first what it can. One that is gone takes the other along.
 *    a            strowger            c
 *    |<- INVITE -----|-- UPDATE ------>|   a knows no UPDATE
 *    |-- 200 ------->|<- 200 ----------|
 *    |    kill -9, 30 to 60 s later    |
 *    |<- OPTIONS ----|-- OPTIONS ----->|
 *    |-- 200 ------->|<- 200 ----------|   its Allow has UPDATE ...
 *    |               |-- UPDATE ------>|   ... which it gets */
static void both_ends_are_refreshed(void **state)
{
    struct three      t = executed("603 REFER");
    const struct msg *m;

    (void)state;
    m = peer_expect_in(t.a, "INVITE", 290000, 310000);
    assert_true(slice_starts(msg_value(m, HDR_SESSION_EXPIRES), S("600;refresher=uac")));
    peer_send(t.a, "200 INVITE");
    peer_expect(t.a, "ACK");
    peer_expect_in(t.c, "INVITE", 0, 20000);
    peer_send(t.c, "200 INVITE\nAllow: INVITE, ACK, BYE, UPDATE");
    peer_expect(t.c, "ACK");
    kit_wait_ms(t.k, 290000);
    peer_expect_in(t.a, "INVITE", 0, 20000);
    peer_send(t.a, "200 INVITE");
    peer_expect(t.a, "ACK");
    peer_expect_in(t.c, "UPDATE", 0, 20000);
    peer_send(t.c, "200 UPDATE");
    kill_and_restart(&t);
    peer_expect_in(t.c, "OPTIONS", 55000, 95000);
    peer_send(t.c, "200 OPTIONS\nAllow: INVITE, ACK, BYE, UPDATE");
    m = peer_expect(t.c, "UPDATE");
    assert_true(slice_starts(msg_value(m, HDR_SESSION_EXPIRES), S("600;refresher=uac")));
    peer_send(t.c, "200 UPDATE");
    peer_expect_in(t.a, "OPTIONS", 0, 40000);
    peer_send(t.a, "481 OPTIONS");
    put_out(t.a);
    put_out(t.c);
    kit_end(t.k);
}

/* ---- transferred again ---- */

/* A, who was transferred, transfers C to D: it has the exchange as its peer, which executes. */
static void the_transferee_transfers_the_target(void **state)
{
    struct three t = executed("603 REFER");
    struct peer *d = peer_registered(t.k, "1004");

    (void)state;
    send_on_to_d(t.a);
    expect_to_move(t.c, d);
    expect_notify(t.a, 200);
    leave(t.a);
    hang_up(t.c, d);
    kit_end(t.k);
}

/* C transfers A to D: its REFER is accepted by the proxy like any other, and carried to the leg. */
static void the_target_transfers_the_transferee(void **state)
{
    struct three t = executed("603 REFER");
    struct peer *d = peer_registered(t.k, "1004");

    (void)state;
    send_on_to_d(t.c);
    expect_to_move(t.a, d);
    expect_notify(t.c, 200);
    leave(t.c);
    hang_up(d, t.a);
    kit_end(t.k);
}

/* C sends A on to D, D sends it back to C, and so on: ten transfers, and no more. The last two stay together. */
static void a_circle_ends(void **state)
{
    struct three t = executed("603 REFER");
    struct peer *ends[] = {t.c, peer_registered(t.k, "1004")};
    unsigned     last = 0;

    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        peer_send(ends[i % 2], i % 2 ? "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN ">" : "REFER\nRefer-To: <sip:1004@" KIT_DOMAIN ">");
        peer_expect(ends[i % 2], "202 REFER");
        peer_expect(ends[i % 2], "NOTIFY"); /* 100 */
        peer_send(ends[i % 2], "200 NOTIFY");
        expect_to_move(t.a, ends[(i + 1) % 2]);
        expect_notify(ends[i % 2], 200);
        leave(ends[i % 2]);
        last = (i + 1) % 2;
    }
    peer_send(ends[last], "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN ">");
    peer_expect(ends[last], "202 REFER");
    peer_expect(ends[last], "NOTIFY");
    peer_send(ends[last], "200 NOTIFY");
    expect_notify(ends[last], 482);
    hang_up(ends[last], t.a);
    kit_end(t.k);
}

/* ---- attended ---- */

/* B has called C as well, and names that call: C is called with Replaces and takes it at once. */
static void attended_with_replaces(void **state)
{
    struct three      t = three_talking();
    struct named      n;
    const struct msg *m;
    char              text[600];

    (void)state;
    n = consult(&t, "200");
    peer_take_call(t.b, 2);
    snprintf(text, sizeof text, "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN "?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>", n.call_id,
             n.to, n.from);
    peer_send(t.b, text);
    peer_expect(t.b, "202 REFER");
    peer_expect(t.a, "REFER");
    peer_send(t.a, "501 REFER");
    expect_to_be_asked(&t);
    m = peer_expect(t.c, "INVITE");
    snprintf(text, sizeof text, "%s;to-tag=%s;from-tag=%s", n.call_id, n.to, n.from);
    assert_true(slice_eq(msg_value(m, HDR_REPLACES), slice_z(text)));
    peer_send(t.c, "200 INVITE");
    peer_expect(t.c, "ACK");
    peer_take_call(t.c, 2);
    hang_up(t.c, t.b);
    agree(t.a);
    expect_notify(t.b, 200);
    leave(t.b);
    peer_take_call(t.c, 3);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* ---- kill -9 ---- */

/* PROTOCOL 4.3: with an executed transfer up, then BYE from either end clears both. */
static void a_bye_after_a_restart_clears_both_4_3(void **state)
{
    (void)state;
    for (int from_a = 0; from_a < 2; from_a++) {
        struct three t = executed("603 REFER");

        kill_and_restart(&t);
        if (from_a)
            hang_up(t.a, t.c);
        else
            hang_up(t.c, t.a);
        kit_end(t.k);
    }
}

/* What A offers is more than fits in a datagram on the wire (RFC 3261 §18.1.1), but the exchange sends it to itself first. */
static void large_descriptions_make_no_connection_that_a_restart_would_end(void **state)
{
    struct three t = three_talking();
    char         offer[2400];
    struct buf   b = BUF_ON(offer);

    (void)state;
    buf_put(&b, S("200 INVITE\nContent-Type: application/sdp\n\nv=0\r\no=- 5 2 IN IP4 10.0.0.11\r\ns=-\r\nc=IN IP4 10.0.0.11\r\nt=0 0\r\n"
                  "m=audio 4000 RTP/AVP 0 8\r\n"));
    for (int i = 0; i < 40; i++)
        buf_put(&b, S("a=x-one-of-many:what a phone has to say\r\n"));
    buf_putc(&b, 0);
    ask_to_refer(&t);
    peer_send(t.a, "603 REFER");
    peer_expect(t.a, "INVITE");
    peer_send(t.a, offer);
    peer_expect(t.a, "ACK");
    finish_transfer(&t);
    kill_and_restart(&t);
    hang_up(t.c, t.a);
    kit_end(t.k);
}

/* The two go on as before: hold, then another kill, then a transfer. */
static void two_who_talk_go_on_after_a_restart_4_3(void **state)
{
    struct three      t = executed("603 REFER");
    struct peer      *d;
    const struct msg *m;
    uint32_t          last;

    (void)state;
    kill_and_restart(&t);
    peer_send(t.a, "INVITE");
    m = peer_expect(t.c, "INVITE");
    last = cseq_of(m);
    peer_send(t.c, "200 INVITE");
    peer_expect(t.c, "ACK");
    peer_expect(t.a, "200 INVITE");
    peer_send(t.a, "ACK");
    kill_and_restart(&t);
    offer_anew(t.c, t.a);
    d = peer_registered(t.k, "1004");
    kill_and_restart(&t);
    send_on_to_d(t.a);
    m = peer_expect(t.c, "INVITE");
    assert_true(cseq_of(m) > last);
    peer_send(t.c, "200 INVITE");
    peer_expect(t.c, "ACK");
    agree(d);
    agree(t.c);
    expect_notify(t.a, 200);
    leave(t.a);
    hang_up(t.c, d);
    kit_end(t.k);
}

/* Several workers, each dialog in another shard (PROTOCOL 3.5): transfers, transfers of either, kill -9. */
static void with_the_dialogs_in_other_shards_3_5(void **state)
{
    struct three t = three_begin(&(struct kit_options){.workers = 4, .spread = true});
    struct peer *d;

    (void)state;
    d = peer_registered(t.k, "1004");
    for (int n = 0; n < 8; n++) {
        set_up_at_once(t.a, t.b, "INVITE 1002");
        execute(&t, "603 REFER");
        if (n == 7)
            kill_and_restart(&t); /* once: in the next life the same seed would make the same messages */
        send_on_to_d(t.c);
        expect_to_move(t.a, d);
        expect_notify(t.c, 200);
        leave(t.c);
        hang_up(d, t.a);
    }
    kit_end(t.k);
}

/* Killed while C rings, twice: C is told that the first call is over, and it is executed anew. A is asked with a CSeq above the
 * last one each time, and so it is for all that comes after (RFC 3261 §12.2.1.1).
 *
 *      A                  P                  B                  C
 *      |                  |<--- REFER -------|                  |
 *      |<--- INVITE 2 ----|                  |                  |
 *      |                  |---- INVITE ------|----------------->|
 *      |                 kill                |                  |
 *      |                  |---- BYE ---------|----------------->|   of the early dialog (RFC 3261 §15): 200, and 487
 *      |<--- INVITE >2 ---|                  |                  |
 *      |                  |---- INVITE ------|----------------->|
 *      |                 kill                |                  |
 *      |<--- higher yet --|  ...             |                  |                                              */
static void killed_while_the_target_rings_it_is_executed_anew(void **state)
{
    struct three t = three_talking();
    uint32_t     last = 0;

    (void)state;
    ask_to_refer(&t);
    peer_send(t.a, "603 REFER");
    for (int life = 0; life < 3; life++) {
        const struct msg *m = peer_expect(t.a, "INVITE");

        assert_true(cseq_of(m) > last);
        last = cseq_of(m);
        be_asked(&t, m);
        if (life == 2)
            break;
        peer_expect(t.c, "INVITE");
        peer_send(t.c, "180");
        kill_and_restart(&t);
        peer_expect(t.c, "BYE");
        peer_send(t.c, "200 BYE");
        peer_send(t.c, "487 INVITE");
        peer_expect(t.c, "ACK");
    }
    finish_transfer(&t);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* B has hung up already when the exchange is killed: nothing of its call with A is in the records any more. It goes on all the
 * same, and B is told how. */
static void killed_after_the_transferor_has_gone_it_is_executed_anew(void **state)
{
    struct three t = three_talking();

    (void)state;
    refuse_to_refer(&t, "603 REFER");
    peer_expect(t.c, "INVITE");
    peer_send(t.c, "180");
    leave(t.b);
    kill_and_restart(&t);
    peer_expect(t.c, "BYE");
    peer_send(t.c, "200 BYE");
    peer_send(t.c, "487 INVITE");
    peer_expect(t.c, "ACK");
    expect_to_be_asked(&t);
    ring_and_answer(&t, 0);
    expect_notify(t.b, 200);
    peer_expect(t.b, "BYE"); /* whether it was there is not known any more */
    peer_send(t.b, "481 BYE");
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* C has said nothing when the exchange is killed, and answers then: nobody waits for that any more, and it is told so.
 *
 *      A                  P                  C
 *      |                  |---- INVITE ----->|
 *      |                 kill                |
 *      |                  |<--- 200 ---------|
 *      |                  |---- BYE -------->|
 *      |<--- INVITE ------|                  |   anew                                                          */
static void a_target_that_answers_the_call_of_before_is_told_that_it_is_over(void **state)
{
    struct three t = three_talking();

    (void)state;
    refuse_to_refer(&t, "603 REFER");
    peer_expect(t.c, "INVITE");
    kill_and_restart(&t);
    peer_send(t.c, "200");
    peer_expect_in(t.c, "BYE", 0, 100);
    peer_send(t.c, "200 BYE");
    expect_to_be_asked(&t);
    finish_transfer(&t);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* Killed when the two talk, but B is still there: its BYE is for its own call, which is the exchange's by now. */
static void a_transferor_that_leaves_after_a_restart_ends_its_own_call_only(void **state)
{
    struct three t = three_talking();

    (void)state;
    refuse_to_refer(&t, "603 REFER");
    ring_and_answer(&t, 0);
    expect_notify(t.b, 200);
    kill_and_restart(&t);
    leave(t.b);
    kit_wait_ms(t.k, 10000);
    hang_up(t.c, t.a);
    kit_end(t.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_who_talk_hold_and_send_digits),
        cmocka_unit_test(two_who_talk_hold_by_update),
        cmocka_unit_test(both_ends_are_refreshed),
        cmocka_unit_test(the_transferee_transfers_the_target),
        cmocka_unit_test(the_target_transfers_the_transferee),
        cmocka_unit_test(a_circle_ends),
        cmocka_unit_test(attended_with_replaces),
        cmocka_unit_test(a_bye_after_a_restart_clears_both_4_3),
        cmocka_unit_test(large_descriptions_make_no_connection_that_a_restart_would_end),
        cmocka_unit_test(two_who_talk_go_on_after_a_restart_4_3),
        cmocka_unit_test(with_the_dialogs_in_other_shards_3_5),
        cmocka_unit_test(killed_while_the_target_rings_it_is_executed_anew),
        cmocka_unit_test(killed_after_the_transferor_has_gone_it_is_executed_anew),
        cmocka_unit_test(a_target_that_answers_the_call_of_before_is_told_that_it_is_over),
        cmocka_unit_test(a_transferor_that_leaves_after_a_restart_ends_its_own_call_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
