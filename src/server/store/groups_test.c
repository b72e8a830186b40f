/* groups_test.c - which writes share a commit, when it comes, and whether it is synced. */
#include <time.h>

#include "server/store/kit_test.h"

#include "base/mem_test.h"

static void put_setting(struct store *s, enum store_when when, const char *key, struct told *t)
{
    struct store_write *w = store_begin(s, when);

    assert_non_null(w);
    store_put_setting(w, slice_z(key), S("1"));
    store_submit(w, on_done, t);
}

/* ---- groups ---- */
static void what_waits_shares_one_commit(void **state)
{
    struct fixture        f;
    struct told           t = {0};
    struct store_counters before, after;

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_PUMPED);
    store_counters(f.s, &before);
    put_setting(f.s, STORE_BEHIND, "a", &t);
    put_setting(f.s, STORE_PROMISE, "b", &t);
    put_setting(f.s, STORE_PROMISE, "c", &t);
    assert_int_equal(t.n, 0);
    assert_settings(f.s, "");
    assert_int_equal(store_pump(f.s, NOW, false), 3);
    assert_int_equal(t.n, 3);
    assert_int_equal(t.last, ERR_OK);
    assert_settings(f.s, "a=1;b=1;c=1;");
    store_counters(f.s, &after);
    assert_int_equal(after.commits - before.commits, 1);
    assert_int_equal(after.synced_commits - before.synced_commits, 1);
    assert_int_equal(after.writes - before.writes, 3);
    assert_int_equal(store_pump(f.s, NOW, true), 0);
    close_all(&f);
}

static void a_refresh_waits_and_is_not_synced(void **state)
{
    struct fixture        f;
    struct told           t = {0};
    struct store_counters c;

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_PUMPED);
    put_setting(f.s, STORE_BEHIND, "a", &t);
    assert_int_equal(store_pump(f.s, NOW + STORE_BEHIND_MS - 1, false), 0);
    assert_int_equal(store_pump(f.s, NOW + STORE_BEHIND_MS, false), 1);
    store_counters(f.s, &c);
    assert_int_equal(c.commits, 1);
    assert_int_equal(c.synced_commits, 0);
    put_setting(f.s, STORE_BEHIND, "b", &t);
    store_flush(f.s);
    assert_int_equal(t.n, 2);
    put_setting(f.s, STORE_BEHIND, "c", &t);
    store_close(f.s); /* commits what waits */
    assert_int_equal(t.n, 3);
    open_store(&f, STORE_DIRECT);
    assert_settings(f.s, "a=1;b=1;c=1;");
    close_all(&f);
}

/* Behind a write that may wait longer; and synced, since done() says so. */
static void a_promise_for_soon_waits_for_others(void **state)
{
    struct fixture        f;
    struct told           t = {0};
    struct store_counters c;

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_PUMPED);
    put_setting(f.s, STORE_BEHIND, "a", &t);
    put_setting(f.s, STORE_SOON, "b", &t);
    put_setting(f.s, STORE_SOON, "c", &t);
    assert_int_equal(store_pump(f.s, NOW + STORE_SOON_MS - 1, false), 0);
    assert_int_equal(t.n, 0);
    assert_int_equal(store_pump(f.s, NOW + STORE_SOON_MS, false), 3);
    assert_int_equal(t.n, 3);
    store_counters(f.s, &c);
    assert_int_equal(c.commits, 1);
    assert_int_equal(c.synced_commits, 1);
    put_setting(f.s, STORE_BEHIND, "d", &t); /* what was due before is no reason to hurry now */
    assert_int_equal(store_pump(f.s, NOW + STORE_SOON_MS + STORE_BEHIND_MS - 1, false), 0);
    close_all(&f);
}

/* One after another, each alone: the first at once, the others not before the pause after the one before is over. */
static void promises_of_a_thread_keep_a_pace(void **state)
{
    struct fixture        f;
    struct timespec       from, to;
    struct store_counters c;
    enum { N = 6 };

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_THREAD);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < N; i++) {
        struct store_write *w = store_begin(f.s, STORE_PROMISE);

        store_put_setting(w, S("a"), S("1"));
        assert_int_equal(store_submit_wait(w), ERR_OK);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    store_counters(f.s, &c);
    assert_int_equal(c.commits, N);
    assert_true((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 >= (N - 1) * (STORE_PACE_MS - 1));
    close_all(&f);
}

/* ---- writes that are filled when they are committed ---- */
struct filling {
    char        key[2]; /* what is put; it is not copied */
    int         fills, done;
    enum err    last;
};

static void on_fill(void *arg, struct store_write *w)
{
    struct filling *g = arg;

    g->fills++;
    store_put_setting(w, slice_z(g->key), S("1"));
}

static void on_filled(void *arg, enum err e)
{
    struct filling *g = arg;

    g->done++;
    g->last = e;
    g->key[0] = 'x'; /* no more of the store's */
}

static void a_write_may_be_filled_when_it_is_committed(void **state)
{
    struct fixture f;
    struct filling g = {.key = "a"}, h = {.key = "b"};

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_PUMPED);
    store_submit_filled(store_begin(f.s, STORE_SOON), on_fill, on_filled, &g);
    assert_int_equal(g.fills, 0);
    g.key[0] = 'c';
    assert_int_equal(store_pump(f.s, NOW, false), 0);
    store_hurry(f.s);
    assert_int_equal(store_pump(f.s, NOW, false), 1);
    assert_settings(f.s, "c=1;");
    assert_true(g.fills == 1 && g.done == 1 && g.last == ERR_OK);
    store_submit_filled(store_begin(f.s, STORE_SOON), on_fill, on_filled, &h);
    store_close(f.s);
    open_store(&f, STORE_DIRECT);
    assert_settings(f.s, "b=1;c=1;");
    g = (struct filling){.key = "d"};
    store_submit_filled(store_begin(f.s, STORE_SOON), on_fill, on_filled, &g);
    assert_settings(f.s, "b=1;c=1;d=1;");
    close_all(&f);
}

/* Its second row cannot be. */
static void on_fill_too_much(void *arg, struct store_write *w)
{
    static char          text[65536];
    struct store_binding b = {.slot = 1, .contact = {text, sizeof text}};

    store_put_setting(w, S("never"), S("1"));
    store_put_binding(w, &b);
    store_put_setting(w, S("never"), S("2"));
    ((struct filling *)arg)->fills++;
}

/* Nothing of it, and all of what shares its commit: one that is filled, too, which is so once more. */
static void a_write_that_cannot_be_filled_fails_alone(void **state)
{
    struct fixture        f;
    struct filling        g = {.key = "a"}, h = {.key = "c"};
    struct told           t = {0};
    struct store_counters c;
    struct store_fault    fault;

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_PUMPED);
    store_submit_filled(store_begin(f.s, STORE_SOON), on_fill, on_filled, &h);
    store_submit_filled(store_begin(f.s, STORE_SOON), on_fill_too_much, on_filled, &g);
    put_setting(f.s, STORE_SOON, "b", &t);
    store_flush(f.s);
    assert_true(g.fills == 1 && g.done == 1 && g.last == ERR_LIMIT);
    assert_true(h.fills == 2 && h.done == 1 && h.last == ERR_OK);
    assert_int_equal(t.last, ERR_OK);
    assert_settings(f.s, "b=1;c=1;");
    store_counters(f.s, &c);
    assert_int_equal(c.rows, 2);
    assert_false(store_last_fault(f.s, &fault)); /* the database has none */
    close_all(&f);
}

/* As many rows as one likes: none of them waits in memory. */
static void on_fill_many(void *arg, struct store_write *w)
{
    static const char value[1000];

    for (int i = 0; i < 3000; i++)
        store_put_setting(w, S("many"), (struct slice){value, sizeof value});
    store_put_setting(w, S("many"), S("1"));
    ((struct filling *)arg)->fills++;
}

static void rows_that_are_filled_take_no_memory(void **state)
{
    struct fixture        f;
    struct filling        g = {.key = "a"};
    struct store_counters c;
    struct counted        none;

    (void)state;
    folder_make(&f);
    open_store(&f, STORE_PUMPED);
    store_submit_filled(store_begin(f.s, STORE_SOON), on_fill_many, on_filled, &g);
    counted_begin(&none);
    none.fails = true;
    f.mem = none.mem;
    store_flush(f.s);
    assert_int_equal(none.calls, 0);
    heap_mem(&f.mem);
    assert_true(g.fills == 1 && g.done == 1 && g.last == ERR_OK);
    store_counters(f.s, &c);
    assert_int_equal(c.rows, 3001);
    assert_settings(f.s, "many=1;");
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_shares_one_commit),
        cmocka_unit_test(a_refresh_waits_and_is_not_synced),
        cmocka_unit_test(a_promise_for_soon_waits_for_others),
        cmocka_unit_test(promises_of_a_thread_keep_a_pace),
        cmocka_unit_test(a_write_may_be_filled_when_it_is_committed),
        cmocka_unit_test(a_write_that_cannot_be_filled_fails_alone),
        cmocka_unit_test(rows_that_are_filled_take_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
