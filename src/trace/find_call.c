/* find_call.c - what people would complain of: ringing that never ends, a hold that is never taken back, a forward that goes
 * in a circle, an address in an SDP that leads nowhere.
 *
 * Room      trace (pure). In: calls, transactions, dialogs. Out: findings. RFC 3261 §8.1.3.4, §16.7, §16.8, RFC 3264 §8.4. */
#include "sdp/sdp.h"
#include "trace/trace_priv.h"

enum {
    RING_US = 185000 * MS,      /* timer C is over 3 minutes (RFC 3261 §16.6) */
    LEFT_RINGING_US = T64_US,   /* after the call was answered elsewhere      */
    HELD_US = 5000 * MS,        /* a shorter hold is not worth a word         */
    STILL_HELD_US = 60000 * MS,
    MAX_FORWARDS = 32
};

static void put_number_of(struct buf *b, struct slice user)
{
    if (user.n)
        put_wire(b, user);
    else
        buf_put(b, S("somebody"));
}

/* --- ringing ------------------------------------------------------------------------------------------------------------------ */

static void find_endless_ringing(struct trace_inside *t, const struct tsx *x)
{
    const struct item *ring = x->ringing == NONE ? NULL : &t->items[x->ringing];
    uint64_t           silent;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!ring || x->final != NONE || x->cancel != NONE || x->parent != NONE || x->request == NONE)
        return;
    silent = seen_after(t, ring->last_us);
    if (silent < RING_US)
        return;
    put_end(&b, t, ring->story, x->from);
    buf_put(&b, S(" has heard ringback for "));
    put_seconds(&b, silent);
    buf_put(&b, S(", and nothing ended it: no answer, no refusal, no CANCEL."));
    fault_add(t, &(struct fault){TRACE_WARNING, "RFC 3261", "16.8", x->ringing, NONE}, &b);
}

/* One of a fork, though the call has its answer. */
static void find_left_ringing(struct trace_inside *t, const struct tsx *x)
{
    const struct tsx  *root = x->parent == NONE ? NULL : &t->tsxs[tsx_root(t, (size_t)(x - t->tsxs))];
    const struct item *ring = x->ringing == NONE ? NULL : &t->items[x->ringing];
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!ring || !root || x->final != NONE || x->cancel != NONE || x->child != NONE || root->final == NONE ||
        seen_after(t, t->items[root->final].last_us) < LEFT_RINGING_US)
        return;
    put_end(&b, t, ring->story, x->to);
    buf_put(&b, S(" still rings, though the call has had its end: "));
    put_end(&b, t, ring->story, x->from);
    buf_put(&b, S(" did not send it a CANCEL."));
    fault_add(t, &(struct fault){TRACE_WARNING, "RFC 3261", "16.7", x->ringing, NONE}, &b);
}

/* --- hold ----------------------------------------------------------------------------------------------------------------------- */

static bool answered_well(const struct trace_inside *t, const struct item *i)
{
    return i->tsx != NONE && tsx_status(t, &t->tsxs[i->tsx]) / 100 == 2;
}

static bool describes(const struct item *i)
{
    struct slice body;

    return is_request(i) && i->original == NONE && i->cause == NONE && i->to_tag.n &&
           (i->method_id == METHOD_INVITE || i->method_id == METHOD_UPDATE) &&
           msg_find_body(i->m, S("application"), S("sdp"), &body) == ERR_OK;
}

/* The hold by that side that was not taken back; NONE. */
static size_t last_hold(const struct trace_inside *t, const struct dialog *d, size_t end)
{
    size_t hold = NONE;

    for (size_t n = d->answer; n != NONE; n = t->items[n].next_said) {
        const struct item *i = &t->items[n];

        if (i->from != end || !describes(i) || !answered_well(t, i))
            continue;
        if (!item_holds(i))
            hold = NONE;
        else if (hold == NONE)
            hold = n;
    }
    return hold;
}

static void tell_hold(struct trace_inside *t, const struct dialog *d, size_t hold, int side)
{
    const struct item *i = &t->items[hold];
    uint64_t           until = d->bye == NONE ? t->end_us : time_of(&t->items[d->bye]), held = until - time_of(i);
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (until < time_of(i) || held < (d->bye == NONE ? STILL_HELD_US : HELD_US))
        return;
    put_end(&b, t, i->story, d->end[side]);
    buf_put(&b, S(" put "));
    put_end(&b, t, i->story, d->end[!side]);
    buf_put(&b, S(" on hold and never took it back: it "));
    buf_put(&b, d->bye == NONE ? S("has waited for ") : S("waited for "));
    put_seconds(&b, held);
    if (d->bye != NONE) {
        buf_put(&b, S(", until "));
        put_end(&b, t, i->story, t->items[d->bye].from);
        buf_put(&b, S(" hung up"));
    }
    buf_putc(&b, '.');
    fault_add(t, &(struct fault){TRACE_NOTE, "RFC 3264", "8.4", hold, NONE}, &b);
}

static void find_left_on_hold(struct trace_inside *t, const struct dialog *d)
{
    const struct call *c = &t->calls[d->call];

    if (d->answer == NONE || d->end[0] == d->end[1] || c->left || (c->last_refer != NONE && c->last_refer > d->answer))
        return; /* a transfer is what it was held for */
    for (int side = 0; side < 2; side++) {
        size_t hold = last_hold(t, d, d->end[side]);

        if (hold != NONE)
            tell_hold(t, d, hold, side);
    }
}

/* --- forwards ------------------------------------------------------------------------------------------------------------------- */

/* The call whose 3xx made this one; NONE. */
static size_t forwarded_from(const struct trace_inside *t, size_t call)
{
    size_t l = link_of_kind(t, call, TRACE_LINK_REDIRECT);

    return l == NONE ? NONE : t->links[l].from;
}

static struct slice called_by(const struct trace_inside *t, size_t call)
{
    size_t x = t->calls[call].invite;

    return x == NONE ? SLICE_NONE : item_user(&t->items[t->tsxs[x].request], HDR_TO);
}

/* Was the call for that number already, and is it sent back to it? */
static void find_forward_circle(struct trace_inside *t, size_t call)
{
    const struct call *c = &t->calls[call];
    struct slice       to;
    size_t             from = call;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (c->redirect == NONE || c->story == NONE)
        return;
    to = user_of_uri(item_contact(&t->items[c->redirect]));
    for (int k = 0; k < MAX_FORWARDS && to.n && (from = forwarded_from(t, from)) != NONE; k++) {
        if (!uri_text_equal(called_by(t, from), to))
            continue;
        put_number_of(&b, called_by(t, call));
        buf_put(&b, S(" sends the call back to "));
        put_number_of(&b, to);
        buf_put(&b, S(", where it came from: the forwards go in a circle."));
        fault_add(t, &(struct fault){TRACE_WARNING, "RFC 3261", "8.1.3.4", c->redirect, NONE}, &b);
        return;
    }
}

/* --- addresses in SDP ----------------------------------------------------------------------------------------------------------- */

static void put_said(struct buf *b, const struct trace_inside *t, const struct item *i, const struct addr *said)
{
    put_end(b, t, i->story, i->from);
    buf_put(b, S("'s SDP wants the sound at "));
    addr_put_ip(b, said);
}

/* Only a hint, for captures without sound: find_sound.c knows better where there is some. */
static void find_blind_address(struct trace_inside *t, size_t n)
{
    const struct item      *i = &t->items[n];
    const struct sdp_media *audio;
    struct slice            body;
    struct sdp              sdp;
    char                    text[TEXT_OCTETS];
    struct buf              b = BUF_ON(text);

    if (t->in->n_sounds || i->cause != NONE || i->method_id != METHOD_INVITE || (is_request(i) && i->to_tag.n) ||
        (!is_request(i) && (i->request == NONE || t->items[i->request].to_tag.n)) || end_is_exchange(t, i->from) ||
        msg_find_body(i->m, S("application"), S("sdp"), &body) || sdp_parse(body, &sdp, NULL) ||
        !(audio = sdp_find(&sdp, SDP_AUDIO)) || !audio->port)
        return;
    put_said(&b, t, i, &audio->rtp);
    if (sdp_is_blackholed(audio)) {
        buf_put(&b, S(": that is nowhere, so nothing will be heard there until it says another."));
        fault_add(t, &(struct fault){TRACE_NOTE, "RFC 3264", "8.4", n, NONE}, &b);
    } else if (addr_is_private(&audio->rtp) && !addr_is_private(&i->in->from)) {
        buf_put(&b, S(", a private address, and it speaks from "));
        addr_put_ip(&b, &i->in->from);
        buf_put(&b, S(": unless something on the way relays, it will hear nothing."));
        fault_add(t, &(struct fault){TRACE_NOTE, "RFC 8866", "5.7", n, NONE}, &b);
    }
}

void find_call_faults(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_tsxs; n++) {
        const struct tsx *x = &t->tsxs[n];

        if (x->call == NONE || t->calls[x->call].story == NONE || x->method != METHOD_INVITE)
            continue;
        find_endless_ringing(t, x);
        find_left_ringing(t, x);
    }
    for (size_t n = 0; n < t->n_dialogs; n++)
        if (t->calls[t->dialogs[n].call].story != NONE)
            find_left_on_hold(t, &t->dialogs[n]);
    for (size_t c = 0; c < t->n_calls; c++)
        find_forward_circle(t, c);
    for (size_t n = 0; n < t->n_items; n++)
        if (t->items[n].story != NONE && t->items[n].original == NONE)
            find_blind_address(t, n);
}
