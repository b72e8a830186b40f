/* pieces.c - memory for AORs and records: pieces cut from large chunks, without an allocator's head and rounding on each.
 *
 * Room      server/location.
 * Pieces    what is given back is kept by size and handed out again; chunks go back when the location is closed. Records of one
 *           kind of phone have one size, so little is left lying about. Larger ones are the heap's own.
 * Put by    what readers may be looking at lies on a shelf until its grace is over. Each that is put by takes two of those that
 *           have had theirs along, so that nobody ever has many to give back.
 * Touches   the struct pieces, under its lock; a chunk is made before the lock is taken. */
#include "server/location/location_priv.h"

enum { CHUNK_OCTETS = 65536 - 16 }; /* with the heap's head two to the power of something */

struct piece_chunk {
    struct piece_chunk *next;
};

struct piece {
    struct piece *next;
};

static size_t steps_of(size_t octets)
{
    return (octets + PIECE_STEP - 1) / PIECE_STEP;
}

/* Off the list of its size, or off the newest chunk; NULL when neither has one. */
static void *take(struct pieces *p, size_t steps)
{
    struct piece *was = p->free[steps];
    char         *at = p->at;

    if (was) {
        p->free[steps] = was->next;
        return was;
    }
    if ((size_t)(p->end - p->at) < steps * PIECE_STEP)
        return NULL;
    p->at += steps * PIECE_STEP;
    return at;
}

static void keep(struct pieces *p, void *piece, size_t steps)
{
    struct piece *to = piece;

    if (steps == 0)
        return;
    to->next = p->free[steps];
    p->free[steps] = to;
}

/* Only when take() finds nothing: then what is left of the chunk before is a piece that can be kept. */
static void begin_chunk(struct pieces *p, struct piece_chunk *c)
{
    size_t left = (size_t)(p->end - p->at);

    keep(p, p->at, left / PIECE_STEP);
    c->next = p->chunks;
    p->chunks = c;
    p->at = (char *)(c + 1);
    p->end = (char *)c + CHUNK_OCTETS;
}

void *pieces_alloc(struct pieces *p, size_t octets)
{
    size_t             steps = steps_of(octets);
    struct piece_chunk *c;
    void              *piece;

    if (steps > PIECE_SIZES)
        return mem_alloc(p->mem, octets);
    spin_lock(&p->lock);
    piece = take(p, steps);
    spin_unlock(&p->lock);
    if (piece || !(c = mem_alloc(p->mem, CHUNK_OCTETS)))
        return piece;
    spin_lock(&p->lock);
    piece = take(p, steps); /* another worker may have been faster */
    if (!piece) {
        begin_chunk(p, c);
        c = NULL;
        piece = take(p, steps);
    }
    spin_unlock(&p->lock);
    mem_free(p->mem, c, CHUNK_OCTETS);
    return piece;
}

void pieces_free(struct pieces *p, void *piece, size_t octets)
{
    size_t steps = steps_of(octets);

    if (!piece)
        return;
    if (steps > PIECE_SIZES) {
        mem_free(p->mem, piece, octets);
        return;
    }
    spin_lock(&p->lock);
    keep(p, piece, steps);
    spin_unlock(&p->lock);
}

/* ---- put by ---- */
static void lay_by(struct pieces *p, struct shown *s)
{
    bool     over;
    unsigned at = grace_shelf(p->grace, &p->shelves, &over);

    if (over && !p->over) { /* what had its grace before goes first */
        p->over = p->put_by[at];
        p->put_by[at] = NULL;
    }
    s->next = p->put_by[at];
    p->put_by[at] = s;
}

/* The next one that nobody reads any more. A small one is kept for others here, a large one is handed out; NULL: none of these. */
static struct shown *take_over(struct pieces *p)
{
    struct shown *s = p->over;

    if (!s)
        return NULL;
    p->over = s->next;
    if (steps_of(s->octets) > PIECE_SIZES)
        return s;
    keep(p, s, steps_of(s->octets));
    return NULL;
}

void pieces_put_by(struct pieces *p, struct shown *s)
{
    struct shown *large[2];

    spin_lock(&p->lock);
    lay_by(p, s);
    large[0] = take_over(p);
    large[1] = take_over(p);
    spin_unlock(&p->lock);
    for (int i = 0; i < 2; i++)
        if (large[i])
            mem_free(p->mem, large[i], large[i]->octets);
}

static void close_list(struct pieces *p, struct shown *s)
{
    for (struct shown *next; s; s = next) {
        next = s->next;
        if (steps_of(s->octets) > PIECE_SIZES)
            mem_free(p->mem, s, s->octets);
    }
}

void pieces_close(struct pieces *p)
{
    close_list(p, p->over);
    for (int i = 0; i < GRACE_SHELVES; i++)
        close_list(p, p->put_by[i]);
    for (struct piece_chunk *c = p->chunks, *next; c; c = next) {
        next = c->next;
        mem_free(p->mem, c, CHUNK_OCTETS);
    }
    p->chunks = NULL;
}
