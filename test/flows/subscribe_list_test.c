/* subscribe_list_test.c - one subscription for all lamps of a phone: resource lists (RFC 4662). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit.h"

#define LIST "\nEvent: dialog\nSupported: eventlist\nAccept: application/dialog-info+xml, multipart/related, application/rlmi+xml"

enum { MAX_PARTS = 32, USERS = 200 };

struct parts {
    struct msg_part part[MAX_PARTS];
    size_t          n;
};

static bool has(struct slice text, const char *want)
{
    return slice_find_slice(text, slice_z(want)) != SIZE_MAX;
}

static void assert_has(struct slice text, const char *want)
{
    if (!has(text, want))
        fail_msg("\"%s\" expected in:\n%.*s", want, SARG(text));
}

/* A NOTIFY of a list, answered, and cut; what RFC 4662 wants of each is looked at. */
static const struct msg *notified(struct peer *p, struct parts *out)
{
    const struct msg *m = peer_expect(p, "NOTIFY");
    struct msg_parts  it;
    struct slice      type;

    assert_true(msg_has_token(m, HDR_REQUIRE, S("eventlist")));
    assert_true(slice_starts(msg_value(m, HDR_CONTENT_TYPE), S("multipart/related;type=\"application/rlmi+xml\";start=\"<")));
    assert_int_equal(msg_parts_begin(msg_value(m, HDR_CONTENT_TYPE), m->body, &it), ERR_OK);
    for (out->n = 0; out->n < MAX_PARTS && msg_parts_next(&it, &out->part[out->n]) == ERR_OK; out->n++)
        ;
    assert_true(out->n > 0 && it.ended);
    assert_int_equal(msg_part_value(&out->part[0], S("Content-Type"), &type), ERR_OK);
    assert_true(slice_starts(type, S("application/rlmi+xml")));
    for (size_t i = 1; i < out->n; i++) { /* each is named in the first by its cid */
        struct slice cid;

        assert_int_equal(msg_part_value(&out->part[i], S("Content-ID"), &cid), ERR_OK);
        assert_true(slice_find_slice(out->part[0].body, slice_to(slice_from(cid, 1), cid.n - 2)) != SIZE_MAX);
        assert_has(out->part[i].body, "<dialog-info ");
    }
    peer_send(p, "200 NOTIFY");
    return m;
}

static void subscribe(struct peer *p, const char *list, struct parts *out)
{
    char what[200];

    snprintf(what, sizeof what, "SUBSCRIBE %s\nExpires: 600" LIST, list);
    peer_send(p, what);
    assert_true(msg_has_token(peer_expect(p, "200 SUBSCRIBE"), HDR_REQUIRE, S("eventlist")));
    notified(p, out);
}

static void ring(struct peer *from, struct peer *to, const char *number)
{
    char what[40];

    snprintf(what, sizeof what, "INVITE %s", number);
    peer_send(from, what);
    peer_expect(to, "INVITE");
    peer_send(to, "180");
    peer_expect(from, "180");
}

static void refuse(struct peer *to, struct peer *from)
{
    peer_send(to, "486 INVITE");
    peer_expect(to, "ACK");
    peer_expect(from, "486 INVITE");
    peer_send(from, "ACK");
}

static struct kit *begin(void)
{
    return kit_begin(&(struct kit_options){.digest = true});
}

/*   phone (1001)               strowger              1003           1002
 *     |-- SUBSCRIBE blf-1001 ---->|
 *     |<- 200, NOTIFY ------------|   fullState, a part for 1002 and one for 1003
 *     |                           |<---- INVITE -----|
 *     |                           |<------------- 180 --------------|
 *     |<- NOTIFY -----------------|   not full: 1002 rings
 *     |                           |<------------- 486 --------------| */
static void a_list_is_told_in_full_and_then_what_changes(void **state)
{
    struct kit  *k = begin();
    struct peer *phone = peer_registered(k, "1001"), *bob = peer_registered(k, "1002"), *carol = peer_registered(k, "1003"),
                *dave = peer_registered(k, "1004");
    struct parts p;

    (void)state;
    kit_set_user(k, "1001", "blf-list", "1002,1003");
    subscribe(phone, "blf-1001", &p);
    assert_int_equal(p.n, 3);
    assert_has(p.part[0].body, "uri=\"sip:blf-1001@" KIT_DOMAIN "\" version=\"0\" fullState=\"true\"");
    assert_has(p.part[0].body, "<resource uri=\"sip:1002@" KIT_DOMAIN "\">");
    assert_has(p.part[1].body, "entity=\"sip:1002@" KIT_DOMAIN "\"");
    assert_has(p.part[2].body, "entity=\"sip:1003@" KIT_DOMAIN "\"");
    ring(dave, bob, "1002");
    notified(phone, &p);
    assert_int_equal(p.n, 2);
    assert_has(p.part[0].body, "version=\"1\" fullState=\"false\"");
    assert_false(has(p.part[0].body, "sip:1003@"));
    assert_has(p.part[1].body, "<state>early</state>");
    refuse(bob, dave);
    notified(phone, &p);
    assert_int_equal(p.n, 2);
    assert_false(has(p.part[1].body, "<dialog "));
    ring(dave, carol, "1003");
    notified(phone, &p);
    assert_has(p.part[1].body, "entity=\"sip:1003@" KIT_DOMAIN "\"");
    refuse(carol, dave);
    notified(phone, &p);
    kit_end(k);
}

static void members_come_and_go(void **state)
{
    struct kit  *k = begin();
    struct peer *phone = peer_registered(k, "1001");
    struct parts p;

    (void)state;
    peer_registered(k, "1002");
    peer_registered(k, "1003");
    kit_set_user(k, "1001", "blf-list", "1002");
    subscribe(phone, "blf-1001", &p);
    assert_int_equal(p.n, 2);
    kit_set_user(k, "1001", "blf-list", "1002,1003");
    notified(phone, &p);
    assert_has(p.part[0].body, "fullState=\"true\"");
    assert_int_equal(p.n, 3);
    kit_set_user(k, "1003", "watchable", "off");
    notified(phone, &p);
    assert_int_equal(p.n, 1);
    assert_has(p.part[0].body, "<instance id=\"1\" state=\"terminated\" reason=\"rejected\"/>");
    kit_end(k);
}

static void all_users_are_a_list_too(void **state)
{
    struct kit  *k = begin();
    struct peer *phone = peer_registered(k, "1001");
    struct parts p;

    (void)state;
    peer_registered(k, "1002");
    subscribe(phone, "blf-all", &p);
    assert_int_equal(p.n, 3);
    kit_add_user(k, "1003");
    notified(phone, &p);
    assert_int_equal(p.n, 4);
    kit_end(k);
}

/* Two hundred users, by UDP: the first NOTIFY names them all, and no NOTIFY is too large for a datagram. */
static void a_large_list_comes_in_pieces(void **state)
{
    struct kit       *k = begin();
    struct peer      *phone = peer_registered(k, "1001");
    const struct msg *m;
    unsigned          parts = 0, notifies = 0;
    char              number[8];

    (void)state;
    for (int i = 1; i < USERS; i++) {
        snprintf(number, sizeof number, "%d", 1001 + i);
        kit_add_user(k, number);
    }
    peer_send(phone, "SUBSCRIBE blf-all\nExpires: 600" LIST);
    peer_expect(phone, "200 SUBSCRIBE");
    while (parts < USERS) {
        struct slice rest;

        m = peer_expect(phone, "NOTIFY");
        peer_send(phone, "200 NOTIFY");
        assert_true(m->raw.n < 65000);
        assert_true(has(m->body, notifies++ ? "fullState=\"false\"" : "fullState=\"true\""));
        for (rest = m->body; has(rest, "<dialog-info "); parts++)
            rest = slice_from(rest, slice_find_slice(rest, S("<dialog-info ")) + 1);
    }
    assert_int_equal(parts, USERS);
    assert_true(notifies > 1);
    peer_expect_nothing(phone, 3000);
    kit_end(k);
}

static void who_cannot_read_lists_is_told_so(void **state)
{
    struct kit       *k = begin();
    struct peer      *phone = peer_registered(k, "1001");
    const struct msg *m;

    (void)state;
    peer_send(phone, "SUBSCRIBE blf-all\nEvent: dialog\nExpires: 600");
    m = peer_expect(phone, "421 SUBSCRIBE");
    assert_true(msg_has_token(m, HDR_REQUIRE, S("eventlist")));
    peer_send(phone, "SUBSCRIBE blf-1001\nExpires: 600" LIST); /* there is no such list */
    peer_expect(phone, "404 SUBSCRIBE");
    kit_end(k);
}

static void a_list_survives_a_restart(void **state)
{
    struct kit  *k = begin();
    struct peer *phone = peer_registered(k, "1001"), *bob = peer_registered(k, "1002"), *dave = peer_registered(k, "1004");
    struct parts p;

    (void)state;
    kit_set_user(k, "1001", "blf-list", "1002");
    subscribe(phone, "blf-1001", &p);
    kit_kill(k);
    kit_restart(k);
    notified(phone, &p);
    assert_has(p.part[0].body, "version=\"1\" fullState=\"true\"");
    assert_int_equal(p.n, 2);
    ring(dave, bob, "1002");
    notified(phone, &p);
    assert_has(p.part[1].body, "<state>early</state>");
    refuse(bob, dave);
    notified(phone, &p);
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_told_in_full_and_then_what_changes),
        cmocka_unit_test(members_come_and_go),
        cmocka_unit_test(all_users_are_a_list_too),
        cmocka_unit_test(a_large_list_comes_in_pieces),
        cmocka_unit_test(who_cannot_read_lists_is_told_so),
        cmocka_unit_test(a_list_survives_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
