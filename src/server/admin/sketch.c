/* sketch.c - a plan becomes a call flow, the flow messages, the messages a story.
 *
 * Room      server/admin. In: a plan. Out: a story, in the arena. Touches nothing else.
 * What is drawn is the first group of targets, its first phone answering: that is how the plan is meant to go. */
#include "server/admin/sketch.h"

#include <string.h>

#include "sip/msg/msg.h"

enum { CALLER, EXCHANGE, FIRST_PHONE, MAX_PHONES = TRACE_FLOW_MAX_PARTIES - FIRST_PHONE, FACE_OCTETS = 64 * 1024 };

struct drawing {
    struct trace_flow flow;
    struct slice      numbers[TRACE_FLOW_MAX_PARTIES];
    size_t            decides; /* the step in which the exchange does what it was asked for */
};

static const char *const names[TRACE_FLOW_MAX_PARTIES] = {"A", "P", "B", "C", "D", "E", "F", "G"};

static struct trace_step *step(struct drawing *d, size_t from, size_t to, struct slice message)
{
    struct trace_step *s = &d->flow.steps[d->flow.n_steps++];

    *s = (struct trace_step){.message = message, .from = from, .to = to, .call = 1};
    return s;
}

static void answer(struct drawing *d, size_t from, size_t to, struct slice status, struct slice of)
{
    step(d, from, to, status)->of = of;
}

static void begin(struct drawing *d, const struct sketch *s)
{
    for (size_t i = 0; i < TRACE_FLOW_MAX_PARTIES; i++)
        d->flow.parties[i] = slice_z(names[i]);
    d->flow.n_parties = FIRST_PHONE;
    d->numbers[CALLER] = s->caller;
    step(d, CALLER, EXCHANGE, S("INVITE"));
}

/* The exchange answers of itself: it refuses, or a leg of its own takes the call. */
static void draw_reply(struct drawing *d, const struct sketch *s, struct slice status)
{
    d->numbers[EXCHANGE] = s->dialled;
    d->decides = d->flow.n_steps;
    answer(d, EXCHANGE, CALLER, status, S("INVITE"));
    step(d, CALLER, EXCHANGE, S("ACK"));
}

/* All of the first group ring; the first answers, the others are told to stop. */
static void draw_phones(struct drawing *d, size_t n)
{
    answer(d, EXCHANGE, CALLER, S("100"), S("INVITE"));
    d->decides = d->flow.n_steps;
    d->flow.n_parties += n;
    for (size_t i = FIRST_PHONE; i < FIRST_PHONE + n; i++)
        step(d, EXCHANGE, i, S("INVITE"));
    for (size_t i = FIRST_PHONE; i < FIRST_PHONE + n; i++) {
        answer(d, i, EXCHANGE, S("180"), S("INVITE"));
        answer(d, EXCHANGE, CALLER, S("180"), S("INVITE"));
    }
    answer(d, FIRST_PHONE, EXCHANGE, S("200"), S("INVITE"));
    answer(d, EXCHANGE, CALLER, S("200"), S("INVITE"));
    for (size_t i = FIRST_PHONE + 1; i < FIRST_PHONE + n; i++) {
        step(d, EXCHANGE, i, S("CANCEL"));
        answer(d, i, EXCHANGE, S("200"), S("CANCEL"));
        answer(d, i, EXCHANGE, S("487"), S("INVITE"));
        step(d, EXCHANGE, i, S("ACK"));
    }
    step(d, CALLER, EXCHANGE, S("ACK"));
    step(d, EXCHANGE, FIRST_PHONE, S("ACK"));
}

/* The numbers of those who ring first, and how many they are; more than can be drawn are left out. */
static size_t first_group(struct drawing *d, const struct plan *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n_targets && n < MAX_PHONES; i++)
        if (!p->targets[i].group && !p->targets[i].spare)
            d->numbers[FIRST_PHONE + n++] = p->targets[i].binding->aor;
    return n;
}

/* false: nothing can be drawn of it. */
static bool draw(struct drawing *d, const struct sketch *s, char status[4])
{
    struct buf b;

    begin(d, s);
    switch (s->plan->act) {
    case PLAN_REPLY:
        buf_init(&b, status, 4);
        buf_putu_wide(&b, s->plan->code, 3);
        draw_reply(d, s, buf_slice(&b));
        return true;
    case PLAN_LEG: /* the factory sends who calls on to a conference of its own */
        draw_reply(d, s, slice_eq(s->plan->app, S("factory")) ? S("302") : S("200"));
        return true;
    case PLAN_FORK:
        draw_phones(d, first_group(d, s->plan));
        return d->flow.n_parties > FIRST_PHONE;
    case PLAN_TRUNK:
        d->numbers[FIRST_PHONE] = s->trunk;
        draw_phones(d, 1);
        return true;
    case PLAN_RELAY:
        d->numbers[FIRST_PHONE] = s->callee;
        draw_phones(d, 1);
        return true;
    case PLAN_FORWARD: /* the plan of the one that it comes to is drawn */
    case PLAN_PASS:    /* is about a call that is there */
        return false;
    }
    return false;
}

static enum err tell(struct arena *a, const struct drawing *d, const struct sketch *s, struct trace_message *m,
                     const struct trace_story **out)
{
    struct trace_reason reason = {.text = s->reason};
    struct trace_input  in = {.messages = m, .n_messages = d->flow.n_steps, .reasons = &reason, .n_reasons = 1};
    struct trace       *t;
    enum err            e;

    for (size_t i = 0; i < d->flow.n_steps; i++)
        m[i].exchange = d->flow.steps[i].from == EXCHANGE ? TRACE_KNOWN_SENDER : TRACE_KNOWN_RECEIVER;
    reason.time_us = m[d->decides].time_us;
    if ((e = msg_find_call_id(m[0].octets, &reason.call_id)) || (e = trace_build(a, &in, &t)))
        return e;
    *out = t->n_stories ? &t->stories[0] : NULL;
    if (*out && t->stories[0].n_parties == d->flow.n_parties) /* in the flow's order; To names only whom was dialled */
        for (size_t i = FIRST_PHONE; i < d->flow.n_parties; i++)
            t->stories[0].parties[i].label = t->stories[0].parties[i].number = d->numbers[i];
    if (*out && t->stories[0].n_parties > EXCHANGE)
        t->stories[0].parties[EXCHANGE].label = S("the exchange"); /* it has no address in a sketch */
    return ERR_OK;
}

/* *out lives in `a`, as does all it points to. NULL: such a plan draws nothing. ERR_NOMEM, ERR_LIMIT. */
static enum err make(struct arena *a, const struct sketch *s, const struct trace_story **out)
{
    struct drawing       *d = arena_zalloc(a, sizeof *d); /* over 10 KiB */
    struct trace_example  how = {.begin_us = 1, .spacing_us = 1000};
    struct trace_message *m;
    char                  status[4];
    size_t                wrong;
    enum err              e;

    *out = NULL;
    if (!d)
        return ERR_NOMEM;
    if (!draw(d, s, status))
        return ERR_OK;
    d->flow.exchange[EXCHANGE] = true;
    how.numbers = d->numbers;
    how.dialled = s->dialled;
    how.reason = s->diversion;
    if ((e = trace_flow_settle(&d->flow, &wrong)) || (e = trace_example_make(a, &d->flow, &how, &m)))
        return e;
    return tell(a, d, s, m, out);
}

/* What a call that was not made has not. */
static void strip(json_t *story)
{
    static const char *const not_there[] = {"id", "flow", "dialogs", "links", "verdict", "findings"};
    size_t                   i;
    json_t                  *row;

    for (size_t k = 0; k < sizeof not_there / sizeof *not_there; k++)
        json_object_del(story, not_there[k]);
    json_array_foreach(json_object_get(story, "parties"), i, row)
        json_object_del(row, "address");
    json_array_foreach(json_object_get(story, "rows"), i, row)
    {
        json_object_del(row, "t");
        json_object_del(row, "resent");
    }
}

void sketch_add(struct arena *a, const struct sketch *s, unsigned columns, json_t *answer)
{
    const struct trace_story *story;
    struct trace_look         look = {.columns = columns, .sketch = true};
    char                     *room = arena_alloc(a, FACE_OCTETS);
    struct buf                b;
    json_t                   *ladder;

    if (!room || make(a, s, &story) || !story)
        return;
    buf_init(&b, room, FACE_OCTETS);
    trace_put_json(&b, story, &look);
    if ((ladder = json_loadb(b.p, buf_slice(&b).n, 0, NULL))) {
        strip(ladder);
        json_object_set_new(answer, "ladder", ladder);
    }
    if (!columns)
        return;
    buf_reset(&b);
    trace_put_text(&b, story, &look);
    json_object_set_new(answer, "drawing", json_stringn(b.p, buf_slice(&b).n));
}
