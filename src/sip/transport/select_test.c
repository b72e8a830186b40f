/* select_test.c - datagrams, listeners, what is written about a flow, and where a response goes (RFC 3261 §18.2, RFC 3581
 * §4). */
#include "net/fake/fake.h"
#include "sip/transport/stage_priv.h"

#include "record/record.h"

#define OPTIONS S("OPTIONS sip:192.0.2.1 SIP/2.0\r\nCall-ID: a\r\n\r\n")

static struct via via_of(struct slice element)
{
    struct via v;

    assert_int_equal(via_parse(element, &v), ERR_OK);
    return v;
}

static void assert_sent_by(struct stage *g, const struct flow *f, struct slice want)
{
    char       block[ADDR_MAX_TEXT];
    struct buf b = BUF_ON(block);

    flow_put_sent_by(g->tp[0], f, &b);
    stage_assert_text(buf_slice(&b), want);
}

static void assert_addr(const struct addr *got, const char *want)
{
    char       block[ADDR_MAX_TEXT];
    struct buf b = BUF_ON(block);

    addr_put(&b, got);
    stage_assert_text(buf_slice(&b), slice_z(want));
}

static void a_datagram_is_one_message_and_its_flow_goes_back(void **state)
{
    static struct stage      g;
    static struct stage_wire far;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    stage_far_udp(&g, &far, "192.0.2.9:7000");
    stage_far_send_to(&far, "192.0.2.1:5060", OPTIONS);
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_heard, 1);
    stage_assert_text(stage_heard_text(&g, 0), OPTIONS);
    assert_int_equal(g.heard[0].from.kind, TRANSPORT_UDP);
    assert_addr(&g.heard[0].from.remote, "192.0.2.9:7000");
    assert_int_equal(flow_send(g.tp[0], &g.heard[0].from, S("SIP/2.0 200 OK\r\n\r\n")), ERR_OK);
    stage_run_ms(&g, 10);
    stage_assert_text(stage_wire_text(&far), S("SIP/2.0 200 OK\r\n\r\n"));
    stage_close(&g);
}

static void rfc5626_keep_alive_datagrams_are_not_messages(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct transport_counts  n;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    stage_far_udp(&g, &far, "192.0.2.9:7000");
    stage_far_send_to(&far, "192.0.2.1:5060", S("\r\n\r\n"));
    stage_far_send_to(&far, "192.0.2.1:5060", S("\0\0\0\0"));
    stage_far_send_to(&far, "192.0.2.1:5060", S("\r\n"));
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_heard, 0);
    transport_counts(g.tp[0], &n);
    assert_int_equal(n.keep_alives, 3);
    assert_int_equal(far.n, 0);
    stage_close(&g);
}

static void icmp_says_that_the_flow_is_lost(void **state)
{
    static struct stage g;
    struct addr         to = stage_addr("192.0.2.9:9999");
    struct flow         f;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_UDP, &to, &f), ERR_OK);
    assert_int_equal(flow_send(g.tp[0], &f, OPTIONS), ERR_OK);
    assert_int_equal(g.n_lost, 0);
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_lost, 1);
    assert_true(flow_eq(&g.lost[0].flow, &f));
    assert_int_equal(g.lost[0].why, ERR_CLOSED);
    stage_close(&g);
}

struct unsent {
    struct stage *g;
    unsigned      n;
    uint64_t      mark;
    struct addr   to;
    char          text[100];
    size_t        text_n;
    enum err      why;
};

static struct unsent unsent;

static void on_unsent(void *arg, struct transport *tp, const struct addr *to, struct slice octets, uint64_t mark, enum err why)
{
    struct stage *g = arg;

    assert_ptr_equal(tp, g->tp[0]);
    assert_true(octets.n <= sizeof unsent.text);
    unsent.n++;
    unsent.mark = mark;
    unsent.to = *to;
    unsent.why = why;
    memcpy(unsent.text, octets.p, unsent.text_n = octets.n);
}

static enum err says(void *ctx, const struct addr *to)
{
    (void)to;
    return *(enum err *)ctx;
}

static void on_hops(void *arg, struct transport *tp, enum err e, const struct transport_hop *hops, size_t n)
{
    (void)tp;
    assert_int_equal(e, ERR_OK);
    assert_int_equal(n, 2);
    *(uint8_t *)arg = hops[0].addr.ip[3];
}

/* A datagram that the machine does not let out: told later, with its mark. Its host is put last, unless the queue was full. */
static void what_does_not_leave_is_told_with_its_mark(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    static const enum err    whys[] = {ERR_AGAIN, ERR_IO};
    struct transport_on      on = stage_on;
    struct addr              to = stage_addr("192.0.2.9:5060");
    struct flow              f;
    struct uri               both;
    enum err                 why;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    stage_far_udp(&g, &far, "192.0.2.9:5060");
    fake_add_address(g.w, S("both.example.com"), S("192.0.2.9"));
    fake_add_address(g.w, S("both.example.com"), S("192.0.2.10"));
    assert_int_equal(uri_parse(S("sip:both.example.com:5060"), &both, NULL), ERR_OK);
    on.unsent = on_unsent;
    g.tp[0]->config.on = &on;
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_UDP, &to, &f), ERR_OK);
    fake_set_bars(g.node, says, &why);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t first = 0;

        why = whys[i];
        memset(&unsent, 0, sizeof unsent);
        assert_int_equal(flow_send_marked(g.tp[0], &f, OPTIONS, 4711), ERR_OK);
        assert_int_equal(unsent.n, 0);
        stage_run_ms(&g, 10);
        assert_int_equal(unsent.n, 1);
        assert_int_equal(unsent.mark, 4711);
        assert_int_equal(unsent.why, why);
        assert_true(addr_eq(&unsent.to, &to));
        stage_assert_text((struct slice){unsent.text, unsent.text_n}, OPTIONS);
        assert_int_equal(transport_resolve(g.tp[0], &both, 500, on_hops, &first), ERR_OK);
        stage_run_ms(&g, 10);
        assert_int_equal(first, why == ERR_AGAIN ? 9 : 10);
    }
    assert_int_equal(g.n_lost, 0);
    why = ERR_OK;
    assert_int_equal(flow_send(g.tp[0], &f, OPTIONS), ERR_OK);
    stage_run_ms(&g, 10);
    stage_assert_text(stage_wire_text(&far), OPTIONS);
    why = ERR_IO;
    g.tp[0]->config.on = &stage_on; /* nobody wants to know */
    assert_int_equal(flow_send(g.tp[0], &f, OPTIONS), ERR_OK);
    stage_run_ms(&g, 10);
    assert_int_equal(unsent.n, 1);
    stage_close(&g);
}

static void limits_of_what_is_sent(void **state)
{
    static struct stage g;
    static char         large[MSG_MAX_OCTETS + 1];
    struct addr         to = stage_addr("192.0.2.9:9999");
    struct flow         f, none = {0};

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_UDP, &to, &f), ERR_OK);
    assert_int_equal(flow_send(g.tp[0], &f, (struct slice){large, sizeof large}), ERR_LIMIT);
    assert_int_equal(flow_send(g.tp[0], &f, (struct slice){large, NET_MAX_DATAGRAM + 1}), ERR_LIMIT);
    assert_int_equal(flow_send(g.tp[0], &none, OPTIONS), ERR_CLOSED);
    f.listener = 7;
    assert_int_equal(flow_send(g.tp[0], &f, OPTIONS), ERR_CLOSED);
    stage_close(&g);
}

static void a_listener_that_fits_is_chosen(void **state)
{
    static const struct {
        const char *to;
        uint8_t     listener;
    } table[] = {
        {"192.0.2.9:5060", 2}, {"127.0.0.1:5070", 1}, {"127.0.0.9:5070", 1}, {"[2001:db8::9]:5060", 3},
    };
    static struct stage g;
    struct addr         away = stage_addr("[fe80::1]:5060");
    struct flow         f;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_UDP, "0.0.0.0:5062", "");
    stage_listen(&g, TRANSPORT_UDP, "127.0.0.1:5060", "");
    stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    stage_listen(&g, TRANSPORT_UDP, "[2001:db8::1]:5060", "");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct addr to = stage_addr(table[i].to);

        assert_int_equal(flow_to(g.tp[0], TRANSPORT_UDP, &to, &f), ERR_OK);
        assert_int_equal(f.listener, table[i].listener);
    }
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_TCP, &away, &f), ERR_UNSUPPORTED);
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_TLS, &away, &f), ERR_UNSUPPORTED);
    stage_close(&g);
}

/* A loopback socket cannot speak with the world, a wildcard one can with both. */
static void loopback_stays_on_loopback(void **state)
{
    static struct stage g;
    struct addr         out = stage_addr("192.0.2.9:5060"), in = stage_addr("127.0.0.5:0");
    struct flow         f;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_UDP, "127.0.0.1:5060", "");
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_UDP, &out, &f), ERR_UNSUPPORTED);
    stage_listen(&g, TRANSPORT_UDP, "0.0.0.0:5062", "");
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_UDP, &out, &f), ERR_OK);
    assert_int_equal(f.listener, 1);
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_UDP, &in, &f), ERR_OK);
    assert_int_equal(f.listener, 0);
    assert_int_equal(f.remote.port, 5060);
    stage_close(&g);
}

static void sent_by_is_where_a_peer_can_reach_us(void **state)
{
    static struct stage g;
    struct flow         f = {.kind = TRANSPORT_UDP, .set = 1, .remote = stage_addr("192.0.2.9:7000")};
    struct addr         local;

    (void)state;
    stage_open(&g, 1);
    f.listener = stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    assert_sent_by(&g, &f, S("192.0.2.1:5060"));
    f.listener = stage_listen(&g, TRANSPORT_UDP, "0.0.0.0:5070", "");
    assert_sent_by(&g, &f, S("192.0.2.1:5070"));
    flow_local(g.tp[0], &f, &local);
    assert_addr(&local, "192.0.2.1:5070");
    f.listener = stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5080", "pbx.example.com");
    assert_sent_by(&g, &f, S("pbx.example.com"));
    flow_local(g.tp[0], &f, &local);
    assert_addr(&local, "192.0.2.1:5080");
    f.listener = stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5090", "pbx.example.com:6000");
    assert_sent_by(&g, &f, S("pbx.example.com:6000"));
    f.listener = stage_listen(&g, TRANSPORT_UDP, "[::]:5060", "");
    f.remote = stage_addr("[2001:db8::9]:7000");
    assert_sent_by(&g, &f, S("[2001:db8::1]:5060"));
    f.listener = 30;
    assert_sent_by(&g, &f, SLICE_NONE);
    stage_close(&g);
}

/* A machine with two addresses and one listener for both: what came to the second is answered from there, its flow names
 * it, and so do sent-by and the token, also after it was kept as octets. */
static void a_wildcard_listener_answers_from_the_address_that_was_hit(void **state)
{
    static const char *const hit[] = {"192.0.2.2:5060", "192.0.2.1:5060"};
    static struct stage      g;
    static struct stage_wire far;
    struct addr              local;
    struct flow              back;

    (void)state;
    stage_open(&g, 2);
    stage_listen(&g, TRANSPORT_UDP, "0.0.0.0:5060", "");
    stage_far_udp(&g, &far, "192.0.2.9:7000");
    for (unsigned i = 0; i < 2; i++) {
        char       block[FLOW_MAX_TOKEN];
        struct buf b = BUF_ON(block);

        g.chosen = i;
        stage_far_send_to(&far, hit[i], OPTIONS);
        stage_run_ms(&g, 10);
        assert_int_equal(g.n_heard, i + 1);
        assert_sent_by(&g, &g.heard[i].from, slice_z(hit[i]));
        flow_local(g.tp[!i], &g.heard[i].from, &local);
        assert_addr(&local, hit[i]);
        flow_put_token(&b, &g.heard[i].from);
        assert_int_equal(flow_parse_token(buf_slice(&b), &back), ERR_OK);
        assert_true(flow_eq(&back, &g.heard[i].from));
        assert_int_equal(flow_send(g.tp[!i], &back, S("SIP/2.0 200 OK\r\n\r\n")), ERR_OK); /* by the other worker */
        stage_run_ms(&g, 10);
        assert_addr(&far.from, hit[i]);
    }
    assert_false(flow_eq(&g.heard[0].from, &g.heard[1].from));
    stage_close(&g);
}

/* What we send first names the address that it leaves from; an address that this machine has no more does not stop it. */
static void a_wildcard_flow_of_ours_names_its_source(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct addr              to = stage_addr("192.0.2.9:7000"), gone = stage_addr("192.0.2.9:9999");
    struct flow              f;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_UDP, "0.0.0.0:5060", "");
    stage_far_udp(&g, &far, "192.0.2.9:7000");
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_UDP, &to, &f), ERR_OK);
    assert_sent_by(&g, &f, S("192.0.2.1:5060"));
    assert_int_equal(f.local[3], 1);
    f.local[3] = 77;
    assert_int_equal(flow_send(g.tp[0], &f, OPTIONS), ERR_OK);
    stage_run_ms(&g, 10);
    assert_addr(&far.from, "192.0.2.1:5060");
    assert_int_equal(flow_to(g.tp[0], TRANSPORT_UDP, &gone, &f), ERR_OK);
    assert_int_equal(flow_send(g.tp[0], &f, OPTIONS), ERR_OK);
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_lost, 1);
    assert_true(flow_eq(&g.lost[0].flow, &f));
    stage_close(&g);
}

static void our_own_addresses_are_known(void **state)
{
    static const struct {
        const char         *addr;
        enum transport_kind kind;
        bool                ours;
    } table[] = {
        {"192.0.2.1:5060", TRANSPORT_UDP, true},     {"192.0.2.1", TRANSPORT_UDP, true},
        {"192.0.2.1:5061", TRANSPORT_UDP, false},    {"192.0.2.9:5060", TRANSPORT_UDP, false},
        {"192.0.2.1:5060", TRANSPORT_TCP, false},    {"203.0.113.7:5060", TRANSPORT_UDP, true},
        {"203.0.113.7:5070", TRANSPORT_UDP, false},  {"192.0.2.1:5070", TRANSPORT_TCP, true},
        {"127.0.0.10:5070", TRANSPORT_TCP, true},    {"192.0.2.9:5070", TRANSPORT_TCP, false},
        {"[2001:db8::1]:5070", TRANSPORT_TCP, false}, {"[2001:db8::1]:5060", TRANSPORT_UDP, false},
    };
    static struct stage g;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5060", "203.0.113.7");
    stage_listen(&g, TRANSPORT_TCP, "0.0.0.0:5070", "pbx.example.com");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct addr a = stage_addr(table[i].addr);

        assert_int_equal(transport_is_local(g.tp[0], table[i].kind, &a), table[i].ours);
    }
    stage_close(&g);
}

static void listening_can_fail_and_leaves_nothing(void **state)
{
    static struct stage     g;
    struct transport_listen l = {.kind = TRANSPORT_TLS, .local = stage_addr("192.0.2.1:5061")};
    uint8_t                 index = 77;
    enum transport_kind     kind;
    struct addr             local;

    (void)state;
    stage_open(&g, 1);
    assert_int_equal(transport_listen(g.tp[0], &l, &index), ERR_UNSUPPORTED);
    stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    l = (struct transport_listen){.kind = TRANSPORT_UDP, .local = stage_addr("192.0.2.1:5060")};
    assert_int_equal(transport_listen(g.tp[0], &l, &index), ERR_BUSY);
    l.local = stage_addr("198.51.100.1:5060");
    assert_int_equal(transport_listen(g.tp[0], &l, &index), ERR_INVALID);
    assert_int_equal(index, 77);
    assert_int_equal(transport_listeners(g.tp[0]), 1);
    l.local = stage_addr("192.0.2.1:0");
    while (transport_listeners(g.tp[0]) < TRANSPORT_MAX_LISTENERS)
        assert_int_equal(transport_listen(g.tp[0], &l, &index), ERR_OK);
    transport_listener_local(g.tp[0], 31, &kind, &local);
    assert_int_equal(kind, TRANSPORT_UDP);
    assert_int_not_equal(local.port, 0);
    assert_int_equal(transport_listen(g.tp[0], &l, &index), ERR_LIMIT);
    stage_close(&g);
}

/* PROTOCOL 3.2: whichever worker sends it, a datagram leaves from the address and port of its flow. */
static void protocol_3_2_a_datagram_leaves_by_any_worker_from_its_flows_address(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct addr              from = {0};

    (void)state;
    stage_open(&g, 2);
    stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5062", "");
    stage_far_udp(&g, &far, "192.0.2.9:7000");
    g.chosen = 1;
    stage_far_send_to(&far, "192.0.2.1:5062", OPTIONS);
    stage_run_ms(&g, 10);
    assert_int_equal(g.n_heard, 1);
    assert_ptr_equal(g.heard[0].tp, g.tp[1]);
    flow_local(g.tp[0], &g.heard[0].from, &from);
    assert_addr(&from, "192.0.2.1:5062");
    assert_int_equal(flow_send(g.tp[0], &g.heard[0].from, S("SIP/2.0 100 Trying\r\n\r\n")), ERR_OK);
    stage_run_ms(&g, 10);
    assert_int_equal(far.pieces, 1);
    stage_close(&g);
}

static void rfc3581_and_18_2_2_where_a_response_goes(void **state)
{
    static const struct {
        const char *via, *from, *to;
    } table[] = {
        {"SIP/2.0/UDP 192.0.2.9:5080;branch=z9hG4bKa", "192.0.2.9:7000", "192.0.2.9:5080"},
        {"SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa", "192.0.2.9:7000", "192.0.2.9:5060"},
        {"SIP/2.0/UDP 10.0.0.5:5080;branch=z9hG4bKa", "192.0.2.9:7000", "192.0.2.9:5080"},
        {"SIP/2.0/UDP 10.0.0.5:5080;rport;branch=z9hG4bKa", "192.0.2.9:7000", "192.0.2.9:7000"},
        {"SIP/2.0/UDP 10.0.0.5;rport=7000;received=192.0.2.9", "192.0.2.9:7000", "192.0.2.9:7000"},
        {"SIP/2.0/UDP 10.0.0.5:5080;received=198.51.100.66", "192.0.2.9:7000", "192.0.2.9:5080"},
        {"SIP/2.0/UDP 10.0.0.5:5080;maddr=192.0.2.77;rport", "192.0.2.9:7000", "192.0.2.77:5080"},
        {"SIP/2.0/UDP pc.example.com:5080", "[2001:db8::9]:7000", "[2001:db8::9]:5080"},
        {"SIP/2.0/UDP [2001:db8::1:9]:5080;maddr=[2001:db8::77]", "[2001:db8::9]:7000", "[2001:db8::77]:5080"},
    };
    static struct stage g;
    struct flow         from = {.kind = TRANSPORT_UDP, .set = 1, .listener = 0}, to;
    struct via          v;

    (void)state;
    stage_open(&g, 1);
    stage_listen(&g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        from.remote = stage_addr(table[i].from);
        v = via_of(slice_z(table[i].via));
        assert_int_equal(flow_for_response(g.tp[0], &from, &v, &to), ERR_OK);
        assert_addr(&to.remote, table[i].to);
        assert_int_equal(to.listener, 0);
    }
    v = via_of(S("SIP/2.0/UDP 10.0.0.5:5080;maddr=away.example.com"));
    assert_int_equal(flow_for_response(g.tp[0], &from, &v, &to), ERR_SYNTAX);
    from.set = 0;
    assert_int_equal(flow_for_response(g.tp[0], &from, &v, &to), ERR_CLOSED);
    stage_close(&g);
}

static void every_message_is_copied_to_the_record(void **state)
{
    static struct stage      g;
    static struct stage_wire far;
    struct record_config     c = {.octets = RECORD_MIN_OCTETS};
    struct record_entry      e;
    struct heap_counted      heap;

    (void)state;
    heap_counted_init(&heap, NULL, 0);
    c.mem = &heap.mem;
    stage_open_world(&g, 1);
    assert_int_equal(record_open(&c, &g.record), ERR_OK);
    assert_int_equal(stage_open_worker(&g, 0), ERR_OK);
    stage_listen(&g, TRANSPORT_UDP, "0.0.0.0:5060", "");
    stage_far_udp(&g, &far, "192.0.2.9:7000");
    stage_far_send_to(&far, "192.0.2.1:5060", OPTIONS);
    stage_run_ms(&g, 10);
    assert_int_equal(flow_send(g.tp[0], &g.heard[0].from, S("SIP/2.0 200 OK\r\n\r\n")), ERR_OK);

    assert_int_equal(record_peek(g.record, &e), ERR_OK);
    assert_false(e.out);
    stage_assert_text(e.octets, OPTIONS);
    stage_assert_text(e.transport, S("UDP"));
    assert_addr(&e.local, "192.0.2.1:5060");
    assert_addr(&e.remote, "192.0.2.9:7000");
    record_next(g.record);
    assert_int_equal(record_peek(g.record, &e), ERR_OK);
    assert_true(e.out);
    stage_assert_text(e.octets, S("SIP/2.0 200 OK\r\n\r\n"));
    record_next(g.record);
    assert_int_equal(record_peek(g.record, &e), ERR_AGAIN);
    stage_close(&g);
    record_close(g.record);
    assert_int_equal(heap.octets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_is_one_message_and_its_flow_goes_back),
        cmocka_unit_test(rfc5626_keep_alive_datagrams_are_not_messages),
        cmocka_unit_test(icmp_says_that_the_flow_is_lost),
        cmocka_unit_test(what_does_not_leave_is_told_with_its_mark),
        cmocka_unit_test(limits_of_what_is_sent),
        cmocka_unit_test(a_listener_that_fits_is_chosen),
        cmocka_unit_test(loopback_stays_on_loopback),
        cmocka_unit_test(sent_by_is_where_a_peer_can_reach_us),
        cmocka_unit_test(a_wildcard_listener_answers_from_the_address_that_was_hit),
        cmocka_unit_test(a_wildcard_flow_of_ours_names_its_source),
        cmocka_unit_test(our_own_addresses_are_known),
        cmocka_unit_test(listening_can_fail_and_leaves_nothing),
        cmocka_unit_test(protocol_3_2_a_datagram_leaves_by_any_worker_from_its_flows_address),
        cmocka_unit_test(rfc3581_and_18_2_2_where_a_response_goes),
        cmocka_unit_test(every_message_is_copied_to_the_record),
    };

    return cmocka_run_group_tests_name("sip/transport/select", tests, NULL, NULL);
}
