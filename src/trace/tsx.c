/* tsx.c - transactions, hop by hop, and what was passed on as what.
 *
 * Room      trace (pure). In: t->items with their ends. Out: t->tsxs, and tsx and cause of each item.
 * Matching is RFC 3261 §17.1.3 and §17.2.3, with Call-ID, CSeq and the hop looked at besides: an exchange that gives one
 * branch to two hops must not confuse the ladder. Copies are not looked at. */
#include "trace/trace_priv.h"

static enum method matching_method(const struct item *i)
{
    return i->method_id == METHOD_ACK ? METHOD_INVITE : i->method_id;
}

static uint64_t hash_item(const struct trace_inside *t, const struct item *i)
{
    return hash_octets(&t->in->key, i->call_id) + i->cseq * 0x9e3779b97f4a7c15ull + (uint64_t)matching_method(i);
}

static const struct item *any_item(const struct trace_inside *t, const struct tsx *x)
{
    size_t n = x->request != NONE ? x->request : x->trying != NONE ? x->trying : x->ringing != NONE ? x->ringing : x->final;

    return &t->items[n];
}

static bool same_branch(const struct trace_inside *t, const struct tsx *x, const struct item *i)
{
    const struct item *first = any_item(t, x);

    return !first->branch.n || !i->branch.n || slice_eq(first->branch, i->branch);
}

static bool same_call(const struct trace_inside *t, const struct tsx *x, const struct item *i)
{
    const struct item *other = any_item(t, x);

    return x->method == matching_method(i) && other->cseq == i->cseq && slice_eq(other->call_id, i->call_id) &&
           (x->method != METHOD_OTHER || slice_eq(other->method, i->method));
}

/* The transaction of i on the hop from `client` to `server`; NONE. Any hop when client is NONE. */
static size_t find(const struct trace_inside *t, const struct table *by_call, const struct item *i, size_t client,
                   size_t server)
{
    for (size_t n = *table_at(by_call, hash_item(t, i)); n != NONE; n = t->tsxs[n].chain) {
        const struct tsx *x = &t->tsxs[n];

        if (same_call(t, x, i) && same_branch(t, x, i) && (client == NONE || (x->from == client && x->to == server)))
            return n;
    }
    return NONE;
}

static struct tsx *make(struct trace_inside *t, struct table *by_call, struct item *i, bool request)
{
    struct tsx *x = &t->tsxs[t->n_tsxs];
    size_t     *head = table_at(by_call, hash_item(t, i));

    *x = (struct tsx){.request = NONE, .from = request ? i->from : i->to, .to = request ? i->to : i->from,
                      .method = matching_method(i), .call = NONE, .parent = NONE, .child = NONE, .trying = NONE,
                      .ringing = NONE, .ringing_before = NONE, .final = NONE, .other_final = NONE, .ack_out = NONE, .ack_in = NONE,
                      .cancel = NONE, .next = NONE, .chain = *head};
    i->tsx = t->n_tsxs;
    *head = t->n_tsxs++;
    return x;
}

/* The transaction that x passes on: same Call-ID, CSeq and method, ended where x begins, with the branch that stands below
 * x's own; failing that (an exchange that hides the Vias, or adds none) the last such before. */
static void find_parent(struct trace_inside *t, const struct table *by_call, struct tsx *x, const struct item *i)
{
    size_t best = NONE;

    for (size_t n = *table_at(by_call, hash_item(t, i)); n != NONE; n = t->tsxs[n].chain) {
        const struct tsx  *p = &t->tsxs[n];
        const struct item *r = p->request == NONE ? NULL : &t->items[p->request];

        if (p == x || !r || !same_call(t, p, i) || p->to != x->from || p->from == x->to || r->n_vias > i->n_vias ||
            !slice_eq(r->from_tag, i->from_tag))
            continue;
        if (i->via2.n && slice_eq(r->branch, i->via2)) {
            best = n;
            break;
        }
        if (best == NONE && r->n_vias + 1 != i->n_vias)
            best = n;
    }
    x->parent = best;
    if (best == NONE)
        return;
    if (t->tsxs[best].child == NONE)
        t->tsxs[best].child = (size_t)(x - t->tsxs);
    t->items[x->request].cause = t->tsxs[best].request;
    if (x->method == METHOD_INVITE)
        t->ends[x->from].proxy = true;
}

static void on_request(struct trace_inside *t, struct table *by_call, struct item *i)
{
    size_t      n = find(t, by_call, i, i->from, i->to);
    struct tsx *x;

    if (n != NONE && t->tsxs[n].request == NONE && i->method_id != METHOD_ACK)
        t->tsxs[n].request = (size_t)(i - t->items);
    if (n != NONE) {
        i->tsx = n;
        return;
    }
    x = make(t, by_call, i, true);
    x->request = (size_t)(i - t->items);
    find_parent(t, by_call, x, i);
}

static bool final_2xx(const struct trace_inside *t, const struct tsx *x)
{
    return x->final != NONE && status_of(&t->items[x->final]) < 300;
}

/* An ACK acknowledges the transaction with its own branch (3xx-6xx), or every one of its INVITE whose 2xx came from where
 * it goes, or went to where it comes from: it may take another way than the INVITE. Of a fork's many only one has it. */
static void on_ack(struct trace_inside *t, struct table *by_call, struct item *i)
{
    size_t own = (size_t)(i - t->items);

    for (size_t n = *table_at(by_call, hash_item(t, i)); n != NONE; n = t->tsxs[n].chain) {
        struct tsx *x = &t->tsxs[n];
        bool        hop = x->from == i->from && x->to == i->to;

        if (!same_call(t, x, i) || x->final == NONE)
            continue;
        if (!final_2xx(t, x) && !(hop && same_branch(t, x, i)))
            continue;
        if (final_2xx(t, x) && i->to_tag.n && !slice_eq(t->items[x->final].to_tag, i->to_tag))
            continue;
        if (x->from == i->from && x->ack_out == NONE)
            x->ack_out = own;
        if (x->to == i->to && x->ack_in == NONE)
            x->ack_in = own;
        if (i->tsx == NONE && (x->from == i->from || x->to == i->to))
            i->tsx = n;
    }
}

/* The same response, as it came to the one who passes it on: in a child of x, before. */
static size_t find_response_cause(const struct trace_inside *t, const struct table *by_call, const struct tsx *x,
                                  const struct item *i)
{
    size_t best = NONE, self = (size_t)(x - t->tsxs);

    for (size_t n = *table_at(by_call, hash_item(t, i)); n != NONE; n = t->tsxs[n].chain) {
        const struct tsx *c = &t->tsxs[n];
        size_t            from[] = {c->trying, c->ringing_before, c->ringing, c->final, c->other_final};

        if (c->parent != self || status_of(i) == 100)
            continue;
        for (size_t k = 0; k < sizeof from / sizeof *from; k++) {
            if (from[k] != NONE && status_of(&t->items[from[k]]) == status_of(i) &&
                slice_eq(t->items[from[k]].to_tag, i->to_tag) && (best == NONE || from[k] > best))
                best = from[k];
        }
    }
    return best;
}

/* One more 2xx to an INVITE, by another phone: lawful, and so less telling than any other second answer. */
static bool of_a_fork(const struct trace_inside *t, const struct tsx *x, size_t n)
{
    return x->method == METHOD_INVITE && status_of(&t->items[n]) / 100 == 2 &&
           !slice_eq(t->items[n].to_tag, t->items[x->final].to_tag);
}

static void note_response(struct trace_inside *t, struct tsx *x, struct item *i)
{
    size_t own = (size_t)(i - t->items);

    if (status_of(i) == 100) {
        if (x->trying == NONE)
            x->trying = own;
    } else if (status_of(i) < 200) {
        x->ringing_before = x->ringing;
        x->ringing = own;
    } else if (x->final == NONE) {
        x->final = own;
    } else if (x->other_final == NONE || (of_a_fork(t, x, x->other_final) && !of_a_fork(t, x, own))) {
        x->other_final = own;
    }
}

static void on_response(struct trace_inside *t, struct table *by_call, struct item *i)
{
    size_t      n = find(t, by_call, i, i->to, i->from);
    struct tsx *x;

    if (n == NONE)
        n = find(t, by_call, i, NONE, NONE);
    x = n == NONE ? make(t, by_call, i, false) : &t->tsxs[n];
    i->tsx = (size_t)(x - t->tsxs);
    i->cause = find_response_cause(t, by_call, x, i);
    note_response(t, x, i);
}

/* An ACK that was passed on. `acks`: those before it, chained by `chain`. */
static void find_ack_cause(struct trace_inside *t, struct table *acks, size_t n)
{
    struct item *i = &t->items[n];
    size_t      *head = table_at(acks, hash_item(t, i));

    for (size_t back = *head; back != NONE && i->cause == NONE; back = t->items[back].chain) {
        const struct item *o = &t->items[back];

        if (time_of(i) - time_of(o) > T64_US)
            break;
        if (o->to == i->from && o->from != i->to && o->cseq == i->cseq && (!i->via2.n || slice_eq(o->branch, i->via2)) &&
            slice_eq(o->call_id, i->call_id) && slice_eq(o->from_tag, i->from_tag))
            i->cause = back;
    }
    i->chain = *head;
    *head = n;
}

static void find_cancelled(struct trace_inside *t, const struct table *by_call)
{
    for (size_t n = 0; n < t->n_items; n++) {
        struct item  invite = t->items[n];
        size_t       x;

        if (!is_request(&invite) || invite.method_id != METHOD_CANCEL || invite.original != NONE)
            continue;
        invite.method_id = METHOD_INVITE;
        x = find(t, by_call, &invite, invite.from, invite.to);
        if (x != NONE && t->tsxs[x].cancel == NONE)
            t->tsxs[x].cancel = n;
    }
}

/* Of a response its transaction's; of an ACK the INVITE of that sender with its number, the one on its hop if there is. */
static void find_request(struct trace_inside *t, const struct table *by_call, struct item *i)
{
    if (!is_request(i) && i->tsx != NONE)
        i->request = t->tsxs[i->tsx].request;
    if (!is_request(i) || i->method_id != METHOD_ACK)
        return;
    for (size_t n = *table_at(by_call, hash_item(t, i)); n != NONE; n = t->tsxs[n].chain)
        if (same_call(t, &t->tsxs[n], i) && t->tsxs[n].from == i->from && t->tsxs[n].request != NONE &&
            (i->request == NONE || t->tsxs[n].to == i->to))
            i->request = t->tsxs[n].request;
}

size_t tsx_root(const struct trace_inside *t, size_t tsx)
{
    while (t->tsxs[tsx].parent != NONE)
        tsx = t->tsxs[tsx].parent;
    return tsx;
}

unsigned tsx_status(const struct trace_inside *t, const struct tsx *x)
{
    return x->final == NONE ? 0 : status_of(&t->items[x->final]);
}

enum err trace_find_tsxs(struct trace_inside *t)
{
    struct table by_call, acks;
    enum err     e = table_init(t->a, t->n_items, &by_call);

    if (!e)
        e = table_init(t->a, t->n_items, &acks);
    t->tsxs = arena_alloc(t->a, (t->n_items + 1) * sizeof *t->tsxs);
    if (e || !t->tsxs)
        return ERR_NOMEM;
    for (size_t n = 0; n < t->n_items; n++) {
        struct item *i = &t->items[n];

        if (i->original != NONE)
            continue;
        if (!is_request(i))
            on_response(t, &by_call, i);
        else if (i->method_id == METHOD_ACK)
            on_ack(t, &by_call, i);
        else
            on_request(t, &by_call, i);
        if (is_request(i) && i->method_id == METHOD_ACK)
            find_ack_cause(t, &acks, n);
    }
    find_cancelled(t, &by_call);
    for (size_t n = 0; n < t->n_items; n++) {
        if (t->items[n].original != NONE)
            t->items[n].tsx = t->items[t->items[n].original].tsx;
        else
            find_request(t, &by_call, &t->items[n]);
    }
    return ERR_OK;
}
