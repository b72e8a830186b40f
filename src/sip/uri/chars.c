/* chars.c - character classes of URIs: RFC 3261 §25.1.
 *
 * Room      sip/uri (pure).
 * In        octets of a URI.
 * Out       classes, decoded octets. */
#include "sip/uri/uri_priv.h"

enum {
    U = URI_C_UNRESERVED | URI_C_USER | URI_C_PASSWORD | URI_C_PARAM | URI_C_VALUE | URI_C_HEADER,
    H = URI_C_LABEL
};

const uint8_t uri_class_of[256] = {
    ['0'] = U | H, ['1'] = U | H, ['2'] = U | H, ['3'] = U | H, ['4'] = U | H, ['5'] = U | H, ['6'] = U | H,
    ['7'] = U | H, ['8'] = U | H, ['9'] = U | H,
    ['a'] = U | H, ['b'] = U | H, ['c'] = U | H, ['d'] = U | H, ['e'] = U | H, ['f'] = U | H, ['g'] = U | H,
    ['h'] = U | H, ['i'] = U | H, ['j'] = U | H, ['k'] = U | H, ['l'] = U | H, ['m'] = U | H, ['n'] = U | H,
    ['o'] = U | H, ['p'] = U | H, ['q'] = U | H, ['r'] = U | H, ['s'] = U | H, ['t'] = U | H, ['u'] = U | H,
    ['v'] = U | H, ['w'] = U | H, ['x'] = U | H, ['y'] = U | H, ['z'] = U | H,
    ['A'] = U | H, ['B'] = U | H, ['C'] = U | H, ['D'] = U | H, ['E'] = U | H, ['F'] = U | H, ['G'] = U | H,
    ['H'] = U | H, ['I'] = U | H, ['J'] = U | H, ['K'] = U | H, ['L'] = U | H, ['M'] = U | H, ['N'] = U | H,
    ['O'] = U | H, ['P'] = U | H, ['Q'] = U | H, ['R'] = U | H, ['S'] = U | H, ['T'] = U | H, ['U'] = U | H,
    ['V'] = U | H, ['W'] = U | H, ['X'] = U | H, ['Y'] = U | H, ['Z'] = U | H,
    ['-'] = U | H, ['_'] = U | H,
    ['.'] = U, ['!'] = U, ['~'] = U, ['*'] = U, ['\''] = U, ['('] = U, [')'] = U,
    /* reserved, and where each may stand as itself */
    ['&'] = URI_C_RESERVED | URI_C_USER | URI_C_PASSWORD | URI_C_PARAM | URI_C_VALUE,
    ['='] = URI_C_RESERVED | URI_C_USER | URI_C_PASSWORD | URI_C_HEADER | URI_C_VALUE,
    ['+'] = URI_C_RESERVED | URI_C_USER | URI_C_PASSWORD | URI_C_PARAM | URI_C_VALUE | URI_C_HEADER,
    ['$'] = URI_C_RESERVED | URI_C_USER | URI_C_PASSWORD | URI_C_PARAM | URI_C_VALUE | URI_C_HEADER,
    [','] = URI_C_RESERVED | URI_C_USER | URI_C_PASSWORD | URI_C_HEADER | URI_C_VALUE,
    [';'] = URI_C_RESERVED | URI_C_USER | URI_C_HEADER,
    ['?'] = URI_C_RESERVED | URI_C_USER | URI_C_HEADER,
    ['/'] = URI_C_RESERVED | URI_C_USER | URI_C_PARAM | URI_C_VALUE | URI_C_HEADER,
    [':'] = URI_C_RESERVED | URI_C_PARAM | URI_C_VALUE | URI_C_HEADER,
    ['@'] = URI_C_RESERVED | URI_C_HEADER | URI_C_VALUE,
    ['['] = URI_C_PARAM | URI_C_VALUE | URI_C_HEADER,
    [']'] = URI_C_PARAM | URI_C_VALUE | URI_C_HEADER,
    ['#'] = URI_C_USER,
};

static bool is_escape(struct slice s, size_t i)
{
    return s.n - i >= 3 && hex_value(s.p[i + 1]) >= 0 && hex_value(s.p[i + 2]) >= 0;
}

COLD const char *uri_behind_escapes(const char *p, const char *end, uint8_t class)
{
    while (p < end && *p == '%' && is_escape(slice_between(p, end), 0))
        p = scan_behind(p + 3, end, uri_class_of, class);
    return p;
}

unsigned char uri_octet(struct slice s, size_t *i, bool *escaped)
{
    size_t at = *i;

    *escaped = s.p[at] == '%' && is_escape(s, at);
    *i = at + (*escaped ? 3 : 1);
    if (!*escaped)
        return (unsigned char)s.p[at];
    return (unsigned char)(hex_value(s.p[at + 1]) << 4 | hex_value(s.p[at + 2]));
}
