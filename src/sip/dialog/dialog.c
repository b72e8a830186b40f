/* dialog.c - an end's dialog: made, refreshed, matched (RFC 3261 §12.1, §12.2).
 *
 * Room      sip/dialog (pure): what an end must remember of a dialog. No transactions, sockets or clock.
 * In        messages that the transaction user has found to concern a dialog.
 * Out       a struct dialog; heads of requests are written in head.c, a proxy's view is in way.c.
 * Touches   the dialog and its arena.
 * Must hold route[0..n_routes) and all slices point into the arena; target points into target_room. */
#include "sip/dialog/dialog.h"

#include <string.h>

/* A header field's value as it is to be written again: folds gone, copied. */
static enum err keep_value(struct arena *a, struct slice value, struct slice *out)
{
    struct slice flat;
    enum err e = msg_unfold(a, value, &flat);

    return e ? e : arena_dup(a, flat, out);
}

static enum err tag_of(struct slice value, struct slice *tag)
{
    struct name_addr na;
    enum err e = name_addr_parse(value, &na);

    if (!e)
        *tag = name_addr_tag(&na);
    return e;
}

/* The URI of the Contact, which must be one that can be written into a request line. */
static enum err contact_of(const struct msg *m, struct slice *uri)
{
    struct name_addr na;
    struct uri u;
    enum err e = msg_name_addr(m, HDR_CONTACT, &na);

    if (e)
        return e;
    if (na.star || uri_parse(na.uri, &u, NULL))
        return ERR_SYNTAX;
    *uri = na.uri;
    return ERR_OK;
}

static enum err keep_target(struct dialog *d, struct slice target)
{
    struct uri u;

    if (d->secure && (uri_parse(target, &u, NULL) || u.scheme != URI_SIPS))
        return ERR_INVALID;
    if (target.n > d->target_cap) {
        size_t cap = target.n > DIALOG_TARGET_OCTETS ? 2 * target.n : DIALOG_TARGET_OCTETS;
        char *room = arena_alloc(d->arena, cap);

        if (!room)
            return ERR_NOMEM;
        d->target_room = room;
        d->target_cap = cap;
    }
    memmove(d->target_room, target.p, target.n);
    d->target = (struct slice){d->target_room, target.n};
    return ERR_OK;
}

/* A Record-Route element as a URI. One without <> is against the grammar (RFC 3261 §20.30), but what follows it then must
 * belong to the URI: an ;lr would be lost otherwise. */
static enum err route_uri(struct slice element, struct slice *out)
{
    struct name_addr na;
    struct uri u;
    enum err e = name_addr_parse(element, &na);

    if (e)
        return e;
    *out = na.bracketed ? na.uri : slice_between(na.uri.p, element.p + element.n);
    return uri_parse(*out, &u, NULL);
}

/* Copies the Record-Route of m, in reverse for a UAC. What is there already is not touched before all is known to fit. */
static enum err keep_routes(struct dialog *d, const struct msg *m)
{
    size_t n = msg_element_count(m, HDR_RECORD_ROUTE), i = 0;
    struct msg_list it = msg_list_begin(m, HDR_RECORD_ROUTE);
    struct slice element, *route = d->route;

    if (n > DIALOG_MAX_ROUTES)
        return ERR_LIMIT;
    if (n > d->route_cap && !(route = arena_alloc(d->arena, n * sizeof *route)))
        return ERR_NOMEM;
    struct slice fresh[DIALOG_MAX_ROUTES];
    for (; i < n && msg_list_next(&it, &element); i++) {
        struct slice uri;
        enum err e = route_uri(element, &uri);
        if (e || (e = arena_dup(d->arena, uri, &fresh[d->is_uac ? n - 1 - i : i])))
            return e;
    }
    for (size_t k = 0; k < i; k++)
        route[k] = fresh[k];
    d->route = route;
    d->route_cap = n > d->route_cap ? n : d->route_cap;
    d->n_routes = i;
    return ERR_OK;
}

/* What both ends need alike: Call-ID, target, routes. */
static enum err begin(struct dialog *d, const struct msg *m)
{
    struct slice target;
    enum err e = contact_of(m, &target);

    if (e || (e = arena_dup(d->arena, msg_call_id(m), &d->call_id)))
        return e;
    if (!d->call_id.n)
        return ERR_NOTFOUND;
    if ((e = keep_target(d, target)))
        return e;
    return keep_routes(d, m);
}

enum err dialog_from_response(struct arena *a, const struct msg *response, bool secure, struct dialog *out)
{
    struct dialog d = {.arena = a, .secure = secure, .is_uac = true, .confirmed = response->status >= 200};
    struct cseq cseq;
    enum err e;

    if (response->is_request || response->status <= 100 || response->status >= 300)
        return ERR_INVALID;
    if ((e = keep_value(a, msg_value(response, HDR_FROM), &d.local)) ||
        (e = keep_value(a, msg_value(response, HDR_TO), &d.remote)) || (e = tag_of(d.local, &d.local_tag)) ||
        (e = tag_of(d.remote, &d.remote_tag)) || (e = msg_cseq(response, &cseq)))
        return e;
    if (!d.confirmed && !d.remote_tag.n)
        return ERR_INVALID;
    if ((e = begin(&d, response)))
        return e;
    d.local_cseq = cseq.number;
    *out = d;
    return ERR_OK;
}

/* To of the request with our tag behind it. */
static enum err keep_local(struct dialog *d, struct slice to, struct slice tag)
{
    struct slice flat;
    struct buf b;
    size_t cap;
    char *room;
    enum err e = msg_unfold(d->arena, to, &flat);

    if (e)
        return e;
    cap = flat.n + S(";tag=").n + tag.n;
    if (!(room = arena_alloc(d->arena, cap)))
        return ERR_NOMEM;
    buf_init(&b, room, cap);
    buf_puts(&b, flat, S(";tag="), tag);
    d->local = buf_slice(&b);
    d->local_tag = slice_from(d->local, cap - tag.n);
    return ERR_OK;
}

enum err dialog_from_request(struct arena *a, const struct dialog_uas *uas, struct dialog *out)
{
    const struct msg *m = uas->request;
    struct dialog d = {.arena = a, .secure = uas->secure, .confirmed = uas->confirmed};
    struct cseq cseq;
    enum err e;

    if (!m->is_request || !uas->local_tag.n || msg_to_tag(m).n)
        return ERR_INVALID;
    if ((e = keep_value(a, msg_value(m, HDR_FROM), &d.remote)) || (e = tag_of(d.remote, &d.remote_tag)) ||
        (e = keep_local(&d, msg_value(m, HDR_TO), uas->local_tag)) || (e = msg_cseq(m, &cseq)) || (e = begin(&d, m)))
        return e;
    d.remote_cseq = cseq.number;
    d.has_remote_cseq = true;
    *out = d;
    return ERR_OK;
}

static enum err keep_taken_routes(struct dialog *d, struct slice routes)
{
    struct slice fresh[DIALOG_MAX_ROUTES], element;
    size_t n = 0;

    for (; msg_element_next(&routes, &element); n++) {
        struct slice uri;
        enum err e;
        if (n == DIALOG_MAX_ROUTES)
            return ERR_LIMIT;
        if ((e = route_uri(element, &uri)) || (e = arena_dup(d->arena, uri, &fresh[n])))
            return e;
    }
    if (n && !(d->route = arena_alloc(d->arena, n * sizeof *d->route)))
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        d->route[i] = fresh[i];
    d->n_routes = d->route_cap = n;
    return ERR_OK;
}

enum err dialog_take_over(struct arena *a, const struct dialog_taken *t, struct dialog *out)
{
    struct dialog d = {.arena = a,
                       .confirmed = true,
                       .is_uac = t->is_uac,
                       .local_cseq = t->local_cseq,
                       .remote_cseq = t->remote_cseq,
                       .has_remote_cseq = true};
    struct uri u;
    enum err e;

    if (!t->call_id.n)
        return ERR_INVALID;
    if ((e = uri_parse(t->target, &u, NULL)) || (e = arena_dup(a, t->call_id, &d.call_id)) ||
        (e = keep_value(a, t->local, &d.local)) || (e = keep_value(a, t->remote, &d.remote)) ||
        (e = tag_of(d.local, &d.local_tag)) || (e = tag_of(d.remote, &d.remote_tag)) || (e = keep_target(&d, t->target)) ||
        (e = keep_taken_routes(&d, t->routes)))
        return e;
    *out = d;
    return ERR_OK;
}

enum err dialog_on_response(struct dialog *d, const struct msg *response)
{
    enum err e;

    if (response->is_request || response->status <= 100 || response->status >= 300)
        return ERR_INVALID;
    if (d->confirmed)
        return ERR_OK;
    if (response->status < 200)
        return dialog_refresh(d, response);
    d->confirmed = true;
    e = keep_routes(d, response);
    return e ? e : dialog_refresh(d, response);
}

bool dialog_has_request(const struct dialog *d, const struct msg *m)
{
    return m->is_request && slice_eq(msg_call_id(m), d->call_id) && slice_eq(msg_to_tag(m), d->local_tag) &&
           slice_eq(msg_from_tag(m), d->remote_tag);
}

bool dialog_has_response(const struct dialog *d, const struct msg *m)
{
    return !m->is_request && slice_eq(msg_call_id(m), d->call_id) && slice_eq(msg_from_tag(m), d->local_tag) &&
           slice_eq(msg_to_tag(m), d->remote_tag);
}

enum err dialog_take_cseq(struct dialog *d, uint32_t number)
{
    if (d->has_remote_cseq && number < d->remote_cseq)
        return ERR_STALE;
    d->remote_cseq = number;
    d->has_remote_cseq = true;
    return ERR_OK;
}

enum err dialog_refresh(struct dialog *d, const struct msg *m)
{
    struct slice target;
    enum err e = contact_of(m, &target);

    if (e == ERR_NOTFOUND)
        return ERR_OK;
    if (e || slice_eq(target, d->target))
        return e;
    return keep_target(d, target);
}

uint32_t dialog_next_cseq(struct dialog *d)
{
    return ++d->local_cseq;
}

static bool same_tag(struct slice named, struct slice tag)
{
    return slice_eq(named, tag) || (!tag.n && slice_eq(named, S("0")));
}

bool dialog_is_named(const struct dialog *d, const struct dialog_ref *ref)
{
    return slice_eq(ref->call_id, d->call_id) && same_tag(ref->to_tag, d->local_tag) &&
           same_tag(ref->from_tag, d->remote_tag);
}

struct dialog_ref dialog_ref_for_peer(const struct dialog *d)
{
    struct slice none = S("0");

    return (struct dialog_ref){
        .call_id = d->call_id,
        .to_tag = d->remote_tag.n ? d->remote_tag : none,
        .from_tag = d->local_tag,
    };
}
