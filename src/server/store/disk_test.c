/* disk_test.c - a disk that is full, or fails to sync: the write is refused, nothing has changed, and it works again later.
 *
 * The disk is SQLite's own one behind a thin layer that refuses on demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "server/store/store.h"
#include "sys/folder_test.h"
#include "sys/heap.h"
#include "sys/random.h"

/* ---- the layer ---- */
static struct {
    sqlite3_vfs               vfs;
    const sqlite3_io_methods *real;
    sqlite3_io_methods        methods;
    sqlite3_int64             room; /* no write behind this offset; <0: all there is */
    bool                      sync_fails;
    bool                      reads_fail;
} disk;

static int disk_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    return disk.room >= 0 && at + n > disk.room ? SQLITE_FULL : disk.real->xWrite(f, p, n, at);
}

static int disk_sync(sqlite3_file *f, int flags)
{
    return disk.sync_fails ? SQLITE_IOERR_FSYNC : disk.real->xSync(f, flags);
}

static int disk_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return disk.reads_fail ? SQLITE_IOERR_READ : disk.real->xRead(f, p, n, at);
}

static int disk_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    sqlite3_vfs *real = v->pAppData;
    int          rc = real->xOpen(real, name, f, flags, out);

    /* Only the log: it is what a commit in WAL mode writes and syncs. */
    if (rc == SQLITE_OK && (flags & SQLITE_OPEN_WAL)) {
        disk.real = f->pMethods;
        disk.methods = *f->pMethods;
        disk.methods.xWrite = disk_write;
        disk.methods.xSync = disk_sync;
        disk.methods.xRead = disk_read;
        f->pMethods = &disk.methods;
    }
    return rc;
}

/* ---- a store on it ---- */
struct fixture {
    char               dir[64];
    struct mem         mem;
    struct random      random;
    struct store      *s;
    struct store_fault fault;
};

static int open_fixture(void **state)
{
    struct fixture   *f = calloc(1, sizeof *f);
    struct store_conf conf = {.mode = STORE_PUMPED, .vfs = "strowger-test"};
    sqlite3_vfs      *real = sqlite3_vfs_find(NULL);

    disk.vfs = *real;
    disk.vfs.zName = "strowger-test";
    disk.vfs.pAppData = real;
    disk.vfs.xOpen = disk_open;
    disk.room = -1;
    disk.sync_fails = disk.reads_fail = false;
    sqlite3_vfs_register(&disk.vfs, 0);
    heap_mem(&f->mem);
    random_seed(&f->random, 7);
    memcpy(f->dir, "/tmp/strowger-disk-XXXXXX", sizeof "/tmp/strowger-disk-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    conf.dir = f->dir;
    conf.mem = &f->mem;
    conf.random = &f->random;
    assert_int_equal(store_open(&f->s, &conf, &f->fault), ERR_OK);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;

    disk.room = -1;
    disk.sync_fails = disk.reads_fail = false;
    store_close(f->s);
    assert_int_equal(folder_remove(f->dir), 0);
    sqlite3_vfs_unregister(&disk.vfs);
    free(f);
    return 0;
}

static void on_done(void *arg, enum err e)
{
    *(enum err *)arg = e;
}

static void submit(struct fixture *f, const char *key, struct slice value, enum err *told)
{
    struct store_write *w = store_begin(f->s, STORE_PROMISE);

    *told = ERR_N; /* nothing yet */
    store_put_setting(w, slice_z(key), value);
    store_submit(w, on_done, told);
}

static bool add_key(void *arg, struct slice key, struct slice value)
{
    (void)value;
    buf_put(arg, key);
    return true;
}

static void assert_keys(struct fixture *f, const char *want)
{
    char       text[100];
    struct buf b = BUF_ON(text);

    assert_int_equal(store_each_setting(f->s, add_key, &b), ERR_OK);
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("%.*s, wanted %s", SARG(buf_slice(&b)), want);
}

static void assert_said(struct fixture *f, const char *words)
{
    struct store_fault fault;

    assert_true(store_last_fault(f->s, &fault));
    if (!strstr(fault.text, words))
        fail_msg("\"%s\" does not say \"%s\"", fault.text, words);
}

/* ---- the tests ---- */
static void a_full_disk_refuses_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    enum err        a, b, c;

    submit(f, "a", S("1"), &a);
    store_pump(f->s, 0, true);
    assert_int_equal(a, ERR_OK);
    disk.room = 0;
    submit(f, "b", S("1"), &b);
    submit(f, "c", S("1"), &c);
    store_pump(f->s, 0, true);
    assert_int_equal(b, ERR_IO);
    assert_int_equal(c, ERR_IO);
    assert_keys(f, "a");
    assert_said(f, "is full");
    disk.room = -1;
    submit(f, "d", S("1"), &b);
    store_pump(f->s, 0, true);
    assert_int_equal(b, ERR_OK);
    assert_keys(f, "ad");
}

static void a_sync_that_fails_is_no_promise(void **state)
{
    struct fixture *f = *state;
    enum err        a;

    disk.sync_fails = true;
    submit(f, "a", S("1"), &a);
    store_pump(f->s, 0, true);
    assert_int_equal(a, ERR_IO);
    disk.sync_fails = false;
    submit(f, "b", S("1"), &a);
    store_pump(f->s, 0, true);
    assert_int_equal(a, ERR_OK);
    assert_keys(f, "b");
}

static void in_a_group_that_does_not_fit_the_small_ones_do(void **state)
{
    static char     big[400000];
    struct fixture *f = *state;
    enum err        small, large, last;

    submit(f, "a", S("1"), &small);
    store_pump(f->s, 0, true);
    memset(big, 'x', sizeof big);
    disk.room = 200000;
    submit(f, "b", S("1"), &small);
    submit(f, "l", (struct slice){big, sizeof big}, &large);
    submit(f, "z", S("1"), &last);
    assert_int_equal(store_pump(f->s, 0, true), 3);
    assert_int_equal(small, ERR_OK);
    assert_int_equal(large, ERR_IO);
    assert_int_equal(last, ERR_OK);
    assert_keys(f, "abz");
}

static void what_is_lost_behind_is_not_called_an_orderly_end(void **state)
{
    struct fixture    *f = *state;
    struct store_conf  conf = {.dir = f->dir, .mode = STORE_PUMPED, .mem = &f->mem, .random = &f->random, .vfs = "strowger-test"};
    struct store_write *w = store_begin(f->s, STORE_BEHIND);

    store_put_setting(w, S("a"), S("1"));
    store_submit(w, NULL, NULL);
    disk.room = 0;
    store_pump(f->s, 0, true);
    disk.room = -1;
    store_close(f->s);
    assert_int_equal(store_open(&f->s, &conf, &f->fault), ERR_OK);
    assert_false(store_was_closed(f->s));
    store_close(f->s);
    assert_int_equal(store_open(&f->s, &conf, &f->fault), ERR_OK);
    assert_true(store_was_closed(f->s));
}

static void a_read_that_fails_is_an_error_not_the_end(void **state)
{
    struct fixture *f = *state;
    enum err        a;
    char            text[100];
    struct buf      b = BUF_ON(text);

    submit(f, "a", S("1"), &a);
    store_pump(f->s, 0, true);
    disk.reads_fail = true;
    assert_int_equal(store_each_setting(f->s, add_key, &b), ERR_IO);
    disk.reads_fail = false;
    assert_keys(f, "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_disk_refuses_and_changes_nothing, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_sync_that_fails_is_no_promise, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(in_a_group_that_does_not_fit_the_small_ones_do, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(what_is_lost_behind_is_not_called_an_orderly_end, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_read_that_fails_is_an_error_not_the_end, open_fixture, close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
