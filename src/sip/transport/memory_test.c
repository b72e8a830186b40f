/* memory_test.c - every allocation of the room fails once: nothing is lost, nothing is told twice, and the next try works. */
#include "net/fake/fake.h"
#include "sip/transport/stage_priv.h"

#define REQUEST "OPTIONS sip:b@x SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nCall-ID: a\r\nContent-Length: 0\r\n\r\n"
#define BROKEN "OPTIONS sip:b@x SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nCall-ID: a\r\nContent-Length: x\r\n\r\n"

struct scenario {
    struct stage        g;
    struct stage_wire   far, half, broken, listening, secured;
    struct heap_failing failing;
    unsigned            asked, answered;
};

static void on_resolved(void *arg, struct transport *tp, enum err e, const struct transport_hop *hops, size_t n)
{
    struct scenario *s = arg;

    (void)tp;
    (void)hops;
    s->answered++;
    assert_int_equal(e == ERR_OK, n > 0);
}

static void play_names(struct scenario *s)
{
    static const char *const uris[] = {"sip:example.com", "sip:example.com:5060", "sip:192.0.2.9",
                                       "sip:example.com;transport=tcp"};
    struct uri               u;

    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        assert_int_equal(uri_parse(slice_z(uris[i]), &u, NULL), ERR_OK);
        if (transport_resolve(s->g.tp[0], &u, 2000, on_resolved, s) == ERR_OK)
            s->asked++;
        stage_run_ms(&s->g, 100);
    }
    assert_int_equal(s->asked, s->answered);
}

/* A message in pieces, an answer from the other worker. What arrived whole was told whole. */
static void play_accepted(struct scenario *s)
{
    s->g.chosen = 1;
    stage_far_connect(&s->g, &s->far, "192.0.2.1:5060");
    stage_run_ms(&s->g, 20);
    for (int i = 0; i < 2 && !s->far.closed; i++) {
        stage_far_send(&s->far, slice_to(S(REQUEST), 20));
        stage_run_ms(&s->g, 20);
        if (!s->far.closed)
            stage_far_send(&s->far, slice_from(S(REQUEST), 20));
        stage_run_ms(&s->g, 20);
    }
    for (size_t i = 0; i < s->g.n_heard; i++) {
        stage_assert_text(stage_heard_text(&s->g, i), S(REQUEST));
        (void)flow_send(s->g.tp[0], &s->g.heard[i].from, S("SIP/2.0 200 OK\r\n\r\n"));
    }
    stage_run_ms(&s->g, 20);
}

/* A peer that has finished and one that has gone: the first has its answer all the same, and both are forgotten. */
static void play_half(struct scenario *s)
{
    size_t heard = s->g.n_heard;

    stage_far_connect(&s->g, &s->half, "192.0.2.1:5060");
    stage_run_ms(&s->g, 20);
    if (!s->half.closed) {
        stage_far_send(&s->half, S(REQUEST REQUEST "OPTIONS sip:b@x SIP/2.0\r\n"));
        stage_far_finish(&s->half);
        stage_run_ms(&s->g, 20);
    }
    for (size_t i = heard; i < s->g.n_heard; i++)
        (void)flow_send(s->g.tp[1], &s->g.heard[i].from, S("SIP/2.0 200 OK\r\n\r\n"));
    stage_run_ms(&s->g, 20);
    stage_far_close(&s->half);
    stage_run_ms(&s->g, HALF_REST_MS + 20);
    s->g.n_heard = heard;
}

static void play_broken(struct scenario *s)
{
    stage_far_connect(&s->g, &s->broken, "192.0.2.1:5060");
    stage_run_ms(&s->g, 20);
    if (!s->broken.closed)
        stage_far_send(&s->broken, S(BROKEN));
    stage_run_ms(&s->g, LINGER_MS + 100);
    assert_true(s->broken.closed);
}

static void play_connecting(struct scenario *s)
{
    struct addr to = stage_addr("192.0.2.9:5060");
    struct flow f;

    if (flow_to(s->g.tp[0], TRANSPORT_TCP, &to, &f) == ERR_OK) {
        assert_int_equal(flow_send(s->g.tp[0], &f, S(REQUEST)), ERR_OK);
        stage_run_ms(&s->g, 20);
        stage_assert_text(stage_wire_text(&s->listening), S(REQUEST));
    }
}

/* The same by TLS, there and back. */
static void play_secured(struct scenario *s)
{
    struct transport_hop hop = {.kind = TRANSPORT_TLS, .addr = stage_addr("192.0.2.9:5061")};
    struct flow          f;

    s->g.far_tls = stage_keys(s->g.far_net);
    stage_far_listen(&s->g, &s->secured, "192.0.2.9:5061");
    stage_listen(&s->g, TRANSPORT_TLS, "192.0.2.1:5061", "");
    if (flow_to_hop(s->g.tp[0], &hop, S("example.com"), &f) == ERR_OK) {
        assert_int_equal(flow_send(s->g.tp[0], &f, S(REQUEST)), ERR_OK);
        stage_run_ms(&s->g, 20);
        stage_assert_text(stage_wire_text(&s->secured), S(REQUEST));
        stage_far_close(&s->secured);
    }
    stage_far_connect(&s->g, &s->secured, "192.0.2.1:5061");
    if (!s->secured.closed)
        stage_far_send(&s->secured, S(REQUEST));
    stage_run_ms(&s->g, 20);
}

static void set_names(struct stage *g)
{
    struct net_record r = {.type = NET_NAPTR, .ttl_s = 60, .priority = 1, .flags = S("s"), .service = S("SIP+D2U"),
                           .target = S("_sip._udp.example.com")};

    fake_add_record(g->w, S("example.com"), &r);
    fake_add_srv(g->w, S("_sip._udp.example.com"), S("a.example.com"), 5060, 1, 1);
    fake_add_srv(g->w, S("_sip._udp.example.com"), S("b.example.com"), 5060, 1, 1);
    fake_add_address(g->w, S("a.example.com"), S("192.0.2.21"));
    fake_add_address(g->w, S("b.example.com"), S("2001:db8::22"));
    fake_add_address(g->w, S("example.com"), S("192.0.2.23"));
}

/* True: the n-th allocation failed somewhere in it. */
static bool play(struct scenario *s, uint64_t nth)
{
    memset(s, 0, sizeof *s);
    stage_open_world(&s->g, 2);
    heap_failing_init(&s->failing, &s->g.ours.mem, nth);
    s->g.mem = &s->failing.mem;
    set_names(&s->g);
    for (uint8_t i = 0; i < 2; i++)
        if (stage_open_worker(&s->g, i)) {
            assert_true(s->failing.failed);
            assert_null(s->g.tp[i]);
            assert_int_equal(stage_open_worker(&s->g, i), ERR_OK); /* the second try works */
        }
    stage_listen(&s->g, TRANSPORT_UDP, "192.0.2.1:5060", "");
    stage_listen(&s->g, TRANSPORT_UDP, "[2001:db8::1]:5060", "");
    stage_listen(&s->g, TRANSPORT_TCP, "192.0.2.1:5060", "");
    stage_far_listen(&s->g, &s->listening, "192.0.2.9:5060");
    play_names(s);
    play_accepted(s);
    play_half(s);
    play_broken(s);
    play_connecting(s);
    play_secured(s);
    stage_close(&s->g);
    return s->failing.failed;
}

static void every_allocation_fails_once(void **state)
{
    static struct scenario s;
    uint64_t               nth = 1;

    (void)state;
    while (nth < 1000 && play(&s, nth))
        nth++;
    assert_in_range(nth, 20, 999);
    assert_int_equal(s.g.n_heard, 3); /* and the last round, in which none failed, had it all */
    assert_int_equal(s.asked, 4);
    assert_true(slice_starts(stage_wire_text(&s.broken), S("SIP/2.0 400 ")));
    assert_true(slice_starts(stage_wire_text(&s.half), S("SIP/2.0 400 No empty line")));
    assert_true(slice_ends(stage_wire_text(&s.half), S("SIP/2.0 200 OK\r\n\r\nSIP/2.0 200 OK\r\n\r\n")));
    stage_assert_text(stage_wire_text(&s.far), S("SIP/2.0 200 OK\r\n\r\nSIP/2.0 200 OK\r\n\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails_once),
    };

    return cmocka_run_group_tests_name("sip/transport/memory", tests, NULL, NULL);
}
