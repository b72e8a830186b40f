/* alive.c - calls whose session is not refreshed: the exchange asks where nobody else can, and ends what is gone (RFC 4028
 * §8, §10; PROTOCOL 8).
 *
 * Room      server/core.
 * In        server/dialogs' sweep, which finds what is due: up to a minute after the moment. So it costs no message anything.
 * Out       UPDATE without a description where the phone lists it, else OPTIONS, in the place of the other side, to both;
 *           BYE to both when one of them has gone (408, 481, or no way to it), or when a refresh has not come.
 * Touches   the dialog's record: the side that is spoken for is shifted before that leaves, so that a crash in between
 *           costs a number and nothing else. c->probes owns the questions that are out. */
#include <assert.h>

#include "server/core/core_priv.h"

/* A question to one side. */
struct probe {
    struct list_node node;
    struct core     *c;
    struct mem      *mem;
    struct dialog_id id;
    bool             gone;
};

static void probe_free(struct probe *p)
{
    list_remove(&p->node);
    mem_free(p->mem, p, sizeof *p);
}

static void on_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    struct probe *p = arg;

    (void)sh;
    (void)t;
    (void)from;
    if (m->status == 408 || m->status == 481)
        p->gone = true; /* whatever else it says, it is there */
}

static void on_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    struct probe *p = arg;

    (void)sh;
    (void)t;
    (void)why;
    p->gone = true;
}

static void on_ended(void *arg, struct shard *sh, struct tsx_id t)
{
    struct probe    *p = arg;
    struct core     *c = p->c;
    struct dialog_id id = p->id;
    bool             gone = p->gone;

    (void)t;
    probe_free(p);
    if (gone)
        (void)core_end_call(c, sh, id, &(struct core_ending){.by = S("exchange"), .why = S("session not refreshed"), .code = 408,
                            .say = S("a phone of this call does not know it any more: the exchange sends BYE to both sides")});
}

static const struct stack_client_on probe_on = {on_response, on_failed, on_ended};

/* In the place of `by`, with the next number. ERR_BUSY: that side has a request of its own on its way (PROTOCOL 4.2). */
static enum err ask(struct core *c, struct shard *sh, struct dialog_id id, enum dialog_side by)
{
    struct dialog_record r;
    struct dialog_party *from = &r.side[by];
    struct probe        *p;
    enum err             e;

    if (proxy_is_open(c->proxy, sh, id, by))
        return ERR_BUSY;
    if ((e = dialogs_get(c->dialogs, id, shard_scratch(sh), &r)))
        return e;
    if (!(p = mem_zalloc(shard_mem(sh), sizeof *p)))
        return ERR_NOMEM;
    *p = (struct probe){.c = c, .mem = shard_mem(sh), .id = id};
    list_append(&c->probes[shard_index(sh)], &p->node);
    from->shift++;
    r.spoken = true;
    if ((e = dialogs_put(c->dialogs, id, &r)) || (e = proxy_speak_probe(c->proxy, sh, &r, by, &probe_on, p)))
        probe_free(p);
    return e;
}

static void ask_both(struct core *c, struct shard *sh, struct dialog_id id, struct dialog_record *r)
{
    r->session.due_ms = (int64_t)(net_wall_us(shard_net(sh)) / 1000) + 500LL * r->session.interval_s;
    if (proxy_is_open(c->proxy, sh, id, DIALOG_CALLER) || proxy_is_open(c->proxy, sh, id, DIALOG_CALLEE))
        return; /* they speak themselves: at the next look */
    if (dialogs_put(c->dialogs, id, r))
        return;
    proxy_say(sh, r->call_id, S("neither phone refreshes this call: the exchange asks both whether they are still there"));
    (void)ask(c, sh, id, DIALOG_CALLER); /* without memory: the next time */
    (void)ask(c, sh, id, DIALOG_CALLEE);
}

static void give_up(struct core *c, struct shard *sh, struct dialog_id id, const struct dialog_record *r)
{
    const struct dialog_party *who = &r->side[r->session.by == DIALOG_REFRESH_CALLEE ? DIALOG_CALLEE : DIALOG_CALLER];
    char                       room[256];
    struct buf                 b = BUF_ON(room);

    buf_puts(&b, who->number.n ? who->number : S("a phone"), S(" was to refresh this call within "));
    buf_putu(&b, r->session.interval_s);
    buf_put(&b, S(" s, and has not: the exchange sends BYE to both sides"));
    (void)core_end_call(c, sh, id, &(struct core_ending){.by = S("exchange"), .why = S("session not refreshed"), .code = 408, .say = buf_slice(&b)});
}

/* On its way from the sweep to the call's shard. */
struct due {
    struct list_node node; /* c->due */
    struct core     *c;
    struct dialog_id id;
};

static void due_free(struct due *due)
{
    struct core *c = due->c;

    spin_lock(&c->due_lock);
    list_remove(&due->node);
    spin_unlock(&c->due_lock);
    mem_free(c->mem, due, sizeof *due);
}

static void run_due(void *arg, struct shard *sh)
{
    struct due           d = *(struct due *)arg;
    struct dialog_record r;

    due_free(arg);
    if (dialogs_get(d.c->dialogs, d.id, shard_scratch(sh), &r))
        return;
    assert(stack_shard_of(d.c->stack, r.call_id) == shard_index(sh));
    if (r.state != DIALOG_CONFIRMED ||
        r.mode == DIALOG_MODE_EXECUTE || /* its ends are ours, and refresh by themselves (server/bridge) */
        !r.session.interval_s || r.session.due_ms > (int64_t)(net_wall_us(shard_net(sh)) / 1000))
        return;
    if (r.session.by == DIALOG_REFRESH_EXCHANGE)
        ask_both(d.c, sh, d.id, &r);
    else
        give_up(d.c, sh, d.id, &r);
}

/* Where it comes to nothing the next round of the sweep finds it again. */
static void on_due(void *ctx, struct dialog_id id)
{
    struct core *c = ctx;
    struct due  *due;
    unsigned     shard;

    if (core_shard_of(c, id, &shard) || !(due = mem_alloc(c->mem, sizeof *due)))
        return;
    *due = (struct due){.c = c, .id = id};
    spin_lock(&c->due_lock);
    list_append(&c->due, &due->node);
    spin_unlock(&c->due_lock);
    if (stack_post(c->stack, shard, run_due, due))
        due_free(due);
}

void alive_open(struct core *c)
{
    for (unsigned i = 0; i < STACK_SHARDS; i++)
        list_init(&c->probes[i]);
    list_init(&c->due);
    dialogs_watch_sessions(c->dialogs, on_due, c);
}

void alive_shard_close(struct core *c, struct shard *sh)
{
    for (struct list_node *n; (n = list_first(&c->probes[shard_index(sh)]));)
        probe_free(LIST_OF(n, struct probe, node));
}

void alive_close(struct core *c)
{
    for (struct list_node *n; (n = list_first(&c->due));)
        due_free(LIST_OF(n, struct due, node));
}
