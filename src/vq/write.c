/* write.c - a report written: RFC 6035 §4.6.1.
 *
 * Room      vq (pure).
 * Touches   its arguments only. */
#include "vq/vq_priv.h"

#include <string.h>

static void put_text(struct buf *b, struct slice name, struct slice value)
{
    if (value.n)
        buf_puts(b, name, S(":"), value, S("\r\n"));
}

static void put_address(struct buf *b, struct slice name, const struct vq_end *e)
{
    if (e->rtp.family == ADDR_NONE)
        return;
    buf_puts(b, name, S(":IP="));
    addr_put_ip(b, &e->rtp);
    buf_put(b, S(" PORT="));
    buf_putu(b, e->rtp.port);
    buf_put(b, S(" SSRC="));
    for (int i = 28; i >= 0; i -= 4)
        buf_putc(b, "0123456789abcdef"[e->ssrc >> i & 15]);
    buf_put(b, S("\r\n"));
}

static void put_figure(struct buf *b, const struct vq_field *f, uint32_t v)
{
    buf_puts(b, slice_z(f->name), S("="));
    buf_putu(b, f->hundredths ? v / 100 : v);
    if (f->hundredths) {
        buf_putc(b, '.');
        buf_putu_wide(b, v % 100, 2);
    }
}

/* What stands in a line before its figures, and after them. */
static void put_words(struct buf *b, const char *line, const struct vq_metrics *m, bool before)
{
    if (before && !strcmp(line, "SessionDesc") && m->codec.n)
        buf_puts(b, S("PD="), m->codec);
    else if (before && !strcmp(line, "JitterBuffer"))
        buf_put(b, S("JBA=3"));
    else if (!before && !strcmp(line, "BurstGapLoss"))
        buf_put(b, S(" GMIN=16"));
    else if (!before && !strcmp(line, "QualityEst"))
        buf_put(b, S(" QoEEstAlg=G.107"));
}

/* The lines of figures: one for each group of which anything is known. */
static void put_lines(struct buf *b, struct vq_metrics *m)
{
    const char *line = NULL;

    for (size_t i = 0; i < vq_n_fields; i++) {
        const struct vq_field *f = &vq_fields[i];
        uint32_t               v = *vq_figure(m, f);

        if (v == VQ_UNKNOWN)
            continue;
        if (!line || strcmp(line, f->line) != 0) {
            if (line) {
                put_words(b, line, m, false);
                buf_put(b, S("\r\n"));
            }
            line = f->line;
            buf_puts(b, slice_z(line), S(":"));
            put_words(b, line, m, true);
        }
        if (b->n && b->p[b->n - 1] != ':')
            buf_putc(b, ' ');
        put_figure(b, f, v);
    }
    if (line) {
        put_words(b, line, m, false);
        buf_put(b, S("\r\n"));
    }
}

static void put_metrics(struct buf *b, struct slice name, struct vq_metrics m)
{
    if (!m.given)
        return;
    buf_puts(b, name, S(":\r\n"));
    if (m.start_ms && m.stop_ms) {
        buf_put(b, S("Timestamps:START="));
        vq_put_time(b, m.start_ms);
        buf_put(b, S(" STOP="));
        vq_put_time(b, m.stop_ms);
        buf_put(b, S("\r\n"));
    }
    put_lines(b, &m);
}

void vq_put(struct buf *b, const struct vq_report *r)
{
    static const struct slice kinds[] = {{"VQSessionReport:CallTerm\r\n", 26}, {"VQIntervalReport\r\n", 18}, {"VQAlertReport\r\n", 15}};

    buf_put(b, kinds[r->kind]);
    put_text(b, S("CallID"), r->call_id);
    put_text(b, S("LocalID"), r->local.id);
    put_text(b, S("RemoteID"), r->remote.id);
    put_text(b, S("OrigID"), r->orig_id);
    put_address(b, S("LocalAddr"), &r->local);
    put_address(b, S("RemoteAddr"), &r->remote);
    put_metrics(b, S("LocalMetrics"), r->here);
    put_metrics(b, S("RemoteMetrics"), r->there);
    if (r->from_tag.n && r->to_tag.n)
        buf_puts(b, S("DialogID:"), r->call_id, S(";to-tag="), r->to_tag, S(";from-tag="), r->from_tag, S("\r\n"));
}
