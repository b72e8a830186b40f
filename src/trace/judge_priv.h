/* judge_priv.h - what the files of the judge share: a flow made ready, what it is compared with, who is taken for whom.
 *
 * judge.c (variants, units, words) - bind.c (who is whom) - align.c (which steps are met) - check.c (what counts besides
 * the steps). */
#ifndef TRACE_JUDGE_PRIV_H
#define TRACE_JUDGE_PRIV_H

#include "trace/trace_priv.h"

enum {
    JUDGE_STEPS = 2 * TRACE_FLOW_MAX_STEPS, /* a step between phones is two by way of the exchange */
    JUDGE_PARTIES = TRACE_FLOW_MAX_PARTIES + 1
};

/* A flow as it is looked for: as written, with its exchanges made one, with the exchange put between phones. */
struct plan {
    const struct trace_flow *flow;
    struct trace_step        step[JUDGE_STEPS];
    struct {
        unsigned             low, high;             /* a status: from, to; 0: a request                   */
        enum method          method;                /* of the request, or that the status answers; OTHER: see the step */
    }                        kind[JUDGE_STEPS];     /* what `step` asks for, as numbers: it is compared very often */
    size_t                   origin[JUDGE_STEPS];   /* the step of the flow */
    size_t                   cause[JUDGE_STEPS];    /* must come before; NONE */
    size_t                   answer[JUDGE_STEPS];   /* `local`: P's own response to the cause must come before, too; NONE */
    size_t                   request[JUDGE_STEPS];  /* of a response and an ACK: the step that it belongs to; NONE */
    unsigned                 group[JUDGE_STEPS];    /* steps of one pair of ends and one call have one number */
    size_t                   n;
    unsigned                 n_groups;
    size_t                   party[JUDGE_PARTIES];  /* of the flow's parties: which of the plan's */
    bool                     exchange[JUDGE_PARTIES];
    size_t                   n_parties;
    unsigned                 n_calls;
    bool                     one_exchange, through_exchange; /* which form it is */
    bool                     challenges;            /* it has a 401 or 407 */
};
void plan_make(struct plan *p, const struct trace_flow *f, bool one_exchange, bool through_exchange);

/* What it is looked for in: messages of a story, of a call, or all. */
struct unit {
    const struct trace_inside *t;
    const size_t              *item;  /* by time; no copies */
    size_t                     n;
    const size_t              *ends;  /* those that occur */
    size_t                     n_ends;
    const size_t              *calls;
    size_t                     n_calls;
    size_t                     story; /* NONE */
};

struct binding {
    size_t end[JUDGE_PARTIES];            /* NONE: nobody */
    size_t call[TRACE_FLOW_MAX_CALLS + 1]; /* [0] is not used */
};

/* Is it the method or status that the step asks for, whoever sent it? */
bool step_is(const struct plan *p, size_t step, const struct item *i);
/* Is that message what the step asks for? */
bool step_fits(const struct plan *p, size_t step, const struct binding *b, const struct item *i);
/* The same, and it belongs to such a request as the flow has it belong to. */
bool step_answers(const struct plan *p, size_t step, const struct binding *b, const struct unit *u, size_t item);
/* The binding with which most steps are met, in their groups; *met gets how many. */
void bind_best(const struct plan *p, const struct unit *u, struct binding *out, size_t *met);

struct alignment {
    size_t at[JUDGE_STEPS];      /* index into u->item; NONE: not met */
    size_t missing[JUDGE_STEPS]; /* steps that are not met, in order  */
    size_t n_missing;
    bool   excused[JUDGE_STEPS];
};
void align(const struct plan *p, const struct unit *u, const struct binding *b, struct alignment *out);

/* What is wrong besides the steps, in words; empty when nothing is. *step gets the step concerned, or NONE. */
struct verdict_out {
    struct buf   *text;
    size_t        step;
    bool          wrong;
    struct arena *a;
    struct trace_judgement *j;
};
void check_besides(const struct plan *p, const struct unit *u, const struct binding *b, const struct alignment *al,
                   struct verdict_out *out);

void put_step(struct buf *b, const struct plan *p, size_t step); /* "F10 (202 to REFER, P to B)" */
void put_item(struct buf *b, const struct item *i);               /* "202 to REFER" */

#endif
