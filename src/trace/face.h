/* face.h - ladders to look at: text, JSON, SVG, HTML. Pure. Part of the door trace/trace.h.
 *
 * Each appends to `b`; buf_err() says at the end whether it had room (about 1 KiB a row is enough for any of them).
 * Octets from the wire are escaped as the face needs it. */
#ifndef TRACE_FACE_H
#define TRACE_FACE_H

#include "base/buf.h"
#include "trace/story.h"

struct trace_look {
    unsigned columns;     /* text: width of the screen, 60 to 250; 0: 110              */
    bool     colours;     /* text: escape sequences of a terminal                       */
    size_t   story;       /* its number, from 1, for the heading                        */
    bool     sketch;      /* text: of a call that was not made: no times, addresses, findings, verdict */
};

void trace_put_text(struct buf *b, const struct trace_story *s, const struct trace_look *look);
/* One story as a JSON object: {"id":..,"title":..,"parties":[..],"dialogs":[..],"verdict":{..},"findings":[..],"rows":[..]}.
 * Times in seconds; a row's "n" counts from 1 and is what "row" of a finding names. */
void trace_put_json(struct buf *b, const struct trace_story *s, const struct trace_look *look);
/* A drawing that stands alone (light and dark by the viewer's preference). */
void trace_put_svg(struct buf *b, const struct trace_story *s, const struct trace_look *look);
/* One page with all stories of a capture, or with `story` alone (TRACE_NONE: all); nothing is loaded from elsewhere. */
void trace_put_html(struct buf *b, const struct trace *t, size_t story, struct slice title);

/* `s` as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void trace_put_json_string(struct buf *b, struct slice s);

#endif
