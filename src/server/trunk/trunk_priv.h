/* trunk_priv.h - what the files of server/trunk share. */
#ifndef SERVER_TRUNK_PRIV_H
#define SERVER_TRUNK_PRIV_H

#include <stdatomic.h>

#include "base/list.h"
#include "server/trunk/trunk.h"
#include "sys/spin.h"
#include "ua/ua.h"

enum { TICK_SHARD = 0, LOST_FLOWS = 16, TRUNK_CALL_ID_OCTETS = 2 * STACK_TOKEN_OCTETS };

enum account_state {
    ACCOUNT_NONE,
    ACCOUNT_TRYING,     /* a REGISTER is under way, or waits for its next turn */
    ACCOUNT_REGISTERED,
    ACCOUNT_LEAVING,    /* the binding is being taken away */
    ACCOUNT_LEFT        /* it may be closed */
};

/* One trunk that is watched. Its place is its own from the first tick that sees the trunk to the one after which nothing of it is
 * under way any more. */
struct watch {
    struct trunks      *t;
    bool                used;
    bool                gone;        /* from the directory: it goes when it can */
    char                name_text[DIRECTORY_MAX_TRUNK_NAME];
    struct slice        name;
    uint64_t            version;     /* of the directory's */
    struct ua_account  *account;     /* NULL: it does not register */
    enum account_state  state;
    unsigned            code;        /* of the last registration that failed; 0: no answer */
    /* OPTIONS, in the shard of its Call-ID */
    char                call_id_text[TRUNK_CALL_ID_OCTETS];
    struct slice        call_id;
    unsigned            shard;
    uint32_t            cseq;
    struct tsx_id       tsx;
    struct wheel_timer  timer;
    struct shard       *sh;
    bool                asking;
    bool                asked;       /* an outcome is known */
    bool                silent;      /* it was: nobody answered */
    uint64_t            ask_at_ms;   /* shard_now_ms() of the ticking shard */
    struct addr         seen[TRUNK_MAX_SEEN];
    size_t              n_seen;
    struct overload_throttle throttle;
};

struct trunks {
    struct trunk_config config;
    struct stack       *stack;
    struct ua          *ua;
    struct spin         lock;        /* all that stands in `watch`, but for what its shard alone uses */
    struct watch        watch[DIRECTORY_MAX_TRUNKS];
    struct flow         lost[LOST_FLOWS]; /* since the last tick */
    size_t              n_lost;
    atomic_bool         posted;      /* a tick waits for its shard */
    atomic_uint         n_watches;
};

/* watch.c: what changes; the lock is held where `locked` is in the name */
struct watch *trunk_find_locked(struct trunks *t, struct slice name); /* that is not gone; NULL */
void trunk_on_tick(void *trunks, struct shard *sh);
void trunk_on_registration(void *trunks, struct ua_account *a, const struct ua_registration *r);

/* ask.c */
void trunk_ask(struct watch *w); /* its OPTIONS is sent when its shard is free */

/* trunk.c */
void trunk_log(struct trunks *t, enum log_level level, const char *event, const struct watch *w, unsigned code);

#endif
