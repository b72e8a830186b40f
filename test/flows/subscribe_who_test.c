/* subscribe_who_test.c - whose subscriptions these are: who may end one, how many a user may have, what an administrator sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit.h"
#include "server/admin/admin.h"

#define LAMP "\nEvent: dialog\nAccept: application/dialog-info+xml"

static void assert_state(const struct msg *m, const char *want)
{
    struct slice is = msg_value(m, HDR_SUBSCRIPTION_STATE);

    if (!slice_starts(is, slice_z(want)))
        fail_msg("Subscription-State is %.*s, %s expected", SARG(is), want);
}

/* A lamp for `number`, its first NOTIFY answered. */
static void subscribe(struct peer *p, const char *number)
{
    char what[200];

    snprintf(what, sizeof what, "SUBSCRIBE %s\nExpires: 600" LAMP, number);
    peer_send(p, what);
    peer_expect(p, "200 SUBSCRIBE");
    peer_expect(p, "NOTIFY");
    peer_send(p, "200 NOTIFY");
}

/* The other's last SUBSCRIBE, from here, as one that would end it. */
static void steal(struct peer *thief, struct peer *from, const char *credentials)
{
    static unsigned n;
    struct slice    rest = peer_sent(from), line;
    char            text[4096];
    struct buf      b = BUF_ON(text);

    slice_line(&rest, &line);
    buf_puts(&b, line, S("\r\nVia: SIP/2.0/UDP "), slice_z(peer_host(thief)), S(":5060;branch=z9hG4bKstolen"));
    buf_putu(&b, ++n);
    buf_put(&b, S("\r\nCSeq: "));
    buf_putu(&b, 90 + n);
    buf_put(&b, S(" SUBSCRIBE\r\nExpires: 0\r\n"));
    if (credentials)
        buf_puts(&b, slice_z(credentials), S("\r\n"));
    while (slice_line(&rest, &line) && line.n > 0)
        if (!slice_starts(line, S("Via:")) && !slice_starts(line, S("CSeq:")) && !slice_starts(line, S("Expires:")))
            buf_puts(&b, line, S("\r\n"));
    buf_put(&b, S("\r\n"));
    peer_send_raw(thief, buf_slice(&b));
}

/* With passwords: from the subscriber's own flow a refresh needs none; from elsewhere it does, and must be the same user. */
static void who_refreshes_must_be_who_subscribed(void **state)
{
    struct kit       *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer      *alice, *bob;
    const struct msg *m;

    (void)state;
    alice = peer_registered(k, "alice");
    bob = peer_registered(k, "bob");
    peer_send(alice, "SUBSCRIBE bob\nExpires: 600" LAMP);
    peer_expect(alice, "200 SUBSCRIBE");
    peer_expect(alice, "NOTIFY");
    peer_send(alice, "200 NOTIFY");
    peer_send(alice, "SUBSCRIBE\nExpires: 600" LAMP);
    peer_expect(alice, "200 SUBSCRIBE");
    peer_expect(alice, "NOTIFY");
    peer_send(alice, "200 NOTIFY");
    steal(bob, alice, NULL);
    m = peer_expect(bob, "401 SUBSCRIBE");
    steal(bob, alice, peer_login(bob, m, "SUBSCRIBE sip:bob@" KIT_EXCHANGE ":5060", 1)); /* bob he is, but not alice */
    peer_expect(bob, "403 SUBSCRIBE");
    peer_send(alice, "SUBSCRIBE\nExpires: 600" LAMP); /* hers goes on */
    peer_expect(alice, "200 SUBSCRIBE");
    peer_expect(alice, "NOTIFY");
    peer_send(alice, "200 NOTIFY");
    kit_end(k);
}

static int64_t wall_ms_of_kit(void *ctx)
{
    return (int64_t)(net_wall_us(transport_net(stack_transport(kit_exchange(ctx)->stack, 0))) / 1000);
}

static json_t *listed(struct kit *k, const char *number)
{
    struct exchange *x = kit_exchange(k);
    struct admin     a = {{.mem = x->mem, .presence = core_presence(x->core), .now_ms = wall_ms_of_kit, .ctx = k}};
    json_t          *request = json_pack("{s:s, s:s}", "act", "subscriptions", "number", number), *answer, *list;

    answer = admin_do(&a, request, S("test"));
    json_decref(request);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    list = json_incref(json_object_get(answer, "subscriptions"));
    json_decref(answer);
    return list;
}

static void an_administrator_sees_who_watches_whom(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol");
    json_t      *list, *one;

    (void)state;
    peer_registered(k, "bob");
    subscribe(alice, "bob");
    subscribe(carol, "alice");
    kit_wait_ms(k, 10000);
    list = listed(k, "bob");
    assert_int_equal(json_array_size(list), 1);
    one = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(one, "package")), "dialog");
    assert_string_equal(json_string_value(json_object_get(one, "subscriber")), "alice");
    assert_string_equal(json_string_value(json_object_get(one, "contact")), peer_contact(alice));
    assert_in_range(json_integer_value(json_object_get(one, "expires-s")), 589, 590);
    assert_int_equal(json_integer_value(json_object_get(one, "told")), 1);
    json_decref(list);
    list = listed(k, "");
    assert_int_equal(json_array_size(list), 2);
    json_decref(list);
    peer_send(alice, "SUBSCRIBE\nExpires: 0" LAMP);
    peer_expect(alice, "200 SUBSCRIBE");
    peer_expect(alice, "NOTIFY");
    peer_send(alice, "200 NOTIFY");
    list = listed(k, "bob");
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    kit_end(k);
}

static void there_is_a_limit_for_each_user(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol");

    (void)state;
    peer_registered(k, "bob");
    for (int i = 0; i < PRESENCE_MAX_OF_USER; i++) {
        peer_send(alice, "SUBSCRIBE bob\nExpires: 60" LAMP);
        peer_expect(alice, "200 SUBSCRIBE");
        peer_expect(alice, "NOTIFY");
        peer_send(alice, "200 NOTIFY");
    }
    peer_send(alice, "SUBSCRIBE bob\nExpires: 60" LAMP);
    peer_expect(alice, "403 SUBSCRIBE");
    subscribe(carol, "bob");
    kit_wait_ms(k, 58000);
    for (int i = 0; i < PRESENCE_MAX_OF_USER; i++) {
        assert_state(peer_expect(alice, "NOTIFY"), "terminated");
        peer_send(alice, "200 NOTIFY");
    }
    kit_wait_ms(k, 10000);
    subscribe(alice, "bob"); /* there is room again */
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_refreshes_must_be_who_subscribed),
        cmocka_unit_test(there_is_a_limit_for_each_user),
        cmocka_unit_test(an_administrator_sees_who_watches_whom),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
