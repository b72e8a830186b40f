/* party.c - a leg of ours and its sound: descriptions carried between the two.
 *
 * Room      server/voice.
 * In        what the leg tells; events of its end, in the same shard.
 * Out       answers and offers of the leg; the app (struct voice_act).
 * Must hold owes says what the description is for that was asked for last; one that was asked for before it (an offer of theirs
 *           was cancelled) is nothing any more: an answer goes to the offer that it was made for, or nowhere. A party that calls is in the shard that
 *           wanted it until leg_call(), and from then on in its leg's. */
#include <string.h>

#include "server/voice/voice_priv.h"

static void on_sound(void *ctx, struct shard *sh, uint64_t key, const struct sound_event *e);
static const struct sound_on sound_on = {on_sound};
static const struct leg_on   party_on;

uint64_t party_hash(uint64_t n)
{
    return n * 0x9e3779b97f4a7c15u; /* our own numbers, one after the other: spread over the buckets */
}

enum err party_new(struct voice *v, const struct voice_act *act, struct party **out)
{
    struct party *p = mem_zalloc(v->config.mem, sizeof *p);

    if (!p)
        return ERR_NOMEM;
    p->v = v;
    p->act = act;
    spin_lock(&v->lock);
    p->n = ++v->last;
    map_insert(&v->parties, &p->by_number, party_hash(p->n));
    spin_unlock(&v->lock);
    atomic_fetch_add(&v->n_parties, 1);
    *out = p;
    return ERR_OK;
}

static void call_free(struct party *p)
{
    if (p->call)
        mem_free(p->v->config.mem, p->call, p->call->octets);
    p->call = NULL;
}

void party_free(struct party *p)
{
    struct voice *v = p->v;

    sound_end_close(v->config.sound, p->end);
    call_free(p);
    spin_lock(&v->lock);
    map_remove(&v->parties, &p->by_number);
    spin_unlock(&v->lock);
    atomic_fetch_sub(&v->n_parties, 1);
    mem_free(v->config.mem, p, sizeof *p);
}

static struct party *party_find(struct voice *v, uint64_t n)
{
    struct party *p = NULL;

    spin_lock(&v->lock);
    for (struct map_node *node = map_find(&v->parties, party_hash(n)); node && !p; node = map_find_next(node))
        p = MAP_OF(node, struct party, by_number)->n == n ? MAP_OF(node, struct party, by_number) : NULL;
    spin_unlock(&v->lock);
    return p;
}

/* The end has been asked, and will tell what comes of it. */
static void expect(struct party *p, bool description)
{
    p->due |= (uint32_t)description << p->n_due++;
}

/* It has told. Is that the description that we owe, and no other? */
static bool is_due(struct party *p, bool *description)
{
    *description = p->due & 1;
    p->due >>= 1;
    p->n_due--;
    return *description && !p->due;
}

/* Ask the end for the answer to their offer, or for an offer where they made none. */
static enum err ask(struct party *p, struct slice offer, enum party_owes owes)
{
    struct sound *s = p->v->config.sound;
    enum err      e;

    if (p->n_due == PARTY_MAX_DUE)
        return ERR_BUSY;
    if ((e = offer.n ? sound_end_answer(s, p->end, offer) : sound_end_offer(s, p->end)))
        return e;
    expect(p, true);
    p->owes = owes;
    return ERR_OK;
}

/* Others read it, from other shards. */
static void know_leg(struct party *p, const struct leg *leg)
{
    spin_lock(&p->v->lock);
    p->leg = leg_id(leg);
    spin_unlock(&p->v->lock);
}

static enum err open_end(struct party *p, struct shard *sh, const struct flow *towards, struct sound_ask *a)
{
    enum err e;

    a->shard = shard_index(sh);
    a->key = p->n;
    a->on = &sound_on;
    a->ctx = p->v;
    if ((e = sound_local_for(sh, towards, &a->local)))
        return e;
    return sound_end_open(p->v->config.sound, a, &p->end);
}

enum err party_answer(struct party *p, struct leg *leg, struct slice offer, struct sound_ask *a)
{
    enum err e;

    know_leg(p, leg);
    a->call_id = leg_call_id(leg);
    if ((e = open_end(p, leg_shard(leg), leg_flow(leg), a)) || (e = ask(p, offer, OWES_INVITE)))
        return e;
    leg_attach(leg, &party_on, p);
    return ERR_OK;
}

/* ---- calling ---- */

static enum err keep_call(struct party *p, const struct voice_call *call)
{
    const struct slice *from[] = {&call->way.target, &call->way.to, &call->way.rows, &call->from, &call->replaces, &call->referred_by,
                                  &call->contact_user, &call->contact_params, &call->way.number};
    size_t       n = sizeof *call;
    struct slice *to[9];
    struct buf   b;

    for (size_t i = 0; i < 9; i++)
        n += from[i]->n;
    if (!(p->call = mem_alloc(p->v->config.mem, n)))
        return ERR_NOMEM;
    *p->call = *call;
    p->call->octets = n;
    buf_init(&b, (char *)(p->call + 1), n - sizeof *call);
    to[0] = &p->call->way.target, to[1] = &p->call->way.to, to[2] = &p->call->way.rows, to[3] = &p->call->from;
    to[4] = &p->call->replaces, to[5] = &p->call->referred_by, to[6] = &p->call->contact_user, to[7] = &p->call->contact_params;
    to[8] = &p->call->way.number;
    for (size_t i = 0; i < 9; i++) {
        struct slice s = *from[i];

        *to[i] = (struct slice){b.p + b.n, s.n};
        buf_put(&b, s);
    }
    return ERR_OK;
}

enum err party_call(struct party *p, struct shard *sh, const struct voice_call *call, struct sound_ask *a)
{
    enum err e;

    a->offers_keys = true;
    if ((e = keep_call(p, call)) || (e = open_end(p, sh, &p->call->way.flow, a)))
        return e;
    return ask(p, SLICE_NONE, OWES_CALL);
}

static void report(struct party *p, uint8_t worker, unsigned code)
{
    struct leg_refer_report r = {p->report.leg, p->report.refer, code, SLICE_NONE};

    if (p->referral && code >= 200) {
        referral_done(p->referral, code);
        p->referral = NULL;
    }
    if (!r.leg.n)
        return;
    if (code >= 200)
        p->report = (struct voice_report){0};
    (void)leg_refer_report(p->v->config.ua, worker, &r); /* without memory the subscription tells its end by itself */
}

/* It never became a call. */
static void stillborn(struct party *p, struct shard *sh, unsigned code)
{
    report(p, shard_worker(sh), code);
    if (p->act->ended)
        p->act->ended(p, NULL, &(struct leg_end){.why = LEG_BROKEN, .code = code});
    party_free(p);
}

/* The description for our INVITE is here: from now on the party is its leg's, in another shard perhaps. */
static void send_call(struct party *p, struct shard *sh, struct slice sdp)
{
    struct voice           *v = p->v;
    const struct voice_call *c = p->call;
    struct sound_end         end = p->end;
    struct leg_call          lc = {.target = c->way.target,
                                   .to = c->way.to,
                                   .from = c->from,
                                   .next_hop = c->way.target,
                                   .flow = c->way.flow,
                                   .contact_user = c->contact_user,
                                   .contact_params = c->contact_params,
                                   .offer = sdp,
                                   .referred_by = c->referred_by,
                                   .replaces = c->replaces,
                                   .rows = c->way.rows,
                                   .on = &party_on,
                                   .arg = p};
    struct leg_id id;

    if (leg_call(v->config.ua, shard_worker(sh), &lc, &id)) {
        stillborn(p, sh, 500);
        return;
    }
    if (sound_end_follow(v->config.sound, end, id.shard)) /* its events would come to the wrong place */
        (void)leg_end(v->config.ua, shard_worker(sh), id, SLICE_NONE);
}

/* ---- what the end tells ---- */

static unsigned code_for(enum err e)
{
    switch (e) {
    case ERR_UNSUPPORTED:
    case ERR_SYNTAX:
    case ERR_INVALID:
    case ERR_LIMIT: return 488;
    default: return 503; /* no port, no memory, no room in the mixer */
    }
}

static void begin(struct party *p, struct leg *leg)
{
    if (p->begun)
        return;
    p->begun = true;
    p->sh = leg_shard(leg);
    party_record_answered(p, leg);
    if (p->act->begun)
        p->act->begun(p, leg);
}

static void pay(struct party *p, struct leg *leg, struct slice sdp)
{
    enum party_owes owes = p->owes;

    p->owes = OWES_NOTHING;
    if (owes == OWES_INVITE && leg_accept(leg, sdp))
        (void)leg_reject(leg, &(struct leg_refusal){.code = 500});
    else if (owes == OWES_INVITE)
        begin(p, leg);
    else if (owes == OWES_OFFER)
        (void)leg_accept_offer(leg, sdp); /* it may be over by now */
}

static void cannot_pay(struct party *p, struct leg *leg, enum err e)
{
    enum party_owes owes = p->owes;

    p->owes = OWES_NOTHING;
    if (owes == OWES_INVITE)
        (void)leg_reject(leg, &(struct leg_refusal){.code = code_for(e)});
    else if (owes == OWES_OFFER)
        (void)leg_refuse_offer(leg, code_for(e));
}

static void on_description(struct party *p, struct leg *leg, const struct sound_event *e)
{
    if (e->kind == SOUND_SDP)
        pay(p, leg, e->sdp);
    else
        cannot_pay(p, leg, e->e);
}

static void on_sound(void *ctx, struct shard *sh, uint64_t key, const struct sound_event *e)
{
    struct voice *v = ctx;
    struct party *p = party_find(v, key);
    struct leg   *leg;
    bool          due, description;

    if (!p || (e->kind != SOUND_SDP && e->kind != SOUND_FAILED && e->kind != SOUND_TAKEN))
        return;
    due = is_due(p, &description);
    if (p->owes == OWES_CALL) {
        p->owes = OWES_NOTHING;
        if (e->kind == SOUND_SDP)
            send_call(p, sh, e->sdp);
        else
            stillborn(p, sh, code_for(e->e));
        return;
    }
    leg = leg_find(v->config.ua, sh, p->leg);
    if (!leg || leg_state(leg) == LEG_OVER)
        return;
    if (due)
        on_description(p, leg, e);
    else if (!description && e->kind == SOUND_FAILED)
        leg_hang_up(leg, S("SIP;cause=488;text=\"Answer cannot be used\""));
}

/* ---- what the leg tells ---- */

static void on_progress(void *arg, struct leg *leg, unsigned code, struct slice sdp)
{
    struct party *p = arg;

    (void)sdp;
    know_leg(p, leg);
    party_record_rings(p, leg, code);
    if (p->act->rings)
        p->act->rings(p, leg);
    report(p, shard_worker(leg_shard(leg)), code);
}

static void on_offer(void *arg, struct leg *leg, struct slice sdp)
{
    if (ask(arg, sdp, OWES_OFFER))
        (void)leg_refuse_offer(leg, 500);
}

/* Without it there is no sound that both agree on. */
static bool take(struct party *p, struct leg *leg, struct slice answer)
{
    if (p->n_due == PARTY_MAX_DUE || sound_end_take(p->v->config.sound, p->end, answer)) {
        leg_hang_up(leg, SLICE_NONE);
        return false;
    }
    expect(p, false);
    return true;
}

static void on_answer(void *arg, struct leg *leg, unsigned code, struct slice sdp)
{
    struct party *p = arg;

    know_leg(p, leg);
    if (code >= 300 || !take(p, leg, sdp))
        return;
    report(p, shard_worker(leg_shard(leg)), 200);
    begin(p, leg);
}

static void on_refreshed(void *arg, struct leg *leg, struct slice sdp)
{
    party_record_seen(arg, leg);
    if (sdp.n)
        (void)take(arg, leg, sdp);
}

static unsigned on_refer(void *arg, struct leg *leg, const struct leg_refer_in *refer)
{
    struct party *p = arg;

    return p->act->refer ? p->act->refer(p, leg, refer) : 603;
}

static void on_ended(void *arg, struct leg *leg, const struct leg_end *end)
{
    struct party *p = arg;

    sound_end_close(p->v->config.sound, p->end);
    p->end = (struct sound_end){0};
    party_record_ended(p, leg, end);
    report(p, shard_worker(leg_shard(leg)), end->code >= 300 ? end->code : 487);
    if (p->act->ended)
        p->act->ended(p, leg, end);
}

static void on_gone(void *arg, struct leg *leg)
{
    (void)leg;
    party_free(arg);
}

static const struct leg_on party_on = {
    .progress = on_progress,
    .offer = on_offer,
    .answer = on_answer,
    .refreshed = on_refreshed,
    .refer = on_refer,
    .ended = on_ended,
    .gone = on_gone,
};
