/* session.c - session timers: agreed on, refreshed in time, and the call ended when nobody refreshes it (RFC 4028).
 *
 * Room      ua.
 * In        each INVITE and UPDATE of either side, and its 2xx; the timer.
 * Out       UPDATE without description where the peer lists it, else a re-INVITE with the description that counts; BYE.
 * Touches   leg->session. Every 2xx to an INVITE or UPDATE in the dialog sets it anew (§7.2, §9). */
#include "ua/ua_priv.h"

enum {
    LAST_S = 32,       /* §10: so long before the end BYE is sent, or a third of the interval if that is less */
    ADOPTED_MS = 30000,/* to twice that: first refresh after a restart */
    BUSY_MS = 2000     /* until it is looked at again when something else is under way */
};

static uint32_t at_least(uint32_t n, uint32_t least)
{
    return n < least ? least : n;
}

/* What our configuration wants; 0: nothing. */
static uint32_t wanted_s(const struct leg *leg)
{
    uint32_t s = leg->ua->config.session_s;

    return s ? at_least(at_least(s, UA_SESSION_MIN_S), leg->session.min_s) : 0;
}

static void put(struct buf *b, uint32_t interval_s, struct slice refresher)
{
    buf_puts(b, hdr_name(HDR_SESSION_EXPIRES), S(": "));
    buf_putu(b, interval_s);
    if (refresher.n)
        buf_puts(b, S(";refresher="), refresher);
    buf_put(b, S("\r\n"));
}

void session_put_ask(const struct leg *leg, struct buf *b)
{
    static const struct slice who[] = {[UA_REFRESHER_ANY] = {0}, [UA_REFRESHER_HERE] = {"uac", 3}, [UA_REFRESHER_THERE] = {"uas", 3}};
    const struct leg_session *s = &leg->session;

    if (s->interval_s) /* §7.1: who refreshes stays who it is */
        put(b, at_least(s->interval_s, s->min_s), s->ours ? S("uac") : S("uas"));
    else if (wanted_s(leg))
        put(b, wanted_s(leg), who[leg->ua->config.refresher]);
    if (s->min_s && (s->interval_s || wanted_s(leg)))
        msg_put_row_number(b, HDR_MIN_SE, s->min_s);
}

/* ---- agreed ---- */

static void start(struct leg *leg, uint32_t interval_s, bool ours)
{
    struct leg_session *s = &leg->session;
    const uint32_t      last_s = interval_s / 3 < LAST_S ? interval_s / 3 : LAST_S;

    s->interval_s = interval_s;
    s->ours = ours;
    shard_timer_stop(leg->sh, &s->timer);
    if (!interval_s)
        return;
    s->until_ms = shard_now_ms(leg->sh) + 1000ull * (interval_s - last_s);
    shard_timer_start(leg->sh, &s->timer, ours ? 500ull * interval_s : 1000ull * (interval_s - last_s));
}

static bool knows_timers(const struct msg *m)
{
    return msg_has_token(m, HDR_SUPPORTED, S("timer")) || msg_has_token(m, HDR_REQUIRE, S("timer"));
}

/* §9, table 2: who refreshes, of the two ways to say it in the 2xx to their request. */
static bool uac_refreshes(const struct leg *leg, const struct msg *request, const struct session_expires *asked)
{
    if (!knows_timers(request))
        return false;
    if (asked->refresher != REFRESHER_NONE)
        return asked->refresher == REFRESHER_UAC;
    if (leg->session.interval_s)
        return !leg->session.ours;
    return !leg->ua->config.session_s || leg->ua->config.refresher != UA_REFRESHER_HERE;
}

void session_put_answer(struct leg *leg, const struct msg *request, struct buf *b)
{
    struct session_expires asked = {0};
    uint32_t               least_s = UA_SESSION_MIN_S, interval_s;
    bool                   theirs;

    if (request->method_id != METHOD_INVITE && (request->method_id != METHOD_UPDATE || !leg_is_answered(leg)))
        return; /* PRACK has nothing to do with it; and before the answer there is no session */
    (void)msg_session_expires(request, &asked);
    if (!msg_min_se(request, &least_s))
        leg->session.min_s = least_s = at_least(least_s, UA_SESSION_MIN_S);
    interval_s = wanted_s(leg);
    if (asked.seconds && (!interval_s || asked.seconds < interval_s)) /* §9: it may be lowered, never raised */
        interval_s = at_least(asked.seconds, UA_SESSION_MIN_S);
    theirs = uac_refreshes(leg, request, &asked);
    start(leg, interval_s, !theirs);
    if (!interval_s)
        return;
    put(b, interval_s, theirs ? S("uac") : S("uas"));
    if (theirs)
        msg_put_row(b, HDR_REQUIRE, S("timer"));
}

void session_on_2xx(struct leg *leg, const struct msg *m)
{
    struct session_expires agreed;

    if (!msg_session_expires(m, &agreed)) /* §4: less than that is no interval, whoever says it */
        start(leg, at_least(agreed.seconds, UA_SESSION_MIN_S), agreed.refresher != REFRESHER_UAS);
    else /* the peer knows of no timers: that it is there is seen from its answers to us */
        start(leg, wanted_s(leg), true);
}

void session_tell(struct leg *leg, struct slice sdp)
{
    if (leg_is_answered(leg) && leg->on->refreshed)
        leg->on->refreshed(leg->arg, leg, sdp);
}

bool session_take_422(struct leg *leg, const struct msg *m)
{
    uint32_t least_s;

    if (msg_min_se(m, &least_s) || least_s <= leg->session.min_s)
        return false;
    leg->session.min_s = least_s;
    return true;
}

uint32_t session_too_short(const struct msg *m)
{
    struct session_expires asked;

    if ((m->method_id != METHOD_INVITE && m->method_id != METHOD_UPDATE) || msg_session_expires(m, &asked))
        return 0;
    /* §9: one that cannot obey a 422 (a proxy has asked in its place) is taken as it is */
    return asked.seconds < UA_SESSION_MIN_S && knows_timers(m) ? UA_SESSION_MIN_S : 0;
}

/* ---- refreshing ---- */

static uint64_t left_ms(const struct leg *leg)
{
    const uint64_t now = shard_now_ms(leg->sh);

    return now < leg->session.until_ms ? leg->session.until_ms - now : 0;
}

static void look_again(struct leg *leg, uint64_t in_ms)
{
    const uint64_t left = left_ms(leg);

    if (leg->session.interval_s)
        shard_timer_start(leg->sh, &leg->session.timer, in_ms < left ? in_ms : left);
}

void session_not_refreshed(struct leg *leg)
{
    const uint64_t half = left_ms(leg) / 2;

    look_again(leg, half > BUSY_MS ? half : BUSY_MS);
}

static void on_updated(struct leg_request *r, const struct msg *m, unsigned code)
{
    struct leg *leg = r->leg;

    if (leg->state == LEG_OVER)
        return;
    if (code < 300) {
        (void)dialog_refresh(leg->dialog, m); /* a Contact that cannot be read: the old target stays */
        leg_learn(leg, m);
        session_on_2xx(leg, m);
        session_tell(leg, SLICE_NONE);
    } else if (code == 481 || code == 408) {
        leg_lost(leg, code);
    } else if ((code == 405 || code == 501) && !leg->session.no_update) {
        leg->session.no_update = true;
        session_refresh(leg);
    } else {
        session_not_refreshed(leg);
    }
}

/* One that was taken over has neither shown what it allows nor is there a description of ours to repeat: whether it is there,
 * and what it allows, OPTIONS tells. */
static void on_options(struct leg_request *r, const struct msg *m, unsigned code)
{
    struct leg *leg = r->leg;

    if (leg->state == LEG_OVER)
        return;
    if (code == 481 || code == 408) {
        leg_lost(leg, code);
        return;
    }
    if (m && code < 300)
        leg_learn(leg, m);
    if (leg->knows_allow && leg_peer_allows(leg, METHOD_UPDATE)) {
        session_refresh(leg);
        return;
    }
    start(leg, leg->session.interval_s, true);
    session_tell(leg, SLICE_NONE);
}

static enum err options(struct leg *leg)
{
    return leg_request_send(leg, &(struct leg_ask){.method = METHOD_OPTIONS, .dialog = leg->dialog, .done = on_options}, NULL);
}

static enum err update(struct leg *leg)
{
    return leg_request_send(leg, &(struct leg_ask){.method = METHOD_UPDATE, .dialog = leg->dialog, .done = on_updated}, NULL);
}

void session_refresh(struct leg *leg)
{
    const bool by_update = leg->knows_allow && leg_peer_allows(leg, METHOD_UPDATE) && !leg->session.no_update;

    leg->glare_refresh = false;
    if (offer_is_busy(leg)) /* that refreshes too, if it comes to a 2xx */
        look_again(leg, BUSY_MS);
    else if (by_update ? update(leg) : leg->said.n ? offer_refresh(leg) : options(leg))
        session_not_refreshed(leg);
    else /* the next thing to happen, unless an answer comes before it */
        look_again(leg, UINT64_MAX);
}

void session_adopt(struct leg *leg)
{
    if (!wanted_s(leg))
        return;
    start(leg, wanted_s(leg), true); /* whoever was here before may have let much of it pass */
    look_again(leg, ADOPTED_MS + rng_below(shard_rng(leg->sh), ADOPTED_MS));
}

void session_fire(void *arg)
{
    struct leg *leg = arg;

    if (!left_ms(leg))
        leg_not_refreshed(leg);
    else if (leg->state == LEG_UP && leg->session.ours)
        session_refresh(leg);
    else
        look_again(leg, BUSY_MS);
}
