/* attribute.c - a= lines: RFC 8866 §6, RFC 3605, 3611, 4568, 5761, 8839, 8842.
 *
 * Room      sdp (pure).
 * In        sdp_on_attribute(), from the parser only. What is unknown, misplaced or malformed is passed over: an answer
 *           without it is still an answer (RFC 8866 §6, last paragraph of its introduction).
 * Touches   the stream, or the session where there is none yet. */
#include "sdp/sdp_priv.h"

struct slice sdp_attribute(struct slice line, struct slice *value)
{
    struct slice name;

    slice_cut(&line, ':', &name);
    *value = slice_trim(line);
    return slice_trim(name);
}

bool sdp_dir_parse(struct slice name, enum sdp_dir *out)
{
    for (int d = SDP_INACTIVE; d <= SDP_SENDRECV; d++)
        if (slice_ieq(name, sdp_dir_name((enum sdp_dir)d))) {
            *out = (enum sdp_dir)d;
            return true;
        }
    return false;
}

static struct sdp_format *format_of(struct sdp_media *m, struct slice word)
{
    uint64_t pt;

    if (slice_u64(word, 127, &pt))
        return NULL;
    for (size_t i = 0; i < m->n_formats; i++)
        if (m->formats[i].pt == pt)
            return &m->formats[i];
    return NULL;
}

/* "101 telephone-event/8000" or "96 opus/48000/2". */
static void on_rtpmap(struct sdp_media *m, struct slice value)
{
    struct sdp_format *f = format_of(m, sdp_word(&value));
    struct slice       encoding = sdp_word(&value), name, rate;
    uint64_t           channels = 1;
    uint32_t           rate_hz;

    if (!slice_cut(&encoding, '/', &name))
        return;
    if (slice_cut(&encoding, '/', &rate) && slice_u64(encoding, 255, &channels))
        return;
    if (!f || name.n == 0 || slice_u32(rate, &rate_hz) || rate_hz == 0)
        return;
    f->name = name;
    f->rate_hz = rate_hz;
    f->channels = (uint8_t)channels;
}

static void on_fmtp(struct sdp_media *m, struct slice value)
{
    struct sdp_format *f = format_of(m, sdp_word(&value));

    if (f)
        f->fmtp = value;
}

/* "53020" or "53020 IN IP6 2001:db8::1" (RFC 3605 §2.1). The port alone is completed when the stream ends. */
static void on_rtcp(struct sdp_media *m, struct slice value)
{
    struct addr  a = {0};
    uint16_t     port;
    struct slice word = sdp_word(&value);

    if (slice_u16(word, &port))
        return;
    sdp_word(&value);
    sdp_word(&value);
    if (addr_parse_ip(sdp_word(&value), &a))
        a = (struct addr){0};
    m->rtcp = a;
    m->rtcp.port = port;
}

static void on_time(struct slice value, uint16_t *out)
{
    uint16_t     ms;
    struct slice whole;

    slice_cut(&value, '.', &whole); /* fractions are allowed, and nobody's business */
    if (slice_u16(whole, &ms) == ERR_OK)
        *out = ms;
}

static void on_stream_only(struct sdp_media *m, struct slice name, struct slice value)
{
    if (slice_ieq(name, S("rtpmap")))
        on_rtpmap(m, value);
    else if (slice_ieq(name, S("fmtp")))
        on_fmtp(m, value);
    else if (slice_ieq(name, S("ptime")))
        on_time(value, &m->ptime_ms);
    else if (slice_ieq(name, S("maxptime")))
        on_time(value, &m->maxptime_ms);
    else if (slice_ieq(name, S("rtcp")))
        on_rtcp(m, value);
    else if (slice_ieq(name, S("rtcp-mux")))
        m->rtcp_mux = true;
    else if (slice_ieq(name, S("mid")))
        m->mid = value;
    else if (slice_ieq(name, S("crypto")) && m->n_crypto < SDP_MAX_CRYPTO)
        m->crypto[m->n_crypto++] = value;
    else if (slice_ieq(name, S("candidate")) && m->n_candidates < SDP_MAX_CANDIDATES)
        m->candidates[m->n_candidates++] = value;
}

/* What a session may say for all its streams, or a stream for itself; false when `name` is none of it. */
static bool on_either(struct sdp *s, struct sdp_media *m, struct slice name, struct slice value)
{
    if (slice_ieq(name, S("ice-ufrag")))
        *(m ? &m->ice_ufrag : &s->ice_ufrag) = value;
    else if (slice_ieq(name, S("ice-pwd")))
        *(m ? &m->ice_pwd : &s->ice_pwd) = value;
    else if (slice_ieq(name, S("fingerprint")))
        *(m ? &m->fingerprint : &s->fingerprint) = value;
    else if (slice_ieq(name, S("rtcp-xr")))
        *(m ? &m->rtcp_xr : &s->rtcp_xr) = value;
    else if (slice_ieq(name, S("setup")))
        *(m ? &m->setup : &s->setup) = value;
    else
        return false;
    return true;
}

void sdp_on_attribute(struct sdp *s, struct sdp_media *m, const struct sdp_line *line)
{
    struct slice value, name = sdp_attribute(line->value, &value);
    enum sdp_dir dir;

    if (sdp_dir_parse(name, &dir)) {
        *(m ? &m->dir : &s->dir) = dir;
        *(m ? &m->line_dir : &s->line_dir) = line->whole;
    } else if (slice_ieq(name, S("ice-lite"))) {
        s->ice_lite = true;
    } else if (!on_either(s, m, name, value) && m) {
        on_stream_only(m, name, value);
    }
}
