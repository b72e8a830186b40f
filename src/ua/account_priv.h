/* account_priv.h - what account.c and register.c share. */
#ifndef UA_ACCOUNT_PRIV_H
#define UA_ACCOUNT_PRIV_H

#include "sip/auth/auth.h"
#include "ua/ua_priv.h"

enum {
    ACCOUNT_MAX_CHALLENGES = 4,       /* realms, and 401 and 407, that are remembered */
    ACCOUNT_MAX_VALUE_OCTETS = 512,   /* of a realm, nonce or opaque; longer: refused  */
    ACCOUNT_MAX_CONTACT_OCTETS = 512
};

struct kept_value {
    char   p[ACCOUNT_MAX_VALUE_OCTETS];
    size_t n;
};

/* A challenge that was answered once, to be answered again unasked. Flat: copied out under the lock. */
struct kept_challenge {
    bool              used;
    bool              proxy; /* 407 */
    struct kept_value realm, nonce, opaque;
    enum auth_alg     alg;
    bool              qop_auth, qop_auth_int;
    uint32_t          nc;    /* used last */
};

enum register_state {
    REGISTER_OFF,     /* not wanted                                      */
    REGISTER_TRYING,  /* a REGISTER is under way, nothing is bound       */
    REGISTER_WAITING, /* it failed; the timer runs                       */
    REGISTER_BOUND,   /* bound; the timer runs to the refresh            */
    REGISTER_AGAIN,   /* bound, and the refresh is under way             */
    REGISTER_LEAVING  /* the binding is being taken away                 */
};

struct ua_account {
    struct ua   *ua;
    struct arena arena;
    struct slice user, display, auth_name, password, server, aor, identity, registrar;
    uint32_t     expires_s;

    struct spin           lock; /* kept, flow */
    struct kept_challenge kept[ACCOUNT_MAX_CHALLENGES];
    size_t                oldest; /* to be overwritten next */

    /* Registration: in the shard of its Call-ID. */
    struct slice        call_id, tag;
    unsigned            shard;
    struct shard       *sh;
    enum register_state state;
    bool                leave;     /* ua_unregister was called while a REGISTER is under way */
    struct tsx_id       tsx;
    uint32_t            cseq;
    unsigned            tries;     /* of this REGISTER, with credentials */
    uint32_t            asked_s;   /* raised by 423 */
    unsigned            failures;  /* in a row */
    struct flow         flow;      /* that it was answered on */
    char                contact[ACCOUNT_MAX_CONTACT_OCTETS]; /* the URI, as written last */
    size_t              contact_n;
    struct wheel_timer  timer;
};

/* register.c */
void register_flow_lost(struct ua_account *a, uint8_t worker, const struct flow *flow);

#endif
