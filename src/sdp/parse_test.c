/* parse_test.c - reading descriptions: what phones send, what they may send, and what nobody should. */
#include "sdp/sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct sdp parsed(struct slice in)
{
    struct sdp s;
    size_t     fault = 0;

    assert_int_equal(sdp_parse(in, &s, &fault), ERR_OK);
    return s;
}

static void assert_slice(struct slice got, const char *want)
{
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.p ? got.p : "", want, got.n);
}

static void assert_addr(const struct addr *a, const char *want)
{
    char       text[ADDR_MAX_TEXT];
    struct buf b = BUF_ON(text);

    addr_put(&b, a);
    assert_slice(buf_slice(&b), want);
}

static const char typical[] = "v=0\r\n"
                              "o=alice 2890844526 2890844527 IN IP4 host.example\r\n"
                              "s=a call\r\n"
                              "c=IN IP4 192.0.2.101\r\n"
                              "b=AS:84\r\n"
                              "t=0 0\r\n"
                              "m=audio 49172 RTP/AVP 8 0 9 101\r\n"
                              "a=rtpmap:101 telephone-event/8000\r\n"
                              "a=fmtp:101 0-16\r\n"
                              "a=ptime:20\r\n"
                              "a=sendonly\r\n"
                              "m=video 0 RTP/AVP 31\r\n";

static void a_typical_phone_is_read(void **state)
{
    struct sdp              s = parsed(slice_z(typical));
    const struct sdp_media *m = &s.media[0];

    (void)state;
    assert_slice(s.origin.user, "alice");
    assert_slice(s.origin.id, "2890844526");
    assert_slice(s.origin.host, "host.example");
    assert_slice(s.name, "a call");
    assert_int_equal(s.n_media, 2);
    assert_int_equal(m->kind, SDP_AUDIO);
    assert_addr(&m->rtp, "192.0.2.101:49172");
    assert_addr(&m->rtcp, "192.0.2.101:49173");
    assert_int_equal(m->n_formats, 4);
    assert_slice(m->formats[0].name, "PCMA");
    assert_slice(m->formats[1].name, "PCMU");
    assert_slice(m->formats[2].name, "G722");
    assert_int_equal(m->formats[2].rate_hz, 8000);
    assert_slice(m->formats[3].name, "telephone-event");
    assert_slice(m->formats[3].fmtp, "0-16");
    assert_int_equal(m->ptime_ms, 20);
    assert_int_equal(m->dir, SDP_SENDONLY);
    assert_slice(m->line_dir, "a=sendonly");
    assert_slice(m->line_c, "c=IN IP4 192.0.2.101");
    assert_true(sdp_is_hold(m));
    assert_int_equal(s.media[1].kind, SDP_VIDEO);
    assert_int_equal(s.media[1].dir, SDP_SENDRECV);
    assert_int_equal(sdp_effective_dir(&s.media[1]), SDP_INACTIVE);
    assert_false(sdp_is_hold(&s.media[1]));
    assert_slice(s.media[1].lines, "m=video 0 RTP/AVP 31\r\n");
}

static void version_is_a_number_of_64_bits(void **state)
{
    struct sdp s = parsed(slice_z(typical));
    uint64_t   v = 0;

    (void)state;
    assert_int_equal(sdp_version(&s, &v), ERR_OK);
    assert_int_equal(v, 2890844527u);
    s = parsed(S("v=0\nm=audio 1 RTP/AVP 0\n"));
    assert_int_equal(sdp_version(&s, &v), ERR_NOTFOUND);
    s = parsed(S("v=0\no=- 1 99999999999999999999999 IN IP4 1.2.3.4\n"));
    assert_int_equal(sdp_version(&s, &v), ERR_LIMIT);
}

static void bare_lf_missing_lines_and_stray_spaces_are_read(void **state)
{
    struct sdp s = parsed(S("v=0\n\nc=IN IP4 192.0.2.1 \n m=audio  4000   RTP/AVP  0\t8 \na=rtpmap:0 PCMU/8000\n\n"));

    (void)state;
    assert_int_equal(s.n_media, 1);
    assert_addr(&s.media[0].rtp, "192.0.2.1:4000");
    assert_int_equal(s.media[0].n_formats, 2);
    assert_slice(s.media[0].formats[1].name, "PCMA");
    assert_int_equal(s.origin.user.n, 0);
}

static void a_counted_nul_at_the_end_is_no_line(void **state)
{
    struct sdp s = parsed((struct slice){"v=0\r\nm=audio 9 RTP/AVP 0\r\n\0\0", 28});

    (void)state;
    assert_int_equal(s.n_media, 1);
}

static void direction_and_address_of_the_session_are_inherited(void **state)
{
    struct sdp s = parsed(S("v=0\r\nc=IN IP6 2001:db8::1\r\na=inactive\r\n"
                            "m=audio 4000 RTP/AVP 0\r\n"
                            "m=audio 4002 RTP/AVP 0\r\nc=IN IP4 192.0.2.9\r\na=recvonly\r\n"));

    (void)state;
    assert_addr(&s.media[0].rtp, "[2001:db8::1]:4000");
    assert_int_equal(s.media[0].dir, SDP_INACTIVE);
    assert_slice(s.media[0].line_dir, "a=inactive");
    assert_addr(&s.media[1].rtp, "192.0.2.9:4002");
    assert_int_equal(s.media[1].dir, SDP_RECVONLY);
    assert_slice(s.media[1].line_c, "c=IN IP4 192.0.2.9");
}

static void a_zero_address_is_hold_as_rfc2543_had_it(void **state)
{
    struct sdp s = parsed(S("v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n"));
    struct sdp six = parsed(S("v=0\r\nc=IN IP6 ::\r\nm=audio 4000 RTP/AVP 0\r\n"));

    (void)state;
    assert_true(sdp_is_blackholed(&s.media[0]));
    assert_true(sdp_is_hold(&s.media[0]));
    assert_int_equal(s.media[0].dir, SDP_SENDRECV);
    assert_int_equal(sdp_effective_dir(&s.media[0]), SDP_SENDONLY);
    assert_true(sdp_is_blackholed(&six.media[0]));
}

static void an_address_may_be_a_name(void **state)
{
    struct sdp s = parsed(S("v=0\r\nc=IN IP4 phone.example\r\nm=audio 4000 RTP/AVP 0\r\n"));

    (void)state;
    assert_int_equal(s.media[0].rtp.family, ADDR_NONE);
    assert_int_equal(s.media[0].rtp.port, 4000);
    assert_slice(s.media[0].host, "phone.example");
    assert_false(sdp_is_blackholed(&s.media[0]));
}

static void rtcp_has_an_address_of_its_own(void **state)
{
    struct sdp s = parsed(S("v=0\r\nc=IN IP4 192.0.2.1\r\n"
                            "m=audio 4000 RTP/AVP 0\r\na=rtcp:5555\r\na=rtcp-mux\r\n"
                            "m=audio 4000 RTP/AVP 0\r\na=rtcp:53020 IN IP4 192.0.2.7\r\n"
                            "m=audio 65535 RTP/AVP 0\r\n"));

    (void)state;
    assert_addr(&s.media[0].rtcp, "192.0.2.1:5555");
    assert_true(s.media[0].rtcp_mux);
    assert_addr(&s.media[1].rtcp, "192.0.2.7:53020");
    assert_false(s.media[1].rtcp_mux);
    assert_int_equal(s.media[2].rtcp.port, 0);
}

static void extended_reports_are_the_streams_or_the_sessions(void **state)
{
    struct sdp s = parsed(S("v=0\r\na=rtcp-xr:rcvr-rtt=all:10000\r\n"
                            "m=audio 4000 RTP/AVP 0\r\na=rtcp-xr:stat-summary=loss,dup voip-metrics\r\n"
                            "m=audio 4002 RTP/AVP 0\r\nm=audio 4004 RTP/AVP 0\r\na=rtcp-xr\r\n"));

    (void)state;
    assert_slice(s.media[0].rtcp_xr, "stat-summary=loss,dup voip-metrics");
    assert_slice(s.media[1].rtcp_xr, "rcvr-rtt=all:10000");
    assert_int_equal(s.media[2].rtcp_xr.n, 0); /* RFC 3611 §5.1: an empty one takes the session's back */
}

static void rtpmap_counts_over_the_static_meaning(void **state)
{
    struct sdp s = parsed(S("v=0\r\nm=audio 4000 RTP/SAVPF 96 0 97 96 200 x\r\n"
                            "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1; stereo=0\r\n"
                            "a=rtpmap:0 pcmu/8000/1\r\na=rtpmap:97 broken\r\na=rtpmap:98 G726-32/8000\r\n"));

    (void)state;
    assert_int_equal(s.media[0].n_formats, 3);
    assert_slice(s.media[0].formats[0].name, "opus");
    assert_int_equal(s.media[0].formats[0].channels, 2);
    assert_slice(s.media[0].formats[0].fmtp, "useinbandfec=1; stereo=0");
    assert_slice(s.media[0].formats[1].name, "pcmu");
    assert_int_equal(s.media[0].formats[1].channels, 1);
    assert_int_equal(s.media[0].formats[2].pt, 97);
    assert_int_equal(s.media[0].formats[2].name.n, 0);
    assert_int_equal(s.media[0].formats[2].rate_hz, 0);
}

static void crypto_ice_and_fingerprint_are_kept_raw(void **state)
{
    struct sdp s = parsed(S("v=0\r\na=ice-lite\r\na=ice-ufrag:sess\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\n"
                            "m=audio 4000 RTP/SAVP 0\r\n"
                            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n"
                            "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:def\r\n"
                            "a=ice-ufrag:mine\r\na=ice-pwd:secret\r\na=mid:0\r\n"
                            "a=candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host\r\n"
                            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"));

    (void)state;
    assert_true(s.ice_lite);
    assert_int_equal(s.media[0].n_crypto, 2);
    assert_slice(s.media[0].crypto[1], "2 AES_CM_128_HMAC_SHA1_32 inline:def");
    assert_slice(s.media[0].ice_ufrag, "mine");
    assert_slice(s.media[0].ice_pwd, "secret");
    assert_slice(s.media[0].setup, "actpass");
    assert_slice(s.media[0].mid, "0");
    assert_int_equal(s.media[0].n_candidates, 1);
    assert_slice(s.media[1].ice_ufrag, "sess");
    assert_slice(s.media[1].fmts, "webrtc-datachannel");
    assert_int_equal(s.media[1].n_formats, 0);
}

static void port_count_and_multicast_suffix_are_read(void **state)
{
    struct sdp s = parsed(S("v=0\r\nc=IN IP4 233.252.0.1/127/3\r\nm=video 49170/2 RTP/AVP 31\r\nc=IN IP4 233.252.0.2/127\r\n"
                            "c=IN IP4 233.252.0.3/127\r\n"));

    (void)state;
    assert_int_equal(s.media[0].port, 49170);
    assert_int_equal(s.media[0].n_ports, 2);
    assert_addr(&s.media[0].rtp, "233.252.0.2:49170");
}

static void the_line_at_fault_is_told(void **state)
{
    static const struct {
        struct slice in;
        enum err     want;
        size_t       line;
    } bad[] = {
        {S(""), ERR_SYNTAX, 1},
        {S("o=- 1 1 IN IP4 1.2.3.4\r\n"), ERR_SYNTAX, 1},
        {S("v=x\r\n"), ERR_SYNTAX, 1},
        {S("v=1\r\n"), ERR_UNSUPPORTED, 1},
        {S("v=0\r\nhello\r\n"), ERR_SYNTAX, 2},
        {S("v=0\r\ns=-\r\nm=audio\r\n"), ERR_SYNTAX, 3},
        {S("v=0\r\nm=audio 70000 RTP/AVP 0\r\n"), ERR_SYNTAX, 2},
        {S("v=0\r\nm=audio -1 RTP/AVP 0\r\n"), ERR_SYNTAX, 2},
        {S("v=0\r\nm=audio 4000/ RTP/AVP 0\r\n"), ERR_SYNTAX, 2},
        {S("v=0\r\nm=audio 4000\r\n"), ERR_SYNTAX, 2},
        {S("v=0\r\n\r\nc=IN IP4\r\n"), ERR_SYNTAX, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sdp s;
        size_t     fault = 0;

        assert_int_equal(sdp_parse(bad[i].in, &s, &fault), bad[i].want);
        assert_int_equal(fault, bad[i].line);
        assert_int_equal(sdp_parse(bad[i].in, &s, NULL), bad[i].want);
    }
}

static void put_many(struct buf *b, struct slice line, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_put(b, line);
}

static void limits_hold(void **state)
{
    static char block[4 * SDP_MAX_OCTETS];
    struct buf  b = BUF_ON(block);
    struct sdp  s;

    (void)state;
    buf_put(&b, S("v=0\r\n"));
    put_many(&b, S("m=audio 1 RTP/AVP 0\r\n"), SDP_MAX_MEDIA);
    assert_int_equal(sdp_parse(buf_slice(&b), &s, NULL), ERR_OK);
    buf_put(&b, S("m=audio 1 RTP/AVP 0\r\n"));
    assert_int_equal(sdp_parse(buf_slice(&b), &s, NULL), ERR_LIMIT);

    buf_reset(&b);
    buf_put(&b, S("v=0\r\n"));
    put_many(&b, S("a=x\r\n"), SDP_MAX_LINES);
    assert_int_equal(sdp_parse(buf_slice(&b), &s, NULL), ERR_LIMIT);

    buf_reset(&b);
    buf_put(&b, S("v=0\r\ns="));
    put_many(&b, S("x"), SDP_MAX_OCTETS);
    assert_int_equal(sdp_parse(buf_slice(&b), &s, NULL), ERR_LIMIT);

    buf_reset(&b);
    buf_put(&b, S("v=0\r\nm=audio 1 RTP/AVP"));
    for (unsigned pt = 0; pt < 100; pt++) {
        buf_putc(&b, ' ');
        buf_putu(&b, pt);
    }
    put_many(&b, S("\r\na=crypto:1 x"), SDP_MAX_CRYPTO + 1);
    put_many(&b, S("\r\na=candidate:1 x"), SDP_MAX_CANDIDATES + 1);
    s = parsed(buf_slice(&b));
    assert_int_equal(s.media[0].n_formats, SDP_MAX_FORMATS);
    assert_int_equal(s.media[0].n_crypto, SDP_MAX_CRYPTO);
    assert_int_equal(s.media[0].n_candidates, SDP_MAX_CANDIDATES);
}

/* A copy that ends where the readable memory ends: reading one octet too far dies. */
static void cut_anywhere_it_is_not_read_past_its_end(void **state)
{
    size_t     page = (size_t)sysconf(_SC_PAGESIZE);
    char      *base = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t     n = sizeof typical - 1, good = 0;
    struct sdp s;

    (void)state;
    assert_ptr_not_equal(base, MAP_FAILED);
    assert_int_equal(mprotect(base + page, page, PROT_NONE), 0);
    for (size_t cut = 0; cut <= n; cut++) {
        memcpy(base + page - cut, typical, cut);
        good += sdp_parse((struct slice){base + page - cut, cut}, &s, NULL) == ERR_OK;
    }
    assert_true(good > n / 2);
    munmap(base, 2 * page);
}

static void the_live_stream_of_a_kind_is_found(void **state)
{
    struct sdp s = parsed(S("v=0\r\nm=audio 0 RTP/AVP 0\r\nm=video 5 RTP/AVP 31\r\nm=audio 7 RTP/AVP 0\r\nm=x 8 y z\r\n"));

    (void)state;
    assert_ptr_equal(sdp_find(&s, SDP_AUDIO), &s.media[2]);
    assert_ptr_equal(sdp_find(&s, SDP_VIDEO), &s.media[1]);
    assert_ptr_equal(sdp_find(&s, SDP_OTHER), &s.media[3]);
    assert_null(sdp_find(&s, SDP_IMAGE));
    s = parsed(S("v=0\r\nm=audio 0 RTP/AVP 0\r\n"));
    assert_ptr_equal(sdp_find(&s, SDP_AUDIO), &s.media[0]);
}

static void a_summary_says_the_streams_in_a_line(void **state)
{
    char       text[256];
    struct buf b = BUF_ON(text);
    struct sdp s = parsed(slice_z(typical));

    (void)state;
    sdp_put_summary(&b, &s);
    assert_slice(buf_slice(&b), "audio 192.0.2.101:49172 sendonly PCMA PCMU G722 telephone-event; video refused");
    buf_reset(&b);
    s = parsed(S("v=0\r\nm=audio 9 RTP/AVP 99\r\nm=image 5 udptl t38\r\nc=IN IP4 fax.example\r\n"));
    sdp_put_summary(&b, &s);
    assert_slice(buf_slice(&b), "audio nowhere:9 sendrecv 99; image fax.example:5 sendrecv udptl");
    buf_reset(&b);
    s = parsed(S("v=0\r\n"));
    sdp_put_summary(&b, &s);
    assert_slice(buf_slice(&b), "no streams");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_typical_phone_is_read),
        cmocka_unit_test(version_is_a_number_of_64_bits),
        cmocka_unit_test(bare_lf_missing_lines_and_stray_spaces_are_read),
        cmocka_unit_test(a_counted_nul_at_the_end_is_no_line),
        cmocka_unit_test(direction_and_address_of_the_session_are_inherited),
        cmocka_unit_test(a_zero_address_is_hold_as_rfc2543_had_it),
        cmocka_unit_test(an_address_may_be_a_name),
        cmocka_unit_test(rtcp_has_an_address_of_its_own),
        cmocka_unit_test(extended_reports_are_the_streams_or_the_sessions),
        cmocka_unit_test(rtpmap_counts_over_the_static_meaning),
        cmocka_unit_test(crypto_ice_and_fingerprint_are_kept_raw),
        cmocka_unit_test(port_count_and_multicast_suffix_are_read),
        cmocka_unit_test(the_line_at_fault_is_told),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(cut_anywhere_it_is_not_read_past_its_end),
        cmocka_unit_test(the_live_stream_of_a_kind_is_found),
        cmocka_unit_test(a_summary_says_the_streams_in_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
