/* leg_refer_test.c - REFER and Replaces between uas, without an exchange (RFC 3515, RFC 3891, RFC 7647). */
#include "flows/raw.h"

static const char *const b_uri = "sip:b@10.0.0.2";

static void up(struct world *w, struct node *a, struct node *b)
{
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 1000);
    buf_reset(&a->log);
    buf_reset(&b->log);
}

static void report(struct node *n, unsigned code)
{
    assert_int_equal(leg_refer_report(n->ua, 0, &(struct leg_refer_report){.leg = n->refer_leg, .refer = n->refer.id, .code = code}),
                     ERR_OK);
}

/* b sends a to c: 202, NOTIFY 100 at once, then what a reports; the last one ends it. */
static void a_refer_is_accepted_and_reported(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    up(w, a, b);
    assert_int_equal(node_do(b, 0, DO_REFER, "sip:c@10.0.0.3").e, ERR_OK);
    world_run_ms(w, 100);
    assert_diary(a, "refer sip:c@10.0.0.3 by <sip:b@10.0.0.2>");
    assert_diary(b, "refer-status 202 accepted | refer-status 100");
    report(a, 180);
    world_run_ms(w, 100);
    report(a, 200);
    report(a, 486); /* too late: the end has been told */
    world_run_ms(w, 100);
    assert_diary(b, "refer-status 180 | refer-status 200 final");
    assert_int_equal(wire_count(w, "A>B NOTIFY"), 3);
    node_do(b, 0, DO_HANG_UP, NULL);
    world_close(w);
}

/* The guide's way (F13): BYE right after the 202; the NOTIFYs still reach the transferor (RFC 5057 §4). */
static void notifies_pass_after_the_bye(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    up(w, a, b);
    node_do(b, 0, DO_REFER, "sip:c@10.0.0.3");
    world_run_ms(w, 3);
    node_do(b, 0, DO_HANG_UP, NULL);
    world_run_ms(w, 1000);
    assert_diary(a, "refer sip:c@10.0.0.3 by <sip:b@10.0.0.2> | ended far-hung-up 0");
    assert_diary(b, "refer-status 202 accepted | refer-status 100 | ended hung-up 0");
    report(a, 486);
    world_run_ms(w, 1000);
    assert_diary(b, "refer-status 486 final");
    world_close(w);
}

static void reports_that_overtake_each_other_are_told_in_order(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);
    struct losing l = {S("NOTIFY "), 1};

    (void)state;
    up(w, a, b);
    fake_set_filter(w->fake, t_lose, &l); /* the first NOTIFY is repeated after T1 */
    node_do(b, 0, DO_REFER, "sip:c@10.0.0.3");
    world_run_ms(w, 50);
    report(a, 180);
    report(a, 183); /* 180 was not told yet: only the newest counts */
    report(a, 200);
    world_run_ms(w, 2000);
    assert_diary(b, "refer-status 202 accepted | refer-status 100 | refer-status 200 final");
    node_do(b, 0, DO_HANG_UP, NULL);
    world_close(w);
}

/* The 202 is lost, and what it promises is there before it: the transferor knows as much, once. */
static void a_notify_may_be_faster_than_the_202(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);
    struct losing l = {S("SIP/2.0 202"), 3};

    (void)state;
    up(w, a, b);
    fake_set_filter(w->fake, t_lose, &l);
    node_do(b, 0, DO_REFER, "sip:c@10.0.0.3");
    world_run_ms(w, 100);
    assert_diary(b, "refer-status 202 accepted | refer-status 100");
    report(a, 200);
    world_run_ms(w, 10000);
    assert_diary(b, "refer-status 200 final");
    assert_int_equal(l.n, 0);
    node_do(b, 0, DO_HANG_UP, NULL);
    world_close(w);
}

static void a_refer_may_be_refused(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    up(w, a, b);
    a->mode = MODE_BUSY;
    node_do(b, 0, DO_REFER, "sip:c@10.0.0.3");
    world_run_ms(w, 100);
    assert_diary(b, "refer-status 603 final");
    assert_int_equal(wire_count(w, "A>B NOTIFY"), 0);
    a->mode = MODE_ANSWER;
    node_do(b, 0, DO_REFER, "tel:+4912345"); /* we can call sip URIs only */
    world_run_ms(w, 100);
    assert_diary(b, "refer-status 400 final");
    node_do(b, 0, DO_HANG_UP, NULL);
    world_close(w);
}

/* The second REFER of a dialog: its NOTIFYs have an id (RFC 3515 §2.4.6). */
static void two_refers_are_told_apart(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);
    uint32_t first;

    (void)state;
    up(w, a, b);
    node_do(b, 0, DO_REFER, "sip:c@10.0.0.3");
    world_run_ms(w, 100);
    first = a->refer.id;
    node_do(b, 0, DO_REFER, "sip:d@10.0.0.4");
    world_run_ms(w, 100);
    assert_int_not_equal(a->refer.id, first);
    buf_reset(&b->log);
    report(a, 200); /* the second */
    world_run_ms(w, 100);
    assert_diary(b, "refer-status 200 final");
    a->refer.id = first;
    report(a, 404);
    world_run_ms(w, 100);
    assert_diary(b, "refer-status 404 final");
    node_do(b, 0, DO_HANG_UP, NULL);
    world_close(w);
}

/* Nobody ever tells how it went: after UA_REFER_S the transferee says so itself. */
static void a_refer_that_nobody_reports_ends_by_itself(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    up(w, a, b);
    node_do(b, 0, DO_REFER, "sip:c@10.0.0.3");
    world_run_ms(w, 1000);
    buf_reset(&b->log);
    world_run_ms(w, UA_REFER_S * 1000);
    assert_int_equal(ua_pending(a->ua), 0);
    assert_true(slice_starts(buf_slice(&b->log), S("refer-status ")));
    assert_true(slice_ends(buf_slice(&b->log), S(" final")));
    node_do(b, 0, DO_HANG_UP, NULL);
    world_close(w);
}

/* ---- SUBSCRIBE to the subscription that a REFER is (RFC 3515 §2.4.4, RFC 6665 §4.2.1) ---- */

/* Its NOTIFY 100 has come and is not answered. */
static const struct msg *referred_by_raw(struct scene *s)
{
    const struct msg *ok = raw_call(s);

    raw_within(&s->z, ok, "REFER", 6, CONTACT "Refer-To: <sip:c@10.0.0.3>\r\nContent-Length: 0\r\n\r\n");
    (void)raw_expect(&s->z, "SIP/2.0 202");
    return ok;
}

static void subscribe(struct scene *s, const struct msg *ok, unsigned cseq, const char *expires)
{
    char rest[256];

    (void)snprintf(rest, sizeof rest, CONTACT "Event: refer\r\nExpires: %s\r\nContent-Length: 0\r\n\r\n", expires);
    raw_within(&s->z, ok, "SUBSCRIBE", cseq, rest);
}

static void hang_up(struct scene *s)
{
    node_do(s->a, 0, DO_HANG_UP, NULL);
    raw_answer(&s->z, raw_expect(&s->z, "BYE"), 200, "", "", "");
    scene_end(s);
}

static uint32_t left_s(const struct msg *notify)
{
    struct subscription_state state;

    assert_int_equal(msg_subscription_state(notify, &state), ERR_OK);
    assert_int_equal(state.state, SUBSCRIPTION_ACTIVE);
    assert_true(state.has_expires);
    return state.expires;
}

static void who_subscribes_again_is_told_for_longer(void **state)
{
    struct scene *s = scene();
    const struct msg *ok = referred_by_raw(s), *m;
    uint32_t granted;

    (void)state;
    raw_answer(&s->z, raw_expect(&s->z, "NOTIFY"), 200, "", "", "");
    world_run_ms(s->w, 100000);
    subscribe(s, ok, 7, "600");
    assert_int_equal(msg_expires(raw_expect(&s->z, "SIP/2.0 200"), &granted), ERR_OK);
    assert_int_equal(granted, UA_REFER_S);
    m = raw_expect(&s->z, "NOTIFY");
    assert_true(left_s(m) >= UA_REFER_S - 1);
    raw_answer(&s->z, m, 200, "", "", "");
    subscribe(s, ok, 8, "30"); /* it may be less, too */
    assert_int_equal(msg_expires(raw_expect(&s->z, "SIP/2.0 200"), &granted), ERR_OK);
    assert_int_equal(granted, 30);
    m = raw_expect(&s->z, "NOTIFY");
    assert_true(left_s(m) <= 30);
    raw_answer(&s->z, m, 200, "", "", "");
    world_run_ms(s->w, 31000);
    m = raw_expect(&s->z, "NOTIFY");
    assert_true(slice_starts(m->body, S("SIP/2.0 408 ")));
    raw_answer(&s->z, m, 200, "", "", "");
    assert_int_equal(ua_pending(s->a->ua), 0);
    hang_up(s);
}

/* It may say so while a NOTIFY is under way: then its last one comes behind that. */
static void who_unsubscribes_is_told_a_last_time(void **state)
{
    struct scene *s = scene();
    const struct msg *ok = referred_by_raw(s), *first, *last;
    struct subscription_state st;

    (void)state;
    first = raw_expect(&s->z, "NOTIFY");
    subscribe(s, ok, 7, "0");
    (void)raw_expect(&s->z, "SIP/2.0 200");
    raw_answer(&s->z, first, 200, "", "", "");
    last = raw_expect(&s->z, "NOTIFY");
    assert_false(slice_eq(msg_value(last, HDR_CSEQ), msg_value(first, HDR_CSEQ)));
    assert_int_equal(msg_subscription_state(last, &st), ERR_OK);
    assert_int_equal(st.state, SUBSCRIPTION_TERMINATED);
    raw_answer(&s->z, last, 200, "", "", "");
    subscribe(s, ok, 8, "60");
    (void)raw_expect(&s->z, "SIP/2.0 481");
    hang_up(s);
}

/* What an attended transfer asks of the target: an INVITE that takes the place of a call (RFC 3891). */
static void put_replaces(void *arg, struct leg *leg)
{
    struct buf *b = arg;
    struct dialog_ref ref = dialog_ref_for_peer(leg_dialog(leg));

    dialog_ref_put(b, HDR_REPLACES, &ref);
    buf_putc(b, 0);
}

static void replaces_of(struct node *n, size_t leg, char *room, size_t cap)
{
    struct buf b;

    buf_init(&b, room, cap);
    assert_int_equal(leg_do(n->ua, 0, n->legs[leg], put_replaces, &b), ERR_OK);
    assert_int_equal(buf_err(&b), ERR_OK);
}

static struct leg_id call_replacing(struct node *n, const char *uri, const char *replaces)
{
    struct leg_id id;

    assert_int_equal(leg_call(n->ua, 0, &(struct leg_call){.account = n->account, .target = slice_z(uri), .offer = S("SDP-R"),
                                                           .replaces = slice_z(replaces), .on = &t_leg_on, .arg = n}, &id), ERR_OK);
    n->legs[n->n_legs++] = id;
    return id;
}

static void an_invite_with_replaces_takes_the_calls_place(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL), *c = node_open(w, NULL);
    char replaces[256];

    (void)state;
    up(w, a, b);
    replaces_of(a, 0, replaces, sizeof replaces);
    call_replacing(c, b_uri, replaces);
    world_run_ms(w, 1000);
    assert_diary(c, "progress 180 | answer 200 SDP-b | up");
    assert_diary(a, "ended far-hung-up 0");
    assert_diary(b, "incoming SDP-R replaces | ended replaced 0 | up");
    node_do(c, 0, DO_HANG_UP, NULL);
    world_close(w);
}

/* RFC 3891 §3: 481 where there is no such dialog, or an early one that the other end began. */
static void replaces_that_fits_nothing_is_refused(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL), *c = node_open(w, NULL);
    char replaces[256];

    (void)state;
    call_replacing(c, b_uri, "nothing@here;to-tag=1;from-tag=2");
    world_run_ms(w, 1000);
    assert_diary(c, "ended refused 481");
    assert_diary(b, "");
    b->mode = MODE_RING;
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 1000);
    replaces_of(a, 0, replaces, sizeof replaces);
    call_replacing(c, b_uri, replaces);
    world_run_ms(w, 1000);
    assert_diary(c, "ended refused 481");
    assert_diary(b, "incoming SDP-1");
    node_do(a, 0, DO_HANG_UP, NULL);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refer_is_accepted_and_reported),
        cmocka_unit_test(notifies_pass_after_the_bye),
        cmocka_unit_test(reports_that_overtake_each_other_are_told_in_order),
        cmocka_unit_test(a_notify_may_be_faster_than_the_202),
        cmocka_unit_test(a_refer_may_be_refused),
        cmocka_unit_test(two_refers_are_told_apart),
        cmocka_unit_test(a_refer_that_nobody_reports_ends_by_itself),
        cmocka_unit_test(who_subscribes_again_is_told_for_longer),
        cmocka_unit_test(who_unsubscribes_is_told_a_last_time),
        cmocka_unit_test(an_invite_with_replaces_takes_the_calls_place),
        cmocka_unit_test(replaces_that_fits_nothing_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
