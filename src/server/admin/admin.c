/* admin.c - acts by name, and the JSON that all of them speak.
 *
 * Room      server/admin.
 * In        the control socket (app/serve), the command line (app/admin).
 * Touches   nothing itself. */
#include "server/admin/admin_priv.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    act_run    *run;
} acts[] = {
    {"user.add", act_user_add},       {"user.set", act_user_set},       {"user.remove", act_user_remove}, {"user.list", act_user_list},
    {"user.import", act_user_import}, {"user.export", act_user_export}, {"group.add", act_group_add},
    {"group.set", act_group_set}, {"group.remove", act_group_remove}, {"group.list", act_group_list}, {"bindings", act_bindings_list},  {"calls", act_calls_list},
    {"calls.end", act_calls_end},     {"cdr", act_cdr_list},            {"explain", act_explain},         {"status", act_status},
    {"trunk.add", act_trunk_add},     {"trunk.set", act_trunk_set},     {"trunk.remove", act_trunk_remove}, {"trunk.list", act_trunk_list},
    {"trunk.show", act_trunk_show},
    {"subscriptions", act_subscriptions_list},
};
#define N_ACTS (sizeof acts / sizeof acts[0])

const char *const *admin_acts(void)
{
    static const char *names[N_ACTS + 1];

    for (size_t i = 0; i < N_ACTS; i++)
        names[i] = acts[i].name;
    return names;
}

json_t *admin_do(struct admin *a, const json_t *request, struct slice who)
{
    const char    *name = json_string_value(json_object_get(request, "act"));
    struct request r = {a, request, who};
    char           text[160];

    if (!name)
        return act_failed("\"act\" is missing: the name of what is to be done was expected");
    for (size_t i = 0; i < N_ACTS; i++)
        if (strcmp(acts[i].name, name) == 0)
            return acts[i].run(&r);
    snprintf(text, sizeof text, "there is no act '%.60s'", name);
    return act_failed(text);
}

json_t *act_failed(const char *text)
{
    json_t *o = json_object();

    json_object_set_new(o, "ok", json_false());
    json_object_set_new(o, "error", json_string(text));
    return o;
}

json_t *act_failed_err(const char *what, enum err e)
{
    char text[200];

    snprintf(text, sizeof text, "%s: %s", what, err_text(e));
    return act_failed(text);
}

json_t *act_ok(void)
{
    json_t *o = json_object();

    json_object_set_new(o, "ok", json_true());
    return o;
}

struct slice act_text(const struct request *r, const char *key)
{
    const json_t *v = json_object_get(r->in, key);

    return json_is_string(v) ? (struct slice){json_string_value(v), json_string_length(v)} : SLICE_NONE;
}

int64_t act_now_ms(const struct request *r)
{
    return r->a->config.now_ms(r->a->config.ctx);
}

json_t *act_json(struct slice s)
{
    char       room[2048];
    struct buf b = BUF_ON(room);
    json_t    *j = json_stringn(s.n ? s.p : "", s.n);

    if (j)
        return j;
    buf_put_escaped(&b, slice_to(s, sizeof room / 4));
    return json_stringn(b.p, b.n);
}

void act_set_slice(json_t *o, const char *key, struct slice s)
{
    json_object_set_new(o, key, act_json(s));
}

void act_set_number(json_t *o, const char *key, int64_t n)
{
    json_object_set_new(o, key, json_integer(n));
}
