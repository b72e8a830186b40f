/* invite_client.c - INVITE client transaction: RFC 3261 §17.1.1 fig. 5, as amended by RFC 6026 §7.2; CANCEL by §9.1.
 *
 * Room      sip/tsx (pure): states, timers by name, responses by class.
 * In        invite_client(): one event.
 * Out       actions appended to *out.
 * Touches   *t and *out, nothing else.
 * Not here  the octets of INVITE, ACK and CANCEL (sip/stack); the ACK of a 2xx (the user's, §13.2.2.4). */
#include "sip/tsx/tsx_priv.h"

static void idle(struct step *s)
{
    if (s->ev->kind != TSX_BEGIN)
        return;
    tsx_enter(s->t, TSX_CALLING);
    if (!s->t->reliable) {
        s->t->interval_ms = s->times->t1_ms;
        tsx_out_timer(s, TSX_TIMER_A, s->t->interval_ms);
    }
    tsx_out_timer(s, TSX_TIMER_B, tsx_lifetime_ms(s));
    tsx_out_do(s, TSX_DO_SEND);
}

/* §9.1: now that a provisional response is there it may go; and if no final response comes, the INVITE is given up. */
static void cancel_now(struct step *s)
{
    s->t->cancel = TSX_CANCEL_SENT;
    tsx_out_timer(s, TSX_TIMER_CANCEL, tsx_lifetime_ms(s));
    tsx_out_do(s, TSX_DO_SEND_CANCEL);
}

static void final(struct step *s)
{
    tsx_out_do(s, TSX_DO_STOP_TIMERS);
    if (s->ev->code < 300) { /* RFC 6026 §7.2: stays, so that every further 2xx reaches the user */
        tsx_enter(s->t, TSX_ACCEPTED);
        tsx_out_timer(s, TSX_TIMER_M, tsx_lifetime_ms(s));
        tsx_out_do(s, TSX_DO_RELEASE);
        tsx_out_do(s, TSX_DO_TELL);
        return;
    }
    tsx_out_do(s, TSX_DO_SEND_ACK);
    if (s->t->reliable) { /* timer D is 0: nothing will be repeated */
        tsx_enter(s->t, TSX_TERMINATED);
        tsx_out_do(s, TSX_DO_TELL);
        tsx_out_do(s, TSX_DO_END);
        return;
    }
    tsx_enter(s->t, TSX_COMPLETED);
    tsx_out_timer(s, TSX_TIMER_D, tsx_lifetime_ms(s) > TSX_MIN_D_MS ? tsx_lifetime_ms(s) : TSX_MIN_D_MS);
    tsx_out_do(s, TSX_DO_TELL);
}

static void response(struct step *s)
{
    if (s->ev->code >= 200) {
        final(s);
        return;
    }
    if (s->t->state == TSX_CALLING) {
        tsx_enter(s->t, TSX_PROCEEDING);
        tsx_out_do(s, TSX_DO_STOP_TIMERS);
    }
    if (s->t->cancel == TSX_CANCEL_WANTED)
        cancel_now(s);
    tsx_out_do(s, TSX_DO_TELL);
}

static void calling(struct step *s)
{
    switch (s->ev->kind) {
    case TSX_RESPONSE:
        response(s);
        break;
    case TSX_TIMER:
        if (s->ev->timer == TSX_TIMER_A)
            tsx_out_again(s, TSX_TIMER_A, UINT32_MAX); /* doubles without bound: B ends it */
        else if (s->ev->timer == TSX_TIMER_B)
            tsx_out_end(s, TSX_DO_TELL_TIMEOUT);
        break;
    case TSX_TRANSPORT_ERROR:
        tsx_out_end(s, TSX_DO_TELL_ERROR);
        break;
    case TSX_CANCEL: /* §9.1: not before a provisional response */
        s->t->cancel = TSX_CANCEL_WANTED;
        break;
    case TSX_BEGIN: case TSX_REQUEST: case TSX_ACK: case TSX_EVENTS:
        break; /* not a client's in this state */
    }
}

static void proceeding(struct step *s)
{
    switch (s->ev->kind) {
    case TSX_RESPONSE:
        response(s);
        break;
    case TSX_CANCEL:
        if (s->t->cancel != TSX_CANCEL_SENT)
            cancel_now(s);
        break;
    case TSX_TIMER:
        if (s->ev->timer == TSX_TIMER_CANCEL)
            tsx_out_end(s, TSX_DO_TELL_TIMEOUT);
        break;
    case TSX_TRANSPORT_ERROR: /* nothing is being sent; the answer may come by another connection (§18.2.2) */
    case TSX_BEGIN: case TSX_REQUEST: case TSX_ACK: case TSX_EVENTS:
        break;
    }
}

static void accepted(struct step *s)
{
    switch (s->ev->kind) {
    case TSX_RESPONSE: /* 1xx and 3xx-6xx that come late are dropped (RFC 6026 fig. 3) */
        if (s->ev->code >= 200 && s->ev->code < 300)
            tsx_out_do(s, TSX_DO_TELL);
        break;
    case TSX_TIMER:
        if (s->ev->timer == TSX_TIMER_M)
            tsx_out_end(s, TSX_DO_END);
        break;
    case TSX_TRANSPORT_ERROR: case TSX_CANCEL: /* too late to cancel (§9.1) */
    case TSX_BEGIN: case TSX_REQUEST: case TSX_ACK: case TSX_EVENTS:
        break;
    }
}

static void completed(struct step *s)
{
    switch (s->ev->kind) {
    case TSX_RESPONSE: /* the server has not heard our ACK */
        if (s->ev->code >= 300)
            tsx_out_do(s, TSX_DO_RESEND);
        break;
    case TSX_TIMER:
        if (s->ev->timer == TSX_TIMER_D)
            tsx_out_end(s, TSX_DO_END);
        break;
    case TSX_TRANSPORT_ERROR:
        /* The user has its answer; that our ACK cannot leave changes nothing for it. Fig. 5 ends the transaction; the
         * lingering would only repeat what cannot be sent. */
        tsx_out_end(s, TSX_DO_END);
        break;
    case TSX_CANCEL: case TSX_BEGIN: case TSX_REQUEST: case TSX_ACK: case TSX_EVENTS:
        break;
    }
}

void invite_client(struct step *s)
{
    switch ((enum tsx_state)s->t->state) {
    case TSX_IDLE: idle(s); break;
    case TSX_CALLING: calling(s); break;
    case TSX_PROCEEDING: proceeding(s); break;
    case TSX_ACCEPTED: accepted(s); break;
    case TSX_COMPLETED: completed(s); break;
    case TSX_TRYING: case TSX_CONFIRMED: case TSX_TERMINATED: case TSX_STATES:
        break; /* not states of this machine, or over */
    }
}
