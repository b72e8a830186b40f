/* story.h - what was seen, understood: one story per affair of people. Pure. Part of the door trace/trace.h.
 *
 * A story is a set of calls that belong together: a call, the REFER in it, the call that the REFER made, the one that a
 * 302 made, a Replaces, a Join, a call that waited while another was held. A call is an attempt in the sense of
 * RFC 3261 §8.1.3.4: one Call-ID and caller, and a new one when the caller follows a 3xx with the old Call-ID.
 * REGISTER, OPTIONS, PUBLISH, subscriptions and MESSAGE alone make no story. */
#ifndef TRACE_STORY_H
#define TRACE_STORY_H

#include "base/arena.h"
#include "trace/input.h"

#define TRACE_NONE SIZE_MAX

enum {
    TRACE_MAX_PARTIES = 64, /* columns of a story; further ends share the last one */
    TRACE_MAX_PARTY_NAME = 8
};

struct trace_party {
    char         name[TRACE_MAX_PARTY_NAME]; /* "A", "B", ...; the exchange "P", several: "P1", "P2"          */
    size_t       name_n;
    struct slice label;       /* "Alice (1001)", "1001"; of the exchange its address                           */
    struct slice number;      /* "1001": user part of its address of record; empty when unknown                */
    struct addr  at;          /* where it was first seen                                                       */
    struct slice trunk;       /* the trunk that it is, by what the exchange calls it; empty: it is none, or nobody knows */
    bool         is_exchange; /* passes messages on, or registers others                                       */
};

struct trace_call {
    struct slice call_id;
    size_t       caller, callee;  /* parties; callee is the end that answered, else the last that was asked; NONE */
    uint64_t     asked_us;        /* the first message; of a call whose start was not seen, too                */
    uint64_t     answered_us;     /* 0: was not                                                                */
    uint64_t     ended_us;        /* BYE, or final refusal; 0: still up or unknown                             */
    uint16_t     status;          /* final status of its INVITE toward the caller; 0: none seen                */
    bool         begun_before;    /* its INVITE is not in the capture                                          */
    bool         up_before;       /* ... and it was answered by then, as far as can be seen                    */
    bool         kept_call_id;    /* follows a 3xx with the Call-ID of the call before                         */
};

enum trace_link_kind {
    TRACE_LINK_REFER,    /* `to` was made because of a REFER in `from`                     */
    TRACE_LINK_REPLACES, /* `to` takes the place of `from` (RFC 3891)                      */
    TRACE_LINK_NAMED,    /* a Refer-To in `from` names `to` in its Replaces                */
    TRACE_LINK_REDIRECT, /* `to` follows a 3xx in `from`                                   */
    TRACE_LINK_JOIN,     /* `to` joins `from` (RFC 3911)                                   */
    TRACE_LINK_HELD,     /* one phone held `from` for `to`                                 */
    TRACE_LINK_TARGET,   /* a REFER in `to`, outside a dialog, concerns `from` (RFC 4538)  */
    TRACE_LINK_RECALL,   /* `to` goes back to who asked for a transfer in `from` that failed */
    TRACE_LINK_BRIDGED   /* a back-to-back user agent made `to` out of `from`              */
};
struct trace_link {
    enum trace_link_kind kind;
    size_t               from, to; /* calls of the story */
};
struct slice trace_link_text(enum trace_link_kind kind);

struct trace_row {
    uint64_t     time_us;
    size_t       message;    /* index in trace->messages                                                      */
    size_t       from, to;   /* parties                                                                       */
    size_t       call;       /* of the story                                                                  */
    unsigned     f;          /* its F number; 0: not numbered (100, challenges, NOTIFY; steps outside a known flow) */
    struct slice text;       /* method or status: "INVITE", "180"                                             */
    struct slice of;         /* responses: the method they answer                                             */
    struct slice start;      /* "INVITE", "180 Ringing": for people                                           */
    struct slice sentence;
    struct slice reason;     /* the exchange's own; empty = none                                              */
    unsigned     resent;     /* identical copies that came after it on the same hop, folded into it           */
    uint64_t     last_us;    /* time of the last of them                                                      */
    unsigned     finding;    /* the gravest finding on this row: enum trace_severity + 1; 0 = none            */
};

enum trace_severity { TRACE_NOTE, TRACE_WARNING, TRACE_ERROR };
struct slice trace_severity_text(enum trace_severity s); /* "note" */

/* NOTE: lawful, good to know. WARNING: it did not work, or looks wrong. ERROR: against an RFC. */
struct trace_finding {
    enum trace_severity severity;
    struct slice        text;     /* one or two sentences                            */
    struct slice        rfc;      /* "RFC 3261"; empty = none                        */
    struct slice        section;  /* "17.1.1.3"                                      */
    size_t              row;      /* of the story; TRACE_NONE: the story as a whole  */
};

struct trace_story {
    struct slice          title;     /* "1001 calls 1002, who transfers it to 1003"   */
    struct trace_party   *parties;   /* in the order of the columns: A, P, B, C       */
    size_t                n_parties;
    struct trace_call    *calls;     /* in the order of their first messages          */
    size_t                n_calls;
    struct trace_link    *links;
    size_t                n_links;
    struct trace_row     *rows;      /* by time                                       */
    size_t                n_rows;
    struct trace_finding *findings;  /* by row                                        */
    size_t                n_findings;
    struct {
        bool         known;          /* false: there is a gap in what was seen, and nobody is judged */
        bool         ok;             /* no warning and no error                                      */
        struct slice text;           /* one sentence                                                 */
    } verdict;
    struct slice          flow;      /* id of the known flow that this is; empty = none              */
    uint64_t              begin_us, end_us;
};

/* What a message is, for those who look beyond stories (the judge, exports). Retransmissions are among them. */
struct trace_seen {
    const struct trace_message *in;
    size_t                      story; /* TRACE_NONE: in none                                       */
    size_t                      row;   /* of that story; of a copy the row that it is folded into  */
    bool                        copy;
};

struct trace {
    struct trace_story *stories;   /* by the time of their first message */
    size_t              n_stories;
    struct trace_seen  *messages;  /* by time: every one that is SIP     */
    size_t              n_messages;
    size_t              n_unread;  /* of the input, that were not SIP, or beyond the parser's limits */
    struct trace_inside *inside;   /* the room's own */
};

/* Understand what was seen. All of it lives in `a` (about 2 KiB a message).
 * ERR_NOMEM, ERR_LIMIT (TRACE_MAX_*). */
enum err trace_build(struct arena *a, const struct trace_input *in, struct trace **out);

#endif
