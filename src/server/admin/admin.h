/* admin.h - one function per administrative act: for page, socket and command line alike (DESIGN §4).
 *
 * An act takes a JSON object and gives one: {"ok":true, ...} or {"ok":false,"error":"a sentence for people"}. The same acts
 * work on the running exchange (through its control socket) and on the data folder when it is down.
 *
 * Acts and what they take beside "act" (all texts unless said):
 *   user.add      number, name, password (made when missing), and any setting       -> number, password
 *   user.set      number, settings                                                  -> number
 *   user.remove   number
 *   user.list                                                                       -> users
 *   user.import   csv                                                               -> added, changed, passwords
 *   user.export   secrets (true or false)                                           -> csv
 *   group.add     number, name, members, how, ring, and any setting                 -> number
 *   group.set     number, the same                                                  -> number
 *   group.remove  number
 *   group.list                                                                      -> groups
 *   trunk.add     name, server, and any setting of a trunk                          -> name
 *   trunk.set     name, settings                                                    -> name
 *   trunk.remove  name                                                              -> name
 *   trunk.list                                                                      -> trunks
 *   trunk.show    name                                                              -> trunk
 *   bindings      number (optional)                                                 -> bindings
 *   subscriptions number (watched or watching; optional)                            -> subscriptions
 *   calls                                                                           -> calls, overload
 *   calls.end     id
 *   cdr           party, max (number)                                               -> cdrs
 *   explain       caller, callee, columns (number, optional)                        -> forwards, rule, code, reason, targets,
 *                                                                                    trunks (name, number), ladder, drawing (with columns)
 *   status                                                                          -> running, users, bindings, calls, overload */
#ifndef SERVER_ADMIN_ADMIN_H
#define SERVER_ADMIN_ADMIN_H

#include <jansson.h>

#include "server/dialogs/dialogs.h"
#include "server/directory/directory.h"
#include "server/location/location.h"
#include "server/presence/presence.h"
#include "server/store/store.h"

struct admin;

/* How an exchange does that has too much to do, and did since it was started (doc/overload.md). */
struct admin_overload {
    unsigned workers;              /* that turn new work away, now                                */
    int64_t  since_ms;             /* the first of them, wall clock; 0: none                      */
    uint64_t calls_per_s;          /* that they let in                                            */
    uint64_t let_in, refused, silent; /* requests in such times: worked on, answered 503, not answered */
};

struct admin_config {
    struct mem       *mem;
    struct store     *store;
    struct directory *directory;
    struct location  *location;
    struct dialogs   *dialogs;
    struct presence  *presence; /* of the running exchange; NULL: it does not run */
    /* Wall clock, milliseconds since 1970. */
    int64_t (*now_ms)(void *ctx);
    /* Ends a call of the running exchange; NULL: it does not run. ERR_NOTFOUND. */
    enum err (*end_call)(void *ctx, struct dialog_id id);
    /* Name of the extension of the exchange's own that has this number; SLICE_NONE: none. NULL: it is not known. */
    struct slice (*app)(void *ctx, struct slice number);
    /* How a trunk does, in words ("registered", "does not answer"), and whether it is thought to be down. NULL: the exchange
     * does not run. */
    bool (*trunk_state)(void *ctx, struct slice name, struct buf *words);
    /* NULL: the exchange does not run. */
    void (*overload)(void *ctx, struct admin_overload *out);
    void *ctx;
};

/* The admin keeps the configuration; nothing else. Any thread may act. */
struct admin {
    struct admin_config config;
};

/* Do it. `who` is for the audit. The result is the caller's reference; NULL only when there is no memory. */
json_t *admin_do(struct admin *a, const json_t *request, struct slice who);

/* The names of all acts, NULL at the end: for help and for tests. */
const char *const *admin_acts(void);

#endif
