/* flow_priv.h - what the files of app/flow share. */
#ifndef APP_FLOW_FLOW_PRIV_H
#define APP_FLOW_FLOW_PRIV_H

#include "base/arena.h"
#include "trace/trace.h"

enum { FLOW_FILE_MAX_OCTETS = 1024 * 1024 };

/* A flow from JSON, in either of two shapes: steps of {f, message, of, from, to, call, reinvite, local}, or of
 * {n, method_or_status, from, to, note}. Texts are copied to `a`; the flow comes settled.
 * ERR_SYNTAX, ERR_INVALID, ERR_LIMIT, ERR_NOMEM: *why says what is wrong, in `a`. */
enum err flow_file_parse(struct arena *a, struct slice json, struct trace_flow *out, struct slice *why);

/* All built-in flows, settled. They are ours: that they can be read is tested. */
enum err flow_file_built_in(struct arena *a, struct trace_flow **flows, size_t *n);

#endif
