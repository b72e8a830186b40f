/* via.c - Via: RFC 3261 §20.42, §18.2; RFC 3581 (rport); RFC 5118 §4.5 (received with and without brackets).
 *
 * Room      sip/msg (pure).
 * In        one element of a Via field; the address a request came from.
 * Out       its parts; the element as it goes on; where a response to it goes. */
#include "sip/msg/msg_priv.h"

static const struct slice transports[] = {
    [VIA_OTHER] = {0, 0}, [VIA_UDP] = S("UDP"), [VIA_TCP] = S("TCP"), [VIA_TLS] = S("TLS"),
    [VIA_SCTP] = S("SCTP"), [VIA_WS] = S("WS"), [VIA_WSS] = S("WSS"),
};

static enum via_transport find_transport(struct slice text)
{
    for (enum via_transport t = VIA_UDP; t <= VIA_WSS; t++)
        if (slice_ieq(transports[t], text))
            return t;
    return VIA_OTHER;
}

enum via_transport via_transport_find(struct slice text)
{
    bool is_udp = text.n == 3 && scan_word_of(text.p, 3) == scan_word_of("UDP", 3); /* as nearly everybody writes it */

    return is_udp ? VIA_UDP : find_transport(text);
}

struct slice via_transport_name(enum via_transport t)
{
    return transports[t];
}

/* sent-protocol = protocol-name SLASH protocol-version SLASH transport; white space round a slash is lawful. */
COLD static const char *read_any_protocol(struct slice s, struct via *v)
{
    struct slice name = msg_take_token(&s);

    if (!slice_ieq(name, S("SIP")) || !msg_take_char(&s, '/'))
        return NULL;
    v->version = msg_take_token(&s);
    if (!v->version.n || !msg_take_char(&s, '/'))
        return NULL;
    v->transport_text = msg_take_token(&s);
    v->transport = via_transport_find(v->transport_text);
    return v->transport_text.n ? s.p : NULL;
}

/* As nearly everybody writes it: "SIP/2.0/UDP ". */
static const char *read_protocol(struct slice s, struct via *v)
{
    enum { FRONT = 8, NAME = 3 };

    if (s.n <= FRONT + NAME || scan_word(s.p) != scan_word("SIP/2.0/") || s.p[FRONT + NAME] != ' ')
        return read_any_protocol(s, v);
    v->version = (struct slice){s.p + 4, 3};
    v->transport_text = (struct slice){s.p + FRONT, NAME};
    v->transport = via_transport_find(v->transport_text);
    return v->transport == VIA_OTHER ? read_any_protocol(s, v) : s.p + FRONT + NAME;
}

/* The port, where it does not stand behind its host at once. */
COLD static const char *read_spaced_port(const char *p, const char *end, uint16_t *port)
{
    struct slice s = slice_between(p, end);
    uint64_t     n = 0;

    if (msg_take_char(&s, ':') && (msg_take_number(&s, UINT16_MAX, &n) || !n))
        return NULL;
    *port = (uint16_t)n;
    return s.p;
}

/* sent-by = host [ COLON port ]; white space round the colon is lawful. `text`: of the element. */
static const char *read_sent_by(const char *text, const char *p, const char *end, struct via *v)
{
    struct uri_hostport hp;

    if (p == end || !msg_is_blank(*p))
        return NULL;
    if (!(p = uri_read_hostport(text, msg_behind_blank(p, end), end, &hp)))
        return NULL;
    if (!hp.port && p < end && *p != ';' && !(p = read_spaced_port(p, end, &hp.port)))
        return NULL;
    v->host = hp.host;
    v->host_is_ip6 = hp.host_is_ip6;
    v->port = hp.port;
    return p;
}

static struct slice without_brackets(struct slice host)
{
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        return slice_between(host.p + 1, host.p + host.n - 1);
    return host;
}

static enum err take_rport(struct via *v, const struct msg_param *p)
{
    v->has_rport = true;
    v->rport_text = slice_between(p->name.p, p->value.p + p->value.n);
    return p->value.n ? slice_u16(p->value, &v->rport) : ERR_OK;
}

static void take_received(struct via *v, struct slice value)
{
    v->has_received = true;
    if (!v->received.n)
        v->received = without_brackets(value);
}

static enum err take_ttl(struct via *v, struct slice value)
{
    uint64_t ttl;
    enum err e = slice_u64(value, UINT8_MAX, &ttl);

    if (!e)
        v->ttl = (uint8_t)ttl;
    return e;
}

/* In any case of its letters, but everybody writes it as RFC 3261 does. */
static bool begins_magic(const char *p)
{
    uint64_t w = scan_word_of(p, 7);

    return w == scan_word_of("z9hG4bK", 7) || scan_lower(w) == scan_word_of("z9hg4bk", 7);
}

static void take_branch(struct via *v, struct slice value)
{
    v->branch = value;
    v->rfc3261 = value.n > 7 && begins_magic(value.p);
}

COLD static enum err take_rare_param(struct via *v, uint64_t name, struct slice value)
{
    if (name == scan_word("maddr   ") && !v->maddr.n)
        v->maddr = without_brackets(value);
    else if (name == scan_word("oc      "))
        v->has_oc = true;
    else if (name == scan_word("ttl     ") && !v->ttl)
        return take_ttl(v, value);
    return ERR_OK;
}

/* Of two with one name the first counts, as everywhere. Names of nine octets and more are extensions, as all others: they stay
 * in v->params. */
static enum err take_param(struct via *v, const struct msg_param *p)
{
    uint64_t name = p->name.n <= 8 ? msg_param_word(p->name) : 0;
    enum err e = ERR_OK;

    if (name == scan_word("branch  ") && !v->branch.n)
        take_branch(v, p->value);
    else if (name == scan_word("rport   ") && !v->has_rport)
        e = take_rport(v, p);
    else if (name == scan_word("received"))
        take_received(v, p->value);
    else
        e = take_rare_param(v, name, p->value);
    return e ? ERR_SYNTAX : ERR_OK;
}

/* Up to a comma or the end; the element ends where the last of them does. */
static enum err read_params(const char *last, const char *end, struct via *v)
{
    struct msg_param one;
    const char      *from = msg_behind_blank(last, end), *p = from;

    for (unsigned n = 0; p < end && *p != ','; n++) {
        if (n == MSG_MAX_PARAMS)
            return ERR_LIMIT;
        if (!(last = msg_param_read(p, end, &one)) || take_param(v, &one))
            return ERR_SYNTAX;
        p = msg_behind_blank(last, end);
    }
    v->params = slice_between(from, last);
    v->raw.n = (size_t)(last - v->raw.p);
    return ERR_OK;
}

enum err via_read_first(struct slice s, struct via *v)
{
    const char *p, *end = slice_end(s);
    enum err    e;

    *v = (struct via){.raw = s};
    if (!(p = read_protocol(s, v)) || !(p = read_sent_by(s.p, p, end, v)))
        return ERR_SYNTAX;
    if ((e = read_params(p, end, v)))
        return e;
    /* "x = ,": the white space before a comma is no part of it */
    return msg_is_blank(slice_end(v->raw)[-1]) ? via_read(v->raw, v) : ERR_OK;
}

/* No comma behind it. */
enum err via_read(struct slice element, struct via *v)
{
    struct slice s = slice_trim(element);
    enum err     e = via_read_first(s, v);

    return !e && v->raw.n != s.n ? ERR_SYNTAX : e;
}

enum err via_parse(struct slice element, struct via *out)
{
    struct via v;
    enum err   e = via_read(element, &v);

    if (!e)
        *out = v;
    return e;
}

bool via_wants_received(const struct via *v, const struct addr *source)
{
    struct addr sent_by;

    if (v->has_rport || v->received.n)
        return true;
    return uri_addr_of_host(v->host, &sent_by) || !addr_same_ip(&sent_by, source);
}

/* The parameters without any "received", rport with the port. */
static void put_params(struct buf *b, const struct via *v, uint16_t port)
{
    struct slice     rest = v->params;
    struct msg_param p;

    while (msg_param_next(&rest, &p) == ERR_OK) {
        if (slice_ieq(p.name, S("received")))
            continue;
        buf_puts(b, S(";"), p.name);
        if (slice_ieq(p.name, S("rport"))) {
            buf_putc(b, '=');
            buf_putu(b, port);
        } else if (p.has_value) {
            buf_puts(b, S("="), p.value);
        }
    }
}

/* "received" is for us to write (RFC 3261 §18.2.1): what the sender put there could send our answer anywhere. Mostly it put
 * nothing, and all but rport is copied. */
void via_put_received(struct buf *b, const struct via *v, const struct addr *source)
{
    const char *end = v->raw.p + v->raw.n;

    if (v->has_received) {
        buf_put(b, slice_trim(slice_between(v->raw.p, v->params.p)));
        put_params(b, v, source->port);
    } else if (v->has_rport) {
        buf_puts(b, slice_between(v->raw.p, v->rport_text.p), S("rport="));
        buf_putu(b, source->port);
        buf_put(b, slice_between(v->rport_text.p + v->rport_text.n, end));
    } else
        buf_put(b, v->raw);
    if (via_wants_received(v, source)) {
        buf_put(b, S(";received="));
        addr_put_ip(b, source);
    }
}

void via_response_target(const struct via *v, struct via_target *out)
{
    *out = (struct via_target){.host = v->host, .port = v->port};
    if (v->maddr.n) {
        out->host = v->maddr;
        out->is_maddr = true;
    } else if (v->received.n) {
        out->host = v->received;
        if (v->rport)
            out->port = v->rport;
    }
}
