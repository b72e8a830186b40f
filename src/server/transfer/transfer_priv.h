/* transfer_priv.h - what the files of server/transfer share. */
#ifndef SERVER_TRANSFER_PRIV_H
#define SERVER_TRANSFER_PRIV_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"
#include "server/bridge/bridge.h"
#include "server/journal/journal.h"
#include "server/transfer/transfer.h"
#include "sys/spin.h"

enum {
    REFER_BLOCK_OCTETS = 1024,
    REFER_MAX_OCTETS = 16 * 1024,
    REFER_GRACE_MS = 4000,          /* after the new call's final status: the transferee's own NOTIFY may still come */
    REFER_BUSY_MS = 200,            /* asked again when the dialog is free to speak in                             */
    REFER_MAX_TRIES = 300,          /* so often: a minute, longer than any transaction                             */
    REFER_ABSORB_MS = 32000,        /* after we have spoken: the transferee's late NOTIFYs are answered here        */
    REFER_REPLACES_OCTETS = 512,    /* of a Replaces that is added to a call                                        */
    REFER_LOOK_MS = 2000,           /* how often a call that was begun unseen is looked at                          */
    REFER_CSEQ_LEAP = 1000,         /* more than an execution ever says in one dialog                               */
    REFER_FIRST_MS = 60000,         /* so often it is looked whether a dialog that has had a REFER is still there   */
    CHAIN_MAX = 10,                 /* transfers of one call, one after the other: the next is refused. No person does that, two
                                       machines that transfer to each other do it in seconds */
    CHAIN_LINKS = 256,              /* calls that came of a transfer: so many are remembered                        */
    CHAIN_WAIT_MS = 32000,          /* so long the call that a REFER asks for is waited for                         */
    REFER_BRANCH_OCTETS = 7 + STACK_TOKEN_OCTETS
};

/* Where a transfer stands. */
enum refer_state {
    REFER_ACCEPTED,  /* 202 is given or about to be; the REFER is not on its way yet                        */
    REFER_CARRIED,   /* the REFER is with the transferee                                                    */
    REFER_WATCHED,   /* it said 2xx: now it must act                                                        */
    REFER_CALLING,   /* it has called the target; no NOTIFY of its own yet                                  */
    REFER_ANSWERED,  /* that call has its final status; no NOTIFY of its own yet                            */
    REFER_SPEAKING,  /* our NOTIFY waits for the dialog to be free, or for its answer                       */
    REFER_SPOKEN,    /* the transferor has been told by us: late NOTIFYs of the transferee are absorbed     */
    REFER_EXECUTED,  /* the exchange does it itself; what the transferee still says about it is absorbed    */
    REFER_DONE       /* the transferee has told the transferor itself                                       */
};

struct refer {
    struct map_node    by_call;     /* of its shard: by Call-ID                                            */
    struct map_node    by_serial;
    struct transfer   *t;
    struct shard      *sh;
    struct arena       arena;
    uint64_t           serial;
    enum refer_state   state;
    struct dialog_id   dialog;
    enum dialog_side   from;        /* the transferor's side                                               */
    struct tsx_id      client;      /* the carried REFER                                                   */
    unsigned           open;        /* client transactions that may call us: the REFER's, our NOTIFY's      */
    bool               first;       /* the dialog's first REFER: no id in Event                            */
    uint32_t           refer_cseq;
    uint32_t           seen_cseq;   /* highest CSeq that the transferor has seen from the other side       */
    uint32_t           cseq_leap;   /* restarts of its execution, each a REFER_CSEQ_LEAP                   */
    unsigned           code;        /* what we (shall) tell                                                */
    unsigned           tries;       /* how often we could not                                              */
    struct slice       call_id, from_value, to_value, uri, contact, from_tag, to_tag;
    struct flow        flow;        /* the REFER's                                                         */
    struct slice       transferee, target; /* numbers; empty: not ours, not watched                        */
    bool               answered;    /* the carried REFER has its final answer, or was given up             */
    struct slice       bye, bye_via; /* the transferor's BYE while it waits for that; empty: none          */
    struct flow        bye_from;
    struct tsx_id      bye_tsx;
    struct wheel_timer hold_timer;
    struct slice       refer_to;    /* as it goes on; empty: as it came                                    */
    char               branch[REFER_BRANCH_OCTETS]; /* of the carried REFER                                */
    uint64_t           note_id;     /* in the journal; 0: there is none                                    */
    struct slice       note;        /* its octets, in the arena; empty: it is not kept                     */
    struct slice       replaces;    /* what the new call shall name, unescaped; empty: nothing             */
    struct dialog_id   named;       /* the call that is to be replaced, if it was answered; gen 0: none    */
    enum dialog_side   named_side;  /* the target's side of it                                             */
    bool               no_replaces; /* who is to replace it has shown that it cannot                       */
    struct dialog_id   early;       /* a call that rings, which ends when the new one begins; gen 0: none  */
    struct slice       early_call_id;
    struct slice       refer_to_value, referred_by; /* as they came                                        */
    int64_t            until_ms;    /* wall clock: when the transferee must have acted                     */
    int64_t            accepted_ms; /* wall clock                                                          */
    bool               told;        /* by the transferee itself: nothing is left for us to tell, and nothing is kept */
    bool               seen_ringing; /* the call to the target was found ringing                           */
    bool               executed;    /* under the table's lock: as in state EXECUTED                         */
    uint64_t           call;        /* in the bridge; 0: it was never executed                             */
    bool               listed;      /* in the table of watched calls                                       */
    struct map_node    watched;     /* there: by who calls whom                                            */
    struct wheel_timer timer;
};

/* A dialog that has had a REFER: known for as long as it has its record. */
struct referred {
    struct map_node    node;
    struct transfer   *t;
    struct shard      *sh;
    struct dialog_id   dialog;
    struct wheel_timer timer;
};

/* What was found in the journal at start, until its shard is used for the first time. */
struct restored {
    struct list_node node;
    uint64_t         note_id;
    bool             posted; /* its shard has been told */
    size_t           n;
    char             octets[];
};

/* A call that came of a transfer, or is to come of one. */
struct chain_link {
    struct map_node node;     /* of `expected`: who is to call whom; of `calls`: its Call-ID */
    int64_t         until_ms; /* it is not waited for any longer */
    unsigned        depth;    /* how many transfers led to it; 0: the link is free */
    bool            has_come;
};
struct chain {
    struct spin          lock;
    atomic_int_least64_t until_ms; /* when the last one is not waited for any longer; 0: there was none */
    struct map           expected, calls;
    struct chain_link    link[CHAIN_LINKS];
    size_t               next;     /* the oldest */
};

struct transfer_shard {
    struct map refers, by_serial; /* the same ones */
    struct map referred;          /* by Call-ID and tag of who sent the REFER */
};

/* Watched calls, of all shards. A refer is among them from the transferee's 2xx on; texts are read under the lock, and a refer
 * leaves the table before they go. */
struct transfer {
    struct mem           *mem;
    struct proxy         *proxy;
    struct log           *log;
    atomic_size_t         pending, n_watched;
    atomic_uint_least64_t serial;
    struct spin           lock;
    struct map            watched;
    struct journal       *journal;
    struct bridge        *bridge;
    enum dialog_mode      mode;
    struct list           restored;   /* under the lock */
    atomic_size_t         n_restored;
    struct chain          chain;
    struct transfer_shard shard[STACK_SHARDS];
};

/* --- transfer.c --- */
/* Of the REFER in `in`; it is in its shard's table. ERR_NOMEM, ERR_NOTFOUND, ERR_SYNTAX: something is missing in it. */
enum err refer_open(struct transfer *t, struct shard *sh, const struct stack_in *in, const struct proxy_within *w,
                    struct refer **out);
enum err refer_carry(struct refer *r, const struct stack_in *in, const struct proxy_within *w); /* to the transferee */
void refer_free(struct refer *r);
/* Those of a shard whose Call-ID has that one's hash, the latest first. NULL: no more. */
struct refer *refer_first(struct transfer *t, struct shard *sh, struct slice call_id);
struct refer *refer_next(const struct refer *r);
/* Of who calls whom, and of what else no secret is needed for: nobody gains by a collision. */
extern const struct hash_key refer_plain;
/* Has the dialog had no REFER of this side's before this one? It has from now on (RFC 3515 §2.4.6). */
bool refer_is_first(struct transfer *t, struct shard *sh, const struct msg *m, struct dialog_id dialog);
/* The number of ours that a Refer-To names; b stays empty: none. */
void refer_put_number(struct transfer *t, const struct uri *target, struct buf *b);
void refer_reason(struct refer *r, struct slice text);
void refer_log(const struct refer *r, const char *event, unsigned code); /* code 0: there is none */

/* --- relay.c --- */
/* A REFER that goes end to end: passed on, its Refer-To put right where it is wrong, the call that it asks for awaited. */
void refer_relay(struct transfer *t, struct shard *sh, const struct stack_in *in, const struct proxy_within *w);

/* --- chain.c: does it go round? A REFER of a call that has been transferred CHAIN_MAX times, or to the transferee itself: 482 --- */
bool refer_goes_round(struct transfer *t, struct shard *sh, const struct stack_in *in, const struct proxy_within *w,
                   const struct uri *target); /* true: it has been answered; else the call that it asks for is awaited */
enum err refer_chain_open(struct transfer *t); /* ERR_NOMEM */
void     refer_chain_close(struct transfer *t);
struct chain_call {
    struct slice call_id, caller, target; /* numbers; empty: none */
};
void refer_chain_sees(struct transfer *t, struct shard *sh, const struct chain_call *call); /* a new call */

/* --- replaces.c --- */
/* The Replaces in its Refer-To: is it right, can it be, does it name a call that only rings (PROTOCOL 7.2)? r->refer_to is
 * changed where it must be. Without memory it stays as it is. */
void refer_fit_replaces(struct refer *r);
void refer_end_early(struct refer *r); /* the new call begins */

/* --- note.c: what outlives kill -9 --- */
void refer_note_begin(struct refer *r, const struct stack_in *in); /* without memory or a slot it goes on without a note */
void refer_note_write(struct refer *r);                            /* as it stands now */
void refer_note_drop(struct refer *r);
void refer_note_hand_on(struct refer *r);                          /* another one has it now; until it is written again */
enum err refer_note_load(struct transfer *t);                      /* at start */
void refer_note_unload(struct transfer *t);
void refer_note_revive(struct transfer *t, struct shard *sh);      /* those of this shard, once */

/* --- notify.c --- */
void refer_tell(struct refer *r, unsigned code); /* NOTIFY the transferor, as soon as the dialog is free */

/* --- hold.c --- */
bool refer_holds(struct refer *r, const struct stack_in *in); /* the transferor's request: kept back for now  */
void refer_release(struct refer *r);                          /* the REFER is answered: what was kept goes on */

/* --- execute.c --- */
void refer_execute(struct refer *r, struct slice why); /* or the transferor is told why not even that */
void refer_execute_on_silence(struct refer *r);        /* TRANSFER_HOLD_MS from now, if it is not answered by then */
bool refer_wants_execution(unsigned code);             /* is that a refusal by who cannot or will not? */
bool refer_withdraws(struct refer *r);                 /* it says 2xx late: true when the target was not called yet */

/* --- watch.c --- */
void refer_watch(struct refer *r);               /* the transferee has said 2xx */
void refer_watch_again(struct refer *r);         /* after a restart: in any state from WATCHED to ANSWERED */
void refer_unwatch(struct refer *r);
void refer_watch_relayed(struct refer *r);       /* it went end to end: only the call that it asks for is of interest */
void refer_silent(struct refer *r);              /* nothing is left to be said or done; it may be freed */
void refer_watch_own(struct refer *r);           /* it is executed: a call of the transferee's own to the target is refused */
struct refer *refer_by_serial(struct transfer *t, struct shard *sh, uint64_t serial);

#endif
