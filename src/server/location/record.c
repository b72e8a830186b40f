/* record.c - an AOR's bindings in one block: made whole, never changed, copied by readers.
 *
 * Room      server/location.
 * Layout    header, struct packed for each binding, then the texts one after another:
 *           contact path call-id instance received flow aor-uri agent.
 * Agents    thousands of phones have the same User-Agent: the text is kept once (l->agents), its number in the record.
 *           The table only grows; when it is full the text stands in the record. */
#include <string.h>

#include "server/location/location_priv.h"

/* ---- agents ---- */
static uint32_t agent_find(const struct location *l, struct slice text, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i <= to; i++)
        if (slice_eq(l->agents.text[i], text))
            return i;
    return 0;
}

/* The text's number; 0 when it must stand in the record. */
static uint16_t agent_number(struct location *l, struct slice text)
{
    struct agents *a = &l->agents;
    uint32_t       n = atomic_load_explicit(&a->n, memory_order_acquire), found = agent_find(l, text, 1, n);
    char          *copy;

    if (found || text.n == 0 || n == MAX_AGENTS || !(copy = mem_alloc(&l->heap.mem, text.n)))
        return (uint16_t)found;
    memcpy(copy, text.p, text.n);
    spin_lock(&a->lock);
    found = agent_find(l, text, n + 1, a->n); /* somebody may have been faster */
    if (!found && a->n < MAX_AGENTS) {
        found = a->n + 1;
        a->text[found] = (struct slice){copy, text.n};
        atomic_store_explicit(&a->n, found, memory_order_release);
        copy = NULL;
    }
    spin_unlock(&a->lock);
    mem_free(&l->heap.mem, copy, text.n);
    return (uint16_t)found;
}

void agents_close(struct location *l)
{
    for (uint32_t i = 1; i <= l->agents.n; i++)
        mem_free(&l->heap.mem, (char *)(uintptr_t)l->agents.text[i].p, l->agents.text[i].n);
}

/* ---- making ---- */
static size_t text_octets(const struct draft *d)
{
    const struct location_binding *b = &d->b;

    return b->contact.n + b->path.n + b->call_id.n + b->instance.n + b->received.n + b->flow.n + b->aor_uri.n +
           (d->agent ? 0 : b->agent.n);
}

static void pack(const struct draft *d, struct packed *p, struct buf *texts)
{
    const struct location_binding *b = &d->b;
    struct slice                   agent = d->agent ? SLICE_NONE : b->agent;

    *p = (struct packed){.registered_ms = b->registered_ms, .expires_ms = b->expires_ms, .temp_gruu_ms = b->temp_gruu_ms,
                         .interval_s = d->interval_s, .slot = b->slot, .cseq = b->cseq, .reg_id = b->reg_id,
                         .at = (uint32_t)texts->n, .q = b->q, .agent = d->agent, .flow_state = (uint8_t)b->flow_state,
                         .stream = d->stream};
    p->n_contact = (uint16_t)b->contact.n;
    p->n_path = (uint16_t)b->path.n;
    p->n_call_id = (uint8_t)b->call_id.n;
    p->n_instance = (uint8_t)b->instance.n;
    p->n_received = (uint8_t)b->received.n;
    p->n_flow = (uint8_t)b->flow.n;
    p->n_aor_uri = (uint8_t)b->aor_uri.n;
    p->n_agent = (uint8_t)agent.n;
    buf_puts(texts, b->contact, b->path, b->call_id, b->instance, b->received, b->flow, b->aor_uri, agent);
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
    if (!(r = mem_alloc(&l->heap.mem, octets)))
        return NULL;
    r->octets = (uint32_t)octets;
    r->n = (uint32_t)n;
    r->first_expiry_ms = INT64_MAX;
    buf_init(&texts, r, octets);
    texts.n = head;
    for (size_t i = 0; i < n; i++) {
        struct draft d = drafts[i];

        d.agent = agents[i];
        pack(&d, &r->b[i], &texts);
        if (d.b.expires_ms < r->first_expiry_ms)
            r->first_expiry_ms = d.b.expires_ms;
    }
    return r;
}

void location_record_free(struct location *l, struct record *r)
{
    if (r)
        mem_free(&l->heap.mem, r, r->octets);
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

void location_record_expand(const struct location *l, const struct aor *aor, const struct record *r, uint32_t i, struct location_binding *out)
{
    const struct packed *p = &r->b[i];
    const char          *at = (const char *)r + p->at;

    *out = (struct location_binding){.aor = {aor->text, aor->n}, .flow_state = (enum location_flow_state)p->flow_state,
                                     .registered_ms = p->registered_ms, .expires_ms = p->expires_ms, .cseq = p->cseq,
                                     .reg_id = p->reg_id, .q = p->q, .slot = p->slot, .temp_gruu_ms = p->temp_gruu_ms};
    out->contact = take(&at, p->n_contact);
    out->path = take(&at, p->n_path);
    out->call_id = take(&at, p->n_call_id);
    out->instance = take(&at, p->n_instance);
    out->received = take(&at, p->n_received);
    out->flow = take(&at, p->n_flow);
    out->aor_uri = take(&at, p->n_aor_uri);
    out->agent = p->agent ? l->agents.text[p->agent] : take(&at, p->n_agent);
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

    for (uint32_t i = 0; r && i < r->n; i++) {
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
