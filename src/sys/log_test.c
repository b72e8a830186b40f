/* log_test.c - lines as STYLE has them: escaped, cut, and made only where they are wanted. */
#include "sys/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char   last[LOG_MAX_LINE + 1];
static size_t lines;

static void keep(void *ctx, struct slice line)
{
    assert_ptr_equal(ctx, last);
    assert_true(line.n <= LOG_MAX_LINE);
    assert_int_equal(line.p[line.n - 1], '\n');
    memcpy(last, line.p, line.n);
    last[line.n] = '\0';
    lines++;
}

static uint64_t fixed_now(void *ctx)
{
    return *(uint64_t *)ctx;
}

static uint64_t now_us = 1730412345;

static struct log to_test(enum log_level level)
{
    struct log l;

    log_to(&l, keep, last, level);
    l.now_us = fixed_now;
    l.clock_ctx = &now_us;
    lines = 0;
    return l;
}

static void a_line_is_key_value(void **state)
{
    struct log      log = to_test(LOG_INFO);
    struct log_line l;
    struct addr     a = {ADDR_IP4, 5060, 0, {192, 0, 2, 1}};

    (void)state;
    log_begin(&l, &log, LOG_INFO, "tsx.state", S("a84b4c76e66710"));
    log_text(&l, "branch", S("z9hG4bK776asdhds"));
    log_number(&l, "code", 200);
    log_addr(&l, "from", &a);
    log_err(&l, "why", ERR_TIMEOUT);
    log_end(&l);
    assert_string_equal(last, "t=1730.412 lvl=info ev=tsx.state call=a84b4c76e66710 branch=z9hG4bK776asdhds code=200 "
                              "from=192.0.2.1:5060 why=\"timed out\"\n");
    log_begin(&l, &log, LOG_ERROR, "start", SLICE_NONE); /* of no call */
    log_end(&l);
    assert_string_equal(last, "t=1730.412 lvl=error ev=start\n");
    assert_int_equal(lines, 2);
}

static void wire_text_cannot_break_out(void **state)
{
    struct log      log = to_test(LOG_DEBUG);
    struct log_line l;

    (void)state;
    log_begin(&l, &log, LOG_DEBUG, "x", S("evil\r\nt=0 lvl=info"));
    log_text(&l, "a", S("say \"hi\"\\"));
    log_text(&l, "b", SLICE_NONE);
    log_text(&l, "c", S("k=v"));
    log_text(&l, "d", S("\0\xff"));
    log_end(&l);
    assert_string_equal(last, "t=1730.412 lvl=debug ev=x call=\"evil\\x0d\\x0at=0 lvl=info\" a=\"say \\x22hi\\x22\\x5c\" "
                              "b=\"\" c=\"k=v\" d=\\x00\\xff\n");
}

static void only_what_is_wanted(void **state)
{
    struct log      log = to_test(LOG_WARN);
    struct log_line l;

    (void)state;
    log_begin(&l, &log, LOG_INFO, "x", S("c"));
    log_text(&l, "a", S("b"));
    log_number(&l, "n", 1);
    log_addr(&l, "r", &(struct addr){0});
    log_end(&l);
    log_begin(&l, NULL, LOG_ERROR, "x", S("c"));
    log_text(&l, "a", S("b"));
    log_end(&l);
    assert_int_equal(lines, 0);
    assert_true(log_wants(&log, LOG_WARN));
    assert_false(log_wants(&log, LOG_INFO));
    assert_false(log_wants(NULL, LOG_ERROR));
}

static void what_is_too_long_is_cut_and_says_so(void **state)
{
    static char     octets[LOG_MAX_VALUE + 1];
    struct log      log = to_test(LOG_INFO);
    struct log_line l;

    (void)state;
    memset(octets, 'a', sizeof octets);
    log_begin(&l, &log, LOG_INFO, "x", SLICE_NONE);
    log_text(&l, "a", (struct slice){octets, sizeof octets});
    log_end(&l);
    assert_int_equal(strlen(last), strlen("t=1730.412 lvl=info ev=x a=") + LOG_MAX_VALUE + strlen("...\n"));
    memset(octets, '\n', sizeof octets);
    log_begin(&l, &log, LOG_INFO, "x", SLICE_NONE);
    log_text(&l, "a", (struct slice){octets, LOG_MAX_VALUE}); /* four times as long when escaped: does not fit */
    log_number(&l, "code", 200);
    log_end(&l);
    assert_string_equal(last, "t=1730.412 lvl=info ev=x code=200 cut=1\n");
    log_begin(&l, &log, LOG_INFO, "x", SLICE_NONE);
    for (int i = 0; i < 1000; i++)
        log_number(&l, "k", 12345);
    log_end(&l);
    assert_true(strlen(last) > LOG_MAX_LINE - 20);
    assert_string_equal(last + strlen(last) - 7, " cut=1\n");
}

static void to_a_descriptor(void **state)
{
    struct log      log;
    struct log_line l;
    char            text[200] = {0};
    int             p[2];

    (void)state;
    assert_int_equal(pipe(p), 0);
    log_to_fd(&log, p[1], LOG_INFO);
    log_begin(&l, &log, LOG_WARN, "x.y", SLICE_NONE);
    log_number(&l, "n", 7);
    log_end(&l);
    assert_true(read(p[0], text, sizeof text - 1) > 0);
    assert_memory_equal(text, "t=", 2);
    assert_non_null(strstr(text, " lvl=warn ev=x.y n=7\n"));
    close(p[0]);
    close(p[1]);
}

static void levels_by_name(void **state)
{
    enum log_level l = LOG_ERROR;

    (void)state;
    assert_int_equal(log_level_find(S("Debug"), &l), ERR_OK);
    assert_int_equal(l, LOG_DEBUG);
    assert_int_equal(log_level_find(S("loud"), &l), ERR_NOTFOUND);
    assert_int_equal(log_level_find(S("error"), &l), ERR_OK);
    assert_int_equal(l, LOG_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_key_value), cmocka_unit_test(wire_text_cannot_break_out),
        cmocka_unit_test(only_what_is_wanted), cmocka_unit_test(what_is_too_long_is_cut_and_says_so),
        cmocka_unit_test(to_a_descriptor),     cmocka_unit_test(levels_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
