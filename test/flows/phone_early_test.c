/* phone_early_test.c - our phone and the exchange between: provisional responses that arrive, and UPDATE (RFC 3262, RFC 3311). */
#include "flows/phones.h"
#include "kit/talk.h"

#define SDP_OF(version, more) "v=0\r\no=- 7 " version " IN IP4 10.0.0.11\r\ns=-\r\nc=IN IP4 10.0.0.11\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n" more
#define RELIABLE "\nRequire: 100rel\nAllow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"

static bool has(struct slice text, const char *what)
{
    return slice_find_slice(text, slice_z(what)) != SIZE_MAX;
}

static struct ring *phone(struct kit *k, struct band **w)
{
    struct phone_config c = {.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .update = true};
    struct ring        *a;

    *w = band_open(kit_world(k));
    a = ring_add(*w, "a", &c);
    ring_expect(a, "registered");
    return a;
}

static void end(struct kit *k, struct band *w)
{
    band_leave(w);
    mem_free(&w->plain, w, sizeof *w);
    kit_end(k);
}

static const struct msg *updated(struct peer *bob, const char *answer)
{
    const struct msg *m = peer_expect(bob, "UPDATE");

    peer_send(bob, answer);
    return m;
}

/*  phone a           strowger             bob
 *    |-- INVITE -------->|-- INVITE -------->|   Supported: 100rel
 *    |<- 183 RSeq: 1 SDP |<- 183 ------------|
 *    |-- PRACK --------->|-- PRACK --------->|
 *    |-- UPDATE hold --->|-- UPDATE -------->|   before there is an answer
 *    |<- 200 ------------|<- 200 ------------|
 *    |<- 200 ------------|<- 200 ------------|   without description
 *    |-- UPDATE resume ->|-- UPDATE -------->| */
static void hold_before_the_answer_and_after(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *bob = peer_registered(k, "bob");
    struct band      *w;
    struct ring      *a = phone(k, &w);
    const struct msg *m;

    (void)state;
    ring_do(a, "call bob");
    m = peer_expect(bob, "INVITE");
    assert_true(msg_has_token(m, HDR_SUPPORTED, S("100rel")));
    peer_send(bob, "183" RELIABLE "\nRSeq: 1\nContent-Type: application/sdp\n\n" SDP_OF("1", ""));
    m = peer_expect(bob, "PRACK");
    assert_true(has(msg_value(m, HDR_RACK), "1 1 INVITE"));
    peer_send(bob, "200 PRACK");
    ring_expect(a, "ringing \"early\":true");
    ring_do(a, "hold");
    assert_true(has(updated(bob, "200 UPDATE\nContent-Type: application/sdp\n\n" SDP_OF("2", "a=recvonly\r\n"))->body, "a=sendonly"));
    ring_expect(a, "on-hold");
    peer_send(bob, "200 INVITE\n-Content-Type\n\n");
    assert_int_equal(peer_expect(bob, "ACK")->body.n, 0);
    ring_expect(a, "answered");
    ring_do(a, "resume");
    assert_false(has(updated(bob, "200 UPDATE\nContent-Type: application/sdp\n\n" SDP_OF("3", ""))->body, "a=sendonly"));
    ring_expect(a, "off-hold");
    ring_do(a, "hold");
    (void)updated(bob, "488 UPDATE");
    ring_expect(a, "failed");
    ring_do(a, "hangup");
    peer_expect(bob, "BYE");
    peer_send(bob, "200");
    ring_expect(a, "ended");
    end(k, w);
}

/* Nothing can be offered before the first offer has its answer, and a person is told so. */
static void hold_that_comes_too_early(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *bob = peer_registered(k, "bob");
    struct band *w;
    struct ring *a = phone(k, &w);

    (void)state;
    ring_do(a, "call bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180\nAllow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE");
    ring_expect(a, "ringing");
    ring_do(a, "hold");
    ring_expect(a, "failed");
    ring_do(a, "hangup");
    cancelled(bob);
    ring_expect(a, "ended");
    end(k, w);
}

/* Two of ours through the exchange, with --100rel: the 180 arrives, on a wire that loses it twice. */
static int64_t lose_180(void *ctx, const struct addr *from, const struct addr *to, struct slice octets)
{
    unsigned *left = ctx;

    (void)from;
    (void)to;
    if (!*left || !slice_starts(octets, S("SIP/2.0 180")))
        return 0;
    (*left)--;
    return -1;
}

static void ringing_arrives(void **state)
{
    struct kit         *k = kit_begin(NULL);
    struct phone_config c = {.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .reliable = true, .session_s = 90};
    struct band        *w = band_open(kit_world(k));
    struct ring        *a = ring_add(w, "a", &c), *b = ring_add(w, "b", &c);
    unsigned            left = 2;

    (void)state;
    ring_expect(a, "registered");
    ring_expect(b, "registered");
    fake_set_filter(kit_world(k), lose_180, &left);
    ring_do(a, "call b");
    ring_expect(b, "incoming");
    ring_expect(a, "ringing");
    assert_int_equal(left, 0);
    ring_do(b, "answer");
    ring_expect(a, "answered");
    band_run_ms(w, 200000); /* refreshed */
    ring_expect_none(a, "ended");
    ring_do(a, "hangup");
    ring_expect(b, "ended");
    end(k, w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hold_before_the_answer_and_after),
        cmocka_unit_test(hold_that_comes_too_early),
        cmocka_unit_test(ringing_arrives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
