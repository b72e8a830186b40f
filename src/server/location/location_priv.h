/* location_priv.h - the insides of server/location, for its own files only.
 *
 *   stripes[hash of AOR] --> a table of struct aor (one per AOR ever registered; lives as long as the process, so a pointer to
 *                            one is always good) --> struct record (all bindings of the AOR, or NULL)
 *   slots[number]        --> struct aor, and a chain by contact: contact_heads[hash of contact] -> number -> number ...
 *
 * Who may do what
 *   readers  take no lock. Records, tables and chains are read between grace_enter() and grace_leave(), and copied.
 *   record   replaced only by whoever has the AOR's *turn* (aor.busy), who may read it without more ado. What a plain refresh
 *            changes moves where it stands, each number for itself: readers may see some of them before others.
 *   tables   an AOR is added, a larger table shown, under the stripe's lock. Nothing leaves a table.
 *   chains   changed under the contact stripe's lock; a slot keeps its way on until nobody stands on it any more.
 *   turn     taken and passed on under the stripe's lock; may last as long as a commit. No two locks are ever held together. */
#ifndef SERVER_LOCATION_PRIV_H
#define SERVER_LOCATION_PRIV_H

#include <stdatomic.h>

#include "base/hash.h"
#include "server/location/location.h"
#include "sip/uri/uri.h"
#include "sys/array_file.h"
#include "sys/grace.h"
#include "sys/heap.h"
#include "sys/spin.h"

#define STRIPES 256
#define CHUNK_SLOTS 4096
#define CHUNKS (LOCATION_MAX_BINDINGS / CHUNK_SLOTS + 1)
#define MAX_AGENTS 1024 /* different User-Agents kept once; others stand in their records */

#define PIECE_STEP 8
#define PIECE_SIZES 128 /* in steps: larger pieces are the heap's */

struct piece_chunk;
struct piece;

/* How all begins that readers may still look at when it is put by. */
struct shown {
    struct shown *next;   /* put by before it; readers leave this alone */
    uint32_t      octets; /* all of it */
    uint32_t      n;      /* elements */
};

struct pieces {
    struct spin          lock;
    struct mem          *mem;
    char                *at, *end; /* what is left of the newest chunk */
    struct piece_chunk  *chunks;
    struct piece        *free[PIECE_SIZES + 1];
    struct grace        *grace;
    struct grace_shelves shelves;
    struct shown        *put_by[GRACE_SHELVES], *over; /* over: nobody reads these any more */
};

/* What only phones with an instance have; behind the texts of their bindings. */
struct packed_instance {
    int64_t  temp_gruu_ms;
    uint32_t reg_id;
};

struct packed {
    /* These move with each refresh; what follows them stands still. */
    _Atomic int64_t  registered_ms, expires_ms;
    _Atomic uint32_t interval_s, cseq;

    uint32_t slot;
    uint32_t at; /* of its texts, in the record */
    uint16_t n_contact, n_path, q, agent; /* agent 0: stands in the texts */
    uint8_t  n_call_id, n_instance, n_received, n_flow, n_aor_uri, n_agent, flow_state;
    uint8_t  stream : 1, has_instance : 1; /* has_instance: a struct packed_instance stands behind the texts */
};

struct record {
    struct shown  head;
    struct packed b[]; /* and then the texts */
};
#define PACKED_STILL offsetof(struct packed, slot)

struct update;

struct aor {
    _Atomic(struct record *) record;
    struct update           *waiting; /* first in, first out */
    uint32_t                 hash;
    uint8_t                  busy;
    uint8_t                  n_waiting;
    uint8_t                  n;
    char                     text[];
};

/* Open addressing; as many places as head.n says, a power of two. */
struct aor_table {
    struct shown          head;
    _Atomic(struct aor *) at[]; /* NULL: free */
};

struct stripe {
    struct spin                 lock;
    uint32_t                    n;
    _Atomic(struct aor_table *) table;
    uint64_t                    steps;
    char                        apart[40]; /* so that two stripes share no cache line */
};

struct slot {
    _Atomic(struct aor *) aor;     /* NULL: free */
    _Atomic uint32_t      next[2]; /* in its contact's chain; 0: the last. Two ways, so that a table can grow (slots.c) */
    _Atomic uint32_t      hash;    /* of the contact; of a free slot: the next of these */
};

/* As many as head.n says, a power of two. */
struct contact_heads {
    struct shown     head;
    uint32_t         way;  /* which of next[] its chains take */
    _Atomic uint32_t at[]; /* 0: none */
};

struct contact_stripe {
    struct spin                     lock;
    uint32_t                        n;
    _Atomic(struct contact_heads *) heads;
    uint32_t                        since; /* the age in which the heads were shown */
    char                            apart[40];
};

struct slot_list {
    uint32_t first, last; /* 0: none */
};

struct agents {
    struct spin      lock;
    _Atomic uint32_t n;                       /* changed under the lock */
    _Atomic uint16_t by_hash[2 * MAX_AGENTS]; /* open addressing, linear; 0: free */
    struct slice     text[MAX_AGENTS + 1];    /* 1 and up */
};

struct location {
    struct stripe         stripes[STRIPES];
    struct contact_stripe contacts[STRIPES];
    struct location_conf  conf;
    location_changed     *changed;
    void                 *changed_ctx;
    struct heap_counted   heap;
    struct grace          grace;
    struct pieces         pieces; /* AORs, records and tables */
    struct array_file     refreshed;
    uint32_t              max_contacts;
    struct hash_key       key;
    struct agents         agents;
    struct spin           slots_lock;
    struct slot          *chunks[CHUNKS];
    _Atomic uint32_t      n_slots; /* made */
    struct slot_list      free_slots;
    struct slot_list      slots_put_by[GRACE_SHELVES]; /* readers may still stand on these */
    struct grace_shelves  slot_shelves;
    _Atomic uint64_t      n_aors, n_bindings, n_refreshes, n_promises, n_refused;
    _Atomic uint32_t      swept; /* parts, since start */
};

/* With the stripe's lock held; false: somebody else has it. */
static inline bool aor_take_turn(struct aor *a)
{
    bool mine = !a->busy;

    a->busy = 1;
    return mine;
}

/* The record, for who has the AOR's turn: nobody else can replace it. */
static inline struct record *aor_record(const struct aor *a)
{
    return atomic_load_explicit(&a->record, memory_order_relaxed);
}

/* A slot whose contact is a new one. */
struct placed {
    uint32_t slot, hash; /* of the contact */
};

/* What the i-th of the slots that come, move and go is: of each only as many as are counted have been written. */
struct update_part {
    struct placed made;    /* taken for it */
    struct placed moved;   /* its contact is another text now */
    uint32_t      dropped; /* emptied by it */
};

/* One change of one AOR, from its turn to its end. */
struct update {
    struct update          *next; /* waiting for its turn */
    struct location        *l;
    struct aor             *aor;
    location_done          *done;
    void                   *arg;
    struct location_change  change;
    struct arena            arena;    /* copies of the change, when it had to wait or to be committed */
    struct record          *fresh;    /* what the AOR will have; NULL: nothing */
    uint32_t                n_made, n_dropped, n_moved;
    bool                    promise;
    uint32_t                octets; /* of its memory; 0: it is on a stack */
    struct update_part      parts[LOCATION_MAX_CONTACTS_HARD]; /* in its own memory not more than it needs */
};

/* A binding while it is being worked on: texts anywhere. */
struct draft {
    struct location_binding b;
    uint32_t                interval_s;
    uint16_t                agent; /* 0: look b.agent up */
    bool                    stream;
};

/* pieces.c */
void *pieces_alloc(struct pieces *p, size_t octets); /* NULL: no memory */
void pieces_free(struct pieces *p, void *piece, size_t octets); /* takes NULL; octets as they were asked for */
void pieces_put_by(struct pieces *p, struct shown *s); /* free it when nobody reads it any more */
void pieces_close(struct pieces *p); /* all that is out goes, but for what is larger than PIECE_SIZES */

/* record.c */
struct record *location_record_make(struct location *l, const struct draft *d, size_t n); /* NULL: no memory */
/* Times and CSeqs of its bindings become those of the drafts, where they stand; the turn is held. False, and nothing has been
 * done: the state of a flow is another one. */
bool location_record_move(struct record *r, const struct draft *d);
void location_record_copy(struct record *to, const struct record *from); /* while it moves; `to` is as large */
void location_record_draft(const struct location *l, const struct aor *aor, const struct record *r, uint32_t i, struct draft *out);
void location_record_free(struct location *l, struct record *r); /* one that nobody has seen */
void location_record_expand(const struct location *l, const struct aor *aor, const struct record *r, uint32_t i, struct location_binding *out);
struct slice location_record_contact(const struct record *r, uint32_t i);
struct slice location_record_call_id(const struct record *r, uint32_t i);
int64_t location_record_first_expiry(const struct record *r);
/* The live ones of r, best first, into out (room for r->head.n); returns how many. */
size_t location_record_list(const struct location *l, const struct aor *aor, const struct record *r, int64_t now_ms,
                   struct location_binding *out);
void agents_close(struct location *l);

/* slots.c */
uint32_t slots_take(struct location *l, struct aor *aor); /* 0: none left, or no memory */
void slots_give(struct location *l, uint32_t slot);
struct slot *slots_at(struct location *l, uint32_t slot);
uint32_t contact_hash(const struct location *l, const struct uri *u);
void contact_expect(struct location *l, uint32_t hash); /* it will be added soon: while loading, when nobody else is there */
void contact_add(struct location *l, uint32_t slot, uint32_t hash);
void contact_remove(struct location *l, uint32_t slot); /* to be given back now */
void contact_move(struct location *l, uint32_t slot, uint32_t hash); /* into that chain; waits for readers if it is another one */
/* Slots whose contact has that hash; at most max. */
size_t contact_find(struct location *l, uint32_t hash, uint32_t *out, size_t max);
enum err slots_open(struct location *l, uint32_t expected); /* so many contacts in each stripe */
void slots_close(struct location *l);
enum err slots_claim(struct location *l, uint32_t slot, struct aor *aor); /* a given number, while loading */
void slots_settle(struct location *l); /* after loading: what was not claimed is free */

/* refreshed.c */
void refreshed_open(struct location *l);
void refreshed_close(struct location *l);
bool refreshed_is_new(const struct location *l); /* nothing was in it when it was opened: before the first slot is made */
void refreshed_grow(struct location *l, uint32_t slots);
/* A plain refresh of the i-th binding of a record, whose AOR's turn is held. False: it must go to the store. */
bool refreshed_note(struct location *l, const struct record *r, uint32_t i);
void refreshed_forget(struct location *l, uint32_t slot); /* its row says more by now */
/* The row as its last refresh has left it. */
void refreshed_apply(const struct location *l, struct store_binding *b);

/* change.c: what the change makes of the AOR's bindings; the turn is held. */
enum err change_work_out(struct update *u);

/* aor.c */
struct stripe *stripe_of(struct location *l, uint32_t hash);
uint32_t aor_hash(const struct location *l, struct slice name);
struct aor *aor_find(struct location *l, struct slice name); /* NULL: it is not there */
struct aor *aor_make(struct location *l, struct slice name, uint32_t hash); /* in no table yet; NULL: no memory */
void aor_unmake(struct location *l, struct aor *a);          /* one that came into none */
/* The AOR, made if it is not there, and its turn, if nobody has that. ERR_FULL, ERR_NOMEM. */
enum err aor_get(struct location *l, struct slice name, struct aor **out, bool *turn);
/* That of the same name, or else `fresh`, which is in the table from then on. The same errors. */
enum err aor_add(struct location *l, struct aor *fresh, struct aor **out);
void aor_expect(struct location *l, uint32_t hash, int how_far); /* it will be looked for soon: 1 its place, 2 what stands there */
enum err aors_open(struct location *l, uint32_t expected); /* room for so many in each stripe */
void aors_close(struct location *l);

/* location.c */
void location_put_row(struct store_write *w, const struct location *l, const struct aor *a, const struct record *r, uint32_t i);

/* load.c */
enum err location_load(struct location *l); /* what the store has; the tables are made. ERR_NOMEM, ERR_IO */

/* update.c */
/* Take away what has expired by now; false when the AOR is being changed just now (then that does it). */
bool aor_expire(struct location *l, struct aor *a, int64_t now_ms);

/* tell.c */
/* What a change has done, to the log: u->fresh is what the AOR has from now on, `old` what it had. */
void update_tell(const struct update *u, const struct record *old);

#endif
