/* world_test.c - the clock, timers, posts, names, and that a run can be repeated. */
#include "net/fake/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "sys/heap.h"
#include "sys/random.h"

struct stage {
    struct heap_counted heap;
    struct fake        *w;
    struct fake_node   *a;
    struct net         *net;
    unsigned            order[64];
    size_t              n;
};

static struct stage st;

static int begin(void **state)
{
    struct fake_config config = {.mem = &st.heap.mem, .seed = 9, .post_jitter_us = 0};

    (void)state;
    memset(&st, 0, sizeof st);
    heap_counted_init(&st.heap, NULL, 0);
    assert_int_equal(fake_open(&config, &st.w), ERR_OK);
    assert_int_equal(fake_add_node(st.w, "192.0.2.1 127.0.0.1", 2, &st.a), ERR_OK);
    st.net = fake_net(st.a, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_close(st.w);
    assert_int_equal(st.heap.octets, 0);
    return 0;
}

static void note(void *arg)
{
    assert_true(st.n < 64);
    st.order[st.n++] = (unsigned)(uintptr_t)arg;
}

static void timers_fire_in_order_and_once(void **state)
{
    struct net_timer   t[5] = {{0}};
    struct fake_counts c;

    (void)state;
    for (uintptr_t i = 0; i < 5; i++)
        t[i] = (struct net_timer){.fire = note, .arg = (void *)i};
    net_timer_set(st.net, &t[0], FAKE_START_US + 50);
    net_timer_set(st.net, &t[1], FAKE_START_US + 10);
    net_timer_set(st.net, &t[2], FAKE_START_US + 10);
    net_timer_set(st.net, &t[3], 0); /* in the past: now */
    net_timer_set(st.net, &t[4], FAKE_START_US + 20);
    net_timer_set(st.net, &t[1], FAKE_START_US + 60); /* moved */
    net_timer_cancel(st.net, &t[4]);
    net_timer_cancel(st.net, &t[4]);
    fake_node_counts(st.a, &c);
    assert_int_equal(c.timers, 4);
    assert_int_equal(fake_next_us(st.w), FAKE_START_US);
    fake_run_until(st.w, FAKE_START_US + 9);
    assert_int_equal(st.n, 1);
    assert_int_equal(net_now_us(st.net), FAKE_START_US + 9);
    assert_true(fake_idle_until(st.w, UINT64_MAX));
    assert_int_equal(st.n, 4);
    assert_int_equal(st.order[0], 3);
    assert_int_equal(st.order[1], 2);
    assert_int_equal(st.order[2], 0);
    assert_int_equal(st.order[3], 1);
    assert_int_equal(net_now_us(st.net), FAKE_START_US + 60);
    fake_node_counts(st.a, &c);
    assert_int_equal(c.timers, 0);
    assert_false(fake_step(st.w));
}

static void posts_come_later_and_in_order(void **state)
{
    struct net *other = fake_net(st.a, 1);

    (void)state;
    assert_null(fake_net(st.a, 2));
    for (uintptr_t i = 0; i < 5; i++)
        net_post(other, note, (void *)i);
    assert_int_equal(st.n, 0);
    assert_true(fake_idle_until(st.w, UINT64_MAX));
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(st.order[i], i);
}

static void posts_with_jitter_keep_their_order(void **state)
{
    struct fake_config config = {.mem = &st.heap.mem, .seed = 3, .post_jitter_us = 1000};
    struct fake_node  *n;
    struct fake       *w;

    (void)state;
    assert_int_equal(fake_open(&config, &w), ERR_OK);
    assert_int_equal(fake_add_node(w, "192.0.2.1", 1, &n), ERR_OK);
    for (uintptr_t i = 0; i < 20; i++)
        net_post(fake_net(n, 0), note, (void *)i);
    assert_true(fake_idle_until(w, UINT64_MAX));
    assert_in_range(fake_now_us(w), FAKE_START_US + 100, FAKE_START_US + 1000);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(st.order[i], i);
    fake_close(w);
}

static void on_no_answer(void *arg, enum err e, const struct net_record *r, size_t n)
{
    (void)arg;
    (void)e;
    (void)r;
    (void)n;
    fail();
}

static void a_dead_machine_runs_nothing(void **state)
{
    struct net_timer    t = {.fire = note}, later = {.fire = note};
    struct net_question q = {.done = on_no_answer};
    struct fake_counts  c;

    (void)state;
    assert_int_equal(net_resolve(st.net, &q, NET_A, S("host.example.com")), ERR_OK);
    net_timer_set(st.net, &t, FAKE_START_US + 10);
    net_post(st.net, note, NULL);
    fake_down(st.a);
    net_timer_set(st.net, &later, FAKE_START_US + 10);
    net_timer_cancel(st.net, &t);
    net_resolve_cancel(st.net, &q);
    assert_int_equal(net_resolve(st.net, &q, NET_A, S("host.example.com")), ERR_CLOSED);
    assert_true(fake_idle_until(st.w, UINT64_MAX));
    assert_int_equal(st.n, 0);
    fake_up(st.a);
    fake_node_counts(st.a, &c);
    assert_int_equal(c.timers + c.posts + c.questions, 0);
    net_timer_set(st.net, &later, FAKE_START_US + 20);
    assert_true(fake_idle_until(st.w, UINT64_MAX));
    assert_int_equal(st.n, 1);
}

static bool three_noted(void *ctx)
{
    (void)ctx;
    return st.n == 3;
}

static void a_run_stops_where_it_is_told(void **state)
{
    struct net_timer t[5] = {{0}};

    (void)state;
    for (uintptr_t i = 0; i < 5; i++) {
        t[i] = (struct net_timer){.fire = note, .arg = (void *)i};
        net_timer_set(st.net, &t[i], FAKE_START_US + 10 * (i + 1));
    }
    assert_true(fake_run_until_done(st.w, UINT64_MAX, three_noted, NULL));
    assert_int_equal(fake_now_us(st.w), FAKE_START_US + 30);
    assert_false(fake_idle_until(st.w, FAKE_START_US + 45));
    assert_int_equal(fake_now_us(st.w), FAKE_START_US + 45);
    for (int i = 0; i < 5; i++)
        net_timer_cancel(st.net, &t[i]);
    assert_false(fake_run_until_done(st.w, FAKE_START_US + 99, three_noted, NULL));
    assert_int_equal(fake_now_us(st.w), FAKE_START_US + 99);
}

static void the_wall_clock_jumps_alone(void **state)
{
    uint64_t wall = net_wall_us(st.net), now = net_now_us(st.net);

    (void)state;
    fake_run_until(st.w, FAKE_START_US + 500);
    assert_int_equal(net_wall_us(st.net), wall + 500);
    fake_wall_jump(st.a, -3600000000);
    assert_int_equal(net_wall_us(st.net), wall + 500 - 3600000000);
    assert_int_equal(net_now_us(st.net), now + 500);
}

static void nodes_have_addresses_of_their_own(void **state)
{
    struct fake_node *n = NULL;
    struct addr       to, from;

    (void)state;
    assert_int_equal(fake_add_node(st.w, "192.0.2.7 192.0.2.1", 1, &n), ERR_EXISTS);
    assert_int_equal(fake_add_node(st.w, "a.name", 1, &n), ERR_SYNTAX);
    assert_int_equal(fake_add_node(st.w, "0.0.0.0", 1, &n), ERR_SYNTAX);
    assert_int_equal(fake_add_node(st.w, "192.0.2.7", 0, &n), ERR_LIMIT);
    assert_int_equal(fake_add_node(st.w, "192.0.2.7", 1, &n), ERR_OK); /* what failed took nothing */
    assert_int_equal(addr_parse(S("192.0.2.7:5"), &to), ERR_OK);
    assert_int_equal(net_source_for(st.net, &to, &from), ERR_OK);
    assert_true(addr_eq(&from, &(struct addr){ADDR_IP4, 0, 0, {192, 0, 2, 1}}));
    assert_int_equal(addr_parse(S("127.0.0.1:5"), &to), ERR_OK);
    assert_int_equal(net_source_for(st.net, &to, &from), ERR_OK);
    assert_true(addr_is_loopback(&from));
    assert_int_equal(addr_parse(S("[2001:db8::1]:5"), &to), ERR_OK);
    assert_int_equal(net_source_for(st.net, &to, &from), ERR_INVALID);
    assert_int_equal(net_watch_fd(st.net, 0, note, NULL), ERR_UNSUPPORTED);
}

/* ---- names ---- */

struct answer {
    unsigned          told;
    enum err          e;
    size_t            n;
    struct net_record r[4];
    char              text[64];
    uint64_t          at_us;
};

static void on_answer(void *arg, enum err e, const struct net_record *r, size_t n)
{
    struct answer *a = arg;

    assert_true(n <= 4);
    a->told++;
    a->e = e;
    a->n = n;
    a->at_us = net_now_us(st.net);
    for (size_t i = 0; i < n; i++)
        a->r[i] = r[i];
    if (n && r[0].target.n) {
        assert_true(r[0].target.n < sizeof a->text);
        memcpy(a->text, r[0].target.p, r[0].target.n);
    }
}

static struct answer ask(enum net_query q, const char *name)
{
    struct answer       a = {0};
    struct net_question asked = {.done = on_answer, .arg = &a};

    assert_int_equal(net_resolve(st.net, &asked, q, slice_z(name)), ERR_OK);
    assert_int_equal(a.told, 0);
    assert_true(fake_idle_until(st.w, UINT64_MAX));
    assert_int_equal(a.told, 1);
    return a;
}

static void a_question_that_is_cancelled_is_not_answered(void **state)
{
    struct net_question q = {.done = on_no_answer}, other = {.done = on_no_answer};
    struct answer       a = {0};
    struct fake_counts  c;

    (void)state;
    fake_add_address(st.w, S("host.example.com"), S("192.0.2.5"));
    net_resolve_cancel(st.net, &q); /* not asked yet */
    assert_int_equal(net_resolve(st.net, &q, NET_A, S("host.example.com")), ERR_OK);
    assert_int_equal(net_resolve(st.net, &other, NET_A, S("host.example.com")), ERR_OK);
    net_resolve_cancel(st.net, &q);
    fake_node_counts(st.a, &c);
    assert_int_equal(c.questions, 1);
    net_resolve_cancel(st.net, &other);
    q = (struct net_question){.done = on_answer, .arg = &a};
    assert_int_equal(net_resolve(st.net, &q, NET_A, S("host.example.com")), ERR_OK);
    assert_true(fake_idle_until(st.w, UINT64_MAX));
    assert_int_equal(a.told, 1);
    assert_int_equal(a.n, 1);
    net_resolve_cancel(st.net, &q); /* answered */
}

static void names_of_all_four_kinds(void **state)
{
    struct net_record naptr = {.type = NET_NAPTR,
                               .ttl_s = 5,
                               .priority = 10,
                               .weight = 50,
                               .flags = S("s"),
                               .service = S("SIP+D2U"),
                               .target = S("_sip._udp.example.com.")};
    struct answer     a;

    (void)state;
    fake_add_address(st.w, S("host.example.com"), S("192.0.2.5"));
    fake_add_address(st.w, S("HOST.example.com."), S("192.0.2.6"));
    fake_add_address(st.w, S("host.example.com"), S("2001:db8::5"));
    fake_add_srv(st.w, S("_sip._udp.example.com"), S("host.example.com"), 5070, 1, 20);
    fake_add_record(st.w, S("example.com"), &naptr);
    a = ask(NET_A, "Host.Example.Com.");
    assert_int_equal(a.e, ERR_OK);
    assert_int_equal(a.n, 2);
    assert_int_equal(a.r[0].addr.ip[3], 5);
    assert_int_equal(a.r[1].addr.ip[3], 6);
    assert_int_equal(a.r[0].ttl_s, 60);
    assert_int_equal(a.at_us, FAKE_START_US + 1000);
    a = ask(NET_AAAA, "host.example.com");
    assert_int_equal(a.n, 1);
    assert_int_equal(a.r[0].addr.family, ADDR_IP6);
    a = ask(NET_SRV, "_sip._udp.example.com");
    assert_string_equal(a.text, "host.example.com");
    assert_int_equal(a.r[0].port, 5070);
    assert_int_equal(a.r[0].priority, 1);
    assert_int_equal(a.r[0].weight, 20);
    a = ask(NET_NAPTR, "example.com");
    assert_string_equal(a.text, "_sip._udp.example.com");
    assert_int_equal(a.r[0].weight, 50);
}

static void names_that_are_not_there(void **state)
{
    struct answer a;

    (void)state;
    fake_add_address(st.w, S("host.example.com"), S("192.0.2.5"));
    assert_int_equal(ask(NET_SRV, "host.example.com").e, ERR_NOTFOUND);
    assert_int_equal(ask(NET_A, "other.example.com").e, ERR_NOTFOUND);
    fake_remove_name(st.w, S("host.example.com"));
    assert_int_equal(ask(NET_A, "host.example.com").e, ERR_NOTFOUND);
    fake_set_names(st.w, 20000, false);
    a = ask(NET_A, "host.example.com");
    assert_int_equal(a.e, ERR_TIMEOUT);
    assert_int_equal(a.n, 0);
}

/* ---- the same seed, the same run ---- */

#define TALKERS 12

struct talker {
    struct net      *net;
    struct net_udp  *u;
    struct net_tcp  *t;
    struct net_timer timer;
    struct talker   *all;
    struct random    random;
    unsigned         rounds;
};

static void talk(void *arg)
{
    struct talker *k = arg;
    char           octets[300];
    size_t         n = 1 + (size_t)rng_below(&k->random.rng, sizeof octets - 1);
    struct addr    to;

    rng_fill(&k->random.rng, octets, n);
    net_udp_local(k->net, k->all[rng_below(&k->random.rng, TALKERS)].u, &to);
    net_udp_send(k->net, k->u, &to, (struct slice){octets, n});
    if (k->t)
        net_tcp_send(k->net, k->t, (struct slice){octets, n});
    if (k->rounds-- > 0)
        net_timer_set(k->net, &k->timer, net_now_us(k->net) + rng_below(&k->random.rng, 20000));
}

static void answer_some(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct talker *k = arg;

    (void)to;
    if (octets.n % 3 == 0)
        net_udp_send(k->net, u, from, slice_from(octets, 1));
}

static void echo(void *arg, struct net_tcp *t, struct slice octets)
{
    struct talker *k = arg;

    if (octets.n % 4 == 0)
        net_tcp_send(k->net, t, slice_from(octets, 2));
}

static void gone(void *arg, struct net_tcp *t, enum err why)
{
    struct talker *k = arg;

    (void)why;
    if (k->t == t)
        k->t = NULL;
    net_tcp_close(k->net, t);
}

static const struct net_tcp_on on_stream = {.octets = echo, .closed = gone};
static const struct net_udp_on on_datagram = {.octets = answer_some};

static void take(void *arg, struct net_listener *l, struct net_tcp *t)
{
    (void)l;
    net_tcp_attach(((struct talker *)arg)->net, t, &on_stream, arg);
}

static const struct net_listener_on on_listener = {take, NULL};

static uint64_t told;

static void hash_seen(void *ctx, const struct fake_seen *s)
{
    struct hash_key *key = ctx;
    char             head[128];
    struct buf       b = BUF_ON(head);

    buf_putu(&b, s->at_us);
    buf_putu(&b, s->number);
    buf_putu(&b, (uint64_t)s->fate);
    buf_putu(&b, s->offset);
    addr_put(&b, &s->from);
    addr_put(&b, &s->to);
    assert_int_equal(buf_err(&b), ERR_OK);
    key->k0 = hash_octets(key, buf_slice(&b));
    key->k1 = hash_octets(key, s->octets);
    told++;
}

static void seat(struct fake *w, struct talker *all, unsigned i)
{
    struct talker          *k = &all[i];
    char                    text[16];
    struct buf              b = BUF_ON(text);
    struct net_udp_options  o = {.local = {ADDR_IP4, 5060, 0, {10, 0, 0, (uint8_t)(i + 1)}}};
    struct net_listener    *l;
    struct fake_node       *n;

    buf_put(&b, S("10.0.0."));
    buf_putu(&b, i + 1);
    buf_putc(&b, '\0');
    assert_int_equal(fake_add_node(w, text, 1, &n), ERR_OK);
    k->net = fake_net(n, 0);
    k->all = all;
    k->rounds = 200;
    random_seed(&k->random, i);
    assert_int_equal(net_udp_open(k->net, &o, &on_datagram, k, &k->u), ERR_OK);
    assert_int_equal(net_tcp_listen(k->net, &o.local, false, &on_listener, k, &l), ERR_OK);
    k->timer = (struct net_timer){.fire = talk, .arg = k};
    net_timer_set(k->net, &k->timer, FAKE_START_US + i);
}

static uint64_t run_of(uint64_t seed)
{
    static struct talker all[TALKERS];
    struct fake_link     l = {1000, 5000, 50000, 20000, 20000, 9000, 250, 64};
    struct fake_config   config = {.mem = &st.heap.mem, .seed = seed};
    struct hash_key      key = {1, 2};
    struct addr          first = {ADDR_IP4, 5060, 0, {10, 0, 0, 1}};
    struct fake         *w;

    memset(all, 0, sizeof all);
    assert_int_equal(fake_open(&config, &w), ERR_OK);
    fake_set_link(w, &l);
    fake_observe(w, hash_seen, &key);
    for (unsigned i = 0; i < TALKERS; i++)
        seat(w, all, i);
    for (unsigned i = 1; i < TALKERS; i++)
        assert_int_equal(net_tcp_connect(all[i].net, NULL, &first, 3000, &on_stream, &all[i], &all[i].t), ERR_OK);
    fake_run_until(w, FAKE_START_US + 1000000);
    fake_cut(w, &first, 1, NULL, 0);
    fake_run_until(w, FAKE_START_US + 2000000);
    fake_heal(w);
    assert_true(fake_idle_until(w, FAKE_START_US + 1000000000));
    fake_close(w);
    return key.k0 ^ key.k1;
}

static void the_same_seed_gives_the_same_run(void **state)
{
    uint64_t one, n;

    (void)state;
    told = 0;
    one = run_of(7);
    n = told;
    assert_true(n > 10000);
    assert_int_equal(run_of(7), one);
    assert_int_equal(told, 2 * n);
    assert_true(run_of(8) != one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_in_order_and_once, begin, end),
        cmocka_unit_test_setup_teardown(posts_come_later_and_in_order, begin, end),
        cmocka_unit_test_setup_teardown(posts_with_jitter_keep_their_order, begin, end),
        cmocka_unit_test_setup_teardown(a_dead_machine_runs_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_run_stops_where_it_is_told, begin, end),
        cmocka_unit_test_setup_teardown(the_wall_clock_jumps_alone, begin, end),
        cmocka_unit_test_setup_teardown(nodes_have_addresses_of_their_own, begin, end),
        cmocka_unit_test_setup_teardown(a_question_that_is_cancelled_is_not_answered, begin, end),
        cmocka_unit_test_setup_teardown(names_of_all_four_kinds, begin, end),
        cmocka_unit_test_setup_teardown(names_that_are_not_there, begin, end),
        cmocka_unit_test_setup_teardown(the_same_seed_gives_the_same_run, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
