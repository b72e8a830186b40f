/* trace.h - messages become stories: transactions, dialogs, ladders, sentences, findings, a verdict. Pure.
 *
 * The door of trace. Its parts, which only this room includes by name:
 *   input.h    what was seen: messages, reasons, sound, gaps
 *   story.h    what it means: parties, rows, links, findings, verdict
 *   flow.h     a flow as data, the judge of a capture against it, and example captures made from it
 *   face.h     ladders as text, JSON, SVG, HTML
 *   mask.h     secrets covered in messages that are shown around
 * Everything that comes out lives in the arena given; slices may also point into the octets that went in. */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include "trace/face.h"
#include "trace/flow.h"
#include "trace/input.h"
#include "trace/mask.h"
#include "trace/story.h"

#endif
