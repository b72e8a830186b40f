/* identity_test.c - who calls: asserted by the exchange (RFC 3325), hidden (RFC 3323), refused when hidden (RFC 5079), barred;
 * and how it rings: Alert-Info, intercom. In virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

struct house {
    struct kit  *k;
    struct peer *alice, *bob;
};

static struct house begin(void)
{
    struct kit_options o = {.digest = true};
    struct house       h = {.k = kit_begin(&o)};

    h.alice = peer_registered(h.k, "alice");
    h.bob = peer_registered(h.k, "bob");
    kit_set_user(h.k, "alice", "name", "Alice \"A\" Liddell");
    return h;
}

static void assert_value(const struct msg *m, enum hdr_id id, const char *want)
{
    if (!slice_eq(msg_value(m, id), slice_z(want)))
        fail_msg("%.*s: %.*s, wanted %s", SARG(hdr_name(id)), SARG(msg_value(m, id)), want);
}

/* RFC 3325 §5, §9: what alice says of herself is not believed; the exchange says who she is. */
static void the_account_is_asserted_rfc3325(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    peer_send(h.alice, "INVITE bob\nP-Asserted-Identity: <sip:boss@example.com>\nP-Asserted-Identity: <tel:110>\n"
                       "P-Preferred-Identity: <sip:boss@example.com>\nRemote-Party-ID: <sip:boss@example.com>");
    m = peer_expect(h.bob, "INVITE");
    assert_value(m, HDR_P_ASSERTED_IDENTITY, "\"Alice \\\"A\\\" Liddell\" <sip:alice@example.com>");
    assert_int_equal(msg_element_count(m, HDR_P_ASSERTED_IDENTITY), 1);
    assert_false(msg_has(m, HDR_P_PREFERRED_IDENTITY) || msg_has(m, HDR_REMOTE_PARTY_ID));
    refuse(h.bob, h.alice, "486");
    kit_end(h.k);
}

/* A phone that hides its user (RFC 3323): known by its account, not by From; nothing is asserted to another phone. */
static void who_wants_to_be_private_is_not_asserted(void **state)
{
    static const char *const privacy[] = {"Privacy: id", "Privacy: header;user", "Privacy: session; critical"};

    (void)state;
    for (size_t i = 0; i < sizeof privacy / sizeof privacy[0]; i++) {
        struct house      h = begin();
        const struct msg *m;
        char              what[300];

        snprintf(what, sizeof what, "INVITE bob\nFrom: \"Anonymous\" <sip:anonymous@anonymous.invalid>\n%s\n"
                                    "P-Preferred-Identity: <sip:alice@example.com>", privacy[i]);
        peer_send(h.alice, what);
        m = peer_expect(h.bob, "INVITE");
        assert_false(msg_has(m, HDR_P_ASSERTED_IDENTITY) || msg_has(m, HDR_P_PREFERRED_IDENTITY));
        assert_true(msg_has(m, HDR_PRIVACY));
        refuse(h.bob, h.alice, "486");
        assert_string_equal(kit_cdr(h.k, 0), "alice bob 486 callee Busy Here"); /* we know who it was */
        kit_end(h.k);
    }
}

/* In an open house nobody proves anything, so nobody is asserted. */
static void strangers_are_not_asserted(void **state)
{
    struct house      h = {.k = kit_begin(NULL)};
    const struct msg *m;

    (void)state;
    h.alice = peer_registered(h.k, "alice");
    h.bob = peer_registered(h.k, "bob");
    peer_send(h.alice, "INVITE bob\nP-Asserted-Identity: <sip:boss@example.com>");
    m = peer_expect(h.bob, "INVITE");
    assert_false(msg_has(m, HDR_P_ASSERTED_IDENTITY));
    refuse(h.bob, h.alice, "486");
    kit_end(h.k);
}

static void assert_hidden(const struct msg *m)
{
    assert_true(slice_starts(msg_value(m, HDR_FROM), S("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=")));
}

/*   alice          strowger                       bob
 *     |-- INVITE *67bob ->|-- INVITE bob ---------->|   From: anonymous; Privacy: id
 *     |<- 200 (From alice)|<- 200 (From anonymous) -|
 *     |-- ACK, BYE ------>|-- ACK, BYE ------------>|   From: anonymous */
static void called_anonymously_by_code(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    peer_send(h.alice, "INVITE *67bob");
    m = peer_expect(h.bob, "INVITE");
    assert_hidden(m);
    assert_value(m, HDR_PRIVACY, "id");
    assert_false(msg_has(m, HDR_P_ASSERTED_IDENTITY));
    peer_send(h.bob, "180");
    m = peer_expect(h.alice, "180");
    assert_true(slice_find_slice(msg_value(m, HDR_FROM), S("alice@example.com")) != SIZE_MAX);
    peer_send(h.bob, "200");
    m = peer_expect(h.alice, "200 INVITE");
    assert_true(slice_find_slice(msg_value(m, HDR_FROM), S("alice@example.com")) != SIZE_MAX);
    peer_send(h.alice, "ACK");
    assert_hidden(peer_expect(h.bob, "ACK"));
    peer_send(h.alice, "INFO");
    assert_hidden(peer_expect(h.bob, "INFO"));
    peer_send(h.bob, "200");
    m = peer_expect(h.alice, "200 INFO");
    assert_true(slice_find_slice(msg_value(m, HDR_FROM), S("alice@example.com")) != SIZE_MAX);
    hang_up(h.bob, h.alice);
    assert_string_equal(kit_cdr(h.k, 0), "alice bob 200 callee bye");
    kit_end(h.k);
}

/* RFC 5079: whoever does not say who he is, in whichever way, is refused where the user has set so; others are not. */
static void anonymous_calls_are_refused_rfc5079(void **state)
{
    static const char *const hidden[] = {"INVITE bob\nFrom: <sip:anonymous@anonymous.invalid>", "INVITE bob\nPrivacy: id",
                                         "INVITE *67bob"};
    struct house h = begin();

    (void)state;
    kit_set_user(h.k, "bob", "anonymous.reject", "on");
    kit_set_user(h.k, "bob", "forward.always", "alice"); /* it is refused, not sent elsewhere */
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        peer_send(h.alice, hidden[i]);
        assert_true(slice_eq(peer_expect(h.alice, "433")->reason, S("Anonymity Disallowed")));
        peer_send(h.alice, "ACK");
    }
    kit_set_user(h.k, "bob", "forward.always", "");
    peer_send(h.alice, "INVITE bob\nPrivacy: none");
    peer_expect(h.bob, "INVITE");
    refuse(h.bob, h.alice, "486");
    kit_end(h.k);
}

/* *80 and a number: that phone answers by itself. Nobody's forward counts, do-not-disturb does. */
static void intercom(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    kit_set_user(h.k, "bob", "forward.always", "alice");
    kit_set_user(h.k, "bob", "forward.busy", "alice");
    peer_send(h.alice, "INVITE *80bob\nAlert-Info: <http://x>;info=loud");
    m = peer_expect(h.bob, "INVITE");
    assert_value(m, HDR_ALERT_INFO, "<http://127.0.0.1>;info=alert-autoanswer");
    assert_value(m, HDR_CALL_INFO, "<http://127.0.0.1>;answer-after=0");
    assert_int_equal(msg_element_count(m, HDR_ALERT_INFO), 1);
    refuse(h.bob, h.alice, "486");
    kit_set_user(h.k, "bob", "dnd", "on");
    peer_send(h.alice, "INVITE *80bob");
    refused(h.alice, "480");
    kit_end(h.k);
}

/* Between users what a phone's own intercom key says passes, in each maker's words. Who has switched that off is rung: by *80
 * too; all else in those header fields stays. */
static void intercom_is_the_callees_to_allow(void **state)
{
    static const char *const ways[] = {"Alert-Info: <http://x>;info=alert-autoanswer", "Alert-Info: Auto Answer",
                                       "Alert-Info: <http://x>;Intercom=true", "Call-Info: <http://x>;answer-after=0",
                                       "Answer-Mode: Auto", "Priv-Answer-Mode: Auto"};
    static const enum hdr_id ids[] = {HDR_ALERT_INFO, HDR_ALERT_INFO, HDR_ALERT_INFO, HDR_CALL_INFO, HDR_ANSWER_MODE, HDR_PRIV_ANSWER_MODE};
    struct house             h = begin();
    const struct msg        *m;
    char                     what[120];

    (void)state;
    for (int off = 0; off < 2; off++) {
        kit_set_user(h.k, "bob", "intercom", off ? "off" : "on");
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            snprintf(what, sizeof what, "INVITE bob\n%s", ways[i]);
            peer_send(h.alice, what);
            assert_int_equal(msg_has(peer_expect(h.bob, "INVITE"), ids[i]), !off);
            refuse(h.bob, h.alice, "486");
        }
    }
    peer_send(h.alice, "INVITE bob\nAlert-Info: <http://x>;info=loud\nCall-Info: <http://x/pic.png>;purpose=icon");
    m = peer_expect(h.bob, "INVITE");
    assert_value(m, HDR_ALERT_INFO, "<http://x>;info=loud");
    assert_value(m, HDR_CALL_INFO, "<http://x/pic.png>;purpose=icon");
    refuse(h.bob, h.alice, "486");
    peer_send(h.alice, "INVITE *80bob");
    m = peer_expect(h.bob, "INVITE");
    assert_false(msg_has(m, HDR_ALERT_INFO) || msg_has(m, HDR_CALL_INFO));
    refuse(h.bob, h.alice, "486");
    kit_set_user(h.k, "bob", "ring.internal", "Bellcore-dr2");
    peer_send(h.alice, "INVITE bob\nAlert-Info: Auto Answer");
    assert_value(peer_expect(h.bob, "INVITE"), HDR_ALERT_INFO, "Bellcore-dr2");
    refuse(h.bob, h.alice, "486");
    kit_end(h.k);
}

/* How it rings: as the one who is called has set, and where it was forwarded, the one it was forwarded to. */
static void distinctive_ring(void **state)
{
    struct house      h = begin();
    struct peer      *carol = peer_registered(h.k, "carol");
    const struct msg *m;

    (void)state;
    kit_set_user(h.k, "bob", "ring.internal", "Bellcore-dr2");
    kit_set_user(h.k, "bob", "ring.external", "Bellcore-dr3");
    kit_set_user(h.k, "carol", "ring.forwarded", "<http://127.0.0.1>;info=for-bob");
    peer_send(h.alice, "INVITE bob");
    assert_value(peer_expect(h.bob, "INVITE"), HDR_ALERT_INFO, "Bellcore-dr2");
    refuse(h.bob, h.alice, "486");
    peer_send(h.alice, "INVITE carol\nAlert-Info: <http://x>;info=mine");
    m = peer_expect(carol, "INVITE");
    assert_value(m, HDR_ALERT_INFO, "<http://x>;info=mine"); /* between users of ours it passes */
    refuse(carol, h.alice, "486");
    kit_set_user(h.k, "bob", "forward.busy", "carol");
    peer_send(h.alice, "INVITE bob");
    peer_expect(h.bob, "INVITE");
    decline(h.bob, "486");
    peer_expect(h.alice, "181");
    assert_value(peer_expect(carol, "INVITE"), HDR_ALERT_INFO, "<http://127.0.0.1>;info=for-bob");
    refuse(carol, h.alice, "486");
    kit_end(h.k);
}

/* Numbers that a user may not call: not even by forwarding to them. */
static void barred_numbers(void **state)
{
    struct house h = begin();

    (void)state;
    kit_set_user(h.k, "alice", "barred", "0900*,carol");
    peer_send(h.alice, "INVITE 0900123");
    refused(h.alice, "403");
    peer_send(h.alice, "INVITE *67carol");
    refused(h.alice, "403");
    kit_set_user(h.k, "bob", "barred", "0900*");
    kit_set_user(h.k, "bob", "forward.always", "0900999");
    kit_set_user(h.k, "alice", "barred", "");
    peer_send(h.alice, "INVITE bob");
    refused(h.alice, "403");
    kit_end(h.k);
}

/* A user whose number looks like a code is a user. */
static void a_users_number_is_no_code(void **state)
{
    struct house h = begin();

    (void)state;
    kit_add_user(h.k, "*67bob");
    peer_send(h.alice, "INVITE *67bob");
    refused(h.alice, "480");
    kit_end(h.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_account_is_asserted_rfc3325),
        cmocka_unit_test(who_wants_to_be_private_is_not_asserted),
        cmocka_unit_test(strangers_are_not_asserted),
        cmocka_unit_test(called_anonymously_by_code),
        cmocka_unit_test(anonymous_calls_are_refused_rfc5079),
        cmocka_unit_test(intercom),
        cmocka_unit_test(intercom_is_the_callees_to_allow),
        cmocka_unit_test(distinctive_ring),
        cmocka_unit_test(barred_numbers),
        cmocka_unit_test(a_users_number_is_no_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
