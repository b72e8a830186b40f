/* parse.h - a SIP message, parsed in place: start line, rows, body (RFC 3261 §7). Pure. Part of the door sip/msg/msg.h.
 *
 * One pass finds the lines and names them; no value is looked into until somebody asks (values.h). All slices point into
 * the octets, which must outlive the message; the arena holds only the table of rows. */
#ifndef SIP_MSG_PARSE_H
#define SIP_MSG_PARSE_H

#include "base/arena.h"
#include "sip/msg/names.h"
#include "sip/uri/uri.h"

enum {
    MSG_MAX_OCTETS = 256 * 1024, /* of one message, head and body                         */
    MSG_MAX_HEAD = 64 * 1024,    /* of start line and header fields                       */
    MSG_MAX_METHOD = 64,         /* of a method's name                                    */
    MSG_MAX_ROWS = 512,          /* header field rows of one message                      */
    MSG_MAX_ELEMENTS = 256,      /* elements of one comma list over all rows              */
    MSG_MAX_PARAMS = 128,        /* parameters of one element                             */
    MSG_MAX_FORWARDS = 255       /* RFC 3261 §20.22                                       */
};
#define MSG_NO_ROW SIZE_MAX

/* One header field as it stood on the wire. */
struct msg_row {
    struct slice name;  /* as written: long, compact or unknown                                    */
    struct slice value; /* without the white space round it; may hold folds (CRLF SP): msg_unfold  */
    struct slice line;  /* all of the field, continuation lines and last CRLF included             */
    enum hdr_id  id;
};

/* What is wrong with a message, so that a 400 can say it: msg_put_fault(). */
struct msg_fault {
    const char *what; /* "Missing", "Bad", ...; a whole phrase where hdr is HDR_OTHER. NULL: nothing is wrong */
    enum hdr_id hdr;  /* the header field at fault, or HDR_OTHER (start line, body, unknown field)     */
    unsigned    code; /* the status a server answers with (400, 414, 416, 501, 505, 513)              */
};

struct msg {
    struct slice     raw;        /* first octet of the start line to last of the body; what is behind is not in */
    struct slice     start;      /* the start line without CRLF                                          */
    struct slice     method;     /* requests: as written. Responses: empty                               */
    struct slice     uri;        /* requests: Request-URI as written, without header fields, which it must not have */
    struct slice     reason;     /* responses: may be empty                                              */
    struct slice     version;    /* "SIP/2.0" as written                                                 */
    struct slice     head;       /* all header rows, from behind the start line to the empty line        */
    struct slice     body;
    struct msg_row  *row;        /* in the order of the wire                                             */
    size_t           n_rows;
    enum method      method_id;  /* requests; responses: METHOD_OTHER (msg_method reads CSeq then)       */
    uint16_t         status;     /* responses: 100-699; requests: 0                                      */
    bool             is_request;
    struct msg_fault fault;      /* what == NULL: the framing is sound                                   */
    enum hdr_id      repeated;   /* first header field that may occur once and does more often; or HDR_OTHER */
    uint16_t         first[HDR_N]; /* row index + 1 of the first row of an id; 0: none. Use msg_row()     */
    uint64_t         several[(HDR_N + 63) / 64]; /* bit of each id that has another row: msg_row_next() looks for it */
    size_t           row_cap;
    struct msg_read *read;       /* values that have been asked for: they are not read again (values.h)  */
};

/* Parse one message: a datagram, or what msg_frame() cut from a stream. Empty lines before it are skipped; octets behind
 * Content-Length are left out of raw and body (RFC 3261 §18.3; RFC 4475 §3.1.1.8).
 *
 * Returns  ERR_OK        *out is a message, perhaps with a `fault`: then what could be found is there (rows, perhaps a
 *                        start line), so that a request can be answered 400. See msg_check().
 *          ERR_SYNTAX    no start line that looks like SIP: nothing to answer. Drop it.
 *          ERR_LIMIT     over MSG_MAX_OCTETS, MSG_MAX_HEAD or MSG_MAX_ROWS. Drop it.
 *          ERR_NOMEM     the arena is used up. */
enum err msg_parse(struct arena *a, struct slice octets, struct msg **out);

/* Is it fit to be worked on (RFC 3261 §8.2, §16.3, §18.3; RFC 4475)? Looks at: framing fault, version, repeated single
 * fields, the mandatory ones (Via, From, To, Call-ID, CSeq) and their grammar, CSeq's method, Request-URI and its scheme,
 * Max-Forwards, Contact, Route, Record-Route, Path, Content-Length. Not at fields whose defect means "absent" (Expires).
 * Returns 0 when sane, else fault->code: the status to answer a request with (an ACK is dropped), and for a response any
 * number but 0: drop it. `fault` may be NULL. Absent Max-Forwards, tags and branch are sane (RFC 2543 peers). */
unsigned msg_check(const struct msg *m, struct msg_fault *fault);

/* The same of a message that is still coming: msg_parse() of msg_sure_lines() of what there is. Only what no later octet can
 * mend counts, so nothing is missing yet. */
unsigned msg_check_begun(const struct msg *m, struct msg_fault *fault);
/* Of the first octets of a message: the lines that cannot change any more. Not the last, which may go on or be continued;
 * not the empty line. May be empty. */
struct slice msg_sure_lines(struct slice octets);

/* Reason phrase of a refusal: "Bad CSeq header field", "Missing Call-ID header field", ... */
void msg_put_fault(struct buf *b, const struct msg_fault *fault);

/* The Call-ID of one message from its raw octets, for steering, before it is parsed. The same finder as msg_parse's (so
 * both agree), whatever else is broken in the message. ERR_NOTFOUND, ERR_INVALID: there are two (PROTOCOL 3.1). */
enum err msg_find_call_id(struct slice octets, struct slice *out);

/* --- rows ------------------------------------------------------------------------------------------------------- */

/* First row of that id, NULL when there is none; and the next one of the same id behind `row`. */
static inline const struct msg_row *msg_row(const struct msg *m, enum hdr_id id)
{
    return m->first[id] ? &m->row[m->first[id] - 1] : NULL;
}
static inline bool msg_has_several(const struct msg *m, enum hdr_id id) /* of HDR_OTHER it is not known: true */
{
    return m->several[id / 64] >> id % 64 & 1;
}
const struct msg_row *msg_row_behind_(const struct msg *m, const struct msg_row *row);
static inline const struct msg_row *msg_row_next(const struct msg *m, const struct msg_row *row)
{
    return msg_has_several(m, row->id) ? msg_row_behind_(m, row) : NULL;
}
/* The first row by name; for header fields without an id. */
const struct msg_row *msg_row_named(const struct msg *m, struct slice name);
size_t msg_count(const struct msg *m, enum hdr_id id); /* rows, not elements */
static inline bool msg_has(const struct msg *m, enum hdr_id id)
{
    return m->first[id] != 0;
}
/* Value of the first row; empty when there is none (or it is empty). */
static inline struct slice msg_value(const struct msg *m, enum hdr_id id)
{
    const struct msg_row *r = msg_row(m, id);

    return r ? r->value : SLICE_NONE;
}

/* The value with every fold (and the white space round it) as one SP; copied to the arena only where there is a fold. */
enum err msg_unfold(struct arena *a, struct slice value, struct slice *out);

/* The request's method; of a response that of its CSeq. */
enum method msg_method(const struct msg *m);

/* --- comma lists ------------------------------------------------------------------------------------------------ */

/* Elements over all rows of an id. Commas in quotes and <> do not part. Empty elements are skipped
 * (RFC 3261 §7.3.1 allows none, but phones write them; msg_check refuses them where they hurt).
 *     struct msg_list it = msg_list_begin(m, HDR_ROUTE);
 *     while (msg_list_next(&it, &element)) ... */
struct msg_list {
    const struct msg     *m;
    const struct msg_row *row;  /* that of the last element given */
    struct slice          rest; /* of that row                    */
    unsigned              n;    /* elements given                 */
};
static inline struct msg_list msg_list_begin(const struct msg *m, enum hdr_id id)
{
    return (struct msg_list){.m = m, .row = msg_row(m, id), .rest = msg_value(m, id)};
}
bool msg_list_next(struct msg_list *it, struct slice *element);
/* The same over one value: take the first element off *rest. False when nothing is left. */
bool msg_element_next(struct slice *rest, struct slice *element);
/* The i-th element (from 0). ERR_NOTFOUND. */
enum err msg_element(const struct msg *m, enum hdr_id id, size_t i, struct slice *out);
/* The last one. ERR_NOTFOUND. */
enum err msg_element_last(const struct msg *m, enum hdr_id id, struct slice *out);
size_t msg_element_count(const struct msg *m, enum hdr_id id);
/* Is `token` one of the list (Allow, Supported, Require, ...)? Case is ignored but for methods (Allow). Parameters of an
 * element are not looked at. */
bool msg_has_token(const struct msg *m, enum hdr_id id, struct slice token);

#endif
