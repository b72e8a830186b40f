/* published_file.c - what is published, in a mapped file (sys/slot_file.h): it outlives kill -9.
 *
 * Room      server/presence.
 * In        published.c; without any of its locks, since the file may grow.
 * Whole     a slot is written while its serial is 0, then valid by one store; a change is a fresh slot, and then the old one is
 *           given back. Of two with one id the higher serial is the newer: the process was killed between the two.
 * Touches   p->publications. */
#include <stddef.h>
#include <string.h>

#include "server/presence/presence_priv.h"

enum { FORMAT = 1, GROW_SLOTS = 64, MAX_SLOTS_PUBLISHED = 65536, PACKAGE_OCTETS = 32 };

struct page { /* as it stands in the file */
    _Atomic uint64_t serial; /* 0: free */
    uint64_t         id;     /* from here in the checksum, but for itself */
    uint32_t         check, n_package, n_number;
    char             package[PACKAGE_OCTETS], number[PRESENCE_MAX_NUMBER];
    struct published what;
};

static uint32_t checksum(const struct page *s, uint64_t serial)
{
    struct hash_key key = {serial, 0x7075626c697368};
    struct page     copy;

    memcpy((void *)&copy, (const void *)s, sizeof copy);
    copy.check = 0;
    return (uint32_t)hash_octets(&key, (struct slice){(const char *)&copy.id, sizeof copy - offsetof(struct page, id)});
}

static struct page *page_at(struct presence *p, uint32_t slot)
{
    return slot_file_at(&p->publications, slot);
}

enum err published_file_open(struct presence *p, const char *path)
{
    struct slot_file_conf conf = {.path = path,
                                  .mem = p->mem,
                                  .magic = {'S', 'T', 'R', 'O', 'P', 'U', 'B', '\n'},
                                  .version = FORMAT,
                                  .slot_octets = sizeof(struct page),
                                  .max = MAX_SLOTS_PUBLISHED,
                                  .grow = GROW_SLOTS};

    p->publication_serial = 1;
    return slot_file_open(&p->publications, &conf);
}

void published_file_give(struct presence *p, uint32_t slot)
{
    if (slot == PUBLISHED_NO_SLOT)
        return;
    atomic_store_explicit(&page_at(p, slot)->serial, 0, memory_order_release);
    slot_file_give(&p->publications, slot);
}

uint32_t published_file_put(struct presence *p, const struct published_key *key, const struct published *what, uint64_t id)
{
    uint32_t     slot;
    uint64_t     serial = atomic_fetch_add(&p->publication_serial, 1);
    struct page *s;

    if (key->number.n > PRESENCE_MAX_NUMBER || key->package->name.n > PACKAGE_OCTETS || slot_file_take(&p->publications, 0, &slot))
        return PUBLISHED_NO_SLOT;
    s = page_at(p, slot);
    memset((char *)s + offsetof(struct page, id), 0, sizeof *s - offsetof(struct page, id));
    s->id = id;
    s->n_package = (uint32_t)key->package->name.n;
    s->n_number = (uint32_t)key->number.n;
    memcpy(s->package, key->package->name.p, key->package->name.n);
    memcpy(s->number, key->number.p, key->number.n);
    s->what = *what;
    s->check = checksum(s, serial);
    atomic_store_explicit(&s->serial, serial, memory_order_release);
    return slot;
}

bool published_file_read(struct presence *p, uint32_t slot, struct published_kept *out)
{
    struct page *s = page_at(p, slot);

    if (s->serial == 0 || s->n_package > PACKAGE_OCTETS || s->n_number > PRESENCE_MAX_NUMBER || s->check != checksum(s, s->serial))
        return false;
    *out = (struct published_kept){.key = {package_find(p, (struct slice){s->package, s->n_package}), {s->number, s->n_number}, SLICE_NONE},
                                   .what = s->what, .id = s->id, .serial = s->serial};
    if (s->serial >= p->publication_serial)
        p->publication_serial = s->serial + 1;
    return out->key.package != NULL;
}
