/* load_test.c - a start with more rows than are linked in at a time: AORs whose contacts stand far apart, long ones, edited ones; and one
 * for which there is too little memory. */
#include "server/location/kit_test.h"

#define AORS 75 /* that are in no round number of rows */

static void unload(struct fixture *f)
{
    store_flush(f->store);
    location_close(f->l);
    f->l = NULL;
    assert_int_equal(f->heap.pieces, 0);
}

/* Each AOR has a contact among the first rows and one among the last; that one has a path too long for a piece of a chunk. */
static void put_rows(struct fixture *f)
{
    struct store_write *w = store_begin(f->store, STORE_PROMISE);
    char                path[1000], aor[8], contact[32];

    memset(path, 'p', sizeof path);
    for (unsigned i = 0; i < 2 * AORS; i++) {
        struct store_binding b = {.slot = i + 1, .call_id = S("c"), .agent = S("phone/1"), .received = S("r"), .flow = S("f"),
                                  .registered_ms = NOW + i, .expires_ms = NOW + 60000, .interval_ms = 60000, .cseq = i, .q = 1000};

        b.aor = (struct slice){aor, (size_t)snprintf(aor, sizeof aor, "%u", 1000 + i % AORS)};
        b.contact = (struct slice){contact, (size_t)snprintf(contact, sizeof contact, "sip:%u@h%u", i % AORS, i / AORS)};
        if (i >= AORS)
            b.path = (struct slice){path, sizeof path};
        store_put_binding(w, &b);
    }
    assert_int_equal(store_submit_wait(w), ERR_OK);
}

static void assert_all_are_there(struct fixture *f)
{
    struct location_counters n;
    struct arena             arena;

    arena_init(&arena, &f->mem, 8192, 0);
    for (unsigned i = 0; i < AORS; i++) {
        char                     aor[8], uri[32];
        struct slice             name = {aor, (size_t)snprintf(aor, sizeof aor, "%u", 1000 + i)};
        struct slice             first = {uri, (size_t)snprintf(uri, sizeof uri, "sip:%u@h0", i)};
        struct location_binding *b, one;
        size_t                   found;

        assert_int_equal(location_lookup(f->l, name, NOW, &arena, &b, &found), ERR_OK);
        assert_int_equal(found, 2);
        assert_int_equal(b[0].slot, AORS + i + 1); /* the newer one first */
        assert_int_equal(b[0].path.n, 1000);
        assert_true(slice_eq(b[1].contact, first) && b[1].slot == i + 1 && b[1].cseq == i && slice_eq(b[1].agent, S("phone/1")));
        assert_int_equal(location_by_contact(f->l, first, NOW, &arena, &one), ERR_OK);
        assert_true(slice_eq(one.aor, name));
    }
    location_counters(f->l, &n);
    assert_true(n.aors == AORS && n.bindings == 2 * AORS);
    arena_close(&arena);
}

static int open_fixture(void **state)
{
    struct fixture *f = fixture_make();

    assert_int_equal(open_store(f, STORE_PUMPED, &f->mem), ERR_OK); /* what is counted is the location's alone */
    put_rows(f);
    *state = f;
    return 0;
}

static void contacts_that_stand_far_apart_come_together(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_location(f, 0), ERR_OK);
    assert_all_are_there(f);
    unload(f);
}

static void rows_that_somebody_has_edited_go(void **state)
{
    struct fixture      *f = *state;
    struct store_binding b = {.slot = 1000, .aor = S("1000"), .contact = S("no uri"), .expires_ms = NOW + 60000, .interval_ms = 60000};
    struct store_write  *w = store_begin(f->store, STORE_PROMISE);

    store_put_binding(w, &b);
    assert_int_equal(store_submit_wait(w), ERR_OK);
    assert_int_equal(open_location(f, 0), ERR_OK);
    assert_all_are_there(f);
    unload(f);
    assert_int_equal(store_last_slot(f->store), 2 * AORS);
}

/* However far it comes, nothing is left over, and nothing in the store has changed. */
static void too_little_memory_is_told(void **state)
{
    struct fixture *f = *state;
    enum err        e = ERR_NOMEM;
    int             failed = 0;

    for (size_t limit = 4096; e; limit += 512) {
        f->heap.limit = limit;
        e = open_location(f, 0);
        f->heap.limit = 0;
        failed += e != ERR_OK;
        assert_true(e == ERR_OK || (e == ERR_NOMEM && f->heap.pieces == 0));
    }
    assert_true(failed > 100);
    assert_all_are_there(f);
    unload(f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        T(contacts_that_stand_far_apart_come_together),
        T(rows_that_somebody_has_edited_go),
        T(too_little_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
