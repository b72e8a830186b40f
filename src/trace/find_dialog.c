/* find_dialog.c - what went wrong within dialogs: tags, CSeq, the ACK of a 2xx, holds, offer and answer.
 *
 * Room      trace (pure). In: dialogs. Out: findings. RFC 3261 §12 and §13, RFC 3264. */
#include "sdp/sdp.h"
#include "trace/trace_priv.h"

static void put_request_of(struct buf *b, const struct trace_inside *t, const struct item *i)
{
    put_end(b, t, i->story, i->from);
    buf_put(b, S("'s "));
    put_wire(b, i->method);
}

/* --- tags ---------------------------------------------------------------------------------------------------------------- */

/* Does some dialog of the call have that tag? */
static bool tag_known(const struct trace_inside *t, size_t call, struct slice tag)
{
    for (size_t n = t->calls[call].dialogs; n != NONE; n = t->dialogs[n].next)
        if (slice_eq(t->dialogs[n].tag[0], tag) || slice_eq(t->dialogs[n].tag[1], tag))
            return true;
    return false;
}

static bool within_a_dialog(const struct item *i)
{
    switch (i->method_id) {
    case METHOD_BYE:
    case METHOD_PRACK:
    case METHOD_UPDATE:
    case METHOD_INFO:
        return true;
    case METHOD_INVITE:
    case METHOD_REFER:
        return i->to_tag.n > 0;
    default: /* an ACK may be a refusal's, NOTIFY and SUBSCRIBE have dialogs of their own */
        return false;
    }
}

static bool acknowledges_2xx(const struct trace_inside *t, const struct item *i)
{
    return i->method_id == METHOD_ACK && i->tsx == NONE && i->request != NONE && t->items[i->request].tsx != NONE &&
           tsx_status(t, &t->tsxs[t->items[i->request].tsx]) / 100 == 2;
}

static void find_wrong_tags(struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n];
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!is_request(i) || i->cause != NONE || i->dialog != NONE || t->calls[i->call].dialogs == NONE ||
        t->calls[i->call].invite == NONE || !(within_a_dialog(i) || acknowledges_2xx(t, i)))
        return;
    put_request_of(&b, t, i);
    if (!i->to_tag.n)
        buf_put(&b, S(" has no To tag, so it belongs to no dialog."));
    else if (tag_known(t, i->call, i->from_tag))
        buf_puts(&b, S(" has a wrong To tag ("), slice_to(i->to_tag, 40), S("): no dialog of the call has it."));
    else if (tag_known(t, i->call, i->to_tag))
        buf_puts(&b, S(" has a wrong From tag ("), slice_to(i->from_tag, 40), S("): no dialog of the call has it."));
    else
        buf_put(&b, S(" has two wrong tags: no dialog of the call has them."));
    fault_add(t, &(struct fault){TRACE_ERROR, "RFC 3261", "12.2.1.1", n, NONE}, &b);
}

static void find_wrong_response_tags(struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n], *r = i->request == NONE ? NULL : &t->items[i->request];
    bool               from;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (is_request(i) || !r || i->cause != NONE)
        return;
    from = !slice_eq(i->from_tag, r->from_tag);
    if (!from && (!r->to_tag.n || slice_eq(i->to_tag, r->to_tag)))
        return;
    put_end(&b, t, i->story, i->from);
    buf_puts(&b, S(" changed the "), from ? S("From") : S("To"), S(" tag in its answer to the "));
    put_wire(&b, i->method);
    buf_putc(&b, '.');
    fault_add(t, &(struct fault){TRACE_ERROR, "RFC 3261", "8.2.6.2", n, NONE}, &b);
}

/* --- CSeq ------------------------------------------------------------------------------------------------------------------ */

/* The request before i of the same side in the dialog, as its maker sent it. */
static const struct item *last_of_side(const struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n];

    for (size_t k = i->prev; k != NONE; k = t->items[k].prev) {
        const struct item *o = &t->items[k];

        if (o->dialog == i->dialog && is_request(o) && o->original == NONE && o->cause == NONE &&
            o->method_id != METHOD_ACK && o->method_id != METHOD_CANCEL && o->from == i->from &&
            slice_eq(o->from_tag, i->from_tag))
            return o;
    }
    return NULL;
}

static void find_backward_cseq(struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n], *o;
    bool               overtaken;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!is_request(i) || i->dialog == NONE || i->cause != NONE || i->method_id == METHOD_ACK ||
        i->method_id == METHOD_CANCEL || !(o = last_of_side(t, n)) || o->tsx == i->tsx || i->cseq > o->cseq)
        return;
    if (i->in->transport == TRACE_UDP && i->cseq < o->cseq && time_of(i) - time_of(o) < TWICE_SEEN_US / 2)
        overtaken = true; /* datagrams may overtake each other on the way */
    else
        overtaken = false;
    put_request_of(&b, t, i);
    buf_put(&b, S(" has CSeq "));
    buf_putu(&b, i->cseq);
    buf_put(&b, S(", and its "));
    put_wire(&b, o->method);
    buf_put(&b, S(" before had "));
    buf_putu(&b, o->cseq);
    buf_put(&b, overtaken ? S(": the two overtook each other on the way, it seems.") : S(": the numbers of one side must rise."));
    fault_add(t, &(struct fault){overtaken ? TRACE_NOTE : TRACE_ERROR, "RFC 3261", "12.2.1.1", n, NONE}, &b);
}

/* --- the ACK of a 2xx --------------------------------------------------------------------------------------------------------- */

/* The last place that the ACK of the dialog reached, and the message that shows it. */
static size_t last_ack(const struct trace_inside *t, const struct dialog *d)
{
    size_t best = NONE;

    for (size_t n = d->answer; n != NONE; n = t->items[n].next) {
        const struct item *i = &t->items[n];

        if (i->original == NONE && is_request(i) && i->method_id == METHOD_ACK &&
            i->cseq == t->items[d->answer].cseq && slice_eq(i->to_tag, d->tag[1]) &&
            (best == NONE || i->cause == best || i->n_vias > t->items[best].n_vias))
            best = n;
    }
    return best;
}

static void find_swallowed_ack(struct trace_inside *t, const struct dialog *d, size_t ack)
{
    const struct item *i = &t->items[ack], *answer = &t->items[d->answer];
    struct uri         asked, contact;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    put_end(&b, t, i->story, i->to);
    buf_put(&b, S(" got the ACK and did not pass it on to "));
    put_end(&b, t, i->story, d->end[1]);
    if (answer->copies)
        buf_put(&b, S(", which repeats its 200"));
    if (!uri_parse(i->m->uri, &asked, NULL) && !uri_parse(item_contact(answer), &contact, NULL) &&
        !(uri_text_equal(asked.user, contact.user) && uri_host_equal(asked.host, contact.host))) {
        buf_put(&b, S(". The ACK asks for "));
        put_wire(&b, i->m->uri);
        buf_put(&b, S(", and the Contact of the answer was "));
        put_wire(&b, item_contact(answer));
    } else if (!msg_has(i->m, HDR_ROUTE)) {
        buf_put(&b, S(". It has no Route"));
    }
    buf_putc(&b, '.');
    fault_add(t, &(struct fault){TRACE_ERROR, "RFC 3261", "16.6", ack, NONE}, &b);
}

static void find_ack_faults(struct trace_inside *t, const struct dialog *d)
{
    const struct item *answer = d->answer == NONE ? NULL : &t->items[d->answer];
    size_t             ack;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!answer || d->ack[1] != NONE || d->end[1] != answer->from || d->invite_seen == NONE)
        return;
    if (!answer->copies && seen_after(t, answer->last_us) < 2 * T1_US && d->bye == NONE)
        return;
    ack = last_ack(t, d);
    if (ack != NONE) {
        if (t->items[ack].to != d->end[1])
            find_swallowed_ack(t, d, ack);
        return;
    }
    if (t->items[d->answer_seen].to != d->end[0])
        return; /* the answer itself did not arrive */
    put_end(&b, t, answer->story, d->end[0]);
    buf_put(&b, S(" did not acknowledge the answer of "));
    put_end(&b, t, answer->story, d->end[1]);
    if (answer->copies) {
        buf_put(&b, S(", which came "));
        buf_putu(&b, answer->copies + 1);
        buf_put(&b, S(" times"));
    }
    buf_putc(&b, '.');
    fault_add(t, &(struct fault){TRACE_ERROR, "RFC 3261", "13.2.2.4", d->answer_seen, NONE}, &b);
}

/* An answer that somebody on the way keeps for itself. */
static void find_swallowed_answer(struct trace_inside *t, const struct dialog *d)
{
    const struct item *answer = d->answer == NONE ? NULL : &t->items[d->answer], *seen;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!answer || (!answer->copies && seen_after(t, answer->last_us) < 2 * T1_US))
        return;
    seen = &t->items[d->answer_seen];
    if (seen->to == d->end[0] || !end_is_exchange(t, seen->to) || d->ack[0] != NONE || t->calls[d->call].invite == NONE)
        return;
    put_end(&b, t, seen->story, seen->to);
    buf_put(&b, S(" did not pass the answer of "));
    put_end(&b, t, seen->story, d->end[1]);
    buf_put(&b, S(" on to "));
    put_end(&b, t, seen->story, d->end[0]);
    buf_putc(&b, '.');
    fault_add(t, &(struct fault){TRACE_ERROR, "RFC 3261", "16.7", d->answer_seen, NONE}, &b);
}

/* --- BYE -------------------------------------------------------------------------------------------------------------------------- */

static void find_unknown_bye(struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n], *r = i->request == NONE ? NULL : &t->items[i->request];
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!r || is_request(i) || i->method_id != METHOD_BYE || status_of(i) != 481 || i->cause != NONE || r->dialog == NONE ||
        t->dialogs[r->dialog].crossed)
        return;
    put_end(&b, t, i->story, i->from);
    buf_put(&b, S(" knows nothing of the call that "));
    put_end(&b, t, i->story, i->to);
    buf_put(&b, S(" hangs up: it had forgotten it, or ended it without a BYE."));
    fault_add(t, &(struct fault){TRACE_WARNING, "RFC 3261", "15.1.2", n, NONE}, &b);
}

/* --- hold, offer and answer ------------------------------------------------------------------------------------------------------ */

static void find_refused_hold(struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n], *r = i->request == NONE ? NULL : &t->items[i->request];
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!r || !is_response_to(i, METHOD_INVITE) || i->cause != NONE || !r->to_tag.n || status_of(i) < 300)
        return;
    if (status_of(i) == 491 || status_of(i) == 401 || status_of(i) == 407 || !item_holds(r))
        return; /* glare and challenges are lawful, and tried again */
    put_end(&b, t, i->story, i->from);
    buf_put(&b, S(" refuses to be put on hold: "));
    buf_putu(&b, status_of(i));
    buf_putc(&b, ' ');
    put_wire(&b, i->m->reason);
    buf_put(&b, S(". The call goes on as it was."));
    fault_add(t, &(struct fault){TRACE_WARNING, "RFC 3261", "14.1", n, NONE}, &b);
}

static enum err sdp_of(const struct item *i, struct sdp *out)
{
    struct slice body;

    return msg_find_body(i->m, S("application"), S("sdp"), &body) ? ERR_NOTFOUND : sdp_parse(body, out, NULL);
}

static const char *section_of(enum sdp_fault f)
{
    return f == SDP_FAULT_CODEC || f == SDP_FAULT_DIRECTION ? "6.1" : f == SDP_FAULT_ADDRESS ? "5.7" : "6";
}

static void find_bad_answer(struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n], *r = i->request == NONE ? NULL : &t->items[i->request];
    struct sdp         offer, answer;
    size_t             stream = 0;
    enum sdp_fault     fault;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!r || i->cause != NONE || !(is_response_to(i, METHOD_INVITE) || is_response_to(i, METHOD_UPDATE)) ||
        status_of(i) / 100 != 2 || sdp_of(r, &offer) || sdp_of(i, &answer))
        return;
    fault = sdp_judge(&offer, &answer, &stream);
    if (fault == SDP_FAULT_NONE)
        return;
    put_end(&b, t, i->story, i->from);
    buf_puts(&b, S("'s SDP is no answer to the offer: "), sdp_fault_text(fault), S("."));
    if (stream < answer.n_media) {
        buf_put(&b, S(" The line: "));
        put_wire(&b, fault == SDP_FAULT_DIRECTION && answer.media[stream].line_dir.n ? answer.media[stream].line_dir
                                                                                     : answer.media[stream].line_m);
    }
    fault_add(t, &(struct fault){TRACE_ERROR, fault == SDP_FAULT_ADDRESS ? "RFC 8866" : "RFC 3264", section_of(fault), n,
                                 NONE}, &b);
}

void find_dialog_faults(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_items; n++) {
        if (t->items[n].story == NONE || t->items[n].original != NONE)
            continue;
        find_wrong_tags(t, n);
        find_wrong_response_tags(t, n);
        find_backward_cseq(t, n);
        find_unknown_bye(t, n);
        find_refused_hold(t, n);
        find_bad_answer(t, n);
    }
    for (size_t n = 0; n < t->n_dialogs; n++) {
        if (t->calls[t->dialogs[n].call].story == NONE)
            continue;
        find_ack_faults(t, &t->dialogs[n]);
        find_swallowed_answer(t, &t->dialogs[n]);
    }
}
