/* kit_test.h - for this room's tests: a store in a folder of its own, what it holds as text, and a done() that counts. */
#ifndef SERVER_STORE_KIT_TEST_H
#define SERVER_STORE_KIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/buf.h"
#include "server/store/store.h"
#include "sys/folder_test.h"
#include "sys/heap.h"
#include "sys/random.h"

#define NOW 1700000000000

/* ---- a folder, and a store in it ---- */
struct fixture {
    char           dir[64];
    struct mem     mem;
    struct random  random;
    struct store  *s;
    struct store_fault fault;
};

static inline void folder_make(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    heap_mem(&f->mem);
    random_seed(&f->random, 7);
    memcpy(f->dir, "/tmp/strowger-store-XXXXXX", sizeof "/tmp/strowger-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
}

static inline enum err try_open(struct fixture *f, enum store_mode mode)
{
    struct store_conf conf = {.dir = f->dir, .mode = mode, .mem = &f->mem, .random = &f->random, .now_ms = NOW};

    return store_open(&f->s, &conf, &f->fault);
}

static inline void open_store(struct fixture *f, enum store_mode mode)
{
    enum err e = try_open(f, mode);

    if (e)
        fail_msg("%s: %s", err_text(e), f->fault.text);
}

static inline void close_all(struct fixture *f)
{
    store_close(f->s);
    f->s = NULL;
    assert_int_equal(folder_remove(f->dir), 0);
}

/* ---- what the reads give, as one text ---- */
static inline bool add_setting(void *arg, struct slice key, struct slice value)
{
    buf_puts(arg, key, S("="), value, S(";"));
    return true;
}

static inline void assert_settings(struct store *s, const char *want)
{
    char       text[400];
    struct buf b = BUF_ON(text);

    assert_int_equal(store_each_setting(s, add_setting, &b), ERR_OK);
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("%.*s, wanted %s", SARG(buf_slice(&b)), want);
}

/* ---- done() that counts ---- */
struct told {
    int      n;
    enum err last;
};

static inline void on_done(void *arg, enum err e)
{
    struct told *t = arg;

    t->n++;
    t->last = e;
}

#endif
