/* transfer.c - the steps that most flows with a transfer have in common. */
#include "kit/transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct three three_begin(const struct kit_options *o)
{
    struct three t = {.k = kit_begin(o)};

    t.a = peer_registered(t.k, "1001");
    t.b = peer_registered(t.k, "1002");
    t.c = peer_registered(t.k, "1003");
    return t;
}

struct three three_talking(void)
{
    struct three t = three_begin(NULL);

    set_up(t.a, t.b, "INVITE 1002");
    return t;
}

void ask_to_refer(struct three *t)
{
    peer_send(t->b, REFER_TO_C);
    peer_expect(t->b, "202 REFER");
    peer_expect(t->a, "REFER");
}

const struct msg *expect_told(struct peer *transferor, unsigned status)
{
    const struct msg *m = peer_expect(transferor, "NOTIFY");
    struct sipfrag    frag;

    assert_true(slice_starts(msg_value(m, HDR_SUBSCRIPTION_STATE), S("terminated")));
    assert_int_equal(sipfrag_parse(m->body, &frag), ERR_OK);
    assert_int_equal(frag.status, status);
    return m;
}

void expect_notify(struct peer *transferor, unsigned status)
{
    (void)expect_told(transferor, status);
    peer_send(transferor, "200 NOTIFY");
}

/* ---- the exchange executes it ---- */

void be_asked(struct three *t, const struct msg *invite)
{
    assert_int_equal(invite->body.n, 0);
    peer_send(t->a, "200 INVITE");
    if (peer_expect(t->a, "ACK")->body.n == 0)
        kit_fail(t->k, "an ACK without", "answer");
}

void expect_to_be_asked(struct three *t)
{
    be_asked(t, peer_expect(t->a, "INVITE"));
}

void ring_and_answer(struct three *t, uint64_t rings_ms)
{
    struct said c_says;

    (void)peer_expect(t->c, "INVITE");
    peer_send(t->c, "180");
    if (rings_ms)
        kit_wait_ms(t->k, rings_ms);
    peer_send(t->c, "200 INVITE");
    c_says = said(peer_expect(t->a, "INVITE"));
    assert_int_equal(c_says.dir, SDP_SENDRECV);
    assert_string_equal(c_says.host, peer_host(t->c));
    peer_send(t->a, "200 INVITE");
    peer_expect(t->a, "ACK");
    peer_expect(t->c, "ACK");
}

void refuse_to_refer(struct three *t, const char *answer)
{
    ask_to_refer(t);
    peer_send(t->a, answer);
    expect_to_be_asked(t);
}

void finish_transfer(struct three *t)
{
    ring_and_answer(t, 0);
    expect_notify(t->b, 200);
    leave(t->b);
}

void execute(struct three *t, const char *answer)
{
    refuse_to_refer(t, answer);
    finish_transfer(t);
}

struct three executed(const char *answer)
{
    struct three t = three_talking();

    execute(&t, answer);
    return t;
}

void offer_anew(struct peer *from, struct peer *to)
{
    peer_send(from, "INVITE");
    agree(to);
    peer_expect(from, "200 INVITE");
    peer_send(from, "ACK");
}

void send_on_to_d(struct peer *transferor)
{
    peer_send(transferor, "REFER\nRefer-To: <sip:1004@" KIT_DOMAIN ">");
    peer_expect(transferor, "202 REFER");
    peer_expect(transferor, "NOTIFY"); /* 100 */
    peer_send(transferor, "200 NOTIFY");
}

void expect_to_move(struct peer *kept, struct peer *target)
{
    assert_int_equal(peer_expect(kept, "INVITE")->body.n, 0);
    peer_send(kept, "200 INVITE");
    peer_expect(kept, "ACK");
    agree(target);
    agree(kept);
}

struct said said(const struct msg *m)
{
    struct said out = {.port = 0};
    struct sdp *s = calloc(1, sizeof *s);

    assert_non_null(s);
    assert_int_equal(sdp_parse(m->body, s, NULL), ERR_OK);
    assert_true(s->n_media >= 1);
    snprintf(out.host, sizeof out.host, "%.*s", SARG(s->media[0].host));
    snprintf(out.origin, sizeof out.origin, "%.*s %.*s %.*s", SARG(s->origin.user), SARG(s->origin.id), SARG(s->origin.host));
    out.port = s->media[0].port;
    out.dir = sdp_effective_dir(&s->media[0]);
    assert_int_equal(sdp_version(s, &out.version), ERR_OK);
    free(s);
    return out;
}

/* ---- attended ---- */

struct named name_of(const struct msg *response)
{
    struct named n;

    snprintf(n.call_id, sizeof n.call_id, "%.*s", SARG(msg_call_id(response)));
    snprintf(n.to, sizeof n.to, "%.*s", SARG(msg_to_tag(response)));
    snprintf(n.from, sizeof n.from, "%.*s", SARG(msg_from_tag(response)));
    return n;
}

struct named consult(struct three *t, const char *answer)
{
    struct named n;

    peer_send(t->b, "INVITE 1003");
    peer_expect(t->c, "INVITE");
    peer_send(t->c, answer);
    n = name_of(peer_expect(t->b, "200 INVITE"));
    peer_send(t->b, "ACK");
    peer_expect(t->c, "ACK");
    return n;
}

/* ---- the REFER goes end to end ---- */

struct three three_talking_in(enum dialog_mode mode)
{
    struct three t = three_begin(&(struct kit_options){.transfer = mode, .story = true});

    set_up(t.a, t.b, "INVITE 1002");
    return t;
}

void tell(struct peer *from, struct peer *to, const char *notify)
{
    pass(from, to, notify, "200 NOTIFY");
}

/* B asks, A accepts and says that it has begun. What A was asked. */
const struct msg *asked(struct three *t, const char *refer)
{
    const struct msg *m;

    peer_send(t->b, refer);
    m = peer_expect(t->a, "REFER");
    peer_send(t->a, "202 REFER");
    peer_expect(t->b, "202 REFER");
    tell(t->a, t->b, NOTIFY_TRYING);
    return m;
}

/* "486": the last NOTIFY, from A to B in the call that they have. */
void told(struct three *t, unsigned code)
{
    char text[300];

    snprintf(text, sizeof text,
             "NOTIFY\nEvent: refer\nSubscription-State: terminated;reason=noresource\nContent-Type: message/sipfrag\n\nSIP/2.0 %u %.*s\r\n",
             code, SARG(msg_reason(code)));
    peer_take_call(t->a, 2);
    peer_take_call(t->b, 2);
    tell(t->a, t->b, text);
}

/* To the end: A talks with C, B has heard so and has gone. */
void went_well(struct three *t, const char *verdict)
{
    told(t, 200);
    hang_up(t->b, t->a);
    kit_says(t->k, verdict);
    peer_take_call(t->a, 3);
    hang_up(t->a, t->c);
    kit_end(t->k);
}
