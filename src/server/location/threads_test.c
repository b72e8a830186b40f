/* threads_test.c - many workers register and look up at once: each update is told once, each reader sees whole bindings, and waits
 * for nobody. */
#include "server/location/kit_test.h"

#include <pthread.h>

#define WORKERS 4
#define ROUNDS 150

static struct fixture *f;
static atomic_uint     told, refused, wrong;

static void on_done(void *arg, enum err e, const struct location_binding *b, size_t n)
{
    (void)arg;
    atomic_fetch_add(&told, 1);
    if (e)
        atomic_fetch_add(&refused, 1);
    for (size_t i = 0; i < n; i++)
        if (!slice_starts(b[i].contact, S("sip:")))
            atomic_fetch_add(&wrong, 1);
}

/* One AOR for all workers, one for each: every worker registers its contact, refreshes it, takes it away. */
static void change(unsigned worker, unsigned round, const char *aor)
{
    char                    contact[40], call_id[24];
    struct location_contact c = {.uri = {contact, (size_t)snprintf(contact, sizeof contact, "sip:w%u@127.0.0.%u", worker, worker)},
                                 .q = 1000, .expires_s = round % 3 == 2 ? 0 : 60};
    struct location_change  ch = {.aor = slice_z(aor), .cseq = round + 1, .contacts = &c, .n_contacts = 1, .now_ms = NOW + round};

    ch.call_id = (struct slice){call_id, (size_t)snprintf(call_id, sizeof call_id, "call-%u", worker)};
    ch.flow = c.uri; /* so that a reader can see whether both belong together */
    location_update(f->l, &ch, on_done, NULL);
}

static void look(struct arena *a, const char *aor, unsigned worker)
{
    struct location_binding *b, one;
    size_t                   n;
    char                     contact[40];
    struct slice uri = {contact, (size_t)snprintf(contact, sizeof contact, "sip:w%u@127.0.0.%u", worker, worker)};

    arena_reset(a);
    if (location_lookup(f->l, slice_z(aor), NOW, a, &b, &n))
        atomic_fetch_add(&wrong, 1);
    for (size_t i = 0; i < n; i++)
        if (!slice_eq(b[i].contact, b[i].flow) || !slice_eq(b[i].aor, slice_z(aor)))
            atomic_fetch_add(&wrong, 1);
    if (location_by_contact(f->l, uri, NOW, a, &one) == ERR_OK && !slice_eq(one.contact, uri))
        atomic_fetch_add(&wrong, 1);
}

static void *work(void *arg)
{
    unsigned     me = (unsigned)(uintptr_t)arg;
    struct arena a;
    char         own[16];

    snprintf(own, sizeof own, "10%u", me);
    arena_init(&a, &f->mem, 4096, 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        change(me, round, "shared");
        change(me, round, own);
        look(&a, "shared", (me + 1) % WORKERS);
        look(&a, own, me);
        if (round % 16 == 0)
            location_sweep(f->l, NOW, 8);
    }
    arena_close(&a);
    return NULL;
}

static bool count(void *arg, const struct location_binding *b)
{
    (void)b;
    ++*(size_t *)arg;
    return true;
}

static int open_fixture(void **state)
{
    *state = f = fixture_make();
    open_both(f, STORE_THREAD, 0);
    told = refused = wrong = 0;
    return 0;
}

static void workers_register_and_look_up_at_once(void **state)
{
    pthread_t                workers[WORKERS];
    struct location_counters c;
    size_t                   n = 0;

    (void)state;
    for (uintptr_t i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, work, (void *)i), 0);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    /* Each flush ends what waited; an update that stood in line is submitted by the one before it. */
    for (int i = 0; i < 1000 && told < WORKERS * ROUNDS * 2; i++)
        store_flush(f->store);
    assert_int_equal(told, WORKERS * ROUNDS * 2);
    assert_int_equal(wrong, 0);
    location_counters(f->l, &c);
    assert_int_equal(c.refused, refused); /* too many waited, or came late behind one that was refused: said, not lost */
    assert_int_equal(location_each(f->l, NOW, count, &n), ERR_OK);
    assert_int_equal(n, c.bindings);
}

/* ---- a writer that has stopped ---- */
/* Wherever a writer stops within the location, it holds one of these, or none. */
static void each_lock(void (*what)(struct spin *s))
{
    for (int i = 0; i < STRIPES; i++) {
        what(&f->l->stripes[i].lock);
        what(&f->l->contacts[i].lock);
    }
    what(&f->l->slots_lock);
    what(&f->l->pieces.lock);
    what(&f->l->agents.lock);
}

static void *read_all(void *arg)
{
    struct location_binding *b, one;
    struct arena             a;
    size_t                   n = 0;

    (void)arg;
    arena_init(&a, &f->mem, 4096, 0);
    atomic_fetch_add(&wrong, location_lookup(f->l, S("there"), NOW, &a, &b, &n) != ERR_OK || n != 1);
    atomic_fetch_add(&wrong, location_lookup(f->l, S("nobody"), NOW, &a, &b, &n) != ERR_OK || n != 0);
    atomic_fetch_add(&wrong, location_by_contact(f->l, S("sip:w1@127.0.0.1"), NOW, &a, &one) != ERR_OK);
    atomic_fetch_add(&wrong, location_by_gruu(f->l, S("sip:there@example.com;gr=none"), NOW, &a, &b, &n) != ERR_NOTFOUND);
    atomic_fetch_add(&wrong, location_each(f->l, NOW, count, &n) != ERR_OK || n != 1);
    arena_close(&a);
    return NULL;
}

/* Should a reader wait for a lock, it waits for ever. */
static void a_reader_gets_through_while_writers_have_stopped(void **state)
{
    pthread_t reader;

    (void)state;
    change(1, 0, "there");
    store_flush(f->store);
    assert_int_equal(told, 1);
    each_lock(spin_lock);
    assert_int_equal(pthread_create(&reader, NULL, read_all, NULL), 0);
    pthread_join(reader, NULL);
    each_lock(spin_unlock);
    assert_int_equal(wrong, 0);
}

/* A reader that has stopped holds back what was put by, but no writer; when it goes on all is given back. */
static uint64_t octets_after_changes(uint32_t from, uint32_t n)
{
    static char              path[LOCATION_MAX_PATH]; /* so long that its record comes from the heap itself */
    struct location_contact  c = {.uri = S("sip:a@h"), .q = 1000, .expires_s = 60};
    struct location_change   ch = {.aor = S("1001"), .call_id = S("c"), .contacts = &c, .n_contacts = 1, .now_ms = NOW};
    struct location_counters now;

    memset(path, 'p', sizeof path);
    ch.path = (struct slice){path, sizeof path};
    for (ch.cseq = from; ch.cseq < from + n; ch.cseq++) {
        c.q = (uint16_t)(ch.cseq % 1000); /* each is another one: a refresh would make no new record */
        location_update(f->l, &ch, on_done, NULL);
    }
    location_counters(f->l, &now);
    return now.octets;
}

static int open_direct(void **state)
{
    *state = f = fixture_make();
    open_both(f, STORE_DIRECT, 0);
    told = refused = wrong = 0;
    return 0;
}

static void memory_is_given_back_once_nobody_reads(void **state)
{
    uint64_t    before, meanwhile, after;
    grace_stay *stay;

    (void)state;
    before = octets_after_changes(1, 1);
    stay = grace_enter(&f->l->grace);
    meanwhile = octets_after_changes(2, 500);
    assert_true(meanwhile > before + 450 * LOCATION_MAX_PATH);
    grace_leave(stay);
    after = octets_after_changes(502, 1000);
    assert_true(after < before + 100 * LOCATION_MAX_PATH);
    assert_int_equal(told, 1501);
    assert_int_equal(refused, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(workers_register_and_look_up_at_once, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_reader_gets_through_while_writers_have_stopped, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(memory_is_given_back_once_nobody_reads, open_direct, close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
