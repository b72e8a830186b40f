/* directory_test.c - users are added, changed, removed, imported and exported; what people do wrong is said in words. */
#include "server/directory/directory_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sys/folder_test.h"
#include "sys/heap.h"
#include "sys/random.h"

#define NOW 1700000000000

/* ---- a digester that keeps what it was given, and whose hash is that text cut to size ---- */
static char hashed[200];

static void keep_text(void *ctx, enum digest_alg alg, const struct slice *pieces, size_t n, unsigned char *out)
{
    struct buf b = BUF_ON(hashed);

    (void)ctx;
    for (size_t i = 0; i < n; i++)
        buf_put(&b, pieces[i]);
    memset(out, alg == DIGEST_MD5 ? 0x5d : 0x25, DIGESTER_OCTETS(alg));
    memcpy(out, hashed, b.n < 8 ? b.n : 8);
    buf_putc(&b, '\0');
}

static const struct digester digester = {.hash = keep_text};

/* ---- a directory over a store in a folder ---- */
struct fixture {
    char                   dir[64];
    struct mem             mem;
    struct random          random;
    struct store          *store;
    struct directory      *d;
    struct directory_conf  conf;
    struct directory_fault fault;
};

static void open_both(struct fixture *f)
{
    struct store_conf  conf = {.dir = f->dir, .mode = STORE_PUMPED, .mem = &f->mem, .random = &f->random};
    struct store_fault said;

    assert_int_equal(store_open(&f->store, &conf, &said), ERR_OK);
    f->conf.store = f->store;
    assert_int_equal(directory_open(&f->d, &f->conf, &f->fault), ERR_OK);
}

static void close_both(struct fixture *f)
{
    directory_close(f->d);
    store_close(f->store);
}

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    heap_mem(&f->mem);
    random_seed(&f->random, 7);
    f->conf = (struct directory_conf){.mem = &f->mem, .random = &f->random, .digester = &digester, .realm = S("here")};
    memcpy(f->dir, "/tmp/strowger-directory-XXXXXX", sizeof "/tmp/strowger-directory-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    open_both(f);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;

    close_both(f);
    assert_int_equal(folder_remove(f->dir), 0);
    free(f);
    return 0;
}

static enum err add(struct fixture *f, const char *number, const char *key, const char *value)
{
    struct directory_pair pair = {slice_z(key), slice_z(value)};

    return directory_add(f->d, &(struct directory_act){slice_z(number), &pair, key != NULL, S("test"), NOW}, NULL, &f->fault);
}

static enum err set(struct fixture *f, const char *number, const char *key, const char *value)
{
    struct directory_pair pair = {slice_z(key), slice_z(value)};

    return directory_set(f->d, &(struct directory_act){slice_z(number), &pair, 1, S("test"), NOW + 1}, &f->fault);
}

static enum err take_away(struct fixture *f, const char *number)
{
    return directory_remove(f->d, &(struct directory_act){.number = slice_z(number), .who = S("test")}, &f->fault);
}

static void assert_said(struct fixture *f, const char *words)
{
    if (!strstr(f->fault.text, words))
        fail_msg("\"%s\" does not say \"%s\"", f->fault.text, words);
}

static bool put_number(void *arg, const struct directory_user *u)
{
    buf_puts(arg, u->number, S(" "));
    return true;
}

static void assert_users(struct fixture *f, const char *want)
{
    const struct directory_view *v = directory_take(f->d);
    char                         text[400];
    struct buf                   b = BUF_ON(text);

    assert_int_equal(directory_each(v, put_number, &b), ERR_OK);
    directory_give(v);
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("%.*s, wanted %s", SARG(buf_slice(&b)), want);
}

/* ---- acts ---- */
static void a_user_is_added_and_found_and_still_there_after_a_restart(void **state)
{
    struct fixture              *f = *state;
    struct directory_pair        pairs[] = {{S("name"), S("Alice")}, {S("auth-name"), S("alice")}, {S("password"), S("wonder")},
                                            {S("digest"), S("both")}, {S("redirect"), S("follow")}, {S("dnd"), S("on")}};
    char                         password[64];
    struct buf                   b = BUF_ON(password);
    const struct directory_view *v;
    const struct directory_user *u;
    struct plan_callee           callee;

    assert_int_equal(directory_add(f->d, &(struct directory_act){S("1001"), pairs, 6, S("test"), NOW}, &b, &f->fault), ERR_OK);
    assert_true(slice_eq(buf_slice(&b), S("wonder")));
    assert_string_equal(hashed, "alice:here:wonder"); /* RFC 7616 §3.4.2 */
    for (int run = 0; run < 2; run++) {
        v = directory_take(f->d);
        u = directory_user(v, S("1001"));
        assert_non_null(u);
        assert_ptr_equal(directory_user_by_auth(v, S("alice")), u);
        assert_null(directory_user_by_auth(v, S("1001")));
        assert_null(directory_user(v, S("100")));
        assert_true(slice_eq(u->name, S("Alice")));
        assert_int_equal(u->ha1_md5.n, 32);
        assert_int_equal(u->ha1_sha256.n, 64);
        assert_true(slice_starts(u->ha1_md5, S("616c6963653a6865"))); /* "alice:he" */
        assert_int_equal(u->digest, DIRECTORY_DIGEST_BOTH);
        assert_int_equal(u->made_ms, NOW);
        assert_true(slice_eq(directory_setting(u, S("dnd")), S("on")));
        assert_true(slice_eq(u->settings, S("digest=both\ndnd=on\nredirect=follow\n")));
        directory_plan_facts(v, S("1001"), &callee);
        assert_true(callee.known && slice_eq(callee.name, S("Alice")) && callee.redirect == PLAN_REDIRECT_FOLLOW);
        directory_plan_facts(v, S("1002"), &callee);
        assert_false(callee.known);
        directory_give(v);
        close_both(f);
        open_both(f);
    }
}

static void without_a_password_a_strong_one_is_made(void **state)
{
    struct fixture *f = *state;
    char            first[64], second[64], want[200];
    struct buf      a = BUF_ON(first), b = BUF_ON(second);

    assert_int_equal(directory_add(f->d, &(struct directory_act){.number = S("1001")}, &a, &f->fault), ERR_OK);
    snprintf(want, sizeof want, "1001:here:%.*s", SARG(buf_slice(&a)));
    assert_string_equal(hashed, want);
    assert_int_equal(directory_add(f->d, &(struct directory_act){.number = S("1002")}, &b, &f->fault), ERR_OK);
    assert_int_equal(a.n, DIRECTORY_PASSWORD_LETTERS);
    assert_int_equal(b.n, DIRECTORY_PASSWORD_LETTERS);
    assert_false(slice_eq(buf_slice(&a), buf_slice(&b)));
    for (size_t i = 0; i < a.n; i++)
        assert_null(memchr("0O1lIio", first[i], 7));
}

static void what_people_do_wrong_is_said(void **state)
{
    static const struct {
        const char *number, *key, *value;
        enum err    e;
        const char *words;
    } rows[] = {
        {"1001", NULL, NULL, ERR_EXISTS, "user 1001 is there already (Alice)"},
        {"10 02", NULL, NULL, ERR_SYNTAX, "\"10 02\" is no number"},
        {"", NULL, NULL, ERR_SYNTAX, "needs a number"},
        {"10\n2", NULL, NULL, ERR_SYNTAX, "\"10\\x0a2\" is no number"},
        {"1002", "forward.buzy", "1003", ERR_INVALID, "did you mean \"forward.busy\"?"},
        {"1002", "pasword", "x", ERR_INVALID, "did you mean \"password\"?"},
        {"1002", "completely-else", "x", ERR_INVALID, "there are name, auth-name"},
        {"1002", "digest", "sha1", ERR_INVALID, "digest is one of auto|md5|sha-256|both"},
        {"1002", "forward.noanswer_s", "4", ERR_INVALID, "from 5 to 180"},
        {"1002", "forward.noanswer_s", "999", ERR_INVALID, "from 5 to 180"},
        {"1002", "forward.always", "a b", ERR_INVALID, "a number or a SIP URI"},
        {"1002", "password", "", ERR_SYNTAX, "the password is empty"},
        {"1002", "name", "A\tB", ERR_SYNTAX, "the name has characters"},
        {"1002", "auth-name", "a:b", ERR_SYNTAX, "the auth-name has characters"},
        {"1002", "auth-name", "1001", ERR_EXISTS, "user 1001 has this auth-name already"},
    };
    struct fixture *f = *state;

    assert_int_equal(add(f, "1001", "name", "Alice"), ERR_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(add(f, rows[i].number, rows[i].key, rows[i].value), rows[i].e);
        assert_said(f, rows[i].words);
    }
    assert_int_equal(set(f, "1009", "name", "x"), ERR_NOTFOUND);
    assert_said(f, "there is no user 1009");
    assert_int_equal(take_away(f, "1009"), ERR_NOTFOUND);
    assert_users(f, "1001 ");
}

static void settings_are_changed_one_at_a_time(void **state)
{
    struct fixture              *f = *state;
    const struct directory_view *v;
    const struct directory_user *u;
    char                         ha1[32];

    assert_int_equal(add(f, "1001", "password", "secret1"), ERR_OK);
    v = directory_take(f->d);
    u = directory_user(v, S("1001"));
    memcpy(ha1, u->ha1_md5.p, 32);
    assert_int_equal(set(f, "1001", "forward.busy", "1002"), ERR_OK);
    assert_int_equal(set(f, "1001", "dnd", "on"), ERR_OK);
    assert_int_equal(set(f, "1001", "forward.busy", "1003"), ERR_OK);
    assert_int_equal(set(f, "1001", "dnd", ""), ERR_OK);
    assert_int_equal(u->settings.n, 0); /* the view that we hold shows what was */
    directory_give(v);
    v = directory_take(f->d);
    u = directory_user(v, S("1001"));
    assert_true(slice_eq(u->settings, S("forward.busy=1003\n")));
    assert_int_equal(u->made_ms, NOW);
    assert_memory_equal(u->ha1_md5.p, ha1, 32); /* the password is as it was */
    directory_give(v);
    assert_int_equal(set(f, "1001", "auth-name", "new"), ERR_INVALID);
    assert_said(f, "give the password too");
}

static void users_are_listed_by_number_and_removed(void **state)
{
    static const char *const numbers[] = {"2000", "999", "1001", "alice", "10000"};
    struct fixture          *f = *state;
    struct directory_counts  counts;

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(add(f, numbers[i], NULL, NULL), ERR_OK);
    assert_users(f, "999 1001 2000 10000 alice ");
    assert_int_equal(take_away(f, "2000"), ERR_OK);
    assert_int_equal(take_away(f, "alice"), ERR_OK);
    assert_users(f, "999 1001 10000 ");
    close_both(f);
    open_both(f);
    assert_users(f, "999 1001 10000 ");
    const struct directory_view *v = directory_take(f->d);
    directory_counts(v, &counts);
    directory_give(v);
    assert_int_equal(counts.users, 3);
    assert_int_equal(counts.without_secret, 0);
}

static void another_realm_leaves_users_without_a_secret(void **state)
{
    struct fixture              *f = *state;
    struct directory_counts      counts;
    const struct directory_view *v;

    assert_int_equal(add(f, "1001", "password", "secret1"), ERR_OK);
    close_both(f);
    f->conf.realm = S("elsewhere");
    open_both(f);
    v = directory_take(f->d);
    directory_counts(v, &counts);
    assert_int_equal(counts.without_secret, 1);
    assert_int_equal(directory_user(v, S("1001"))->ha1_md5.n, 0);
    assert_int_equal(directory_decoy(v)->ha1_md5.n, 32);
    directory_give(v);
    assert_int_equal(set(f, "1001", "password", "secret2"), ERR_OK);
    assert_string_equal(hashed, "1001:elsewhere:secret2");
}

static void open_house_knows_every_number(void **state)
{
    struct fixture              *f = *state;
    struct plan_callee           callee;
    const struct directory_view *v;

    close_both(f);
    f->conf.open_house = true;
    open_both(f);
    v = directory_take(f->d);
    assert_true(directory_open_house(v));
    directory_plan_facts(v, S("77"), &callee);
    assert_true(callee.known && slice_eq(callee.number, S("77")));
    directory_plan_facts(v, SLICE_NONE, &callee);
    assert_false(callee.known);
    directory_give(v);
}

/* ---- names of the exchange ---- */
static bool ours(struct fixture *f, const char *host)
{
    const struct directory_view *v = directory_take(f->d);
    bool                         is = directory_host_is_ours(v, slice_z(host));

    directory_give(v);
    return is;
}

static void configured_domains_are_ours_and_no_others(void **state)
{
    static const struct slice domains[] = {{"Example.com", 11}}, own[] = {{"127.0.0.10", 10}, {"[2001:DB8::0:1]", 15}};
    struct fixture           *f = *state;
    struct directory_conf     conf = {.domains = domains, .n_domains = 1, .own_hosts = own, .n_own_hosts = 2};

    assert_int_equal(directory_set_domains(f->d, &conf), ERR_OK);
    assert_true(ours(f, "example.COM"));
    assert_true(ours(f, "example.com."));
    assert_true(ours(f, "127.0.0.10"));
    assert_true(ours(f, "2001:db8:0::1"));
    assert_false(ours(f, "127.0.0.1"));
    assert_false(ours(f, "example.org"));
    assert_false(ours(f, ""));
    assert_int_equal(directory_learn_host(f->d, S("example.com")), ERR_OK);
    assert_int_equal(directory_learn_host(f->d, S("example.org")), ERR_DENIED);
    assert_false(ours(f, "example.org"));
    conf.domains = &(struct slice){"a b", 3};
    assert_int_equal(directory_set_domains(f->d, &conf), ERR_SYNTAX);
    assert_true(ours(f, "example.com"));
}

static void without_domains_the_names_that_phones_use_are_learned(void **state)
{
    struct fixture *f = *state;
    char            name[24];
    enum err        e = ERR_OK;
    int             n = 0;

    assert_false(ours(f, "pbx.lan"));
    assert_int_equal(directory_learn_host(f->d, S("PBX.lan")), ERR_OK);
    assert_int_equal(directory_learn_host(f->d, S("pbx.lan.")), ERR_OK);
    assert_true(ours(f, "pbx.lan"));
    assert_int_equal(directory_learn_host(f->d, S("bad host")), ERR_SYNTAX);
    store_flush(f->store);
    close_both(f);
    open_both(f);
    assert_true(ours(f, "pbx.lan"));
    for (; !e && n < 100; n++) {
        snprintf(name, sizeof name, "host%d", n);
        e = directory_learn_host(f->d, slice_z(name));
    }
    assert_int_equal(e, ERR_FULL);
    assert_int_equal(n, DIRECTORY_MAX_LEARNED); /* pbx.lan is one of them */
}

/* ---- CSV ---- */
struct made {
    char       text[200];
    struct buf b;
};

static void note_made(void *arg, struct slice number, struct slice password)
{
    struct made *m = arg;

    assert_int_equal(password.n, DIRECTORY_PASSWORD_LETTERS);
    buf_puts(&m->b, number, S(" "));
}

static enum err import(struct fixture *f, const char *csv, struct directory_import *im)
{
    im->csv = slice_z(csv);
    im->now_ms = NOW;
    return directory_import(f->d, im, &f->fault);
}

static void import_adds_and_changes_all_rows(void **state)
{
    struct fixture              *f = *state;
    struct made                  made = {.b = {0}};
    struct directory_import      im = {.made = note_made, .arg = &made};
    const struct directory_view *v;
    const struct directory_user *u;

    buf_init(&made.b, made.text, sizeof made.text);
    assert_int_equal(add(f, "1001", "password", "secret1"), ERR_OK);
    assert_int_equal(import(f, "\xef\xbb\xbfnumber,name,password,dnd\r\n1001,\"Smith, \"\"Al\"\"\",,on\r\n\r\n"
                               "1002,Bob,pw2,\r\n1003,Carol", &im), ERR_OK);
    assert_int_equal(im.added, 2);
    assert_int_equal(im.changed, 1);
    assert_true(slice_eq(buf_slice(&made.b), S("1003 ")));
    assert_users(f, "1001 1002 1003 ");
    v = directory_take(f->d);
    u = directory_user(v, S("1001"));
    assert_true(slice_eq(u->name, S("Smith, \"Al\"")));
    assert_true(slice_eq(u->settings, S("dnd=on\n")));
    assert_int_equal(u->ha1_md5.n, 32);
    assert_int_equal(directory_user(v, S("1003"))->ha1_md5.n, 32);
    directory_give(v);
    close_both(f);
    open_both(f);
    assert_users(f, "1001 1002 1003 ");
}

static void import_is_all_or_nothing_and_names_the_line(void **state)
{
    static const struct {
        const char *csv;
        enum err    e;
        const char *words;
    } rows[] = {
        {"number,name\n2001,A\n\n20 02,B\n", ERR_SYNTAX, "line 4: \"20 02\" is no number"},
        {"number,name\n2001,\"A\nB\"\n", ERR_SYNTAX, "line 2: the name has characters"},
        {"number,name\n2001,A\n2001,B\n", ERR_EXISTS, "line 3: 2001 stands in the file twice"},
        {"number,name\n2001,A,B\n", ERR_SYNTAX, "line 2: it has 3 fields, but there are 2 columns"},
        {"number,nam\n2001,A\n", ERR_INVALID, "line 1: there is no setting \"nam\"; did you mean \"name\"?"},
        {"name\nA\n", ERR_SYNTAX, "no column is called \"number\""},
        {"", ERR_SYNTAX, "the file is empty"},
        {"number,name\n2001,\"A\n", ERR_SYNTAX, "line 2: a quote is missing"},
        {"number,name\n2001,\"A\"x\n", ERR_SYNTAX, "line 2: a quote is missing"},
        {"number,auth-name\n2001,x\n2002,x\n", ERR_EXISTS, "would have the same auth-name"},
        {"number,auth-name\n2001,1001\n", ERR_EXISTS, "2001 and 1001 would have the same auth-name"},
        {"number,auth-name\n2001,2002\n2002,\n", ERR_EXISTS, "would have the same auth-name"},
        {"number,ha1-md5\n2001,xyz\n", ERR_SYNTAX, "line 2: a hash of this kind has 32"},
    };
    struct fixture *f = *state;

    assert_int_equal(add(f, "1001", NULL, NULL), ERR_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct directory_import im = {0};

        assert_int_equal(import(f, rows[i].csv, &im), rows[i].e);
        assert_said(f, rows[i].words);
        assert_int_equal(im.added + im.changed, 0);
        assert_users(f, "1001 ");
    }
}

static void put_text(void *arg, struct slice text)
{
    buf_put(arg, text);
}

static void what_is_exported_can_be_imported(void **state)
{
    struct fixture              *f = *state;
    char                         text[2000], again[2000];
    struct buf                   a = BUF_ON(text), b = BUF_ON(again);
    struct directory_import      im = {0};
    const struct directory_view *v;

    assert_int_equal(import(f, "number,name,forward.busy\n1001,\"A \"\"x\"\", B\",1002\n1002,Bob,\n", &im), ERR_OK);
    v = directory_take(f->d);
    assert_int_equal(directory_export(v, true, put_text, &a), ERR_OK);
    directory_give(v);
    assert_true(slice_starts(buf_slice(&a), S("number,name,auth-name,")));
    assert_true(slice_find_slice(buf_slice(&a), S(",realm,ha1-md5,ha1-sha256\r\n1001,\"A \"\"x\"\", B\",1001,")) != SIZE_MAX);
    assert_true(slice_find_slice(buf_slice(&a), S(",1002,")) != SIZE_MAX);
    assert_true(slice_find_slice(buf_slice(&a), S(",here,")) != SIZE_MAX);
    assert_int_equal(take_away(f, "1001"), ERR_OK);
    assert_int_equal(take_away(f, "1002"), ERR_OK);
    im.csv = buf_slice(&a);
    assert_int_equal(directory_import(f->d, &im, &f->fault), ERR_OK);
    assert_int_equal(im.added, 2);
    v = directory_take(f->d);
    assert_int_equal(directory_export(v, true, put_text, &b), ERR_OK);
    assert_true(slice_eq(buf_slice(&a), buf_slice(&b)));
    buf_reset(&b);
    assert_int_equal(directory_export(v, false, put_text, &b), ERR_OK);
    assert_int_equal(slice_find_slice(buf_slice(&b), S("here")), SIZE_MAX);
    directory_give(v);
}

/* ---- memory ---- */
static struct {
    struct mem heap;
    long       left, held;
} scarce;

static void *scarce_alloc(void *ctx, size_t n)
{
    void *p = scarce.left-- > 0 ? mem_alloc(&scarce.heap, n) : NULL;

    (void)ctx;
    scarce.held += p ? (long)n : 0;
    return p;
}

static void scarce_free(void *ctx, void *p, size_t n)
{
    (void)ctx;
    scarce.held -= (long)n;
    mem_free(&scarce.heap, p, n);
}

static void no_memory_changes_nothing_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    enum err        e = ERR_NOMEM;
    int             failed = 0;

    close_both(f);
    scarce.heap = f->mem;
    scarce.held = 0;
    f->mem = (struct mem){scarce_alloc, scarce_free, NULL};
    scarce.left = 100000;
    open_both(f);
    for (int n = 0; e; n++) {
        struct directory_import im = {0};

        assert_users(f, "");
        scarce.left = n;
        e = import(f, "number,name\n1,A\n2,B\n", &im);
        scarce.left = 100000;
        failed += e == ERR_NOMEM;
    }
    assert_true(failed > 5);
    assert_users(f, "1 2 ");
    close_both(f);
    assert_int_equal(scarce.held, 0);
    open_both(f);
}

static void on_changed(void *ctx, struct slice number)
{
    buf_puts(ctx, number.n ? number : S("several"), S(" "));
}

static void every_change_is_told(void **state)
{
    struct fixture         *f = *state;
    struct directory_import im = {.csv = S("number,name\n1002,Bob\n1003,Carol\n"), .who = S("test")};
    char                    text[100];
    struct buf              t = BUF_ON(text);

    directory_watch(f->d, on_changed, &t);
    assert_int_equal(add(f, "1001", "name", "Alice"), ERR_OK);
    assert_int_equal(set(f, "1001", "dnd", "on"), ERR_OK);
    assert_int_equal(set(f, "1001", "dnd", "perhaps"), ERR_INVALID);
    assert_int_equal(directory_import(f->d, &im, &f->fault), ERR_OK);
    assert_int_equal(take_away(f, "1002"), ERR_OK);
    assert_true(slice_eq(buf_slice(&t), S("1001 1001 several 1002 ")));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        T(a_user_is_added_and_found_and_still_there_after_a_restart),
        T(without_a_password_a_strong_one_is_made),
        T(what_people_do_wrong_is_said),
        T(settings_are_changed_one_at_a_time),
        T(users_are_listed_by_number_and_removed),
        T(another_realm_leaves_users_without_a_secret),
        T(open_house_knows_every_number),
        T(configured_domains_are_ours_and_no_others),
        T(without_domains_the_names_that_phones_use_are_learned),
        T(import_adds_and_changes_all_rows),
        T(import_is_all_or_nothing_and_names_the_line),
        T(what_is_exported_can_be_imported),
        T(no_memory_changes_nothing_and_loses_nothing),
        T(every_change_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
