/* input.h - what was seen, by a capture or by the exchange itself. Pure. Part of the door trace/trace.h.
 *
 * Times are microseconds of one clock (since 1970 where known). Nothing here is kept by the room: the arrays and the
 * octets must outlive the struct trace that is made from them. */
#ifndef TRACE_INPUT_H
#define TRACE_INPUT_H

#include "base/addr.h"
#include "base/hash.h"
#include "base/slice.h"

enum {
    TRACE_MAX_MESSAGES = 1 << 20, /* more: ERR_LIMIT                       */
    TRACE_MAX_SOUND = 1 << 16,    /* RTP streams; more: ERR_LIMIT           */
    TRACE_MAX_GAPS = 1 << 16      /* more: ERR_LIMIT                        */
};

enum trace_transport { TRACE_UDP, TRACE_TCP, TRACE_TLS, TRACE_WS, TRACE_WSS };

/* Which side of a message is known to be the exchange: where it recorded itself. */
enum trace_known { TRACE_KNOWN_NEITHER, TRACE_KNOWN_SENDER, TRACE_KNOWN_RECEIVER };

/* One SIP message on one hop. What does not parse as SIP is counted and passed over. */
struct trace_message {
    uint64_t             time_us;
    struct addr          from, to;
    enum trace_transport transport;
    enum trace_known     exchange;
    uint32_t             frame;     /* number of the packet in its capture that ended the message; 0 = none */
    struct slice         octets;
};

/* What the exchange has said of a call. */
enum trace_reason_kind {
    TRACE_REASON_WHY,       /* why it did what it did, in words. It is shown at the first message that the exchange sends in that
                               call at or after the time; where there is none, at the last one before */
    TRACE_REASON_TO_TRUNK,  /* the next INVITE that it sends there goes to the trunk of this name */
    TRACE_REASON_FROM_TRUNK /* the last INVITE that it has got there came from that one */
};
/* By the code that the record has it under (record/record.h). */
enum trace_reason_kind trace_reason_kind_of(struct slice code);

struct trace_reason {
    uint64_t     time_us;
    struct slice call_id;
    struct slice text;
    enum trace_reason_kind kind;
    size_t       next; /* index of the first message that was recorded after it: where messages have that same time, too, those before this one
                          are earlier than the reason. 0: not known */
};

/* One stream of sound (RTP: one source, one destination, one SSRC). */
struct trace_sound {
    struct addr from, to;
    uint32_t    ssrc;
    uint8_t     payload_type; /* of its first packet */
    uint64_t    packets;
    uint64_t    first_us, last_us;
};

enum trace_gap_kind {
    TRACE_GAP_DROPPED,  /* the recorder had to drop messages: it knows not which. No story of that time gets a verdict */
    TRACE_GAP_FRAGMENT, /* a datagram whose IP fragments did not all come                                        */
    TRACE_GAP_STREAM    /* octets of a TCP stream that were not captured                                        */
};
struct trace_gap {
    enum trace_gap_kind kind;
    uint64_t            time_us;
    struct addr         from, to;  /* not for DROPPED                                                          */
    uint32_t            frame;
    uint64_t            missing;   /* DROPPED: messages; else octets; 0: nobody knows                          */
    struct slice        octets;    /* the part that came (its start, where that came); may be empty            */
};

struct trace_flow;

struct trace_input {
    const struct trace_message *messages; /* any order; sorted by time here, those of one time stay as given */
    size_t                      n_messages;
    const struct trace_reason  *reasons;
    size_t                      n_reasons;
    const struct trace_sound   *sounds;
    size_t                      n_sounds;
    const struct trace_gap     *gaps;
    size_t                      n_gaps;
    uint64_t                    begin_us; /* what is covered; both 0: from the first message to the last       */
    uint64_t                    end_us;
    struct hash_key             key;      /* for tables keyed by octets of the wire                            */
    const struct trace_flow    *flows;    /* those that stories may be: their F numbers are given then         */
    size_t                      n_flows;
};

#endif
