/* peer_test.c - what comes from elsewhere or is missing here: strangers, NATs, mirrors, nonsense, ports, memory. */
#include "net/fake/fake.h"

#include "media/rtcp.h"
#include "media/rtp.h"
#include "media/world_test.h"

/* ---- who is heard ---- */

static void a_phone_behind_a_nat_is_heard_and_answered(void **state)
{
    struct world       *w = world_open();
    struct media_params a = towards(&w->b), b = towards(&w->a);
    struct media_stats  s;

    (void)state;
    a.rtp.ip[3] = 77; /* where B thinks it is */
    a.rtcp = (struct addr){0};
    a.latch = true;
    set(&w->a, &a);
    set(&w->b, &b);
    tones_and_meters(w);
    run_ms(w, 2000);
    assert_int_equal(told(&w->a, MEDIA_EVENT_LATCHED), 1);
    assert_true(media_heard_ms(w->a.media, 660) >= 1700);
    assert_true(media_heard_ms(w->b.media, 440) >= 1700);
    s = stats(&w->a);
    assert_int_equal(s.foreign, MEDIA_LATCH_PACKETS - 1);
    assert_true(addr_eq(&s.far, &w->b.rtp));
    run_ms(w, 20000);
    assert_true(stats(&w->a).rtcp_received > 0 && stats(&w->b).rtcp_received > 0);
    world_close(w);
}

static void strangers_are_not_heard(void **state)
{
    struct world       *w = world_open();
    struct end          c = {0};
    struct media_params p = towards(&w->a);

    (void)state;
    end_open(w, &c, "192.0.2.3", 3);
    talk(w);
    w->a.params.latch = true;
    set(&w->a, &w->a.params);
    tones_and_meters(w);
    run_ms(w, 100);
    set(&c, &p);
    tone(&c, 1000);
    run_ms(w, 3000);
    assert_int_equal(media_heard_ms(w->a.media, 1000), 0);
    assert_true(media_heard_ms(w->a.media, 660) > 2800);
    assert_in_range(stats(&w->a).foreign, 149, 155);
    end_close(&c);
    world_close(w);
}

/* The far end of a call may change (transfer): its packets have another address and SSRC, and any number and timestamp. */
static void a_new_far_end_is_heard_at_once(void **state)
{
    struct world       *w = world_open();
    struct end          c = {0};
    struct media_params p = towards(&w->a), a;

    (void)state;
    end_open(w, &c, "192.0.2.3", 33);
    talk(w);
    tones_and_meters(w);
    run_ms(w, 2000);
    a = towards(&c);
    set(&w->a, &a);
    set(&c, &p);
    tone(&c, 1000);
    run_ms(w, 2000);
    assert_true(media_heard_ms(w->a.media, 1000) >= 1800);
    assert_in_range(media_heard_ms(w->a.media, 660), 1800, 2100);
    assert_int_equal(told(&w->a, MEDIA_EVENT_HEARD), 2);
    assert_int_equal(stats(&w->a).lost, 0);
    end_close(&c);
    world_close(w);
}

/* ---- a peer that is no strowger ---- */

struct raw {
    struct net      *net;
    struct net_udp  *udp;
    bool             mirror;
    struct addr      back_to;
    uint32_t         ssrcs[8]; /* that it was sent */
    size_t           n_ssrcs;
    struct rtp       last;     /* without payload */
    unsigned         marked;
    bool             gap;      /* in the sequence numbers */
    struct rtcp_report report; /* the last, about `about`; without CNAME */
    uint32_t         about;
};

static void raw_octets(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct raw *r = arg;
    struct rtp  p;

    (void)from;
    (void)to;
    if (rtp_is_rtcp(octets)) {
        assert_int_equal(rtcp_parse(octets, r->about, &r->report), ERR_OK);
        assert_int_equal(r->report.cname.n, 16);
        return;
    }
    assert_int_equal(rtp_parse(octets, &p), ERR_OK);
    r->marked += p.marker;
    r->gap = r->gap || (r->n_ssrcs && p.seq != (uint16_t)(r->last.seq + 1));
    if (r->n_ssrcs < 8 && (r->n_ssrcs == 0 || r->last.ssrc != p.ssrc))
        r->ssrcs[r->n_ssrcs++] = p.ssrc;
    r->last = p;
    if (r->mirror)
        (void)net_udp_send(r->net, u, &r->back_to, octets);
}

static void raw_error(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, enum err e)
{
    (void)arg;
    (void)u;
    (void)from;
    (void)to;
    (void)e;
}

/* Put in B's place: same node, a port of its own; A talks to it. */
static void raw_open(struct world *w, struct raw *r)
{
    static const struct net_udp_on on = {.octets = raw_octets, .error = raw_error};
    struct net_udp_options         o = {.local = w->b.host};
    struct media_params            p = towards(&w->b);

    r->net = w->b.net;
    r->back_to = w->a.rtp;
    assert_int_equal(net_udp_open(r->net, &o, &on, r, &r->udp), ERR_OK);
    net_udp_local(r->net, r->udp, &p.rtp);
    p.rtcp = p.rtp; /* one port for both */
    set(&w->a, &p);
}

static void raw_send(struct raw *r, const char *octets, size_t n)
{
    assert_int_equal(net_udp_send(r->net, r->udp, &r->back_to, (struct slice){octets, n}), ERR_OK);
}

static void a_mirror_is_heard_after_a_new_ssrc(void **state)
{
    struct world *w = world_open();
    struct raw    r = {.mirror = true};

    (void)state;
    raw_open(w, &r);
    tone(&w->a, 440);
    assert_int_equal(media_listen(w->a.media, NULL, 0), ERR_OK);
    run_ms(w, 3000);
    assert_int_equal(stats(&w->a).collisions, 1);
    assert_int_equal(r.n_ssrcs, 2);
    assert_true(media_heard_ms(w->a.media, 440) > 2600);
    assert_in_range(stats(&w->a).sent_packets, 150, 151);
    net_udp_close(r.net, r.udp);
    world_close(w);
}

/* RFC 3550 §5.1: a talk spurt begins with a marker; RFC 3551 §4.1: the clock goes on while nothing is sent. */
static void a_talk_spurt_is_marked_and_time_goes_on(void **state)
{
    struct world *w = world_open();
    struct raw    r = {.mirror = false};
    uint32_t      ts;

    (void)state;
    raw_open(w, &r);
    run_ms(w, 1000);
    assert_int_equal(r.marked, 1);
    ts = r.last.ts;
    w->a.params.send = w->a.params.receive = false;
    set(&w->a, &w->a.params);
    run_ms(w, 3000);
    w->a.params.send = true;
    set(&w->a, &w->a.params);
    run_ms(w, 1000);
    assert_int_equal(r.marked, 2);
    assert_in_range(r.last.ts - ts, 4 * 8000 - 160, 4 * 8000 + 160);
    assert_false(r.gap);
    net_udp_close(r.net, r.udp);
    world_close(w);
}

static void send_sound(struct raw *r, uint32_t ssrc, uint16_t seq)
{
    char       block[64];
    struct buf b = BUF_ON(block);

    rtp_put(&b, &(struct rtp){.pt = PT_A, .seq = seq, .ts = seq * 160u, .ssrc = ssrc, .payload = S("0123456789")});
    raw_send(r, buf_slice(&b).p, buf_slice(&b).n);
}

/* RFC 3550 §6.4.1: what A says about a peer that sent 65534 and 1, and a report a while ago. */
static void a_report_tells_what_was_heard(void **state)
{
    struct world             *w = world_open();
    struct raw                r = {.about = 0x1234};
    char                      block[RTCP_MAX_OCTETS];
    struct buf                b = BUF_ON(block);
    const struct rtcp_report  sr = {.ssrc = 0x1234, .is_sender = true, .sender = {.ntp = 0x0001abcd12340000},
                                    .cname = {"x", 1}};
    const struct rtcp_block  *k = &r.report.block;

    (void)state;
    raw_open(w, &r);
    send_sound(&r, 0x1234, 65534);
    send_sound(&r, 0x1234, 1);
    rtcp_put(&b, &sr);
    raw_send(&r, buf_slice(&b).p, buf_slice(&b).n);
    run_ms(w, 7000);
    assert_true(r.report.is_sender && r.report.has_block);
    assert_int_equal(r.report.ssrc, r.ssrcs[0]);
    assert_in_range(r.report.sender.packets, 50, 350);
    assert_int_equal(r.report.sender.octets, r.report.sender.packets * 160);
    assert_int_equal(k->max_seq, 0x10001);
    assert_int_equal(k->lost, 2);
    assert_int_equal(k->lsr, 0xabcd1234);
    assert_in_range(k->dlsr, 65536, 7 * 65536);
    r.about = 0x5678; /* another takes its place: nothing of the first is said of it */
    send_sound(&r, 0x5678, 9);
    run_ms(w, 7000);
    assert_true(r.report.has_block);
    assert_int_equal(k->max_seq, 9);
    assert_int_equal(k->lost + (int32_t)k->lsr + (int32_t)k->dlsr, 0);
    net_udp_close(r.net, r.udp);
    world_close(w);
}

static void what_is_no_rtp_is_counted_and_harmless(void **state)
{
    struct world *w = world_open();
    struct raw    r = {.mirror = false};

    (void)state;
    raw_open(w, &r);
    raw_send(&r, "", 0);
    raw_send(&r, "hello", 5);
    raw_send(&r, "\x80\x08\0\1\0\0\0\1\0\0\0\1", 11);
    raw_send(&r, "\x80\xc8 no RTCP", 10);
    run_ms(w, 10);
    assert_int_equal(stats(&w->a).malformed, 4);
    raw_send(&r, "\x80\x12\0\1\0\0\0\1\0\0\0\1xxxx", 16); /* G.729 */
    raw_send(&r, "\x80\x08\0\2\0\0\0\1\0\0\0\1", 12);     /* empty */
    raw_send(&r, "\x80\x65\0\3\0\0\0\1\0\0\0\1\1", 13);   /* an event cut short */
    raw_send(&r, "\x80\x65\0\4\0\0\0\1\0\0\0\1\xff\x80\1\0", 16); /* an event that is no key */
    run_ms(w, 100);
    assert_int_equal(stats(&w->a).unknown_pt, 1);
    assert_int_equal(stats(&w->a).received_packets, 4);
    assert_int_equal(told(&w->a, MEDIA_EVENT_DIGIT), 0);
    net_udp_close(r.net, r.udp);
    world_close(w);
}

/* ---- ports ---- */

static void pairs_come_from_the_range_even_and_odd(void **state)
{
    struct world       *w = world_open();
    struct media_config c = config(w, &w->a, 5);
    struct media       *m[4];
    bool                used[3] = {false};

    (void)state;
    c.on_event = NULL;
    c.port_min = 40001;
    c.port_max = 40007;
    for (size_t i = 0; i < 3; i++) {
        struct addr rtp, rtcp;

        assert_int_equal(media_open(&m[i], &c), ERR_OK);
        media_local(m[i], &rtp, &rtcp);
        assert_in_range(rtp.port, 40002, 40006);
        assert_int_equal(rtp.port % 2, 0);
        assert_int_equal(rtcp.port, rtp.port + 1);
        assert_false(used[(rtp.port - 40002) / 2]);
        used[(rtp.port - 40002) / 2] = true;
    }
    assert_int_equal(media_open(&m[3], &c), ERR_BUSY);
    media_close(m[1]);
    assert_int_equal(media_open(&m[1], &c), ERR_OK);
    for (size_t i = 0; i < 3; i++)
        media_close(m[i]);
    c.port_max = 40002;
    assert_int_equal(media_open(&m[0], &c), ERR_INVALID);
    c.port_min = c.port_max = 0;
    c.local.ip[3] = 99;
    assert_int_equal(media_open(&m[0], &c), ERR_INVALID); /* no address of this machine */
    media_close(NULL);
    world_close(w);
}

/* ---- life ---- */

static void an_owner_may_close_it_when_told(void **state)
{
    struct world *w = world_open();

    (void)state;
    w->b.close_at_digit = true;
    talk(w);
    assert_int_equal(media_send_digits(w->a.media, S("55"), 0), ERR_OK);
    run_ms(w, 2000);
    assert_null(w->b.media);
    assert_string_equal(w->b.digits, "5");
    world_close(w);
}

static void without_memory_it_is_refused_and_nothing_leaks(void **state)
{
    struct world       *w = world_open();
    struct media_config c = config(w, &w->a, 5);
    struct heap_failing failing;
    struct media       *m;

    (void)state;
    heap_failing_init(&failing, &w->heap.mem, 1);
    c.mem = &failing.mem;
    assert_int_equal(media_open(&m, &c), ERR_NOMEM);
    heap_failing_init(&failing, &w->heap.mem, 2); /* the session, then the meter or a file */
    assert_int_equal(media_open(&m, &c), ERR_OK);
    assert_int_equal(media_listen(m, NULL, 0), ERR_NOMEM);
    assert_int_equal(media_listen(m, NULL, 0), ERR_OK);
    heap_failing_init(&failing, &w->heap.mem, 1);
    assert_int_equal(media_record(m, "/tmp/never-written.wav"), ERR_NOMEM);
    heap_failing_init(&failing, &w->heap.mem, 1);
    assert_int_equal(media_play_file(m, "/tmp/never-read.wav", false), ERR_NOMEM);
    media_close(m);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phone_behind_a_nat_is_heard_and_answered),
        cmocka_unit_test(strangers_are_not_heard),
        cmocka_unit_test(a_new_far_end_is_heard_at_once),
        cmocka_unit_test(a_mirror_is_heard_after_a_new_ssrc),
        cmocka_unit_test(a_talk_spurt_is_marked_and_time_goes_on),
        cmocka_unit_test(a_report_tells_what_was_heard),
        cmocka_unit_test(what_is_no_rtp_is_counted_and_harmless),
        cmocka_unit_test(pairs_come_from_the_range_even_and_odd),
        cmocka_unit_test(an_owner_may_close_it_when_told),
        cmocka_unit_test(without_memory_it_is_refused_and_nothing_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
