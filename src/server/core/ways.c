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

static enum err login(void *ctx, struct arena *scratch, const struct proxy_login *l, struct buf *rows)
{
    struct core       *c = ctx;
    struct trunk_login tl = {.trunk = l->trunk, .challenge = l->challenge, .method = l->method, .uri = l->uri, .body = l->body,
                             .tries = l->tries};

    return trunk_answer(c->trunks, scratch, &tl, rows);
}

struct proxy_trunks trunks_for_proxy(struct core *c)
{
    return (struct proxy_trunks){is_down, login, c};
}

struct trunks *core_trunks(struct core *c)
{
    return c->trunks;
}
