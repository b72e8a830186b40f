/* read.c - messages in, items out: parsed, in the order of time, copies known as copies.
 *
 * Room      trace (pure). In: struct trace_input. Out: t->items.
 * A copy is the same octets again on the same hop: a retransmission, or one packet that was captured twice. The same
 * octets with one end alike and the other another one, at once, are one packet before and behind a translator of
 * addresses: ends.c makes the two ends one. */
#include "trace/trace_priv.h"

static bool earlier(const void *ctx, size_t a, size_t b)
{
    const struct trace_message *m = ctx;

    return m[a].time_us < m[b].time_us;
}

static enum err read_ids(struct item *i)
{
    struct cseq  cseq;
    struct via   via;
    struct slice element;

    i->call_id = msg_call_id(i->m);
    if (!i->call_id.n || msg_cseq(i->m, &cseq))
        return ERR_SYNTAX;
    i->cseq = cseq.number;
    i->method = i->m->is_request ? i->m->method : cseq.method;
    i->method_id = i->m->is_request ? i->m->method_id : cseq.method_id;
    i->from_tag = msg_from_tag(i->m);
    i->to_tag = msg_to_tag(i->m);
    i->n_vias = (uint32_t)msg_element_count(i->m, HDR_VIA);
    if (msg_via(i->m))
        i->branch = msg_via(i->m)->branch;
    if (msg_element(i->m, HDR_VIA, 1, &element) == ERR_OK && via_parse(element, &via) == ERR_OK)
        i->via2 = via.branch;
    return ERR_OK;
}

/* What came of a message whose rest was not captured: enough of it to stand in the ladder, or nothing. */
static enum err read_gap(struct trace_inside *t, const struct trace_gap *gap, struct trace_message **out)
{
    struct trace_message *m = gap->octets.n ? ARENA_NEW(t->a, struct trace_message) : NULL;

    *out = m;
    if (!gap->octets.n)
        return ERR_OK;
    if (!m)
        return ERR_NOMEM;
    *m = (struct trace_message){.time_us = gap->time_us, .from = gap->from, .to = gap->to, .frame = gap->frame,
                                .octets = gap->octets,
                                .transport = gap->kind == TRACE_GAP_STREAM ? TRACE_TCP : TRACE_UDP};
    return ERR_OK;
}

static enum err read_one(struct trace_inside *t, const struct trace_message *in)
{
    struct item *i = &t->items[t->n_items];
    enum err     e;

    *i = (struct item){.in = in, .original = NONE, .tsx = NONE, .call = NONE, .dialog = NONE, .request = NONE, .cause = NONE,
                       .prev = NONE, .next = NONE, .made = NONE, .story = NONE, .row = NONE, .last_us = in->time_us};
    e = msg_parse(t->a, in->octets, &i->m);
    if (e == ERR_NOMEM)
        return e;
    if (e || read_ids(i)) {
        t->t->n_unread++;
        return ERR_OK;
    }
    t->n_items++;
    return ERR_OK;
}

static bool same_octets(const struct item *a, const struct item *b)
{
    return slice_eq(a->in->octets, b->in->octets);
}

static bool is_copy(const struct item *now, const struct item *then)
{
    uint64_t age = time_of(now) - time_of(then);
    bool     same_from = addr_eq(&now->in->from, &then->in->from), same_to = addr_eq(&now->in->to, &then->in->to);

    if (!same_octets(now, then))
        return false;
    return same_from && same_to ? age <= COPY_US : (same_from || same_to) && age <= NAT_SEEN_US;
}

static void fold(struct item *now, struct item *then)
{
    if (time_of(now) - time_of(then) > TWICE_SEEN_US && addr_eq(&now->in->from, &then->in->from))
        then->copies++;
    then->last_us = time_of(now);
}

/* The original is never itself a copy: it is the one that is put into the table. */
static enum err find_copies(struct trace_inside *t)
{
    struct table by_octets;
    enum err     e = table_init(t->a, t->n_items, &by_octets);

    for (size_t n = 0; n < t->n_items && !e; n++) {
        struct item *now = &t->items[n];
        size_t      *head = table_at(&by_octets, hash_octets(&t->in->key, now->in->octets));
        size_t       at = *head;

        while (at != NONE && !is_copy(now, &t->items[at]))
            at = t->items[at].chain;
        if (at != NONE) {
            now->original = at;
            fold(now, &t->items[at]);
        } else {
            now->chain = *head;
            *head = n;
        }
    }
    return e;
}

static void find_times(struct trace_inside *t, const size_t *order)
{
    const struct trace_input *in = t->in;

    t->begin_us = in->begin_us;
    t->end_us = in->end_us;
    if (!t->begin_us && !t->end_us && in->n_messages) {
        t->begin_us = in->messages[order[0]].time_us;
        t->end_us = in->messages[order[in->n_messages - 1]].time_us;
    }
    for (size_t i = 0; i < in->n_sounds; i++)
        if (in->sounds[i].last_us > t->end_us)
            t->end_us = in->sounds[i].last_us;
}

static enum err read_messages(struct trace_inside *t)
{
    const struct trace_input *in = t->in;
    size_t                   *order = arena_alloc(t->a, in->n_messages * sizeof *order);
    enum err                  e = ERR_OK;

    if (!order)
        return ERR_NOMEM;
    for (size_t i = 0; i < in->n_messages; i++)
        order[i] = i;
    if ((e = sort_indexes(t->a, order, in->n_messages, earlier, in->messages)))
        return e;
    find_times(t, order);
    for (size_t i = 0; i < in->n_messages && !e; i++)
        e = read_one(t, &in->messages[order[i]]);
    return e;
}

static bool item_earlier(const void *ctx, size_t a, size_t b)
{
    const struct item *items = ctx;

    return time_of(&items[a]) < time_of(&items[b]);
}

/* The parts of messages take their places among the messages. */
static enum err read_gaps(struct trace_inside *t)
{
    size_t       whole = t->n_items, *order;
    struct item *sorted;
    enum err     e = ERR_OK;

    for (size_t i = 0; i < t->in->n_gaps && !e; i++) {
        struct trace_message *m;
        size_t                n = t->n_items;

        if ((e = read_gap(t, &t->in->gaps[i], &m)) || !m)
            continue;
        e = read_one(t, m);
        if (t->n_items > n)
            t->items[n].partial = true;
    }
    if (e || t->n_items == whole)
        return e;
    order = arena_alloc(t->a, t->n_items * sizeof *order);
    sorted = arena_alloc(t->a, t->n_items * sizeof *sorted);
    if (!order || !sorted)
        return ERR_NOMEM;
    for (size_t i = 0; i < t->n_items; i++)
        order[i] = i;
    if ((e = sort_indexes(t->a, order, t->n_items, item_earlier, t->items)))
        return e;
    for (size_t i = 0; i < t->n_items; i++)
        sorted[i] = t->items[order[i]];
    t->items = sorted;
    return ERR_OK;
}

enum err trace_read(struct trace_inside *t)
{
    enum err e;

    if (!(t->items = arena_alloc(t->a, (t->in->n_messages + t->in->n_gaps + 1) * sizeof *t->items)))
        return ERR_NOMEM;
    if ((e = read_messages(t)) || (e = read_gaps(t)))
        return e;
    return find_copies(t);
}
