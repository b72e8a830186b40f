/* pidf.c - the package `presence`: is somebody there (RFC 3856, PIDF of RFC 3863, a person's activity of RFC 4480).
 *
 * Room      server/presence.
 * Composed  of what is published (open when any of it is), else of whether a phone is registered; and of the calls, which the
 *           exchange knows better than any phone: who talks is on the phone, whatever has been published. The note is what
 *           many phones show or go by.
 * Touches   nothing. */
#include "server/presence/presence_priv.h"

enum calls { CALLS_NONE, CALLS_RINGING, CALLS_BUSY };

struct looked {
    struct slice number;
    enum calls   calls;
};

static bool look(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    struct looked *l = arg;
    enum calls     c = CALLS_NONE;

    (void)id;
    if (r->state == DIALOG_CONFIRMED || (r->state == DIALOG_EARLY && slice_eq(r->side[DIALOG_CALLER].number, l->number)))
        c = CALLS_BUSY;
    else if (r->state == DIALOG_EARLY && r->code >= 180)
        c = CALLS_RINGING;
    l->calls = c > l->calls ? c : l->calls;
    return true;
}

struct composed {
    bool       open;
    enum calls calls;
    char       note[NOTE_OCTETS];
    size_t     n_note;
};

static enum err is_registered(struct presence *p, const struct presence_ask *ask, bool *out)
{
    struct location_binding *list;
    size_t                   n;
    enum err                 e = location_lookup(proxy_location(p->config.proxy), ask->number, ask->now_ms, ask->scratch, &list, &n);

    *out = !e && n > 0;
    return e;
}

static enum err compose(struct presence *p, const struct presence_ask *ask, struct composed *out)
{
    struct published     list[PUBLISHED_MAX_OF_NUMBER];
    struct published_key key = {package_find(p, S("presence")), ask->number, SLICE_NONE};
    size_t               n = published_list(p, &key, ask->now_ms, list);
    struct looked        l = {ask->number, CALLS_NONE};
    struct buf           note = BUF_ON(out->note);
    bool                 said = false;

    out->open = false;
    for (size_t i = 0; i < n; i++) {
        said = said || list[i].pidf.has_status;
        out->open = out->open || list[i].pidf.open;
        if (!note.n)
            buf_put(&note, (struct slice){list[i].pidf.note, list[i].pidf.n_note});
    }
    out->n_note = note.n;
    dialogs_each_of(proxy_dialogs(p->config.proxy), ask->number, look, &l);
    out->calls = l.calls;
    return said ? ERR_OK : is_registered(p, ask, &out->open);
}

static void put_note(struct buf *b, const struct composed *c)
{
    buf_put(b, S("<note>"));
    if (c->calls == CALLS_BUSY)
        buf_put(b, S("On the phone"));
    else if (c->calls == CALLS_RINGING)
        buf_put(b, S("Ringing"));
    else if (c->n_note)
        presence_put_xml(b, (struct slice){c->note, c->n_note});
    else
        buf_put(b, c->open ? S("Ready") : S("Not online"));
    buf_put(b, S("</note>"));
}

static enum err put(void *ctx, const struct presence_ask *ask, struct buf *body)
{
    struct composed c;
    enum err        e = compose(ctx, ask, &c);

    if (e)
        return e;
    buf_put(body, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
                    "xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\""));
    presence_put_uri(body, ask->number, ask->host);
    buf_puts(body, S("\">\n<tuple id=\"t\"><status><basic>"), c.open ? S("open") : S("closed"), S("</basic></status><contact>"));
    presence_put_uri(body, ask->number, ask->host);
    buf_put(body, S("</contact>"));
    put_note(body, &c);
    buf_put(body, S("</tuple>\n<dm:person id=\"p\">"));
    if (c.calls != CALLS_NONE)
        buf_put(body, S("<rpid:activities><rpid:on-the-phone/></rpid:activities>"));
    buf_put(body, S("</dm:person>\n</presence>\n"));
    presence_element(ask, 0, buf_slice(body));
    return buf_err(body);
}

static enum presence_may may(void *ctx, const struct presence_ask *ask)
{
    (void)ctx;
    return may_watch(ask);
}

enum err add_pidf(struct presence *p)
{
    return presence_add_package(p, &(struct presence_package){.name = S("presence"), .content_type = S("application/pidf+xml"),
                                                              .default_s = 3600, .may = may, .put = put, .ctx = p});
}
