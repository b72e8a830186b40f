/* dialogs_test.c - records begun, found, changed, ended; CDRs; restarts in order. */
#include "server/dialogs/dialogs_priv.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/folder_test.h"
#include "sys/heap.h"
#include "sys/random.h"

#define NOW INT64_C(1700000000000)

struct fixture {
    char                dir[64], path[96];
    struct mem          mem;
    struct heap_counted heap;
    struct random       random;
    struct store       *store;
    struct dialogs     *d;
    struct dialogs_conf conf;
    struct arena        arena;
};

static void open_both(struct fixture *f, int64_t now_ms)
{
    struct store_conf  sc = {.dir = f->dir, .mode = STORE_PUMPED, .mem = &f->heap.mem, .random = &f->random, .now_ms = now_ms};
    struct store_fault said;

    assert_int_equal(store_open(&f->store, &sc, &said), ERR_OK);
    assert_int_equal(store_path(f->store, S("dialogs.map"), f->path, sizeof f->path), ERR_OK);
    f->conf.path = f->path;
    f->conf.store = f->store;
    f->conf.mem = &f->heap.mem;
    f->conf.random = &f->random;
    f->conf.now_ms = now_ms;
    assert_int_equal(dialogs_open(&f->d, &f->conf), ERR_OK);
}

static void close_both(struct fixture *f)
{
    store_flush(f->store);
    dialogs_close(f->d);
    store_close(f->store);
}

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    heap_mem(&f->mem);
    heap_counted_init(&f->heap, &f->mem, 0);
    random_seed(&f->random, 7);
    memcpy(f->dir, "/tmp/strowger-dialogs-XXXXXX", sizeof "/tmp/strowger-dialogs-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    open_both(f, NOW);
    arena_init(&f->arena, &f->mem, 4096, 0);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;

    close_both(f);
    arena_close(&f->arena);
    assert_int_equal(f->heap.pieces, 0);
    assert_int_equal(folder_remove(f->dir), 0);
    free(f);
    return 0;
}

static struct dialog_record a_call(const char *call_id)
{
    struct dialog_record r = {.call_id = slice_z(call_id), .invite_cseq = 1, .writes_cdr = true,
                              .started_ms = NOW, .seen_ms = NOW};

    r.side[DIALOG_CALLER] = (struct dialog_party){.tag = S("from"), .number = S("1001"), .uri = S("sip:1001@h"), .cseq = 1,
                                                  .target = S("sip:1001@127.0.0.1:5070"), .flow = S("\0\1\2")};
    r.side[DIALOG_CALLEE] = (struct dialog_party){.number = S("1002"), .uri = S("sip:1002@h")};
    return r;
}

/* The call is answered. */
static void answer(struct dialog_record *r)
{
    r->side[DIALOG_CALLEE].tag = S("to");
    r->side[DIALOG_CALLEE].target = S("sip:1002@127.0.0.2:5070");
    r->side[DIALOG_CALLEE].flow = S("\3");
    r->state = DIALOG_CONFIRMED;
    r->code = 200;
    r->answered_ms = NOW + 3000;
}

static struct dialog_id begin(struct fixture *f, const struct dialog_record *r)
{
    struct dialog_id id = {0};

    assert_int_equal(dialogs_begin(f->d, r, &id), ERR_OK);
    assert_int_not_equal(id.gen, 0);
    return id;
}

static enum err find(struct fixture *f, const char *from, const char *to, struct dialog_id *id, enum dialog_side *side)
{
    struct dialog_key key = {.call_id = S("call-1"), .from_tag = slice_z(from), .to_tag = slice_z(to)};

    return dialogs_find(f->d, &key, NULL, id, side, NULL);
}

static bool put_cdr(void *arg, const struct store_cdr *c)
{
    buf_puts(arg, c->caller, S(">"), c->callee, S(" "), c->ended_by, S(" "), c->why, S(" "));
    buf_putu(arg, c->code);
    buf_putc(arg, ' ');
    buf_putu(arg, (uint64_t)(c->answered_ms ? c->ended_ms - c->answered_ms : 0));
    buf_puts(arg, S(" "), c->mode, S(";"));
    return true;
}

static void assert_cdrs(struct fixture *f, const char *want)
{
    struct store_cdr_query q = {0};
    char                   text[400];
    struct buf             b = BUF_ON(text);

    store_pump(f->store, NOW, true);
    assert_int_equal(store_each_cdr(f->store, &q, put_cdr, &b), ERR_OK);
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("%.*s, wanted %s", SARG(buf_slice(&b)), want);
}

static enum err end(struct fixture *f, struct dialog_id id, const char *by, uint16_t code)
{
    struct dialog_end e = {.now_ms = NOW + 10000, .code = code, .by = slice_z(by), .why = S("bye")};

    return dialogs_end(f->d, id, &e);
}

/* ---- the life of a call ---- */
static void a_call_is_kept_from_its_invite_to_its_cdr(void **state)
{
    struct fixture      *f = *state;
    struct dialog_record r = a_call("call-1"), got;
    struct dialog_id     id = begin(f, &r), found;
    enum dialog_side     side;

    assert_int_equal(dialogs_get(f->d, id, &f->arena, &got), ERR_OK);
    assert_true(slice_eq(got.call_id, S("call-1")) && slice_eq(got.side[0].flow, S("\0\1\2")));
    assert_true(got.state == DIALOG_EARLY && got.writes_cdr && !got.spoken && got.started_ms == NOW);
    answer(&got);
    got.mode = DIALOG_MODE_ACCEPT;
    got.spoken = true;
    assert_int_equal(dialogs_put(f->d, id, &got), ERR_OK);
    assert_int_equal(find(f, "from", "to", &found, &side), ERR_OK);
    assert_true(found.slot == id.slot && found.gen == id.gen && side == DIALOG_CALLER);
    assert_int_equal(find(f, "to", "from", &found, &side), ERR_OK);
    assert_int_equal(side, DIALOG_CALLEE);
    assert_int_equal(find(f, "from", "other", &found, &side), ERR_NOTFOUND);
    assert_int_equal(find(f, "from", "", &found, &side), ERR_NOTFOUND);
    assert_int_equal(dialogs_get(f->d, id, &f->arena, &got), ERR_OK);
    assert_true(slice_eq(got.side[1].target, S("sip:1002@127.0.0.2:5070")) && slice_eq(got.side[1].tag, S("to")));
    assert_true(got.mode == DIALOG_MODE_ACCEPT && got.spoken && got.code == 200 && got.answered_ms == NOW + 3000);
    assert_int_equal(end(f, id, "callee", 0), ERR_OK);
    assert_int_equal(find(f, "from", "to", &found, &side), ERR_NOTFOUND);
    assert_int_equal(dialogs_get(f->d, id, &f->arena, &got), ERR_NOTFOUND);
    assert_int_equal(end(f, id, "caller", 0), ERR_NOTFOUND);
    assert_int_equal(dialogs_put(f->d, id, &r), ERR_NOTFOUND);
    assert_int_equal(dialogs_seen(f->d, id, DIALOG_CALLER, 9, NOW), ERR_NOTFOUND);
    assert_cdrs(f, "1001>1002 callee bye 200 7000 accept;");
}

static void protocol_4_2_cseq_and_shift_are_kept_for_each_direction(void **state)
{
    struct fixture      *f = *state;
    struct dialog_record r = a_call("call-1"), got;
    struct dialog_id     id;

    answer(&r);
    id = begin(f, &r);
    assert_int_equal(dialogs_seen(f->d, id, DIALOG_CALLEE, 70, NOW + 5), ERR_OK);
    assert_int_equal(dialogs_seen(f->d, id, DIALOG_CALLEE, 60, NOW + 6), ERR_OK); /* overtaken: the highest counts */
    assert_int_equal(dialogs_get(f->d, id, &f->arena, &got), ERR_OK);
    assert_true(got.side[DIALOG_CALLEE].cseq == 70 && got.side[DIALOG_CALLER].cseq == 1 && got.seen_ms == NOW + 6);
    got.side[DIALOG_CALLER].shift = 1; /* the exchange has spoken to the callee */
    assert_int_equal(dialogs_put(f->d, id, &got), ERR_OK);
    close_both(f);
    open_both(f, NOW);
    assert_int_equal(dialogs_get(f->d, id, &f->arena, &got), ERR_OK); /* its id holds, too */
    assert_true(got.side[DIALOG_CALLER].shift == 1 && got.side[DIALOG_CALLEE].shift == 0 && got.side[DIALOG_CALLEE].cseq == 70);
}

static void protocol_7_5_an_attempt_is_call_id_from_tag_and_cseq(void **state)
{
    struct fixture      *f = *state;
    struct dialog_record first = a_call("call-1"), second = a_call("call-1");
    struct dialog_id     a, b, found;

    a = begin(f, &first);
    assert_int_equal(dialogs_begin(f->d, &first, &b), ERR_EXISTS);
    assert_int_equal(end(f, a, "callee", 302), ERR_OK);
    second.invite_cseq = 2; /* the phone keeps its Call-ID after the 302 */
    second.side[DIALOG_CALLEE].number = S("1003");
    second.started_ms++;
    b = begin(f, &second);
    assert_int_equal(dialogs_find_attempt(f->d, S("call-1"), S("from"), 2, &found), ERR_OK);
    assert_true(found.slot == b.slot && found.gen == b.gen);
    assert_int_equal(dialogs_find_attempt(f->d, S("call-1"), S("from"), 1, &found), ERR_NOTFOUND);
    assert_int_equal(end(f, b, "caller", 487), ERR_OK);
    assert_cdrs(f, "1001>1003 caller bye 487 0 ;1001>1002 callee bye 302 0 ;");
}

static void a_second_answer_of_a_fork_writes_no_cdr(void **state)
{
    struct fixture      *f = *state;
    struct dialog_record r = a_call("call-1");
    struct dialog_id     a, b;

    answer(&r);
    a = begin(f, &r);
    r.side[DIALOG_CALLEE].tag = S("to-2");
    r.side[DIALOG_CALLEE].number = SLICE_NONE;
    r.writes_cdr = false;
    b = begin(f, &r);
    assert_int_equal(end(f, b, "caller", 0), ERR_OK);
    assert_cdrs(f, "");
    assert_int_equal(end(f, a, "caller", 0), ERR_OK);
    assert_cdrs(f, "1001>1002 caller bye 200 7000 ;");
}

/* ---- limits ---- */
static void what_does_not_fit_has_no_record(void **state)
{
    static char              big[DIALOGS_TEXT_OCTETS + 1];
    struct fixture          *f = *state;
    struct dialog_record     r = a_call("call-1"), got;
    struct dialog_id         id, other;
    struct dialogs_counters  c;
    size_t                   room;
    char                     tag[8];

    memset(big, 'x', sizeof big);
    r.side[DIALOG_CALLER].route = (struct slice){big, sizeof big};
    assert_int_equal(dialogs_begin(f->d, &r, &id), ERR_LIMIT);
    r.side[DIALOG_CALLER].route = SLICE_NONE;
    id = begin(f, &r);
    assert_int_equal(dialogs_get(f->d, id, &f->arena, &got), ERR_OK);
    got.side[DIALOG_CALLEE].route = (struct slice){big, sizeof big};
    assert_int_equal(dialogs_put(f->d, id, &got), ERR_LIMIT);
    assert_int_equal(dialogs_get(f->d, id, &f->arena, &got), ERR_OK);
    assert_int_equal(got.side[DIALOG_CALLEE].route.n, 0); /* as it was */
    got.call_id = S("call-2");
    assert_int_equal(dialogs_put(f->d, id, &got), ERR_INVALID);
    /* One that is full to the brim ends all the same, and has its CDR. */
    assert_int_equal(dialogs_get(f->d, id, &f->arena, &got), ERR_OK);
    for (room = sizeof big; room > 0; room--) {
        got.side[DIALOG_CALLEE].route = (struct slice){big, room};
        if (dialogs_put(f->d, id, &got) == ERR_OK)
            break;
    }
    assert_true(room > 400);
    assert_int_equal(end(f, id, "caller", 200), ERR_OK);
    assert_cdrs(f, "1001>1002 caller bye 200 0 ;");
    dialogs_counters(f->d, &c);
    assert_true(c.too_long > 2 && c.records == 0 && c.slots_used == 0);
    for (int i = 0; i < DIALOGS_MAX_OF_CALL; i++) {
        r.side[DIALOG_CALLER].tag = (struct slice){tag, (size_t)snprintf(tag, sizeof tag, "%d", i)};
        begin(f, &r);
    }
    r.side[DIALOG_CALLER].tag = S("one more");
    assert_int_equal(dialogs_begin(f->d, &r, &other), ERR_LIMIT);
}

static void when_all_slots_are_taken_calls_go_on_without(void **state)
{
    struct fixture         *f = *state;
    struct dialogs_counters c;
    struct dialog_id        id, first = {0};
    char                    call_id[16];
    enum err                e = ERR_OK;
    uint32_t                n = 0;

    close_both(f);
    f->conf.slots = 100;
    open_both(f, NOW);
    for (; !e; n++) {
        struct dialog_record r;

        snprintf(call_id, sizeof call_id, "c%u", n);
        r = a_call(call_id);
        e = dialogs_begin(f->d, &r, &id);
        if (n == 0)
            first = id;
    }
    assert_int_equal(e, ERR_FULL);
    assert_int_equal(n, 101);
    dialogs_counters(f->d, &c);
    assert_true(c.records == 100 && c.no_slot == 1);
    assert_int_equal(end(f, first, "caller", 0), ERR_OK);
    store_pump(f->store, NOW, true);
    struct dialog_record r = a_call("late");
    begin(f, &r);
}

static void a_full_disk_means_no_new_records_but_ends_are_kept(void **state)
{
    struct fixture *f = *state;
    struct rlimit   was, tight;
    struct dialog_id id, first = {0};
    enum err         e = ERR_OK;
    uint32_t         n = 0;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    tight = was;
    tight.rlim_cur = SLOT_FILE_HEAD_OCTETS + DIALOGS_GROW_SLOTS * DIALOGS_SLOT_OCTETS;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (; !e; n++) {
        char                 call_id[16];
        struct dialog_record r;

        snprintf(call_id, sizeof call_id, "c%u", n);
        r = a_call(call_id);
        e = dialogs_begin(f->d, &r, &id);
        if (n == 0)
            first = id;
    }
    assert_int_equal(end(f, first, "caller", 0), ERR_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(e, ERR_FULL);
    assert_int_equal(n, DIALOGS_GROW_SLOTS - SPARE_SLOTS + 1);
    assert_cdrs(f, "1001>1002 caller bye 0 0 ;");
}

/* ---- CDRs and bad luck ---- */
static void a_cdr_that_cannot_be_stored_is_tried_again(void **state)
{
    struct fixture         *f = *state;
    struct dialog_record    r = a_call("call-1");
    struct dialog_id        id = begin(f, &r);
    struct dialogs_counters c;
    struct rlimit           was, tight;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    tight = was;
    tight.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_int_equal(end(f, id, "callee", 486), ERR_OK);
    store_pump(f->store, NOW, true);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    dialogs_counters(f->d, &c);
    assert_true(c.cdr_failures == 1 && c.cdrs == 0 && c.records == 1);
    assert_int_equal(dialogs_sweep(f->d, NOW, 1000000), 0);
    assert_cdrs(f, "1001>1002 callee bye 486 0 ;");
    dialogs_counters(f->d, &c);
    assert_true(c.cdrs == 1 && c.records == 0);
}

/* What ends while others wait goes with them; so many do not wait for more. */
static void cdrs_share_a_write(void **state)
{
    struct fixture         *f = *state;
    struct dialogs_counters c;
    enum { N = 1100, BATCH = 1024 };

    for (int i = 0; i < N; i++) {
        char                 call_id[16];
        struct dialog_record r;

        snprintf(call_id, sizeof call_id, "call-%d", i);
        r = a_call(call_id);
        assert_int_equal(end(f, begin(f, &r), "caller", 487), ERR_OK);
        assert_int_equal(store_pump(f->store, NOW, false), i + 1 == BATCH);
    }
    assert_int_equal(store_pump(f->store, NOW + STORE_SOON_MS, false), 1);
    dialogs_counters(f->d, &c);
    assert_true(c.cdrs == N && c.records == 0 && c.cdr_failures == 0);
}

/* ---- restarts ---- */
static void a_cdr_survives_kill_9_before_it_is_stored(void **state)
{
    struct fixture *f = *state;
    pid_t           child;

    close_both(f);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct dialog_record r = a_call("call-1");
        struct dialog_id     id;

        open_both(f, NOW);
        answer(&r);
        if (dialogs_begin(f->d, &r, &id) || end(f, id, "caller", 0))
            abort();
        kill(getpid(), SIGKILL); /* the store has not been pumped */
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    open_both(f, NOW + 20000);
    assert_cdrs(f, "1001>1002 caller bye 200 7000 ;");
    close_both(f);
    open_both(f, NOW + 30000);
    assert_cdrs(f, "1001>1002 caller bye 200 7000 ;"); /* once */
}

static void an_attempt_that_a_restart_cut_off_is_taken_over_or_given_up(void **state)
{
    struct fixture      *f = *state;
    struct dialog_record a = a_call("call-1"), b = a_call("call-2"), got;
    struct dialog_id     ia = begin(f, &a), again;

    begin(f, &b);
    close_both(f);
    open_both(f, NOW + 5000);
    a.side[DIALOG_CALLER].flow = S("new");
    again = begin(f, &a); /* the phone sends its INVITE again */
    assert_true(again.slot == ia.slot && again.gen == ia.gen);
    assert_int_equal(dialogs_get(f->d, again, &f->arena, &got), ERR_OK);
    assert_true(slice_eq(got.side[DIALOG_CALLER].flow, S("new")));
    assert_int_equal(dialogs_begin(f->d, &a, &again), ERR_EXISTS);
    assert_int_equal(dialogs_sweep(f->d, NOW + 5000 + DIALOGS_RESTORED_EARLY_MS - 1, 1000000), 0);
    assert_int_equal(dialogs_sweep(f->d, NOW + 5000 + DIALOGS_RESTORED_EARLY_MS, 1000000), 1);
    assert_cdrs(f, "1001>1002 restart nobody ended it 0 0 ;");
    assert_int_equal(dialogs_get(f->d, ia, &f->arena, &got), ERR_OK);
    assert_int_equal(dialogs_sweep(f->d, NOW + DIALOGS_EARLY_MS, 1000000), 1);
}

static void a_confirmed_dialog_is_given_up_after_a_day_of_silence(void **state)
{
    struct fixture      *f = *state;
    struct dialog_record r = a_call("call-1");
    struct dialog_id     id;

    answer(&r);
    id = begin(f, &r);
    assert_int_equal(dialogs_seen(f->d, id, DIALOG_CALLER, 2, NOW + 1000), ERR_OK);
    assert_int_equal(dialogs_sweep(f->d, NOW + DIALOGS_CONFIRMED_MS, 1000000), 0);
    assert_int_equal(dialogs_sweep(f->d, NOW + DIALOGS_CONFIRMED_MS + 1000, 1000000), 1);
    assert_cdrs(f, "1001>1002 exchange nobody ended it 200 86398000 ;");
}

static bool put_call(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    assert_int_not_equal(id.gen, 0);
    buf_puts(arg, r->call_id, S(" "));
    return true;
}

static void calls_are_listed_and_named(void **state)
{
    struct fixture      *f = *state;
    struct dialog_record a = a_call("call-1"), b = a_call("call-2");
    struct dialog_id     id = begin(f, &a), back;
    char                 text[100];
    struct buf           t = BUF_ON(text);

    begin(f, &b);
    assert_int_equal(dialogs_each(f->d, put_call, &t), ERR_OK);
    assert_true(slice_eq(buf_slice(&t), S("call-1 call-2 ")));
    buf_reset(&t);
    dialogs_id_text(&t, (struct dialog_id){0xa3f, 0x20});
    assert_true(slice_eq(buf_slice(&t), S("a3f-20")));
    assert_int_equal(dialogs_id_parse(buf_slice(&t), &back), ERR_OK);
    assert_true(back.slot == 0xa3f && back.gen == 0x20);
    assert_int_equal(dialogs_id_parse(S("12"), &back), ERR_SYNTAX);
    assert_int_equal(dialogs_id_parse(S("1-0"), &back), ERR_SYNTAX);
    assert_int_equal(dialogs_id_parse(S("ffffffff-1"), &back), ERR_SYNTAX);
    assert_int_equal(dialogs_get(f->d, (struct dialog_id){0xfffffff0, 1}, &f->arena, &a), ERR_NOTFOUND);
    assert_int_equal(end(f, id, "admin", 0), ERR_OK);
    buf_reset(&t);
    assert_int_equal(dialogs_each(f->d, put_call, &t), ERR_OK);
    assert_true(slice_eq(buf_slice(&t), S("call-2 ")));
}

/* ---- what a lamp needs ---- */
static const char *calls_of(struct fixture *f, const char *number)
{
    static char text[200];
    struct buf  t = {0};

    buf_init(&t, text, sizeof text - 1);
    assert_int_equal(dialogs_each_of(f->d, slice_z(number), put_call, &t), ERR_OK);
    text[t.n] = '\0';
    return text;
}

static void the_calls_of_a_number_are_found(void **state)
{
    struct fixture      *f = *state;
    struct dialog_record a = a_call("call-1"), b = a_call("call-2"), own = a_call("call-3");
    struct dialog_id     id = begin(f, &a), second;

    b.side[DIALOG_CALLEE].number = S("1003");
    own.side[DIALOG_CALLEE].number = S("1001");
    second = begin(f, &b);
    begin(f, &own); /* who calls himself is there once */
    assert_string_equal(calls_of(f, "1001"), "call-1 call-2 call-3 ");
    assert_string_equal(calls_of(f, "1002"), "call-1 ");
    assert_string_equal(calls_of(f, "1004"), "");
    b.side[DIALOG_CALLEE].number = S("1004");
    assert_int_equal(dialogs_put(f->d, second, &b), ERR_OK);
    assert_string_equal(calls_of(f, "1003"), "");
    assert_string_equal(calls_of(f, "1004"), "call-2 ");
    assert_int_equal(end(f, id, "caller", 200), ERR_OK);
    assert_string_equal(calls_of(f, "1002"), "");
    close_both(f);
    open_both(f, NOW + 1000); /* and after a restart */
    assert_string_equal(calls_of(f, "1001"), "call-2 call-3 ");
    assert_string_equal(calls_of(f, "1004"), "call-2 ");
}

static void on_changed(void *ctx, const struct dialog_record *r)
{
    static const char *const names[] = {"early", "confirmed", "ended"};

    buf_puts(ctx, r->call_id, S(" "), slice_z(names[r->state]), S("; "));
}

static void every_change_is_told_once_it_is_there(void **state)
{
    struct fixture      *f = *state;
    struct dialog_record r = a_call("call-1");
    char                 text[200];
    struct buf           t = BUF_ON(text);
    struct dialog_id     id;

    dialogs_watch(f->d, on_changed, &t);
    id = begin(f, &r);
    answer(&r);
    assert_int_equal(dialogs_put(f->d, id, &r), ERR_OK);
    assert_int_equal(dialogs_seen(f->d, id, DIALOG_CALLER, 5, NOW), ERR_OK); /* is none that a lamp would show */
    assert_int_equal(end(f, id, "caller", 200), ERR_OK);
    assert_int_equal(end(f, id, "caller", 200), ERR_NOTFOUND);
    assert_true(slice_eq(buf_slice(&t), S("call-1 early; call-1 confirmed; call-1 ended; ")));
}

/* An answered call of either side counts, one that nobody answered does not; the CDRs know it after a restart. */
static void since_when_a_number_is_idle(void **state)
{
    struct fixture      *f = *state;
    struct dialog_record r = a_call("call-1"), missed = a_call("call-2");
    struct dialog_id     id = begin(f, &r);

    assert_int_equal(dialogs_idle_since(f->d, S("1001")), 0);
    missed.side[DIALOG_CALLEE].number = S("1003");
    assert_int_equal(end(f, begin(f, &missed), "caller", 487), ERR_OK);
    answer(&r);
    assert_int_equal(dialogs_put(f->d, id, &r), ERR_OK);
    assert_int_equal(end(f, id, "caller", 0), ERR_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(dialogs_idle_since(f->d, S("1001")), NOW + 10000);
        assert_int_equal(dialogs_idle_since(f->d, S("1002")), NOW + 10000);
        assert_int_equal(dialogs_idle_since(f->d, S("1003")), 0);
        assert_int_equal(dialogs_idle_since(f->d, S("")), 0);
        close_both(f);
        open_both(f, NOW + 20000);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        T(a_call_is_kept_from_its_invite_to_its_cdr),
        T(protocol_4_2_cseq_and_shift_are_kept_for_each_direction),
        T(protocol_7_5_an_attempt_is_call_id_from_tag_and_cseq),
        T(a_second_answer_of_a_fork_writes_no_cdr),
        T(what_does_not_fit_has_no_record),
        T(when_all_slots_are_taken_calls_go_on_without),
        T(a_full_disk_means_no_new_records_but_ends_are_kept),
        T(a_cdr_that_cannot_be_stored_is_tried_again),
        T(cdrs_share_a_write),
        T(a_cdr_survives_kill_9_before_it_is_stored),
        T(an_attempt_that_a_restart_cut_off_is_taken_over_or_given_up),
        T(a_confirmed_dialog_is_given_up_after_a_day_of_silence),
        T(calls_are_listed_and_named),
        T(the_calls_of_a_number_are_found),
        T(since_when_a_number_is_idle),
        T(every_change_is_told_once_it_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
