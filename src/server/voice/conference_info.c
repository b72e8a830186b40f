/* conference_info.c - who is in a conference, for those who watch it (RFC 4575).
 *
 * Room      server/voice.
 * In        server/presence, in any shard.
 * Touches   v->conferences, under v->lock, to read.
 * Partial   the first body tells all, later ones who has come, changed or left (§4.4): with a user's URI as its key. So all is told
 *           where two members have one URI, or somebody is not known to have left any more. */
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

struct telling {
    const struct presence_ask *ask;
    struct buf                 all, news;
    unsigned                   n;       /* members */
    bool                       unclear; /* in parts it could not be understood */
};

/* Has a member other than that one this URI? */
static bool is_there(const struct conference *c, struct slice uri, const struct party *other)
{
    for (struct list_node *m = list_first(&c->members); m; m = list_next(&c->members, m)) {
        const struct party *p = LIST_OF(m, struct party, member);

        if (p != other && slice_eq((struct slice){p->uri, p->uri_n}, uri))
            return true;
    }
    return false;
}

static void put_members(struct telling *t, const struct conference *c)
{
    for (struct list_node *m = list_first(&c->members); m; m = list_next(&c->members, m)) {
        const struct party *p = LIST_OF(m, struct party, member);
        size_t              from = t->all.n;
        struct slice        text;

        put_member(&t->all, p);
        text = slice_from(buf_slice(&t->all), from);
        if (presence_element(t->ask, p->n, text))
            buf_put(&t->news, text);
        t->unclear = t->unclear || is_there(c, (struct slice){p->uri, p->uri_n}, p);
        t->n++;
    }
}

static const struct left *left_of(const struct conference *c, uint64_t n)
{
    for (size_t i = 0; i < CONFERENCE_LEFT; i++)
        if (c->left[i].n == n)
            return &c->left[i];
    return NULL;
}

static void put_left(struct telling *t, const struct conference *c)
{
    for (uint64_t n; presence_gone(t->ask, &n);) {
        const struct left *l = left_of(c, n);

        if (!l) {
            t->unclear = true;
            continue;
        }
        if (is_there(c, (struct slice){l->uri, l->uri_n}, NULL))
            continue; /* he is back: what stands for him is new */
        buf_put(&t->news, S("<user entity=\""));
        presence_put_xml(&t->news, (struct slice){l->uri, l->uri_n});
        buf_put(&t->news, S("\" state=\"deleted\"/>"));
    }
}

static void look(struct voice *v, struct telling *t)
{
    const struct conference *c;

    spin_lock(&v->lock);
    if ((c = conference_find(v, t->ask->number))) {
        put_members(t, c);
        put_left(t, c);
    }
    spin_unlock(&v->lock);
}

static enum err put(void *ctx, const struct presence_ask *ask, struct buf *body)
{
    size_t         octets = (size_t)MEDIA_MIX_MAX * MEMBER_OCTETS;
    char          *room = arena_alloc(ask->scratch, 2 * octets);
    struct telling t = {.ask = ask};
    struct slice   how;
    bool           full;

    if (!room)
        return ERR_NOMEM;
    buf_init(&t.all, room, octets);
    buf_init(&t.news, room + octets, octets);
    look(ctx, &t);
    full = ask->full || t.unclear || buf_err(&t.news);
    how = full ? S("full") : S("partial");
    buf_put(body, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<conference-info xmlns=\"urn:ietf:params:xml:ns:conference-info\" entity=\""));
    presence_put_uri(body, ask->number, ask->host);
    buf_puts(body, S("\" state=\""), how, S("\" version=\""));
    buf_putu(body, ask->version);
    buf_put(body, S("\"><conference-state><user-count>"));
    buf_putu(body, t.n);
    buf_puts(body, S("</user-count><active>true</active></conference-state><users state=\""), how, S("\">"),
             buf_slice(full ? &t.all : &t.news), S("</users></conference-info>\n"));
    return buf_err(&t.all) ? ERR_LIMIT : buf_err(body);
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
