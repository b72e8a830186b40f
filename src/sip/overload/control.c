/* control.c - the controller: from waits to a rate, from a rate to verdicts.
 *
 * Room      sip/overload (pure).
 * In        waits, requests that ask for something new.
 * Out       verdicts.
 * Numbers   A step up is small, since what is let in now also brings work later (its answer, its end). A step down is larger, and
 *           is not taken while the queue shrinks by itself: what was decided shows only when the queue that was there is gone. */
#include "sip/overload/overload.h"

enum {
    MILLION = 1000000,
    SECOND_INTERVALS = MILLION / OVERLOAD_INTERVAL_US,
    SHARE_MIN = 10, /* thousandths; RFC 7339 clients must go on asking, or nobody would notice that it is over */
    GOOD_INTERVALS = 10, /* without long waits, and with something to refuse: what was found out before does not hold any more */
    PATIENCE_INTERVALS = SECOND_INTERVALS, /* with waits that are long, but not OVERLOAD_LONG_US */
    DRAINED_US = 2 * MILLION, /* so long a queue may take to go by itself */
    CALL_MESSAGES = 8, /* INVITE, its 180 and 200, ACK, BYE and its 200; a challenge and its ACK */
    VERY_LONG_US = 16 * OVERLOAD_TARGET_US
};

static uint64_t at_least(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How much is let in now, a second: while the queue is too long, less than can be done, so that it goes. */
static uint64_t inflow(const struct overload *o)
{
    if (o->before_us <= OVERLOAD_TARGET_US)
        return o->rate;
    return at_least(o->before_us <= OVERLOAD_LONG_US ? o->rate / 4 * 3 : o->rate / 2, OVERLOAD_MIN_RATE);
}

/* What may gather while nothing comes: an interval's worth, since a worker that was not given the core for so long has that much
 * to catch up with. */
static int64_t depth(const struct overload *o)
{
    return (int64_t)at_least(inflow(o) * OVERLOAD_INTERVAL_US, (uint64_t)OVERLOAD_CALL_UNITS * MILLION);
}

static void fill(struct overload *o, uint64_t now_us)
{
    int64_t more;

    if (now_us <= o->filled_us)
        return;
    more = (int64_t)(inflow(o) * (now_us - o->filled_us));
    o->allowance = at_most(o->allowance + more, depth(o));
    o->answers = at_most(o->answers + OVERLOAD_ANSWERED * more, OVERLOAD_ANSWERED * depth(o));
    o->filled_us = now_us;
}

static void note(struct overload *o, uint64_t now_us, uint64_t waited_us)
{
    o->waits_us += waited_us;
    o->n++;
    if (waited_us < o->shortest_us)
        o->shortest_us = waited_us;
    if (waited_us >= o->longest_us) {
        o->longest_us = waited_us;
        o->longest_at_us = now_us;
    }
}

static void begin_interval(struct overload *o, uint64_t now_us, uint64_t waited_us)
{
    o->began_us = now_us;
    o->until_us = now_us + OVERLOAD_INTERVAL_US;
    o->before_us = o->shortest_us;
    o->shortest_us = waited_us;
    o->waits_us = o->n = 0;
    o->let_in = o->turned_away = o->fresh = 0;
    note(o, now_us, waited_us);
}

/* What was let in brings more messages later: so no more than one of CALL_MESSAGES that were looked at is taken for a call that can
 * be done. `good` as if it had been so for long: this is a guess yet. */
static void begin_shedding(struct overload *o, uint64_t now_us)
{
    uint64_t time_us = at_least(now_us - o->began_us, 1), done = o->let_in * MILLION / time_us,
             calls = o->n * OVERLOAD_CALL_UNITS * MILLION / CALL_MESSAGES / time_us;

    o->state = OVERLOAD_SHEDDING;
    o->was = at_least(calls, OVERLOAD_MIN_RATE);
    o->rate = at_least(done < calls ? done : calls, OVERLOAD_MIN_RATE);
    o->lasts = 1;
    o->good = GOOD_INTERVALS;
    o->filled_us = now_us;
    o->allowance = o->answers = 0;
    o->share = OVERLOAD_ALL;
    o->quiet = 0;
}

static uint64_t step_up(const struct overload *o)
{
    bool very_short = o->mean_us < OVERLOAD_TARGET_US / 8;

    if (very_short && o->good >= GOOD_INTERVALS)
        return o->rate < o->was ? o->rate : o->rate / 4;
    if (o->rate < o->was / 4 * 3)
        return o->rate / 16;
    if (very_short)
        return o->rate / 32;
    return o->mean_us < OVERLOAD_TARGET_US / 2 ? o->rate / 64 : o->rate / 128;
}

static uint64_t step_down(const struct overload *o)
{
    if (o->shortest_us > VERY_LONG_US)
        return o->rate / 4;
    return o->shortest_us > OVERLOAD_LONG_US ? o->rate / 8 : o->rate / 16;
}

/* Some did not wait, but it may have been too much in the mean: unless that is the end of the queue that was. */
static void follow_short_wait(struct overload *o)
{
    bool end_of_queue = o->lasts > 0;

    o->lasts = 0;
    if (o->mean_us > OVERLOAD_TARGET_US / 2 * 3 && !end_of_queue) {
        o->rate = at_least(o->rate - o->rate / (o->mean_us > OVERLOAD_LONG_US ? 16 : 32), OVERLOAD_MIN_RATE);
        o->good = 0;
    } else if (o->mean_us < OVERLOAD_TARGET_US && o->fresh) {
        o->rate += at_least(step_up(o), 1);
        o->good++;
    }
}

static void follow_long_wait(struct overload *o)
{
    bool     shrinks = o->shortest_us + at_least(o->before_us / 8, OVERLOAD_TARGET_US) < o->before_us;
    uint64_t least;

    if (o->lasts == 0)
        o->good = 0;
    if (o->lasts++ % SECOND_INTERVALS == 0)
        o->was = o->rate;
    least = at_least(o->was / 2, OVERLOAD_MIN_RATE);
    if (!shrinks && o->rate > least)
        o->rate = at_least(o->rate - step_down(o), least);
}

/* Whoever throttles sends less, so what is turned away now is no measure of what they would send: the share is changed by it, and
 * not set to it. */
static void follow_load(struct overload *o)
{
    if (o->turned_away) {
        uint64_t fits = o->share * o->let_in / (o->let_in + o->turned_away);

        o->share = (unsigned)at_least((o->share + fits) / 2, SHARE_MIN);
        o->quiet = 0;
        return;
    }
    o->share += o->share / 16 + 1;
    if (o->share > OVERLOAD_ALL)
        o->share = OVERLOAD_ALL;
    o->quiet = o->shortest_us <= OVERLOAD_TARGET_US ? o->quiet + 1 : 0;
}

static void end_interval(struct overload *o, uint64_t now_us)
{
    /* Nothing has come for long: the next thing that comes finds nobody waiting. */
    if (now_us - o->until_us > (uint64_t)OVERLOAD_CALM_INTERVALS * OVERLOAD_INTERVAL_US) {
        *o = (struct overload){0};
        return;
    }
    o->mean_us = o->waits_us / o->n;
    if (o->shortest_us <= OVERLOAD_TARGET_US)
        follow_short_wait(o);
    else
        follow_long_wait(o);
    follow_load(o);
    o->spare = !o->fresh && o->mean_us < OVERLOAD_TARGET_US / 4;
    if (o->quiet >= OVERLOAD_CALM_INTERVALS)
        *o = (struct overload){0};
}

/* Since the longest wait of this queue they have become shorter by more than chance, and so much that it will be gone after DRAINED_US
 * or eight times its longest wait, whichever is later: less comes than can be done. */
static bool drains(const struct overload *o, uint64_t now_us, uint64_t waited_us)
{
    uint64_t time_us = at_least(DRAINED_US, 8 * o->longest_us), gone_us = o->longest_us * (now_us - o->longest_at_us) / time_us;

    return waited_us + gone_us + OVERLOAD_TARGET_US < o->longest_us;
}

/* A wait that a caller does not notice is endured for a while. */
static bool is_too_much(struct overload *o, uint64_t now_us, uint64_t waited_us)
{
    if (o->n <= OVERLOAD_FEW || drains(o, now_us, waited_us))
        return false;
    return waited_us > OVERLOAD_LONG_US || ++o->lasts >= PATIENCE_INTERVALS;
}

/* WATCHING: a short wait ends it, whatever came before. */
static void watch(struct overload *o, uint64_t now_us, uint64_t waited_us)
{
    if (waited_us <= OVERLOAD_TARGET_US)
        *o = (struct overload){0};
    else if (now_us < o->until_us)
        note(o, now_us, waited_us);
    else {
        if (is_too_much(o, now_us, waited_us))
            begin_shedding(o, now_us);
        begin_interval(o, now_us, waited_us);
    }
}

static void shed(struct overload *o, uint64_t now_us, uint64_t waited_us)
{
    if (now_us < o->until_us) {
        note(o, now_us, waited_us);
        return;
    }
    fill(o, now_us); /* at the rate that was */
    end_interval(o, now_us);
    if (o->state == OVERLOAD_SHEDDING)
        begin_interval(o, now_us, waited_us);
}

bool overload_heard(struct overload *o, uint64_t now_us, uint64_t waited_us)
{
    switch (o->state) {
    case OVERLOAD_CALM:
        if (waited_us <= OVERLOAD_TARGET_US)
            return false;
        o->state = OVERLOAD_WATCHING;
        o->shortest_us = 0;
        begin_interval(o, now_us, waited_us);
        break;
    case OVERLOAD_WATCHING: watch(o, now_us, waited_us); break;
    case OVERLOAD_SHEDDING: shed(o, now_us, waited_us); break;
    }
    return o->state != OVERLOAD_CALM;
}

/* How far into debt it may go: what is begun goes before what is new, but not without end. */
static bool may_enter(const struct overload *o, enum overload_rank rank)
{
    switch (rank) {
    case OVERLOAD_URGENT: return true;
    case OVERLOAD_BEGUN: return o->allowance > -depth(o);
    case OVERLOAD_NEW: break;
    case OVERLOAD_AGAIN: return false;
    }
    return o->allowance > 0;
}

enum overload_verdict overload_judge(struct overload *o, uint64_t now_us, enum overload_rank rank, unsigned units)
{
    int64_t cost = (int64_t)units * MILLION;

    if (o->state == OVERLOAD_SHEDDING) {
        fill(o, now_us);
        if (!may_enter(o, rank)) {
            o->turned_away += units;
            o->fresh += rank == OVERLOAD_AGAIN ? 0 : units;
            if (o->answers <= 0 && !o->spare)
                return OVERLOAD_DROP;
            o->answers -= cost;
            return OVERLOAD_REFUSE;
        }
        o->allowance -= cost;
    }
    o->let_in += units;
    return OVERLOAD_LET_IN;
}
