/* journal_test.c - notes put, replaced, dropped; found again after kill -9 in the middle of anything; damage is noticed. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/journal/journal.h"
#include "sys/heap.h"
#include "sys/slot_file.h"

struct fixture {
    char            path[64];
    struct mem      mem;
    struct journal *j;
};

static void open_journal(struct fixture *f)
{
    struct journal_conf conf = {.path = f->path, .mem = &f->mem};

    if (journal_open(&f->j, &conf))
        abort();
}

static void open_again(struct fixture *f)
{
    journal_close(f->j);
    open_journal(f);
}

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    int             fd;

    heap_mem(&f->mem);
    memcpy(f->path, "/tmp/strowger-journal-XXXXXX", sizeof "/tmp/strowger-journal-XXXXXX");
    if ((fd = mkstemp(f->path)) < 0)
        abort();
    close(fd);
    open_journal(f);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    journal_close(f->j);
    unlink(f->path);
    free(f);
    return 0;
}

struct found {
    size_t   n;
    uint64_t id;
    char     text[64];
};

static void look(void *arg, uint64_t id, struct slice octets)
{
    struct found *f = arg;

    f->n++;
    f->id = id;
    snprintf(f->text, sizeof f->text, "%.*s", SARG(octets));
}

static struct found find(struct journal *j, enum journal_kind kind)
{
    struct found f = {0};

    journal_each(j, kind, look, &f);
    return f;
}

static void a_note_is_there_after_a_restart(void **state)
{
    struct fixture *f = *state;
    uint64_t        id = 0, other = 0;
    struct found    n;

    assert_int_equal(journal_put(f->j, JOURNAL_REFER, S("first"), &id), ERR_OK);
    assert_int_equal(journal_put(f->j, JOURNAL_BRIDGE, S("other"), &other), ERR_OK);
    assert_int_not_equal(id, other);
    assert_int_equal(journal_put(f->j, JOURNAL_REFER, S("second"), &id), ERR_OK);
    open_again(f);
    n = find(f->j, JOURNAL_REFER);
    assert_int_equal(n.n, 1);
    assert_string_equal(n.text, "second");
    assert_true(n.id == id);
    assert_int_equal(journal_notes(f->j), 2);
    journal_drop(f->j, id);
    assert_int_equal(journal_put(f->j, JOURNAL_REFER, S("late"), &id), ERR_NOTFOUND);
    open_again(f);
    assert_int_equal(find(f->j, JOURNAL_REFER).n, 0);
    assert_string_equal(find(f->j, JOURNAL_BRIDGE).text, "other");
}

static void a_new_note_never_has_an_old_ones_name(void **state)
{
    struct fixture *f = *state;
    uint64_t        old = 0, id = 0;

    assert_int_equal(journal_put(f->j, JOURNAL_REFER, S("a"), &old), ERR_OK);
    journal_drop(f->j, old);
    assert_int_equal(journal_put(f->j, JOURNAL_REFER, S("b"), &id), ERR_OK);
    assert_true(id != old);
    journal_drop(f->j, old); /* a stale name does no harm */
    assert_int_equal(journal_notes(f->j), 1);
}

static void it_is_full_and_says_so(void **state)
{
    struct fixture *f = *state;
    static char     big[JOURNAL_NOTE_OCTETS + 1];
    uint64_t        id = 0, last = 0;

    assert_int_equal(journal_put(f->j, JOURNAL_REFER, (struct slice){big, sizeof big}, &id), ERR_LIMIT);
    for (size_t i = 0; i < JOURNAL_NOTES; i++, last = id) {
        id = 0;
        assert_int_equal(journal_put(f->j, JOURNAL_REFER, S("x"), &id), ERR_OK);
    }
    id = 0;
    assert_int_equal(journal_put(f->j, JOURNAL_REFER, S("x"), &id), ERR_FULL);
    assert_int_equal(journal_put(f->j, JOURNAL_REFER, (struct slice){big, JOURNAL_NOTE_OCTETS}, &last), ERR_OK);
    assert_int_equal(journal_notes(f->j), JOURNAL_NOTES);
}

/* A child writes one note over and over and is killed: what is found is whole, and one note. */
static void killed_while_writing(void **state)
{
    struct fixture *f = *state;

    journal_close(f->j);
    for (int life = 0; life < 20; life++) {
        struct found n;
        pid_t        pid = fork();

        if (pid == 0) {
            uint64_t id = 0;

            open_journal(f);
            if ((n = find(f->j, JOURNAL_REFER)).n)
                id = n.id;
            for (unsigned i = 0;; i++) {
                char         text[64];
                struct slice s = {text, (size_t)snprintf(text, sizeof text, "%u %0*u", i, (int)(i % 40) + 1, i)};

                if (journal_put(f->j, JOURNAL_REFER, s, &id))
                    _exit(1);
            }
        }
        usleep(2000 + 700 * (unsigned)life);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        open_journal(f);
        n = find(f->j, JOURNAL_REFER);
        assert_true(n.n <= 1);
        if (n.n) {
            char         *end, *last;
            unsigned long first = strtoul(n.text, &end, 10);

            assert_true(end > n.text && *end == ' ');
            assert_int_equal(strtoul(end, &last, 10), first);
            assert_true(last > end && *last == 0);
        }
        assert_int_equal(journal_notes(f->j), n.n);
        journal_close(f->j);
    }
    open_journal(f);
    assert_int_equal(find(f->j, JOURNAL_REFER).n, 1);
}

static void damage_is_dropped(void **state)
{
    struct fixture *f = *state;
    uint64_t        id = 0;
    int             fd;

    assert_int_equal(journal_put(f->j, JOURNAL_REFER, S("whole"), &id), ERR_OK);
    journal_close(f->j);
    fd = open(f->path, O_RDWR);
    assert_int_equal(pwrite(fd, "x", 1, SLOT_FILE_HEAD_OCTETS + 24), 1); /* the text of the first slot */
    open_journal(f);
    assert_int_equal(journal_notes(f->j), 0);
    journal_close(f->j);
    assert_int_equal(pwrite(fd, "another", 7, 0), 7); /* no file of ours */
    close(fd);
    open_journal(f);
    id = 0;
    assert_int_equal(journal_put(f->j, JOURNAL_REFER, S("new"), &id), ERR_OK);
    open_again(f);
    assert_string_equal(find(f->j, JOURNAL_REFER).text, "new");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_note_is_there_after_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(a_new_note_never_has_an_old_ones_name, begin, end),
        cmocka_unit_test_setup_teardown(it_is_full_and_says_so, begin, end),
        cmocka_unit_test_setup_teardown(killed_while_writing, begin, end),
        cmocka_unit_test_setup_teardown(damage_is_dropped, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
