/* offer.c - offers after the first: re-INVITE and UPDATE, both ways, and when they meet (RFC 3261 §14, RFC 3311 §5).
 *
 * Room      ua.
 * In        leg_offer and the answers to it; re-INVITE and UPDATE of the peer; leg_accept_offer, leg_refuse_offer.
 * Touches   leg->oa: one offer at a time, of either side. */
#include "ua/ua_priv.h"

enum { RETRY_AFTER_MAX_S = 10 }; /* RFC 3261 §14.2 */

static bool own_invite_pending(const struct leg *leg)
{
    return leg->invite && !leg->invite->accepted && !leg->invite->final;
}

bool offer_is_busy(const struct leg *leg)
{
    return leg->oa != OA_IDLE || own_invite_pending(leg) || leg->accepted.waiting;
}

void offer_said(struct leg *leg, struct slice sdp)
{
    if (text_set(leg_mem(leg), &leg->said, sdp))
        leg->said.n = 0;
}

/* ---- ours ---- */

static void tell_answer(struct leg_request *r, const struct msg *m)
{
    struct leg *leg = r->leg;

    if (!r->refreshes) {
        offer_said(leg, r->body);
        leg->on->answer(leg->arg, leg, m->status, ua_sdp_of(m));
    } else {
        session_tell(leg, ua_sdp_of(m));
    }
}

static void on_accepted(struct leg_request *r, const struct msg *m)
{
    struct leg *leg = r->leg;

    if (r->accepted) {
        if (r->acked)
            leg_request_ack(r, r->dialog);
        return;
    }
    r->accepted = true;
    shard_timer_stop(leg->sh, &leg->patience);
    (void)dialog_refresh(r->dialog, m); /* a Contact that cannot be read: the old target stays */
    leg_learn(leg, m);
    if (r->offered || leg->state == LEG_OVER) {
        r->acked = true;
        leg_request_ack(r, r->dialog);
    }
    if (leg->state == LEG_OVER)
        return;
    session_on_2xx(leg, m);
    if (r->offered) {
        leg->oa = OA_IDLE;
        tell_answer(r, m);
    } else {
        leg->oa = OA_THEIRS;
        leg->oa_place = OA_IN_2XX;
        leg->on->offer(leg->arg, leg, ua_sdp_of(m));
    }
}

/* §14.1: who made the Call-ID waits longer. */
static void wait_after_glare(struct leg *leg)
{
    uint64_t tens = leg->is_uac ? 210 + rng_below(shard_rng(leg->sh), 191) : rng_below(shard_rng(leg->sh), 201);

    shard_timer_start(leg->sh, &leg->again, 10 * tens);
}

void offer_again(struct leg *leg)
{
    if (offer_is_busy(leg))
        wait_after_glare(leg);
    else if (leg->on->offer_again)
        leg->on->offer_again(leg->arg, leg);
}

static void on_reinvite_response(struct leg_request *r, const struct msg *m, unsigned code)
{
    struct leg *leg = r->leg;

    if (code < 200) {
        if (m && reliable_see(leg, r->dialog, m) == RELIABLE_NEW)
            (void)reliable_prack(leg, r->dialog, SLICE_NONE);
        return;
    }
    if (code < 300) {
        on_accepted(r, m);
        return;
    }
    if (leg->state == LEG_OVER)
        return;
    shard_timer_stop(leg->sh, &leg->patience);
    leg->oa = OA_IDLE;
    if (code == 491) {
        leg->glare_refresh = r->refreshes;
        wait_after_glare(leg);
    } else if (code == 481 || code == 408) { /* §14.1: the dialog is over */
        leg_lost(leg, code);
    } else if (r->refreshes) {
        session_not_refreshed(leg);
    } else {
        leg->on->answer(leg->arg, leg, code, SLICE_NONE);
    }
}

static enum err reinvite(struct leg *leg, struct slice sdp, bool refreshes)
{
    struct leg_request *r;
    enum err e;

    if (leg->state != LEG_UP)
        return ERR_INVALID;
    if (offer_is_busy(leg))
        return ERR_BUSY;
    e = leg_request_send(leg,
                         &(struct leg_ask){.method = METHOD_INVITE,
                                           .dialog = leg->dialog,
                                           .type = sdp.n ? S("application/sdp") : SLICE_NONE,
                                           .body = sdp,
                                           .done = on_reinvite_response},
                         &r);
    if (e)
        return e;
    shard_timer_stop(leg->sh, &leg->again);
    shard_timer_start(leg->sh, &leg->patience, 1000 * UA_OFFER_S);
    r->offered = sdp.n != 0;
    r->refreshes = refreshes;
    leg->invite = r;
    leg->oa = sdp.n ? OA_OURS : OA_IDLE;
    return ERR_OK;
}

enum err leg_offer(struct leg *leg, struct slice sdp)
{
    return reinvite(leg, sdp, false);
}

enum err offer_refresh(struct leg *leg)
{
    return reinvite(leg, text_slice(&leg->said), true);
}

/* ---- theirs ---- */

/* A second offer before the first was answered: 500, to be tried again later (§14.2, RFC 3311 §5.2). */
static void refuse_early(struct leg *leg, struct tsx_id tsx)
{
    char room[64];
    struct buf rows = BUF_ON(room);

    msg_put_row_number(&rows, HDR_RETRY_AFTER, rng_below(shard_rng(leg->sh), RETRY_AFTER_MAX_S + 1));
    (void)ua_answer(leg->ua, leg->sh, tsx, &(struct ua_answer){.code = 500, .rows = buf_slice(&rows)});
}

/* The INVITE that began it has no 2xx yet, but its offer and answer are there. */
static bool is_agreed_early(const struct leg *leg)
{
    return leg->agreed && (leg->state == LEG_CALLING || leg->state == LEG_RINGING);
}

bool offer_may_take(struct leg *leg, struct tsx_id tsx)
{
    const bool early = is_agreed_early(leg);

    if (leg->oa == OA_THEIRS || !tsx_is_none(leg->asked.tsx) || (!tsx_is_none(leg->server.tsx) && !early)) {
        refuse_early(leg, tsx);
        return false;
    }
    if (leg->oa == OA_OURS || (own_invite_pending(leg) && !early)) {
        ua_refuse(leg->ua, leg->sh, tsx, 491);
        return false;
    }
    return true;
}

static void refresh(struct leg *leg, const struct msg *m)
{
    (void)dialog_refresh(leg->dialog, m); /* msg_check has seen the Contact's grammar; else the old target stays */
    leg_learn(leg, m);
}

void offer_on_invite(struct leg *leg, const struct stack_in *in)
{
    struct slice sdp = ua_sdp_of(in->m);
    struct cseq cseq;

    if (msg_cseq(in->m, &cseq))
        return;
    if (is_agreed_early(leg) && leg->is_uac) { /* UPDATE could come now */
        ua_refuse(leg->ua, leg->sh, in->tsx, 491);
        return;
    }
    if (!offer_may_take(leg, in->tsx))
        return;
    if (leg->state != LEG_UP && leg->state != LEG_ACCEPTED) {
        ua_refuse(leg->ua, leg->sh, in->tsx, 481);
        return;
    }
    if (leg->accepted.waiting) /* they have our 2xx: the ACK is lost, or still on its way */
        uas_stop_waiting(leg);
    if (leg->state == LEG_ACCEPTED)
        leg_enter(leg, LEG_UP);
    refresh(leg, in->m);
    leg->server = (struct leg_server){in->tsx, cseq.number, sdp.n != 0};
    leg->oa = OA_THEIRS;
    leg->oa_place = OA_IN_INVITE;
    leg->on->offer(leg->arg, leg, sdp);
}

void offer_take(struct leg *leg, struct tsx_id tsx, struct slice sdp)
{
    leg->asked = (struct leg_server){.tsx = tsx, .has_offer = true};
    leg->oa = OA_THEIRS;
    leg->oa_place = OA_IN_UPDATE;
    if (leg->is_uac && !leg_is_answered(leg))
        reliable_heard(leg, leg->dialog, sdp);
    leg->on->offer(leg->arg, leg, sdp);
}

void offer_on_update(struct leg *leg, struct dialog *d, const struct stack_in *in)
{
    struct slice sdp = ua_sdp_of(in->m);

    if (sdp.n && d != leg->dialog) { /* of several that ring one at a time is spoken with */
        refuse_early(leg, in->tsx);
        return;
    }
    if (sdp.n && !offer_may_take(leg, in->tsx))
        return;
    (void)dialog_refresh(d, in->m);
    leg_learn(leg, in->m);
    if (sdp.n) {
        offer_take(leg, in->tsx, sdp);
        return;
    }
    (void)ua_answer(leg->ua, leg->sh, in->tsx,
                    &(struct ua_answer){.session = leg, .code = 200, .contact = true,
                                        .contact_user = leg->contact_user, .contact_params = leg->contact_params});
    session_tell(leg, SLICE_NONE);
}

static enum err answer_update(struct leg *leg, struct slice sdp)
{
    enum err e = ua_answer(leg->ua, leg->sh, leg->asked.tsx,
                           &(struct ua_answer){.session = leg,
                                               .code = 200,
                                               .contact = true,
                                               .contact_user = leg->contact_user, .contact_params = leg->contact_params,
                                               .type = S("application/sdp"),
                                               .body = sdp});

    if (e)
        return e;
    offer_said(leg, sdp);
    leg->asked = (struct leg_server){0};
    leg->oa = OA_IDLE;
    reliable_next(leg);
    return ERR_OK;
}

/* Their offer stood in the 2xx to our INVITE: the answer goes into the ACK. */
static enum err answer_2xx(struct leg *leg, struct slice sdp)
{
    struct leg_request *r = leg->invite;
    enum err e;

    if (!r)
        return ERR_INVALID;
    if ((e = text_set(leg_mem(leg), &r->ack_body, sdp)))
        return e;
    offer_said(leg, sdp);
    r->acked = true;
    leg->oa = OA_IDLE;
    leg_request_ack(r, leg->dialog);
    if (!r->dialog && leg->on->up)
        leg->on->up(leg->arg, leg);
    return ERR_OK;
}

/* Theirs stood in a reliable 101-199: the answer goes into the PRACK. */
static enum err answer_1xx(struct leg *leg, struct slice sdp)
{
    enum err e = reliable_prack(leg, leg->dialog, sdp);

    if (e)
        return e;
    offer_said(leg, sdp);
    leg->oa = OA_IDLE;
    leg->agreed = true;
    return ERR_OK;
}

/* Is there an offer of theirs that leg_accept_offer() and leg_refuse_offer() are for? That of the INVITE which began it is not. */
static bool is_asked(const struct leg *leg)
{
    return leg->oa == OA_THEIRS && leg->state != LEG_OVER && (leg->state != LEG_RINGING || leg->oa_place != OA_IN_INVITE);
}

enum err leg_accept_offer(struct leg *leg, struct slice sdp)
{
    if (!is_asked(leg))
        return ERR_INVALID;
    switch (leg->oa_place) {
    case OA_IN_INVITE:
        return uas_send_2xx(leg, sdp);
    case OA_IN_UPDATE:
        return answer_update(leg, sdp);
    case OA_IN_2XX:
        return answer_2xx(leg, sdp);
    case OA_IN_1XX:
        return answer_1xx(leg, sdp);
    }
    return ERR_INVALID;
}

enum err leg_refuse_offer(struct leg *leg, unsigned code)
{
    struct leg_server *of = leg->oa_place == OA_IN_UPDATE ? &leg->asked : &leg->server;

    if (!is_asked(leg))
        return ERR_INVALID;
    if (leg->oa_place == OA_IN_2XX || leg->oa_place == OA_IN_1XX) {
        leg_hang_up(leg, S("SIP;cause=488;text=\"Not Acceptable Here\""));
        return ERR_OK;
    }
    ua_refuse(leg->ua, leg->sh, of->tsx, code);
    *of = (struct leg_server){0};
    leg->oa = OA_IDLE;
    reliable_next(leg);
    return ERR_OK;
}

/* ---- ours, by UPDATE ---- */

static void tell_updated(struct leg *leg, unsigned code, struct slice sdp)
{
    if (leg->on->updated)
        leg->on->updated(leg->arg, leg, code, sdp);
    else
        leg->on->answer(leg->arg, leg, code, sdp);
}

static void on_updated(struct leg_request *r, const struct msg *m)
{
    struct leg *leg = r->leg;

    (void)dialog_refresh(r->dialog, m);
    leg_learn(leg, m);
    if (leg_is_answered(leg))
        session_on_2xx(leg, m);
    else if (leg->is_uac)
        reliable_heard(leg, r->dialog, ua_sdp_of(m));
    offer_said(leg, r->body);
    tell_updated(leg, m->status, ua_sdp_of(m));
}

/* RFC 3311 §5.2: 500 with Retry-After, where an offer of theirs had no answer of ours yet. */
static bool wait_as_told(struct leg *leg, const struct msg *m)
{
    struct retry_after retry;

    if (!m || m->status != 500 || msg_retry_after(m, &retry) || retry.seconds > RETRY_AFTER_MAX_S)
        return false;
    shard_timer_start(leg->sh, &leg->again, 1000 * retry.seconds + 1);
    return true;
}

static void on_update_response(struct leg_request *r, const struct msg *m, unsigned code)
{
    struct leg *leg = r->leg;

    if (leg->state == LEG_OVER || r->dialog != leg->dialog) /* or another fork has answered */
        return;
    leg->oa = OA_IDLE;
    leg->glare_refresh = false;
    if (code < 300)
        on_updated(r, m);
    else if (code == 491 && leg->state == LEG_UP)
        wait_after_glare(leg);
    else if (code == 481 || code == 408)
        leg_lost(leg, code);
    else if (leg->state != LEG_UP || !wait_as_told(leg, m))
        tell_updated(leg, code, SLICE_NONE);
}

enum err leg_update(struct leg *leg, struct slice sdp)
{
    const bool early = is_agreed_early(leg) && !leg->reliable.unacked;
    enum err e;

    if (!leg->knows_allow || !leg_peer_allows(leg, METHOD_UPDATE))
        return ERR_UNSUPPORTED;
    if (!sdp.n || (leg->state != LEG_UP && !early))
        return ERR_INVALID;
    if (leg->oa != OA_IDLE || !tsx_is_none(leg->asked.tsx) || (!early && offer_is_busy(leg)))
        return ERR_BUSY;
    e = leg_request_send(leg,
                         &(struct leg_ask){.method = METHOD_UPDATE,
                                           .dialog = leg->dialog,
                                           .type = S("application/sdp"),
                                           .body = sdp,
                                           .done = on_update_response},
                         NULL);
    if (e)
        return e;
    if (!early)
        shard_timer_stop(leg->sh, &leg->again);
    leg->oa = OA_OURS;
    return ERR_OK;
}

/* ---- INFO ---- */

static void info_done(struct leg_request *r, const struct msg *m, unsigned code)
{
    struct leg *leg = r->leg;

    (void)m;
    if (leg->on && leg->on->info_answer)
        leg->on->info_answer(leg->arg, leg, code);
}

enum err leg_info(struct leg *leg, struct slice type, struct slice body)
{
    if (!leg_is_answered(leg))
        return ERR_INVALID;
    return leg_request_send(leg,
                            &(struct leg_ask){.method = METHOD_INFO,
                                              .dialog = leg->dialog,
                                              .type = type,
                                              .body = body,
                                              .done = info_done},
                            NULL);
}
