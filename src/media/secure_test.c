/* secure_test.c - SRTP and SRTCP: sealed and opened, keys kept and changed, what is repeated or forged (RFC 3711). */
#include "media/secure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct pair {
    struct secure a, b;
};

/* What a sends by, b hears by. */
static struct media_keys keys(enum media_suite suite, uint8_t a, uint8_t b)
{
    struct media_keys k = {.suite = suite};

    memset(k.send, a, sizeof k.send);
    memset(k.receive, b, sizeof k.receive);
    return k;
}

static void agree(struct pair *p, enum media_suite suite, uint8_t a, uint8_t b)
{
    struct media_keys x = keys(suite, a, b), y = keys(suite, b, a);

    assert_int_equal(secure_set(&p->a, &x), ERR_OK);
    assert_int_equal(secure_set(&p->b, &y), ERR_OK);
}

static void pair_close(struct pair *p)
{
    secure_close(&p->a);
    secure_close(&p->b);
}

struct packet {
    char   octets[200 + SECURE_MORE_OCTETS];
    size_t n;
};

/* An RTP packet with that number: 12 octets of header, then "sound". */
static struct packet voice(uint16_t seq)
{
    struct packet p = {.octets = "\x80\x08\x00\x00\x00\x00\x00\x64\x11\x22\x33\x44sound", .n = 17};

    p.octets[2] = (char)(seq >> 8);
    p.octets[3] = (char)seq;
    return p;
}

static struct packet sealed(struct secure *s, struct packet p)
{
    assert_int_equal(secure_seal(s, false, p.octets, &p.n), ERR_OK);
    return p;
}

static enum err opened(struct secure *s, const struct packet *p, struct slice *out)
{
    static char room[SECURE_MAX_OCTETS];

    *out = (struct slice){p->octets, p->n};
    return secure_open(s, false, room, out);
}

static void assert_heard(struct secure *s, const struct packet *p)
{
    struct slice out;

    assert_int_equal(opened(s, p, &out), ERR_OK);
    assert_int_equal(out.n, 17);
    assert_memory_equal(out.p + 12, "sound", 5);
}

static void what_is_sealed_is_opened_in_each_suite(void **state)
{
    static const struct {
        enum media_suite suite;
        size_t           more, more_rtcp; /* tag; SRTCP: with index, and its tag is never cut (RFC 4568 §6.2.2) */
    } table[] = {{MEDIA_AES_128_80, 10, 14}, {MEDIA_AES_128_32, 4, 14}, {MEDIA_AES_256_80, 10, 14}};

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct pair   p = {0};
        struct packet v, r = {.octets = "\x80\xc9\x00\x01\x11\x22\x33\x44", .n = 8};
        char          room[SECURE_MAX_OCTETS];
        struct slice  out;

        agree(&p, table[i].suite, 1, 2);
        v = sealed(&p.a, voice(7));
        assert_int_equal(v.n, 17 + table[i].more);
        assert_memory_not_equal(v.octets + 12, "sound", 5);
        assert_heard(&p.b, &v);
        assert_int_equal(secure_seal(&p.a, true, r.octets, &r.n), ERR_OK);
        assert_int_equal(r.n, 8 + table[i].more_rtcp);
        out = (struct slice){r.octets, r.n};
        assert_int_equal(secure_open(&p.b, true, room, &out), ERR_OK);
        assert_memory_equal(out.p, "\x80\xc9\x00\x01\x11\x22\x33\x44", 8);
        assert_int_equal(out.n, 8);
        pair_close(&p);
    }
}

static void what_is_forged_or_repeated_is_told(void **state)
{
    struct pair   p = {0}, other = {0};
    struct packet v, plain = voice(9);
    struct slice  out;

    (void)state;
    agree(&p, MEDIA_AES_128_80, 1, 2);
    agree(&other, MEDIA_AES_128_80, 3, 4);
    v = sealed(&p.a, voice(7));
    assert_heard(&p.b, &v);
    assert_int_equal(opened(&p.b, &v, &out), ERR_EXISTS);
    assert_int_equal(opened(&other.b, &v, &out), ERR_DENIED);
    v = sealed(&p.a, voice(8));
    v.octets[14] ^= 1;
    assert_int_equal(opened(&p.b, &v, &out), ERR_DENIED);
    assert_int_not_equal(opened(&p.b, &plain, &out), ERR_OK);
    plain.n = 3;
    assert_int_not_equal(opened(&p.b, &plain, &out), ERR_OK);
    pair_close(&p);
    pair_close(&other);
}

/* The roll-over counter is in no packet: both sides count (RFC 3711 §3.3.1). Agreeing on the same keys again must not begin it
 * anew. */
static void the_same_keys_go_on_where_they_are(void **state)
{
    struct pair   p = {0};
    struct packet v;

    (void)state;
    agree(&p, MEDIA_AES_128_80, 1, 2);
    for (uint32_t seq = 0xfff0; seq < 0x10010; seq++) {
        v = sealed(&p.a, voice((uint16_t)seq));
        assert_heard(&p.b, &v);
    }
    agree(&p, MEDIA_AES_128_80, 1, 2);
    v = sealed(&p.a, voice(0x0010));
    assert_heard(&p.b, &v);
    pair_close(&p);
}

/* A re-INVITE brings new keys for one direction: that one begins anew, the other goes on. */
static void new_keys_begin_anew(void **state)
{
    struct pair       p = {0};
    struct media_keys k = keys(MEDIA_AES_128_80, 5, 2), back = keys(MEDIA_AES_128_80, 2, 5);
    struct packet     old, there;
    struct slice      out;
    void             *opens;

    (void)state;
    agree(&p, MEDIA_AES_128_80, 1, 2);
    old = sealed(&p.a, voice(7));
    there = sealed(&p.b, voice(7));
    opens = p.a.open;
    assert_int_equal(secure_set(&p.a, &k), ERR_OK);
    assert_int_equal(secure_set(&p.b, &back), ERR_OK);
    assert_ptr_equal(p.a.open, opens);
    assert_heard(&p.a, &there);
    assert_int_equal(opened(&p.b, &old, &out), ERR_DENIED);
    old = sealed(&p.a, voice(8));
    assert_heard(&p.b, &old);
    pair_close(&p);
}

static void without_keys_nothing_happens(void **state)
{
    struct pair       p = {0};
    struct media_keys none = {.suite = MEDIA_CLEAR}, wrong = {.suite = MEDIA_SUITES};
    struct packet     v = voice(7);

    (void)state;
    assert_int_equal(secure_set(&p.a, &none), ERR_OK);
    v = sealed(&p.a, v);
    assert_int_equal(v.n, 17);
    assert_heard(&p.a, &v);
    assert_int_equal(secure_set(&p.a, &wrong), ERR_UNSUPPORTED);
    agree(&p, MEDIA_AES_128_80, 1, 2);
    assert_int_equal(secure_set(&p.a, &none), ERR_OK);
    assert_false(secure_is_on(&p.a));
    v = sealed(&p.a, voice(8));
    assert_int_equal(v.n, 17);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_is_opened_in_each_suite), cmocka_unit_test(what_is_forged_or_repeated_is_told),
        cmocka_unit_test(the_same_keys_go_on_where_they_are),     cmocka_unit_test(new_keys_begin_anew),
        cmocka_unit_test(without_keys_nothing_happens),
    };

    if (!secure_is_there()) {
        print_message("this build has no libsrtp2\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
