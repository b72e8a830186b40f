/* phone_memory_test.c - every allocation of a phone fails once: at its opening, and while it calls. */
#include "flows/phones.h"

enum { MAX_ALLOCATIONS = 20000 };

static void opening_without_memory(void **state)
{
    enum err e = ERR_NOMEM;

    (void)state;
    for (unsigned n = 1; e; n++) {
        struct band *w = band_open(NULL);
        const struct phone_config c = {.server = S("10.0.0.1"), .password = S("x"), .display = S("A \"B\"")};
        atomic_store(&w->failing.left, n);
        e = ring_try(w, "a", &c);
        assert_true(e == ERR_OK || e == ERR_NOMEM);
        atomic_store(&w->failing.left, 0);
        if (!e)
            phone_close(w->ring[0].phone);
        w->ring[0].phone = NULL;
        band_close(w); /* nothing is left */
        assert_in_range(n, 0, MAX_ALLOCATIONS);
    }
}

static void say(struct ring *r, const char *command)
{
    (void)phone_command(r->phone, slice_z(command));
    band_run_ms(r->band, 150);
}

static void calling_without_memory(void **state)
{
    bool failed = true;
    unsigned n = 0;

    (void)state;
    while (failed) {
        struct band *w = band_open(NULL);
        const struct phone_config c = {.tone_hz = 440}, answering = {.auto_answer = true};
        struct ring *a = ring_add(w, "a", &c), *b = ring_add(w, "b", &answering);
        (void)ring_add(w, "c", &answering);
        atomic_store(&w->failing.left, ++n);
        say(a, "call sip:b@10.1.0.2");
        say(a, "hold");
        say(a, "resume");
        say(a, "status");
        say(b, "dtmf 1");
        say(b, "transfer sip:c@10.1.0.3");
        say(a, "hangup");
        failed = atomic_load(&w->failing.failed);
        atomic_store(&w->failing.left, 0);
        band_close(w);
        assert_in_range(n, 0, MAX_ALLOCATIONS);
    }
    assert_in_range(n, 50, MAX_ALLOCATIONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_without_memory),
        cmocka_unit_test(calling_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
