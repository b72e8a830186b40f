/* login_test.c - passwords: challenges, nonces and their counts, who may speak for which number (PROTOCOL §1; RFC 3261 §22,
 * RFC 7616, RFC 8760). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"
#include "sys/heap.h"

#define REGISTER_URI "REGISTER sip:" KIT_DOMAIN

static const struct kit_options digest = {.digest = true};

/* A user, and a phone of it that answers no challenge by itself. */
static struct peer *phone_of(struct kit *k, const char *number)
{
    struct peer *p = peer_add(k, number);

    kit_add_user(k, number);
    peer_set_login(p, number, NULL);
    return p;
}

static bool is_stale(const struct msg *m)
{
    return slice_find_slice(msg_value(m, HDR_WWW_AUTHENTICATE), S("stale=true")) != SIZE_MAX;
}

/* REGISTER with credentials for that challenge, which are of that method and URI. */
static const struct msg *login_as(struct peer *p, const struct msg *challenge, const char *method_and_uri, unsigned nc, const char *answer)
{
    char what[4096];

    snprintf(what, sizeof what, "REGISTER\n%s", peer_login(p, challenge, method_and_uri, nc));
    peer_send(p, what);
    return peer_expect(p, answer);
}

static const struct msg *login(struct peer *p, const struct msg *challenge, unsigned nc, const char *answer)
{
    return login_as(p, challenge, REGISTER_URI, nc, answer);
}

static const struct msg *first_challenge(struct peer *p, const char *number)
{
    char what[128];

    snprintf(what, sizeof what, "REGISTER %s", number);
    peer_send(p, what);
    return peer_expect(p, "401");
}

/* ---- what is offered: PROTOCOL 1.1 ---- */

static void sha_256_where_the_user_is_set_so_1_1(void **state)
{
    struct kit       *k = kit_begin(&digest);
    struct peer      *bob = phone_of(k, "bob"), *alice = phone_of(k, "alice");
    const struct msg *m;

    (void)state;
    kit_set_user(k, "bob", "digest", "sha-256");
    m = first_challenge(bob, "bob");
    assert_int_equal(msg_count(m, HDR_WWW_AUTHENTICATE), 1);
    assert_true(slice_find_slice(msg_value(m, HDR_WWW_AUTHENTICATE), S("SHA-256")) != SIZE_MAX);
    login(bob, m, 1, "200");
    /* MD5 is not good enough for it then, though the password is right */
    m = first_challenge(alice, "alice");
    peer_set_login(bob, "bob", NULL);
    login(bob, m, 1, "401");
    login(alice, m, 1, "200");
    kit_end(k);
}

/* Both: SHA-256 first (RFC 8760 §2.3), and either will do. */
static void both_are_offered_where_set_1_1(void **state)
{
    struct kit_options o = {.digest = true, .offer = DIRECTORY_DIGEST_BOTH};
    struct kit        *k = kit_begin(&o);
    struct peer       *bob = phone_of(k, "bob");
    const struct msg  *m;

    (void)state;
    m = first_challenge(bob, "bob");
    assert_int_equal(msg_count(m, HDR_WWW_AUTHENTICATE), 2);
    assert_true(slice_find_slice(msg_value(m, HDR_WWW_AUTHENTICATE), S("SHA-256")) != SIZE_MAX);
    login(bob, m, 1, "200");
    kit_set_user(k, "bob", "digest", "md5");
    login(bob, first_challenge(bob, "bob"), 1, "200");
    kit_end(k);
}

/* PROTOCOL 1.2: 401 for what the exchange answers itself, 407 for what it passes on; either header answers either. */
static void each_kind_of_challenge_1_2(void **state)
{
    static const struct {
        const char *what, *answer;
    } cases[] = {{"SUBSCRIBE bob\nEvent: reg", "401"}, {"PUBLISH bob\nEvent: presence", "401"},
                 {"MESSAGE bob", "407"}, {"OPTIONS bob", "407"}, {"NEWMETHOD bob", "407"}, {"REFER bob", "407"}};
    struct kit       *k = kit_begin(&digest);
    struct peer      *bob = peer_registered(k, "bob"), *alice = phone_of(k, "alice");
    const struct msg *m;
    char              what[2048];
    const char       *row;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        peer_send(alice, cases[i].what);
        peer_expect(alice, cases[i].answer);
    }
    peer_send(alice, "MESSAGE bob");
    m = peer_expect(alice, "407");
    row = peer_login(alice, m, "MESSAGE sip:bob@" KIT_DOMAIN, 1);
    assert_non_null(strstr(row, "Proxy-Authorization: "));
    snprintf(what, sizeof what, "MESSAGE bob\n%s", row + strlen("Proxy-"));
    peer_send(alice, what);
    peer_expect(bob, "MESSAGE");
    peer_send(bob, "200");
    peer_expect(alice, "200");
    kit_end(k);
}

/* RFC 3261 §22.3: credentials for us stay here, those for others go on. */
static void our_credentials_go_no_further(void **state)
{
    struct kit       *k = kit_begin(&digest);
    struct peer      *bob = peer_registered(k, "bob"), *alice = phone_of(k, "alice");
    const struct msg *m;
    char              what[4096];

    (void)state;
    peer_send(alice, "MESSAGE bob");
    m = peer_expect(alice, "407");
    snprintf(what, sizeof what,
             "MESSAGE bob\nProxy-Authorization: Digest username=\"strowger\",realm=\"strowger2\",nonce=\"n\",uri=\"sip:bob@x\","
             "response=\"00000000000000000000000000000000\"\n%s",
             peer_login(alice, m, "MESSAGE sip:bob@" KIT_DOMAIN, 1));
    peer_send(alice, what);
    m = peer_expect(bob, "MESSAGE");
    assert_int_equal(msg_count(m, HDR_PROXY_AUTHORIZATION), 1);
    assert_true(slice_find_slice(msg_value(m, HDR_PROXY_AUTHORIZATION), S("strowger2")) != SIZE_MAX);
    peer_send(bob, "200");
    peer_expect(alice, "200");
    kit_end(k);
}

/* ---- nonces: PROTOCOL 1.3 ---- */

static void an_old_nonce_is_stale_1_3(void **state)
{
    struct kit       *k = kit_begin(&digest);
    struct peer      *bob = phone_of(k, "bob");
    const struct msg *m = first_challenge(bob, "bob"), *again;

    (void)state;
    assert_false(is_stale(m));
    login(bob, m, 1, "200");
    kit_wait_ms(k, 29 * 60 * 1000);
    login(bob, m, 2, "200");
    kit_wait_ms(k, 2 * 60 * 1000);
    again = login(bob, m, 3, "401");
    assert_true(is_stale(again));
    login(bob, again, 1, "200");
    kit_end(k);
}

/* Within its window the order of counts does not matter; a count used before does. */
static void a_count_is_good_once_1_3(void **state)
{
    struct kit       *k = kit_begin(&digest);
    struct peer      *bob = phone_of(k, "bob");
    const struct msg *m = first_challenge(bob, "bob");

    (void)state;
    login(bob, m, 5, "200");
    login(bob, m, 3, "200");
    login(bob, m, 4, "200");
    assert_true(is_stale(login(bob, m, 4, "401")));
    assert_true(is_stale(login(bob, m, 5, "401")));
    login(bob, m, 100, "200");
    assert_true(is_stale(login(bob, m, 6, "401"))); /* below the window: nobody knows */
    login(bob, m, 99, "200");
    kit_end(k);
}

/* After a restart nobody knows any more which counts were used: the right password gets a new nonce, and no refusal. */
/* What is kept of one request's credentials is not taken for another's (RFC 7616 §3.4.3: method and URI are hashed). */
static void credentials_are_of_one_method_and_uri(void **state)
{
    struct kit       *k = kit_begin(&digest);
    struct peer      *bob = phone_of(k, "bob");
    const struct msg *m = first_challenge(bob, "bob");

    (void)state;
    login_as(bob, m, "REGISTER sip:one", 1, "200");
    login_as(bob, m, "REGISTER sip:two", 2, "200");
    login_as(bob, m, "REGISTER sip:one", 3, "200");
    login_as(bob, m, "MESSAGE sip:one", 4, "401");
    login_as(bob, m, "REGISTER sip:one", 5, "200");
    kit_end(k);
}

static void a_nonce_of_an_earlier_run_is_stale_1_3(void **state)
{
    struct kit       *k = kit_begin(&digest);
    struct peer      *bob = phone_of(k, "bob");
    const struct msg *m = first_challenge(bob, "bob");

    (void)state;
    login(bob, m, 1, "200");
    kit_kill(k);
    kit_wait_ms(k, 10);
    kit_restart(k);
    m = login(bob, m, 1, "401");
    assert_true(is_stale(m));
    login(bob, m, 1, "200");
    kit_end(k);
}

static void a_made_up_nonce_is_no_better_than_none(void **state)
{
    struct kit       *k = kit_begin(&digest);
    struct peer      *bob = phone_of(k, "bob");
    const struct msg *m;
    struct msg       *fake;
    struct slice      text, nonce = S("01234567890123456789012345678901"), at;
    char              room[2048];

    (void)state;
    m = first_challenge(bob, "bob");
    assert_true(m->raw.n < sizeof room);
    memcpy(room, m->raw.p, m->raw.n);
    text = (struct slice){room, m->raw.n};
    at = slice_from(text, slice_find_slice(text, S("nonce=\"")) + 7);
    memcpy(room + (at.p - room), nonce.p, nonce.n); /* nonces are that long */
    assert_int_equal(at.p[nonce.n], '"');
    {
        struct mem   mem;
        struct arena a;

        heap_mem(&mem);
        arena_init(&a, &mem, 65536, 0);
        assert_int_equal(msg_parse(&a, text, &fake), ERR_OK);
        assert_false(is_stale(login(bob, fake, 1, "401")));
        arena_close(&a);
    }
    kit_end(k);
}

/* ---- whose request it is: PROTOCOL 1.4, 1.5 ---- */

static void an_auth_name_of_its_own_1_5(void **state)
{
    const struct directory_pair pairs[] = {{S("auth-name"), S("desk-17")}, {S("password"), S("secret-of-the-test")}};
    const struct directory_act  act = {.number = S("bob"), .pairs = pairs, .n_pairs = 2, .who = S("test")};
    struct directory_fault      fault;
    struct kit                 *k = kit_begin(&digest);
    struct peer                *bob = phone_of(k, "bob");

    (void)state;
    assert_int_equal(directory_set(kit_exchange(k)->directory, &act, &fault), ERR_OK);
    login(bob, first_challenge(bob, "bob"), 1, "401");
    peer_set_login(bob, "desk-17", NULL);
    login(bob, first_challenge(bob, "bob"), 1, "200");
    kit_end(k);
}

static void nobody_speaks_for_another_number_1_5(void **state)
{
    struct kit  *k = kit_begin(&digest);
    struct peer *bob = peer_registered(k, "1002"), *eve = peer_registered(k, "eve");

    (void)state;
    peer_send(eve, "REGISTER bob\nTo: <sip:1002@" KIT_DOMAIN ">\nFrom: <sip:eve@" KIT_DOMAIN ">");
    peer_expect(eve, "403");
    peer_send(eve, "INVITE 1002\nFrom: <sip:1002@" KIT_DOMAIN ">");
    peer_expect(eve, "403");
    peer_send(eve, "ACK");
    peer_send(eve, "INVITE 1002\nFrom: <sip:%31002@" KIT_EXCHANGE ":5060>");
    peer_expect(eve, "403");
    peer_send(eve, "ACK");
    peer_send(eve, "MESSAGE 1002\nFrom: <tel:10-02;phone-context=example.com>");
    peer_expect(eve, "403");
    peer_expect_nothing(bob, 100);
    kit_end(k);
}

/* Anonymous From is lawful: identity is the account's (RFC 3323; 1.5). */
static void an_anonymous_call_1_5(void **state)
{
    static const char *const calls[] = {
        "INVITE bob\nFrom: \"Anonymous\" <sip:anonymous@anonymous.invalid>",
        "INVITE bob\nFrom: \"Anonymous\" <sip:anonymous@" KIT_DOMAIN ">",
        "INVITE bob\nFrom: <sip:c8oqz84zk7z@elsewhere.example>",
    };
    struct kit       *k = kit_begin(&digest);
    struct peer      *bob = peer_registered(k, "bob"), *alice = peer_registered(k, "alice"), *eve = peer_add(k, "eve");
    const struct msg *m;

    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        peer_send(alice, calls[i]);
        m = peer_expect(bob, "INVITE");
        assert_true(slice_find_slice(msg_value(m, HDR_FROM), S("alice")) == SIZE_MAX);
        refuse(bob, alice, "486");
        assert_string_equal(kit_cdr(k, 0), "alice bob 486 callee Busy Here");
    }
    peer_set_login(eve, "eve", NULL);
    peer_send(eve, calls[0]);
    peer_expect(eve, "407");
    peer_send(eve, "ACK");
    peer_expect_nothing(bob, 100);
    kit_end(k);
}

/* PROTOCOL 1.4: a CANCEL has no credentials of its own, nor has the ACK. */
static void cancel_and_ack_are_not_challenged_1_4(void **state)
{
    struct kit  *k = kit_begin(&digest);
    struct peer *bob = peer_registered(k, "bob"), *alice = peer_registered(k, "alice");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(alice, "180");
    peer_send(alice, "CANCEL");
    peer_expect(alice, "200 CANCEL");
    peer_expect(bob, "CANCEL");
    peer_send(bob, "200 CANCEL");
    refuse(bob, alice, "487 INVITE");
    kit_end(k);
}

/* ---- an unknown user and a wrong password ---- */

struct counted {
    struct digester below;
    unsigned        hashes, hmacs;
};

static void count_hash(void *ctx, enum digest_alg alg, const struct slice *pieces, size_t n, unsigned char *out)
{
    struct counted *c = ctx;

    c->hashes++;
    c->below.hash(c->below.ctx, alg, pieces, n, out);
}

static void count_hmac(void *ctx, struct slice key, const struct slice *pieces, size_t n, unsigned char *out)
{
    struct counted *c = ctx;

    c->hmacs++;
    c->below.hmac(c->below.ctx, key, pieces, n, out);
}

/* The message with every `what` as '#'. */
static void put_without(struct buf *b, struct slice text, struct slice what)
{
    while (text.n) {
        size_t at = what.n ? slice_find_slice(text, what) : SIZE_MAX;

        buf_put(b, slice_to(text, at));
        if (at == SIZE_MAX)
            return;
        buf_putc(b, '#');
        text = slice_from(text, at + what.n);
    }
}

static struct slice nonce_of(const struct msg *m)
{
    struct slice rest = msg_value(m, HDR_WWW_AUTHENTICATE), nonce;

    rest = slice_from(rest, slice_find_slice(rest, S("nonce=\"")) + 7);
    slice_cut(&rest, '"', &nonce);
    return nonce;
}

/* What a 401 says apart from what differs between any two: number, Call-ID, branch, tags, nonce. */
static void put_plain(struct buf *b, const struct msg *m, const char *number)
{
    static char        room[2][8192];
    const struct slice differ[] = {slice_z(number), msg_call_id(m), msg_from_tag(m), msg_to_tag(m), nonce_of(m)};
    struct slice       text = m->raw;
    struct buf         x;

    assert_non_null(msg_via(m));
    for (size_t i = 0; i < sizeof differ / sizeof differ[0]; i++) {
        x = BUF_ON(room[i % 2]);
        put_without(&x, text, differ[i]);
        text = buf_slice(&x);
    }
    put_without(b, text, msg_via(m)->branch);
    assert_int_equal(buf_err(b), ERR_OK);
}

static void an_unknown_user_is_as_a_wrong_password(void **state)
{
    static const char *const names[] = {"alice", "nosuc"};
    struct kit    *k = kit_begin(&digest);
    struct peer   *p = peer_add(k, "x");
    struct counted c[2];
    char           room[2][2][8192];
    struct buf     b[2][2];

    (void)state;
    kit_add_user(k, "alice");
    for (int i = 0; i < 2; i++) {
        const struct msg *m;
        char              what[2048], uri[32];

        c[i] = (struct counted){.below = kit_exchange(k)->digester};
        kit_exchange(k)->digester = (struct digester){count_hash, count_hmac, &c[i]};
        peer_set_login(p, names[i], NULL);
        snprintf(what, sizeof what, "REGISTER x\nTo: <sip:%s@" KIT_DOMAIN ">\nFrom: <sip:%s@" KIT_DOMAIN ">", names[i], names[i]);
        peer_send(p, what);
        m = peer_expect(p, "401");
        b[i][0] = BUF_ON(room[i][0]);
        put_plain(&b[i][0], m, names[i]);
        peer_set_login(p, names[i], "a wrong one");
        snprintf(uri, sizeof uri, "REGISTER sip:%s", names[i]); /* another one, so that nothing is kept of it */
        snprintf(what, sizeof what, "REGISTER\n%s", peer_login(p, m, uri, 1));
        c[i].hashes = c[i].hmacs = 0; /* the phone's own */
        peer_send(p, what);
        m = peer_expect(p, "401");
        b[i][1] = BUF_ON(room[i][1]);
        put_plain(&b[i][1], m, names[i]);
        assert_false(is_stale(m));
        kit_exchange(k)->digester = c[i].below;
    }
    for (int j = 0; j < 2; j++)
        assert_true(slice_eq(buf_slice(&b[0][j]), buf_slice(&b[1][j])));
    assert_int_equal(c[0].hashes, c[1].hashes); /* no less work: time does not tell either */
    assert_int_equal(c[0].hmacs, c[1].hmacs);
    assert_true(c[0].hashes > 0);
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha_256_where_the_user_is_set_so_1_1),
        cmocka_unit_test(both_are_offered_where_set_1_1),
        cmocka_unit_test(each_kind_of_challenge_1_2),
        cmocka_unit_test(our_credentials_go_no_further),
        cmocka_unit_test(an_old_nonce_is_stale_1_3),
        cmocka_unit_test(a_count_is_good_once_1_3),
        cmocka_unit_test(credentials_are_of_one_method_and_uri),
        cmocka_unit_test(a_nonce_of_an_earlier_run_is_stale_1_3),
        cmocka_unit_test(a_made_up_nonce_is_no_better_than_none),
        cmocka_unit_test(an_auth_name_of_its_own_1_5),
        cmocka_unit_test(nobody_speaks_for_another_number_1_5),
        cmocka_unit_test(an_anonymous_call_1_5),
        cmocka_unit_test(cancel_and_ack_are_not_challenged_1_4),
        cmocka_unit_test(an_unknown_user_is_as_a_wrong_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
