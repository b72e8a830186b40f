/* example.c - a capture out of a flow: what phones and an exchange would send, step by step.
 *
 * Room      trace (pure). In: a settled flow. Out: messages, whole and lawful: Via by Via, tags, CSeq, routes, SDP.
 * One struct made a step remembers what a later one needs of it. A step that passes another on takes over its fields; a
 * response takes those of its request. */
#include "trace/judge_priv.h"

#include <string.h>

enum { MESSAGE_OCTETS = 4096, ROUTES = 4, PHONE_HOST = 10, MAX_NUMBER = 64 };

/* One message, by what was put into it. Parties are indexes into the flow's. */
struct made {
    struct slice vias;             /* rows of text                                     */
    uint64_t     branch;
    size_t       from, to;         /* parties of the From and To header fields         */
    struct slice from_tag, to_tag;
    size_t       contact;          /* party; NONE: no Contact                          */
    size_t       target;           /* party whose Contact or number the URI names      */
    size_t       route[ROUTES];    /* exchanges still ahead                            */
    size_t       n_route;
    size_t       record[ROUTES];   /* exchanges that stay, the last one first          */
    size_t       n_record;
    struct slice method, reason_for;
    uint32_t     cseq;
    unsigned     status;
    bool         initial;          /* an INVITE outside a dialog, and what answers it  */
    bool         holds, has_credentials;
};

struct made_call {
    bool         begun;
    size_t       caller, callee;
    struct slice tag[TRACE_FLOW_MAX_PARTIES];
    uint32_t     cseq[TRACE_FLOW_MAX_PARTIES];
    size_t       route[ROUTES];    /* as the callee sees it */
    size_t       n_route;
    bool         challenged;
    uint32_t     invite_cseq;
};

struct making {
    struct arena            *a;
    const struct trace_flow *f;
    const struct plan       *p;
    const struct slice      *numbers;
    struct slice             dialled, reason;
    struct made              made[TRACE_FLOW_MAX_STEPS];
    struct made_call         calls[TRACE_FLOW_MAX_CALLS + 1];
    enum err                 err;
};

static struct slice keep(struct making *m, const struct buf *b)
{
    struct slice out = SLICE_NONE;
    enum err     e = arena_dup(m->a, buf_slice(b), &out);

    if (e)
        m->err = e;
    return out;
}

static struct addr address_of(const struct making *m, size_t party)
{
    struct addr at = {.family = ADDR_IP4, .port = 5060, .ip = {192, 0, 2, 0}};

    at.ip[3] = (uint8_t)(party + (m->f->exchange[party] ? 1 : PHONE_HOST));
    return at;
}

static void put_number(struct buf *b, const struct making *m, size_t party)
{
    unsigned n = 1001;

    if (m->numbers && m->numbers[party].n) {
        uri_put_escaped_user(b, slice_to(m->numbers[party], MAX_NUMBER));
        return;
    }
    for (size_t i = 0; i < party; i++)
        n += !m->f->exchange[i];
    buf_putu(b, n);
}

static bool is_ack(const struct trace_step *s)
{
    return slice_eq(s->message, S("ACK"));
}

static bool is_response(const struct trace_step *s)
{
    return ascii_is_digit(s->message.p[0]);
}

static struct slice tag_of(struct making *m, unsigned call, size_t party)
{
    struct made_call *c = &m->calls[call];
    char              text[32];
    struct buf        b = BUF_ON(text);

    if (!c->tag[party].n) {
        buf_put(&b, S("tag"));
        buf_putu(&b, party);
        buf_putc(&b, '-');
        buf_putu(&b, call);
        c->tag[party] = keep(m, &b);
    }
    return c->tag[party];
}

/* The phone that this INVITE will reach: the first that is no exchange on its way; else somebody who is not there. */
static size_t callee_of(const struct making *m, size_t k)
{
    for (size_t j = k; j < m->f->n_steps; j++) {
        const struct trace_step *s = &m->f->steps[j];

        if (s->call == m->f->steps[k].call && slice_eq(s->message, S("INVITE")) && !s->reinvite &&
            !m->f->exchange[s->to] && s->to != m->f->steps[k].from)
            return s->to;
    }
    return m->f->steps[k].to;
}

static bool in_dialog_request(const struct trace_flow *f, size_t k)
{
    const struct trace_step *s = &f->steps[k];

    if (is_response(s) || slice_eq(s->message, S("CANCEL")) || slice_eq(s->message, S("REGISTER")))
        return false;
    if (slice_eq(s->message, S("INVITE")))
        return s->reinvite;
    if (!is_ack(s))
        return true;
    for (size_t j = k; j-- > 0;)
        if (f->steps[j].call == s->call && slice_eq(f->steps[j].of, S("INVITE")) && f->steps[j].message.p[0] >= '2' &&
            ((f->steps[j].to == s->from && f->steps[j].from == s->to) || f->steps[j].message.p[0] == '2'))
            return f->steps[j].message.p[0] == '2';
    return false;
}

/* Does that exchange stay in the call? When the flow shows no request within it: yes. */
static bool stays(const struct making *m, size_t party, unsigned call)
{
    bool any = false;

    for (size_t k = 0; k < m->f->n_steps; k++) {
        if (m->f->steps[k].call != call || !in_dialog_request(m->f, k))
            continue;
        if (m->f->steps[k].to == party)
            return true;
        any = true;
    }
    return !any;
}

/* The last request of that kind on that hop before step k. */
static size_t last_request(const struct making *m, size_t k, struct slice method, size_t from, size_t to)
{
    for (size_t j = k; j-- > 0;) {
        const struct trace_step *s = &m->f->steps[j];

        if (s->from == from && s->to == to && s->call == m->f->steps[k].call && slice_eq(s->message, method))
            return j;
    }
    return NONE;
}

static void add_via(struct making *m, struct made *d, size_t party, struct slice below)
{
    char        text[MESSAGE_OCTETS];
    struct buf  b = BUF_ON(text);
    struct addr at = address_of(m, party);

    buf_put(&b, S("Via: SIP/2.0/UDP "));
    addr_put(&b, &at);
    buf_put(&b, S(";branch=z9hG4bK"));
    buf_puthex64(&b, d->branch);
    buf_puts(&b, S("\r\n"), below);
    d->vias = keep(m, &b);
}

static void pass_on(struct making *m, size_t k)
{
    const struct trace_step *s = &m->f->steps[k];
    struct made             *d = &m->made[k];
    const struct made       *in = &m->made[m->p->cause[k]];

    *d = *in;
    d->branch = 0x1000 + k;
    add_via(m, d, s->from, in->vias);
    if (d->n_route && d->route[0] == s->from) {
        d->n_route--;
        memmove(d->route, d->route + 1, d->n_route * sizeof *d->route);
    }
    if (d->initial && stays(m, s->from, s->call) && d->n_record < ROUTES) {
        memmove(d->record + 1, d->record, d->n_record * sizeof *d->record);
        d->record[0] = s->from;
        d->n_record++;
    }
}

static void begin_call(struct making *m, size_t k, struct made_call *c)
{
    const struct trace_step *s = &m->f->steps[k];

    if (!c->begun) {
        c->begun = true;
        c->caller = s->from;
        c->callee = slice_eq(s->message, S("INVITE")) ? callee_of(m, k) : s->to;
    }
    (void)tag_of(m, s->call, s->from);
}

/* A new request of this step's sender, who is one of the two ends (or the exchange, for an end). */
static void begin_request(struct making *m, size_t k)
{
    const struct trace_step *s = &m->f->steps[k];
    struct made_call        *c = &m->calls[s->call];
    struct made             *d = &m->made[k];
    bool                     within = in_dialog_request(m->f, k), by_callee;

    begin_call(m, k, c);
    by_callee = within && s->from != c->caller;
    *d = (struct made){.from = s->from, .to = by_callee ? c->caller : c->callee, .method = s->message, .contact = s->from,
                       .branch = 0x1000 + k, .target = by_callee ? c->caller : c->callee};
    if (within && !m->f->exchange[s->to] && s->to != c->caller)
        d->to = d->target = s->to; /* one of a fork */
    if (slice_eq(s->message, S("REGISTER")))
        d->to = s->from;
    d->initial = slice_eq(s->message, S("INVITE")) && !s->reinvite;
    d->from_tag = tag_of(m, s->call, s->from);
    d->to_tag = within ? tag_of(m, s->call, d->to) : SLICE_NONE;
    d->cseq = is_ack(s) ? c->invite_cseq : ++c->cseq[s->from];
    d->has_credentials = c->challenged;
    if (slice_eq(s->message, S("INVITE")))
        c->invite_cseq = d->cseq;
    for (size_t i = 0; within && i < c->n_route; i++)
        d->route[d->n_route++] = c->route[by_callee ? i : c->n_route - 1 - i];
    if (d->n_route && d->route[0] != s->to)
        d->n_route = 0; /* straight to the other phone: nobody stayed */
    add_via(m, d, s->from, SLICE_NONE);
}

/* ACK of a refusal, and CANCEL: the INVITE's own branch on this hop, one Via (RFC 3261 §9.1, §17.1.1.3). */
static bool repeat_invite(struct making *m, size_t k)
{
    const struct trace_step *s = &m->f->steps[k];
    struct made             *d = &m->made[k];
    size_t                   invite = last_request(m, k, S("INVITE"), s->from, s->to);
    bool                     cancel = slice_eq(s->message, S("CANCEL"));

    if (invite == NONE || !(cancel || (is_ack(s) && !in_dialog_request(m->f, k))))
        return false;
    *d = m->made[invite];
    d->method = s->message;
    d->contact = NONE;
    d->n_record = 0;
    d->initial = false;
    add_via(m, d, s->from, SLICE_NONE);
    for (size_t j = k; !cancel && j-- > 0;) {
        if (m->f->steps[j].to == s->from && m->f->steps[j].from == s->to && is_response(&m->f->steps[j])) {
            d->to_tag = m->made[j].to_tag;
            break;
        }
    }
    return true;
}

static unsigned status_number(struct slice text)
{
    uint16_t n = 0;

    if (slice_u16(text, &n))
        return (unsigned)(text.p[0] - '0') * 100 + 80; /* "4xx": 480 */
    return n;
}

static void answer(struct making *m, size_t k)
{
    const struct trace_step *s = &m->f->steps[k];
    struct made_call        *c = &m->calls[s->call];
    struct made             *d = &m->made[k];
    size_t                   r = last_request(m, k, s->of, s->to, s->from);

    if (r == NONE) {
        m->err = ERR_INVALID;
        return;
    }
    *d = m->made[r];
    d->status = status_number(s->message);
    d->reason_for = s->of;
    d->contact = s->from;
    if (m->p->cause[k] != NONE) {
        const struct made *in = &m->made[m->p->cause[k]];

        d->to_tag = in->to_tag;
        d->contact = in->contact;
        d->holds = in->holds;
        memcpy(d->record, in->record, sizeof d->record);
        d->n_record = in->n_record;
    } else if (d->status > 100 && !d->to_tag.n) {
        d->to_tag = tag_of(m, s->call, s->from);
    }
    if (d->status == 401 || d->status == 407)
        c->challenged = true;
    if (d->status / 100 == 2 && d->initial && m->p->cause[k] == NONE) {
        memcpy(c->route, d->record, sizeof c->route);
        c->n_route = d->n_record;
        if (s->from != c->callee && !m->f->exchange[s->from])
            c->callee = s->from;
    }
}

/* --- writing ------------------------------------------------------------------------------------------------------------ */

static void put_aor(struct buf *b, const struct making *m, size_t party)
{
    buf_put(b, S("sip:"));
    put_number(b, m, party);
    buf_put(b, S("@example.com"));
}

/* As the caller knows the party: by the number that it dialled. */
static void put_known_aor(struct buf *b, const struct making *m, unsigned call, size_t party)
{
    if (call != 1 || !m->dialled.n || party != m->calls[1].callee) {
        put_aor(b, m, party);
        return;
    }
    buf_put(b, S("sip:"));
    uri_put_escaped_user(b, slice_to(m->dialled, MAX_NUMBER));
    buf_put(b, S("@example.com"));
}

static void put_contact_uri(struct buf *b, const struct making *m, size_t party)
{
    struct addr at = address_of(m, party);

    buf_put(b, S("sip:"));
    put_number(b, m, party);
    buf_putc(b, '@');
    addr_put(b, &at);
}

static void put_hop(struct buf *b, const struct making *m, struct slice name, size_t party)
{
    struct addr at = address_of(m, party);

    buf_puts(b, name, S(": <sip:"));
    addr_put(b, &at);
    buf_put(b, S(";lr>\r\n"));
}

static void put_identity(struct buf *b, const struct making *m, size_t k, enum hdr_id id)
{
    size_t       party = id == HDR_FROM ? m->made[k].from : m->made[k].to;
    struct slice tag = id == HDR_FROM ? m->made[k].from_tag : m->made[k].to_tag;

    buf_puts(b, hdr_name(id), S(": <"));
    put_known_aor(b, m, m->f->steps[k].call, party);
    buf_putc(b, '>');
    if (tag.n)
        buf_puts(b, S(";tag="), tag);
    buf_put(b, S("\r\n"));
}

static void put_call_id(struct buf *b, unsigned call)
{
    buf_put(b, S("call"));
    buf_putu(b, call);
    buf_put(b, S("@192.0.2.10"));
}

/* The call whose callee a REFER or 302 names: the next that has not begun; else the one the flow names. */
static size_t next_callee(const struct making *m, size_t k)
{
    for (size_t j = k; j < m->f->n_steps; j++)
        if (slice_eq(m->f->steps[j].message, S("INVITE")) && m->f->steps[j].call > m->f->steps[k].call)
            return callee_of(m, j);
    return m->f->n_parties - 1;
}

static const struct trace_expect *replaces_of(const struct making *m, size_t k)
{
    for (size_t i = 0; i < m->f->n_expects; i++) {
        const struct trace_expect *e = &m->f->expects[i];

        if (e->kind == TRACE_EXPECT_REPLACES && (e->step == k || e->step == m->p->cause[k]))
            return e;
    }
    return NULL;
}

static void put_refer(struct buf *b, struct making *m, size_t k)
{
    const struct trace_expect *e = replaces_of(m, k);

    buf_put(b, S("Refer-To: <"));
    put_aor(b, m, e ? m->calls[e->call].callee : next_callee(m, k));
    if (e) {
        buf_put(b, S("?Replaces="));
        put_call_id(b, e->call);
        buf_puts(b, S("%3Bto-tag%3D"), tag_of(m, e->call, m->calls[e->call].callee), S("%3Bfrom-tag%3D"),
                 tag_of(m, e->call, m->calls[e->call].caller));
    }
    buf_put(b, S(">\r\nReferred-By: <"));
    put_aor(b, m, m->made[k].from);
    buf_put(b, S(">\r\n"));
}

static void put_credentials(struct buf *b, const struct made *d)
{
    static const char digest[] = "Digest realm=\"example.com\", nonce=\"4e6f\"";
    bool              registers = slice_eq(d->method, S("REGISTER"));

    if (d->status == 401 || d->status == 407)
        buf_puts(b, d->status == 401 ? S("WWW-Authenticate: ") : S("Proxy-Authenticate: "), slice_z(digest),
                 S(", algorithm=MD5, qop=\"auth\"\r\n"));
    else if (!d->status && d->has_credentials)
        buf_puts(b, registers ? S("Authorization: ") : S("Proxy-Authorization: "), slice_z(digest),
                 S(", username=\"1001\", uri=\"sip:example.com\", response=\"00000000000000000000000000000000\"\r\n"));
}

/* The last NOTIFY of its hop and call ends the subscription, and tells how it ended. */
static bool is_last_notify(const struct making *m, size_t k)
{
    for (size_t j = k + 1; j < m->f->n_steps; j++)
        if (slice_eq(m->f->steps[j].message, S("NOTIFY")) && m->f->steps[j].call == m->f->steps[k].call &&
            m->f->steps[j].from == m->f->steps[k].from && m->f->steps[j].to == m->f->steps[k].to)
            return false;
    return true;
}

static void put_event(struct buf *b, const struct making *m, size_t k)
{
    const struct made *d = &m->made[k];

    if (d->status || !(slice_eq(d->method, S("NOTIFY")) || slice_eq(d->method, S("SUBSCRIBE"))))
        return;
    buf_put(b, S("Event: refer\r\n"));
    if (slice_eq(d->method, S("NOTIFY")))
        buf_put(b, is_last_notify(m, k) ? S("Subscription-State: terminated;reason=noresource\r\n")
                                        : S("Subscription-State: active;expires=60\r\n"));
}

static void put_body(struct buf *b, const struct making *m, size_t k, size_t speaker)
{
    const struct made *d = &m->made[k];
    char        text[512];
    struct buf  s = BUF_ON(text);
    struct addr at = address_of(m, speaker);
    bool        offer = !d->status && slice_eq(d->method, S("INVITE"));

    if (slice_eq(d->method, S("NOTIFY")) && !d->status) {
        msg_put_end(b, S("message/sipfrag"), is_last_notify(m, k) ? S("SIP/2.0 200 OK\r\n") : S("SIP/2.0 100 Trying\r\n"));
        return;
    }
    if (!offer && !(d->status == 200 && slice_eq(d->reason_for, S("INVITE")))) {
        msg_put_end(b, SLICE_NONE, SLICE_NONE);
        return;
    }
    buf_put(&s, S("v=0\r\no=- 1 1 IN IP4 "));
    addr_put_ip(&s, &at);
    buf_put(&s, S("\r\ns=-\r\nc=IN IP4 "));
    addr_put_ip(&s, &at);
    buf_put(&s, S("\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0\r\na="));
    buf_put(&s, !d->holds ? S("sendrecv") : offer ? S("sendonly") : S("recvonly"));
    buf_put(&s, S("\r\n"));
    msg_put_end(b, S("application/sdp"), buf_slice(&s));
}

static void put_request_uri(struct buf *b, const struct making *m, size_t k)
{
    const struct trace_step *s = &m->f->steps[k];
    const struct made       *d = &m->made[k];
    char                     text[3 * MAX_NUMBER + 128];
    struct buf               uri = BUF_ON(text);

    if (slice_eq(d->method, S("REGISTER")))
        buf_put(&uri, S("sip:example.com"));
    else if (d->to_tag.n || s->to == d->target)
        put_contact_uri(&uri, m, d->target);
    else
        put_known_aor(&uri, m, s->call, d->to);
    msg_put_request_line(b, d->method, buf_slice(&uri));
}

static void put_rows(struct buf *b, struct making *m, size_t k)
{
    const struct made *d = &m->made[k];

    buf_put(b, d->vias);
    for (size_t i = 0; i < d->n_route && !d->status; i++)
        put_hop(b, m, S("Route"), d->route[i]);
    for (size_t i = 0; i < d->n_record && (!d->status || (d->status > 100 && d->status < 300)); i++)
        put_hop(b, m, S("Record-Route"), d->record[i]);
    put_identity(b, m, k, HDR_FROM);
    put_identity(b, m, k, HDR_TO);
    buf_put(b, S("Call-ID: "));
    put_call_id(b, m->f->steps[k].call);
    buf_put(b, S("\r\n"));
    msg_put_cseq(b, d->cseq, d->status ? d->reason_for : d->method);
    if (!d->status)
        msg_put_row(b, HDR_MAX_FORWARDS, S("70"));
    if (d->contact != NONE && d->status != 100 && d->status < 400 && !slice_eq(d->method, S("BYE"))) {
        buf_put(b, S("Contact: <"));
        if (d->status / 100 == 3)
            put_aor(b, m, next_callee(m, k));
        else
            put_contact_uri(b, m, d->contact);
        buf_put(b, S(">\r\n"));
    }
    if (d->initial && !d->status && m->dialled.n && m->reason.n && m->f->steps[k].call == 1 &&
        m->p->cause[k] != NONE) {
        buf_put(b, S("Diversion: <"));
        put_known_aor(b, m, 1, d->to);
        buf_puts(b, S(">;reason="), m->reason, S("\r\n"));
    }
    put_credentials(b, d);
    put_event(b, m, k);
    if (!d->status && slice_eq(d->method, S("REFER")))
        put_refer(b, m, k);
}

static struct slice write_step(struct making *m, size_t k)
{
    char         text[MESSAGE_OCTETS];
    struct buf   b = BUF_ON(text);
    struct made *d = &m->made[k];

    if (d->status)
        msg_put_status_line(&b, d->status, SLICE_NONE);
    else
        put_request_uri(&b, m, k);
    put_rows(&b, m, k);
    put_body(&b, m, k, d->contact == NONE ? d->from : d->contact);
    if (buf_err(&b))
        m->err = ERR_LIMIT;
    return keep(m, &b);
}

static void make_step(struct making *m, size_t k)
{
    const struct trace_step *s = &m->f->steps[k];

    if (is_response(s)) {
        answer(m, k);
    } else if (m->p->cause[k] != NONE && !slice_eq(s->message, S("CANCEL"))) {
        pass_on(m, k);
    } else if (!repeat_invite(m, k)) {
        begin_request(m, k);
    }
    for (size_t i = 0; i < m->f->n_expects; i++)
        if (m->f->expects[i].kind == TRACE_EXPECT_HOLD && m->f->expects[i].step == k)
            m->made[k].holds = true;
}

enum err trace_example_make(struct arena *a, const struct trace_flow *f, const struct trace_example *how,
                            struct trace_message **messages)
{
    struct making        *m = ARENA_NEW(a, struct making);
    struct plan          *p = ARENA_NEW(a, struct plan);
    struct trace_message *out = arena_zalloc(a, f->n_steps * sizeof *out);

    if (!m || !p || !out)
        return ERR_NOMEM;
    plan_make(p, f, false, false);
    m->a = a;
    m->f = f;
    m->p = p;
    m->numbers = how->numbers;
    m->dialled = how->dialled;
    m->reason = how->reason;
    for (size_t k = 0; k < f->n_steps && !m->err; k++) {
        make_step(m, k);
        out[k] = (struct trace_message){.time_us = how->begin_us + k * how->spacing_us, .transport = TRACE_UDP,
                                        .from = address_of(m, f->steps[k].from), .to = address_of(m, f->steps[k].to),
                                        .frame = (uint32_t)k + 1, .octets = write_step(m, k)};
    }
    *messages = out;
    return m->err;
}
