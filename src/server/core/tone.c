/* tone.c - the ringback that a transferee hears while the exchange calls its target: an end of server/sound for server/bridge.
 *
 * Room      server/core.
 * In        the bridge, with the transferee's offer; the sound's events.
 * Out       the answer, back to the bridge. */
#include "server/core/core_priv.h"

static void on_event(void *ctx, struct shard *sh, uint64_t key, const struct sound_event *e)
{
    struct core *c = ctx;

    if (e->kind == SOUND_SDP)
        bridge_tone_answered(c->bridge, sh, key, e->sdp);
    else if (e->kind == SOUND_FAILED)
        bridge_tone_answered(c->bridge, sh, key, SLICE_NONE);
}

static const struct sound_on tone_on = {on_event};

static enum err answer(void *ctx, struct shard *sh, uint64_t key, const struct flow *near, struct slice offer, uint64_t *end)
{
    struct core     *c = ctx;
    struct sound_ask ask = {.shard = shard_index(sh), .key = key, .on = &tone_on, .ctx = c, .send_only = true,
                            .play = {.what = SOUND_RINGBACK}};
    struct sound_end tone;
    enum err         e;

    if ((e = sound_local_for(sh, near, &ask.local)) || (e = sound_end_open(c->sound, &ask, &tone)))
        return e;
    if ((e = sound_end_answer(c->sound, tone, offer))) {
        sound_end_close(c->sound, tone);
        return e;
    }
    *end = tone.n;
    return ERR_OK;
}

static void stop(void *ctx, uint64_t end)
{
    sound_end_close(((struct core *)ctx)->sound, (struct sound_end){end});
}

struct bridge_tone tone_for_bridge(struct core *c)
{
    return (struct bridge_tone){answer, stop, c};
}
