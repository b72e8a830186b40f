/* sound.h - the exchange's own ends of audio streams: tones, music, what a leg of ours says and hears.
 *
 * The sound itself runs on media threads with nets of their own (in virtual time: on the exchange's one net). Whoever holds
 * a shard asks by message and never waits; what comes of it comes into that shard, by struct sound_on. In short, for a leg
 * that was offered a description:
 *
 *     sound_local_for(sh, &in->from, &o.local)      where that phone reaches us
 *     sound_end_open(s, &o, &end)                   o.play: ringback, music, ...
 *     sound_end_answer(s, end, offer)                   -> event SOUND_SDP: the answer to send; sound goes from then on
 *     sound_end_play(s, end, ...), sound_end_offer(), sound_end_take()
 *     sound_end_close(s, end)
 *
 * An end makes and reads its session descriptions itself (RFC 3264, room sdp): they are octets to its user. What is asked of
 * one end is done in order. Every sound_end_offer, sound_end_answer and sound_end_take has exactly one outcome: its event, or
 * SOUND_FAILED with the reason; an end whose ports could not be opened answers SOUND_FAILED to each. Events name their user
 * by the key it gave: look it up, it may have gone since. After sound_end_close() an event that is on its way still comes. */
#ifndef SERVER_SOUND_SOUND_H
#define SERVER_SOUND_SOUND_H

#include "media/media.h"
#include "sip/stack/stack.h"

enum {
    SOUND_MAX_THREADS = 16,
    SOUND_MAX_ENDS = 8192,          /* of all threads; over it: ERR_FULL */
    SOUND_MAX_CALL_ID = 255,        /* longer: such an end is not told of by sound_config.heard */
    SOUND_MAX_PATH = 512,           /* octets of a sound file's path */
    SOUND_PORT_MIN = 20000, SOUND_PORT_MAX = 29999 /* where nothing else is configured */
};

struct sound;

/* Names an end for ever: a stale one finds nothing. Zeroed: none. */
struct sound_end {
    uint64_t n;
};

/* Names a mixer for ever: ends that are in it hear each other. Zeroed: none. */
struct sound_mix {
    uint64_t n;
};

/* How an end has sounded, when it closes. */
struct sound_heard {
    struct slice         call_id, codec; /* sound_ask's; codec that was sent, "" for none. Live until the callback returns */
    int64_t              at_ms;          /* since 1970 */
    struct media_quality here, there;
};

struct sound_config {
    struct mem   *mem;        /* safe for all threads */
    struct rng   *rng;        /* likewise */
    struct net  **net;        /* one per media thread; they outlive the room */
    unsigned      n_nets;     /* 1 to SOUND_MAX_THREADS */
    uint16_t      port_min, port_max; /* 0, 0: SOUND_PORT_MIN to SOUND_PORT_MAX */
    void (*heard)(void *ctx, const struct sound_heard *h); /* on a media thread, of ends with a Call-ID; NULL: nobody asks */
    void         *heard_ctx;
    const char   *music;      /* a WAV file for SOUND_MUSIC; NULL: a tune of our own. Copied */
};
enum err sound_room_open(const struct sound_config *config, struct sound **out); /* ERR_NOMEM, ERR_LIMIT (path) */
void     sound_room_attach(struct sound *s, struct stack *st);                   /* right after stack_open */
/* Before stack_close: nothing is asked of the threads from now on, and what is, is passed over. */
void     sound_room_quiet(struct sound *s);
/* No media thread may run any more, and the stack is closed: ends that are left are closed without events. Takes NULL. */
void     sound_room_close(struct sound *s);
size_t   sound_ends(const struct sound *s); /* that exist now; for tests: 0 at the end */

/* ---- what an end says ---- */

enum sound_what { SOUND_SILENCE, SOUND_RINGBACK, SOUND_BUSY, SOUND_CONFIRM, SOUND_MUSIC, SOUND_FILE };
struct sound_play {
    enum sound_what what;
    struct slice    path;   /* SOUND_FILE: played once */
};

/* ---- what comes back ---- */

enum sound_event_kind {
    SOUND_SDP,       /* the description that sound_end_offer() or sound_end_answer() asked for: sdp */
    SOUND_TAKEN,     /* sound_end_take(): the answer is in use */
    SOUND_FAILED,    /* one of these three could not be done: e. ERR_UNSUPPORTED: no codec in common (488); ERR_SYNTAX,
                        ERR_INVALID, ERR_LIMIT: a description that cannot be read (488); ERR_BUSY: no port is free */
    SOUND_HEARD,     /* the first packet of the peer has come */
    SOUND_SILENT,    /* nothing has come for MEDIA_SILENT_MS though it should */
    SOUND_DIGIT,     /* a key was pressed there: digit */
    SOUND_PLAYED     /* the file has ended */
};
struct sound_event {
    enum sound_event_kind kind;
    enum err              e;
    struct slice          sdp;   /* lives until the callback returns */
    bool                  held;  /* SOUND_SDP, SOUND_TAKEN: the peer has put us on hold */
    char                  digit;
};
struct sound_on {
    void (*event)(void *ctx, struct shard *sh, uint64_t key, const struct sound_event *e);
};

/* ---- asking, from a held shard ---- */

struct sound_ask {
    unsigned               shard;  /* where events go (shard_index of the held one) */
    uint64_t               key;    /* the user's name for itself, comes with each event */
    const struct sound_on *on;     /* NULL: nobody is told */
    void                  *ctx;
    struct addr            local;  /* where the phone reaches us; its port is not looked at */
    bool                   offers_keys; /* for SRTP, beside plain sound: where we call, or come into a call, the phone may insist */
    bool                   send_only; /* what is heard does not matter: descriptions say so (RFC 7088) */
    struct sound_play      play;   /* from the beginning on */
    struct slice           call_id; /* whose end it is, for sound_config.heard; empty: nobody's */
    struct sound_mix       mix;    /* in this mixer from the beginning on; none: by itself */
};
/* Where the peer of that flow reaches us. ERR_NOTFOUND. */
enum err sound_local_for(struct shard *sh, const struct flow *flow, struct addr *out);

/* All of these: ERR_NOMEM, and then nothing was asked. sound_end_open also ERR_FULL, ERR_LIMIT (path). */
enum err sound_end_open(struct sound *s, const struct sound_ask *ask, struct sound_end *out);
enum err sound_end_offer(struct sound *s, struct sound_end end);                       /* -> SOUND_SDP */
enum err sound_end_answer(struct sound *s, struct sound_end end, struct slice offer);  /* -> SOUND_SDP */
enum err sound_end_take(struct sound *s, struct sound_end end, struct slice answer);   /* -> SOUND_TAKEN */
enum err sound_end_play(struct sound *s, struct sound_end end, const struct sound_play *play);
/* Events of the end go to that shard from now on (those on their way have left for the old one): the leg was not there yet. */
enum err sound_end_follow(struct sound *s, struct sound_end end, unsigned shard);
/* Always succeeds; an end that is none is passed over. */
void     sound_end_close(struct sound *s, struct sound_end end);

/* ---- several together ---- */

/* A mixer of its own: for at most MEDIA_MIX_MAX ends, which must be opened for it (sound_ask.mix). ERR_NOMEM. */
enum err sound_mix_open(struct sound *s, struct sound_mix *out);
enum sound_signal { SOUND_ENTERED, SOUND_LEFT };
/* All in it hear a short tone. Without memory they do not. */
void     sound_mix_signal(struct sound *s, struct sound_mix mix, enum sound_signal signal);
/* Always succeeds. Ends that are still in it are by themselves then. */
void     sound_mix_close(struct sound *s, struct sound_mix mix);

#endif
