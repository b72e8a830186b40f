/* million_test.c - a user among a million is found as one among a thousand is: slots passed on the way are counted, nothing is
 * timed. The store is one that keeps nothing. */
#include "server/directory/directory_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sys/digest.h"
#include "sys/heap.h"
#include "sys/random.h"

#define FIRST 1000000
#define FEW 1000
#define MANY 1000000
#define OCTETS 330 /* of a user with a name of 12 octets and its hashes, tables and all */

/* ---- a store without a disk ---- */
static unsigned n_users;

enum err store_each_user(struct store *s, bool (*each)(void *arg, const struct store_user *u), void *arg)
{
    (void)s;
    for (unsigned i = 0; i < n_users; i++) {
        char              number[16], name[16], desk[16];
        struct store_user u = {.made_ms = 1, .secrets = S("realm\t0123456789abcdef0123456789abcdef\t"
                                                          "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n")};

        u.number = u.auth_name = (struct slice){number, (size_t)snprintf(number, sizeof number, "%u", FIRST + i)};
        u.name = (struct slice){name, (size_t)snprintf(name, sizeof name, "User %u", FIRST + i)};
        if (i % 10 == 0) /* a tenth have a name of their own to log in with */
            u.auth_name = (struct slice){desk, (size_t)snprintf(desk, sizeof desk, "desk-%u", i)};
        if (!each(arg, &u))
            break;
    }
    return ERR_OK;
}

enum err store_each_setting(struct store *s, bool (*each)(void *arg, struct slice key, struct slice value), void *arg)
{
    (void)s, (void)each, (void)arg;
    return ERR_OK;
}

struct slice store_key(const struct store *s)
{
    (void)s;
    return S("0123456789abcdef0123456789abcdef");
}

bool store_last_fault(struct store *s, struct store_fault *out)
{
    (void)s, (void)out;
    return false;
}

struct store_write *store_begin(struct store *s, enum store_when when)
{
    (void)s, (void)when;
    return NULL; /* nobody acts here */
}

void store_drop(struct store_write *w)
{
    (void)w;
}

void store_put_user(struct store_write *w, const struct store_user *u)
{
    (void)w, (void)u;
}

void store_delete_user(struct store_write *w, struct slice number)
{
    (void)w, (void)number;
}

void store_put_setting(struct store_write *w, struct slice key, struct slice value)
{
    (void)w, (void)key, (void)value;
}

void store_delete_setting(struct store_write *w, struct slice key)
{
    (void)w, (void)key;
}

void store_put_audit(struct store_write *w, const struct store_audit *a)
{
    (void)w, (void)a;
}

void store_submit(struct store_write *w, void (*done)(void *arg, enum err e), void *arg)
{
    (void)w, (void)done, (void)arg;
}

enum err store_submit_wait(struct store_write *w)
{
    (void)w;
    return ERR_IO;
}

/* ---- counting ---- */
struct cost { /* hundredths of a slot for each user */
    uint64_t by_number, by_auth, octets;
};

/* Slots looked at when each one of the table is looked for once. */
static uint64_t passed(const struct cell_table *t, bool by_auth)
{
    uint64_t n = 0;

    for (size_t i = 0; i <= t->mask; i++)
        if (t->slots[i])
            n += ((i - (by_auth ? t->slots[i]->auth_hash : t->slots[i]->hash)) & t->mask) + 1;
    return n * 100 / t->n;
}

static void measure(unsigned n, struct cost *out)
{
    static struct directory *d;
    struct heap_counted      heap;
    struct random            random;
    struct digester          digester;
    struct directory_conf    conf = {.mem = &heap.mem, .random = &random, .digester = &digester, .realm = S("realm")};
    struct directory_fault   fault;
    struct directory_counts  counts;

    heap_counted_init(&heap, NULL, 0);
    random_seed(&random, 7);
    digest_open(&digester);
    n_users = n;
    assert_int_equal(directory_open(&d, &conf, &fault), ERR_OK);
    directory_counts(d->newest, &counts);
    assert_int_equal(counts.users, n);
    assert_non_null(directory_user_by_auth(d->newest, S("desk-0")));
    assert_non_null(directory_user_by_auth(d->newest, S("1000001")));
    assert_null(directory_user_by_auth(d->newest, S("1000000")));
    *out = (struct cost){passed(&d->newest->by_number, false), passed(&d->newest->by_auth, true), heap.octets / n};
    directory_close(d);
    assert_int_equal(heap.octets, 0);
}

static void a_user_among_a_million_is_found_as_one_among_a_thousand(void **state)
{
    struct cost few, many;

    (void)state;
    measure(FEW, &few);
    measure(MANY, &many);
    assert_true(many.by_number * 2 < few.by_number * 3);
    assert_true(many.by_auth * 2 < few.by_auth * 3);
    assert_true(many.octets <= OCTETS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_user_among_a_million_is_found_as_one_among_a_thousand)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
