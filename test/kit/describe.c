/* describe.c - the session descriptions of a flow: what a note asks for, and what one has had from another. See flow.h. */
#include <stdio.h>
#include <string.h>

#include "kit/play.h"

static bool is(const struct flow_step *s, const char *method)
{
    return !strcmp(s->message, method);
}

static bool says(const struct flow_step *s, const char *words)
{
    return strstr(s->note, words) != NULL;
}

static struct described *described(struct play *p, const struct flow_step *s)
{
    static const char *const kinds[] = {"offer ", "answer "};

    for (size_t k = 0; k < 2; k++) {
        const char *at = strstr(s->note, kinds[k]);
        size_t      n = strlen(kinds[k]);

        for (size_t i = 0; at && at[n] >= '1' && at[n] <= '9' && i < FLOW_MAX_DESCRIBED; i++) {
            struct described *d = &p->described[i];

            if (!d->name[0])
                snprintf(d->name, sizeof d->name, "%.*s", (int)n + 1, at);
            if (!strncmp(d->name, at, n + 1))
                return d;
        }
    }
    return NULL;
}

/* "B's SDP": what B has described last. */
static struct slice others_sdp(const struct play *p, const struct flow_step *s)
{
    for (unsigned i = 0; i < p->f->n_parties; i++) {
        char text[48];

        snprintf(text, sizeof text, "%s's SDP", p->f->party[i].name);
        if (says(s, text))
            return p->sdp[i];
    }
    return SLICE_NONE;
}

/* An offer without media is answered alike (RFC 3264 §5). */
static bool answers_without_media(const struct play *p, const struct flow_step *s)
{
    const struct msg *m = p->heard[s->from];

    return flow_is_status(s->message) && m && m->is_request && m->body.n && slice_find_slice(m->body, S("m=")) == SIZE_MAX;
}

static void put_sdp(struct play *p, const struct flow_step *s, struct buf *b)
{
    const char *host = peer_host(p->seat[s->from].peer);

    buf_puts(b, S("v=0\r\no=- "));
    buf_putu(b, s->from + 1);
    buf_puts(b, S(" "));
    buf_putu(b, s->n);
    buf_puts(b, S(" IN IP4 "), slice_z(host), S("\r\ns=-\r\nc=IN IP4 "), says(s, "black") ? S("0.0.0.0") : slice_z(host), S("\r\nt=0 0\r\n"));
    if (says(s, "without media") || says(s, "no media") || answers_without_media(p, s))
        return;
    buf_puts(b, S("m=audio 4000 RTP/AVP 0 8\r\na="),
             says(s, "hold") || says(s, "sendonly") ? S("sendonly") : says(s, "recvonly") ? S("recvonly") : S("sendrecv"), S("\r\n"));
}

void play_put_description(struct play *p, const struct flow_step *s, struct buf *b)
{
    static const char *const words[] = {"SDP", "media", "offer", "answer", "black", "hold"};
    struct described        *d = described(p, s);
    struct slice             others = others_sdp(p, s);
    bool                     carries = is(s, "INVITE") || is(s, "ACK") || is(s, "PRACK") || is(s, "UPDATE") || flow_is_status(s->message);
    bool                     told = answers_without_media(p, s);

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        told = told || says(s, words[i]);
    if (!carries || !told)
        return;
    if (says(s, "no SDP")) {
        if (is(s, "INVITE"))
            buf_puts(b, S("\n-Content-Type"));
        return;
    }
    if (!is(s, "INVITE"))
        buf_puts(b, S("\nContent-Type: application/sdp"));
    buf_puts(b, S("\n\n"));
    if (others.n || (d && d->text.n))
        buf_put(b, others.n ? others : d->text);
    else
        put_sdp(p, s, b);
}

void play_remember_description(struct play *p, const struct flow_step *s)
{
    struct slice      said = peer_said(p->seat[s->from].peer);
    size_t            body = slice_find_slice(said, S("\r\n\r\n"));
    struct described *d = described(p, s);

    if (body == SIZE_MAX || !slice_starts(slice_from(said, body + 4), S("v=")))
        return;
    p->sdp[s->from] = slice_from(said, body + 4);
    if (d && !d->text.n)
        d->text = p->sdp[s->from];
}

void play_put_noted(const struct flow_step *s, struct buf *b)
{
    static const char *const names[] = {"Session-Expires", "Min-SE",   "Supported", "Refer-Sub",    "Privacy",
                                        "Reason",          "Priority", "Recv-Info", "Info-Package", "Alert-Info"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char        word[32];
        const char *at, *end;

        snprintf(word, sizeof word, "%s: ", names[i]);
        if (!(at = strstr(s->note, word)))
            continue;
        end = strstr(at, "; ");
        buf_puts(b, S("\n"), end ? slice_to(slice_z(at), (size_t)(end - at)) : slice_z(at));
    }
}
