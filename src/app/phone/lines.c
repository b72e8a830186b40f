/* lines.c - several calls at one phone: one talks, the others wait; asking somebody about a call, and connecting the two.
 *
 * Room      app/phone.
 * In        commands; what calls tell.
 * Must hold p->step is what waits for silence: it is done when nothing but the call that it names talks, and forgotten when
 *           a call cannot be put on hold. */
#include <string.h>

#include "app/phone/phone_priv.h"

/* ---- one step, once the others are quiet ---- */

static bool others_talk(const struct phone *p)
{
    const unsigned but = p->step.kind == STEP_CALL ? 0 : p->step.call;

    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c))
        if (call_number(c) != but && phone_is_talking(c))
            return true;
    return false;
}

static void tell_calling(struct phone *p, const struct call *c, const struct step *step)
{
    struct phone_event e;

    event_begin(&e, "calling", c);
    event_text(&e, "to", (struct slice){step->uri, step->n});
    event_number(&e, "about", step->call);
    event_tell(p, &e);
}

static enum err make_call(struct phone *p, const struct step *step)
{
    struct call *c, *about = calls_find(p->calls, step->call);
    enum err e = phone_dial(p, &(struct phone_dial){.target = {step->uri, step->n}}, &c);
    struct phone_call *pc;

    if (e)
        return e;
    pc = call_data(c);
    if (pc && about && call_state(about) != CALL_OVER)
        pc->about = step->call;
    tell_calling(p, c, step);
    return ERR_OK;
}

static enum err do_step(struct phone *p, const struct step *step)
{
    struct call *c = calls_find(p->calls, step->call);

    switch (step->kind) {
    case STEP_ANSWER:
        return c ? call_answer(c) : ERR_NOTFOUND;
    case STEP_RESUME:
        return c ? call_resume(c) : ERR_NOTFOUND;
    case STEP_CALL:
        return make_call(p, step);
    case STEP_NONE:
        break;
    }
    return ERR_OK;
}

static void tell_failed(struct phone *p, const struct step *step, enum err why)
{
    static const char *const what[] = {"", "answer", "resume", "attend"};
    struct phone_event e;

    event_begin(&e, "failed", step->kind == STEP_CALL ? NULL : calls_find(p->calls, step->call));
    event_text(&e, "what", slice_z(what[step->kind]));
    event_text(&e, "error", slice_z(err_text(why)));
    event_tell(p, &e);
}

void lines_go_on(struct phone *p)
{
    struct step step = p->step;
    enum err e;

    if (step.kind == STEP_NONE || others_talk(p))
        return;
    p->step.kind = STEP_NONE;
    if ((e = do_step(p, &step)))
        tell_failed(p, &step, e);
}

void lines_give_up(struct phone *p, enum err why)
{
    struct step step = p->step;

    p->step.kind = STEP_NONE;
    if (step.kind != STEP_NONE)
        tell_failed(p, &step, why);
}

/* Begins it: what talks is put on hold first. Errors of what can be done at once are its answer; later ones are events. */
static enum err begin(struct phone *p, const struct step *step)
{
    unsigned but = step->kind == STEP_CALL ? 0 : step->call;
    enum err e;

    if (p->step.kind != STEP_NONE)
        return ERR_BUSY;
    p->step = *step;
    if (!others_talk(p)) {
        p->step.kind = STEP_NONE;
        return do_step(p, step);
    }
    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c))
        if (call_number(c) != but && phone_is_talking(c) && (e = call_hold(c))) {
            p->step.kind = STEP_NONE;
            return e;
        }
    return ERR_OK;
}

/* ---- what a person wants ---- */

enum err lines_take(struct phone *p, struct call *c)
{
    const struct phone_call *pc = call_data(c);
    struct step step = {.call = call_number(c)};

    if (call_state(c) == CALL_INCOMING)
        step.kind = STEP_ANSWER;
    else if (call_state(c) == CALL_TALKING && call_is_on_hold(c))
        step.kind = STEP_RESUME;
    else
        return ERR_INVALID;
    p->current = step.call;
    if (step.kind == STEP_ANSWER && pc && pc->member)
        return do_step(p, &step); /* it comes in beside those who talk */
    return begin(p, &step);
}

static bool may_be_taken(const struct call *c)
{
    return call_state(c) == CALL_INCOMING || (call_state(c) == CALL_TALKING && call_is_on_hold(c));
}

/* The newest call that can be taken, the current one last. */
enum err lines_swap(struct phone *p)
{
    struct call *best = NULL, *current = calls_find(p->calls, p->current);

    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c))
        if (c != current && may_be_taken(c))
            best = c;
    if (!best && current && may_be_taken(current))
        best = current;
    return best ? lines_take(p, best) : ERR_NOTFOUND;
}

enum err lines_attend(struct phone *p, struct slice target)
{
    struct step step = {.kind = STEP_CALL, .call = p->current};
    struct call *c = calls_find(p->calls, p->current);
    struct buf b = BUF_ON(step.uri);
    enum err e = phone_put_target(p, target, &b);

    if (e)
        return e;
    if (!c || call_state(c) != CALL_TALKING)
        return ERR_NOTFOUND;
    step.n = b.n;
    return begin(p, &step);
}

static struct call *talking(struct phone *p, unsigned number)
{
    struct call *c = calls_find(p->calls, number);

    return c && call_state(c) == CALL_TALKING ? c : NULL;
}

/* The call that was made about another (its target may still ring), and that one; else the current one and another. */
enum err lines_complete(struct phone *p)
{
    struct call *to = NULL, *from = NULL;

    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c)) {
        struct phone_call *pc = call_data(c);
        if (pc && pc->about && call_state(c) != CALL_OVER && talking(p, pc->about)) {
            to = c;
            from = talking(p, pc->about);
        }
    }
    if (!to && (to = talking(p, p->current)))
        for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c))
            if (c != to && call_state(c) == CALL_TALKING)
                from = c;
    return to && from ? call_connect(from, to) : ERR_NOTFOUND;
}

void lines_connected(struct phone *p, const struct call *first)
{
    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c)) {
        struct phone_call *pc = call_data(c);
        if (pc && pc->about == call_number(first) && call_state(c) != CALL_TALKING)
            (void)call_hang_up(c); /* or it is over already */
    }
}

/* ---- numbers that change hands ---- */

void lines_gone(struct phone *p, unsigned number)
{
    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c)) {
        struct phone_call *pc = call_data(c);
        if (pc && pc->about == number)
            pc->about = 0;
    }
}

void lines_replace(struct phone *p, struct leg_id leg, struct call *fresh)
{
    struct phone_call *mine = call_data(fresh);

    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c)) {
        struct phone_call *pc = call_data(c);
        if (c == fresh || !leg_id_eq(call_leg(c), leg))
            continue;
        if (p->current == call_number(c))
            p->current = call_number(fresh);
        if (pc && mine) {
            mine->about = pc->about;
            mine->member = pc->member;
        }
    }
}
