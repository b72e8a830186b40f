/* sketch.h - a plan as the ladder that it would draw. Private to server/admin.
 *
 * It is a call that nobody makes: the phones that would ring are drawn as if the first of them answered. */
#ifndef SERVER_ADMIN_SKETCH_H
#define SERVER_ADMIN_SKETCH_H

#include <jansson.h>

#include "base/arena.h"
#include "server/plan/plan.h"
#include "trace/trace.h"

struct sketch {
    struct slice       caller, dialled; /* numbers                                                        */
    struct slice       callee;          /* whom the call comes to: `dialled`, unless it is forwarded       */
    struct slice       diversion;       /* of a forward: its word in Diversion (plan_cause_diversion())    */
    struct slice       trunk;           /* where it goes out: how that party is called                     */
    const struct plan *plan;            /* for callee                                                     */
    struct slice       reason;          /* stands beside what the exchange does first                      */
};

/* Into an answer: "ladder" (title, parties, rows), and with columns (not 0) "drawing": text so wide. Where the plan draws
 * nothing, or there is no memory, nothing is added. Scratch is taken from `a`. */
void sketch_add(struct arena *a, const struct sketch *s, unsigned columns, json_t *answer);

#endif
