/* call_priv.h - what the files of room call share. */
#ifndef CALL_CALL_PRIV_H
#define CALL_CALL_PRIV_H

#include "base/arena.h"
#include "base/list.h"
#include "call/call.h"

struct music; /* music.c */

struct calls {
    struct calls_config config;
    struct list         list; /* of struct call, oldest first */
    struct media_mixer *mixer; /* NULL: nobody is in it        */
    struct list         music; /* of struct music */
};

struct call {
    struct list_node   node;
    struct calls      *calls;
    unsigned           number;
    enum call_state    state;
    bool               out;
    bool               held;       /* by them                                           */
    bool               on_hold;    /* by us, as far as both know                        */
    bool               offering;   /* our re-INVITE is out: it wants what wants_hold says */
    bool               wants_hold;
    bool               asking;     /* ... and asks them to offer: for the music */
    struct music      *music;      /* that they hear on hold, or will; NULL: none */
    struct media_params params;    /* of the media, as set last */
    bool               joined;     /* in calls->mixer */
    struct leg_id      leg;
    struct ua_account *account;
    struct media      *media;      /* NULL: none (any more) */
    struct sdp_local   local;
    struct slice       codec;      /* agreed */
    struct slice       srtp;
    bool               events;     /* telephone-event is */
    char               keys[64];   /* that are still to be pressed by INFO; the first is on its way */
    size_t             n_keys;
    struct call_report report;
    uint64_t           answered_ms;
    uint16_t           tone_hz;
    struct arena       arena;
    struct slice       peer, peer_name, call_id;
    struct slice       local_tag, remote_tag; /* of the dialog; empty: there is none yet */
    struct slice       offer;      /* theirs, until it is answered */
    void              *data;
};

/* call.c */
enum err     call_new(struct calls *cs, struct call **out); /* with media, in the list */
void         call_free(struct call *c);
void         call_tell(struct call *c, const struct call_event *e);
void         call_learn_dialog(struct call *c, const struct leg *leg); /* Call-ID and tags, as soon as there are any */
void         call_tell_failed(struct call *c, const char *what, enum err e, unsigned code);

/* act.c */
struct act {
    struct mem  *mem;    /* outlives the call */
    struct call *c;
    void (*fn)(struct act *a, struct leg *leg);
    size_t       octets; /* of this allocation */
    unsigned     code;
    struct slice text;   /* behind this struct */
};
/* Have fn called in the leg's shard, with that code and a copy of the text; never, where the leg is over by then. ERR_NOMEM. */
enum err     call_errand(struct call *c, void (*fn)(struct act *a, struct leg *leg), unsigned code, struct slice text);
void         call_offer_hold(struct call *c, struct leg *leg); /* re-INVITE with our own description, and no music */
void         call_key_answered(struct call *c, struct leg *leg, unsigned code); /* our INFO was */

/* tells.c: what the leg tells */
extern const struct leg_on call_leg_on;
/* What stands now, once more, by UPDATE or re-INVITE. As leg_offer(), sdp_offer(). */
enum err call_offer_again(struct call *c, struct leg *leg);
void call_report_status(struct call *c, unsigned code, struct slice reason);
void call_answered(struct call *c);

/* sound.c: descriptions and media */
enum err sound_open(struct call *c);
/* out: what there was to say; NULL: nobody asks */
void     sound_close(struct call *c, struct call_sound *out);
enum err sound_offer(struct call *c, struct buf *out);
/* Answer their offer; `out` NULL: only look. ERR_UNSUPPORTED, ERR_SYNTAX, ERR_LIMIT, ERR_INVALID. */
enum err sound_answer(struct call *c, struct slice offer, struct buf *out);
/* Take their answer to ours. Errors as above. */
enum err sound_apply(struct call *c, struct slice answer);
void     sound_hold(struct call *c, bool hold);   /* for the next offer or answer */
void     sound_say(struct call *c);               /* the tone, or silence */
void     sound_rest(struct call *c);              /* nothing is said or heard, whatever was agreed */

/* music.c */
enum err music_ask(struct call *c, struct leg *leg);                  /* the re-INVITE that begins it; errors of leg_offer() */
void     music_on_offer(struct call *c, struct slice theirs);         /* its answer: what they offer */
void     music_stop(struct call *c);                                  /* if there is any */
void     music_close(struct calls *cs);

#endif
