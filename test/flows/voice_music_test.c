/* voice_music_test.c - an extension of the exchange's own: it answers, and plays (DESIGN §5; RFC 7088 for the music). */
#include "flows/phones.h"
#include "kit/talk.h"

static bool has(struct slice text, const char *what)
{
    return slice_find_slice(text, slice_z(what)) != SIZE_MAX;
}

/*  1001             strowger
 *    |--- INVITE *65 -->|
 *    |<-- 200 ----------|   the exchange is the other end: its own Contact, no Record-Route
 *    |--- ACK --------->|
 *    |--- BYE --------->|
 *    |<-- 200 ----------| */
static void music_answers_and_the_caller_hangs_up(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *a = peer_registered(k, "1001");
    const struct msg *m;

    (void)state;
    peer_send(a, "INVITE *65");
    m = peer_expect(a, "200 INVITE");
    assert_true(has(msg_value(m, HDR_CONTACT), "@" KIT_EXCHANGE ":5060"));
    assert_false(msg_has(m, HDR_RECORD_ROUTE));
    assert_true(slice_eq(msg_value(m, HDR_SERVER), S("strowger")));
    assert_true(has(m->body, "m=audio 2"));
    assert_true(has(m->body, "a=sendonly"));
    peer_send(a, "ACK");
    kit_wait_ms(k, 500);
    leave(a);
    kit_end(k);
}

/* RFC 3262: who requires 100rel can have it where nothing but the answer is sent. */
static void whoever_requires_100rel_is_answered(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *a = peer_registered(k, "1001");
    const struct msg *m;

    (void)state;
    peer_send(a, "INVITE *65\nRequire: 100rel");
    m = peer_expect(a, "200 INVITE");
    assert_true(msg_has_token(m, HDR_ALLOW, S("PRACK")));
    peer_send(a, "ACK");
    leave(a);
    kit_end(k);
}

/* Without an offer the exchange makes one, and the ACK answers it (RFC 3264 §5). A re-INVITE inside is answered too. */
static void music_offers_where_the_caller_does_not(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *a = peer_registered(k, "1001");
    const struct msg *m;

    (void)state;
    peer_send(a, "INVITE *65\n-Content-Type\n\n");
    m = peer_expect(a, "200 INVITE");
    assert_true(has(m->body, "PCMA/8000"));
    peer_send(a, "ACK\nContent-Type: application/sdp\n\nv=0\r\no=- 1 1 IN IP4 10.0.0.11\r\ns=-\r\nc=IN IP4 10.0.0.11\r\nt=0 0\r\n"
                 "m=audio 4000 RTP/AVP 0\r\na=recvonly\r\n");
    kit_wait_ms(k, 100);
    peer_send(a, "INVITE");
    m = peer_expect(a, "200 INVITE");
    assert_true(has(m->body, "m=audio 2"));
    peer_send(a, "ACK");
    leave(a);
    kit_end(k);
}

static void no_codec_in_common_is_488(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *a = peer_registered(k, "1001");

    (void)state;
    peer_send(a, "INVITE *65\nContent-Type: application/sdp\n\nv=0\r\no=- 1 1 IN IP4 10.0.0.11\r\ns=-\r\nc=IN IP4 10.0.0.11\r\nt=0 0\r\n"
                 "m=audio 4000 RTP/AVP 18\r\n");
    refused(a, "488");
    kit_end(k);
}

/* Nobody acknowledges the 200: repeated for 64*T1, then BYE (RFC 3261 §13.3.1.4). */
static void without_ack_the_exchange_hangs_up(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *a = peer_registered(k, "1001");

    (void)state;
    peer_send(a, "INVITE *65");
    peer_expect(a, "200 INVITE");
    peer_expect_in(a, "BYE", 31000, 33000);
    peer_send(a, "200 BYE");
    assert_int_equal(peer_repeats(a), 10);
    kit_end(k);
}

/* What the exchange sends in such a call goes back by the connection that the phone opened (RFC 5626 §5.3). */
static void a_connected_phone_is_answered_on_its_connection(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *a = peer_add_tcp(k, "1001");

    (void)state;
    peer_register(a);
    peer_send(a, "INVITE *65");
    peer_expect(a, "200 INVITE");
    peer_expect_in(a, "BYE", 31000, 33000);
    peer_send(a, "200 BYE");
    kit_end(k);
}

/* After a restart the exchange is the other end no more: the phone is told so, and its call is over. */
static void after_a_restart_the_call_is_unknown(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *a = peer_registered(k, "1001");

    (void)state;
    peer_send(a, "INVITE *65");
    peer_expect(a, "200 INVITE");
    peer_send(a, "ACK");
    kit_wait_ms(k, 100);
    kit_kill(k);
    kit_restart(k);
    peer_send(a, "BYE");
    peer_expect(a, "481");
    kit_end(k);
}

/* A user of that number goes before the extension. */
static void a_user_of_the_number_goes_first(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *a = peer_registered(k, "1001"), *other = peer_registered(k, "*65");

    (void)state;
    peer_send(a, "INVITE *65");
    peer_expect(other, "INVITE");
    refuse(other, a, "486");
    kit_end(k);
}

/* Who was transferred there has arrived: the transferor is told by NOTIFY, as of any target (PROTOCOL 5.5).
 *  1001             strowger            1002
 *    |                  |<-- REFER *65 ---|
 *    |<--- REFER -------|--- 202 -------->|
 *    |---- 202 -------->|                 |
 *    |---- INVITE *65 ->|                 |
 *    |<--- 200 ---------|--- NOTIFY 200 ->| */
static void a_transfer_to_it_is_reported(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *a = peer_registered(k, "1001"), *b = peer_registered(k, "1002");
    const struct msg *m;

    (void)state; /* as in transfer_test.c until F16 */
    set_up_at_once(a, b, "INVITE 1002");
    peer_send(b, "REFER\nRefer-To: <sip:*65@" KIT_DOMAIN ">\nReferred-By: <sip:1002@" KIT_DOMAIN ">");
    peer_expect(b, "202 REFER");
    peer_expect(a, "REFER");
    peer_send(a, "202");
    peer_send(a, "INVITE *65");
    peer_expect(a, "200 INVITE");
    peer_send(a, "ACK");
    m = peer_expect(b, "NOTIFY");
    assert_true(has(m->body, "SIP/2.0 200"));
    peer_send(b, "200");
    leave(a);
    hang_up(b, a);
    kit_end(k);
}

/* The o= line of a description, which tells whose it is. */
static bool is_of_the_exchange(struct slice sdp)
{
    return has(sdp, "m=audio 2") && !has(sdp, "10.0.0.11");
}

/* What the phone has been sent since: its own re-INVITE's answer, the exchange's refresh, or both. */
struct meeting {
    unsigned answered, refreshed, refused; /* 200, INVITE, 491 */
};

static void look(struct peer *a, struct meeting *o, bool refuse_theirs)
{
    const struct msg *m;

    while ((m = peer_next(a))) {
        if (m->is_request && m->method_id == METHOD_INVITE) {
            o->refreshed++;
            assert_true(is_of_the_exchange(m->body)); /* an offer of its own */
            if (refuse_theirs)
                peer_send(a, "491 INVITE");
            else
                peer_send(a, "200 INVITE");
        } else if (!m->is_request && m->status == 491) {
            o->refused++;
            peer_send(a, "ACK");
        } else if (!m->is_request && m->status == 200) {
            o->answered++;
            assert_true(is_of_the_exchange(m->body));
            assert_true(has(m->body, "a=sendonly"));
            assert_true(has(m->body, "RTP/AVP 8\r\n")); /* the answer to that offer: what was offered */
            peer_send(a, "ACK");
        }
    }
}

/* At half of its session the exchange asks whether the phone is still there, and in that moment the phone offers. Each is
 * answered for what it is, or 491 (RFC 3261 §14.2); when it was, both come again.
 *  1001                 strowger
 *    |--- INVITE *65 ------->|
 *    |<-- 200 ---------------|   SE: 600;refresher=uas
 *    |        300 s          |
 *    |--- INVITE (PCMA) -\ /-|   INVITE: what counts
 *    |<-- 491, or 200 PCMA ->|
 *    |--- 491, or 200 ------>| */
static void a_refresh_and_a_reinvite_meet(void **state)
{
    (void)state;
    for (int ms = -5; ms <= 5; ms++) {
        struct kit    *k = kit_begin(NULL);
        struct peer   *a = peer_registered(k, "1001");
        struct meeting o = {0};
        const struct msg *m;

        peer_send(a, "INVITE *65");
        m = peer_expect(a, "200 INVITE");
        assert_true(slice_eq(msg_value(m, HDR_SESSION_EXPIRES), S("600;refresher=uas")));
        peer_send(a, "ACK");
        kit_wait_ms(k, (uint64_t)(300000 - 1 + ms)); /* the 200 was 1 ms on its way */
        peer_send(a, "INVITE\nContent-Type: application/sdp\n\nv=0\r\no=- 1 2 IN IP4 10.0.0.11\r\ns=-\r\nc=IN IP4 10.0.0.11\r\nt=0 0\r\n"
                     "m=audio 4000 RTP/AVP 8\r\n");
        kit_wait_ms(k, 20);
        look(a, &o, o.refused);
        kit_wait_ms(k, 10000);
        look(a, &o, false);
        assert_int_equal(o.answered + o.refused, 1);
        assert_in_range(o.refreshed, o.refused ? 1 : 0, 2);
        kit_wait_ms(k, 100);
        leave(a);
        kit_end(k);
    }
}

/* Each allocation fails once: the call comes about or is refused, and nothing is left over. */
static void every_allocation_may_fail(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned nth = 1; failed; nth++) {
        struct kit       *k = kit_begin(NULL);
        struct peer      *a = peer_registered(k, "1001");
        const struct msg *m;
        unsigned          code = 0;

        peer_set_reliable(a);
        kit_fail_allocation(k, nth);
        peer_send(a, "INVITE *65");
        kit_wait_ms(k, 40000);
        while ((m = peer_next(a)))
            code = !m->is_request && m->status >= 200 ? m->status : code;
        failed = kit_allocation_failed(k);
        kit_fail_allocation(k, 0);
        assert_int_not_equal(code, 0);
        peer_send(a, "ACK");
        if (code == 200) {
            peer_send(a, "BYE");
            kit_wait_ms(k, 1000);
            while ((m = peer_next(a)))
                if (m->is_request) /* without an ACK it has hung up itself */
                    peer_send(a, "200");
        }
        kit_end(k);
    }
}

/* It is heard: by our phone, with digest. */
static void music_is_heard(void **state)
{
    struct kit          *k = kit_begin(&(struct kit_options){.digest = true});
    struct phone_config  c = {.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .password = S("secret-of-the-test")};
    struct band         *w;
    struct ring         *a;

    (void)state;
    kit_add_user(k, "a");
    w = band_open(kit_world(k));
    a = ring_add(w, "a", &c);
    ring_expect(a, "registered");
    ring_do(a, "call *65");
    ring_expect(a, "sound");
    ring_expect(a, "hears \"hz\":440");
    ring_do(a, "hangup");
    ring_expect(a, "ended");
    band_leave(w);
    mem_free(&w->plain, w, sizeof *w);
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(music_answers_and_the_caller_hangs_up),
        cmocka_unit_test(whoever_requires_100rel_is_answered),
        cmocka_unit_test(music_offers_where_the_caller_does_not),
        cmocka_unit_test(no_codec_in_common_is_488),
        cmocka_unit_test(without_ack_the_exchange_hangs_up),
        cmocka_unit_test(a_connected_phone_is_answered_on_its_connection),
        cmocka_unit_test(after_a_restart_the_call_is_unknown),
        cmocka_unit_test(a_user_of_the_number_goes_first),
        cmocka_unit_test(a_transfer_to_it_is_reported),
        cmocka_unit_test(a_refresh_and_a_reinvite_meet),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(music_is_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
