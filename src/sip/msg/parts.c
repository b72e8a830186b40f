/* parts.c - multipart bodies (RFC 2046 §5.1.1, RFC 5621) and SIP fragments (RFC 3420).
 *
 * Room      sip/msg (pure).
 * In        a body and its Content-Type.
 * Out       parts, as slices of the body. */
#include "sip/msg/msg_priv.h"

enum { MAX_DEPTH = 4 };

enum err msg_parts_begin(struct slice content_type, struct slice body, struct msg_parts *it)
{
    struct media_type t;
    struct slice      quoted;
    struct buf        b;

    if (media_type_parse(content_type, &t))
        return ERR_SYNTAX;
    if (!slice_ieq(t.type, S("multipart")))
        return ERR_UNSUPPORTED;
    if (msg_param(t.params, S("boundary"), &quoted))
        return ERR_SYNTAX;
    *it = (struct msg_parts){.rest = body};
    buf_init(&b, it->boundary, sizeof it->boundary);
    buf_put(&b, S("--"));
    msg_put_unquoted(&b, quoted);
    it->boundary_n = buf_slice(&b).n;
    return it->boundary_n > 2 ? ERR_OK : ERR_SYNTAX;
}

static struct slice boundary_of(const struct msg_parts *it)
{
    return (struct slice){it->boundary, it->boundary_n};
}

/* The next delimiter line: *before is what stands in front of it (without the line end that belongs to it), *after what
 * follows its own line end; `last` when it is the closing one. */
static bool find_delimiter(const struct msg_parts *it, struct slice s, struct slice *before, struct slice *after, bool *last)
{
    struct slice left = s, line;

    while (left.n) {
        const char *from = left.p;

        if (!slice_line(&left, &line))
            return false;
        if (!slice_starts(line, boundary_of(it)))
            continue;
        line = slice_from(line, it->boundary_n);
        *last = slice_starts(line, S("--"));
        if (slice_trim(*last ? slice_from(line, 2) : line).n)
            continue; /* a longer boundary that begins alike */
        *before = slice_between(s.p, from);
        if (slice_ends(*before, S("\r\n")))
            before->n -= 2;
        else if (slice_ends(*before, S("\n")))
            before->n -= 1;
        *after = left;
        return true;
    }
    return false;
}

/* Header rows, an empty line, the body. Without an empty line there are rows and nothing else. */
static void split_part(struct slice all, struct msg_part *out)
{
    struct slice left = all, line;
    const char  *from = left.p;

    for (; slice_line(&left, &line); from = left.p) {
        if (line.n)
            continue;
        out->head = slice_between(all.p, from);
        out->body = left;
        return;
    }
    out->head = all;
    out->body = slice_from(all, all.n);
}

enum err msg_parts_next(struct msg_parts *it, struct msg_part *out)
{
    struct slice before, after;
    bool         last;

    if (it->ended)
        return ERR_NOTFOUND;
    if (it->n == MSG_MAX_PARTS)
        return ERR_LIMIT;
    if (it->n == 0) { /* the preamble goes */
        if (!find_delimiter(it, it->rest, &before, &after, &last) || last)
            return ERR_SYNTAX;
        it->rest = after;
    }
    if (!find_delimiter(it, it->rest, &before, &after, &last))
        return ERR_SYNTAX;
    it->rest = after;
    it->ended = last;
    it->n++;
    split_part(before, out);
    return ERR_OK;
}

enum err msg_part_value(const struct msg_part *part, struct slice name, struct slice *value)
{
    struct msg_scan s = msg_scan_of(part->head);
    struct slice    line;
    struct msg_row  row;

    while (msg_scan_line(&s, &line)) {
        if (msg_read_row(line, &row) || !slice_ieq(row.name, name))
            continue;
        *value = row.value;
        return ERR_OK;
    }
    return ERR_NOTFOUND;
}

struct wanted {
    struct slice type, subtype;
};

static enum err find_body(struct slice content_type, struct slice body, const struct wanted *w, unsigned depth,
                          struct slice *out)
{
    struct media_type t;
    struct msg_parts  it;
    struct msg_part   part;
    struct slice      type;

    if (media_type_parse(content_type, &t))
        return ERR_NOTFOUND;
    if (media_type_is(&t, w->type, w->subtype)) {
        *out = body;
        return ERR_OK;
    }
    if (depth == MAX_DEPTH || msg_parts_begin(content_type, body, &it))
        return ERR_NOTFOUND;
    while (msg_parts_next(&it, &part) == ERR_OK)
        if (msg_part_value(&part, S("Content-Type"), &type) == ERR_OK
            && find_body(type, part.body, w, depth + 1, out) == ERR_OK)
            return ERR_OK;
    return ERR_NOTFOUND;
}

enum err msg_find_body(const struct msg *m, struct slice type, struct slice subtype, struct slice *body)
{
    const struct wanted w = {type, subtype};

    if (!m->body.n || !msg_has(m, HDR_CONTENT_TYPE))
        return ERR_NOTFOUND;
    return find_body(msg_value(m, HDR_CONTENT_TYPE), m->body, &w, 0, body);
}

enum err sipfrag_parse(struct slice body, struct sipfrag *out)
{
    struct msg_read read;
    struct msg      m = {.read = &read};
    struct slice    rest = body;

    if (!slice_line(&rest, &m.start) || msg_read_start(&m) || m.fault.what)
        return ERR_SYNTAX;
    *out = (struct sipfrag){.is_request = m.is_request, .status = m.status, .reason = m.reason, .method = m.method,
                            .uri = m.uri};
    return ERR_OK;
}
