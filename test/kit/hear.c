/* hear.c - what a phone must get in a flow: that it comes, and as it was sent. See flow.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/play.h"
#include "kit/talk.h"

enum { COPY_WAIT_MS = 64 * 500, BAD_WIRE_MS = 70000 };

static bool is_provisional(const struct flow_step *s)
{
    return s->message[0] == '1';
}

/* "4xx", or another code that will do. */
static void expected_text(const struct play *p, const struct flow_step *s, char *out, size_t n)
{
    const char *of = s->of[0] ? s->of : flow_is_status(s->message) ? p->asked[s->to] : "";

    snprintf(out, n, "%s%s%s", p->x && p->x->step == s->n ? p->x->code : s->message, of[0] ? " " : "", of);
}

static void wait_for_repeat(struct play *p, const struct flow_step *s)
{
    struct peer *peer = p->seat[s->to].peer;

    for (unsigned ms = 0; peer_repeats(peer) <= p->repeats[s->to]; ms += 100) {
        if (ms > COPY_WAIT_MS)
            kit_fail(p->k, p->f->id, "a copy did not come");
        kit_wait_ms(p->k, 100);
    }
    p->repeats[s->to]++;
}

/* On a bad wire ACKs of an earlier call, or of an earlier INVITE in it, may still come. */
static bool is_late_ack(const struct play *p, const struct flow_step *s, const struct msg *m)
{
    unsigned    wanted = p->number[s->to][s->call];
    struct cseq cseq;

    if (!p->bad_wire || !m->is_request || m->method_id != METHOD_ACK || !wanted)
        return false;
    return peer_call_number(p->seat[s->to].peer) != wanted || msg_cseq(m, &cseq) || cseq.number < p->invited[s->to][s->call];
}

static const struct msg *expect_of_call(struct play *p, const struct flow_step *s, const char *what)
{
    const struct msg *m;

    do
        m = peer_expect_in(p->seat[s->to].peer, what, 0, BAD_WIRE_MS);
    while (is_late_ack(p, s, m));
    return m;
}

static const struct msg *expect(struct play *p, const struct flow_step *s)
{
    struct peer      *peer = p->seat[s->to].peer;
    const struct msg *m;
    char              what[64];

    expected_text(p, s, what, sizeof what);
    if (!strstr(what, "xx"))
        return expect_of_call(p, s, what);
    kit_wait_ms(p->k, p->bad_wire ? COPY_WAIT_MS : 1000);
    m = peer_next(peer);
    if (!m || m->status / 100 != (unsigned)(what[0] - '0'))
        kit_fail(p->k, "did not come:", what);
    return m;
}

/* ---- what the exchange tells of itself ---- */

/* Does this NOTIFY say what the step's note says? */
static bool tells(const struct flow_step *s, const struct msg *m)
{
    static const struct {
        const char *word, *body;
    } words[] = {{"Messages-Waiting: yes", "Messages-Waiting: yes"},
                 {"Messages-Waiting: no", "Messages-Waiting: no"},
                 {"full", "state=\"full\""},
                 {"early", "<state>early</state>"},
                 {"confirmed", "<state>confirmed</state>"}};

    if (strstr(s->note, "terminated") && !slice_starts(msg_value(m, HDR_SUBSCRIPTION_STATE), S("terminated")))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(s->note, words[i].word) && slice_find_slice(m->body, slice_z(words[i].body)) == SIZE_MAX)
            return false;
    return true;
}

/* What makes it tell: counts of messages are set, who was busy is free again. */
static void cause(struct play *p, const struct flow_step *s)
{
    const char *counts = strstr(s->note, "Voice-Message: ");
    char        value[32];

    if (counts) {
        counts += strlen("Voice-Message: ");
        snprintf(value, sizeof value, "%.*s", (int)strcspn(counts, " ,;"), counts);
        kit_set_user(p->k, p->f->party[s->to].number, "mwi", value);
    }
    if (p->caller && p->x->free == s->n)
        hang_up(p->caller, p->seat[p->busy].peer);
}

/* It may tell more than is drawn: what does not fit is answered, and the next one waited for. */
static const struct msg *expect_told(struct play *p, const struct flow_step *s)
{
    struct peer      *peer = p->seat[s->to].peer;
    const struct msg *m;

    cause(p, s);
    while (!tells(s, m = peer_expect_in(peer, "NOTIFY", 0, BAD_WIRE_MS)))
        peer_send(peer, "200 NOTIFY");
    return m;
}

/* ---- as it was sent ---- */

static void must_be_equal(struct play *p, const struct flow_step *s, struct slice name, struct slice sent, struct slice got)
{
    char text[256];

    if (slice_eq(slice_trim(sent), slice_trim(got)))
        return;
    snprintf(text, sizeof text, "%s step %u, %s: %.*s", p->f->id, s->n, s->message, SARG(name));
    kit_fail(p->k, "was changed on its way:", text);
}

/* The same call; of one that rings, the exchange may say that only a ringing one is meant (early-only). */
static void check_replaces(struct play *p, const struct flow_step *s, const struct msg *sent, const struct msg *got)
{
    struct dialog_ref a, b;

    if (msg_dialog_ref(sent, HDR_REPLACES, &a) != msg_dialog_ref(got, HDR_REPLACES, &b))
        kit_fail(p->k, "Replaces was taken away, or put in:", p->f->id);
    if (!msg_has(sent, HDR_REPLACES))
        return;
    must_be_equal(p, s, S("Replaces"), a.call_id, b.call_id);
    must_be_equal(p, s, S("Replaces"), a.to_tag, b.to_tag);
    must_be_equal(p, s, S("Replaces"), a.from_tag, b.from_tag);
}

/* Description and text, and who names which call, are the phones' affair: what one says the other hears. */
static void check_passed_on(struct play *p, size_t at, const struct msg *got)
{
    static const enum hdr_id same[] = {HDR_JOIN, HDR_TARGET_DIALOG, HDR_REFERRED_BY, HDR_EVENT, HDR_CONTENT_TYPE};
    const struct flow_step  *s = &p->f->step[at];
    const struct msg        *sent = peer_said_message(p->seat[s->with].peer);

    if (sent->is_request != got->is_request || msg_method(sent) != msg_method(got))
        return; /* the exchange's own answer, on the way of another message */
    must_be_equal(p, s, S("its body"), sent->body, got->body);
    check_replaces(p, s, sent, got);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        must_be_equal(p, s, hdr_name(same[i]), msg_value(sent, same[i]), msg_value(got, same[i]));
}

static bool is_passed_on(const struct play *p, size_t at)
{
    return at > 0 && flow_is_straight(p, at) && p->f->step[at - 1].n == p->f->step[at].n && !p->f->party[p->f->step[at - 1].from].exchange;
}

static void learn(struct play *p, const struct flow_step *s, const struct msg *m)
{
    struct cseq cseq;

    p->heard[s->to] = m;
    if (m->is_request && m->method_id == METHOD_REFER) {
        if (msg_cseq(m, &cseq) == ERR_OK)
            p->refer[s->to] = cseq.number;
        p->referred[s->to] = slice_trim(msg_value(m, HDR_REFERRED_BY));
    }
    if (m->is_request && m->method_id == METHOD_INVITE && msg_cseq(m, &cseq) == ERR_OK)
        p->invited[s->to][s->call] = cseq.number;
    if (m->status >= 200 && msg_method(m) == METHOD_INVITE)
        p->final[s->to][s->call] = m->status;
    if (m->status == 401 || m->status == 407)
        p->challenge[s->to] = m;
}

void play_hears(struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];
    const struct msg       *m;

    if ((p->bad_wire && (is_provisional(s) || s->copy)) || flow_may_be_missing(p->f, s))
        return;
    if (s->copy) {
        wait_for_repeat(p, s);
        return;
    }
    m = flow_is_own(p->f, s) && !strcmp(s->message, "NOTIFY") ? expect_told(p, s) : expect(p, s);
    play_note_call(p, s, s->to);
    learn(p, s, m);
    if (is_passed_on(p, at))
        check_passed_on(p, at, m);
}
