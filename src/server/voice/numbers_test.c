/* numbers_test.c - which numbers lead to which app. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/voice/voice_priv.h"

static struct voice v;

static bool leads(const char *number)
{
    return voice_app_of(&v, slice_z(number)).n != 0;
}

static enum err pattern(const char *assignment)
{
    return voice_numbers_set(&v.config.numbers, slice_z(assignment));
}

static void a_number_leads_there_alone(void **state)
{
    (void)state;
    voice_numbers_default(&v.config.numbers);
    assert_true(leads("*65"));
    assert_true(slice_eq(voice_app_of(&v, S("*65")), S("music")));
    assert_false(leads("*6"));
    assert_false(leads("*650"));
    assert_false(leads("1001"));
    assert_false(leads(""));
}

static void x_is_any_digit(void **state)
{
    (void)state;
    assert_int_equal(pattern("music=8xx"), ERR_OK);
    assert_true(leads("800") && leads("899"));
    assert_false(leads("700") || leads("8") || leads("8000") || leads("8*0") || leads("8xx"));
}

static void a_range_has_both_its_ends(void **state)
{
    (void)state;
    assert_int_equal(pattern("music = 701-709"), ERR_OK);
    assert_true(leads("701") && leads("705") && leads("709"));
    assert_false(leads("700") || leads("710") || leads("0705") || leads("7x5") || leads("701-709"));
}

static void assert_nth(const char *pattern, uint32_t i, const char *number)
{
    char       text[VOICE_MAX_NUMBER];
    struct buf b = BUF_ON(text);

    assert_int_equal(voice_number_nth(slice_z(pattern), i, &b), *number ? ERR_OK : ERR_NOTFOUND);
    assert_true(slice_eq(buf_slice(&b), slice_z(number)));
}

static void numbers_of_a_pattern_in_order(void **state)
{
    (void)state;
    assert_nth("701-709", 0, "701");
    assert_nth("701-709", 8, "709");
    assert_nth("701-709", 9, "");
    assert_nth("007-012", 4, "011");
    assert_nth("8xx", 0, "800");
    assert_nth("8xx", 42, "842");
    assert_nth("8xx", 99, "899");
    assert_nth("8xx", 100, "");
    assert_nth("x5x", 37, "357");
    assert_nth("*65", 0, "*65");
    assert_nth("*65", 1, "");
    assert_nth("", 0, "");
}

static void what_is_no_pattern_changes_nothing(void **state)
{
    static const char *const bad[] = {"music=709-701", "music=7-70", "music=-", "music=a", "music=8 0", "music", "=8", "music=+1"};

    (void)state;
    assert_int_equal(pattern("music=5"), ERR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_not_equal(pattern(bad[i]), ERR_OK);
    assert_int_equal(pattern("musik=5"), ERR_NOTFOUND);
    assert_int_equal(pattern("music=123456789012345678901234567890123"), ERR_LIMIT);
    assert_true(leads("5"));
    assert_int_equal(pattern("music="), ERR_OK);
    assert_false(leads("5") || leads(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_leads_there_alone),
        cmocka_unit_test(x_is_any_digit),
        cmocka_unit_test(a_range_has_both_its_ends),
        cmocka_unit_test(numbers_of_a_pattern_in_order),
        cmocka_unit_test(what_is_no_pattern_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
