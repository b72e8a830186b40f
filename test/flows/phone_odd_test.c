/* phone_odd_test.c - what a phone is sent by others and not by our own: keys by INFO, offers that cannot be, late offers. */
#include "flows/phones.h"
#include "flows/uas.h"

#define P "sip:p@10.1.0.1"

static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

struct odd {
    struct world *w;
    struct node  *a; /* a bare leg */
    struct band  *band;
    struct ring  *p; /* the phone  */
};

static struct odd odd_open(void)
{
    const struct phone_config answering = {.auto_answer = true};
    struct odd o = {.w = world_open()};

    o.a = node_open(o.w, NULL);
    o.band = band_open(o.w->fake);
    o.p = ring_add(o.band, "p", &answering);
    return o;
}

static void odd_close(struct odd *o)
{
    struct mem *mem = &o->band->plain;

    band_leave(o->band);
    mem_free(mem, o->band, sizeof *o->band);
    world_close(o->w);
}

static void send_info(void *arg, struct leg *leg)
{
    struct slice rest = slice_z(arg), type;

    slice_cut(&rest, '|', &type);
    assert_int_equal(leg_info(leg, type, rest), ERR_OK);
}

static void info(struct odd *o, const char *type_and_body)
{
    char text[128];

    (void)snprintf(text, sizeof text, "%s", type_and_body);
    assert_int_equal(leg_do(o->a->ua, 0, o->a->legs[0], send_info, text), ERR_OK);
    world_run_ms(o->w, 100);
}

static void keys_by_info_are_heard(void **state)
{
    struct odd o = odd_open();

    (void)state;
    node_call(o.a, P, sdp);
    ring_expect(o.p, "confirmed");
    info(&o, "application/dtmf-relay|Signal=5\r\nDuration=160\r\n");
    ring_expect(o.p, "dtmf \"digit\":\"5\"");
    info(&o, "application/dtmf|#");
    ring_expect(o.p, "dtmf \"digit\":\"#\"");
    info(&o, "application/dtmf-relay|Signal= * \r\nDuration = 250\r\n");
    ring_expect(o.p, "dtmf \"digit\":\"*\",\"ms\":250");
    info(&o, "application/dtmf-relay|Duration=160\r\nSignal=11\r\n"); /* by the number of the event */
    ring_expect(o.p, "dtmf \"digit\":\"#\"");
    info(&o, "application/dtmf|d");
    ring_expect(o.p, "dtmf \"digit\":\"D\"");
    info(&o, "application/dtmf-relay|Duration=160\r\n");
    info(&o, "application/dtmf-relay|Signal=16\r\n");
    info(&o, "application/dtmf-relay|Signal=0x5\r\n");
    info(&o, "application/dtmf-relay|Signal=\r\n");
    info(&o, "application/dtmf-relay");
    info(&o, "application/dtmf|56");
    info(&o, "text/plain|5");
    ring_expect_none(o.p, "dtmf");
    node_do(o.a, 0, DO_HANG_UP, NULL);
    odd_close(&o);
}

/* RFC 3261 §13.3.1.3: nothing in it that we speak, or nothing that can be read. */
static void an_offer_without_a_codec_of_ours_gets_488(void **state)
{
    struct odd o = odd_open();

    (void)state;
    node_call(o.a, P, "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 9 RTP/AVP 18\r\n");
    node_call(o.a, P, "m=audio");
    world_run_ms(o.w, 500);
    assert_diary(o.a, "ended refused 488 | ended refused 488");
    ring_expect_none(o.p, "incoming");
    odd_close(&o);
}

/* In the call it only loses the offer: what was agreed stays. */
static void a_bad_offer_in_a_call_changes_nothing(void **state)
{
    struct odd o = odd_open();

    (void)state;
    node_call(o.a, P, sdp);
    ring_expect(o.p, "confirmed");
    buf_reset(&o.a->log);
    node_do(o.a, 0, DO_OFFER, "no description");
    world_run_ms(o.w, 500);
    assert_diary(o.a, "answer 488");
    assert_int_equal(phone_calls(o.p->phone), 1);
    node_do(o.a, 0, DO_HANG_UP, NULL);
    odd_close(&o);
}

/* No offer in the INVITE: the phone makes one; an answer that it cannot use ends the call. */
static void the_phone_offers_when_asked(void **state)
{
    struct odd o = odd_open();

    (void)state;
    node_call(o.a, P, ""); /* answers "SDP-a", which is none */
    ring_expect(o.p, "failed \"what\":\"sound\"");
    ring_expect(o.p, "ended hung-up");
    assert_true(slice_find_slice(buf_slice(&o.a->log), S("m=audio")) != SIZE_MAX);
    buf_reset(&o.a->log);
    odd_close(&o);
}

static void report(void *arg, struct leg *leg)
{
    struct node *n = arg;

    assert_non_null(leg);
    assert_int_equal(leg_refer_report(n->ua, 0, &(struct leg_refer_report){.leg = n->refer_leg, .refer = n->refer.id, .code = 200}),
                     ERR_OK);
}

/*   p                    a                    b
 *   |<== on hold ========>|                    |
 *   |---- INVITE ----------------------------->|  it rings
 *   |---- REFER --------->|                    |
 *   |<--- NOTIFY 200 -----|                    |  a has reached b, by another call
 *   |---- CANCEL ----------------------------->|  */
static void who_only_rings_is_let_off_when_the_transfer_is_done(void **state)
{
    struct odd o = odd_open();
    struct node *b = node_open(o.w, NULL);

    (void)state;
    (void)snprintf(o.a->answer, sizeof o.a->answer, "%s", sdp); /* it takes the hold */
    b->mode = MODE_RING;
    node_call(o.a, P, sdp);
    ring_expect(o.p, "confirmed");
    ring_do(o.p, "attend sip:b@10.0.0.2");
    ring_expect(o.p, "calling");
    ring_expect(o.p, "ringing \"call\":2");
    ring_do(o.p, "complete");
    ring_expect(o.p, "transfer-accepted");
    ring_expect_none(o.p, "ended \"call\":2");
    assert_int_equal(leg_do(o.a->ua, 0, o.a->legs[0], report, o.a), ERR_OK);
    ring_expect(o.p, "transfer-result \"ok\":true");
    ring_expect(o.p, "ended \"call\":2,\"why\":\"hung-up\"");
    world_run_ms(o.w, 500);
    assert_int_equal(wire_count(o.w, "A>B CANCEL"), 1);
    odd_close(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_by_info_are_heard),
        cmocka_unit_test(an_offer_without_a_codec_of_ours_gets_488),
        cmocka_unit_test(a_bad_offer_in_a_call_changes_nothing),
        cmocka_unit_test(the_phone_offers_when_asked),
        cmocka_unit_test(who_only_rings_is_let_off_when_the_transfer_is_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
