/* plan_test.c - the plan as a table: facts on the left, what must come of them on the right. */
#include "server/plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000000

static struct plan_facts facts_for(const char *number)
{
    return (struct plan_facts){
        .request = {.method = S("INVITE"), .uri = S("sip:1003@example.com"), .scheme = URI_SIP, .number = slice_z(number),
                    .host = S("example.com"), .ours = true, .caller_ours = true, .caller = S("1001"), .now_ms = NOW},
        .callee = {.known = true, .number = slice_z(number)},
    };
}

static struct plan_binding binding(const char *contact, uint16_t q, int64_t age_ms)
{
    return (struct plan_binding){.contact = slice_z(contact), .q = q, .registered_ms = NOW - age_ms, .expires_ms = NOW + 60000,
                                 .received = S("127.0.0.4:5060")};
}

static void assert_sentence(const struct plan *p, const char *want)
{
    char       text[PLAN_MAX_REASON];
    struct buf b = BUF_ON(text);

    plan_put_reason(&b, &p->reason);
    assert_int_equal(buf_err(&b), ERR_OK);
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("\"%.*s\", wanted \"%s\"", SARG(buf_slice(&b)), want);
}

struct row {
    const char *what;
    void (*change)(struct plan_facts *f);
    enum plan_act act;
    uint16_t      code;
    const char   *rule;
    const char   *sentence;
};

static void is_mailto(struct plan_facts *f)
{
    f->request.scheme = URI_OTHER;
    f->request.uri = S("mailto:a@b");
}
static void no_hops(struct plan_facts *f) { f->request.out_of_hops = true; }
static void looped(struct plan_facts *f) { f->request.looped = true; }
static void wants_proxy(struct plan_facts *f) { f->request.unsupported = S("gin, foo"); }
static void no_breadth(struct plan_facts *f) { f->request.has_breadth = true; }
static void foreign(struct plan_facts *f)
{
    f->request.ours = false;
    f->request.host = S("example.net");
}
static void foreign_allowed(struct plan_facts *f)
{
    foreign(f);
    f->request.may_relay = true;
}
static void foreign_stranger(struct plan_facts *f)
{
    foreign_allowed(f);
    f->request.caller_ours = false;
}
static void no_number(struct plan_facts *f) { f->request.number = f->callee.number = SLICE_NONE; }
static void unknown(struct plan_facts *f)
{
    f->callee = (struct plan_callee){0};
    f->request.number = S("19\r\n");
}
static void app(struct plan_facts *f) { f->callee.app = S("echo"); }
static void nothing(struct plan_facts *f) { (void)f; }
static void tel(struct plan_facts *f)
{
    f->request.scheme = URI_TEL;
    f->request.uri = S("tel:1003");
    f->request.host = SLICE_NONE;
}

static const struct row rows[] = {
    {"another scheme", is_mailto, PLAN_REPLY, 416, "scheme", "the URI's scheme mailto is none that a telephone exchange can route"},
    {"no hops left", no_hops, PLAN_REPLY, 483, "too-many-hops", "Max-Forwards has come down to 0"},
    {"a loop", looped, PLAN_REPLY, 482, "loop", "the request has been here before and would take the same way again"},
    {"Proxy-Require", wants_proxy, PLAN_REPLY, 420, "proxy-require", "it requires of proxies what this one does not know: gin, foo"},
    {"Max-Breadth 0", no_breadth, PLAN_REPLY, 440, "max-breadth", "Max-Breadth is 0, so it may not be sent on to anybody"},
    {"foreign domain", foreign, PLAN_REPLY, 403, "relay-refused",
     "example.net is not a domain of ours, and this caller may not be connected to others"},
    {"foreign, by a stranger", foreign_stranger, PLAN_REPLY, 403, "relay-refused",
     "example.net is not a domain of ours, and this caller may not be connected to others"},
    {"foreign, allowed", foreign_allowed, PLAN_RELAY, 0, "relay",
     "example.net is not a domain of ours; this caller may be connected to others"},
    {"no number", no_number, PLAN_REPLY, 404, "no-number", "the request is for example.com itself, not for a number"},
    {"unknown number", unknown, PLAN_REPLY, 404, "unknown-number", "there is no user 19\\x0d\\x0a"},
    {"an app's number", app, PLAN_LEG, 0, "app", "1003 is answered by the exchange itself: echo"},
    {"nowhere registered", nothing, PLAN_REPLY, 480, "not-registered", "1003 is a user, but no phone is registered for it"},
    {"a tel URI", tel, PLAN_REPLY, 480, "not-registered", "1003 is a user, but no phone is registered for it"},
};

static void replies_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct plan_facts f = facts_for("1003");
        struct plan       p;

        rows[i].change(&f);
        plan_route(&f, &p);
        if (p.act != rows[i].act || p.code != rows[i].code)
            fail_msg("%s: act %d code %d", rows[i].what, (int)p.act, p.code);
        assert_string_equal(plan_rule_text(p.reason.rule), rows[i].rule);
        assert_sentence(&p, rows[i].sentence);
        if (p.act == PLAN_REPLY)
            assert_string_not_equal(plan_phrase(p.code), "Error");
    }
}

static void first_refusal_wins_in_the_order_of_rfc3261_16_3(void **state)
{
    struct plan_facts f = facts_for("1003");
    struct plan       p;

    (void)state;
    is_mailto(&f);
    no_hops(&f);
    looped(&f);
    wants_proxy(&f);
    plan_route(&f, &p);
    assert_int_equal(p.code, 416);
    f.request.scheme = URI_SIP;
    plan_route(&f, &p);
    assert_int_equal(p.code, 483);
    f.request.out_of_hops = false;
    plan_route(&f, &p);
    assert_int_equal(p.code, 482);
    f.request.looped = false;
    plan_route(&f, &p);
    assert_int_equal(p.code, 420);
    assert_true(slice_eq(p.unsupported, S("gin, foo")));
}

static void one_binding_is_one_target(void **state)
{
    struct plan_binding b = binding("sip:1003@127.0.0.4", 1000, 12400);
    struct plan_facts   f = facts_for("1003");
    struct plan         p;

    (void)state;
    f.bindings = &b;
    f.n_bindings = 1;
    f.callee.redirect = PLAN_REDIRECT_FOLLOW;
    plan_route(&f, &p);
    assert_int_equal(p.act, PLAN_FORK);
    assert_int_equal(p.n_targets, 1);
    assert_int_equal(p.n_groups, 1);
    assert_ptr_equal(p.targets[0].binding, &b);
    assert_false(p.targets[0].spare);
    assert_int_equal(p.redirect, PLAN_REDIRECT_FOLLOW);
    assert_int_equal(p.timer_c_ms, PLAN_TIMER_C_MS);
    assert_true(p.timer_c_ms > 180000); /* RFC 3261 §16.6 step 11 */
    assert_sentence(&p, "1003 has one binding, registered 12 s ago from 127.0.0.4:5060");
    f.request.method = S("MESSAGE");
    plan_route(&f, &p);
    assert_int_equal(p.timer_c_ms, PLAN_OTHER_MS);
}

static void equal_q_is_tried_at_once_lower_q_later(void **state)
{
    struct plan_binding b[] = {binding("sip:a@h", 1000, 5000), binding("sip:b@h", 1000, 6000), binding("sip:c@h", 500, 1000),
                               binding("sip:d@h", 0, 1)};
    struct plan_facts   f = facts_for("1003");
    struct plan         p;

    (void)state;
    f.bindings = b;
    f.n_bindings = 4;
    b[2].flow_gone = true;
    plan_route(&f, &p);
    assert_int_equal(p.n_targets, 4);
    assert_int_equal(p.n_groups, 3);
    assert_int_equal(p.targets[0].group, 0);
    assert_int_equal(p.targets[1].group, 0);
    assert_int_equal(p.targets[2].group, 1);
    assert_int_equal(p.targets[3].group, 2);
    assert_sentence(&p, "1003 has 4 bindings, the best of them registered 5 s ago from 127.0.0.4:5060; tried in 3 groups, one "
                        "after another; 1 of them must connect again first");
}

static void breadth_cuts_a_group_rfc5393(void **state)
{
    struct plan_binding b[5];
    struct plan_facts   f = facts_for("1003");
    struct plan         p;

    (void)state;
    for (size_t i = 0; i < 5; i++)
        b[i] = binding("sip:a@h", 1000, 1);
    f.bindings = b;
    f.n_bindings = 5;
    f.request.has_breadth = true;
    f.request.breadth = 2;
    plan_route(&f, &p);
    assert_int_equal(p.n_groups, 3);
    assert_int_equal(p.targets[1].group, 0);
    assert_int_equal(p.targets[2].group, 1);
    assert_int_equal(p.targets[4].group, 2);
    f.request.breadth = 60;
    plan_route(&f, &p);
    assert_int_equal(p.n_groups, 1);
}

static void second_flow_of_a_phone_is_a_spare_rfc5626(void **state)
{
    struct plan_binding b[] = {binding("sip:a@h1", 1000, 1), binding("sip:x@h", 1000, 2), binding("sip:y@h", 700, 2),
                               binding("sip:a@h2", 600, 3), binding("sip:y@h2", 600, 3)};
    struct plan_facts   f = facts_for("1003");
    struct plan         p;

    (void)state;
    b[0].instance = b[3].instance = S("urn:uuid:1");
    b[2].instance = b[4].instance = S("urn:uuid:2");
    b[0].reg_id = 1;
    b[3].reg_id = 2;
    b[2].reg_id = 1;
    b[4].reg_id = 2;
    f.bindings = b;
    f.n_bindings = 5;
    plan_route(&f, &p);
    assert_int_equal(p.n_targets, 5);
    assert_int_equal(p.n_groups, 2);
    assert_ptr_equal(p.targets[2].binding, &b[3]); /* moved up to its phone's group */
    assert_true(p.targets[2].spare);
    assert_int_equal(p.targets[2].spare_of, 0);
    assert_ptr_equal(p.targets[3].binding, &b[2]);
    assert_ptr_equal(p.targets[4].binding, &b[4]);
    assert_true(p.targets[4].spare);
    assert_int_equal(p.targets[4].spare_of, 3); /* moved along with its phone */
    for (size_t i = 1; i < p.n_targets; i++)
        assert_true(p.targets[i - 1].group <= p.targets[i].group);
    b[3].reg_id = 0; /* without reg-id it is a contact of its own */
    plan_route(&f, &p);
    assert_int_equal(p.n_groups, 3);
}

static void more_bindings_than_targets_are_left_out(void **state)
{
    struct plan_binding b[PLAN_MAX_TARGETS + 3];
    struct plan_facts   f = facts_for("1003");
    struct plan         p;

    (void)state;
    for (size_t i = 0; i < PLAN_MAX_TARGETS + 3; i++)
        b[i] = binding("sip:a@h", (uint16_t)(1000 - i), 1);
    f.bindings = b;
    f.n_bindings = PLAN_MAX_TARGETS + 3;
    plan_route(&f, &p);
    assert_int_equal(p.n_targets, PLAN_MAX_TARGETS);
    assert_int_equal(p.n_groups, PLAN_MAX_TARGETS);
    assert_int_equal(p.reason.n_bindings, PLAN_MAX_TARGETS + 3);
}

static void ages_are_said_in_fitting_units(void **state)
{
    static const struct {
        int64_t     age_ms;
        const char *text;
    } ages[] = {{-5000, "0 s"}, {119999, "119 s"}, {120000, "2 min"}, {7200000, "2 h"}, {172800000, "2 days"}};

    (void)state;
    for (size_t i = 0; i < sizeof ages / sizeof *ages; i++) {
        struct plan_binding b = binding("sip:a@h", 1000, ages[i].age_ms);
        struct plan_facts   f = facts_for("1003");
        struct plan         p;
        char                want[120];

        f.bindings = &b;
        f.n_bindings = 1;
        plan_route(&f, &p);
        snprintf(want, sizeof want, "1003 has one binding, registered %s ago from 127.0.0.4:5060", ages[i].text);
        assert_sentence(&p, want);
    }
}

/* ---- what users have set ---- */

static const struct plan_binding one_phone = {.contact = {"sip:1003@127.0.0.4", 18}, .q = 1000, .registered_ms = NOW};

struct setting_row {
    const char      *what;
    enum plan_cause  set;      /* which forward is set; PLAN_CAUSE_N: none */
    bool             dnd, registered;
    enum plan_when   when;
    unsigned         n_forwards;
    const char      *trail;    /* one number that has forwarded it; NULL: none */
    enum plan_act    act;
    uint16_t         code;
    enum plan_cause  cause;
    const char      *sentence;
};

#define ALWAYS PLAN_CAUSE_ALWAYS
#define BUSY PLAN_CAUSE_BUSY
#define SILENT PLAN_CAUSE_NO_ANSWER
#define AWAY PLAN_CAUSE_UNREGISTERED
#define NONE PLAN_CAUSE_N
#define NEW PLAN_WHEN_NEW

static const struct setting_row settings[] = {
    {"always", ALWAYS, false, true, NEW, 0, NULL, PLAN_FORWARD, 0, ALWAYS, "1003 forwards every call to 1004"},
    {"always, without a phone", ALWAYS, false, false, NEW, 0, NULL, PLAN_FORWARD, 0, ALWAYS, "1003 forwards every call to 1004"},
    {"busy, but new", BUSY, false, true, NEW, 0, NULL, PLAN_FORK, 0, NONE, NULL},
    {"busy", BUSY, false, true, PLAN_WHEN_BUSY, 0, NULL, PLAN_FORWARD, 0, BUSY, "1003 is busy, and forwards then to 1004"},
    {"busy, but silent", BUSY, false, true, PLAN_WHEN_NO_ANSWER, 0, NULL, PLAN_PASS, 408, NONE, NULL},
    {"busy, nothing set", NONE, false, true, PLAN_WHEN_BUSY, 0, NULL, PLAN_PASS, 408, NONE,
     "what the phones of 1003 said is what the caller is told"},
    {"silent", SILENT, false, true, PLAN_WHEN_NO_ANSWER, 0, NULL, PLAN_FORWARD, 0, SILENT,
     "1003 has not answered, and forwards after 25 s to 1004"},
    {"unreachable", AWAY, false, true, PLAN_WHEN_UNREACHABLE, 0, NULL, PLAN_FORWARD, 0, AWAY,
     "1003 cannot be reached at any phone, and forwards then to 1004"},
    {"unreachable, when silent is set", SILENT, false, true, PLAN_WHEN_UNREACHABLE, 0, NULL, PLAN_FORWARD, 0, SILENT, NULL},
    {"no phone", AWAY, false, false, NEW, 0, NULL, PLAN_FORWARD, 0, AWAY, NULL},
    {"no phone, when silent is set", SILENT, false, false, NEW, 0, NULL, PLAN_REPLY, 480, NONE, NULL},
    {"challenged", BUSY, false, true, PLAN_WHEN_ANSWERED, 0, NULL, PLAN_PASS, 408, NONE, NULL},
    {"not disturbed", NONE, true, true, NEW, 0, NULL, PLAN_REPLY, 480, NONE, "1003 does not want to be disturbed"},
    {"not disturbed, busy set", BUSY, true, true, NEW, 0, NULL, PLAN_FORWARD, 0, PLAN_CAUSE_DND,
     "1003 does not want to be disturbed, and forwards then to 1004"},
    {"not disturbed, always set", ALWAYS, true, true, NEW, 0, NULL, PLAN_FORWARD, 0, ALWAYS, NULL},
    {"a circle of two", ALWAYS, false, true, NEW, 1, "1004", PLAN_REPLY, 482, ALWAYS,
     "1003 forwards every call to 1004; but this call has been that way before and would go in a circle"},
    {"a circle that is told from outside", BUSY, false, true, PLAN_WHEN_BUSY, 1, "1003", PLAN_REPLY, 482, BUSY, NULL},
    {"one forward fewer than allowed", ALWAYS, false, true, NEW, PLAN_MAX_FORWARDS - 1, "1009", PLAN_FORWARD, 0, ALWAYS, NULL},
    {"as many as allowed", ALWAYS, false, true, NEW, PLAN_MAX_FORWARDS, "1009", PLAN_REPLY, 482, ALWAYS,
     "1003 forwards every call to 1004; but a call is not forwarded more than 5 times"},
    {"as many as allowed, but it rings", BUSY, false, true, NEW, PLAN_MAX_FORWARDS, "1009", PLAN_FORK, 0, NONE, NULL},
};

static struct plan_facts facts_of(const struct setting_row *r, struct slice *trail)
{
    struct plan_facts f = facts_for("1003");

    if (r->set != NONE)
        f.callee.forward[r->set] = S("1004");
    f.callee.noanswer_ms = 25000;
    f.callee.dnd = r->dnd;
    f.bindings = &one_phone;
    f.n_bindings = r->registered;
    f.request.when = r->when;
    f.request.code = 408;
    f.request.n_forwards = r->n_forwards;
    if (r->trail) {
        *trail = slice_z(r->trail);
        f.request.trail = trail;
        f.request.n_trail = 1;
    }
    return f;
}

static void settings_forward_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const struct setting_row *r = &settings[i];
        struct slice              trail;
        struct plan_facts         f = facts_of(r, &trail);
        struct plan               p;

        plan_route(&f, &p);
        if (p.act != r->act || p.code != r->code)
            fail_msg("%s: act %d code %d", r->what, (int)p.act, p.code);
        if (r->cause != NONE && p.reason.cause != r->cause)
            fail_msg("%s: cause %d", r->what, (int)p.reason.cause);
        if (p.act == PLAN_FORWARD)
            assert_true(slice_eq(p.forward, S("1004")) && p.cause == r->cause);
        if (r->sentence)
            assert_sentence(&p, r->sentence);
        /* only a call is forwarded: a MESSAGE is for whom it names */
        f.request.method = S("MESSAGE");
        plan_route(&f, &p);
        assert_true(p.act != PLAN_FORWARD && p.reason.rule != PLAN_RULE_DND);
    }
}

static void ringing_ends_where_no_answer_is_forwarded(void **state)
{
    struct plan_facts f = facts_for("1003");
    struct plan       p;

    (void)state;
    f.bindings = &one_phone;
    f.n_bindings = 1;
    plan_route(&f, &p);
    assert_int_equal(p.ring_ms, 0);
    f.callee.forward[SILENT] = S("1004");
    plan_route(&f, &p);
    assert_int_equal(p.ring_ms, PLAN_RING_MS);
    f.callee.noanswer_ms = 7000;
    plan_route(&f, &p);
    assert_int_equal(p.ring_ms, 7000);
}

static void ends_are_told_apart(void **state)
{
    static const struct {
        uint16_t       code;
        bool           rang;
        enum plan_when when;
    } ends[] = {
        {486, true, PLAN_WHEN_BUSY},        {600, false, PLAN_WHEN_BUSY},        {603, true, PLAN_WHEN_BUSY},
        {480, false, PLAN_WHEN_NO_ANSWER},  {404, false, PLAN_WHEN_NO_ANSWER},   {487, true, PLAN_WHEN_NO_ANSWER},
        {408, true, PLAN_WHEN_NO_ANSWER},   {408, false, PLAN_WHEN_UNREACHABLE}, {430, false, PLAN_WHEN_UNREACHABLE},
        {503, false, PLAN_WHEN_UNREACHABLE}, {407, false, PLAN_WHEN_ANSWERED},   {488, true, PLAN_WHEN_ANSWERED},
        {302, true, PLAN_WHEN_ANSWERED},    {433, false, PLAN_WHEN_ANSWERED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        assert_int_equal(plan_when_of(ends[i].code, ends[i].rang), ends[i].when);
}

/* RFC 4458 §2 and RFC 5806 §4: every cause has its code and its word. */
static void causes_have_words(void **state)
{
    (void)state;
    for (enum plan_cause c = PLAN_CAUSE_ALWAYS; c < PLAN_CAUSE_N; c++) {
        assert_true(plan_cause_code(c) >= 300);
        assert_string_not_equal(plan_cause_diversion(c), "unknown");
    }
    assert_int_equal(plan_cause_code(BUSY), 486);
    assert_int_equal(plan_cause_code(SILENT), 408);
    assert_string_equal(plan_cause_diversion(SILENT), "no-answer");
}

static void who_is_refused_before_it_rings(void **state)
{
    struct plan_facts f = facts_for("1003");
    struct plan       p;

    (void)state;
    f.bindings = &one_phone;
    f.n_bindings = 1;
    f.request.barred = S("0900*,1003");
    plan_route(&f, &p);
    assert_true(p.act == PLAN_REPLY && p.code == 403);
    assert_sentence(&p, "who calls is barred from calling 1003");
    f.request.barred = S("0900*,10030,100");
    plan_route(&f, &p);
    assert_int_equal(p.act, PLAN_FORK);
    f.request.barred = S("*");
    plan_route(&f, &p);
    assert_int_equal(p.code, 403);
    f.request.barred = SLICE_NONE;
    f.callee.rejects_anonymous = true;
    plan_route(&f, &p);
    assert_int_equal(p.act, PLAN_FORK);
    f.request.anonymous = true;
    f.callee.forward[ALWAYS] = S("1004");
    plan_route(&f, &p);
    assert_true(p.act == PLAN_REPLY && p.code == 433);
    assert_sentence(&p, "1003 takes no calls from people who do not say who they are");
    f.request.anonymous = false;
    f.request.intercom = true; /* it is for 1003 and for nobody else */
    plan_route(&f, &p);
    assert_int_equal(p.act, PLAN_FORK);
    f.request.when = PLAN_WHEN_BUSY;
    f.callee.forward[BUSY] = S("1004");
    plan_route(&f, &p);
    assert_int_equal(p.act, PLAN_PASS);
}

/* A call that takes another one's place goes to the one phone that has that, whatever anybody has set. */
static void a_call_takes_the_place_of_another(void **state)
{
    struct plan_binding b = one_phone;
    struct plan_facts   f = facts_for("1003");
    struct plan         p;

    (void)state;
    b.aor = S("1001");
    f.bindings = &b;
    f.n_bindings = 1;
    f.request.pickup = true;
    f.callee.dnd = true;
    f.callee.forward[ALWAYS] = f.callee.forward[BUSY] = S("1004");
    plan_route(&f, &p);
    assert_true(p.act == PLAN_FORK && p.n_targets == 1);
    assert_sentence(&p, "the call of 1001 that rings at 1003 is picked up: who called is asked to take this one in its place");
    f.n_bindings = 0;
    plan_route(&f, &p);
    assert_true(p.act == PLAN_REPLY && p.code == 480);
    assert_sentence(&p, "nothing rings at 1003 that could be picked up");
    f.n_bindings = 1;
    f.request.when = PLAN_WHEN_BUSY;
    plan_route(&f, &p);
    assert_int_equal(p.act, PLAN_PASS);
    f.request.when = NEW;
    f.request.out_of_hops = true;
    plan_route(&f, &p);
    assert_int_equal(p.code, 483);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_as_the_table_says),
        cmocka_unit_test(first_refusal_wins_in_the_order_of_rfc3261_16_3),
        cmocka_unit_test(one_binding_is_one_target),
        cmocka_unit_test(equal_q_is_tried_at_once_lower_q_later),
        cmocka_unit_test(breadth_cuts_a_group_rfc5393),
        cmocka_unit_test(second_flow_of_a_phone_is_a_spare_rfc5626),
        cmocka_unit_test(more_bindings_than_targets_are_left_out),
        cmocka_unit_test(settings_forward_as_the_table_says),
        cmocka_unit_test(ringing_ends_where_no_answer_is_forwarded),
        cmocka_unit_test(ends_are_told_apart),
        cmocka_unit_test(causes_have_words),
        cmocka_unit_test(who_is_refused_before_it_rings),
        cmocka_unit_test(a_call_takes_the_place_of_another),
        cmocka_unit_test(ages_are_said_in_fitting_units),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
