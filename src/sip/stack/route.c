/* route.c - where a request goes: names looked up, one hop after another (RFC 3263 §4.3; PROTOCOL 2.5).
 *
 * Room      sip/stack.
 * In        stack_request() and stack_send() with a next hop; failures of client transactions.
 * Out       client_begin() for each hop that is tried, with a new branch.
 * Owns      lookups under way (a worker's), attempts (a client transaction's).
 * Not here  how a name becomes hops, and which come first (sip/transport). */
#include "sip/stack/stack_priv.h"

#include <string.h>

/* A name that is being looked up. When the answer comes later it becomes a job for the shard. */
struct lookup {
    struct job           job;
    struct list_node     node;   /* in the worker's list, until the answer comes */
    struct worker       *w;
    struct tsx_id        id;     /* the client transaction; none: a request without one */
    bool                 inside; /* the asker has not returned yet: it looks by itself  */
    bool                 done;
    enum err             e;
    struct transport_hop hops[TRANSPORT_MAX_HOPS];
    size_t               n_hops;
    struct slice         request, suffix, name; /* without a transaction: what is to be sent, once the asker has returned, and the
                                                   host that was asked for. Owned */
};

/* Most are answered at once, the host being a number: so each worker keeps one. */
static void lookup_free(struct lookup *l)
{
    struct worker *w = l->w;
    struct mem    *mem = w->st->config.mem;

    mem_free(mem, (void *)(size_t)l->request.p, l->request.n + l->suffix.n + l->name.n);
    if (w->spare_lookup)
        mem_free(mem, l, sizeof *l);
    else
        w->spare_lookup = l;
}

void route_close(struct worker *w)
{
    for (struct list_node *n; (n = list_pop(&w->lookups));)
        lookup_free(LIST_OF(n, struct lookup, node));
    mem_free(w->st->config.mem, w->spare_lookup, sizeof *w->spare_lookup);
    w->spare_lookup = NULL;
}

/* ---- attempts ---- */

static void hops_free(struct client *c)
{
    struct attempt *a = c->attempt;

    if (a->hops)
        mem_free(shard_heap(c->t.sh), a->hops, a->n_hops * sizeof *a->hops);
    a->hops = NULL;
}

void attempt_free(struct client *c)
{
    if (!c->attempt)
        return;
    hops_free(c);
    mem_free(shard_heap(c->t.sh), c->attempt, c->attempt->octets);
    c->attempt = NULL;
}

static enum err attempt_make(struct client *c, const struct stack_send *s)
{
    struct slice    suffix = s->branch_suffix, name = s->next_hop->host;
    size_t          n = sizeof(struct attempt) + suffix.n + name.n;
    struct attempt *a = mem_alloc(shard_heap(c->t.sh), n);

    if (!a)
        return ERR_NOMEM;
    *a = (struct attempt){.octets = n, .rows = s->rows, .rows_arg = s->rows_arg, .suffix_n = suffix.n, .name_n = name.n,
                          .offers_reports = s->offers_reports};
    if (suffix.n)
        memcpy(a->text, suffix.p, suffix.n);
    if (name.n)
        memcpy(a->text + suffix.n, name.p, name.n);
    c->attempt = a;
    return ERR_OK;
}

/* The request as it was given, out of what was kept with the rows of the hop before. */
static void cut_kept(const struct client *c, struct request_text *out)
{
    struct slice start = slice_to(c->t.last, c->added_at);

    *out = (struct request_text){.start = start,
                                 .rest = slice_from(c->t.last, c->added_at + c->added_n),
                                 .method = slice_to(start, slice_find(start, ' '))};
}

/* The next hop that can be begun with. */
static enum err begin_hop(struct client *c)
{
    struct request_text text;
    struct attempt   *a = c->attempt;
    struct transport *tp = shard_transport(c->t.sh);
    struct added      added = {.suffix = {a->text, a->suffix_n}, .rows = a->rows, .rows_arg = a->rows_arg,
                                 .offers_reports = a->offers_reports};
    enum err          e = ERR_NOTFOUND;

    cut_kept(c, &text);
    while (a->next < a->n_hops) {
        const struct transport_hop *hop = &a->hops[a->next++];
        struct flow                 to;

        if (!(e = flow_to_hop(tp, hop, (struct slice){a->text + a->suffix_n, a->name_n}, &to)))
            return client_begin(c, &text, &to, &added);
        transport_hop_failed(tp, hop);
    }
    return e;
}

/* A name has become hops, or not. Never tells the user by itself: that comes when the present work is done. */
static void found(struct client *c, const struct lookup *l)
{
    struct attempt *a = c->attempt;
    enum err        e = l->e;

    if (!a)
        return; /* cancelled meanwhile: its end is on its way */
    if (!e) {
        a->n_hops = l->n_hops;
        a->hops = mem_alloc(shard_heap(c->t.sh), l->n_hops * sizeof *a->hops);
        if (a->hops)
            memcpy(a->hops, l->hops, l->n_hops * sizeof *a->hops);
        e = a->hops ? begin_hop(c) : ERR_NOMEM;
    }
    if (e)
        txn_broken(&c->t, e);
}

bool route_next(struct client *c, enum err why)
{
    struct attempt *a = c->attempt;

    if (!a || !a->hops || why == ERR_NOMEM || c->t.machine.cancel != TSX_NOT_CANCELLED)
        return false;
    transport_hop_failed(shard_transport(c->t.sh), &a->hops[a->next - 1]);
    if (a->next == a->n_hops)
        return false;
    txn_stop_timers(&c->t);
    client_unlink(c);
    return begin_hop(c) == ERR_OK;
}

/* 503: the old transaction goes on by itself, to acknowledge and absorb; a new one takes over its id and its user. */
void route_split(struct client *c)
{
    struct attempt *a = c->attempt;
    struct shard   *sh = c->t.sh;
    struct client  *heir;

    if (!a || a->next >= a->n_hops || c->t.machine.cancel != TSX_NOT_CANCELLED ||
        c->t.machine.state > TSX_PROCEEDING || client_open(sh, (enum tsx_kind)c->t.machine.kind, &heir))
        return;
    txn_keep(&heir->t, c->t.last);
    heir->added_at = c->added_at;
    heir->added_n = c->added_n;
    heir->attempt = a;
    client_trade_ids(c, heir);
    if (!heir->t.last.n || begin_hop(heir)) {
        client_trade_ids(c, heir);
        heir->attempt = NULL;
        client_free(heir);
        return;
    }
    c->attempt = NULL;
    heir->on = c->on;
    heir->arg = c->arg;
    c->on = NULL;
}

/* ---- looking up ---- */

static void work_on_found(struct job *j, struct shard *sh)
{
    struct lookup *l = (struct lookup *)j;
    struct txn    *t = txn_slot_find(sh, l->id);

    if (t && !t->is_server)
        found((struct client *)t, l);
}

/* A request without a transaction, with our Via. It is made in the worker's scratch. */
static enum err send_plain(struct worker *w, const struct flow *to, const struct request_text *text, struct slice suffix)
{
    struct added_text ours;
    size_t            n;
    char             *whole;
    enum err          e;

    if ((e = added_write(w, to, &(struct added){.suffix = suffix}, &ours)) || (e = request_measure(text, ours.rows, &n)))
        return e;
    if (!(whole = arena_alloc(&w->scratch, n)))
        return ERR_NOMEM;
    request_put(text, ours.rows, whole);
    if (!(e = flow_send(w->tp, to, (struct slice){whole, n})))
        count(&w->count.out);
    return e;
}

/* The same to the first hop that takes it. */
static enum err send_to_hops(const struct lookup *l, const struct request_text *text, struct slice suffix, struct slice name)
{
    enum err e = l->e;

    for (size_t i = 0; !l->e && i < l->n_hops; i++) {
        struct flow to;

        if (!(e = flow_to_hop(l->w->tp, &l->hops[i], name, &to)) && !(e = send_plain(l->w, &to, text, suffix)))
            return ERR_OK;
    }
    return e;
}

static void on_resolved(void *arg, struct transport *tp, enum err e, const struct transport_hop *hops, size_t n)
{
    struct lookup      *l = arg;
    struct worker      *w = l->w;
    struct request_text text;

    (void)tp; /* the worker's own */
    list_remove(&l->node);
    l->done = true;
    l->e = e;
    l->n_hops = n < TRANSPORT_MAX_HOPS ? n : TRANSPORT_MAX_HOPS;
    if (!e)
        memcpy(l->hops, hops, l->n_hops * sizeof *hops);
    if (l->inside)
        return;
    if (tsx_is_none(l->id)) {
        arena_reset(&w->scratch); /* nobody holds a shard while the net is telling */
        if (l->request.n && !request_cut(l->request, &text))
            send_to_hops(l, &text, l->suffix, l->name);
        lookup_free(l);
        return;
    }
    steer_job(w, &l->job);
    steer_settle(w);
}

static struct lookup *lookup_make(struct shard *sh)
{
    struct worker *w = sh->holder;
    struct lookup *l = w->spare_lookup;

    w->spare_lookup = NULL;
    if (!l && !(l = mem_alloc(w->st->config.mem, sizeof *l)))
        return NULL;
    l->job = (struct job){.octets = sizeof *l, .work = work_on_found, .shard = sh->index};
    l->node = (struct list_node){0};
    l->w = w;
    l->id = TSX_NONE;
    l->inside = true;
    l->done = false;
    l->request = l->suffix = l->name = SLICE_NONE;
    list_append(&w->lookups, &l->node);
    return l;
}

/* The asker returns, and its request must be sent when the name is known. */
static enum err keep_request(struct lookup *l, const struct stack_send *s, struct slice request)
{
    struct slice suffix = s->branch_suffix, name = s->next_hop->host;
    char        *p = mem_alloc(l->w->st->config.mem, request.n + suffix.n + name.n);

    if (!p)
        return ERR_NOMEM; /* nothing will be sent then */
    memcpy(p, request.p, request.n);
    if (suffix.n)
        memcpy(p + request.n, suffix.p, suffix.n);
    memcpy(p + request.n + suffix.n, name.p, name.n); /* it was resolved: there is one */
    l->name = (struct slice){p + request.n + suffix.n, name.n};
    l->request = (struct slice){p, request.n};
    l->suffix = (struct slice){p + request.n, suffix.n};
    return ERR_OK;
}

/* ERR_OK and l->done: the answer was there at once. Any error: l is gone. */
static enum err look_up(struct lookup *l, const struct uri *uri, size_t octets)
{
    enum err e = transport_resolve(l->w->tp, uri, octets + STACK_ADDED_OCTETS, on_resolved, l);

    l->inside = false;
    if (!e)
        return ERR_OK;
    list_remove(&l->node);
    lookup_free(l);
    return e;
}

static struct slice whole(const struct request_text *cut)
{
    return (struct slice){cut->start.p, cut->start.n + cut->rest.n};
}

enum err route_begin(struct client *c, const struct stack_send *s, const struct request_text *text)
{
    struct tsx_action guard = {.timer = TSX_TIMER_B, .ms = TSX_LIFETIMES * c->t.sh->st->times.t1_ms};
    struct lookup    *l;
    enum err          e;

    if ((e = shard_dup(c->t.sh, whole(text), &c->t.last)) || (e = attempt_make(c, s)))
        return e;
    c->added_at = (uint32_t)text->start.n;
    if (!(l = lookup_make(c->t.sh)))
        return ERR_NOMEM;
    l->id = c->t.id;
    txn_set_timer(&c->t, &guard); /* names take their time; at some point nobody waits any more */
    if ((e = look_up(l, s->next_hop, c->t.last.n)))
        return e;
    if (l->done) {
        found(c, l);
        lookup_free(l);
    }
    return ERR_OK;
}

enum err stack_send(struct shard *sh, const struct stack_send *s)
{
    struct request_text text;
    struct lookup      *l;
    enum err            e;

    if ((e = request_take(&sh->holder->scratch, s, &text)))
        return e;
    if (s->flow)
        return send_plain(sh->holder, s->flow, &text, s->branch_suffix);
    if (!(l = lookup_make(sh)))
        return ERR_NOMEM;
    if ((e = look_up(l, s->next_hop, whole(&text).n)))
        return e;
    if (!l->done)
        return keep_request(l, s, whole(&text));
    e = send_to_hops(l, &text, s->branch_suffix, s->next_hop->host);
    lookup_free(l);
    return e;
}
