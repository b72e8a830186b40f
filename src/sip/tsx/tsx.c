/* tsx.c - picks the machine, and writes the list of actions.
 *
 * Room      sip/tsx (pure).
 * In        tsx_handle(): one event, from the stack only.
 * Out       actions appended to *out; the stack carries them out.
 * Touches   *t and *out, nothing else.
 * Not here  the machines (one file each); matching (match.c). */
#include "sip/tsx/tsx_priv.h"

#include <assert.h>

void tsx_init(struct tsx *t, enum tsx_kind kind, bool reliable)
{
    *t = (struct tsx){.kind = (uint8_t)kind, .reliable = reliable};
    tsx_enter(t, TSX_IDLE);
}

void tsx_handle(struct tsx *t, const struct tsx_times *times, const struct tsx_event *ev, struct tsx_out *out)
{
    struct step s = {t, times, ev, out};

    out->n = 0;
    switch ((enum tsx_kind)t->kind) {
    case TSX_INVITE_CLIENT: invite_client(&s); break;
    case TSX_NON_INVITE_CLIENT: non_invite_client(&s); break;
    case TSX_INVITE_SERVER: invite_server(&s); break;
    case TSX_NON_INVITE_SERVER: non_invite_server(&s); break;
    }
}

void tsx_enter(struct tsx *t, enum tsx_state state)
{
    t->state = (uint8_t)state;
}

void tsx_out_do(struct step *s, enum tsx_do what)
{
    assert(s->out->n < TSX_MAX_ACTIONS);
    s->out->action[s->out->n++] = (struct tsx_action){.what = what};
}

void tsx_out_timer(struct step *s, enum tsx_timer timer, uint32_t ms)
{
    tsx_out_do(s, TSX_DO_SET_TIMER);
    s->out->action[s->out->n - 1].timer = timer;
    s->out->action[s->out->n - 1].ms = ms;
}

void tsx_out_end(struct step *s, enum tsx_do tell)
{
    tsx_out_do(s, TSX_DO_STOP_TIMERS);
    if (tell != TSX_DO_END)
        tsx_out_do(s, tell);
    tsx_enter(s->t, TSX_TERMINATED);
    tsx_out_do(s, TSX_DO_END);
}

void tsx_out_again(struct step *s, enum tsx_timer timer, uint32_t max_ms)
{
    uint32_t now = s->t->interval_ms;

    tsx_out_do(s, TSX_DO_RESEND);
    s->t->interval_ms = now < max_ms / 2 ? now * 2 : max_ms;
    tsx_out_timer(s, timer, s->t->interval_ms);
}

uint32_t tsx_lifetime_ms(const struct step *s)
{
    return TSX_LIFETIMES * s->times->t1_ms;
}

enum tsx_timer_class tsx_timer_class(enum tsx_timer timer)
{
    return timer <= TSX_TIMER_TRYING ? TSX_TIMER_AGAIN : TSX_TIMER_LIFE;
}

uint32_t tsx_late_trying_ms(const struct tsx_times *times)
{
    uint32_t at = 0;

    for (uint32_t interval = times->t1_ms; interval && interval < times->t2_ms; interval *= 2)
        at += interval;
    return at;
}

struct slice tsx_state_name(enum tsx_state s)
{
    switch (s) {
    case TSX_IDLE: return S("idle");
    case TSX_CALLING: return S("calling");
    case TSX_TRYING: return S("trying");
    case TSX_PROCEEDING: return S("proceeding");
    case TSX_ACCEPTED: return S("accepted");
    case TSX_COMPLETED: return S("completed");
    case TSX_CONFIRMED: return S("confirmed");
    case TSX_TERMINATED: return S("terminated");
    case TSX_STATES: break;
    }
    return S("none");
}
