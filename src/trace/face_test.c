/* face_test.c - ladders to look at: widths, escapes, whole documents; and memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sys/heap.h"
#include "trace/kit_test.h"

static char room[1 << 20];

static struct slice text_of(const struct kit *k, unsigned columns, bool colours)
{
    struct buf b;

    buf_init(&b, room, sizeof room);
    for (size_t s = 0; s < k->t->n_stories; s++)
        trace_put_text(&b, &k->t->stories[s], &(struct trace_look){.columns = columns, .colours = colours, .story = s + 1});
    assert_int_equal(buf_err(&b), ERR_OK);
    return buf_slice(&b);
}

static bool has(struct slice text, const char *what)
{
    return slice_find_slice(text, slice_z(what)) != SIZE_MAX;
}

static void a_ladder_fits_80_to_160_columns(void **state)
{
    (void)state;
    for (unsigned columns = 80; columns <= 160; columns += 20) {
        struct kit   k;
        struct slice text, line;

        kit_open(&k, KIT_UP KIT_REFER KIT_BYE KIT_UP2);
        kit_build(&k);
        text = text_of(&k, columns, false);
        while (slice_line(&text, &line))
            if (slice_find(line, '|') != SIZE_MAX && line.n > columns)
                fail_msg("%u: %.*s", columns, SARG(line));
        kit_close(&k);
    }
}

static void the_drawing_is_the_one_in_the_design(void **state)
{
    struct kit   k;
    struct slice text;

    (void)state;
    kit_open(&k, KIT_UP);
    kit_build(&k);
    text = text_of(&k, 80, false);
    assert_true(has(text, "\n F1     0.000  |--- INVITE ---->|                |   A calls 1002\n"));
    assert_true(has(text, "\n F4     0.150  |<- 180 Ringing -|                |   A hears that B rings\n"));
    kit_close(&k);
}

/* Where lanes leave no room, sentences stand below; methods stay whole. */
static void many_parties_fit_a_narrow_screen(void **state)
{
    struct kit   k;
    struct slice text;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>A 100 INVITE 1|P>B INVITE 1|P>C INVITE 1|P>D INVITE 1|P>E INVITE 1|P>F INVITE 1|B>P 180 INVITE 1|"
                 "P>A 180 INVITE 1");
    kit_build(&k);
    text = text_of(&k, 80, false);
    assert_true(has(text, "|         |-INVITE->|         |         |         |         |\n               The exchange passes the "
                          "call on to B\n"));
    assert_false(has(text_of(&k, 160, false), "\n               The"));
    kit_close(&k);
}

static void a_pause_is_said(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_wait(&k, 8, 7000000);
    kit_build(&k);
    assert_true(has(text_of(&k, 110, false), "\n               :                :                :   7.0 s later\n F9 "));
    kit_close(&k);
}

static void what_is_below_a_ladder_is_wrapped(void **state)
{
    struct kit   k;
    struct slice text, line;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 202* REFER 1|P>A REFER 1|A>P 603 REFER 1");
    kit_build(&k);
    text = text_of(&k, 80, false);
    while (slice_line(&text, &line))
        if (line.n > 80)
            fail_msg("%.*s", SARG(line));
    kit_close(&k);
}

static void colours_are_only_there_when_asked_for(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP);
    kit_build(&k);
    assert_false(has(text_of(&k, 80, false), "\x1b["));
    assert_true(has(text_of(&k, 80, true), "\x1b[32m"));
    kit_close(&k);
}

static void resent_messages_are_counted_in_their_arrow(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>A 100 INVITE 1|P>B INVITE 1");
    kit_again(&k, 2, 500000);
    kit_again(&k, 2, 1500000);
    kit_build(&k);
    assert_true(has(text_of(&k, 110, false), "- INVITE x3 -"));
    kit_close(&k);
}

/* What comes from the wire cannot end a string, a tag or a line. */
static void wire_text_is_escaped(void **state)
{
    struct kit k;
    struct buf b;

    (void)state;
    kit_open(&k, KIT_UP);
    for (size_t i = 0; i < k.n; i++)
        if (i < 8)
            kit_edit(&k, i, "From: <", "From: \"<b>\\\"A\x1b[2J\" <");
    kit_build(&k);
    assert_false(has(text_of(&k, 110, false), "\x1b["));
    buf_init(&b, room, sizeof room);
    trace_put_svg(&b, &k.t->stories[0], &(struct trace_look){.story = 1});
    assert_false(has(buf_slice(&b), "<b>"));
    assert_true(has(buf_slice(&b), "&lt;b&gt;&quot;A"));
    buf_reset(&b);
    trace_put_json(&b, &k.t->stories[0], &(struct trace_look){.story = 1});
    assert_true(has(buf_slice(&b), "<b>\\\"A"));
    kit_close(&k);
}

/* --- drawings ------------------------------------------------------------------------------------------------------------ */

/* Every element that begins ends, in order; no '<' stands elsewhere. As far as our own writer goes: no comments. */
static void expect_balanced(struct slice s)
{
    const char *open[64];
    size_t      n = 0;

    for (size_t i = 0; i < s.n; i++) {
        size_t end, quotes = 0;
        bool   closes;

        if (s.p[i] != '<' || s.p[i + 1] == '!')
            continue;
        end = i + slice_find(slice_from(s, i), '>');
        closes = s.p[i + 1] == '/';
        assert_true(end < s.n);
        for (size_t k = i; k < end; k++)
            quotes += s.p[k] == '"';
        assert_int_equal(quotes % 2, 0);
        if (s.p[end - 1] == '/' || slice_starts(slice_from(s, i), S("<meta")))
            continue;
        if (!closes) {
            assert_true(n < 64);
            open[n++] = s.p + i + 1;
            continue;
        }
        if (!n)
            fail_msg("ends without a beginning: %.*s", SARG(slice_to(slice_from(s, i), end - i + 1)));
        else
            assert_memory_equal(open[--n], s.p + i + 2, end - i - 2);
    }
    assert_int_equal(n, 0);
}

static void a_drawing_shows_what_there_is(void **state)
{
    static const char *const shown[] = {"Alice",     "1001",      "the exchange",  "F1<",
                                        "F12<",      "INVITE \xc3\x97\x33", "because 1002 is at home", "7.0 s later",
                                        "NOT OK",    "A hears that B rings", "603 Decline", "RFC 3515 section 2.4.2",
                                        "warning",   "prefers-color-scheme:dark"};
    struct kit k;
    struct buf b;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 202* REFER 1|P>A REFER 1|A>P 603 REFER 1");
    for (size_t i = 0; i < 8; i++)
        kit_edit(&k, i, "From: <", "From: \"Alice & Alicia <the first of her name, and <of many>\" <");
    kit_wait(&k, 8, 6950000);
    kit_again(&k, 1, 500000);
    kit_again(&k, 1, 1500000);
    k.reason = (struct trace_reason){k.m[1].time_us, S("call1@192.0.2.10"), S("1002 is at home"), TRACE_REASON_WHY, 0};
    kit_build(&k);
    buf_init(&b, room, sizeof room);
    trace_put_svg(&b, &k.t->stories[0], &(struct trace_look){.story = 1});
    assert_int_equal(buf_err(&b), ERR_OK);
    expect_balanced(buf_slice(&b));
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (!has(buf_slice(&b), shown[i]))
            fail_msg("no \"%s\" in %.*s", shown[i], SARG(buf_slice(&b)));
    kit_close(&k);
}

static void a_page_has_its_stories_and_one_style(void **state)
{
    struct kit   k;
    struct buf   b;
    struct slice page, style;

    (void)state;
    kit_open(&k, KIT_UP "|C>P INVITE 2|P>D INVITE 2|D>P 486 INVITE 2|P>D ACK 2|P>C 486 INVITE 2|C>P ACK 2" KIT_BYE);
    kit_build(&k);
    buf_init(&b, room, sizeof room);
    trace_put_html(&b, k.t, TRACE_NONE, S("a <b> & c.pcap"));
    page = buf_slice(&b);
    assert_int_equal(buf_err(&b), ERR_OK);
    expect_balanced(page);
    assert_true(has(page, "<title>a &lt;b&gt; &amp; c.pcap</title>"));
    assert_true(has(page, "18 SIP messages, 2 stories. Drawn"));
    assert_true(has(page, "href=\"#s2\">1003 calls 1004, who is busy</a>"));
    assert_true(has(page, "<section id=\"s2\">"));
    style = slice_from(page, slice_find_slice(page, S(".st .paper")) + 1);
    assert_false(has(style, ".st .paper"));
    buf_reset(&b);
    trace_put_html(&b, k.t, 1, S("x"));
    assert_false(has(buf_slice(&b), "id=\"s1\""));
    kit_close(&k);
}

static void a_sketch_has_neither_times_nor_verdict(void **state)
{
    struct kit k;
    struct buf b;

    (void)state;
    kit_open(&k, KIT_UP);
    kit_build(&k);
    buf_init(&b, room, sizeof room);
    trace_put_text(&b, &k.t->stories[0], &(struct trace_look){.columns = 100, .sketch = true});
    assert_true(has(buf_slice(&b), "A calls 1002"));
    assert_false(has(buf_slice(&b), "0.050"));
    assert_false(has(buf_slice(&b), "192.0.2"));
    assert_false(has(buf_slice(&b), "connected. Nothing"));
    kit_close(&k);
}

static void json_strings_are_always_utf8(void **state)
{
    static const struct {
        struct slice in;
        const char  *out;
    } cases[] = {
        {{"plain", 5}, "\"plain\""},
        {{"\"\\\n\x7f", 4}, "\"\\\"\\\\\\u000a\\u007f\""},
        {{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9}, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {{"\xff\xc3", 2}, "\"\\ufffd\\ufffd\""},
        {{"\xc0\x80\xed\xa0\x80", 5}, "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\""},
        {{"", 0}, "\"\""},
    };
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = BUF_ON(text);

        trace_put_json_string(&b, cases[i].in);
        if (!slice_eq(buf_slice(&b), slice_z(cases[i].out)))
            fail_msg("%zu: %.*s", i, SARG(buf_slice(&b)));
    }
}

static void a_buffer_that_is_too_small_is_said_to_be(void **state)
{
    struct kit k;
    struct buf b;

    (void)state;
    kit_open(&k, KIT_UP);
    kit_build(&k);
    buf_init(&b, room, 500);
    trace_put_text(&b, &k.t->stories[0], &(struct trace_look){0});
    assert_int_equal(buf_err(&b), ERR_LIMIT);
    kit_close(&k);
}

/* Each allocation fails once: the answer is ERR_NOMEM, and all is given back. */
static void memory_may_run_out_anywhere(void **state)
{
    struct kit k;
    bool       failed = true;

    (void)state;
    kit_open(&k, KIT_UP KIT_REFER KIT_NOTIFY KIT_BYE KIT_UP2);
    kit_edit(&k, 8, "Refer-To: <sip:1003@example.com>", "Refer-To: <sip:1003@example.com?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>");
    kit_sound(&k, "192.0.2.10:40000", "192.0.2.12:40000", 400);
    for (uint64_t nth = 1; failed; nth++) {
        struct heap_failing heap;
        struct arena        a;
        struct trace_input  in = {.messages = k.m, .n_messages = k.n, .sounds = k.sounds, .n_sounds = k.n_sounds};
        struct trace       *t;
        enum err            e;

        heap_failing_init(&heap, NULL, nth);
        arena_init(&a, &heap.mem, 256, 0);
        e = trace_build(&a, &in, &t);
        failed = heap.failed;
        assert_int_equal(e, failed ? ERR_NOMEM : ERR_OK);
        arena_close(&a);
    }
    kit_close(&k);
}

static void a_million_messages_are_too_many(void **state)
{
    struct mem         heap;
    struct arena       a;
    struct trace_input in = {.n_messages = TRACE_MAX_MESSAGES + 1};
    struct trace      *t;

    (void)state;
    heap_mem(&heap);
    arena_init(&a, &heap, 4096, 0);
    assert_int_equal(trace_build(&a, &in, &t), ERR_LIMIT);
    in.n_messages = 0;
    assert_int_equal(trace_build(&a, &in, &t), ERR_OK);
    assert_int_equal(t->n_stories, 0);
    arena_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ladder_fits_80_to_160_columns),
        cmocka_unit_test(the_drawing_is_the_one_in_the_design),
        cmocka_unit_test(many_parties_fit_a_narrow_screen),
        cmocka_unit_test(a_pause_is_said),
        cmocka_unit_test(what_is_below_a_ladder_is_wrapped),
        cmocka_unit_test(colours_are_only_there_when_asked_for),
        cmocka_unit_test(resent_messages_are_counted_in_their_arrow),
        cmocka_unit_test(wire_text_is_escaped),
        cmocka_unit_test(a_drawing_shows_what_there_is),
        cmocka_unit_test(a_page_has_its_stories_and_one_style),
        cmocka_unit_test(a_sketch_has_neither_times_nor_verdict),
        cmocka_unit_test(json_strings_are_always_utf8),
        cmocka_unit_test(a_buffer_that_is_too_small_is_said_to_be),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(a_million_messages_are_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
