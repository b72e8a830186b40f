/* item.c - small questions to one message: numbers, Contact, hold, Refer-To.
 *
 * Room      trace (pure). Touches nothing. */
#include "sdp/sdp.h"
#include "trace/trace_priv.h"

enum { MAX_SPEAKERS = 8 }; /* transfers of transfers, all of them carried out by the exchange */

struct slice user_of_uri(struct slice uri)
{
    struct uri u;

    return uri_parse(uri, &u, NULL) == ERR_OK ? u.user : SLICE_NONE;
}

struct slice item_user(const struct item *i, enum hdr_id id)
{
    struct name_addr na;

    return msg_name_addr(i->m, id, &na) == ERR_OK && !na.star ? user_of_uri(na.uri) : SLICE_NONE;
}

int item_side_of(const struct trace_inside *t, const struct item *i, const struct trace_reason *r)
{
    if (time_of(i) != r->time_us)
        return time_of(i) < r->time_us ? -1 : 1;
    if (!r->next || i->partial) /* a part of one has no place among the messages */
        return 0;
    return (size_t)(i->in - t->in->messages) < r->next ? -1 : 1;
}

size_t item_origin(const struct trace_inside *t, size_t item)
{
    while (t->items[item].cause != NONE)
        item = t->items[item].cause;
    return item;
}

size_t link_of_kind(const struct trace_inside *t, size_t call, enum trace_link_kind kind)
{
    size_t l = t->calls[call].made_by;

    while (l != NONE && t->links[l].kind != kind)
        l = t->links[l].next;
    return l;
}

const struct link *link_foremost(const struct trace_inside *t, size_t call)
{
    const struct link *best = NULL;

    for (size_t l = t->calls[call].made_by; l != NONE; l = t->links[l].next)
        if (!best || t->links[l].kind == TRACE_LINK_REFER || t->links[l].kind == TRACE_LINK_REDIRECT)
            best = &t->links[l];
    return best;
}

size_t refer_transferee(const struct trace_inside *t, const struct item *refer)
{
    const struct call *c = &t->calls[refer->call];

    return call_speaker(t, refer->call, refer->from == c->caller ? c->callee : c->caller);
}

size_t call_speaker(const struct trace_inside *t, size_t call, size_t end)
{
    for (int depth = 0; depth < MAX_SPEAKERS && end_is_exchange(t, end); depth++) {
        size_t             l = link_of_kind(t, call, TRACE_LINK_REFER);
        const struct item *r;

        if (l == NONE || end != t->calls[call].caller)
            return end;
        r = &t->items[item_origin(t, t->links[l].item)];
        call = r->call;
        end = r->from == t->calls[call].caller ? t->calls[call].callee : t->calls[call].caller;
    }
    return end;
}

struct slice item_request_user(const struct item *i)
{
    return user_of_uri(i->m->uri);
}

struct slice item_contact(const struct item *i)
{
    struct name_addr na;

    return msg_name_addr(i->m, HDR_CONTACT, &na) == ERR_OK && !na.star ? na.uri : SLICE_NONE;
}

bool item_is_focus(const struct item *i)
{
    struct name_addr na;

    return msg_name_addr(i->m, HDR_CONTACT, &na) == ERR_OK && !na.star && msg_has_param(na.params, S("isfocus"));
}

bool item_holds(const struct item *i)
{
    const struct sdp_media *audio;
    struct slice            body;
    struct sdp              sdp;

    if (msg_find_body(i->m, S("application"), S("sdp"), &body) || sdp_parse(body, &sdp, NULL))
        return false;
    audio = sdp_find(&sdp, SDP_AUDIO);
    return audio && sdp_is_hold(audio);
}

bool still_held(const struct trace_inside *t, size_t n, uint64_t until_us)
{
    const struct item *hold = &t->items[n];

    for (size_t k = hold->next; k != NONE && time_of(&t->items[k]) <= until_us; k = t->items[k].next) {
        const struct item *i = &t->items[k];

        if (i->dialog != hold->dialog || !is_request(i) || i->original != NONE)
            continue;
        if (i->method_id == METHOD_BYE)
            return false;
        if (i->method_id == METHOD_INVITE && slice_eq(i->from_tag, hold->from_tag) && i->cseq > hold->cseq)
            return item_holds(i);
    }
    return true;
}

enum err refer_target(const struct item *refer, struct uri *out)
{
    struct name_addr na;
    enum err         e = msg_name_addr(refer->m, HDR_REFER_TO, &na);

    return e ? e : uri_parse(na.uri, out, NULL);
}

enum err refer_replaces(struct trace_inside *t, const struct item *refer, struct slice *value)
{
    struct uri   u;
    struct slice escaped;
    struct buf   b;
    char        *room;
    enum err     e = refer_target(refer, &u);

    if (e || (e = uri_header(&u, S("Replaces"), &escaped)))
        return e;
    if (!(room = arena_alloc(t->a, escaped.n + 1)))
        return t->err = ERR_NOMEM; /* most who ask take any failure for "there is none" */
    buf_init(&b, room, escaped.n + 1);
    uri_put_unescaped(&b, escaped);
    *value = buf_slice(&b);
    return ERR_OK;
}

bool refer_names(const struct item *refer, const struct item *invite)
{
    struct uri target, asked;

    if (refer_target(refer, &target))
        return false;
    if (uri_parse(invite->m->uri, &asked, NULL) == ERR_OK &&
        (target.user.n ? uri_text_equal(target.user, asked.user) : uri_host_equal(target.host, asked.host)))
        return true;
    return target.user.n && uri_text_equal(target.user, item_user(invite, HDR_TO));
}
