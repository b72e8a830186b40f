/* files_test.c - folders and whole files, in a folder of their own. */
#include "sys/files.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/clock.h"
#include "sys/guard.h"
#include "sys/heap.h"
#include "sys/oserr.h"

static char        folder[] = "/tmp/files_test.XXXXXX";
static struct mem  mem;
static struct arena arena;

static int begin(void **state)
{
    (void)state;
    heap_mem(&mem);
    arena_init(&arena, &mem, 4096, 0);
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    static const char *const made[] = {"a/b/c", "a/b", "a", "file"};
    char                     path[200];

    (void)state;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, made[i]);
        remove(path);
    }
    arena_close(&arena);
    return rmdir(folder); /* fails when anything was left behind */
}

static const char *in_folder(const char *name)
{
    static char path[200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void a_file_is_written_whole_and_read_whole(void **state)
{
    struct slice s;
    struct stat  st;

    (void)state;
    assert_int_equal(file_write(in_folder("file"), S("first\0text"), 0600), ERR_OK);
    assert_int_equal(file_write(in_folder("file"), S("second\0text"), 0600), ERR_OK);
    assert_int_equal(file_read(in_folder("file"), 100, &arena, &s), ERR_OK);
    assert_int_equal(s.n, 11);
    assert_memory_equal(s.p, "second\0text", 11);
    assert_int_equal(stat(in_folder("file"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(access(in_folder("file.new"), F_OK), -1);
    assert_int_equal(file_read(in_folder("file"), 10, &arena, &s), ERR_LIMIT);
    assert_int_equal(file_write(in_folder("file"), SLICE_NONE, 0600), ERR_OK);
    assert_int_equal(file_read(in_folder("file"), 0, &arena, &s), ERR_OK);
    assert_int_equal(s.n, 0);
}

static void what_goes_wrong_is_said(void **state)
{
    struct slice s = S("unchanged");
    char         text[200];
    struct buf   b = BUF_ON(text);

    (void)state;
    assert_int_equal(file_read(in_folder("none"), 100, &arena, &s), ERR_NOTFOUND);
    assert_int_equal(errno, ENOENT);
    oserr_put(&b, errno);
    assert_int_equal(buf_slice(&b).n, strlen("No such file or directory"));
    assert_int_equal(file_read(folder, 100000, &arena, &s), ERR_INVALID);
    assert_int_equal(file_write(in_folder("none/file"), S("x"), 0600), ERR_NOTFOUND);
    assert_int_equal(file_write(folder, S("x"), 0600), ERR_IO); /* a folder stands there */
    assert_int_equal(errno, EISDIR);
    assert_int_equal(s.n, 9);
}

static void folders_are_made_on_the_way(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(file_make_folder(in_folder("a/b//c/"), 0700), ERR_OK);
    assert_int_equal(stat(in_folder("a/b/c"), &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(file_make_folder(in_folder("a/b/c"), 0700), ERR_OK); /* again */
    assert_int_equal(file_write(in_folder("file"), S("x"), 0600), ERR_OK);
    assert_int_equal(file_make_folder(in_folder("file"), 0700), ERR_EXISTS);
    assert_int_equal(file_make_folder(in_folder("file/below"), 0700), ERR_NOTFOUND);
    assert_int_equal(file_make_folder("", 0700), ERR_NOTFOUND);
}

static void errno_in_our_words(void **state)
{
    (void)state;
    assert_int_equal(oserr(0), ERR_OK);
    assert_int_equal(oserr(EADDRINUSE), ERR_BUSY);
    assert_int_equal(oserr(EACCES), ERR_DENIED);
    assert_int_equal(oserr(EADDRNOTAVAIL), ERR_INVALID);
    assert_int_equal(oserr(EMFILE), ERR_LIMIT);
    assert_int_equal(oserr(ENOSPC), ERR_FULL);
    assert_int_equal(oserr(EHOSTUNREACH), ERR_IO);
}

static void octets_against_a_forbidden_page(void **state)
{
    struct guard g;
    struct slice s;

    (void)state;
    assert_int_equal(guard_open(&g, 5000), ERR_OK);
    s = guard_copy(&g, S("abc"));
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.p, "abc", 3);
    assert_int_equal((uintptr_t)(s.p + s.n) % (size_t)sysconf(_SC_PAGESIZE), 0);
    assert_int_equal(guard_copy(&g, SLICE_NONE).n, 0);
    guard_close(&g);
    guard_close(&g);
}

static void clocks_go_forward(void **state)
{
    uint64_t a = clock_mono_us(), b = clock_mono_us();

    (void)state;
    assert_true(b >= a);
    assert_true(clock_wall_us() > 1700000000000000u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_written_whole_and_read_whole),
        cmocka_unit_test(what_goes_wrong_is_said),
        cmocka_unit_test(folders_are_made_on_the_way),
        cmocka_unit_test(errno_in_our_words),
        cmocka_unit_test(octets_against_a_forbidden_page),
        cmocka_unit_test(clocks_go_forward),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
