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
    if (code >= 300 && c->asking) { /* it does not offer when asked: no music, then */
        c->asking = false;
        call_offer_hold(c, leg);
        return;
    }
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
    if (!hold)
        music_stop(c);
    call_tell(c, &(struct call_event){.kind = hold ? CALL_ON_HOLD : CALL_OFF_HOLD});
}

static void on_answer(void *arg, struct leg *leg, unsigned code, struct slice sdp)
{
    struct call *c = arg;
    enum err e;

    call_learn_dialog(c, leg);
    if (c->offering && c->state == CALL_TALKING) { /* else it is the INVITE's, and an UPDATE is under way */
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
    enum err e;

    if (c->asking) {
        music_on_offer(c, sdp);
        return;
    }
    e = sdp.n ? sound_answer(c, sdp, &b) : sound_offer(c, &b);
    if (e || (e = leg_accept_offer(leg, buf_slice(&b))))
        (void)leg_refuse_offer(leg, e == ERR_NOMEM ? 500 : 488);
}

static void on_updated(void *arg, struct leg *leg, unsigned code, struct slice sdp)
{
    on_reinvite_answered(arg, leg, code, sdp);
}

static void on_refreshed(void *arg, struct leg *leg, struct slice sdp)
{
    struct call *c = arg;
    enum err e = sdp.n && !c->music ? sound_apply(c, sdp) : ERR_OK; /* while there is music, it is that which they answer */

    if (e)
        unusable(c, leg, e);
}

static void on_offer_again(void *arg, struct leg *leg)
{
    struct call *c = arg;

    if (!c->offering)
        return;
    if (c->asking ? leg_offer(leg, SLICE_NONE) : call_offer_again(c, leg))
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

static const struct slice key_names = {"0123456789*#ABCD", 16};

/* What stands behind "Name=" in a line of its own; empty: nothing does. */
static struct slice value_of(struct slice body, struct slice name)
{
    struct slice line, key;

    while (slice_line(&body, &line))
        if (slice_cut(&line, '=', &key) && slice_ieq(slice_trim(key), name))
            return slice_trim(line);
    return SLICE_NONE;
}

/* "5", "*", or the event's number as some write it: "10" for the star. 0: no key. */
static char key_of(struct slice word)
{
    char     c = word.n == 1 && word.p[0] >= 'a' && word.p[0] <= 'd' ? (char)(word.p[0] - 'a' + 'A') : word.n ? word.p[0] : 0;
    uint32_t n;

    if (word.n == 2 && !slice_u32(word, &n) && n >= 10 && n < key_names.n)
        return key_names.p[n];
    return word.n == 1 && slice_find(key_names, c) != SIZE_MAX ? c : 0;
}

/* A key in an application/dtmf-relay body ("Signal=5", "Duration=160") or an application/dtmf one ("5"). */
static void on_info(void *arg, struct leg *leg, struct slice type, struct slice body)
{
    struct call_event told = {.kind = CALL_DIGIT};

    (void)leg;
    if (slice_istarts(type, S("application/dtmf-relay"))) {
        told.digit = key_of(value_of(body, S("Signal")));
        if (slice_u32(value_of(body, S("Duration")), &told.ms))
            told.ms = 0;
    } else if (slice_istarts(type, S("application/dtmf"))) {
        told.digit = key_of(slice_trim(body));
    }
    if (told.digit)
        call_tell(arg, &told);
}

static void on_info_answer(void *arg, struct leg *leg, unsigned code)
{
    call_key_answered(arg, leg, code);
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
    music_stop(c);
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
    .updated = on_updated,
    .refreshed = on_refreshed,
    .offer_again = on_offer_again,
    .up = on_up,
    .refer = on_refer,
    .refer_status = on_refer_status,
    .info_answer = on_info_answer,
    .info = on_info,
    .ended = on_ended,
    .gone = on_gone,
};
