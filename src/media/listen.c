/* listen.c - what is done with what is heard: recorded, measured.
 *
 * Room      media.
 * In        the door; media_write_sinks() for each frame that is heard.
 * Touches   m->recorder, m->meter, m->told. */
#include "media/media_priv.h"

#define SAME_TONE_HZ 15

static bool was_told(const struct media *m, uint16_t hz)
{
    for (size_t i = 0; i < m->n_told; i++)
        if (hz + SAME_TONE_HZ >= m->told[i] && hz <= m->told[i] + SAME_TONE_HZ)
            return true;
    return false;
}

static void tell_tones(struct media *m)
{
    for (size_t i = 0; i < m->meter->n_heard; i++) {
        const struct media_heard *h = &m->meter->heard[i];

        if (h->heard_ms < TOLD_TONE_MS || m->n_told == MAX_TOLD || was_told(m, h->hz))
            continue;
        m->told[m->n_told++] = h->hz;
        media_tell(m, &(struct media_event){.kind = MEDIA_EVENT_TONE, .hz = h->hz, .ms = h->heard_ms});
    }
}

/* All of them are at 8 kHz. */
void media_write_sinks(struct media *m, const int16_t *pcm, size_t n)
{
    const bool keys = m->ear && !m->p.events;
    int16_t    narrow[CODEC_MAX_FRAME];

    if ((m->meter || m->recorder || keys) && m->rate_hz == WIDE_RATE_HZ) {
        n = rate_change(m->to_narrow, pcm, n, narrow, CODEC_MAX_FRAME);
        pcm = narrow;
    }
    if (keys)
        media_keys_hear(m, pcm, n);
    if (m->meter) {
        meter_write(m->meter, pcm, n);
        tell_tones(m);
    }
    if (m->recorder && wav_write(m->recorder, pcm, n)) {
        wav_write_close(m->recorder);
        m->recorder = NULL;
        media_tell(m, &(struct media_event){.kind = MEDIA_EVENT_FAILED});
    }
}

enum err media_record(struct media *m, const char *path)
{
    struct wav_writer *w = NULL;
    enum err           e = path ? wav_write_open(&w, m->c.mem, path) : ERR_OK;

    if (e)
        return e;
    wav_write_close(m->recorder);
    m->recorder = w;
    return ERR_OK;
}

enum err media_listen(struct media *m, const uint16_t *hz, size_t n)
{
    struct meter *meter = mem_alloc(m->c.mem, sizeof *meter);
    enum err      e = meter ? meter_init(meter, hz, n) : ERR_NOMEM;

    if (e) {
        mem_free(m->c.mem, meter, sizeof *meter);
        return e;
    }
    mem_free(m->c.mem, m->meter, sizeof *m->meter);
    m->meter = meter;
    m->n_told = 0;
    return ERR_OK;
}

size_t media_heard(const struct media *m, struct media_heard *out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; m->meter && i < m->meter->n_heard; i++) {
        size_t at = n < max ? n++ : max;

        if (at == max && (max == 0 || out[--at].heard_ms >= m->meter->heard[i].heard_ms))
            continue; /* no room, and the shortest there is not shorter */
        for (; at > 0 && out[at - 1].heard_ms < m->meter->heard[i].heard_ms; at--)
            out[at] = out[at - 1];
        out[at] = m->meter->heard[i];
    }
    return n;
}

uint32_t media_heard_ms(const struct media *m, uint16_t hz)
{
    const struct media_heard *h = m->meter ? meter_find(m->meter, hz, SAME_TONE_HZ) : NULL;

    return h ? h->heard_ms : 0;
}
