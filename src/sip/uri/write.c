/* write.c - URIs as text: from their fields, with a parameter more or less, and as keys of addresses of record.
 *
 * Room      sip/uri (pure).
 * In        parsed URIs, raw octets.
 * Out       text in a buf; whether it fitted is the caller's to ask (buf_err). */
#include "sip/uri/uri_priv.h"

void uri_put_host(struct buf *b, struct slice host)
{
    if (slice_find(host, ':') == SIZE_MAX) {
        buf_put(b, host);
        return;
    }
    buf_puts(b, S("["), host, S("]"));
}

static struct slice scheme_name(const struct uri *u)
{
    switch (u->scheme) {
    case URI_SIP:
        return S("sip");
    case URI_SIPS:
        return S("sips");
    case URI_TEL:
        return S("tel");
    case URI_OTHER:
        break;
    }
    return u->scheme_text;
}

/* All before the parameters. */
static void put_front(struct buf *b, const struct uri *u)
{
    buf_puts(b, scheme_name(u), S(":"));
    if (u->scheme == URI_OTHER) {
        buf_put(b, u->opaque);
        return;
    }
    buf_put(b, u->user);
    if (u->scheme == URI_TEL)
        return;
    if (u->has_password)
        buf_puts(b, S(":"), u->password);
    if (u->user.n)
        buf_putc(b, '@');
    uri_put_host(b, u->host);
    if (u->port) {
        buf_putc(b, ':');
        buf_putu(b, u->port);
    }
}

static void put_headers(struct buf *b, const struct uri *u)
{
    if (u->headers.n)
        buf_puts(b, S("?"), u->headers);
}

static void put_pair(struct buf *b, struct slice name, struct slice value)
{
    buf_puts(b, S(";"), name);
    if (value.n)
        buf_puts(b, S("="), value);
}

static void put_pair_as_was(struct buf *b, const struct uri_pair *pair)
{
    buf_puts(b, S(";"), pair->name);
    if (pair->has_value)
        buf_puts(b, S("="), pair->value);
}

void uri_write(struct buf *b, const struct uri *u)
{
    put_front(b, u);
    buf_put(b, u->params);
    put_headers(b, u);
}

void uri_write_without(struct buf *b, const struct uri *u, struct slice name)
{
    struct slice    rest = u->params;
    struct uri_pair pair;

    put_front(b, u);
    while (uri_next_param(&rest, &pair))
        if (!uri_same_text(pair.name, name, true))
            put_pair_as_was(b, &pair);
    put_headers(b, u);
}

void uri_write_with(struct buf *b, const struct uri *u, struct slice name, struct slice value)
{
    struct slice    rest = u->params;
    struct uri_pair pair;
    bool            done = false;

    put_front(b, u);
    while (uri_next_param(&rest, &pair)) {
        if (!uri_same_text(pair.name, name, true))
            put_pair_as_was(b, &pair);
        else if (!done) {
            put_pair(b, name, value);
            done = true;
        }
    }
    if (!done)
        put_pair(b, name, value);
    put_headers(b, u);
}

void uri_put_unescaped(struct buf *b, struct slice escaped)
{
    bool was;

    for (size_t i = 0; i < escaped.n;)
        buf_putc(b, (char)uri_octet(escaped, &i, &was));
}

/* '#' is read in a user part but never written there: it is not of the grammar. */
static void put_octet(struct buf *b, unsigned char c, unsigned class)
{
    static const char hex[] = "0123456789ABCDEF";

    if (uri_class((char)c) & class && c != '#') {
        buf_putc(b, (char)c);
        return;
    }
    buf_putc(b, '%');
    buf_putc(b, hex[c >> 4]);
    buf_putc(b, hex[c & 15]);
}

static void put_escaped(struct buf *b, struct slice octets, unsigned class)
{
    for (size_t i = 0; i < octets.n; i++)
        put_octet(b, (unsigned char)octets.p[i], class);
}

void uri_put_escaped_user(struct buf *b, struct slice octets)
{
    put_escaped(b, octets, URI_C_USER);
}

void uri_put_escaped_param(struct buf *b, struct slice octets)
{
    put_escaped(b, octets, URI_C_PARAM);
}

/* Only what the grammar has there: '@', ';', '=' and ',' are read leniently, and written as escapes. */
void uri_put_escaped_header(struct buf *b, struct slice octets)
{
    put_escaped(b, octets, URI_C_UNRESERVED);
}

void uri_put_number(struct buf *b, struct slice number)
{
    for (size_t i = 0; i < number.n; i++) {
        char c = number.p[i];

        if (c != '-' && c != '.' && c != '(' && c != ')')
            buf_putc(b, ascii_lower(c));
    }
}

/* "+1-212-555-0101" in a SIP URI that says user=phone is that number (RFC 3261 §19.1.6). */
static bool user_is_number(const struct uri *u)
{
    struct slice value;

    if (u->scheme == URI_TEL)
        return true;
    if (uri_param(u, S("user"), &value) || !slice_ieq(value, S("phone")) || !u->user.n || u->user.p[0] != '+')
        return false;
    for (size_t i = 1; i < u->user.n; i++)
        if (!ascii_is_digit(u->user.p[i]) && slice_find(S("-.()"), u->user.p[i]) == SIZE_MAX)
            return false;
    return true;
}

/* Digits and small letters are their own key, as a number and as a name. */
static bool is_plain(struct slice user)
{
    for (size_t i = 0; i < user.n; i++)
        if (!ascii_is_digit(user.p[i]) && !(user.p[i] >= 'a' && user.p[i] <= 'z'))
            return false;
    return true;
}

void uri_put_user_key(struct buf *b, const struct uri *u)
{
    bool was;

    if (is_plain(u->user)) {
        buf_put(b, u->user);
        return;
    }
    if (user_is_number(u)) {
        uri_put_number(b, u->user);
        return;
    }
    for (size_t i = 0; i < u->user.n;)
        put_octet(b, uri_octet(u->user, &i, &was), URI_C_USER);
}

static void put_host_key(struct buf *b, const struct uri *u)
{
    struct addr a;

    if (uri_addr_of_host(u->host, &a) == ERR_OK)
        addr_put_host(b, &a);
    else
        buf_put_lower(b, slice_ends(u->host, S(".")) ? slice_to(u->host, u->host.n - 1) : u->host);
    if (u->port && u->port != (u->scheme == URI_SIPS ? 5061 : 5060)) {
        buf_putc(b, ':');
        buf_putu(b, u->port);
    }
}

void uri_put_aor(struct buf *b, const struct uri *u)
{
    struct slice context;

    if (u->scheme == URI_OTHER) {
        buf_put_lower(b, u->scheme_text);
        buf_puts(b, S(":"), u->opaque);
        return;
    }
    uri_put_user_key(b, u);
    if (u->scheme != URI_TEL) {
        if (u->user.n)
            buf_putc(b, '@');
        put_host_key(b, u);
    } else if (u->user.p[0] != '+' && uri_param(u, S("phone-context"), &context) == ERR_OK) {
        buf_put(b, S(";phone-context="));
        buf_put_lower(b, context);
    }
}
