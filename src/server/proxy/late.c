/* late.c - an INVITE that has been answered: the 2xx that still come of it go back too (RFC 6026 §7.1, §7.2).
 *
 * Room      server/proxy.
 * In        answer.c, when a fork has answered and one of its branches has accepted.
 * Owns      struct late, for as long as that branch's client transaction lingers (64*T1): all that is left of the fork then, which
 *           is ten times as large.
 * Touches   the shard's list of them; the dialog's record; the stack. */
#include "server/proxy/proxy_priv.h"

struct late {
    struct list_node    node;
    struct proxy       *px;
    struct shard       *sh;
    struct tsx_id       server;
    struct dialog_id    record; /* of the call that it began; gen 0: none, or it was a request within one */
    uint32_t            shift, shift_other;
    struct fork_refresh refresh;
};

static void late_free(struct late *l)
{
    struct proxy_shard *ps = &l->px->shard[shard_index(l->sh)];

    proxy_count(ps, (size_t)-1);
    list_remove(&l->node);
    mem_free(shard_mem(l->sh), l, sizeof *l);
}

/* As the fork would have passed it back. */
static void on_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    const struct late *l = arg;
    struct fork        gone = {.px = l->px, .sh = sh, .method = METHOD_INVITE, .record = l->record, .shift = l->shift,
                               .shift_other = l->shift_other, .refresh = l->refresh};
    struct slice       octets;

    (void)t;
    keep_response(&gone, m, from);
    if (compose_response(&gone, NULL, m, &octets) == ERR_OK)
        stack_respond(sh, l->server, octets);
}

static void on_ended(void *arg, struct shard *sh, struct tsx_id t)
{
    (void)sh;
    (void)t;
    late_free(arg);
}

static const struct stack_client_on late_on = {.response = on_response, .ended = on_ended};

enum err late_begin(const struct branch *b)
{
    const struct fork  *f = b->fork;
    struct proxy_shard *ps = &f->px->shard[shard_index(f->sh)];
    struct late        *l = mem_alloc(shard_mem(f->sh), sizeof *l);

    if (!l)
        return ERR_NOMEM;
    *l = (struct late){.px = f->px, .sh = f->sh, .server = f->server, .shift = f->shift + (b->out ? b->out->shift : 0),
                       .shift_other = f->shift_other, .refresh = f->refresh};
    if (!f->within)
        l->record = f->record;
    proxy_count(ps, 1);
    list_append(&ps->late, &l->node);
    stack_watch_client(f->sh, b->client, &late_on, l);
    return ERR_OK;
}

void late_close(struct proxy *px, struct shard *sh)
{
    for (struct list_node *n; (n = list_first(&px->shard[shard_index(sh)].late));)
        late_free(LIST_OF(n, struct late, node));
}
