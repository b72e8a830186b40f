/* face_html.c - a capture as one page: what was in it, and the drawing of each story.
 *
 * Room      trace (pure). In: stories. Out: HTML that loads nothing from elsewhere, light or dark as the viewer likes it. */
#include "trace/trace_priv.h"

static void put_style(struct buf *b)
{
    buf_put(b, S("<style>:root{color-scheme:light dark;--page:#eef0f3;--card:#fff;--ink:#1c2024;--soft:#667085;--line:#d0d5dd;"
                 "--ok:#15803d;--bad:#b91c1c}"
                 "@media(prefers-color-scheme:dark){:root{--page:#0c0e11;--card:#15181c;--ink:#e6e8ec;--soft:#98a2b3;"
                 "--line:#3a404a;--ok:#6ee79a;--bad:#ff8f8f}}"));
    buf_put(b, S("body{font:14px system-ui,-apple-system,\"Segoe UI\",sans-serif;margin:0 auto;padding:1.2rem 1.5rem 3rem;"
                 "background:var(--page);color:var(--ink)}h1{font-size:1.25rem;margin:.2rem 0 .2rem;overflow-wrap:anywhere}"
                 "p{color:var(--soft);margin:.2rem 0 1rem}"));
    buf_put(b, S("section,ol{background:var(--card);border:1px solid var(--line);border-radius:10px;margin:0 0 1.2rem}"
                 "section{overflow-x:auto;padding:.3rem;scroll-margin-top:1rem}section svg{display:block}"
                 "ol{padding:.6rem 1rem .6rem 3rem;max-height:22rem;overflow-y:auto}li{padding:.15rem 0}"
                 "a{color:inherit;text-underline-offset:3px}.ok{color:var(--ok)}.bad{color:var(--bad)}.soft{color:var(--soft)}"
                 "</style>\n"));
}

static void put_count(struct buf *b, size_t n, struct slice one, struct slice many)
{
    buf_putu(b, n);
    buf_puts(b, S(" "), n == 1 ? one : many);
}

static void put_summary(struct buf *b, const struct trace *t)
{
    size_t wrong = 0;

    for (size_t i = 0; i < t->n_stories; i++)
        wrong += t->stories[i].verdict.known && !t->stories[i].verdict.ok;
    buf_put(b, S("<p>"));
    put_count(b, t->n_messages, S("SIP message"), S("SIP messages"));
    buf_put(b, S(", "));
    put_count(b, t->n_stories, S("story"), S("stories"));
    if (wrong) {
        buf_put(b, S(", something wrong in "));
        buf_putu(b, wrong);
    }
    buf_put(b, S(". Drawn by strowger.</p>\n"));
}

static void put_contents(struct buf *b, const struct trace *t)
{
    buf_put(b, S("<ol>\n"));
    for (size_t i = 0; i < t->n_stories; i++) {
        const struct trace_story *s = &t->stories[i];

        buf_put(b, S("<li><a href=\"#s"));
        buf_putu(b, i + 1);
        buf_put(b, S("\">"));
        face_put_escaped(b, s->title);
        buf_puts(b, S("</a> <span class=\""), face_verdict_kind(s), S("\">"));
        if (!s->verdict.ok)
            face_put_escaped(b, s->verdict.text);
        buf_put(b, S("</span></li>\n"));
    }
    buf_put(b, S("</ol>\n"));
}

void trace_put_html(struct buf *b, const struct trace *t, size_t story, struct slice title)
{
    buf_put(b, S("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                 "content=\"width=device-width\"><title>"));
    face_put_escaped(b, title);
    buf_put(b, S("</title>\n"));
    put_style(b);
    face_put_style(b);
    buf_put(b, S("</head><body>\n<h1>"));
    face_put_escaped(b, title);
    buf_put(b, S("</h1>\n"));
    put_summary(b, t);
    if (t->n_stories > 1 && story == TRACE_NONE)
        put_contents(b, t);
    for (size_t i = 0; i < t->n_stories; i++) {
        if (story != TRACE_NONE && story != i)
            continue;
        buf_put(b, S("<section id=\"s"));
        buf_putu(b, i + 1);
        buf_put(b, S("\">"));
        face_put_drawing(b, &t->stories[i], false);
        buf_put(b, S("</section>\n"));
    }
    buf_put(b, S("</body></html>\n"));
}
