/* refuse_test.c - what is wrong gets 400 with a reason, or silence where RFC 3261 says so; strangers reach the user. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fake/fake.h"
#include "sys/heap.h"
#include "sys/random.h"

#include "sip/stack/stage_priv.h"

static struct stage g_stage;

static struct stage *begin(void)
{
    g_stage = (struct stage){0};
    stage_open(&g_stage);
    return &g_stage;
}

#define HEAD "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: c1\r\n"

static void s8_2_a_bad_request_gets_400_that_names_the_header(void **state)
{
    struct stage       *g = begin();
    struct stack_counts c;
    struct slice        r;

    (void)state;
    stage_send(g, S("OPTIONS sip:b@192.0.2.1 SIP/2.0\r\n" HEAD "CSeq: x OPTIONS\r\n\r\n"));
    r = stage_expect(g, "SIP/2.0 400 ");
    assert_true(stage_has(slice_to(r, slice_find(r, '\r')), "CSeq"));
    assert_true(stage_has(r, "\r\nTo: <sip:b@c>;tag="));
    assert_true(stage_has(r, "\r\nCall-ID: c1\r\n"));
    stage_expect_notes(g, "");
    stack_counts(g->st, &c);
    assert_int_equal(c.in, 1);
    assert_int_equal(c.bad, 1);
    assert_int_equal(c.out, 1);
    stage_close(g);
}

static void s8_2_7_the_same_request_gets_the_same_refusal(void **state)
{
    struct stage *g = begin();
    struct slice  bad = S("OPTIONS sip:b@192.0.2.1 SIP/2.0\r\n" HEAD "CSeq: 1 INVITE\r\n\r\n"), first;

    (void)state;
    stage_send(g, bad);
    stage_send(g, bad);
    first = stage_expect(g, "SIP/2.0 400 ");
    assert_true(slice_eq(first, stage_expect(g, "SIP/2.0 400 ")));
    stage_close(g);
}

static void protocol_3_1_two_call_ids_and_none_get_400(void **state)
{
    struct stage *g = begin();

    (void)state;
    stage_send(g, S("OPTIONS sip:b@192.0.2.1 SIP/2.0\r\n" HEAD "Call-ID: c2\r\nCSeq: 1 OPTIONS\r\n\r\n"));
    assert_true(stage_has(stage_expect(g, "SIP/2.0 400 "), "Call-ID"));
    stage_send(g, S("OPTIONS sip:b@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1\r\n"
                    "From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCSeq: 1 OPTIONS\r\n\r\n"));
    assert_true(stage_has(stage_expect(g, "SIP/2.0 400 "), "Call-ID"));
    stage_expect_notes(g, "");
    stage_close(g);
}

static void another_version_gets_505(void **state)
{
    struct stage *g = begin();

    (void)state;
    stage_send(g, S("OPTIONS sip:b@192.0.2.1 SIP/7.0\r\n" HEAD "CSeq: 1 OPTIONS\r\n\r\n"));
    stage_expect(g, "SIP/2.0 505 ");
    stage_close(g);
}

static void s17_an_ack_and_a_response_are_never_answered(void **state)
{
    struct stage       *g = begin();
    struct stack_counts c;

    (void)state;
    stage_send(g, S("ACK sip:b@192.0.2.1 SIP/2.0\r\n" HEAD "CSeq: x ACK\r\n\r\n"));
    stage_send(g, S("SIP/2.0 200 OK\r\n" HEAD "CSeq: x INVITE\r\n\r\n"));
    stage_send(g, S("SIP/2.0 4294967496 OK\r\n" HEAD "CSeq: 1 INVITE\r\n\r\n"));
    stage_send(g, S("what is this\r\n\r\n"));
    stage_expect_nothing(g);
    stage_expect_notes(g, "");
    stack_counts(g->st, &c);
    assert_int_equal(c.bad, 4);
    stage_close(g);
}

static void a_refusal_goes_by_its_via(void **state)
{
    struct stage *g = begin();

    (void)state;
    /* The port of Via, the address it came from: 192.0.2.9:5061 hears nothing, and no ICMP hurts. */
    stage_send(g, S("OPTIONS sip:b@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5061;branch=z9hG4bK1\r\n"
                    "From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: c1\r\nCSeq: x OPTIONS\r\n\r\n"));
    stage_expect_nothing(g);
    stage_send(g, S("OPTIONS sip:b@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.1.1:9;rport;branch=z9hG4bK1\r\n"
                    "From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: c1\r\nCSeq: x OPTIONS\r\n\r\n"));
    stage_expect(g, "SIP/2.0 400 ");
    stage_close(g);
}

static void rfc6026_strangers_reach_the_user_alone(void **state)
{
    struct stage *g = begin();

    (void)state;
    stage_send(g, stage_request((struct stage_said){.method = "ACK", .to_tag = "t"}));
    stage_send(g, S("SIP/2.0 200 OK\r\n" HEAD "CSeq: 1 INVITE\r\n\r\n"));
    stage_expect_notes(g, "request ACK\nstray 200\n");
    stage_expect_nothing(g);
    stage_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s8_2_a_bad_request_gets_400_that_names_the_header),
        cmocka_unit_test(s8_2_7_the_same_request_gets_the_same_refusal),
        cmocka_unit_test(protocol_3_1_two_call_ids_and_none_get_400),
        cmocka_unit_test(another_version_gets_505),
        cmocka_unit_test(s17_an_ack_and_a_response_are_never_answered),
        cmocka_unit_test(a_refusal_goes_by_its_via),
        cmocka_unit_test(rfc6026_strangers_reach_the_user_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
