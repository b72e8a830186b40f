/* pace.c - when what begins: an open loop, in which work is begun by the clock and not by the server's answers.
 *
 * Room      app/load.
 * In        the clock; ends of what was begun.
 * Out       registrations, calls, INFOs; the run's end. */
#include <assert.h>

#include "app/load/load_priv.h"

enum {
    STEP_US = 1000,
    REGISTERS_S = 60,        /* so long it asks again where it is refused by 503 */
    REGISTERS_AT_ONCE = 100, /* while it is prepared: what a server can take is not known yet */
    CALLS_AT_ONCE = 50
};

static void step(void *arg);

static void again(struct load *l)
{
    net_timer_set(l->net, &l->pace, net_now_us(l->net) + STEP_US);
}

static void enter(struct load *l, enum load_phase phase)
{
    l->phase = phase;
    l->phase_us = net_now_us(l->net);
    l->begun = 0;
    if (phase == PHASE_WORK)
        figures_measure(l, &l->from);
    else if (phase == PHASE_DRAIN)
        figures_measure(l, &l->work_end);
    else if (phase == PHASE_OVER)
        figures_measure(l, &l->to);
}

static enum load_phase after_registers(const struct load *l)
{
    return l->o.kind == LOAD_WITHIN ? PHASE_HOLD : PHASE_WORK;
}

void pace_begin(struct load *l)
{
    l->pace.fire = step;
    l->pace.arg = l;
    figures_measure(l, &l->start);
    enter(l, l->o.relay ? after_registers(l) : l->o.kind == LOAD_REGISTER ? PHASE_WORK : PHASE_REGISTER);
    again(l);
}

void pace_ended(struct load *l, bool measured, const char *cause)
{
    if (l->phase == PHASE_OVER) /* it has been counted as not ended */
        return;
    assert(l->out);
    l->out--;
    if (cause)
        figures_cause(&l->figures, cause);
    if (measured && cause)
        l->figures.failed++;
    else if (measured)
        l->figures.done++;
    else if (cause && l->phase < PHASE_WORK)
        load_stop(l, l->phase == PHASE_REGISTER ? "the phones could not register" : "the calls could not be set up");
}

/* ---- what is prepared ---- */

void pace_registered(struct load *l, struct load_phone *p)
{
    l->n_registered += !p->registered;
    p->registered = true;
}

/* 503 is no failure while nothing is measured: it may be a small server, and all these phones come at once. */
bool pace_later(struct load *l, const struct msg *refusal)
{
    uint64_t           now = net_now_us(l->net);
    struct retry_after wait = {0};

    if (l->phase != PHASE_REGISTER || refusal->status != 503 || now > l->phase_us + (uint64_t)REGISTERS_S * 1000000)
        return false;
    (void)msg_retry_after(refusal, &wait);
    l->not_before_us = now + 1000000 * (uint64_t)(wait.seconds < 1 ? 1 : wait.seconds > REGISTERS_S ? REGISTERS_S : wait.seconds);
    l->out--;
    return true;
}

static void prepare_registers(struct load *l)
{
    while (!l->broken && l->n_registered + l->out < l->o.n_users && l->out < REGISTERS_AT_ONCE && net_now_us(l->net) >= l->not_before_us) {
        struct load_phone *p = load_phone_next(l);

        if (p->registered || p->busy)
            continue;
        l->begun++;
        l->out++;
        if (!load_phone_register(p, LOAD_PHONE_PREPARES)) {
            l->out--;
            load_stop(l, "there is no memory for so many phones");
            return;
        }
    }
    if (l->n_registered == l->o.n_users && !l->out)
        enter(l, after_registers(l));
}

static bool begin_call(struct load *l, bool held)
{
    struct call_plan plan = {.from = load_phone_next(l), .measured = !held, .held = held, .watcher = l->o.kind == LOAD_SUBSCRIBE};

    plan.to = load_phone_next(l);
    if (plan.to == plan.from)
        plan.to = load_phone_next(l);
    return caller_begin(l, &plan);
}

static void prepare_calls(struct load *l)
{
    while (!l->broken && l->begun < l->o.held && l->out < CALLS_AT_ONCE) {
        l->begun++;
        l->out++;
        if (!begin_call(l, true)) {
            l->out--;
            load_stop(l, "there is no memory for so many calls");
            return;
        }
    }
    if (l->begun == l->o.held && !l->out)
        enter(l, PHASE_WORK);
}

/* ---- work ---- */

static bool begin_within(struct load *l)
{
    for (size_t i = 0; i < l->n_held; i++) { /* the next one that is not asking just now */
        struct end *e = l->held[l->next_held++ % l->n_held];

        if (!e->asking)
            return !stack_run(l->stack, 0, shard_index(e->sh), caller_info, e);
    }
    return false;
}

static void begin_one(struct load *l)
{
    bool begun;

    l->out++;
    l->begun++;
    l->figures.offered++;
    switch (l->o.kind) {
    case LOAD_REGISTER:
    case LOAD_REFRESH:
        begun = load_phone_register(load_phone_next(l), LOAD_PHONE_WORKS);
        break;
    case LOAD_WITHIN:
        begun = begin_within(l);
        break;
    default:
        begun = begin_call(l, false);
        break;
    }
    if (!begun)
        pace_ended(l, true, "not begun: too few phones or calls for that rate, or no memory");
}

/* How many should have begun after so long: the integral of a rate that stays, or rises evenly. */
static uint64_t due(const struct load *l, uint64_t us)
{
    double s = (double)us / 1e6, all = (double)l->o.seconds;
    double rise = l->o.ramp_to ? ((double)l->o.ramp_to - (double)l->o.rate) / all : 0;

    return (uint64_t)((double)l->o.rate * s + rise * s * s / 2);
}

static void work(struct load *l)
{
    uint64_t us = net_now_us(l->net) - l->phase_us, all_us = (uint64_t)l->o.seconds * 1000000, late_us;
    uint64_t wanted = due(l, us < all_us ? us : all_us);

    for (unsigned i = 0; i < LOAD_MAX_BEHIND && l->begun < wanted; i++)
        begin_one(l);
    late_us = (wanted - l->begun) * 1000000 / l->o.rate;
    if (late_us > l->latest_us)
        l->latest_us = late_us;
    if (us >= all_us && l->begun >= wanted)
        enter(l, PHASE_DRAIN);
}

/* ---- the end ---- */

static void drain(struct load *l)
{
    uint64_t us = net_now_us(l->net) - l->phase_us;

    while (l->n_held) {
        struct end *e = l->held[--l->n_held];

        l->out++;
        if (stack_run(l->stack, 0, shard_index(e->sh), caller_hang_up, e))
            l->out--;
    }
    if (l->out && us < ((uint64_t)l->o.ring_ms + 2 * l->o.hold_ms + 1000 * (uint64_t)l->o.drain_s) * 1000)
        return;
    for (; l->out; l->out--) {
        l->figures.failed++;
        figures_cause(&l->figures, "not ended");
    }
    enter(l, PHASE_OVER);
    load_stop(l, NULL);
}

void pace_stop(struct load *l)
{
    figures_measure(l, &l->to);
    if (l->phase == PHASE_WORK)
        l->work_end = l->to;
    load_stop(l, NULL);
}

static void step(void *arg)
{
    struct load *l = arg;

    switch (l->phase) {
    case PHASE_REGISTER:
        prepare_registers(l);
        break;
    case PHASE_HOLD:
        prepare_calls(l);
        break;
    case PHASE_WORK:
        work(l);
        break;
    case PHASE_DRAIN:
        drain(l);
        break;
    case PHASE_OVER:
        return;
    }
    again(l);
}
