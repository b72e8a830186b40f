/* caller.c - who calls: INVITE, ACK, the call, BYE; called upon by a REFER it calls somebody else. Watchers begin here too.
 *
 * Room      app/load.
 * Out       a piece of work ended, with the first thing that went wrong in it. A transferred call is one piece of work: the
 *           first call's end hands it on to the second one. */
#include <stdio.h>
#include <string.h>

#include "app/load/load_priv.h"

static void invite_answered(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from);
static void invite_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why);
static const struct stack_client_on invite_on = {.response = invite_answered, .failed = invite_failed};

/* ---- INVITE ---- */

static enum err send_invite(struct end *e)
{
    char       room[64];
    struct buf rows = BUF_ON(room);

    if (e->second)
        msg_put_row(&rows, HDR_SUBJECT, load_transferred);
    return load_end_begin(e, &(struct end_request){METHOD_INVITE, buf_slice(&rows), &invite_on});
}

struct beginning {
    struct load     *load;
    struct call_plan plan;
    char             call_id[STACK_TOKEN_OCTETS];
};

static void begin(void *arg, struct shard *sh)
{
    struct beginning *g = arg;
    struct load      *l = g->load;
    struct end       *e = load_end_new(l, sh, (struct slice){g->call_id, sizeof g->call_id}, false);
    struct buf        tag;

    if (e) {
        buf_init(&tag, e->tag, sizeof e->tag);
        stack_put_token(&l->random.rng, &tag);
        e->phone = g->plan.from;
        e->peer = g->plan.to;
        e->measured = g->plan.measured;
        e->held = g->plan.held;
        e->second = g->plan.second;
        e->watcher = g->plan.watcher;
        e->asked_us = net_now_us(l->net);
        if (e->watcher ? watcher_subscribe(e) : send_invite(e))
            load_end_over(e, e->watcher ? "SUBSCRIBE could not be sent" : "INVITE could not be sent");
    } else {
        pace_ended(l, g->plan.measured, "no memory for a call");
    }
    mem_free(&l->mem, g, sizeof *g);
}

bool caller_begin(struct load *l, const struct call_plan *plan)
{
    struct beginning *g = mem_zalloc(&l->mem, sizeof *g);
    struct buf        b;

    if (!g)
        return false;
    g->load = l;
    g->plan = *plan;
    buf_init(&b, g->call_id, sizeof g->call_id);
    stack_put_token(&l->random.rng, &b);
    if (stack_run(l->stack, 0, stack_shard_of(l->stack, buf_slice(&b)), begin, g)) {
        mem_free(&l->mem, g, sizeof *g);
        return false;
    }
    return true;
}

/* ---- the answer ---- */

static void hang_up(void *arg)
{
    load_end_bye(arg);
}

void caller_hang_up(void *end, struct shard *sh)
{
    (void)sh;
    load_end_bye(end);
}

static void send_ack(struct end *e)
{
    if (load_end_request(e, &(struct end_request){.method = METHOD_ACK}) && !e->wrong)
        e->wrong = "ACK could not be sent";
}

static void is_up(struct end *e)
{
    struct load *l = e->load;
    uint64_t     took_us = load_end_now_us(e) - e->asked_us, rang_us = (uint64_t)l->o.ring_ms * 1000;

    if (e->measured) /* who answers in the callee's place may do so at once */
        histogram_add(&l->figures.latency[LATENCY_ANSWER], took_us > rang_us ? took_us - rang_us : 0);
    if (e->held) {
        l->held[l->n_held++] = e;
        pace_ended(l, false, NULL);
        return;
    }
    /* In a transfer the callee is who acts. */
    if (l->o.kind != LOAD_TRANSFERS || e->second)
        load_end_timer(e, hang_up, l->o.hold_ms);
}

static void answered(struct end *e, const struct msg *m)
{
    struct slice body;

    if (e->confirmed) { /* repeated, since the ACK was lost or late */
        send_ack(e);
        return;
    }
    e->confirmed = true;
    if (dialog_from_response(&e->arena, m, false, &e->dialog)) {
        load_end_over(e, "INVITE 200 that makes no dialog");
        return;
    }
    e->has_dialog = true;
    e->dialog.local_cseq = e->cseq;
    send_ack(e);
    if (msg_find_body(m, S("application"), S("sdp"), &body) || !slice_eq(body, load_sdp))
        e->wrong = "INVITE 200 with another SDP than the callee's";
    is_up(e);
}

static void invite_answered(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    struct end *e = arg;
    char        cause[LOAD_CAUSE_OCTETS];

    (void)t;
    (void)from;
    if (m->status < 200) {
        if (m->status == 180 && !e->ringing && e->measured)
            histogram_add(&e->load->figures.latency[LATENCY_RINGING], load_end_now_us(e) - e->asked_us);
        e->ringing |= m->status == 180;
        return;
    }
    if (m->status < 300) {
        if (!e->leaving)
            answered(e, m);
        return;
    }
    if ((m->status == 401 || m->status == 407) && e->tries < LOAD_MAX_TRIES && !load_login_challenged(e->phone, sh, m) && !send_invite(e))
        return;
    (void)snprintf(cause, sizeof cause, "INVITE %u", m->status);
    load_end_over(e, cause);
}

static void invite_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    struct end *e = arg;

    (void)sh;
    (void)t;
    if (!e->confirmed)
        load_end_over(e, why == ERR_TIMEOUT ? "INVITE without an answer" : "INVITE could not be sent");
}

/* ---- what comes within the dialog ---- */

void caller_refer(struct end *e, const struct stack_in *in)
{
    char             room[LOAD_NUMBER_OCTETS];
    struct buf       number = BUF_ON(room);
    struct name_addr na;
    struct uri       u;

    if (!msg_name_addr(in->m, HDR_REFER_TO, &na) && !uri_parse(na.uri, &u, NULL)) {
        uri_put_user_key(&number, &u);
        e->target = load_phone_of(e->load, buf_slice(&number));
    }
    if (!e->target && !e->wrong)
        e->wrong = "REFER to nobody of ours";
    (void)load_answer(e->sh, in->tsx, &(struct load_reply){.code = e->target ? 202 : 404, .contact = e->phone});
}

/* A held call that ends is not there for INFO any more. */
static void not_held(struct end *e)
{
    struct load *l = e->load;

    for (size_t i = 0; i < l->n_held; i++) {
        if (l->held[i] == e) {
            l->held[i] = l->held[--l->n_held];
            l->out++; /* it is work again, and ends badly */
            return;
        }
    }
}

void caller_bye(struct end *e, const struct stack_in *in)
{
    struct load     *l = e->load;
    struct call_plan next = {.from = e->phone, .to = e->target, .measured = e->measured, .second = true};

    (void)stack_reply_code(e->sh, in->tsx, 200);
    if (e->leaving) /* ours crosses it, and will be answered */
        return;
    if (e->held)
        not_held(e);
    if (!e->target || e->wrong) {
        load_end_over(e, l->o.kind == LOAD_TRANSFERS && !e->second ? "BYE without a REFER before" : "BYE that nobody sent");
        return;
    }
    if (caller_begin(l, &next))
        load_end_free(e); /* the piece of work goes on there */
    else
        load_end_over(e, "no memory for a call");
}

/* ---- INFO ---- */

static void info_answered(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from);
static void info_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why);
static const struct stack_client_on info_on = {.response = info_answered, .failed = info_failed};
static const struct end_request     info = {.method = METHOD_INFO, .on = &info_on};

static void info_answered(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    struct end *e = arg;
    char        cause[LOAD_CAUSE_OCTETS];

    (void)sh;
    (void)t;
    (void)from;
    if (m->status < 200 || load_end_again(e, m, &info))
        return;
    (void)snprintf(cause, sizeof cause, "INFO %u", m->status);
    e->asking = false;
    if (m->status < 300)
        histogram_add(&e->load->figures.latency[LATENCY_WITHIN], load_end_now_us(e) - e->asked_us);
    pace_ended(e->load, true, m->status < 300 ? NULL : cause);
}

static void info_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    struct end *e = arg;

    (void)sh;
    (void)t;
    e->asking = false;
    pace_ended(e->load, true, why == ERR_TIMEOUT ? "INFO without an answer" : "INFO could not be sent");
}

void caller_info(void *end, struct shard *sh)
{
    struct end *e = end;

    (void)sh;
    e->tries = 0;
    e->asking = true;
    e->asked_us = load_end_now_us(e);
    if (load_end_request(e, &info)) {
        e->asking = false;
        pace_ended(e->load, true, "INFO could not be sent");
    }
}
