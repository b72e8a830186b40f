/* lines.c - the lines of a head, each header field with its continuation lines: RFC 3261 §7, §7.3.1.
 *
 * Room      sip/msg (pure).
 * In        octets from the wire.
 * Out       lines; what was wrong with their ends.
 * The one place that decides where a header field ends: parse.c, steering's Call-ID and the sipfrag reader all ask here,
 * so that they cannot disagree. */
#include "sip/msg/msg_priv.h"

#include <string.h>

/* The next line without its end, whatever that end is. False: nothing is left. */
static bool take_line(struct msg_scan *s, struct slice *line)
{
    const char *from = s->rest.p, *end, *lf, *stop, *next;

    if (!s->rest.n)
        return false;
    end = from + s->rest.n;
    lf = memchr(from, '\n', s->rest.n);
    stop = lf ? lf : end;
    next = lf ? lf + 1 : end;
    if (lf && lf > from && lf[-1] == '\r')
        stop--;
    else if (lf)
        s->bare = true;
    *line = (struct slice){from, (size_t)(stop - from)};
    s->rest = (struct slice){next, (size_t)(end - next)};
    s->n_lines++;
    return true;
}

bool msg_scan_begin(struct msg_scan *s, struct slice octets, struct slice *start)
{
    *s = (struct msg_scan){.rest = octets, .from = octets.p};
    do {
        if (!take_line(s, start))
            return false;
    } while (!start->n);
    return true;
}

static bool is_empty_line(struct slice s, size_t *n)
{
    if (s.n >= 2 && s.p[0] == '\r' && s.p[1] == '\n')
        *n = 2;
    else if (s.n >= 1 && s.p[0] == '\n')
        *n = 1;
    else
        return false;
    return true;
}

bool msg_scan_line(struct msg_scan *s, struct slice *line)
{
    const char  *from = s->rest.p;
    struct slice one;
    size_t       n;

    if (s->ended)
        return false;
    if (is_empty_line(s->rest, &n)) {
        s->bare |= n == 1;
        s->n_lines++;
        s->empty = s->rest.p;
        s->rest = slice_from(s->rest, n);
        s->ended = true;
        return false;
    }
    if (!take_line(s, &one)) {
        s->empty = s->rest.p;
        return false;
    }
    while (s->rest.n && (s->rest.p[0] == ' ' || s->rest.p[0] == '\t'))
        take_line(s, &one);
    *line = slice_between(from, s->rest.p);
    return true;
}

struct slice msg_sure_lines(struct slice octets)
{
    struct msg_scan s;
    struct slice    line;
    const char     *end;

    if (!msg_scan_begin(&s, octets, &line) || s.rest.p[-1] != '\n')
        return SLICE_NONE;
    end = s.rest.p;
    while (msg_scan_line(&s, &line))
        end = line.p; /* of the lines before this one the end is known */
    return slice_between(octets.p, s.ended ? s.empty : end);
}

/* Pointers, not slices: every line of every message passes here. */
enum err msg_split_line(struct slice line, struct slice *name, struct slice *value)
{
    const char *p = line.p, *end = line.p + line.n, *colon;

    while (p < end && msg_is_token_char(*p))
        p++;
    *name = slice_between(line.p, p);
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if (!name->n || p == end || *p != ':')
        return ERR_SYNTAX;
    colon = p++;
    while (p < end && msg_is_blank(*p))
        p++;
    while (p < end && msg_is_blank(end[-1]))
        end--;
    /* an empty value stands behind the colon, not behind the line's end: an edit may put one there */
    *value = p < end ? slice_between(p, end) : (struct slice){colon + 1, 0};
    return ERR_OK;
}

enum { LANES = 16, BLOCKS = 255 }; /* a lane counts up to 255 */
typedef uint8_t lanes __attribute__((vector_size(LANES)));

/* How many of c; whole vectors at a time, since this is the one pass over a head that does not stop at lines. */
static size_t count_octet(struct slice s, char c)
{
    size_t n = 0;
    lanes  want;

    memset(&want, c, sizeof want);
    while (s.n >= LANES) {
        lanes  sum = {0}, v;
        size_t blocks = s.n / LANES < BLOCKS ? s.n / LANES : BLOCKS;

        for (size_t i = 0; i < blocks; i++) {
            memcpy(&v, s.p + i * LANES, sizeof v);
            sum -= (lanes)(v == want);
        }
        for (size_t i = 0; i < LANES; i++)
            n += sum[i];
        s = slice_from(s, blocks * LANES);
    }
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

bool msg_scan_is_clean(const struct msg_scan *s)
{
    return !s->bare && count_octet(slice_between(s->from, s->rest.p), '\r') == s->n_lines;
}

enum err msg_find_call_id(struct slice octets, struct slice *out)
{
    struct msg_scan s;
    struct slice    line, name, value, found = SLICE_NONE;
    bool            have = false;

    if (!msg_scan_begin(&s, octets, &line))
        return ERR_NOTFOUND;
    while (msg_scan_line(&s, &line)) {
        char c = ascii_lower(line.p[0]);

        if ((c != 'c' && c != 'i') || msg_split_line(line, &name, &value) || hdr_find(name) != HDR_CALL_ID)
            continue;
        if (have)
            return ERR_INVALID;
        found = value;
        have = true;
    }
    if (!have || !found.n)
        return ERR_NOTFOUND;
    *out = found;
    return ERR_OK;
}
