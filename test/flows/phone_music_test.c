/* phone_music_test.c - who is put on hold hears music from elsewhere (RFC 7088): from any phone, from the exchange; and what
 * becomes of the hold where there is none. */
#include "flows/phones.h"
#include "kit/kit.h"

#define B "sip:b@10.1.0.2"
#define MUSIC "sip:m@10.1.0.3"

struct trio {
    struct band *w;
    struct ring *a, *b, *m; /* m has the music: 880 Hz */
};

static struct trio trio_open(const struct phone_config *m)
{
    struct trio t = {.w = band_open(NULL)};

    t.a = ring_add(t.w, "a", &(struct phone_config){.tone_hz = 440, .music = S(MUSIC)});
    t.b = ring_add(t.w, "b", &(struct phone_config){.tone_hz = 660, .auto_answer = true});
    if (m)
        t.m = ring_add(t.w, "m", m);
    ring_do(t.a, "call " B);
    ring_expect(t.a, "confirmed");
    band_run_ms(t.w, 1000);
    return t;
}

static const struct phone_config music = {.tone_hz = 880, .auto_answer = true};

/* For so long from now each hears that much, give or take what a window of 100 ms and the wire make of it. */
static void hears(struct trio *t, struct ring *r, unsigned call, uint16_t hz, uint32_t of_2000_ms)
{
    uint32_t before = phone_heard_ms(r->phone, call, hz), now;

    band_run_ms(t->w, 2000);
    now = phone_heard_ms(r->phone, call, hz) - before;
    if (now + 300 < of_2000_ms || now > of_2000_ms + 100)
        fail_msg("%s hears %u Hz for %u ms of 2000, not %u", r->name, hz, now, of_2000_ms);
}

static void take_back(struct trio *t)
{
    ring_do(t->a, "resume");
    ring_expect(t->a, "off-hold");
    ring_expect(t->b, "resumed");
    hears(t, t->b, 1, 440, 2000);
    hears(t, t->a, 1, 660, 2000);
}

static void end(struct trio *t)
{
    ring_do(t->a, "hangup");
    ring_expect(t->a, "ended hung-up");
    ring_expect(t->b, "ended far-hung-up");
    band_close(t->w);
}

/*   a                    b                    m
 *   |== talk ============|                    |
 *   |---- INVITE ------->|                    |   without offer
 *   |<--- 200 -----------|                    |   b's offer
 *   |---- INVITE ---------------------------->|   b's offer, recvonly
 *   |<--- 200 --------------------------------|   sendonly
 *   |---- ACK -------------------------------->
 *   |---- ACK ---------->|                    |   m's answer, with a's o=
 *   |                    |<===== 880 Hz ======|
 *   |---- INVITE ------->|                    |   a takes b back
 *   |<--- 200 -----------|                    |
 *   |---- BYE ------------------------------->| */
static void rfc7088_2_3_music_from_elsewhere(void **state)
{
    struct trio t = trio_open(&music);

    (void)state;
    ring_do(t.a, "hold");
    ring_expect(t.a, "on-hold");
    ring_expect(t.b, "held");
    ring_expect(t.m, "confirmed");
    hears(&t, t.b, 1, 880, 2000);
    assert_int_equal(phone_heard_ms(t.m->phone, 1, 660), 0); /* b only listens */
    hears(&t, t.b, 1, 440, 0);
    take_back(&t);
    ring_expect(t.m, "ended far-hung-up");
    ring_do(t.a, "hold"); /* and once more */
    ring_expect(t.b, "held");
    hears(&t, t.b, 1, 880, 2000);
    take_back(&t);
    end(&t);
}

static void the_music_ends_with_the_call(void **state)
{
    (void)state;
    for (unsigned by_b = 0; by_b < 2; by_b++) {
        struct trio t = trio_open(&music);

        ring_do(t.a, "hold");
        ring_expect(t.b, "held");
        hears(&t, t.b, 1, 880, 2000);
        ring_do(by_b ? t.b : t.a, "hangup");
        ring_expect(t.a, "ended");
        ring_expect(t.b, "ended");
        ring_expect(t.m, "ended far-hung-up");
        band_close(t.w);
    }
}

/* Whatever the server does, b is on hold in the end, is told so, and is taken back as ever. */
static void without_music_it_is_a_hold_as_ever(void **state)
{
    static const struct phone_config busy = {.codecs = {"pcmu", 4}}; /* it is told to be */
    static const struct phone_config rings = {.tone_hz = 880};       /* and nobody answers: 4 s */
    static const struct phone_config *const servers[] = {NULL, &busy, &rings};

    (void)state;
    for (unsigned i = 0; i < sizeof servers / sizeof *servers; i++) {
        struct trio t = trio_open(servers[i]);

        if (i == 1)
            ring_do(t.m, "dnd on");
        ring_do(t.a, "hold");
        ring_expect(t.a, i == 1 ? "failed 486" : "failed music");
        ring_expect(t.a, "on-hold");
        ring_expect(t.b, "held");
        hears(&t, t.b, 1, 880, 0);
        take_back(&t);
        end(&t);
    }
}

static void a_server_that_hangs_up_is_told_of(void **state)
{
    struct trio t = trio_open(&music);

    (void)state;
    ring_do(t.a, "hold");
    ring_expect(t.b, "held");
    hears(&t, t.b, 1, 880, 2000);
    ring_do(t.m, "hangup");
    ring_expect(t.a, "failed music");
    hears(&t, t.b, 1, 880, 0);
    take_back(&t);
    end(&t);
}

/* Who is asked about a call that hears music is connected to it like any other. */
static void a_transfer_ends_the_music(void **state)
{
    struct trio t = trio_open(&music);
    struct ring *c = ring_add(t.w, "c", &(struct phone_config){.tone_hz = 550, .auto_answer = true});

    (void)state;
    ring_do(t.a, "attend sip:c@10.1.0.4");
    ring_expect(t.b, "held");
    ring_expect(c, "confirmed");
    hears(&t, t.b, 1, 880, 2000);
    ring_do(t.a, "complete");
    ring_expect(t.a, "transfer-accepted");
    ring_expect(t.m, "ended far-hung-up");
    ring_expect(c, "incoming");
    ring_expect(t.b, "confirmed");
    band_run_ms(t.w, 1000);
    hears(&t, t.b, 2, 550, 2000);
    band_close(t.w);
}

/* Loss and late packets: the hold comes about, with music or without, and so does its end. */
static void over_a_bad_wire(void **state)
{
    struct fake_link link = {.delay_us = 20000, .jitter_us = 10000, .loss_ppm = 100000, .duplicate_ppm = 50000};
    struct trio t = trio_open(&music);

    (void)state;
    fake_set_link(t.w->world, &link);
    for (unsigned i = 0; i < 10; i++) {
        ring_do(t.a, "hold");
        ring_expect(t.a, "on-hold");
        ring_expect(t.b, "held");
        ring_do(t.a, "resume");
        ring_expect(t.a, "off-hold");
        ring_expect(t.b, "resumed");
    }
    ring_do(t.a, "hangup");
    ring_expect(t.a, "ended");
    band_run_ms(t.w, 70000);
    ring_expect(t.b, "ended");
    band_close(t.w);
}

/* The exchange's music, through the exchange, with digest. */
static void the_music_of_the_exchange(void **state)
{
    struct kit *k = kit_begin(&(struct kit_options){.digest = true, .workers = 2, .spread = true});
    struct phone_config c = {.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .password = S("secret-of-the-test"), .music = S("*65")};
    struct trio t;

    (void)state;
    kit_add_user(k, "a");
    kit_add_user(k, "b");
    t.w = band_open(kit_world(k));
    c.tone_hz = 440;
    t.a = ring_add(t.w, "a", &c);
    c.tone_hz = 660;
    c.auto_answer = true;
    t.b = ring_add(t.w, "b", &c);
    ring_expect(t.a, "registered");
    ring_expect(t.b, "registered");
    ring_do(t.a, "call b");
    ring_expect(t.a, "confirmed");
    band_run_ms(t.w, 1000);
    ring_do(t.a, "hold");
    ring_expect(t.a, "on-hold");
    ring_expect(t.b, "held");
    ring_expect(t.b, "hears \"hz\":880"); /* a note of its tune */
    assert_int_equal(voice_pending(core_voice(kit_exchange(k)->core)), 1);
    take_back(&t);
    assert_int_equal(voice_pending(core_voice(kit_exchange(k)->core)), 0);
    ring_do(t.a, "hangup");
    ring_expect(t.b, "ended");
    band_leave(t.w);
    mem_free(&t.w->plain, t.w, sizeof *t.w);
    kit_end(k);
}

static void say(struct ring *r, const char *command)
{
    (void)phone_command(r->phone, slice_z(command));
    band_run_ms(r->band, 150);
}

/* Each allocation fails once: whoever asked for an offer answers it or hangs up, and nothing is left over. */
static void every_allocation_may_fail(void **state)
{
    bool     failed = true;
    unsigned n = 0;

    (void)state;
    while (failed) {
        struct trio t = {.w = band_open(NULL)};

        t.a = ring_add(t.w, "a", &(struct phone_config){.music = S(MUSIC)});
        t.b = ring_add(t.w, "b", &(struct phone_config){.auto_answer = true});
        t.m = ring_add(t.w, "m", &(struct phone_config){.auto_answer = true});
        say(t.a, "call " B);
        atomic_store(&t.w->failing.left, ++n);
        say(t.a, "hold");
        say(t.a, "resume");
        say(t.a, "hold");
        say(t.a, "hangup");
        failed = atomic_load(&t.w->failing.failed);
        atomic_store(&t.w->failing.left, 0);
        band_close(t.w);
    }
    assert_in_range(n, 40, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc7088_2_3_music_from_elsewhere),
        cmocka_unit_test(the_music_ends_with_the_call),
        cmocka_unit_test(without_music_it_is_a_hold_as_ever),
        cmocka_unit_test(a_server_that_hangs_up_is_told_of),
        cmocka_unit_test(a_transfer_ends_the_music),
        cmocka_unit_test(over_a_bad_wire),
        cmocka_unit_test(the_music_of_the_exchange),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
