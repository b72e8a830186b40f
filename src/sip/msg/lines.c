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

static void note(struct msg_scan *s, uint64_t cr, uint64_t lf)
{
    s->unclean |= s->alone != 0;
    s->lf = lf;
    s->alone = lf ^ (cr << 1 | s->cr);
    s->cr = cr >> (BLOCK - 1);
    s->block = s->next;
}

/* The last block, which is shorter: as a part of the 64 octets before the end, if there are so many. */
static void look_at_last(struct msg_scan *s)
{
    size_t n = (size_t)(s->end - s->next);

    if (s->end - s->from < BLOCK)
        note(s, scan_where_of(s->next, n, '\r'), scan_where_of(s->next, n, '\n'));
    else
        note(s, scan_where(s->end - BLOCK, '\r') >> (BLOCK - n), scan_where(s->end - BLOCK, '\n') >> (BLOCK - n));
    s->next = s->end;
}

/* Behind the next line end; behind all octets when there is none. */
static const char *behind_line(struct msg_scan *s)
{
    uint64_t lf;

    while (!s->lf) {
        if (s->end - s->next >= BLOCK) {
            note(s, scan_where(s->next, '\r'), scan_where(s->next, '\n'));
            s->next += BLOCK;
        } else if (s->next < s->end)
            look_at_last(s);
        else
            return s->end;
    }
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
    const char *from = s->at, *to;

    if (s->ended)
        return false;
    to = behind_line(s);
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

/* The first colon, eight octets at a time; NULL: none. */
static const char *find_colon(const char *p, const char *end)
{
    for (; p < end; p += 8) {
        unsigned at = scan_find(scan_word_of(p, (size_t)(end - p)), ':');

        if (at < 8)
            return p + at;
    }
    return NULL;
}

/* Without the white space round it. An empty value stands behind the colon, not behind the line's end: an edit may put one
 * there. */
static struct slice value_between(const char *colon, const char *end)
{
    const char *p = colon + 1;

    if (p < end && *p == ' ')
        p++;
    if (end - p >= 2 && end[-1] == '\n' && end[-2] == '\r')
        end -= 2;
    while (p < end && msg_is_blank(*p))
        p++;
    while (p < end && msg_is_blank(end[-1]))
        end--;
    return p < end ? (struct slice){p, (size_t)(end - p)} : (struct slice){colon + 1, 0};
}

/* A name that is known is a token. */
enum err msg_read_row(struct slice line, struct msg_row *out)
{
    const char *end = line.p + line.n, *colon = find_colon(line.p, end), *p = colon;

    if (!colon)
        return ERR_SYNTAX;
    while (p > line.p && (p[-1] == ' ' || p[-1] == '\t'))
        p--;
    out->line = line;
    out->name = (struct slice){line.p, (size_t)(p - line.p)};
    out->id = hdr_find(out->name);
    if (out->id == HDR_OTHER && !msg_is_token(out->name))
        return ERR_SYNTAX;
    out->value = value_between(colon, end);
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
