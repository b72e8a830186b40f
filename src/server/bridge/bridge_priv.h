/* bridge_priv.h - what the files of server/bridge share.
 *
 *   shard of the call                         shard of a leg
 *   struct join, its struct end [3]   <---    struct side: the leg's `arg`; posts struct tiding
 *                                     --->    struct errand: what the leg shall do
 *
 * A side is made with its leg and freed by the leg's last callback. Tidings and errands are blocks of the room's: what is on
 * its way when the exchange ends is freed with it. */
#ifndef SERVER_BRIDGE_PRIV_H
#define SERVER_BRIDGE_PRIV_H

#include <stdatomic.h>

#include "base/list.h"
#include "sdp/sdp.h"
#include "server/bridge/bridge.h"
#include "sys/spin.h"

enum {
    BRIDGE_BUSY_MS = 200,          /* asked again when a leg has another offer under way */
    BRIDGE_MAX_TRIES = 50,
    BRIDGE_MAX_SENT_ON = 9,        /* transfers of a call behind its first; more are refused, as server/transfer does */
    BRIDGE_ORIGIN_OCTETS = 200,
    BRIDGE_TOKEN_OCTETS = 4 + STACK_TOKEN_OCTETS,
    BRIDGE_END_OCTETS = 3000       /* of an end's dialog in a note */
};

/* The blocks that outlive their shard's turn. */
struct block {
    struct list_node node;
    size_t           octets;
};

/* Who an end is, as long as there is a leg for it. */
struct side {
    struct block     block;
    struct bridge   *b;
    uint64_t         call, key;   /* its call, and which of its ends it is */
    unsigned         home;        /* the call's shard                      */
    bool             direct;      /* taken over: in the list of its shard  */
    struct list_node node;
    struct slice     call_id, local_tag, remote_tag; /* direct only; behind the struct */
};

enum tiding_kind {
    TIDING_ADOPTED,   /* after a restart: it is there            */
    TIDING_OFFER,     /* text; empty: we are to offer            */
    TIDING_ANSWER,    /* code, text                              */
    TIDING_AGAIN,     /* an offer of ours met one of theirs      */
    TIDING_BUSY,      /* an offer could not be made now          */
    TIDING_INFO,      /* text: type, more: body                  */
    TIDING_REFER,     /* code: CSeq; text: target, more: Replaces, last: Referred-By */
    TIDING_ENDED,     /* code: why; status; text: contact, more: Reason value */
    TIDING_DIALOG     /* text: how it stands, for the note       */
};
struct tiding {
    struct block     block;
    struct bridge   *b;
    uint64_t         call, key;
    enum tiding_kind kind;
    struct leg_id    leg;
    unsigned         code, status;
    struct slice     text, more, last; /* behind the struct */
};

enum errand_kind { ERRAND_OFFER, ERRAND_ACCEPT, ERRAND_REFUSE, ERRAND_INFO, ERRAND_END };
struct errand {
    struct block     block;
    struct bridge   *b;
    enum errand_kind kind;
    unsigned         code;
    struct slice     text, more;
};

/* A text that is set again and again. */
struct held {
    char  *p;
    size_t n, cap;
};
static inline struct slice held_slice(const struct held *h) { return (struct slice){h->p, h->n}; }

/* Transferee; target, or who talks with it; transferor on its way out; its end of a call with the target that was joined. */
enum role { KEPT, OTHER, LEAVING, FORMER, ROLES };

struct end {
    uint64_t      key;        /* 0: there is none                                                     */
    struct leg_id leg;        /* none: not back yet (restart)                                         */
    bool          there;      /* its leg has not ended                                                */
    struct flow   flow;
    struct held   number, uri; /* of who is there: number of a user of ours; From or To value of it   */
    struct held   origin;     /* o= value towards it, and ...                                         */
    uint64_t      version;    /* ... its version now                                                  */
    struct held   said;       /* the description that it gave last                                    */
    struct held   out;        /* the offer that it has, or shall have, of us                          */
    struct held   dialog;     /* for the note                                                         */
    uint32_t      refer;      /* its REFER that it is to be told of; 0: none                          */
    bool          first_refer; /* ... the dialog's first from there                                   */
    struct errand *waiting;   /* until it is back                                                     */
};

enum join_state {
    JOIN_ASKING,    /* the transferee is asked for an offer (PROTOCOL 6.2 step 1)                     */
    JOIN_TONING,    /* it has made one, which is with the tone                                        */
    JOIN_RINGING,   /* the target is called with it (step 2)                                          */
    JOIN_MOVING,    /* the target has answered: the transferee is moved to it (step 3)                */
    JOIN_FITTING,   /* its answer is another than its offer: the target is told                       */
    JOIN_RETURNING, /* the target refused, the transferor is asked for an offer (6.4) ...             */
    JOIN_JOINING,   /* ... which the transferee has                                                   */
    JOIN_UP,        /* two ends talk                                                                  */
    JOIN_WITHDRAWN, /* the transferee has taken the REFER: transferee and transferor wait for their end */
    JOIN_OVER
};

struct join {
    struct list_node   node;
    struct bridge     *b;
    struct shard      *sh;
    uint64_t           serial;
    enum join_state    state;
    struct end         end[ROLES];
    struct dialog_id   record;
    enum dialog_side   from;
    struct held        target, replaces, referred_by;
    struct held        joined[2];   /* the target's call that may be joined: its end, the transferor's; empty: there is none */
    struct held        joined_origin, joined_number;
    bool               no_replaces; /* join it without calling the target */
    struct dialog_id   joined_record;
    struct flow        near;        /* by which a phone reaches us: so we reach ourselves */
    unsigned           hops, tries;
    unsigned           sent_on;     /* how often one of the two has transferred the other; not kept over a restart */
    uint32_t           recall_s;
    bool               recalling;   /* the transferor is being called */
    bool               reached;     /* the transferee was called anew: not once more (6.3) */
    bool               told;
    unsigned           why;         /* what the transferor was told: the release's reason */
    void             (*tell)(void *ctx, struct shard *sh, uint64_t key, unsigned code);
    void              *ctx;
    uint64_t           key;
    uint64_t           tone;        /* 0: none */
    struct end        *asker;       /* up: whose offer is under way; NULL: none */
    struct end        *offering;    /* who is to offer, busy until `again` */
    uint64_t           note_id;
    unsigned           lives;       /* restarts that it has gone through */
    struct wheel_timer timer, again;
};

/* An INVITE of ours on its way to ourselves. */
struct ticket {
    struct list_node node;
    uint64_t         call;
    char             token[BRIDGE_TOKEN_OCTETS];
    char             caller[DIRECTORY_MAX_NUMBER];
    size_t           n_caller;
};

struct bridge_shard {
    struct list calls;  /* whose home it is    */
    struct list direct; /* sides in it         */
};

struct bridge {
    struct bridge_config  config;
    struct stack         *stack;
    atomic_uint_least64_t serial;
    atomic_size_t         n_calls, n_direct, n_restored, n_tickets;
    struct spin           lock;   /* of the lists */
    struct list           blocks, restored, tickets;
    struct list           noted;  /* Call-IDs of dialogs that were found in notes, until it has been looked for others (left.c) */
    atomic_bool           looked; /* and what was under way has been woken */
    struct bridge_shard   shard[STACK_SHARDS];
};

/* --- text.c: held texts, descriptions --- */
enum err join_held_set(struct bridge *b, struct held *h, struct slice s);
void     join_held_free(struct bridge *b, struct held *h);
/* Whom that end knows, by the o= that it was sent last. One whose version cannot be counted on from is as none: the first
 * description that we send says who we are. */
enum err join_origin_set(struct bridge *b, struct end *e, struct slice origin);
/* `sdp` as it goes to that end: o= as it knows it, its version one more. Lives in the scratch arena; empty: it cannot be. */
struct slice join_sdp_towards(struct join *j, struct end *e, struct slice sdp, bool sendrecv);
bool         join_sdp_same_place(struct slice a, struct slice b); /* does sound go to the same addresses? */
struct slice join_sdp_silence(struct join *j, struct slice offer); /* an answer that neither says nor hears anything; empty: none */

/* --- side.c: legs --- */
void *bridge_block_new(struct bridge *b, size_t octets); /* zeroed */
void  bridge_block_free(struct bridge *b, void *block);
enum err side_adopt(struct join *j, struct end *e, const struct bridge_end *from, const struct leg_adopted *more);
enum err side_call(struct join *j, struct end *e, const struct leg_call *what);
/* The same after a restart, of what its note holds; its join is told by TIDING_ADOPTED, or TIDING_ENDED. */
struct side_of {
    uint64_t call, key;
    unsigned home;
    bool     direct;
};
void  side_restore(struct bridge *b, struct shard *sh, const struct side_of *of, const struct bridge_end *from,
                   const struct leg_adopted *more);
void  side_abandon(struct join *j, struct end *e); /* adopted for nothing: without a word on the wire */
void  side_resume(struct join *j, struct end *e); /* after a restart: its leg is there */
void  join_end_do(struct join *j, struct end *e, enum errand_kind kind, unsigned code, struct slice text, struct slice more);
extern const struct leg_on side_on;

/* --- life.c --- */
void join_stop_tone(struct join *j);
void join_joined_free(struct join *j);             /* the next transfer has no call to join */
void join_end_free(struct join *j, struct end *e); /* what is kept of it; its leg goes by itself */

/* --- join.c: from the REFER to two who talk --- */
void join_on_timer(void *arg);
void join_on_again(void *arg);
struct join *join_new(struct bridge *b, struct shard *sh, uint64_t serial);
struct join *join_find(struct bridge *b, struct shard *sh, uint64_t serial);
void join_free(struct join *j);
void join_ask(struct join *j);                       /* step 1 */
void join_go_on(struct join *j);                     /* after a restart, where it had not come to two who talk */
void join_take(struct join *j, const struct tiding *t);
void join_tell(struct join *j, unsigned code);       /* the transferor, and who asked */
void join_say(struct join *j, struct slice why);
void join_log(struct join *j, const char *event, unsigned code);
void join_offer(struct join *j, struct end *e, struct slice sdp); /* empty: it is to offer */
void join_up(struct join *j);
void join_over(struct join *j, struct slice reason);
void join_end_drop(struct join *j, struct end *e);

/* The target, or the transferor that was rung again, will not: what now (6.4). */
void join_refused(struct join *j, unsigned code);
void join_enter(struct join *j, enum join_state state, uint64_t within_ms); /* 0: without a time limit */

/* --- relay.c: while two talk --- */
void join_relay(struct join *j, struct end *from, const struct tiding *t);

/* --- dial.c: calls to others, by way of ourselves --- */
enum err join_dial(struct join *j, struct end *e, struct slice target, struct slice offer); /* in the transferee's name */
enum err join_dial_again(struct join *j, struct end *e); /* whoever was at that end, by its number; it is to offer */
void     join_tickets_drop(struct bridge *b, uint64_t call); /* 0: all */


/* --- note.c --- */
/* An end as a note has it; and in its shard, wherever that is, it becomes a leg of that join. */
void     join_note_of_end(const struct bridge_end *e, struct buf *out);
void     join_adopt(struct join *j, struct end *e, struct slice note);
struct slice join_note_call_id(struct slice dialog);
void     join_note_of_leg(struct leg *leg, struct buf *out); /* nothing where it has no dialog yet */
void     join_note(struct join *j);
void     join_unnote(struct join *j);
enum err join_notes_load(struct bridge *b);
void     join_notes_revive(struct bridge *b, struct shard *sh, struct slice call_id);
void     join_notes_wake(struct bridge *b); /* what was under way goes on, if nothing has woken it before */

/* --- left.c --- */
enum err join_left_spare(struct bridge *b, struct slice call_id); /* while notes are loaded: that dialog is brought back */
void     join_left_end(struct bridge *b, int64_t began_ms);

#endif
