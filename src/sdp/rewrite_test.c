/* rewrite_test.c - passing somebody else's description on (PROTOCOL §6.2), and judging answers. */
#include "sdp/sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char held[] = "v=0\r\no=bob 7 3 IN IP4 192.0.2.2\r\ns= \r\nc=IN IP4 192.0.2.2\r\nt=0 0\nb=AS:64\r\n"
                           "m=audio 6000 RTP/AVP  8 101\r\na=sendonly\na=x-odd:  two  spaces \r\n"
                           "m=video 0 RTP/AVP 31\r\na=inactive\r\n";

static void rewritten(const char *in, const struct sdp_edit *edit, const char *want)
{
    char       block[1024];
    struct buf b = BUF_ON(block);

    assert_int_equal(sdp_rewrite(slice_z(in), edit, &b), ERR_OK);
    assert_int_equal(buf_slice(&b).n, strlen(want));
    assert_memory_equal(buf_slice(&b).p, want, strlen(want));
}

static void without_edits_it_is_the_same_octet_for_octet(void **state)
{
    (void)state;
    rewritten(held, &(struct sdp_edit){0}, held);
    rewritten("v=0\no=- 1 1 IN IP4 h", &(struct sdp_edit){0}, "v=0\no=- 1 1 IN IP4 h");
}

static void rule_6_2_direction_is_reset_and_the_origin_kept_with_a_new_version(void **state)
{
    struct sdp      seen;
    struct sdp_edit edit = {.version = 18, .set_dir = true, .dir = SDP_SENDRECV};

    (void)state;
    assert_int_equal(sdp_parse(S("v=0\r\no=pbx 99 17 IN IP6 2001:db8::1\r\n"), &seen, NULL), ERR_OK);
    edit.origin = &seen.origin;
    rewritten(held, &edit,
              "v=0\r\no=pbx 99 18 IN IP6 2001:db8::1\r\ns= \r\nc=IN IP4 192.0.2.2\r\nt=0 0\nb=AS:64\r\n"
              "m=audio 6000 RTP/AVP  8 101\r\na=sendrecv\na=x-odd:  two  spaces \r\n"
              "m=video 0 RTP/AVP 31\r\na=inactive\r\n");
    /* an o= that was missing is added in its place */
    rewritten("v=0\r\ns=-\r\n", &edit, "v=0\r\no=pbx 99 18 IN IP6 2001:db8::1\r\ns=-\r\n");
}

static void a_direction_that_was_not_said_is_said(void **state)
{
    struct sdp_edit hold = {.set_dir = true, .dir = SDP_SENDONLY};

    (void)state;
    rewritten("v=0\r\nm=audio 1 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\nm=audio 2 RTP/AVP 0", &hold,
              "v=0\r\nm=audio 1 RTP/AVP 0\r\na=sendonly\r\nm=audio 0 RTP/AVP 0\r\nm=audio 2 RTP/AVP 0\r\na=sendonly\r\n");
    rewritten("v=0\r\na=inactive\r\nm=audio 1 RTP/AVP 0\r\n", &hold, "v=0\r\na=sendonly\r\nm=audio 1 RTP/AVP 0\r\n");
}

static void what_cannot_be_rewritten_is_told(void **state)
{
    char            small[16];
    struct buf      b = BUF_ON(small);
    struct sdp_edit edit = {0};

    (void)state;
    assert_int_equal(sdp_rewrite(slice_z(held), &edit, &b), ERR_LIMIT);
    assert_int_equal(buf_slice(&b).n, 0);
    buf_reset(&b);
    assert_int_equal(sdp_rewrite(S("v=0\r\nnonsense\r\n"), &edit, &b), ERR_SYNTAX);
    buf_reset(&b);
    assert_int_equal(sdp_rewrite(S("v=0\r\nm=x\r\n"), &edit, &b), ERR_SYNTAX);
}

static void answers_are_judged_by_rfc3264_section_6(void **state)
{
    static const struct {
        const char    *offer, *answer;
        enum sdp_fault want;
        size_t         stream;
    } cases[] = {
        {"m=audio 1 RTP/AVP 0 8\r\n", "m=audio 2 RTP/AVP 8\r\n", SDP_FAULT_NONE, 9},
        {"m=audio 1 RTP/AVP 0\r\nm=video 3 RTP/AVP 31\r\n", "m=audio 2 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n",
         SDP_FAULT_NONE, 9},
        {"m=audio 1 RTP/AVP 0\r\nm=video 3 RTP/AVP 31\r\n", "m=audio 2 RTP/AVP 0\r\n", SDP_FAULT_STREAMS, 1},
        {"m=audio 1 RTP/AVP 0\r\n", "m=video 2 RTP/AVP 0\r\n", SDP_FAULT_KIND, 0},
        {"m=audio 0 RTP/AVP 0\r\n", "m=audio 2 RTP/AVP 0\r\n", SDP_FAULT_REVIVED, 0},
        {"m=audio 1 RTP/AVP 0\r\n", "m=audio 2 RTP/AVP 8\r\n", SDP_FAULT_CODEC, 0},
        {"m=audio 1 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n", "m=audio 2 RTP/AVP 98\r\na=rtpmap:98 OPUS/48000/2\r\n",
         SDP_FAULT_NONE, 9},
        {"m=audio 1 RTP/AVP 0\r\na=sendonly\r\n", "m=audio 2 RTP/AVP 0\r\n", SDP_FAULT_DIRECTION, 0},
        {"m=audio 1 RTP/AVP 0\r\na=sendonly\r\n", "m=audio 2 RTP/AVP 0\r\na=inactive\r\n", SDP_FAULT_NONE, 9},
        {"m=image 1 udptl t38\r\n", "m=image 2 udptl t38\r\n", SDP_FAULT_NONE, 9},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char       ob[256], ab[256];
        struct buf o = BUF_ON(ob), a = BUF_ON(ab);
        struct sdp offer, answer;
        size_t     stream = 9;

        buf_puts(&o, S("v=0\r\nc=IN IP4 192.0.2.1\r\n"), slice_z(cases[i].offer));
        buf_puts(&a, S("v=0\r\nc=IN IP4 192.0.2.2\r\n"), slice_z(cases[i].answer));
        assert_int_equal(sdp_parse(buf_slice(&o), &offer, NULL), ERR_OK);
        assert_int_equal(sdp_parse(buf_slice(&a), &answer, NULL), ERR_OK);
        assert_int_equal(sdp_judge(&offer, &answer, &stream), cases[i].want);
        assert_int_equal(stream, cases[i].stream);
        assert_int_equal(sdp_fault_text(cases[i].want).n == 0, cases[i].want == SDP_FAULT_NONE);
    }
}

static void a_live_answer_without_address_is_a_fault(void **state)
{
    struct sdp offer, answer;
    size_t     stream = 9;

    (void)state;
    assert_int_equal(sdp_parse(S("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\n"), &offer, NULL), ERR_OK);
    assert_int_equal(sdp_parse(S("v=0\r\nm=audio 2 RTP/AVP 0\r\n"), &answer, NULL), ERR_OK);
    assert_int_equal(sdp_judge(&offer, &answer, &stream), SDP_FAULT_ADDRESS);
    assert_int_equal(stream, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_edits_it_is_the_same_octet_for_octet),
        cmocka_unit_test(rule_6_2_direction_is_reset_and_the_origin_kept_with_a_new_version),
        cmocka_unit_test(a_direction_that_was_not_said_is_said),
        cmocka_unit_test(what_cannot_be_rewritten_is_told),
        cmocka_unit_test(answers_are_judged_by_rfc3264_section_6),
        cmocka_unit_test(a_live_answer_without_address_is_a_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
