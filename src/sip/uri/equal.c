/* equal.c - are two URIs one? RFC 3261 §19.1.4, RFC 3966 §4.
 *
 * Room      sip/uri (pure).
 * In        parsed URIs.
 * Out       yes or no.
 * Not here  whether two addresses of record are one: that is equality of their keys (write.c, uri_put_aor). */
#include "sip/uri/uri_priv.h"

/* An escape equals the character it stands for, unless that is reserved: then it is another thing (§19.1.4). */
enum { ESCAPED_RESERVED = 0x100 };

static int next_unit(struct slice s, size_t *i, bool fold)
{
    bool escaped;
    int  c = uri_octet(s, i, &escaped);

    if (escaped && uri_class((char)c) & URI_C_RESERVED)
        return c | ESCAPED_RESERVED;
    return fold ? (unsigned char)ascii_lower((char)c) : c;
}

bool uri_same_text(struct slice a, struct slice b, bool fold)
{
    size_t i = 0, k = 0;

    while (i < a.n && k < b.n)
        if (next_unit(a, &i, fold) != next_unit(b, &k, fold))
            return false;
    return i == a.n && k == b.n;
}

bool uri_text_equal(struct slice a, struct slice b)
{
    return uri_same_text(a, b, false);
}

bool uri_host_equal(struct slice a, struct slice b)
{
    struct addr x, y;

    if (slice_ieq(a, b))
        return true;
    return uri_addr_of_host(a, &x) == ERR_OK && uri_addr_of_host(b, &y) == ERR_OK && x.family == y.family
           && addr_same_ip(&x, &y);
}

/* These count even when only one of the two has them; any other is then ignored. `transport` is by the RFC's example. */
static bool must_be_in_both(struct slice name)
{
    static const struct slice names[] = {S("user"), S("ttl"), S("method"), S("maddr"), S("transport")};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (uri_same_text(name, names[i], true))
            return true;
    return false;
}

/* Everything that `a` says in parameters, does `b` not contradict it? */
static bool params_agree(const struct uri *a, const struct uri *b)
{
    struct slice    rest = a->params;
    struct uri_pair pair;
    struct slice    mine, other;

    while (uri_next_param(&rest, &pair)) {
        if (uri_param(b, pair.name, &other)) {
            if (must_be_in_both(pair.name))
                return false;
            continue;
        }
        /* by name again: where a name occurs twice the first one counts, on both sides */
        if (uri_param(a, pair.name, &mine) || !uri_same_text(mine, other, true))
            return false;
    }
    return true;
}

static size_t count_header(const struct uri *u, const struct uri_pair *like)
{
    struct slice    rest = u->headers;
    struct uri_pair pair;
    size_t          n = 0;

    while (uri_next_header(&rest, &pair))
        n += uri_same_text(pair.name, like->name, true) && uri_same_text(pair.value, like->value, false);
    return n;
}

/* Header fields are never ignored, their order is. */
static bool headers_within(const struct uri *a, const struct uri *b)
{
    struct slice    rest = a->headers;
    struct uri_pair pair;

    while (uri_next_header(&rest, &pair))
        if (count_header(a, &pair) != count_header(b, &pair))
            return false;
    return true;
}

static bool sip_equal(const struct uri *a, const struct uri *b)
{
    return uri_text_equal(a->user, b->user) && a->has_password == b->has_password
           && uri_text_equal(a->password, b->password) && a->port == b->port && uri_host_equal(a->host, b->host)
           && params_agree(a, b) && params_agree(b, a) && headers_within(a, b) && headers_within(b, a);
}

static bool is_separator(char c)
{
    return c == '-' || c == '.' || c == '(' || c == ')';
}

/* Digits without visual separators; letters (hex digits of local numbers) without case. */
static bool number_equal(struct slice a, struct slice b)
{
    size_t i = 0, k = 0;

    for (;;) {
        while (i < a.n && is_separator(a.p[i]))
            i++;
        while (k < b.n && is_separator(b.p[k]))
            k++;
        if (i == a.n || k == b.n)
            return i == a.n && k == b.n;
        if (ascii_lower(a.p[i++]) != ascii_lower(b.p[k++]))
            return false;
    }
}

/* phone-context is a number or a domain name, ext and isub are digits (RFC 3966 §4). */
static bool tel_value_equal(struct slice name, struct slice a, struct slice b)
{
    bool number = slice_ieq(name, S("ext")) || (slice_ieq(name, S("phone-context")) && a.n && a.p[0] == '+');

    return number ? number_equal(a, b) : uri_same_text(a, b, true);
}

static bool tel_params_within(const struct uri *a, const struct uri *b)
{
    struct slice    rest = a->params;
    struct uri_pair pair;
    struct slice    mine, other;

    while (uri_next_param(&rest, &pair))
        if (uri_param(a, pair.name, &mine) || uri_param(b, pair.name, &other) || !tel_value_equal(pair.name, mine, other))
            return false;
    return true;
}

static bool tel_equal(const struct uri *a, const struct uri *b)
{
    return number_equal(a->user, b->user) && tel_params_within(a, b) && tel_params_within(b, a);
}

bool uri_equal(const struct uri *a, const struct uri *b)
{
    if (a->scheme != b->scheme)
        return false;
    switch (a->scheme) {
    case URI_SIP:
    case URI_SIPS:
        return sip_equal(a, b);
    case URI_TEL:
        return tel_equal(a, b);
    case URI_OTHER:
        break;
    }
    return slice_ieq(a->scheme_text, b->scheme_text) && slice_eq(a->opaque, b->opaque);
}
