/* opus_voice_test.c - Opus by itself, between two ends, and in a mixer. A build without it passes all of this over. */
#include "net/fake/fake.h"

#include "media/world_test.h"

#include <math.h>
#include <stdio.h>

#include "media/opus_voice.h"
#include "media/wide.h"

enum { FRAME = WIDE_RATE_HZ / 50, PT_OPUS = 96, PACKET = 640 };

static struct opus_voice *opened(void)
{
    struct opus_voice *v = NULL;

    if (!opus_voice_is_there()) {
        assert_int_equal(opus_voice_open(&v), ERR_UNSUPPORTED);
        assert_null(v);
        skip();
    }
    assert_int_equal(opus_voice_open(&v), ERR_OK);
    return v;
}

/* Something like a voice: harmonics of a pitch that moves, louder and softer. */
static void speak(int16_t *pcm, size_t n)
{
    static double phase;
    static size_t at;

    for (size_t i = 0; i < n; i++, at++) {
        double t = (double)at / WIDE_RATE_HZ, v = 0;

        phase += 2 * M_PI * (130 + 25 * sin(2 * M_PI * 2 * t)) / WIDE_RATE_HZ;
        for (int h = 1; h < 16; h++)
            v += sin(h * phase) / h;
        pcm[i] = (int16_t)(3000 * v * (0.6 + 0.4 * sin(2 * M_PI * 3 * t)));
    }
}

static struct slice payload(const uint8_t *octets, size_t n)
{
    return (struct slice){(const char *)octets, n};
}

/* How much of a frame there is at so many Hz. */
static double level(const int16_t *pcm, double hz)
{
    double re = 0, im = 0;

    for (size_t i = 0; i < FRAME; i++) {
        re += pcm[i] * cos(2 * M_PI * hz * (double)i / WIDE_RATE_HZ);
        im += pcm[i] * sin(2 * M_PI * hz * (double)i / WIDE_RATE_HZ);
    }
    return sqrt(re * re + im * im);
}

/* How far the sound of one frame is from another's: their spectra to 2 kHz, as a share of the second's energy. */
static double distance(const int16_t *is, const int16_t *shall)
{
    double off = 0, all = 1;

    for (unsigned hz = 50; hz < 2000; hz += 50) {
        double a = level(is, hz), b = level(shall, hz);

        off += (a - b) * (a - b);
        all += b * b;
    }
    return off / all;
}

static void packets_are_as_long_as_they_say(void **state)
{
    static const size_t times[] = {10, 20, 40, 60};
    struct opus_voice  *v = opened();
    int16_t             pcm[60 * 16], out[OPUS_VOICE_MAX_MS * 16];
    uint8_t             octets[PACKET];

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        size_t samples = times[i] * WIDE_RATE_HZ / 1000, n;

        speak(pcm, samples);
        n = opus_voice_encode(v, pcm, samples, octets, sizeof octets);
        assert_in_range(n, 10, 400);
        assert_int_equal(opus_voice_units(payload(octets, n)), times[i] * 48);
        assert_int_equal(opus_voice_decode(v, payload(octets, n), out, sizeof out / sizeof *out), samples);
        assert_int_equal(opus_voice_decode(v, payload(octets, n), out, samples - 1), 0); /* no room: nothing */
    }
    assert_int_equal(opus_voice_encode(v, pcm, 30 * 16, octets, sizeof octets), 0); /* Opus has no such frame */
    opus_voice_close(v);
}

/* Whatever comes: at most what was asked for, and nothing beyond it. */
static void rubbish_is_no_more_than_noise(void **state)
{
    struct opus_voice *v = opened();
    int16_t            out[OPUS_VOICE_MAX_MS * 16];
    uint8_t            octets[64];
    uint32_t           x = 1;

    (void)state;
    assert_int_equal(opus_voice_units(SLICE_NONE), 0);
    for (unsigned i = 0; i < 5000; i++) {
        size_t n = i % sizeof octets + 1, max = sizeof out / sizeof *out;

        for (size_t k = 0; k < n; k++)
            octets[k] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
        assert_true(opus_voice_decode(v, payload(octets, n), out, max) <= max);
        opus_voice_rescue(v, payload(octets, n), out, FRAME);
    }
    opus_voice_conceal(v, out, 123); /* no whole number of steps */
    opus_voice_close(v);
}

/* Syllables, of which each time the first packet is lost: nothing before it says what it was, but the packet after it has a
 * copy, when the other end has said that it can use that. Measured against the same stream without loss. */
static double lose_some(bool fec, bool rescue)
{
    struct opus_voice *out = opened(), *in = opened(), *whole = opened();
    int16_t            pcm[FRAME], got[FRAME], made[FRAME], was[FRAME];
    uint8_t            octets[PACKET];
    double             sum = 0;
    unsigned           n_lost = 0;

    opus_voice_tune(out, &(struct media_opus){.fec = fec});
    for (unsigned i = 0; i < 500; i++) {
        size_t n;
        bool   lost = i % 10 == 7, after = i % 10 == 8;

        speak(pcm, FRAME);
        if (i % 10 < 7)
            memset(pcm, 0, sizeof pcm);
        n = opus_voice_encode(out, pcm, FRAME, octets, sizeof octets);
        if (after) {
            if (rescue)
                opus_voice_rescue(in, payload(octets, n), made, FRAME);
            else
                opus_voice_conceal(in, made, FRAME);
            sum += distance(made, was);
            n_lost++;
        }
        assert_int_equal(opus_voice_decode(whole, payload(octets, n), was, FRAME), FRAME);
        if (!lost)
            assert_int_equal(opus_voice_decode(in, payload(octets, n), got, FRAME), FRAME);
    }
    opus_voice_close(out);
    opus_voice_close(in);
    opus_voice_close(whole);
    return sum / n_lost;
}

static void what_was_lost_is_in_the_next_packet(void **state)
{
    double with = lose_some(true, true), made_up = lose_some(true, false), without = lose_some(false, true);

    (void)state;
    print_message("distance: %.3f by the copy, %.3f made up, %.3f where there is no copy\n", with, made_up, without);
    assert_true(with < made_up / 2);
    assert_true(with < without / 2);
}

/* RFC 7587 §6.1: who plays 8 kHz only gets no more (the first octet says the band: RFC 6716 §3.1), nor more bits than wanted. */
static void the_other_end_s_limits_are_kept(void **state)
{
    static const struct {
        struct media_opus wish;
        unsigned          least, most; /* the configuration number */
    } cases[] = {{{.max_hz = 8000}, 0, 3}, {{.max_hz = 12000}, 4, 7}, {{.max_hz = 16000}, 8, 11}, {{.max_hz = 48000}, 8, 11}};
    struct opus_voice *v = opened();
    int16_t            pcm[FRAME];
    uint8_t            octets[PACKET];
    size_t             sum = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct opus_voice *fresh = opened();

        opus_voice_tune(fresh, &cases[i].wish);
        for (unsigned k = 0; k < 50; k++) {
            speak(pcm, FRAME);
            assert_true(opus_voice_encode(fresh, pcm, FRAME, octets, sizeof octets) > 0);
            assert_true(octets[0] >> 3 <= cases[i].most);
        }
        assert_true(octets[0] >> 3 >= cases[i].least);
        opus_voice_close(fresh);
    }
    opus_voice_tune(v, &(struct media_opus){.max_bits_s = 8000, .cbr = true});
    for (unsigned k = 0; k < 50; k++) {
        speak(pcm, FRAME);
        sum += opus_voice_encode(v, pcm, FRAME, octets, sizeof octets);
    }
    assert_in_range(sum, 950, 1050); /* 8 kbit/s for a second */
    opus_voice_tune(v, &(struct media_opus){.max_bits_s = 1}); /* less than there is */
    speak(pcm, FRAME);
    assert_true(opus_voice_encode(v, pcm, FRAME, octets, sizeof octets) > 0);
    opus_voice_close(v);
}

/* ---- between two ends ---- */

static struct media_params opus_towards(const struct end *other)
{
    struct media_params p = towards(other);

    p.formats[1] = p.formats[0];
    p.formats[0] = (struct media_format){.codec = MEDIA_OPUS, .send_pt = PT_OPUS, .recv_pt = PT_OPUS, .opus = {.fec = true}};
    p.event_hz = OPUS_VOICE_CLOCK_HZ;
    return p;
}

static struct world *opus_talk(uint16_t ptime_ms)
{
    struct world       *w;
    struct media_params a, b;

    if (!opus_voice_is_there())
        skip();
    w = world_open();
    a = opus_towards(&w->b);
    b = opus_towards(&w->a);
    a.ptime_ms = b.ptime_ms = ptime_ms;
    set(&w->a, &a);
    set(&w->b, &b);
    tones_and_meters(w);
    return w;
}

/* Its clock is 48000 (RFC 7587 §4.1): were it counted otherwise, the jitter would be some 20 ms. */
static void opus_is_heard_at_every_packet_time(void **state)
{
    static const uint16_t times[][2] = {{10, 10}, {0, 20}, {30, 20}, {40, 40}, {50, 40}, {60, 60}};

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct world      *w = opus_talk(times[i][0]);
        struct media_stats s;

        run_ms(w, 3000);
        assert_in_range(media_heard_ms(w->b.media, 440), 2600, 3000);
        assert_in_range(media_heard_ms(w->a.media, 660), 2600, 3000);
        s = stats(&w->a);
        assert_in_range(s.sent_packets, 2900u / times[i][1], 3100u / times[i][1]);
        assert_int_equal(s.lost + (int)s.unknown_pt + (int)s.malformed, 0);
        assert_in_range(s.jitter_us, 0, 1000);
        world_close(w);
    }
}

static void keys_are_told_by_the_clock_of_opus(void **state)
{
    struct world *w = opus_talk(0);

    (void)state;
    assert_int_equal(media_send_digits(w->a.media, S("1#"), 200), ERR_OK);
    run_ms(w, 2000);
    assert_string_equal(w->b.digits, "1#");
    for (size_t i = 0; i < w->b.n_log; i++)
        if (w->b.log[i].kind == MEDIA_EVENT_DIGIT)
            assert_int_equal(w->b.log[i].ms, 200);
    world_close(w);
}

static void losses_do_not_stop_it(void **state)
{
    struct world      *w = opus_talk(0);
    struct fake_link   link = {.delay_us = 20000, .jitter_us = 30000, .loss_ppm = 100000, .duplicate_ppm = 10000};
    struct media_stats s;

    (void)state;
    fake_set_link(w->fake, &link);
    run_ms(w, 30000);
    assert_true(media_heard_ms(w->b.media, 440) > 26000);
    s = stats(&w->b);
    assert_in_range(s.lost, 80, 220); /* 10 % of 1500 */
    assert_in_range(s.jitter_us, 5000, 15000);
    assert_in_range(s.concealed_ms, 1200, 6000);
    world_close(w);
}

/* To A-law and back in mid-call, one direction first; timestamps and jitter go by the codec that is spoken. */
static void the_codec_may_change_in_mid_call(void **state)
{
    struct world       *w = opus_talk(0);
    struct media_params opus = w->a.params, alaw = w->a.params;

    (void)state;
    alaw.formats[0] = opus.formats[1];
    alaw.formats[1] = opus.formats[0];
    run_ms(w, 1000);
    set(&w->a, &alaw);
    assert_int_equal(media_listen(w->b.media, NULL, 0), ERR_OK);
    assert_int_equal(media_listen(w->a.media, NULL, 0), ERR_OK);
    run_ms(w, 2000);
    assert_in_range(media_heard_ms(w->b.media, 440), 1600, 2000);
    assert_in_range(media_heard_ms(w->a.media, 660), 1600, 2000); /* Opus, heard at 8 kHz */
    assert_int_equal(stats(&w->a).rtcp_received > 0, stats(&w->b).rtcp_sent > 0);
    set(&w->a, &opus);
    assert_int_equal(media_listen(w->b.media, NULL, 0), ERR_OK);
    run_ms(w, 2000);
    assert_in_range(media_heard_ms(w->b.media, 440), 1600, 2000);
    assert_in_range(stats(&w->b).jitter_us, 0, 5000);
    world_close(w);
}

/* One who speaks Opus and one who speaks A-law hear each other by a mixer. */
static void a_mixer_brings_it_together_with_others(void **state)
{
    struct world       *w = opus_talk(0);
    struct media_config c = config(w, &w->a, 3);
    struct media       *here, *there;
    struct media_params p = w->b.params;
    struct media_mixer *x;
    struct end          far = {.net = w->a.net, .host = w->a.host};

    (void)state;
    c.on_event = NULL;
    assert_int_equal(media_open(&here, &c), ERR_OK);
    c.seed = 4;
    assert_int_equal(media_open(&there, &c), ERR_OK);
    media_local(there, &far.rtp, &far.rtcp);
    p = towards(&far);
    assert_int_equal(media_set(here, &p), ERR_OK);
    media_local(here, &far.rtp, &far.rtcp);
    p = towards(&far);
    assert_int_equal(media_set(there, &p), ERR_OK);
    assert_int_equal(media_play_tone(there, &(struct media_tone){.hz = 880, .level_dbm0 = -10}), ERR_OK);
    assert_int_equal(media_listen(there, NULL, 0), ERR_OK);

    media_play_silence(w->a.media);
    assert_int_equal(media_mixer_open(&x, w->a.net, &w->heap.mem), ERR_OK);
    assert_int_equal(media_join(w->a.media, x), ERR_OK);
    assert_int_equal(media_join(here, x), ERR_OK);
    assert_int_equal(media_listen(w->b.media, NULL, 0), ERR_OK);
    run_ms(w, 3000);
    assert_in_range(media_heard_ms(there, 660), 2500, 3000);
    assert_in_range(media_heard_ms(w->b.media, 880), 2500, 3000);
    assert_in_range(media_heard_ms(w->b.media, 660), 0, 0);
    media_mixer_close(x);
    media_close(here);
    media_close(there);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_as_long_as_they_say),
        cmocka_unit_test(rubbish_is_no_more_than_noise),
        cmocka_unit_test(what_was_lost_is_in_the_next_packet),
        cmocka_unit_test(the_other_end_s_limits_are_kept),
        cmocka_unit_test(opus_is_heard_at_every_packet_time),
        cmocka_unit_test(keys_are_told_by_the_clock_of_opus),
        cmocka_unit_test(losses_do_not_stop_it),
        cmocka_unit_test(the_codec_may_change_in_mid_call),
        cmocka_unit_test(a_mixer_brings_it_together_with_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
