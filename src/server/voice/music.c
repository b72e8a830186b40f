/* music.c - an extension that answers and plays music: where a holding phone lets its caller listen (RFC 7088 §2), or anybody
 * who wants to know whether sound reaches him.
 *
 * Room      server/voice. */
#include "server/voice/voice_priv.h"

static const struct voice_act music_act = {0};

unsigned music_incoming(struct voice *v, struct leg *leg, const struct voice_in *call)
{
    struct sound_ask ask = {.send_only = true, .play = {.what = SOUND_MUSIC}};
    struct party    *p;

    if (party_new(v, &music_act, &p))
        return 500;
    party_record_set(p, call->record);
    if (party_answer(p, leg, call->in->offer, &ask)) {
        party_free(p);
        return 500;
    }
    return 0;
}
