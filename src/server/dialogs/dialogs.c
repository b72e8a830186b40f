/* dialogs.c - records: begun, written anew, ended; and found again at start.
 *
 * Room      server/dialogs.
 * Writers   one at a time for a record: the holder of the call's shard. The sweep may end one that nobody has written for
 *           long; so each write looks under the entry's lock whether the record is still there.
 * Touches   entries and slots.
 * Not here  looking up (find.c), the format (slot.c), the file (file.c). */
#include <string.h>

#include "base/ahead.h"
#include "server/dialogs/dialogs_priv.h"
#include "sys/random.h"

/* ---- writing ---- */
/* A slot with a record in it, of which only the serial is missing. */
struct filled {
    struct slot *s;
    uint32_t     slot;
    uint64_t     serial;
};

static enum err fill_slot(struct dialogs *d, const struct dialog_record *r, struct dialog_id id, bool is_new, struct filled *out)
{
    enum err e = dialogs_file_take(d, slot_octets(r), is_new, &out->slot);

    if (e) {
        atomic_fetch_add(e == ERR_LIMIT ? &d->too_long : &d->no_slot, 1);
        return e == ERR_LIMIT ? e : ERR_FULL;
    }
    out->s = dialogs_file_slot(d, out->slot);
    out->serial = atomic_fetch_add(&d->serial, 1);
    out->s->entry = id.slot;
    out->s->gen = id.gen;
    slot_write(out->s, r);
    slot_sum(out->s, out->serial);
    return ERR_OK;
}

/* Under the entry's lock. */
static void make_valid(const struct filled *f, struct entry *en)
{
    atomic_store_explicit(&f->s->serial, f->serial, memory_order_release);
    en->slot = f->slot;
}

/* A fresh slot with this record takes the place of the entry's, which is the caller's then. The record may have ended
 * meanwhile: ERR_NOTFOUND. */
static enum err replace(struct dialogs *d, struct dialog_id id, const struct dialog_record *r, uint32_t *was)
{
    struct entry *en = &d->entries[id.slot];
    struct filled f;
    enum err      e = fill_slot(d, r, id, false, &f);

    if (e)
        return e;
    spin_lock(entry_lock(d, id.slot));
    if (entry_is(en, id)) {
        *was = en->slot;
        make_valid(&f, en);
        en->restored = en->restored && r->state == DIALOG_EARLY;
    } else {
        e = ERR_NOTFOUND;
    }
    spin_unlock(entry_lock(d, id.slot));
    if (e)
        dialogs_file_give(d, f.slot);
    return e;
}

/* After a restart the INVITE of an unanswered attempt comes again: its record goes on. */
static bool take_over(struct dialogs *d, const struct dialog_record *r, struct dialog_id *out)
{
    uint32_t was;
    bool     restored;

    if (dialogs_find_attempt(d, r->call_id, r->side[DIALOG_CALLER].tag, r->invite_cseq, out))
        return false;
    spin_lock(entry_lock(d, out->slot));
    restored = d->entries[out->slot].restored && d->entries[out->slot].gen == out->gen;
    d->entries[out->slot].restored = false;
    spin_unlock(entry_lock(d, out->slot));
    if (!restored || replace(d, *out, r, &was))
        return false;
    dialogs_file_give(d, was);
    tell_changed(d, r);
    return true;
}

static uint32_t new_gen(struct dialogs *d)
{
    uint32_t gen = atomic_fetch_add(&d->gen, 1);

    return gen ? gen : atomic_fetch_add(&d->gen, 1);
}

enum err dialogs_begin(struct dialogs *d, const struct dialog_record *r, struct dialog_id *out)
{
    uint64_t         hash = r->call_hash ? r->call_hash : entry_call_hash(d, r->call_id);
    uint32_t         others[DIALOGS_MAX_OF_CALL];
    size_t           n = chain_list(d, hash, others, DIALOGS_MAX_OF_CALL);
    struct dialog_id id = {0};
    struct filled    f;
    enum err         e;

    if (n > 0 && r->writes_cdr && take_over(d, r, out))
        return ERR_OK;
    if (n == DIALOGS_MAX_OF_CALL)
        return ERR_LIMIT;
    if (n > 0 && dialogs_is_there(d, hash, r, NO_ENTRY))
        return ERR_EXISTS;
    if (entry_take(d, &id.slot)) {
        atomic_fetch_add(&d->no_slot, 1);
        return ERR_FULL;
    }
    id.gen = new_gen(d);
    d->entries[id.slot].node.hash = hash;
    numbers_set(d, id.slot, r);
    chain_expect(d, id.slot);
    if ((e = fill_slot(d, r, id, true, &f))) {
        entry_push(d, id.slot);
        return e;
    }
    spin_lock(entry_lock(d, id.slot));
    make_valid(&f, &d->entries[id.slot]);
    d->entries[id.slot].gen = id.gen;
    spin_unlock(entry_lock(d, id.slot));
    chain_add(d, id.slot, hash);
    numbers_add(d, id.slot);
    atomic_fetch_add(&d->n_records, 1);
    tell_begun(d, id, r);
    tell_changed(d, r);
    *out = id;
    return ERR_OK;
}

/* A side is another number's now: who takes a dialog over. Should the sweep end the record meanwhile, it is taken out
 * again here, or there. */
static void renumber(struct dialogs *d, struct dialog_id id, uint32_t slot_it_had, const struct dialog_record *r)
{
    struct dialog_record was;
    bool                 there;

    numbers_remove(d, id.slot);
    numbers_set(d, id.slot, r);
    numbers_add(d, id.slot);
    spin_lock(entry_lock(d, id.slot));
    there = entry_is(&d->entries[id.slot], id);
    spin_unlock(entry_lock(d, id.slot));
    if (!there)
        numbers_remove(d, id.slot);
    slot_read(dialogs_file_slot(d, slot_it_had), &was);
    tell_changed(d, &was); /* whoever watches the number that it was sees that it is no more */
}

/* What a record that is put changes of the one that there is. */
struct putting {
    uint64_t call;      /* hash of its Call-ID */
    bool     moves;     /* the callee's tag is another one now */
    bool     renumbers; /* a side is another number's */
    bool     answers;
};

/* May it be put? */
static enum err check_put(struct dialogs *d, struct dialog_id id, const struct dialog_record *r, struct putting *out)
{
    const struct dialog_party *caller = &r->side[DIALOG_CALLER], *callee = &r->side[DIALOG_CALLEE];
    struct slot_names          was;
    enum err                   e = ERR_NOTFOUND;

    if (id.slot >= d->top)
        return e;
    spin_lock(entry_lock(d, id.slot));
    if (entry_is(&d->entries[id.slot], id)) {
        const struct slot *s = dialogs_file_slot(d, d->entries[id.slot].slot);

        slot_names(s, &was);
        e = slice_eq(was.call_id, r->call_id) && slice_eq(was.tag[DIALOG_CALLER], caller->tag) && r->state != DIALOG_ENDED
                ? ERR_OK
                : ERR_INVALID;
        out->call = d->entries[id.slot].node.hash;
        out->moves = !slice_eq(was.tag[DIALOG_CALLEE], callee->tag);
        out->renumbers = !slice_eq(was.number[DIALOG_CALLER], caller->number) || !slice_eq(was.number[DIALOG_CALLEE], callee->number);
        out->answers = s->state == DIALOG_EARLY && r->state == DIALOG_CONFIRMED;
    }
    spin_unlock(entry_lock(d, id.slot));
    return e;
}

enum err dialogs_put(struct dialogs *d, struct dialog_id id, const struct dialog_record *r)
{
    struct putting p;
    uint32_t       was;
    enum err       e = check_put(d, id, r, &p);

    if (e)
        return e;
    if (p.moves && dialogs_is_there(d, p.call, r, id.slot))
        return ERR_EXISTS;
    if ((e = replace(d, id, r, &was)))
        return e;
    if (p.renumbers)
        renumber(d, id, was, r);
    if (p.answers)
        tell_answered(d, id, r);
    dialogs_file_give(d, was);
    tell_changed(d, r);
    return ERR_OK;
}

enum err dialogs_seen(struct dialogs *d, struct dialog_id id, enum dialog_side from, uint32_t cseq, int64_t now_ms)
{
    enum err e = ERR_NOTFOUND;

    if (id.slot >= d->top)
        return e;
    spin_lock(entry_lock(d, id.slot));
    if (entry_is(&d->entries[id.slot], id)) {
        struct slot *s = dialogs_file_slot(d, d->entries[id.slot].slot);

        if (s->cseq[from] < cseq)
            atomic_store_explicit(&s->cseq[from], cseq, memory_order_relaxed);
        atomic_store_explicit(&s->seen_ms, now_ms, memory_order_relaxed);
        e = ERR_OK;
    }
    spin_unlock(entry_lock(d, id.slot));
    return e;
}

/* Where an answered call is noted when it ends, and what it leaves then. */
static void fetch_for_end(struct dialogs *d, uint32_t number)
{
    chain_expect(d, number);
    for (int i = 0; i < 2; i++)
        ahead_fetch(idle_set(d, d->entries[number].of_side[i].hash), 1);
}

enum err dialogs_end(struct dialogs *d, struct dialog_id id, const struct dialog_end *end)
{
    struct dialog_record r;
    struct entry        *en;
    struct slot         *s = NULL;

    if (id.slot >= d->top)
        return ERR_NOTFOUND;
    en = &d->entries[id.slot];
    spin_lock(entry_lock(d, id.slot));
    if (entry_is(en, id)) {
        fetch_for_end(d, id.slot);
        s = dialogs_file_slot(d, en->slot);
        slot_end(s, dialogs_file_room(en->slot), end);
        en->ended = true;
    }
    spin_unlock(entry_lock(d, id.slot));
    if (!s)
        return ERR_NOTFOUND;
    slot_read(s, &r); /* entry and slot are this thread's until the CDR is submitted */
    tell_ended(d, id, &r);
    if (r.answered_ms)
        recent_note(d, en, r.ended_ms); /* before it is not found any more */
    chain_remove(d, id.slot);
    numbers_remove(d, id.slot);
    tell_changed(d, &r);
    for (int i = 0; i < 2 && r.answered_ms; i++)
        idle_note(d, en->of_side[i].hash, r.ended_ms);
    cdr_submit(d, id.slot, r.writes_cdr);
    return ERR_OK;
}

/* ---- open ---- */
/* One slot of the file: whose it is, or that it is free. */
static void load_slot(struct dialogs *d, uint32_t slot)
{
    const struct slot *s = dialogs_file_slot(d, slot);
    struct entry      *en;

    if (s->serial == 0) {
        dialogs_file_give(d, slot);
        return;
    }
    if (s->entry >= d->max || !slot_is_sound(s, dialogs_file_room(slot))) {
        atomic_fetch_add(&d->damaged, 1);
        dialogs_file_give(d, slot);
        return;
    }
    if (s->serial > d->serial)
        d->serial = s->serial;
    if (s->gen > d->gen)
        d->gen = s->gen;
    entry_in_use(d, s->entry);
    en = &d->entries[s->entry];
    if (en->gen == 0) {
        *en = (struct entry){.slot = slot, .gen = s->gen};
        return;
    }
    /* Killed between the new slot's serial and the old one's end: the newer holds. */
    if (dialogs_file_slot(d, en->slot)->serial > s->serial) {
        dialogs_file_give(d, slot);
        return;
    }
    dialogs_file_give(d, en->slot);
    en->slot = slot;
    en->gen = s->gen;
}

static void load_entry(struct dialogs *d, uint32_t number)
{
    struct entry        *en = &d->entries[number];
    struct dialog_record r;

    if (en->gen == 0) {
        entry_push(d, number);
        return;
    }
    slot_read(dialogs_file_slot(d, en->slot), &r);
    atomic_fetch_add(&d->n_records, 1);
    if (r.state == DIALOG_ENDED) {
        en->ended = true;
        cdr_submit(d, number, r.writes_cdr);
        return;
    }
    en->restored = r.state == DIALOG_EARLY;
    atomic_fetch_add(&d->restored, 1);
    chain_add(d, number, entry_call_hash(d, r.call_id));
    numbers_set(d, number, &r);
    numbers_add(d, number);
}

static void load(struct dialogs *d)
{
    dialogs_file_each(d, load_slot);
    d->serial++;
    d->gen++;
    for (uint32_t i = d->top; i-- > 0;)
        load_entry(d, i);
}

static enum err allocate(struct dialogs *d)
{
    struct mem *mem = d->conf.mem;

    d->free_entry = NO_ENTRY;
    if (!(d->entries = mem_alloc(mem, d->max * sizeof *d->entries)))
        return ERR_NOMEM;
    if (array_map_init(&d->calls.map, mem, &d->entries->node, d->max / 2) ||
        array_map_init(&d->numbers.map, mem, d->entries->of_side, d->max / 2))
        return ERR_NOMEM;
    return ERR_OK;
}

struct hash_key dialogs_key(const struct dialogs *d)
{
    return d->key;
}

enum err dialogs_open(struct dialogs **out, const struct dialogs_conf *conf)
{
    struct dialogs *d = mem_zalloc(conf->mem, sizeof *d);
    enum err        e;

    if (!d)
        return ERR_NOMEM;
    d->conf = *conf;
    d->max = conf->slots ? conf->slots : DIALOGS_SLOTS;
    if (d->max > DIALOGS_SLOTS_MAX)
        d->max = DIALOGS_SLOTS_MAX;
    random_octets(conf->random, &d->key, sizeof d->key);
    if ((e = allocate(d)) || (e = dialogs_file_open(d))) {
        dialogs_close(d);
        return e;
    }
    load(d);
    idle_load(d);
    *out = d;
    return ERR_OK;
}

void dialogs_close(struct dialogs *d)
{
    struct mem *mem;

    if (!d)
        return;
    mem = d->conf.mem;
    dialogs_file_close(d);
    array_map_close(&d->calls.map);
    array_map_close(&d->numbers.map);
    mem_free(mem, d->entries, d->max * sizeof *d->entries);
    mem_free(mem, d, sizeof *d);
}
