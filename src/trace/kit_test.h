/* kit_test.h - captures for the tests of this room: the example of a small flow, changed by hand. Tests only.
 *
 * A flow is a line: "A>P INVITE 1|P>B INVITE 1|B>P 180 INVITE 1". Behind a message: the method it answers; the call. "!"
 * behind INVITE: within the dialog; "*" behind a status: the exchange's own. "~" behind INVITE!: it holds.
 * The test has included cmocka, stdio, string and the heap before: this header is of a pure room and may not. */
#ifndef TRACE_KIT_TEST_H
#define TRACE_KIT_TEST_H

#include "trace/trace.h"

enum { KIT_MESSAGES = 200, KIT_SPACING_US = 50000, KIT_SOUNDS = 16 };

struct kit {
    struct mem           heap;
    struct arena         a;
    struct trace_flow    f;
    struct trace_message m[KIT_MESSAGES];
    size_t               n;
    struct trace_sound   sounds[KIT_SOUNDS];
    size_t               n_sounds;
    struct trace_gap     gap;
    struct trace_reason  reason;
    uint64_t             end_us; /* 0: a minute after the last message */
    struct trace        *t;
};

#define KIT_UP                                                                                                                   \
    "A>P INVITE 1|P>B INVITE 1|B>P 180 INVITE 1|P>A 180 INVITE 1|B>P 200 INVITE 1|P>A 200 INVITE 1|A>P ACK 1|P>B ACK 1"
#define KIT_BYE "|B>P BYE 1|P>A BYE 1|A>P 200 BYE 1|P>B 200 BYE 1"
#define KIT_HOLD                                                                                                                 \
    "|A>P INVITE!~ 1|P>B INVITE! 1|B>P 200 INVITE 1|P>A 200 INVITE 1|A>P ACK 1|P>B ACK 1"
#define KIT_REFER "|B>P REFER 1|P>B 202* REFER 1|P>A REFER 1|A>P 202 REFER 1"
#define KIT_NOTIFY "|A>P NOTIFY 1|P>B NOTIFY 1|B>P 200 NOTIFY 1|P>A 200 NOTIFY 1"
#define KIT_UP2                                                                                                                  \
    "|A>P INVITE 2|P>C INVITE 2|C>P 180 INVITE 2|P>A 180 INVITE 2|C>P 200 INVITE 2|P>A 200 INVITE 2|A>P ACK 2|P>C ACK 2"

static inline size_t kit_party(struct kit *k, char name)
{
    for (size_t i = 0; i < k->f.n_parties; i++)
        if (k->f.parties[i].p[0] == name)
            return i;
    k->f.parties[k->f.n_parties] = (struct slice){arena_zalloc(&k->a, 1), 1};
    *(char *)(uintptr_t)k->f.parties[k->f.n_parties].p = name;
    return k->f.n_parties++;
}

static inline void kit_step(struct kit *k, struct slice line)
{
    struct trace_step *s = &k->f.steps[k->f.n_steps];
    struct slice       word;

    assert_true(line.n > 4 && line.p[1] == '>');
    *s = (struct trace_step){.from = kit_party(k, line.p[0]), .to = kit_party(k, line.p[2])};
    line = slice_from(line, 4);
    slice_cut(&line, ' ', &word);
    if (slice_ends(word, S("~"))) {
        k->f.expects[k->f.n_expects++] = (struct trace_expect){.kind = TRACE_EXPECT_HOLD, .step = k->f.n_steps};
        word = slice_to(word, word.n - 1);
    }
    s->reinvite = slice_ends(word, S("!"));
    s->local = slice_ends(word, S("*"));
    if (s->reinvite || s->local)
        word = slice_to(word, word.n - 1);
    s->message = word;
    if (ascii_is_digit(word.p[0]))
        slice_cut(&line, ' ', &s->of);
    s->call = (unsigned)(line.p[0] - '0');
    k->f.n_steps++;
}

static inline void kit_open(struct kit *k, const char *flow)
{
    struct slice          rest = slice_z(flow), line;
    struct trace_message *m;
    size_t                step;

    memset(k, 0, sizeof *k);
    heap_mem(&k->heap);
    arena_init(&k->a, &k->heap, 1 << 16, 0);
    while (rest.n) {
        slice_cut(&rest, '|', &line);
        kit_step(k, line);
    }
    if (trace_flow_settle(&k->f, &step))
        fail_msg("step %zu", step);
    assert_int_equal(trace_example_make(&k->a, &k->f, &(struct trace_example){.begin_us = 1700000000000000, .spacing_us = KIT_SPACING_US}, &m), ERR_OK);
    memcpy(k->m, m, k->f.n_steps * sizeof *m);
    k->n = k->f.n_steps;
}

static inline void kit_close(struct kit *k)
{
    arena_close(&k->a);
}

static inline void kit_drop(struct kit *k, size_t i)
{
    assert_true(i < k->n);
    memmove(k->m + i, k->m + i + 1, (k->n - i - 1) * sizeof *k->m);
    k->n--;
}

/* The first `what` in message i becomes `with`; Content-Length is not looked after: change no body's length. */
static inline void kit_edit(struct kit *k, size_t i, const char *what, const char *with)
{
    struct slice old = k->m[i].octets;
    size_t       at = slice_find_slice(old, slice_z(what));
    size_t       room = old.n + strlen(with) + 1;
    struct buf   b;

    if (at == SIZE_MAX)
        fail_msg("\"%s\" is not in message %zu:\n%.*s", what, i, SARG(old));
    buf_init(&b, arena_alloc(&k->a, room), room);
    buf_puts(&b, slice_to(old, at), slice_z(with), slice_from(old, at + strlen(what)));
    k->m[i].octets = buf_slice(&b);
}

/* A header field more, at the end of the head. */
static inline void kit_row(struct kit *k, size_t i, const char *row)
{
    char text[512];

    snprintf(text, sizeof text, "\r\n%s\r\nContent-Length:", row);
    kit_edit(k, i, "\r\nContent-Length:", text);
}

/* Message i again, that much later. */
static inline void kit_again(struct kit *k, size_t i, uint64_t after_us)
{
    k->m[k->n] = k->m[i];
    k->m[k->n++].time_us += after_us;
}

/* Everything from message i on comes that much later. */
static inline void kit_wait(struct kit *k, size_t i, uint64_t us)
{
    for (; i < k->n; i++)
        k->m[i].time_us += us;
}

static inline struct addr kit_addr(const char *text)
{
    struct addr at;

    assert_int_equal(addr_parse(slice_z(text), &at), ERR_OK);
    return at;
}

static inline void kit_sound(struct kit *k, const char *from, const char *to, uint64_t packets)
{
    uint64_t begin = k->m[0].time_us + 8 * KIT_SPACING_US;

    k->sounds[k->n_sounds++] = (struct trace_sound){.from = kit_addr(from), .to = kit_addr(to), .packets = packets,
                                                    .ssrc = (uint32_t)k->n_sounds, .first_us = begin,
                                                    .last_us = begin + packets * 20000};
}

static inline void kit_build(struct kit *k)
{
    uint64_t           last = 0;
    struct trace_input in = {.messages = k->m, .n_messages = k->n, .sounds = k->sounds, .n_sounds = k->n_sounds};

    for (size_t i = 0; i < k->n; i++)
        last = k->m[i].time_us > last ? k->m[i].time_us : last;
    in.begin_us = k->m[0].time_us;
    in.end_us = k->end_us ? k->end_us : last + 60000000;
    in.gaps = &k->gap;
    in.n_gaps = k->gap.time_us != 0;
    in.reasons = &k->reason;
    in.n_reasons = k->reason.time_us != 0;
    assert_int_equal(trace_build(&k->a, &in, &k->t), ERR_OK);
}

static inline void kit_print(const struct kit *k)
{
    static char text[65536];
    struct buf  b = BUF_ON(text);

    for (size_t s = 0; s < k->t->n_stories; s++)
        trace_put_text(&b, &k->t->stories[s], &(struct trace_look){.story = s + 1});
    fprintf(stderr, "%.*s\n", SARG(buf_slice(&b)));
}

static inline const struct trace_finding *kit_find(const struct kit *k, const char *rfc, const char *text)
{
    for (size_t s = 0; s < k->t->n_stories; s++)
        for (size_t i = 0; i < k->t->stories[s].n_findings; i++) {
            const struct trace_finding *f = &k->t->stories[s].findings[i];

            if (slice_eq(f->rfc, slice_z(rfc)) && slice_find_slice(f->text, slice_z(text)) != SIZE_MAX)
                return f;
        }
    return NULL;
}

/* There is a warning or an error of that RFC with that text. */
static inline void kit_expect(const struct kit *k, const char *rfc, const char *text)
{
    const struct trace_finding *f = kit_find(k, rfc, text);

    if (f && f->severity > TRACE_NOTE)
        return;
    kit_print(k);
    fail_msg("no warning of %s: \"%s\"", rfc, text);
}

/* Nobody is accused of anything. */
static inline void kit_expect_clean(const struct kit *k)
{
    for (size_t s = 0; s < k->t->n_stories; s++) {
        if (k->t->stories[s].verdict.ok)
            continue;
        kit_print(k);
        fail_msg("accused: %.*s", SARG(k->t->stories[s].verdict.text));
    }
}

/* Build, expect, close. */
static inline void kit_accuses(struct kit *k, const char *rfc, const char *text)
{
    kit_build(k);
    kit_expect(k, rfc, text);
    kit_close(k);
}

static inline void kit_accuses_nobody(struct kit *k)
{
    kit_build(k);
    kit_expect_clean(k);
    kit_close(k);
}

#endif
