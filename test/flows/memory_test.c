/* memory_test.c - each allocation of the exchange fails once, during a registration, a call and a transfer: nothing crashes,
 * nothing is left over or leaks (also where the exchange executes the transfer), and whoever asked gets an answer: the call is refused, or it comes about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit.h"

enum { SLICE_MS = 250 };

/* Phones that do what they should with whatever comes. */
struct phone_3 {
    struct peer *peer;
    unsigned     final;      /* the last final answer to an INVITE of its own     */
    unsigned     answered;   /* final answers to anything                         */
    unsigned     told;       /* NOTIFYs of a transfer                             */
    unsigned     call;       /* the number of the call that it was in last        */
    bool         transferred; /* has been asked to call 1003                      */
    bool         refuses;    /* REFER: the exchange has to execute it              */
};

struct stage {
    struct kit    *k;
    struct phone_3 p[3];
};

static void on_request(struct phone_3 *p, const struct msg *m)
{
    p->call = peer_call_number(p->peer);
    switch (m->method_id) {
    case METHOD_ACK: break;
    case METHOD_CANCEL:
        peer_send(p->peer, "200 CANCEL");
        peer_send(p->peer, "487 INVITE");
        break;
    case METHOD_REFER:
        if (p->refuses) {
            peer_send(p->peer, "603 REFER");
            break;
        }
        peer_send(p->peer, "202 REFER");
        p->transferred = true;
        break;
    case METHOD_NOTIFY:
        p->told++;
        peer_send(p->peer, "200 NOTIFY");
        break;
    default: peer_send(p->peer, "200"); break;
    }
}

static void on_answer(struct phone_3 *p, const struct msg *m)
{
    if (m->status < 200)
        return;
    p->answered++;
    if (msg_method(m) != METHOD_INVITE)
        return;
    p->final = m->status;
    p->call = peer_call_number(p->peer);
    peer_send(p->peer, "ACK");
}

static void run(struct stage *s, unsigned ms)
{
    for (unsigned at = 0; at < ms; at += SLICE_MS) {
        kit_wait_ms(s->k, SLICE_MS);
        for (int i = 0; i < 3; i++)
            for (const struct msg *m; (m = peer_next(s->p[i].peer));)
                if (m->is_request)
                    on_request(&s->p[i], m);
                else
                    on_answer(&s->p[i], m);
    }
}

static void ask(struct stage *s, int who, unsigned call, const char *what)
{
    if (call)
        peer_take_call(s->p[who].peer, call);
    peer_send(s->p[who].peer, what);
}

/* A calls B, B sends A to C and hangs up, A calls C, and hangs up in the end. As far as it gets. */
static void play(struct stage *s)
{
    unsigned ab, ba;

    ask(s, 0, 0, "REGISTER 1001\nContact: <sip:1001-again@10.0.0.11:5060>");
    run(s, 35000);
    assert_true(s->p[0].answered > 0);
    ask(s, 0, 0, "INVITE 1002");
    run(s, 40000);
    assert_true(s->p[0].final >= 200);
    if (s->p[0].final >= 300)
        return;
    ab = s->p[0].call;
    ba = s->p[1].call;
    s->p[0].answered = s->p[1].answered = 0;
    ask(s, 1, ba, "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN ">");
    run(s, 35000);
    assert_true(s->p[1].answered > 0);
    if (s->p[0].transferred) {
        s->p[0].final = 0;
        ask(s, 0, 0, "INVITE 1003");
        run(s, 40000);
        assert_true(s->p[0].final >= 200);
        if (s->p[0].final < 300)
            ask(s, 0, s->p[0].call, "BYE");
        run(s, 40000);
    }
    ask(s, 1, ba, "BYE");
    run(s, 40000);
    ask(s, 0, ab, "BYE"); /* should the other have been lost: the end is what counts */
    run(s, 80000);
}

/* The same where A refuses: the exchange brings A and C together, both hang up in the end. */
static void play_executed(struct stage *s)
{
    unsigned ab, ba;

    s->p[0].refuses = true;
    ask(s, 0, 0, "INVITE 1002");
    run(s, 40000);
    assert_true(s->p[0].final >= 200);
    if (s->p[0].final >= 300)
        return;
    ab = s->p[0].call;
    ba = s->p[1].call;
    s->p[1].answered = 0;
    ask(s, 1, ba, "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN ">");
    run(s, 80000);
    assert_true(s->p[1].answered > 0);
    ask(s, 1, ba, "BYE");
    run(s, 40000);
    ask(s, 0, ab, "BYE");
    run(s, 120000);
    if (s->p[2].call) {
        ask(s, 2, s->p[2].call, "BYE");
        run(s, 120000);
    }
}

/* Passed on end to end, with a Replaces that names no call as it is written, and that A drops: both are put right. */
static void play_relayed(struct stage *s)
{
    unsigned ab, ba, bc;
    char     refer[300];

    ask(s, 0, 0, "INVITE 1002");
    run(s, 40000);
    assert_true(s->p[0].final >= 200);
    if (s->p[0].final >= 300)
        return;
    ab = s->p[0].call;
    ba = s->p[1].call;
    ask(s, 1, 0, "INVITE 1003");
    run(s, 40000);
    assert_true(s->p[1].final >= 200);
    bc = peer_call_number(s->p[1].peer);
    s->p[1].answered = 0;
    snprintf(refer, sizeof refer, "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN "?Replaces=%.*s>", SARG(peer_dialog(s->p[1].peer, bc).call_id));
    ask(s, 1, ba, refer);
    run(s, 35000);
    assert_true(s->p[1].answered > 0);
    if (s->p[0].transferred) {
        s->p[0].final = 0;
        ask(s, 0, 0, "INVITE 1003");
        run(s, 40000);
        assert_true(s->p[0].final >= 200);
        if (s->p[0].final < 300)
            ask(s, 0, s->p[0].call, "BYE");
        run(s, 40000);
    }
    if (s->p[1].final < 300)
        ask(s, 1, bc, "BYE");
    ask(s, 0, ab, "BYE");
    run(s, 80000);
    ask(s, 1, ba, "BYE"); /* should that have been lost */
    run(s, 80000);
}

static struct stage begin(const struct kit_options *o)
{
    static const char *const numbers[] = {"1001", "1002", "1003"};
    struct stage             s = {.k = kit_begin(o)};

    for (int i = 0; i < 3; i++) {
        s.p[i].peer = peer_registered(s.k, numbers[i]);
        peer_set_reliable(s.p[i].peer);
    }
    return s;
}

static void each_allocation_fails_once(const struct kit_options *o, void (*plays)(struct stage *s))
{
    uint64_t nth = 0;
    bool     failed = true;

    while (failed) {
        struct stage s = begin(o);

        kit_fail_allocation(s.k, ++nth);
        plays(&s);
        failed = kit_allocation_failed(s.k);
        kit_fail_allocation(s.k, 0);
        if (!failed)
            assert_int_equal(s.p[0].final, 200); /* without any failure all of it comes about */
        kit_end(s.k);
    }
    assert_true(nth > 50); /* it was tried in earnest */
    printf("cases: %llu own\n", (unsigned long long)nth);
}

static void in_an_open_house(void **state)
{
    const struct kit_options o = {0};

    (void)state;
    each_allocation_fails_once(&o, play);
}

static void with_passwords_on_four_workers(void **state)
{
    const struct kit_options o = {.digest = true, .workers = 4, .spread = true};

    (void)state;
    each_allocation_fails_once(&o, play);
}

static void in_an_executed_transfer(void **state)
{
    const struct kit_options o = {0};

    (void)state;
    each_allocation_fails_once(&o, play_executed);
}

static void in_a_relayed_transfer(void **state)
{
    const struct kit_options o = {.transfer = DIALOG_MODE_RELAY};

    (void)state;
    each_allocation_fails_once(&o, play_relayed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_an_open_house),
        cmocka_unit_test(with_passwords_on_four_workers),
        cmocka_unit_test(in_an_executed_transfer),
        cmocka_unit_test(in_a_relayed_transfer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
