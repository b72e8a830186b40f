/* answer.c - what c-ares found, as our records.
 *
 * Room      net.
 * Touches   *out and the arena that its texts live in.
 *
 * c-ares reads the records; it does not tell the time to live of SRV and NAPTR (1.18), so that is read here: the least of
 * the answer section. The octets come from outside: every step is checked against their end. */
#include <arpa/nameser.h>
#include <netdb.h>
#include <string.h>

#include "net/real_priv.h"

enum err answer_err(int ares_status)
{
    switch (ares_status) {
    case ARES_SUCCESS:
        return ERR_OK;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
    case ARES_EBADQUERY:
    case ARES_EBADFAMILY:
        return ERR_NOTFOUND;
    case ARES_ETIMEOUT:
    case ARES_ECONNREFUSED: /* no server answers: whatever the machine's reason, no answer in time */
        return ERR_TIMEOUT;
    default:
        return ERR_IO;
    }
}

static void settle(struct answer *out)
{
    if (out->e == ERR_OK && out->n == 0)
        out->e = ERR_NOTFOUND;
}

static void add_address(struct answer *out, const struct ares_addrinfo_node *a)
{
    struct net_record *r = &out->r[out->n];

    *r = (struct net_record){.ttl_s = a->ai_ttl > 0 ? (uint32_t)a->ai_ttl : 0};
    if (a->ai_family == AF_INET && a->ai_addrlen >= sizeof(struct sockaddr_in)) {
        r->type = NET_A;
        r->addr.family = ADDR_IP4;
        memcpy(r->addr.ip, &((const struct sockaddr_in *)a->ai_addr)->sin_addr, 4);
    } else if (a->ai_family == AF_INET6 && a->ai_addrlen >= sizeof(struct sockaddr_in6)) {
        r->type = NET_AAAA;
        r->addr.family = ADDR_IP6;
        memcpy(r->addr.ip, &((const struct sockaddr_in6 *)a->ai_addr)->sin6_addr, 16);
    } else {
        return;
    }
    out->n++;
}

void answer_from_addresses(struct answer *out, const struct ares_addrinfo *found)
{
    *out = (struct answer){.e = ERR_OK};
    for (const struct ares_addrinfo_node *a = found->nodes; a && out->n < NET_MAX_NAME_RESULTS; a = a->ai_next)
        add_address(out, a);
    settle(out);
}

/* Behind the name that starts at p; NULL: it is none. */
static const unsigned char *skip_name(const unsigned char *p, const unsigned char *octets, int n)
{
    char *name;
    long  length;

    if (p >= octets + n || ares_expand_name(p, octets, n, &name, &length))
        return NULL;
    ares_free_string(name);
    return length <= octets + n - p ? p + length : NULL;
}

static uint32_t least_ttl(const unsigned char *octets, int n)
{
    const unsigned char *end = octets + n, *p = octets + HFIXEDSZ;
    uint32_t             least = UINT32_MAX;
    unsigned             questions, answers;

    if (n < HFIXEDSZ)
        return 0;
    questions = (unsigned)octets[4] << 8 | octets[5];
    answers = (unsigned)octets[6] << 8 | octets[7];
    for (; questions > 0; questions--)
        if (!(p = skip_name(p, octets, n)) || end - p < QFIXEDSZ)
            return 0;
        else
            p += QFIXEDSZ;
    for (; answers > 0; answers--) {
        uint32_t ttl;
        unsigned length;

        if (!(p = skip_name(p, octets, n)) || end - p < RRFIXEDSZ)
            break;
        ttl = (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7];
        length = (unsigned)p[8] << 8 | p[9];
        least = ttl < least ? ttl : least;
        if (end - p - RRFIXEDSZ < (ptrdiff_t)length)
            break;
        p += RRFIXEDSZ + length;
    }
    return least == UINT32_MAX ? 0 : least;
}

/* A text of c-ares, kept. */
static struct slice keep(struct answer *out, struct arena *a, const void *text)
{
    struct slice s = SLICE_NONE;

    if (arena_dup(a, slice_z(text), &s))
        out->e = ERR_IO;
    return s;
}

static void add_srv(struct answer *out, const struct ares_srv_reply *all, uint32_t ttl, struct arena *a)
{
    for (const struct ares_srv_reply *s = all; s && out->n < NET_MAX_NAME_RESULTS; s = s->next)
        out->r[out->n++] = (struct net_record){.type = NET_SRV,
                                               .ttl_s = ttl,
                                               .target = keep(out, a, s->host),
                                               .port = s->port,
                                               .priority = s->priority,
                                               .weight = s->weight};
}

static void add_naptr(struct answer *out, const struct ares_naptr_reply *all, uint32_t ttl, struct arena *a)
{
    for (const struct ares_naptr_reply *s = all; s && out->n < NET_MAX_NAME_RESULTS; s = s->next)
        out->r[out->n++] = (struct net_record){.type = NET_NAPTR,
                                               .ttl_s = ttl,
                                               .target = keep(out, a, s->replacement),
                                               .priority = s->order,
                                               .weight = s->preference,
                                               .flags = keep(out, a, s->flags),
                                               .service = keep(out, a, s->service)};
}

void answer_from_octets(struct answer *out, enum net_query type, const unsigned char *octets, int n, struct arena *a)
{
    uint32_t ttl = least_ttl(octets, n);

    *out = (struct answer){.e = ERR_OK};
    if (type == NET_SRV) {
        struct ares_srv_reply *all = NULL;

        out->e = answer_err(ares_parse_srv_reply(octets, n, &all));
        add_srv(out, all, ttl, a);
        ares_free_data(all);
    } else {
        struct ares_naptr_reply *all = NULL;

        out->e = answer_err(ares_parse_naptr_reply(octets, n, &all));
        add_naptr(out, all, ttl, a);
        ares_free_data(all);
    }
    if (out->e)
        out->n = 0;
    settle(out);
}
