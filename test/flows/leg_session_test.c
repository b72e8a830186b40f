/* leg_session_test.c - session timers of a ua's legs, in both roles (RFC 4028): what is agreed, refreshed, and given up. */
#include "flows/raw.h"

#define SDP_ROW "Content-Type: application/sdp\r\n"
#define TIMER "Supported: timer\r\n"
#define ALLOW_UPDATE "Allow: INVITE, ACK, BYE, UPDATE\r\n"

static bool says(const struct msg *m, enum hdr_id id, const char *value)
{
    return slice_eq(msg_value(m, id), slice_z(value));
}

static struct scene *scene_with(uint32_t session_s, enum ua_refresher refresher)
{
    static struct scene s;

    s.w = world_open();
    s.w->session_s = session_s;
    s.w->refresher = refresher;
    s.a = node_open(s.w, NULL);
    raw_open(&s.z, s.w);
    return &s;
}

/* Z calls A, with these rows. */
static const struct msg *called(struct scene *s, const char *rows)
{
    char room[512];
    const struct msg *m;

    (void)snprintf(room, sizeof room, CONTACT SDP_ROW "%s", rows);
    m = raw_ask(&s->z, "INVITE", room, "SDP-z");
    if (m->status == 180)
        m = raw_expect(&s->z, "SIP/2.0 200");
    if (m->status == 200) {
        raw_within(&s->z, m, "ACK", 5, "");
        assert_diary(s->a, "incoming SDP-z | up");
    }
    return m;
}

/* A calls Z, who answers with these rows; the INVITE. */
static const struct msg *calls(struct scene *s, const char *rows)
{
    char room[512];
    const struct msg *invite;

    (void)snprintf(room, sizeof room, CONTACT "%s", rows);
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    invite = raw_expect(&s->z, "INVITE");
    raw_answer(&s->z, invite, 200, "t", room, "SDP-z");
    (void)raw_expect(&s->z, "ACK");
    assert_diary(s->a, "answer 200 SDP-z | up");
    return invite;
}

static void z_hears_bye(struct scene *s, const char *reason)
{
    const struct msg *m = raw_expect(&s->z, "BYE");

    assert_true(slice_find_slice(msg_value(m, HDR_REASON), slice_z(reason)) != SIZE_MAX);
    raw_answer(&s->z, m, 200, "", "", "");
}

static void nothing_for_ms(struct scene *s, uint64_t ms)
{
    size_t n = s->z.n;

    world_run_ms(s->w, ms);
    assert_int_equal(s->z.n, n);
}

/*    Z                    A
 *    |-- INVITE  SE: 100 ->|  Supported: timer
 *    |<- 200 SE: 100;refresher=uac, Require: timer
 *    |-- ACK ------------->|
 *    |        68 s         |
 *    |<- BYE --------------|  100 s less 32 s: nobody has refreshed (§10) */
static void who_is_to_refresh_and_does_not_is_hung_up(void **state)
{
    struct scene *s = scene();
    const struct msg *ok = called(s, TIMER "Session-Expires: 100\r\n");

    (void)state;
    assert_true(says(ok, HDR_SESSION_EXPIRES, "100;refresher=uac"));
    assert_true(says(ok, HDR_REQUIRE, "timer"));
    raw_within(&s->z, ok, "UPDATE", 6, CONTACT TIMER "Session-Expires: 100;refresher=uac\r\nContent-Length: 0\r\n\r\n");
    assert_true(says(raw_expect(&s->z, "SIP/2.0 200"), HDR_SESSION_EXPIRES, "100;refresher=uac"));
    nothing_for_ms(s, 50000);
    raw_within(&s->z, ok, "INVITE", 7, SDP_REST(CONTACT TIMER "Session-Expires: 120;refresher=uac\r\n", "SDP-z", "5"));
    assert_true(says(raw_expect(&s->z, "SIP/2.0 200"), HDR_SESSION_EXPIRES, "120;refresher=uac"));
    raw_within(&s->z, ok, "ACK", 7, "");
    nothing_for_ms(s, 87000);
    world_run_ms(s->w, 1100);
    z_hears_bye(s, "cause=408");
    assert_diary(s->a, "offer SDP-z | ended lost 408");
    scene_end(s);
}

/* A proxy has asked in the place of a phone that knows no timers: we refresh, by what it can (§9, table 2).
 *    Z                       A
 *    |-- INVITE  SE: 100 --->|
 *    |<- 200 SE: 100;refresher=uas
 *    |        50 s           |
 *    |<- INVITE SDP-a -------|  what counts, again; UPDATE where its Allow has that
 *    |-- 200 SDP-z --------->| */
static void a_phone_without_timers_is_refreshed(void **state)
{
    struct scene *s = scene();
    const struct msg *ok = called(s, "Session-Expires: 100\r\n"), *m;

    (void)state;
    assert_true(says(ok, HDR_SESSION_EXPIRES, "100;refresher=uas"));
    assert_false(msg_has(ok, HDR_REQUIRE));
    nothing_for_ms(s, 49000);
    world_run_ms(s->w, 1100);
    m = raw_expect(&s->z, "INVITE");
    assert_true(slice_eq(m->body, S("SDP-a")));
    assert_true(says(m, HDR_SESSION_EXPIRES, "100;refresher=uac"));
    raw_answer(&s->z, m, 200, "", CONTACT ALLOW_UPDATE "Session-Expires: 100;refresher=uac\r\n", "SDP-y");
    (void)raw_expect(&s->z, "ACK");
    assert_diary(s->a, "refreshed SDP-y");
    nothing_for_ms(s, 49000);
    m = raw_expect(&s->z, "UPDATE");
    assert_int_equal(m->body.n, 0);
    raw_answer(&s->z, m, 405, "", "", "");
    m = raw_expect(&s->z, "INVITE"); /* it had said that it can */
    raw_answer(&s->z, m, 481, "", "", "");
    z_hears_bye(s, "");
    assert_diary(s->a, "ended lost 481");
    scene_end(s);
}

static void too_short_is_422_for_who_can_do_better(void **state)
{
    struct scene *s = scene();
    const struct msg *m = called(s, TIMER "Session-Expires: 60\r\n");

    (void)state;
    assert_int_equal(m->status, 422);
    assert_true(says(m, HDR_MIN_SE, "90"));
    m = called(s, "Session-Expires: 60\r\n");
    assert_int_equal(m->status, 200);
    assert_true(says(m, HDR_SESSION_EXPIRES, "90;refresher=uas"));
    raw_within(&s->z, m, "UPDATE", 6, CONTACT TIMER "Session-Expires: 60\r\nContent-Length: 0\r\n\r\n");
    assert_true(says(raw_expect(&s->z, "SIP/2.0 422"), HDR_MIN_SE, "90"));
    raw_within(&s->z, m, "BYE", 7, "");
    (void)raw_expect(&s->z, "SIP/2.0 200");
    assert_diary(s->a, "ended far-hung-up 0");
    scene_end(s);
}

/* §7.3: the interval that a 422 wants, with a higher CSeq. The agreed refresher is Z, who then is UAC of its UPDATE. */
static void a_422_is_obeyed(void **state)
{
    struct scene *s = scene_with(1800, UA_REFRESHER_THERE);
    const struct msg *invite, *m;
    struct cseq cseq;

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    invite = raw_expect(&s->z, "INVITE");
    assert_true(says(invite, HDR_SESSION_EXPIRES, "1800;refresher=uas"));
    assert_true(msg_has_token(invite, HDR_SUPPORTED, S("timer")));
    assert_false(msg_has(invite, HDR_MIN_SE));
    raw_answer(&s->z, invite, 422, "x", "Min-SE: 3600\r\n", "");
    (void)raw_expect(&s->z, "ACK");
    invite = raw_expect(&s->z, "INVITE");
    assert_true(says(invite, HDR_SESSION_EXPIRES, "3600;refresher=uas"));
    assert_true(says(invite, HDR_MIN_SE, "3600"));
    assert_int_equal(msg_cseq(invite, &cseq), ERR_OK);
    assert_int_equal(cseq.number, 2);
    raw_answer(&s->z, invite, 200, "t", CONTACT "Session-Expires: 3600;refresher=uas\r\nRequire: timer\r\n", "SDP-z");
    (void)raw_expect(&s->z, "ACK");
    assert_diary(s->a, "answer 200 SDP-z | up");
    nothing_for_ms(s, 3567000);
    world_run_ms(s->w, 1100);
    m = raw_expect(&s->z, "BYE");
    raw_answer(&s->z, m, 200, "", "", "");
    assert_diary(s->a, "ended lost 408");
    scene_end(s);
}

/* One that is never content ends it. */
static void a_422_that_asks_for_no_more_is_a_refusal(void **state)
{
    struct scene *s = scene_with(1800, UA_REFRESHER_ANY);

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    raw_answer(&s->z, raw_expect(&s->z, "INVITE"), 422, "x", "Min-SE: 3600\r\n", "");
    raw_answer(&s->z, raw_expect(&s->z, "INVITE sip"), 422, "x", "Min-SE: 3600\r\n", "");
    assert_diary(s->a, "ended refused 422");
    scene_end(s);
}

/* It knows nothing of timers, and is asked all the same: no answer at all is the end before the session's.
 *    A                    Z
 *    |-- INVITE SE: 200 ->|
 *    |<- 200 -------------|
 *    |       100 s        |
 *    |-- INVITE SDP-1 --->|   32 s
 *    |-- BYE ------------>| */
static void a_silent_peer_is_noticed(void **state)
{
    struct scene *s = scene_with(200, UA_REFRESHER_HERE);
    const struct msg *m;

    (void)state;
    assert_true(says(calls(s, ""), HDR_SESSION_EXPIRES, "200;refresher=uac"));
    nothing_for_ms(s, 99000);
    m = raw_expect(&s->z, "INVITE");
    assert_true(slice_eq(m->body, S("SDP-1")));
    world_run_ms(s->w, 33000);
    (void)raw_expect(&s->z, "BYE");
    assert_diary(s->a, "ended lost 408");
    scene_end(s);
}

/* A refusal of a refresh changes nothing, until there is no time left (§7.2). */
static void a_refused_refresh_is_tried_again(void **state)
{
    struct scene *s = scene_with(200, UA_REFRESHER_HERE);
    const struct msg *m;
    unsigned tries = 0;

    (void)state;
    (void)calls(s, ALLOW_UPDATE "Session-Expires: 200;refresher=uac\r\n");
    nothing_for_ms(s, 99000);
    for (;; tries++) {
        for (unsigned ms = 0; s->z.taken == s->z.n && ms < 40000; ms += 100)
            world_run_ms(s->w, 100);
        m = raw_expect(&s->z, "");
        if (m->method_id != METHOD_UPDATE)
            break;
        raw_answer(&s->z, m, 500, "", "Retry-After: 1\r\n", "");
    }
    assert_int_equal(m->method_id, METHOD_BYE);
    assert_in_range(tries, 4, 12);
    raw_answer(&s->z, m, 200, "", "", "");
    assert_diary(s->a, "ended lost 408");
    scene_end(s);
}

/* RFC 3261 §14.1: the refresh meets their offer, and comes again when that is done; our user hears of neither 491. */
static void a_refresh_meets_an_offer(void **state)
{
    struct scene *s = scene_with(200, UA_REFRESHER_HERE);
    const struct msg *ok = called(s, ""), *m;

    (void)state;
    assert_true(says(ok, HDR_SESSION_EXPIRES, "200;refresher=uas"));
    nothing_for_ms(s, 99000);
    m = raw_expect(&s->z, "INVITE");
    raw_within(&s->z, ok, "INVITE", 6, SDP_REST(CONTACT, "SDP-x", "5"));
    (void)raw_expect(&s->z, "SIP/2.0 491");
    raw_within(&s->z, ok, "ACK", 6, "");
    raw_answer(&s->z, m, 491, "", "", "");
    (void)raw_expect(&s->z, "ACK");
    raw_within(&s->z, ok, "INVITE", 7, SDP_REST(CONTACT, "SDP-y", "5"));
    m = raw_expect(&s->z, "SIP/2.0 200");
    assert_true(slice_eq(m->body, S("SDP-a")));
    assert_true(says(m, HDR_SESSION_EXPIRES, "200;refresher=uas"));
    raw_within(&s->z, ok, "ACK", 7, "");
    m = raw_expect(&s->z, "INVITE"); /* put off by the 491, it comes all the same */
    raw_answer(&s->z, m, 200, "", CONTACT "Session-Expires: 200;refresher=uac\r\n", "SDP-y");
    (void)raw_expect(&s->z, "ACK");
    assert_diary(s->a, "offer SDP-y | refreshed SDP-y");
    node_do(s->a, 0, DO_HANG_UP, NULL);
    raw_answer(&s->z, raw_expect(&s->z, "BYE"), 200, "", "", "");
    scene_end(s);
}

/* Two of ours: the one that called refreshes by UPDATE, each refresh is agreed on anew, and neither user hears of it. When
 * the wire between them is cut, each ends the call by itself. */
static void two_of_ours_for_hours(void **state)
{
    struct world *w = world_open();
    struct node *a, *b;
    struct addr addr;

    (void)state;
    w->session_s = 1800;
    a = node_open(w, NULL);
    b = node_open(w, NULL);
    node_call(a, b->uri, "SDP-1");
    world_run_ms(w, 4 * 3600 * 1000);
    assert_int_equal(wire_count(w, "A>B UPDATE"), 4 * 4 - 1); /* each counted 2xx sets the clock anew, a little later */
    assert_int_equal(wire_count(w, "B>A UPDATE"), 0);
    assert_int_equal(wire_count(w, "A>B INVITE"), 1);
    assert_diary(a, "progress 180 | answer 200 SDP-b | up");
    assert_diary(b, "incoming SDP-1 | up");
    assert_int_equal(addr_parse_ip(slice_z(b->ip), &addr), ERR_OK);
    fake_cut(w->fake, &addr, 1, NULL, 0);
    world_run_ms(w, 900 * 1000 + 33000);
    assert_diary(a, "ended lost 408");
    world_run_ms(w, 900 * 1000); /* it was to be refreshed, and was not */
    assert_diary(b, "ended lost 408");
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_to_refresh_and_does_not_is_hung_up),
        cmocka_unit_test(a_phone_without_timers_is_refreshed),
        cmocka_unit_test(too_short_is_422_for_who_can_do_better),
        cmocka_unit_test(a_422_is_obeyed),
        cmocka_unit_test(a_422_that_asks_for_no_more_is_a_refusal),
        cmocka_unit_test(a_silent_peer_is_noticed),
        cmocka_unit_test(a_refused_refresh_is_tried_again),
        cmocka_unit_test(a_refresh_meets_an_offer),
        cmocka_unit_test(two_of_ours_for_hours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
