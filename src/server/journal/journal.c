/* journal.c - notes in a mapped file: put, dropped, and found again at start.
 *
 * Room      server/journal.
 * Touches   the file, under one lock: notes are few, and each is written a handful of times.
 * Must hold a note that is replaced has two slots for a moment: of two with one id the higher serial is the newer. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "server/journal/journal.h"

enum { HEAD_OCTETS = 4096, MAX_SLOTS = JOURNAL_NOTES + 1 };

struct head {
    char     magic[8];
    uint32_t version, slot_octets;
};
static const struct head HEAD = {{'S', 'T', 'R', 'O', 'J', 'R', 'N', '\n'}, 1, JOURNAL_SLOT_OCTETS};

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
    uint64_t id; /* 0: free */
    uint16_t slot;
};

struct journal {
    struct mem     *mem;
    pthread_mutex_t lock;
    char           *map;
    int             fd;
    uint64_t        serial;
    size_t          n_notes, n_free, n_ready;
    uint16_t        free_slots[MAX_SLOTS]; /* a stack */
    struct entry    entries[JOURNAL_NOTES];
};

static struct slot *slot_at(const struct journal *j, size_t n)
{
    return (struct slot *)(void *)(j->map + HEAD_OCTETS) + n;
}

static size_t octets_of(size_t slots)
{
    return HEAD_OCTETS + slots * JOURNAL_SLOT_OCTETS;
}

static uint32_t checksum(const struct slot *s, uint64_t serial)
{
    const struct hash_key key = {serial, s->id ^ (uint64_t)s->kind << 56};

    return (uint32_t)hash_octets(&key, (struct slice){s->octets, s->n});
}

/* ---- the file ---- */

static enum err of_errno(int number)
{
    return number == EACCES || number == EPERM || number == EROFS ? ERR_DENIED : ERR_IO;
}

static enum err reserve(struct journal *j, size_t slots)
{
    int rc = j->fd < 0 ? 0 : posix_fallocate(j->fd, 0, (off_t)octets_of(slots));

    return rc == 0 ? ERR_OK : rc == ENOSPC || rc == EDQUOT ? ERR_FULL : of_errno(rc);
}

/* How many whole slots the file has; one that is not ours is begun anew. */
static enum err measure(struct journal *j)
{
    struct head h;
    struct stat st;
    size_t      n;

    if (fstat(j->fd, &st) != 0)
        return of_errno(errno);
    if (pread(j->fd, &h, sizeof h, 0) != (ssize_t)sizeof h || memcmp(&h, &HEAD, sizeof h) != 0) {
        if (ftruncate(j->fd, 0) != 0 || pwrite(j->fd, &HEAD, sizeof HEAD, 0) != (ssize_t)sizeof HEAD)
            return of_errno(errno);
        return ERR_OK;
    }
    n = st.st_size > HEAD_OCTETS ? ((size_t)st.st_size - HEAD_OCTETS) / JOURNAL_SLOT_OCTETS : 0;
    j->n_ready = n < MAX_SLOTS ? n : MAX_SLOTS;
    return reserve(j, j->n_ready); /* holes of a copied file are filled */
}

static enum err map_file(struct journal *j, const char *path)
{
    enum err e;

    if (path) {
        j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (j->fd < 0)
            return of_errno(errno);
        if ((e = measure(j)))
            return e == ERR_FULL ? ERR_IO : e;
    }
    j->map = mmap(NULL, octets_of(MAX_SLOTS), PROT_READ | PROT_WRITE,
                  path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, j->fd, 0);
    if (j->map == MAP_FAILED) {
        j->map = NULL;
        return ERR_NOMEM;
    }
    return ERR_OK;
}

static void give_slot(struct journal *j, uint16_t n)
{
    atomic_store_explicit(&slot_at(j, n)->serial, 0, memory_order_release);
    j->free_slots[j->n_free++] = n;
}

static enum err take_slot(struct journal *j, uint16_t *out)
{
    size_t to = j->n_ready + JOURNAL_GROW_SLOTS < MAX_SLOTS ? j->n_ready + JOURNAL_GROW_SLOTS : MAX_SLOTS;

    if (!j->n_free) {
        if (to == j->n_ready || reserve(j, to))
            return ERR_FULL;
        while (to > j->n_ready)
            j->free_slots[j->n_free++] = (uint16_t)j->n_ready++;
    }
    *out = j->free_slots[--j->n_free];
    return ERR_OK;
}

/* One slot at start: whose it is, or that it is free. */
static void load_slot(struct journal *j, uint16_t n)
{
    struct slot  *s = slot_at(j, n);
    struct entry *e = &j->entries[s->id % JOURNAL_NOTES];

    if (s->serial == 0 || s->id == 0 || s->n > JOURNAL_NOTE_OCTETS || s->check != checksum(s, s->serial)) {
        give_slot(j, n);
        return;
    }
    if (s->serial > j->serial)
        j->serial = s->serial;
    if (e->id && slot_at(j, e->slot)->serial > s->serial) {
        give_slot(j, n);
        return;
    }
    if (e->id)
        give_slot(j, e->slot);
    else
        j->n_notes++;
    *e = (struct entry){s->id, n};
}

enum err journal_open(struct journal **out, const struct journal_conf *conf)
{
    struct journal *j = mem_zalloc(conf->mem, sizeof *j);
    enum err        e;

    if (!j)
        return ERR_NOMEM;
    j->mem = conf->mem;
    j->fd = -1;
    pthread_mutex_init(&j->lock, NULL);
    if ((e = map_file(j, conf->path))) {
        journal_close(j);
        return e;
    }
    for (size_t i = j->n_ready; i-- > 0;)
        load_slot(j, (uint16_t)i);
    *out = j;
    return ERR_OK;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    if (j->map)
        munmap(j->map, octets_of(MAX_SLOTS));
    if (j->fd >= 0)
        close(j->fd);
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
    for (size_t i = 0; i < JOURNAL_NOTES; i++)
        if (!j->entries[i].id) {
            *id = (j->serial + 1) * JOURNAL_NOTES + i;
            return &j->entries[i];
        }
    return NULL;
}

static enum err put(struct journal *j, enum journal_kind kind, struct slice octets, uint64_t *id)
{
    uint64_t      name = *id;
    struct entry *e = name ? find(j, name) : find_free(j, &name);
    struct slot  *s;
    uint16_t      n;

    if (!e)
        return *id ? ERR_NOTFOUND : ERR_FULL;
    if (take_slot(j, &n))
        return ERR_FULL;
    s = slot_at(j, n);
    s->id = name;
    s->kind = (uint8_t)kind;
    s->n = (uint16_t)octets.n;
    memcpy(s->octets, octets.p, octets.n);
    s->check = checksum(s, ++j->serial);
    atomic_store_explicit(&s->serial, j->serial, memory_order_release);
    if (e->id)
        give_slot(j, e->slot);
    else
        j->n_notes++;
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
        give_slot(j, e->slot);
        e->id = 0;
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
