/* conference_info.c - who is in a conference, for those who watch it (RFC 4575).
 *
 * Room      server/voice.
 * In        server/presence, in any shard.
 * Touches   v->conferences, under v->lock, to read. Bodies always tell all. */
#include "server/voice/voice_priv.h"

enum { EXPIRES_S = 3600, MEMBER_OCTETS = 6 * VOICE_URI_OCTETS + 256 };

void conference_tell(struct voice *v, struct slice id)
{
    if (v->presence)
        presence_changed(v->presence, S("conference"), id);
}

static enum presence_may may(void *ctx, const struct presence_ask *ask)
{
    struct voice *v = ctx;
    bool          there;

    if (!slice_eq(voice_app_of(v, ask->number), voice_app_name(VOICE_CONFERENCE)))
        return PRESENCE_NOT_OURS;
    spin_lock(&v->lock);
    there = conference_find(v, ask->number) != NULL;
    spin_unlock(&v->lock);
    return there ? PRESENCE_YES : PRESENCE_NOBODY;
}

static void put_member(struct buf *b, const struct party *p)
{
    buf_put(b, S("<user entity=\""));
    presence_put_xml(b, (struct slice){p->uri, p->uri_n});
    buf_put(b, S("\" state=\"full\"><endpoint entity=\""));
    presence_put_xml(b, (struct slice){p->uri, p->uri_n});
    buf_puts(b, S("\"><status>"), p->dialog_n ? S("connected") : S("pending"), S("</status></endpoint></user>"));
}

/* The members, and how many. */
static void put_members(struct voice *v, struct slice id, struct buf *b, unsigned *n)
{
    struct conference *c;

    *n = 0;
    spin_lock(&v->lock);
    c = conference_find(v, id);
    for (struct list_node *m = c ? list_first(&c->members) : NULL; m; m = list_next(&c->members, m)) {
        put_member(b, LIST_OF(m, struct party, member));
        ++*n;
    }
    spin_unlock(&v->lock);
}

static enum err put(void *ctx, const struct presence_ask *ask, struct buf *body)
{
    size_t     octets = (size_t)MEDIA_MIX_MAX * MEMBER_OCTETS;
    char      *room = arena_alloc(ask->scratch, octets);
    struct buf members;
    unsigned   n;

    if (!room)
        return ERR_NOMEM;
    buf_init(&members, room, octets);
    put_members(ctx, ask->number, &members, &n);
    (void)presence_element(ask, 1, buf_slice(&members)); /* all of it is one part: then nothing is sent that says nothing new */
    buf_put(body, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<conference-info xmlns=\"urn:ietf:params:xml:ns:conference-info\" entity=\""));
    presence_put_uri(body, ask->number, ask->host);
    buf_put(body, S("\" state=\"full\" version=\""));
    buf_putu(body, ask->version);
    buf_put(body, S("\"><conference-state><user-count>"));
    buf_putu(body, n);
    buf_puts(body, S("</user-count><active>true</active></conference-state><users>"), buf_slice(&members),
             S("</users></conference-info>\n"));
    return buf_err(&members) ? ERR_LIMIT : buf_err(body);
}

enum err voice_watch(struct voice *v, struct presence *p)
{
    const struct presence_package package = {.name = S("conference"),
                                             .content_type = S("application/conference-info+xml"),
                                             .default_s = EXPIRES_S,
                                             .may = may,
                                             .put = put,
                                             .ctx = v};
    enum err e = presence_add_package(p, &package);

    if (!e)
        v->presence = p;
    return e;
}
