/* words.c - pieces of sentences: ends by name, text of the wire, times.
 *
 * Room      trace (pure). Touches *b, and t->err when the arena is used up. */
#include "trace/trace_priv.h"

enum { WIRE_OCTETS = 120, WHY_OCTETS = TEXT_OCTETS / 2 - 16 };

struct slice keep_text(struct trace_inside *t, const struct buf *b)
{
    struct slice out = SLICE_NONE;
    enum err     e = arena_dup(t->a, buf_slice(b), &out);

    if (e && !t->err)
        t->err = e;
    return out;
}

struct slice keep_cut(struct trace_inside *t, const struct buf *b)
{
    struct slice out = SLICE_NONE;
    enum err     e = arena_dup(t->a, (struct slice){b->p, b->n}, &out);

    if (e && !t->err)
        t->err = e;
    return out;
}

/* UTF-8 passes: display names are written in it. */
static void put_clipped(struct buf *b, struct slice s, size_t most)
{
    struct slice cut = slice_to(s, most);

    for (size_t i = 0; i < cut.n; i++) {
        unsigned char c = (unsigned char)cut.p[i];

        if (c == '\t')
            buf_putc(b, ' ');
        else if (c < 0x20 || c == 0x7f)
            buf_put_escaped(b, (struct slice){cut.p + i, 1});
        else
            buf_putc(b, (char)c);
    }
    if (s.n > cut.n)
        buf_put(b, S("..."));
}

void put_wire(struct buf *b, struct slice s)
{
    put_clipped(b, s, WIRE_OCTETS);
}

void put_why(struct buf *b, struct slice s)
{
    put_clipped(b, s, WHY_OCTETS);
}

void put_seconds(struct buf *b, uint64_t us)
{
    if (us < 1000 * (uint64_t)MS) {
        buf_putu(b, us / MS);
        buf_put(b, S(" ms"));
        return;
    }
    buf_putu(b, us / (1000 * (uint64_t)MS));
    if (us < 100 * 1000 * (uint64_t)MS) {
        buf_putc(b, '.');
        buf_putu(b, us / (100 * (uint64_t)MS) % 10);
    }
    buf_put(b, S(" s"));
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80; /* within a UTF-8 character */
}

size_t text_width(struct slice t)
{
    size_t n = 0;

    for (size_t i = 0; i < t.n; i++)
        n += !continues(t.p[i]);
    return n;
}

struct slice text_cut(struct slice t, size_t n)
{
    size_t i = 0;

    while (i < t.n && (n || continues(t.p[i]))) {
        n -= !continues(t.p[i]);
        i++;
    }
    return slice_to(t, i);
}

struct slice text_take_line(struct slice *rest, size_t room)
{
    struct slice line = text_cut(*rest, room ? room : 1);

    if (line.n < rest->n && rest->p[line.n] != ' ') {
        size_t space = slice_find_last(line, ' ');

        if (space != SIZE_MAX && space > 0)
            line = slice_to(line, space);
    }
    *rest = slice_from(*rest, line.n);
    *rest = slice_trim(*rest);
    return line;
}

static size_t count_exchanges(const struct trace_story *st)
{
    size_t n = 0;

    for (size_t i = 0; i < st->n_parties; i++)
        n += st->parties[i].is_exchange;
    return n;
}

void put_end(struct buf *b, const struct trace_inside *t, size_t story, size_t end)
{
    const struct trace_story *st = &t->t->stories[story];
    const struct trace_party *p;

    if (end == NONE) {
        buf_put(b, S("nobody"));
        return;
    }
    p = &st->parties[party_of(t, story, end)];
    if (p->is_exchange && count_exchanges(st) == 1)
        buf_put(b, S("the exchange"));
    else
        buf_put(b, (struct slice){p->name, p->name_n});
}

uint64_t seen_after(const struct trace_inside *t, uint64_t us)
{
    return t->end_us > us ? t->end_us - us : 0;
}
