/* mix.c - mixers on their media threads.
 *
 * Room      server/sound.
 * Must hold a mixer is freed by its own thread alone, or when all have ended: who finds one there may use it until it returns. */
#include "server/sound/sound_priv.h"

enum { SIGNAL_MS = 200 };

static struct mix *find_locked(struct sound *s, uint64_t n)
{
    for (struct map_node *node = map_find(&s->mixes, sound_hash(n)); node; node = map_find_next(node))
        if (MAP_OF(node, struct mix, by_number)->n == n)
            return MAP_OF(node, struct mix, by_number);
    return NULL;
}

struct mix *mix_find(struct sound *s, uint64_t n)
{
    struct mix *x;

    spin_lock(&s->lock);
    x = find_locked(s, n);
    spin_unlock(&s->lock);
    return x;
}

void mix_free(struct mix *x)
{
    struct sound *s = x->s;

    media_mixer_close(x->mixer);
    spin_lock(&s->lock);
    map_remove(&s->mixes, &x->by_number);
    spin_unlock(&s->lock);
    mem_free(s->config.mem, x, sizeof *x);
}

enum err sound_mix_open(struct sound *s, struct sound_mix *out)
{
    struct mix *x = mem_zalloc(s->config.mem, sizeof *x);
    uint64_t    thread = atomic_load(&s->serial) % s->config.n_nets;
    enum err    e;

    if (!x)
        return ERR_NOMEM;
    if ((e = media_mixer_open(&x->mixer, s->thread[thread].net, s->config.mem))) { /* nothing of the net is touched yet */
        mem_free(s->config.mem, x, sizeof *x);
        return e;
    }
    x->s = s;
    x->n = out->n = sound_number(s, thread);
    x->close = (struct letter){.s = s, .kind = LETTER_MIX_CLOSE, .end = x->n, .mix = x};
    spin_lock(&s->lock);
    map_insert(&s->mixes, &x->by_number, sound_hash(x->n));
    spin_unlock(&s->lock);
    return ERR_OK;
}

void sound_mix_signal(struct sound *s, struct sound_mix mix, enum sound_signal signal)
{
    struct letter *l;

    if (letter_new(s, LETTER_SIGNAL, 0, &l))
        return;
    l->end = mix.n;
    l->signal = signal;
    letter_to_thread(l);
}

void sound_mix_close(struct sound *s, struct sound_mix mix)
{
    struct mix *x;

    spin_lock(&s->lock);
    x = find_locked(s, mix.n);
    if (x && x->closing)
        x = NULL;
    if (x)
        x->closing = true;
    spin_unlock(&s->lock);
    if (x)
        letter_to_thread(&x->close);
}

void mix_do(struct letter *l)
{
    static const struct media_tone tones[] = {
        [SOUND_ENTERED] = {.hz = 880, .hz2 = 1320, .level_dbm0 = -20}, [SOUND_LEFT] = {.hz = 440, .hz2 = 330, .level_dbm0 = -20}};
    struct mix *x = l->mix ? l->mix : mix_find(l->s, l->end);

    if (l->kind == LETTER_MIX_CLOSE) {
        mix_free(x);
        return;
    }
    if (x)
        (void)media_mixer_play_tone(x->mixer, &tones[l->signal], SIGNAL_MS);
    letter_free(l);
}
