/* publish.c - PUBLISH outside any dialog: an account's word to a server, once (RFC 3903 §4.1; kept by nobody, refreshed never).
 *
 * Room      ua.
 * In        ua_publish; what the stack says about it.
 * Out       the stack; ua_publish.done, once.
 * Touches   struct publication, in the shard of its Call-ID; ua->publications, under its lock. One lives until its
 *           transaction's last callback, or the ua's end. */
#include <string.h>

#include "ua/ua_priv.h"

struct publication {
    struct list_node   node; /* ua->publications */
    struct ua         *ua;
    struct ua_account *account;
    struct shard      *sh;
    struct tsx_id      tsx;
    uint32_t           cseq;
    unsigned           tries;
    bool               told;
    void (*done)(void *arg, unsigned code);
    void              *arg;
    char               call_id[STACK_TOKEN_OCTETS], tag[STACK_TOKEN_OCTETS];
    struct slice       uri, event, type, body;
    size_t             octets; /* of this allocation: the texts stand behind it */
};

static void on_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from);
static void on_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why);
static void on_ended(void *arg, struct shard *sh, struct tsx_id t);
static const struct stack_client_on client_on = {on_response, on_failed, on_ended};

static void free_it(struct publication *p)
{
    struct ua *ua = p->ua;

    spin_lock(&ua->publications_lock);
    list_remove(&p->node);
    spin_unlock(&ua->publications_lock);
    mem_free(ua->config.mem, p, p->octets);
}

static void tell(struct publication *p, unsigned code)
{
    if (p->told)
        return;
    p->told = true;
    atomic_fetch_sub(&p->ua->n_pending, 1);
    if (p->done)
        p->done(p->arg, code);
}

static void put_request(struct publication *p, struct buf *b)
{
    struct slice method = method_name(METHOD_PUBLISH);

    msg_put_request_line(b, method, p->uri);
    msg_put_row_number(b, HDR_MAX_FORWARDS, 70);
    buf_puts(b, S("From: "), account_identity(p->account), S(";tag="), (struct slice){p->tag, sizeof p->tag}, S("\r\nTo: <"), p->uri,
             S(">\r\n"));
    msg_put_row(b, HDR_CALL_ID, (struct slice){p->call_id, sizeof p->call_id});
    msg_put_cseq(b, ++p->cseq, method);
    msg_put_row(b, HDR_EVENT, p->event);
    msg_put_row_number(b, HDR_EXPIRES, 0);
    ua_put_common(b, p->ua, true);
    account_put_credentials(p->account, b, &(struct account_ask){method, p->uri, p->body});
    msg_put_end(b, p->type, p->body);
}

static enum err send(struct publication *p)
{
    struct buf        b = ua_scratch(p->sh, UA_HEAD_OCTETS + p->body.n);
    struct slice      server = account_server(p->account);
    struct stack_send s = {.on = &client_on, .arg = p};
    struct uri        hop;
    enum err          e;

    put_request(p, &b);
    if ((e = buf_err(&b)) || (e = uri_parse(server.n ? server : p->uri, &hop, NULL)))
        return e;
    p->tries++;
    s.octets = buf_slice(&b);
    s.next_hop = &hop;
    return stack_request(p->sh, &s, &p->tsx);
}

static void on_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    struct publication *p = arg;

    (void)sh;
    (void)from;
    if (m->status < 200 || !tsx_eq(t, p->tsx))
        return;
    if ((m->status == 401 || m->status == 407) && p->tries < UA_MAX_TRIES && !account_take_challenge(p->account, m, p->tries) &&
        !send(p))
        return;
    tell(p, m->status);
}

static void on_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    struct publication *p = arg;

    (void)sh;
    (void)why;
    if (tsx_eq(t, p->tsx))
        tell(p, 0);
}

static void on_ended(void *arg, struct shard *sh, struct tsx_id t)
{
    struct publication *p = arg;

    (void)sh;
    if (tsx_eq(t, p->tsx)) /* else it has been sent again */
        free_it(p);
}

static void run(void *arg, struct shard *sh)
{
    struct publication *p = arg;

    p->sh = sh;
    if (send(p)) {
        tell(p, 0);
        free_it(p);
    }
}

static struct slice keep(struct buf *b, struct slice text)
{
    struct slice kept = {b->p + b->n, text.n};

    buf_put(b, text);
    return kept;
}

static struct publication *make(struct ua_account *a, const struct ua_publish *ask)
{
    struct ua          *ua = account_ua(a);
    size_t              texts = ask->uri.n + ask->event.n + ask->type.n + ask->body.n;
    struct publication *p = mem_zalloc(ua->config.mem, sizeof *p + texts);
    struct buf          b, call_id, tag;

    if (!p)
        return NULL;
    p->ua = ua;
    p->account = a;
    p->tsx = TSX_NONE;
    p->octets = sizeof *p + texts;
    p->done = ask->done;
    p->arg = ask->arg;
    buf_init(&b, (char *)(p + 1), texts);
    p->uri = keep(&b, ask->uri);
    p->event = keep(&b, ask->event);
    p->type = keep(&b, ask->type);
    p->body = keep(&b, ask->body);
    buf_init(&call_id, p->call_id, sizeof p->call_id);
    buf_init(&tag, p->tag, sizeof p->tag);
    stack_put_token(ua->config.rng, &call_id);
    stack_put_token(ua->config.rng, &tag);
    return p;
}

enum err ua_publish(struct ua_account *a, uint8_t worker, const struct ua_publish *ask)
{
    struct ua          *ua = account_ua(a);
    struct publication *p;
    struct uri          u;
    enum err            e;

    if (ask->body.n > UA_MAX_TEXT_OCTETS || ask->uri.n > URI_MAX_OCTETS)
        return ERR_LIMIT;
    if (uri_parse(ask->uri, &u, NULL))
        return ERR_SYNTAX;
    if (!(p = make(a, ask)))
        return ERR_NOMEM;
    spin_lock(&ua->publications_lock);
    list_append(&ua->publications, &p->node);
    spin_unlock(&ua->publications_lock);
    atomic_fetch_add(&ua->n_pending, 1);
    e = stack_run(ua->stack, worker, stack_shard_of(ua->stack, (struct slice){p->call_id, sizeof p->call_id}), run, p);
    if (e) {
        atomic_fetch_sub(&ua->n_pending, 1);
        free_it(p);
    }
    return e;
}

void ua_publish_close(struct ua *ua)
{
    for (struct list_node *n; (n = list_first(&ua->publications));)
        free_it(LIST_OF(n, struct publication, node));
}
