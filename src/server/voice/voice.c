/* voice.c - the room opened and closed, and which app a call is for.
 *
 * Room      server/voice.
 * In        server/core. */
#include "server/voice/voice_priv.h"

enum err voice_open(const struct voice_config *config, struct voice **out)
{
    struct voice *v = mem_zalloc(config->mem, sizeof *v);
    enum err      e;

    if (!v)
        return ERR_NOMEM;
    v->config = *config;
    list_init(&v->conferences);
    list_init(&v->orbits);
    list_init(&v->jobs);
    list_init(&v->referrals);
    if ((e = map_init(&v->parties, config->mem, 16))) {
        voice_close(v);
        return e;
    }
    *out = v;
    return ERR_OK;
}

void voice_close(struct voice *v)
{
    struct map_cursor cursor = {0};
    struct map_node  *node;

    if (!v)
        return;
    while ((node = map_walk(&v->parties, &cursor)))
        party_free(MAP_OF(node, struct party, by_number));
    map_close(&v->parties);
    conferences_close(v);
    orbits_close(v);
    jobs_close(v);
    referrals_close(v);
    mem_free(v->config.mem, v, sizeof *v);
}

void voice_attach(struct voice *v, struct stack *st)
{
    v->stack = st;
}

size_t voice_pending(const struct voice *v)
{
    return atomic_load(&v->n_parties);
}

struct slice voice_host_of(struct slice uri)
{
    size_t at = slice_find(uri, '@'), end;

    if (at == SIZE_MAX)
        return SLICE_NONE;
    uri = slice_from(uri, at + 1);
    end = slice_find_any(uri, S(";?"));
    return end == SIZE_MAX ? uri : slice_to(uri, end);
}

static unsigned take(struct voice *v, struct leg *leg, const struct voice_in *call)
{
    enum voice_app app;

    if (voice_app_find(voice_app_of(v, call->number), &app))
        return setting_incoming(v, leg, call);
    switch (app) {
    case VOICE_MUSIC: return music_incoming(v, leg, call);
    case VOICE_CONFERENCE: return conference_incoming(v, leg, call);
    case VOICE_FACTORY: return factory_incoming(v, leg, call);
    case VOICE_PARK: return park_incoming(v, leg, call);
    case VOICE_PARK_FREE: return park_free_incoming(v, leg, call);
    case VOICE_APPS: break;
    }
    return 404;
}

/* Which number that is the record knows: the call may have been forwarded here, or dialled with a code in front. */
void voice_incoming(struct voice *v, struct leg *leg, const struct leg_incoming *in, struct slice transferred_by)
{
    char                 number[3 * URI_MAX_OCTETS];
    struct buf           b = BUF_ON(number);
    struct voice_in      call = {.in = in, .from = in->from_uri, .transferred_by = transferred_by};
    struct dialog_record r;
    struct uri           u;
    unsigned             code;

    if (party_record_of_invite(v, leg_shard(leg), in->m, &call.record, &r) == ERR_OK) {
        call.number = r.side[DIALOG_CALLEE].number;
        call.caller = r.side[DIALOG_CALLER].number;
        call.from = r.side[DIALOG_CALLER].uri;
    } else {
        call.record.gen = 0;
        if (!uri_parse(in->m->uri, &u, NULL))
            uri_put_user_key(&b, &u);
        call.number = buf_slice(&b);
    }
    if ((code = take(v, leg, &call)))
        (void)leg_reject(leg, &(struct leg_refusal){.code = code});
}
