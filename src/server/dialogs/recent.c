/* recent.c - who has a side in a call, or had one lately: for what is told of a call after its end.
 *
 * Room      server/dialogs.
 * Touches   d->recent under d->recent_lock: a ring, the oldest makes room. Hashes stand for texts; two of one hash would be
 *           taken for one, which of 64 keyed bits is no matter. */
#include "server/dialogs/dialogs_priv.h"

void recent_note(struct dialogs *d, const struct entry *en, int64_t ended_ms)
{
    struct recent now = {en->node.hash, {en->of_side[0].hash, en->of_side[1].hash}, ended_ms};

    spin_lock(&d->recent_lock);
    d->recent[d->recent_at++ % DIALOGS_RECENT_CALLS] = now;
    spin_unlock(&d->recent_lock);
}

static unsigned sides_lately(struct dialogs *d, uint64_t call, uint64_t number, int64_t now_ms)
{
    unsigned sides = 0;

    spin_lock(&d->recent_lock);
    for (size_t i = 0; i < DIALOGS_RECENT_CALLS; i++) {
        const struct recent *c = &d->recent[i];

        for (unsigned k = 0; c->call == call && c->ended_ms + DIALOGS_RECENT_MS >= now_ms && k < 2; k++)
            sides |= (unsigned)(c->number[k] == number) << k;
    }
    spin_unlock(&d->recent_lock);
    return sides;
}

static unsigned sides_now(struct dialogs *d, struct slice call_id, struct slice number)
{
    uint32_t list[DIALOGS_MAX_OF_CALL];
    size_t   n = chain_list(d, entry_call_hash(d, call_id), list, DIALOGS_MAX_OF_CALL);
    unsigned sides = 0;

    for (size_t i = 0; i < n; i++) {
        struct dialog_record r;
        struct slot          s;

        if (entry_copy(d, (struct dialog_id){list[i], 0}, &s))
            continue;
        slot_read(&s, &r);
        for (unsigned k = 0; k < 2 && r.answered_ms && slice_eq(r.call_id, call_id); k++)
            sides |= (unsigned)slice_eq(r.side[k].number, number) << k;
    }
    return sides;
}

unsigned dialogs_sides(struct dialogs *d, struct slice call_id, struct slice number, int64_t now_ms)
{
    unsigned now = number.n ? sides_now(d, call_id, number) : 0;

    if (now || !number.n)
        return now;
    return sides_lately(d, entry_call_hash(d, call_id), entry_number_hash(d, number), now_ms);
}
