/* crash_test.c - kill -9: what was acknowledged is there afterwards, and the next start knows that it was no orderly end. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/store/store.h"
#include "sys/folder_test.h"
#include "sys/heap.h"
#include "sys/random.h"

#define WRITES_PER_LIFE 200
#define KILL_AFTER 40 /* acknowledged ones */

static struct store *open_in(const char *dir, enum store_mode mode)
{
    static struct mem    mem;
    static struct random random;
    struct store_conf    conf = {.dir = dir, .mode = mode, .mem = &mem, .random = &random};
    struct store_fault   fault;
    struct store        *s = NULL;

    heap_mem(&mem);
    random_seed(&random, 7);
    if (store_open(&s, &conf, &fault)) {
        fprintf(stderr, "%s\n", fault.text);
        abort();
    }
    return s;
}

struct acknowledged {
    int      fd;
    uint32_t slot;
};

/* On the storage thread: tell the parent which binding is promised now. */
static void on_done(void *arg, enum err e)
{
    struct acknowledged *a = arg;

    if (e || write(a->fd, &a->slot, sizeof a->slot) != (ssize_t)sizeof a->slot)
        abort();
}

/* A process that makes bindings as fast as it can, until it is killed. */
static void live(const char *dir, int fd, uint32_t first)
{
    static struct acknowledged acks[WRITES_PER_LIFE];
    struct store              *s = open_in(dir, STORE_THREAD);

    for (uint32_t i = 0; i < WRITES_PER_LIFE; i++) {
        struct store_write *w = store_begin(s, STORE_PROMISE);

        acks[i] = (struct acknowledged){fd, first + i};
        store_put_binding(w, &(struct store_binding){.slot = first + i, .aor = S("1001"), .contact = S("sip:1001@127.0.0.2")});
        store_submit(w, on_done, &acks[i]);
        if (i % 8 == 7)
            store_flush(s); /* so that there are many commits, not one */
    }
    pause();
}

static bool mark(void *arg, const struct store_binding *b)
{
    bool *there = arg;

    assert_in_range(b->slot, 1, 3 * WRITES_PER_LIFE);
    assert_true(slice_eq(b->contact, S("sip:1001@127.0.0.2")));
    there[b->slot] = true;
    return true;
}

static size_t read_acks(int fd, bool *acked, size_t at_most)
{
    uint32_t slot;
    size_t   n = 0;
    ssize_t  got;

    while (n < at_most && ((got = read(fd, &slot, sizeof slot)) == sizeof slot || (got < 0 && errno == EINTR)))
        if (got > 0) {
            acked[slot] = true;
            n++;
        }
    return n;
}

static void acknowledged_bindings_survive_kill_9(void **state)
{
    static bool   acked[3 * WRITES_PER_LIFE + 1], there[3 * WRITES_PER_LIFE + 1];
    char          dir[] = "/tmp/strowger-crash-XXXXXX";
    struct store *s;

    (void)state;
    assert_non_null(mkdtemp(dir));
    for (uint32_t life = 0; life < 3; life++) {
        int   ends[2];
        pid_t child;

        assert_int_equal(pipe(ends), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            live(dir, ends[1], 1 + life * WRITES_PER_LIFE);
            _exit(0);
        }
        close(ends[1]);
        assert_int_equal(read_acks(ends[0], acked, KILL_AFTER), KILL_AFTER);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        read_acks(ends[0], acked, WRITES_PER_LIFE); /* those it had told before it died */
        close(ends[0]);
    }
    s = open_in(dir, STORE_PUMPED);
    assert_false(store_was_closed(s));
    assert_int_equal(store_each_binding(s, mark, there), ERR_OK);
    for (size_t i = 1; i <= 3 * WRITES_PER_LIFE; i++)
        if (acked[i] && !there[i])
            fail_msg("binding %zu was acknowledged and is lost", i);
    store_close(s);
    s = open_in(dir, STORE_DIRECT);
    assert_true(store_was_closed(s));
    store_close(s);
    assert_int_equal(folder_remove(dir), 0);
}

static void the_command_line_does_not_hide_a_crash(void **state)
{
    char          dir[] = "/tmp/strowger-crash-XXXXXX";
    pid_t         child;
    struct store *s;

    (void)state;
    assert_non_null(mkdtemp(dir));
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        open_in(dir, STORE_PUMPED);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    s = open_in(dir, STORE_DIRECT);
    assert_false(store_was_closed(s));
    store_close(s);
    s = open_in(dir, STORE_PUMPED);
    assert_false(store_was_closed(s));
    store_close(s);
    assert_int_equal(folder_remove(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_bindings_survive_kill_9),
        cmocka_unit_test(the_command_line_does_not_hide_a_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
