/* play.c - what is said: silence, a tone, a file.
 *
 * Room      media.
 * In        the door; media_read_source() from the frame clock.
 * Touches   m->source. */
#include "media/media_priv.h"

#include <string.h>

void media_close_source(struct media *m)
{
    if (m->source.kind == SOURCE_FILE)
        wav_read_close(m->source.file);
    m->source.kind = SOURCE_SILENCE;
}

void media_read_source(struct media *m, int16_t *pcm, size_t n)
{
    switch (m->source.kind) {
    case SOURCE_SILENCE:
        memset(pcm, 0, n * sizeof *pcm);
        break;
    case SOURCE_TONE:
        tone_read(&m->source.tone, pcm, n);
        break;
    case SOURCE_TUNE:
        tune_read(&m->source.tune, pcm, n);
        break;
    case SOURCE_FILE:
        if (!wav_read(m->source.file, pcm, n)) {
            media_close_source(m);
            media_tell(m, &(struct media_event){.kind = MEDIA_EVENT_PLAYED});
        }
        break;
    }
}

void media_set_source_rate(struct media *m)
{
    struct media_tone spec = m->source.tone.spec;

    switch (m->source.kind) {
    case SOURCE_SILENCE: break;
    case SOURCE_TONE: (void)tone_init(&m->source.tone, &spec, m->rate_hz); break;
    case SOURCE_TUNE: tune_init(&m->source.tune, m->rate_hz); break;
    case SOURCE_FILE: wav_read_rate(m->source.file, m->rate_hz); break;
    }
}

void media_play_silence(struct media *m)
{
    media_close_source(m);
}

enum err media_play_tone(struct media *m, const struct media_tone *t)
{
    struct tone tone;
    enum err    e = tone_init(&tone, t, CODEC_RATE_HZ); /* what can be made at 8 kHz can be made at 16 */

    if (e)
        return e;
    media_close_source(m);
    m->source.tone = tone;
    m->source.kind = SOURCE_TONE;
    media_set_source_rate(m);
    return ERR_OK;
}

void media_play_tune(struct media *m)
{
    media_close_source(m);
    tune_init(&m->source.tune, m->rate_hz);
    m->source.kind = SOURCE_TUNE;
}

enum err media_play_file(struct media *m, const char *path, bool loop)
{
    struct wav_reader *file;
    enum err           e = wav_read_open(&file, m->c.mem, path, loop);

    if (e)
        return e;
    media_close_source(m);
    m->source.file = file;
    m->source.kind = SOURCE_FILE;
    wav_read_rate(file, m->rate_hz);
    return ERR_OK;
}
