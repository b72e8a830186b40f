/* park.c - orbits: numbers where a call waits until somebody fetches it (RFC 5359 §2.15).
 *
 * Room      server/voice.
 * In        calls to an orbit: the first is parked there. Who calls then is connected with that phone straight, by server/proxy;
 *           where its phone does not do that, the next call comes here too, and is connected with it.
 *           Calls to the code for the first free one: by who is transferred there, or by who has a call that is to be parked.
 *           REFERs to either, outside of any call.
 * Out       a mixer of server/sound for the two; a call of our own back to who parked it, when nobody comes, and one to who is
 *           to be parked, with Replaces of the call that he has; a message that says where he waits.
 * Touches   v->orbits and what hangs on it, under v->lock: the two are in shards of their own.
 * Must hold an orbit lives as long as one of its two. */
#include <string.h>

#include "server/voice/voice_priv.h"

enum { MAX_TRIED = 1000 }; /* numbers, for a free one */

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

    if (p->job) /* who was to be parked does not come */
        job_done(p->job, end->code >= 300 ? end->code : 480);
    p->job = NULL;
    if (p->sh)
        shard_timer_stop(p->sh, &p->timer);
    leave(p, &left);
    if (leg && left.n)
        (void)leg_end(p->v->config.ua, shard_worker(leg_shard(leg)), left, SLICE_NONE);
}

/* The user part of a URI, for people. */
static void put_number(struct buf *b, struct slice uri)
{
    struct uri u;

    if (!uri_parse(uri, &u, NULL))
        uri_put_escaped_user(b, u.user);
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
    struct sound_ask  ask = {.mix = o->mix};
    struct voice_call call = {.contact_user = slice_z(o->id)};
    struct party     *p;
    enum err          e;

    if (v->config.reach(v->config.ctx, parked->sh, (struct slice){parked->uri, parked->uri_n}, &call.way))
        return ERR_NOTFOUND; /* his phone is away: later, perhaps */
    if ((e = party_new(v, &other_act, &p)))
        return e;
    buf_put(&b, S("\"Parked: "));
    put_number(&b, leg_remote_uri(leg));
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

/* Where who waits is to be found, for the other one. */
static void know_parked(struct party *p)
{
    spin_lock(&p->v->lock);
    p->orbit->parked_end = p->end;
    p->orbit->parked_leg = p->leg;
    spin_unlock(&p->v->lock);
}

/* "alice waits at 701", to who has parked it by the code: which number it would be he could not know. */
static void tell_where(struct party *p, struct leg *leg)
{
    char              words[2 * VOICE_URI_OCTETS], uri[VOICE_MAX_NUMBER + VOICE_HOST_OCTETS + 8];
    struct buf        b = BUF_ON(words), from = BUF_ON(uri);
    struct voice_note n = {.to = {p->uri, p->uri_n}};

    if (!p->uri_n)
        return;
    put_number(&b, leg_remote_uri(leg));
    buf_puts(&b, S(" waits at "), slice_z(p->orbit->id));
    buf_puts(&from, S("sip:"), slice_z(p->orbit->id), S("@"), slice_z(p->orbit->host));
    n.text = buf_slice(&b);
    n.from = buf_slice(&from);
    if (!buf_err(&b) && !buf_err(&from))
        p->v->config.message(p->v->config.ctx, leg_shard(leg), &n);
}

static void on_parked_begun(struct party *p, struct leg *leg)
{
    know_parked(p);
    if (p->job)
        job_done(p->job, 0);
    p->job = NULL;
    if (p->by_code)
        tell_where(p, leg);
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

/* It has a place in an orbit; the leg is answered. */
static enum err take(struct party *p, struct leg *leg, const struct voice_in *call)
{
    struct sound_ask ask = {.play = {.what = SOUND_SILENCE}, .mix = p->orbit->mix};
    bool             is_parked = p->orbit->parked == p;
    enum err         e;

    p->act = is_parked ? &parked_act : &other_act;
    p->no_replaces = !msg_has_token(call->in->m, HDR_SUPPORTED, S("replaces"));
    if (is_parked) {
        ask.play.what = SOUND_MUSIC;
        keep_parker(p, call);
    }
    if ((e = party_answer(p, leg, call->in->offer, &ask)))
        return e;
    spin_lock(&p->v->lock);
    if (!is_parked)
        p->orbit->other_leg = p->leg;
    spin_unlock(&p->v->lock);
    if (is_parked)
        know_parked(p);
    return ERR_OK;
}

static void give_up(struct party *p)
{
    struct leg_id none;

    leave(p, &none);
    party_free(p);
}

unsigned park_incoming(struct voice *v, struct leg *leg, const struct voice_in *call)
{
    struct party *p;
    enum err      e;

    if (call->in->replaces.n)
        return 481; /* it would put out who waits (RFC 3891): he is fetched by server/proxy */
    if (party_new(v, &parked_act, &p))
        return 500;
    party_record_set(p, call->record);
    if (!(e = enter(v, p, call->number, voice_host_of(call->in->m->uri))))
        e = take(p, leg, call);
    if (!e)
        return 0;
    give_up(p);
    return e == ERR_BUSY ? 486 : 500;
}

/* ---- the first free one ---- */

static bool is_free(struct voice *v, const struct directory_view *view, struct slice number)
{
    bool taken;

    spin_lock(&v->lock);
    taken = find(v, number) != NULL;
    spin_unlock(&v->lock);
    return !taken && !directory_user(view, number);
}

/* p waits there now. ERR_BUSY: all are taken. */
static enum err enter_free(struct voice *v, struct party *p, struct slice host)
{
    const struct directory_view *view = directory_take(v->config.directory);
    struct slice                 pattern = slice_z(v->config.numbers.pattern[VOICE_PARK]);
    char                         number[VOICE_MAX_NUMBER];
    struct buf                   b = BUF_ON(number);
    enum err                     e = ERR_BUSY;

    for (uint32_t i = 0; e == ERR_BUSY && i < MAX_TRIED && voice_number_nth(pattern, i, &b) == ERR_OK; i++) {
        if (is_free(v, view, buf_slice(&b)) && !(e = enter(v, p, buf_slice(&b), host)) && p->orbit->parked != p) {
            struct leg_id none;

            leave(p, &none); /* somebody else was faster */
            e = ERR_BUSY;
        }
        buf_reset(&b);
    }
    directory_give(view);
    return e;
}

/* The call that he has: the one in which something was said last (he has put it on hold). Texts in the scratch arena. */
struct search {
    struct slice     caller, except; /* his number; a Call-ID */
    struct dialog_id id;
    enum dialog_side side;           /* his */
    int64_t          seen_ms;
};

static bool look(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    struct search   *s = arg;
    enum dialog_side his = slice_eq(r->side[DIALOG_CALLER].number, s->caller) ? DIALOG_CALLER : DIALOG_CALLEE;

    if (r->state != DIALOG_CONFIRMED || r->side[dialogs_other(his)].own || slice_eq(r->call_id, s->except) || r->seen_ms < s->seen_ms)
        return true;
    s->id = id;
    s->side = his;
    s->seen_ms = r->seen_ms;
    return true;
}

/* How its other end is called: straight, by the call that is there. */
static enum err fill_call(struct shard *sh, const struct party *p, const struct dialog_record *r, enum dialog_side his, struct voice_call *call)
{
    const struct dialog_party *to = &r->side[dialogs_other(his)], *from = &r->side[his];
    struct dialog_ref          ref = {.call_id = r->call_id, .to_tag = to->tag, .from_tag = from->tag};
    size_t                     octets = 2 * DIALOGS_TEXT_OCTETS + sizeof p->uri + 256;
    char                      *room = arena_alloc(shard_scratch(sh), 5 * octets);
    struct buf                 b[5];

    if (!room || to->flow.n != sizeof call->way.flow)
        return room ? ERR_NOTFOUND : ERR_NOMEM;
    for (size_t i = 0; i < 5; i++)
        buf_init(&b[i], room + i * octets, octets);
    memcpy(&call->way.flow, to->flow.p, sizeof call->way.flow);
    buf_puts(&b[0], S("<"), to->uri, S(">"));
    if (to->route.n)
        msg_put_row(&b[1], HDR_ROUTE, to->route);
    buf_puts(&b[2], S("<sip:"), slice_z(p->orbit->id), S("@"), slice_z(p->orbit->host), S(">"));
    dialog_ref_put(&b[3], HDR_REPLACES, &ref);
    buf_puts(&b[4], S("<"), (struct slice){p->uri, p->uri_n}, S(">"));
    call->way.number = to->number;
    call->way.target = to->target;
    call->way.to = buf_slice(&b[0]);
    call->way.rows = buf_slice(&b[1]);
    call->from = buf_slice(&b[2]);
    call->replaces = buf_slice(&b[3]);
    call->referred_by = buf_slice(&b[4]);
    call->contact_user = slice_z(p->orbit->id);
    return ERR_OK;
}

/* Its other end is called, to wait in p's place. */
static enum err call_over(struct party *p, struct leg *leg, const struct search *s)
{
    struct shard        *sh = leg_shard(leg);
    struct sound_ask     ask = {.play = {.what = SOUND_MUSIC}, .mix = p->orbit->mix};
    struct voice_call    call = {.octets = 0};
    struct dialog_record r;
    enum err             e;

    if ((e = dialogs_get(p->v->config.dialogs, s->id, shard_scratch(sh), &r)))
        return e;
    if (r.side[dialogs_other(s->side)].no_replaces)
        return ERR_UNSUPPORTED;
    if ((e = fill_call(sh, p, &r, s->side, &call)))
        return e;
    return party_call(p, sh, &call, &ask);
}

static unsigned code_for(enum err e)
{
    switch (e) {
    case ERR_OK: return 0;
    case ERR_BUSY: return 486;        /* all places are taken */
    case ERR_NOTFOUND: return 480;    /* there is no call to park */
    case ERR_UNSUPPORTED: return 488; /* its phone cannot do Replaces */
    default: return 500;
    }
}

/* Who calls the code has a call that is to be parked. He hears beeps when it is. */
static unsigned park_his(struct voice *v, struct leg *leg, const struct voice_in *call, struct slice host)
{
    struct search s = {.caller = call->caller, .except = leg_call_id(leg)};
    struct party *p;
    enum err      e;

    if (!s.caller.n)
        return 403;
    if (dialogs_each_of(v->config.dialogs, s.caller, look, &s) || party_new(v, &parked_act, &p))
        return 500;
    p->by_code = true;
    p->uri_n = slice_to(call->from, sizeof p->uri).n;
    memcpy(p->uri, call->from.p, p->uri_n);
    e = s.id.gen ? enter_free(v, p, host) : ERR_NOTFOUND;
    if (!e && !(p->job = job_begin(v, leg, call)))
        e = ERR_NOMEM;
    if (!e && !(e = call_over(p, leg, &s)))
        return 0;
    if (p->job)
        job_drop(p->job);
    p->job = NULL;
    give_up(p);
    return code_for(e);
}

unsigned park_free_incoming(struct voice *v, struct leg *leg, const struct voice_in *call)
{
    struct slice  host = voice_host_of(call->in->m->uri);
    struct party *p;
    enum err      e;

    if (call->in->replaces.n)
        return 481;
    if (!call->transferred_by.n && !call->in->referred_by.n)
        return park_his(v, leg, call, host);
    if (party_new(v, &parked_act, &p))
        return 500;
    party_record_set(p, call->record);
    p->by_code = true;
    if (!(e = enter_free(v, p, host))) {
        party_record_number(p, leg_shard(leg), slice_z(p->orbit->id));
        if (!(e = leg_set_contact(leg, slice_z(p->orbit->id), SLICE_NONE)))
            e = take(p, leg, call);
    }
    if (!e)
        return 0;
    give_up(p);
    return code_for(e);
}

/* ---- by a REFER to the place itself ---- */

static enum err call_asked(struct party *p, struct shard *sh, const struct voice_asked *asked)
{
    struct sound_ask  ask = {.play = {.what = SOUND_MUSIC}, .mix = p->orbit->mix};
    struct voice_call call = {.way = *asked->way, .replaces = asked->refer->replaces, .referred_by = asked->refer->referred_by,
                              .contact_user = slice_z(p->orbit->id)};
    char              from[VOICE_MAX_NUMBER + VOICE_HOST_OCTETS + 16];
    struct buf        b = BUF_ON(from);

    buf_puts(&b, S("<sip:"), slice_z(p->orbit->id), S("@"), slice_z(p->orbit->host), S(">"));
    call.from = buf_slice(&b);
    return party_call(p, sh, &call, &ask);
}

unsigned park_refer(struct voice *v, struct shard *sh, const struct voice_asked *asked)
{
    struct party *p;
    enum err      e;

    if (party_new(v, &parked_act, &p))
        return 500;
    p->referral = asked->referral;
    p->uri_n = slice_to(asked->from, sizeof p->uri).n;
    memcpy(p->uri, asked->from.p, p->uri_n);
    if (slice_eq(voice_app_of(v, asked->number), voice_app_name(VOICE_PARK)))
        e = enter(v, p, asked->number, asked->host);
    else
        e = enter_free(v, p, asked->host), p->by_code = true;
    if (!e && p->orbit->parked != p)
        e = ERR_BUSY; /* somebody waits there already */
    if (!e && !(e = call_asked(p, sh, asked)))
        return 0;
    give_up(p);
    return code_for(e);
}
