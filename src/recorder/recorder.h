/* recorder.h - the thread that empties the workers' rings, keeps what they recorded, and hands it out (DESIGN §8).
 *
 * What is kept is bounded: the newest stay. A refresh (REGISTER and its answers) that changes nothing for a call is kept
 * like any message; it is whoever draws that leaves it out. Stories are not built here: whoever asks gets the entries. */
#ifndef RECORDER_RECORDER_H
#define RECORDER_RECORDER_H

#include "base/err.h"
#include "base/mem.h"
#include "record/record.h"

#define RECORDER_MIN_OCTETS (1u << 20)
#define RECORDER_EMPTY_MS 50 /* the rings are looked at so often */

struct recorder;

struct recorder_config {
    struct mem     *mem;      /* safe for all threads */
    struct record **record;   /* the rings; NULL entries are passed over. They must outlive the recorder */
    unsigned        n_record;
    size_t          octets;   /* kept at most */
    bool            threaded; /* false: recorder_pump() does the work (virtual time, tests) */
};
enum err recorder_open(const struct recorder_config *config, struct recorder **out); /* ERR_NOMEM */
void     recorder_close(struct recorder *r);                                         /* takes NULL */

/* Take over what waits in the rings now. From any thread. */
void recorder_pump(struct recorder *r);

/* An entry as it is kept; slices live during the call. `serial` rises from 1; a hole in it is an entry that there was no
 * memory for. entry->missed says what a ring had dropped before it. */
struct recorder_item {
    uint64_t                   serial;
    const struct record_entry *entry;
};
/* Every kept entry with a serial above `after`, oldest first, of all workers by time. `each` returns false to stop; it is
 * called without locks, on a copy. Returns the last serial given, or `after`. *lost (may be NULL) is true when entries
 * behind `after` were thrown away, or not kept, before they could be given. ERR_NOMEM shows as an early end. */
uint64_t recorder_each(struct recorder *r, uint64_t after, bool (*each)(void *arg, const struct recorder_item *item), void *arg,
                       bool *lost);

struct recorder_counts {
    uint64_t kept, octets, thrown_away, dropped; /* octets: of memory */
    uint64_t since_wall_us; /* of the oldest kept entry; 0: there is none */
};
void recorder_counts(struct recorder *r, struct recorder_counts *out);

#endif
