/* phone_srtp_test.c - whole phones whose sound is sealed (SDES-SRTP: RFC 4568), with each other and with the exchange itself. */
#include "flows/phones.h"
#include "kit/kit.h"

#define B "sip:b@10.1.0.2"
#define SEALED "call-statistics \"srtp\":\"AES_CM_128_HMAC_SHA1_80\""

static struct ring *ring_srtp(struct band *w, const char *user, enum sdp_srtp srtp, uint16_t hz)
{
    return ring_add(w, user, &(struct phone_config){.tone_hz = hz, .srtp = srtp});
}

static void talk(struct ring *a, struct ring *b)
{
    ring_do(a, "call " B);
    ring_expect(b, "incoming");
    ring_do(b, "answer");
    ring_expect(a, "confirmed");
    ring_expect(b, "confirmed");
    ring_expect(a, "hears \"hz\":660");
    ring_expect(b, "hears \"hz\":440");
}

static bool is_sealed(struct ring *r)
{
    struct slice told;

    ring_do(r, "hangup");
    told = ring_expect(r, "call-statistics");
    return slice_find_slice(told, S("\"srtp\":")) != SIZE_MAX;
}

/* Each kind of phone with each: whether they talk, and whether sealed. */
static void who_can_and_who_must(void **state)
{
    static const struct {
        enum sdp_srtp a, b;
        int           sealed; /* -1: no call */
    } table[] = {
        {SDP_SRTP_OFF, SDP_SRTP_OFF, 0},           {SDP_SRTP_OFF, SDP_SRTP_OPTIONAL, 0},
        {SDP_SRTP_OFF, SDP_SRTP_REQUIRED, -1},     {SDP_SRTP_OPTIONAL, SDP_SRTP_OFF, 0},
        {SDP_SRTP_OPTIONAL, SDP_SRTP_OPTIONAL, 1}, {SDP_SRTP_OPTIONAL, SDP_SRTP_REQUIRED, 1},
        {SDP_SRTP_REQUIRED, SDP_SRTP_OFF, -1},     {SDP_SRTP_REQUIRED, SDP_SRTP_OPTIONAL, 1},
        {SDP_SRTP_REQUIRED, SDP_SRTP_REQUIRED, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct band *w = band_open(NULL);
        struct ring *a = ring_srtp(w, "a", table[i].a, 440), *b = ring_srtp(w, "b", table[i].b, 660);

        if (table[i].sealed < 0) {
            ring_do(a, "call " B);
            ring_expect(a, "ended \"code\":488");
        } else {
            talk(a, b);
            assert_int_equal(is_sealed(a), table[i].sealed);
        }
        band_close(w);
    }
}

/* Hold, resume and digits in a sealed call; then the other end takes it to somebody else, with keys of its own. */
static void a_sealed_call_is_held_and_transferred(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_srtp(w, "a", SDP_SRTP_OPTIONAL, 440), *b = ring_srtp(w, "b", SDP_SRTP_REQUIRED, 660);
    struct ring *c = ring_srtp(w, "c", SDP_SRTP_OFF, 880);

    (void)state;
    talk(a, b);
    ring_do(a, "hold");
    ring_expect(b, "held");
    ring_expect(a, "on-hold");
    ring_do(a, "resume");
    ring_expect(b, "resumed");
    ring_do(b, "dtmf 42");
    ring_expect(a, "dtmf \"digit\":\"4\"");
    ring_do(b, "transfer sip:c@10.1.0.3");
    ring_expect(c, "incoming");
    ring_do(c, "answer");
    ring_expect(a, "hears \"hz\":880");
    ring_expect(c, "hears \"hz\":440");
    ring_expect(b, SEALED);
    assert_false(is_sealed(c));
    band_close(w);
}

/* The three voices of a phone's own conference: each call has its keys. */
static void a_conference_of_sealed_and_plain(void **state)
{
    struct band *w = band_open(NULL);
    struct ring *a = ring_srtp(w, "a", SDP_SRTP_OPTIONAL, 440), *b = ring_srtp(w, "b", SDP_SRTP_REQUIRED, 660);
    struct ring *c = ring_srtp(w, "c", SDP_SRTP_OFF, 880);

    (void)state;
    talk(a, b);
    ring_do(a, "attend sip:c@10.1.0.3");
    ring_expect(c, "incoming");
    ring_do(c, "answer");
    ring_expect(c, "hears \"hz\":440");
    ring_do(a, "conference");
    ring_expect(c, "hears \"hz\":660");
    ring_expect(b, "hears \"hz\":880");
    band_close(w);
}

/* The exchange's own end answers as it is asked: sealed where a phone must, plain where it does not offer. */
static void the_exchanges_own_ends_answer_as_they_are_asked(void **state)
{
    static const enum sdp_srtp modes[] = {SDP_SRTP_REQUIRED, SDP_SRTP_OPTIONAL, SDP_SRTP_OFF};
    struct kit  *k = kit_begin(NULL);
    struct band *w = band_open(kit_world(k));
    struct ring *r[3];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const char    *users[] = {"1001", "1002", "1003"};
        const uint16_t hz[] = {440, 554, 659};

        r[i] = ring_add(w, users[i], &(struct phone_config){.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .srtp = modes[i],
                                                            .tone_hz = hz[i]});
        ring_expect(r[i], "registered");
        ring_do(r[i], "call 801");
        ring_expect(r[i], "confirmed");
    }
    band_run_ms(w, 3000);
    for (size_t i = 0; i < 3; i++) {
        const uint16_t hz[] = {440, 554, 659};

        for (size_t j = 0; j < 3; j++)
            assert_true((phone_heard_ms(r[i]->phone, 1, hz[j]) > 1500) == (i != j));
    }
    assert_true(is_sealed(r[0]));
    assert_true(is_sealed(r[1]));
    assert_false(is_sealed(r[2]));
    band_run_ms(w, 1000);
    band_close(w);
    kit_end(k);
}

/* Where the exchange calls, keys are offered beside plain sound: who insists on them can be called back for a parked call. */
static void who_must_is_called_by_the_exchange(void **state)
{
    static const enum sdp_srtp modes[] = {SDP_SRTP_REQUIRED, SDP_SRTP_OFF};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct kit  *k = kit_begin(NULL);
        struct band *w = band_open(kit_world(k));
        struct ring *a, *b;

        a = ring_add(w, "1001", &(struct phone_config){.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .srtp = modes[i], .tone_hz = 1000});
        b = ring_add(w, "1002", &(struct phone_config){.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .srtp = modes[i], .tone_hz = 1500});
        ring_expect(a, "registered");
        ring_expect(b, "registered");
        ring_do(a, "call 1002");
        ring_expect(b, "incoming");
        ring_do(b, "answer");
        ring_expect(b, "confirmed");
        ring_do(b, "transfer 703");
        ring_expect(b, "transfer-result \"ok\":true");
        band_run_ms(w, 1000ull * VOICE_RECALL_S);
        ring_expect(b, "incoming");
        ring_do(b, "answer");
        ring_expect(b, "hears \"hz\":1000");
        assert_int_equal(is_sealed(b), modes[i] == SDP_SRTP_REQUIRED);
        band_run_ms(w, 3000);
        band_close(w);
        kit_end(k);
    }
}

/* Phones that must, and refuse REFER: the exchange itself takes one to the other, past its own ringback, and all of it is sealed. */
static void a_transfer_by_the_exchange_stays_sealed(void **state)
{
    struct kit        *k = kit_begin(NULL);
    struct band       *w = band_open(kit_world(k));
    struct phone_config c = {.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .srtp = SDP_SRTP_REQUIRED, .refer_code = 405};
    const char        *users[] = {"1001", "1002", "1003"};
    struct ring       *r[3];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        c.tone_hz = (uint16_t)(700 + 400 * i);
        r[i] = ring_add(w, users[i], &c);
        ring_expect(r[i], "registered");
    }
    ring_do(r[0], "call 1002");
    ring_expect(r[1], "incoming");
    ring_do(r[1], "answer");
    ring_expect(r[0], "hears \"hz\":1100");
    ring_do(r[1], "transfer 1003");
    ring_expect(r[2], "incoming");
    ring_expect(r[0], "hears \"hz\":425"); /* ringback, by the exchange's own end */
    ring_do(r[2], "answer");
    ring_expect(r[0], "hears \"hz\":1500");
    ring_expect(r[2], "hears \"hz\":700");
    assert_true(is_sealed(r[2]));
    assert_true(slice_find_slice(ring_expect(r[0], "call-statistics"), S("\"srtp\":")) != SIZE_MAX);
    band_run_ms(w, 3000);
    band_close(w);
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_can_and_who_must),
        cmocka_unit_test(a_sealed_call_is_held_and_transferred),
        cmocka_unit_test(a_conference_of_sealed_and_plain),
        cmocka_unit_test(the_exchanges_own_ends_answer_as_they_are_asked),
        cmocka_unit_test(who_must_is_called_by_the_exchange),
        cmocka_unit_test(a_transfer_by_the_exchange_stays_sealed),
    };

    if (!media_srtp_is_there()) {
        print_message("this build has no libsrtp2\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
