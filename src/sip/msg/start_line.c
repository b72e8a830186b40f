/* start_line.c - request lines and status lines: RFC 3261 §7.1, §7.2.
 *
 * Room      sip/msg (pure).
 * In        m->start.
 * Out       method, URI, version or status, reason in *m; a fault when the line is SIP but not sound.
 * What is not sound but can be understood (two spaces, a space in the URI) is understood, so that the 400 finds its
 * sender, and stays a fault: passing it on would pass the mistake on. */
#include "sip/msg/msg_priv.h"

COLD void msg_note_fault(struct msg *m, unsigned code, enum hdr_id hdr, const char *what)
{
    if (!m->fault.what)
        m->fault = (struct msg_fault){.what = what, .hdr = hdr, .code = code};
}

static bool is_2_0(struct slice version)
{
    return version.n == 7 && scan_word_of(version.p, 7) == scan_word_of("SIP/2.0", 7);
}

/* "SIP/", letters in either case. */
static bool begins_sip(struct slice s)
{
    return s.n >= 4 && scan_lower(scan_word_of(s.p, 4)) == scan_word_of("sip/", 4);
}

/* SIP-Version = "SIP" "/" 1*DIGIT "." 1*DIGIT, letters in either case. */
COLD static bool is_version(struct slice s)
{
    struct slice major;
    uint64_t     n;

    if (!begins_sip(s))
        return false;
    s = slice_from(s, 4);
    return slice_cut(&s, '.', &major) && slice_u64(major, UINT64_MAX, &n) == ERR_OK
           && slice_u64(s, UINT64_MAX, &n) == ERR_OK;
}

COLD static void check_other_version(struct msg *m)
{
    if (!is_version(m->version))
        msg_note_fault(m, 400, HDR_OTHER, "Bad version in the start line");
    else if (!slice_ieq(m->version, S("SIP/2.0")))
        msg_note_fault(m, 505, HDR_OTHER, "Version not supported");
}

static void check_version(struct msg *m)
{
    if (!is_2_0(m->version))
        check_other_version(m);
}

static enum err read_status_line(struct msg *m)
{
    struct slice rest = m->start, code;
    uint64_t     status;

    if (!slice_cut(&rest, ' ', &m->version) || !(is_2_0(m->version) || is_version(m->version)))
        return ERR_SYNTAX;
    check_version(m);
    slice_cut(&rest, ' ', &code);
    m->reason = rest;
    if (code.n != 3 || slice_u64(code, 699, &status) || status < 100)
        msg_note_fault(m, 400, HDR_OTHER, "Bad status code");
    else
        m->status = (uint16_t)status;
    return ERR_OK;
}

/* Is there anything to say that this is SIP, and not HTTP or noise? */
static bool is_sip_request(const struct msg *m)
{
    return m->method_id != METHOD_OTHER
           || (msg_is_token(m->method) && m->method.n <= MSG_MAX_METHOD && begins_sip(m->version));
}

/* Header fields have no place in a Request-URI (RFC 3261 §19.1.1, table 1), but baresip leaves the Replaces of a Refer-To in it.
 * They are not looked at, never become real ones, and go no further (RFC 4475 §3.1.2.11). */
COLD static struct slice without_headers(struct slice uri)
{
    struct uri u;

    if (uri_parse(uri, &u, NULL) || !u.headers.n)
        return uri;
    return slice_between(uri.p, u.headers.p - 1);
}

/* Mostly what is behind it is the version, as everybody writes it. */
static size_t last_space(struct slice line)
{
    bool usual = line.n > 8 && scan_word(slice_end(line) - 8) == scan_word(" SIP/2.0");

    return usual ? line.n - 8 : slice_find_last(line, ' ');
}

/* It will be asked for, and mostly has no header fields. */
static void read_uri(struct msg *m)
{
    struct msg_read *r = m->read;

    r->done[MSG_READ_URI] = m->uri.n && uri_read_plain(m->uri.p, slice_end(m->uri), &r->uri) == slice_end(m->uri);
    r->uri_e = ERR_OK;
    if (!r->done[MSG_READ_URI] && slice_find(m->uri, '?') != SIZE_MAX)
        m->uri = without_headers(m->uri);
}

static size_t first_space(struct slice line)
{
    uint64_t where = line.n >= 16 ? scan_where16(line.p, ' ') : 0;

    return where ? (size_t)__builtin_ctzll(where) : slice_find(line, ' ');
}

static enum err read_request_line(struct msg *m)
{
    struct slice line = slice_trim(m->start);
    size_t       first = first_space(line), last = last_space(line);

    if (first == SIZE_MAX)
        return ERR_SYNTAX;
    m->is_request = true;
    m->method = slice_to(line, first);
    m->method_id = method_find(m->method);
    m->version = slice_from(line, last + 1);
    m->uri = slice_trim(slice_between(line.p + first + 1, line.p + last));
    if (!is_sip_request(m))
        return ERR_SYNTAX;
    if (!begins_sip(m->version)) {
        m->uri = slice_trim(slice_from(line, first));
        m->version = SLICE_NONE;
    }
    check_version(m);
    if (line.n != m->start.n || m->method.n + m->uri.n + m->version.n + 2 != line.n)
        msg_note_fault(m, 400, HDR_OTHER, "Bad white space in the request line");
    read_uri(m);
    return ERR_OK;
}

enum err msg_read_start(struct msg *m)
{
    return begins_sip(m->start) ? read_status_line(m) : read_request_line(m);
}

bool msg_looks_like_start(struct slice line)
{
    struct slice token;

    line = slice_to(line, MSG_MAX_METHOD + 1);
    token = msg_take_token(&line);
    if (!token.n || token.n > MSG_MAX_METHOD)
        return false;
    return !line.n || line.p[0] == ' ' || (slice_ieq(token, S("SIP")) && line.p[0] == '/');
}
