/* addr.h - an IP address and port as a value: written, read and compared without the system. Pure. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include "base/buf.h"
#include "base/slice.h"

enum addr_family { ADDR_NONE = 0, ADDR_IP4 = 4, ADDR_IP6 = 6 };

struct addr {
    uint16_t family; /* enum addr_family; as wide as it is so that there is no padding: addresses are kept as octets */
    uint16_t port;   /* host order; 0: not said */
    uint32_t scope;  /* IPv6 zone index; 0 = none */
    uint8_t  ip[16]; /* IPv4: the first four octets; the rest zero */
};

#define ADDR_MAX_TEXT 64 /* "[...]:65535" fits */

/* Text without a port: "192.0.2.1", "2001:db8::1" or "[2001:db8::1]" (RFC 4291 §2.2, with embedded IPv4; no zone).
 * ERR_SYNTAX when it is a name or nonsense. `port` is set to 0. */
enum err addr_parse_ip(struct slice text, struct addr *out);

/* "192.0.2.1:5060", "[2001:db8::1]:5060", or without the port (then 0). */
enum err addr_parse(struct slice text, struct addr *out);

bool addr_is_any(const struct addr *a);        /* 0.0.0.0 or :: */
bool addr_is_loopback(const struct addr *a);   /* 127/8, ::1, ::ffff:127/104 */
bool addr_is_private(const struct addr *a);    /* RFC 1918, RFC 4193, link local */
bool addr_same_ip(const struct addr *a, const struct addr *b); /* family and IP; ::ffff:a.b.c.d equals a.b.c.d */
bool addr_eq(const struct addr *a, const struct addr *b);      /* and port */

void addr_put_ip(struct buf *b, const struct addr *a);      /* RFC 5952; IPv6 without brackets */
void addr_put_host(struct buf *b, const struct addr *a);    /* IPv6 in brackets: as in a URI or Via */
void addr_put(struct buf *b, const struct addr *a);         /* host:port; port left out when 0 */

#endif
