/* location.h - where users are: AOR -> bindings (RFC 3261 §10.3, RFC 3327, RFC 5626, RFC 5627).
 *
 * Promise: a new, changed or removed binding is committed by the store before it is visible and before `done` is called.
 * A plain refresh (same contact, Call-ID, flow, path, q, ...: only CSeq and expiry move) is visible at once, and noted in a
 * mapped file (bindings.map in the store's folder), which outlives the process however it ends, but perhaps not the machine.
 * Updates of one AOR happen one after another, in the order of the calls; those of different AORs do not wait for each
 * other.
 *
 * Threads: any, for every function. An AOR's bindings are one record, in which only times move; for all else a writer makes a
 * new one aside and shows it by an atomic pointer; the old one is freed when nobody reads it any more (sys/grace.h). So looking
 * up takes no lock and waits for nobody, however far a writer has come.
 *
 * An AOR is named by a canonical text of the caller's making: the user's number. Times: milliseconds since 1970. */
#ifndef SERVER_LOCATION_LOCATION_H
#define SERVER_LOCATION_LOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digester.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"
#include "server/plan/plan.h"
#include "server/store/store.h"
#include "sip/uri/uri.h"
#include "sys/log.h"

#define LOCATION_MAX_CONTACTS 10       /* per AOR, unless the conf says otherwise */
#define LOCATION_MAX_CONTACTS_HARD 64
#define LOCATION_MAX_AORS 2000000
#define LOCATION_MAX_BINDINGS 4000000
#define LOCATION_MAX_AOR 255           /* octets, as all below */
#define LOCATION_MAX_CONTACT 1024
#define LOCATION_MAX_PATH 1024
#define LOCATION_MAX_CALL_ID 255
#define LOCATION_MAX_INSTANCE 255
#define LOCATION_MAX_AGENT 127         /* longer ones are cut */
#define LOCATION_MAX_RECEIVED 95
#define LOCATION_MAX_FLOW 64
#define LOCATION_MAX_WAITING 16        /* updates of one AOR that wait for the one before; more: ERR_BUSY */
#define LOCATION_MAX_GRUU 512          /* octets of a GRUU */

struct location;

enum location_flow_state {
    LOCATION_FLOW_LIVE,     /* registered in this run of the process                                             */
    LOCATION_FLOW_RESTORED, /* from the store; a datagram flow: `received` still reaches it, `flow` may not       */
    LOCATION_FLOW_GONE      /* from the store; its connection ended with the process: wait for the phone's return */
};

struct location_binding {
    struct slice aor, aor_uri;      /* aor_uri: the To URI of its REGISTER, for GRUUs: "sip:1001@example.com" */
    struct slice contact;           /* the URI, without <> and header parameters */
    struct slice path;              /* empty: none */
    struct slice call_id;
    struct slice instance;          /* +sip.instance, without quotes and <>; empty: none */
    struct slice agent;             /* User-Agent */
    struct slice received;          /* as text, for people and reasons: "127.0.0.4:5060" */
    struct slice flow;              /* opaque octets, copied: sip/transport's struct flow, which has no padding */
    enum location_flow_state flow_state;
    int64_t      registered_ms;     /* the last REGISTER that made, changed or refreshed it */
    int64_t      expires_ms;
    uint32_t     cseq;
    uint32_t     reg_id;            /* 0: none */
    uint16_t     q;                 /* 0-1000; 1000 when the phone said none */
    uint32_t     slot;              /* its row; also its id for people */
    int64_t      temp_gruu_ms;      /* epoch of its temp-gruu: when this Call-ID first registered this instance */
};

struct location_conf {
    struct store          *store;
    struct mem            *mem;
    struct random         *random;     /* hash keys */
    const struct digester *digester;   /* temp-gruu; safe for all threads */
    struct log            *log;          /* bindings that come and go; NULL: none are told */
    uint32_t               max_contacts; /* 0: LOCATION_MAX_CONTACTS */
    int64_t                now_ms;
};

/* Loads the bindings. When the store was not closed in order, or bindings.map is not there, each gets at least one registration
 * interval from now_ms; else those that have expired are dropped. ERR_NOMEM, ERR_IO. */
enum err location_open(struct location **out, const struct location_conf *conf);
/* Nothing may be in progress (flush the store first); takes NULL. */
void location_close(struct location *l);

/* ---- one REGISTER ---- */
struct location_contact {
    struct slice uri;
    const struct uri *parsed; /* of uri; NULL: it has not been read yet */
    uint16_t     q;           /* 0-1000 */
    uint32_t     expires_s;   /* already within the registrar's bounds; 0: remove */
    struct slice instance;    /* without quotes and <> */
    uint32_t     reg_id;      /* 0: none. With an instance: takes the place of that flow's earlier contact (RFC 5626 §6) */
};

struct location_change {
    struct slice aor, aor_uri;
    struct slice call_id;
    uint32_t     cseq;
    bool         remove_all;  /* Contact: * with Expires: 0; then no contacts */
    const struct location_contact *contacts;
    size_t       n_contacts;  /* 0 without remove_all: a query, changes nothing */
    struct slice path, agent, received, flow;
    bool         stream;      /* the flow is a connection */
    int64_t      now_ms;
};

/* What came of it. On ERR_OK the bindings are the AOR's, all live ones, as they are now (by q, then newest).
 *   ERR_STALE    out of order: same Call-ID, CSeq not higher (RFC 3261 §10.3 step 7); nothing changed
 *   ERR_LIMIT    too many contacts for one AOR, or a text over its limit
 *   ERR_FULL     too many AORs or bindings
 *   ERR_BUSY     too many updates of this AOR wait
 *   ERR_SYNTAX   a contact is no URI
 *   ERR_INVALID  a contact is named twice
 *   ERR_IO       the commit failed (disk full): nothing changed
 *   ERR_NOMEM
 * `bindings` is valid during the call only. */
typedef void location_done(void *arg, enum err e, const struct location_binding *bindings, size_t n);

/* Start an update. `done` is called exactly once: before this returns when nothing had to be committed and no update of
 * this AOR is under way; else where the store calls back (store_conf.deliver), on whatever thread that is. Nothing of
 * *change need outlive the call. */
void location_update(struct location *l, const struct location_change *change, location_done *done, void *arg);

/* Tell somebody each time that bindings of an AOR have come, changed or gone (a plain refresh is none of that), after they
 * are visible: on whatever thread that is, so be quick, and update nothing. One watcher; set it before the first update. */
typedef void location_changed(void *ctx, struct slice aor);
void location_watch(struct location *l, location_changed *changed, void *ctx);

/* ---- reading. What is found is copied into the arena ---- */
/* The live bindings of an AOR, best first: q falling, then newest. None: ERR_OK and *n = 0. ERR_NOMEM. */
enum err location_lookup(struct location *l, struct slice aor, int64_t now_ms, struct arena *a,
                         struct location_binding **out, size_t *n);

/* The live binding whose contact equals the URI (RFC 3261 §19.1.4): for Refer-To, 302 and lost routes (PROTOCOL 2.4, 7.4).
 * Where several AORs have it, the newest. ERR_NOTFOUND, ERR_NOMEM. */
enum err location_by_contact(struct location *l, struct slice uri, int64_t now_ms, struct arena *a, struct location_binding *out);

/* The live bindings of the instance that a public or temporary GRUU of ours names, newest first. ERR_NOTFOUND when it is
 * no GRUU of ours or that phone is not registered (RFC 5627 §5.2: 480 then when location_is_gruu()), ERR_NOMEM. */
enum err location_by_gruu(struct location *l, struct slice uri, int64_t now_ms, struct arena *a,
                          struct location_binding **out, size_t *n);
bool location_is_gruu(struct slice uri); /* has the gr parameter */

/* Bindings in the form that plan wants; the slices are those of `b`. */
void location_plan_facts(const struct location_binding *b, size_t n, struct plan_binding *out);

/* ---- GRUUs of a binding with an instance, for the answer to a REGISTER that said Supported: gruu ---- */
void location_put_pub_gruu(struct buf *out, const struct location_binding *b);
void location_put_temp_gruu(struct location *l, struct buf *out, const struct location_binding *b);

/* ---- care ---- */
/* Remove what has expired from one of so many parts of all AORs, the one after the last call's: after `parts` calls (1 or
 * more) all have been looked at. Returns how many bindings went. A whole round should take about a minute. */
size_t location_sweep(struct location *l, int64_t now_ms, unsigned parts);

/* Every live binding, in no order, each AOR at least once if it is there throughout. `each` returns false to stop; it is
 * called without locks; its slices are valid during the call. ERR_NOMEM. */
enum err location_each(struct location *l, int64_t now_ms, bool (*each)(void *arg, const struct location_binding *b), void *arg);

struct location_counters {
    uint64_t aors, bindings;                     /* now, expired ones not yet swept included */
    uint64_t octets;                             /* taken from mem now */
    uint64_t refreshes, promises, refused, steps; /* since start; steps: AORs looked at by all updates */
};
void location_counters(struct location *l, struct location_counters *out);

#endif
