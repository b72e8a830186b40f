/* loop_test.c - the loop: timers, posts, stopping, descriptors of others, memory that runs out. */
#include "net/net.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/clock.h"
#include "sys/heap.h"

#define PATIENCE_US 5000000

struct stage {
    struct heap_counted heap;
    struct net         *n;
    struct net_timer    patience;
    bool                timed_out;
    unsigned            order[64];
    size_t              seen, stop_at;
    int                 fd;
    char                text[64];
    size_t              text_n;
};

static struct stage st;

static void give_up(void *arg)
{
    (void)arg;
    st.timed_out = true;
    net_real_stop(st.n);
}

static int begin(void **state)
{
    (void)state;
    memset(&st, 0, sizeof st);
    heap_counted_init(&st.heap, NULL, 0);
    assert_int_equal(net_real_open(&st.heap.mem, &st.n), ERR_OK);
    st.patience.fire = give_up;
    net_timer_set(st.n, &st.patience, net_now_us(st.n) + PATIENCE_US);
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_false(st.timed_out);
    net_real_close(st.n);
    net_real_close(NULL);
    assert_int_equal(st.heap.octets, 0);
    return 0;
}

static void note(void *arg)
{
    st.order[st.seen++ % 64] = (unsigned)(uintptr_t)arg;
    if (st.seen == st.stop_at)
        net_real_stop(st.n);
}

static void timers_fire_in_order_and_never_early(void **state)
{
    struct net_timer t[4] = {{0}};
    uint64_t         now = net_now_us(st.n);

    (void)state;
    for (uintptr_t i = 0; i < 4; i++)
        t[i] = (struct net_timer){.fire = note, .arg = (void *)i};
    net_timer_set(st.n, &t[0], now + 20500);
    net_timer_set(st.n, &t[1], now + 5000);
    net_timer_set(st.n, &t[2], now + 1000);
    net_timer_set(st.n, &t[3], 0);
    net_timer_set(st.n, &t[2], now + 10000); /* moved */
    net_timer_cancel(st.n, &t[1]);
    st.stop_at = 3;
    net_real_run(st.n);
    assert_int_equal(st.order[0], 3);
    assert_int_equal(st.order[1], 2);
    assert_int_equal(st.order[2], 0);
    assert_true(net_now_us(st.n) >= now + 20500 && clock_mono_us() >= net_now_us(st.n));
    assert_true(net_wall_us(st.n) > 1700000000000000u);
}

/* ---- what the time is ---- */

enum { WORK_US = 3000, PIECES = 16 };

/* When each piece of work was taken up. */
static struct {
    uint64_t mono_us[PIECES], wall_us[PIECES];
    size_t   n, stop_at;
} pieces;

static void burn(void)
{
    uint64_t begun_us = clock_mono_us();

    while (clock_mono_us() - begun_us < WORK_US)
        continue;
}

/* Both clocks stand still in it, however long it takes. */
static void work(void *arg)
{
    uint64_t mono_us = net_now_us(st.n), wall_us = net_wall_us(st.n);

    (void)arg;
    assert_true(pieces.n < PIECES);
    burn();
    assert_int_equal(net_now_us(st.n), mono_us);
    assert_int_equal(net_wall_us(st.n), wall_us);
    pieces.mono_us[pieces.n] = mono_us;
    pieces.wall_us[pieces.n] = wall_us;
    if (++pieces.n == pieces.stop_at)
        net_real_stop(st.n);
}

/* Each was taken up after the one before it was done, in both clocks, and none in the future. */
static void expect_pieces(size_t n)
{
    uint64_t begun_us = clock_mono_us();

    pieces.n = 0;
    pieces.stop_at = n;
    net_real_run(st.n);
    assert_int_equal(pieces.n, n);
    assert_true(pieces.mono_us[0] >= begun_us && pieces.mono_us[n - 1] + WORK_US <= clock_mono_us());
    for (size_t i = 1; i < n; i++) {
        assert_true(pieces.mono_us[i] >= pieces.mono_us[i - 1] + WORK_US);
        assert_true(pieces.wall_us[i] >= pieces.wall_us[i - 1] + WORK_US - 100); /* it may be slewed meanwhile */
    }
}

static void each_timer_has_its_moment(void **state)
{
    struct net_timer t[3] = {{.fire = work}, {.fire = work}, {.fire = work}};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        net_timer_set(st.n, &t[i], 0);
    expect_pieces(3);
}

static void each_post_has_its_moment(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        net_post(st.n, work, NULL);
    expect_pieces(3);
}

static void work_on_datagram(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    (void)u;
    (void)from;
    (void)to;
    (void)octets;
    work(arg);
}

static void not_reached(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, enum err e)
{
    (void)arg;
    (void)u;
    (void)from;
    (void)to;
    fail_msg("a datagram has not arrived: %s", err_text(e));
}

/* Those too that were read together. */
static void each_datagram_has_its_moment(void **state)
{
    static const struct net_udp_on on = {.octets = work_on_datagram, .error = not_reached};
    struct net_udp_options         o = {.local = {ADDR_IP4, 0, 0, {127, 0, 0, 1}}};
    struct net_udp                *u;
    struct addr                    at;

    (void)state;
    assert_int_equal(net_udp_open(st.n, &o, &on, NULL, &u), ERR_OK);
    net_udp_local(st.n, u, &at);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(net_udp_send(st.n, u, &at, S("x")), ERR_OK);
    expect_pieces(4);
}

static void work_on_stream(void *arg, struct net_tcp *t, struct slice octets)
{
    (void)t;
    (void)octets;
    work(arg);
}

static void work_on_connected(void *arg, struct net_tcp *t)
{
    work(arg);
    assert_int_equal(net_tcp_send(st.n, t, S("x")), ERR_OK);
}

static const struct net_tcp_on on_stream = {.open = work_on_connected, .octets = work_on_stream};

static void work_on_accepted(void *arg, struct net_listener *l, struct net_tcp *t)
{
    (void)l;
    net_tcp_attach(st.n, t, &on_stream, arg);
    work(arg);
}

/* One that is made, one that is taken, and what is read of it. */
static void each_of_a_connection_has_its_moment(void **state)
{
    static const struct net_listener_on on = {.accepted = work_on_accepted};
    struct addr                         at = {ADDR_IP4, 0, 0, {127, 0, 0, 1}};
    struct net_listener                *l;
    struct net_tcp                     *t;

    (void)state;
    assert_int_equal(net_tcp_listen(st.n, &at, false, &on, NULL, &l), ERR_OK);
    net_listener_local(st.n, l, &at);
    assert_int_equal(net_tcp_connect(st.n, NULL, &at, 1000, &on_stream, NULL, &t), ERR_OK);
    expect_pieces(3);
}

static void work_on_pipe(void *arg)
{
    int *fd = arg;

    net_unwatch_fd(st.n, *fd);
    work(NULL);
}

static void each_descriptor_has_its_moment(void **state)
{
    int p[2][2];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pipe2(p[i], O_CLOEXEC), 0);
        assert_int_equal(write(p[i][1], "x", 1), 1);
        assert_int_equal(net_watch_fd(st.n, p[i][0], work_on_pipe, &p[i][0]), ERR_OK);
    }
    expect_pieces(2);
    for (size_t i = 0; i < 2; i++) {
        close(p[i][0]);
        close(p[i][1]);
    }
}

/* A timer counts from the moment of the piece in which it is set, and is due by that. */
static void set_a_timer_late(void *arg)
{
    struct net_timer *t = arg;
    uint64_t          at_us = net_now_us(st.n) + WORK_US;

    burn();
    net_timer_set(st.n, t, at_us);
}

static void a_timer_counts_from_the_moment_of_its_piece(void **state)
{
    struct net_timer late = {.fire = work}, t = {.fire = set_a_timer_late, .arg = &late};

    (void)state;
    net_timer_set(st.n, &t, 0);
    expect_pieces(1);
}

/* What a worker had put off, or takes over from another one. */
static void a_piece_is_taken_up_within_another(void **state)
{
    uint64_t before_us = net_now_us(st.n), other_us;

    (void)state;
    burn();
    assert_int_equal(net_now_us(st.n), before_us); /* that it was opened is the last that has happened to it */
    net_take_up(st.n, 0);
    assert_true(net_now_us(st.n) >= before_us + WORK_US);
    for (int i = 0; i < 1000; i++) {
        other_us = clock_mono_us();
        net_take_up(st.n, other_us);
        assert_true(net_now_us(st.n) > other_us && net_now_us(st.n) <= clock_mono_us());
    }
}

static void post_again(void *arg)
{
    note(arg);
    net_post(st.n, note, (void *)9);
    assert_int_equal(st.seen, 1); /* later, never from inside */
}

static void posts_are_made_in_order(void **state)
{
    (void)state;
    net_post(st.n, post_again, (void *)0);
    for (uintptr_t i = 1; i < 5; i++)
        net_post(st.n, note, (void *)i);
    st.stop_at = 6;
    net_real_run(st.n);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(st.order[i], i);
    assert_int_equal(st.order[5], 9);
}

static void on_signal(int number)
{
    (void)number;
    net_real_stop(st.n);
}

static void send_signal(void *arg)
{
    (void)arg;
    raise(SIGUSR1);
}

static void a_signal_stops_and_it_runs_again(void **state)
{
    struct sigaction action = {.sa_handler = on_signal}, before;

    (void)state;
    sigaction(SIGUSR1, &action, &before);
    net_post(st.n, send_signal, NULL);
    net_real_run(st.n);
    raise(SIGUSR1); /* before it runs: it does not run */
    net_real_run(st.n);
    sigaction(SIGUSR1, &before, NULL);
    st.stop_at = 1;
    net_post(st.n, note, NULL);
    net_real_run(st.n);
    assert_int_equal(st.seen, 1);
}

static void on_readable(void *arg)
{
    ssize_t n = read(st.fd, st.text + st.text_n, sizeof st.text - st.text_n);

    assert_ptr_equal(arg, &st);
    assert_true(n >= 0);
    st.text_n += (size_t)n;
    if (n == 0) {
        net_unwatch_fd(st.n, st.fd);
        net_real_stop(st.n);
    }
}

static void a_pipe_is_read_to_its_end(void **state)
{
    int p[2];

    (void)state;
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    st.fd = p[0];
    assert_int_equal(net_watch_fd(st.n, p[0], on_readable, &st), ERR_OK);
    assert_int_equal(write(p[1], "call 1002\n", 10), 10);
    close(p[1]);
    net_real_run(st.n);
    assert_int_equal(st.text_n, 10);
    assert_memory_equal(st.text, "call 1002\n", 10);
    assert_true(fcntl(p[0], F_GETFD) >= 0); /* the descriptor stays the caller's */
    close(p[0]);
}

static void a_file_is_read_to_its_end(void **state)
{
    FILE *f = tmpfile();

    (void)state;
    assert_non_null(f);
    fputs("hangup\n", f);
    rewind(f);
    st.fd = fileno(f);
    assert_int_equal(net_watch_fd(st.n, st.fd, on_readable, &st), ERR_OK);
    net_real_run(st.n);
    assert_memory_equal(st.text, "hangup\n", 7);
    assert_int_equal(st.text_n, 7);
    fclose(f);
}

static void a_descriptor_that_is_none_is_refused(void **state)
{
    (void)state;
    assert_int_not_equal(net_watch_fd(st.n, -1, on_readable, &st), ERR_OK);
    net_unwatch_fd(st.n, -1);
}

static void on_answer(void *arg, enum err e, const struct net_record *r, size_t n)
{
    (void)arg;
    (void)e;
    (void)r;
    (void)n;
}

static void on_datagram(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    (void)arg;
    (void)u;
    (void)from;
    (void)to;
    (void)octets;
}

/* Everything that takes memory at once; the first error, or ERR_OK. What was opened is left to net_real_close(). */
static enum err open_everything(struct net *n, int fd, struct net_question *q)
{
    static const struct net_udp_on      on_udp = {.octets = on_datagram};
    static const struct net_tcp_on      on_tcp = {.closed = NULL};
    static const struct net_listener_on on_listener = {NULL, NULL};
    static char                         octets[1000];
    struct net_udp_options              o = {.local = {ADDR_IP4, 0, 0, {127, 0, 0, 1}}};
    struct net_udp                     *u;
    struct net_listener                *l;
    struct net_tcp                     *t;
    struct addr                         at;
    enum err                            e;

    if ((e = net_udp_open(n, &o, &on_udp, NULL, &u)) || (e = net_tcp_listen(n, &o.local, false, &on_listener, NULL, &l)))
        return e;
    net_listener_local(n, l, &at);
    if ((e = net_tcp_connect(n, NULL, &at, 1000, &on_tcp, NULL, &t)))
        return e;
    if ((e = net_tcp_send(n, t, (struct slice){octets, sizeof octets}))) /* it is not open yet: queued */
        return e;
    if ((e = net_watch_fd(n, fd, note, NULL)))
        return e;
    *q = (struct net_question){.done = on_answer};
    return net_resolve(n, q, NET_A, SLICE_NONE);
}

static void every_allocation_fails_once(void **state)
{
    struct heap_counted counted;
    struct heap_failing failing;
    struct net_question q = {0};
    struct net         *n;
    enum err            e = ERR_NOMEM;
    uint64_t            nth = 1;
    int                 p[2];

    (void)state;
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    for (; e; nth++) {
        assert_true(nth < 100);
        heap_counted_init(&counted, NULL, 0);
        heap_failing_init(&failing, &counted.mem, nth);
        if ((e = net_real_open(&failing.mem, &n)) == ERR_OK) {
            e = open_everything(n, p[0], &q);
            net_real_close(n);
        }
        assert_int_equal(e, failing.failed ? ERR_NOMEM : ERR_OK);
        assert_int_equal(counted.octets, 0);
    }
    assert_true(nth > 10); /* they did fail */
    close(p[0]);
    close(p[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_in_order_and_never_early, begin, end),
        cmocka_unit_test_setup_teardown(each_timer_has_its_moment, begin, end),
        cmocka_unit_test_setup_teardown(each_post_has_its_moment, begin, end),
        cmocka_unit_test_setup_teardown(each_datagram_has_its_moment, begin, end),
        cmocka_unit_test_setup_teardown(each_of_a_connection_has_its_moment, begin, end),
        cmocka_unit_test_setup_teardown(each_descriptor_has_its_moment, begin, end),
        cmocka_unit_test_setup_teardown(a_timer_counts_from_the_moment_of_its_piece, begin, end),
        cmocka_unit_test_setup_teardown(a_piece_is_taken_up_within_another, begin, end),
        cmocka_unit_test_setup_teardown(posts_are_made_in_order, begin, end),
        cmocka_unit_test_setup_teardown(a_signal_stops_and_it_runs_again, begin, end),
        cmocka_unit_test_setup_teardown(a_pipe_is_read_to_its_end, begin, end),
        cmocka_unit_test_setup_teardown(a_file_is_read_to_its_end, begin, end),
        cmocka_unit_test_setup_teardown(a_descriptor_that_is_none_is_refused, begin, end),
        cmocka_unit_test(every_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
