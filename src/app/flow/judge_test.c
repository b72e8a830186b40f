/* judge_test.c - `--check` can be trusted: every built-in flow, and every flow of the guide's own folder where there is one,
 * with each step removed, each ordered pair swapped, each message repeated, each refused twice, each re-INVITE and each new
 * call with the wrong ids. */
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

enum { MAX_OUTSIDE = 64, MAX_MESSAGES = 2 * TRACE_FLOW_MAX_STEPS };

struct bench {
    struct mem           heap;
    struct arena         a;       /* the flows */
    struct arena         scratch; /* one capture */
    struct trace_flow   *flows;
    size_t               n, n_own, n_messages;
    struct trace_message *example;
    struct trace_judgement judged;
    struct trace        *trace;
};

/* The guide's flows as they are told elsewhere: beside the folder that STROWGER_CONFORMANCE names. */
static void read_outside(struct bench *b)
{
    const char        *outside = getenv("STROWGER_CONFORMANCE");
    char               folder[512], path[1024];
    DIR               *d;
    struct dirent     *e;
    struct trace_flow *all = arena_alloc(&b->a, (b->n + MAX_OUTSIDE) * sizeof *all);
    struct slice       text, why;

    snprintf(folder, sizeof folder, "%s/../guide", outside ? outside : "/nonexistent");
    d = outside ? opendir(folder) : NULL;
    assert_non_null(all);
    memcpy(all, b->flows, b->n * sizeof *all);
    b->flows = all;
    while (d && (e = readdir(d)) && b->n < b->n_own + MAX_OUTSIDE) {
        size_t l = strlen(e->d_name);

        if (l < 5 || strcmp(e->d_name + l - 5, ".json") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        assert_int_equal(file_read(path, FLOW_FILE_MAX_OCTETS, &b->a, &text), ERR_OK);
        if (flow_file_parse(&b->a, text, &b->flows[b->n++], &why))
            fail_msg("%s: %.*s", path, SARG(why));
    }
    if (d)
        closedir(d);
}

static int begin(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    assert_non_null(b);
    heap_mem(&b->heap);
    arena_init(&b->a, &b->heap, 65536, 0);
    arena_init(&b->scratch, &b->heap, 1 << 20, 0);
    assert_int_equal(flow_file_built_in(&b->a, &b->flows, &b->n), ERR_OK);
    b->n_own = b->n;
    read_outside(b);
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

static void say_cases(const unsigned cases[2])
{
    printf("cases: %u own\n", cases[0]);
    if (cases[1])
        printf("cases: %u outside\n", cases[1]);
}

/* A capture of f; its message i is step i. Where a flow told elsewhere leaves out what a call needs (the 487 of a CANCEL),
 * the built-in one of that id has it behind those steps: b->n_messages in all. */
static struct trace_message *example(struct bench *b, const struct trace_flow *f)
{
    struct trace_message    *m;
    const struct trace_flow *whole = f;

    for (size_t k = 0; k < b->n_own; k++)
        if (slice_eq(b->flows[k].id, f->id))
            whole = &b->flows[k];
    assert_true(whole->n_steps >= f->n_steps);
    b->n_messages = whole->n_steps;
    arena_reset(&b->scratch);
    assert_int_equal(trace_example_make(&b->scratch, whole, &(struct trace_example){.begin_us = 1000000000, .spacing_us = 20000}, &m), ERR_OK);
    return m;
}

static void all_built_in_flows_are_there(void **state)
{
    struct bench *b = *state;
    static const char *const names[] = {"setup",          "busy",         "no-answer",         "hold",
                                        "waiting",        "conference",   "waiting-callee",  "blind-transfer",    "attended-transfer",
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

        judge(b, &b->flows[k], m, b->n_messages);
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
    unsigned      cases[2] = {0};

    for (size_t k = 0; k < b->n; k++) {
        const struct trace_flow *f = &b->flows[k];

        for (size_t gone = 0; gone < f->n_steps; gone++, cases[k >= b->n_own]++) {
            struct trace_message *m = example(b, f);

            memmove(m + gone, m + gone + 1, (b->n_messages - gone - 1) * sizeof *m);
            judge(b, f, m, b->n_messages - 1);
            if (!named(b, f, gone))
                fail_msg("%.*s without step %zu (%.*s): %.*s", SARG(f->id), gone + 1, SARG(f->steps[gone].f),
                         SARG(b->judged.text));
        }
    }
    say_cases(cases);
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

/* The flow says of two calls' messages which comes first. */
static bool expected(const struct trace_flow *f, size_t i, size_t j)
{
    for (size_t k = 0; k < f->n_expects; k++)
        if (f->expects[k].kind == TRACE_EXPECT_BEFORE && f->expects[k].step == i && f->expects[k].other == j)
            return true;
    return false;
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
    judge(b, f, m, b->n_messages);
    if (b->judged.met || !(named(b, f, i) || named(b, f, j)))
        fail_msg("%.*s with %.*s and %.*s swapped: %.*s", SARG(f->id), SARG(f->steps[i].f), SARG(f->steps[j].f),
                 SARG(b->judged.text));
}

static void each_ordered_pair_that_is_swapped_is_named(void **state)
{
    struct bench *b = *state;
    unsigned      cases[2] = {0};

    for (size_t k = 0; k < b->n; k++) {
        const struct trace_flow *f = &b->flows[k];

        for (size_t n = 0; n < f->n_steps * f->n_steps; n++) {
            size_t i = n / f->n_steps, j = n % f->n_steps;

            if (i < j && (same_pair(&f->steps[i], &f->steps[j]) || causes(f, i, j) || expected(f, i, j))) {
                try_swapped(b, f, i, j);
                cases[k >= b->n_own]++;
            }
        }
    }
    say_cases(cases);
}

/* --- what else must be told apart ------------------------------------------------------------------------------------------- */

/* `what` becomes `with` in message m. false: it is not there. */
static bool edit(struct bench *b, struct trace_message *m, const char *what, const char *with)
{
    size_t     at = slice_find_slice(m->octets, slice_z(what)), room = m->octets.n + strlen(with) + 1;
    struct buf t;

    if (at == SIZE_MAX)
        return false;
    buf_init(&t, arena_alloc(&b->scratch, room), room);
    buf_puts(&t, slice_to(m->octets, at), slice_z(with), slice_from(m->octets, at + strlen(what)));
    m->octets = buf_slice(&t);
    return true;
}

static bool is_final_step(const struct trace_step *s)
{
    return s->message.p[0] >= '2' && s->message.p[0] <= '9';
}

static void retransmissions_do_not_count(void **state)
{
    struct bench *b = *state;

    for (size_t k = 0; k < b->n; k++) {
        const struct trace_flow *f = &b->flows[k];
        struct trace_message    *m = example(b, f), twice[MAX_MESSAGES];
        bool                     copies = false; /* the flow is about copies itself */

        for (size_t i = 0; i < b->n_messages; i++) {
            copies = copies || (i < f->n_steps && f->steps[i].optional && !ascii_is_digit(f->steps[i].message.p[0]));
            twice[i] = twice[b->n_messages + i] = m[i];
            twice[b->n_messages + i].time_us += 510000;
        }
        judge(b, f, twice, 2 * b->n_messages);
        if (!b->judged.met && !copies)
            fail_msg("%.*s with every message twice: %.*s", SARG(f->id), SARG(b->judged.text));
    }
}

/* Each final response is followed by another one from the same place: 500, in the same transaction. */
static void a_second_different_final_response_is_a_fault(void **state)
{
    struct bench *b = *state;
    unsigned      cases[2] = {0};

    for (size_t n = 0; n < b->n * TRACE_FLOW_MAX_STEPS; n++) {
        const struct trace_flow *f = &b->flows[n / TRACE_FLOW_MAX_STEPS];
        size_t                   i = n % TRACE_FLOW_MAX_STEPS;
        struct trace_message    *m, more[MAX_MESSAGES];
        char                     status[16];

        if (i >= f->n_steps || !is_final_step(&f->steps[i]) || f->steps[i].optional || !f->steps[i].call)
            continue;
        m = example(b, f);
        memcpy(more, m, b->n_messages * sizeof *m);
        more[b->n_messages] = m[i];
        more[b->n_messages].time_us += 1000;
        snprintf(status, sizeof status, "SIP/2.0 %.3s ", m[i].octets.p + 8);
        assert_true(edit(b, &more[b->n_messages], status, "SIP/2.0 500 "));
        judge(b, f, more, b->n_messages + 1);
        if (b->judged.met || slice_find_slice(b->judged.text, S("500")) == SIZE_MAX)
            fail_msg("%.*s with a second answer behind %.*s: %.*s", SARG(f->id), SARG(f->steps[i].f), SARG(b->judged.text));
        cases[f >= b->flows + b->n_own]++;
    }
    say_cases(cases);
}

/* A re-INVITE belongs to its call: by Call-ID, by both tags, and its CSeq rises. */
static void a_reinvite_with_wrong_ids_is_named(void **state)
{
    static const char *const wrong[][2] = {{"Call-ID: call", "Call-ID: x"}, {"\r\nTo: <", "\r\nTo: <sip:x@example.com>\r\nX-To: <"},
                                           {";tag=tag", ";tag=wrong"}};
    struct bench *b = *state;
    unsigned      cases[2] = {0};

    for (size_t n = 0; n < b->n * TRACE_FLOW_MAX_STEPS; n++) {
        const struct trace_flow *f = &b->flows[n / TRACE_FLOW_MAX_STEPS];
        size_t                   i = n % TRACE_FLOW_MAX_STEPS;

        if (i >= f->n_steps || !f->steps[i].reinvite || f->exchange[f->steps[i].from] || !f->numbered)
            continue;
        for (size_t w = 0; w < 3; w++, cases[f >= b->flows + b->n_own]++) {
            struct trace_message *m = example(b, f);

            assert_true(edit(b, &m[i], wrong[w][0], wrong[w][1]));
            judge(b, f, m, b->n_messages);
            if (b->judged.met || !named(b, f, i))
                fail_msg("%.*s with a wrong %.*s (%zu): %.*s", SARG(f->id), SARG(f->steps[i].f), w, SARG(b->judged.text));
        }
    }
    say_cases(cases);
}

/* The second call of a flow has a Call-ID of its own; behind a 302 a phone may keep the old one (noted, and still met). */
static void a_new_call_needs_a_new_call_id(void **state)
{
    struct bench *b = *state;

    for (size_t k = 0; k < b->n; k++) {
        const struct trace_flow *f = &b->flows[k];
        struct trace_message    *m = example(b, f);
        bool                     forward = slice_starts(f->id, S("forward")), any = false;

        for (size_t i = 0; i < f->n_steps && f->numbered; i++) {
            char cseq[32], next[32];

            if (f->steps[i].call != 2)
                continue;
            any = true;
            assert_true(edit(b, &m[i], "Call-ID: call2@", "Call-ID: call1@"));
            for (unsigned c = 1; c < 4 && forward; c++) { /* a kept Call-ID goes on with its CSeq and its caller's tag */
                snprintf(cseq, sizeof cseq, "CSeq: %u ", c);
                snprintf(next, sizeof next, "CSeq: %u ", c + 1);
                if (edit(b, &m[i], cseq, next))
                    break;
            }
            if (forward)
                edit(b, &m[i], ";tag=tag0-2", ";tag=tag0-1");
        }
        if (!any)
            continue;
        judge(b, f, m, b->n_messages);
        if (b->judged.met != forward || (forward && !b->judged.n_notes))
            fail_msg("%.*s with one Call-ID: %.*s", SARG(f->id), SARG(b->judged.text));
    }
}

/* A story that is one of the guide's flows has its numbers, whatever stands between the steps. */
static void each_flow_of_the_guide_numbers_its_ladder(void **state)
{
    struct bench *b = *state;
    unsigned      n = 0;

    for (size_t k = 0; k < b->n_own; k++) {
        const struct trace_flow *f = &b->flows[k];
        struct trace_input       in = {.messages = example(b, f), .n_messages = f->n_steps, .flows = b->flows, .n_flows = b->n_own};

        if (!f->numbered)
            continue;
        assert_int_equal(trace_build(&b->scratch, &in, &b->trace), ERR_OK);
        assert_int_equal(b->trace->n_stories, 1);
        /* who forwards when busy and who forwards when nobody answers send the same messages */
        if (!slice_eq(b->trace->stories[0].flow, f->id) && !slice_starts(f->id, S("forward-no-answer")))
            fail_msg("%.*s is told as [%.*s]", SARG(f->id), SARG(b->trace->stories[0].flow));
        for (size_t i = 0; i < f->n_steps; i++) {
            uint32_t number = 0;

            if (f->steps[i].f.n)
                assert_int_equal(slice_u32(slice_from(f->steps[i].f, 1), &number), ERR_OK);
            assert_int_equal(b->trace->stories[0].rows[b->trace->messages[i].row].f, number);
        }
        n++;
    }
    assert_int_equal(n, 12); /* eleven, and call waiting in its two forms */
}

/* The exchange that passes the one 202 back instead of saying its own does not meet a transfer of the guide. */
static void a_relayed_202_is_not_the_exchanges_own(void **state)
{
    struct bench *b = *state;
    unsigned      n = 0;

    for (size_t k = 0; k < b->n; k++) {
        const struct trace_flow *f = &b->flows[k];
        struct trace_message    *m = example(b, f), spare;
        size_t                   own = 0;

        while (own < f->n_steps && !f->steps[own].local)
            own++;
        if (own + 2 >= f->n_steps)
            continue;
        spare = m[own]; /* the 202, the REFER, the transferee's 202: the first moves behind the last */
        memmove(m + own, m + own + 1, 2 * sizeof *m);
        m[own + 2] = spare;
        for (size_t i = 0; i < 3; i++)
            m[own + i].time_us = 1000000000 + (own + i) * 20000;
        judge(b, f, m, b->n_messages);
        if (b->judged.met || !named(b, f, own))
            fail_msg("%.*s with a relayed 202: %.*s", SARG(f->id), SARG(b->judged.text));
        n++;
    }
    assert_true(n >= 2);
}

static const struct trace_flow *flow_named(const struct bench *b, struct slice id)
{
    for (size_t k = 0; k < b->n_own; k++)
        if (slice_eq(b->flows[k].id, id))
            return &b->flows[k];
    fail_msg("no flow %.*s", SARG(id));
    return NULL;
}

/* The guide's text has C call B, its table C call A: two flows, and each is only itself. */
static void a_call_that_waits_may_be_for_either(void **state)
{
    struct bench            *b = *state;
    const struct trace_flow *table = flow_named(b, S("waiting")), *text = flow_named(b, S("waiting-callee"));
    struct trace_message    *m = example(b, table);

    judge(b, text, m, table->n_steps);
    assert_false(b->judged.met);
    assert_true(b->judged.step != TRACE_NONE);
    m = example(b, text);
    judge(b, table, m, text->n_steps);
    assert_false(b->judged.met);
    judge(b, text, m, text->n_steps);
    assert_true(b->judged.met);
}

/* Who forwards when busy need not ring before: F3 and F4 are missing, both or none. */
static void a_busy_phone_need_not_ring_before_its_302(void **state)
{
    struct bench            *b = *state;
    const struct trace_flow *f = flow_named(b, S("forward-busy"));
    struct trace_message    *m = example(b, f);

    memmove(m + 2, m + 4, (f->n_steps - 4) * sizeof *m);
    judge(b, f, m, f->n_steps - 2);
    if (!b->judged.met || b->judged.n_notes != 2)
        fail_msg("%.*s", SARG(b->judged.text));
    for (size_t gone = 2; gone < 4; gone++) {
        m = example(b, f);
        memmove(m + gone, m + gone + 1, (f->n_steps - gone - 1) * sizeof *m);
        judge(b, f, m, f->n_steps - 1);
        assert_false(b->judged.met);
        assert_int_equal(b->judged.step, gone);
    }
}

/* Each expectation, broken: the hold that is none, or is not taken; the Replaces that is missing or there. */
static void a_broken_expectation_is_named(void **state)
{
    struct bench *b = *state;
    unsigned      cases[2] = {0};

    for (size_t n = 0; n < b->n * TRACE_FLOW_MAX_EXPECTS; n++) {
        const struct trace_flow   *f = &b->flows[n / TRACE_FLOW_MAX_EXPECTS];
        const struct trace_expect *e = &f->expects[n % TRACE_FLOW_MAX_EXPECTS];
        struct trace_message      *m;
        bool                       done = false;

        if (n % TRACE_FLOW_MAX_EXPECTS >= f->n_expects || !f->numbered)
            continue;
        m = example(b, f);
        if (e->kind == TRACE_EXPECT_HOLD)
            done = edit(b, &m[e->step], "a=sendonly", "a=sendrecv");
        else if (e->kind == TRACE_EXPECT_REPLACES)
            done = edit(b, &m[e->step], "Replaces=call", "Replaces=nil");
        else if (e->kind == TRACE_EXPECT_NO_REPLACES)
            done = edit(b, &m[e->step], "Refer-To: <sip:1003@example.com>",
                        "Refer-To: <sip:1003@example.com?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>");
        if (!done)
            continue;
        judge(b, f, m, b->n_messages);
        if (b->judged.met || !named(b, f, e->step))
            fail_msg("%.*s, expectation of %.*s: %.*s", SARG(f->id), SARG(f->steps[e->step].f), SARG(b->judged.text));
        cases[f >= b->flows + b->n_own]++;
    }
    assert_true(cases[0] >= 6);
    say_cases(cases);
}

static void a_hold_that_is_not_taken_is_named(void **state)
{
    struct bench            *b = *state;
    const struct trace_flow *f = flow_named(b, S("hold"));
    struct trace_message    *m = example(b, f);

    for (size_t i = 10; i < 12; i++)
        assert_true(edit(b, &m[i], "a=recvonly", "a=sendrecv"));
    judge(b, f, m, b->n_messages);
    assert_false(b->judged.met);
    assert_true(slice_find_slice(b->judged.text, S("does not take the hold")) != SIZE_MAX);
    m = example(b, f); /* RFC 2543: the address is the hold, and any answer takes it */
    for (size_t i = 8; i < 12; i++) {
        assert_true(edit(b, &m[i], i < 10 ? "c=IN IP4 192.0.2.10" : "a=recvonly", i < 10 ? "c=IN IP4 0.0.0.0   " : "a=sendrecv"));
        if (i < 10)
            assert_true(edit(b, &m[i], "a=sendonly", "a=sendrecv"));
    }
    judge(b, f, m, b->n_messages);
    if (!b->judged.met)
        fail_msg("%.*s", SARG(b->judged.text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_built_in_flows_are_there),
        cmocka_unit_test(an_example_of_each_flow_meets_it),
        cmocka_unit_test(each_step_that_is_removed_is_named),
        cmocka_unit_test(each_ordered_pair_that_is_swapped_is_named),
        cmocka_unit_test(retransmissions_do_not_count),
        cmocka_unit_test(a_second_different_final_response_is_a_fault),
        cmocka_unit_test(a_reinvite_with_wrong_ids_is_named),
        cmocka_unit_test(a_new_call_needs_a_new_call_id),
        cmocka_unit_test(each_flow_of_the_guide_numbers_its_ladder),
        cmocka_unit_test(a_relayed_202_is_not_the_exchanges_own),
        cmocka_unit_test(a_call_that_waits_may_be_for_either),
        cmocka_unit_test(a_busy_phone_need_not_ring_before_its_302),
        cmocka_unit_test(a_broken_expectation_is_named),
        cmocka_unit_test(a_hold_that_is_not_taken_is_named),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
