/* parse.c - a URI's parts: RFC 3261 §19.1.1 and §25.1, RFC 3966 §3, RFC 5118.
 *
 * Room      sip/uri (pure).
 * In        the text of one URI.
 * Out       slices into it.
 * Touches   *out only, and only when all went well.
 * Not here  what parameters mean (params.c); comparison (equal.c). */
#include "sip/uri/uri_priv.h"

/* One URI while it is read. `at` is what is left; the fault is where it begins when something does not fit. */
struct reading {
    struct slice in;
    struct slice at;
    size_t       fault;
};

static enum err fail_at(struct reading *r, const char *where)
{
    r->fault = (size_t)(where - r->in.p);
    return ERR_SYNTAX;
}

static enum err need_all_of(struct reading *r, struct slice s, unsigned class)
{
    size_t bad;

    return uri_all_of(s, class, &bad) ? ERR_OK : fail_at(r, s.p + bad);
}

static enum uri_scheme scheme_find(struct slice text)
{
    if (slice_ieq(text, S("sip")))
        return URI_SIP;
    if (slice_ieq(text, S("sips")))
        return URI_SIPS;
    return slice_ieq(text, S("tel")) ? URI_TEL : URI_OTHER;
}

/* scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) */
static enum err read_scheme(struct reading *r, struct uri *u)
{
    size_t i = 0;

    if (slice_istarts(r->at, S("sip:"))) {
        u->scheme_text = slice_to(r->at, 3);
        u->scheme = URI_SIP;
        r->at = u->opaque = slice_from(r->at, 4);
        return ERR_OK;
    }
    if (!r->at.n || !ascii_is_alpha(r->at.p[0]))
        return fail_at(r, r->at.p);
    while (i < r->at.n && (ascii_is_alnum(r->at.p[i]) || r->at.p[i] == '+' || r->at.p[i] == '-' || r->at.p[i] == '.'))
        i++;
    if (i == r->at.n || r->at.p[i] != ':')
        return fail_at(r, r->at.p + i);
    u->scheme_text = slice_to(r->at, i);
    u->scheme = scheme_find(u->scheme_text);
    r->at = u->opaque = slice_from(r->at, i + 1);
    return ERR_OK;
}

/* Everything before the first '@'. The user may hold any of ";?/", so '@' is looked for before anything else. */
static enum err read_userinfo(struct reading *r, struct uri *u)
{
    size_t       at = slice_find(r->at, '@');
    struct slice info;
    enum err     e;

    if (at == SIZE_MAX)
        return ERR_OK;
    info = slice_to(r->at, at);
    u->has_password = slice_cut(&info, ':', &u->user);
    u->password = info;
    if (!u->user.n)
        return fail_at(r, r->at.p);
    if ((e = need_all_of(r, u->user, URI_C_USER)) || (u->has_password && (e = need_all_of(r, u->password, URI_C_PASSWORD))))
        return e;
    r->at = slice_from(r->at, at + 1);
    return ERR_OK;
}

/* How many octets of `in` are an IPv6 reference with its brackets; 0 when it is none. */
static size_t ip6_reference(struct slice in)
{
    struct addr a;
    size_t      end = slice_find(in, ']');

    if (end == SIZE_MAX || uri_addr_of_host(slice_between(in.p + 1, in.p + end), &a) || a.family != ADDR_IP6)
        return 0;
    return end + 1;
}

/* hostname or IPv4address. A name does not begin or end with '-', has no empty label; a last '.' is allowed. */
static size_t host_name(struct slice in)
{
    size_t n = 0;

    while (n < in.n && uri_class(in.p[n]) & URI_C_HOST) {
        if (in.p[n] == '.' && (n == 0 || in.p[n - 1] == '.'))
            return 0;
        n++;
    }
    return n && in.p[0] != '-' && in.p[n - 1] != '-' ? n : 0;
}

enum err uri_parse_hostport(struct slice in, struct uri_hostport *out, struct slice *rest)
{
    struct uri_hostport hp = {.host_is_ip6 = in.n && in.p[0] == '['};
    size_t              n = hp.host_is_ip6 ? ip6_reference(in) : host_name(in);
    size_t              digits = 0;

    if (!n)
        return ERR_SYNTAX;
    hp.host = hp.host_is_ip6 ? slice_between(in.p + 1, in.p + n - 1) : slice_to(in, n);
    in = slice_from(in, n);
    if (in.n && in.p[0] == ':') {
        in = slice_from(in, 1);
        while (digits < in.n && ascii_is_digit(in.p[digits]))
            digits++;
        if (slice_u16(slice_to(in, digits), &hp.port) || hp.port == 0)
            return ERR_SYNTAX;
        in = slice_from(in, digits);
    }
    *out = hp;
    *rest = in;
    return ERR_OK;
}

static enum err read_host(struct reading *r, struct uri *u)
{
    struct uri_hostport hp;
    struct slice        rest;

    if (uri_parse_hostport(r->at, &hp, &rest))
        return fail_at(r, r->at.p);
    u->host = hp.host;
    u->port = hp.port;
    u->host_is_ip6 = hp.host_is_ip6;
    if (rest.n && rest.p[0] != ';' && rest.p[0] != '?')
        return fail_at(r, rest.p);
    r->at = rest;
    return ERR_OK;
}

static enum err check_param(struct reading *r, struct slice one)
{
    struct slice name;
    bool         has_value = slice_cut(&one, '=', &name);
    size_t       bad;

    if (!name.n)
        return fail_at(r, name.p);
    if (!uri_all_of(name, URI_C_PARAM, &bad))
        return fail_at(r, name.p + bad);
    /* "=" within a value is no paramchar, but base64 values come so */
    if (has_value && !uri_all_of(one, URI_C_PARAM | URI_C_HEADER, &bad))
        return fail_at(r, one.p + bad);
    return ERR_OK;
}

/* *( ";" pname [ "=" pvalue ] ); the '?' that begins the headers is no paramchar, so it ends them. */
static enum err read_params(struct reading *r, struct uri *u)
{
    size_t       end;
    struct slice left, one;
    unsigned     n = 0;
    enum err     e;

    if (!r->at.n) {
        u->params = r->at;
        return ERR_OK;
    }
    end = slice_find(r->at, '?');
    u->params = end == SIZE_MAX ? r->at : slice_to(r->at, end);
    r->at = slice_from(r->at, u->params.n);
    if (!u->params.n)
        return ERR_OK;
    left = slice_from(u->params, 1);
    for (bool more = true; more; n++) {
        if (n == URI_MAX_PARAMS)
            return ERR_LIMIT;
        more = slice_cut(&left, ';', &one);
        if ((e = check_param(r, one)))
            return e;
    }
    return ERR_OK;
}

static enum err read_headers(struct reading *r, struct uri *u)
{
    struct slice left, one, name;
    unsigned     n = 0;
    enum err     e;

    if (!r->at.n)
        return ERR_OK;
    u->headers = left = slice_from(r->at, 1);
    for (bool more = true; more; n++) {
        if (n == URI_MAX_HEADERS)
            return ERR_LIMIT;
        more = slice_cut(&left, '&', &one);
        if (!slice_cut(&one, '=', &name) || !name.n)
            return fail_at(r, name.p);
        if ((e = need_all_of(r, name, URI_C_HEADER)) || (e = need_all_of(r, one, URI_C_HEADER)))
            return e;
    }
    return ERR_OK;
}

static enum err read_sip(struct reading *r, struct uri *u)
{
    enum err e;

    if ((e = read_userinfo(r, u)) || (e = read_host(r, u)) || (e = read_params(r, u)))
        return e;
    return read_headers(r, u);
}

/* global: "+" digits and separators; local: hex digits, "*", "#" and separators (RFC 3966 §3). */
static bool is_number(struct slice s)
{
    bool   global = s.n && s.p[0] == '+';
    size_t digits = 0;

    for (size_t i = global; i < s.n; i++) {
        char c = s.p[i];

        if (c == '-' || c == '.' || c == '(' || c == ')')
            continue;
        if (global ? !ascii_is_digit(c) : hex_value(c) < 0 && c != '*' && c != '#')
            return false;
        digits++;
    }
    return digits > 0;
}

static enum err read_tel(struct reading *r, struct uri *u)
{
    size_t end = slice_find(r->at, ';');

    u->user = end == SIZE_MAX ? r->at : slice_to(r->at, end);
    if (!is_number(u->user))
        return fail_at(r, r->at.p);
    r->at = slice_from(r->at, u->user.n);
    if (slice_find(r->at, '?') != SIZE_MAX)
        return fail_at(r, r->at.p + slice_find(r->at, '?'));
    return read_params(r, u);
}

static enum err read_other(struct reading *r, struct uri *u)
{
    if (!u->opaque.n)
        return fail_at(r, u->opaque.p);
    return need_all_of(r, u->opaque, URI_C_OPAQUE);
}

enum err uri_parse(struct slice in, struct uri *out, size_t *fault)
{
    struct reading r = {.in = in, .at = in};
    struct uri     u = {.raw = in};
    enum err       e;

    if (in.n > URI_MAX_OCTETS)
        return ERR_LIMIT;
    e = read_scheme(&r, &u);
    if (!e && u.scheme == URI_TEL)
        e = read_tel(&r, &u);
    else if (!e && u.scheme == URI_OTHER)
        e = read_other(&r, &u);
    else if (!e)
        e = read_sip(&r, &u);
    if (!e)
        *out = u;
    else if (e == ERR_SYNTAX && fault)
        *fault = r.fault;
    return e;
}

bool uri_is_sip(const struct uri *u)
{
    return u->scheme == URI_SIP || u->scheme == URI_SIPS;
}

/* ":::" before the embedded IPv4 address is what RFC 3261's grammar makes of "::" (RFC 5118 §4.10). */
static enum err triple_colon(struct slice host, struct addr *out)
{
    char       text[ADDR_MAX_TEXT];
    struct buf b = BUF_ON(text);
    size_t     at = slice_find_slice(host, S(":::"));

    if (at == SIZE_MAX)
        return ERR_NOTFOUND;
    buf_puts(&b, slice_to(host, at), slice_from(host, at + 1));
    return buf_err(&b) || addr_parse_ip(buf_slice(&b), out) ? ERR_NOTFOUND : ERR_OK;
}

enum err uri_addr_of_host(struct slice host, struct addr *out)
{
    if (addr_parse_ip(host, out) == ERR_OK)
        return ERR_OK;
    return triple_colon(host, out);
}

enum err uri_host_addr(const struct uri *u, struct addr *out)
{
    enum err e = uri_addr_of_host(u->host, out);

    if (!e)
        out->port = u->port;
    return e;
}
