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

static void look_twice(void *arg)
{
    uint64_t mono_us = net_now_us(st.n), wall_us = net_wall_us(st.n), begun_us = clock_mono_us();

    while (clock_mono_us() - begun_us < 3000)
        continue;
    assert_true(net_wall_us(st.n) >= wall_us + 2000);
    assert_int_equal(net_now_us(st.n), mono_us);
    note(arg);
}

/* Messages that several threads have recorded are put in order by the time of day: it goes on within a turn. */
static void of_the_two_clocks_one_stands_still_for_a_turn(void **state)
{
    struct net_timer t = {.fire = look_twice};

    (void)state;
    net_timer_set(st.n, &t, 0);
    st.stop_at = 1;
    net_real_run(st.n);
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
        cmocka_unit_test_setup_teardown(of_the_two_clocks_one_stands_still_for_a_turn, begin, end),
        cmocka_unit_test_setup_teardown(posts_are_made_in_order, begin, end),
        cmocka_unit_test_setup_teardown(a_signal_stops_and_it_runs_again, begin, end),
        cmocka_unit_test_setup_teardown(a_pipe_is_read_to_its_end, begin, end),
        cmocka_unit_test_setup_teardown(a_file_is_read_to_its_end, begin, end),
        cmocka_unit_test_setup_teardown(a_descriptor_that_is_none_is_refused, begin, end),
        cmocka_unit_test(every_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
