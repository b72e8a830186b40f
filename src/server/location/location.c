/* location.c - opened, closed; rows.
 *
 * Room      server/location.
 * Not here  bindings out of the store (load.c). */
#include "server/location/location_priv.h"
#include "sys/random.h"

/* ---- rows ---- */
void location_put_row(struct store_write *w, const struct location *l, const struct aor *a, const struct record *r, uint32_t i)
{
    struct location_binding b;

    location_record_expand(l, a, r, i, &b);
    store_put_binding(w, &(struct store_binding){
        .slot = b.slot, .aor = b.aor, .contact = b.contact, .call_id = b.call_id, .path = b.path, .instance = b.instance,
        .agent = b.agent, .received = b.received, .flow = b.flow, .aor_uri = b.aor_uri, .registered_ms = b.registered_ms,
        .expires_ms = b.expires_ms, .interval_ms = (int64_t)r->b[i].interval_s * 1000, .temp_gruu_ms = b.temp_gruu_ms,
        .cseq = b.cseq, .reg_id = b.reg_id, .q = b.q, .stream = r->b[i].stream});
}

/* ---- open and close ---- */
enum err location_open(struct location **out, const struct location_conf *conf)
{
    struct location *l = mem_zalloc(conf->mem, sizeof *l);
    uint32_t         expected;
    enum err         e;

    if (!l)
        return ERR_NOMEM;
    l->conf = *conf;
    heap_counted_init(&l->heap, conf->mem, 0);
    l->pieces.mem = &l->heap.mem;
    l->pieces.grace = &l->grace;
    l->max_contacts = conf->max_contacts ? conf->max_contacts : LOCATION_MAX_CONTACTS;
    if (l->max_contacts > LOCATION_MAX_CONTACTS_HARD)
        l->max_contacts = LOCATION_MAX_CONTACTS_HARD;
    random_octets(conf->random, &l->key, sizeof l->key);
    refreshed_open(l);
    expected = store_last_slot(conf->store) / STRIPES;
    if ((e = slots_open(l, expected)) || (e = aors_open(l, expected)) || (e = location_load(l))) {
        location_close(l);
        return e;
    }
    *out = l;
    return ERR_OK;
}

void location_watch(struct location *l, location_changed *changed, void *ctx)
{
    l->changed = changed;
    l->changed_ctx = ctx;
}

void location_close(struct location *l)
{
    struct mem mem;

    if (!l)
        return;
    mem = *l->conf.mem;
    aors_close(l);
    agents_close(l);
    slots_close(l);
    pieces_close(&l->pieces);
    refreshed_close(l);
    mem_free(&mem, l, sizeof *l);
}

void location_counters(struct location *l, struct location_counters *out)
{
    *out = (struct location_counters){.aors = l->n_aors, .bindings = l->n_bindings, .octets = atomic_load(&l->heap.octets) + sizeof *l,
                                      .refreshes = l->n_refreshes, .promises = l->n_promises, .refused = l->n_refused};
    for (size_t i = 0; i < STRIPES; i++) {
        spin_lock(&l->stripes[i].lock);
        out->steps += l->stripes[i].steps;
        spin_unlock(&l->stripes[i].lock);
    }
}
