/* groups.c - acts on ring groups: added, changed, removed, listed.
 *
 * Room      server/admin.
 * Touches   server/directory, for which a group is a number with members. */
#include "server/admin/admin_priv.h"

#include <stdio.h>

#define NO_NUMBER "a number was expected: which group is meant"

/* The settings of a group have short names here. */
static void name_pairs(struct directory_pair *pairs, size_t n)
{
    static const char *const names[][2] = {{"members", "group.members"}, {"how", "group.how"}, {"ring", "group.ring_s"}};

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            if (slice_eq(pairs[i].key, slice_z(names[k][0])))
                pairs[i].key = slice_z(names[k][1]);
}

/* Who is no user is probably mistyped. In an open house anybody may come. */
static json_t *check_members(const struct directory_view *view, struct slice members)
{
    struct slice one;
    char         text[200];

    if (directory_open_house(view))
        return NULL;
    for (bool more = members.n > 0; more;) {
        const struct directory_user *u;

        more = slice_cut(&members, ',', &one);
        u = directory_user(view, one);
        if (u && !u->is_group)
            continue;
        snprintf(text, sizeof text, "%s %.*s, so it cannot be a member", u ? "a group has users, not groups:" : "there is no user",
                 SARG(slice_to(one, DIRECTORY_MAX_NUMBER)));
        return act_failed(text);
    }
    return NULL;
}

/* What both adding and setting have to look at. NULL: it may be done. */
static json_t *check_request(const struct request *r, struct slice number, bool is_new)
{
    const struct directory_view *view = directory_take(r->a->config.directory);
    const struct directory_user *u = directory_user(view, number);
    json_t                      *out = NULL;

    if (!number.n)
        out = act_failed(NO_NUMBER);
    else if (!is_new && u && !u->is_group)
        out = act_failed("that is a user, not a ring group: `strowger user set` changes it");
    else if (is_new && !act_text(r, "members").n)
        out = act_failed("members are missing: numbers with commas between, such as 1001,1002");
    else
        out = check_members(view, act_text(r, "members"));
    directory_give(view);
    return out;
}

static json_t *change(const struct request *r, bool is_new)
{
    struct directory_pair  pairs[ACT_MAX_PAIRS];
    struct directory_act   act = {.number = act_text(r, "number"), .pairs = pairs, .who = r->who, .now_ms = act_now_ms(r)};
    struct directory_fault fault = {""};
    json_t                *out = check_request(r, act.number, is_new);

    if (out)
        return out;
    act.n_pairs = act_pairs(r, pairs);
    name_pairs(pairs, act.n_pairs);
    if (is_new ? directory_add(r->a->config.directory, &act, NULL, &fault) : directory_set(r->a->config.directory, &act, &fault))
        return act_failed(fault.text);
    out = act_ok();
    act_set_slice(out, "number", act.number);
    return out;
}

json_t *act_group_add(const struct request *r)
{
    return change(r, true);
}

json_t *act_group_set(const struct request *r)
{
    return change(r, false);
}

json_t *act_group_remove(const struct request *r)
{
    struct directory_act   act = {.number = act_text(r, "number"), .who = r->who, .now_ms = act_now_ms(r)};
    struct directory_fault fault = {""};
    json_t                *out = check_request(r, act.number, false);

    if (out)
        return out;
    return directory_remove(r->a->config.directory, &act, &fault) ? act_failed(fault.text) : act_ok();
}

static json_t *members_of(struct slice list)
{
    json_t      *out = json_array();
    struct slice one;

    for (bool more = list.n > 0; more;) {
        more = slice_cut(&list, ',', &one);
        json_array_append_new(out, act_json(one));
    }
    return out;
}

static bool add_group(void *arg, const struct directory_user *u)
{
    struct slice how = directory_setting(u, S("group.how")), ring = directory_setting(u, S("group.ring_s"));
    uint32_t     seconds = 0;
    json_t      *o;

    if (!u->is_group)
        return true;
    o = json_object();
    act_set_slice(o, "number", u->number);
    act_set_slice(o, "name", u->name);
    json_object_set_new(o, "members", members_of(directory_setting(u, S("group.members"))));
    act_set_slice(o, "how", how.n ? how : S("all"));
    if (ring.n && slice_u32(ring, &seconds) == ERR_OK)
        act_set_number(o, "ring-s", seconds);
    json_object_set_new(o, "settings", act_settings(u->settings));
    json_array_append_new(arg, o);
    return true;
}

json_t *act_group_list(const struct request *r)
{
    const struct directory_view *view = directory_take(r->a->config.directory);
    json_t                      *out = act_ok(), *list = json_array();
    enum err                     e = directory_each(view, add_group, list);

    directory_give(view);
    json_object_set_new(out, "groups", list);
    if (e == ERR_OK)
        return out;
    json_decref(out);
    return act_failed_err("the groups cannot be listed", e);
}
