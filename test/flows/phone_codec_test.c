/* phone_codec_test.c - whole phones that speak different codecs, and press keys in different ways: who offers what, what is
 * taken, and what is heard then. */
#include "flows/phones.h"
#include "media/media.h"

#define B "sip:b@10.1.0.2"

struct pair {
    struct band *w;
    struct ring *a, *b;
};

static struct pair pair_with(const struct phone_config *a, const struct phone_config *b)
{
    struct pair p = {.w = band_open(NULL)};
    struct phone_config ca = *a, cb = *b;

    ca.tone_hz = 440;
    cb.tone_hz = 660;
    cb.auto_answer = true;
    p.a = ring_add(p.w, "a", &ca);
    p.b = ring_add(p.w, "b", &cb);
    return p;
}

static struct pair pair_open(const char *a, const char *b)
{
    return pair_with(&(struct phone_config){.codecs = slice_z(a)}, &(struct phone_config){.codecs = slice_z(b)});
}

/* They talk, and hear each other. */
static void pair_talk(struct pair *p)
{
    ring_do(p->a, "call " B);
    ring_expect(p->a, "confirmed");
    band_run_ms(p->w, 2000);
    assert_in_range(phone_heard_ms(p->a->phone, 1, 660), 1600, 2000);
    assert_in_range(phone_heard_ms(p->b->phone, 1, 440), 1600, 2000);
}

/* Both must have spoken that. */
static void pair_close(struct pair *p, const char *codec)
{
    char said[64];

    (void)snprintf(said, sizeof said, "call-statistics \"codec\":\"%s\"", codec);
    ring_do(p->a, "hangup");
    ring_expect(p->a, said);
    ring_expect(p->b, said);
    band_close(p->w);
}

static void speaks(const char *a, const char *b, const char *codec)
{
    struct pair p = pair_open(a, b);

    pair_talk(&p);
    pair_close(&p, codec);
}

/* The first of the offer that the called one has: whatever that one likes best (RFC 3264 §6.1). */
static void the_offer_s_order_decides(void **state)
{
    (void)state;
    speaks("pcmu,g722", "g722,pcmu", "PCMU");
    speaks("g722,pcmu", "pcmu,g722", "G722");
    speaks("g722,pcmu", "pcmu", "PCMU");
    speaks("pcma", "", "PCMA");
    speaks("", "pcmu,pcma", "PCMA");
}

static void opus_is_spoken_and_keys_pass(void **state)
{
    struct pair p;

    (void)state;
    if (!media_codec_is_there(MEDIA_OPUS))
        skip();
    speaks("opus,pcma", "", "opus");
    speaks("", "opus", "opus");
    speaks("opus,g722", "g722,pcma", "G722");
    p = pair_open("opus,pcma", "pcma,opus");
    pair_talk(&p);
    ring_do(p.a, "dtmf 17#");
    ring_expect(p.b, "dtmf \"digit\":\"1\"");
    ring_expect(p.b, "dtmf \"digit\":\"7\"");
    ring_expect(p.b, "dtmf \"digit\":\"#\"");
    ring_do(p.b, "dtmf 5");
    ring_expect(p.a, "dtmf \"digit\":\"5\"");
    pair_close(&p, "opus");
}

/* Whoever holds and resumes offers the codec that was agreed first again (and all others): it stays. */
static void opus_outlives_a_hold(void **state)
{
    struct pair p;

    (void)state;
    if (!media_codec_is_there(MEDIA_OPUS))
        skip();
    p = pair_open("opus,pcma", "opus");
    pair_talk(&p);
    ring_do(p.b, "hold");
    ring_expect(p.a, "held");
    ring_expect(p.b, "on-hold");
    ring_do(p.b, "resume");
    ring_expect(p.a, "resumed");
    band_run_ms(p.w, 1000);
    assert_true(phone_heard_ms(p.a->phone, 1, 660) > 2300);
    pair_close(&p, "opus");
}

static void nothing_in_common_is_488(void **state)
{
    struct pair p = pair_open("g722", "pcma");

    (void)state;
    ring_do(p.a, "call " B);
    ring_expect(p.a, "ended refused");
    ring_expect_none(p.b, "incoming");
    band_close(p.w);
}

static void a_codec_that_is_none_is_refused(void **state)
{
    struct band *w = band_open(NULL);

    (void)state;
    assert_int_equal(ring_try(w, "a", &(struct phone_config){.codecs = S("g722,g729")}), ERR_SYNTAX);
    band_close(w);
}

/* ---- keys, three ways ---- */

static void key_is_heard(struct ring *r, char key)
{
    char what[32];

    (void)snprintf(what, sizeof what, "dtmf \"digit\":\"%c\"", key);
    ring_expect(r, what);
}

/* All keys from a to b, told once each, in order. */
static void all_keys_pass(struct pair *p)
{
    static const char keys[] = "1470*258369#ABCD";

    ring_do(p->a, "call " B);
    ring_expect(p->a, "confirmed");
    band_run_ms(p->w, 500);
    ring_do(p->a, "dtmf 1470*258");
    ring_do(p->a, "dtmf 369#ABCD");
    for (size_t i = 0; keys[i]; i++)
        key_is_heard(p->b, keys[i]);
    ring_expect(p->a, "dtmf-sent");
    band_run_ms(p->w, 2000);
    ring_expect_none(p->b, "dtmf");
    ring_do(p->a, "hangup");
    ring_expect(p->b, "ended");
    band_close(p->w);
}

static void keys_by_rtp(void **state)
{
    struct pair p = pair_with(&(struct phone_config){.keys = PHONE_KEYS_RTP}, &(struct phone_config){.keys = PHONE_KEYS_AUTO});

    (void)state;
    all_keys_pass(&p);
}

static void keys_by_info(void **state)
{
    struct pair p = pair_with(&(struct phone_config){.keys = PHONE_KEYS_INFO}, &(struct phone_config){.keys = PHONE_KEYS_AUTO});

    (void)state;
    all_keys_pass(&p);
}

/* INFOs leave one after the other, so that none is overtaken and refused (RFC 3261 §12.2.2), whatever the wire does. */
static void keys_by_info_keep_their_order(void **state)
{
    struct pair p = pair_with(&(struct phone_config){.keys = PHONE_KEYS_INFO}, &(struct phone_config){.keys = PHONE_KEYS_AUTO});
    struct fake_link link = {.delay_us = 20000, .jitter_us = 30000, .loss_ppm = 200000};

    (void)state;
    fake_set_link(p.w->world, &link);
    all_keys_pass(&p);
}

/* Who presses in the sound does not offer telephone-event; who has none of it agreed listens to the sound. */
static void keys_in_the_sound(void **state)
{
    static const char *const codecs[] = {"pcmu", "g722", "opus"};

    (void)state;
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        struct phone_config way = {.keys = PHONE_KEYS_SOUND, .codecs = slice_z(codecs[i])};
        struct pair p;

        if (i == 2 && !media_codec_is_there(MEDIA_OPUS))
            continue;
        p = pair_with(&way, &(struct phone_config){.keys = PHONE_KEYS_AUTO});
        all_keys_pass(&p);
        p = pair_with(&(struct phone_config){.codecs = slice_z(codecs[i])}, &way); /* and AUTO finds that out */
        all_keys_pass(&p);
    }
}

/* What was asked for and cannot be is said. */
static void keys_that_cannot_be_pressed(void **state)
{
    struct pair p = pair_with(&(struct phone_config){.keys = PHONE_KEYS_RTP}, &(struct phone_config){.keys = PHONE_KEYS_SOUND});

    (void)state;
    ring_do(p.a, "call " B);
    ring_expect(p.a, "confirmed");
    assert_int_equal(phone_command(p.a->phone, S("dtmf 1")), ERR_UNSUPPORTED);
    ring_expect(p.a, "error");
    assert_int_equal(phone_command(p.b->phone, S("dtmf 1!")), ERR_INVALID);
    assert_int_equal(phone_command(p.b->phone, S("dtmf x")), ERR_INVALID);
    band_close(p.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_offer_s_order_decides),
        cmocka_unit_test(opus_is_spoken_and_keys_pass),
        cmocka_unit_test(opus_outlives_a_hold),
        cmocka_unit_test(keys_by_rtp),
        cmocka_unit_test(keys_by_info),
        cmocka_unit_test(keys_by_info_keep_their_order),
        cmocka_unit_test(keys_in_the_sound),
        cmocka_unit_test(keys_that_cannot_be_pressed),
        cmocka_unit_test(nothing_in_common_is_488),
        cmocka_unit_test(a_codec_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
