/* cdr.c - the call data record of an attempt that has ended (PROTOCOL 7.5): promised, then its slot is given up.
 *
 * Room      server/dialogs.
 * Id        when the attempt began, and the record's generation: rising with time, and the same again when a restart finds
 *           the slot still there, so that the store replaces the row instead of having two.
 * Touches   the entry, until it is given up. */
#include "base/ahead.h"
#include "server/dialogs/dialogs_priv.h"

#define GEN_BITS 21 /* of the id; above them milliseconds since 1970 */

enum { CDR_BATCH = 1024 }; /* so many do not wait for more: what is promised behind them waits 2 or 3 ms */

static const char *mode_text(enum dialog_mode m)
{
    switch (m) {
    case DIALOG_MODE_NONE: return "";
    case DIALOG_MODE_ACCEPT: return "accept";
    case DIALOG_MODE_RELAY: return "relay";
    case DIALOG_MODE_EXECUTE: return "execute";
    }
    return "";
}

void dialogs_put_outsider(struct buf *b, struct slice number, struct slice trunk)
{
    buf_puts(b, slice_to(number, DIALOGS_OUTSIDER_OCTETS - 1 - trunk.n), S("@"), trunk);
}

struct slice dialogs_trunk(const struct dialog_party *p)
{
    size_t at = slice_find_last(p->outsider, '@');

    return at == SIZE_MAX ? SLICE_NONE : slice_from(p->outsider, at + 1);
}

/* People look for numbers; who is not ours may have only a URI. */
struct slice dialogs_who(const struct dialog_party *p)
{
    return p->number.n ? p->number : p->outsider.n ? p->outsider : p->uri;
}

static void put_cdr(struct store_write *w, const struct dialog_record *r, uint32_t gen)
{
    store_put_cdr(w, &(struct store_cdr){
        .id = (uint64_t)r->started_ms << GEN_BITS | (gen & ((1u << GEN_BITS) - 1)), .call_id = r->call_id,
        .from_tag = r->side[DIALOG_CALLER].tag, .caller = dialogs_who(&r->side[DIALOG_CALLER]),
        .callee = dialogs_who(&r->side[DIALOG_CALLEE]), .ended_by = r->ended_by, .why = r->why, .mode = slice_z(mode_text(r->mode)),
        .cseq = r->invite_cseq, .code = r->code < 200 ? 0 : r->code, /* no final status came */
        .started_ms = r->started_ms, .answered_ms = r->answered_ms, .ended_ms = r->ended_ms});
}

/* What has ended waits in its slot, and is put when its batch is committed: all that has joined it by then shares a write. */
struct cdr_batch {
    struct dialogs *d;
    uint32_t        first, last; /* entries, by node.next: their Call-IDs' chains have no use for it any more */
    size_t          n;
};

static void add(struct cdr_batch *b, uint32_t number)
{
    struct entry *entries = b->d->entries;

    entries[number].node.next = NO_ENTRY;
    if (b->n++)
        entries[b->last].node.next = number;
    else
        b->first = number;
    b->last = number;
}

/* Nothing joins it any more. */
static void shut(struct cdr_batch *b)
{
    struct dialogs *d = b->d;

    spin_lock(&d->batch_lock);
    if (d->batch == b)
        d->batch = NULL;
    spin_unlock(&d->batch_lock);
}

static void failed(struct dialogs *d, uint32_t number)
{
    atomic_fetch_add(&d->cdr_failures, 1);
    spin_lock(entry_lock(d, number));
    d->entries[number].cdr_failed = true; /* dialogs_sweep() tries again */
    spin_unlock(entry_lock(d, number));
}

/* What has waited has left the caches: while one is put, the slot of the next one comes, and the entry behind that. */
static void expect(const struct dialogs *d, uint32_t number)
{
    const struct entry *en = number == NO_ENTRY ? NULL : &d->entries[number];

    if (!en)
        return;
    ahead_fetch(dialogs_file_slot(d, en->slot), DIALOGS_SLOT_OCTETS);
    if (en->node.next != NO_ENTRY)
        ahead_fetch(&d->entries[en->node.next], sizeof *en);
}

static void on_commit(void *arg, struct store_write *w)
{
    struct cdr_batch     *b = arg;
    const struct dialogs *d = b->d;

    shut(b);
    for (uint32_t number = b->first, next; number != NO_ENTRY; number = next) {
        const struct entry  *en = &d->entries[number];
        struct dialog_record r;

        expect(d, next = en->node.next);
        slot_read(dialogs_file_slot(d, en->slot), &r);
        put_cdr(w, &r, en->gen);
    }
}

static void on_committed(void *arg, enum err e)
{
    struct cdr_batch *b = arg;
    struct dialogs   *d = b->d;

    shut(b); /* it may have failed before it came to its commit */
    if (!e)
        atomic_fetch_add(&d->cdrs, b->n);
    for (uint32_t number = b->first, next; number != NO_ENTRY; number = next) {
        next = d->entries[number].node.next;
        if (e)
            failed(d, number);
        else
            entry_give(d, number);
    }
    mem_free(d->conf.mem, b, sizeof *b);
}

/* False: none is open. */
static bool join_batch(struct dialogs *d, uint32_t number)
{
    struct cdr_batch *b;
    bool              full = false;

    spin_lock(&d->batch_lock);
    if ((b = d->batch)) {
        add(b, number);
        full = b->n == CDR_BATCH;
    }
    if (full)
        d->batch = NULL;
    spin_unlock(&d->batch_lock);
    if (full)
        store_hurry(d->conf.store);
    return b;
}

static enum err begin_batch(struct dialogs *d, uint32_t number)
{
    struct cdr_batch   *b = mem_alloc(d->conf.mem, sizeof *b);
    struct store_write *w = b ? store_begin(d->conf.store, STORE_SOON) : NULL;

    if (!w) {
        mem_free(d->conf.mem, b, sizeof *b);
        return ERR_NOMEM;
    }
    *b = (struct cdr_batch){.d = d};
    add(b, number);
    spin_lock(&d->batch_lock);
    d->batch = b; /* one that another thread has begun meanwhile goes with what it has */
    spin_unlock(&d->batch_lock);
    store_submit_filled(w, on_commit, on_committed, b);
    return ERR_OK;
}

void cdr_submit(struct dialogs *d, uint32_t number, bool writes_cdr)
{
    if (!writes_cdr || !d->conf.store)
        entry_give(d, number);
    else if (!join_batch(d, number) && begin_batch(d, number))
        failed(d, number);
}
