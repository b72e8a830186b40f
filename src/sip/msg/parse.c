/* parse.c - one message, in place: rows found and named, the body measured. RFC 3261 §7, §18.3.
 *
 * Room      sip/msg (pure).
 * In        msg_parse(): the octets of one message, an arena for the table of rows.
 * Out       struct msg; faults noted in it, for msg_check().
 * Touches   the arena.
 * Not here  start lines (start_line.c), line ends (lines.c), what values hold (values: via.c, name_addr.c, scalars.c ...),
 *           whether the message makes sense (check.c). */
#include "sip/msg/msg_priv.h"

#include <string.h>

const char msg_no_empty_line[] = "No empty line behind the header fields";

enum { FIRST_ROWS = 32 }; /* a table of that size comes with the message; few messages need more */

struct msg_and_rows {
    struct msg      m;
    struct msg_read read;
    struct msg_row  row[FIRST_ROWS];
};

enum err msg_read_length(struct slice value, size_t *out)
{
    uint64_t n;
    enum err e = slice_u64(value, MSG_MAX_OCTETS, &n);

    if (!e)
        *out = (size_t)n;
    return e;
}

/* What is behind the empty line; octets behind Content-Length are another's (RFC 3261 §18.3). */
static void read_body(struct msg *m, struct slice behind)
{
    const struct msg_row *length = msg_row(m, HDR_CONTENT_LENGTH);
    size_t                n;

    m->body = behind;
    if (!length)
        return;
    if (msg_has_several(m, HDR_CONTENT_LENGTH))
        msg_note_fault(m, 400, HDR_CONTENT_LENGTH, "Repeated");
    else if (msg_read_length(length->value, &n))
        msg_note_fault(m, 400, HDR_CONTENT_LENGTH, "Bad");
    else if (n > behind.n)
        msg_note_fault(m, 400, HDR_CONTENT_LENGTH, "Too large");
    else
        m->body = slice_to(behind, n);
}

static enum err read_head(struct msg *m, struct arena *a, struct msg_scan *s)
{
    const char *from = s->at;
    enum err    e = msg_scan_rows(s, m, a);

    if (e)
        return e;
    m->head = slice_between(from, s->empty);
    if (m->head.n > MSG_MAX_HEAD)
        return ERR_LIMIT;
    if (!s->ended)
        msg_note_fault(m, 400, HDR_OTHER, msg_no_empty_line);
    else if (!msg_scan_is_clean(s))
        msg_note_fault(m, 400, HDR_OTHER, "Lines must end in CRLF");
    return ERR_OK;
}

enum err msg_parse(struct arena *a, struct slice octets, struct msg **out)
{
    struct msg_and_rows *made;
    struct msg          *m;
    struct msg_scan      s;
    struct slice         start;
    enum err             e;

    if (octets.n > MSG_MAX_OCTETS)
        return ERR_LIMIT;
    if (!msg_scan_begin(&s, octets, &start))
        return ERR_SYNTAX;
    if (!(made = arena_alloc(a, sizeof *made)))
        return ERR_NOMEM;
    m = &made->m;
    memset(m, 0, sizeof *m);
    memset(made->read.done, 0, sizeof made->read.done);
    m->several[HDR_OTHER / 64] = (uint64_t)1 << HDR_OTHER % 64; /* such rows are not counted */
    m->read = &made->read;
    m->row = made->row;
    m->row_cap = FIRST_ROWS;
    m->start = start;
    if ((e = msg_read_start(m)) || (e = read_head(m, a, &s)))
        return e;
    read_body(m, slice_between(s.at, s.end));
    m->raw = slice_between(start.p, m->body.p + m->body.n);
    *out = m;
    return ERR_OK;
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

const struct msg_row *msg_row_behind_(const struct msg *m, const struct msg_row *row)
{
    for (const struct msg_row *r = row + 1; r < m->row + m->n_rows; r++)
        if (r->id == row->id)
            return r;
    return NULL;
}

const struct msg_row *msg_row_named(const struct msg *m, struct slice name)
{
    for (size_t i = 0; i < m->n_rows; i++)
        if (slice_ieq(m->row[i].name, name))
            return &m->row[i];
    return NULL;
}

size_t msg_count(const struct msg *m, enum hdr_id id)
{
    size_t n = 0;

    for (const struct msg_row *r = msg_row(m, id); r; r = msg_row_next(m, r))
        n++;
    return n;
}
