/* tls_client.c - keys for a program that only connects: whom it trusts, out of a file.
 *
 * Room      net.
 * Touches   the file. */
#include "base/arena.h"
#include "net/net.h"
#include "sys/files.h"

enum { MAX_TRUST_OCTETS = 1024 * 1024, BLOCK_OCTETS = 16 * 1024 };

enum err net_tls_open_client(struct net *n, struct mem *mem, const char *trust_file, const struct net_tls_config *config,
                             struct net_tls **out)
{
    struct net_tls_config c = *config;
    enum net_tls_part     wrong;
    struct arena          a;
    enum err              e = ERR_OK;

    arena_init(&a, mem, BLOCK_OCTETS, 2 * MAX_TRUST_OCTETS);
    if (trust_file && !(e = file_read(trust_file, MAX_TRUST_OCTETS, &a, &c.trust)) && !c.trust.n)
        e = ERR_SYNTAX;
    if (!e)
        e = net_tls_open(n, &c, &wrong, out);
    arena_close(&a);
    return e;
}
