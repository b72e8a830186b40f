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
    assert_int_equal(codecs_describe(&list, out), 3);
    assert_slice(out[0].name, "PCMU");
    assert_int_equal(out[0].pt, 0);
    assert_slice(out[1].name, "PCMA");
    assert_slice(out[2].name, "telephone-event");
    assert_slice(out[2].fmtp, "0-16");
}

static void what_was_agreed_becomes_formats_and_a_packet_time(void **state)
{
    struct sdp_agreed a = {.live = true, .formats = {{MEDIA_G722, 9, 96}, {MEDIA_PCMA, 8, 8}}, .n_formats = 2, .events = true,
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_read_in_its_order),
        cmocka_unit_test(what_is_no_list_leaves_the_old_one),
        cmocka_unit_test(keys_are_described_behind_the_voices),
        cmocka_unit_test(what_was_agreed_becomes_formats_and_a_packet_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
