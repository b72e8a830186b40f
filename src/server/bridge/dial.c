/* dial.c - calls to others: sent to the exchange itself, with a ticket in the Route that says whose they are.
 *
 * Room      server/bridge.
 * In        join.c; server/core, when such an INVITE comes in.
 * Touches   the room's tickets. One is good for one INVITE: who copies it from the wire comes too late. */
#include <string.h>

#include "server/bridge/bridge_priv.h"

#define TICKET "own."

/* Datagrams where we listen for them: whatever their size, and a call that has come so does not hang on a connection, which
 * would end with the process. */
static enum transport_kind kind_to_self(struct join *j)
{
    struct transport *tp = shard_transport(j->sh);
    struct addr       here;

    flow_local(tp, &j->near, &here);
    return transport_is_local(tp, TRANSPORT_UDP, &here) ? TRANSPORT_UDP : (enum transport_kind)j->near.kind;
}

/* "sip:10.0.0.1:5060;transport=udp", as the phone of that flow reaches us. */
static void put_self(struct join *j, struct slice user, struct buf *b)
{
    buf_put(b, S("sip:"));
    if (user.n)
        buf_puts(b, user, S("@"));
    flow_put_sent_by(shard_transport(j->sh), &j->near, b);
    buf_puts(b, S(";transport="), transport_param_name(kind_to_self(j)));
}

static struct ticket *ticket_new(struct join *j, struct slice caller)
{
    struct bridge *b = j->b;
    struct ticket *k = mem_zalloc(b->config.mem, sizeof *k);
    struct buf     t;

    if (!k)
        return NULL;
    k->call = j->serial;
    buf_init(&t, k->token, sizeof k->token);
    buf_put(&t, S(TICKET));
    stack_put_token(b->config.rng, &t);
    k->n_caller = caller.n < sizeof k->caller ? caller.n : 0;
    if (k->n_caller)
        memcpy(k->caller, caller.p, k->n_caller);
    spin_lock(&b->lock);
    list_append(&b->tickets, &k->node);
    spin_unlock(&b->lock);
    atomic_fetch_add(&b->n_tickets, 1);
    return k;
}

static void ticket_free(struct bridge *b, struct ticket *k)
{
    atomic_fetch_sub(&b->n_tickets, 1);
    mem_free(b->config.mem, k, sizeof *k);
}

/* Out of the list: the one with that token, or else any of that call (0: any). */
static struct ticket *ticket_take(struct bridge *b, struct slice token, uint64_t call)
{
    struct ticket *found = NULL;

    spin_lock(&b->lock);
    for (struct list_node *n = list_first(&b->tickets); n && !found; n = list_next(&b->tickets, n)) {
        struct ticket *k = LIST_OF(n, struct ticket, node);

        if (token.n ? slice_eq(token, (struct slice){k->token, sizeof k->token}) : !call || k->call == call)
            found = k;
    }
    if (found)
        list_remove(&found->node);
    spin_unlock(&b->lock);
    return found;
}

void join_tickets_drop(struct bridge *b, uint64_t call)
{
    struct ticket *k;

    if (atomic_load_explicit(&b->n_tickets, memory_order_relaxed) == 0)
        return;
    while ((k = ticket_take(b, SLICE_NONE, call)))
        ticket_free(b, k);
}

bool bridge_sent(struct bridge *b, struct shard *sh, const struct msg *m, struct slice *caller)
{
    struct msg_list  it = msg_list_begin(m, HDR_ROUTE);
    struct slice     element;
    struct name_addr na;
    struct uri       u;
    struct ticket   *k;

    if (atomic_load_explicit(&b->n_tickets, memory_order_relaxed) == 0 || m->method_id != METHOD_INVITE ||
        !msg_list_next(&it, &element) || name_addr_parse(element, &na) || uri_parse(na.uri, &u, NULL) ||
        !slice_starts(u.user, S(TICKET)) || !(k = ticket_take(b, u.user, 0)))
        return false;
    *caller = SLICE_NONE;
    (void)arena_dup(shard_scratch(sh), (struct slice){k->caller, k->n_caller}, caller); /* then it is nobody's number */
    ticket_free(b, k);
    return true;
}

/* From without its tag and other parameters. */
static void put_from(struct buf *b, struct slice value)
{
    struct name_addr na;

    if (name_addr_parse(value, &na)) {
        buf_put(b, S("<sip:anonymous@anonymous.invalid>"));
        return;
    }
    if (na.bracketed)
        buf_put(b, slice_between(value.p, na.uri.p + na.uri.n + 1));
    else
        buf_puts(b, S("<"), na.uri, S(">"));
}

struct dialing {
    struct slice target, offer, replaces, referred_by;
    struct end  *in_name_of;
};

static enum err call(struct join *j, struct end *e, const struct dialing *d)
{
    struct slice    from = held_slice(&d->in_name_of->uri), number = held_slice(&d->in_name_of->number);
    size_t          cap = from.n + 64 + 2 * (ADDR_MAX_TEXT + BRIDGE_TOKEN_OCTETS + 64);
    char           *room = arena_alloc(shard_scratch(j->sh), 2 * cap);
    struct ticket  *k = room ? ticket_new(j, number) : NULL;
    struct leg_call c = {.target = d->target, .offer = d->offer, .replaces = d->replaces, .referred_by = d->referred_by,
                         .contact_user = number};
    struct buf      b, hop;
    size_t          from_n;
    enum err        err;

    if (!k)
        return ERR_NOMEM;
    buf_init(&b, room, cap);
    buf_init(&hop, room + cap, cap);
    put_from(&b, from);
    from_n = b.n;
    buf_put(&b, S("Route: <"));
    put_self(j, (struct slice){k->token, sizeof k->token}, &b);
    buf_put(&b, S(";lr>\r\n"));
    put_self(j, SLICE_NONE, &hop);
    c.from = slice_to(buf_slice(&b), from_n);
    c.rows = slice_from(buf_slice(&b), from_n);
    c.next_hop = buf_slice(&hop);
    if ((err = buf_err(&b)) || (err = buf_err(&hop)) || (err = side_call(j, e, &c)))
        join_tickets_drop(j->b, j->serial);
    return err;
}

enum err join_dial(struct join *j, struct end *e, struct slice target, struct slice offer)
{
    struct dialing d = {.target = target, .offer = offer, .in_name_of = &j->end[KEPT]};
    enum err       err;

    if (!j->recalling) {
        d.replaces = held_slice(&j->replaces);
        d.referred_by = held_slice(&j->referred_by);
    }
    if ((err = join_held_set(j->b, &e->out, offer)) || (err = join_held_set(j->b, &e->uri, target)))
        return err;
    return call(j, e, &d);
}

enum err join_dial_again(struct join *j, struct end *e)
{
    struct name_addr na;

    if (!e->number.n || name_addr_parse(held_slice(&e->uri), &na))
        return ERR_NOTFOUND;
    return call(j, e, &(struct dialing){.target = na.uri, .in_name_of = &j->end[LEAVING]});
}
