/* core.h - the exchange on a stack: whose request is it - the registrar's, the proxy's, a transfer's, our own?
 *
 * Opens the rooms of the exchange that work per call and hands the stack its one table of callbacks. */
#ifndef SERVER_CORE_CORE_H
#define SERVER_CORE_CORE_H

#include "server/dialogs/dialogs.h"
#include "server/directory/directory.h"
#include "server/journal/journal.h"
#include "server/location/location.h"
#include "server/presence/presence.h"
#include "server/proxy/proxy.h"
#include "server/trunk/trunk.h"
#include "server/quality/quality.h"
#include "server/voice/voice.h"
#include "sip/stack/stack.h"

struct core;

struct core_config {
    struct mem            *mem;
    struct rng            *rng;
    const struct digester *digester;
    struct hash_key        hash;
    struct slice           key;        /* store_key() */
    struct directory      *directory;
    struct location       *location;
    struct dialogs        *dialogs;
    struct journal        *journal;
    enum directory_digest  digest;
    uint64_t               now_ms;     /* wall clock, milliseconds since 1970 */
    bool                   may_relay;
    enum dialog_mode       transfer;   /* of users who have no setting of their own; NONE: accept */
    struct sound          *sound;      /* the ends that its own extensions play with */
    const struct quality  *quality;    /* takes reports of how calls have sounded; outlives the core */
    uint32_t               recall_s;   /* of parked calls; 0: never */
    const struct voice_numbers *numbers; /* of those extensions; copied */
    uint32_t               session_s, session_min_s; /* as proxy_config's */
    uint32_t               register_min_s, register_max_s; /* 0: the registrar's */
    const char            *subscriptions, *published; /* paths of their mapped files; NULL: memory only */
    struct log            *log;        /* for the rooms that it opens; NULL: nothing is told */
};
enum err core_open(const struct core_config *config, struct core **out);
void     core_close(struct core *c); /* after stack_close; takes NULL */

/* For stack_config.user and .ctx. */
extern const struct stack_user core_stack_user;
/* Tell the core its stack, right after stack_open. ERR_NOMEM. */
enum err core_attach(struct core *c, struct stack *st);

/* Work that has no message: sweeping expired bindings and dialogs. Call it about once a second, from one thread.
 * now_ms: milliseconds since 1970. */
void core_tick(struct core *c, int64_t now_ms);

/* In which shard is that call to be worked on? By its Call-ID and a key that each start draws anew, so no record can say. On any
 * thread. ERR_NOTFOUND, ERR_NOMEM. */
enum err core_shard_of(struct core *c, struct dialog_id id, unsigned *shard);

/* End a dialog for an administrator: BYE to both sides (PROTOCOL §4: CSeq one above what each has seen). Runs in the
 * call's shard. ERR_NOTFOUND. */
enum err core_hang_up(struct core *c, struct shard *sh, struct dialog_id id, struct slice why);

struct proxy    *core_proxy(struct core *c);
struct presence *core_presence(struct core *c);
struct voice    *core_voice(struct core *c);
struct trunks   *core_trunks(struct core *c);
/* Requests in progress in all rooms; for tests: 0 at the end. */
size_t core_pending(const struct core *c);

#endif
