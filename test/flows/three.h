/* three.h - three phones and a transfer that the exchange executes itself, for the tests of that. */
#ifndef FLOWS_THREE_H
#define FLOWS_THREE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit.h"
#include "sdp/sdp.h"

struct three {
    struct kit  *k;
    struct peer *a, *b, *c;
};

static inline struct three begin(void)
{
    struct three t = {.k = kit_begin(NULL)};

    t.a = peer_registered(t.k, "1001");
    t.b = peer_registered(t.k, "1002");
    t.c = peer_registered(t.k, "1003");
    return t;
}

/* A calls B, and they talk. */
static inline void talk(struct three *t)
{
    peer_send(t->a, "INVITE 1002");
    peer_expect(t->b, "INVITE");
    peer_send(t->b, "200");
    peer_expect(t->a, "200 INVITE");
    peer_send(t->a, "ACK");
    peer_expect(t->b, "ACK");
}

static const char *const refer = "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN ">\nReferred-By: <sip:1002@" KIT_DOMAIN ">";

static inline void expect_notify(struct peer *b, unsigned status)
{
    const struct msg *m = peer_expect(b, "NOTIFY");
    struct sipfrag    frag;

    assert_true(slice_starts(msg_value(m, HDR_SUBSCRIPTION_STATE), S("terminated")));
    assert_int_equal(sipfrag_parse(m->body, &frag), ERR_OK);
    assert_int_equal(frag.status, status);
    peer_send(b, "200");
}

/* What is said of the sound's end in a description: address, direction, and who says so. */
struct said {
    char          host[64], origin[128];
    uint16_t      port;
    enum sdp_dir  dir;
    uint64_t      version;
};

static inline struct said said(const struct msg *m)
{
    struct said out = {.port = 0};
    struct sdp *s = calloc(1, sizeof *s);

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

/* PROTOCOL 6.2 step 1: A is asked for an offer, and its answer comes with the ACK at once. */
static inline void be_asked(struct three *t, const struct msg *m)
{
    assert_int_equal(m->body.n, 0);
    peer_send(t->a, "200 INVITE");
    if (peer_expect(t->a, "ACK")->body.n == 0)
        kit_fail(t->k, "an ACK without", "answer");
}

static inline void expect_to_be_asked(struct three *t)
{
    be_asked(t, peer_expect(t->a, "INVITE"));
}

/* Steps 2 and 3: C is rung with A's offer and answers, A is moved to it. */
static inline void ring_and_answer(struct three *t, uint64_t rings_ms)
{
    struct said a_has, c_says;

    (void)peer_expect(t->c, "INVITE");
    peer_send(t->c, "180");
    if (rings_ms)
        kit_wait_ms(t->k, rings_ms);
    peer_send(t->c, "200 INVITE");
    c_says = said(peer_expect(t->a, "INVITE"));
    a_has = c_says;
    assert_int_equal(a_has.dir, SDP_SENDRECV);
    assert_string_equal(a_has.host, peer_host(t->c)); /* sound goes straight */
    peer_send(t->a, "200 INVITE");
    peer_expect(t->a, "ACK");
    peer_expect(t->c, "ACK");
}

static inline void hang_up(struct peer *from, struct peer *to)
{
    peer_send(from, "BYE");
    peer_expect(to, "BYE");
    peer_send(to, "200 BYE");
    peer_expect(from, "200 BYE");
}

static inline void end_from_b(struct three *t)
{
    peer_send(t->b, "BYE");
    peer_expect(t->b, "200 BYE");
}

/* What B does about it: the transfer is executed up to here, and B has been told. */
static inline void execute(struct three *t, const char *answer)
{
    peer_send(t->b, refer);
    peer_expect(t->b, "202 REFER");
    peer_expect(t->a, "REFER");
    peer_send(t->a, answer);
    expect_to_be_asked(t);
    ring_and_answer(t, 0);
    expect_notify(t->b, 200);
    end_from_b(t);
}

static inline struct three executed(const char *answer)
{
    struct three t = begin();

    talk(&t);
    execute(&t, answer);
    return t;
}

#endif
