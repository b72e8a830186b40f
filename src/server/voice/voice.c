/* voice.c - the room opened and closed, and which app a call is for.
 *
 * Room      server/voice.
 * In        server/core. */
#include "server/voice/voice_priv.h"

enum err voice_open(const struct voice_config *config, struct voice **out)
{
    struct voice *v = mem_zalloc(config->mem, sizeof *v);

    if (!v)
        return ERR_NOMEM;
    v->config = *config;
    for (unsigned i = 0; i < STACK_SHARDS; i++)
        list_init(&v->parties[i]);
    *out = v;
    return ERR_OK;
}

void voice_close(struct voice *v)
{
    if (v)
        mem_free(v->config.mem, v, sizeof *v);
}

void voice_shard_close(struct voice *v, struct shard *sh)
{
    struct list *parties = &v->parties[shard_index(sh)];

    for (struct list_node *n; (n = list_first(parties));)
        party_free(LIST_OF(n, struct party, node));
}

size_t voice_pending(const struct voice *v)
{
    return atomic_load(&v->n_parties);
}

void voice_incoming(struct voice *v, struct leg *leg, const struct leg_incoming *in)
{
    char           number[3 * URI_MAX_OCTETS];
    struct buf     b = BUF_ON(number);
    struct uri     u;
    enum voice_app app = VOICE_APPS;
    unsigned       code = 404;

    if (!uri_parse(in->m->uri, &u, NULL))
        uri_put_user_key(&b, &u);
    if (voice_app_find(voice_app_of(v, buf_slice(&b)), &app) == ERR_OK)
        switch (app) {
        case VOICE_MUSIC: code = music_incoming(v, leg, in); break;
        case VOICE_APPS: break;
        }
    if (code)
        (void)leg_reject(leg, &(struct leg_refusal){.code = code});
}
