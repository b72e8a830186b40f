/* redirect.c - a 3xx that the exchange follows itself, where the called user is set so (RFC 3261 §16.7 step 4).
 *
 * Room      server/proxy.
 * In        answer.c.
 * Touches   the fork: the Contacts become one more group of branches, whose turn comes when the others are done
 *           (PROTOCOL 7.5: a 302 waits with the other branches of its fork). */
#include "server/proxy/proxy_priv.h"

static bool tried_already(const struct fork *f, struct slice uri)
{
    for (size_t i = 0; i < f->n_branches; i++)
        if (slice_eq(f->branch[i]->uri, uri))
            return true;
    return false;
}

/* The bindings of a number of ours, each as a branch. */
static bool add_number(struct fork *f, struct slice number, uint16_t group)
{
    struct location_binding *list;
    struct plan_binding     *pb;
    size_t                   n, added = 0;
    struct arena            *a = shard_scratch(f->sh);

    if (location_lookup(f->px->location, number, (int64_t)proxy_wall_ms(f->sh), a, &list, &n) || n == 0 ||
        !(pb = arena_zalloc(a, n * sizeof *pb)))
        return false;
    location_plan_facts(list, n, pb);
    for (size_t i = 0; i < n; i++)
        if (!tried_already(f, pb[i].contact) && fork_add_binding(f, &pb[i], group) == ERR_OK)
            added++;
    return added > 0;
}

static bool add_contact(struct fork *f, const struct directory_view *view, struct slice uri, uint16_t group)
{
    struct location_binding b;
    struct plan_binding     pb;
    struct slice            number;

    if (location_by_contact(f->px->location, uri, (int64_t)proxy_wall_ms(f->sh), shard_scratch(f->sh), &b) == ERR_OK) {
        location_plan_facts(&b, 1, &pb);
        return !tried_already(f, pb.contact) && fork_add_binding(f, &pb, group) == ERR_OK;
    }
    number = fork_number_of(f, view, uri);
    return number.n && add_number(f, number, group); /* outside: the caller may follow it, with its own rights */
}

/* What the next ones are told of it: that the phone that was called has sent the call on (RFC 7044, RFC 5806). */
static enum err note(struct fork *f, struct slice uri, bool first)
{
    const struct stack_in *in = stack_request_of(f->sh, f->server);
    struct buf             number;
    struct uri             u;

    if (!in || uri_parse(f->target, &u, NULL) || proxy_scratch(f->sh, 3 * f->target.n + 8, &number))
        return ERR_NOTFOUND;
    uri_put_user_key(&number, &u);
    return first ? forward_note(f, in, buf_slice(&number), uri, PLAN_CAUSE_DEFLECTION) : forward_also(f, in, uri);
}

bool redirect_follow(struct fork *f, const struct msg *m)
{
    const struct directory_view *view = directory_take(f->px->directory);
    struct msg_list              it = msg_list_begin(m, HDR_CONTACT);
    uint16_t                     group = f->n_groups;
    struct slice                 element;
    struct name_addr             na;
    bool                         any = false, noted = false;

    while (msg_list_next(&it, &element)) {
        if (name_addr_parse(element, &na) || note(f, na.uri, !noted))
            continue;
        noted = true;
        if (add_contact(f, view, na.uri, group)) {
            any = true;
            proxy_say(f->sh, f->call_id, S("the redirection is followed here, as this user is set"));
        }
    }
    f->deflected = noted && !any; /* perhaps a trunk leads there */
    directory_give(view);
    return any;
}
