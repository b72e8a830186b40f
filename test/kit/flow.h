/* flow.h - call flows as data: read from JSON, played by the kit's peers round the exchange, judged by what was on the wire.
 *
 * Two dialects are read: steps with `n` and `method_or_status` (the conformance material), and steps with `f`, `message`,
 * `of`, `call` (the guide's, and our own of flows/). Parties named as servers are the exchange, several of them one; a step
 * between two of those is its own affair, and a step straight between two phones is one on either leg. Where all are so and
 * no step says of which call it is, that follows from who speaks to whom and from notes such as "dialog 2".
 *
 * Notes are read for these words, whatever stands round them:
 *   no SDP, no media, without media, black hole, hold, sendonly, recvonly      what is described
 *   offer 1, answer 2, A's SDP          a description by name: the first to say it makes it, others pass it on
 *   Replaces, Join (dialog 2)           names a call of who gets it, or of whom the REFER sends to
 *   Require: replaces; Target-Dialog 1; Referred-By; Event: x; Expires: 0; reliable; resent, copy of; to the INVITE
 *   Contact of                          the REFER sends to the phone itself, not to its number
 *   sipfrag 486, 100 Trying, terminated of a NOTIFY; of one from the exchange also Messages-Waiting: yes, Voice-Message: 2/8,
 *                               full, early, confirmed: it is waited for until one says so
 *   no Contact, Contact: *      of a REGISTER; Session-Expires: 90, Supported: x and the like are written as they stand
 *   forked                      the same INVITE as the step before; the branch that is not answered is the exchange's affair
 *   without credentials; in a dialog that is gone      of a SUBSCRIBE
 * A subscription to a package that the exchange knows (Event: dialog) is the exchange's to answer, whoever is drawn there. */
#ifndef KIT_FLOW_H
#define KIT_FLOW_H

#include "kit/kit.h"

enum { FLOW_MAX_PARTIES = 8, FLOW_MAX_STEPS = 96, FLOW_MAX_CALLS = 8 };

struct flow_party {
    char name[32], number[32]; /* number: what it registers and is called by; that of B1 and B2 is b */
    bool exchange;
    bool end;                  /* ... which is not in the middle here, but whom a phone speaks with */
    bool edge;                 /* an edge proxy of another house, between the exchange and a phone (edge.h) */
    bool outside;              /* a phone of nobody here, called by its address */
};

struct flow_step {
    unsigned n;                     /* as the file counts */
    char     message[16], of[16];   /* "INVITE"; "200", "4xx": of which method, empty where the file does not say */
    unsigned from, to;              /* parties; one of them is the exchange */
    unsigned with;                  /* who is at the other end, as drawn: the exchange where it is drawn in the middle */
    unsigned call;                  /* which Call-ID, from 0 */
    char     note[160];
    bool     copy;                  /* octets that have been there before */
    bool     reinvite;
    bool     own;                   /* the exchange says it itself, before the step that follows */
    bool     outside;               /* a REFER in a dialog of its own */
    bool     branch;                /* of a fork, and between the exchange and that phone alone */
    bool     served;                /* of a subscription that the exchange itself answers, whoever is drawn there */
    char     package[24];           /* of that */
};

struct flow_exception;

struct call_flow {
    char              id[48];
    struct flow_party party[FLOW_MAX_PARTIES];
    size_t            n_parties;
    struct flow_step  step[FLOW_MAX_STEPS];
    size_t            n_steps;
    struct flow_step  talk[FLOW_MAX_CALLS]; /* who talks with whom in which call before the first step, by what they say first */
    size_t            n_talks;
    const struct flow_exception *exception; /* NULL: none */
};

/* What must stand before the first step. */
enum flow_before {
    FLOW_REGISTERED, /* every phone, but those that register in the flow */
    FLOW_EVERYBODY,  /* every phone */
    FLOW_TALKING,    /* the first two phones, with each other */
    FLOW_ATTACK      /* RFC 5393 §3: u1 and u2 are both at u1 and u2 */
};

/* Where the part of this exchange in a flow lawfully differs from what is drawn, and why. */
struct flow_exception {
    const char      *id;
    bool             own;        /* of our own file of that id, else of the outside one */
    const char      *leave_out;  /* numbers of steps, divided by spaces, or NULL */
    unsigned         step;       /* this one may also be `code`; 0: none */
    const char      *code;
    const char      *phone;      /* a party that is played as a phone, whatever its name */
    bool             outside;    /* ... which is in another domain */
    const char      *end;        /* a party that is the exchange, as whom a phone speaks with */
    const char      *busy;       /* a party that talks with somebody else, who is not in the flow, */
    unsigned         free;       /* until this step                                               */
    bool             by_hand;    /* it is not played: a function of its name in test/flows has it */
    const char      *talking;    /* FLOW_TALKING: "A>B,A>C", who has called whom, calls 1 and 2; NULL: the first phone the second */
    bool             removes_all; /* a REGISTER with Contact: * */
    const char      *settings;   /* what users have set: lines of NUMBER KEY VALUE; a user without a phone is made */
    const char      *calls;      /* whom the first INVITE is for, where it is not who gets it */
    bool             apart;      /* B1 and B2 are no phones of one user */
    bool             in_turn;    /* the phones of one user are registered with falling q */
    enum flow_before before;
    const char      *reason;
};

/* NULL, or why the file is no flow that can be played: a sentence that lives until the next call. `x` may be NULL. */
const char *flow_read(struct call_flow *f, const char *path, const struct flow_exception *x);

static inline bool flow_is_phone(const struct call_flow *f, unsigned party)
{
    return !f->party[party].exchange && !f->party[party].edge;
}

/* Does an INVITE of that call get to a phone? Else the exchange refuses it itself. */
static inline bool flow_reaches_phone(const struct call_flow *f, unsigned call)
{
    for (size_t i = 0; i < f->n_steps; i++)
        if (f->step[i].call == call && f->step[i].message[0] == 'I' && flow_is_phone(f, f->step[i].to))
            return true;
    return false;
}

/* Is the exchange itself at the other end, and not in the middle? */
static inline bool flow_is_own(const struct call_flow *f, const struct flow_step *s)
{
    return s->served || f->party[s->with].end;
}

/* A 1xx that the exchange does not say where it answers at once: of its own services, of a call that it refuses itself. */
static inline bool flow_may_be_missing(const struct call_flow *f, const struct flow_step *s)
{
    return s->message[0] == '1' && f->party[s->from].exchange && (f->party[s->with].end || !flow_reaches_phone(f, s->call)) &&
           f->party[s->with].exchange;
}

/* The party of that name; FLOW_MAX_PARTIES: none. */
unsigned flow_party_of(const struct call_flow *f, const char *name, size_t n);

/* Plays it in a world of its own, and judges: fails the test when a step is missing or out of order on its leg, or when
 * something that holds in every flow does not. With a bad wire: `link` and `seed`; then 1xx are not waited for. */
struct flow_wire {
    const struct fake_link *link; /* NULL: a good one */
    uint64_t                seed;
    unsigned                workers; /* 0: 1; more: spread over them */
    bool                    relay;   /* transfers are relayed, and not accepted */
};
void flow_play(const struct call_flow *f, const struct flow_wire *wire);

/* --- for flow_play: judge.c --- */
struct flow_seat { /* who plays a party; both NULL: the exchange */
    struct peer *peer;
    struct edge *edge;
};
void flow_judge(const struct call_flow *f, struct kit *k, const struct flow_seat *seats, bool bad_wire);

#endif
