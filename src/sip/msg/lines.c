/* lines.c - the lines of a head, each header field with its continuation lines: RFC 3261 §7, §7.3.1.
 *
 * Room      sip/msg (pure).
 * In        octets from the wire.
 * Out       lines; what was wrong with their ends.
 * The one place that decides where a header field ends: parse.c, steering's Call-ID and the sipfrag reader all ask here,
 * so that they cannot disagree. */
#include "sip/msg/msg_priv.h"

#include <string.h>

enum { BLOCK = 64 };

struct msg_scan msg_scan_of(struct slice octets)
{
    return (struct msg_scan){.at = octets.p, .from = octets.p, .next = octets.p, .end = slice_end(octets)};
}

/* The next n octets (64 or fewer): where CRs and LFs are. */
static inline void note(struct msg_scan *s, size_t n, uint64_t cr, uint64_t lf)
{
    s->unclean |= s->alone != 0;
    s->lf = lf;
    s->alone = lf ^ (cr << 1 | s->cr);
    s->cr = cr >> (BLOCK - 1);
    s->block = s->next;
    s->next += n;
}

/* All there is, where it is less than a block. */
COLD static void look_at_few(struct msg_scan *s, size_t n)
{
    note(s, n, scan_where_of(s->next, n, '\r'), scan_where_of(s->next, n, '\n'));
}

/* What is left at the end is looked at as a part of the last 64 octets. */
static void look_at_last(struct msg_scan *s, size_t n)
{
    const char *block = s->end - BLOCK;

    note(s, n, scan_where(block, '\r') >> (BLOCK - n), scan_where(block, '\n') >> (BLOCK - n));
}

/* To the next block that has a line end. */
static bool look_further(struct msg_scan *s)
{
    do {
        size_t left = (size_t)(s->end - s->next);

        if (left >= BLOCK)
            note(s, BLOCK, scan_where(s->next, '\r'), scan_where(s->next, '\n'));
        else if (!left)
            return false;
        else if (s->end - s->from >= BLOCK)
            look_at_last(s, left);
        else
            look_at_few(s, left);
    } while (!s->lf);
    return true;
}

/* Behind the next line end; behind all octets when there is none. */
static inline const char *behind_line(struct msg_scan *s)
{
    uint64_t lf;

    if (!s->lf && !look_further(s))
        return s->end;
    lf = s->lf;
    s->lf = lf & (lf - 1);
    return s->block + __builtin_ctzll(lf) + 1;
}

bool msg_scan_begin(struct msg_scan *s, struct slice octets, struct slice *start)
{
    *s = msg_scan_of(octets);
    do {
        const char *from = s->at, *stop;

        if (from == s->end)
            return false;
        s->at = stop = behind_line(s);
        if (stop[-1] == '\n' && --stop > from && stop[-1] == '\r')
            stop--;
        *start = slice_between(from, stop);
    } while (!start->n);
    return true;
}

static bool is_empty_line(const char *from, size_t n)
{
    return n <= 2 && (from[0] == '\n' || (n == 2 && from[0] == '\r' && from[1] == '\n'));
}

bool msg_scan_line(struct msg_scan *s, struct slice *line)
{
    const char *from = s->at, *to = behind_line(s);

    if (to == from || is_empty_line(from, (size_t)(to - from))) {
        s->empty = from;
        s->ended = to > from;
        s->at = to;
        return false;
    }
    while (to < s->end && (*to == ' ' || *to == '\t'))
        to = behind_line(s);
    s->at = to;
    *line = slice_between(from, to);
    return true;
}

bool msg_scan_is_clean(const struct msg_scan *s)
{
    uint64_t behind = s->at - s->block < BLOCK ? UINT64_MAX << (s->at - s->block) : 0;

    return !s->unclean && !(s->alone & ~behind);
}

struct slice msg_sure_lines(struct slice octets)
{
    struct msg_scan s;
    struct slice    line;
    const char     *end;

    if (!msg_scan_begin(&s, octets, &line) || s.at[-1] != '\n')
        return SLICE_NONE;
    end = s.at;
    while (msg_scan_line(&s, &line))
        end = line.p; /* of the lines before this one the end is known */
    return slice_between(octets.p, s.ended ? s.empty : end);
}

/* How many octets stand before the first colon, `first` being the first eight; SIZE_MAX: there is none. */
static size_t before_colon(struct slice line, uint64_t first)
{
    size_t at = scan_find(first, ':'), i = 0;

    while (at == i + 8) {
        i = at;
        if (i >= line.n)
            return SIZE_MAX;
        at += scan_find(scan_word_of(line.p + i, line.n - i), ':');
    }
    return at;
}

/* Without the white space round it. An empty value stands behind the colon, not behind the line's end: an edit may put one
 * there. */
static struct slice value_between(const char *from, const char *end)
{
    const char *p = from;

    while (p < end && msg_is_blank(*p))
        p++;
    while (p < end && msg_is_blank(end[-1]))
        end--;
    return p < end ? (struct slice){p, (size_t)(end - p)} : (struct slice){from, 0};
}

/* A name that is known is a token. */
enum err msg_read_row(struct slice line, struct msg_row *out)
{
    uint64_t first = scan_word_of(line.p, line.n);
    size_t   colon = before_colon(line, first), n = colon;

    if (colon == SIZE_MAX)
        return ERR_SYNTAX;
    while (n && (line.p[n - 1] == ' ' || line.p[n - 1] == '\t'))
        n--;
    out->line = line;
    out->name = (struct slice){line.p, n};
    out->id = hdr_find_by(out->name, n < 8 ? first & (((uint64_t)1 << 8 * n) - 1) : first);
    if (out->id == HDR_OTHER && !msg_is_token(out->name))
        return ERR_SYNTAX;
    out->value = value_between(line.p + colon + 1, line.p + line.n);
    return ERR_OK;
}

enum err msg_find_call_id(struct slice octets, struct slice *out)
{
    struct msg_scan s;
    struct slice    line, found = SLICE_NONE;
    struct msg_row  row;
    bool            have = false;

    if (!msg_scan_begin(&s, octets, &line))
        return ERR_NOTFOUND;
    while (msg_scan_line(&s, &line)) {
        char c = ascii_lower(line.p[0]);

        if ((c != 'c' && c != 'i') || msg_read_row(line, &row) || row.id != HDR_CALL_ID)
            continue;
        if (have)
            return ERR_INVALID;
        found = row.value;
        have = true;
    }
    if (!have || !found.n)
        return ERR_NOTFOUND;
    *out = found;
    return ERR_OK;
}
