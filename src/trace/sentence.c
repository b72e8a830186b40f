/* sentence.c - one plain sentence for each row, and the exchange's own reasons beside it.
 *
 * Room      trace (pure). In: items and what is known of them. Out: sentence and reason of each row.
 * A sentence says what people mean by the message, not what the protocol calls it. */
#include "trace/trace_priv.h"

struct telling {
    struct trace_inside *t;
    const struct item   *i;
    struct buf          *b;
};

static void end(struct telling *s, size_t e)
{
    put_end(s->b, s->t, s->i->story, e);
}

static void from(struct telling *s, struct slice text)
{
    end(s, s->i->from);
    buf_put(s->b, text);
}

static void to(struct telling *s, struct slice text)
{
    end(s, s->i->to);
    buf_put(s->b, text);
}

static void word(struct telling *s, struct slice text)
{
    buf_put(s->b, text);
}

static const struct call *call_of(const struct telling *s)
{
    return &s->t->calls[s->i->call];
}

/* The other end of the call, seen from the one that made the request (or the response). */
static size_t partner(const struct telling *s, size_t e)
{
    const struct call *c = call_of(s);

    return e == c->caller ? c->callee : e == c->callee ? c->caller : NONE;
}

/* Who made a message that was passed on since. */
static size_t maker(const struct trace_inside *t, size_t item)
{
    return t->items[item_origin(t, item)].from;
}

/* The link that made this call, or NULL. */
static const struct link *origin(const struct telling *s)
{
    for (size_t l = call_of(s)->made_by; l != NONE; l = s->t->links[l].next)
        if (s->t->links[l].kind != TRACE_LINK_NAMED)
            return &s->t->links[l];
    return NULL;
}

/* Number or host of a URI, for people. */
static void number(struct telling *s, struct slice uri)
{
    struct uri u;

    if (uri_parse(uri, &u, NULL))
        put_wire(s->b, uri);
    else
        put_wire(s->b, u.user.n ? u.user : u.host);
}

static void called_number(struct telling *s)
{
    struct name_addr na;

    if (msg_to(s->i->m, &na) == ERR_OK)
        number(s, na.uri);
    else
        number(s, s->i->m->uri);
}

/* --- requests ------------------------------------------------------------------------------------------------------------- */

static bool tried_before(const struct telling *s)
{
    return msg_has(s->i->m, HDR_AUTHORIZATION) || msg_has(s->i->m, HDR_PROXY_AUTHORIZATION);
}

static void tell_new_call(struct telling *s)
{
    const struct link *why = origin(s);

    if (s->i->cause != NONE) {
        from(s, S(" passes the call on to "));
        to(s, SLICE_NONE);
        return;
    }
    from(s, S(" calls "));
    called_number(s);
    if (why && why->kind == TRACE_LINK_REFER) {
        word(s, S(", as "));
        end(s, maker(s->t, why->item));
        word(s, S(" asked"));
    } else if (why && why->kind == TRACE_LINK_REDIRECT) {
        word(s, S(" instead"));
    }
    if (msg_has(s->i->m, HDR_REPLACES))
        word(s, S(", to take over a call that is there"));
    if (msg_has(s->i->m, HDR_JOIN))
        word(s, S(", to join a call that is there"));
    if (tried_before(s))
        word(s, S(", and says who it is"));
}

/* Was this side holding the other before? */
static bool held_before(const struct telling *s)
{
    for (size_t n = s->i->prev; n != NONE; n = s->t->items[n].prev) {
        const struct item *o = &s->t->items[n];

        if (is_request(o) && o->method_id == METHOD_INVITE && o->cseq < s->i->cseq &&
            slice_eq(o->from_tag, s->i->from_tag))
            return item_holds(o);
    }
    return false;
}

static void tell_reinvite(struct telling *s)
{
    size_t other = partner(s, s->i->from);

    if (s->i->cause != NONE) {
        from(s, S(" passes that on to "));
        to(s, SLICE_NONE);
        return;
    }
    if (item_holds(s->i)) {
        from(s, S(" puts "));
        end(s, other == NONE ? s->i->to : other);
        word(s, S(" on hold"));
    } else if (held_before(s)) {
        from(s, S(" takes "));
        end(s, other == NONE ? s->i->to : other);
        word(s, S(" back from hold"));
    } else {
        from(s, S(" asks to change the call (addresses, codecs or timer)"));
    }
}

static void tell_ack(struct telling *s)
{
    const struct tsx *x = s->i->tsx == NONE ? NULL : &s->t->tsxs[s->i->tsx];
    size_t            other = partner(s, s->i->to);

    if (x && tsx_status(s->t, x) >= 300) {
        from(s, tsx_status(s->t, x) < 400 ? S(" has heard that") : S(" has heard the refusal"));
        return;
    }
    if (s->i->request == NONE && call_of(s)->invite == NONE && !call_of(s)->up_before) {
        from(s, S(" confirms an answer that was not captured"));
        return;
    }
    if (s->i->request != NONE && s->t->items[s->i->request].to_tag.n) {
        from(s, s->i->cause == NONE ? S(" confirms the change") : S(" passes that on"));
        return;
    }
    if (other == NONE || (s->i->to != call_of(s)->callee && s->i->to != call_of(s)->caller)) {
        from(s, S(" confirms"));
        return;
    }
    to(s, S(" has it: "));
    end(s, call_of(s)->caller);
    word(s, S(" and "));
    end(s, call_of(s)->callee);
    word(s, S(" are connected"));
}

static void tell_refer(struct telling *s)
{
    const struct name_addr none = {.uri = SLICE_NONE};
    struct name_addr       na = none;
    size_t                 other = partner(s, s->i->from);

    (void)msg_name_addr(s->i->m, HDR_REFER_TO, &na);
    if (s->i->cause != NONE) {
        from(s, S(" passes the request on: "));
        to(s, S(" shall call "));
    } else if (other != NONE && other != s->i->to) {
        from(s, S(" asks "));
        to(s, S(" to connect "));
        end(s, other);
        word(s, S(" to "));
    } else {
        from(s, S(" asks "));
        to(s, S(" to call "));
    }
    if (!na.uri.n)
        word(s, S("nobody (there is no Refer-To)"));
    else
        number(s, na.uri);
    if (slice_find_slice(na.uri, S("Replaces=")) != SIZE_MAX)
        word(s, S(" in place of its own call there"));
}

static void tell_notify(struct telling *s)
{
    struct event   ev;
    struct sipfrag frag;

    from(s, S(" tells "));
    to(s, SLICE_NONE);
    if (msg_event(s->i->m, &ev)) {
        word(s, S(" something"));
    } else if (slice_ieq(ev.package, S("refer")) && sipfrag_parse(s->i->m->body, &frag) == ERR_OK && !frag.is_request) {
        word(s, S(" how the transfer goes: "));
        buf_putu(s->b, frag.status);
        buf_putc(s->b, ' ');
        put_wire(s->b, frag.reason);
    } else {
        word(s, S(" the state of "));
        put_wire(s->b, ev.package);
    }
}

static void tell_other_request(struct telling *s)
{
    from(s, S(" sends "));
    to(s, SLICE_NONE);
    word(s, S(" "));
    put_wire(s->b, s->i->method);
}

static void tell_request(struct telling *s)
{
    bool passed = s->i->cause != NONE;

    switch (s->i->method_id) {
    case METHOD_INVITE:
        if (s->i->to_tag.n)
            tell_reinvite(s);
        else
            tell_new_call(s);
        break;
    case METHOD_ACK:
        tell_ack(s);
        break;
    case METHOD_BYE:
        from(s, passed ? S(" tells ") : S(" hangs up"));
        if (passed)
            to(s, S(" that the other side hung up"));
        break;
    case METHOD_CANCEL:
        if (s->i->from == call_of(s)->caller) {
            from(s, S(" gives up"));
        } else {
            from(s, S(" tells "));
            to(s, S(" to stop ringing"));
        }
        break;
    case METHOD_REFER:
        tell_refer(s);
        break;
    case METHOD_NOTIFY:
        tell_notify(s);
        break;
    case METHOD_PRACK:
        from(s, S(" confirms that it heard the provisional answer"));
        break;
    case METHOD_UPDATE:
        from(s, S(" renews or changes the call"));
        break;
    case METHOD_INFO:
        from(s, S(" sends a key or other information"));
        break;
    case METHOD_OPTIONS:
        from(s, S(" asks whether "));
        to(s, S(" is there"));
        break;
    case METHOD_REGISTER:
        from(s, S(" says where it is"));
        break;
    case METHOD_SUBSCRIBE:
        from(s, S(" wants to be told of changes"));
        break;
    case METHOD_MESSAGE:
        from(s, S(" sends a text"));
        break;
    default:
        tell_other_request(s);
        break;
    }
}

/* --- responses --------------------------------------------------------------------------------------------------------------- */

static size_t answerer(const struct telling *s)
{
    return maker(s->t, (size_t)(s->i - s->t->items));
}

/* What a refusal of an INVITE means; empty when there is no word for it. */
static struct slice refusal_text(unsigned status)
{
    switch (status) {
    case 403:
        return S(" does not allow it");
    case 404:
        return S(" knows no such number");
    case 408:
        return S(" got no answer in time");
    case 410:
        return S(" says that the number is gone");
    case 422:
        return S(" wants a longer session timer");
    case 480:
        return S(" cannot be reached now");
    case 481:
        return S(" knows of no such call");
    case 482:
        return S(" has seen this request before: a loop");
    case 483:
        return S(" stops it: too many hops");
    case 486:
    case 600:
        return S(" is busy");
    case 487:
        return S(" ends the request: it was given up");
    case 488:
    case 606:
        return S(" cannot take the media that were offered");
    case 491:
        return S(" is changing the call itself: not now");
    case 500:
    case 503:
        return S(" cannot work on it now");
    case 603:
        return S(" declines");
    default:
        return SLICE_NONE;
    }
}

static void tell_refusal(struct telling *s)
{
    unsigned     code = status_of(s->i);
    struct slice text = refusal_text(code);

    if (s->i->cause != NONE) {
        to(s, S(" learns it: "));
        end(s, answerer(s));
    } else {
        from(s, SLICE_NONE);
    }
    if (text.n) {
        word(s, text);
        return;
    }
    word(s, S(" refuses: "));
    buf_putu(s->b, code);
    buf_putc(s->b, ' ');
    put_wire(s->b, s->i->m->reason);
}

static void tell_redirect(struct telling *s)
{
    if (s->i->cause != NONE) {
        to(s, S(" is told to call "));
    } else {
        from(s, S(" sends the call on to "));
    }
    if (item_contact(s->i).n)
        number(s, item_contact(s->i));
    else
        word(s, S("nobody (there is no Contact)"));
}

static bool within_dialog(const struct telling *s)
{
    const struct tsx *x = s->i->tsx == NONE ? NULL : &s->t->tsxs[s->i->tsx];

    return x && x->request != NONE && s->t->items[x->request].to_tag.n;
}

static void tell_invite_progress(struct telling *s)
{
    bool passed = s->i->cause != NONE;

    if (passed)
        to(s, S(" hears that "));
    end(s, answerer(s));
    word(s, status_of(s->i) == 180   ? S(" rings")
            : status_of(s->i) == 181 ? S(" forwards the call")
            : status_of(s->i) == 182 ? S(" has queued the call")
            : status_of(s->i) == 183 ? S(" is at work (there may be sound already)")
                                     : S(" is at work"));
}

static void tell_success(struct telling *s)
{
    bool passed = s->i->cause != NONE;

    switch (s->i->method_id) {
    case METHOD_INVITE:
        if (within_dialog(s)) {
            from(s, passed ? S(" passes the consent on") : S(" agrees"));
            break;
        }
        if (passed)
            to(s, S(" learns that "));
        end(s, answerer(s));
        word(s, passed ? S(" answered") : S(" answers"));
        break;
    case METHOD_BYE:
        from(s, passed ? S(" passes that on: it is over") : S(" agrees: it is over"));
        break;
    case METHOD_CANCEL:
        from(s, S(" will stop"));
        break;
    case METHOD_REFER:
        if (end_is_exchange(s->t, s->i->from) && !passed)
            from(s, S(" accepts the transfer itself"));
        else
            from(s, passed ? S(" passes the consent on") : S(" will do it"));
        break;
    default:
        from(s, S(" says yes"));
        break;
    }
}

static void tell_response(struct telling *s)
{
    unsigned code = status_of(s->i);

    if (code == 100)
        from(s, S(" has got it"));
    else if (code < 200)
        tell_invite_progress(s);
    else if (code < 300)
        tell_success(s);
    else if (code < 400)
        tell_redirect(s);
    else if (code == 401 || code == 407) {
        from(s, S(" asks who "));
        to(s, S(" is"));
    } else
        tell_refusal(s);
}

/* --- rows -------------------------------------------------------------------------------------------------------------------- */

static void tell_row(struct trace_inside *t, size_t n)
{
    struct item   *i = &t->items[n];
    char           text[TEXT_OCTETS];
    struct buf     b = BUF_ON(text);
    struct telling s = {t, i, &b};

    if (is_request(i))
        tell_request(&s);
    else
        tell_response(&s);
    if (i->partial)
        buf_put(&b, S(" (only a part of this message was captured)"));
    if (b.n && text[0] >= 'a' && text[0] <= 'z')
        text[0] = (char)(text[0] - 'a' + 'A');
    t->t->stories[i->story].rows[i->row].sentence = keep_text(t, &b);
}

/* The message in that call that a reason stands beside (trace/input.h), when it is a better one than `best`. */
static size_t better_place(const struct trace_inside *t, const struct call *c, const struct trace_reason *r, size_t best)
{
    for (size_t n = c->first; n != NONE; n = t->items[n].next) {
        const struct item *i = &t->items[n];

        if (i->story == NONE || i->original != NONE)
            continue;
        if (time_of(i) >= r->time_us && end_is_exchange(t, i->from))
            return best == NONE || time_of(&t->items[best]) < r->time_us || n < best ? n : best;
        if (time_of(i) < r->time_us && (best == NONE || (time_of(&t->items[best]) < r->time_us && n > best)))
            best = n;
    }
    return best;
}

/* NULL when its call is no story. */
static struct trace_row *row_of_reason(struct trace_inside *t, const struct trace_reason *r)
{
    size_t best = NONE;

    for (size_t c = *table_at(&t->calls_by_id, hash_octets(&t->in->key, r->call_id)); c != NONE; c = t->calls[c].chain)
        if (slice_eq(t->calls[c].call_id, r->call_id))
            best = better_place(t, &t->calls[c], r, best);
    return best == NONE ? NULL : &t->t->stories[t->items[best].story].rows[t->items[best].row];
}

static void add_reason(struct trace_inside *t, const struct trace_reason *r)
{
    struct trace_row *row = row_of_reason(t, r);
    char              text[TEXT_OCTETS];
    struct buf        b = BUF_ON(text);

    if (!row)
        return;
    if (row->reason.n)
        buf_puts(&b, slice_to(row->reason, TEXT_OCTETS / 2), S("; "));
    put_wire(&b, r->text);
    row->reason = keep_text(t, &b);
}

enum err trace_tell(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_items; n++)
        if (t->items[n].story != NONE && t->items[n].original == NONE)
            tell_row(t, n);
    for (size_t r = 0; r < t->in->n_reasons; r++)
        add_reason(t, &t->in->reasons[r]);
    trace_entitle(t);
    return t->err;
}
