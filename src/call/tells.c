/* tells.c - what a call's leg tells: rings, answers, offers, transfers, the end.
 *
 * Room      call.
 * In        struct leg_on.
 * Out       answers to the leg; events to the call's user. */
#include "call/call_priv.h"

void call_report_status(struct call *c, unsigned code, struct slice reason)
{
    const struct calls_config *config = &c->calls->config;
    struct leg_refer_report r = {c->report.leg, c->report.refer, code, reason};

    if (!r.leg.n)
        return;
    if (code >= 200)
        c->report = (struct call_report){0};
    /* Without memory for it the subscription tells its end by itself, after UA_REFER_S. */
    (void)leg_refer_report(config->ua, config->worker, &r);
}

void call_answered(struct call *c)
{
    c->state = CALL_TALKING;
    c->answered_ms = net_now_ms(c->calls->config.net);
    sound_say(c);
    call_report_status(c, 200, SLICE_NONE);
    call_tell(c, &(struct call_event){.kind = CALL_ANSWERED, .code = 200});
}

static void on_progress(void *arg, struct leg *leg, unsigned code, struct slice sdp)
{
    struct call *c = arg;
    bool early = sdp.n && !sound_apply(c, sdp); /* what cannot be used early may still be by the 2xx */

    call_learn_dialog(c, leg);
    c->state = CALL_RINGING;
    call_report_status(c, code, SLICE_NONE);
    call_tell(c, &(struct call_event){.kind = CALL_RINGS, .code = code, .reason = msg_reason(code), .early = early});
}

/* What they answered cannot be used: a call without sound is none. */
static void unusable(struct call *c, struct leg *leg, enum err e)
{
    call_tell_failed(c, "sound", e, 0);
    leg_hang_up(leg, S("SIP;cause=488;text=\"Answer cannot be used\""));
}

static void on_reinvite_answered(struct call *c, struct leg *leg, unsigned code, struct slice sdp)
{
    bool hold = c->wants_hold;
    enum err e = ERR_OK;

    c->offering = false;
    if (code >= 300) {
        sound_hold(c, c->on_hold);
        c->wants_hold = c->on_hold;
        call_tell_failed(c, hold ? "hold" : "resume", ERR_DENIED, code);
        return;
    }
    if ((e = sound_apply(c, sdp))) {
        unusable(c, leg, e);
        return;
    }
    c->on_hold = hold;
    call_tell(c, &(struct call_event){.kind = hold ? CALL_ON_HOLD : CALL_OFF_HOLD});
}

static void on_answer(void *arg, struct leg *leg, unsigned code, struct slice sdp)
{
    struct call *c = arg;
    enum err e;

    call_learn_dialog(c, leg);
    if (c->offering) {
        on_reinvite_answered(c, leg, code, sdp);
        return;
    }
    if ((e = sound_apply(c, sdp)))
        unusable(c, leg, e);
    else if (c->state == CALL_CALLING || c->state == CALL_RINGING)
        call_answered(c);
}

static void on_offer(void *arg, struct leg *leg, struct slice sdp)
{
    struct call *c = arg;
    char room[SDP_MAX_WRITTEN];
    struct buf b = BUF_ON(room);
    enum err e = sdp.n ? sound_answer(c, sdp, &b) : sound_offer(c, &b);

    if (e || (e = leg_accept_offer(leg, buf_slice(&b))))
        (void)leg_refuse_offer(leg, e == ERR_NOMEM ? 500 : 488);
}

static void on_refreshed(void *arg, struct leg *leg, struct slice sdp)
{
    enum err e = sdp.n ? sound_apply(arg, sdp) : ERR_OK;

    if (e)
        unusable(arg, leg, e);
}

static void on_offer_again(void *arg, struct leg *leg)
{
    struct call *c = arg;
    char room[SDP_MAX_WRITTEN];
    struct buf b = BUF_ON(room);

    if (!c->offering)
        return;
    if (sound_offer(c, &b) || leg_offer(leg, buf_slice(&b)))
        on_reinvite_answered(c, leg, 491, SLICE_NONE);
}

static void on_up(void *arg, struct leg *leg)
{
    (void)leg;
    call_tell(arg, &(struct call_event){.kind = CALL_CONFIRMED});
}

static unsigned on_refer(void *arg, struct leg *leg, const struct leg_refer_in *refer)
{
    struct call *c = arg;
    const struct calls_config *config = &c->calls->config;

    (void)leg;
    return config->on->refer ? config->on->refer(config->ctx, c, refer) : 603;
}

static void on_refer_status(void *arg, struct leg *leg, const struct leg_refer_status *status)
{
    (void)leg;
    call_tell(arg, &(struct call_event){
                       .kind = CALL_TRANSFER, .refer = status, .code = status->code, .reason = status->reason});
}

/* The key of an application/dtmf-relay ("Signal=5") or application/dtmf ("5") body, or 0. */
static char key_of(struct slice type, struct slice body)
{
    struct slice line, name;

    if (slice_istarts(type, S("application/dtmf-relay"))) {
        while (slice_line(&body, &line))
            if (slice_cut(&line, '=', &name) && slice_ieq(slice_trim(name), S("Signal"))) {
                body = line;
                break;
            }
    } else if (!slice_istarts(type, S("application/dtmf"))) {
        return 0;
    }
    body = slice_trim(body);
    return body.n == 1 && slice_find(S("0123456789*#ABCD"), body.p[0]) != SIZE_MAX ? body.p[0] : 0;
}

static void on_info(void *arg, struct leg *leg, struct slice type, struct slice body)
{
    char key = key_of(type, body);

    (void)leg;
    if (key)
        call_tell(arg, &(struct call_event){.kind = CALL_DIGIT, .digit = key});
}

/* What a transferor is told of a call that was never answered. */
static unsigned final_code(const struct leg_end *end)
{
    return end->code >= 300 ? end->code : 487;
}

static void on_ended(void *arg, struct leg *leg, const struct leg_end *end)
{
    struct call *c = arg;
    struct call_sound sound = {0};

    call_learn_dialog(c, leg);
    c->state = CALL_OVER;
    sound_close(c, &sound);
    call_tell(c, &(struct call_event){
                     .kind = CALL_ENDED, .end = end, .sound = &sound, .code = end->code, .reason = end->reason});
    call_report_status(c, final_code(end), end->reason);
}

static void on_gone(void *arg, struct leg *leg)
{
    struct call *c = arg;

    (void)leg;
    call_tell(c, &(struct call_event){.kind = CALL_GONE});
    call_free(c);
}

const struct leg_on call_leg_on = {
    .progress = on_progress,
    .offer = on_offer,
    .answer = on_answer,
    .refreshed = on_refreshed,
    .offer_again = on_offer_again,
    .up = on_up,
    .refer = on_refer,
    .refer_status = on_refer_status,
    .info = on_info,
    .ended = on_ended,
    .gone = on_gone,
};
