/* udp_test.c - datagrams on the loopback: in and out, many at once, what does not leave, ICMP, who may bind. */
#include "net/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
    unsigned        numbered; /* so many datagrams go to `peer` for each one that is heard, each with the next number */
    unsigned        said, in_order;
    struct addr     peer;
    bool            spoils;   /* before each third of them one to everybody, for which nobody has asked for leave */
    unsigned        unsent;
    size_t          unsent_octets;
    uint64_t        mark;
    enum err        why;
    struct addr     unsent_to;
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

static void say_numbers(struct ear *e)
{
    const struct addr all = {ADDR_IP4, 5060, 0, {255, 255, 255, 255}};

    for (unsigned i = 0; i < e->numbered; i++) {
        if (e->spoils && e->said % 3 == 0)
            assert_int_equal(net_udp_send_from(st.n, e->u, NULL, &all, S("hello"), e->said), ERR_OK);
        assert_int_equal(net_udp_send(st.n, e->u, &e->peer, (struct slice){(const char *)&e->said, sizeof e->said}), ERR_OK);
        e->said++;
    }
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
    if (octets.n == sizeof e->in_order && !memcmp(octets.p, &e->in_order, octets.n))
        e->in_order++;
    say_numbers(e);
    if (e->echo)
        assert_int_equal(net_udp_send_from(st.n, u, to, from, octets, 0), ERR_OK);
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

static void on_unsent(void *arg, struct net_udp *u, const struct addr *to, struct slice octets, uint64_t mark, enum err why)
{
    struct ear *e = arg;

    assert_ptr_equal(u, e->u);
    e->unsent++;
    e->unsent_to = *to;
    e->unsent_octets = octets.n;
    e->mark = mark;
    e->why = why;
    if (e->unsent + e->heard == e->stop_after)
        net_real_stop(st.n);
}

static const struct net_udp_on on = {.octets = on_octets, .error = on_error, .unsent = on_unsent};

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
    assert_int_equal(net_udp_send_from(st.n, st.a.u, &from, &gone, S("anybody?"), 0), ERR_OK);
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
    assert_int_equal(net_udp_send_from(st.n, st.a.u, &other, &st.b.at, S("x"), 0), ERR_OK); /* bound: from there */
    net_real_run(st.n);
    assert_true(addr_eq(&st.b.from, &st.a.at));
    net_udp_close(st.n, st.a.u);
    listen_at(&st.a, "0.0.0.0");
    assert_int_equal(net_udp_send_from(st.n, st.a.u, &other, &st.b.at, S("x"), 0), ERR_OK);
    st.b.stop_after = 2;
    net_real_run(st.n);
    assert_true(addr_same_ip(&st.b.from, &other));
    /* Where it cannot leave from, the system picks. */
    assert_int_equal(net_udp_send_from(st.n, st.a.u, &foreign, &st.b.at, S("x"), 0), ERR_OK);
    assert_int_equal(net_udp_send_from(st.n, st.a.u, &six, &st.b.at, S("x"), 0), ERR_OK);
    assert_int_equal(net_udp_send_from(st.n, st.a.u, &any, &st.b.at, S("x"), 0), ERR_OK);
    st.b.stop_after = 5;
    net_real_run(st.n);
    assert_true(addr_is_loopback(&st.b.from));
    assert_int_equal(st.a.unsent, 0);
}

struct waiting {
    int             fd; /* a socket that the test reads by itself */
    struct addr     at;
    struct net_udp *u; /* that it is said by */
    bool            before, after;
};

static bool has_come(const struct waiting *w)
{
    char octet;

    return recv(w->fd, &octet, 1, MSG_DONTWAIT) == 1;
}

static void say_and_flush(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct waiting *w = arg;

    (void)from;
    (void)to;
    (void)octets;
    assert_int_equal(net_udp_send(st.n, u, &w->at, S("x")), ERR_OK);
    w->before |= has_come(w);
    net_udp_flush(st.n);
    w->after |= has_come(w);
    net_real_stop(st.n);
}

static void say_and_flush_posted(void *arg)
{
    const struct waiting *w = arg;

    say_and_flush(arg, w->u, NULL, NULL, SLICE_NONE);
}

static void wait_begin(struct waiting *w)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t          in_n = sizeof in;

    *w = (struct waiting){.fd = socket(AF_INET, SOCK_DGRAM, 0), .u = st.b.u};
    assert_int_equal(bind(w->fd, (struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(getsockname(w->fd, (struct sockaddr *)&in, &in_n), 0);
    w->at = at_port_of("127.0.0.1", &st.b);
    w->at.port = ntohs(in.sin_port);
}

static void expect_waited(struct waiting *w, bool waited)
{
    w->before = w->after = false;
    net_real_run(st.n);
    assert_int_equal(w->before, !waited);
    assert_int_equal(w->after, waited);
}

/* Several were read together, so what is said waits; but not where that is asked for. One that was read alone waits for nothing. */
static void what_waits_leaves_when_it_is_told_to(void **state)
{
    static const struct net_udp_on flushes = {.octets = say_and_flush};
    struct net_udp_options         o = {.local = st.b.at};
    struct net_udp                *u;
    struct waiting                 w;

    (void)state;
    wait_begin(&w);
    net_udp_close(st.n, st.b.u);
    assert_int_equal(net_udp_open(st.n, &o, &flushes, &w, &u), ERR_OK);
    for (unsigned together = 2; together >= 1; together--) {
        for (unsigned i = 0; i < together; i++)
            assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, S("x")), ERR_OK);
        expect_waited(&w, together == 2);
    }
    close(w.fd);
}

static void what_posts_say_that_came_together_leaves_together(void **state)
{
    struct waiting w;

    (void)state;
    wait_begin(&w);
    for (unsigned together = 2; together >= 1; together--) {
        for (unsigned i = 0; i < together; i++)
            net_post(st.n, say_and_flush_posted, &w);
        expect_waited(&w, together == 2);
    }
    close(w.fd);
}

/* Ten are read together, and make 200: more than wait for each other, and more than one call takes. */
static void what_is_said_together_keeps_its_order(void **state)
{
    (void)state;
    st.b.numbered = 20;
    st.b.peer = st.a.at;
    st.a.stop_after = 200;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, S("x")), ERR_OK);
    net_real_run(st.n);
    assert_int_equal(st.a.in_order, 200);
}

/* What cannot leave is told of, with its mark, after all else of the turn; what goes with it leaves, in order. */
static void one_that_cannot_leave_harms_no_other(void **state)
{
    (void)state;
    st.b.numbered = 6;
    st.b.spoils = true;
    st.b.peer = st.a.at;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, S("x")), ERR_OK);
    st.b.stop_after = 2 + 4; /* heard, and told */
    st.a.stop_after = 12;
    for (int i = 0; i < 3 && (st.a.heard < 12 || st.b.unsent < 4); i++)
        net_real_run(st.n);
    assert_int_equal(st.a.in_order, 12);
    assert_int_equal(st.b.unsent, 4);
    assert_int_equal(st.b.mark, 9);
    assert_int_equal(st.b.why, ERR_IO);
    assert_int_equal(st.b.unsent_octets, 5);
    assert_int_equal(st.b.unsent_to.ip[0], 255);
    assert_int_equal(st.b.errors, 0);
}

static void what_is_not_allowed_is_told(void **state)
{
    const struct addr all = {ADDR_IP4, 5060, 0, {255, 255, 255, 255}};

    (void)state;
    st.a.stop_after = 1;
    assert_int_equal(net_udp_send_from(st.n, st.a.u, NULL, &all, S("hello"), 77), ERR_OK);
    assert_int_equal(st.a.unsent, 0); /* never from inside a call */
    net_real_run(st.n);
    assert_int_equal(st.a.unsent, 1);
    assert_int_equal(st.a.why, ERR_IO);
    assert_int_equal(st.a.mark, 77);
    assert_int_equal(st.a.unsent_octets, 5);
}

/* What was said before a socket is closed leaves, also in the same turn; and nobody is told any more of what did not. */
static void a_socket_that_closes_has_said_what_it_said(void **state)
{
    (void)state;
    st.b.numbered = 3;
    st.b.spoils = true;
    st.b.peer = st.a.at;
    st.b.close_now = true;
    st.a.stop_after = 3;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, S("x")), ERR_OK);
    net_real_run(st.n);
    assert_int_equal(st.b.heard, 1);
    assert_int_equal(st.a.in_order, 3);
    assert_int_equal(st.b.unsent, 0);
}

/* The machine's answer to the first is there before the second goes, and would be that one's error. */
static void an_icmp_error_within_what_is_said_together_harms_no_other(void **state)
{
    struct ear gone = {0};

    (void)state;
    listen_at(&gone, "127.0.0.1");
    net_udp_close(st.n, gone.u);
    st.b.peer = gone.at;
    st.b.numbered = 1;
    st.b.echo = true;
    st.a.stop_after = 4;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, S("x")), ERR_OK);
    for (int i = 0; i < 6 && (st.a.heard < 4 || st.b.errors < 4); i++) /* an error stops it, too */
        net_real_run(st.n);
    assert_int_equal(st.a.heard, 4);
    assert_int_equal(st.b.errors, 4);
    assert_int_equal(st.b.unsent, 0);
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
    assert_int_equal(net_udp_send(st.n, st.a.u, &st.b.at, (struct slice){octets, NET_MAX_DATAGRAM}), ERR_OK);
    st.a.stop_after = 1;
    net_real_run(st.n);
    assert_int_equal(st.a.unsent, 1);
    assert_int_equal(st.a.why, ERR_LIMIT);
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
    assert_int_equal(net_udp_send(st.n, st.a.u, &(struct addr){0}, S("x")), ERR_INVALID);
    assert_int_equal(net_udp_send(st.n, st.a.u, &(struct addr){ADDR_IP4, 0, 0, {127, 0, 0, 1}}, S("x")), ERR_INVALID);
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
        cmocka_unit_test_setup_teardown(what_waits_leaves_when_it_is_told_to, begin, end),
        cmocka_unit_test_setup_teardown(what_posts_say_that_came_together_leaves_together, begin, end),
        cmocka_unit_test_setup_teardown(what_is_said_together_keeps_its_order, begin, end),
        cmocka_unit_test_setup_teardown(what_is_said_together_keeps_its_order, begin_six, end),
        cmocka_unit_test_setup_teardown(one_that_cannot_leave_harms_no_other, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_allowed_is_told, begin, end),
        cmocka_unit_test_setup_teardown(a_socket_that_closes_has_said_what_it_said, begin, end),
        cmocka_unit_test_setup_teardown(an_icmp_error_within_what_is_said_together_harms_no_other, begin, end),
        cmocka_unit_test_setup_teardown(many_at_once_all_arrive, begin, end),
        cmocka_unit_test_setup_teardown(the_largest_and_the_empty, begin, end),
        cmocka_unit_test_setup_teardown(an_icmp_error_is_told_and_harms_no_other, begin, end),
        cmocka_unit_test_setup_teardown(closed_in_its_own_callback, begin, end),
        cmocka_unit_test_setup_teardown(who_may_bind, begin, end),
        cmocka_unit_test_setup_teardown(the_source_towards_an_address, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
