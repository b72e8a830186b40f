/* judge_test.c - `--check` can be trusted: every built-in flow, with each step removed and each ordered pair swapped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/flow/flow_priv.h"
#include "sys/heap.h"

struct bench {
    struct mem           heap;
    struct arena         a;       /* the flows */
    struct arena         scratch; /* one capture */
    struct trace_flow   *flows;
    size_t               n;
    struct trace_message *example;
    struct trace_judgement judged;
    struct trace        *trace;
};

static int begin(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    assert_non_null(b);
    heap_mem(&b->heap);
    arena_init(&b->a, &b->heap, 65536, 0);
    arena_init(&b->scratch, &b->heap, 1 << 20, 0);
    assert_int_equal(flow_file_built_in(&b->a, &b->flows, &b->n), ERR_OK);
    *state = b;
    return 0;
}

static int end(void **state)
{
    struct bench *b = *state;

    arena_close(&b->scratch);
    arena_close(&b->a);
    free(b);
    return 0;
}

/* Judge `n` messages against flow f. */
static void judge(struct bench *b, const struct trace_flow *f, const struct trace_message *m, size_t n)
{
    struct trace_input in = {.messages = m, .n_messages = n};

    assert_int_equal(trace_build(&b->scratch, &in, &b->trace), ERR_OK);
    assert_int_equal(trace_judge(&b->scratch, b->trace, TRACE_NONE, f, &b->judged), ERR_OK);
}

static struct trace_message *example(struct bench *b, const struct trace_flow *f)
{
    struct trace_message *m;

    arena_reset(&b->scratch);
    assert_int_equal(trace_example_make(&b->scratch, f, &(struct trace_example){.begin_us = 1000000000, .spacing_us = 20000}, &m), ERR_OK);
    return m;
}

static void all_built_in_flows_are_there(void **state)
{
    struct bench *b = *state;
    static const char *const names[] = {"setup",          "busy",         "no-answer",         "hold",
                                        "waiting",        "conference",   "blind-transfer",    "attended-transfer",
                                        "forward-always", "forward-busy", "forward-no-answer", "rfc3665-3.2"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool found = false;

        for (size_t k = 0; k < b->n; k++)
            found = found || slice_eq(b->flows[k].id, slice_z(names[i]));
        if (!found)
            fail_msg("no flow %s", names[i]);
    }
}

static void an_example_of_each_flow_meets_it(void **state)
{
    struct bench *b = *state;

    for (size_t k = 0; k < b->n; k++) {
        struct trace_message *m = example(b, &b->flows[k]);

        judge(b, &b->flows[k], m, b->flows[k].n_steps);
        if (!b->judged.met)
            fail_msg("%.*s: %.*s", SARG(b->flows[k].id), SARG(b->judged.text));
        for (size_t s = 0; s < b->flows[k].n_steps; s++)
            assert_int_equal(b->judged.steps[s].state, TRACE_STEP_MET);
    }
}

/* A step is named when it is the first that is not met, or when a note says that its absence is lawful. */
static bool named(const struct bench *b, const struct trace_flow *f, size_t step)
{
    if (b->judged.met)
        return b->judged.steps[step].state == TRACE_STEP_EXCUSED && b->judged.n_notes;
    return b->judged.step == step || (b->judged.step != TRACE_NONE && f->steps[step].f.n &&
                                      slice_find_slice(b->judged.text, f->steps[step].f) != SIZE_MAX);
}

static void each_step_that_is_removed_is_named(void **state)
{
    struct bench *b = *state;
    unsigned      cases = 0;

    for (size_t k = 0; k < b->n; k++) {
        const struct trace_flow *f = &b->flows[k];

        for (size_t gone = 0; gone < f->n_steps; gone++, cases++) {
            struct trace_message *m = example(b, f);

            memmove(m + gone, m + gone + 1, (f->n_steps - gone - 1) * sizeof *m);
            judge(b, f, m, f->n_steps - 1);
            if (!named(b, f, gone))
                fail_msg("%.*s without step %zu (%.*s): %.*s", SARG(f->id), gone + 1, SARG(f->steps[gone].f),
                         SARG(b->judged.text));
        }
    }
    printf("cases: %u own\n", cases);
}

static bool same_pair(const struct trace_step *a, const struct trace_step *b)
{
    return a->call == b->call && ((a->from == b->from && a->to == b->to) || (a->from == b->to && a->to == b->from));
}

static bool hop_by_hop(const struct trace_flow *f, size_t k)
{
    const struct trace_step *s = &f->steps[k];

    if (slice_eq(s->message, S("100")) || slice_eq(s->of, S("CANCEL")))
        return true;
    for (size_t j = k; slice_eq(s->message, S("ACK")) && j-- > 0;)
        if (same_pair(&f->steps[j], s) && slice_eq(f->steps[j].of, S("INVITE")) && f->steps[j].message.p[0] != '1')
            return f->steps[j].message.p[0] >= '3';
    return false;
}

/* Written anew, not taken from the judge: i is passed on as j, or is the exchange's own answer before j goes on. */
static bool causes(const struct trace_flow *f, size_t i, size_t j)
{
    const struct trace_step *a = &f->steps[i], *c = &f->steps[j];

    if (!f->exchange[c->from] || c->call != a->call || c->local || hop_by_hop(f, j))
        return false;
    if (a->local)
        return a->from == c->from && slice_eq(a->of, c->message) && j == i + 1;
    if (a->to != c->from || a->from == c->to || !slice_eq(a->message, c->message) || !slice_eq(a->of, c->of) ||
        a->reinvite != c->reinvite)
        return false;
    for (size_t k = i + 1; k < j; k++)
        if (f->steps[k].to == a->to && f->steps[k].call == a->call && slice_eq(f->steps[k].message, a->message) &&
            slice_eq(f->steps[k].of, a->of))
            return false; /* a later one is passed on as j */
    return true;
}

/* The capture of f with messages i and j in each other's place. */
static void try_swapped(struct bench *b, const struct trace_flow *f, size_t i, size_t j)
{
    struct trace_message *m = example(b, f), spare = m[i];
    uint64_t              t = m[i].time_us;

    m[i] = m[j];
    m[j] = spare;
    m[j].time_us = m[i].time_us;
    m[i].time_us = t;
    judge(b, f, m, f->n_steps);
    if (b->judged.met || !(named(b, f, i) || named(b, f, j)))
        fail_msg("%.*s with %.*s and %.*s swapped: %.*s", SARG(f->id), SARG(f->steps[i].f), SARG(f->steps[j].f),
                 SARG(b->judged.text));
}

static void each_ordered_pair_that_is_swapped_is_named(void **state)
{
    struct bench *b = *state;
    unsigned      cases = 0;

    for (size_t k = 0; k < b->n; k++) {
        const struct trace_flow *f = &b->flows[k];

        for (size_t n = 0; n < f->n_steps * f->n_steps; n++) {
            size_t i = n / f->n_steps, j = n % f->n_steps;

            if (i < j && (same_pair(&f->steps[i], &f->steps[j]) || causes(f, i, j))) {
                try_swapped(b, f, i, j);
                cases++;
            }
        }
    }
    printf("cases: %u own\n", cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_built_in_flows_are_there),
        cmocka_unit_test(an_example_of_each_flow_meets_it),
        cmocka_unit_test(each_step_that_is_removed_is_named),
        cmocka_unit_test(each_ordered_pair_that_is_swapped_is_named),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
