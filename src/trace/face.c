/* face.c - what the faces that people read have in common: which rows, pauses, reasons, findings in words.
 *
 * Room      trace (pure). In: a story. Out: text, without any colour or markup. */
#include "trace/trace_priv.h"

enum { PAUSE_US = 1500000, START_OCTETS = 80 };

bool face_shows(const struct trace_story *s, const struct trace_row *r)
{
    return r->from != r->to || !s->parties[r->from].is_exchange || r->finding > TRACE_NOTE + 1;
}

uint64_t face_pause_before(const struct trace_story *s, size_t row)
{
    uint64_t us = row ? s->rows[row].time_us - s->rows[row - 1].time_us : 0;

    return us >= PAUSE_US ? us : 0;
}

void face_put_because(struct buf *b, const struct trace_row *r)
{
    if (r->reason.n)
        buf_puts(b, S("because "), slice_to(r->reason, TEXT_OCTETS - 16));
}

void face_put_finding(struct buf *b, const struct trace_story *s, const struct trace_finding *f)
{
    const struct trace_row *r = f->row == TRACE_NONE ? NULL : &s->rows[f->row];

    if (r && r->f) {
        buf_putc(b, 'F');
        buf_putu(b, r->f);
        buf_put(b, S(": "));
    } else if (r) {
        buf_puts(b, slice_to(r->start, START_OCTETS), S(": "));
    }
    buf_put(b, f->text);
    if (f->rfc.n)
        buf_puts(b, S(" ("), f->rfc, f->section.n ? S(" section ") : SLICE_NONE, f->section, S(")"));
}
