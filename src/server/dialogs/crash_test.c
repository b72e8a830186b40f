/* crash_test.c - kill -9 in the middle of anything, and files that are not what they were: a record is whole or not there. */
#include "server/dialogs/dialogs_priv.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/heap.h"
#include "sys/random.h"

#define NOW INT64_C(1700000000000)
#define CALLS 8
#define LIVES 25

struct fixture {
    char                path[64];
    struct mem          mem;
    struct random       random;
    struct dialogs     *d;
    struct arena        arena;
};

static void open_file_map(struct fixture *f)
{
    struct dialogs_conf conf = {.path = f->path, .mem = &f->mem, .random = &f->random, .slots = 100, .now_ms = NOW};

    if (dialogs_open(&f->d, &conf))
        abort();
}

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    int             fd;

    heap_mem(&f->mem);
    random_seed(&f->random, 7);
    arena_init(&f->arena, &f->mem, 4096, 0);
    memcpy(f->path, "/tmp/strowger-map-XXXXXX", sizeof "/tmp/strowger-map-XXXXXX");
    fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;
    char            other[80];

    dialogs_close(f->d);
    arena_close(&f->arena);
    snprintf(other, sizeof other, "%s.long", f->path);
    assert_int_equal(unlink(f->path), 0);
    (void)unlink(other); /* not where no file was opened */
    free(f);
    return 0;
}

/* A record in which everything says the same number: one half of one and one half of another would show. Some are long. */
static void fill(struct dialog_record *r, char *text, size_t n, unsigned call, uint32_t version)
{
    *r = (struct dialog_record){.invite_cseq = call, .state = DIALOG_CONFIRMED, .started_ms = NOW, .answered_ms = version,
                                .seen_ms = NOW};
    r->call_id = (struct slice){text, (size_t)snprintf(text, n, "call-%u", call)};
    text += 32;
    r->side[1].target = r->side[0].target = (struct slice){text, (size_t)snprintf(text, n - 32, "sip:%u@%0*u", version,
                                                                                  (int)(version % 280) + 1, version)};
    r->side[0].tag = S("a");
    r->side[1].tag = S("b");
    r->side[0].shift = r->side[1].shift = r->side[0].cseq = version;
}

static bool is_whole(const struct dialog_record *r)
{
    struct dialog_record want;
    char                 text[384];
    uint32_t             version = r->side[0].shift;

    fill(&want, text, sizeof text, r->invite_cseq, version);
    return slice_eq(r->call_id, want.call_id) && slice_eq(r->side[0].target, want.side[0].target) &&
           slice_eq(r->side[1].target, want.side[1].target) && r->side[1].shift == version && r->answered_ms == version &&
           slice_eq(r->side[0].tag, S("a")) && slice_eq(r->side[1].tag, S("b"));
}

/* A process that writes records until it is killed. Each version is told in shared memory once it has been put. */
static void live(struct fixture *f, volatile uint32_t *told)
{
    struct dialog_id id[CALLS] = {{0, 0}};

    open_file_map(f);
    for (unsigned i = 0; i < CALLS; i++) {
        struct dialog_key key;
        enum dialog_side  from;
        char              text[16];

        key = (struct dialog_key){
            .call_id = {text, (size_t)snprintf(text, sizeof text, "call-%u", i)}, .from_tag = S("a"), .to_tag = S("b")};
        dialogs_find(f->d, &key, NULL, &id[i], &from, NULL);
    }
    for (uint32_t version = told[0] + 1;; version++)
        for (unsigned i = 0; i < CALLS; i++) {
            struct dialog_record r;
            char                 text[384];

            fill(&r, text, sizeof text, i, version);
            if (id[i].gen ? dialogs_put(f->d, id[i], &r) : dialogs_begin(f->d, &r, &id[i]))
                abort();
            dialogs_seen(f->d, id[i], DIALOG_CALLEE, version, NOW + version);
            told[i] = version;
        }
}

struct seen {
    unsigned                 n;
    const volatile uint32_t *told;
};

static bool check(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    struct seen *s = arg;

    assert_true(id.gen != 0 && r->invite_cseq < CALLS);
    assert_true(is_whole(r));
    /* What was told is there; at most the one that was being written is newer. */
    assert_in_range(r->side[0].shift, s->told[r->invite_cseq], s->told[r->invite_cseq] + 1);
    s->n++;
    return true;
}

static void protocol_4_1_records_survive_kill_9_whole(void **state)
{
    struct fixture     *f = *state;
    char                shared[] = "/tmp/strowger-told-XXXXXX";
    int                 fd = mkstemp(shared);
    uint32_t            told[CALLS] = {0};
    volatile uint32_t  *map;

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 4096), 0);
    map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(map != MAP_FAILED);
    for (int life = 0; life < LIVES; life++) {
        struct seen             s = {0, told};
        struct dialogs_counters c;
        uint32_t                from = map[CALLS - 1];
        pid_t                   child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            live(f, map);
            _exit(0);
        }
        while (map[CALLS - 1] < from + 20 + (uint32_t)life)
            sched_yield(); /* it is killed while it writes, each time elsewhere */
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        for (int i = 0; i < CALLS; i++)
            told[i] = map[i];
        open_file_map(f);
        assert_int_equal(dialogs_each(f->d, check, &s), ERR_OK);
        assert_int_equal(s.n, CALLS);
        dialogs_counters(f->d, &c);
        assert_int_equal(c.damaged, 0);
        assert_int_equal(c.slots_used, CALLS);
        dialogs_close(f->d);
        f->d = NULL;
    }
    munmap((void *)(uintptr_t)map, 4096);
    close(fd);
    unlink(shared);
    open_file_map(f);
}

/* ---- a machine that crashed ---- */
static bool count_whole(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    (void)id;
    assert_true(is_whole(r));
    ++*(unsigned *)arg;
    return true;
}

static void a_slot_with_any_wrong_octet_is_dropped_or_whole(void **state)
{
    struct fixture      *f = *state;
    struct dialog_record r;
    struct dialog_id     id;
    char                 text[384];
    uint32_t             slot = 0;
    size_t               used, dropped = 0;

    open_file_map(f);
    fill(&r, text, sizeof text, 3, 77);
    assert_int_equal(dialogs_begin(f->d, &r, &id), ERR_OK);
    slot = f->d->entries[id.slot].slot;
    used = dialogs_file_slot(f->d, slot)->used;
    for (size_t at = 0; at < used; at++) {
        struct dialogs_counters c;
        unsigned                n = 0;
        char                    keep[DIALOGS_SLOT_OCTETS];

        memcpy(keep, (void *)dialogs_file_slot(f->d, slot), sizeof keep);
        ((char *)dialogs_file_slot(f->d, slot))[at] ^= 0x41;
        dialogs_close(f->d);
        open_file_map(f);
        assert_int_equal(dialogs_each(f->d, count_whole, &n), ERR_OK);
        dialogs_counters(f->d, &c);
        assert_int_equal(c.damaged + n, 1);
        dropped += c.damaged;
        memcpy((void *)dialogs_file_slot(f->d, slot), keep, sizeof keep);
        dialogs_close(f->d);
        open_file_map(f);
    }
    assert_true(dropped >= used - 28); /* CSeqs and the time last seen move by themselves, and it has no end yet */
}

/* An end is written into the slot that there is: until its last store the record has not ended. */
static void an_end_is_whole_or_not_there(void **state)
{
    static struct slot   s;
    struct dialog_record r, got;
    struct dialog_end    end = {.now_ms = NOW + 5, .code = 200, .by = S("callee"), .why = S("bye")};
    char                 text[384];
    uint32_t             over;

    (void)state;
    fill(&r, text, sizeof text, 3, 77);
    s.gen = 1;
    slot_write(&s, &r);
    s.serial = 9;
    slot_sum(&s, s.serial);
    slot_end(&s, DIALOGS_SLOT_OCTETS, &end);
    over = s.over;
    s.over = 0;
    assert_true(slot_is_sound(&s, DIALOGS_SLOT_OCTETS));
    slot_read(&s, &got);
    assert_true(is_whole(&got) && got.state == DIALOG_CONFIRMED && got.ended_ms == 0 && got.ended_by.n == 0);
    s.over = over;
    slot_read(&s, &got);
    assert_true(is_whole(&got) && got.state == DIALOG_ENDED && got.ended_ms == NOW + 5 && got.code == 200);
    assert_true(slice_eq(got.ended_by, S("callee")) && slice_eq(got.why, S("bye")));
    for (size_t at = 0; at < s.used + got.ended_by.n + got.why.n; at++) {
        bool moves = at >= offsetof(struct slot, seen_ms) && at < offsetof(struct slot, over);

        ((char *)&s)[at] ^= 0x41;
        assert_true(slot_is_sound(&s, DIALOGS_SLOT_OCTETS) == moves);
        ((char *)&s)[at] ^= 0x41;
    }
}

static void put_octets(struct fixture *f, const char *octets, size_t n)
{
    FILE *file = fopen(f->path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(octets, 1, n, file), n);
    fclose(file);
}

static void a_file_of_another_kind_is_begun_anew(void **state)
{
    static char             octets[9000];
    struct fixture         *f = *state;
    struct dialogs_counters c;
    struct dialog_record    r;
    struct dialog_id        id;
    char                    text[384];

    memset(octets, 'x', sizeof octets);
    for (size_t n = 0; n <= sizeof octets; n += 1500) {
        put_octets(f, octets, n);
        open_file_map(f);
        dialogs_counters(f->d, &c);
        assert_true(c.records == 0 && c.damaged == 0);
        fill(&r, text, sizeof text, 1, 1);
        assert_int_equal(dialogs_begin(f->d, &r, &id), ERR_OK);
        dialogs_close(f->d);
        open_file_map(f);
        dialogs_counters(f->d, &c);
        assert_int_equal(c.records, 1);
        dialogs_close(f->d);
        f->d = NULL;
    }
    open_file_map(f);
}

static void a_file_that_was_cut_keeps_what_is_whole(void **state)
{
    struct fixture         *f = *state;
    struct dialogs_counters c;
    struct dialog_record    r;
    struct dialog_id        id;
    char                    text[384];

    open_file_map(f);
    for (unsigned i = 0; i < 5; i++) {
        fill(&r, text, sizeof text, i, 1);
        assert_int_equal(dialogs_begin(f->d, &r, &id), ERR_OK);
    }
    dialogs_close(f->d);
    assert_int_equal(truncate(f->path, SLOT_FILE_HEAD_OCTETS + 3 * DIALOGS_SLOT_OCTETS + 100), 0);
    open_file_map(f);
    dialogs_counters(f->d, &c);
    assert_true(c.records <= 3 && c.damaged == 0);
}

static void a_folder_that_cannot_be_written_is_an_error(void **state)
{
    struct fixture     *f = *state;
    struct dialogs_conf conf = {.path = "/nowhere/dialogs.map", .mem = &f->mem, .random = &f->random, .slots = 10};
    struct dialogs     *d = NULL;

    assert_int_equal(dialogs_open(&d, &conf), ERR_IO);
    assert_null(d);
    conf.path = NULL; /* memory only */
    assert_int_equal(dialogs_open(&d, &conf), ERR_OK);
    dialogs_close(d);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        T(protocol_4_1_records_survive_kill_9_whole),
        T(a_slot_with_any_wrong_octet_is_dropped_or_whole),
        T(an_end_is_whole_or_not_there),
        T(a_file_of_another_kind_is_begun_anew),
        T(a_file_that_was_cut_keeps_what_is_whole),
        T(a_folder_that_cannot_be_written_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
