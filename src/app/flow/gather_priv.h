/* gather_priv.h - from packets to messages: what fragment.c, stream.c and gather.c share. */
#ifndef APP_FLOW_GATHER_PRIV_H
#define APP_FLOW_GATHER_PRIV_H

#include "app/flow/capture.h"
#include "sip/msg/msg.h"

struct octets { /* that grow; from mem, given back */
    char  *p;
    size_t n, cap;
};
enum err octets_add(struct mem *mem, struct octets *o, struct slice more); /* ERR_NOMEM */
void octets_drop(struct octets *o, size_t n);                              /* the first n */
void octets_close(struct mem *mem, struct octets *o);

/* One IP datagram, whole or a fragment. */
struct ip {
    struct addr  from, to;   /* without ports */
    uint8_t      protocol;
    struct slice payload;
    bool         is_fragment, more;
    uint32_t     id;
    uint32_t     offset;     /* octets */
};

struct fragments;
struct streams;

struct gather {
    struct arena         *a;
    struct mem           *mem;
    struct hash_key       key;
    struct trace_message *messages;
    size_t                n_messages, max_messages;
    struct trace_sound   *sounds;
    size_t                n_sounds, max_sounds;
    size_t               *sound_at;      /* hash table over sounds: index + 1 */
    size_t                sound_buckets;
    struct trace_gap     *gaps;
    size_t                n_gaps, max_gaps;
    struct fragments     *fragments;
    struct streams       *streams;
    uint64_t              packets, begin_us, end_us;
    uint64_t              now_us;        /* of the packet in hand */
    uint32_t              frame;
};

/* Is that the start of a SIP message? Empty lines before it are passed over. */
bool gather_is_sip(struct slice octets);
/* A message, copied. */
enum err gather_message(struct gather *g, const struct addr *from, const struct addr *to, enum trace_transport transport,
                        struct slice octets);
enum err gather_gap(struct gather *g, const struct trace_gap *gap); /* its octets are copied */
enum err gather_udp(struct gather *g, const struct ip *ip, struct slice datagram);

/* fragment.c: puts datagrams together. *whole gets the datagram when `ip` was its last missing part (its octets live
 * until the next call), else ERR_AGAIN. */
enum err fragments_new(struct gather *g);
enum err fragments_take(struct gather *g, const struct ip *ip, struct ip *whole);
enum err fragments_end(struct gather *g);

/* stream.c: TCP segments in order, and the messages in them. */
enum err streams_new(struct gather *g);
enum err streams_take(struct gather *g, const struct ip *ip);
enum err streams_end(struct gather *g);

#endif
