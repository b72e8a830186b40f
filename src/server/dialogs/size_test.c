/* size_test.c - what a record costs in memory and in the file, and which slot it takes. */
#include "server/dialogs/dialogs_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sys/heap.h"
#include "sys/random.h"

#define NOW INT64_C(1700000000000)
#define CALLS 20000u

struct fixture {
    struct mem          mem;
    struct heap_counted heap;
    struct random       random;
    struct dialogs     *d;
    char                call_id[40], tag[2][24], uri[2][40], target[2][64], origin[2][64], flow[44];
};

static void open_memory(struct fixture *f)
{
    struct dialogs_conf conf = {.mem = &f->heap.mem, .random = &f->random, .now_ms = NOW};

    heap_mem(&f->mem);
    heap_counted_init(&f->heap, &f->mem, 0);
    random_seed(&f->random, 7);
    assert_int_equal(dialogs_open(&f->d, &conf), ERR_OK);
}

#define PRINT(to, ...) ((struct slice){to, (size_t)snprintf(to, sizeof to, __VA_ARGS__)})

/* An answered call, with texts as long as common phones write them. */
static struct dialog_record a_held_call(struct fixture *f, unsigned n)
{
    struct dialog_record r = {.call_id = PRINT(f->call_id, "%08x-7d1c-4b0a-9e52-4d1f0a%06x", n, n), .invite_cseq = 20121,
                              .state = DIALOG_CONFIRMED, .code = 200, .writes_cdr = true, .started_ms = NOW,
                              .answered_ms = NOW + 3000, .seen_ms = NOW};

    for (unsigned i = 0; i < 2; i++) {
        struct dialog_party *p = &r.side[i];

        p->tag = PRINT(f->tag[i], "as%08x%08x", n, i);
        p->uri = PRINT(f->uri[i], "sip:%u@exchange.example.com", 1000 + n % 1000 + i);
        p->number = slice_to(slice_from(p->uri, 4), 4);
        p->target = PRINT(f->target[i], "sip:%u@192.168.178.%u:5060;transport=udp", 1000 + n % 1000 + i, n % 250);
        p->origin = PRINT(f->origin[i], "- 38%08u 38%08u IN IP4 192.168.178.%u", n, n, n % 250);
        p->flow = (struct slice){f->flow, sizeof f->flow};
    }
    return r;
}

static void a_held_call_costs_no_more_than_is_said(void **state)
{
    static struct fixture   f;
    struct dialogs_counters c;
    size_t                  before, octets;

    (void)state;
    open_memory(&f);
    before = f.heap.octets; /* the entries are among them, untouched */
    for (unsigned n = 0; n < CALLS; n++) {
        struct dialog_record r = a_held_call(&f, n);
        struct dialog_id     id;

        assert_int_equal(dialogs_begin(f.d, &r, &id), ERR_OK);
    }
    dialogs_counters(f.d, &c);
    assert_int_equal(c.slots_used, CALLS);
    assert_int_equal(slot_file_used(&f.d->slots), CALLS);
    octets = f.heap.octets - before + CALLS * (DIALOGS_SLOT_OCTETS + sizeof(struct entry) + sizeof(uint32_t) /* the stack of free slots */);
    assert_in_range(octets / CALLS, DIALOGS_SLOT_OCTETS, DIALOGS_HELD_OCTETS);
    dialogs_close(f.d);
    assert_int_equal(f.heap.pieces, 0);
}

static void a_record_moves_to_a_long_slot_and_back(void **state)
{
    static const char    many[DIALOGS_TEXT_OCTETS] = "";
    static struct fixture f;
    struct dialog_record r, got;
    struct dialog_id     id;
    struct arena         a;

    (void)state;
    open_memory(&f);
    arena_init(&a, &f.mem, 4096, 0);
    r = a_held_call(&f, 1);
    assert_int_equal(dialogs_begin(f.d, &r, &id), ERR_OK);
    r.side[DIALOG_CALLER].route = (struct slice){many, DIALOGS_SLOT_OCTETS - slot_octets(&r) - DIALOGS_END_OCTETS};
    assert_int_equal(dialogs_put(f.d, id, &r), ERR_OK);
    assert_int_equal(slot_file_used(&f.d->long_slots), 0); /* just so */
    r.side[DIALOG_CALLER].route.n++;
    assert_int_equal(dialogs_put(f.d, id, &r), ERR_OK);
    assert_int_equal(slot_file_used(&f.d->long_slots), 1);
    assert_int_equal(slot_file_used(&f.d->slots), 0);
    r.side[DIALOG_CALLER].route.n = DIALOGS_LONG_OCTETS - DIALOGS_SLOT_OCTETS + r.side[DIALOG_CALLER].route.n - 1;
    assert_int_equal(dialogs_put(f.d, id, &r), ERR_OK);
    assert_int_equal(dialogs_get(f.d, id, &a, &got), ERR_OK);
    assert_true(got.side[DIALOG_CALLER].route.n == r.side[DIALOG_CALLER].route.n);
    assert_true(slice_eq(got.side[DIALOG_CALLEE].origin, r.side[DIALOG_CALLEE].origin)); /* the last texts, too */
    r.side[DIALOG_CALLER].route.n++;
    assert_int_equal(dialogs_put(f.d, id, &r), ERR_LIMIT);
    r.side[DIALOG_CALLER].route = SLICE_NONE;
    assert_int_equal(dialogs_put(f.d, id, &r), ERR_OK);
    assert_int_equal(slot_file_used(&f.d->long_slots), 0);
    arena_close(&a);
    dialogs_close(f.d);
}

static void of_a_long_reason_the_beginning_is_kept(void **state)
{
    static char          many[300];
    static struct fixture f;
    static struct slot   s;
    struct dialog_record r, got;
    struct dialog_end    end = {.now_ms = NOW, .by = S("exchange"), .why = {many, sizeof many}};

    (void)state;
    memset(many, 'w', sizeof many);
    r = a_held_call(&f, 1);
    slot_write(&s, &r);
    slot_end(&s, s.used + DIALOGS_END_OCTETS, &end);
    slot_read(&s, &got);
    assert_true(slice_eq(got.ended_by, S("exchange")) && slice_eq(got.why, (struct slice){many, DIALOGS_END_OCTETS - 8}));
    assert_int_equal(got.code, 200); /* the last */
    slot_end(&s, DIALOGS_LONG_OCTETS, &end);
    slot_read(&s, &got);
    assert_int_equal(got.why.n, UINT8_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_held_call_costs_no_more_than_is_said),
        cmocka_unit_test(a_record_moves_to_a_long_slot_and_back),
        cmocka_unit_test(of_a_long_reason_the_beginning_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
