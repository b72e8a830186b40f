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
 * A peer is a UDP socket, or a TCP connection, at an address of its own with just enough memory to write proper requests:
 * per call the ids, tags, CSeq, route set and target that its messages have shown. It repeats nothing and answers nothing
 * by itself, but for digest challenges. Everything that a peer receives must be expected, but for 100s; repeats (octet for
 * octet) are dropped. A failure prints all messages so far and fails the test. While time passes the exchange's second
 * hand ticks, as in `strowger serve`. */
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
    bool             spread;    /* each datagram goes to another worker, each new call to another shard (PROTOCOL 3.5) */
    bool             pumped;    /* a promise is on disk when kit_pump() says so, and not before */
    enum directory_digest offer; /* of the exchange (PROTOCOL 1.1) */
    uint32_t         session_s, session_min_s; /* serve's session-timer, session-min */
    uint32_t         register_min_s, register_max_s; /* 0: the registrar's own */
    struct log      *log;       /* the exchange's; NULL: none */
    enum dialog_mode transfer;  /* of users without a setting of their own */
    bool             keeps_memory; /* as `strowger serve` does; else each allocation may fail */
    bool             no_domain; /* is configured; KIT_DOMAIN is a name of the exchange's host all the same */
    bool             tls;       /* the exchange listens at port 5061 too */
    bool             story;     /* kit_story() also tells the exchange's own reasons */
};

struct kit *kit_begin(const struct kit_options *o); /* NULL: all zero */
/* Lets 64*T1 and more pass; fails on any message that was not expected, and on any transaction, request in progress or
 * octet of the shards that is left. */
void kit_end(struct kit *k);
void kit_wait_ms(struct kit *k, uint64_t ms);

struct exchange *kit_exchange(struct kit *k);
struct fake     *kit_world(struct kit *k);
/* The exchange takes time for each datagram: fake_set_slow(). */
void kit_set_slow(struct kit *k, fake_cost_us *cost, void *ctx, unsigned room);
/* kill -9 of the exchange, and its restart on the same data folder. */
void kit_kill(struct kit *k);
void kit_restart(struct kit *k);
/* A user with a password (digest): peers of that name use it by themselves. */
void kit_add_user(struct kit *k, const char *number);
void kit_set_user(struct kit *k, const char *number, const char *key, const char *value);
void kit_pump(struct kit *k);
/* The exchange's nth allocation from now fails; 0: none does. How many it has made meanwhile, and whether one has failed. */
void kit_fail_allocation(struct kit *k, uint64_t nth);
bool kit_allocation_failed(struct kit *k);
/* What the exchange holds now, and what it has taken since it began. */
struct kit_cost {
    size_t   octets;      /* but for what the store's library and mapped files have */
    uint64_t allocations; /* so far */
};
struct kit_cost kit_cost(struct kit *k);

/* The n-th newest CDR (from 0) as "alice bob 200 caller bye": caller, callee, code, ended by, why. "" when there is none. */
const char *kit_cdr(struct kit *k, unsigned n);
/* How its two sides have heard: "caller 1.20 15 4.10, callee? 0.40 - -": loss in percent, jitter in ms, MOS; '-' what is not
 * known, '?' where it is the other side's word. "" when nothing is known. */
const char *kit_quality(struct kit *k, unsigned n);
/* Calls that the exchange has a record of, such as "alice bob talking, alice carol ringing". */
const char *kit_calls(struct kit *k);
/* An administrator ends the n-th of them (from 0). */
enum err kit_hang_up(struct kit *k, unsigned n);

struct peer *peer_add(struct kit *k, const char *number);
struct peer *peer_registered(struct kit *k, const char *number); /* REGISTER done, with Expires: 3600 */
struct peer *peer_add_tls(struct kit *k, const char *number);    /* the same by TLS; the exchange listens there where kit_options say so */
struct peer *peer_add_tcp(struct kit *k, const char *number);    /* over a connection to the exchange that is open already */
void         peer_register(struct peer *p);                      /* as peer_registered(), of a peer that is there */
const char  *peer_contact(const struct peer *p);                 /* "sip:bob@10.0.0.11:5060" */
const char  *peer_host(const struct peer *p);                    /* "10.0.0.11" */
void         peer_set_contact(struct peer *p, const char *uri);
/* What it answers challenges with; password NULL: it does not answer them by itself. */
void         peer_set_login(struct peer *p, const char *auth_name, const char *password);
/* The row of credentials for a challenge, to be sent by hand: "Authorization: Digest ...". Lives until kit_end(). */
const char  *peer_login(struct peer *p, const struct msg *challenge, const char *method_and_uri, unsigned nc);
/* A TCP peer's connection is closed; opened anew. */
void         peer_disconnect(struct peer *p);
void         peer_connect(struct peer *p);
/* From now on it behaves as RFC 3261 §17 and §13 want of a phone on a bad wire: requests are repeated until they are
 * answered, a final response to INVITE until its ACK; a repeated request gets its answer again, a repeated 2xx its ACK. */
void         peer_set_reliable(struct peer *p);

/* Send. The first line says what:
 *   "INVITE bob"          a request outside a dialog, to a number at the domain or any URI: begins a new call
 *   "BYE", "INVITE", ...  a request inside the current call's dialog
 *   "ACK", "CANCEL"       for the last INVITE that was sent in the current call
 *   "180", "200 BYE"      a response to the last request (of that method) that was received in the current call
 * Further lines (after LF) are header fields that are added; "-Name" takes one away that would be there; an empty line
 * begins a body. From and To may be given where a call begins, without their tags. INVITE and its 200 have an SDP of their own unless a body is given. */
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
/* Several answers of a fork: the dialog of that response is the current call's from now on. */
void peer_follow(struct peer *p, const struct msg *response);
/* The dialog with that other peer, which has answered in the current call, is the current call's. */
void peer_follow_to(struct peer *p, const struct peer *other);
/* The last request again, with credentials for that challenge. */
void peer_answer(struct peer *p, const struct msg *challenge);
/* Which of its calls is the current one; 0: none yet. */
unsigned peer_call_number(const struct peer *p);
/* The next message that is not expected yet, but for 100s: it is now. NULL: none waits. */
const struct msg *peer_next(struct peer *p);
/* The CSeq of the last INVITE that it has sent in the current call. */
uint32_t peer_invite_cseq(const struct peer *p);
/* The last request that it has sent, octets as sent; the last message, request or response. */
struct slice      peer_sent(const struct peer *p);
struct slice      peer_said(const struct peer *p);
const struct msg *peer_said_message(const struct peer *p);
/* The ids of its nth call's dialog (from 1), as far as it knows them. */
struct peer_dialog {
    struct slice call_id, local_tag, remote_tag;
};
struct peer_dialog peer_dialog(struct peer *p, unsigned n);
/* That one as a new transaction, with the values of these header fields (lines; they must be in it) in place of its own. */
void peer_send_again(struct peer *p, const char *rows);
/* Raw octets, as they are, to the exchange. */
void peer_send_raw(struct peer *p, struct slice octets);
/* How many octet-identical repeats this peer has been sent. */
unsigned peer_repeats(const struct peer *p);

/* Every message that anybody has sent so far, in order; of connections, every piece. */
struct kit_seen {
    uint64_t     at_us;
    struct addr  from, to;
    struct slice octets;
};
void kit_each_seen(struct kit *k, void (*each)(void *ctx, const struct kit_seen *s), void *ctx);

/* All that was said so far as trace draws it: the ladders, with the reasons and the findings. Lives until kit_end(). */
const char    *kit_story(struct kit *k);
void           kit_says(struct kit *k, const char *sentence); /* it has that sentence, wherever its lines are broken; else it fails */
/* Where the test is: told where it fails. */
void kit_set_place(struct kit *k, const char *where);
/* Print all messages so far, and the ladders that trace draws of them; the same, and fail. */
void           kit_show(struct kit *k);
_Noreturn void kit_fail(struct kit *k, const char *why, const char *detail);

#endif
