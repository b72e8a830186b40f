/* parse.c - a session description, read in place: RFC 8866 §5.
 *
 * Room      sdp (pure).
 * In        sdp_parse(): one pass over the lines; a stream inherits from the session when its m= is met, since all that
 *           can be inherited stands before the first m=.
 * Not here  a= lines (attribute.c). */
#include "sdp/sdp_priv.h"

#include <string.h>

enum err sdp_next_line(struct slice *rest, struct sdp_line *out, size_t *n_lines)
{
    struct slice whole;
    const char  *start = rest->p;

    while (slice_line(rest, &whole)) {
        if (++*n_lines > SDP_MAX_LINES)
            return ERR_LIMIT;
        out->raw = slice_between(start, rest->p);
        start = rest->p;
        whole = slice_trim(whole);
        if (whole.n == 0)
            continue;
        if (whole.n < 2 || whole.p[1] != '=')
            return ERR_SYNTAX;
        out->type = whole.p[0];
        out->whole = whole;
        out->value = slice_trim(slice_from(whole, 2));
        return ERR_OK;
    }
    return ERR_NOTFOUND;
}

struct slice sdp_word(struct slice *s)
{
    struct slice t = slice_trim(*s);
    size_t       n = slice_find_any(t, S(" \t"));
    struct slice word = slice_to(t, n);

    *s = n == SIZE_MAX ? SLICE_NONE : slice_trim(slice_from(t, n));
    return word;
}

static void parse_o(struct slice value, struct sdp_origin *o)
{
    o->user = sdp_word(&value);
    o->id = sdp_word(&value);
    o->version = sdp_word(&value);
    o->nettype = sdp_word(&value);
    o->addrtype = sdp_word(&value);
    o->host = sdp_word(&value);
}

/* "IN IP4 192.0.2.1/127/3" -> the address; what is behind '/' is for multicast (RFC 8866 §5.7). */
static enum err parse_c(struct slice value, struct slice *host)
{
    struct slice nettype = sdp_word(&value);
    struct slice addrtype = sdp_word(&value);
    struct slice text = sdp_word(&value);
    struct slice h;

    slice_cut(&text, '/', &h);
    if (nettype.n == 0 || addrtype.n == 0 || h.n == 0)
        return ERR_SYNTAX;
    *host = h;
    return ERR_OK;
}

enum err sdp_parse_m(struct slice value, struct sdp_m_line *out)
{
    struct sdp_m_line m = {.type = sdp_word(&value), .n_ports = 1};
    struct slice      ports = sdp_word(&value), port;
    bool              many = slice_cut(&ports, '/', &port);

    m.proto = sdp_word(&value);
    m.fmts = value;
    if (slice_u16(port, &m.port) || (many && slice_u16(ports, &m.n_ports)) || m.proto.n == 0)
        return ERR_SYNTAX;
    *out = m;
    return ERR_OK;
}

static bool has_format(const struct sdp_media *m, uint8_t pt)
{
    for (size_t i = 0; i < m->n_formats; i++)
        if (m->formats[i].pt == pt)
            return true;
    return false;
}

/* A format that is no payload number is passed over: it can only be named by somebody who knows what it is. */
static void list_formats(struct sdp_media *m)
{
    struct slice rest = m->fmts, word;
    uint64_t     pt;

    while ((word = sdp_word(&rest)).n && m->n_formats < SDP_MAX_FORMATS) {
        if (slice_u64(word, 127, &pt) || has_format(m, (uint8_t)pt))
            continue;
        struct sdp_format *f = &m->formats[m->n_formats++];
        f->pt = (uint8_t)pt;
        sdp_static_format(f->pt, f);
    }
}

static enum err begin_media(struct sdp *s, const struct sdp_line *line)
{
    struct sdp_media *m = &s->media[s->n_media];
    struct sdp_m_line w;

    if (s->n_media == SDP_MAX_MEDIA)
        return ERR_LIMIT;
    if (sdp_parse_m(line->value, &w))
        return ERR_SYNTAX;
    memset(m, 0, sizeof *m);
    m->kind = sdp_kind_of(w.type);
    m->type = w.type;
    m->port = w.port;
    m->n_ports = w.n_ports;
    m->proto = w.proto;
    m->fmts = w.fmts;
    m->host = s->host;
    m->dir = s->dir;
    m->ice_ufrag = s->ice_ufrag;
    m->ice_pwd = s->ice_pwd;
    m->fingerprint = s->fingerprint;
    m->setup = s->setup;
    m->rtcp_xr = s->rtcp_xr;
    m->line_m = line->whole;
    m->line_c = s->line_c;
    m->line_dir = s->line_dir;
    m->lines = line->raw;
    if (sdp_is_rtp(m->proto))
        list_formats(m);
    s->n_media++;
    return ERR_OK;
}

/* The addresses, now that all lines of the stream are known. */
static void end_media(struct sdp_media *m)
{
    uint16_t rtcp_port = m->rtcp.port;

    if (addr_parse_ip(m->host, &m->rtp))
        m->rtp = (struct addr){0};
    m->rtp.port = m->port;
    if (m->rtcp.family == ADDR_NONE) {
        m->rtcp = m->rtp;
        m->rtcp.port = rtcp_port ? rtcp_port : (uint16_t)(m->port ? m->port + 1 : 0);
    }
}

/* A c= of a stream replaces the session's; more of them (multicast layers) are passed over. */
static enum err on_c(struct sdp *s, struct sdp_media *m, const struct sdp_line *line)
{
    struct slice *text = m ? &m->line_c : &s->line_c;

    if (text->n && (!m || text->p != s->line_c.p))
        return ERR_OK;
    *text = line->whole;
    return parse_c(line->value, m ? &m->host : &s->host);
}

static enum err on_line(struct sdp *s, const struct sdp_line *line)
{
    struct sdp_media *m = s->n_media ? &s->media[s->n_media - 1] : NULL;

    switch (line->type) {
    case 'o':
        if (!m)
            parse_o(line->value, &s->origin);
        return ERR_OK;
    case 's':
        if (!m)
            s->name = line->value;
        return ERR_OK;
    case 'c':
        return on_c(s, m, line);
    case 'm':
        return begin_media(s, line);
    case 'a':
        sdp_on_attribute(s, m, line);
        return ERR_OK;
    default: /* RFC 8866 §5: a parser may do without the rest */
        return ERR_OK;
    }
}

static enum err parse_first(struct slice *rest, size_t *n_lines)
{
    struct sdp_line line;
    uint32_t        version;

    if (sdp_next_line(rest, &line, n_lines) || line.type != 'v' || slice_u32(line.value, &version))
        return ERR_SYNTAX;
    return version == 0 ? ERR_OK : ERR_UNSUPPORTED;
}

/* Some ends count a NUL of their C string into the body. */
static struct slice without_nul(struct slice in)
{
    while (in.n && in.p[in.n - 1] == '\0')
        in.n--;
    return in;
}

enum err sdp_parse(struct slice in, struct sdp *out, size_t *fault)
{
    struct slice    rest = without_nul(in);
    struct sdp_line line;
    size_t          n_lines = 0;
    enum err        e = in.n > SDP_MAX_OCTETS ? ERR_LIMIT : parse_first(&rest, &n_lines);

    memset(out, 0, offsetof(struct sdp, media));
    out->dir = SDP_SENDRECV;
    while (e == ERR_OK && (e = sdp_next_line(&rest, &line, &n_lines)) == ERR_OK) {
        e = on_line(out, &line);
        if (out->n_media)
            out->media[out->n_media - 1].lines.n = (size_t)(line.raw.p + line.raw.n - out->media[out->n_media - 1].lines.p);
    }
    if (e != ERR_NOTFOUND) {
        if (fault)
            *fault = n_lines ? n_lines : 1;
        return e;
    }
    out->head = out->n_media ? slice_between(in.p, out->media[0].lines.p) : in;
    for (size_t i = 0; i < out->n_media; i++)
        end_media(&out->media[i]);
    return ERR_OK;
}
