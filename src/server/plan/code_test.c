/* code_test.c - what is dialled, and which code that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "server/plan/plan.h"

static void what_is_dialled_is_a_code_as_the_table_says(void **state)
{
    static const struct {
        const char    *dialled;
        enum plan_code code;
        const char    *rest;
    } rows[] = {
        {"1003", PLAN_CODE_NONE, "1003"},
        {"", PLAN_CODE_NONE, ""},
        {"*", PLAN_CODE_NONE, "*"},
        {"*721003", PLAN_CODE_FORWARD_ALWAYS, "1003"},
        {"*721003#", PLAN_CODE_FORWARD_ALWAYS, "1003"},
        {"*72", PLAN_CODE_NONE, "*72"},              /* to whom? */
        {"*73", PLAN_CODE_FORWARD_ALWAYS_OFF, ""},
        {"*731", PLAN_CODE_NONE, "*731"},
        {"*90sip", PLAN_CODE_FORWARD_BUSY, "sip"},
        {"*91", PLAN_CODE_FORWARD_BUSY_OFF, ""},
        {"*921003", PLAN_CODE_FORWARD_NOANSWER, "1003"},
        {"*93", PLAN_CODE_FORWARD_NOANSWER_OFF, ""},
        {"*78", PLAN_CODE_DND, ""},
        {"*79", PLAN_CODE_DND_OFF, ""},
        {"*77", PLAN_CODE_REJECT_ANONYMOUS, ""},
        {"*87", PLAN_CODE_REJECT_ANONYMOUS_OFF, ""},
        {"*8", PLAN_CODE_PICKUP, ""},
        {"*81003", PLAN_CODE_PICKUP, "1003"},
        {"*871003", PLAN_CODE_PICKUP, "71003"},      /* *87 has no number behind it */
        {"*80", PLAN_CODE_PICKUP, "0"},              /* *80 has */
        {"*801003", PLAN_CODE_INTERCOM, "1003"},     /* the longest */
        {"*671003", PLAN_CODE_ANONYMOUS, "1003"},
        {"*67#", PLAN_CODE_ANONYMOUS, "#"},
    };
    struct plan_codes c;

    (void)state;
    plan_codes_default(&c);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice rest;

        if (plan_code_find(&c, slice_z(rows[i].dialled), &rest) != rows[i].code || !slice_eq(rest, slice_z(rows[i].rest)))
            fail_msg("%s: %d, %.*s", rows[i].dialled, (int)plan_code_find(&c, slice_z(rows[i].dialled), &rest), SARG(rest));
    }
}

static void codes_can_be_others(void **state)
{
    struct plan_codes c;
    struct slice      rest;

    (void)state;
    plan_codes_default(&c);
    assert_int_equal(plan_codes_set(&c, S("pickup = #1*")), ERR_OK);
    assert_int_equal(plan_code_find(&c, S("#1*1003"), &rest), PLAN_CODE_PICKUP);
    assert_int_equal(plan_code_find(&c, S("*81003"), &rest), PLAN_CODE_NONE);
    assert_int_equal(plan_codes_set(&c, S("dnd=")), ERR_OK);
    assert_int_equal(plan_code_find(&c, S("*78"), &rest), PLAN_CODE_NONE);
    assert_int_equal(plan_codes_set(&c, S("intercom=*67")), ERR_EXISTS);
    assert_int_equal(plan_codes_set(&c, S("intercom=*80")), ERR_OK); /* its own */
    assert_int_equal(plan_codes_set(&c, S("none=*1")), ERR_NOTFOUND);
    assert_int_equal(plan_codes_set(&c, S("park=*1")), ERR_NOTFOUND);
    assert_int_equal(plan_codes_set(&c, S("pickup=*x")), ERR_SYNTAX);
    assert_int_equal(plan_codes_set(&c, S("pickup")), ERR_SYNTAX);
    assert_int_equal(plan_codes_set(&c, S("pickup=123456789")), ERR_LIMIT);
}

static void codes_change_settings(void **state)
{
    static const struct {
        enum plan_code code;
        const char    *key, *value;
    } rows[] = {{PLAN_CODE_FORWARD_ALWAYS, "forward.always", "1003"}, {PLAN_CODE_FORWARD_ALWAYS_OFF, "forward.always", ""},
                {PLAN_CODE_FORWARD_NOANSWER, "forward.noanswer", "1003"}, {PLAN_CODE_DND, "dnd", "on"},
                {PLAN_CODE_DND_OFF, "dnd", ""}, {PLAN_CODE_REJECT_ANONYMOUS, "anonymous.reject", "on"}};
    struct slice key, value;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(plan_code_setting(rows[i].code, S("1003"), &key, &value));
        assert_true(slice_eq(key, slice_z(rows[i].key)) && slice_eq(value, slice_z(rows[i].value)));
    }
    assert_false(plan_code_setting(PLAN_CODE_PICKUP, S("1003"), &key, &value));
    assert_false(plan_code_setting(PLAN_CODE_NONE, S("1003"), &key, &value));
    for (enum plan_code i = 0; i < PLAN_CODE_N; i++)
        assert_true(strlen(plan_code_name(i)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_dialled_is_a_code_as_the_table_says),
        cmocka_unit_test(codes_can_be_others),
        cmocka_unit_test(codes_change_settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
