/* users.c - acts on users: added, changed, removed, listed, imported, exported.
 *
 * Room      server/admin.
 * Touches   server/directory. What may be set, and what is wrong with it, the directory says. */
#include "server/admin/admin_priv.h"

#include <string.h>

#define NO_NUMBER "a number was expected: whose user is meant"

size_t act_pairs(const struct request *r, struct directory_pair pairs[ACT_MAX_PAIRS])
{
    const char *key;
    json_t     *value;
    size_t      n = 0;

    json_object_foreach((json_t *)(size_t)r->in, key, value)
    {
        struct slice k = slice_z(key);

        if (slice_eq(k, S("act")) || slice_eq(k, S("number")) || !json_is_string(value) || n == ACT_MAX_PAIRS)
            continue;
        pairs[n++] = (struct directory_pair){k, {json_string_value(value), json_string_length(value)}};
    }
    return n;
}

json_t *act_user_add(const struct request *r)
{
    struct directory_pair  pairs[ACT_MAX_PAIRS];
    struct directory_act   act = {.number = act_text(r, "number"), .pairs = pairs, .who = r->who,
                                    .now_ms = act_now_ms(r)};
    struct directory_fault fault = {""};
    char                   room[DIRECTORY_MAX_PASSWORD + 1];
    struct buf             password = BUF_ON(room);
    json_t                *out;

    act.n_pairs = act_pairs(r, pairs);
    if (directory_add(r->a->config.directory, &act, &password, &fault))
        return act_failed(fault.text);
    out = act_ok();
    act_set_slice(out, "number", act.number);
    if (!act_text(r, "password").n)
        act_set_slice(out, "password", buf_slice(&password));
    return out;
}

json_t *act_user_set(const struct request *r)
{
    struct directory_pair  pairs[ACT_MAX_PAIRS];
    struct directory_act   act = {.number = act_text(r, "number"), .pairs = pairs, .who = r->who,
                                    .now_ms = act_now_ms(r)};
    struct directory_fault fault = {""};
    json_t                *out;

    if (!act.number.n)
        return act_failed(NO_NUMBER);
    act.n_pairs = act_pairs(r, pairs);
    if (directory_set(r->a->config.directory, &act, &fault))
        return act_failed(fault.text);
    out = act_ok();
    act_set_slice(out, "number", act.number);
    return out;
}

static bool is_group(const struct request *r, struct slice number)
{
    const struct directory_view *view = directory_take(r->a->config.directory);
    const struct directory_user *u = directory_user(view, number);
    bool                         is = u && u->is_group;

    directory_give(view);
    return is;
}

json_t *act_user_remove(const struct request *r)
{
    struct directory_act   act = {.number = act_text(r, "number"), .who = r->who, .now_ms = act_now_ms(r)};
    struct directory_fault fault = {""};

    if (!act.number.n)
        return act_failed(NO_NUMBER);
    if (is_group(r, act.number))
        return act_failed("that is a ring group: `strowger group remove` takes it away");
    if (directory_remove(r->a->config.directory, &act, &fault))
        return act_failed(fault.text);
    return act_ok();
}

json_t *act_settings(struct slice lines)
{
    json_t      *o = json_object();
    struct slice line, key;

    while (slice_line(&lines, &line))
        if (slice_cut(&line, '=', &key)) {
            char       name[128];
            struct buf b = BUF_ON(name);

            buf_puts(&b, key, (struct slice){"", 1});
            if (buf_err(&b) == ERR_OK)
                json_object_set_new(o, name, act_json(line));
        }
    return o;
}

static bool add_user(void *arg, const struct directory_user *u)
{
    json_t *o;

    if (u->is_group)
        return true;
    o = json_object();
    act_set_slice(o, "number", u->number);
    act_set_slice(o, "name", u->name);
    act_set_slice(o, "auth-name", u->auth_name);
    json_object_set_new(o, "has-password", json_boolean(u->ha1_md5.n != 0));
    json_object_set_new(o, "settings", act_settings(u->settings));
    act_set_number(o, "made-ms", u->made_ms);
    json_array_append_new(arg, o);
    return true;
}

json_t *act_user_list(const struct request *r)
{
    const struct directory_view *view = directory_take(r->a->config.directory);
    json_t                      *out = act_ok(), *list = json_array();
    enum err                     e = directory_each(view, add_user, list);

    directory_give(view);
    json_object_set_new(out, "users", list);
    if (e == ERR_OK)
        return out;
    json_decref(out);
    return act_failed_err("the users cannot be listed", e);
}

static void on_made(void *arg, struct slice number, struct slice password)
{
    json_t *o = json_object();

    act_set_slice(o, "number", number);
    act_set_slice(o, "password", password);
    json_array_append_new(arg, o);
}

json_t *act_user_import(const struct request *r)
{
    json_t                 *passwords = json_array(), *out;
    struct directory_import im = {.csv = act_text(r, "csv"), .who = r->who, .now_ms = act_now_ms(r), .made = on_made, .arg = passwords};
    struct directory_fault  fault = {""};

    if (directory_import(r->a->config.directory, &im, &fault)) {
        json_decref(passwords);
        return act_failed(fault.text);
    }
    out = act_ok();
    act_set_number(out, "added", (int64_t)im.added);
    act_set_number(out, "changed", (int64_t)im.changed);
    json_object_set_new(out, "passwords", passwords);
    return out;
}

/* Text that grows by doubling. */
struct growing {
    struct mem *mem;
    char       *p;
    size_t      n, cap;
    bool        failed;
};

static void on_text(void *arg, struct slice text)
{
    struct growing *g = arg;

    if (g->cap - g->n < text.n && !g->failed) {
        size_t cap = 2 * (g->cap + text.n);
        char  *p = mem_alloc(g->mem, cap);

        g->failed = !p;
        if (!p)
            return;
        if (g->n)
            memcpy(p, g->p, g->n);
        mem_free(g->mem, g->p, g->cap);
        g->p = p;
        g->cap = cap;
    }
    if (g->failed)
        return;
    memcpy(g->p + g->n, text.p, text.n);
    g->n += text.n;
}

json_t *act_user_export(const struct request *r)
{
    const struct directory_view *view = directory_take(r->a->config.directory);
    bool                         secrets = json_is_true(json_object_get(r->in, "secrets"));
    struct growing               g = {.mem = r->a->config.mem};
    json_t                      *out = act_ok();
    enum err                     e = directory_export(view, secrets, on_text, &g);

    directory_give(view);
    e = g.failed ? ERR_NOMEM : e;
    act_set_slice(out, "csv", (struct slice){g.p, g.n});
    mem_free(g.mem, g.p, g.cap);
    if (e == ERR_OK)
        return out;
    json_decref(out);
    return act_failed_err("the users cannot be exported", e);
}
