/* read.c - what is committed, row by row, over a connection of its own: reading never waits for a commit (WAL).
 *
 * Room      server/store. One read at a time, under s->reading; `each` must not read again.
 * Slices    point into SQLite's row and are valid during `each`. */
#include "server/store/store_priv.h"

struct reading {
    struct store *store;
    sqlite3_stmt *st;
    int           at; /* next column */
};

static enum err begin(struct reading *r, struct store *s, const char *sql)
{
    int rc;

    *r = (struct reading){.store = s};
    pthread_mutex_lock(&s->reading);
    rc = sqlite3_prepare_v2(s->reader, sql, -1, &r->st, NULL);
    if (rc == SQLITE_OK)
        return ERR_OK;
    store_keep_fault(s, s->reader, "the store could not be read");
    pthread_mutex_unlock(&s->reading);
    return ERR_IO;
}

/* The next row? When there is none *e says whether that was the end. */
static bool next(struct reading *r, enum err *e)
{
    int rc = sqlite3_step(r->st);

    r->at = 0;
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE) {
        store_keep_fault(r->store, r->store->reader, "the store could not be read");
        *e = ERR_IO;
    }
    return false;
}

static void end(struct reading *r)
{
    sqlite3_finalize(r->st);
    pthread_mutex_unlock(&r->store->reading);
}

static int64_t number(struct reading *r)
{
    return sqlite3_column_int64(r->st, r->at++);
}

static struct slice octets(struct reading *r)
{
    int         col = r->at++;
    const void *p = sqlite3_column_blob(r->st, col); /* for TEXT: the same octets, unchecked */
    int         n = sqlite3_column_bytes(r->st, col);

    return p && n > 0 ? (struct slice){p, (size_t)n} : SLICE_NONE;
}

enum err store_each_user(struct store *s, bool (*each)(void *arg, const struct store_user *u), void *arg)
{
    struct reading r;
    enum err       e = begin(&r, s, "SELECT number,name,auth_name,secrets,settings,made_ms FROM users ORDER BY number");

    if (e)
        return e;
    while (next(&r, &e)) {
        struct store_user u = {.number = octets(&r)};

        u.name = octets(&r);
        u.auth_name = octets(&r);
        u.secrets = octets(&r);
        u.settings = octets(&r);
        u.made_ms = number(&r);
        if (!each(arg, &u))
            break;
    }
    end(&r);
    return e;
}

enum err store_each_setting(struct store *s, bool (*each)(void *arg, struct slice key, struct slice value), void *arg)
{
    struct reading r;
    enum err       e = begin(&r, s, "SELECT key,value FROM settings ORDER BY key");

    if (e)
        return e;
    while (next(&r, &e)) {
        struct slice key = octets(&r), value = octets(&r);

        if (!each(arg, key, value))
            break;
    }
    end(&r);
    return e;
}

uint32_t store_last_slot(struct store *s)
{
    struct reading r;
    enum err       e = begin(&r, s, "SELECT max(slot) FROM bindings");
    uint32_t       slot = 0;

    if (e)
        return 0;
    if (next(&r, &e))
        slot = (uint32_t)number(&r);
    end(&r);
    return slot;
}

enum err store_each_binding(struct store *s, bool (*each)(void *arg, const struct store_binding *b), void *arg)
{
    struct reading r;
    enum err       e = begin(&r, s, "SELECT slot,value FROM bindings ORDER BY slot");

    if (e)
        return e;
    while (next(&r, &e)) {
        struct store_binding b = {.slot = (uint32_t)number(&r)};

        if (!store_binding_unpack(octets(&r), &b))
            b = (struct store_binding){.slot = b.slot};
        if (!each(arg, &b))
            break;
    }
    end(&r);
    return e;
}

/* Of an outer join: side is NULL where nothing is known. */
static bool read_quality(struct reading *r, struct store_quality *q)
{
    bool known = sqlite3_column_type(r->st, r->at) != SQLITE_NULL;

    q->side = (enum store_side)number(r);
    q->hearsay = number(r) != 0;
    q->at_ms = number(r);
    q->codec = octets(r);
    q->loss = (uint32_t)number(r);
    q->discard = (uint32_t)number(r);
    q->jitter_ms = (uint32_t)number(r);
    q->round_trip_ms = (uint32_t)number(r);
    q->mos_lq = (uint32_t)number(r);
    q->mos_cq = (uint32_t)number(r);
    return known;
}

static void read_cdr(struct reading *r, struct store_cdr *c)
{
    c->id = (uint64_t)number(r);
    c->call_id = octets(r);
    c->from_tag = octets(r);
    c->caller = octets(r);
    c->callee = octets(r);
    c->caller_name = octets(r);
    c->ended_by = octets(r);
    c->why = octets(r);
    c->mode = octets(r);
    c->cseq = (uint32_t)number(r);
    c->code = (uint16_t)number(r);
    c->started_ms = number(r);
    c->answered_ms = number(r);
    c->ended_ms = number(r);
    for (int i = 0; i < 2; i++) {
        c->heard[i] = read_quality(r, &c->quality[i]);
        c->quality[i].call_id = c->call_id;
    }
}

/* What is known of how that side has heard; a Call-ID may have had several attempts, and one that was answered. */
#define QUALITY_COLUMNS(t) \
    "," t ".side," t ".hearsay," t ".at_ms," t ".codec," t ".loss," t ".discard," t ".jitter_ms," t ".round_trip_ms," t ".mos_lq," t ".mos_cq"
#define QUALITY_JOIN(t, side) \
    " LEFT JOIN qualities " t " ON " t ".call_id=c.call_id AND " t ".side=" side " AND c.answered_ms>0"

enum err store_each_cdr(struct store *s, const struct store_cdr_query *q, bool (*each)(void *arg, const struct store_cdr *c),
                        void *arg)
{
    struct reading r;
    enum err       e = begin(&r, s,
                             "SELECT c.id,c.call_id,c.from_tag,c.caller,c.callee,c.caller_name,c.ended_by,c.why,c.mode,c.cseq,c.code,"
                             "c.started_ms,c.answered_ms,c.ended_ms" QUALITY_COLUMNS("a") QUALITY_COLUMNS("b")
                             " FROM cdrs c" QUALITY_JOIN("a", "0") QUALITY_JOIN("b", "1")
                             " WHERE c.started_ms>=?1 AND c.started_ms<=?2"
                             " AND (?3='' OR c.caller=?3 OR c.callee=?3) ORDER BY c.id DESC LIMIT ?4");

    if (e)
        return e;
    sqlite3_bind_int64(r.st, 1, q->from_ms);
    sqlite3_bind_int64(r.st, 2, q->to_ms ? q->to_ms : INT64_MAX);
    sqlite3_bind_text64(r.st, 3, q->party.n ? q->party.p : "", q->party.n, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_int64(r.st, 4, q->max ? (int64_t)q->max : -1);
    while (next(&r, &e)) {
        struct store_cdr c;

        read_cdr(&r, &c);
        if (!each(arg, &c))
            break;
    }
    end(&r);
    return e;
}

enum err store_each_audit(struct store *s, uint32_t max, bool (*each)(void *arg, const struct store_audit *a), void *arg)
{
    struct reading r;
    enum err       e = begin(&r, s, "SELECT at_ms,who,what FROM audit ORDER BY id DESC LIMIT ?1");

    if (e)
        return e;
    sqlite3_bind_int64(r.st, 1, max ? (int64_t)max : -1);
    while (next(&r, &e)) {
        struct store_audit a = {.at_ms = number(&r)};

        a.who = octets(&r);
        a.what = octets(&r);
        if (!each(arg, &a))
            break;
    }
    end(&r);
    return e;
}
