/* talk.c - the steps that most call flows have in common. */
#include "kit/talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct two two_begin(const struct kit_options *o)
{
    struct two t = {.k = kit_begin(o)};

    t.alice = peer_registered(t.k, "alice");
    t.bob = peer_registered(t.k, "bob");
    return t;
}

void answer(struct peer *callee, struct peer *caller)
{
    peer_send(callee, "200 INVITE");
    peer_expect(caller, "200 INVITE");
    peer_send(caller, "ACK");
    peer_expect(callee, "ACK");
}

void set_up_at_once(struct peer *caller, struct peer *callee, const char *invite)
{
    peer_send(caller, invite);
    peer_expect(callee, "INVITE");
    answer(callee, caller);
}

void set_up(struct peer *caller, struct peer *callee, const char *invite)
{
    peer_send(caller, invite);
    peer_expect(callee, "INVITE");
    peer_send(callee, "180");
    peer_expect(caller, "180");
    answer(callee, caller);
}

void decline(struct peer *callee, const char *response)
{
    peer_send(callee, response);
    peer_expect(callee, "ACK");
}

void refused(struct peer *caller, const char *status)
{
    peer_expect(caller, status);
    peer_send(caller, "ACK");
}

void refuse(struct peer *callee, struct peer *caller, const char *response)
{
    char status[4];

    snprintf(status, sizeof status, "%.3s", response);
    decline(callee, response);
    refused(caller, status);
}

void cancelled(struct peer *callee)
{
    peer_expect(callee, "CANCEL");
    peer_send(callee, "200 CANCEL");
    decline(callee, "487 INVITE");
}

void pass(struct peer *from, struct peer *to, const char *request, const char *response)
{
    char method[16], answer[24];

    snprintf(method, sizeof method, "%.*s", (int)strcspn(request, " \n"), request);
    snprintf(answer, sizeof answer, "%.3s %s", response, method);
    peer_send(from, request);
    peer_expect(to, method);
    peer_send(to, response);
    peer_expect(from, answer);
}

void hang_up(struct peer *from, struct peer *to)
{
    pass(from, to, "BYE", "200 BYE");
}

/* ---- where the other end is the exchange itself ---- */

void agree(struct peer *p)
{
    peer_expect(p, "INVITE");
    peer_send(p, "200 INVITE");
    peer_expect(p, "ACK");
}

const struct msg *dial(struct peer *p, const char *invite)
{
    const struct msg *m;

    peer_send(p, invite);
    m = peer_expect(p, "200 INVITE");
    peer_send(p, "ACK");
    return m;
}

void leave(struct peer *p)
{
    peer_send(p, "BYE");
    peer_expect(p, "200 BYE");
}

void put_out(struct peer *p)
{
    peer_expect(p, "BYE");
    peer_send(p, "200 BYE");
}

uint32_t cseq_of(const struct msg *m)
{
    struct cseq cseq;

    assert_int_equal(msg_cseq(m, &cseq), ERR_OK);
    return cseq.number;
}
