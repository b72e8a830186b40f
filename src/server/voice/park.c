/* park.c - orbits: numbers where a call waits until somebody fetches it (RFC 5359 §2.15).
 *
 * Room      server/voice.
 * In        calls to an orbit: the first is parked there. Who calls then is connected with that phone straight, by server/proxy;
 *           where its phone does not do that, the next call comes here too, and is connected with it.
 * Out       a mixer of server/sound for the two; a call of our own back to who parked it, when nobody comes.
 * Touches   v->orbits and what hangs on it, under v->lock: the two are in shards of their own.
 * Must hold an orbit lives as long as one of its two. */
#include <string.h>

#include "server/voice/voice_priv.h"

struct orbit {
    struct list_node node;
    struct voice    *v;
    char             id[VOICE_MAX_NUMBER + 1];
    char             host[VOICE_HOST_OCTETS];
    struct sound_mix mix;
    bool             talking;          /* the other has answered, or was */
    struct party    *parked, *other;   /* other: fetches it, or is called back; NULL: nobody yet */
    struct sound_end parked_end;
    struct leg_id    parked_leg, other_leg; /* other_leg none: it has not got one yet */
};

/* ---- under the lock ---- */

static struct orbit *find(struct voice *v, struct slice id)
{
    for (struct list_node *n = list_first(&v->orbits); n; n = list_next(&v->orbits, n))
        if (slice_eq(slice_z(LIST_OF(n, struct orbit, node)->id), id))
            return LIST_OF(n, struct orbit, node);
    return NULL;
}

/* ---- beginning and end ---- */

static void orbit_free(struct orbit *o)
{
    sound_mix_close(o->v->config.sound, o->mix);
    mem_free(o->v->config.mem, o, sizeof *o);
}

void orbits_close(struct voice *v)
{
    for (struct list_node *n; (n = list_pop(&v->orbits));)
        orbit_free(LIST_OF(n, struct orbit, node));
}

static enum err orbit_new(struct voice *v, struct slice id, struct slice host, struct orbit **out)
{
    struct orbit *o;
    enum err      e;

    if (id.n > VOICE_MAX_NUMBER || host.n >= VOICE_HOST_OCTETS)
        return ERR_LIMIT;
    if (!(o = mem_zalloc(v->config.mem, sizeof *o)))
        return ERR_NOMEM;
    if ((e = sound_mix_open(v->config.sound, &o->mix))) {
        mem_free(v->config.mem, o, sizeof *o);
        return e;
    }
    o->v = v;
    memcpy(o->id, id.p, id.n);
    memcpy(o->host, host.p, host.n);
    *out = o;
    return ERR_OK;
}

/* p takes its place in that orbit. ERR_BUSY: both are taken. */
static enum err enter(struct voice *v, struct party *p, struct slice id, struct slice host)
{
    struct orbit *fresh = NULL, *o;
    enum err      e = orbit_new(v, id, host, &fresh);

    if (e)
        return e;
    spin_lock(&v->lock);
    if (!(o = find(v, id))) {
        list_append(&v->orbits, &fresh->node);
        o = fresh;
        fresh = NULL;
    }
    if (o->parked && o->other)
        e = ERR_BUSY;
    else if (!o->parked && !o->other)
        o->parked = p;
    else if (o->parked)
        o->other = p;
    else
        e = ERR_BUSY; /* who was parked has just gone, and the other is on his way out */
    if (!e)
        p->orbit = o;
    spin_unlock(&v->lock);
    if (fresh)
        orbit_free(fresh);
    return e;
}

/* Out of it. *left: the call of the one that stays, if it should not. */
static void leave(struct party *p, struct leg_id *left)
{
    struct orbit *o = p->orbit;
    struct voice *v = p->v;
    bool          last;

    *left = LEG_NONE;
    if (!o)
        return;
    p->orbit = NULL;
    spin_lock(&v->lock);
    if (o->parked == p) {
        o->parked = NULL;
        *left = o->other_leg;
    } else {
        o->other = NULL;
        o->other_leg = LEG_NONE;
        if (o->talking) /* it is over for both; else the call goes on waiting */
            *left = o->parked_leg;
    }
    last = !o->parked && !o->other;
    if (last)
        list_remove(&o->node);
    spin_unlock(&v->lock);
    if (last)
        orbit_free(o);
}

static void on_ended(struct party *p, struct leg *leg, const struct leg_end *end)
{
    struct leg_id left;

    (void)end;
    if (p->sh)
        shard_timer_stop(p->sh, &p->timer);
    leave(p, &left);
    if (leg && left.n)
        (void)leg_end(p->v->config.ua, shard_worker(leg_shard(leg)), left, SLICE_NONE);
}

/* ---- called back ---- */

static void on_other_begun(struct party *p, struct leg *leg)
{
    struct orbit    *o = p->orbit;
    struct sound_end end;
    bool             alone;

    spin_lock(&p->v->lock);
    o->other_leg = leg_id(leg);
    o->talking = true;
    end = o->parked_end;
    alone = !o->parked;
    spin_unlock(&p->v->lock);
    if (alone) /* who waited has just hung up */
        leg_hang_up(leg, SLICE_NONE);
    else
        (void)sound_end_play(p->v->config.sound, end, &(struct sound_play){.what = SOUND_SILENCE});
}

static void on_other_rings(struct party *p, struct leg *leg)
{
    spin_lock(&p->v->lock);
    if (p->orbit)
        p->orbit->other_leg = leg_id(leg);
    spin_unlock(&p->v->lock);
}

static const struct voice_act other_act = {.rings = on_other_rings, .begun = on_other_begun, .ended = on_ended};

static enum err call_back(struct party *parked, struct leg *leg)
{
    struct orbit     *o = parked->orbit;
    struct voice     *v = parked->v;
    char              from[2 * VOICE_HOST_OCTETS + VOICE_URI_OCTETS];
    struct buf        b = BUF_ON(from);
    struct uri        u;
    struct sound_ask  ask = {.mix = o->mix};
    struct voice_call call = {.contact_user = slice_z(o->id)};
    struct party     *p;
    enum err          e;

    if (v->config.reach(v->config.ctx, parked->sh, (struct slice){parked->uri, parked->uri_n}, &call.way))
        return ERR_NOTFOUND; /* his phone is away: later, perhaps */
    if ((e = party_new(v, &other_act, &p)))
        return e;
    buf_put(&b, S("\"Parked: "));
    if (!uri_parse(leg_remote_uri(leg), &u, NULL))
        uri_put_escaped_user(&b, u.user);
    buf_puts(&b, S("\" <sip:"), slice_z(o->id), S("@"), slice_z(o->host), S(">"));
    call.from = buf_slice(&b);
    spin_lock(&v->lock);
    if (o->other)
        e = ERR_BUSY;
    else
        o->other = p;
    spin_unlock(&v->lock);
    if (!e) {
        p->orbit = o;
        e = buf_err(&b) ? ERR_LIMIT : party_call(p, parked->sh, &call, &ask);
    }
    if (e) {
        struct leg_id none;

        leave(p, &none);
        party_free(p);
    }
    return e;
}

/* Nobody has come: who parked it is called; has he not answered until the next time, he is let alone until the one after. */
static void on_timer(void *arg)
{
    struct party *p = arg;
    struct voice *v = p->v;
    struct leg   *leg = leg_find(v->config.ua, p->sh, p->leg);
    struct leg_id ringing = LEG_NONE;
    bool          free, talking;

    spin_lock(&v->lock);
    free = !p->orbit->other;
    talking = p->orbit->talking;
    if (!free && !talking)
        ringing = p->orbit->other_leg;
    spin_unlock(&v->lock);
    if (talking || !leg)
        return;
    if (free)
        (void)call_back(p, leg);
    else if (ringing.n)
        (void)leg_end(v->config.ua, shard_worker(p->sh), ringing, SLICE_NONE);
    shard_timer_start(p->sh, &p->timer, v->config.recall_s * 1000u);
}

/* ---- parked ---- */

static void on_parked_begun(struct party *p, struct leg *leg)
{
    (void)leg;
    p->timer = (struct wheel_timer){.fire = on_timer, .arg = p};
    if (p->v->config.recall_s && p->uri_n)
        shard_timer_start(p->sh, &p->timer, p->v->config.recall_s * 1000u);
}

static const struct voice_act parked_act = {.begun = on_parked_begun, .ended = on_ended};

/* Who has parked it: whose transfer the exchange has seen, else by the caller's Referred-By (RFC 3892). */
static void keep_parker(struct party *p, const struct voice_in *call)
{
    struct slice     by = call->transferred_by;
    struct name_addr na;

    if (!by.n && call->in->referred_by.n && name_addr_parse(call->in->referred_by, &na) == ERR_OK)
        by = na.uri;
    if (by.n > sizeof p->uri)
        return;
    memcpy(p->uri, by.p, by.n);
    p->uri_n = by.n;
}

unsigned park_incoming(struct voice *v, struct leg *leg, const struct voice_in *call)
{
    struct sound_ask ask = {.play = {.what = SOUND_SILENCE}};
    struct leg_id    none;
    struct party    *p;
    bool             is_parked;
    enum err         e;

    if (call->in->replaces.n)
        return 481; /* it would put out who waits (RFC 3891): he is fetched by server/proxy */
    if (party_new(v, &parked_act, &p))
        return 500;
    party_record_set(p, call->record);
    if ((e = enter(v, p, call->number, voice_host_of(call->in->m->uri))))
        goto fail;
    is_parked = p->orbit->parked == p;
    p->act = is_parked ? &parked_act : &other_act;
    p->no_replaces = !msg_has_token(call->in->m, HDR_SUPPORTED, S("replaces"));
    ask.mix = p->orbit->mix;
    if (is_parked) {
        ask.play.what = SOUND_MUSIC;
        keep_parker(p, call);
    }
    if ((e = party_answer(p, leg, call->in->offer, &ask)))
        goto fail;
    spin_lock(&v->lock);
    if (is_parked) {
        p->orbit->parked_end = p->end;
        p->orbit->parked_leg = p->leg;
    } else {
        p->orbit->other_leg = p->leg;
    }
    spin_unlock(&v->lock);
    return 0;
fail:
    leave(p, &none);
    party_free(p);
    return e == ERR_BUSY ? 486 : 500;
}
