/* proxy.h - passing requests on and their answers back: RFC 3261 §16, RFC 5393, RFC 6026; PROTOCOL §2.
 *
 * Who may send has been decided before (server/core). The proxy finds targets (server/plan), forks, chooses the best
 * answer, keeps the dialog's record, and writes itself into the route with a keyed cookie. */
#ifndef SERVER_PROXY_PROXY_H
#define SERVER_PROXY_PROXY_H

#include "base/digester.h"
#include "base/hash.h"
#include "server/dialogs/dialogs.h"
#include "server/directory/directory.h"
#include "server/location/location.h"
#include "sip/stack/stack.h"

enum {
    PROXY_MAX_BRANCHES = 32,        /* of one request, all groups and followed redirects together */
    PROXY_MAX_BREADTH = 60,         /* RFC 5393 §5.3.3: when the request says none */
    PROXY_COOKIE_S = 24 * 3600,     /* PROTOCOL 2.1 */
    PROXY_MAX_COOKIE_OCTETS = 224
};

struct proxy;
struct proxy_watch;

/* What goes along with a request that one of the exchange's own ends is to take. */
struct proxy_handed {
    struct proxy_watch *watch;  /* who waits for its answer, to be told by that end */
    struct dialog_id    record; /* of its call, to be put and ended there from now on (gen 0: there is none); its callee has the
                                   number that was found to be the app's */
    struct slice        transferred_by; /* URI of who has transferred the caller here, as he has written it; empty: nobody that
                                           is known of. Lives as long as take() */
};

/* The exchange's own ends, for requests whose number is one (server/plan: PLAN_LEG). */
struct proxy_legs {
    /* Which app has this number? SLICE_NONE: none. Users and live bindings of that number come first. Lives as long as the
     * shard is held. */
    struct slice (*app)(void *ctx, struct slice number);
    /* A request for one: to be answered there. */
    void (*take)(void *ctx, struct shard *sh, const struct stack_in *in, const struct proxy_handed *h);
    void *ctx;
};

/* What is to be known of trunks that the directory does not know (server/trunk). */
struct proxy_login {
    struct slice      trunk;
    const struct msg *challenge; /* its 401 or 407                        */
    struct slice      method, uri, body; /* of the request that it was for */
    unsigned          tries;     /* how often it has been answered before */
};
struct proxy_trunks {
    bool (*is_down)(void *ctx, struct slice trunk);
    /* Has it asked to be spared this call (RFC 7339)? Not for calls for help. */
    bool (*is_full)(void *ctx, struct slice trunk, uint64_t now_ms);
    /* It has answered: does it say how busy it is? */
    void (*heard)(void *ctx, struct slice trunk, const struct msg *m, uint64_t now_ms);
    /* Whole rows with the credentials that answer it. ERR_NOTFOUND: we have none; ERR_DENIED: those were refused. */
    enum err (*login)(void *ctx, struct arena *scratch, const struct proxy_login *l, struct buf *rows);
    void *ctx;
};

struct proxy_config {
    struct mem            *mem;
    const struct digester *digester;  /* while it opens, no longer */
    struct hash_key        hash;
    struct slice           key;       /* the exchange's stored key; the cookie's is made of it */
    uint64_t               now_s;     /* wall clock: what was sent before it was another run's */
    struct directory      *directory;
    struct location       *location;
    struct dialogs        *dialogs;
    bool                   may_relay; /* authenticated users may call other domains */
    uint32_t               session_s; /* RFC 4028: calls are to be refreshed so often; 0: that is the phones' business */
    uint32_t               session_min_s; /* with session_s: who asks for less is answered 422 */
    struct proxy_legs      legs;
    struct proxy_trunks    trunks;    /* functions NULL: all are up, none is answered */
};
enum err proxy_open(const struct proxy_config *config, struct proxy **out);
/* After stack_close has ended the transactions. Takes NULL. */
void     proxy_close(struct proxy *px);

/* A message of the call with that stack_call_hash() has come: what is looked at when a request begins or ends is fetched into the
 * processor's caches; `again`, a few hundred instructions later: what that leads to. Waits for nothing. */
void proxy_expect(const struct proxy *px, uint64_t call_hash, bool again);
/* Free what a shard's requests in progress hold; from the stack user's shard_close. */
void     proxy_shard_close(struct proxy *px, struct shard *sh);

/* ---- the cookie in our Record-Route (PROTOCOL 2.1) ---- */

struct proxy_cookie {
    struct slice time;        /* when it was made, as it stands there: proxy_cookie_made_s() */
    struct slice flows;       /* towards the caller and the callee, as they stand there: proxy_cookie_flow() */
    bool         from_caller; /* the request at hand comes from the side that began it */
};
/* Does this URI (of a Route, or a Request-URI after a strict router) carry a cookie of ours for this request's dialog? The URI
 * may go on in any way behind its '@'. Texts in *out point into it. `likely`: who has most likely sent it; that is tried first.
 * ERR_OK; ERR_NOTFOUND: none of ours; ERR_DENIED: the MAC does not fit; ERR_STALE: too old at now_s (0: it may be of any age),
 * *out is written. */
enum err proxy_cookie_read(struct proxy *px, const struct msg *m, struct slice uri, enum dialog_side likely, uint64_t now_s,
                           struct proxy_cookie *out);
uint64_t proxy_cookie_made_s(const struct proxy_cookie *c); /* wall clock */
enum err proxy_cookie_flow(const struct proxy_cookie *c, enum dialog_side towards, struct flow *out); /* ERR_SYNTAX: it has none */

/* ---- what is known about an in-dialog request before it goes on ---- */

/* Who wants to hear of a request's final response. All zero: nobody. */
struct proxy_watch {
    void (*answered)(void *arg, struct shard *sh, unsigned code); /* once; code 487 also when the caller gave up */
    void (*dropped)(void *arg); /* instead: the exchange ends before; no shard may be spoken to any more */
    void *arg;
};

struct proxy_within {
    struct dialog_id     id;           /* gen 0: no record                                                   */
    enum dialog_side     from;         /* which side sent it; without record by the cookie                   */
    struct dialog_record record;       /* texts in the shard's scratch arena; only with a record             */
    struct proxy_cookie  cookie;
    bool                 has_cookie;   /* a valid one                                                        */
    bool                 on_flow;      /* it came by the flow that the record has for its sender             */
    size_t               own_routes;   /* Route elements at the top that are ours                            */
    bool                 strict;       /* the Request-URI was ours: the last Route is the real one           */
    struct slice         target;       /* the real Request-URI                                               */
    struct slice         next_route;   /* first Route that is not ours; empty: none                          */
    struct slice         refer_to;     /* set by who passes it on: goes in place of its Refer-To's value; empty: as it is */
    struct proxy_watch   watch;        /* likewise                                                           */
};
/* Look it up. Never fails: what is not known is empty. */
void proxy_look(struct proxy *px, struct shard *sh, const struct stack_in *in, struct proxy_within *out);
/* May it pass by what is known (PROTOCOL 2.2)? Else credentials are needed. */
bool proxy_admits(const struct proxy_within *w);

/* ---- passing on ---- */

struct proxy_caller {
    const struct directory_view *view; /* that it was looked up in; held until proxy_new() has returned */
    const struct directory_user *user; /* authenticated; NULL: open house or trunk */
    struct slice                 trunk;  /* it comes from that one; empty: from none */
    struct slice                 outsider; /* and is who there (dialogs_put_outsider()) */
    struct slice                 target; /* whom a trunk's number is for, as a URI of ours; empty: nobody */
    struct slice                 number;
    bool                         trusts; /* that trunk is believed who calls */
    bool                         trusted; /* ours, or need not be (open house)    */
    size_t                       own_routes; /* as proxy_look() found them: Route elements at the top that are ours, */
    struct slice                 next_route; /* and the one behind them: it goes there, and nowhere else; empty: none */
    struct proxy_watch           watch;
    struct slice                 transferred_by; /* URI of who has transferred the one who calls; empty: nobody is known */
    struct slice                 replaces; /* of the Replaces that the INVITE should have and lacks (PROTOCOL 7.1): it is added;
                                              empty: none */
};

/* A request outside any dialog: planned, forked, answered. */
void proxy_new(struct proxy *px, struct shard *sh, const struct stack_in *in, const struct proxy_caller *caller);

/* Before a request within a dialog is looked at any further: are its hops used up (483; an ACK is dropped), or does it ask
 * for what no proxy here does (420; RFC 3261 §16.3)? True: it has been dealt with. */
bool proxy_refuses(struct shard *sh, const struct stack_in *in);

/* A request within a dialog (also ACK of a 2xx), admitted. Answered with 403, 480, 481 when it has nowhere to go. */
void proxy_within_dialog(struct proxy *px, struct shard *sh, const struct stack_in *in, const struct proxy_within *w);

/* A CANCEL: answered, and its INVITE's branches are cancelled. */
void proxy_cancel(struct proxy *px, struct shard *sh, const struct stack_in *in);

/* A response that no transaction waits for: an answer to an INVITE from before a restart is passed back, by the cookie that
 * it brings or the dialog's record; a refusal is also acknowledged. All else is dropped. */
void proxy_stray(struct proxy *px, struct shard *sh, const struct msg *m, const struct flow *from);
/* An ACK that no transaction waits for: is it that of such a refusal? Then it has been dealt with. */
bool proxy_takes_ack(struct proxy *px, struct shard *sh, const struct stack_in *in);

/* ---- for server/transfer: pass an in-dialog request on, but keep its answer ----
 * What goes by a connection that turns out to be gone waits for the phone's return (PROTOCOL 4.4): its user's failed() comes
 * when that has been in vain, its ended() once, after all tries. So stack_forget() is not for these. */

struct proxy_carry {
    struct slice  remove_rows[2];     /* names of header fields that do not go on; empty: none */
    struct slice  add_rows;           /* whole rows with CRLF, may be empty */
    struct slice  refer_to;           /* replaces the value of Refer-To; empty: as it is */
    struct slice  branch;             /* the same when it is carried again after a restart: then it is a repeat; empty: a new one */
    const struct stack_client_on *on; /* the user's own: its answer is not passed back */
    void         *arg;
};
/* ERR_NOTFOUND: nowhere to go (nothing was answered), or stack_request's. */
enum err proxy_carry(struct proxy *px, struct shard *sh, const struct stack_in *in, const struct proxy_within *w,
                     const struct proxy_carry *c, struct tsx_id *client);

/* Does what was carried for that `arg` wait for its phone's return? Then its silence means nothing yet. */
bool proxy_carry_waits(const struct proxy *px, struct shard *sh, const void *arg);

/* Speak in a dialog as the exchange (PROTOCOL §4, §5.3): a whole request without Via and Max-Forwards rows of its own,
 * sent by the flow that the record (or the given flow) has. */
enum err proxy_speak(struct proxy *px, struct shard *sh, const struct flow *to, struct slice request,
                     const struct stack_client_on *on, void *arg);

/* BYE in the place of side `by`, by the dialog's record, with a CSeq one above what the other side has seen; `rows`: whole rows
 * with CRLF that it has besides, may be empty. Nobody waits for its answer. ERR_NOTFOUND: no flow to the other side, or
 * proxy_speak()'s. */
/* Of a record: the exchange has called there itself, by way of itself (server/bridge). */
bool     proxy_called_itself(struct shard *sh, const struct dialog_record *r);
/* Such a call, of before a restart, has nobody at its caller's end any more: the phone is told by BYE, and the record ends; where
 * it only rings (RFC 3261 §15), with the phone's 487. ERR_NOTFOUND: it has not said anything yet that made a dialog. */
enum err proxy_abandon(struct proxy *px, struct shard *sh, struct dialog_id id);
enum err proxy_speak_bye(struct proxy *px, struct shard *sh, const struct dialog_record *r, enum dialog_side by, struct slice rows);

/* The same to ask whether the other side is still there (PROTOCOL 8): UPDATE without description where it lists that, else
 * OPTIONS. The number is the one that the record's shift leads to: shift it before, and put it. */
enum err proxy_speak_probe(struct proxy *px, struct shard *sh, const struct dialog_record *r, enum dialog_side by,
                           const struct stack_client_on *on, void *arg);

/* Give up a call that nobody has answered, for an administrator: its branches are cancelled, the caller gets 487. `why` is
 * for the CDR. ERR_NOTFOUND: no such. */
enum err proxy_give_up(struct proxy *px, struct shard *sh, struct dialog_id id, struct slice why);

/* Is a request of that side on its way in this dialog? Then the exchange may not speak in its place yet (PROTOCOL 4.2). */
bool proxy_is_open(const struct proxy *px, struct shard *sh, struct dialog_id id, enum dialog_side from);

/* The URI by which a phone calls a number of ours: "sip:1003@" and the host that this message's From or To already uses for
 * us. ERR_NOTFOUND: it uses none. */
enum err proxy_put_number_uri(struct proxy *px, const struct msg *m, struct slice number, struct buf *b);

/* Keep a reason beside the messages of a call: why the exchange does what it does, as a sentence (DESIGN §8). */
void proxy_say(struct shard *sh, struct slice call_id, struct slice text);
/* ... and that the next INVITE of that call which goes out goes to that trunk, or that its last one has come from there: a ladder
 * names the party so. */
void proxy_name_trunk(struct shard *sh, struct slice call_id, bool goes_out, struct slice trunk);

struct dialogs   *proxy_dialogs(struct proxy *px);
struct location  *proxy_location(struct proxy *px);
struct directory *proxy_directory(struct proxy *px);

/* Requests in progress, all shards; for tests: 0 at the end. */
size_t proxy_pending(const struct proxy *px);

#endif
