/* glance.c - the first octets of lines (RFC 3261 §7.3, §20).
 *
 * Room      sip/overload (pure).
 * In        octets from the wire.
 * Out       slices of them. */
#include "sip/overload/overload.h"

/* "INVITE sip:b@c SIP/2.0": false: a response, or what only goes on with something. */
static bool read_start(struct slice line, struct overload_glance *g)
{
    size_t space = slice_find(line, ' ');

    if (space == SIZE_MAX || slice_starts(line, S("SIP/")))
        return false;
    g->method = method_find(slice_to(line, space));
    g->uri = slice_from(line, space + 1);
    g->uri = slice_to(g->uri, slice_find(g->uri, ' '));
    return g->method != METHOD_BYE && g->method != METHOD_CANCEL && g->method != METHOD_PRACK && g->method != METHOD_UPDATE;
}

/* The next line with what continues it, without its end; false at the empty line or the end. */
static bool take_row(struct slice *rest, struct slice *row)
{
    const char *from = rest->p, *end = rest->p + rest->n, *p = from, *lf;

    do {
        lf = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
        p = lf ? lf + 1 : end;
    } while (p < end && (*p == ' ' || *p == '\t'));
    *row = slice_trim(slice_between(from, p));
    *rest = slice_between(p, end);
    return row->n > 0;
}

/* Is it the row of that name, long or compact? Then its value. */
static bool row_is(struct slice row, struct slice name, char compact, struct slice *value)
{
    struct slice rest;

    if (slice_istarts(row, name))
        rest = slice_from(row, name.n);
    else if (compact && row.n && ascii_lower(row.p[0]) == compact)
        rest = slice_from(row, 1);
    else
        return false;
    rest = slice_trim(rest);
    if (!rest.n || rest.p[0] != ':')
        return false;
    *value = slice_trim(slice_from(rest, 1));
    return true;
}

/* Behind a URI in brackets, so that the URI's own parameters are none. */
static struct slice params_of(struct slice value)
{
    for (size_t i = value.n; i > 0; i--)
        if (value.p[i - 1] == '>')
            return slice_from(value, i);
    return value;
}

static struct slice param(struct slice params, struct slice name)
{
    size_t semicolon;

    while ((semicolon = slice_find(params, ';')) != SIZE_MAX) {
        params = slice_trim(slice_from(params, semicolon + 1));
        if (slice_istarts(params, name)) {
            struct slice v = slice_from(params, name.n);
            size_t       n = 0;

            while (n < v.n && v.p[n] != ';' && v.p[n] != ',' && v.p[n] != ' ' && v.p[n] != '\t' && v.p[n] != '\r')
                n++;
            return slice_to(v, n);
        }
    }
    return SLICE_NONE;
}

static void read_row(struct slice row, struct overload_glance *g)
{
    struct slice value;

    switch (ascii_lower(row.p[0])) {
    case 't':
        if (!g->to.n && row_is(row, S("To"), 't', &value)) {
            g->to = value;
            g->to_tag = param(params_of(value), S("tag="));
        }
        break;
    case 'v':
        if (!g->branch.n && row_is(row, S("Via"), 'v', &value)) {
            g->branch = param(value, S("branch="));
            g->branch = g->branch.n ? g->branch : value;
        }
        break;
    case 'a': g->answers_challenge |= row_is(row, S("Authorization"), 0, &value); break;
    case 'p': g->answers_challenge |= row_is(row, S("Proxy-Authorization"), 0, &value); break;
    default: break;
    }
}

void overload_glance(struct slice octets, struct overload_glance *out)
{
    struct slice rest = slice_trim(octets), row;

    *out = (struct overload_glance){0};
    if (!take_row(&rest, &row) || !read_start(row, out))
        return;
    while (!(out->to_tag.n && out->branch.n) && take_row(&rest, &row)) /* with a tag nothing more is asked */
        read_row(row, out);
    if (out->method == METHOD_ACK)
        out->kind = OVERLOAD_ACK;
    else if (!out->to_tag.n)
        out->kind = OVERLOAD_ASKS;
}
