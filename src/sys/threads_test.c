/* threads_test.c - mailbox, digests, random octets and counted memory, used by several threads at once. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sys/digest.h"
#include "sys/heap.h"
#include "sys/mailbox.h"
#include "sys/random.h"

#define THREADS 4
#define LETTERS 20000u

static struct mailbox box;
static uint64_t       last[THREADS], taken;

/* A letter is its poster and number. */
static void on_letter(void *arg)
{
    uint64_t v = (uint64_t)(uintptr_t)arg;

    assert_int_equal(v >> 3, last[v & 7] + 1);
    last[v & 7]++;
    taken++;
}

static void *post_letters(void *arg)
{
    for (uintptr_t i = 1; i <= LETTERS; i++)
        if (mailbox_put(&box, on_letter, (void *)(i << 3 | (uintptr_t)arg), NULL))
            return (void *)"no memory";
    return NULL;
}

static void run_threads(void *(*body)(void *arg), void (*meanwhile)(void))
{
    pthread_t t[THREADS];
    void     *said;

    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, body, (void *)i), 0);
    if (meanwhile)
        meanwhile();
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(t[i], &said), 0);
        assert_null(said);
    }
}

static void take_letters(void)
{
    while (taken < (uint64_t)THREADS * LETTERS)
        if (mailbox_run(&box, NULL, NULL) == 0)
            sched_yield();
}

static void letters_of_many(void **state)
{
    struct heap_counted heap;

    (void)state;
    heap_counted_init(&heap, NULL, 0);
    assert_int_equal(mailbox_open(&box, &heap.mem), ERR_OK);
    run_threads(post_letters, take_letters);
    mailbox_close(&box);
    assert_int_equal(heap.octets, 0);
    assert_int_equal(heap.pieces, 0);
}

static struct digester digester;

static void *hash_much(void *arg)
{
    unsigned char first[32], again[32], mac[32], mac_again[32];
    struct slice  piece = S("the same text on every thread");

    (void)arg;
    digester.hash(digester.ctx, DIGEST_SHA256, &piece, 1, first);
    digester.hmac(digester.ctx, S("key"), &piece, 1, mac);
    for (int i = 0; i < 500; i++) {
        digester.hash(digester.ctx, DIGEST_SHA256, &piece, 1, again);
        digester.hmac(digester.ctx, S("key"), &piece, 1, mac_again);
        if (memcmp(first, again, 32) != 0 || memcmp(mac, mac_again, 32) != 0)
            return (void *)"another hash";
    }
    return NULL;
}

static void digests_on_many(void **state)
{
    (void)state;
    digest_open(&digester);
    run_threads(hash_much, NULL);
}

static struct random source;
static char          drawn[THREADS][16];

static void *draw(void *arg)
{
    for (int i = 0; i < 1000; i++)
        random_octets(&source, drawn[(uintptr_t)arg], 16);
    return NULL;
}

static void random_octets_on_many(void **state)
{
    (void)state;
    random_system(&source);
    run_threads(draw, NULL);
    for (int i = 0; i < THREADS; i++)
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(drawn[i], drawn[k], 16);
}

static struct spin lock;
static uint64_t    counted; /* by the lock alone */

static void *count_up(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20000; i++) {
        spin_lock(&lock);
        counted++;
        spin_unlock(&lock);
    }
    return NULL;
}

static void a_spin_lock_keeps_others_out(void **state)
{
    (void)state;
    run_threads(count_up, NULL);
    assert_int_equal(counted, THREADS * 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_of_many),
        cmocka_unit_test(digests_on_many),
        cmocka_unit_test(random_octets_on_many),
        cmocka_unit_test(a_spin_lock_keeps_others_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
