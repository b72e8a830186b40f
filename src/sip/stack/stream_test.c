/* stream_test.c - transactions over TCP: nothing is repeated, nothing lingers, and streams end at bad times (§18.2.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fake/fake.h"
#include "sys/heap.h"
#include "sys/random.h"

#include "sip/stack/stage_priv.h"

static struct stage g_stage;

/* The far machine's stream; what it hears goes where datagrams go, piece by piece. */
static struct net_tcp      *stream, *accepted;
static struct net_listener *listener;

static void on_open(void *arg, struct net_tcp *t)
{
    (void)arg;
    (void)t;
}

static void on_octets(void *arg, struct net_tcp *t, struct slice octets)
{
    (void)t;
    stage_on_octets(arg, NULL, NULL, NULL, octets);
}

static void on_closed(void *arg, struct net_tcp *t, enum err why)
{
    struct stage *g = arg;

    (void)why;
    if (t == stream)
        stream = NULL;
    if (t == accepted)
        accepted = NULL;
    net_tcp_close(fake_net(g->far, 0), t);
}

static const struct net_tcp_on tcp_on = {.open = on_open, .octets = on_octets, .closed = on_closed};

static void on_accepted(void *arg, struct net_listener *l, struct net_tcp *t)
{
    struct stage *g = arg;

    (void)l;
    accepted = t;
    net_tcp_attach(fake_net(g->far, 0), t, &tcp_on, g);
}

static const struct net_listener_on listener_on = {.accepted = on_accepted};

static void tcp_connect(struct stage *g)
{
    struct addr to = stage_addr("192.0.2.1:5060");

    assert_int_equal(net_tcp_connect(fake_net(g->far, 0), NULL, &to, 1000, &tcp_on, g, &stream), ERR_OK);
    stage_run_ms(g, 10);
}

static void tcp_listen(struct stage *g)
{
    struct addr local = stage_addr("192.0.2.9:5060");

    assert_int_equal(net_tcp_listen(fake_net(g->far, 0), &local, false, &listener_on, g, &listener), ERR_OK);
}

static void tcp_send(struct stage *g, struct slice octets)
{
    assert_int_equal(net_tcp_send(fake_net(g->far, 0), stream ? stream : accepted, octets), ERR_OK);
    stage_run_ms(g, 10);
}

static void tcp_end(struct stage *g)
{
    net_tcp_close(fake_net(g->far, 0), stream ? stream : accepted);
    stream = accepted = NULL;
    stage_run_ms(g, 10);
}

static struct stage *begin(void)
{
    g_stage = (struct stage){0};
    stream = accepted = NULL;
    stage_open(&g_stage);
    return &g_stage;
}

static unsigned answer_code;
static void answer(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    if (tsx_is_none(in->tsx))
        return;
    stack_watch_server(sh, in->tsx, &stage_server_on, g);
    if (answer_code)
        assert_int_equal(stack_reply_code(sh, in->tsx, answer_code), ERR_OK);
}

static void act_reply(struct stage *g, struct shard *sh)
{
    g->result = stack_reply_code(sh, g->server, answer_code);
}

#define VIA "SIP/2.0/TCP 192.0.2.9:5060;branch=z9hG4bK1"
#define TCP_REQUEST(what) stage_request((struct stage_said){.method = (what), .via = VIA, .to_tag = "t"})

static void fig8_non_invite_ends_with_its_answer(void **state)
{
    struct stage *g = begin();

    (void)state;
    answer_code = 200;
    g->on_request = answer;
    tcp_connect(g);
    tcp_send(g, TCP_REQUEST("BYE"));
    stage_expect(g, "SIP/2.0 200 ");
    stage_expect_notes(g, "request BYE\nserver ended\n");
    stage_close(g);
}

static void rfc4320_100_may_come_early_on_a_stream(void **state)
{
    struct stage *g = begin();

    (void)state;
    answer_code = 100;
    g->on_request = answer;
    tcp_connect(g);
    tcp_send(g, TCP_REQUEST("BYE"));
    stage_expect(g, "SIP/2.0 100 ");
    answer_code = 202;
    stage_do(g, act_reply);
    stage_run_ms(g, 10);
    stage_expect(g, "SIP/2.0 202 ");
    stage_expect_notes(g, "request BYE\nserver ended\n");
    stage_close(g);
}

static void fig7_a_refusal_is_not_repeated_and_ends_with_its_ack(void **state)
{
    struct stage *g = begin();

    (void)state;
    answer_code = 486;
    g->on_request = answer;
    tcp_connect(g);
    tcp_send(g, TCP_REQUEST("INVITE"));
    stage_expect(g, "SIP/2.0 486 ");
    stage_run_ms(g, 10000);
    stage_expect_nothing(g);
    tcp_send(g, TCP_REQUEST("ACK"));
    stage_expect_notes(g, "request INVITE\nserver acked\nserver ended\n");
    stage_close(g);
}

static void s18_2_2_a_lost_stream_is_opened_again_for_the_answer(void **state)
{
    struct stage *g = begin();

    (void)state;
    answer_code = 0;
    g->on_request = answer;
    tcp_listen(g);
    tcp_connect(g);
    tcp_send(g, TCP_REQUEST("BYE"));
    tcp_end(g);
    stage_expect_notes(g, "request BYE\nflow lost, worker 0\n");
    answer_code = 200;
    stage_do(g, act_reply);
    assert_int_equal(g->result, ERR_OK);
    stage_run_ms(g, 10);
    stage_expect(g, "SIP/2.0 200 ");
    assert_non_null(accepted);
    stage_close(g);
}

/* The same octets by datagram and by stream are two requests: each gets its answer where it came from, and each ACK finds
 * its own. */
static void s17_2_3_each_transport_has_its_own_transaction(void **state)
{
    struct stage *g = begin();

    (void)state;
    answer_code = 486;
    g->on_request = answer;
    tcp_connect(g);
    stage_send(g, TCP_REQUEST("INVITE"));
    stage_expect(g, "SIP/2.0 486 ");
    tcp_send(g, TCP_REQUEST("INVITE"));
    stage_expect(g, "SIP/2.0 486 ");
    stage_expect_notes(g, "request INVITE\nrequest INVITE\n");
    stage_send(g, TCP_REQUEST("INVITE")); /* repeated, by datagram again */
    stage_expect(g, "SIP/2.0 486 ");
    stage_expect_notes(g, "");
    stage_send(g, TCP_REQUEST("ACK"));
    stage_expect_notes(g, "server acked\n");
    tcp_send(g, TCP_REQUEST("ACK"));
    stage_expect_notes(g, "server acked\nserver ended\n");
    stage_run_ms(g, 5000);
    stage_expect_notes(g, "server ended\n");
    stage_close(g);
}

/* ---- clients ---- */

static struct flow to_far;
static void act_flow(struct stage *g, struct shard *sh)
{
    struct addr to = stage_addr("192.0.2.9:5060");

    g->result = flow_to(shard_transport(sh), TRANSPORT_TCP, &to, &to_far);
}

#define REQUEST(method)                                                                                           \
    S(method " sip:b@192.0.2.9 SIP/2.0\r\nFrom: <sip:u@192.0.2.1>;tag=u\r\nTo: <sip:b@example.com>\r\n"                \
             "Call-ID: c1\r\nCSeq: 5 " method "\r\nContent-Length: 0\r\n\r\n")

static struct stage *begin_client(struct slice request)
{
    struct stage *g = begin();

    tcp_listen(g);
    stage_do(g, act_flow);
    assert_int_equal(g->result, ERR_OK);
    g->send = (struct stack_send){.octets = request, .flow = &to_far};
    stage_request_now(g);
    stage_run_ms(g, 10);
    return g;
}

static void fig5_nothing_is_repeated_and_a_refusal_ends_it(void **state)
{
    struct stage *g = begin_client(REQUEST("INVITE"));
    struct slice  invite = stage_expect(g, "INVITE ");

    (void)state;
    assert_true(stage_has(invite, "Via: SIP/2.0/TCP 192.0.2.1:5060;branch="));
    assert_false(stage_has(invite, "rport"));
    stage_run_ms(g, 20000);
    stage_expect_nothing(g);
    tcp_send(g, stage_answer(invite, 404, "t"));
    stage_expect(g, "ACK ");
    stage_expect_notes(g, "response 404\nclient ended\n");
    stage_close(g);
}

static void s17_1_4_a_lost_stream_fails_what_waits_on_it(void **state)
{
    struct stage *g = begin_client(REQUEST("BYE"));

    (void)state;
    stage_expect(g, "BYE ");
    tcp_end(g);
    stage_expect_notes(g, "client failed: closed\nclient ended\nflow lost, worker 0\n");
    stage_close(g);
}

static void fig5_a_ringing_invite_outlives_its_stream(void **state)
{
    struct stage *g = begin_client(REQUEST("INVITE"));
    struct slice  invite = stage_expect(g, "INVITE ");

    (void)state;
    tcp_send(g, stage_answer(invite, 180, "t"));
    tcp_end(g);
    stage_expect_notes(g, "response 180\nflow lost, worker 0\n");
    tcp_connect(g); /* the answer comes by another connection */
    tcp_send(g, stage_answer(invite, 200, "t"));
    stage_run_ms(g, 32000);
    stage_expect_notes(g, "response 200\nclient ended\n");
    stage_close(g);
}

static void act_flow_and_request(struct stage *g, struct shard *sh)
{
    act_flow(g, sh);
    stage_act_request(g, sh);
}

static void a_refused_connection_fails_the_request(void **state)
{
    struct stage *g = begin();

    (void)state;
    g->send = (struct stack_send){.octets = REQUEST("BYE"), .flow = &to_far};
    stage_do(g, act_flow_and_request); /* nobody listens there */
    assert_int_equal(g->result, ERR_OK);
    stage_run_ms(g, 3000);
    assert_true(slice_starts((struct slice){g->notes, g->n_notes}, S("client failed: ")));
    stage_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fig8_non_invite_ends_with_its_answer),
        cmocka_unit_test(rfc4320_100_may_come_early_on_a_stream),
        cmocka_unit_test(fig7_a_refusal_is_not_repeated_and_ends_with_its_ack),
        cmocka_unit_test(s17_2_3_each_transport_has_its_own_transaction),
        cmocka_unit_test(s18_2_2_a_lost_stream_is_opened_again_for_the_answer),
        cmocka_unit_test(fig5_nothing_is_repeated_and_a_refusal_ends_it),
        cmocka_unit_test(s17_1_4_a_lost_stream_fails_what_waits_on_it),
        cmocka_unit_test(fig5_a_ringing_invite_outlives_its_stream),
        cmocka_unit_test(a_refused_connection_fails_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
