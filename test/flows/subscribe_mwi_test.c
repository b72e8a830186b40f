/* subscribe_mwi_test.c - the message lamp (RFC 3842): from the administrator's counts to the phone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kit/kit.h"

#define MWI "\nEvent: message-summary\nAccept: application/simple-message-summary"

static const struct msg *notified(struct peer *p, const char *want)
{
    const struct msg *m = peer_expect(p, "NOTIFY");

    if (slice_find_slice(m->body, slice_z(want)) == SIZE_MAX)
        fail_msg("\"%s\" expected in:\n%.*s", want, SARG(m->body));
    peer_send(p, "200 NOTIFY");
    return m;
}

/* rfc3842-3:
 *   phone                      strowger
 *     |-- SUBSCRIBE ------------->|
 *     |<- 200, NOTIFY ------------|   Messages-Waiting: no
 *     |                           |   user set mwi=2/8
 *     |<- NOTIFY -----------------|   yes, Voice-Message: 2/8
 *     |-- SUBSCRIBE (0) --------->|
 *     |<- 200, NOTIFY ------------|   terminated */
static void rfc3842_3_the_message_lamp(void **state)
{
    struct kit       *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer      *phone = peer_registered(k, "1001");
    const struct msg *m;

    (void)state;
    peer_send(phone, "SUBSCRIBE 1001\nExpires: 3600" MWI);
    peer_expect(phone, "200 SUBSCRIBE");
    m = notified(phone, "Messages-Waiting: no\r\n");
    assert_true(slice_eq(msg_value(m, HDR_CONTENT_TYPE), S("application/simple-message-summary")));
    kit_set_user(k, "1001", "mwi", "2/8");
    notified(phone, "Messages-Waiting: yes\r\nMessage-Account: sip:1001@" KIT_DOMAIN "\r\nVoice-Message: 2/8 (0/0)\r\n");
    kit_set_user(k, "1001", "name", "Alice"); /* says nothing new */
    peer_expect_nothing(phone, 1000);
    peer_send(phone, "SUBSCRIBE\nExpires: 0" MWI);
    peer_expect(phone, "200 SUBSCRIBE");
    m = notified(phone, "Messages-Waiting: yes");
    assert_true(slice_starts(msg_value(m, HDR_SUBSCRIPTION_STATE), S("terminated")));
    kit_end(k);
}

static void a_mailbox_is_its_users(void **state)
{
    struct kit  *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer *phone = peer_registered(k, "1001");

    (void)state;
    peer_registered(k, "1002");
    peer_send(phone, "SUBSCRIBE 1002\nExpires: 3600" MWI);
    peer_expect(phone, "403 SUBSCRIBE");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3842_3_the_message_lamp),
        cmocka_unit_test(a_mailbox_is_its_users),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
