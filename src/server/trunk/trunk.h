/* trunk.h - other exchanges as they are just now: registered with, asked whether they are there, told who we are, and known by
 * where their requests come from.
 *
 * What a trunk is stands in the directory; a change there is taken up within a second. The room keeps one registration (RFC 3261
 * §10, by ua: refreshed, and tried again with longer and longer waits) for each trunk that wants one, and asks each by OPTIONS
 * (§11) every qualify_s: any answer but 408 and 503 shows that it is up, silence for TRUNK_WAIT_MS that it is not. A trunk that
 * has not been heard of yet counts as up.
 *
 * Any thread may ask; one thread ticks. */
#ifndef SERVER_TRUNK_TRUNK_H
#define SERVER_TRUNK_TRUNK_H

#include "base/digester.h"
#include "base/hash.h"
#include "base/rng.h"
#include "server/directory/directory.h"
#include "sip/stack/stack.h"
#include "sys/log.h"

enum {
    TRUNK_WAIT_MS = 6000,   /* for the answer to OPTIONS */
    TRUNK_MAX_SEEN = 4      /* addresses that one has answered from: the latest */
};

struct trunks;

struct trunk_config {
    struct mem            *mem; /* safe for all threads that take part */
    struct rng            *rng; /* likewise */
    const struct digester *digester;
    struct hash_key        hash;
    struct directory      *directory;
    struct log            *log; /* NULL: nothing is told */
};
enum err trunk_open(const struct trunk_config *config, struct trunks **out); /* ERR_NOMEM */
void     trunk_attach(struct trunks *t, struct stack *st);                  /* right after stack_open */
void     trunk_close(struct trunks *t);                                     /* after stack_close; takes NULL */

/* Take up what has changed, and begin what is due. About once a second, from one thread. */
void trunk_tick(struct trunks *t);
void trunk_flow_lost(struct trunks *t, struct stack *st, uint8_t worker, const struct flow *flow); /* as stack_user's */

/* ---- how they do ---- */

bool trunk_is_down(struct trunks *t, struct slice name);
/* The same for people: "registered, answers", "does not answer". */
void trunk_put_state(struct trunks *t, struct slice name, struct buf *b);

/* ---- how busy they are (RFC 7339) ---- */

/* An answer of that trunk's to a request of ours that offered to take reports: how much is it to be spared? */
void trunk_heard(struct trunks *t, struct slice name, const struct msg *m, uint64_t now_ms);
/* Is one more call to be spared it? By chance, for the share that it has reported; never for a call for help: do not ask then. */
bool trunk_is_full(struct trunks *t, struct slice name, uint64_t now_ms);

/* ---- requests from them ---- */

/* The trunk whose address, or whose flow, this request comes by; of the view. NULL: it is none's. Costs nothing while there are
 * no trunks. */
const struct directory_trunk *trunk_of(struct trunks *t, const struct directory_view *view, const struct flow *from);

/* The number that a trunk calls: that in the Request-URI; where it names our own account there, since that is the Contact which
 * we have registered, that of P-Called-Party-ID or To. Into b; ERR_NOTFOUND: none is named. */
enum err trunk_put_called(const struct directory_trunk *t, const struct msg *m, struct buf *b);

/* Who calls, as the trunk says: the number in P-Asserted-Identity where it is trusted, else in From. It may be empty. */
void trunk_put_caller(const struct directory_trunk *t, const struct msg *m, struct buf *b);

/* ---- what they ask of us ---- */

/* Rows that answer its 401 or 407, for that request. tries: how often it has been answered before: a second time only where the
 * nonce was too old. ERR_NOTFOUND: no such trunk, no password, or no challenge that can be answered; ERR_DENIED: what was
 * answered was refused. Scratch is taken from `a`. */
struct trunk_login {
    struct slice      trunk;
    const struct msg *challenge;
    struct slice      method, uri, body;
    unsigned          tries;
};
enum err trunk_answer(struct trunks *t, struct arena *a, const struct trunk_login *l, struct buf *rows);

/* Registrations and questions under way; for tests: 0 at the end, when there are no trunks any more. */
size_t trunk_pending(struct trunks *t);

#endif
