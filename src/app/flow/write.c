/* write.c - stories and judgement to text, JSON, SVG or HTML.
 *
 * Room      app/flow. In: a run. Out: octets in its arena.
 * The faces write into a buffer whose size is guessed from the rows, and doubled until it does. */
#include "app/flow/flow_priv.h"

enum { START_OCTETS = 1 << 16, ROW_OCTETS = 1024, MAX_OUTPUT = 1 << 30 };

struct page {
    struct flow_run *r;
    struct buf      *b;
    unsigned         columns;
    bool             colours;
};

static bool shown(const struct flow_run *r, size_t story)
{
    return !r->o->story || r->o->story == story + 1;
}

/* --- text --------------------------------------------------------------------------------------------------------------- */

static void put_check_text(struct page *p)
{
    const struct trace_judgement *j = &p->r->judgement;

    buf_puts(p->b, j->met ? S("MET ") : S("NOT MET "), p->r->flow->id, S(": "), j->text, S("\n"));
    for (size_t i = 0; i < j->n_notes; i++)
        buf_puts(p->b, S("  note: "), j->notes[i], S("\n"));
}

static void put_text(struct page *p)
{
    const struct trace *t = p->r->trace;

    for (size_t s = 0; s < t->n_stories; s++) {
        if (!shown(p->r, s))
            continue;
        trace_put_text(p->b, &t->stories[s], &(struct trace_look){.columns = p->columns, .colours = p->colours, .story = s + 1});
        buf_putc(p->b, '\n');
    }
    if (!t->n_stories) {
        buf_put(p->b, S("No calls: "));
        buf_putu(p->b, t->n_messages);
        buf_put(p->b, S(" SIP messages, none of them of a call.\n"));
    }
    if (p->r->flow)
        put_check_text(p);
}

/* --- JSON --------------------------------------------------------------------------------------------------------------- */

static struct slice state_text(enum trace_step_state s)
{
    switch (s) {
    case TRACE_STEP_MET:
        return S("met");
    case TRACE_STEP_MISSING:
        return S("missing");
    case TRACE_STEP_ORDER:
        return S("out of order");
    case TRACE_STEP_EXCUSED:
        return S("excused");
    }
    return SLICE_NONE;
}

static void put_string(struct page *p, struct slice key, struct slice value)
{
    buf_puts(p->b, S("\""), key, S("\":"));
    trace_put_json_string(p->b, value);
}

static void put_steps_json(struct page *p)
{
    const struct trace_flow *f = p->r->flow;

    for (size_t k = 0; k < f->n_steps; k++) {
        buf_put(p->b, k ? S(",{") : S("{"));
        put_string(p, S("f"), f->steps[k].f);
        buf_putc(p->b, ',');
        put_string(p, S("from"), f->parties[f->steps[k].from]);
        buf_putc(p->b, ',');
        put_string(p, S("to"), f->parties[f->steps[k].to]);
        buf_putc(p->b, ',');
        put_string(p, S("message"), f->steps[k].message);
        buf_putc(p->b, ',');
        put_string(p, S("state"), state_text(p->r->judgement.steps[k].state));
        buf_putc(p->b, '}');
    }
}

static void put_check_json(struct page *p)
{
    const struct trace_judgement *j = &p->r->judgement;
    const struct trace_flow      *f = p->r->flow;

    buf_put(p->b, S(",\"check\":{"));
    put_string(p, S("flow"), f->id);
    buf_puts(p->b, S(",\"met\":"), j->met ? S("true,") : S("false,"));
    put_string(p, S("text"), j->text);
    buf_put(p->b, S(",\"step\":"));
    if (j->step == TRACE_NONE)
        buf_put(p->b, S("null"));
    else
        trace_put_json_string(p->b, f->steps[j->step].f);
    buf_put(p->b, S(",\"story\":"));
    if (j->story == TRACE_NONE)
        buf_put(p->b, S("null"));
    else
        buf_putu(p->b, j->story + 1);
    buf_put(p->b, S(",\"notes\":["));
    for (size_t i = 0; i < j->n_notes; i++) {
        if (i)
            buf_putc(p->b, ',');
        trace_put_json_string(p->b, j->notes[i]);
    }
    buf_put(p->b, S("],\"steps\":["));
    put_steps_json(p);
    buf_put(p->b, S("]}"));
}

static void put_json(struct page *p)
{
    bool first = true;

    buf_put(p->b, S("{\"stories\":["));
    for (size_t s = 0; s < p->r->trace->n_stories; s++) {
        if (!shown(p->r, s))
            continue;
        buf_put(p->b, first ? S("\n") : S(",\n"));
        trace_put_json(p->b, &p->r->trace->stories[s], &(struct trace_look){.story = s + 1});
        first = false;
    }
    buf_put(p->b, S("]"));
    if (p->r->flow)
        put_check_json(p);
    buf_put(p->b, S("}\n"));
}

/* --- drawings ------------------------------------------------------------------------------------------------------------- */

static void put_svg(struct page *p)
{
    const struct trace *t = p->r->trace;
    size_t              s = p->r->o->story ? p->r->o->story - 1 : 0;

    if (s < t->n_stories)
        trace_put_svg(p->b, &t->stories[s], &(struct trace_look){.story = s + 1});
}

static void put_page(struct page *p)
{
    switch (p->r->o->format) {
    case FLOW_TEXT:
        put_text(p);
        break;
    case FLOW_JSON:
        put_json(p);
        break;
    case FLOW_SVG:
        put_svg(p);
        break;
    case FLOW_HTML:
        trace_put_html(p->b, p->r->trace, p->r->o->story ? p->r->o->story - 1 : TRACE_NONE, slice_z(p->r->o->file));
        break;
    }
}

enum err flow_write(struct flow_run *r, unsigned columns, bool colours, struct slice *out)
{
    size_t room = START_OCTETS;

    for (size_t s = 0; s < r->trace->n_stories; s++)
        room += r->trace->stories[s].n_rows * ROW_OCTETS;
    for (; room <= MAX_OUTPUT; room *= 2) {
        char       *block = arena_alloc(&r->a, room);
        struct buf  b;
        struct page p = {r, &b, columns, colours};

        if (!block)
            return ERR_NOMEM;
        buf_init(&b, block, room);
        put_page(&p);
        if (!buf_err(&b)) {
            *out = buf_slice(&b);
            return ERR_OK;
        }
    }
    return ERR_NOMEM;
}
