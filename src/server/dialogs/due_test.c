/* due_test.c - sessions that are due (RFC 4028, PROTOCOL 8): told in each round of the sweep until something is done about them,
 * after a restart too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/dialogs/dialogs.h"
#include "sys/heap.h"
#include "sys/random.h"

#define NOW INT64_C(1700000000000)

struct told {
    struct dialog_id id;
    unsigned         n;
};

static void on_due(void *ctx, struct dialog_id id)
{
    struct told *t = ctx;

    *t = (struct told){id, t->n + 1};
}

/* How often it is told in one round. */
static unsigned round_at(struct dialogs *d, int64_t now_ms, struct told *t)
{
    t->n = 0;
    dialogs_watch_sessions(d, on_due, t);
    dialogs_sweep(d, now_ms, DIALOGS_SLOTS);
    return t->n;
}

static void protocol_8_what_is_due_is_told_until_it_is_not(void **state)
{
    char                 path[] = "/tmp/strowger-due-XXXXXX";
    struct random        random;
    struct mem           mem;
    struct arena         arena;
    struct dialogs_conf  conf = {.path = path, .mem = &mem, .random = &random, .slots = 16, .now_ms = NOW};
    struct dialog_record r = {.call_id = S("call"), .invite_cseq = 1, .started_ms = NOW, .seen_ms = NOW,
                              .session = {1800, DIALOG_REFRESH_CALLEE, NOW + 5000}};
    struct dialogs      *d;
    struct dialog_id     id;
    struct told          t = {.n = 0};
    int                  fd = mkstemp(path);

    (void)state;
    assert_int_not_equal(fd, -1);
    close(fd);
    heap_mem(&mem);
    random_seed(&random, 3);
    arena_init(&arena, &mem, 4096, 0);
    assert_int_equal(dialogs_open(&d, &conf), ERR_OK);
    r.side[DIALOG_CALLER] = (struct dialog_party){.tag = S("from"), .uri = S("sip:1@h")};
    r.side[DIALOG_CALLEE] = (struct dialog_party){.uri = S("sip:2@h")};
    assert_int_equal(dialogs_begin(d, &r, &id), ERR_OK);
    assert_int_equal(round_at(d, NOW + 6000, &t), 0); /* it only rings */
    r.state = DIALOG_CONFIRMED;
    r.side[DIALOG_CALLEE].tag = S("to");
    r.side[DIALOG_CALLEE].has_update = true;
    assert_int_equal(dialogs_put(d, id, &r), ERR_OK);
    assert_int_equal(round_at(d, NOW + 4999, &t), 0);
    assert_int_equal(round_at(d, NOW + 5000, &t), 1);
    assert_int_equal(round_at(d, NOW + 6000, &t), 1);
    assert_true(t.id.slot == id.slot && t.id.gen == id.gen);
    dialogs_close(d);
    assert_int_equal(dialogs_open(&d, &conf), ERR_OK);
    dialogs_sweep(d, NOW + 6000, DIALOGS_SLOTS); /* nobody watches */
    assert_int_equal(round_at(d, NOW + 6000, &t), 1);
    assert_int_equal(dialogs_get(d, t.id, &arena, &r), ERR_OK);
    assert_int_equal(r.session.interval_s, 1800);
    assert_int_equal(r.session.by, DIALOG_REFRESH_CALLEE);
    assert_true(r.side[DIALOG_CALLEE].has_update && !r.side[DIALOG_CALLER].has_update);
    r.session.due_ms = NOW + 7000;
    assert_int_equal(dialogs_put(d, t.id, &r), ERR_OK);
    assert_int_equal(round_at(d, NOW + 6999, &t), 0);
    dialogs_close(d);
    arena_close(&arena);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protocol_8_what_is_due_is_told_until_it_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
