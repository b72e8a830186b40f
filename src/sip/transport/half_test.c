/* half_test.c - peers that say nothing more: in the middle of a message, or waiting for their answers (RFC 3261 §18.2.2,
 * §18.3; RFC 4475 §3.1.2). */
#include "net/fake/fake.h"
#include "sip/transport/stage_priv.h"

#define VIA "Via: SIP/2.0/TCP 192.0.2.9:5080;branch=z9hG4bK1\r\n"
#define REST "To: <sip:b@x>\r\nCall-ID: a\r\nCSeq: 1 OPTIONS\r\n"
#define SOUND "OPTIONS sip:b@x SIP/2.0\r\n" VIA "From: <sip:a@x>;tag=1\r\n" REST
#define PLAIN SOUND "Content-Length: 0\r\n\r\n"
#define BAD "OPTIONS sip:b@x SIP/2.0\r\n" VIA "From: Bell, Alexander <sip:a@x>;tag=1\r\n" REST "l: 0\r\n"
#define ANSWER "SIP/2.0 200 OK\r\n" VIA "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\nCall-ID: a\r\nCSeq: 1 OPTIONS\r\n\r\n"
#define TRYING "SIP/2.0 100 Trying\r\n" VIA "\r\n"

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

static void assert_has(const struct stage_wire *far, const char *what)
{
    if (slice_find_slice(stage_wire_text(far), slice_z(what)) == SIZE_MAX)
        fail_msg("no '%s' in '%.*s'", what, SARG(stage_wire_text(far)));
}

/* A message that never can be sound, without its empty line, and then a pause. */
static void rfc4475_what_never_can_be_sound_is_told_after_a_pause(void **state)
{
    static struct stage      g;
    static struct stage_wire far;

    (void)state;
    begin(&g, &far);
    stage_far_send(&far, S(BAD));
    stage_run_ms(&g, TRANSPORT_QUIET_MS - 50);
    assert_int_equal(far.n, 0);
    stage_run_ms(&g, 100);
    assert_true(slice_starts(stage_wire_text(&far), S("SIP/2.0 400 Bad From header field\r\n")));
    assert_has(&far, "Call-ID: a\r\n");
    assert_has(&far, "To: <sip:b@x>;tag=");
    assert_true(far.closed);
    assert_int_equal(counts(&g).broken, 1);
    assert_int_equal(g.n_heard, 0);
    assert_int_equal(g.n_lost, 1);
    assert_int_equal(g.lost[0].why, ERR_SYNTAX);
    stage_far_close(&far);
    stage_run_ms(&g, 50); /* its end ends the lingering */
    assert_int_equal(counts(&g).streams, 0);
    stage_close(&g);
}

/* What may still become sound is waited for, however often it pauses. */
static void a_sound_beginning_may_pause(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    const struct slice       all = S(PLAIN);

    (void)state;
    begin(&g, &far);
    for (size_t n = 0; n < all.n; n += 20) {
        stage_far_send(&far, slice_to(slice_from(all, n), 20));
        stage_run_ms(&g, 3 * TRANSPORT_QUIET_MS);
    }
    assert_int_equal(g.n_heard, 1);
    stage_assert_text(stage_heard_text(&g, 0), all);
    assert_int_equal(far.n, 0);
    assert_int_equal(g.n_lost, 0);
    stage_close(&g);
}

/* The fault is looked for after the last pause too, and in a message whose body is awaited. */
static void a_fault_that_comes_later_is_found_later(void **state)
{
    static struct stage      g;
    static struct stage_wire far;

    (void)state;
    begin(&g, &far);
    stage_far_send(&far, S("OPTIONS sip:b@x SIP/2.0\r\n" VIA "Fr"));
    stage_run_ms(&g, 5 * TRANSPORT_QUIET_MS);
    assert_int_equal(far.n, 0);
    stage_far_send(&far, S("om: <sip:a@x\r\n"));
    stage_run_ms(&g, 5 * TRANSPORT_QUIET_MS);
    assert_int_equal(far.n, 0); /* the line may be continued */
    stage_far_send(&far, S(REST "l: 10\r\n\r\nbody"));
    stage_run_ms(&g, 2 * TRANSPORT_QUIET_MS);
    assert_true(slice_starts(stage_wire_text(&far), S("SIP/2.0 400 Bad From header field\r\n")));
    stage_far_close(&far);
    stage_close(&g);
}

/* No answer goes to an ACK, nor to a response: an ACK ends the stream, a response may take its time. */
static void what_is_not_answered_is_not_told(void **state)
{
    static struct stage      g;
    static struct stage_wire ack, response;

    (void)state;
    begin(&g, &ack);
    stage_far_connect(&g, &response, "192.0.2.1:5060");
    stage_far_send(&ack, S("ACK sip:b@x SIP/2.0\r\nCSeq: 1 INVITE\r\nSubject: x"));
    stage_far_send(&response, S("SIP/2.0 200 OK\r\nCSeq: x\r\nSubject: x"));
    stage_run_ms(&g, 2 * TRANSPORT_QUIET_MS);
    assert_int_equal(ack.n + response.n, 0);
    assert_true(ack.closed);
    assert_false(response.closed);
    stage_run_ms(&g, TRANSPORT_HEAD_MS);
    assert_true(response.closed);
    stage_close(&g);
}

/* The peer ends in the middle of a message: it is told what is wrong with what there is. */
static void rfc3261_18_3_an_end_within_a_message_is_answered(void **state)
{
    static const struct {
        const char *sent, *answer;
    } table[] = {
        {BAD, "SIP/2.0 400 Bad From header field\r\n"},
        {SOUND, "SIP/2.0 400 No empty line behind the header fields\r\n"},
        {SOUND "l: 20\r\n\r\nbody", "SIP/2.0 400 Too large Content-Length header field\r\n"},
        {"OPTIONS sip:b@x SIP/7.0\r\n" VIA, "SIP/2.0 505 Version not supported\r\n"},
        {"OPTI", ""},
        {"ACK sip:b@x SIP/2.0\r\n" VIA, ""},
        {"SIP/2.0 200 OK\r\n" VIA, ""},
    };
    static struct stage      g;
    static struct stage_wire far;

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        begin(&g, &far);
        stage_far_send(&far, slice_z(table[i].sent));
        stage_far_finish(&far);
        stage_run_ms(&g, 50);
        if (*table[i].answer)
            assert_true(slice_starts(stage_wire_text(&far), slice_z(table[i].answer)));
        else
            assert_int_equal(far.n, 0);
        assert_true(far.closed);
        assert_int_equal(counts(&g).broken, 1);
        assert_int_equal(counts(&g).streams, 0);
        assert_int_equal(g.n_lost, 1);
        assert_int_equal(g.n_heard, 0);
        stage_close(&g);
    }
}

/* It has asked twice and finished: both answers reach it, then the end; nothing else can be sent there meanwhile. */
static void rfc3261_18_2_2_a_half_closed_stream_is_answered(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct flow              f, other;

    (void)state;
    begin(&g, &far);
    stage_far_send(&far, S(PLAIN PLAIN));
    stage_far_finish(&far);
    stage_run_ms(&g, 20);
    assert_int_equal(g.n_heard, 2);
    assert_int_equal(g.n_lost, 1); /* what we ask there is not answered any more */
    assert_int_equal(g.lost[0].why, ERR_CLOSED);
    f = g.heard[0].from;
    assert_int_equal(flow_send(g.tp[0], &f, S(PLAIN)), ERR_CLOSED);
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_TCP, &f.remote, &other), ERR_OK);
    assert_false(flow_eq(&f, &other));
    stage_run_ms(&g, 20 * 1000);
    assert_int_equal(flow_send(g.tp[0], &f, S(TRYING)), ERR_OK);
    assert_int_equal(flow_send(g.tp[0], &f, S(ANSWER)), ERR_OK);
    stage_run_ms(&g, 20 * 1000);
    assert_false(far.closed);
    assert_int_equal(flow_send(g.tp[0], &f, S(ANSWER)), ERR_OK);
    stage_run_ms(&g, HALF_REST_MS + 100);
    stage_assert_text(stage_wire_text(&far), S(TRYING ANSWER ANSWER));
    assert_true(far.closed);
    assert_int_equal(counts(&g).streams, 0);
    assert_int_equal(flow_send(g.tp[0], &f, S(ANSWER)), ERR_CLOSED);
    assert_int_equal(g.n_lost, 2); /* the second is the connection that nobody accepted */
    stage_close(&g);
}

/* The same when another worker answers. */
static void protocol_3_2_a_half_closed_stream_is_answered_from_elsewhere(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct flow              f;

    (void)state;
    stage_open(&g, 2);
    g.chosen = 1;
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    stage_far_connect(&g, &far, "192.0.2.1:5060");
    stage_far_send(&far, S(PLAIN));
    stage_far_finish(&far);
    stage_run_ms(&g, 20);
    f = g.heard[0].from;
    assert_int_equal(flow_send(g.tp[0], &f, S(PLAIN)), ERR_OK); /* posted: its owner says later that it cannot be */
    assert_int_equal(flow_send(g.tp[0], &f, S(ANSWER)), ERR_OK);
    stage_run_ms(&g, 20);
    assert_int_equal(g.n_lost, 2);
    stage_assert_text(stage_wire_text(&far), S(ANSWER));
    stage_far_close(&far);
    stage_close(&g);
}

/* Who asks and never gets its answer is not kept for ever. */
static void a_half_closed_stream_has_an_end(void **state)
{
    static struct stage      g;
    static struct stage_wire far;

    (void)state;
    begin(&g, &far);
    stage_far_send(&far, S(PLAIN));
    stage_far_finish(&far);
    stage_run_ms(&g, TRANSPORT_HALF_MS - 100);
    assert_false(far.closed);
    stage_run_ms(&g, 200);
    assert_true(far.closed);
    assert_int_equal(counts(&g).streams, 0);
    assert_int_equal(g.n_lost, 1);
    stage_close(&g);
}

/* It had not finished speaking only, it was gone: the answer that ran into the reset goes again, by a new connection. */
static void rfc3261_18_2_2_an_answer_to_a_peer_that_was_gone_goes_again(void **state)
{
    static struct stage      g;
    static struct stage_wire far, listening;

    (void)state;
    begin(&g, &far);
    stage_far_listen(&g, &listening, "192.0.2.9:5080");
    stage_far_send(&far, S(PLAIN PLAIN));
    stage_run_ms(&g, 20);
    stage_far_close(&far);
    stage_run_ms(&g, 20);
    assert_int_equal(g.n_lost, 1);
    assert_int_equal(flow_send(g.tp[0], &g.heard[0].from, S(ANSWER)), ERR_OK);
    assert_int_equal(flow_send(g.tp[0], &g.heard[1].from, S(ANSWER)), ERR_OK);
    stage_run_ms(&g, 20);
    stage_assert_text(stage_wire_text(&listening), S(ANSWER ANSWER));
    assert_int_equal(g.n_lost, 1);
    stage_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc4475_what_never_can_be_sound_is_told_after_a_pause),
        cmocka_unit_test(a_sound_beginning_may_pause),
        cmocka_unit_test(a_fault_that_comes_later_is_found_later),
        cmocka_unit_test(what_is_not_answered_is_not_told),
        cmocka_unit_test(rfc3261_18_3_an_end_within_a_message_is_answered),
        cmocka_unit_test(rfc3261_18_2_2_a_half_closed_stream_is_answered),
        cmocka_unit_test(protocol_3_2_a_half_closed_stream_is_answered_from_elsewhere),
        cmocka_unit_test(a_half_closed_stream_has_an_end),
        cmocka_unit_test(rfc3261_18_2_2_an_answer_to_a_peer_that_was_gone_goes_again),
    };

    return cmocka_run_group_tests_name("sip/transport/half", tests, NULL, NULL);
}
