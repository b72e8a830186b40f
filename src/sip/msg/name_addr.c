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
    if (s->n && s->p[0] == '<')
        return ERR_OK; /* there is none */
    if (!s->n || s->p[0] != '"')
        return take_unquoted(s, display);
    if (msg_take_quoted(s, display))
        return ERR_SYNTAX;
    msg_skip_blank(s);
    return ERR_OK;
}

/* May it stand there as a URI at all? No blanks, no quotes, no brackets of either end, no control octets. */
static bool is_uri_text(struct slice s)
{
    unsigned all = 0;

    for (size_t i = 0; i < s.n; i++)
        all |= msg_class_of[(unsigned char)s.p[i]];
    return s.n > 0 && !(all & MSG_C_NO_URI);
}

static enum err read_bracketed(struct slice s, struct name_addr *na)
{
    size_t   end;
    enum err e;

    if ((e = take_display(&s, &na->display)))
        return e;
    if (!s.n || s.p[0] != '<' || (end = slice_find(s, '>')) == SIZE_MAX)
        return ERR_SYNTAX;
    na->bracketed = true;
    na->uri = slice_between(s.p + 1, s.p + end);
    na->params = slice_trim(slice_from(s, end + 1));
    return ERR_OK;
}

/* Without <> the first ';' ends the URI, and it may not hold a comma or question mark (RFC 3261 §20.10). */
COLD static enum err read_bare(struct slice s, struct name_addr *na)
{
    size_t semi = slice_find(s, ';');

    na->uri = slice_trim(slice_to(s, semi));
    na->params = slice_from(s, semi);
    return slice_find_any(na->uri, S("?,")) == SIZE_MAX ? ERR_OK : ERR_SYNTAX;
}

/* All but whether the URI can be one. */
static enum err cut(struct slice element, struct name_addr *na, struct slice *tag)
{
    struct slice s = slice_trim(element);
    enum err     e;

    *na = (struct name_addr){.star = s.n == 1 && s.p[0] == '*'};
    *tag = SLICE_NONE;
    if (na->star)
        return ERR_OK;
    if (s.n && (s.p[0] == '<' || s.p[0] == '"' || slice_find(s, '<') != SIZE_MAX))
        e = read_bracketed(s, na);
    else
        e = read_bare(s, na);
    return e ? e : msg_params_tag(na->params, tag);
}

void msg_party_parse(struct slice element, struct msg_party *p)
{
    p->e = cut(element, &p->na, &p->tag);
    p->uri_e = p->e || p->na.star ? ERR_SYNTAX : uri_parse(p->na.uri, &p->uri, NULL);
    if (!p->e && p->uri_e && !p->na.star && !is_uri_text(p->na.uri)) /* what parses as a URI is text of one */
        p->e = ERR_SYNTAX;
    if (p->e)
        p->tag = SLICE_NONE;
}

enum err name_addr_parse(struct slice element, struct name_addr *out)
{
    struct name_addr na;
    struct slice     tag;
    enum err         e = cut(element, &na, &tag);

    if (!e && !na.star && !is_uri_text(na.uri))
        e = ERR_SYNTAX;
    if (!e)
        *out = na;
    return e;
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
