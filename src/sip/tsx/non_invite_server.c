/* non_invite_server.c - server transaction of any other request: RFC 3261 §17.2.2 fig. 8, as amended by RFC 4320.
 *
 * Room      sip/tsx (pure): states, timers by name, responses by class.
 * In        non_invite_server(): one event.
 * Out       actions appended to *out.
 * Touches   *t and *out, nothing else.
 * RFC 4320  no 1xx but 100; by an unreliable transport no early 100; a 100 when it gets late (§4.1); never a 408, and no
 *           answer at all once the client has given up (§4.2). */
#include "sip/tsx/tsx_priv.h"

static void idle(struct step *s)
{
    if (s->ev->kind != TSX_BEGIN)
        return;
    tsx_enter(s->t, TSX_TRYING);
    tsx_out_timer(s, TSX_TIMER_TRYING, tsx_late_trying_ms(s->times));
    tsx_out_timer(s, TSX_TIMER_EXPIRE, tsx_lifetime_ms(s));
    tsx_out_do(s, TSX_DO_TELL);
}

static void final(struct step *s)
{
    bool late = s->ev->code == 408; /* the client has given up by now: silence */

    if (s->t->reliable) { /* timer J is 0 */
        tsx_out_do(s, TSX_DO_STOP_TIMERS);
        if (!late)
            tsx_out_do(s, TSX_DO_SEND);
        tsx_enter(s->t, TSX_TERMINATED);
        tsx_out_do(s, TSX_DO_END);
        return;
    }
    tsx_enter(s->t, TSX_COMPLETED);
    tsx_out_do(s, TSX_DO_STOP_TIMERS);
    tsx_out_timer(s, TSX_TIMER_J, tsx_lifetime_ms(s));
    tsx_out_do(s, late ? TSX_DO_RELEASE : TSX_DO_SEND);
}

static void trying(struct step *s)
{
    switch (s->ev->kind) {
    case TSX_RESPONSE:
        if (s->ev->code >= 200) {
            final(s);
        } else if (s->ev->code == 100 && s->t->reliable) {
            tsx_enter(s->t, TSX_PROCEEDING);
            tsx_out_do(s, TSX_DO_SEND);
        }
        break;
    case TSX_TIMER:
        if (s->ev->timer == TSX_TIMER_TRYING) {
            tsx_enter(s->t, TSX_PROCEEDING);
            tsx_out_do(s, TSX_DO_SEND_TRYING);
        } else if (s->ev->timer == TSX_TIMER_EXPIRE) {
            tsx_out_end(s, TSX_DO_END);
        }
        break;
    case TSX_REQUEST: /* discarded (§17.2.2) */
    case TSX_TRANSPORT_ERROR: /* nothing was sent */
    case TSX_ACK: case TSX_CANCEL: case TSX_BEGIN: case TSX_EVENTS:
        break;
    }
}

static void proceeding(struct step *s)
{
    switch (s->ev->kind) {
    case TSX_REQUEST:
        tsx_out_do(s, TSX_DO_RESEND);
        break;
    case TSX_RESPONSE:
        if (s->ev->code >= 200)
            final(s);
        else if (s->ev->code == 100)
            tsx_out_do(s, TSX_DO_SEND);
        break;
    case TSX_TIMER:
        if (s->ev->timer == TSX_TIMER_EXPIRE)
            tsx_out_end(s, TSX_DO_END);
        break;
    case TSX_TRANSPORT_ERROR: /* as for INVITE by RFC 6026: ended, it would take the next copy for a new request */
        tsx_out_do(s, TSX_DO_TELL_ERROR);
        break;
    case TSX_ACK: case TSX_CANCEL: case TSX_BEGIN: case TSX_EVENTS:
        break;
    }
}

static void completed(struct step *s)
{
    switch (s->ev->kind) {
    case TSX_REQUEST:
        tsx_out_do(s, TSX_DO_RESEND);
        break;
    case TSX_TIMER:
        if (s->ev->timer == TSX_TIMER_J)
            tsx_out_end(s, TSX_DO_END);
        break;
    case TSX_TRANSPORT_ERROR:
        tsx_out_do(s, TSX_DO_TELL_ERROR);
        break;
    case TSX_RESPONSE: /* another final response is discarded (§17.2.2) */
    case TSX_ACK: case TSX_CANCEL: case TSX_BEGIN: case TSX_EVENTS:
        break;
    }
}

void non_invite_server(struct step *s)
{
    switch ((enum tsx_state)s->t->state) {
    case TSX_IDLE: idle(s); break;
    case TSX_TRYING: trying(s); break;
    case TSX_PROCEEDING: proceeding(s); break;
    case TSX_COMPLETED: completed(s); break;
    case TSX_CALLING: case TSX_ACCEPTED: case TSX_CONFIRMED: case TSX_TERMINATED: case TSX_STATES:
        break; /* not states of this machine, or over */
    }
}
