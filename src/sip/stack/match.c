/* match.c - is a message a transaction's own? Absorbed there; else to the user (RFC 3261 §17.1.3, §17.2.3, §9.2).
 *
 * Room      sip/stack.
 * In        match_seek(): any message, whosever shard it is; match_expect(), stack_on_request(), stack_on_response(): a sane
 *           one. Its shard is held.
 * Out       events for server and client transactions; stack_user.request and stray.
 * Not here  what makes two messages match (sip/tsx/match.c). */
#include "sip/stack/stack_priv.h"

/* The Via as it is sent on, in scratch: received and rport added (RFC 3581 §4). */
enum err match_via(struct shard *sh, const struct msg *m, const struct addr *source, struct slice *out)
{
    const struct via *v = msg_via(m);
    struct buf        b;
    char             *p;

    if (!v)
        return ERR_NOTFOUND;
    if (!via_wants_received(v, source)) {
        *out = v->raw;
        return ERR_OK;
    }
    if (!(p = arena_alloc(&sh->holder->scratch, v->raw.n + 2 * ADDR_MAX_TEXT)))
        return ERR_NOMEM;
    buf_init(&b, p, v->raw.n + 2 * ADDR_MAX_TEXT);
    via_put_received(&b, v, source);
    *out = buf_slice(&b);
    return buf_err(&b);
}

/* By its Via; where that cannot be read, back where it came from. */
void match_way_back(struct transport *tp, const struct msg *m, const struct flow *from, struct flow *out)
{
    const struct via *v = msg_via(m);

    if (!v || flow_for_response(tp, from, v, out))
        *out = *from;
}

void match_seek(const struct stack *st, const struct msg *m, struct sought *out)
{
    out->e = m->is_request ? tsx_match_request(&st->config.key, m, &out->request) : tsx_match_response(m, &out->response);
}

void match_expect(const struct shard *sh, const struct msg *m, const struct sought *s)
{
    const struct stack_config *config = &sh->st->config;

    if (s->e)
        return;
    keyring_expect(&sh->keys, m->is_request ? s->request.invite.a : s->response.a);
    if (m->is_request && s->request.may_merge)
        keyring_expect(&sh->keys, s->request.merged.a);
    if (m->is_request && sh->free_slot)
        ahead_fetch(&sh->slots[sh->free_slot - 1], 1); /* its transaction's */
    if (config->user->expect)
        config->user->expect(config->ctx, stack_call_hash(sh->st, m), true);
}

static void tell_user(struct shard *sh, const struct stack_in *in)
{
    const struct stack_config *c = &sh->st->config;

    c->user->request(c->ctx, sh, in);
}

/* An ACK of a 3xx-6xx ends its INVITE transaction's wait; all others are the user's: those of a 2xx, and strangers. */
static void on_ack(struct shard *sh, const struct stack_in *in, const struct tsx_match *match)
{
    struct server *s = server_find(sh, &match->invite, match, in);

    if (s)
        server_event(s, &(struct tsx_event){.kind = TSX_ACK}, &(struct event_facts){.in = in});
    else
        tell_user(sh, in);
}

static void refuse_503(struct shard *sh, const struct stack_in *in)
{
    struct slice response, rows = S("Retry-After: 5\r\n"); /* seconds: by then some of what is here has ended */

    count(&sh->holder->count.refused_503);
    if (refuse_write(sh, &(struct answer){.request = in->m, .code = 503, .rows = rows}, &in->from.remote, &response))
        return;
    refuse_send(sh, in->m, &in->from, response);
}

static void on_new(struct shard *sh, struct stack_in *in, const struct tsx_match *match)
{
    struct server *other;

    if ((other = server_find_merged(sh, match)))
        in->merged = other->t.id;
    if (in->m->method_id == METHOD_CANCEL && (other = server_find(sh, &match->invite, match, in)))
        in->invite = other->t.id;
    if (server_begin(sh, in, match))
        refuse_503(sh, in);
}

void stack_on_request(struct shard *sh, const struct msg *m, const struct flow *from, const struct tsx_match *match)
{
    struct stack_in *in = ARENA_NEW(&sh->holder->scratch, struct stack_in);
    struct server   *s;

    if (!in || match_via(sh, m, &from->remote, &in->via)) {
        count(&sh->holder->count.dropped);
        return;
    }
    in->m = m;
    in->from = *from;
    if (m->method_id == METHOD_ACK) {
        on_ack(sh, in, match);
        return;
    }
    if ((s = server_find(sh, &match->key, match, in))) {
        count(&sh->holder->count.retransmitted_in);
        server_event(s, &(struct tsx_event){.kind = TSX_REQUEST}, &(struct event_facts){.in = in});
        return;
    }
    on_new(sh, in, match);
}

void stack_on_response(struct shard *sh, const struct msg *m, const struct flow *from, struct tsx_key key)
{
    const struct stack_config *config = &sh->st->config;
    struct keyring_search      search;

    for (uint32_t n = keyring_find(&sh->keys, key.a, &search); n; n = keyring_find_next(&sh->keys, &search)) {
        struct txn *t = sh->slots[n - 1].t;

        if (!t->is_server && tsx_key_eq(t->key, key)) {
            client_on_response((struct client *)t, m, from);
            return;
        }
    }
    if (config->user->stray) /* RFC 6026 §8.9: else nobody sees it */
        config->user->stray(config->ctx, sh, m, from);
}
