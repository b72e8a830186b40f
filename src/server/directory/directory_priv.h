/* directory_priv.h - the insides of server/directory, for its own files only.
 *
 * A user is an immutable cell, shared by all views from the one that brought it to the last one before it was replaced.
 * A view is a table of pointers to cells. Views are freed oldest first, and each takes along what its successor no longer
 * had (`garbage`): so a cell goes exactly when no view can show it. */
#ifndef SERVER_DIRECTORY_PRIV_H
#define SERVER_DIRECTORY_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "server/directory/directory.h"
#include "sys/spin.h"

#define DIRECTORY_VIEWS 64          /* alive at once: the newest and those that somebody still reads */
#define DIRECTORY_VIEW_SHIFT 48     /* of struct directory.current: index above, count of takes below */
#define DIRECTORY_MAX_SECRETS 1024  /* octets of a user's secrets text */

struct user_cell {
    struct directory_user u; /* first: a cell is what readers get */
    struct slice          secrets; /* "realm TAB md5 TAB sha256 LF", for whatever realm its password was set in */
    uint64_t              hash, auth_hash;
    struct user_cell     *next_garbage;
    size_t                octets; /* of all of it */
    char                  text[];
};

/* Configured names; replaced as a whole. */
struct name_list {
    struct name_list *next_garbage;
    struct mem       *mem;
    struct arena      arena;
    struct slice     *domains, *own;
    size_t            n_domains, n_own;
};

/* All trunks; replaced as a whole. */
struct trunk_list {
    struct mem             *mem;
    struct arena            arena;
    struct directory_trunk *trunks; /* by name; room for DIRECTORY_MAX_TRUNKS */
    size_t                  n;
};

struct cell_table {
    struct user_cell **slots; /* open addressing, linear; NULL: free */
    size_t             mask, n;
};

struct directory_view {
    struct directory       *d;
    struct directory_view  *newer; /* when it has been replaced */
    unsigned                index;
    uint64_t                taken; /* when it was replaced: how often it had been taken */
    _Atomic uint64_t        given;
    struct cell_table       by_number, by_auth; /* by_auth: those whose auth name is not their number */
    struct name_list       *names;
    struct user_cell       *garbage;
    struct name_list       *garbage_names;
    struct trunk_list      *trunks, *garbage_trunks;
    size_t                  n_groups, without_secret;
};

struct learned_host {
    uint8_t n;
    char    text[DIRECTORY_MAX_HOST];
};

struct directory {
    struct directory_conf  conf;
    struct plan_codes      codes;
    directory_changed     *changed;
    void                  *changed_ctx;
    struct slice           realm;
    char                   realm_text[DIRECTORY_MAX_REALM];
    struct hash_key        key;
    struct user_cell      *decoy;
    _Atomic uint64_t       current; /* view's index << DIRECTORY_VIEW_SHIFT | times taken */
    struct directory_view *views[DIRECTORY_VIEWS];
    _Atomic uint64_t       trunk_versions;
    struct directory_view *newest, *oldest; /* of writers, under `acting` */
    pthread_mutex_t        acting;
    pthread_mutex_t        later_lock;
    pthread_cond_t         later_wake;
    struct list            later; /* of struct later (later.c) */
    size_t                 n_later;
    bool                   later_stop, has_later_thread;
    pthread_t              later_tid;
    struct spin            learning;
    _Atomic uint32_t       n_learned;
    struct learned_host    learned[DIRECTORY_MAX_LEARNED];
};

/* What a user will be, before it is one. */
struct user_draft {
    struct slice  number, name, auth_name, secrets, settings;
    int64_t       made_ms;
    char          secrets_text[DIRECTORY_MAX_SECRETS];
    char          settings_text[2][DIRECTORY_MAX_SETTINGS]; /* turn about: each change copies */
    unsigned      turn;
    struct slice  password; /* plain; only while it is being set */
    struct slice  given_md5, given_sha256, given_realm; /* of an import */
};

/* view.c */
struct view_change {
    struct user_cell  *put; /* linked by next_garbage; replaces one of the same number */
    size_t             n_put;
    const struct slice *removed;
    struct name_list  *names; /* NULL: as before */
    struct trunk_list *trunks; /* likewise */
};
enum err view_make(struct directory *d, const struct view_change *c, struct directory_view **out);
void view_publish(struct directory_view *v);
void view_free(struct directory_view *v); /* one that was not published */
void views_close(struct directory *d);
struct user_cell *view_find(const struct directory_view *v, struct slice number);
struct user_cell *view_find_auth(const struct directory_view *v, struct slice auth_name);
/* Another user of the view who goes by the same auth name; NULL when there is none. */
struct user_cell *view_auth_clash(const struct directory_view *v, const struct user_cell *c);

/* user.c */
struct user_cell *cell_make(struct directory *d, const struct user_draft *draft); /* NULL: no memory */
void cell_free(struct directory *d, struct user_cell *c);
void draft_of(const struct user_cell *c, struct user_draft *out);
enum err draft_set(struct user_draft *u, struct slice key, struct slice value, struct directory_fault *fault);
/* Password or HA1s to secrets; what does not go together is refused. `was` is NULL for a new user. */
enum err draft_settle(struct directory *d, struct user_draft *u, const struct user_cell *was, struct directory_fault *fault);
/* Settings that were stored under a name of earlier times get their name of now. ERR_LIMIT. */
enum err draft_renew(struct user_draft *u);
/* The next of "key=value" lines; false at the end. */
enum err setting_put(struct buf *b, struct slice settings, struct slice key, struct slice value); /* all, with that one set */
bool setting_next(struct slice *rest, struct slice *key, struct slice *value);
/* May this draft be a group, or a user, as it is or was? `was` is NULL for a new one. */
enum err draft_check_group(const struct user_draft *u, const struct user_cell *was, struct directory_fault *fault);
bool draft_is_group(const struct user_draft *u);
enum err check_number(struct slice number, struct directory_fault *fault);

/* trunk.c */
enum err trunks_load(struct directory *d, struct trunk_list **out, struct directory_fault *fault);
void trunks_free(struct trunk_list *l); /* takes NULL */

/* trunk_keys.c */
enum err trunks_key_check(struct slice key, struct slice value, struct directory_fault *fault);
/* The fields of a trunk out of its settings, which must live as long. False: the server is missing or, in stored data, no URI. */
bool trunks_read(struct directory_trunk *t);

/* seal.c: a secret that must be known again, in the store */
#define SEAL_MAX_OCTETS (2 * (16 + DIRECTORY_MAX_PASSWORD + 16)) /* hexadecimal */
void seal_put(struct directory *d, struct slice plain, struct buf *b);
/* ERR_SYNTAX: that is none of this store's. */
enum err seal_open(const struct directory *d, struct slice sealed, struct buf *b);

/* keys.c */
bool key_one_of(struct slice value, struct slice choices); /* "a|b" */
enum err key_check(struct slice key, struct slice value, struct directory_fault *fault);
struct slice key_current(struct slice key); /* its name of now, when it is one of earlier times */
enum err check_text(struct slice s, size_t max, const char *what, struct directory_fault *fault); /* no control characters */
struct slice key_name(size_t i); /* of the i-th setting; SLICE_NONE behind the last */

/* later.c */
enum err later_open(struct directory *d); /* ERR_IO: no thread */
void later_close(struct directory *d);

/* hosts.c */
enum err names_make(struct directory *d, const struct directory_conf *conf, struct name_list **out);
void names_free(struct name_list *n);
enum err hosts_load(struct directory *d);

/* csv.c */
/* The next field of *rest, which is not empty: with its quotes undone in `scratch`, which is begun anew.
 * *last: it ended its row. ERR_SYNTAX (quotes), ERR_LIMIT (longer than scratch). */
enum err csv_field(struct slice *rest, struct buf *scratch, bool *last);
void csv_put_field(struct buf *b, struct slice field);

/* directory.c */
/* Commit the write, then show the view and tell the watcher; on failure the view is gone and nothing has changed. d->acting
 * is held. */
struct carried {
    struct store_write    *write;
    struct directory_view *view;
    struct slice           number; /* of the user concerned; empty: several */
    bool                   quiet;  /* no user is: the watcher is not told */
};
enum err carry_out(struct directory *d, const struct carried *c, struct directory_fault *fault);
enum err no_view(enum err e, struct directory_fault *fault); /* says why there is none; returns e */

#define FAULT(fault, ...) snprintf((fault)->text, sizeof(fault)->text, __VA_ARGS__)

#endif
