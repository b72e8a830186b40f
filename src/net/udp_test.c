/* udp_test.c - datagrams on the loopback: in and out, many at once, ICMP, who may bind. */
#include "net/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sys/clock.h"
#include "sys/heap.h"

#define PATIENCE_US 10000000

struct ear {
    struct net_udp *u;
    struct addr     at, from, to, error_from, error_to;
    unsigned        heard, errors;
    size_t          octets, stop_after;
    uint64_t        waited_us; /* the last one, before it was read */
    enum err        error;
    char            text[64];
    size_t          text_n;
    bool            echo, close_now;
};

struct stage {
    struct heap_counted heap;
    struct net         *n;
    struct net_timer    patience;
    bool                timed_out;
    struct ear          a, b;
};

static struct stage st;

static void give_up(void *arg)
{
    (void)arg;
    st.timed_out = true;
    net_real_stop(st.n);
}

static void on_octets(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct ear *e = arg;

    assert_ptr_equal(u, e->u);
    e->from = *from;
    e->to = *to;
    e->heard++;
    e->octets += octets.n;
    e->waited_us = net_waited_us(st.n);
    e->text_n = octets.n < sizeof e->text ? octets.n : sizeof e->text;
    if (e->text_n)
        memcpy(e->text, octets.p, e->text_n);
    if (e->echo)
        assert_int_equal(net_udp_send_from(st.n, u, to, from, octets), ERR_OK);
    if (e->close_now) {
        net_udp_close(st.n, u);
        e->u = NULL;
    }
    if (e->heard == e->stop_after)
        net_real_stop(st.n);
}

static void on_error(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, enum err why)
{
    struct ear *e = arg;

    assert_ptr_equal(u, e->u);
    e->errors++;
    e->error = why;
    e->error_from = *from;
    e->error_to = *to;
    net_real_stop(st.n);
}

static const struct net_udp_on on = {on_octets, on_error};

static void listen_at(struct ear *e, const char *at)
{
    struct net_udp_options o = {.receive_octets = 4 << 20};

    assert_int_equal(addr_parse(slice_z(at), &o.local), ERR_OK);
    assert_int_equal(net_udp_open(st.n, &o, &on, e, &e->u), ERR_OK);
    net_udp_local(st.n, e->u, &e->at);
    assert_true(e->at.port != 0);
}

static int begin_at(const char *at)
{
    memset(&st, 0, sizeof st);
    heap_counted_init(&st.heap, NULL, 0);
    assert_int_equal(net_real_open(&st.heap.mem, &st.n), ERR_OK);
    st.patience.fire = give_up;
    net_timer_set(st.n, &st.patience, net_now_us(st.n) + PATIENCE_US);
    listen_at(&st.a, at);
    listen_at(&st.b, at);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return begin_at("127.0.0.1");
}

static int begin_six(void **state)
{
    (void)state;
    return begin_at("[::1]");
}

static int end(void **state)
{
    (void)state;
    assert_false(st.timed_out);
    net_real_close(st.n); /* closes what is open */
    assert_int_equal(st.heap.octets, 0);
    return 0;
}

static void a_datagram_goes_there_and_back(void **state)
{
    (void)state;
    st.b.echo = true;
    st.a.stop_after = 1;
    assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, S("hello")), ERR_OK);
    net_real_run(st.n);
    assert_int_equal(st.b.heard, 1);
    assert_true(addr_eq(&st.b.from, &st.a.at));
    assert_true(addr_eq(&st.b.to, &st.b.at));
    assert_true(addr_eq(&st.a.from, &st.b.at));
    assert_int_equal(st.a.text_n, 5);
    assert_memory_equal(st.a.text, "hello", 5);
}

/* Nobody looks for a while. No upper bound is asked for: the machine may be busy. The system begins to stamp what arrives some time
 * after a socket has asked it to (Linux switches that on in a work queue), so the first datagrams may come without a time. */
static void it_is_known_how_long_a_datagram_has_waited(void **state)
{
    (void)state;
    for (unsigned tries = 1; st.b.waited_us < 15000 && tries <= 100; tries++) {
        uint64_t begun_us = clock_mono_us();

        st.b.stop_after = tries;
        assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, S("hello")), ERR_OK);
        while (clock_mono_us() - begun_us < 20000)
            continue;
        net_real_run(st.n);
        assert_int_equal(st.b.heard, tries);
    }
    assert_true(st.b.waited_us >= 15000);
    assert_true(st.b.waited_us < 60 * 1000000);
}

static struct addr at_port_of(const char *ip, const struct ear *e)
{
    struct addr a;

    assert_int_equal(addr_parse_ip(slice_z(ip), &a), ERR_OK);
    a.port = e->at.port;
    return a;
}

/* One socket for any address: what comes to 127.0.0.5 is told so, and answered from there. */
static void an_answer_leaves_from_the_address_that_was_hit(void **state)
{
    static const char *const hit[] = {"127.0.0.5", "127.0.0.1", "127.0.0.6"};

    (void)state;
    net_udp_close(st.n, st.b.u);
    listen_at(&st.b, "0.0.0.0");
    st.b.echo = true;
    for (unsigned i = 0; i < 3; i++) {
        struct addr to = at_port_of(hit[i], &st.b);

        st.a.stop_after = i + 1;
        assert_int_equal(net_udp_send(st.n, st.a.u, &to, S("hello")), ERR_OK);
        net_real_run(st.n);
        assert_true(addr_eq(&st.b.to, &to));
        assert_true(addr_eq(&st.a.from, &to));
    }
}

static void an_answer_leaves_from_the_address_that_was_hit_six(void **state)
{
    struct addr to;

    (void)state;
    net_udp_close(st.n, st.b.u);
    listen_at(&st.b, "[::]");
    st.b.echo = true;
    to = at_port_of("::1", &st.b);
    st.a.stop_after = 1;
    assert_int_equal(net_udp_send(st.n, st.a.u, &to, S("hello")), ERR_OK);
    net_real_run(st.n);
    assert_true(addr_eq(&st.b.to, &to));
    assert_true(addr_eq(&st.a.from, &to));
}

static void an_icmp_error_says_where_it_was_sent_from(void **state)
{
    struct addr gone = st.b.at, from;

    (void)state;
    net_udp_close(st.n, st.b.u);
    net_udp_close(st.n, st.a.u);
    st.b.u = NULL;
    listen_at(&st.a, "0.0.0.0");
    from = at_port_of("127.0.0.5", &st.a);
    assert_int_equal(net_udp_send_from(st.n, st.a.u, &from, &gone, S("anybody?")), ERR_OK);
    net_real_run(st.n);
    assert_int_equal(st.a.errors, 1);
    assert_true(addr_eq(&st.a.error_from, &from));
    assert_true(addr_eq(&st.a.error_to, &gone));
}

static void where_a_datagram_may_leave_from(void **state)
{
    struct addr foreign, six, any = {ADDR_IP4, 0, 0, {0}}, other;

    (void)state;
    assert_int_equal(addr_parse(S("192.0.2.1"), &foreign), ERR_OK);
    assert_int_equal(addr_parse(S("[::1]"), &six), ERR_OK);
    st.b.stop_after = 1;
    other = at_port_of("127.0.0.5", &st.a);
    assert_int_equal(net_udp_send_from(st.n, st.a.u, &other, &st.b.at, S("x")), ERR_OK); /* bound: from there */
    net_real_run(st.n);
    assert_true(addr_eq(&st.b.from, &st.a.at));
    net_udp_close(st.n, st.a.u);
    listen_at(&st.a, "0.0.0.0");
    assert_int_equal(net_udp_send_from(st.n, st.a.u, &foreign, &st.b.at, S("x")), ERR_INVALID);
    assert_int_equal(net_udp_send_from(st.n, st.a.u, &six, &st.b.at, S("x")), ERR_INVALID);
    st.b.stop_after = 2;
    assert_int_equal(net_udp_send_from(st.n, st.a.u, &any, &st.b.at, S("x")), ERR_OK);
    net_real_run(st.n);
    assert_true(addr_is_loopback(&st.b.from));
}

static void many_at_once_all_arrive(void **state)
{
    static char octets[1000];

    (void)state;
    st.b.stop_after = 500; /* more than a turn takes */
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, (struct slice){octets, sizeof octets}), ERR_OK);
    net_real_run(st.n);
    assert_int_equal(st.b.heard, 500);
    assert_int_equal(st.b.octets, 500 * sizeof octets);
}

static void the_largest_and_the_empty(void **state)
{
    static char octets[NET_MAX_DATAGRAM + 1];

    (void)state;
    assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, (struct slice){octets, sizeof octets}), ERR_LIMIT);
    assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, (struct slice){octets, NET_MAX_DATAGRAM}), ERR_LIMIT);
    st.b.stop_after = 2;
    assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, (struct slice){octets, 65507}), ERR_OK);
    assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, SLICE_NONE), ERR_OK);
    net_real_run(st.n);
    assert_int_equal(st.b.octets, 65507);
    assert_int_equal(st.b.heard, 2);
}

static void an_icmp_error_is_told_and_harms_no_other(void **state)
{
    struct addr gone = st.b.at;

    (void)state;
    net_udp_close(st.n, st.b.u);
    listen_at(&st.b, "127.0.0.1");
    assert_int_equal(net_udp_send(st.n, st.a.u, &gone, S("anybody?")), ERR_OK);
    net_real_run(st.n);
    assert_int_equal(st.a.errors, 1);
    assert_int_equal(st.a.error, ERR_CLOSED);
    assert_true(addr_eq(&st.a.error_from, &st.a.at));
    assert_true(addr_eq(&st.a.error_to, &gone));
    /* The error of that one does not become the next one's, also when it was not read yet. */
    assert_int_equal(net_udp_send(st.n, st.a.u, &gone, S("anybody?")), ERR_OK);
    assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, S("you")), ERR_OK);
    st.b.stop_after = 1;
    for (int i = 0; i < 2 && st.b.heard == 0; i++) /* stopped by the error first, perhaps */
        net_real_run(st.n);
    assert_int_equal(st.b.heard, 1);
}

static void closed_in_its_own_callback(void **state)
{
    (void)state;
    st.b.close_now = true;
    st.b.stop_after = 1;
    for (int i = 0; i < 3; i++)
        assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, S("x")), ERR_OK);
    net_real_run(st.n);
    assert_int_equal(st.b.heard, 1); /* the others were read with it, and are nobody's */
    net_udp_close(st.n, NULL);
}

static void who_may_bind(void **state)
{
    struct net_udp_options o = {.local = st.a.at};
    struct net_udp        *u = NULL, *other;

    (void)state;
    assert_int_equal(net_udp_open(st.n, &o, &on, &st.a, &u), ERR_BUSY);
    assert_int_equal(addr_parse(S("192.0.2.1"), &o.local), ERR_OK);
    assert_int_equal(net_udp_open(st.n, &o, &on, &st.a, &u), ERR_INVALID);
    o.local.family = ADDR_NONE;
    assert_int_equal(net_udp_open(st.n, &o, &on, &st.a, &u), ERR_INVALID);
    assert_null(u);
    assert_int_equal(addr_parse(S("127.0.0.1"), &o.local), ERR_OK);
    o.reuse_port = true;
    assert_int_equal(net_udp_open(st.n, &o, &on, &st.a, &u), ERR_OK);
    net_udp_local(st.n, u, &o.local);
    assert_int_equal(net_udp_open(st.n, &o, &on, &st.a, &other), ERR_OK);
    net_udp_close(st.n, u);
    net_udp_close(st.n, other);
}

static void the_source_towards_an_address(void **state)
{
    struct addr to, from;

    (void)state;
    assert_int_equal(addr_parse(S("127.0.0.9:5060"), &to), ERR_OK);
    assert_int_equal(net_source_for(st.n, &to, &from), ERR_OK);
    assert_true(addr_is_loopback(&from));
    assert_int_equal(from.port, 0);
    assert_int_equal(addr_parse(S("[::1]"), &to), ERR_OK);
    assert_int_equal(net_source_for(st.n, &to, &from), ERR_OK);
    assert_int_equal(from.family, ADDR_IP6);
    assert_int_equal(net_source_for(st.n, &(struct addr){0}, &from), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_datagram_goes_there_and_back, begin, end),
        cmocka_unit_test_setup_teardown(a_datagram_goes_there_and_back, begin_six, end),
        cmocka_unit_test_setup_teardown(it_is_known_how_long_a_datagram_has_waited, begin, end),
        cmocka_unit_test_setup_teardown(an_answer_leaves_from_the_address_that_was_hit, begin, end),
        cmocka_unit_test_setup_teardown(an_answer_leaves_from_the_address_that_was_hit_six, begin_six, end),
        cmocka_unit_test_setup_teardown(an_icmp_error_says_where_it_was_sent_from, begin, end),
        cmocka_unit_test_setup_teardown(where_a_datagram_may_leave_from, begin, end),
        cmocka_unit_test_setup_teardown(many_at_once_all_arrive, begin, end),
        cmocka_unit_test_setup_teardown(the_largest_and_the_empty, begin, end),
        cmocka_unit_test_setup_teardown(an_icmp_error_is_told_and_harms_no_other, begin, end),
        cmocka_unit_test_setup_teardown(closed_in_its_own_callback, begin, end),
        cmocka_unit_test_setup_teardown(who_may_bind, begin, end),
        cmocka_unit_test_setup_teardown(the_source_towards_an_address, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
