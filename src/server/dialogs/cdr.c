/* cdr.c - the call data record of an attempt that has ended (PROTOCOL 7.5): promised, then its slot is given up.
 *
 * Room      server/dialogs.
 * Id        when the attempt began, and the record's generation: rising with time, and the same again when a restart finds
 *           the slot still there, so that the store replaces the row instead of having two.
 * Touches   the entry, until it is given up. */
#include "server/dialogs/dialogs_priv.h"

#define GEN_BITS 21 /* of the id; above them milliseconds since 1970 */

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

struct waiting {
    struct dialogs *d;
    uint32_t        number;
};

static void failed(struct dialogs *d, uint32_t number)
{
    atomic_fetch_add(&d->cdr_failures, 1);
    spin_lock(entry_lock(d, number));
    d->entries[number].cdr_failed = true; /* dialogs_sweep() tries again */
    spin_unlock(entry_lock(d, number));
}

static void on_committed(void *arg, enum err e)
{
    struct waiting *w = arg;
    struct dialogs *d = w->d;
    uint32_t        number = w->number;

    mem_free(d->conf.mem, w, sizeof *w);
    if (e) {
        failed(d, number);
        return;
    }
    atomic_fetch_add(&d->cdrs, 1);
    entry_give(d, number);
}

void cdr_submit(struct dialogs *d, uint32_t number, const struct dialog_record *r)
{
    struct store_write *w;
    struct waiting     *wait;

    if (!r->writes_cdr || !d->conf.store) {
        entry_give(d, number);
        return;
    }
    wait = mem_alloc(d->conf.mem, sizeof *wait);
    w = wait ? store_begin(d->conf.store, STORE_SOON) : NULL;
    if (!w) {
        mem_free(d->conf.mem, wait, sizeof *wait);
        failed(d, number);
        return;
    }
    *wait = (struct waiting){d, number};
    put_cdr(w, r, d->entries[number].gen);
    store_submit(w, on_committed, wait);
}

void cdr_again(struct dialogs *d, uint32_t number)
{
    struct dialog_record r;

    slot_read(dialogs_file_slot(d, d->entries[number].slot), &r);
    cdr_submit(d, number, &r);
}
