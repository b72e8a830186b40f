/* record.c - an AOR's bindings in one block: made whole, copied by readers; only times and CSeqs move in it.
 *
 * Room      server/location.
 * Layout    header, struct packed for each binding, then the texts one after another:
 *           contact path call-id instance received flow aor-uri agent, and a struct packed_instance where there is one.
 * Agents    thousands of phones have the same User-Agent: the text is kept once (l->agents), its number in the record.
 *           The table only grows, so it is read without a lock; when it is full the text stands in the record. */
#include <string.h>

#include "server/location/location_priv.h"

/* ---- agents ---- */
/* Its place in the table: where its number stands, or a free one where it would go. The table is never more than half full. */
static size_t agent_place(const struct location *l, struct slice text)
{
    const struct agents *a = &l->agents;
    size_t               at = hash_name(&l->key, text) % (2 * MAX_AGENTS);
    uint16_t             n;

    while ((n = atomic_load_explicit(&a->by_hash[at], memory_order_acquire)) && !slice_eq(a->text[n], text))
        at = (at + 1) % (2 * MAX_AGENTS);
    return at;
}

/* With the lock held: somebody may have been faster. *copy is NULL afterwards when it was taken. */
static uint16_t agent_add(struct location *l, char **copy, size_t octets)
{
    struct agents *a = &l->agents;
    size_t         at = agent_place(l, (struct slice){*copy, octets});
    uint16_t       found = atomic_load_explicit(&a->by_hash[at], memory_order_relaxed);

    if (found || a->n == MAX_AGENTS)
        return found;
    found = (uint16_t)++a->n;
    a->text[found] = (struct slice){*copy, octets};
    atomic_store_explicit(&a->by_hash[at], found, memory_order_release);
    *copy = NULL;
    return found;
}

static bool agents_full(const struct location *l)
{
    return atomic_load_explicit(&l->agents.n, memory_order_relaxed) == MAX_AGENTS;
}

/* The text's number; 0 when it must stand in the record. */
static uint16_t agent_number(struct location *l, struct slice text)
{
    uint16_t found = text.n ? atomic_load_explicit(&l->agents.by_hash[agent_place(l, text)], memory_order_acquire) : 0;
    char    *copy;

    if (found || text.n == 0 || agents_full(l) || !(copy = mem_alloc(&l->heap.mem, text.n)))
        return found;
    memcpy(copy, text.p, text.n);
    spin_lock(&l->agents.lock);
    found = agent_add(l, &copy, text.n);
    spin_unlock(&l->agents.lock);
    if (copy)
        mem_free(&l->heap.mem, copy, text.n);
    return found;
}

void agents_close(struct location *l)
{
    for (uint32_t i = 1; i <= l->agents.n; i++)
        mem_free(&l->heap.mem, (char *)(uintptr_t)l->agents.text[i].p, l->agents.text[i].n);
}

/* ---- making ---- */
static bool has_instance(const struct location_binding *b)
{
    return b->instance.n || b->reg_id;
}

static size_t text_octets(const struct draft *d)
{
    const struct location_binding *b = &d->b;

    return b->contact.n + b->path.n + b->call_id.n + b->instance.n + b->received.n + b->flow.n + b->aor_uri.n +
           (d->agent ? 0 : b->agent.n) + (has_instance(b) ? sizeof(struct packed_instance) : 0);
}

static void pack(const struct draft *d, struct packed *p, struct buf *texts)
{
    const struct location_binding *b = &d->b;
    struct slice                   agent = d->agent ? SLICE_NONE : b->agent;

    struct packed_instance         instance = {.temp_gruu_ms = b->temp_gruu_ms, .reg_id = b->reg_id};

    *p = (struct packed){.registered_ms = b->registered_ms, .expires_ms = b->expires_ms, .interval_s = d->interval_s,
                         .slot = b->slot, .cseq = b->cseq, .at = (uint32_t)texts->n, .q = b->q, .agent = d->agent,
                         .flow_state = (uint8_t)b->flow_state, .stream = d->stream, .has_instance = has_instance(b)};
    p->n_contact = (uint16_t)b->contact.n;
    p->n_path = (uint16_t)b->path.n;
    p->n_call_id = (uint8_t)b->call_id.n;
    p->n_instance = (uint8_t)b->instance.n;
    p->n_received = (uint8_t)b->received.n;
    p->n_flow = (uint8_t)b->flow.n;
    p->n_aor_uri = (uint8_t)b->aor_uri.n;
    p->n_agent = (uint8_t)agent.n;
    buf_puts(texts, b->contact, b->path, b->call_id, b->instance, b->received, b->flow, b->aor_uri, agent);
    if (p->has_instance)
        buf_put(texts, (struct slice){(const char *)&instance, sizeof instance});
}

struct record *location_record_make(struct location *l, const struct draft *drafts, size_t n)
{
    size_t         head = sizeof(struct record) + n * sizeof(struct packed), octets = head;
    uint16_t       agents[LOCATION_MAX_CONTACTS_HARD];
    struct record *r;
    struct buf     texts;

    for (size_t i = 0; i < n; i++) {
        struct draft d = drafts[i];

        d.agent = agents[i] = d.agent ? d.agent : agent_number(l, d.b.agent);
        octets += text_octets(&d);
    }
    if (!(r = pieces_alloc(&l->pieces, octets)))
        return NULL;
    r->head.octets = (uint32_t)octets;
    r->head.n = (uint32_t)n;
    buf_init(&texts, r, octets);
    texts.n = head;
    for (size_t i = 0; i < n; i++) {
        struct draft d = drafts[i];

        d.agent = agents[i];
        pack(&d, &r->b[i], &texts);
    }
    return r;
}

static bool has_states(const struct record *r, const struct draft *d)
{
    for (uint32_t i = 0; i < r->head.n; i++)
        if (r->b[i].flow_state != d[i].b.flow_state)
            return false;
    return true;
}

bool location_record_move(struct record *r, const struct draft *d)
{
    if (!has_states(r, d))
        return false;
    for (uint32_t i = 0; i < r->head.n; i++) {
        struct packed *p = &r->b[i];

        atomic_store_explicit(&p->registered_ms, d[i].b.registered_ms, memory_order_relaxed);
        atomic_store_explicit(&p->expires_ms, d[i].b.expires_ms, memory_order_relaxed);
        atomic_store_explicit(&p->interval_s, d[i].interval_s, memory_order_relaxed);
        atomic_store_explicit(&p->cseq, d[i].b.cseq, memory_order_relaxed);
    }
    return true;
}

void location_record_copy(struct record *to, const struct record *from)
{
    const size_t texts = sizeof *from + from->head.n * sizeof *from->b;

    to->head = (struct shown){.octets = from->head.octets, .n = from->head.n};
    memcpy((char *)to + texts, (const char *)from + texts, from->head.octets - texts);
    for (uint32_t i = 0; i < from->head.n; i++) {
        const struct packed *p = &from->b[i];

        memcpy((char *)&to->b[i] + PACKED_STILL, (const char *)p + PACKED_STILL, sizeof *p - PACKED_STILL);
        atomic_init(&to->b[i].registered_ms, atomic_load_explicit(&p->registered_ms, memory_order_relaxed));
        atomic_init(&to->b[i].expires_ms, atomic_load_explicit(&p->expires_ms, memory_order_relaxed));
        atomic_init(&to->b[i].interval_s, atomic_load_explicit(&p->interval_s, memory_order_relaxed));
        atomic_init(&to->b[i].cseq, atomic_load_explicit(&p->cseq, memory_order_relaxed));
    }
}

void location_record_free(struct location *l, struct record *r)
{
    if (r)
        pieces_free(&l->pieces, r, r->head.octets);
}

/* ---- reading ---- */
static struct slice take(const char **at, size_t n)
{
    struct slice s = {*at, n};

    *at += n;
    return s;
}

struct slice location_record_contact(const struct record *r, uint32_t i)
{
    return (struct slice){(const char *)r + r->b[i].at, r->b[i].n_contact};
}

struct slice location_record_call_id(const struct record *r, uint32_t i)
{
    return (struct slice){slice_end(location_record_contact(r, i)) + r->b[i].n_path, r->b[i].n_call_id};
}

int64_t location_record_first_expiry(const struct record *r)
{
    int64_t first = INT64_MAX;

    for (uint32_t i = 0; i < r->head.n; i++)
        if (r->b[i].expires_ms < first)
            first = r->b[i].expires_ms;
    return first;
}

static void take_instance(const char *at, struct location_binding *out)
{
    struct packed_instance instance;

    memcpy(&instance, at, sizeof instance); /* it stands wherever the texts end */
    out->temp_gruu_ms = instance.temp_gruu_ms;
    out->reg_id = instance.reg_id;
}

void location_record_expand(const struct location *l, const struct aor *aor, const struct record *r, uint32_t i, struct location_binding *out)
{
    const struct packed *p = &r->b[i];
    const char          *at = (const char *)r + p->at;

    *out = (struct location_binding){.aor = {aor->text, aor->n}, .flow_state = (enum location_flow_state)p->flow_state,
                                     .registered_ms = p->registered_ms, .expires_ms = p->expires_ms, .cseq = p->cseq,
                                     .q = p->q, .slot = p->slot};
    out->contact = take(&at, p->n_contact);
    out->path = take(&at, p->n_path);
    out->call_id = take(&at, p->n_call_id);
    out->instance = take(&at, p->n_instance);
    out->received = take(&at, p->n_received);
    out->flow = take(&at, p->n_flow);
    out->aor_uri = take(&at, p->n_aor_uri);
    out->agent = p->agent ? l->agents.text[p->agent] : take(&at, p->n_agent);
    if (p->has_instance)
        take_instance(at, out);
}

void location_record_draft(const struct location *l, const struct aor *aor, const struct record *r, uint32_t i, struct draft *out)
{
    location_record_expand(l, aor, r, i, &out->b);
    out->interval_s = r->b[i].interval_s;
    out->agent = r->b[i].agent;
    out->stream = r->b[i].stream;
}

/* Better first: higher q, then newer; else as they stand in the record, which is the order in which they came. */
static bool better(const struct location_binding *a, const struct location_binding *b)
{
    if (a->q != b->q)
        return a->q > b->q;
    return a->registered_ms > b->registered_ms;
}

size_t location_record_list(const struct location *l, const struct aor *aor, const struct record *r, int64_t now_ms,
                   struct location_binding *out)
{
    size_t n = 0;

    for (uint32_t i = 0; r && i < r->head.n; i++) {
        struct location_binding b;
        size_t                  at = n;

        if (r->b[i].expires_ms <= now_ms)
            continue;
        location_record_expand(l, aor, r, i, &b);
        for (; at > 0 && better(&b, &out[at - 1]); at--)
            out[at] = out[at - 1];
        out[at] = b;
        n++;
    }
    return n;
}
