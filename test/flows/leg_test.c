/* leg_test.c - calls between two and three uas in virtual time, and what may go wrong on the wire. */
#include "flows/uas.h"

static const char *const b_uri = "sip:b@10.0.0.2";

static void up(struct world *w, struct node *a, struct node *b)
{
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 1000);
    assert_diary(a, "progress 180 | answer 200 SDP-b | up");
    assert_diary(b, "incoming SDP-1 | up");
}

/* RFC 3261 §13, §15. */
static void a_call_is_set_up_and_hung_up(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    up(w, a, b);
    assert_int_equal(node_do(a, 0, DO_STATE, NULL).state, LEG_UP);
    assert_int_equal(node_do(b, 0, DO_STATE, NULL).state, LEG_UP);
    node_do(a, 0, DO_HANG_UP, NULL);
    world_run_ms(w, 100);
    assert_diary(a, "ended hung-up 0");
    assert_diary(b, "ended far-hung-up 0");
    assert_int_equal(wire_count(w, "A>B ACK"), 1);
    assert_int_equal(wire_count(w, "A>B BYE"), 1);
    world_close(w);
}

static void the_callee_hangs_up_too(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    up(w, a, b);
    node_do(b, 0, DO_HANG_UP, NULL);
    world_run_ms(w, 100);
    assert_diary(a, "ended far-hung-up 0");
    assert_diary(b, "ended hung-up 0");
    world_close(w);
}

static void a_busy_callee_refuses(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    b->mode = MODE_BUSY;
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 100);
    assert_diary(a, "ended refused 486");
    assert_diary(b, "incoming SDP-1 | ended rejected 486");
    world_close(w);
}

static void a_redirect_brings_its_contact(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    b->mode = MODE_MOVED;
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 100);
    assert_diary(a, "ended refused 302 sip:c@10.0.0.3");
    assert_diary(b, "incoming SDP-1 | ended rejected 302");
    world_close(w);
}

static void who_is_not_attached_is_answered_480(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    b->mode = MODE_SILENT;
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 100);
    assert_diary(a, "ended refused 480");
    assert_diary(b, "incoming SDP-1");
    world_close(w);
}

/* RFC 3261 §9: the CANCEL waits for a provisional response, the callee answers 487. */
static void the_caller_gives_up_while_it_rings(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    b->mode = MODE_RING;
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 5000);
    node_do(a, 0, DO_HANG_UP, NULL);
    world_run_ms(w, 100);
    assert_diary(a, "progress 180 | ended hung-up 0");
    assert_diary(b, "incoming SDP-1 | ended far-hung-up 487");
    assert_int_equal(wire_count(w, "B>A 487"), 1);
    assert_int_equal(wire_count(w, "A>B ACK"), 1);
    world_close(w);
}

/* §13.2.2.4, §9.1: the 2xx crosses the CANCEL: acknowledged, and hung up. */
static void a_2xx_that_crosses_the_cancel_is_hung_up(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    b->mode = MODE_RING;
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 1000);
    assert_int_equal(node_do(b, 0, DO_ACCEPT, "SDP-b").e, ERR_OK);
    node_do(a, 0, DO_HANG_UP, NULL);
    world_run_ms(w, 1000);
    assert_diary(a, "progress 180 | ended hung-up 0");
    assert_diary(b, "incoming SDP-1 | up | ended far-hung-up 0");
    assert_int_equal(wire_count(w, "A>B ACK"), 1);
    assert_int_equal(wire_count(w, "A>B BYE"), 1);
    world_close(w);
}

static void nobody_answers_at_all(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL);

    (void)state;
    node_call(a, "sip:nobody@10.0.0.99", "SDP-1");
    world_run_ms(w, 31000);
    assert_diary(a, "");
    world_run_ms(w, 2000);
    assert_diary(a, "ended no-answer 408");
    world_close(w);
}

/* §13.3.1.4: the 2xx is repeated with growing gaps until the ACK comes. */
static void a_lost_ack_is_sent_again_for_the_repeated_2xx(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);
    struct losing l = {S("ACK "), 2};

    (void)state;
    fake_set_filter(w->fake, t_lose, &l);
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 400);
    assert_diary(b, "incoming SDP-1");
    world_run_ms(w, 2000);
    assert_diary(a, "progress 180 | answer 200 SDP-b | up");
    assert_diary(b, "up");
    assert_int_equal(wire_count(w, "B>A 200"), 3);
    assert_int_equal(wire_count(w, "A>B ACK"), 3);
    node_do(b, 0, DO_HANG_UP, NULL);
    world_close(w);
}

static void without_any_ack_the_callee_ends_the_call(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);
    struct losing l = {S("ACK "), 1000};

    (void)state;
    fake_set_filter(w->fake, t_lose, &l);
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 31000);
    assert_diary(b, "incoming SDP-1");
    world_run_ms(w, 3000);
    assert_diary(b, "ended no-ack 408");
    assert_diary(a, "progress 180 | answer 200 SDP-b | up | ended far-hung-up 0");
    world_close(w);
}

/* §15: the callee may not send BYE before the ACK has come. */
static void hanging_up_waits_for_the_ack(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);
    struct losing l = {S("ACK "), 1};

    (void)state;
    fake_set_filter(w->fake, t_lose, &l);
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 300);
    node_do(b, 0, DO_HANG_UP, NULL);
    assert_diary(b, "incoming SDP-1 | ended hung-up 0");
    assert_int_equal(wire_count(w, "B>A BYE"), 0);
    world_run_ms(w, 1000);
    assert_int_equal(wire_count(w, "B>A BYE"), 1);
    assert_diary(a, "progress 180 | answer 200 SDP-b | up | ended far-hung-up 0");
    world_close(w);
}

/* §13.2.1: no offer in the INVITE: it comes in the 2xx, its answer in the ACK. */
static void an_invite_without_offer_gets_one(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    node_call(a, b_uri, "");
    world_run_ms(w, 1000);
    assert_diary(a, "progress 180 | offer SDP-b | up");
    assert_diary(b, "incoming | answer 200 SDP-a | up");
    node_do(a, 0, DO_HANG_UP, NULL);
    world_close(w);
}

static void an_offer_in_the_2xx_may_be_answered_later(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL);

    (void)state;
    (void)node_open(w, NULL);
    a->offer_code = 'w';
    node_call(a, b_uri, "");
    world_run_ms(w, 1200);
    assert_diary(a, "progress 180 | offer SDP-b");
    assert_int_equal(wire_count(w, "A>B ACK"), 0);
    node_do(a, 0, DO_HANG_UP, NULL); /* §13.2.2.4: acknowledged before the BYE all the same */
    world_run_ms(w, 100);
    assert_int_equal(wire_count(w, "A>B ACK"), 1);
    assert_diary(a, "ended hung-up 0");
    world_close(w);
}

/* §14: a re-INVITE, from either side, and refused. */
static void offers_go_both_ways_in_a_call(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    up(w, a, b);
    assert_int_equal(node_do(a, 0, DO_OFFER, "SDP-2").e, ERR_OK);
    assert_int_equal(node_do(a, 0, DO_OFFER, "SDP-3").e, ERR_BUSY);
    world_run_ms(w, 1000);
    assert_diary(a, "answer 200 SDP-b");
    assert_diary(b, "offer SDP-2");
    assert_int_equal(node_do(b, 0, DO_OFFER, "SDP-4").e, ERR_OK);
    world_run_ms(w, 1000);
    assert_diary(a, "offer SDP-4");
    assert_diary(b, "answer 200 SDP-a");
    b->offer_code = '4';
    assert_int_equal(node_do(a, 0, DO_OFFER, "SDP-5").e, ERR_OK);
    world_run_ms(w, 1000);
    assert_diary(a, "answer 488");
    assert_diary(b, "offer SDP-5");
    b->offer_code = 0;
    assert_int_equal(node_do(a, 0, DO_OFFER, "").e, ERR_OK); /* asks b to offer */
    world_run_ms(w, 1000);
    assert_diary(a, "offer SDP-b");
    assert_diary(b, "offer | answer 200 SDP-a");
    node_do(a, 0, DO_HANG_UP, NULL);
    world_close(w);
}

static uint64_t again_at(const struct node *n)
{
    static const struct slice words = {"again at ", 9};
    struct slice rest = buf_slice(&n->log), number;
    uint64_t ms = 0;

    rest = slice_from(rest, slice_find_slice(rest, words) + words.n);
    slice_cut(&rest, ' ', &number);
    assert_int_equal(slice_u64(number, UINT64_MAX, &ms), ERR_OK);
    return ms;
}

/* §14.1: both at once: both get 491; who made the Call-ID tries after 2.1 to 4 s, the other within 2 s. */
static void offers_that_meet_are_tried_again(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);
    uint64_t from;

    (void)state;
    up(w, a, b);
    from = fake_now_us(w->fake) / 1000;
    node_do(a, 0, DO_OFFER, "SDP-2");
    node_do(b, 0, DO_OFFER, "SDP-3");
    world_run_ms(w, 8000);
    assert_int_equal(wire_count(w, "A>B 491"), 1);
    assert_int_equal(wire_count(w, "B>A 491"), 1);
    assert_true(slice_starts(buf_slice(&a->log), S("offer SDP-b | again at ")));
    assert_in_range(again_at(a) - from, 2100, 4020);
    assert_true(slice_starts(buf_slice(&b->log), S("again at ")));
    assert_in_range(again_at(b) - from, 0, 2020);
    assert_true(slice_ends(buf_slice(&a->log), S("answer 200 SDP-b")));
    assert_true(slice_ends(buf_slice(&b->log), S("answer 200 SDP-a | offer SDP-a")));
    node_do(a, 0, DO_HANG_UP, NULL);
    world_close(w);
}

/* §14.1: 481 to a re-INVITE: the dialog is over. */
static void a_peer_that_has_forgotten_ends_the_call(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    up(w, a, b);
    fake_down(b->fake);
    stack_close(b->st);
    ua_close(b->ua);
    b->ua = NULL;
    assert_int_equal(node_do(a, 0, DO_OFFER, "SDP-2").e, ERR_OK);
    world_run_ms(w, 33000);
    assert_diary(a, "ended lost 408");
    world_close(w);
}

static void info_is_passed_up(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    up(w, a, b);
    assert_int_equal(node_do(a, 0, DO_INFO, "5").e, ERR_OK);
    world_run_ms(w, 100);
    assert_diary(b, "info application/dtmf 5");
    assert_int_equal(wire_count(w, "B>A 200"), 2);
    node_do(a, 0, DO_HANG_UP, NULL);
    world_close(w);
}

/* A ua that calls itself has two legs with one Call-ID. */
static void a_ua_may_call_itself(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL);

    (void)state;
    node_call(a, "sip:a@10.0.0.1", "SDP-1");
    world_run_ms(w, 1000);
    assert_diary(a, "incoming SDP-1 | progress 180 | answer 200 SDP-a | up | up");
    node_do(a, 0, DO_HANG_UP, NULL);
    world_run_ms(w, 100);
    assert_diary(a, "ended hung-up 0 | ended far-hung-up 0");
    world_close(w);
}

/* Every datagram may be lost, doubled and overtaken: the call completes and ends on both sides. */
static void calls_survive_a_bad_wire(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);
    struct fake_link bad = {.delay_us = 5000, .jitter_us = 20000, .loss_ppm = 200000, .duplicate_ppm = 100000,
                            .reorder_ppm = 100000, .reorder_us = 30000};

    (void)state;
    fake_set_link(w->fake, &bad);
    for (int i = 0; i < 20; i++) {
        a->n_legs = b->n_legs = a->n_gone = b->n_gone = 0;
        node_call(a, b_uri, "SDP-1");
        world_run_ms(w, 20000);
        assert_int_equal(node_do(a, 0, DO_STATE, NULL).state, LEG_UP);
        assert_int_equal(node_do(b, 0, DO_STATE, NULL).state, LEG_UP);
        node_do(i % 2 ? a : b, 0, DO_HANG_UP, NULL);
        world_run_ms(w, 100000);
        assert_int_equal(ua_legs(a->ua) + ua_legs(b->ua), 0);
        buf_reset(&a->log);
        buf_reset(&b->log);
    }
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_set_up_and_hung_up),
        cmocka_unit_test(the_callee_hangs_up_too),
        cmocka_unit_test(a_busy_callee_refuses),
        cmocka_unit_test(a_redirect_brings_its_contact),
        cmocka_unit_test(who_is_not_attached_is_answered_480),
        cmocka_unit_test(the_caller_gives_up_while_it_rings),
        cmocka_unit_test(a_2xx_that_crosses_the_cancel_is_hung_up),
        cmocka_unit_test(nobody_answers_at_all),
        cmocka_unit_test(a_lost_ack_is_sent_again_for_the_repeated_2xx),
        cmocka_unit_test(without_any_ack_the_callee_ends_the_call),
        cmocka_unit_test(hanging_up_waits_for_the_ack),
        cmocka_unit_test(an_invite_without_offer_gets_one),
        cmocka_unit_test(an_offer_in_the_2xx_may_be_answered_later),
        cmocka_unit_test(offers_go_both_ways_in_a_call),
        cmocka_unit_test(offers_that_meet_are_tried_again),
        cmocka_unit_test(a_peer_that_has_forgotten_ends_the_call),
        cmocka_unit_test(info_is_passed_up),
        cmocka_unit_test(a_ua_may_call_itself),
        cmocka_unit_test(calls_survive_a_bad_wire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
