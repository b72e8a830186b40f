/* params.c - "Digest name=value, name="value", ...": RFC 3261 §25.1 auth-param, for challenges and credentials alike.
 *
 * Room      sip/auth (pure).
 * In        the value of one header field.
 * Out       pairs, without quotes and escapes. */
#include "sip/auth/auth_priv.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *behind_blank(const char *p, const char *end)
{
    while (p < end && is_blank(*p))
        p++;
    return p;
}

/* Where c stands, or the end. */
static const char *at_char(const char *p, const char *end, char c)
{
    const char *at = p < end ? memchr(p, c, (size_t)(end - p)) : NULL;

    return at ? at : end;
}

/* A quoted string with escapes, which are undone in the arena. */
static enum err take_escaped(struct arena *a, const char **at, const char *end, struct slice *out)
{
    const char *p = *at + 1;
    struct buf  b;
    size_t      octets;
    void       *block;

    while (p < end && *p != '"')
        p += *p == '\\' ? 2 : 1;
    if (p >= end)
        return ERR_SYNTAX;
    octets = (size_t)(p + 1 - *at);
    if (!(block = arena_alloc(a, octets)))
        return ERR_NOMEM;
    buf_init(&b, block, octets);
    msg_put_unquoted(&b, (struct slice){*at, octets});
    *out = buf_slice(&b);
    *at = p + 1;
    return ERR_OK;
}

/* A quoted string off the front; what is between the quotes. */
static enum err take_quoted(struct arena *a, const char **at, const char *end, struct slice *out)
{
    const char *from = *at + 1, *to = at_char(from, end, '"');

    if (to == end)
        return ERR_SYNTAX;
    if (at_char(from, to, '\\') != to)
        return take_escaped(a, at, end, out);
    *out = slice_between(from, to);
    *at = to + 1;
    return ERR_OK;
}

enum err auth_params_begin(struct slice value, struct slice *rest)
{
    struct slice s = slice_trim(value), scheme = S("Digest");

    if (!slice_istarts(s, scheme) || (s.n > scheme.n && !is_blank(s.p[scheme.n])))
        return ERR_UNSUPPORTED;
    *rest = slice_from(s, scheme.n);
    return ERR_OK;
}

/* A name and its sign off the front. */
static enum err take_name(const char **at, const char *end, struct slice *out)
{
    struct slice s = slice_between(*at, end);
    const char  *p;

    *out = msg_take_token(&s);
    p = behind_blank(s.p, end);
    if (!out->n || p == end || *p != '=')
        return ERR_SYNTAX;
    *at = behind_blank(p + 1, end);
    return ERR_OK;
}

/* Pointers, not slices: ten of these stand in the credentials of a request. */
enum err auth_params_next(struct arena *a, struct slice *rest, struct auth_param *out)
{
    const char *p = rest->p, *end = p + rest->n, *comma;
    enum err    e;

    while (p < end && (is_blank(*p) || *p == ','))
        p++;
    if (p == end)
        return ERR_NOTFOUND;
    if ((e = take_name(&p, end, &out->name)))
        return e;
    out->quoted = p < end && *p == '"';
    if (!out->quoted) {
        comma = at_char(p, end, ',');
        out->value = slice_trim(slice_between(p, comma));
        p = comma;
    } else if ((e = take_quoted(a, &p, end, &out->value))) {
        return e;
    }
    p = behind_blank(p, end);
    if (p < end && *p != ',')
        return ERR_SYNTAX;
    if (out->value.n > AUTH_MAX_VALUE)
        return ERR_LIMIT;
    *rest = slice_between(p, end);
    return ERR_OK;
}
