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

/* --- the command line ------------------------------------------------------------------------------------------- */

enum flow_format { FLOW_TEXT, FLOW_SVG, FLOW_HTML, FLOW_JSON };

struct flow_options {
    const char      *file;   /* the capture; NULL: live */
    bool             live;
    const char      *data;   /* live: the exchange's folder; NULL: the usual one */
    enum flow_format format;
    const char      *check;  /* file or name of a flow; NULL */
    size_t           story;  /* from 1; 0: all */
    const char      *pcap;   /* NULL */
    const char      *out;    /* NULL: standard output */
    bool             help, list;
};

/* ERR_INVALID: said on stderr what is wrong and what is possible. */
enum err flow_options_read(int argc, char **argv, struct flow_options *out);
void flow_options_help(void);

/* --- one run ---------------------------------------------------------------------------------------------------- */

struct flow_run {
    const struct flow_options *o;
    struct mem                *mem;
    struct arena               a;
    struct trace_flow         *known;   /* the built-in flows */
    size_t                     n_known;
    struct trace_flow         *flow;    /* of --check; NULL */
    struct trace_input         input;
    struct trace              *trace;
    struct trace_judgement     judgement;
    const char                *source;  /* what messages call it */
};

/* live.c: what the exchange on that data folder has recorded so far. ERR_INVALID: said on stderr. */
enum err flow_live_read(struct arena *a, const char *data, struct trace_input *in);
/* The usual data folder. NULL: no memory. */
const char *flow_live_folder(struct arena *a);

/* The flow that --check names. ERR_INVALID: said on stderr. */
enum err flow_check_load(struct flow_run *r);

/* Everything that goes to the output, in one piece: its octets are in r->a. ERR_NOMEM. */
enum err flow_write(struct flow_run *r, unsigned columns, bool colours, struct slice *out);

#endif
