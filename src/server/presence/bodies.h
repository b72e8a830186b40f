/* bodies.h - the bodies that are read from the wire: PIDF, message summaries, feature requests. Part of server/presence. */
#ifndef SERVER_PRESENCE_BODIES_H
#define SERVER_PRESENCE_BODIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum { NOTE_OCTETS = 128, FEATURE_TARGET_OCTETS = 256 };

/* Presence (RFC 3863): is any of the tuples open, and the first note. */
struct pidf {
    bool has_status, open;
    char note[NOTE_OCTETS]; /* cut where it is longer, between characters */
    size_t n_note;
};
enum err pidf_read(struct slice body, struct pidf *out); /* as xml_read(); ERR_INVALID: it is no presence document */

/* A message summary (RFC 3842 §5.2): voice messages. */
struct summary {
    bool     waiting;
    uint32_t new, old; /* where it does not say how many: 1 or 0 new ones, as `waiting` has it */
};
enum err summary_read(struct slice body, struct summary *out); /* ERR_SYNTAX: no Messages-Waiting */

/* What a phone wants set (SetDoNotDisturb, SetForwarding of as-feature-event). */
enum feature { FEATURE_NONE, FEATURE_DND, FEATURE_ALWAYS, FEATURE_BUSY, FEATURE_NO_ANSWER };
struct feature_request {
    enum feature feature;
    bool         on;
    bool         has_rings;
    uint32_t     rings;  /* before it is no answer */
    char         target[FEATURE_TARGET_OCTETS];
    size_t       n_target;
};
/* As xml_read(); ERR_INVALID: it asks for nothing that is known here. An empty body: FEATURE_NONE. */
enum err feature_read(struct slice body, struct feature_request *out);

#endif
