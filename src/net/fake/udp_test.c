/* udp_test.c - datagrams in virtual time: delay, chance, cuts, ICMP, who gets what. */
#include "net/fake/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sys/heap.h"

#define MAX_HEARD 4096

struct ear {
    struct net     *net;
    struct net_udp *u;
    size_t          n, errors;
    struct {
        uint64_t    at_us;
        struct addr from, to;
        unsigned    value;
        size_t      octets;
        uint64_t    waited_us;
    } heard[MAX_HEARD];
    struct addr last_error, last_error_from;
    bool        echo;
    size_t      unsent;
    uint64_t    mark;
    struct addr unsent_to;
};

struct stage {
    struct heap_counted heap;
    struct fake        *w;
    struct fake_node   *a, *b;
    struct ear          at_a, at_b, extra;
    unsigned            lost, sent, delivered, duplicated, unwanted;
};

static struct addr ip(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(slice_z(text), &a), ERR_OK);
    return a;
}

static void on_octets(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct ear *e = arg;

    assert_ptr_equal(u, e->u);
    assert_true(e->n < MAX_HEARD);
    e->heard[e->n].at_us = net_now_us(e->net);
    e->heard[e->n].from = *from;
    e->heard[e->n].to = *to;
    e->heard[e->n].octets = octets.n;
    e->heard[e->n].waited_us = net_waited_us(e->net);
    e->heard[e->n].value = 0;
    if (octets.n == sizeof(unsigned))
        memcpy(&e->heard[e->n].value, octets.p, sizeof(unsigned));
    e->n++;
    if (e->echo)
        assert_int_equal(net_udp_send_from(e->net, u, to, from, octets, 0), ERR_OK);
}

static void on_error(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, enum err e)
{
    struct ear *x = arg;

    (void)u;
    assert_int_equal(e, ERR_CLOSED);
    x->last_error = *to;
    x->last_error_from = *from;
    x->errors++;
}

static void on_unsent(void *arg, struct net_udp *u, const struct addr *to, struct slice octets, uint64_t mark, enum err e)
{
    struct ear *x = arg;

    assert_ptr_equal(u, x->u);
    assert_int_equal(e, ERR_IO);
    assert_true(slice_eq(octets, S("x")));
    x->unsent++;
    x->mark = mark;
    x->unsent_to = *to;
}

static const struct net_udp_on on = {.octets = on_octets, .error = on_error, .unsent = on_unsent};

static enum err listen_at(struct ear *e, struct net *net, const char *at, bool reuse_port)
{
    struct net_udp_options o = {.local = ip(at), .reuse_port = reuse_port};

    e->net = net;
    return net_udp_open(net, &o, &on, e, &e->u);
}

static void seen(void *ctx, const struct fake_seen *s)
{
    struct stage *st = ctx;

    st->sent += s->fate == FAKE_SENT;
    st->lost += s->fate == FAKE_LOST;
    st->delivered += s->fate == FAKE_DELIVERED;
    st->duplicated += s->fate == FAKE_DUPLICATED;
    st->unwanted += s->fate == FAKE_UNWANTED;
}

static int begin(void **state)
{
    static struct stage st;
    struct fake_config  config = {.mem = &st.heap.mem, .seed = 42};

    memset(&st, 0, sizeof st);
    heap_counted_init(&st.heap, NULL, 0);
    assert_int_equal(fake_open(&config, &st.w), ERR_OK);
    assert_int_equal(fake_add_node(st.w, "192.0.2.1 2001:db8::1", 1, &st.a), ERR_OK);
    assert_int_equal(fake_add_node(st.w, "192.0.2.2", 2, &st.b), ERR_OK);
    assert_int_equal(listen_at(&st.at_a, fake_net(st.a, 0), "192.0.2.1:5060", false), ERR_OK);
    assert_int_equal(listen_at(&st.at_b, fake_net(st.b, 0), "0.0.0.0:5060", false), ERR_OK);
    fake_observe(st.w, seen, &st);
    *state = &st;
    return 0;
}

static int end(void **state)
{
    struct stage *st = *state;

    fake_close(st->w);
    assert_int_equal(st->heap.octets, 0);
    return 0;
}

static void send_value(struct ear *from, const char *to, unsigned value)
{
    struct addr a = ip(to);

    assert_int_equal(net_udp_send(from->net, from->u, &a, (struct slice){(const char *)&value, sizeof value}), ERR_OK);
}

static void a_datagram_arrives_after_the_delay(void **state)
{
    struct stage *st = *state;

    st->at_b.echo = true;
    send_value(&st->at_a, "192.0.2.2:5060", 7);
    fake_run_until(st->w, FAKE_START_US + 999);
    assert_int_equal(st->at_b.n, 0);
    fake_run_until(st->w, FAKE_START_US + 1000);
    assert_int_equal(st->at_b.n, 1);
    assert_int_equal(st->at_b.heard[0].value, 7);
    assert_int_equal(st->at_b.heard[0].at_us, FAKE_START_US + 1000);
    assert_true(addr_eq(&st->at_b.heard[0].from, &(struct addr){ADDR_IP4, 5060, 0, {192, 0, 2, 1}}));
    assert_true(fake_idle_until(st->w, FAKE_START_US + 10000));
    assert_int_equal(fake_now_us(st->w), FAKE_START_US + 2000);
    assert_int_equal(st->at_a.n, 1); /* the echo, from the address that was spoken to, though b listens on any */
    assert_true(addr_eq(&st->at_a.heard[0].from, &(struct addr){ADDR_IP4, 5060, 0, {192, 0, 2, 2}}));
    assert_int_equal(st->sent, 2);
    assert_int_equal(st->delivered, 2);
}

static void nobody_there_is_told_where_a_machine_runs(void **state)
{
    struct stage *st = *state;

    send_value(&st->at_a, "192.0.2.2:5061", 1);
    send_value(&st->at_a, "192.0.2.99:5060", 1);
    assert_true(fake_idle_until(st->w, FAKE_START_US + 10000));
    assert_int_equal(st->at_a.errors, 1);
    assert_int_equal(st->at_a.last_error.port, 5061);
    assert_int_equal(st->unwanted, 1);
    assert_int_equal(st->lost, 1);
}

static void chance_loses_doubles_and_reorders(void **state)
{
    struct stage    *st = *state;
    struct fake_link l = {.delay_us = 1000, .loss_ppm = 100000, .duplicate_ppm = 50000, .reorder_ppm = 50000,
                          .reorder_us = 700};
    bool             have[2000] = {false};
    unsigned         later = 0, twice = 0;

    fake_set_link(st->w, &l);
    for (unsigned i = 0; i < 2000; i++) {
        send_value(&st->at_a, "192.0.2.2:5060", i);
        fake_run_until(st->w, fake_now_us(st->w) + 100);
    }
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    for (size_t i = 0; i < st->at_b.n; i++) {
        unsigned v = st->at_b.heard[i].value;

        twice += have[v];
        have[v] = true;
        later += i > 0 && v < st->at_b.heard[i - 1].value;
    }
    assert_in_range(st->lost, 150, 250);
    assert_in_range(st->duplicated, 60, 130);
    assert_in_range(later, 50, 400);
    assert_int_equal(twice, st->duplicated);
    assert_int_equal(st->at_b.n, 2000 - st->lost + st->duplicated);
}

static void jitter_and_its_bounds(void **state)
{
    struct stage    *st = *state;
    struct fake_link l = {.delay_us = 500, .jitter_us = 100};
    uint64_t         least = UINT64_MAX, most = 0;

    fake_set_link(st->w, &l);
    for (unsigned i = 0; i < 1000; i++)
        send_value(&st->at_a, "192.0.2.2:5060", i);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_b.n, 1000);
    for (size_t i = 0; i < 1000; i++) {
        uint64_t took = st->at_b.heard[i].at_us - FAKE_START_US;

        least = took < least ? took : least;
        most = took > most ? took : most;
    }
    assert_int_equal(least, 500);
    assert_int_equal(most, 600);
}

static void a_link_of_its_own_and_back(void **state)
{
    struct stage    *st = *state;
    struct fake_link l = {.delay_us = 7, .mtu_octets = 3};
    struct addr      a = ip("192.0.2.1"), b = ip("192.0.2.2");

    fake_set_link_between(st->w, &b, &a, &l);
    send_value(&st->at_a, "192.0.2.2:5060", 1);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->lost, 1); /* larger than 3 */
    l.mtu_octets = 4;
    fake_set_link_between(st->w, &a, &b, &l);
    send_value(&st->at_a, "192.0.2.2:5060", 1);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_b.heard[0].at_us, FAKE_START_US + 7);
    fake_set_link_between(st->w, &a, &b, NULL);
    send_value(&st->at_a, "192.0.2.2:5060", 1);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_b.heard[1].at_us, FAKE_START_US + 1007);
}

static void cuts_part_sets_until_healed(void **state)
{
    struct stage *st = *state;
    struct addr   a = ip("192.0.2.1"), b = ip("192.0.2.2"), c = ip("192.0.2.3");

    fake_cut(st->w, &a, 1, &c, 1);
    send_value(&st->at_a, "192.0.2.2:5060", 1);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_b.n, 1); /* not concerned */
    fake_cut(st->w, &b, 1, NULL, 0);
    send_value(&st->at_a, "192.0.2.2:5060", 2);
    send_value(&st->at_b, "192.0.2.1:5060", 3);
    send_value(&st->at_b, "192.0.2.2:5060", 4); /* to itself */
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_a.n, 0);
    assert_int_equal(st->at_b.n, 2);
    assert_int_equal(st->at_b.heard[1].value, 4);
    fake_heal(st->w);
    send_value(&st->at_a, "192.0.2.2:5060", 5);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_b.n, 3);
}

/* A machine with two addresses and one socket for any of them. */
static void an_answer_leaves_from_the_address_that_was_hit(void **state)
{
    static const char *const hit[] = {"192.0.2.4:5060", "192.0.2.3:5060", "192.0.2.4:5060"};
    struct stage            *st = *state;
    struct fake_node        *two;
    struct addr              foreign = ip("192.0.2.1"), mine = ip("192.0.2.4:5060"), gone = ip("192.0.2.1:9");

    assert_int_equal(fake_add_node(st->w, "192.0.2.3 192.0.2.4 2001:db8::3", 1, &two), ERR_OK);
    assert_int_equal(listen_at(&st->extra, fake_net(two, 0), "0.0.0.0:5060", false), ERR_OK);
    st->extra.echo = true;
    for (unsigned i = 0; i < 3; i++) {
        struct addr to = ip(hit[i]);

        send_value(&st->at_a, hit[i], i);
        assert_true(fake_idle_until(st->w, UINT64_MAX));
        assert_true(addr_eq(&st->extra.heard[i].to, &to));
        assert_true(addr_eq(&st->at_a.heard[i].from, &to));
    }
    foreign.port = 5060;
    assert_int_equal(net_udp_send_from(st->extra.net, st->extra.u, &foreign, &foreign, S("x"), 0), ERR_OK);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_true(addr_same_ip(&st->at_a.heard[3].from, &(struct addr){ADDR_IP4, 0, 0, {192, 0, 2, 3}})); /* not what is not ours */
    assert_int_equal(net_udp_send_from(st->extra.net, st->extra.u, &mine, &gone, S("x"), 0), ERR_OK);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->extra.errors, 1);
    assert_true(addr_eq(&st->extra.last_error_from, &mine));
    assert_true(addr_eq(&st->extra.last_error, &gone));
}

static enum err bars_port_9(void *ctx, const struct addr *to)
{
    ++*(unsigned *)ctx;
    return to->port == 9 ? ERR_IO : ERR_OK;
}

/* No address of its family, or barred by the machine itself: told when the present work is done, unless the socket is closed. */
static void what_does_not_leave_is_told_later(void **state)
{
    struct stage *st = *state;
    struct addr   six = ip("[2001:db8::1]:5060"), barred = ip("192.0.2.1:9"), free = ip("192.0.2.1:5060");
    unsigned      asked = 0;

    assert_int_equal(net_udp_send_from(st->at_b.net, st->at_b.u, NULL, &six, S("x"), 7), ERR_OK);
    assert_int_equal(st->at_b.unsent, 0);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_b.unsent, 1);
    assert_int_equal(st->at_b.mark, 7);
    assert_true(addr_eq(&st->at_b.unsent_to, &six));
    fake_set_bars(st->b, bars_port_9, &asked);
    assert_int_equal(net_udp_send(st->at_b.net, st->at_b.u, &free, S("x")), ERR_OK);
    assert_int_equal(net_udp_send_from(st->at_b.net, st->at_b.u, NULL, &barred, S("x"), 8), ERR_OK);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(asked, 2);
    assert_int_equal(st->at_a.n, 1);
    assert_int_equal(st->at_b.unsent, 2);
    assert_int_equal(st->at_b.mark, 8);
    assert_int_equal(net_udp_send(st->at_b.net, st->at_b.u, &barred, S("x")), ERR_OK);
    net_udp_close(st->at_b.net, st->at_b.u);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_b.unsent, 2);
    assert_int_equal(st->sent, 1); /* the others never left */
}

static int64_t lose_odd_hold_two_double_four(void *ctx, const struct addr *from, const struct addr *to, struct slice octets)
{
    unsigned v;

    (void)ctx;
    (void)from;
    (void)to;
    memcpy(&v, octets.p, sizeof v);
    return v & 1 ? -1 : v == 2 ? 50 : v == 4 ? FAKE_TWICE : 0;
}

static void a_filter_decides_first(void **state)
{
    struct stage *st = *state;

    fake_set_filter(st->w, lose_odd_hold_two_double_four, NULL);
    for (unsigned i = 1; i <= 4; i++)
        send_value(&st->at_a, "192.0.2.2:5060", i);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_b.n, 3);
    assert_int_equal(st->at_b.heard[0].value, 4);
    assert_int_equal(st->at_b.heard[1].value, 4);
    assert_int_equal(st->at_b.heard[1].at_us, FAKE_START_US + 1000);
    assert_int_equal(st->at_b.heard[2].value, 2);
    assert_int_equal(st->at_b.heard[2].at_us, FAKE_START_US + 1050);
}

static void who_may_bind(void **state)
{
    struct stage *st = *state;
    struct addr   local;

    assert_int_equal(listen_at(&st->extra, fake_net(st->a, 0), "192.0.2.1:5060", false), ERR_BUSY);
    assert_int_equal(listen_at(&st->extra, fake_net(st->a, 0), "0.0.0.0:5060", true), ERR_BUSY);
    assert_int_equal(listen_at(&st->extra, fake_net(st->a, 0), "192.0.2.2:9", false), ERR_INVALID);
    assert_int_equal(listen_at(&st->extra, fake_net(st->a, 0), "[2001:db8::1]:5060", false), ERR_OK);
    net_udp_close(st->extra.net, st->extra.u);
    assert_int_equal(listen_at(&st->extra, fake_net(st->a, 0), "192.0.2.1", false), ERR_OK);
    net_udp_local(st->extra.net, st->extra.u, &local);
    assert_true(local.port >= 49152);
    assert_int_equal(net_udp_send(st->extra.net, st->extra.u, &(struct addr){ADDR_IP4, 0, 0, {1}}, S("x")), ERR_INVALID);
    net_udp_close(st->extra.net, st->extra.u);
    net_udp_close(st->extra.net, NULL);
}

static unsigned always_second(void *ctx, const struct addr *from, const struct addr *to, struct slice octets, unsigned n)
{
    (void)ctx;
    (void)from;
    (void)to;
    assert_int_equal(octets.n, sizeof(unsigned));
    assert_int_equal(n, 2);
    return 1;
}

static void workers_share_an_address(void **state)
{
    struct stage *st = *state;
    struct ear    one = {0}, two = {0};
    struct ear   *sender = &st->at_a;

    assert_int_equal(listen_at(&one, fake_net(st->b, 0), "192.0.2.2:5070", true), ERR_OK);
    assert_int_equal(listen_at(&two, fake_net(st->b, 1), "192.0.2.2:5070", true), ERR_OK);
    for (unsigned i = 0; i < 10; i++)
        send_value(sender, "192.0.2.2:5070", i);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(one.n + two.n, 10);
    assert_true(one.n == 0 || two.n == 0); /* one sender, one worker */
    one.n = two.n = 0;
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(listen_at(&st->extra, fake_net(st->a, 0), "192.0.2.1", false), ERR_OK);
        send_value(&st->extra, "192.0.2.2:5070", i);
        net_udp_close(st->extra.net, st->extra.u);
    }
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_in_range(one.n, 10, 40);
    assert_int_equal(one.n + two.n, 50);
    one.n = two.n = 0;
    fake_set_chooser(st->w, always_second, NULL);
    send_value(sender, "192.0.2.2:5070", 1);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(one.n, 0);
    assert_int_equal(two.n, 1);
}

static void a_machine_that_is_down_is_silent_and_comes_back_empty(void **state)
{
    struct stage      *st = *state;
    struct fake_counts c;

    send_value(&st->at_a, "192.0.2.2:5060", 1);
    fake_down(st->b);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_b.n, 0);
    assert_int_equal(st->at_a.errors, 0);
    assert_int_equal(net_udp_send(st->at_b.net, st->at_b.u, &(struct addr){ADDR_IP4, 5060, 0, {192, 0, 2, 1}}, S("x")),
                     ERR_CLOSED);
    assert_int_equal(listen_at(&st->extra, fake_net(st->b, 0), "192.0.2.2:5060", false), ERR_CLOSED);
    fake_up(st->b);
    fake_node_counts(st->b, &c);
    assert_int_equal(c.udp, 0);
    send_value(&st->at_a, "192.0.2.2:5060", 1);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_a.errors, 1);
    assert_int_equal(listen_at(&st->at_b, fake_net(st->b, 0), "192.0.2.2:5060", false), ERR_OK);
    send_value(&st->at_a, "192.0.2.2:5060", 1);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_b.n, 1);
}

static uint64_t takes_2_ms(void *ctx)
{
    ++*(unsigned *)ctx;
    return 2000;
}

/* Four at once and room for two: one is told at once, the next when that is done with, the others are lost. */
static void a_slow_machine_lets_datagrams_wait(void **state)
{
    struct stage *st = *state;
    unsigned      asked = 0;

    fake_set_slow(st->b, takes_2_ms, &asked, 2);
    for (unsigned i = 0; i < 4; i++)
        send_value(&st->at_a, "192.0.2.2:5060", i);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_b.n, 2);
    assert_int_equal(st->lost, 2);
    assert_int_equal(asked, 2);
    assert_int_equal(st->at_b.heard[1].at_us - st->at_b.heard[0].at_us, 2000);
    assert_int_equal(st->at_b.heard[0].waited_us, 0);
    assert_int_equal(st->at_b.heard[1].waited_us, 2000);
    send_value(&st->at_a, "192.0.2.2:5060", 4);
    send_value(&st->at_a, "192.0.2.2:5060", 5);
    fake_run_until(st->w, fake_now_us(st->w) + 2500); /* it is still at the second one, and then tells the next */
    fake_down(st->b);
    assert_true(fake_idle_until(st->w, UINT64_MAX));
    assert_int_equal(st->at_b.n, 3); /* what waited when it died is lost */
    assert_int_equal(st->lost, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_datagram_arrives_after_the_delay, begin, end),
        cmocka_unit_test_setup_teardown(nobody_there_is_told_where_a_machine_runs, begin, end),
        cmocka_unit_test_setup_teardown(chance_loses_doubles_and_reorders, begin, end),
        cmocka_unit_test_setup_teardown(jitter_and_its_bounds, begin, end),
        cmocka_unit_test_setup_teardown(a_link_of_its_own_and_back, begin, end),
        cmocka_unit_test_setup_teardown(cuts_part_sets_until_healed, begin, end),
        cmocka_unit_test_setup_teardown(an_answer_leaves_from_the_address_that_was_hit, begin, end),
        cmocka_unit_test_setup_teardown(what_does_not_leave_is_told_later, begin, end),
        cmocka_unit_test_setup_teardown(a_filter_decides_first, begin, end),
        cmocka_unit_test_setup_teardown(who_may_bind, begin, end),
        cmocka_unit_test_setup_teardown(workers_share_an_address, begin, end),
        cmocka_unit_test_setup_teardown(a_machine_that_is_down_is_silent_and_comes_back_empty, begin, end),
        cmocka_unit_test_setup_teardown(a_slow_machine_lets_datagrams_wait, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
