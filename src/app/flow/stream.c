/* stream.c - TCP segments put in order, and the SIP messages in them (RFC 3261 §18.3).
 *
 * Room      app/flow. Owns what each direction of a connection holds.
 * A direction begins with its SYN, or in the middle of things with the first segment that looks like SIP; what is no SIP
 * is passed over and costs nothing. A segment that comes too early is held; when its forerunner does not come in time,
 * there is a gap, and reading goes on where a segment begins like a message. */
#include "app/flow/gather_priv.h"

#include <string.h>

enum {
    SYN = 2,
    RST = 4,
    WINDOW = 1 << 24, /* octets: further off, it is another connection */
    FIRST_LINE = 4096
};

struct held {
    uint32_t      seq;
    uint64_t      since_us;
    struct octets octets;
};

struct stream {
    bool              used, begun;
    bool              sip;      /* what comes is SIP                            */
    bool              fresh;    /* the connection has just begun: its first line may come in pieces */
    struct addr       from, to;
    uint64_t          hash, seen_us;
    uint32_t          next;     /* sequence number of the octet that comes next */
    struct octets     waiting;  /* a message that is not whole                  */
    struct msg_framer framer;
    struct held       held[CAPTURE_MAX_HELD];
    size_t            n_held;
};

struct streams {
    struct stream *stream[CAPTURE_MAX_STREAMS]; /* by hash, the next free place */
};

struct segment {
    struct addr  from, to;
    uint32_t     seq;
    unsigned     flags;
    struct slice octets;
};

enum err streams_new(struct gather *g)
{
    g->streams = ARENA_NEW(g->a, struct streams);
    return g->streams ? ERR_OK : ERR_NOMEM;
}

static void clear(struct gather *g, struct stream *s)
{
    octets_drop(&s->waiting, s->waiting.n);
    for (size_t i = 0; i < s->n_held; i++)
        octets_close(g->mem, &s->held[i].octets);
    s->n_held = 0;
    s->framer = (struct msg_framer){0};
}

static void forget(struct gather *g, struct stream *s)
{
    clear(g, s);
    octets_close(g->mem, &s->waiting);
    s->used = false;
}

/* --- messages ------------------------------------------------------------------------------------------------------------------ */

/* What is whole at the front becomes messages; the rest waits. */
static enum err cut_messages(struct gather *g, struct stream *s)
{
    enum err e = ERR_OK;

    while (!e && s->waiting.n) {
        struct slice     octets = {s->waiting.p, s->waiting.n};
        struct msg_frame frame;

        msg_frame(&s->framer, octets, MSG_MAX_OCTETS, &frame);
        if (frame.kind == MSG_FRAME_MORE) {
            if (s->waiting.n > CAPTURE_MAX_WAITING) {
                clear(g, s);
                s->sip = false;
            }
            return ERR_OK;
        }
        if (frame.kind == MSG_FRAME_WHOLE || (frame.kind == MSG_FRAME_BROKEN && frame.n))
            e = gather_message(g, &s->from, &s->to, TRACE_TCP, slice_to(octets, frame.n));
        if (frame.kind == MSG_FRAME_BROKEN || frame.kind == MSG_FRAME_DEAF) {
            octets_drop(&s->waiting, s->waiting.n);
            s->framer = (struct msg_framer){0};
            s->sip = false; /* until a segment begins like SIP again */
            return e;
        }
        octets_drop(&s->waiting, frame.n);
    }
    return e;
}

/* Is enough there to tell whether it is SIP? A line, or too much for one. */
static bool can_tell(struct slice octets)
{
    while (octets.n && (octets.p[0] == '\r' || octets.p[0] == '\n'))
        octets = slice_from(octets, 1);
    return octets.n >= FIRST_LINE || slice_find(octets, '\n') != SIZE_MAX;
}

/* Octets that are next in order. They begin a segment, so a message may begin there. */
static enum err take_octets(struct gather *g, struct stream *s, struct slice octets)
{
    enum err e;

    s->next += (uint32_t)octets.n;
    if (!s->sip && !s->fresh && !gather_is_sip(octets))
        return ERR_OK;
    if ((e = octets_add(g->mem, &s->waiting, octets)))
        return e;
    if (!s->sip && s->fresh && !can_tell((struct slice){s->waiting.p, s->waiting.n}))
        return ERR_OK;
    s->fresh = false;
    s->sip = s->sip || gather_is_sip((struct slice){s->waiting.p, s->waiting.n});
    if (s->sip)
        return cut_messages(g, s);
    octets_drop(&s->waiting, s->waiting.n);
    return ERR_OK;
}

/* --- order ---------------------------------------------------------------------------------------------------------------------- */

static int32_t ahead(const struct stream *s, uint32_t seq)
{
    return (int32_t)(seq - s->next);
}

static void drop_held(struct gather *g, struct stream *s, size_t i)
{
    octets_close(g->mem, &s->held[i].octets);
    s->held[i] = s->held[--s->n_held];
}

/* Everything held that is next now. */
static enum err take_held(struct gather *g, struct stream *s)
{
    enum err e = ERR_OK;

    for (size_t i = 0; i < s->n_held && !e;) {
        struct slice octets = {s->held[i].octets.p, s->held[i].octets.n};
        int32_t      off = ahead(s, s->held[i].seq);

        if (off > 0) {
            i++;
            continue;
        }
        if ((uint32_t)-off < octets.n)
            e = take_octets(g, s, slice_from(octets, (size_t)-off));
        drop_held(g, s, i);
        i = 0;
    }
    return e;
}

/* The forerunner of all that is held does not come: go on behind the gap. */
static enum err skip_gap(struct gather *g, struct stream *s)
{
    int32_t          first = INT32_MAX;
    struct trace_gap gap = {.kind = TRACE_GAP_STREAM, .time_us = g->now_us, .from = s->from, .to = s->to, .frame = g->frame};
    enum err         e = ERR_OK;

    for (size_t i = 0; i < s->n_held; i++)
        if (ahead(s, s->held[i].seq) < first)
            first = ahead(s, s->held[i].seq);
    if (first > 0 && s->sip) {
        gap.missing = (uint64_t)first;
        gap.octets = (struct slice){s->waiting.p, s->waiting.n};
        e = gather_gap(g, &gap);
    }
    octets_drop(&s->waiting, s->waiting.n);
    s->framer = (struct msg_framer){0};
    s->sip = s->fresh = false;
    s->next += first > 0 ? (uint32_t)first : 0;
    return e ? e : take_held(g, s);
}

static enum err hold(struct gather *g, struct stream *s, const struct segment *seg)
{
    struct held *h;
    enum err     e = ERR_OK;

    for (size_t i = 0; i < s->n_held; i++)
        if (s->held[i].seq == seg->seq && s->held[i].octets.n >= seg->octets.n)
            return ERR_OK;
    if (s->n_held == CAPTURE_MAX_HELD)
        e = skip_gap(g, s);
    if (e || s->n_held == CAPTURE_MAX_HELD)
        return e;
    h = &s->held[s->n_held++];
    *h = (struct held){.seq = seg->seq, .since_us = g->now_us};
    return octets_add(g->mem, &h->octets, seg->octets);
}

static enum err skip_late(struct gather *g, struct stream *s)
{
    enum err e = ERR_OK;

    for (size_t i = 0; i < s->n_held && !e; i++)
        if (g->now_us > s->held[i].since_us + CAPTURE_WAIT_US) {
            e = skip_gap(g, s);
            i = 0;
        }
    return e;
}

static enum err take_segment(struct gather *g, struct stream *s, const struct segment *seg)
{
    int32_t  off;
    enum err e = skip_late(g, s);

    if (e || !seg->octets.n)
        return e;
    off = ahead(s, seg->seq);
    if (off > 0)
        return hold(g, s, seg);
    if ((uint32_t)-off >= seg->octets.n)
        return ERR_OK; /* again */
    e = take_octets(g, s, slice_from(seg->octets, (size_t)-off));
    return e ? e : take_held(g, s);
}

/* --- connections -------------------------------------------------------------------------------------------------------------------- */

static uint64_t hash_segment(const struct gather *g, const struct segment *seg)
{
    char       text[2 * ADDR_MAX_TEXT];
    struct buf b = BUF_ON(text);

    addr_put(&b, &seg->from);
    addr_put(&b, &seg->to);
    return hash_octets(&g->key, buf_slice(&b));
}

static bool same(const struct stream *s, const struct segment *seg, uint64_t hash)
{
    return s && s->used && s->hash == hash && addr_eq(&s->from, &seg->from) && addr_eq(&s->to, &seg->to);
}

/* Its direction; a new one takes a place among a few by its hash, if need be from the one that was quiet for longest. */
static struct stream *find(struct gather *g, const struct segment *seg)
{
    enum { PLACES = 8 };
    uint64_t        hash = hash_segment(g, seg);
    struct stream **best = NULL;

    for (size_t i = 0; i < PLACES; i++) {
        struct stream **s = &g->streams->stream[(hash + i) % CAPTURE_MAX_STREAMS];

        if (same(*s, seg, hash))
            return *s;
        if (!best || (*best && (*best)->used && (!*s || !(*s)->used || (*s)->seen_us < (*best)->seen_us)))
            best = s;
    }
    if (*best && (*best)->used)
        forget(g, *best);
    if (!*best && !(*best = ARENA_NEW(g->a, struct stream)))
        return NULL;
    memset(*best, 0, sizeof **best);
    (*best)->used = true;
    (*best)->hash = hash;
    (*best)->from = seg->from;
    (*best)->to = seg->to;
    return *best;
}

static bool read_segment(const struct ip *ip, struct segment *out)
{
    struct slice s = ip->payload;
    size_t       head;

    if (s.n < 20)
        return false;
    head = ((unsigned char)s.p[12] >> 4) * 4u;
    if (head < 20 || head > s.n)
        return false;
    out->from = ip->from;
    out->to = ip->to;
    out->from.port = (uint16_t)((unsigned char)s.p[0] << 8 | (unsigned char)s.p[1]);
    out->to.port = (uint16_t)((unsigned char)s.p[2] << 8 | (unsigned char)s.p[3]);
    out->seq = 0;
    for (size_t i = 4; i < 8; i++)
        out->seq = out->seq << 8 | (unsigned char)s.p[i];
    out->flags = (unsigned char)s.p[13];
    out->octets = slice_from(s, head);
    return true;
}

enum err streams_take(struct gather *g, const struct ip *ip)
{
    struct segment seg;
    struct stream *s;
    enum err       e;

    if (!read_segment(ip, &seg))
        return ERR_OK;
    if (!(s = find(g, &seg)))
        return ERR_NOMEM;
    s->seen_us = g->now_us;
    if (seg.flags & SYN) {
        if (!s->begun || s->next != seg.seq + 1)
            clear(g, s);
        s->sip = false;
        s->begun = s->fresh = true;
        s->next = ++seg.seq; /* data with a SYN come behind it */
    }
    if (!s->begun || ahead(s, seg.seq) > WINDOW || ahead(s, seg.seq) < -WINDOW) {
        if (!seg.octets.n)
            return ERR_OK;
        clear(g, s);
        s->sip = false;
        s->begun = true;
        s->next = seg.seq;
    }
    e = take_segment(g, s, &seg);
    if (!e && seg.flags & RST)
        forget(g, s);
    return e;
}

/* At the end what is held is taken, and a message that is not whole is a gap. */
static enum err finish(struct gather *g, struct stream *s)
{
    enum err e = ERR_OK;

    while (s->n_held && !e)
        e = skip_gap(g, s);
    if (!e && s->sip && s->framer.head)
        e = gather_gap(g, &(struct trace_gap){.kind = TRACE_GAP_STREAM, .time_us = s->seen_us, .from = s->from,
                                              .to = s->to, .octets = {s->waiting.p, s->waiting.n}});
    forget(g, s);
    return e;
}

enum err streams_end(struct gather *g)
{
    enum err e = ERR_OK;

    for (size_t i = 0; i < CAPTURE_MAX_STREAMS; i++) {
        struct stream *s = g->streams->stream[i];

        if (!s || !s->used)
            continue;
        if (e)
            forget(g, s);
        else
            e = finish(g, s);
    }
    return e;
}
