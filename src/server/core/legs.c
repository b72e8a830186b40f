/* legs.c - the exchange as an end of a call: its user agent beside the proxy (DESIGN §5).
 *
 * Room      server/core.
 * In        requests that the proxy's plan gives to an app; requests in the dialogs of legs; what the ua tells.
 * Out       the app whose number was called.
 * Touches   c->ua; the shard's list of requests that somebody else waits for (a transfer does, for its NOTIFY). */
#include "server/core/core_priv.h"

/* Who wants to hear how a request for one of our ends was answered. */
struct taken {
    struct list_node   node;
    struct mem        *mem;
    struct proxy_watch watch;
};

static void taken_free(struct taken *t)
{
    list_remove(&t->node);
    mem_free(t->mem, t, sizeof *t);
}

static void on_answered(void *arg, struct shard *sh, struct tsx_id id, unsigned code)
{
    struct taken      *t = arg;
    struct proxy_watch w = t->watch;

    (void)id;
    t->watch = (struct proxy_watch){0};
    w.answered(w.arg, sh, code);
}

static void on_ended(void *arg, struct shard *sh, struct tsx_id id)
{
    struct taken *t = arg;

    (void)sh;
    (void)id;
    if (t->watch.dropped)
        t->watch.dropped(t->watch.arg);
    taken_free(t);
}

static const struct stack_server_on taken_on = {.answered = on_answered, .ended = on_ended};

static enum err watch(struct core *c, struct shard *sh, struct tsx_id server, const struct proxy_watch *w)
{
    struct taken *t;

    if (!w->answered)
        return ERR_OK;
    if (!(t = mem_zalloc(shard_mem(sh), sizeof *t)))
        return ERR_NOMEM;
    t->mem = shard_mem(sh);
    t->watch = *w;
    list_append(&c->taken[shard_index(sh)], &t->node);
    return stack_watch_server(sh, server, &taken_on, t);
}

static void take(void *ctx, struct shard *sh, const struct stack_in *in, const struct proxy_caller *caller)
{
    struct core *c = ctx;

    if (watch(c, sh, in->tsx, &caller->watch)) {
        stack_reply_code(sh, in->tsx, 503);
        caller->watch.answered(caller->watch.arg, sh, 503);
        return;
    }
    ua_new(c->ua, sh, in);
}

static struct slice app_of(void *ctx, struct slice number)
{
    struct core *c = ctx;

    return voice_app_of(c->voice, number);
}

struct proxy_legs legs_for_proxy(struct core *c)
{
    return (struct proxy_legs){app_of, take, c};
}

static void on_incoming(void *ctx, struct leg *leg, const struct leg_incoming *in)
{
    struct core *c = ctx;

    voice_incoming(c->voice, leg, in);
}

static const struct ua_on ua_on = {.incoming = on_incoming};

enum err legs_open(struct core *c, const struct core_config *config)
{
    struct ua_config uc = {.mem = config->mem,
                           .rng = config->rng,
                           .digester = config->digester,
                           .key = config->hash,
                           .user_agent = S("strowger"),
                           .by_flow = true,
                           .on = &ua_on,
                           .ctx = c};

    struct voice_config vc = {.mem = config->mem, .sound = config->sound, .log = config->log, .numbers = *config->numbers};
    enum err            e;

    for (unsigned i = 0; i < STACK_SHARDS; i++)
        list_init(&c->taken[i]);
    if ((e = ua_open(&uc, &c->ua)))
        return e;
    vc.ua = c->ua;
    return voice_open(&vc, &c->voice);
}

void legs_shard_close(struct core *c, struct shard *sh)
{
    struct list *taken = &c->taken[shard_index(sh)];

    for (struct list_node *n; (n = list_first(taken));) {
        struct taken *t = LIST_OF(n, struct taken, node);

        if (t->watch.dropped)
            t->watch.dropped(t->watch.arg);
        taken_free(t);
    }
    voice_shard_close(c->voice, sh);
    ua_shard_close(c->ua, sh);
}

bool legs_within(struct core *c, struct shard *sh, const struct stack_in *in)
{
    return ua_legs(c->ua) && ua_within(c->ua, sh, in);
}
