/* account_priv.h - what the files of server/account share. */
#ifndef SERVER_ACCOUNT_PRIV_H
#define SERVER_ACCOUNT_PRIV_H

#include "base/map.h"
#include "server/account/account.h"
#include "sip/auth/auth.h"
#include "sys/spin.h"

enum { NONCE_STRIPES = 64, NONCE_STRIPE_MAX = ACCOUNT_MAX_NONCES / NONCE_STRIPES };

/* One nonce that has been used with a right digest. */
struct nonce {
    struct map_node       node; /* by its MAC */
    struct auth_nc_window window;
    uint64_t              first_ms;
};

struct nonce_stripe {
    struct spin   lock;
    uint32_t      first; /* of the ring: the oldest use; as many are in use as the map has */
    struct nonce *ring;
    struct map    map;
    uint64_t      floor_ms; /* nonces made up to then are not known any more: their windows went */
};

enum { A2_OCTETS = 160 };

/* The last A2 ("REGISTER:sip:example.com", RFC 7616 §3.4.3) that a shard has seen, and its hash: phones that register at one
 * name all have the same. */
struct a2 {
    enum digest_alg  alg;
    uint16_t         n_method, n_uri; /* n_method 0: none yet */
    char             text[A2_OCTETS]; /* both */
    struct auth_hash hash;
};

struct account {
    struct mem            *mem;
    struct rng            *rng;
    const struct digester *digester;
    struct hash_key        key; /* of nonces */
    enum directory_digest  digest;
    uint64_t               started_ms;
    struct log            *log;
    struct nonce          *ring; /* those of all stripes */
    struct nonce_stripe    stripe[NONCE_STRIPES];
    struct a2              a2[STACK_SHARDS]; /* each its shard's own */
};

/* --- nonces.c --- */
enum err nonces_open(struct account *a);
void     nonces_close(struct account *a);
/* A right digest has come with this nonce and nc (0: none, as of RFC 2069: then a nonce is good once). ERR_OK; ERR_STALE:
 * ours, but too old, forgotten, or this nc was used before; ERR_DENIED: not ours. */
enum err nonces_use(struct account *a, struct slice nonce, uint32_t nc, uint64_t now_ms);

#endif
