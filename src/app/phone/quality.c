/* quality.c - how the ends of a call hear each other, as an event.
 *
 * Room      app/phone.
 * Out       event "call-quality". */
#include "app/phone/phone_priv.h"

static void add_here(struct phone_event *e, const struct media_quality *q)
{
    event_hundredths(e, "mos", q->mos_cq);
    event_hundredths(e, "mos_listening", q->mos_lq);
    event_number(e, "r", q->r);
    event_hundredths(e, "loss", q->loss);
    event_hundredths(e, "discard", q->discard);
    event_millis(e, "jitter", q->jitter_us / 1000);
    event_millis(e, "delay", q->end_delay_ms);
    event_hundredths(e, "burst", q->burst);
    event_millis(e, "burst_length", q->burst_ms);
    event_millis(e, "gap_length", q->gap_ms);
}

static void add_there(struct phone_event *e, const struct media_quality *q)
{
    event_hundredths(e, "far_mos", q->mos_cq);
    event_hundredths(e, "far_mos_listening", q->mos_lq);
    event_hundredths(e, "far_loss", q->loss);
    event_millis(e, "far_jitter", q->jitter_us / 1000);
    if (q->estimated)
        event_bool(e, "far_estimated", true);
    else
        event_hundredths(e, "far_discard", q->discard);
}

bool phone_tell_quality(struct phone *p, const struct call *c, const struct media_quality *here, const struct media_quality *there)
{
    uint32_t trip_us = here->known ? here->round_trip_us : there->round_trip_us;
    struct phone_event e;

    if (!here->known && !there->known)
        return false;
    event_begin(&e, "call-quality", c);
    if (here->known)
        add_here(&e, here);
    if (trip_us)
        event_millis(&e, "round_trip", trip_us / 1000);
    if (there->known)
        add_there(&e, there);
    event_tell(p, &e);
    return true;
}
