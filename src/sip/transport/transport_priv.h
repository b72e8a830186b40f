/* transport_priv.h - what the files of sip/transport share. Private to the room. */
#ifndef SIP_TRANSPORT_PRIV_H
#define SIP_TRANSPORT_PRIV_H

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/wheel.h"
#include "sip/transport/transport.h"
#include "sys/spin.h"

enum {
    LISTENER_NONE = 255,                  /* flow.listener of a stream that we opened                            */
    HALF_REST_MS = 1000,                  /* from the last answer on a half closed stream to its end: so long a reset may
                                             take that says that nobody was there */
    HALF_KEPT_OCTETS = 64 * 1024,         /* of a stream's answers that may have to go again */
    LINGER_MS = 2000,                     /* a refused stream is read and thrown away so long, so that the answer is
                                             not lost to the reset that unread octets would cause                */
    SLOT_CHUNK = 256,                     /* streams' slots come in chunks that never move                       */
    SLOT_ADDR_WORDS = sizeof(struct addr) / sizeof(uint64_t),
    INBOX_MAX_OCTETS = 16 * 1024 * 1024,  /* waiting to be sent for other workers                                */
    SOURCES = 64,                         /* remembered local addresses by remote address                        */
    SOURCE_MS = 5000,                     /* how long one is believed: routes change                             */
    FAILED = 64,                          /* hops that failed and are remembered                                 */
    UDP_RECEIVE_OCTETS = 4 * 1024 * 1024, /* bursts survive a busy worker; the system may allow less             */
    INPUT_OCTETS = 4096                   /* first size of a stream's input; it doubles                          */
};

struct listener {
    struct transport   *tp;
    enum transport_kind kind;
    uint8_t             index;
    bool                any; /* 0.0.0.0 or :: */
    struct addr         local;
    struct slice        advertised;
    struct addr         advertised_addr; /* family ADDR_NONE: there is none, or it is a name */
    struct net_udp      *udp;
    struct net_listener *tcp;
    struct net_tls      *tls;
    struct {            /* what flow_put_sent_by() has written last: mostly it is the same again */
        struct addr addr;
        size_t      n; /* 0: nothing yet */
        char        text[ADDR_MAX_TEXT];
    } sent_by;
};

/* A stream: from connect or accept to its end. One that is to speak TLS is CONNECTING until it does.
 *
 *   STREAM_CONNECTING --open--> STREAM_OPEN --framing lost--> STREAM_LINGERING --time, peer's end--> ended
 *                                   |\--a body without length--> STREAM_DEAF
 *                                   \---peer's end (also of a deaf one)--> STREAM_HALF --all answered--> STREAM_LINGERING
 *
 * A flow names it while it is CONNECTING, OPEN or DEAF: then slot->gen is its gen, and it stands in `by_remote`. HALF still
 * has its gen, so that answers find it, and takes nothing else. A peer's end with nothing to answer leads to LINGERING. */
enum stream_state { STREAM_CONNECTING, STREAM_OPEN, STREAM_DEAF, STREAM_HALF, STREAM_LINGERING };

struct kept;

struct stream {
    struct transport  *tp;
    struct net_tcp    *tcp;
    enum stream_state  state;
    struct flow        flow;
    struct addr        local;
    struct slice       name;      /* of the peer, to whom we have connected by TLS; owned. Else empty  */
    struct map_node    by_remote;
    struct wheel_timer due;
    uint64_t           active_ms; /* last octets in or out                                             */
    uint64_t           heard_ms;  /* last octets in                                                    */
    uint64_t           begun_ms;  /* since when an unfinished message stands in the input; 0: none does */
    uint32_t           asked;     /* requests that it brought and that have no final answer yet        */
    struct kept       *kept;      /* answers that were sent since the peer ended; half.c               */
    size_t             kept_octets;
    bool               looked;    /* at the unfinished message, since octets came last                 */
    bool               alive;     /* the peer has sent something whole on it                           */
    bool               paused;    /* its next message could not be taken: `in` begins with that one     */
    struct list_node   pausing;   /* linked iff paused                                                  */
    struct msg_framer  framer;
    char              *in;        /* an unfinished message; NULL where there is none                   */
    size_t             in_n, in_cap;
};

struct stream_slot {
    struct stream *s;         /* NULL: free. Owner's thread only                          */
    uint32_t       gen;       /* any thread, atomically; 0: nothing can be sent           */
    uint32_t       next_free; /* slot number + 1; 0: the last                             */
    uint64_t       local[SLOT_ADDR_WORDS]; /* a struct addr, the stream's own; any thread, atomically */
};

struct streams {
    struct stream_slot *chunk[TRANSPORT_MAX_STREAMS / SLOT_CHUNK]; /* any thread, atomically */
    uint32_t            n_slots, free, next_gen;
    size_t              n;         /* read by any thread */
    struct map          by_remote;
    struct list         paused;    /* longest first */
    struct wheel        wheel;
    struct net_timer    timer;
    uint64_t            timer_ms; /* what it is set to; UINT64_MAX: not set */
};

/* What another worker wants sent on a stream of this one. */
struct posted {
    struct posted *next;
    struct mem    *mem; /* the sender's */
    enum err       why; /* it could not be delivered */
    struct flow    flow;
    size_t         n;
    char           octets[];
};

struct inbox {
    struct spin    lock;
    struct posted *first, *last;
    size_t         octets; /* any thread, atomically, to see whether there is anything */
    bool           told;   /* net_post() is under way */
    struct posted *undelivered; /* owner only: their flows are to be told lost, oldest first */
};

struct source {
    struct addr remote, local;
    uint64_t    until_ms;
};

struct failed_hop {
    struct transport_hop hop;
    uint64_t             until_ms;
};

struct transport {
    struct transport_config config;
    struct net             *net;
    struct mem             *mem;
    struct hash_key         key;
    struct listener         listener[TRANSPORT_MAX_LISTENERS];
    uint8_t                 n_listeners;
    bool                    closing;
    bool                    left_out; /* what comes and goes is not copied to the record */
    struct streams          streams;
    struct inbox            inbox;
    struct list             lookups;
    struct lookup          *spare_lookup;
    struct source           source[SOURCES];
    struct failed_hop       failed[FAILED];
    size_t                  next_failed;
    struct transport_counts counts;
};

/* transport.c */
uint64_t transport_now_ms(struct transport *tp);

/* flow.c: one whole message in; a message out that was given to a socket. */
void flow_on_octets(struct transport *tp, const struct flow *from, struct slice octets);
void flow_record(struct transport *tp, const struct flow *f, bool out, struct slice octets);
void flow_on_lost(struct transport *tp, const struct flow *f, enum err why);

/* udp.c */
enum err udp_listen(struct listener *l);
/* Only the worker itself counts, anybody may look. clang-tidy does not see that an atomic store writes. */
static inline void transport_count(uint64_t *n) /* NOLINT(readability-non-const-parameter) */
{
    __atomic_store_n(n, *n + 1, __ATOMIC_RELAXED);
}

/* Between that address of ours (only its IP counts) and a remote one. */
struct flow udp_flow(const struct listener *l, const struct addr *local, const struct addr *remote);

/* stream.c: connections, their table and times. */
enum err streams_open(struct streams *st, struct transport *tp);
void     streams_close(struct transport *tp); /* without telling anybody */
enum err stream_listen(struct listener *l);
enum err stream_connect(struct transport *tp, uint8_t listener, const struct addr *to, struct slice name, struct stream **out);
struct stream *stream_find(struct transport *tp, const struct flow *f);              /* NULL: it has ended      */
struct stream *stream_find_remote(struct transport *tp, enum transport_kind kind, const struct addr *to, struct slice name);
bool     stream_is_usable(struct transport *owner, const struct flow *f);            /* any thread               */
/* Its own address, on any thread. False: it has ended, or is not connected yet. */
bool     stream_local(struct transport *owner, const struct flow *f, struct addr *out);
/* Whose stream that is; NULL: that worker is not there. */
struct transport *stream_owner(struct transport *tp, const struct flow *f);
enum err stream_send(struct transport *tp, const struct flow *f, struct slice octets);
void     stream_watch(struct stream *s);                    /* see to it that s is looked at at its next limit  */
void     stream_linger(struct stream *s, enum err why);     /* send and take nothing more; end soon             */
void     stream_end(struct stream *s, enum err why);        /* frees it                                         */

/* cut.c: messages out of a stream's octets; the end of one that cannot go on, told to its peer where the head (may be
 * empty) can be answered. After either s may be gone. */
void stream_cut(struct stream *s, struct slice octets);
void stream_refuse(struct stream *s, struct slice head, unsigned code, enum err why);
bool stream_doubt(struct stream *s);    /* is the unfinished message beyond mending? True: refused, s may be gone */
void stream_cut_off(struct stream *s);  /* answer the unfinished message, if there is one, and forget it          */

/* half.c: a stream whose peer says nothing more. */
void stream_half(struct stream *s); /* its peer has just ended; s may be gone after it */
bool stream_is_answer(struct slice message);
void stream_note_asked(struct stream *s, struct slice message);
void stream_note_answer(struct stream *s, struct slice answer);
void stream_answer_again(struct transport *tp, const struct flow *gone, struct kept *kept, bool again); /* frees them */

/* post.c */
enum err post_send(struct transport *tp, const struct flow *f, struct slice octets);
void     inbox_drain(struct transport *tp); /* send what others have posted; nobody is told anything */
void     inbox_close(struct transport *tp);

/* select.c */
enum err select_listener(struct transport *tp, enum transport_kind kind, const struct addr *to, uint8_t *index);
bool     select_has_kind(struct transport *tp, enum transport_kind kind);
bool     select_has_family(struct transport *tp, enum transport_kind kind, const struct addr *to);
enum err select_source(struct transport *tp, const struct addr *to, struct addr *out); /* as net_source_for, remembered */

/* resolve.c */
void lookups_close(struct transport *tp);

/* order.c: which of several comes first. */
struct srv {
    struct slice target;
    uint16_t     port, priority, weight;
};
void order_srv(struct rng *rng, struct srv *s, size_t n); /* RFC 2782 */

/* A service that NAPTR records offer, or that is asked for without them. */
struct service {
    enum transport_kind kind;
    struct slice        name; /* of its SRV records */
};
/* Indexes of the records to use, best first; returns how many (at most `max`). RFC 3263 §4.1. */
size_t order_naptr(const struct net_record *r, size_t n, bool sips, const bool supported[TRANSPORT_KINDS], size_t *out,
                   size_t max);
enum err order_naptr_kind(struct slice service, enum transport_kind *out, bool *sips);

#endif
