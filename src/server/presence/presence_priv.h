/* presence_priv.h - what the files of server/presence share.
 *
 *   watched[stripe]: (package, number) -> which shards have subscriptions to it       any thread (index.c)
 *   shard[i].by_number: (package, number) -> watch -> sub                             who holds the shard
 *   shard[i].by_dialog: (Call-ID, our tag) -> sub                                     who holds the shard
 *   file: slots, each a subscription as it must be found again                        any thread (mapped.c, kept.c) */
#ifndef SERVER_PRESENCE_PRIV_H
#define SERVER_PRESENCE_PRIV_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"
#include "server/presence/bodies.h"
#include "server/presence/presence.h"
#include "sip/dialog/dialog.h"
#include "sys/slot_file.h"

enum {
    STRIPES = 64,
    SUB_BLOCK_OCTETS = 1024,
    SUB_MAX_OCTETS = 256 * 1024,
    SLOT_OCTETS = 2048,
    MAX_SLOTS = PRESENCE_MAX_SUBSCRIPTIONS + 64, /* a record is written anew into a fresh slot */
    NO_SLOT = 0,                                 /* slots count from 1 */
    BATCH = 32,                /* NOTIFYs in one go: then others have the shard first */
    RETRY_MS = 2000,           /* a connection is gone, or memory was short: tried again, then twice as late each time, */
    RETRY_MAX_MS = 64000,      /* up to this */
    TAKE_MS = 100,             /* what a SUBSCRIBE has set is waited for so long before it is told */
    WAKE_SPREAD_MS = 1000,     /* after a start the NOTIFYs leave within this time */
    SCRATCH_BLOCK_OCTETS = 64 * 1024,
    SCRATCH_OCTETS = 4 * PRESENCE_MAX_BODY_OCTETS
};

/* ---- elements.c: what a subscriber knows ---- */
struct element {
    uint64_t id, hash;
};
struct presence_elements {
    const struct element *was;
    size_t                n_was, gone_at;
    struct element       *now;  /* of PRESENCE_MAX_ELEMENTS */
    size_t                n_now;
    bool                  full, news, overflow;
    bool                  more; /* not all of it fits: the rest goes with the next NOTIFY */
};
/* What presence_element() would say, without taking it as told. */
bool presence_element_due(const struct presence_ask *ask, uint64_t id, struct slice text);

/* ---- kept.c: a subscription as it stands in the file ---- */
enum text_id {
    TEXT_CALL_ID, TEXT_LOCAL_TAG, TEXT_REMOTE_TAG, TEXT_LOCAL, TEXT_REMOTE, TEXT_TARGET, TEXT_ROUTES, TEXT_FLOW,
    TEXT_NUMBER, TEXT_HOST, TEXT_SUBSCRIBER, TEXT_PACKAGE, TEXT_EVENT_ID, TEXT_EVENT_PARAMS, N_TEXTS
};
struct kept {
    struct slice text[N_TEXTS]; /* TEXT_ROUTES: "<uri>" one after the other, next hop first */
    int64_t      made_ms, expires_ms;
    uint32_t     local_cseq, remote_cseq, version;
    bool         eventlist, secure;
};
struct slot {
    _Atomic uint64_t serial; /* 0: free; written last */
    uint32_t         check, used;
    _Atomic int64_t  expires_ms; /* these four change in place: not in the checksum */
    _Atomic uint32_t local_cseq, remote_cseq, version;
    uint32_t         flags;
    int64_t          made_ms;
    uint16_t         n_text[N_TEXTS];
    char             text[SLOT_OCTETS - 48 - 2 * N_TEXTS];
};
_Static_assert(sizeof(struct slot) == SLOT_OCTETS, "the file's format");
enum err kept_write(struct slot *s, const struct kept *k); /* ERR_LIMIT; not valid yet */
void     kept_make_valid(struct slot *s, uint64_t serial);
bool     kept_is_sound(const struct slot *s);
void     kept_read(const struct slot *s, struct kept *out); /* slices point into s */

/* ---- mapped.c ---- */
struct file {
    struct slot_file    slots;
    struct spin     locks[STRIPES];  /* by slot: while it is read or given up */
    _Atomic uint64_t serial, damaged;
};
enum err     mapped_open(struct file *f, struct mem *mem, const char *path);
void         mapped_close(struct file *f);
struct slot *mapped_slot(const struct file *f, uint32_t number);
/* A fresh slot with this in it; *number gets it and the slot it had is given up. On an error all is as it was: ERR_FULL,
 * ERR_LIMIT. */
enum err     mapped_put(struct file *f, const struct kept *k, uint32_t *number);
void         mapped_give(struct file *f, uint32_t number);
/* What moves with each NOTIFY. */
void         mapped_note(struct file *f, uint32_t number, uint32_t local_cseq, uint32_t version);
uint32_t     mapped_count(struct file *f); /* slots that there are, free ones included */
/* A copy of a slot that is in use. ERR_NOTFOUND. */
enum err     mapped_copy(struct file *f, uint32_t number, struct slot *out);

/* ---- a subscription ---- */
struct sub;

/* One number that it hears of: of a list several. */
struct watch {
    struct map_node by_number;
    struct sub     *sub;
    struct slice    number;
    bool            linked;  /* in the shard's by_number */
};

enum sub_state { SUB_ACTIVE, SUB_ENDING, SUB_DONE }; /* ENDING: its last NOTIFY is to go */

struct sub {
    struct map_node                by_dialog;
    struct list_node               node;    /* in its shard's subs, or waiting there to be woken */
    struct list_node               due;     /* in its shard's due */
    struct presence               *p;
    struct shard                  *sh;      /* NULL: not woken yet */
    unsigned                       index;   /* of the shard */
    struct arena                   arena;
    struct dialog                  dialog;
    struct flow                    flow;
    const struct presence_package *package;
    struct slice                   number, host, subscriber, event_id, event_params;
    struct watch                  *watch;
    size_t                         n_watch, watch_octets;
    bool                           linked;       /* in its shard's subs and by_dialog */
    bool                           user_counted;
    bool                           eventlist;
    enum sub_state                 state;
    const char                    *reason;  /* of ENDING */
    int64_t                        made_ms, expires_ms; /* wall clock */
    struct wheel_timer             expiry, later;
    unsigned                       open;    /* transactions that may still call */
    bool                           asking;  /* a NOTIFY has no answer yet */
    bool                           dirty;   /* something may have changed */
    bool                           forced;  /* a NOTIFY is owed, in full */
    bool                           told;    /* `known` is what the subscriber knows; else it must be told all */
    uint64_t                       rate_ms; /* when the next NOTIFY would be in time, were there no burst */
    uint32_t                       retry_ms;
    uint32_t                       version; /* of the next body */
    struct element                *known;
    size_t                         n_known;
    uint32_t                       slot;    /* in the file; NO_SLOT: none */
};

struct presence_shard {
    struct presence   *p;
    struct shard      *sh;         /* NULL: nobody has been here yet */
    struct map         by_dialog, by_number;
    struct list        subs, waiting, due;
    struct wheel_timer drain;
    struct arena       scratch;
    bool               draining;
};

/* ---- index.c ---- */
struct watched {
    struct map_node                node;
    struct presence               *p;
    const struct presence_package *package; /* NULL: subscriptions of this user */
    uint64_t                       posted;  /* bit: that shard will look */
    uint32_t                       n[STACK_SHARDS], total;
    size_t                         n_number;
    char                           number[];
};
struct stripe {
    struct spin lock;
    struct map  map;
};

/* ---- published.c ---- */
enum { PUBLISHED_ETAG_OCTETS = STACK_TOKEN_OCTETS, PUBLISHED_MAX_OF_NUMBER = 8 };
struct published {
    char           etag[PUBLISHED_ETAG_OCTETS];
    int64_t        expires_ms;
    struct pidf    pidf;    /* of presence */
    struct summary summary; /* of message-summary */
};
struct published_key {
    const struct presence_package *package;
    struct slice                   number, etag;
};
struct published_stripe {
    struct spin lock;
    struct map  map;
};
enum err published_add(struct presence *p, const struct published_key *key, const struct published *what); /* ERR_FULL, ERR_NOMEM */
/* What key->etag names becomes `what`, but keeps what it says where only the time moves. ERR_NOTFOUND. */
enum err published_change(struct presence *p, const struct published_key *key, const struct published *what, bool keeps_state);
enum err published_remove(struct presence *p, const struct published_key *key); /* ERR_NOTFOUND */
/* Copies of what stands for that number, into `out` of PUBLISHED_MAX_OF_NUMBER. Returns how many. */
size_t   published_list(struct presence *p, const struct published_key *key, int64_t now_ms, struct published *out);
void     published_sweep(struct presence *p, int64_t now_ms);
/* What the file has, and has not expired. After the packages were added. ERR_NOMEM, and those of slot_file_open(). */
enum err published_open(struct presence *p);
void     published_close(struct presence *p); /* what stands in the file stays */

/* ---- published_file.c ---- */
#define PUBLISHED_NO_SLOT UINT32_MAX
struct published_kept {
    struct published_key key;    /* its number points into the file */
    struct published     what;
    uint64_t             id, serial;
};
enum err published_file_open(struct presence *p, const char *path);
/* Its slot, or PUBLISHED_NO_SLOT: it is in memory only (disk full). `id` names the publication as long as it lives. */
uint32_t published_file_put(struct presence *p, const struct published_key *key, const struct published *what, uint64_t id);
void     published_file_give(struct presence *p, uint32_t slot);
/* While nobody else uses the file yet. False: there is none, or it is damaged. */
bool     published_file_read(struct presence *p, uint32_t slot, struct published_kept *out);

struct presence {
    struct presence_config  config;
    struct mem             *mem;
    struct stack           *stack;
    struct presence_package package[PRESENCE_MAX_PACKAGES];
    size_t                  n_packages;
    struct stripe           stripe[STRIPES];
    struct published_stripe published[STRIPES];
    struct slot_file        publications;
    _Atomic uint64_t        publication_serial, publication_id;
    struct file             file;
    struct presence_shard   shard[STACK_SHARDS];
    atomic_size_t           n_watched[PRESENCE_MAX_PACKAGES]; /* by package: what presence_changed() looks at first */
    atomic_size_t           n_subs, pending;
    atomic_bool             missed;       /* a change found no memory for its message: all look again */
    _Atomic uint64_t        notifies, failed, restored;
    bool                    woken;
};

/* n: how many of the key there may be; 0: any. ERR_NOMEM, ERR_FULL. */
enum err index_add(struct presence *p, const struct presence_package *package, struct slice number, unsigned shard, uint32_t max);
void     index_remove(struct presence *p, const struct presence_package *package, struct slice number, unsigned shard);
void     index_close(struct presence *p);
uint64_t index_hash(const struct presence *p, const struct presence_package *package, struct slice number);
void     index_post_all(struct presence *p); /* every shard looks at all that it has */

/* ---- presence.c ---- */
const struct presence_package *package_find(const struct presence *p, struct slice name);
/* The shard is held: what waits in it since the start is woken. */
struct presence_shard *watchers_enter(struct presence *p, struct shard *sh);
void                   watchers_look(struct presence_shard *ps, struct sub *s); /* it may have something to say: soon */
int64_t                wall_ms(struct shard *sh);

/* ---- sub.c ---- */
/* ERR_FULL: PRESENCE_MAX_SUBSCRIPTIONS; ERR_NOMEM. It is in no list yet. */
enum err    sub_new(struct presence *p, unsigned shard, struct sub **out);
enum err    sub_count_user(struct sub *s); /* ERR_FULL: the subscriber has PRESENCE_MAX_OF_USER; ERR_NOMEM */
/* The numbers that it watches, instead of those before. ERR_NOMEM: those before stay. */
enum err    sub_watch(struct sub *s, const struct slice *numbers, size_t n);
void        sub_link(struct presence_shard *ps, struct sub *s); /* into its shard: found by dialog and numbers */
void        sub_free(struct sub *s);
struct sub *sub_find(struct presence_shard *ps, struct slice call_id, struct slice local_tag, struct slice remote_tag);
enum err    sub_keep(struct sub *s); /* the file has it as it is now; what does not fit is not kept, which is no error */
void        sub_set_expiry(struct sub *s, uint32_t seconds);
void        sub_end(struct sub *s, const char *reason); /* with a last NOTIFY */
void        sub_drop(struct sub *s);                    /* without */
void        sub_log(const struct sub *s, const char *event, struct slice why);

/* ---- publish.c ---- */
bool publish_serves(const struct presence_package *package);
/* A PUBLISH for a package that it serves: answered. */
void publish_request(struct presence *p, struct shard *sh, const struct stack_in *in, const struct presence_asker *who,
                     const struct presence_package *package);

/* ---- restore.c ---- */
enum err restore_all(struct presence *p); /* from the file to the shards' waiting lists */

/* ---- notify.c ---- */
void notify_look(struct sub *s); /* send, if it may and there is something to say; s may be gone afterwards */
void sub_put_contact(struct buf *b, struct transport *tp, const struct flow *flow, struct slice number); /* a row: us */
struct presence_ask ask_of(const struct sub *s, const struct directory_view *view);

/* ---- rlmi.c: resource lists (RFC 4662) ---- */
bool     rlmi_is(const struct presence_asker *who, const struct presence_package *package);
void     rlmi_put_name(struct buf *b, struct slice number); /* of the list that is that user's */
enum err rlmi_watch(struct sub *s, const struct directory_view *view); /* its members as they are now; ERR_NOMEM */
/* Body and Content-Type of a NOTIFY for all members. Errors as those of a package. */
enum err rlmi_put(const struct sub *s, const struct presence_ask *ask, struct buf *body, struct buf *type);

/* ---- packages of this room; each adds itself ---- */
enum err add_dialog_info(struct presence *p);
enum err add_summary(struct presence *p);
enum err add_reginfo(struct presence *p, struct location *l);
enum err add_pidf(struct presence *p);
enum err add_feature(struct presence *p);
/* The number is known, and may be watched by others than its user unless that is set off. */
enum presence_may may_watch(const struct presence_ask *ask);

#endif
