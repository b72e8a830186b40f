/* matrix_priv.h - what matrix.c and matrix_check.c share. */
#ifndef KIT_MATRIX_PRIV_H
#define KIT_MATRIX_PRIV_H

#include "flows/phones.h"
#include "kit/kit.h"
#include "kit/matrix.h"

enum {
    EXCHANGE = MATRIX_PHONES, /* as a party */
    PARTIES,
    THE_WIRE = PARTIES,       /* whose mishap a lost message is  */
    MATRIX_MAX_SEEN = 1024,   /* messages of a run that differ     */
    MATRIX_MAX_CALLS = 32     /* of one phone                      */
};

enum mishap { NONE, LOST, TWICE, LATE, SILENCES, RESTARTS, MISHAPS };

struct fault {
    enum mishap mishap;
    int         who; /* THE_WIRE: it is the message's */
    size_t      at;  /* which message, from 0         */
};

struct run {
    const struct matrix_script *script;
    struct fault                fault;
    struct kit                 *k;
    struct band                *w;
    struct ring                *ring[MATRIX_PHONES];
    struct addr                 at[PARTIES];
    uint64_t                    seen[MATRIX_MAX_SEEN];
    size_t                      n_seen;
    uint64_t                    victim;
    uint32_t                    ringback_ms[MATRIX_PHONES][MATRIX_MAX_CALLS]; /* heard so far */
    bool                        counting, struck, restarted, held;
};

bool matrix_is_sip(struct slice octets);

/* What must hold in the end. NULL: it does. */
const char *matrix_stories(struct run *r);
const char *matrix_records(struct run *r);

#endif
