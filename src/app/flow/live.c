/* live.c - what a running exchange has recorded, as input for ladders: asked for over its control socket.
 *
 * Room      app/flow. In: the data folder. Out: messages, reasons and gaps, in the arena. Says on stderr what is wrong.
 * The exchange answers the act "trace" with a line of JSON for each entry, oldest first, and a last one with "end". */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/flow/flow_priv.h"
#include "sys/clock.h"

enum { FIRST_ARRAY = 1024 };

struct live {
    struct arena         *a;
    struct trace_input   *in;
    struct trace_message *messages;
    struct trace_reason  *reasons;
    struct trace_gap     *gaps;
    size_t                max_messages, max_reasons, max_gaps;
    bool                  end;
};

/* Room for one more. */
static enum err grow(struct live *l, void **array, size_t n, size_t *max, size_t size)
{
    size_t more = *max ? 2 * *max : FIRST_ARRAY;
    void  *p;

    if (n < *max)
        return ERR_OK;
    if (!(p = arena_alloc(l->a, more * size)))
        return ERR_NOMEM;
    if (n)
        memcpy(p, *array, n * size);
    *array = p;
    *max = more;
    return ERR_OK;
}

static struct slice text_of(const json_t *o, const char *key)
{
    const json_t *j = json_object_get(o, key);

    return json_is_string(j) ? (struct slice){json_string_value(j), json_string_length(j)} : SLICE_NONE;
}

static uint64_t number_of(const json_t *o, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(o, key));

    return n < 0 ? 0 : (uint64_t)n;
}

static enum trace_transport transport_of(struct slice name)
{
    static const struct {
        const char          *name;
        enum trace_transport transport;
    } known[] = {{"TCP", TRACE_TCP}, {"TLS", TRACE_TLS}, {"WS", TRACE_WS}, {"WSS", TRACE_WSS}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_ieq(name, slice_z(known[i].name)))
            return known[i].transport;
    return TRACE_UDP;
}

/* ---- one entry ---- */

static enum err add_message(struct live *l, const json_t *o)
{
    struct slice         text = text_of(o, "octets");
    size_t               room = text.n / 4 * 3 + 4;
    char                *block = arena_alloc(l->a, room);
    struct trace_message m = {.time_us = number_of(o, "t"), .transport = transport_of(text_of(o, "transport"))};
    struct buf           b;
    struct addr          local, remote;
    bool                 out = json_is_true(json_object_get(o, "out"));
    enum err             e;

    if (!block)
        return ERR_NOMEM;
    buf_init(&b, block, room);
    if (addr_parse(text_of(o, "local"), &local) || addr_parse(text_of(o, "remote"), &remote) || buf_put_unbase64(&b, text))
        return ERR_SYNTAX;
    m.from = out ? local : remote;
    m.to = out ? remote : local;
    m.exchange = out ? TRACE_KNOWN_SENDER : TRACE_KNOWN_RECEIVER;
    m.octets = buf_slice(&b);
    if ((e = grow(l, (void **)&l->messages, l->in->n_messages, &l->max_messages, sizeof m)))
        return e;
    l->messages[l->in->n_messages++] = m;
    return ERR_OK;
}

static enum err add_reason(struct live *l, const json_t *o)
{
    struct trace_reason r = {.kind = trace_reason_kind_of(text_of(o, "code")), .time_us = number_of(o, "t"), .next = l->in->n_messages};
    enum err            e;

    if ((e = grow(l, (void **)&l->reasons, l->in->n_reasons, &l->max_reasons, sizeof r)) ||
        (e = arena_dup(l->a, text_of(o, "call-id"), &r.call_id)) || (e = arena_dup(l->a, text_of(o, "text"), &r.text)))
        return e;
    l->reasons[l->in->n_reasons++] = r;
    return ERR_OK;
}

static enum err add_gap(struct live *l, const json_t *o)
{
    struct trace_gap g = {.kind = TRACE_GAP_DROPPED, .time_us = number_of(o, "t"), .missing = number_of(o, "missed")};
    enum err         e;

    if (!g.missing || l->in->n_gaps == TRACE_MAX_GAPS)
        return ERR_OK;
    if ((e = grow(l, (void **)&l->gaps, l->in->n_gaps, &l->max_gaps, sizeof g)))
        return e;
    l->gaps[l->in->n_gaps++] = g;
    return ERR_OK;
}

static enum err take_entry(struct live *l, const json_t *o)
{
    enum err e;

    if (json_is_false(json_object_get(o, "ok")))
        return ERR_SYNTAX;
    if ((l->end = json_is_true(json_object_get(o, "end"))))
        return ERR_OK; /* what it has thrown away since is older than what it gave: nothing is missing in between */
    if (l->in->n_messages == TRACE_MAX_MESSAGES)
        return ERR_LIMIT;
    if ((e = add_gap(l, o)))
        return e;
    return json_object_get(o, "octets") ? add_message(l, o) : add_reason(l, o);
}

/* ---- the conversation ---- */

static enum err take_line(struct live *l, const char *line, size_t n)
{
    json_error_t fault;
    json_t      *o = json_loadb(line, n, 0, &fault);
    enum err     e = json_is_object(o) ? take_entry(l, o) : ERR_SYNTAX;

    json_decref(o);
    return e;
}

static enum err converse(struct live *l, FILE *f)
{
    char    *line = NULL;
    size_t   cap = 0;
    ssize_t  n;
    enum err e = ERR_OK;

    if (fputs("{\"act\":\"trace\"}\n", f) < 0 || fflush(f))
        return ERR_IO;
    while (!e && !l->end && (n = getline(&line, &cap, f)) > 0)
        e = take_line(l, line, (size_t)n);
    free(line);
    return e ? e : l->end ? ERR_OK : ERR_CLOSED;
}

/* -1: errno says why. */
static int connect_to(const char *data)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int                fd, n = snprintf(a.sun_path, sizeof a.sun_path, "%s/control.sock", data);

    if (n < 0 || (size_t)n >= sizeof a.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a)) {
        int why = errno;

        close(fd);
        errno = why;
        fd = -1;
    }
    return fd;
}

static enum err complain(const char *data, const char *why)
{
    fprintf(stderr, "strowger flow: --live: the exchange in %s: %s\n", data, why);
    return ERR_INVALID;
}

enum err flow_live_read(struct arena *a, const char *data, struct trace_input *in)
{
    struct live l = {.a = a, .in = in};
    int         fd = connect_to(data);
    FILE       *f;
    enum err    e;

    if (fd < 0)
        return complain(data, errno == ENOENT || errno == ECONNREFUSED ? "it does not run; --data says where another one's data is"
                                                                       : strerror(errno));
    if (!(f = fdopen(fd, "r+"))) {
        close(fd);
        return complain(data, strerror(errno));
    }
    e = converse(&l, f);
    fclose(f);
    if (e)
        return complain(data, e == ERR_CLOSED ? "it ended while it was asked" : e == ERR_LIMIT ? "over a million messages" : err_text(e));
    in->messages = l.messages;
    in->reasons = l.reasons;
    in->gaps = l.gaps;
    in->begin_us = l.messages ? l.messages[0].time_us : 0;
    in->end_us = clock_wall_us(); /* until now: what has not come yet may still come */
    return ERR_OK;
}

const char *flow_live_folder(struct arena *a)
{
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    bool        has_xdg = xdg && xdg[0];
    struct buf  b;
    size_t      room = slice_z(has_xdg ? xdg : home).n + sizeof "/.local/share/strowger";
    char       *path = arena_alloc(a, room);

    if (!path)
        return NULL;
    buf_init(&b, path, room);
    buf_puts(&b, slice_z(has_xdg ? xdg : home), has_xdg ? SLICE_NONE : S("/.local/share"), S("/strowger"));
    buf_putc(&b, 0);
    return path;
}
