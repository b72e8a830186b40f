/* tell.c - a call's turning points, one line each in the log; and every change, to whoever watches.
 *
 * Room      server/dialogs.
 * Touches   the log. */
#include "server/dialogs/dialogs_priv.h"

static void begin(struct log_line *l, const struct dialogs *d, const char *event, struct dialog_id id, const struct dialog_record *r)
{
    char       text[DIALOGS_ID_TEXT];
    struct buf b = BUF_ON(text);

    log_begin(l, r->writes_cdr ? d->conf.log : NULL, LOG_INFO, event, r->call_id);
    dialogs_id_text(&b, id);
    log_text(l, "id", buf_slice(&b));
    log_text(l, "caller", dialogs_who(&r->side[DIALOG_CALLER]));
    log_text(l, "callee", dialogs_who(&r->side[DIALOG_CALLEE]));
}

void tell_begun(const struct dialogs *d, struct dialog_id id, const struct dialog_record *r)
{
    struct log_line l;

    if (!log_wants(d->conf.log, LOG_INFO))
        return;
    begin(&l, d, LOG_EVENT("call.begun"), id, r);
    log_end(&l);
}

void tell_answered(const struct dialogs *d, struct dialog_id id, const struct dialog_record *r)
{
    struct log_line l;

    if (!log_wants(d->conf.log, LOG_INFO))
        return;
    begin(&l, d, LOG_EVENT("call.answered"), id, r);
    log_number(&l, "code", r->code);
    log_number(&l, "after_ms", (uint64_t)(r->answered_ms - r->started_ms));
    log_end(&l);
}

void tell_ended(const struct dialogs *d, struct dialog_id id, const struct dialog_record *r)
{
    struct log_line l;

    if (!log_wants(d->conf.log, LOG_INFO))
        return;
    begin(&l, d, LOG_EVENT("call.ended"), id, r);
    log_number(&l, "code", r->code < 200 ? 0 : r->code);
    log_text(&l, "by", r->ended_by);
    log_text(&l, "why", r->why);
    log_number(&l, "talked_ms", r->answered_ms ? (uint64_t)(r->ended_ms - r->answered_ms) : 0);
    log_end(&l);
}

void tell_changed(const struct dialogs *d, const struct dialog_record *r)
{
    if (d->changed)
        d->changed(d->changed_ctx, r);
}

void dialogs_watch(struct dialogs *d, dialogs_changed *changed, void *ctx)
{
    d->changed = changed;
    d->changed_ctx = ctx;
}
