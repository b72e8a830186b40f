/* msg_priv.h - what the files of sip/msg share: characters, white space, lines. Private. */
#ifndef SIP_MSG_PRIV_H
#define SIP_MSG_PRIV_H

#include "base/cold.h"
#include "base/scan.h"
#include "sip/msg/msg.h"

/* RFC 3261 §25.1 token; the octets that a lenient parameter value may hold unquoted; white space; what can stand in a
 * URI (no blanks, control octets, quotes, <>); what can in a Call-ID: all that is visible but a comma, which no word has.
 * Inline: this is asked of every octet of every name. */
enum { MSG_C_TOKEN = 1, MSG_C_VALUE = 2, MSG_C_BLANK = 4, MSG_C_URI = 8, MSG_C_CALL_ID = 16 };
extern const uint8_t msg_class_of[256];

static inline bool msg_is_token_char(char c)
{
    return msg_class_of[(unsigned char)c] & MSG_C_TOKEN;
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

static inline const char *msg_behind_blank(const char *p, const char *end)
{
    while (p < end && msg_is_blank(*p))
        p++;
    return p;
}

/* Take a quoted string with its quotes. ERR_SYNTAX when *s does not begin with one or it does not end. */
enum err msg_take_quoted(struct slice *s, struct slice *out);
/* Is c next (after white space)? Then it is taken, and the white space behind it too. */
bool msg_take_char(struct slice *s, char c);
/* One parameter from its ';' on. Behind it; NULL: it is none. */
const char *msg_param_read(const char *p, const char *end, struct msg_param *out);
/* Its name as a number, of eight octets at most: letters as small ones, and blanks behind it. A token has no blanks. */
static inline uint64_t msg_param_word(struct slice name)
{
    return scan_word_of(name.p, name.n) | 0x20 * SCAN_EACH;
}
/* msg_params_check(), and the value of `tag` while at it; empty when there is none. */
enum err msg_params_tag(struct slice params, struct slice *tag);
/* Digits at the front as a number. ERR_SYNTAX, ERR_LIMIT. */
enum err msg_take_number(struct slice *s, uint64_t max, uint64_t *out);

/* --- what has been read of a message (read.c) --------------------------------------------------------------------- */

enum msg_read_what {
    MSG_READ_FROM, MSG_READ_TO, MSG_READ_CONTACT, MSG_READ_ROUTE, /* these are parties */
    MSG_READ_URI, MSG_READ_CSEQ, MSG_READ_VIA, MSG_READ_CALL_HASH,
    MSG_READ_N
};
enum { MSG_PARTIES = MSG_READ_ROUTE + 1 };

struct msg_party {
    enum err         e;       /* of na and tag */
    bool             is_row;  /* all of its row is it: of msg_party() */
    struct name_addr na;
    struct slice     tag;     /* empty: there is none */
    bool             has_uri; /* it has been read: uri, or uri_e */
    enum err         uri_e;
    struct uri       uri;
};
/* name_addr_parse(), and its tag. Who will ask for its URI, too, says so: then its octets are looked at once. */
void msg_party_parse(struct slice element, bool with_uri, struct msg_party *p);
/* Its URI. NULL: unreadable, or "*". */
const struct uri *msg_party_uri(struct msg_party *p);
/* The first one of a header field, read once for each message. */
struct msg_party *msg_party(const struct msg *m, enum msg_read_what what, bool with_uri);

/* via_parse() that may write *v on an error, too. */
enum err via_read(struct slice element, struct via *v);
/* The same of the first element of a list, with no white space before it: what is behind its comma is not looked at. */
enum err via_read_first(struct slice list, struct via *v);

struct msg_read {
    bool             done[MSG_READ_N]; /* else the value below is not there yet */
    struct msg_party party[MSG_PARTIES];
    enum err         uri_e, cseq_e, via_e;
    struct uri       uri;
    struct cseq      cseq;
    struct via       via;
    struct hash_key  call_key;         /* with which it was hashed */
    uint64_t         call_hash;
};

/* --- lines (lines.c) ---------------------------------------------------------------------------------------------- */

struct msg_scan {
    const char *at;    /* not yet read                                                                     */
    const char *end;
    const char *from;  /* where it began                                                                   */
    const char *empty; /* where the empty line began, or the octets ended                                  */
    bool        ended; /* the empty line was met: `at` is where the body begins                            */
    bool        odd;   /* of some line before it nobody has seen whether it ends in CRLF and has no other CR or LF */
};

struct msg_scan msg_scan_of(struct slice octets);
/* Empty lines before a start line are skipped, and the start line is taken. False: there is none. */
bool msg_scan_begin(struct msg_scan *s, struct slice octets, struct slice *start);
/* The next header field with its continuation lines; `line` is with its last line end. False at the end: then it is not to be
 * asked again. */
bool msg_scan_line(struct msg_scan *s, struct slice *line);
/* Behind the empty line: did every line that was read end in CRLF, and was there no lone CR or LF besides? Such a one is a
 * line end to some peers and none to others: what one reads as a value, another reads as a header field. */
bool msg_scan_is_clean(const struct msg_scan *s);
/* A line's name, value and id. ERR_SYNTAX: no colon, or no token before it. */
enum err msg_read_row(struct slice line, struct msg_row *out);
/* All the lines up to the empty one become rows of m. ERR_NOMEM, ERR_LIMIT. */
enum err msg_scan_rows(struct msg_scan *s, struct msg *m, struct arena *a);

/* Content-Length's value. ERR_SYNTAX, ERR_LIMIT (over any message). */
enum err msg_read_length(struct slice value, size_t *out);

/* Start lines (start_line.c): fills the start line's fields of *m and reads the Request-URI; a fault is noted there.
 * ERR_SYNTAX: not SIP at all. */
enum err msg_read_start(struct msg *m);
extern const char msg_no_empty_line[]; /* the fault of octets that end within the head */
void     msg_note_fault(struct msg *m, unsigned code, enum hdr_id hdr, const char *what);
/* Does it look like the beginning of one, as far as it has come (for streams)? Looks at MSG_MAX_METHOD octets. */
bool msg_looks_like_start(struct slice line);

#endif
