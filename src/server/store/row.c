/* row.c - rows to SQL: one prepared statement per kind of row.
 *
 * Room      server/store; only db.c calls it, inside a transaction.
 * Touches   s->begin, s->end, s->put, s->n_applied.
 * Text      is bound with its length and read back with it, so octets that are no UTF-8 come back as they were. */
#include "server/store/store_priv.h"

static const char *const sql[STORE_KIND_N] = {
    [STORE_USER_PUT] = "INSERT OR REPLACE INTO users(number,name,auth_name,secrets,settings,made_ms) VALUES(?,?,?,?,?,?)",
    [STORE_USER_DELETE] = "DELETE FROM users WHERE number=?",
    [STORE_SETTING_PUT] = "INSERT OR REPLACE INTO settings(key,value) VALUES(?,?)",
    [STORE_SETTING_DELETE] = "DELETE FROM settings WHERE key=?",
    [STORE_BINDING_PUT] = "INSERT OR REPLACE INTO bindings(slot,value) VALUES(?,?)",
    [STORE_BINDING_DELETE] = "DELETE FROM bindings WHERE slot=?",
    [STORE_CDR_PUT] = ("INSERT OR REPLACE INTO cdrs(id,call_id,from_tag,caller,callee,caller_name,ended_by,why,mode,cseq,code,"
                       "started_ms,answered_ms,ended_ms) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
    [STORE_QUALITY_PUT] = ("INSERT INTO qualities(call_id,side,hearsay,at_ms,codec,loss,discard,jitter_ms,round_trip_ms,mos_lq,mos_cq)"
                           " VALUES(?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(call_id,side) DO UPDATE SET hearsay=excluded.hearsay,"
                           "at_ms=excluded.at_ms,codec=excluded.codec,loss=excluded.loss,discard=excluded.discard,"
                           "jitter_ms=excluded.jitter_ms,round_trip_ms=excluded.round_trip_ms,mos_lq=excluded.mos_lq,"
                           "mos_cq=excluded.mos_cq WHERE excluded.hearsay<=qualities.hearsay"),
    [STORE_AUDIT_PUT] = "INSERT INTO audit(at_ms,who,what) VALUES(?,?,?)",
};

static int prepare(struct store *s, const char *text, sqlite3_stmt **out)
{
    return sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
}

enum err store_statements_prepare(struct store *s)
{
    int rc = prepare(s, "BEGIN IMMEDIATE", &s->begin);

    if (rc == SQLITE_OK)
        rc = prepare(s, "COMMIT", &s->end);
    for (int k = 0; k < STORE_KIND_N && rc == SQLITE_OK; k++)
        rc = prepare(s, sql[k], &s->put[k]);
    return store_db_err(rc);
}

/* Binds in order; the statement is reset before the octets go away, so nothing need be copied. Each time all are bound, so nobody
 * has to clear them. */
struct binder {
    sqlite3_stmt *st;
    int           at;
    int           rc; /* the first that failed */
};

static void keep(struct binder *b, int rc)
{
    if (b->rc == SQLITE_OK)
        b->rc = rc;
}

static void text(struct binder *b, struct slice s)
{
    keep(b, sqlite3_bind_text64(b->st, ++b->at, s.n ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8));
}

static void blob(struct binder *b, struct slice s)
{
    keep(b, sqlite3_bind_blob64(b->st, ++b->at, s.n ? s.p : "", s.n, SQLITE_STATIC));
}

static void number(struct binder *b, int64_t v)
{
    keep(b, sqlite3_bind_int64(b->st, ++b->at, v));
}

static void bind_user(struct binder *b, const struct store_user *u)
{
    text(b, u->number);
    text(b, u->name);
    text(b, u->auth_name);
    text(b, u->secrets);
    text(b, u->settings);
    number(b, u->made_ms);
}

static void bind_quality(struct binder *b, const struct store_quality *q)
{
    const int64_t numbers[] = {q->loss, q->discard, q->jitter_ms, q->round_trip_ms, q->mos_lq, q->mos_cq};

    text(b, q->call_id);
    number(b, q->side);
    number(b, q->hearsay);
    number(b, q->at_ms);
    text(b, q->codec);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        number(b, numbers[i]);
}

static void bind_cdr(struct binder *b, const struct store_cdr *c)
{
    const struct slice texts[] = {c->call_id, c->from_tag, c->caller, c->callee, c->caller_name, c->ended_by, c->why, c->mode};

    number(b, (int64_t)c->id);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        text(b, texts[i]);
    number(b, c->cseq);
    number(b, c->code);
    number(b, c->started_ms);
    number(b, c->answered_ms);
    number(b, c->ended_ms);
}

int store_row_apply(struct store *s, const struct store_row *r)
{
    struct binder b = {.st = s->put[r->kind]};

    s->n_applied++;
    switch (r->kind) {
    case STORE_USER_PUT: bind_user(&b, &r->u.user); break;
    case STORE_USER_DELETE: text(&b, r->u.user.number); break;
    case STORE_SETTING_PUT:
        text(&b, r->u.setting.key);
        text(&b, r->u.setting.value);
        break;
    case STORE_SETTING_DELETE: text(&b, r->u.setting.key); break;
    case STORE_BINDING_PUT:
        number(&b, r->u.binding.slot);
        blob(&b, r->u.binding.value);
        break;
    case STORE_BINDING_DELETE: number(&b, r->u.binding.slot); break;
    case STORE_CDR_PUT: bind_cdr(&b, &r->u.cdr); break;
    case STORE_QUALITY_PUT: bind_quality(&b, &r->u.quality); break;
    case STORE_AUDIT_PUT:
        number(&b, r->u.audit.at_ms);
        text(&b, r->u.audit.who);
        text(&b, r->u.audit.what);
        break;
    case STORE_KIND_N: return SQLITE_MISUSE;
    }
    if (b.rc == SQLITE_OK && (b.rc = sqlite3_step(b.st)) == SQLITE_DONE)
        b.rc = SQLITE_OK;
    sqlite3_reset(b.st);
    return b.rc;
}
