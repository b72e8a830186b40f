/* trace_fuzz.c - stories out of messages that went wrong: a call flow of ours, changed as the octets say, and then all that
 * is made of it: stories, ladders in every face, a judgement.
 *
 * Octets: the flow, then changes. A change is a number (what, of 8), a message, and what it needs: see change(). */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/flow/flow_priv.h"
#include "sys/heap.h"

enum { MEMORY = 64 << 20, FLOWS_OCTETS = 8 << 20, MAX_MESSAGES = 512, MAX_TEXT = 40, FACE_OCTETS = 2 << 20, MAX_REASONS = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *p;
    size_t         n;
};

struct scene {
    struct arena          a;
    struct trace_message  m[MAX_MESSAGES];
    size_t                n;
    struct trace_reason   reasons[MAX_REASONS];
    size_t                n_reasons;
    struct trace_gap      gap;
    struct trace_sound    sound;
};

static unsigned take(struct input *in)
{
    if (!in->n)
        return 0;
    in->n--;
    return *in->p++;
}

/* Octets of the input as they are: what a phone could write. */
static struct slice take_text(struct input *in)
{
    size_t       n = take(in) % MAX_TEXT;
    struct slice s = {(const char *)in->p, n < in->n ? n : in->n};

    in->p += s.n;
    in->n -= s.n;
    return s;
}

/* `drop` octets at a place go, `add` come. */
static void splice(struct scene *s, struct trace_message *m, size_t at, size_t drop, struct slice add)
{
    struct slice old = m->octets;
    size_t       room = old.n + add.n + 1;
    char        *block = arena_alloc(&s->a, room);
    struct buf   b;

    if (!block)
        return;
    at = old.n ? at % old.n : 0;
    buf_init(&b, block, room);
    buf_puts(&b, slice_to(old, at), add, slice_from(old, at + drop < old.n ? at + drop : old.n));
    m->octets = buf_slice(&b);
}

static void change(struct scene *s, struct input *in)
{
    unsigned              what = take(in) % 8;
    size_t                i = take(in) % s->n, other = take(in) % s->n;
    struct trace_message *m = &s->m[i], spare = *m;

    switch (what) {
    case 0: /* it never came */
        memmove(m, m + 1, (s->n - i - 1) * sizeof *m);
        s->n -= s->n > 1;
        break;
    case 1: /* again, later */
        if (s->n < MAX_MESSAGES) {
            s->m[s->n] = spare;
            s->m[s->n++].time_us += (uint64_t)take(in) * 100000;
        }
        break;
    case 2: /* another one in its place */
        m->octets = s->m[other].octets;
        s->m[other].octets = spare.octets;
        break;
    case 3: /* octets more, octets less */
        splice(s, m, take(in) * 8 + other, take(in) % 32, take_text(in));
        break;
    case 4: /* by another way */
        m->from = s->m[other].to;
        m->from.port = (uint16_t)(m->from.port + (take(in) & 1));
        m->transport = (enum trace_transport)(take(in) % 5);
        m->exchange = (enum trace_known)(take(in) % 3);
        break;
    case 5: /* at another time */
        m->time_us = take(in) ? m->time_us + (uint64_t)take(in) * 1000000 : s->m[other].time_us;
        break;
    case 6: /* a piece of it is lost */
        s->gap = (struct trace_gap){.kind = (enum trace_gap_kind)(take(in) % 3), .time_us = m->time_us, .from = m->from,
                                    .to = m->to, .missing = take(in), .octets = slice_to(m->octets, take(in) * 4)};
        break;
    default: /* why; and sound */
        if (s->n_reasons < MAX_REASONS)
            s->reasons[s->n_reasons++] = (struct trace_reason){m->time_us, take_text(in), take_text(in),
                                                                        (enum trace_reason_kind)(take(in) % 3), take(in)};
        s->sound = (struct trace_sound){.from = m->from, .to = s->m[other].from, .packets = take(in), .first_us = m->time_us,
                                        .last_us = m->time_us + 1000000};
        break;
    }
}

static void draw(const struct trace *t)
{
    char      *room = malloc(FACE_OCTETS);
    struct buf b;

    if (!room)
        return;
    for (size_t s = 0; s < t->n_stories; s++) {
        struct trace_look look = {.columns = 60 + (unsigned)s * 20, .story = s + 1, .colours = true, .sketch = s & 1};

        buf_init(&b, room, FACE_OCTETS);
        trace_put_text(&b, &t->stories[s], &look);
        trace_put_json(&b, &t->stories[s], &look);
    }
    buf_init(&b, room, FACE_OCTETS);
    trace_put_html(&b, t, TRACE_NONE, S("fuzz"));
    free(room);
}

/* `judge`: whether it is flow f, which takes longer than all else together. */
static void look_at(struct scene *s, const struct trace_flow *flows, size_t n_flows, const struct trace_flow *f, bool judge)
{
    struct trace_input in = {.messages = s->m, .n_messages = s->n, .reasons = s->reasons, .n_reasons = s->n_reasons,
                             .sounds = &s->sound, .n_sounds = s->sound.packets != 0, .gaps = &s->gap,
                             .n_gaps = s->gap.time_us != 0, .key = {1, 2}, .flows = flows, .n_flows = n_flows};
    struct trace_judgement j;
    struct trace          *t;

    if (trace_build(&s->a, &in, &t))
        return;
    draw(t);
    if (judge)
        (void)trace_judge(&s->a, t, TRACE_NONE, f, &j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mem         heap;
    static struct arena       kept;
    static struct trace_flow *flows;
    static size_t             n_flows;
    struct input              in = {data, size};
    struct scene             *s = calloc(1, sizeof *s);
    struct trace_message     *m;
    const struct trace_flow  *f;

    if (!flows) {
        heap_mem(&heap);
        arena_init(&kept, &heap, 1 << 20, FLOWS_OCTETS);
        if (flow_file_built_in(&kept, &flows, &n_flows))
            abort();
    }
    if (!s)
        return 0;
    arena_init(&s->a, &heap, 1 << 16, MEMORY);
    f = &flows[take(&in) % n_flows];
    if (trace_example_make(&s->a, f, &(struct trace_example){.begin_us = 1000000000, .spacing_us = 20000}, &m) == ERR_OK) {
        s->n = f->n_steps;
        memcpy(s->m, m, s->n * sizeof *m);
        while (in.n)
            change(s, &in);
        look_at(s, flows, n_flows, f, size % 4 == 0);
    }
    arena_close(&s->a);
    free(s);
    return 0;
}
