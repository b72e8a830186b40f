/* store_test.c - rows come back, promises are kept, and what is wrong is said. */
#include "server/store/store_priv.h"

#include <stdio.h>
#include <unistd.h>

#include "server/store/kit_test.h"

static void in_folder(const struct fixture *f, const char *name, char *out, size_t n)
{
    assert_true((size_t)snprintf(out, n, "%s/%s", f->dir, name) < n);
}

static void put_file(const struct fixture *f, const char *name, struct slice octets)
{
    char  path[128];
    FILE *file;

    in_folder(f, name, path, sizeof path);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(octets.p, 1, octets.n, file), octets.n);
    fclose(file);
}

/* ---- rows ---- */
static const struct store_binding a_binding = {
    .slot = 3, .aor = S("1001"), .contact = S("sip:1001@127.0.0.2;x=\xff"), .call_id = S("a\0b"), .path = S("<sip:p;lr>"),
    .instance = S("urn:uuid:1"), .agent = S("phone/1"), .received = S("127.0.0.2:5060"), .flow = S("\0\1\2"),
    .aor_uri = S("sip:1001@example.com"), .registered_ms = NOW, .expires_ms = NOW + 60000, .interval_ms = 60000,
    .temp_gruu_ms = NOW - 1, .cseq = 4000000000u, .reg_id = 2, .q = 700, .stream = true};

static bool check_binding(void *arg, const struct store_binding *b)
{
    assert_int_equal(b->slot, 3);
    assert_true(slice_eq(b->aor, a_binding.aor) && slice_eq(b->contact, a_binding.contact));
    assert_true(slice_eq(b->call_id, a_binding.call_id) && slice_eq(b->path, a_binding.path));
    assert_true(slice_eq(b->instance, a_binding.instance) && slice_eq(b->agent, a_binding.agent));
    assert_true(slice_eq(b->received, a_binding.received) && slice_eq(b->flow, a_binding.flow));
    assert_true(slice_eq(b->aor_uri, a_binding.aor_uri));
    assert_true(b->registered_ms == NOW && b->expires_ms == NOW + 60000 && b->interval_ms == 60000);
    assert_true(b->temp_gruu_ms == NOW - 1 && b->cseq == 4000000000u && b->reg_id == 2 && b->q == 700 && b->stream);
    ++*(int *)arg;
    return true;
}

static bool check_user(void *arg, const struct store_user *u)
{
    assert_true(slice_eq(u->number, S("1001")) && slice_eq(u->name, S("Alice")) && slice_eq(u->auth_name, S("a")));
    assert_true(slice_eq(u->secrets, S("x")) && slice_eq(u->settings, S("dnd=on\n")) && u->made_ms == NOW);
    ++*(int *)arg;
    return true;
}

static bool check_audit(void *arg, const struct store_audit *a)
{
    static const char *const what[] = {"third", "second"};

    assert_true(slice_eq(a->what, slice_z(what[*(int *)arg])) && slice_eq(a->who, S("socket")));
    ++*(int *)arg;
    return true;
}

static void rows_come_back_as_they_were(void **state)
{
    struct fixture      f;
    struct store_write *w;
    int                 users = 0, bindings = 0, audits = 0;

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_DIRECT);
    w = store_begin(f.s, STORE_PROMISE);
    store_put_binding(w, &a_binding);
    store_put_user(w, &(struct store_user){S("1001"), S("Alice"), S("a"), S("x"), S("dnd=on\n"), NOW});
    store_put_user(w, &(struct store_user){.number = S("1002")});
    store_put_setting(w, S("k"), S("old"));
    store_put_audit(w, &(struct store_audit){1, S("socket"), S("first")});
    store_put_audit(w, &(struct store_audit){2, S("socket"), S("second")});
    store_put_audit(w, &(struct store_audit){3, S("socket"), S("third")});
    assert_int_equal(store_submit_wait(w), ERR_OK);
    w = store_begin(f.s, STORE_PROMISE);
    store_delete_user(w, S("1002"));
    store_put_setting(w, S("k"), S("new"));
    store_put_setting(w, S("l"), S(""));
    assert_int_equal(store_submit_wait(w), ERR_OK);
    store_close(f.s);
    open_store(&f, STORE_DIRECT);
    assert_int_equal(store_each_user(f.s, check_user, &users), ERR_OK);
    assert_int_equal(store_each_binding(f.s, check_binding, &bindings), ERR_OK);
    assert_int_equal(store_each_audit(f.s, 2, check_audit, &audits), ERR_OK);
    assert_int_equal(users, 1);
    assert_int_equal(bindings, 1);
    assert_int_equal(audits, 2);
    assert_settings(f.s, "k=new;l=;");
    w = store_begin(f.s, STORE_PROMISE);
    store_delete_binding(w, 3);
    store_delete_setting(w, S("k"));
    assert_int_equal(store_submit_wait(w), ERR_OK);
    assert_int_equal(store_each_binding(f.s, check_binding, &bindings), ERR_OK);
    assert_int_equal(bindings, 1);
    assert_settings(f.s, "l=;");
    close_all(&f);
}

static bool add_quality(void *arg, const struct store_cdr *c)
{
    for (int i = 0; i < 2; i++) {
        if (!c->heard[i])
            continue;
        buf_putu(arg, c->id);
        buf_puts(arg, i ? S(" callee ") : S(" caller "), c->quality[i].codec, S(" "));
        buf_putu(arg, c->quality[i].loss);
        buf_puts(arg, S(" "), c->quality[i].mos_cq == STORE_UNKNOWN ? S("?") : S(""), c->quality[i].hearsay ? S(" they say;") : S(";"));
    }
    return true;
}

static void assert_quality(struct store *s, const char *want)
{
    char       text[200];
    struct buf b = BUF_ON(text);

    assert_int_equal(store_each_cdr(s, &(struct store_cdr_query){0}, add_quality, &b), ERR_OK);
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("%.*s, wanted %s", SARG(buf_slice(&b)), want);
}

static void put_quality(struct store *s, struct store_quality q)
{
    struct store_write *w = store_begin(s, STORE_BEHIND);

    q.mos_cq = STORE_UNKNOWN;
    store_put_quality(w, &q);
    assert_int_equal(store_submit_wait(w), ERR_OK);
}

/* In whatever order it comes: before the CDR too. A side's own word counts more than the other's. */
static void quality_goes_with_the_answered_call(void **state)
{
    struct fixture      f;
    struct store_write *w;

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_DIRECT);
    put_quality(f.s, (struct store_quality){.call_id = S("x"), .side = STORE_CALLEE, .hearsay = true, .codec = S("G722"), .loss = 1});
    assert_quality(f.s, "");
    w = store_begin(f.s, STORE_PROMISE);
    store_put_cdr(w, &(struct store_cdr){.id = 10, .call_id = S("x"), .started_ms = 10});
    store_put_cdr(w, &(struct store_cdr){.id = 20, .call_id = S("x"), .started_ms = 20, .answered_ms = 25});
    store_put_cdr(w, &(struct store_cdr){.id = 30, .call_id = S("y"), .started_ms = 30, .answered_ms = 35});
    assert_int_equal(store_submit_wait(w), ERR_OK);
    assert_quality(f.s, "20 callee G722 1 ? they say;");
    put_quality(f.s, (struct store_quality){.call_id = S("x"), .side = STORE_CALLEE, .codec = S("G722"), .loss = 2});
    put_quality(f.s, (struct store_quality){.call_id = S("x"), .side = STORE_CALLEE, .hearsay = true, .loss = 3});
    put_quality(f.s, (struct store_quality){.call_id = S("x"), .side = STORE_CALLER, .codec = S("PCMA"), .loss = 4});
    assert_quality(f.s, "20 caller PCMA 4 ?;20 callee G722 2 ?;");
    close_all(&f);
}

static bool add_cdr(void *arg, const struct store_cdr *c)
{
    buf_putu(arg, c->id);
    buf_puts(arg, S(":"), c->caller, S(">"), c->callee, S(" "), c->why, S(";"));
    return true;
}

static void assert_cdrs(struct store *s, struct store_cdr_query q, const char *want)
{
    char       text[200];
    struct buf b = BUF_ON(text);

    assert_int_equal(store_each_cdr(s, &q, add_cdr, &b), ERR_OK);
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("%.*s, wanted %s", SARG(buf_slice(&b)), want);
}

static void cdrs_are_asked_for_by_time_and_party(void **state)
{
    struct fixture      f;
    struct store_write *w;

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_DIRECT);
    w = store_begin(f.s, STORE_PROMISE);
    store_put_cdr(w, &(struct store_cdr){.id = 10, .caller = S("1001"), .callee = S("1002"), .why = S("bye"), .started_ms = 10});
    store_put_cdr(w, &(struct store_cdr){.id = 20, .caller = S("1003"), .callee = S("1001"), .why = S("?"), .started_ms = 20});
    store_put_cdr(w, &(struct store_cdr){.id = 30, .caller = S("1002"), .callee = S("1003"), .why = S("bye"), .started_ms = 30});
    store_put_cdr(w, &(struct store_cdr){.id = 20, .caller = S("1003"), .callee = S("1001"), .why = S("busy"), .started_ms = 20});
    assert_int_equal(store_submit_wait(w), ERR_OK);
    assert_cdrs(f.s, (struct store_cdr_query){0}, "30:1002>1003 bye;20:1003>1001 busy;10:1001>1002 bye;");
    assert_cdrs(f.s, (struct store_cdr_query){.party = S("1001")}, "20:1003>1001 busy;10:1001>1002 bye;");
    assert_cdrs(f.s, (struct store_cdr_query){.from_ms = 15, .to_ms = 25}, "20:1003>1001 busy;");
    assert_cdrs(f.s, (struct store_cdr_query){.max = 1}, "30:1002>1003 bye;");
    close_all(&f);
}

/* ---- memory ---- */
struct scarce {
    struct mem heap;
    int        left;
};

static void *scarce_alloc(void *ctx, size_t n)
{
    struct scarce *s = ctx;

    return s->left-- > 0 ? mem_alloc(&s->heap, n) : NULL;
}

static void scarce_free(void *ctx, void *p, size_t n)
{
    mem_free(&((struct scarce *)ctx)->heap, p, n);
}

static void no_memory_fails_the_write_and_changes_nothing(void **state)
{
    struct fixture f;
    struct scarce  sc;
    struct told    t = {0};
    int            failed = 0;

    (void)state;
    folder_make(&f);
    sc.heap = f.mem;
    f.mem = (struct mem){scarce_alloc, scarce_free, &sc};
    sc.left = 0;
    assert_int_equal(try_open(&f, STORE_DIRECT), ERR_NOMEM);
    sc.left = 1;
    open_store(&f, STORE_DIRECT);
    for (int n = 0; t.n == 0 || t.last != ERR_OK; n++) {
        struct store_write *w;

        sc.left = n;
        if (!(w = store_begin(f.s, STORE_PROMISE)))
            continue;
        for (int i = 0; i < 40; i++)
            store_put_user(w, &(struct store_user){.number = S("1001"), .settings = S("a long value, so that blocks are used up")});
        store_put_setting(w, S("k"), S("v"));
        store_submit(w, on_done, &t);
        failed += t.last == ERR_NOMEM;
        assert_settings(f.s, t.last == ERR_OK ? "k=v;" : "");
    }
    assert_true(failed >= 2);
    close_all(&f);
}

static void a_write_over_its_limit_is_refused(void **state)
{
    struct fixture      f;
    struct told         t = {0};
    size_t              n = STORE_MAX_WRITE_OCTETS / 2 + 1;
    char               *big = calloc(1, n);
    struct store_write *w;

    (void)state;
    assert_non_null(big);
    folder_make(&f);
    open_store(&f, STORE_DIRECT);
    w = store_begin(f.s, STORE_PROMISE);
    store_put_setting(w, S("a"), (struct slice){big, n});
    store_put_setting(w, S("b"), (struct slice){big, n});
    store_submit(w, on_done, &t);
    assert_int_equal(t.last, ERR_LIMIT);
    assert_settings(f.s, "");
    free(big);
    close_all(&f);
}

/* ---- the folder ---- */
static void key_is_made_once_and_nobody_else_can_read_it(void **state)
{
    struct fixture f;
    char           path[128], first[STORE_KEY_OCTETS];
    struct stat    st;

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_DIRECT);
    assert_true(store_was_closed(f.s));
    assert_int_equal(store_key(f.s).n, STORE_KEY_OCTETS);
    memcpy(first, store_key(f.s).p, sizeof first);
    assert_false(slice_eq(store_key(f.s), (struct slice){(char[STORE_KEY_OCTETS]){0}, STORE_KEY_OCTETS}));
    in_folder(&f, "keys/exchange.key", path, sizeof path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, STORE_KEY_OCTETS);
    in_folder(&f, "keys", path, sizeof path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    in_folder(&f, "strowger.db", path, sizeof path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    store_close(f.s);
    open_store(&f, STORE_DIRECT);
    assert_memory_equal(store_key(f.s).p, first, sizeof first);
    close_all(&f);
}

static void assert_refused(struct fixture *f, enum err want, const char *words)
{
    assert_int_equal(try_open(f, STORE_THREAD), want);
    assert_null(f->s);
    if (!strstr(f->fault.text, words))
        fail_msg("\"%s\" does not say \"%s\"", f->fault.text, words);
}

static void two_cannot_share_a_folder(void **state)
{
    struct fixture f;
    struct store  *first;
    char           words[64];

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_DIRECT);
    first = f.s;
    f.s = NULL;
    snprintf(words, sizeof words, "another strowger (process %ld) is using", (long)getpid());
    assert_refused(&f, ERR_BUSY, words);
    store_close(first);
    open_store(&f, STORE_DIRECT);
    close_all(&f);
}

static void run_sql(const struct fixture *f, const char *sql)
{
    char     path[128];
    sqlite3 *db;

    in_folder(f, "strowger.db", path, sizeof path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Schema 2 had a column for each part of a binding, */
#define COLUMNS \
    "DROP TABLE bindings; CREATE TABLE bindings(slot INTEGER PRIMARY KEY, aor TEXT, contact TEXT, call_id TEXT, path TEXT," \
    " instance TEXT, agent TEXT, received TEXT, flow BLOB, aor_uri TEXT, registered_ms INTEGER, expires_ms INTEGER," \
    " interval_ms INTEGER, temp_gruu_ms INTEGER, cseq INTEGER, reg_id INTEGER, q INTEGER, stream INTEGER);" \
    "INSERT INTO bindings VALUES(3,'1001',CAST(x'7369703a31303031403132372e302e302e323b783dff' AS TEXT),CAST(x'610062' AS TEXT)," \
    "'<sip:p;lr>','urn:uuid:1','phone/1','127.0.0.2:5060',x'000102','sip:1001@example.com',1700000000000,1700000060000,60000," \
    "1699999999999,4000000000,2,700,1);"

/* and schema 1 no qualities. */
static void an_older_file_is_brought_up_to_date(void **state)
{
    struct fixture f;
    int            bindings = 0;

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_DIRECT);
    store_close(f.s);
    run_sql(&f, COLUMNS "DROP TABLE qualities; PRAGMA user_version=1;"
                "INSERT INTO cdrs VALUES(10,'x','t','1001','1002','','caller','bye','',1,200,10,11,12)");
    open_store(&f, STORE_DIRECT);
    put_quality(f.s, (struct store_quality){.call_id = S("x"), .codec = S("PCMU"), .loss = 7});
    assert_quality(f.s, "10 caller PCMU 7 ?;");
    assert_int_equal(store_each_binding(f.s, check_binding, &bindings), ERR_OK);
    assert_int_equal(bindings, 1);
    close_all(&f);
}

static bool count_unreadable(void *arg, const struct store_binding *b)
{
    if (b->slot == 3)
        return true;
    assert_true(b->slot > 3 && b->aor.n == 0 && b->contact.n == 0 && b->expires_ms == 0);
    ++*(int *)arg;
    return true;
}

/* Cut at each octet, with one too many, with another layout: no slice of it is beyond its end. */
static void a_binding_that_somebody_has_edited_comes_with_its_slot_alone(void **state)
{
    struct fixture      f;
    struct store_write *w;
    int                 n = 0;

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_DIRECT);
    w = store_begin(f.s, STORE_PROMISE);
    store_put_binding(w, &a_binding);
    assert_int_equal(store_submit_wait(w), ERR_OK);
    store_close(f.s);
    run_sql(&f, "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n LIMIT (SELECT length(value) FROM bindings))"
                " INSERT INTO bindings SELECT 10+i,substr(value,1,i) FROM n,bindings;"
                "INSERT INTO bindings SELECT 4,CAST(value||x'00' AS BLOB) FROM bindings WHERE slot=3;"
                "INSERT INTO bindings VALUES(5,zeroblob(200)),(6,'text'),(7,42)");
    open_store(&f, STORE_DIRECT);
    assert_int_equal(store_each_binding(f.s, count_unreadable, &n), ERR_OK);
    assert_true(n > 4 + 60);
    close_all(&f);
}

static void what_is_wrong_with_a_folder_is_said(void **state)
{
    struct fixture f, g;
    char           octets[8192];

    (void)state;
    memset(octets, 'x', sizeof octets);
    folder_make(&f);
    put_file(&f, "strowger.db", (struct slice){octets, sizeof octets});
    assert_refused(&f, ERR_INVALID, "is damaged or no database");
    close_all(&f);

    folder_make(&f);
    run_sql(&f, "CREATE TABLE t(x)");
    assert_refused(&f, ERR_INVALID, "database of another program");
    close_all(&f);

    folder_make(&f);
    open_store(&f, STORE_DIRECT);
    store_close(f.s);
    f.s = NULL;
    run_sql(&f, "PRAGMA user_version=99");
    assert_refused(&f, ERR_UNSUPPORTED, "newer strowger (schema 99");
    run_sql(&f, "PRAGMA user_version=1");
    put_file(&f, "keys/exchange.key", S("short"));
    assert_refused(&f, ERR_INVALID, "exchange.key is damaged");

    g = f;
    in_folder(&f, "strowger.db", g.dir, sizeof g.dir); /* a file, not a folder */
    assert_refused(&g, ERR_DENIED, "is not a folder");
    in_folder(&f, "no/such", g.dir, sizeof g.dir);
    assert_refused(&g, ERR_NOTFOUND, "cannot make the folder");
    close_all(&f);
}

static void a_lock_held_by_another_program_is_said(void **state)
{
    struct fixture f;
    char           path[128];
    sqlite3       *db;

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_DIRECT);
    store_close(f.s);
    f.s = NULL;
    in_folder(&f, "strowger.db", path, sizeof path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_refused(&f, ERR_BUSY, "another program holds a lock");
    sqlite3_close(db);
    open_store(&f, STORE_DIRECT);
    close_all(&f);
}

static void paths_are_in_the_folder_and_measured(void **state)
{
    struct fixture f;
    char           path[128], small[8];

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_DIRECT);
    assert_int_equal(store_path(f.s, S("dialogs.map"), path, sizeof path), ERR_OK);
    assert_memory_equal(path, f.dir, strlen(f.dir));
    assert_string_equal(path + strlen(f.dir), "/dialogs.map");
    assert_int_equal(store_path(f.s, S("dialogs.map"), small, sizeof small), ERR_LIMIT);
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_as_they_were),
        cmocka_unit_test(cdrs_are_asked_for_by_time_and_party),
        cmocka_unit_test(no_memory_fails_the_write_and_changes_nothing),
        cmocka_unit_test(a_write_over_its_limit_is_refused),
        cmocka_unit_test(key_is_made_once_and_nobody_else_can_read_it),
        cmocka_unit_test(two_cannot_share_a_folder),
        cmocka_unit_test(quality_goes_with_the_answered_call),
        cmocka_unit_test(an_older_file_is_brought_up_to_date),
        cmocka_unit_test(a_binding_that_somebody_has_edited_comes_with_its_slot_alone),
        cmocka_unit_test(what_is_wrong_with_a_folder_is_said),
        cmocka_unit_test(a_lock_held_by_another_program_is_said),
        cmocka_unit_test(paths_are_in_the_folder_and_measured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
