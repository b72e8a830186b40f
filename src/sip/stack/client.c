/* client.c - client transactions: a request on its way, its answers, its end (RFC 3261 §17.1).
 *
 * Room      sip/stack.
 * In        the door's stack_request(), stack_cancel(), stack_forget(); responses from match.c; timers; lost flows.
 * Out       requests, ACKs of 3xx-6xx, CANCELs; callbacks of stack_client_on.
 * Owns      the request until its final response, the ACK while it may be repeated.
 * Touches   the held shard. A callback is the last thing done with a transaction, but for its end.
 * Not here  which hop is next (route.c); octets of ACK and CANCEL (derive.c). */
#include "sip/stack/stack_priv.h"

#include <assert.h>
#include <string.h>

static struct client *client_of(struct shard *sh, struct tsx_id id)
{
    struct txn *t = txn_slot_find(sh, id);

    return t && !t->is_server ? (struct client *)t : NULL;
}

/* ---- tables ---- */

/* All that is sent to one remote is in one list, and may be thousands: so it is linked both ways. Who aims at one list from
 * outside makes it longer to look through when a flow is lost, and no more: no keyed hash is needed. */
static struct list *flow_list(struct shard *sh, const struct flow *f)
{
    uint64_t a, b;

    memcpy(&a, f->remote.ip, sizeof a);
    memcpy(&b, f->remote.ip + sizeof a, sizeof b);
    return &sh->flows[(a ^ b ^ f->remote.port) * 0x9e3779b97f4a7c15u >> (64 - FLOW_LISTS_BITS)];
}

static void link_client(struct client *c)
{
    struct shard *sh = c->t.sh;

    keyring_add(&sh->keys, c->t.key.a, c->t.id.slot);
    list_append(flow_list(sh, &c->t.flow), &c->by_flow);
    c->linked = true;
}

void client_unlink(struct client *c)
{
    if (!c->linked)
        return;
    keyring_remove(&c->t.sh->keys, c->t.key.a, c->t.id.slot);
    list_remove(&c->by_flow);
    c->linked = false;
}

void client_trade_ids(struct client *a, struct client *b)
{
    struct client *both[] = {a, b};
    struct keyring *x = &a->t.sh->keys;

    for (int i = 0; i < 2; i++)
        if (both[i]->linked)
            keyring_remove(x, both[i]->t.key.a, both[i]->t.id.slot);
    txn_slot_move(a->t.sh, &a->t, &b->t);
    for (int i = 0; i < 2; i++)
        if (both[i]->linked)
            keyring_add(x, both[i]->t.key.a, both[i]->t.id.slot);
}

enum err client_open(struct shard *sh, enum tsx_kind kind, struct client **out)
{
    struct client *c;
    enum err       e;

    if (atomic_load_explicit(&sh->n_clients, memory_order_relaxed) >= STACK_MAX_TSX)
        return ERR_FULL;
    if (!(c = mem_zalloc(shard_heap(sh), sizeof *c)))
        return ERR_NOMEM;
    txn_init(&c->t, sh, kind, false);
    if ((e = txn_slot_take(sh, &c->t))) {
        mem_free(shard_heap(sh), c, sizeof *c);
        return e;
    }
    count(&sh->n_clients);
    *out = c;
    return ERR_OK;
}

void client_free(struct client *c)
{
    struct shard *sh = c->t.sh;

    txn_stop_timers(&c->t);
    client_unlink(c);
    txn_slot_give(sh, &c->t);
    shard_free(sh, &c->t.last);
    shard_free(sh, &c->cancel_rows);
    attempt_free(c);
    mem_free(shard_heap(sh), c, sizeof *c);
    uncount(&sh->n_clients);
}

static void client_end(struct client *c)
{
    const struct stack_client_on *on = c->on;
    struct shard                 *sh = c->t.sh;
    struct tsx_id                 id = c->t.id;
    void                         *arg = c->arg;

    client_free(c);
    if (on && on->ended)
        on->ended(arg, sh, id);
}

void client_give_up(struct client *c, enum err why)
{
    if (c->on && c->on->failed)
        c->on->failed(c->arg, c->t.sh, c->t.id, why);
    client_end(c);
}

/* ---- beginning ---- */

void client_start(struct client *c, const struct flow *to, struct tsx_key key)
{
    c->t.flow = *to;
    c->t.key = key;
    tsx_init(&c->t.machine, (enum tsx_kind)c->t.machine.kind, transport_is_reliable((enum transport_kind)to->kind));
    link_client(c);
    client_event(c, &(struct tsx_event){.kind = TSX_BEGIN}, &(struct event_facts){0});
}

enum err client_begin(struct client *c, const struct request_text *text, const struct flow *to, const struct added *added)
{
    struct shard     *sh = c->t.sh;
    struct added_text ours;
    struct tsx_key    key;
    size_t            n;
    char             *whole;
    enum err          e;

    if ((e = added_write(sh->holder, to, added, &ours)))
        return e;
    key = tsx_client_key(ours.branch, text->method);
    keyring_expect(&sh->keys, key.a);
    if ((e = request_measure(text, ours.rows, &n)))
        return e;
    if (!(whole = mem_alloc(shard_heap(sh), n)))
        return ERR_NOMEM;
    c->added_at = (uint32_t)text->start.n;
    c->added_n = (uint32_t)ours.rows.n;
    request_put(text, ours.rows, whole);
    shard_free(sh, &c->t.last);
    c->t.last = (struct slice){whole, n};
    client_start(c, to, key);
    return ERR_OK;
}

enum err stack_request(struct shard *sh, const struct stack_send *s, struct tsx_id *out)
{
    struct request_text text;
    struct client      *c;
    enum err            e;

    if ((e = request_take(&sh->holder->scratch, s, &text)))
        return e;
    if (slice_eq(text.method, S("ACK")))
        return ERR_SYNTAX;
    if (s->branch_suffix.n > STACK_MAX_BRANCH_OCTETS - BRANCH_COOKIE_OCTETS - STACK_TOKEN_OCTETS ||
        s->branch.n + s->branch_suffix.n > STACK_MAX_BRANCH_OCTETS)
        return ERR_LIMIT;
    if ((e = client_open(sh, slice_eq(text.method, S("INVITE")) ? TSX_INVITE_CLIENT : TSX_NON_INVITE_CLIENT, &c)))
        return e;
    c->on = s->on;
    c->arg = s->arg;
    if (s->flow)
        e = client_begin(c, &text, s->flow, &(struct added){s->branch_suffix, s->branch, s->rows, s->rows_arg, s->offers_reports});
    else
        e = route_begin(c, s, &text);
    if (e)
        goto fail;
    *out = c->t.id;
    return ERR_OK;
fail:
    client_free(c);
    return e;
}

/* ---- CANCEL ---- */

/* A transaction of its own, with nobody who asks how it ends: the INVITE's own timer does that (§9.1). */
static void send_cancel(struct client *c)
{
    struct client *cancel;
    struct slice   octets;
    struct msg    *m;

    if (derive_cancel(c, &octets) || client_open(c->t.sh, TSX_NON_INVITE_CLIENT, &cancel))
        return;
    txn_keep(&cancel->t, octets);
    if (!cancel->t.last.n || msg_parse(&c->t.sh->holder->scratch, octets, &m) || !msg_via(m)) {
        client_free(cancel);
        return;
    }
    client_start(cancel, &c->t.flow, tsx_client_key(msg_via(m)->branch, S("CANCEL")));
}

enum err stack_cancel(struct shard *sh, struct tsx_id invite, struct slice rows)
{
    struct client *c = client_of(sh, invite);
    enum err       e;

    if (!c || c->t.machine.kind != TSX_INVITE_CLIENT || c->t.machine.state > TSX_PROCEEDING)
        return ERR_NOTFOUND;
    if (c->t.machine.cancel != TSX_NOT_CANCELLED)
        return ERR_OK;
    if ((e = shard_dup(sh, rows, &c->cancel_rows)))
        return e;
    attempt_free(c); /* no other hop is tried for what nobody wants */
    if (c->t.machine.state == TSX_IDLE)
        txn_broken(&c->t, ERR_TIMEOUT); /* its name is still being looked up: it was never sent */
    else
        client_event(c, &(struct tsx_event){.kind = TSX_CANCEL}, &(struct event_facts){0});
    return ERR_OK;
}

/* ---- carrying out ---- */

static void send_ack(struct client *c, const struct event_facts *facts)
{
    struct slice ack;
    enum err     e;

    if (derive_ack(c, facts->m, &ack))
        return; /* no memory: the server repeats its answer, and finds us gone */
    if ((e = txn_send(&c->t, ack)))
        txn_broken(&c->t, e);
    c->added_n = 0;
    if (c->t.machine.reliable)
        shard_free(c->t.sh, &c->t.last);
    else
        txn_keep(&c->t, ack);
}

static bool may_try_another_hop(const struct client *c)
{
    const struct attempt *a = c->attempt;

    return a && a->next < a->n_hops;
}

/* An INVITE that is being answered is not repeated: what is kept of it from now on is for an ACK and a CANCEL to be made of.
 * Most calls are answered, or refused, before that is worth the work. */
static void slim_later(struct client *c)
{
    if (c->t.machine.kind == TSX_INVITE_CLIENT && c->added_n && !may_try_another_hop(c))
        txn_slim_later(&c->t);
}

void client_slim(struct client *c)
{
    struct slice slim, kept;

    if (derive_slim(c, &slim) || shard_dup(c->t.sh, slim, &kept))
        return; /* no memory: then it stays as it is */
    shard_free(c->t.sh, &c->t.last);
    c->t.last = kept;
    c->added_n = 0;
}

static void tell(struct client *c, const struct event_facts *facts)
{
    assert(facts->m);
    if (facts->m->status < 200)
        slim_later(c);
    if (facts->m->status >= 200) { /* what was kept for another attempt, or for a CANCEL, is not needed */
        attempt_free(c);
        shard_free(c->t.sh, &c->cancel_rows);
    }
    if (c->on && c->on->response)
        c->on->response(c->arg, c->t.sh, c->t.id, facts->m, facts->from);
}

/* True: another hop is being tried, and nobody needs to know. */
static bool tell_failed(struct client *c, enum err why)
{
    if (route_next(c, why))
        return true;
    if (c->on && c->on->failed)
        c->on->failed(c->arg, c->t.sh, c->t.id, why);
    return false;
}

/* False: no more of this event: c has ended, or begun anew. */
static bool carry_out(struct client *c, const struct tsx_action *a, const struct event_facts *facts)
{
    enum err e;

    switch (a->what) {
    case TSX_DO_SEND:
        if ((e = txn_send(&c->t, c->t.last)))
            txn_broken(&c->t, e);
        break;
    case TSX_DO_SEND_ACK: send_ack(c, facts); break;
    case TSX_DO_SEND_CANCEL: send_cancel(c); break;
    case TSX_DO_RESEND: txn_resend(&c->t); break;
    case TSX_DO_RELEASE:
        shard_free(c->t.sh, &c->t.last);
        list_remove(&c->by_flow);
        break;
    case TSX_DO_SET_TIMER: txn_set_timer(&c->t, a); break;
    case TSX_DO_STOP_TIMERS: txn_stop_timers(&c->t); break;
    case TSX_DO_TELL: tell(c, facts); break;
    case TSX_DO_TELL_TIMEOUT: return !tell_failed(c, ERR_TIMEOUT);
    case TSX_DO_TELL_ERROR: return !tell_failed(c, facts->why);
    case TSX_DO_END: client_end(c); return false;
    case TSX_DO_SEND_TRYING: case TSX_DO_TELL_ACKED: break; /* a server's */
    }
    return true;
}

void client_event(struct client *c, const struct tsx_event *ev, const struct event_facts *facts)
{
    struct tsx_out out;

    if (c->t.machine.state == TSX_IDLE && ev->kind == TSX_TIMER) { /* the name was not found out in time */
        client_give_up(c, ERR_TIMEOUT);
        return;
    }
    tsx_handle(&c->t.machine, &c->t.sh->st->times, ev, &out);
    for (size_t i = 0; i < out.n; i++)
        if (!carry_out(c, &out.action[i], facts))
            return;
}

void client_on_response(struct client *c, const struct msg *m, const struct flow *from)
{
    struct tsx_event ev = {.kind = TSX_RESPONSE, .code = m->status};

    if (m->status == 503) /* RFC 3263 §4.3: as good as no answer, while there is another hop */
        route_split(c);
    client_event(c, &ev, &(struct event_facts){.m = m, .from = from});
}

/* ---- the other ways in ---- */

/* Is the error to be borne? The request is repeated as if its datagram had been lost on the wire. */
static bool bears(const struct client *c, const struct flow *flow)
{
    return c->t.sh->st->config.patient && !transport_is_reliable((enum transport_kind)flow->kind) && !may_try_another_hop(c);
}

/* A list of its own, as long as it lasts: what is told may end others. */
static struct tsx_id *all_on_flow(struct shard *sh, const struct flow *flow, size_t *n)
{
    struct list   *all = flow_list(sh, flow);
    struct tsx_id *ids;
    size_t         max = 0;

    *n = 0;
    for (struct list_node *at = list_first(all); at; at = list_next(all, at))
        max++;
    if (!max || !(ids = arena_alloc(&sh->holder->scratch, max * sizeof *ids)))
        return NULL;
    for (struct list_node *at = list_first(all); at; at = list_next(all, at)) {
        struct client *c = LIST_OF(at, struct client, by_flow);

        if (flow_eq(&c->t.flow, flow))
            ids[(*n)++] = c->t.id;
    }
    return ids;
}

void client_lost(struct shard *sh, const struct flow *flow, enum err why)
{
    size_t         n;
    struct tsx_id *ids = all_on_flow(sh, flow, &n);

    for (size_t i = 0; i < n; i++) {
        struct client *c = client_of(sh, ids[i]);

        if (c && !bears(c, flow))
            client_event(c, &(struct tsx_event){.kind = TSX_TRANSPORT_ERROR}, &(struct event_facts){.why = why});
    }
}

void stack_forget(struct shard *sh, struct tsx_id client)
{
    struct client *c = client_of(sh, client);

    if (!c)
        return;
    c->on = NULL;
    attempt_free(c);
    if (c->t.machine.state == TSX_IDLE)
        client_free(c);
}

enum err stack_watch_client(struct shard *sh, struct tsx_id client, const struct stack_client_on *on, void *arg)
{
    struct client *c = client_of(sh, client);

    if (!c)
        return ERR_NOTFOUND;
    c->on = on;
    c->arg = arg;
    return ERR_OK;
}

enum err stack_client_flow(struct shard *sh, struct tsx_id client, struct flow *out)
{
    struct client *c = client_of(sh, client);

    if (!c)
        return ERR_NOTFOUND;
    if (c->t.machine.state == TSX_IDLE)
        return ERR_AGAIN;
    *out = c->t.flow;
    return ERR_OK;
}
