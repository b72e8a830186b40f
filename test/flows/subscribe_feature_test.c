/* subscribe_feature_test.c - do-not-disturb and forwards, set on one phone and shown on all (as-feature-event). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kit/kit.h"

#define FEATURES "\nEvent: as-feature-event\nAccept: application/x-as-feature-event+xml"
#define SET "\nContent-Type: application/x-as-feature-event+xml\n\n<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n"
#define CSTA " xmlns=\"http://www.ecma-international.org/standards/ecma-323/csta/ed3\""
#define SET_DND(on) SET "<SetDoNotDisturb" CSTA "><device/><doNotDisturbOn>" on "</doNotDisturbOn></SetDoNotDisturb>"
#define SET_FORWARD(type, on, more)                                                                                    \
    SET "<SetForwarding" CSTA "><device/><forwardingType>" type "</forwardingType><activateForward>" on "</activateForward>" more \
        "</SetForwarding>"

enum { EVENTS = 4 };

/* How many events a NOTIFY has; each has its own part and type. */
static unsigned events_of(const struct msg *m)
{
    struct msg_parts it;
    struct msg_part  part;
    struct slice     type;
    unsigned         n = 0;

    assert_int_equal(msg_parts_begin(msg_value(m, HDR_CONTENT_TYPE), m->body, &it), ERR_OK);
    while (msg_parts_next(&it, &part) == ERR_OK) {
        assert_int_equal(msg_part_value(&part, S("Content-Type"), &type), ERR_OK);
        assert_true(slice_eq(type, S("application/x-as-feature-event+xml")));
        n++;
    }
    assert_true(it.ended);
    return n;
}

static void notified(struct peer *p, unsigned events, const char *want)
{
    const struct msg *m = peer_expect(p, "NOTIFY");

    assert_int_equal(events_of(m), events);
    if (slice_find_slice(m->body, slice_z(want)) == SIZE_MAX)
        fail_msg("\"%s\" expected in:\n%.*s", want, SARG(m->body));
    peer_send(p, "200 NOTIFY");
}

static void subscribe(struct peer *p)
{
    peer_send(p, "SUBSCRIBE 1001\nExpires: 3600" FEATURES);
    peer_expect(p, "200 SUBSCRIBE");
    notified(p, EVENTS, "<doNotDisturbOn>false</doNotDisturbOn>");
}

/*   phone 1              strowger              phone 2       (all of 1001)
 *     |-- SUBSCRIBE ------->|<---- SUBSCRIBE -----|
 *     |<- 200, NOTIFY ------|---- 200, NOTIFY --->|   four events: all off
 *     |-- SUBSCRIBE, DND -->|                     |
 *     |<- 200, NOTIFY ------|------ NOTIFY ------>|   on, on both
 *     |                     |<-- SUBSCRIBE, off --|
 *     |<- NOTIFY -----------|---- 200, NOTIFY --->| */
static void what_one_phone_sets_all_show(void **state)
{
    struct kit  *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer *one = peer_registered(k, "1001"), *two = peer_add(k, "1001");

    (void)state;
    peer_register(two);
    subscribe(one);
    subscribe(two);
    peer_send(one, "SUBSCRIBE\nExpires: 3600" FEATURES SET_DND("true"));
    peer_expect(one, "200 SUBSCRIBE");
    notified(two, 1, "<doNotDisturbOn>true</doNotDisturbOn>");
    notified(one, EVENTS, "<doNotDisturbOn>true</doNotDisturbOn>");
    peer_send(two, "SUBSCRIBE\nExpires: 3600" FEATURES SET_DND("false"));
    peer_expect(two, "200 SUBSCRIBE");
    notified(one, 1, "<doNotDisturbOn>false</doNotDisturbOn>");
    notified(two, EVENTS, "<doNotDisturbOn>false</doNotDisturbOn>");
    kit_end(k);
}

static void forwards_are_set_and_acted_upon(void **state)
{
    struct kit  *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer *phone = peer_registered(k, "1001"), *target = peer_registered(k, "1003"), *caller = peer_registered(k, "1002");

    (void)state;
    subscribe(phone);
    peer_send(phone, "SUBSCRIBE\nExpires: 3600" FEATURES SET_FORWARD("forwardNoAns", "true", "<forwardDN>1003</forwardDN><ringCount>4</ringCount>"));
    peer_expect(phone, "200 SUBSCRIBE");
    notified(phone, EVENTS, "<forwardingType>forwardNoAns</forwardingType><forwardStatus>true</forwardStatus>"
                            "<forwardTo>1003</forwardTo><ringCount>4</ringCount>");
    peer_send(phone, "SUBSCRIBE\nExpires: 3600" FEATURES SET_FORWARD("forwardImmediate", "true", "<forwardDN>1003</forwardDN>"));
    peer_expect(phone, "200 SUBSCRIBE");
    notified(phone, EVENTS, "<forwardingType>forwardImmediate</forwardingType><forwardStatus>true</forwardStatus><forwardTo>1003</forwardTo>");
    peer_send(caller, "INVITE 1001");
    peer_expect(caller, "181");
    peer_expect(target, "INVITE");
    peer_send(target, "486");
    peer_expect(target, "ACK");
    peer_expect(caller, "486 INVITE");
    peer_send(caller, "ACK");
    peer_send(phone, "SUBSCRIBE\nExpires: 3600" FEATURES SET_FORWARD("forwardImmediate", "false", ""));
    peer_expect(phone, "200 SUBSCRIBE");
    notified(phone, EVENTS, "<forwardingType>forwardImmediate</forwardingType><forwardStatus>false</forwardStatus>");
    kit_end(k);
}

/* Whoever sets it: here an administrator. */
static void what_an_administrator_sets_is_shown_too(void **state)
{
    struct kit  *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer *phone = peer_registered(k, "1001");

    (void)state;
    subscribe(phone);
    kit_set_user(k, "1001", "forward.busy", "1003");
    notified(phone, 1, "<forwardingType>forwardBusy</forwardingType><forwardStatus>true</forwardStatus><forwardTo>1003</forwardTo>");
    kit_set_user(k, "1001", "name", "Alice");
    peer_expect_nothing(phone, 1000);
    kit_end(k);
}

static void what_cannot_be_set_is_refused(void **state)
{
    static const struct {
        const char *what, *answer;
    } cases[] = {{"SUBSCRIBE 1001\nExpires: 3600" FEATURES SET "<SetDoNotDisturb>", "400 SUBSCRIBE"},
                 {"SUBSCRIBE 1001\nExpires: 3600" FEATURES SET "<SetAgentState/>", "400 SUBSCRIBE"},
                 {"SUBSCRIBE 1001\nExpires: 3600" FEATURES SET_FORWARD("forwardBusy", "true", ""), "400 SUBSCRIBE"},
                 {"SUBSCRIBE 1001\nExpires: 3600" FEATURES "\nContent-Type: text/plain\n\ndnd", "415 SUBSCRIBE"},
                 {"SUBSCRIBE 1002\nExpires: 3600" FEATURES SET_DND("true"), "403 SUBSCRIBE"}};
    struct kit  *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer *phone = peer_registered(k, "1001");

    (void)state;
    peer_registered(k, "1002");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        peer_send(phone, cases[i].what);
        peer_expect(phone, cases[i].answer);
    }
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_phone_sets_all_show),
        cmocka_unit_test(forwards_are_set_and_acted_upon),
        cmocka_unit_test(what_an_administrator_sets_is_shown_too),
        cmocka_unit_test(what_cannot_be_set_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
