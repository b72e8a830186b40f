/* transport.h - flows: whole SIP messages in and out, over whatever carries them (RFC 3261 §18, RFC 3263, RFC 3581,
 * RFC 5626 §3).
 *
 * One `struct transport` is one worker's: its sockets and connections. All its functions are called on that worker's
 * thread, and callbacks come on it. A flow is a value that names where octets came from and can go back to; it may be
 * kept, copied to another shard or worker, and stored; one that has ended sends nothing and says so (ERR_CLOSED).
 * A stream belongs to the worker that owns its socket; flow_send() from another worker becomes a message to that worker,
 * first in first out. A datagram leaves by any worker, from the local address and port of its flow (PROTOCOL 3.2). */
#ifndef SIP_TRANSPORT_H
#define SIP_TRANSPORT_H

#include "base/rng.h"
#include "net/net.h"
#include "record/record.h"
#include "sip/msg/msg.h"
#include "sip/uri/uri.h"

enum transport_kind { TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS, TRANSPORT_WS, TRANSPORT_WSS, TRANSPORT_KINDS };

enum {
    TRANSPORT_MAX_LISTENERS = 32,      /* per worker; the same list, in the same order, on each      */
    TRANSPORT_MAX_STREAMS = 65536,     /* per worker                                                 */
    TRANSPORT_MAX_HOPS = 16,           /* addresses tried for one request                            */
    TRANSPORT_CONNECT_MS = 2000,       /* PROTOCOL 2.5                                               */
    TRANSPORT_IDLE_MS = 15 * 60 * 1000, /* a stream with nothing in or out is closed                 */
    TRANSPORT_HEAD_MS = 32 * 1000,     /* a message begun on a stream must be whole by then          */
    TRANSPORT_QUIET_MS = 300,          /* and after such a pause it is looked at, whether it still can be sound */
    TRANSPORT_HALF_MS = 32 * 1000,     /* a stream whose peer has ended waits so long for the next answer to it */
    TRANSPORT_UDP_MTU_OCTETS = 1300,   /* above it a congestion-controlled transport (RFC 3261 §18.1.1) */
    TRANSPORT_FAILED_MS = 30 * 1000    /* how long a host that refused TCP is remembered             */
};

/* Where octets come from and go to. Zeroed: no flow (flow_is_none). It has no padding: it is kept, hashed and compared as
 * octets elsewhere. */
struct flow {
    uint8_t kind;     /* enum transport_kind                                             */
    uint8_t set;      /* 0: no flow                                                      */
    uint8_t worker;   /* streams: who owns the socket; datagrams: 0, any sends them      */
    uint8_t listener; /* datagrams: by which listener; streams: which accepted it, or 255 */
    union {
        struct {
            uint32_t slot, gen, none[2]; /* streams: which connection */
        };
        uint8_t local[16]; /* datagrams of a wildcard listener: the IP of ours that was hit, as in struct addr; all zero:
                              the system's choice. Of a listener for one address: zero */
    };
    struct addr remote;
};

struct transport;

struct transport_on {
    /* One whole message: a datagram, or cut from a stream. Keep-alives are answered below. `octets` live for the call. */
    void (*message)(void *arg, struct transport *tp, const struct flow *from, struct slice octets);
    /* Before anything else is done with one, its copy in the record too: false when nobody is to see it. It may be answered
     * there, by flow_send_unseen(). NULL: all are seen. */
    bool (*admits)(void *arg, struct transport *tp, const struct flow *from, struct slice octets);
    /* A stream has ended, or a datagram could not be delivered (ICMP): the flow's requests in flight have failed. So have
     * those of a stream whose peer will say nothing more; what it asked before can still be answered there, and nothing
     * else can be sent. What another worker posted to a stream that had ended meanwhile is told again, by its owner.
     * Never from inside a call. */
    void (*lost)(void *arg, struct transport *tp, const struct flow *flow, enum err why);
    /* A datagram of ours that flow_send_marked() has taken did not leave: the errors of net_udp_on.unsent. Its hop is remembered as
     * failed, unless the error is ERR_AGAIN or ERR_LIMIT. Never from inside a call. NULL: nobody wants to know. */
    void (*unsent)(void *arg, struct transport *tp, const struct addr *to, struct slice octets, uint64_t mark, enum err why);
    /* Before message(), for streams only: false when this one cannot be taken now. Then the stream is not read any more, and
     * that message is the first that is asked for again by transport_resume(). NULL: all are taken. */
    bool (*takes)(void *arg, struct transport *tp, const struct flow *from, struct slice octets);
};

struct transport_config {
    struct mem                *mem;     /* with several workers: safe for all their threads */
    struct net                *net;
    struct rng                *rng;
    struct record             *record;  /* this worker's ring; NULL: nothing is recorded */
    uint8_t                    worker;
    uint8_t                    n_workers;
    struct transport         **all;     /* [n_workers], zeroed; each fills in its own at open and takes it out at close.
                                           Must live until no worker's net runs any more. NULL where n_workers is 1 */
    const struct transport_on *on;
    void                      *arg;
};

struct transport_listen {
    enum transport_kind kind;
    struct addr         local;      /* port 0: any */
    struct slice        advertised; /* host[:port] to write in Via and Record-Route; empty: the address itself, and for
                                       0.0.0.0 or :: the source address towards that peer. Must outlive the transport */
    struct net_tls     *tls;        /* TLS only: for who connects here, and for connections that leave from here. Must outlive
                                       the transport */
};

enum err transport_open(const struct transport_config *config, struct transport **out);
/* Listen, as the next index. The same errors as net_udp_open / net_tcp_listen; ERR_UNSUPPORTED: TLS without `tls`. */
enum err transport_listen(struct transport *tp, const struct transport_listen *l, uint8_t *index);
size_t   transport_listeners(const struct transport *tp);
void     transport_listener_local(struct transport *tp, uint8_t index, enum transport_kind *kind, struct addr *local);
/* Nobody is told anything any more, neither `lost` nor a transport_resolved that is under way. No other worker may be
 * sending. */
void     transport_close(struct transport *tp);
struct net *transport_net(struct transport *tp);
/* From now on what comes and goes is only counted in the record, as left out; until told otherwise. */
void     transport_leave_out(struct transport *tp, bool left_out);
/* Why something was done, or is about to be, into the record, if there is one (record_reason()). */
void     transport_say(struct transport *tp, struct slice code, struct slice call_id, struct slice text);
/* Go on with the streams whose messages could not be taken (PROTOCOL 3.3). Not from inside a callback of this door. */
void     transport_resume(struct transport *tp);

/* Is that one of our own listening addresses (IP and port, port 0 being the default; a wildcard listener matches any local
 * address), or an advertised one that is numeric? */
bool transport_is_local(struct transport *tp, enum transport_kind kind, const struct addr *a);

struct transport_counts {
    uint64_t keep_alives;    /* CRLFs and the like, answered or ignored           */
    uint64_t broken;         /* streams whose framing was lost, or that ended, or paused, within a broken message */
    uint64_t slow;           /* a message was not whole after TRANSPORT_HEAD_MS   */
    uint64_t idle;           /* closed after TRANSPORT_IDLE_MS                    */
    uint64_t refused;        /* connections over TRANSPORT_MAX_STREAMS, or no memory or descriptors for them */
    size_t   streams;        /* now                                               */
};
/* From any thread. */
void transport_counts(const struct transport *tp, struct transport_counts *out);

struct transport_hop {
    enum transport_kind kind;
    struct addr         addr;
};

/* --- sending ---------------------------------------------------------------------------------------------------- */

/* ERR_CLOSED: the flow has ended; ERR_FULL: its queue is full; ERR_LIMIT: too large; ERR_INVALID; ERR_IO; ERR_NOMEM. A stream of
 * another worker whose queue turns out to be full is closed. What datagrams make that were read together leaves together: what
 * the system says of one comes later, as `unsent`. */
enum err flow_send(struct transport *tp, const struct flow *flow, struct slice octets);

/* The same; `mark`, the caller's own, is told with `unsent`. */
enum err flow_send_marked(struct transport *tp, const struct flow *flow, struct slice octets, uint64_t mark);

/* The same without a copy in the record, and without being counted there. */
enum err flow_send_unseen(struct transport *tp, const struct flow *flow, struct slice octets);

/* A flow towards an address: for UDP by the listener that fits it best (same family, loopback to loopback, a specific
 * address before a wildcard); for TCP an open connection to that address and port (also one that the peer opened and has
 * shown to be alive) or a new one, which queues what is sent until it is open. A new one by TLS: the peer's certificate must be
 * for that address. ERR_UNSUPPORTED: no such transport here; ERR_FULL; ERR_NOMEM. */
enum err flow_to(struct transport *tp, enum transport_kind kind, const struct addr *to, struct flow *out);

/* The same towards a hop of transport_resolve(). By TLS the peer's certificate must be for `name`, which is the host of the URI that
 * was resolved (RFC 5922 §7.3), and a connection is used again only for the name it was made for (RFC 5923 §8). Where the URI names no
 * domain but an address, any connection with that address will do, as by TCP; a new one is checked for it. Also ERR_LIMIT: a name over
 * NET_TLS_MAX_NAME. */
enum err flow_to_hop(struct transport *tp, const struct transport_hop *hop, struct slice name, struct flow *out);

/* A stream of one's own to that address, from the address of listener `index`, though there may be one already: for who is many
 * phones at once. `name` as above; empty: the address. Errors as above; ERR_UNSUPPORTED: that listener is none for streams. */
enum err flow_open(struct transport *tp, uint8_t index, const struct addr *to, struct slice name, struct flow *out);

/* Where the response to a request that came by `from` with this top Via goes (RFC 3261 §18.2.2, RFC 3581 §4): the same
 * stream while it is open, else a new connection to received:sent-by port; a datagram to received:rport, or to
 * received:sent-by port without rport; maddr. ERR_CLOSED, ERR_SYNTAX. */
enum err flow_for_response(struct transport *tp, const struct flow *from, const struct via *top, struct flow *out);

/* --- what to write about a flow --------------------------------------------------------------------------------- */

/* Address and port that it uses here, on any worker. Of a stream that has ended: those of its listener. */
void flow_local(struct transport *tp, const struct flow *f, struct addr *out);
/* host:port for Via and URIs: where a peer can reach us, which is the address that the flow uses here, and the listener's
 * port also for a stream that we opened.
 * What is advertised is written as it was given, with or without port. */
void flow_put_sent_by(struct transport *tp, const struct flow *f, struct buf *b);
struct slice transport_via_name(enum transport_kind k);      /* "UDP", "TCP", "TLS", "WS", "WSS" */
struct slice transport_param_name(enum transport_kind k);    /* "udp", "tcp", "tls", "ws", "wss": ;transport= */
enum err transport_kind_find(struct slice name, enum transport_kind *out); /* either case; ERR_NOTFOUND */
static inline bool transport_is_reliable(enum transport_kind k) { return k != TRANSPORT_UDP; }
static inline uint16_t transport_default_port(enum transport_kind k)
{
    return k == TRANSPORT_TLS || k == TRANSPORT_WSS ? 5061 : 5060;
}
static inline bool flow_is_none(const struct flow *f) { return !f->set; }
bool flow_eq(const struct flow *a, const struct flow *b);

/* A flow as a short text that comes back in a Record-Route user part, a Path or a GRUU (base64url; at most
 * FLOW_MAX_TOKEN octets), and back. It is not secret and not signed: put a MAC over it. ERR_SYNTAX. */
enum { FLOW_MAX_TOKEN = 64 };
void     flow_put_token(struct buf *b, const struct flow *f);
enum err flow_parse_token(struct slice token, struct flow *out);

/* --- RFC 3263 ---------------------------------------------------------------------------------------------------- */

/* e ERR_OK: n >= 1 hops in the order to try; ERR_NOTFOUND, ERR_TIMEOUT, ERR_IO, ERR_NOMEM: no address; ERR_UNSUPPORTED: no
 * transport of ours fits. */
typedef void transport_resolved(void *arg, struct transport *tp, enum err e, const struct transport_hop *hops, size_t n);

/* Where to send a request for this URI (Request-URI or first Route): NAPTR, SRV by priority and weight, A and AAAA;
 * numeric hosts, ports and ;transport= short-cut as §4.1 and §4.2 say; maddr. `octets` is the size of the request with
 * all that we add: over TRANSPORT_UDP_MTU_OCTETS and without a named transport TCP is put before UDP (PROTOCOL 2.5).
 * `done` comes exactly once, perhaps before this returns (numeric hosts). ERR_NOMEM, ERR_SYNTAX: it does not come. */
enum err transport_resolve(struct transport *tp, const struct uri *uri, size_t octets, transport_resolved *done, void *arg);
/* This host did not answer, or refused: the next hops put it last for TRANSPORT_FAILED_MS. */
void transport_hop_failed(struct transport *tp, const struct transport_hop *hop);

#endif
