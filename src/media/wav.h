/* wav.h - sound files, by libsndfile: read as 16-bit mono at the rate wanted, whatever they are, written as such. */
#ifndef MEDIA_WAV_H
#define MEDIA_WAV_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct wav_reader;
struct wav_writer;

/* ERR_NOTFOUND, ERR_DENIED, ERR_SYNTAX (no sound file, or an empty one), ERR_LIMIT (over 8 channels or 384 kHz), ERR_NOMEM, ERR_IO. */
enum err wav_read_open(struct wav_reader **out, struct mem *mem, const char *path, bool loop);
/* Fill n samples; false when the file ended within them (the rest is silence). Never with loop. */
bool wav_read(struct wav_reader *r, int16_t *pcm, size_t n);
void wav_read_rate(struct wav_reader *r, uint32_t rate_hz); /* from now on; at first it is 8 kHz */
void wav_read_close(struct wav_reader *r);

/* ERR_NOTFOUND (no such folder), ERR_DENIED, ERR_NOMEM, ERR_IO. */
enum err wav_write_open(struct wav_writer **out, struct mem *mem, const char *path);
enum err wav_write(struct wav_writer *w, const int16_t *pcm, size_t n); /* ERR_IO: disk full and the like */
void wav_write_close(struct wav_writer *w); /* NULL is allowed, as in wav_read_close */

#endif
