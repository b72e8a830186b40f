/* stream_test.c - messages on streams: framing, keep-alives, limits in time, what ends a stream (RFC 3261 §18.3, RFC 5626
 * §4.4.1). */
#include "net/fake/fake.h"
#include "sip/transport/stage_priv.h"

#define HEAD                                                                                                           \
    "Via: SIP/2.0/TCP 192.0.2.9:5060;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: a\r\n"      \
    "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
#define PLAIN "OPTIONS sip:b@x SIP/2.0\r\n" HEAD "Content-Length: 0\r\n\r\n"
#define BODY "MESSAGE sip:b@x SIP/2.0\r\n" HEAD "Content-Length: 9\r\n\r\nhi\r\n\r\nyou"

static struct transport_counts counts(struct stage *g)
{
    struct transport_counts n;

    transport_counts(g->tp[0], &n);
    return n;
}

static void begin(struct stage *g, struct stage_wire *far)
{
    stage_open(g, 1);
    stage_listen(g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    stage_far_connect(g, far, "192.0.2.1:5060");
}

static void rfc3261_18_3_octet_by_octet(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    const struct slice       all = S(BODY PLAIN BODY);

    (void)state;
    begin(&g, &far);
    for (size_t i = 0; i < all.n; i++) {
        stage_far_send(&far, slice_to(slice_from(all, i), 1));
        stage_run_ms(&g, 2);
    }
    assert_int_equal(g.n_heard, 3);
    stage_assert_text(stage_heard_text(&g, 0), S(BODY));
    stage_assert_text(stage_heard_text(&g, 1), S(PLAIN));
    stage_assert_text(stage_heard_text(&g, 2), S(BODY));
    assert_int_equal(g.ours.pieces > 0, 1);
    stage_close(&g);
}

static void rfc3261_18_3_every_cut_in_two(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    const struct slice       all = S(BODY PLAIN);

    (void)state;
    begin(&g, &far);
    for (size_t i = 1; i < all.n; i++) {
        g.n_heard = 0;
        stage_far_send(&far, slice_to(all, i));
        stage_run_ms(&g, 3);
        stage_far_send(&far, slice_from(all, i));
        stage_run_ms(&g, 3);
        assert_int_equal(g.n_heard, 2);
        stage_assert_text(stage_heard_text(&g, 0), S(BODY));
        stage_assert_text(stage_heard_text(&g, 1), S(PLAIN));
    }
    stage_close(&g);
}

static void several_messages_in_one_piece_keep_their_order_and_no_memory(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    size_t                   before;

    (void)state;
    begin(&g, &far);
    before = g.ours.octets;
    stage_far_send(&far, S(PLAIN BODY "\r\n\r\n" PLAIN));
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_heard, 3);
    stage_assert_text(stage_heard_text(&g, 1), S(BODY));
    assert_int_equal(g.heard[0].from.kind, TRANSPORT_TCP);
    assert_true(flow_eq(&g.heard[0].from, &g.heard[2].from));
    assert_int_equal(g.ours.octets, before);
    stage_close(&g);
}

static void a_large_message_comes_whole(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    static char              block[MSG_MAX_OCTETS];
    struct buf               b = BUF_ON(block);
    size_t                   before;

    (void)state;
    begin(&g, &far);
    before = g.ours.octets;
    buf_put(&b, S("MESSAGE sip:b@x SIP/2.0\r\n" HEAD "Content-Length: 200000\r\n\r\n"));
    memset(block + b.n, 'x', 200000);
    b.n += 200000;
    stage_far_send(&far, buf_slice(&b));
    stage_run_ms(&g, 1000);
    assert_int_equal(g.n_heard, 1);
    assert_int_equal(g.heard[0].n, b.n);
    assert_int_equal(g.ours.octets, before);
    stage_close(&g);
}

/* What is claimed is not what is taken: memory grows with what has come. */
static void a_claimed_length_takes_no_memory(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    size_t                   before;

    (void)state;
    begin(&g, &far);
    before = g.ours.octets;
    stage_far_send(&far, S("MESSAGE sip:b@x SIP/2.0\r\n" HEAD "Content-Length: 200000\r\n\r\nx"));
    stage_run_ms(&g, 10);
    assert_true(g.ours.octets <= before + INPUT_OCTETS);
    stage_close(&g);
}

static void rfc5626_4_4_1_a_ping_gets_a_pong(void **state)
{
    static struct stage      g;
    static struct stage_wire far;

    (void)state;
    begin(&g, &far);
    stage_far_send(&far, S("\r\n\r\n"));
    stage_run_ms(&g, 10);
    stage_assert_text(stage_wire_text(&far), S("\r\n"));
    stage_far_send(&far, S("\r\n"));
    stage_run_ms(&g, 10);
    assert_int_equal(far.n, 2);
    stage_far_send(&far, S("\r\n"));
    stage_run_ms(&g, 10);
    assert_int_equal(far.n, 4);
    stage_far_send(&far, S("\r\n\r\n" PLAIN));
    stage_run_ms(&g, 10);
    assert_int_equal(far.n, 6);
    assert_int_equal(g.n_heard, 1);
    stage_close(&g);
}

static void rfc5626_4_4_1_a_pong_is_not_answered(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct addr              to = stage_addr("192.0.2.9:5060");
    struct flow              f;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    stage_far_listen(&g, &far, "192.0.2.9:5060");
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_TCP, &to, &f), ERR_OK);
    assert_int_equal(flow_send(g.tp[0], &f, S("\r\n\r\n")), ERR_OK);
    stage_run_ms(&g, 10);
    stage_assert_text(stage_wire_text(&far), S("\r\n\r\n"));
    stage_far_send(&far, S("\r\n"));
    stage_far_send(&far, S("\r\n"));
    stage_run_ms(&g, 10);
    assert_int_equal(far.n, 4);
    assert_int_equal(g.n_lost, 0);
    assert_true(counts(&g).keep_alives >= 1);
    stage_close(&g);
}

/* The refusal is read before the stream is closed, and nothing that comes later is worked on. */
static void assert_refused(struct slice bad, struct slice status)
{
    static struct stage      g;
    static struct stage_wire far;

    begin(&g, &far);
    stage_far_send(&far, S(PLAIN));
    stage_far_send(&far, bad);
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_heard, 1);
    assert_true(slice_starts(stage_wire_text(&far), status));
    assert_true(slice_find_slice(stage_wire_text(&far), S("Call-ID: a\r\n")) != SIZE_MAX);
    assert_true(far.closed); /* that is all that it gets */
    assert_int_equal(counts(&g).streams, 1);
    assert_int_equal(g.n_lost, 1);
    assert_true(flow_eq(&g.lost[0].flow, &g.heard[0].from));
    assert_int_equal(flow_send(g.tp[0], &g.heard[0].from, S(PLAIN)), ERR_CLOSED);
    stage_far_send(&far, S(PLAIN));
    stage_run_ms(&g, LINGER_MS + 500);
    assert_true(far.closed);
    assert_int_equal(g.n_heard, 1);
    assert_int_equal(g.n_lost, 1);
    assert_int_equal(counts(&g).broken, 1);
    assert_int_equal(counts(&g).streams, 0);
    stage_close(&g);
}

static void lost_framing_gets_400_and_the_end(void **state)
{
    (void)state;
    assert_refused(S("OPTIONS sip:b@x SIP/2.0\r\n" HEAD "Content-Length: 5\r\nl: 6\r\n\r\n"), S("SIP/2.0 400 "));
    assert_refused(S("OPTIONS sip:b@x SIP/2.0\r\n" HEAD "Content-Length: five\r\n\r\n"), S("SIP/2.0 400 "));
    assert_refused(S("OPTIONS sip:b@x SIP/2.0\r\n" HEAD "Content-Length: 262144\r\n\r\n"), S("SIP/2.0 413 "));
}

/* An ACK is never answered, and what is no SIP cannot be. */
static void what_cannot_be_answered_is_only_closed(void **state)
{
    static const char *const bad[] = {
        "ACK sip:b@x SIP/2.0\r\n" HEAD "Content-Length: no\r\n\r\n",
        "SIP/2.0 200 OK\r\n" HEAD "Content-Length: no\r\n\r\n",
        "<xml>is not for us</xml>\r\n",
        "\x16\x03\x01\x02 not for us\r\n",
    };
    static struct stage      g;
    static struct stage_wire far;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        begin(&g, &far);
        stage_far_send(&far, slice_z(bad[i]));
        stage_run_ms(&g, 10);
        assert_int_equal(far.n, 0);
        assert_true(far.closed);
        assert_int_equal(g.n_lost, 1);
        assert_int_equal(g.n_heard, 0);
        assert_int_equal(counts(&g).broken, 1);
        stage_close(&g);
    }
}

/* No Content-Length and a body all the same: its request is answered on the stream, which is deaf from now on. */
static void a_body_without_length_makes_the_stream_deaf(void **state)
{
    static struct stage      g;
    static struct stage_wire far;

    (void)state;
    begin(&g, &far);
    stage_far_send(&far, S("MESSAGE sip:b@x SIP/2.0\r\n" HEAD "\r\nv=0\r\n"));
    stage_run_ms(&g, 10);
    stage_far_send(&far, S(PLAIN));
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_heard, 1);
    assert_int_equal(flow_send(g.tp[0], &g.heard[0].from, S("SIP/2.0 200 OK\r\n\r\n")), ERR_OK);
    stage_run_ms(&g, 10);
    stage_assert_text(stage_wire_text(&far), S("SIP/2.0 200 OK\r\n\r\n"));
    assert_int_equal(g.n_lost, 0);
    stage_run_ms(&g, TRANSPORT_IDLE_MS + 1000);
    assert_true(far.closed);
    stage_close(&g);
}

static void a_slow_head_is_given_up(void **state)
{
    static struct stage      g;
    static struct stage_wire far;

    (void)state;
    begin(&g, &far);
    stage_far_send(&far, S(PLAIN "OPTIONS sip:b@x SI"));
    for (int i = 0; i < TRANSPORT_HEAD_MS / 1000 - 1; i++) {
        stage_run_ms(&g, 1000);
        stage_far_send(&far, S("P"));
    }
    assert_int_equal(g.n_lost, 0);
    assert_false(far.closed);
    stage_run_ms(&g, 1500);
    assert_int_equal(g.n_lost, 1);
    assert_int_equal(g.lost[0].why, ERR_TIMEOUT);
    assert_true(far.closed);
    assert_int_equal(far.n, 0);
    assert_int_equal(counts(&g).slow, 1);
    stage_close(&g);
}

static void a_body_that_does_not_come_gets_400(void **state)
{
    static struct stage      g;
    static struct stage_wire far;

    (void)state;
    begin(&g, &far);
    stage_far_send(&far, S("OPTIONS sip:b@x SIP/2.0\r\n" HEAD "Content-Length: 20\r\n\r\nhi"));
    stage_run_ms(&g, TRANSPORT_HEAD_MS - 100);
    assert_int_equal(far.n, 0); /* nothing is wrong with what there is */
    stage_run_ms(&g, 200);
    assert_true(slice_starts(stage_wire_text(&far), S("SIP/2.0 400 ")));
    assert_int_equal(counts(&g).slow, 1);
    stage_run_ms(&g, LINGER_MS + 500);
    assert_true(far.closed);
    stage_close(&g);
}

/* Each message has its own time: many of them, each begun in the piece that ended the last, never time out. */
static void the_limit_is_of_one_message_not_of_the_stream(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    const struct slice       all = S(PLAIN);

    (void)state;
    begin(&g, &far);
    stage_far_send(&far, slice_to(all, 10));
    for (int i = 0; i < 10; i++) {
        stage_run_ms(&g, TRANSPORT_HEAD_MS / 2);
        stage_far_send(&far, slice_from(all, 10));
        stage_far_send(&far, slice_to(all, 10));
    }
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_heard, 10);
    assert_int_equal(g.n_lost, 0);
    stage_close(&g);
}

static void an_idle_stream_is_closed_one_in_use_is_not(void **state)
{
    static struct stage      g;
    static struct stage_wire idle, pinging, receiving;
    struct flow              f;

    (void)state;
    begin(&g, &idle);
    stage_far_connect(&g, &pinging, "192.0.2.1:5060");
    stage_far_connect(&g, &receiving, "192.0.2.1:5060");
    stage_far_send(&receiving, S(PLAIN));
    stage_run_ms(&g, 10);
    f = g.heard[0].from;
    for (int i = 0; i < 4; i++) {
        stage_run_ms(&g, TRANSPORT_IDLE_MS / 3);
        if (pinging.closed || receiving.closed)
            break;
        stage_far_send(&pinging, S("\r\n\r\n"));
        assert_int_equal(flow_send(g.tp[0], &f, S("SIP/2.0 100 Trying\r\n\r\n")), ERR_OK);
    }
    assert_true(idle.closed);
    assert_false(pinging.closed);
    assert_false(receiving.closed);
    assert_int_equal(g.n_lost, 1);
    assert_int_equal(g.lost[0].why, ERR_TIMEOUT);
    assert_int_equal(counts(&g).idle, 1);
    assert_int_equal(counts(&g).streams, 2);
    stage_close(&g);
}

/* PROTOCOL 3.3: what cannot be taken stays, and what follows it. Others do not wait. */
static void protocol_3_3_what_is_not_taken_now_is_taken_later(void **state)
{
    static struct stage      g;
    static struct stage_wire far, other;
    const struct slice       all = S(BODY PLAIN BODY PLAIN), half = S(BODY), rest = slice_from(half, 70);

    (void)state;
    begin(&g, &far);
    g.takes = 1;
    stage_far_send(&far, all);
    stage_far_send(&far, slice_to(half, 70));
    stage_run_ms(&g, TRANSPORT_HEAD_MS + 1000); /* nobody is slow but us */
    assert_int_equal(g.n_heard, 1);
    transport_resume(g.tp[0]);
    assert_int_equal(g.n_heard, 1);
    g.takes = 3;
    transport_resume(g.tp[0]);
    assert_int_equal(g.n_heard, 3);
    stage_assert_text(stage_heard_text(&g, 1), S(PLAIN));
    stage_assert_text(stage_heard_text(&g, 2), S(BODY));
    g.takes = 0;
    stage_far_connect(&g, &other, "192.0.2.1:5060");
    stage_far_send(&other, S(PLAIN));
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_heard, 4);
    transport_resume(g.tp[0]);
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_heard, 5);
    stage_far_send(&far, rest);
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_heard, 6);
    stage_assert_text(stage_heard_text(&g, 5), half);
    assert_false(far.closed);
    stage_close(&g);
}

/* It ends while it waits: nothing of it is left. */
static void protocol_3_3_a_stream_that_waits_may_end(void **state)
{
    static struct stage      g;
    static struct stage_wire far;

    (void)state;
    begin(&g, &far);
    g.takes = 1;
    stage_far_send(&far, S(BODY PLAIN BODY));
    stage_run_ms(&g, TRANSPORT_IDLE_MS + 1000);
    assert_int_equal(g.n_heard, 1);
    assert_int_equal(g.n_lost, 1);
    g.takes = 0;
    transport_resume(g.tp[0]);
    assert_int_equal(g.n_heard, 1);
    stage_close(&g);
}

static void the_end_of_a_stream_is_told_once(void **state)
{
    static struct stage      g;
    static struct stage_wire far;

    (void)state;
    begin(&g, &far);
    stage_far_send(&far, S(PLAIN "OPTIONS sip:hal"));
    stage_run_ms(&g, 10);
    stage_far_close(&far);
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_lost, 1);
    assert_int_equal(g.lost[0].why, ERR_CLOSED);
    assert_true(flow_eq(&g.lost[0].flow, &g.heard[0].from));
    assert_int_equal(flow_send(g.tp[0], &g.heard[0].from, S(PLAIN)), ERR_CLOSED);
    assert_int_equal(counts(&g).streams, 0);
    stage_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3261_18_3_octet_by_octet),
        cmocka_unit_test(rfc3261_18_3_every_cut_in_two),
        cmocka_unit_test(several_messages_in_one_piece_keep_their_order_and_no_memory),
        cmocka_unit_test(a_large_message_comes_whole),
        cmocka_unit_test(a_claimed_length_takes_no_memory),
        cmocka_unit_test(rfc5626_4_4_1_a_ping_gets_a_pong),
        cmocka_unit_test(rfc5626_4_4_1_a_pong_is_not_answered),
        cmocka_unit_test(lost_framing_gets_400_and_the_end),
        cmocka_unit_test(what_cannot_be_answered_is_only_closed),
        cmocka_unit_test(a_body_without_length_makes_the_stream_deaf),
        cmocka_unit_test(a_slow_head_is_given_up),
        cmocka_unit_test(a_body_that_does_not_come_gets_400),
        cmocka_unit_test(the_limit_is_of_one_message_not_of_the_stream),
        cmocka_unit_test(an_idle_stream_is_closed_one_in_use_is_not),
        cmocka_unit_test(protocol_3_3_what_is_not_taken_now_is_taken_later),
        cmocka_unit_test(protocol_3_3_a_stream_that_waits_may_end),
        cmocka_unit_test(the_end_of_a_stream_is_told_once),
    };

    return cmocka_run_group_tests_name("sip/transport/stream", tests, NULL, NULL);
}
