/* record_priv.h - chunks and entries as they lie in memory, for writer (record.c) and reader (read.c).
 *
 *   struct record   first ─> chunk ─> chunk ─> chunk <─ last      in the order of writing; `last` is being filled
 *                   empty ─> chunk ─> chunk                       what the reader has given back, until the writer takes them all
 *                   own   ─> chunk                                the writer's own rest of these
 *
 * A chunk belongs to one list at a time, and goes from writer to reader when it is linked behind `last`, and back over `empty`. Of what both
 * touch only `next`, `used`, `empty` and the counts change while both may look; each is published with release and read with acquire. */
#ifndef RECORD_RECORD_PRIV_H
#define RECORD_RECORD_PRIV_H

#include "record/record.h"

#include "base/ahead.h"

#include <stdalign.h>
#include <stdatomic.h>

struct record_chunk {
    _Atomic(struct record_chunk *) next;
    _Atomic size_t                 used;   /* octets of it hold entries that may be read */
    uint64_t                       before; /* entries that were written into earlier ones */
    alignas(max_align_t) char octets[];    /* [chunk_room] */
};

/* An entry; its texts stand behind it, the next one behind them, at a multiple of 8. */
struct entry {
    uint32_t     octets; /* up to the next one */
    uint32_t     n[2];   /* octets of its texts */
    uint8_t      kind;   /* enum record_kind */
    uint8_t      out;
    struct slice name;   /* a literal: transport, or code */
    uint64_t     number, missed, mono_us, wall_us;
    uint64_t     mark;   /* the reader's */
    struct addr  local, remote;
};

struct record {
    struct record_config config;
    size_t               chunk_room; /* of every chunk: any entry fits into an empty one */
    char apart[CACHE_LINE]; /* so that writer and reader do not take each other's cache lines */
    /* the writer's */
    char                *to;   /* where the next entry goes, in `last` */
    size_t               left; /* octets from there to the end of the chunk */
    struct record_chunk *last, *own;
    _Atomic uint64_t     written, dropped;
    uint64_t             dropped_said; /* by the last entry that fitted */
    char                 apart_too[CACHE_LINE];
    /* the reader's */
    struct record_chunk *first, *newest; /* the newest that the reader has counted */
    size_t               chunks, filled; /* all; from first to newest */
    struct record_place  taken;          /* by record_next() */
    /* from the reader to the writer */
    _Atomic(struct record_chunk *) empty;
};

#endif
