/* leg_wire_test.c - one ua against a peer that says what a test wants, octet by octet: forks, refusals, odd requests,
 * registration. */
#include "flows/raw.h"

/* ---- forks ---- */

/* RFC 3261 §13.2.2.4: the first 2xx wins, every other is acknowledged and hung up, in its own dialog. */
static void the_first_2xx_of_a_fork_wins(void **state)
{
    struct scene *s = scene();
    const struct msg *invite, *m;

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    invite = raw_expect(&s->z, "INVITE");
    raw_answer(&s->z, invite, 180, "one", CONTACT, "");
    raw_answer(&s->z, invite, 183, "two", CONTACT, "SDP-early");
    raw_answer(&s->z, invite, 200, "two", "Contact: <sip:two@10.0.0.9:5060>\r\n", "SDP-two");
    assert_diary(s->a, "progress 180 | progress 183 SDP-early | answer 200 SDP-two | up");
    m = raw_expect(&s->z, "ACK sip:two@10.0.0.9:5060 ");
    assert_true(slice_eq(msg_to_tag(m), S("two")));
    raw_answer(&s->z, invite, 200, "one", CONTACT, "SDP-one");
    assert_true(slice_eq(msg_to_tag(raw_expect(&s->z, "ACK")), S("one")));
    m = raw_expect(&s->z, "BYE");
    assert_true(slice_eq(msg_to_tag(m), S("one")));
    raw_answer(&s->z, m, 200, "", "", "");
    raw_answer(&s->z, invite, 200, "three", CONTACT, "SDP-three"); /* one that had never rung */
    assert_true(slice_eq(msg_to_tag(raw_expect(&s->z, "ACK")), S("three")));
    m = raw_expect(&s->z, "BYE");
    raw_answer(&s->z, m, 200, "", "", "");
    raw_answer(&s->z, invite, 200, "three", CONTACT, "SDP-three"); /* again: acknowledged, not hung up again */
    (void)raw_expect(&s->z, "ACK");
    assert_int_equal(wire_count(s->w, "A>I BYE"), 2);
    assert_diary(s->a, "");
    node_do(s->a, 0, DO_HANG_UP, NULL);
    m = raw_expect(&s->z, "BYE");
    assert_true(slice_eq(msg_to_tag(m), S("two")));
    raw_answer(&s->z, m, 200, "", "", "");
    scene_end(s);
}

/* A request in the dialog that a fork's answer with this To tag has made. */
static const struct msg *from_fork(struct scene *s, const struct msg *invite, const char *tag, const char *method, unsigned cseq)
{
    char room[1024];
    int n = snprintf(room, sizeof room,
                     "%s sip:a@10.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK%s%u\r\nMax-Forwards: 70\r\n"
                     "From: <sip:z@10.0.0.9>;tag=%s\r\nTo: %.*s\r\nCall-ID: %.*s\r\nCSeq: %u %s\r\n" CONTACT
                     "Content-Length: 0\r\n\r\n",
                     method, tag, cseq, tag, SARG(msg_value(invite, HDR_FROM)), SARG(msg_call_id(invite)), cseq, method);

    assert_true(n > 0 && (size_t)n < sizeof room);
    raw_send(&s->z, (struct slice){room, (size_t)n});
    return raw_expect(&s->z, "SIP/2.0 ");
}

/* Its BYE may cross ours: it is that dialog's, and the call with who answered first goes on. */
static void a_fork_that_has_lost_does_not_end_the_call(void **state)
{
    struct scene *s = scene();
    const struct msg *invite, *bye;

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    invite = raw_expect(&s->z, "INVITE");
    raw_answer(&s->z, invite, 200, "one", CONTACT, "SDP-one");
    raw_answer(&s->z, invite, 200, "two", "Contact: <sip:two@10.0.0.9:5060>\r\n", "SDP-two");
    bye = raw_expect(&s->z, "BYE sip:two@");
    assert_diary(s->a, "answer 200 SDP-one | up");
    assert_int_equal(from_fork(s, invite, "two", "INVITE", 8)->status, 481);
    assert_int_equal(from_fork(s, invite, "two", "BYE", 9)->status, 200);
    raw_answer(&s->z, bye, 200, "", "", "");
    assert_diary(s->a, "");
    node_do(s->a, 0, DO_HANG_UP, NULL);
    bye = raw_expect(&s->z, "BYE sip:z@10.0.0.9:5060 ");
    assert_true(slice_eq(msg_to_tag(bye), S("one")));
    raw_answer(&s->z, bye, 200, "", "", "");
    scene_end(s);
}

static void the_route_set_is_taken_from_the_2xx(void **state)
{
    struct scene *s = scene();
    const struct msg *invite, *m;

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    invite = raw_expect(&s->z, "INVITE");
    raw_answer(&s->z, invite, 200, "t", "Record-Route: <sip:x@10.0.0.77;lr>, <sip:p@10.0.0.9:5060;lr>\r\nContact: <sip:far@10.0.0.66>\r\n", "SDP-z");
    m = raw_expect(&s->z, "ACK sip:far@10.0.0.66 "); /* by the first route, which is here */
    assert_int_equal(msg_element_count(m, HDR_ROUTE), 2);
    assert_true(slice_eq(msg_value(m, HDR_ROUTE), S("<sip:p@10.0.0.9:5060;lr>")));
    node_do(s->a, 0, DO_HANG_UP, NULL);
    raw_answer(&s->z, raw_expect(&s->z, "BYE sip:far@10.0.0.66 "), 200, "", "", "");
    scene_end(s);
}

/* The best of several Contacts: by q, then by order (RFC 3261 §8.1.3.4). */
static void the_best_contact_of_a_302(void **state)
{
    struct scene *s = scene();

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    raw_answer(&s->z, raw_expect(&s->z, "INVITE"), 302, "t",
               "Contact: <sip:last@x>;q=0.2, \"A, B\" <sip:best@x>;q=0.9\r\nContact: <sip:mid@x>;q=0.5\r\n", "");
    assert_diary(s->a, "ended refused 302 sip:best@x");
    scene_end(s);
}

/* PROTOCOL 1.4: the ACK of a 2xx repeats the INVITE's credentials. RFC 3261 §22.2: the INVITE again, CSeq one higher. */
static void p1_4_a_challenge_is_answered_and_the_ack_has_the_credentials(void **state)
{
    struct scene *s = scene();
    const struct msg *invite, *m;
    struct cseq cseq;

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    invite = raw_expect(&s->z, "INVITE");
    assert_false(msg_has(invite, HDR_PROXY_AUTHORIZATION));
    raw_answer(&s->z, invite, 407, "c", "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"\r\n", "");
    (void)raw_expect(&s->z, "ACK");
    invite = raw_expect(&s->z, "INVITE");
    assert_int_equal(msg_cseq(invite, &cseq), ERR_OK);
    assert_int_equal(cseq.number, 2);
    assert_true(msg_has(invite, HDR_PROXY_AUTHORIZATION));
    raw_answer(&s->z, invite, 200, "t", CONTACT, "SDP-z");
    m = raw_expect(&s->z, "ACK");
    assert_true(slice_eq(msg_value(m, HDR_PROXY_AUTHORIZATION), msg_value(invite, HDR_PROXY_AUTHORIZATION)));
    node_do(s->a, 0, DO_HANG_UP, NULL);
    m = raw_expect(&s->z, "BYE"); /* unasked, with the next nc */
    assert_true(slice_find_slice(msg_value(m, HDR_PROXY_AUTHORIZATION), S("nc=00000002")) != SIZE_MAX);
    raw_answer(&s->z, m, 407, "", "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n2\", qop=\"auth\", stale=true\r\n", "");
    m = raw_expect(&s->z, "BYE");
    assert_true(slice_find_slice(msg_value(m, HDR_PROXY_AUTHORIZATION), S("nc=00000001")) != SIZE_MAX);
    raw_answer(&s->z, m, 200, "", "", "");
    assert_diary(s->a, "answer 200 SDP-z | up | ended hung-up 0");
    scene_end(s);
}

static void a_wrong_password_is_not_tried_for_ever(void **state)
{
    struct scene *s = scene();
    const struct msg *invite;

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    invite = raw_expect(&s->z, "INVITE");
    raw_answer(&s->z, invite, 401, "c", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"\r\n", "");
    invite = raw_expect(&s->z, "INVITE");
    raw_answer(&s->z, invite, 401, "c", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", qop=\"auth\"\r\n", "");
    assert_diary(s->a, "ended refused 401");
    assert_int_equal(wire_count(s->w, "A>I INVITE"), 2);
    scene_end(s);
}

/* ---- requests that are refused ---- */

static unsigned status_of(struct scene *s, const char *method, const char *rows, const char *body)
{
    return raw_ask(&s->z, method, rows, body)->status;
}

static void what_cannot_be_done_is_refused_as_the_rfcs_say(void **state)
{
    struct scene *s = scene();
    const struct msg *m;

    (void)state;
    m = raw_ask(&s->z, "OPTIONS", "", "");
    assert_int_equal(m->status, 200);
    assert_true(msg_has_token(m, HDR_ALLOW, S("REFER")));
    assert_true(msg_has_token(m, HDR_SUPPORTED, S("replaces")));
    m = raw_ask(&s->z, "DANCE", "", "");
    assert_int_equal(m->status, 501);
    assert_true(msg_has(m, HDR_ALLOW));
    assert_int_equal(status_of(s, "PUBLISH", "", ""), 405);
    assert_int_equal(status_of(s, "MESSAGE", "", ""), 405);
    assert_int_equal(status_of(s, "BYE", "", ""), 481);
    assert_int_equal(status_of(s, "REFER", CONTACT "Refer-To: <sip:x@y>\r\n", ""), 403);
    m = raw_ask(&s->z, "SUBSCRIBE", CONTACT "Event: presence\r\n", "");
    assert_int_equal(m->status, 489);
    assert_true(msg_has(m, HDR_ALLOW_EVENTS));
    m = raw_ask(&s->z, "INVITE", CONTACT "Require: replaces, 100rel, foo\r\n", "");
    assert_int_equal(m->status, 420); /* RFC 3261 §8.2.2.3 */
    assert_true(slice_eq(msg_value(m, HDR_UNSUPPORTED), S("foo")));
    m = raw_ask(&s->z, "INVITE", CONTACT "Content-Type: text/plain\r\n", "hello");
    assert_int_equal(m->status, 415);
    assert_true(slice_eq(msg_value(m, HDR_ACCEPT), S("application/sdp")));
    assert_int_equal(status_of(s, "INVITE", CONTACT "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", "x"), 415);
    assert_int_equal(status_of(s, "INVITE", "", ""), 400); /* no Contact: no dialog */
    assert_int_equal(status_of(s, "INVITE", CONTACT "Replaces: nonsense\r\n", ""), 400);
    assert_diary(s->a, "");
    scene_end(s);
}

/* ---- a peer that restarts ---- */

/* While nobody listens there each datagram comes back (ICMP). A patient stack repeats what it has to say; another is told. */
static const struct msg *bye_while_the_peer_restarts(struct scene *s)
{
    raw_answer(&s->z, raw_expect(&s->z, "INVITE"), 200, "t", CONTACT, "SDP-z");
    (void)raw_expect(&s->z, "ACK");
    net_udp_close(s->z.net, s->z.udp);
    node_do(s->a, 0, DO_HANG_UP, NULL);
    world_run_ms(s->w, 1800);
    raw_listen(&s->z);
    world_run_ms(s->w, 10000);
    return s->z.taken < s->z.n ? s->z.got[s->z.taken++] : NULL;
}

static void a_patient_ua_reaches_a_peer_that_has_restarted(void **state)
{
    struct scene *s = scene();
    const struct msg *m;

    (void)state;
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    assert_null(bye_while_the_peer_restarts(s));
    s->w->patient = true;
    s->a = node_open(s->w, NULL); /* 10.0.0.2 */
    node_call(s->a, "sip:z@10.0.0.9", "SDP-1");
    s->z.peer = "10.0.0.2:5060";
    m = bye_while_the_peer_restarts(s);
    assert_non_null(m);
    assert_int_equal(m->method_id, METHOD_BYE);
    raw_answer(&s->z, m, 200, "", "", "");
    scene_end(s);
}

/* ---- inside a dialog ---- */

static void requests_within_are_judged_one_by_one(void **state)
{
    struct scene *s = scene();
    const struct msg *ok = raw_call(s), *m;

    (void)state;
    raw_within(&s->z, ok, "OPTIONS", 20, "");
    assert_int_equal(raw_expect(&s->z, "SIP/2.0 ")->status, 200);
    raw_within(&s->z, ok, "OPTIONS", 19, ""); /* §12.2.2 */
    assert_int_equal(raw_expect(&s->z, "SIP/2.0 ")->status, 500);
    raw_within(&s->z, ok, "PRACK", 21, "RAck: 1 5 INVITE\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(raw_expect(&s->z, "SIP/2.0 ")->status, 481);
    raw_within(&s->z, ok, "PUBLISH", 22, "");
    assert_int_equal(raw_expect(&s->z, "SIP/2.0 ")->status, 405);
    raw_within(&s->z, ok, "NOTIFY", 23, "Event: refer\r\nSubscription-State: active\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(raw_expect(&s->z, "SIP/2.0 ")->status, 481);
    raw_within(&s->z, ok, "NOTIFY", 24, "Event: dialog\r\nSubscription-State: active\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(raw_expect(&s->z, "SIP/2.0 ")->status, 489);
    raw_within(&s->z, ok, "REFER", 25, CONTACT "Content-Length: 0\r\n\r\n");
    assert_int_equal(raw_expect(&s->z, "SIP/2.0 ")->status, 400);
    raw_within(&s->z, ok, "BYE", 26, "Reason: Q.850;cause=16\r\nContent-Length: 0\r\n\r\n");
    m = raw_expect(&s->z, "SIP/2.0 ");
    assert_int_equal(m->status, 200);
    assert_diary(s->a, "ended far-hung-up 0");
    raw_within(&s->z, ok, "INFO", 27, "");
    assert_int_equal(raw_expect(&s->z, "SIP/2.0 ")->status, 481);
    scene_end(s);
}

/* RFC 3311 §5: an UPDATE may refresh, or offer. */
static void an_update_refreshes_and_offers(void **state)
{
    struct scene *s = scene();
    const struct msg *ok = raw_call(s), *m;

    (void)state;
    raw_within(&s->z, ok, "UPDATE", 6, "Contact: <sip:moved@10.0.0.9:5060>\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(raw_expect(&s->z, "SIP/2.0 ")->status, 200);
    raw_within(&s->z, ok, "UPDATE", 7, SDP_REST(CONTACT, "SDP-u", "5"));
    m = raw_expect(&s->z, "SIP/2.0 ");
    assert_int_equal(m->status, 200);
    assert_true(slice_eq(m->body, S("SDP-a")));
    assert_diary(s->a, "offer SDP-u");
    s->a->offer_code = 'w';
    raw_within(&s->z, ok, "UPDATE", 8, SDP_REST(CONTACT, "SDP-v", "5"));
    raw_within(&s->z, ok, "UPDATE", 9, SDP_REST(CONTACT, "SDP-w", "5"));
    m = raw_expect(&s->z, "SIP/2.0 500"); /* the one before has no answer yet */
    assert_true(msg_has(m, HDR_RETRY_AFTER));
    assert_int_equal(node_do(s->a, 0, DO_OFFER, "SDP-x").e, ERR_BUSY);
    raw_within(&s->z, ok, "BYE", 10, "");
    (void)raw_expect(&s->z, "SIP/2.0 487"); /* §15.1.2: what waits is answered */
    assert_diary(s->a, "offer SDP-v | ended far-hung-up 0");
    scene_end(s);
}

/* RFC 3261 §14.2: theirs while ours is out. */
static void an_offer_while_ours_is_out_gets_491(void **state)
{
    struct scene *s = scene();
    const struct msg *ok = raw_call(s), *invite;

    (void)state;
    assert_int_equal(node_do(s->a, 0, DO_OFFER, "SDP-2").e, ERR_OK);
    invite = raw_expect(&s->z, "INVITE");
    raw_within(&s->z, ok, "INVITE", 6, SDP_REST(CONTACT, "SDP-y", "5"));
    (void)raw_expect(&s->z, "SIP/2.0 491");
    raw_within(&s->z, ok, "ACK", 6, "");
    raw_answer(&s->z, invite, 200, "", CONTACT, "SDP-w");
    (void)raw_expect(&s->z, "ACK");
    assert_diary(s->a, "answer 200 SDP-w");
    raw_within(&s->z, ok, "BYE", 10, "");
    scene_end(s);
}

static void a_cancel_finds_its_invite_or_gets_481(void **state)
{
    struct scene *s = scene();
    const struct msg *m;
    char room[2048];
    struct buf b = BUF_ON(room);

    (void)state;
    assert_int_equal(raw_ask(&s->z, "CANCEL", "", "")->status, 481);
    s->a->mode = MODE_RING;
    m = raw_ask(&s->z, "INVITE", CONTACT "Content-Type: application/sdp\r\n", "SDP-z");
    assert_int_equal(m->status, 180);
    buf_puts(&b, S("CANCEL sip:a@10.0.0.1 SIP/2.0\r\nVia: "), slice_to(msg_value(m, HDR_VIA), slice_find(msg_value(m, HDR_VIA), ';')),
             S(";branch="));
    assert_non_null(msg_via(m));
    buf_puts(&b, msg_via(m)->branch, S("\r\nMax-Forwards: 70\r\nFrom: "), msg_value(m, HDR_FROM),
             S("\r\nTo: <sip:a@10.0.0.1>\r\nCall-ID: "), msg_call_id(m), S("\r\nCSeq: 5 CANCEL\r\nContent-Length: 0\r\n\r\n"));
    raw_send(&s->z, buf_slice(&b));
    (void)raw_expect(&s->z, "SIP/2.0 200");
    m = raw_expect(&s->z, "SIP/2.0 487");
    raw_within(&s->z, m, "ACK", 5, "");
    assert_diary(s->a, "incoming SDP-z | ended far-hung-up 487");
    scene_end(s);
}

/* ---- registration ---- */

static struct ua_account *account_at(struct scene *s)
{
    struct ua_account *a;

    assert_int_equal(ua_account_open(s->a->ua, &(struct ua_account_config){.user = S("r"), .domain = S("10.0.0.9"),
                                                                           .password = S("secret"), .expires_s = 100}, &a), ERR_OK);
    assert_int_equal(ua_register(a, 0), ERR_OK);
    return a;
}

static unsigned expires_in(const struct msg *m)
{
    uint32_t s = 0;

    assert_int_equal(msg_expires(m, &s), ERR_OK);
    return s;
}

/* RFC 3261 §10.2.8: 423; then what was granted decides when it is refreshed, not what was asked. */
static void too_brief_is_asked_longer_and_the_grant_counts(void **state)
{
    struct scene *s = scene();
    struct ua_account *a = account_at(s);
    const struct msg *m = raw_expect(&s->z, "REGISTER sip:10.0.0.9 ");
    char rows[256];
    uint64_t at;

    (void)state;
    assert_int_equal(expires_in(m), 100);
    raw_answer(&s->z, m, 423, "t", "Min-Expires: 600\r\n", "");
    m = raw_expect(&s->z, "REGISTER");
    assert_int_equal(expires_in(m), 600);
    (void)snprintf(rows, sizeof rows, "Contact: <sip:other@10.0.0.5>;expires=3\r\nContact: %.*s;expires=60\r\n", SARG(msg_value(m, HDR_CONTACT)));
    raw_answer(&s->z, m, 200, "t", rows, "");
    assert_diary(s->a, "registered 200");
    at = fake_now_us(s->w->fake);
    world_run_ms(s->w, 47000);
    assert_int_equal(s->z.taken, s->z.n); /* not before 80 % of 60 s */
    world_run_ms(s->w, 8000);
    m = raw_expect(&s->z, "REGISTER");
    assert_in_range(fake_now_us(s->w->fake) - at, 48000000, 56000000);
    raw_answer(&s->z, m, 200, "t", rows, "");
    assert_diary(s->a, "");
    s->z.taken = s->z.n; /* it was repeated, since the answer took its time */
    assert_int_equal(ua_unregister(a, 0), ERR_OK);
    m = raw_expect(&s->z, "REGISTER");
    assert_int_equal(expires_in(m), 0);
    raw_answer(&s->z, m, 200, "t", "", "");
    assert_diary(s->a, "unregistered 200");
    scene_end(s);
}

static void a_stale_nonce_is_replaced_without_a_word(void **state)
{
    struct scene *s = scene();
    struct ua_account *a = account_at(s);
    const struct msg *m = raw_expect(&s->z, "REGISTER");

    (void)state;
    raw_answer(&s->z, m, 401, "t", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256\r\n"
                                   "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\", algorithm=MD5\r\n", "");
    m = raw_expect(&s->z, "REGISTER");
    assert_true(slice_find_slice(msg_value(m, HDR_AUTHORIZATION), S("SHA-256")) != SIZE_MAX); /* RFC 8760 §2.4: the topmost */
    raw_answer(&s->z, m, 401, "t", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", qop=\"auth\", stale=true\r\n", "");
    m = raw_expect(&s->z, "REGISTER");
    assert_true(slice_find_slice(msg_value(m, HDR_AUTHORIZATION), S("\"n2\"")) != SIZE_MAX);
    raw_answer(&s->z, m, 200, "t", "", "");
    assert_diary(s->a, "registered 200");
    assert_int_equal(ua_unregister(a, 0), ERR_OK);
    raw_answer(&s->z, raw_expect(&s->z, "REGISTER"), 200, "t", "", "");
    assert_diary(s->a, "unregistered 200");
    scene_end(s);
}

/* RFC 5626 §4.5: 30 s, 60, 120 ... of which half to all is waited; Retry-After is obeyed when it is longer. */
static void a_server_that_fails_is_asked_less_and_less(void **state)
{
    struct scene *s = scene();
    struct ua_account *a = account_at(s);
    const uint64_t least[] = {15, 30, 300}, most[] = {30, 60, 300};
    uint64_t at;

    (void)state;
    for (int i = 0; i < 3; i++) {
        raw_answer(&s->z, raw_expect(&s->z, "REGISTER"), 503, "t", i == 2 ? "Retry-After: 300\r\n" : "", "");
        assert_diary(s->a, "register-failed 503");
        at = fake_now_us(s->w->fake);
        while (s->z.taken == s->z.n)
            world_run_ms(s->w, 100);
        assert_in_range(fake_now_us(s->w->fake) - at, least[i] * 1000000 - 20000, most[i] * 1000000 + 200000);
    }
    raw_answer(&s->z, raw_expect(&s->z, "REGISTER"), 200, "t", "", "");
    assert_diary(s->a, "registered 200");
    assert_int_equal(ua_unregister(a, 0), ERR_OK);
    raw_answer(&s->z, raw_expect(&s->z, "REGISTER"), 403, "t", "", "");
    assert_diary(s->a, "unregistered 403");
    scene_end(s);
}

static void leaving_while_a_register_is_under_way_waits_for_it(void **state)
{
    struct scene *s = scene();
    struct ua_account *a = account_at(s);
    const struct msg *m = raw_expect(&s->z, "REGISTER");

    (void)state;
    assert_int_equal(ua_unregister(a, 0), ERR_OK);
    raw_answer(&s->z, m, 200, "t", "", "");
    m = raw_expect(&s->z, "REGISTER");
    assert_int_equal(expires_in(m), 0);
    raw_answer(&s->z, m, 200, "t", "", "");
    assert_diary(s->a, "unregistered 200");
    scene_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_2xx_of_a_fork_wins),
        cmocka_unit_test(a_fork_that_has_lost_does_not_end_the_call),
        cmocka_unit_test(the_route_set_is_taken_from_the_2xx),
        cmocka_unit_test(the_best_contact_of_a_302),
        cmocka_unit_test(p1_4_a_challenge_is_answered_and_the_ack_has_the_credentials),
        cmocka_unit_test(a_wrong_password_is_not_tried_for_ever),
        cmocka_unit_test(what_cannot_be_done_is_refused_as_the_rfcs_say),
        cmocka_unit_test(a_patient_ua_reaches_a_peer_that_has_restarted),
        cmocka_unit_test(requests_within_are_judged_one_by_one),
        cmocka_unit_test(an_update_refreshes_and_offers),
        cmocka_unit_test(an_offer_while_ours_is_out_gets_491),
        cmocka_unit_test(a_cancel_finds_its_invite_or_gets_481),
        cmocka_unit_test(too_brief_is_asked_longer_and_the_grant_counts),
        cmocka_unit_test(a_stale_nonce_is_replaced_without_a_word),
        cmocka_unit_test(a_server_that_fails_is_asked_less_and_less),
        cmocka_unit_test(leaving_while_a_register_is_under_way_waits_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
