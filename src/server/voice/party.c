/* party.c - a leg of ours and its sound: descriptions carried between the two.
 *
 * Room      server/voice.
 * In        what the leg tells; events of its end, in the same shard.
 * Out       answers and offers of the leg; the app (struct voice_act).
 * Must hold at most one description is asked for at a time: owes says what it is for. */
#include "server/voice/voice_priv.h"

static void on_sound(void *ctx, struct shard *sh, uint64_t key, const struct sound_event *e);
static const struct sound_on sound_on = {on_sound};

enum err party_new(struct voice *v, struct shard *sh, const struct voice_act *act, struct party **out)
{
    struct party *p = mem_zalloc(shard_mem(sh), sizeof *p);

    if (!p)
        return ERR_NOMEM;
    p->v = v;
    p->sh = sh;
    p->act = act;
    list_append(&v->parties[shard_index(sh)], &p->node);
    atomic_fetch_add(&v->n_parties, 1);
    *out = p;
    return ERR_OK;
}

void party_free(struct party *p)
{
    struct mem *mem = shard_mem(p->sh);

    sound_end_close(p->v->config.sound, p->end);
    list_remove(&p->node);
    atomic_fetch_sub(&p->v->n_parties, 1);
    mem_free(mem, p, sizeof *p);
}

/* Ask the end for the answer to their offer, or for an offer where they made none. */
static enum err ask(struct party *p, struct slice offer, enum party_owes owes)
{
    struct sound *s = p->v->config.sound;
    enum err      e = offer.n ? sound_end_answer(s, p->end, offer) : sound_end_offer(s, p->end);

    if (!e)
        p->owes = owes;
    return e;
}

enum err party_answer(struct party *p, struct leg *leg, const struct leg_incoming *in, struct sound_ask *a)
{
    enum err e;

    p->leg = leg_id(leg);
    a->shard = p->leg.shard;
    a->key = p->leg.n;
    a->on = &sound_on;
    a->ctx = p->v;
    if ((e = sound_local_for(p->sh, leg_flow(leg), &a->local)) || (e = sound_end_open(p->v->config.sound, a, &p->end)))
        return e;
    return ask(p, in->offer, OWES_INVITE);
}

/* ---- what the end tells ---- */

static unsigned code_for(enum err e)
{
    switch (e) {
    case ERR_UNSUPPORTED:
    case ERR_SYNTAX:
    case ERR_INVALID:
    case ERR_LIMIT: return 488;
    default: return 503; /* no port, no memory */
    }
}

static void pay(struct party *p, struct leg *leg, struct slice sdp)
{
    enum party_owes owes = p->owes;
    enum err        e = ERR_OK;

    p->owes = OWES_NOTHING;
    switch (owes) {
    case OWES_INVITE: e = leg_accept(leg, sdp); break;
    case OWES_OFFER: e = leg_accept_offer(leg, sdp); break;
    case OWES_REOFFER: e = leg_offer(leg, sdp); break;
    case OWES_NOTHING: break;
    }
    if (e && owes == OWES_INVITE)
        (void)leg_reject(leg, &(struct leg_refusal){.code = 500});
}

static void cannot_pay(struct party *p, struct leg *leg, enum err e)
{
    enum party_owes owes = p->owes;

    p->owes = OWES_NOTHING;
    if (owes == OWES_INVITE)
        (void)leg_reject(leg, &(struct leg_refusal){.code = code_for(e)});
    else if (owes == OWES_OFFER)
        (void)leg_refuse_offer(leg, code_for(e));
    else
        leg_hang_up(leg, S("SIP;cause=488;text=\"Answer cannot be used\""));
}

static void on_sound(void *ctx, struct shard *sh, uint64_t key, const struct sound_event *e)
{
    struct voice *v = ctx;
    struct leg   *leg = leg_find(v->config.ua, sh, (struct leg_id){key, shard_index(sh)});
    struct party *p = leg ? leg_arg(leg) : NULL;

    if (!leg || leg_state(leg) == LEG_OVER)
        return;
    switch (e->kind) {
    case SOUND_SDP: pay(p, leg, e->sdp); break;
    case SOUND_FAILED: cannot_pay(p, leg, e->e); break;
    case SOUND_TAKEN: break;
    case SOUND_HEARD:
    case SOUND_SILENT:
    case SOUND_DIGIT:
    case SOUND_PLAYED:
        if (p->act->event)
            p->act->event(p, leg, e);
        break;
    }
}

/* ---- what the leg tells ---- */

static void on_offer(void *arg, struct leg *leg, struct slice sdp)
{
    if (ask(arg, sdp, OWES_OFFER))
        (void)leg_refuse_offer(leg, 500);
}

static void on_answer(void *arg, struct leg *leg, unsigned code, struct slice sdp)
{
    struct party *p = arg;

    if (code < 300 && sound_end_take(p->v->config.sound, p->end, sdp))
        leg_hang_up(leg, SLICE_NONE);
}

static void on_offer_again(void *arg, struct leg *leg)
{
    (void)leg;
    (void)ask(arg, SLICE_NONE, OWES_REOFFER);
}

static void on_up(void *arg, struct leg *leg)
{
    struct party *p = arg;

    if (p->act->up)
        p->act->up(p, leg);
}

static void on_ended(void *arg, struct leg *leg, const struct leg_end *end)
{
    struct party *p = arg;

    sound_end_close(p->v->config.sound, p->end);
    p->end = (struct sound_end){0};
    if (p->act->ended)
        p->act->ended(p, leg, end);
}

static void on_gone(void *arg, struct leg *leg)
{
    (void)leg;
    party_free(arg);
}

const struct leg_on party_on = {
    .offer = on_offer,
    .answer = on_answer,
    .offer_again = on_offer_again,
    .up = on_up,
    .ended = on_ended,
    .gone = on_gone,
};
