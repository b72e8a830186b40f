/* features.c - what a user's settings say to the plan of a call.
 *
 * Room      server/directory.
 * Touches   nothing: it reads a view. */
#include "server/directory/directory_priv.h"
#include "sip/uri/uri.h"

/* A URI at a domain of ours is the number in it, so that who is called twice is seen to be the same. One with escapes stays
 * as it is: the proxy undoes them. */
static struct slice target_of(const struct directory_view *v, struct slice value)
{
    struct uri u;

    if (slice_find(value, ':') == SIZE_MAX || uri_parse(value, &u, NULL) || u.scheme == URI_TEL || u.user.n == 0 ||
        slice_find(u.user, '%') != SIZE_MAX || !directory_host_is_ours(v, u.host))
        return value;
    return u.user;
}

static void read_forward(const struct directory_view *v, struct slice key, struct slice value, struct plan_callee *out)
{
    static const struct {
        const char     *key;
        enum plan_cause cause;
    } forwards[] = {{"always", PLAN_CAUSE_ALWAYS},
                    {"busy", PLAN_CAUSE_BUSY},
                    {"noanswer", PLAN_CAUSE_NO_ANSWER},
                    {"unregistered", PLAN_CAUSE_UNREGISTERED}};
    uint32_t seconds;

    if (slice_eq(key, S("noanswer_s")) && slice_u32(value, &seconds) == ERR_OK)
        out->noanswer_ms = seconds * 1000;
    for (size_t i = 0; i < sizeof forwards / sizeof forwards[0]; i++)
        if (slice_eq(key, slice_z(forwards[i].key)))
            out->forward[forwards[i].cause] = target_of(v, value);
}

static void read_group(struct slice key, struct slice value, struct plan_callee *out)
{
    uint32_t seconds;

    if (slice_eq(key, S("members")))
        out->members = value;
    else if (slice_eq(key, S("how")))
        out->how = slice_eq(value, S("turn")) ? PLAN_HOW_TURN : slice_eq(value, S("idle")) ? PLAN_HOW_IDLE : PLAN_HOW_ALL;
    else if (slice_eq(key, S("ring_s")) && slice_u32(value, &seconds) == ERR_OK)
        out->ring_ms = seconds * 1000;
}

static void read_ring(struct slice key, struct slice value, struct plan_callee *out)
{
    static const struct slice rings[PLAN_RING_N] = {
        [PLAN_RING_INTERNAL] = {"internal", 8}, [PLAN_RING_EXTERNAL] = {"external", 8}, [PLAN_RING_FORWARDED] = {"forwarded", 9}};

    for (size_t i = 0; i < PLAN_RING_N; i++)
        if (slice_eq(key, rings[i]))
            out->ring[i] = value;
}

enum plan_code directory_code(const struct directory_view *v, struct slice dialled, struct slice *rest)
{
    enum plan_code code = plan_code_find(&v->d->codes, dialled, rest);

    if (code == PLAN_CODE_NONE || !directory_user(v, dialled)) /* hardly any number begins like a code: then nobody is looked for */
        return code;
    *rest = dialled;
    return PLAN_CODE_NONE;
}

static bool is_member(struct slice members, struct slice number)
{
    struct slice one;

    for (bool more = members.n > 0; more;) {
        more = slice_cut(&members, ',', &one);
        if (slice_eq(one, number))
            return true;
    }
    return false;
}

void directory_each_colleague(const struct directory_view *v, struct slice number, bool (*each)(void *arg, struct slice number), void *arg)
{
    for (size_t i = 0; v->n_groups && i <= v->by_number.mask; i++) {
        const struct user_cell *c = v->by_number.slots[i];
        struct slice            members, one;

        if (!c || !c->u.is_group)
            continue;
        members = directory_setting(&c->u, S("group.members"));
        if (!is_member(members, number))
            continue;
        for (bool more = each(arg, c->u.number); more && members.n;) {
            slice_cut(&members, ',', &one);
            if (!slice_eq(one, number) && !each(arg, one))
                return;
        }
    }
}

void directory_plan_trunk(const struct directory_trunk *t, struct plan_trunk *out)
{
    *out = (struct plan_trunk){.name = t->name, .dial = t->dial, .preference = t->preference, .emergency = t->emergency};
}

void directory_plan_facts(const struct directory_view *v, struct slice number, struct plan_callee *out)
{
    const struct directory_user *u = directory_user(v, number);
    struct slice                 rest, key, value;

    *out = (struct plan_callee){.known = u || (v->d->conf.open_house && number.n > 0), .anybody = !u, .number = number};
    if (!u)
        return;
    out->number = u->number;
    out->name = u->name;
    out->redirect = u->redirect;
    rest = u->settings;
    out->how = u->is_group ? PLAN_HOW_ALL : PLAN_HOW_NONE;
    while (setting_next(&rest, &key, &value)) {
        if (slice_starts(key, S("forward.")))
            read_forward(v, slice_from(key, 8), value, out);
        else if (slice_starts(key, S("group.")))
            read_group(slice_from(key, 6), value, out);
        else if (slice_starts(key, S("ring.")))
            read_ring(slice_from(key, 5), value, out);
        else if (slice_eq(key, S("barred")))
            out->barred = value;
        else if (slice_eq(key, S("anonymous.reject")))
            out->rejects_anonymous = slice_eq(value, S("on"));
        else if (slice_eq(key, S("intercom")))
            out->no_intercom = slice_eq(value, S("off"));
        else if (slice_eq(key, S("dnd")))
            out->dnd = slice_eq(value, S("on"));
    }
}
