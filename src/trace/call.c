/* call.c - calls: one attempt of one caller, told apart by Call-ID and, behind a 3xx, by CSeq.
 *
 * Room      trace (pure). In: items, transactions. Out: t->calls, the call of each item and transaction. */
#include "trace/trace_priv.h"

static struct call *add(struct trace_inside *t, const struct item *i)
{
    struct call *c = &t->calls[t->n_calls];

    *c = (struct call){.call_id = i->call_id, .first = NONE, .last = NONE, .invite = NONE, .callee = NONE,
                       .redirect = NONE, .refusal = NONE, .bye = NONE, .focus = NONE, .last_refer = NONE, .group = t->n_calls, .next = NONE, .dialogs = NONE, .made_by = NONE,
                       .bridge = NONE, .ringing = NONE, .first_tsx = NONE, .last_tsx = NONE, .story = NONE, .chain = NONE};
    c->caller = is_request(i) ? i->from : i->to;
    c->caller_tag = i->from_tag;
    c->cseq_from = 0;
    t->n_calls++;
    return c;
}

static size_t find_group(const struct trace_inside *t, struct table *by_id, const struct item *i, size_t **head)
{
    *head = table_at(by_id, hash_octets(&t->in->key, i->call_id));
    for (size_t n = **head; n != NONE; n = t->calls[n].chain)
        if (slice_eq(t->calls[n].call_id, i->call_id))
            return n;
    return NONE;
}

static bool begins_again(const struct trace_inside *t, const struct call *latest, const struct item *i)
{
    return is_request(i) && i->method_id == METHOD_INVITE && !i->to_tag.n && latest->redirect != NONE &&
           i->from == latest->caller && i->cseq > t->items[latest->redirect].cseq;
}

/* The attempt that i belongs to; *latest is the last one of its Call-ID. */
static struct call *attempt_of(struct trace_inside *t, size_t group, const struct item *i)
{
    struct call *c = &t->calls[group], *best = c;

    for (; c->next != NONE; c = &t->calls[c->next])
        if (!slice_eq(i->from_tag, c->caller_tag) || i->cseq >= t->calls[c->next].cseq_from)
            best = &t->calls[c->next];
    if (!begins_again(t, c, i))
        return best;
    best = add(t, i);
    best->kept_call_id = true;
    best->cseq_from = i->cseq;
    c->next = (size_t)(best - t->calls);
    return best;
}

static bool makes_a_call(const struct item *i)
{
    switch (i->method_id) {
    case METHOD_INVITE:
    case METHOD_ACK:
    case METHOD_BYE:
    case METHOD_CANCEL:
    case METHOD_REFER:
    case METHOD_PRACK:
    case METHOD_UPDATE:
        return true;
    case METHOD_NOTIFY: { /* of a transfer, whose REFER was not seen */
        struct event ev;

        return is_request(i) && msg_event(i->m, &ev) == ERR_OK && slice_ieq(ev.package, S("refer"));
    }
    default:
        return false;
    }
}

static void note_tsx(struct trace_inside *t, struct call *c, size_t x)
{
    t->tsxs[x].call = (size_t)(c - t->calls);
    if (c->first_tsx == NONE)
        c->first_tsx = x;
    else
        t->tsxs[c->last_tsx].next = x;
    c->last_tsx = x;
}

static void note(struct trace_inside *t, struct call *c, size_t n)
{
    struct item *i = &t->items[n];

    i->call = (size_t)(c - t->calls);
    if (c->first == NONE)
        c->first = n;
    else
        t->items[c->last].next = n;
    i->prev = c->last;
    c->last = n;
    c->is_call = c->is_call || makes_a_call(i);
    if (i->original != NONE)
        return;
    if (i->tsx != NONE && t->tsxs[i->tsx].call == NONE)
        note_tsx(t, c, i->tsx);
    if (is_response_to(i, METHOD_INVITE) && status_of(i) / 100 == 3 && i->to == c->caller)
        c->redirect = n;
    if (is_request(i) && i->method_id == METHOD_BYE && c->bye == NONE)
        c->bye = n;
    if (is_request(i) && i->method_id == METHOD_REFER)
        c->last_refer = n;
    if (i->method_id == METHOD_INVITE && i->cause == NONE && c->focus == NONE && item_is_focus(i))
        c->focus = n;
    if (is_request(i) && i->method_id == METHOD_INVITE && !i->to_tag.n && i->tsx != NONE &&
        t->tsxs[i->tsx].parent == NONE && (c->invite == NONE || i->from == t->tsxs[c->invite].from)) {
        c->invite = i->tsx;
        c->caller = i->from;
        c->caller_tag = i->from_tag;
    }
}

/* The end that answered; else the last that was asked; in a call without an INVITE the other end of its first message. */
static void find_callees(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_tsxs; n++) {
        const struct tsx *x = &t->tsxs[n];
        struct call      *c;

        if (x->method != METHOD_INVITE || x->request == NONE || x->call == NONE || t->items[x->request].to_tag.n)
            continue;
        c = &t->calls[x->call];
        if (x->child != NONE || x->to == c->caller)
            continue;
        if (c->callee == NONE || tsx_status(t, x) / 100 == 2 || !end_is_exchange(t, x->to))
            c->callee = x->to;
    }
}

/* --- calls whose start was not seen ------------------------------------------------------------------------------------ */

/* The first message tells who one of the two is: a response to an INVITE comes from the callee's side. */
static void find_first_end(struct trace_inside *t, struct call *c)
{
    const struct item *i = &t->items[c->first];

    if (!end_is_exchange(t, c->caller))
        return;
    if (is_response_to(i, METHOD_INVITE)) {
        c->caller = NONE;
        c->callee = end_is_exchange(t, i->from) ? NONE : i->from;
    } else {
        c->caller = c->caller == i->from ? i->to : i->from;
    }
}

/* The other is the next that speaks or is spoken to and is no exchange. */
static void find_other_end(struct trace_inside *t, struct call *c)
{
    for (size_t n = c->first; n != NONE && (c->caller == NONE || c->callee == NONE); n = t->items[n].next) {
        size_t ends[2] = {t->items[n].from, t->items[n].to};

        for (size_t k = 0; k < 2; k++) {
            if (ends[k] == c->caller || ends[k] == c->callee || end_is_exchange(t, ends[k]))
                continue;
            if (c->caller == NONE)
                c->caller = ends[k];
            else if (c->callee == NONE)
                c->callee = ends[k];
        }
    }
}

/* Is i something that only comes once a call is answered? */
static bool shows_it_is_up(const struct item *i)
{
    switch (i->method_id) {
    case METHOD_INVITE: /* an ACK is no sign: refusals have one, too */
        return is_request(i) ? i->to_tag.n > 0 : status_of(i) / 100 == 2;
    case METHOD_BYE:
    case METHOD_REFER:
    case METHOD_INFO:
    case METHOD_UPDATE:
        return i->to_tag.n > 0;
    case METHOD_NOTIFY:
        return is_request(i); /* of a transfer: others make no call */
    default:
        return false;
    }
}

static void find_what_it_was(struct trace_inside *t, struct call *c)
{
    for (size_t n = c->first; n != NONE; n = t->items[n].next) {
        const struct item *i = &t->items[n];

        if (is_response_to(i, METHOD_INVITE) && status_of(i) >= 300 && c->refusal == NONE)
            c->refusal = n;
        c->up_before = c->up_before || shows_it_is_up(i);
    }
    if (c->up_before)
        c->refusal = NONE;
}

enum err trace_find_calls(struct trace_inside *t)
{
    struct table by_id;
    enum err     e = table_init(t->a, t->n_items, &by_id);

    t->calls = arena_alloc(t->a, (t->n_items + 1) * sizeof *t->calls);
    if (e || !t->calls)
        return ERR_NOMEM;
    for (size_t n = 0; n < t->n_items; n++) {
        const struct item *i = &t->items[n];
        size_t            *head, group = find_group(t, &by_id, i, &head);
        struct call       *c;

        if (i->original != NONE) {
            note(t, &t->calls[t->items[i->original].call], n);
            continue;
        }
        if (group == NONE) {
            c = add(t, i);
            c->chain = *head;
            *head = (size_t)(c - t->calls);
        } else {
            c = attempt_of(t, group, i);
        }
        note(t, c, n);
    }
    find_callees(t);
    for (size_t n = 0; n < t->n_calls; n++) {
        if (t->calls[n].invite != NONE)
            continue;
        find_first_end(t, &t->calls[n]);
        find_other_end(t, &t->calls[n]);
        find_what_it_was(t, &t->calls[n]);
    }
    return ERR_OK;
}
