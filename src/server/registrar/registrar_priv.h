/* registrar_priv.h - what the files of server/registrar share. */
#ifndef SERVER_REGISTRAR_PRIV_H
#define SERVER_REGISTRAR_PRIV_H

#include <stdatomic.h>

#include "server/registrar/registrar.h"

enum { DATE_ROW_OCTETS = 37 }; /* "Date: Sat, 13 Nov 2010 23:29:00 GMT" and its line end */

/* What its shard has written last: it is the same for all of a second. */
struct date_row {
    int64_t second;
    char    text[DATE_ROW_OCTETS];
};

enum { PENDING_BLOCK_OCTETS = 512, PENDING_MAX_OCTETS = REGISTRAR_MAX_ROWS + 16384 };

struct registrar {
    struct mem       *mem;
    struct account   *account;
    struct directory *directory;
    struct location  *location;
    uint32_t          min_s, max_s, default_s;
    struct date_row   date[STACK_SHARDS]; /* each its shard's own */
};

/* A REGISTER whose change is under way. Both registrar_request() and on_done() raise `done`: whoever is second answers. */
struct pending {
    struct registrar *r;
    struct stack     *stack;
    unsigned          shard;
    struct tsx_id     tsx;
    struct arena      arena;
    int64_t           now_ms;
    bool              gruu, outbound;
    struct slice      path, rows;
    struct slice      head; /* of the 200, once it has to wait; its own piece of memory */
    char              date[DATE_ROW_OCTETS];
    enum err          result;
    atomic_int        done;
    char              block[]; /* the arena's first */
};

/* --- contacts.c --- */
/* What the REGISTER asks for (Contacts, Path, order), into *c; texts live in the message or the scratch arena. False: it
 * has been refused (400, 423, ...). */
bool registrar_read(struct registrar *r, struct shard *sh, const struct stack_in *in, struct location_change *c);

#endif
