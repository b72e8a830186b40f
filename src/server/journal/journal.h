/* journal.h - notes that outlive kill -9: what the exchange has promised and not yet done (DESIGN §5, PROTOCOL 4.1).
 *
 * A note is up to JOURNAL_NOTE_OCTETS octets of its owner's, in a slot of a file that is mapped shared: what was put is there
 * when the process is killed, without a system call. Each put goes to a fresh slot and one store makes it valid, so a note
 * is either as it was or as it is meant to be, never half. A checksum finds what a crash of the machine has torn.
 *
 * Any thread may call; a note itself has one writer at a time. Few notes are there at any time: a transfer under way has
 * one, a call that the exchange has joined has one. */
#ifndef SERVER_JOURNAL_JOURNAL_H
#define SERVER_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"

#define JOURNAL_SLOT_OCTETS 8192
#define JOURNAL_NOTE_OCTETS (JOURNAL_SLOT_OCTETS - 24)
#define JOURNAL_NOTES 8192      /* at most so many; more: ERR_FULL */
#define JOURNAL_GROW_SLOTS 32   /* the file grows by so many, on disk at once: a mapped write must not find it full */

struct journal;

/* Whose notes: a number that stays the same in all versions of the program. */
enum journal_kind { JOURNAL_REFER = 1, JOURNAL_BRIDGE = 2 };

struct journal_conf {
    const char *path; /* NULL: memory only */
    struct mem *mem;  /* safe for all threads that take part */
};

/* Maps the file, making it if missing. One of another format is begun anew; damaged notes are dropped. ERR_NOMEM, ERR_IO,
 * ERR_DENIED. */
enum err journal_open(struct journal **out, const struct journal_conf *conf);
void     journal_close(struct journal *j); /* notes stay in the file; takes NULL */

/* Write a note, whole. *id 0: a new one, and *id names it then, also after a restart. ERR_LIMIT (too long), ERR_FULL (no
 * slot, or no disk for one), ERR_NOTFOUND (no such): then the note is as it was. */
enum err journal_put(struct journal *j, enum journal_kind kind, struct slice octets, uint64_t *id);
/* The promise is kept. 0 and unknown ids are nothing. */
void journal_drop(struct journal *j, uint64_t id);

/* Each note of that kind, in no order. `octets` live until the callback returns, which may put and drop this one. */
void journal_each(struct journal *j, enum journal_kind kind, void (*each)(void *arg, uint64_t id, struct slice octets), void *arg);

size_t journal_notes(struct journal *j); /* now, of all kinds */

#endif
