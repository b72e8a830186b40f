/* file.c - the records' slots in dialogs.map (sys/slot_file.h).
 *
 * Room      server/dialogs.
 * Touches   d->slots. A full disk means no new records; those that there are can still be written anew: SPARE_SLOTS. */
#include "server/dialogs/dialogs_priv.h"

enum { FORMAT = 3 };

enum err dialogs_file_open(struct dialogs *d)
{
    struct slot_file_conf conf = {.path = d->conf.path,
                                  .mem = d->conf.mem,
                                  .magic = {'S', 'T', 'R', 'O', 'D', 'L', 'G', '\n'},
                                  .version = FORMAT,
                                  .slot_octets = DIALOGS_SLOT_OCTETS,
                                  .max = d->max + SPARE_SLOTS,
                                  .grow = DIALOGS_GROW_SLOTS};

    return slot_file_open(&d->slots, &conf);
}

struct slot *dialogs_file_slot(const struct dialogs *d, uint32_t slot)
{
    return slot_file_at(&d->slots, slot);
}

enum err dialogs_file_take(struct dialogs *d, bool is_new, uint32_t *slot)
{
    return slot_file_take(&d->slots, is_new ? SPARE_SLOTS : 0, slot);
}

void dialogs_file_give(struct dialogs *d, uint32_t slot)
{
    slot_file_give(&d->slots, slot);
}
