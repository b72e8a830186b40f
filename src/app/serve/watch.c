/* watch.c - counts that must not rise unseen: each becomes a line in the log, at most one a look.
 *
 * Room      app/serve.
 * Touches   *w. The rooms count and go on; nothing on the way of a message waits for a log. */
#include "app/serve/watch.h"

/* How much it has risen since the last look. */
static uint64_t risen(uint64_t *seen, uint64_t now)
{
    uint64_t by = now - *seen;

    *seen = now;
    return by;
}

static void tell(struct exchange *x, enum log_level level, const char *event, uint64_t count)
{
    struct log_line l;

    if (!count)
        return;
    log_begin(&l, x->log, level, event, SLICE_NONE);
    log_number(&l, "count", count);
    log_end(&l);
}

static void look_at_store(struct watch *w, struct exchange *x)
{
    struct store_counters n;
    struct store_fault    why = {""};
    struct log_line       l;
    uint64_t              failed, stored;

    store_counters(x->store, &n);
    stored = risen(&w->commits, n.commits);
    if ((failed = risen(&w->failed_writes, n.failed_writes))) {
        store_last_fault(x->store, &why);
        log_begin(&l, x->log, LOG_ERROR, LOG_EVENT("store.fault"), SLICE_NONE);
        log_number(&l, "count", failed);
        log_text(&l, "why", slice_z(why.text));
        log_end(&l);
        w->store_fails = true;
        w->stored_since = stored > 0;
    } else if (w->store_fails && (stored || w->stored_since)) {
        log_begin(&l, x->log, LOG_WARN, LOG_EVENT("store.well"), SLICE_NONE);
        log_end(&l);
        w->store_fails = false;
    }
}

static void look_at_dialogs(struct watch *w, struct exchange *x)
{
    struct dialogs_counters n;

    dialogs_counters(x->dialogs, &n);
    tell(x, LOG_WARN, LOG_EVENT("dialogs.damaged"), risen(&w->damaged, n.damaged));
    tell(x, LOG_WARN, LOG_EVENT("dialogs.full"), risen(&w->no_slot, n.no_slot));
    tell(x, LOG_WARN, LOG_EVENT("dialogs.long"), risen(&w->too_long, n.too_long));
    tell(x, LOG_ERROR, LOG_EVENT("cdr.fault"), risen(&w->cdr_failures, n.cdr_failures));
}

static void look_at_wire(struct watch *w, struct exchange *x)
{
    struct stack_counts n;
    uint64_t            refused = 0, gaps = 0;

    stack_counts(x->stack, &n);
    for (unsigned i = 0; i < x->n_workers; i++) {
        struct transport_counts tn;
        struct record_counts    rn = {0};

        transport_counts(stack_transport(x->stack, (uint8_t)i), &tn);
        refused += tn.refused;
        if (x->record[i])
            record_counts(x->record[i], &rn);
        gaps += rn.dropped;
    }
    tell(x, LOG_WARN, LOG_EVENT("net.refused"), risen(&w->refused, refused));
    tell(x, LOG_WARN, LOG_EVENT("stack.dropped"), risen(&w->dropped, n.dropped));
    tell(x, LOG_WARN, LOG_EVENT("stack.busy"), risen(&w->busy, n.refused_503));
    tell(x, LOG_INFO, LOG_EVENT("trace.gap"), risen(&w->gaps, gaps));
}

void serve_watch_look(struct watch *w, struct exchange *x)
{
    look_at_store(w, x);
    look_at_dialogs(w, x);
    look_at_wire(w, x);
}
