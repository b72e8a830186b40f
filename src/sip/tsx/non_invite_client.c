/* non_invite_client.c - client transaction of any other request: RFC 3261 §17.1.2 fig. 6.
 *
 * Room      sip/tsx (pure): states, timers by name, responses by class.
 * In        non_invite_client(): one event.
 * Out       actions appended to *out.
 * Touches   *t and *out, nothing else.
 * Not here  what a time-out means to a proxy (RFC 4320 §4.2: no 408; non_invite_server.c). */
#include "sip/tsx/tsx_priv.h"

static void idle(struct step *s)
{
    if (s->ev->kind != TSX_BEGIN)
        return;
    tsx_enter(s->t, TSX_TRYING);
    if (!s->t->reliable) {
        s->t->interval_ms = s->times->t1_ms;
        tsx_out_timer(s, TSX_TIMER_E, s->t->interval_ms);
    }
    tsx_out_timer(s, TSX_TIMER_F, tsx_lifetime_ms(s));
    tsx_out_do(s, TSX_DO_SEND);
}

static void response(struct step *s)
{
    if (s->ev->code < 200) { /* E and F go on: the request is repeated until a final response */
        tsx_enter(s->t, TSX_PROCEEDING);
        tsx_out_do(s, TSX_DO_TELL);
        return;
    }
    tsx_out_do(s, TSX_DO_STOP_TIMERS);
    if (s->t->reliable) { /* timer K is 0 */
        tsx_enter(s->t, TSX_TERMINATED);
        tsx_out_do(s, TSX_DO_TELL);
        tsx_out_do(s, TSX_DO_END);
        return;
    }
    tsx_enter(s->t, TSX_COMPLETED);
    tsx_out_timer(s, TSX_TIMER_K, s->times->t4_ms);
    tsx_out_do(s, TSX_DO_RELEASE);
    tsx_out_do(s, TSX_DO_TELL);
}

/* Trying and Proceeding differ in timer E alone: once a provisional response is there it is T2 (§17.1.2.2). */
static void open(struct step *s)
{
    switch (s->ev->kind) {
    case TSX_RESPONSE:
        response(s);
        break;
    case TSX_TIMER:
        if (s->ev->timer == TSX_TIMER_F) {
            tsx_out_end(s, TSX_DO_TELL_TIMEOUT);
        } else if (s->ev->timer == TSX_TIMER_E) {
            if (s->t->state == TSX_PROCEEDING)
                s->t->interval_ms = s->times->t2_ms;
            tsx_out_again(s, TSX_TIMER_E, s->times->t2_ms);
        }
        break;
    case TSX_TRANSPORT_ERROR:
        tsx_out_end(s, TSX_DO_TELL_ERROR);
        break;
    case TSX_CANCEL: /* only an INVITE can be cancelled (§9.1) */
    case TSX_BEGIN: case TSX_REQUEST: case TSX_ACK: case TSX_EVENTS:
        break;
    }
}

static void completed(struct step *s)
{
    if (s->ev->kind == TSX_TIMER && s->ev->timer == TSX_TIMER_K)
        tsx_out_end(s, TSX_DO_END); /* until then it absorbs repeated answers */
}

void non_invite_client(struct step *s)
{
    switch ((enum tsx_state)s->t->state) {
    case TSX_IDLE: idle(s); break;
    case TSX_TRYING: open(s); break;
    case TSX_PROCEEDING: open(s); break;
    case TSX_COMPLETED: completed(s); break;
    case TSX_CALLING: case TSX_ACCEPTED: case TSX_CONFIRMED: case TSX_TERMINATED: case TSX_STATES:
        break; /* not states of this machine, or over */
    }
}
