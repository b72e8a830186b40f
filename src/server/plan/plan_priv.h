/* plan_priv.h - what the files of server/plan share. */
#ifndef SERVER_PLAN_PRIV_H
#define SERVER_PLAN_PRIV_H

#include "server/plan/plan.h"

/* --- plan.c --- */
void plan_reply(struct plan *p, enum plan_rule rule, uint16_t code);

/* --- forward.c --- */
/* What the settings of the called user make of a new call. True: that is the plan. Else p->ring_ms is set. */
bool plan_before_ringing(const struct plan_facts *f, struct plan *p);
/* The same when its phones have ended it. */
void plan_after_ringing(const struct plan_facts *f, struct plan *p);

#endif
