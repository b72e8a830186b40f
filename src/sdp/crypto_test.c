/* crypto_test.c - keys for SRTP in offers and answers: RFC 4568. */
#include "sdp/sdp_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define KEY_30 "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNE" /* "0123456789ABCDEF0123456789ABCD" */
#define KEY_46 "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUYwMTIzNDU2Nzg5QUJDRA=="
#define HEAD "v=0\r\nc=IN IP4 192.0.2.1\r\n"

struct end {
    struct sdp_local  local;
    char              octets[SDP_MAX_WRITTEN];
    struct buf        said;
    struct sdp_agreed agreed;
};

static const struct sdp_codec codecs[] = {
    {.name = {"PCMA", 4}, .rate_hz = 8000, .channels = 1, .pt = 8, .id = 1},
};

static void end_init(struct end *e, enum sdp_srtp srtp, uint8_t key)
{
    *e = (struct end){.said = {0}};
    buf_init(&e->said, e->octets, sizeof e->octets);
    assert_int_equal(sdp_local_init(&e->local, 1, codecs, 1), ERR_OK);
    assert_int_equal(addr_parse(S("192.0.2.1:4000"), &e->local.rtp), ERR_OK);
    e->local.srtp = srtp;
    memset(e->local.srtp_key, key, sizeof e->local.srtp_key);
}

static struct slice offer(struct end *e)
{
    buf_reset(&e->said);
    assert_int_equal(sdp_offer(&e->local, &e->said), ERR_OK);
    return buf_slice(&e->said);
}

static enum err answer(struct end *e, struct slice text)
{
    struct sdp s;

    buf_reset(&e->said);
    assert_int_equal(sdp_parse(text, &s, NULL), ERR_OK);
    return sdp_answer(&e->local, &s, &e->said, &e->agreed);
}

static void apply(struct end *e, struct slice text)
{
    struct sdp s;

    assert_int_equal(sdp_parse(text, &s, NULL), ERR_OK);
    assert_int_equal(sdp_apply(&e->local, &s, &e->agreed), ERR_OK);
}

static bool has(struct slice text, const char *what)
{
    return slice_find_slice(text, slice_z(what)) != SIZE_MAX;
}

static void lines_are_read_or_passed_over(void **state)
{
    static const struct {
        const char    *line;
        enum sdp_suite suite; /* SDP_CLEAR: not for us */
    } table[] = {
        {"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_30, SDP_AES_128_80},
        {"123456789 aes_cm_128_hmac_sha1_32 INLINE:" KEY_30 "|2^20", SDP_AES_128_32},
        {"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_30 "|1048576 WSH=64 -whatever", SDP_AES_128_80},
        {"3 AES_256_CM_HMAC_SHA1_80 inline:" KEY_46, SDP_AES_256_80},
        {"1 F8_128_HMAC_SHA1_80 inline:" KEY_30, SDP_CLEAR},
        {"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_46, SDP_CLEAR},                 /* a key of another length */
        {"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_30 "|2^20|1:4", SDP_CLEAR},     /* MKI */
        {"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_30 ";inline:" KEY_30, SDP_CLEAR},
        {"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_30 " UNENCRYPTED_SRTP", SDP_CLEAR},
        {"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_30 " KDR=1", SDP_CLEAR},
        {"1 AES_CM_128_HMAC_SHA1_80 inline:!!!", SDP_CLEAR},
        {"1 AES_CM_128_HMAC_SHA1_80 uri:x", SDP_CLEAR},
        {"1234567890 AES_CM_128_HMAC_SHA1_80 inline:" KEY_30, SDP_CLEAR},
        {"x AES_CM_128_HMAC_SHA1_80 inline:" KEY_30, SDP_CLEAR},
        {"1", SDP_CLEAR},
        {"", SDP_CLEAR},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct sdp_crypto c = {.suite = SDP_CLEAR};
        bool              read = sdp_crypto_read(slice_z(table[i].line), &c);

        if (read != (table[i].suite != SDP_CLEAR) || c.suite != table[i].suite)
            fail_msg("'%s' is read as %d", table[i].line, (int)c.suite);
        if (read)
            assert_memory_equal(c.key, "0123456789ABCDEF", 16);
    }
}

/* As desk phones have it: plain RTP, keys beside it. */
static void optional_is_offered_beside_plain(void **state)
{
    struct end a, b;

    (void)state;
    end_init(&a, SDP_SRTP_OPTIONAL, 1);
    end_init(&b, SDP_SRTP_OPTIONAL, 2);
    assert_true(has(offer(&a), "m=audio 4000 RTP/AVP 8\r\n"));
    assert_true(has(buf_slice(&a.said), "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AQEBAQEB"));
    assert_true(has(buf_slice(&a.said), "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:AQEBAQEB"));
    assert_int_equal(answer(&b, buf_slice(&a.said)), ERR_OK);
    assert_true(has(buf_slice(&b.said), "m=audio 4000 RTP/AVP 8\r\n"));
    assert_true(has(buf_slice(&b.said), "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AgICAgIC"));
    assert_false(has(buf_slice(&b.said), "a=crypto:2"));
    apply(&a, buf_slice(&b.said));
    assert_int_equal(a.agreed.suite, SDP_AES_128_80);
    assert_int_equal(b.agreed.suite, SDP_AES_128_80);
    assert_memory_equal(a.agreed.send_key, b.agreed.receive_key, SDP_MAX_KEY_OCTETS);
    assert_memory_equal(b.agreed.send_key, a.agreed.receive_key, SDP_MAX_KEY_OCTETS);
    assert_int_equal(a.agreed.send_key[0], 1);
}

static void who_does_not_know_keys_answers_plain(void **state)
{
    struct end a, b;

    (void)state;
    end_init(&a, SDP_SRTP_OPTIONAL, 1);
    end_init(&b, SDP_SRTP_OFF, 2);
    assert_int_equal(answer(&b, offer(&a)), ERR_OK);
    assert_false(has(buf_slice(&b.said), "crypto"));
    apply(&a, buf_slice(&b.said));
    assert_true(a.agreed.live);
    assert_int_equal(a.agreed.suite, SDP_CLEAR);
}

static void required_is_savp_or_nothing(void **state)
{
    struct end a, b;

    (void)state;
    end_init(&a, SDP_SRTP_REQUIRED, 1);
    end_init(&b, SDP_SRTP_OFF, 2);
    assert_true(has(offer(&a), "m=audio 4000 RTP/SAVP 8\r\n"));
    assert_int_equal(answer(&b, buf_slice(&a.said)), ERR_UNSUPPORTED);
    assert_true(slice_eq(b.agreed.why, S("transport not supported")));
    assert_int_equal(answer(&a, offer(&b)), ERR_UNSUPPORTED);
    assert_true(slice_eq(a.agreed.why, S("SRTP is required here")));
    end_init(&b, SDP_SRTP_ANSWER, 2);
    assert_int_equal(answer(&b, offer(&a)), ERR_OK);
    assert_true(has(buf_slice(&b.said), "RTP/SAVP 8\r\n"));
    apply(&a, buf_slice(&b.said));
    assert_int_equal(a.agreed.suite, SDP_AES_128_80);
    apply(&a, S(HEAD "m=audio 4000 RTP/SAVP 8\r\n")); /* no key: no stream */
    assert_false(a.agreed.live);
}

/* Theirs is the order; a line that we cannot read is no reason to refuse. */
static void the_first_that_fits_is_taken(void **state)
{
    struct end b;

    (void)state;
    end_init(&b, SDP_SRTP_ANSWER, 2);
    assert_false(has(offer(&b), "crypto")); /* never by itself */
    assert_int_equal(answer(&b, S(HEAD "m=audio 4000 RTP/SAVPF 8\r\na=crypto:4 F8_128_HMAC_SHA1_80 inline:" KEY_30 "\r\n"
                                  "a=crypto:9 AES_256_CM_HMAC_SHA1_80 inline:" KEY_46 "\r\n"
                                  "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_30 "\r\n")), ERR_OK);
    assert_int_equal(b.agreed.suite, SDP_AES_256_80);
    assert_true(has(buf_slice(&b.said), "m=audio 4000 RTP/SAVPF 8\r\n"));
    assert_true(has(buf_slice(&b.said), "a=crypto:9 AES_256_CM_HMAC_SHA1_80 inline:"));
    assert_true(has(offer(&b), "m=audio 4000 RTP/SAVP 8\r\n")); /* from now on we offer what was agreed */
    assert_true(has(buf_slice(&b.said), "a=crypto:3 AES_256_CM_HMAC_SHA1_80 inline:"));
    assert_int_equal(answer(&b, S(HEAD "m=audio 4000 RTP/SAVP 8\r\na=crypto:1 F8_128_HMAC_SHA1_80 inline:" KEY_30 "\r\n")),
                     ERR_UNSUPPORTED);
    assert_true(slice_eq(b.agreed.why, S("no key for SRTP that can be used")));
    assert_int_equal(answer(&b, S(HEAD "m=audio 4000 RTP/AVP 8\r\n")), ERR_OK); /* another end, without */
    assert_int_equal(b.agreed.suite, SDP_CLEAR);
    assert_false(has(offer(&b), "crypto"));
}

static void an_answer_must_name_a_line_of_ours(void **state)
{
    struct end a;

    (void)state;
    end_init(&a, SDP_SRTP_OPTIONAL, 1);
    (void)offer(&a);
    apply(&a, S(HEAD "m=audio 4000 RTP/AVP 8\r\na=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:" KEY_30 "\r\n"));
    assert_int_equal(a.agreed.suite, SDP_AES_128_32);
    end_init(&a, SDP_SRTP_OPTIONAL, 1);
    (void)offer(&a);
    apply(&a, S(HEAD "m=audio 4000 RTP/AVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:" KEY_30 "\r\n"));
    assert_false(a.agreed.live);
    apply(&a, S(HEAD "m=audio 4000 RTP/AVP 8\r\na=crypto:3 AES_256_CM_HMAC_SHA1_80 inline:" KEY_46 "\r\n"));
    assert_false(a.agreed.live); /* not offered */
}

static void count(void *ctx, void *p, size_t n)
{
    memset(p, ++*(int *)ctx, n);
}

/* A key is not taken up again after the stream was plain, or sealed by another suite. */
static void a_key_that_is_out_of_use_stays_so(void **state)
{
    struct end a;
    int        filled = 10;
    struct rng rng = {count, &filled};
    uint8_t    agreed[SDP_MAX_KEY_OCTETS];

    (void)state;
    end_init(&a, SDP_SRTP_OPTIONAL, 1);
    sdp_fresh_keys(&a.local, &rng);
    (void)offer(&a);
    apply(&a, S(HEAD "m=audio 4000 RTP/AVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_30 "\r\n"));
    memcpy(agreed, a.agreed.send_key, sizeof agreed);
    sdp_fresh_keys(&a.local, &rng);
    (void)offer(&a);
    apply(&a, S(HEAD "m=audio 4000 RTP/AVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_30 "\r\n"));
    assert_memory_equal(a.agreed.send_key, agreed, sizeof agreed); /* in use: it goes on */
    assert_int_equal(answer(&a, S(HEAD "m=audio 4000 RTP/AVP 8\r\n")), ERR_OK);
    sdp_fresh_keys(&a.local, &rng);
    (void)offer(&a);
    apply(&a, S(HEAD "m=audio 4000 RTP/AVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_30 "\r\n"));
    assert_memory_not_equal(a.agreed.send_key, agreed, sizeof agreed);
    end_init(&a, SDP_SRTP_OFF, 1);
    sdp_fresh_keys(&a.local, &rng);
    assert_int_equal(a.local.srtp_key[SDP_AES_128_80][0], 1);
}

static void keys_are_masked_in_place(void **state)
{
    char text[] = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" KEY_30 "|2^20\r\na=crypto:2 X INLINE:ab;inline:cd e\r\na=inline\r\ninline:";

    (void)state;
    sdp_mask_keys(text, strlen(text));
    assert_string_equal(text, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:****************************************|2^20\r\n"
                              "a=crypto:2 X INLINE:**;inline:** e\r\na=inline\r\ninline:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read_or_passed_over),
        cmocka_unit_test(optional_is_offered_beside_plain),
        cmocka_unit_test(who_does_not_know_keys_answers_plain),
        cmocka_unit_test(required_is_savp_or_nothing),
        cmocka_unit_test(the_first_that_fits_is_taken),
        cmocka_unit_test(an_answer_must_name_a_line_of_ours),
        cmocka_unit_test(a_key_that_is_out_of_use_stays_so),
        cmocka_unit_test(keys_are_masked_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
