/* parts.h - multipart bodies (RFC 2046 §5.1) and SIP fragments (RFC 3420). Pure. Part of the door sip/msg/msg.h. */
#ifndef SIP_MSG_PARTS_H
#define SIP_MSG_PARTS_H

#include "sip/msg/values.h"

enum { MSG_MAX_PARTS = 32, MSG_MAX_BOUNDARY = 70 };

struct msg_parts {
    struct slice rest;
    char         boundary[2 + MSG_MAX_BOUNDARY]; /* with "--", unquoted */
    size_t       boundary_n;
    unsigned     n;                              /* parts given         */
    bool         ended;                          /* "--boundary--" seen */
};
struct msg_part {
    struct slice head; /* its header rows, may be empty */
    struct slice body; /* without the CRLF before the next boundary */
};

/* content_type: value of the header field. ERR_UNSUPPORTED when it is not multipart, ERR_SYNTAX without a boundary. */
enum err msg_parts_begin(struct slice content_type, struct slice body, struct msg_parts *it);
/* ERR_NOTFOUND at the end, ERR_SYNTAX when the closing boundary is missing, ERR_LIMIT after MSG_MAX_PARTS. */
enum err msg_parts_next(struct msg_parts *it, struct msg_part *out);
/* Value of a header field of a part (unfolded it is not); ERR_NOTFOUND. */
enum err msg_part_value(const struct msg_part *part, struct slice name, struct slice *value);
/* The body of that type: the message's own, or the first such part, multiparts within searched to a depth of 4. */
enum err msg_find_body(const struct msg *m, struct slice type, struct slice subtype, struct slice *body);

/* The start line of a message/sipfrag body (a NOTIFY of `refer`). ERR_SYNTAX when it has none. */
struct sipfrag {
    bool         is_request;
    uint16_t     status;
    struct slice reason;
    struct slice method;
    struct slice uri;
};
enum err sipfrag_parse(struct slice body, struct sipfrag *out);

#endif
