/* subscribe_presence_test.c - is somebody there: published, composed with what the exchange knows (RFC 3856, 3863, 3903). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit.h"

#define PRESENCE "\nEvent: presence\nAccept: application/pidf+xml"
#define PUBLISH_BOB "PUBLISH bob\nEvent: presence"
#define PIDF "\nContent-Type: application/pidf+xml\n\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:bob@" KIT_DOMAIN "\">"
#define OPEN(note) PIDF "<tuple id=\"a\"><status><basic>open</basic></status><note>" note "</note></tuple></presence>"
#define CLOSED PIDF "<tuple id=\"a\"><status><basic>closed</basic></status></tuple></presence>"

static void assert_has(const struct msg *m, const char *text)
{
    if (slice_find_slice(m->body, slice_z(text)) == SIZE_MAX)
        fail_msg("\"%s\" expected in:\n%.*s", text, SARG(m->body));
}

static void notified(struct peer *p, const char *basic, const char *note)
{
    const struct msg *m = peer_expect(p, "NOTIFY");
    char              text[100];

    snprintf(text, sizeof text, "<basic>%s</basic>", basic);
    assert_has(m, text);
    snprintf(text, sizeof text, "<note>%s</note>", note);
    assert_has(m, text);
    peer_send(p, "200 NOTIFY");
}

static void subscribe(struct peer *p)
{
    peer_send(p, "SUBSCRIBE bob\nExpires: 3600" PRESENCE);
    peer_expect(p, "200 SUBSCRIBE");
}

/* Its answer is 200: the entity tag, to be used by the next. Not beyond it. */
static const char *published(struct peer *p, const char *what)
{
    static char       tag[64];
    const struct msg *m;
    struct slice      t;

    peer_send(p, what);
    m = peer_expect(p, "200 PUBLISH");
    t = msg_value(m, HDR_SIP_ETAG);
    assert_true(t.n > 0 && t.n < sizeof tag);
    memcpy(tag, t.p, t.n);
    tag[t.n] = '\0';
    return tag;
}

/*   alice                strowger                bob
 *     |-- SUBSCRIBE bob --->|                     |
 *     |<- 200, NOTIFY ------|  closed: no phone   |
 *     |                     |<----- REGISTER -----|
 *     |<- NOTIFY -----------|  open               |
 *     |                     |<----- PUBLISH ------|  open, "In a meeting"
 *     |<- NOTIFY -----------|                     |
 *     |                     |<-- PUBLISH (tag) ---|  Expires: 0
 *     |<- NOTIFY -----------|  open, as registered */
static void published_and_registered(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_add(k, "bob");
    char         what[400];
    const char  *tag;

    (void)state;
    subscribe(alice);
    notified(alice, "closed", "Not online");
    peer_register(bob);
    notified(alice, "open", "Ready");
    tag = published(bob, PUBLISH_BOB "\nExpires: 3600" OPEN("In a &lt;meeting&gt;"));
    notified(alice, "open", "In a &lt;meeting&gt;");
    snprintf(what, sizeof what, PUBLISH_BOB "\nExpires: 3600\nSIP-If-Match: %s" CLOSED, tag);
    tag = published(bob, what);
    notified(alice, "closed", "Not online");
    snprintf(what, sizeof what, PUBLISH_BOB "\nExpires: 600\nSIP-If-Match: %s", tag); /* a refresh changes nothing */
    tag = published(bob, what);
    peer_expect_nothing(alice, 1000);
    snprintf(what, sizeof what, PUBLISH_BOB "\nExpires: 0\nSIP-If-Match: %s", tag);
    tag = published(bob, what);
    notified(alice, "open", "Ready");
    snprintf(what, sizeof what, PUBLISH_BOB "\nExpires: 600\nSIP-If-Match: %s", tag);
    peer_send(bob, what);
    peer_expect(bob, "412 PUBLISH"); /* it is gone */
    kit_end(k);
}

/* Nobody has to publish anew after a restart: who watches is told as it was, and the tag is good still; what was taken back, or
 * has expired meanwhile, is gone. */
static void what_is_published_outlives_a_restart(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    char         what[400];
    const char  *tag;

    (void)state;
    tag = published(bob, PUBLISH_BOB "\nExpires: 3600" CLOSED);
    snprintf(what, sizeof what, PUBLISH_BOB "\nExpires: 0\nSIP-If-Match: %s", tag);
    published(bob, what);
    published(bob, PUBLISH_BOB "\nExpires: 60" OPEN("soon over"));
    tag = published(bob, PUBLISH_BOB "\nExpires: 3600" OPEN("before"));
    snprintf(what, sizeof what, PUBLISH_BOB "\nExpires: 3600\nSIP-If-Match: %s" OPEN("In a meeting"), tag);
    tag = published(bob, what);
    snprintf(what, sizeof what, PUBLISH_BOB "\nExpires: 3000\nSIP-If-Match: %s", tag);
    tag = published(bob, what);
    kit_kill(k);
    kit_wait_ms(k, 70000);
    kit_restart(k);
    subscribe(alice);
    notified(alice, "open", "In a meeting");
    snprintf(what, sizeof what, PUBLISH_BOB "\nExpires: 3600\nSIP-If-Match: %s" CLOSED, tag);
    tag = published(bob, what);
    notified(alice, "closed", "Not online");
    snprintf(what, sizeof what, PUBLISH_BOB "\nExpires: 0\nSIP-If-Match: %s", tag);
    published(bob, what);
    notified(alice, "open", "Ready"); /* nothing else was there: only that a phone is registered */
    kit_end(k);
}

static void what_is_published_expires(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_add(k, "bob");

    (void)state;
    published(bob, PUBLISH_BOB "\nExpires: 60" OPEN("here"));
    subscribe(alice);
    notified(alice, "open", "here");
    peer_expect_nothing(alice, 58000);
    notified(alice, "closed", "Not online");
    kit_end(k);
}

/* Two phones publish: one that is open is enough. */
static void two_publishers_are_composed(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *one = peer_add(k, "bob"), *two = peer_add(k, "bob");
    char         what[400];

    (void)state;
    published(one, PUBLISH_BOB "\nExpires: 600" CLOSED);
    subscribe(alice);
    notified(alice, "closed", "Not online");
    snprintf(what, sizeof what, PUBLISH_BOB "\nExpires: 0\nSIP-If-Match: %s", published(two, PUBLISH_BOB "\nExpires: 600" OPEN("two")));
    notified(alice, "open", "two");
    published(two, what);
    notified(alice, "closed", "Not online");
    kit_end(k);
}

static void who_talks_is_on_the_phone(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");
    const struct msg *m;

    (void)state;
    subscribe(alice);
    notified(alice, "open", "Ready");
    peer_send(carol, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(carol, "180");
    notified(alice, "open", "Ringing");
    peer_send(bob, "200");
    peer_expect(carol, "200 INVITE");
    m = peer_expect(alice, "NOTIFY");
    assert_has(m, "<note>On the phone</note>");
    assert_has(m, "<rpid:on-the-phone/>");
    peer_send(alice, "200 NOTIFY");
    peer_send(carol, "ACK");
    peer_expect(bob, "ACK");
    peer_send(carol, "BYE");
    peer_expect(bob, "BYE");
    peer_send(bob, "200");
    peer_expect(carol, "200 BYE");
    notified(alice, "open", "Ready");
    kit_end(k);
}

static void publish_is_refused_as_rfc3903_wants(void **state)
{
    static const struct {
        const char *what, *answer;
    } cases[] = {{"PUBLISH bob\nEvent: dialog\nExpires: 600", "489 PUBLISH"},
                 {"PUBLISH bob\nExpires: 600", "489 PUBLISH"},
                 {PUBLISH_BOB "\nExpires: 600", "400 PUBLISH"},
                 {PUBLISH_BOB "\nExpires: 600\nContent-Type: text/plain\n\nhere", "415 PUBLISH"},
                 {PUBLISH_BOB "\nExpires: 600" PIDF "<tuple>", "400 PUBLISH"},
                 {PUBLISH_BOB "\nExpires: 5" OPEN("x"), "423 PUBLISH"},
                 {PUBLISH_BOB "\nExpires: 600\nSIP-If-Match: nothing" OPEN("x"), "412 PUBLISH"},
                 {PUBLISH_BOB "\nExpires: 0\nSIP-If-Match: nothing", "412 PUBLISH"},
                 {"PUBLISH alice\nEvent: presence\nExpires: 600" OPEN("x"), "403 PUBLISH"},
                 {"PUBLISH nobody\nEvent: presence\nExpires: 600" OPEN("x"), "404 PUBLISH"}};
    struct kit  *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer *bob = peer_registered(k, "bob");

    (void)state;
    peer_registered(k, "alice");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        peer_send(bob, cases[i].what);
        peer_expect(bob, cases[i].answer);
    }
    for (int i = 0; i < 8; i++)
        published(bob, PUBLISH_BOB "\nExpires: 600" OPEN("x"));
    peer_send(bob, PUBLISH_BOB "\nExpires: 600" OPEN("one too many"));
    peer_expect(bob, "403 PUBLISH");
    kit_end(k);
}

/* RFC 3842: counts can be published too, and go before those that an administrator has set. */
static void published_messages_light_the_lamp(void **state)
{
    struct kit *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer *bob = peer_registered(k, "bob");

    (void)state;
    kit_set_user(k, "bob", "mwi", "1/1");
    peer_send(bob, "SUBSCRIBE bob\nEvent: message-summary\nExpires: 600");
    peer_expect(bob, "200 SUBSCRIBE");
    assert_has(peer_expect(bob, "NOTIFY"), "Voice-Message: 1/1 ");
    peer_send(bob, "200 NOTIFY");
    published(bob, "PUBLISH bob\nEvent: message-summary\nExpires: 600\nContent-Type: application/simple-message-summary\n\n"
                   "Messages-Waiting: yes\r\nVoice-Message: 3/4 (0/0)\r\n");
    assert_has(peer_expect(bob, "NOTIFY"), "Messages-Waiting: yes\r\nMessage-Account: sip:bob@" KIT_DOMAIN "\r\nVoice-Message: 3/4 ");
    peer_send(bob, "200 NOTIFY");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_and_registered),
        cmocka_unit_test(what_is_published_outlives_a_restart),
        cmocka_unit_test(what_is_published_expires),
        cmocka_unit_test(two_publishers_are_composed),
        cmocka_unit_test(who_talks_is_on_the_phone),
        cmocka_unit_test(publish_is_refused_as_rfc3903_wants),
        cmocka_unit_test(published_messages_light_the_lamp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
