/* mixer.c - several streams together: each hears the sum of all others.
 *
 * Room      media.
 * In        the door; one timer for all members, in place of their own.
 * Out       frames of the members, by the same ways as those of a stream alone (hear.c, send.c).
 * How       a tick takes MIX_MS of sound from each member, adds up those that are not silent, and gives each the sum less its
 *           own part, cut at full scale. Silent members cost nothing but their packets.
 * Must hold a member's callback may close it, other members and the mixer: events are told last, and one by one. */
#include "media/media_priv.h"

#include <string.h>

enum { MIX_MS = 20, MIX_SAMPLES = WIDE_RATE_HZ / 1000 * MIX_MS, MAX_BEHIND_TICKS = 5, SILENT_PEAK = 16 };

struct media_mixer {
    struct net      *net;
    struct mem      *mem;
    struct list      members;
    size_t           n;
    struct net_timer timer;
    uint64_t         due_us;
    uint64_t         tick;
    bool             telling, closed;
    uint32_t         rate_hz;    /* of this tick: 16000 where anybody has wide band, else 8000 */
    size_t           samples;    /* of a tick, at that rate */
    int32_t          sum[MIX_SAMPLES];
    unsigned         speaking;
    struct tone      tone;       /* for all, while tone_ms is not 0 */
    uint32_t         tone_ms;    /* left */
};

static void destroy(struct media_mixer *x)
{
    mem_free(x->mem, x, sizeof *x);
}

static bool is_silent(const int16_t *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (pcm[i] > SILENT_PEAK || pcm[i] < -SILENT_PEAK)
            return false;
    return true;
}

/* From one member's rate to the mixer's, or back. False: there is no memory for it. */
static bool convert(struct rate **r, uint32_t from_hz, uint32_t to_hz, int16_t *pcm)
{
    int16_t before[MIX_SAMPLES];
    size_t  n = from_hz / 1000 * MIX_MS, got;

    if (!*r && rate_open(r, from_hz, to_hz))
        return false;
    memcpy(before, pcm, n * sizeof *pcm);
    got = rate_change(*r, before, n, pcm, MIX_SAMPLES);
    memset(pcm + got, 0, (MIX_SAMPLES - got) * sizeof *pcm);
    return true;
}

static void hear(struct media_mixer *x, struct media *m)
{
    int16_t *pcm = m->mix.heard;
    size_t   n = m->rate_hz / 1000 * MIX_MS;

    m->mix.speaks = media_hear(m, pcm, n) && !is_silent(pcm, n);
    if (m->mix.speaks && m->rate_hz < x->rate_hz)
        m->mix.speaks = convert(&m->mix.up, CODEC_RATE_HZ, WIDE_RATE_HZ, pcm);
    if (!m->mix.speaks)
        return;
    x->speaking++;
    for (size_t i = 0; i < x->samples; i++)
        x->sum[i] += pcm[i];
}

static void add_tone(struct media_mixer *x)
{
    struct media_tone spec = x->tone.spec;
    int16_t           pcm[MIX_SAMPLES];

    if (!x->tone_ms)
        return;
    if (x->tone.rate_hz != x->rate_hz)
        (void)tone_init(&x->tone, &spec, x->rate_hz);
    tone_read(&x->tone, pcm, x->samples);
    x->tone_ms -= x->tone_ms < MIX_MS ? x->tone_ms : MIX_MS;
    x->speaking++;
    for (size_t i = 0; i < x->samples; i++)
        x->sum[i] += pcm[i];
}

static int16_t cut(int32_t v)
{
    return (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
}

/* All but its own voice, and what it is played. */
static void say(const struct media_mixer *x, struct media *m)
{
    bool    others = x->speaking > (m->mix.speaks ? 1u : 0u), own = m->mix.speaks;
    size_t  n = m->rate_hz / 1000 * MIX_MS;
    int16_t mixed[MIX_SAMPLES] = {0}, pcm[MIX_SAMPLES] = {0};

    if (media_sends(m))
        media_read_source(m, pcm, n);
    for (size_t i = 0; others && i < x->samples; i++)
        mixed[i] = cut(x->sum[i] - (own ? m->mix.heard[i] : 0));
    if (others && m->rate_hz < x->rate_hz)
        others = convert(&m->mix.down, WIDE_RATE_HZ, CODEC_RATE_HZ, mixed);
    for (size_t i = 0; others && i < n; i++)
        pcm[i] = cut(mixed[i] + pcm[i]);
    media_say(m, pcm, n);
}

static void choose_rate(struct media_mixer *x)
{
    x->rate_hz = CODEC_RATE_HZ;
    for (struct list_node *n = list_first(&x->members); n; n = list_next(&x->members, n))
        if (LIST_OF(n, struct media, mix.node)->rate_hz > x->rate_hz)
            x->rate_hz = WIDE_RATE_HZ;
    x->samples = x->rate_hz / 1000 * MIX_MS;
}

static struct media *with_news(const struct media_mixer *x)
{
    for (struct list_node *n = list_first(&x->members); n; n = list_next(&x->members, n)) {
        struct media *m = LIST_OF(n, struct media, mix.node);

        if (m->n_events && m->mix.told != x->tick)
            return m;
    }
    return NULL;
}

static void tell(struct media_mixer *x)
{
    struct media *m;

    x->telling = true;
    while (!x->closed && (m = with_news(x))) {
        m->mix.told = x->tick;
        media_deliver(m);
    }
    x->telling = false;
    if (x->closed)
        destroy(x);
}

static void on_tick(void *arg)
{
    struct media_mixer *x = arg;
    uint64_t            now = net_now_us(x->net);

    if (now > x->due_us + MAX_BEHIND_TICKS * MIX_MS * 1000u) /* after a stall: no burst of what was missed */
        x->due_us = now;
    x->due_us += MIX_MS * 1000u;
    net_timer_set(x->net, &x->timer, x->due_us);
    x->tick++;
    x->speaking = 0;
    choose_rate(x);
    memset(x->sum, 0, sizeof x->sum);
    for (struct list_node *n = list_first(&x->members); n; n = list_next(&x->members, n))
        hear(x, LIST_OF(n, struct media, mix.node));
    add_tone(x);
    for (struct list_node *n = list_first(&x->members); n; n = list_next(&x->members, n))
        say(x, LIST_OF(n, struct media, mix.node));
    tell(x);
}

/* ---- the door ---- */

enum err media_mixer_open(struct media_mixer **out, struct net *net, struct mem *mem)
{
    struct media_mixer *x = mem_zalloc(mem, sizeof *x);

    if (!x)
        return ERR_NOMEM;
    x->net = net;
    x->mem = mem;
    x->timer = (struct net_timer){.fire = on_tick, .arg = x};
    list_init(&x->members);
    *out = x;
    return ERR_OK;
}

void media_mixer_close(struct media_mixer *x)
{
    if (!x || x->closed)
        return;
    for (struct list_node *n; (n = list_first(&x->members));)
        media_leave(LIST_OF(n, struct media, mix.node));
    x->closed = true;
    if (!x->telling)
        destroy(x);
}

enum err media_mixer_play_tone(struct media_mixer *x, const struct media_tone *t, uint32_t ms)
{
    struct tone tone;
    enum err    e = tone_init(&tone, t, CODEC_RATE_HZ);

    if (e)
        return e;
    x->tone = tone;
    x->tone_ms = ms;
    return ERR_OK;
}

size_t media_mixer_members(const struct media_mixer *x)
{
    return x->n;
}

enum err media_join(struct media *m, struct media_mixer *x)
{
    if (m->mix.mixer == x)
        return ERR_OK;
    if (x->n == MEDIA_MIX_MAX)
        return ERR_FULL;
    media_leave(m);
    m->mix.mixer = x;
    list_append(&x->members, &m->mix.node);
    media_run(m);
    if (x->n++ == 0) {
        x->due_us = net_now_us(x->net) + MIX_MS * 1000u;
        net_timer_set(x->net, &x->timer, x->due_us);
    }
    return ERR_OK;
}

void media_leave(struct media *m)
{
    struct media_mixer *x = m->mix.mixer;

    if (!x)
        return;
    list_remove(&m->mix.node);
    m->mix.mixer = NULL;
    m->mix.n_said = 0;
    if (--x->n == 0)
        net_timer_cancel(x->net, &x->timer);
    media_run(m);
}
