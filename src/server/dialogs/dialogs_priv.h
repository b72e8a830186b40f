/* dialogs_priv.h - the insides of server/dialogs, for its own files only.
 *
 *   calls[hash of Call-ID] -> entry -> entry ...      entry[id.slot] -> slot in the file
 *   numbers[hash of a side's number] -> entry's side -> ...
 *
 * An entry is in memory and keeps its number for as long as its record lives; the slot in the file changes with each
 * write but the last: a record ends in the slot that it has. Its number and generation stand in the slot too, so ids hold over a restart.
 *
 * Locks (sys/spin.h), no two held together:
 *   chain lock   by hash: a chain's links, and those of a number
 *   entry lock   by number: gen, slot, flags of an entry, and the octets of its slot while they are read
 *   free lock    the stack of free entries; the slots have one of their own
 *   batch lock   the records that have ended and wait for the commit of their CDRs */
#ifndef SERVER_DIALOGS_PRIV_H
#define SERVER_DIALOGS_PRIV_H

#include <stdatomic.h>

#include "base/hash.h"
#include "server/dialogs/dialogs.h"
#include "sys/array_map.h"
#include "sys/slot_file.h"

#define STRIPES 256
#define SPARE_SLOTS 64 /* kept free of new records: a record is written anew into a fresh slot, also when the disk is full */
#define NO_ENTRY UINT32_MAX

/* As it stands in the file; a short slot ends before its last texts might. serial is written last; 0: free. */
enum { SIDE_TEXTS = 8 };
struct slot {
    _Atomic uint64_t serial;
    _Atomic int64_t  seen_ms; /* this and the CSeqs change in place */
    _Atomic uint32_t cseq[2];
    _Atomic uint32_t over;    /* sum of its end; 0: it has not ended */
    uint16_t         end_code;
    uint8_t          n_ended_by, n_why; /* these texts stand at `used` */
    int64_t          ended_ms;
    uint32_t         check;   /* sum of all that follows */
    uint32_t         used;    /* octets from the slot's beginning, without the end's texts */
    uint32_t         entry, gen;
    int64_t          started_ms, answered_ms, due_ms;
    uint32_t         shift[2];
    uint16_t         n_text[2][SIDE_TEXTS];
    uint32_t         invite_cseq, interval_s;
    uint16_t         code, n_call_id, flags, none;
    uint8_t          state, mode, spare, refresh;
    char             text[DIALOGS_TEXT_OCTETS + DIALOGS_END_OCTETS];
};
_Static_assert(sizeof(struct slot) == DIALOGS_LONG_OCTETS, "the file's format");

enum { FLAG_WRITES_CDR = 1, FLAG_SPOKEN = 2,
       FLAG_NO_REFER = 4, FLAG_NO_REPLACES = 8, FLAG_OWN = 16, FLAG_HAS_UPDATE = 32, /* of the caller; of the callee so many bits higher: */
       FLAGS_OF_CALLEE = 8 };

struct entry {
    struct array_node node;       /* hash: of the Call-ID. next of one that has ended and waits for its CDR: the next such entry, or NO_ENTRY */
    struct array_node of_side[2]; /* hash: of its number; 0: it has none */
    uint32_t        slot;       /* of a free one: the next free one, or NO_ENTRY */
    uint32_t        gen;        /* 0: free */
    bool            ended, restored, cdr_failed;
    bool            in[2];      /* the side is among those of its number; under that chain's lock */
};
_Static_assert(sizeof(struct entry) == 64, "a held call's share of memory is counted");

struct stripe {
    struct spin lock;
    char        apart[63]; /* so that two seldom share a cache line */
};

/* Chains by hash, and their locks. */
struct chains {
    struct array_map map;
    struct stripe    locks[STRIPES];
};
_Static_assert(STRIPES == 1 << ARRAY_MAP_APART_BITS, "who shares a lock shares a bucket");

/* When numbers had their last call. Sets of a hash: in a full one the number whose call is longest ago makes room. */
enum { IDLE_WAYS = 4, IDLE_SETS = DIALOGS_IDLE_NUMBERS / IDLE_WAYS };
struct idle {
    uint64_t hash;     /* of the number */
    int64_t  ended_ms; /* 0: free */
};

/* An answered call that has ended: hashes of its Call-ID and of both numbers (0: not ours). */
struct recent {
    uint64_t call, number[2];
    int64_t  ended_ms;
};

struct dialogs {
    struct spin          recent_lock;
    struct recent        recent[DIALOGS_RECENT_CALLS];
    size_t               recent_at;
    struct spin          idle_lock;
    struct idle          idle[IDLE_SETS][IDLE_WAYS];
    struct chains        calls, numbers;
    struct stripe        locks[STRIPES]; /* of entries */
    struct dialogs_conf  conf;
    dialogs_changed     *changed;
    void                *changed_ctx;
    dialogs_due         *due;
    void                *due_ctx;
    struct hash_key      key;
    struct entry        *entries; /* max of them, of which only those below top have been touched */
    struct slot_file     slots, long_slots;
    _Atomic uint64_t     serial;
    _Atomic uint64_t     n_records, restored, damaged, given_up, too_long, no_slot, cdrs, cdr_failures;
    _Atomic uint32_t     gen, sweep_at;
    _Atomic uint32_t     top;     /* entries from there on have never been in use since the start */
    uint32_t             max;     /* records */
    uint32_t             free_entry; /* the first of those below top, or NO_ENTRY */
    struct spin          free_lock;
    struct cdr_batch    *batch;      /* cdr.c: the one that may be joined; NULL: none */
    struct spin          batch_lock;
};

/* slot.c */
size_t slot_octets(const struct dialog_record *r); /* of a slot, without its end */
/* Into a slot that has room. It is not valid before its sum and then its serial are stored. */
void slot_write(struct slot *s, const struct dialog_record *r);
void slot_sum(struct slot *s, uint64_t serial); /* the serial that it will have */
/* The record in it is over. What does not fit of the reason is cut. */
void slot_end(struct slot *s, size_t room, const struct dialog_end *end);
bool slot_is_sound(const struct slot *s, size_t room); /* lengths and sums */
void slot_read(const struct slot *s, struct dialog_record *out); /* slices point into s */
struct slot_names { /* by enum dialog_side */
    struct slice call_id, tag[2], number[2];
};
void slot_names(const struct slot *s, struct slot_names *out);
struct slice slot_call_id(const struct slot *s);
struct slice slot_tag(const struct slot *s, enum dialog_side side);

/* file.c */
enum err dialogs_file_open(struct dialogs *d);
void dialogs_file_close(struct dialogs *d);
struct slot *dialogs_file_slot(const struct dialogs *d, uint32_t slot);
size_t dialogs_file_room(uint32_t slot); /* octets of that slot */
/* A free slot for that many octets and an end; for a new record only when SPARE_SLOTS are left over. ERR_FULL, ERR_LIMIT. */
enum err dialogs_file_take(struct dialogs *d, size_t octets, bool is_new, uint32_t *slot);
void dialogs_file_give(struct dialogs *d, uint32_t slot);
void dialogs_file_each(struct dialogs *d, void (*each)(struct dialogs *d, uint32_t slot)); /* all that there are, in use or not */
void dialogs_file_count(struct dialogs *d, uint64_t *used, uint64_t *ready);

/* find.c */
/* Is there a record of this Call-ID, which has that hash, with these tags, other than `except`? */
bool dialogs_is_there(struct dialogs *d, uint64_t hash, const struct dialog_record *r, uint32_t except);

/* entry.c */
struct spin *entry_lock(struct dialogs *d, uint32_t number);
uint64_t entry_call_hash(const struct dialogs *d, struct slice call_id);
uint64_t entry_number_hash(const struct dialogs *d, struct slice number); /* 0: it is empty */
enum err entry_take(struct dialogs *d, uint32_t *number); /* ERR_FULL */
void entry_in_use(struct dialogs *d, uint32_t number);    /* those up to it, too; under the free lock, or while the room opens */
void entry_push(struct dialogs *d, uint32_t number);      /* it is free */
bool entry_is(const struct entry *en, struct dialog_id id); /* it has that record, which has not ended; under its lock */
void entry_give(struct dialogs *d, uint32_t number);      /* the record is no more: entry and slot are free */
void chain_add(struct dialogs *d, uint32_t number, uint64_t hash);
void chain_remove(struct dialogs *d, uint32_t number);
/* It will join its numbers' chains, or leave them and its call's: these have left the caches, and are fetched together. */
void chain_expect(struct dialogs *d, uint32_t number);
/* The entries with that hash of Call-ID, at most max. */
size_t chain_list(struct dialogs *d, uint64_t hash, uint32_t *out, size_t max);
/* Whose its sides are; then they may be added to those of their numbers. A side without a number is in no chain. */
void numbers_set(struct dialogs *d, uint32_t number, const struct dialog_record *r);
void numbers_add(struct dialogs *d, uint32_t number);
void numbers_remove(struct dialogs *d, uint32_t number);
/* The entries with that hash of a number, at most max; twice where both sides have it. */
size_t numbers_list(struct dialogs *d, uint64_t hash, uint32_t *out, size_t max);
/* A copy of the slot of an entry: of that generation (0: any), not ended. ERR_NOTFOUND. */
enum err entry_copy(struct dialogs *d, struct dialog_id id, struct slot *out);

/* cdr.c */
/* The record of an entry, which is in no chain, has ended: its CDR, if it writes one, goes to the store, then the entry is free. */
void cdr_submit(struct dialogs *d, uint32_t number, bool writes_cdr);

/* idle.c */
struct idle *idle_set(struct dialogs *d, uint64_t hash_of_number); /* [IDLE_WAYS]: where it is noted */
void idle_note(struct dialogs *d, uint64_t hash_of_number, int64_t ended_ms);
void idle_load(struct dialogs *d); /* from the CDRs; what cannot be read is not known */

/* recent.c */
void recent_note(struct dialogs *d, const struct entry *en, int64_t ended_ms); /* it has been answered, and ends */

/* tell.c: a call's turning points, to the log. Only a record that writes the CDR is a call. */
void tell_begun(const struct dialogs *d, struct dialog_id id, const struct dialog_record *r);
void tell_answered(const struct dialogs *d, struct dialog_id id, const struct dialog_record *r);
void tell_ended(const struct dialogs *d, struct dialog_id id, const struct dialog_record *r);
void tell_changed(const struct dialogs *d, const struct dialog_record *r); /* whoever watches */

#endif
