/* flow_file_test.c - flows from JSON: both shapes, what is wrong with a file, and outside flows where there are any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/flow/flow_priv.h"
#include "sys/files.h"
#include "sys/heap.h"

struct bench {
    struct mem        heap;
    struct arena      a;
    struct trace_flow f;
    struct slice      why;
};

static void begin(struct bench *b)
{
    memset(b, 0, sizeof *b);
    heap_mem(&b->heap);
    arena_init(&b->a, &b->heap, 1 << 16, 0);
}

static void the_guides_shape(void **state)
{
    static const char json[] =
        "{\"id\":\"x\",\"parties\":[\"A\",\"P\",\"B\"],\"steps\":["
        "{\"f\":\"F1\",\"message\":\"INVITE\",\"from\":\"A\",\"to\":\"P\",\"call\":\"1\"},"
        "{\"f\":\"F2\",\"message\":\"INVITE\",\"from\":\"P\",\"to\":\"B\",\"call\":\"1\"},"
        "{\"f\":\"F3\",\"message\":\"100\",\"from\":\"B\",\"to\":\"P\",\"call\":1},"
        "{\"f\":\"F4\",\"message\":\"202\",\"of\":\"REFER\",\"from\":\"P\",\"to\":\"A\",\"call\":2,\"local\":true},"
        "{\"f\":\"F5\",\"message\":\"INVITE\",\"from\":\"A\",\"to\":\"P\",\"call\":\"1\",\"reinvite\":true}]}";
    struct bench b;

    (void)state;
    begin(&b);
    assert_int_equal(flow_file_parse(&b.a, slice_z(json), &b.f, &b.why), ERR_OK);
    assert_int_equal(b.f.n_steps, 5);
    assert_true(b.f.exchange[1]);
    assert_false(b.f.exchange[0]);
    assert_true(slice_eq(b.f.steps[2].of, S("INVITE")));
    assert_true(b.f.steps[2].optional); /* a phone need not send a 100 */
    assert_true(b.f.steps[3].local);
    assert_int_equal(b.f.steps[3].call, 2);
    assert_true(b.f.steps[4].reinvite);
    arena_close(&b.a);
}

static void the_other_shape(void **state)
{
    static const char json[] =
        "{\"id\":\"y\",\"parties\":[\"Alice\",\"Proxy 1\",\"Bob\"],\"steps\":["
        "{\"n\":1,\"method_or_status\":\"INVITE\",\"from\":\"Alice\",\"to\":\"Proxy 1\",\"note\":\"no answer\"},"
        "{\"n\":2,\"method_or_status\":\"INVITE\",\"from\":\"Alice\",\"to\":\"Proxy 1\",\"note\":\"copy of 1, resent\"},"
        "{\"n\":3,\"method_or_status\":\"CRLFCRLF\",\"from\":\"Alice\",\"to\":\"Proxy 1\"},"
        "{\"n\":4,\"method_or_status\":\"CANCEL\",\"from\":\"Alice\",\"to\":\"Proxy 1\"},"
        "{\"n\":5,\"method_or_status\":\"200\",\"from\":\"Proxy 1\",\"to\":\"Alice\",\"note\":\"to the CANCEL\"}]}";
    struct bench b;

    (void)state;
    begin(&b);
    assert_int_equal(flow_file_parse(&b.a, slice_z(json), &b.f, &b.why), ERR_OK);
    assert_int_equal(b.f.n_steps, 4); /* what is no SIP is left out */
    assert_true(slice_eq(b.f.steps[3].f, S("F5")));
    assert_true(b.f.steps[0].unanswered);
    assert_true(b.f.steps[1].optional);
    assert_true(slice_eq(b.f.steps[3].of, S("CANCEL")));
    assert_true(b.f.exchange[1]);
    arena_close(&b.a);
}

static void a_wrong_file_is_told_what_is_wrong(void **state)
{
    static const struct {
        const char *json, *why;
    } cases[] = {
        {"", "line 1"},
        {"[", "line 1"},
        {"{}", "parties"},
        {"{\"parties\":[]}", "parties"},
        {"{\"parties\":[1]}", "names"},
        {"{\"parties\":[\"A\",\"B\",\"C\",\"D\",\"E\",\"F\",\"G\",\"H\",\"I\"]}", "8 parties"},
        {"{\"parties\":[\"A\"]}", "steps"},
        {"{\"parties\":[\"A\",\"B\"],\"steps\":[{\"from\":\"A\",\"to\":\"B\"}]}", "step 1: it has no \"message\""},
        {"{\"parties\":[\"A\",\"B\"],\"steps\":[{\"message\":\"BYE\",\"from\":\"A\",\"to\":\"Z\"}]}", "step 1: \"from\" and \"to\""},
        {"{\"parties\":[\"A\",\"B\"],\"steps\":[{\"message\":\"200\",\"from\":\"A\",\"to\":\"B\"}]}", "step 1: this answers nothing"},
        {"{\"parties\":[\"A\",\"B\"],\"steps\":[{\"message\":\"BYE\",\"from\":\"A\",\"to\":\"B\"}],\"expect\":[{\"hold\":\"F9\"}]}",
         "expect"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench b;

        begin(&b);
        assert_int_not_equal(flow_file_parse(&b.a, slice_z(cases[i].json), &b.f, &b.why), ERR_OK);
        if (slice_find_slice(b.why, slice_z(cases[i].why)) == SIZE_MAX)
            fail_msg("%s: %.*s", cases[i].json, SARG(b.why));
        arena_close(&b.a);
    }
}

/* A file of the guide has its expectations in words; those of the built-in flow of that id count. */
static void a_known_flow_told_elsewhere_expects_the_same(void **state)
{
    struct bench       b;
    struct trace_flow *own;
    size_t             n;
    char               path[512];
    struct slice       text;

    (void)state;
    begin(&b);
    assert_int_equal(flow_file_built_in(&b.a, &own, &n), ERR_OK);
    snprintf(path, sizeof path, "%s/flows/hold.json", STROWGER_SOURCE_DIR);
    assert_int_equal(file_read(path, 1 << 20, &b.a, &text), ERR_OK);
    text = slice_to(text, slice_find_slice(text, S("\"expect\""))); /* cut off, and closed again */
    {
        char       room[16384];
        struct buf cut = BUF_ON(room);

        buf_puts(&cut, slice_to(text, slice_find_last(text, ',')), S("}"));
        assert_int_equal(flow_file_parse(&b.a, buf_slice(&cut), &b.f, &b.why), ERR_OK);
    }
    assert_int_equal(b.f.n_expects, 1);
    assert_int_equal(b.f.expects[0].kind, TRACE_EXPECT_HOLD);
    assert_int_equal(b.f.expects[0].step, 8);
    arena_close(&b.a);
}

static unsigned try_outside(const char *folder)
{
    char           path[1024];
    DIR           *d = opendir(folder);
    struct dirent *e;
    unsigned       n = 0;

    while (d && (e = readdir(d))) {
        struct bench b;
        struct slice text;
        size_t       l = strlen(e->d_name);

        if (l < 5 || strcmp(e->d_name + l - 5, ".json") != 0)
            continue;
        begin(&b);
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        assert_int_equal(file_read(path, 1 << 20, &b.a, &text), ERR_OK);
        if (flow_file_parse(&b.a, text, &b.f, &b.why))
            fail_msg("%s: %.*s", path, SARG(b.why));
        arena_close(&b.a);
        n++;
    }
    if (d)
        closedir(d);
    return n;
}

static void outside_flows_can_be_read(void **state)
{
    const char *outside = getenv("STROWGER_CONFORMANCE");
    char        folder[512];

    (void)state;
    if (!outside)
        skip();
    snprintf(folder, sizeof folder, "%s/flows", outside);
    printf("cases: %u outside\n", try_outside(folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guides_shape),
        cmocka_unit_test(the_other_shape),
        cmocka_unit_test(a_wrong_file_is_told_what_is_wrong),
        cmocka_unit_test(a_known_flow_told_elsewhere_expects_the_same),
        cmocka_unit_test(outside_flows_can_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
