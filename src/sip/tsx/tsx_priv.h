/* tsx_priv.h - what the four machines share. Private to sip/tsx. */
#ifndef SIP_TSX_PRIV_H
#define SIP_TSX_PRIV_H

#include "sip/tsx/tsx.h"

/* One event on its way through a machine. */
struct step {
    struct tsx             *t;
    const struct tsx_times *times;
    const struct tsx_event *ev;
    struct tsx_out         *out;
};

void tsx_enter(struct tsx *t, enum tsx_state state); /* the only one that assigns t->state */

void tsx_out_do(struct step *s, enum tsx_do what);
void tsx_out_timer(struct step *s, enum tsx_timer timer, uint32_t ms);
/* Stop what runs, tell the user if `tell` is not TSX_DO_END, end. */
void tsx_out_end(struct step *s, enum tsx_do tell);
/* Repeat, and set the timer again to twice its interval, at most max_ms. */
void tsx_out_again(struct step *s, enum tsx_timer timer, uint32_t max_ms);
uint32_t tsx_lifetime_ms(const struct step *s); /* 64*T1 */

void invite_client(struct step *s);
void non_invite_client(struct step *s);
void invite_server(struct step *s);
void non_invite_server(struct step *s);

#endif
