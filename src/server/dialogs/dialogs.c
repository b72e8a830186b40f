/* dialogs.c - records: begun, written anew, ended; and found again at start.
 *
 * Room      server/dialogs.
 * Writers   one at a time for a record: the holder of the call's shard. The sweep may end one that nobody has written for
 *           long; so each write looks under the entry's lock whether the record is still there.
 * Touches   entries and slots.
 * Not here  looking up (find.c), the format (slot.c), the file (file.c). */
#include <string.h>

#include "server/dialogs/dialogs_priv.h"
#include "sys/random.h"

#define FIRST_BUCKETS 16
#define WHY_OCTETS 60 /* of the reason for an end, when it is short of room */

/* ---- writing ---- */
/* A slot with the record in it, valid but nobody's yet. */
static enum err fill_slot(struct dialogs *d, const struct dialog_record *r, struct dialog_id id, bool is_new, uint32_t *out)
{
    struct slot *s;
    uint32_t     slot;

    if (dialogs_file_take(d, is_new, &slot)) {
        atomic_fetch_add(&d->no_slot, 1);
        return ERR_FULL;
    }
    s = dialogs_file_slot(d, slot);
    s->entry = id.slot;
    s->gen = id.gen;
    if (slot_write(s, r)) {
        dialogs_file_give(d, slot);
        atomic_fetch_add(&d->too_long, 1);
        return ERR_LIMIT;
    }
    slot_make_valid(s, atomic_fetch_add(&d->serial, 1));
    *out = slot;
    return ERR_OK;
}

enum err dialogs_record_replace(struct dialogs *d, struct dialog_id id, const struct dialog_record *r, bool ends)
{
    struct entry *en = &d->entries[id.slot];
    uint32_t      slot, old;
    enum err      e = fill_slot(d, r, id, false, &slot);

    if (e)
        return e;
    spin_lock(entry_lock(d, id.slot));
    if (en->gen == id.gen && !en->ended) {
        old = en->slot;
        en->slot = slot;
        en->ended = ends;
        en->restored = en->restored && r->state == DIALOG_EARLY;
    } else {
        old = slot;
        e = ERR_NOTFOUND;
    }
    spin_unlock(entry_lock(d, id.slot));
    dialogs_file_give(d, old);
    return e;
}

/* Is there a record of this Call-ID with these tags, other than `except`? */
static bool is_there(struct dialogs *d, const struct dialog_record *r, uint32_t except)
{
    struct dialog_key key = {r->call_id, r->side[DIALOG_CALLER].tag, r->side[DIALOG_CALLEE].tag};
    enum dialog_side  from;
    struct dialog_id  id;

    return dialogs_find(d, &key, NULL, &id, &from, NULL) == ERR_OK && id.slot != except;
}

/* After a restart the INVITE of an unanswered attempt comes again: its record goes on. */
static bool take_over(struct dialogs *d, const struct dialog_record *r, struct dialog_id *out)
{
    bool restored;

    if (dialogs_find_attempt(d, r->call_id, r->side[DIALOG_CALLER].tag, r->invite_cseq, out))
        return false;
    spin_lock(entry_lock(d, out->slot));
    restored = d->entries[out->slot].restored && d->entries[out->slot].gen == out->gen;
    d->entries[out->slot].restored = false;
    spin_unlock(entry_lock(d, out->slot));
    if (!restored || dialogs_record_replace(d, *out, r, false))
        return false;
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
    uint64_t         hash = entry_call_hash(d, r->call_id);
    uint32_t         others[DIALOGS_MAX_OF_CALL], slot;
    struct dialog_id id = {0};
    struct entry    *en;
    enum err         e;

    if (r->writes_cdr && take_over(d, r, out))
        return ERR_OK;
    if (chain_list(d, hash, others, DIALOGS_MAX_OF_CALL) == DIALOGS_MAX_OF_CALL)
        return ERR_LIMIT;
    if (is_there(d, r, NO_ENTRY))
        return ERR_EXISTS;
    if (entry_take(d, &id.slot)) {
        atomic_fetch_add(&d->no_slot, 1);
        return ERR_FULL;
    }
    id.gen = new_gen(d);
    if ((e = fill_slot(d, r, id, true, &slot))) {
        entry_push(d, id.slot);
        return e;
    }
    en = &d->entries[id.slot];
    spin_lock(entry_lock(d, id.slot));
    en->slot = slot;
    en->gen = id.gen;
    spin_unlock(entry_lock(d, id.slot));
    chain_add(d, id.slot, hash);
    numbers_add(d, id.slot, r);
    atomic_fetch_add(&d->n_records, 1);
    tell_begun(d, id, r);
    tell_changed(d, r);
    *out = id;
    return ERR_OK;
}

/* A side is another number's now: who takes a dialog over. Should the sweep end the record meanwhile, it is taken out
 * again here, or there. */
static void renumber(struct dialogs *d, struct dialog_id id, const struct slot *was, const struct dialog_record *r)
{
    struct dialog_record old;
    bool                 there;

    slot_read(was, &old);
    if (slice_eq(old.side[0].number, r->side[0].number) && slice_eq(old.side[1].number, r->side[1].number))
        return;
    numbers_remove(d, id.slot);
    numbers_add(d, id.slot, r);
    spin_lock(entry_lock(d, id.slot));
    there = d->entries[id.slot].gen == id.gen && !d->entries[id.slot].ended;
    spin_unlock(entry_lock(d, id.slot));
    if (!there)
        numbers_remove(d, id.slot);
    tell_changed(d, &old); /* whoever watches the number that it was sees that it is no more */
}

enum err dialogs_put(struct dialogs *d, struct dialog_id id, const struct dialog_record *r)
{
    struct slot now;
    enum err    e = entry_copy(d, id, false, &now);
    bool        answers;

    if (e)
        return e;
    answers = now.state == DIALOG_EARLY && r->state == DIALOG_CONFIRMED;
    if (!slice_eq(slot_call_id(&now), r->call_id) || !slice_eq(slot_tag(&now, DIALOG_CALLER), r->side[DIALOG_CALLER].tag) ||
        r->state == DIALOG_ENDED)
        return ERR_INVALID;
    if (!slice_eq(slot_tag(&now, DIALOG_CALLEE), r->side[DIALOG_CALLEE].tag) && is_there(d, r, id.slot))
        return ERR_EXISTS;
    if ((e = dialogs_record_replace(d, id, r, false)))
        return e;
    renumber(d, id, &now, r);
    if (answers)
        tell_answered(d, id, r);
    tell_changed(d, r);
    return ERR_OK;
}

enum err dialogs_seen(struct dialogs *d, struct dialog_id id, enum dialog_side from, uint32_t cseq, int64_t now_ms)
{
    const struct entry *en;
    enum err            e = ERR_NOTFOUND;

    if (id.slot >= d->max)
        return e;
    en = &d->entries[id.slot];
    spin_lock(entry_lock(d, id.slot));
    if (id.gen != 0 && en->gen == id.gen && !en->ended) {
        struct slot *s = dialogs_file_slot(d, en->slot);

        if (s->side[from].cseq < cseq)
            s->side[from].cseq = cseq;
        s->seen_ms = now_ms;
        e = ERR_OK;
    }
    spin_unlock(entry_lock(d, id.slot));
    return e;
}

enum err dialogs_end(struct dialogs *d, struct dialog_id id, const struct dialog_end *end)
{
    struct dialog_record r;
    struct slot          now;
    enum err             e = entry_copy(d, id, false, &now);

    if (e)
        return e;
    slot_read(&now, &r);
    r.state = DIALOG_ENDED;
    r.ended_ms = end->now_ms;
    r.code = end->code ? end->code : r.code;
    r.ended_by = end->by;
    r.why = end->why;
    e = dialogs_record_replace(d, id, &r, true);
    if (e == ERR_LIMIT) {
        /* What a CDR needs fits: the ways to the phones are not part of it. */
        for (int i = 0; i < 2; i++)
            r.side[i].target = r.side[i].route = r.side[i].flow = r.side[i].origin = SLICE_NONE;
        r.why = slice_to(r.why, WHY_OCTETS);
        e = dialogs_record_replace(d, id, &r, true);
    }
    if (e)
        return e;
    tell_ended(d, id, &r);
    if (r.answered_ms)
        recent_note(d, &r); /* before it is not found any more */
    chain_remove(d, id.slot);
    numbers_remove(d, id.slot);
    tell_changed(d, &r);
    for (int i = 0; i < 2 && r.answered_ms; i++)
        idle_note(d, r.side[i].number, r.ended_ms);
    cdr_submit(d, id.slot);
    return ERR_OK;
}

/* ---- open ---- */
/* One slot of the file: whose it is, or that it is free. */
static void load_slot(struct dialogs *d, uint32_t slot, uint64_t *serial, uint32_t *gen)
{
    struct slot  *s = dialogs_file_slot(d, slot);
    struct entry *en;

    if (s->serial == 0) {
        dialogs_file_give(d, slot);
        return;
    }
    if (!slot_is_sound(s) || s->entry >= d->max) {
        atomic_fetch_add(&d->damaged, 1);
        dialogs_file_give(d, slot);
        return;
    }
    if (s->serial > *serial)
        *serial = s->serial;
    if (s->gen > *gen)
        *gen = s->gen;
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
    const struct slot   *s;
    struct dialog_record r;

    if (en->gen == 0) {
        entry_push(d, number);
        return;
    }
    s = dialogs_file_slot(d, en->slot);
    entry_in_use(d, number);
    atomic_fetch_add(&d->n_records, 1);
    if (s->state == DIALOG_ENDED) {
        en->ended = true;
        cdr_submit(d, number);
        return;
    }
    en->restored = s->state == DIALOG_EARLY;
    atomic_fetch_add(&d->restored, 1);
    chain_add(d, number, entry_call_hash(d, slot_call_id(s)));
    slot_read(s, &r);
    numbers_add(d, number, &r);
}

static void load(struct dialogs *d)
{
    uint64_t serial = 0;
    uint32_t gen = 0;

    for (uint32_t i = slot_file_ready(&d->slots); i-- > 0;)
        load_slot(d, i, &serial, &gen);
    d->serial = serial + 1;
    d->gen = gen + 1;
    for (uint32_t i = d->max; i-- > 0;)
        load_entry(d, i);
}

static enum err allocate(struct dialogs *d)
{
    struct mem *mem = d->conf.mem;

    if (!(d->entries = mem_zalloc(mem, d->max * sizeof *d->entries)) ||
        !(d->free_entries = mem_alloc(mem, d->max * sizeof(uint32_t))))
        return ERR_NOMEM;
    for (size_t i = 0; i < STRIPES; i++)
        if (map_init(&d->chains[i].map, mem, FIRST_BUCKETS) || map_init(&d->numbers[i].map, mem, FIRST_BUCKETS))
            return ERR_NOMEM;
    return ERR_OK;
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
    slot_file_close(&d->slots);
    for (size_t i = 0; i < STRIPES; i++) {
        if (d->chains[i].map.buckets)
            map_close(&d->chains[i].map);
        if (d->numbers[i].map.buckets)
            map_close(&d->numbers[i].map);
    }
    mem_free(mem, d->entries, d->max * sizeof *d->entries);
    mem_free(mem, d->free_entries, d->max * sizeof(uint32_t));
    mem_free(mem, d, sizeof *d);
}
