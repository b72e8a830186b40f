/* match.c - which transaction a message belongs to: RFC 3261 §17.1.3, §17.2.3, §9.2, §8.2.2.2.
 *
 * Room      sip/tsx (pure).
 * In        a parsed message, the hash key.
 * Out       keys to look up and to remember.
 * Touches   nothing but *out.
 * Not here  the tables (sip/stack). */
#include "sip/tsx/tsx_priv.h"

#include "base/scan.h"
#include "base/sum.h"

enum { MAX_HOST = 255, HOST_ROOM = (MAX_HOST + 7) / 8 * 8 }; /* octets of a name in the DNS */

static struct tsx_key key_over(const struct hash_key *hash, const struct slice *pieces, size_t n)
{
    struct hash_wide h = hash_names_wide(hash, pieces, n);

    return (struct tsx_key){h.a, h.b};
}

/* In lower case: host names (§20.42). What is longer than any name is taken as it is. */
static struct slice lower(struct slice host, char room[HOST_ROOM])
{
    if (host.n > MAX_HOST)
        return host;
    for (size_t i = 0; i < host.n; i += 8) {
        uint64_t w = scan_lower(scan_word_of(host.p + i, host.n - i));

        memcpy(room + i, &w, sizeof w);
    }
    return (struct slice){room, host.n};
}

/* What a request is matched by. */
struct facts {
    const struct msg *m;
    const struct via *via;
    struct cseq       cseq;
    uint64_t          call; /* stands for the Call-ID */
};

static struct tsx_key key_of(const struct hash_key *hash, const struct facts *f, enum method method)
{
    char host[HOST_ROOM];
    /* The Call-ID is not asked for, and the same in every repeat: clients that reuse a branch exist. */
    const uint64_t     numbers[] = {f->call, (uint64_t)method << 16 | f->via->port};
    const struct slice pieces[] = {{(const char *)numbers, sizeof numbers}, f->via->branch, lower(f->via->host, host),
                                   method == METHOD_OTHER ? f->m->method : SLICE_NONE};

    return key_over(hash, pieces, method == METHOD_OTHER ? 4 : 3);
}

/* §17.2.3, second procedure; the To tag is compared by tsx_tags_match(). */
static struct tsx_key key_of_rfc2543(const struct hash_key *hash, const struct facts *f, enum method method)
{
    struct slice       number = {(const char *)&f->cseq.number, sizeof f->cseq.number};
    const struct slice pieces[] = {S("RFC 2543"), method == METHOD_OTHER ? f->m->method : method_name(method), f->m->uri, msg_from_tag(f->m), msg_call_id(f->m), number, f->via->raw};

    return key_over(hash, pieces, sizeof pieces / sizeof *pieces);
}

static struct tsx_key key_for(const struct hash_key *hash, const struct facts *f, enum method method)
{
    return f->via->rfc3261 ? key_of(hash, f, method) : key_of_rfc2543(hash, f, method);
}

/* §8.2.2.2: the same request by another way has the same. */
static void merged_key(const struct hash_key *hash, const struct facts *f, struct slice to_tag, struct tsx_match *r)
{
    struct slice       from_tag = to_tag.n ? SLICE_NONE : msg_from_tag(f->m);
    const uint64_t     call_and_number[] = {f->call, f->cseq.number};
    const struct slice pieces[] = {{(const char *)call_and_number, sizeof call_and_number}, f->cseq.method, from_tag};

    if (!from_tag.n)
        return;
    r->may_merge = true;
    r->merged = key_over(hash, pieces, sizeof pieces / sizeof *pieces);
}

enum err tsx_match_request(const struct hash_key *hash, const struct msg *m, struct tsx_match *out)
{
    struct facts f = {.m = m, .via = msg_via(m), .call = msg_call_hash(m, hash)};
    struct slice to_tag = msg_to_tag(m);
    enum err     e;

    if (!f.via)
        return ERR_NOTFOUND;
    if ((e = msg_cseq(m, &f.cseq)))
        return e;
    *out = (struct tsx_match){.rfc2543 = !f.via->rfc3261};
    if (out->rfc2543)
        out->to_tag = tsx_tag_hash(hash, to_tag);
    if (m->method_id != METHOD_ACK)
        out->key = key_for(hash, &f, m->method_id);
    if (m->method_id == METHOD_ACK || m->method_id == METHOD_CANCEL) {
        out->invite = key_for(hash, &f, METHOD_INVITE);
    } else {
        out->invite = out->key;
        merged_key(hash, &f, to_tag, out);
    }
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

static struct tsx_key sum_both(struct tsx_key k, struct slice s)
{
    for (size_t i = 0; i < s.n; i += 8) {
        uint64_t w = scan_word_of(s.p + i, s.n - i);

        k = (struct tsx_key){sum_word(k.a, w), sum_word(k.b, w)};
    }
    return k;
}

/* What nobody outside can choose need not be hashed with a key: two sums of the same octets, which begin differently. */
struct tsx_key tsx_client_key(struct slice branch, struct slice method)
{
    uint64_t n = (uint64_t)branch.n << 32 | method.n;

    return sum_both(sum_both((struct tsx_key){n, ~n}, branch), method);
}

enum err tsx_match_response(const struct msg *m, struct tsx_key *out)
{
    const struct via *via = msg_via(m);
    struct cseq       cseq;
    enum err          e;

    if (!via)
        return ERR_NOTFOUND;
    if ((e = msg_cseq(m, &cseq)))
        return e;
    *out = tsx_client_key(via->branch, cseq.method);
    return ERR_OK;
}
