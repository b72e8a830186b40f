/* media_priv.h - one session, as the files of this room see it. */
#ifndef MEDIA_MEDIA_PRIV_H
#define MEDIA_MEDIA_PRIV_H

#include "base/list.h"
#include "media/burst.h"
#include "media/codec.h"
#include "media/conceal.h"
#include "media/digit.h"
#include "media/jitter.h"
#include "media/latch.h"
#include "media/media.h"
#include "media/meter.h"
#include "media/opus_voice.h"
#include "media/rtcp.h"
#include "media/rtp.h"
#include "media/secure.h"
#include "media/tone.h"
#include "media/tune.h"
#include "media/wav.h"
#include "media/wide.h"

#define MAX_EVENTS 16 /* that one turn can bring */
#define TOLD_TONE_MS 300
#define MAX_TOLD 16

enum source_kind { SOURCE_SILENCE, SOURCE_TONE, SOURCE_TUNE, SOURCE_FILE };

struct ear; /* keys.c */

struct source { /* what is said */
    enum source_kind   kind;
    struct tone        tone;
    struct tune        tune;
    struct wav_reader *file;
};

struct sending {
    uint32_t            ssrc;
    uint16_t            seq;
    uint32_t            ts;        /* of the frame at frame_us */
    bool                talking;   /* the last frame was sent: no marker */
    uint32_t            packets, octets; /* of this SSRC */
    uint32_t            packets_before, octets_before; /* of those before it */
    struct digit_sender digits;
    struct tone         key;       /* that is down, where keys are sound */
};

struct hearing {
    struct latch          latch;
    struct rtp_source     from;
    struct jitter         jitter;
    struct conceal        conceal;
    struct burst          burst;     /* what was not heard of it */
    struct digit_receiver digits;
    enum media_codec      codec;     /* of the last packet that was heard: what is lost after it is that codec's */
    uint32_t              clock_hz;  /* of the last packet that came */
    bool                  owed;      /* a packet was lost, and is made good together with the next one */
    int16_t               fifo[CODEC_MAX_FRAME + 2 * CODEC_MAX_PACKET];
    size_t                n_fifo;
    uint32_t              dry_ms;    /* how long nothing was there to be heard */
    uint64_t              since_ms;  /* of the last packet, or of the begin */
    bool                  told_heard, told_silent;
    bool                  mirrored;  /* the far end sends our own packets back */
    uint32_t              packets, octets;
    int32_t               lost_before; /* of SSRCs before this one */
    uint32_t              concealed_ms, foreign, malformed, unknown_pt, collisions, unauthentic, replayed;
};

struct reporting { /* RTCP */
    uint32_t sent, received;
    uint32_t packets_last[2];   /* sending.packets at the last reports: a sender is who sent since the one before the last */
    struct addr learned;        /* where RTCP came from, of a sender elsewhere */
    uint32_t lsr;
    uint64_t lsr_us;            /* when it came */
    uint32_t lrr, lrr_ssrc;     /* of their receiver reference time: RFC 3611 §4.5; lrr 0: none came */
    uint64_t lrr_us;
    bool     reported;
    int32_t  far_lost;
    uint32_t far_jitter, round_trip_us;
    bool     has_voip;
    struct rtcp_voip far_voip;
    char     cname[17];         /* 96 bits in base64: RFC 7022 §4.2 */
};

/* What a mixer has of it. */
struct mixing {
    struct media_mixer *mixer;    /* NULL: in none */
    struct list_node    node;
    bool                speaks;   /* heard is worth adding */
    struct rate        *up, *down; /* where the others are wide; NULL: not needed yet */
    uint64_t            told;     /* the tick after which its events were told */
    int16_t             heard[CODEC_MAX_FRAME];
    int16_t             said[2 * CODEC_MAX_FRAME]; /* to be sent: what is not a whole packet yet */
    size_t              n_said;
};

struct media {
    struct media_config c;
    struct net_udp     *rtp, *rtcp;
    struct addr         local_rtp, local_rtcp;
    struct media_params p;         /* without keys: secure has them */
    struct secure       secure;
    bool                set;
    uint64_t            random;
    uint32_t            rate_hz;    /* of all sound within: that of the codec that is sent */
    uint32_t            clock_hz;   /* of the timestamps that are sent */
    struct wide        *wide;       /* NULL: no G.722 was agreed yet */
    struct opus_voice  *opus;       /* NULL: no Opus */
    struct rate        *to_rate, *to_narrow; /* what comes in the other rate; what recorder and meter get. NULL: not needed yet */
    uint32_t            frame_ms;
    uint64_t            frame_us;   /* when the next frame is due */
    bool                running;    /* frames come by its own timer */
    struct mixing       mix;
    struct net_timer    frame_timer, report_timer;
    struct source       source;
    struct sending      out;
    struct hearing      in;
    struct reporting    report;
    struct wav_writer  *recorder;
    struct meter       *meter;
    struct ear         *ear;        /* NULL: nobody listens for keys in the sound */
    uint16_t            told[MAX_TOLD]; /* tones that were told */
    size_t              n_told;
    struct media_event  events[MAX_EVENTS];
    size_t              n_events;
    bool                delivering, closed;
};

static inline uint32_t media_event_hz(const struct media *m) { return m->p.event_hz ? m->p.event_hz : CODEC_RATE_HZ; }
static inline bool media_sends(const struct media *m) { return m->p.send && m->p.rtp.family != ADDR_NONE; }

/* session.c */
void media_run(struct media *m); /* after a change: its own timer runs, or a mixer's does its work, or there is none */
/* Mixed sound, of any length up to CODEC_MAX_FRAME: leaves in packets as they were agreed. */
void media_say(struct media *m, const int16_t *pcm, size_t n);
uint64_t media_random(struct media *m);
void media_tell(struct media *m, const struct media_event *e); /* queued; what is over MAX_EVENTS is lost */
void media_deliver(struct media *m);                           /* last thing in a callback: m may be gone afterwards */

/* ports.c: open m->rtp and m->rtcp by m->c. On failure neither is open. */
enum err media_open_ports(struct media *m);
extern const struct net_udp_on media_on_rtp, media_on_rtcp;

/* send.c */
void media_send_frame(struct media *m, const int16_t *pcm); /* media_frame_samples() of it */
size_t media_frame_samples(const struct media *m);

enum err media_queue_digits(struct media *m, struct slice digits, uint16_t tone_ms, bool in_sound);

/* keys.c */
bool     media_keys_say(struct media *m, int16_t *pcm, size_t n); /* false: no key, nothing is written */
enum err media_ear_open(struct ear **out);                        /* ERR_NOMEM */
void     media_ear_close(struct ear *e);                          /* NULL is allowed */
void     media_keys_hear(struct media *m, const int16_t *pcm, size_t n); /* at 8 kHz; m->ear is there */

/* hear.c */
/* A packet that came, plain in `room` (SECURE_MAX_OCTETS) where there are keys. False: it is not to be heard, and counted. */
bool media_unseal(struct media *m, bool rtcp, char *room, struct slice *octets);
void media_on_rtp_octets(struct media *m, const struct addr *from, struct slice octets);
/* The next n samples of what is heard, at most CODEC_MAX_FRAME; they have gone to the sinks. False: silence for sure. */
bool media_hear(struct media *m, int16_t *pcm, size_t n);

/* report.c */
void media_report_start(struct media *m);
void media_report_bye(struct media *m); /* for m->out.ssrc, if it ever was used */
void media_on_rtcp_octets(struct media *m, const struct addr *from, struct slice octets);

/* quality.c */
void media_voip_metrics(const struct media *m, struct rtcp_voip *out); /* for a report */

/* play.c */
void media_set_source_rate(struct media *m); /* after m->rate_hz has changed */
void media_read_source(struct media *m, int16_t *pcm, size_t n);
void media_close_source(struct media *m);

/* listen.c */
void media_write_sinks(struct media *m, const int16_t *pcm, size_t n);

#endif
