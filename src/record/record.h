/* record.h - what went over the wire, and why, copied into a ring by the worker that saw it (DESIGN §8).
 *
 * One `struct record` is one worker's: one thread writes (each worker its own), one thread reads (the recorder, all of
 * them). Writing never waits and never wakes anybody: when the ring is full the newest is dropped and counted, and the next
 * entry that fits says how many are missing before it. The reader comes by when it likes.
 *
 * In virtual time writer and reader are one thread; nothing changes. */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include "base/addr.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"

#define RECORD_MIN_OCTETS (256u * 1024)     /* of a ring; smaller is rounded up to this                        */
#define RECORD_MAX_OCTETS (1024u * 1024 * 1024) /* of a ring; ERR_LIMIT above                                  */
#define RECORD_MAX_ENTRY (128u * 1024)      /* one entry, its head included; a larger one is dropped (counted) */

struct record;

struct record_config {
    struct mem *mem;
    size_t      octets; /* of the ring; rounded up to a power of two */
    uint8_t     worker; /* stands in its entries */
    /* The times that entries carry, in microseconds: of the net's clock and since 1970. NULL: the machine's. Called on the
     * writer's thread. */
    void (*now)(void *ctx, uint64_t *mono_us, uint64_t *wall_us);
    void *ctx;
};

enum err record_open(const struct record_config *config, struct record **out); /* ERR_NOMEM, ERR_LIMIT */
void     record_close(struct record *r); /* when neither thread uses it any more; takes NULL */

/* ---- the writer ---- */

struct record_flow {
    struct slice transport;     /* "UDP", "TCP", ... */
    struct addr  local, remote;
};

/* A message as it went over the wire, before it is parsed or after it is written whole. Copied. */
void record_message(struct record *r, bool out, const struct record_flow *flow, struct slice octets);

/* A message that has been sent, with the time right before that: its answer may be in another worker's ring before this one
 * has come back from the system, and must not look older than what it answers. Copied. */
struct record_time {
    uint64_t mono_us, wall_us;
};
void record_now(const struct record *r, struct record_time *out);
void record_sent(struct record *r, const struct record_time *before, const struct record_flow *flow, struct slice octets);

/* A message that is left out, since there is no time for it: it counts as dropped. */
void record_skip(struct record *r);

/* Why the exchange did, or is about to do, something in that call. `code` is a stable name ("plan.forward"); `text` an
 * English sentence without its full stop. Written before the message that it explains. Copied. */
void record_reason(struct record *r, struct slice code, struct slice call_id, struct slice text);

/* ---- the reader ---- */

enum record_kind { RECORD_MESSAGE, RECORD_REASON };

struct record_entry {
    enum record_kind kind;
    uint8_t          worker;
    bool             out;        /* MESSAGE: sent by us            */
    uint64_t         number;     /* from 1, in order of writing; dropped ones are counted too */
    uint64_t         missed;     /* entries dropped right before this one */
    uint64_t         mono_us, wall_us;
    struct addr      local, remote; /* MESSAGE */
    struct slice     transport;     /* MESSAGE */
    struct slice     code, call_id; /* REASON  */
    struct slice     octets;        /* the message, or the text of the reason */
};

/* The oldest entry; its slices point into the ring until record_next(). ERR_AGAIN: there is none now. Called again without
 * record_next(): the same entry. */
enum err record_peek(struct record *r, struct record_entry *out);
void     record_next(struct record *r); /* done with that entry: its room may be written again */

/* ---- both ---- */

/* So far. Not exact while the writer writes. */
struct record_counts {
    uint64_t written, dropped;
};
void record_counts(const struct record *r, struct record_counts *out);

#endif
