/* nonces_test.c - which counts of which nonce were used: the bounded table, what it forgets and what it says then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/account/account_priv.h"
#include "sys/digest.h"
#include "sys/heap.h"

enum { START_MS = 1000000 };

struct fixture {
    struct heap_counted heap;
    struct digester     digester;
    struct rng          rng;
    struct account     *a;
    uint64_t            serial;
};

static uint64_t count_up(void *ctx)
{
    return ++*(uint64_t *)ctx;
}

static void fill(void *ctx, void *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((unsigned char *)out)[i] = (unsigned char)count_up(ctx);
}

static struct account *open_account(struct fixture *f)
{
    struct account_config c = {.key = S("0123456789abcdef0123456789abcdef"), .now_ms = START_MS};

    heap_counted_init(&f->heap, NULL, 0);
    digest_open(&f->digester);
    f->rng.fill = fill;
    f->rng.ctx = &f->serial;
    c.mem = &f->heap.mem;
    c.rng = &f->rng;
    c.digester = &f->digester;
    assert_int_equal(account_open(&c, &f->a), ERR_OK);
    return f->a;
}

static void close_account(struct fixture *f)
{
    account_close(f->a);
    assert_int_equal(f->heap.octets, 0);
}

/* The i-th nonce that this account makes at that time. */
static struct slice nonce(struct fixture *f, uint64_t at_ms, uint64_t i, char *room)
{
    struct buf b;

    buf_init(&b, room, AUTH_NONCE_OCTETS);

    auth_nonce_make(&b, &f->a->key, at_ms, i);
    return buf_slice(&b);
}

static void a_count_is_used_once(void **state)
{
    struct fixture  f = {.serial = 0};
    struct account *a = open_account(&f);
    char            room[AUTH_NONCE_OCTETS];
    struct slice    n = nonce(&f, START_MS + 10, 1, room);

    (void)state;
    assert_int_equal(nonces_use(a, n, 2, START_MS + 20), ERR_OK);
    assert_int_equal(nonces_use(a, n, 1, START_MS + 20), ERR_OK);
    assert_int_equal(nonces_use(a, n, 2, START_MS + 20), ERR_STALE);
    assert_int_equal(nonces_use(a, n, 100, START_MS + 20), ERR_OK);
    assert_int_equal(nonces_use(a, n, 3, START_MS + 20), ERR_STALE); /* below the window */
    assert_int_equal(nonces_use(a, S("somebody else's nonce, made up of forty-three"), 1, START_MS), ERR_DENIED);
    close_account(&f);
}

/* RFC 2069 has no counts: then a nonce is good for one request. */
static void without_a_count_a_nonce_is_used_once(void **state)
{
    struct fixture  f = {.serial = 0};
    struct account *a = open_account(&f);
    char            room[AUTH_NONCE_OCTETS];
    struct slice    n = nonce(&f, START_MS + 10, 1, room);

    (void)state;
    assert_int_equal(nonces_use(a, n, 0, START_MS + 20), ERR_OK);
    assert_int_equal(nonces_use(a, n, 0, START_MS + 30), ERR_STALE);
    close_account(&f);
}

static void age(void **state)
{
    struct fixture  f = {.serial = 0};
    struct account *a = open_account(&f);
    char            room[AUTH_NONCE_OCTETS];
    struct slice    n;

    (void)state;
    n = nonce(&f, START_MS - 1, 1, room); /* an earlier run's: its counts are not known */
    assert_int_equal(nonces_use(a, n, 1, START_MS + 1000), ERR_STALE);
    n = nonce(&f, START_MS + 1000, 2, room);
    assert_int_equal(nonces_use(a, n, 1, START_MS + 1000), ERR_OK); /* in the same millisecond */
    assert_int_equal(nonces_use(a, n, 2, START_MS + 1000 + ACCOUNT_NONCE_MS), ERR_OK);
    assert_int_equal(nonces_use(a, n, 3, START_MS + 1001 + ACCOUNT_NONCE_MS), ERR_STALE);
    close_account(&f);
}

static size_t known(const struct account *a)
{
    size_t n = 0;

    for (unsigned i = 0; i < NONCE_STRIPES; i++)
        n += a->stripe[i].map.n;
    return n;
}

/* More nonces than the table holds: it stays bounded, and no count that it has forgotten is ever taken again. */
static void a_full_table_forgets_and_stays_strict(void **state)
{
    enum { ALL = ACCOUNT_MAX_NONCES + 20000, STEP = 50 };
    struct fixture  f = {.serial = 0};
    struct account *a = open_account(&f);
    char            room[AUTH_NONCE_OCTETS];
    size_t          forgotten = 0;

    (void)state;
    for (uint64_t i = 0; i < ALL; i++)
        assert_int_equal(nonces_use(a, nonce(&f, START_MS + 1 + i, i, room), 1, START_MS + 2 + i), ERR_OK);
    assert_true(known(a) <= ACCOUNT_MAX_NONCES);
    for (uint64_t i = 0; i < ALL; i += STEP) {
        enum err e = nonces_use(a, nonce(&f, START_MS + 1 + i, i, room), 1, START_MS + ALL);

        assert_int_equal(e, ERR_STALE); /* each was used: known or forgotten, it is not taken */
        forgotten += i < 10000;
    }
    assert_true(forgotten > 0);
    assert_int_equal(nonces_use(a, nonce(&f, START_MS + ALL, ALL + 1, room), 1, START_MS + ALL + 1), ERR_OK);
    close_account(&f);
}

/* What cannot be valid any more makes room by itself. */
static void old_ones_go(void **state)
{
    struct fixture  f = {.serial = 0};
    struct account *a = open_account(&f);
    char            room[AUTH_NONCE_OCTETS];
    uint64_t        later = START_MS + 2 * ACCOUNT_NONCE_MS;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(nonces_use(a, nonce(&f, START_MS + 1, i, room), 1, START_MS + 2), ERR_OK);
    assert_int_equal(known(a), 1000);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(nonces_use(a, nonce(&f, later, i, room), 1, later + 1), ERR_OK);
    assert_int_equal(known(a), 1000);
    close_account(&f);
}

/* All memory is taken at the start: no nonce is refused, and no window forgotten, for want of any. */
static void nothing_is_allocated_for_a_nonce(void **state)
{
    struct fixture  f = {.serial = 0};
    struct account *a = open_account(&f);
    char            room[AUTH_NONCE_OCTETS];
    uint64_t        taken = f.heap.taken;

    (void)state;
    for (uint64_t i = 0; i < 3 * NONCE_STRIPE_MAX; i++)
        assert_int_equal(nonces_use(a, nonce(&f, START_MS + 1, i, room), 1, START_MS + 2), ERR_OK);
    assert_int_equal(f.heap.taken, taken);
    close_account(&f);
}

/* A ring that has become empty begins at its front: what is in use of its memory is what is in use at once. */
static void an_empty_stripe_begins_anew(void **state)
{
    struct fixture  f = {.serial = 0};
    struct account *a = open_account(&f);
    char            room[AUTH_NONCE_OCTETS];
    uint64_t        now_ms = START_MS;

    (void)state;
    for (uint64_t i = 0; i < 20 * NONCE_STRIPES; i++) {
        now_ms += ACCOUNT_NONCE_MS + 2;
        assert_int_equal(nonces_use(a, nonce(&f, now_ms, i, room), 1, now_ms), ERR_OK);
    }
    for (unsigned i = 0; i < NONCE_STRIPES; i++)
        assert_true(a->stripe[i].first == 0 && a->stripe[i].map.n <= 1);
    close_account(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_count_is_used_once),
        cmocka_unit_test(without_a_count_a_nonce_is_used_once),
        cmocka_unit_test(age),
        cmocka_unit_test(a_full_table_forgets_and_stays_strict),
        cmocka_unit_test(old_ones_go),
        cmocka_unit_test(nothing_is_allocated_for_a_nonce),
        cmocka_unit_test(an_empty_stripe_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
