/* overload.h - when more is asked than can be done: how much new work is let in, and what becomes of the rest. Pure.
 *
 * One `struct overload` is one worker's: no locks, no sharing. What decides is how long messages have waited before they were
 * looked at, not how many wait: a queue that a burst has made is gone in a moment, one that stands is too much work. So (as in
 * CoDel, RFC 8289) a wait above OVERLOAD_TARGET_US counts only when it lasts for a whole OVERLOAD_INTERVAL_US.
 *
 *   CALM       every wait is short: nothing is looked at, all is let in
 *   WATCHING   the last waits were long: new work is counted, all is let in. One short wait: CALM
 *   SHEDDING   they were long for a whole interval, and did not become shorter by themselves: new work is let in at a rate, and
 *              the rest refused
 *
 * What has gathered while the machine stood still is long, too, but becomes shorter by itself, and so WATCHING goes on as long
 * as that is so, and will be over within two seconds, or within eight times the longest wait. And a wait that is long, but not by much
 * (OVERLOAD_LONG_US), is endured for a second: a worker that is nearly full takes so long to make up for a few milliseconds.
 *
 * The rate begins as what was let in during the interval before, but counts of the messages looked at only one in so many as
 * calls have: what is new brings more messages later. With a standing queue that is about what the worker can do. After each
 * interval it follows the waits in it: up while the mean is short and there was something to refuse, the more the shorter it is,
 * which tells how near to full the worker is; down while the shortest is long and does not shrink by itself, the more the longer
 * it is, but not to less than half in a second, since what was let in before shows for as long as calls last; and then
 * quickly back to near where it was. While waits are long less is let in than the rate says, down to half, until that
 * queue is gone. What was found out may be wrong, as when the machine stood still in the meantime: so the rate doubles, and goes up by
 * quarters beyond what was counted, after each interval of very short waits, from the end of the first queue to the next long
 * wait, and again when there was none for a second.
 * It is a rate and not a share, so that twice as many callers do not mean twice as much work let in until somebody notices. What is
 * being finished is let in always and counted by nobody: its cost shows in the wait.
 *
 * Refusing is work too. Up to OVERLOAD_ANSWERED times as much as is let in gets an answer, what is beyond is dropped in silence:
 * from about three times the capacity on. What was dropped comes again, so answers are owed when the rush is over: while there is
 * time to spare all get one. (RFC 6357 §5; the budget of issue and rate are the project's own.) */
#ifndef SIP_OVERLOAD_OVERLOAD_H
#define SIP_OVERLOAD_OVERLOAD_H

#include "sip/overload/feedback.h"
#include "sip/overload/glance.h"

enum {
    OVERLOAD_TARGET_US = 3000,       /* a message passes a worker twice and more before a caller hears it ring */
    OVERLOAD_LONG_US = 4 * OVERLOAD_TARGET_US,
    OVERLOAD_INTERVAL_US = 100000,   /* longer than a scheduler takes a core away, shorter than a caller notices */
    OVERLOAD_MIN_RATE = 80,          /* units a second: so much is always let in */
    OVERLOAD_FEW = 8,                /* messages in an interval, or fewer: no rush, however long they waited. A machine that
                                        sleeps is slow to wake, and then every message of a quiet day has waited */
    OVERLOAD_ANSWERED = 2,           /* refusals with an answer, as a multiple of what is let in */
    OVERLOAD_CALM_INTERVALS = 20,    /* nothing refused and no long waits for so long: it is over */
    OVERLOAD_CALL_UNITS = 4,         /* what an INVITE outside dialogs counts; anything else counts 1 */
    OVERLOAD_ALL = 1000              /* overload_share(): all is welcome */
};

enum overload_state { OVERLOAD_CALM, OVERLOAD_WATCHING, OVERLOAD_SHEDDING };

/* How much a request for something new matters. (What belongs to something in progress is not asked about.) */
enum overload_rank {
    OVERLOAD_URGENT, /* a call for help: let in whatever the rate is                                            */
    OVERLOAD_BEGUN,  /* half of it is done: it answers a challenge, or keeps a registration. Before what is new */
    OVERLOAD_NEW,
    OVERLOAD_AGAIN   /* it was turned away before. It gets the answer that it has not had, as soon as one can be given: its
                        place is taken by who comes now and is served at once                                   */
};

enum overload_verdict { OVERLOAD_LET_IN, OVERLOAD_REFUSE, OVERLOAD_DROP };

/* Zeroed: calm, and a good beginning. */
struct overload {
    enum overload_state state;
    uint64_t            until_us;     /* end of this interval                                     */
    uint64_t            shortest_us;  /* wait in it                                               */
    uint64_t            before_us;    /* shortest wait in the interval before                     */
    uint64_t            longest_us;   /* wait since they became long, ...                         */
    uint64_t            longest_at_us; /* ... and when it was seen last                           */
    uint64_t            waits_us, n;  /* all waits in it, and how many                            */
    uint64_t            mean_us;      /* of the waits in the interval before                      */
    uint64_t            began_us;     /* this interval                                            */
    uint64_t            let_in;       /* units in it                                              */
    uint64_t            turned_away;  /* likewise: refused or dropped                             */
    uint64_t            fresh;        /* of them, what had not been dropped before                */
    uint64_t            rate;         /* units a second                                           */
    uint64_t            was;          /* the rate when waits became long, or a second later, ...; at first what was counted */
    unsigned            lasts;        /* intervals in a row with long waits                       */
    unsigned            good;         /* intervals without long waits since, in which something new was turned away */
    uint64_t            filled_us;    /* up to then both allowances were filled                   */
    int64_t             allowance;    /* millionths of a unit that may be let in; < 0: a debt     */
    int64_t             answers;      /* the same: that may be refused with an answer             */
    unsigned            share;        /* thousandths of what comes now that are welcome           */
    bool                spare;        /* in the interval before nothing new was turned away, and waits were very short */
    unsigned            quiet;        /* intervals in a row with short waits and nothing turned away */
};

/* A message has come that had waited so long. True: there is something to decide, so look at what it is. */
bool overload_heard(struct overload *o, uint64_t now_us, uint64_t waited_us);

/* A request for something new. Only after overload_heard() was true. `units`: at most OVERLOAD_CALL_UNITS. */
enum overload_verdict overload_judge(struct overload *o, uint64_t now_us, enum overload_rank rank, unsigned units);

static inline bool overload_sheds(const struct overload *o) { return o->state == OVERLOAD_SHEDDING; }
/* Of what comes now, how many thousandths those should send who can be told (RFC 7339); OVERLOAD_ALL: everything. */
static inline unsigned overload_share(const struct overload *o)
{
    return overload_sheds(o) ? o->share : OVERLOAD_ALL;
}

#endif
