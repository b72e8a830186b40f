/* addr.c - IP addresses as values: RFC 4291 §2.2 read, RFC 5952 written.
 *
 * Room      base (pure): so no inet_pton() here.
 * Touches   its arguments only. */
#include "base/addr.h"

#include <string.h>

static enum err parse_ip4(struct slice s, uint8_t out[4])
{
    size_t at = 0;

    for (int i = 0; i < 4; i++) {
        unsigned v = 0, digits = 0;

        if (i > 0 && (at == s.n || s.p[at++] != '.'))
            return ERR_SYNTAX;
        for (; at < s.n && ascii_is_digit(s.p[at]) && digits < 3; digits++)
            v = v * 10 + (unsigned)(s.p[at++] - '0');
        if (digits == 0 || v > 255)
            return ERR_SYNTAX;
        out[i] = (uint8_t)v;
    }
    return at == s.n ? ERR_OK : ERR_SYNTAX;
}

/* One side of "::", or all: groups of 16 bits; the last two, where they end the address, perhaps as IPv4. At most 16
 * octets, in out[0..n). */
static enum err parse_groups(struct slice s, bool ends, uint8_t out[16], size_t *n)
{
    bool more = s.n > 0;

    *n = 0;
    while (more) {
        struct slice part;
        uint64_t     v;

        more = slice_cut(&s, ':', &part);
        if (ends && !more && slice_find(part, '.') != SIZE_MAX) {
            if (*n + 4 > 16 || parse_ip4(part, out + *n))
                return ERR_SYNTAX;
            *n += 4;
            return ERR_OK;
        }
        if (part.n > 4 || *n + 2 > 16 || slice_hex64(part, &v))
            return ERR_SYNTAX;
        out[(*n)++] = (uint8_t)(v >> 8);
        out[(*n)++] = (uint8_t)v;
    }
    return ERR_OK;
}

static enum err parse_ip6(struct slice s, uint8_t out[16])
{
    uint8_t head[16], tail[16];
    size_t  n_head, n_tail = 0;
    size_t  gap = slice_find_slice(s, S("::"));

    if (parse_groups(slice_to(s, gap), gap == SIZE_MAX, head, &n_head))
        return ERR_SYNTAX;
    if (gap == SIZE_MAX ? n_head != 16 : parse_groups(slice_from(s, gap + 2), true, tail, &n_tail) != ERR_OK)
        return ERR_SYNTAX;
    if (gap != SIZE_MAX && n_head + n_tail > 14)
        return ERR_SYNTAX;
    memset(out, 0, 16);
    memcpy(out, head, n_head);
    memcpy(out + 16 - n_tail, tail, n_tail);
    return ERR_OK;
}

enum err addr_parse_ip(struct slice text, struct addr *out)
{
    struct addr a = {0};

    if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
        text = (struct slice){text.p + 1, text.n - 2};
    else if (parse_ip4(text, a.ip) == ERR_OK) {
        a.family = ADDR_IP4;
        *out = a;
        return ERR_OK;
    }
    if (slice_find(text, ':') == SIZE_MAX || parse_ip6(text, a.ip))
        return ERR_SYNTAX;
    a.family = ADDR_IP6;
    *out = a;
    return ERR_OK;
}

enum err addr_parse(struct slice text, struct addr *out)
{
    struct slice host = text;
    uint16_t     port = 0;
    size_t       colon = slice_find_last(text, ':');
    bool         bracketed = text.n && text.p[0] == '[';
    enum err     e;

    if (bracketed ? colon != SIZE_MAX && text.p[colon - 1] == ']' : colon == slice_find(text, ':') && colon != SIZE_MAX) {
        host = slice_to(text, colon);
        if (slice_u16(slice_from(text, colon + 1), &port))
            return ERR_SYNTAX;
    }
    if ((e = addr_parse_ip(host, out)) == ERR_OK)
        out->port = port;
    return e;
}

static bool is_mapped(const struct addr *a)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    return a->family == ADDR_IP6 && memcmp(a->ip, prefix, 12) == 0;
}

/* The IPv4 octets of an IPv4 or IPv4-mapped address, else NULL. */
static const uint8_t *ip4_of(const struct addr *a)
{
    if (a->family == ADDR_IP4)
        return a->ip;
    return is_mapped(a) ? a->ip + 12 : NULL;
}

bool addr_is_any(const struct addr *a)
{
    static const uint8_t zero[16];

    return memcmp(a->ip, zero, 16) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
    static const uint8_t one[16] = {[15] = 1};
    const uint8_t       *v4 = ip4_of(a);

    return v4 ? v4[0] == 127 : a->family == ADDR_IP6 && memcmp(a->ip, one, 16) == 0;
}

bool addr_is_private(const struct addr *a)
{
    const uint8_t *v4 = ip4_of(a);

    if (!v4)
        return a->family == ADDR_IP6 && ((a->ip[0] & 0xfe) == 0xfc || (a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80));
    return v4[0] == 10 || (v4[0] == 172 && (v4[1] & 0xf0) == 16) || (v4[0] == 192 && v4[1] == 168) ||
           (v4[0] == 169 && v4[1] == 254);
}

bool addr_same_ip(const struct addr *a, const struct addr *b)
{
    const uint8_t *a4 = ip4_of(a), *b4 = ip4_of(b);

    if (a4 && b4)
        return memcmp(a4, b4, 4) == 0;
    return a->family == b->family && !a4 == !b4 && a->scope == b->scope && memcmp(a->ip, b->ip, 16) == 0;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
    return a->port == b->port && addr_same_ip(a, b);
}

static void put_ip4(struct buf *b, const uint8_t *ip)
{
    char  text[16];
    char *p = buf_write_u(text, ip[0]);

    for (int i = 1; i < 4; i++) {
        *p++ = '.';
        p = buf_write_u(p, ip[i]);
    }
    buf_put(b, slice_between(text, p));
}

/* The longest run of at least two zero groups (RFC 5952 §4.2.3: the first of the longest). */
static void longest_zeros(const uint8_t *ip, int *start, int *len)
{
    *start = -1;
    *len = 1;
    for (int i = 0; i < 8;) {
        int run = 0;

        while (i + run < 8 && ip[2 * (i + run)] == 0 && ip[2 * (i + run) + 1] == 0)
            run++;
        if (run > *len) {
            *start = i;
            *len = run;
        }
        i += run + 1;
    }
}

void addr_put_ip(struct buf *b, const struct addr *a)
{
    int  start, len;
    bool colon = false;

    if (a->family != ADDR_IP6) {
        put_ip4(b, a->ip);
        return;
    }
    if (is_mapped(a)) {
        buf_put(b, S("::ffff:"));
        put_ip4(b, a->ip + 12);
        return;
    }
    longest_zeros(a->ip, &start, &len);
    for (int i = 0; i < 8; i++) {
        if (i == start) {
            buf_put(b, S("::"));
            i += len - 1;
            colon = false;
            continue;
        }
        if (colon)
            buf_putc(b, ':');
        buf_puthex64(b, (uint64_t)a->ip[2 * i] << 8 | a->ip[2 * i + 1]);
        colon = true;
    }
}

void addr_put_host(struct buf *b, const struct addr *a)
{
    if (a->family == ADDR_IP6)
        buf_putc(b, '[');
    addr_put_ip(b, a);
    if (a->family == ADDR_IP6)
        buf_putc(b, ']');
}

void addr_put(struct buf *b, const struct addr *a)
{
    addr_put_host(b, a);
    if (a->port) {
        buf_putc(b, ':');
        buf_putu(b, a->port);
    }
}
