/* kit.h - call flows as tests: the exchange and scripted peers in one process, in virtual time.
 *
 *     static void busy(void **state)
 *     {
 *         struct kit  *k = kit_begin(NULL);
 *         struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
 *
 *         peer_send(alice, "INVITE bob");
 *         peer_expect(bob, "INVITE");         peer_send(bob, "486");
 *         peer_expect(bob, "ACK");
 *         peer_expect(alice, "486");          peer_send(alice, "ACK");
 *         kit_end(k);
 *     }
 *
 * A peer is a UDP socket at an address of its own with just enough memory to write proper requests: per call the ids,
 * tags, CSeq, route set and target that its messages have shown. It repeats nothing and answers nothing by itself, but for
 * digest challenges. Everything that a peer receives must be expected, but for 100s; repeats (octet for octet) are dropped.
 * A failure prints all messages so far and fails the test. */
#ifndef KIT_KIT_H
#define KIT_KIT_H

#include "app/serve/exchange.h"
#include "net/fake/fake.h"

#define KIT_DOMAIN "example.com"
#define KIT_EXCHANGE "10.0.0.1" /* port 5060 */

struct kit;
struct peer;

struct kit_options {
    uint64_t         seed;      /* 0: 1 */
    unsigned         workers;   /* 0: 1 */
    bool             digest;    /* false: anyone may be any number */
    struct fake_link link;      /* all zero: 1 ms of delay and no mishap */
    bool             may_relay;
};

struct kit *kit_begin(const struct kit_options *o); /* NULL: all zero */
/* Lets 64*T1 and more pass; fails on any message that was not expected, and on any transaction, request in progress or
 * octet of the shards that is left. */
void kit_end(struct kit *k);
void kit_wait_ms(struct kit *k, uint64_t ms);

struct exchange *kit_exchange(struct kit *k);
struct fake     *kit_world(struct kit *k);
/* kill -9 of the exchange, and its restart on the same data folder. */
void kit_kill(struct kit *k);
void kit_restart(struct kit *k);
/* A user with a password (digest): peers of that name use it by themselves. */
void kit_add_user(struct kit *k, const char *number);

struct peer *peer_add(struct kit *k, const char *number);
struct peer *peer_registered(struct kit *k, const char *number); /* REGISTER done, with Expires: 3600 */
const char  *peer_contact(const struct peer *p);                 /* "sip:bob@10.0.0.11:5060" */

/* Send. The first line says what:
 *   "INVITE bob"          a request outside a dialog, to a number at the domain or any URI: begins a new call
 *   "BYE", "INVITE", ...  a request inside the current call's dialog
 *   "ACK", "CANCEL"       for the last INVITE that was sent in the current call
 *   "180", "200 BYE"      a response to the last request (of that method) that was received in the current call
 * Further lines (after LF) are header fields that are added; "-Name" takes one away that would be there; an empty line
 * begins a body. INVITE and its 200 have an SDP of their own unless a body is given. */
void peer_send(struct peer *p, const char *what);

/* Let time pass until the peer receives that: "INVITE", "180", "200 BYE" (method of its CSeq). It becomes the current call.
 * At most 64*T1 of virtual time. The message lives until kit_end(). */
const struct msg *peer_expect(struct peer *p, const char *what);
/* The same in at most that time, and not before `from_ms`. */
const struct msg *peer_expect_in(struct peer *p, const char *what, uint64_t from_ms, uint64_t to_ms);
/* Nothing but 100s waits, and nothing comes within ms. */
void peer_expect_nothing(struct peer *p, uint64_t ms);
/* Calls of a peer are counted from 1 in the order in which it met them: make that one the current. */
void peer_take_call(struct peer *p, unsigned n);
/* Raw octets, as they are, to the exchange. */
void peer_send_raw(struct peer *p, struct slice octets);
/* How many octet-identical repeats this peer has been sent. */
unsigned peer_repeats(const struct peer *p);

/* Print all messages so far and fail. */
void kit_fail(struct kit *k, const char *why, const char *detail);

#endif
