/* journal.c - notes in a mapped file: put, dropped, and found again at start.
 *
 * Room      server/journal.
 * Touches   the file, under one lock: notes are few, and each is written a handful of times.
 * Must hold a note that is replaced has two slots for a moment: of two with one id the higher serial is the newer. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/sum.h"
#include "server/journal/journal.h"
#include "sys/slot_file.h"

/* As it stands in the file. serial is written last; 0: free. */
struct slot {
    _Atomic uint64_t serial;
    uint64_t         id;
    uint32_t         check;
    uint16_t         n;
    uint8_t          kind, none;
    char             octets[JOURNAL_NOTE_OCTETS];
};
_Static_assert(sizeof(struct slot) == JOURNAL_SLOT_OCTETS, "the file's format");

/* An id modulo JOURNAL_NOTES is its place here, the rest tells it from those that had that place before. */
struct entry {
    uint64_t id;   /* 0: free */
    uint32_t slot; /* of a free one: the next free one, or JOURNAL_NOTES */
};

struct journal {
    struct mem     *mem;
    pthread_mutex_t lock;
    struct slot_file    slots;
    uint64_t        serial;
    size_t          n_notes;
    uint32_t        free; /* the first free place, or JOURNAL_NOTES */
    struct entry    entries[JOURNAL_NOTES];
};

static struct slot *slot_at(const struct journal *j, uint32_t n)
{
    return slot_file_at(&j->slots, n);
}

static uint32_t checksum(const struct slot *s, uint64_t serial)
{
    uint64_t sum = sum_word(sum_word(serial, s->id), (uint64_t)s->kind << 16 | s->n);

    return (uint32_t)sum_octets(sum, s->octets, s->n);
}

/* ---- opening ---- */

/* One slot at start: whose it is, or that it is free. */
static void load_slot(struct journal *j, uint32_t n)
{
    struct slot  *s = slot_at(j, n);
    struct entry *e = &j->entries[s->id % JOURNAL_NOTES];

    if (s->serial == 0 || s->id == 0 || s->n > JOURNAL_NOTE_OCTETS || s->check != checksum(s, s->serial)) {
        slot_file_give(&j->slots, n);
        return;
    }
    if (s->serial > j->serial)
        j->serial = s->serial;
    if (e->id && slot_at(j, e->slot)->serial > s->serial) {
        slot_file_give(&j->slots, n);
        return;
    }
    if (e->id)
        slot_file_give(&j->slots, e->slot);
    else
        j->n_notes++;
    *e = (struct entry){s->id, n};
}

static void give_place(struct journal *j, uint32_t place)
{
    j->entries[place] = (struct entry){0, j->free};
    j->free = place;
}

enum err journal_open(struct journal **out, const struct journal_conf *conf)
{
    struct slot_file_conf sc = {.path = conf->path,
                                .mem = conf->mem,
                                .magic = {'S', 'T', 'R', 'O', 'J', 'R', 'N', '\n'},
                                .version = 3,
                                .slot_octets = JOURNAL_SLOT_OCTETS,
                                .max = JOURNAL_NOTES + 1,
                                .grow = JOURNAL_GROW_SLOTS};
    struct journal   *j = mem_zalloc(conf->mem, sizeof *j);
    enum err          e;

    if (!j)
        return ERR_NOMEM;
    j->mem = conf->mem;
    pthread_mutex_init(&j->lock, NULL);
    if ((e = slot_file_open(&j->slots, &sc))) {
        journal_close(j);
        return e;
    }
    for (uint32_t i = slot_file_ready(&j->slots); i-- > 0;)
        load_slot(j, i);
    j->free = JOURNAL_NOTES;
    for (uint32_t i = JOURNAL_NOTES; i-- > 0;)
        if (!j->entries[i].id)
            give_place(j, i);
    *out = j;
    return ERR_OK;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    slot_file_close(&j->slots);
    pthread_mutex_destroy(&j->lock);
    mem_free(j->mem, j, sizeof *j);
}

/* ---- notes ---- */

static struct entry *find(struct journal *j, uint64_t id)
{
    struct entry *e = &j->entries[id % JOURNAL_NOTES];

    return id && e->id == id ? e : NULL;
}

/* A place that is free; its id is told from those that had it before by the serial of its first slot. */
static struct entry *find_free(struct journal *j, uint64_t *id)
{
    if (j->free == JOURNAL_NOTES)
        return NULL;
    *id = (j->serial + 1) * JOURNAL_NOTES + j->free;
    return &j->entries[j->free];
}

static enum err put(struct journal *j, enum journal_kind kind, struct slice octets, uint64_t *id)
{
    uint64_t      name = *id;
    struct entry *e = name ? find(j, name) : find_free(j, &name);
    struct slot  *s;
    uint32_t      n;

    if (!e)
        return *id ? ERR_NOTFOUND : ERR_FULL;
    if (slot_file_take(&j->slots, 0, &n))
        return ERR_FULL;
    s = slot_at(j, n);
    s->id = name;
    s->kind = (uint8_t)kind;
    s->n = (uint16_t)octets.n;
    memcpy(s->octets, octets.p, octets.n);
    s->check = checksum(s, ++j->serial);
    atomic_store_explicit(&s->serial, j->serial, memory_order_release);
    if (e->id) {
        slot_file_give(&j->slots, e->slot);
    } else {
        j->free = e->slot;
        j->n_notes++;
    }
    *e = (struct entry){name, n};
    *id = name;
    return ERR_OK;
}

enum err journal_put(struct journal *j, enum journal_kind kind, struct slice octets, uint64_t *id)
{
    enum err e;

    if (octets.n > JOURNAL_NOTE_OCTETS)
        return ERR_LIMIT;
    pthread_mutex_lock(&j->lock);
    e = put(j, kind, octets, id);
    pthread_mutex_unlock(&j->lock);
    return e;
}

void journal_drop(struct journal *j, uint64_t id)
{
    struct entry *e;

    pthread_mutex_lock(&j->lock);
    if ((e = find(j, id))) {
        slot_file_give(&j->slots, e->slot);
        give_place(j, (uint32_t)(e - j->entries));
        j->n_notes--;
    }
    pthread_mutex_unlock(&j->lock);
}

/* A copy of the note in that place, if it is of that kind. */
static bool copy(struct journal *j, size_t place, enum journal_kind kind, struct slot *out)
{
    struct entry *e = &j->entries[place];
    bool          found;

    pthread_mutex_lock(&j->lock);
    found = e->id && slot_at(j, e->slot)->kind == kind;
    if (found)
        memcpy((void *)out, (const void *)slot_at(j, e->slot), sizeof *out);
    pthread_mutex_unlock(&j->lock);
    return found;
}

void journal_each(struct journal *j, enum journal_kind kind, void (*each)(void *arg, uint64_t id, struct slice octets), void *arg)
{
    struct slot s;

    for (size_t i = 0; i < JOURNAL_NOTES; i++)
        if (copy(j, i, kind, &s))
            each(arg, s.id, (struct slice){s.octets, s.n});
}

size_t journal_notes(struct journal *j)
{
    size_t n;

    pthread_mutex_lock(&j->lock);
    n = j->n_notes;
    pthread_mutex_unlock(&j->lock);
    return n;
}
