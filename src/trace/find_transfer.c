/* find_transfer.c - transfers: refused, unanswered, without a NOTIFY, failed, never carried out, in a circle (RFC 3515).
 *
 * Room      trace (pure). In: REFERs, their transactions, NOTIFYs, links. Out: findings.
 * Lawful: a transferor that hangs up at once hears no NOTIFY; a 481 to a NOTIFY behind a BYE; a 200 instead of the 202;
 * no NOTIFY where Refer-Sub said so (RFC 4488). */
#include "trace/trace_priv.h"

enum {
    AT_ONCE_US = 2000 * MS, /* who hangs up within that time does not wait for a NOTIFY */
    MAX_REFERS = 256        /* of one call that are looked at: each asks for the rest of its call */
};

struct transfer {
    struct trace_inside *t;
    size_t               refer;     /* item, as its maker sent it                     */
    size_t               accepted;  /* item: the first 2xx that the maker got; NONE    */
    size_t               refused;   /* item: 3xx-6xx where it was made; NONE           */
    size_t               notified;  /* item: the last NOTIFY to the maker; NONE        */
    unsigned             result;    /* status in the last NOTIFY that had one; 0       */
    size_t               result_at; /* that NOTIFY                                     */
    size_t               call;      /* that was made; NONE                             */
    bool                 hung_up;   /* the maker sent BYE at once                      */
};

static const struct item *refer_of(const struct transfer *x)
{
    return &x->t->items[x->refer];
}

static void add(struct transfer *x, enum trace_severity s, const char *section, size_t item, struct buf *b)
{
    fault_add(x->t, &(struct fault){s, "RFC 3515", section, item, NONE}, b);
}

/* --- what became of it ---------------------------------------------------------------------------------------------------- */

static void look_at_answers(struct transfer *x)
{
    const struct trace_inside *t = x->t;

    for (size_t n = x->refer; n != NONE; n = t->items[n].next) {
        const struct item *i = &t->items[n];

        if (!is_response_to(i, METHOD_REFER) || i->cseq != refer_of(x)->cseq ||
            i->request == NONE || item_origin(t, i->request) != x->refer || i->original != NONE)
            continue;
        if (status_of(i) / 100 == 2 && i->request == x->refer && x->accepted == NONE)
            x->accepted = n;
        if (status_of(i) >= 300 && status_of(i) != 401 && status_of(i) != 407 && i->cause == NONE)
            x->refused = n;
    }
}

static bool is_refer_notify(const struct item *i)
{
    struct event ev;

    return is_request(i) && i->method_id == METHOD_NOTIFY && msg_event(i->m, &ev) == ERR_OK &&
           slice_ieq(ev.package, S("refer"));
}

/* With several REFERs in one dialog, Event;id says whose it is; the first one's may go without (RFC 3515 §2.4.6). */
static bool notifies(const struct transfer *x, const struct item *i)
{
    struct event ev;
    uint32_t     id;

    if (!is_refer_notify(i) || i->call != refer_of(x)->call || i->to != refer_of(x)->from || msg_event(i->m, &ev))
        return false;
    return !ev.id.n || slice_u32(ev.id, &id) || id == refer_of(x)->cseq;
}

static const struct item *final_of_call(const struct transfer *x)
{
    const struct trace_inside *t = x->t;
    size_t                     invite = x->call == NONE ? NONE : t->calls[x->call].invite;

    return invite == NONE || t->tsxs[invite].final == NONE ? NULL : &t->items[t->tsxs[invite].final];
}

/* Had the new call its answer before message n? */
static bool answered_by(const struct transfer *x, size_t n)
{
    const struct item *final = final_of_call(x);

    return final && final < &x->t->items[n];
}

static void look_at_dialog(struct transfer *x)
{
    const struct trace_inside *t = x->t;
    struct sipfrag             frag;

    for (size_t n = refer_of(x)->next; n != NONE; n = t->items[n].next) {
        const struct item *i = &t->items[n];

        if (is_request(i) && i->method_id == METHOD_BYE && i->from == refer_of(x)->from && x->accepted != NONE &&
            (n < x->accepted || time_of(i) - time_of(&t->items[x->accepted]) <= AT_ONCE_US) && !answered_by(x, n))
            x->hung_up = true;
        if (!notifies(x, i))
            continue;
        x->notified = n;
        if (sipfrag_parse(i->m->body, &frag) == ERR_OK && !frag.is_request && frag.status >= 200) {
            x->result = frag.status;
            x->result_at = n;
        }
    }
}

/* --- findings -------------------------------------------------------------------------------------------------------------- */

static void find_bad_target(struct transfer *x)
{
    size_t     n = msg_element_count(refer_of(x)->m, HDR_REFER_TO);
    struct uri u;
    char       text[TEXT_OCTETS];
    struct buf b = BUF_ON(text);

    if (n == 1 && refer_target(refer_of(x), &u) == ERR_OK)
        return;
    put_end(&b, x->t, refer_of(x)->story, refer_of(x)->from);
    buf_put(&b, n == 0  ? S("'s REFER has no Refer-To: nobody knows whom to call.")
                : n > 1 ? S("'s REFER has more than one Refer-To.")
                        : S("'s Refer-To cannot be read."));
    add(x, TRACE_ERROR, "2.4.1", x->refer, &b);
}

/* Whoever did not do it: the exchange did, in its own name, and the target answered. */
static bool carried_out(const struct transfer *x)
{
    const struct item *final = final_of_call(x);

    return final && status_of(final) / 100 == 2 && end_is_exchange(x->t, x->t->calls[x->call].caller);
}

static void put_carried_out(struct buf *b)
{
    buf_put(b, S("; the exchange carried the transfer out itself."));
}

static void find_refused(struct transfer *x)
{
    const struct item *i = x->refused == NONE ? NULL : &x->t->items[x->refused];
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!i)
        return;
    put_end(&b, x->t, i->story, i->from);
    buf_put(&b, S(" refused the transfer that "));
    put_end(&b, x->t, i->story, refer_of(x)->from);
    buf_put(&b, S(" asked for: "));
    buf_putu(&b, status_of(i));
    buf_putc(&b, ' ');
    put_wire(&b, i->m->reason.n ? i->m->reason : msg_reason(status_of(i)));
    if (carried_out(x))
        put_carried_out(&b);
    else
        buf_putc(&b, '.');
    add(x, carried_out(x) ? TRACE_NOTE : TRACE_WARNING, "2.4.2", x->refused, &b);
}

/* The last hop that the REFER went, without any answer. */
static void find_unanswered(struct transfer *x)
{
    const struct trace_inside *t = x->t;

    for (size_t n = t->calls[refer_of(x)->call].first_tsx; n != NONE; n = t->tsxs[n].next) {
        const struct tsx *k = &t->tsxs[n];
        char              text[TEXT_OCTETS];
        struct buf        b = BUF_ON(text);

        if (k->method != METHOD_REFER || k->request == NONE || k->final != NONE || k->child != NONE ||
            item_origin(t, k->request) != x->refer)
            continue;
        if (!kept_silent(t, k))
            continue;
        put_end(&b, t, refer_of(x)->story, k->to);
        buf_put(&b, S(" never answered the REFER"));
        if (carried_out(x)) {
            put_carried_out(&b);
        } else {
            buf_put(&b, S(": the transfer that "));
            put_end(&b, t, refer_of(x)->story, refer_of(x)->from);
            buf_put(&b, S(" asked for did not happen."));
        }
        add(x, carried_out(x) ? TRACE_NOTE : TRACE_WARNING, "2.4.2", k->request, &b);
    }
}

static bool subscription_declined(const struct item *accepted)
{
    struct token_value v;

    for (const struct msg_row *r = msg_row(accepted->m, HDR_REFER_SUB); r; r = msg_row_next(accepted->m, r))
        if (token_value_parse(r->value, &v) == ERR_OK && slice_ieq(v.token, S("false")))
            return true;
    return false;
}

static void find_no_notify(struct transfer *x)
{
    const struct item *i = x->accepted == NONE ? NULL : &x->t->items[x->accepted];
    bool               sure;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!i || x->notified != NONE || subscription_declined(i))
        return;
    sure = !x->hung_up && (seen_after(x->t, time_of(i)) >= 2 * T1_US || x->call != NONE);
    put_end(&b, x->t, i->story, i->from);
    buf_put(&b, S(" accepted the REFER, and no NOTIFY told "));
    put_end(&b, x->t, i->story, refer_of(x)->from);
    buf_put(&b, S(" what became of it"));
    buf_put(&b, x->hung_up ? S(", who hung up at once.") : S("."));
    add(x, sure ? TRACE_ERROR : TRACE_NOTE, "2.4.4", x->accepted, &b);
}

static void find_failed(struct transfer *x)
{
    const struct item *final = final_of_call(x);
    size_t             at = x->result_at;
    unsigned           status = x->result;
    struct uri         u;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (final) { /* what was seen counts, not what was said of it */
        status = status_of(final);
        at = (size_t)(final - x->t->items);
    }
    if (status < 300 || (status < 400 && final) || x->refused != NONE || at == NONE)
        return;
    buf_put(&b, S("The transfer failed: "));
    if (refer_target(refer_of(x), &u) == ERR_OK)
        put_wire(&b, u.user.n ? u.user : u.host);
    buf_put(&b, S(" answered "));
    buf_putu(&b, status);
    buf_putc(&b, ' ');
    put_wire(&b, final && final->m->reason.n ? final->m->reason : msg_reason(status));
    buf_putc(&b, '.');
    add(x, TRACE_WARNING, "2.4.5", at, &b);
}

static void find_never_made(struct transfer *x)
{
    const struct item *i = x->accepted == NONE ? NULL : &x->t->items[x->accepted];
    struct uri         u;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!i || x->call != NONE || x->refused != NONE || x->result || refer_target(refer_of(x), &u) || !uri_is_sip(&u) ||
        seen_after(x->t, time_of(i)) < T64_US)
        return;
    buf_put(&b, S("The transfer was accepted, and nobody called "));
    put_wire(&b, u.user.n ? u.user : u.host);
    buf_putc(&b, '.');
    add(x, TRACE_WARNING, "2.4.3", x->accepted, &b);
}

/* --- circles ----------------------------------------------------------------------------------------------------------------- */

static struct slice number_at(const struct transfer *x, size_t end)
{
    if (end == NONE)
        return SLICE_NONE;
    return x->t->t->stories[refer_of(x)->story].parties[party_of(x->t, refer_of(x)->story, end)].number;
}

/* Was this call made by a REFER to the same number, or is it a descendant of such a one? *back: the number was called at
 * first, and is transferred back to: people do that. */
static bool named_before(const struct transfer *x, struct slice user, bool *back)
{
    const struct trace_inside *t = x->t;
    size_t                     call = refer_of(x)->call;

    for (int depth = 0; depth < 32; depth++) {
        size_t     link = link_of_kind(t, call, TRACE_LINK_REFER);
        struct uri u;

        if (link == NONE) {
            *back = depth > 0 && t->calls[call].invite != NONE &&
                    slice_eq(item_user(&t->items[t->tsxs[t->calls[call].invite].request], HDR_TO), user);
            return false;
        }
        if (refer_target(&t->items[t->links[link].item], &u) == ERR_OK && slice_eq(u.user, user))
            return true;
        call = t->links[link].from;
    }
    return true;
}

static void find_circle(struct transfer *x)
{
    const struct item *r = refer_of(x);
    const struct call *c = &x->t->calls[r->call];
    size_t             transferee = r->from == c->caller ? c->callee : c->caller;
    struct uri         u;
    struct slice       replaces;
    bool               back = false;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (refer_target(r, &u) || !u.user.n || refer_replaces(x->t, r, &replaces) == ERR_OK)
        return;
    put_end(&b, x->t, r->story, r->from);
    if (slice_eq(u.user, number_at(x, transferee)))
        buf_put(&b, S(" transfers the other side to itself: the call can only come round."));
    else if (named_before(x, u.user, &back))
        buf_put(&b, S(" transfers the call to a number that it was transferred to before: it goes in a circle."));
    else if (slice_eq(u.user, number_at(x, r->from)))
        buf_put(&b, S(" transfers the other side back to its own number: the call can only come round."));
    else if (back)
        buf_put(&b, S(" transfers the call back to the number that was called at first."));
    else
        return;
    add(x, back ? TRACE_NOTE : TRACE_WARNING, "2.4.1", x->refer, &b);
}

/* --- habits that cost transfers -------------------------------------------------------------------------------------------------- */

/* The first BYE of the maker behind its REFER; NONE. */
static size_t own_bye(const struct transfer *x)
{
    for (size_t n = refer_of(x)->next; n != NONE; n = x->t->items[n].next) {
        const struct item *i = &x->t->items[n];

        if (is_request(i) && i->method_id == METHOD_BYE && i->from == refer_of(x)->from && i->original == NONE)
            return n;
    }
    return NONE;
}

static void find_early_bye(struct transfer *x)
{
    size_t     bye = own_bye(x);
    size_t     answer = x->accepted != NONE ? x->accepted : x->refused;
    bool       lost = x->call == NONE && x->refused == NONE;
    char       text[TEXT_OCTETS];
    struct buf b = BUF_ON(text);

    if (bye == NONE || (answer != NONE && answer < bye))
        return;
    put_end(&b, x->t, refer_of(x)->story, refer_of(x)->from);
    buf_put(&b, S(" hung up before its REFER was answered"));
    buf_put(&b, lost ? S(": with the call, the transfer went.") : S(". This time it went well."));
    fault_add(x->t, &(struct fault){lost ? TRACE_WARNING : TRACE_NOTE, "RFC 5589", "6.1", bye, NONE}, &b);
}

/* A phone of the story that is at that address; NONE. */
static size_t phone_at(const struct transfer *x, const struct addr *at)
{
    const struct trace_story *st = &x->t->t->stories[refer_of(x)->story];

    for (size_t p = 0; p < st->n_parties; p++)
        if (!st->parties[p].is_exchange && addr_same_ip(&st->parties[p].at, at) && (!at->port || st->parties[p].at.port == at->port))
            return x->t->party[refer_of(x)->story][p];
    return NONE;
}

/* Through an exchange, a Refer-To that names a phone's own address leads past it (RFC 5589 section 7.5). */
static void find_own_address(struct transfer *x)
{
    const struct trace_inside *t = x->t;
    struct uri                 u;
    struct addr                at;
    size_t                     invite;
    bool                       past;
    char                       text[TEXT_OCTETS];
    struct buf                 b = BUF_ON(text);

    if (!end_is_exchange(t, refer_of(x)->to) || refer_target(refer_of(x), &u) || uri_host_addr(&u, &at))
        return;
    at.port = u.port;
    if (phone_at(x, &at) == NONE)
        return;
    invite = x->call == NONE ? NONE : t->calls[x->call].invite;
    past = invite != NONE && !end_is_exchange(t, t->tsxs[invite].to) && !end_is_exchange(t, t->tsxs[invite].from);
    put_end(&b, t, refer_of(x)->story, refer_of(x)->from);
    buf_put(&b, S("'s Refer-To names the address of a phone ("));
    addr_put_ip(&b, &at);
    buf_put(&b, past ? S(") and not its number: the new call goes past the exchange.")
                     : S(") and not its number: unless the exchange puts the number back, the new call goes past it."));
    fault_add(x->t, &(struct fault){past ? TRACE_WARNING : TRACE_NOTE, "RFC 5589", "7.5", x->refer, NONE}, &b);
}

static void find_lost_notify(struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n], *r = i->request == NONE ? NULL : &t->items[i->request];
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!r || is_request(i) || status_of(i) < 400 || i->cause != NONE || !is_refer_notify(r) || status_of(i) == 401 ||
        status_of(i) == 407)
        return;
    if (t->calls[i->call].bye < n)
        return; /* lawful: the call is over for its receiver */
    put_end(&b, t, i->story, i->from);
    buf_put(&b, S(" asked for the transfer, and does not want to hear how it goes: "));
    buf_putu(&b, status_of(i));
    buf_put(&b, S(" to the NOTIFY."));
    fault_add(t, &(struct fault){TRACE_WARNING, "RFC 3515", "2.4.4", n, NONE}, &b);
}

void find_transfer_faults(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_items; n++) {
        const struct item *i = &t->items[n];
        struct transfer    x = {.t = t, .refer = n, .accepted = NONE, .refused = NONE, .notified = NONE,
                                .result_at = NONE, .call = i->made};

        if (i->story == NONE || i->original != NONE)
            continue;
        find_lost_notify(t, n);
        if (!is_request(i) || i->method_id != METHOD_REFER || i->cause != NONE || challenge_taken_up(t, i) || t->calls[i->call].n_refers++ >= MAX_REFERS)
            continue;
        look_at_answers(&x);
        look_at_dialog(&x);
        find_bad_target(&x);
        find_refused(&x);
        find_unanswered(&x);
        find_no_notify(&x);
        find_failed(&x);
        find_never_made(&x);
        find_circle(&x);
        find_early_bye(&x);
        find_own_address(&x);
    }
}
