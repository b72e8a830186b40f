/* say.c - what a phone sends in a flow: made from what it has seen (kit.h), the steps, and the words in their notes (flow.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit/play.h"
#include "sip/uri/uri.h"

#define FLOW_EVENT "x-life" /* of no package, so that nobody but the two phones has an opinion */

enum { SAID_OCTETS = 4096 };

bool flow_is_status(const char *message)
{
    return message[0] >= '1' && message[0] <= '6';
}

bool flow_is_straight(const struct play *p, size_t at)
{
    return flow_is_phone(p->f, p->f->step[at].with);
}

static bool is(const struct flow_step *s, const char *method)
{
    return !strcmp(s->message, method);
}

static bool says(const struct flow_step *s, const char *words)
{
    return strstr(s->note, words) != NULL;
}

/* Does its note name a call by "Replaces" or "Join"? One that says that there is none does not. */
static bool names_call(const struct flow_step *s, const char *how)
{
    char none[24];

    snprintf(none, sizeof none, "no %s", how);
    return says(s, how) && !says(s, none);
}

/* ---- who ---- */

/* Whom an INVITE is for: the phone that the exchange sends it on to. */
static unsigned called(const struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];

    if (flow_is_straight(p, at) || p->f->party[s->with].end)
        return s->with;
    for (size_t i = at + 1; i < p->f->n_steps; i++) {
        const struct flow_step *t = &p->f->step[i];

        if (!flow_is_phone(p->f, t->from) && flow_is_phone(p->f, t->to) && t->call == s->call && is(t, "INVITE"))
            return t->to;
    }
    return FLOW_MAX_PARTIES; /* it goes to no phone at all */
}

/* Whom a REFER or 302 sends its receiver to: whom that one calls next. */
static unsigned called_next(const struct play *p, size_t at)
{
    for (size_t i = at + 1; i < p->f->n_steps; i++) {
        const struct flow_step *t = &p->f->step[i];

        if (p->f->party[p->f->step[at].with].end && t->with == p->f->step[at].with && is(t, "INVITE") && flow_is_phone(p->f, t->to))
            return t->to;
        if (p->f->party[t->to].exchange && is(t, "INVITE") && (!flow_is_straight(p, at) || t->from == p->f->step[at].with))
            return called(p, i);
    }
    return FLOW_MAX_PARTIES;
}

/* As the Request-URI and To of a request: a number here, or somebody's address. */
static void put_callee(const struct play *p, unsigned party, bool as_phone, struct buf *b)
{
    if (party == FLOW_MAX_PARTIES)
        buf_put(b, S("sip:u1@" KIT_DOMAIN));
    else if (as_phone || p->f->party[party].outside)
        buf_put(b, slice_z(peer_contact(p->seat[party].peer)));
    else
        buf_puts(b, S("sip:"), slice_z(p->f->party[party].number), S("@" KIT_DOMAIN));
}

/* The phone at the other end of this request: to whom the exchange passes it next. */
static struct peer *far_end(const struct play *p, size_t at)
{
    for (size_t i = at + 1; i < p->f->n_steps; i++)
        if (p->f->party[p->f->step[i].from].exchange && !strcmp(p->f->step[i].message, p->f->step[at].message))
            return p->seat[p->f->step[i].to].peer;
    return NULL;
}

/* ---- calls that are named ---- */

/* The number that a note gives behind a word: "Replaces dialog 2". 0: none. */
static unsigned number_behind(const struct flow_step *s, const char *word)
{
    const char *at = strstr(s->note, word), *dialog = at ? strstr(at, "ialog ") : NULL;

    return dialog ? (unsigned)strtoul(dialog + strlen("ialog "), NULL, 10) : 0;
}

static bool is_over(const struct play *p, size_t at, unsigned call)
{
    for (size_t i = 0; i < at; i++)
        if (p->f->step[i].call == call && is(&p->f->step[i], "BYE"))
            return true;
    return false;
}

/* Who was called in it: whom a Replaces means that somebody gets who is not in it (a proxy before that phone). */
static unsigned callee_of(const struct play *p, unsigned call)
{
    for (size_t i = 0; i < p->f->n_steps; i++)
        if (p->f->step[i].call == call && is(&p->f->step[i], "INVITE") && p->f->party[p->f->step[i].from].exchange)
            return p->f->step[i].to;
    return FLOW_MAX_PARTIES;
}

/* The call of `*party` that the step at `at` names: by its number, or the newest that is not that step's own. */
static unsigned named_call(const struct play *p, size_t at, const char *word, unsigned *party)
{
    unsigned n = number_behind(&p->f->step[at], word);

    for (size_t i = at; i-- > 0 && !n;) {
        const struct flow_step *t = &p->f->step[i];

        if (is(t, "INVITE") && (t->from == *party || t->to == *party) && t->call != p->f->step[at].call && !is_over(p, at, t->call))
            n = t->call + 1;
    }
    if (n && n <= FLOW_MAX_CALLS && p->f->party[*party].outside && callee_of(p, n - 1) < FLOW_MAX_PARTIES)
        *party = callee_of(p, n - 1);
    if (!n || n > FLOW_MAX_CALLS || !p->number[*party][n - 1])
        kit_fail(p->k, "names a call that its receiver does not have:", p->f->step[at].note);
    return p->number[*party][n - 1];
}

/* A bad wire may have lost the 180 that makes an early dialog: phones say it again (RFC 3261 §13.3.1.1). */
static struct peer_dialog early_dialog(const struct play *p, unsigned party, unsigned number)
{
    struct peer_dialog d = peer_dialog(p->seat[party].peer, number);
    unsigned           call = 0, callee;

    while (call < FLOW_MAX_CALLS && p->number[party][call] != number)
        call++;
    callee = call < FLOW_MAX_CALLS ? callee_of(p, call) : FLOW_MAX_PARTIES;
    for (int i = 0; i < 20 && !d.remote_tag.n && callee != FLOW_MAX_PARTIES; i++) {
        peer_take_call(p->seat[callee].peer, p->number[callee][call]);
        peer_send(p->seat[callee].peer, "180 INVITE");
        kit_wait_ms(p->k, 1000);
        d = peer_dialog(p->seat[party].peer, number);
    }
    return d;
}

/* As `party` sees it: its own tag is to-tag, or local-tag (RFC 3891 §3, RFC 4538 §3). */
static void put_named(const struct play *p, size_t at, enum hdr_id id, unsigned party, struct buf *b)
{
    const char         *word = id == HDR_JOIN ? "Join" : id == HDR_REPLACES ? "Replaces" : "Target-D";
    unsigned            call = named_call(p, at, word, &party);
    struct peer_dialog  d = early_dialog(p, party, call);
    struct dialog_ref   ref = {.call_id = d.call_id, .to_tag = d.local_tag, .from_tag = d.remote_tag};

    if (id == HDR_TARGET_DIALOG)
        ref = (struct dialog_ref){.call_id = d.call_id, .to_tag = d.remote_tag, .from_tag = d.local_tag};
    ref.early_only = says(&p->f->step[at], "early-only");
    dialog_ref_put(b, id, &ref);
}

/* ---- requests ---- */

static void send_text(struct play *p, const struct flow_step *s, struct buf *b)
{
    buf_putc(b, '\0');
    if (buf_err(b))
        kit_fail(p->k, "too long a message:", s->message);
    peer_send(p->seat[s->from].peer, buf_slice(b).p);
    play_remember_description(p, s);
}

/* A call that is taken over or joined, and who has asked for it (RFC 3891, 3911, 3892). */
static void put_invite_rows(struct play *p, size_t at, unsigned to, struct buf *b)
{
    static const enum hdr_id names[] = {HDR_REPLACES, HDR_JOIN};
    const struct flow_step  *s = &p->f->step[at];

    for (size_t i = 0; i < 2; i++)
        if (names_call(s, i ? "Join" : "Replaces") && !(i && names_call(s, "Replaces")) && to != FLOW_MAX_PARTIES) {
            buf_puts(b, S("\n"), hdr_name(names[i]), S(": "));
            put_named(p, at, names[i], to, b);
        }
    if (says(s, "Require: replaces"))
        buf_puts(b, S("\nRequire: replaces"));
    if (p->referred[s->from].n)
        buf_puts(b, S("\nReferred-By: "), p->referred[s->from]);
    p->referred[s->from] = SLICE_NONE;
}

static void send_invite(struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];
    struct peer            *peer = p->seat[s->from].peer;
    char                    room[SAID_OCTETS];
    struct buf              b = BUF_ON(room);
    unsigned                to = called(p, at);

    if (p->challenge[s->from])
        peer_answer(peer, p->challenge[s->from]);
    else {
        buf_puts(&b, S("INVITE"));
        if (!s->reinvite && !p->up[s->call]) {
            buf_puts(&b, S(" "));
            if (p->x && p->x->calls && at == 0)
                buf_put(&b, slice_z(p->x->calls));
            else
                put_callee(p, to, false, &b);
            put_invite_rows(p, at, to, &b);
        }
        play_put_noted(s, &b);
        play_put_description(p, s, &b);
        send_text(p, s, &b);
    }
    p->challenge[s->from] = NULL;
}

static void send_register(struct play *p, const struct flow_step *s)
{
    struct peer *peer = p->seat[s->from].peer;
    char         what[256];

    if (p->challenge[s->from])
        peer_answer(peer, p->challenge[s->from]);
    else {
        snprintf(what, sizeof what, "REGISTER %s%s", p->f->party[s->from].number,
                 says(s, "no Contact")                                   ? "\n-Contact"
                 : says(s, "Contact: *") || (p->x && p->x->removes_all) ? "\nContact: *\nExpires: 0"
                                                                         : "");
        peer_send(peer, what);
    }
    p->challenge[s->from] = NULL;
}

/* The status that a NOTIFY about a transfer brings: "sipfrag 486 Busy Here", "200 OK; terminated". */
static unsigned told_status(const char *note)
{
    const char *frag = strstr(note, "sipfrag ");
    unsigned    code = (unsigned)strtoul(frag ? frag + strlen("sipfrag ") : note, NULL, 10);

    return code ? code : strstr(note, "terminated") ? 200 : 100;
}

static bool is_about_refer(const struct play *p, const struct flow_step *s)
{
    for (const struct flow_step *t = p->f->step; t < s; t++)
        if (t->call == s->call && is(t, "REFER"))
            return true;
    return false;
}

/* The second REFER of a call and later ones are told apart by their CSeq (RFC 3515 §2.4.6). */
static bool is_second_refer(const struct play *p, const struct flow_step *s)
{
    unsigned n = 0;

    for (const struct flow_step *t = p->f->step; t < s; t++)
        n += t->call == s->call && t->to == s->from && is(t, "REFER");
    return n > 1;
}

static void put_notify(const struct play *p, const struct flow_step *s, struct buf *b)
{
    struct slice state = says(s, "terminated") ? S("terminated;reason=noresource") : S("active;expires=60");

    if (!is_about_refer(p, s)) {
        buf_puts(b, S("\nEvent: " FLOW_EVENT "\nSubscription-State: "), state);
        return;
    }
    buf_puts(b, S("\nEvent: refer"));
    if (says(s, ";id=") || is_second_refer(p, s)) {
        buf_puts(b, S(";id="));
        buf_putu(b, p->refer[s->from]);
    }
    buf_puts(b, S("\nSubscription-State: "), state, S("\nContent-Type: message/sipfrag;version=2.0\n\nSIP/2.0 "));
    buf_putu(b, told_status(s->note));
    buf_puts(b, S(" "), msg_reason(told_status(s->note)), S("\r\n"));
}

static void put_refer(struct play *p, size_t at, struct buf *b)
{
    const struct flow_step *s = &p->f->step[at];
    unsigned                to = called_next(p, at);
    char                    room[SAID_OCTETS];
    struct buf              name = BUF_ON(room);

    buf_puts(b, S("\nRefer-To: <"));
    put_callee(p, to, says(s, "Contact of"), b);
    if (names_call(s, "Replaces") && to != FLOW_MAX_PARTIES) {
        put_named(p, at, HDR_REPLACES, to, &name);
        buf_puts(b, S("?Replaces="));
        uri_put_escaped_header(b, buf_slice(&name));
    }
    buf_puts(b, S(">"));
    if (says(s, "Target-Dialog") && flow_is_straight(p, at)) {
        buf_puts(b, S("\nRequire: tdialog\nTarget-Dialog: "));
        put_named(p, at, HDR_TARGET_DIALOG, s->with, b);
    }
    if (says(s, "Referred-By"))
        buf_puts(b, S("\nReferred-By: <sip:"), slice_z(p->f->party[s->from].number), S("@" KIT_DOMAIN ">"));
}

/* A link to a call that its reader may take over (RFC 5359 §2.6). */
static void put_text(struct play *p, size_t at, struct buf *b)
{
    const struct flow_step *s = &p->f->step[at];
    unsigned                to = called_next(p, at);
    char                    room[SAID_OCTETS];
    struct buf              name = BUF_ON(room);

    if (!says(s, "text/html") || to == FLOW_MAX_PARTIES) {
        buf_puts(b, S("\nContent-Type: text/plain\n\nHello."));
        return;
    }
    buf_puts(b, S("\nContent-Type: text/html\n\n<a href=\""));
    put_callee(p, to, false, b);
    put_named(p, at, HDR_REPLACES, to, &name);
    buf_puts(b, S("?Replaces="));
    uri_put_escaped_header(b, buf_slice(&name));
    buf_puts(b, S("\">call</a>"));
}

/* "Event: x" of a note; else the call's, or one that is of no package. */
static struct slice package_of(const struct play *p, const struct flow_step *s)
{
    const char *at = strstr(s->note, "Event: ");

    if (at)
        return slice_to(slice_z(at + strlen("Event: ")), strcspn(at + strlen("Event: "), ";, "));
    if (s->package[0])
        return slice_z(s->package);
    return p->f->party[s->with].end ? S("dialog") : S(FLOW_EVENT);
}

static void put_subscribe(const struct play *p, const struct flow_step *s, struct buf *b)
{
    const char *expires = strstr(s->note, "Expires: ");

    buf_puts(b, S("\nEvent: "), package_of(p, s), S("\nExpires: "));
    buf_putu(b, expires ? strtoul(expires + strlen("Expires: "), NULL, 10) : 600);
    if (says(s, "dialog that is gone"))
        buf_puts(b, S("\nTo: <sip:"), slice_z(p->f->party[s->from].number), S("@" KIT_DOMAIN ">;tag=gone"));
}

static void put_publish(const struct play *p, const struct flow_step *s, struct buf *b)
{
    buf_puts(b, S("\nEvent: presence\nExpires: 600\nContent-Type: application/pidf+xml\n\n"
                  "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:"),
             slice_z(p->f->party[s->from].number), S("@" KIT_DOMAIN "\"><tuple id=\"t\"><status><basic>open</basic></status></tuple><note>here</note></presence>"));
}

/* Of a request outside a call: who is drawn there, the phone that the exchange passes it on to at once; with the exchange
 * itself, where that has no number, one speaks about the number of who publishes, else about one's own. */
static unsigned addressee(const struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];

    if (flow_is_straight(p, at))
        return s->with;
    if (p->f->party[s->with].number[0] && p->f->party[s->with].end)
        return s->with;
    if (!p->f->party[s->with].end)
        return p->f->step[at + 1].to;
    for (size_t i = 0; i < p->f->n_steps; i++)
        if (is(&p->f->step[i], "PUBLISH"))
            return p->f->step[i].from;
    return s->from;
}

/* What a phone says that is not INVITE or REGISTER, beside what its kit writes by itself. */
static void put_other(struct play *p, size_t at, struct buf *b)
{
    const struct flow_step *s = &p->f->step[at];
    bool                    is_new = !p->number[s->from][s->call];

    buf_put(b, slice_z(s->message));
    if (is_new && at + 1 < p->f->n_steps) {
        buf_puts(b, S(" "));
        put_callee(p, addressee(p, at), false, b);
    }
    play_put_noted(s, b);
    if (is(s, "REFER"))
        put_refer(p, at, b);
    else if (is(s, "SUBSCRIBE"))
        put_subscribe(p, s, b);
    else if (is(s, "NOTIFY"))
        put_notify(p, s, b);
    else if (is(s, "MESSAGE"))
        put_text(p, at, b);
    else if (is(s, "PUBLISH"))
        put_publish(p, s, b);
    else if (is(s, "PRACK")) {
        buf_puts(b, S("\nRAck: 1 "));
        buf_putu(b, peer_invite_cseq(p->seat[s->from].peer));
        buf_puts(b, S(" INVITE"));
    }
    play_put_description(p, s, b);
}

static void send_other(struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];
    struct peer            *peer = p->seat[s->from].peer, *other = far_end(p, at);
    char                    room[SAID_OCTETS];
    struct buf              b = BUF_ON(room);

    if (other && p->number[s->from][s->call])
        peer_follow_to(peer, other);
    put_other(p, at, &b);
    send_text(p, s, &b);
    if (is(s, "ACK"))
        p->up[s->call] = p->up[s->call] || p->final[s->from][s->call] / 100 == 2;
    if (is(s, "BYE"))
        p->up[s->call] = false;
}

/* A challenge that the flow draws must not be answered behind its back. */
static bool is_challenged(const struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];

    for (size_t i = at + 1; i < p->f->n_steps; i++) {
        const struct flow_step *t = &p->f->step[i];

        if (t->to == s->from && t->call == s->call && flow_is_status(t->message) && !is(t, "100"))
            return is(t, "401") || is(t, "407");
    }
    return false;
}

static void send_request(struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];
    struct peer            *peer = p->seat[s->from].peer;

    peer_set_login(peer, p->f->party[s->from].number, p->open_house || is_challenged(p, at) ? NULL : "secret-of-the-test");
    if (s->copy)
        peer_send_raw(peer, peer_sent(peer));
    else if (is(s, "INVITE"))
        send_invite(p, at);
    else if (is(s, "REGISTER"))
        send_register(p, s);
    else
        send_other(p, at);
    if (!is(s, "ACK"))
        snprintf(p->asked[s->from], sizeof p->asked[0], "%s", s->message);
}

static void send_answer(struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];
    char                    room[SAID_OCTETS];
    struct buf              b = BUF_ON(room);

    buf_puts(&b, slice_z(s->message), s->of[0] ? S(" ") : S(""), slice_z(s->of));
    if (s->message[0] == '1' && says(s, "reliable"))
        buf_puts(&b, S("\nRequire: 100rel\nRSeq: 1"));
    if (s->message[0] == '3') {
        buf_puts(&b, S("\nContact: <"));
        put_callee(p, called_next(p, at), false, &b);
        buf_puts(&b, S(">"));
    }
    play_put_noted(s, &b);
    if (s->message[0] <= '2')
        play_put_description(p, s, &b);
    send_text(p, s, &b);
}

void play_sends(struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];

    if (p->bad_wire && s->copy)
        return; /* there are enough of them */
    if (!strncmp(s->note, "after ", 6) || says(s, "after a while"))
        kit_wait_ms(p->k, 2500);
    if (p->number[s->from][s->call])
        peer_take_call(p->seat[s->from].peer, p->number[s->from][s->call]);
    if (flow_is_status(s->message))
        send_answer(p, at);
    else
        send_request(p, at);
    play_note_call(p, s, s->from);
}
