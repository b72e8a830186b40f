/* rewrite.c - somebody else's description, passed on with another o= or other directions (RFC 3725, RFC 3264 §8).
 *
 * Room      sdp (pure).
 * In        sdp_rewrite(): line by line; a line that no edit concerns goes out octet for octet, with its own line end. */
#include "sdp/sdp_priv.h"

struct rewrite {
    const struct sdp_edit *edit;
    struct buf            *out;
    bool                   in_media, live;
    bool                   session_dir; /* the session said a direction, so its streams have one */
    bool                   media_dir;
    bool                   origin_done;
    bool                   open_line;   /* the last line had no line end */
};

static struct slice line_end(const struct sdp_line *line)
{
    if (slice_ends(line->raw, S("\r\n")))
        return S("\r\n");
    return slice_ends(line->raw, S("\n")) ? S("\n") : SLICE_NONE;
}

static void put_origin(struct rewrite *r, struct slice end)
{
    const struct sdp_origin *o = r->edit->origin;

    buf_puts(r->out, S("o="), o->user, S(" "), o->id, S(" "));
    buf_putu(r->out, r->edit->version);
    buf_puts(r->out, S(" "), o->nettype, S(" "), o->addrtype, S(" "), o->host, end);
    r->origin_done = true;
}

/* A live stream that said nothing, under a session that said nothing, was sendrecv: say what it is now. */
static void end_section(struct rewrite *r)
{
    if (!r->edit->set_dir || !r->in_media || !r->live || r->media_dir || r->session_dir || r->edit->dir == SDP_SENDRECV)
        return;
    buf_puts(r->out, r->open_line ? S("\r\n") : SLICE_NONE, S("a="), sdp_dir_name(r->edit->dir), S("\r\n"));
    r->open_line = false;
}

static enum err on_m(struct rewrite *r, const struct sdp_line *line)
{
    struct sdp_m_line m;

    end_section(r);
    if (sdp_parse_m(line->value, &m))
        return ERR_SYNTAX;
    r->in_media = true;
    r->live = m.port != 0;
    r->media_dir = false;
    buf_put(r->out, line->raw);
    return ERR_OK;
}

/* True when the line was a direction and has been written anew. */
static bool on_direction(struct rewrite *r, const struct sdp_line *line)
{
    enum sdp_dir was;
    struct slice value;

    if (line->type != 'a' || !sdp_dir_parse(sdp_attribute(line->value, &value), &was))
        return false;
    *(r->in_media ? &r->media_dir : &r->session_dir) = true;
    if (!r->edit->set_dir || (r->in_media && !r->live))
        return false;
    buf_puts(r->out, S("a="), sdp_dir_name(r->edit->dir), line_end(line));
    return true;
}

static enum err on_line(struct rewrite *r, const struct sdp_line *line)
{
    enum err e = ERR_OK;

    if (r->edit->origin && !r->origin_done && line->type != 'v' && line->type != 'o')
        put_origin(r, S("\r\n"));
    if (r->edit->origin && line->type == 'o' && !r->in_media)
        put_origin(r, line_end(line));
    else if (line->type == 'm')
        e = on_m(r, line);
    else if (!on_direction(r, line))
        buf_put(r->out, line->raw);
    r->open_line = line_end(line).n == 0;
    return e;
}

enum err sdp_rewrite(struct slice in, const struct sdp_edit *edit, struct buf *out)
{
    struct rewrite  r = {.edit = edit, .out = out};
    struct sdp_line line;
    size_t          n_lines = 0;
    enum err        e = in.n > SDP_MAX_OCTETS ? ERR_LIMIT : ERR_OK;

    while (e == ERR_OK && (e = sdp_next_line(&in, &line, &n_lines)) == ERR_OK)
        e = on_line(&r, &line);
    if (e != ERR_NOTFOUND)
        return e;
    end_section(&r);
    return buf_err(out);
}
