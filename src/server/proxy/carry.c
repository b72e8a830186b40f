/* carry.c - requests whose answer is another room's: sent, and waiting like any other when a connection has gone (PROTOCOL
 * 4.4).
 *
 * Room      server/proxy.
 * In        within.c (proxy_carry, proxy_speak).
 * Out       the user's stack_client_on: its ended() comes once, when nothing is tried any more.
 * Owns      struct carried, one for each that goes by a stream. Datagrams need none: they reach the phone where it was.
 * Touches   the shard's list of them. */
#include "server/proxy/proxy_priv.h"

#include <string.h>

struct carried {
    struct list_node              node;
    struct proxy                 *px;
    struct shard                 *sh;
    size_t                        octets_n; /* of this allocation */
    struct tsx_id                 client;
    struct flow                   flow;
    bool                          away;     /* its transaction has failed: the phone is waited for */
    struct again                  again;
    struct wheel_timer            timer;    /* when it is looked for again */
    const struct stack_client_on *on;       /* may be NULL */
    void                         *arg;
    struct slice                  octets, branch; /* of the request; in text, as the names in `again` */
    char                          text[];
};

static void carried_free(struct carried *c)
{
    shard_timer_stop(c->sh, &c->timer);
    list_remove(&c->node);
    mem_free(shard_mem(c->sh), c, c->octets_n);
}

void carried_close(struct proxy *px, struct shard *sh)
{
    for (struct list_node *n; (n = list_first(&px->shard[shard_index(sh)].carried));)
        carried_free(LIST_OF(n, struct carried, node));
}

static void carried_end(struct carried *c)
{
    const struct stack_client_on *on = c->on;
    struct shard                 *sh = c->sh;
    struct tsx_id                 client = c->client;
    void                         *arg = c->arg;

    carried_free(c);
    if (on && on->ended)
        on->ended(arg, sh, client);
}

static void give_up(struct carried *c, enum err why)
{
    if (c->on && c->on->failed)
        c->on->failed(c->arg, c->sh, c->client, why);
    carried_end(c);
}

static enum err send_it(struct carried *c);

static void say(const struct carried *c, struct slice text)
{
    struct slice call_id;

    if (msg_find_call_id(c->octets, &call_id) == ERR_OK)
        proxy_say(c->sh, call_id, text);
}

static void on_timer(void *arg)
{
    struct carried *c = arg;
    enum err        e;

    if (again_find(c->px, c->sh, &c->again, &c->flow) == ERR_OK) {
        say(c, S("the phone is back on another connection"));
        if ((e = send_it(c)))
            give_up(c, e);
    } else if (shard_now_ms(c->sh) >= c->again.until_ms)
        give_up(c, ERR_CLOSED);
    else
        shard_timer_start(c->sh, &c->timer, RETRY_FLOW_MS);
}

static void on_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    struct carried *c = arg;

    if (c->on && c->on->response)
        c->on->response(c->arg, sh, t, m, from);
}

static void on_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    struct carried *c = arg;

    if (why != ERR_TIMEOUT && shard_now_ms(sh) < c->again.until_ms) {
        say(c, S("the phone's connection is gone: its return is waited for"));
        c->away = true;
    } else if (c->on && c->on->failed)
        c->on->failed(c->arg, sh, t, why);
}

static void on_ended(void *arg, struct shard *sh, struct tsx_id t)
{
    struct carried *c = arg;

    (void)t;
    if (c->away)
        shard_timer_start(sh, &c->timer, RETRY_FLOW_MS);
    else
        carried_end(c);
}

static const struct stack_client_on carried_on = {on_response, on_failed, on_ended};

static enum err send_it(struct carried *c)
{
    struct stack_send s = {.octets = c->octets, .branch = c->branch, .flow = &c->flow, .on = &carried_on, .arg = c};

    c->away = false;
    return stack_request(c->sh, &s, &c->client);
}

bool proxy_carry_waits(const struct proxy *px, struct shard *sh, const void *arg)
{
    const struct list *l = &px->shard[shard_index(sh)].carried;

    for (const struct list_node *n = list_first(l); n; n = list_next(l, n)) {
        const struct carried *c = LIST_OF(n, const struct carried, node);

        if (c->arg == arg && c->away)
            return true;
    }
    return false;
}

static struct slice put(char **at, struct slice what)
{
    struct slice there = {*at, what.n};

    if (what.n)
        memcpy(*at, what.p, what.n);
    *at += what.n;
    return there;
}

enum err carried_send(struct proxy *px, struct shard *sh, const struct stack_send *s, const struct again *phone, struct tsx_id *client)
{
    size_t          n = sizeof(struct carried) + s->octets.n + s->branch.n + phone->aor.n + phone->contact.n;
    struct carried *c;
    char           *at;
    enum err        e;

    if (!s->flow || !transport_is_reliable((enum transport_kind)s->flow->kind))
        return stack_request(sh, s, client);
    if (!(c = mem_alloc(shard_mem(sh), n)))
        return ERR_NOMEM;
    *c = (struct carried){.px = px, .sh = sh, .octets_n = n, .flow = *s->flow, .on = s->on, .arg = s->arg};
    at = c->text;
    c->octets = put(&at, s->octets);
    c->branch = put(&at, s->branch);
    c->again.aor = put(&at, phone->aor);
    c->again.contact = put(&at, phone->contact);
    c->again.until_ms = shard_now_ms(sh) + AGAIN_MS;
    c->timer.fire = on_timer;
    c->timer.arg = c;
    list_append(&px->shard[shard_index(sh)].carried, &c->node);
    if ((e = send_it(c))) {
        carried_free(c);
        return e;
    }
    *client = c->client;
    return ERR_OK;
}
