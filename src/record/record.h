/* record.h - what went over the wire, and why, kept by the worker that saw it (DESIGN §8).
 *
 * One `struct record` is one worker's: one thread writes (each worker its own), one thread at a time reads (the recorder, all of
 * them). What is written is written once and stays where it is, in chunks that are filled one after the other. The reader sees
 * an entry as soon as it is written; a chunk that it needs no more it gives back, and the writer fills it anew.
 *
 * Writing never waits and never wakes anybody: when there is no empty chunk to go on to, the newest is dropped and counted, and
 * the next entry that fits says how many are missing before it. The reader comes by when it likes.
 *
 * In virtual time writer and reader are one thread; nothing changes. */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include "base/addr.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"

#define RECORD_MIN_OCTETS (256u * 1024)     /* smaller is rounded up to this                                   */
#define RECORD_MAX_OCTETS (1024u * 1024 * 1024) /* ERR_LIMIT above                                             */
#define RECORD_MAX_ENTRY (128u * 1024)      /* one entry, its head included; a larger one is dropped (counted) */

struct record;

/* When it was: of the net's clock, and since 1970, in microseconds. Of all that comes of one piece of work it is the same (net/net.h), as it
 * is written in the order in which it happened: a message, the reasons for what it brings about, what is sent. */
struct record_time {
    uint64_t mono_us, wall_us;
};

struct record_config {
    struct mem *mem;    /* safe for both threads */
    size_t      octets; /* of its chunks at first: so much can be written before the reader comes by */
    uint8_t     worker; /* stands in its entries */
};

enum err record_open(const struct record_config *config, struct record **out); /* ERR_NOMEM, ERR_LIMIT */
void     record_close(struct record *r); /* when neither thread uses it any more; takes NULL */

/* ---- the writer ---- */

struct record_flow {
    struct slice transport;     /* "UDP", "TCP", ...: a literal, it is not copied */
    struct addr  local, remote;
};

/* A message as it went over the wire, before it is parsed or after it is written whole. One that is sent has a time before that: its answer
 * may be in another worker's record before the system has come back, and must not look older than what it answers. Copied. */
void record_message(struct record *r, struct record_time at, bool out, const struct record_flow *flow, struct slice octets);

/* A message that is left out, since there is no time for it: it counts as dropped. */
void record_skip(struct record *r);

/* Why the exchange did, or is about to do, something in that call. `code` is a stable name ("exchange"), a literal that is
 * not copied; `text` an English sentence without its full stop. Written before the message that it explains. Copied. */
void record_reason(struct record *r, struct record_time at, struct slice code, struct slice call_id, struct slice text);

/* ---- the reader ---- */

enum record_kind { RECORD_MESSAGE, RECORD_REASON };

struct record_entry {
    enum record_kind kind;
    uint8_t          worker;
    bool             out;        /* MESSAGE: sent by us            */
    uint64_t         number;     /* from 1, in order of writing; dropped ones are counted too */
    uint64_t         missed;     /* entries dropped right before this one */
    uint64_t         mark;       /* what record_mark() gave it; 0: nothing yet */
    uint64_t         mono_us, wall_us;
    struct addr      local, remote; /* MESSAGE */
    struct slice     transport;     /* MESSAGE */
    struct slice     code, call_id; /* REASON  */
    struct slice     octets;        /* the message, or the text of the reason */
};

/* The oldest entry; its slices point into its chunk until record_next(). ERR_AGAIN: there is none now. Called again without
 * record_next(): the same entry. For who reads everything once, and uses nothing of what stands below. */
enum err record_peek(struct record *r, struct record_entry *out);
void     record_next(struct record *r); /* done with that entry: its chunk may be written again */

/* Where a reader is: before an entry, or behind the last one so far. Void when the chunk is forgotten. */
struct record_place {
    struct record_chunk *chunk;
    size_t               at;
};

struct record_place record_first(const struct record *r);
/* The entry there; its slices point into its chunk. ERR_AGAIN: there is none yet. */
enum err record_read(const struct record *r, struct record_place *place, struct record_entry *out);
void     record_pass(struct record_place *place); /* on to behind the entry that was read */
bool     record_leap(struct record_place *place); /* on to the next chunk; false: there is none, and the place stays */
/* A number of the reader's own, kept with the entry there. */
void     record_mark(const struct record_place *place, uint64_t mark);

/* ---- the reader: room to write in ---- */

size_t   record_octets(const struct record *r);   /* of all its chunks */
size_t   record_chunk_octets(const struct record *r);
size_t   record_spare(struct record *r);          /* chunks that the writer can still go on to */
enum err record_grow(struct record *r);           /* by one empty chunk. ERR_NOMEM */
/* The oldest chunk of `from` becomes an empty one of `to`, which may be the same. Gives how many entries are forgotten by that; 0: none,
 * and nothing has happened, as the writer has not yet left that chunk. */
uint64_t record_forget(struct record *from, struct record *to);

/* ---- both ---- */

/* So far. Not exact while the writer writes. */
struct record_counts {
    uint64_t written, dropped;
};
void record_counts(const struct record *r, struct record_counts *out);

#endif
