/* msg_priv.h - what the files of sip/msg share: characters, white space, lines. Private. */
#ifndef SIP_MSG_PRIV_H
#define SIP_MSG_PRIV_H

#include "sip/msg/msg.h"

/* RFC 3261 §25.1 token; the octets that a lenient parameter value may hold unquoted; white space; what cannot stand in a
 * URI (blanks and control octets, quotes, <>). Inline: this is asked of every octet of every name. */
enum { MSG_C_TOKEN = 1, MSG_C_VALUE = 2, MSG_C_BLANK = 4, MSG_C_NO_URI = 8 };
extern const uint8_t msg_class_of[256];

static inline bool msg_is_token_char(char c)
{
    return msg_class_of[(unsigned char)c] & MSG_C_TOKEN;
}

static inline bool msg_is_value_char(char c)
{
    return msg_class_of[(unsigned char)c] & MSG_C_VALUE;
}

/* SP, HTAB, CR, LF: within a value CR and LF occur in folds only, so skipping them is skipping LWS. */
static inline bool msg_is_blank(char c)
{
    return msg_class_of[(unsigned char)c] & MSG_C_BLANK;
}

/* Take white space, or a token, off the front of *s. The token may come out empty. */
static inline void msg_skip_blank(struct slice *s)
{
    while (s->n && msg_is_blank(s->p[0])) {
        s->p++;
        s->n--;
    }
}

static inline struct slice msg_take_token(struct slice *s)
{
    struct slice token = {s->p, 0};

    while (token.n < s->n && msg_is_token_char(token.p[token.n]))
        token.n++;
    *s = slice_from(*s, token.n); /* also right where there is no text at all: NULL + 0 is undefined */
    return token;
}

/* Take a quoted string with its quotes. ERR_SYNTAX when *s does not begin with one or it does not end. */
enum err msg_take_quoted(struct slice *s, struct slice *out);
/* Is c next (after white space)? Then it is taken, and the white space behind it too. */
static inline bool msg_take_char(struct slice *s, char c)
{
    struct slice after = *s;

    msg_skip_blank(&after);
    if (!after.n || after.p[0] != c)
        return false;
    after.p++;
    after.n--;
    msg_skip_blank(&after);
    *s = after;
    return true;
}
/* msg_params_check(), and the value of `tag` while at it; empty when there is none. */
enum err msg_params_tag(struct slice params, struct slice *tag);
/* name_addr_parse(), and its tag. */
enum err msg_party_parse(struct slice element, struct name_addr *out, struct slice *tag);
/* Digits at the front as a number. ERR_SYNTAX, ERR_LIMIT. */
enum err msg_take_number(struct slice *s, uint64_t max, uint64_t *out);

/* --- what has been read of a message (read.c) --------------------------------------------------------------------- */

enum msg_read_what {
    MSG_READ_FROM, MSG_READ_TO, MSG_READ_CONTACT, /* these are parties */
    MSG_READ_FROM_URI, MSG_READ_TO_URI, MSG_READ_CONTACT_URI, MSG_READ_URI, MSG_READ_CSEQ, MSG_READ_VIA,
    MSG_READ_N
};
enum { MSG_PARTIES = MSG_READ_CONTACT + 1 };

struct msg_party {
    enum err         e, uri_e;
    struct name_addr na;
    struct slice     tag;
    struct uri       uri;
};

struct msg_read {
    bool             done[MSG_READ_N]; /* else the value below is not there yet */
    struct msg_party party[MSG_PARTIES];
    enum err         uri_e, cseq_e, via_e;
    struct uri       uri;
    struct cseq      cseq;
    struct via       via;
};

/* --- lines (lines.c) ---------------------------------------------------------------------------------------------- */

struct msg_scan {
    struct slice rest;    /* not yet read                                      */
    const char  *from;    /* where it began                                    */
    size_t       n_lines; /* read so far, empty ones too                       */
    bool         ended;   /* the empty line was met: rest begins with the body */
    const char  *empty;   /* where the empty line began, or the octets ended   */
    bool         bare;    /* a line ended in LF without CR                     */
};

/* Empty lines before a start line are skipped, and the start line is taken. False: there is none. */
bool msg_scan_begin(struct msg_scan *s, struct slice octets, struct slice *start);
/* The next header field with its continuation lines; `line` is with its last line end. False at the end. */
bool msg_scan_line(struct msg_scan *s, struct slice *line);
/* Part a line into name and value. ERR_SYNTAX: no colon, or no token before it. */
enum err msg_split_line(struct slice line, struct slice *name, struct slice *value);
/* Did every line that was read end in CRLF, and was there no lone CR or LF besides? Such a one is a line end to some peers
 * and none to others: what one reads as a value, another reads as a header field. */
bool msg_scan_is_clean(const struct msg_scan *s);

/* Content-Length's value. ERR_SYNTAX, ERR_LIMIT (over any message). */
enum err msg_read_length(struct slice value, size_t *out);

/* Start lines (start_line.c): fills the start line's fields of *m; a fault is noted there. ERR_SYNTAX: not SIP at all. */
enum err msg_read_start(struct msg *m);
extern const char msg_no_empty_line[]; /* the fault of octets that end within the head */
void     msg_note_fault(struct msg *m, unsigned code, enum hdr_id hdr, const char *what);
/* Does it look like the beginning of one, as far as it has come (for streams)? Looks at MSG_MAX_METHOD octets. */
bool msg_looks_like_start(struct slice line);

#endif
