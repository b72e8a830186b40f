/* find.c - records found by id, by Call-ID and tags, by call attempt; all of them; and those that nobody ended.
 *
 * Room      server/dialogs.
 * Readers   copy a slot under its entry's lock and look at their copy. */
#include <stdlib.h>
#include <string.h>

#include "base/ahead.h"
#include "server/dialogs/dialogs_priv.h"

/* A copy in the arena, read. */
static enum err copy_out(struct dialogs *d, struct dialog_id id, struct arena *a, struct dialog_record *out)
{
    struct slot *s = arena_alloc(a, sizeof *s);
    enum err     e = s ? entry_copy(d, id, s) : ERR_NOMEM;

    if (!e)
        slot_read(s, out);
    return e;
}

enum err dialogs_get(struct dialogs *d, struct dialog_id id, struct arena *a, struct dialog_record *out)
{
    return id.gen == 0 ? ERR_NOTFOUND : copy_out(d, id, a, out);
}

/* What a slot must be to be meant; a look at the slot itself, under the entry's lock. */
struct wanted {
    const struct dialog_key *key;  /* both tags, in either direction */
    struct slice             call_id, from_tag; /* or an attempt */
    uint32_t                 cseq;
    enum dialog_side         from; /* result */
};

static bool is_meant(const struct slot *s, struct wanted *w)
{
    struct slice caller = slot_tag(s, DIALOG_CALLER), callee = slot_tag(s, DIALOG_CALLEE);

    if (!w->key)
        return (s->flags & FLAG_WRITES_CDR) && s->invite_cseq == w->cseq && slice_eq(caller, w->from_tag) &&
               slice_eq(slot_call_id(s), w->call_id);
    if (!slice_eq(slot_call_id(s), w->key->call_id))
        return false;
    if (slice_eq(caller, w->key->from_tag) && slice_eq(callee, w->key->to_tag)) {
        w->from = DIALOG_CALLER;
        return true;
    }
    w->from = DIALOG_CALLEE;
    return slice_eq(callee, w->key->from_tag) && slice_eq(caller, w->key->to_tag);
}

/* Nobody has touched it since the last request of its dialog: what is looked at and copied comes from memory at once, not line after
 * line. */
static void fetch(const struct slot *s)
{
    ahead_fetch(s, DIALOGS_SLOT_OCTETS);
}

/* Its slot is copied too, unless `copy` is NULL. */
static enum err find(struct dialogs *d, uint64_t hash, struct wanted *w, struct dialog_id *id, struct slot *copy)
{
    uint32_t list[DIALOGS_MAX_OF_CALL];
    size_t   n = chain_list(d, hash, list, DIALOGS_MAX_OF_CALL);

    for (size_t i = 0; i < n; i++) {
        const struct entry *en = &d->entries[list[i]];
        const struct slot  *s;
        bool                found;

        spin_lock(entry_lock(d, list[i]));
        s = dialogs_file_slot(d, en->slot);
        fetch(s);
        found = en->gen != 0 && !en->ended && is_meant(s, w);
        if (found)
            *id = (struct dialog_id){list[i], en->gen};
        if (found && copy)
            memcpy((void *)copy, (const void *)s, s->used);
        spin_unlock(entry_lock(d, list[i]));
        if (found)
            return ERR_OK;
    }
    return ERR_NOTFOUND;
}

enum err dialogs_find(struct dialogs *d, const struct dialog_key *key, struct arena *a, struct dialog_id *id,
                      enum dialog_side *from, struct dialog_record *out)
{
    struct wanted    w = {.key = key};
    struct slot     *copy = NULL;
    struct dialog_id found;
    enum err         e;

    if (out && !(copy = arena_alloc(a, sizeof *copy)))
        return ERR_NOMEM;
    if ((e = find(d, key->call_hash ? key->call_hash : entry_call_hash(d, key->call_id), &w, &found, copy)))
        return e;
    if (copy)
        slot_read(copy, out);
    *id = found;
    *from = w.from;
    return ERR_OK;
}

bool dialogs_is_there(struct dialogs *d, uint64_t hash, const struct dialog_record *r, uint32_t except)
{
    struct dialog_key key = {r->call_id, r->side[DIALOG_CALLER].tag, r->side[DIALOG_CALLEE].tag, hash};
    struct wanted     w = {.key = &key};
    struct dialog_id  id;

    return find(d, hash, &w, &id, NULL) == ERR_OK && id.slot != except;
}

enum err dialogs_find_attempt(struct dialogs *d, struct slice call_id, struct slice from_tag, uint32_t cseq, struct dialog_id *id)
{
    struct wanted w = {.call_id = call_id, .from_tag = from_tag, .cseq = cseq};

    return find(d, entry_call_hash(d, call_id), &w, id, NULL);
}

enum err dialogs_each(struct dialogs *d, bool (*each)(void *arg, struct dialog_id id, const struct dialog_record *r), void *arg)
{
    bool on = true;

    for (uint32_t i = 0; i < d->top && on; i++) {
        struct dialog_record r;
        struct slot          s;

        if (entry_copy(d, (struct dialog_id){i, 0}, &s))
            continue;
        slot_read(&s, &r);
        on = each(arg, (struct dialog_id){i, s.gen}, &r);
    }
    return ERR_OK;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static bool is_of(const struct dialog_record *r, struct slice number)
{
    return slice_eq(r->side[0].number, number) || slice_eq(r->side[1].number, number);
}

enum err dialogs_each_of(struct dialogs *d, struct slice number,
                         bool (*each)(void *arg, struct dialog_id id, const struct dialog_record *r), void *arg)
{
    uint32_t list[DIALOGS_MAX_OF_NUMBER];
    size_t   n = numbers_list(d, entry_number_hash(d, number), list, DIALOGS_MAX_OF_NUMBER);
    bool     on = true;

    qsort(list, n, sizeof *list, compare); /* who calls himself is there twice */
    for (size_t i = 0; i < n && on; i++) {
        struct dialog_record r;
        struct slot          s;

        if ((i > 0 && list[i] == list[i - 1]) || entry_copy(d, (struct dialog_id){list[i], 0}, &s))
            continue;
        slot_read(&s, &r);
        if (is_of(&r, number))
            on = each(arg, (struct dialog_id){list[i], s.gen}, &r);
    }
    return ERR_OK;
}

/* ---- modes and ids as text ---- */
struct slice dialogs_mode_name(enum dialog_mode mode)
{
    switch (mode) {
    case DIALOG_MODE_ACCEPT: return S("accept");
    case DIALOG_MODE_RELAY: return S("relay");
    case DIALOG_MODE_EXECUTE: return S("execute");
    case DIALOG_MODE_NONE: break;
    }
    return SLICE_NONE;
}

enum err dialogs_mode_find(struct slice name, enum dialog_mode *out)
{
    for (enum dialog_mode m = DIALOG_MODE_ACCEPT; m <= DIALOG_MODE_EXECUTE; m++)
        if (slice_eq(name, dialogs_mode_name(m))) {
            *out = m;
            return ERR_OK;
        }
    return ERR_INVALID;
}

void dialogs_id_text(struct buf *b, struct dialog_id id)
{
    buf_puthex64(b, id.slot);
    buf_putc(b, '-');
    buf_puthex64(b, id.gen);
}

enum err dialogs_id_parse(struct slice text, struct dialog_id *out)
{
    uint64_t     slot, gen;
    struct slice head;

    if (!slice_cut(&text, '-', &head) || slice_hex64(head, &slot) || slice_hex64(text, &gen) || slot >= UINT32_MAX ||
        gen > UINT32_MAX || gen == 0)
        return ERR_SYNTAX;
    *out = (struct dialog_id){(uint32_t)slot, (uint32_t)gen};
    return ERR_OK;
}

/* ---- care ---- */
enum fate { STAYS, GIVEN_UP, RESTART, CDR_AGAIN, DUE };

static enum fate fate_of(struct dialogs *d, uint32_t number, int64_t now_ms, struct dialog_id *id)
{
    struct entry      *en = &d->entries[number];
    const struct slot *s;
    enum fate          f = STAYS;

    spin_lock(entry_lock(d, number));
    if (en->gen != 0) {
        *id = (struct dialog_id){number, en->gen};
        s = dialogs_file_slot(d, en->slot);
        if (en->ended)
            f = en->cdr_failed ? CDR_AGAIN : STAYS;
        else if (en->restored)
            f = now_ms - d->conf.now_ms >= DIALOGS_RESTORED_EARLY_MS ? RESTART : STAYS;
        else if (now_ms - s->seen_ms >= (s->state == DIALOG_EARLY ? DIALOGS_EARLY_MS : DIALOGS_CONFIRMED_MS))
            f = GIVEN_UP;
        else if (s->state == DIALOG_CONFIRMED && s->interval_s && now_ms >= s->due_ms)
            f = DUE;
        if (f == CDR_AGAIN)
            en->cdr_failed = false; /* this thread has it now */
    }
    spin_unlock(entry_lock(d, number));
    return f;
}

size_t dialogs_sweep(struct dialogs *d, int64_t now_ms, size_t max_slots)
{
    size_t   ended = 0, n = max_slots < d->max ? max_slots : d->max;
    uint32_t at = atomic_fetch_add(&d->sweep_at, (uint32_t)n) % d->max, top = d->top;

    for (; n > 0; n--, at = at + 1 < d->max ? at + 1 : 0) {
        struct dialog_end end = {.now_ms = now_ms, .by = S("exchange"), .why = S("nobody ended it")};
        struct dialog_id  id;
        enum fate         f = at < top ? fate_of(d, at, now_ms, &id) : STAYS;

        if (f == CDR_AGAIN)
            cdr_submit(d, at, true);
        if (f == DUE && d->due)
            d->due(d->due_ctx, id);
        if (f != RESTART && f != GIVEN_UP)
            continue;
        if (f == RESTART)
            end.by = S("restart");
        if (dialogs_end(d, id, &end) == ERR_OK) {
            atomic_fetch_add(&d->given_up, 1);
            ended++;
        }
    }
    return ended;
}

void dialogs_watch_sessions(struct dialogs *d, dialogs_due *due, void *ctx)
{
    d->due = due;
    d->due_ctx = ctx;
}

void dialogs_counters(struct dialogs *d, struct dialogs_counters *out)
{
    *out = (struct dialogs_counters){.records = d->n_records, .restored = d->restored, .damaged = d->damaged,
                                     .given_up = d->given_up, .too_long = d->too_long, .no_slot = d->no_slot,
                                     .cdrs = d->cdrs, .cdr_failures = d->cdr_failures};
    dialogs_file_count(d, &out->slots_used, &out->slots_ready);
}
