/* phone_exchange_test.c - our phones with our exchange, digest on, in virtual time: the guide's flows as a user has them. */
#include "flows/phones.h"
#include "kit/kit.h"

static struct phone_config config(unsigned tone_hz, enum transport_kind transport)
{
    return (struct phone_config){.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .password = S("secret-of-the-test"),
                                 .tone_hz = (uint16_t)tone_hz, .transport = transport};
}

static struct kit *begin(unsigned workers)
{
    struct kit *k = kit_begin(&(struct kit_options){.digest = true, .workers = workers, .tls = true});

    kit_add_user(k, "a");
    kit_add_user(k, "b");
    kit_add_user(k, "c");
    return k;
}

static void end(struct kit *k, struct band *w)
{
    band_leave(w);
    mem_free(&w->plain, w, sizeof *w);
    kit_end(k);
}

static struct ring *registered(struct band *w, const char *user, unsigned tone_hz)
{
    struct phone_config c = config(tone_hz, TRANSPORT_UDP);
    struct ring *r = ring_add(w, user, &c);

    ring_expect(r, "registered");
    return r;
}

static void a_phone_registers_and_leaves(void **state)
{
    struct kit *k = begin(1);
    struct band *w = band_open(kit_world(k));
    struct ring *a = registered(w, "a", 0);

    (void)state;
    ring_do(a, "quit");
    ring_expect(a, "unregistered 200");
    ring_expect(a, "bye");
    end(k, w);
}

static void a_wrong_password_is_said_and_tried_again_later(void **state)
{
    struct kit *k = begin(1);
    struct band *w = band_open(kit_world(k));
    struct phone_config c = config(0, TRANSPORT_UDP);
    struct ring *a;

    (void)state;
    c.password = S("wrong");
    a = ring_add(w, "a", &c);
    ring_expect(a, "registration-failed \"code\":401");
    band_run_ms(w, 14000);
    ring_expect_none(a, "registration-failed"); /* RFC 5626 §4.5: 15 to 30 s */
    ring_expect(a, "registration-failed \"code\":401");
    end(k, w);
}

/* Refreshed in time: after three times its life the binding is still there. */
static void a_registration_is_refreshed(void **state)
{
    struct kit *k = begin(1);
    struct band *w = band_open(kit_world(k));
    struct ring *a = registered(w, "a", 0), *b = registered(w, "b", 0);

    (void)state;
    band_run_ms(w, 1000000);
    ring_do(a, "call b");
    ring_expect(b, "incoming");
    ring_do(a, "hangup");
    ring_expect(b, "ended");
    end(k, w);
}

struct counting {
    struct slice begins;
    unsigned     n;
};

static void count_seen(void *ctx, const struct fake_seen *s)
{
    struct counting *c = ctx;

    c->n += s->fate == FAKE_SENT && slice_starts(s->octets, c->begins);
}

/* The last nonce is used again: no challenge for the second INVITE. */
static void a_steady_phone_is_not_challenged_each_time(void **state)
{
    struct kit *k = begin(1);
    struct band *w = band_open(kit_world(k));
    struct ring *a = registered(w, "a", 0), *b = registered(w, "b", 0);
    struct counting c = {S("SIP/2.0 40"), 0};

    (void)state;
    fake_observe(w->world, count_seen, &c);
    for (int i = 0; i < 3; i++) {
        ring_do(a, "call b");
        ring_expect(b, "incoming");
        ring_do(a, "hangup");
        ring_expect(b, "ended");
    }
    assert_int_equal(c.n, 0);
    fake_observe(w->world, NULL, NULL);
    end(k, w);
}

static void talk(struct ring *a, struct ring *b, const char *call)
{
    ring_do(a, call);
    ring_expect(b, "incoming");
    ring_do(b, "answer");
    ring_expect(a, "confirmed");
    ring_expect(b, "confirmed");
}

/* The guide's flows 01 and 04: set-up, hold, disconnect. */
static void a_call_with_hold_through_the_exchange(void **state)
{
    struct kit *k = begin(1);
    struct band *w = band_open(kit_world(k));
    struct ring *a = registered(w, "a", 440), *b = registered(w, "b", 660);

    (void)state;
    talk(a, b, "call b");
    ring_expect(a, "hears 660");
    ring_expect(b, "hears 440");
    ring_do(b, "hold");
    ring_expect(a, "held");
    ring_expect(b, "on-hold");
    ring_do(b, "resume");
    ring_expect(a, "resumed");
    ring_do(b, "hangup");
    ring_expect(a, "ended far-hung-up");
    end(k, w);
}

/* The guide's flow 06, F1 to F24. */
static void a_blind_transfer_through_the_exchange(void **state)
{
    for (unsigned workers = 1; workers <= 4; workers += 3) {
        struct kit *k = begin(workers);
        struct band *w = band_open(kit_world(k));
        struct ring *a = registered(w, "a", 440), *b = registered(w, "b", 660), *c = registered(w, "c", 880);
        talk(a, b, "call b");
        ring_do(b, "transfer c");
        ring_expect(b, "transfer-accepted 202");
        ring_expect(b, "ended hung-up");
        ring_expect(a, "transfer-asked");
        ring_expect(a, "ended far-hung-up");
        ring_expect(c, "incoming sip:a@example.com");
        ring_do(c, "answer");
        ring_expect(b, "transfer-result \"ok\":true");
        ring_expect(a, "hears 880");
        ring_expect(c, "hears 440");
        ring_do(c, "hangup");
        ring_expect(a, "ended far-hung-up");
        end(k, w);
    }
    (void)state;
}

/* The guide's flows 02 and 08: busy; forwarded by the phone's 302, which the exchange passes back. */
static void busy_and_forwarded_through_the_exchange(void **state)
{
    struct kit *k = begin(1);
    struct band *w = band_open(kit_world(k));
    struct ring *a = registered(w, "a", 0), *b = registered(w, "b", 0), *c = registered(w, "c", 0);

    (void)state;
    ring_do(a, "call b");
    ring_expect(b, "incoming");
    ring_do(b, "reject");
    ring_expect(a, "ended \"code\":486");
    ring_do(a, "call b");
    ring_expect(b, "incoming");
    ring_do(b, "deflect c");
    ring_expect(a, "redirected");
    ring_expect(c, "incoming");
    ring_do(c, "answer");
    ring_expect(a, "confirmed");
    ring_do(a, "call nobody");
    ring_expect(a, "ended \"code\":404");
    end(k, w);
}

/* Over a connection, and a phone with one to a phone with UDP. */
static void play_calls(struct band *w, const struct phone_config *stream)
{
    struct ring *a = ring_add(w, "a", stream), *b = registered(w, "b", 660);

    ring_expect(a, "registered");
    talk(a, b, "call b");
    ring_expect(b, "hears 440");
    ring_do(a, "hangup");
    ring_expect(b, "ended far-hung-up");
    talk(b, a, "call a");
    ring_do(a, "hangup");
    ring_expect(b, "ended far-hung-up");
}

static void calls_over_tcp(void **state)
{
    struct kit *k = begin(1);
    struct band *w = band_open(kit_world(k));
    struct phone_config tcp = config(440, TRANSPORT_TCP);

    (void)state;
    play_calls(w, &tcp);
    end(k, w);
}

static void calls_over_tls(void **state)
{
    struct kit *k = begin(1);
    struct band *w = band_open(kit_world(k));
    struct phone_config tls = config(440, TRANSPORT_TLS);
    struct net *n = kit_exchange(k)->net[0];
    enum net_tls_part wrong;

    (void)state;
    assert_int_equal(net_tls_open(n, &(struct net_tls_config){.unchecked = true}, &wrong, &tls.tls), ERR_OK);
    play_calls(w, &tls);
    band_leave(w);
    mem_free(&w->plain, w, sizeof *w);
    net_tls_close(n, tls.tls);
    kit_end(k);
}

/* The exchange is killed in mid-call, the caller hangs up meanwhile: its BYE is repeated, and after the restart the other
 * end hears of it (PROTOCOL 4.1). */
static void p4_1_a_bye_outlives_a_restart_of_the_exchange(void **state)
{
    struct kit *k = begin(1);
    struct band *w = band_open(kit_world(k));
    struct ring *a = registered(w, "a", 440), *b = registered(w, "b", 0);

    (void)state;
    talk(a, b, "call b");
    kit_kill(k);
    ring_do(a, "hangup");
    ring_expect(a, "ended hung-up");
    band_run_ms(w, 1500);
    kit_restart(k);
    ring_expect(b, "ended far-hung-up");
    end(k, w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phone_registers_and_leaves),
        cmocka_unit_test(a_wrong_password_is_said_and_tried_again_later),
        cmocka_unit_test(a_registration_is_refreshed),
        cmocka_unit_test(a_steady_phone_is_not_challenged_each_time),
        cmocka_unit_test(a_call_with_hold_through_the_exchange),
        cmocka_unit_test(a_blind_transfer_through_the_exchange),
        cmocka_unit_test(busy_and_forwarded_through_the_exchange),
        cmocka_unit_test(calls_over_tcp),
        cmocka_unit_test(calls_over_tls),
        cmocka_unit_test(p4_1_a_bye_outlives_a_restart_of_the_exchange),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
