/* lines.c - the lines of a head, each header field with its continuation lines: RFC 3261 §7, §7.3.1.
 *
 * Room      sip/msg (pure).
 * In        octets from the wire.
 * Out       lines; what was wrong with their ends.
 * The one place that decides where a header field ends: parse.c, steering's Call-ID and the sipfrag reader all ask here,
 * so that they cannot disagree. */
#include "sip/msg/names_find.h"

#include <string.h>

enum {
    WINDOW = 64,                             /* octets that are looked at together */
    BEHIND = 2,                              /* that can be read behind them: an LF, and what tells whether a line goes on */
    PLAIN_OCTETS = HDR_SHORT_OCTETS + BEHIND /* that can be read where a plain row begins */
};

/* Octets up to CR among the 64 from `from` on, as far as they are not yet passed. */
struct window {
    const char *from;
    uint64_t    bits;
};

/* Written where it stays: who reads a copy of it at once would wait until all stores before have left. */
static inline void begin(struct msg_scan *s, struct slice octets)
{
    s->at = s->from = octets.p;
    s->end = slice_end(octets);
    s->ended = s->odd = false;
}

struct msg_scan msg_scan_of(struct slice octets)
{
    struct msg_scan s = {0};

    begin(&s, octets);
    return s;
}

/* Where the last window begins. NULL: there are not enough octets for one. */
static const char *last_window(const struct msg_scan *s)
{
    return s->end - s->from < WINDOW + BEHIND ? NULL : s->end - BEHIND - WINDOW;
}

static inline bool is_crlf(const char *p)
{
    return scan_word_of(p, 2) == scan_word_of("\r\n", 2);
}

/* Two comparisons for four: lines that begin so are rare, or have no name. */
static inline bool may_be_blank(char c)
{
    return !(c & ~(' ' | '\t'));
}

/* Behind a line whose first octet up to CR stands at p; NULL: that is no CRLF, or another line may go on with this one. */
static inline const char *behind_end(const char *p)
{
    return is_crlf(p) && !may_be_blank(p[2]) ? p + 2 : NULL;
}

/* Where octets up to CR are among the 64 from p on. What is left of them at the end is looked at as a part of the last window,
 * and p is in that. */
static inline uint64_t low_from(const char *p, const char *last)
{
    const char *from = p < last ? p : last;

    return scan_low(from) >> (p - from);
}

/* Behind a line that has no octet up to CR but the CRLF at its end, and is not continued; NULL: it may be another. What is known of
 * lines behind it stays in *w, which begins as zero. */
static inline const char *behind_plain_line(struct window *w, const char *p, const char *last)
{
    uint64_t bits = w->bits;

    if (!bits) {
        for (; !(bits = low_from(p, last)); p += WINDOW)
            if (p >= last)
                return NULL;
        w->from = p;
    }
    p = w->from + (unsigned)__builtin_ctzll(bits);
    bits &= bits - 1; /* the CR, and the LF, should it be in the window, too */
    w->bits = bits & (bits - 1);
    return behind_end(p);
}

/* Behind the next line end; behind all octets when there is none. */
static const char *behind_line(const char *p, const char *end)
{
    const char *lf = p && p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;

    return lf ? lf + 1 : end;
}

/* Empty lines before it are skipped, and it may end in any way. */
COLD static bool begin_oddly(struct msg_scan *s, struct slice *start)
{
    s->odd = true;
    do {
        const char *from = s->at, *stop;

        if (from == s->end)
            return false;
        s->at = stop = behind_line(from, s->end);
        if (stop[-1] == '\n' && --stop > from && stop[-1] == '\r')
            stop--;
        *start = slice_between(from, stop);
    } while (!start->n);
    return true;
}

bool msg_scan_begin(struct msg_scan *s, struct slice octets, struct slice *start)
{
    struct window w = {0};
    const char   *last, *behind;

    begin(s, octets);
    last = last_window(s);
    behind = last ? behind_plain_line(&w, s->at, last) : NULL;
    if (!behind || behind == s->at + 2)
        return begin_oddly(s, start);
    *start = slice_between(s->at, behind - 2);
    s->at = behind;
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
    const char *from = s->at, *to = s->end - from >= 2 && is_crlf(from) ? from + 2 : behind_line(from, s->end);

    if (to - from <= 2 && is_empty_line(from, (size_t)(to - from))) {
        s->empty = from;
        s->ended = to > from;
        s->at = to;
        return false;
    }
    while (to < s->end && is_blank(*to))
        to = behind_line(to, s->end);
    s->at = to;
    *line = (struct slice){from, (size_t)(to - from)};
    return true;
}

bool msg_scan_line(struct msg_scan *s, struct slice *line)
{
    return next_line(s, line);
}

/* Of octets that end in an LF: does each one stand behind a CR, and each CR before one? */
COLD static bool are_paired(const char *from, const char *end)
{
    const char *p = from + 1;
    uint64_t    alone = *from == '\n';

    for (; end - p >= 16; p += 16)
        alone |= scan_where16(p, '\n') ^ scan_where16(p - 1, '\r');
    return !(alone | (scan_where_of(p, (size_t)(end - p), '\n') ^ scan_where_of(p - 1, (size_t)(end - p), '\r')));
}

bool msg_scan_is_clean(const struct msg_scan *s)
{
    bool seen = !s->odd && s->at - s->empty == 2; /* an empty line that is two octets long is CRLF */

    return seen || are_paired(s->from, s->at);
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

/* Of a plain line: without the white space round it, which mostly is one SP and the CRLF. */
static inline struct slice value_between(const char *from, const char *end)
{
    if (from[0] == ' ' && (unsigned char)from[1] > ' ' && (unsigned char)end[-3] > ' ')
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

/* msg_read_row() of a plain line whose name is known and short, where PLAIN_OCTETS can be read; false: it may be something else. */
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
    struct window   w = {0};
    const char     *from = s->at, *to, *last = last_window(s), *last_row;
    struct msg_row *row = m->row + m->n_rows;
    size_t          n = m->n_rows, cap = m->row_cap;

    if (!last)
        return;
    last_row = s->end - PLAIN_OCTETS;
    for (; n < cap && from <= last_row; row++) {
        if (!(to = behind_plain_line(&w, from, last)) || !read_plain_row(from, to, row))
            break;
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
        s->odd = true;
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
