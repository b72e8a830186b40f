/* read.c - what is asked of a message again and again is read once: From, To, the first Contact and Route, CSeq, the
 * top Via, the Request-URI, the hash of its Call-ID. RFC 3261 §20.
 *
 * Room      sip/msg (pure).
 * In        whoever asks first, mostly msg_check().
 * Out       values, or the error that reading them was.
 * Touches   m->read, which msg_parse() has made: a message is one thread's at a time. */
#include "sip/msg/msg_priv.h"

/* Is this the first time? */
static bool first_time(const struct msg *m, enum msg_read_what what)
{
    bool first = !m->read->done[what];

    m->read->done[what] = true;
    return first;
}

/* Of a list the first element: mostly that is all of it. */
static enum err value_of(const struct msg *m, enum hdr_id id, struct slice *out)
{
    const struct msg_row *row = msg_row(m, id);

    if (!row)
        return ERR_NOTFOUND;
    if (hdr_is_list(id) && (!row->value.n || slice_find(row->value, ',') != SIZE_MAX))
        return msg_element(m, id, 0, out);
    *out = row->value;
    return ERR_OK;
}

static void no_party(struct msg_party *p)
{
    p->e = ERR_NOTFOUND;
    p->has_uri = false;
    p->tag = SLICE_NONE;
}

/* A row that does not read as one may be several, or none. */
COLD static void read_first_party(const struct msg *m, enum hdr_id id, bool with_uri, struct msg_party *p)
{
    struct slice one;

    if (msg_element(m, id, 0, &one) == ERR_OK)
        msg_party_parse(one, with_uri, p);
    else
        no_party(p);
}

/* What reads as one element holds no comma that would part it, so none is looked for. */
static void read_party(const struct msg *m, enum hdr_id id, bool with_uri, struct msg_party *p)
{
    const struct msg_row *row = msg_row(m, id);

    p->is_row = false;
    if (!row) {
        no_party(p);
        return;
    }
    msg_party_parse(row->value, with_uri, p);
    p->is_row = !p->e;
    if (p->e && hdr_is_list(id))
        read_first_party(m, id, with_uri, p);
}

struct msg_party *msg_party(const struct msg *m, enum msg_read_what what, bool with_uri)
{
    static const enum hdr_id ids[MSG_PARTIES] = {HDR_FROM, HDR_TO, HDR_CONTACT, HDR_ROUTE};
    struct msg_party        *p = &m->read->party[what];

    if (first_time(m, what))
        read_party(m, ids[what], with_uri, p);
    return p;
}

static enum err give(const struct msg_party *p, struct name_addr *out)
{
    if (!p->e)
        *out = p->na;
    return p->e;
}

enum err msg_name_addr(const struct msg *m, enum hdr_id id, struct name_addr *out)
{
    struct slice value;
    enum err     e;

    switch (id) {
    case HDR_FROM: return give(msg_party(m, MSG_READ_FROM, false), out);
    case HDR_TO: return give(msg_party(m, MSG_READ_TO, false), out);
    case HDR_CONTACT: return give(msg_party(m, MSG_READ_CONTACT, false), out);
    case HDR_ROUTE: return give(msg_party(m, MSG_READ_ROUTE, false), out);
    default: return (e = value_of(m, id, &value)) ? e : name_addr_parse(value, out);
    }
}

enum err msg_from(const struct msg *m, struct name_addr *out)
{
    return msg_name_addr(m, HDR_FROM, out);
}

enum err msg_to(const struct msg *m, struct name_addr *out)
{
    return msg_name_addr(m, HDR_TO, out);
}

struct slice msg_from_tag(const struct msg *m)
{
    return msg_party(m, MSG_READ_FROM, false)->tag;
}

struct slice msg_to_tag(const struct msg *m)
{
    return msg_party(m, MSG_READ_TO, false)->tag;
}

const struct uri *msg_from_uri(const struct msg *m)
{
    return msg_party_uri(msg_party(m, MSG_READ_FROM, true));
}

const struct uri *msg_to_uri(const struct msg *m)
{
    return msg_party_uri(msg_party(m, MSG_READ_TO, true));
}

const struct uri *msg_contact_uri(const struct msg *m)
{
    return msg_party_uri(msg_party(m, MSG_READ_CONTACT, true));
}

const struct uri *msg_route_uri(const struct msg *m)
{
    return msg_party_uri(msg_party(m, MSG_READ_ROUTE, true));
}

const struct uri *msg_request_uri(const struct msg *m)
{
    if (first_time(m, MSG_READ_URI))
        m->read->uri_e = uri_read(m->uri, &m->read->uri);
    return m->read->uri_e ? NULL : &m->read->uri;
}

enum err msg_cseq(const struct msg *m, struct cseq *out)
{
    struct msg_read *r = m->read;

    if (first_time(m, MSG_READ_CSEQ))
        r->cseq_e = msg_has(m, HDR_CSEQ) ? cseq_parse(msg_value(m, HDR_CSEQ), &r->cseq) : ERR_NOTFOUND;
    if (!r->cseq_e)
        *out = r->cseq;
    return r->cseq_e;
}

static enum err read_top_via(const struct msg *m, struct via *v)
{
    struct slice value = msg_value(m, HDR_VIA), one;

    if (value.n && value.p[0] != ',')
        return via_read_first(value, v);
    return msg_element(m, HDR_VIA, 0, &one) ? ERR_NOTFOUND : via_read(one, v);
}

const struct via *msg_via(const struct msg *m)
{
    struct msg_read *r = m->read;

    if (first_time(m, MSG_READ_VIA))
        r->via_e = read_top_via(m, &r->via);
    return r->via_e ? NULL : &r->via;
}

uint64_t msg_call_hash(const struct msg *m, const struct hash_key *key)
{
    struct msg_read *r = m->read;

    if (first_time(m, MSG_READ_CALL_HASH) || r->call_key.k0 != key->k0 || r->call_key.k1 != key->k1) {
        r->call_key = *key;
        r->call_hash = hash_name(key, msg_call_id(m));
    }
    return r->call_hash;
}
