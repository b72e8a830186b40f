/* flow.h - a call flow as data; is it in a capture? And captures made from one. Pure. Part of the door trace/trace.h.
 *
 * What counts (the rules of the flows' own folder):
 *  1. Order counts for each pair of ends and each call; other messages may stand between. Retransmissions do not count.
 *  2. Across pairs only cause and effect count, within a party that passes on: a request or response leaves after it
 *     came; a `local` response leaves before the request it answers goes on.
 *  3. 100, the ACK of a 3xx-6xx and the 200 of a CANCEL are made on each hop: they have no cause beyond it.
 *  4. Every request but ACK has its final response, no transaction has two different ones, no dialog is left over but
 *     those that the flow leaves up, and what the flow expects besides holds.
 *  5. Lawful and still met, with a note: a phone keeps the Call-ID after a 302, answers a REFER with 200, sends no 100. */
#ifndef TRACE_FLOW_H
#define TRACE_FLOW_H

#include "trace/story.h"

enum {
    TRACE_FLOW_MAX_PARTIES = 8,
    TRACE_FLOW_MAX_CALLS = 8,
    TRACE_FLOW_MAX_STEPS = 128,
    TRACE_FLOW_MAX_EXPECTS = 16
};

struct trace_step {
    struct slice f;        /* "F1"; empty: asked for, but has no number                              */
    struct slice message;  /* a method, or a status as three digits; "4xx": any of that class         */
    struct slice of;       /* of a status: the method it answers; empty: see trace_flow_settle       */
    struct slice note;     /* for people                                                             */
    size_t       from, to; /* parties                                                                */
    unsigned     call;     /* from 1; 0: the flow does not say                                       */
    bool         reinvite; /* an INVITE inside a dialog                                              */
    bool         local;    /* made by its sender, before the request that it answers goes on         */
    bool         optional; /* may be missing                                                         */
    bool         both;     /* ... but only together with what it passes on, or is passed on as        */
    bool         unanswered; /* a request that gets no final response in this flow                   */
};

enum trace_expect_kind {
    TRACE_EXPECT_HOLD,        /* `step` has an SDP that holds, and its 2xx takes it          */
    TRACE_EXPECT_REPLACES,    /* the Refer-To of `step` has Replaces that names call `call`  */
    TRACE_EXPECT_NO_REPLACES, /* it has none                                                */
    TRACE_EXPECT_NEVER,       /* no `message` (of `of`) from `from` to `to` in call `call`    */
    TRACE_EXPECT_BEFORE,      /* `step` comes before `other`, though they are of two calls    */
    TRACE_EXPECT_TAKEN_OVER   /* who takes call `call` over, because of `step`, gets it, and the old dialog is ended; where
                                 nobody was seen to try, that is a note                      */
};
struct trace_expect {
    enum trace_expect_kind kind;
    size_t                 step, other;
    unsigned               call;
    struct slice           message, of;
    size_t                 from, to;
};

struct trace_flow {
    struct slice        id, title;
    struct slice        parties[TRACE_FLOW_MAX_PARTIES];
    bool                exchange[TRACE_FLOW_MAX_PARTIES]; /* passes messages on; trace_flow_settle finds out */
    size_t              n_parties;
    struct trace_step   steps[TRACE_FLOW_MAX_STEPS];
    size_t              n_steps;
    struct trace_expect expects[TRACE_FLOW_MAX_EXPECTS];
    size_t              n_expects;
    bool                numbered; /* its F numbers are shown in stories that meet it; the guide's are */
};

/* Fill in what can be found out: `of` where it is empty, who passes on, the causes. Once, after reading a flow.
 * ERR_INVALID: a step with unknown parties, a status without anything to answer, no step at all; *step gets its index. */
enum err trace_flow_settle(struct trace_flow *f, size_t *step);

/* --- the judge -------------------------------------------------------------------------------------------------- */

enum trace_step_state {
    TRACE_STEP_MET,
    TRACE_STEP_MISSING, /* it never came                                       */
    TRACE_STEP_ORDER,   /* it came, but out of order                           */
    TRACE_STEP_EXCUSED  /* it did not come, lawfully                           */
};

struct trace_judgement {
    bool         met;
    struct slice text;          /* one or two sentences: the first step that is not met and what came instead, or what
                                   else is wrong, or that the flow is met                                     */
    size_t       step;          /* the first step that is not met; TRACE_NONE: all are                         */
    size_t       n_missing;     /* steps that are not met                                                     */
    size_t       story;         /* where it was found; TRACE_NONE: over the whole capture                      */
    struct slice notes[16];     /* what is lawful, but not as the flow has it                                  */
    size_t       n_notes;
    struct {
        enum trace_step_state state;
        size_t                message; /* index in trace->messages; TRACE_NONE                                 */
    } steps[TRACE_FLOW_MAX_STEPS];
    struct addr  parties[TRACE_FLOW_MAX_PARTIES]; /* who was taken for whom; family ADDR_NONE: nobody           */
};

/* Is `f` (settled) in the capture? `story`: look in that one only; TRACE_NONE: in each, and in the capture as a whole; the
 * best counts. The judgement's texts live in `a`. ERR_NOMEM. */
enum err trace_judge(struct arena *a, const struct trace *t, size_t story, const struct trace_flow *f,
                     struct trace_judgement *out);

/* --- examples --------------------------------------------------------------------------------------------------- */

/* A capture that a flow (settled) describes: complete SIP messages as phones and an exchange would send them, one for
 * each step, `spacing_us` apart; message i is step i. What a flow leaves out is not added. ERR_NOMEM, ERR_LIMIT. */
struct trace_example {
    uint64_t            begin_us, spacing_us;
    const struct slice *numbers; /* of the flow's parties; NULL, and where one is empty: 1001, 1002, ... */
    struct slice        dialled; /* call 1 was for this number, and an exchange sent it on; empty: it was for its callee */
    struct slice        reason;  /* ... with a Diversion that says why (RFC 5806): "user-busy"; empty: without */
};
enum err trace_example_make(struct arena *a, const struct trace_flow *f, const struct trace_example *how,
                            struct trace_message **messages);

#endif
