/* kit_test.h - for this room's tests: a folder, a store in it, and a location on top of that. */
#ifndef SERVER_LOCATION_KIT_TEST_H
#define SERVER_LOCATION_KIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/location/location_priv.h"
#include "sys/digest.h"
#include "sys/folder_test.h"
#include "sys/heap.h"
#include "sys/random.h"

#define NOW INT64_C(1700000000000)

struct fixture {
    char                dir[64];
    struct mem          mem;
    struct heap_counted heap;  /* the location's, and the store's where that is not said to be another */
    struct random       random;
    struct digester     digester;
    struct store       *store; /* NULL: closed */
    struct location    *l;     /* NULL: closed */
    struct arena        arena; /* for what is found */
    int64_t             now_ms;
};

/* The folder is there, all else closed. */
static inline struct fixture *fixture_make(void)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    heap_mem(&f->mem);
    heap_counted_init(&f->heap, &f->mem, 0);
    random_seed(&f->random, 7);
    digest_open(&f->digester);
    arena_init(&f->arena, &f->mem, 4096, 0);
    f->now_ms = NOW;
    memcpy(f->dir, "/tmp/strowger-location-XXXXXX", sizeof "/tmp/strowger-location-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    return f;
}

static inline enum err open_store(struct fixture *f, enum store_mode mode, struct mem *mem)
{
    struct store_conf  conf = {.dir = f->dir, .mode = mode, .mem = mem, .random = &f->random, .now_ms = f->now_ms};
    struct store_fault said;

    return store_open(&f->store, &conf, &said);
}

/* max_contacts 0: as many as usual. */
static inline enum err open_location(struct fixture *f, uint32_t max_contacts)
{
    struct location_conf conf = {.store = f->store, .mem = &f->heap.mem, .random = &f->random, .digester = &f->digester,
                                 .max_contacts = max_contacts, .now_ms = f->now_ms};

    return location_open(&f->l, &conf);
}

static inline void open_both(struct fixture *f, enum store_mode mode, uint32_t max_contacts)
{
    assert_int_equal(open_store(f, mode, &f->heap.mem), ERR_OK);
    assert_int_equal(open_location(f, max_contacts), ERR_OK);
}

static inline void close_both(struct fixture *f)
{
    if (f->store)
        store_flush(f->store);
    location_close(f->l);
    store_close(f->store);
    f->l = NULL;
    f->store = NULL;
}

/* Nothing is left over: no memory, no folder. */
static inline int close_fixture(void **state)
{
    struct fixture *f = *state;

    close_both(f);
    arena_close(&f->arena);
    assert_int_equal(f->heap.pieces, 0);
    assert_int_equal(folder_remove(f->dir), 0);
    free(f);
    return 0;
}

/* A done() that keeps what came of it. */
static inline void keep_err(void *arg, enum err e, const struct location_binding *b, size_t n)
{
    (void)b, (void)n;
    *(enum err *)arg = e;
}

#endif
