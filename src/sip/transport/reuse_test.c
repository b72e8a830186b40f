/* reuse_test.c - which connection a message goes out on: new ones, found ones, and those of other workers (RFC 3261 §18.2.2,
 * RFC 5923 in spirit, PROTOCOL 3.2). */
#include "net/fake/fake.h"
#include "sip/transport/stage_priv.h"

#define REQUEST "OPTIONS sip:b@x SIP/2.0\r\nCall-ID: a\r\nContent-Length: 0\r\n\r\n"

static struct flow to_tcp(struct transport *tp, const char *to)
{
    struct addr a = stage_addr(to);
    struct flow f = {0};

    assert_int_equal(flow_to(tp, TRANSPORT_TCP, &a, &f), ERR_OK);
    return f;
}

static void what_is_sent_before_the_connection_is_there_waits(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct flow              f;
    struct addr              local;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    stage_far_listen(&g, &far, "192.0.2.9:5060");
    f = to_tcp(g.tp[0], "192.0.2.9:5060");
    assert_int_equal(flow_send(g.tp[0], &f, S("one")), ERR_OK);
    assert_int_equal(flow_send(g.tp[0], &f, S("two")), ERR_OK);
    assert_int_equal(far.n, 0);
    stage_run_ms(&g, 20);
    stage_assert_text(stage_wire_text(&far), S("onetwo"));
    flow_local(g.tp[0], &f, &local);
    assert_int_not_equal(local.port, 5060); /* its own port; Via names the listener's */
    stage_close(&g);
}

static void one_connection_to_one_address(void **state)
{
    static struct stage      g;
    static struct stage_wire far, other;
    struct flow              a, b, c;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_TCP, "0.0.0.0:5060", "");
    stage_far_listen(&g, &far, "192.0.2.9:5060");
    stage_far_listen(&g, &other, "192.0.2.9:5070");
    a = to_tcp(g.tp[0], "192.0.2.9:5060");
    b = to_tcp(g.tp[0], "192.0.2.9"); /* the default port; still connecting */
    c = to_tcp(g.tp[0], "192.0.2.9:5070");
    assert_true(flow_eq(&a, &b));
    assert_false(flow_eq(&a, &c));
    stage_run_ms(&g, 20);
    b = to_tcp(g.tp[0], "192.0.2.9:5060");
    assert_true(flow_eq(&a, &b));
    stage_far_close(&far);
    stage_run_ms(&g, 20);
    far.open = false;
    b = to_tcp(g.tp[0], "192.0.2.9:5060");
    assert_false(flow_eq(&a, &b));
    assert_int_equal(flow_send(g.tp[0], &a, S("x")), ERR_CLOSED);
    stage_close(&g);
}

/* Each of many phones in one program has its own. */
static void a_connection_of_ones_own_beside_others(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct addr              to = stage_addr("192.0.2.9:5060"), of_a, of_b;
    struct flow              a, b, none;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    stage_far_listen(&g, &far, "192.0.2.9:5060");
    a = to_tcp(g.tp[0], "192.0.2.9:5060");
    stage_run_ms(&g, 20);
    assert_int_equal(flow_open(g.tp[0], 1, &to, SLICE_NONE, &b), ERR_OK);
    assert_false(flow_eq(&a, &b));
    flow_local(g.tp[0], &a, &of_a);
    flow_local(g.tp[0], &b, &of_b);
    assert_true(addr_same_ip(&of_a, &of_b));
    assert_int_not_equal(of_a.port, of_b.port);
    assert_int_equal(flow_open(g.tp[0], 0, &to, SLICE_NONE, &none), ERR_UNSUPPORTED); /* for datagrams */
    assert_int_equal(flow_open(g.tp[0], 2, &to, SLICE_NONE, &none), ERR_UNSUPPORTED); /* there is none */
    stage_close(&g);
}

/* A stream that the peer opened is used for the address and port it came from, once it has shown that it lives. */
static void rfc5923_an_accepted_stream_serves_only_whence_it_came(void **state)
{
    static struct stage      g;
    static struct stage_wire far, listening;
    struct flow              f;
    struct addr              ours, theirs;
    char                     block[ADDR_MAX_TEXT];
    struct buf               b = BUF_ON(block);

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    stage_far_listen(&g, &listening, "192.0.2.9:5060");
    stage_far_connect(&g, &far, "192.0.2.1:5060");
    net_tcp_ends(g.far_net, far.tcp, &theirs, &ours);
    addr_put(&b, &theirs);
    buf_putc(&b, '\0');

    f = to_tcp(g.tp[0], block); /* silent so far: a connection of our own is tried, and refused */
    assert_int_equal(f.listener, LISTENER_NONE);
    stage_run_ms(&g, 20);
    assert_int_equal(g.n_lost, 1);

    stage_far_send(&far, S(REQUEST));
    stage_run_ms(&g, 20);
    f = to_tcp(g.tp[0], block);
    assert_true(flow_eq(&f, &g.heard[0].from));
    f = to_tcp(g.tp[0], "192.0.2.9:5060"); /* the same machine by another port is another peer */
    assert_false(flow_eq(&f, &g.heard[0].from));
    stage_run_ms(&g, 20);
    assert_true(listening.open);
    stage_close(&g);
}

static void a_refused_connection_is_told_later(void **state)
{
    static struct stage g;
    struct flow         f;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    f = to_tcp(g.tp[0], "192.0.2.9:4444");
    assert_int_equal(flow_send(g.tp[0], &f, S(REQUEST)), ERR_OK);
    assert_int_equal(g.n_lost, 0);
    stage_run_ms(&g, 20);
    assert_int_equal(g.n_lost, 1);
    assert_true(flow_eq(&g.lost[0].flow, &f));
    assert_int_equal(flow_send(g.tp[0], &f, S(REQUEST)), ERR_CLOSED);
    stage_close(&g);
}

static void protocol_2_5_a_connection_has_two_seconds(void **state)
{
    static struct stage g;
    struct flow         f;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    f = to_tcp(g.tp[0], "192.0.2.200:5060"); /* nobody has that address */
    stage_run_ms(&g, TRANSPORT_CONNECT_MS - 10);
    assert_int_equal(g.n_lost, 0);
    stage_run_ms(&g, 20);
    assert_int_equal(g.n_lost, 1);
    assert_int_equal(g.lost[0].why, ERR_TIMEOUT);
    assert_true(flow_eq(&g.lost[0].flow, &f));
    stage_close(&g);
}

static void rfc3261_18_2_2_a_response_goes_back_by_its_stream_else_by_a_new_one(void **state)
{
    static struct stage      g;
    static struct stage_wire far, listening;
    struct flow              from, to;
    struct via               v;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    stage_far_listen(&g, &listening, "192.0.2.9:5080");
    stage_far_connect(&g, &far, "192.0.2.1:5060");
    stage_far_send(&far, S(REQUEST));
    stage_run_ms(&g, 20);
    from = g.heard[0].from;
    assert_int_equal(via_parse(S("SIP/2.0/TCP 10.1.1.1:5080;branch=z9hG4bKx"), &v), ERR_OK);
    assert_int_equal(flow_for_response(g.tp[0], &from, &v, &to), ERR_OK);
    assert_true(flow_eq(&from, &to));

    stage_far_reset(&g, &far, &from);
    assert_int_equal(flow_for_response(g.tp[0], &from, &v, &to), ERR_OK);
    assert_false(flow_eq(&from, &to));
    assert_int_equal(to.remote.port, 5080);
    assert_true(addr_same_ip(&to.remote, &from.remote)); /* where it came from, not where it says */
    assert_int_equal(flow_send(g.tp[0], &to, S("SIP/2.0 200 OK\r\n\r\n")), ERR_OK);
    stage_run_ms(&g, 20);
    stage_assert_text(stage_wire_text(&listening), S("SIP/2.0 200 OK\r\n\r\n"));
    stage_close(&g);
}

static void sent_by_of_a_stream_that_we_opened_names_the_listener(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    char                     block[ADDR_MAX_TEXT];
    struct buf               b = BUF_ON(block);
    struct flow              f;
    struct addr              local[2];

    (void)state;
    stage_open(&g, 2);
    stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    stage_listen(&g, TRANSPORT_TCP, "0.0.0.0:5066", "");
    stage_far_listen(&g, &far, "192.0.2.9:5060");
    f = to_tcp(g.tp[0], "192.0.2.9:5060");
    for (unsigned i = 0; i < 2; i++) {
        buf_reset(&b);
        flow_put_sent_by(g.tp[i], &f, &b);
        stage_assert_text(buf_slice(&b), S("192.0.2.1:5066"));
        flow_local(g.tp[i], &f, &local[i]);
    }
    assert_int_not_equal(local[0].port, 5066); /* its own, which the other worker knows too */
    assert_true(addr_eq(&local[0], &local[1]));
    stage_run_ms(&g, 10);
    assert_true(addr_eq(&far.remote, &local[0]));
    stage_far_close(&far);
    stage_run_ms(&g, 10);
    flow_local(g.tp[1], &f, &local[1]);
    assert_int_equal(local[1].port, 5066);
    stage_close(&g);
}

static void ip6_streams_work_alike(void **state)
{
    static struct stage      g;
    static struct stage_wire far, listening;
    struct flow              f;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_TCP, "[2001:db8::1]:5060", "");
    stage_far_listen(&g, &listening, "[2001:db8::9]:5060");
    stage_far_connect(&g, &far, "[2001:db8::1]:5060");
    stage_far_send(&far, S(REQUEST));
    f = to_tcp(g.tp[0], "[2001:db8::9]:5060");
    assert_int_equal(flow_send(g.tp[0], &f, S(REQUEST)), ERR_OK);
    stage_run_ms(&g, 20);
    assert_int_equal(g.n_heard, 1);
    stage_assert_text(stage_wire_text(&listening), S(REQUEST));
    stage_close(&g);
}

/* --- several workers ---------------------------------------------------------------------------------------------- */

static struct flow accepted_by(struct stage *g, struct stage_wire *far, unsigned worker)
{
    g->chosen = worker;
    stage_far_connect(g, far, "192.0.2.1:5060");
    stage_far_send(far, S(REQUEST));
    stage_run_ms(g, 20);
    assert_ptr_equal(g->heard[g->n_heard - 1].tp, g->tp[worker]);
    return g->heard[g->n_heard - 1].from;
}

static void protocol_3_2_sends_from_elsewhere_keep_their_order(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    char                     block[600], text[8];
    struct buf               want = BUF_ON(block), one;
    struct flow              f;

    (void)state;
    stage_open(&g, 2);
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    f = accepted_by(&g, &far, 1);
    assert_int_equal(f.worker, 1);
    for (unsigned i = 0; i < 100; i++) {
        one = BUF_ON(text);
        buf_putu_wide(&one, i, 3);
        buf_put(&want, buf_slice(&one));
        assert_int_equal(flow_send(g.tp[0], &f, buf_slice(&one)), ERR_OK);
    }
    stage_run_ms(&g, 50);
    stage_assert_text(stage_wire_text(&far), buf_slice(&want));
    stage_close(&g);
}

/* A shard posts from worker 0, moves to worker 1, which owns the stream, and sends there at once. */
static void protocol_3_2_the_owner_does_not_overtake_what_was_posted(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct flow              f;

    (void)state;
    stage_open(&g, 2);
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    f = accepted_by(&g, &far, 1);
    assert_int_equal(flow_send(g.tp[0], &f, S("1")), ERR_OK);
    assert_int_equal(flow_send(g.tp[1], &f, S("2")), ERR_OK);
    assert_int_equal(flow_send(g.tp[0], &f, S("3")), ERR_OK);
    assert_int_equal(flow_send(g.tp[1], &f, S("4")), ERR_OK);
    stage_run_ms(&g, 50);
    stage_assert_text(stage_wire_text(&far), S("1234"));
    assert_int_equal(g.n_lost, 0);
    stage_close(&g);
}

static void a_stream_of_another_worker_that_has_ended_says_so(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct flow              f, to;
    struct via               v;

    (void)state;
    stage_open(&g, 2);
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    f = accepted_by(&g, &far, 1);
    assert_int_equal(via_parse(S("SIP/2.0/TCP 192.0.2.9:5080"), &v), ERR_OK);
    assert_int_equal(flow_for_response(g.tp[0], &f, &v, &to), ERR_OK);
    assert_true(flow_eq(&f, &to));
    stage_far_reset(&g, &far, &f);
    assert_int_equal(flow_send(g.tp[0], &f, S("x")), ERR_CLOSED);
    assert_int_equal(flow_for_response(g.tp[0], &f, &v, &to), ERR_OK);
    assert_int_equal(to.worker, 0);
    assert_int_equal(to.remote.port, 5080);
    f.worker = 9;
    assert_int_equal(flow_send(g.tp[0], &f, S("x")), ERR_CLOSED);
    stage_close(&g);
}

/* It ended between the post and the delivery: the sender was told ERR_OK, so `lost` is told again. */
static void what_could_not_be_delivered_is_told(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct stream           *s;
    struct flow              f;

    (void)state;
    stage_open(&g, 2);
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    f = accepted_by(&g, &far, 1);
    s = stream_find(g.tp[1], &f);
    assert_non_null(s);
    assert_int_equal(flow_send(g.tp[0], &f, S("x")), ERR_OK);
    stream_end(s, ERR_IO);
    assert_int_equal(g.n_lost, 1);
    stage_run_ms(&g, 20);
    assert_int_equal(g.n_lost, 2);
    assert_ptr_equal(g.lost[1].tp, g.tp[1]);
    assert_true(flow_eq(&g.lost[1].flow, &f));
    assert_int_equal(g.lost[1].why, ERR_CLOSED);
    stage_close(&g);
}

/* A peer that does not read: its own worker is told ERR_FULL, others cannot be, so the stream is ended. */
static void a_peer_that_does_not_read_is_given_up(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    static char              block[64 * 1024];
    struct slice             piece = {block, sizeof block};
    struct flow              f;
    enum err                 e = ERR_OK;

    (void)state;
    stage_open(&g, 2);
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    f = accepted_by(&g, &far, 1);
    net_tcp_pause(g.far_net, far.tcp, true);
    for (int i = 0; i < 100 && e == ERR_OK; i++) {
        e = flow_send(g.tp[1], &f, piece);
        stage_run_ms(&g, 5);
    }
    assert_int_equal(e, ERR_FULL);
    assert_int_equal(g.n_lost, 0);
    assert_int_equal(flow_send(g.tp[0], &f, piece), ERR_OK);
    stage_run_ms(&g, 5);
    assert_int_equal(g.n_lost, 1);
    assert_int_equal(g.lost[0].why, ERR_FULL);
    stage_close(&g);
}

static void the_inbox_has_a_limit_and_is_given_back(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    static char              block[128 * 1024];
    struct flow              f;
    int                      taken = 0;

    (void)state;
    stage_open(&g, 2);
    stage_listen(&g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    f = accepted_by(&g, &far, 1);
    while (taken < 1000 && flow_send(g.tp[0], &f, (struct slice){block, sizeof block}) == ERR_OK)
        taken++;
    assert_int_equal(taken, INBOX_MAX_OCTETS / (int)sizeof block);
    assert_int_equal(flow_send(g.tp[0], &f, (struct slice){block, sizeof block}), ERR_FULL);
    stage_close(&g); /* with all of it still waiting */
}

/* PROTOCOL 3.2 and DESIGN §6: the first worker's port is what the others are asked to listen on. */
static void a_port_that_the_system_picked_serves_all_workers(void **state)
{
    static struct stage     g;
    struct transport_listen l = {.kind = TRANSPORT_TCP, .local = stage_addr("192.0.2.1:0")};
    enum transport_kind     kind;
    struct addr             first, second;
    uint8_t                 index;

    (void)state;
    stage_open(&g, 2);
    assert_int_equal(transport_listen(g.tp[0], &l, &index), ERR_OK);
    transport_listener_local(g.tp[0], index, &kind, &first);
    assert_int_not_equal(first.port, 0);
    l.local = first;
    assert_int_equal(transport_listen(g.tp[1], &l, &index), ERR_OK);
    transport_listener_local(g.tp[1], index, &kind, &second);
    assert_true(addr_eq(&first, &second));
    stage_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_before_the_connection_is_there_waits),
        cmocka_unit_test(one_connection_to_one_address),
        cmocka_unit_test(a_connection_of_ones_own_beside_others),
        cmocka_unit_test(rfc5923_an_accepted_stream_serves_only_whence_it_came),
        cmocka_unit_test(a_refused_connection_is_told_later),
        cmocka_unit_test(protocol_2_5_a_connection_has_two_seconds),
        cmocka_unit_test(rfc3261_18_2_2_a_response_goes_back_by_its_stream_else_by_a_new_one),
        cmocka_unit_test(sent_by_of_a_stream_that_we_opened_names_the_listener),
        cmocka_unit_test(ip6_streams_work_alike),
        cmocka_unit_test(protocol_3_2_sends_from_elsewhere_keep_their_order),
        cmocka_unit_test(protocol_3_2_the_owner_does_not_overtake_what_was_posted),
        cmocka_unit_test(a_stream_of_another_worker_that_has_ended_says_so),
        cmocka_unit_test(what_could_not_be_delivered_is_told),
        cmocka_unit_test(a_peer_that_does_not_read_is_given_up),
        cmocka_unit_test(the_inbox_has_a_limit_and_is_given_back),
        cmocka_unit_test(a_port_that_the_system_picked_serves_all_workers),
    };

    return cmocka_run_group_tests_name("sip/transport/reuse", tests, NULL, NULL);
}
