/* adopt.c - a leg that was somebody else's end of a dialog, or this one's before a restart (RFC 3725; PROTOCOL 6.1).
 *
 * Room      ua.
 * In        leg_adopt().
 * Touches   a new leg, up from the start. */
#include <string.h>

#include "ua/ua_priv.h"

static enum err place(struct leg *leg, struct shard *sh, struct slice call_id)
{
    char *room = mem_alloc(leg->ua->config.mem, call_id.n);

    if (!room)
        return ERR_NOMEM;
    memcpy(room, call_id.p, call_id.n);
    leg->call_id_room = (struct text){room, call_id.n, call_id.n};
    leg_place(leg, sh, text_slice(&leg->call_id_room));
    return ERR_OK;
}

static enum err uri_of(struct slice value, struct slice *out)
{
    struct name_addr na;
    enum err e = name_addr_parse(value, &na);

    if (!e)
        *out = na.uri;
    return e;
}

static enum err fill(struct leg *leg, const struct leg_adopted *a)
{
    struct dialog *d = ARENA_NEW(&leg->arena, struct dialog);
    enum err e;

    if (!d)
        return ERR_NOMEM;
    if ((e = dialog_take_over(&leg->arena, &a->dialog, d)) || (e = uri_of(d->local, &leg->local_uri)) ||
        (e = uri_of(d->remote, &leg->remote_uri)) || (e = arena_dup(&leg->arena, a->contact_user, &leg->contact_user)))
        return e;
    leg->dialog = leg->forks[0] = d;
    leg->n_forks = 1;
    leg->is_uac = a->dialog.is_uac;
    leg->flow = a->flow;
    return a->referred ? refer_adopt(leg, a->refer, a->first_refer) : ERR_OK;
}

enum err leg_adopt(struct ua *ua, struct shard *sh, const struct leg_adopted *a, struct leg **out)
{
    struct leg *leg;
    enum err e = a->dialog.call_id.n ? leg_alloc(ua, &leg) : ERR_INVALID;

    if (e)
        return e;
    if ((e = place(leg, sh, a->dialog.call_id)) || (e = fill(leg, a))) {
        leg_free(leg);
        return e;
    }
    leg_attach(leg, a->on, a->arg);
    leg_enter(leg, LEG_UP);
    if (a->returned)
        session_adopt(leg);
    *out = leg;
    return ERR_OK;
}

void leg_unadopt(struct leg *leg)
{
    shard_timer_stop(leg->sh, &leg->session.timer);
    leg_free(leg);
}
