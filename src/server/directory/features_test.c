/* features_test.c - what users have set, as facts for the plan; and what was stored under names of earlier times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/directory/directory_priv.h"
#include "sys/digest.h"
#include "sys/folder_test.h"
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
    bool                   later_thread;
};

/* What is allocated is not zero by chance. */
static void *soiled_alloc(void *ctx, size_t n)
{
    void *p = malloc(n ? n : 1);

    (void)ctx;
    if (p)
        memset(p, 0xa5, n);
    return p;
}

static void open_both(struct fixture *f)
{
    struct store_fault    sf;
    struct store_conf     sc = {.dir = f->dir, .mode = STORE_DIRECT, .mem = &f->mem, .random = &f->random, .now_ms = NOW};
    struct directory_conf dc = {.mem = &f->mem, .random = &f->random, .digester = &f->digester, .realm = S("here"),
                                   .later_thread = f->later_thread};

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
    f.mem.alloc = soiled_alloc;
    random_seed(&f.random, 7);
    digest_open(&f.digester);
    snprintf(f.dir, sizeof f.dir, "/tmp/strowger-features-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    open_both(&f);
    *state = &f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;

    close_both(f);
    return folder_remove(f->dir);
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

static void a_group_is_a_number_with_members(void **state)
{
    struct fixture              *f = *state;
    struct directory_counts      n;
    const struct directory_view *v;
    struct plan_callee           c;
    struct directory_pair        pairs[] = {{S("group.members"), S("1001,1002")}, {S("group.how"), S("idle")},
                                            {S("group.ring_s"), S("12")}};
    char                         password[40];
    struct buf                   b = BUF_ON(password);

    assert_int_equal(add(f, "1001", "name", "Alice"), ERR_OK);
    assert_int_equal(directory_add(f->d, &(struct directory_act){S("600"), pairs, 3, S("test"), NOW}, &b, &f->fault), ERR_OK);
    assert_int_equal(buf_slice(&b).n, 0);
    v = directory_take(f->d);
    directory_plan_facts(v, S("600"), &c);
    assert_true(c.known && c.how == PLAN_HOW_IDLE && c.ring_ms == 12000 && slice_eq(c.members, S("1001,1002")));
    assert_true(directory_user(v, S("600"))->is_group && !directory_user(v, S("600"))->ha1_md5.n);
    directory_counts(v, &n);
    assert_true(n.users == 1 && n.groups == 1 && n.without_secret == 0);
    directory_give(v);
    close_both(f);
    open_both(f); /* it is stored */
    v = directory_take(f->d);
    assert_true(directory_user(v, S("600"))->is_group);
    directory_give(v);
}

static void what_no_group_can_be(void **state)
{
    static const struct {
        const char *number, *key, *value;
        enum err    e;
        const char *words;
    } rows[] = {
        {"600", "group.members", "", ERR_INVALID, "needs members"},
        {"600", "group.members", "1001,,1002", ERR_INVALID, "a list of up to 32 different numbers"},
        {"600", "group.members", "1001,1001", ERR_INVALID, "different numbers"},
        {"600", "group.members", "1 2", ERR_INVALID, "a list"},
        {"600", "group.how", "some", ERR_INVALID, "all|turn|idle"},
        {"600", "password", "secret", ERR_INVALID, "600 is a ring group: no phone is that"},
        {"600", "auth-name", "x", ERR_INVALID, "no auth-name"},
        {"1001", "group.members", "1002", ERR_INVALID, "1001 is a user"},
        {"1001", "group.how", "turn", ERR_INVALID, "1001 is none"},
        {"600", "forward.noanswer", "1003", ERR_OK, ""},
        {"600", "dnd", "on", ERR_OK, ""},
        {"600", "group.members", "1002", ERR_OK, ""},
    };
    struct fixture *f = *state;

    assert_int_equal(add(f, "1001", "name", "Alice"), ERR_OK);
    assert_int_equal(add(f, "600", "group.members", "1001"), ERR_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum err e = set(f, rows[i].number, rows[i].key, rows[i].value);

        if (e != rows[i].e || !strstr(f->fault.text, rows[i].words))
            fail_msg("%s=%s: %s, %s", rows[i].key, rows[i].value, err_text(e), f->fault.text);
    }
    assert_int_equal(add(f, "600", "group.members", "1001"), ERR_EXISTS);
    assert_non_null(strstr(f->fault.text, "group 600 is there already"));
}

/* A file may have users and groups, and gives what it got. */
static void groups_in_a_file(void **state)
{
    struct fixture              *f = *state;
    struct directory_import      im = {.csv = S("number,name,group.members\n1001,Alice,\n600,Sales,\"1001,1002\"\n"), .who = S("test")};
    const struct directory_view *v;

    assert_int_equal(directory_import(f->d, &im, &f->fault), ERR_OK);
    v = directory_take(f->d);
    assert_true(directory_user(v, S("600"))->is_group && !directory_user(v, S("1001"))->is_group);
    assert_true(directory_user(v, S("1001"))->ha1_md5.n && !directory_user(v, S("600"))->ha1_md5.n);
    directory_give(v);
    im.csv = S("number,password\n600,secret\n");
    assert_int_equal(directory_import(f->d, &im, &f->fault), ERR_INVALID);
}

static void on_later(void *arg, enum err e, const struct directory_fault *fault)
{
    char text[8];

    snprintf(text, sizeof text, "%d%s ", (int)e, fault->text[0] ? "!" : "");
    buf_put(arg, slice_z(text));
}

static enum err set_later(struct fixture *f, const char *number, const char *value, struct buf *told)
{
    char                  copy[32];
    struct directory_pair pair = {.key = S("forward.busy")};
    enum err              e;

    snprintf(copy, sizeof copy, "%s", value);
    pair.value = slice_z(copy);
    e = directory_set_later(f->d, &(struct directory_act){slice_z(number), &pair, 1, S("phone"), NOW}, on_later, told);
    memset(copy, 'x', sizeof copy); /* it was copied */
    return e;
}

/* In order, and all of it before the directory is closed; without a thread at once. */
static void acts_for_those_who_may_not_wait(void **state)
{
    struct fixture              *f = *state;
    const struct directory_view *v;
    char                         text[100], want[40];
    struct buf                   told = BUF_ON(text);

    assert_int_equal(add(f, "1001", "name", "Alice"), ERR_OK);
    assert_int_equal(set_later(f, "1001", "1002", &told), ERR_OK);
    assert_true(slice_eq(buf_slice(&told), S("0 ")));
    f->later_thread = true;
    close_both(f);
    open_both(f);
    assert_int_equal(set_later(f, "1001", "1003", &told), ERR_OK);
    assert_int_equal(set_later(f, "1009", "1003", &told), ERR_OK);
    assert_int_equal(set_later(f, "1001", "1005", &told), ERR_OK);
    directory_quiet(f->d);
    snprintf(want, sizeof want, "0 0 %d! 0 ", (int)ERR_NOTFOUND);
    assert_true(slice_eq(buf_slice(&told), slice_z(want)));
    assert_int_equal(set_later(f, "1001", "1004", &told), ERR_OK); /* without a thread again */
    snprintf(want, sizeof want, "0 0 %d! 0 0 ", (int)ERR_NOTFOUND);
    assert_true(slice_eq(buf_slice(&told), slice_z(want)));
    close_both(f);
    open_both(f);
    v = directory_take(f->d);
    assert_true(slice_eq(directory_setting(directory_user(v, S("1001")), S("forward.busy")), S("1004")));
    directory_give(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(settings_of_earlier_names_are_kept, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(features_are_facts_for_the_plan, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_group_is_a_number_with_members, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(what_no_group_can_be, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(groups_in_a_file, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(acts_for_those_who_may_not_wait, open_fixture, close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
