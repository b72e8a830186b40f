/* msg.h - SIP messages: read in place, checked, framed, edited, written (RFC 3261 §7, §20, §25). Pure.
 *
 * The door of sip/msg. Its parts, which only this room includes by name:
 *   names.h   methods, header fields and reason phrases as numbers
 *   parse.h   a message: start line, rows, body; is it sane; comma lists; the quick Call-ID for steering
 *   values.h  what stands in header fields: Via, name-addr, CSeq, Event, Replaces, ...
 *   frame.h   messages on a stream
 *   parts.h   multipart bodies, sipfrag
 *   edit.h    forwarding: the original octets round a few edits
 *   build.h   new requests and responses
 * Octets outlive everything that is read from them. Nothing here allocates but from the arena it is given. */
#ifndef SIP_MSG_H
#define SIP_MSG_H

#include "sip/msg/build.h"
#include "sip/msg/edit.h"
#include "sip/msg/frame.h"
#include "sip/msg/names.h"
#include "sip/msg/parse.h"
#include "sip/msg/parts.h"
#include "sip/msg/values.h"

#endif
