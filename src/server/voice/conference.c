/* conference.c - conferences at the exchange: the focus of RFC 4579, its members, who comes and who goes.
 *
 * Room      server/voice.
 * In        calls to a conference's number or URI, and to the factory; REFERs of members.
 * Out       mixers of server/sound; calls of our own to whom members ask in.
 * Touches   v->conferences and what hangs on it, under v->lock: members are in as many shards as they are.
 * Must hold a conference lives as long as a party is in it (p->in), called ones included. */
#include <stdio.h>
#include <string.h>

#include "server/voice/voice_priv.h"

/* ---- under the lock ---- */

struct conference *conference_find(struct voice *v, struct slice id)
{
    for (struct list_node *n = list_first(&v->conferences); n; n = list_next(&v->conferences, n)) {
        struct conference *c = LIST_OF(n, struct conference, node);

        if (!c->over && slice_eq(slice_z(c->id), id))
            return c;
    }
    return NULL;
}

static bool enter(struct conference *c, struct party *p)
{
    if (c->n == MEDIA_MIX_MAX)
        return false;
    if (!c->n++)
        c->chair = p->n;
    p->in = c;
    list_append(&c->members, &p->member);
    return true;
}

static struct party *member_of(const struct conference *c, bool (*is)(const struct party *p, struct slice what), struct slice what)
{
    for (struct list_node *n = list_first(&c->members); n; n = list_next(&c->members, n))
        if (is(LIST_OF(n, struct party, member), what))
            return LIST_OF(n, struct party, member);
    return NULL;
}

static bool has_dialog(const struct party *p, struct slice dialog)
{
    return p->dialog_n && slice_eq((struct slice){p->dialog, p->dialog_n}, dialog);
}

/* The number of a URI, where it is a phone's or ours: its user part, unescaped. */
static void put_number(struct buf *b, struct slice uri)
{
    struct uri u;

    if (!uri_parse(uri, &u, NULL))
        uri_put_user_key(b, &u);
}

static bool has_number(const struct party *p, struct slice number)
{
    char       room[3 * VOICE_URI_OCTETS];
    struct buf b = BUF_ON(room);

    put_number(&b, (struct slice){p->uri, p->uri_n});
    return number.n && slice_eq(buf_slice(&b), number);
}

/* ---- beginning and end ---- */

static void conference_free(struct conference *c)
{
    sound_mix_close(c->v->config.sound, c->mix);
    mem_free(c->v->config.mem, c, sizeof *c);
}

static enum err conference_new(struct voice *v, struct slice id, struct slice host, struct conference **out)
{
    struct conference *c;
    enum err           e;

    if (id.n > VOICE_MAX_NUMBER || host.n >= VOICE_HOST_OCTETS)
        return ERR_LIMIT;
    if (!(c = mem_zalloc(v->config.mem, sizeof *c)))
        return ERR_NOMEM;
    if ((e = sound_mix_open(v->config.sound, &c->mix))) {
        mem_free(v->config.mem, c, sizeof *c);
        return e;
    }
    c->v = v;
    memcpy(c->id, id.p, id.n);
    memcpy(c->host, host.p, host.n);
    c->ad_hoc = slice_starts(id, S(VOICE_AD_HOC));
    list_init(&c->members);
    *out = c;
    return ERR_OK;
}

void conferences_close(struct voice *v)
{
    for (struct list_node *n; (n = list_pop(&v->conferences));)
        conference_free(LIST_OF(n, struct conference, node));
}

/* The conference of that id, made where there is none, with p in it. ERR_FULL: it has as many as it may. */
static enum err join(struct voice *v, struct party *p, struct slice id, struct slice host)
{
    struct conference *fresh = NULL, *c;
    enum err           e = conference_new(v, id, host, &fresh); /* before the lock; mostly it is the one */
    bool               entered;

    if (e)
        return e;
    spin_lock(&v->lock);
    if (!(c = conference_find(v, id))) {
        list_append(&v->conferences, &fresh->node);
        c = fresh;
        fresh = NULL;
    }
    entered = enter(c, p);
    spin_unlock(&v->lock);
    if (fresh)
        conference_free(fresh);
    if (entered)
        conference_tell(v, id);
    return entered ? ERR_OK : ERR_FULL;
}

static void remember_left(struct conference *c, const struct party *p)
{
    struct left *l = &c->left[c->n_left++ % CONFERENCE_LEFT];

    l->n = p->n;
    l->uri_n = p->uri_n;
    memcpy(l->uri, p->uri, p->uri_n);
}

/* Out of it; the last one takes it along. */
static void leave(struct party *p)
{
    struct conference *c = p->in;
    struct voice      *v = p->v;
    bool               last;
    char               id[VOICE_MAX_NUMBER + 1];

    if (!c)
        return;
    memcpy(id, c->id, sizeof id);
    spin_lock(&v->lock);
    list_remove(&p->member);
    p->in = NULL;
    remember_left(c, p);
    last = --c->n == 0;
    if (last)
        list_remove(&c->node);
    else if (c->chair == p->n) /* the one who has been there for longest may put others out now */
        c->chair = LIST_OF(list_first(&c->members), struct party, member)->n;
    spin_unlock(&v->lock);
    if (last)
        conference_free(c);
    conference_tell(v, slice_z(id));
}

/* Who has opened it goes: all others have to (RFC 4579 §5.12). */
static void close_all(struct conference *c, struct leg *leg)
{
    struct leg_id ids[MEDIA_MIX_MAX];
    size_t        n = 0;
    struct voice *v = c->v;

    spin_lock(&v->lock);
    c->over = true;
    for (struct list_node *m = list_first(&c->members); m; m = list_next(&c->members, m))
        ids[n++] = LIST_OF(m, struct party, member)->leg;
    spin_unlock(&v->lock);
    for (size_t i = 0; i < n; i++)
        if (ids[i].n && !leg_id_eq(ids[i], leg_id(leg)))
            (void)leg_end(v->config.ua, shard_worker(leg_shard(leg)), ids[i], S("SIP;cause=200;text=\"The conference is over\""));
}

/* ---- a member's call ---- */

static void on_begun(struct party *p, struct leg *leg)
{
    const struct dialog *d = leg_dialog(leg);
    struct buf           b = BUF_ON(p->dialog);
    bool                 over;

    spin_lock(&p->v->lock);
    buf_puts(&b, d->call_id, S(" "), d->local_tag, S(" "), d->remote_tag);
    p->dialog_n = buf_err(&b) ? 0 : b.n;
    over = p->in->over;
    spin_unlock(&p->v->lock);
    if (over)
        leg_hang_up(leg, S("SIP;cause=200;text=\"The conference is over\""));
    else
        sound_mix_signal(p->v->config.sound, p->in->mix, SOUND_ENTERED);
    conference_tell(p->v, slice_z(p->in->id));
}

static void on_ended(struct party *p, struct leg *leg, const struct leg_end *end)
{
    struct conference *c = p->in;

    (void)end;
    if (!c)
        return;
    if (p->begun)
        sound_mix_signal(p->v->config.sound, c->mix, SOUND_LEFT);
    if (leg && c->ad_hoc && c->chair == p->n)
        close_all(c, leg);
    leave(p);
}

/* ---- what members ask for: REFER (RFC 4579 §5.2, §5.5, §5.11) ---- */

static unsigned remove_member(struct party *p, struct leg *leg, const struct leg_refer_in *refer)
{
    char                   room[3 * URI_MAX_OCTETS];
    struct buf             b = BUF_ON(room);
    struct leg_refer_report done = {leg_id(leg), refer->id, 200, SLICE_NONE};
    struct leg_id          gone = LEG_NONE;
    struct party          *m;
    bool                   may;

    put_number(&b, refer->target);
    spin_lock(&p->v->lock);
    may = p->in->chair == p->n;
    m = member_of(p->in, has_number, buf_slice(&b));
    if (m)
        gone = m->leg;
    spin_unlock(&p->v->lock);
    if (!may)
        return 403;
    if (!gone.n)
        return 404;
    (void)leg_end(p->v->config.ua, shard_worker(leg_shard(leg)), gone, S("SIP;cause=200;text=\"Removed from the conference\""));
    (void)leg_refer_report(p->v->config.ua, shard_worker(leg_shard(leg)), &done);
    return 202;
}

static const struct voice_act conference_act;

/* p, who is in it already, is called as that REFER wants. */
static enum err call_member(struct party *p, struct shard *sh, const struct leg_refer_in *refer, const struct voice_way *way)
{
    struct conference *c = p->in;
    char               from[VOICE_MAX_NUMBER + VOICE_HOST_OCTETS + 16];
    struct buf         b = BUF_ON(from);
    struct sound_ask   ask = {.mix = c->mix};
    struct voice_call  call = {.way = *way, .replaces = refer->replaces, .referred_by = refer->referred_by,
                               .contact_user = slice_z(c->id), .contact_params = S(";isfocus")};

    buf_puts(&b, S("<sip:"), slice_z(c->id), S("@"), slice_z(c->host), S(">"));
    call.from = buf_slice(&b);
    return party_call(p, sh, &call, &ask);
}

static void name_member(struct party *p, struct slice uri)
{
    p->uri_n = slice_to(uri, sizeof p->uri).n;
    memcpy(p->uri, uri.p, p->uri_n);
}

static enum err invite(struct party *by, struct leg *leg, const struct leg_refer_in *refer, const struct voice_way *way)
{
    struct conference *c = by->in;
    struct voice      *v = by->v;
    struct party      *p;
    enum err           e = party_new(v, &conference_act, &p);
    bool               entered;

    if (e)
        return e;
    p->report = (struct voice_report){leg_id(leg), refer->id};
    name_member(p, refer->target);
    spin_lock(&v->lock);
    entered = enter(c, p);
    spin_unlock(&v->lock);
    if (entered && !(e = call_member(p, leg_shard(leg), refer, way))) {
        conference_tell(v, slice_z(c->id));
        return ERR_OK;
    }
    leave(p);
    party_free(p);
    return e ? e : ERR_FULL;
}

unsigned conference_refer(struct voice *v, struct shard *sh, const struct voice_asked *asked)
{
    struct party *p;
    enum err      e = party_new(v, &conference_act, &p);

    if (e)
        return 500;
    name_member(p, asked->refer->target);
    p->referral = asked->referral;
    if (!(e = join(v, p, asked->number, asked->host)) && !(e = call_member(p, sh, asked->refer, asked->way)))
        return 0;
    leave(p);
    party_free(p);
    return e == ERR_FULL ? 486 : 500;
}

static unsigned on_refer(struct party *p, struct leg *leg, const struct leg_refer_in *refer)
{
    struct voice_way way;
    unsigned         code;

    if (refer->bye)
        return remove_member(p, leg, refer);
    if ((code = p->v->config.reach(p->v->config.ctx, leg_shard(leg), refer->target, &way)))
        return code;
    switch (invite(p, leg, refer, &way)) {
    case ERR_OK: return 202;
    case ERR_FULL: return 486;
    default: return 500;
    }
}

static const struct voice_act conference_act = {.begun = on_begun, .refer = on_refer, .ended = on_ended};

/* ---- who calls ---- */

/* RFC 3911 §4: it must name a dialog of ours in this conference. 0, or the code that it deserves. */
static unsigned judge_join(struct voice *v, const struct msg *m, struct slice number)
{
    char               room[VOICE_ID_OCTETS];
    struct buf         b = BUF_ON(room);
    struct dialog_ref  ref;
    struct conference *c;
    bool               there;

    if (!msg_has(m, HDR_JOIN))
        return 0;
    if (msg_element_count(m, HDR_JOIN) != 1 || msg_has(m, HDR_REPLACES) || msg_dialog_ref(m, HDR_JOIN, &ref))
        return 400;
    buf_puts(&b, ref.call_id, S(" "), ref.to_tag, S(" "), ref.from_tag);
    spin_lock(&v->lock);
    c = conference_find(v, number);
    there = c && !buf_err(&b) && member_of(c, has_dialog, buf_slice(&b));
    spin_unlock(&v->lock);
    return there ? 0 : 481;
}

unsigned conference_incoming(struct voice *v, struct leg *leg, const struct voice_in *call)
{
    struct sound_ask ask = {.play = {.what = SOUND_SILENCE}};
    unsigned         code = judge_join(v, call->in->m, call->number);
    struct party    *p;
    enum err         e;

    if (code)
        return code;
    if (party_new(v, &conference_act, &p))
        return 500;
    party_record_set(p, call->record);
    name_member(p, call->from);
    if ((e = join(v, p, call->number, voice_host_of(call->in->m->uri))))
        goto fail;
    ask.mix = p->in->mix;
    if ((e = leg_set_contact(leg, call->number, S(";isfocus"))) || (e = party_answer(p, leg, call->in->offer, &ask)))
        goto fail;
    return 0;
fail:
    leave(p);
    party_free(p);
    return e == ERR_FULL ? 486 : 500;
}

/* RFC 4579 §5.4: a room for who asks, and where it is. */
unsigned factory_incoming(struct voice *v, struct leg *leg, const struct voice_in *call)
{
    char               room[VOICE_MAX_NUMBER + VOICE_HOST_OCTETS + 16];
    struct buf         b = BUF_ON(room);
    struct slice       host = voice_host_of(call->in->m->uri);
    struct leg_refusal moved = {.code = 302, .contact_params = S(";isfocus")};

    (void)v;
    buf_puts(&b, S("sip:" VOICE_AD_HOC));
    stack_put_token(shard_rng(leg_shard(leg)), &b);
    buf_puts(&b, S("@"), host);
    if (!host.n || buf_err(&b))
        return 400;
    moved.contact = buf_slice(&b);
    return leg_reject(leg, &moved) ? 500 : 0;
}
