/* conference.c - three and more talk: the phone mixes its calls (the guide's flow 11). No SIP message says so: there are but
 * calls, each of them taken back from hold.
 *
 * Room      app/phone.
 * In        commands; calls that end or take another's place.
 * Out       event "conference", with who is in it, after each change. */
#include "app/phone/phone_priv.h"

static unsigned count(struct phone *p, bool (*counts)(const struct call *c))
{
    unsigned n = 0;

    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c))
        n += counts(c);
    return n;
}

static bool talks(const struct call *c) { return call_state(c) == CALL_TALKING; }

static void tell(struct phone *p)
{
    char room[16 * PHONE_MAX_CALLS];
    struct buf b = BUF_ON(room);
    struct phone_event e;

    buf_putc(&b, '[');
    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c)) {
        if (!call_is_joined(c))
            continue;
        if (b.n > 1)
            buf_putc(&b, ',');
        buf_putu(&b, call_number(c));
    }
    buf_putc(&b, ']');
    event_begin(&e, "conference", NULL);
    event_json(&e, "calls", buf_slice(&b));
    event_tell(p, &e);
}

static void set_member(struct call *c, bool member)
{
    struct phone_call *pc = call_data(c);

    if (pc)
        pc->member = member;
}

/* Whoever is on hold, by us, is taken back: what goes wrong with that is told by the call. */
enum err lines_conference(struct phone *p)
{
    enum err e;

    if (count(p, talks) < 2)
        return ERR_NOTFOUND;
    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c)) {
        if (!talks(c))
            continue;
        if ((e = call_join(c)) || (call_is_on_hold(c) && (e = call_resume(c))))
            return e;
        set_member(c, true);
    }
    tell(p);
    return ERR_OK;
}

/* The current call goes on, the others are put on hold. */
enum err lines_split(struct phone *p)
{
    enum err e = ERR_OK;

    if (!count(p, call_is_joined))
        return ERR_NOTFOUND;
    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c)) {
        if (!call_is_joined(c))
            continue;
        call_part(c);
        set_member(c, false);
        if (call_number(c) != p->current && !call_is_on_hold(c) && !e)
            e = call_hold(c);
    }
    tell(p);
    return e;
}

/* In it, or on the way there: called in the place of a member. */
static bool belongs(const struct call *c)
{
    const struct phone_call *pc = call_data(c);

    return pc && pc->member && call_state(c) != CALL_OVER;
}

void lines_member_gone(struct phone *p, const struct call *gone)
{
    const struct phone_call *pc = call_data(gone);
    const bool alone = count(p, belongs) == 1, was_there = count(p, call_is_joined) > 0;

    if (!pc || !pc->member)
        return;
    for (struct call *c = calls_first(p->calls); c && alone; c = calls_next(p->calls, c)) {
        call_part(c);
        set_member(c, false);
    }
    if (was_there)
        tell(p);
}

void lines_join(struct phone *p, struct leg_id leg, struct call *fresh)
{
    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c))
        if (c != fresh && leg_id_eq(call_leg(c), leg)) {
            set_member(c, true);
            set_member(fresh, true);
        }
}

/* All that belong are in it then. */
void lines_take_part(struct phone *p, struct call *c)
{
    bool more = false;

    if (!belongs(c))
        return;
    for (struct call *other = calls_first(p->calls); other; other = calls_next(p->calls, other))
        if (belongs(other) && !call_is_joined(other) && talks(other))
            more = !call_join(other) || more;
    if (more)
        tell(p);
}
