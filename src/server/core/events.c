/* events.c - subscriptions and what they hear of: the rooms that change something, and the room that tells of it.
 *
 * Room      server/core.
 * In        requests from core.c; changes from dialogs, location and directory, on whatever thread they are made.
 * Out       server/presence.
 * Touches   nothing. */
#include "server/core/core_priv.h"

/* ---- who hears of what ---- */

static void on_dialog(void *ctx, const struct dialog_record *r)
{
    struct presence *p = ctx;

    if (!presence_has_watchers(p))
        return;
    for (int i = 0; i < 2; i++)
        if (r->side[i].number.n) {
            presence_changed(p, S("dialog"), r->side[i].number);
            presence_changed(p, S("presence"), r->side[i].number);
        }
}

static void on_binding(void *ctx, struct slice number)
{
    if (!presence_has_watchers(ctx))
        return;
    presence_changed(ctx, S("reg"), number);
    presence_changed(ctx, S("presence"), number);
}

/* A user's settings decide what is told, and who is in a list. */
static void on_user(void *ctx, struct slice number)
{
    presence_user_changed(ctx, number);
}

static bool is_own(void *ctx, struct slice number)
{
    const struct core *c = ctx;

    return voice_app_of(c->voice, number).n != 0;
}

enum err events_open(struct core *c, const struct core_config *config)
{
    struct presence_config pc = {.mem = config->mem,
                                 .rng = config->rng,
                                 .hash = config->hash,
                                 .proxy = c->proxy,
                                 .path = config->subscriptions,
                                 .published = config->published,
                                 .now_ms = (int64_t)config->now_ms,
                                 .log = config->log,
                                 .is_own = is_own,
                                 .ctx = c};
    enum err               e = presence_open(&pc, &c->presence);

    if (e)
        return e;
    dialogs_watch(c->dialogs, on_dialog, c->presence);
    location_watch(c->location, on_binding, c->presence);
    directory_watch(c->directory, on_user, c->presence);
    return voice_watch(c->voice, c->presence);
}

/* ---- requests ---- */

bool events_within(struct core *c, struct shard *sh, const struct stack_in *in)
{
    struct asker a = {.view = NULL};
    bool         on_flow;

    if (in->m->method_id != METHOD_SUBSCRIBE || !presence_has(c->presence, sh, in->m, &in->from, &on_flow))
        return false;
    a.view = directory_take(c->directory);
    if (on_flow || who_is_it(c, sh, in, &a) == ERR_OK)
        presence_refresh(c->presence, sh, in, a.number);
    directory_give(a.view);
    return true;
}

bool events_report(struct core *c, struct shard *sh, const struct stack_in *in, struct asker *a)
{
    if (!quality_is_report(in->m))
        return false;
    if (who_is_it(c, sh, in, a) == ERR_OK)
        quality_publish(c->quality, sh, in, a->number);
    return true;
}

bool events_new(struct core *c, struct shard *sh, const struct stack_in *in, const struct asker *a, struct slice target)
{
    struct presence_asker who = {a->view, a->number, target};
    enum method           m = in->m->method_id;

    return (m == METHOD_SUBSCRIBE || m == METHOD_PUBLISH) && presence_request(c->presence, sh, in, &who);
}
