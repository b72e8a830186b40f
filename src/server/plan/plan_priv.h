/* plan_priv.h - what the files of server/plan share. */
#ifndef SERVER_PLAN_PRIV_H
#define SERVER_PLAN_PRIV_H

#include "server/plan/plan.h"

/* --- plan.c --- */
void plan_reply(struct plan *p, enum plan_rule rule, uint16_t code);
/* A fork is made target by target. Those of one rank in a row are tried at once, as far as the request's breadth goes (RFC
 * 5393 §5.3.3); further flows of a phone become its spares. */
struct plan_filling {
    struct plan *plan;
    size_t       width, in_group;
    uint32_t     rank;
};
struct plan_filling plan_fill(const struct plan_request *r, struct plan *p);
void plan_add_target(struct plan_filling *f, const struct plan_binding *b, uint32_t rank);
void plan_filled(struct plan *p);

/* --- group.c --- */
/* A ring group whose number is called: a fork, or where it goes since nobody can be rung. */
void plan_group(const struct plan_facts *f, struct plan *p);

/* --- dial.c --- */
/* The trunks whose rules fit the number. False: there are none, or who calls may not have one; then *p is as it was. */
bool plan_dial(const struct plan_facts *f, struct plan *p);
/* Every trunk, whatever their rules: the call may not fail for want of one. False: there are none. */
bool plan_emergency(const struct plan_facts *f, struct plan *p);

/* --- forward.c --- */
bool plan_is_barred(struct slice barred, struct slice number); /* plan_request.barred */
/* What the settings of the called user make of a new call. True: that is the plan. Else p->ring_ms is set. */
bool plan_before_ringing(const struct plan_facts *f, struct plan *p);
/* The same when its phones have ended it. */
void plan_after_ringing(const struct plan_facts *f, struct plan *p);
/* The call goes where that setting says, for that cause. True: it does, or would and may not. */
bool plan_forward(const struct plan_facts *f, enum plan_cause setting, enum plan_cause cause, struct plan *p);

#endif
