/* find_event.c - subscriptions, those of a REFER too: told more of after their end, or neither renewed nor ended.
 *
 * Room      trace (pure). In: NOTIFYs and SUBSCRIBEs of calls. Out: findings. RFC 6665 §4.1, §4.4.1; RFC 3515 §2.4.4. */
#include "trace/trace_priv.h"

enum {
    MAX_LOOK = 256, /* messages of the call about a NOTIFY that are looked at; what lies further off accuses nobody */
    GRACE_US = 2000 * MS
};

struct told {                      /* one NOTIFY, as its receiver got it */
    struct event              ev;
    struct subscription_state state;
};

static bool read(const struct item *i, struct told *out)
{
    return is_request(i) && i->method_id == METHOD_NOTIFY && i->original == NONE && msg_event(i->m, &out->ev) == ERR_OK &&
           msg_subscription_state(i->m, &out->state) == ERR_OK;
}

static bool same_subscription(const struct item *a, const struct told *x, const struct item *b, const struct told *y)
{
    return a->to == b->to && slice_eq(a->from_tag, b->from_tag) && slice_eq(a->to_tag, b->to_tag) &&
           slice_ieq(x->ev.package, y->ev.package) && slice_eq(x->ev.id, y->ev.id);
}

static bool refused(const struct trace_inside *t, const struct item *i)
{
    return i->tsx != NONE && tsx_status(t, &t->tsxs[i->tsx]) >= 300;
}

/* The one who is told asks anew: SUBSCRIBE or REFER. */
static bool begins_anew(const struct item *i, const struct item *notify)
{
    return is_request(i) && i->from == notify->to && (i->method_id == METHOD_SUBSCRIBE || i->method_id == METHOD_REFER);
}

static void find_told_after_the_end(struct trace_inside *t, size_t n, const struct told *now)
{
    const struct item *i = &t->items[n];
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);
    unsigned           looked = 0;

    for (size_t k = i->prev; k != NONE && looked < MAX_LOOK; k = t->items[k].prev, looked++) {
        const struct item *o = &t->items[k];
        struct told        then;

        if (begins_anew(o, i))
            return;
        if (!read(o, &then) || !same_subscription(i, now, o, &then) || refused(t, o))
            continue;
        if (then.state.state != SUBSCRIPTION_TERMINATED)
            return;
        put_end(&b, t, i->story, i->from);
        buf_put(&b, S(" tells "));
        put_end(&b, t, i->story, i->to);
        buf_puts(&b, S(" more, after it had said that the subscription ("), slice_to(now->ev.package, 40), S(") is over."));
        fault_add(t, &(struct fault){TRACE_ERROR, "RFC 6665", "4.4.1", n, NONE}, &b);
        return;
    }
}

/* Is there anything behind n that goes on with its subscription, or ends what it lives in? */
static bool goes_on(const struct trace_inside *t, size_t n, const struct told *now)
{
    const struct item *i = &t->items[n];
    unsigned           looked = 0;

    for (size_t k = i->next; k != NONE; k = t->items[k].next) {
        const struct item *o = &t->items[k];
        struct told        later;

        if (looked++ == MAX_LOOK)
            return true;
        if (begins_anew(o, i) || (is_request(o) && o->method_id == METHOD_BYE && o->dialog == i->dialog && i->dialog != NONE))
            return true;
        if (read(o, &later) && same_subscription(i, now, o, &later))
            return true;
    }
    return false;
}

static void find_lapsed(struct trace_inside *t, size_t n, const struct told *now)
{
    const struct item *i = &t->items[n];
    uint64_t           lasts = (uint64_t)now->state.expires * 1000 * MS;
    bool               transfer = slice_ieq(now->ev.package, S("refer"));
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (now->state.state == SUBSCRIPTION_TERMINATED || !now->state.has_expires || end_is_exchange(t, i->to) || refused(t, i) ||
        seen_after(t, i->last_us) < lasts + GRACE_US || goes_on(t, n, now))
        return;
    buf_puts(&b, S("The subscription ("), slice_to(now->ev.package, 40), S(") of "));
    put_end(&b, t, i->story, i->to);
    buf_put(&b, S(" lapsed after "));
    buf_putu(&b, now->state.expires);
    buf_put(&b, transfer ? S(" s: nobody told it how the transfer ended.") : S(" s: it was neither renewed nor ended."));
    fault_add(t, &(struct fault){TRACE_WARNING, transfer ? "RFC 3515" : "RFC 6665", transfer ? "2.4.4" : "4.1.2.2", n, NONE}, &b);
}

void find_event_faults(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_items; n++) {
        struct told told;

        if (t->items[n].story == NONE || !read(&t->items[n], &told))
            continue;
        find_told_after_the_end(t, n, &told);
        find_lapsed(t, n, &told);
    }
}
