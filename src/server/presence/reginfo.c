/* reginfo.c - the package `reg`: where a user's phones are registered (RFC 3680).
 *
 * Room      server/presence.
 * In        the bindings of server/location; its changes tell presence_changed().
 * Full      each document has all there is: it is short, and a binding that is not in it is gone. A refresh alone is no news.
 * Touches   nothing. */
#include "server/presence/presence_priv.h"

/* Where somebody's phones are is for himself to know. */
static enum presence_may may(void *ctx, const struct presence_ask *ask)
{
    enum presence_may m = may_watch(ask);

    (void)ctx;
    return m == PRESENCE_YES && !slice_eq(ask->number, ask->subscriber) ? PRESENCE_FORBIDDEN : m;
}

static uint64_t seconds(int64_t ms)
{
    return ms > 0 ? (uint64_t)ms / 1000 : 0;
}

static void put_q(struct buf *b, uint16_t q)
{
    if (q == 1000)
        return;
    buf_put(b, S(" q=\"0."));
    buf_putu_wide(b, q, 3);
    buf_putc(b, '"');
}

static void put_contact(const struct presence_ask *ask, struct buf *b, const struct location_binding *c)
{
    buf_put(b, S("<contact id=\"c"));
    buf_putu(b, c->slot);
    buf_put(b, S("\" state=\"active\" event=\"registered\" duration-registered=\""));
    buf_putu(b, seconds(ask->now_ms - c->registered_ms));
    buf_put(b, S("\" expires=\""));
    buf_putu(b, seconds(c->expires_ms - ask->now_ms));
    buf_put(b, S("\""));
    put_q(b, c->q);
    buf_put(b, S(" callid=\""));
    presence_put_xml(b, c->call_id);
    buf_put(b, S("\" cseq=\""));
    buf_putu(b, c->cseq);
    buf_put(b, S("\"><uri>"));
    presence_put_xml(b, c->contact);
    buf_put(b, S("</uri>"));
    if (c->instance.n) {
        buf_put(b, S("<unknown-param name=\"+sip.instance\">\"&lt;"));
        presence_put_xml(b, c->instance);
        buf_put(b, S("&gt;\"</unknown-param>"));
    }
    buf_put(b, S("</contact>\n"));
}

/* What makes a binding another one; its times do not. */
static bool is_news(const struct presence_ask *ask, const struct location_binding *c)
{
    char       room[LOCATION_MAX_CONTACT + LOCATION_MAX_CALL_ID + LOCATION_MAX_INSTANCE + 16];
    struct buf b = BUF_ON(room);

    buf_puts(&b, c->contact, S(" "), c->call_id, S(" "), c->instance, S(" "));
    buf_putu(&b, c->q);
    return presence_element(ask, c->slot, buf_slice(&b));
}

static enum err put(void *ctx, const struct presence_ask *ask, struct buf *body)
{
    struct location_binding *list;
    uint64_t                 gone;
    size_t                   n;
    enum err                 e = location_lookup(ctx, ask->number, ask->now_ms, ask->scratch, &list, &n);

    if (e)
        return e;
    buf_put(body, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\""));
    buf_putu(body, ask->version);
    buf_put(body, S("\" state=\"full\">\n<registration aor=\""));
    presence_put_uri(body, ask->number, ask->host);
    buf_puts(body, S("\" id=\"r\" state=\""), n ? S("active") : S("terminated"), S("\">\n"));
    for (size_t i = 0; i < n; i++) {
        is_news(ask, &list[i]);
        put_contact(ask, body, &list[i]);
    }
    while (presence_gone(ask, &gone))
        ;
    buf_put(body, S("</registration>\n</reginfo>\n"));
    return buf_err(body);
}

enum err add_reginfo(struct presence *p, struct location *l)
{
    return presence_add_package(p, &(struct presence_package){.name = S("reg"), .content_type = S("application/reginfo+xml"),
                                                              .default_s = 3600, .may = may, .put = put, .ctx = l});
}
