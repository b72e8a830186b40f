/* token.c - a flow as text that comes back (RFC 5626 §5.2's flow token; PROTOCOL 2.1).
 *
 * Octets before base64url:
 *     kind << 4 | family        1
 *     listener                  1
 *     port                      2, as in all that follows the high octet first
 *     IP                        4 or 16
 *     scope                     4, IPv6 only
 *     worker, slot, gen         1, 4, 4, streams only
 *     local IP                  4 or 16, datagrams only, and only where it is said
 *
 * Room      sip/transport. Pure in effect: touches its arguments only. */
#include "sip/transport/transport_priv.h"

#include <assert.h>
#include <string.h>

enum { TOKEN_OCTETS = 1 + 1 + 2 + 16 + 4 + 16 };
static_assert((TOKEN_OCTETS * 4 + 2) / 3 <= FLOW_MAX_TOKEN, "a token may be longer than the door says");

static size_t ip_octets(const struct flow *f)
{
    return f->remote.family == ADDR_IP6 ? 16 : 4;
}

static bool has_local(const struct flow *f)
{
    static const uint8_t zero[sizeof f->local];

    return f->kind == TRANSPORT_UDP && memcmp(f->local, zero, sizeof zero) != 0;
}

static char *put_number(char *to, uint64_t v, int octets)
{
    while (octets--)
        *to++ = (char)(v >> (8 * octets) & 0xff);
    return to;
}

void flow_put_token(struct buf *b, const struct flow *f)
{
    char   raw[TOKEN_OCTETS], *to = raw;
    size_t ip = ip_octets(f);

    *to++ = (char)(f->kind << 4 | f->remote.family);
    *to++ = (char)f->listener;
    to = put_number(to, f->remote.port, 2);
    to = buf_write(to, (struct slice){(const char *)f->remote.ip, ip});
    if (f->remote.family == ADDR_IP6)
        to = put_number(to, f->remote.scope, 4);
    if (f->kind != TRANSPORT_UDP) {
        *to++ = (char)f->worker;
        to = put_number(to, f->slot, 4);
        to = put_number(to, f->gen, 4);
    } else if (has_local(f))
        to = buf_write(to, (struct slice){(const char *)f->local, ip});
    buf_put_base64url(b, slice_between(raw, to));
}

/* Takes the next octets off *in as a number; what is missing counts as 0 (the length is checked at the end). */
static uint32_t take_number(struct slice *in, size_t octets)
{
    struct slice part = slice_to(*in, octets);
    uint32_t     v = 0;

    for (size_t i = 0; i < part.n; i++)
        v = v << 8 | (unsigned char)part.p[i];
    *in = slice_from(*in, octets);
    return v;
}

static bool is_whole(const struct flow *f, size_t n)
{
    size_t least = 4 + ip_octets(f) + (f->remote.family == ADDR_IP6 ? 4 : 0) + (f->kind == TRANSPORT_UDP ? 0 : 9);

    return n == least || (f->kind == TRANSPORT_UDP && n == least + ip_octets(f));
}

static void take_ip(struct slice *in, uint8_t ip[16], size_t octets)
{
    memcpy(ip, in->p, octets);
    *in = slice_from(*in, octets);
}

enum err flow_parse_token(struct slice token, struct flow *out)
{
    char         block[TOKEN_OCTETS];
    struct buf   raw = BUF_ON(block);
    struct flow  f = {.set = 1};
    struct slice in;
    size_t       n;
    uint32_t     first;

    if (buf_put_unbase64(&raw, token) || raw.n < 2)
        return ERR_SYNTAX;
    in = buf_slice(&raw);
    n = in.n;
    first = take_number(&in, 1);
    f.kind = (uint8_t)(first >> 4);
    f.remote.family = (uint8_t)(first & 15);
    if (f.kind >= TRANSPORT_KINDS || (f.remote.family != ADDR_IP4 && f.remote.family != ADDR_IP6) || !is_whole(&f, n))
        return ERR_SYNTAX;
    f.listener = (uint8_t)take_number(&in, 1);
    f.remote.port = (uint16_t)take_number(&in, 2);
    take_ip(&in, f.remote.ip, ip_octets(&f));
    if (f.remote.family == ADDR_IP6)
        f.remote.scope = take_number(&in, 4);
    if (f.kind != TRANSPORT_UDP) {
        f.worker = (uint8_t)take_number(&in, 1);
        f.slot = take_number(&in, 4);
        f.gen = take_number(&in, 4);
    } else if (in.n) {
        take_ip(&in, f.local, ip_octets(&f));
    }
    *out = f;
    return ERR_OK;
}
