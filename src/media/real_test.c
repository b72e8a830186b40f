/* real_test.c - two ends on loopback sockets, in real time: as short as it can be. */
#include "media/media.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sys/heap.h"

enum { DEADLINE_MS = 10000 };

struct call {
    struct net      *net;
    struct media    *a, *b;
    unsigned         heard; /* one bit each */
    char             digit;
    struct net_timer deadline;
    bool             late;
};

static void on_event(void *arg, struct media *m, const struct media_event *e)
{
    struct call *c = arg;

    if (e->kind == MEDIA_EVENT_TONE && m == c->a && e->hz >= 655 && e->hz <= 665)
        c->heard |= 1;
    if (e->kind == MEDIA_EVENT_TONE && m == c->b && e->hz >= 435 && e->hz <= 445)
        c->heard |= 2;
    if (e->kind == MEDIA_EVENT_DIGIT && m == c->b)
        c->digit = e->digit;
    if (c->heard == 3 && c->digit)
        net_real_stop(c->net);
}

static void on_deadline(void *arg)
{
    struct call *c = arg;

    c->late = true;
    net_real_stop(c->net);
}

static void connect_to(struct media *m, struct media *other)
{
    struct media_params p = {.formats = {{.codec = MEDIA_PCMA, .send_pt = 8, .recv_pt = 8}}, .n_formats = 1, .events = true, .event_send_pt = 101,
                             .event_recv_pt = 101, .send = true, .receive = true};

    media_local(other, &p.rtp, &p.rtcp);
    assert_int_equal(media_set(m, &p), ERR_OK);
    assert_int_equal(media_listen(m, NULL, 0), ERR_OK);
}

static void tones_and_digits_pass_over_real_sockets(void **state)
{
    struct mem          mem;
    struct call         c = {.deadline = {.fire = on_deadline}};
    struct media_config config = {.mem = &mem, .seed = 1, .on_event = on_event, .arg = &c};
    struct media_stats  s;

    (void)state;
    heap_mem(&mem);
    assert_int_equal(net_real_open(&mem, &c.net), ERR_OK);
    assert_int_equal(addr_parse_ip(S("127.0.0.1"), &config.local), ERR_OK);
    config.net = c.net;
    assert_int_equal(media_open(&c.a, &config), ERR_OK);
    config.seed = 2;
    assert_int_equal(media_open(&c.b, &config), ERR_OK);
    connect_to(c.a, c.b);
    connect_to(c.b, c.a);
    assert_int_equal(media_play_tone(c.a, &(struct media_tone){.hz = 440, .level_dbm0 = -10}), ERR_OK);
    assert_int_equal(media_play_tone(c.b, &(struct media_tone){.hz = 660, .level_dbm0 = -10}), ERR_OK);
    assert_int_equal(media_send_digits(c.a, S("7"), 60), ERR_OK);
    c.deadline.arg = &c;
    net_timer_set(c.net, &c.deadline, net_now_us(c.net) + DEADLINE_MS * 1000);
    net_real_run(c.net);
    net_timer_cancel(c.net, &c.deadline);
    assert_false(c.late);
    assert_int_equal(c.digit, '7');
    media_stats(c.a, &s);
    assert_true(s.sent_packets >= 15 && s.received_packets >= 15);
    assert_int_equal(s.foreign + s.malformed + s.unknown_pt, 0);
    media_close(c.a);
    media_close(c.b);
    net_real_close(c.net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tones_and_digits_pass_over_real_sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
