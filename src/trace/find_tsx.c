/* find_tsx.c - what went wrong within transactions: no answer, no ACK, two answers, loops, refusals that are faults.
 *
 * Room      trace (pure). In: transactions. Out: findings.
 * Silence is only held against somebody when it can be seen: the capture went on for long enough, or the other side sent
 * its message again. A retransmission, a 487 after a CANCEL, a CANCEL that crossed the answer are lawful. */
#include "trace/trace_priv.h"

static void put_of(struct buf *b, const struct item *i)
{
    if (is_request(i)) {
        put_wire(b, i->method);
        return;
    }
    buf_putu(b, status_of(i));
    buf_put(b, S(" to the "));
    put_wire(b, i->method);
}

static void put_times(struct buf *b, const struct item *i)
{
    if (!i->copies)
        return;
    buf_put(b, S(", though it was sent "));
    buf_putu(b, i->copies + 1);
    buf_put(b, S(" times in "));
    put_seconds(b, i->last_us - time_of(i));
}

/* How long after the last copy of i anything was still captured. */
static uint64_t silence_after(const struct trace_inside *t, const struct item *i)
{
    return seen_after(t, i->last_us);
}

/* Something later of the call was asked and answered between the two. */
static bool answered_later(const struct trace_inside *t, const struct tsx *x)
{
    for (size_t n = x->next; n != NONE; n = t->tsxs[n].next) {
        const struct tsx *y = &t->tsxs[n];

        if (y->request == NONE || y->final == NONE)
            continue;
        if (time_of(&t->items[y->request]) > time_of(&t->items[x->request]) + T64_US)
            return false;
        if ((y->from == x->from && y->to == x->to) || (y->from == x->to && y->to == x->from))
            return true;
    }
    return false;
}

/* Would an answer have been seen? Copies tell; or the time in which the first copy had to come; or that something later
 * was answered. */
bool kept_silent(const struct trace_inside *t, const struct tsx *x)
{
    const struct item *i = &t->items[x->request];

    return i->copies > 0 || silence_after(t, i) >= 2 * T1_US || (x->method != METHOD_INVITE && answered_later(t, x));
}

/* --- nobody answered ----------------------------------------------------------------------------------------------------- */


static void find_no_answer(struct trace_inside *t, const struct tsx *x)
{
    const struct item *i = &t->items[x->request];
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);
    bool               invite = x->method == METHOD_INVITE;

    if (x->final != NONE || x->child != NONE || x->method == METHOD_REFER || !kept_silent(t, x))
        return;
    if (invite && (x->ringing != NONE || x->trying != NONE))
        return; /* at work: it may take as long as people do */
    put_end(&b, t, i->story, x->to);
    buf_put(&b, S(" never answered the "));
    put_wire(&b, i->method);
    buf_put(&b, S(" of "));
    put_end(&b, t, i->story, x->from);
    put_times(&b, i);
    buf_put(&b, invite ? S(": it is not there, or its answers do not arrive.") : S("."));
    fault_add(t, &(struct fault){TRACE_WARNING, "RFC 3261", invite ? "17.1.1.2" : "17.1.2.2", x->request, NONE}, &b);
}

/* A CANCEL, and yet the INVITE has no end (RFC 3261 §9.2). */
static void find_no_487(struct trace_inside *t, const struct tsx *x)
{
    const struct item *cancel;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (x->method != METHOD_INVITE || x->cancel == NONE || x->final != NONE || x->child != NONE)
        return;
    cancel = &t->items[x->cancel];
    if (silence_after(t, cancel) < 2 * T1_US || x->ringing == NONE)
        return;
    put_end(&b, t, cancel->story, x->to);
    buf_put(&b, S(" took the CANCEL and never ended the INVITE: 487 is missing."));
    fault_add(t, &(struct fault){TRACE_WARNING, "RFC 3261", "9.2", x->cancel, NONE}, &b);
}

/* --- the ACK of a refusal ---------------------------------------------------------------------------------------------------- */

static void find_no_ack(struct trace_inside *t, const struct tsx *x)
{
    const struct item *final;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (x->method != METHOD_INVITE || tsx_status(t, x) < 300 || x->ack_out != NONE || x->request == NONE)
        return;
    final = &t->items[x->final];
    if (!final->copies && silence_after(t, final) < 2 * T1_US)
        return;
    put_end(&b, t, final->story, x->from);
    buf_put(&b, S(" did not acknowledge the "));
    put_of(&b, final);
    put_times(&b, final);
    buf_put(&b, S("."));
    fault_add(t, &(struct fault){TRACE_ERROR, "RFC 3261", "17.1.1.3", x->final, NONE}, &b);
}

/* --- two answers ---------------------------------------------------------------------------------------------------------------- */

static bool says_the_same(const struct item *a, const struct item *b)
{
    return status_of(a) == status_of(b) && slice_eq(a->to_tag, b->to_tag) && slice_eq(a->m->body, b->m->body);
}

static void find_two_finals(struct trace_inside *t, const struct tsx *x)
{
    const struct item *first, *second;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);
    bool               same;

    if (x->final == NONE || x->other_final == NONE)
        return;
    first = &t->items[x->final];
    second = &t->items[x->other_final];
    if (x->method == METHOD_INVITE && status_of(second) < 300 && !slice_eq(first->to_tag, second->to_tag))
        return; /* another phone of a fork answered too: every 2xx goes to the caller (RFC 3261 §16.7) */
    same = says_the_same(first, second);
    put_end(&b, t, second->story, second->from);
    buf_put(&b, S(" answered the "));
    put_wire(&b, second->method);
    buf_put(&b, same ? S(" twice, and not with the same octets (") : S(" twice, with different results ("));
    buf_putu(&b, status_of(first));
    buf_put(&b, S(", then "));
    buf_putu(&b, status_of(second));
    buf_put(&b, S(")."));
    fault_add(t, &(struct fault){same ? TRACE_NOTE : TRACE_ERROR, "RFC 3261", "17.2.1", x->other_final, NONE}, &b);
}

/* --- answers that tell of a fault ------------------------------------------------------------------------------------------------- */

struct telling_status {
    unsigned    status;
    const char *rfc, *section;
    const char *text; /* behind the end's name */
};

static const struct telling_status telling[] = {
    {400, "RFC 3261", "21.4.1", " could not read the request"},
    {415, "RFC 3261", "21.4.13", " does not know the kind of body that came"},
    {416, "RFC 3261", "21.4.14", " does not know the kind of address that was asked for"},
    {420, "RFC 3261", "21.4.15", " lacks an extension that was required"},
    {421, "RFC 3261", "21.4.16", " requires an extension that was not offered"},
    {482, "RFC 5393", "4.2", " saw the request come round: it goes in a loop"},
    {483, "RFC 3261", "16.3", " stopped the request after too many hops: it goes in a loop, or Max-Forwards was too low"},
    {488, "RFC 3261", "21.4.26", " accepts none of the media that were offered"},
    {500, "RFC 3261", "21.5.1", " could not work on the request"},
    {501, "RFC 3261", "21.5.2", " does not know the method"},
    {502, "RFC 3261", "21.5.3", " got nonsense from further on"},
    {503, "RFC 3261", "21.5.4", " has no capacity"},
    {504, "RFC 3261", "21.5.5", " got no answer from another server"},
    {513, "RFC 3261", "21.5.7", " found the message too large"},
    {606, "RFC 3261", "21.6.4", " cannot take the media as they were described"},
};

static bool is_hold(const struct trace_inside *t, const struct tsx *x)
{
    return x->request != NONE && t->items[x->request].to_tag.n && item_holds(&t->items[x->request]);
}

static void find_telling_status(struct trace_inside *t, const struct tsx *x)
{
    const struct item *final = x->final == NONE ? NULL : &t->items[x->final];
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!final || final->cause != NONE || x->method == METHOD_REFER || x->method == METHOD_NOTIFY || is_hold(t, x))
        return;
    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++) {
        if (telling[i].status != status_of(final))
            continue;
        put_end(&b, t, final->story, final->from);
        buf_put(&b, slice_z(telling[i].text));
        buf_put(&b, S(" (the "));
        put_wire(&b, final->method);
        buf_put(&b, S(" of "));
        put_end(&b, t, final->story, final->to);
        buf_put(&b, S(")."));
        fault_add(t, &(struct fault){TRACE_WARNING, telling[i].rfc, telling[i].section, x->final, NONE}, &b);
    }
}

/* --- CANCEL -------------------------------------------------------------------------------------------------------------------------- */

bool item_cancels(const struct trace_inside *t, size_t item)
{
    for (size_t n = t->calls[t->items[item].call].first_tsx; n != NONE; n = t->tsxs[n].next)
        if (t->tsxs[n].cancel == item)
            return true;
    return false;
}

/* Is there an INVITE with that number on the hop, under another branch? */
static bool other_branch(const struct trace_inside *t, const struct item *cancel)
{
    for (size_t n = t->calls[cancel->call].first_tsx; n != NONE; n = t->tsxs[n].next) {
        const struct tsx *x = &t->tsxs[n];

        if (x->method == METHOD_INVITE && x->request != NONE && x->from == cancel->from &&
            x->to == cancel->to && t->items[x->request].cseq == cancel->cseq)
            return true;
    }
    return false;
}

static void find_cancel_faults(struct trace_inside *t, const struct tsx *x)
{
    const struct item *cancel = &t->items[x->request];
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (x->method != METHOD_CANCEL || item_cancels(t, x->request) || !other_branch(t, cancel))
        return;
    put_end(&b, t, cancel->story, x->from);
    buf_put(&b, S("'s CANCEL has another branch than the INVITE it is meant for, so it stops nothing."));
    fault_add(t, &(struct fault){TRACE_ERROR, "RFC 3261", "9.1", x->request, NONE}, &b);
}

void find_tsx_faults(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_tsxs; n++) {
        const struct tsx *x = &t->tsxs[n];

        if (x->call == NONE || t->calls[x->call].story == NONE)
            continue;
        find_two_finals(t, x);
        if (x->request == NONE)
            continue;
        find_no_answer(t, x);
        find_no_487(t, x);
        find_no_ack(t, x);
        find_telling_status(t, x);
        find_cancel_faults(t, x);
    }
}
