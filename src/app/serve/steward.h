/* steward.h - what stands beside the calls in `strowger serve`: the recorder's thread and the control socket, through which
 * administration reaches the running exchange. Part of app/serve. */
#ifndef APP_SERVE_STEWARD_H
#define APP_SERVE_STEWARD_H

#include "app/serve/exchange.h"

struct steward;

/* Starts recorder and control socket (`control.sock` in the data folder, 0600). ERR_IO, ERR_NOMEM; fault says why. */
enum err steward_open(struct exchange *x, struct steward **out, struct exchange_fault *fault);

/* Ends both. Nothing reaches the exchange through it any more. Takes NULL. */
void steward_close(struct steward *s);

#endif
