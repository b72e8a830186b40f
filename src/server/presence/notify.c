/* notify.c - one NOTIFY after the other: made, sent, answered (RFC 6665 §4.2.2, §4.4.1).
 *
 * Room      server/presence.
 * In        notify_look(): something may have changed, a timer has run out, an answer has come.
 * Out       NOTIFYs by the subscriber's flow. CSeq and version stand in the file before one leaves, so that after kill -9 the
 *           next has higher ones.
 * Touches   struct sub; its shard's scratch arena, which is begun anew for each NOTIFY. */
#include <string.h>

#include "server/presence/presence_priv.h"

enum { HEAD_OCTETS = 2048, TYPE_OCTETS = 256 }; /* of a NOTIFY, beside the texts of the dialog */

struct presence_ask ask_of(const struct sub *s, const struct directory_view *view)
{
    return (struct presence_ask){.number = s->number, .host = s->host, .subscriber = s->subscriber,
                                 .event_params = s->event_params, .view = view, .scratch = &s->p->shard[s->index].scratch,
                                 .now_ms = wall_ms(s->sh), .version = s->version, .full = true};
}

/* ---- when ---- */

/* At most PRESENCE_BURST at once, then one in PRESENCE_GAP_MS. 0: now. */
static uint64_t must_wait_ms(const struct sub *s)
{
    uint64_t now = shard_now_ms(s->sh), burst = (uint64_t)PRESENCE_BURST * PRESENCE_GAP_MS;

    return s->rate_ms >= now + burst ? s->rate_ms - now - burst + PRESENCE_GAP_MS : 0;
}

static void count_rate(struct sub *s)
{
    uint64_t now = shard_now_ms(s->sh);

    s->rate_ms = (s->rate_ms > now ? s->rate_ms : now) + PRESENCE_GAP_MS;
}

static void try_later(struct sub *s, uint64_t in_ms)
{
    if (s->state == SUB_ENDING) { /* its last word cannot be said */
        sub_drop(s);
        return;
    }
    s->dirty = true;
    shard_timer_start(s->sh, &s->later, in_ms);
}

/* Memory is short, or the connection has gone: twice as late each time. */
static void try_again(struct sub *s)
{
    uint32_t ms = s->retry_ms;

    s->retry_ms = 2 * ms < RETRY_MAX_MS ? 2 * ms : RETRY_MAX_MS;
    try_later(s, ms);
}

/* ---- what comes back ---- */

static void answered(struct sub *s)
{
    s->asking = false;
    atomic_fetch_sub(&s->p->pending, 1);
}

static void lost(struct sub *s, struct slice why)
{
    atomic_fetch_add(&s->p->failed, 1);
    sub_log(s, LOG_EVENT("subscription.lost"), why);
    sub_drop(s);
}

/* RFC 6665 §4.2.2: a refusal ends it, unless it says when to come again and is not about the subscription itself. */
static void refused(struct sub *s, const struct msg *m)
{
    struct retry_after after;
    char               text[80];
    struct buf         b = BUF_ON(text);

    if ((m->status == 480 || m->status >= 500) && m->status != 501 && msg_retry_after(m, &after) == ERR_OK && after.seconds > 0) {
        s->forced = true;
        try_later(s, (uint64_t)(after.seconds < PRESENCE_MAX_S ? after.seconds : PRESENCE_MAX_S) * 1000);
        return;
    }
    buf_put(&b, S("NOTIFY was answered "));
    buf_putu(&b, m->status);
    lost(s, buf_slice(&b));
}

static void on_response(void *arg, struct shard *sh, struct tsx_id id, const struct msg *m, const struct flow *from)
{
    struct sub *s = arg;

    (void)sh;
    (void)id;
    (void)from;
    if (m->status < 200 || !s->asking)
        return;
    answered(s);
    if (s->state == SUB_ENDING && !s->dirty)
        sub_drop(s);
    else if (m->status >= 300)
        refused(s, m);
    else {
        dialog_refresh(&s->dialog, m);
        s->retry_ms = RETRY_MS;
        notify_look(s);
    }
}

static void on_failed(void *arg, struct shard *sh, struct tsx_id id, enum err why)
{
    struct sub *s = arg;

    (void)sh;
    (void)id;
    if (!s->asking)
        return;
    answered(s);
    if (s->state == SUB_ENDING && !s->dirty)
        sub_drop(s);
    else if (why == ERR_TIMEOUT)
        lost(s, S("NOTIFY was not answered"));
    else {
        s->forced = true;
        try_again(s);
    }
}

static void on_ended(void *arg, struct shard *sh, struct tsx_id id)
{
    struct sub *s = arg;

    (void)sh;
    (void)id;
    s->open--;
    if (s->state == SUB_DONE && !s->open)
        sub_free(s);
}

static const struct stack_client_on notify_on = {on_response, on_failed, on_ended};

/* ---- what goes out ---- */

static void put_state(const struct sub *s, struct buf *b)
{
    int64_t left = (s->expires_ms - wall_ms(s->sh) + 999) / 1000;

    buf_put(b, S("Subscription-State: "));
    if (s->state == SUB_ENDING)
        buf_puts(b, S("terminated;reason="), slice_z(s->reason), S("\r\n"));
    else {
        buf_put(b, S("active;expires="));
        buf_putu(b, left > 0 ? (uint64_t)left : 0);
        buf_put(b, S("\r\n"));
    }
}

static void put_event(const struct sub *s, struct buf *b)
{
    buf_puts(b, S("Event: "), s->package->name);
    if (s->event_id.n)
        buf_puts(b, S(";id="), s->event_id);
    buf_put(b, S("\r\n"));
}

void sub_put_contact(struct buf *b, struct transport *tp, const struct flow *flow, struct slice number)
{
    buf_put(b, S("Contact: <sip:"));
    uri_put_escaped_user(b, number);
    buf_putc(b, '@');
    flow_put_sent_by(tp, flow, b);
    if (flow->kind != TRANSPORT_UDP)
        buf_puts(b, S(";transport="), transport_param_name((enum transport_kind)flow->kind));
    buf_put(b, S(">\r\n"));
}

struct body {
    struct buf               text, type;
    struct presence_elements el;
    char                     type_text[TYPE_OCTETS];
};

/* The state as this subscriber is to see it. Where it may not (any more), there is nothing to see. */
static enum err make_body(struct sub *s, const struct directory_view *view, struct body *out)
{
    struct arena       *a = &s->p->shard[s->index].scratch;
    struct presence_ask ask = ask_of(s, view);
    char               *room;

    out->type = (struct buf)BUF_ON(out->type_text);
    out->el = (struct presence_elements){.was = s->told ? s->known : NULL, .n_was = s->told ? s->n_known : 0,
                                         .full = s->forced || !s->told};
    ask.full = out->el.full;
    ask.elements = &out->el;
    ask.type = &out->type;
    if (!(out->el.now = arena_alloc(a, PRESENCE_MAX_ELEMENTS * sizeof *out->el.now)))
        return ERR_NOMEM;
    if (s->state == SUB_ENDING && strcmp(s->reason, "timeout") != 0)
        return ERR_OK;
    if (!(room = arena_alloc(a, PRESENCE_MAX_BODY_OCTETS)))
        return ERR_NOMEM;
    buf_init(&out->text, room, PRESENCE_MAX_BODY_OCTETS);
    if (s->eventlist)
        return rlmi_put(s, &ask, &out->text, &out->type);
    buf_put(&out->type, s->package->content_type);
    return s->package->put(s->package->ctx, &ask, &out->text);
}

/* What has been told is known from now on; without memory for that all of it is told again the next time. */
static void remember(struct sub *s, const struct body *body)
{
    size_t          n = body->el.n_now;
    struct element *fresh = n ? mem_alloc(s->p->mem, n * sizeof *fresh) : NULL;

    mem_free(s->p->mem, s->known, s->n_known * sizeof *s->known);
    s->told = (fresh || n == 0) && !body->el.overflow;
    s->known = fresh;
    s->n_known = fresh ? n : 0;
    if (fresh)
        memcpy(fresh, body->el.now, n * sizeof *fresh);
}

static enum err compose(struct sub *s, const struct body *body, struct slice *out)
{
    const struct dialog *d = &s->dialog;
    size_t               cap = HEAD_OCTETS + body->text.n + d->local.n + d->remote.n + d->target.n + d->call_id.n + s->number.n * 3;
    struct buf           b;
    char                *room;

    for (size_t i = 0; i < d->n_routes; i++)
        cap += d->route[i].n + 16;
    if (!(room = arena_alloc(&s->p->shard[s->index].scratch, cap)))
        return ERR_NOMEM;
    buf_init(&b, room, cap);
    dialog_put_request(&b, d, S("NOTIFY"), dialog_next_cseq(&s->dialog));
    sub_put_contact(&b, shard_transport(s->sh), &s->flow, s->number);
    put_event(s, &b);
    put_state(s, &b);
    if (s->eventlist)
        buf_put(&b, S("Require: eventlist\r\n"));
    msg_put_end(&b, buf_slice(&body->type), buf_slice(&body->text));
    *out = buf_slice(&b);
    return buf_err(&b);
}

static enum err speak(struct sub *s, const struct body *body)
{
    struct slice request;
    enum err     e = compose(s, body, &request);

    if (e)
        return e;
    /* Before it leaves: a crash in between costs a number and nothing else. */
    mapped_note(&s->p->file, s->slot, s->dialog.local_cseq, s->version + 1);
    if ((e = proxy_speak(s->p->config.proxy, s->sh, &s->flow, request, &notify_on, s)))
        return e;
    s->open++;
    s->asking = true;
    atomic_fetch_add(&s->p->pending, 1);
    atomic_fetch_add(&s->p->notifies, 1);
    s->dirty = body->el.more;
    s->forced = false;
    s->version++;
    count_rate(s);
    remember(s, body);
    if (s->state == SUB_ENDING) {
        mapped_give(&s->p->file, s->slot);
        s->slot = NO_SLOT;
    }
    return ERR_OK;
}

static void too_large(struct sub *s)
{
    sub_log(s, LOG_EVENT("subscription.too_large"), SLICE_NONE);
    s->dirty = s->forced = false;
    if (s->state == SUB_ENDING)
        sub_drop(s);
}

static void send(struct sub *s, const struct directory_view *view)
{
    struct body body = {.text = {0}};
    enum err    e;

    arena_reset(&s->p->shard[s->index].scratch);
    e = make_body(s, view, &body);
    if (!e && !body.el.full && !body.el.news && s->state != SUB_ENDING) {
        s->dirty = false;
        return;
    }
    if (!e)
        e = buf_err(&body.text);
    if (!e)
        e = speak(s, &body);
    if (e == ERR_LIMIT)
        too_large(s);
    else if (e)
        try_again(s);
}

/* It may have been forbidden, or the number may have gone, since it began. */
static const char *why_ended(const struct sub *s, const struct directory_view *view)
{
    struct presence_ask ask = ask_of(s, view);

    switch (s->package->may(s->package->ctx, &ask)) {
    case PRESENCE_YES: return NULL;
    case PRESENCE_FORBIDDEN: return "rejected";
    case PRESENCE_NOBODY:
    case PRESENCE_NOT_OURS: break;
    }
    return "noresource";
}

void notify_look(struct sub *s)
{
    const struct directory_view *view;
    const char                  *why;
    uint64_t                     wait;

    if (s->state == SUB_DONE || s->asking || !s->dirty || wheel_running(&s->later))
        return;
    if (s->state != SUB_ENDING && (wait = must_wait_ms(s)) > 0) {
        shard_timer_start(s->sh, &s->later, wait);
        return;
    }
    view = directory_take(proxy_directory(s->p->config.proxy));
    if (s->state != SUB_ENDING && s->eventlist)
        rlmi_watch(s, view); /* without memory it goes on with the members that it had */
    if (s->state != SUB_ENDING && !s->eventlist && (why = why_ended(s, view)))
        sub_end(s, why);
    else
        send(s, view);
    directory_give(view);
}
