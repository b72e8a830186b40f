/* capture.h - packets out of a capture file, messages and sound out of packets. Private to app/flow.
 *
 * Files: pcap and pcapng, either order of octets, micro- and nanoseconds. Links: Ethernet (with VLAN tags), loopback,
 * Linux cooked v1 and v2, raw IP. IPv4 and IPv6, fragments put together, UDP, TCP put in order. SIP is known by its
 * content, on any port; what else comes over UDP and looks like RTP is counted by stream.
 * Nothing here trusts a length: every one is checked against what there is, every table has a limit. */
#ifndef APP_FLOW_CAPTURE_H
#define APP_FLOW_CAPTURE_H

#include "base/arena.h"
#include "trace/trace.h"

enum {
    CAPTURE_MAX_INTERFACES = 256,     /* of one pcapng section                                  */
    CAPTURE_MAX_DATAGRAMS = 128,      /* in fragments at one time; the oldest is given up       */
    CAPTURE_FRAGMENT_US = 30000000,   /* a datagram that is not whole by then is lost           */
    CAPTURE_MAX_STREAMS = 4096,       /* directions of TCP connections at one time; the longest quiet one goes */
    CAPTURE_MAX_HELD = 64,            /* segments that wait for an earlier one, per direction   */
    CAPTURE_MAX_WAITING = 512 * 1024, /* octets of a message that is not whole, per direction   */
    CAPTURE_WAIT_US = 5000000         /* how long a segment is waited for                       */
};

/* --- files ------------------------------------------------------------------------------------------------------- */

enum link_type { LINK_NULL = 0, LINK_ETHERNET = 1, LINK_RAW_BSD = 12, LINK_RAW_OPENBSD = 14, LINK_RAW = 101, LINK_LOOP = 108,
                 LINK_COOKED = 113, LINK_IP4 = 228, LINK_IP6 = 229, LINK_COOKED2 = 276 };

struct packet {
    uint64_t     time_us;
    uint32_t     frame;   /* from 1, as other tools count */
    uint32_t     link;    /* enum link_type; others are passed over */
    struct slice octets;
    bool         cut;     /* there was more on the wire */
};

struct capture {
    struct slice rest;
    uint32_t     frame;
    bool         next_generation, big_endian, nanoseconds;
    uint32_t     link;                                /* pcap */
    struct {
        uint32_t link;
        uint64_t per_second;                          /* units of its time stamps */
        uint64_t offset_s;
        uint32_t snap;
    } interfaces[CAPTURE_MAX_INTERFACES];
    size_t       n_interfaces;
};

/* ERR_SYNTAX: neither pcap nor pcapng. */
enum err capture_open(struct slice file, struct capture *out);
/* ERR_NOTFOUND: the end. ERR_SYNTAX: the file ends within a packet, or is damaged; what was read so far is good. */
enum err capture_next(struct capture *c, struct packet *out);

/* --- from packets to messages --------------------------------------------------------------------------------------- */

struct gather;

/* Takes memory from `a` (arrays and messages) and from its mem (what is given back). ERR_NOMEM. */
enum err gather_new(struct arena *a, const struct hash_key *key, struct gather **out);
enum err gather_packet(struct gather *g, const struct packet *p);
/* No more packets: what is incomplete is reported. Fills messages, sounds, gaps, begin and end of *in. */
enum err gather_end(struct gather *g, struct trace_input *in);
uint64_t gather_packets(const struct gather *g);

/* The same for a whole file. *damaged: the file ends badly (what is before that counts). */
enum err capture_read(struct arena *a, const struct hash_key *key, struct slice file, struct trace_input *in, bool *damaged);

/* --- and back --------------------------------------------------------------------------------------------------------- */

/* The messages as a pcap file of raw IP: UDP datagrams (in fragments where they must), TCP segments; secrets in them are covered
 * (trace_mask()). ERR_NOMEM. */
enum err capture_write(struct arena *a, const struct trace_message *const *messages, size_t n, struct slice *out);

#endif
