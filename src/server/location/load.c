/* load.c - bindings out of the store, at a start.
 *
 * Room      server/location.
 * Threads   one, before anybody else knows the location: so no lock is taken but where a function takes it for others.
 * Why so    of a million AORs the one that a row names is in no cache, nor is its place in the tables. So each row is made into a
 *           record as it comes, and TOGETHER of them are linked in at a time: what they touch is fetched meanwhile. */
#include "server/location/location_priv.h"

enum { TOGETHER = 32 };

/* A row on its way into the tables. */
struct arrival {
    struct aor    *aor; /* its own, whether or not there is one of that name already */
    struct record *record;
    uint32_t       slot, of_contact;
};

struct loading {
    struct location    *l;
    struct store_write *drop; /* rows that are not taken over; NULL: none */
    bool                lift; /* refreshes may be lost: a phone may have been promised more than we know */
    struct arrival      arrivals[TOGETHER];
    size_t              n;
    enum err            e;
};

static void drop_row(struct loading *ld, uint32_t slot)
{
    if (!ld->drop)
        ld->drop = store_begin(ld->l->conf.store, STORE_BEHIND);
    if (ld->drop)
        store_delete_binding(ld->drop, slot);
}

/* ---- linking in ---- */
/* One more binding of an AOR that has some. */
static enum err add_to(struct location *l, struct aor *a, const struct arrival *r)
{
    struct draft   d[LOCATION_MAX_CONTACTS_HARD];
    struct record *known = aor_record(a), *both;
    uint32_t       n = 0;

    for (; n < known->head.n; n++)
        location_record_draft(l, a, known, n, &d[n]);
    if (n == LOCATION_MAX_CONTACTS_HARD)
        return ERR_LIMIT;
    location_record_draft(l, a, r->record, 0, &d[n]);
    if (!(both = location_record_make(l, d, n + 1)))
        return ERR_NOMEM;
    atomic_store(&a->record, both);
    location_record_free(l, known);
    return ERR_OK;
}

static void discard(struct location *l, const struct arrival *r)
{
    location_record_free(l, r->record);
    aor_unmake(l, r->aor);
}

static enum err link_in(struct location *l, const struct arrival *r)
{
    struct aor *a = NULL;
    enum err    e = aor_add(l, r->aor, &a);

    if (!e && a != r->aor)
        e = add_to(l, a, r);
    if (a != r->aor)
        discard(l, r);
    if (e || (e = slots_claim(l, r->slot, a)))
        return e;
    contact_add(l, r->slot, r->of_contact);
    return ERR_OK;
}

static void link_all(struct loading *ld)
{
    for (size_t i = 0; i < ld->n; i++)
        aor_expect(ld->l, ld->arrivals[i].aor->hash, 2);
    for (size_t i = 0; i < ld->n; i++)
        if (ld->e)
            discard(ld->l, &ld->arrivals[i]);
        else
            ld->e = link_in(ld->l, &ld->arrivals[i]);
    ld->n = 0;
}

/* ---- rows ---- */
/* Texts fit, and the contact is a URI: a row that somebody has edited may be otherwise. */
static bool row_is_sound(const struct store_binding *s, struct uri *u)
{
    return s->aor.n > 0 && s->aor.n <= LOCATION_MAX_AOR && s->aor_uri.n <= LOCATION_MAX_AOR && s->contact.n <= LOCATION_MAX_CONTACT &&
           s->path.n <= LOCATION_MAX_PATH && s->call_id.n <= LOCATION_MAX_CALL_ID && s->instance.n <= LOCATION_MAX_INSTANCE &&
           s->agent.n <= LOCATION_MAX_AGENT && s->received.n <= LOCATION_MAX_RECEIVED && s->flow.n <= LOCATION_MAX_FLOW &&
           uri_parse(s->contact, u, NULL) == ERR_OK;
}

static void draft_of_row(const struct store_binding *s, struct draft *d)
{
    *d = (struct draft){.interval_s = (uint32_t)(s->interval_ms / 1000), .stream = s->stream};
    d->b = (struct location_binding){
        .contact = s->contact, .path = s->path, .call_id = s->call_id, .instance = s->instance, .agent = s->agent,
        .received = s->received, .flow = s->flow, .aor_uri = s->aor_uri, .registered_ms = s->registered_ms,
        .expires_ms = s->expires_ms, .cseq = s->cseq, .reg_id = s->reg_id, .q = s->q, .slot = s->slot,
        .temp_gruu_ms = s->temp_gruu_ms, .flow_state = s->stream ? LOCATION_FLOW_GONE : LOCATION_FLOW_RESTORED};
}

static enum err make(struct location *l, const struct store_binding *s, const struct uri *contact, struct arrival *out)
{
    uint32_t     hash = aor_hash(l, s->aor);
    struct draft d;

    out->slot = s->slot;
    aor_expect(l, hash, 1);
    out->of_contact = contact_hash(l, contact);
    contact_expect(l, out->of_contact);
    draft_of_row(s, &d);
    if (!(out->record = location_record_make(l, &d, 1)))
        return ERR_NOMEM;
    if (!(out->aor = aor_make(l, s->aor, hash))) {
        location_record_free(l, out->record);
        return ERR_NOMEM;
    }
    atomic_store_explicit(&out->aor->record, out->record, memory_order_relaxed);
    return ERR_OK;
}

static bool load_row(void *arg, const struct store_binding *row)
{
    struct loading      *ld = arg;
    struct location     *l = ld->l;
    struct store_binding s = *row;
    struct uri           u;

    refreshed_apply(l, &s);
    if (ld->lift && s.expires_ms < l->conf.now_ms + s.interval_ms)
        s.expires_ms = l->conf.now_ms + s.interval_ms;
    if (s.expires_ms <= l->conf.now_ms || !row_is_sound(&s, &u)) {
        drop_row(ld, s.slot);
        return true;
    }
    if ((ld->e = make(l, &s, &u, &ld->arrivals[ld->n])))
        return false;
    if (++ld->n == TOGETHER)
        link_all(ld);
    return !ld->e;
}

enum err location_load(struct location *l)
{
    struct loading ld = {.l = l, .lift = !store_was_closed(l->conf.store) || refreshed_is_new(l)};
    enum err       e = store_each_binding(l->conf.store, load_row, &ld);

    link_all(&ld);
    if (ld.drop)
        store_submit(ld.drop, NULL, NULL);
    slots_settle(l);
    return e ? e : ld.e;
}
