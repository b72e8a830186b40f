/* credentials_test.c - credentials read, found and written: RFC 7616 §3.4; PROTOCOL 1.2, 1.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sip/auth/auth.h"
#include "sys/digest.h"

#define assert_slice(got, want) assert_true(slice_eq((got), S(want)))

static char block[65536];

static enum err parse(struct slice value, struct auth_credentials *c)
{
    struct arena a;

    arena_init_fixed(&a, block, sizeof block);
    return auth_credentials_parse(&a, value, c);
}

static void its_parts(void **state)
{
    struct auth_credentials c;

    (void)state;
    assert_int_equal(parse(S("Digest username=\"10\\\"01\",realm=\"example.com\",nonce=\"n\",uri=\"sip:a,b\",response=\"0123\","
                             "cnonce=\"c\",opaque=\"o\",algorithm=MD5,qop=auth,nc=0000000A"), &c), ERR_OK);
    assert_slice(c.username, "10\"01");
    assert_slice(c.uri, "sip:a,b");
    assert_slice(c.opaque, "o");
    assert_int_equal(c.qop, AUTH_QOP_AUTH);
    assert_int_equal(c.nc, 10);
    /* some quote what is to be a token */
    assert_int_equal(parse(S("Digest username=\"1\", realm=\"\", nonce=\"n\", uri=\"sip:a\", response=\"0\", qop=\"auth-int\", "
                             "nc=00000001, cnonce=\"c\", algorithm=\"SHA-256\""), &c), ERR_OK);
    assert_int_equal(c.qop, AUTH_QOP_AUTH_INT);
    assert_int_equal(c.alg, AUTH_SHA256);
}

static void broken_ones(void **state)
{
    static const char *const bad[] = {
        "Digest", "Digest username=\"1\", nonce=\"n\", uri=\"u\"", "Digest username=\"1\", nonce=\"n\", response=\"0\"",
        "Digest username=\"1\", uri=\"u\", response=\"0\"", "Digest nonce=\"n\", uri=\"u\", response=\"0\"",
        "Digest username=\"1\", nonce=\"n\", uri=\"u\", response=\"0\", qop=auth",
        "Digest username=\"1\", nonce=\"n\", uri=\"u\", response=\"0\", qop=auth, nc=00000001",
        "Digest username=\"1\", nonce=\"n\", uri=\"u\", response=\"0\", qop=auth, nc=1, cnonce=\"c\"",
        "Digest username=\"1\", nonce=\"n\", uri=\"u\", response=\"0\", qop=auth, nc=00000000, cnonce=\"c\"",
        "Digest username=\"1\", nonce=\"n\", uri=\"u\", response=\"0\", qop=auth, nc=0000000x, cnonce=\"c\"",
        "Digest username=\"1\", nonce=\"n\", uri=\"u\", response=\"0",
    };
    struct auth_credentials c;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (parse(slice_z(bad[i]), &c) != ERR_SYNTAX)
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(parse(S("NoOneKnowsThisScheme opaque-data=here"), &c), ERR_UNSUPPORTED);
}

#define CREDENTIALS(realm, nonce) "Digest username=\"1\", realm=\"" realm "\", nonce=\"" nonce "\", uri=\"u\", response=\"0\"\r\n"

static void protocol_1_2_credentials_count_in_either_header(void **state)
{
    struct auth_credentials c;
    struct arena            a;
    struct msg             *m;

    (void)state;
    arena_init_fixed(&a, block, sizeof block);
    assert_int_equal(msg_parse(&a, S("BYE sip:a SIP/2.0\r\n"
                                     "Proxy-Authorization: " CREDENTIALS("r", "1")
                                     "Authorization: " CREDENTIALS("other", "2")
                                     "Authorization: Basic x\r\n"
                                     "Authorization: " CREDENTIALS("r", "3")
                                     "Proxy-Authorization: " CREDENTIALS("r", "4") "\r\n"), &m), ERR_OK);
    assert_int_equal(auth_find_credentials(&a, m, S("r"), 0, &c), ERR_OK);
    assert_slice(c.nonce, "3");
    assert_false(c.proxy);
    assert_int_equal(auth_find_credentials(&a, m, S("r"), 1, &c), ERR_OK);
    assert_slice(c.nonce, "1");
    assert_true(c.proxy);
    assert_int_equal(auth_find_credentials(&a, m, S("r"), 2, &c), ERR_OK);
    assert_slice(c.nonce, "4");
    assert_int_equal(auth_find_credentials(&a, m, S("r"), 3, &c), ERR_NOTFOUND);
    assert_int_equal(auth_find_credentials(&a, m, S("R"), 0, &c), ERR_NOTFOUND);
}

static void protocol_1_4_ack_and_cancel_are_never_challenged(void **state)
{
    (void)state;
    for (enum method m = METHOD_OTHER; m < METHOD_N; m++)
        assert_int_equal(auth_may_challenge(m), m != METHOD_ACK && m != METHOD_CANCEL);
}

/* Every kind of challenge: what the client writes, the server takes; and not with another password. */
static void a_client_answers_what_a_server_asks(void **state)
{
    struct digester d;

    (void)state;
    digest_open(&d);
    for (int kind = 0; kind < 16; kind++) {
        struct auth_challenge   ch = {.realm = S("ex\"ample"), .nonce = S("n0"), .opaque = kind % 2 ? S("op") : SLICE_NONE,
                                      .alg = (enum auth_alg)(kind / 4), .qop_auth = kind % 4 == 1, .qop_auth_int = kind % 4 >= 2};
        struct auth_login       login = {.challenge = &ch, .username = S("10\\01"), .password = S("pass word"), .method = S("INVITE"),
                                         .uri = S("sip:a;x=\"y"), .body = S("v=0"), .cnonce = S("cn"), .nc = 0xabcdef01};
        const struct slice      right[3] = {login.username, ch.realm, login.password}, wrong[3] = {login.username, ch.realm, S("x")};
        struct auth_credentials c;
        struct auth_hash        ha1;
        char                    out[600];
        struct buf              b = BUF_ON(out);

        assert_int_equal(auth_put_credentials(&b, &d, &login), ERR_OK);
        assert_int_equal(parse(buf_slice(&b), &c), ERR_OK);
        assert_true(slice_eq(c.username, login.username) && slice_eq(c.uri, login.uri) && slice_eq(c.opaque, ch.opaque));
        auth_ha1(&d, auth_digest_of(ch.alg), right, &ha1);
        assert_int_equal(auth_verify(&d, &c, &(struct auth_asked){.ha1 = auth_hash_text(&ha1), .method = S("INVITE"), .body = S("v=0")}), ERR_OK);
        assert_int_equal(c.qop, ch.qop_auth ? AUTH_QOP_AUTH : ch.qop_auth_int ? AUTH_QOP_AUTH_INT : AUTH_QOP_NONE);
        if (c.qop == AUTH_QOP_AUTH_INT)
            assert_int_equal(auth_verify(&d, &c, &(struct auth_asked){.ha1 = auth_hash_text(&ha1), .method = S("INVITE"), .body = S("v=1")}), ERR_DENIED);
        login.ha1 = auth_hash_text(&ha1);
        login.password = SLICE_NONE;
        buf_reset(&b);
        assert_int_equal(auth_put_credentials(&b, &d, &login), ERR_OK);
        assert_int_equal(parse(buf_slice(&b), &c), ERR_OK);
        assert_int_equal(auth_verify(&d, &c, &(struct auth_asked){.ha1 = auth_hash_text(&ha1), .method = S("INVITE"), .body = S("v=0")}), ERR_OK);
        auth_ha1(&d, auth_digest_of(ch.alg), wrong, &ha1);
        assert_int_equal(auth_verify(&d, &c, &(struct auth_asked){.ha1 = auth_hash_text(&ha1), .method = S("INVITE"), .body = S("v=0")}), ERR_DENIED);
    }
}

static void what_cannot_be_answered(void **state)
{
    struct auth_challenge ch = {.realm = S("r"), .nonce = S("n"), .alg = AUTH_ALG_OTHER};
    struct auth_login     login = {.challenge = &ch, .username = S("u"), .password = S("p"), .method = S("BYE"), .uri = S("sip:a"),
                                   .cnonce = S("c"), .nc = 1};
    struct digester       d;
    char                  out[40];
    struct buf            b = BUF_ON(out);

    (void)state;
    digest_open(&d);
    assert_int_equal(auth_put_credentials(&b, &d, &login), ERR_UNSUPPORTED);
    ch.alg = AUTH_MD5;
    ch.qop_other = true;
    assert_int_equal(auth_put_credentials(&b, &d, &login), ERR_UNSUPPORTED);
    ch.qop_auth = true;
    assert_int_equal(auth_put_credentials(&b, &d, &login), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_parts),
        cmocka_unit_test(broken_ones),
        cmocka_unit_test(protocol_1_2_credentials_count_in_either_header),
        cmocka_unit_test(protocol_1_4_ack_and_cancel_are_never_challenged),
        cmocka_unit_test(a_client_answers_what_a_server_asks),
        cmocka_unit_test(what_cannot_be_answered),
    };
    return cmocka_run_group_tests_name("sip/auth/credentials", tests, NULL, NULL);
}
