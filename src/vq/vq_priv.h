/* vq_priv.h - the fields of a report, as reader and writer share them. */
#ifndef VQ_VQ_PRIV_H
#define VQ_VQ_PRIV_H

#include "vq/vq.h"

/* One figure: its line, its name there, where it goes. */
struct vq_field {
    const char *line, *name;
    size_t      at;         /* offset in struct vq_metrics */
    bool        hundredths; /* written with decimals */
    uint32_t    max;        /* more is none */
};
extern const struct vq_field vq_fields[];
extern const size_t          vq_n_fields;

static inline uint32_t *vq_figure(struct vq_metrics *m, const struct vq_field *f)
{
    return (uint32_t *)(void *)((char *)m + f->at);
}

/* "2026-01-31T09:30:05Z", and back: 0 where it is none. */
#define VQ_TIME_OCTETS 20
int64_t vq_read_time(struct slice s);
void    vq_put_time(struct buf *b, int64_t ms);

#endif
