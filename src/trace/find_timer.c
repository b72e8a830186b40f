/* find_timer.c - session timers that ran out (RFC 4028).
 *
 * Room      trace (pure). In: dialogs, items. Out: findings.
 * A session is as long as the Session-Expires of the last 2xx to an INVITE or UPDATE says. It is renewed by the next such
 * 2xx; where none comes in time, whoever had to renew it is at fault, not the one that hangs up then (§10). */
#include "trace/trace_priv.h"

struct session {
    size_t   since;    /* item: the 2xx that began or renewed it */
    uint32_t seconds;  /* 0: there is no timer                   */
    size_t   refresher; /* end                                   */
};

static bool renews(const struct item *i)
{
    return !is_request(i) && status_of(i) / 100 == 2 && (i->method_id == METHOD_INVITE || i->method_id == METHOD_UPDATE);
}

/* The 2xx as it came to the one who asked: the last of its hops counts. */
static void begin(const struct trace_inside *t, const struct dialog *d, struct session *s, size_t n)
{
    const struct item     *i = &t->items[n];
    struct session_expires e;
    int                    asker = dialog_side(d, i->from_tag);

    *s = (struct session){.since = n, .refresher = d->end[asker]};
    if (msg_session_expires(i->m, &e))
        return;
    s->seconds = e.seconds;
    if (e.refresher == REFRESHER_UAS)
        s->refresher = d->end[!asker];
}

/* RFC 4028 §10: who is not the refresher hangs up a third, at most 32 s, before the end. */
static uint64_t first_bye_us(const struct session *s)
{
    uint64_t early = s->seconds / 3 < 32 ? s->seconds / 3 : 32;

    return (s->seconds - early) * 1000 * (uint64_t)MS;
}

static void add(struct trace_inside *t, const struct session *s, size_t bye, uint64_t lasted_us)
{
    char       text[TEXT_OCTETS];
    struct buf b = BUF_ON(text);

    buf_put(&b, S("The session timer of "));
    buf_putu(&b, s->seconds);
    buf_put(&b, S(" s ran out: "));
    put_end(&b, t, t->items[s->since].story, s->refresher);
    buf_put(&b, S(" had to renew the session and did not"));
    if (bye != NONE) {
        buf_put(&b, S(", so "));
        put_end(&b, t, t->items[bye].story, t->items[bye].from);
        buf_put(&b, S(" hung up after "));
    } else {
        buf_put(&b, S(" for "));
    }
    put_seconds(&b, lasted_us);
    buf_putc(&b, '.');
    fault_add(t, &(struct fault){TRACE_WARNING, "RFC 4028", "10", bye == NONE ? s->since : bye, NONE}, &b);
}

/* The session ended, or was renewed, or the capture ended: was that too late? */
static void close_session(struct trace_inside *t, const struct session *s, size_t bye, uint64_t until_us)
{
    uint64_t lasted = until_us - time_of(&t->items[s->since]);

    if (!s->seconds)
        return;
    if (bye != NONE ? lasted >= first_bye_us(s) : lasted > s->seconds * 1000 * (uint64_t)MS)
        add(t, s, bye, lasted);
}

/* Somebody tried to renew it and was refused: that is another story than silence. */
static bool renewal_tried(const struct trace_inside *t, const struct session *s, size_t before)
{
    for (size_t n = t->items[s->since].next_said; n < before && n != NONE; n = t->items[n].next_said) {
        const struct item *i = &t->items[n];

        if (is_request(i) && (i->method_id == METHOD_INVITE || i->method_id == METHOD_UPDATE) &&
            time_of(i) > time_of(&t->items[s->since]) + T1_US)
            return true;
    }
    return false;
}

static void look_at(struct trace_inside *t, const struct dialog *d)
{
    struct session s = {.since = NONE};
    size_t         n;

    for (n = d->answer; n != NONE; n = t->items[n].next_said) {
        const struct item *i = &t->items[n];

        if (i->original != NONE)
            continue;
        if (renews(i)) {
            if (s.since != NONE && i->cause == NONE)
                close_session(t, &s, NONE, time_of(i));
            begin(t, d, &s, n);
        } else if (is_request(i) && i->method_id == METHOD_BYE) {
            break;
        }
    }
    if (s.since == NONE || renewal_tried(t, &s, n))
        return;
    if (n != NONE)
        close_session(t, &s, n, time_of(&t->items[n]));
    else
        close_session(t, &s, NONE, t->end_us);
}

static void find_interval_too_small(struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n];
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);
    uint32_t           least = 0;

    if (is_request(i) || status_of(i) != 422 || i->cause != NONE || i->request == NONE)
        return;
    for (size_t k = i->next; k != NONE; k = t->items[k].next)
        if (is_request(&t->items[k]) && t->items[k].method_id == i->method_id &&
            t->items[k].cseq > i->cseq)
            return; /* tried again, with a longer one */
    (void)msg_min_se(i->m, &least);
    put_end(&b, t, i->story, i->from);
    buf_put(&b, S(" wants a session timer of at least "));
    buf_putu(&b, least);
    buf_put(&b, S(" s, and nobody tried again with one."));
    fault_add(t, &(struct fault){TRACE_WARNING, "RFC 4028", "7.3", n, NONE}, &b);
}

void find_timer_faults(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_dialogs; n++)
        if (t->calls[t->dialogs[n].call].story != NONE && t->dialogs[n].answer != NONE)
            look_at(t, &t->dialogs[n]);
    for (size_t n = 0; n < t->n_items; n++)
        if (t->items[n].story != NONE && t->items[n].original == NONE)
            find_interval_too_small(t, n);
}
