/* sdp.h - session descriptions (RFC 8866), offer and answer (RFC 3264). Pure.
 *
 * Three jobs: read a description in place (sdp_parse), speak for an end of ours (sdp_offer, sdp_answer, sdp_apply, with a
 * struct sdp_local that lives as long as the leg), and pass somebody else's description on with small edits
 * (sdp_rewrite). Sizes are octets, times milliseconds, ports host order. Nothing here allocates. */
#ifndef SDP_SDP_H
#define SDP_SDP_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/rng.h"
#include "base/slice.h"

#define SDP_MAX_OCTETS 16384   /* longer: ERR_LIMIT */
#define SDP_MAX_LINES 1024     /* more: ERR_LIMIT */
#define SDP_MAX_MEDIA 16       /* m= lines; more: ERR_LIMIT */
#define SDP_MAX_FORMATS 32     /* per m= line; the rest, least preferred, is not listed */
#define SDP_MAX_CRYPTO 4       /* a=crypto per m= line; the rest is not listed */
#define SDP_MAX_CANDIDATES 16  /* a=candidate per m= line; the rest is not listed */
#define SDP_MAX_CODECS 8       /* of an end of ours */
#define SDP_MAX_WRITTEN 4096   /* octets of a description of ours; more: ERR_LIMIT */

/* ---- a description, as it came ---- */

enum sdp_kind { SDP_AUDIO, SDP_VIDEO, SDP_IMAGE, SDP_TEXT, SDP_APPLICATION, SDP_MESSAGE, SDP_OTHER };

/* Seen from the one who wrote it. The two bits are the meaning: 1 it sends, 2 it receives. */
enum sdp_dir { SDP_INACTIVE = 0, SDP_SENDONLY = 1, SDP_RECVONLY = 2, SDP_SENDRECV = 3 };

/* Ways to seal RTP with keys that descriptions carry (RFC 4568 §6.2, RFC 6188); a key is master key and salt behind each other. */
enum sdp_suite { SDP_CLEAR, SDP_AES_128_80, SDP_AES_128_32, SDP_AES_256_80, SDP_SUITES };
#define SDP_MAX_KEY_OCTETS 46
struct slice sdp_suite_name(enum sdp_suite s); /* "AES_CM_128_HMAC_SHA1_80"; empty for SDP_CLEAR */

/* One format of an RTP m= line, with its rtpmap (or the static one of RFC 3551 §6) and fmtp. */
struct sdp_format {
    uint8_t      pt;       /* 0-127 */
    uint8_t      channels; /* 1 where not said */
    uint32_t     rate_hz;  /* 0: no rtpmap and no static meaning */
    struct slice name;     /* "PCMA", "telephone-event"; empty as above. Compare ignoring case */
    struct slice fmtp;     /* behind "a=fmtp:PT "; empty when there is none */
};

struct sdp_origin { /* o=; all empty when the line is missing */
    struct slice user, id, version, nettype, addrtype, host;
};

struct sdp_media {
    enum sdp_kind     kind;
    struct slice      type;          /* "audio", as written */
    uint16_t          port;          /* 0: rejected or disabled */
    uint16_t          n_ports;       /* of "port/n"; 1 where not said */
    struct slice      proto;         /* "RTP/AVP" */
    struct slice      fmts;          /* the formats as written, by spaces */
    struct sdp_format formats[SDP_MAX_FORMATS]; /* RTP only; in order of preference */
    size_t            n_formats;
    struct slice      host;          /* of its c= or the session's; a name, perhaps; empty when there is none */
    struct addr       rtp;           /* host and port; family ADDR_NONE when host is a name or missing */
    struct addr       rtcp;          /* a=rtcp (RFC 3605), else port + 1 */
    bool              rtcp_mux;      /* a=rtcp-mux (RFC 5761): counts only when both say so */
    struct slice      rtcp_xr;       /* value of a=rtcp-xr (RFC 3611 §5): own or the session's; empty: it takes none */
    enum sdp_dir      dir;           /* its own, else the session's, else sendrecv. Without the meaning of 0.0.0.0 */
    uint16_t          ptime_ms;      /* 0: not said */
    uint16_t          maxptime_ms;
    struct slice      crypto[SDP_MAX_CRYPTO]; /* values of a=crypto (RFC 4568), raw */
    size_t            n_crypto;
    struct slice      ice_ufrag, ice_pwd, fingerprint, setup; /* own or the session's; raw */
    struct slice      candidates[SDP_MAX_CANDIDATES];         /* values of a=candidate (RFC 8839), raw */
    size_t            n_candidates;
    struct slice      mid;           /* RFC 5888 */
    struct slice      line_m, line_c, line_dir; /* where that was said, for people; empty: nowhere */
    struct slice      lines;         /* the whole section, from its m= */
};

struct sdp {
    struct sdp_origin origin;
    struct slice      name;          /* s= */
    struct slice      host;          /* session c=; empty: none */
    enum sdp_dir      dir;
    struct slice      ice_ufrag, ice_pwd, fingerprint, setup, rtcp_xr;
    bool              ice_lite;
    struct slice      line_c, line_dir;
    struct slice      head;          /* everything before the first m= */
    size_t            n_media;
    struct sdp_media  media[SDP_MAX_MEDIA]; /* about 30 KiB in all: for the stack once, not for keeping */
};

/* Read all of `in`. Liberal where phones are: line ends LF or CRLF, s=, t= and o= may be missing, unknown and misplaced
 * lines are passed over, an m= without formats, a c= with a name.
 * out     its slices point into `in`. Too large to be built aside: after a failure it holds nothing of use.
 * fault   may be NULL; on failure the number, from 1, of the line at fault.
 * ERR_SYNTAX (no v=, a line that is not "x=...", an m= or c= that cannot be read), ERR_UNSUPPORTED (v= is not 0),
 * ERR_LIMIT (one of the limits above). */
enum err sdp_parse(struct slice in, struct sdp *out, size_t *fault);

/* Its writer cannot receive: c= is 0.0.0.0 or :: (hold as RFC 2543 §B.5 had it). */
bool sdp_is_blackholed(const struct sdp_media *m);
/* What it really says: dir, without receiving when the stream is black-holed; inactive when the port is 0. */
enum sdp_dir sdp_effective_dir(const struct sdp_media *m);
/* Its writer has put the other end on hold: a live stream on which it does not want to receive. */
bool sdp_is_hold(const struct sdp_media *m);
/* The first stream of that kind with a port that is not 0, else the first of that kind, else NULL. */
const struct sdp_media *sdp_find(const struct sdp *s, enum sdp_kind kind);

/* A parameter of a format's fmtp, "a=1; b=2": its value, trimmed. False: it is not there. */
bool sdp_fmtp_value(struct slice fmtp, struct slice name, struct slice *value);

enum sdp_dir sdp_dir_mirror(enum sdp_dir d); /* seen from the other end */
struct slice sdp_dir_name(enum sdp_dir d);   /* "sendrecv" */

/* Keys out of sight: every `inline:` key in a message's octets becomes asterisks, as many as it had octets. For whatever is
 * exported. */
void sdp_mask_keys(char *octets, size_t n);

/* Streams in a line for people: "audio 192.0.2.1:4000 sendonly PCMA PCMU telephone-event; video refused". */
void sdp_put_summary(struct buf *b, const struct sdp *s);

/* ---- an end of ours ---- */

/* A codec that this end can speak. Strings are the caller's and outlive the struct sdp_local. */
struct sdp_codec {
    struct slice name;     /* as in an rtpmap */
    uint32_t     rate_hz;
    uint8_t      channels; /* 1 unless it says otherwise in the rtpmap (opus: 2) */
    uint8_t      pt;       /* the number we like; adopted from the other end when it offers another */
    struct slice fmtp;     /* to be written; empty: none. telephone-event: "0-16" */
    int          id;       /* the caller's own name for it; comes back in struct sdp_agreed */
};

/* Whether an end of ours seals its sound (SRTP, RFC 4568). */
enum sdp_srtp {
    SDP_SRTP_OFF,      /* what is offered so is refused; keys beside plain RTP are passed over */
    SDP_SRTP_ANSWER,   /* where the other end offers it; never by itself */
    SDP_SRTP_OPTIONAL, /* offered as plain RTP with keys beside it, as desk phones do: who does not know them answers plain */
    SDP_SRTP_REQUIRED  /* offered as RTP/SAVP; without it there is no call */
};

/* What one end of ours says about itself; one per leg. Set up by sdp_local_init, then the public part may be changed
 * between descriptions: dir to hold and resume, rtp and codecs at will. One audio stream. */
struct sdp_local {
    struct slice     user;         /* of o=, the caller's; "-" when empty */
    uint64_t         id;           /* session id; below 2^63, since some ends read it signed */
    struct addr      rtp;          /* where we receive */
    uint16_t         rtcp_port;    /* written as a=rtcp when it is neither 0 nor rtp.port + 1 */
    struct sdp_codec codecs[SDP_MAX_CODECS]; /* in order of preference; telephone-event is one of them */
    size_t           n_codecs;
    uint16_t         ptime_ms;     /* 0: not said */
    bool             rtcp_xr;      /* written: this end takes VoIP metrics and gives reference times (RFC 3611 §5) */
    enum sdp_dir     dir;          /* what this end wants now; SENDONLY or INACTIVE is a hold */
    enum sdp_srtp    srtp;
    uint8_t          srtp_key[SDP_SUITES][SDP_MAX_KEY_OCTETS]; /* ours to send by: sdp_fresh_keys() */

    /* From here the room's own. */
    struct addr      origin;       /* of o=: stays what it was at first (RFC 3264 §8) */
    uint64_t         version;
    uint64_t         said;         /* sum of the last description, without its o= */
    bool             spoke;
    uint8_t          slots[SDP_MAX_MEDIA]; /* enum sdp_kind of each m= line that this session has had */
    size_t           n_slots;
    size_t           ours;         /* which of them is our audio */
    enum sdp_suite   suite;        /* agreed last */
    bool             savp;         /* the profile said so */
};

/* The result for the audio stream, seen from our end. */
struct sdp_agreed_format {
    int          id;               /* struct sdp_codec's */
    uint8_t      send_pt, recv_pt; /* RFC 3264 §6.1: they may differ */
    struct slice fmtp;             /* theirs: what they can take; into their description */
};
struct sdp_agreed {
    bool         live;         /* false: there is no audio stream (any more) */
    struct slice why;          /* !live: a reason for people, a literal */
    struct addr  rtp, rtcp;    /* where we send; family ADDR_NONE: nowhere (black hole, or a name: see host) */
    struct slice host;         /* c= as written; into the peer's description */
    enum sdp_dir dir;          /* what we do: SDP_SENDONLY, we send only */
    bool         held;         /* the peer put us on hold */
    struct sdp_agreed_format formats[SDP_MAX_CODECS]; /* voice first, best first; [0] is what we send */
    size_t       n_formats;
    bool         events;       /* telephone-event (RFC 4733) goes both ways ... */
    uint32_t     event_hz;     /* ... with that clock: formats[0]'s, where both have it */
    uint8_t      event_send_pt, event_recv_pt;
    uint16_t     ptime_ms;     /* what the peer likes to receive; 0: not said */
    bool         voip_metrics, rcvr_rtt; /* extended reports that the peer takes */
    enum sdp_suite suite;      /* SDP_CLEAR: plain RTP */
    uint8_t      send_key[SDP_MAX_KEY_OCTETS], receive_key[SDP_MAX_KEY_OCTETS]; /* filled up with 0 */
};

/* An end with these codecs; dir is sendrecv. id as above. ERR_LIMIT: too many codecs. */
enum err sdp_local_init(struct sdp_local *l, uint64_t id, const struct sdp_codec *codecs, size_t n);

/* New keys of ours for every suite but the one that is agreed: what a key has sealed once, in a context that is gone, it must
 * not seal again (RFC 3711 §9.1). Before each sdp_offer() and sdp_answer() of an end whose srtp is not OFF. */
void sdp_fresh_keys(struct sdp_local *l, struct rng *rng);

/* Write our offer: all streams that the session has ever had, ours with l's codecs and direction (RFC 3264 §5, §8). The
 * version is that of the last description when nothing has changed, else one more.
 * ERR_INVALID (no address, port or codec), ERR_LIMIT (*out is too small; nothing is written). */
enum err sdp_offer(struct sdp_local *l, struct buf *out);

/* Answer `offer` (RFC 3264 §6): the first live audio stream over RTP/AVP, AVPF, or (by l->srtp) SAVP, SAVPF of which we have a codec, with the
 * offer's most preferred one (one only, so that no re-INVITE is needed to settle) and telephone-event; every other
 * stream gets port 0. Direction: the mirrored offer and l->dir, whichever allows less; a black hole counts as "does not
 * receive". Payload numbers are the offer's, and l's codecs take them on for later offers (RFC 3264 §8.3.2).
 * out     may be NULL: only look, *l stays.
 * ERR_UNSUPPORTED: it has live streams, but none for us: 488. Then agreed->why alone is written, and *l is as it was.
 * ERR_OK with agreed->live false: every stream of the offer is switched off, and the answer says the same.
 * ERR_INVALID, ERR_LIMIT as above; then *l is as it was. */
enum err sdp_answer(struct sdp_local *l, const struct sdp *offer, struct buf *out, struct sdp_agreed *agreed);

/* Take the answer to the offer that l wrote last; l's codecs must be those of the offer. An answer that wants more than it may (a direction that the offer did
 * not allow) is cut down to what it may. ERR_INVALID: not an answer to that offer (no stream in our place, or of another
 * kind); agreed->live false when it refuses our stream or names none of our codecs. */
enum err sdp_apply(struct sdp_local *l, const struct sdp *answer, struct sdp_agreed *agreed);

/* ---- somebody else's description, passed on (RFC 3725) ---- */

struct sdp_edit {
    const struct sdp_origin *origin; /* NULL: o= stays. Else its user, id, nettype, addrtype and host ... */
    uint64_t                 version; /* ... with this version (PROTOCOL: what that end has seen, plus one) */
    bool                     set_dir; /* every direction becomes `dir`, in session and streams; streams with port 0 stay */
    enum sdp_dir             dir;
};

/* Copy `in` to *out with the edits; every other line octet for octet. ERR_SYNTAX as sdp_parse; ERR_LIMIT: no room. */
enum err sdp_rewrite(struct slice in, const struct sdp_edit *edit, struct buf *out);

/* Somebody else's description goes to l's peer in l's place (RFC 7088 §2.3): copied with l's o= and the version that is next,
 * so that the peer sees one session (RFC 3264 §8); what l says itself after that has another. ERR_INVALID: l has said nothing
 * yet; others as sdp_rewrite(), and then *l is as it was. */
enum err sdp_pass(struct sdp_local *l, struct slice theirs, struct buf *out);

/* The version of a description as a number. ERR_NOTFOUND: no o=; ERR_SYNTAX, ERR_LIMIT: not a number of 64 bits. */
enum err sdp_version(const struct sdp *s, uint64_t *out);

/* ---- judging an answer (for findings) ---- */

enum sdp_fault {
    SDP_FAULT_NONE,
    SDP_FAULT_STREAMS,   /* not as many m= lines as the offer: RFC 3264 §6 */
    SDP_FAULT_KIND,      /* another kind of stream in its place: §6 */
    SDP_FAULT_REVIVED,   /* a stream that was offered with port 0 has a port: §6 */
    SDP_FAULT_CODEC,     /* live, but no format of the offer's: §6.1 */
    SDP_FAULT_DIRECTION, /* a direction that the offer does not allow: §6.1 */
    SDP_FAULT_ADDRESS    /* live, but neither it nor the session has a c=: RFC 8866 §5.7 */
};
/* The first fault of `answer` as an answer to `offer`; *stream gets the index of the m= line concerned. */
enum sdp_fault sdp_judge(const struct sdp *offer, const struct sdp *answer, size_t *stream);
struct slice sdp_fault_text(enum sdp_fault f); /* a sentence's worth, without a full stop; "" for none */

#endif
