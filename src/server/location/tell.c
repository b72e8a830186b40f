/* tell.c - bindings that come, change and go, one line each in the log.
 *
 * Room      server/location. The turn is held, so both records stand still.
 * Touches   the log. */
#include "server/location/location_priv.h"

static bool is_dropped(const struct update *u, uint32_t slot)
{
    for (uint32_t i = 0; i < u->n_dropped; i++)
        if (u->parts[i].dropped == slot)
            return true;
    return false;
}

static bool is_made(const struct update *u, uint32_t slot)
{
    for (uint32_t i = 0; i < u->n_made; i++)
        if (u->parts[i].made.slot == slot)
            return true;
    return false;
}

struct happened {
    const char    *event;
    enum log_level level;
    bool           gone;
};

static void tell(const struct update *u, const struct record *r, uint32_t i, struct happened what)
{
    struct location_binding b;
    struct log_line         l;

    location_record_expand(u->l, u->aor, r, i, &b);
    log_begin(&l, u->l->conf.log, what.level, what.event, b.call_id);
    log_text(&l, "number", b.aor);
    log_text(&l, "contact", b.contact);
    log_text(&l, "from", b.received);
    if (!what.gone) {
        log_number(&l, "expires_s", (uint64_t)(b.expires_ms - u->change.now_ms + 999) / 1000);
        log_text(&l, "agent", b.agent);
    }
    log_end(&l);
}

void update_tell(const struct update *u, const struct record *old)
{
    const struct happened expired = {LOG_EVENT("binding.expired"), LOG_INFO, true}, removed = {LOG_EVENT("binding.removed"), LOG_INFO, true},
                          new = {LOG_EVENT("binding.new"), LOG_INFO, false}, changed = {LOG_EVENT("binding.changed"), LOG_INFO, false},
                          refreshed = {LOG_EVENT("binding.refreshed"), LOG_DEBUG, false};

    if (!log_wants(u->l->conf.log, LOG_INFO))
        return;
    for (uint32_t i = 0; old && i < old->head.n; i++)
        if (is_dropped(u, old->b[i].slot))
            tell(u, old, i, old->b[i].expires_ms <= u->change.now_ms ? expired : removed);
    for (uint32_t i = 0; u->fresh && i < u->fresh->head.n; i++)
        if (is_made(u, u->fresh->b[i].slot))
            tell(u, u->fresh, i, new);
        else if (u->fresh->b[i].registered_ms == u->change.now_ms && u->change.n_contacts)
            tell(u, u->fresh, i, u->promise ? changed : refreshed);
}
