/* frame.h - where one message ends and the next begins on a stream (RFC 3261 §7.5, §18.3; RFC 5626 §4.4.1). Pure.
 * Part of the door sip/msg/msg.h. */
#ifndef SIP_MSG_FRAME_H
#define SIP_MSG_FRAME_H

#include "sip/msg/parse.h"

/* State of one stream; all zero at the start. What was scanned is not scanned again, so a message that comes octet by
 * octet costs no more than one that comes whole. */
struct msg_framer {
    size_t scanned;      /* octets of the message at the front that were looked at         */
    size_t head;         /* octets up to and with the empty line; 0: not seen yet          */
    size_t whole;        /* octets of head and body, once the head is there                */
    bool   half_ping;    /* the last thing taken was one CRLF                              */
    bool   no_length;    /* the last message had no Content-Length                         */
    bool   opened_by_us; /* set by the caller: CRLFs are pongs here, never pings           */
};

enum msg_frame_kind {
    MSG_FRAME_MORE,   /* nothing whole yet. n = 0                                                           */
    MSG_FRAME_WHOLE,  /* the first n octets are one message                                                 */
    MSG_FRAME_CRLF,   /* n = 2: an empty line: a pong where we are the client, else nothing                 */
    MSG_FRAME_PING,   /* n = 2 or 4: CRLF CRLF is complete: answer CRLF (not where opened_by_us)            */
    MSG_FRAME_BROKEN, /* framing is lost: two or bad Content-Lengths, over `max`, or no SIP. The first n octets, if
                         any, are a head to msg_parse() and answer 400 (or 413) before the stream is closed  */
    MSG_FRAME_DEAF    /* what follows a message without Content-Length is no SIP: that was its body. Read no more,
                         but leave the stream open for the answers                                          */
};

struct msg_frame {
    enum msg_frame_kind kind;
    size_t              n;        /* octets to take off the front                                      */
    unsigned            code;     /* MSG_FRAME_BROKEN: 400 or 413                                       */
};

/* What stands at the front of `stream` (all that was received and not yet taken). The caller takes out->n octets off and
 * calls again until MSG_FRAME_MORE. `max` is the limit of one message, at most MSG_MAX_OCTETS.
 * A message whose head is whole but whose body does not come: at the time-out msg_parse() what there is; it has the
 * fault "Content-Length" and can be answered 400. */
void msg_frame(struct msg_framer *fr, struct slice stream, size_t max, struct msg_frame *out);

/* How many octets are needed altogether for the message at the front; 0 while its head is not whole. */
size_t msg_frame_wants(const struct msg_framer *fr);

#endif
