/* tls_test.c - messages over connections that speak TLS: who they are from, and for whom one is used again (RFC 3261 §26, RFC 5922,
 * RFC 5923 §8). */
#include "net/fake/fake.h"
#include "sip/transport/stage_priv.h"

#define REQUEST "OPTIONS sip:b@x SIP/2.0\r\nVia: SIP/2.0/TLS h\r\nCall-ID: a\r\nContent-Length: 0\r\n\r\n"
#define ANSWER "SIP/2.0 200 OK\r\nCall-ID: a\r\nContent-Length: 0\r\n\r\n"

static void begin(struct stage *g)
{
    stage_open(g, 1);
    g->far_tls = stage_keys(g->far_net);
    stage_listen(g, TRANSPORT_TLS, "192.0.2.1:5061", "");
}

static struct flow to_name(struct stage *g, const char *to, struct slice name)
{
    struct transport_hop hop = {.kind = TRANSPORT_TLS, .addr = stage_addr(to)};
    struct flow          f = {0};

    assert_int_equal(flow_to_hop(g->tp[0], &hop, name, &f), ERR_OK);
    return f;
}

static void rfc3261_26_a_phone_asks_and_is_answered(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    char                     text[ADDR_MAX_TEXT];
    struct buf               b = BUF_ON(text);

    (void)state;
    begin(&g);
    stage_far_connect(&g, &far, "192.0.2.1:5061");
    stage_far_send(&far, S(REQUEST));
    stage_run_ms(&g, 10);
    stage_assert_text(stage_heard_text(&g, 0), S(REQUEST));
    assert_int_equal(g.heard[0].from.kind, TRANSPORT_TLS);
    flow_put_sent_by(g.tp[0], &g.heard[0].from, &b);
    stage_assert_text(buf_slice(&b), S("192.0.2.1:5061"));
    assert_int_equal(flow_send(g.tp[0], &g.heard[0].from, S(ANSWER)), ERR_OK);
    stage_run_ms(&g, 10);
    stage_assert_text(stage_wire_text(&far), S(ANSWER));
    stage_far_send(&far, S("\r\n\r\n")); /* RFC 5626 §4.4.1 */
    stage_run_ms(&g, 10);
    stage_assert_text(stage_wire_text(&far), S(ANSWER "\r\n"));
    stage_close(&g);
}

static void what_is_sent_before_the_handshake_is_done_waits(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct flow              f;

    (void)state;
    begin(&g);
    stage_far_listen(&g, &far, "192.0.2.9:5061");
    f = to_name(&g, "192.0.2.9", S("example.com")); /* the default port */
    assert_int_equal(flow_send(g.tp[0], &f, S(REQUEST)), ERR_OK);
    stage_run_ms(&g, 20);
    stage_assert_text(stage_wire_text(&far), S(REQUEST));
    stage_close(&g);
}

static void rfc5923_8_a_connection_serves_the_name_it_was_made_for(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct flow              a, b, c, bare, other;

    (void)state;
    begin(&g);
    stage_far_listen(&g, &far, "192.0.2.9:5061");
    a = to_name(&g, "192.0.2.9:5061", S("example.com"));
    b = to_name(&g, "192.0.2.9:5061", S("Example.COM"));
    assert_true(flow_eq(&a, &b));
    stage_run_ms(&g, 20);
    far.open = false;
    c = to_name(&g, "192.0.2.9:5061", S("example.net"));
    assert_false(flow_eq(&a, &c));
    stage_run_ms(&g, 20);
    far.open = false;
    bare = to_name(&g, "192.0.2.9:5061", S("192.0.2.9")); /* a Record-Route of its own names it so */
    assert_true(flow_eq(&c, &bare));
    other = to_name(&g, "192.0.2.9:5062", S("192.0.2.9"));
    assert_false(flow_eq(&c, &other));
    stage_close(&g);
}

/* Nobody has proved who it is that connected to us: no name leads there. */
static void rfc5923_8_an_accepted_stream_serves_no_name(void **state)
{
    static struct stage      g;
    static struct stage_wire far, listening;
    struct flow              f, bare;
    char                     text[ADDR_MAX_TEXT];
    struct buf               b = BUF_ON(text);

    (void)state;
    begin(&g);
    stage_far_connect(&g, &far, "192.0.2.1:5061");
    stage_far_send(&far, S(REQUEST));
    stage_run_ms(&g, 10);
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_TLS, &g.heard[0].from.remote, &bare), ERR_OK);
    assert_true(flow_eq(&bare, &g.heard[0].from));
    addr_put(&b, &bare.remote);
    text[b.n] = '\0';
    stage_far_listen(&g, &listening, text);
    f = to_name(&g, text, S("example.com"));
    assert_false(flow_eq(&f, &bare));
    stage_close(&g);
}

static void plain_octets_are_no_message(void **state)
{
    static struct stage      g;
    static struct stage_wire far;

    (void)state;
    begin(&g);
    net_tls_close(g.far_net, g.far_tls);
    g.far_tls = NULL;
    stage_far_connect(&g, &far, "192.0.2.1:5061");
    stage_far_send(&far, S(REQUEST));
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_heard, 0);
    assert_int_equal(g.n_lost, 1);
    assert_int_equal(g.lost[0].why, ERR_IO);
    assert_true(far.closed);
    stage_close(&g);
}

static void without_keys_there_is_no_tls(void **state)
{
    static struct stage     g;
    struct transport_listen l = {.kind = TRANSPORT_TLS, .local = stage_addr("192.0.2.1:5061")};
    struct addr             to = stage_addr("192.0.2.9:5061");
    struct flow             f;
    uint8_t                 index;

    (void)state;
    stage_open(&g, 1);
    assert_int_equal(transport_listen(g.tp[0], &l, &index), ERR_UNSUPPORTED);
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_TLS, &to, &f), ERR_UNSUPPORTED);
    stage_close(&g);
}

static void a_name_that_is_too_long_is_not_dialled(void **state)
{
    static struct stage  g;
    static char          name[NET_TLS_MAX_NAME + 1];
    struct transport_hop hop = {.kind = TRANSPORT_TLS, .addr = stage_addr("192.0.2.9:5061")};
    struct flow          f;

    (void)state;
    memset(name, 'a', sizeof name);
    begin(&g);
    assert_int_equal(flow_to_hop(g.tp[0], &hop, (struct slice){name, sizeof name}, &f), ERR_LIMIT);
    stage_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3261_26_a_phone_asks_and_is_answered),
        cmocka_unit_test(what_is_sent_before_the_handshake_is_done_waits),
        cmocka_unit_test(rfc5923_8_a_connection_serves_the_name_it_was_made_for),
        cmocka_unit_test(rfc5923_8_an_accepted_stream_serves_no_name),
        cmocka_unit_test(plain_octets_are_no_message),
        cmocka_unit_test(without_keys_there_is_no_tls),
        cmocka_unit_test(a_name_that_is_too_long_is_not_dialled),
    };

    return cmocka_run_group_tests_name("sip/transport/tls", tests, NULL, NULL);
}
