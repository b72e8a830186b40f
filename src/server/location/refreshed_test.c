/* refreshed_test.c - what a refresh has moved is known after a restart, and counts no longer than it should. */
#include "server/location/kit_test.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define MINUTE 60000
#define LATER (NOW + MINUTE / 2)

static void open_again(struct fixture *f)
{
    open_both(f, STORE_PUMPED, 0);
}

static void restart(struct fixture *f)
{
    close_both(f);
    open_again(f);
}

static const char *map_of(const struct fixture *f)
{
    static char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/bindings.map", f->dir);
    return path;
}

static int open_fixture(void **state)
{
    *state = fixture_make();
    open_again(*state);
    return 0;
}

/* A REGISTER for a minute. Returns how many writes went to the store. */
static size_t reg(struct fixture *f, const char *number, const char *call_id, uint32_t cseq)
{
    struct location_contact c = {.uri = S("sip:x@127.0.0.4"), .q = 1000, .expires_s = 60};
    struct location_change  ch = {.aor = slice_z(number), .call_id = slice_z(call_id), .cseq = cseq, .contacts = &c, .n_contacts = 1,
                                  .received = S("127.0.0.4:5060"), .flow = S("f"), .now_ms = f->now_ms};
    enum err                e = ERR_N;
    size_t                  n;

    location_update(f->l, &ch, keep_err, &e);
    n = store_pump(f->store, f->now_ms, true);
    assert_int_equal(e, ERR_OK);
    return n;
}

/* Registered at NOW by CSeq 1, refreshed half a minute later by CSeq 2. */
static void register_and_refresh(struct fixture *f, const char *number)
{
    f->now_ms = NOW;
    assert_int_equal(reg(f, number, "one", 1), 1);
    f->now_ms = LATER;
    assert_int_equal(reg(f, number, "one", 2), 0);
}

static void assert_binding(struct fixture *f, const char *number, uint32_t cseq, int64_t expires_ms)
{
    struct location_binding *b;
    struct arena             a;
    size_t                   n;

    arena_init(&a, &f->mem, 4096, 0);
    assert_int_equal(location_lookup(f->l, slice_z(number), f->now_ms, &a, &b, &n), ERR_OK);
    assert_int_equal(n, 1);
    assert_int_equal(b->cseq, cseq);
    assert_int_equal(b->expires_ms, expires_ms);
    arena_close(&a);
}

static void a_refresh_is_known_after_a_restart(void **state)
{
    struct fixture *f = *state;

    register_and_refresh(f, "1001");
    restart(f);
    assert_binding(f, "1001", 2, LATER + MINUTE);
    restart(f); /* again: it was not used up */
    assert_binding(f, "1001", 2, LATER + MINUTE);
}

static void without_the_file_each_gets_its_interval(void **state)
{
    struct fixture *f = *state;

    register_and_refresh(f, "1001");
    close_both(f);
    assert_int_equal(unlink(map_of(f)), 0);
    f->now_ms = NOW + 2 * MINUTE;
    open_again(f);
    assert_binding(f, "1001", 1, NOW + 3 * MINUTE);
}

/* Every octet of what was noted, one after another. */
static void a_torn_element_does_not_count(void **state)
{
    struct fixture *f = *state;
    char            element[32], torn;
    int             fd;

    register_and_refresh(f, "1001");
    close_both(f);
    fd = open(map_of(f), O_RDWR);
    assert_int_equal(pread(fd, element, sizeof element, ARRAY_FILE_HEAD_OCTETS + sizeof element), sizeof element); /* of slot 1 */
    for (size_t i = 0; i < sizeof element; i++) {
        torn = (char)(element[i] ^ 2); /* the lowest bit of the check is always set */
        assert_int_equal(pwrite(fd, &torn, 1, (off_t)(ARRAY_FILE_HEAD_OCTETS + sizeof element + i)), 1);
        open_again(f);
        assert_binding(f, "1001", 1, NOW + MINUTE);
        close_both(f);
        assert_int_equal(pwrite(fd, &element[i], 1, (off_t)(ARRAY_FILE_HEAD_OCTETS + sizeof element + i)), 1);
    }
    close(fd);
    open_again(f);
    assert_binding(f, "1001", 2, LATER + MINUTE);
}

static void a_row_that_came_later_counts_more(void **state)
{
    struct fixture *f = *state;

    register_and_refresh(f, "1001");
    f->now_ms = LATER + 1;
    assert_int_equal(reg(f, "1001", "two", 1), 1); /* another Call-ID, and the first one again, with less than its refresh */
    assert_int_equal(reg(f, "1001", "one", 1), 1);
    restart(f);
    assert_binding(f, "1001", 1, LATER + 1 + MINUTE);
}

static void what_another_binding_left_in_the_slot_does_not_count(void **state)
{
    struct fixture *f = *state;

    register_and_refresh(f, "1001");
    f->now_ms = NOW + 3 * MINUTE;
    assert_int_equal(location_sweep(f->l, f->now_ms, 1), 1);
    assert_int_equal(reg(f, "1002", "three", 1), 2); /* with the row that expired */
    restart(f);
    assert_binding(f, "1002", 1, NOW + 4 * MINUTE);
}

/* Whatever the reason that it cannot be had. */
static void without_a_file_refreshes_are_rows(void **state)
{
    struct fixture *f = *state = fixture_make();

    assert_int_equal(mkdir(map_of(f), 0700), 0);
    open_again(f);
    assert_int_equal(reg(f, "1001", "one", 1), 1);
    f->now_ms = LATER;
    assert_int_equal(reg(f, "1001", "one", 2), 1);
    restart(f);
    assert_binding(f, "1001", 2, LATER + MINUTE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        T(a_refresh_is_known_after_a_restart),
        T(without_the_file_each_gets_its_interval),
        T(a_torn_element_does_not_count),
        T(a_row_that_came_later_counts_more),
        T(what_another_binding_left_in_the_slot_does_not_count),
        cmocka_unit_test_teardown(without_a_file_refreshes_are_rows, close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
