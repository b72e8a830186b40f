/* trunk_test.c - trunks: added, changed, removed, kept over a restart; their passwords. */
#include "server/directory/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/digest.h"
#include "sys/folder_test.h"
#include "sys/heap.h"
#include "sys/random.h"

static struct {
    struct mem             mem;
    struct random          random;
    struct digester        digester;
    struct store          *store;
    struct directory      *d;
    struct directory_fault fault;
    char                   dir[64];
} f;

static void open_again(void)
{
    struct store_fault    sf = {""};
    struct store_conf     sc = {.dir = f.dir, .mode = STORE_DIRECT, .mem = &f.mem, .random = &f.random, .now_ms = 1};
    struct directory_conf dc = {.mem = &f.mem, .random = &f.random, .digester = &f.digester, .realm = S("strowger")};

    directory_close(f.d);
    store_close(f.store);
    f.d = NULL;
    f.store = NULL;
    if (store_open(&f.store, &sc, &sf))
        fail_msg("%s", sf.text);
    dc.store = f.store;
    assert_int_equal(directory_open(&f.d, &dc, &f.fault), ERR_OK);
}

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    heap_mem(&f.mem);
    random_seed(&f.random, 1);
    digest_open(&f.digester);
    snprintf(f.dir, sizeof f.dir, "/tmp/strowger-trunk-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    open_again();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    directory_close(f.d);
    store_close(f.store);
    return folder_remove(f.dir);
}

enum { MAX_PAIRS = 12 };

/* "key=value key=value" */
static enum err act(enum err (*how)(struct directory *, const struct directory_act *, struct directory_fault *), const char *name,
                    const char *pairs)
{
    struct directory_pair p[MAX_PAIRS];
    struct directory_act  a = {.number = slice_z(name), .pairs = p, .who = S("test"), .now_ms = 5};
    struct slice          rest = slice_z(pairs), one;

    for (bool more = rest.n > 0; more && a.n_pairs < MAX_PAIRS; a.n_pairs++) {
        more = slice_cut(&rest, ' ', &one);
        slice_cut(&one, '=', &p[a.n_pairs].key);
        p[a.n_pairs].value = one;
    }
    return how(f.d, &a, &f.fault);
}

static void assert_said(enum err e, enum err want, const char *what)
{
    assert_int_equal(e, want);
    if (!strstr(f.fault.text, what))
        fail_msg("\"%s\" has no \"%s\"", f.fault.text, what);
}

static bool text_is(struct slice s, const char *want)
{
    return slice_eq(s, slice_z(want));
}

static void a_trunk_is_kept_over_a_restart(void **state)
{
    const struct directory_view  *v;
    const struct directory_trunk *t, *all;

    (void)state;
    assert_int_equal(act(directory_trunk_add, "berlin",
                         "server=sip:sip.example.net;transport=tcp register=on user=4930555 password=geheim dial=0*/1/+49 "
                         "did=+4930555xxxx/8/ emergency=on address=192.0.2.0/24,[2001:db8::1]:5060"),
                     ERR_OK);
    assert_int_equal(act(directory_trunk_add, "aachen", "server=sip:198.51.100.7:5080 preference=5 qualify_s=0"), ERR_OK);
    for (int again = 0; again < 2; again++, open_again()) {
        v = directory_take(f.d);
        assert_int_equal(directory_trunks(v, &all), 2);
        assert_true(text_is(all[0].name, "aachen") && text_is(all[1].name, "berlin"));
        t = directory_trunk(v, S("berlin"));
        assert_non_null(t);
        assert_true(t->registers && t->emergency && !t->trusted);
        assert_true(text_is(t->user, "4930555") && text_is(t->auth_name, "4930555") && text_is(t->password, "geheim"));
        assert_true(text_is(t->domain, "sip.example.net") && text_is(t->number, "4930555") && text_is(t->dial, "0*/1/+49"));
        assert_int_equal(t->preference, 100);
        assert_int_equal(t->qualify_s, 30);
        assert_int_equal(t->n_sources, 2);
        assert_int_equal(t->source[0].bits, 24);
        assert_int_equal(t->source[1].addr.port, 5060);
        assert_true(slice_find_slice(t->settings, S("password")) == SIZE_MAX);
        assert_int_equal(all[0].n_sources, 1); /* its server's address, from any port */
        assert_int_equal(all[0].source[0].addr.port, 0);
        assert_true(all[0].preference == 5 && all[0].qualify_s == 0);
        directory_give(v);
    }
}

static void a_change_changes_what_it_names_and_no_other_trunk(void **state)
{
    const struct directory_view  *before, *v;
    const struct directory_trunk *berlin, *aachen;

    (void)state;
    act(directory_trunk_add, "berlin", "server=sip:b.example user=u password=p dial=0*");
    act(directory_trunk_add, "aachen", "server=sip:a.example");
    before = directory_take(f.d);
    assert_int_equal(act(directory_trunk_set, "berlin", "dial=9* user=other"), ERR_OK);
    v = directory_take(f.d);
    berlin = directory_trunk(v, S("berlin"));
    aachen = directory_trunk(v, S("aachen"));
    assert_true(text_is(berlin->dial, "9*") && text_is(berlin->user, "other") && text_is(berlin->password, "p"));
    assert_true(berlin->version != directory_trunk(before, S("berlin"))->version);
    assert_true(aachen->version == directory_trunk(before, S("aachen"))->version);
    assert_true(text_is(directory_trunk(before, S("berlin"))->dial, "0*")); /* who looks sees what was there */
    directory_give(before);
    directory_give(v);
    assert_int_equal(act(directory_trunk_set, "berlin", "password="), ERR_OK);
    assert_int_equal(act(directory_trunk_remove, "aachen", ""), ERR_OK);
    v = directory_take(f.d);
    assert_int_equal(directory_trunk(v, S("berlin"))->password.n, 0);
    assert_null(directory_trunk(v, S("aachen")));
    directory_give(v);
}

static void what_cannot_be_is_said(void **state)
{
    static const char *const bad[] = {"server=sip:user@host",  "server=sips:h",       "server=sip:h;transport=ws", "server=tel:1",        "dial=a!",       "did=0*,",       "address=host",
                                      "address=192.0.2.1/33",  "preference=0",        "qualify_s=4",   "register=yes",  "domain=a:5060",
                                      "main-number=a b",       "user=a\"b",           "emergency=1",   "caller-id=[",   "domain=<x>"};
    char long_name[DIRECTORY_MAX_TRUNK_NAME + 2] = "";

    (void)state;
    assert_said(act(directory_trunk_add, "berlin", "dial=0*"), ERR_INVALID, "needs a server");
    assert_said(act(directory_trunk_add, "berlin", "server=sip:b register=on"), ERR_INVALID, "needs a user");
    assert_said(act(directory_trunk_add, "ber lin", "server=sip:b"), ERR_SYNTAX, "letters, digits");
    assert_said(act(directory_trunk_add, "", "server=sip:b"), ERR_LIMIT, "from 1 to 32");
    memset(long_name, 'a', sizeof long_name - 1);
    assert_said(act(directory_trunk_add, long_name, "server=sip:b"), ERR_LIMIT, "from 1 to 32");
    assert_int_equal(act(directory_trunk_add, "berlin", "server=sip:b"), ERR_OK);
    assert_said(act(directory_trunk_add, "berlin", "server=sip:b"), ERR_EXISTS, "trunk berlin is there already");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (act(directory_trunk_set, "berlin", bad[i]) != ERR_INVALID)
            fail_msg("%s was taken", bad[i]);
    assert_said(act(directory_trunk_set, "berlin", "serwer=sip:c"), ERR_INVALID, "did you mean \"server\"");
    assert_said(act(directory_trunk_set, "berlin", "zzzzzzzz=1"), ERR_INVALID, "there are address, auth-name");
    assert_said(act(directory_trunk_set, "berlin", "server="), ERR_INVALID, "needs a server");
    assert_said(act(directory_trunk_set, "paris", "dial=0*"), ERR_NOTFOUND, "there is no trunk paris");
    assert_said(act(directory_trunk_remove, "paris", ""), ERR_NOTFOUND, "there is no trunk paris");
}

static void there_are_so_many_and_no_more(void **state)
{
    char name[16];

    (void)state;
    for (int i = 0; i < DIRECTORY_MAX_TRUNKS; i++) {
        snprintf(name, sizeof name, "t%d", i);
        assert_int_equal(act(directory_trunk_add, name, "server=sip:b"), ERR_OK);
    }
    assert_said(act(directory_trunk_add, "more", "server=sip:b"), ERR_LIMIT, "32 trunks already");
}

static bool find_secret(void *arg, struct slice key, struct slice value)
{
    (void)key;
    *(bool *)arg |= slice_find_slice(value, S("geheim")) != SIZE_MAX;
    return true;
}

static bool spoil(void *arg, struct slice key, struct slice value)
{
    struct store_write *w = store_begin(f.store, STORE_PROMISE);
    char                text[1000];
    size_t              at = slice_find_slice(value, S("password=")) + 9;

    (void)arg;
    if (!slice_starts(key, S("trunk.")) || at < 9 || value.n > sizeof text) {
        store_drop(w);
        return true;
    }
    memcpy(text, value.p, value.n);
    text[at] = text[at] == '0' ? '1' : '0';
    store_put_setting(w, key, (struct slice){text, value.n});
    store_submit(w, NULL, NULL);
    return false;
}

static void a_password_is_sealed_in_the_store(void **state)
{
    const struct directory_view *v;
    bool                         found = false;

    (void)state;
    act(directory_trunk_add, "berlin", "server=sip:b.example user=u password=geheim-geheim-geheim-geheim-geheim-geheim");
    store_each_setting(f.store, find_secret, &found);
    assert_false(found);
    open_again();
    v = directory_take(f.d);
    assert_true(text_is(directory_trunk(v, S("berlin"))->password, "geheim-geheim-geheim-geheim-geheim-geheim"));
    directory_give(v);
    store_each_setting(f.store, spoil, NULL);
    open_again();
    v = directory_take(f.d);
    assert_int_equal(directory_trunk(v, S("berlin"))->password.n, 0); /* it was meddled with: there is none */
    directory_give(v);
}

static void emergency_numbers_have_a_default(void **state)
{
    const struct directory_view *v = directory_take(f.d);

    (void)state;
    assert_true(directory_is_emergency(v, S("112")) && directory_is_emergency(v, S("911")));
    assert_false(directory_is_emergency(v, S("1112")) || directory_is_emergency(v, SLICE_NONE));
    directory_give(v);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_trunk_is_kept_over_a_restart), T(a_change_changes_what_it_names_and_no_other_trunk), T(what_cannot_be_is_said),
        T(there_are_so_many_and_no_more),  T(a_password_is_sealed_in_the_store),                 T(emergency_numbers_have_a_default),
    };
    return cmocka_run_group_tests_name("server/directory/trunk", tests, NULL, NULL);
}
