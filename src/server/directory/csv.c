/* csv.c - fields of comma separated values (RFC 4180): read one at a time, written one at a time.
 *
 * Room      server/directory.
 * Touches   the slice and buffers it is given. */
#include "server/directory/directory_priv.h"

/* The end of a field that began without a quote. */
static void plain(struct slice *rest, struct buf *out)
{
    size_t       n = slice_find_any(*rest, S(",\n"));
    struct slice field = slice_to(*rest, n);

    *rest = slice_from(*rest, n);
    if (slice_ends(field, S("\r")) && !slice_starts(*rest, S(",")))
        field.n--;
    buf_put(out, field);
}

/* Between quotes: a doubled one is one, anything else is itself. */
static enum err quoted(struct slice *rest, struct buf *out)
{
    struct slice part;

    *rest = slice_from(*rest, 1);
    while (slice_cut(rest, '"', &part)) {
        buf_put(out, part);
        if (!slice_starts(*rest, S("\""))) {
            if (slice_starts(*rest, S("\r\n")))
                *rest = slice_from(*rest, 1);
            return rest->n == 0 || rest->p[0] == ',' || rest->p[0] == '\n' ? ERR_OK : ERR_SYNTAX;
        }
        buf_putc(out, '"');
        *rest = slice_from(*rest, 1);
    }
    return ERR_SYNTAX;
}

enum err csv_field(struct slice *rest, struct buf *scratch, bool *last)
{
    buf_reset(scratch);
    if (slice_starts(*rest, S("\""))) {
        enum err e = quoted(rest, scratch);

        if (e)
            return e;
    } else {
        plain(rest, scratch);
    }
    *last = !slice_starts(*rest, S(","));
    *rest = slice_from(*rest, 1);
    return buf_err(scratch);
}

void csv_put_field(struct buf *b, struct slice field)
{
    if (slice_find_any(field, S(",\"\r\n")) == SIZE_MAX) {
        buf_put(b, field);
        return;
    }
    buf_putc(b, '"');
    for (size_t i = 0; i < field.n; i++) {
        if (field.p[i] == '"')
            buf_putc(b, '"');
        buf_putc(b, field.p[i]);
    }
    buf_putc(b, '"');
}
