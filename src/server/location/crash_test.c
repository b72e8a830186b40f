/* crash_test.c - kill -9: acknowledged bindings are there, removed ones are not, and refreshed ones have time to return. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/location/location.h"
#include "sys/digest.h"
#include "sys/folder_test.h"
#include "sys/heap.h"
#include "sys/random.h"

#define NOW INT64_C(1700000000000)

struct fixture {
    char             dir[64];
    struct mem       mem;
    struct random    random;
    struct digester  digester;
    struct store    *store;
    struct location *l;
};

static void open_both(struct fixture *f, int64_t now_ms)
{
    struct store_conf    sc = {.dir = f->dir, .mode = STORE_PUMPED, .mem = &f->mem, .random = &f->random, .now_ms = now_ms};
    struct location_conf lc = {.mem = &f->mem, .random = &f->random, .digester = &f->digester, .now_ms = now_ms};
    struct store_fault   said;

    if (store_open(&f->store, &sc, &said))
        abort();
    lc.store = f->store;
    if (location_open(&f->l, &lc))
        abort();
}

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    heap_mem(&f->mem);
    random_seed(&f->random, 7);
    digest_open(&f->digester);
    memcpy(f->dir, "/tmp/strowger-killed-XXXXXX", sizeof "/tmp/strowger-killed-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;

    location_close(f->l);
    store_close(f->store);
    assert_int_equal(folder_remove(f->dir), 0);
    free(f);
    return 0;
}

static void on_done(void *arg, enum err e, const struct location_binding *b, size_t n)
{
    (void)b, (void)n;
    *(enum err *)arg = e;
}

static enum err reg(struct fixture *f, const char *number, uint32_t cseq, uint32_t expires_s, int64_t now_ms)
{
    struct location_contact c = {.uri = S("sip:x@127.0.0.4"), .q = 1000, .expires_s = expires_s};
    struct location_change  ch = {.aor = slice_z(number), .call_id = S("one"), .cseq = cseq, .contacts = &c, .n_contacts = 1,
                                  .received = S("127.0.0.4:5060"), .flow = S("f"), .stream = number[0] == '2', .now_ms = now_ms};
    enum err                e = ERR_N;

    location_update(f->l, &ch, on_done, &e);
    store_pump(f->store, now_ms, false);
    return e;
}

/* The exchange, until it is killed. */
static void live(struct fixture *f)
{
    open_both(f, NOW);
    if (reg(f, "1001", 1, 60, NOW) || reg(f, "1002", 1, 60, NOW) || reg(f, "2003", 1, 60, NOW))
        abort();
    if (reg(f, "1002", 2, 0, NOW + 1000)) /* 1002 goes */
        abort();
    store_pump(f->store, NOW + 50000, false); /* it is that late now: the next one has its time to wait */
    if (reg(f, "1001", 2, 60, NOW + 50000))   /* a refresh: 200 OK at once */
        abort();
    kill(getpid(), SIGKILL);
}

static struct location_binding *look_up(struct fixture *f, const char *number, int64_t now_ms, struct arena *a, size_t *n)
{
    struct location_binding *b = NULL;

    assert_int_equal(location_lookup(f->l, slice_z(number), now_ms, a, &b, n), ERR_OK);
    return b;
}

static void bindings_survive_kill_9_with_an_interval_to_run(void **state)
{
    struct fixture          *f = *state;
    int64_t                  now_ms = NOW + 100000; /* later than its row says, earlier than 1001 was told */
    pid_t                    child = fork();
    char                     block[8192];
    struct arena             a;
    struct location_binding *b;
    struct plan_binding      facts;
    size_t                   n;

    assert_true(child >= 0);
    if (child == 0)
        live(f);
    assert_int_equal(waitpid(child, NULL, 0), child);
    arena_init_fixed(&a, block, sizeof block);
    open_both(f, now_ms);
    assert_false(store_was_closed(f->store));
    b = look_up(f, "1001", now_ms, &a, &n);
    assert_int_equal(n, 1);
    assert_int_equal(b->expires_ms, now_ms + 60000);
    assert_int_equal(b->flow_state, LOCATION_FLOW_RESTORED);
    location_plan_facts(b, 1, &facts);
    assert_true(slice_eq(facts.contact, S("sip:x@127.0.0.4")) && slice_eq(facts.received, S("127.0.0.4:5060")));
    assert_true(slice_eq(facts.flow, S("f")) && facts.q == 1000 && !facts.flow_gone && facts.registered_ms == NOW + 50000);
    look_up(f, "1002", now_ms, &a, &n);
    assert_int_equal(n, 0);
    b = look_up(f, "2003", now_ms, &a, &n);
    assert_int_equal(n, 1);
    location_plan_facts(b, 1, &facts);
    assert_true(facts.flow_gone); /* PROTOCOL 4.4: its connection ended with the process */
    assert_int_equal(reg(f, "1001", 3, 60, now_ms + 10), ERR_OK);
    look_up(f, "1001", now_ms + 60005, &a, &n);
    assert_int_equal(n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bindings_survive_kill_9_with_an_interval_to_run, open_fixture, close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
