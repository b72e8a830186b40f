/* crash_test.c - kill -9 while subscriptions are written: each that had been written is there, whole, and no older than it was
 * when somebody last heard of it. */
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

#include "server/presence/presence_priv.h"
#include "sys/heap.h"

enum { ROUNDS = 30, SUBS = 3 };

/* What a subscription says at a version: its texts hold it too, so that a half written one would show. */
static void state_at(struct kept *k, unsigned which, uint32_t version, char text[SUBS][32])
{
    struct buf b;

    buf_init(&b, text[which], sizeof text[which]);
    buf_putu(&b, which);
    buf_putc(&b, ' ');
    buf_putu(&b, version);
    *k = (struct kept){.version = version, .local_cseq = version, .expires_ms = version};
    for (int i = 0; i < N_TEXTS; i++)
        k->text[i] = buf_slice(&b);
}

/* Writes for ever; says by the pipe which version of each is there. */
static _Noreturn void write_until_killed(const char *path, int fd)
{
    struct mem  mem;
    struct file f = {0};
    uint32_t    slot[SUBS] = {NO_SLOT};
    char        text[SUBS][32];

    heap_mem(&mem);
    if (mapped_open(&f, &mem, path))
        _exit(1);
    for (uint32_t version = 1;; version++) {
        for (unsigned i = 0; i < SUBS; i++) {
            struct kept k;

            state_at(&k, i, version, text);
            if (mapped_put(&f, &k, &slot[i]))
                _exit(1);
        }
        if (write(fd, &version, sizeof version) != sizeof version)
            _exit(1);
    }
}

/* The newest record of each that the file has; a sound one whose texts do not belong together fails. */
static void read_newest(const char *path, uint32_t newest[SUBS])
{
    struct mem  mem;
    struct file f = {0};

    heap_mem(&mem);
    assert_int_equal(mapped_open(&f, &mem, path), ERR_OK);
    for (uint32_t n = 1; n <= mapped_count(&f); n++) {
        const struct slot *s = mapped_slot(&f, n);
        struct kept        k, want;
        char               text[SUBS][32];
        unsigned           which;

        if (s->serial == 0)
            continue;
        assert_true(kept_is_sound(s)); /* a process that is killed has made all its stores up to some instruction */
        kept_read(s, &k);
        which = (unsigned)(k.text[0].p[0] - '0');
        assert_in_range(which, 0, SUBS - 1);
        state_at(&want, which, k.version, text);
        for (int i = 0; i < N_TEXTS; i++)
            assert_true(slice_eq(k.text[i], want.text[i]));
        if (k.version > newest[which])
            newest[which] = k.version;
    }
    mapped_close(&f);
}

static void one_round(unsigned versions)
{
    char     path[] = "/tmp/strowger-subscriptions-XXXXXX";
    int      file = mkstemp(path), ends[2] = {-1, -1}, status;
    uint32_t told = 0, newest[SUBS] = {0};
    pid_t    child;

    assert_true(file >= 0 && pipe(ends) == 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        write_until_killed(path, ends[1]);
    close(ends[1]);
    while (told < versions)
        assert_int_equal(read(ends[0], &told, sizeof told), sizeof told);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    read_newest(path, newest);
    for (unsigned i = 0; i < SUBS; i++)
        assert_true(newest[i] >= told);
    close(ends[0]);
    close(file);
    assert_int_equal(unlink(path), 0);
}

static void killed_anywhere_what_was_written_is_there(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++)
        one_round(1 + i * 37);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed_anywhere_what_was_written_is_there)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
