/* read_xml.h - small XML documents from the wire, read with libexpat. Part of server/presence.
 *
 * A document with a document type is refused, so that there are no entities to be expanded. Names come without their
 * namespace: what is read here is told apart by its content type. */
#ifndef SERVER_PRESENCE_READ_XML_H
#define SERVER_PRESENCE_READ_XML_H

#include "base/err.h"
#include "base/slice.h"

enum {
    XML_MAX_OCTETS = 64 * 1024, /* of a document */
    XML_MAX_DEPTH = 16          /* of elements within elements */
};

/* What is found, in order. `depth` is 1 for the outermost element. */
struct xml_on {
    void (*open)(void *arg, struct slice name, unsigned depth);
    void (*text)(void *arg, struct slice text); /* a piece; there may be several */
    void (*close)(void *arg, struct slice name, unsigned depth);
};
/* ERR_SYNTAX: not well-formed, or it has a document type. ERR_LIMIT: larger or deeper than the limits. ERR_NOMEM. What was
 * told until then is worth nothing. */
enum err xml_read(struct slice document, const struct xml_on *on, void *arg);

#endif
