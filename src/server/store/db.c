/* db.c - the database file: opened, its schema brought up to date, groups of writes committed.
 *
 * Room      server/store. `db` is used by whoever commits, one at a time; `reader` is read.c's.
 * Promise   WAL with synchronous=FULL: COMMIT returns after the log is synced. A group with nothing but writes behind commits with
 *           synchronous=NORMAL, which syncs nothing (SQLite "PRAGMA synchronous").
 * Touches   s->db, s->begin, s->end, s->put, s->synced, s->was_closed, s->fault. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "server/store/store_priv.h"

#define APPLICATION_ID 0x5354524f /* "STRO": whose file it is */
#define BUSY_MS 2000              /* so long for somebody who looks into the file by hand */

/* Step i brings a file of schema i to schema i + 1. Never change one that has been released: add another. */
static const char *const steps[STORE_SCHEMA] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE users(number TEXT PRIMARY KEY, name TEXT NOT NULL, auth_name TEXT NOT NULL, secrets TEXT NOT NULL,"
    " settings TEXT NOT NULL, made_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE bindings(slot INTEGER PRIMARY KEY, aor TEXT NOT NULL, contact TEXT NOT NULL, call_id TEXT NOT NULL,"
    " path TEXT NOT NULL, instance TEXT NOT NULL, agent TEXT NOT NULL, received TEXT NOT NULL, flow BLOB NOT NULL,"
    " aor_uri TEXT NOT NULL, registered_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, interval_ms INTEGER NOT NULL,"
    " temp_gruu_ms INTEGER NOT NULL, cseq INTEGER NOT NULL, reg_id INTEGER NOT NULL, q INTEGER NOT NULL,"
    " stream INTEGER NOT NULL);"
    "CREATE TABLE cdrs(id INTEGER PRIMARY KEY, call_id TEXT NOT NULL, from_tag TEXT NOT NULL, caller TEXT NOT NULL,"
    " callee TEXT NOT NULL, caller_name TEXT NOT NULL, ended_by TEXT NOT NULL, why TEXT NOT NULL, mode TEXT NOT NULL,"
    " cseq INTEGER NOT NULL, code INTEGER NOT NULL, started_ms INTEGER NOT NULL, answered_ms INTEGER NOT NULL,"
    " ended_ms INTEGER NOT NULL);"
    "CREATE TABLE audit(id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL);"
    "INSERT INTO meta(key,value) VALUES('closed','1');",
    "CREATE TABLE qualities(call_id TEXT, side INTEGER, hearsay INTEGER NOT NULL, at_ms INTEGER NOT NULL, codec TEXT NOT NULL,"
    " loss INTEGER NOT NULL, discard INTEGER NOT NULL, jitter_ms INTEGER NOT NULL, round_trip_ms INTEGER NOT NULL,"
    " mos_lq INTEGER NOT NULL, mos_cq INTEGER NOT NULL, PRIMARY KEY(call_id,side)) WITHOUT ROWID;",
    "ALTER TABLE bindings RENAME TO columns;"
    "CREATE TABLE bindings(slot INTEGER PRIMARY KEY, value BLOB NOT NULL);"
    "INSERT INTO bindings(slot,value) SELECT slot,binding_of_columns(aor,contact,call_id,path,instance,agent,received,flow,aor_uri,"
    "registered_ms,expires_ms,interval_ms,temp_gruu_ms,cseq,reg_id,q,stream) FROM columns ORDER BY slot;"
    "DROP TABLE columns;",
};

enum err store_db_err(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return ERR_OK;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
        return ERR_DENIED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_INVALID;
    default:
        return ERR_IO;
    }
}

void store_sql_fault(const struct store *s, sqlite3 *db, int code, const char *doing, struct store_fault *out)
{
    char       *t = out->text;
    size_t      n = sizeof out->text;
    const char *dir = s->dir;

    switch (code & 0xff) {
    case SQLITE_FULL:
        snprintf(t, n, "%s: the disk that holds %.200s is full", doing, dir);
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        snprintf(t, n, "%s: %.200s/strowger.db is damaged or no database; restore it from a copy, or move it away", doing, dir);
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        snprintf(t, n, "%s: another program holds a lock on %.200s/strowger.db", doing, dir);
        break;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        snprintf(t, n, "%s: %.200s/strowger.db cannot be opened for writing", doing, dir);
        break;
    default:
        snprintf(t, n, "%s: %.200s/strowger.db: %.100s", doing, dir, db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
        break;
    }
}

void store_keep_fault(struct store *s, sqlite3 *db, const char *doing)
{
    struct store_fault f;

    store_sql_fault(s, db, sqlite3_errcode(db), doing, &f);
    pthread_mutex_lock(&s->lock);
    s->fault = f;
    s->has_fault = true;
    pthread_mutex_unlock(&s->lock);
}

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* A prepared one without parameters or rows. */
static int run_prepared(sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);

    sqlite3_reset(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The first column of the first row as a number; 0 when there is none. */
static int query_number(sqlite3 *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *st = NULL;
    int           rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

    *out = 0;
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(st);
        if (rc == SQLITE_ROW)
            *out = sqlite3_column_int64(st, 0);
        if (rc == SQLITE_ROW || rc == SQLITE_DONE)
            rc = SQLITE_OK;
    }
    sqlite3_finalize(st);
    return rc;
}

static int migrate(struct store *s, int64_t from)
{
    char set[80];
    int  rc = store_binding_functions(s->db);

    if (rc == SQLITE_OK)
        rc = run(s->db, "BEGIN IMMEDIATE");
    for (int64_t v = from; rc == SQLITE_OK && v < STORE_SCHEMA; v++)
        rc = run(s->db, steps[v]);
    snprintf(set, sizeof set, "PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION_ID, STORE_SCHEMA);
    if (rc == SQLITE_OK)
        rc = run(s->db, set);
    if (rc == SQLITE_OK)
        rc = run(s->db, "COMMIT");
    return rc;
}

/* Whose file is it, and how old? A new one has neither an id nor tables. */
static int check_schema(struct store *s, struct store_fault *fault, enum err *e)
{
    int64_t id, version, tables;
    int     rc;

    if ((rc = query_number(s->db, "PRAGMA application_id", &id)) || (rc = query_number(s->db, "PRAGMA user_version", &version)) ||
        (rc = query_number(s->db, "SELECT count(*) FROM sqlite_master", &tables)))
        return rc;
    if (tables > 0 && id != APPLICATION_ID) {
        snprintf(fault->text, sizeof fault->text, "%.200s/strowger.db is a database of another program", s->dir);
        *e = ERR_INVALID;
    } else if (version > STORE_SCHEMA) {
        snprintf(fault->text, sizeof fault->text,
                 "%.200s was written by a newer strowger (schema %lld, this one knows %d); use that one", s->dir,
                 (long long)version, STORE_SCHEMA);
        *e = ERR_UNSUPPORTED;
    } else if (version < STORE_SCHEMA) {
        return migrate(s, version);
    }
    return SQLITE_OK;
}

/* The command line (STORE_DIRECT) leaves the mark alone: it writes nothing behind, and must not hide a crash of the exchange. */
static int read_mark(struct store *s)
{
    int64_t closed;
    int     rc = query_number(s->db, "SELECT value FROM meta WHERE key='closed'", &closed);

    s->was_closed = closed == 1;
    if (rc != SQLITE_OK || s->conf.mode == STORE_DIRECT)
        return rc;
    rc = run(s->db, "UPDATE meta SET value='0' WHERE key='closed'");
    s->marks_closing = rc == SQLITE_OK;
    return rc;
}

static int open_file(struct store *s, sqlite3 **db, int flags)
{
    char path[STORE_PATH_OCTETS];
    int  fd, rc;

    if (store_path(s, S("strowger.db"), path, sizeof path))
        return SQLITE_CANTOPEN;
    if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) >= 0)
        close(fd); /* SQLite would make it readable for others; its log files take its mode */
    if ((rc = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | flags, s->conf.vfs)))
        return rc;
    sqlite3_extended_result_codes(*db, 1);
    sqlite3_busy_timeout(*db, BUSY_MS);
    return SQLITE_OK;
}

/* The one who commits. FULL from the start: the mark and a migration are promises too. */
static int open_writer(struct store *s, struct store_fault *fault, enum err *e)
{
    int rc;

    if ((rc = open_file(s, &s->db, SQLITE_OPEN_NOMUTEX)) ||
        (rc = run(s->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;"
                         "PRAGMA journal_size_limit=67108864")) ||
        (rc = check_schema(s, fault, e)) || *e)
        return rc;
    s->synced = true;
    return read_mark(s);
}

static int open_reader(struct store *s)
{
    int rc = open_file(s, &s->reader, SQLITE_OPEN_NOMUTEX); /* who reads holds s->reading */

    return rc ? rc : run(s->reader, "PRAGMA query_only=1; PRAGMA cache_size=-512; PRAGMA temp_store=MEMORY");
}

enum err store_db_open(struct store *s, struct store_fault *fault)
{
    enum err e = ERR_OK;
    int      rc;

    /* Nobody asks how much memory SQLite has, and counting takes a lock each time. It stays so: later ones change nothing. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    rc = open_writer(s, fault, &e);
    if (rc == SQLITE_OK && !e)
        e = store_statements_prepare(s);
    if (rc == SQLITE_OK && !e)
        rc = open_reader(s);
    if (rc != SQLITE_OK) {
        store_sql_fault(s, s->reader ? s->reader : s->db, rc, "cannot open the store", fault);
        return store_db_err(rc);
    }
    if (e && fault->text[0] == '\0')
        store_sql_fault(s, s->db, sqlite3_errcode(s->db), "cannot open the store", fault);
    return e;
}

void store_db_close(struct store *s)
{
    if (s->marks_closing)
        run(s->db, "PRAGMA synchronous=FULL; UPDATE meta SET value='1' WHERE key='closed'");
    for (int k = 0; k < STORE_KIND_N; k++)
        sqlite3_finalize(s->put[k]);
    sqlite3_finalize(s->begin);
    sqlite3_finalize(s->end);
    sqlite3_close(s->reader);
    sqlite3_close(s->db);
    s->reader = s->db = NULL;
}

/* ---- commits ---- */
static int set_synced(struct store *s, bool synced)
{
    int rc = SQLITE_OK;

    if (s->synced != synced)
        rc = run(s->db, synced ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    if (rc == SQLITE_OK)
        s->synced = synced;
    return rc;
}

static int apply(struct store *s, struct store_write *w)
{
    int rc = SQLITE_OK;

    if (w->fill)
        return store_fill(w);
    for (const struct store_row *r = w->first; r && rc == SQLITE_OK; r = r->next)
        rc = store_row_apply(s, r);
    return rc;
}

/* One transaction over `only`, or over the whole list when that is NULL. */
static int commit(struct store *s, const struct list *writes, struct store_write *only, bool synced)
{
    int rc;

    s->n_applied = 0;
    if ((rc = set_synced(s, synced)) || (rc = run_prepared(s->begin)))
        goto fail;
    if (only)
        rc = apply(s, only);
    else
        for (struct list_node *n = list_first(writes); n && rc == SQLITE_OK; n = list_next(writes, n))
            rc = apply(s, LIST_OF(n, struct store_write, node));
    if (rc == SQLITE_OK)
        rc = run_prepared(s->end);
    if (rc != SQLITE_OK)
        goto fail;
    pthread_mutex_lock(&s->lock);
    s->counters.commits++;
    s->counters.synced_commits += synced;
    s->counters.rows += s->n_applied;
    pthread_mutex_unlock(&s->lock);
    return SQLITE_OK;
fail:
    if (rc != STORE_UNFILLED)
        store_keep_fault(s, s->db, "a change could not be stored");
    if (!sqlite3_get_autocommit(s->db))
        run(s->db, "ROLLBACK");
    return rc;
}

static bool is_promised(const struct store_write *w)
{
    return w->when != STORE_BEHIND;
}

void store_db_commit(struct store *s, struct list *writes)
{
    bool   synced = false;
    size_t n = 0;

    for (struct list_node *at = list_first(writes); at; at = list_next(writes, at), n++)
        synced |= is_promised(LIST_OF(at, struct store_write, node));
    if (n == 0 || commit(s, writes, NULL, synced) == SQLITE_OK)
        return;
    /* Not all of them need fail: a removal may fit where an import does not. */
    for (struct list_node *at = list_first(writes); at; at = list_next(writes, at)) {
        struct store_write *w = LIST_OF(at, struct store_write, node);

        if (!w->e)
            w->e = n > 1 && commit(s, NULL, w, is_promised(w)) == SQLITE_OK ? ERR_OK : ERR_IO;
    }
}
