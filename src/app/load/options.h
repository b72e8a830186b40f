/* options.h - the command line of `strowger load`. Part of app/load. */
#ifndef APP_LOAD_OPTIONS_H
#define APP_LOAD_OPTIONS_H

#include "base/addr.h"
#include "base/slice.h"
#include "sip/transport/transport.h"

enum {
    LOAD_MAX_PHONES = 1000000,
    LOAD_MAX_ADDRESSES = TRANSPORT_MAX_LISTENERS,
    LOAD_MAX_PIDS = 64,
    LOAD_MAX_RATE = 1000000,     /* pieces of work a second */
    LOAD_MAX_SECONDS = 24 * 3600,
    LOAD_MAX_HOLD_MS = 3600 * 1000
};

enum load_kind { LOAD_CALLS, LOAD_TRANSFERS, LOAD_REGISTER, LOAD_REFRESH, LOAD_WITHIN, LOAD_SUBSCRIBE, LOAD_KINDS };

struct load_options {
    enum load_kind      kind;
    struct slice        server;     /* as written */
    struct addr         to;         /* its address */
    struct slice        domain;     /* empty: the server's address */
    struct slice        password;   /* empty: "" is what a challenge is answered with */
    uint64_t            first_user;
    uint32_t            n_users;
    uint32_t            rate, ramp_to; /* a second; ramp_to 0: the rate stays */
    uint32_t            seconds;
    uint32_t            hold_ms, ring_ms;
    uint32_t            drain_s;    /* how long it waits in the end for what has begun, over what that lasts */
    uint32_t            held;       /* calls that are up meanwhile (for WITHIN) */
    uint32_t            expires_s;
    enum transport_kind transport;
    struct slice        tls_trust;  /* a file; empty: whom the system trusts */
    bool                tls_insecure;
    struct addr         local[LOAD_MAX_ADDRESSES];
    size_t              n_local;
    long                pid[LOAD_MAX_PIDS];
    size_t              n_pids;
    bool                relay;      /* two addresses, and the server passes on between them what comes: nobody registers */
    bool                json, help;
};

struct load_fault {
    char text[512]; /* NUL-terminated */
};

/* Slices point into argv. ERR_INVALID: *fault says in a sentence what is wrong and what is expected. */
enum err load_options_read(struct load_options *o, int argc, char **argv, struct load_fault *fault);
void     load_options_help(void);
/* "calls" */
const char *load_kind_name(enum load_kind kind);

#endif
