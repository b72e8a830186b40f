/* idle.c - since when a number has had no call.
 *
 * Room      server/dialogs.
 * Touches   d->idle under d->idle_lock. Two numbers of one hash would be taken for one: of 64 bits that is no matter here,
 *           where the worst is that a phone rings a little later. */
#include "server/dialogs/dialogs_priv.h"

struct idle *idle_set(struct dialogs *d, uint64_t hash)
{
    return d->idle[hash >> 32 & (IDLE_SETS - 1)];
}

void idle_note(struct dialogs *d, uint64_t hash, int64_t ended_ms)
{
    struct idle *set = idle_set(d, hash), *to = &set[0];

    if (!hash)
        return;
    spin_lock(&d->idle_lock);
    for (int i = 0; i < IDLE_WAYS; i++) {
        if (set[i].ended_ms && set[i].hash == hash) {
            to = &set[i];
            break;
        }
        if (set[i].ended_ms < to->ended_ms)
            to = &set[i];
    }
    if (to->ended_ms < ended_ms) {
        to->hash = hash;
        to->ended_ms = ended_ms;
    }
    spin_unlock(&d->idle_lock);
}

int64_t dialogs_idle_since(struct dialogs *d, struct slice number)
{
    uint64_t           hash = entry_number_hash(d, number);
    const struct idle *set = idle_set(d, hash);
    int64_t            since = 0;

    spin_lock(&d->idle_lock);
    for (int i = 0; i < IDLE_WAYS; i++)
        if (set[i].ended_ms && set[i].hash == hash)
            since = set[i].ended_ms;
    spin_unlock(&d->idle_lock);
    return since;
}

static bool load_cdr(void *arg, const struct store_cdr *c)
{
    if (c->answered_ms) {
        idle_note(arg, entry_number_hash(arg, c->caller), c->ended_ms);
        idle_note(arg, entry_number_hash(arg, c->callee), c->ended_ms);
    }
    return true;
}

void idle_load(struct dialogs *d)
{
    struct store_cdr_query latest = {.max = DIALOGS_IDLE_NUMBERS};

    if (d->conf.store)
        (void)store_each_cdr(d->conf.store, &latest, load_cdr, d);
}
