/* ends.c - who is who: which addresses are one end, and which ends pass messages on.
 *
 * Room      trace (pure). In: t->items. Out: t->ends, the ends of the items.
 * Addresses are one end when one packet was seen before and behind a translator of addresses; when a request that came to
 * one of them left from the other with one Via more; when a stream's own port and the port that its Via or Contact names
 * are of one host. Two phones on one host stay two. */
#include "trace/trace_priv.h"

size_t end_root(const struct trace_inside *t, size_t end)
{
    while (end != NONE && t->ends[end].root != end)
        end = t->ends[end].root;
    return end;
}

/* The earlier one stays the root: its address is the one that is shown. */
static void unite(struct trace_inside *t, size_t a, size_t b)
{
    a = end_root(t, a);
    b = end_root(t, b);
    if (a < b)
        t->ends[b].root = a;
    else
        t->ends[a].root = b;
}

static uint64_t hash_addr(const struct trace_inside *t, const struct addr *at)
{
    char octets[18];

    for (size_t i = 0; i < 16; i++)
        octets[i] = (char)at->ip[i];
    octets[16] = (char)(at->port >> 8);
    octets[17] = (char)(at->port & 255);
    return hash_octets(&t->in->key, (struct slice){octets, sizeof octets});
}

/* The end at that address, or NONE; `make` it when it is new. */
static size_t end_at(struct trace_inside *t, struct table *by_addr, const struct addr *at, bool make)
{
    size_t *head = table_at(by_addr, hash_addr(t, at));

    for (size_t i = *head; i != NONE; i = t->ends[i].chain)
        if (addr_eq(&t->ends[i].at, at))
            return i;
    if (!make)
        return NONE;
    t->ends[t->n_ends] = (struct end){.at = *at, .root = t->n_ends, .first = NONE, .chain = *head};
    *head = t->n_ends;
    return t->n_ends++;
}

bool is_stream(const struct item *i)
{
    return i->in->transport != TRACE_UDP;
}

/* `end` says of itself that it is reached at host:port. Over UDP that is believed only of an address that never sends. */
static void unite_named(struct trace_inside *t, struct table *by_addr, const struct item *i, size_t end,
                        const struct addr *named)
{
    size_t other;

    if (!addr_same_ip(named, &t->ends[end].at) || named->port == t->ends[end].at.port)
        return;
    other = end_at(t, by_addr, named, false);
    if (other != NONE && (is_stream(i) || !t->ends[other].sends))
        unite(t, end, other);
}

static uint16_t port_or_default(uint16_t port, enum via_transport v)
{
    return port ? port : v == VIA_TLS ? 5061 : 5060;
}

/* All places where the exchange recorded itself are one end. */
static void unite_known(struct trace_inside *t, const struct item *i, size_t *known)
{
    size_t end = i->in->exchange == TRACE_KNOWN_SENDER ? i->from : i->in->exchange == TRACE_KNOWN_RECEIVER ? i->to : NONE;

    if (end == NONE)
        return;
    if (*known == NONE)
        *known = end;
    unite(t, *known, end);
}

static void unite_via(struct trace_inside *t, struct table *by_addr, const struct item *i)
{
    const struct via *via = msg_via(i->m);
    struct addr       named;

    if (!via || uri_addr_of_host(via->host, &named))
        return;
    named.port = port_or_default(via->port, via->transport);
    unite_named(t, by_addr, i, is_request(i) ? i->from : i->to, &named);
}

static void unite_contact(struct trace_inside *t, struct table *by_addr, const struct item *i)
{
    struct uri  uri;
    struct addr named;

    if (!is_request(i) || i->n_vias != 1 || uri_parse(item_contact(i), &uri, NULL) || uri_host_addr(&uri, &named))
        return;
    named.port = uri.port ? uri.port : 5060;
    unite_named(t, by_addr, i, i->from, &named);
}

/* A request with the Via of somebody else below its own: whoever sent it got it at the place that the lower Via's request
 * went to. */
static enum err unite_passed_on(struct trace_inside *t)
{
    struct table by_branch;
    enum err     e = table_init(t->a, t->n_items, &by_branch);

    for (size_t n = 0; n < t->n_items && !e; n++) {
        struct item *i = &t->items[n];
        size_t      *head;

        if (!is_request(i) || i->original != NONE)
            continue;
        for (size_t at = i->via2.n ? *table_at(&by_branch, hash_octets(&t->in->key, i->via2)) : NONE; at != NONE;
             at = t->items[at].chain) {
            const struct item *then = &t->items[at];

            if (slice_eq(then->branch, i->via2) && slice_eq(then->call_id, i->call_id) && then->cseq == i->cseq &&
                then->method_id == i->method_id && then->n_vias + 1 == i->n_vias)
                unite(t, then->to, i->from);
        }
        head = table_at(&by_branch, hash_octets(&t->in->key, i->branch));
        i->chain = *head;
        *head = n;
    }
    return e;
}

static void name_end(struct end *e, const struct item *i)
{
    struct name_addr na;

    if (msg_to(i->m, &na))
        return;
    e->user = user_of_uri(na.uri);
    e->display = na.display;
}

static void find_places(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_ends; n++) {
        const struct addr *at = &t->ends[n].at;
        struct end        *root = &t->ends[end_root(t, n)];

        if (root == &t->ends[n] || (at->port < root->place.port && addr_same_ip(at, &root->place)))
            root->place = *at;
    }
}

static void note_first(struct trace_inside *t, size_t end, size_t item)
{
    if (t->ends[end].first == NONE)
        t->ends[end].first = item;
}

/* Where the exchange has recorded itself, whoever else passes messages on is another one's: an end, as seen from there. */
static void tell_others_apart(struct trace_inside *t)
{
    bool any = false;

    for (size_t n = 0; n < t->n_ends; n++)
        any = any || t->ends[n].known;
    for (size_t n = 0; any && n < t->n_ends; n++)
        if (!t->ends[n].known)
            t->ends[n].proxy = t->ends[n].registrar = false;
}

/* Who passes on, who registers whom. */
static void find_roles(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_items; n++) {
        struct item *i = &t->items[n];

        i->from = end_root(t, i->from);
        i->to = end_root(t, i->to);
        note_first(t, i->from, n);
        note_first(t, i->to, n);
        if (i->in->exchange != TRACE_KNOWN_NEITHER)
            t->ends[i->in->exchange == TRACE_KNOWN_SENDER ? i->from : i->to].known = true;
        if (i->n_vias >= 2)
            t->ends[is_request(i) ? i->from : i->to].proxy = true;
        if (is_response_to(i, METHOD_REGISTER) && status_of(i) > 100)
            t->ends[i->from].registrar = true;
        if (is_request(i) && i->method_id == METHOD_REGISTER && i->n_vias == 1)
            name_end(&t->ends[i->from], i);
    }
    tell_others_apart(t);
}

bool end_is_exchange(const struct trace_inside *t, size_t end)
{
    return end != NONE && (t->ends[end].proxy || t->ends[end].registrar || t->ends[end].known);
}

void end_moved(struct trace_inside *t, size_t from, size_t to)
{
    for (size_t n = 0; n < t->n_items; n++) {
        struct item *i = &t->items[n];

        i->from = i->from == to ? from : i->from;
        i->to = i->to == to ? from : i->to;
    }
    for (size_t n = 0; n < t->n_tsxs; n++) {
        t->tsxs[n].from = t->tsxs[n].from == to ? from : t->tsxs[n].from;
        t->tsxs[n].to = t->tsxs[n].to == to ? from : t->tsxs[n].to;
    }
    for (size_t n = 0; n < t->n_calls; n++) {
        t->calls[n].caller = t->calls[n].caller == to ? from : t->calls[n].caller;
        t->calls[n].callee = t->calls[n].callee == to ? from : t->calls[n].callee;
    }
    for (size_t n = 0; n < t->n_dialogs; n++)
        for (int side = 0; side < 2; side++)
            t->dialogs[n].end[side] = t->dialogs[n].end[side] == to ? from : t->dialogs[n].end[side];
    t->ends[to].root = from;
}

enum err trace_find_ends(struct trace_inside *t)
{
    struct table by_addr;
    size_t       known = NONE;
    enum err     e;

    if (!(t->ends = arena_alloc(t->a, 2 * t->n_items * sizeof *t->ends)))
        return ERR_NOMEM;
    if ((e = table_init(t->a, 2 * t->n_items, &by_addr)))
        return e;
    for (size_t n = 0; n < t->n_items; n++) {
        struct item *i = &t->items[n];

        i->from = end_at(t, &by_addr, &i->in->from, true);
        i->to = end_at(t, &by_addr, &i->in->to, true);
        t->ends[i->from].sends = true;
        unite_known(t, i, &known);
    }
    for (size_t n = 0; n < t->n_items; n++) {
        const struct item *i = &t->items[n];

        if (i->original != NONE) {
            unite(t, i->from, t->items[i->original].from);
            unite(t, i->to, t->items[i->original].to);
            continue;
        }
        unite_via(t, &by_addr, i);
        unite_contact(t, &by_addr, i);
    }
    if ((e = unite_passed_on(t)))
        return e;
    find_places(t);
    find_roles(t);
    return ERR_OK;
}
