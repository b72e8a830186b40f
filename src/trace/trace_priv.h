/* trace_priv.h - what the files of trace share. Pure.
 *
 * The order of work: read.c (messages, copies) - ends.c (who is who) - tsx.c (transactions, what was passed on) -
 * call.c (calls, dialogs) - link.c (which calls belong together) - story.c (parties, rows) - title.c, sentence.c -
 * find*.c (findings) - verdict.c. Everything is an index into an array of struct trace_inside; NONE is TRACE_NONE. */
#ifndef TRACE_TRACE_PRIV_H
#define TRACE_TRACE_PRIV_H

#include "sip/msg/msg.h"
#include "trace/trace.h"

#define NONE TRACE_NONE

enum {
    MS = 1000,                       /* microseconds                                                       */
    T1_US = 500 * MS,                /* RFC 3261 §17.1.1.1                                                 */
    T64_US = 64 * T1_US,             /* timers B, F, H, L, M                                               */
    COPY_US = 64 * 1000 * MS,        /* identical octets on one hop within that time are a retransmission  */
    TWICE_SEEN_US = 20 * MS,         /* ... and within that time the same packet, captured twice            */
    NAT_SEEN_US = 200 * MS,          /* the same octets before and behind a translator of addresses          */
    LINK_US = 180 * 1000 * MS,       /* how long after a REFER or 3xx its call may begin                    */
    TEXT_OCTETS = 768                /* of one sentence                                                    */
};

/* Chains of equal hashes over elements that have a `chain`: heads by hash, newest first. */
struct table {
    size_t *head;
    size_t  mask;
};

/* One message. `from` and `to` are ends. */
struct item {
    const struct trace_message *in;
    struct msg  *m;
    size_t       from, to;
    struct slice call_id, from_tag, to_tag;
    struct slice branch, via2;     /* branches of the top Via and of the next                             */
    struct slice method;           /* of a response that of its CSeq                                      */
    enum method  method_id;
    uint32_t     cseq;
    uint32_t     n_vias;
    size_t       original;         /* NONE, or the message that this is a copy of                         */
    unsigned     copies;           /* that came after it                                                  */
    bool         partial;          /* only its beginning was captured: it comes from a gap                */
    uint64_t     last_us;
    size_t       tsx;              /* an ACK has the one of its INVITE                                    */
    size_t       call, dialog;
    size_t       request;          /* responses: the request that it answers; ACK: the INVITE; wherever it stands */
    size_t       cause;            /* the message that was passed on as this one; NONE: made by its sender */
    size_t       prev, next;       /* of its call, copies too                                              */
    size_t       next_said;        /* of its dialog, copies too                                            */
    size_t       made;             /* a REFER as its maker sent it: the call that was made of it           */
    size_t       chain;
    size_t       story, row;
};

/* A place that messages come from or go to. Several addresses may be one end: they share a root. */
struct end {
    struct addr  at;
    struct addr  place;         /* of a root: its address with the lowest port, where it is likely to listen */
    size_t       root;
    size_t       chain;
    bool         sends;         /* was ever a source                            */
    size_t       first;         /* of a root: its first message; NONE           */
    bool         proxy;         /* has a Via of its own above somebody else's   */
    bool         registrar;     /* answers REGISTER                             */
    bool         known;         /* the exchange has recorded itself there       */
    struct slice user, display; /* of the number that was registered from here  */
};

/* One transaction on one hop. */
struct tsx {
    size_t      request;        /* item; NONE: only responses were seen         */
    size_t      from, to;       /* ends: client, server                         */
    enum method method;
    size_t      call;
    size_t      parent;         /* the transaction that this one passes on      */
    size_t      child;          /* the first that passes this one on            */
    size_t      trying, ringing, final, other_final; /* items: a 100, the last 101-199, the first final, another different one */
    size_t      ringing_before; /* the 101-199 before that                      */
    size_t      ack_out, ack_in; /* INVITE: the ACK that `from` sent, that `to` got */
    size_t      cancel;         /* INVITE: its CANCEL's item                    */
    size_t      next;           /* of its call                                  */
    size_t      chain;
};

/* A call: one attempt of one caller (trace/story.h). */
struct call {
    struct slice call_id;
    size_t       first, last;   /* items                                        */
    size_t       first_tsx, last_tsx;
    size_t       invite;        /* tsx: the caller's last INVITE outside a dialog */
    size_t       caller, callee; /* ends                                        */
    size_t       redirect;      /* item: the final 3xx that the caller got      */
    size_t       refusal;       /* of one whose INVITE was not seen: item, its final 3xx-6xx; NONE */
    size_t       bye;           /* item: the first of all, in whatever dialog; NONE */
    size_t       focus;         /* item: the first of an INVITE whose maker says that it is a conference (RFC 4579); NONE */
    size_t       last_refer;    /* item; NONE */
    unsigned     n_refers;      /* find_transfer.c: that were looked at */
    bool         up_before;     /* of such a one: it was answered by then       */
    struct slice caller_tag;
    uint32_t     cseq_from;
    bool         kept_call_id;
    bool         is_call;       /* worth a story of its own                     */
    size_t       group;         /* for link.c: union of calls                   */
    size_t       next;          /* the next attempt with this Call-ID           */
    size_t       dialogs;       /* the newest of its dialogs                    */
    size_t       made_by;       /* the first of the links to it                 */
    bool         left;          /* another takes its place, or is about to (REPLACES, NAMED) */
    size_t       bridge;        /* end: the back-to-back user agent between it and another; NONE */
    size_t       ringing;       /* link.c: chain of those that rang at one phone */
    size_t       chain;
    size_t       story, index;
};

struct dialog {
    size_t       call, next;    /* the next older dialog of the call            */
    struct slice tag[2];        /* caller's, callee's                           */
    size_t       end[2];        /* ends                                         */
    size_t       early, answer; /* items at the callee: first 1xx, 2xx          */
    size_t       ack[2];        /* items: that the caller sent, that the callee got */
    size_t       last_said;     /* item                                         */
    size_t       bye, bye_final;
    bool         crossed;       /* both sides sent BYE                          */
    size_t       invite_seen;   /* item: the INVITE as the callee got it        */
    size_t       answer_seen;   /* item: the 2xx as the caller got it           */
    uint64_t     ended_us;
};

struct link {
    enum trace_link_kind kind;
    size_t               from, to; /* calls */
    size_t               item;     /* where it says so */
    size_t               next;     /* of those to the same call */
};

struct found {
    struct trace_finding f;        /* f.row is of the story already; TRACE_NONE */
    size_t               story;
};

struct trace_inside {
    struct arena             *a;
    const struct trace_input *in;
    struct trace             *t;
    uint64_t                  begin_us, end_us;
    struct item   *items;
    size_t         n_items;
    struct end    *ends;
    size_t         n_ends;
    struct tsx    *tsxs;
    size_t         n_tsxs;
    struct call   *calls;
    size_t         n_calls;
    struct table   calls_by_id;    /* since link.c: all attempts */
    struct dialog *dialogs;
    size_t         n_dialogs;
    struct link   *links;
    size_t         n_links, max_links;
    struct found  *found;
    size_t         n_found, max_found;
    size_t        *story_calls;    /* each story's together, by time; since title.c */
    size_t        *story_begin;    /* where those of a story begin       */
    size_t       **party;          /* by story: the ends of its parties             */
    struct slice **display;        /* by story: the display names of its parties    */
    size_t        *dropped;        /* gaps of that kind, by time         */
    size_t         n_dropped;
    enum err       err;            /* the first thing that went wrong while writing */
};

enum err table_init(struct arena *a, size_t n, struct table *out);
static inline size_t *table_at(const struct table *t, uint64_t hash)
{
    return &t->head[hash & t->mask];
}

/* read.c, ends.c, tsx.c, call.c, dialog.c, link.c, story.c ... in this order. */
enum err trace_read(struct trace_inside *t);
enum err trace_find_ends(struct trace_inside *t);
enum err trace_find_tsxs(struct trace_inside *t);
enum err trace_find_calls(struct trace_inside *t);
enum err trace_find_dialogs(struct trace_inside *t);
enum err trace_find_links(struct trace_inside *t);
enum err trace_make_stories(struct trace_inside *t);
enum err trace_tell(struct trace_inside *t);       /* sentences, reasons, titles */
void trace_entitle(struct trace_inside *t);        /* errors: t->err */
enum err trace_find_faults(struct trace_inside *t);
enum err trace_give_verdicts(struct trace_inside *t);
enum err trace_number_rows(struct trace_inside *t);

/* --- small questions, asked everywhere --------------------------------------------------------------------------- */

static inline bool is_request(const struct item *i)
{
    return i->m->is_request;
}
static inline unsigned status_of(const struct item *i)
{
    return i->m->status;
}
static inline uint64_t time_of(const struct item *i)
{
    return i->in->time_us;
}
/* Before (-1) or after (1) what the exchange has said there; 0: at the same time, and more is not known. */
int  item_side_of(const struct trace_inside *t, const struct item *i, const struct trace_reason *r);
static inline bool is_response_to(const struct item *i, enum method m)
{
    return !i->m->is_request && i->method_id == m;
}
bool is_stream(const struct item *i);
size_t end_root(const struct trace_inside *t, size_t end);
bool end_is_exchange(const struct trace_inside *t, size_t end);
/* The phone at `from` is the one at `to` since: one end from now on, in everything that was found out so far. */
void end_moved(struct trace_inside *t, size_t from, size_t to);
/* User part of the URI in a name-addr header field, as written; empty when there is none. */
struct slice item_user(const struct item *i, enum hdr_id id);
struct slice user_of_uri(struct slice uri);        /* of tel: the number */
struct slice item_request_user(const struct item *i);
/* The first Contact's URI; empty. */
struct slice item_contact(const struct item *i);
/* The dialog with these two tags in either order; NONE. */
size_t dialog_find(const struct trace_inside *t, size_t call, struct slice a, struct slice b);
/* The dialog that a Replaces or Join names, its tags in either order; NONE. *call gets the call that has the Call-ID; NONE. */
size_t dialog_named(const struct trace_inside *t, const struct dialog_ref *ref, size_t *call);
bool dialog_rings(const struct trace_inside *t, size_t dialog, uint64_t at_us); /* nobody had answered by then */
/* Which side of dialog d sends this (0 caller, 1 callee); by tags. */
int dialog_side(const struct dialog *d, struct slice from_tag);
bool item_in_dialog(const struct item *i);         /* a request that has both tags */
bool item_is_focus(const struct item *i);          /* its Contact says isfocus (RFC 4579) */
bool item_holds(const struct item *i);             /* its SDP puts the other end on hold */
/* Did what message n holds stay on hold until then? */
bool still_held(const struct trace_inside *t, size_t n, uint64_t until_us);
/* Of a REFER: the URI in Refer-To; the Replaces in it, unescaped (ERR_NOTFOUND: none); is it what that INVITE does? */
enum err refer_target(const struct item *refer, struct uri *out);
enum err refer_replaces(struct trace_inside *t, const struct item *refer, struct slice *value);
bool refer_names(const struct item *refer, const struct item *invite);
size_t tsx_root(const struct trace_inside *t, size_t tsx);
unsigned tsx_status(const struct trace_inside *t, const struct tsx *x); /* of its final; 0 */
/* Why that call was made: the link of that kind to it, NONE; of all of them the one that says most, NULL. */
size_t link_of_kind(const struct trace_inside *t, size_t call, enum trace_link_kind kind);
const struct link *link_foremost(const struct trace_inside *t, size_t call);
/* For whom that end of the call speaks: the exchange in a call that it made because of a REFER speaks for the transferee. */
size_t call_speaker(const struct trace_inside *t, size_t call, size_t end);
/* The end that a REFER is about: the other one of its call, or for whom that speaks. */
size_t refer_transferee(const struct trace_inside *t, const struct item *refer);
size_t item_origin(const struct trace_inside *t, size_t item); /* the message that was passed on as this one, as its maker sent it */

/* The end's column in that story; the last column when there are too many. */
size_t party_of(const struct trace_inside *t, size_t story, size_t end);
/* "A", or "the exchange". */
void put_end(struct buf *b, const struct trace_inside *t, size_t story, size_t end);
/* Copies what *b holds to the arena; on overflow what fitted of it is lost and the text is empty. Errors: t->err. */
struct slice keep_text(struct trace_inside *t, const struct buf *b);
/* The same; on overflow what fitted is kept. */
struct slice keep_cut(struct trace_inside *t, const struct buf *b);
/* Text from the wire, cut to 120 octets, control octets escaped. */
void put_wire(struct buf *b, struct slice s);
void put_why(struct buf *b, struct slice s); /* a reason of the exchange's: whole sentences */
void put_seconds(struct buf *b, uint64_t us);      /* "12.3 s" */
size_t utf8_length(struct slice s);                /* octets of the character at the start of s; 0: there is none */

/* Characters, not octets. */
size_t text_width(struct slice t);
struct slice text_cut(struct slice t, size_t n);                  /* the first n */
struct slice text_take_line(struct slice *rest, size_t room);     /* as many words as fit; at least one character */

/* A stable merge sort of an array of indexes; `before` says whether a must stand before b. */
enum err sort_indexes(struct arena *a, size_t *v, size_t n, bool (*before)(const void *ctx, size_t a, size_t b), const void *ctx);

/* --- faces ---------------------------------------------------------------------------------------------------------- */

/* Is the row to be drawn? What the exchange sends itself is not, unless something is wrong with it. */
bool face_shows(const struct trace_story *s, const struct trace_row *r);
uint64_t face_pause_before(const struct trace_story *s, size_t row); /* nothing was said for so long; 0: not worth a word */
void face_put_because(struct buf *b, const struct trace_row *r);  /* "because 1002 is at home"; nothing without a reason */
void face_put_finding(struct buf *b, const struct trace_story *s, const struct trace_finding *f); /* "F3: ... (RFC 3261 section 9)" */
void face_put_escaped(struct buf *b, struct slice s);             /* as XML text */
void face_put_style(struct buf *b);                               /* the <style> that drawings need */
void face_put_drawing(struct buf *b, const struct trace_story *s, bool with_style);
struct slice face_verdict_kind(const struct trace_story *s);      /* "ok", "bad", "soft" */

/* --- findings ------------------------------------------------------------------------------------------------------ */

struct fault {
    enum trace_severity severity;
    const char         *rfc, *section; /* literals; "" = none */
    size_t              item;          /* where; NONE: the story as a whole */
    size_t              story;
};
/* Notes the finding with the text that *b holds. */
void fault_add(struct trace_inside *t, const struct fault *f, const struct buf *b);
/* Was there more to be seen after that time, in all and in this story? */
uint64_t seen_after(const struct trace_inside *t, uint64_t us);

/* The first moment of the story's time in which the recorder dropped messages: index into t->dropped; NONE. */
size_t find_first_dropped(const struct trace_inside *t, const struct trace_story *st);
/* Had the request of x, which has no final response, time enough to get one? */
bool kept_silent(const struct trace_inside *t, const struct tsx *x);
/* Is there an INVITE that this CANCEL stops? */
bool item_cancels(const struct trace_inside *t, size_t item);
/* i is of a challenged request that was repeated with a higher CSeq */
bool challenge_taken_up(const struct trace_inside *t, const struct item *i);

void find_tsx_faults(struct trace_inside *t);
void find_auth_faults(struct trace_inside *t);
void find_dialog_faults(struct trace_inside *t);
void find_route_faults(struct trace_inside *t);
void find_transfer_faults(struct trace_inside *t);
void find_replaces_faults(struct trace_inside *t);
void find_timer_faults(struct trace_inside *t);
void find_sound_faults(struct trace_inside *t);
void find_wire_faults(struct trace_inside *t);
void find_call_faults(struct trace_inside *t);
void find_event_faults(struct trace_inside *t);

#endif
