/* find_wire.c - messages that are broken as such, and parts that did not arrive.
 *
 * Room      trace (pure). In: items, gaps. Out: findings. RFC 3261 §18.1.1, §18.3, §20.14. */
#include "trace/trace_priv.h"



static bool said_before(const struct trace_inside *t, size_t n)
{
    for (size_t k = t->calls[t->items[n].call].first; k < n; k++)
        if (t->items[k].story == t->items[n].story && t->items[k].from == t->items[n].from && is_stream(&t->items[k]) &&
            !msg_has(t->items[k].m, HDR_CONTENT_LENGTH))
            return true;
    return false;
}

static void find_no_length(struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n];
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (i->partial || !is_stream(i) || i->in->transport == TRACE_WS || i->in->transport == TRACE_WSS ||
        msg_has(i->m, HDR_CONTENT_LENGTH) || said_before(t, n))
        return;
    put_end(&b, t, i->story, i->from);
    buf_put(&b, S(" leaves out Content-Length on a stream: nobody can tell where its messages end."));
    fault_add(t, &(struct fault){TRACE_ERROR, "RFC 3261", "20.14", n, NONE}, &b);
}

static void find_broken(struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n];
    struct msg_fault   fault = {0};
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (i->partial || i->cause != NONE || (is_stream(i) && !msg_has(i->m, HDR_CONTENT_LENGTH)) || !msg_check(i->m, &fault) || !fault.what)
        return;
    put_end(&b, t, i->story, i->from);
    buf_put(&b, S(" sent a broken message: "));
    msg_put_fault(&b, &fault);
    buf_putc(&b, '.');
    fault_add(t, &(struct fault){TRACE_WARNING, "RFC 3261", "25.1", n, NONE}, &b);
}

/* --- gaps -------------------------------------------------------------------------------------------------------------------- */

/* The end at that place: the port counts where it is known. */
static bool is_at(const struct trace_inside *t, size_t end, const struct addr *at)
{
    const struct addr *own = &t->ends[end].at;

    return addr_same_ip(own, at) && (!at->port || own->port == at->port);
}

/* A message of the story that the lost one belongs to: by its Call-ID, else the last between these two before it. */
static size_t item_near(const struct trace_inside *t, const struct trace_gap *g)
{
    struct slice call_id;
    size_t       best = NONE;
    bool         named = g->octets.n && msg_find_call_id(g->octets, &call_id) == ERR_OK;

    for (size_t n = 0; n < t->n_items; n++) {
        const struct item *i = &t->items[n];

        if (i->story == NONE || (named && !slice_eq(i->call_id, call_id)))
            continue;
        if (!named && !((is_at(t, i->from, &g->from) && is_at(t, i->to, &g->to)) ||
                        (is_at(t, i->from, &g->to) && is_at(t, i->to, &g->from))))
            continue;
        if (best == NONE || time_of(i) <= g->time_us)
            best = n;
    }
    return best;
}

static void put_start_line(struct buf *b, struct slice octets)
{
    struct slice line;

    octets = slice_trim(octets);
    if (!octets.n || !slice_line(&octets, &line)) {
        buf_put(b, S("A message"));
        return;
    }
    buf_put(b, S("A message that began \""));
    put_wire(b, slice_to(line, 60));
    buf_putc(b, '"');
}

static void find_gap(struct trace_inside *t, const struct trace_gap *g)
{
    size_t     near = item_near(t, g);
    bool       fragment = g->kind == TRACE_GAP_FRAGMENT;
    char       text[TEXT_OCTETS];
    struct buf b = BUF_ON(text);

    if (near == NONE)
        return;
    put_start_line(&b, g->octets);
    buf_put(&b, S(" from "));
    addr_put(&b, &g->from);
    buf_put(&b, S(" to "));
    addr_put(&b, &g->to);
    buf_put(&b, fragment ? S(" is lost: not all of its IP fragments came") : S(" has a hole"));
    if (g->missing) {
        buf_put(&b, S(" ("));
        buf_putu(&b, g->missing);
        buf_put(&b, S(" octets are missing)"));
    }
    buf_put(&b, fragment ? S(". Requests over 1300 octets should go over TCP.") : S(" in the capture."));
    fault_add(t, &(struct fault){fragment ? TRACE_WARNING : TRACE_NOTE, "RFC 3261", fragment ? "18.1.1" : "18.3", near, NONE},
              &b);
}

static void find_dropped(struct trace_inside *t, const struct trace_gap *g)
{
    for (size_t s = 0; s < t->t->n_stories; s++) {
        const struct trace_story *st = &t->t->stories[s];
        char                      text[TEXT_OCTETS];
        struct buf                b = BUF_ON(text);

        if (g->time_us < st->begin_us || g->time_us > st->end_us + T64_US)
            continue;
        if (g->missing)
            buf_putu(&b, g->missing);
        else
            buf_put(&b, S("Some"));
        buf_put(&b, S(" messages of that time could not be recorded: nobody is judged."));
        fault_add(t, &(struct fault){TRACE_NOTE, "", "", NONE, s}, &b);
    }
}

void find_wire_faults(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_items; n++) {
        if (t->items[n].story == NONE || t->items[n].original != NONE)
            continue;
        find_no_length(t, n);
        find_broken(t, n);
    }
    for (size_t i = 0; i < t->in->n_gaps; i++) {
        if (t->in->gaps[i].kind == TRACE_GAP_DROPPED)
            find_dropped(t, &t->in->gaps[i]);
        else
            find_gap(t, &t->in->gaps[i]);
    }
}
