/* check.c - is a message fit to be worked on? RFC 3261 §8.1.1, §8.2, §16.3; RFC 4475 §3.1.2, §3.3.
 *
 * Room      sip/msg (pure).
 * In        a parsed message.
 * Out       what to answer, and the header field at fault.
 * Not here  what depends on who serves the request: extensions (420), methods (501, 405), bodies (415). */
#include "sip/msg/msg_priv.h"

struct check {
    const struct msg *m;
    bool              begun; /* more rows may come: nothing is missing yet */
    struct msg_fault  fault;
};

COLD static unsigned blame(struct check *c, unsigned code, enum hdr_id hdr, const char *what)
{
    c->fault = (struct msg_fault){.what = what, .hdr = hdr, .code = code};
    return code;
}

COLD static unsigned missing(struct check *c, enum hdr_id id)
{
    return c->begun ? 0 : blame(c, 400, id, "Missing");
}

COLD static unsigned bad(struct check *c, enum hdr_id id)
{
    return blame(c, 400, id, "Bad");
}

/* One element: does it read, and its URI too, if it is one of ours? */
static bool is_sound_name_addr(struct slice element, bool must_be_bracketed)
{
    struct msg_party p;

    msg_party_parse(element, true, &p);
    if (!p.e && p.na.star)
        return !must_be_bracketed;
    return msg_party_uri(&p) && (p.na.bracketed || !must_be_bracketed);
}

static unsigned check_party(struct check *c, enum hdr_id id)
{
    if (!msg_has(c->m, id))
        return missing(c, id);
    return (id == HDR_FROM ? msg_from_uri(c->m) : msg_to_uri(c->m)) ? 0 : bad(c, id);
}

/* callid = word [ "@" word ] */
static unsigned check_call_id(struct check *c)
{
    struct slice id = msg_call_id(c->m);

    if (!msg_has(c->m, HDR_CALL_ID))
        return missing(c, HDR_CALL_ID);
    if (!id.n || scan_behind(id.p, slice_end(id), msg_class_of, MSG_C_CALL_ID) != slice_end(id))
        return bad(c, HDR_CALL_ID);
    return 0;
}

static unsigned check_cseq(struct check *c)
{
    const struct msg *m = c->m;
    struct cseq       cseq;

    if (!msg_has(m, HDR_CSEQ))
        return missing(c, HDR_CSEQ);
    if (msg_cseq(m, &cseq))
        return bad(c, HDR_CSEQ);
    if (!m->is_request || slice_eq(cseq.method, m->method))
        return 0;
    /* a method that nobody here knows is the first thing to say (RFC 4475 §3.1.2.18) */
    return blame(c, m->method_id == METHOD_OTHER ? 501 : 400, HDR_CSEQ, "Mismatched method in");
}

static unsigned check_via(struct check *c)
{
    if (msg_via(c->m))
        return 0;
    if (!msg_has(c->m, HDR_VIA) || (c->m->read->via_e == ERR_NOTFOUND && c->begun))
        return missing(c, HDR_VIA);
    return bad(c, HDR_VIA);
}

static unsigned check_uri(struct check *c)
{
    const struct uri *u = msg_request_uri(c->m);

    if (c->m->uri.n > URI_MAX_OCTETS)
        return blame(c, 414, HDR_OTHER, "Request-URI too long");
    if (!u)
        return blame(c, 400, HDR_OTHER, "Bad Request-URI");
    if (u->scheme == URI_OTHER && !slice_istarts(c->m->uri, S("urn:service:sos"))) /* RFC 5031: a call for help has a way */
        return blame(c, 416, HDR_OTHER, "Unsupported URI scheme");
    return 0;
}

/* Every element of a list of addresses. A row without any is bad too. */
static unsigned check_addresses(struct check *c, enum hdr_id id, bool must_be_bracketed)
{
    struct msg_list it = msg_list_begin(c->m, id);
    struct slice    one;

    if (!msg_has(c->m, id))
        return 0;
    while (msg_list_next(&it, &one))
        if (!is_sound_name_addr(one, must_be_bracketed))
            return bad(c, id);
    if (it.n == MSG_MAX_ELEMENTS)
        return blame(c, 400, id, "Too many elements in");
    return it.n || c->begun ? 0 : bad(c, id);
}

/* The one element that there is; it will be asked for again. NULL: there are more, or none, or it has no URI. */
static const struct msg_party *the_only_one(struct check *c, enum hdr_id id, enum msg_read_what what)
{
    struct msg_party *p;

    if (!msg_has(c->m, id) || msg_has_several(c->m, id))
        return NULL;
    p = msg_party(c->m, what, true);
    return p->is_row && msg_party_uri(p) ? p : NULL;
}

/* "*" stands alone or not at all (RFC 3261 §10.2.2). */
static unsigned check_contact(struct check *c)
{
    struct msg_list it = msg_list_begin(c->m, HDR_CONTACT);
    struct slice    one;
    bool            star = false;
    unsigned        code;

    if (the_only_one(c, HDR_CONTACT, MSG_READ_CONTACT))
        return 0;
    code = check_addresses(c, HDR_CONTACT, false);
    if (code)
        return code;
    while (msg_list_next(&it, &one))
        star |= slice_eq(one, S("*"));
    return star && it.n > 1 ? bad(c, HDR_CONTACT) : 0;
}

static unsigned check_route(struct check *c)
{
    const struct msg_party *p = the_only_one(c, HDR_ROUTE, MSG_READ_ROUTE);

    return p && p->na.bracketed ? 0 : check_addresses(c, HDR_ROUTE, true);
}

static unsigned check_max_forwards(struct check *c)
{
    unsigned n;
    enum err e = msg_max_forwards(c->m, &n);

    return e == ERR_OK || e == ERR_NOTFOUND ? 0 : bad(c, HDR_MAX_FORWARDS);
}

/* What every message must have; of a response nothing more is looked at before it has found its transaction. */
static unsigned check_core(struct check *c)
{
    const struct msg *m = c->m;
    unsigned          code;

    if (m->fault.what && !(c->begun && m->fault.what == msg_no_empty_line)) {
        c->fault = m->fault;
        return m->fault.code;
    }
    if (m->repeated != HDR_OTHER)
        return blame(c, 400, m->repeated, "Repeated");
    if ((code = check_via(c)) || (code = check_call_id(c)) || (code = check_cseq(c)))
        return code;
    if ((code = check_party(c, HDR_FROM)) || (code = check_party(c, HDR_TO)))
        return code;
    return 0;
}

static unsigned check_request(struct check *c)
{
    unsigned code;

    if ((code = check_uri(c)) || (code = check_max_forwards(c)) || (code = check_contact(c)))
        return code;
    if ((code = check_route(c)) || (code = check_addresses(c, HDR_RECORD_ROUTE, true)))
        return code;
    return check_addresses(c, HDR_PATH, true);
}

static unsigned check(const struct msg *m, bool begun, struct msg_fault *fault)
{
    struct check c = {.m = m, .begun = begun};
    unsigned     code = check_core(&c);

    if (!code && m->is_request)
        code = check_request(&c);
    if (code && fault)
        *fault = c.fault;
    return code;
}

unsigned msg_check(const struct msg *m, struct msg_fault *fault)
{
    return check(m, false, fault);
}

unsigned msg_check_begun(const struct msg *m, struct msg_fault *fault)
{
    return check(m, true, fault);
}

void msg_put_fault(struct buf *b, const struct msg_fault *fault)
{
    buf_put(b, slice_z(fault->what));
    if (fault->hdr != HDR_OTHER)
        buf_puts(b, S(" "), hdr_name(fault->hdr), S(" header field"));
}
