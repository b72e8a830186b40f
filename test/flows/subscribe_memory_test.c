/* subscribe_memory_test.c - each allocation of the exchange fails once, while a lamp, a list and a published state are begun,
 * a call comes and goes, and all of it ends: nothing leaks, and a lamp that is on at all goes out in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit.h"

enum { SLICE_MS = 250 };

struct stage {
    struct kit  *k;
    struct peer *watcher, *alice, *bob;
    bool         begun, lit; /* the lamp: as it was told last */
    unsigned     answered;   /* of alice's call; 0: not yet */
};

/* Of the lamp's own NOTIFYs, not the list's or those of presence. */
static void on_notify(struct stage *s, const struct msg *m)
{
    if (slice_eq(msg_value(m, HDR_CONTENT_TYPE), S("application/dialog-info+xml"))) {
        s->begun = true;
        s->lit = slice_find_slice(m->body, S("<state>early</state>")) != SIZE_MAX;
    }
    peer_send(s->watcher, "200 NOTIFY");
}

static void on_call(struct stage *s, const struct msg *m)
{
    if (m->method_id == METHOD_INVITE) {
        peer_send(s->bob, "180");
        kit_wait_ms(s->k, 2000);
        peer_send(s->bob, "486 INVITE");
    } else if (m->is_request && m->method_id == METHOD_CANCEL) {
        peer_send(s->bob, "200 CANCEL");
    }
}

static void run(struct stage *s, unsigned ms)
{
    const struct msg *m;

    for (unsigned at = 0; at < ms; at += SLICE_MS) {
        kit_wait_ms(s->k, SLICE_MS);
        while ((m = peer_next(s->watcher)))
            if (m->is_request && m->method_id == METHOD_NOTIFY)
                on_notify(s, m);
        while ((m = peer_next(s->bob)))
            on_call(s, m);
        while ((m = peer_next(s->alice)))
            if (!m->is_request && m->status >= 200 && msg_method(m) == METHOD_INVITE) {
                s->answered = m->status;
                peer_send(s->alice, "ACK");
            }
    }
}

static void play(struct stage *s)
{
    peer_send(s->watcher, "SUBSCRIBE bob\nEvent: dialog\nExpires: 120");
    run(s, 3000);
    peer_send(s->watcher, "SUBSCRIBE blf-all\nEvent: dialog\nSupported: eventlist\nExpires: 120");
    run(s, 3000);
    peer_send(s->watcher, "SUBSCRIBE bob\nEvent: presence\nExpires: 120");
    peer_send(s->bob, "PUBLISH bob\nEvent: presence\nExpires: 60\nContent-Type: application/pidf+xml\n\n"
                      "<presence><tuple id=\"a\"><status><basic>open</basic></status><note>here</note></tuple></presence>");
    run(s, 3000);
    peer_send(s->alice, "INVITE bob");
    run(s, 40000);
    assert_true(s->answered >= 300);
    run(s, 60000);
    assert_true(!s->lit);
    run(s, 40000);
}

static struct stage begin(const struct kit_options *o)
{
    struct stage s = {.k = kit_begin(o)};

    s.watcher = peer_registered(s.k, "watcher");
    s.alice = peer_registered(s.k, "alice");
    s.bob = peer_registered(s.k, "bob");
    peer_set_reliable(s.watcher);
    peer_set_reliable(s.alice);
    peer_set_reliable(s.bob);
    return s;
}

static void each_allocation_fails_once(void **state)
{
    const struct kit_options o = {.digest = true, .workers = 2, .spread = true};
    uint64_t                 nth = 0;
    bool                     failed = true;

    (void)state;
    while (failed) {
        struct stage s = begin(&o);

        kit_fail_allocation(s.k, ++nth);
        play(&s);
        failed = kit_allocation_failed(s.k);
        kit_fail_allocation(s.k, 0);
        if (!failed)
            assert_true(s.begun); /* without any failure all of it comes about */
        kit_end(s.k);
    }
    assert_true(nth > 100); /* it was tried in earnest */
    printf("cases: %llu own\n", (unsigned long long)nth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_fails_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
