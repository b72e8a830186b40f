/* dialogs.h - what the exchange remembers of each dialog, and finds again after kill -9 (DESIGN §5, PROTOCOL §4).
 *
 * A record is less than 1 KB in a slot of a file that is mapped shared: what was written is there when the process is
 * killed, without a system call. Each write goes to a fresh slot, an end to the slot that it has, and one store makes it
 * valid, so a record is either as it was or as it is meant to be, never half (slot.c). Slots have a checksum against a crash
 * of the machine.
 *
 * A record begins with a call attempt (an INVITE that goes out), before there is a To tag. It is found by Call-ID and
 * tags from any shard. It is written only by whoever holds the call's shard; any thread may read a copy.
 *
 * A dialog without a record (texts too long, no slot left) only passes messages on: that is not an error of the call.
 * Times: milliseconds since 1970. */
#ifndef SERVER_DIALOGS_DIALOGS_H
#define SERVER_DIALOGS_DIALOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/slice.h"
#include "server/store/store.h"
#include "sys/log.h"

#define DIALOGS_SLOT_OCTETS 640        /* a record with all its texts, as those of most calls are */
#define DIALOGS_LONG_OCTETS 960        /* one whose texts are longer */
#define DIALOGS_TEXT_OCTETS 780        /* its texts and flows together; more: ERR_LIMIT */
#define DIALOGS_END_OCTETS 40          /* kept for who ended it, at most DIALOGS_BY_OCTETS, and why */
#define DIALOGS_BY_OCTETS 8
#define DIALOGS_HELD_OCTETS 780        /* of memory and file for each call, as phones write them; measured by size_test.c */
#define DIALOGS_MAX_OF_CALL 32         /* records of one Call-ID; more: ERR_LIMIT */
#define DIALOGS_MAX_OF_NUMBER 64       /* so many of one number are shown by dialogs_each_of() */
#define DIALOGS_SLOTS 131072           /* unless the conf says otherwise */
#define DIALOGS_SLOTS_MAX (1u << 20)
#define DIALOGS_GROW_SLOTS 1024        /* the file grows by so many, on disk at once: a mapped write must not find it full */
#define DIALOGS_GROW_LONG 128          /* that of the long ones */
#define DIALOGS_EARLY_MS 600000        /* an attempt nobody ended: given up after so long */
#define DIALOGS_RESTORED_EARLY_MS 240000 /* the same, found at start: the INVITE's transaction is gone */
#define DIALOGS_CONFIRMED_MS 86400000  /* a confirmed dialog without any request: 24 h (PROTOCOL 2.1) */

struct dialogs;

/* Names a record; stale ids find nothing. Also as text for people: dialogs_id_text(). */
struct dialog_id {
    uint32_t slot, gen; /* gen 0: none */
};

enum dialog_state { DIALOG_EARLY, DIALOG_CONFIRMED, DIALOG_ENDED };

/* How a transfer of this dialog is treated (DESIGN §5). */
enum dialog_mode { DIALOG_MODE_NONE, DIALOG_MODE_ACCEPT, DIALOG_MODE_RELAY, DIALOG_MODE_EXECUTE };

struct slice dialogs_mode_name(enum dialog_mode mode); /* "accept", "relay", "execute"; NONE: empty */
enum err     dialogs_mode_find(struct slice name, enum dialog_mode *out); /* ERR_INVALID: none of these */

enum dialog_side { DIALOG_CALLER, DIALOG_CALLEE }; /* of the INVITE that made it; never swapped */
static inline enum dialog_side dialogs_other(enum dialog_side s)
{
    return s == DIALOG_CALLER ? DIALOG_CALLEE : DIALOG_CALLER;
}

struct dialog_party {
    struct slice tag;      /* caller: From tag; callee: To tag, empty before there is one */
    struct slice number;   /* our user's number; empty: not ours */
    struct slice outsider; /* who it is at which trunk, as dialogs_put_outsider() writes it; empty: it is at none */
    struct slice uri;      /* From or To URI of the INVITE; an adjacent name is not kept */
    struct slice target;   /* its Contact: where requests to it go */
    struct slice route;    /* the rest of the route set towards it beyond us, as a Route value; empty: straight */
    struct slice flow;     /* opaque octets of sip/transport's struct flow */
    struct slice origin;   /* value of o= in the last description from this side (RFC 3264 §8); empty: none was seen, or no room */
    bool         no_refer; /* it has shown an Allow without REFER */
    bool         has_update;  /* it has shown an Allow with UPDATE */
    bool         no_replaces; /* it has shown a Supported without replaces (RFC 3891) */
    bool         own;      /* the exchange itself is this end: it has no target and no flow, and is gone after a restart */
    uint32_t     cseq;     /* highest CSeq of a request from this side, as this side counts */
    uint32_t     shift;    /* added to this side's CSeq on the way to the other (PROTOCOL 4.2); 0 until we have spoken */
};

/* "+4930123@berlin": that number, at trunk berlin. What does not fit is cut. */
#define DIALOGS_OUTSIDER_OCTETS 128
void dialogs_put_outsider(struct buf *b, struct slice number, struct slice trunk);
struct slice dialogs_trunk(const struct dialog_party *p); /* "berlin"; empty: none */

/* Who it is, for people: its number, who it is at a trunk, or its URI. */
struct slice dialogs_who(const struct dialog_party *p);

/* RFC 4028: who refreshes a call, and when it is too late for that. */
enum dialog_refresh { DIALOG_REFRESH_NONE, DIALOG_REFRESH_CALLER, DIALOG_REFRESH_CALLEE, DIALOG_REFRESH_EXCHANGE /* by asking (PROTOCOL 8) */ };
static inline enum dialog_refresh dialogs_refresh_by(enum dialog_side s)
{
    return s == DIALOG_CALLER ? DIALOG_REFRESH_CALLER : DIALOG_REFRESH_CALLEE;
}
struct dialog_session {
    uint32_t            interval_s; /* 0: it has no timer */
    enum dialog_refresh by;
    int64_t             due_ms;     /* something is to be done about it then */
};

struct dialog_record {
    struct slice        call_id;
    uint64_t            call_hash;    /* for dialogs_begin(): as in struct dialog_key; 0 in what is read */
    struct dialog_party side[2];      /* by enum dialog_side */
    uint32_t            invite_cseq;
    enum dialog_state   state;
    enum dialog_mode    mode;
    bool                writes_cdr;   /* one record of a call attempt has it: its end makes the CDR */
    bool                spoken;       /* the exchange has spoken in it */
    struct dialog_session session;
    uint16_t            code;         /* last status of the INVITE; 0: none yet */
    int64_t             started_ms, answered_ms, ended_ms; /* 0: not yet */
    int64_t             seen_ms;      /* last request in it */
    struct slice        ended_by;     /* "caller", "callee", "admin", "exchange", "restart" */
    struct slice        why;          /* "bye", "cancel", "busy here", ... */
};

struct dialogs_conf {
    const char    *path;   /* store_path(s, S("dialogs.map")); NULL: memory only, for tests */
    struct store  *store;  /* CDRs; NULL: none are made */
    struct mem    *mem;
    struct random *random;
    struct log    *log;    /* calls begun, answered, ended; NULL: none are told */
    uint32_t       slots;  /* at most so many records; 0: DIALOGS_SLOTS */
    int64_t        now_ms;
};

/* Maps the file, making it if missing, and indexes what is in it. A call that had ended has its CDR written now. Attempts
 * that were not answered get DIALOGS_RESTORED_EARLY_MS. A file of another format or with a damaged head is begun anew
 * (damaged slots are dropped and counted). ERR_NOMEM, ERR_IO (cannot be made, disk full), ERR_DENIED. */
enum err dialogs_open(struct dialogs **out, const struct dialogs_conf *conf);
void dialogs_close(struct dialogs *d); /* records stay in the file; flush the store first; takes NULL */

/* ---- writing: by the holder of the call's shard ---- */
/* A new record. When the same call attempt (Call-ID, From tag, CSeq of the INVITE) was found unanswered at start, the INVITE
 * has come again after a restart: that record is taken over. ERR_EXISTS when Call-ID and both tags are there already,
 * ERR_LIMIT (texts too long, too many of this Call-ID), ERR_FULL (no slot, or no disk for one), ERR_NOMEM. */
enum err dialogs_begin(struct dialogs *d, const struct dialog_record *r, struct dialog_id *out);

/* Write the record anew, whole (read it, change it, put it). Call-ID and the caller's tag must stay; the callee's tag may
 * come or change. On an error the record is as it was: ERR_NOTFOUND (stale id), ERR_LIMIT, ERR_FULL, ERR_EXISTS,
 * ERR_INVALID. */
enum err dialogs_put(struct dialogs *d, struct dialog_id id, const struct dialog_record *r);

/* Only CSeq and time move: what every in-dialog request needs, without copying the rest out and in. */
enum err dialogs_seen(struct dialogs *d, struct dialog_id id, enum dialog_side from, uint32_t cseq, int64_t now_ms);

/* It is over. With writes_cdr its CDR goes to the store (STORE_SOON); the slot has it until that is on disk, and is kept and
 * tried again by dialogs_sweep() when the commit fails. The record is not found any more. code 0 keeps the last. Of a
 * reason that is too long its beginning is kept. */
struct dialog_end {
    int64_t      now_ms;
    uint16_t     code;
    struct slice by, why;
};
enum err dialogs_end(struct dialogs *d, struct dialog_id id, const struct dialog_end *end); /* ERR_NOTFOUND */

/* ---- reading: texts are copied into the arena. ERR_NOTFOUND, ERR_NOMEM ---- */
enum err dialogs_get(struct dialogs *d, struct dialog_id id, struct arena *a, struct dialog_record *out);

/* The dialog with these ids, as a request in it has them: from_tag is the sender's. *from says which side that is.
 * `out` may be NULL (then a too). ERR_NOTFOUND, ERR_NOMEM. */
struct dialog_key {
    struct slice call_id, from_tag, to_tag;
    uint64_t     call_hash; /* hash_name() of the Call-ID with dialogs_key(), from who has it anyway; 0: it is worked out */
};
struct hash_key dialogs_key(const struct dialogs *d);
/* A message of the call with that hash (as in dialog_key) has come: what a search for its record reads first is fetched into the processor's
 * caches; `again`, a few hundred instructions later: what that leads to. Waits for nothing. */
void dialogs_expect(struct dialogs *d, uint64_t call_hash, bool again);
enum err dialogs_find(struct dialogs *d, const struct dialog_key *key, struct arena *a,
                      struct dialog_id *id, enum dialog_side *from, struct dialog_record *out);

/* The call attempt of an INVITE (PROTOCOL 7.5): Call-ID, From tag, CSeq of the INVITE; the one that writes the CDR. */
enum err dialogs_find_attempt(struct dialogs *d, struct slice call_id, struct slice from_tag, uint32_t cseq, struct dialog_id *id);

/* Every record that has not ended, in no order; `each` returns false to stop, is called without locks, and may change the
 * record by its id. ERR_NOMEM. */
enum err dialogs_each(struct dialogs *d, bool (*each)(void *arg, struct dialog_id id, const struct dialog_record *r), void *arg);

/* Those in which one side has this number of ours, at most DIALOGS_MAX_OF_NUMBER, in no order: what a lamp shows. Costs
 * what there is of them, not what there is of all. Same rules as dialogs_each(). */
enum err dialogs_each_of(struct dialogs *d, struct slice number,
                         bool (*each)(void *arg, struct dialog_id id, const struct dialog_record *r), void *arg);

/* Tell somebody each time that a record has begun, been put, or ended (then its state says so), after the fact; when a side's
 * number is another now, with the record as it was too. On the thread that did it, with the call's shard held (the sweep holds none). So be quick, and change nothing. One watcher; set
 * it before the first call. */
typedef void dialogs_changed(void *ctx, const struct dialog_record *r);
void dialogs_watch(struct dialogs *d, dialogs_changed *changed, void *ctx);

/* When the last answered call of this number of ours ended, milliseconds since 1970; 0: none is known of. What a ring group
 * wants to know: exact for DIALOGS_IDLE_NUMBERS numbers, the latest; after a restart by the CDRs of so many calls. */
#define DIALOGS_IDLE_NUMBERS 4096
int64_t dialogs_idle_since(struct dialogs *d, struct slice number);

/* On which sides of an answered call with that Call-ID this number of ours is, or was until DIALOGS_RECENT_MS ago: a bit
 * (1 << enum dialog_side) each. Of calls that have ended the last DIALOGS_RECENT_CALLS are known, none from before a restart. */
#define DIALOGS_RECENT_CALLS 4096
#define DIALOGS_RECENT_MS (10 * 60 * 1000)
unsigned dialogs_sides(struct dialogs *d, struct slice call_id, struct slice number, int64_t now_ms);

/* "a3f-2" for people, and back (ERR_SYNTAX). */
#define DIALOGS_ID_TEXT 24
void dialogs_id_text(struct buf *b, struct dialog_id id);
enum err dialogs_id_parse(struct slice text, struct dialog_id *out);

/* ---- care ---- */
/* Ends what nobody ended (times above), and tries CDRs again whose commit failed. Looks at most at max_slots slots, going
 * on where the last call ended. Returns how many it ended. */
size_t dialogs_sweep(struct dialogs *d, int64_t now_ms, size_t max_slots);

/* Tell somebody of each confirmed record whose session is due, again in each round of the sweep until that is not so any more.
 * On the sweep's thread, no shard held, without locks. One watcher; set it before the first sweep. */
typedef void dialogs_due(void *ctx, struct dialog_id id);
void dialogs_watch_sessions(struct dialogs *d, dialogs_due *due, void *ctx);

struct dialogs_counters {
    uint64_t records;         /* now */
    uint64_t slots_used, slots_ready; /* in the file */
    uint64_t restored, damaged, given_up, too_long, no_slot, cdrs, cdr_failures; /* since start */
};
void dialogs_counters(struct dialogs *d, struct dialogs_counters *out);

#endif
