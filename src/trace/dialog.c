/* dialog.c - dialogs of INVITE (RFC 3261 §12): who is at its ends, when it was answered, acknowledged and ended.
 *
 * Room      trace (pure). In: items, transactions, calls. Out: t->dialogs, the dialog of each item.
 * Ends are those of the outermost hops: the one that made the INVITE, and the one that made the response. */
#include "trace/trace_priv.h"

size_t dialog_find(const struct trace_inside *t, size_t call, struct slice a, struct slice b)
{
    if (call == NONE || !a.n || !b.n)
        return NONE;
    for (size_t n = t->calls[call].dialogs; n != NONE; n = t->dialogs[n].next) {
        const struct dialog *d = &t->dialogs[n];

        if ((slice_eq(d->tag[0], a) && slice_eq(d->tag[1], b)) || (slice_eq(d->tag[0], b) && slice_eq(d->tag[1], a)))
            return n;
    }
    return NONE;
}

size_t dialog_named(const struct trace_inside *t, const struct dialog_ref *ref, size_t *call)
{
    *call = NONE;
    for (size_t c = *table_at(&t->calls_by_id, hash_octets(&t->in->key, ref->call_id)); c != NONE; c = t->calls[c].chain) {
        size_t d;

        if (!slice_eq(t->calls[c].call_id, ref->call_id))
            continue;
        *call = c;
        if ((d = dialog_find(t, c, ref->to_tag, ref->from_tag)) != NONE)
            return d;
    }
    return NONE;
}

bool dialog_rings(const struct trace_inside *t, size_t dialog, uint64_t at_us)
{
    size_t answer = t->dialogs[dialog].answer;

    return answer == NONE || time_of(&t->items[answer]) > at_us;
}

int dialog_side(const struct dialog *d, struct slice from_tag)
{
    return slice_eq(d->tag[1], from_tag) && !slice_eq(d->tag[0], from_tag);
}

bool item_in_dialog(const struct item *i)
{
    return is_request(i) && i->from_tag.n && i->to_tag.n;
}

static size_t make(struct trace_inside *t, const struct item *i, struct slice caller, struct slice callee)
{
    struct dialog *d = &t->dialogs[t->n_dialogs];

    *d = (struct dialog){.call = i->call, .next = t->calls[i->call].dialogs, .tag = {caller, callee}, .end = {NONE, NONE}, .early = NONE, .answer = NONE, .last_said = NONE,
                         .ack = {NONE, NONE}, .bye = NONE, .bye_final = NONE, .invite_seen = NONE, .answer_seen = NONE};
    t->calls[i->call].dialogs = t->n_dialogs;
    return t->n_dialogs++;
}

/* A 101-299 to an INVITE outside a dialog makes one. The first hop it is seen on is the callee's, the last the caller's. */
static size_t on_invite_response(struct trace_inside *t, size_t n)
{
    struct item       *i = &t->items[n];
    const struct tsx  *x = i->tsx == NONE ? NULL : &t->tsxs[i->tsx];
    size_t             at = dialog_find(t, i->call, i->from_tag, i->to_tag);
    struct dialog     *d;

    if (!i->to_tag.n || status_of(i) == 100 || status_of(i) >= 300)
        return at;
    if (x && x->request != NONE && t->items[x->request].to_tag.n)
        return at; /* a re-INVITE's */
    if (at == NONE)
        at = make(t, i, i->from_tag, i->to_tag);
    d = &t->dialogs[at];
    if (d->end[1] == NONE) {
        d->end[1] = i->from;
        d->invite_seen = x ? x->request : NONE;
    }
    d->end[0] = t->calls[i->call].invite == NONE ? i->to : t->calls[i->call].caller;
    if (status_of(i) < 200 && d->early == NONE)
        d->early = n;
    if (status_of(i) >= 200 && d->answer == NONE)
        d->answer = n;
    if (status_of(i) >= 200)
        d->answer_seen = n;
    return at;
}

static void on_ack(const struct trace_inside *t, struct dialog *d, size_t n)
{
    const struct item *i = &t->items[n];

    if (d->answer == NONE || i->cseq != t->items[d->answer].cseq)
        return;
    if (i->from == d->end[0] && d->ack[0] == NONE)
        d->ack[0] = n;
    if (i->to == d->end[1] && d->ack[1] == NONE)
        d->ack[1] = n;
}

static void on_bye(const struct trace_inside *t, struct dialog *d, size_t n)
{
    const struct item *i = &t->items[n];

    if (is_request(i)) {
        if (d->bye == NONE)
            d->bye = n;
        d->crossed = d->crossed || !slice_eq(i->from_tag, t->items[d->bye].from_tag);
        return;
    }
    if (status_of(i) < 200)
        return;
    if (status_of(i) != 401 && status_of(i) != 407) {
        d->bye_final = n;
        d->ended_us = time_of(i);
    }
}

static size_t on_other(struct trace_inside *t, size_t n)
{
    struct item *i = &t->items[n];
    size_t       at = dialog_find(t, i->call, i->from_tag, i->to_tag);

    if (at != NONE || !i->from_tag.n || !i->to_tag.n || t->calls[i->call].invite != NONE)
        return at;
    if (i->method_id == METHOD_SUBSCRIBE || i->method_id == METHOD_NOTIFY || i->method_id == METHOD_CANCEL)
        return at;
    at = make(t, i, i->from_tag, i->to_tag); /* it was there before the capture began */
    t->dialogs[at].end[0] = t->calls[i->call].caller;
    t->dialogs[at].end[1] = t->calls[i->call].callee;
    return at;
}

static void append(struct trace_inside *t, size_t n)
{
    struct dialog *d = &t->dialogs[t->items[n].dialog];

    t->items[n].next_said = NONE;
    if (d->last_said != NONE)
        t->items[d->last_said].next_said = n;
    d->last_said = n;
}

enum err trace_find_dialogs(struct trace_inside *t)
{
    if (!(t->dialogs = arena_alloc(t->a, (t->n_items + 1) * sizeof *t->dialogs)))
        return ERR_NOMEM;
    for (size_t n = 0; n < t->n_items; n++) {
        struct item *i = &t->items[n];

        if (i->original != NONE)
            i->dialog = t->items[i->original].dialog;
        else
            i->dialog = is_response_to(i, METHOD_INVITE) ? on_invite_response(t, n) : on_other(t, n);
        if (i->dialog == NONE)
            continue;
        append(t, n);
        if (i->original != NONE)
            continue;
        if (is_request(i) && i->method_id == METHOD_ACK)
            on_ack(t, &t->dialogs[i->dialog], n);
        else if (i->method_id == METHOD_BYE)
            on_bye(t, &t->dialogs[i->dialog], n);
    }
    return ERR_OK;
}
