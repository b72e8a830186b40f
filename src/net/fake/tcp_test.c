/* tcp_test.c - streams in virtual time: order, pieces, back-pressure, and every way to end. */
#include "net/fake/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sys/heap.h"

#define MAX_OCTETS (4u << 20)

/* What one end has seen. */
struct end {
    struct net     *net;
    struct net_tcp *t;
    unsigned        opened, drained, ended, half_ended, pieces;
    enum err        why;
    size_t          n;
    uint64_t        at_us;
    bool            close_on_octets;
    char            octets[MAX_OCTETS];
};

struct stage {
    struct heap_counted  heap;
    struct fake         *w;
    struct net_tls      *secure; /* of who listens; NULL: in the clear */
    struct fake_node    *a, *b;
    struct net_listener *l;
    struct end           caller, callee;
    bool                 refuse;
};

static struct stage st;

static void on_open(void *arg, struct net_tcp *t)
{
    struct end *e = arg;

    assert_ptr_equal(t, e->t);
    e->opened++;
    e->at_us = net_now_us(e->net);
}

static void on_octets(void *arg, struct net_tcp *t, struct slice octets)
{
    struct end *e = arg;

    assert_true(e->n + octets.n <= MAX_OCTETS && octets.n > 0);
    memcpy(e->octets + e->n, octets.p, octets.n);
    e->n += octets.n;
    e->pieces++;
    e->at_us = net_now_us(e->net);
    if (e->close_on_octets) {
        net_tcp_close(e->net, t);
        e->t = NULL;
    }
}

static void on_drained(void *arg, struct net_tcp *t)
{
    (void)t;
    ((struct end *)arg)->drained++;
}

static void on_closed(void *arg, struct net_tcp *t, enum err why)
{
    struct end *e = arg;

    assert_ptr_equal(t, e->t);
    e->ended++;
    e->why = why;
    e->at_us = net_now_us(e->net);
    assert_int_equal(net_tcp_send(e->net, t, S("x")), ERR_CLOSED);
    net_tcp_close(e->net, t);
    e->t = NULL;
}

static const struct net_tcp_on on = {.open = on_open, .octets = on_octets, .drained = on_drained, .closed = on_closed};

static void on_ended(void *arg, struct net_tcp *t)
{
    struct end *e = arg;

    assert_ptr_equal(t, e->t);
    e->half_ended++;
}

/* Whose peer may finish before it does. */
static const struct net_tcp_on on_half = {
    .open = on_open, .octets = on_octets, .drained = on_drained, .closed = on_closed, .ended = on_ended};

static void on_accepted(void *arg, struct net_listener *l, struct net_tcp *t)
{
    struct end *e = arg;

    assert_ptr_equal(l, st.l);
    if (st.refuse)
        return; /* neither attached nor closed: closed for us */
    e->t = t;
    net_tcp_attach(e->net, t, &on, e);
    if (st.secure)
        assert_int_equal(net_tcp_secure(e->net, t, st.secure, SLICE_NONE), ERR_OK);
}

static const struct net_listener_on on_listener = {on_accepted, NULL};

static struct addr ip(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(slice_z(text), &a), ERR_OK);
    return a;
}

static int begin(void **state)
{
    struct fake_config config = {.mem = &st.heap.mem, .seed = 1};
    struct addr        at = ip("192.0.2.2:5060");

    (void)state;
    memset(&st, 0, sizeof st);
    heap_counted_init(&st.heap, NULL, 0);
    assert_int_equal(fake_open(&config, &st.w), ERR_OK);
    assert_int_equal(fake_add_node(st.w, "192.0.2.1", 1, &st.a), ERR_OK);
    assert_int_equal(fake_add_node(st.w, "192.0.2.2", 1, &st.b), ERR_OK);
    st.caller.net = fake_net(st.a, 0);
    st.callee.net = fake_net(st.b, 0);
    assert_int_equal(net_tcp_listen(st.callee.net, &at, false, &on_listener, &st.callee, &st.l), ERR_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_close(st.w);
    assert_int_equal(st.heap.octets, 0);
    return 0;
}

static void dial(const char *to, uint32_t timeout_ms)
{
    struct addr a = ip(to);

    assert_int_equal(net_tcp_connect(st.caller.net, NULL, &a, timeout_ms, &on, &st.caller, &st.caller.t), ERR_OK);
}

static void idle(void)
{
    assert_true(fake_idle_until(st.w, UINT64_MAX));
}

static void connected(void)
{
    dial("192.0.2.2:5060", 2000);
    idle();
    assert_int_equal(st.caller.opened, 1);
    assert_non_null(st.callee.t);
}

static void send_text(struct end *from, struct slice s)
{
    assert_int_equal(net_tcp_send(from->net, from->t, s), ERR_OK);
}

static void assert_heard(const struct end *e, struct slice want)
{
    assert_int_equal(e->n, want.n);
    assert_memory_equal(e->octets, want.p, want.n);
}

static void a_stream_opens_talks_and_ends(void **state)
{
    struct addr local, remote;

    (void)state;
    dial("192.0.2.2:5060", 2000);
    send_text(&st.caller, S("early ")); /* waits until it is open */
    idle();
    assert_int_equal(st.caller.opened, 1);
    assert_int_equal(st.caller.drained, 1);
    send_text(&st.caller, S("hello "));
    send_text(&st.caller, S("world"));
    send_text(&st.callee, S("and back"));
    net_tcp_ends(st.callee.net, st.callee.t, &local, &remote);
    assert_int_equal(local.port, 5060);
    assert_true(addr_same_ip(&remote, &(struct addr){ADDR_IP4, 0, 0, {192, 0, 2, 1}}));
    idle();
    assert_heard(&st.callee, S("early hello world"));
    assert_int_equal(st.callee.pieces, 3);
    assert_heard(&st.caller, S("and back"));
    send_text(&st.caller, S("!"));
    net_tcp_close(st.caller.net, st.caller.t);
    idle();
    assert_heard(&st.callee, S("early hello world!"));
    assert_int_equal(st.callee.ended, 1);
    assert_int_equal(st.callee.why, ERR_CLOSED);
    assert_int_equal(st.caller.ended, 0); /* who closes is not told */
}

static void refused_where_nobody_listens(void **state)
{
    (void)state;
    dial("192.0.2.2:5061", 2000);
    idle();
    assert_int_equal(st.caller.ended, 1);
    assert_int_equal(st.caller.why, ERR_IO);
    assert_int_equal(st.caller.at_us, FAKE_START_US + 2000);
}

static void no_answer_from_nowhere(void **state)
{
    (void)state;
    dial("192.0.2.9:5060", 2000);
    idle();
    assert_int_equal(st.caller.why, ERR_TIMEOUT);
    assert_int_equal(st.caller.at_us, FAKE_START_US + 2000000);
}

static void given_up_before_it_opens(void **state)
{
    struct fake_counts c;

    (void)state;
    dial("192.0.2.2:5060", 2000);
    net_tcp_close(st.caller.net, st.caller.t);
    idle();
    assert_null(st.callee.t);
    fake_node_counts(st.a, &c);
    assert_int_equal(c.tcp, 0);
}

static void accepted_by_nobody(void **state)
{
    (void)state;
    st.refuse = true;
    dial("192.0.2.2:5060", 2000);
    idle();
    assert_int_equal(st.caller.opened, 1);
    assert_int_equal(st.caller.ended, 1);
    assert_int_equal(st.caller.why, ERR_CLOSED);
}

static void speaking_to_a_closed_end_is_reset(void **state)
{
    (void)state;
    connected();
    st.callee.close_on_octets = true;
    for (int i = 0; i < 3; i++)
        send_text(&st.caller, S("x"));
    idle();
    assert_int_equal(st.callee.pieces, 1);
    assert_int_equal(st.caller.ended, 1);
    assert_int_equal(st.caller.why, ERR_CLOSED); /* its end came before the reset */
}

static void pattern(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(i * 7 + i / 251);
}

static void a_stream_is_cut_and_joined_anywhere(void **state)
{
    static char      octets[20000];
    struct fake_link l = {.delay_us = 1000, .jitter_us = 3000, .segment_octets = 100, .loss_ppm = 100000};

    (void)state;
    pattern(octets, sizeof octets);
    fake_set_link(st.w, &l);
    connected();
    for (size_t i = 0; i < sizeof octets; i += 1000)
        send_text(&st.caller, (struct slice){octets + i, 1000});
    idle();
    assert_heard(&st.callee, (struct slice){octets, sizeof octets});
    assert_in_range(st.callee.pieces, 300, 600); /* of 50 on average, and never as sent */
}

static void a_slow_reader_slows_the_sender(void **state)
{
    static char octets[100000];
    size_t      sent = 0;
    enum err    e;

    (void)state;
    pattern(octets, sizeof octets);
    connected();
    net_tcp_pause(st.callee.net, st.callee.t, true);
    while ((e = net_tcp_send(st.caller.net, st.caller.t, (struct slice){octets, sizeof octets})) == ERR_OK)
        sent += sizeof octets;
    assert_int_equal(e, ERR_FULL);
    assert_in_range(sent, NET_MAX_QUEUED_OCTETS - sizeof octets, NET_MAX_QUEUED_OCTETS + FAKE_WINDOW_OCTETS);
    idle();
    assert_int_equal(st.callee.n, 0);
    assert_int_equal(st.caller.drained, 0);
    net_tcp_pause(st.callee.net, st.callee.t, false);
    idle();
    assert_int_equal(st.callee.n, sent);
    assert_int_equal(st.caller.drained, 1);
    for (size_t i = 0; i < sent; i++)
        assert_int_equal(st.callee.octets[i], octets[i % sizeof octets]);
}

static void closing_with_unread_octets_resets(void **state)
{
    (void)state;
    connected();
    net_tcp_pause(st.callee.net, st.callee.t, true);
    send_text(&st.caller, S("unread"));
    idle();
    net_tcp_close(st.callee.net, st.callee.t);
    idle();
    assert_int_equal(st.caller.why, ERR_IO);
    assert_int_equal(st.callee.n, 0);
}

/* The peer has finished, and is still told what it asked for; then this side finishes, and that is the end for both. */
static void a_half_closed_stream_still_speaks(void **state)
{
    (void)state;
    connected();
    net_tcp_attach(st.callee.net, st.callee.t, &on_half, &st.callee);
    send_text(&st.caller, S("question"));
    net_tcp_finish(st.caller.net, st.caller.t);
    net_tcp_finish(st.caller.net, st.caller.t);
    assert_int_equal(net_tcp_send(st.caller.net, st.caller.t, S("x")), ERR_CLOSED);
    idle();
    assert_heard(&st.callee, S("question"));
    assert_int_equal(st.callee.half_ended, 1);
    assert_int_equal(st.callee.ended + st.caller.ended, 0);
    send_text(&st.callee, S("answer"));
    net_tcp_finish(st.callee.net, st.callee.t);
    idle();
    assert_heard(&st.caller, S("answer"));
    assert_int_equal(st.caller.why, ERR_CLOSED);
    assert_int_equal(st.callee.why, ERR_CLOSED);
    assert_int_equal(st.caller.ended + st.callee.ended, 2);
}

/* Before it is open, and with more than the window takes. */
static void what_is_queued_goes_before_the_end(void **state)
{
    static char octets[200000];

    (void)state;
    pattern(octets, sizeof octets);
    dial("192.0.2.2:5060", 2000);
    send_text(&st.caller, (struct slice){octets, sizeof octets});
    net_tcp_finish(st.caller.net, st.caller.t);
    idle();
    assert_heard(&st.callee, (struct slice){octets, sizeof octets});
    assert_int_equal(st.callee.why, ERR_CLOSED); /* without `ended` the peer's end is the end */
    assert_int_equal(st.caller.why, ERR_CLOSED);
}

static void a_half_closed_stream_that_is_reset(void **state)
{
    (void)state;
    connected();
    net_tcp_attach(st.callee.net, st.callee.t, &on_half, &st.callee);
    net_tcp_close(st.caller.net, st.caller.t);
    idle();
    assert_int_equal(st.callee.half_ended, 1);
    send_text(&st.callee, S("to nobody"));
    idle();
    assert_int_equal(st.callee.why, ERR_IO);
}

static void a_cut_delays_and_then_kills(void **state)
{
    struct addr b = ip("192.0.2.2");

    (void)state;
    connected();
    fake_cut(st.w, &b, 1, NULL, 0);
    send_text(&st.caller, S("one"));
    fake_run_until(st.w, fake_now_us(st.w) + 3000000);
    assert_int_equal(st.callee.n, 0);
    fake_heal(st.w);
    send_text(&st.caller, S("two"));
    idle();
    assert_heard(&st.callee, S("onetwo"));
    fake_cut(st.w, &b, 1, NULL, 0);
    send_text(&st.caller, S("three"));
    idle();
    assert_int_equal(st.caller.ended, 1);
    assert_int_equal(st.caller.why, ERR_TIMEOUT);
    assert_int_equal(st.callee.ended, 0); /* it does not know */
    fake_heal(st.w);
    send_text(&st.callee, S("hello?"));
    idle();
    assert_int_equal(st.callee.why, ERR_IO);
}

static void a_machine_that_died_resets_when_it_is_back(void **state)
{
    (void)state;
    connected();
    fake_down(st.b);
    send_text(&st.caller, S("x"));
    fake_run_until(st.w, fake_now_us(st.w) + 1000000);
    assert_int_equal(st.caller.ended, 0);
    net_tcp_close(st.callee.net, st.callee.t);
    net_listener_close(st.callee.net, st.l);
    fake_up(st.b);
    idle();
    assert_int_equal(st.caller.why, ERR_IO);
    dial("192.0.2.2:5060", 2000); /* and listens no more */
    idle();
    assert_int_equal(st.caller.ended, 2);
    assert_int_equal(st.caller.why, ERR_IO);
}

static void a_machine_that_stays_dead_is_given_up(void **state)
{
    (void)state;
    connected();
    fake_down(st.b);
    send_text(&st.caller, S("x"));
    idle();
    assert_int_equal(st.caller.why, ERR_TIMEOUT);
    assert_in_range(st.caller.at_us, FAKE_START_US + FAKE_STREAM_DEAD_US,
                    FAKE_START_US + FAKE_STREAM_DEAD_US + 2 * FAKE_RETRY_MAX_US);
}

static struct net_tls *keys_at(struct net *n)
{
    enum net_tls_part wrong;
    struct net_tls   *tls;

    assert_int_equal(net_tls_open(n, &(struct net_tls_config){.unchecked = true}, &wrong, &tls), ERR_OK);
    return tls;
}

/* Both ends are told that it is open; what they say is there to be looked at. */
static void a_secured_stream_opens_at_both_ends(void **state)
{
    struct net_tls *here = keys_at(st.caller.net);

    (void)state;
    st.secure = keys_at(st.callee.net);
    dial("192.0.2.2:5060", 2000);
    assert_int_equal(net_tcp_secure(st.caller.net, st.caller.t, here, S("example.com")), ERR_OK);
    send_text(&st.caller, S("early"));
    idle();
    assert_int_equal(st.caller.opened, 1);
    assert_int_equal(st.callee.opened, 1);
    assert_heard(&st.callee, S("early"));
    net_tls_close(st.caller.net, here);
    net_tls_close(st.callee.net, st.secure);
}

static void one_that_only_one_end_has_secured_ends(void **state)
{
    (void)state;
    st.secure = keys_at(st.callee.net);
    dial("192.0.2.2:5060", 2000);
    send_text(&st.caller, S("plain"));
    idle();
    assert_int_equal(st.callee.n, 0);
    assert_int_equal(st.callee.why, ERR_IO);
    assert_int_equal(st.caller.ended, 1);
    net_tls_close(st.callee.net, st.secure);
}

static void connects_are_judged_at_once(void **state)
{
    struct addr     none = {0}, v6 = ip("[2001:db8::1]:5060"), foreign = ip("192.0.2.9"), to = ip("192.0.2.2:5060");
    struct net_tcp *t = NULL;

    (void)state;
    assert_int_equal(net_tcp_connect(st.caller.net, &none, &v6, 1, &on, &st.caller, &t), ERR_INVALID);
    assert_int_equal(net_tcp_connect(st.caller.net, &foreign, &to, 1, &on, &st.caller, &t), ERR_INVALID);
    assert_null(t);
    net_tcp_close(st.caller.net, NULL);
    net_listener_close(st.caller.net, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stream_opens_talks_and_ends, begin, end),
        cmocka_unit_test_setup_teardown(refused_where_nobody_listens, begin, end),
        cmocka_unit_test_setup_teardown(no_answer_from_nowhere, begin, end),
        cmocka_unit_test_setup_teardown(given_up_before_it_opens, begin, end),
        cmocka_unit_test_setup_teardown(accepted_by_nobody, begin, end),
        cmocka_unit_test_setup_teardown(speaking_to_a_closed_end_is_reset, begin, end),
        cmocka_unit_test_setup_teardown(a_stream_is_cut_and_joined_anywhere, begin, end),
        cmocka_unit_test_setup_teardown(a_slow_reader_slows_the_sender, begin, end),
        cmocka_unit_test_setup_teardown(closing_with_unread_octets_resets, begin, end),
        cmocka_unit_test_setup_teardown(a_half_closed_stream_still_speaks, begin, end),
        cmocka_unit_test_setup_teardown(what_is_queued_goes_before_the_end, begin, end),
        cmocka_unit_test_setup_teardown(a_half_closed_stream_that_is_reset, begin, end),
        cmocka_unit_test_setup_teardown(a_cut_delays_and_then_kills, begin, end),
        cmocka_unit_test_setup_teardown(a_machine_that_died_resets_when_it_is_back, begin, end),
        cmocka_unit_test_setup_teardown(a_machine_that_stays_dead_is_given_up, begin, end),
        cmocka_unit_test_setup_teardown(a_secured_stream_opens_at_both_ends, begin, end),
        cmocka_unit_test_setup_teardown(one_that_only_one_end_has_secured_ends, begin, end),
        cmocka_unit_test_setup_teardown(connects_are_judged_at_once, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
