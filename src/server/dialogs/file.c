/* file.c - the records' slots (sys/slot_file.h): in dialogs.map those of most calls, in dialogs.map.long those with long texts.
 *
 * Room      server/dialogs.
 * Touches   d->slots. A full disk means no new records; those that there are can still be written anew: SPARE_SLOTS.
 * Number    of a slot: which of its file, and LONG_SLOT in the second. */
#include "server/dialogs/dialogs_priv.h"

enum { FORMAT = 5, PATH_OCTETS = 4096 };
#define LONG_SLOT 0x80000000u

static enum err open_one(struct dialogs *d, struct slot_file *f, const char *path, uint32_t octets, uint32_t grow)
{
    struct slot_file_conf conf = {.path = path,
                                  .mem = d->conf.mem,
                                  .magic = {'S', 'T', 'R', 'O', 'D', 'L', 'G', '\n'},
                                  .version = FORMAT,
                                  .slot_octets = octets,
                                  .max = d->max + SPARE_SLOTS,
                                  .grow = grow};

    return slot_file_open(f, &conf);
}

enum err dialogs_file_open(struct dialogs *d)
{
    char       path[PATH_OCTETS];
    struct buf b = BUF_ON(path);
    enum err   e = open_one(d, &d->slots, d->conf.path, DIALOGS_SLOT_OCTETS, DIALOGS_GROW_SLOTS);

    if (e || !d->conf.path)
        return e ? e : open_one(d, &d->long_slots, NULL, DIALOGS_LONG_OCTETS, DIALOGS_GROW_LONG);
    buf_puts(&b, slice_z(d->conf.path), S(".long"));
    buf_putc(&b, '\0');
    return buf_err(&b) ? ERR_IO : open_one(d, &d->long_slots, path, DIALOGS_LONG_OCTETS, DIALOGS_GROW_LONG);
}

void dialogs_file_close(struct dialogs *d)
{
    slot_file_close(&d->slots);
    slot_file_close(&d->long_slots);
}

struct slot *dialogs_file_slot(const struct dialogs *d, uint32_t slot)
{
    return slot & LONG_SLOT ? slot_file_at(&d->long_slots, slot & ~LONG_SLOT) : slot_file_at(&d->slots, slot);
}

size_t dialogs_file_room(uint32_t slot)
{
    return slot & LONG_SLOT ? DIALOGS_LONG_OCTETS : DIALOGS_SLOT_OCTETS;
}

enum err dialogs_file_take(struct dialogs *d, size_t octets, bool is_new, uint32_t *slot)
{
    uint32_t spare = is_new ? SPARE_SLOTS : 0, n;
    enum err e;

    if (octets + DIALOGS_END_OCTETS > DIALOGS_LONG_OCTETS)
        return ERR_LIMIT;
    if (octets + DIALOGS_END_OCTETS <= DIALOGS_SLOT_OCTETS)
        return slot_file_take(&d->slots, spare, slot);
    if (!(e = slot_file_take(&d->long_slots, spare, &n)))
        *slot = n | LONG_SLOT;
    return e;
}

void dialogs_file_give(struct dialogs *d, uint32_t slot)
{
    if (slot & LONG_SLOT)
        slot_file_give(&d->long_slots, slot & ~LONG_SLOT);
    else
        slot_file_give(&d->slots, slot);
}

void dialogs_file_each(struct dialogs *d, void (*each)(struct dialogs *d, uint32_t slot))
{
    for (uint32_t i = slot_file_ready(&d->long_slots); i-- > 0;)
        each(d, i | LONG_SLOT);
    for (uint32_t i = slot_file_ready(&d->slots); i-- > 0;)
        each(d, i);
}

void dialogs_file_count(struct dialogs *d, uint64_t *used, uint64_t *ready)
{
    *used = (uint64_t)slot_file_used(&d->slots) + slot_file_used(&d->long_slots);
    *ready = (uint64_t)slot_file_ready(&d->slots) + slot_file_ready(&d->long_slots);
}
