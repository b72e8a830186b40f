/* code_test.c - codes that change a setting are dialled, done, and heard (doc/features.md). In virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit.h"

static struct kit *begin(bool digest)
{
    struct kit_options o = {.digest = digest, .workers = 4, .spread = true};

    return kit_begin(&o);
}

static void assert_setting(struct kit *k, const char *key, const char *value)
{
    const struct directory_view *v = directory_take(kit_exchange(k)->directory);
    struct slice                 now = directory_setting(directory_user(v, S("alice")), slice_z(key));

    if (!slice_eq(now, slice_z(value)))
        fail_msg("%s is %.*s, wanted %s", key, SARG(now), value);
    directory_give(v);
}

/*   alice          strowger
 *     |-- INVITE *72... ->|   forward.always is stored
 *     |<- 200 ------------|   beeps
 *     |-- ACK ----------->|
 *     |<- BYE ------------|   after a second and a half  */
static void dial(struct peer *p, const char *what)
{
    const struct msg *m;

    peer_send(p, what);
    m = peer_expect(p, "200 INVITE");
    assert_true(slice_find_slice(m->body, S("a=sendonly")) != SIZE_MAX);
    peer_send(p, "ACK");
    peer_expect_in(p, "BYE", 1000, 2500);
    peer_send(p, "200 BYE");
}

static void each_code_changes_its_setting(void **state)
{
    static const struct {
        const char *dialled, *key, *value;
    } codes[] = {
        {"INVITE *72bob", "forward.always", "bob"}, {"INVITE *73", "forward.always", ""},
        {"INVITE *90bob", "forward.busy", "bob"},   {"INVITE *91", "forward.busy", ""},
        {"INVITE *92bob", "forward.noanswer", "bob"}, {"INVITE *93", "forward.noanswer", ""},
        {"INVITE *78", "dnd", "on"},                {"INVITE *79", "dnd", ""},
        {"INVITE *77", "anonymous.reject", "on"},   {"INVITE *87", "anonymous.reject", ""},
    };
    struct kit  *k = begin(true);
    struct peer *alice = peer_registered(k, "alice");

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        dial(alice, codes[i].dialled);
        assert_setting(k, codes[i].key, codes[i].value);
    }
    kit_end(k);
}

/* What was dialled counts for the next call. */
static void it_counts_at_once(void **state)
{
    struct kit  *k = begin(true);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");

    (void)state;
    dial(alice, "INVITE *72bob");
    peer_send(carol, "INVITE alice");
    peer_expect(carol, "181");
    peer_expect(bob, "INVITE");
    peer_send(bob, "486");
    peer_expect(bob, "ACK");
    peer_expect(carol, "486");
    peer_send(carol, "ACK");
    kit_end(k);
}

static void refused(struct peer *p, const char *what, const char *code)
{
    peer_send(p, what);
    peer_expect(p, code);
    peer_send(p, "ACK");
}

/* No number behind it; one that cannot be; somebody who is no user. */
static void what_cannot_be_done_is_refused(void **state)
{
    struct kit  *k = begin(true), *open;
    struct peer *alice = peer_registered(k, "alice"), *eve;
    char         much[320];

    (void)state;
    refused(alice, "INVITE *72", "404");
    memset(much, '7', sizeof much - 1); /* longer than any setting */
    memcpy(much, "INVITE *72", 10);
    much[sizeof much - 1] = '\0';
    refused(alice, much, "484");
    assert_setting(k, "forward.always", "");
    assert_setting(k, "dnd", "");
    kit_end(k);
    open = begin(false);
    eve = peer_registered(open, "eve");
    refused(eve, "INVITE *78", "403");
    kit_end(open);
}

/* Bob cannot make his callers change their settings by forwarding to a code. */
static void nobody_is_forwarded_to_a_code(void **state)
{
    struct kit  *k = begin(true);
    struct peer *alice = peer_registered(k, "alice");

    (void)state;
    kit_add_user(k, "bob");
    kit_set_user(k, "bob", "forward.always", "*78");
    peer_send(alice, "INVITE bob");
    peer_expect(alice, "404");
    peer_send(alice, "ACK");
    assert_setting(k, "dnd", "");
    kit_end(k);
}

/* She hangs up before the beeps have ended. */
static void hung_up_early(void **state)
{
    struct kit  *k = begin(true);
    struct peer *alice = peer_registered(k, "alice");

    (void)state;
    peer_send(alice, "INVITE *78");
    peer_expect(alice, "200 INVITE");
    peer_send(alice, "ACK");
    kit_wait_ms(k, 200);
    peer_send(alice, "BYE");
    peer_expect(alice, "200 BYE");
    assert_setting(k, "dnd", "on");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_changes_its_setting),
        cmocka_unit_test(it_counts_at_once),
        cmocka_unit_test(what_cannot_be_done_is_refused),
        cmocka_unit_test(nobody_is_forwarded_to_a_code),
        cmocka_unit_test(hung_up_early),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
