/* flow_bench.c - what it costs to understand a capture: from the file to the text of every ladder, at 1, 2 and 4 times the
 * size. When a line costs much more for a message than the line above it, something is looked for among all messages.
 *
 *   read    capture_read(): packets to messages
 *   build   trace_build(): messages to stories
 *   draw    trace_put_text() of every story
 *
 * Seconds of CPU time.
 *
 * The capture is an office at work: built-in flows in turns, eight exchanges with three
 * phones each, so that every phone has very many calls. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/flow/capture.h"
#include "app/flow/flow_priv.h"
#include "sys/heap.h"

enum { SPACING_US = 50000, BEGIN_US = 400000, OFFICES = 8, TEXT_OCTETS = 1 << 20 };

static const char *const kinds[] = {"setup", "busy", "blind-transfer", "no-answer", "attended-transfer", "forward-busy"};

struct office {
    struct mem            heap;
    struct arena          a;
    struct trace_flow    *flows;
    size_t                n_flows;
    struct trace_message *m;
    size_t                n, max;
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct trace_flow *flow_named(const struct office *o, const char *name)
{
    for (size_t i = 0; i < o->n_flows; i++)
        if (slice_eq(o->flows[i].id, slice_z(name)))
            return &o->flows[i];
    return NULL;
}

/* What tells one call from another gets the call's number; what stands in bodies keeps its length. */
static struct slice renamed(struct office *o, struct slice text, size_t call)
{
    static const char *const marks[] = {"call", "tag=tag", "-tag%3Dtag", "z9hG4bK", "192.0."};
    size_t                   room = text.n + 1024;
    struct buf               b;

    buf_init(&b, arena_alloc(&o->a, room), room);
    while (text.n) {
        size_t k = 0;

        while (k < sizeof marks / sizeof *marks && !slice_starts(text, slice_z(marks[k])))
            k++;
        if (k == sizeof marks / sizeof *marks) {
            buf_putc(&b, text.p[0]);
            text = slice_from(text, 1);
            continue;
        }
        buf_put(&b, slice_z(marks[k]));
        text = slice_from(text, strlen(marks[k]));
        if (k + 1 < sizeof marks / sizeof *marks) {
            buf_putu(&b, call);
            buf_putc(&b, 'x');
        } else {
            buf_putu(&b, 2 + call % OFFICES);
            text = slice_from(text, 1);
        }
    }
    assert(!buf_err(&b));
    return buf_slice(&b);
}

static void add_call(struct office *o, size_t call)
{
    const struct trace_flow *f = flow_named(o, kinds[call % (sizeof kinds / sizeof *kinds)]);
    struct trace_message    *m;
    struct trace_example     how = {.begin_us = 1700000000000000 + call * BEGIN_US, .spacing_us = SPACING_US};

    assert(f);
    if (trace_example_make(&o->a, f, &how, &m))
        abort();
    for (size_t i = 0; i < f->n_steps && o->n < o->max; i++) {
        m[i].octets = renamed(o, m[i].octets, call);
        m[i].from.ip[2] = m[i].to.ip[2] = (uint8_t)(2 + call % OFFICES);
        o->m[o->n++] = m[i];
    }
}

static int by_time(const void *a, const void *b)
{
    const struct trace_message *const *x = a, *const *y = b;

    if ((*x)->time_us != (*y)->time_us)
        return (*x)->time_us < (*y)->time_us ? -1 : 1;
    return *x < *y ? -1 : 1;
}

static struct slice capture_of(struct office *o, size_t n)
{
    const struct trace_message **sorted = malloc(n * sizeof *sorted);
    struct slice                 file;

    o->m = malloc(n * sizeof *o->m);
    o->max = n;
    if (!sorted || !o->m)
        abort();
    for (size_t call = 0; o->n < n; call++)
        add_call(o, call);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &o->m[i];
    qsort(sorted, n, sizeof *sorted, by_time);
    if (capture_write(&o->a, sorted, n, &file))
        abort();
    free(sorted);
    return file;
}

static void measure(size_t n)
{
    struct office      o = {0};
    struct hash_key    key = {1, 2};
    struct trace_input in = {0};
    struct trace      *t;
    bool               damaged;
    double             at[4];
    char              *text = malloc(TEXT_OCTETS);
    struct arena       a;
    struct slice       file;

    heap_mem(&o.heap);
    arena_init(&o.a, &o.heap, 1 << 20, 0);
    arena_init(&a, &o.heap, 1 << 20, 0);
    if (!text || flow_file_built_in(&o.a, &o.flows, &o.n_flows))
        abort();
    file = capture_of(&o, n);
    at[0] = now_s();
    if (capture_read(&a, &key, file, &in, &damaged))
        abort();
    at[1] = now_s();
    in.key = key;
    in.flows = o.flows;
    in.n_flows = o.n_flows;
    if (trace_build(&a, &in, &t))
        abort();
    at[2] = now_s();
    for (size_t s = 0; s < t->n_stories; s++) {
        struct buf b;

        buf_init(&b, text, TEXT_OCTETS);
        trace_put_text(&b, &t->stories[s], &(struct trace_look){.columns = 100, .story = s + 1});
    }
    at[3] = now_s();
    printf("%9zu %8zu %8.2f %8.2f %8.2f %8.2f %12.1f\n", n, t->n_stories, at[1] - at[0], at[2] - at[1], at[3] - at[2],
           at[3] - at[0], (at[3] - at[0]) / (double)n * 1e6);
    free(o.m);
    free(text);
    arena_close(&a);
    arena_close(&o.a);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 34000;

    printf("%9s %8s %8s %8s %8s %8s %12s\n", "messages", "stories", "read s", "build s", "draw s", "all s", "us a message");
    for (size_t k = 1; k <= 4; k *= 2)
        measure(n * k);
    return 0;
}
