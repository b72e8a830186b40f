/* keys.c - keys in the sound itself, where no telephone-event was agreed: two tones each (ITU-T Q.23), said by our own sines,
 * heard by spandsp's detector (Q.24).
 *
 * Room      media.
 * In        the door; media_keys_say() and media_keys_hear() from the frame clock.
 * Touches   m->out.digits, m->out.key; m->ear. */
#include "media/media_priv.h"

#include <stdlib.h>
#include <string.h>

#include <spandsp.h>

enum { LEVEL_DBM0 = -6, STEP = CODEC_RATE_HZ / 100 /* samples between looks: 10 ms */ };

struct ear {
    dtmf_rx_state_t *rx;
    char             down;    /* 0: no key */
    uint32_t         down_ms;
};

/* ---- said ---- */

enum err media_sound_digits(struct media *m, struct slice digits, uint16_t tone_ms)
{
    if (!m->set || !m->p.send)
        return ERR_UNSUPPORTED;
    if (slice_find(digits, '!') != SIZE_MAX) /* a hook flash has no sound */
        return ERR_INVALID;
    return media_queue_digits(m, digits, tone_ms, true);
}

static void begin_key(struct media *m, char key)
{
    struct media_tone pair = {.level_dbm0 = LEVEL_DBM0};

    digit_tones(key, &pair.hz, &pair.hz2);
    (void)tone_init(&m->out.key, &pair, m->rate_hz); /* all of them can be made at 8 kHz */
}

/* The frame that is about to be sent: a key, or the silence behind it, in place of what was to be said. */
bool media_keys_say(struct media *m, int16_t *pcm, size_t n)
{
    struct digit_sender *d = &m->out.digits;
    bool                 begins;
    char                 key;

    if (!d->in_sound || !digit_busy(d))
        return false;
    key = digit_sound(d, m->frame_ms, &begins);
    if (begins)
        begin_key(m, key);
    if (key)
        tone_read(&m->out.key, pcm, n);
    else
        memset(pcm, 0, n * sizeof *pcm);
    if (!digit_busy(d))
        media_tell(m, &(struct media_event){.kind = MEDIA_EVENT_DIGITS_SENT});
    return true;
}

/* ---- heard ---- */

enum err media_ear_open(struct ear **out)
{
    struct ear *e = calloc(1, sizeof *e);

    if (!e)
        return ERR_NOMEM;
    e->rx = dtmf_rx_init(NULL, NULL, NULL);
    if (!e->rx) {
        free(e);
        return ERR_NOMEM;
    }
    *out = e;
    return ERR_OK;
}

void media_ear_close(struct ear *e)
{
    if (!e)
        return;
    (void)dtmf_rx_free(e->rx);
    free(e);
}

static void tell_key(struct media *m, struct ear *e)
{
    media_tell(m, &(struct media_event){.kind = MEDIA_EVENT_DIGIT, .digit = e->down, .ms = e->down_ms});
    e->down = 0;
}

static void look(struct media *m, struct ear *e)
{
    char   got[2] = "";
    size_t n = dtmf_rx_get(e->rx, got, 1);

    if (e->down && dtmf_rx_status(e->rx) != e->down)
        tell_key(m, e);
    if (n) {
        if (e->down)
            tell_key(m, e);
        e->down = got[0];
        e->down_ms = 0;
    }
}

void media_keys_hear(struct media *m, const int16_t *pcm, size_t n)
{
    struct ear *e = m->ear;

    for (size_t at = 0; at < n; at += STEP) {
        size_t take = n - at < STEP ? n - at : STEP;

        (void)dtmf_rx(e->rx, pcm + at, (int)take);
        e->down_ms += (uint32_t)(take * 1000 / CODEC_RATE_HZ);
        look(m, e);
    }
}
