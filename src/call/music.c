/* music.c - who is put on hold hears music, from a server that sends it straight there (RFC 7088).
 *
 * Room      call.
 * How       our re-INVITE asks the held end to offer; what it offers is our offer to the music server, in a call of its own; and
 *           what that answers is our answer to the held end (in the ACK). The music never comes to us. Taking the call back is an
 *           ordinary re-INVITE, and the end of the server's call.
 * In        act.c's hold; tells.c's offer; what the server's leg tells.
 * Must hold whoever is asked for an offer gets an answer: without music it is put on hold as ever. A struct music outlives its
 *           call until its leg has gone; its c is NULL then. */
#include <string.h>

#include "call/call_priv.h"

enum { PATIENCE_MS = 4000 /* for the server to answer: the held end repeats its 2xx meanwhile, and hears nothing */ };

struct music {
    struct list_node node;   /* calls->music */
    struct calls    *calls;
    struct call     *c;      /* NULL: nobody wants it any more */
    struct leg_id    leg;
    bool             plays;
    struct net_timer patience;
    struct slice     theirs; /* what the held end offered: behind this struct */
};

static void music_free(struct music *m)
{
    struct calls *cs = m->calls;

    net_timer_cancel(cs->config.net, &m->patience);
    list_remove(&m->node);
    mem_free(cs->config.mem, m, sizeof *m + m->theirs.n);
}

/* The call has no music any more; its server's leg is ended, and frees it. */
static void let_go(struct music *m)
{
    const struct calls_config *config = &m->calls->config;

    if (m->c)
        m->c->music = NULL;
    m->c = NULL;
    (void)leg_end(config->ua, config->worker, m->leg, SLICE_NONE); /* without memory the server ends it: nobody refreshes */
}

void music_stop(struct call *c)
{
    if (c->music)
        let_go(c->music);
}

void music_close(struct calls *cs)
{
    for (struct list_node *n; (n = list_first(&cs->music));)
        music_free(LIST_OF(n, struct music, node));
}

/* ---- on hold, with it or without ---- */

static void held(struct call *c)
{
    c->offering = false;
    c->on_hold = true;
    call_tell(c, &(struct call_event){.kind = CALL_ON_HOLD});
}

/* There is no music: their offer (a->text) is answered by ourselves, as a hold. */
static void do_without(struct act *a, struct leg *leg)
{
    struct call *c = a->c;
    char         room[SDP_MAX_WRITTEN];
    struct buf   b = BUF_ON(room);
    enum err     e;

    if (!c->offering)
        return;
    call_tell_failed(c, "music", a->code ? ERR_DENIED : ERR_CLOSED, a->code);
    sound_hold(c, true);
    if ((e = sound_answer(c, a->text, &b)) || (e = leg_accept_offer(leg, buf_slice(&b)))) {
        call_tell_failed(c, "hold", e, 0);
        leg_hang_up(leg, S("SIP;cause=488;text=\"Offer cannot be used\"")); /* there is no other way to refuse it */
        return;
    }
    held(c);
}

static void go_without(struct music *m, unsigned code)
{
    struct call *c = m->c;

    m->c = NULL;
    c->music = NULL;
    if (call_errand(c, do_without, code, m->theirs))
        (void)call_hang_up(c); /* without memory for an answer: it must have one */
}

/* The server's answer (a->text) goes to the held end in our name. */
static void do_play(struct act *a, struct leg *leg)
{
    struct call *c = a->c;
    char         room[SDP_MAX_OCTETS];
    struct buf   b = BUF_ON(room);

    if (!c->offering || !c->music)
        return;
    if (sdp_pass(&c->local, a->text, &b) || leg_accept_offer(leg, buf_slice(&b))) {
        struct music *m = c->music;

        go_without(m, 0);
        let_go(m);
        return;
    }
    c->music->plays = true;
    sound_hold(c, true);
    sound_rest(c);
    held(c);
}

/* ---- what the server's leg tells ---- */

static void on_answer(void *arg, struct leg *leg, unsigned code, struct slice sdp)
{
    struct music *m = arg;

    (void)leg;
    net_timer_cancel(m->calls->config.net, &m->patience);
    if (m->c && !m->plays && code < 300 && call_errand(m->c, do_play, 0, sdp)) {
        go_without(m, 0);
        let_go(m);
    }
}

/* It offers anew, or asks whether somebody is there: the held end is where it was. */
static void on_offer(void *arg, struct leg *leg, struct slice sdp)
{
    struct music *m = arg;

    (void)sdp;
    if (leg_accept_offer(leg, m->theirs))
        (void)leg_refuse_offer(leg, 488);
}

static void on_ended(void *arg, struct leg *leg, const struct leg_end *end)
{
    struct music *m = arg;
    struct call  *c = m->c;

    (void)leg;
    if (!c)
        return;
    if (!m->plays) {
        go_without(m, end->code);
        return;
    }
    m->c = NULL; /* it is quiet from here on, and on hold as before */
    c->music = NULL;
    call_tell_failed(c, "music", ERR_CLOSED, 0);
}

static void on_gone(void *arg, struct leg *leg)
{
    struct music *m = arg;

    (void)leg;
    if (m->c)
        m->c->music = NULL;
    music_free(m);
}

static const struct leg_on music_leg_on = {.offer = on_offer, .answer = on_answer, .ended = on_ended, .gone = on_gone};

/* ---- beginning ---- */

static void on_patience(void *arg)
{
    struct music *m = arg;

    if (m->c) {
        go_without(m, 408);
        let_go(m);
    }
}

/* What they offer, but that they shall only listen: then any phone can be the server, and they are on hold as ever. */
static enum err put_listening(struct slice theirs, struct buf *out)
{
    const struct sdp_edit   edit = {.set_dir = true, .dir = SDP_RECVONLY};
    const struct sdp_media *audio;
    struct sdp              sdp;
    enum err                e = sdp_parse(theirs, &sdp, NULL);

    if (e)
        return e;
    audio = sdp_find(&sdp, SDP_AUDIO);
    if (audio && sdp_effective_dir(audio) == SDP_SENDRECV)
        return sdp_rewrite(theirs, &edit, out);
    buf_put(out, theirs);
    return buf_err(out);
}

static struct music *music_new(struct call *c, struct slice theirs)
{
    struct calls *cs = c->calls;
    struct music *m = mem_zalloc(cs->config.mem, sizeof *m + theirs.n);

    if (!m)
        return NULL;
    m->calls = cs;
    m->theirs = (struct slice){(char *)(m + 1), theirs.n};
    m->patience = (struct net_timer){.fire = on_patience, .arg = m};
    memcpy(m + 1, theirs.p, theirs.n);
    list_append(&cs->music, &m->node);
    return m;
}

enum err music_ask(struct call *c, struct leg *leg)
{
    enum err e = leg_offer(leg, SLICE_NONE);

    if (e)
        return e;
    c->asking = c->offering = c->wants_hold = true;
    return ERR_OK;
}

/* ERR_NOMEM and the like: nothing has begun. */
static enum err begin(struct call *c, struct slice theirs)
{
    const struct calls_config *config = &c->calls->config;
    char                       room[SDP_MAX_OCTETS];
    struct buf                 b = BUF_ON(room);
    struct leg_call            lc = {.account = c->account, .target = config->music, .on = &music_leg_on};
    struct music              *m;
    enum err                   e = put_listening(theirs, &b);

    if (e)
        return e;
    if (!(m = music_new(c, buf_slice(&b))))
        return ERR_NOMEM;
    m->c = c;
    c->music = m;
    lc.offer = m->theirs;
    lc.arg = m;
    net_timer_set(config->net, &m->patience, net_now_us(config->net) + PATIENCE_MS * 1000u);
    if ((e = leg_call(config->ua, config->worker, &lc, &m->leg))) {
        c->music = NULL;
        music_free(m);
    }
    return e;
}

void music_on_offer(struct call *c, struct slice theirs)
{
    enum err e = begin(c, theirs);

    c->asking = false;
    if (e && call_errand(c, do_without, 0, theirs))
        (void)call_hang_up(c); /* without memory for an answer: it must have one */
}
