/* bridge.h - the exchange between two ends: it takes a dialog over, joins two legs of its own, and stays between them
 * (RFC 3725, RFC 3264; DESIGN §5 mode `execute`; PROTOCOL §6, 7.3).
 *
 * A *call* here joins two legs, which mostly live in different shards: all that passes between a leg and its call are
 * messages. Between two ends that talk the call relays offers and answers (`o=` towards each keeps the identity that it
 * has seen, its version rises: RFC 3264 §8), INFO and BYE; a REFER of either is executed here again. A call has
 * a note in the journal: after kill -9 the first request of either end brings both legs back; one that was not up yet goes on
 * by itself, from its first step.
 *
 * Calls to others are sent to the exchange itself, so that they are routed, forked and written down like any call. */
#ifndef SERVER_BRIDGE_BRIDGE_H
#define SERVER_BRIDGE_BRIDGE_H

#include "server/journal/journal.h"
#include "server/proxy/proxy.h"
#include "sys/log.h"
#include "ua/ua.h"

enum {
    BRIDGE_RING_MS = 180000,  /* a target rings so long, unless somebody gives up before          */
    BRIDGE_LEAVE_MS = 4000,   /* who has been told of success and stays is hung up                */
    BRIDGE_RECALL_S = 30,     /* so long the transferor is rung again, unless its user says else  */
    BRIDGE_MAX_HOPS = 5       /* 302s of a target that are followed                               */
};

struct bridge;

/* What a transferee hears meanwhile: an end of the exchange's that answers an offer and plays ringback. All NULL: silence. */
struct bridge_tone {
    /* The answer comes by bridge_tone_answered(), with that key. `near`: the flow by which its phone reaches us. */
    enum err (*answer)(void *ctx, struct shard *sh, uint64_t key, const struct flow *near, struct slice offer, uint64_t *end);
    void (*close)(void *ctx, uint64_t end);
    void *ctx;
};

struct bridge_config {
    struct mem        *mem;     /* safe for all workers */
    struct rng        *rng;     /* likewise */
    struct ua         *ua;
    struct proxy      *proxy;
    struct journal    *journal;
    struct log        *log;     /* NULL: nothing is told */
    struct bridge_tone tone;
};
enum err bridge_open(const struct bridge_config *config, struct bridge **out);
void     bridge_attach(struct bridge *b, struct stack *st); /* right after stack_open */
void     bridge_shard_close(struct bridge *b, struct shard *sh);
void     bridge_close(struct bridge *b);                    /* after stack_close; takes NULL */
/* Brings back the calls from before a restart that nobody has said a word in since: their phones are to be asked whether they are
 * still there. From any thread, no shard held. */
void     bridge_wake(struct bridge *b);
/* About once a second: after a restart what was under way goes on, and who was called by the exchange and has nobody at the
 * other end any more is told so. */
void     bridge_tick(struct bridge *b, int64_t began_ms); /* wall clock: the start */
size_t   bridge_calls(const struct bridge *b);              /* now; for tests: 0 at the end */

/* ---- what the core asks ---- */

/* A request in a dialog that a call has taken over (its peer thinks another phone is here): it belongs to the ua, cookie or
 * not. Also brings calls back after a restart. Costs one atomic read where there are none. */
bool bridge_has(struct bridge *b, struct shard *sh, const struct stack_in *in);

/* Is this INVITE one that a call here has just sent? Once: then *caller is the number in whose name (in the scratch arena). */
bool bridge_sent(struct bridge *b, struct shard *sh, const struct msg *m, struct slice *caller);

void bridge_tone_answered(struct bridge *b, struct shard *sh, uint64_t key, struct slice sdp); /* empty: it cannot */

/* ---- a transfer executed (PROTOCOL §6) ---- */

struct bridge_end {
    struct dialog_taken dialog;
    struct flow         flow;
    struct slice        number;   /* of the user at that end; empty: none of ours                 */
    struct slice        origin;   /* value of o= in the last description that it was sent; empty: unknown */
};
struct bridge_transfer {
    struct bridge_end transferee, transferor;
    struct dialog_id  record;     /* of the dialog between them; gen 0: none   */
    enum dialog_side  from;       /* the transferor's side of it               */
    uint32_t          refer;      /* CSeq of the REFER                         */
    bool              first;      /* the dialog's first from there             */
    struct slice      refer_to;   /* value                                     */
    struct slice      referred_by;
    /* The target's call with the transferor, which is joined as it is where the target cannot do Replaces: both its ends, in
     * whatever shard it is. Call-ID empty: there is none, or it is not known. */
    struct bridge_end target, target_from;
    bool              no_replaces; /* the target has shown so; else it is called, and joined if it answers 420 */
    struct dialog_id  target_record;
    uint32_t          recall_s;   /* 0: a transferor that has gone is not rung */
    /* It is over for whoever asked: 200, or what the transferor was told. Called in this shard, once. */
    void (*told)(void *ctx, struct shard *sh, uint64_t key, unsigned code);
    void    *ctx;
    uint64_t key;
};
/* In the shard of that dialog. From ERR_OK on its requests are the ua's: a BYE that was held is given to ua_within(). All is
 * copied. *call names it for bridge_withdraw(). ERR_NOMEM, ERR_SYNTAX (texts that cannot be used). */
enum err bridge_execute(struct bridge *b, struct shard *sh, const struct bridge_transfer *t, uint64_t *call);

/* A request in such a dialog: the ua deals with it. */
void bridge_pass(struct bridge *b, struct shard *sh, const struct stack_in *in);

/* Is that call noted, so that it goes on after kill -9? */
bool bridge_noted(struct bridge *b, struct shard *sh, uint64_t call);

/* Tell the transferor so, in the NOTIFY of its REFER: for who has withdrawn the call and knows how it goes. */
void bridge_report(struct bridge *b, struct shard *sh, uint64_t call, unsigned code);

/* The transferee has taken the transfer after all. True: the target was not called yet, and will not be; the two dialogs only
 * wait for their end. False: too late (PROTOCOL 5.6). */
bool bridge_withdraw(struct bridge *b, struct shard *sh, uint64_t call);

#endif
