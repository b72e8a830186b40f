/* own.c - what the exchange's own ends have heard, and how rows come into the store.
 *
 * Room      server/quality.
 * In        media threads, when an end closes.
 * Out       the store, behind; the log. */
#include "server/quality/quality_priv.h"

void quality_put(const struct quality *q, const struct store_quality *row)
{
    struct store_write *w = store_begin(q->store, STORE_BEHIND);
    struct log_line     l;

    if (!w)
        return;
    store_put_quality(w, row);
    store_submit(w, NULL, NULL);
    if (!log_wants(q->log, LOG_INFO))
        return;
    log_begin(&l, q->log, LOG_INFO, LOG_EVENT("call.quality"), row->call_id);
    log_text(&l, "heard_by", row->side == STORE_CALLER ? S("caller") : S("callee"));
    if (row->loss != STORE_UNKNOWN)
        log_number(&l, "loss_e4", row->loss);
    if (row->jitter_ms != STORE_UNKNOWN)
        log_number(&l, "jitter_ms", row->jitter_ms);
    if (row->mos_cq != STORE_UNKNOWN)
        log_number(&l, "mos_e2", row->mos_cq);
    log_end(&l);
}

static void put_heard(const struct quality *q, const struct sound_heard *h, const struct media_quality *m, enum store_side side)
{
    struct store_quality row = {.call_id = h->call_id, .side = side, .hearsay = side == STORE_CALLER, .at_ms = h->at_ms,
                                .codec = h->codec, .loss = m->loss, .discard = m->estimated ? STORE_UNKNOWN : m->discard,
                                .jitter_ms = m->jitter_us / 1000,
                                .round_trip_ms = m->round_trip_us ? m->round_trip_us / 1000 : STORE_UNKNOWN,
                                .mos_lq = m->mos_lq ? m->mos_lq : STORE_UNKNOWN,
                                .mos_cq = m->mos_cq ? m->mos_cq : STORE_UNKNOWN};

    if (m->known)
        quality_put(q, &row);
}

void quality_of_end(void *ctx, const struct sound_heard *h)
{
    put_heard(ctx, h, &h->here, STORE_CALLEE);
    put_heard(ctx, h, &h->there, STORE_CALLER);
}
