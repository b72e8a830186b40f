/* refreshed.c - what plain refreshes have moved, in a mapped file beside the store: DATA/bindings.map, an element for each slot.
 *
 * Room      server/location.
 * Why       nine in ten REGISTERs only move time and CSeq. As a row of the store each costs more than all else that is done for
 *           it; as 32 octets of mapped memory it costs nothing, and it outlives kill -9. After a loss of power it may be old or
 *           torn, as what is written behind may: then the row's own words count, and each binding gets an interval to run.
 * Counts    an element, if its check fits: over itself, slot, Call-ID and contact; and if its CSeq is higher than the row's,
 *           so that a row written later counts more, whatever the clock did. It is forgotten when a row has been written.
 * Threads   only who has the AOR's turn writes the elements of its slots; they are read while loading only.
 * Touches   the file. Without it (no room on the disk) refreshes go to the store. */
#include <limits.h>

#include "base/sum.h"
#include "server/location/location_priv.h"

struct refreshed {
    uint64_t check; /* never 0: that is an element that nobody has written */
    int64_t  registered_ms, expires_ms;
    uint32_t interval_s, cseq;
};

/* Against a torn write and another's binding. */
static uint64_t check_of(const struct refreshed *r, uint32_t slot, struct slice call_id, struct slice contact)
{
    uint64_t sum = sum_word(slot, (uint64_t)call_id.n << 32 | contact.n);

    sum = sum_octets(sum, (const char *)r + sizeof r->check, sizeof *r - sizeof r->check);

    return sum_octets(sum_octets(sum, call_id.p, call_id.n), contact.p, contact.n) | 1;
}

/* A file that cannot be had is no reason not to start: the store does without. */
void refreshed_open(struct location *l)
{
    char                   path[PATH_MAX];
    struct array_file_conf conf = {.path = path, .magic = "REFRESH", .version = 3, .octets = sizeof(struct refreshed),
                                   .max = CHUNKS * CHUNK_SLOTS};

    if (store_path(l->conf.store, S("bindings.map"), path, sizeof path) == ERR_OK)
        (void)array_file_open(&l->refreshed, &conf);
}

bool refreshed_is_new(const struct location *l)
{
    return l->refreshed.ready == 0;
}

void refreshed_grow(struct location *l, uint32_t slots)
{
    if (l->refreshed.map)
        (void)array_file_grow(&l->refreshed, slots); /* what has none goes to the store */
}

void refreshed_close(struct location *l)
{
    (void)array_file_sync(&l->refreshed); /* before the store says that it was closed in order */
    array_file_close(&l->refreshed);
}

bool refreshed_note(struct location *l, const struct record *r, uint32_t i)
{
    const struct packed *p = &r->b[i];
    struct refreshed     now = {.registered_ms = p->registered_ms, .expires_ms = p->expires_ms, .interval_s = p->interval_s, .cseq = p->cseq};

    if (p->slot >= l->refreshed.ready)
        return false;
    now.check = check_of(&now, p->slot, location_record_call_id(r, i), location_record_contact(r, i));
    *(struct refreshed *)array_file_at(&l->refreshed, p->slot) = now;
    return true;
}

void refreshed_forget(struct location *l, uint32_t slot)
{
    struct refreshed *r;

    if (slot >= l->refreshed.ready)
        return;
    r = array_file_at(&l->refreshed, slot);
    if (r->check) /* what is not written need not go to the disk */
        r->check = 0;
}

void refreshed_apply(const struct location *l, struct store_binding *b)
{
    const struct refreshed *r;

    if (b->slot >= l->refreshed.ready)
        return;
    r = array_file_at(&l->refreshed, b->slot);
    if (r->check == 0 || r->cseq <= b->cseq || r->check != check_of(r, b->slot, b->call_id, b->contact))
        return;
    b->registered_ms = r->registered_ms;
    b->expires_ms = r->expires_ms;
    b->interval_ms = (int64_t)r->interval_s * 1000;
    b->cseq = r->cseq;
}
