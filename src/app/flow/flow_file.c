/* flow_file.c - flows as JSON become plain structs.
 *
 * Room      app/flow. In: JSON text. Out: struct trace_flow, settled; its texts are in the arena.
 * What the note of a step says in plain words is heeded where there is no field for it: "no answer", "resent", "to the
 * CANCEL". What a file of a known id expects besides its steps is what the built-in flow of that id expects. */
#include "app/flow/flow_priv.h"

#include <jansson.h>
#include <string.h>

#include "app/flow/flows_data.h"

struct reading {
    struct arena      *a;
    struct trace_flow *f;
    struct slice      *why;
    enum err           err;
};

/* Notes the first thing that is wrong. */
static void wrong(struct reading *r, enum err e, size_t step, const char *text)
{
    char       line[256];
    struct buf b = BUF_ON(line);

    if (r->err)
        return;
    r->err = e;
    if (step != TRACE_NONE) {
        buf_put(&b, S("step "));
        buf_putu(&b, step + 1);
        buf_put(&b, S(": "));
    }
    buf_put(&b, slice_z(text));
    if (arena_dup(r->a, buf_slice(&b), r->why))
        *r->why = SLICE_NONE;
}

static struct slice text_of(struct reading *r, const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    struct slice  out = SLICE_NONE;

    if (json_is_string(v) &&
        arena_dup(r->a, (struct slice){json_string_value(v), json_string_length(v)}, &out))
        wrong(r, ERR_NOMEM, TRACE_NONE, "no memory");
    return out;
}

/* A number or a string of digits ("call": "2"). */
static unsigned number_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    uint32_t      n = 0;

    if (json_is_integer(v) && json_integer_value(v) > 0 && json_integer_value(v) < 1000)
        return (unsigned)json_integer_value(v);
    if (json_is_string(v))
        (void)slice_u32((struct slice){json_string_value(v), json_string_length(v)}, &n);
    return n;
}

static size_t party_of(const struct reading *r, struct slice name)
{
    for (size_t i = 0; i < r->f->n_parties; i++)
        if (slice_eq(r->f->parties[i], name))
            return i;
    return TRACE_NONE;
}

static size_t step_named(const struct reading *r, struct slice f)
{
    for (size_t i = 0; i < r->f->n_steps; i++)
        if (f.n && slice_eq(r->f->steps[i].f, f))
            return i;
    return TRACE_NONE;
}

static bool says(struct slice note, struct slice what)
{
    return slice_find_slice(note, what) != SIZE_MAX;
}

static bool is_message(struct slice m)
{
    return m.n && !slice_starts(m, S("HTTP")) && !slice_starts(m, S("CRLF"));
}

/* "F3", or the number of a step as it is counted in the other shape. */
static struct slice label_of(struct reading *r, const json_t *j)
{
    struct slice f = text_of(r, j, "f");
    char         line[16];
    struct buf   b = BUF_ON(line);

    if (f.n || !number_of(j, "n"))
        return f;
    buf_put(&b, S("F"));
    buf_putu(&b, number_of(j, "n"));
    if (arena_dup(r->a, buf_slice(&b), &f))
        wrong(r, ERR_NOMEM, TRACE_NONE, "no memory");
    return f;
}

static void read_step(struct reading *r, const json_t *j, size_t index)
{
    struct trace_step *s = &r->f->steps[r->f->n_steps];

    memset(s, 0, sizeof *s);
    s->message = text_of(r, j, "message");
    if (!s->message.n)
        s->message = text_of(r, j, "method_or_status");
    if (s->message.n && !is_message(s->message))
        return; /* not SIP: nothing a capture of SIP could show */
    s->f = label_of(r, j);
    s->of = text_of(r, j, "of");
    s->note = text_of(r, j, "note");
    s->from = party_of(r, text_of(r, j, "from"));
    s->to = party_of(r, text_of(r, j, "to"));
    s->call = number_of(j, "call");
    s->reinvite = json_is_true(json_object_get(j, "reinvite"));
    s->local = json_is_true(json_object_get(j, "local"));
    s->both = slice_eq(text_of(r, j, "optional"), S("both"));
    s->optional = s->both || json_is_true(json_object_get(j, "optional")) || says(s->note, S("copy of")) ||
                  slice_starts(s->note, S("resent"));
    s->unanswered = json_is_true(json_object_get(j, "unanswered")) || says(s->note, S("no answer")) ||
                    says(s->note, S("no final answer")) || says(s->note, S("never answered"));
    if (!s->of.n && says(s->note, S("to the CANCEL")))
        s->of = S("CANCEL");
    if (!s->of.n && says(s->note, S("to the INVITE")))
        s->of = S("INVITE");
    if (!s->message.n)
        wrong(r, ERR_INVALID, index, "it has no \"message\" (a method or a status)");
    else if (s->from == TRACE_NONE || s->to == TRACE_NONE)
        wrong(r, ERR_INVALID, index, "\"from\" and \"to\" must be two of \"parties\"");
    else if (s->call > TRACE_FLOW_MAX_CALLS)
        wrong(r, ERR_LIMIT, index, "\"call\" is over 8");
    r->f->n_steps++;
}

static void read_steps(struct reading *r, const json_t *root)
{
    const json_t *steps = json_object_get(root, "steps"), *j;
    size_t        i;

    if (!json_is_array(steps) || !json_array_size(steps)) {
        wrong(r, ERR_INVALID, TRACE_NONE, "there are no \"steps\"");
        return;
    }
    if (json_array_size(steps) > TRACE_FLOW_MAX_STEPS) {
        wrong(r, ERR_LIMIT, TRACE_NONE, "there are more than 128 steps");
        return;
    }
    json_array_foreach((json_t *)(uintptr_t)steps, i, j)
        read_step(r, j, i);
}

static void read_parties(struct reading *r, const json_t *root)
{
    const json_t *parties = json_object_get(root, "parties"), *j;
    size_t        i;

    if (!json_is_array(parties) || !json_array_size(parties)) {
        wrong(r, ERR_INVALID, TRACE_NONE, "there are no \"parties\"");
        return;
    }
    if (json_array_size(parties) > TRACE_FLOW_MAX_PARTIES) {
        wrong(r, ERR_LIMIT, TRACE_NONE, "there are more than 8 parties");
        return;
    }
    json_array_foreach((json_t *)(uintptr_t)parties, i, j)
    {
        if (!json_is_string(j)) {
            wrong(r, ERR_INVALID, TRACE_NONE, "\"parties\" must be names");
            return;
        }
        if (arena_dup(r->a, (struct slice){json_string_value(j), json_string_length(j)}, &r->f->parties[i]))
            wrong(r, ERR_NOMEM, TRACE_NONE, "no memory");
        r->f->n_parties = i + 1;
    }
}

static void read_expect(struct reading *r, const json_t *j)
{
    static const struct {
        const char            *key;
        enum trace_expect_kind kind;
    } kinds[] = {{"hold", TRACE_EXPECT_HOLD},
                 {"replaces", TRACE_EXPECT_REPLACES},
                 {"no_replaces", TRACE_EXPECT_NO_REPLACES},
                 {"never", TRACE_EXPECT_NEVER},
                 {"before", TRACE_EXPECT_BEFORE},
                 {"taken_over", TRACE_EXPECT_TAKEN_OVER}};
    struct trace_expect *e = &r->f->expects[r->f->n_expects];

    if (r->f->n_expects == TRACE_FLOW_MAX_EXPECTS) {
        wrong(r, ERR_LIMIT, TRACE_NONE, "more than 16 entries in \"expect\"");
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct slice what = text_of(r, j, kinds[i].key);

        if (!what.n)
            continue;
        *e = (struct trace_expect){.kind = kinds[i].kind, .call = number_of(j, "call"), .of = text_of(r, j, "of")};
        e->message = what;
        e->step = step_named(r, e->kind == TRACE_EXPECT_BEFORE ? text_of(r, j, "step") : what);
        e->other = e->kind == TRACE_EXPECT_BEFORE ? step_named(r, what) : TRACE_NONE;
        e->from = party_of(r, text_of(r, j, "from"));
        e->to = party_of(r, text_of(r, j, "to"));
        if ((e->kind == TRACE_EXPECT_NEVER ? e->from == TRACE_NONE || e->to == TRACE_NONE : e->step == TRACE_NONE) ||
            (e->kind == TRACE_EXPECT_BEFORE && e->other == TRACE_NONE) || e->call > TRACE_FLOW_MAX_CALLS)
            wrong(r, ERR_INVALID, TRACE_NONE, "an entry of \"expect\" names a step or party that is not there");
        r->f->n_expects++;
        return;
    }
    wrong(r, ERR_INVALID, TRACE_NONE, "an entry of \"expect\" is none of hold, replaces, no_replaces, never, before, taken_over");
}

static void read_flow(struct reading *r, const json_t *root)
{
    const json_t *expect = json_object_get(root, "expect"), *j;
    size_t        i;

    r->f->id = text_of(r, root, "id");
    r->f->title = text_of(r, root, "title");
    r->f->numbered = json_is_true(json_object_get(root, "numbered"));
    read_parties(r, root);
    if (!r->err)
        read_steps(r, root);
    if (r->err || !json_is_array(expect))
        return;
    json_array_foreach((json_t *)(uintptr_t)expect, i, j)
        read_expect(r, j);
}

static enum err parse(struct arena *a, struct slice json, struct trace_flow *out, struct slice *why)
{
    struct reading r = {a, out, why, ERR_OK};
    json_error_t   fault;
    json_t        *root = json_loadb(json.p, json.n, 0, &fault);
    char           line[256];
    struct buf     b = BUF_ON(line);
    size_t         step;

    memset(out, 0, sizeof *out);
    *why = SLICE_NONE;
    if (!root) {
        buf_put(&b, S("line "));
        buf_putu(&b, fault.line > 0 ? (uint64_t)fault.line : 0);
        buf_puts(&b, S(": "), slice_z(fault.text));
        (void)arena_dup(a, buf_slice(&b), why);
        return ERR_SYNTAX;
    }
    read_flow(&r, root);
    json_decref(root);
    if (!r.err && trace_flow_settle(out, &step))
        wrong(&r, ERR_INVALID, step, "this answers nothing before it, or the flow is empty");
    return r.err;
}

/* A file with the id of a built-in flow, and as many steps with the same numbers: the same flow, told elsewhere. What such
 * a file says in words stands in ours as data. */
static void borrow_expects(struct trace_flow *f, const struct trace_flow *own)
{
    for (size_t k = 0; k < f->n_steps; k++) {
        f->steps[k].optional = f->steps[k].optional || own->steps[k].optional;
        f->steps[k].both = f->steps[k].both || own->steps[k].both;
    }
    for (size_t i = 0; i < own->n_expects; i++) {
        struct trace_expect e = own->expects[i];
        bool                there = e.kind == TRACE_EXPECT_NEVER || (e.step < f->n_steps && (e.kind != TRACE_EXPECT_BEFORE || e.other < f->n_steps));

        if (there) /* its steps have the same places: same_flow() */
            f->expects[f->n_expects++] = e;
    }
}

static bool same_flow(const struct trace_flow *f, const struct trace_flow *own)
{
    if (!slice_eq(f->id, own->id) || f->n_parties != own->n_parties || f->n_steps > own->n_steps)
        return false;
    for (size_t k = 0; k < f->n_steps; k++)
        if (!slice_eq(f->steps[k].f, own->steps[k].f) || !slice_eq(f->steps[k].message, own->steps[k].message) ||
            f->steps[k].from != own->steps[k].from || f->steps[k].to != own->steps[k].to)
            return false;
    return true;
}

enum err flow_file_parse(struct arena *a, struct slice json, struct trace_flow *out, struct slice *why)
{
    struct trace_flow *own = ARENA_NEW(a, struct trace_flow);
    struct slice       ignored;
    enum err           e = own ? parse(a, json, out, why) : ERR_NOMEM;

    for (size_t i = 0; !e && !out->n_expects && out->id.n && i < flows_data_n; i++) {
        if ((e = parse(a, (struct slice){flows_data[i].text, flows_data[i].n}, own, &ignored)))
            break;
        if (same_flow(out, own))
            borrow_expects(out, own);
    }
    return e;
}

enum err flow_file_built_in(struct arena *a, struct trace_flow **flows, size_t *n)
{
    struct slice why;
    enum err     e = ERR_OK;

    if (!(*flows = arena_alloc(a, (flows_data_n + 1) * sizeof **flows)))
        return ERR_NOMEM;
    for (*n = 0; *n < flows_data_n && !e; *n += !e)
        e = parse(a, (struct slice){flows_data[*n].text, flows_data[*n].n}, &(*flows)[*n], &why);
    return e;
}
