/* play.c - the phones of a flow played by peers, step by step. See flow.h.
 *
 * What a phone sends is made from what it has seen (kit.h); which call, which dialog, whom it calls is read off the steps. A
 * step towards a phone is waited for. What a flow does not draw to its end (a CANCEL without its 487) is tidied up after it,
 * and nothing but that is let pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit/flow.h"

#define FLOW_EVENT "x-life" /* of no package, so that nobody but the two phones has an opinion */

enum { TIDY_ROUNDS = 8 };

struct play {
    const struct call_flow      *f;
    const struct flow_exception *x;
    struct kit                  *k;
    struct flow_seat             seat[FLOW_MAX_PARTIES];
    bool                         bad_wire;
    bool                         up[FLOW_MAX_CALLS];                   /* the call is confirmed                 */
    unsigned                     number[FLOW_MAX_PARTIES][FLOW_MAX_CALLS]; /* the peer's number of that call, 0 none */
    char                         asked[FLOW_MAX_PARTIES][16];          /* the last request that it has sent     */
    const struct msg            *challenge[FLOW_MAX_PARTIES];          /* not taken up yet                      */
    unsigned                     final[FLOW_MAX_PARTIES];              /* the last final answer that it has had */
    uint32_t                     refer[FLOW_MAX_PARTIES];              /* the CSeq of the last REFER that it has had */
    unsigned                     repeats[FLOW_MAX_PARTIES];
};

static bool is_status(const char *message)
{
    return message[0] >= '1' && message[0] <= '6';
}

static bool is_provisional(const struct flow_step *s)
{
    return s->message[0] == '1';
}

static bool registers(const struct call_flow *f, unsigned party)
{
    for (size_t i = 0; i < f->n_steps; i++)
        if (f->step[i].from == party && !strcmp(f->step[i].message, "REGISTER"))
            return true;
    return false;
}

/* Does the flow draw a challenge for this phone? Then it must not be answered behind the flow's back. */
static bool is_challenged(const struct call_flow *f, unsigned party)
{
    for (size_t i = 0; i < f->n_steps; i++)
        if (f->step[i].to == party && (!strcmp(f->step[i].message, "401") || !strcmp(f->step[i].message, "407")))
            return true;
    return false;
}

static bool is_known(const struct play *p, unsigned party)
{
    for (unsigned i = 0; i < party; i++)
        if (!p->f->party[i].exchange && !strcmp(p->f->party[i].number, p->f->party[party].number))
            return true;
    return false;
}

static bool has_party(const struct call_flow *f, const char *number)
{
    for (unsigned i = 0; i < f->n_parties; i++)
        if (!f->party[i].exchange && !strcmp(f->party[i].number, number))
            return true;
    return false;
}

static void set_users(struct play *p)
{
    const char *at = p->x ? p->x->settings : NULL;

    while (at && *at) {
        char number[64], key[64], value[128];

        if (sscanf(at, "%63s %63s %127[^\n]", number, key, value) != 3)
            kit_fail(p->k, "not NUMBER KEY VALUE:", at);
        if (!has_party(p->f, number))
            kit_add_user(p->k, number);
        kit_set_user(p->k, number, key, value);
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
}

/* The n-th phone of a user who has several, to be tried one after the other (RFC 3261 §16.6: by q). */
static void register_in_turn(struct play *p, struct peer *peer, unsigned party)
{
    unsigned before = 0;
    char     what[256];

    for (unsigned i = 0; i < party; i++)
        before += !p->f->party[i].exchange && !strcmp(p->f->party[i].number, p->f->party[party].number);
    snprintf(what, sizeof what, "REGISTER %s\nExpires: 3600\nContact: <%s>;q=0.%u", p->f->party[party].number, peer_contact(peer),
             9 - before);
    peer_send(peer, what);
    peer_expect(peer, "200 REGISTER");
}

static void seat_phones(struct play *p)
{
    enum flow_before before = p->x ? p->x->before : FLOW_REGISTERED;

    for (unsigned i = 0; i < p->f->n_parties; i++) {
        const struct flow_party *party = &p->f->party[i];
        struct peer             *peer;

        if (party->exchange)
            continue;
        if (!is_known(p, i))
            kit_add_user(p->k, party->number);
        peer = p->seat[i].peer = peer_add(p->k, party->number);
        if (p->bad_wire)
            peer_set_reliable(peer);
        if (p->x && p->x->in_turn)
            register_in_turn(p, peer, i);
        else if (before != FLOW_REGISTERED || !registers(p->f, i))
            peer_register(peer);
        if (is_challenged(p->f, i))
            peer_set_login(peer, party->number, NULL);
    }
}

/* Whom an INVITE is for: the phone that the exchange sends it on to. */
static const char *called(const struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];

    if (p->x && p->x->calls && at == 0)
        return p->x->calls;
    for (size_t i = at + 1; i < p->f->n_steps; i++) {
        const struct flow_step *t = &p->f->step[i];

        if (p->f->party[t->from].exchange && t->call == s->call && !strcmp(t->message, "INVITE"))
            return p->f->party[t->to].number;
    }
    return "u1"; /* it goes to no phone at all */
}

/* Whom a REFER or 302 sends its receiver to: whom that one calls next. */
static const char *called_next(const struct play *p, size_t at)
{
    for (size_t i = at + 1; i < p->f->n_steps; i++)
        if (p->f->party[p->f->step[i].to].exchange && !strcmp(p->f->step[i].message, "INVITE"))
            return called(p, i);
    return "nobody";
}

/* The phone at the other end of this request: to whom the exchange passes it next. */
static struct peer *far_end(const struct play *p, size_t at)
{
    for (size_t i = at + 1; i < p->f->n_steps; i++)
        if (p->f->party[p->f->step[i].from].exchange && !strcmp(p->f->step[i].message, p->f->step[at].message))
            return p->seat[p->f->step[i].to].peer;
    return NULL;
}

static void note_call(struct play *p, const struct flow_step *s, unsigned party)
{
    p->number[party][s->call] = peer_call_number(p->seat[party].peer);
}

static void take_call(struct play *p, const struct flow_step *s)
{
    if (p->number[s->from][s->call])
        peer_take_call(p->seat[s->from].peer, p->number[s->from][s->call]);
}

static void send_invite(struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];
    struct peer            *peer = p->seat[s->from].peer;
    char                    what[256];

    if (p->challenge[s->from])
        peer_answer(peer, p->challenge[s->from]);
    else if (s->reinvite || p->up[s->call])
        peer_send(peer, "INVITE");
    else {
        snprintf(what, sizeof what, "INVITE %s", called(p, at));
        peer_send(peer, what);
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
        snprintf(what, sizeof what, "REGISTER %s%s%s", p->f->party[s->from].number, p->x && p->x->rows ? "\n" : "",
                 p->x && p->x->rows ? p->x->rows : "");
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
        if (t->call == s->call && !strcmp(t->message, "REFER"))
            return true;
    return false;
}

static void notify_text(const struct play *p, const struct flow_step *s, char *out, size_t n)
{
    const char *state = strstr(s->note, "terminated") ? "terminated;reason=noresource" : "active;expires=60";
    char        id[24] = "";

    if (!is_about_refer(p, s)) {
        snprintf(out, n, "NOTIFY\nEvent: " FLOW_EVENT "\nSubscription-State: %s", state);
        return;
    }
    if (strstr(s->note, ";id="))
        snprintf(id, sizeof id, ";id=%u", (unsigned)p->refer[s->from]);
    snprintf(out, n, "NOTIFY\nEvent: refer%s\nSubscription-State: %s\nContent-Type: message/sipfrag;version=2.0\n\nSIP/2.0 %u %.*s\r\n",
             id, state, told_status(s->note), SARG(msg_reason(told_status(s->note))));
}

/* What a phone says that is not INVITE or REGISTER, beside what its kit writes by itself. */
static void other_text(const struct play *p, size_t at, char *out, size_t n)
{
    const struct flow_step *s = &p->f->step[at];
    const char             *to = p->f->party[p->f->step[at + 1].to].number; /* the exchange passes it on at once */
    bool                    is_new = !p->number[s->from][s->call];

    if (!strcmp(s->message, "REFER"))
        snprintf(out, n, "REFER%s%s\nRefer-To: <sip:%s@" KIT_DOMAIN ">", is_new ? " " : "", is_new ? to : "", called_next(p, at));
    else if (!strcmp(s->message, "SUBSCRIBE"))
        snprintf(out, n, "SUBSCRIBE%s%s\nEvent: " FLOW_EVENT "\nExpires: %s", is_new ? " " : "", is_new ? to : "",
                 strstr(s->note, "Expires: 0") ? "0" : "600");
    else if (!strcmp(s->message, "NOTIFY"))
        notify_text(p, s, out, n);
    else if (!strcmp(s->message, "PRACK"))
        snprintf(out, n, "PRACK\nRAck: 1 %u INVITE", (unsigned)peer_invite_cseq(p->seat[s->from].peer));
    else
        snprintf(out, n, "%s", s->message);
}

static void send_other(struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];
    struct peer            *peer = p->seat[s->from].peer, *other = far_end(p, at);
    char                    what[512];

    if (other && p->number[s->from][s->call])
        peer_follow_to(peer, other);
    other_text(p, at, what, sizeof what);
    peer_send(peer, what);
    if (!strcmp(s->message, "ACK"))
        p->up[s->call] = p->up[s->call] || p->final[s->from] / 100 == 2;
    if (!strcmp(s->message, "BYE"))
        p->up[s->call] = false;
}

static void send_request(struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];
    struct peer            *peer = p->seat[s->from].peer;

    if (s->copy)
        peer_send_raw(peer, peer_sent(peer));
    else if (!strcmp(s->message, "INVITE"))
        send_invite(p, at);
    else if (!strcmp(s->message, "REGISTER"))
        send_register(p, s);
    else
        send_other(p, at);
    if (strcmp(s->message, "ACK") != 0)
        snprintf(p->asked[s->from], sizeof p->asked[0], "%s", s->message);
}

static void send_answer(struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];
    char                    what[256];
    int                     n = snprintf(what, sizeof what, "%s%s%s", s->message, s->of[0] ? " " : "", s->of);

    if (s->message[0] == '1' && strstr(s->note, "reliable"))
        snprintf(what + n, sizeof what - (size_t)n, "\nRequire: 100rel\nRSeq: 1");
    if (s->message[0] == '3')
        snprintf(what + n, sizeof what - (size_t)n, "\nContact: <sip:%s@" KIT_DOMAIN ">", called_next(p, at));
    peer_send(p->seat[s->from].peer, what);
}

static void phone_sends(struct play *p, size_t at)
{
    const struct flow_step *s = &p->f->step[at];

    if (p->bad_wire && s->copy)
        return; /* there are enough of them */
    if (!strncmp(s->note, "after ", 6) || strstr(s->note, "after a while"))
        kit_wait_ms(p->k, 2500);
    take_call(p, s);
    if (is_status(s->message))
        send_answer(p, at);
    else
        send_request(p, at);
    note_call(p, s, s->from);
}

/* "4xx", or another code that will do. */
static void expected_text(const struct play *p, const struct flow_step *s, char *out, size_t n)
{
    const char *of = s->of[0] ? s->of : is_status(s->message) ? p->asked[s->to] : "";

    snprintf(out, n, "%s%s%s", p->x && p->x->step == s->n ? p->x->code : s->message, of[0] ? " " : "", of);
}

static void wait_for_repeat(struct play *p, const struct flow_step *s)
{
    struct peer *peer = p->seat[s->to].peer;

    for (unsigned ms = 0; peer_repeats(peer) <= p->repeats[s->to]; ms += 100) {
        if (ms > 64 * 500)
            kit_fail(p->k, p->f->id, "a copy did not come");
        kit_wait_ms(p->k, 100);
    }
    p->repeats[s->to]++;
}

/* On a bad wire ACKs of an earlier call may still come. */
static const struct msg *expect_of_call(struct play *p, const struct flow_step *s, const char *what)
{
    struct peer      *peer = p->seat[s->to].peer;
    unsigned          wanted = p->number[s->to][s->call];
    const struct msg *m;

    do
        m = peer_expect_in(peer, what, 0, 70000);
    while (p->bad_wire && wanted && m->is_request && m->method_id == METHOD_ACK && peer_call_number(peer) != wanted);
    return m;
}

static void phone_gets(struct play *p, const struct flow_step *s)
{
    struct peer      *peer = p->seat[s->to].peer;
    char              what[64];
    const struct msg *m;
    struct cseq       cseq;

    if (p->bad_wire && (is_provisional(s) || s->copy))
        return;
    if (s->copy) {
        wait_for_repeat(p, s);
        return;
    }
    expected_text(p, s, what, sizeof what);
    if (strstr(what, "xx")) {
        kit_wait_ms(p->k, p->bad_wire ? 32000 : 1000);
        m = peer_next(peer);
        if (!m || m->status / 100 != (unsigned)(what[0] - '0'))
            kit_fail(p->k, "did not come:", what);
    } else
        m = expect_of_call(p, s, what);
    note_call(p, s, s->to);
    if (m->is_request && m->method_id == METHOD_REFER && msg_cseq(m, &cseq) == ERR_OK)
        p->refer[s->to] = cseq.number;
    if (m->status >= 200)
        p->final[s->to] = m->status;
    if (m->status == 401 || m->status == 407)
        p->challenge[s->to] = m;
}

/* ---- before and after ---- */

static void talk(struct play *p)
{
    unsigned a = 0, b;

    while (p->f->party[a].exchange)
        a++;
    for (b = a + 1; p->f->party[b].exchange;)
        b++;
    peer_set_login(p->seat[a].peer, p->f->party[a].number, "secret-of-the-test");
    {
        char what[64];

        snprintf(what, sizeof what, "INVITE %s", p->f->party[b].number);
        peer_send(p->seat[a].peer, what);
    }
    peer_expect(p->seat[b].peer, "INVITE");
    peer_send(p->seat[b].peer, "200");
    peer_expect(p->seat[a].peer, "200 INVITE");
    peer_send(p->seat[a].peer, "ACK");
    peer_expect(p->seat[b].peer, "ACK");
    p->up[0] = true;
    p->number[a][0] = peer_call_number(p->seat[a].peer);
    p->number[b][0] = peer_call_number(p->seat[b].peer);
}

static void attack(struct play *p)
{
    static const char *const users[] = {"u1", "u2"};
    char                     what[512];

    for (int i = 0; i < 2; i++) {
        struct peer *u;

        kit_add_user(p->k, users[i]);
        u = peer_add(p->k, users[i]);
        if (p->bad_wire)
            peer_set_reliable(u);
        snprintf(what, sizeof what,
                 "REGISTER %s\nPath: <sip:" KIT_EXCHANGE ":5060;lr>\nContact: <sip:u1@" KIT_DOMAIN ">, <sip:u2@" KIT_DOMAIN ">",
                 users[i]);
        peer_send(u, what);
        peer_expect(u, "200");
    }
}

/* What is left of a flow that does not draw its end: what belongs to CANCELs and refusals, and the NOTIFY that tells how a
 * transfer went, which the guide leaves out. */
static bool tidy(struct play *p, struct peer *peer)
{
    const struct msg *m = peer_next(peer);

    if (!m)
        return false;
    if (m->is_request && m->method_id == METHOD_CANCEL)
        peer_send(peer, "200 CANCEL"), peer_send(peer, "487 INVITE");
    else if (m->is_request && m->method_id == METHOD_NOTIFY)
        peer_send(peer, "200 NOTIFY");
    else if (!m->is_request && m->status >= 300 && msg_method(m) == METHOD_INVITE)
        peer_send(peer, "ACK");
    else if (!m->is_request ? m->status >= 300 || (m->status >= 200 && msg_method(m) != METHOD_CANCEL) : m->method_id != METHOD_ACK)
        kit_fail(p->k, "not drawn in the flow, and sent:", p->f->id);
    return true;
}

/* A phone that was cancelled in the flow's last steps, and has not yet said 487. */
static void end_cancelled(struct play *p)
{
    for (size_t i = 0; i < p->f->n_steps; i++) {
        const struct flow_step *s = &p->f->step[i];
        bool                    over = false;

        if (p->f->party[s->from].exchange || strcmp(s->of, "CANCEL") != 0)
            continue;
        for (size_t k = 0; k < p->f->n_steps; k++)
            over = over || (p->f->step[k].from == s->from && p->f->step[k].message[0] >= '2' && is_status(p->f->step[k].message) &&
                            strcmp(p->f->step[k].of, "CANCEL") != 0);
        if (!over)
            peer_send(p->seat[s->from].peer, "487 INVITE");
    }
}

static void tidy_up(struct play *p)
{
    bool some = true;

    end_cancelled(p);
    for (int round = 0; round < TIDY_ROUNDS && some; round++) {
        kit_wait_ms(p->k, p->bad_wire ? 20000 : 5000);
        some = false;
        for (unsigned i = 0; i < p->f->n_parties; i++)
            while (p->seat[i].peer && tidy(p, p->seat[i].peer))
                some = true;
    }
}

void flow_play(const struct call_flow *f, const struct flow_exception *x, const struct flow_wire *wire)
{
    struct kit_options o = {.digest = !x || x->before != FLOW_ATTACK, .seed = wire->seed, .workers = wire->workers,
                            .spread = wire->workers > 1};
    struct play        p = {.f = f, .x = x, .bad_wire = wire->link != NULL};

    if (wire->link)
        o.link = *wire->link;
    p.k = kit_begin(&o);
    seat_phones(&p);
    set_users(&p);
    if (x && x->before == FLOW_TALKING)
        talk(&p);
    if (x && x->before == FLOW_ATTACK)
        attack(&p);
    for (size_t i = 0; i < f->n_steps; i++)
        if (f->party[f->step[i].from].exchange)
            phone_gets(&p, &f->step[i]);
        else
            phone_sends(&p, i);
    tidy_up(&p);
    flow_judge(f, p.k, p.seat, p.bad_wire);
    kit_end(p.k);
}
