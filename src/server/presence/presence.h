/* presence.h - SUBSCRIBE, NOTIFY, PUBLISH: the exchange as a notifier (RFC 6665), and the packages that it serves.
 *
 * A subscription lives in the shard of its Call-ID and keeps its dialog, its flow and what the subscriber was told last. It
 * stands in a file that is mapped shared ("subscriptions.map"), so it survives kill -9 without a system call: after a start
 * each subscriber gets a full NOTIFY, with a CSeq and a version above those it has seen.
 *
 * A *package* (struct presence_package) writes bodies. It is asked in the subscriber's shard, whatever shard the thing it
 * tells of lives in; so it reads what any thread may read (dialogs, location, directory, a snapshot of its own under its
 * own lock), and never holds another shard. Whoever changes something that a package tells of calls presence_changed(), from
 * any thread: one atomic read where nobody watches anything of that package; else a message to each shard that has watchers
 * of that number. There the body is made anew, and sent when it says something new. So a NOTIFY may tell several changes at
 * once, and never tells a stale state.
 *
 * NOTIFYs of one subscription go one after the other, at most PRESENCE_BURST at once and then one in PRESENCE_GAP_MS. One
 * that is refused or not answered ends the subscription without another word (RFC 6665 §4.2.2); a connection that has gone
 * is waited for until the subscription expires. */
#ifndef SERVER_PRESENCE_PRESENCE_H
#define SERVER_PRESENCE_PRESENCE_H

#include "base/hash.h"
#include "base/rng.h"
#include "server/dialogs/dialogs.h"
#include "server/directory/directory.h"
#include "server/location/location.h"
#include "server/proxy/proxy.h"
#include "sip/stack/stack.h"
#include "sys/log.h"

enum {
    PRESENCE_MAX_SUBSCRIPTIONS = 65536, /* in all; more: 503                                            */
    PRESENCE_MAX_OF_USER = 1024,        /* of one subscriber, all phones together; more: 403            */
    PRESENCE_MAX_PACKAGES = 16,
    PRESENCE_MIN_S = 30,                /* less (but not 0) is asked for: 423 (RFC 6665 §4.2.1.1)       */
    PRESENCE_MAX_S = 3600,              /* more is asked for: so much is granted                        */
    PRESENCE_BURST = 8,
    PRESENCE_GAP_MS = 250,
    PRESENCE_MAX_BODY_OCTETS = 192 * 1024, /* of a NOTIFY; more: it is not sent, and the log says so    */
    PRESENCE_MAX_ELEMENTS = 512,        /* parts of a state that are told apart; more: always in full   */
    PRESENCE_MAX_NUMBER = 128           /* octets of a number that is watched                           */
};

struct presence;

struct presence_config {
    struct mem       *mem;       /* safe for all threads */
    struct rng       *rng;       /* safe for all threads */
    struct hash_key   hash;
    struct proxy     *proxy;     /* its directory, location and dialogs are used */
    const char       *path;      /* of the mapped file; NULL: memory only */
    const char       *published; /* of the one of what is published, likewise */
    int64_t           now_ms;    /* wall clock, milliseconds since 1970 */
    struct log       *log;       /* NULL: nothing is told */
    /* Is that a number behind which the exchange itself is the other end? Then its calls may be watched. NULL: none is. */
    bool (*is_own)(void *ctx, struct slice number);
    void             *ctx;
};
/* Maps the files, making them if missing. ERR_NOMEM, ERR_IO, ERR_DENIED. */
enum err presence_open(const struct presence_config *config, struct presence **out);
void     presence_close(struct presence *p); /* after stack_close; takes NULL */
/* Right after stack_open: what was found in the file goes to its shards. ERR_NOMEM. */
enum err presence_attach(struct presence *p, struct stack *st);
void     presence_shard_close(struct presence *p, struct shard *sh);
/* About once a second, from one thread: a start's subscriptions are woken, published states expire. */
void     presence_tick(struct presence *p, int64_t now_ms);

/* ---- requests, from server/core ---- */

struct presence_asker {
    const struct directory_view *view;
    struct slice                 number; /* the authenticated account's; in an open house what From says */
    struct slice                 target; /* user part of the Request-URI, unescaped; empty: not ours     */
};
/* A SUBSCRIBE or PUBLISH outside any dialog, its sender known. True: it has been answered. False: no package of ours is
 * meant and the number is somebody else's: pass it on to that phone. */
bool presence_request(struct presence *p, struct shard *sh, const struct stack_in *in, const struct presence_asker *who);

/* Is this request within the dialog of a subscription here? *on_flow: it came by the flow that the subscriber is known to
 * use, so it needs no credentials (PROTOCOL 2.2). */
bool presence_has(struct presence *p, struct shard *sh, const struct msg *m, const struct flow *from, bool *on_flow);
/* A SUBSCRIBE within it: refreshed or ended. `number`: the account, where it was asked; else empty. Always answered. */
void presence_refresh(struct presence *p, struct shard *sh, const struct stack_in *in, struct slice number);

/* ---- changes ---- */

/* Does anybody watch anything? One atomic read. Where not, there is nobody to be told of a change. Any thread. */
bool presence_has_watchers(const struct presence *p);

/* What the package of that name tells of that number may have changed. Any thread; never waits. */
void presence_changed(struct presence *p, struct slice package, struct slice number);

/* A user has come, changed or gone; number empty: several. All that is told of it, and the lists that it may be in. */
void presence_user_changed(struct presence *p, struct slice number);

/* ---- packages ---- */

/* A body is wanted. Slices live for the call. */
struct presence_ask {
    struct slice                 number;     /* the resource                                                  */
    struct slice                 host;       /* by which the subscriber calls us: "example.com", port included */
    struct slice                 subscriber; /* its number                                                    */
    struct slice                 event_params; /* of the Event header field of the SUBSCRIBE                    */
    const struct directory_view *view;
    struct arena                *scratch;
    int64_t                      now_ms;     /* wall clock                                                    */
    uint32_t                     version;    /* 0, and one more with each body                                */
    bool                         full;       /* all there is; else only what has changed will do              */
    struct buf                  *type;       /* Content-Type, the package's; another may be put in its place  */
    struct presence_elements    *elements;   /* the room's own: what this subscriber knows                    */
};

enum presence_may {
    PRESENCE_YES,
    PRESENCE_FORBIDDEN, /* 403; one that is there already ends (rejected) */
    PRESENCE_NOBODY,    /* 404; ends (noresource)                         */
    PRESENCE_NOT_OURS   /* this package tells nothing of that number: as if there were no such package */
};

struct presence_package {
    struct slice name;         /* Event: "dialog"                            */
    struct slice content_type; /* "application/dialog-info+xml"              */
    uint32_t     default_s;    /* when the SUBSCRIBE says none               */
    /* May this subscriber watch it? Asked at each SUBSCRIBE and before each NOTIFY. */
    enum presence_may (*may)(void *ctx, const struct presence_ask *ask);
    /* Write the body. When it is not `full` and every presence_element() was answered false, nothing has changed: what was
     * written is not sent. ERR_NOMEM (asked again later), ERR_LIMIT. */
    enum err (*put)(void *ctx, const struct presence_ask *ask, struct buf *body);
    /* A SUBSCRIBE brings a body, or none: what it asks for is set going. ERR_OK; ERR_AGAIN: it is, and the NOTIFY waits a
     * moment for it; ERR_UNSUPPORTED: another type of body (415); ERR_SYNTAX, ERR_INVALID (400), ERR_LIMIT (413), else 503.
     * NULL: bodies are not looked at. */
    enum err (*take)(void *ctx, const struct presence_ask *ask, const struct msg *m);
    void *ctx;
};
/* Before presence_attach(). Copied; its slices must outlive p. ERR_FULL, ERR_EXISTS. */
enum err presence_add_package(struct presence *p, const struct presence_package *package);

/* One part of the state, known by `id`, which says `text`: must it be in this body? In a full one always; else when this
 * subscriber has not been told this text of it. */
bool presence_element(const struct presence_ask *ask, uint64_t id, struct slice text);
/* After all of them, in a body that is not full: the next part that the subscriber was told of and that is no more. */
bool presence_gone(const struct presence_ask *ask, uint64_t *id);

/* XML text, and attributes in double quotes: escaped, what XML 1.0 cannot hold left out, bad UTF-8 replaced. */
void presence_put_xml(struct buf *b, struct slice text);
/* "sip:1002@example.com", escaped for XML too. */
void presence_put_uri(struct buf *b, struct slice number, struct slice host);

/* ---- for people and tests ---- */

struct presence_subscription {
    struct slice package, number, subscriber, call_id, target;
    int64_t      made_ms, expires_ms;
    uint32_t     version;
};
/* Those that are in the file, in no order; `each` returns false to stop, and is called without locks. Any thread. ERR_NOMEM. */
enum err presence_each(struct presence *p, bool (*each)(void *arg, const struct presence_subscription *s), void *arg);

struct presence_counters {
    uint64_t subscriptions;        /* now */
    uint64_t notifies, failed, restored, damaged; /* since start */
};
void presence_counters(struct presence *p, struct presence_counters *out);
/* NOTIFYs without an answer yet; for tests: 0 at the end. */
size_t presence_pending(const struct presence *p);

#endif
