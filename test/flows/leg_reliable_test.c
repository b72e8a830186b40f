/* leg_reliable_test.c - provisional responses that arrive (RFC 3262), and UPDATE before and after the answer (RFC 3311): a ua's
 * legs in both roles against a peer that says what a test wants. */
#include "flows/raw.h"

#define SDP_ROW "Content-Type: application/sdp\r\n"
#define REQUIRED "Require: 100rel\r\n"
#define ALLOW_UPDATE "Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE\r\n"

static uint32_t rseq_of(const struct msg *m)
{
    uint32_t n = 0;

    assert_int_equal(msg_rseq(m, &n), ERR_OK);
    assert_true(msg_has_token(m, HDR_REQUIRE, S("100rel")));
    return n;
}

static struct scene *reliable_scene_with(uint32_t session_s)
{
    static struct scene s;

    s.w = world_open();
    s.w->reliable = true;
    s.w->session_s = session_s;
    s.a = node_open(s.w, NULL);
    s.a->mode = MODE_RING;
    raw_open(&s.z, s.w);
    return &s;
}

static struct scene *reliable_scene(void)
{
    return reliable_scene_with(0);
}

/* Z calls A, which rings: the first 180. */
static const struct msg *rings(struct scene *s, const char *rows, const char *sdp)
{
    char room[512];

    (void)snprintf(room, sizeof room, CONTACT "%s%s", *sdp ? SDP_ROW : "", rows);
    return raw_ask(&s->z, "INVITE", room, sdp);
}

static void prack(struct scene *s, const struct msg *to, uint32_t rseq, unsigned cseq, const char *rest)
{
    char room[512];

    (void)snprintf(room, sizeof room, "RAck: %u 5 INVITE\r\n%s", rseq, *rest ? rest : "Content-Length: 0\r\n\r\n");
    raw_within(&s->z, to, "PRACK", cseq, room);
}

static void a_hangs_up(struct scene *s)
{
    node_do(s->a, 0, DO_HANG_UP, NULL);
    raw_answer(&s->z, raw_expect(&s->z, "BYE"), 200, "", "", "");
}

/* A provisional response of Z's, reliable. */
static void z_rings(struct scene *s, const struct msg *invite, unsigned code, const char *tag, unsigned rseq, const char *sdp)
{
    char room[256];

    (void)snprintf(room, sizeof room, CONTACT REQUIRED ALLOW_UPDATE "RSeq: %u\r\n", rseq);
    raw_answer(&s->z, invite, code, tag, room, sdp);
}

static const struct msg *expect_prack(struct scene *s, const char *rack, const char *tag)
{
    const struct msg *m = raw_expect(&s->z, "PRACK");

    assert_true(slice_eq(msg_value(m, HDR_RACK), slice_z(rack)));
    assert_true(slice_eq(msg_to_tag(m), slice_z(tag)));
    raw_answer(&s->z, m, 200, "", "", "");
    return m;
}

/* ---- as the one who is called ---- */

/*    Z                         A
 *    |-- INVITE Req: 100rel -->|
 *    |<- 180 RSeq: n ----------|  again after 0.5, 1, 2 s
 *    |-- PRACK RAck: n 5 ----->|
 *    |<- 200 ------------------|
 *    |<- 183 RSeq: n+1 --------|  it has waited for that
 *    |-- PRACK --------------->|
 *    |<- 200, 200 SDP-a -------| */
static void a_180_is_repeated_until_prack(void **state)
{
    struct scene *s = scene();
    const struct msg *m, *ringing;
    uint32_t n;

    (void)state;
    s->a->mode = MODE_RING;
    ringing = rings(s, REQUIRED, "SDP-z");
    assert_int_equal(ringing->status, 180);
    n = rseq_of(ringing);
    assert_int_equal(node_do(s->a, 0, DO_RING, "").e, ERR_OK);
    world_run_ms(s->w, 4000);
    for (int i = 0; i < 3; i++)
        assert_true(rseq_of(raw_expect(&s->z, "SIP/2.0 180")) == n);
    assert_int_equal(s->z.n, s->z.taken);
    prack(s, ringing, n + 1, 6, "");
    (void)raw_expect(&s->z, "SIP/2.0 481");
    prack(s, ringing, n, 7, "");
    (void)raw_expect(&s->z, "SIP/2.0 200");
    m = raw_expect(&s->z, "SIP/2.0 183");
    assert_true(rseq_of(m) == n + 1);
    prack(s, ringing, n, 8, "");
    (void)raw_expect(&s->z, "SIP/2.0 481");
    raw_within(&s->z, ringing, "PRACK", 9, "RAck: nothing\r\nContent-Length: 0\r\n\r\n");
    (void)raw_expect(&s->z, "SIP/2.0 400");
    prack(s, ringing, n + 1, 10, "");
    (void)raw_expect(&s->z, "SIP/2.0 200");
    world_run_ms(s->w, 5000);
    assert_int_equal(s->z.n, s->z.taken);
    assert_int_equal(node_do(s->a, 0, DO_ACCEPT, "SDP-a").e, ERR_OK);
    m = raw_expect(&s->z, "SIP/2.0 200");
    assert_true(slice_eq(m->body, S("SDP-a")));
    raw_within(&s->z, m, "ACK", 5, "");
    assert_diary(s->a, "incoming SDP-z | up");
    a_hangs_up(s);
    scene_end(s);
}

/* No PRACK in 64*T1: the INVITE is refused (RFC 3262 §3). One that nobody needs to be told of waits for nothing. */
static void without_prack_the_call_is_refused(void **state)
{
    struct scene *s = reliable_scene();
    const struct msg *m;

    (void)state;
    m = rings(s, "Supported: 100rel\r\n", "SDP-z");
    (void)rseq_of(m);
    world_run_ms(s->w, 33000);
    m = raw_expect(&s->z, "SIP/2.0 504");
    raw_within(&s->z, m, "ACK", 5, "");
    assert_diary(s->a, "incoming SDP-z | ended no-ack 504");
    m = rings(s, "", "SDP-y"); /* it knows nothing of 100rel */
    while (m->status != 180)
        m = raw_expect(&s->z, "SIP/2.0 ");
    assert_false(msg_has(m, HDR_RSEQ));
    assert_int_equal(node_do(s->a, 1, DO_ACCEPT, "SDP-a").e, ERR_OK);
    m = raw_expect(&s->z, "SIP/2.0 200");
    raw_within(&s->z, m, "ACK", 5, "");
    assert_diary(s->a, "incoming SDP-y | up");
    node_do(s->a, 1, DO_HANG_UP, NULL);
    raw_answer(&s->z, raw_expect(&s->z, "BYE"), 200, "", "", "");
    scene_end(s);
}

/* The 2xx does not wait for the PRACK of what holds no description; that may still come. */
static void an_answer_overtakes_a_prack(void **state)
{
    struct scene *s = reliable_scene_with(600);
    const struct msg *ringing = rings(s, REQUIRED, "SDP-z"), *m;

    (void)state;
    assert_int_equal(node_do(s->a, 0, DO_ACCEPT, "SDP-a").e, ERR_OK);
    m = raw_expect(&s->z, "SIP/2.0 200");
    assert_true(slice_eq(m->body, S("SDP-a")));
    assert_true(slice_eq(msg_value(m, HDR_SESSION_EXPIRES), S("600;refresher=uas")));
    raw_within(&s->z, m, "ACK", 5, "");
    prack(s, ringing, rseq_of(ringing), 6, SDP_REST("", "SDP-p", "5"));
    m = raw_expect(&s->z, "SIP/2.0 200");
    assert_true(slice_eq(m->body, S("SDP-a")));
    assert_false(msg_has(m, HDR_SESSION_EXPIRES)); /* the session goes on as it is */
    world_run_ms(s->w, 2000);
    assert_int_equal(s->z.n, s->z.taken); /* no 180 any more */
    world_run_ms(s->w, 300000);
    m = raw_expect(&s->z, "INVITE");
    raw_answer(&s->z, m, 200, "", CONTACT, "SDP-z");
    (void)raw_expect(&s->z, "ACK");
    a_hangs_up(s);
    assert_diary(s->a, "incoming SDP-z | up | offer SDP-p | refreshed SDP-z | ended hung-up 0");
    scene_end(s);
}

/* The answer in the 183 is the answer: the 2xx waits for its PRACK, and has none (§3, §5). UPDATE of theirs in between, and
 * an offer in PRACK, are answered; one while another waits is told to come back (RFC 3311 §5.2).
 *    Z                         A
 *    |-- INVITE SDP-z -------->|
 *    |<- 180, PRACK, 200       |
 *    |<- 183 RSeq SDP-a -------|   A accepts: not yet
 *    |-- PRACK SDP-p --------->|
 *    |<- 200 SDP-a ------------|   ... and then the 200 without description */
static void an_early_answer_and_offers_behind_it(void **state)
{
    struct scene *s = reliable_scene();
    const struct msg *ringing = rings(s, REQUIRED, "SDP-z"), *m;
    uint32_t n = rseq_of(ringing);

    (void)state;
    raw_within(&s->z, ringing, "UPDATE", 6, SDP_REST(CONTACT, "SDP-u", "5"));
    m = raw_expect(&s->z, "SIP/2.0 500"); /* its first offer is not answered */
    assert_true(msg_has(m, HDR_RETRY_AFTER));
    assert_int_equal(node_do(s->a, 0, DO_UPDATE, "SDP-x").e, ERR_UNSUPPORTED);
    prack(s, ringing, n, 7, ALLOW_UPDATE "Content-Length: 0\r\n\r\n");
    (void)raw_expect(&s->z, "SIP/2.0 200");
    assert_int_equal(node_do(s->a, 0, DO_RING, "SDP-a").e, ERR_OK);
    m = raw_expect(&s->z, "SIP/2.0 183");
    assert_true(slice_eq(m->body, S("SDP-a")));
    raw_within(&s->z, ringing, "UPDATE", 8, SDP_REST(CONTACT ALLOW_UPDATE "Session-Expires: 100\r\n", "SDP-v", "5"));
    m = raw_expect(&s->z, "SIP/2.0 200");
    assert_false(msg_has(m, HDR_SESSION_EXPIRES)); /* RFC 4028: there is no session before the answer */
    assert_true(slice_eq(m->body, S("SDP-a")));
    assert_int_equal(node_do(s->a, 0, DO_UPDATE, "SDP-x").e, ERR_INVALID); /* not before the PRACK */
    assert_int_equal(node_do(s->a, 0, DO_ACCEPT, "SDP-a").e, ERR_OK);
    assert_int_equal(node_do(s->a, 0, DO_ACCEPT, "SDP-a").e, ERR_INVALID);
    s->a->offer_code = 'w';
    prack(s, ringing, n + 1, 9, SDP_REST("", "SDP-p", "5"));
    raw_within(&s->z, ringing, "UPDATE", 10, SDP_REST(CONTACT, "SDP-w", "5"));
    (void)raw_expect(&s->z, "SIP/2.0 500");
    assert_int_equal(node_do(s->a, 0, DO_ACCEPT_OFFER, "SDP-q").e, ERR_OK);
    m = raw_expect(&s->z, "SIP/2.0 200");
    assert_true(slice_eq(m->body, S("SDP-q")));
    m = raw_expect(&s->z, "SIP/2.0 200");
    assert_int_equal(m->body.n, 0);
    raw_within(&s->z, m, "ACK", 5, "");
    assert_diary(s->a, "incoming SDP-z | offer SDP-v | offer SDP-p | up");
    a_hangs_up(s);
    scene_end(s);
}

/* UPDATE of the called one before the answer; refused offers change nothing. */
static void the_called_one_offers_before_it_answers(void **state)
{
    struct scene *s = reliable_scene();
    const struct msg *ringing = rings(s, REQUIRED ALLOW_UPDATE, "SDP-z"), *m;
    uint32_t n = rseq_of(ringing);

    (void)state;
    prack(s, ringing, n, 6, "");
    assert_int_equal(node_do(s->a, 0, DO_UPDATE, "SDP-x").e, ERR_INVALID);
    assert_int_equal(node_do(s->a, 0, DO_RING, "SDP-a").e, ERR_OK);
    prack(s, ringing, n + 1, 7, "");
    assert_int_equal(node_do(s->a, 0, DO_UPDATE, "SDP-x").e, ERR_OK);
    assert_int_equal(node_do(s->a, 0, DO_UPDATE, "SDP-y").e, ERR_BUSY);
    m = raw_expect(&s->z, "UPDATE");
    assert_true(slice_eq(m->body, S("SDP-x")));
    raw_within(&s->z, ringing, "UPDATE", 8, SDP_REST(CONTACT, "SDP-g", "5"));
    (void)raw_expect(&s->z, "SIP/2.0 491");
    raw_answer(&s->z, m, 488, "", "", "");
    assert_int_equal(node_do(s->a, 0, DO_UPDATE, "SDP-y").e, ERR_OK);
    raw_answer(&s->z, raw_expect(&s->z, "UPDATE"), 200, "", CONTACT, "SDP-h");
    assert_int_equal(node_do(s->a, 0, DO_ACCEPT, "SDP-a").e, ERR_OK);
    m = raw_expect(&s->z, "SIP/2.0 200 OK");
    while (!slice_eq(msg_value(m, HDR_CSEQ), S("5 INVITE")))
        m = raw_expect(&s->z, "SIP/2.0 200 OK");
    raw_within(&s->z, m, "ACK", 5, "");
    assert_diary(s->a, "incoming SDP-z | updated 488 | updated 200 SDP-h | up");
    a_hangs_up(s);
    scene_end(s);
}

/* Who was asked to offer does so in the first that arrives, and the PRACK answers (§5). */
static void the_offer_is_in_the_180_where_the_invite_has_none(void **state)
{
    struct scene *s = reliable_scene();
    const struct msg *ringing = rings(s, REQUIRED, ""), *m;

    (void)state;
    assert_true(slice_eq(ringing->body, S("SDP-a")));
    assert_int_equal(node_do(s->a, 0, DO_ACCEPT, "").e, ERR_OK);
    world_run_ms(s->w, 100);
    prack(s, ringing, rseq_of(ringing), 6, SDP_REST("", "SDP-p", "5"));
    (void)raw_expect(&s->z, "SIP/2.0 200");
    m = raw_expect(&s->z, "SIP/2.0 200");
    assert_int_equal(m->body.n, 0);
    raw_within(&s->z, m, "ACK", 5, "");
    assert_diary(s->a, "incoming | answer 200 SDP-p | up");
    a_hangs_up(s);
    scene_end(s);
}

/* CANCEL and BYE end what waits. */
static void a_cancel_ends_a_reliable_ringing(void **state)
{
    struct scene *s = reliable_scene();
    const struct msg *ringing = rings(s, REQUIRED ALLOW_UPDATE, "SDP-z"), *m;
    uint32_t n = rseq_of(ringing);

    (void)state;
    prack(s, ringing, n, 6, "");
    (void)raw_expect(&s->z, "SIP/2.0 200");
    assert_int_equal(node_do(s->a, 0, DO_RING, "SDP-a").e, ERR_OK);
    s->a->offer_code = 'w';
    raw_within(&s->z, ringing, "UPDATE", 7, SDP_REST(CONTACT, "SDP-v", "5"));
    assert_int_equal(node_do(s->a, 0, DO_ACCEPT, "SDP-a").e, ERR_OK);
    raw_within(&s->z, ringing, "BYE", 8, "");
    (void)raw_expect(&s->z, "SIP/2.0 487");
    m = raw_expect(&s->z, "SIP/2.0 487");
    raw_within(&s->z, m, "ACK", 5, "");
    (void)raw_expect(&s->z, "SIP/2.0 200");
    assert_diary(s->a, "incoming SDP-z | offer SDP-v | ended far-hung-up 0");
    scene_end(s);
}

/* ---- as the one who calls ---- */

/*    A                         Z
 *    |-- INVITE -------------->|
 *    |<- 183 RSeq: 5 SDP-e ----|
 *    |-- PRACK RAck: 5 1 ----->|  once
 *    |<- 180 RSeq: 7 ----------|  not yet: 6 is missing
 *    |<- 180 RSeq: 6 ----------|
 *    |-- PRACK RAck: 6 1 ----->|
 *    |<- 200 ------------------|  no description: it was there */
static void pracks_are_sent_in_order(void **state)
{
    struct scene *s = reliable_scene();
    const struct msg *invite;

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    invite = raw_expect(&s->z, "INVITE");
    assert_true(msg_has_token(invite, HDR_SUPPORTED, S("100rel")));
    z_rings(s, invite, 183, "t", 5, "SDP-e");
    expect_prack(s, "5 1 INVITE", "t");
    z_rings(s, invite, 183, "t", 5, "SDP-e");
    z_rings(s, invite, 180, "t", 7, "");
    z_rings(s, invite, 180, "t", 4, "");
    assert_int_equal(s->z.n, s->z.taken);
    z_rings(s, invite, 180, "t", 6, "");
    expect_prack(s, "6 1 INVITE", "t");
    raw_answer(&s->z, invite, 200, "t", CONTACT, "");
    (void)raw_expect(&s->z, "ACK");
    assert_diary(s->a, "progress 183 SDP-e | progress 180 | answer 200 SDP-e | up");
    a_hangs_up(s);
    scene_end(s);
}

/* Each fork counts for itself; the one that is not wanted is hung up, PRACKs or not. */
static void each_fork_has_its_own_numbers(void **state)
{
    struct scene *s = reliable_scene();
    const struct msg *invite, *m;

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    invite = raw_expect(&s->z, "INVITE");
    z_rings(s, invite, 183, "one", 100, "SDP-one");
    expect_prack(s, "100 1 INVITE", "one");
    z_rings(s, invite, 183, "two", 7, "SDP-two");
    expect_prack(s, "7 1 INVITE", "two");
    z_rings(s, invite, 180, "one", 101, "");
    expect_prack(s, "101 1 INVITE", "one");
    raw_answer(&s->z, invite, 200, "two", CONTACT, "");
    assert_true(slice_eq(msg_to_tag(raw_expect(&s->z, "ACK")), S("two")));
    raw_answer(&s->z, invite, 200, "one", CONTACT, "");
    assert_true(slice_eq(msg_to_tag(raw_expect(&s->z, "ACK")), S("one")));
    m = raw_expect(&s->z, "BYE");
    assert_true(slice_eq(msg_to_tag(m), S("one")));
    raw_answer(&s->z, m, 200, "", "", "");
    assert_diary(s->a, "progress 183 SDP-one | progress 183 SDP-two | progress 180 | answer 200 SDP-two | up");
    a_hangs_up(s);
    scene_end(s);
}

/* Theirs is the offer: the PRACK answers it. */
static void an_offer_in_a_183_is_answered_in_prack(void **state)
{
    struct scene *s = reliable_scene();
    const struct msg *invite, *m;

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "");
    invite = raw_expect(&s->z, "INVITE");
    z_rings(s, invite, 183, "t", 5, "SDP-o");
    m = expect_prack(s, "5 1 INVITE", "t");
    assert_true(slice_eq(m->body, S("SDP-a")));
    raw_answer(&s->z, invite, 200, "t", CONTACT, "");
    m = raw_expect(&s->z, "ACK");
    assert_int_equal(m->body.n, 0);
    assert_diary(s->a, "progress 183 | offer SDP-o | up");
    a_hangs_up(s);
    scene_end(s);
}

/* A request of Z's in the dialog that this request of A's is of. */
static void in_call_of(struct scene *s, const struct msg *request, const char *method, unsigned cseq, const char *rest)
{
    char room[1024];
    int n = snprintf(room, sizeof room,
                     "%s sip:a@10.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKearly%u\r\nMax-Forwards: 70\r\n"
                     "From: %.*s\r\nTo: %.*s\r\nCall-ID: %.*s\r\nCSeq: %u %s\r\n%s",
                     method, cseq, SARG(msg_value(request, HDR_TO)), SARG(msg_value(request, HDR_FROM)), SARG(msg_call_id(request)),
                     cseq, method, rest);

    assert_true(n > 0 && (size_t)n < sizeof room);
    raw_send(&s->z, (struct slice){room, (size_t)n});
}

/* RFC 3311 §5: before the answer both may offer, once the first offer has its answer; then the call goes on with the last. */
static void updates_before_the_answer(void **state)
{
    struct scene *s = reliable_scene();
    const struct msg *invite, *m, *update;

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    invite = raw_expect(&s->z, "INVITE");
    raw_answer(&s->z, invite, 180, "t", CONTACT ALLOW_UPDATE, "");
    assert_int_equal(node_do(s->a, 0, DO_UPDATE, "SDP-2").e, ERR_INVALID);
    z_rings(s, invite, 183, "t", 5, "SDP-e");
    update = expect_prack(s, "5 1 INVITE", "t");
    assert_int_equal(node_do(s->a, 0, DO_UPDATE, "SDP-2").e, ERR_OK);
    m = raw_expect(&s->z, "UPDATE");
    assert_true(slice_eq(m->body, S("SDP-2")));
    raw_answer(&s->z, m, 200, "", CONTACT ALLOW_UPDATE, "SDP-f");
    in_call_of(s, update, "UPDATE", 900, SDP_REST(CONTACT, "SDP-g", "5"));
    m = raw_expect(&s->z, "SIP/2.0 200");
    assert_true(slice_eq(m->body, S("SDP-a")));
    in_call_of(s, update, "INVITE", 901, SDP_REST(CONTACT, "SDP-i", "5"));
    (void)raw_expect(&s->z, "SIP/2.0 491");
    in_call_of(s, update, "ACK", 901, "Content-Length: 0\r\n\r\n"); /* RFC 3261 §14.2: the first INVITE has no answer */
    raw_answer(&s->z, invite, 200, "t", CONTACT, "SDP-old");
    (void)raw_expect(&s->z, "ACK");
    assert_diary(s->a, "progress 180 | progress 183 SDP-e | updated 200 SDP-f | offer SDP-g | answer 200 SDP-g | up");
    /* and after it: 491 and 500 with Retry-After are waited out, 481 is the end */
    assert_int_equal(node_do(s->a, 0, DO_UPDATE, "SDP-3").e, ERR_OK);
    raw_answer(&s->z, raw_expect(&s->z, "UPDATE"), 500, "", "Retry-After: 3\r\n", "");
    assert_diary(s->a, "");
    world_run_ms(s->w, 2900);
    assert_int_equal(s->z.n, s->z.taken);
    m = raw_expect(&s->z, "INVITE"); /* this user offers again by re-INVITE */
    raw_answer(&s->z, m, 488, "", "", "");
    (void)raw_expect(&s->z, "ACK");
    assert_int_equal(node_do(s->a, 0, DO_UPDATE, "SDP-3").e, ERR_OK);
    raw_answer(&s->z, raw_expect(&s->z, "UPDATE"), 481, "", "", "");
    raw_answer(&s->z, raw_expect(&s->z, "BYE"), 200, "", "", "");
    buf_reset(&s->a->log);
    scene_end(s);
}

/* A re-INVITE may ring too, and want to be sure of it. */
static void a_reinvite_is_pracked(void **state)
{
    struct scene *s = reliable_scene();
    const struct msg *invite;

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    invite = raw_expect(&s->z, "INVITE");
    raw_answer(&s->z, invite, 200, "t", CONTACT, "SDP-z");
    (void)raw_expect(&s->z, "ACK");
    assert_int_equal(node_do(s->a, 0, DO_OFFER, "SDP-2").e, ERR_OK);
    invite = raw_expect(&s->z, "INVITE");
    z_rings(s, invite, 183, "", 9, "");
    expect_prack(s, "9 2 INVITE", "t");
    raw_answer(&s->z, invite, 200, "", CONTACT, "SDP-y");
    (void)raw_expect(&s->z, "ACK");
    assert_diary(s->a, "answer 200 SDP-z | up | answer 200 SDP-y");
    a_hangs_up(s);
    scene_end(s);
}

/* ---- two of ours, and a wire that loses ---- */

static void two_of_ours_on_a_bad_wire(void **state)
{
    (void)state;
    for (unsigned lost = 0; lost < 4; lost++) {
        static const char *const begins[] = {"SIP/2.0 180", "PRACK", "SIP/2.0 200", "SIP/2.0 183"};
        struct world *w = world_open();
        struct losing l = {slice_z(begins[lost]), 2};
        struct node *a, *b;

        w->reliable = true;
        a = node_open(w, NULL);
        b = node_open(w, NULL);
        b->mode = MODE_RING;
        fake_set_filter(w->fake, t_lose, &l);
        node_call(a, b->uri, "SDP-1");
        world_run_ms(w, 5000);
        assert_int_equal(node_do(b, 0, DO_RING, "SDP-e").e, ERR_OK);
        assert_int_equal(node_do(b, 0, DO_ACCEPT, "SDP-b").e, ERR_OK);
        world_run_ms(w, 8000);
        assert_diary(a, "progress 180 | progress 183 SDP-e | answer 200 SDP-e | up");
        assert_diary(b, "incoming SDP-1 | up");
        node_do(a, 0, DO_HANG_UP, NULL);
        world_run_ms(w, 5000);
        assert_diary(b, "ended far-hung-up 0");
        world_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_180_is_repeated_until_prack),
        cmocka_unit_test(without_prack_the_call_is_refused),
        cmocka_unit_test(an_answer_overtakes_a_prack),
        cmocka_unit_test(an_early_answer_and_offers_behind_it),
        cmocka_unit_test(the_called_one_offers_before_it_answers),
        cmocka_unit_test(the_offer_is_in_the_180_where_the_invite_has_none),
        cmocka_unit_test(a_cancel_ends_a_reliable_ringing),
        cmocka_unit_test(pracks_are_sent_in_order),
        cmocka_unit_test(each_fork_has_its_own_numbers),
        cmocka_unit_test(an_offer_in_a_183_is_answered_in_prack),
        cmocka_unit_test(updates_before_the_answer),
        cmocka_unit_test(a_reinvite_is_pracked),
        cmocka_unit_test(two_of_ours_on_a_bad_wire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
