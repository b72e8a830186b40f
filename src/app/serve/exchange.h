/* exchange.h - the exchange as one object: every room opened in order, wired, and closed. Part of app/serve.
 *
 * Also how tests have it: test/kit opens one over net/fake. */
#ifndef APP_SERVE_EXCHANGE_H
#define APP_SERVE_EXCHANGE_H

#include "app/serve/options.h"
#include "base/rng.h"
#include "server/core/core.h"
#include "server/quality/quality.h"
#include "server/sound/sound.h"
#include "server/store/store.h"
#include "sys/cert.h"
#include "sys/random.h"

struct exchange {
    struct mem           *mem;
    struct log           *log;       /* NULL: nothing is logged */
    struct random         random;
    struct digester       digester;
    struct store         *store;
    struct directory     *directory;
    struct location      *location;
    struct journal   *journal;
    struct dialogs       *dialogs;
    struct quality        quality;
    struct sound         *sound;
    struct core          *core;
    struct stack         *stack;
    struct record        *record[OPTIONS_MAX_WORKERS];
    struct net          **net;       /* the caller's */
    struct net_tls       *tls[OPTIONS_MAX_WORKERS]; /* NULL: nothing listens by TLS */
    struct {                         /* what it shows there; empty: nothing */
        char path[OPTIONS_MAX_TEXT + 32], fingerprint[CERT_MAX_FINGERPRINT];
        bool own;                    /* it has made it itself */
    } certificate;
    unsigned              n_workers;
};

struct exchange_config {
    struct mem                 *mem;      /* safe for all threads */
    const struct serve_options *options;
    struct net                **net;      /* one for each worker; they stay the caller's */
    unsigned                    n_workers;
    struct net                **media_net; /* of the media threads; they stay the caller's */
    unsigned                    n_media;   /* 0: sound is made on the first worker's net (virtual time) */
    enum store_mode             store_mode;
    uint64_t                    seed;     /* not 0: everything random comes from it (virtual time) */
    struct stack_times          times;
    size_t                      record_octets; /* of each worker's record at first; 0: nothing is recorded */
    bool                        keeps_memory;  /* as in struct stack_config */
    struct mem                 *large;         /* likewise */
    struct log                 *log;           /* NULL: nothing is logged. Must outlive the exchange */
    const struct slice         *own_hosts;     /* names and addresses that are always ours */
    size_t                      n_own_hosts;
};

struct exchange_fault {
    char text[700]; /* a sentence for people: what cannot be, and what to do */
};

/* Opens the data folder and all rooms, and listens. On failure everything is closed again and `fault` says why.
 * *x is written whole; it must stay where it is. */
enum err exchange_open(struct exchange *x, const struct exchange_config *config, struct exchange_fault *fault);

/* For exchange.c: the keys of x->tls, where somebody is to listen by TLS; after x->store and before the listeners. */
enum err exchange_tls_open(struct exchange *x, const struct exchange_config *config, struct exchange_fault *fault);
/* Certificate, key and whom to trust are read again, as the `options` (and `own_hosts`) of this one say; connections that are there
 * keep what they have. On failure all stays as it was, and `fault` says why. */
enum err exchange_tls_renew(struct exchange *x, const struct exchange_config *config, struct exchange_fault *fault);
void     exchange_tls_close(struct exchange *x);

/* No worker may run any more. What waits to be stored is stored. A zeroed one may be closed. */
void exchange_close(struct exchange *x);

#endif
