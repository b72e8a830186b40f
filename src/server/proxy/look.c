/* look.c - what is known about a request in a dialog: its routes, its cookie, its record; and may it pass (PROTOCOL 2.2).
 *
 * Room      server/proxy.
 * In        server/core, before it decides.
 * Touches   nothing but the shard's scratch arena. */
#include "server/proxy/proxy_priv.h"

/* Is that host and port one that we listen on, or a name of ours? Then a Route of it was meant for us. */
static bool is_ours(struct proxy *px, struct shard *sh, const struct uri *u)
{
    const struct directory_view *view;
    struct addr                  a;
    bool                         ours;

    if (uri_host_addr(u, &a) == ERR_OK) {
        a.port = u->port; /* 0: that of the transport */
        return transport_is_local(shard_transport(sh), TRANSPORT_UDP, &a) ||
               transport_is_local(shard_transport(sh), TRANSPORT_TCP, &a) ||
               transport_is_local(shard_transport(sh), TRANSPORT_TLS, &a);
    }
    view = directory_take(px->directory);
    ours = directory_host_is_ours(view, u->host);
    directory_give(view);
    return ours;
}

/* It carries a cookie of this dialog: then we have written it, whatever name of ours stands in it. */
static bool take_cookie(struct proxy *px, struct shard *sh, const struct msg *m, struct slice uri, struct proxy_within *w)
{
    /* In a dialog whose record we have, its age counts from the last request, and the record has not been swept. */
    uint64_t            now_s = w->id.gen ? 0 : proxy_wall_ms(sh) / 1000;
    struct proxy_cookie c;

    if (w->has_cookie || proxy_cookie_read(px, m, uri, w->from, now_s, &c))
        return false;
    w->cookie = c;
    w->has_cookie = true;
    if (!w->id.gen)
        w->from = c.from_caller ? DIALOG_CALLER : DIALOG_CALLEE;
    return true;
}

/* The URI of an element and what is behind it, without a look at either. */
static struct slice uri_and_rest(struct slice element)
{
    size_t angle = slice_find(element, '<');

    return angle == SIZE_MAX ? element : slice_from(element, angle + 1);
}

static void look_at_routes(struct proxy *px, struct shard *sh, const struct msg *m, struct proxy_within *w)
{
    struct msg_list it = msg_list_begin(m, HDR_ROUTE);
    struct slice    element;
    size_t          n = w->strict ? msg_element_count(m, HDR_ROUTE) : SIZE_MAX;

    while (msg_list_next(&it, &element)) {
        struct name_addr na;
        struct uri       u;

        if (it.n == n)
            return; /* the last one has become the Request-URI */
        if (!take_cookie(px, sh, m, uri_and_rest(element), w)) {
            if (name_addr_parse(element, &na) || uri_parse(na.uri, &u, NULL))
                return;
            if (!is_ours(px, sh, &u)) {
                w->next_route = na.uri;
                return;
            }
        }
        w->own_routes++;
    }
}

/* RFC 3261 §16.4: a strict router has put our Record-Route URI into the Request-URI, and the target at the end. */
static void look_at_target(struct proxy *px, struct shard *sh, const struct msg *m, struct proxy_within *w)
{
    struct slice     last;
    struct name_addr na;

    w->target = m->uri;
    if (!take_cookie(px, sh, m, m->uri, w) || msg_element_last(m, HDR_ROUTE, &last) || name_addr_parse(last, &na))
        return;
    w->strict = true;
    w->target = na.uri;
}

void proxy_look(struct proxy *px, struct shard *sh, const struct stack_in *in, struct proxy_within *out)
{
    struct dialog_key key = {msg_call_id(in->m), msg_from_tag(in->m), msg_to_tag(in->m), stack_call_hash(shard_stack(sh), in->m)};
    struct flow       flow;

    *out = (struct proxy_within){0};
    if (dialogs_find(px->dialogs, &key, shard_scratch(sh), &out->id, &out->from, &out->record))
        out->id.gen = 0;
    else
        out->on_flow = proxy_flow_of(out->record.side[out->from].flow, &flow) && flow_eq(&flow, &in->from);
    look_at_target(px, sh, in->m, out);
    look_at_routes(px, sh, in->m, out);
}

bool proxy_admits(const struct proxy_within *w)
{
    return w->has_cookie || w->on_flow;
}
