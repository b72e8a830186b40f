/* register_test.c - REGISTER whole: contacts, times, removal, order, Path, GRUU, several flows, promises on disk
 * (RFC 3261 §10, RFC 3327, RFC 5626, RFC 5627; DESIGN §7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

/* REGISTER with these rows; the answer. */
static const struct msg *reg(struct peer *p, const char *number, const char *rows, const char *answer)
{
    char what[2048];

    snprintf(what, sizeof what, "REGISTER %s\n%s", number, rows);
    peer_send(p, what);
    return peer_expect(p, answer);
}

/* The parameters that an answer's Contact of that URI has; fails when there is none. */
static struct slice params_of(const struct msg *m, const char *uri)
{
    struct msg_list  it = msg_list_begin(m, HDR_CONTACT);
    struct slice     element;
    struct name_addr na;

    while (msg_list_next(&it, &element))
        if (name_addr_parse(element, &na) == ERR_OK && slice_eq(na.uri, slice_z(uri)))
            return na.params;
    fail_msg("no Contact %s", uri);
    return SLICE_NONE;
}

static void assert_param(const struct msg *m, const char *uri, const char *name, const char *value)
{
    struct slice v = SLICE_NONE;

    assert_int_equal(msg_param(params_of(m, uri), slice_z(name), &v), ERR_OK);
    if (!slice_eq(v, slice_z(value)))
        fail_msg("%s of %s is %.*s, not %s", name, uri, SARG(v), value);
}

/* A parameter that is a quoted string, as text that can be called. */
static const char *quoted_param(const struct msg *m, const char *uri, const char *name, char *room, size_t n)
{
    struct slice v;
    struct buf   b;

    assert_int_equal(msg_param(params_of(m, uri), slice_z(name), &v), ERR_OK);
    buf_init(&b, room, n - 1);
    msg_put_unquoted(&b, v);
    assert_int_equal(buf_err(&b), ERR_OK);
    room[b.n] = '\0';
    return room;
}

static size_t contacts(const struct msg *m)
{
    return msg_element_count(m, HDR_CONTACT);
}

/* ---- contacts and their times: RFC 3261 §10.2.1, §10.3 ---- */

static void several_contacts_q_and_times(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *bob = peer_add(k, "bob");
    const struct msg *m;
    struct slice      first;

    (void)state;
    m = reg(bob, "bob", "Expires: 1800\nContact: <sip:a@10.0.0.11>;q=0.3;expires=600, \"B, really\" <sip:b@10.0.0.11>;q=0.9\n"
                        "m: sip:c@10.0.0.11;expires=90000", "200");
    assert_int_equal(contacts(m), 3);
    assert_param(m, "sip:a@10.0.0.11", "expires", "600");
    assert_param(m, "sip:a@10.0.0.11", "q", "0.300");
    assert_param(m, "sip:b@10.0.0.11", "expires", "1800");
    assert_param(m, "sip:c@10.0.0.11", "expires", "7200"); /* longer than we keep any: shortened */
    assert_int_equal(msg_element(m, HDR_CONTACT, 0, &first), ERR_OK); /* without q it is 1: the best comes first */
    assert_true(slice_find_slice(first, S("sip:c@")) != SIZE_MAX);
    assert_true(msg_has(m, HDR_DATE));
    kit_end(k);
}

/* §10.2.1.1: no time at all, or none that can be read (§20.19): the registrar's own. */
static void the_time_is_ours_where_none_is_said(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *bob = peer_add(k, "bob");
    const struct msg *m;

    (void)state;
    m = reg(bob, "bob", "Contact: <sip:a@10.0.0.11>, <sip:b@10.0.0.11>;expires=soon", "200");
    assert_param(m, "sip:a@10.0.0.11", "expires", "3600");
    assert_param(m, "sip:b@10.0.0.11", "expires", "3600");
    kit_end(k);
}

/* §10.3 step 7, §21.4.17: too brief is 423 and says what is not; and nothing of that request is done. */
static void too_brief_is_423(void **state)
{
    struct kit_options o = {.register_min_s = 120, .register_max_s = 300};
    struct kit        *k = kit_begin(&o);
    struct peer       *bob = peer_add(k, "bob");
    const struct msg  *m;
    uint32_t           least;

    (void)state;
    m = reg(bob, "bob", "Contact: <sip:a@10.0.0.11>;expires=200, <sip:b@10.0.0.11>;expires=119", "423");
    assert_int_equal(msg_min_expires(m, &least), ERR_OK);
    assert_int_equal(least, 120);
    assert_int_equal(contacts(reg(bob, "bob", "-Contact", "200")), 0);
    m = reg(bob, "bob", "Contact: <sip:a@10.0.0.11>;expires=120, <sip:b@10.0.0.11>;expires=301", "200");
    assert_param(m, "sip:a@10.0.0.11", "expires", "120");
    assert_param(m, "sip:b@10.0.0.11", "expires", "300");
    kit_end(k);
}

/* §10.2.2: all of them go. */
static void star_removes_all(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *bob = peer_add(k, "bob"), *alice = peer_registered(k, "alice");

    (void)state;
    assert_int_equal(contacts(reg(bob, "bob", "Contact: <sip:a@10.0.0.11>, <sip:b@10.0.0.11>", "200")), 2);
    assert_int_equal(contacts(reg(bob, "bob", "Contact: *\nExpires: 0", "200")), 0);
    assert_int_equal(contacts(reg(bob, "bob", "-Contact", "200")), 0);
    peer_send(alice, "INVITE bob");
    peer_expect(alice, "480");
    peer_send(alice, "ACK");
    kit_end(k);
}

static void a_bad_star_changes_nothing(void **state)
{
    static const char *const bad[] = {
        "Contact: *",
        "Contact: *\nExpires: 10",
        "Contact: *, <sip:c@10.0.0.11>\nExpires: 0",
        "Contact: <sip:c@10.0.0.11>\nContact: *\nExpires: 0",
        "Contact: *\nExpires: never",
    };
    struct kit  *k = kit_begin(NULL);
    struct peer *bob = peer_registered(k, "bob");

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        reg(bob, "bob", bad[i], "400");
    assert_int_equal(contacts(reg(bob, "bob", "-Contact", "200")), 1);
    kit_end(k);
}

/* §10.2.2: one of two goes; one that is not there goes too. */
static void expires_0_removes_one(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *bob = peer_add(k, "bob");
    const struct msg *m;

    (void)state;
    reg(bob, "bob", "Contact: <sip:a@10.0.0.11>, <sip:b@10.0.0.11>", "200");
    m = reg(bob, "bob", "Contact: <sip:a@10.0.0.11>;expires=0", "200");
    assert_int_equal(contacts(m), 1);
    params_of(m, "sip:b@10.0.0.11");
    m = reg(bob, "bob", "Contact: <sip:b@10.0.0.11>\nExpires: 0", "200");
    assert_int_equal(contacts(m), 0);
    assert_int_equal(contacts(reg(bob, "bob", "Contact: <sip:nobody@10.0.0.11>;expires=0", "200")), 0);
    kit_end(k);
}

/* The same address by §19.1.4 is the same binding, whatever it looks like. */
static void an_equal_contact_is_the_same_binding(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *bob = peer_add(k, "bob");
    const struct msg *m;

    (void)state;
    reg(bob, "bob", "Contact: <sip:bob@Phone.Example.com;transport=udp;x=1>", "200");
    m = reg(bob, "bob", "Contact: <sip:b%6fb@phone.example.COM;x=1;TRANSPORT=udp>", "200");
    assert_int_equal(contacts(m), 1);
    reg(bob, "bob", "Contact: <sip:a@10.0.0.11>, <sip:%61@10.0.0.11>", "400"); /* named twice */
    kit_end(k);
}

/* §10.3 step 7: of one Call-ID only a higher CSeq counts; another Call-ID begins anew. */
static void order_is_kept_within_a_call_id(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *bob = peer_add(k, "bob");
    const struct msg *m;

    (void)state;
    reg(bob, "bob", "Contact: <sip:bob@10.0.0.11>;expires=600", "200");
    peer_send_again(bob, "CSeq: 7 REGISTER\nContact: <sip:bob@10.0.0.11>;expires=700");
    assert_param(peer_expect(bob, "200"), "sip:bob@10.0.0.11", "expires", "700");
    peer_send_again(bob, "CSeq: 6 REGISTER\nContact: <sip:bob@10.0.0.11>;expires=0");
    peer_expect(bob, "500");
    kit_wait_ms(k, 40000); /* until no transaction of that CSeq is left: then it is no merged request */
    peer_send_again(bob, "CSeq: 7 REGISTER\nContact: <sip:bob@10.0.0.11>;expires=0");
    peer_expect(bob, "500");
    m = reg(bob, "bob", "-Contact", "200");
    assert_param(m, "sip:bob@10.0.0.11", "expires", "660");
    m = reg(bob, "bob", "Contact: <sip:bob@10.0.0.11>;expires=800", "200"); /* CSeq 1 of a new Call-ID */
    assert_param(m, "sip:bob@10.0.0.11", "expires", "800");
    kit_end(k);
}

static void what_is_left_is_told_and_ends(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *bob = peer_add(k, "bob"), *alice = peer_registered(k, "alice");

    (void)state;
    reg(bob, "bob", "Contact: <sip:bob@10.0.0.11>;expires=60", "200");
    kit_wait_ms(k, 20000);
    assert_param(reg(bob, "bob", "-Contact", "200"), "sip:bob@10.0.0.11", "expires", "40");
    kit_wait_ms(k, 41000);
    assert_int_equal(contacts(reg(bob, "bob", "-Contact", "200")), 0);
    peer_send(alice, "MESSAGE bob");
    peer_expect(alice, "480");
    kit_end(k);
}

static void what_cannot_be_taken_is_refused(void **state)
{
    static const struct {
        const char *rows, *answer;
    } bad[] = {
        {"Contact: <sip:bob@@>", "400"},
        {"Contact: <sip:bob@10.0.0.11>;q=5", "400"},
        {"Contact: <sip:bob@10.0.0.11>;reg-id=x", "400"},
        {"To: <sip:bob@elsewhere.example>", "404"},
        {"To: <sip:example.com>", "404"},
        {"To: <mailto:bob@example.com>", "400"},
        {"Contact: <sip:1@h>, <sip:2@h>, <sip:3@h>, <sip:4@h>, <sip:5@h>, <sip:6@h>, <sip:7@h>, <sip:8@h>, <sip:9@h>, "
         "<sip:10@h>, <sip:11@h>", "403"},
    };
    struct kit       *k = kit_begin(NULL);
    struct peer      *bob = peer_add(k, "bob");
    const struct msg *m;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        reg(bob, "bob", bad[i].rows, bad[i].answer);
    m = reg(bob, "bob", "Require: path, teleport, gruu, telepathy", "420");
    assert_true(msg_has_token(m, HDR_UNSUPPORTED, S("teleport")));
    assert_true(msg_has_token(m, HDR_UNSUPPORTED, S("telepathy")));
    assert_false(msg_has_token(m, HDR_UNSUPPORTED, S("gruu")));
    assert_int_equal(contacts(reg(bob, "bob", "-Contact", "200")), 0);
    kit_end(k);
}

/* A user part may be written with escapes: the AOR is what it says (§10.3 step 5). */
static void an_escaped_aor_is_the_same(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *bob = peer_registered(k, "bob");

    (void)state;
    assert_int_equal(contacts(reg(bob, "bob", "-Contact\nTo: <sip:%62ob@example.com>", "200")), 1);
    assert_int_equal(contacts(reg(bob, "bob", "-Contact\nTo: <sips:bob@EXAMPLE.com:5061;x=y>", "200")), 1);
    kit_end(k);
}

/* ---- Path: RFC 3327 ---- */

/*   bob ------ REGISTER, Path: edge, inner ----> strowger
 *   edge <---- INVITE bob, Route: edge, inner --- strowger <--- INVITE --- alice */
static void path_is_kept_and_becomes_the_route(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *edge = peer_add(k, "edge"), *bob = peer_add(k, "bob");
    const struct msg *m;
    struct slice      e;

    (void)state;
    m = reg(bob, "bob", "Supported: path\nPath: <sip:10.0.0.12;lr>\nPath: <sip:inner.example;lr>", "200");
    assert_int_equal(msg_element_count(m, HDR_PATH), 2);
    assert_int_equal(msg_element(m, HDR_PATH, 0, &e), ERR_OK);
    assert_true(slice_eq(e, S("<sip:10.0.0.12;lr>")));
    peer_send(alice, "INVITE bob");
    m = peer_expect(edge, "INVITE");
    assert_true(slice_eq(m->uri, slice_z(peer_contact(bob))));
    assert_int_equal(msg_element_count(m, HDR_ROUTE), 2);
    assert_int_equal(msg_element(m, HDR_ROUTE, 0, &e), ERR_OK);
    assert_true(slice_eq(e, S("<sip:10.0.0.12;lr>")));
    peer_expect_nothing(bob, 100);
    peer_send(edge, "486");
    peer_expect(edge, "ACK");
    peer_expect(alice, "486");
    peer_send(alice, "ACK");
    assert_false(msg_has(reg(bob, "bob", "-Contact", "200"), HDR_PATH)); /* §5.3: only who supports it is told */
    kit_end(k);
}

/* ---- GRUU: RFC 5627 ---- */

#define URN_1 "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
#define URN_2 "urn:uuid:00000000-0000-1000-8000-000a95a0e128"
#define INSTANCE(urn) ";+sip.instance=\"<" urn ">\""

static void ring_and_refuse(struct peer *caller, struct peer *callee, const char *target)
{
    char              what[512];
    const struct msg *m;

    snprintf(what, sizeof what, "INVITE %s", target);
    peer_send(caller, what);
    m = peer_expect(callee, "INVITE");
    assert_true(slice_eq(m->uri, slice_z(peer_contact(callee))));
    refuse(callee, caller, "486");
}

static void is_refused(struct peer *caller, const char *target, const char *answer)
{
    char what[512];

    snprintf(what, sizeof what, "INVITE %s", target);
    peer_send(caller, what);
    peer_expect(caller, answer);
    peer_send(caller, "ACK");
}

static void a_gruu_reaches_one_phone(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *desk = peer_add(k, "bob"), *soft = peer_add(k, "bob");
    const struct msg *m;
    char              row[512], pub[512], temp[512];

    (void)state;
    snprintf(row, sizeof row, "Contact: <%s>%s\nSupported: gruu", peer_contact(desk), INSTANCE(URN_1));
    reg(desk, "bob", row, "200");
    snprintf(row, sizeof row, "Contact: <%s>%s\nSupported: gruu", peer_contact(soft), INSTANCE(URN_2));
    m = reg(soft, "bob", row, "200");
    assert_int_equal(contacts(m), 2);
    quoted_param(m, peer_contact(soft), "pub-gruu", pub, sizeof pub);
    quoted_param(m, peer_contact(soft), "temp-gruu", temp, sizeof temp);
    assert_string_equal(pub, "sip:bob@" KIT_DOMAIN ";gr=" URN_2);
    ring_and_refuse(alice, soft, pub);
    ring_and_refuse(alice, soft, temp);
    assert_null(strstr(temp, "bob"));
    peer_expect_nothing(desk, 100);
    /* RFC 5627 §6.1: a phone that is not there now; a made up name */
    is_refused(alice, "sip:bob@" KIT_DOMAIN ";gr=urn:uuid:not-there", "480");
    is_refused(alice, "sip:tgruu.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@" KIT_DOMAIN ";gr", "404");
    snprintf(row, sizeof row, "Contact: <%s>;expires=0", peer_contact(soft));
    reg(soft, "bob", row, "200");
    is_refused(alice, pub, "480");
    is_refused(alice, temp, "404"); /* worth nothing any more (§5.4.1) */
    assert_false(msg_has_param(params_of(reg(desk, "bob", "-Contact", "200"), peer_contact(desk)), S("pub-gruu")));
    kit_end(k);
}

/* ---- several flows of one phone: RFC 5626 ---- */

static void a_flow_of_a_phone_replaces_its_earlier_contact(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *bob = peer_add(k, "bob");
    const struct msg *m;

    (void)state;
    m = reg(bob, "bob", "Supported: outbound\nContact: <sip:bob@10.0.0.11:1111>" INSTANCE(URN_1) ";reg-id=1", "200");
    assert_true(msg_has_token(m, HDR_REQUIRE, S("outbound")));
    assert_param(m, "sip:bob@10.0.0.11:1111", "reg-id", "1");
    m = reg(bob, "bob", "Supported: outbound\nContact: <sip:bob@10.0.0.11:2222>" INSTANCE(URN_1) ";reg-id=1", "200");
    assert_int_equal(contacts(m), 1);
    params_of(m, "sip:bob@10.0.0.11:2222");
    m = reg(bob, "bob", "Contact: <sip:bob@10.0.0.11:3333>" INSTANCE(URN_1) ";reg-id=2", "200");
    assert_int_equal(contacts(m), 2);
    assert_false(msg_has(m, HDR_REQUIRE)); /* §6: only where the phone supports it */
    m = reg(bob, "bob", "Contact: <sip:bob@10.0.0.11:4444>;reg-id=1", "200"); /* §6: without an instance it says nothing */
    assert_int_equal(contacts(m), 3);
    assert_false(msg_has_param(params_of(m, "sip:bob@10.0.0.11:4444"), S("reg-id")));
    /* §6: one flow at a time */
    reg(bob, "bob", "Contact: <sip:a@10.0.0.11>" INSTANCE(URN_1) ";reg-id=1, <sip:b@10.0.0.11>" INSTANCE(URN_2) ";reg-id=1",
        "400");
    m = reg(bob, "bob", "Contact: <sip:bob@10.0.0.11:5555>" INSTANCE(URN_1) ";reg-id=1, <sip:bob@10.0.0.11:4444>;expires=0", "200");
    assert_int_equal(contacts(m), 2);
    kit_end(k);
}

/* RFC 5626 §6: flows are told apart by instance and reg-id: a phone that has one address for both keeps both. */
static void two_flows_may_have_one_contact(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *bob = peer_add(k, "bob");
    const struct msg *m;

    (void)state;
    reg(bob, "bob", "Contact: <sip:bob@10.0.0.11:5060>" INSTANCE(URN_1) ";reg-id=1", "200");
    m = reg(bob, "bob", "Contact: <sip:bob@10.0.0.11:5060>" INSTANCE(URN_1) ";reg-id=2", "200");
    assert_int_equal(contacts(m), 2);
    m = reg(bob, "bob", "Contact: <sip:bob@10.0.0.11:5060>" INSTANCE(URN_1) ";reg-id=1;expires=0", "200");
    assert_int_equal(contacts(m), 1);
    assert_true(msg_has_param(params_of(m, "sip:bob@10.0.0.11:5060"), S("reg-id")));
    kit_end(k);
}

/* RFC 5626 §5.3: two flows of one phone: it rings once, and by the other flow when the first one fails. */
static void the_second_flow_is_for_the_first_ones_failure(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *one = peer_add(k, "bob"), *two = peer_add(k, "bob");
    char         row[512];

    (void)state;
    snprintf(row, sizeof row, "Contact: <%s>%s;reg-id=2", peer_contact(two), INSTANCE(URN_1));
    reg(two, "bob", row, "200");
    kit_wait_ms(k, 1000); /* the newest is the best */
    snprintf(row, sizeof row, "Contact: <%s>%s;reg-id=1", peer_contact(one), INSTANCE(URN_1));
    reg(one, "bob", row, "200");
    peer_send(alice, "INVITE bob");
    peer_expect(one, "INVITE");
    peer_expect_nothing(two, 1000);
    peer_send(one, "430");
    peer_expect(one, "ACK");
    peer_expect(two, "INVITE");
    peer_send(two, "480"); /* the phone's own word: nothing else is tried */
    peer_expect(two, "ACK");
    peer_expect(alice, "480");
    peer_send(alice, "ACK");
    peer_send(alice, "INVITE bob");
    peer_expect(one, "INVITE");
    refuse(one, alice, "480");
    peer_expect_nothing(two, 100);
    kit_end(k);
}

/* ---- what is promised: DESIGN §7 ---- */

static void a_binding_is_seen_when_it_is_on_disk(void **state)
{
    struct kit_options o = {.pumped = true};
    struct kit        *k = kit_begin(&o);
    struct peer       *alice = peer_add(k, "alice"), *bob = peer_add(k, "bob");

    (void)state;
    peer_send(bob, "REGISTER bob");
    peer_expect_nothing(bob, 1000);
    is_refused(alice, "bob", "480");
    kit_pump(k);
    peer_expect(bob, "200 REGISTER");
    ring_and_refuse(alice, bob, "bob");
    peer_take_call(bob, 1);
    peer_send(bob, "REGISTER\nContact: *\nExpires: 0");
    peer_expect_nothing(bob, 1000);
    ring_and_refuse(alice, bob, "bob"); /* a removal too is not true before */
    kit_pump(k);
    peer_expect(bob, "200 REGISTER");
    is_refused(alice, "bob", "480");
    kit_end(k);
}

/* A refresh changes nothing that is promised: answered at once. */
static void a_refresh_does_not_wait(void **state)
{
    struct kit_options o = {.pumped = true};
    struct kit        *k = kit_begin(&o);
    struct peer       *bob = peer_add(k, "bob");

    (void)state;
    peer_send(bob, "REGISTER bob");
    kit_wait_ms(k, 10);
    kit_pump(k);
    peer_expect(bob, "200 REGISTER");
    peer_send(bob, "REGISTER");
    peer_expect(bob, "200 REGISTER");
    kit_end(k);
}

/* Two phones at once: one commit after the other, both are there. */
static void two_phones_register_at_once(void **state)
{
    struct kit_options o = {.pumped = true, .workers = 4, .spread = true};
    struct kit        *k = kit_begin(&o);
    struct peer       *one = peer_add(k, "bob"), *two = peer_add(k, "bob");

    (void)state;
    peer_send(one, "REGISTER bob");
    peer_send(two, "REGISTER bob");
    kit_wait_ms(k, 100);
    kit_pump(k);
    assert_int_equal(contacts(peer_expect(one, "200 REGISTER")), 1);
    peer_expect_nothing(two, 100);
    kit_pump(k);
    assert_int_equal(contacts(peer_expect(two, "200 REGISTER")), 2);
    kit_end(k);
}

static void bindings_outlive_a_kill(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    kit_kill(k);
    kit_restart(k);
    ring_and_refuse(alice, bob, "bob");
    kit_end(k);
}

/* ---- TCP ---- */

/*   alice (UDP)          strowger            bob (TCP)
 *     |                    |<==== REGISTER ====|
 *     |---- INVITE ------->|===== INVITE =====>|   by the connection that he has opened, two Record-Routes
 *     |<--- 200 -----------|<==== 200 =========|
 *     |---- ACK ---------->|===== ACK ========>|
 *     |<--- BYE -----------|<==== BYE =========|  */
static void a_phone_is_called_over_its_connection(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_add_tcp(k, "bob");
    const struct msg *m;
    struct slice      e;

    (void)state;
    peer_register(bob);
    peer_send(alice, "INVITE bob");
    m = peer_expect(bob, "INVITE");
    assert_int_equal(msg_element_count(m, HDR_RECORD_ROUTE), 2);
    assert_int_equal(msg_element(m, HDR_RECORD_ROUTE, 0, &e), ERR_OK);
    assert_true(slice_find_slice(e, S(";transport=tcp")) != SIZE_MAX);
    assert_int_equal(msg_element(m, HDR_RECORD_ROUTE, 1, &e), ERR_OK);
    assert_true(slice_find_slice(e, S(";transport=")) == SIZE_MAX);
    peer_send(bob, "180");
    peer_expect(alice, "180");
    peer_send(bob, "200");
    peer_expect(alice, "200 INVITE");
    peer_send(alice, "ACK");
    m = peer_expect(bob, "ACK");
    assert_false(msg_has(m, HDR_ROUTE));
    peer_send(bob, "BYE");
    m = peer_expect(alice, "BYE");
    assert_false(msg_has(m, HDR_ROUTE));
    peer_send(alice, "200");
    peer_expect(bob, "200 BYE");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_contacts_q_and_times),
        cmocka_unit_test(the_time_is_ours_where_none_is_said),
        cmocka_unit_test(too_brief_is_423),
        cmocka_unit_test(star_removes_all),
        cmocka_unit_test(a_bad_star_changes_nothing),
        cmocka_unit_test(expires_0_removes_one),
        cmocka_unit_test(an_equal_contact_is_the_same_binding),
        cmocka_unit_test(order_is_kept_within_a_call_id),
        cmocka_unit_test(what_is_left_is_told_and_ends),
        cmocka_unit_test(what_cannot_be_taken_is_refused),
        cmocka_unit_test(an_escaped_aor_is_the_same),
        cmocka_unit_test(path_is_kept_and_becomes_the_route),
        cmocka_unit_test(a_gruu_reaches_one_phone),
        cmocka_unit_test(a_flow_of_a_phone_replaces_its_earlier_contact),
        cmocka_unit_test(two_flows_may_have_one_contact),
        cmocka_unit_test(the_second_flow_is_for_the_first_ones_failure),
        cmocka_unit_test(a_binding_is_seen_when_it_is_on_disk),
        cmocka_unit_test(a_refresh_does_not_wait),
        cmocka_unit_test(two_phones_register_at_once),
        cmocka_unit_test(bindings_outlive_a_kill),
        cmocka_unit_test(a_phone_is_called_over_its_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
