/* store_priv.h - the insides of server/store, for its own files only.
 *
 * Who may touch what: the queue and counters under `lock`; `db` and its statements by whoever commits (the storage
 * thread, or under `committing` where there is none); `reader` under `reading`. */
#ifndef SERVER_STORE_PRIV_H
#define SERVER_STORE_PRIV_H

#include <pthread.h>
#include <sqlite3.h>

#include "base/arena.h"
#include "base/list.h"
#include "server/store/store.h"
#include "sys/spin.h"

#define STORE_PATH_OCTETS 4096
#define STORE_SPARE 64  /* writes whose memory is kept: as many as wait in a pause at 3 000 promises/s */
#define STORE_GROUP 256 /* so many waiting writes are committed without waiting for more: a promise after them waits less */

enum store_kind {
    STORE_USER_PUT,
    STORE_USER_DELETE,
    STORE_SETTING_PUT,
    STORE_SETTING_DELETE,
    STORE_BINDING_PUT,
    STORE_BINDING_DELETE,
    STORE_CDR_PUT,
    STORE_QUALITY_PUT,
    STORE_AUDIT_PUT,
    STORE_KIND_N
};

/* One row to be put or deleted. Lives in its write's arena. */
struct store_row {
    struct store_row *next;
    enum store_kind   kind;
    union {
        struct store_user    user;
        struct store_cdr     cdr;
        struct store_quality quality;
        struct store_audit   audit;
        struct {
            uint32_t     slot;
            struct slice value; /* of a put */
        } binding;
        struct {
            struct slice key, value;
        } setting;
    } u;
};

struct store_write {
    struct list_node  node; /* in store.queue */
    struct store     *store;
    struct arena      arena;
    enum store_when   when;
    enum err          e;      /* of the puts; then of the commit */
    bool              here;   /* done is called where the commit is, not through deliver */
    struct store_row *first, **last;
    void (*fill)(void *arg, struct store_write *w); /* NULL: it has its rows; else it never has more than one at a time */
    int               sql;    /* what SQLite said to the first of those that failed */
    void (*done)(void *arg, enum err e);
    void *arg;
};

struct store_spare;

struct store {
    struct store_conf conf;
    char              dir[STORE_PATH_OCTETS];
    int               lock_fd;
    unsigned char     key[STORE_KEY_OCTETS];
    bool              was_closed;
    bool              marks_closing; /* this opening has cleared the mark, so this closing sets it */

    sqlite3      *db;
    sqlite3_stmt *begin, *end; /* a transaction */
    sqlite3_stmt *put[STORE_KIND_N];
    bool          synced; /* PRAGMA synchronous as it is set now */
    uint64_t      n_applied; /* rows, since the transaction began */

    sqlite3        *reader;
    pthread_mutex_t reading;

    pthread_mutex_t       committing;
    pthread_mutex_t       lock;
    pthread_cond_t        wake;     /* something for the storage thread */
    pthread_cond_t        finished; /* `n_finished` has risen */
    struct list           queue;
    size_t                n_queue;
    size_t                n_promises; /* of the queue */
    int64_t               rest_ms;    /* the thread's: no promise is committed before, so that others can join */
    int64_t               due_ms;     /* monotonic, or the pump's time: the queue is committed then at the latest */
    int64_t               looks_ms;   /* the thread's: when it looks at the queue by itself; 0: before it waits again */
    uint64_t              n_submitted, n_finished;
    uint64_t              flush_to;   /* commit at once up to this submission */
    struct spin           spare_lock;
    struct store_spare   *spare;
    unsigned              n_spare;
    bool                  stop, has_thread;
    pthread_t             thread;
    struct store_counters counters;
    struct store_fault    fault;
    bool                  has_fault;
};

/* folder.c */
enum err store_folder_open(struct store *s, struct store_fault *fault);
void store_folder_close(struct store *s);

/* db.c */
enum err store_db_open(struct store *s, struct store_fault *fault);
void store_db_close(struct store *s);
/* Commit these writes as one group, or each alone when the group fails; sets each one's `e`. */
void store_db_commit(struct store *s, struct list *writes);
enum err store_db_err(int code);
/* Keep what SQLite says now as the last fault. */
void store_keep_fault(struct store *s, sqlite3 *db, const char *doing);
void store_sql_fault(const struct store *s, sqlite3 *db, int code, const char *doing, struct store_fault *out);

/* write.c */
void store_spare_close(struct store *s);
/* Have a write that is to be filled put its rows, inside a transaction. What SQLite says, or STORE_UNFILLED: w->e says why. */
#define STORE_UNFILLED SQLITE_ABORT
int store_fill(struct store_write *w);

/* binding.c */
size_t store_binding_octets(const struct store_binding *b); /* of its value; 0: a text is longer than that can say */
void store_binding_pack(const struct store_binding *b, char *to); /* room for so many */
/* All but the slot; texts lie in the value. False: that is none. */
bool store_binding_unpack(struct slice value, struct store_binding *b);
/* What a migration needs: binding_of_columns(aor, contact, ...). */
int store_binding_functions(sqlite3 *db);

/* row.c */
enum err store_statements_prepare(struct store *s);
int store_row_apply(struct store *s, const struct store_row *r);

#endif
