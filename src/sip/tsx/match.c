/* match.c - which transaction a message belongs to: RFC 3261 §17.1.3, §17.2.3, §9.2, §8.2.2.2.
 *
 * Room      sip/tsx (pure).
 * In        a parsed message, the hash key.
 * Out       keys to look up and to remember.
 * Touches   nothing but *out.
 * Not here  the tables (sip/stack). */
#include "sip/tsx/tsx_priv.h"

enum { MAX_HOST = 255 }; /* octets of a name in the DNS */

static struct tsx_key key_over(const struct hash_key *hash, const struct slice *pieces, size_t n)
{
    struct hash_wide h = hash_names_wide(hash, pieces, n);

    return (struct tsx_key){h.a, h.b};
}

/* In lower case: host names (§20.42). What is longer than any name is taken as it is. */
static struct slice lower(struct slice host, char room[MAX_HOST])
{
    if (host.n > MAX_HOST)
        return host;
    for (size_t i = 0; i < host.n; i++)
        room[i] = ascii_lower(host.p[i]);
    return (struct slice){room, host.n};
}

/* What a request is matched by. */
struct facts {
    const struct msg *m;
    struct via        via;
    struct cseq       cseq;
};

static struct tsx_key key_of(const struct hash_key *hash, const struct facts *f, struct slice method)
{
    char         host[MAX_HOST];
    struct slice port = {(const char *)&f->via.port, sizeof f->via.port};
    /* The Call-ID is not asked for, and the same in every repeat: clients that reuse a branch exist. */
    const struct slice pieces[] = {method, f->via.branch, lower(f->via.host, host), port, msg_call_id(f->m)};

    return key_over(hash, pieces, sizeof pieces / sizeof *pieces);
}

/* §17.2.3, second procedure; the To tag is compared by tsx_tags_match(). */
static struct tsx_key key_of_rfc2543(const struct hash_key *hash, const struct facts *f, struct slice method)
{
    struct slice       number = {(const char *)&f->cseq.number, sizeof f->cseq.number};
    const struct slice pieces[] = {S("RFC 2543"), method, f->m->uri, msg_from_tag(f->m), msg_call_id(f->m), number, f->via.raw};

    return key_over(hash, pieces, sizeof pieces / sizeof *pieces);
}

static struct tsx_key key_for(const struct hash_key *hash, const struct facts *f, struct slice method)
{
    return f->via.rfc3261 ? key_of(hash, f, method) : key_of_rfc2543(hash, f, method);
}

/* §8.2.2.2: the same request by another way has the same. */
static void merged_key(const struct hash_key *hash, const struct facts *f, struct slice to_tag, struct tsx_match *r)
{
    struct slice       from_tag = to_tag.n ? SLICE_NONE : msg_from_tag(f->m);
    struct slice       number = {(const char *)&f->cseq.number, sizeof f->cseq.number};
    const struct slice pieces[] = {from_tag, msg_call_id(f->m), number, f->cseq.method};

    if (!from_tag.n)
        return;
    r->may_merge = true;
    r->merged = key_over(hash, pieces, sizeof pieces / sizeof *pieces);
}

enum err tsx_match_request(const struct hash_key *hash, const struct msg *m, struct tsx_match *out)
{
    struct facts     f = {.m = m};
    struct tsx_match r = {0};
    struct slice     to_tag = msg_to_tag(m);
    enum err         e;

    if ((e = msg_via(m, &f.via)) || (e = msg_cseq(m, &f.cseq)))
        return e;
    r.rfc2543 = !f.via.rfc3261;
    r.to_tag = r.rfc2543 ? tsx_tag_hash(hash, to_tag) : 0;
    if (m->method_id != METHOD_ACK)
        r.key = key_for(hash, &f, m->method);
    if (m->method_id == METHOD_ACK || m->method_id == METHOD_CANCEL) {
        r.invite = key_for(hash, &f, method_name(METHOD_INVITE));
    } else {
        r.invite = r.key;
        merged_key(hash, &f, to_tag, &r);
    }
    *out = r;
    return ERR_OK;
}

uint32_t tsx_tag_hash(const struct hash_key *hash, struct slice tag)
{
    return (uint32_t)hash_name(hash, tag);
}

bool tsx_tags_match(const struct tsx_tags *tags, const struct tsx_match *m, bool is_ack)
{
    return m->to_tag == (is_ack ? tags->response : tags->request);
}

struct tsx_key tsx_client_key(const struct hash_key *hash, struct slice branch, struct slice method)
{
    return key_over(hash, (const struct slice[]){method, branch}, 2);
}

enum err tsx_match_response(const struct hash_key *hash, const struct msg *m, struct tsx_key *out)
{
    struct via  via;
    struct cseq cseq;
    enum err    e;

    if ((e = msg_via(m, &via)) || (e = msg_cseq(m, &cseq)))
        return e;
    *out = tsx_client_key(hash, via.branch, cseq.method);
    return ERR_OK;
}
