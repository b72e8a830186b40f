/* left.c - calls that the exchange had made itself when it was killed, and is not at the end of any more: who was called is told
 * that it is over, or would ring, or wait, for nobody.
 *
 * Room      server/bridge.
 * In        note.c at start: the dialogs that are brought back; the first bridge_tick(), which looks for the others.
 * Touches   the room's list of those that are brought back; records, by server/proxy. */
#include <string.h>

#include "server/bridge/bridge_priv.h"

struct noted {
    struct block     block;
    struct list_node node;
    size_t           n;
    char             call_id[];
};

enum err join_left_spare(struct bridge *b, struct slice call_id)
{
    struct noted *k = bridge_block_new(b, sizeof *k + call_id.n);

    if (!k)
        return ERR_NOMEM;
    k->n = call_id.n;
    memcpy(k->call_id, call_id.p, call_id.n);
    list_append(&b->noted, &k->node);
    return ERR_OK;
}

static bool is_noted(struct bridge *b, struct slice call_id)
{
    for (struct list_node *n = list_first(&b->noted); n; n = list_next(&b->noted, n)) {
        const struct noted *k = LIST_OF(n, struct noted, node);

        if (slice_eq((struct slice){k->call_id, k->n}, call_id))
            return true;
    }
    return false;
}

/* ---- one of them ---- */

struct left {
    struct block     block;
    struct bridge   *b;
    struct dialog_id id;
};

static void end(void *arg, struct shard *sh)
{
    struct left *x = arg;

    (void)proxy_abandon(x->b->config.proxy, sh, x->id); /* who has said nothing yet is told when he does */
    bridge_block_free(x->b, x);
}

/* ---- all of them ---- */

struct look {
    struct block   block;
    struct bridge *b;
    struct shard  *sh;
    int64_t        began_ms;
};

static bool see(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    struct look *l = arg;
    struct left *x;

    if (r->started_ms >= l->began_ms || !proxy_called_itself(l->sh, r) || is_noted(l->b, r->call_id))
        return true;
    if (!(x = bridge_block_new(l->b, sizeof *x)))
        return false;
    x->b = l->b;
    x->id = id;
    if (stack_post(l->b->stack, stack_shard_of(l->b->stack, r->call_id), end, x))
        bridge_block_free(l->b, x);
    return true;
}

/* The list of what is noted is nobody else's by now. */
static void look(void *arg, struct shard *sh)
{
    struct look *l = arg;

    l->sh = sh;
    (void)dialogs_each(proxy_dialogs(l->b->config.proxy), see, l); /* without memory the phones give up by themselves */
    for (struct list_node *n; (n = list_pop(&l->b->noted));)
        bridge_block_free(l->b, LIST_OF(n, struct noted, node));
    bridge_block_free(l->b, l);
}

void join_left_end(struct bridge *b, int64_t began_ms)
{
    struct look *l;

    if (!(l = bridge_block_new(b, sizeof *l)))
        return;
    l->b = b;
    l->began_ms = began_ms;
    if (stack_post(b->stack, 0, look, l))
        bridge_block_free(b, l);
}
