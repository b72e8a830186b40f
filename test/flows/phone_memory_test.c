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

/* A call, hold, a blind transfer. */
static void play_one_line(struct ring *a, struct ring *b)
{
    say(a, "call sip:b@10.1.0.2");
    say(a, "hold");
    say(a, "resume");
    say(a, "status");
    say(b, "dtmf 1");
    say(b, "transfer sip:c@10.1.0.3");
    say(a, "hangup");
}

/* Two calls, to and fro, then connected; one that is sent on. */
static void play_two_lines(struct ring *a, struct ring *b)
{
    say(a, "call sip:b@10.1.0.2");
    say(a, "attend sip:c@10.1.0.3");
    say(a, "swap");
    say(a, "complete");
    say(b, "hangup");
    say(b, "forward always sip:c@10.1.0.3");
    say(a, "call sip:b@10.1.0.2");
    say(a, "hangup");
}

/* All three together, and apart again. */
static void play_conference(struct ring *a, struct ring *b)
{
    say(a, "call sip:b@10.1.0.2");
    say(a, "attend sip:c@10.1.0.3");
    say(a, "conference");
    say(a, "split");
    say(a, "conference");
    say(b, "hangup");
    say(a, "hangup");
}

static void without_memory(void (*play)(struct ring *a, struct ring *b), uint16_t tone_hz)
{
    bool failed = true;
    unsigned n = 0;

    while (failed) {
        struct band *w = band_open(NULL);
        const struct phone_config c = {.tone_hz = tone_hz}, answering = {.auto_answer = true};
        struct ring *a = ring_add(w, "a", &c), *b = ring_add(w, "b", &answering);
        (void)ring_add(w, "c", &answering);
        atomic_store(&w->failing.left, ++n);
        play(a, b);
        failed = atomic_load(&w->failing.failed);
        atomic_store(&w->failing.left, 0);
        band_close(w);
        assert_in_range(n, 0, MAX_ALLOCATIONS);
    }
    assert_in_range(n, 50, MAX_ALLOCATIONS);
}

static void calling_without_memory(void **state)
{
    (void)state;
    without_memory(play_one_line, 440);
}

static void two_lines_without_memory(void **state)
{
    (void)state;
    without_memory(play_two_lines, 0); /* silence is faster to measure */
}

static void a_conference_without_memory(void **state)
{
    (void)state;
    without_memory(play_conference, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_without_memory),
        cmocka_unit_test(calling_without_memory),
        cmocka_unit_test(two_lines_without_memory),
        cmocka_unit_test(a_conference_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
