/* name_addr.c - From, To, Contact, Route and their like: RFC 3261 §20.10, §25.1 name-addr / addr-spec.
 *
 * Room      sip/msg (pure).
 * In        one element.
 * Out       display name, URI, header parameters.
 * Not here  the URI's own grammar (sip/uri); which header field, and once for each message (read.c). */
#include "sip/msg/msg_priv.h"

/* display-name = *( token LWS ) / quoted-string. Octets of other alphabets pass, since so many phones send names
 * unquoted; a comma or colon does not: behind it another reader would see another element. */
COLD static enum err take_unquoted(struct slice *s, struct slice *display)
{
    size_t angle = slice_find(*s, '<');

    *display = slice_trim(slice_to(*s, angle));
    for (size_t i = 0; i < display->n; i++) {
        char c = display->p[i];

        if (!msg_is_token_char(c) && !msg_is_blank(c) && (unsigned char)c < 0x80)
            return ERR_SYNTAX;
    }
    *s = slice_from(*s, angle);
    return ERR_OK;
}

static enum err take_display(struct slice *s, struct slice *display)
{
    if (s->p[0] != '"')
        return take_unquoted(s, display);
    if (msg_take_quoted(s, display))
        return ERR_SYNTAX;
    msg_skip_blank(s);
    return ERR_OK;
}

/* scan_behind() of MSG_C_URI, 16 octets at a time. */
static inline const char *behind_uri_octets(const char *p, const char *end)
{
    for (; end - p >= 16; p += 16) {
        uint64_t edges = scan_edge16(p);

        if (edges)
            return p + (unsigned)__builtin_ctzll(edges);
    }
    return scan_behind(p, end, msg_class_of, MSG_C_URI);
}

/* Where the URI behind '<' ends, read into *u on the way when that is wanted and goes without a second look: then *have. */
static inline const char *behind_uri(const char *from, const char *end, struct uri *u, bool *have)
{
    const char *to = u ? uri_read_plain(from, end, u) : NULL;

    *have = to && to < end && *to == '>';
    return *have ? to : behind_uri_octets(from, end);
}

/* What cannot stand in a URI at all (blanks, quotes, brackets of either end, control octets) must be the '>' that ends it. */
static inline enum err read_bracketed(struct slice s, struct name_addr *na, struct uri *u, bool *have)
{
    const char *from, *to;

    if (s.p[0] != '<' && take_display(&s, &na->display))
        return ERR_SYNTAX;
    if (!s.n || s.p[0] != '<')
        return ERR_SYNTAX;
    from = s.p + 1;
    to = behind_uri(from, slice_end(s), u, have);
    if (to == slice_end(s) || *to != '>' || to == from)
        return ERR_SYNTAX;
    na->bracketed = true;
    na->uri = slice_between(from, to);
    na->params = slice_trim(slice_between(to + 1, slice_end(s)));
    return ERR_OK;
}

/* Without <> the first ';' ends the URI, and it may not hold a comma or question mark (RFC 3261 §20.10). */
COLD static enum err read_bare(struct slice s, struct name_addr *na)
{
    size_t      semi = slice_find(s, ';');
    const char *end;

    na->uri = slice_trim(slice_to(s, semi));
    na->params = slice_from(s, semi);
    end = slice_end(na->uri);
    if (!na->uri.n || slice_find_any(na->uri, S("?,")) != SIZE_MAX)
        return ERR_SYNTAX;
    return scan_behind(na->uri.p, end, msg_class_of, MSG_C_URI) == end ? ERR_OK : ERR_SYNTAX;
}

static inline enum err read(struct slice element, struct name_addr *na, struct uri *u, bool *have)
{
    struct slice s = slice_trim(element);

    *have = false;
    *na = (struct name_addr){.star = s.n == 1 && s.p[0] == '*'};
    if (na->star)
        return ERR_OK;
    if (s.n && (s.p[0] == '<' || s.p[0] == '"' || slice_find(s, '<') != SIZE_MAX))
        return read_bracketed(s, na, u, have);
    return read_bare(s, na);
}

void msg_party_parse(struct slice element, bool with_uri, struct msg_party *p)
{
    p->tag = SLICE_NONE;
    p->e = read(element, &p->na, with_uri ? &p->uri : NULL, &p->has_uri);
    p->uri_e = ERR_OK;
    if (!p->e && p->na.params.n)
        p->e = msg_params_tag(p->na.params, &p->tag);
    if (p->e)
        p->tag = SLICE_NONE;
}

const struct uri *msg_party_uri(struct msg_party *p)
{
    if (!p->has_uri && !p->e && !p->na.star) {
        p->has_uri = true;
        p->uri_e = uri_read(p->na.uri, &p->uri);
    }
    return p->has_uri && !p->e && !p->uri_e ? &p->uri : NULL;
}

enum err name_addr_parse(struct slice element, struct name_addr *out)
{
    struct name_addr na;
    bool             have;
    enum err         e = read(element, &na, NULL, &have);

    if (e || (e = msg_params_check(na.params)))
        return e;
    *out = na;
    return ERR_OK;
}

struct slice name_addr_tag(const struct name_addr *na)
{
    struct slice tag = SLICE_NONE;

    msg_param(na->params, S("tag"), &tag);
    return tag;
}

void name_addr_put(struct buf *b, const struct name_addr *na)
{
    if (na->star) {
        buf_putc(b, '*');
        return;
    }
    if (na->display.n)
        buf_puts(b, na->display, S(" "));
    buf_puts(b, S("<"), na->uri, S(">"), na->params);
}

struct slice msg_call_id(const struct msg *m)
{
    return msg_value(m, HDR_CALL_ID);
}
