/* lines.c - the lines of a head, each header field with its continuation lines: RFC 3261 §7, §7.3.1.
 *
 * Room      sip/msg (pure).
 * In        octets from the wire.
 * Out       lines; what was wrong with their ends.
 * The one place that decides where a header field ends: parse.c, steering's Call-ID and the sipfrag reader all ask here,
 * so that they cannot disagree. */
#include "sip/msg/names_find.h"

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

/* Two octets at most, or the end of all of them. */
static bool is_empty_line(const char *from, size_t n)
{
    return n <= 1 ? !n || *from == '\n' : from[0] == '\r' && from[1] == '\n';
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline bool next_line(struct msg_scan *s, struct slice *line)
{
    const char *from = s->at, *to = behind_line(s);

    if (to - from <= 2 && is_empty_line(from, (size_t)(to - from))) {
        s->empty = from;
        s->ended = to > from;
        s->at = to;
        return false;
    }
    while (to < s->end && is_blank(*to))
        to = behind_line(s);
    s->at = to;
    *line = (struct slice){from, (size_t)(to - from)};
    return true;
}

bool msg_scan_line(struct msg_scan *s, struct slice *line)
{
    return next_line(s, line);
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

enum { NAME_BLOCK = 16 }; /* most names and their colons */

/* Behind a line that is not cut off at the end of all octets its neighbours can be read. */
COLD static size_t far_colon(struct slice line, size_t from)
{
    size_t at = slice_find(slice_from(line, from), ':');

    return at == SIZE_MAX ? line.n : from + at;
}

/* How many octets stand before the first colon: line.n where there is none. *first: the first eight octets of the name; those
 * that it does not have are zero. */
static inline size_t before_colon(struct slice line, const char *end, uint64_t *first)
{
    uint64_t where;
    size_t   n;

    if (end - line.p < NAME_BLOCK) {
        n = far_colon(line, 0);
        *first = scan_word_of(line.p, n);
        return n;
    }
    where = scan_where16(line.p, ':');
    n = where ? (size_t)__builtin_ctzll(where) : far_colon(line, NAME_BLOCK);
    *first = scan_word(line.p) & (n < 8 ? ((uint64_t)1 << 8 * n) - 1 : UINT64_MAX);
    return n < line.n ? n : line.n;
}

/* Whatever white space is there. An empty value stands behind the colon, not behind the line's end: an edit may put one there. */
COLD static struct slice trimmed(struct slice value)
{
    struct slice s = slice_trim(value);

    return s.n ? s : (struct slice){value.p, 0};
}

static inline bool ends_in_crlf(const char *end)
{
    return end[-2] == '\r' && end[-1] == '\n';
}

/* Without the white space round it, which mostly is one SP and one CRLF. */
static inline struct slice value_between(const char *from, const char *end)
{
    if (end - from > 3 && from[0] == ' ' && (unsigned char)from[1] > ' ' && ends_in_crlf(end) && (unsigned char)end[-3] > ' ')
        return (struct slice){from + 1, (size_t)(end - from) - 3};
    return trimmed(slice_between(from, end));
}

COLD static size_t without_blanks(struct slice name)
{
    while (name.n && is_blank(name.p[name.n - 1]))
        name.n--;
    return name.n;
}

/* A line within octets that go on to `end`. A name that is known is a token. */
static inline __attribute__((always_inline)) enum err read_row(struct slice line, const char *end, struct msg_row *out)
{
    uint64_t first;
    size_t   colon = before_colon(line, end, &first), n = colon;

    if (colon == line.n)
        return ERR_SYNTAX;
    if (n && (unsigned char)line.p[n - 1] <= ' ') {
        n = without_blanks(slice_to(line, n));
        first = scan_word_of(line.p, n);
    }
    out->line = line;
    out->name = (struct slice){line.p, n};
    out->id = hdr_find_by(out->name, first);
    if (out->id == HDR_OTHER && !msg_is_token(out->name))
        return ERR_SYNTAX;
    out->value = value_between(line.p + colon + 1, line.p + line.n);
    return ERR_OK;
}

enum err msg_read_row(struct slice line, struct msg_row *out)
{
    return read_row(line, slice_end(line), out);
}

COLD static enum err grow_rows(struct msg *m, struct arena *a)
{
    size_t          cap = m->row_cap * 2;
    struct msg_row *row;

    if (m->n_rows >= MSG_MAX_ROWS)
        return ERR_LIMIT;
    if (!(row = arena_alloc(a, cap * sizeof *row)))
        return ERR_NOMEM;
    memcpy(row, m->row, m->n_rows * sizeof *row);
    m->row = row;
    m->row_cap = cap;
    return ERR_OK;
}

/* The row behind the last one has been filled. */
static inline void count_row(struct msg *m, enum hdr_id id)
{
    m->n_rows++;
    if (id == HDR_OTHER)
        return;
    if (!m->first[id]) {
        m->first[id] = (uint16_t)m->n_rows;
        return;
    }
    m->several[id / 64] |= (uint64_t)1 << id % 64;
    if (m->repeated == HDR_OTHER && hdr_is_single(id))
        m->repeated = id;
}

/* The row is written before it is known whether its line is one. */
enum err msg_scan_rows(struct msg_scan *s, struct msg *m, struct arena *a)
{
    struct slice line;
    enum err     e;

    while (next_line(s, &line)) {
        if (m->n_rows == m->row_cap && (e = grow_rows(m, a)))
            return e;
        if (read_row(line, s->end, &m->row[m->n_rows]))
            msg_note_fault(m, 400, HDR_OTHER, "Bad header field line");
        else
            count_row(m, m->row[m->n_rows].id);
    }
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
