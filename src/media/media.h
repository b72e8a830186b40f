/* media.h - the sound of one call: RTP and RTCP on a pair of ports (RFC 3550, 3551, 4733), what is said and what is heard.
 *
 * A struct media is one end of one audio stream. It lives on the thread of the net that it was given, has no thread and no
 * clock of its own, and so runs in virtual time too. It knows addresses, payload numbers and codecs; nothing of SIP or SDP.
 * In short:
 *
 *     media_open()      binds the ports; media_local() tells them, for the offer
 *     media_set()       what was agreed; again at every re-INVITE, hold and resume. Nothing is sent or heard before
 *     media_play_...()  what to say (from the start: silence)
 *     media_close()
 *
 * What is heard (jitter buffer, concealment of losses) goes to the recorder and the meter, where they are on; both run
 * while the stream receives. Every 20 ms (or as agreed) one packet leaves while the stream sends.
 *
 * Whom it listens to. Packets count only from one sender. That is the agreed address, as soon as anything comes from there.
 * Where params.latch is set, another address becomes it, and is answered there too, once three packets in a row with one
 * SSRC have come from it: but only while the agreed address has not been heard (a phone behind a NAT cannot know its own
 * address), or nobody has for MEDIA_LATCH_FREE_MS. Whoever else sends is counted in stats.foreign and not heard. RTCP
 * counts from the hosts of the agreed address and of the sender. media_set() with another address begins anew.
 *
 * SSRC (RFC 3550 §8.2). Whoever sends with our SSRC makes us take another, after a BYE for the old one. Who then comes with
 * the new one mirrors our packets (test peers do), and is heard: that is what it is there for. */
#ifndef MEDIA_MEDIA_H
#define MEDIA_MEDIA_H

#include "base/addr.h"
#include "base/mem.h"
#include "net/net.h"

#define MEDIA_MAX_FORMATS 8
#define MEDIA_MAX_HEARD 8         /* tones remembered */
#define MEDIA_LATCH_PACKETS 3
#define MEDIA_LATCH_FREE_MS 5000
#define MEDIA_RTCP_MS 5000        /* mean time between reports: RFC 3550 §6.2 */
#define MEDIA_SILENT_MS 2000      /* nothing heard for so long while it should be: MEDIA_EVENT_SILENT */

struct media;

enum media_codec { MEDIA_PCMA, MEDIA_PCMU, MEDIA_G722, MEDIA_OPUS, MEDIA_CODEC_N }; /* G722, OPUS: wide band */
struct slice media_codec_name(enum media_codec c); /* as in an rtpmap: "PCMA" */
bool         media_codec_is_there(enum media_codec c); /* in this build: Opus need not be */

/* What the other end can take of Opus (RFC 7587 §6.1). */
struct media_opus {
    bool     fec;        /* losses made good from the packet after them */
    bool     cbr;        /* packets of one size                         */
    uint32_t max_hz;     /* it plays no more; 0: all there is           */
    uint32_t max_bits_s; /* 0: no limit                                 */
};

struct media_format {
    enum media_codec  codec;
    uint8_t           send_pt, recv_pt;
    struct media_opus opus;
};

/* Keys for SRTP (RFC 3711): master key and salt, behind each other; what the suite does not need of it is 0. */
#define MEDIA_MAX_KEY_OCTETS 46
enum media_suite { MEDIA_CLEAR, MEDIA_AES_128_80, MEDIA_AES_128_32, MEDIA_AES_256_80, MEDIA_SUITES };
struct media_keys {
    enum media_suite suite;  /* MEDIA_CLEAR: plain RTP */
    uint8_t          send[MEDIA_MAX_KEY_OCTETS], receive[MEDIA_MAX_KEY_OCTETS];
};
bool media_srtp_is_there(void); /* in this build */

/* What was agreed. */
struct media_params {
    struct addr         rtp, rtcp;  /* where to send; family ADDR_NONE: nowhere. rtcp NONE: rtp's port + 1 */
    struct media_format formats[MEDIA_MAX_FORMATS]; /* [0] is what is sent; each of them is understood */
    size_t              n_formats;
    bool                events;     /* telephone-event */
    uint32_t            event_hz;   /* its clock; 0: 8000 */
    uint8_t             event_send_pt, event_recv_pt;
    bool                send, receive;
    bool                latch;      /* another sender may be it; see above */
    bool                voip_metrics, rcvr_rtt; /* it takes those extended reports: RFC 3611 §5 */
    struct media_keys   keys;       /* all that goes is sealed, what comes otherwise is not heard. The same keys again go on where
                                       they are, new ones begin anew */
    uint16_t            ptime_ms;   /* of packets we send: 10 to 60, in tens; 0: 20. Opus: 30 is sent as 20, 50 as 40 */
};

/* A tone: one or two sines, with a pause. */
struct media_tone {
    uint16_t hz, hz2;     /* hz2 0: one */
    int16_t  level_dbm0;  /* up to +3 */
    uint16_t on_ms, off_ms; /* off_ms 0: without pause */
};
#define MEDIA_RINGBACK ((struct media_tone){425, 0, -10, 1000, 4000}) /* ITU-T E.180 */
#define MEDIA_BUSY_TONE ((struct media_tone){425, 0, -10, 500, 500})
#define MEDIA_CONFIRM_TONE ((struct media_tone){850, 0, -10, 150, 150}) /* what was asked for is done */

/* A tone that was heard, since media_listen(). Times are of heard sound, in steps of 100 ms. */
struct media_heard {
    uint16_t hz;
    int8_t   level_dbm0;  /* the last level */
    uint32_t heard_ms;    /* how long, in all */
    uint64_t first_ms, last_ms; /* between which moments */
};

struct media_stats {
    uint32_t sent_packets, sent_octets;         /* octets of payload; events count as packets */
    uint32_t received_packets, received_octets; /* from the one sender, in any order */
    int32_t  lost;                              /* RFC 3550: expected less received */
    uint32_t jitter_us;                         /* interarrival jitter, RFC 3550 §6.4.1 */
    uint32_t round_trip_us;                     /* by RTCP; 0: not known */
    bool     reported;                          /* the far end has told what it hears: */
    int32_t  far_lost;
    uint32_t far_jitter_us;
    uint32_t late, duplicate, ran_dry, trimmed; /* what the jitter buffer had to do */
    uint32_t concealed_ms;                      /* of sound that was made up */
    uint32_t delay_ms;                          /* that the jitter buffer aims at now */
    uint32_t foreign, malformed, unknown_pt;    /* packets not heard: another sender, no RTP, a payload not agreed */
    uint32_t unauthentic, replayed;             /* packets not heard where there are keys: not sealed by them; come before */
    uint32_t collisions;                        /* of SSRC, solved by taking another: RFC 3550 §8.2 */
    uint32_t rtcp_sent, rtcp_received;
    uint32_t ssrc, far_ssrc;                    /* far_ssrc 0: nothing came yet */
    struct addr far;                            /* who is listened to; family ADDR_NONE: nobody yet */
};

/* How one end hears the other, since the begin. A rating by the E-model is an estimate from loss and delay; media/rating.h
 * says its limits. Parts are in ten-thousandths of the packets. */
struct media_quality {
    bool     known;         /* else nothing else is */
    bool     estimated;     /* from plain reports (RFC 3550): no rating came from there, and nothing of discards and bursts */
    uint32_t loss, discard; /* lost on the way; there, but not in time to be heard */
    uint32_t burst, gap;    /* missing in bursts and outside them: RFC 3611 §4.7.2 */
    uint32_t burst_ms, gap_ms; /* mean lengths; 0: none */
    uint32_t jitter_us, round_trip_us; /* 0: not known */
    uint32_t end_delay_ms;  /* codec, packet and jitter buffer; 0: not known */
    unsigned r;             /* 0 to 93: E-model */
    unsigned mos_lq, mos_cq; /* in hundredths, 100 to 450: how it sounds; and how it is to talk, delay counted; 0: not known */
};

enum media_event_kind {
    MEDIA_EVENT_HEARD,      /* the first packet since media_set() began to receive, or named another address */
    MEDIA_EVENT_SILENT,     /* nothing for MEDIA_SILENT_MS while receiving, after something was heard or since the begin;
                               once, until packets come again */
    MEDIA_EVENT_LATCHED,    /* a sender other than the agreed one is listened to and answered now */
    MEDIA_EVENT_DIGIT,      /* a key was pressed there, and let go: digit, ms */
    MEDIA_EVENT_DIGITS_SENT,/* all that was queued here has gone */
    MEDIA_EVENT_TONE,       /* a tone has been heard for 300 ms; once for each: hz */
    MEDIA_EVENT_PLAYED,     /* the file that was played has ended; silence follows */
    MEDIA_EVENT_FAILED,     /* the recorder cannot write; it is off now */
    MEDIA_EVENT_BYE         /* the far end says by RTCP that it has gone */
};
struct media_event {
    enum media_event_kind kind;
    char                  digit; /* '0'-'9' '*' '#' 'A'-'D' '!' (flash) */
    uint32_t              ms;
    uint16_t              hz;
};

struct media_config {
    struct net *net;      /* outlives the media */
    struct mem *mem;
    struct addr local;    /* address to bind; its port is not looked at */
    uint16_t    port_min, port_max; /* RTP takes an even port, RTCP the next one. 0, 0: any two ports, together if it can be */
    bool        hear_keys; /* keys in the sound are told too, as long as no telephone-event is agreed: as MEDIA_EVENT_DIGIT */
    uint64_t    seed;     /* random: for SSRC, CNAME and the like, and where in the range the search begins */
    void (*on_event)(void *arg, struct media *m, const struct media_event *e); /* may be NULL; may close m */
    void *arg;
};

/* Bind and be silent. ERR_BUSY: no pair of ports is free in that range; ERR_INVALID: no address of this machine, or the
 * range holds no pair; ERR_NOMEM, ERR_DENIED, ERR_LIMIT, ERR_IO. */
enum err media_open(struct media **out, const struct media_config *c);
void media_local(const struct media *m, struct addr *rtp, struct addr *rtcp);

/* Says BYE by RTCP where reports were sent, finishes the recording. NULL is allowed. From on_event too. */
void media_close(struct media *m);

/* ERR_NOMEM; ERR_UNSUPPORTED: keys, and this build has no SRTP; ERR_INVALID: no format though it shall send or receive, two meanings for a payload number, ptime not as above. Then
 * all stays as it was. What is played, recorded and measured goes on. A new p->rtp frees the listener's choice of sender. */
enum err media_set(struct media *m, const struct media_params *p);

/* ---- what is said ---- */
void media_play_silence(struct media *m);
enum err media_play_tone(struct media *m, const struct media_tone *t); /* ERR_INVALID: cannot be made at 8 kHz */
void media_play_tune(struct media *m); /* music of our own, for who waits; without end */
/* A WAV (or whatever libsndfile reads), any rate and channels. ERR_NOTFOUND, ERR_DENIED, ERR_SYNTAX (no sound file),
 * ERR_NOMEM; what was played goes on then. `loop`: again and again; else MEDIA_EVENT_PLAYED ends it. */
enum err media_play_file(struct media *m, const char *path, bool loop);

/* Press keys, each tone_ms long (0: 120) with as long a pause (at least 40). They queue. ERR_UNSUPPORTED: no telephone-event
 * was agreed, or nothing is sent; ERR_INVALID: not a key; ERR_FULL: more than 64 wait. */
enum err media_send_digits(struct media *m, struct slice digits, uint16_t tone_ms);

/* The same as tones in the sound, whether telephone-event was agreed or not; the silence between them is sent in place of what
 * is said. What still waits goes that way too, as it does the other way with media_send_digits(). ERR_UNSUPPORTED: nothing is
 * sent; ERR_INVALID: not a key, or '!', which has no sound; ERR_FULL as above. */
enum err media_sound_digits(struct media *m, struct slice digits, uint16_t tone_ms);

/* ---- several together ---- */
/* A mixer brings streams together that live on one net, at most MEDIA_MIX_MAX: each member sends what all the others say, and
 * with it what it is itself told to play (a tone for that one alone; a phone's own voice, where its calls are mixed). What a
 * member hears is its own peer alone: recorder, meter and events are as ever. One timer of 20 ms drives all of them; members
 * that are silent are not added up. Codecs, packet times and directions may differ, and change at any time.
 * Members with wide band hear each other so.
 * Opened and closed by one owner; members may come, go and be closed at any time, in events too. */
struct media_mixer;
#define MEDIA_MIX_MAX 64

enum err media_mixer_open(struct media_mixer **out, struct net *net, struct mem *mem); /* ERR_NOMEM */
void     media_mixer_close(struct media_mixer *x); /* members go on alone; NULL is allowed */
size_t   media_mixer_members(const struct media_mixer *x);
enum err media_join(struct media *m, struct media_mixer *x); /* out of another first. ERR_FULL: then it is as it was */
void     media_leave(struct media *m);             /* nothing happens where it is in none */
/* All members hear this once, for so long, beside the others. ERR_INVALID: cannot be made. */
enum err media_mixer_play_tone(struct media_mixer *x, const struct media_tone *t, uint32_t ms);

/* ---- what is heard ---- */
/* Write it to a new 16-bit mono WAV at 8 kHz, or stop with path NULL. ERR_DENIED, ERR_IO, ERR_NOMEM. */
enum err media_record(struct media *m, const char *path);

/* Begin to measure anew: tones at `hz` only (at most 8 between 100 and 3900 Hz), or any with n = 0 (some milliseconds of a
 * core each second). ERR_LIMIT, ERR_INVALID, ERR_NOMEM. */
enum err media_listen(struct media *m, const uint16_t *hz, size_t n);
/* Tones heard so far, longest first; returns how many were written, at most max. */
size_t media_heard(const struct media *m, struct media_heard *out, size_t max);
/* How long a tone within 15 Hz of `hz` was heard, in ms. */
uint32_t media_heard_ms(const struct media *m, uint16_t hz);

void media_stats(const struct media *m, struct media_stats *out);
/* How this end hears, and how the far end says that it hears us. */
void media_quality(const struct media *m, struct media_quality *here, struct media_quality *there);

#endif
