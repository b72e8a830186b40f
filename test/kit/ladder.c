/* ladder.c - a failing flow draws itself: the ladders that trace makes of everything that was sent. See kit.h. */
#include <stdio.h>

#include "kit/kit_priv.h"
#include "trace/trace.h"

enum { MAX_DRAWN = 4096, LADDER_OCTETS = 1 << 20 };

/* Streams are drawn by their pieces: one with several messages, or half of one, is passed over. */
static size_t collect(struct kit *k, struct trace_message *list)
{
    size_t n = 0;

    for (const struct seen *s = k->first_seen; s && n < MAX_DRAWN; s = s->next)
        list[n++] = (struct trace_message){.time_us = s->at_us, .from = s->from, .to = s->to, .octets = s->octets};
    return n;
}

void kit_print_ladders(struct kit *k)
{
    struct trace_message *list = arena_alloc(&k->arena, MAX_DRAWN * sizeof *list);
    struct trace_input    in = {.messages = list};
    char                 *room = arena_alloc(&k->arena, LADDER_OCTETS);
    struct trace         *t;
    struct buf            b;

    if (!list || !room)
        return;
    in.n_messages = collect(k, list);
    if (trace_build(&k->arena, &in, &t))
        return;
    for (size_t i = 0; i < t->n_stories; i++) {
        buf_init(&b, room, LADDER_OCTETS);
        trace_put_text(&b, &t->stories[i], &(struct trace_look){.columns = 120, .story = i + 1});
        fprintf(stderr, "\n%.*s", SARG(buf_slice(&b)));
    }
}
