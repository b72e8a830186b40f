/* recorder.h - what the workers have recorded: the newest of it kept, and handed out (DESIGN §8).
 *
 * It stays where it was written. A thread gives workers chunks to write on: new ones until as much is kept as may be, then the oldest. A refresh (REGISTER and its answers) that changes nothing for a call is kept
 * like any message; it is whoever draws that leaves it out. Stories are not built here: whoever asks gets the entries. */
#ifndef RECORDER_RECORDER_H
#define RECORDER_RECORDER_H

#include "base/err.h"
#include "base/mem.h"
#include "record/record.h"

#define RECORDER_MIN_OCTETS (1u << 20)
#define RECORDER_LOOK_MS 50 /* so often workers are given what they need until the next time */

struct recorder;

struct recorder_config {
    struct mem     *mem;      /* safe for all threads */
    struct record **record;   /* the workers'; NULL entries are passed over. They must outlive the recorder, and be of equal size */
    unsigned        n_record;
    size_t          octets;   /* kept at most; what the records have at first comes on top */
    bool            threaded; /* false: recorder_pump() does the work (virtual time, tests) */
};
enum err recorder_open(const struct recorder_config *config, struct recorder **out); /* ERR_NOMEM */
void     recorder_close(struct recorder *r);                                         /* takes NULL */

/* Give workers room now. From any thread. */
void recorder_pump(struct recorder *r);

/* An entry as it is kept; slices live during the call. `serial` rises from 1; a hole in it is entries that
 * were thrown away before anybody asked. entry->missed says what a worker had dropped before it. */
struct recorder_item {
    uint64_t                   serial;
    const struct record_entry *entry;
};
/* Every kept entry with a serial above `after`, up to the last one written, oldest first, of all workers by time. `each` returns false to stop; it is
 * called without locks, on a copy. Passwords' proofs and keys in it are covered (trace_mask()). Returns the last serial given, or `after`. *lost (may be NULL) is true when entries
 * behind `after` were thrown away, or not kept, before they could be given. ERR_NOMEM shows as an early end. */
uint64_t recorder_each(struct recorder *r, uint64_t after, bool (*each)(void *arg, const struct recorder_item *item), void *arg,
                       bool *lost);

struct recorder_counts {
    uint64_t kept, octets, thrown_away, dropped; /* octets: of memory that holds them */
    uint64_t since_wall_us; /* of the oldest that is given out; 0: there is none */
};
void recorder_counts(struct recorder *r, struct recorder_counts *out);

#endif
