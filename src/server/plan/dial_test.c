/* dial_test.c - dial rules and trunks as tables. */
#include "server/plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- rules ---- */

static const struct {
    const char *rules, *number, *out; /* out NULL: nothing fits */
} fits[] = {
    {"0049301234", "0049301234", "0049301234"},
    {"0049301234", "00493012345", NULL},
    {"0049301234", "004930123", NULL},
    {"0*", "0", "0"},
    {"0*", "030", "030"},
    {"0*", "1", NULL},
    {"*", "whatever", "whatever"},
    {"xxxx", "1001", "1001"},
    {"xxxx", "100a", NULL},
    {"xxxx", "10011", NULL},
    {"[1-46]xx", "312", "312"},
    {"[1-46]xx", "612", "612"},
    {"[1-46]xx", "512", NULL},
    {"[5]*", "5", "5"},
    {"0/1/", "0", ""},
    {"0*/1/", "0301234", "301234"},
    {"0*/1", "0301234", "301234"},
    {"0[1-9]*/1/+49", "0301234", "+49301234"},
    {"00*/2/+", "0049301234", "+49301234"},
    {"1xxx/0/+4930555", "1001", "+49305551001"},
    {"+4930555xxxx/8/", "+49305551001", "1001"},
    {"+493055599=1000", "+493055599", "1000"},
    {"*=reception", "+4930", "reception"},
    {"**1", "*12", NULL},   /* a * that is not at the end is the key of that name */
    {"**1", "**1", "**1"},
    {"*72*/3/", "*720301", "0301"},
    {"0x*", "0", NULL},     /* something must follow */
    /* the one that says the most, wherever it stands */
    {"0*/1/a,00*/2/b", "0049", "b49"},
    {"00*/2/b,0*/1/a", "0049", "b49"},
    {"0x/0/a,01/0/b", "01", "b01"},
    {"01*/0/a,01/0/b", "01", "b01"},
    {"0*/0/a,0*/0/b", "01", "a01"},
    {"1*,2*", "3", NULL},
    {"alice=bob", "alice", "bob"},
    {"alice=bob", "alicia", NULL},
};

static void a_rule_says_what_becomes_of_a_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
        char             text[200];
        struct buf       b = BUF_ON(text);
        struct plan_dial d;
        struct slice     at;
        bool             fit = plan_dial_find(slice_z(fits[i].rules), slice_z(fits[i].number), &d);

        assert_int_equal(plan_dial_check(slice_z(fits[i].rules), &at), ERR_OK);
        if (fit)
            plan_dial_put(&b, &d, slice_z(fits[i].number));
        if (fit != (fits[i].out != NULL) || (fit && !slice_eq(buf_slice(&b), slice_z(fits[i].out))))
            fail_msg("%s of %s: %.*s", fits[i].rules, fits[i].number, fit ? (int)b.n : 7, fit ? b.p : "nothing");
    }
}

static void what_is_no_rule_is_said(void **state)
{
    static const char *const bad[] = {"",      "a b",   "0*,",   "0*/",   "0*/x/",  "0*/1/a b", "0*=",  "[",     "[]",
                                      "[a]",   "[9-1]", "[1-]",  "0!1",   "0*/65/", "0*=1=2", "(0)",      "0,,1", "x{3}",  "0*/-1/"};
    char                     longest[PLAN_MAX_DIALLED + 2];
    struct slice             at;
    struct plan_dial         d;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (plan_dial_check(slice_z(bad[i]), &at) == ERR_OK)
            fail_msg("\"%s\" is no rule", bad[i]);
    assert_int_equal(plan_dial_check(S("1,2!,3"), &at), ERR_SYNTAX);
    assert_true(slice_eq(at, S("2!")));
    memset(longest, 'x', sizeof longest);
    assert_int_equal(plan_dial_check((struct slice){longest, PLAN_MAX_DIALLED}, &at), ERR_OK);
    assert_int_equal(plan_dial_check((struct slice){longest, PLAN_MAX_DIALLED + 1}, &at), ERR_LIMIT);
    memset(longest, '1', sizeof longest);
    assert_true(plan_dial_find(S("*"), (struct slice){longest, PLAN_MAX_DIALLED}, &d));
    assert_false(plan_dial_find(S("*"), (struct slice){longest, PLAN_MAX_DIALLED + 1}, &d));
    assert_false(plan_dial_find(SLICE_NONE, S("1"), &d));
}

static void emergency_numbers_are_whole_numbers(void **state)
{
    (void)state;
    assert_true(plan_is_emergency(S("112,911"), S("112")) && plan_is_emergency(S("112,911"), S("911")));
    assert_false(plan_is_emergency(S("112,911"), S("11")) || plan_is_emergency(S("112,911"), S("1121")) ||
                 plan_is_emergency(S("112,911"), SLICE_NONE) || plan_is_emergency(SLICE_NONE, S("112")));
}

static void help_without_a_number_rfc5031(void **state)
{
    (void)state;
    assert_true(plan_is_sos(S("urn:service:sos")) && plan_is_sos(S("URN:service:sos.fire")));
    assert_false(plan_is_sos(S("urn:service:sosx")) || plan_is_sos(S("urn:service:counseling")) || plan_is_sos(S("sip:sos@example.com")));
}

/* ---- trunks ---- */

static struct plan_trunk berlin, paris, rome;

static struct plan_trunk trunk(const char *name, const char *dial)
{
    return (struct plan_trunk){.name = slice_z(name), .dial = slice_z(dial), .preference = 10};
}

static void reset(void)
{
    berlin = trunk("berlin", "0*/1/");
    paris = trunk("paris", "0033*/2/+");
    rome = trunk("rome", "0*/1/");
}

static struct plan_facts facts_for(const char *number, struct plan_trunk room[3])
{
    room[0] = berlin;
    room[1] = paris;
    room[2] = rome;
    return (struct plan_facts){
        .request = {.method = S("INVITE"), .uri = S("sip:x@example.com"), .scheme = URI_SIP, .number = slice_z(number),
                    .host = S("example.com"), .ours = true, .caller_ours = true, .caller = S("1001")},
        .callee = {.number = slice_z(number)},
        .trunks = room,
        .n_trunks = 3,
    };
}

/* "berlin 49301 rome 49301", or "403 no-transit" */
static void assert_plan(const struct plan_facts *f, const char *want)
{
    char        text[600];
    struct buf  b = BUF_ON(text);
    struct plan p;

    plan_route(f, &p);
    if (p.act == PLAN_TRUNK)
        for (size_t i = 0; i < p.n_ways; i++) {
            buf_puts(&b, i ? S(" ") : S(""), p.ways[i].trunk->name, S(" "));
            plan_dial_put(&b, &p.ways[i].dial, f->request.number);
        }
    else {
        buf_putu(&b, p.code);
        buf_puts(&b, S(" "), slice_z(plan_rule_text(p.reason.rule)));
        assert_int_equal(p.n_ways, 0);
    }
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("%.*s, wanted %s", SARG(buf_slice(&b)), want);
}

static void assert_sentence(const struct plan_facts *f, const char *want)
{
    char        text[PLAN_MAX_REASON];
    struct buf  b = BUF_ON(text);
    struct plan p;

    plan_route(f, &p);
    plan_put_reason(&b, &p.reason);
    assert_int_equal(buf_err(&b), ERR_OK);
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("\"%.*s\", wanted \"%s\"", SARG(buf_slice(&b)), want);
}

static void the_trunk_whose_rule_says_most_is_first_then_the_preferred_one(void **state)
{
    struct plan_trunk t[3];
    struct plan_facts f;

    (void)state;
    reset();
    f = facts_for("0301", t);
    assert_plan(&f, "berlin 301 rome 301");
    f = facts_for("00331", t);
    assert_plan(&f, "paris +331 berlin 0331 rome 0331");
    rome.preference = 1;
    f = facts_for("00331", t);
    assert_plan(&f, "paris +331 rome 0331 berlin 0331");
    rome.down = paris.down = true;
    f = facts_for("00331", t);
    assert_plan(&f, "berlin 0331 paris +331 rome 0331");
    berlin.down = true; /* none that answers: then they are tried all the same */
    f = facts_for("00331", t);
    assert_plan(&f, "paris +331 rome 0331 berlin 0331");
    f = facts_for("1", t);
    assert_plan(&f, "404 unknown-number");
}

/* RFC 7339: one that has asked to be spared a call is not tried, but for help. */
static void a_trunk_that_is_full_is_spared(void **state)
{
    struct plan_trunk t[3];
    struct plan_facts f;

    (void)state;
    reset();
    berlin.full = true;
    f = facts_for("0301", t);
    assert_plan(&f, "rome 301");
    rome.full = true;
    f = facts_for("0301", t);
    assert_plan(&f, "503 trunk-full");
    assert_sentence(&f, "0301 would go out by trunk rome, which has more to do than it can and has asked for fewer calls");
    f.request.trunk = S("rome");
    assert_plan(&f, "403 no-transit");
}

static void more_trunks_than_are_tried_leave_the_last_out(void **state)
{
    struct plan_trunk list[PLAN_MAX_WAYS + 3];
    struct plan_facts f = facts_for("01", list);
    struct plan       p;

    (void)state;
    for (size_t i = 0; i < PLAN_MAX_WAYS + 3; i++) {
        list[i] = trunk("t", "0*");
        list[i].preference = (uint16_t)(100 - i);
    }
    f.n_trunks = PLAN_MAX_WAYS + 3;
    plan_route(&f, &p);
    assert_int_equal(p.n_ways, PLAN_MAX_WAYS);
    for (size_t i = 0; i < PLAN_MAX_WAYS; i++)
        assert_int_equal(p.ways[i].trunk->preference, 100 - (PLAN_MAX_WAYS + 2) + i);
}

static void who_may_go_out(void **state)
{
    struct plan_trunk t[3];
    struct plan_facts f;

    (void)state;
    reset();
    f = facts_for("0301", t);
    f.request.barred = S("0*");
    assert_plan(&f, "403 barred");
    f = facts_for("0301", t);
    f.request.caller_ours = false; /* a stranger, who was let in for something else */
    assert_plan(&f, "404 unknown-number");
    f.request.trunk = S("rome"); /* toll fraud */
    assert_plan(&f, "403 no-transit");
    assert_sentence(&f, "the call comes from trunk rome and would go out through a trunk, which only a user here may send it to: 0301");
    f.request.forwarded = true; /* a user has sent it there */
    assert_plan(&f, "berlin 301 rome 301");
    f = facts_for("0301", t);
    f.request.method = S("SUBSCRIBE");
    assert_plan(&f, "404 unknown-number");
    f = facts_for("0301", t);
    f.callee.known = true; /* a user of that number goes before */
    assert_plan(&f, "480 not-registered");
    f.callee.anybody = true; /* that anybody may be any number is no user */
    assert_plan(&f, "berlin 301 rome 301");
    f = facts_for("0301", t);
    f.request.did_unknown = true;
    f.request.trunk = S("rome");
    assert_plan(&f, "404 did-unknown");
    assert_sentence(&f, "trunk rome calls 0301, which none of its rules in fits");
}

static void an_emergency_number_goes_out_whatever_else_holds(void **state)
{
    struct plan_trunk t[3];
    struct plan_facts f;

    (void)state;
    reset();
    paris.emergency = true;
    f = facts_for("112", t);
    assert_plan(&f, "404 unknown-number"); /* it is none unless the exchange says so */
    f.request.emergency = true;
    assert_plan(&f, "paris 112 berlin 112 rome 112");
    f.request.barred = S("*");
    f.request.caller_ours = false;
    f.callee.known = true;
    assert_plan(&f, "paris 112 berlin 112 rome 112");
    assert_sentence(&f, "112 is an emergency number, which nobody is refused: it goes out by trunk paris; 2 more trunks stand behind it");
    paris.down = true; /* it was marked for this: it is still the first */
    rome.emergency = true;
    rome.dial = S("*/0/0,112/0/1"); /* a rule for that very number counts, one for any number does not */
    f = facts_for("112", t);
    f.request.emergency = true;
    assert_plan(&f, "rome 1112 paris 112 berlin 112");
    f.request.trunk = S("rome"); /* who is elsewhere has emergency services of its own */
    assert_plan(&f, "403 no-transit");
    f.request.trunk = SLICE_NONE;
    f.n_trunks = 0;
    assert_plan(&f, "404 unknown-number");
}

static void the_reason_names_rule_trunk_and_number(void **state)
{
    struct plan_trunk t[3];
    struct plan_facts f;

    (void)state;
    reset();
    f = facts_for("00331", t);
    assert_sentence(&f, "00331 fits the dial rule 0033*, and goes out by trunk paris as +331; 2 more trunks stand behind it");
    rome.down = true;
    berlin.dial = S("0301");
    f = facts_for("0301", t);
    assert_sentence(&f, "0301 fits the dial rule 0301, and goes out by trunk berlin; 1 more trunk stands behind it; 1 of all did not "
                        "answer lately");
}

static void what_another_trunk_is_tried_for(void **state)
{
    (void)state;
    assert_true(plan_trunk_failed(503) && plan_trunk_failed(408) && plan_trunk_failed(430));
    assert_false(plan_trunk_failed(486) || plan_trunk_failed(404) || plan_trunk_failed(500) || plan_trunk_failed(603) || plan_trunk_failed(200));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_says_what_becomes_of_a_number),
        cmocka_unit_test(what_is_no_rule_is_said),
        cmocka_unit_test(help_without_a_number_rfc5031),
        cmocka_unit_test(emergency_numbers_are_whole_numbers),
        cmocka_unit_test(the_trunk_whose_rule_says_most_is_first_then_the_preferred_one),
        cmocka_unit_test(more_trunks_than_are_tried_leave_the_last_out),
        cmocka_unit_test(a_trunk_that_is_full_is_spared),
        cmocka_unit_test(who_may_go_out),
        cmocka_unit_test(an_emergency_number_goes_out_whatever_else_holds),
        cmocka_unit_test(the_reason_names_rule_trunk_and_number),
        cmocka_unit_test(what_another_trunk_is_tried_for),
    };
    return cmocka_run_group_tests_name("server/plan/dial", tests, NULL, NULL);
}
