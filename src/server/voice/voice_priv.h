/* voice_priv.h - what the files of server/voice share. */
#ifndef SERVER_VOICE_PRIV_H
#define SERVER_VOICE_PRIV_H

#include <stdatomic.h>

#include "base/list.h"
#include "server/voice/voice.h"

struct voice {
    struct voice_config config;
    atomic_size_t       n_parties;
    struct list         parties[STACK_SHARDS]; /* each its shard's */
};

/* What we owe the peer as soon as the end has made its description. */
enum party_owes { OWES_NOTHING, OWES_INVITE, OWES_OFFER, OWES_REOFFER };

struct party;

/* What an app does with its parties; NULL: nothing. */
struct voice_act {
    void (*up)(struct party *p, struct leg *leg);
    void (*event)(struct party *p, struct leg *leg, const struct sound_event *e); /* but descriptions */
    void (*ended)(struct party *p, struct leg *leg, const struct leg_end *end);
};

/* One call of which the exchange is an end: a leg and its sound. Lives as long as the leg, in its shard. */
struct party {
    struct list_node        node;
    struct voice           *v;
    struct shard           *sh;
    const struct voice_act *act;
    struct leg_id           leg;
    struct sound_end        end;
    enum party_owes         owes;
};

/* --- party.c --- */
extern const struct leg_on party_on;
enum err party_new(struct voice *v, struct shard *sh, const struct voice_act *act, struct party **out);
void     party_free(struct party *p);
/* Open its end, `ask` filled but for its user, and begin to answer the INVITE. On an error the leg is as it was. */
enum err party_answer(struct party *p, struct leg *leg, const struct leg_incoming *in, struct sound_ask *ask);

/* --- the apps: each takes an incoming leg --- */
unsigned music_incoming(struct voice *v, struct leg *leg, const struct leg_incoming *in); /* 0, or the refusal's code */

#endif
