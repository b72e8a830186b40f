/* chars.c - tokens, quoted strings and white space of header fields: RFC 3261 §25.1.
 *
 * Room      sip/msg (pure).
 * In        octets of a value, as on the wire.
 * Out       slices of them.
 * Touches   the slice that is read from, which shrinks. */
#include "sip/msg/msg_priv.h"

enum { SURE_DIGITS = 19 }; /* fit in 64 bits, whatever they are */

enum {
    QUOTE = MSG_C_CALL_ID, /* and brackets */
    COMMA = MSG_C_URI,
    SEEN = MSG_C_CALL_ID | MSG_C_URI,
    VALUE = MSG_C_VALUE | SEEN,
    T = MSG_C_TOKEN | VALUE,
    BLANK = MSG_C_BLANK
};

const uint8_t msg_class_of[256] = {
    ['0'] = T, ['1'] = T, ['2'] = T, ['3'] = T, ['4'] = T, ['5'] = T, ['6'] = T, ['7'] = T, ['8'] = T, ['9'] = T,
    ['a'] = T, ['b'] = T, ['c'] = T, ['d'] = T, ['e'] = T, ['f'] = T, ['g'] = T, ['h'] = T, ['i'] = T, ['j'] = T,
    ['k'] = T, ['l'] = T, ['m'] = T, ['n'] = T, ['o'] = T, ['p'] = T, ['q'] = T, ['r'] = T, ['s'] = T, ['t'] = T,
    ['u'] = T, ['v'] = T, ['w'] = T, ['x'] = T, ['y'] = T, ['z'] = T, ['A'] = T, ['B'] = T, ['C'] = T, ['D'] = T,
    ['E'] = T, ['F'] = T, ['G'] = T, ['H'] = T, ['I'] = T, ['J'] = T, ['K'] = T, ['L'] = T, ['M'] = T, ['N'] = T,
    ['O'] = T, ['P'] = T, ['Q'] = T, ['R'] = T, ['S'] = T, ['T'] = T, ['U'] = T, ['V'] = T, ['W'] = T, ['X'] = T,
    ['Y'] = T, ['Z'] = T, ['-'] = T, ['.'] = T, ['!'] = T, ['%'] = T, ['*'] = T, ['_'] = T, ['+'] = T, ['`'] = T,
    ['\''] = T, ['~'] = T,
    /* not of a token, but seen in values: addresses, paths, base64, e-mail addresses */
    ['['] = VALUE, [']'] = VALUE, [':'] = VALUE, ['/'] = VALUE, ['@'] = VALUE, ['='] = VALUE, ['&'] = VALUE,
    ['$'] = VALUE, ['#'] = VALUE, ['?'] = VALUE, ['('] = VALUE, [')'] = VALUE, ['|'] = VALUE, ['^'] = VALUE,
    ['{'] = VALUE, ['}'] = VALUE,
    /* other alphabets */
    [0x80 ... 0xff] = VALUE,
    [' '] = BLANK, ['\t'] = BLANK, ['\r'] = BLANK, ['\n'] = BLANK,
    ['"'] = QUOTE, ['<'] = QUOTE, ['>'] = QUOTE, [','] = COMMA, [';'] = SEEN, ['\\'] = SEEN,
};

bool msg_is_token(struct slice s)
{
    return s.n > 0 && scan_behind(s.p, slice_end(s), msg_class_of, MSG_C_TOKEN) == slice_end(s);
}

struct slice msg_take_token(struct slice *s)
{
    const char  *behind = scan_behind(s->p, slice_end(*s), msg_class_of, MSG_C_TOKEN);
    struct slice token = slice_between(s->p, behind);

    *s = slice_between(behind, slice_end(*s));
    return token;
}

bool msg_take_char(struct slice *s, char c)
{
    struct slice after = *s;

    msg_skip_blank(&after);
    if (!after.n || after.p[0] != c)
        return false;
    after = slice_from(after, 1);
    msg_skip_blank(&after);
    *s = after;
    return true;
}

enum err msg_take_quoted(struct slice *s, struct slice *out)
{
    const char *end = slice_end(*s);

    if (!s->n || s->p[0] != '"')
        return ERR_SYNTAX;
    for (const char *p = s->p + 1; p < end; p++) {
        if (*p == '"') {
            *out = slice_between(s->p, p + 1);
            *s = slice_between(p + 1, end);
            return ERR_OK;
        }
        if (*p == '\\' && p + 1 < end)
            p++;
    }
    return ERR_SYNTAX;
}

enum err msg_take_number(struct slice *s, uint64_t max, uint64_t *out)
{
    const char *p = s->p, *end = slice_end(*s);
    uint64_t    n = 0;
    enum err    e;

    for (; p < end && ascii_is_digit(*p); p++)
        n = n * 10 + (uint64_t)(*p - '0');
    if (p - s->p > SURE_DIGITS && (e = slice_u64(slice_between(s->p, p), max, &n)))
        return e;
    if (p == s->p)
        return ERR_SYNTAX;
    if (n > max)
        return ERR_LIMIT;
    *s = slice_between(p, end);
    *out = n;
    return ERR_OK;
}

/* A fold is CRLF with the blanks round it; it reads as one SP (RFC 3261 §7.3.1). */
static size_t fold_at(struct slice s, size_t i)
{
    size_t n = i;

    while (n < s.n && msg_is_blank(s.p[n]))
        n++;
    return slice_find_any(slice_between(s.p + i, s.p + n), S("\r\n")) == SIZE_MAX ? 0 : n - i;
}

static void put_unfolded(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n;) {
        size_t fold = msg_is_blank(s.p[i]) ? fold_at(s, i) : 0;

        buf_putc(b, fold ? ' ' : s.p[i]);
        i += fold ? fold : 1;
    }
}

enum err msg_unfold(struct arena *a, struct slice value, struct slice *out)
{
    struct buf b;
    void      *block;

    if (slice_find(value, '\n') == SIZE_MAX) {
        *out = value;
        return ERR_OK;
    }
    if (!(block = arena_alloc(a, value.n)))
        return ERR_NOMEM;
    buf_init(&b, block, value.n);
    put_unfolded(&b, value);
    *out = buf_slice(&b);
    return ERR_OK;
}

void msg_put_unquoted(struct buf *b, struct slice s)
{
    if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"') {
        put_unfolded(b, s);
        return;
    }
    for (size_t i = 1; i < s.n - 1;) {
        size_t fold = msg_is_blank(s.p[i]) ? fold_at(s, i) : 0;

        if (s.p[i] == '\\' && i + 2 < s.n)
            i++;
        buf_putc(b, fold ? ' ' : s.p[i]);
        i += fold ? fold : 1;
    }
}

static uint64_t marks_in(const char *p)
{
    return scan_where16(p, '"') | scan_where16(p, '\\') | scan_where16(p, '\r') | scan_where16(p, '\n');
}

static bool is_mark(char c)
{
    return c == '"' || c == '\\' || c == '\r' || c == '\n';
}

/* How many octets stand in quotes as they are. */
static size_t plain_run(struct slice text)
{
    size_t   n = 0;
    uint64_t marks;

    for (; n + 16 <= text.n; n += 16)
        if ((marks = marks_in(text.p + n)))
            return n + (size_t)__builtin_ctzll(marks);
    while (n < text.n && !is_mark(text.p[n]))
        n++;
    return n;
}

/* Runs of what stands as it is are put at once: mostly that is all. */
void msg_put_quoted(struct buf *b, struct slice text)
{
    size_t n = plain_run(text);

    buf_putc(b, '"');
    buf_put(b, slice_to(text, n));
    for (; n < text.n; n++) {
        char c = text.p[n];

        if (c == '"' || c == '\\')
            buf_putc(b, '\\');
        buf_putc(b, c == '\r' || c == '\n' ? ' ' : c);
    }
    buf_putc(b, '"');
}
