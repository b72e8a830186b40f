/* read.c - a report read: RFC 6035 §4.6.1.
 *
 * Room      vq (pure).
 * Touches   its arguments only. */
#include "vq/vq_priv.h"

struct reading {
    struct vq_report   r;
    struct vq_metrics *metrics; /* that lines with figures belong to */
    struct slice       line;    /* the field that a folded line goes on with */
};

/* ---- one line's parts ---- */

/* Take `NAME=value` off *rest; the value may be quoted, and hold spaces then. Words without '=' are passed over. */
static bool next_pair(struct slice *rest, struct slice *name, struct slice *value)
{
    for (;;) {
        size_t n;

        *rest = slice_trim(*rest);
        if (!rest->n)
            return false;
        n = slice_find_any(*rest, S(" \t;="));
        *name = slice_to(*rest, n);
        if (n == SIZE_MAX || rest->p[n] != '=') {
            *rest = n == SIZE_MAX ? SLICE_NONE : slice_from(*rest, n + 1);
            continue;
        }
        *rest = slice_from(*rest, n + 1);
        if (slice_starts(*rest, S("\""))) {
            *rest = slice_from(*rest, 1);
            n = slice_find(*rest, '"');
        } else {
            n = slice_find_any(*rest, S(" \t;"));
        }
        *value = slice_to(*rest, n);
        *rest = n == SIZE_MAX ? SLICE_NONE : slice_from(*rest, n + 1);
        return true;
    }
}

/* "5", "5.0", "3.25": in hundredths where the field has them, else whole. */
static uint32_t read_figure(struct slice s, const struct vq_field *f)
{
    uint64_t     whole, part = 0;
    struct slice head;
    bool         has_part = slice_cut(&s, '.', &head);

    if (slice_u64(head, UINT32_MAX / 100, &whole))
        return VQ_UNKNOWN;
    if (has_part && slice_u64(slice_to(s, 2), 99, &part))
        return VQ_UNKNOWN;
    if (has_part && s.n == 1)
        part *= 10;
    if (f->hundredths)
        whole = 100 * whole + part;
    return whole > f->max ? VQ_UNKNOWN : (uint32_t)whole;
}

static bool is_score(const struct vq_field *f)
{
    return f->max == 500;
}

static void on_figures(struct vq_metrics *m, struct slice line, struct slice rest)
{
    struct slice name, value;

    while (next_pair(&rest, &name, &value)) {
        if (slice_ieq(name, S("START")))
            m->start_ms = vq_read_time(value);
        else if (slice_ieq(name, S("STOP")))
            m->stop_ms = vq_read_time(value);
        else if (slice_ieq(name, S("PD")))
            m->codec = value;
        for (size_t i = 0; i < vq_n_fields; i++) {
            const struct vq_field *f = &vq_fields[i];
            uint32_t               v;

            if (!slice_ieq(name, slice_z(f->name)) || !slice_ieq(line, slice_z(f->line)))
                continue;
            v = read_figure(value, f);
            *vq_figure(m, f) = is_score(f) && v < 100 ? VQ_UNKNOWN : v; /* 0: not measured, as many write it */
        }
    }
}

/* "IP=10.10.1.100 PORT=5000 SSRC=1a3b5c7d". */
static void on_address(struct vq_end *e, struct slice rest)
{
    struct slice name, value;
    uint16_t     port = 0;
    uint64_t     ssrc;

    while (next_pair(&rest, &name, &value)) {
        if (slice_ieq(name, S("IP")) && addr_parse_ip(value, &e->rtp))
            e->rtp = (struct addr){0};
        else if (slice_ieq(name, S("PORT")) && slice_u16(value, &port) == ERR_OK)
            e->rtp.port = port;
        else if (slice_ieq(name, S("SSRC"))) {
            if (slice_istarts(value, S("0x")))
                value = slice_from(value, 2);
            e->ssrc = slice_hex64(value, &ssrc) || ssrc > UINT32_MAX ? 0 : (uint32_t)ssrc;
        }
    }
    e->rtp.port = port ? port : e->rtp.port;
}

/* "1890463548@example.com;to-tag=8472761; from-tag=9123dh311". */
static void on_dialog(struct vq_report *r, struct slice rest)
{
    struct slice name, value, id;

    slice_cut(&rest, ';', &id);
    while (next_pair(&rest, &name, &value)) {
        if (slice_ieq(name, S("to-tag")))
            r->to_tag = value;
        else if (slice_ieq(name, S("from-tag")))
            r->from_tag = value;
    }
}

static void begin_metrics(struct reading *w, struct vq_metrics *m)
{
    w->metrics = m;
    if (!m->given)
        *m = vq_metrics_unknown;
}

static void on_field(struct reading *w, struct slice name, struct slice value)
{
    struct vq_report *r = &w->r;

    if (slice_ieq(name, S("CallID")))
        r->call_id = value;
    else if (slice_ieq(name, S("LocalID")))
        r->local.id = value;
    else if (slice_ieq(name, S("RemoteID")))
        r->remote.id = value;
    else if (slice_ieq(name, S("OrigID")))
        r->orig_id = value;
    else if (slice_ieq(name, S("LocalAddr")))
        on_address(&r->local, value);
    else if (slice_ieq(name, S("RemoteAddr")))
        on_address(&r->remote, value);
    else if (slice_ieq(name, S("DialogID")))
        on_dialog(r, value);
    else if (slice_ieq(name, S("LocalMetrics")))
        begin_metrics(w, &r->here);
    else if (slice_ieq(name, S("RemoteMetrics")))
        begin_metrics(w, &r->there);
    else if (w->metrics)
        on_figures(w->metrics, name, value);
}

/* ---- lines ---- */

static enum err on_kind(struct slice line, struct vq_report *r)
{
    static const struct slice names[] = {
        [VQ_SESSION] = {"VQSessionReport", 15}, [VQ_INTERVAL] = {"VQIntervalReport", 16}, [VQ_ALERT] = {"VQAlertReport", 13}};
    struct slice name;

    slice_cut(&line, ':', &name);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_ieq(slice_trim(name), names[i])) {
            r->kind = (enum vq_kind)i;
            return ERR_OK;
        }
    return ERR_SYNTAX;
}

static enum err on_line(struct reading *w, struct slice line)
{
    struct slice name;

    if (line.p[0] == ' ' || line.p[0] == '\t') { /* folded: figures only, nothing else is so long */
        if (w->metrics)
            on_figures(w->metrics, w->line, line);
        return ERR_OK;
    }
    if (slice_find(line, ':') == SIZE_MAX)
        return ERR_SYNTAX;
    slice_cut(&line, ':', &name);
    w->line = slice_trim(name);
    on_field(w, w->line, slice_trim(line));
    return ERR_OK;
}

enum err vq_read(struct slice in, struct vq_report *out)
{
    struct reading w = {.metrics = NULL};
    struct slice   line;
    size_t         lines = 0;
    enum err       e;

    if (in.n > VQ_MAX_OCTETS)
        return ERR_LIMIT;
    while (slice_line(&in, &line)) {
        if (++lines > VQ_MAX_LINES)
            return ERR_LIMIT;
        if (!slice_trim(line).n && lines > 1)
            continue;
        if ((e = lines == 1 ? on_kind(line, &w.r) : on_line(&w, line)))
            return e;
    }
    if (!w.r.call_id.n)
        return ERR_SYNTAX;
    *out = w.r;
    return ERR_OK;
}
