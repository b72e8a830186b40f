/* describe.c - names, static payload types (RFC 3551 §6), and what a stream amounts to.
 *
 * Room      sdp (pure).
 * Touches   its arguments only. */
#include "sdp/sdp_priv.h"

static const struct slice kind_names[] = {
    [SDP_AUDIO] = {"audio", 5}, [SDP_VIDEO] = {"video", 5}, [SDP_IMAGE] = {"image", 5},
    [SDP_TEXT] = {"text", 4}, [SDP_APPLICATION] = {"application", 11}, [SDP_MESSAGE] = {"message", 7},
    [SDP_OTHER] = {"other", 5},
};

enum sdp_kind sdp_kind_of(struct slice type)
{
    for (int k = SDP_AUDIO; k < SDP_OTHER; k++)
        if (slice_ieq(type, kind_names[k]))
            return (enum sdp_kind)k;
    return SDP_OTHER;
}

struct slice sdp_kind_name(enum sdp_kind kind)
{
    return kind_names[kind];
}

/* RTP/AVP, RTP/AVPF, RTP/SAVP, RTP/SAVPF, UDP/TLS/RTP/SAVPF, and whatever comes after them. */
bool sdp_is_rtp(struct slice proto)
{
    return slice_istarts(proto, S("RTP/")) || slice_find_slice(proto, S("/RTP/")) != SIZE_MAX;
}

struct slice sdp_dir_name(enum sdp_dir d)
{
    switch (d) {
    case SDP_INACTIVE: return S("inactive");
    case SDP_SENDONLY: return S("sendonly");
    case SDP_RECVONLY: return S("recvonly");
    case SDP_SENDRECV: return S("sendrecv");
    }
    return SLICE_NONE;
}

enum sdp_dir sdp_dir_mirror(enum sdp_dir d)
{
    return (enum sdp_dir)((d & SDP_SENDONLY ? SDP_RECVONLY : 0) | (d & SDP_RECVONLY ? SDP_SENDONLY : 0));
}

bool sdp_fmtp_value(struct slice fmtp, struct slice name, struct slice *value)
{
    struct slice part, key;

    for (bool more = fmtp.n > 0; more;) {
        more = slice_cut(&fmtp, ';', &part);
        if (!slice_cut(&part, '=', &key) || !slice_ieq(slice_trim(key), name))
            continue;
        *value = slice_trim(part);
        return true;
    }
    return false;
}

void sdp_static_format(uint8_t pt, struct sdp_format *out)
{
    static const struct {
        uint8_t      pt, channels;
        uint32_t     rate_hz;
        struct slice name;
    } table[] = {
        {0, 1, 8000, {"PCMU", 4}},   {3, 1, 8000, {"GSM", 3}},    {4, 1, 8000, {"G723", 4}},
        {5, 1, 8000, {"DVI4", 4}},   {6, 1, 16000, {"DVI4", 4}},  {7, 1, 8000, {"LPC", 3}},
        {8, 1, 8000, {"PCMA", 4}},   {9, 1, 8000, {"G722", 4}},   {10, 2, 44100, {"L16", 3}},
        {11, 1, 44100, {"L16", 3}},  {12, 1, 8000, {"QCELP", 5}}, {13, 1, 8000, {"CN", 2}},
        {14, 1, 90000, {"MPA", 3}},  {15, 1, 8000, {"G728", 4}},  {16, 1, 11025, {"DVI4", 4}},
        {17, 1, 22050, {"DVI4", 4}}, {18, 1, 8000, {"G729", 4}},  {25, 1, 90000, {"CelB", 4}},
        {26, 1, 90000, {"JPEG", 4}}, {28, 1, 90000, {"nv", 2}},   {31, 1, 90000, {"H261", 4}},
        {32, 1, 90000, {"MPV", 3}},  {33, 1, 90000, {"MP2T", 4}}, {34, 1, 90000, {"H263", 4}},
    };

    out->name = SLICE_NONE;
    out->rate_hz = 0;
    out->channels = 1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].pt == pt) {
            out->name = table[i].name;
            out->rate_hz = table[i].rate_hz;
            out->channels = table[i].channels;
        }
}

bool sdp_is_blackholed(const struct sdp_media *m)
{
    return m->rtp.family != ADDR_NONE && addr_is_any(&m->rtp);
}

enum sdp_dir sdp_effective_dir(const struct sdp_media *m)
{
    if (m->port == 0)
        return SDP_INACTIVE;
    return sdp_is_blackholed(m) ? (enum sdp_dir)(m->dir & SDP_SENDONLY) : m->dir;
}

bool sdp_is_hold(const struct sdp_media *m)
{
    return m->port != 0 && !(sdp_effective_dir(m) & SDP_RECVONLY);
}

const struct sdp_media *sdp_find(const struct sdp *s, enum sdp_kind kind)
{
    const struct sdp_media *first = NULL;

    for (size_t i = 0; i < s->n_media; i++) {
        if (s->media[i].kind != kind)
            continue;
        if (s->media[i].port)
            return &s->media[i];
        if (!first)
            first = &s->media[i];
    }
    return first;
}

enum err sdp_version(const struct sdp *s, uint64_t *out)
{
    return s->origin.version.n ? slice_u64(s->origin.version, UINT64_MAX, out) : ERR_NOTFOUND;
}

static void put_stream(struct buf *b, const struct sdp_media *m)
{
    buf_put_escaped(b, m->type);
    if (m->port == 0) {
        buf_put(b, S(" refused"));
        return;
    }
    buf_putc(b, ' ');
    if (m->rtp.family != ADDR_NONE) {
        addr_put(b, &m->rtp);
    } else {
        buf_put_escaped(b, m->host.n ? m->host : S("nowhere"));
        buf_putc(b, ':');
        buf_putu(b, m->port);
    }
    buf_puts(b, S(" "), sdp_dir_name(m->dir), m->n_crypto ? S(" srtp") : S(""));
    for (size_t i = 0; i < m->n_formats; i++) {
        buf_putc(b, ' ');
        if (m->formats[i].name.n)
            buf_put_escaped(b, m->formats[i].name);
        else
            buf_putu(b, m->formats[i].pt);
    }
    if (m->n_formats == 0 && m->proto.n) {
        buf_putc(b, ' ');
        buf_put_escaped(b, m->proto);
    }
}

void sdp_put_summary(struct buf *b, const struct sdp *s)
{
    for (size_t i = 0; i < s->n_media; i++) {
        if (i)
            buf_put(b, S("; "));
        put_stream(b, &s->media[i]);
    }
    if (s->n_media == 0)
        buf_put(b, S("no streams"));
}
