/* threads_test.c - several workers use counts of the same nonces at once: each count is taken once, whoever comes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "server/account/account_priv.h"
#include "sys/digest.h"
#include "sys/heap.h"
#include "sys/random.h"

enum { THREADS = 4, NONCES = 32, COUNTS = 48, NOW_MS = 1000000 };

struct fixture {
    struct account *a;
    char            nonce[NONCES][AUTH_NONCE_OCTETS];
    atomic_uint     taken[NONCES][COUNTS + 1];
};

static void *use_all(void *arg)
{
    struct fixture *f = arg;

    for (uint32_t nc = 1; nc <= COUNTS; nc++)
        for (size_t i = 0; i < NONCES; i++)
            if (nonces_use(f->a, (struct slice){f->nonce[i], AUTH_NONCE_OCTETS}, nc, NOW_MS + 2) == ERR_OK)
                atomic_fetch_add(&f->taken[i][nc], 1);
    return NULL;
}

static void each_count_is_taken_once(void **state)
{
    static struct fixture f;
    struct mem            mem;
    struct heap_counted   heap;
    struct random         random;
    struct digester       digester;
    struct account_config c = {.key = S("0123456789abcdef0123456789abcdef"), .now_ms = NOW_MS};
    pthread_t             thread[THREADS];

    (void)state;
    heap_mem(&mem);
    heap_counted_init(&heap, &mem, 0);
    random_seed(&random, 5);
    digest_open(&digester);
    c.mem = &heap.mem;
    c.rng = &random.rng;
    c.digester = &digester;
    assert_int_equal(account_open(&c, &f.a), ERR_OK);
    for (size_t i = 0; i < NONCES; i++) {
        struct buf b = BUF_ON(f.nonce[i]);

        auth_nonce_make(&b, &f.a->key, NOW_MS + 1, i);
    }
    for (int t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, use_all, &f), 0);
    for (int t = 0; t < THREADS; t++)
        pthread_join(thread[t], NULL);
    for (size_t i = 0; i < NONCES; i++)
        for (uint32_t nc = 1; nc <= COUNTS; nc++)
            assert_int_equal(atomic_load(&f.taken[i][nc]), 1);
    account_close(f.a);
    assert_int_equal(heap.octets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_count_is_taken_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
