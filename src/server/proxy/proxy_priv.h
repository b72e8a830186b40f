/* proxy_priv.h - what the files of server/proxy share. */
#ifndef SERVER_PROXY_PRIV_H
#define SERVER_PROXY_PRIV_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"
#include "server/plan/plan.h"
#include "server/proxy/proxy.h"
#include "sip/dialog/dialog.h"
#include "sys/spin.h"

enum {
    FORK_OCTETS = 1024,           /* of a request in progress: struct fork, its first branch and their texts; most need no more */
    FORK_BLOCK_OCTETS = 512,      /* what needs more, for another branch or long URIs, takes so much at a time */
    FORK_MAX_OCTETS = 256 * 1024, /* texts and best answer of one request in progress */
    LOOP_SUFFIX_OCTETS = 17,      /* "-" and 16 hex digits behind the branch          */
    RETRY_FLOW_MS = 500,          /* a phone whose connection went is looked for so often (PROTOCOL 4.4) */
    AGAIN_MS = 62 * 500,          /* and so long: a little less than 64*T1, who asks must hear how it ended (RFC 4320 §4.1) */
    COOKIE_MAC_TEXT = 11,         /* the MAC of a cookie, as it is written */
    PICKED_CALLS = 256            /* so many are remembered, the latest */
};

struct proxy_shard {
    struct map  by_server; /* forks by server transaction */
    struct list forks;     /* those whose caller has no final answer yet */
    struct list answered;  /* and those that wait for branches which have been cancelled */
    struct list late;      /* late.c */
    _Atomic size_t n_pending; /* forks, and what late.c has; written by the shard's holder, read by anybody */
    struct list strays;    /* refusal.c */
    size_t      n_strays;
    struct list carried;   /* carry.c */
};

struct proxy {
    struct mem            *mem;
    struct hash_key        hash;
    struct hash_key        cookie_key;
    uint64_t               started_s;
    struct directory      *directory;
    struct location       *location;
    struct dialogs        *dialogs;
    bool                   may_relay;
    uint32_t               session_s, session_min_s;
    struct proxy_legs      legs;
    struct proxy_trunks    trunks;
    struct spin            errands_lock;
    struct list            errands;              /* bring.c's */
    _Atomic uint64_t       picked[PICKED_CALLS]; /* hashes of Call-IDs: these rang, and are being picked up elsewhere */
    struct proxy_shard     shard[STACK_SHARDS];
};

enum branch_state {
    BRANCH_WAITING,   /* its group's turn has not come     */
    BRANCH_TRYING,    /* sent; nothing but 100 heard       */
    BRANCH_RINGING,   /* 101-199 heard                     */
    BRANCH_CANCELLED, /* we have cancelled it              */
    BRANCH_AWAY,      /* its connection has gone: waited for */
    BRANCH_DONE       /* has its final response, or failed */
};

/* RFC 3326: whoever is cancelled so has not missed a call. */
#define ELSEWHERE S("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n")

/* RFC 3323: nobody's. */
#define ANONYMOUS_URI S("sip:anonymous@anonymous.invalid")

struct fork;
struct errand;
struct dress;

/* Texts that few requests have. They stand in the fork's arena, one behind the other, the latest first and never changed: so a
 * branch keeps what the fork had when it was added by where the row began then. */
enum fork_text {
    FORK_TRUNK,          /* it came in from that one */
    FORK_CALLER_NAME,    /* of the caller's account */
    FORK_TRANSFERRED_BY, /* as struct proxy_caller has it */
    FORK_REPLACES,       /* added to the request: its sender has dropped it */
    FORK_NEXT_ROUTE,     /* where it goes; empty: by the branches */
    FORK_RING,           /* Alert-Info for the phones of the stage */
    FORK_DIVERSION, FORK_HISTORY, /* values that tell of the hops (RFC 5806, RFC 7044) */
    FORK_PICKED_UP,      /* the Replaces that names a call that rings elsewhere, for the branches of the stage */
    FORK_PICKED_CALL,    /* its Call-ID */
    FORK_FETCHED,        /* number of the parking place where that call waits; empty: it rings */
    FORK_CHALLENGES,     /* rows of all 401 and 407 but the best's (§16.7 step 7) */
    FORK_GIVEN_UP,       /* an administrator's reason; empty: none has ended it */
    FORK_ORIGIN,         /* within a dialog: of the request's description */
    FORK_CONTACT,        /* within a dialog: the sender's new target when it is accepted */
    FORK_REFER_TO        /* within a dialog: as its Refer-To goes on; empty: as it came */
};
struct kept_text {
    const struct kept_text *next;
    enum fork_text          which;
    struct slice            text;
};

/* How a phone is known when it is back on another connection. */
struct again {
    bool               may;      /* it may be waited for */
    struct slice       aor, contact, instance; /* aor empty: by its Contact alone; instance empty: by Contact or address */
    uint64_t           until_ms; /* 0: not waited for yet */
};

/* One step of a call that has been forwarded: whom it was for before, and why it went on. */
struct hop {
    struct slice    uri;    /* as a Request-URI */
    struct slice    number; /* of ours */
    enum plan_cause cause;
};

/* A branch that goes out through a trunk. */
struct outward {
    struct slice trunk, server; /* its name, and the URI that requests go to */
    struct slice party;      /* who is called there, for the record */
    struct slice from;       /* the URI in From */
    struct slice identity;   /* that in P-Asserted-Identity; empty: nobody's */
    bool         is_private; /* who calls does not want to be known */
    struct slice login;      /* rows with credentials; empty: it has not asked */
    uint32_t     shift;      /* of the caller's CSeqs there, so far */
    unsigned     tries;      /* challenges that were answered */
};

struct branch {
    struct outward    *out;      /* NULL: it goes to a phone, or by RFC 3263 */
    struct fork       *fork;
    struct tsx_id      client;
    struct errand     *errand;   /* bring.c's: who picks up hears how this branch ends; NULL: nobody */
    struct dialog_id   record;   /* of its early dialog, while another branch has the fork's; gen 0: none */
    struct slice       uri;      /* the Request-URI that it gets */
    struct slice       route;    /* Route value in front of what is there; empty: none */
    const struct kept_text *texts; /* the fork's when it was added; FORK_PICKED_UP: its INVITE is to take that dialog's place */
    struct wheel_timer timer;    /* RFC 3261's timer C, or in AWAY when the phone is looked for again */
    uint64_t           patient_until_ms; /* timer C's end, which each provisional answer moves while the timer runs */
    struct again       again;
    struct flow        flow;     /* none: by RFC 3263 */
    uint32_t           breadth;  /* its share of Max-Breadth */
    enum branch_state  state;
    uint16_t           group;
    uint16_t           code;     /* its final status; 0 none */
    uint16_t           spare_of;
    bool               spare;    /* RFC 5626: only when spare_of's flow fails */
    bool               heard;    /* any response was, 100 too */
    bool               open;     /* its client transaction calls us */
    bool               lingers;  /* which has had its final response */
    bool               rang;     /* 101-199 were heard */
    bool               intercom; /* the phone is to answer by itself */
    bool               no_intercom; /* as the fork had it when it was added */
    char               seal[COOKIE_MAC_TEXT]; /* end of the cookie in the Record-Route that it went out with */
};

/* RFC 4028 §8. */
struct fork_refresh {
    uint32_t asked_s; /* what stands in the request as it goes on; 0: it is none of ours */
    bool     write;   /* because we write it */
    bool     knows;   /* its sender can do timers */
};

enum fork_state { FORK_OPEN, FORK_CANCELLED, FORK_ANSWERED };

/* A request in progress: the response context of RFC 3261 §16.7. */
struct fork {
    struct map_node      by_server;
    struct list_node     node;
    struct proxy        *px;
    struct shard        *sh;
    struct tsx_id        server;
    struct arena         arena;
    struct slice         call_id, caller_tag; /* as MACed in the cookie */
    struct flow          upstream;
    enum fork_state      state;
    enum method          method;
    enum plan_redirect   redirect;
    const struct kept_text *texts;     /* fork_text() */
    /* whom it is for at present; branches of a lower group than `stage` were for somebody before */
    struct slice         target;       /* a URI: the Request-URI, or where it has been forwarded */
    struct slice         dialled;      /* the number that its URI has; of the message that is worked on */
    struct slice         caller;       /* the number of who has sent it; empty: none of ours */
    struct hop          *hop;          /* [PLAN_MAX_FORWARDS], from the first one on: whom it was for before, the first one first */
    struct branch      **branch;       /* [branches_cap] */
    struct wheel_timer   group_timer;
    struct wheel_timer   ring_timer;   /* of the stage */
    uint32_t             group_ms, timer_c_ms;
    uint16_t             group, n_groups, stage;
    uint16_t             own_end;      /* the phones have rung long enough: the status that says so, unless one answers */
    uint16_t             own_routes;   /* of the request: what goes off its Route */
    uint8_t              n_branches, branches_cap, n_hops;
    char                 loop[LOOP_SUFFIX_OCTETS];
    bool                 trusts;       /* the trunk that it came in from is believed who calls */
    bool                 did_unknown;  /* and none of its rules in fitted */
    bool                 trusted;      /* as struct proxy_caller has it */
    bool                 asserted;     /* it has proved who it is */
    bool                 anonymous;    /* the one who called is not to be known: its From was hidden here */
    bool                 intercom;     /* the phone is to answer by itself */
    bool                 no_intercom;  /* the phones of the stage do not answer by themselves: their user's setting */
    bool                 pickup;       /* a code says so: the call that rings at its target is picked up */
    bool                 pickup_group; /* the target is who calls, and any member of a group of its may ring */
    bool                 takes_place;  /* of a call that rings elsewhere */
    bool                 no_replaces;  /* its caller's phone cannot do Replaces: the call has to be brought */
    bool                 bring;        /* it is being brought here: bring.c answers this request */
    bool                 trying;       /* a 100 has gone upstream */
    bool                 deflected;    /* a phone has sent the call to where no phone of ours is: f->target */
    bool                 outward;      /* the stage goes out through trunks */
    bool                 each_alone;   /* struct plan's, of the stage */
    bool                 within;       /* in a dialog: one branch, no planning */
    /* the best final response so far, without our Via */
    uint16_t             best_code;
    struct slice         best;
    /* the dialog's record */
    struct dialog_id     record;       /* gen 0: none */
    struct dialog_id     picked;       /* of the call that is picked up */
    const struct branch *kept;         /* whose early dialog `record` is of, if any has one yet */
    struct branch       *answering;    /* whose response is being kept; NULL: nobody's that is known */
    enum dialog_side     from;
    uint32_t             shift, shift_other; /* of the sender and of the other side (PROTOCOL 4.2) */
    struct fork_refresh  refresh;
    struct proxy_watch   watch;
};

/* --- proxy.c --- */
struct fork *fork_new(struct proxy *px, struct shard *sh, const struct stack_in *in);
struct fork *fork_find(struct proxy *px, struct shard *sh, struct tsx_id server);
void fork_free(struct fork *f);
void proxy_count(struct proxy_shard *ps, size_t by); /* so many more are pending */
struct slice fork_text(const struct fork *f, enum fork_text which);            /* empty: it has none */
enum err     fork_keep(struct fork *f, enum fork_text which, struct slice text); /* a copy, in place of what there was. ERR_NOMEM */
struct slice branch_text(const struct branch *b, enum fork_text which);
enum err     branch_keep(struct branch *b, enum fork_text which, struct slice text); /* for this branch alone */
/* One more, all zero but for its fork. ERR_FULL: PROXY_MAX_BRANCHES; ERR_NOMEM. */
enum err fork_add_branch(struct fork *f, struct branch **out);
enum err proxy_scratch(struct shard *sh, size_t octets, struct buf *out);
uint64_t proxy_wall_ms(struct shard *sh);
bool proxy_flow_of(struct slice octets, struct flow *out); /* opaque octets of a record or binding, back */
struct slice proxy_flow_octets(const struct flow *f);

/* --- new.c --- */
/* The number of ours that this URI has, in the scratch arena; empty: none, or no memory. */
struct slice fork_number_of(const struct fork *f, const struct directory_view *view, struct slice uri);
/* The phones of the fork's target have come to their end so, with that code: where does it go now? True: it goes on, and the
 * fork may be gone. False: what the phones said stands. */
bool fork_goes_on(struct fork *f, enum plan_when when, uint16_t code);

/* An end of the exchange's own takes it, at that number. The fork may be gone. */
void fork_hand_over(struct fork *f, const struct stack_in *in, struct slice number);

/* --- forward.c: calls that are forwarded --- */
struct forward_told { /* who has forwarded it, here and, as the request says, elsewhere */
    struct slice trail[PLAN_MAX_TRAIL];
    size_t       n_trail;
    unsigned     n; /* how often */
};
void forward_look(const struct fork *f, const struct stack_in *in, const struct directory_view *view, struct forward_told *out);
/* It goes on from f->target (which is that number of ours) to `to`, a number or URI: f->target is that, and what is told of it
 * on the way is made. ERR_FULL (too many hops), ERR_NOMEM. */
enum err forward_note(struct fork *f, const struct stack_in *in, struct slice number, struct slice to, enum plan_cause cause);
/* A number as a URI at the name that the caller uses for us, in the fork's arena; a URI as it is. ERR_NOMEM, ERR_NOTFOUND. */
enum err forward_target(struct fork *f, const struct msg *m, struct slice to, struct slice *out);
/* The same hop leads to another target too. ERR_NOMEM. */
enum err forward_also(struct fork *f, const struct stack_in *in, struct slice to);

/* --- outward.c: out through trunks --- */
/* The number that a URI is for: uri_put_user_key(), and of a local one whose phone-context is the beginning of a global number
 * (RFC 3966 §5.1.5) that global number. */
void outward_put_number(struct buf *b, const struct uri *u);
/* The domain whose local number a tel URI is; empty: it is none's. */
struct slice outward_context(const struct uri *u);
/* What the plan wants to know of them; the rest of the facts is there. ERR_NOMEM. */
enum err outward_facts(struct fork *f, const struct directory_view *view, struct plan_facts *facts);
enum err outward_add(struct fork *f, const struct directory_view *view, const struct plan_way *way, uint16_t group);
enum err outward_edit(struct msg_edit *e, const struct dress *d, const struct outward *o);
/* The connection has gone that a request in a dialog was sent by to a trunk: it goes again, by a new one. False: it does not. */
bool outward_reconnects(struct branch *b);
/* A trunk's 401 or 407 to that branch: it has been dealt with, and the fork may be gone. False: it is none. */
bool outward_challenged(struct branch *b, const struct msg *m);

/* --- fork.c --- */
enum err fork_add_binding(struct fork *f, const struct plan_binding *b, uint16_t group);
void fork_begin(struct fork *f);
void fork_say_trying(struct fork *f); /* the caller hears that something happens, once, when it is an INVITE */
/* What has been added from branch and group `first` on begins now, for so long (0: without limit). */
void fork_begin_stage(struct fork *f, uint16_t first_group, uint32_t ring_ms);
void fork_cancel(struct fork *f, struct slice rows);
/* ERR_UNSUPPORTED: proxy_check_sips(). */
enum err fork_start_branch(struct fork *f, struct branch *b);
void branch_stop_timer(struct branch *b);
void branch_goes_on(struct branch *b); /* 101-199: its timer C begins anew (§16.7 step 2) */
void branch_begun(struct branch *b);  /* its client transaction has */
void branch_cancel(struct branch *b, struct slice rows); /* one that runs: an INVITE is cancelled, anything else goes on */

/* --- answer.c: what the branches say --- */
extern const struct stack_client_on fork_client_on;
void branch_done(struct branch *b, uint16_t code);
void fork_offer(const struct branch *b, const struct msg *m);   /* a final response that may be the best */
void fork_finish(struct fork *f);                       /* all branches are done: send the best  */
void fork_own_answer(struct fork *f, unsigned code);
void fork_answered(struct fork *f, unsigned code);      /* a final response has gone upstream    */
bool fork_all_done(const struct fork *f);
/* It goes, if it has answered and each branch has come to its end: what still comes of an accepted one is late.c's, and nobody asks
 * how the transactions of others linger. */
void fork_release(struct fork *f);
/* Lower is better: §16.7 step 6. `given_up`: the caller has, so that 487 is what it waits for. */
unsigned answer_rank(unsigned code, bool given_up);
void fork_give_up(struct fork *f, struct slice rows);

/* --- compose.c --- */
struct dress { /* see dress.c */
    struct proxy *px;
    struct shard *sh;
    bool          asserts;      /* `number` and `name` are an account that has proved itself */
    bool          anonymous, intercom;
    bool          no_intercom;  /* what asks the phone to answer by itself is taken off */
    bool          stranger;     /* it comes from a trunk, */
    bool          trusts;       /* which is believed who calls */
    struct slice  number, name;
    struct slice  ring;         /* Alert-Info; empty: as it is */
};

struct compose {
    struct proxy          *px;
    const struct stack_in *in;
    struct slice           uri;        /* new Request-URI; empty: as it is              */
    struct slice           route;      /* Route value to put on top; empty: none        */
    size_t                 own_routes; /* Route elements to take off the top            */
    bool                   strict;     /* the last Route goes: it has become the URI    */
    struct slice           last_route; /* put behind all: the URI, before a strict router; empty: none */
    bool                   has_breadth;
    uint32_t               breadth;
    uint32_t               shift, shift_other; /* CSeq, RAck, Event id (PROTOCOL 4.2)   */
    struct slice           diversion;  /* put in front of what is there; empty: nothing */
    struct slice           history;    /* put behind what is there; empty: nothing      */
    struct slice           replaces;   /* instead of any Replaces, and required; empty: as it is */
    const struct outward  *out;        /* NULL: it goes to no trunk                     */
    struct slice           from;       /* URI in From; empty: as it is                  */
    const struct dress    *dress;      /* NULL: it is not for the first time            */
    bool                   hide;       /* From becomes the one that the other side knows: anonymous */
    const struct proxy_carry *carry;   /* NULL: none                                    */
    const struct fork     *refresh;    /* whose session timer it gets; NULL: nobody's   */
};
/* A request as it goes on, not written yet: texts of its edits stand here, in the scratch arena, or are what *c has. */
struct composed {
    struct msg_edit     edit;
    struct dialog_shift shift;
    char                hops[12], breadth[12];
};
enum err compose_request(struct shard *sh, const struct compose *c, struct composed *out);
/* The next hop is a Route that is not ours. One without ;lr wants to be the Request-URI (§16.6 step 6): then *c is changed
 * so. Texts live in the scratch arena. */
enum err compose_towards(struct shard *sh, struct compose *c, struct slice next_route);
/* A response as it goes back: without our Via, CSeq shifted back by what that branch (NULL: none that is known) has; 3xx Contacts that are bindings of ours as AORs. */
enum err compose_response(struct fork *f, const struct branch *b, const struct msg *m, struct slice *out);

/* --- dress.c: who calls, and how it shall ring --- */
enum err dress_edit(struct msg_edit *e, const struct dress *d);   /* ERR_NOMEM, ERR_SYNTAX (no From) */
enum err dress_hide(struct msg_edit *e, struct shard *sh);        /* From is anonymous, its tag stays */
bool dress_is_private(const struct msg *m, struct slice wanted);  /* has Privacy any of these, with spaces between? */
bool dress_wants_to_be_unknown(const struct msg *m);              /* RFC 5079 §4 */
bool dress_is_anonymous(struct slice uri);                        /* of RFC 3323 */

/* --- code.c: what was dialled is no number, but a code and perhaps a number --- */
/* An INVITE that is for `text`. A code with a number to call: f->target is that, the fork is set, and *taken. ERR_NOMEM. */
enum err code_take(struct fork *f, const struct stack_in *in, const struct directory_view *view, struct slice text, bool *taken);

/* --- pickup.c: a call that takes the place of another --- */
/* A code has asked for the call that rings at the target, or at a colleague's. Then *facts says so, its bindings are the one
 * phone that is asked for it (none: nothing rings), and FORK_PICKED_UP is made. ERR_NOMEM. */
enum err pickup_facts(struct fork *f, const struct directory_view *view, struct plan_facts *facts);
/* The same for this early dialog. */
enum err pickup_take(struct fork *f, struct dialog_id id, const struct dialog_record *r, struct plan_facts *facts);
/* Is the call with that Call-ID being picked up elsewhere? Then whoever rang has not missed it. */
bool pickup_took(struct proxy *px, struct slice call_id);

/* --- bring.c: a call that rings is brought to who picks it up, where its caller cannot do Replaces --- */
/* f->picked is brought to the phone that sent f's request. True: it is dealt with, and f may be gone. */
bool pickup_bring(struct fork *f);
void pickup_withdraw(struct fork *f);                 /* who picks up has given up */
void pickup_brought(struct branch *b, unsigned code); /* the branch has this final response: who picks up is told */
void bring_close(struct proxy *px);

/* --- fetch.c: a call that waits at a parking place is fetched --- */
bool fetch_is_parked(const struct fork *f, const struct dialog_record *r);
/* The callee's number may be that of such a place: then the one target is the phone that waits there. ERR_NOMEM. */
enum err fetch_facts(struct fork *f, struct plan_facts *facts);
/* The same for this call. */
enum err fetch_take(struct fork *f, struct dialog_id id, const struct dialog_record *r, struct plan_facts *facts);
/* That phone does not want. True: an end of our own has taken it, and f may be gone. */
bool fetch_by_exchange(struct fork *f);

/* --- within.c --- */
enum err within_start_again(struct fork *f);            /* its one branch, by branch->flow */

/* --- steer.c --- */
/* An INVITE that names a call of ours (Replaces, Join) goes to the phone that has it, and nowhere else (PROTOCOL 7.1); where
 * that call rings, it takes its place. */
enum err fork_steer(struct fork *f, const struct msg *m, enum plan_when when, struct plan_facts *facts); /* ERR_NOMEM */
/* An end of a call as a binding, in the scratch arena. NULL: no memory. */
struct plan_binding *fork_binding_of(struct fork *f, const struct dialog_party *p);

/* --- again.c --- */
/* `flow`, which has gone, becomes the one that the phone is back by. ERR_NOTFOUND: it is not. */
enum err again_find(struct proxy *px, struct shard *sh, const struct again *a, struct flow *flow);
/* `flow`, if it is a stream, becomes the one that the phone has registered by since. */
void again_prefer(struct proxy *px, struct shard *sh, struct slice aor, struct slice contact, struct flow *flow);
/* The branch's connection has gone: true when it waits now (state AWAY), and goes on by itself. */
bool again_wait(struct branch *b);

/* --- carry.c --- */
/* As stack_request(), and when its connection goes it waits for that phone's return. *s is copied. */
enum err carried_send(struct proxy *px, struct shard *sh, const struct stack_send *s, const struct again *phone, struct tsx_id *client);
void carried_close(struct proxy *px, struct shard *sh);

/* --- late.c: 2xx to an INVITE behind the first --- */
enum err late_begin(const struct branch *b); /* it hears of the branch's client transaction from now on. ERR_NOMEM: the branch does */
void     late_close(struct proxy *px, struct shard *sh);

/* --- stray.c, refusal.c: answers to an INVITE whose transaction went with a restart --- */
struct lost_invite {
    struct fork  gone;             /* as much of it as its record or cookie still says; upstream: who sent it */
    uint32_t     cseq;             /* its CSeq, as its sender counts                      */
    bool         passes;           /* the answer may go back; else it is acknowledged only */
    bool         own;              /* the exchange has sent it itself, as an end of the call */
    struct slice aor, contact;     /* how the sender's phone is known (again.c)           */
    struct slice target, route;    /* of who answers; may be empty                        */
};
enum err stray_pass(struct lost_invite *l, const struct msg *m);
void stray_refusal(struct lost_invite *l, const struct msg *m, const struct flow *from);
bool stray_is_repeat(struct proxy *px, struct shard *sh, const struct msg *m, const struct flow *from); /* dealt with */
void stray_close(struct proxy *px, struct shard *sh);

/* --- stray_cancel.c: a CANCEL whose INVITE's transaction went with a restart; true: the phone is told, 200 is right --- */
bool stray_cancel(struct proxy *px, struct shard *sh, const struct stack_in *in);

/* --- redirect.c --- */
bool redirect_follow(struct fork *f, const struct msg *m); /* true: branches were added, the 3xx is dealt with */

/* --- refresh.c --- */
bool refresh_refuses(struct proxy *px, struct shard *sh, const struct stack_in *in); /* 422: it has been dealt with */
void refresh_look(struct fork *f, const struct msg *request);
void refresh_edit_request(const struct fork *f, struct msg_edit *e, const struct msg *m);
void refresh_edit_response(const struct fork *f, struct msg_edit *e, const struct msg *m);
void refresh_keep(const struct fork *f, const struct msg *m, struct dialog_record *r);

/* --- cookie.c --- */
struct cookie_facts {
    uint64_t    made_s;
    struct flow caller, callee;
    struct slice call_id, tag; /* tag: of the side that began the dialog */
};
/* The key of their MACs, of the exchange's stored one. */
void cookie_key(const struct digester *d, struct slice stored, struct hash_key *out);
void cookie_put(struct proxy *px, const struct cookie_facts *facts, struct buf *b);
void proxy_put_record_route(void *branch, struct transport *tp, const struct flow *to, struct buf *b);
/* Is that element of a Record-Route in its answer the one that it went out with? */
bool cookie_is_back(const struct branch *b, struct slice element);

/* --- keep.c: the dialog's record of a request in progress --- */
/* `callee`: whom it is for, as far as that is known: its number, or who it is at a trunk. */
void keep_begin(struct fork *f, const struct stack_in *in, const struct proxy_caller *caller, const struct dialog_party *callee);
/* A leg of the exchange's own takes the call, at that number: what it is to go on with. The fork has no record any more. */
struct dialog_id keep_hand_over(struct fork *f, struct slice number);
void keep_response(struct fork *f, const struct msg *m, const struct flow *from);
/* It is for other phones now, of that number: what those before still say, perhaps after a restart, is not the call's answer. */
void keep_goes_on(struct fork *f, const struct dialog_party *callee);
void keep_failure(struct fork *f, unsigned code, struct slice why);
void keep_branch_done(struct branch *b); /* its early dialog is over */
void keep_within(struct fork *f, const struct stack_in *in, const struct proxy_within *w);

/* ---- sips.c ---- */

bool proxy_is_sips(struct slice uri);
/* May a request for `uri` go where s leads? ERR_UNSUPPORTED: it is a sips URI, and that is not by TLS. */
enum err proxy_check_sips(struct slice uri, const struct stack_send *s);

#endif
