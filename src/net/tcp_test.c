/* tcp_test.c - connections on the loopback: partial writes, slow readers, every way to end, no descriptors left. */
#include "net/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/real_priv.h"
#include "sys/heap.h"

#define PATIENCE_US 20000000
#define BIG (900u * 1024)

struct end {
    struct net_tcp *t;
    unsigned        opened, drained, ended, half_ended;
    enum err        why;
    size_t          n, stop_at;
    unsigned char   sum; /* of all octets heard */
    bool            close_on_octets;
};

struct stage {
    struct heap_counted  heap;
    struct net          *n;
    struct net_timer     patience;
    bool                 timed_out;
    struct net_listener *l;
    struct addr          at;
    struct end           caller, callee;
    unsigned             accepted, errors;
    bool                 turn_down;
};

static struct stage st;

static void give_up(void *arg)
{
    (void)arg;
    st.timed_out = true;
    net_real_stop(st.n);
}

static void on_open(void *arg, struct net_tcp *t)
{
    struct end *e = arg;

    assert_ptr_equal(e->t, t);
    e->opened++;
}

static void on_octets(void *arg, struct net_tcp *t, struct slice octets)
{
    struct end *e = arg;

    assert_ptr_equal(e->t, t);
    e->n += octets.n;
    for (size_t i = 0; i < octets.n; i++)
        e->sum = (unsigned char)(e->sum * 3 + (unsigned char)octets.p[i]);
    if (e->close_on_octets) {
        net_tcp_close(st.n, t);
        e->t = NULL;
    }
    if (e->n == e->stop_at)
        net_real_stop(st.n);
}

static void on_drained(void *arg, struct net_tcp *t)
{
    struct end *e = arg;

    (void)t;
    e->drained++;
}

static void on_closed(void *arg, struct net_tcp *t, enum err why)
{
    struct end *e = arg;

    assert_ptr_equal(e->t, t);
    e->ended++;
    e->why = why;
    assert_int_equal(net_tcp_send(st.n, t, S("x")), ERR_CLOSED);
    net_tcp_close(st.n, t);
    e->t = NULL;
    net_real_stop(st.n);
}

static const struct net_tcp_on on = {.open = on_open, .octets = on_octets, .drained = on_drained, .closed = on_closed};

static void on_ended(void *arg, struct net_tcp *t)
{
    struct end *e = arg;

    assert_ptr_equal(e->t, t);
    e->half_ended++;
    net_real_stop(st.n);
}

/* Whose peer may finish before it does. */
static const struct net_tcp_on on_half = {
    .open = on_open, .octets = on_octets, .drained = on_drained, .closed = on_closed, .ended = on_ended};

static void on_accepted(void *arg, struct net_listener *l, struct net_tcp *t)
{
    assert_ptr_equal(l, st.l);
    st.accepted++;
    if (st.turn_down)
        return;
    st.callee.t = t;
    net_tcp_attach(st.n, t, &on, arg);
}

static void on_listener_error(void *arg, struct net_listener *l, enum err e)
{
    (void)arg;
    (void)l;
    assert_int_equal(e, ERR_LIMIT);
    st.errors++;
}

static const struct net_listener_on on_listener = {on_accepted, on_listener_error};

static int begin_at(const char *at)
{
    struct addr local;

    memset(&st, 0, sizeof st);
    heap_counted_init(&st.heap, NULL, 0);
    assert_int_equal(net_real_open(&st.heap.mem, &st.n), ERR_OK);
    st.patience.fire = give_up;
    net_timer_set(st.n, &st.patience, net_now_us(st.n) + PATIENCE_US);
    assert_int_equal(addr_parse(slice_z(at), &local), ERR_OK);
    assert_int_equal(net_tcp_listen(st.n, &local, false, &on_listener, &st.callee, &st.l), ERR_OK);
    net_listener_local(st.n, st.l, &st.at);
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
    net_real_close(st.n);
    assert_int_equal(st.heap.octets, 0);
    return 0;
}

static void dial(void)
{
    assert_int_equal(net_tcp_connect(st.n, NULL, &st.at, 5000, &on, &st.caller, &st.caller.t), ERR_OK);
}

static void send_text(struct end *from, struct slice s)
{
    assert_int_equal(net_tcp_send(st.n, from->t, s), ERR_OK);
}

static void connected(void)
{
    dial();
    send_text(&st.caller, S("hi")); /* before it is open */
    st.callee.stop_at = 2;
    net_real_run(st.n);
    assert_int_equal(st.caller.opened, 1);
    assert_int_equal(st.callee.n, 2);
    assert_int_equal(st.caller.drained, 1);
}

static void a_connection_opens_talks_and_ends(void **state)
{
    struct addr local, remote, local_too;

    (void)state;
    connected();
    net_tcp_ends(st.n, st.caller.t, &local, &remote);
    assert_true(addr_eq(&remote, &st.at));
    net_tcp_ends(st.n, st.callee.t, &local_too, &remote);
    assert_true(addr_eq(&remote, &local));
    assert_true(addr_eq(&local_too, &st.at));
    send_text(&st.callee, S("hello"));
    st.caller.stop_at = 5;
    net_real_run(st.n);
    assert_int_equal(st.caller.drained, 1); /* nothing had to wait */
    net_tcp_close(st.n, st.callee.t);
    net_real_run(st.n);
    assert_int_equal(st.caller.ended, 1);
    assert_int_equal(st.caller.why, ERR_CLOSED);
    assert_int_equal(st.callee.ended, 0);
}

static void refused_is_told_later(void **state)
{
    (void)state;
    net_listener_close(st.n, st.l);
    dial();
    assert_int_equal(st.caller.ended, 0);
    net_real_run(st.n);
    assert_int_equal(st.caller.why, ERR_IO);
    assert_int_equal(st.caller.opened, 0);
}

/* A listener whose queue is full answers nobody. */
static void no_answer_is_a_timeout(void **state)
{
    struct net_tcp *filling[64];
    struct end      dummies[64] = {{0}};
    size_t          n = 0;
    int             fd;

    (void)state;
    net_listener_close(st.n, st.l);
    assert_int_equal(sock_bound(SOCK_STREAM, &st.at, false, &fd), ERR_OK);
    assert_int_equal(listen(fd, 0), 0);
    while (n < 8 && net_tcp_connect(st.n, NULL, &st.at, 60000, &on, &dummies[n], &filling[n]) == ERR_OK) {
        dummies[n].t = filling[n];
        n++;
    }
    assert_int_equal(net_tcp_connect(st.n, NULL, &st.at, 50, &on, &st.caller, &st.caller.t), ERR_OK);
    net_real_run(st.n);
    assert_int_equal(st.caller.why, ERR_TIMEOUT);
    assert_int_equal(st.caller.opened, 0);
    close(fd);
}

static unsigned char sum_of(const unsigned char *p, size_t n)
{
    unsigned char sum = 0;

    for (size_t i = 0; i < n; i++)
        sum = (unsigned char)(sum * 3 + p[i]);
    return sum;
}

static void a_slow_reader_slows_the_sender(void **state)
{
    unsigned char *octets = malloc(BIG);
    struct slice   all = {(const char *)octets, BIG};
    size_t         sent = 0;
    enum err       e;

    (void)state;
    assert_non_null(octets);
    for (size_t i = 0; i < BIG; i++)
        octets[i] = (unsigned char)(i * 7 + i / 251);
    connected();
    st.callee.n = 0;
    st.callee.sum = 0;
    net_tcp_pause(st.n, st.callee.t, true);
    while ((e = net_tcp_send(st.n, st.caller.t, all)) == ERR_OK)
        sent++;
    assert_int_equal(e, ERR_FULL);
    assert_in_range(sent, 1, 100);
    assert_int_equal(net_tcp_send(st.n, st.caller.t, (struct slice){all.p, NET_MAX_QUEUED_OCTETS + 1}), ERR_FULL);
    st.caller.drained = 0;
    st.callee.stop_at = sent * BIG;
    net_tcp_pause(st.n, st.callee.t, false);
    net_real_run(st.n);
    assert_int_equal(st.callee.n, sent * BIG);
    assert_int_equal(st.caller.drained, 1);
    if (sent == 1)
        assert_int_equal(st.callee.sum, sum_of(octets, BIG));
    free(octets);
}

static void paused_until_the_peer_resets(void **state)
{
    (void)state;
    connected();
    net_tcp_pause(st.n, st.caller.t, true);
    send_text(&st.callee, S("never read"));
    net_tcp_pause(st.n, st.callee.t, true);
    send_text(&st.caller, S("unread: so that closing resets"));
    net_tcp_close(st.n, st.callee.t);
    net_real_run(st.n);
    assert_int_equal(st.caller.ended, 1);
    assert_int_equal(st.caller.why, ERR_IO);
    assert_int_equal(st.caller.n, 0);
}

/* The peer has finished, and is still told what it asked for; then this side finishes, and that is the end for both. */
static void a_half_closed_connection_still_speaks(void **state)
{
    (void)state;
    connected();
    net_tcp_attach(st.n, st.callee.t, &on_half, &st.callee);
    net_tcp_finish(st.n, st.caller.t);
    net_tcp_finish(st.n, st.caller.t);
    assert_int_equal(net_tcp_send(st.n, st.caller.t, S("x")), ERR_CLOSED);
    net_real_run(st.n);
    assert_int_equal(st.callee.half_ended, 1);
    assert_int_equal(st.callee.ended, 0);
    send_text(&st.callee, S("answer"));
    st.caller.stop_at = 6;
    net_real_run(st.n);
    assert_int_equal(st.caller.n, 6);
    net_tcp_finish(st.n, st.callee.t);
    for (int i = 0; i < 2 && st.caller.ended + st.callee.ended < 2; i++) /* each end stops it */
        net_real_run(st.n);
    assert_int_equal(st.callee.why, ERR_CLOSED);
    assert_int_equal(st.caller.why, ERR_CLOSED);
    assert_int_equal(st.callee.half_ended, 1);
    assert_int_equal(st.caller.ended + st.callee.ended, 2);
}

/* More is queued than the system takes: it all goes before the end does. */
static void what_is_queued_goes_before_the_end(void **state)
{
    static unsigned char octets[BIG];
    size_t               sent = 0;

    (void)state;
    connected();
    st.callee.n = 0;
    net_tcp_attach(st.n, st.callee.t, &on_half, &st.callee);
    net_tcp_pause(st.n, st.callee.t, true);
    while (net_tcp_send(st.n, st.caller.t, (struct slice){(const char *)octets, BIG}) == ERR_OK)
        sent++;
    net_tcp_finish(st.n, st.caller.t);
    net_tcp_pause(st.n, st.callee.t, false);
    net_real_run(st.n);
    assert_int_equal(st.callee.half_ended, 1);
    assert_int_equal(st.callee.n, sent * BIG);
}

/* It finishes before it is connected: what was queued goes, and then the end. */
static void finished_before_it_is_open(void **state)
{
    (void)state;
    dial();
    send_text(&st.caller, S("hi"));
    net_tcp_finish(st.n, st.caller.t);
    net_real_run(st.n);
    assert_int_equal(st.callee.n, 2);
    assert_int_equal(st.callee.why, ERR_CLOSED); /* without `ended` the peer's end is the end */
    if (!st.caller.ended)
        net_real_run(st.n);
    assert_int_equal(st.caller.why, ERR_CLOSED);
}

static void a_half_closed_connection_that_is_reset(void **state)
{
    (void)state;
    connected();
    net_tcp_attach(st.n, st.callee.t, &on_half, &st.callee);
    net_tcp_close(st.n, st.caller.t);
    net_real_run(st.n);
    assert_int_equal(st.callee.half_ended, 1);
    send_text(&st.callee, S("to nobody"));
    net_real_run(st.n);
    assert_int_equal(st.callee.ended, 1);
    assert_int_equal(st.callee.why, ERR_IO);
}

static void closed_in_its_own_callback(void **state)
{
    (void)state;
    st.callee.close_on_octets = true;
    dial();
    send_text(&st.caller, S("x"));
    net_real_run(st.n);
    assert_null(st.callee.t);
    assert_int_equal(st.caller.ended, 1);
}

static void what_nobody_attaches_is_closed(void **state)
{
    (void)state;
    st.turn_down = true;
    dial();
    net_real_run(st.n);
    assert_int_equal(st.accepted, 1);
    assert_int_equal(st.caller.why, ERR_CLOSED);
}

static void bad_addresses_are_refused_at_once(void **state)
{
    struct addr          foreign, six;
    struct net_tcp      *t = NULL;
    struct net_listener *l = NULL;

    (void)state;
    assert_int_equal(addr_parse(S("192.0.2.1"), &foreign), ERR_OK);
    assert_int_equal(addr_parse(S("[::1]:9"), &six), ERR_OK);
    assert_int_equal(net_tcp_connect(st.n, &foreign, &st.at, 100, &on, &st.caller, &t), ERR_INVALID);
    assert_int_equal(net_tcp_connect(st.n, &st.at, &six, 100, &on, &st.caller, &t), ERR_INVALID);
    assert_int_equal(net_tcp_connect(st.n, NULL, &(struct addr){0}, 100, &on, &st.caller, &t), ERR_INVALID);
    assert_int_equal(net_tcp_listen(st.n, &st.at, false, &on_listener, NULL, &l), ERR_BUSY);
    assert_int_equal(net_tcp_listen(st.n, &foreign, false, &on_listener, NULL, &l), ERR_INVALID);
    assert_null(t);
    assert_null(l);
    net_tcp_close(st.n, NULL);
    net_listener_close(st.n, NULL);
}

/* The callers' descriptors are taken first; then none is left for whom they call. */
static void without_descriptors_callers_are_turned_away(void **state)
{
    struct rlimit  before, few;
    struct net_tcp *t[8];
    struct end      callers[8] = {{0}};
    int             highest = 0;

    (void)state;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(net_tcp_connect(st.n, NULL, &st.at, 5000, &on, &callers[i], &t[i]), ERR_OK);
        callers[i].t = t[i];
    }
    highest = dup(0);
    close(highest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = (rlim_t)highest; /* nothing new can be opened */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int i = 0; i < 20 && callers[0].ended + callers[7].ended < 2; i++)
        net_real_run(st.n); /* each end stops it */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 0; i < 8; i++)
        assert_int_equal(callers[i].ended, 1);
    assert_int_equal(st.accepted, 0);
    assert_int_equal(st.errors, 1); /* told once a second */
    dial();                         /* and it goes on */
    send_text(&st.caller, S("hi"));
    st.callee.stop_at = 2;
    net_real_run(st.n);
    assert_int_equal(st.accepted, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_opens_talks_and_ends, begin, end),
        cmocka_unit_test_setup_teardown(a_connection_opens_talks_and_ends, begin_six, end),
        cmocka_unit_test_setup_teardown(refused_is_told_later, begin, end),
        cmocka_unit_test_setup_teardown(no_answer_is_a_timeout, begin, end),
        cmocka_unit_test_setup_teardown(a_slow_reader_slows_the_sender, begin, end),
        cmocka_unit_test_setup_teardown(paused_until_the_peer_resets, begin, end),
        cmocka_unit_test_setup_teardown(a_half_closed_connection_still_speaks, begin, end),
        cmocka_unit_test_setup_teardown(a_half_closed_connection_still_speaks, begin_six, end),
        cmocka_unit_test_setup_teardown(what_is_queued_goes_before_the_end, begin, end),
        cmocka_unit_test_setup_teardown(finished_before_it_is_open, begin, end),
        cmocka_unit_test_setup_teardown(a_half_closed_connection_that_is_reset, begin, end),
        cmocka_unit_test_setup_teardown(closed_in_its_own_callback, begin, end),
        cmocka_unit_test_setup_teardown(what_nobody_attaches_is_closed, begin, end),
        cmocka_unit_test_setup_teardown(bad_addresses_are_refused_at_once, begin, end),
        cmocka_unit_test_setup_teardown(without_descriptors_callers_are_turned_away, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
