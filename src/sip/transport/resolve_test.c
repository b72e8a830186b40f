/* resolve_test.c - from URI to hops (RFC 3263 §4), by size (PROTOCOL 2.5), after failures. */
#include "net/fake/fake.h"
#include "sip/transport/stage_priv.h"

struct answer {
    struct stage        *g;
    unsigned             n_calls;
    enum err             e;
    struct transport_hop hop[TRANSPORT_MAX_HOPS];
    size_t               n;
};

static void on_resolved(void *arg, struct transport *tp, enum err e, const struct transport_hop *hops, size_t n)
{
    struct answer *a = arg;

    assert_ptr_equal(tp, a->g->tp[0]);
    a->n_calls++;
    a->e = e;
    a->n = n;
    for (size_t i = 0; i < n; i++)
        a->hop[i] = hops[i];
}

static struct uri uri_of(const char *text)
{
    struct uri u;

    assert_int_equal(uri_parse(slice_z(text), &u, NULL), ERR_OK);
    return u;
}

static void ask(struct stage *g, struct answer *a, const char *uri, size_t octets)
{
    struct uri u = uri_of(uri);

    *a = (struct answer){.g = g};
    assert_int_equal(transport_resolve(g->tp[0], &u, octets, on_resolved, a), ERR_OK);
    stage_run_ms(g, 60000);
    assert_int_equal(a->n_calls, 1);
}

/* "udp 192.0.2.1:5060, tcp ..." */
static void put_hops(struct buf *b, const struct answer *a)
{
    for (size_t i = 0; i < a->n; i++) {
        if (i)
            buf_put(b, S(", "));
        buf_puts(b, transport_param_name(a->hop[i].kind), S(" "));
        addr_put(b, &a->hop[i].addr);
    }
}

static void assert_hops(const struct answer *a, const char *want)
{
    char       block[1024];
    struct buf b = BUF_ON(block);

    assert_int_equal(a->e, ERR_OK);
    put_hops(&b, a);
    buf_putc(&b, '\0');
    assert_string_equal(block, want);
}

static void expect(struct stage *g, const char *uri, const char *want)
{
    struct answer a;

    ask(g, &a, uri, 500);
    assert_hops(&a, want);
}

static void expect_error(struct stage *g, const char *uri, enum err want)
{
    struct answer a;

    ask(g, &a, uri, 500);
    assert_int_equal(a.e, want);
    assert_int_equal(a.n, 0);
}

static void add_naptr(struct stage *g, const char *name, uint16_t order, const char *service, const char *target)
{
    struct net_record r = {.type = NET_NAPTR, .ttl_s = 60, .priority = order, .weight = 10, .flags = S("s"),
                           .service = slice_z(service), .target = slice_z(target)};

    fake_add_record(g->w, slice_z(name), &r);
}

static void add_srv(struct stage *g, const char *name, const char *target, uint16_t port, uint16_t priority)
{
    fake_add_srv(g->w, slice_z(name), slice_z(target), port, priority, 10);
}

static void add_addr(struct stage *g, const char *name, const char *ip)
{
    fake_add_address(g->w, slice_z(name), slice_z(ip));
}

static void begin(struct stage *g)
{
    stage_open(g, 1);
    stage_listen(g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    stage_listen(g, TRANSPORT_TCP, "192.0.2.1:5060", "");
}

static void rfc3263_4_1_numeric_hosts_need_no_names(void **state)
{
    static const struct {
        const char *uri, *hops;
    } table[] = {
        {"sip:192.0.2.9", "udp 192.0.2.9:5060"},
        {"sip:bob@192.0.2.9:5070", "udp 192.0.2.9:5070"},
        {"sip:192.0.2.9;transport=tcp", "tcp 192.0.2.9:5060"},
        {"sip:192.0.2.9:5070;transport=UDP", "udp 192.0.2.9:5070"},
        {"sip:example.com;maddr=192.0.2.8", "udp 192.0.2.8:5060"},
        {"sip:example.com:5090;maddr=192.0.2.8;transport=tcp", "tcp 192.0.2.8:5090"},
    };
    static struct stage g;
    struct answer       a = {.g = &g};

    (void)state;
    begin(&g);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct uri u = uri_of(table[i].uri);

        a.n_calls = 0;
        assert_int_equal(transport_resolve(g.tp[0], &u, 500, on_resolved, &a), ERR_OK);
        assert_int_equal(a.n_calls, 1); /* before it returned */
        assert_hops(&a, table[i].hops);
    }
    stage_close(&g);
}

static void rfc3263_4_1_naptr_then_srv_then_addresses(void **state)
{
    static struct stage g;

    (void)state;
    begin(&g);
    add_naptr(&g, "example.com", 50, "SIPS+D2T", "_sips._tcp.example.com");
    add_naptr(&g, "example.com", 90, "SIP+D2T", "tcp.example.net");
    add_naptr(&g, "example.com", 100, "SIP+D2U", "udp.example.net");
    add_srv(&g, "tcp.example.net", "s2.example.com", 5062, 2);
    add_srv(&g, "tcp.example.net", "s1.example.com", 5061, 1);
    add_srv(&g, "udp.example.net", "s1.example.com", 5060, 1);
    add_addr(&g, "s1.example.com", "192.0.2.21");
    add_addr(&g, "s1.example.com", "192.0.2.22");
    add_addr(&g, "s2.example.com", "192.0.2.23");
    expect(&g, "sip:example.com", "tcp 192.0.2.21:5061, tcp 192.0.2.22:5061, tcp 192.0.2.23:5062");
    expect(&g, "sip:bob@EXAMPLE.com", "tcp 192.0.2.21:5061, tcp 192.0.2.22:5061, tcp 192.0.2.23:5062");
    stage_close(&g);
}

static void rfc3263_4_1_without_naptr_srv_of_what_we_have(void **state)
{
    static struct stage g;

    (void)state;
    begin(&g);
    add_srv(&g, "_sip._tcp.example.com", "t.example.com", 5070, 1);
    add_srv(&g, "_sip._udp.example.com", "u.example.com", 5080, 9);
    add_srv(&g, "_sips._tcp.example.com", "t.example.com", 5061, 0);
    add_addr(&g, "t.example.com", "192.0.2.21");
    add_addr(&g, "u.example.com", "192.0.2.22");
    expect(&g, "sip:example.com", "udp 192.0.2.22:5080, tcp 192.0.2.21:5070");
    stage_close(&g);
}

static void rfc3263_4_2_without_srv_the_addresses_of_the_host(void **state)
{
    static struct stage g;

    (void)state;
    begin(&g);
    add_addr(&g, "example.com", "192.0.2.21");
    add_addr(&g, "example.com", "192.0.2.22");
    expect(&g, "sip:example.com", "udp 192.0.2.21:5060, udp 192.0.2.22:5060");
    expect(&g, "sip:example.com;transport=tcp", "tcp 192.0.2.21:5060, tcp 192.0.2.22:5060");
    stage_close(&g);
}

static void rfc3263_4_2_a_port_means_no_srv(void **state)
{
    static struct stage g;

    (void)state;
    begin(&g);
    add_naptr(&g, "example.com", 1, "SIP+D2T", "_sip._tcp.example.com");
    add_srv(&g, "_sip._tcp.example.com", "t.example.com", 5070, 1);
    add_srv(&g, "_sip._udp.example.com", "t.example.com", 5070, 1);
    add_addr(&g, "t.example.com", "192.0.2.21");
    add_addr(&g, "example.com", "192.0.2.22");
    expect(&g, "sip:example.com:5060", "udp 192.0.2.22:5060");
    expect(&g, "sip:example.com:5090;transport=tcp", "tcp 192.0.2.22:5090");
    stage_close(&g);
}

static void rfc3263_4_1_a_named_transport_means_no_naptr(void **state)
{
    static struct stage g;

    (void)state;
    begin(&g);
    add_naptr(&g, "example.com", 1, "SIP+D2T", "_sip._tcp.example.com");
    add_srv(&g, "_sip._tcp.example.com", "t.example.com", 5070, 1);
    add_srv(&g, "_sip._udp.example.com", "u.example.com", 5080, 1);
    add_addr(&g, "t.example.com", "192.0.2.21");
    add_addr(&g, "u.example.com", "192.0.2.22");
    expect(&g, "sip:example.com;transport=udp", "udp 192.0.2.22:5080");
    stage_close(&g);
}

static void naptr_of_nothing_that_we_have_falls_back_to_srv(void **state)
{
    static struct stage g;

    (void)state;
    begin(&g);
    add_naptr(&g, "example.com", 1, "SIPS+D2T", "_sips._tcp.example.com");
    add_srv(&g, "_sip._udp.example.com", "u.example.com", 5080, 1);
    add_addr(&g, "u.example.com", "192.0.2.22");
    expect(&g, "sip:example.com", "udp 192.0.2.22:5080");
    stage_close(&g);
}

static void naptr_without_its_srv_gives_the_host_by_that_transport(void **state)
{
    static struct stage g;

    (void)state;
    begin(&g);
    add_naptr(&g, "example.com", 1, "SIP+D2T", "_sip._tcp.example.com");
    add_addr(&g, "example.com", "192.0.2.22");
    expect(&g, "sip:example.com", "tcp 192.0.2.22:5060");
    stage_close(&g);
}

static void rfc2782_a_target_of_a_dot_is_no_service(void **state)
{
    static struct stage g;

    (void)state;
    begin(&g);
    add_srv(&g, "_sip._udp.example.com", ".", 0, 0);
    add_addr(&g, "example.com", "192.0.2.22");
    expect_error(&g, "sip:example.com;transport=udp", ERR_NOTFOUND);
    stage_close(&g);
}

static void rfc3263_4_1_sips_leads_to_tls_alone(void **state)
{
    static const struct {
        const char *uri, *hops;
    } table[] = {
        {"sips:192.0.2.9", "tls 192.0.2.9:5061"},
        {"sips:192.0.2.9:5070", "tls 192.0.2.9:5070"},
        {"sips:192.0.2.9;transport=tcp", "tls 192.0.2.9:5061"},
        {"sip:192.0.2.9;transport=tls", "tls 192.0.2.9:5061"},
        {"sips:example.com", "tls 192.0.2.24:5069"},               /* NAPTR */
        {"sip:example.com", "tls 192.0.2.24:5069"},                /* which puts it first */
        {"sips:example.net", "tls 192.0.2.25:5068"},               /* SRV */
        {"sip:example.net;transport=tls", "tls 192.0.2.25:5068"},
        {"sip:example.net", "tcp 192.0.2.25:5067"},                /* not by TLS where nobody says so */
        {"sips:t.example.net", "tls 192.0.2.25:5061"},             /* addresses alone */
        {"sips:t.example.net:5072", "tls 192.0.2.25:5072"},
    };
    static struct stage g;

    (void)state;
    begin(&g);
    stage_listen(&g, TRANSPORT_TLS, "192.0.2.1:5061", "");
    add_naptr(&g, "example.com", 1, "SIPS+D2T", "_sips._tcp.example.com");
    add_naptr(&g, "example.com", 2, "SIP+D2U", "_sip._udp.example.com");
    add_srv(&g, "_sips._tcp.example.com", "s.example.com", 5069, 1);
    add_addr(&g, "s.example.com", "192.0.2.24");
    add_srv(&g, "_sips._tcp.example.net", "t.example.net", 5068, 1);
    add_srv(&g, "_sip._tcp.example.net", "t.example.net", 5067, 1);
    add_addr(&g, "t.example.net", "192.0.2.25");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        expect(&g, table[i].uri, table[i].hops);
    expect_error(&g, "sips:example.com;transport=udp", ERR_UNSUPPORTED);
    stage_close(&g);
}

/* Where there is no TLS, that is. */
static void sips_and_foreign_transports_are_unsupported(void **state)
{
    static struct stage g;

    (void)state;
    begin(&g);
    add_addr(&g, "example.com", "192.0.2.22");
    expect_error(&g, "sips:example.com", ERR_UNSUPPORTED);
    expect_error(&g, "sips:192.0.2.9", ERR_UNSUPPORTED);
    expect_error(&g, "sips:example.com;transport=tcp", ERR_UNSUPPORTED);
    expect_error(&g, "sips:example.com;transport=udp", ERR_UNSUPPORTED);
    expect_error(&g, "sip:example.com;transport=tls", ERR_UNSUPPORTED);
    expect_error(&g, "sip:example.com;transport=sctp", ERR_UNSUPPORTED);
    expect_error(&g, "sip:[2001:db8::9]", ERR_UNSUPPORTED); /* nothing of ours listens there */
    stage_close(&g);
}

static void other_schemes_are_not_resolved(void **state)
{
    static struct stage g;
    struct answer       a = {.g = &g};
    struct uri          u = uri_of("tel:+1");

    (void)state;
    begin(&g);
    assert_int_equal(transport_resolve(g.tp[0], &u, 1, on_resolved, &a), ERR_SYNTAX);
    u = uri_of("mailto:a@example.com");
    assert_int_equal(transport_resolve(g.tp[0], &u, 1, on_resolved, &a), ERR_SYNTAX);
    stage_run_ms(&g, 1000);
    assert_int_equal(a.n_calls, 0);
    stage_close(&g);
}

static void nothing_found_and_nobody_answers(void **state)
{
    static struct stage g;

    (void)state;
    begin(&g);
    expect_error(&g, "sip:nowhere.example.com", ERR_NOTFOUND);
    add_srv(&g, "_sip._udp.example.com", "gone.example.com", 5080, 1);
    expect_error(&g, "sip:example.com", ERR_NOTFOUND);
    fake_set_names(g.w, 1000, false);
    expect_error(&g, "sip:example.com", ERR_TIMEOUT);
    expect(&g, "sip:192.0.2.9", "udp 192.0.2.9:5060");
    stage_close(&g);
}

static void ip6_comes_first_where_it_can_be_reached(void **state)
{
    static struct stage g;

    (void)state;
    begin(&g);
    stage_listen(&g, TRANSPORT_UDP, "[2001:db8::1]:5060", "");
    add_addr(&g, "example.com", "192.0.2.22");
    add_addr(&g, "example.com", "2001:db8::22");
    expect(&g, "sip:example.com", "udp [2001:db8::22]:5060, udp 192.0.2.22:5060");
    expect(&g, "sip:example.com;transport=tcp", "tcp 192.0.2.22:5060");
    expect(&g, "sip:[2001:db8::9]:5070", "udp [2001:db8::9]:5070");
    stage_close(&g);
}

static void protocol_2_5_large_requests_try_tcp_first(void **state)
{
    static struct stage g;
    struct answer       a;

    (void)state;
    begin(&g);
    ask(&g, &a, "sip:192.0.2.9:5070", TRANSPORT_UDP_MTU_OCTETS);
    assert_hops(&a, "udp 192.0.2.9:5070");
    ask(&g, &a, "sip:192.0.2.9:5070", TRANSPORT_UDP_MTU_OCTETS + 1);
    assert_hops(&a, "tcp 192.0.2.9:5070, udp 192.0.2.9:5070");
    ask(&g, &a, "sip:192.0.2.9:5070;transport=udp", TRANSPORT_UDP_MTU_OCTETS + 1);
    assert_hops(&a, "udp 192.0.2.9:5070");

    add_srv(&g, "_sip._udp.example.com", "u.example.com", 5080, 1);
    add_addr(&g, "u.example.com", "192.0.2.22");
    ask(&g, &a, "sip:example.com", 5000);
    assert_hops(&a, "tcp 192.0.2.22:5080, udp 192.0.2.22:5080");
    add_srv(&g, "_sip._tcp.example.com", "t.example.com", 5070, 1);
    add_addr(&g, "t.example.com", "192.0.2.21");
    ask(&g, &a, "sip:example.com", 5000);
    assert_hops(&a, "tcp 192.0.2.21:5070, udp 192.0.2.22:5080");
    stage_close(&g);
}

/* PROTOCOL 2.5: a host that refused TCP is remembered, and its UDP hop comes before its TCP hop for a while. */
static void protocol_2_5_a_failed_hop_is_put_last_for_a_while(void **state)
{
    static struct stage  g;
    struct transport_hop bad = {TRANSPORT_TCP, stage_addr("192.0.2.9:5060")};
    struct answer        a = {.g = &g};
    struct uri           u = uri_of("sip:192.0.2.9");

    (void)state;
    begin(&g);
    transport_hop_failed(g.tp[0], &bad);
    assert_int_equal(transport_resolve(g.tp[0], &u, 5000, on_resolved, &a), ERR_OK);
    assert_hops(&a, "udp 192.0.2.9:5060, tcp 192.0.2.9:5060");
    stage_run_ms(&g, TRANSPORT_FAILED_MS - 10);
    assert_int_equal(transport_resolve(g.tp[0], &u, 5000, on_resolved, &a), ERR_OK);
    assert_hops(&a, "udp 192.0.2.9:5060, tcp 192.0.2.9:5060");
    stage_run_ms(&g, 20);
    assert_int_equal(transport_resolve(g.tp[0], &u, 5000, on_resolved, &a), ERR_OK);
    assert_hops(&a, "tcp 192.0.2.9:5060, udp 192.0.2.9:5060");
    stage_close(&g);
}

static void many_failures_forget_the_oldest_only(void **state)
{
    static struct stage  g;
    struct transport_hop bad = {TRANSPORT_UDP, stage_addr("192.0.2.21:5060")};
    struct answer        a;

    (void)state;
    begin(&g);
    add_addr(&g, "example.com", "192.0.2.21");
    add_addr(&g, "example.com", "192.0.2.22");
    for (unsigned i = 0; i < 3 * FAILED; i++) {
        struct transport_hop other = bad;

        other.addr.port = (uint16_t)(6000 + i);
        transport_hop_failed(g.tp[0], &other);
    }
    transport_hop_failed(g.tp[0], &bad);
    transport_hop_failed(g.tp[0], &bad);
    {
        struct uri u = uri_of("sip:192.0.2.21:5060");

        a = (struct answer){.g = &g};
        assert_int_equal(transport_resolve(g.tp[0], &u, 5000, on_resolved, &a), ERR_OK);
        assert_hops(&a, "tcp 192.0.2.21:5060, udp 192.0.2.21:5060");
        u = uri_of("sip:192.0.2.21:6000"); /* long forgotten */
        assert_int_equal(transport_resolve(g.tp[0], &u, 100, on_resolved, &a), ERR_OK);
        assert_hops(&a, "udp 192.0.2.21:6000");
    }
    stage_close(&g);
}

/* RFC 2782: the first place goes by weight, and all others are there to fail over to, each once. */
static void rfc2782_fail_over_order_has_every_target_once(void **state)
{
    static struct stage g;
    struct answer       a;
    int                 heavy = 0;

    (void)state;
    begin(&g);
    fake_add_srv(g.w, S("_sip._udp.example.com"), S("a.example.com"), 5060, 1, 90);
    fake_add_srv(g.w, S("_sip._udp.example.com"), S("b.example.com"), 5060, 1, 10);
    fake_add_srv(g.w, S("_sip._udp.example.com"), S("c.example.com"), 5060, 2, 0);
    add_addr(&g, "a.example.com", "192.0.2.21");
    add_addr(&g, "b.example.com", "192.0.2.22");
    add_addr(&g, "c.example.com", "192.0.2.23");
    for (int i = 0; i < 300; i++) {
        ask(&g, &a, "sip:example.com;transport=udp", 100);
        assert_int_equal(a.n, 3);
        assert_int_equal(a.hop[2].addr.ip[3], 23);
        assert_int_not_equal(a.hop[0].addr.ip[3], a.hop[1].addr.ip[3]);
        heavy += a.hop[0].addr.ip[3] == 21;
    }
    assert_in_range(heavy, 240, 295);
    stage_close(&g);
}

static void more_addresses_than_hops_are_cut_off(void **state)
{
    static struct stage g;
    struct answer       a;
    char                block[32];

    (void)state;
    begin(&g);
    for (unsigned i = 0; i < 24; i++) {
        struct buf b = BUF_ON(block);

        buf_put(&b, S("192.0.2."));
        buf_putu(&b, 100 + i);
        fake_add_address(g.w, S("example.com"), buf_slice(&b));
    }
    ask(&g, &a, "sip:example.com:5060", 100);
    assert_int_equal(a.n, TRANSPORT_MAX_HOPS);
    ask(&g, &a, "sip:example.com:5060", 5000);
    assert_int_equal(a.n, TRANSPORT_MAX_HOPS);
    assert_int_equal(a.hop[0].kind, TRANSPORT_TCP);
    assert_int_equal(a.hop[TRANSPORT_MAX_HOPS / 2].kind, TRANSPORT_UDP);
    assert_true(addr_eq(&a.hop[0].addr, &a.hop[TRANSPORT_MAX_HOPS / 2].addr));
    stage_close(&g);
}

/* Closed while names are looked up: nobody is told, and nothing waits for the answers. */
static void closing_while_names_are_looked_up(void **state)
{
    static struct stage g;
    struct answer       a = {.g = &g};
    struct uri          u = uri_of("sip:example.com");
    struct fake_counts  n;

    (void)state;
    begin(&g);
    assert_int_equal(transport_resolve(g.tp[0], &u, 500, on_resolved, &a), ERR_OK);
    u = uri_of("sip:example.org:5060");
    assert_int_equal(transport_resolve(g.tp[0], &u, 500, on_resolved, &a), ERR_OK);
    stage_close_transports(&g);
    g.n_workers = 0;
    assert_int_equal(g.ours.octets, 0);
    fake_node_counts(g.node, &n);
    assert_int_equal(n.questions, 0);
    stage_run_ms(&g, 60000);
    assert_int_equal(a.n_calls, 0);
    stage_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3263_4_1_numeric_hosts_need_no_names),
        cmocka_unit_test(rfc3263_4_1_naptr_then_srv_then_addresses),
        cmocka_unit_test(rfc3263_4_1_without_naptr_srv_of_what_we_have),
        cmocka_unit_test(rfc3263_4_2_without_srv_the_addresses_of_the_host),
        cmocka_unit_test(rfc3263_4_2_a_port_means_no_srv),
        cmocka_unit_test(rfc3263_4_1_a_named_transport_means_no_naptr),
        cmocka_unit_test(naptr_of_nothing_that_we_have_falls_back_to_srv),
        cmocka_unit_test(naptr_without_its_srv_gives_the_host_by_that_transport),
        cmocka_unit_test(rfc2782_a_target_of_a_dot_is_no_service),
        cmocka_unit_test(rfc3263_4_1_sips_leads_to_tls_alone),
        cmocka_unit_test(sips_and_foreign_transports_are_unsupported),
        cmocka_unit_test(other_schemes_are_not_resolved),
        cmocka_unit_test(nothing_found_and_nobody_answers),
        cmocka_unit_test(ip6_comes_first_where_it_can_be_reached),
        cmocka_unit_test(protocol_2_5_large_requests_try_tcp_first),
        cmocka_unit_test(protocol_2_5_a_failed_hop_is_put_last_for_a_while),
        cmocka_unit_test(many_failures_forget_the_oldest_only),
        cmocka_unit_test(rfc2782_fail_over_order_has_every_target_once),
        cmocka_unit_test(more_addresses_than_hops_are_cut_off),
        cmocka_unit_test(closing_while_names_are_looked_up),
    };

    return cmocka_run_group_tests_name("sip/transport/resolve", tests, NULL, NULL);
}
