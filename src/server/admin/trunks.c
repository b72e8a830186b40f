/* trunks.c - acts on trunks: added, changed, removed, listed, shown.
 *
 * Room      server/admin.
 * Touches   server/directory. What may be set, and what is wrong with it, the directory says. A password is never shown. */
#include "server/admin/admin_priv.h"

#define NO_NAME "a name was expected: which trunk is meant"

typedef enum err trunk_act(struct directory *d, const struct directory_act *act, struct directory_fault *fault);

/* The pairs of the request without the trunk's own name. */
static size_t pairs_of(const struct request *r, struct directory_pair pairs[ACT_MAX_PAIRS])
{
    size_t all = act_pairs(r, pairs), n = 0;

    for (size_t i = 0; i < all; i++)
        if (!slice_eq(pairs[i].key, S("name")))
            pairs[n++] = pairs[i];
    return n;
}

static json_t *change(const struct request *r, trunk_act *how)
{
    struct directory_pair  pairs[ACT_MAX_PAIRS];
    struct directory_act   act = {.number = act_text(r, "name"), .pairs = pairs, .who = r->who, .now_ms = act_now_ms(r)};
    struct directory_fault fault = {""};
    json_t                *out;

    if (!act.number.n)
        return act_failed(NO_NAME);
    act.n_pairs = pairs_of(r, pairs);
    if (how(r->a->config.directory, &act, &fault))
        return act_failed(fault.text);
    out = act_ok();
    act_set_slice(out, "name", act.number);
    return out;
}

json_t *act_trunk_add(const struct request *r)
{
    return change(r, directory_trunk_add);
}

json_t *act_trunk_set(const struct request *r)
{
    return change(r, directory_trunk_set);
}

json_t *act_trunk_remove(const struct request *r)
{
    return change(r, directory_trunk_remove);
}

static json_t *trunk_json(const struct request *r, const struct directory_trunk *t)
{
    json_t    *o = json_object();
    char       text[160];
    struct buf b = BUF_ON(text);
    bool       down = false;

    act_set_slice(o, "name", t->name);
    act_set_slice(o, "server", t->server);
    json_object_set_new(o, "register", json_boolean(t->registers));
    act_set_number(o, "preference", t->preference);
    json_object_set_new(o, "emergency", json_boolean(t->emergency));
    json_object_set_new(o, "has-password", json_boolean(t->password.n > 0));
    json_object_set_new(o, "settings", act_settings(t->settings));
    if (r->a->config.trunk_state) {
        down = r->a->config.trunk_state(r->a->config.ctx, t->name, &b);
        json_object_set_new(o, "down", json_boolean(down));
        act_set_slice(o, "state", buf_slice(&b));
    }
    return o;
}

json_t *act_trunk_list(const struct request *r)
{
    const struct directory_view  *view = directory_take(r->a->config.directory);
    const struct directory_trunk *t;
    json_t                       *out = act_ok(), *list = json_array();
    size_t                        n = directory_trunks(view, &t);

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, trunk_json(r, &t[i]));
    directory_give(view);
    json_object_set_new(out, "trunks", list);
    return out;
}

json_t *act_trunk_show(const struct request *r)
{
    const struct directory_view  *view = directory_take(r->a->config.directory);
    const struct directory_trunk *t = directory_trunk(view, act_text(r, "name"));
    json_t                       *out;

    if (t) {
        out = act_ok();
        json_object_set_new(out, "trunk", trunk_json(r, t));
    } else
        out = act_failed("there is no such trunk: `strowger trunk list` names them");
    directory_give(view);
    return out;
}
