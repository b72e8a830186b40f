/* liken.c - a text as what it shares with another one, line by line, and what it does not.
 *
 * Room      sip/stack.
 * In        a response that is kept while a call rings, and its request, which is kept too: Via, From, To, Call-ID and CSeq
 *           stand in both.
 * Out       octets in scratch.
 * Touches   scratch only.
 *
 * Parts, one behind the other: a head, the octets of one's own, and then come some of the other text. */
#include "sip/stack/stack_priv.h"

#include <string.h>

enum { MAX_LINES = 48, LEAST_SHARED = 16 }; /* what is shorter is not worth its head */

struct part {
    uint16_t own_n; /* octets behind this head      */
    uint16_t at, n; /* and then these of the other  */
};

/* Where the first lines of a text begin, and its end. */
static size_t cut_lines(struct slice text, struct slice line[MAX_LINES])
{
    size_t n = 0;

    while (text.n && n < MAX_LINES) {
        size_t end = slice_find(text, '\n');

        line[n] = end == SIZE_MAX ? text : slice_to(text, end + 1);
        text = slice_from(text, line[n++].n);
    }
    return n;
}

static size_t shared(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n, i = 0;

    while (i < n && a.p[i] == b.p[i])
        i++;
    return i;
}

/* The beginning of a line of `like` that this one has, too; short: none is worth it. */
static struct slice find_shared(struct slice line, const struct slice *like, size_t n_like)
{
    struct slice best = SLICE_NONE;

    for (size_t i = 0; i < n_like; i++) {
        size_t n = shared(line, like[i]);

        if (n > best.n)
            best = slice_to(like[i], n);
    }
    return best;
}

static void put_part(struct buf *b, struct part p, struct slice own)
{
    p.own_n = (uint16_t)own.n;
    buf_puts(b, (struct slice){(const char *)&p, sizeof p}, own);
}

enum err liken(struct arena *scratch, struct slice text, struct slice like, struct slice *out)
{
    struct slice line[MAX_LINES], other[MAX_LINES], own = slice_to(text, 0);
    size_t       n = cut_lines(text, line), n_other = cut_lines(like, other), room = text.n + (n + 1) * sizeof(struct part);
    char        *p = text.n > UINT16_MAX || like.n > UINT16_MAX ? NULL : arena_alloc(scratch, room);
    struct buf   b;

    if (!p)
        return ERR_NOMEM;
    buf_init(&b, p, room);
    for (size_t i = 0; i < n; i++) {
        struct slice same = find_shared(line[i], other, n_other);

        if (same.n < LEAST_SHARED)
            continue;
        own.n = (size_t)(line[i].p - own.p);
        put_part(&b, (struct part){.at = (uint16_t)(same.p - like.p), .n = (uint16_t)same.n}, own);
        own.p = line[i].p + same.n;
    }
    own.n = (size_t)(text.p + text.n - own.p);
    put_part(&b, (struct part){0}, own);
    *out = buf_slice(&b);
    return buf_err(&b);
}

/* False: there is no more. */
static bool take_part(struct slice *rest, struct part *p, struct slice *own)
{
    if (rest->n < sizeof *p)
        return false;
    memcpy(p, rest->p, sizeof *p);
    *rest = slice_from(*rest, sizeof *p);
    *own = slice_to(*rest, p->own_n);
    *rest = slice_from(*rest, p->own_n);
    return true;
}

enum err unliken(struct arena *scratch, struct slice likened, struct slice like, struct slice *out)
{
    struct slice rest = likened, own;
    struct part part;
    size_t       n = 0;
    struct buf   b;
    char        *p;

    while (take_part(&rest, &part, &own))
        n += own.n + part.n;
    if (!(p = arena_alloc(scratch, n)))
        return ERR_NOMEM;
    buf_init(&b, p, n);
    for (rest = likened; take_part(&rest, &part, &own);)
        buf_puts(&b, own, slice_to(slice_from(like, part.at), part.n));
    *out = buf_slice(&b);
    return buf_err(&b);
}
