/* find_route.c - requests within a dialog that do not go where the dialog says: route set, remote target.
 *
 * Room      trace (pure). In: dialogs, items. Out: findings. RFC 3261 §12.1, §12.2.1.1, §16.12.
 * Looked at is the request as its maker sent it. The caller's route set is the Record-Route of the 2xx as the caller got
 * it, from the last; the callee's that of the INVITE as the callee got it, from the first. Routes in front of it
 * (an outbound proxy) are lawful; a strict router's set is not judged. */
#include "trace/trace_priv.h"

enum {
    MAX_ROUTES = 16,
    MAX_LOOK = 1024 /* messages before a request that are looked at for a Contact; what lies further back accuses nobody */
};

struct routes {
    struct slice uri[MAX_ROUTES];
    size_t       n;
};

static void read_routes(const struct item *i, enum hdr_id id, struct routes *out)
{
    struct msg_list  it = msg_list_begin(i->m, id);
    struct slice     element;
    struct name_addr na;

    out->n = 0;
    while (out->n < MAX_ROUTES && msg_list_next(&it, &element))
        if (!name_addr_parse(element, &na))
            out->uri[out->n++] = na.uri;
}

static void reverse(struct routes *r)
{
    for (size_t i = 0; i < r->n / 2; i++) {
        struct slice s = r->uri[i];

        r->uri[i] = r->uri[r->n - 1 - i];
        r->uri[r->n - 1 - i] = s;
    }
}

/* Parameters are left out of it: proxies decorate them, phones lose some. User, host and port must be the same. */
static bool same_place(struct slice a, struct slice b)
{
    struct uri x, y;

    if (slice_eq(a, b))
        return true;
    return !uri_parse(a, &x, NULL) && !uri_parse(b, &y, NULL) && uri_text_equal(x.user, y.user) &&
           uri_host_equal(x.host, y.host) && x.port == y.port;
}

static bool is_loose(struct slice route)
{
    struct uri u;

    return uri_parse(route, &u, NULL) == ERR_OK && uri_has_param(&u, S("lr"));
}

/* Does `there` end with `wanted`? */
static bool ends_with(const struct routes *there, const struct routes *wanted)
{
    if (there->n < wanted->n)
        return false;
    for (size_t i = 0; i < wanted->n; i++)
        if (!same_place(there->uri[there->n - wanted->n + i], wanted->uri[i]))
            return false;
    return true;
}

static void put_routes(struct buf *b, const struct routes *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (i)
            buf_put(b, S(", "));
        buf_putc(b, '<');
        put_wire(b, r->uri[i]);
        buf_putc(b, '>');
    }
}

/* The route set of that side; false when it is not known. */
static bool route_set(const struct trace_inside *t, const struct dialog *d, int side, struct routes *out)
{
    size_t seen = side ? d->invite_seen : d->answer_seen;

    if (seen == NONE || t->items[seen].to != d->end[side])
        return false;
    read_routes(&t->items[seen], HDR_RECORD_ROUTE, out);
    if (!side)
        reverse(out);
    return out->n > 0;
}

static void find_lost_route(struct trace_inside *t, size_t n, const struct dialog *d, int side)
{
    const struct item *i = &t->items[n];
    struct routes      wanted, there;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (!route_set(t, d, side, &wanted) || !is_loose(wanted.uri[0]))
        return;
    read_routes(i, HDR_ROUTE, &there);
    if (ends_with(&there, &wanted))
        return;
    put_end(&b, t, i->story, i->from);
    buf_put(&b, S("'s "));
    put_wire(&b, i->method);
    buf_put(&b, S(" does not follow the route set of the call: it should have Route "));
    put_routes(&b, &wanted);
    buf_put(&b, there.n ? S(" and has ") : S(" and has none"));
    put_routes(&b, &there);
    buf_putc(&b, '.');
    fault_add(t, &(struct fault){TRACE_ERROR, "RFC 3261", "12.2.1.1", n, NONE}, &b);
}

/* --- remote target ------------------------------------------------------------------------------------------------------------ */

static bool refreshes_target(const struct item *i)
{
    return i->method_id == METHOD_INVITE || i->method_id == METHOD_UPDATE || i->method_id == METHOD_REFER ||
           i->method_id == METHOD_SUBSCRIBE || i->method_id == METHOD_NOTIFY || i->method_id == METHOD_PRACK;
}

/* Did this side hear that Contact, up to message n? *last gets the one it heard last. */
static bool heard_contact(const struct trace_inside *t, const struct dialog *d, int side, size_t n, struct slice *last)
{
    unsigned looked = 0;

    for (size_t k = t->items[n].prev; k != NONE; k = t->items[k].prev) {
        const struct item *i = &t->items[k];
        struct slice       contact;

        if (looked++ == MAX_LOOK)
            return true;
        if (i->to != d->end[side] || !refreshes_target(i) || status_of(i) >= 300)
            continue;
        if (i->to_tag.n && !slice_eq(i->to_tag, d->tag[0]) && !slice_eq(i->to_tag, d->tag[1]))
            continue; /* of another dialog of a fork */
        contact = item_contact(i);
        if (!contact.n)
            continue;
        if (!last->n)
            *last = contact;
        if (same_place(contact, t->items[n].m->uri))
            return true;
    }
    return false;
}

static void find_wrong_target(struct trace_inside *t, size_t n, const struct dialog *d, int side)
{
    const struct item *i = &t->items[n];
    struct slice       last = SLICE_NONE;
    struct routes      wanted;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (heard_contact(t, d, side, n, &last) || !last.n)
        return;
    if (route_set(t, d, side, &wanted) && !is_loose(wanted.uri[0]))
        return; /* a strict router's address stands in the Request-URI */
    put_end(&b, t, i->story, i->from);
    buf_put(&b, S("'s "));
    put_wire(&b, i->method);
    buf_put(&b, S(" asks for "));
    put_wire(&b, i->m->uri);
    buf_put(&b, S(", and the other side's Contact is "));
    put_wire(&b, last);
    buf_putc(&b, '.');
    fault_add(t, &(struct fault){TRACE_ERROR, "RFC 3261", "12.2.1.1", n, NONE}, &b);
}

static bool is_acknowledged_refusal(const struct trace_inside *t, const struct item *i)
{
    return i->method_id == METHOD_ACK && i->tsx != NONE && tsx_status(t, &t->tsxs[i->tsx]) >= 300;
}

void find_route_faults(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_items; n++) {
        const struct item   *i = &t->items[n];
        const struct dialog *d = i->dialog == NONE ? NULL : &t->dialogs[i->dialog];
        int                  side;

        if (!d || i->story == NONE || i->original != NONE || !item_in_dialog(i) || i->cause != NONE || i->n_vias != 1 ||
            i->method_id == METHOD_CANCEL || is_acknowledged_refusal(t, i) || d->answer == NONE)
            continue;
        side = dialog_side(d, i->from_tag);
        if (i->from != d->end[side] || end_is_exchange(t, i->from))
            continue; /* the exchange speaks for somebody */
        find_lost_route(t, n, d, side);
        find_wrong_target(t, n, d, side);
    }
}
