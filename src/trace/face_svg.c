/* face_svg.c - a story as a drawing, and a capture as a page.
 *
 * Room      trace (pure). In: stories. Out: SVG, HTML; both stand alone, light or dark as the viewer likes it.
 * Numbers are pixels. Text from the wire is escaped; what is no XML character is replaced. */
#include "trace/trace_priv.h"

enum {
    LEFT = 96,      /* F number and time                 */
    LANE = 168,     /* from one party to the next        */
    TOP = 86,       /* title and names                   */
    ROW = 34,
    REASON = 16,    /* one more line in a row            */
    WORDS = 580,    /* room for sentences                */
    WORDS_WIDE = 84 /* characters of a sentence; the rest is cut: its title has all */
};

static void put_escaped(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '<':
            buf_put(b, S("&lt;"));
            break;
        case '>':
            buf_put(b, S("&gt;"));
            break;
        case '&':
            buf_put(b, S("&amp;"));
            break;
        case '"':
            buf_put(b, S("&quot;"));
            break;
        default:
            if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\n' && s.p[i] != '\t')
                buf_put(b, S("\xef\xbf\xbd"));
            else
                buf_putc(b, s.p[i]);
            break;
        }
    }
}

/* Only whole UTF-8 characters may stand in XML: others become U+FFFD, by way of the JSON writer's eye for them. */
static void put_text(struct buf *b, struct slice s)
{
    while (s.n) {
        size_t n = utf8_length(s);

        if (n)
            put_escaped(b, slice_to(s, n));
        else
            buf_put(b, S("\xef\xbf\xbd"));
        s = slice_from(s, n ? n : 1);
    }
}

static struct slice shorten(struct slice s, size_t most)
{
    size_t n = 0, i = 0;

    for (; i < s.n; i++)
        if (((unsigned char)s.p[i] & 0xc0) != 0x80 && ++n > most)
            break;
    return slice_to(s, i);
}

static void put_words(struct buf *b, struct slice s)
{
    struct slice cut = shorten(s, WORDS_WIDE);

    put_text(b, cut);
    if (cut.n < s.n)
        buf_put(b, S("\xe2\x80\xa6"));
}

static void number(struct buf *b, struct slice name, uint64_t v)
{
    buf_puts(b, S(" "), name, S("=\""));
    buf_putu(b, v);
    buf_putc(b, '"');
}

static size_t row_height(const struct trace_row *r)
{
    return ROW + (r->reason.n ? REASON : 0);
}

static size_t drawing_width(const struct trace_story *s)
{
    return LEFT + (s->n_parties ? s->n_parties - 1 : 0) * LANE + LANE / 2 + WORDS;
}

static size_t drawing_height(const struct trace_story *s)
{
    size_t h = TOP + 60;

    for (size_t i = 0; i < s->n_rows; i++)
        h += row_height(&s->rows[i]);
    return h + s->n_findings * 20;
}

static size_t lane_x(size_t party)
{
    return LEFT + LANE / 4 + party * LANE;
}

static void put_style(struct buf *b)
{
    buf_put(b, S("<style>"
                 ".st{font:13px system-ui,sans-serif;--ink:#1c2024;--soft:#6b7280;--line:#c8ccd2;--paper:#fff;--ask:#1d4ed8;"
                 "--ok:#15803d;--way:#a16207;--away:#7c3aed;--bad:#b91c1c;background:var(--paper);color:var(--ink)}"
                 "@media(prefers-color-scheme:dark){.st{--ink:#e5e7eb;--soft:#9ca3af;--line:#40454d;--paper:#15181c;"
                 "--ask:#93b4ff;--ok:#6ee79a;--way:#f5c65b;--away:#c4a5ff;--bad:#ff8f8f}}"
                 ".st text{fill:var(--ink)}.st .h{font-size:16px;font-weight:600}.st .n{font-weight:600;text-anchor:middle}"
                 ".st .s{fill:var(--soft);font-size:11px}.st .m{text-anchor:middle;font-size:12px}.st .b{text-anchor:middle}"
                 ".st .l{stroke:var(--line)}.st .ask{stroke:var(--ask);fill:var(--ask)}.st .ok{stroke:var(--ok);fill:var(--ok)}"
                 ".st .way{stroke:var(--way);fill:var(--way)}.st .away{stroke:var(--away);fill:var(--away)}"
                 ".st .bad{stroke:var(--bad);fill:var(--bad)}.st text.bad,.st text.ok,.st text.ask,.st text.way,"
                 ".st text.away{stroke:none}.st .f{font-weight:600}</style>"));
}

static struct slice kind_of(const struct trace_row *r)
{
    if (!r->of.n)
        return S("ask");
    return r->text.p[0] == '1' ? S("way") : r->text.p[0] == '2' ? S("ok") : r->text.p[0] == '3' ? S("away") : S("bad");
}

static void put_line(struct buf *b, struct slice kind, const size_t from[2], const size_t to[2])
{
    buf_puts(b, S("<line class=\""), kind, S("\""));
    number(b, S("x1"), from[0]);
    number(b, S("y1"), from[1]);
    number(b, S("x2"), to[0]);
    number(b, S("y2"), to[1]);
    buf_put(b, S("/>"));
}

static void begin_text(struct buf *b, struct slice kind, size_t x, size_t y)
{
    buf_puts(b, S("<text class=\""), kind, S("\""));
    number(b, S("x"), x);
    number(b, S("y"), y);
    buf_putc(b, '>');
}

static void put_head(struct buf *b, struct slice kind, size_t x, size_t y, bool leftward)
{
    size_t back = leftward ? x + 8 : x - 8;

    buf_puts(b, S("<polygon class=\""), kind, S("\" points=\""));
    buf_putu(b, x);
    buf_putc(b, ',');
    buf_putu(b, y);
    for (int side = 0; side < 2; side++) {
        buf_putc(b, ' ');
        buf_putu(b, back);
        buf_putc(b, ',');
        buf_putu(b, side ? y + 4 : y - 4);
    }
    buf_put(b, S("\"/>"));
}

static void put_arrow(struct buf *b, const struct trace_row *r, size_t y)
{
    size_t from = lane_x(r->from), to = lane_x(r->to);
    bool   self = from == to;

    if (self)
        to = from + LANE / 2;
    put_line(b, kind_of(r), (size_t[]){from, y}, (size_t[]){to, y});
    put_head(b, kind_of(r), to, y, to < from);
    buf_puts(b, S("<text class=\"m "), kind_of(r), S("\""));
    number(b, S("x"), (from + to) / 2);
    number(b, S("y"), y - 5);
    buf_putc(b, '>');
    put_text(b, shorten(r->start, 24));
    if (r->resent) {
        buf_put(b, S(" \xc3\x97"));
        buf_putu(b, r->resent + 1);
    }
    buf_put(b, S("</text>"));
}

static void put_time(struct buf *b, uint64_t us)
{
    buf_putu(b, us / 1000000);
    buf_putc(b, '.');
    buf_putu_wide(b, us / 1000 % 1000, 3);
}

static void put_row(struct buf *b, const struct trace_story *s, const struct trace_row *r, size_t y)
{
    size_t words = lane_x(s->n_parties - 1) + 24;

    begin_text(b, r->finding > TRACE_NOTE + 1 ? S("f bad") : S("f"), 10, y + 4);
    if (r->f) {
        buf_putc(b, 'F');
        buf_putu(b, r->f);
    } else if (r->finding > TRACE_NOTE + 1) {
        buf_putc(b, '!');
    }
    buf_put(b, S("</text>"));
    begin_text(b, S("s"), 46, y + 4);
    put_time(b, r->time_us - s->begin_us);
    buf_put(b, S("</text>"));
    put_arrow(b, r, y);
    begin_text(b, S("w"), words, y + 4);
    buf_put(b, S("<title>"));
    put_text(b, r->sentence);
    buf_put(b, S("</title>"));
    put_words(b, r->sentence);
    buf_put(b, S("</text>"));
    if (!r->reason.n)
        return;
    begin_text(b, S("s"), words, y + 4 + REASON);
    buf_put(b, S("because "));
    put_words(b, r->reason);
    buf_put(b, S("</text>"));
}

static void put_lanes(struct buf *b, const struct trace_story *s, size_t bottom)
{
    for (size_t i = 0; i < s->n_parties; i++) {
        const struct trace_party *p = &s->parties[i];

        begin_text(b, S("n"), lane_x(i), TOP - 34);
        buf_put(b, (struct slice){p->name, p->name_n});
        buf_put(b, S("</text>"));
        begin_text(b, S("s b"), lane_x(i), TOP - 19);
        put_text(b, p->is_exchange ? S("the exchange") : shorten(p->label, 26));
        buf_put(b, S("</text>"));
        put_line(b, S("l"), (size_t[]){lane_x(i), TOP - 12}, (size_t[]){lane_x(i), bottom});
    }
}

static void put_findings(struct buf *b, const struct trace_story *s, size_t y)
{
    begin_text(b, s->verdict.ok ? S("f ok") : s->verdict.known ? S("f bad") : S("f"), 10, y);
    put_text(b, s->verdict.text);
    buf_put(b, S("</text>"));
    for (size_t i = 0; i < s->n_findings; i++) {
        const struct trace_finding *f = &s->findings[i];

        y += 20;
        begin_text(b, S("w"), 10, y);
        buf_puts(b, trace_severity_text(f->severity), S(": "));
        put_text(b, f->text);
        if (f->rfc.n)
            buf_puts(b, S(" ("), f->rfc, f->section.n ? S(" section ") : SLICE_NONE, f->section, S(")"));
        buf_put(b, S("</text>"));
    }
}

void trace_put_svg(struct buf *b, const struct trace_story *s, const struct trace_look *look)
{
    size_t y = TOP + 10;

    (void)look;
    buf_put(b, S("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"st\" role=\"img\""));
    number(b, S("width"), drawing_width(s));
    number(b, S("height"), drawing_height(s));
    buf_put(b, S("><title>"));
    put_text(b, s->title);
    buf_put(b, S("</title>"));
    put_style(b);
    buf_put(b, S("<rect width=\"100%\" height=\"100%\" fill=\"var(--paper)\"/>"));
    begin_text(b, S("h"), 10, 26);
    put_text(b, s->title);
    buf_put(b, S("</text>"));
    put_lanes(b, s, drawing_height(s) - 50 - s->n_findings * 20);
    for (size_t i = 0; i < s->n_rows; i++) {
        put_row(b, s, &s->rows[i], y);
        y += row_height(&s->rows[i]);
    }
    put_findings(b, s, drawing_height(s) - 20 - s->n_findings * 20);
    buf_put(b, S("</svg>\n"));
}

void trace_put_html(struct buf *b, const struct trace *t, size_t story, struct slice title)
{
    buf_put(b, S("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                 "content=\"width=device-width\"><title>"));
    put_text(b, title);
    buf_put(b, S("</title><style>:root{color-scheme:light dark}body{font:14px system-ui,sans-serif;margin:1.5rem;"
                 "background:Canvas;color:CanvasText}section{overflow-x:auto;margin:1rem 0 2rem}"
                 "a{color:inherit}</style></head><body>\n<h1>"));
    put_text(b, title);
    buf_put(b, S("</h1>\n"));
    if (!t->n_stories)
        buf_put(b, S("<p>No calls.</p>\n"));
    if (t->n_stories > 1 && story == TRACE_NONE) {
        buf_put(b, S("<ol>\n"));
        for (size_t i = 0; i < t->n_stories; i++) {
            buf_put(b, S("<li><a href=\"#s"));
            buf_putu(b, i + 1);
            buf_put(b, S("\">"));
            put_text(b, t->stories[i].title);
            buf_puts(b, S("</a> "), t->stories[i].verdict.ok ? SLICE_NONE : S("<b>!</b>"), S("</li>\n"));
        }
        buf_put(b, S("</ol>\n"));
    }
    for (size_t i = 0; i < t->n_stories; i++) {
        if (story != TRACE_NONE && story != i)
            continue;
        buf_put(b, S("<section id=\"s"));
        buf_putu(b, i + 1);
        buf_put(b, S("\">"));
        trace_put_svg(b, &t->stories[i], &(struct trace_look){.story = i + 1});
        buf_put(b, S("</section>\n"));
    }
    buf_put(b, S("</body></html>\n"));
}
