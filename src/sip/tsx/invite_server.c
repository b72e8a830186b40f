/* invite_server.c - INVITE server transaction: RFC 3261 §17.2.1 fig. 7, as amended by RFC 6026 §7.1.
 *
 * Room      sip/tsx (pure): states, timers by name, responses by class.
 * In        invite_server(): one event.
 * Out       actions appended to *out.
 * Touches   *t and *out, nothing else.
 * Not here  matching (match.c); repeating a 2xx (the user's work, RFC 3261 §13.3.1.4). */
#include "sip/tsx/tsx_priv.h"

static void idle(struct step *s)
{
    if (s->ev->kind != TSX_BEGIN)
        return;
    tsx_enter(s->t, TSX_PROCEEDING);
    tsx_out_timer(s, TSX_TIMER_TRYING, TSX_TRYING_MS);
    tsx_out_do(s, TSX_DO_TELL);
}

static void answer(struct step *s)
{
    tsx_out_do(s, TSX_DO_STOP_TIMERS);
    if (s->ev->code >= 300) {
        tsx_enter(s->t, TSX_COMPLETED);
        if (!s->t->reliable) {
            s->t->interval_ms = s->times->t1_ms;
            tsx_out_timer(s, TSX_TIMER_G, s->t->interval_ms);
        }
        tsx_out_timer(s, TSX_TIMER_H, tsx_lifetime_ms(s));
        tsx_out_do(s, TSX_DO_SEND);
    } else if (s->ev->code >= 200) { /* RFC 6026 §7.1: stays, so that the INVITE again is not taken for a new one */
        tsx_enter(s->t, TSX_ACCEPTED);
        tsx_out_timer(s, TSX_TIMER_L, tsx_lifetime_ms(s));
        tsx_out_do(s, TSX_DO_RELEASE);
        tsx_out_do(s, TSX_DO_SEND);
    } else {
        tsx_out_do(s, TSX_DO_SEND);
    }
}

static void proceeding(struct step *s)
{
    switch (s->ev->kind) {
    case TSX_REQUEST: /* the INVITE again: repeat our last answer, if there was one */
        tsx_out_do(s, TSX_DO_RESEND);
        break;
    case TSX_RESPONSE:
        answer(s);
        break;
    case TSX_TIMER:
        if (s->ev->timer == TSX_TIMER_TRYING)
            tsx_out_do(s, TSX_DO_SEND_TRYING);
        break;
    case TSX_TRANSPORT_ERROR: /* RFC 6026 §7.1: the state stays */
        tsx_out_do(s, TSX_DO_TELL_ERROR);
        break;
    case TSX_ACK: case TSX_CANCEL: case TSX_BEGIN: case TSX_EVENTS:
        break; /* an ACK before any final response acknowledges nothing */
    }
}

static void accepted(struct step *s)
{
    switch (s->ev->kind) {
    case TSX_ACK: /* of a 2xx, by a peer that uses the INVITE's branch: the user's */
        tsx_out_do(s, TSX_DO_TELL);
        break;
    case TSX_RESPONSE: /* the user repeats its 2xx, or passes on another branch's */
        if (s->ev->code >= 200 && s->ev->code < 300)
            tsx_out_do(s, TSX_DO_SEND);
        break;
    case TSX_TIMER:
        if (s->ev->timer == TSX_TIMER_L)
            tsx_out_end(s, TSX_DO_END);
        break;
    case TSX_TRANSPORT_ERROR:
        tsx_out_do(s, TSX_DO_TELL_ERROR);
        break;
    case TSX_REQUEST: /* absorbed: the user repeats the 2xx */
    case TSX_CANCEL: case TSX_BEGIN: case TSX_EVENTS:
        break;
    }
}

static void acknowledged(struct step *s)
{
    tsx_out_do(s, TSX_DO_STOP_TIMERS);
    if (s->t->reliable) { /* timer I is 0 */
        tsx_enter(s->t, TSX_TERMINATED);
        tsx_out_do(s, TSX_DO_TELL_ACKED);
        tsx_out_do(s, TSX_DO_END);
        return;
    }
    tsx_enter(s->t, TSX_CONFIRMED);
    tsx_out_timer(s, TSX_TIMER_I, s->times->t4_ms);
    tsx_out_do(s, TSX_DO_RELEASE);
    tsx_out_do(s, TSX_DO_TELL_ACKED);
}

static void completed(struct step *s)
{
    switch (s->ev->kind) {
    case TSX_REQUEST:
        tsx_out_do(s, TSX_DO_RESEND);
        break;
    case TSX_ACK:
        acknowledged(s);
        break;
    case TSX_TIMER:
        if (s->ev->timer == TSX_TIMER_G)
            tsx_out_again(s, TSX_TIMER_G, s->times->t2_ms);
        else if (s->ev->timer == TSX_TIMER_H)
            tsx_out_end(s, TSX_DO_TELL_TIMEOUT);
        break;
    case TSX_TRANSPORT_ERROR: /* G tries again; H ends it */
        tsx_out_do(s, TSX_DO_TELL_ERROR);
        break;
    case TSX_RESPONSE: case TSX_CANCEL: case TSX_BEGIN: case TSX_EVENTS:
        break; /* there is a final response already */
    }
}

static void confirmed(struct step *s)
{
    if (s->ev->kind == TSX_TIMER && s->ev->timer == TSX_TIMER_I)
        tsx_out_end(s, TSX_DO_END); /* until then it absorbs repeated ACKs */
}

void invite_server(struct step *s)
{
    switch ((enum tsx_state)s->t->state) {
    case TSX_IDLE: idle(s); break;
    case TSX_PROCEEDING: proceeding(s); break;
    case TSX_ACCEPTED: accepted(s); break;
    case TSX_COMPLETED: completed(s); break;
    case TSX_CONFIRMED: confirmed(s); break;
    case TSX_CALLING: case TSX_TRYING: case TSX_TERMINATED: case TSX_STATES:
        break; /* not states of this machine, or over */
    }
}
