/* callee.c - who is called: 180, 200 (repeated until its ACK), and in a transfer REFER and BYE.
 *
 * Room      app/load.
 * Out       what went wrong here is told by load_end_over(); the piece of work is the caller's. */
#include <stdio.h>
#include <string.h>

#include "app/load/load_priv.h"

static void refer_answered(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from);
static void refer_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why);
static const struct stack_client_on refer_on = {.response = refer_answered, .failed = refer_failed};

/* ---- the 200, and its ACK ---- */

static void repeat(void *arg)
{
    struct end               *e = arg;
    const struct stack_times *times = shard_times(e->sh);

    e->waited_ms += e->wait_ms;
    if (e->waited_ms >= 64 * times->t1_ms) { /* RFC 3261 §13.3.1.4 */
        e->wrong = "INVITE 200 without an ACK";
        load_end_bye(e);
        return;
    }
    (void)stack_respond(e->sh, e->tsx, (struct slice){e->kept, e->n_kept});
    e->wait_ms = e->wait_ms * 2 < times->t2_ms ? e->wait_ms * 2 : times->t2_ms;
    shard_timer_start(e->sh, &e->timer, e->wait_ms);
}

static enum err keep(struct end *e, struct slice octets)
{
    e->kept = mem_alloc(shard_mem(e->sh), octets.n);
    if (!e->kept)
        return ERR_NOMEM;
    memcpy(e->kept, octets.p, octets.n);
    e->n_kept = octets.n;
    return ERR_OK;
}

static void pick_up(void *arg)
{
    struct end *e = arg;
    struct buf  b = load_scratch(e->sh, 2 * LOAD_HEAD_OCTETS);

    if (load_answer(e->sh, e->tsx, &(struct load_reply){.code = 200, .tag = {e->tag, sizeof e->tag}, .contact = e->phone, .body = true, .kept = &b}) ||
        keep(e, buf_slice(&b))) {
        load_end_over(e, "INVITE could not be answered");
        return;
    }
    e->wait_ms = shard_times(e->sh)->t1_ms;
    load_end_timer(e, repeat, e->wait_ms);
}

/* ---- INVITE ---- */

static struct load_phone *named(struct load *l, struct slice text)
{
    char       room[LOAD_NUMBER_OCTETS];
    struct buf number = BUF_ON(room);
    struct uri u;

    if (uri_parse(text, &u, NULL))
        return NULL;
    uri_put_user_key(&number, &u);
    return load_phone_of(l, buf_slice(&number));
}

static void begin(struct end *e, const struct stack_in *in)
{
    struct buf        tag;
    struct dialog_uas uas = {.request = in->m, .confirmed = true};
    struct slice      body;

    buf_init(&tag, e->tag, sizeof e->tag);
    stack_put_token(&e->load->random.rng, &tag);
    uas.local_tag = buf_slice(&tag);
    e->tsx = in->tsx;
    e->second = slice_eq(msg_value(in->m, HDR_SUBJECT), load_transferred);
    if (msg_find_body(in->m, S("application"), S("sdp"), &body) || !slice_eq(body, load_sdp))
        e->wrong = "INVITE with another SDP than the caller's";
    if (dialog_from_request(&e->arena, &uas, &e->dialog)) {
        stack_reply_code(e->sh, in->tsx, 400);
        load_end_over(e, "INVITE that makes no dialog");
        return;
    }
    e->has_dialog = true;
    if (load_answer(e->sh, e->tsx, &(struct load_reply){.code = 180, .tag = uas.local_tag, .contact = e->phone})) {
        load_end_over(e, "INVITE could not be answered");
        return;
    }
    if (!e->load->o.ring_ms) {
        pick_up(e);
        return;
    }
    load_end_timer(e, pick_up, e->load->o.ring_ms);
}

void callee_invite(struct load *l, struct shard *sh, const struct stack_in *in)
{
    struct load_phone *phone = named(l, in->m->uri);
    struct name_addr   from;
    struct end        *e;

    if (!tsx_is_none(in->merged) || !phone) {
        (void)stack_reply_code(sh, in->tsx, phone ? 482 : 404);
        return;
    }
    e = load_end_new(l, sh, msg_call_id(in->m), true);
    if (!e) {
        (void)stack_reply_code(sh, in->tsx, 503);
        return;
    }
    e->phone = phone;
    e->peer = msg_from(in->m, &from) ? NULL : named(l, from.uri);
    begin(e, in);
}

/* ---- the call ---- */

/* Somebody who is neither of the two that talk. */
static struct load_phone *third(const struct end *e)
{
    struct load_phone *p;

    do {
        p = load_phone_next(e->load);
    } while (p == e->phone || p == e->peer);
    return p;
}

static enum err send_refer(struct end *e)
{
    char       room[512];
    struct buf rows = BUF_ON(room);

    buf_put(&rows, S("Refer-To: <"));
    load_phone_put_uri(&rows, e->target);
    buf_put(&rows, S(">\r\nReferred-By: <"));
    load_phone_put_uri(&rows, e->phone);
    buf_put(&rows, S(">\r\n"));
    return load_end_request(e, &(struct end_request){METHOD_REFER, buf_slice(&rows), &refer_on});
}

static void transfer(void *arg)
{
    struct end *e = arg;

    e->target = third(e);
    e->tries = 0;
    e->asked_us = load_end_now_us(e);
    if (send_refer(e)) {
        e->wrong = "REFER could not be sent";
        load_end_bye(e);
    }
}

static void refer_answered(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    struct end *e = arg;

    (void)t;
    (void)from;
    if (m->status < 200)
        return;
    if ((m->status == 401 || m->status == 407) && e->tries < LOAD_MAX_TRIES && !load_login_challenged(e->phone, sh, m) && !send_refer(e))
        return;
    if (m->status < 300)
        histogram_add(&e->load->figures.latency[LATENCY_REFER], load_end_now_us(e) - e->asked_us);
    else
        e->wrong = m->status == 503 ? "REFER 503" : "REFER refused";
    load_end_bye(e);
}

static void refer_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    struct end *e = arg;

    (void)sh;
    (void)t;
    e->wrong = why == ERR_TIMEOUT ? "REFER without an answer" : "REFER could not be sent";
    load_end_bye(e);
}

void callee_ack(struct end *e)
{
    if (e->confirmed || e->leaving)
        return;
    e->confirmed = true;
    shard_timer_stop(e->sh, &e->timer);
    mem_free(shard_mem(e->sh), e->kept, e->n_kept);
    e->kept = NULL;
    e->n_kept = 0;
    if (e->load->o.kind == LOAD_TRANSFERS && !e->second)
        load_end_timer(e, transfer, e->load->o.hold_ms);
}

void callee_bye(struct end *e, const struct stack_in *in)
{
    (void)stack_reply_code(e->sh, in->tsx, 200);
    if (!e->leaving)
        load_end_over(e, NULL);
}
