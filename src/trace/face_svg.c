/* face_svg.c - a story as a drawing that stands alone, light or dark as the viewer likes it.
 *
 * Room      trace (pure). In: a story. Out: SVG.
 * Numbers are pixels. From above: title, verdict, the heads of the columns, the rows, the heads again when the drawing is
 * long, the findings. A row is as high as its sentence and reason are long; a pause is drawn as one. Text from the wire is
 * escaped; what is no XML character is replaced. */
#include "trace/trace_priv.h"

enum {
    EDGE = 14,
    LEFT = 118,         /* F number and time               */
    LANE_MAX = 172,     /* from one party to the next      */
    LANE_MIN = 108,
    LANES = 900,        /* all of them, where they can     */
    TITLE = 30,
    LINE = 17,          /* of text                         */
    HEAD = 46,          /* of a column                     */
    ROW = 32,
    PAUSE = 30,
    LONG_DRAWING = 900, /* with heads below, too           */
    WORDS = 596,        /* room for sentences              */
    WORDS_WIDE = 76,    /* characters in it                */
    SMALL_WIDE = 84,
    MAX_LINES = 12,     /* of one sentence or reason       */
    CHARACTER = 7       /* of small text, about            */
};

struct sheet {
    struct buf               *b;
    const struct trace_story *s;
    size_t                    lane, words; /* where sentences begin           */
    size_t                    wide;        /* the drawing                     */
    size_t                    below;       /* characters below and above rows */
};

/* --- pieces --------------------------------------------------------------------------------------------------------------- */

static void put_character(struct buf *b, struct slice c)
{
    switch (c.p[0]) {
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
        if ((unsigned char)c.p[0] < 0x20 && c.p[0] != '\n' && c.p[0] != '\t')
            buf_put(b, S("\xef\xbf\xbd"));
        else
            buf_put(b, c);
        break;
    }
}

void face_put_escaped(struct buf *b, struct slice s)
{
    while (s.n) {
        size_t n = utf8_length(s);

        if (n)
            put_character(b, slice_to(s, n));
        else
            buf_put(b, S("\xef\xbf\xbd"));
        s = slice_from(s, n ? n : 1);
    }
}

static void put_cut(struct buf *b, struct slice s, size_t most)
{
    bool long_one = text_width(s) > most;

    face_put_escaped(b, long_one ? text_cut(s, most - 1) : s);
    if (long_one)
        buf_put(b, S("\xe2\x80\xa6"));
}

static void number(struct buf *b, struct slice name, uint64_t v)
{
    buf_puts(b, S(" "), name, S("=\""));
    buf_putu(b, v);
    buf_putc(b, '"');
}

static void begin_text(struct buf *b, struct slice kind, size_t x, size_t y)
{
    buf_puts(b, S("<text class=\""), kind, S("\""));
    number(b, S("x"), x);
    number(b, S("y"), y);
    buf_putc(b, '>');
}

static void end_text(struct buf *b)
{
    buf_put(b, S("</text>\n"));
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

static void put_box(struct buf *b, struct slice kind, const size_t at[2], size_t wide, size_t high)
{
    buf_puts(b, S("<rect class=\""), kind, S("\""));
    number(b, S("x"), at[0]);
    number(b, S("y"), at[1]);
    number(b, S("width"), wide);
    number(b, S("height"), high);
    buf_put(b, S(" rx=\"6\"/>"));
}

static size_t lines_of(struct slice text, size_t wide)
{
    size_t n = 0;

    while (text.n && n < MAX_LINES) {
        text_take_line(&text, wide);
        n++;
    }
    return n;
}

/* Returns where the next line would be. */
static size_t put_lines(struct buf *b, struct slice kind, struct slice text, const size_t at[2], size_t wide)
{
    size_t y = at[1];

    for (size_t n = 0; text.n && n < MAX_LINES; n++, y += LINE) {
        begin_text(b, kind, at[0], y);
        face_put_escaped(b, text_take_line(&text, wide));
        end_text(b);
    }
    return y;
}

void face_put_style(struct buf *b)
{
    buf_put(b, S("<style>"
                 ".st{font:13px system-ui,-apple-system,\"Segoe UI\",sans-serif;--ink:#1c2024;--soft:#667085;--line:#d0d5dd;"
                 "--paper:#fff;--box:#f3f5f8;--ask:#1d4ed8;--ok:#15803d;--way:#a16207;--away:#7c3aed;--bad:#b91c1c}"));
    buf_put(b, S("@media(prefers-color-scheme:dark){.st{--ink:#e6e8ec;--soft:#98a2b3;--line:#3a404a;--paper:#15181c;"
                 "--box:#20252c;--ask:#93b4ff;--ok:#6ee79a;--way:#f5c65b;--away:#c4a5ff;--bad:#ff8f8f}}"));
    buf_put(b, S(".st .paper{fill:var(--paper)}.st text{fill:var(--ink)}.st .h{font-size:17px;font-weight:600}"
                 ".st .n{font-weight:700;font-size:14px;text-anchor:middle}.st .b{text-anchor:middle}"
                 ".st .s{fill:var(--soft);font-size:11.5px}.st .t{text-anchor:end;font-variant-numeric:tabular-nums}"
                 ".st .m{text-anchor:middle;font-size:12px;paint-order:stroke;stroke:var(--paper);stroke-width:4px;"
                 "stroke-linejoin:round}.st .f{font-weight:600}"));
    buf_put(b, S(".st .box{fill:var(--box);stroke:var(--line)}.st .px{stroke-dasharray:5 3}.st .l{stroke:var(--line)}"
                 ".st .rest{stroke:var(--line);stroke-dasharray:2 4}.st .a{stroke-width:1.4}"
                 ".st .again{stroke-dasharray:7 3}.st rect.hit{fill:currentColor;opacity:.09;stroke:none}"
                 ".st rect.pill{stroke:none}"));
    buf_put(b, S(".st .ask{color:var(--ask)}.st .ok{color:var(--ok)}.st .way{color:var(--way)}.st .away{color:var(--away)}"
                 ".st .bad{color:var(--bad)}.st .warn{color:var(--way)}.st .soft{color:var(--soft)}"
                 ".st line.a{stroke:currentColor}.st polygon,.st rect.pill,.st text.c{fill:currentColor}"
                 ".st text.on{fill:var(--paper);font-weight:700;font-size:11px;text-anchor:middle}</style>\n"));
}

/* --- rows ------------------------------------------------------------------------------------------------------------------- */

static struct slice kind_of(const struct trace_row *r)
{
    if (!r->of.n)
        return S("ask");
    return r->text.p[0] == '1' ? S("way") : r->text.p[0] == '2' ? S("ok") : r->text.p[0] == '3' ? S("away") : S("bad");
}

static struct slice grade_of(enum trace_severity s)
{
    return s == TRACE_ERROR ? S("bad") : s == TRACE_WARNING ? S("warn") : S("soft");
}

static size_t lane_x(const struct sheet *d, size_t party)
{
    return LEFT + d->lane / 2 + party * d->lane;
}

static size_t row_height(const struct trace_row *r)
{
    char       text[TEXT_OCTETS];
    struct buf reason = BUF_ON(text);
    size_t     lines;

    face_put_because(&reason, r);
    lines = lines_of(r->sentence, WORDS_WIDE) + lines_of(buf_slice(&reason), SMALL_WIDE);
    return ROW + (lines > 1 ? (lines - 1) * LINE : 0);
}

static size_t rows_height(const struct trace_story *s)
{
    size_t h = 0;

    for (size_t i = 0; i < s->n_rows; i++)
        if (face_shows(s, &s->rows[i]))
            h += row_height(&s->rows[i]) + (face_pause_before(s, i) ? PAUSE : 0);
    return h;
}

static void put_head(struct buf *b, size_t x, size_t y, bool leftward)
{
    size_t back = leftward ? x + 9 : x - 9;

    buf_put(b, S("<polygon points=\""));
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

/* A status loses its words where the arrow is short. */
static void put_label(struct buf *b, const struct trace_row *r, size_t room)
{
    size_t again = r->resent ? 4 : 0;

    if (r->of.n && (text_width(r->start) + again) * CHARACTER > room)
        buf_put(b, r->text);
    else
        put_cut(b, r->start, room / CHARACTER > again + 4 ? room / CHARACTER - again : 4);
    if (r->resent) {
        buf_put(b, S(" \xc3\x97"));
        buf_putu(b, r->resent + 1);
    }
}

static void put_arrow(const struct sheet *d, const struct trace_row *r, size_t y)
{
    size_t from = lane_x(d, r->from), to = lane_x(d, r->to);

    if (from == to)
        to = from + d->lane / 2;
    buf_puts(d->b, S("<g class=\""), kind_of(r), S("\">"));
    put_line(d->b, r->resent ? S("a again") : S("a"), (size_t[]){from, y}, (size_t[]){to, y});
    put_head(d->b, to, y, to < from);
    begin_text(d->b, S("m c"), (from + to) / 2, y - 6);
    put_label(d->b, r, (from < to ? to - from : from - to) - 12);
    end_text(d->b);
    buf_put(d->b, S("</g>"));
}

static void put_time(struct buf *b, uint64_t us)
{
    buf_putu(b, us / 1000000);
    buf_putc(b, '.');
    buf_putu_wide(b, us / 1000 % 1000, 3);
}

static void put_gutter(const struct sheet *d, const struct trace_row *r, size_t y)
{
    if (r->finding > TRACE_NOTE + 1) {
        buf_puts(d->b, S("<g class=\""), grade_of((enum trace_severity)(r->finding - 1)), S("\">"));
        put_box(d->b, S("hit"), (size_t[]){EDGE / 2, y - ROW / 2 - 2}, d->wide - EDGE, row_height(r) - 2);
    }
    begin_text(d->b, r->finding > TRACE_NOTE + 1 ? S("f c") : S("f"), EDGE, y + 4);
    if (r->f) {
        buf_putc(d->b, 'F');
        buf_putu(d->b, r->f);
    } else if (r->finding > TRACE_NOTE + 1) {
        buf_putc(d->b, '!');
    }
    end_text(d->b);
    if (r->finding > TRACE_NOTE + 1)
        buf_put(d->b, S("</g>"));
    begin_text(d->b, S("s t"), LEFT - 8, y + 4);
    put_time(d->b, r->time_us - d->s->begin_us);
    end_text(d->b);
}

static void put_row(const struct sheet *d, const struct trace_row *r, size_t y)
{
    char       text[TEXT_OCTETS];
    struct buf reason = BUF_ON(text);
    size_t     below;

    put_gutter(d, r, y);
    put_arrow(d, r, y);
    below = put_lines(d->b, S("w"), r->sentence, (size_t[]){d->words, y + 4}, WORDS_WIDE);
    face_put_because(&reason, r);
    put_lines(d->b, S("s"), buf_slice(&reason), (size_t[]){d->words + 10, below}, SMALL_WIDE);
}

static void put_pause(const struct sheet *d, uint64_t us, size_t y)
{
    put_line(d->b, S("rest"), (size_t[]){EDGE, y}, (size_t[]){d->words - 20, y});
    begin_text(d->b, S("s m"), lane_x(d, 0) + (lane_x(d, d->s->n_parties - 1) - lane_x(d, 0)) / 2, y + 4);
    put_seconds(d->b, us);
    buf_put(d->b, S(" later"));
    end_text(d->b);
}

/* --- heads ------------------------------------------------------------------------------------------------------------------ */

/* "Alice" of "Alice (1001)", whose number stands below it. */
static struct slice name_of(const struct trace_party *p)
{
    size_t open = slice_find_last(p->label, '(');

    if (p->is_exchange)
        return S("the exchange");
    if (p->number.n && open != SIZE_MAX && open > 1 && p->label.p[p->label.n - 1] == ')')
        return slice_to(p->label, open - 1);
    return p->label;
}

static void put_column(const struct sheet *d, size_t party, size_t y)
{
    const struct trace_party *p = &d->s->parties[party];
    size_t                    wide = d->lane - 12, most = wide / CHARACTER;
    char                      text[ADDR_MAX_TEXT + 8];
    struct buf                small = BUF_ON(text);

    put_box(d->b, p->is_exchange ? S("box px") : S("box"), (size_t[]){lane_x(d, party) - wide / 2, y}, wide, HEAD);
    buf_put(d->b, S("<g><title>"));
    face_put_escaped(d->b, p->label);
    buf_put(d->b, S(", "));
    addr_put(d->b, &p->at);
    buf_put(d->b, S("</title>"));
    begin_text(d->b, S("n"), lane_x(d, party), y + 19);
    buf_puts(d->b, (struct slice){p->name, p->name_n}, S(" "));
    buf_put(d->b, S("<tspan font-weight=\"400\" font-size=\"13\">"));
    put_cut(d->b, p->is_exchange && d->lane < LANE_MAX ? S("exchange") : name_of(p), most > 6 ? most - 3 : 4);
    buf_put(d->b, S("</tspan>"));
    end_text(d->b);
    if (p->number.n && !p->is_exchange && !slice_eq(name_of(p), p->number))
        buf_puts(&small, slice_to(p->number, 24), S(" "));
    if (d->lane == LANE_MAX)
        addr_put(&small, &p->at);
    else if (!small.n)
        addr_put_ip(&small, &p->at);
    begin_text(d->b, S("s b"), lane_x(d, party), y + 36);
    put_cut(d->b, buf_slice(&small), most);
    end_text(d->b);
    buf_put(d->b, S("</g>"));
}

static void put_columns(const struct sheet *d, size_t y)
{
    for (size_t i = 0; i < d->s->n_parties; i++)
        put_column(d, i, y);
}

/* --- above and below ---------------------------------------------------------------------------------------------------------- */

struct slice face_verdict_kind(const struct trace_story *s)
{
    return !s->verdict.known ? S("soft") : s->verdict.ok ? S("ok") : S("bad");
}

static size_t put_verdict(const struct sheet *d, size_t y)
{
    static const size_t wide = 66;

    buf_puts(d->b, S("<g class=\""), face_verdict_kind(d->s), S("\">"));
    put_box(d->b, S("pill"), (size_t[]){EDGE, y - 14}, wide, 19);
    begin_text(d->b, S("on"), EDGE + wide / 2, y);
    buf_put(d->b, !d->s->verdict.known ? S("UNCLEAR") : d->s->verdict.ok ? S("OK") : S("NOT OK"));
    end_text(d->b);
    buf_put(d->b, S("</g>"));
    return put_lines(d->b, S("w"), d->s->verdict.text, (size_t[]){EDGE + wide + 10, y}, d->below - 12);
}

/* Without `draw` it is only measured. Returns where the next would be. */
static size_t put_finding(const struct sheet *d, const struct trace_finding *f, size_t y, bool draw)
{
    char       text[2 * TEXT_OCTETS];
    struct buf t = BUF_ON(text);

    face_put_finding(&t, d->s, f);
    if (!draw)
        return y + lines_of(buf_slice(&t), d->below - 12) * LINE + 4;
    buf_puts(d->b, S("<g class=\""), grade_of(f->severity), S("\">"));
    begin_text(d->b, S("f c"), EDGE, y);
    buf_put(d->b, trace_severity_text(f->severity));
    end_text(d->b);
    buf_put(d->b, S("</g>"));
    return put_lines(d->b, S("w"), buf_slice(&t), (size_t[]){EDGE + 74, y}, d->below - 12) + 4;
}

static size_t put_findings(const struct sheet *d, size_t y, bool draw)
{
    for (size_t i = 0; i < d->s->n_findings; i++)
        y = put_finding(d, &d->s->findings[i], y, draw);
    return y;
}

static void lay_out(struct sheet *d, struct buf *b, const struct trace_story *s)
{
    *d = (struct sheet){.b = b, .s = s, .lane = LANES / (s->n_parties ? s->n_parties : 1)};
    if (d->lane > LANE_MAX)
        d->lane = LANE_MAX;
    if (d->lane < LANE_MIN)
        d->lane = LANE_MIN;
    d->words = LEFT + s->n_parties * d->lane + 12;
    d->wide = d->words + WORDS;
    d->below = (d->wide - 2 * EDGE) / CHARACTER;
}

void face_put_drawing(struct buf *b, const struct trace_story *s, bool with_style)
{
    struct sheet d;
    size_t       y, heads, rows, low, below, end, high = rows_height(s);
    bool         twice = high > LONG_DRAWING;

    lay_out(&d, b, s);
    heads = TITLE + 14 + (lines_of(s->verdict.text, d.below - 12) + 1) * LINE;
    rows = heads + HEAD + ROW;
    low = rows + high - 8;
    below = low + (twice ? HEAD : 0) + 2 * LINE;
    end = put_findings(&d, below, false);
    buf_put(b, S("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"st\" role=\"img\""));
    number(b, S("width"), d.wide);
    number(b, S("height"), end);
    buf_put(b, S(" viewBox=\"0 0 "));
    buf_putu(b, d.wide);
    buf_putc(b, ' ');
    buf_putu(b, end);
    buf_put(b, S("\"><title>"));
    face_put_escaped(b, s->title);
    buf_put(b, S("</title>\n"));
    if (with_style)
        face_put_style(b);
    buf_put(b, S("<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"));
    begin_text(b, S("h"), EDGE, TITLE - 4);
    put_cut(b, s->title, d.below * 3 / 4);
    end_text(b);
    put_verdict(&d, TITLE + 22);
    for (size_t i = 0; i < s->n_parties; i++)
        put_line(b, S("l"), (size_t[]){lane_x(&d, i), heads + HEAD}, (size_t[]){lane_x(&d, i), low});
    put_columns(&d, heads);
    y = rows;
    for (size_t i = 0; i < s->n_rows; i++) {
        if (!face_shows(s, &s->rows[i]))
            continue;
        if (face_pause_before(s, i)) {
            put_pause(&d, face_pause_before(s, i), y - 4);
            y += PAUSE;
        }
        put_row(&d, &s->rows[i], y);
        y += row_height(&s->rows[i]);
    }
    if (twice)
        put_columns(&d, low);
    put_findings(&d, below - 8, true);
    buf_put(b, S("</svg>\n"));
}

void trace_put_svg(struct buf *b, const struct trace_story *s, const struct trace_look *look)
{
    (void)look;
    face_put_drawing(b, s, true);
}
