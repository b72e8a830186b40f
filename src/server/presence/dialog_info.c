/* dialog_info.c - the package `dialog`: the calls of a number, for lamps and pick-up (RFC 4235).
 *
 * Room      server/presence.
 * In        the records of server/dialogs, whatever shard they live in; who has changed one tells presence_changed().
 * Ids       call-id and tags are those of the call itself, so that a Replaces made of them (RFC 3891) names it: to the remote
 *           party `local-tag` is its peer's and `remote-tag` its own. Targets are numbers of ours where the party is ours, so
 *           that a pick-up comes through the exchange.
 * Lamps     a call that has not yet rung at a phone is not shown at the called number: there is nothing to pick up.
 * Touches   nothing. */
#include "server/presence/presence_priv.h"

enum { ONE_OCTETS = 6 * 1024 }; /* one <dialog>: a record's texts, escaped */

static bool may_know(const struct presence_ask *ask)
{
    struct plan_callee callee;

    directory_plan_facts(ask->view, ask->number, &callee);
    return callee.known;
}

enum presence_may may_watch(const struct presence_ask *ask)
{
    const struct directory_user *u = directory_user(ask->view, ask->number);

    if (!may_know(ask))
        return PRESENCE_NOBODY;
    if (!u || slice_eq(ask->number, ask->subscriber) || !slice_eq(directory_setting(u, S("watchable")), S("off")))
        return PRESENCE_YES;
    return PRESENCE_FORBIDDEN;
}

/* The exchange's own numbers have calls too: who waits in a parking place, who is in a conference. */
static enum presence_may may(void *ctx, const struct presence_ask *ask)
{
    const struct presence *p = ctx;

    if (!may_know(ask) && p->config.is_own && p->config.is_own(p->config.ctx, ask->number))
        return PRESENCE_YES;
    return may_watch(ask);
}

struct writing {
    const struct presence_ask *ask;
    struct buf                *body;
    char                      *room; /* of ONE_OCTETS */
};

/* RFC 4235 §3.7.1, as far as a proxy sees it. NULL: not shown. */
static const char *state_of(const struct dialog_record *r, enum dialog_side self)
{
    if (r->state == DIALOG_CONFIRMED)
        return "confirmed";
    if (r->state == DIALOG_ENDED || (self == DIALOG_CALLEE && r->code < 180))
        return NULL;
    if (r->side[DIALOG_CALLEE].tag.n && r->code >= 180)
        return "early";
    return r->code > 100 ? "proceeding" : "trying";
}

static void put_attribute(struct buf *b, struct slice name, struct slice value)
{
    if (!value.n)
        return;
    buf_puts(b, S(" "), name, S("=\""));
    presence_put_xml(b, value);
    buf_putc(b, '"');
}

static void put_party_uri(const struct presence_ask *ask, struct buf *b, const struct dialog_party *p)
{
    if (p->number.n)
        presence_put_uri(b, p->number, ask->host);
    else
        presence_put_xml(b, p->uri);
}

static void put_party(const struct presence_ask *ask, struct buf *b, struct slice element, const struct dialog_party *p)
{
    const struct directory_user *u = p->number.n ? directory_user(ask->view, p->number) : NULL;

    buf_puts(b, S("<"), element, S("><identity"));
    if (u)
        put_attribute(b, S("display"), u->name);
    buf_put(b, S(">"));
    put_party_uri(ask, b, p);
    buf_put(b, S("</identity><target uri=\""));
    put_party_uri(ask, b, p);
    buf_puts(b, S("\"/></"), element, S(">\n"));
}

static void put_id(struct buf *b, uint64_t id)
{
    buf_put(b, S("<dialog id=\""));
    buf_puthex64(b, id >> 33);
    buf_put(b, id >> 32 & 1 ? S("-r") : S("-i"));
    buf_puthex64(b, id & UINT32_MAX);
    buf_put(b, S("\""));
}

static void put_side(struct writing *w, struct dialog_id id, const struct dialog_record *r, enum dialog_side self)
{
    const struct dialog_party *local = &r->side[self], *remote = &r->side[!self];
    const char                *state = state_of(r, self);
    uint64_t                   element = (uint64_t)id.slot << 33 | (uint64_t)self << 32 | id.gen;
    struct buf                 b;

    if (!state)
        return;
    buf_init(&b, w->room, ONE_OCTETS);
    put_id(&b, element);
    put_attribute(&b, S("call-id"), r->call_id);
    put_attribute(&b, S("local-tag"), local->tag);
    put_attribute(&b, S("remote-tag"), remote->tag);
    buf_puts(&b, S(" direction=\""), self == DIALOG_CALLER ? S("initiator") : S("recipient"), S("\">\n<state>"), slice_z(state),
             S("</state>\n"));
    put_party(w->ask, &b, S("local"), local);
    put_party(w->ask, &b, S("remote"), remote);
    buf_put(&b, S("</dialog>\n"));
    if (presence_element(w->ask, element, buf_slice(&b)))
        buf_put(w->body, buf_slice(&b));
}

static bool put_call(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    struct writing *w = arg;

    for (int i = 0; i < 2; i++)
        if (slice_eq(r->side[i].number, w->ask->number))
            put_side(w, id, r, (enum dialog_side)i);
    return true;
}

static enum err put(void *ctx, const struct presence_ask *ask, struct buf *body)
{
    const struct presence *p = ctx;
    struct writing         w = {ask, body, arena_alloc(ask->scratch, ONE_OCTETS)};
    uint64_t               gone;

    if (!w.room)
        return ERR_NOMEM;
    buf_put(body, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\""));
    buf_putu(body, ask->version);
    buf_puts(body, S("\" state=\""), ask->full ? S("full") : S("partial"), S("\" entity=\""));
    presence_put_uri(body, ask->number, ask->host);
    buf_put(body, S("\">\n"));
    dialogs_each_of(proxy_dialogs(p->config.proxy), ask->number, put_call, &w);
    while (presence_gone(ask, &gone)) {
        if (ask->full)
            continue;
        put_id(body, gone);
        buf_put(body, S("><state>terminated</state></dialog>\n"));
    }
    buf_put(body, S("</dialog-info>\n"));
    return buf_err(body);
}

enum err add_dialog_info(struct presence *p)
{
    return presence_add_package(p, &(struct presence_package){.name = S("dialog"),
                                                              .content_type = S("application/dialog-info+xml"),
                                                              .default_s = 1800, .may = may, .put = put, .ctx = p});
}
