/* relay.c - two talk, and the exchange is between them: what one asks of the other (PROTOCOL §6; RFC 3264, RFC 6086).
 *
 * Room      server/bridge.
 * In        join_take(), in state UP.
 * Touches   j->asker: whose offer is with the other. One at a time; the other's meets it, and waits as RFC 3261 §14.1 says. */
#include "server/bridge/bridge_priv.h"

static struct end *peer_of(struct join *j, const struct end *e)
{
    return e == &j->end[KEPT] ? &j->end[OTHER] : e == &j->end[OTHER] ? &j->end[KEPT] : NULL;
}

/* A re-INVITE or UPDATE of one is a re-INVITE to the other. Without offer: the other makes it. */
static void on_offer(struct join *j, struct end *e, struct slice sdp)
{
    struct end  *peer = peer_of(j, e);
    struct slice out = SLICE_NONE;

    if (j->asker && j->asker != e && sdp.n && !j->asker->out.n) { /* it was asked to offer by `asker`, and this is that offer */
        out = join_sdp_towards(j, j->asker, sdp, false);
        if (out.n && join_held_set(j->b, &e->said, sdp) == ERR_OK) {
            (void)join_held_set(j->b, &j->asker->out, out);
            join_end_do(j, j->asker, ERRAND_ACCEPT, 0, out, SLICE_NONE);
            return;
        }
    }
    if (!peer || j->asker || (sdp.n && !(out = join_sdp_towards(j, peer, sdp, false)).n)) {
        join_end_do(j, e, ERRAND_REFUSE, peer && !j->asker ? 488 : 491, SLICE_NONE, SLICE_NONE);
        return;
    }
    j->asker = e;
    e->out.n = 0; /* what it is to have is not known yet */
    if (sdp.n)
        (void)join_held_set(j->b, &e->said, sdp);
    join_offer(j, peer, out);
}

static void on_answer(struct join *j, struct end *e, const struct tiding *t)
{
    struct end  *asker = j->asker, *peer = peer_of(j, e);
    struct slice out;

    if (j->offering == e)
        j->offering = NULL;
    if (!asker || !peer)
        return;
    if (t->code >= 300) {
        j->asker = NULL;
        join_end_do(j, asker, ERRAND_REFUSE, t->code, SLICE_NONE, SLICE_NONE);
        return;
    }
    (void)join_held_set(j->b, &e->said, t->text);
    j->asker = NULL;
    /* The answer of who was asked goes to the asker; that of an asker without offer goes into the other's ACK. */
    out = join_sdp_towards(j, peer, t->text, false);
    if (out.n)
        join_end_do(j, peer, ERRAND_ACCEPT, 0, out, SLICE_NONE);
    else
        join_over(j, S("SIP;cause=488;text=\"Not Acceptable Here\""));
}

static void report(struct join *j, struct end *e, uint32_t refer, unsigned code)
{
    struct leg_refer_report r = {.leg = e->leg, .refer = refer, .code = code};

    (void)leg_refer_report(j->b->config.ua, shard_worker(j->sh), &r);
}

/* One of the two transfers the other: executed like the first time, the legs are there already. */
static void on_refer(struct join *j, struct end *e, const struct tiding *t)
{
    struct end *peer = peer_of(j, e);
    struct end  kept, leaving;

    if (j->state != JOIN_UP || !peer || !peer->there || j->asker) {
        report(j, e, t->code, 491);
        return;
    }
    if (j->sent_on >= BRIDGE_MAX_SENT_ON) {
        join_say(j, S("this call has been transferred ten times already: the transfer is refused with 482, since it goes in a circle (RFC "
                      "3515 section 2.4.2)"));
        report(j, e, t->code, 482);
        return;
    }
    if (join_held_set(j->b, &j->target, t->text) || join_held_set(j->b, &j->replaces, t->more) ||
        join_held_set(j->b, &j->referred_by, t->last)) {
        report(j, e, t->code, 500);
        return;
    }
    join_end_drop(j, &j->end[LEAVING]);
    join_joined_free(j);
    kept = *peer;
    leaving = *e;
    leaving.refer = t->code;
    leaving.first_refer = false;
    j->end[KEPT] = kept;
    j->end[LEAVING] = leaving;
    j->end[OTHER] = (struct end){0};
    j->told = j->recalling = j->reached = false;
    j->tell = NULL;
    j->hops = 0;
    j->sent_on++;
    join_log(j, LOG_EVENT("bridge.begun"), 0);
    join_ask(j);
    join_note(j);
}

void join_relay(struct join *j, struct end *from, const struct tiding *t)
{
    struct end *peer = peer_of(j, from);

    switch (t->kind) {
    case TIDING_OFFER:
        on_offer(j, from, t->text);
        return;
    case TIDING_ANSWER:
        on_answer(j, from, t);
        return;
    case TIDING_INFO:
        if (peer && j->state == JOIN_UP)
            join_end_do(j, peer, ERRAND_INFO, 0, t->text, t->more);
        return;
    case TIDING_REFER:
        on_refer(j, from, t);
        return;
    default:
        return;
    }
}
