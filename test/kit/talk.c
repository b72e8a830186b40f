/* talk.c - the steps that most call flows have in common. */
#include "kit/talk.h"

#include <stdio.h>
#include <string.h>

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

void refuse(struct peer *callee, struct peer *caller, const char *response)
{
    char status[4];

    snprintf(status, sizeof status, "%.3s", response);
    peer_send(callee, response);
    peer_expect(callee, "ACK");
    peer_expect(caller, status);
    peer_send(caller, "ACK");
}

void pass(struct peer *from, struct peer *to, const char *request, const char *response)
{
    char method[16], status[4];

    snprintf(method, sizeof method, "%.*s", (int)strcspn(request, " \n"), request);
    snprintf(status, sizeof status, "%.3s", response);
    peer_send(from, request);
    peer_expect(to, method);
    peer_send(to, response);
    peer_expect(from, status);
}

void hang_up(struct peer *from, struct peer *to)
{
    pass(from, to, "BYE", "200 BYE");
}
