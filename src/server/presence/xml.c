/* xml.c - text into XML 1.0 documents (§2.2, §2.4): nothing from the wire can open a tag or break the encoding.
 *
 * Room      server/presence.
 * Touches   the buffer it is given. */
#include "server/presence/presence_priv.h"

/* How many octets at s are one sound UTF-8 character that XML may hold; 0: none. */
static size_t sound_utf8(struct slice s)
{
    static const struct {
        unsigned char first, mask;
        uint32_t      least;
    } form[] = {{0x00, 0x80, 0}, {0xc0, 0xe0, 0x80}, {0xe0, 0xf0, 0x800}, {0xf0, 0xf8, 0x10000}};
    unsigned char c = (unsigned char)s.p[0];

    for (size_t n = 1; n <= 4; n++) {
        uint32_t v = c & (unsigned char)~form[n - 1].mask;

        if ((c & form[n - 1].mask) != form[n - 1].first)
            continue;
        for (size_t i = 1; i < n; i++) {
            if (i >= s.n || ((unsigned char)s.p[i] & 0xc0) != 0x80)
                return 0;
            v = v << 6 | ((unsigned char)s.p[i] & 0x3f);
        }
        return v < form[n - 1].least || (v >= 0xd800 && v <= 0xdfff) || v == 0xfffe || v == 0xffff || v > 0x10ffff ? 0 : n;
    }
    return 0;
}

void presence_put_xml(struct buf *b, struct slice text)
{
    for (size_t n; text.n > 0; text = slice_from(text, n)) {
        char c = text.p[0];

        n = sound_utf8(text);
        if (n == 0) {
            buf_put(b, S("\xef\xbf\xbd"));
            n = 1;
        } else if (c == '&')
            buf_put(b, S("&amp;"));
        else if (c == '<')
            buf_put(b, S("&lt;"));
        else if (c == '>')
            buf_put(b, S("&gt;"));
        else if (c == '"')
            buf_put(b, S("&quot;"));
        else if (n > 1 || (unsigned char)c >= ' ')
            buf_put(b, slice_to(text, n));
        else if (c == '\t' || c == '\n' || c == '\r')
            buf_putc(b, ' ');
    }
}

void presence_put_uri(struct buf *b, struct slice number, struct slice host)
{
    char       room[3 * PRESENCE_MAX_NUMBER + 3 * DIRECTORY_MAX_HOST];
    struct buf u = BUF_ON(room);

    buf_put(&u, S("sip:"));
    uri_put_escaped_user(&u, number);
    buf_puts(&u, S("@"), host);
    presence_put_xml(b, buf_slice(&u));
}
