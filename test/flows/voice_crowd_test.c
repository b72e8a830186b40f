/* voice_crowd_test.c - a conference at the exchange with as many as it takes: who comes, who is told of, who is one too many,
 * what is heard; and that nothing of it is left. */
#include "flows/phones.h"
#include "kit/talk.h"

enum { CROWD = MEDIA_MIX_MAX, HALF = 32, PHONES = 32 };

static bool has(struct slice text, const char *what)
{
    return slice_find_slice(text, slice_z(what)) != SIZE_MAX;
}

/* What the watcher knows by all it has been told: the first NOTIFY says all, later ones may say what is new (RFC 4575 §4.4). */
struct roster {
    bool     there[CROWD + 1];
    unsigned full, partial; /* NOTIFYs */
};

static void take(struct roster *r, struct slice body)
{
    bool full = has(body, "<users state=\"full\">");

    r->full += full;
    r->partial += !full;
    for (unsigned i = 0; i <= CROWD; i++) {
        char is[128], gone[128];

        snprintf(is, sizeof is, "<user entity=\"sip:p%u@" KIT_DOMAIN "\" state=\"full\">", i);
        snprintf(gone, sizeof gone, "<user entity=\"sip:p%u@" KIT_DOMAIN "\" state=\"deleted\"/>", i);
        if (full || has(body, gone))
            r->there[i] = false;
        if (has(body, is))
            r->there[i] = true;
    }
}

/* Of so many the last NOTIFY must tell, and all NOTIFYs together of these. */
static void expect_roster(struct kit *k, struct peer *watcher, struct roster *r, unsigned n)
{
    const struct msg *m, *last = NULL;
    char              count[64];

    kit_wait_ms(k, 3000); /* one NOTIFY after the other, and not too many */
    while ((m = peer_next(watcher))) {
        if (!m->is_request)
            continue;
        last = m;
        take(r, m->body);
        peer_send(watcher, "200 NOTIFY");
        kit_wait_ms(k, 3000);
    }
    assert_non_null(last);
    snprintf(count, sizeof count, "<user-count>%u</user-count>", n);
    if (!has(last->body, count))
        fail_msg("the last NOTIFY says %.*s, not %s", SARG(slice_to(last->body, 400)), count);
    for (unsigned i = 0; i <= CROWD; i++)
        if (r->there[i] != (i < n))
            fail_msg("p%u is %s", i, i < n ? "not told of" : "still told of");
}

/*  64 phones        strowger          watcher
 *    |--- INVITE 801 -->|                |
 *    |<-- 200 ----------|--- NOTIFY ---->|   32 of them, then all
 *    |                  |
 *    |   the 65th       |
 *    |--- INVITE 801 -->|
 *    |<-- 486 ----------|                    until somebody has left
 *    |                  |
 *    |--- BYE --------->|--- NOTIFY ---->|   in the end: terminated */
static void as_many_as_it_takes_and_not_one_more(void **state)
{
    struct kit       *k = kit_begin(&(struct kit_options){.workers = 2, .spread = true});
    struct peer      *crowd[CROWD + 1], *watcher = peer_registered(k, "watcher");
    struct roster     roster = {.full = 0};
    const struct msg *m;
    char              name[16];

    (void)state;
    for (unsigned i = 0; i <= CROWD; i++) {
        snprintf(name, sizeof name, "p%u", i);
        crowd[i] = peer_registered(k, name);
    }
    dial(crowd[0], "INVITE 801");
    peer_send(watcher, "SUBSCRIBE 801\nEvent: conference");
    peer_expect(watcher, "200 SUBSCRIBE");
    for (unsigned i = 1; i < HALF; i++)
        dial(crowd[i], "INVITE 801");
    expect_roster(k, watcher, &roster, HALF);
    for (unsigned i = HALF; i < CROWD; i++)
        dial(crowd[i], "INVITE 801");
    expect_roster(k, watcher, &roster, CROWD);
    peer_send(crowd[CROWD], "INVITE 801");
    refused(crowd[CROWD], "486");
    leave(crowd[CROWD - 1]);
    dial(crowd[CROWD], "INVITE 801");
    leave(crowd[CROWD]);
    expect_roster(k, watcher, &roster, CROWD - 1);
    for (unsigned i = CROWD - 1; i-- > 1;)
        leave(crowd[i]);
    expect_roster(k, watcher, &roster, 1);
    assert_true(roster.full > 1 && roster.partial > 1); /* more had left at once than are remembered: then all is told */
    leave(crowd[0]);
    m = peer_expect(watcher, "NOTIFY");
    assert_true(has(msg_value(m, HDR_SUBSCRIPTION_STATE), "terminated"));
    peer_send(watcher, "200 NOTIFY");
    kit_wait_ms(k, 40000); /* for late repeats of the last BYE */
    assert_int_equal(voice_pending(core_voice(kit_exchange(k)->core)), 0);
    kit_end(k);
}

/* 32 of our phones, of each codec, two of which say tones: all hear both, but not themselves. */
static void thirty_two_phones_hear_two(void **state)
{
    static const uint16_t    tones[] = {440, 660};
    const char *const        codecs[] = {"pcma", "g722", media_codec_is_there(MEDIA_OPUS) ? "opus" : "g722", "pcmu"};
    struct kit              *k = kit_begin(&(struct kit_options){.workers = 2, .spread = true});
    struct phone_config      c = {.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN)};
    struct band             *w = band_open(kit_world(k));
    char                     name[16];

    (void)state;
    for (unsigned i = 0; i < PHONES; i++) {
        snprintf(name, sizeof name, "p%u", i);
        c.tone_hz = i < 2 ? tones[i] : 0;
        c.codecs = slice_z(codecs[i % 4]);
        kit_add_user(k, name);
        ring_add(w, name, &c);
    }
    for (unsigned i = 0; i < PHONES; i++) {
        ring_expect(&w->ring[i], "registered");
        ring_do(&w->ring[i], "call 801");
        ring_expect(&w->ring[i], "answered");
    }
    band_run_ms(w, 2000);
    for (unsigned i = 0; i < PHONES; i++)
        for (unsigned t = 0; t < 2; t++) {
            uint32_t ms = phone_heard_ms(w->ring[i].phone, 1, tones[t]);

            if (i == t ? ms > 0 : ms < 1500)
                fail_msg("p%u (%s) hears %u Hz for %u ms", i, codecs[i % 4], tones[t], ms);
        }
    for (unsigned i = 0; i < PHONES; i++) {
        ring_do(&w->ring[i], "hangup");
        ring_expect(&w->ring[i], "ended");
    }
    band_leave(w);
    mem_free(&w->plain, w, sizeof *w);
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_as_it_takes_and_not_one_more),
        cmocka_unit_test(thirty_two_phones_hear_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
