/* rlmi.c - resource lists: one subscription for all the lamps of a phone (RFC 4662).
 *
 * Room      server/presence.
 * Lists     "blf-1001": the numbers of user 1001's setting blf-list; "blf-all": every user. For the packages dialog and
 *           presence.
 * Bodies    multipart/related: the rlmi document first, then a whole document for each member that is in it; first all
 *           members (fullState), then those that have changed. Members that may not be watched are said to be rejected.
 * Large     what does not fit into one datagram follows with the next NOTIFY: until then the member has no instance.
 * Touches   the sub's watches; the shard's scratch arena. */
#include <string.h>

#include "server/presence/presence_priv.h"

enum {
    LIST_MAX_MEMBERS = 256,
    BOUNDARY_OCTETS = STACK_TOKEN_OCTETS,
    DATAGRAM_OCTETS = 40 * 1024, /* of parts in one NOTIFY by UDP, beside the list itself */
    STREAM_OCTETS = PRESENCE_MAX_BODY_OCTETS - 64 * 1024,
    PART_OCTETS = 512,           /* what a part takes beside its document */
    MEMBER_OCTETS = 64 * 1024    /* of scratch for one member: used again for the next */
};

#define PREFIX S("blf-")
#define ALL S("blf-all")

struct members {
    struct slice number[1 + LIST_MAX_MEMBERS]; /* the first is the list itself: its own changes are watched too */
    size_t       n;
};

/* ---- which ---- */

void rlmi_put_name(struct buf *b, struct slice number)
{
    buf_puts(b, PREFIX, number);
}

static struct slice setting_of(const struct directory_view *view, struct slice list)
{
    const struct directory_user *u = directory_user(view, slice_from(list, PREFIX.n));

    return u ? directory_setting(u, S("blf-list")) : SLICE_NONE;
}

bool rlmi_is(const struct presence_asker *who, const struct presence_package *package)
{
    if (!slice_starts(who->target, PREFIX) || (!slice_ieq(package->name, S("dialog")) && !slice_ieq(package->name, S("presence"))))
        return false;
    return !directory_user(who->view, who->target) && (slice_eq(who->target, ALL) || setting_of(who->view, who->target).n > 0);
}

static bool add(void *arg, const struct directory_user *u)
{
    struct members *m = arg;

    if (m->n <= LIST_MAX_MEMBERS)
        m->number[m->n++] = u->number;
    return m->n <= LIST_MAX_MEMBERS;
}

static bool is_among(const struct members *m, struct slice number)
{
    for (size_t i = 1; i < m->n; i++)
        if (slice_eq(m->number[i], number))
            return true;
    return false;
}

static void find_members(const struct directory_view *view, struct slice list, struct members *out)
{
    struct slice rest = setting_of(view, list);
    size_t       at;

    out->number[0] = list;
    out->n = 1;
    if (slice_eq(list, ALL)) {
        directory_each(view, add, out);
        return;
    }
    while (rest.n > 0 && out->n <= LIST_MAX_MEMBERS) {
        struct slice one;

        at = slice_find(rest, ',');
        one = slice_trim(slice_to(rest, at));
        rest = at == SIZE_MAX ? SLICE_NONE : slice_from(rest, at + 1);
        if (one.n && !is_among(out, one))
            out->number[out->n++] = one;
    }
}

enum err rlmi_watch(struct sub *s, const struct directory_view *view)
{
    struct members m;
    bool           same;

    find_members(view, s->number, &m);
    same = m.n == s->n_watch;
    for (size_t i = 0; same && i < m.n; i++)
        same = slice_eq(m.number[i], s->watch[i].number);
    if (same)
        return ERR_OK;
    s->forced = true; /* who is in it is a part of what is told */
    return sub_watch(s, m.number, m.n);
}

/* ---- what is told ---- */

struct writing {
    const struct sub          *s;
    const struct presence_ask *ask;
    struct buf                *root, parts, one;
    struct presence_elements   el; /* of one member: always in full */
    struct arena               scratch;
    char                      *member;
    char                       boundary_text[BOUNDARY_OCTETS];
    struct slice               boundary;
};

static void put_cid(const struct writing *w, struct buf *b, size_t i)
{
    buf_putu(b, i);
    buf_putc(b, '.');
    buf_putu(b, w->ask->version);
    buf_puts(b, S("."), w->boundary, S("@strowger"));
}

static void put_part_head(const struct writing *w, struct buf *b, size_t cid, struct slice type)
{
    buf_puts(b, S("--"), w->boundary, S("\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <"));
    put_cid(w, b, cid);
    buf_puts(b, S(">\r\nContent-Type: "), type, S("\r\n\r\n"));
}

/* One member's document into w->one. */
static enum err put_document(struct writing *w, struct slice number, uint32_t version)
{
    struct presence_ask ask = *w->ask;

    ask.number = number;
    ask.version = version;
    ask.full = true;
    ask.elements = &w->el;
    arena_init_fixed(&w->scratch, w->member, MEMBER_OCTETS);
    ask.scratch = &w->scratch;
    w->el.n_now = w->el.n_was = w->el.gone_at = 0;
    buf_reset(&w->one);
    return w->s->package->put(w->s->package->ctx, &ask, &w->one);
}

enum instance { INSTANCE_NONE, INSTANCE_ACTIVE, INSTANCE_REJECTED };

static void put_resource(struct writing *w, struct slice number, size_t cid, enum instance how)
{
    const struct directory_user *u = directory_user(w->ask->view, number);

    buf_put(w->root, S("<resource uri=\""));
    presence_put_uri(w->root, number, w->ask->host);
    buf_put(w->root, S("\">"));
    if (u && u->name.n) {
        buf_put(w->root, S("<name>"));
        presence_put_xml(w->root, u->name);
        buf_put(w->root, S("</name>"));
    }
    if (how == INSTANCE_ACTIVE) {
        buf_put(w->root, S("<instance id=\"1\" state=\"active\" cid=\""));
        put_cid(w, w->root, cid);
        buf_put(w->root, S("\"/>"));
    } else if (how == INSTANCE_REJECTED)
        buf_put(w->root, S("<instance id=\"1\" state=\"terminated\" reason=\"rejected\"/>"));
    buf_put(w->root, S("</resource>\n"));
}

/* A member that is due and has no room left: it is named where all must be, and its state comes with the next NOTIFY. */
static bool must_wait(struct writing *w, size_t i, uint64_t id)
{
    size_t most = transport_is_reliable((enum transport_kind)w->s->flow.kind) ? STREAM_OCTETS : DATAGRAM_OCTETS;

    if (w->parts.n == 0 || w->parts.n + w->one.n + PART_OCTETS <= most || !presence_element_due(w->ask, id, buf_slice(&w->one)))
        return false;
    if (w->ask->full)
        put_resource(w, w->s->watch[i].number, i, INSTANCE_NONE);
    w->ask->elements->more = true;
    return true;
}

/* The id by which the elements know a member, and its state without the version, which would be new each time. */
static enum err put_member(struct writing *w, size_t i)
{
    const struct hash_key plain = {0x6c697374, 0};
    struct presence_ask   ask = *w->ask;
    struct slice          number = w->s->watch[i].number;
    uint64_t              id = hash_octets(&plain, number);
    bool                  active;
    enum err              e = ERR_OK;

    ask.number = number;
    active = w->s->package->may(w->s->package->ctx, &ask) == PRESENCE_YES;
    buf_reset(&w->one);
    if (active)
        e = put_document(w, number, 0);
    if (e || must_wait(w, i, id) || !presence_element(w->ask, id, buf_slice(&w->one)))
        return e;
    put_resource(w, number, i, active ? INSTANCE_ACTIVE : INSTANCE_REJECTED);
    if (!active || (e = put_document(w, number, w->ask->version)))
        return e;
    put_part_head(w, &w->parts, i, w->s->package->content_type);
    buf_puts(&w->parts, buf_slice(&w->one), S("\r\n"));
    return buf_err(&w->parts);
}

static void put_root_head(struct writing *w)
{
    put_part_head(w, w->root, 0, S("application/rlmi+xml;charset=\"UTF-8\""));
    buf_put(w->root, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<list xmlns=\"urn:ietf:params:xml:ns:rlmi\" uri=\""));
    presence_put_uri(w->root, w->ask->number, w->ask->host);
    buf_put(w->root, S("\" version=\""));
    buf_putu(w->root, w->ask->version);
    buf_puts(w->root, S("\" fullState=\""), w->ask->full ? S("true") : S("false"), S("\">\n"));
}

static enum err take_rooms(struct writing *w)
{
    struct arena *a = w->ask->scratch;
    char         *parts = arena_alloc(a, PRESENCE_MAX_BODY_OCTETS), *one = arena_alloc(a, PRESENCE_MAX_BODY_OCTETS / 2);

    w->el.now = arena_alloc(a, PRESENCE_MAX_ELEMENTS * sizeof *w->el.now);
    w->member = arena_alloc(a, MEMBER_OCTETS);
    if (!parts || !one || !w->el.now || !w->member)
        return ERR_NOMEM;
    w->el.full = true;
    buf_init(&w->parts, parts, PRESENCE_MAX_BODY_OCTETS);
    buf_init(&w->one, one, PRESENCE_MAX_BODY_OCTETS / 2);
    return ERR_OK;
}

enum err rlmi_put(const struct sub *s, const struct presence_ask *ask, struct buf *body, struct buf *type)
{
    struct writing w = {.s = s, .ask = ask, .root = body};
    struct buf     b = BUF_ON(w.boundary_text);
    enum err       e = take_rooms(&w);

    stack_put_token(s->p->config.rng, &b);
    w.boundary = buf_slice(&b);
    put_root_head(&w);
    for (size_t i = 1; i < s->n_watch && !e; i++)
        e = put_member(&w, i);
    if (e)
        return e;
    buf_puts(body, S("</list>\r\n"), buf_slice(&w.parts), S("--"), w.boundary, S("--\r\n"));
    buf_put(type, S("multipart/related;type=\"application/rlmi+xml\";start=\"<"));
    put_cid(&w, type, 0);
    buf_puts(type, S(">\";boundary=\""), w.boundary, S("\""));
    return buf_err(body);
}
