/* check.c - is a message fit to be worked on? RFC 3261 §8.1.1, §8.2, §16.3; RFC 4475 §3.1.2, §3.3.
 *
 * Room      sip/msg (pure).
 * In        a parsed message.
 * Out       what to answer, and the header field at fault.
 * Not here  what depends on who serves the request: extensions (420), methods (501, 405), bodies (415). */
#include "sip/msg/msg_priv.h"

static unsigned blame(struct msg_fault *f, unsigned code, enum hdr_id hdr, const char *what)
{
    *f = (struct msg_fault){.what = what, .hdr = hdr, .code = code};
    return code;
}

static unsigned missing(struct msg_fault *f, enum hdr_id id)
{
    return blame(f, 400, id, "Missing");
}

static unsigned bad(struct msg_fault *f, enum hdr_id id)
{
    return blame(f, 400, id, "Bad");
}

/* One element: does it read, and its URI too, if it is one of ours? */
static bool is_sound_name_addr(struct slice element, bool must_be_bracketed)
{
    struct name_addr na;
    struct uri       u;

    if (name_addr_parse(element, &na))
        return false;
    if (na.star)
        return !must_be_bracketed;
    return (na.bracketed || !must_be_bracketed) && uri_parse(na.uri, &u, NULL) == ERR_OK;
}

static unsigned check_party(const struct msg *m, enum hdr_id id, struct msg_fault *f)
{
    if (!msg_has(m, id))
        return missing(f, id);
    return is_sound_name_addr(msg_value(m, id), false) && !slice_eq(msg_value(m, id), S("*")) ? 0 : bad(f, id);
}

/* callid = word [ "@" word ]: any visible octet but a comma, which no word has. */
static unsigned check_call_id(const struct msg *m, struct msg_fault *f)
{
    struct slice id = msg_call_id(m);

    if (!msg_has(m, HDR_CALL_ID))
        return missing(f, HDR_CALL_ID);
    for (size_t i = 0; i < id.n; i++)
        if ((unsigned char)id.p[i] <= ' ' || id.p[i] == 0x7f || id.p[i] == ',')
            return bad(f, HDR_CALL_ID);
    return id.n ? 0 : bad(f, HDR_CALL_ID);
}

static unsigned check_cseq(const struct msg *m, struct msg_fault *f)
{
    struct cseq c;

    if (!msg_has(m, HDR_CSEQ))
        return missing(f, HDR_CSEQ);
    if (msg_cseq(m, &c))
        return bad(f, HDR_CSEQ);
    if (!m->is_request || slice_eq(c.method, m->method))
        return 0;
    /* a method that nobody here knows is the first thing to say (RFC 4475 §3.1.2.18) */
    return blame(f, m->method_id == METHOD_OTHER ? 501 : 400, HDR_CSEQ, "Mismatched method in");
}

static unsigned check_via(const struct msg *m, struct msg_fault *f)
{
    struct via v;

    if (!msg_has(m, HDR_VIA))
        return missing(f, HDR_VIA);
    return msg_via(m, &v) ? bad(f, HDR_VIA) : 0;
}

static unsigned check_uri(const struct msg *m, struct msg_fault *f)
{
    struct uri u;

    if (m->uri.n > URI_MAX_OCTETS)
        return blame(f, 414, HDR_OTHER, "Request-URI too long");
    if (uri_parse(m->uri, &u, NULL))
        return blame(f, 400, HDR_OTHER, "Bad Request-URI");
    if (u.scheme == URI_OTHER)
        return blame(f, 416, HDR_OTHER, "Unsupported URI scheme");
    if (u.headers.n)
        return blame(f, 400, HDR_OTHER, "Header fields in the Request-URI"); /* RFC 3261 §19.1.1, table 1 */
    return 0;
}

/* Every element of a list of addresses. A row without any is bad too. */
static unsigned check_addresses(const struct msg *m, enum hdr_id id, bool must_be_bracketed, struct msg_fault *f)
{
    struct msg_list it = msg_list_begin(m, id);
    struct slice    one;

    if (!msg_has(m, id))
        return 0;
    while (msg_list_next(&it, &one))
        if (!is_sound_name_addr(one, must_be_bracketed))
            return bad(f, id);
    if (it.n == MSG_MAX_ELEMENTS)
        return blame(f, 400, id, "Too many elements in");
    return it.n ? 0 : bad(f, id);
}

/* "*" stands alone or not at all (RFC 3261 §10.2.2). */
static unsigned check_contact(const struct msg *m, struct msg_fault *f)
{
    struct msg_list it = msg_list_begin(m, HDR_CONTACT);
    struct slice    one;
    bool            star = false;
    unsigned        code = check_addresses(m, HDR_CONTACT, false, f);

    if (code)
        return code;
    while (msg_list_next(&it, &one))
        star |= slice_eq(one, S("*"));
    return star && it.n > 1 ? bad(f, HDR_CONTACT) : 0;
}

static unsigned check_max_forwards(const struct msg *m, struct msg_fault *f)
{
    unsigned n;
    enum err e = msg_max_forwards(m, &n);

    return e == ERR_OK || e == ERR_NOTFOUND ? 0 : bad(f, HDR_MAX_FORWARDS);
}

/* What every message must have; of a response nothing more is looked at before it has found its transaction. */
static unsigned check_core(const struct msg *m, struct msg_fault *f)
{
    unsigned code;

    if (m->fault.what) {
        *f = m->fault;
        return f->code;
    }
    if (m->repeated != HDR_OTHER)
        return blame(f, 400, m->repeated, "Repeated");
    if ((code = check_via(m, f)) || (code = check_call_id(m, f)) || (code = check_cseq(m, f)))
        return code;
    if ((code = check_party(m, HDR_FROM, f)) || (code = check_party(m, HDR_TO, f)))
        return code;
    return 0;
}

static unsigned check_request(const struct msg *m, struct msg_fault *f)
{
    unsigned code;

    if ((code = check_uri(m, f)) || (code = check_max_forwards(m, f)) || (code = check_contact(m, f)))
        return code;
    if ((code = check_addresses(m, HDR_ROUTE, true, f)) || (code = check_addresses(m, HDR_RECORD_ROUTE, true, f)))
        return code;
    return check_addresses(m, HDR_PATH, true, f);
}

unsigned msg_check(const struct msg *m, struct msg_fault *fault)
{
    struct msg_fault f = {0};
    unsigned         code = check_core(m, &f);

    if (!code && m->is_request)
        code = check_request(m, &f);
    if (code && fault)
        *fault = f;
    return code;
}

void msg_put_fault(struct buf *b, const struct msg_fault *fault)
{
    buf_put(b, slice_z(fault->what));
    if (fault->hdr != HDR_OTHER)
        buf_puts(b, S(" "), hdr_name(fault->hdr), S(" header field"));
}
