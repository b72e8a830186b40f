/* subscribe_reg_test.c - where a user's phones are registered, told to its phones (RFC 3680). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kit/kit.h"

#define REG "\nEvent: reg\nAccept: application/reginfo+xml"

static void assert_has(const struct msg *m, const char *text, bool wanted)
{
    if ((slice_find_slice(m->body, slice_z(text)) != SIZE_MAX) != wanted)
        fail_msg("\"%s\" %s in:\n%.*s", text, wanted ? "expected" : "not expected", SARG(m->body));
}

static const struct msg *notified(struct peer *p)
{
    const struct msg *m = peer_expect(p, "NOTIFY");

    peer_send(p, "200 NOTIFY");
    return m;
}

/*   phone                      strowger                 another phone
 *     |-- SUBSCRIBE reg --------->|                          |
 *     |<- 200, NOTIFY ------------|   one contact            |
 *     |                           |<------ REGISTER ---------|
 *     |<- NOTIFY -----------------|   two                    |
 *     |                           |<- REGISTER, Expires: 0 --|
 *     |<- NOTIFY -----------------|   one */
static void phones_that_come_and_go_are_told(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *phone = peer_registered(k, "1001"), *other = peer_add(k, "1001");
    const struct msg *m;

    (void)state;
    peer_send(phone, "SUBSCRIBE 1001\nExpires: 3600" REG);
    peer_expect(phone, "200 SUBSCRIBE");
    m = notified(phone);
    assert_true(slice_eq(msg_value(m, HDR_CONTENT_TYPE), S("application/reginfo+xml")));
    assert_has(m, "version=\"0\" state=\"full\"", true);
    assert_has(m, "<registration aor=\"sip:1001@" KIT_DOMAIN "\" id=\"r\" state=\"active\">", true);
    assert_has(m, peer_contact(phone), true);
    assert_has(m, peer_contact(other), false);
    peer_register(other);
    m = notified(phone);
    assert_has(m, "version=\"1\"", true);
    assert_has(m, peer_contact(other), true);
    assert_has(m, peer_contact(phone), true);
    peer_send_again(other, "CSeq: 2 REGISTER"); /* a refresh is no news */
    peer_expect(other, "200 REGISTER");
    peer_expect_nothing(phone, 1000);
    peer_send(other, "REGISTER 1001\nContact: *\nExpires: 0");
    peer_expect(other, "200 REGISTER");
    m = notified(phone);
    assert_has(m, "state=\"terminated\"", true);
    assert_has(m, "<contact ", false);
    kit_end(k);
}

/* A phone that goes without a word: its binding expires. */
static void an_expired_binding_is_told(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *phone = peer_registered(k, "1001"), *other = peer_add(k, "1001");
    const struct msg *m;

    (void)state;
    peer_send(other, "REGISTER sip:" KIT_DOMAIN "\nTo: <sip:1001@" KIT_DOMAIN ">\nExpires: 60");
    peer_expect(other, "200 REGISTER");
    peer_send(phone, "SUBSCRIBE 1001\nExpires: 3600" REG);
    peer_expect(phone, "200 SUBSCRIBE");
    assert_has(notified(phone), peer_contact(other), true);
    m = peer_expect_in(phone, "NOTIFY", 59000, 121000); /* the sweep goes round in a minute */
    peer_send(phone, "200 NOTIFY");
    assert_has(m, peer_contact(other), false);
    assert_has(m, peer_contact(phone), true);
    kit_end(k);
}

static void nobody_elses_registrations(void **state)
{
    struct kit  *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer *phone = peer_registered(k, "1001");

    (void)state;
    peer_registered(k, "1002");
    peer_send(phone, "SUBSCRIBE 1002\nExpires: 3600" REG);
    peer_expect(phone, "403 SUBSCRIBE");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phones_that_come_and_go_are_told),
        cmocka_unit_test(an_expired_binding_is_told),
        cmocka_unit_test(nobody_elses_registrations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
