/* voice_conference_test.c - conferences at the exchange (RFC 4579): dialled into, called into, put out of, ended. */
#include "flows/phones.h"
#include "kit/talk.h"

static bool has(struct slice text, const char *what)
{
    return slice_find_slice(text, slice_z(what)) != SIZE_MAX;
}

/* How the REFER goes: 202, a NOTIFY with 100, and one with that. */
static void expect_notify(struct peer *p, const char *what)
{
    const struct msg *m = peer_expect(p, "NOTIFY");

    if (!has(m->body, what))
        fail_msg("the NOTIFY says %.*s, not %s", SARG(m->body), what);
    peer_send(p, "200 NOTIFY");
}

/* By that REFER the focus is asked to call somebody, and does: 202, and a NOTIFY that says so. */
static const struct msg *ask_in(struct peer *who, const char *refer, struct peer *whom)
{
    peer_send(who, refer);
    peer_expect(who, "202 REFER");
    expect_notify(who, "SIP/2.0 100");
    return peer_expect(whom, "INVITE");
}

static void ring_and_come(struct peer *whom, struct peer *who_asked)
{
    peer_send(whom, "180");
    expect_notify(who_asked, "SIP/2.0 180");
    peer_send(whom, "200");
    peer_expect(whom, "ACK");
    expect_notify(who_asked, "SIP/2.0 200");
}

/*  alice            strowger            bob
 *    |---- INVITE 801 -->|                |
 *    |<--- 200 ----------|                |   Contact: <sip:801@...>;isfocus
 *    |---- ACK --------->|                |
 *    |                   |<- INVITE 801 --|
 *    |                   |--- 200 ------->|
 *    |---- BYE --------->|                |   bob stays: it is a room that everybody may open */
static void rfc4579_5_1_dialling_in(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;

    (void)state;
    m = dial(alice, "INVITE 801");
    assert_true(has(msg_value(m, HDR_CONTACT), "<sip:801@" KIT_EXCHANGE ":5060>;isfocus"));
    assert_true(has(msg_value(m, HDR_SUPPORTED), "join"));
    assert_true(has(m->body, "m=audio 2"));
    dial(bob, "INVITE 801");
    kit_wait_ms(k, 200);
    leave(alice);
    peer_expect_nothing(bob, 1000);
    leave(bob);
    kit_end(k);
}

/*  alice            strowger            carol
 *    |== in 801 =========|                |
 *    |---- REFER carol ->|                |
 *    |<--- 202 ----------|                |
 *    |<--- NOTIFY 100 ---|--- INVITE ---->|   From the conference, Contact with isfocus, Referred-By alice
 *    |                   |<-- 180 --------|
 *    |<--- NOTIFY 180 ---|<-- 200 --------|
 *    |<--- NOTIFY 200 ---|--- ACK ------->| */
static void rfc4579_5_2_dialling_out(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol");
    const struct msg *m;

    (void)state;
    dial(alice, "INVITE 801");
    m = ask_in(alice, "REFER\nRefer-To: <sip:carol@" KIT_DOMAIN ">\nReferred-By: <sip:alice@" KIT_DOMAIN ">", carol);
    assert_true(has(msg_value(m, HDR_FROM), "sip:801@" KIT_DOMAIN));
    assert_true(has(msg_value(m, HDR_CONTACT), "<sip:801@" KIT_EXCHANGE ":5060>;isfocus"));
    assert_true(has(msg_value(m, HDR_REFERRED_BY), "sip:alice@" KIT_DOMAIN));
    assert_true(slice_eq(m->uri, slice_z(peer_contact(carol))));
    ring_and_come(carol, alice);
    leave(alice);
    leave(carol);
    kit_end(k);
}

/* Who does not come is told of: 486, and nobody that is not there. */
static void who_does_not_come_is_told_of(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol");

    (void)state;
    dial(alice, "INVITE 801");
    ask_in(alice, "REFER\nRefer-To: <sip:carol@" KIT_DOMAIN ">", carol);
    decline(carol, "486");
    expect_notify(alice, "SIP/2.0 486");
    peer_send(alice, "REFER\nRefer-To: <sip:nobody@" KIT_DOMAIN ">");
    peer_expect(alice, "480 REFER");
    peer_send(alice, "REFER\nRefer-To: <sip:carol@elsewhere.example>");
    peer_expect(alice, "403 REFER");
    leave(alice);
    kit_end(k);
}

/* Every ringing call of the conference's own ends with it: alice, the only one in it, leaves while carol rings. */
static void who_rings_for_nobody_is_in_it_alone(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol");

    (void)state;
    dial(alice, "INVITE 801");
    ask_in(alice, "REFER\nRefer-To: <sip:carol@" KIT_DOMAIN ">", carol);
    ring_and_come(carol, alice);
    leave(alice);
    leave(carol);
    kit_end(k);
}

static const char *moved_to(const struct msg *m, char room[256], const char *prefix)
{
    struct buf       b = {.p = room, .cap = 255};
    struct name_addr na;

    assert_int_equal(msg_name_addr(m, HDR_CONTACT, &na), ERR_OK);
    assert_true(has(na.params, "isfocus"));
    buf_puts(&b, slice_z(prefix), na.uri);
    room[b.n] = 0;
    return room;
}

/*  alice            strowger
 *    |---- INVITE *88 -->|   the factory
 *    |<--- 302 ----------|   Contact: <sip:conf-...>;isfocus, another one for each who asks
 *    |---- ACK --------->|
 *    |---- INVITE ------>|   to that
 *    |<--- 200 ----------|   Contact with isfocus */
static void rfc4579_5_4_the_factory_makes_a_room(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    char              first[256], second[256];
    const struct msg *m;

    (void)state;
    peer_send(alice, "INVITE *88");
    m = peer_expect(alice, "302");
    moved_to(m, first, "INVITE ");
    peer_send(alice, "ACK");
    peer_send(bob, "INVITE *88");
    m = peer_expect(bob, "302");
    moved_to(m, second, "INVITE ");
    peer_send(bob, "ACK");
    assert_string_not_equal(first, second);
    m = dial(alice, first);
    assert_true(has(msg_value(m, HDR_CONTACT), "<sip:conf-"));
    assert_true(has(msg_value(m, HDR_CONTACT), ">;isfocus"));
    dial(bob, first);
    leave(bob);
    leave(alice);
    kit_end(k);
}

/* Bob joins a dialog between alice and the focus by its ids; one that is none gets 481 (RFC 3911 §4). */
static void rfc4579_5_8_join(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    char              text[512];
    const struct msg *m;

    (void)state;
    m = dial(alice, "INVITE 801");
    snprintf(text, sizeof text, "INVITE 801\nRequire: join\nJoin: %.*s;to-tag=%.*s;from-tag=%.*s", SARG(msg_call_id(m)),
             SARG(msg_to_tag(m)), SARG(msg_from_tag(m)));
    m = dial(bob, text);
    assert_true(has(msg_value(m, HDR_CONTACT), ";isfocus"));
    leave(bob);
    snprintf(text, sizeof text, "INVITE 801\nJoin: %.*s;to-tag=%.*s;from-tag=wrong", SARG(msg_call_id(m)), SARG(msg_to_tag(m)));
    peer_send(bob, text);
    refused(bob, "481");
    peer_send(bob, "INVITE 802\nJoin: nothing@here;to-tag=a;from-tag=b");
    refused(bob, "481");
    leave(alice);
    kit_end(k);
}

/*  alice            strowger             bob
 *    |== talk ===========|================|
 *    |---- INVITE 801 -->|                |
 *    |<--- 200 ----------|                |
 *    |---- REFER ------->|                |   Refer-To bob's phone, with Replaces of their dialog
 *    |                   |--- INVITE ---->|   Replaces
 *    |                   |<-- 200 --------|
 *    |<--- BYE ----------|<-- BYE --------|   the old dialog
 *    |<--- NOTIFY 200 ---|                | */
static void rfc4579_5_10_a_call_moves_into_the_conference(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    char              text[768];
    const struct msg *m;

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "200");
    m = peer_expect(alice, "200 INVITE");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    snprintf(text, sizeof text, "REFER\nRefer-To: <%s?Replaces=%.*s%%3Bto-tag%%3D%.*s%%3Bfrom-tag%%3D%.*s>", peer_contact(bob),
             SARG(msg_call_id(m)), SARG(msg_to_tag(m)), SARG(msg_from_tag(m)));
    dial(alice, "INVITE 801");
    m = ask_in(alice, text, bob);
    assert_true(has(msg_value(m, HDR_REPLACES), ";to-tag="));
    peer_send(bob, "200");
    peer_expect(bob, "ACK");
    expect_notify(alice, "SIP/2.0 200");
    peer_take_call(bob, 2);
    hang_up(bob, alice);
    peer_take_call(bob, 3);
    leave(bob);
    peer_take_call(alice, 3);
    leave(alice);
    kit_end(k);
}

/*  alice            strowger             carol
 *    |---- REFER ------->|                |   Refer-To: <sip:carol@...;method=BYE>
 *    |<--- 202 ----------|                |
 *    |<--- NOTIFY 100 ---|--- BYE ------->|
 *    |<--- NOTIFY 200 ---|<-- 200 --------|   only who opened it may */
static void rfc4579_5_11_a_member_is_put_out(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol");

    (void)state;
    dial(alice, "INVITE 801");
    dial(carol, "INVITE 801");
    peer_send(carol, "REFER\nRefer-To: <sip:alice@" KIT_DOMAIN ";method=BYE>");
    peer_expect(carol, "403 REFER");
    peer_send(alice, "REFER\nRefer-To: <sip:nobody@" KIT_DOMAIN ";method=BYE>");
    peer_expect(alice, "404 REFER");
    peer_send(alice, "REFER\nRefer-To: <sip:carol@" KIT_DOMAIN ";method=BYE>");
    peer_expect(alice, "202 REFER");
    put_out(carol);
    expect_notify(alice, "SIP/2.0 ");
    expect_notify(alice, "SIP/2.0 200");
    leave(alice);
    kit_end(k);
}

/* Who opened a room of his own goes: all go. */
static void rfc4579_5_12_the_conference_is_ended(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");
    char              room[256];

    (void)state;
    peer_send(alice, "INVITE *88");
    moved_to(peer_expect(alice, "302"), room, "INVITE ");
    peer_send(alice, "ACK");
    dial(alice, room);
    dial(bob, room);
    dial(carol, room);
    leave(alice);
    put_out(bob);
    put_out(carol);
    kit_end(k);
}

/* Every ten minutes the exchange asks by a re-INVITE whether they are there: alice answers, bob has lost his power. */
static void who_has_gone_without_a_word_is_out(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;

    (void)state;
    dial(alice, "INVITE 801");
    dial(bob, "INVITE 801");
    kit_wait_ms(k, 290000);
    m = peer_expect_in(alice, "INVITE", 9000, 11000);
    assert_true(has(msg_value(m, HDR_CONTACT), ";isfocus"));
    peer_send(alice, "200");
    peer_expect(alice, "ACK");
    peer_expect(bob, "INVITE");
    kit_wait_ms(k, 70000);
    while (peer_next(bob))
        ; /* whatever it is told */
    assert_int_equal(voice_pending(core_voice(kit_exchange(k)->core)), 1);
    leave(alice);
    kit_end(k);
}

static const struct msg *expect_members(struct peer *p, unsigned n, const char *one)
{
    const struct msg *m = peer_expect(p, "NOTIFY");
    char              count[64];

    snprintf(count, sizeof count, "<user-count>%u</user-count>", n);
    if (!has(m->body, count) || !has(m->body, one))
        fail_msg("the NOTIFY says %.*s, not %s and %s", SARG(m->body), count, one);
    assert_true(has(msg_value(m, HDR_CONTENT_TYPE), "application/conference-info+xml"));
    peer_send(p, "200 NOTIFY");
    return m;
}

/*  alice            strowger            watcher
 *    |---- INVITE 801 -->|                |
 *    |                   |<- SUBSCRIBE ---|   Event: conference
 *    |                   |--- 200 ------->|
 *    |                   |--- NOTIFY ---->|   alice is in it; then bob too, then not any more
 *    |---- BYE --------->|--- NOTIFY ---->|   terminated: there is no such conference any more (RFC 4579 §5.12) */
static void rfc4575_who_is_in_it_is_told(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *watcher = peer_registered(k, "dora");
    const struct msg *m;
    unsigned          first;

    (void)state;
    peer_send(watcher, "SUBSCRIBE 801\nEvent: conference");
    peer_expect(watcher, "404");
    dial(alice, "INVITE 801");
    first = peer_call_number(alice);
    peer_send(watcher, "SUBSCRIBE 801\nEvent: conference");
    peer_expect(watcher, "200 SUBSCRIBE");
    m = expect_members(watcher, 1, "entity=\"sip:alice@example.com\"");
    assert_true(has(m->body, "state=\"full\" version=\"0\""));
    dial(bob, "INVITE 801");
    m = expect_members(watcher, 2, "entity=\"sip:bob@example.com\" state=\"full\"");
    assert_true(has(m->body, "state=\"partial\" version=\"1\"")); /* §4.4: only who is new */
    assert_false(has(m->body, "alice"));
    kit_wait_ms(k, 2000);
    while ((m = peer_next(watcher))) /* pending, then connected: one NOTIFY or two */
        if (m->is_request)
            peer_send(watcher, "200 NOTIFY");
    leave(bob);
    m = expect_members(watcher, 1, "<user entity=\"sip:bob@example.com\" state=\"deleted\"/>");
    assert_true(has(m->body, "<users state=\"partial\">"));
    dial(alice, "INVITE 801"); /* by another phone: who of the two would have left could not be told */
    m = expect_members(watcher, 2, "<users state=\"full\"><user entity=\"sip:alice@example.com\"");
    kit_wait_ms(k, 2000);
    while ((m = peer_next(watcher)))
        if (m->is_request)
            peer_send(watcher, "200 NOTIFY");
    leave(alice);
    expect_members(watcher, 1, "<user-count>");
    peer_take_call(alice, first);
    leave(alice);
    m = peer_expect(watcher, "NOTIFY");
    assert_true(has(msg_value(m, HDR_SUBSCRIPTION_STATE), "terminated"));
    peer_send(watcher, "200 NOTIFY");
    kit_end(k);
}

/* The same with three of our phones and digest: each hears both others, not itself. */
static void three_phones_hear_each_other(void **state)
{
    static const char *const names[] = {"a", "b", "c"};
    static const char *const hears[3][2] = {{"hears \"hz\":660", "hears \"hz\":880"}, {"hears \"hz\":440", "hears \"hz\":880"},
                                            {"hears \"hz\":440", "hears \"hz\":660"}};
    struct kit          *k = kit_begin(&(struct kit_options){.digest = true, .workers = 2, .spread = true});
    struct phone_config  c = {.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .password = S("secret-of-the-test")};
    struct band         *w;
    struct ring         *r[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        kit_add_user(k, names[i]);
    w = band_open(kit_world(k));
    for (unsigned i = 0; i < 3; i++) {
        c.tone_hz = (uint16_t)(440 + 220 * i);
        r[i] = ring_add(w, names[i], &c);
        ring_expect(r[i], "registered");
        ring_do(r[i], "call 850");
        ring_expect(r[i], "answered");
    }
    for (unsigned i = 0; i < 3; i++)
        for (unsigned n = 0; n < 2; n++) {
            r[i]->seen = 0;
            ring_expect(r[i], hears[i][n]);
        }
    band_run_ms(w, 2000);
    for (unsigned i = 0; i < 3; i++) {
        char own[32];

        snprintf(own, sizeof own, "hears \"hz\":%u", 440 + 220 * i);
        r[i]->seen = 0;
        ring_expect_none(r[i], own);
        ring_do(r[i], "hangup");
        ring_expect(r[i], "ended");
    }
    band_leave(w);
    mem_free(&w->plain, w, sizeof *w);
    kit_end(k);
}

/* Each allocation fails once, with two who call and one who is asked in: nothing is left over. */
static void every_allocation_may_fail(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned nth = 1; failed; nth++) {
        struct kit  *k = kit_begin(NULL);
        struct peer *p[] = {peer_registered(k, "alice"), peer_registered(k, "bob"), peer_registered(k, "carol")};

        kit_fail_allocation(k, nth);
        peer_send(p[0], "INVITE 801");
        peer_send(p[1], "INVITE 801");
        for (unsigned step = 0; step < 60 + UA_REFER_S; step++) { /* a NOTIFY that finds no memory: the subscription ends late */
            kit_wait_ms(k, 1000);
            for (unsigned i = 0; i < 3; i++)
                for (const struct msg *m; (m = peer_next(p[i]));) {
                    if (m->is_request && m->method_id != METHOD_ACK)
                        peer_send(p[i], "200");
                    else if (!m->is_request && m->status >= 200 && msg_method(m) == METHOD_INVITE)
                        peer_send(p[i], "ACK");
                    if (i == 0 && !m->is_request && m->status == 200 && msg_method(m) == METHOD_INVITE)
                        peer_send(p[i], "REFER\nRefer-To: <sip:carol@" KIT_DOMAIN ">");
                }
            for (unsigned i = 0; (step == 30 || step == 40) && i < 3; i++) /* twice: one may get 503 */
                if (peer_call_number(p[i]) > 1)
                    peer_send(p[i], "BYE");
        }
        failed = kit_allocation_failed(k);
        kit_fail_allocation(k, 0);
        kit_end(k);
    }
}

/* Alice opens 801 and leaves: bob, who came next, may put carol out. */
static void the_chair_is_passed_on(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");

    (void)state;
    dial(alice, "INVITE 801");
    dial(bob, "INVITE 801");
    dial(carol, "INVITE 801");
    peer_send(bob, "REFER\nRefer-To: <sip:carol@" KIT_DOMAIN ";method=BYE>");
    peer_expect(bob, "403 REFER");
    leave(alice);
    peer_send(carol, "REFER\nRefer-To: <sip:bob@" KIT_DOMAIN ";method=BYE>");
    peer_expect(carol, "403 REFER");
    peer_send(bob, "REFER\nRefer-To: <sip:carol@" KIT_DOMAIN ";method=BYE>");
    peer_expect(bob, "202 REFER");
    put_out(carol);
    expect_notify(bob, "SIP/2.0 ");
    expect_notify(bob, "SIP/2.0 200");
    leave(bob);
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc4579_5_1_dialling_in),
        cmocka_unit_test(the_chair_is_passed_on),
        cmocka_unit_test(rfc4579_5_2_dialling_out),
        cmocka_unit_test(who_does_not_come_is_told_of),
        cmocka_unit_test(who_rings_for_nobody_is_in_it_alone),
        cmocka_unit_test(rfc4579_5_4_the_factory_makes_a_room),
        cmocka_unit_test(rfc4579_5_8_join),
        cmocka_unit_test(rfc4579_5_10_a_call_moves_into_the_conference),
        cmocka_unit_test(rfc4579_5_11_a_member_is_put_out),
        cmocka_unit_test(rfc4579_5_12_the_conference_is_ended),
        cmocka_unit_test(who_has_gone_without_a_word_is_out),
        cmocka_unit_test(rfc4575_who_is_in_it_is_told),
        cmocka_unit_test(three_phones_hear_each_other),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
