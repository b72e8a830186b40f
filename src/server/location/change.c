/* change.c - what one REGISTER makes of an AOR's bindings: RFC 3261 §10.3 steps 6 and 7, RFC 5626 §6, RFC 5627 §5.
 *
 * Room      server/location. The turn is held, so the AOR's record stands still.
 * Out       u->fresh, the slots that come, go and move, and whether a promise is due. On an error nothing is left behind. A plain
 *           refresh is done with that: u->fresh is the record that the AOR has.
 * Not here  storing and showing it (update.c). */
#include "server/location/location_priv.h"

struct work {
    struct update *u;
    struct draft   d[LOCATION_MAX_CONTACTS_HARD];
    bool           old[LOCATION_MAX_CONTACTS_HARD]; /* was there before this change */
    size_t         n;
};

/* Same Call-ID, and not a higher CSeq: an older request has come late (§10.3 step 7). */
static bool is_late(const struct location_change *c, const struct location_binding *b)
{
    return slice_eq(c->call_id, b->call_id) && c->cseq <= b->cseq;
}

static void drop(struct work *w, size_t i)
{
    w->u->parts[w->u->n_dropped++].dropped = w->d[i].b.slot;
    w->n--;
    for (; i < w->n; i++) {
        w->d[i] = w->d[i + 1];
        w->old[i] = w->old[i + 1];
    }
}

/* The AOR's bindings as they are; expired ones go by themselves, which needs no promise. */
static void take_old(struct work *w)
{
    const struct record *r = aor_record(w->u->aor);

    for (uint32_t i = 0; r && i < r->head.n; i++) {
        if (r->b[i].expires_ms <= w->u->change.now_ms) {
            w->u->parts[w->u->n_dropped++].dropped = r->b[i].slot;
            continue;
        }
        location_record_draft(w->u->l, w->u->aor, r, i, &w->d[w->n]);
        w->old[w->n++] = true;
    }
}

/* Another flow of the same phone, which may well have the same URI. */
static bool is_other_flow(const struct location_binding *b, const struct location_contact *c)
{
    return c->reg_id && b->reg_id && b->reg_id != c->reg_id && c->instance.n && slice_eq(b->instance, c->instance);
}

/* Which binding does this contact speak of, as far as that needs no look into URIs? With instance and reg-id that flow's,
 * whatever its URI (RFC 5626 §6); else the one that is written alike. w->n: none. */
static size_t find_alike(const struct work *w, const struct location_contact *c)
{
    size_t i;

    if (c->reg_id && c->instance.n)
        for (i = 0; i < w->n; i++)
            if (w->old[i] && w->d[i].b.reg_id == c->reg_id && slice_eq(w->d[i].b.instance, c->instance))
                return i;
    for (i = 0; i < w->n; i++)
        if (w->old[i] && slice_eq(w->d[i].b.contact, c->uri) && !is_other_flow(&w->d[i].b, c))
            break;
    return i;
}

/* The contact's URI: the caller's, or read into *room. NULL: it is none. */
static const struct uri *uri_of(const struct location_contact *c, struct uri *room)
{
    return c->parsed ? c->parsed : uri_parse(c->uri, room, NULL) ? NULL : room;
}

/* The one with an equal URI (RFC 3261 §19.1.4). w->n: none. */
static size_t find_equal(const struct work *w, const struct location_contact *c, const struct uri *u)
{
    struct uri other;
    size_t     i;

    for (i = 0; i < w->n; i++)
        if (w->old[i] && !is_other_flow(&w->d[i].b, c) && uri_parse(w->d[i].b.contact, &other, NULL) == ERR_OK && uri_equal(u, &other))
            break;
    return i;
}

static struct location_binding as_asked(const struct update *u, const struct location_contact *c)
{
    const struct location_change *ch = &u->change;

    return (struct location_binding){
        .contact = c->uri, .path = ch->path, .call_id = ch->call_id, .instance = c->instance, .reg_id = c->reg_id,
        .agent = slice_to(ch->agent, LOCATION_MAX_AGENT), .received = ch->received, .flow = ch->flow,
        .aor_uri = c->instance.n ? ch->aor_uri : SLICE_NONE, /* only GRUUs need it */
        .flow_state = LOCATION_FLOW_LIVE, .registered_ms = ch->now_ms, .cseq = ch->cseq, .q = c->q,
        .expires_ms = ch->now_ms + (int64_t)c->expires_s * 1000};
}

/* Do only the time and the CSeq move? The contact is written as it was. */
static bool is_refresh(const struct draft *d, const struct location_change *ch, const struct location_contact *c)
{
    return slice_eq(d->b.call_id, ch->call_id) && slice_eq(d->b.path, ch->path) && slice_eq(d->b.instance, c->instance) &&
           slice_eq(d->b.flow, ch->flow) && slice_eq(d->b.received, ch->received) &&
           slice_eq(d->b.agent, slice_to(ch->agent, LOCATION_MAX_AGENT)) &&
           slice_eq(d->b.aor_uri, c->instance.n ? ch->aor_uri : SLICE_NONE) && d->b.reg_id == c->reg_id && d->b.q == c->q &&
           d->stream == ch->stream;
}

static void refresh(struct draft *d, const struct location_change *ch, const struct location_contact *c)
{
    d->b.registered_ms = ch->now_ms;
    d->b.expires_ms = ch->now_ms + (int64_t)c->expires_s * 1000;
    d->b.cseq = ch->cseq;
    d->b.flow_state = LOCATION_FLOW_LIVE;
    d->interval_s = c->expires_s;
}

/* A binding that is there takes on what the request says. `uri` is the contact's; NULL where that is written as it was. */
static void renew(struct work *w, size_t i, const struct location_contact *c, const struct uri *uri)
{
    struct update          *u = w->u;
    struct draft           *d = &w->d[i];
    struct location_binding b;

    if (!uri && is_refresh(d, &u->change, c)) {
        refresh(d, &u->change, c);
        return;
    }
    b = as_asked(u, c);
    b.slot = d->b.slot;
    /* RFC 5627 §5.4.1: temporary GRUUs last as long as the Call-ID with which the instance registers. */
    b.temp_gruu_ms = d->b.temp_gruu_ms && slice_eq(d->b.call_id, b.call_id) ? d->b.temp_gruu_ms : u->change.now_ms;
    u->promise = true;
    if (uri)
        u->parts[u->n_moved++].moved = (struct placed){b.slot, contact_hash(u->l, uri)};
    if (!slice_eq(d->b.agent, b.agent))
        d->agent = 0;
    d->b = b;
    d->stream = u->change.stream;
    d->interval_s = c->expires_s;
}

static enum err add(struct work *w, const struct location_contact *c, const struct uri *uri)
{
    struct update *u = w->u;
    struct draft  *d = &w->d[w->n];

    if (w->n >= u->l->max_contacts)
        return ERR_LIMIT;
    *d = (struct draft){.b = as_asked(u, c), .interval_s = c->expires_s, .stream = u->change.stream};
    if (!(d->b.slot = slots_take(u->l, u->aor)))
        return ERR_FULL;
    u->parts[u->n_made++].made = (struct placed){d->b.slot, contact_hash(u->l, uri)};
    d->b.temp_gruu_ms = u->change.now_ms;
    w->old[w->n++] = false;
    u->promise = true;
    return ERR_OK;
}

static enum err take_contact(struct work *w, const struct location_contact *c)
{
    const struct uri *uri = NULL;
    struct uri        room;
    size_t            i = find_alike(w, c);

    if (i == w->n || !slice_eq(w->d[i].b.contact, c->uri)) { /* only then is the URI looked into */
        if (!(uri = uri_of(c, &room)))
            return ERR_SYNTAX;
        i = i == w->n ? find_equal(w, c, uri) : i;
    }
    if (i == w->n)
        return c->expires_s ? add(w, c, uri) : ERR_OK; /* to remove what is not there is no error */
    if (is_late(&w->u->change, &w->d[i].b))
        return ERR_STALE;
    if (c->expires_s) {
        w->old[i] = false; /* a second contact of this request does not mean it */
        renew(w, i, c, uri);
    } else {
        drop(w, i);
        w->u->promise = true;
    }
    return ERR_OK;
}

static enum err remove_all(struct work *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (is_late(&w->u->change, &w->d[i].b))
            return ERR_STALE;
    w->u->promise = w->n > 0;
    while (w->n > 0)
        drop(w, w->n - 1);
    return ERR_OK;
}

/* Removals first: who changes one contact for another does not meet the limit. */
static enum err take_contacts(struct work *w)
{
    const struct location_change *c = &w->u->change;

    for (int adding = 0; adding < 2; adding++)
        for (size_t i = 0; i < c->n_contacts; i++) {
            enum err e = (c->contacts[i].expires_s > 0) == adding ? take_contact(w, &c->contacts[i]) : ERR_OK;

            if (e)
                return e;
        }
    return ERR_OK;
}

static void undo(struct update *u)
{
    for (uint32_t i = 0; i < u->n_made; i++)
        slots_give(u->l, u->parts[i].made.slot);
    u->n_made = u->n_dropped = u->n_moved = 0;
}

/* What the AOR will have: after a plain refresh what it has, with other times. */
static struct record *make_fresh(struct work *w)
{
    const struct update *u = w->u;
    struct record       *old = aor_record(u->aor);

    if (!u->promise && u->n_dropped == 0 && old && location_record_move(old, w->d))
        return old;
    return location_record_make(u->l, w->d, w->n);
}

enum err change_work_out(struct update *u)
{
    struct work w;
    enum err    e;

    w.u = u;
    w.n = 0;
    u->n_made = u->n_dropped = u->n_moved = 0;
    u->promise = false;
    u->fresh = NULL;
    take_old(&w);
    e = u->change.remove_all ? remove_all(&w) : take_contacts(&w);
    if (!e && w.n > 0 && !(u->fresh = make_fresh(&w)))
        e = ERR_NOMEM;
    if (e)
        undo(u);
    return e;
}
