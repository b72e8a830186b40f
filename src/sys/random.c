/* random.c - random octets.
 *
 * Room      sys.
 * Touches   a store of octets per thread, so that a tag of some octets does not cost a system call. What was handed out
 *           is wiped from it; a fork() empties it, else parent and child would draw the same. */
#include "sys/random.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STORE_OCTETS 512
#define KERNEL_OCTETS 256 /* what getentropy() gives at once */

static _Thread_local struct {
    unsigned char octets[STORE_OCTETS];
    size_t        left; /* the last `left` are unused */
} store;

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void empty_store(void)
{
    store.left = 0;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, empty_store);
}

static void from_kernel(unsigned char *p, size_t n)
{
    while (n) {
        size_t part = n < KERNEL_OCTETS ? n : KERNEL_OCTETS;

        if (getentropy(p, part)) {
            fputs("strowger: the system gives no random octets\n", stderr);
            abort();
        }
        p += part;
        n -= part;
    }
}

static void system_fill(void *ctx, void *p, size_t n)
{
    unsigned char *from;

    (void)ctx;
    if (n > STORE_OCTETS / 4) {
        from_kernel(p, n);
        return;
    }
    if (n > store.left) {
        from_kernel(store.octets, sizeof store.octets);
        store.left = sizeof store.octets;
    }
    from = store.octets + sizeof store.octets - store.left;
    memcpy(p, from, n);
    explicit_bzero(from, n);
    store.left -= n;
}

void random_system(struct random *r)
{
    pthread_once(&fork_once, watch_forks);
    *r = (struct random){.rng = {system_fill, NULL}};
}

static uint64_t rotl(uint64_t x, unsigned b)
{
    return x << b | x >> (64 - b);
}

/* xoshiro256** 1.0 (Blackman, Vigna 2018). */
static uint64_t next(uint64_t s[4])
{
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

static void seeded_fill(void *ctx, void *p, size_t n)
{
    struct random *r = ctx;
    unsigned char *out = p;

    for (size_t i = 0; i < n; i += 8) {
        uint64_t v = next(r->state);

        for (size_t k = 0; k < 8 && i + k < n; k++)
            out[i + k] = (unsigned char)(v >> 8 * k);
    }
}

void random_seed(struct random *r, uint64_t seed)
{
    *r = (struct random){.rng = {seeded_fill, r}};
    for (int i = 0; i < 4; i++) { /* splitmix64, so that near seeds start far apart */
        uint64_t z = seed += 0x9e3779b97f4a7c15u;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        r->state[i] = z ^ z >> 31;
    }
}
