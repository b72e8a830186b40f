/* core_priv.h - what the files of server/core share. */
#ifndef SERVER_CORE_PRIV_H
#define SERVER_CORE_PRIV_H

#include "server/account/account.h"
#include "server/core/core.h"
#include "server/registrar/registrar.h"
#include "server/bridge/bridge.h"
#include "server/transfer/transfer.h"
#include "server/trunk/trunk.h"
#include "sys/spin.h"
#include "ua/ua.h"

enum { CORE_NUMBER_OCTETS = 3 * URI_MAX_OCTETS };

struct core {
    struct mem       *mem;
    struct stack     *stack;
    struct directory *directory;
    struct location  *location;
    struct dialogs   *dialogs;
    struct account   *account;
    struct registrar *registrar;
    struct proxy     *proxy;
    struct transfer  *transfer;
    struct presence  *presence;
    struct trunks    *trunks;
    struct bridge    *bridge;
    const struct quality *quality;
    struct sound     *sound;
    struct ua        *ua;       /* the exchange's own ends */
    struct voice     *voice;
    bool              bridge_woken;
    struct list       probes[STACK_SHARDS]; /* alive.c's */
    struct spin       due_lock;
    struct list       due;      /* alive.c's, under due_lock */
    struct list       taken[STACK_SHARDS]; /* requests for them that somebody watches (legs.c) */
    int64_t           began_ms;  /* wall clock */
    bool              woken;     /* calls that our own ends had before a restart have been ended */
    bool              may_relay;
};

/* Who sent a request. */
struct asker {
    const struct directory_view *view;   /* NULL: not taken yet, core_view() does. Its owner gives it back */
    const struct directory_user *user;   /* of the view; NULL: open house, or a side that is not ours */
    struct slice                 number;
};

/* Where a request outside any dialog is for. */
struct aim {
    struct proxy_within w;    /* its Route */
    const struct uri   *uri;  /* its Request-URI; NULL: unreadable, */
    bool                ours; /* which is at one of our names, and no Route leads elsewhere */
};

/* --- legs.c: the exchange as an end --- */
enum err legs_open(struct core *c, const struct core_config *config);
struct proxy_legs legs_for_proxy(struct core *c);
void legs_shard_close(struct core *c, struct shard *sh);
/* A request in a dialog of a leg, or CANCEL or ACK of its INVITE: dealt with, true. Costs nothing while there are none. */
bool legs_within(struct core *c, struct shard *sh, const struct stack_in *in);

/* A request that no leg has taken, in a dialog with an end of our own: that went with a restart. Dealt with, true. */
bool legs_gone(struct core *c, struct shard *sh, const struct stack_in *in, const struct proxy_within *w);
/* Calls that our own ends had before a restart: their peers are told that they are over. At the first tick: then there is
 * somebody to send by. */
void legs_after_restart(struct core *c);

/* --- alive.c: sessions that are due --- */
void alive_open(struct core *c);
void alive_shard_close(struct core *c, struct shard *sh);
void alive_close(struct core *c); /* after stack_close */

/* --- hang_up.c --- */
struct core_ending {
    struct slice by, why; /* of struct dialog_end; `why` is also what the phones read */
    struct slice say;     /* for the ladder */
    unsigned     code;    /* of the Reason that both phones get */
};
enum err core_end_call(struct core *c, struct shard *sh, struct dialog_id id, const struct core_ending *end); /* ERR_NOTFOUND */

/* --- tone.c --- */
struct bridge_tone tone_for_bridge(struct core *c);

/* --- own.c: what the exchange answers itself --- */
void own_request(struct shard *sh, const struct stack_in *in);  /* for the exchange, not for one of its users */

/* --- events.c: subscriptions, and what they hear of --- */
enum err events_open(struct core *c, const struct core_config *config); /* after the proxy */
/* A SUBSCRIBE within a subscription's dialog: dealt with, true. */
bool events_within(struct core *c, struct shard *sh, const struct stack_in *in);
/* A SUBSCRIBE or PUBLISH outside any dialog, its sender known. True: answered; false: pass it on. */
bool events_new(struct core *c, struct shard *sh, const struct stack_in *in, const struct asker *a, struct slice target);

/* A report of how a call has sounded, to the exchange or a name of its: dealt with, true. */
bool events_report(struct core *c, struct shard *sh, const struct stack_in *in, struct asker *a);

/* --- outsider.c: let in without a password --- */
/* A request that is in no dialog: does it come from a trunk? Then *out says of which, who calls there, and whom. */
bool outsider_comes(struct core *c, struct shard *sh, const struct stack_in *in, const struct asker *a, struct proxy_caller *out);
/* And it goes where it may. */
void outsider_passes(struct core *c, struct shard *sh, const struct stack_in *in, const struct proxy_caller *caller,
                     const struct proxy_within *w);
/* A request in a dialog, from the side `from` of that record: does it come from the trunk that stands there? Its address is as good
 * as a cookie then. */
bool outsider_is_within(struct core *c, const struct stack_in *in, struct asker *a, const struct proxy_within *w);
/* A trunk asks an end of our own who it is, which has taken a place in a call with that one. */
bool outsider_answers(struct core *c, struct leg *leg, const struct ua_challenged *asked, struct buf *rows);
/* Is it a call to an emergency number, from somewhere near or from a phone of that number, claimed in From? */
bool outsider_may_call_for_help(struct core *c, struct shard *sh, const struct stack_in *in, const struct directory_view *view);

/* --- rank.c: which of several matter more; as stack_user's --- */
enum overload_rank core_rank(void *ctx, struct arena *scratch, const struct overload_glance *g, const struct flow *from);

/* --- ways.c: what the proxy asks of trunks --- */
struct proxy_trunks trunks_for_proxy(struct core *c);

/* --- core.c --- */
/* The number that a URI of ours is for, in the scratch arena; empty: none, or no memory. */
struct slice core_number_of(struct shard *sh, const struct uri *u);
/* The number that the sender claims (RFC 3261 §22): the user part of From where its host is ours. Empty: a name of another
 * domain, or anonymous: then any account will do (PROTOCOL 1.5). In the scratch arena. */
struct slice claimed_number(struct shard *sh, const struct directory_view *view, const struct msg *m);
/* The directory as it is now, and stays as long as *a is asked about; taken when it is needed for the first time. */
const struct directory_view *core_view(struct core *c, struct asker *a);
/* The sender's account into *out, or an answer to it. */
enum err who_is_it(struct core *c, struct shard *sh, const struct stack_in *in, struct asker *out);

#endif
