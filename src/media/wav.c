/* wav.c - sound files.
 *
 * Room      media.
 * How       a file at another rate is brought to 8 kHz by taking the mean of the input samples under each output sample
 *           (linear between two where the file is slower): a plain low-pass, good enough for speech and test tones.
 * Touches   the file. Reads and writes are of some hundred octets, from the page cache. */
#include "media/wav.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <string.h>
#include <unistd.h>

#define RATE_HZ 8000
#define MAX_CHANNELS 8
#define MAX_RATE_HZ 384000
#define BLOCK_FRAMES 512

struct wav_reader {
    struct mem *mem;
    int         fd; /* ours, so that it is closed once whatever libsndfile says; -1: none */
    SNDFILE    *file;
    int         channels, rate_hz;
    bool        loop, ended;
    double      step;       /* input frames for one sample */
    double      at;         /* position of the next sample, in input frames from block[0] */
    size_t      n;          /* in block */
    int16_t     carry;      /* the frame before block[0], for means that begin in it */
    int16_t     block[BLOCK_FRAMES]; /* mixed to mono */
};

struct wav_writer {
    struct mem *mem;
    int         fd; /* ours, so that it is closed once whatever libsndfile says; -1: none */
    SNDFILE    *file;
};

static enum err open_path(const char *path, int flags, int *fd)
{
    *fd = open(path, flags | O_CLOEXEC, 0644);
    if (*fd >= 0)
        return ERR_OK;
    switch (errno) {
    case ENOENT:
    case ENOTDIR: return ERR_NOTFOUND;
    case EACCES:
    case EPERM:
    case EROFS:
    case EISDIR: return ERR_DENIED;
    case ENOMEM: return ERR_NOMEM;
    case EMFILE:
    case ENFILE: return ERR_LIMIT;
    default: return ERR_IO;
    }
}

/* The next block of the file, from its begin again where it loops; false at the end. */
static bool refill(struct wav_reader *r)
{
    int16_t    raw[BLOCK_FRAMES * MAX_CHANNELS];
    sf_count_t got = sf_readf_short(r->file, raw, BLOCK_FRAMES);

    if (got <= 0 && r->loop && sf_seek(r->file, 0, SEEK_SET) == 0)
        got = sf_readf_short(r->file, raw, BLOCK_FRAMES);
    if (got <= 0)
        return false;
    if (r->n)
        r->carry = r->block[r->n - 1];
    r->at -= (double)r->n;
    r->n = (size_t)got;
    for (size_t i = 0; i < r->n; i++) {
        int sum = 0;

        for (int c = 0; c < r->channels; c++)
            sum += raw[i * (size_t)r->channels + (size_t)c];
        r->block[i] = (int16_t)(sum / r->channels);
    }
    return true;
}

static double frame(const struct wav_reader *r, double at)
{
    return at < 0 ? r->carry : r->block[(size_t)at < r->n ? (size_t)at : r->n - 1];
}

/* The sound between `at` and at + step. What reaches over the block's end is cut there: half a sample in 64 ms. */
static int16_t sample(const struct wav_reader *r)
{
    double sum = 0, end = r->at + r->step;

    if (r->step <= 1) {
        double part = r->at - floor(r->at);

        return (int16_t)lrint(frame(r, floor(r->at) - 1) * (1 - part) + frame(r, floor(r->at)) * part);
    }
    for (double from = r->at; from < end;) {
        double to = fmin(floor(from) + 1, end);

        sum += frame(r, floor(from)) * (to - from);
        from = to;
    }
    return (int16_t)lrint(sum / r->step);
}

bool wav_read(struct wav_reader *r, int16_t *pcm, size_t n)
{
    size_t i = 0;

    for (; i < n && !r->ended; i++) {
        while (r->at >= (double)r->n && !r->ended)
            r->ended = !refill(r);
        if (r->ended)
            break;
        pcm[i] = r->step == 1 ? r->block[(size_t)r->at] : sample(r);
        r->at += r->step;
    }
    memset(pcm + i, 0, (n - i) * sizeof *pcm);
    return !r->ended;
}

enum err wav_read_open(struct wav_reader **out, struct mem *mem, const char *path, bool loop)
{
    struct wav_reader *r = mem_zalloc(mem, sizeof *r);
    SF_INFO            info = {0};
    enum err           e;

    if (!r)
        return ERR_NOMEM;
    r->fd = -1;
    r->mem = mem;
    r->loop = loop;
    if ((e = open_path(path, O_RDONLY, &r->fd)))
        goto fail;
    r->file = sf_open_fd(r->fd, SFM_READ, &info, SF_FALSE);
    e = ERR_SYNTAX;
    if (!r->file)
        goto fail;
    e = info.channels > MAX_CHANNELS || info.samplerate > MAX_RATE_HZ ? ERR_LIMIT : ERR_SYNTAX;
    if (e == ERR_LIMIT || info.channels < 1 || info.samplerate < 1)
        goto fail;
    r->channels = info.channels;
    r->rate_hz = info.samplerate;
    wav_read_rate(r, RATE_HZ);
    if (!refill(r))
        goto fail;
    r->carry = r->block[0];
    *out = r;
    return ERR_OK;
fail:
    wav_read_close(r);
    return e;
}

void wav_read_rate(struct wav_reader *r, uint32_t rate_hz)
{
    r->step = (double)r->rate_hz / rate_hz;
}

void wav_read_close(struct wav_reader *r)
{
    if (!r)
        return;
    if (r->file)
        sf_close(r->file);
    if (r->fd >= 0)
        close(r->fd);
    mem_free(r->mem, r, sizeof *r);
}

enum err wav_write_open(struct wav_writer **out, struct mem *mem, const char *path)
{
    struct wav_writer *w = mem_zalloc(mem, sizeof *w);
    SF_INFO            info = {.samplerate = RATE_HZ, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    enum err           e;

    if (!w)
        return ERR_NOMEM;
    w->fd = -1;
    w->mem = mem;
    if ((e = open_path(path, O_RDWR | O_CREAT | O_TRUNC, &w->fd)))
        goto fail;
    w->file = sf_open_fd(w->fd, SFM_WRITE, &info, SF_FALSE);
    e = ERR_IO;
    if (!w->file)
        goto fail;
    *out = w;
    return ERR_OK;
fail:
    wav_write_close(w);
    return e;
}

enum err wav_write(struct wav_writer *w, const int16_t *pcm, size_t n)
{
    return sf_writef_short(w->file, pcm, (sf_count_t)n) == (sf_count_t)n ? ERR_OK : ERR_IO;
}

void wav_write_close(struct wav_writer *w)
{
    if (!w)
        return;
    if (w->file)
        sf_close(w->file); /* writes the length into the head */
    if (w->fd >= 0)
        close(w->fd);
    mem_free(w->mem, w, sizeof *w);
}
