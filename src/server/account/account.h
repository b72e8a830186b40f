/* account.h - whose request is this: challenges, credentials, nonce windows, and who may speak for which number
 * (RFC 3261 §22, RFC 7616, RFC 8760; PROTOCOL §1).
 *
 * One `struct account` serves all workers: the windows of nonces that are in use are in one bounded, striped table, since
 * the requests of one phone reach different workers and overtake each other (PROTOCOL 1.3). */
#ifndef SERVER_ACCOUNT_ACCOUNT_H
#define SERVER_ACCOUNT_ACCOUNT_H

#include "base/digester.h"
#include "base/hash.h"
#include "base/rng.h"
#include "server/directory/directory.h"
#include "sip/stack/stack.h"
#include "sys/log.h"

enum {
    ACCOUNT_NONCE_MS = 30 * 60 * 1000, /* how long a nonce may be used; then stale=true */
    ACCOUNT_MAX_NONCES = 65536         /* windows kept; above it the oldest of a stripe goes (its user: stale=true) */
};

struct account;

struct account_config {
    struct mem            *mem;
    struct rng            *rng;
    const struct digester *digester;
    struct slice           key;      /* the exchange's stored key; not kept */
    uint64_t               now_ms;   /* wall clock: nonces made before it are stale, their windows are not known */
    enum directory_digest  digest;   /* of the exchange; a user's own setting goes before it */
    struct log            *log;      /* wrong passwords, foreign numbers; NULL: none are told */
};
enum err account_open(const struct account_config *config, struct account **out);
void     account_close(struct account *a); /* takes NULL */

enum account_answer {
    ACCOUNT_401, /* what the exchange answers itself: REGISTER, SUBSCRIBE, PUBLISH */
    ACCOUNT_407  /* what it passes on */
};

struct account_question {
    const struct stack_in        *in;
    const struct directory_view  *view;
    enum account_answer           answer;
    struct slice                  number; /* whom the sender must own: user part of From (To for REGISTER), unescaped;
                                             empty: any account will do (anonymous From, PROTOCOL 1.5) */
    uint64_t                      now_ms; /* wall clock, milliseconds since 1970 */
};

/* Who sent it?
 * ERR_OK      *user is that account, an object of the view (NULL in an open house where no such user is stored). `user`
 *             may be NULL: who it is is not wanted, but that it may.
 * ERR_DENIED  it has been answered: 401 or 407 with a fresh challenge (stale=true when only the nonce was at fault), 403
 *             when the account does not own the number. Nothing is left to do. Credentials that cannot be read are none.
 * ACK and CANCEL must not be asked about (PROTOCOL 1.4). An unknown user takes as long as a wrong password and gets the
 * same answer. `why` (may be NULL) gets a short reason for the record, such as "wrong password". */
enum err account_check(struct account *a, struct shard *sh, const struct account_question *q,
                       const struct directory_user **user, struct slice *why);

#endif
