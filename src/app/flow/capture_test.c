/* capture_test.c - packets out of files, messages out of packets: every link, fragments, TCP as it comes, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "app/flow/capture.h"
#include "sys/guard.h"
#include "sys/heap.h"

#define OPTIONS                                                                                                                  \
    "OPTIONS sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:a@x>;tag=1\r\n"                  \
    "To: <sip:b@x>\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
#define BODY                                                                                                                     \
    "MESSAGE sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKb\r\nFrom: <sip:a@x>;tag=1\r\n"                  \
    "To: <sip:b@x>\r\nCall-ID: c2\r\nCSeq: 2 MESSAGE\r\nMax-Forwards: 70\r\nContent-Type: text/plain\r\n"                         \
    "Content-Length: 11\r\n\r\nhello world"

struct wire {
    struct mem         heap;
    struct arena       a;
    char               text[1 << 17];
    struct buf         b;         /* the file */
    uint64_t           time_us;
    struct trace_input in;
    bool               damaged;
};

static void open_wire(struct wire *w)
{
    memset(w, 0, sizeof *w);
    heap_mem(&w->heap);
    arena_init(&w->a, &w->heap, 1 << 16, 0);
    w->b = (struct buf){w->text, 0, sizeof w->text, false};
    w->time_us = 1700000000000000;
}

static void close_wire(struct wire *w)
{
    arena_close(&w->a);
}

static void put_le(struct buf *b, uint64_t v, unsigned octets)
{
    for (unsigned i = 0; i < octets; i++)
        buf_putc(b, (char)(v >> 8 * i & 255));
}

static void put_be(struct buf *b, uint64_t v, unsigned octets)
{
    while (octets--)
        buf_putc(b, (char)(v >> 8 * octets & 255));
}

static void put_pcap_head(struct wire *w, uint32_t link)
{
    put_le(&w->b, 0xa1b2c3d4, 4);
    put_le(&w->b, 0x00040002, 4);
    put_le(&w->b, 0, 8);
    put_le(&w->b, 65535, 4);
    put_le(&w->b, link, 4);
}

static void put_record(struct wire *w, struct slice packet)
{
    w->time_us += 1000;
    put_le(&w->b, w->time_us / 1000000, 4);
    put_le(&w->b, w->time_us % 1000000, 4);
    put_le(&w->b, packet.n, 4);
    put_le(&w->b, packet.n, 4);
    buf_put(&w->b, packet);
}

/* An IPv4 packet; flags: fragment offset in octets, and whether more come. */
static void put_ip4(struct buf *b, unsigned protocol, struct slice payload, unsigned offset, bool more)
{
    put_be(b, 0x45, 1);
    put_be(b, 0, 1);
    put_be(b, 20 + payload.n, 2);
    put_be(b, 77, 2);
    put_be(b, offset / 8 | (more ? 0x2000u : 0u), 2);
    put_be(b, 64, 1);
    put_be(b, protocol, 1);
    put_be(b, 0, 2);
    put_be(b, 0xc0000201, 4);
    put_be(b, 0xc0000202, 4);
    buf_put(b, payload);
}

static void put_udp(struct buf *b, struct slice payload)
{
    put_be(b, 5060, 2);
    put_be(b, 5070, 2);
    put_be(b, 8 + payload.n, 2);
    put_be(b, 0, 2);
    buf_put(b, payload);
}

static void put_tcp(struct buf *b, uint32_t seq, unsigned flags, struct slice payload)
{
    put_be(b, 40000, 2);
    put_be(b, 5060, 2);
    put_be(b, seq, 4);
    put_be(b, 0, 4);
    put_be(b, 0x50, 1);
    put_be(b, flags, 1);
    put_be(b, 65535, 2);
    put_be(b, 0, 4);
    buf_put(b, payload);
}

static void record_ip4(struct wire *w, struct slice link_head, unsigned protocol, struct slice segment)
{
    char       text[4096];
    struct buf b = BUF_ON(text);

    buf_put(&b, link_head);
    put_ip4(&b, protocol, segment, 0, false);
    put_record(w, buf_slice(&b));
}

static void record_udp(struct wire *w, struct slice link_head, struct slice payload)
{
    char       text[4096];
    struct buf b = BUF_ON(text);

    put_udp(&b, payload);
    record_ip4(w, link_head, 17, buf_slice(&b));
}

static void record_tcp(struct wire *w, uint32_t seq, unsigned flags, struct slice payload)
{
    char       text[4096];
    struct buf b = BUF_ON(text);

    put_tcp(&b, seq, flags, payload);
    record_ip4(w, SLICE_NONE, 6, buf_slice(&b));
}

static void read_it(struct wire *w)
{
    struct hash_key key = {1, 2};

    assert_int_equal(buf_err(&w->b), ERR_OK);
    assert_int_equal(capture_read(&w->a, &key, buf_slice(&w->b), &w->in, &w->damaged), ERR_OK);
}

static void expect_message(const struct wire *w, size_t n, const char *text)
{
    assert_true(n < w->in.n_messages);
    assert_int_equal(w->in.messages[n].octets.n, strlen(text));
    assert_memory_equal(w->in.messages[n].octets.p, text, strlen(text));
}

/* --- links ------------------------------------------------------------------------------------------------------------------- */

static void every_link_is_understood(void **state)
{
    static const struct {
        uint32_t     link;
        struct slice head;
    } links[] = {
        {LINK_RAW, {"", 0}},
        {LINK_RAW_BSD, {"", 0}},
        {LINK_IP4, {"", 0}},
        {LINK_NULL, {"\2\0\0\0", 4}},
        {LINK_LOOP, {"\0\0\0\2", 4}},
        {LINK_ETHERNET, {"\1\2\3\4\5\6\7\10\11\12\13\14\10\0", 14}},
        {LINK_ETHERNET, {"\1\2\3\4\5\6\7\10\11\12\13\14\201\0\0\5\10\0", 18}},
        {LINK_ETHERNET, {"\1\2\3\4\5\6\7\10\11\12\13\14\210\250\0\5\201\0\0\6\10\0", 22}},
        {LINK_COOKED, {"\0\0\0\1\0\6\0\0\0\0\0\0\0\0\10\0", 16}},
        {LINK_COOKED2, {"\10\0\0\0\0\0\0\1\0\1\0\6\0\0\0\0\0\0\0\0", 20}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        struct wire w;

        open_wire(&w);
        put_pcap_head(&w, links[i].link);
        record_udp(&w, links[i].head, S(OPTIONS));
        read_it(&w);
        if (w.in.n_messages != 1)
            fail_msg("link %u", links[i].link);
        expect_message(&w, 0, OPTIONS);
        assert_int_equal(w.in.messages[0].from.port, 5060);
        assert_int_equal(w.in.messages[0].to.port, 5070);
        assert_int_equal(w.in.messages[0].frame, 1);
        assert_true(w.in.messages[0].time_us == 1700000000001000);
        close_wire(&w);
    }
}

static void ip6_with_extension_headers(void **state)
{
    struct wire w;
    char        text[2048], inner[1024];
    struct buf  b = BUF_ON(text), u = BUF_ON(inner);

    (void)state;
    open_wire(&w);
    put_pcap_head(&w, LINK_RAW);
    put_udp(&u, S(OPTIONS));
    put_be(&b, 0x60000000, 4);
    put_be(&b, 8 + u.n, 2);
    put_be(&b, 0, 1); /* hop-by-hop */
    put_be(&b, 64, 1);
    put_be(&b, 0x20010db800000000, 8);
    put_be(&b, 1, 8);
    put_be(&b, 0x20010db800000000, 8);
    put_be(&b, 2, 8);
    put_be(&b, 0x1100010400000000, 8);
    buf_put(&b, buf_slice(&u));
    put_record(&w, buf_slice(&b));
    read_it(&w);
    assert_int_equal(w.in.n_messages, 1);
    assert_int_equal(w.in.messages[0].from.family, ADDR_IP6);
    assert_int_equal(w.in.messages[0].to.ip[15], 2);
    close_wire(&w);
}

/* --- pcapng -------------------------------------------------------------------------------------------------------------------- */

typedef void putter(struct buf *b, uint64_t v, unsigned octets);

static void put_block(struct wire *w, putter *put, uint32_t type, struct slice body)
{
    size_t padded = (body.n + 3) / 4 * 4;

    put(&w->b, type, 4);
    put(&w->b, padded + 12, 4);
    buf_put(&w->b, body);
    for (size_t i = body.n; i < padded; i++)
        buf_putc(&w->b, 0);
    put(&w->b, padded + 12, 4);
}

static void put_pcapng(struct wire *w, putter *put)
{
    char       text[2048], packet[1024], udp[1024];
    struct buf b = BUF_ON(text), ip = BUF_ON(packet), u = BUF_ON(udp);

    put(&b, 0x1a2b3c4d, 4);
    put(&b, 1, 2);
    put(&b, 0, 2);
    put(&b, UINT64_MAX, 8);
    put_block(w, put, 0x0a0d0d0a, buf_slice(&b));
    buf_reset(&b);
    put(&b, LINK_RAW, 2);
    put(&b, 0, 2);
    put(&b, 65535, 4);
    put(&b, 9, 2); /* time stamps in nanoseconds */
    put(&b, 1, 2);
    put(&b, 9, 1);
    buf_put(&b, S("\0\0\0"));
    put(&b, 0, 4);
    put_block(w, put, 1, buf_slice(&b));
    put_block(w, put, 4, S("names are passed over"));
    put_udp(&u, S(OPTIONS));
    put_ip4(&ip, 17, buf_slice(&u), 0, false);
    buf_reset(&b);
    put(&b, 0, 4);
    put(&b, 1700000000123456789u >> 32, 4);
    put(&b, 1700000000123456789u & 0xffffffff, 4);
    put(&b, ip.n, 4);
    put(&b, ip.n, 4);
    buf_put(&b, buf_slice(&ip));
    put_block(w, put, 6, buf_slice(&b));
}

static void pcapng_in_either_order_of_octets_and_several_sections(void **state)
{
    struct wire w;

    (void)state;
    open_wire(&w);
    put_pcapng(&w, put_le);
    put_pcapng(&w, put_be);
    read_it(&w);
    assert_false(w.damaged);
    assert_int_equal(w.in.n_messages, 2);
    for (size_t i = 0; i < 2; i++) {
        expect_message(&w, i, OPTIONS);
        assert_true(w.in.messages[i].time_us == 1700000000123456);
    }
    assert_int_equal(w.in.messages[1].frame, 2);
    close_wire(&w);
}

/* --- fragments ------------------------------------------------------------------------------------------------------------------- */

static void record_fragment(struct wire *w, struct slice datagram, size_t from, size_t to)
{
    char       text[4096];
    struct buf b = BUF_ON(text);

    put_ip4(&b, 17, slice_from(slice_to(datagram, to), from), (unsigned)from, to < datagram.n);
    put_record(w, buf_slice(&b));
}

static void fragments_are_put_together_in_any_order(void **state)
{
    static const size_t cuts[][4] = {{0, 80, 160, 1000}, {80, 0, 160, 1000}, {160, 80, 0, 1000}};
    char                text[1024];

    (void)state;
    for (size_t order = 0; order < 3; order++) {
        struct wire  w;
        struct buf   u = BUF_ON(text);
        struct slice d;

        open_wire(&w);
        put_pcap_head(&w, LINK_RAW);
        put_udp(&u, S(OPTIONS));
        d = buf_slice(&u);
        for (size_t i = 0; i < 3; i++) {
            size_t from = cuts[order][i], to = from == 160 ? d.n : from + 80;

            record_fragment(&w, d, from, to);
            if (i == 1)
                record_fragment(&w, d, from, to); /* twice does no harm */
        }
        read_it(&w);
        assert_int_equal(w.in.n_messages, 1);
        expect_message(&w, 0, OPTIONS);
        assert_int_equal(w.in.n_gaps, 0);
        close_wire(&w);
    }
}

static void a_lost_fragment_is_reported_with_what_came(void **state)
{
    struct wire w;
    char        text[1024];
    struct buf  u = BUF_ON(text);

    (void)state;
    open_wire(&w);
    put_pcap_head(&w, LINK_RAW);
    put_udp(&u, S(OPTIONS));
    record_fragment(&w, buf_slice(&u), 0, 80);
    record_fragment(&w, buf_slice(&u), 160, u.n);
    read_it(&w);
    assert_int_equal(w.in.n_messages, 0);
    assert_int_equal(w.in.n_gaps, 1);
    assert_int_equal(w.in.gaps[0].kind, TRACE_GAP_FRAGMENT);
    assert_int_equal(w.in.gaps[0].missing, 80);
    assert_int_equal(w.in.gaps[0].octets.n, 72);
    assert_int_equal(w.in.gaps[0].from.port, 5060);
    close_wire(&w);
}

/* --- TCP -------------------------------------------------------------------------------------------------------------------------- */

enum { SYN = 2, ACK = 16 };

static void messages_come_out_of_segments_however_they_are_cut(void **state)
{
    static const char stream[] = "\r\n\r\n" OPTIONS BODY OPTIONS;

    (void)state;
    for (size_t size = 1; size < sizeof stream; size += 1 + size / 3) {
        struct wire w;

        open_wire(&w);
        put_pcap_head(&w, LINK_RAW);
        record_tcp(&w, 0xffffff00, SYN, SLICE_NONE); /* the numbers wrap on the way */
        for (size_t at = 0; at < sizeof stream - 1; at += size)
            record_tcp(&w, (uint32_t)(0xffffff01 + at), ACK,
                       slice_to((struct slice){stream + at, sizeof stream - 1 - at}, size));
        read_it(&w);
        assert_int_equal(w.in.n_messages, 3);
        expect_message(&w, 0, OPTIONS);
        expect_message(&w, 1, BODY);
        expect_message(&w, 2, OPTIONS);
        assert_int_equal(w.in.messages[1].transport, TRACE_TCP);
        close_wire(&w);
    }
}

static void segments_out_of_order_and_sent_again(void **state)
{
    struct wire  w;
    struct slice all = S(OPTIONS BODY);

    (void)state;
    open_wire(&w);
    put_pcap_head(&w, LINK_RAW);
    record_tcp(&w, 1000, SYN, SLICE_NONE);
    record_tcp(&w, 1001, ACK, slice_to(all, 100));
    record_tcp(&w, 1201, ACK, slice_from(all, 200));
    record_tcp(&w, 1001, ACK, slice_to(all, 100));
    record_tcp(&w, 1051, ACK, slice_from(slice_to(all, 200), 50));
    record_tcp(&w, 1201, ACK, slice_from(all, 200));
    read_it(&w);
    assert_int_equal(w.in.n_messages, 2);
    expect_message(&w, 0, OPTIONS);
    expect_message(&w, 1, BODY);
    assert_int_equal(w.in.n_gaps, 0);
    close_wire(&w);
}

static void a_hole_in_a_stream_is_reported_and_passed(void **state)
{
    struct wire  w;
    struct slice all = S(OPTIONS);

    (void)state;
    open_wire(&w);
    put_pcap_head(&w, LINK_RAW);
    record_tcp(&w, 1000, SYN, SLICE_NONE);
    record_tcp(&w, 1001, ACK, slice_to(all, 100));
    record_tcp(&w, (uint32_t)(1001 + all.n), ACK, S(BODY)); /* the rest of the first is missing */
    read_it(&w);
    assert_int_equal(w.in.n_messages, 1);
    expect_message(&w, 0, BODY);
    assert_int_equal(w.in.n_gaps, 1);
    assert_int_equal(w.in.gaps[0].kind, TRACE_GAP_STREAM);
    assert_int_equal(w.in.gaps[0].missing, all.n - 100);
    close_wire(&w);
}

static void a_stream_that_is_no_sip_is_passed_over(void **state)
{
    struct wire w;

    (void)state;
    open_wire(&w);
    put_pcap_head(&w, LINK_RAW);
    record_tcp(&w, 1000, SYN, SLICE_NONE);
    record_tcp(&w, 1001, ACK, S("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    record_tcp(&w, 1100, ACK, S("\026\003\001 something else"));
    read_it(&w);
    assert_int_equal(w.in.n_messages, 0);
    assert_int_equal(w.in.n_gaps, 0);
    close_wire(&w);
}

static void a_capture_may_begin_in_mid_connection(void **state)
{
    struct wire w;

    (void)state;
    open_wire(&w);
    put_pcap_head(&w, LINK_RAW);
    record_tcp(&w, 5000, ACK, S("the end of some message\r\n"));
    record_tcp(&w, 5025, ACK, S(OPTIONS));
    read_it(&w);
    assert_int_equal(w.in.n_messages, 1);
    close_wire(&w);
}

/* --- sound --------------------------------------------------------------------------------------------------------------------------- */

static void sound_is_counted_by_stream(void **state)
{
    struct wire w;
    char        rtp[172] = {(char)0x80, 8};

    (void)state;
    open_wire(&w);
    put_pcap_head(&w, LINK_RAW);
    for (int i = 0; i < 50; i++)
        record_udp(&w, SLICE_NONE, (struct slice){rtp, sizeof rtp});
    rtp[11] = 1;
    record_udp(&w, SLICE_NONE, (struct slice){rtp, sizeof rtp});
    rtp[1] = (char)200; /* RTCP */
    record_udp(&w, SLICE_NONE, (struct slice){rtp, sizeof rtp});
    read_it(&w);
    assert_int_equal(w.in.n_sounds, 2);
    assert_int_equal(w.in.sounds[0].packets, 50);
    assert_int_equal(w.in.sounds[0].payload_type, 8);
    assert_true(w.in.sounds[0].last_us - w.in.sounds[0].first_us == 49000);
    assert_int_equal(w.in.sounds[1].ssrc, 1);
    close_wire(&w);
}

/* --- damage ----------------------------------------------------------------------------------------------------------------------------- */

static void build_mixed(struct wire *w)
{
    char       text[1024];
    struct buf u = BUF_ON(text);

    put_pcap_head(w, LINK_ETHERNET);
    record_udp(w, (struct slice){"\1\2\3\4\5\6\7\10\11\12\13\14\201\0\0\5\10\0", 18}, S(OPTIONS));
    put_udp(&u, S(BODY));
    record_fragment(w, buf_slice(&u), 0, 80);
    record_tcp(w, 1000, SYN, SLICE_NONE);
    record_tcp(w, 1001, ACK, S(OPTIONS));
}

/* Every length of the file, against a guard page; and every octet changed. */
static void no_file_is_read_past_its_end(void **state)
{
    struct wire  w, cut;
    struct guard g;

    (void)state;
    open_wire(&w);
    build_mixed(&w);
    assert_int_equal(guard_open(&g, w.b.n), ERR_OK);
    for (size_t n = 0; n <= w.b.n; n++) {
        struct hash_key key = {1, 2};
        bool            damaged;

        open_wire(&cut);
        (void)capture_read(&cut.a, &key, guard_copy(&g, slice_to(buf_slice(&w.b), n)), &cut.in, &damaged);
        close_wire(&cut);
    }
    guard_close(&g);
    close_wire(&w);
}

static void changed_octets_do_no_harm(void **state)
{
    struct wire w;

    (void)state;
    open_wire(&w);
    build_mixed(&w);
    for (size_t at = 0; at < w.b.n; at++) {
        struct hash_key    key = {1, 2};
        struct trace_input in = {0};
        bool               damaged;
        char               was = w.text[at];

        for (int bit = 0; bit < 8; bit += 3) {
            w.text[at] = (char)(was ^ 1 << bit);
            (void)capture_read(&w.a, &key, buf_slice(&w.b), &in, &damaged);
        }
        w.text[at] = was;
        arena_reset(&w.a);
    }
    close_wire(&w);
}

static void a_written_capture_reads_the_same(void **state)
{
    struct wire                 w;
    char                        large[60000];
    struct buf                  b = BUF_ON(large);
    struct trace_message        m[3];
    const struct trace_message *p[] = {&m[0], &m[1], &m[2]};
    struct slice                file;
    struct hash_key             key = {1, 2};

    (void)state;
    open_wire(&w);
    buf_put(&b, S("MESSAGE sip:b@x SIP/2.0\r\nContent-Length: 50000\r\n\r\n"));
    for (int i = 0; i < 50000; i++)
        buf_putc(&b, (char)('a' + i % 26));
    for (size_t i = 0; i < 3; i++) {
        m[i] = (struct trace_message){.time_us = 1700000000000000 + i, .octets = i == 2 ? buf_slice(&b) : S(BODY),
                                      .transport = i == 1 ? TRACE_TCP : TRACE_UDP};
        assert_int_equal(addr_parse(i ? S("[2001:db8::1]:5060") : S("192.0.2.1:5060"), &m[i].from), ERR_OK);
        assert_int_equal(addr_parse(i ? S("[2001:db8::2]:5070") : S("192.0.2.2:5070"), &m[i].to), ERR_OK);
    }
    assert_int_equal(capture_write(&w.a, p, 3, &file), ERR_OK);
    assert_int_equal(capture_read(&w.a, &key, file, &w.in, &w.damaged), ERR_OK);
    assert_int_equal(w.in.n_messages, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(slice_eq(w.in.messages[i].octets, m[i].octets));
        assert_true(addr_eq(&w.in.messages[i].from, &m[i].from));
        assert_true(addr_eq(&w.in.messages[i].to, &m[i].to));
        assert_int_equal(w.in.messages[i].transport, m[i].transport);
        assert_true(w.in.messages[i].time_us == m[i].time_us);
    }
    close_wire(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_link_is_understood),
        cmocka_unit_test(ip6_with_extension_headers),
        cmocka_unit_test(pcapng_in_either_order_of_octets_and_several_sections),
        cmocka_unit_test(fragments_are_put_together_in_any_order),
        cmocka_unit_test(a_lost_fragment_is_reported_with_what_came),
        cmocka_unit_test(messages_come_out_of_segments_however_they_are_cut),
        cmocka_unit_test(segments_out_of_order_and_sent_again),
        cmocka_unit_test(a_hole_in_a_stream_is_reported_and_passed),
        cmocka_unit_test(a_stream_that_is_no_sip_is_passed_over),
        cmocka_unit_test(a_capture_may_begin_in_mid_connection),
        cmocka_unit_test(sound_is_counted_by_stream),
        cmocka_unit_test(no_file_is_read_past_its_end),
        cmocka_unit_test(changed_octets_do_no_harm),
        cmocka_unit_test(a_written_capture_reads_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
