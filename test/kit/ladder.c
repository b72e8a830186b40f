/* ladder.c - a failing flow draws itself: the ladders that trace makes of everything that was sent. See kit.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit_priv.h"
#include "record/record.h"

enum { MAX_DRAWN = 4096, LADDER_OCTETS = 1 << 20 };

/* Streams are drawn by their pieces: one with several messages, or half of one, is passed over. */
static size_t collect(struct kit *k, struct trace_message *list)
{
    size_t n = 0;

    for (const struct seen *s = k->first_seen; s && n < MAX_DRAWN; s = s->next)
        list[n++] = (struct trace_message){.time_us = s->at_us, .from = s->from, .to = s->to, .octets = s->octets};
    return n;
}

/* Why the exchange did what it did, as its recorder has it; kept, since that forgets what has been read. */
static void take_reasons(struct kit *k)
{
    struct record_entry e;

    for (unsigned i = 0; i < k->o.workers && k->o.story; i++)
        while (record_peek(k->x.record[i], &e) == ERR_OK) {
            struct trace_reason *r = &k->reason[k->n_reasons];

            if (e.kind == RECORD_REASON && k->n_reasons < KIT_MAX_REASONS && !arena_dup(&k->arena, e.call_id, &r->call_id) &&
                !arena_dup(&k->arena, e.octets, &r->text)) {
                r->time_us = e.mono_us;
                r->kind = trace_reason_kind_of(e.code);
                k->n_reasons++;
            }
            record_next(k->x.record[i]);
        }
}

static bool build(struct kit *k, struct trace **out)
{
    struct trace_message *list = arena_alloc(&k->arena, MAX_DRAWN * sizeof *list);
    struct trace_input    in = {.messages = list};

    if (!list)
        return false;
    take_reasons(k);
    in.n_messages = collect(k, list);
    in.reasons = k->reason;
    in.n_reasons = k->n_reasons;
    return trace_build(&k->arena, &in, out) == ERR_OK;
}

static void put_story(struct trace *t, size_t i, struct buf *b)
{
    trace_put_text(b, &t->stories[i], &(struct trace_look){.columns = 120, .story = i + 1});
}

void kit_print_ladders(struct kit *k)
{
    char         *room = arena_alloc(&k->arena, LADDER_OCTETS);
    struct trace *t;
    struct buf    b;

    if (!room || !build(k, &t))
        return;
    for (size_t i = 0; i < t->n_stories; i++) {
        buf_init(&b, room, LADDER_OCTETS);
        put_story(t, i, &b);
        fprintf(stderr, "\n%.*s", SARG(buf_slice(&b)));
    }
}

const char *kit_story(struct kit *k)
{
    char         *room = arena_alloc(&k->arena, LADDER_OCTETS);
    struct trace *t;
    struct buf    b;

    if (!room || !build(k, &t))
        kit_fail(k, "there is no", "story");
    buf_init(&b, room, LADDER_OCTETS - 1);
    for (size_t i = 0; i < t->n_stories; i++)
        put_story(t, i, &b);
    room[b.n] = '\0';
    return room;
}

void kit_says(struct kit *k, const char *sentence)
{
    const char *story = kit_story(k);
    char       *flat = strdup(story), *to = flat;

    assert_non_null(flat);
    for (const char *c = story; *c; c++) /* sentences are wrapped, beside the ladder's rails */
        if (!strchr(" \n|", *c))
            *to++ = *c;
        else if (to > flat && to[-1] != ' ')
            *to++ = ' ';
    *to = '\0';
    if (!strstr(flat, sentence)) {
        fprintf(stderr, "%s", story);
        kit_fail(k, "the ladder does not say:", sentence);
    }
    free(flat);
}
