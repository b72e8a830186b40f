/* slot_file_test.c - a mapped file of slots: what is kept, what is begun anew, and when it is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sys/heap.h"
#include "sys/slot_file.h"

enum { OCTETS = 64, MAX = 10, GROW = 4 };

struct slot {
    _Atomic uint64_t serial;
    char             text[OCTETS - 8];
};

struct fixture {
    struct heap_counted heap;
    char                path[40];
    struct slot_file        s;
};

static enum err reopen(struct fixture *f, uint32_t version)
{
    struct slot_file_conf conf = {.path = f->path[0] ? f->path : NULL, .mem = &f->heap.mem, .magic = "A-TEST\n", .version = version,
                              .slot_octets = OCTETS, .max = MAX, .grow = GROW};

    slot_file_close(&f->s);
    return slot_file_open(&f->s, &conf);
}

static void begin(struct fixture *f, bool in_memory)
{
    int fd;

    *f = (struct fixture){.path = ""};
    heap_counted_init(&f->heap, NULL, 0);
    if (!in_memory) {
        memcpy(f->path, "/tmp/strowger-slot-file-XXXXXX", sizeof "/tmp/strowger-slot-file-XXXXXX");
        fd = mkstemp(f->path);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(reopen(f, 1), ERR_OK);
}

static void end(struct fixture *f)
{
    slot_file_close(&f->s);
    slot_file_close(&f->s); /* again is nothing */
    assert_int_equal(f->heap.octets, 0);
    if (f->path[0])
        unlink(f->path);
}

static void fill(struct fixture *f, uint32_t n, uint64_t serial, const char *text)
{
    struct slot *s = slot_file_at(&f->s, n);

    strncpy(s->text, text, sizeof s->text);
    atomic_store(&s->serial, serial);
}

static void what_was_written_is_there_again(void **state)
{
    struct fixture f;
    uint32_t       a, b;
    struct slot   *s;

    (void)state;
    begin(&f, false);
    assert_int_equal(slot_file_ready(&f.s), 0);
    assert_int_equal(slot_file_take(&f.s, 0, &a), ERR_OK);
    assert_int_equal(slot_file_take(&f.s, 0, &b), ERR_OK);
    assert_int_not_equal(a, b);
    fill(&f, a, 7, "seven");
    fill(&f, b, 8, "eight");
    slot_file_give(&f.s, b);
    assert_int_equal(slot_file_used(&f.s), 1);
    assert_int_equal(reopen(&f, 1), ERR_OK);
    assert_int_equal(slot_file_ready(&f.s), GROW);
    s = slot_file_at(&f.s, a);
    assert_int_equal(s->serial, 7);
    assert_string_equal(s->text, "seven");
    s = slot_file_at(&f.s, b);
    assert_int_equal(s->serial, 0);
    assert_int_equal(slot_file_used(&f.s), GROW); /* until its owner has given what is free */
    end(&f);
}

static void another_format_is_begun_anew(void **state)
{
    struct fixture f;
    uint32_t       n;

    (void)state;
    begin(&f, false);
    assert_int_equal(slot_file_take(&f.s, 0, &n), ERR_OK);
    fill(&f, n, 7, "seven");
    assert_int_equal(reopen(&f, 2), ERR_OK);
    assert_int_equal(slot_file_ready(&f.s), 0);
    assert_int_equal(slot_file_take(&f.s, 0, &n), ERR_OK);
    assert_int_equal(((struct slot *)slot_file_at(&f.s, n))->serial, 0);
    end(&f);
}

static void half_a_slot_at_the_end_is_none(void **state)
{
    struct fixture f;
    uint32_t       n;

    (void)state;
    begin(&f, false);
    assert_int_equal(slot_file_take(&f.s, 0, &n), ERR_OK);
    assert_int_equal(truncate(f.path, SLOT_FILE_HEAD_OCTETS + 2 * OCTETS + 10), 0);
    assert_int_equal(reopen(&f, 1), ERR_OK);
    assert_int_equal(slot_file_ready(&f.s), 2);
    end(&f);
}

static void it_is_full(struct fixture *f)
{
    uint32_t n;

    for (uint32_t i = 0; i < MAX - 3; i++)
        assert_int_equal(slot_file_take(&f->s, 3, &n), ERR_OK);
    assert_int_equal(slot_file_take(&f->s, 3, &n), ERR_FULL); /* three are kept */
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(slot_file_take(&f->s, 0, &n), ERR_OK);
    assert_int_equal(slot_file_take(&f->s, 0, &n), ERR_FULL);
    assert_int_equal(slot_file_ready(&f->s), MAX);
    slot_file_give(&f->s, n);
    assert_int_equal(slot_file_take(&f->s, 0, &n), ERR_OK);
}

static void no_more_than_the_most(void **state)
{
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        struct fixture f;

        begin(&f, in_memory);
        it_is_full(&f);
        end(&f);
    }
    (void)state;
}

/* The file may not grow (as on a full disk): that is said, and nothing is written beyond what there is. */
static void no_disk_for_more(void **state)
{
    struct fixture f;
    struct rlimit  was, tight;
    uint32_t       n;

    (void)state;
    begin(&f, false);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    tight = was;
    tight.rlim_cur = SLOT_FILE_HEAD_OCTETS + GROW * OCTETS;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (uint32_t i = 0; i < GROW; i++)
        assert_int_equal(slot_file_take(&f.s, 0, &n), ERR_OK);
    assert_int_equal(slot_file_take(&f.s, 0, &n), ERR_FULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(slot_file_take(&f.s, 0, &n), ERR_OK);
    end(&f);
}

static void what_cannot_be_opened(void **state)
{
    struct fixture    f;
    struct slot_file      s = {0};
    struct slot_file_conf conf = {.path = "/tmp/no-such-folder/here", .magic = "A-TEST\n", .slot_octets = OCTETS, .max = MAX, .grow = GROW};

    (void)state;
    begin(&f, true);
    conf.mem = &f.heap.mem;
    assert_int_equal(slot_file_open(&s, &conf), ERR_IO);
    conf.path = "/tmp";
    assert_int_equal(slot_file_open(&s, &conf), ERR_IO);
    slot_file_close(&s);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_there_again),
        cmocka_unit_test(another_format_is_begun_anew),
        cmocka_unit_test(half_a_slot_at_the_end_is_none),
        cmocka_unit_test(no_more_than_the_most),
        cmocka_unit_test(no_disk_for_more),
        cmocka_unit_test(what_cannot_be_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
