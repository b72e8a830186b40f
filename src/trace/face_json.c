/* face_json.c - a story as a JSON object.
 *
 * Room      trace (pure). In: a story. Out: text, on one line. */
#include "trace/trace_priv.h"

#include <string.h>


size_t utf8_length(struct slice s)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t        n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;

    if (n > s.n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)s.p[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && (unsigned char)s.p[1] < 0xa0) || (c == 0xed && (unsigned char)s.p[1] >= 0xa0) ||
        (c == 0xf0 && (unsigned char)s.p[1] < 0x90) || (c == 0xf4 && (unsigned char)s.p[1] >= 0x90))
        return 0; /* overlong, a surrogate, beyond the last */
    return n;
}

void trace_put_json_string(struct buf *b, struct slice s)
{
    buf_putc(b, '"');
    while (s.n) {
        size_t n = utf8_length(s);
        char   c = s.p[0];

        if (!n)
            buf_put(b, S("\\ufffd"));
        else if (c == '"' || c == '\\')
            buf_puts(b, S("\\"), slice_to(s, 1));
        else if ((unsigned char)c < 0x20 || c == 0x7f) {
            buf_put(b, S("\\u00"));
            buf_puthex(b, slice_to(s, 1));
        } else
            buf_put(b, slice_to(s, n));
        s = slice_from(s, n ? n : 1);
    }
    buf_putc(b, '"');
}

static void put_key(struct buf *b, struct slice key)
{
    buf_puts(b, S("\""), key, S("\":"));
}

static void put_pair(struct buf *b, struct slice key, struct slice value)
{
    put_key(b, key);
    trace_put_json_string(b, value);
}

static void put_time(struct buf *b, uint64_t us)
{
    buf_putu(b, us / 1000000);
    buf_putc(b, '.');
    buf_putu_wide(b, us % 1000000, 6);
}

static struct slice party_name(const struct trace_story *s, size_t party)
{
    return party == TRACE_NONE ? SLICE_NONE : (struct slice){s->parties[party].name, s->parties[party].name_n};
}

static void put_parties(struct buf *b, const struct trace_story *s)
{
    char       text[ADDR_MAX_TEXT];

    put_key(b, S("parties"));
    buf_putc(b, '[');
    for (size_t i = 0; i < s->n_parties; i++) {
        const struct trace_party *p = &s->parties[i];
        struct buf                at = BUF_ON(text);

        addr_put(&at, &p->at);
        buf_put(b, i ? S(",{") : S("{"));
        put_pair(b, S("name"), party_name(s, i));
        buf_putc(b, ',');
        put_pair(b, S("label"), p->label);
        buf_putc(b, ',');
        put_pair(b, S("number"), p->number);
        buf_putc(b, ',');
        put_pair(b, S("address"), buf_slice(&at));
        buf_puts(b, S(",\"exchange\":"), p->is_exchange ? S("true}") : S("false}"));
    }
    buf_putc(b, ']');
}

static void put_optional_time(struct buf *b, struct slice key, uint64_t us)
{
    if (!us)
        return;
    buf_putc(b, ',');
    put_key(b, key);
    put_time(b, us);
}

static void put_dialogs(struct buf *b, const struct trace_story *s)
{
    put_key(b, S("dialogs"));
    buf_putc(b, '[');
    for (size_t i = 0; i < s->n_calls; i++) {
        const struct trace_call *c = &s->calls[i];

        buf_put(b, i ? S(",{") : S("{"));
        put_pair(b, S("call_id"), c->call_id);
        buf_putc(b, ',');
        put_pair(b, S("caller"), party_name(s, c->caller));
        buf_putc(b, ',');
        put_pair(b, S("callee"), party_name(s, c->callee));
        buf_put(b, S(",\"status\":"));
        buf_putu(b, c->status);
        put_optional_time(b, S("asked"), c->asked_us);
        put_optional_time(b, S("answered"), c->answered_us);
        put_optional_time(b, S("ended"), c->ended_us);
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
}

static void put_links(struct buf *b, const struct trace_story *s)
{
    put_key(b, S("links"));
    buf_putc(b, '[');
    for (size_t i = 0; i < s->n_links; i++) {
        buf_put(b, i ? S(",{") : S("{"));
        put_pair(b, S("kind"), trace_link_text(s->links[i].kind));
        buf_put(b, S(",\"from\":"));
        buf_putu(b, s->links[i].from + 1);
        buf_put(b, S(",\"to\":"));
        buf_putu(b, s->links[i].to + 1);
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
}

static void put_findings(struct buf *b, const struct trace_story *s)
{
    put_key(b, S("findings"));
    buf_putc(b, '[');
    for (size_t i = 0; i < s->n_findings; i++) {
        const struct trace_finding *f = &s->findings[i];

        buf_put(b, i ? S(",{") : S("{"));
        put_pair(b, S("severity"), trace_severity_text(f->severity));
        buf_putc(b, ',');
        put_pair(b, S("text"), f->text);
        buf_putc(b, ',');
        put_pair(b, S("rfc"), f->rfc);
        buf_putc(b, ',');
        put_pair(b, S("section"), f->section);
        buf_put(b, S(",\"row\":"));
        if (f->row == TRACE_NONE)
            buf_put(b, S("null"));
        else
            buf_putu(b, f->row + 1);
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
}

static void put_f(struct buf *b, const struct trace_row *r)
{
    put_key(b, S("f"));
    if (!r->f) {
        buf_put(b, S("null"));
        return;
    }
    buf_put(b, S("\"F"));
    buf_putu(b, r->f);
    buf_putc(b, '"');
}

static void put_row(struct buf *b, const struct trace_story *s, size_t n)
{
    const struct trace_row *r = &s->rows[n];

    buf_put(b, n ? S(",{") : S("{"));
    put_key(b, S("n"));
    buf_putu(b, n + 1);
    buf_putc(b, ',');
    put_f(b, r);
    buf_put(b, S(",\"t\":"));
    put_time(b, r->time_us);
    buf_putc(b, ',');
    put_pair(b, S("from"), party_name(s, r->from));
    buf_putc(b, ',');
    put_pair(b, S("to"), party_name(s, r->to));
    buf_putc(b, ',');
    put_pair(b, S("message"), r->text);
    if (r->of.n) {
        buf_putc(b, ',');
        put_pair(b, S("of"), r->of);
    }
    buf_put(b, S(",\"call\":"));
    buf_putu(b, r->call + 1);
    buf_putc(b, ',');
    put_pair(b, S("start"), r->start);
    buf_putc(b, ',');
    put_pair(b, S("sentence"), r->sentence);
    buf_putc(b, ',');
    put_pair(b, S("reason"), r->reason);
    buf_put(b, S(",\"resent\":"));
    buf_putu(b, r->resent);
    buf_putc(b, '}');
}

void trace_put_json(struct buf *b, const struct trace_story *s, const struct trace_look *look)
{
    buf_put(b, S("{\"id\":"));
    buf_putu(b, look->story);
    buf_putc(b, ',');
    put_pair(b, S("title"), s->title);
    buf_putc(b, ',');
    put_pair(b, S("flow"), s->flow);
    buf_putc(b, ',');
    put_parties(b, s);
    buf_putc(b, ',');
    put_dialogs(b, s);
    buf_putc(b, ',');
    put_links(b, s);
    buf_put(b, S(",\"verdict\":{\"ok\":"));
    buf_put(b, !s->verdict.known ? S("null") : s->verdict.ok ? S("true") : S("false"));
    buf_putc(b, ',');
    put_pair(b, S("text"), s->verdict.text);
    buf_put(b, S("},"));
    put_findings(b, s);
    buf_put(b, S(",\"rows\":["));
    for (size_t i = 0; i < s->n_rows; i++)
        put_row(b, s, i);
    buf_put(b, S("]}"));
}
