/* uas.c - the INVITE that comes: ringing, 2xx until the ACK, refusals, CANCEL (RFC 3261 §13.3, §9.2, §15).
 *
 * Room      ua.
 * In        a new INVITE, its CANCEL and ACK; leg_ring, leg_accept, leg_reject.
 * Out       responses; the leg's user.
 * Must hold leg->server.tsx is their INVITE as long as it has no final answer; leg->accepted holds our 2xx until the ACK. */
#include <string.h>

#include "ua/ua_priv.h"

/* ---- a new INVITE ---- */

static enum err keep_ends(struct leg *leg, const struct msg *m)
{
    struct name_addr local, remote;
    struct uri u;
    enum err e;

    if ((e = name_addr_parse(leg->dialog->local, &local)) || (e = name_addr_parse(leg->dialog->remote, &remote)))
        return e;
    leg->local_uri = local.uri;
    leg->remote_uri = remote.uri;
    if (leg->account)
        leg->contact_user = ua_account_user(leg->account);
    else if (!uri_parse(m->uri, &u, NULL))
        return arena_dup(&leg->arena, u.user, &leg->contact_user);
    return ERR_OK;
}

static bool is_secure(const struct stack_in *in)
{
    return slice_istarts(in->m->uri, S("sips:")) && (in->from.kind == TRANSPORT_TLS || in->from.kind == TRANSPORT_WSS);
}

static enum err fill(struct leg *leg, const struct stack_in *in)
{
    char tag[STACK_TOKEN_OCTETS];
    struct buf b = BUF_ON(tag);
    struct dialog_uas uas = {.request = in->m, .secure = is_secure(in)};
    struct cseq cseq;
    enum err e = msg_cseq(in->m, &cseq);

    stack_put_token(shard_rng(leg->sh), &b);
    uas.local_tag = buf_slice(&b);
    if (!(leg->dialog = ARENA_NEW(&leg->arena, struct dialog)))
        return ERR_NOMEM;
    if (e || (e = dialog_from_request(&leg->arena, &uas, leg->dialog)))
        return e;
    leg->forks[leg->n_forks++] = leg->dialog;
    leg->account = account_for(leg->ua, in->m);
    leg->server = (struct leg_server){in->tsx, cseq.number, ua_sdp_of(in->m).n != 0};
    leg->oa = leg->server.has_offer ? OA_THEIRS : OA_IDLE;
    leg->oa_place = OA_IN_INVITE;
    reliable_begin(leg, in->m);
    leg_learn(leg, in->m);
    leg_came_by(leg, &in->from);
    return keep_ends(leg, in->m);
}

/* Replaces or Join, if there is one, into *ref; *row says which, or HDR_OTHER. 0, or the code it deserves (RFC 3891 §3, RFC
 * 3911 §4: one of one of them). */
static unsigned judge_named(const struct ua *ua, const struct msg *m, struct dialog_ref *ref, enum hdr_id *row)
{
    const bool replaces = msg_has(m, HDR_REPLACES), joins = msg_has(m, HDR_JOIN);

    *row = replaces ? HDR_REPLACES : joins && ua->config.join ? HDR_JOIN : HDR_OTHER;
    if (*row == HDR_OTHER)
        return 0;
    if ((replaces && joins) || msg_element_count(m, *row) != 1 || msg_dialog_ref(m, *row, ref))
        return 400;
    return 0;
}

/* The Call-ID first: a leg is found by it, so it must have it before it is anywhere. */
static enum err make(struct ua *ua, struct shard *sh, const struct stack_in *in, struct leg **out)
{
    struct slice call_id = msg_call_id(in->m);
    struct leg *leg;
    enum err e = leg_alloc(ua, &leg);
    char *room;

    if (e)
        return e;
    if (!(room = mem_alloc(ua->config.mem, call_id.n))) {
        leg_free(leg);
        return ERR_NOMEM;
    }
    memcpy(room, call_id.p, call_id.n);
    leg->call_id_room = (struct text){room, call_id.n, call_id.n};
    leg_place(leg, sh, text_slice(&leg->call_id_room));
    if ((e = fill(leg, in))) {
        leg_free(leg);
        return e;
    }
    *out = leg;
    return ERR_OK;
}

static unsigned refusal_for(enum err e)
{
    switch (e) {
    case ERR_NOMEM:
        return 500;
    case ERR_FULL:
        return 486;
    default: /* no Contact, or one that cannot be read */
        return 400;
    }
}

void uas_on_invite(struct ua *ua, struct shard *sh, const struct stack_in *in)
{
    struct dialog_ref ref;
    struct leg *leg;
    enum hdr_id named;
    unsigned code = judge_named(ua, in->m, &ref, &named);
    enum err e;

    if (!code && !ua->config.on->incoming)
        code = 480;
    if (!code && !tsx_is_none(in->merged))
        code = 482;
    if (!code && (e = make(ua, sh, in, &leg)))
        code = refusal_for(e);
    if (code) {
        ua_refuse(ua, sh, in->tsx, code);
    } else if (named != HDR_OTHER) {
        leg_enter(leg, LEG_ASKING);
        replaces_ask(leg, &ref, named);
    } else {
        uas_offer_to_user(leg, in->m);
    }
}

void uas_offer_to_user(struct leg *leg, const struct msg *m)
{
    struct leg_incoming in = {.m = m, .account = leg->account, .offer = ua_sdp_of(m), .replaces = leg->replaces,
                              .joins = leg->joins};
    char name[256];
    struct buf b = BUF_ON(name);
    struct name_addr from;

    if (!msg_from(m, &from))
        msg_put_unquoted(&b, from.display);
    in.from_name = buf_slice(&b);
    in.from_uri = leg->remote_uri;
    in.to_uri = leg->local_uri;
    in.referred_by = msg_value(m, HDR_REFERRED_BY);
    leg_enter(leg, LEG_RINGING);
    leg->ua->config.on->incoming(leg->ua->config.ctx, leg, &in);
    if (!leg->attached)
        (void)leg_reject(leg, &(struct leg_refusal){.code = 480});
}

/* ---- provisional ---- */

void uas_ring_again(struct leg *leg)
{
    if (leg->reliable.wanted && !leg->reliable.unacked) /* RFC 3262 §3: each has a number of its own */
        (void)reliable_ring(leg, leg->reliable.code, SLICE_NONE);
    else if (!leg->reliable.wanted)
        (void)stack_respond(leg->sh, leg->server.tsx, text_slice(&leg->provisional));
    shard_timer_start(leg->sh, &leg->again, UA_RING_AGAIN_MS);
}

enum err uas_answer_provisional(struct leg *leg, unsigned code, struct slice rows, struct slice sdp)
{
    enum err e = ua_answer(leg->ua, leg->sh, leg->server.tsx,
                           &(struct ua_answer){.code = code,
                                               .to_tag = leg->dialog->local_tag,
                                               .contact = true,
                                               .contact_user = leg->contact_user,
                                               .contact_params = leg->contact_params,
                                               .rows = rows,
                                               .type = sdp.n ? S("application/sdp") : SLICE_NONE,
                                               .body = sdp,
                                               .keep = &leg->provisional});

    if (!e)
        shard_timer_start(leg->sh, &leg->again, UA_RING_AGAIN_MS);
    return e;
}

enum err leg_ring(struct leg *leg, unsigned code, struct slice sdp)
{
    if (leg->is_uac || leg->state != LEG_RINGING || leg->reliable.accepts || code < 100 || code >= 200)
        return ERR_INVALID;
    if (code == 100)
        return ua_answer(leg->ua, leg->sh, leg->server.tsx, &(struct ua_answer){.code = 100});
    return leg->reliable.wanted ? reliable_ring(leg, code, sdp) : uas_answer_provisional(leg, code, SLICE_NONE, sdp);
}

/* ---- 2xx and its ACK ---- */

void uas_stop_waiting(struct leg *leg)
{
    leg->accepted.waiting = false;
    shard_timer_stop(leg->sh, &leg->accepted.timer);
}

static void no_ack(struct leg *leg)
{
    uas_stop_waiting(leg);
    leg_bye(leg, leg->dialog, SLICE_NONE); /* §13.3.1.4: the dialog is confirmed, but the session ends */
    if (leg->told)
        leg_settle(leg);
    else
        leg_tell_end(leg, &(struct leg_end){.why = LEG_NO_ACK, .code = 408, .reason = S("No ACK")});
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void uas_accepted_again(void *arg)
{
    struct leg *leg = arg;
    struct leg_accepted *a = &leg->accepted;
    const struct stack_times *times = shard_times(leg->sh);

    a->waited_ms += a->interval_ms;
    if (a->waited_ms >= 64 * times->t1_ms) {
        no_ack(leg);
        return;
    }
    (void)stack_respond(leg->sh, a->tsx, text_slice(&a->octets));
    a->interval_ms = least(2 * a->interval_ms, times->t2_ms);
    a->interval_ms = least(a->interval_ms, 64 * times->t1_ms - a->waited_ms);
    shard_timer_start(leg->sh, &a->timer, a->interval_ms);
}

enum err uas_send_2xx(struct leg *leg, struct slice sdp)
{
    struct leg_accepted *a = &leg->accepted;
    struct leg_server server = leg->server;
    const bool settled = leg->state == LEG_RINGING && leg->agreed; /* RFC 3262 §5: the answer was there before */
    enum err e;

    if (settled)
        sdp = SLICE_NONE;
    e = ua_answer(leg->ua, leg->sh, server.tsx,
                  &(struct ua_answer){.session = leg,
                                      .code = 200,
                                      .to_tag = leg->dialog->local_tag,
                                      .contact = true,
                                      .contact_user = leg->contact_user,
                                      .contact_params = leg->contact_params,
                                      .type = sdp.n ? S("application/sdp") : SLICE_NONE,
                                      .body = sdp,
                                      .keep = &a->octets});
    if (e)
        return e;
    leg->server = (struct leg_server){0};
    if (!settled) {
        leg->oa = server.has_offer ? OA_IDLE : OA_OURS;
        offer_said(leg, sdp);
    }
    a->tsx = server.tsx;
    a->cseq = server.cseq;
    a->offered = !settled && !server.has_offer;
    a->interval_ms = shard_times(leg->sh)->t1_ms;
    a->waited_ms = 0;
    a->waiting = true;
    shard_timer_start(leg->sh, &a->timer, a->interval_ms);
    return ERR_OK;
}

static void end_replaced(void *arg, struct leg *leg)
{
    (void)arg;
    if (leg)
        leg_replaced(leg);
}

enum err leg_accept(struct leg *leg, struct slice sdp)
{
    enum err e;

    if (leg->is_uac || leg->state != LEG_RINGING || leg->reliable.accepts)
        return ERR_INVALID;
    if (reliable_holds_2xx(leg))
        return reliable_accept_later(leg, sdp);
    if ((e = uas_send_2xx(leg, sdp)))
        return e;
    leg->dialog->confirmed = true;
    leg_enter(leg, LEG_ACCEPTED);
    if (leg->replaces.n) /* without memory the other call stays up; whoever has it hangs up */
        (void)leg_do(leg->ua, shard_worker(leg->sh), leg->replaces, end_replaced, NULL);
    return ERR_OK;
}

static void tell_acked(struct leg *leg, const struct msg *m, bool first)
{
    if (leg->accepted.offered) {
        leg->oa = OA_IDLE;
        leg->on->answer(leg->arg, leg, 200, ua_sdp_of(m));
    }
    if (first && leg->state == LEG_UP && leg->on->up)
        leg->on->up(leg->arg, leg);
}

void uas_on_ack(struct leg *leg, const struct msg *m)
{
    struct cseq cseq;
    bool first = leg->state == LEG_ACCEPTED;

    if (!leg->accepted.waiting || msg_cseq(m, &cseq) || cseq.number != leg->accepted.cseq)
        return; /* repeated, or of something we have forgotten */
    uas_stop_waiting(leg);
    if (leg->told) {
        if (leg->bye_wanted)
            leg_bye(leg, leg->dialog, SLICE_NONE);
        leg_settle(leg);
        return;
    }
    if (first)
        leg_enter(leg, LEG_UP);
    tell_acked(leg, m, first);
}

/* ---- refusing, and being cancelled ---- */

static enum err refuse(struct leg *leg, const struct leg_refusal *r)
{
    struct buf rows = ua_scratch(leg->sh, r->contact.n + r->contact_params.n + 64);

    if (r->contact.n) {
        buf_puts(&rows, hdr_name(HDR_CONTACT), S(": <"), r->contact, S(">"), r->contact_params, S("\r\n"));
        if (buf_err(&rows))
            return ERR_NOMEM;
    }
    return ua_answer(leg->ua, leg->sh, leg->server.tsx,
                     &(struct ua_answer){.code = r->code,
                                         .reason = r->reason,
                                         .to_tag = leg->dialog->local_tag,
                                         .rows = buf_slice(&rows)});
}

void uas_refuse_and_end(struct leg *leg, const struct leg_refusal *r, enum leg_why why)
{
    (void)refuse(leg, r); /* the transaction may have gone with its flow */
    leg->server = (struct leg_server){0};
    leg_refuse_pending(leg);
    leg_tell_end(leg, &(struct leg_end){
                          .why = why, .code = r->code, .reason = r->reason.n ? r->reason : msg_reason(r->code)});
}

enum err leg_reject(struct leg *leg, const struct leg_refusal *r)
{
    if (leg->is_uac || (leg->state != LEG_RINGING && leg->state != LEG_ASKING) || r->code < 300 || r->code > 699)
        return ERR_INVALID;
    uas_refuse_and_end(leg, r, LEG_REJECTED);
    return ERR_OK;
}

void uas_on_cancel(struct leg *leg, const struct stack_in *in)
{
    bool first = leg->state == LEG_RINGING || leg->state == LEG_ASKING;

    (void)ua_answer(leg->ua, leg->sh, in->tsx, &(struct ua_answer){.code = 200, .to_tag = leg->dialog->local_tag});
    if (tsx_is_none(leg->server.tsx) || !tsx_eq(in->invite, leg->server.tsx))
        return; /* it has had its final answer: §9.2 */
    (void)refuse(leg, &(struct leg_refusal){.code = 487});
    leg->server = (struct leg_server){0};
    leg_refuse_pending(leg);
    leg->oa = OA_IDLE;
    if (first)
        leg_tell_end(leg, &(struct leg_end){.why = LEG_FAR_HUNG_UP,
                                            .code = 487,
                                            .reason = msg_reason(487),
                                            .reason_row = msg_value(in->m, HDR_REASON)});
}
