/* codecs_test.c - names of codecs read, described, and agreed. */
#include "codecs/codecs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_slice(struct slice is, const char *expected)
{
    if (!slice_eq(is, slice_z(expected)))
        fail_msg("is '%.*s', expected '%s'", SARG(is), expected);
}

static void a_list_is_read_in_its_order(void **state)
{
    struct codec_list list;

    (void)state;
    assert_int_equal(codecs_read(S("pcmu, G722"), &list), ERR_OK);
    assert_int_equal(list.n, 2);
    assert_int_equal(list.codec[0], MEDIA_PCMU);
    assert_int_equal(list.codec[1], MEDIA_G722);
}

static void what_is_no_list_leaves_the_old_one(void **state)
{
    static const char *const wrong[] = {"", ",", "pcma,", "pcma,pcma", "g729", "pcma pcmu", "telephone-event"};
    struct codec_list list = {.codec = {MEDIA_PCMU}, .n = 1};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (codecs_read(slice_z(wrong[i]), &list) != ERR_SYNTAX)
            fail_msg("'%s' was taken", wrong[i]);
    assert_int_equal(list.n, 1);
    assert_int_equal(list.codec[0], MEDIA_PCMU);
}

static void keys_are_described_behind_the_voices(void **state)
{
    struct codec_list list;
    struct sdp_codec  out[SDP_MAX_CODECS];

    (void)state;
    assert_int_equal(codecs_read(S("pcmu,pcma"), &list), ERR_OK);
    assert_int_equal(codecs_describe(&list, true, out), 3);
    assert_slice(out[0].name, "PCMU");
    assert_int_equal(out[0].pt, 0);
    assert_slice(out[1].name, "PCMA");
    assert_slice(out[2].name, "telephone-event");
    assert_slice(out[2].fmtp, "0-16");
    assert_int_equal(codecs_describe(&list, false, out), 2);
}

static void what_was_agreed_becomes_formats_and_a_packet_time(void **state)
{
    struct sdp_agreed a = {.live = true, .formats = {{.id = MEDIA_G722, .send_pt = 9, .recv_pt = 96}, {.id = MEDIA_PCMA, .send_pt = 8, .recv_pt = 8}}, .n_formats = 2, .events = true,
                           .event_send_pt = 100, .event_recv_pt = 101, .ptime_ms = 40};
    struct media_params p;

    (void)state;
    codecs_params(&a, &p);
    assert_int_equal(p.n_formats, 2);
    assert_int_equal(p.formats[0].codec, MEDIA_G722);
    assert_int_equal(p.formats[0].send_pt, 9);
    assert_int_equal(p.formats[0].recv_pt, 96);
    assert_true(p.events);
    assert_int_equal(p.event_send_pt, 100);
    assert_int_equal(p.event_recv_pt, 101);
    assert_int_equal(p.ptime_ms, 40);
    for (uint16_t odd = 0; odd < 200; odd += 5) { /* what cannot be sent so is sent as usual */
        a.ptime_ms = odd;
        codecs_params(&a, &p);
        assert_int_equal(p.ptime_ms, odd >= 10 && odd <= 60 && odd % 10 == 0 ? odd : 0);
    }
}

/* One telephone-event for each clock that a voice has (RFC 4733 §2.1), and always that of 8000. */
static void keys_have_the_clock_of_a_voice(void **state)
{
    struct codec_list list;
    struct sdp_codec  out[SDP_MAX_CODECS];

    (void)state;
    if (!media_codec_is_there(MEDIA_OPUS)) {
        assert_int_equal(codecs_read(S("opus"), &list), ERR_UNSUPPORTED);
        skip();
    }
    assert_int_equal(codecs_read(S("opus,pcma"), &list), ERR_OK);
    assert_int_equal(codecs_describe(&list, true, out), 4);
    assert_slice(out[0].name, "opus");
    assert_int_equal(out[0].rate_hz, 48000);
    assert_int_equal(out[0].channels, 2); /* RFC 7587 §7: so it is written, stereo or not */
    assert_int_equal(out[2].rate_hz, 8000);
    assert_int_equal(out[3].rate_hz, 48000);
}

/* RFC 7587 §6.1 */
static void what_they_can_take_of_opus_is_read(void **state)
{
    static const struct {
        const char       *fmtp;
        struct media_opus wish;
    } cases[] = {
        {"", {false, false, 0, 0}},
        {"useinbandfec=1", {true, false, 0, 0}},
        {"minptime=10; useinbandfec=1 ;stereo=1;sprop-stereo=1;usedtx=1", {true, false, 0, 0}},
        {"maxplaybackrate=8000;maxaveragebitrate=12000;cbr=1;useinbandfec=0", {false, true, 8000, 12000}},
        {"MAXPLAYBACKRATE = 16000", {false, false, 16000, 0}},
        {"useinbandfec;maxplaybackrate=-1;maxaveragebitrate=99999999999;cbr=yes", {false, false, 0, 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sdp_agreed a = {.formats = {{.id = MEDIA_OPUS, .fmtp = slice_z(cases[i].fmtp)}}, .n_formats = 1};
        struct media_params p;

        codecs_params(&a, &p);
        assert_int_equal(p.formats[0].opus.fec, cases[i].wish.fec);
        assert_int_equal(p.formats[0].opus.cbr, cases[i].wish.cbr);
        assert_int_equal(p.formats[0].opus.max_hz, cases[i].wish.max_hz);
        assert_int_equal(p.formats[0].opus.max_bits_s, cases[i].wish.max_bits_s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_read_in_its_order),
        cmocka_unit_test(what_is_no_list_leaves_the_old_one),
        cmocka_unit_test(keys_are_described_behind_the_voices),
        cmocka_unit_test(keys_have_the_clock_of_a_voice),
        cmocka_unit_test(what_they_can_take_of_opus_is_read),
        cmocka_unit_test(what_was_agreed_becomes_formats_and_a_packet_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
