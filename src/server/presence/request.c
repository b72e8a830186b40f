/* request.c - SUBSCRIBE: whether, how long, and the answer (RFC 6665 §4.2.1, §4.4).
 *
 * Room      server/presence.
 * In        server/core, which knows who sent it.
 * Out       an answer to each, or the word that it is for somebody else; subscriptions made, refreshed, ended.
 * Touches   the shard that is held. */
#include <string.h>

#include "server/presence/presence_priv.h"

enum { ROWS_OCTETS = 1024 };

static void answer(struct shard *sh, const struct stack_in *in, unsigned code, struct slice rows)
{
    stack_reply(sh, in->tsx, &(struct stack_reply){.code = code, .rows = rows});
}

static void refuse(struct shard *sh, const struct stack_in *in, unsigned code, struct slice reason)
{
    stack_reply(sh, in->tsx, &(struct stack_reply){.code = code, .reason = reason});
}

static void refuse_event(struct presence *p, struct shard *sh, const struct stack_in *in)
{
    char       rows[ROWS_OCTETS];
    struct buf b = BUF_ON(rows);

    buf_put(&b, S("Allow-Events: "));
    for (size_t i = 0; i < p->n_packages; i++)
        buf_puts(&b, i ? S(", ") : S(""), p->package[i].name);
    buf_put(&b, S("\r\n"));
    proxy_say(sh, msg_call_id(in->m), S("this event package is not served here"));
    answer(sh, in, 489, buf_slice(&b));
}

/* RFC 3261 §8.2.2.3, and what would be a list without eventlist. False: it has been answered. */
static bool requires_known(struct shard *sh, const struct stack_in *in)
{
    char            rows[ROWS_OCTETS];
    struct buf      b = BUF_ON(rows);
    struct msg_list it = msg_list_begin(in->m, HDR_REQUIRE);
    struct slice    tag;

    while (msg_list_next(&it, &tag))
        if (!slice_ieq(tag, S("eventlist")))
            msg_put_row(&b, HDR_UNSUPPORTED, tag);
    if (b.n == 0 && !b.overflow)
        return true;
    answer(sh, in, 420, buf_slice(&b));
    return false;
}

/* Seconds that are granted; false: it has been answered 423. */
static bool grant(struct shard *sh, const struct stack_in *in, uint32_t default_s, uint32_t *seconds)
{
    char       rows[64];
    struct buf b = BUF_ON(rows);

    if (msg_expires(in->m, seconds))
        *seconds = default_s;
    if (*seconds > PRESENCE_MAX_S)
        *seconds = PRESENCE_MAX_S;
    if (*seconds == 0 || *seconds >= PRESENCE_MIN_S)
        return true;
    msg_put_row_number(&b, HDR_MIN_EXPIRES, PRESENCE_MIN_S);
    answer(sh, in, 423, buf_slice(&b));
    return false;
}

/* 200: the granted time, and where requests within go. Record-Route and To tag are the stack's to add. */
static void accept(struct sub *s, const struct stack_in *in, uint32_t seconds)
{
    char       rows[ROWS_OCTETS];
    struct buf b = BUF_ON(rows);

    msg_put_row_number(&b, HDR_EXPIRES, seconds);
    sub_put_contact(&b, shard_transport(s->sh), &in->from, s->number);
    if (s->eventlist)
        buf_put(&b, S("Require: eventlist\r\n"));
    stack_reply(s->sh, in->tsx, &(struct stack_reply){.code = 200, .to_tag = s->dialog.local_tag, .rows = buf_slice(&b)});
}

/* What its body asks for. False: it has been answered. */
static bool takes_body(struct shard *sh, const struct stack_in *in, const struct presence_package *package,
                       const struct presence_ask *ask, bool *waits)
{
    char       rows[ROWS_OCTETS];
    struct buf b = BUF_ON(rows);
    enum err   e = package->take ? package->take(package->ctx, ask, in->m) : ERR_OK;

    *waits = e == ERR_AGAIN;
    switch (e) {
    case ERR_OK:
    case ERR_AGAIN: return true;
    case ERR_UNSUPPORTED:
        msg_put_row(&b, HDR_ACCEPT, package->content_type);
        answer(sh, in, 415, buf_slice(&b));
        break;
    case ERR_SYNTAX:
    case ERR_INVALID: refuse(sh, in, 400, S("Bad body")); break;
    case ERR_LIMIT: answer(sh, in, 413, SLICE_NONE); break;
    default: answer(sh, in, 503, S("Retry-After: 30\r\n")); break;
    }
    return false;
}

/* The NOTIFY that each SUBSCRIBE is owed: at once, or when what was set has had its time. */
static void owe_notify(struct sub *s, bool waits)
{
    s->dirty = s->forced = true;
    if (waits)
        shard_timer_start(s->sh, &s->later, TAKE_MS);
    else
        notify_look(s);
}

/* ---- a new one ---- */

struct wanted {
    const struct presence_asker   *who;
    const struct presence_package *package;
    struct event                   event;
    uint32_t                       seconds;
    bool                           eventlist, waits;
};

/* The host by which the subscriber calls us: of the Request-URI, since that has brought it here. */
static enum err copy_host(struct sub *s, const struct msg *m)
{
    char       room[3 * DIRECTORY_MAX_HOST];
    struct buf b = BUF_ON(room);
    struct uri u;
    enum err   e = uri_parse(m->uri, &u, NULL);

    if (e)
        return e;
    uri_put_host(&b, u.host);
    if (u.port) {
        buf_putc(&b, ':');
        buf_putu(&b, u.port);
    }
    return buf_err(&b) ? buf_err(&b) : arena_dup(&s->arena, buf_slice(&b), &s->host);
}

static enum err copy_texts(struct sub *s, const struct stack_in *in, const struct wanted *w)
{
    enum err e;

    if ((e = arena_dup(&s->arena, w->who->target, &s->number)) || (e = arena_dup(&s->arena, w->who->number, &s->subscriber)) ||
        (e = arena_dup(&s->arena, w->event.id, &s->event_id)) || (e = arena_dup(&s->arena, w->event.params, &s->event_params)))
        return e;
    return copy_host(s, in->m);
}

static enum err make(struct presence *p, struct shard *sh, const struct stack_in *in, const struct wanted *w, struct sub **out)
{
    char              tag[STACK_TOKEN_OCTETS];
    struct buf        b = BUF_ON(tag);
    struct dialog_uas uas = {.request = in->m, .confirmed = true};
    struct sub       *s;
    enum err          e = sub_new(p, shard_index(sh), &s);

    if (e)
        return e;
    stack_put_token(shard_rng(sh), &b);
    uas.local_tag = buf_slice(&b);
    s->sh = sh;
    s->package = w->package;
    s->eventlist = w->eventlist;
    s->flow = in->from;
    s->made_ms = wall_ms(sh);
    if ((e = copy_texts(s, in, w)) || (e = dialog_from_request(&s->arena, &uas, &s->dialog)) || (e = sub_count_user(s)) ||
        (e = s->eventlist ? rlmi_watch(s, w->who->view) : sub_watch(s, &s->number, 1))) {
        sub_free(s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

static void refuse_make(struct shard *sh, const struct stack_in *in, enum err e)
{
    switch (e) {
    case ERR_FULL: refuse(sh, in, 403, S("Too Many Subscriptions")); break;
    case ERR_NOTFOUND: refuse(sh, in, 400, S("Missing Contact header field")); break;
    case ERR_SYNTAX:
    case ERR_INVALID: refuse(sh, in, 400, S("Bad Contact header field")); break;
    default: answer(sh, in, 503, S("Retry-After: 30\r\n")); break;
    }
}

static void begin(struct presence *p, struct shard *sh, const struct stack_in *in, const struct wanted *w)
{
    struct presence_shard *ps = watchers_enter(p, sh);
    struct sub            *s;
    enum err               e = atomic_load(&p->n_subs) >= PRESENCE_MAX_SUBSCRIPTIONS ? ERR_NOMEM : make(p, sh, in, w, &s);

    if (e) {
        refuse_make(sh, in, e);
        return;
    }
    sub_link(ps, s);
    sub_set_expiry(s, w->seconds);
    sub_log(s, LOG_EVENT("subscription.new"), SLICE_NONE);
    if (w->seconds > 0)
        sub_keep(s);
    accept(s, in, w->seconds);
    if (w->seconds > 0)
        owe_notify(s, w->waits);
    else
        sub_end(s, "timeout"); /* a fetch: one look (RFC 6665 §4.4.3) */
}

/* ---- is it ours, and may they? ---- */

static struct presence_ask ask_before(struct shard *sh, const struct wanted *w)
{
    return (struct presence_ask){.number = w->who->target, .subscriber = w->who->number, .event_params = w->event.params,
                                 .view = w->who->view, .scratch = shard_scratch(sh), .now_ms = wall_ms(sh), .full = true};
}

static bool may(struct shard *sh, const struct stack_in *in, const struct wanted *w, enum presence_may *out)
{
    struct presence_ask ask = ask_before(sh, w);

    *out = w->package->may(w->package->ctx, &ask);
    switch (*out) {
    case PRESENCE_YES: return true;
    case PRESENCE_FORBIDDEN:
        proxy_say(sh, msg_call_id(in->m), S("this number may not be watched by that user"));
        refuse(sh, in, 403, SLICE_NONE);
        break;
    case PRESENCE_NOBODY: refuse(sh, in, 404, SLICE_NONE); break;
    case PRESENCE_NOT_OURS: break;
    }
    return false;
}

static bool accepts(struct shard *sh, const struct stack_in *in, const struct wanted *w)
{
    struct media_type t;

    if (!msg_has(in->m, HDR_ACCEPT) || w->eventlist || media_type_parse(w->package->content_type, &t) ||
        msg_accepts(in->m, t.type, t.subtype))
        return true;
    answer(sh, in, 406, SLICE_NONE);
    return false;
}

/* A list is only for who can read it: RFC 4662 §4.3. */
static bool list_fits(struct shard *sh, const struct stack_in *in, const struct wanted *w)
{
    if (!w->eventlist || msg_has_token(in->m, HDR_SUPPORTED, S("eventlist")) || msg_has_token(in->m, HDR_REQUIRE, S("eventlist")))
        return true;
    answer(sh, in, 421, S("Require: eventlist\r\n"));
    return false;
}

static void subscribe(struct presence *p, struct shard *sh, const struct stack_in *in, struct wanted *w)
{
    struct presence_ask ask = ask_before(sh, w);

    if (!requires_known(sh, in) || !list_fits(sh, in, w) || !accepts(sh, in, w) || !grant(sh, in, w->package->default_s, &w->seconds))
        return;
    if (!tsx_is_none(in->merged)) {
        answer(sh, in, 482, SLICE_NONE);
        return;
    }
    if (takes_body(sh, in, w->package, &ask, &w->waits))
        begin(p, sh, in, w);
}

bool presence_request(struct presence *p, struct shard *sh, const struct stack_in *in, const struct presence_asker *who)
{
    struct wanted     w = {.who = who};
    enum presence_may what = PRESENCE_YES;
    bool              own = slice_eq(who->number, who->target), has_event = msg_event(in->m, &w.event) == ERR_OK;

    if (!who->target.n)
        return false;
    if (has_event)
        w.package = package_find(p, w.event.package);
    if (!has_event || (!w.package && (own || in->m->method_id == METHOD_PUBLISH))) {
        refuse_event(p, sh, in);
        return true;
    }
    if (in->m->method_id == METHOD_PUBLISH && w.package) {
        if (publish_serves(w.package))
            publish_request(p, sh, in, who, w.package);
        else
            refuse_event(p, sh, in);
        return true;
    }
    if (!w.package || who->target.n > PRESENCE_MAX_NUMBER)
        return false;
    w.eventlist = rlmi_is(who, w.package);
    if (w.eventlist || may(sh, in, &w, &what))
        subscribe(p, sh, in, &w);
    else if (what == PRESENCE_NOT_OURS && own)
        refuse_event(p, sh, in);
    else
        return what != PRESENCE_NOT_OURS;
    return true;
}

/* ---- within ---- */

bool presence_has(struct presence *p, struct shard *sh, const struct msg *m, const struct flow *from, bool *on_flow)
{
    struct presence_shard *ps = watchers_enter(p, sh);
    const struct sub      *s = sub_find(ps, msg_call_id(m), msg_to_tag(m), msg_from_tag(m));

    if (!s)
        return false;
    *on_flow = flow_eq(&s->flow, from);
    return true;
}

static bool is_same_event(const struct sub *s, const struct msg *m)
{
    struct event ev;

    return msg_event(m, &ev) == ERR_OK && slice_ieq(ev.package, s->package->name) && slice_eq(ev.id, s->event_id);
}

static bool takes_new_body(struct sub *s, const struct stack_in *in, bool *waits)
{
    const struct directory_view *view = directory_take(proxy_directory(s->p->config.proxy));
    struct presence_ask          ask = ask_of(s, view);
    bool                         taken = takes_body(s->sh, in, s->package, &ask, waits);

    directory_give(view);
    return taken;
}

static void renew(struct sub *s, const struct stack_in *in, uint32_t seconds)
{
    bool waits;

    if (!takes_new_body(s, in, &waits))
        return;
    s->flow = in->from;
    shard_timer_stop(s->sh, &s->later); /* what waited for the phone's return does not any more */
    s->retry_ms = RETRY_MS;
    if (seconds > 0)
        sub_set_expiry(s, seconds);
    sub_keep(s);
    accept(s, in, seconds);
    if (seconds > 0)
        owe_notify(s, waits);
    else
        sub_end(s, "timeout");
}

void presence_refresh(struct presence *p, struct shard *sh, const struct stack_in *in, struct slice number)
{
    struct presence_shard *ps = watchers_enter(p, sh);
    struct sub            *s = sub_find(ps, msg_call_id(in->m), msg_to_tag(in->m), msg_from_tag(in->m));
    struct cseq            cseq;
    uint32_t               seconds;

    if (!s) {
        answer(sh, in, 481, SLICE_NONE);
        return;
    }
    if (number.n && !slice_eq(number, s->subscriber)) {
        answer(sh, in, 403, SLICE_NONE);
        return;
    }
    if (msg_cseq(in->m, &cseq) || dialog_take_cseq(&s->dialog, cseq.number)) {
        answer(sh, in, 500, SLICE_NONE);
        return;
    }
    if (!is_same_event(s, in->m)) { /* RFC 6665 §4.5.2: no second subscription in one dialog */
        answer(sh, in, 481, SLICE_NONE);
        return;
    }
    if (!requires_known(sh, in) || !grant(sh, in, s->package->default_s, &seconds))
        return;
    dialog_refresh(&s->dialog, in->m);
    renew(s, in, seconds);
}
