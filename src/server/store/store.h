/* store.h - what must survive the process: users, settings, bindings, CDRs, audit, in one SQLite file (WAL) per data folder.
 *
 * A change is a *write*: made with store_begin(), filled with puts and deletes, handed over with store_submit(). All of a
 * write is on disk or none of it. Writes are carried out in the order in which they were submitted, whatever thread they
 * came from; those that wait together share one commit.
 *   STORE_PROMISE  done(ERR_OK) is called when it is on disk and synced. Commits at once when the store has rested for
 *                  STORE_PACE_MS; a thread keeps that pace, so that under load many share one sync.
 *   STORE_SOON     a promise too, but one that waits for others, at most STORE_SOON_MS: for what its owner keeps safe
 *                  elsewhere until done() is called. Many share one commit and one sync then.
 *   STORE_BEHIND   goes with the next commit, at most STORE_BEHIND_MS later; its loss in a crash breaks no promise.
 * done() is called exactly once, for failed writes too; after a failure nothing of that write has changed.
 *
 * Threads: every function may be called by any thread. The octets given to puts are copied, or done with when the put returns.
 * Times are milliseconds since 1970 (wall clock), so that they mean something after a restart. */
#ifndef SERVER_STORE_STORE_H
#define SERVER_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"

#define STORE_KEY_OCTETS 32
#define STORE_PACE_MS 20            /* from one commit of promises to the next: what comes meanwhile shares it */
#define STORE_SOON_MS 1000
#define STORE_BEHIND_MS 1000        /* a plain refresh is on disk this much later at the latest */
#define STORE_MAX_GROUP 4096        /* writes in one commit */
#define STORE_MAX_WAITING 200000    /* writes not yet committed; more: ERR_FULL */
#define STORE_MAX_WRITE_OCTETS (64u << 20) /* one write with all its rows (an import is one) */
#define STORE_SCHEMA 3              /* the newest schema that this program knows */

struct store;
struct store_write;
struct random;

enum store_mode {
    STORE_THREAD, /* a thread of its own commits; done() comes through deliver, or on that thread */
    STORE_PUMPED, /* no thread: writes wait for store_pump(), which commits them all as one group */
    STORE_DIRECT  /* no thread: committed inside store_submit(), done() is called before it returns (command line) */
};

/* A sentence for people: what is wrong with the folder or file, and what to do about it. */
struct store_fault {
    char text[400]; /* NUL-terminated; no line feed at its end */
};

struct store_conf {
    const char      *dir;    /* made (0700) if it is missing; its parent must exist */
    enum store_mode  mode;
    struct mem      *mem;    /* used by the storage thread too: must be safe for that */
    struct random   *random; /* makes the key file at the first start */
    const char      *vfs;    /* SQLite VFS by name, for tests; NULL: the system's */
    int64_t          now_ms; /* for the audit of the schema */
    /* How done() leaves the storage thread: calls fn(arg, e) where the owner wants it. NULL: called where the commit was. */
    void (*deliver)(void *ctx, void (*fn)(void *arg, enum err e), void *arg, enum err e);
    void *deliver_ctx;
};

/* Open the folder: lock it, make keys/ (0700) and keys/exchange.key (0600) if missing, open or make strowger.db, bring
 * its schema up to date. On failure `fault` (not NULL) says why:
 *   ERR_BUSY         another strowger has this folder (its process id is named)
 *   ERR_DENIED       folder or file cannot be written
 *   ERR_INVALID      damaged, or not a database, or a key file of the wrong size
 *   ERR_UNSUPPORTED  made by a newer strowger
 *   ERR_IO           disk full, or the system said no */
enum err store_open(struct store **out, const struct store_conf *conf, struct store_fault *fault);

/* Commits what waits (done() is called for all of it), marks the store as closed in order, unlocks. Takes NULL. */
void store_close(struct store *s);

/* The exchange's own key, made at the first start. STORE_KEY_OCTETS octets; lives as long as the store. */
struct slice store_key(const struct store *s);

/* Was the store closed in order before this opening? False after kill -9 and power loss: then what was written behind may
 * be lost. True for a new store. */
bool store_was_closed(const struct store *s);

/* The path of a file in the folder, NUL-terminated ("dialogs.map"); ERR_LIMIT when it does not fit in n octets. */
enum err store_path(const struct store *s, struct slice name, char *out, size_t n);

/* The last failure of a commit or a read as a sentence; false when there was none. Counters say how much was done. */
bool store_last_fault(struct store *s, struct store_fault *out);

struct store_counters {
    uint64_t writes, commits, synced_commits, failed_writes, rows;
};
void store_counters(struct store *s, struct store_counters *out);

/* ---- rows: slices are copied by puts, and valid during the call in loads ---- */
struct store_user {
    struct slice number;    /* the key: what is dialled */
    struct slice name, auth_name;
    struct slice secrets;   /* HA1s, as server/directory writes them */
    struct slice settings;  /* key=value lines, as server/directory writes them */
    int64_t      made_ms;
};

struct store_binding {
    uint32_t     slot;      /* the key: 1 and up, given out by server/location */
    struct slice aor, contact, call_id, path, instance, agent, received, flow, aor_uri;
    int64_t      registered_ms, expires_ms, interval_ms, temp_gruu_ms;
    uint32_t     cseq, reg_id;
    uint16_t     q;         /* 0-1000 */
    bool         stream;    /* its flow was a connection, which ends with the process */
};

/* How one side of a call has heard the other. STORE_UNKNOWN: not known. */
#define STORE_UNKNOWN UINT32_MAX
enum store_side { STORE_CALLER, STORE_CALLEE };
struct store_quality {
    struct slice    call_id;   /* the key, with the side; the same again replaces the row, but ... */
    enum store_side side;      /* who heard */
    bool            hearsay;   /* ... the other end's word for it never replaces that side's own */
    int64_t         at_ms;
    struct slice    codec;     /* "PCMA"; empty: not said */
    uint32_t        loss, discard; /* hundredths of a percent: lost on the way, there but too late */
    uint32_t        jitter_ms, round_trip_ms;
    uint32_t        mos_lq, mos_cq; /* hundredths: listening, conversational */
};

struct store_cdr {
    uint64_t     id;        /* the key, rising with time; the same id again replaces the row */
    struct slice call_id, from_tag, caller, callee, caller_name, ended_by, why, mode;
    uint32_t     cseq;      /* of the INVITE: a call attempt is Call-ID, From tag and this (PROTOCOL 7.5) */
    uint16_t     code;      /* final status of the INVITE; 0 when none came */
    int64_t      started_ms, answered_ms, ended_ms; /* answered 0: never */
    bool         heard[2];  /* by enum store_side; read only: of an answered call this is known: */
    struct store_quality quality[2];
};

struct store_audit {
    int64_t      at_ms;
    struct slice who, what; /* "console", "user add 1001" */
};

enum store_when { STORE_PROMISE, STORE_SOON, STORE_BEHIND };

/* A new write. NULL: no memory. It is submitted or dropped, exactly once. */
struct store_write *store_begin(struct store *s, enum store_when when);
void store_drop(struct store_write *w); /* takes NULL */

/* A put that finds no memory (or STORE_MAX_WRITE_OCTETS, or a binding with a text over 65 535 octets) fails the whole write: its done() gets that error. */
void store_put_user(struct store_write *w, const struct store_user *u);
void store_delete_user(struct store_write *w, struct slice number);
void store_put_setting(struct store_write *w, struct slice key, struct slice value);
void store_delete_setting(struct store_write *w, struct slice key);
void store_put_binding(struct store_write *w, const struct store_binding *b);
void store_delete_binding(struct store_write *w, uint32_t slot);
void store_put_cdr(struct store_write *w, const struct store_cdr *c);
void store_put_quality(struct store_write *w, const struct store_quality *q);
void store_put_audit(struct store_write *w, const struct store_audit *a);

/* Hand the write over; it is the store's from now on. done may be NULL. It gets ERR_OK, ERR_IO (disk full, I/O error:
 * see store_last_fault()), ERR_NOMEM, ERR_LIMIT, ERR_FULL (too many wait) or ERR_CLOSED. It may be called before this
 * returns (STORE_DIRECT, and a write that failed already). */
void store_submit(struct store_write *w, void (*done)(void *arg, enum err e), void *arg);

/* The same, of a write whose rows are put when it is committed: `fill` puts all of them, where the commit is, and again when what
 * shares the commit fails; done() may come without. What it puts goes straight to the database: it is not copied, and need stay no
 * longer than the put. So what is kept elsewhere anyway costs nothing while it waits for others. `fill` calls nothing else of the store. */
void store_submit_filled(struct store_write *w, void (*fill)(void *arg, struct store_write *w), void (*done)(void *arg, enum err e),
                         void *arg);
/* Enough has gathered: what waits is committed now. */
void store_hurry(struct store *s);

/* Submit and wait for its commit: for administration, never from a worker. In STORE_PUMPED it pumps. */
enum err store_submit_wait(struct store_write *w);

/* STORE_PUMPED: commit what waits. `all` false: only when a promise waits, or another write has waited as long as it may
 * by now_ms. Returns the number of writes committed. Other modes: 0. */
size_t store_pump(struct store *s, int64_t now_ms, bool all);

/* Wait until all that was submitted before is committed, of all kinds. */
void store_flush(struct store *s);

/* ---- reads: what is committed, by key in rising order unless said. `each` returns false to stop. ERR_IO on damage ---- */
enum err store_each_user(struct store *s, bool (*each)(void *arg, const struct store_user *u), void *arg);
enum err store_each_setting(struct store *s, bool (*each)(void *arg, struct slice key, struct slice value), void *arg);
/* The highest slot of a binding, 0 when there is none: about how many there are, for tables of the right size. */
uint32_t store_last_slot(struct store *s);
/* A row that nobody can read, since somebody has edited it, comes with its slot alone. */
enum err store_each_binding(struct store *s, bool (*each)(void *arg, const struct store_binding *b), void *arg);

struct store_cdr_query {
    int64_t      from_ms, to_ms; /* by start; to 0: no end */
    struct slice party;          /* caller or callee equals it; empty: all */
    uint32_t     max;            /* 0: all */
};
/* Newest first. */
enum err store_each_cdr(struct store *s, const struct store_cdr_query *q,
                        bool (*each)(void *arg, const struct store_cdr *c), void *arg);
/* Newest first. */
enum err store_each_audit(struct store *s, uint32_t max, bool (*each)(void *arg, const struct store_audit *a), void *arg);

#endif
