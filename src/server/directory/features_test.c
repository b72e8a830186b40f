/* features_test.c - what users have set, as facts for the plan; and what was stored under names of earlier times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/directory/directory_priv.h"
#include "sys/digest.h"
#include "sys/heap.h"
#include "sys/random.h"

enum { NOW = 1700000000 };

struct fixture {
    struct mem             mem;
    struct random          random;
    struct digester        digester;
    char                   dir[64];
    struct store          *store;
    struct directory      *d;
    struct directory_fault fault;
};

static void open_both(struct fixture *f)
{
    struct store_fault    sf;
    struct store_conf     sc = {.dir = f->dir, .mode = STORE_DIRECT, .mem = &f->mem, .random = &f->random, .now_ms = NOW};
    struct directory_conf dc = {.mem = &f->mem, .random = &f->random, .digester = &f->digester, .realm = S("here")};

    assert_int_equal(store_open(&f->store, &sc, &sf), ERR_OK);
    dc.store = f->store;
    assert_int_equal(directory_open(&f->d, &dc, &f->fault), ERR_OK);
}

static void close_both(struct fixture *f)
{
    directory_close(f->d);
    store_close(f->store);
}

static int open_fixture(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    heap_mem(&f.mem);
    random_seed(&f.random, 7);
    digest_open(&f.digester);
    snprintf(f.dir, sizeof f.dir, "/tmp/strowger-features-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    open_both(&f);
    *state = &f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;

    close_both(f);
    return nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static enum err add(struct fixture *f, const char *number, const char *key, const char *value)
{
    struct directory_pair pair = {slice_z(key), slice_z(value)};

    return directory_add(f->d, &(struct directory_act){slice_z(number), &pair, 1, S("test"), NOW}, NULL, &f->fault);
}

static enum err set(struct fixture *f, const char *number, const char *key, const char *value)
{
    struct directory_pair pair = {slice_z(key), slice_z(value)};

    return directory_set(f->d, &(struct directory_act){slice_z(number), &pair, 1, S("test"), NOW}, &f->fault);
}

/* What earlier versions stored as forward.no-answer and forward.after. */
static void settings_of_earlier_names_are_kept(void **state)
{
    struct fixture              *f = *state;
    const struct directory_view *v;
    struct plan_callee           c;
    struct store_write          *w = store_begin(f->store, STORE_PROMISE);

    assert_non_null(w);
    store_put_user(w, &(struct store_user){.number = S("1001"), .auth_name = S("1001"),
                                           .settings = S("dnd=off\nforward.after=30\nforward.busy=1002\nforward.no-answer=1003\n")});
    assert_int_equal(store_submit_wait(w), ERR_OK);
    close_both(f);
    open_both(f);
    v = directory_take(f->d);
    assert_true(slice_eq(directory_user(v, S("1001"))->settings,
                         S("dnd=off\nforward.busy=1002\nforward.noanswer=1003\nforward.noanswer_s=30\n")));
    directory_plan_facts(v, S("1001"), &c);
    assert_true(slice_eq(c.forward[PLAN_CAUSE_NO_ANSWER], S("1003")));
    assert_int_equal(c.noanswer_ms, 30000);
    directory_give(v);
    assert_int_equal(set(f, "1001", "forward.after", "40"), ERR_OK); /* a file of those times */
    assert_int_equal(set(f, "1001", "forward.no-answer", ""), ERR_OK);
    v = directory_take(f->d);
    assert_true(slice_eq(directory_user(v, S("1001"))->settings, S("dnd=off\nforward.busy=1002\nforward.noanswer_s=40\n")));
    directory_give(v);
}

static void features_are_facts_for_the_plan(void **state)
{
    struct fixture              *f = *state;
    const struct directory_view *v;
    struct plan_callee           c;

    assert_int_equal(add(f, "1001", "dnd", "on"), ERR_OK);
    assert_int_equal(set(f, "1001", "forward.always", "sip:1002@10.0.0.1;user=phone"), ERR_OK);
    assert_int_equal(set(f, "1001", "forward.busy", "sip:1002@elsewhere.example"), ERR_OK);
    assert_int_equal(set(f, "1001", "forward.unregistered", "1004"), ERR_OK);
    assert_int_equal(directory_set_domains(f->d, &(struct directory_conf){.own_hosts = &S("10.0.0.1"), .n_own_hosts = 1}), ERR_OK);
    v = directory_take(f->d);
    directory_plan_facts(v, S("1001"), &c);
    assert_true(c.known && c.dnd);
    assert_true(slice_eq(c.forward[PLAN_CAUSE_ALWAYS], S("1002"))); /* so that it is known again */
    assert_true(slice_eq(c.forward[PLAN_CAUSE_BUSY], S("sip:1002@elsewhere.example")));
    assert_int_equal(c.forward[PLAN_CAUSE_NO_ANSWER].n, 0);
    assert_true(slice_eq(c.forward[PLAN_CAUSE_UNREGISTERED], S("1004")));
    assert_int_equal(c.noanswer_ms, 0);
    directory_plan_facts(v, S("1009"), &c);
    assert_false(c.known);
    directory_give(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(settings_of_earlier_names_are_kept, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(features_are_facts_for_the_plan, open_fixture, close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
