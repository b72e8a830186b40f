/* register.c - keeping an account registered (RFC 3261 §10.2; waits after RFC 5626 §4.5).
 *
 * Room      ua.
 * In        ua_register, ua_unregister; answers and timers, in the shard of the registration's Call-ID.
 * Out       REGISTER; ua_on.registration.
 * Must hold one REGISTER at a time: in TRYING, AGAIN and LEAVING one is under way and no timer runs; in WAITING and BOUND
 *           the timer runs and none is under way. */
#include "ua/account_priv.h"

#include <string.h>

enum { EXPIRES_MAX_S = 7 * 24 * 3600 }; /* a server that would have more by 423 is not obeyed */

static void on_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from);
static void on_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why);
static const struct stack_client_on client_on = {.response = on_response, .failed = on_failed};

static void tell(struct ua_account *a, const struct ua_registration *r)
{
    const struct ua_config *c = &a->ua->config;

    if (c->on->registration)
        c->on->registration(c->ctx, a, r);
}

/* ---- sending ---- */

/* Contact, with the URI remembered so that it is found again in the answer. */
static void put_contact(void *arg, struct transport *tp, const struct flow *to, struct buf *b)
{
    struct ua_account *a = arg;
    size_t from = b->n;
    struct slice row;
    size_t lt, gt;

    ua_put_contact(b, tp, to, a->user, SLICE_NONE);
    row = slice_from(buf_slice(b), from);
    lt = slice_find(row, '<');
    gt = slice_find(row, '>');
    a->contact_n = 0;
    if (lt != SIZE_MAX && gt != SIZE_MAX && gt - lt - 1 <= sizeof a->contact) {
        a->contact_n = gt - lt - 1;
        memcpy(a->contact, row.p + lt + 1, a->contact_n);
    }
}

static void put_request(struct ua_account *a, struct buf *b, uint32_t expires_s)
{
    struct slice method = method_name(METHOD_REGISTER);

    msg_put_request_line(b, method, a->registrar);
    msg_put_row_number(b, HDR_MAX_FORWARDS, 70);
    buf_puts(b, S("From: "), a->identity, S(";tag="), a->tag, S("\r\n"));
    msg_put_row(b, HDR_TO, a->identity);
    msg_put_row(b, HDR_CALL_ID, a->call_id);
    msg_put_cseq(b, ++a->cseq, method);
    msg_put_row_number(b, HDR_EXPIRES, expires_s);
    ua_put_common(b, a->ua, true);
    account_put_credentials(a, b, &(struct account_ask){method, a->registrar, SLICE_NONE});
    msg_put_end(b, SLICE_NONE, SLICE_NONE);
}

static enum err send(struct ua_account *a)
{
    struct buf b = ua_scratch(a->sh, UA_HEAD_OCTETS);
    struct slice hop = a->server.n ? a->server : a->registrar;
    struct stack_send s = {.rows = put_contact, .rows_arg = a, .on = &client_on, .arg = a};
    struct uri next_hop;
    enum err e;

    put_request(a, &b, a->state == REGISTER_LEAVING ? 0 : a->asked_s);
    if ((e = buf_err(&b)) || (e = uri_parse(hop, &next_hop, NULL)))
        return e;
    a->tries++;
    s.octets = buf_slice(&b);
    s.next_hop = &next_hop;
    return stack_request(a->sh, &s, &a->tsx);
}

static void left(struct ua_account *a, unsigned code)
{
    shard_timer_stop(a->sh, &a->timer);
    a->state = REGISTER_OFF;
    a->leave = false;
    tell(a, &(struct ua_registration){.kind = UA_UNREGISTERED, .code = code, .reason = msg_reason(code)});
}

/* RFC 5626 §4.5: so many seconds, doubled with each failure up to 30 min, of which a random part of the second half is
 * waited. */
static uint32_t wait_ms(struct ua_account *a, uint64_t s)
{
    for (unsigned i = 1; i < a->failures && s < UA_RETRY_MAX_S; i++)
        s *= 2;
    if (s > UA_RETRY_MAX_S)
        s = UA_RETRY_MAX_S;
    return (uint32_t)(500 * s + rng_below(shard_rng(a->sh), 500 * s + 1));
}

struct failure {
    unsigned     code;    /* 0: no answer */
    struct slice reason;
    uint32_t     after_s; /* Retry-After */
    uint32_t     base_s;
};

static void failed(struct ua_account *a, const struct failure *f)
{
    struct ua_registration r = {.kind = UA_REGISTER_FAILED, .code = f->code, .reason = f->reason};

    if (a->leave || a->state == REGISTER_LEAVING) {
        left(a, f->code);
        return;
    }
    a->failures++;
    r.retry_ms = wait_ms(a, f->base_s);
    if (r.retry_ms / 1000 < f->after_s && f->after_s <= UA_RETRY_MAX_S)
        r.retry_ms = f->after_s * 1000;
    a->state = REGISTER_WAITING;
    shard_timer_start(a->sh, &a->timer, r.retry_ms);
    tell(a, &r);
}

static void start(struct ua_account *a, enum register_state state)
{
    shard_timer_stop(a->sh, &a->timer);
    a->state = state;
    a->tries = 0;
    if (send(a))
        failed(a, &(struct failure){500, S("Cannot be sent"), 0, UA_RETRY_BASE_S});
}

static void on_timer(void *arg)
{
    struct ua_account *a = arg;

    start(a, a->state == REGISTER_BOUND ? REGISTER_AGAIN : REGISTER_TRYING);
}

/* ---- answers ---- */

/* How long our binding lives, by its Contact in the answer, else Expires, else as asked (§10.2.4). 0: it is not there. */
static uint32_t granted_s(const struct ua_account *a, const struct msg *m)
{
    struct msg_list it = msg_list_begin(m, HDR_CONTACT);
    uint32_t s = a->asked_s;
    struct slice element;
    struct uri ours, theirs;
    bool seen = false;

    (void)msg_expires(m, &s);
    if (uri_parse((struct slice){a->contact, a->contact_n}, &ours, NULL))
        return s;
    while (msg_list_next(&it, &element)) {
        struct name_addr na;
        if (name_addr_parse(element, &na) || uri_parse(na.uri, &theirs, NULL))
            continue;
        seen = true;
        if (!uri_equal(&ours, &theirs))
            continue;
        (void)msg_contact_expires(na.params, &s);
        return s;
    }
    return seen ? 0 : s; /* some servers list no Contacts at all */
}

static void bound(struct ua_account *a, const struct msg *m, const struct flow *from)
{
    uint32_t s = granted_s(a, m);
    bool fresh = a->state != REGISTER_AGAIN;

    if (a->leave) {
        start(a, REGISTER_LEAVING);
        return;
    }
    if (!s) {
        failed(a, &(struct failure){m->status, S("The binding is not there"), 0, UA_RETRY_BASE_S});
        return;
    }
    a->failures = 0;
    spin_lock(&a->lock);
    a->flow = *from;
    spin_unlock(&a->lock);
    a->state = REGISTER_BOUND;
    shard_timer_start(a->sh, &a->timer, (uint64_t)s * (800 + rng_below(shard_rng(a->sh), 101)));
    if (fresh)
        tell(a, &(struct ua_registration){
                    .kind = UA_REGISTERED, .code = m->status, .reason = m->reason, .expires_s = s});
}

static bool too_brief(struct ua_account *a, const struct msg *m)
{
    uint32_t min;

    if (m->status != 423 || msg_min_expires(m, &min) || min <= a->asked_s || min > EXPIRES_MAX_S)
        return false;
    a->asked_s = min;
    return true;
}

static bool try_again(struct ua_account *a, const struct msg *m)
{
    if (a->tries >= UA_MAX_TRIES)
        return false;
    if (m->status == 401 || m->status == 407)
        return !account_take_challenge(a, m, a->tries) && !send(a);
    return too_brief(a, m) && !send(a);
}

static void on_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    struct ua_account *a = arg;
    struct retry_after retry = {0};

    (void)sh;
    if (m->status < 200 || !tsx_eq(t, a->tsx) || try_again(a, m))
        return;
    a->tsx = TSX_NONE;
    (void)msg_retry_after(m, &retry);
    if (a->state == REGISTER_LEAVING)
        left(a, m->status);
    else if (m->status < 300)
        bound(a, m, from);
    else
        failed(a, &(struct failure){m->status, m->reason, retry.seconds, UA_RETRY_BASE_S});
}

static void on_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    struct ua_account *a = arg;

    (void)sh;
    if (!tsx_eq(t, a->tsx))
        return;
    a->tsx = TSX_NONE;
    failed(a, &(struct failure){0, slice_z(err_text(why)), 0,
                                why == ERR_CLOSED || why == ERR_IO ? UA_RETRY_LOST_S : UA_RETRY_BASE_S});
}

/* ---- from outside ---- */

static void run_register(void *arg, struct shard *sh)
{
    struct ua_account *a = arg;

    a->sh = sh;
    a->leave = false;
    a->timer.fire = on_timer;
    a->timer.arg = a;
    if (a->state == REGISTER_OFF || a->state == REGISTER_WAITING)
        start(a, REGISTER_TRYING);
}

static void run_unregister(void *arg, struct shard *sh)
{
    struct ua_account *a = arg;

    a->sh = sh;
    switch (a->state) {
    case REGISTER_OFF:
    case REGISTER_WAITING:
        left(a, 0);
        break;
    case REGISTER_BOUND:
        start(a, REGISTER_LEAVING);
        break;
    case REGISTER_TRYING:
    case REGISTER_AGAIN:
        a->leave = true;
        break;
    case REGISTER_LEAVING:
        break;
    }
}

static void run_again(void *arg, struct shard *sh)
{
    struct ua_account *a = arg;

    (void)sh;
    if (a->state == REGISTER_BOUND)
        start(a, REGISTER_TRYING);
}

enum err ua_register(struct ua_account *a, uint8_t worker)
{
    return stack_run(a->ua->stack, worker, a->shard, run_register, a);
}

enum err ua_unregister(struct ua_account *a, uint8_t worker)
{
    return stack_run(a->ua->stack, worker, a->shard, run_unregister, a);
}

bool ua_account_flow(struct ua_account *a, struct flow *out)
{
    spin_lock(&a->lock);
    *out = a->flow;
    spin_unlock(&a->lock);
    return !flow_is_none(out);
}

void register_flow_lost(struct ua_account *a, uint8_t worker, const struct flow *flow)
{
    bool mine;

    spin_lock(&a->lock);
    mine = flow_eq(&a->flow, flow);
    spin_unlock(&a->lock);
    if (mine)
        (void)stack_run(a->ua->stack, worker, a->shard, run_again, a); /* else the refresh does it */
}
