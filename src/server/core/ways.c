/* ways.c - what the proxy wants to know of trunks, from the room that knows.
 *
 * Room      server/core.
 * Touches   nothing. */
#include "server/core/core_priv.h"

static bool is_down(void *ctx, struct slice trunk)
{
    struct core *c = ctx;

    return trunk_is_down(c->trunks, trunk);
}

static bool is_full(void *ctx, struct slice trunk, uint64_t now_ms)
{
    struct core *c = ctx;

    return trunk_is_full(c->trunks, trunk, now_ms);
}

static void heard(void *ctx, struct slice trunk, const struct msg *m, uint64_t now_ms)
{
    struct core *c = ctx;

    trunk_heard(c->trunks, trunk, m, now_ms);
}

static enum err login(void *ctx, struct arena *scratch, const struct proxy_login *l, struct buf *rows)
{
    struct core       *c = ctx;
    struct trunk_login tl = {.trunk = l->trunk, .challenge = l->challenge, .method = l->method, .uri = l->uri, .body = l->body,
                             .tries = l->tries};

    return trunk_answer(c->trunks, scratch, &tl, rows);
}

struct proxy_trunks trunks_for_proxy(struct core *c)
{
    return (struct proxy_trunks){is_down, is_full, heard, login, c};
}

struct trunks *core_trunks(struct core *c)
{
    return c->trunks;
}
