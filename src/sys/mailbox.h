/* mailbox.h - calls that other threads leave for one thread to make: many put, one takes.
 *
 * First in, first out. Putting takes a lock for a few instructions (sys/spin.h) and never waits for the taker. Who looks into an empty
 * box takes none. */
#ifndef SYS_MAILBOX_H
#define SYS_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "sys/spin.h"

#define MAILBOX_CHUNK 256 /* letters that are taken from mem at once; as many are there from the start */

struct mailbox_letter;
struct mailbox_chunk;

struct mailbox {
    struct mem             mem; /* safe for all threads that put */
    struct spin            lock;
    _Atomic(struct mailbox_letter *) first; /* waiting; written with the lock held */
    struct mailbox_letter *last;
    struct mailbox_letter *spare;
    struct mailbox_chunk  *chunks;
};

enum err mailbox_open(struct mailbox *m, struct mem *mem); /* ERR_NOMEM */
void mailbox_close(struct mailbox *m);                     /* what waits is dropped; a zeroed one may be closed */

/* From any thread. *first_waiting (may be NULL) is true when nothing waited before: who put must wake the taker.
 * ERR_NOMEM: more than ever before wait, and there is no memory. */
enum err mailbox_put(struct mailbox *m, void (*fn)(void *arg), void *arg, bool *first_waiting);

/* Does anything wait? For the taker, before it goes to sleep: what is put after this was false sees all that the taker has stored
 * (with memory_order_seq_cst) before it asked. */
bool mailbox_waiting(struct mailbox *m);
bool mailbox_several(struct mailbox *m); /* more than one? For the taker */

/* On the taker's thread: make the calls that wait now, before(arg) (may be NULL) ahead of each; those that they leave wait for the next
 * time. Returns how many. */
size_t mailbox_run(struct mailbox *m, void (*before)(void *arg), void *arg);

#endif
