/* build.h - new messages, row by row (RFC 3261 §7, §8.1.1, §8.2.6). Pure. Part of the door sip/msg/msg.h.
 *
 * Start line, rows, then msg_put_end(). Look at buf_err() once, at the end. */
#ifndef SIP_MSG_BUILD_H
#define SIP_MSG_BUILD_H

#include "sip/msg/values.h"

void msg_put_request_line(struct buf *b, struct slice method, struct slice uri);
void msg_put_status_line(struct buf *b, unsigned code, struct slice reason); /* reason empty: msg_reason(code) */

void msg_put_row(struct buf *b, enum hdr_id id, struct slice value);
void msg_put_row_named(struct buf *b, struct slice name, struct slice value);
void msg_put_row_number(struct buf *b, enum hdr_id id, uint64_t value);
void msg_put_cseq(struct buf *b, uint32_t number, struct slice method);
/* Every row of that id of another message, with the name's proper spelling, the values as they came. */
void msg_put_rows_of(struct buf *b, const struct msg *m, enum hdr_id id);

/* Content-Type (when there is a body), Content-Length, the empty line, the body. */
void msg_put_end(struct buf *b, struct slice type, struct slice body);

/* The rows that every response takes from its request (RFC 3261 §8.2.6.2): status line, all Via, From, To (with `to_tag`
 * where it has none and to_tag is not empty; never for 100), Call-ID, CSeq; then, when asked for, Record-Route
 * (§12.1.1), and Timestamp in a 100. What a broken request lacks is left out. The caller adds rows and msg_put_end(). */
struct msg_reply {
    const struct msg  *request;
    unsigned           code;
    struct slice       reason;       /* empty: msg_reason(code)                                         */
    struct slice       to_tag;       /* empty: none is added                                            */
    const struct addr *source;       /* whence the request came: received and rport of the top Via;
                                        NULL: the Via is as it should be already                        */
    struct slice       via;          /* the top Via with received and rport, where it is written already */
    bool               record_route;
};
void msg_put_reply(struct buf *b, const struct msg_reply *reply);

/* A whole response without body, for refusals made below the transaction user. */
enum err msg_put_refusal(struct buf *b, const struct msg_reply *reply);

#endif
