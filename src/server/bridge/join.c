/* join.c - from the REFER to two who talk, step by step (PROTOCOL 6.2-6.4).
 *
 *   ASKING   re-INVITE the transferee without offer         | its 481: its number is called anew
 *   TONING   its offer goes to the tone, the answer in the ACK at once
 *   RINGING  INVITE to the target with that offer           | refused: the transferor is told, and joined again,
 *   MOVING   re-INVITE the transferee with the target's answer    or rung again when it has gone
 *   FITTING  only where the transferee answers otherwise than it offered
 *   UP       relay.c
 *
 * Room      server/bridge.
 * In        what the legs tell (side.c), timers, the tone.
 * Touches   the join; legs by errands. join_enter() alone assigns the state. */
#include "server/bridge/bridge_priv.h"

enum { STEP_MS = 40000 }; /* longer than any transaction: a step that takes more will never end */

/* ---- steps ---- */

void join_enter(struct join *j, enum join_state state, uint64_t within_ms)
{
    j->state = state;
    j->tries = 0;
    shard_timer_stop(j->sh, &j->timer);
    if (within_ms)
        shard_timer_start(j->sh, &j->timer, within_ms);
}

void join_offer(struct join *j, struct end *e, struct slice sdp)
{
    j->offering = e;
    if (join_held_set(j->b, &e->out, sdp)) {
        join_over(j, S("SIP;cause=500;text=\"Out of memory\""));
        return;
    }
    join_end_do(j, e, ERRAND_OFFER, 0, sdp, SLICE_NONE);
}

void join_ask(struct join *j)
{
    join_say(j, S("the exchange executes the transfer itself: it asks the transferee for an offer, in the transferor's place"));
    join_enter(j, JOIN_ASKING, STEP_MS);
    join_offer(j, &j->end[KEPT], SLICE_NONE);
}

/* It cannot go on, and nobody can be given back what there was. */
void join_over(struct join *j, struct slice reason)
{
    join_enter(j, JOIN_OVER, STEP_MS);
    join_stop_tone(j);
    join_unnote(j);
    for (int i = 0; i < ROLES; i++)
        join_end_do(j, &j->end[i], ERRAND_END, 0, reason, SLICE_NONE);
    join_tell(j, 500);
}

static void release(struct join *j, unsigned code)
{
    char       text[96];
    struct buf b = BUF_ON(text);

    buf_put(&b, S("SIP;cause="));
    buf_putu(&b, code);
    buf_puts(&b, S(";text=\""), msg_reason(code), S("\""));
    join_say(j, S("nobody is left whom the transferee could be given to: it is released, with the reason"));
    join_over(j, buf_slice(&b));
}

/* Call somebody in the transferee's name, with its offer. */
static enum err dial_other(struct join *j, struct slice target)
{
    struct end  *e = &j->end[OTHER];
    struct slice offer = join_sdp_towards(j, e, held_slice(&j->end[KEPT].said), true);

    return offer.n ? join_dial(j, e, target, offer) : ERR_NOMEM;
}

/* The transferor has gone, the target will not: the transferee rings the transferor again. */
static void recall(struct join *j, unsigned code)
{
    struct end  *left = &j->end[LEAVING];
    struct slice uri = SLICE_NONE;
    struct name_addr na;

    if (name_addr_parse(held_slice(&left->uri), &na) == ERR_OK)
        uri = na.uri;
    if (!j->recall_s || !left->number.n || !uri.n || j->recalling) {
        release(j, code);
        return;
    }
    j->recalling = true;
    join_end_free(j, &j->end[OTHER]);
    join_say(j, S("the transferor has hung up already: the transferee rings it again"));
    join_log(j, LOG_EVENT("bridge.recall"), 0);
    join_enter(j, JOIN_RINGING, 1000 * (uint64_t)j->recall_s);
    if (join_held_set(j->b, &j->end[OTHER].number, held_slice(&left->number)) || dial_other(j, uri))
        release(j, code);
}

static void end_call(struct join *j, struct dialog_id *record, struct slice by)
{
    struct dialog_end end = {.now_ms = (int64_t)(net_wall_us(shard_net(j->sh)) / 1000), .by = by, .why = S("transfer")};

    if (record->gen)
        (void)dialogs_end(proxy_dialogs(j->b->config.proxy), *record, &end); /* it may have been ended by hand */
    record->gen = 0;
}

static void end_record(struct join *j)
{
    end_call(j, &j->record, j->from == DIALOG_CALLER ? S("caller") : S("callee"));
}

/* The transferor's call with the target, where that was joined, is over for the transferor. */
static void leave_former(struct join *j)
{
    if (!j->end[FORMER].key)
        return;
    join_end_do(j, &j->end[FORMER], ERRAND_END, 0, S("SIP;cause=200;text=\"Transferred\""), SLICE_NONE);
    end_call(j, &j->joined_record, S("exchange"));
}

void join_refused(struct join *j, unsigned code)
{
    char       text[128];
    struct buf b = BUF_ON(text);

    buf_put(&b, j->recalling ? S("the transferor does not take the call back: ") : S("the target refuses: "));
    buf_putu(&b, code);
    join_say(j, buf_slice(&b));
    leave_former(j);
    join_end_drop(j, &j->end[OTHER]);
    join_tell(j, code);
    if (j->recalling)
        release(j, j->why);
    else if (j->end[LEAVING].there) {
        join_say(j, S("the transferor is still there: it has its call back"));
        join_enter(j, JOIN_RETURNING, STEP_MS);
        join_offer(j, &j->end[LEAVING], SLICE_NONE);
    } else
        recall(j, code);
}

/* PROTOCOL 7.3: the target's call with the transferor is taken over as well; the target has the offer in it. */
static void join_target(struct join *j)
{
    struct end  *e = &j->end[OTHER];
    struct slice offer;

    join_end_free(j, e);
    join_end_free(j, &j->end[FORMER]);
    join_say(j, S("the target cannot do Replaces: the exchange joins its call as it is"));
    (void)join_origin_set(j->b, e, held_slice(&j->joined_origin)); /* without memory it only meets a stranger */
    (void)join_held_set(j->b, &e->number, held_slice(&j->joined_number));
    join_adopt(j, e, held_slice(&j->joined[0]));
    join_adopt(j, &j->end[FORMER], held_slice(&j->joined[1]));
    join_enter(j, JOIN_RINGING, STEP_MS);
    offer = join_sdp_towards(j, e, held_slice(&j->end[KEPT].said), true);
    if (offer.n && e->there)
        join_offer(j, e, offer);
    else
        join_refused(j, 500);
}

static void ring_target(struct join *j)
{
    if (j->told) { /* the target has refused before a restart */
        recall(j, j->why);
        return;
    }
    if (j->joined[0].n && j->no_replaces) {
        join_target(j);
        return;
    }
    join_end_free(j, &j->end[OTHER]);
    join_enter(j, JOIN_RINGING, BRIDGE_RING_MS);
    if (dial_other(j, held_slice(&j->target)))
        join_refused(j, 500);
}

void join_go_on(struct join *j)
{
    join_say(j, S("the exchange has restarted: it takes up this transfer again, which it was executing"));
    if (j->told && j->end[LEAVING].there) {
        join_enter(j, JOIN_RETURNING, STEP_MS);
        join_offer(j, &j->end[LEAVING], SLICE_NONE);
    } else
        join_ask(j);
}

static void on_toned(struct join *j, struct slice sdp)
{
    struct slice answer;

    if (!sdp.n) {
        join_say(j, S("there is no ringback tone for what the transferee offers: it waits in silence"));
        sdp = join_sdp_silence(j, held_slice(&j->end[KEPT].said));
    }
    answer = sdp.n ? join_sdp_towards(j, &j->end[KEPT], sdp, false) : SLICE_NONE;
    if (!answer.n) {
        join_end_do(j, &j->end[KEPT], ERRAND_REFUSE, 488, SLICE_NONE, SLICE_NONE);
        join_tell(j, 488);
        return;
    }
    join_end_do(j, &j->end[KEPT], ERRAND_ACCEPT, 0, answer, SLICE_NONE);
    if (j->state == JOIN_TONING)
        ring_target(j);
}

void bridge_tone_answered(struct bridge *b, struct shard *sh, uint64_t key, struct slice sdp)
{
    struct join *j = join_find(b, sh, key);

    if (j && (j->state == JOIN_TONING || j->state == JOIN_WITHDRAWN))
        on_toned(j, sdp);
}

static void on_kept_offers(struct join *j, struct slice sdp)
{
    const struct bridge_tone *tone = &j->b->config.tone;

    if (!sdp.n || join_held_set(j->b, &j->end[KEPT].said, sdp)) {
        join_end_do(j, &j->end[KEPT], ERRAND_REFUSE, 488, SLICE_NONE, SLICE_NONE);
        join_tell(j, 488);
        return;
    }
    if (j->state == JOIN_ASKING)
        join_enter(j, JOIN_TONING, STEP_MS);
    if (!tone->answer || tone->answer(tone->ctx, j->sh, j->serial, &j->near, sdp, &j->tone))
        on_toned(j, SLICE_NONE);
}

static void on_target_answers(struct join *j, struct slice sdp)
{
    struct slice offer = SLICE_NONE;

    if (sdp.n && join_held_set(j->b, &j->end[OTHER].said, sdp) == ERR_OK)
        offer = join_sdp_towards(j, &j->end[KEPT], sdp, false);
    if (!offer.n) {
        join_refused(j, 488);
        return;
    }
    join_enter(j, JOIN_MOVING, STEP_MS);
    join_offer(j, &j->end[KEPT], offer);
}

static void on_kept_moved(struct join *j, struct slice sdp)
{
    struct slice offer;

    join_stop_tone(j);
    if (join_held_set(j->b, &j->end[KEPT].said, sdp) || join_sdp_same_place(sdp, held_slice(&j->end[OTHER].out))) {
        join_up(j);
        return;
    }
    offer = join_sdp_towards(j, &j->end[OTHER], sdp, false);
    join_enter(j, JOIN_FITTING, STEP_MS);
    if (offer.n)
        join_offer(j, &j->end[OTHER], offer);
    else
        join_up(j);
}

static void on_transferor_offers(struct join *j, struct slice sdp)
{
    struct slice offer = sdp.n ? join_sdp_towards(j, &j->end[KEPT], sdp, false) : SLICE_NONE;

    if (!offer.n) {
        join_end_do(j, &j->end[LEAVING], ERRAND_REFUSE, 488, SLICE_NONE, SLICE_NONE);
        return;
    }
    join_enter(j, JOIN_JOINING, STEP_MS);
    join_offer(j, &j->end[KEPT], offer);
}

static void on_joined_again(struct join *j, struct slice sdp)
{
    struct slice answer = join_sdp_towards(j, &j->end[LEAVING], sdp, false);

    join_stop_tone(j);
    if (!answer.n) {
        release(j, 488);
        return;
    }
    join_end_do(j, &j->end[LEAVING], ERRAND_ACCEPT, 0, answer, SLICE_NONE);
    j->end[OTHER] = j->end[LEAVING];
    j->end[LEAVING] = (struct end){0};
    join_up(j);
}

void join_up(struct join *j)
{
    bool leaves = j->end[LEAVING].there;

    j->offering = j->asker = NULL;
    leave_former(j);
    join_enter(j, JOIN_UP, leaves ? BRIDGE_LEAVE_MS : 0);
    join_say(j, S("transferee and target talk: the exchange stays between their two dialogs"));
    join_log(j, LOG_EVENT("bridge.up"), 0);
    join_note(j); /* before the transferor hears that it may forget the call */
    join_tell(j, 200);
}

/* ---- what ends ---- */

static void free_if_empty(struct join *j)
{
    for (int i = 0; i < ROLES; i++)
        if (j->end[i].there)
            return;
    join_free(j);
}

static void on_kept_ended(struct join *j, const struct tiding *t)
{
    if (j->state == JOIN_ASKING && t->code == LEG_LOST && !j->reached) {
        j->reached = true;
        join_say(j, S("the transferee does not know this call any more: its number is called anew"));
        if (join_dial_again(j, &j->end[KEPT]) == ERR_OK) {
            join_held_free(j->b, &j->end[KEPT].origin);
            join_enter(j, JOIN_ASKING, BRIDGE_RING_MS);
            return;
        }
    }
    join_tell(j, t->code == LEG_FAR_HUNG_UP ? 487 : t->status >= 400 ? t->status : 480);
    join_over(j, t->more);
}

static void on_other_ended(struct join *j, const struct tiding *t)
{
    if (j->state == JOIN_UP) {
        join_over(j, t->more);
        return;
    }
    if (t->status / 100 == 3 && t->text.n && j->hops++ < BRIDGE_MAX_HOPS && !j->recalling) {
        join_say(j, S("the target sends the call elsewhere: the exchange follows"));
        join_end_free(j, &j->end[OTHER]);
        if (dial_other(j, t->text) == ERR_OK)
            return;
    }
    if (t->status == 420 && j->joined[0].n && !j->end[FORMER].key && !j->recalling) { /* it was called with Require: replaces */
        join_end_free(j, &j->end[OTHER]);
        join_target(j);
        return;
    }
    join_refused(j, t->status >= 400 ? t->status : 480);
}

static void on_leaving_ended(struct join *j)
{
    end_record(j);
    switch (j->state) {
    case JOIN_RETURNING:
    case JOIN_JOINING:
        recall(j, j->why);
        return;
    case JOIN_WITHDRAWN:
        join_over(j, SLICE_NONE);
        return;
    case JOIN_UP:
        shard_timer_stop(j->sh, &j->timer);
        return;
    default:
        return;
    }
}

static void on_ended(struct join *j, struct end *e, const struct tiding *t)
{
    e->there = false;
    join_note(j);
    if (j->offering == e)
        j->offering = NULL;
    if (e == &j->end[LEAVING] && j->state != JOIN_OVER)
        on_leaving_ended(j);
    else if (e == &j->end[KEPT] && j->state != JOIN_OVER)
        on_kept_ended(j, t);
    else if (e == &j->end[OTHER] && j->state != JOIN_OVER)
        on_other_ended(j, t);
    if (j->state == JOIN_OVER) {
        end_record(j);
        free_if_empty(j);
    }
}

void join_on_timer(void *arg)
{
    struct join *j = arg;

    switch (j->state) {
    case JOIN_RINGING:
        join_refused(j, 408);
        return;
    case JOIN_UP: /* the transferor has been told that it may go */
        join_end_do(j, &j->end[LEAVING], ERRAND_END, 0, SLICE_NONE, SLICE_NONE);
        return;
    case JOIN_FITTING:
        join_up(j);
        return;
    case JOIN_OVER:
        join_free(j);
        return;
    default:
        join_tell(j, 408);
        join_over(j, S("SIP;cause=408;text=\"Request Timeout\""));
        return;
    }
}

/* ---- what comes ---- */

void join_on_again(void *arg)
{
    struct join *j = arg;

    if (j->offering)
        join_end_do(j, j->offering, ERRAND_OFFER, 0, held_slice(&j->offering->out), SLICE_NONE);
}

static void on_offer(struct join *j, struct end *e, struct slice sdp)
{
    if (e == &j->end[KEPT] && (j->state == JOIN_ASKING || j->state == JOIN_WITHDRAWN))
        on_kept_offers(j, sdp);
    else if (e == &j->end[LEAVING] && j->state == JOIN_RETURNING)
        on_transferor_offers(j, sdp);
    else
        join_end_do(j, e, ERRAND_REFUSE, 491, SLICE_NONE, SLICE_NONE); /* 6.1: not while it lasts */
}

/* An offer of ours was refused. */
static void on_refusal(struct join *j, struct end *e, unsigned code)
{
    if (j->state == JOIN_FITTING)
        join_up(j); /* it stays with what it was given at first */
    else if ((e == &j->end[KEPT] && j->state == JOIN_MOVING) || (e == &j->end[OTHER] && j->state == JOIN_RINGING))
        join_refused(j, code);
    else if (j->state == JOIN_ASKING || j->state == JOIN_RETURNING || j->state == JOIN_JOINING) {
        join_tell(j, code);
        release(j, code);
    }
}

static void on_answer(struct join *j, struct end *e, const struct tiding *t)
{
    if (j->offering == e)
        j->offering = NULL;
    if (t->code >= 300)
        on_refusal(j, e, t->code);
    else if (e == &j->end[OTHER] && j->state == JOIN_RINGING)
        on_target_answers(j, t->text);
    else if (e == &j->end[KEPT] && j->state == JOIN_MOVING)
        on_kept_moved(j, t->text);
    else if (e == &j->end[OTHER] && j->state == JOIN_FITTING)
        join_up(j);
    else if (e == &j->end[KEPT] && j->state == JOIN_JOINING)
        on_joined_again(j, t->text);
}

static void on_busy(struct join *j, struct end *e, const struct tiding *t)
{
    if (j->offering != e)
        return;
    if (++j->tries > BRIDGE_MAX_TRIES) {
        j->offering = NULL;
        on_refusal(j, e, 491);
        return;
    }
    shard_timer_start(j->sh, &j->again, t->kind == TIDING_AGAIN ? 1 : BRIDGE_BUSY_MS);
}

static struct end *end_of(struct join *j, uint64_t key)
{
    for (int i = 0; i < ROLES; i++)
        if (j->end[i].key == key)
            return &j->end[i];
    return NULL;
}

void join_take(struct join *j, const struct tiding *t)
{
    struct end *e = end_of(j, t->key);

    if (!e) /* an end of earlier, which is on its way out */
        return;
    switch (t->kind) {
    case TIDING_ADOPTED:
        e->leg = t->leg;
        side_resume(j, e);
        if (e == &j->end[LEAVING] && j->state == JOIN_UP)
            join_tell(j, 200); /* unless it was before the restart */
        return;
    case TIDING_DIALOG:
        if (join_held_set(j->b, &e->dialog, t->text) == ERR_OK)
            join_note(j);
        return;
    case TIDING_ENDED:
        on_ended(j, e, t);
        return;
    case TIDING_AGAIN:
    case TIDING_BUSY:
        on_busy(j, e, t);
        return;
    case TIDING_REFER:
    case TIDING_INFO:
        join_relay(j, e, t);
        return;
    case TIDING_OFFER:
        if (j->state == JOIN_UP)
            join_relay(j, e, t);
        else
            on_offer(j, e, t->text);
        return;
    case TIDING_ANSWER:
        if (j->state == JOIN_UP)
            join_relay(j, e, t);
        else
            on_answer(j, e, t);
        return;
    }
}
