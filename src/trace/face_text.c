/* face_text.c - a story as a ladder for a terminal or a log.
 *
 * Room      trace (pure). In: a story. Out: text.
 * Left the F number and the time, then a lane for each party, right the sentence and the exchange's reason, wrapped. The
 * lanes take at most two thirds of the width; where that leaves sentences no room, they stand below their arrows.
 * Findings and verdict stand below. Widths count characters, not octets. */
#include "trace/trace_priv.h"

enum {
    GUTTER = 15, /* "!F24  123.456  " */
    LANE_MIN = 10,
    LANE_MAX = 17,
    SENTENCE_MIN = 24,
    DEFAULT_COLUMNS = 110,
    LABEL_OCTETS = 96
};

struct sheet {
    struct buf               *b;
    const struct trace_story *st;
    const struct trace_look  *look;
    size_t                    columns; /* of the screen              */
    size_t                    lane;    /* from one party to the next */
    size_t                    text;    /* where sentences begin      */
    bool                      under;   /* they stand below arrows    */
};

#define RESET "\x1b[0m"
#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"
#define RED "\x1b[31m"
#define GREEN "\x1b[32m"
#define YELLOW "\x1b[33m"
#define BLUE "\x1b[36m"

static void colour(struct sheet *s, const char *code)
{
    if (s->look->colours)
        buf_put(s->b, slice_z(code));
}

static void spaces(struct sheet *s, size_t n)
{
    while (n--)
        buf_putc(s->b, ' ');
}

/* --- sentences -------------------------------------------------------------------------------------------------------------- */

static void lanes_only(struct sheet *s, char lane)
{
    spaces(s, GUTTER);
    colour(s, DIM);
    for (size_t i = 0; i < s->st->n_parties; i++) {
        buf_putc(s->b, lane);
        if (i + 1 < s->st->n_parties)
            spaces(s, s->lane - 1);
    }
    colour(s, RESET);
    spaces(s, 3);
}

/* The first line goes behind an arrow that is there already, or all go below it. */
static void put_wrapped(struct sheet *s, struct slice text, bool first, const char *how)
{
    size_t begin = s->under ? GUTTER : s->text;

    if (first && s->under)
        buf_putc(s->b, '\n');
    first = first && !s->under;
    while (text.n) {
        struct slice line = text_take_line(&text, s->columns - begin);

        if (!first && s->under)
            spaces(s, GUTTER);
        else if (!first)
            lanes_only(s, '|');
        first = false;
        colour(s, how);
        buf_put(s->b, line);
        colour(s, how[0] ? RESET : "");
        buf_putc(s->b, '\n');
    }
    if (first)
        buf_putc(s->b, '\n');
}

static void put_pause(struct sheet *s, uint64_t us)
{
    lanes_only(s, ':');
    colour(s, DIM);
    put_seconds(s->b, us);
    buf_put(s->b, S(" later"));
    colour(s, RESET);
    buf_putc(s->b, '\n');
}

/* --- arrows ------------------------------------------------------------------------------------------------------------------ */

static const char *row_colour(const struct trace_row *r)
{
    if (!r->of.n)
        return BOLD;
    switch (r->text.p[0]) {
    case '1':
        return YELLOW;
    case '2':
        return GREEN;
    case '3':
        return BLUE;
    default:
        return RED;
    }
}

/* A status without its words where these have no room. */
static void put_label(struct buf *b, const struct trace_row *r, size_t room)
{
    size_t again = r->resent ? 5 : 0;

    if (r->of.n && text_width(r->start) + again > room)
        buf_put(b, r->text);
    else
        buf_put(b, slice_to(r->start, LABEL_OCTETS - 16));
    if (r->resent) {
        buf_put(b, S(" x"));
        buf_putu(b, r->resent + 1);
    }
}

static void dashes(struct sheet *s, size_t n)
{
    while (n--)
        buf_putc(s->b, '-');
}

/* From lane `left` to lane `right`: "|---- INVITE --->|", without the two bars. */
static void put_arrow(struct sheet *s, const struct trace_row *r, size_t left, size_t right)
{
    char         text[LABEL_OCTETS];
    struct buf   b = BUF_ON(text);
    size_t       room = (right - left) * s->lane - 1, used;
    struct slice label, blank = S(" ");
    bool         leftward = r->to < r->from;

    put_label(&b, r, room - 4);
    if (text_width(buf_slice(&b)) > room - 4)
        blank = SLICE_NONE; /* every column is for the name */
    label = text_cut(buf_slice(&b), room - 2);
    used = text_width(label) + 2 * blank.n + 1; /* and the head */
    colour(s, row_colour(r));
    if (leftward)
        buf_putc(s->b, '<');
    dashes(s, (room - used) / 2);
    buf_puts(s->b, blank, label, blank);
    dashes(s, room - used - (room - used) / 2);
    if (!leftward)
        buf_putc(s->b, '>');
    colour(s, RESET);
}

static void put_self(struct sheet *s, const struct trace_row *r)
{
    char         text[LABEL_OCTETS];
    struct buf   b = BUF_ON(text);
    struct slice label;

    put_label(&b, r, s->lane - 4);
    label = text_cut(buf_slice(&b), s->lane - 4);
    buf_puts(s->b, S("o "), label);
    spaces(s, s->lane - 3 - text_width(label));
}

static void put_gutter(struct sheet *s, const struct trace_row *r)
{
    char       text[32];
    struct buf b = BUF_ON(text);
    uint64_t   ms = (r->time_us - s->st->begin_us) / 1000;

    buf_putc(&b, r->finding > TRACE_WARNING + 1 ? '!' : r->finding > TRACE_NOTE + 1 ? '?' : ' ');
    if (r->f) {
        buf_putc(&b, 'F');
        buf_putu(&b, r->f);
    }
    while (b.n < 5)
        buf_putc(&b, ' ');
    if (s->look->sketch) {
        buf_put(s->b, buf_slice(&b));
        spaces(s, GUTTER - b.n);
        return;
    }
    for (uint64_t limit = 1000; limit > 1 && ms / 1000 < limit; limit /= 10)
        buf_putc(&b, ' ');
    buf_putu(&b, ms / 1000);
    buf_putc(&b, '.');
    buf_putu_wide(&b, ms % 1000, 3);
    if (b.n > GUTTER - 2)
        b.n = GUTTER - 2;
    buf_put(s->b, buf_slice(&b));
    spaces(s, GUTTER - b.n);
}

static void put_row(struct sheet *s, const struct trace_row *r)
{
    size_t     left = r->from < r->to ? r->from : r->to, right = r->from < r->to ? r->to : r->from;
    char       text[TEXT_OCTETS];
    struct buf reason = BUF_ON(text);

    put_gutter(s, r);
    for (size_t i = 0; i < s->st->n_parties; i++) {
        buf_putc(s->b, '|');
        if (i == left && left == right)
            put_self(s, r);
        else if (i == left)
            put_arrow(s, r, left, right);
        if (i >= left && i < right)
            i = right - 1;
        else if (i + 1 < s->st->n_parties && !(i == left && left == right))
            spaces(s, s->lane - 1);
    }
    if (!s->under)
        spaces(s, 3);
    put_wrapped(s, r->sentence, true, "");
    face_put_because(&reason, r);
    put_wrapped(s, buf_slice(&reason), false, DIM);
}

/* --- above and below -------------------------------------------------------------------------------------------------------- */

static void put_parties(struct sheet *s)
{
    for (size_t i = 0; i < s->st->n_parties; i++) {
        const struct trace_party *p = &s->st->parties[i];

        buf_puts(s->b, S("  "), (struct slice){p->name, p->name_n}, S("  "),
                 p->is_exchange ? S("the exchange") : p->label);
        if (!s->look->sketch) {
            buf_put(s->b, S(", "));
            addr_put(s->b, &p->at);
        }
        buf_putc(s->b, '\n');
    }
    buf_putc(s->b, '\n');
    spaces(s, GUTTER);
    for (size_t i = 0; i < s->st->n_parties; i++) {
        const struct trace_party *p = &s->st->parties[i];

        colour(s, BOLD);
        buf_put(s->b, (struct slice){p->name, p->name_n});
        colour(s, RESET);
        if (i + 1 < s->st->n_parties)
            spaces(s, s->lane - p->name_n);
    }
    buf_putc(s->b, '\n');
}

static void put_heading(struct sheet *s)
{
    colour(s, BOLD);
    if (s->look->story) {
        buf_put(s->b, S("Story "));
        buf_putu(s->b, s->look->story);
        buf_put(s->b, S(": "));
    }
    buf_put(s->b, s->st->title);
    colour(s, RESET);
    if (s->st->flow.n)
        buf_puts(s->b, S("  ["), s->st->flow, S("]"));
    buf_putc(s->b, '\n');
}

/* `used`: characters that stand in the first line already; the others begin four further in. */
static void put_indented(struct sheet *s, struct slice text, size_t used)
{
    while (text.n) {
        buf_put(s->b, text_take_line(&text, s->columns > used + SENTENCE_MIN ? s->columns - used : SENTENCE_MIN));
        buf_putc(s->b, '\n');
        used = 4;
        if (text.n)
            spaces(s, used);
    }
}

static void put_finding(struct sheet *s, const struct trace_finding *f)
{
    char       text[2 * TEXT_OCTETS];
    struct buf t = BUF_ON(text);

    colour(s, f->severity == TRACE_ERROR ? RED : f->severity == TRACE_WARNING ? YELLOW : DIM);
    buf_puts(s->b, S("  "), trace_severity_text(f->severity), S(": "));
    colour(s, RESET);
    face_put_finding(&t, s->st, f);
    put_indented(s, buf_slice(&t), trace_severity_text(f->severity).n + 4);
}

static void lay_out(struct sheet *s)
{
    size_t gaps = s->st->n_parties > 1 ? s->st->n_parties - 1 : 1;
    size_t room = s->columns * 2 / 3 > GUTTER ? s->columns * 2 / 3 - GUTTER : LANE_MIN;

    s->lane = room / gaps;
    if (s->lane < LANE_MIN)
        s->lane = LANE_MIN;
    if (s->lane > LANE_MAX)
        s->lane = LANE_MAX;
    s->text = GUTTER + (s->st->n_parties - 1) * s->lane + 4;
    s->under = s->columns < s->text + SENTENCE_MIN;
}

void trace_put_text(struct buf *b, const struct trace_story *st, const struct trace_look *look)
{
    struct sheet s = {.b = b, .st = st, .look = look, .columns = look->columns ? look->columns : DEFAULT_COLUMNS};

    lay_out(&s);
    put_heading(&s);
    put_parties(&s);
    for (size_t i = 0; i < st->n_rows; i++) {
        if (!face_shows(st, &st->rows[i]))
            continue;
        if (face_pause_before(st, i) && !look->sketch)
            put_pause(&s, face_pause_before(st, i));
        put_row(&s, &st->rows[i]);
    }
    if (look->sketch)
        return;
    if (st->n_findings)
        buf_putc(b, '\n');
    for (size_t i = 0; i < st->n_findings; i++)
        put_finding(&s, &st->findings[i]);
    buf_putc(b, '\n');
    colour(&s, st->verdict.ok ? GREEN : st->verdict.known ? RED : DIM);
    buf_put(b, !st->verdict.known ? S("?? ") : st->verdict.ok ? S("OK ") : S("NOT OK "));
    colour(&s, RESET);
    put_indented(&s, st->verdict.text, st->verdict.known && !st->verdict.ok ? 7 : 3);
}
