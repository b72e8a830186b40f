/* find_wire.c - messages that are broken as such, and parts that did not arrive.
 *
 * Room      trace (pure). In: items, gaps. Out: findings. RFC 3261 §18.1.1, §18.3, §20.14. */
#include "trace/trace_priv.h"

enum { MAX_LOOK = 4096 }; /* messages about a gap that are looked at for whose it is */

static bool said_before(const struct trace_inside *t, size_t n)
{
    for (size_t k = t->items[n].prev; k != NONE; k = t->items[k].prev)
        if (t->items[k].from == t->items[n].from && is_stream(&t->items[k]) &&
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

/* Of all messages with that Call-ID the last before the time; else the first behind it. */
static size_t item_of_call(const struct trace_inside *t, struct slice call_id, uint64_t time_us)
{
    size_t best = NONE;

    for (size_t c = *table_at(&t->calls_by_id, hash_octets(&t->in->key, call_id)); c != NONE; c = t->calls[c].chain) {
        if (!slice_eq(t->calls[c].call_id, call_id) || t->calls[c].story == NONE)
            continue;
        for (size_t n = t->calls[c].first; n != NONE; n = t->items[n].next)
            if (best == NONE || (time_of(&t->items[n]) <= time_us ? n > best || time_of(&t->items[best]) > time_us
                                                                   : n < best && time_of(&t->items[best]) > time_us))
                best = n;
    }
    return best;
}

/* The first message behind the time. */
static size_t item_behind(const struct trace_inside *t, uint64_t time_us)
{
    size_t low = 0, high = t->n_items;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (time_of(&t->items[mid]) <= time_us)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool is_between(const struct trace_inside *t, const struct item *i, const struct trace_gap *g)
{
    return i->story != NONE && ((is_at(t, i->from, &g->from) && is_at(t, i->to, &g->to)) ||
                                (is_at(t, i->from, &g->to) && is_at(t, i->to, &g->from)));
}

/* A message of the story that the lost one belongs to: by its Call-ID, else the last between these two before it, else
 * the first behind it. */
static size_t item_near(const struct trace_inside *t, const struct trace_gap *g)
{
    struct slice call_id;
    size_t       behind = item_behind(t, g->time_us);

    if (g->octets.n && msg_find_call_id(g->octets, &call_id) == ERR_OK)
        return item_of_call(t, call_id, g->time_us);
    for (size_t n = behind, looked = 0; n-- > 0 && looked < MAX_LOOK; looked++)
        if (is_between(t, &t->items[n], g))
            return n;
    for (size_t n = behind; n < t->n_items && n - behind < MAX_LOOK; n++)
        if (is_between(t, &t->items[n], g))
            return n;
    return NONE;
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

static void find_dropped(struct trace_inside *t, size_t story)
{
    const struct trace_story *st = &t->t->stories[story];
    size_t                    first = find_first_dropped(t, st);
    uint64_t                  missing = 0;
    bool                      known = true;
    char                      text[TEXT_OCTETS];
    struct buf                b = BUF_ON(text);

    if (first == NONE)
        return;
    for (size_t i = first; i < t->n_dropped && t->in->gaps[t->dropped[i]].time_us <= st->end_us + T64_US; i++) {
        missing += t->in->gaps[t->dropped[i]].missing;
        known = known && t->in->gaps[t->dropped[i]].missing && i - first < MAX_LOOK;
        if (!known)
            break;
    }
    if (known)
        buf_putu(&b, missing);
    else
        buf_put(&b, S("Some"));
    buf_put(&b, S(" messages of that time could not be recorded: nobody is judged."));
    fault_add(t, &(struct fault){TRACE_NOTE, "", "", NONE, story}, &b);
}

void find_wire_faults(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_items; n++) {
        if (t->items[n].story == NONE || t->items[n].original != NONE)
            continue;
        find_no_length(t, n);
        find_broken(t, n);
    }
    for (size_t i = 0; i < t->in->n_gaps; i++)
        if (t->in->gaps[i].kind != TRACE_GAP_DROPPED)
            find_gap(t, &t->in->gaps[i]);
    for (size_t s = 0; s < t->t->n_stories && t->n_dropped; s++)
        find_dropped(t, s);
}
