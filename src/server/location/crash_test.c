/* crash_test.c - kill -9: acknowledged bindings are there, removed ones are not, and refreshed ones have time to return. */
#include "server/location/kit_test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Also in the child, where an assertion would go on with the parent's tests. */
static void open_at(struct fixture *f, int64_t now_ms)
{
    f->now_ms = now_ms;
    if (open_store(f, STORE_PUMPED, &f->heap.mem) || open_location(f, 0))
        abort();
}

static int open_fixture(void **state)
{
    *state = fixture_make();
    return 0;
}

static enum err reg(struct fixture *f, const char *number, uint32_t cseq, uint32_t expires_s, int64_t now_ms)
{
    struct location_contact c = {.uri = S("sip:x@127.0.0.4"), .q = 1000, .expires_s = expires_s};
    struct location_change  ch = {.aor = slice_z(number), .call_id = S("one"), .cseq = cseq, .contacts = &c, .n_contacts = 1,
                                  .received = S("127.0.0.4:5060"), .flow = S("f"), .stream = number[0] == '2', .now_ms = now_ms};
    enum err                e = ERR_N;

    location_update(f->l, &ch, keep_err, &e);
    store_pump(f->store, now_ms, false);
    return e;
}

/* The exchange, until it is killed. */
static void live(struct fixture *f)
{
    open_at(f, NOW);
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
    open_at(f, now_ms);
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
