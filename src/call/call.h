/* call.h - a call: a leg and its sound together. The only room that knows both.
 *
 * A `struct calls` makes calls for one user of a ua (a phone): it writes and reads their session descriptions, opens their
 * media, holds and resumes, counts and listens. It tells its user by events, in the words that a person would use.
 *
 * All of it is on one thread, that of the one worker whose net the media uses. Its functions may be called from anywhere on
 * that thread: from events too. What has to be sent leaves at once, or (from inside an event of another call) right after;
 * what then still goes wrong comes as CALL_FAILED. A call lives until its CALL_GONE. */
#ifndef CALL_CALL_H
#define CALL_CALL_H

#include "codecs/codecs.h"
#include "media/media.h"
#include "sdp/sdp.h"
#include "ua/ua.h"

enum {
    CALL_MAX_TEXT_OCTETS = 1024, /* of a URI, a digit string, a phrase that is given here */
    CALL_TONE_DBM0 = -10         /* how loud our tone is                                  */
};

struct calls;
struct call;

enum call_state {
    CALL_CALLING,   /* out: nothing heard yet           */
    CALL_RINGING,   /* out: it rings there              */
    CALL_INCOMING,  /* in: not answered yet             */
    CALL_TALKING,   /* answered; perhaps on hold        */
    CALL_OVER,
    CALL_STATES
};
struct slice call_state_name(enum call_state s); /* "calling", "ringing", "incoming", "talking", "over" */

enum call_event_kind {
    CALL_RINGS,          /* out: 180 or another provisional answer: code; early: sound comes from there, else the user is
                            to hear ringback made here */
    CALL_ANSWERED,       /* either: it is answered, sound goes                                         */
    CALL_CONFIRMED,      /* the ACK has come, or gone                                                  */
    CALL_HELD,           /* the other end has put us on hold ...                                       */
    CALL_RESUMED,        /* ... and taken us back                                                      */
    CALL_ON_HOLD,        /* our call_hold() is done ...                                                */
    CALL_OFF_HOLD,       /* ... our call_resume() is                                                   */
    CALL_TRANSFER,       /* how our call_transfer() goes: refer                                        */
    CALL_DIGIT,          /* a key was pressed there: digit, ms                                         */
    CALL_DIGITS_SENT,
    CALL_HEARS,          /* a tone is heard: hz, ms                                                    */
    CALL_SOUND,          /* the first sound of the other end has come                                  */
    CALL_SILENCE,        /* nothing has come for MEDIA_SILENT_MS though it should                      */
    CALL_PLAYED,         /* the file has ended                                                         */
    CALL_FAILED,         /* what was asked for (what) could not be done: error, or code of the refusal */
    CALL_ENDED,          /* end, sound: once. The media is closed when this returns                    */
    CALL_GONE            /* the last event: the call is freed when it returns                          */
};

/* What there is to say about a call's sound at its end. */
struct call_sound {
    bool               any;       /* there was a stream */
    struct slice       codec;     /* "PCMA"; empty: none was agreed */
    struct media_stats stats;
    struct slice       srtp;      /* suite by which it was sealed at the end: "AES_CM_128_HMAC_SHA1_80"; empty: plain */
    struct media_quality here, there;
    struct addr        local;     /* where it was heard */
    struct media_heard heard[MEDIA_MAX_HEARD]; /* tones, longest first */
    size_t             n_heard;
};

struct call_event {
    enum call_event_kind kind;
    unsigned             code;
    struct slice         reason;
    bool                 early;
    char                 digit;
    uint16_t             hz;
    uint32_t             ms;
    const char          *what;      /* "hold", "resume", "transfer", "answer", "sound", "record", "dtmf", "music" */
    enum err             error;
    const struct leg_refer_status *refer;
    const struct leg_end *end;
    const struct call_sound *sound;
};

struct call_on {
    void (*event)(void *ctx, struct call *c, const struct call_event *e);
    /* The other end wants us to call somebody (a transfer): returns 202, or 3xx-6xx. Who takes it calls call_out() with
     * `report` set, now or later; or 0: it gets no answer. NULL: 603. */
    unsigned (*refer)(void *ctx, struct call *c, const struct leg_refer_in *refer);
};

/* How keys are pressed. */
enum call_keys {
    CALL_KEYS_AUTO,   /* by telephone-event where it was agreed, else in the sound              */
    CALL_KEYS_RTP,    /* by telephone-event only (RFC 4733)                                      */
    CALL_KEYS_INFO,   /* by INFO with application/dtmf-relay                                     */
    CALL_KEYS_SOUND   /* in the sound; telephone-event is neither offered nor taken               */
};

struct calls_config {
    struct mem *mem;
    struct net *net;      /* of that one worker             */
    struct rng *rng;
    struct ua  *ua;
    uint8_t     worker;
    struct addr local;    /* where media binds and is reached; port not looked at */
    uint16_t    port_min, port_max; /* 0, 0: any            */
    struct codec_list codecs; /* that are offered and taken */
    enum call_keys keys;
    bool        update;   /* hold and resume go by UPDATE where the other end lists it: also before the answer, where it has an
                             answer to our first offer (RFC 3311) */
    enum sdp_srtp srtp;   /* not OFF where the build has none (media_srtp_is_there()) */
    struct slice music;   /* URI of a server whose music hears who is put on hold (RFC 7088); empty: none. Outlives the calls */
    uint16_t    tone_hz;  /* said from the answer on, unless something is played; 0: silence */
    const struct call_on *on;
    void       *ctx;
};

enum err calls_open(const struct calls_config *config, struct calls **out); /* ERR_NOMEM */
/* Frees the calls that are left, without events; after the ua's legs have gone (stack_close). Takes NULL. */
void     calls_close(struct calls *cs);
struct call *calls_first(struct calls *cs);
struct call *calls_next(struct calls *cs, struct call *c);
/* By the number that was given to it; NULL. */
struct call *calls_find(struct calls *cs, unsigned number);

/* ---- beginning ---- */

struct call_report { /* which REFER a call is made for; leg none: none */
    struct leg_id leg;
    uint32_t      refer;
};
/* Take the duty to report off a call, to give it to the next one (a 302 is followed): in CALL_ENDED at the latest. */
struct call_report call_take_report(struct call *c);
struct call_plan {
    struct ua_account *account;
    struct slice       target;      /* URI */
    struct slice       referred_by; /* value; empty: none */
    struct slice       replaces;    /* value; empty: none */
    struct call_report report;      /* told how the call goes by NOTIFY */
};
/* ERR_SYNTAX (target), ERR_BUSY (no port for the media), ERR_NOMEM, ERR_LIMIT, ERR_IO ... */
enum err call_out(struct calls *cs, const struct call_plan *plan, struct call **out);

/* From ua_on.incoming. ERR_UNSUPPORTED: no codec in common, or a description that cannot be read; others as above: then the
 * leg has been refused. */
enum err call_in(struct calls *cs, struct leg *leg, const struct leg_incoming *in, struct call **out);

/* ---- what a person does ---- */

enum err call_ring(struct call *c);                       /* 180. ERR_INVALID: not one that comes in */
enum err call_answer(struct call *c);                     /* ERR_INVALID */
enum err call_reject(struct call *c, unsigned code, struct slice contact); /* contact: URI with a 302. ERR_INVALID, ERR_LIMIT */
enum err call_hang_up(struct call *c);                    /* whatever its state. ERR_INVALID: it is over */
enum err call_hold(struct call *c);                       /* with music, where there is some. ERR_INVALID: not talking (with `update`: over);
                                                             ERR_EXISTS: it is on hold */
enum err call_resume(struct call *c);
enum err call_transfer(struct call *c, struct slice target); /* blind: REFER to a URI. ERR_INVALID, ERR_LIMIT */
/* Attended: REFER the other end of c to that of `to`, where it takes our place (Replaces: RFC 3891, RFC 5589 §7). `to` may
 * still ring there: whether an early dialog can be replaced is theirs to say. ERR_INVALID: c is not talking, or there is
 * nothing to replace yet; ERR_LIMIT. */
enum err call_connect(struct call *c, const struct call *to);
/* One after the other, as calls_config.keys says; CALL_DIGITS_SENT when all have gone, CALL_FAILED "dtmf" when one is refused.
 * ERR_INVALID: not talking, or no key; ERR_UNSUPPORTED: no telephone-event was agreed; ERR_FULL: more than 64 wait. */
enum err call_send_digits(struct call *c, struct slice digits);
enum err call_play(struct call *c, const char *path);     /* as media_play_file; NULL: the tone or silence again */
enum err call_play_tone(struct call *c, uint16_t hz);     /* 0: silence */
enum err call_record(struct call *c, const char *path);   /* as media_record */

/* ---- several together (the guide's flow 11) ---- */

/* Into the one conference that a struct calls has: each who is in it hears all others and us, whatever we are told to play in
 * that call. Who is on hold says and hears nothing meanwhile. A call leaves with its end, or by call_part().
 * ERR_INVALID: not talking; ERR_FULL, ERR_NOMEM. */
enum err call_join(struct call *c);
void     call_part(struct call *c);
bool     call_is_joined(const struct call *c);

/* ---- about it ---- */

unsigned        call_number(const struct call *c);        /* 1, 2, ...: the lowest that was free */
enum call_state call_state(const struct call *c);
bool            call_is_out(const struct call *c);
bool            call_is_held(const struct call *c);       /* by the other end */
bool            call_is_on_hold(const struct call *c);    /* by us            */
struct slice    call_peer(const struct call *c);          /* URI              */
struct slice    call_peer_name(const struct call *c);     /* may be empty     */
struct slice    call_srtp(const struct call *c);          /* as call_sound.srtp, now */
struct slice    call_id_text(const struct call *c);       /* its Call-ID; empty before it has left */
struct leg_id   call_leg(const struct call *c);
struct ua_account *call_account(const struct call *c);
uint64_t        call_answered_ms(const struct call *c);   /* net_now_ms() then; 0: not yet */
bool            call_stats(const struct call *c, struct media_stats *out); /* false: there is no media */
bool            call_quality(const struct call *c, struct media_quality *here, struct media_quality *there); /* likewise */
/* How long a tone of that frequency has been heard so far, in ms. */
uint32_t        call_heard_ms(const struct call *c, uint16_t hz);
/* The user's own word for it, not looked at here. */
void            call_set_data(struct call *c, void *data);
void           *call_data(const struct call *c);

#endif
