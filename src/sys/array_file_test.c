/* array_file_test.c - a mapped file of elements: what is kept, what is begun anew, and when it is full. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/array_file.h"

enum { OCTETS = 16, MAX = 100 };

struct fixture {
    char              path[40];
    struct array_file a;
};

static enum err reopen(struct fixture *f, uint32_t version)
{
    struct array_file_conf conf = {.path = f->path[0] ? f->path : NULL, .magic = "A-TEST\n", .version = version, .octets = OCTETS, .max = MAX};

    array_file_close(&f->a);
    return array_file_open(&f->a, &conf);
}

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    int             fd;

    memcpy(f->path, "/tmp/strowger-array-file-XXXXXX", sizeof "/tmp/strowger-array-file-XXXXXX");
    fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(reopen(f, 1), ERR_OK);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;

    array_file_close(&f->a);
    array_file_close(&f->a); /* again is nothing */
    unlink(f->path);
    free(f);
    return 0;
}

static void what_is_written_is_there_again(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(f->a.ready, 0);
    assert_int_equal(array_file_grow(&f->a, 3), ERR_OK);
    assert_int_equal(array_file_grow(&f->a, 2), ERR_OK);
    assert_int_equal(f->a.ready, 3);
    assert_memory_equal(array_file_at(&f->a, 2), "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", OCTETS);
    memcpy(array_file_at(&f->a, 2), "fifteen octets.", OCTETS);
    assert_int_equal(array_file_sync(&f->a), ERR_OK);
    assert_int_equal(reopen(f, 1), ERR_OK);
    assert_int_equal(f->a.ready, 3);
    assert_memory_equal(array_file_at(&f->a, 2), "fifteen octets.", OCTETS);
}

static void what_is_not_ours_is_begun_anew(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(array_file_grow(&f->a, 3), ERR_OK);
    assert_int_equal(reopen(f, 2), ERR_OK);
    assert_int_equal(f->a.ready, 0);
}

static void half_an_element_is_none(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(array_file_grow(&f->a, 3), ERR_OK);
    array_file_close(&f->a);
    assert_int_equal(truncate(f->path, ARRAY_FILE_HEAD_OCTETS + 2 * OCTETS + 5), 0);
    assert_int_equal(reopen(f, 1), ERR_OK);
    assert_int_equal(f->a.ready, 2);
}

static void no_more_than_may_be_and_than_the_disk_has(void **state)
{
    struct fixture *f = *state;
    struct rlimit   was, tight;
    enum err        e;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(array_file_grow(&f->a, MAX + 1), ERR_FULL);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    tight = was;
    tight.rlim_cur = ARRAY_FILE_HEAD_OCTETS + 5 * OCTETS;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_int_equal(array_file_grow(&f->a, 5), ERR_OK);
    e = array_file_grow(&f->a, 6);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(e, ERR_IO);
    assert_int_equal(f->a.ready, 5);
    assert_int_equal(array_file_grow(&f->a, MAX), ERR_OK);
}

static void in_memory_it_is_the_same_for_a_while(void **state)
{
    struct fixture f = {.path = ""};

    (void)state;
    assert_int_equal(reopen(&f, 1), ERR_OK);
    assert_int_equal(array_file_grow(&f.a, MAX), ERR_OK);
    memcpy(array_file_at(&f.a, MAX - 1), "fifteen octets.", OCTETS);
    assert_memory_equal(array_file_at(&f.a, MAX - 1), "fifteen octets.", OCTETS);
    assert_int_equal(array_file_sync(&f.a), ERR_OK);
    assert_int_equal(reopen(&f, 1), ERR_OK);
    assert_int_equal(f.a.ready, 0);
    array_file_close(&f.a);
}

static void nowhere_is_said(void **state)
{
    struct array_file      a;
    struct array_file_conf conf = {.path = "/nowhere/at/all", .octets = OCTETS, .max = MAX};

    (void)state;
    assert_int_equal(array_file_open(&a, &conf), ERR_IO);
    array_file_close(&a); /* nothing */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        T(what_is_written_is_there_again),
        T(what_is_not_ours_is_begun_anew),
        T(half_an_element_is_none),
        T(no_more_than_may_be_and_than_the_disk_has),
        cmocka_unit_test(in_memory_it_is_the_same_for_a_while),
        cmocka_unit_test(nowhere_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
