/* watch.h - counts of the running exchange that must not rise unseen: each becomes a line in the log. Part of app/serve. */
#ifndef APP_SERVE_WATCH_H
#define APP_SERVE_WATCH_H

#include "app/serve/exchange.h"

/* What was seen at the last look. Zeroed: nothing yet. */
struct watch {
    uint64_t commits, failed_writes, damaged, no_slot, too_long, cdr_failures, refused, dropped, busy, gaps;
    bool     store_fails, stored_since;
};

/* Look, and say what has risen since the last look, at most a line for each. From one thread, about once a second. */
void serve_watch_look(struct watch *w, struct exchange *x);

#endif
