/* sips.c - what is asked of a sips URI goes on by TLS, or not at all (RFC 3261 §26.2.2).
 *
 * Room      server/proxy.
 * In        fork.c and within.c, before a request is sent on.
 * Touches   nothing. */
#include "server/proxy/proxy_priv.h"

bool proxy_is_sips(struct slice uri)
{
    return uri.n > 4 && uri.p[4] == ':' && slice_istarts(uri, S("sips:")); /* mostly it is "sip:" */
}

/* A name that is yet to be resolved leads there when its URI says so. */
static bool leads_by_tls(const struct stack_send *s)
{
    struct slice transport;

    if (s->flow)
        return s->flow->kind == TRANSPORT_TLS || s->flow->kind == TRANSPORT_WSS;
    return s->next_hop->scheme == URI_SIPS ||
           (uri_param(s->next_hop, S("transport"), &transport) == ERR_OK && slice_ieq(transport, S("tls")));
}

enum err proxy_check_sips(struct slice uri, const struct stack_send *s)
{
    return !proxy_is_sips(uri) || leads_by_tls(s) ? ERR_OK : ERR_UNSUPPORTED;
}
