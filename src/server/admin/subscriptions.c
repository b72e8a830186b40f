/* subscriptions.c - the act on what phones watch.
 *
 * Room      server/admin.
 * Touches   server/presence: only to read. */
#include "server/admin/admin_priv.h"

struct listing {
    struct slice number; /* watched, or who watches; empty: all */
    json_t      *list;
    int64_t      now_ms;
};

static bool add(void *arg, const struct presence_subscription *s)
{
    struct listing *l = arg;
    json_t         *o;

    if (l->number.n && !slice_eq(l->number, s->number) && !slice_eq(l->number, s->subscriber))
        return true;
    o = json_object();
    act_set_slice(o, "package", s->package);
    act_set_slice(o, "number", s->number);
    act_set_slice(o, "subscriber", s->subscriber);
    act_set_slice(o, "contact", s->target);
    act_set_slice(o, "call-id", s->call_id);
    act_set_number(o, "since-ms", s->made_ms);
    act_set_number(o, "expires-s", s->expires_ms > l->now_ms ? (s->expires_ms - l->now_ms) / 1000 : 0);
    act_set_number(o, "told", s->version);
    json_array_append_new(l->list, o);
    return true;
}

json_t *act_subscriptions_list(const struct request *r)
{
    struct listing l = {act_text(r, "number"), NULL, act_now_ms(r)};
    json_t        *out;

    if (!r->a->config.presence)
        return act_failed("the exchange does not run, so nobody is told anything: start it first");
    out = act_ok();
    l.list = json_array();
    presence_each(r->a->config.presence, add, &l);
    json_object_set_new(out, "subscriptions", l.list);
    return out;
}
