/* text.c - texts that are kept, and descriptions as they pass from one end to another (RFC 3264 §8, RFC 3725 §4.4).
 *
 * Room      server/bridge.
 * Touches   the end's origin and version. */
#include <string.h>

#include "server/bridge/bridge_priv.h"

enum { DISCARD_PORT = 9 }; /* RFC 863: what is sent in spite of "inactive" */

enum err join_held_set(struct bridge *b, struct held *h, struct slice s)
{
    if (s.n > h->cap) {
        char *p = mem_alloc(b->config.mem, s.n);

        if (!p)
            return ERR_NOMEM;
        join_held_free(b, h);
        *h = (struct held){p, 0, s.n};
    }
    if (s.n)
        memmove(h->p, s.p, s.n);
    h->n = s.n;
    return ERR_OK;
}

void join_held_free(struct bridge *b, struct held *h)
{
    if (h->p)
        mem_free(b->config.mem, h->p, h->cap);
    *h = (struct held){0};
}

enum err join_origin_set(struct bridge *b, struct end *e, struct slice origin)
{
    struct slice rest = origin, word = SLICE_NONE;

    for (int i = 0; i < 3; i++)
        slice_cut(&rest, ' ', &word);
    return slice_u64(word, UINT64_MAX, &e->version) ? ERR_OK : join_held_set(b, &e->origin, origin);
}

/* The six words of an o= line. */
static enum err read_origin(struct slice value, struct sdp_origin *out)
{
    struct slice *word[] = {&out->user, &out->id, &out->version, &out->nettype, &out->addrtype};

    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (!slice_cut(&value, ' ', word[i]))
            return ERR_SYNTAX;
    out->host = slice_trim(value);
    return out->host.n ? ERR_OK : ERR_SYNTAX;
}

/* What an end is told first is whom it knows from then on. */
static void learn_origin(struct bridge *b, struct end *e, const struct sdp *s)
{
    const struct sdp_origin *o = &s->origin;
    char                     text[BRIDGE_ORIGIN_OCTETS];
    struct buf               t = BUF_ON(text);

    if (!o->host.n || sdp_version(s, &e->version))
        return;
    buf_puts(&t, o->user, S(" "), o->id, S(" "));
    buf_puts(&t, o->version, S(" "), o->nettype, S(" "), o->addrtype, S(" "), o->host);
    if (!buf_err(&t))
        (void)join_held_set(b, &e->origin, buf_slice(&t)); /* without memory it only cannot be repeated */
}

struct slice join_sdp_towards(struct join *j, struct end *e, struct slice sdp, bool sendrecv)
{
    struct sdp_origin known;
    struct sdp_edit   edit = {.set_dir = sendrecv, .dir = SDP_SENDRECV};
    size_t            cap = sdp.n + BRIDGE_ORIGIN_OCTETS + 256;
    char             *room = arena_alloc(shard_scratch(j->sh), cap);
    struct buf        out;
    struct sdp       *s;

    if (!room || !(s = arena_alloc(shard_scratch(j->sh), sizeof *s)) || sdp_parse(sdp, s, NULL))
        return SLICE_NONE;
    buf_init(&out, room, cap);
    if (e->origin.n && read_origin(held_slice(&e->origin), &known) == ERR_OK) {
        edit.origin = &known;
        edit.version = ++e->version;
    } else
        learn_origin(j->b, e, s);
    return sdp_rewrite(sdp, &edit, &out) ? SLICE_NONE : buf_slice(&out);
}

bool join_sdp_same_place(struct slice a, struct slice b)
{
    struct sdp sa, sb;

    if (sdp_parse(a, &sa, NULL) || sdp_parse(b, &sb, NULL) || sa.n_media != sb.n_media)
        return false;
    for (size_t i = 0; i < sa.n_media; i++)
        if (sa.media[i].port != sb.media[i].port || !slice_eq(sa.media[i].host, sb.media[i].host) ||
            sdp_effective_dir(&sa.media[i]) != sdp_effective_dir(&sb.media[i]))
            return false;
    return true;
}

struct slice join_sdp_silence(struct join *j, struct slice offer)
{
    static const struct sdp_codec codecs[] = {
        {.name = S("PCMA"), .rate_hz = 8000, .channels = 1, .pt = 8},   {.name = S("PCMU"), .rate_hz = 8000, .channels = 1, .pt = 0},
        {.name = S("G722"), .rate_hz = 8000, .channels = 1, .pt = 9},   {.name = S("opus"), .rate_hz = 48000, .channels = 2, .pt = 107},
        {.name = S("G729"), .rate_hz = 8000, .channels = 1, .pt = 18},  {.name = S("GSM"), .rate_hz = 8000, .channels = 1, .pt = 3},
        {.name = S("iLBC"), .rate_hz = 8000, .channels = 1, .pt = 108}, {.name = S("speex"), .rate_hz = 8000, .channels = 1, .pt = 109},
    };
    struct sdp_local  *local = arena_zalloc(shard_scratch(j->sh), sizeof *local);
    struct sdp        *s = arena_alloc(shard_scratch(j->sh), sizeof *s);
    char              *room = arena_alloc(shard_scratch(j->sh), SDP_MAX_WRITTEN);
    struct sdp_agreed  agreed;
    struct buf         out;

    if (!local || !s || !room || sdp_parse(offer, s, NULL) ||
        sdp_local_init(local, j->serial + 1, codecs, sizeof codecs / sizeof *codecs))
        return SLICE_NONE;
    flow_local(shard_transport(j->sh), &j->near, &local->rtp);
    local->rtp.port = DISCARD_PORT;
    local->dir = SDP_INACTIVE;
    buf_init(&out, room, SDP_MAX_WRITTEN);
    return sdp_answer(local, s, &out, &agreed) ? SLICE_NONE : buf_slice(&out);
}
