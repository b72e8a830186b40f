/* group_test.c - ring groups: who rings, in which order, for how long, and what comes after. */
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
        .request = {.method = S("INVITE"), .uri = S("sip:600@example.com"), .scheme = URI_SIP, .number = slice_z(number),
                    .host = S("example.com"), .ours = true, .caller_ours = true, .caller = S("1009"), .now_ms = NOW},
        .callee = {.known = true, .number = slice_z(number)},
    };
}

static struct plan_binding binding(const char *contact, uint16_t q, int64_t age_ms)
{
    return (struct plan_binding){.contact = slice_z(contact), .q = q, .registered_ms = NOW - age_ms, .expires_ms = NOW + 60000};
}

static void assert_sentence(const struct plan *p, const char *want)
{
    char       text[PLAN_MAX_REASON];
    struct buf b = BUF_ON(text);

    plan_put_reason(&b, &p->reason);
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("\"%.*s\", wanted \"%s\"", SARG(buf_slice(&b)), want);
}

#define MEMBERS 4

/* 1001 has two phones, 1002 and 1003 one; 1004 has none. */
static struct plan_facts group_facts(enum plan_how how, struct plan_member members[MEMBERS])
{
    static struct plan_binding b[MEMBERS];
    struct plan_facts          f = facts_for("600");

    b[0] = binding("sip:1001@h1", 1000, 1);
    b[1] = binding("sip:1001@h2", 500, 1);
    b[2] = binding("sip:1002@h", 1000, 1);
    b[3] = binding("sip:1003@h", 300, 1);
    members[0] = (struct plan_member){.number = S("1001"), .bindings = &b[0], .n_bindings = 2, .idle_since_ms = 3000};
    members[1] = (struct plan_member){.number = S("1002"), .bindings = &b[2], .n_bindings = 1, .idle_since_ms = 1000};
    members[2] = (struct plan_member){.number = S("1003"), .bindings = &b[3], .n_bindings = 1, .idle_since_ms = 2000};
    members[3] = (struct plan_member){.number = S("1004")};
    f.callee.how = how;
    f.members = members;
    f.n_members = MEMBERS;
    return f;
}

/* "1001@h1 1001@h2 | 1002@h": targets as they are tried, groups divided. */
static void assert_order(const struct plan *p, const char *want)
{
    char       text[200];
    struct buf b = BUF_ON(text);

    for (size_t i = 0; i < p->n_targets; i++) {
        if (i)
            buf_put(&b, p->targets[i].group != p->targets[i - 1].group ? S(" | ") : S(" "));
        buf_put(&b, slice_from(p->targets[i].binding->contact, 4));
    }
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("%.*s, wanted %s", SARG(buf_slice(&b)), want);
}

static void all_of_a_group_ring_at_once(void **state)
{
    struct plan_member m[MEMBERS];
    struct plan_facts  f = group_facts(PLAN_HOW_ALL, m);
    struct plan        p;

    (void)state;
    plan_route(&f, &p);
    assert_int_equal(p.act, PLAN_FORK);
    assert_order(&p, "1001@h1 1001@h2 1002@h 1003@h");
    assert_true(p.each_alone);
    assert_int_equal(p.ring_ms, 0);
    assert_sentence(&p, "600 is a ring group of 4, rung all at once; 1 without a phone");
    f.callee.ring_ms = 15000;
    plan_route(&f, &p);
    assert_int_equal(p.ring_ms, 15000);
    f.callee.forward[PLAN_CAUSE_NO_ANSWER] = S("1009");
    f.callee.noanswer_ms = 10000;
    plan_route(&f, &p);
    assert_int_equal(p.ring_ms, 10000);
    f.request.has_breadth = true;
    f.request.breadth = 3;
    plan_route(&f, &p);
    assert_order(&p, "1001@h1 1001@h2 1002@h | 1003@h");
}

static void a_group_in_turn_and_by_idleness(void **state)
{
    struct plan_member m[MEMBERS];
    struct plan_facts  f = group_facts(PLAN_HOW_TURN, m);
    struct plan        p;

    (void)state;
    plan_route(&f, &p);
    assert_order(&p, "1001@h1 1001@h2 | 1002@h | 1003@h");
    assert_int_equal(p.group_ms, PLAN_GROUP_MS);
    assert_int_equal(p.ring_ms, 3 * PLAN_GROUP_MS);
    f.callee.ring_ms = 7000;
    plan_route(&f, &p);
    assert_int_equal(p.group_ms, 7000);
    assert_int_equal(p.ring_ms, 21000);
    assert_sentence(&p, "600 is a ring group of 4, rung in turn; 1 without a phone");
    f = group_facts(PLAN_HOW_IDLE, m);
    plan_route(&f, &p);
    assert_order(&p, "1002@h | 1003@h | 1001@h1 1001@h2");
    m[1].talking = true; /* who talks comes last */
    m[2].idle_since_ms = 0; /* who has had no call first */
    plan_route(&f, &p);
    assert_order(&p, "1003@h | 1001@h1 1001@h2 | 1002@h");
    m[0].idle_since_ms = 0; /* equals as they are listed */
    plan_route(&f, &p);
    assert_order(&p, "1001@h1 1001@h2 | 1003@h | 1002@h");
    assert_sentence(&p, "600 is a ring group of 4, rung one after the other, who has been idle for longest first; 1 without a phone");
}

static void who_is_not_to_be_disturbed_is_left_out_of_a_group(void **state)
{
    struct plan_member m[MEMBERS];
    struct plan_facts  f = group_facts(PLAN_HOW_ALL, m);
    struct plan        p;

    (void)state;
    m[0].dnd = m[2].dnd = true;
    plan_route(&f, &p);
    assert_order(&p, "1002@h");
    assert_sentence(&p, "600 is a ring group of 4, rung all at once; 2 not to be disturbed; 1 without a phone");
    m[1].dnd = true;
    plan_route(&f, &p);
    assert_int_equal(p.code, 480);
    assert_string_equal(plan_rule_text(p.reason.rule), "group-empty");
    assert_sentence(&p, "600 is a ring group of 4, and none of them can be rung; 3 not to be disturbed; 1 without a phone");
    f.callee.forward[PLAN_CAUSE_NO_ANSWER] = S("1009"); /* nobody will answer */
    plan_route(&f, &p);
    assert_int_equal(p.act, PLAN_FORWARD);
    f.callee.forward[PLAN_CAUSE_UNREGISTERED] = S("1008");
    plan_route(&f, &p);
    assert_true(slice_eq(p.forward, S("1008")));
}

/* All have refused: who has set only forward.noanswer for the group means that too. */
static void the_end_of_a_group_is_forwarded(void **state)
{
    struct plan_member m[MEMBERS];
    struct plan_facts  f = group_facts(PLAN_HOW_ALL, m);
    struct plan        p;

    (void)state;
    f.callee.forward[PLAN_CAUSE_NO_ANSWER] = S("1009");
    f.request.when = PLAN_WHEN_BUSY;
    plan_route(&f, &p);
    assert_true(p.act == PLAN_FORWARD && p.cause == PLAN_CAUSE_NO_ANSWER);
    f.callee.forward[PLAN_CAUSE_BUSY] = S("1008");
    plan_route(&f, &p);
    assert_true(p.act == PLAN_FORWARD && p.cause == PLAN_CAUSE_BUSY);
    f.callee.forward[PLAN_CAUSE_ALWAYS] = S("1007");
    f.request.when = PLAN_WHEN_NEW;
    plan_route(&f, &p);
    assert_true(p.act == PLAN_FORWARD && p.cause == PLAN_CAUSE_ALWAYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_a_group_ring_at_once),
        cmocka_unit_test(a_group_in_turn_and_by_idleness),
        cmocka_unit_test(who_is_not_to_be_disturbed_is_left_out_of_a_group),
        cmocka_unit_test(the_end_of_a_group_is_forwarded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
