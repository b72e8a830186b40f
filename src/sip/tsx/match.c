/* match.c - which transaction a message belongs to: RFC 3261 §17.1.3, §17.2.3, §9.2, §8.2.2.2.
 *
 * Room      sip/tsx (pure).
 * In        a parsed message, the hash key.
 * Out       keys to look up and to remember.
 * Touches   nothing but *out.
 * Not here  the tables (sip/stack). */
#include "sip/tsx/tsx_priv.h"

/* Two hashes over the same pieces; each piece is hashed with a key that holds the hash of those before, so that moving
 * octets from one piece to the next gives another key. */
struct mix {
    const struct hash_key *hash;
    struct tsx_key         key;
};

enum { SECOND = 0x5bd1e995 }; /* any number but 0: parts the two lanes */

static void mix(struct mix *x, struct slice piece)
{
    struct hash_key k = {x->hash->k0 ^ x->key.a, x->hash->k1};

    x->key.a = hash_octets(&k, piece);
    k = (struct hash_key){x->hash->k0, x->hash->k1 ^ x->key.b ^ SECOND};
    x->key.b = hash_octets(&k, piece);
}

/* The same, letters in lower case: host names (§20.42). */
static void mix_lower(struct mix *x, struct slice piece)
{
    struct hash_key k = {x->hash->k0 ^ x->key.a, x->hash->k1};

    x->key.a = hash_octets_lower(&k, piece);
    k = (struct hash_key){x->hash->k0, x->hash->k1 ^ x->key.b ^ SECOND};
    x->key.b = hash_octets_lower(&k, piece);
}

static void mix_number(struct mix *x, uint32_t n)
{
    char octets[4] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};

    mix(x, (struct slice){octets, sizeof octets});
}

/* What a request is matched by. */
struct facts {
    const struct msg *m;
    struct via        via;
    struct cseq       cseq;
};

static struct tsx_key key_of(const struct hash_key *hash, const struct facts *f, struct slice method)
{
    struct mix x = {.hash = hash};

    mix(&x, method);
    if (f->via.rfc3261) {
        mix(&x, f->via.branch);
        mix_lower(&x, f->via.host);
        mix_number(&x, f->via.port);
        mix(&x, msg_call_id(f->m)); /* not asked for, and the same in every repeat: clients that reuse a branch exist */
        return x.key;
    }
    mix(&x, f->m->uri); /* §17.2.3, second procedure; the To tag is compared by tsx_tags_match() */
    mix(&x, msg_from_tag(f->m));
    mix(&x, msg_call_id(f->m));
    mix_number(&x, f->cseq.number);
    mix(&x, f->via.raw);
    return x.key;
}

static struct tsx_key merged_key(const struct hash_key *hash, const struct facts *f, struct slice from_tag)
{
    struct mix x = {.hash = hash};

    mix(&x, from_tag);
    mix(&x, msg_call_id(f->m));
    mix_number(&x, f->cseq.number);
    mix(&x, f->cseq.method);
    return x.key;
}

enum err tsx_match_request(const struct hash_key *hash, const struct msg *m, struct tsx_match *out)
{
    struct facts     f = {.m = m};
    struct tsx_match r = {0};
    struct slice     from_tag = msg_from_tag(m);
    struct slice     to_tag = msg_to_tag(m);
    enum err         e;

    if ((e = msg_via(m, &f.via)) || (e = msg_cseq(m, &f.cseq)))
        return e;
    r.rfc2543 = !f.via.rfc3261;
    r.to_tag = r.rfc2543 ? tsx_tag_hash(hash, to_tag) : 0;
    r.key = key_of(hash, &f, m->method);
    r.invite = r.key;
    if (m->method_id == METHOD_ACK || m->method_id == METHOD_CANCEL) {
        r.invite = key_of(hash, &f, method_name(METHOD_INVITE));
    } else if (to_tag.n == 0 && from_tag.n > 0) {
        r.may_merge = true;
        r.merged = merged_key(hash, &f, from_tag);
    }
    *out = r;
    return ERR_OK;
}

uint32_t tsx_tag_hash(const struct hash_key *hash, struct slice tag)
{
    return (uint32_t)hash_octets(hash, tag);
}

bool tsx_tags_match(const struct tsx_tags *tags, const struct tsx_match *m, bool is_ack)
{
    return m->to_tag == (is_ack ? tags->response : tags->request);
}

struct tsx_key tsx_client_key(const struct hash_key *hash, struct slice branch, struct slice method)
{
    struct mix x = {.hash = hash};

    mix(&x, method);
    mix(&x, branch);
    return x.key;
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
