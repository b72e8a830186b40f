/* admin_test.c - every administrative act: what it takes, what it gives, and what it says when it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/admin/admin.h"
#include "sys/digest.h"
#include "sys/folder_test.h"
#include "sys/heap.h"
#include "sys/random.h"

enum { NOW_MS = 1700000000 };

struct fixture {
    struct mem        mem;
    struct random     random;
    struct digester   digester;
    char              dir[64], path[128];
    struct store     *store;
    struct directory *directory;
    struct location  *location;
    struct dialogs   *dialogs;
    struct admin      admin;
    int64_t           now_ms;
    struct dialog_id  ended;  /* whom end_call was asked for */
    enum err          end_says;
    json_t           *answer; /* the last */
};

static int64_t now_ms(void *ctx)
{
    return ((struct fixture *)ctx)->now_ms;
}

static struct slice app(void *ctx, struct slice number)
{
    (void)ctx;
    return slice_eq(number, S("801")) ? S("conference") : slice_eq(number, S("*88")) ? S("factory") : SLICE_NONE;
}

static enum err end_call(void *ctx, struct dialog_id id)
{
    struct fixture *f = ctx;

    f->ended = id;
    return f->end_says;
}

static void overload(void *ctx, struct admin_overload *out)
{
    (void)ctx;
    *out = (struct admin_overload){.workers = 1, .since_ms = NOW_MS, .calls_per_s = 617, .let_in = 9, .refused = 8, .silent = 7};
}

static int open_all(void **state)
{
    static struct fixture  f;
    struct store_fault     sf;
    struct directory_fault df;
    struct store_conf      sc = {.dir = f.dir, .mode = STORE_DIRECT, .mem = &f.mem, .random = &f.random, .now_ms = NOW_MS};
    struct directory_conf  dc = {.mem = &f.mem, .random = &f.random, .digester = &f.digester, .realm = S("strowger")};
    struct location_conf   lc = {.mem = &f.mem, .random = &f.random, .digester = &f.digester, .now_ms = NOW_MS};
    struct dialogs_conf    gc = {.mem = &f.mem, .random = &f.random, .now_ms = NOW_MS};

    memset(&f, 0, sizeof f);
    heap_mem(&f.mem);
    random_seed(&f.random, 17);
    digest_open(&f.digester);
    f.now_ms = NOW_MS;
    snprintf(f.dir, sizeof f.dir, "/tmp/strowger-admin-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    assert_int_equal(store_open(&f.store, &sc, &sf), ERR_OK);
    dc.store = lc.store = gc.store = f.store;
    assert_int_equal(directory_open(&f.directory, &dc, &df), ERR_OK);
    assert_int_equal(location_open(&f.location, &lc), ERR_OK);
    assert_int_equal(dialogs_open(&f.dialogs, &gc), ERR_OK);
    f.admin.config = (struct admin_config){.mem = &f.mem, .store = f.store, .directory = f.directory, .location = f.location,
                                           .dialogs = f.dialogs, .now_ms = now_ms, .end_call = end_call, .app = app, .overload = overload, .ctx = &f};
    *state = &f;
    return 0;
}

static int close_all(void **state)
{
    struct fixture *f = *state;

    json_decref(f->answer);
    dialogs_close(f->dialogs);
    location_close(f->location);
    directory_close(f->directory);
    store_close(f->store);
    return folder_remove(f->dir);
}

/* ---- asking ---- */

static json_t *ask(struct fixture *f, const char *request)
{
    json_t *in = json_loads(request, 0, NULL);

    assert_non_null(in);
    json_decref(f->answer);
    f->answer = admin_do(&f->admin, in, S("test"));
    json_decref(in);
    assert_non_null(f->answer);
    return f->answer;
}

static json_t *does(struct fixture *f, const char *request)
{
    json_t *a = ask(f, request);

    if (!json_is_true(json_object_get(a, "ok")))
        fail_msg("%s: %s", request, json_string_value(json_object_get(a, "error")));
    return a;
}

static void fails(struct fixture *f, const char *request, const char *says)
{
    const char *error = json_string_value(json_object_get(ask(f, request), "error"));

    assert_true(json_is_false(json_object_get(f->answer, "ok")));
    assert_non_null(error);
    if (!strstr(error, says))
        fail_msg("%s: '%s' does not say '%s'", request, error, says);
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    assert_non_null(s);
    return s;
}

static json_int_t number(const json_t *o, const char *key)
{
    assert_true(json_is_integer(json_object_get(o, key)));
    return json_integer_value(json_object_get(o, key));
}

static const json_t *item(const json_t *answer, const char *key, size_t i, size_t n)
{
    const json_t *list = json_object_get(answer, key);

    assert_true(json_is_array(list));
    assert_int_equal(json_array_size(list), n);
    return json_array_get(list, i);
}

/* ---- what there is to ask about ---- */

static void on_done(void *arg, enum err e, const struct location_binding *list, size_t n)
{
    (void)arg;
    (void)list;
    (void)n;
    assert_int_equal(e, ERR_OK);
}

static void bind_phone(struct fixture *f, const char *user, const char *contact)
{
    struct location_contact c = {.uri = slice_z(contact), .q = 1000, .expires_s = 3600};
    struct location_change  change = {.aor = slice_z(user), .aor_uri = S("sip:x@example.com"), .call_id = slice_z(contact), .cseq = 1,
                                      .contacts = &c, .n_contacts = 1, .received = S("10.0.0.9:5060"), .agent = S("a phone"),
                                      .now_ms = f->now_ms};

    location_update(f->location, &change, on_done, NULL);
}

static struct dialog_id begin_call(struct fixture *f, const char *call_id, bool answered)
{
    struct dialog_record r = {.call_id = slice_z(call_id), .invite_cseq = 1, .state = answered ? DIALOG_CONFIRMED : DIALOG_EARLY,
                              .writes_cdr = true, .code = answered ? 200 : 180, .started_ms = f->now_ms, .seen_ms = f->now_ms};
    struct dialog_id     id;

    r.side[0] = (struct dialog_party){.tag = S("a"), .number = S("1001"), .uri = S("sip:1001@x"), .target = S("sip:1001@10.0.0.9")};
    r.side[1] = (struct dialog_party){.tag = S("b"), .uri = S("sip:1002@x"), .target = S("sip:1002@10.0.0.8")};
    r.answered_ms = answered ? f->now_ms + 2000 : 0;
    assert_int_equal(dialogs_begin(f->dialogs, &r, &id), ERR_OK);
    return id;
}

/* ---- users ---- */

static void users_added_set_listed_removed(void **state)
{
    struct fixture *f = *state;
    const json_t   *u;

    assert_int_equal(strlen(text(does(f, "{\"act\":\"user.add\",\"number\":\"1001\",\"name\":\"Alice\"}"), "password")),
                     DIRECTORY_PASSWORD_LETTERS);
    assert_null(json_object_get(does(f, "{\"act\":\"user.add\",\"number\":\"1002\",\"password\":\"a long and good one\"}"), "password"));
    does(f, "{\"act\":\"user.set\",\"number\":\"1002\",\"name\":\"Bob\",\"redirect\":\"follow\"}");
    u = item(does(f, "{\"act\":\"user.list\"}"), "users", 1, 2);
    assert_string_equal(text(u, "number"), "1002");
    assert_string_equal(text(u, "name"), "Bob");
    assert_true(json_is_true(json_object_get(u, "has-password")));
    assert_string_equal(text(json_object_get(u, "settings"), "redirect"), "follow");
    does(f, "{\"act\":\"user.remove\",\"number\":\"1001\"}");
    item(does(f, "{\"act\":\"user.list\"}"), "users", 0, 1);
}

static void users_that_cannot_be(void **state)
{
    struct fixture *f = *state;

    does(f, "{\"act\":\"user.add\",\"number\":\"1001\",\"name\":\"Alice\"}");
    fails(f, "{\"act\":\"user.add\",\"number\":\"1001\"}", "1001 is there already (Alice)");
    fails(f, "{\"act\":\"user.add\"}", "number");
    fails(f, "{\"act\":\"user.add\",\"number\":\"10 01\"}", "10 01");
    fails(f, "{\"act\":\"user.set\",\"number\":\"1009\",\"name\":\"x\"}", "1009");
    fails(f, "{\"act\":\"user.set\",\"number\":\"1001\",\"nam\":\"x\"}", "name"); /* the nearest */
    fails(f, "{\"act\":\"user.set\",\"number\":\"1001\",\"digest\":\"sha1\"}", "digest");
    fails(f, "{\"act\":\"user.remove\",\"number\":\"1009\"}", "1009");
    fails(f, "{\"act\":\"user.remove\"}", "number");
}

static void users_as_a_file(void **state)
{
    struct fixture *f = *state;
    const json_t   *p;
    json_t         *again;
    const char     *csv;

    does(f, "{\"act\":\"user.add\",\"number\":\"1001\",\"name\":\"Alice\"}");
    does(f, "{\"act\":\"user.import\",\"csv\":\"number,name\\n1001,Alicia\\n1002,\\\"Bob, really\\\"\\n\"}");
    assert_int_equal(number(f->answer, "added"), 1);
    assert_int_equal(number(f->answer, "changed"), 1);
    p = item(f->answer, "passwords", 0, 1);
    assert_string_equal(text(p, "number"), "1002");
    csv = text(does(f, "{\"act\":\"user.export\"}"), "csv");
    assert_non_null(strstr(csv, "Alicia"));
    assert_non_null(strstr(csv, "\"Bob, really\""));
    assert_null(strstr(csv, "ha1-md5"));
    csv = text(does(f, "{\"act\":\"user.export\",\"secrets\":true}"), "csv");
    assert_non_null(strstr(csv, "ha1-md5"));
    again = json_pack("{s:s, s:s}", "act", "user.import", "csv", csv); /* what was exported can be taken back */
    json_decref(f->answer);
    f->answer = admin_do(&f->admin, again, S("test"));
    json_decref(again);
    assert_int_equal(number(f->answer, "changed"), 2);
    fails(f, "{\"act\":\"user.import\",\"csv\":\"number,name\\n1003,ok\\n10 04,bad\\n\"}", "line 3");
    item(does(f, "{\"act\":\"user.list\"}"), "users", 0, 2); /* all or none */
    fails(f, "{\"act\":\"user.import\",\"csv\":\"\"}", "");
}

/* Many users: the export grows as it must. */
static void a_large_export(void **state)
{
    enum { ALL = 3000 };
    struct fixture *f = *state;
    json_t         *request;
    static char     csv[ALL * 32];
    size_t          n = (size_t)snprintf(csv, sizeof csv, "number,name\n");

    for (int i = 0; i < ALL; i++)
        n += (size_t)snprintf(csv + n, sizeof csv - n, "%d,User %d\n", 10000 + i, i);
    request = json_pack("{s:s, s:s}", "act", "user.import", "csv", csv);
    f->answer = admin_do(&f->admin, request, S("test"));
    json_decref(request);
    assert_int_equal(number(f->answer, "added"), ALL);
    assert_int_equal(json_array_size(json_object_get(f->answer, "passwords")), ALL);
    assert_non_null(strstr(text(does(f, "{\"act\":\"user.export\"}"), "csv"), "12999,User 2999"));
}

/* ---- what goes on ---- */

static void bindings(void **state)
{
    struct fixture *f = *state;
    const json_t   *b;

    bind_phone(f, "1001", "sip:1001@10.0.0.9");
    bind_phone(f, "1002", "sip:1002@10.0.0.8");
    item(does(f, "{\"act\":\"bindings\"}"), "bindings", 0, 2);
    f->now_ms += 60000;
    b = item(does(f, "{\"act\":\"bindings\",\"number\":\"1002\"}"), "bindings", 0, 1);
    assert_string_equal(text(b, "contact"), "sip:1002@10.0.0.8");
    assert_string_equal(text(b, "received"), "10.0.0.9:5060");
    assert_string_equal(text(b, "agent"), "a phone");
    assert_int_equal(number(b, "expires-s"), 3540);
    f->now_ms += 4000000;
    item(does(f, "{\"act\":\"bindings\"}"), "bindings", 0, 0); /* over */
}

static void calls(void **state)
{
    struct fixture  *f = *state;
    struct dialog_id id = begin_call(f, "call-1", true);
    const json_t    *c;
    char             request[128];

    c = item(does(f, "{\"act\":\"calls\"}"), "calls", 0, 1);
    assert_string_equal(text(c, "caller"), "1001");
    assert_string_equal(text(c, "callee"), "sip:1002@x"); /* not ours: by its URI */
    assert_string_equal(text(c, "state"), "talking");
    assert_int_equal(number(c, "answered-ms"), NOW_MS + 2000);
    snprintf(request, sizeof request, "{\"act\":\"calls.end\",\"id\":\"%s\"}", text(c, "id"));
    does(f, request);
    assert_int_equal(f->ended.slot, id.slot);
    assert_int_equal(f->ended.gen, id.gen);
    f->end_says = ERR_NOTFOUND;
    fails(f, request, "no such call");
    f->end_says = ERR_TIMEOUT;
    fails(f, request, "cannot be ended");
    f->admin.config.end_call = NULL;
    fails(f, request, "does not run");
    fails(f, "{\"act\":\"calls.end\",\"id\":\"nonsense\"}", "no call's id");
    fails(f, "{\"act\":\"calls.end\"}", "no call's id");
    begin_call(f, "call-2", false);
    assert_int_equal(json_array_size(json_object_get(does(f, "{\"act\":\"calls\"}"), "calls")), 2);
}

static void cdrs(void **state)
{
    struct fixture *f = *state;
    const json_t   *c, *q;
    struct store_write *w = store_begin(f->store, STORE_BEHIND);

    for (int i = 0; i < 3; i++) {
        char              call_id[16];
        struct dialog_end end = {.now_ms = f->now_ms + 9000, .by = S("callee"), .why = S("bye")};

        snprintf(call_id, sizeof call_id, "call-%d", i);
        f->now_ms += 1000;
        assert_int_equal(dialogs_end(f->dialogs, begin_call(f, call_id, true), &end), ERR_OK);
    }
    store_put_quality(w, &(struct store_quality){.call_id = S("call-2"), .side = STORE_CALLEE, .loss = 125, .jitter_ms = 15,
                                                 .round_trip_ms = STORE_UNKNOWN, .mos_cq = 410});
    assert_int_equal(store_submit_wait(w), ERR_OK);
    c = item(does(f, "{\"act\":\"cdr\"}"), "cdrs", 0, 3);
    q = json_object_get(c, "callee-hears");
    assert_true(json_real_value(json_object_get(q, "loss-percent")) == 1.25 && number(q, "jitter-ms") == 15);
    assert_true(!json_object_get(c, "caller-hears") && !json_object_get(q, "round-trip-ms"));
    assert_string_equal(text(c, "call-id"), "call-2"); /* the newest first */
    assert_string_equal(text(c, "ended-by"), "callee");
    assert_string_equal(text(c, "why"), "bye");
    assert_int_equal(number(c, "code"), 200);
    item(does(f, "{\"act\":\"cdr\",\"max\":1}"), "cdrs", 0, 1);
    item(does(f, "{\"act\":\"cdr\",\"party\":\"1001\"}"), "cdrs", 0, 3);
    item(does(f, "{\"act\":\"cdr\",\"party\":\"1009\"}"), "cdrs", 0, 0);
}

/* Codes are seen, and what bars or refuses a call. */
static void explained_codes(void **state)
{
    static const struct {
        const char *dialled, *rule;
    } rows[] = {{"*78", "app"}, {"*721003", "app"}, {"*67100", "unknown-number"}, {"*671002", "anonymous"}, {"*801002", "bindings"},
                {"1002", "bindings"}, {"*81002", "pickup-none"}, {"00123", "barred"}, {"801", "app"}, {"*67801", "app"},
                {"*88", "app"}, {"802", "unknown-number"}};
    struct fixture *f = *state;
    char            request[120];

    does(f, "{\"act\":\"user.add\",\"number\":\"1001\",\"barred\":\"00*\"}");
    does(f, "{\"act\":\"user.add\",\"number\":\"1002\",\"anonymous.reject\":\"on\"}");
    bind_phone(f, "1002", "sip:1002@10.0.0.9:5060");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(request, sizeof request, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"%s\"}", rows[i].dialled);
        assert_string_equal(text(does(f, request), "rule"), rows[i].rule);
    }
    /* the factory sends on */
    assert_non_null(strstr(text(does(f, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"*88\",\"columns\":80}"), "drawing"), "302"));
}

static void groups(void **state)
{
    struct fixture *f = *state;
    const json_t   *g;

    does(f, "{\"act\":\"user.add\",\"number\":\"1001\",\"name\":\"Alice\"}");
    does(f, "{\"act\":\"user.add\",\"number\":\"1002\"}");
    fails(f, "{\"act\":\"group.add\",\"number\":\"600\"}", "members are missing");
    fails(f, "{\"act\":\"group.add\",\"members\":\"1001\"}", "which group");
    fails(f, "{\"act\":\"group.add\",\"number\":\"600\",\"members\":\"1001,1009\"}", "there is no user 1009");
    does(f, "{\"act\":\"group.add\",\"number\":\"600\",\"name\":\"Sales\",\"members\":\"1002,1001\",\"how\":\"turn\",\"ring\":\"10\"}");
    fails(f, "{\"act\":\"group.add\",\"number\":\"601\",\"members\":\"600\"}", "not groups: 600");
    fails(f, "{\"act\":\"group.add\",\"number\":\"1001\",\"members\":\"1002\"}", "user 1001 is there already");
    does(f, "{\"act\":\"group.set\",\"number\":\"600\",\"forward.noanswer\":\"1003\",\"how\":\"idle\"}");
    g = item(does(f, "{\"act\":\"group.list\"}"), "groups", 0, 1);
    assert_string_equal(text(g, "number"), "600");
    assert_string_equal(text(g, "name"), "Sales");
    assert_string_equal(text(g, "how"), "idle");
    assert_int_equal(number(g, "ring-s"), 10);
    assert_string_equal(json_string_value(json_array_get(json_object_get(g, "members"), 0)), "1002");
    assert_string_equal(text(json_object_get(g, "settings"), "forward.noanswer"), "1003");
    item(does(f, "{\"act\":\"user.list\"}"), "users", 0, 2);
    bind_phone(f, "1002", "sip:1002@10.0.0.9:5060");
    item(does(f, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"600\"}"), "targets", 0, 1);
    assert_string_equal(text(f->answer, "rule"), "group");
    fails(f, "{\"act\":\"user.remove\",\"number\":\"600\"}", "ring group");
    fails(f, "{\"act\":\"group.remove\",\"number\":\"1001\"}", "that is a user");
    fails(f, "{\"act\":\"group.set\",\"number\":\"601\",\"how\":\"all\"}", "there is no user 601");
    does(f, "{\"act\":\"group.remove\",\"number\":\"600\"}");
    does(f, "{\"act\":\"group.list\"}");
    assert_int_equal(json_array_size(json_object_get(f->answer, "groups")), 0);
}

static bool trunk_state(void *ctx, struct slice name, struct buf *words)
{
    (void)ctx;
    buf_put(words, slice_eq(name, S("rome")) ? S("does not answer") : S("registered"));
    return slice_eq(name, S("rome"));
}

static void trunks(void **state)
{
    struct fixture *f = *state;
    const json_t   *t;

    fails(f, "{\"act\":\"trunk.add\",\"server\":\"sip:b\"}", "which trunk");
    fails(f, "{\"act\":\"trunk.add\",\"name\":\"berlin\"}", "needs a server");
    fails(f, "{\"act\":\"trunk.add\",\"name\":\"berlin\",\"server\":\"sip:b\",\"dials\":\"0*\"}", "did you mean \"dial\"");
    does(f, "{\"act\":\"trunk.add\",\"name\":\"berlin\",\"server\":\"sip:b\",\"dial\":\"0*/1/+49\",\"password\":\"geheim\"}");
    fails(f, "{\"act\":\"trunk.add\",\"name\":\"berlin\",\"server\":\"sip:b\"}", "is there already");
    does(f, "{\"act\":\"trunk.add\",\"name\":\"rome\",\"server\":\"sip:r\",\"dial\":\"0*\",\"preference\":\"5\"}");
    t = item(does(f, "{\"act\":\"trunk.list\"}"), "trunks", 0, 2);
    assert_string_equal(text(t, "name"), "berlin");
    assert_true(json_is_true(json_object_get(t, "has-password")));
    assert_string_equal(text(json_object_get(t, "settings"), "dial"), "0*/1/+49");
    assert_null(json_object_get(json_object_get(t, "settings"), "password"));
    assert_null(json_object_get(t, "state")); /* it does not run */
    f->admin.config.trunk_state = trunk_state;
    t = json_object_get(does(f, "{\"act\":\"trunk.show\",\"name\":\"rome\"}"), "trunk");
    assert_string_equal(text(t, "state"), "does not answer");
    assert_true(json_is_true(json_object_get(t, "down")));
    fails(f, "{\"act\":\"trunk.show\",\"name\":\"paris\"}", "no such trunk");
    does(f, "{\"act\":\"user.add\",\"number\":\"1001\"}");
    t = item(does(f, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"030123\",\"columns\":100}"), "trunks", 0, 2);
    assert_string_equal(text(t, "name"), "berlin"); /* the other is down */
    assert_string_equal(text(t, "number"), "+4930123");
    assert_string_equal(text(f->answer, "rule"), "trunk");
    assert_non_null(strstr(text(f->answer, "reason"), "fits the dial rule 0*, and goes out by trunk berlin as +4930123"));
    assert_non_null(strstr(text(f->answer, "drawing"), "trunk berlin"));
    does(f, "{\"act\":\"user.set\",\"number\":\"1001\",\"forward.always\":\"030123\"}");
    does(f, "{\"act\":\"user.add\",\"number\":\"1002\",\"barred\":\"*\"}");
    assert_string_equal(text(does(f, "{\"act\":\"explain\",\"caller\":\"1002\",\"callee\":\"030123\"}"), "rule"), "barred");
    assert_string_equal(text(does(f, "{\"act\":\"explain\",\"caller\":\"1002\",\"callee\":\"112\"}"), "rule"), "emergency");
    does(f, "{\"act\":\"trunk.set\",\"name\":\"berlin\",\"dial\":\"\"}");
    does(f, "{\"act\":\"trunk.remove\",\"name\":\"rome\"}");
    fails(f, "{\"act\":\"trunk.remove\",\"name\":\"rome\"}", "there is no trunk rome");
    assert_string_equal(text(does(f, "{\"act\":\"explain\",\"caller\":\"1002\",\"callee\":\"1001\"}"), "rule"), "barred");
}

/* Along a forward to where it comes to; a circle is no endless story. */
/* The ladder that such a call would draw. */
static void explained_as_a_ladder(void **state)
{
    struct fixture *f = *state;
    const json_t   *ladder, *row;

    does(f, "{\"act\":\"user.add\",\"number\":\"1001\"}");
    does(f, "{\"act\":\"user.add\",\"number\":\"1002\",\"forward.always\":\"1003\"}");
    does(f, "{\"act\":\"user.add\",\"number\":\"1003\"}");
    ladder = json_object_get(does(f, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"1003\"}"), "ladder");
    assert_string_equal(text(ladder, "title"), "1001 calls 1003, who cannot be reached");
    item(ladder, "rows", 0, 3);
    assert_null(json_object_get(f->answer, "drawing")); /* only for a screen */
    bind_phone(f, "1003", "sip:1003@10.0.0.8");
    bind_phone(f, "1003", "sip:1003@10.0.0.9");
    ladder = json_object_get(does(f, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"1002\",\"columns\":80}"), "ladder");
    assert_string_equal(text(ladder, "title"), "1001 calls 1002");
    row = item(ladder, "rows", 0, 16);
    assert_string_equal(text(row, "sentence"), "A calls 1002");
    assert_null(json_object_get(row, "t"));
    row = item(ladder, "rows", 2, 16);
    assert_string_equal(text(row, "sentence"), "The exchange passes the call on to B: 1002 forwards every call");
    assert_non_null(strstr(text(row, "reason"), "1002 forwards every call to 1003; 1003 has 2 bindings"));
    assert_string_equal(text(item(ladder, "parties", 2, 4), "number"), "1003");
    assert_null(json_object_get(ladder, "verdict"));
    assert_non_null(strstr(text(f->answer, "drawing"), "- INVITE -"));
    assert_null(strstr(text(f->answer, "drawing"), "192.0.2."));
}

/* A number that would break a message breaks nothing: the act answers, with or without a ladder. */
static void explained_with_odd_numbers(void **state)
{
    struct fixture *f = *state;

    does(f, "{\"act\":\"user.add\",\"number\":\"1001\"}");
    assert_int_equal(number(does(f, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"a b>\\r\\nX: y\",\"columns\":1}"), "code"), 404);
    assert_int_equal(number(does(f, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"%%\\u00e9\",\"columns\":9999}"), "code"), 404);
}

static void explained_along_forwards(void **state)
{
    struct fixture *f = *state;
    const json_t   *steps;

    does(f, "{\"act\":\"user.add\",\"number\":\"1001\"}");
    does(f, "{\"act\":\"user.add\",\"number\":\"1002\",\"forward.always\":\"1003\"}");
    does(f, "{\"act\":\"user.add\",\"number\":\"1003\",\"forward.unregistered\":\"1001\"}");
    bind_phone(f, "1001", "sip:1001@10.0.0.9:5060");
    steps = json_object_get(does(f, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"1002\"}"), "forwards");
    assert_int_equal(json_array_size(steps), 2);
    assert_string_equal(json_string_value(json_array_get(steps, 0)), "1002 forwards every call to 1003");
    assert_string_equal(text(f->answer, "rule"), "bindings");
    does(f, "{\"act\":\"user.set\",\"number\":\"1001\",\"forward.always\":\"1002\"}");
    assert_string_equal(text(does(f, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"1002\"}"), "rule"), "forward-loop");
    assert_int_equal(number(f->answer, "code"), 482);
    does(f, "{\"act\":\"user.set\",\"number\":\"1001\",\"forward.always\":\"sip:x@elsewhere.example\"}");
    assert_string_equal(text(does(f, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"1001\"}"), "rule"), "relay-refused");
}

static void explained(void **state)
{
    struct fixture *f = *state;
    const json_t   *t;

    does(f, "{\"act\":\"user.add\",\"number\":\"1001\"}");
    does(f, "{\"act\":\"user.add\",\"number\":\"1002\"}");
    fails(f, "{\"act\":\"explain\",\"caller\":\"1009\",\"callee\":\"1002\"}", "no user here");
    fails(f, "{\"act\":\"explain\",\"caller\":\"1001\"}", "two numbers");
    assert_int_equal(number(does(f, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"1009\"}"), "code"), 404);
    assert_string_equal(text(f->answer, "phrase"), "Not Found");
    assert_int_equal(number(does(f, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"1002\"}"), "code"), 480);
    bind_phone(f, "1002", "sip:1002@10.0.0.8");
    does(f, "{\"act\":\"explain\",\"caller\":\"1001\",\"callee\":\"1002\"}");
    assert_int_equal(number(f->answer, "code"), 0);
    assert_non_null(strstr(text(f->answer, "reason"), "1002"));
    t = item(f->answer, "targets", 0, 1);
    assert_string_equal(text(t, "contact"), "sip:1002@10.0.0.8");
    assert_int_equal(number(t, "group"), 0);
}

static void act_status(void **state)
{
    struct fixture *f = *state;
    json_t         *o = json_pack("{si sI si si si si}", "workers", 1, "since-ms", (json_int_t)NOW_MS, "calls-per-s", 617, "let-in", 9,
                                  "refused", 8, "silent", 7);

    does(f, "{\"act\":\"user.add\",\"number\":\"1001\"}");
    bind_phone(f, "1001", "sip:1001@10.0.0.9");
    begin_call(f, "call-1", true);
    does(f, "{\"act\":\"status\"}");
    assert_true(json_is_true(json_object_get(f->answer, "running")));
    assert_int_equal(number(f->answer, "users"), 1);
    assert_int_equal(number(f->answer, "bindings"), 1);
    assert_int_equal(number(f->answer, "calls"), 1);
    assert_true(json_equal(json_object_get(f->answer, "overload"), o));
    assert_true(json_equal(json_object_get(does(f, "{\"act\":\"calls\"}"), "overload"), o));
    json_decref(o);
}

/* ---- all of them ---- */

static void what_is_no_act(void **state)
{
    struct fixture *f = *state;

    fails(f, "{}", "\"act\" is missing");
    fails(f, "{\"act\":7}", "\"act\" is missing");
    fails(f, "{\"act\":\"user.fly\"}", "no act 'user.fly'");
    fails(f, "[]", "\"act\" is missing");
}

/* Whatever is asked with nothing, or with nonsense, gets an answer. */
static void nonsense(void **state)
{
    static const char *const values[] = {"null", "7", "true", "[]", "{}", "\"\"", "\"\\u0000\"", "\"x\\ny\""};
    struct fixture          *f = *state;
    size_t                   n = 0;
    char                     request[512];

    for (const char *const *act = admin_acts(); *act; act++, n++)
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            snprintf(request, sizeof request,
                     "{\"act\":\"%s\",\"number\":%s,\"name\":%s,\"csv\":%s,\"id\":%s,\"caller\":%s,\"callee\":%s,\"max\":%s,\"secrets\":%s}",
                     *act, values[v], values[v], values[v], values[v], values[v], values[v], values[v], values[v]);
            {
                json_t *in = json_loads(request, JSON_ALLOW_NUL, NULL);

                assert_non_null(in);
                json_decref(f->answer);
                f->answer = admin_do(&f->admin, in, S("test"));
                json_decref(in);
            }
            assert_true(json_is_boolean(json_object_get(f->answer, "ok")));
        }
    assert_int_equal(n, 22);
}

#define ACT(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ACT(users_added_set_listed_removed), ACT(users_that_cannot_be), ACT(users_as_a_file), ACT(a_large_export),
        ACT(bindings), ACT(calls), ACT(cdrs), ACT(explained), ACT(explained_as_a_ladder), ACT(explained_with_odd_numbers), ACT(explained_along_forwards), ACT(explained_codes), ACT(groups), ACT(trunks), ACT(act_status), ACT(what_is_no_act), ACT(nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
