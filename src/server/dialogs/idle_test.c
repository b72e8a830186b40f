/* idle_test.c - since when numbers have had no call: more of them than are remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "server/dialogs/dialogs.h"
#include "sys/heap.h"
#include "sys/random.h"

enum { NOW = 1700000000 };

static void call(struct dialogs *d, const char *number, int64_t end_ms)
{
    struct dialog_record r = {.call_id = S("call"), .invite_cseq = 1, .state = DIALOG_CONFIRMED, .started_ms = NOW, .answered_ms = NOW};
    struct dialog_end    e = {.now_ms = end_ms, .by = S("caller"), .why = S("bye")};
    struct dialog_id     id;

    r.side[DIALOG_CALLER] = (struct dialog_party){.tag = S("from"), .number = S("1"), .uri = S("sip:1@h")};
    r.side[DIALOG_CALLEE] = (struct dialog_party){.tag = S("to"), .number = slice_z(number), .uri = S("sip:2@h")};
    assert_int_equal(dialogs_begin(d, &r, &id), ERR_OK);
    assert_int_equal(dialogs_end(d, id, &e), ERR_OK);
}

static void who_had_a_call_lately_is_remembered(void **state)
{
    struct random       random;
    struct mem          mem;
    struct dialogs_conf conf = {.mem = &mem, .random = &random, .slots = 16, .now_ms = NOW};
    struct dialogs     *d;
    char                number[16];
    unsigned            known = 0;

    (void)state;
    heap_mem(&mem);
    random_seed(&random, 3);
    assert_int_equal(dialogs_open(&d, &conf), ERR_OK);
    for (unsigned i = 0; i < 2 * DIALOGS_IDLE_NUMBERS; i++) {
        snprintf(number, sizeof number, "n%u", i);
        call(d, number, NOW + i);
        assert_int_equal(dialogs_idle_since(d, slice_z(number)), NOW + i);
    }
    call(d, "n7", NOW); /* a clock that was set back does not make a call younger than it is */
    for (unsigned i = DIALOGS_IDLE_NUMBERS; i < 2 * DIALOGS_IDLE_NUMBERS; i++) {
        snprintf(number, sizeof number, "n%u", i);
        known += dialogs_idle_since(d, slice_z(number)) == NOW + i;
    }
    assert_true(known > DIALOGS_IDLE_NUMBERS * 3 / 4);
    assert_int_equal(dialogs_idle_since(d, S("1")), NOW + 2 * DIALOGS_IDLE_NUMBERS - 1);
    dialogs_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_had_a_call_lately_is_remembered)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
