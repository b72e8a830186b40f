/* tls_test.c - connections that speak TLS, on the loopback: handshake, large writes, every way to end, and all that is refused. */
#include "net/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sys/cert.h"
#include "sys/clock.h"
#include "sys/heap.h"

#define PATIENCE_US 20000000
#define BIG (900u * 1024)
#define MANY 40

struct pem {
    char       chain_room[CERT_MAX_PEM], key_room[CERT_MAX_PEM];
    struct buf chain, key;
};

struct end {
    struct net_tcp *t;
    unsigned        opened, drained, ended, half_ended;
    enum err        why;
    size_t          n, stop_at;
    unsigned char   sum; /* of all octets heard */
};

struct stage {
    struct heap_counted  heap;
    struct net          *n;
    struct net_timer     patience;
    bool                 timed_out;
    struct net_tls      *here, *there; /* of who calls; of who listens */
    struct net_listener *l;
    struct addr          at;
    struct end           caller, callee, crowd[2 * MANY];
    unsigned             accepted, opened;
    bool                 plain, crowded; /* who accepts speaks no TLS; each of them has an end of its own */
    bool                 stop_at_first;
    unsigned             failures;
    char                 why[300];
};

static struct stage st;
static struct pem   example, other, of_uri;

static void give_up(void *arg)
{
    (void)arg;
    st.timed_out = true;
    net_real_stop(st.n);
}

static void on_open(void *arg, struct net_tcp *t)
{
    struct end *e = arg;

    assert_ptr_equal(e->t, t);
    e->opened++;
    if (++st.opened == 2 * MANY)
        net_real_stop(st.n);
}

static void on_octets(void *arg, struct net_tcp *t, struct slice octets)
{
    struct end *e = arg;

    assert_ptr_equal(e->t, t);
    assert_int_equal(e->opened, st.plain ? 0 : 1);
    e->n += octets.n;
    for (size_t i = 0; i < octets.n; i++)
        e->sum = (unsigned char)(e->sum * 3 + (unsigned char)octets.p[i]);
    if (e->n == e->stop_at || st.stop_at_first)
        net_real_stop(st.n);
}

static void on_drained(void *arg, struct net_tcp *t)
{
    (void)t;
    ((struct end *)arg)->drained++;
}

static void on_closed(void *arg, struct net_tcp *t, enum err why)
{
    struct end *e = arg;

    assert_ptr_equal(e->t, t);
    e->ended++;
    e->why = why;
    assert_int_equal(net_tcp_send(st.n, t, S("x")), ERR_CLOSED);
    net_tcp_close(st.n, t);
    e->t = NULL;
    if (!st.caller.t && !st.callee.t)
        net_real_stop(st.n);
}

static void on_ended(void *arg, struct net_tcp *t)
{
    struct end *e = arg;

    assert_ptr_equal(e->t, t);
    e->half_ended++;
    net_real_stop(st.n);
}

static const struct net_tcp_on on = {.open = on_open, .octets = on_octets, .drained = on_drained, .closed = on_closed};
static const struct net_tcp_on on_half = {
    .open = on_open, .octets = on_octets, .drained = on_drained, .closed = on_closed, .ended = on_ended};

static void on_accepted(void *arg, struct net_listener *l, struct net_tcp *t)
{
    struct end *e = st.crowded ? &st.crowd[MANY + st.accepted] : arg;

    (void)l;
    st.accepted++;
    e->t = t;
    net_tcp_attach(st.n, t, &on_half, e);
    if (!st.plain)
        assert_int_equal(net_tcp_secure(st.n, t, st.there, SLICE_NONE), ERR_OK);
}

static const struct net_listener_on on_listener = {on_accepted, NULL};

static void on_failed(void *arg, const struct addr *remote, struct slice why)
{
    (void)arg;
    assert_true(remote->port != 0);
    st.failures++;
    assert_true(why.n < sizeof st.why);
    memcpy(st.why, why.p, why.n);
    st.why[why.n] = '\0';
}

static struct net_tls *keys_of(const struct pem *own, const struct pem *trust, bool unchecked)
{
    struct net_tls_config c = {.unchecked = unchecked, .failed = on_failed};
    enum net_tls_part     wrong;
    struct net_tls       *out;

    if (own) {
        c.chain = buf_slice(&own->chain);
        c.key = buf_slice(&own->key);
    }
    if (trust)
        c.trust = buf_slice(&trust->chain);
    assert_int_equal(net_tls_open(st.n, &c, &wrong, &out), ERR_OK);
    return out;
}

static void begin_as(const struct pem *callee, const struct pem *trusted)
{
    struct addr local;

    memset(&st, 0, sizeof st);
    heap_counted_init(&st.heap, NULL, 0);
    assert_int_equal(net_real_open(&st.heap.mem, &st.n), ERR_OK);
    st.patience.fire = give_up;
    net_timer_set(st.n, &st.patience, net_now_us(st.n) + PATIENCE_US);
    st.there = keys_of(callee, NULL, true);
    st.here = keys_of(NULL, trusted, !trusted);
    assert_int_equal(addr_parse(S("127.0.0.1"), &local), ERR_OK);
    assert_int_equal(net_tcp_listen(st.n, &local, false, &on_listener, &st.callee, &st.l), ERR_OK);
    net_listener_local(st.n, st.l, &st.at);
}

static void begin(void)
{
    begin_as(&example, &example);
}

static void end(void)
{
    assert_false(st.timed_out);
    net_tcp_close(st.n, st.caller.t);
    net_tcp_close(st.n, st.callee.t);
    for (size_t i = 0; i < 2 * MANY; i++)
        net_tcp_close(st.n, st.crowd[i].t);
    net_tls_close(st.n, st.here);
    net_tls_close(st.n, st.there);
    net_real_close(st.n);
    assert_int_equal(st.heap.octets, 0);
}

static void dial_end(struct end *e, struct slice name)
{
    assert_int_equal(net_tcp_connect(st.n, NULL, &st.at, 5000, &on, e, &e->t), ERR_OK);
    assert_int_equal(net_tcp_secure(st.n, e->t, st.here, name), ERR_OK);
}

static void dial(struct slice name)
{
    dial_end(&st.caller, name);
}

static void say(struct end *from, struct slice s)
{
    assert_int_equal(net_tcp_send(st.n, from->t, s), ERR_OK);
}

static void connected(void)
{
    dial(S("example.com"));
    say(&st.caller, S("h")); /* before it is open */
    say(&st.caller, S("i"));
    st.callee.stop_at = 2;
    net_real_run(st.n);
    assert_int_equal(st.caller.opened, 1);
    assert_int_equal(st.callee.opened, 1);
    assert_int_equal(st.callee.n, 2);
    assert_int_equal(st.caller.drained, 1);
}

static void refused(enum err caller, enum err callee)
{
    net_real_run(st.n);
    assert_int_equal(st.caller.opened, 0);
    assert_int_equal(st.caller.why, caller);
    assert_int_equal(st.callee.opened, 0);
    assert_int_equal(st.callee.why, callee);
}

/* ---- what goes well ---- */

static void a_connection_opens_talks_and_ends(void **state)
{
    (void)state;
    begin();
    connected();
    say(&st.callee, S("hello"));
    st.caller.stop_at = 5;
    net_real_run(st.n);
    assert_int_equal(st.callee.drained, 0); /* nothing had to wait */
    net_tcp_close(st.n, st.callee.t);
    st.callee.t = NULL;
    net_real_run(st.n);
    assert_int_equal(st.caller.ended, 1);
    assert_int_equal(st.caller.why, ERR_CLOSED);
    assert_int_equal(st.failures, 0);
    end();
}

static void much_is_said_at_once(void **state)
{
    char         *octets = malloc(BIG);
    unsigned char sum = 0;

    (void)state;
    assert_non_null(octets);
    begin();
    connected();
    for (size_t i = 0; i < BIG; i++) {
        octets[i] = (char)(i * 7 + i / 251);
        sum = (unsigned char)(sum * 3 + (unsigned char)octets[i]);
    }
    st.callee.n = st.callee.sum = 0;
    st.callee.stop_at = BIG;
    net_tcp_pause(st.n, st.callee.t, true);
    say(&st.caller, (struct slice){octets, BIG});
    assert_int_equal(net_tcp_send(st.n, st.caller.t, (struct slice){octets, NET_MAX_QUEUED_OCTETS + 1}), ERR_FULL);
    net_tcp_pause(st.n, st.callee.t, false);
    net_real_run(st.n);
    assert_int_equal(st.callee.n, BIG);
    assert_int_equal(st.callee.sum, sum);
    free(octets);
    end();
}

static void too_much_before_it_is_open_is_not_taken(void **state)
{
    char *octets = calloc(1, NET_MAX_QUEUED_OCTETS);

    (void)state;
    assert_non_null(octets);
    begin();
    dial(S("example.com"));
    say(&st.caller, S("first"));
    assert_int_equal(net_tcp_send(st.n, st.caller.t, (struct slice){octets, NET_MAX_QUEUED_OCTETS}), ERR_FULL);
    st.callee.stop_at = 5;
    net_real_run(st.n);
    assert_int_equal(st.callee.n, 5);
    free(octets);
    end();
}

/* The peer has finished, and is still told what it asked for. */
static void a_half_closed_connection_still_speaks(void **state)
{
    (void)state;
    begin();
    connected();
    say(&st.caller, S("the last"));
    net_tcp_finish(st.n, st.caller.t);
    assert_int_equal(net_tcp_send(st.n, st.caller.t, S("x")), ERR_CLOSED);
    net_real_run(st.n);
    assert_int_equal(st.callee.half_ended, 1);
    assert_int_equal(st.callee.n, 2 + 8);
    say(&st.callee, S("answer"));
    st.caller.stop_at = 6;
    net_real_run(st.n);
    assert_int_equal(st.caller.n, 6);
    net_tcp_finish(st.n, st.callee.t);
    net_real_run(st.n);
    assert_int_equal(st.caller.why, ERR_CLOSED);
    assert_int_equal(st.callee.why, ERR_CLOSED);
    end();
}

static void finished_before_it_is_open(void **state)
{
    (void)state;
    begin();
    dial(S("example.com"));
    say(&st.caller, S("all"));
    net_tcp_finish(st.n, st.caller.t);
    net_real_run(st.n);
    assert_int_equal(st.callee.n, 3);
    assert_int_equal(st.callee.half_ended, 1);
    end();
}

static void many_at_once(void **state)
{
    (void)state;
    begin();
    st.crowded = true;
    for (size_t i = 0; i < MANY; i++)
        dial_end(&st.crowd[i], S("example.com"));
    net_real_run(st.n);
    for (size_t i = 0; i < 2 * MANY; i++)
        assert_int_equal(st.crowd[i].opened, 1);
    end();
}

/* ---- whose certificate (RFC 5922 §7) ---- */

static void a_name_or_address_of_the_certificate_will_do(void **state)
{
    static const char *const good[] = {"example.com", "EXAMPLE.com", "127.0.0.1", "::1"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        begin();
        dial(slice_z(good[i]));
        say(&st.caller, S("x"));
        st.callee.stop_at = 1;
        net_real_run(st.n);
        assert_int_equal(st.callee.n, 1);
        end();
    }
}

static void any_other_name_is_refused(void **state)
{
    static const char *const bad[] = {"example.net", "www.example.com", "a.wild.example", "127.0.0.2", ""};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        begin();
        dial(slice_z(bad[i]));
        refused(ERR_DENIED, ERR_DENIED);
        assert_int_equal(st.failures, 2);
        end();
    }
}

/* Where it names SIP domains as URIs, no DNS name of it counts, and a person's URI never does. */
static void sip_uris_of_a_certificate_come_first(void **state)
{
    (void)state;
    begin_as(&of_uri, &of_uri);
    dial(S("example.com"));
    say(&st.caller, S("x"));
    st.callee.stop_at = 1;
    net_real_run(st.n);
    assert_int_equal(st.callee.n, 1);
    end();
    begin_as(&of_uri, &of_uri);
    dial(S("host.example.com"));
    refused(ERR_DENIED, ERR_DENIED);
    assert_non_null(strstr(st.why, "certificate"));
    end();
    begin_as(&of_uri, &of_uri);
    dial(S("alice@example.com"));
    refused(ERR_DENIED, ERR_DENIED);
    end();
}

static void a_certificate_that_nobody_vouches_for_is_refused(void **state)
{
    (void)state;
    begin_as(&example, &other);
    dial(S("example.com"));
    refused(ERR_DENIED, ERR_DENIED);
    end();
}

static void unchecked_any_will_do(void **state)
{
    (void)state;
    begin_as(&other, NULL);
    dial(S("whoever.example"));
    say(&st.caller, S("x"));
    st.callee.stop_at = 1;
    net_real_run(st.n);
    assert_int_equal(st.callee.n, 1);
    end();
}

static void without_a_certificate_nobody_can_connect(void **state)
{
    (void)state;
    begin_as(NULL, &example);
    dial(S("example.com"));
    refused(ERR_IO, ERR_IO);
    end();
}

/* ---- what is no TLS ---- */

static void plain_octets_are_refused(void **state)
{
    (void)state;
    begin();
    assert_int_equal(net_tcp_connect(st.n, NULL, &st.at, 5000, &on, &st.caller, &st.caller.t), ERR_OK);
    say(&st.caller, S("OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1\r\n\r\n"));
    net_real_run(st.n);
    assert_int_equal(st.callee.opened, 0);
    assert_int_equal(st.callee.why, ERR_IO);
    assert_int_equal(st.failures, 1);
    end();
}

static void who_speaks_no_tls_is_left(void **state)
{
    (void)state;
    begin();
    st.plain = true;
    dial(S("example.com"));
    st.stop_at_first = true;
    net_real_run(st.n); /* its hello */
    assert_true(st.callee.n > 0);
    say(&st.callee, S("SIP/2.0 400 what is that?\r\n\r\n"));
    net_real_run(st.n);
    assert_int_equal(st.caller.why, ERR_IO);
    st.plain = false;
    end();
}

/* The loop's clock is the system's: so this takes as long as a handshake may. */
static void a_slow_handshake_is_given_up(void **state)
{
    uint64_t before;

    (void)state;
    begin();
    before = net_now_us(st.n);
    assert_int_equal(net_tcp_connect(st.n, NULL, &st.at, 5000, &on, &st.caller, &st.caller.t), ERR_OK);
    say(&st.caller, S("\x16\x03\x01"));
    net_real_run(st.n);
    assert_int_equal(st.callee.why, ERR_TIMEOUT);
    assert_int_equal(st.callee.opened, 0);
    assert_true(net_now_us(st.n) - before >= NET_TLS_HANDSHAKE_MS * 1000u);
    assert_string_equal(st.why, "no handshake in time");
    end();
}

/* A peer that goes away in the middle of its handshake. */
static void an_end_before_it_is_open_is_told(void **state)
{
    (void)state;
    begin();
    assert_int_equal(net_tcp_connect(st.n, NULL, &st.at, 5000, &on, &st.caller, &st.caller.t), ERR_OK);
    say(&st.caller, S("\x16\x03\x01"));
    net_tcp_finish(st.n, st.caller.t);
    net_real_run(st.n);
    assert_int_equal(st.callee.opened, 0);
    assert_int_equal(st.callee.half_ended, 0);
    assert_int_equal(st.callee.why, ERR_CLOSED);
    end();
}

/* ---- configurations ---- */

static enum err open_with(struct slice chain, struct slice key, struct slice trust, enum net_tls_part *wrong)
{
    struct net_tls_config c = {.chain = chain, .key = key, .trust = trust};
    struct net_tls       *tls = NULL;
    enum err              e = net_tls_open(st.n, &c, wrong, &tls);

    net_tls_close(st.n, tls);
    return e;
}

static void a_configuration_that_will_not_do_says_what(void **state)
{
    struct slice      chain = buf_slice(&example.chain), key = buf_slice(&example.key), else_key = buf_slice(&other.key);
    enum net_tls_part wrong;

    (void)state;
    begin();
    assert_int_equal(open_with(S("nothing"), key, SLICE_NONE, &wrong), ERR_SYNTAX);
    assert_int_equal(wrong, NET_TLS_CHAIN);
    assert_int_equal(open_with(chain, S("nothing"), SLICE_NONE, &wrong), ERR_SYNTAX);
    assert_int_equal(wrong, NET_TLS_KEY);
    assert_int_equal(open_with(chain, else_key, SLICE_NONE, &wrong), ERR_INVALID);
    assert_int_equal(wrong, NET_TLS_PAIR);
    assert_int_equal(open_with(chain, SLICE_NONE, SLICE_NONE, &wrong), ERR_INVALID);
    assert_int_equal(wrong, NET_TLS_PAIR);
    assert_int_equal(open_with(chain, key, S("nobody"), &wrong), ERR_SYNTAX);
    assert_int_equal(wrong, NET_TLS_TRUST);
    assert_int_equal(open_with(chain, key, SLICE_NONE, &wrong), ERR_OK);
    end();
}

static enum err renew_with(const struct pem *chain, const struct pem *key)
{
    struct net_tls_config c = {.chain = buf_slice(&chain->chain), .key = buf_slice(&key->key), .unchecked = true};

    return net_tls_renew(st.n, st.there, &c, &(enum net_tls_part){NET_TLS_CHAIN});
}

static void a_renewed_certificate_is_for_new_connections(void **state)
{
    (void)state;
    begin();
    assert_int_equal(renew_with(&other, &example), ERR_INVALID); /* and nothing has changed */
    connected();
    assert_int_equal(renew_with(&other, &other), ERR_OK);
    st.callee.stop_at = 2 + 7;
    say(&st.caller, S("goes on"));
    net_real_run(st.n);
    net_tcp_close(st.n, st.caller.t);
    net_tcp_close(st.n, st.callee.t);
    st.caller = st.callee = (struct end){0};
    dial(S("example.com"));
    refused(ERR_DENIED, ERR_DENIED);
    end();
}

static void a_name_that_is_too_long_is_not_taken(void **state)
{
    char long_name[NET_TLS_MAX_NAME + 1];

    (void)state;
    memset(long_name, 'a', sizeof long_name);
    begin();
    assert_int_equal(net_tcp_connect(st.n, NULL, &st.at, 5000, &on, &st.caller, &st.caller.t), ERR_OK);
    assert_int_equal(net_tcp_secure(st.n, st.caller.t, st.here, (struct slice){long_name, sizeof long_name}), ERR_LIMIT);
    end();
}

static void make(struct pem *p, const char *names)
{
    struct cert c = {.name = "a test", .names = names, .from_s = clock_wall_us() / 1000000 - 60, .days = 2};
    p->chain = (struct buf)BUF_ON(p->chain_room);
    p->key = (struct buf)BUF_ON(p->key_room);
    assert_int_equal(cert_make(&c, &p->chain, &p->key), ERR_OK);
}

static int make_all(void **state)
{
    (void)state;
    make(&example, "DNS:example.com,DNS:*.wild.example,IP:127.0.0.1,IP:::1");
    make(&other, "DNS:example.com");
    make(&of_uri, "URI:sip:example.com,URI:sip:alice@example.com,DNS:host.example.com");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_opens_talks_and_ends),
        cmocka_unit_test(much_is_said_at_once),
        cmocka_unit_test(too_much_before_it_is_open_is_not_taken),
        cmocka_unit_test(a_half_closed_connection_still_speaks),
        cmocka_unit_test(finished_before_it_is_open),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(a_name_or_address_of_the_certificate_will_do),
        cmocka_unit_test(any_other_name_is_refused),
        cmocka_unit_test(sip_uris_of_a_certificate_come_first),
        cmocka_unit_test(a_certificate_that_nobody_vouches_for_is_refused),
        cmocka_unit_test(unchecked_any_will_do),
        cmocka_unit_test(without_a_certificate_nobody_can_connect),
        cmocka_unit_test(plain_octets_are_refused),
        cmocka_unit_test(who_speaks_no_tls_is_left),
        cmocka_unit_test(a_slow_handshake_is_given_up),
        cmocka_unit_test(an_end_before_it_is_open_is_told),
        cmocka_unit_test(a_configuration_that_will_not_do_says_what),
        cmocka_unit_test(a_renewed_certificate_is_for_new_connections),
        cmocka_unit_test(a_name_that_is_too_long_is_not_taken),
    };

    return cmocka_run_group_tests_name("net/tls", tests, make_all, NULL);
}
