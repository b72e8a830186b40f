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

/* Where CRs and LFs are among up to 64 octets. */
struct ends {
    uint64_t cr, lf;
};

/* All there is, where it is less than a block. */
COLD static struct ends ends_of_few(const char *p, size_t n)
{
    return (struct ends){scan_where_of(p, n, '\r'), scan_where_of(p, n, '\n')};
}

static inline struct ends ends_of_block(const char *p)
{
    return (struct ends){scan_where(p, '\r'), scan_where(p, '\n')};
}

/* What is left at the end is looked at as a part of the last 64 octets. */
static struct ends ends_at_last(const char *from, const char *next, const char *end)
{
    size_t      n = (size_t)(end - next);
    struct ends e;

    if (end - from < BLOCK)
        return ends_of_few(next, n);
    e = ends_of_block(end - BLOCK);
    return (struct ends){e.cr >> (BLOCK - n), e.lf >> (BLOCK - n)};
}

/* To the next block that has a line end. */
static bool look_further(struct msg_scan *s)
{
    do {
        struct ends e;

        if (s->next == s->end)
            return false;
        s->unclean |= s->alone;
        s->block = s->next;
        if (s->end - s->next >= BLOCK) {
            e = ends_of_block(s->next);
            s->next += BLOCK;
        } else {
            e = ends_at_last(s->from, s->next, s->end);
            s->next = s->end;
        }
        s->lf = e.lf;
        s->alone = e.lf ^ (e.cr << 1 | s->cr);
        s->cr = e.cr >> (BLOCK - 1);
    } while (!s->lf);
    return true;
}

static inline const char *behind_bit(const char *block, uint64_t bits)
{
    return block + 1 + (unsigned)__builtin_ctzll(bits);
}

/* Behind the next line end; behind all octets when there is none. */
static inline const char *behind_line(struct msg_scan *s)
{
    uint64_t lf;

    if (!s->lf && !look_further(s))
        return s->end;
    lf = s->lf;
    s->lf = lf & (lf - 1);
    return behind_bit(s->block, lf);
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

/* Whatever white space is there. An empty value stands behind the colon, not behind the line's end: an edit may put one there. */
COLD static struct slice trimmed(const char *from, const char *end)
{
    struct slice s = slice_trim(slice_between(from, end));

    return s.n ? s : (struct slice){from, 0};
}

/* Of a line that has an end: without the white space round it, which mostly is one SP and one CRLF. */
static inline struct slice value_between(const char *from, const char *end)
{
    if (from[0] == ' ' && (unsigned char)from[1] > ' ' && (unsigned char)end[-3] > ' ' && end[-2] == '\r')
        return (struct slice){from + 1, (size_t)(end - from) - 3};
    return trimmed(from, end);
}

enum err msg_read_row(struct slice line, struct msg_row *out)
{
    size_t n = slice_find(line, ':');

    if (n == SIZE_MAX)
        return ERR_SYNTAX;
    out->line = line;
    out->value = trimmed(line.p + n + 1, slice_end(line));
    while (n && is_blank(line.p[n - 1]))
        n--;
    out->name = slice_to(line, n);
    out->id = hdr_find(out->name);
    return out->id != HDR_OTHER || msg_is_token(out->name) ? ERR_OK : ERR_SYNTAX;
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

COLD static void count_again(struct msg *m, enum hdr_id id)
{
    m->several[id / 64] |= (uint64_t)1 << id % 64;
    if (m->repeated == HDR_OTHER && hdr_is_single(id))
        m->repeated = id;
}

/* Row number n, from 1 on. */
static inline void count_row(struct msg *m, enum hdr_id id, size_t n)
{
    if (id == HDR_OTHER)
        return;
    if (m->first[id])
        count_again(m, id);
    else
        m->first[id] = (uint16_t)n;
}

enum { PLAIN_OCTETS = HDR_SHORT_OCTETS + 2 }; /* of name, colon, and what tells whether its value is plain */

/* The same for a name that is known and short, where PLAIN_OCTETS can be read; false: it may be something else. */
static inline bool read_plain_row(const char *from, const char *to, struct msg_row *out)
{
    uint64_t colon = scan_where16(from, ':');
    size_t   n;

    if (!colon)
        return false;
    n = (unsigned)__builtin_ctzll(colon);
    out->id = hdr_find_short(from, n);
    out->line = (struct slice){from, (size_t)(to - from)};
    out->name = (struct slice){from, n};
    out->value = value_between(from + n + 1, to);
    return out->id != HDR_OTHER;
}

/* Rows as most are, as far as they go: what it stops at is for the general way. */
static void read_plain_rows(struct msg_scan *s, struct msg *m)
{
    const char     *from = s->at, *to;
    struct msg_row *row = m->row + m->n_rows;
    size_t          n = m->n_rows;

    for (; n < m->row_cap && (s->lf || look_further(s)); row++) {
        to = behind_bit(s->block, s->lf);
        if (s->end - from < PLAIN_OCTETS || to == s->end || is_blank(*to) || !read_plain_row(from, to, row))
            break;
        s->lf &= s->lf - 1;
        count_row(m, row->id, ++n);
        from = to;
    }
    s->at = from;
    m->n_rows = n;
}

/* The row is written before it is known whether its line is one. */
enum err msg_scan_rows(struct msg_scan *s, struct msg *m, struct arena *a)
{
    struct slice line;
    enum err     e;

    for (;;) {
        read_plain_rows(s, m);
        if (!next_line(s, &line))
            return ERR_OK;
        if (m->n_rows == m->row_cap && (e = grow_rows(m, a)))
            return e;
        if (msg_read_row(line, &m->row[m->n_rows]))
            msg_note_fault(m, 400, HDR_OTHER, "Bad header field line");
        else {
            m->n_rows++;
            count_row(m, m->row[m->n_rows - 1].id, m->n_rows);
        }
    }
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
