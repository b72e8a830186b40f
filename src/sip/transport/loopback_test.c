/* loopback_test.c - the same door on real sockets: one worker, loopback, ports that the system picks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sip/transport/transport.h"
#include "sys/cert.h"
#include "sys/clock.h"
#include "sys/heap.h"
#include "sys/random.h"

#define REQUEST "OPTIONS sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport\r\nCall-ID: a\r\nContent-Length: 0\r\n\r\n"
#define ANSWER "SIP/2.0 200 OK\r\nCall-ID: a\r\nContent-Length: 0\r\n\r\n"

enum { GIVE_UP_US = 10 * 1000 * 1000 };

struct world {
    struct heap_counted heap;
    struct random       rng;
    struct net         *net;
    struct transport   *tp;
    struct net_timer    late;
    struct addr         udp, tcp, secure;
    struct net_tls     *tls;
    unsigned            requests, answers, lost;
    bool                gave_up;
    struct flow         lost_flow, from;
    struct addr         answered_by;
    unsigned            stop_at_answers, stop_at_lost;
};

static void on_late(void *arg)
{
    struct world *w = arg;

    w->gave_up = true;
    net_real_stop(w->net);
}

/* Requests are answered, answers are counted. */
static void on_message(void *arg, struct transport *tp, const struct flow *from, struct slice octets)
{
    struct world *w = arg;
    struct via    v;
    struct flow   back;

    if (slice_eq(octets, S(ANSWER))) {
        w->answered_by = from->remote;
        if (++w->answers == w->stop_at_answers)
            net_real_stop(w->net);
        return;
    }
    assert_true(slice_eq(octets, S(REQUEST)));
    w->requests++;
    w->from = *from;
    assert_int_equal(via_parse(S("SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKa"), &v), ERR_OK);
    assert_int_equal(flow_for_response(tp, from, &v, &back), ERR_OK);
    assert_true(flow_eq(from, &back));
    assert_int_equal(flow_send(tp, &back, S(ANSWER)), ERR_OK);
}

static void on_lost(void *arg, struct transport *tp, const struct flow *flow, enum err why)
{
    struct world *w = arg;

    (void)tp;
    (void)why;
    w->lost++;
    w->lost_flow = *flow;
    if (w->lost == w->stop_at_lost)
        net_real_stop(w->net);
}

static const struct transport_on on = {.message = on_message, .lost = on_lost};

static void listen_on(struct world *w, enum transport_kind kind, const char *ip, struct addr *local)
{
    struct transport_listen l = {.kind = kind, .tls = kind == TRANSPORT_TLS ? w->tls : NULL};
    enum transport_kind     k;
    uint8_t                 index;

    assert_int_equal(addr_parse(slice_z(ip), &l.local), ERR_OK);
    assert_int_equal(transport_listen(w->tp, &l, &index), ERR_OK);
    transport_listener_local(w->tp, index, &k, local);
    assert_int_equal(k, kind);
    assert_int_not_equal(local->port, 0);
}

/* Its own certificate, which it takes from others too. */
static struct net_tls *keys(struct world *w)
{
    char                  chain[CERT_MAX_PEM], key[CERT_MAX_PEM];
    struct buf            b[2] = {BUF_ON(chain), BUF_ON(key)};
    struct cert           c = {.name = "a test", .names = "IP:127.0.0.1", .from_s = clock_wall_us() / 1000000 - 60, .days = 1};
    struct net_tls_config config;
    enum net_tls_part     wrong;
    struct net_tls       *tls;

    assert_int_equal(cert_make(&c, &b[0], &b[1]), ERR_OK);
    config = (struct net_tls_config){.chain = buf_slice(&b[0]), .key = buf_slice(&b[1]), .trust = buf_slice(&b[0])};
    assert_int_equal(net_tls_open(w->net, &config, &wrong, &tls), ERR_OK);
    return tls;
}

static void begin(struct world *w, const char *ip)
{
    struct transport_config c = {.mem = &w->heap.mem, .rng = &w->rng.rng, .n_workers = 1, .on = &on, .arg = w};

    memset(w, 0, sizeof *w);
    heap_counted_init(&w->heap, NULL, 0);
    random_seed(&w->rng, 1);
    assert_int_equal(net_real_open(&w->heap.mem, &w->net), ERR_OK);
    c.net = w->net;
    assert_int_equal(transport_open(&c, &w->tp), ERR_OK);
    listen_on(w, TRANSPORT_UDP, ip, &w->udp);
    listen_on(w, TRANSPORT_TCP, ip, &w->tcp);
    w->tls = keys(w);
    listen_on(w, TRANSPORT_TLS, ip, &w->secure);
    w->late.fire = on_late;
    w->late.arg = w;
    net_timer_set(w->net, &w->late, net_now_us(w->net) + GIVE_UP_US);
}

static void end(struct world *w)
{
    assert_false(w->gave_up);
    net_timer_cancel(w->net, &w->late);
    transport_close(w->tp);
    net_tls_close(w->net, w->tls);
    net_real_close(w->net);
    assert_int_equal(w->heap.octets, 0);
}

static void a_request_and_its_answer(const char *ip, enum transport_kind kind)
{
    static struct world w;
    struct flow         f;

    begin(&w, ip);
    w.stop_at_answers = 3;
    assert_int_equal(flow_to(w.tp, kind, kind == TRANSPORT_UDP ? &w.udp : kind == TRANSPORT_TCP ? &w.tcp : &w.secure, &f), ERR_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(flow_send(w.tp, &f, S(REQUEST)), ERR_OK);
    net_real_run(w.net);
    assert_int_equal(w.requests, 3);
    assert_int_equal(w.answers, 3);
    assert_int_equal(w.lost, 0);
    end(&w);
}

static void udp_ip4(void **state)
{
    (void)state;
    a_request_and_its_answer("127.0.0.1", TRANSPORT_UDP);
}

static void tcp_ip4(void **state)
{
    (void)state;
    a_request_and_its_answer("127.0.0.1", TRANSPORT_TCP);
}

static void tls_ip4(void **state)
{
    (void)state;
    a_request_and_its_answer("127.0.0.1", TRANSPORT_TLS);
}

static void by_a_wildcard_listener(void **state)
{
    static struct world w;
    struct flow         f;
    char                block[ADDR_MAX_TEXT];
    struct buf          b = BUF_ON(block);

    (void)state;
    begin(&w, "0.0.0.0");
    w.stop_at_answers = 1;
    assert_int_equal(addr_parse_ip(S("127.0.0.1"), &f.remote), ERR_OK);
    f.remote.port = w.tcp.port;
    assert_int_equal(flow_to(w.tp, TRANSPORT_TCP, &f.remote, &f), ERR_OK);
    flow_put_sent_by(w.tp, &f, &b);
    assert_true(slice_starts(buf_slice(&b), S("127.0.0.1:")));
    assert_int_equal(flow_send(w.tp, &f, S(REQUEST)), ERR_OK);
    net_real_run(w.net);
    assert_int_equal(w.answers, 1);
    end(&w);
}

/* One socket for any address, asked at 127.0.0.5 and 127.0.0.1: its answers come from there, and its flows say so. */
static void an_answer_leaves_from_the_address_that_was_hit(void **state)
{
    static const char *const hit[] = {"127.0.0.5", "127.0.0.1"};
    static struct world      w;
    struct flow              f;
    struct addr              to, local;

    (void)state;
    begin(&w, "0.0.0.0");
    listen_on(&w, TRANSPORT_UDP, "127.0.0.7", &local); /* it asks, being the one that fits best */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(addr_parse_ip(slice_z(hit[i]), &to), ERR_OK);
        to.port = w.udp.port;
        w.stop_at_answers = i + 1;
        assert_int_equal(flow_to(w.tp, TRANSPORT_UDP, &to, &f), ERR_OK);
        assert_int_equal(flow_send(w.tp, &f, S(REQUEST)), ERR_OK);
        net_real_run(w.net);
        assert_true(addr_eq(&w.answered_by, &to));
        flow_local(w.tp, &w.from, &local);
        assert_true(addr_eq(&local, &to));
    }
    end(&w);
}

/* The same for a connection: what it is called by is where it was accepted. */
static void a_connection_is_called_by_the_address_that_was_hit(void **state)
{
    static struct world w;
    struct flow         f;
    struct addr         to, local;
    char                block[ADDR_MAX_TEXT], want[ADDR_MAX_TEXT];
    struct buf          b = BUF_ON(block), wanted = BUF_ON(want);

    (void)state;
    begin(&w, "0.0.0.0");
    assert_int_equal(addr_parse_ip(S("127.0.0.5"), &to), ERR_OK);
    to.port = w.tcp.port;
    w.stop_at_answers = 1;
    assert_int_equal(flow_to(w.tp, TRANSPORT_TCP, &to, &f), ERR_OK);
    assert_int_equal(flow_send(w.tp, &f, S(REQUEST)), ERR_OK);
    net_real_run(w.net);
    flow_local(w.tp, &w.from, &local);
    assert_true(addr_eq(&local, &to));
    flow_put_sent_by(w.tp, &w.from, &b);
    addr_put(&wanted, &to);
    assert_true(slice_eq(buf_slice(&b), buf_slice(&wanted)));
    flow_local(w.tp, &f, &local);
    assert_true(addr_eq(&local, &w.from.remote));
    end(&w);
}

/* Whoever connects to where nobody listens is told, by either transport. */
static void a_closed_port_is_told(void **state)
{
    static struct world w;
    struct addr         gone;
    struct transport   *tp;
    struct flow         udp, tcp;

    (void)state;
    begin(&w, "127.0.0.1");
    tp = w.tp;
    gone = w.udp;
    gone.port = 1; /* nothing of a test machine listens there */
    w.stop_at_lost = 2;
    assert_int_equal(flow_to(tp, TRANSPORT_UDP, &gone, &udp), ERR_OK);
    assert_int_equal(flow_to(tp, TRANSPORT_TCP, &gone, &tcp), ERR_OK);
    assert_int_equal(flow_send(tp, &udp, S(REQUEST)), ERR_OK);
    assert_int_equal(flow_send(tp, &tcp, S(REQUEST)), ERR_OK);
    net_real_run(w.net);
    assert_int_equal(w.lost, 2);
    assert_int_equal(flow_send(tp, &tcp, S(REQUEST)), ERR_CLOSED);
    end(&w);
}

static void our_own_addresses_by_the_real_routes(void **state)
{
    static struct world w;
    struct addr         a;

    (void)state;
    begin(&w, "0.0.0.0");
    assert_int_equal(addr_parse(S("127.0.0.10:0"), &a), ERR_OK);
    a.port = w.udp.port;
    assert_true(transport_is_local(w.tp, TRANSPORT_UDP, &a));
    assert_int_equal(addr_parse(S("192.0.2.55:0"), &a), ERR_OK);
    a.port = w.udp.port;
    assert_false(transport_is_local(w.tp, TRANSPORT_UDP, &a));
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(udp_ip4),
        cmocka_unit_test(tcp_ip4),
        cmocka_unit_test(tls_ip4),
        cmocka_unit_test(by_a_wildcard_listener),
        cmocka_unit_test(an_answer_leaves_from_the_address_that_was_hit),
        cmocka_unit_test(a_connection_is_called_by_the_address_that_was_hit),
        cmocka_unit_test(a_closed_port_is_told),
        cmocka_unit_test(our_own_addresses_by_the_real_routes),
    };

    return cmocka_run_group_tests_name("sip/transport/loopback", tests, NULL, NULL);
}
