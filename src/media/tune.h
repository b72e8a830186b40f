/* tune.h - a tune of our own, computed as it is played: for who waits, where nobody has given other music. 16-bit samples. */
#ifndef MEDIA_TUNE_H
#define MEDIA_TUNE_H

#include <stddef.h>
#include <stdint.h>

struct tune {
    uint32_t rate_hz;
    uint32_t beat;      /* samples of one */
    uint32_t at;        /* samples into the beat */
    size_t   note;      /* which of the tune is sounding */
    double   phase[2], step[2]; /* radians: melody and bass */
    double   level;     /* of the melody's note, which fades away */
    double   fade;      /* its factor a sample */
};

void tune_init(struct tune *t, uint32_t rate_hz);
void tune_read(struct tune *t, int16_t *pcm, size_t n);

#endif
