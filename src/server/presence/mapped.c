/* mapped.c - the mapped file of subscriptions (sys/slot_file.h); on a full disk new ones live in memory only.
 *
 * Room      server/presence.
 * Touches   struct file. */
#include <string.h>

#include "server/presence/presence_priv.h"

enum { FORMAT = 1, GROW_SLOTS = 64 };

struct slot *mapped_slot(const struct file *f, uint32_t number)
{
    return slot_file_at(&f->slots, number - 1);
}

enum err mapped_open(struct file *f, struct mem *mem, const char *path)
{
    struct slot_file_conf conf = {.path = path,
                                  .mem = mem,
                                  .magic = {'S', 'T', 'R', 'O', 'S', 'U', 'B', '\n'},
                                  .version = FORMAT,
                                  .slot_octets = SLOT_OCTETS,
                                  .max = MAX_SLOTS,
                                  .grow = GROW_SLOTS};

    f->serial = 1;
    return slot_file_open(&f->slots, &conf);
}

void mapped_close(struct file *f)
{
    slot_file_close(&f->slots);
}

static struct spin *lock_of(struct file *f, uint32_t number)
{
    return &f->locks[number % STRIPES];
}

void mapped_give(struct file *f, uint32_t number)
{
    if (number == NO_SLOT)
        return;
    spin_lock(lock_of(f, number)); /* who is copying it comes to the end first */
    atomic_store_explicit(&mapped_slot(f, number)->serial, 0, memory_order_release);
    spin_unlock(lock_of(f, number));
    slot_file_give(&f->slots, number - 1);
}

enum err mapped_put(struct file *f, const struct kept *k, uint32_t *number)
{
    uint32_t fresh, old = *number;
    enum err e = slot_file_take(&f->slots, 0, &fresh);

    if (e)
        return e;
    fresh++;
    if ((e = kept_write(mapped_slot(f, fresh), k))) {
        mapped_give(f, fresh);
        return e;
    }
    kept_make_valid(mapped_slot(f, fresh), atomic_fetch_add(&f->serial, 1));
    *number = fresh;
    mapped_give(f, old);
    return ERR_OK;
}

void mapped_note(struct file *f, uint32_t number, uint32_t local_cseq, uint32_t version)
{
    struct slot *s;

    if (number == NO_SLOT)
        return;
    s = mapped_slot(f, number);
    spin_lock(lock_of(f, number));
    s->local_cseq = local_cseq;
    s->version = version;
    spin_unlock(lock_of(f, number));
}

uint32_t mapped_count(struct file *f)
{
    return slot_file_ready(&f->slots);
}

enum err mapped_copy(struct file *f, uint32_t number, struct slot *out)
{
    const struct slot *s = mapped_slot(f, number);
    enum err           e = ERR_NOTFOUND;

    spin_lock(lock_of(f, number));
    if (atomic_load_explicit(&s->serial, memory_order_acquire) != 0 && s->used <= sizeof *out) {
        memcpy((void *)out, (const void *)s, s->used);
        e = ERR_OK;
    }
    spin_unlock(lock_of(f, number));
    return e;
}
