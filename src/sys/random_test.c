/* random_test.c - the seeded source repeats itself, the system's does not, also not across a fork. */
#include "sys/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void the_same_seed_gives_the_same(void **state)
{
    struct random a, b, c;
    char          x[100], y[100], z[100];

    (void)state;
    random_seed(&a, 1);
    random_seed(&b, 1);
    random_seed(&c, 2);
    random_octets(&a, x, sizeof x);
    random_octets(&b, y, sizeof y);
    random_octets(&c, z, sizeof z);
    assert_memory_equal(x, y, sizeof x);
    assert_memory_not_equal(x, z, sizeof x);
    random_octets(&b, y, sizeof y);
    assert_memory_not_equal(x, y, sizeof x);
    memset(x, 0, sizeof x);
    random_octets(&a, x, 3); /* no further than asked */
    assert_int_equal(x[3], 0);
}

/* xoshiro256** as its authors published it: from the state 1, 2, 3, 4. */
static void the_published_sequence(void **state)
{
    static const uint64_t want[] = {11520u, 0u, 1509978240u, 1215971899390074240u};
    struct random         r;

    (void)state;
    random_seed(&r, 0);
    for (uint64_t i = 0; i < 4; i++)
        r.state[i] = i + 1;
    for (size_t i = 0; i < 4; i++)
        assert_true(rng_u64(&r.rng) == want[i]);
}

static void numbers_are_spread(void **state)
{
    struct random r;
    unsigned      n[7] = {0};

    (void)state;
    random_seed(&r, 3);
    for (int i = 0; i < 7000; i++)
        n[rng_below(&r.rng, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(n[i], 850, 1150);
}

static void the_system_does_not_repeat_itself(void **state)
{
    struct random r;
    char          x[700], y[700], seen[64][16];

    (void)state;
    random_system(&r);
    random_octets(&r, x, sizeof x); /* more than is kept in store */
    random_octets(&r, y, sizeof y);
    assert_memory_not_equal(x, y, sizeof x);
    for (int i = 0; i < 64; i++) {
        random_octets(&r, seen[i], 16);
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(seen[i], seen[k], 16);
    }
}

static void a_child_draws_others(void **state)
{
    struct random r;
    char          mine[16], theirs[16];
    int           p[2];
    pid_t         child;

    (void)state;
    random_system(&r);
    random_octets(&r, mine, sizeof mine); /* now there is something in store */
    assert_int_equal(pipe(p), 0);
    child = fork();
    assert_true(child >= 0);
    random_octets(&r, mine, sizeof mine);
    if (child == 0) {
        ssize_t n = write(p[1], mine, sizeof mine);

        _exit(n == sizeof mine ? 0 : 1);
    }
    assert_int_equal(read(p[0], theirs, sizeof theirs), sizeof theirs);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_memory_not_equal(mine, theirs, sizeof mine);
    close(p[0]);
    close(p[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same),      cmocka_unit_test(the_published_sequence),
        cmocka_unit_test(numbers_are_spread),                cmocka_unit_test(the_system_does_not_repeat_itself),
        cmocka_unit_test(a_child_draws_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
