/* offer_test.c - offers, answers and what comes of them (RFC 3264). */
#include "sdp/sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ID_A, ID_U, ID_G722, ID_OPUS, ID_EVENT };

static const struct sdp_codec codecs[] = {
    {{"PCMA", 4}, 8000, 1, 8, {0, 0}, ID_A},
    {{"PCMU", 4}, 8000, 1, 0, {0, 0}, ID_U},
    {{"telephone-event", 15}, 8000, 1, 101, {"0-16", 4}, ID_EVENT},
};

struct end {
    struct sdp_local  local;
    struct sdp_agreed agreed;
    char              block[SDP_MAX_WRITTEN];
    struct buf        said;
};

static void end_init(struct end *e, const char *host, uint16_t port)
{
    assert_int_equal(sdp_local_init(&e->local, 1000u + port, codecs, 3), ERR_OK);
    assert_int_equal(addr_parse_ip(slice_z(host), &e->local.rtp), ERR_OK);
    e->local.rtp.port = port;
    e->local.user = S("strowger");
    buf_init(&e->said, e->block, sizeof e->block);
}

static struct sdp parsed(struct slice in)
{
    struct sdp s;

    assert_int_equal(sdp_parse(in, &s, NULL), ERR_OK);
    return s;
}

static struct slice offer(struct end *e)
{
    buf_reset(&e->said);
    assert_int_equal(sdp_offer(&e->local, &e->said), ERR_OK);
    return buf_slice(&e->said);
}

static enum err answer(struct end *e, struct slice to)
{
    struct sdp s = parsed(to);

    buf_reset(&e->said);
    return sdp_answer(&e->local, &s, &e->said, &e->agreed);
}

static enum err apply(struct end *e, struct slice from)
{
    struct sdp s = parsed(from);

    return sdp_apply(&e->local, &s, &e->agreed);
}

static void assert_text(struct slice got, const char *want)
{
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.p, want, got.n);
}

static void assert_has(struct slice text, const char *what)
{
    if (slice_find_slice(text, slice_z(what)) == SIZE_MAX)
        fail_msg("no '%s' in: %.*s", what, SARG(text));
}

static void assert_addr(const struct addr *a, const char *want)
{
    char       text[ADDR_MAX_TEXT];
    struct buf b = BUF_ON(text);

    addr_put(&b, a);
    assert_text(buf_slice(&b), want);
}

static void an_offer_says_all_that_we_can(void **state)
{
    struct end a;

    (void)state;
    end_init(&a, "192.0.2.1", 4000);
    a.local.ptime_ms = 20;
    assert_text(offer(&a), "v=0\r\no=strowger 5000 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
                           "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
                           "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n");
}

static void ipv6_and_a_foreign_rtcp_port_are_said(void **state)
{
    struct end a;

    (void)state;
    end_init(&a, "2001:db8::1", 4000);
    a.local.rtcp_port = 4001;
    assert_int_equal(slice_find_slice(offer(&a), S("a=rtcp")), SIZE_MAX);
    assert_has(buf_slice(&a.said), "c=IN IP6 2001:db8::1\r\n");
    a.local.rtcp_port = 5555;
    assert_has(offer(&a), "a=rtcp:5555\r\n");
}

/* RFC 3611 §5.2: each says what it takes. */
static void extended_reports_are_asked_for_by_each_for_itself(void **state)
{
    struct end a, b;

    (void)state;
    end_init(&a, "192.0.2.1", 4000);
    end_init(&b, "192.0.2.2", 6000);
    a.local.rtcp_xr = true;
    assert_has(offer(&a), "a=rtcp-xr:voip-metrics rcvr-rtt=all\r\n");
    assert_int_equal(answer(&b, buf_slice(&a.said)), ERR_OK);
    assert_true(b.agreed.voip_metrics && b.agreed.rcvr_rtt);
    assert_int_equal(slice_find_slice(buf_slice(&b.said), S("rtcp-xr")), SIZE_MAX);
    assert_int_equal(answer(&b, S("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n"
                                  "a=rtcp-xr:pkt-loss-rle VoIP-Metrics\r\n")), ERR_OK);
    assert_true(b.agreed.voip_metrics && !b.agreed.rcvr_rtt);
}

static void offer_and_answer_agree(void **state)
{
    struct end a, b;

    (void)state;
    end_init(&a, "192.0.2.1", 4000);
    end_init(&b, "192.0.2.2", 6000);
    assert_int_equal(answer(&b, offer(&a)), ERR_OK);
    assert_has(buf_slice(&b.said), "m=audio 6000 RTP/AVP 8 101\r\n");
    assert_true(b.agreed.live);
    assert_addr(&b.agreed.rtp, "192.0.2.1:4000");
    assert_addr(&b.agreed.rtcp, "192.0.2.1:4001");
    assert_int_equal(b.agreed.dir, SDP_SENDRECV);
    assert_false(b.agreed.held);

    assert_int_equal(apply(&a, buf_slice(&b.said)), ERR_OK);
    assert_true(a.agreed.live);
    assert_addr(&a.agreed.rtp, "192.0.2.2:6000");
    assert_int_equal(a.agreed.n_formats, 1);
    assert_int_equal(a.agreed.formats[0].id, ID_A);
    assert_int_equal(a.agreed.formats[0].send_pt, 8);
    assert_true(a.agreed.events);
    assert_int_equal(a.agreed.event_send_pt, 101);
    assert_int_equal(a.agreed.dir, SDP_SENDRECV);
}

static void the_offers_order_decides(void **state)
{
    struct end b;

    (void)state;
    end_init(&b, "192.0.2.2", 6000);
    assert_int_equal(answer(&b, S("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4 RTP/AVP 18 0 8\r\n")), ERR_OK);
    assert_has(buf_slice(&b.said), "m=audio 6000 RTP/AVP 0\r\n");
    assert_int_equal(b.agreed.formats[0].id, ID_U);
    assert_false(b.agreed.events);
}

/* RFC 3264 §8.3.2: once 97 was telephone-event, it stays that; and 101 stays free of another meaning. */
static void payload_numbers_of_the_offer_are_kept(void **state)
{
    struct end b;

    (void)state;
    end_init(&b, "192.0.2.2", 6000);
    assert_int_equal(answer(&b, S("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4 RTP/AVP 96 97\r\n"
                                  "a=rtpmap:96 PCMA/8000\r\na=rtpmap:97 telephone-event/8000\r\n")),
                     ERR_OK);
    assert_has(buf_slice(&b.said), "m=audio 6000 RTP/AVP 96 97\r\n");
    assert_int_equal(b.agreed.formats[0].send_pt, 96);
    assert_int_equal(b.agreed.event_recv_pt, 97);
    assert_has(offer(&b), "m=audio 6000 RTP/AVP 96 0 97\r\n");
}

static void a_number_that_was_another_codecs_is_given_up(void **state)
{
    struct end b;

    (void)state;
    end_init(&b, "192.0.2.2", 6000);
    b.local.codecs[0].pt = 97; /* PCMA, of all numbers */
    assert_int_equal(answer(&b, S("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4 RTP/AVP 0 97\r\n"
                                  "a=rtpmap:97 telephone-event/8000\r\n")),
                     ERR_OK);
    assert_has(offer(&b), "m=audio 6000 RTP/AVP 96 0 97\r\na=rtpmap:96 PCMA/8000\r\n");
}

static void numbers_may_differ_by_direction(void **state)
{
    struct end a;

    (void)state;
    end_init(&a, "192.0.2.1", 4000);
    offer(&a);
    assert_int_equal(apply(&a, S("v=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 6 RTP/AVP 0 98 8\r\n"
                                 "a=rtpmap:98 telephone-event/8000\r\n")),
                     ERR_OK);
    assert_int_equal(a.agreed.n_formats, 2);
    assert_int_equal(a.agreed.formats[0].id, ID_U);
    assert_int_equal(a.agreed.formats[1].recv_pt, 8);
    assert_int_equal(a.agreed.event_send_pt, 98);
    assert_int_equal(a.agreed.event_recv_pt, 101);
}

static void an_answer_without_rtpmap_means_our_numbers(void **state)
{
    struct end a;

    (void)state;
    end_init(&a, "192.0.2.1", 4000);
    offer(&a);
    assert_int_equal(apply(&a, S("v=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 6 RTP/AVP 8 101\r\n")), ERR_OK);
    assert_true(a.agreed.events);
    assert_int_equal(a.agreed.event_send_pt, 101);
}

/* RFC 3264 §6: other streams are refused in their place. */
static void other_streams_are_refused_in_place(void **state)
{
    struct end b;

    (void)state;
    end_init(&b, "192.0.2.2", 6000);
    assert_int_equal(answer(&b, S("v=0\r\nc=IN IP4 192.0.2.1\r\nm=video 4 RTP/AVP 31 99\r\n"
                                  "m=audio 6 RTP/SAVP 8\r\nm=audio 8 RTP/AVPF 8\r\nm=image 9 udptl t38\r\n")),
                     ERR_OK);
    assert_has(buf_slice(&b.said), "m=video 0 RTP/AVP 31 99\r\nm=audio 0 RTP/SAVP 8\r\nm=audio 6000 RTP/AVPF 8\r\n");
    assert_has(buf_slice(&b.said), "m=image 0 udptl t38\r\n");
    assert_addr(&b.agreed.rtp, "192.0.2.1:8");
    /* and a later offer of ours keeps the places (§8) */
    assert_has(offer(&b), "m=video 0 RTP/AVP 31\r\nm=audio 0 RTP/AVP 0\r\nm=audio 6000 RTP/AVP 8 0 101\r\n");
    assert_has(buf_slice(&b.said), "m=image 0 udptl t38\r\n");
    assert_int_equal(apply(&b, S("v=0\r\nc=IN IP4 192.0.2.1\r\nm=video 0 RTP/AVP 31\r\nm=audio 0 RTP/AVP 0\r\n"
                                 "m=audio 8 RTP/AVP 8\r\nm=image 0 udptl t38\r\n")),
                     ERR_OK);
    assert_addr(&b.agreed.rtp, "192.0.2.1:8");
}

/* RFC 4733 §2.1: keys go by the clock of the voice that they stand in, where the other end has that; else by what it has. */
static void keys_go_by_the_voice_s_clock(void **state)
{
    static const struct sdp_codec two[] = {
        {{"PCMA", 4}, 8000, 1, 8, {0, 0}, ID_A},
        {{"opus", 4}, 48000, 2, 96, {"useinbandfec=1", 14}, ID_OPUS},
        {{"telephone-event", 15}, 8000, 1, 101, {"0-16", 4}, ID_EVENT},
        {{"telephone-event", 15}, 48000, 1, 102, {"0-16", 4}, ID_EVENT},
    };
#define HEAD "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\n"
#define OPUS "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\n"
    static const struct {
        const char *theirs;
        int         id;
        uint32_t    hz;
        uint8_t     pt;
    } cases[] = {
        {HEAD "m=audio 4 RTP/AVP 111 97 98\r\n" OPUS "a=rtpmap:97 telephone-event/8000\r\na=rtpmap:98 telephone-event/48000\r\n", ID_OPUS, 48000, 98},
        {HEAD "m=audio 4 RTP/AVP 8 98 97\r\na=rtpmap:98 telephone-event/48000\r\na=rtpmap:97 telephone-event/8000\r\n", ID_A, 8000, 97},
        {HEAD "m=audio 4 RTP/AVP 111 97\r\n" OPUS "a=rtpmap:97 telephone-event/8000\r\n", ID_OPUS, 8000, 97},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct end b;
        struct sdp theirs = parsed(slice_z(cases[i].theirs));

        end_init(&b, "192.0.2.2", 6000); /* it is asked ... */
        assert_int_equal(sdp_local_init(&b.local, 1, two, 4), ERR_OK);
        assert_int_equal(addr_parse_ip(S("192.0.2.2"), &b.local.rtp), ERR_OK);
        b.local.rtp.port = 6000;
        assert_int_equal(answer(&b, slice_z(cases[i].theirs)), ERR_OK);
        assert_int_equal(b.agreed.formats[0].id, cases[i].id);
        assert_int_equal(b.agreed.event_hz, cases[i].hz);
        assert_int_equal(b.agreed.event_send_pt, cases[i].pt);
        if (cases[i].id == ID_OPUS)
            assert_text(b.agreed.formats[0].fmtp, "minptime=10");
        assert_int_equal(sdp_local_init(&b.local, 1, two, 4), ERR_OK); /* ... or asks */
        assert_int_equal(addr_parse_ip(S("192.0.2.2"), &b.local.rtp), ERR_OK);
        b.local.rtp.port = 6000;
        assert_has(offer(&b), "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n");
        assert_int_equal(sdp_apply(&b.local, &theirs, &b.agreed), ERR_OK);
        assert_int_equal(b.agreed.formats[0].id, cases[i].id);
        assert_int_equal(b.agreed.event_hz, cases[i].hz);
        assert_int_equal(b.agreed.event_send_pt, cases[i].pt);
        assert_int_equal(b.agreed.event_recv_pt, cases[i].hz == 8000 ? 101 : 102);
    }
#undef HEAD
#undef OPUS
}

/* RFC 7088 §2.3: another's description in our session: our o=, the next version, and the one after that for what we say next. */
static void another_s_description_in_our_place(void **state)
{
    struct end        a;
    char              block[SDP_MAX_WRITTEN];
    struct buf        out = BUF_ON(block);
    static const char theirs[] = "v=0\r\no=music 7 7 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
                                 "m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n";

    (void)state;
    end_init(&a, "192.0.2.1", 4000);
    assert_int_equal(sdp_pass(&a.local, slice_z(theirs), &out), ERR_INVALID); /* there is no session yet */
    assert_has(offer(&a), "o=strowger 5000 1 IN IP4 192.0.2.1\r\n");
    assert_int_equal(sdp_pass(&a.local, slice_z(theirs), &out), ERR_OK);
    assert_text(buf_slice(&out), "v=0\r\no=strowger 5000 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
                                 "m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n");
    assert_has(offer(&a), "o=strowger 5000 3 IN IP4 192.0.2.1\r\n"); /* as before it, but not the same as what they have now */
    assert_has(offer(&a), "o=strowger 5000 3 IN IP4 192.0.2.1\r\n");
    buf_reset(&out);
    assert_int_equal(sdp_pass(&a.local, S("nonsense"), &out), ERR_SYNTAX);
    assert_has(offer(&a), "o=strowger 5000 3 IN");
}

static void a_value_of_a_format_is_found(void **state)
{
    struct slice v = S("as it was");

    (void)state;
    assert_true(sdp_fmtp_value(S("a=1; useInbandFEC = 1 ;b"), S("useinbandfec"), &v));
    assert_text(v, "1");
    assert_true(sdp_fmtp_value(S("x="), S("x"), &v));
    assert_int_equal(v.n, 0);
    v = S("as it was");
    assert_false(sdp_fmtp_value(S("0-16"), S("0-16"), &v));
    assert_false(sdp_fmtp_value(SLICE_NONE, S("x"), &v));
    assert_false(sdp_fmtp_value(S("xx=1;b"), S("x"), &v));
    assert_text(v, "as it was");
}

static void what_fits_nothing_is_unsupported_and_says_why(void **state)
{
    static const struct {
        const char *offer, *why;
    } bad[] = {
        {"v=0\r\nc=IN IP4 1.2.3.4\r\nm=video 4 RTP/AVP 31\r\n", "no audio stream"},
        {"v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4 RTP/AVP 18 101\r\na=rtpmap:101 telephone-event/8000\r\n",
         "no codec in common"},
        {"v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4 RTP/SAVP 0\r\n", "transport not supported"},
        {"v=0\r\nm=audio 4 RTP/AVP 0\r\n", "no connection address"},
    };
    struct end b;

    (void)state;
    end_init(&b, "192.0.2.2", 6000);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(answer(&b, slice_z(bad[i].offer)), ERR_UNSUPPORTED);
        assert_text(b.agreed.why, bad[i].why);
        assert_int_equal(buf_slice(&b.said).n, 0);
    }
    assert_has(offer(&b), "o=strowger 7000 1 IN");
}

static void an_offer_of_dead_streams_is_answered_in_kind(void **state)
{
    struct end b;

    (void)state;
    end_init(&b, "192.0.2.2", 6000);
    assert_int_equal(answer(&b, S("v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 0 RTP/AVP 0\r\n")), ERR_OK);
    assert_false(b.agreed.live);
    assert_has(buf_slice(&b.said), "m=audio 0 RTP/AVP 0\r\n");
}

/* RFC 3264 §8: the same session id, one more exactly when something changed. */
static void the_version_rises_only_with_a_change(void **state)
{
    struct end a;

    (void)state;
    end_init(&a, "192.0.2.1", 4000);
    assert_has(offer(&a), "o=strowger 5000 1 IN IP4 192.0.2.1\r\n");
    assert_has(offer(&a), "o=strowger 5000 1 IN IP4 192.0.2.1\r\n");
    a.local.dir = SDP_SENDONLY;
    assert_has(offer(&a), "o=strowger 5000 2 IN IP4 192.0.2.1\r\n");
    assert_has(buf_slice(&a.said), "a=sendonly\r\n");
    a.local.dir = SDP_SENDRECV;
    assert_has(offer(&a), "o=strowger 5000 3 IN");
    /* a new address of ours changes c=, and leaves the rest of o= alone */
    assert_int_equal(addr_parse(S("192.0.2.77:4000"), &a.local.rtp), ERR_OK);
    assert_has(offer(&a), "o=strowger 5000 4 IN IP4 192.0.2.1\r\n");
    assert_has(buf_slice(&a.said), "c=IN IP4 192.0.2.77\r\n");
}

/* RFC 3264 §6.1 and §8.4, both ends: what each wants, and what comes of it. */
static void directions_are_mirrored_and_hold_is_told(void **state)
{
    static const struct {
        const char  *offered;
        enum sdp_dir mine, want;
        bool         held;
    } cases[] = {
        {"c=IN IP4 1.2.3.4\r\nm=audio 4 RTP/AVP 0\r\n", SDP_SENDRECV, SDP_SENDRECV, false},
        {"c=IN IP4 1.2.3.4\r\nm=audio 4 RTP/AVP 0\r\na=sendonly\r\n", SDP_SENDRECV, SDP_RECVONLY, true},
        {"c=IN IP4 1.2.3.4\r\nm=audio 4 RTP/AVP 0\r\na=recvonly\r\n", SDP_SENDRECV, SDP_SENDONLY, false},
        {"c=IN IP4 1.2.3.4\r\nm=audio 4 RTP/AVP 0\r\na=inactive\r\n", SDP_SENDRECV, SDP_INACTIVE, true},
        {"c=IN IP4 1.2.3.4\r\nm=audio 4 RTP/AVP 0\r\n", SDP_SENDONLY, SDP_SENDONLY, false},
        {"c=IN IP4 1.2.3.4\r\nm=audio 4 RTP/AVP 0\r\na=sendonly\r\n", SDP_SENDONLY, SDP_INACTIVE, true},
        {"c=IN IP4 1.2.3.4\r\nm=audio 4 RTP/AVP 0\r\n", SDP_INACTIVE, SDP_INACTIVE, false},
        {"c=IN IP4 0.0.0.0\r\nm=audio 4 RTP/AVP 0\r\n", SDP_SENDRECV, SDP_RECVONLY, true},
        {"c=IN IP4 0.0.0.0\r\nm=audio 4 RTP/AVP 0\r\na=inactive\r\n", SDP_SENDRECV, SDP_INACTIVE, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char       block[256];
        struct buf text = BUF_ON(block);
        struct end b;

        end_init(&b, "192.0.2.2", 6000);
        b.local.dir = cases[i].mine;
        buf_puts(&text, S("v=0\r\n"), slice_z(cases[i].offered));
        assert_int_equal(answer(&b, buf_slice(&text)), ERR_OK);
        assert_int_equal(b.agreed.dir, cases[i].want);
        assert_int_equal(b.agreed.held, cases[i].held);
        assert_has(buf_slice(&b.said), "c=IN IP4 192.0.2.2\r\n");
        assert_int_equal(parsed(buf_slice(&b.said)).media[0].dir, cases[i].want);
        if (slice_find_slice(buf_slice(&text), S("0.0.0.0")) != SIZE_MAX)
            assert_int_equal(b.agreed.rtp.family, ADDR_NONE);
    }
}

static void a_hold_of_ours_is_cut_down_to_what_the_answer_may_say(void **state)
{
    struct end a;

    (void)state;
    end_init(&a, "192.0.2.1", 4000);
    a.local.dir = SDP_SENDONLY;
    offer(&a);
    /* some ends answer sendrecv to sendonly */
    assert_int_equal(apply(&a, S("v=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 6 RTP/AVP 8\r\n")), ERR_OK);
    assert_int_equal(a.agreed.dir, SDP_SENDONLY);
    assert_int_equal(apply(&a, S("v=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 6 RTP/AVP 8\r\na=inactive\r\n")), ERR_OK);
    assert_int_equal(a.agreed.dir, SDP_INACTIVE);
}

static void answers_that_are_none_are_told_apart(void **state)
{
    struct end a;

    (void)state;
    end_init(&a, "192.0.2.1", 4000);
    assert_int_equal(apply(&a, S("v=0\r\nm=audio 6 RTP/AVP 8\r\n")), ERR_INVALID); /* nothing was offered */
    offer(&a);
    assert_int_equal(apply(&a, S("v=0\r\n")), ERR_INVALID);
    assert_int_equal(apply(&a, S("v=0\r\nm=video 6 RTP/AVP 31\r\n")), ERR_INVALID);
    assert_int_equal(apply(&a, S("v=0\r\nm=audio 0 RTP/AVP 8\r\n")), ERR_OK);
    assert_false(a.agreed.live);
    assert_text(a.agreed.why, "the answer refuses the stream");
    assert_int_equal(apply(&a, S("v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 6 RTP/AVP 18\r\n")), ERR_OK);
    assert_false(a.agreed.live);
    assert_text(a.agreed.why, "the answer has no codec of the offer");
}

static void looking_changes_nothing(void **state)
{
    struct end        b;
    struct sdp        s = parsed(S("v=0\r\nc=IN IP4 1.2.3.4\r\nm=video 4 RTP/AVP 31\r\nm=audio 4 RTP/AVP 97\r\n"
                                   "a=rtpmap:97 PCMU/8000\r\n"));
    struct sdp_agreed agreed;

    (void)state;
    end_init(&b, "192.0.2.2", 6000);
    assert_int_equal(sdp_answer(&b.local, &s, NULL, &agreed), ERR_OK);
    assert_int_equal(agreed.formats[0].send_pt, 97);
    assert_int_equal(b.local.codecs[1].pt, 0);
    assert_int_equal(b.local.n_slots, 0);
    assert_false(b.local.spoke);
}

static void no_room_and_no_address_are_told(void **state)
{
    struct end a;
    char       small[100];
    struct buf b = BUF_ON(small);
    struct sdp s = parsed(S("v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4 RTP/AVP 0\r\n"));

    (void)state;
    end_init(&a, "192.0.2.1", 4000);
    assert_int_equal(sdp_offer(&a.local, &b), ERR_LIMIT);
    assert_int_equal(buf_slice(&b).n, 0);
    assert_false(a.local.spoke);
    buf_reset(&b);
    assert_int_equal(sdp_answer(&a.local, &s, &b, &a.agreed), ERR_LIMIT);
    assert_false(a.local.spoke);
    a.local.rtp.port = 0;
    assert_int_equal(sdp_offer(&a.local, &a.said), ERR_INVALID);
    assert_int_equal(sdp_answer(&a.local, &s, &a.said, &a.agreed), ERR_INVALID);
    assert_int_equal(sdp_local_init(&a.local, 1, codecs, SDP_MAX_CODECS + 1), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_says_all_that_we_can),
        cmocka_unit_test(ipv6_and_a_foreign_rtcp_port_are_said),
        cmocka_unit_test(extended_reports_are_asked_for_by_each_for_itself),
        cmocka_unit_test(offer_and_answer_agree),
        cmocka_unit_test(the_offers_order_decides),
        cmocka_unit_test(payload_numbers_of_the_offer_are_kept),
        cmocka_unit_test(a_number_that_was_another_codecs_is_given_up),
        cmocka_unit_test(numbers_may_differ_by_direction),
        cmocka_unit_test(an_answer_without_rtpmap_means_our_numbers),
        cmocka_unit_test(other_streams_are_refused_in_place),
        cmocka_unit_test(keys_go_by_the_voice_s_clock),
        cmocka_unit_test(another_s_description_in_our_place),
        cmocka_unit_test(a_value_of_a_format_is_found),
        cmocka_unit_test(what_fits_nothing_is_unsupported_and_says_why),
        cmocka_unit_test(an_offer_of_dead_streams_is_answered_in_kind),
        cmocka_unit_test(the_version_rises_only_with_a_change),
        cmocka_unit_test(directions_are_mirrored_and_hold_is_told),
        cmocka_unit_test(a_hold_of_ours_is_cut_down_to_what_the_answer_may_say),
        cmocka_unit_test(answers_that_are_none_are_told_apart),
        cmocka_unit_test(looking_changes_nothing),
        cmocka_unit_test(no_room_and_no_address_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
