/* kit_priv.h - what the files of test/kit share. */
#ifndef KIT_PRIV_H
#define KIT_PRIV_H

#include "base/list.h"
#include "kit/kit.h"
#include "trace/trace.h"
#include "sys/heap.h"

#define KIT_PASSWORD "secret-of-the-test"

enum { KIT_MAX_PEERS = 72, KIT_MAX_EDGES = 4, KIT_MAX_REASONS = 256, KIT_WAIT_MS = 64 * 500, KIT_TEXT = 256, KIT_MESSAGE = 16384 };

struct edge;

struct seen {
    uint64_t    at_us;
    struct addr from, to;
    struct slice octets;
    struct seen *next;
};

struct kit {
    struct kit_options     o;
    struct heap_counted    heap;   /* of the exchange: counted, */
    struct heap_failing    failing; /* below that, one may fail  */
    struct mem             plain;
    struct arena           arena;  /* everything of peers and messages, until kit_end() */
    struct fake           *world;
    struct fake_node      *node;
    struct net            *net[FAKE_MAX_WORKERS];
    struct serve_options   options;
    struct exchange        x;
    bool                   up;
    struct peer           *peer[KIT_MAX_PEERS];
    size_t                 n_peers;
    struct edge           *edge[KIT_MAX_EDGES];
    size_t                 n_edges;
    struct seen           *first_seen, **last_seen;
    uint64_t               serial; /* of tags, branches, Call-IDs */
    uint64_t               tick_us; /* when the second hand moves next */
    unsigned               spread; /* next worker */
    unsigned               calls;  /* begun by peers */
    struct trace_reason    reason[KIT_MAX_REASONS]; /* taken from the recorder so far */
    size_t                 n_reasons;
    char                   place[KIT_TEXT / 2]; /* where the test is */
};

/* What was received. */
struct got {
    struct list_node  node;
    const struct msg *m;
    uint64_t          at_us;
    bool              taken;   /* expected, or needs not be */
};

struct call {
    struct list_node node;
    unsigned         number;
    struct slice     call_id, local_tag, remote_tag;
    struct slice     local, remote;      /* From and To values without tags, as this peer writes them */
    struct slice     target;             /* remote target; first the Request-URI */
    struct slice     routes;             /* Route rows, whole */
    uint32_t         cseq, invite_cseq;  /* of the last own request, of the last own INVITE */
    struct slice     invite;             /* the last own INVITE as it was sent */
    struct slice     invite_branch;
    unsigned         invite_code;        /* its final response; 0: none yet */
    bool             in_dialog;
};

struct reliable;

struct peer {
    struct kit       *k;
    struct net       *net;
    struct net_udp   *udp;
    struct net_tcp   *tcp;
    bool              stream;
    bool              secure;   /* a stream that speaks TLS */
    struct net_tls   *tls;
    struct msg_framer framer;
    char              stream_in[KIT_MESSAGE];
    size_t            n_in;
    struct reliable  *reliable;          /* NULL: repeats nothing */
    char              number[KIT_TEXT / 4], contact[KIT_TEXT], host[KIT_TEXT / 4];
    char              auth_name[KIT_TEXT / 4], password[KIT_TEXT / 4];
    struct list      calls, inbox;
    struct call     *now;
    bool              by_edge;           /* what it sends goes to the edge that it has heard from last: */
    struct addr       outbound;
    unsigned         n_calls, repeats;
    struct slice     last_sent;          /* the last request, for a challenge */
    struct slice     said;               /* the last message, request or response */
};

/* --- compose.c --- */
struct wanted {
    struct slice line;  /* the first */
    struct slice rows;  /* lines of header fields */
    struct slice body;
    bool         has_body;
};
void kit_split(const char *what, struct wanted *w);
struct slice peer_compose_request(struct peer *p, const struct wanted *w);
struct slice peer_compose_response(struct peer *p, const struct wanted *w, const struct msg *request);
/* The same request again, with credentials for a challenge. */
struct slice peer_compose_login(struct peer *p, struct slice request, const struct msg *challenge);
/* The same request with another branch and these rows' values. */
struct slice peer_compose_again(struct peer *p, struct slice request, struct slice rows);
struct slice peer_compose_ack(struct peer *p, const struct msg *response, const struct wanted *w); /* w NULL: plain */
void kit_token(struct kit *k, const char *prefix, struct buf *b);
/* A copy that lives until kit_end(). */
struct slice peer_keep(struct peer *p, struct slice s);

/* --- edge.c --- */
void edge_close(struct edge *e);

/* --- link.c: what a peer's socket or connection does --- */
void peer_open_link(struct peer *p);
void peer_close_link(struct peer *p);
void peer_put_octets(struct peer *p, struct slice octets);

/* --- reliable.c; all do nothing where p->reliable is NULL --- */
void reliable_sent(struct peer *p, struct slice octets);
void reliable_received(struct peer *p, const struct msg *m);
void reliable_received_again(struct peer *p, const struct msg *m);

/* --- ladder.c --- */
void kit_print_ladders(struct kit *k);

/* --- kit.c --- */
/* Until `us`, or until done(ctx). The exchange's second hand ticks meanwhile. */
void kit_run(struct kit *k, uint64_t us, bool (*done)(void *ctx), void *ctx);

/* --- peer.c --- */
void peer_on_octets(struct peer *p, struct slice octets);
struct call *peer_call_of(struct peer *p, struct slice call_id);
struct call *peer_call_new(struct peer *p, struct slice call_id);

#endif
