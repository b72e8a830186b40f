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

static void skip_blank(struct slice *s)
{
    while (s->n && is_blank(s->p[0]))
        *s = slice_from(*s, 1);
}

/* What is before c, or all of it, without blanks around. c stays. */
static struct slice take_until(struct slice *s, char c)
{
    size_t       n = slice_find(*s, c);
    struct slice got = slice_to(*s, n);

    *s = slice_from(*s, n);
    return slice_trim(got);
}

/* A quoted string off the front; what is between the quotes, escapes undone in the arena where there are any. */
static enum err take_quoted(struct arena *a, struct slice *s, struct slice *out)
{
    struct slice rest = slice_from(*s, 1);
    size_t       n = slice_find(rest, '"'), i = 1;
    struct buf   b;
    void        *block;

    if (n == SIZE_MAX)
        return ERR_SYNTAX;
    *out = slice_to(rest, n);
    if (slice_find(*out, '\\') == SIZE_MAX) {
        *s = slice_from(rest, n + 1);
        return ERR_OK;
    }
    while (i < s->n && s->p[i] != '"')
        i += s->p[i] == '\\' ? 2 : 1;
    if (i >= s->n)
        return ERR_SYNTAX;
    if (!(block = arena_alloc(a, i + 1)))
        return ERR_NOMEM;
    buf_init(&b, block, i + 1);
    msg_put_unquoted(&b, slice_to(*s, i + 1));
    *out = buf_slice(&b);
    *s = slice_from(*s, i + 1);
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

enum err auth_params_next(struct arena *a, struct slice *rest, struct auth_param *out)
{
    struct slice s = *rest;
    enum err     e;

    while (s.n && (is_blank(s.p[0]) || s.p[0] == ','))
        s = slice_from(s, 1);
    if (!s.n)
        return ERR_NOTFOUND;
    out->name = take_until(&s, '=');
    if (!s.n || !msg_is_token(out->name))
        return ERR_SYNTAX;
    s = slice_from(s, 1);
    skip_blank(&s);
    out->quoted = s.n && s.p[0] == '"';
    if (!out->quoted)
        out->value = take_until(&s, ',');
    else if ((e = take_quoted(a, &s, &out->value)))
        return e;
    skip_blank(&s);
    if (s.n && s.p[0] != ',')
        return ERR_SYNTAX;
    if (out->value.n > AUTH_MAX_VALUE)
        return ERR_LIMIT;
    *rest = s;
    return ERR_OK;
}
