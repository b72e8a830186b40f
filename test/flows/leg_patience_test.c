/* leg_patience_test.c - nobody waits for ever: what a ua does when the other end says nothing more. */
#include "flows/raw.h"

static const char *const b_uri = "sip:b@10.0.0.2";

/* A phone that nobody picks up says so in the end: 480 after UA_ALERT_S. */
static void nobody_here_answers(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    b->mode = MODE_RING;
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 1000 * UA_ALERT_S - 100);
    assert_diary(b, "incoming SDP-1");
    world_run_ms(w, 200);
    assert_diary(b, "ended no-answer 480");
    assert_diary(a, "progress 180 | progress 180 | progress 180 | ended refused 480");
    world_close(w);
}

/* It rang, and then the other end was gone without a word: no final answer ever comes. The last 180 was the one of 60 s. */
static void who_vanishes_while_it_rings_is_given_up(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);

    (void)state;
    b->mode = MODE_RING;
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 61000);
    fake_down(b->fake);
    stack_close(b->st);
    ua_close(b->ua);
    b->ua = NULL;
    world_run_ms(w, 1000 * UA_PATIENCE_S - 1100);
    assert_diary(a, "progress 180 | progress 180");
    world_run_ms(w, 200);
    assert_diary(a, "ended no-answer 408");
    world_close(w);
}

/* Every 2xx is lost, the BYE that follows for want of an ACK is not: the caller's INVITE does not linger for ever. */
static void a_bye_instead_of_the_answer(void **state)
{
    struct world *w = world_open();
    struct node *a = node_open(w, NULL), *b = node_open(w, NULL);
    struct losing l = {S("SIP/2.0 200 OK"), 11};

    (void)state;
    fake_set_filter(w->fake, t_lose, &l);
    node_call(a, b_uri, "SDP-1");
    world_run_ms(w, 33000);
    assert_int_equal(l.n, 0);
    assert_diary(a, "progress 180 | ended far-hung-up 0");
    assert_diary(b, "incoming SDP-1 | ended no-ack 408");
    world_close(w);
}

/* A re-INVITE that gets a 100 and no more (the exchange between has been restarted) is cancelled: the call goes on as it was,
 * and a later offer is possible again. */
static void a_re_invite_without_an_answer_is_cancelled(void **state)
{
    struct scene *s = scene();
    const struct msg *ok = raw_call(s), *invite;

    (void)state;
    assert_int_equal(node_do(s->a, 0, DO_OFFER, "SDP-2").e, ERR_OK);
    invite = raw_expect(&s->z, "INVITE");
    raw_answer(&s->z, invite, 100, "", "", "");
    world_run_ms(s->w, 1000 * UA_OFFER_S - 200);
    assert_int_equal(node_do(s->a, 0, DO_OFFER, "SDP-3").e, ERR_BUSY);
    world_run_ms(s->w, 200);
    raw_answer(&s->z, raw_expect(&s->z, "CANCEL"), 200, "", "", "");
    raw_answer(&s->z, invite, 487, "", "", "");
    (void)raw_expect(&s->z, "ACK");
    assert_diary(s->a, "answer 487");
    assert_int_equal(node_do(s->a, 0, DO_OFFER, "SDP-3").e, ERR_OK);
    raw_answer(&s->z, raw_expect(&s->z, "INVITE"), 200, "", CONTACT, "SDP-w");
    (void)raw_expect(&s->z, "ACK");
    assert_diary(s->a, "answer 200 SDP-w");
    raw_within(&s->z, ok, "BYE", 10, "");
    scene_end(s);
}

/* Hung up meanwhile: the re-INVITE is cancelled then, and nothing of the call is left. */
static void a_re_invite_does_not_outlive_its_call(void **state)
{
    struct scene *s = scene();
    const struct msg *ok = raw_call(s), *invite;

    (void)state;
    assert_int_equal(node_do(s->a, 0, DO_OFFER, "SDP-2").e, ERR_OK);
    invite = raw_expect(&s->z, "INVITE");
    raw_answer(&s->z, invite, 100, "", "", "");
    raw_within(&s->z, ok, "BYE", 10, "");
    (void)raw_expect(&s->z, "CANCEL");
    assert_diary(s->a, "ended far-hung-up 0");
    scene_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_here_answers),
        cmocka_unit_test(who_vanishes_while_it_rings_is_given_up),
        cmocka_unit_test(a_bye_instead_of_the_answer),
        cmocka_unit_test(a_re_invite_without_an_answer_is_cancelled),
        cmocka_unit_test(a_re_invite_does_not_outlive_its_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
