/* rank.c - which new requests matter most, when not all can be let in (sip/overload).
 *
 * Room      server/core.
 * In        the stack's gate, before a message has a shard: it was only glanced at.
 * Touches   nothing; what is found goes into the scratch that it is given.
 *
 * A call for help is let in whatever happens, whoever makes it: whether that one may is asked later, as ever. A REGISTER from where
 * its number is registered comes before what is new: it costs a small part of what a call costs, and a phone that cannot refresh is
 * a phone that cannot be called, and asks again and again. A REGISTER from elsewhere is as new as a call: after a power cut all
 * phones send one at once. */
#include "server/core/core_priv.h"

#include <string.h>

static bool is_for_help(struct core *c, struct arena *scratch, struct slice uri)
{
    const struct directory_view *view;
    char                        *room = arena_alloc(scratch, CORE_NUMBER_OCTETS);
    struct buf                   b;
    struct uri                   u;
    bool                         help = plan_is_sos(uri);

    if (help || !room || uri_parse(uri, &u, NULL))
        return help;
    buf_init(&b, room, CORE_NUMBER_OCTETS);
    uri_put_user_key(&b, &u);
    view = directory_take(c->directory);
    help = (u.scheme == URI_TEL || directory_host_is_ours(view, u.host)) && directory_is_emergency(view, buf_slice(&b));
    directory_give(view);
    return help;
}

static bool is_registered_there(struct core *c, struct arena *scratch, struct slice to, const struct flow *from)
{
    struct location_binding *list;
    char                    *room = arena_alloc(scratch, CORE_NUMBER_OCTETS);
    size_t                   n = 0;
    struct name_addr         na;
    struct buf               b;
    struct uri               u;

    if (!room || name_addr_parse(to, &na) || uri_parse(na.uri, &u, NULL))
        return false;
    buf_init(&b, room, CORE_NUMBER_OCTETS);
    uri_put_user_key(&b, &u);
    if (location_lookup(c->location, buf_slice(&b), 0, scratch, &list, &n)) /* whenever it ends, it was there */
        return false;
    for (size_t i = 0; i < n; i++) {
        struct flow flow;

        if (list[i].flow.n != sizeof flow)
            continue;
        memcpy(&flow, list[i].flow.p, sizeof flow);
        if (addr_same_ip(&from->remote, &flow.remote))
            return true;
    }
    return false;
}

enum overload_rank core_rank(void *ctx, struct arena *scratch, const struct overload_glance *g, const struct flow *from)
{
    if (g->method == METHOD_INVITE)
        return is_for_help(ctx, scratch, g->uri) ? OVERLOAD_URGENT : OVERLOAD_NEW;
    if (g->method == METHOD_REGISTER)
        return is_registered_there(ctx, scratch, g->to, from) ? OVERLOAD_BEGUN : OVERLOAD_NEW;
    return OVERLOAD_NEW;
}
