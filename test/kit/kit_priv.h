/* kit_priv.h - what the files of test/kit share. */
#ifndef KIT_PRIV_H
#define KIT_PRIV_H

#include "base/list.h"
#include "kit/kit.h"
#include "sys/heap.h"

enum { KIT_MAX_PEERS = 16, KIT_WAIT_MS = 64 * 500, KIT_TEXT = 256, KIT_MESSAGE = 16384 };

struct seen {
    uint64_t    at_us;
    struct addr from, to;
    struct slice octets;
    struct seen *next;
};

struct kit {
    struct kit_options     o;
    struct heap_counted    heap;
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
    struct seen           *first_seen, **last_seen;
    uint64_t               serial; /* of tags, branches, Call-IDs */
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

struct peer {
    struct kit      *k;
    struct net      *net;
    struct net_udp  *udp;
    char             number[KIT_TEXT / 4], contact[KIT_TEXT], host[KIT_TEXT / 4], password[KIT_TEXT / 4];
    struct list      calls, inbox;
    struct call     *now;
    unsigned         n_calls, repeats;
    struct slice     last_sent;          /* the last request, for a challenge */
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
struct slice peer_compose_ack(struct peer *p, const struct msg *response, struct slice rows);
void kit_token(struct kit *k, const char *prefix, struct buf *b);

/* --- peer.c --- */
struct call *peer_call_of(struct peer *p, struct slice call_id);
struct call *peer_call_new(struct peer *p, struct slice call_id);

#endif
