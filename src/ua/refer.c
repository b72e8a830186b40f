/* refer.c - transfer without consultation, as transferee and as transferor (RFC 3515, RFC 3892, RFC 6665, RFC 7647).
 *
 * Room      ua.
 * In        REFER and NOTIFY of the peer; leg_refer, leg_refer_report.
 * Touches   the leg's list of REFERs; each is a subscription that outlives the call's BYE (RFC 5057 §4), so that NOTIFYs
 *           still go out and are taken. One ends with its final NOTIFY, a 481, or after UA_REFER_S. */
#include <string.h>

#include "ua/ua_priv.h"

static const struct slice sipfrag_type = {"message/sipfrag;version=2.0", 27};

static void expire(void *arg);
static void notify_next(struct refer *f);

/* From now on. */
static void lasts(struct refer *f, uint32_t seconds)
{
    f->until_ms = shard_now_ms(f->leg->sh) + seconds * 1000u;
    shard_timer_start(f->leg->sh, &f->timer, seconds * 1000u);
}

static struct refer *refer_open(struct leg *leg, uint32_t id, bool ours)
{
    struct refer *f;

    if (leg->n_refers >= UA_MAX_REFERS || !(f = mem_zalloc(leg_mem(leg), sizeof *f)))
        return NULL;
    f->leg = leg;
    f->id = id;
    f->ours = ours;
    f->first = ours ? !leg->referred : !leg->was_referred;
    f->timer = (struct wheel_timer){.fire = expire, .arg = f};
    list_append(&leg->refers, &f->node);
    leg->n_refers++;
    lasts(f, UA_REFER_S);
    return f;
}

enum err refer_adopt(struct leg *leg, uint32_t id, bool first)
{
    struct refer *f = refer_open(leg, id, false);

    if (!f)
        return ERR_NOMEM;
    f->first = first;
    f->told = 100; /* by who accepted it */
    leg->was_referred = true;
    return ERR_OK;
}

/* Also where the leg is being freed: nothing is told. */
void refer_close(struct refer *f)
{
    struct leg *leg = f->leg;

    for (struct list_node *n = list_first(&leg->requests); n; n = list_next(&leg->requests, n)) {
        struct leg_request *r = LIST_OF(n, struct leg_request, node);
        if (r->refer == f)
            r->refer = NULL;
    }
    shard_timer_stop(leg->sh, &f->timer);
    list_remove(&f->node);
    leg->n_refers--;
    mem_free(leg_mem(leg), f, sizeof *f);
}

static void tell(struct refer *f, const struct leg_refer_status *status)
{
    struct leg *leg = f->leg;

    if (status->final) {
        refer_close(f);
        leg_settle(leg);
    }
    if (leg->attached && leg->on->refer_status)
        leg->on->refer_status(leg->arg, leg, status);
}

static void expire(void *arg)
{
    struct refer *f = arg;
    struct leg *leg = f->leg;

    if (f->ours) {
        tell(f, &(struct leg_refer_status){.code = 0, .reason = S("no result in time"), .final = true});
    } else if (f->busy) {
        refer_close(f);
        leg_settle(leg);
    } else {
        f->queued = 408; /* who wanted to know is told that nobody knows */
        f->reason_n = 0;
        notify_next(f);
    }
}

/* ---- transferor ---- */

/* Once: a NOTIFY may be faster than the 2xx, and says as much. */
static void tell_accepted(struct refer *f, unsigned code, struct slice reason)
{
    if (f->accepted)
        return;
    f->accepted = true;
    tell(f, &(struct leg_refer_status){.code = code, .reason = reason, .accepted = true});
}

static void on_refer_answered(struct leg_request *r, const struct msg *m, unsigned code)
{
    struct refer *f = r->refer;

    if (!f)
        return;
    if (m)
        leg_learn(r->leg, m);
    if (m && code < 300)
        tell_accepted(f, code, m->reason); /* the end comes by NOTIFY in any case */
    else
        tell(f, &(struct leg_refer_status){.code = code, .reason = m ? m->reason : msg_reason(code), .final = true});
}

enum err leg_refer(struct leg *leg, struct slice refer_to)
{
    struct buf rows = ua_scratch(leg->sh, refer_to.n + leg->local_uri.n + 64);
    struct leg_request *r;
    struct refer *f;
    enum err e;

    if (!leg_is_answered(leg))
        return ERR_INVALID;
    buf_puts(&rows, hdr_name(HDR_REFER_TO), S(": <"), refer_to, S(">\r\n"));
    buf_puts(&rows, hdr_name(HDR_REFERRED_BY), S(": <"),
             leg->account ? ua_account_aor(leg->account) : leg->local_uri, S(">\r\n"));
    if ((e = buf_err(&rows)))
        return e;
    if (!(f = refer_open(leg, 0, true)))
        return ERR_FULL;
    e = leg_request_send(leg,
                         &(struct leg_ask){.method = METHOD_REFER,
                                           .dialog = leg->dialog,
                                           .rows = buf_slice(&rows),
                                           .done = on_refer_answered,
                                           .refer = f},
                         &r);
    if (e) {
        refer_close(f);
        return e;
    }
    leg->referred = true;
    return ERR_OK;
}

/* The REFER of ours that a NOTIFY tells about: by the id in its Event, else the oldest. */
static struct refer *find_ours(struct leg *leg, const struct event *event)
{
    uint32_t id;
    bool has_id = event->id.n != 0;

    if (has_id && slice_u32(event->id, &id))
        return NULL;
    for (struct list_node *n = list_first(&leg->refers); n; n = list_next(&leg->refers, n)) {
        struct refer *f = LIST_OF(n, struct refer, node);
        if (f->ours && (!has_id || f->id == id))
            return f;
    }
    return NULL;
}

void refer_on_notify(struct leg *leg, const struct stack_in *in)
{
    struct leg_refer_status status = {0};
    struct subscription_state state;
    struct sipfrag frag;
    struct event event;
    struct refer *f;

    if (msg_event(in->m, &event) || !slice_ieq(event.package, S("refer"))) {
        ua_refuse(leg->ua, leg->sh, in->tsx, 489);
        return;
    }
    if (!(f = find_ours(leg, &event))) {
        ua_refuse(leg->ua, leg->sh, in->tsx, 481);
        return;
    }
    (void)ua_answer(leg->ua, leg->sh, in->tsx, &(struct ua_answer){.code = 200});
    tell_accepted(f, 202, msg_reason(202));
    if (!sipfrag_parse(in->m->body, &frag) && !frag.is_request) {
        status.code = frag.status;
        status.reason = frag.reason;
    }
    /* Some phones never say `terminated`: a final status is the end too. */
    status.final = status.code >= 200 ||
                   (!msg_subscription_state(in->m, &state) && state.state == SUBSCRIPTION_TERMINATED);
    tell(f, &status);
}

/* ---- transferee ---- */

/* The header fields behind the Refer-To URI's '?' that count here: Replaces. */
enum err ua_refer_to_read(struct slice value, struct leg_refer_in *out, struct buf *target, struct buf *replaces)
{
    struct name_addr na;
    struct uri u;
    struct slice escaped, method;

    if (name_addr_parse(value, &na) || uri_parse(na.uri, &u, NULL) || !uri_is_sip(&u))
        return ERR_SYNTAX;
    if (!uri_header(&u, S("Replaces"), &escaped))
        uri_put_unescaped(replaces, escaped);
    out->bye = !uri_param(&u, S("method"), &method) && slice_ieq(method, S("BYE"));
    u.headers = SLICE_NONE;
    uri_write_without(target, &u, S("method"));
    out->target = buf_slice(target);
    out->replaces = buf_slice(replaces);
    return buf_err(target) || buf_err(replaces) ? ERR_LIMIT : ERR_OK;
}

/* 0, or what a bad REFER deserves (RFC 3515 §2.4.2: exactly one Refer-To). */
static unsigned read_refer(struct leg *leg, const struct msg *m, struct leg_refer_in *out)
{
    struct slice value = msg_value(m, HDR_REFER_TO);
    struct buf target = ua_scratch(leg->sh, 2 * value.n + 64), replaces = ua_scratch(leg->sh, value.n);
    struct cseq cseq;

    if (msg_count(m, HDR_REFER_TO) != 1 || msg_cseq(m, &cseq) || ua_refer_to_read(value, out, &target, &replaces))
        return 400;
    out->id = cseq.number;
    out->referred_by = msg_value(m, HDR_REFERRED_BY);
    return 0;
}

static bool wants_no_subscription(const struct msg *m)
{
    struct token_value v;

    return !token_value_parse(msg_value(m, HDR_REFER_SUB), &v) && slice_ieq(v.token, S("false"));
}

static void accept(struct leg *leg, const struct stack_in *in, const struct leg_refer_in *refer)
{
    struct refer *f = refer_open(leg, refer->id, false);
    bool silent = wants_no_subscription(in->m);

    (void)ua_answer(leg->ua, leg->sh, in->tsx,
                    &(struct ua_answer){.code = 202,
                                        .contact = true,
                                        .contact_user = leg->contact_user, .contact_params = leg->contact_params,
                                        .rows = silent ? S("Refer-Sub: false\r\n") : SLICE_NONE});
    leg->was_referred = true;
    if (!f)
        return;
    if (silent) {
        refer_close(f);
        return;
    }
    f->queued = 100;
    notify_next(f); /* RFC 3515 §2.4.4: at once */
}

void refer_on_refer(struct leg *leg, const struct stack_in *in)
{
    struct leg_refer_in refer = {0};
    unsigned code = read_refer(leg, in->m, &refer);

    if (leg->ua->config.no_refer)
        code = 405;
    if (!code && leg->n_refers >= UA_MAX_REFERS)
        code = 486;
    if (!code && (!leg_is_answered(leg) || !leg->on->refer))
        code = 603;
    if (!code)
        code = leg->on->refer(leg->arg, leg, &refer);
    if (code >= 300)
        ua_refuse(leg->ua, leg->sh, in->tsx, code);
    else if (code)
        accept(leg, in, &refer);
}

static void on_notify_answered(struct leg_request *r, const struct msg *m, unsigned code)
{
    struct refer *f = r->refer;
    struct leg *leg = r->leg;

    (void)m;
    if (!f)
        return;
    f->busy = false;
    if (code >= 300 || (f->last && !f->queued)) { /* nobody listens any more, or that was the last word */
        refer_close(f);
        leg_settle(leg);
    } else if (f->queued) {
        notify_next(f);
    }
}

static void put_event(struct buf *b, const struct refer *f)
{
    buf_puts(b, hdr_name(HDR_EVENT), S(": refer"));
    if (!f->first) {
        buf_put(b, S(";id="));
        buf_putu(b, f->id);
    }
    buf_put(b, S("\r\n"));
}

static void put_state(struct buf *b, const struct refer *f)
{
    uint64_t now = shard_now_ms(f->leg->sh);

    buf_puts(b, hdr_name(HDR_SUBSCRIPTION_STATE), S(": "));
    if (f->last) {
        buf_put(b, f->left ? S("terminated;reason=timeout\r\n") : S("terminated;reason=noresource\r\n"));
        return;
    }
    buf_put(b, S("active;expires="));
    buf_putu(b, f->until_ms > now ? (f->until_ms - now) / 1000 : 0);
    buf_put(b, S("\r\n"));
}

/* Tell the queued status. One NOTIFY at a time, so that they cannot overtake each other. */
static void notify_next(struct refer *f)
{
    struct leg *leg = f->leg;
    unsigned code = f->queued;
    char room[512], text[128];
    struct buf rows = BUF_ON(room), body = BUF_ON(text);

    f->queued = 0;
    f->told = code;
    f->last = f->last || code >= 200; /* nothing after the final one */
    put_event(&rows, f);
    put_state(&rows, f);
    msg_put_status_line(&body, code, (struct slice){f->reason, f->reason_n});
    f->busy = !leg_request_send(leg,
                                &(struct leg_ask){.method = METHOD_NOTIFY,
                                                  .dialog = leg->dialog,
                                                  .rows = buf_slice(&rows),
                                                  .type = sipfrag_type,
                                                  .body = buf_slice(&body),
                                                  .done = on_notify_answered,
                                                  .refer = f},
                                NULL);
    if (!f->busy) {
        refer_close(f);
        leg_settle(leg);
    }
}

static struct refer *find_theirs(struct leg *leg, uint32_t id)
{
    for (struct list_node *n = list_first(&leg->refers); n; n = list_next(&leg->refers, n)) {
        struct refer *f = LIST_OF(n, struct refer, node);
        if (!f->ours && f->id == id)
            return f;
    }
    return NULL;
}

static void report(struct leg *leg, const struct leg_refer_report *r)
{
    struct refer *f = find_theirs(leg, r->refer);
    struct buf reason;

    if (!f || f->last || f->queued >= 200)
        return;
    buf_init(&reason, f->reason, sizeof f->reason);
    buf_put(&reason, slice_to(r->reason.n ? r->reason : msg_reason(r->code), sizeof f->reason));
    f->reason_n = reason.n;
    f->queued = r->code;
    if (!f->busy)
        notify_next(f);
}

/* The REFER of theirs that a SUBSCRIBE would have longer, or shorter (RFC 3515 §2.4.4). */
static struct refer *find_subscribed(struct leg *leg, const struct event *event)
{
    uint32_t id;

    for (struct list_node *n = list_first(&leg->refers); n; n = list_next(&leg->refers, n)) {
        struct refer *f = LIST_OF(n, struct refer, node);
        if (!f->ours && (event->id.n ? !slice_u32(event->id, &id) && id == f->id : f->first))
            return f;
    }
    return NULL;
}

void refer_on_subscribe(struct leg *leg, const struct stack_in *in)
{
    char room[32];
    struct buf rows = BUF_ON(room);
    struct event event;
    struct refer *f = NULL;
    uint32_t expires = UA_REFER_S;

    if (msg_event(in->m, &event) || !slice_ieq(event.package, S("refer"))) {
        ua_refuse(leg->ua, leg->sh, in->tsx, 489);
        return;
    }
    if (!(f = find_subscribed(leg, &event)) || f->last) {
        ua_refuse(leg->ua, leg->sh, in->tsx, 481);
        return;
    }
    if (msg_expires(in->m, &expires) || expires > UA_REFER_S)
        expires = UA_REFER_S;
    if (expires)
        lasts(f, expires);
    f->last = f->left = expires == 0;
    msg_put_row_number(&rows, HDR_EXPIRES, expires);
    (void)ua_answer(leg->ua, leg->sh, in->tsx,
                    &(struct ua_answer){.code = 200,
                                        .contact = true,
                                        .contact_user = leg->contact_user, .contact_params = leg->contact_params,
                                        .rows = buf_slice(&rows)});
    if (!f->queued)
        f->queued = f->told;
    if (!f->busy) /* RFC 6665 §4.2.1.2: each SUBSCRIBE is followed by a NOTIFY */
        notify_next(f);
}

/* ---- leg_refer_report, from anywhere ---- */

struct news {
    struct ua              *ua;
    struct leg_refer_report report;
    char                    reason[64];
};

static void run_news(void *arg, struct leg *leg)
{
    struct news *news = arg, copy = *news;

    mem_free(copy.ua->config.mem, news, sizeof *news);
    copy.report.reason.p = copy.reason;
    if (leg)
        report(leg, &copy.report);
}

enum err leg_refer_report(struct ua *ua, uint8_t worker, const struct leg_refer_report *r)
{
    struct news *news = mem_alloc(ua->config.mem, sizeof *news);
    enum err e;

    if (!news)
        return ERR_NOMEM;
    news->ua = ua;
    news->report = *r;
    news->report.reason = slice_to(r->reason, sizeof news->reason);
    if (r->reason.n)
        memcpy(news->reason, r->reason.p, news->report.reason.n);
    if ((e = leg_do(ua, worker, r->leg, run_news, news)))
        mem_free(ua->config.mem, news, sizeof *news);
    return e;
}
