/* mixer_test.c - several streams together, in virtual time: who hears whom. */
#include "net/fake/fake.h"

#include "media/media_priv.h"
#include "media/world_test.h"

#include <math.h>

#include <stdio.h>

enum { PEERS = 5 };

static const uint16_t voices[PEERS] = {440, 660, 880, 1100, 1320};

struct room {
    struct world        w;           /* its heap and fake; its ends are not used */
    struct fake_node   *node;
    struct net         *net;
    struct addr         host;
    struct media       *member[PEERS];
    struct end          peer[PEERS];
    struct media_mixer *mixer;
    size_t              n;
    int                 close_at_digit; /* whose digit closes the mixer and that member; -1: nobody's */
};

static void on_member(void *arg, struct media *m, const struct media_event *e)
{
    struct room *r = arg;

    if (e->kind != MEDIA_EVENT_DIGIT || r->close_at_digit < 0 || m != r->member[r->close_at_digit])
        return;
    media_close(m);
    r->member[r->close_at_digit] = NULL;
    media_mixer_close(r->mixer);
    r->mixer = NULL;
}

static void peer_open(struct room *r, size_t i, uint16_t ptime_ms)
{
    struct end         *p = &r->peer[i];
    struct media_config mc = {.net = r->net, .mem = &r->w.heap.mem, .local = r->host, .seed = 100 + i, .on_event = on_member, .arg = r};
    struct media_params here = towards(p), there;
    struct addr         rtp, rtcp;
    char                host[32];

    snprintf(host, sizeof host, "192.0.2.%zu", 10 + i);
    end_open(&r->w, p, host, 10 + i);
    assert_int_equal(media_open(&r->member[i], &mc), ERR_OK);
    media_local(r->member[i], &rtp, &rtcp);
    here = towards(p);
    here.ptime_ms = ptime_ms;
    assert_int_equal(media_set(r->member[i], &here), ERR_OK);
    there = here;
    there.rtp = rtp;
    there.rtcp = rtcp;
    set(p, &there);
    tone(p, voices[i]);
    assert_int_equal(media_listen(p->media, NULL, 0), ERR_OK);
    r->n++;
}

static struct room *room_open(void)
{
    struct room       *r = calloc(1, sizeof *r);
    struct fake_config c = {.seed = 7};

    assert_non_null(r);
    r->close_at_digit = -1;
    heap_counted_init(&r->w.heap, NULL, 0);
    c.mem = &r->w.heap.below;
    assert_int_equal(fake_open(&c, &r->w.fake), ERR_OK);
    assert_int_equal(fake_add_node(r->w.fake, "192.0.2.1", 1, &r->node), ERR_OK);
    r->net = fake_net(r->node, 0);
    assert_int_equal(addr_parse_ip(S("192.0.2.1"), &r->host), ERR_OK);
    assert_int_equal(media_mixer_open(&r->mixer, r->net, &r->w.heap.mem), ERR_OK);
    return r;
}

static void room_close(struct room *r)
{
    struct fake_counts counts;

    for (size_t i = 0; i < r->n; i++) {
        media_close(r->member[i]);
        end_close(&r->peer[i]);
    }
    media_mixer_close(r->mixer);
    fake_node_counts(r->node, &counts);
    assert_int_equal(counts.udp + counts.timers + counts.posts, 0);
    fake_close(r->w.fake);
    assert_int_equal(r->w.heap.octets, 0);
    free(r);
}

static void join(struct room *r, size_t i)
{
    assert_int_equal(media_join(r->member[i], r->mixer), ERR_OK);
}

static void listen_anew(struct room *r)
{
    for (size_t i = 0; i < r->n; i++)
        assert_int_equal(media_listen(r->peer[i].media, NULL, 0), ERR_OK);
}

/* Does that peer hear the other's voice, all the time but for what the way takes? */
static bool hears(const struct room *r, size_t i, size_t other, uint32_t ms)
{
    return media_heard_ms(r->peer[i].media, voices[other]) + 500 >= ms;
}

static bool hears_not(const struct room *r, size_t i, size_t other)
{
    return media_heard_ms(r->peer[i].media, voices[other]) == 0;
}

static void each_hears_all_others_and_not_itself(void **state)
{
    struct room *r = room_open();

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        peer_open(r, i, 20);
        join(r, i);
    }
    assert_int_equal(media_mixer_members(r->mixer), 3);
    run_ms(&r->w, 3000);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++)
            assert_true(i == k ? hears_not(r, i, k) : hears(r, i, k, 3000));
    room_close(r);
}

/* Every 10, 30, 40 and 60 ms: packets as each wants them, the same sound. */
static void packet_times_may_differ(void **state)
{
    static const uint16_t times[PEERS] = {10, 30, 40, 60, 20};
    struct room          *r = room_open();
    struct media_stats    s;

    (void)state;
    for (size_t i = 0; i < PEERS; i++) {
        peer_open(r, i, times[i]);
        join(r, i);
    }
    run_ms(&r->w, 3000);
    for (size_t i = 0; i < PEERS; i++) {
        s = stats(&r->peer[i]);
        assert_in_range(s.received_packets, 2900u / times[i], 3010u / times[i]);
        assert_int_equal(s.lost, 0);
        for (size_t k = 0; k < PEERS; k++)
            assert_true(i == k ? hears_not(r, i, k) : hears(r, i, k, 3000));
    }
    room_close(r);
}

/* Both ends of that one speak G.722 from now on. */
static void make_wide(struct room *r, size_t i)
{
    struct media_params here = towards(&r->peer[i]), there;
    struct addr         rtp, rtcp;

    here.formats[0] = (struct media_format){.codec = MEDIA_G722, .send_pt = 9, .recv_pt = 9};
    here.n_formats = 1;
    media_local(r->member[i], &rtp, &rtcp);
    there = here;
    there.rtp = rtp;
    there.rtcp = rtcp;
    assert_int_equal(media_set(r->member[i], &here), ERR_OK);
    set(&r->peer[i], &there);
}

/* What a media of 16 kHz heard last, at that frequency: 0 to 1 of full scale. */
static double wide_level(const struct media *m, double hz)
{
    double re = 0, im = 0;
    size_t n = WIDE_RATE_HZ / 50;

    for (size_t i = 0; i < n; i++) {
        re += m->mix.heard[i] * cos(2 * M_PI * hz * (double)i / WIDE_RATE_HZ);
        im += m->mix.heard[i] * sin(2 * M_PI * hz * (double)i / WIDE_RATE_HZ);
    }
    return 2 * sqrt(re * re + im * im) / (double)n / 32768;
}

/* One who has wide band hears all of another who has, and the telephone's part of one who has not, who hears both. */
static void wide_band_stays_wide(void **state)
{
    const struct media_tone high = {.hz = 6000, .level_dbm0 = -10};
    struct room            *r = room_open();
    struct media_mixer     *ear;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        peer_open(r, i, 20);
        join(r, i);
    }
    make_wide(r, 0);
    make_wide(r, 1);
    /* A tone above what is possible at 8 kHz, and a mixer of one as an ear for 16 kHz. */
    assert_int_equal(tone_init(&r->peer[1].media->source.tone, &high, WIDE_RATE_HZ), ERR_OK);
    assert_int_equal(media_mixer_open(&ear, r->peer[0].net, &r->w.heap.mem), ERR_OK);
    assert_int_equal(media_join(r->peer[0].media, ear), ERR_OK);
    run_ms(&r->w, 2000);
    assert_in_range((int)(100 * wide_level(r->peer[0].media, 6000)), 15, 30); /* -10 dBm0: 0.22 */
    assert_in_range((int)(100 * wide_level(r->peer[0].media, voices[2])), 15, 30);
    assert_int_equal((int)(100 * wide_level(r->peer[0].media, 2000)), 0);
    assert_true(hears(r, 2, 0, 2000));
    assert_true(hears(r, 0, 2, 2000)); /* and what recorder and meter get is right */
    listen_anew(r);
    run_ms(&r->w, 1000);
    assert_int_equal(media_heard_ms(r->peer[2].media, 2000), 0); /* 6 kHz is gone there, not folded down to 2 */
    media_mixer_close(ear);
    room_close(r);
}

static void who_leaves_is_alone(void **state)
{
    struct room *r = room_open();

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        peer_open(r, i, 20);
        join(r, i);
    }
    run_ms(&r->w, 1000);
    media_leave(r->member[0]);
    run_ms(&r->w, 300);
    listen_anew(r);
    run_ms(&r->w, 2000);
    assert_true(hears_not(r, 0, 1) && hears_not(r, 0, 2) && hears_not(r, 1, 0) && hears_not(r, 2, 0));
    assert_true(hears(r, 1, 2, 2000) && hears(r, 2, 1, 2000));
    assert_int_equal(stats(&r->peer[0]).lost, 0); /* its own clock went on where the mixer's ended */
    join(r, 0);
    listen_anew(r);
    run_ms(&r->w, 2000);
    assert_true(hears(r, 0, 1, 2000) && hears(r, 1, 0, 2000));
    room_close(r);
}

/* What a member is told to play is for its peer alone, and beside the others' voices. */
static void what_one_is_played_the_others_do_not_hear(void **state)
{
    struct media_tone t = {.hz = 2000, .level_dbm0 = -10};
    struct room      *r = room_open();

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        peer_open(r, i, 20);
        join(r, i);
    }
    assert_int_equal(media_play_tone(r->member[0], &t), ERR_OK);
    run_ms(&r->w, 2000);
    assert_true(media_heard_ms(r->peer[0].media, 2000) >= 1500 && hears(r, 0, 1, 2000));
    assert_int_equal(media_heard_ms(r->peer[1].media, 2000), 0);
    room_close(r);
}

static void a_tone_for_all_is_heard_by_all(void **state)
{
    struct media_tone t = {.hz = 2000, .level_dbm0 = -10};
    struct room      *r = room_open();

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        peer_open(r, i, 20);
        join(r, i);
    }
    run_ms(&r->w, 300);
    assert_int_equal(media_mixer_play_tone(r->mixer, &t, 1000), ERR_OK);
    run_ms(&r->w, 3000);
    for (size_t i = 0; i < 3; i++)
        assert_in_range(media_heard_ms(r->peer[i].media, 2000), 700, 1100);
    room_close(r);
}

/* Held by its peer, or by us: nothing is heard of it, nothing sent to it, and it comes back. */
static void a_direction_may_change_meanwhile(void **state)
{
    struct media_params p;
    struct media_stats  before, after;
    struct room        *r = room_open();

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        peer_open(r, i, 20);
        join(r, i);
    }
    p = towards(&r->peer[0]);
    p.send = p.receive = false;
    assert_int_equal(media_set(r->member[0], &p), ERR_OK);
    run_ms(&r->w, 300);
    listen_anew(r);
    before = stats(&r->peer[0]);
    run_ms(&r->w, 1000);
    after = stats(&r->peer[0]);
    assert_int_equal(before.received_packets, after.received_packets);
    assert_true(hears_not(r, 1, 0));
    p.send = p.receive = true;
    assert_int_equal(media_set(r->member[0], &p), ERR_OK);
    run_ms(&r->w, 2000);
    assert_true(hears(r, 1, 0, 2000) && hears(r, 0, 1, 2000));
    room_close(r);
}

/* Five at full loudness: cut at full scale, not turned over; and no more members than there may be. */
static void too_loud_is_cut(void **state)
{
    struct media_tone loud = {.hz = 440, .level_dbm0 = 3};
    struct room      *r = room_open();

    (void)state;
    for (size_t i = 0; i < PEERS; i++) {
        peer_open(r, i, 20);
        join(r, i);
        assert_int_equal(media_play_tone(r->peer[i].media, &loud), ERR_OK);
    }
    run_ms(&r->w, 2000);
    assert_true(media_heard_ms(r->peer[0].media, 440) >= 1500); /* turned over it would be noise */
    room_close(r);
}

/* A key closes its member and the mixer, from inside the event. */
static void all_may_end_in_an_event(void **state)
{
    struct room *r = room_open();

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        peer_open(r, i, 20);
        join(r, i);
    }
    run_ms(&r->w, 500);
    r->close_at_digit = 1;
    assert_int_equal(media_send_digits(r->peer[1].media, S("5"), 0), ERR_OK);
    run_ms(&r->w, 1000);
    assert_null(r->mixer);
    assert_null(r->member[1]);
    listen_anew(r);
    run_ms(&r->w, 1000);
    assert_true(hears_not(r, 0, 2));
    room_close(r);
}

static void it_has_an_end(void **state)
{
    struct room  *r = room_open();
    struct media *m[MEDIA_MIX_MAX + 1];

    (void)state;
    for (unsigned i = 0; i <= MEDIA_MIX_MAX; i++) {
        struct media_config mc = {.net = r->net, .mem = &r->w.heap.mem, .local = r->host, .seed = i};

        assert_int_equal(media_open(&m[i], &mc), ERR_OK);
        assert_int_equal(media_join(m[i], r->mixer), i < MEDIA_MIX_MAX ? ERR_OK : ERR_FULL);
    }
    for (unsigned i = 0; i <= MEDIA_MIX_MAX; i++)
        media_close(m[i]);
    assert_int_equal(media_mixer_members(r->mixer), 0);
    room_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_hears_all_others_and_not_itself),
        cmocka_unit_test(packet_times_may_differ),
        cmocka_unit_test(wide_band_stays_wide),
        cmocka_unit_test(who_leaves_is_alone),
        cmocka_unit_test(what_one_is_played_the_others_do_not_hear),
        cmocka_unit_test(a_tone_for_all_is_heard_by_all),
        cmocka_unit_test(a_direction_may_change_meanwhile),
        cmocka_unit_test(too_loud_is_cut),
        cmocka_unit_test(all_may_end_in_an_event),
        cmocka_unit_test(it_has_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
