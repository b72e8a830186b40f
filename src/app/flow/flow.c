/* flow.c - `strowger flow`: one run, from the command line to what the process ends with.
 *
 * Room      app/flow. Touches files, standard output, stderr.
 * A source fills a struct trace_input (capture.c reads files, live.c asks an exchange); everything behind that is the same for all sources. */
#include "app/flow/flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/flow/capture.h"
#include "app/flow/flow_priv.h"
#include "sys/files.h"
#include "sys/heap.h"
#include "sys/random.h"

enum {
    ENDS_WELL = 0,
    ENDS_NOT_MET = 1,
    ENDS_WRONG = 2,
    ARENA_BLOCK = 1 << 20,
    MAX_CAPTURE = 1 << 30, /* octets of a file */
    MIN_COLUMNS = 80,
    MAX_COLUMNS = 200
};

static int complain(const char *what, const char *which, const char *why)
{
    fprintf(stderr, "strowger flow: %s %s: %s\n", what, which, why);
    return ENDS_WRONG;
}

static const char *reason(enum err e)
{
    if (e == ERR_LIMIT)
        return "too large (over 1 GiB, or over a million messages)";
    if (e == ERR_INVALID)
        return "it is a folder, a capture was expected";
    return (e == ERR_IO || e == ERR_NOTFOUND || e == ERR_DENIED) && errno ? strerror(errno) : err_text(e);
}

/* --- what --check names --------------------------------------------------------------------------------------------------- */

static enum err load_file(struct flow_run *r, struct trace_flow *f)
{
    struct slice text, why = SLICE_NONE;
    enum err     e = file_read(r->o->check, FLOW_FILE_MAX_OCTETS, &r->a, &text);

    if (e) {
        fprintf(stderr, "strowger flow: --check %s: neither a built-in flow (see --list) nor a file that can be read: %s\n",
                r->o->check, err_text(e));
        return ERR_INVALID;
    }
    if (flow_file_parse(&r->a, text, f, &why)) {
        fprintf(stderr, "strowger flow: --check %s: not a call flow: %.*s\n", r->o->check, SARG(why));
        return ERR_INVALID;
    }
    if (!f->id.n)
        f->id = slice_z(r->o->check);
    r->flow = f;
    return ERR_OK;
}

enum err flow_check_load(struct flow_run *r)
{
    struct trace_flow *f;

    for (size_t i = 0; i < r->n_known; i++) {
        if (slice_eq(r->known[i].id, slice_z(r->o->check))) {
            r->flow = &r->known[i];
            return ERR_OK;
        }
    }
    if (!(f = ARENA_NEW(&r->a, struct trace_flow)))
        return ERR_NOMEM;
    return load_file(r, f);
}

/* --- steps of a run -------------------------------------------------------------------------------------------------------- */

static int read_capture(struct flow_run *r)
{
    struct random   random;
    struct hash_key key;
    struct slice    file;
    bool            damaged = false;
    enum err        e = file_read(r->o->file, MAX_CAPTURE, &r->a, &file);

    r->source = r->o->file;
    random_system(&random);
    random_octets(&random, &key, sizeof key);
    if (e)
        return complain("cannot read", r->o->file, reason(e));
    if ((e = capture_read(&r->a, &key, file, &r->input, &damaged)))
        return complain("cannot read", r->o->file,
                        e == ERR_SYNTAX ? "not a capture (pcap and pcapng can be read)" : reason(e));
    if (damaged)
        fprintf(stderr, "strowger flow: %s ends in the middle of a packet; what is before that is shown\n", r->o->file);
    r->input.key = key;
    return ENDS_WELL;
}

static int read_live(struct flow_run *r)
{
    struct random random;
    const char   *data = r->o->data ? r->o->data : flow_live_folder(&r->a);

    random_system(&random);
    random_octets(&random, &r->input.key, sizeof r->input.key);
    r->source = "what the exchange has recorded";
    if (!data)
        return complain("cannot read", r->source, err_text(ERR_NOMEM));
    return flow_live_read(&r->a, data, &r->input) ? ENDS_WRONG : ENDS_WELL;
}

static int understand(struct flow_run *r)
{
    enum err e;

    r->input.flows = r->known;
    r->input.n_flows = r->n_known;
    if ((e = trace_build(&r->a, &r->input, &r->trace)))
        return complain("cannot work on", r->source, reason(e));
    if (r->o->story > r->trace->n_stories) {
        fprintf(stderr, "strowger flow: --story %zu: there are %zu\n", r->o->story, r->trace->n_stories);
        return ENDS_WRONG;
    }
    if (r->flow && (e = trace_judge(&r->a, r->trace, r->o->story ? r->o->story - 1 : TRACE_NONE, r->flow, &r->judgement)))
        return complain("cannot judge", r->source, reason(e));
    if (r->o->format == FLOW_SVG && !r->o->story && r->trace->n_stories > 1)
        fprintf(stderr, "strowger flow: %zu stories; svg shows the first: choose one with --story N\n", r->trace->n_stories);
    return ENDS_WELL;
}

/* The messages of the story that was asked for, else all. */
static int save_messages(struct flow_run *r)
{
    const struct trace          *t = r->trace;
    const struct trace_message **m = arena_alloc(&r->a, (t->n_messages + 1) * sizeof *m);
    struct slice                 out;
    size_t                       n = 0;

    if (!m)
        return complain("cannot write", r->o->pcap, err_text(ERR_NOMEM));
    for (size_t i = 0; i < t->n_messages; i++)
        if (!r->o->story || t->messages[i].story == r->o->story - 1)
            m[n++] = t->messages[i].in;
    errno = 0;
    if (capture_write(&r->a, m, n, &out) || file_write(r->o->pcap, out, 0666))
        return complain("cannot write", r->o->pcap, errno ? strerror(errno) : err_text(ERR_NOMEM));
    return ENDS_WELL;
}

static unsigned columns_of(int fd)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) || size.ws_col < MIN_COLUMNS)
        return isatty(fd) ? MIN_COLUMNS : 0;
    return size.ws_col > MAX_COLUMNS ? MAX_COLUMNS : size.ws_col;
}

static int put_out(struct flow_run *r)
{
    bool         screen = !r->o->out && r->o->format == FLOW_TEXT && isatty(STDOUT_FILENO);
    struct slice text;

    if (flow_write(r, screen ? columns_of(STDOUT_FILENO) : 0, screen && !getenv("NO_COLOR"), &text))
        return complain("cannot write", r->source, err_text(ERR_NOMEM));
    if (!r->o->out) {
        if (fwrite(text.p, 1, text.n, stdout) != text.n || fflush(stdout))
            return complain("cannot write to", "standard output", strerror(errno));
        return ENDS_WELL;
    }
    errno = 0;
    if (file_write(r->o->out, text, 0666))
        return complain("cannot write", r->o->out, errno ? strerror(errno) : "no memory");
    return ENDS_WELL;
}

static int list_flows(const struct flow_run *r)
{
    for (size_t i = 0; i < r->n_known; i++)
        printf("%-20.*s %.*s\n", SARG(r->known[i].id), SARG(r->known[i].title));
    return ENDS_WELL;
}

static int run(struct flow_run *r)
{
    int end;

    if (flow_file_built_in(&r->a, &r->known, &r->n_known))
        return complain("cannot read", "the built-in flows", err_text(ERR_NOMEM));
    if (r->o->list)
        return list_flows(r);
    if (r->o->check && flow_check_load(r))
        return ENDS_WRONG;
    if ((end = r->o->live ? read_live(r) : read_capture(r)) || (end = understand(r)) || (r->o->pcap && (end = save_messages(r))) || (end = put_out(r)))
        return end;
    return r->flow && !r->judgement.met ? ENDS_NOT_MET : ENDS_WELL;
}

int app_flow_main(int argc, char **argv)
{
    struct flow_options o;
    struct flow_run     r = {.o = &o};
    struct mem          mem;
    int                 end;

    if (flow_options_read(argc, argv, &o))
        return ENDS_WRONG;
    if (o.help) {
        flow_options_help();
        return ENDS_WELL;
    }
    heap_mem(&mem);
    r.mem = &mem;
    arena_init(&r.a, &mem, ARENA_BLOCK, 0);
    end = run(&r);
    arena_close(&r.a);
    return end;
}
