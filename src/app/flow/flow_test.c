/* flow_test.c - `strowger flow` as its user meets it: files in, words out, how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/flow/capture.h"
#include "app/flow/flow.h"
#include "app/flow/flow_priv.h"
#include "sys/files.h"
#include "sys/heap.h"

struct bench {
    struct mem         heap;
    struct arena       a;
    struct trace_flow *flows;
    size_t             n;
    char               folder[64];
    char               capture[96], output[96];
};

static int begin(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    assert_non_null(b);
    heap_mem(&b->heap);
    arena_init(&b->a, &b->heap, 1 << 20, 0);
    assert_int_equal(flow_file_built_in(&b->a, &b->flows, &b->n), ERR_OK);
    strcpy(b->folder, "/tmp/strowger-flow-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->capture, sizeof b->capture, "%s/in.pcap", b->folder);
    snprintf(b->output, sizeof b->output, "%s/out", b->folder);
    *state = b;
    return 0;
}

static int end(void **state)
{
    struct bench *b = *state;

    unlink(b->capture);
    unlink(b->output);
    rmdir(b->folder);
    arena_close(&b->a);
    free(b);
    return 0;
}

static const struct trace_flow *flow_named(const struct bench *b, const char *id)
{
    for (size_t i = 0; i < b->n; i++)
        if (slice_eq(b->flows[i].id, slice_z(id)))
            return &b->flows[i];
    fail_msg("no flow %s", id);
    return NULL;
}

/* The example of a flow, without step `gone` (SIZE_MAX: with all), as a file. */
static void write_capture(struct bench *b, const char *id, size_t gone)
{
    const struct trace_flow     *f = flow_named(b, id);
    const struct trace_message **m = arena_alloc(&b->a, f->n_steps * sizeof *m);
    struct trace_message        *made;
    struct slice                 file;
    size_t                       n = 0;

    assert_int_equal(trace_example_make(&b->a, f, &(struct trace_example){.begin_us = 1700000000000000, .spacing_us = 30000}, &made), ERR_OK);
    for (size_t i = 0; i < f->n_steps; i++)
        if (i != gone)
            m[n++] = &made[i];
    assert_int_equal(capture_write(&b->a, m, n, &file), ERR_OK);
    assert_int_equal(file_write(b->capture, file, 0600), ERR_OK);
}

/* Run it with these words behind the capture and "-o OUTPUT"; what it wrote is in *text. */
static int run(struct bench *b, const char *words, struct slice *text)
{
    char  line[512];
    char *argv[16], *save = NULL;
    int   argc = 0, ended;

    snprintf(line, sizeof line, "flow %s -o %s %s", b->capture, b->output, words);
    for (char *w = strtok_r(line, " ", &save); w && argc < 15; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    argv[argc] = NULL;
    unlink(b->output);
    ended = app_flow_main(argc, argv);
    if (file_read(b->output, 1 << 24, &b->a, text))
        *text = SLICE_NONE;
    return ended;
}

static void has(struct slice text, const char *what)
{
    if (slice_find_slice(text, slice_z(what)) == SIZE_MAX)
        fail_msg("\"%s\" is not in: %.*s", what, SARG(text));
}

static void a_blind_transfer_is_drawn_with_its_numbers(void **state)
{
    struct bench *b = *state;
    struct slice  text, line;
    unsigned      rows = 0;

    write_capture(b, "blind-transfer", SIZE_MAX);
    assert_int_equal(run(b, "--check blind-transfer", &text), 0);
    has(text, "1001 calls 1002, who transfers it to 1003  [blind-transfer]");
    has(text, "B asks the exchange to connect A to 1003");
    has(text, "The exchange accepts the transfer itself");
    has(text, "MET blind-transfer: All 24 steps");
    while (slice_line(&text, &line))
        rows += slice_starts(line, S(" F"));
    assert_int_equal(rows, 24);
}

static void lines_fit_the_screen(void **state)
{
    struct bench *b = *state;
    struct slice  text, line;

    write_capture(b, "attended-transfer", SIZE_MAX);
    assert_int_equal(run(b, "", &text), 0);
    for (unsigned n = 0; slice_line(&text, &line); n++)
        if (slice_starts(line, S(" F")) && line.n > 110)
            fail_msg("%zu columns: %.*s", line.n, SARG(line));
}

static void a_missing_step_is_named_and_ends_with_one(void **state)
{
    struct bench *b = *state;
    struct slice  text;

    write_capture(b, "blind-transfer", 9);
    assert_int_equal(run(b, "--check blind-transfer", &text), 1);
    has(text, "NOT MET blind-transfer: F10 (202 to REFER, P to B, call 1) is missing");
}

static void two_proxies_are_told_apart(void **state)
{
    struct bench *b = *state;
    struct slice  text;

    write_capture(b, "rfc3665-3.2", SIZE_MAX);
    assert_int_equal(run(b, "--check rfc3665-3.2", &text), 0);
    has(text, "P1 passes the call on to P2");
    has(text, "P2 passes the call on to B");
}

static void json_has_the_promised_shape(void **state)
{
    struct bench *b = *state;
    struct slice  text;
    json_t       *root, *story, *row;

    write_capture(b, "blind-transfer", SIZE_MAX);
    assert_int_equal(run(b, "--format json --check blind-transfer", &text), 0);
    root = json_loadb(text.p, text.n, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_array_size(json_object_get(root, "stories")), 1);
    story = json_array_get(json_object_get(root, "stories"), 0);
    assert_int_equal(json_integer_value(json_object_get(story, "id")), 1);
    assert_string_equal(json_string_value(json_object_get(story, "title")), "1001 calls 1002, who transfers it to 1003");
    assert_int_equal(json_array_size(json_object_get(story, "parties")), 4);
    assert_int_equal(json_array_size(json_object_get(story, "dialogs")), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(story, "dialogs"), 0), "call_id")),
                        "call1@192.0.2.10");
    assert_true(json_is_boolean(json_object_get(json_object_get(story, "verdict"), "ok")));
    assert_true(json_is_array(json_object_get(story, "findings")));
    row = json_array_get(json_object_get(story, "rows"), 9);
    assert_string_equal(json_string_value(json_object_get(row, "f")), "F10");
    assert_string_equal(json_string_value(json_object_get(row, "from")), "P");
    assert_string_equal(json_string_value(json_object_get(row, "to")), "B");
    assert_string_equal(json_string_value(json_object_get(row, "message")), "202");
    assert_true(json_is_number(json_object_get(row, "t")));
    assert_true(json_is_true(json_object_get(json_object_get(root, "check"), "met")));
    json_decref(root);
}

static void drawings_stand_alone(void **state)
{
    struct bench *b = *state;
    struct slice  text;

    write_capture(b, "blind-transfer", SIZE_MAX);
    assert_int_equal(run(b, "--format svg", &text), 0);
    assert_true(slice_starts(text, S("<svg xmlns=")));
    assert_true(slice_ends(text, S("</svg>\n")));
    has(text, ">F24</text>");
    has(text, "prefers-color-scheme:dark");
    assert_int_equal(run(b, "--format html", &text), 0);
    assert_true(slice_starts(text, S("<!DOCTYPE html>")));
    assert_int_equal(slice_find_slice(text, S("src=")), SIZE_MAX);
    assert_int_equal(slice_find_slice(text, S("<script")), SIZE_MAX);
}

static void the_saved_capture_gives_the_same_ladder(void **state)
{
    struct bench *b = *state;
    struct slice  first, again;
    char          words[128];

    write_capture(b, "attended-transfer", SIZE_MAX);
    assert_int_equal(run(b, "", &first), 0);
    snprintf(words, sizeof words, "--pcap %s", b->capture);
    assert_int_equal(run(b, words, &again), 0);
    assert_int_equal(run(b, "", &again), 0);
    assert_true(slice_eq(first, again));
}

static void a_wrong_command_line_ends_with_two(void **state)
{
    struct bench     *b = *state;
    static const char *const words[] = {"--format png", "--story 0",    "--story x", "--story 9",  "--check nosuch",
                                        "--frobnicate", "another.pcap", "--format",  "--check=/"};
    struct slice      text;

    write_capture(b, "setup", SIZE_MAX);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (run(b, words[i], &text) != 2)
            fail_msg("%s", words[i]);
    assert_int_equal(file_write(b->capture, S("no capture at all"), 0600), ERR_OK);
    assert_int_equal(run(b, "", &text), 2);
    assert_int_equal(app_flow_main(2, (char *[]){(char[]){"flow"}, (char[]){"/nonexistent/x.pcap"}, NULL}), 2);
    assert_int_equal(app_flow_main(1, (char *[]){(char[]){"flow"}, NULL}), 2);
}

static void a_capture_that_is_cut_is_shown_as_far_as_it_goes(void **state)
{
    struct bench *b = *state;
    struct slice  file, text;

    write_capture(b, "setup", SIZE_MAX);
    assert_int_equal(file_read(b->capture, 1 << 20, &b->a, &file), ERR_OK);
    for (size_t n = 24; n < file.n; n += 97) {
        assert_int_equal(file_write(b->capture, slice_to(file, n), 0600), ERR_OK);
        assert_int_equal(run(b, "", &text), 0);
        assert_true(text.n > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blind_transfer_is_drawn_with_its_numbers),
        cmocka_unit_test(lines_fit_the_screen),
        cmocka_unit_test(a_missing_step_is_named_and_ends_with_one),
        cmocka_unit_test(two_proxies_are_told_apart),
        cmocka_unit_test(json_has_the_promised_shape),
        cmocka_unit_test(drawings_stand_alone),
        cmocka_unit_test(the_saved_capture_gives_the_same_ladder),
        cmocka_unit_test(a_wrong_command_line_ends_with_two),
        cmocka_unit_test(a_capture_that_is_cut_is_shown_as_far_as_it_goes),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
