/* end.c - one end on its media thread: descriptions, what is said, what is told.
 *
 * Room      server/sound.
 * In        letters from shards; what the media tells.
 * Out       letters to the end's shard. */
#include "codecs/codecs.h"
#include "server/sound/sound_priv.h"

enum { PTIME_MS = 20 };

/* ---- what the media tells ---- */

static void tell(struct end *e, enum sound_event_kind kind, char digit)
{
    struct letter *l;

    if (!e->ask.on || letter_new(e->t->s, LETTER_EVENT, 0, &l)) /* lost, as the packet could have been */
        return;
    l->event = (struct sound_event){.kind = kind, .digit = digit};
    letter_to_shard(l, e);
}

static void on_media(void *arg, struct media *m, const struct media_event *ev)
{
    struct end *e = arg;

    (void)m;
    switch (ev->kind) {
    case MEDIA_EVENT_HEARD: tell(e, SOUND_HEARD, 0); break;
    case MEDIA_EVENT_SILENT: tell(e, SOUND_SILENT, 0); break;
    case MEDIA_EVENT_DIGIT: tell(e, SOUND_DIGIT, ev->digit); break;
    case MEDIA_EVENT_PLAYED: tell(e, SOUND_PLAYED, 0); break;
    case MEDIA_EVENT_LATCHED:
    case MEDIA_EVENT_DIGITS_SENT:
    case MEDIA_EVENT_TONE:
    case MEDIA_EVENT_FAILED:
    case MEDIA_EVENT_BYE: break; /* SIP says when a call is over */
    }
}

/* ---- what is said ---- */

static void play_tone(struct end *e, struct media_tone tone)
{
    if (media_play_tone(e->media, &tone))
        media_play_silence(e->media);
}

/* The user's file where there is one that can be played, else our own. */
static void play_music(struct end *e)
{
    const char *path = e->t->s->music;

    if (path[0] && media_play_file(e->media, path, true) == ERR_OK)
        return;
    media_play_tune(e->media);
}

static void play(struct end *e, enum sound_what what, const char *path)
{
    switch (what) {
    case SOUND_SILENCE: media_play_silence(e->media); break;
    case SOUND_RINGBACK: play_tone(e, MEDIA_RINGBACK); break;
    case SOUND_BUSY: play_tone(e, MEDIA_BUSY_TONE); break;
    case SOUND_CONFIRM: play_tone(e, MEDIA_CONFIRM_TONE); break;
    case SOUND_MUSIC: play_music(e); break;
    case SOUND_FILE:
        if (media_play_file(e->media, path, false)) {
            media_play_silence(e->media);
            tell(e, SOUND_PLAYED, 0); /* whoever waits for its end goes on */
        }
        break;
    }
}

/* ---- opening ---- */

static enum err join(struct end *e)
{
    struct mix *x = mix_find(e->t->s, e->ask.mix.n);

    return x ? media_join(e->media, x->mixer) : ERR_NOTFOUND;
}

static void open(struct end *e)
{
    const struct sound_config *config = &e->t->s->config;
    struct media_config        mc = {.net = e->t->net,
                                     .mem = config->mem,
                                     .local = e->ask.local,
                                     .port_min = config->port_min,
                                     .port_max = config->port_max,
                                     .seed = rng_u64(config->rng),
                                     .on_event = on_media,
                                     .arg = e};
    struct codec_list all = codecs_all();
    struct sdp_codec  codecs[SDP_MAX_CODECS];
    size_t            n_codecs = codecs_describe(&all, true, codecs);
    struct addr       rtcp;

    if ((e->broken = media_open(&e->media, &mc)))
        return;
    if ((e->broken = sdp_local_init(&e->local, rng_u64(config->rng) >> 2, codecs, n_codecs)))
        return;
    media_local(e->media, &e->local.rtp, &rtcp);
    e->local.rtcp_port = rtcp.port;
    e->local.ptime_ms = PTIME_MS;
    e->local.rtcp_xr = true;
    if (media_srtp_is_there())
        e->local.srtp = e->ask.offers_keys ? SDP_SRTP_OPTIONAL : SDP_SRTP_ANSWER;
    if (e->ask.send_only)
        e->local.dir = SDP_SENDONLY;
    if (e->ask.mix.n)
        e->broken = join(e);
}

/* ---- descriptions ---- */

static enum err use(struct end *e, const struct sdp_agreed *a)
{
    struct media_params p;

    codecs_params(a, &p);
    p.latch = true;
    p.send = a->live && (a->dir & SDP_SENDONLY) && a->rtp.family != ADDR_NONE;
    p.receive = a->live && (a->dir & SDP_RECVONLY);
    if (p.n_formats)
        e->codec = media_codec_name(p.formats[0].codec);
    return media_set(e->media, &p);
}

/* The letter's text becomes our description. */
static enum err answer(struct end *e, struct letter *l)
{
    struct slice      offer = {l->text, l->n};
    char              room[SDP_MAX_WRITTEN];
    struct buf        b = BUF_ON(room), out;
    struct sdp        sdp;
    struct sdp_agreed agreed;
    enum err          err;

    sdp_fresh_keys(&e->local, e->t->s->config.rng);
    if ((err = sdp_parse(offer, &sdp, NULL)) || (err = sdp_answer(&e->local, &sdp, &b, &agreed)) || (err = use(e, &agreed)))
        return err;
    buf_init(&out, l->text, l->cap);
    buf_put(&out, buf_slice(&b));
    l->n = out.n;
    l->event.held = agreed.held;
    return buf_err(&out);
}

static enum err offer(struct end *e, struct letter *l)
{
    struct buf b;
    enum err   err;

    buf_init(&b, l->text, l->cap);
    sdp_fresh_keys(&e->local, e->t->s->config.rng);
    err = sdp_offer(&e->local, &b);
    l->n = b.n;
    return err;
}

static enum err take(struct end *e, struct letter *l)
{
    struct slice      text = {l->text, l->n};
    struct sdp        sdp;
    struct sdp_agreed agreed;
    enum err          err;

    if ((err = sdp_parse(text, &sdp, NULL)) || (err = sdp_apply(&e->local, &sdp, &agreed)))
        return err;
    l->n = 0;
    l->event.held = agreed.held;
    return agreed.live ? use(e, &agreed) : ERR_UNSUPPORTED;
}

static enum err describe(struct end *e, struct letter *l)
{
    if (!e->media || e->broken)
        return e->broken;
    switch (l->kind) {
    case LETTER_OFFER: return offer(e, l);
    case LETTER_ANSWER: return answer(e, l);
    case LETTER_TAKE: return take(e, l);
    case LETTER_OPEN:
    case LETTER_PLAY:
    case LETTER_CLOSE:
    case LETTER_FOLLOW:
    case LETTER_SIGNAL:
    case LETTER_MIX_CLOSE:
    case LETTER_EVENT: break;
    }
    return ERR_INVALID;
}

static void answer_letter(struct end *e, struct letter *l)
{
    enum sound_event_kind kind = l->kind == LETTER_TAKE ? SOUND_TAKEN : SOUND_SDP;

    l->event = (struct sound_event){.kind = kind};
    if ((l->event.e = describe(e, l))) {
        l->event.kind = SOUND_FAILED;
        l->n = 0;
    }
    letter_to_shard(l, e);
}

/* ---- letters ---- */

static void tell_heard(const struct end *e)
{
    const struct sound_config *config = &e->t->s->config;
    struct sound_heard         h = {e->ask.call_id, e->codec, (int64_t)(net_wall_us(e->t->net) / 1000), {0}, {0}};

    if (!config->heard || !h.call_id.n || !e->media)
        return;
    media_quality(e->media, &h.here, &h.there);
    config->heard(config->heard_ctx, &h);
}

void end_do(struct letter *l)
{
    struct end *e = l->opened ? l->opened : sound_find(l->s, l->end);

    if (l->kind == LETTER_CLOSE) {
        tell_heard(e);
        sound_end_free(e);
        return;
    }
    if (!e) {
        letter_free(l); /* closed meanwhile */
        return;
    }
    if (l->kind == LETTER_FOLLOW) {
        e->ask.shard = l->ask.shard;
        letter_free(l);
        return;
    }
    if (l->kind == LETTER_OPEN || l->kind == LETTER_PLAY) {
        if (l->kind == LETTER_OPEN)
            open(e);
        if (e->media && !e->broken)
            play(e, l->play.what, l->text);
        letter_free(l);
        return;
    }
    answer_letter(e, l);
}
