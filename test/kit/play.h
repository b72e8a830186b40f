/* play.h - what the files that play a flow share: play.c (the steps), seat.c (before the first), say.c (what a phone sends),
 * hear.c (what it must get). For nobody else: see flow.h. */
#ifndef KIT_PLAY_H
#define KIT_PLAY_H

#include "kit/flow.h"

enum { FLOW_MAX_DESCRIBED = 16 };

/* A session description by the name that the notes have for it: "offer 1". */
struct described {
    char         name[16];
    struct slice text;
};

struct play {
    const struct call_flow      *f;
    const struct flow_exception *x;
    struct kit                  *k;
    struct flow_seat             seat[FLOW_MAX_PARTIES];
    bool                         bad_wire, relay, open_house;
    bool                         up[FLOW_MAX_CALLS];                       /* the call is confirmed                 */
    unsigned                     number[FLOW_MAX_PARTIES][FLOW_MAX_CALLS]; /* the peer's number of that call, 0 none */
    unsigned                     final[FLOW_MAX_PARTIES][FLOW_MAX_CALLS];  /* the last final answer that it has had */
    uint32_t                     invited[FLOW_MAX_PARTIES][FLOW_MAX_CALLS]; /* the CSeq of the last INVITE that it has had */
    char                         asked[FLOW_MAX_PARTIES][16];              /* the last request that it has sent     */
    const struct msg            *challenge[FLOW_MAX_PARTIES];              /* not taken up yet                      */
    const struct msg            *heard[FLOW_MAX_PARTIES];                  /* the last message                      */
    uint32_t                     refer[FLOW_MAX_PARTIES];                  /* the CSeq of the last REFER that it has had */
    struct slice                 referred[FLOW_MAX_PARTIES];               /* Referred-By of that, until it has called */
    unsigned                     repeats[FLOW_MAX_PARTIES];
    struct peer                 *caller;                                   /* who keeps a party busy; NULL: nobody  */
    unsigned                     busy;
    struct described             described[FLOW_MAX_DESCRIBED];
    struct slice                 sdp[FLOW_MAX_PARTIES];                    /* what it has described last            */
};

bool flow_is_status(const char *message);
/* Is the step drawn straight between two phones, and this leg of it the one from (to) the exchange? */
bool flow_is_straight(const struct play *p, size_t at);
void play_note_call(struct play *p, const struct flow_step *s, unsigned party);

/* --- seat.c: phones and users before the first step --- */
void play_seat(struct play *p);

/* --- describe.c --- */
/* Header fields that the note gives as they stand: "Session-Expires: 90;refresher=uac". */
void play_put_noted(const struct flow_step *s, struct buf *b);
/* Rows and body of what is described, behind the first line. A step whose note says nothing of it is as the kit writes it. */
void play_put_description(struct play *p, const struct flow_step *s, struct buf *b);
/* What was sent is remembered under its name, and as its sender's last. */
void play_remember_description(struct play *p, const struct flow_step *s);

/* --- say.c --- */
void play_sends(struct play *p, size_t at);

/* --- hear.c: waits for the step; fails where it does not come, or not as it was sent --- */
void play_hears(struct play *p, size_t at);

#endif
