/* frame.c - messages cut out of a stream: RFC 3261 §18.3, keep-alive of RFC 5626 §4.4.1.
 *
 * Room      sip/msg (pure).
 * In        what was received and not yet taken; the state of the stream.
 * Out       how many octets are the next thing, and what it is.
 * Touches   *fr.
 * A message without Content-Length has no body (RFC 3261 §18.3 demands the field on streams). If what follows is no SIP,
 * it was that body all the same: then the stream is of no more use for reading, but its message still gets its answer. */
#include "sip/msg/msg_priv.h"

#include <string.h>

static void give(struct msg_frame *out, enum msg_frame_kind kind, size_t n)
{
    out->kind = kind;
    out->n = n;
}

/* For the next message; what is known of the last one stays. */
static void start_over(struct msg_framer *fr, bool no_length)
{
    fr->scanned = fr->head = fr->whole = 0;
    fr->half_ping = false;
    fr->no_length = no_length;
}

static void give_up(struct msg_framer *fr, struct msg_frame *out, unsigned code, size_t head)
{
    if (fr->no_length && head == 0) {
        give(out, MSG_FRAME_DEAF, 0);
        return;
    }
    give(out, MSG_FRAME_BROKEN, head);
    out->code = code;
}

/* CRLF, and CRLF CRLF, before a start line. False: there is something else, or not enough yet (then n = 0). */
static bool take_empty_lines(struct msg_framer *fr, struct slice stream, struct msg_frame *out)
{
    if (!slice_starts(stream, S("\r\n")))
        return false;
    if (fr->opened_by_us) {
        give(out, MSG_FRAME_CRLF, 2);
    } else if (fr->half_ping) {
        give(out, MSG_FRAME_PING, 2);
        fr->half_ping = false;
    } else if (slice_starts(stream, S("\r\n\r\n"))) {
        give(out, MSG_FRAME_PING, 4);
    } else {
        give(out, MSG_FRAME_CRLF, 2);
        fr->half_ping = true;
    }
    return true;
}

/* The empty line: "\n" followed by "\n" or "\r\n", whatever else is wrong with the line ends (parse.c says so then).
 * Returns the octets up to and with it; 0 when it is not there yet, and remembers how far was looked. */
static size_t find_head(struct msg_framer *fr, struct slice stream)
{
    size_t at = fr->scanned;

    while (at < stream.n) {
        const char  *lf = memchr(stream.p + at, '\n', stream.n - at);
        struct slice behind;

        if (!lf) {
            fr->scanned = stream.n;
            return 0;
        }
        fr->scanned = (size_t)(lf - stream.p);
        behind = slice_from(stream, fr->scanned + 1);
        if (slice_starts(behind, S("\n")))
            return fr->scanned + 2;
        if (slice_starts(behind, S("\r\n")))
            return fr->scanned + 3;
        if (behind.n < 2)
            return 0; /* look at this line end again when more has come */
        at = fr->scanned + 1;
    }
    return 0;
}

/* Content-Length of a whole head. ERR_NOTFOUND; ERR_INVALID: there are two, or it is no number. */
static enum err head_length(struct slice head, size_t *out)
{
    struct msg_scan s;
    struct slice    line;
    struct msg_row  row;
    bool            have = false;

    msg_scan_begin(&s, head, &line);
    while (msg_scan_line(&s, &line)) {
        char c = ascii_lower(line.p[0]);

        if ((c != 'c' && c != 'l') || msg_read_row(line, &row) || row.id != HDR_CONTENT_LENGTH)
            continue;
        if (have || msg_read_length(row.value, out))
            return ERR_INVALID;
        have = true;
    }
    return have ? ERR_OK : ERR_NOTFOUND;
}

static void measure_body(struct msg_framer *fr, struct slice head, size_t max, struct msg_frame *out)
{
    size_t   length = 0;
    enum err e = head_length(head, &length);

    if (e == ERR_INVALID) {
        give_up(fr, out, 400, head.n);
        return;
    }
    if (length > max || head.n > max - length) {
        give_up(fr, out, 413, head.n);
        return;
    }
    fr->head = head.n;
    fr->whole = head.n + length;
    fr->no_length = e == ERR_NOTFOUND;
}

void msg_frame(struct msg_framer *fr, struct slice stream, size_t max, struct msg_frame *out)
{
    size_t head;

    *out = (struct msg_frame){.kind = MSG_FRAME_MORE};
    if (max > MSG_MAX_OCTETS)
        max = MSG_MAX_OCTETS;
    if (!fr->head) {
        if (!stream.n || slice_eq(stream, S("\r")) || take_empty_lines(fr, stream, out))
            return;
        fr->half_ping = false;
        if (fr->scanned <= MSG_MAX_METHOD && !msg_looks_like_start(stream)) {
            give_up(fr, out, 400, 0);
            return;
        }
        if (!(head = find_head(fr, stream))) {
            if (stream.n >= (max < MSG_MAX_HEAD ? max : (size_t)MSG_MAX_HEAD))
                give_up(fr, out, 413, stream.n);
            return;
        }
        measure_body(fr, slice_to(stream, head), max, out);
    }
    if (fr->head && stream.n >= fr->whole) {
        give(out, MSG_FRAME_WHOLE, fr->whole);
        start_over(fr, fr->no_length);
    }
}

size_t msg_frame_wants(const struct msg_framer *fr)
{
    return fr->head ? fr->whole : 0;
}
