/* session_test.c - two ends of a call talk: sound, digits, hold, reports, files; in virtual time. */
#include "net/fake/fake.h"

#include "media/world_test.h"

#include <stdio.h>
#include <unistd.h>

static void each_hears_the_others_tone(void **state)
{
    struct world      *w = world_open();
    struct media_heard heard[MEDIA_MAX_HEARD];
    struct media_stats s;

    (void)state;
    talk(w);
    tones_and_meters(w);
    run_ms(w, 3000);
    assert_in_range(media_heard_ms(w->a.media, 660), 2800, 3000);
    assert_in_range(media_heard_ms(w->b.media, 440), 2800, 3000);
    assert_int_equal(media_heard_ms(w->a.media, 440), 0);
    assert_int_equal(media_heard(w->b.media, heard, MEDIA_MAX_HEARD), 1);
    assert_in_range(heard[0].hz, 439, 441);
    assert_in_range(heard[0].level_dbm0 + 100, 89, 91);
    assert_int_equal(told(&w->a, MEDIA_EVENT_HEARD), 1);
    assert_int_equal(told(&w->a, MEDIA_EVENT_TONE), 1);
    assert_int_equal(w->b.log[told(&w->b, MEDIA_EVENT_HEARD)].hz, 440);
    s = stats(&w->a);
    assert_in_range(s.sent_packets, 150, 151);
    assert_int_equal(s.sent_octets, s.sent_packets * 160);
    assert_in_range(s.received_packets, 149, 151);
    assert_int_equal(s.lost, 0);
    assert_int_equal(s.jitter_us, 0);
    assert_int_equal(s.concealed_ms + s.late + s.ran_dry, 0);
    assert_true(s.far_ssrc == stats(&w->b).ssrc && addr_eq(&s.far, &w->b.rtp));
    world_close(w);
}

static void nothing_is_said_before_it_was_agreed(void **state)
{
    struct world *w = world_open();

    (void)state;
    tone(&w->a, 440);
    run_ms(w, 10000);
    assert_int_equal(w->sent, 0);
    world_close(w);
}

static void losses_are_counted_and_concealed(void **state)
{
    struct world      *w = world_open();
    struct fake_link   link = {.delay_us = 20000, .jitter_us = 30000, .loss_ppm = 50000, .duplicate_ppm = 10000};
    struct media_stats s;

    (void)state;
    fake_set_link(w->fake, &link);
    talk(w);
    tones_and_meters(w);
    run_ms(w, 30000);
    assert_true(media_heard_ms(w->b.media, 440) > 27000);
    s = stats(&w->b);
    assert_in_range(s.lost, 25, 110); /* 5 % of 1500, less 1 % that came twice */
    assert_true(s.duplicate > 0);
    assert_in_range(s.jitter_us, 5000, 15000); /* of 30 ms at random */
    assert_in_range(s.delay_ms, 35, 80);
    assert_in_range(s.concealed_ms, 600, 4000);
    assert_true(s.reported && s.far_lost > 20 && s.far_jitter_us > 5000);
    world_close(w);
}

static void rtcp_tells_the_round_trip(void **state)
{
    struct world      *w = world_open();
    struct fake_link   link = {.delay_us = 35000};
    struct media_stats s;

    (void)state;
    fake_set_link(w->fake, &link);
    talk(w);
    run_ms(w, 60000);
    s = stats(&w->a);
    assert_in_range(s.rtcp_sent, 9, 18); /* 5 s / 1.22 on average, between half and one and a half of it */
    assert_in_range(s.rtcp_received, 9, 18);
    assert_in_range(s.round_trip_us, 69000, 71000);
    assert_true(s.reported);
    assert_int_equal(s.far_lost, 0);
    media_close(w->b.media);
    w->b.media = NULL;
    run_ms(w, 100);
    assert_int_equal(told(&w->a, MEDIA_EVENT_BYE), 1);
    world_close(w);
}

static struct media_quality quality_here(const struct end *e)
{
    struct media_quality here, there;

    media_quality(e->media, &here, &there);
    return here;
}

static struct media_quality quality_there(const struct end *e)
{
    struct media_quality here, there;

    media_quality(e->media, &here, &there);
    return there;
}

static void take_extended_reports(struct world *w)
{
    struct media_params a = towards(&w->b), b = towards(&w->a);

    a.voip_metrics = b.voip_metrics = a.rcvr_rtt = b.rcvr_rtt = true;
    set(&w->a, &a);
    set(&w->b, &b);
}

/* RFC 3611 §4.7: each end is told how the other hears, with the other's own figures. */
static void each_is_told_how_the_other_hears(void **state)
{
    struct world        *w = world_open();
    struct fake_link     link = {.delay_us = 150000, .jitter_us = 30000, .loss_ppm = 50000};
    struct media_quality b, told_a;

    (void)state;
    fake_set_link(w->fake, &link);
    take_extended_reports(w);
    run_ms(w, 60000);
    b = quality_here(&w->b);
    told_a = quality_there(&w->a);
    assert_true(b.known && told_a.known && !told_a.estimated);
    assert_in_range(b.loss, 350, 650);
    assert_in_range(told_a.loss, b.loss - 100, b.loss + 100); /* of some seconds ago, in 1/256 */
    assert_in_range(b.gap, 50, 588);   /* one in 17 at most */
    assert_in_range(b.burst, 1000, 10000); /* two within 16 are one already */
    assert_in_range(b.burst_ms, 40, 1000);
    assert_in_range(b.gap_ms, 320, 5000);
    assert_in_range(b.round_trip_us, 298000, 365000);
    assert_in_range(b.end_delay_ms, 60, 120);
    assert_in_range(b.mos_lq, 370, 410); /* 5 %: 3.9 */
    assert_in_range(b.mos_cq, 340, b.mos_lq - 10); /* and the delay */
    assert_in_range(told_a.mos_cq, 340, 410);
    assert_in_range(told_a.r, 65, 85);
    assert_in_range(told_a.jitter_us, 5000, 20000);
    world_close(w);
}

/* Without XR there is what RFC 3550 tells: loss and jitter, and a score made of them here. */
static void plain_reports_give_an_estimate(void **state)
{
    struct world        *w = world_open();
    struct fake_link     link = {.delay_us = 10000, .loss_ppm = 100000};
    struct media_quality there;

    (void)state;
    assert_false(quality_here(&w->a).known || quality_there(&w->a).known);
    fake_set_link(w->fake, &link);
    talk(w);
    run_ms(w, 30000);
    there = quality_there(&w->a);
    assert_true(there.known && there.estimated);
    assert_in_range(there.loss, 600, 1300);
    assert_in_range(there.mos_lq, 310, 370);
    world_close(w);
}

/* RFC 3611 §4.4, §4.5: who only listens sends no SR; by its reference time it knows the round trip all the same. */
static void who_only_listens_knows_the_round_trip(void **state)
{
    struct world       *w = world_open();
    struct fake_link    link = {.delay_us = 35000};
    struct media_params a = towards(&w->b), b = towards(&w->a);

    (void)state;
    fake_set_link(w->fake, &link);
    a.receive = b.send = false;
    set(&w->a, &a);
    set(&w->b, &b);
    run_ms(w, 20000);
    assert_int_equal(stats(&w->b).round_trip_us, 0);
    a.rcvr_rtt = b.rcvr_rtt = true;
    set(&w->a, &a);
    set(&w->b, &b);
    run_ms(w, 20000);
    assert_in_range(stats(&w->b).round_trip_us, 69000, 71000);
    world_close(w);
}

static void digits_arrive_once_each_also_under_loss(void **state)
{
    struct world    *w = world_open();
    struct fake_link link = {.delay_us = 5000, .jitter_us = 20000, .loss_ppm = 100000, .duplicate_ppm = 100000};

    (void)state;
    fake_set_link(w->fake, &link);
    talk(w);
    tone(&w->a, 440);
    run_ms(w, 500);
    assert_int_equal(media_send_digits(w->a.media, S("1002#"), 0), ERR_OK);
    assert_int_equal(media_send_digits(w->a.media, S("*AB"), 80), ERR_OK);
    assert_int_equal(media_send_digits(w->a.media, S("1x"), 0), ERR_INVALID);
    run_ms(w, 5000);
    assert_string_equal(w->b.digits, "1002#*AB");
    assert_int_equal(told(&w->a, MEDIA_EVENT_DIGITS_SENT), 1);
    for (size_t i = 0; i < w->b.n_log; i++)
        if (w->b.log[i].kind == MEDIA_EVENT_DIGIT)
            assert_in_range(w->b.log[i].ms, 40, 120);
    world_close(w);
}

static void digits_need_telephone_event(void **state)
{
    struct world       *w = world_open();
    struct media_params p = towards(&w->b);

    (void)state;
    assert_int_equal(media_send_digits(w->a.media, S("1"), 0), ERR_UNSUPPORTED);
    p.events = false;
    set(&w->a, &p);
    assert_int_equal(media_send_digits(w->a.media, S("1"), 0), ERR_UNSUPPORTED);
    p.events = true;
    p.send = false;
    set(&w->a, &p);
    assert_int_equal(media_send_digits(w->a.media, S("1"), 0), ERR_UNSUPPORTED);
    world_close(w);
}

static void hold_stops_the_sound_and_resume_brings_it_back(void **state)
{
    struct world *w = world_open();
    uint32_t      heard, packets;

    (void)state;
    talk(w);
    tones_and_meters(w);
    run_ms(w, 1000);
    w->a.params.send = false; /* A is held: recvonly */
    w->b.params.receive = false;
    set(&w->a, &w->a.params);
    set(&w->b, &w->b.params);
    run_ms(w, 100);
    heard = media_heard_ms(w->b.media, 440);
    packets = stats(&w->a).sent_packets;
    run_ms(w, 5000);
    assert_int_equal(media_heard_ms(w->b.media, 440), heard);
    assert_int_equal(stats(&w->a).sent_packets, packets);
    assert_true(media_heard_ms(w->a.media, 660) > 5500); /* the holder's sound (music, say) goes on */
    assert_int_equal(told(&w->b, MEDIA_EVENT_SILENT), 0); /* silence is what was agreed */
    w->a.params.send = w->b.params.receive = true;
    set(&w->b, &w->b.params);
    set(&w->a, &w->a.params);
    run_ms(w, 1000);
    assert_in_range(media_heard_ms(w->b.media, 440), heard + 800, heard + 1000);
    assert_int_equal(told(&w->b, MEDIA_EVENT_HEARD), 2);
    assert_int_equal(stats(&w->b).lost, 0);
    assert_true(stats(&w->b).jitter_us < 1000); /* timestamps went on while nothing was sent */
    world_close(w);
}

static void unexpected_silence_is_told_once(void **state)
{
    struct world *w = world_open();

    (void)state;
    talk(w);
    run_ms(w, 1000);
    w->a.params.send = false;
    set(&w->a, &w->a.params);
    run_ms(w, MEDIA_SILENT_MS - 100);
    assert_int_equal(told(&w->b, MEDIA_EVENT_SILENT), 0);
    run_ms(w, 10000);
    assert_int_equal(told(&w->b, MEDIA_EVENT_SILENT), 1);
    w->a.params.send = true;
    set(&w->a, &w->a.params);
    run_ms(w, 100);
    w->a.params.send = false;
    set(&w->a, &w->a.params);
    run_ms(w, 10000);
    assert_int_equal(told(&w->b, MEDIA_EVENT_SILENT), 2);
    world_close(w);
}

/* ---- payloads and packet times ---- */

static void numbers_may_differ_by_direction_and_packet_times_too(void **state)
{
    static const uint16_t ptimes[] = {10, 30, 40, 60};

    (void)state;
    for (size_t i = 0; i < sizeof ptimes / sizeof *ptimes; i++) {
        struct world       *w = world_open();
        struct media_params a = towards(&w->b), b = towards(&w->a);

        a.formats[0] = (struct media_format){.codec = MEDIA_PCMU, .send_pt = 0, .recv_pt = 97};
        b.formats[0] = (struct media_format){.codec = MEDIA_PCMU, .send_pt = 97, .recv_pt = 0};
        a.n_formats = b.n_formats = 1;
        a.ptime_ms = ptimes[i];
        set(&w->a, &a);
        set(&w->b, &b);
        tones_and_meters(w);
        run_ms(w, 3000);
        assert_true(media_heard_ms(w->b.media, 440) >= 2800);
        assert_true(media_heard_ms(w->a.media, 660) >= 2800);
        assert_in_range(stats(&w->a).sent_packets, 3000 / ptimes[i], 3000 / ptimes[i] + 1);
        assert_int_equal(stats(&w->b).unknown_pt + stats(&w->a).unknown_pt, 0);
        assert_int_equal(stats(&w->b).lost, 0);
        world_close(w);
    }
}

/* G.722: its clock is 8000, so a packet of 20 ms is 160 octets and 160 units on (RFC 3551 §4.5.2); the sound is the same. */
static void wide_band_is_heard(void **state)
{
    struct world       *w = world_open();
    struct media_params a = towards(&w->b), b = towards(&w->a);
    struct media_stats  s;

    (void)state;
    a.formats[0] = b.formats[0] = (struct media_format){.codec = MEDIA_G722, .send_pt = 9, .recv_pt = 9};
    set(&w->a, &a);
    set(&w->b, &b);
    tones_and_meters(w);
    run_ms(w, 3000);
    assert_in_range(media_heard_ms(w->b.media, 440), 2600, 3000);
    assert_in_range(media_heard_ms(w->a.media, 660), 2600, 3000);
    s = stats(&w->b);
    assert_in_range(s.received_octets / s.received_packets, 160, 160);
    assert_int_equal(s.lost, 0);
    assert_in_range(s.jitter_us, 0, 1000); /* it would be 20 ms a packet, were the clock another */
    a.formats[0] = b.formats[0] = (struct media_format){.codec = MEDIA_PCMA, .send_pt = PT_A, .recv_pt = PT_A}; /* and back, in mid-call */
    set(&w->a, &a);
    set(&w->b, &b);
    assert_int_equal(media_listen(w->b.media, NULL, 0), ERR_OK);
    run_ms(w, 2000);
    assert_in_range(media_heard_ms(w->b.media, 440), 1600, 2000);
    world_close(w);
}

static void a_codec_may_change_in_mid_call(void **state)
{
    struct world *w = world_open();

    (void)state;
    talk(w);
    tones_and_meters(w);
    run_ms(w, 1000);
    w->a.params.formats[0] = (struct media_format){.codec = MEDIA_PCMU, .send_pt = PT_U, .recv_pt = PT_U};
    w->a.params.formats[1] = (struct media_format){.codec = MEDIA_PCMA, .send_pt = PT_A, .recv_pt = PT_A};
    set(&w->a, &w->a.params);
    run_ms(w, 1000);
    assert_in_range(media_heard_ms(w->b.media, 440), 1800, 2000);
    world_close(w);
}

static void nonsense_is_refused_and_changes_nothing(void **state)
{
    struct world       *w = world_open();
    struct media_params good = towards(&w->b), bad;

    (void)state;
    set(&w->a, &good);
    bad = good, bad.n_formats = 0;
    assert_int_equal(media_set(w->a.media, &bad), ERR_INVALID);
    bad = good, bad.ptime_ms = 25;
    assert_int_equal(media_set(w->a.media, &bad), ERR_INVALID);
    bad = good, bad.ptime_ms = 70;
    assert_int_equal(media_set(w->a.media, &bad), ERR_INVALID);
    bad = good, bad.event_recv_pt = PT_A;
    assert_int_equal(media_set(w->a.media, &bad), ERR_INVALID);
    bad = good, bad.formats[1].recv_pt = PT_A;
    assert_int_equal(media_set(w->a.media, &bad), ERR_INVALID);
    bad = good, bad.formats[0].send_pt = 128;
    assert_int_equal(media_set(w->a.media, &bad), ERR_INVALID);
    bad = good, bad.formats[0].codec = MEDIA_CODEC_N;
    assert_int_equal(media_set(w->a.media, &bad), ERR_INVALID);
    assert_int_equal(media_play_tone(w->a.media, &(struct media_tone){.hz = 5000}), ERR_INVALID);
    assert_int_equal(media_play_file(w->a.media, "/nonexistent.wav", false), ERR_NOTFOUND);
    run_ms(w, 100);
    assert_in_range(stats(&w->a).sent_packets, 5, 6);
    world_close(w);
}

/* ---- files ---- */

/* What A hears is recorded; B plays the recording; A hears the same again, and B is told when it is over. */
static void what_was_recorded_is_played(void **state)
{
    struct world *w = world_open();
    char          folder[] = "/tmp/sessionXXXXXX", path[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_true(snprintf(path, sizeof path, "%s/heard.wav", folder) < (int)sizeof path);
    talk(w);
    tones_and_meters(w);
    assert_int_equal(media_record(w->a.media, path), ERR_OK);
    run_ms(w, 2000);
    assert_int_equal(media_record(w->a.media, NULL), ERR_OK);
    assert_int_equal(media_listen(w->a.media, NULL, 0), ERR_OK);
    assert_int_equal(media_play_file(w->b.media, path, false), ERR_OK);
    run_ms(w, 5000);
    assert_in_range(media_heard_ms(w->a.media, 660), 1800, 2100);
    assert_int_equal(told(&w->b, MEDIA_EVENT_PLAYED), 1);
    assert_int_equal(media_record(w->a.media, "/nonexistent/x.wav"), ERR_NOTFOUND);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    world_close(w);
}

static uint64_t sum_of_a_call(void)
{
    struct world    *w = world_open();
    struct fake_link link = {.delay_us = 5000, .jitter_us = 40000, .loss_ppm = 50000, .reorder_ppm = 10000,
                             .reorder_us = 50000};
    uint64_t         sum;

    fake_set_link(w->fake, &link);
    talk(w);
    tones_and_meters(w);
    assert_int_equal(media_send_digits(w->a.media, S("123"), 0), ERR_OK);
    run_ms(w, 20000);
    sum = w->sum;
    world_close(w);
    return sum;
}

static void the_same_seed_gives_the_same_octets(void **state)
{
    (void)state;
    assert_true(sum_of_a_call() == sum_of_a_call());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_hears_the_others_tone),
        cmocka_unit_test(nothing_is_said_before_it_was_agreed),
        cmocka_unit_test(losses_are_counted_and_concealed),
        cmocka_unit_test(rtcp_tells_the_round_trip),
        cmocka_unit_test(each_is_told_how_the_other_hears),
        cmocka_unit_test(plain_reports_give_an_estimate),
        cmocka_unit_test(who_only_listens_knows_the_round_trip),
        cmocka_unit_test(digits_arrive_once_each_also_under_loss),
        cmocka_unit_test(digits_need_telephone_event),
        cmocka_unit_test(hold_stops_the_sound_and_resume_brings_it_back),
        cmocka_unit_test(unexpected_silence_is_told_once),
        cmocka_unit_test(numbers_may_differ_by_direction_and_packet_times_too),
        cmocka_unit_test(wide_band_is_heard),
        cmocka_unit_test(a_codec_may_change_in_mid_call),
        cmocka_unit_test(nonsense_is_refused_and_changes_nothing),
        cmocka_unit_test(what_was_recorded_is_played),
        cmocka_unit_test(the_same_seed_gives_the_same_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
