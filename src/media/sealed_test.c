/* sealed_test.c - two ends of a call with SRTP between them: sound, digits and reports; who has no key is not heard. */
#include "net/fake/fake.h"

#include "media/world_test.h"

static void fill(struct media_keys *k, enum media_suite suite, uint8_t send, uint8_t receive)
{
    *k = (struct media_keys){.suite = suite};
    memset(k->send, send, sizeof k->send);
    memset(k->receive, receive, sizeof k->receive);
}

static void talk_sealed(struct world *w, enum media_suite suite, uint8_t a_key, uint8_t b_key)
{
    struct media_params a = towards(&w->b), b = towards(&w->a);

    fill(&a.keys, suite, a_key, b_key);
    fill(&b.keys, suite, b_key, a_key);
    set(&w->a, &a);
    set(&w->b, &b);
}

static void sound_digits_and_reports_go_sealed(void **state)
{
    static const enum media_suite suites[] = {MEDIA_AES_128_80, MEDIA_AES_128_32, MEDIA_AES_256_80};

    (void)state;
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        struct world      *w = world_open();
        struct fake_link   link = {.delay_us = 20000, .jitter_us = 20000, .duplicate_ppm = 50000};
        struct media_stats s;

        fake_set_link(w->fake, &link);
        talk_sealed(w, suites[i], 1, 2);
        tones_and_meters(w);
        run_ms(w, 500);
        assert_int_equal(media_send_digits(w->a.media, S("159#"), 0), ERR_OK);
        run_ms(w, 20000);
        assert_true(media_heard_ms(w->b.media, 440) > 18000);
        assert_true(media_heard_ms(w->a.media, 660) > 19000);
        assert_string_equal(w->b.digits, "159#");
        s = stats(&w->b);
        assert_true(s.reported && s.round_trip_us > 40000);
        assert_true(s.unauthentic == 0 && s.malformed == 0 && s.lost == 0);
        assert_in_range(s.replayed, 20, 80); /* 5 % came twice */
        world_close(w);
    }
}

/* Keys that differ: nothing is heard, nothing is believed, not even where it comes from. */
static void who_has_no_key_is_not_heard(void **state)
{
    struct world       *w = world_open();
    struct media_params a = towards(&w->b), b = towards(&w->a);

    (void)state;
    fill(&b.keys, MEDIA_AES_128_80, 2, 1);
    b.latch = true;
    set(&w->a, &a); /* plain */
    set(&w->b, &b);
    tones_and_meters(w);
    run_ms(w, 3000);
    assert_int_equal(media_heard_ms(w->b.media, 440), 0);
    assert_in_range(stats(&w->b).unauthentic, 100, 200);
    assert_int_equal(stats(&w->b).received_packets, 0);
    assert_int_equal(told(&w->b, MEDIA_EVENT_SILENT), 1);
    assert_int_equal(media_heard_ms(w->a.media, 660), 0); /* noise, if anything */
    world_close(w);
}

/* A re-INVITE: the same keys again, then new ones for both directions; sound goes on. */
static void keys_are_changed_in_mid_call(void **state)
{
    struct world *w = world_open();

    (void)state;
    talk_sealed(w, MEDIA_AES_128_80, 1, 2);
    tones_and_meters(w);
    run_ms(w, 1000);
    talk_sealed(w, MEDIA_AES_128_80, 1, 2);
    run_ms(w, 1000);
    talk_sealed(w, MEDIA_AES_256_80, 3, 4);
    run_ms(w, 1000);
    talk(w); /* and plain: another end has taken over */
    run_ms(w, 1000);
    assert_in_range(media_heard_ms(w->b.media, 440), 3700, 4000);
    assert_in_range(media_heard_ms(w->a.media, 660), 3700, 4000);
    assert_in_range(stats(&w->b).unauthentic + stats(&w->a).unauthentic, 0, 6); /* under way at each change */
    world_close(w);
}

/* What passes through a mixer is opened and sealed for each member by itself. */
static void members_of_a_mixer_have_keys_of_their_own(void **state)
{
    struct world       *w = world_open();
    struct media_mixer *x;

    (void)state;
    talk_sealed(w, MEDIA_AES_128_32, 5, 6);
    assert_int_equal(media_mixer_open(&x, w->a.net, &w->heap.mem), ERR_OK);
    assert_int_equal(media_join(w->a.media, x), ERR_OK);
    tones_and_meters(w);
    run_ms(w, 3000);
    assert_true(media_heard_ms(w->b.media, 440) > 2700);
    assert_true(media_heard_ms(w->a.media, 660) > 2700);
    media_leave(w->a.media);
    media_mixer_close(x);
    world_close(w);
}

static void what_cannot_be_sealed_is_not_agreed(void **state)
{
    struct world       *w = world_open();
    struct media_params p = towards(&w->b);

    (void)state;
    set(&w->a, &p);
    fill(&p.keys, MEDIA_SUITES, 1, 2);
    assert_int_equal(media_set(w->a.media, &p), ERR_UNSUPPORTED);
    run_ms(w, 100);
    assert_in_range(stats(&w->a).sent_packets, 5, 6); /* as it was */
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_digits_and_reports_go_sealed),
        cmocka_unit_test(who_has_no_key_is_not_heard),
        cmocka_unit_test(keys_are_changed_in_mid_call),
        cmocka_unit_test(members_of_a_mixer_have_keys_of_their_own),
        cmocka_unit_test(what_cannot_be_sealed_is_not_agreed),
    };

    if (!media_srtp_is_there()) {
        print_message("this build has no libsrtp2\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
