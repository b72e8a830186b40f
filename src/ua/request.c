/* request.c - one request of a leg: built, sent, sent again with credentials (RFC 3261 §8.1, §12.2.1, §22.2).
 *
 * Room      ua.
 * In        what the other files want to send (leg_request_send), and what the stack says about it.
 * Out       the stack; leg_request.done, once with the end (of an INVITE: with each response).
 * Touches   struct leg_request and the leg's list of them. One lives until its transaction's last callback. */
#include <string.h>

#include "ua/ua_priv.h"

static void on_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from);
static void on_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why);
static void on_ended(void *arg, struct shard *sh, struct tsx_id t);
static void on_again(void *arg);
static const struct stack_client_on client_on = {on_response, on_failed, on_ended};

static void put_contact(void *arg, struct transport *tp, const struct flow *to, struct buf *b)
{
    struct leg *leg = arg;

    ua_put_contact(b, tp, to, leg->contact_user, leg->contact_params);
}

static void put_head(struct buf *b, const struct leg_request *r)
{
    const struct leg *leg = r->leg;
    struct slice method = method_name(r->method);

    if (r->dialog) {
        dialog_put_request(b, r->dialog, method, r->cseq);
        return;
    }
    msg_put_request_line(b, method, leg->target);
    msg_put_row_number(b, HDR_MAX_FORWARDS, 70);
    msg_put_row(b, HDR_FROM, leg->from);
    msg_put_row(b, HDR_TO, leg->to);
    msg_put_row(b, HDR_CALL_ID, leg->call_id);
    msg_put_cseq(b, r->cseq, method);
}

/* The Request-URI that stands in the octets written so far. */
static struct slice written_uri(const struct buf *b)
{
    struct slice rest = buf_slice(b), word = SLICE_NONE;

    slice_cut(&rest, ' ', &word);
    slice_cut(&rest, ' ', &word);
    return word;
}

static enum err put_credentials(struct leg_request *r, struct buf *b)
{
    size_t from = b->n;

    account_put_credentials(r->leg->account, b,
                            &(struct account_ask){method_name(r->method), written_uri(b), r->body});
    if (buf_err(b))
        return ERR_LIMIT;
    return text_set(leg_mem(r->leg), &r->credentials, slice_from(buf_slice(b), from));
}

static bool wants_contact(enum method m)
{
    return m == METHOD_INVITE || m == METHOD_UPDATE || m == METHOD_REFER || m == METHOD_NOTIFY;
}

static enum err next_hop_of(const struct leg_request *r, struct uri *out)
{
    return uri_parse(r->dialog ? dialog_next_hop(r->dialog) : r->leg->next_hop, out, NULL);
}

/* The flow to the peer, where that is how it is reached: a route set says otherwise (RFC 3261 §12.2.1.1). */
static const struct flow *peer_flow(const struct leg *leg, const struct dialog *d)
{
    return flow_is_none(&leg->flow) || (d && d->n_routes) ? NULL : &leg->flow;
}

static enum err send(struct leg_request *r)
{
    struct leg *leg = r->leg;
    struct buf b = ua_scratch(leg->sh, UA_HEAD_OCTETS + r->credentials.n + r->rows.n + r->body.n);
    struct stack_send s = {.on = &client_on, .arg = r, .rows_arg = leg};
    struct uri hop;
    enum err e = next_hop_of(r, &hop);

    if (e)
        return e;
    put_head(&b, r);
    ua_put_common(&b, leg->ua, true);
    buf_put(&b, r->rows);
    if (r->method == METHOD_INVITE || (r->method == METHOD_UPDATE && leg_is_answered(leg)))
        session_put_ask(leg, &b);
    if (leg->account && (e = put_credentials(r, &b)))
        return e;
    if (!leg->account)
        buf_put(&b, text_slice(&r->credentials));
    msg_put_end(&b, r->type, r->body);
    if ((e = buf_err(&b)))
        return e;
    s.octets = buf_slice(&b);
    s.next_hop = &hop;
    s.flow = peer_flow(leg, r->dialog);
    s.rows = wants_contact(r->method) ? put_contact : NULL;
    r->tries++;
    if (r->refer && r->method == METHOD_REFER)
        r->refer->id = r->cseq;
    return stack_request(leg->sh, &s, &r->tsx);
}

static uint32_t next_cseq(struct leg *leg, struct dialog *d)
{
    return d ? dialog_next_cseq(d) : ++leg->cseq;
}

static enum err keep(struct leg_request *r, const struct leg_ask *ask)
{
    struct buf b;
    const struct slice parts[] = {ask->rows, ask->type, ask->body};
    struct slice *kept[] = {&r->rows, &r->type, &r->body};

    if (ask->rows.n > UA_MAX_TEXT_OCTETS || ask->body.n > UA_MAX_TEXT_OCTETS || ask->type.n > UA_MAX_TEXT_OCTETS)
        return ERR_LIMIT;
    r->block_octets = ask->rows.n + ask->type.n + ask->body.n;
    if (!r->block_octets)
        return ERR_OK;
    if (!(r->block = mem_alloc(leg_mem(r->leg), r->block_octets)))
        return ERR_NOMEM;
    buf_init(&b, r->block, r->block_octets);
    for (size_t i = 0; i < 3; i++) {
        *kept[i] = (struct slice){b.p + b.n, parts[i].n};
        buf_put(&b, parts[i]);
    }
    return ERR_OK;
}

enum err leg_request_send(struct leg *leg, const struct leg_ask *ask, struct leg_request **out)
{
    struct leg_request *r = mem_zalloc(leg_mem(leg), sizeof *r);
    enum err e;

    if (!r)
        return ERR_NOMEM;
    r->leg = leg;
    r->method = ask->method;
    r->dialog = ask->dialog;
    r->done = ask->done;
    r->refer = ask->refer;
    r->again = (struct wheel_timer){.fire = on_again, .arg = r};
    list_append(&leg->requests, &r->node);
    atomic_fetch_add(&leg->ua->n_pending, 1);
    if ((e = keep(r, ask)))
        goto fail;
    r->cseq = next_cseq(leg, r->dialog);
    if ((e = send(r)))
        goto fail;
    if (out)
        *out = r;
    return ERR_OK;
fail:
    leg_request_free(r);
    return e;
}

static void set_final(struct leg_request *r)
{
    if (!r->final)
        atomic_fetch_sub(&r->leg->ua->n_pending, 1);
    r->final = true;
}

void leg_request_free(struct leg_request *r)
{
    struct mem *mem = leg_mem(r->leg);

    set_final(r);
    shard_timer_stop(r->leg->sh, &r->again);
    if (r->leg->invite == r)
        r->leg->invite = NULL;
    list_remove(&r->node);
    text_free(mem, &r->credentials);
    text_free(mem, &r->ack_body);
    mem_free(mem, r->block, r->block_octets);
    mem_free(mem, r, sizeof *r);
}

void leg_request_ack(struct leg_request *r, struct dialog *d)
{
    struct leg *leg = r->leg;
    struct slice answer = text_slice(&r->ack_body);
    struct buf b = ua_scratch(leg->sh, UA_HEAD_OCTETS + r->credentials.n + answer.n);
    struct uri hop;

    dialog_put_request(&b, d, method_name(METHOD_ACK), r->cseq);
    if (leg->ua->config.user_agent.n)
        msg_put_row(&b, HDR_USER_AGENT, leg->ua->config.user_agent);
    buf_put(&b, text_slice(&r->credentials));
    msg_put_end(&b, answer.n ? S("application/sdp") : SLICE_NONE, answer);
    if (buf_err(&b) || uri_parse(dialog_next_hop(d), &hop, NULL))
        return; /* their 2xx comes again, and so does this try */
    (void)stack_send(leg->sh, &(struct stack_send){.octets = buf_slice(&b), .next_hop = &hop, .flow = peer_flow(leg, d)});
}

/* The challenge of a leg without account is its user's to answer. */
static bool ask_user(struct leg_request *r, const struct msg *m)
{
    const struct ua_config *c = &r->leg->ua->config;
    struct ua_challenged    asked = {.m = m, .method = method_name(r->method), .body = r->body, .tries = r->tries - 1,
                                     .uri = r->dialog ? r->dialog->target : r->leg->target};
    struct buf              rows = ua_scratch(r->leg->sh, UA_HEAD_OCTETS);

    return c->on->challenged && c->on->challenged(c->ctx, r->leg, &asked, &rows) && buf_err(&rows) == ERR_OK &&
           text_set(leg_mem(r->leg), &r->credentials, buf_slice(&rows)) == ERR_OK;
}

/* Is it a refusal that says how it would be taken? */
static bool take_hint(struct leg_request *r, const struct msg *m)
{
    if (m->status == 422)
        return (r->method == METHOD_INVITE || r->method == METHOD_UPDATE) && session_take_422(r->leg, m);
    if (m->status != 401 && m->status != 407)
        return false;
    return r->leg->account ? !account_take_challenge(r->leg->account, m, r->tries) : ask_user(r, m);
}

/* Once more, with a higher CSeq and what the refusal wants. False: it cannot be. */
static bool send_again(struct leg_request *r, const struct msg *m)
{
    struct leg *leg = r->leg;
    struct tsx_id old = r->tsx;

    if (m->status < 400 || r->tries >= UA_MAX_TRIES || (leg->told && r->method == METHOD_INVITE) || !take_hint(r, m))
        return false;
    r->cseq = next_cseq(leg, r->dialog);
    if (send(r))
        return false;
    stack_forget(leg->sh, old);
    return true;
}

static void tell(struct leg_request *r, const struct msg *m, unsigned code)
{
    if (r->final && r->method != METHOD_INVITE)
        return;
    if (code >= 200)
        set_final(r);
    r->done(r, m, code);
}

static void on_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    struct leg_request *r = arg;

    (void)sh;
    (void)t;
    if (r->dialog || m->status < 300)
        leg_came_by(r->leg, from);
    if (send_again(r, m))
        return;
    if (m->status >= 200 || r->method == METHOD_INVITE)
        tell(r, m, m->status);
}

/* No connection: wait a little, and a little longer each time. False: it has been long enough, or nobody wants it. */
static bool wait_and_try(struct leg_request *r, enum err why)
{
    struct leg *leg = r->leg;
    const struct stack_times *times = shard_times(leg->sh);

    if (!leg->ua->config.patient || r->final || (why != ERR_CLOSED && why != ERR_IO) || r->waited_ms >= 64 * times->t1_ms)
        return false;
    if (r->method == METHOD_INVITE && leg->told)
        return false;
    r->wait_ms = !r->wait_ms ? times->t1_ms : r->wait_ms < times->t2_ms ? 2 * r->wait_ms : r->wait_ms;
    r->waited_ms += r->wait_ms;
    r->waiting = true;
    shard_timer_start(leg->sh, &r->again, r->wait_ms);
    return true;
}

/* The connection that the peer came by has gone: a request in the dialog goes where its target leads. */
static bool by_uri_instead(struct leg_request *r, enum err why)
{
    struct leg *leg = r->leg;

    if (!leg->ua->config.by_flow || !r->dialog || !peer_flow(leg, r->dialog) || r->final || (why != ERR_CLOSED && why != ERR_IO))
        return false;
    leg->flow = (struct flow){0};
    r->waiting = true;
    shard_timer_start(leg->sh, &r->again, 1);
    return true;
}

static void give_up(struct leg_request *r, enum err why)
{
    tell(r, NULL, why == ERR_TIMEOUT ? 408 : 503);
}

static void on_again(void *arg)
{
    struct leg_request *r = arg;
    struct leg *leg = r->leg;
    enum err e = ERR_CLOSED;

    r->waiting = false;
    r->tries = 0;
    r->cseq = next_cseq(leg, r->dialog);
    if (!(leg->told && r->method == METHOD_INVITE) && !(e = send(r)))
        return;
    give_up(r, e);
    leg_request_free(r);
    leg_settle(leg);
}

static void on_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    struct leg_request *r = arg;

    (void)sh;
    (void)t;
    if (!by_uri_instead(r, why) && !wait_and_try(r, why))
        give_up(r, why);
}

static void on_ended(void *arg, struct shard *sh, struct tsx_id t)
{
    struct leg_request *r = arg;
    struct leg *leg = r->leg;

    (void)sh;
    if (r->waiting || !tsx_eq(t, r->tsx))
        return; /* it is sent again, by another transaction */
    leg_request_free(r);
    leg_settle(leg);
}
