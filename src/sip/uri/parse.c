/* parse.c - a URI's parts: RFC 3261 §19.1.1 and §25.1, RFC 3966 §3, RFC 5118.
 *
 * Room      sip/uri (pure).
 * In        the text of one URI.
 * Out       slices into it.
 * Touches   *out only, and only when all went well.
 * Not here  what parameters mean (params.c); comparison (equal.c). */
#include "sip/uri/uri_priv.h"

enum { BLOCK = 16 };

/* One URI while it is read: from left to right, each octet once. */
struct reading {
    const char *p;   /* what is left; where the fault is when something does not fit */
    const char *end;
};

COLD static enum err fail_at(struct reading *r, const char *where)
{
    r->p = where;
    return ERR_SYNTAX;
}

static enum err need_all_of(struct reading *r, struct slice s, uint8_t class)
{
    const char *behind = uri_behind(s.p, slice_end(s), class);

    return behind == slice_end(s) ? ERR_OK : fail_at(r, behind);
}

static bool is_next(const struct reading *r, char c)
{
    return r->p < r->end && *r->p == c;
}

static struct slice left(const struct reading *r)
{
    return slice_between(r->p, r->end);
}

/* scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) */
COLD static enum err read_any_scheme(struct reading *r, struct uri *u)
{
    const char *p = r->p;

    if (p == r->end || !ascii_is_alpha(*p))
        return fail_at(r, p);
    while (p < r->end && (ascii_is_alnum(*p) || *p == '+' || *p == '-' || *p == '.'))
        p++;
    if (p == r->end || *p != ':')
        return fail_at(r, p);
    u->scheme_text = slice_between(r->p, p);
    if (slice_ieq(u->scheme_text, S("sips")))
        u->scheme = URI_SIPS;
    else
        u->scheme = slice_ieq(u->scheme_text, S("tel")) ? URI_TEL : URI_OTHER;
    return ERR_OK;
}

static enum err read_scheme(struct reading *r, struct uri *u)
{
    if (r->end - r->p >= 4 && (scan_word_of(r->p, 4) | 0x202020) == scan_word_of("sip:", 4))
        u->scheme_text = (struct slice){r->p, 3}; /* URI_SIP: it is that already */
    else if (read_any_scheme(r, u))
        return ERR_SYNTAX;
    r->p += u->scheme_text.n + 1;
    u->opaque = left(r);
    return ERR_OK;
}

/* Everything before the first '@', and the user may hold any of ";?/": so it is read before it is known that there is one. */
static enum err read_userinfo(struct reading *r, struct uri *u)
{
    const char *from = r->p, *p = uri_behind(from, r->end, URI_C_USER), *colon = NULL;

    if (p < r->end && *p == ':') {
        colon = p;
        p = uri_behind(p + 1, r->end, URI_C_PASSWORD);
    }
    if (p == r->end || (*p != '@' && slice_find(slice_between(p, r->end), '@') == SIZE_MAX))
        return ERR_OK;
    u->user = slice_between(from, colon ? colon : p);
    if (*p != '@' || !u->user.n)
        return fail_at(r, u->user.n ? p : from);
    if (colon) {
        u->has_password = true;
        u->password = slice_between(colon + 1, p);
    }
    r->p = p + 1;
    return ERR_OK;
}

/* How many octets of `in` are an IPv6 reference with its brackets; 0 when it is none. */
COLD static size_t ip6_reference(struct slice in)
{
    struct addr a;
    size_t      end = slice_find(in, ']');

    if (end == SIZE_MAX || uri_addr_of_host(slice_between(in.p + 1, in.p + end), &a) || a.family != ADDR_IP6)
        return 0;
    return end + 1;
}

/* hostname or IPv4address: how many octets; 0: none. A name does not begin or end with '-', has no empty label; a last '.' is
 * allowed. */
static size_t any_host_name(const char *from, const char *end)
{
    const char *p = from, *label = p;

    for (; p < end; p++) {
        if (uri_class(*p) & URI_C_LABEL)
            continue;
        if (*p != '.')
            break;
        if (p == label)
            return 0;
        label = p + 1;
    }
    return p > from && *from != '-' && p[-1] != '-' ? (size_t)(p - from) : 0;
}

/* The same, 16 octets at a time, in a text that begins at `text`: what is left of it is looked at as a part of its last 16. */
static inline size_t host_name(const char *text, const char *from, const char *end)
{
    const char *at;
    uint64_t    dot, rest;
    unsigned    n;

    if (end - text < BLOCK)
        return any_host_name(from, end);
    at = end - from < BLOCK ? end - BLOCK : from;
    dot = scan_where16(at, '.') >> (from - at);
    rest = ~(scan_plain16(at) >> (from - at));
    n = (unsigned)__builtin_ctzll(rest);
    if (n == BLOCK)
        return any_host_name(from, end);
    dot &= rest - 1; /* those before the end */
    return n && !(dot & (dot << 1 | 1)) && *from != '-' && from[n - 1] != '-' ? n : 0;
}

/* False: there is none, or one that no port has. */
static inline bool read_port(const char **at, const char *end, uint16_t *port)
{
    const char *p = *at;
    uint32_t    n = 0;

    for (; p < end && ascii_is_digit(*p); p++) {
        n = n * 10 + (uint32_t)(*p - '0');
        if (n > UINT16_MAX)
            return false;
    }
    *at = p;
    *port = (uint16_t)n;
    return n > 0;
}

/* Behind the port that may stand behind a host; NULL: there is a bad one. */
static inline const char *behind_port(const char *p, const char *end, uint16_t *port)
{
    *port = 0;
    if (p == end || *p != ':')
        return p;
    p++;
    return read_port(&p, end, port) ? p : NULL;
}

/* Behind host and port; NULL: there is none. `text` is where the text begins of which they are a part. */
const char *uri_read_hostport(const char *text, const char *p, const char *end, struct uri_hostport *out)
{
    bool   is_ip6 = p < end && *p == '[';
    size_t n = is_ip6 ? ip6_reference(slice_between(p, end)) : host_name(text, p, end);

    if (!n)
        return NULL;
    out->host = is_ip6 ? (struct slice){p + 1, n - 2} : (struct slice){p, n};
    out->host_is_ip6 = is_ip6;
    return behind_port(p + n, end, &out->port);
}

enum err uri_parse_hostport(struct slice in, struct uri_hostport *out, struct slice *rest)
{
    struct uri_hostport hp;
    const char         *end = slice_end(in), *behind = uri_read_hostport(in.p, in.p, end, &hp);

    if (!behind)
        return ERR_SYNTAX;
    *out = hp;
    *rest = slice_between(behind, end);
    return ERR_OK;
}

static enum err read_host(struct reading *r, struct uri *u)
{
    struct uri_hostport hp;
    const char         *behind = uri_read_hostport(u->raw.p, r->p, r->end, &hp);

    if (!behind)
        return ERR_SYNTAX;
    u->host = hp.host;
    u->port = hp.port;
    u->host_is_ip6 = hp.host_is_ip6;
    r->p = behind;
    return behind == r->end || *behind == ';' || *behind == '?' ? ERR_OK : ERR_SYNTAX;
}

/* *( ";" pname [ "=" pvalue ] ); the '?' that begins the headers is no paramchar, so it ends them. */
static enum err read_params(struct reading *r, struct uri *u)
{
    const char *from = r->p, *name;

    for (unsigned n = 0; is_next(r, ';'); n++) {
        if (n == URI_MAX_PARAMS)
            return ERR_LIMIT;
        name = r->p + 1;
        r->p = uri_behind(name, r->end, URI_C_PARAM);
        if (r->p == name)
            return ERR_SYNTAX;
        if (is_next(r, '='))
            r->p = uri_behind(r->p + 1, r->end, URI_C_VALUE);
    }
    u->params = slice_between(from, r->p);
    return r->p == r->end || *r->p == '?' ? ERR_OK : ERR_SYNTAX;
}

COLD static enum err read_headers(struct reading *r, struct uri *u)
{
    struct slice rest, one, name;
    unsigned     n = 0;
    enum err     e;

    r->p++;
    u->headers = rest = left(r);
    for (bool more = true; more; n++) {
        if (n == URI_MAX_HEADERS)
            return ERR_LIMIT;
        more = slice_cut(&rest, '&', &one);
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

    if ((e = read_userinfo(r, u)) || (e = read_host(r, u)))
        return e;
    if (is_next(r, ';') && (e = read_params(r, u)))
        return e;
    return is_next(r, '?') ? read_headers(r, u) : ERR_OK;
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

COLD static enum err read_tel(struct reading *r, struct uri *u)
{
    struct slice rest = left(r);
    size_t       question = slice_find(rest, '?');

    u->user = slice_to(rest, slice_find(rest, ';'));
    if (!is_number(u->user))
        return ERR_SYNTAX;
    r->p += u->user.n;
    if (question != SIZE_MAX)
        return fail_at(r, rest.p + question);
    return read_params(r, u);
}

COLD static enum err read_other(struct reading *r, struct uri *u)
{
    return u->opaque.n ? need_all_of(r, u->opaque, URI_C_OPAQUE) : ERR_SYNTAX;
}

static enum err read_uri(struct reading *r, struct uri *u)
{
    enum err e = read_scheme(r, u);

    if (e)
        return e;
    switch (u->scheme) {
    case URI_TEL: return read_tel(r, u);
    case URI_OTHER: return read_other(r, u);
    default: return read_sip(r, u);
    }
}

/* Behind parameters without escapes; NULL: something else is there, or too many. */
static const char *plain_params(const char *p, const char *end)
{
    for (unsigned n = 0; p < end && *p == ';'; n++) {
        const char *name = p + 1;

        p = scan_behind(name, end, uri_class_of, URI_C_PARAM);
        if (p == name || n == URI_MAX_PARAMS)
            return NULL;
        if (p < end && *p == '=')
            p = scan_behind(p + 1, end, uri_class_of, URI_C_VALUE);
    }
    return p;
}

const char *uri_read_plain(const char *from, const char *end, struct uri *u)
{
    const char *user = from + 4, *at, *host, *behind, *to;
    size_t      n;
    uint16_t    port;

    if (end - from < 8 || (scan_word(from) | 0x202020) << 32 != scan_word("sip:sip:") << 32)
        return NULL;
    at = scan_behind(user, end, uri_class_of, URI_C_USER);
    if (at == user || at == end || *at != '@')
        return NULL;
    host = at + 1;
    if (!(n = host_name(from, host, end)) || !(behind = behind_port(host + n, end, &port)))
        return NULL;
    if (!(to = plain_params(behind, end)) || to - from > URI_MAX_OCTETS)
        return NULL;
    *u = (struct uri){
        .raw = {from, (size_t)(to - from)}, .scheme = URI_SIP, .scheme_text = {from, 3}, .user = {user, (size_t)(at - user)},
        .host = {host, n}, .params = {behind, (size_t)(to - behind)}, .opaque = {user, (size_t)(to - user)}, .port = port};
    return to;
}

enum err uri_read(struct slice in, struct uri *u)
{
    struct reading r = {in.p, slice_end(in)};

    if (in.n && uri_read_plain(r.p, r.end, u) == r.end)
        return ERR_OK;
    *u = (struct uri){.raw = in};
    return in.n > URI_MAX_OCTETS ? ERR_LIMIT : read_uri(&r, u);
}

COLD static size_t fault_of(struct slice in)
{
    struct reading r = {in.p, slice_end(in)};
    struct uri     u = {.raw = in};

    (void)read_uri(&r, &u);
    return (size_t)(r.p - in.p);
}

enum err uri_parse(struct slice in, struct uri *out, size_t *fault)
{
    struct uri u;
    enum err   e = uri_read(in, &u);

    if (!e)
        *out = u;
    else if (e == ERR_SYNTAX && fault)
        *fault = fault_of(in);
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
