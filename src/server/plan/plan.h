/* plan.h - facts of a request and of whom it is for -> what to do with it, and why. Pure.
 *
 * For requests outside a dialog that the exchange is to route (RFC 3261 §16.3-16.5); in-dialog requests follow their
 * route set. The proxy fills struct plan_request, directory_plan_facts() and location_plan_facts() fill the rest, the
 * proxy carries the plan out. The same facts give the same plan.
 *
 * A plan is about one number. PLAN_FORWARD names another one: the proxy notes the hop and asks again with that one's facts.
 * When all phones of a plan have refused or stayed silent it asks once more, with `when` saying how that ended. All slices are the caller's and are only looked at;
 * a plan's slices point into them.
 *
 * Times: milliseconds since 1970 for moments, milliseconds for spans. */
#ifndef SERVER_PLAN_PLAN_H
#define SERVER_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "sip/uri/uri.h"

#define PLAN_MAX_TARGETS 32         /* more bindings than that are not tried */
#define PLAN_TIMER_C_MS 185000      /* RFC 3261 §16.6 step 11: more than 3 minutes */
#define PLAN_GROUP_MS 20000         /* an INVITE rings one group so long when another group follows */
#define PLAN_OTHER_MS 32000         /* a request other than INVITE: 64*T1 is all it has */
#define PLAN_MAX_REASON 400         /* octets of plan_put_reason() at most, when names are of usual length */
#define PLAN_MAX_FORWARDS 5         /* of one call; those that its Diversion or History-Info tells of count too */
#define PLAN_MAX_TRAIL 16           /* numbers that have forwarded it: more are not looked at */
#define PLAN_MAX_MEMBERS 32         /* of a ring group */
#define PLAN_MAX_TRUNKS 32          /* that a plan is told of */
#define PLAN_MAX_WAYS 8             /* trunks of one call: tried one after another */
#define PLAN_MAX_DIALLED 64         /* octets of a number that a dial rule fits */
#define PLAN_TRUNK_MS 5000          /* a trunk from which nothing at all is heard for so long is passed over */
#define PLAN_RING_MS 20000          /* how long the phones ring before forward.noanswer, when the user says nothing */

/* At which point of a call the plan is asked. */
enum plan_when {
    PLAN_WHEN_NEW,
    PLAN_WHEN_BUSY,        /* all phones are done, and the best that one said is: busy, or no     */
    PLAN_WHEN_NO_ANSWER,   /* they rang for plan.ring_ms, or said that nobody is there            */
    PLAN_WHEN_UNREACHABLE, /* none of them has said anything                                      */
    PLAN_WHEN_ANSWERED     /* what they said is the caller's: a challenge, an offer that will not do */
};

/* Why a call goes elsewhere than where it was for. */
enum plan_cause {
    PLAN_CAUSE_ALWAYS,
    PLAN_CAUSE_BUSY,
    PLAN_CAUSE_NO_ANSWER,
    PLAN_CAUSE_UNREGISTERED,
    PLAN_CAUSE_N_SETTINGS, /* those above are settings of a user                                  */
    PLAN_CAUSE_DND = PLAN_CAUSE_N_SETTINGS, /* forward.busy, since it is not to be disturbed      */
    PLAN_CAUSE_DEFLECTION, /* a phone's 3xx, which the exchange follows itself                    */
    PLAN_CAUSE_N
};

/* What the proxy saw in the request. */
struct plan_request {
    struct slice     method;         /* as on the wire */
    struct slice     uri;            /* Request-URI as on the wire */
    enum uri_scheme  scheme;
    struct slice     number;         /* its user part unescaped; of a tel URI the number; empty: none */
    struct slice     host;           /* its host */
    bool             ours;           /* the host is one of our domains or addresses */
    struct slice     unsupported;    /* option tags of Proxy-Require that we do not know; empty: none */
    bool             out_of_hops;    /* Max-Forwards is 0 */
    bool             looped;         /* RFC 3261 §16.3 step 4, RFC 5393: it was here with the same branch hash */
    bool             has_breadth;    /* RFC 5393 §5.3.3 */
    uint32_t         breadth;        /* Max-Breadth when has_breadth */
    bool             caller_ours;    /* the caller is authenticated, or need not be (--auth none) */
    struct slice     caller;         /* its number, for reasons; may be empty */
    bool             may_relay;      /* this caller may send to other domains */
    int64_t          now_ms;
    enum plan_when   when;
    uint16_t         code;           /* what ended it, unless it is new */
    const struct slice *trail;       /* the numbers that have forwarded it so far, in any order */
    size_t           n_trail;
    unsigned         n_forwards;     /* how often it has been forwarded, elsewhere too */
    bool             anonymous;      /* who calls does not want to be known (RFC 5079 §4) */
    bool             intercom;       /* the phone is to answer by itself: it is for this number and no other */
    bool             pickup;         /* it is to take the place of a call that rings: the bindings are whoever called there */
    bool             fetch;          /* with pickup: that call does not ring, it waits at a parking place */
    bool             emergency;      /* the number is one that is never refused: plan_is_emergency() */
    struct slice     trunk;          /* it comes from that trunk; empty: from none */
    bool             did_unknown;    /* and none of that one's rules in fits what it calls */
    bool             forwarded;      /* a user here has sent it on: then it is that one's call */
    struct slice     barred;         /* what who calls, or who has forwarded it last, may not call: numbers with commas
                                      * between, or beginnings of numbers with a * behind; empty: nothing */
};

enum plan_redirect { PLAN_REDIRECT_PASS, PLAN_REDIRECT_FOLLOW }; /* what happens to a 3xx of a target */

/* Calls that phones may ring differently for. */
enum plan_ring {
    PLAN_RING_INTERNAL,  /* from a user of ours */
    PLAN_RING_EXTERNAL,  /* from anybody else */
    PLAN_RING_FORWARDED, /* forwarded to it, from whomever */
    PLAN_RING_N
};

/* How a ring group rings. */
enum plan_how {
    PLAN_HOW_NONE, /* it is no group */
    PLAN_HOW_ALL,  /* all members at once */
    PLAN_HOW_TURN, /* one after the other, in the order in which they are listed */
    PLAN_HOW_IDLE  /* one after the other, who has had no call for longest first */
};

/* What the directory knows about the number: directory_plan_facts(). */
struct plan_callee {
    bool               known;
    bool               anybody;      /* but only since anybody may be any number: nothing is stored of it */
    struct slice       number, name;
    enum plan_redirect redirect;
    struct slice       app;          /* the number belongs to a leg of our own ("echo"); empty: no */
    bool               dnd;          /* does not want to be disturbed */
    bool               rejects_anonymous;
    bool               no_intercom;  /* its phones ring, whatever the caller asks for: they do not answer by themselves */
    struct slice       ring[PLAN_RING_N]; /* Alert-Info for its phones; empty: none */
    struct slice       barred;       /* what it may not call itself: as plan_request.barred */
    struct slice       forward[PLAN_CAUSE_N_SETTINGS]; /* a number of ours, or a URI; empty: none */
    uint32_t           noanswer_ms;  /* of forward.noanswer; 0: PLAN_RING_MS */
    enum plan_how      how;          /* not NONE: it is a ring group */
    struct slice       members;      /* of a group: numbers with commas between */
    uint32_t           ring_ms;      /* of a group: all of it (ALL), each member (TURN, IDLE); 0: nothing is said */
};

/* One live binding, as the location holds it: location_plan_facts(). */
struct plan_binding {
    struct slice aor;                /* whose it is */
    struct slice contact;            /* the URI that becomes the Request-URI */
    struct slice path;               /* Path values as a Route header field's value; empty: none */
    struct slice flow;               /* opaque octets of sip/transport's struct flow */
    struct slice received;           /* where it registered from, as text: "127.0.0.4:5060" */
    struct slice instance;           /* +sip.instance without <>, empty: none */
    uint32_t     reg_id;             /* RFC 5626; 0: none */
    uint16_t     q;                  /* 0-1000 */
    bool         flow_gone;          /* its connection ended with the last run: wait for the phone's return (PROTOCOL 4.4) */
    int64_t      registered_ms;      /* last REGISTER that confirmed it */
    int64_t      expires_ms;
};

/* A member of a ring group. Its own forwards do not count: the group's do. */
struct plan_member {
    struct slice               number;
    bool                       dnd;
    bool                       talking;      /* has a call just now; looked at for IDLE only */
    int64_t                    idle_since_ms; /* when its last call ended; 0: none is known of; for IDLE only */
    const struct plan_binding *bindings;     /* best first */
    size_t                     n_bindings;
};

/* ---- dial rules: which numbers take a way, and what becomes of them on it ----
 * Rules have commas between; each is PATTERN, PATTERN/STRIP, PATTERN/STRIP/PUT or PATTERN=NUMBER. A pattern is of digits, letters and + * # - . _,
 * which stand for themselves, but x for any digit, and [1-46] for any of those; a * at its end is for whatever follows, also nothing. It
 * fits a whole number. STRIP octets go off the front of the number, PUT comes there; or NUMBER takes the place of all of it. */
struct plan_dial {
    struct slice pattern;
    uint32_t     weight;   /* of what it says of the number: the more places, then the more of them digits, the more */
    bool         fixed;    /* it says all of it */
    uint16_t     strip;    /* octets */
    struct slice put;
};
/* ERR_SYNTAX, ERR_LIMIT (a pattern of more than PLAN_MAX_DIALLED places); *at: the first rule that is none. */
enum err plan_dial_check(struct slice rules, struct slice *at);
/* The rule with the most weight that fits; of equal ones the first. Rules that plan_dial_check() refuses fit nothing. */
bool plan_dial_find(struct slice rules, struct slice number, struct plan_dial *out);
void plan_dial_put(struct buf *b, const struct plan_dial *d, struct slice number);

/* "112,911": is it one of these? */
bool plan_is_emergency(struct slice numbers, struct slice number);
/* Is that URI the emergency service, whatever its number is (RFC 5031: urn:service:sos, and what stands behind it with a dot)? */
bool plan_is_sos(struct slice uri);

/* Another exchange that calls may go out through. */
struct plan_trunk {
    struct slice name;
    struct slice dial;       /* rules out; empty: none */
    uint16_t     preference; /* of two whose rules weigh the same, the lower goes first */
    bool         emergency;  /* takes calls to emergency numbers before those do that are not marked */
    bool         down;       /* does not answer, or has not registered us: tried last */
    bool         full;       /* has asked to be spared this call (RFC 7339): not tried */
};

struct plan_facts {
    struct plan_request        request;
    struct plan_callee         callee;
    const struct plan_binding *bindings; /* of callee, best first: q falling, then newest; of a group: none */
    size_t                     n_bindings;
    const struct plan_member  *members;  /* of a group, as listed */
    size_t                     n_members;
    const struct plan_trunk   *trunks;   /* by name */
    size_t                     n_trunks;
};

/* ---- the plan ---- */
enum plan_act {
    PLAN_REPLY,   /* answer with `code` */
    PLAN_FORK,    /* send to `targets` */
    PLAN_RELAY,   /* send on to the Request-URI by RFC 3263 */
    PLAN_LEG,     /* hand to the leg `app` */
    PLAN_TRUNK,   /* send out through `ways`, one after the other */
    PLAN_FORWARD, /* it is for `forward` from now on: ask again */
    PLAN_PASS     /* what the phones said stands; only when it is not new */
};

enum plan_rule {
    PLAN_RULE_SCHEME,         /* 416 */
    PLAN_RULE_HOPS,           /* 483 */
    PLAN_RULE_LOOP,           /* 482 */
    PLAN_RULE_PROXY_REQUIRE,  /* 420 */
    PLAN_RULE_BREADTH,        /* 440, RFC 5393 §5.3.3 */
    PLAN_RULE_RELAY_REFUSED,  /* 403 */
    PLAN_RULE_NO_NUMBER,      /* 404: our domain, no user part */
    PLAN_RULE_UNKNOWN,        /* 404 */
    PLAN_RULE_NOT_REGISTERED, /* 480 */
    PLAN_RULE_BINDINGS,       /* fork */
    PLAN_RULE_RELAY,
    PLAN_RULE_APP,
    PLAN_RULE_DND,            /* 480 */
    PLAN_RULE_FORWARD,
    PLAN_RULE_FORWARD_LOOP,   /* 482 */
    PLAN_RULE_FORWARD_MAX,    /* 482 */
    PLAN_RULE_ENDED,          /* pass */
    PLAN_RULE_BARRED,         /* 403 */
    PLAN_RULE_ANONYMOUS,      /* 433, RFC 5079 */
    PLAN_RULE_PICKUP,         /* fork */
    PLAN_RULE_PICKUP_NONE,    /* 480: nothing rings there */
    PLAN_RULE_FETCH,          /* fork */
    PLAN_RULE_GROUP,          /* fork */
    PLAN_RULE_GROUP_EMPTY,    /* 480: nobody of it can be rung */
    PLAN_RULE_TRUNK,          /* trunk */
    PLAN_RULE_EMERGENCY,      /* trunk */
    PLAN_RULE_NO_TRANSIT,     /* 403: from trunk to trunk, and nobody here has sent it there */
    PLAN_RULE_DID_UNKNOWN,    /* 404 */
    PLAN_RULE_TRUNK_FULL,     /* 503: all that could take it have asked to be spared it */
    PLAN_RULE_N
};

/* Why, as data. Slices point into the facts. */
struct plan_reason {
    enum plan_rule rule;
    uint16_t       code;         /* of a reply, else 0 */
    struct slice   number;       /* whom it was for */
    struct slice   detail;       /* scheme, option tags, host, app, forward: by rule */
    enum plan_cause cause;       /* of a forward */
    uint32_t       rang_ms;      /* before forward.noanswer */
    struct slice   received;     /* of the best binding */
    int64_t        age_ms;       /* since its last REGISTER */
    uint32_t       n_bindings, n_groups, n_waiting; /* waiting: targets whose connection is gone */
    enum plan_how  how;          /* of a ring group, and of its members: */
    struct slice   trunk;        /* the one that is tried first, or that it comes from */
    struct plan_dial dial;       /* its rule */
    uint32_t       n_ways, n_down; /* trunks that are tried, and how many of them are thought to be down */
    uint32_t       n_members, n_dnd, n_away; /* all, not to be disturbed, without a phone */
};

struct plan_target {
    const struct plan_binding *binding; /* the callee's, or a member's */
    uint16_t group;              /* 0 is tried first; targets of one group at once, groups one after another */
    /* RFC 5626 §5.3: another flow of the same phone (same instance) as targets[spare_of]; tried in its place, only when
     * that one fails with 430, 408 of the connection or flow failure, never beside it. */
    bool     spare;
    uint16_t spare_of;
};

/* A trunk that the call goes out through, and what becomes of the number. */
struct plan_way {
    const struct plan_trunk *trunk;
    struct plan_dial         dial;
};

struct plan {
    enum plan_act      act;
    uint16_t           code;          /* PLAN_REPLY */
    struct slice       unsupported;   /* for 420's Unsupported header */
    struct slice       app;           /* PLAN_LEG */
    struct slice       forward;       /* PLAN_FORWARD: a number of ours, or a URI */
    enum plan_cause    cause;         /* of it */
    struct plan_target targets[PLAN_MAX_TARGETS];
    size_t             n_targets;     /* ordered by group; spares come after what they are spares of */
    struct plan_way    ways[PLAN_MAX_WAYS]; /* PLAN_TRUNK: the first is tried first */
    size_t             n_ways;
    uint16_t           n_groups;
    uint32_t           group_ms;      /* how long one group may ring before the next is tried; the last has timer_c_ms */
    uint32_t           timer_c_ms;    /* INVITE: RFC 3261 §16.6 step 11; others: PLAN_OTHER_MS */
    uint32_t           ring_ms;       /* all of it together may ring so long: then ask again (NO_ANSWER); 0: no limit */
    enum plan_redirect redirect;
    bool               each_alone;    /* a 6xx ends only its own branch: it is one member's, not the group's */
    struct plan_reason reason;
};

/* Is another trunk to be tried where one has ended a call with this? 408 is also its silence, 430 also that it cannot be
 * reached. */
bool plan_trunk_failed(uint16_t code);

/* Cannot fail: every set of facts has a plan. *out is written whole. */
void plan_route(const struct plan_facts *facts, struct plan *out);

/* ---- codes: what a phone dials to have something done ---- */
#define PLAN_CODE_OCTETS 8

enum plan_code {
    PLAN_CODE_NONE,
    PLAN_CODE_FORWARD_ALWAYS,   /* and a number */
    PLAN_CODE_FORWARD_ALWAYS_OFF,
    PLAN_CODE_FORWARD_BUSY,     /* and a number */
    PLAN_CODE_FORWARD_BUSY_OFF,
    PLAN_CODE_FORWARD_NOANSWER, /* and a number */
    PLAN_CODE_FORWARD_NOANSWER_OFF,
    PLAN_CODE_DND,
    PLAN_CODE_DND_OFF,
    PLAN_CODE_REJECT_ANONYMOUS,
    PLAN_CODE_REJECT_ANONYMOUS_OFF,
    PLAN_CODE_PICKUP,           /* and a number; without: of one's group */
    PLAN_CODE_ANONYMOUS,        /* and a number, which is called */
    PLAN_CODE_INTERCOM,         /* and a number, which is called */
    PLAN_CODE_N
};

struct plan_codes {
    char text[PLAN_CODE_N][PLAN_CODE_OCTETS + 1]; /* NUL-terminated; empty: there is no such code */
};
void plan_codes_default(struct plan_codes *c);
/* "NAME=CODE": digits, * and #; an empty code takes it away. ERR_NOTFOUND (name), ERR_SYNTAX, ERR_LIMIT, ERR_EXISTS (it is
 * another's). */
enum err plan_codes_set(struct plan_codes *c, struct slice assignment);
/* Which code begins what was dialled? The longest that fits: one with a number behind it needs one, one without must be all.
 * `rest` is that number, without a # at its end. */
enum plan_code plan_code_find(const struct plan_codes *c, struct slice dialled, struct slice *rest);
const char *plan_code_name(enum plan_code code); /* "forward-always"; never NULL */
/* The setting of the user that a code changes, and its value for that number. False: it changes none. */
bool plan_code_setting(enum plan_code code, struct slice number, struct slice *key, struct slice *value);

/* How a fork has ended whose best answer is `code`: a phone's own, or what stands for its silence (408, 430). `rang`: at
 * least one phone has said 101-199. */
enum plan_when plan_when_of(uint16_t code, bool rang);

/* The response code that stands for a cause: RFC 4458 §2 (URI parameter "cause"), RFC 7044 (Reason in a hi-targeted-to-uri). */
uint16_t plan_cause_code(enum plan_cause cause);
/* Its word in a Diversion header field: RFC 5806 §4 "user-busy". Never NULL. */
const char *plan_cause_diversion(enum plan_cause cause);

/* The reason as one English sentence without its full stop: "1003 has one binding, registered 12 s ago from
 * 127.0.0.4:5060". Wire text is escaped. */
void plan_put_reason(struct buf *b, const struct plan_reason *r);

/* A short word for logs and JSON: "not-registered". Never NULL. */
const char *plan_rule_text(enum plan_rule rule);

/* The reason phrase that goes with a reply of the plan: "Not Found". Never NULL. */
const char *plan_phrase(uint16_t code);

#endif
