/* compose.c - what a scripted peer writes. See kit.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit_priv.h"
#include "sip/auth/auth.h"

void kit_token(struct kit *k, const char *prefix, struct buf *b)
{
    buf_puts(b, slice_z(prefix), S("-"));
    buf_putu(b, ++k->serial);
    buf_putc(b, 'x');
    buf_putu(b, k->o.seed);
}

void kit_split(const char *what, struct wanted *w)
{
    struct slice all = slice_z(what), rest;
    size_t       body = slice_find_slice(all, S("\n\n"));

    *w = (struct wanted){0};
    w->has_body = body != SIZE_MAX;
    if (w->has_body) {
        w->body = slice_from(all, body + 2);
        all = slice_to(all, body);
    }
    rest = all;
    slice_cut(&rest, '\n', &w->line);
    w->rows = rest;
}

static struct slice keep(struct peer *p, struct slice s)
{
    assert_true(s.n > 0);
    return peer_keep(p, s);
}

/* Is the row taken away, or given by the script? Then ours is not written. */
static bool is_given(struct slice rows, struct slice name)
{
    struct slice line;

    while (slice_line(&rows, &line)) {
        if (line.n && line.p[0] == '-')
            line = slice_from(line, 1);
        if (slice_istarts(line, name) && (line.n == name.n || line.p[name.n] == ':'))
            return true;
    }
    return false;
}

/* From and To are the call's: what the script gives for them stands there already. */
static void put_rows(struct buf *b, struct slice rows)
{
    struct slice line;

    while (slice_line(&rows, &line))
        if (line.n && line.p[0] != '-' && !slice_istarts(line, S("From:")) && !slice_istarts(line, S("To:")))
            buf_puts(b, line, S("\r\n"));
}

/* The value that the script gives for a header field; empty: none. */
static struct slice given(struct slice rows, struct slice name)
{
    struct slice line;

    while (slice_line(&rows, &line))
        if (slice_istarts(line, name) && line.n > name.n && line.p[name.n] == ':')
            return slice_trim(slice_from(line, name.n + 1));
    return SLICE_NONE;
}

static void put_own(struct buf *b, const struct wanted *w, struct slice name, struct slice value)
{
    if (!is_given(w->rows, name))
        buf_puts(b, name, S(": "), value, S("\r\n"));
}

static void put_sdp(struct peer *p, struct buf *b)
{
    buf_puts(b, S("v=0\r\no=- "));
    buf_putu(b, p->now->number);
    buf_puts(b, S(" 1 IN IP4 "), slice_z(p->host), S("\r\ns=-\r\nc=IN IP4 "), slice_z(p->host),
             S("\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\na=sendrecv\r\n"));
}

static void put_body(struct peer *p, struct buf *b, const struct wanted *w, bool wants_sdp)
{
    char       room[1024];
    struct buf sdp = BUF_ON(room);

    if (w->has_body) {
        if (!is_given(w->rows, S("Content-Type")))
            msg_put_row(b, HDR_CONTENT_TYPE, S("application/sdp"));
        msg_put_row_number(b, HDR_CONTENT_LENGTH, w->body.n);
        buf_puts(b, S("\r\n"), w->body);
        return;
    }
    if (wants_sdp && !is_given(w->rows, S("Content-Type")))
        put_sdp(p, &sdp);
    msg_put_end(b, S("application/sdp"), buf_slice(&sdp));
}

static void put_via_value(struct peer *p, struct buf *b, struct slice branch)
{
    buf_puts(b, S("SIP/2.0/"), p->secure ? S("TLS ") : p->stream ? S("TCP ") : S("UDP "), slice_z(p->host), S(":5060;rport;branch="), branch);
}

static void put_via(struct peer *p, struct buf *b, struct slice branch)
{
    buf_put(b, S("Via: "));
    put_via_value(p, b, branch);
    buf_put(b, S("\r\n"));
}

static void put_party(struct buf *b, struct slice name, struct slice value, struct slice tag)
{
    buf_puts(b, name, S(": "), value);
    if (tag.n)
        buf_puts(b, S(";tag="), tag);
    buf_put(b, S("\r\n"));
}

/* A number at the domain, or a whole URI. */
static void put_target(struct buf *b, struct slice target)
{
    if (slice_find(target, ':') != SIZE_MAX)
        buf_put(b, target);
    else
        buf_puts(b, S("sip:"), target, S("@" KIT_DOMAIN));
}

/* Where calls are spread, each gets an id whose shard is the next one's. */
static void put_call_id(struct kit *k, struct buf *b)
{
    unsigned wanted = ++k->calls % STACK_SHARDS;

    do {
        buf_reset(b);
        kit_token(k, "call", b);
    } while (k->o.spread && stack_shard_of(k->x.stack, buf_slice(b)) != wanted);
}

static struct call *begin_call(struct peer *p, const struct wanted *w, struct slice method, struct slice target)
{
    char         id[64], tag[64], uri[512], local[512];
    struct buf   ib = BUF_ON(id), tb = BUF_ON(tag), ub = BUF_ON(uri), lb = BUF_ON(local);
    struct call *c;

    put_call_id(p->k, &ib);
    kit_token(p->k, "tag", &tb);
    c = peer_call_new(p, buf_slice(&ib));
    c->local_tag = keep(p, buf_slice(&tb));
    put_target(&ub, target);
    c->target = keep(p, buf_slice(&ub));
    buf_puts(&lb, S("<sip:"), slice_z(p->number), S("@" KIT_DOMAIN ">"));
    c->local = keep(p, buf_slice(&lb));
    buf_reset(&lb);
    buf_puts(&lb, S("<"), c->target, S(">"));
    c->remote = slice_eq(method, S("REGISTER")) ? c->local : keep(p, buf_slice(&lb));
    if (slice_eq(method, S("REGISTER")))
        c->target = S("sip:" KIT_DOMAIN);
    if (given(w->rows, S("From")).n)
        c->local = keep(p, given(w->rows, S("From")));
    if (given(w->rows, S("To")).n)
        c->remote = keep(p, given(w->rows, S("To")));
    return c;
}

static void put_contact(struct peer *p, struct buf *b, const struct wanted *w)
{
    char       room[KIT_TEXT + 2];
    struct buf c = BUF_ON(room);

    buf_puts(&c, S("<"), slice_z(p->contact), S(">"));
    put_own(b, w, S("Contact"), buf_slice(&c));
}

/* Of the current call; a CANCEL repeats branch, number and Request-URI of its INVITE. */
struct slice peer_compose_request(struct peer *p, const struct wanted *w)
{
    char         room[KIT_MESSAGE], token[80];
    struct buf   b = BUF_ON(room), branch = BUF_ON(token);
    struct slice method, target = w->line;
    bool         is_new = slice_cut(&target, ' ', &method), cancel = slice_eq(method, S("CANCEL"));
    struct call *c;

    if (is_new)
        p->now = begin_call(p, w, method, target);
    c = p->now;
    if (!c)
        kit_fail(p->k, p->number, "has no call");
    buf_put(&branch, cancel ? c->invite_branch : S("z9hG4bK-"));
    if (!cancel)
        kit_token(p->k, "b", &branch);
    msg_put_request_line(&b, method, c->target);
    put_via(p, &b, buf_slice(&branch));
    if (!cancel || c->in_dialog)
        buf_put(&b, c->routes);
    put_own(&b, w, S("Max-Forwards"), S("70"));
    put_party(&b, S("From"), c->local, c->local_tag);
    put_party(&b, S("To"), c->remote, cancel && !c->in_dialog ? SLICE_NONE : c->remote_tag);
    msg_put_row(&b, HDR_CALL_ID, c->call_id);
    if (!cancel)
        c->cseq++;
    msg_put_cseq(&b, cancel ? c->invite_cseq : c->cseq, method);
    if (!cancel && !slice_eq(method, S("BYE")))
        put_contact(p, &b, w);
    put_rows(&b, w->rows);
    put_body(p, &b, w, slice_eq(method, S("INVITE")));
    assert_int_equal(buf_err(&b), ERR_OK);
    if (slice_eq(method, S("INVITE"))) {
        c->invite_cseq = c->cseq;
        c->invite = keep(p, buf_slice(&b));
        c->invite_branch = keep(p, buf_slice(&branch));
        c->invite_code = 0;
        return c->invite;
    }
    return keep(p, buf_slice(&b));
}

struct slice peer_compose_response(struct peer *p, const struct wanted *w, const struct msg *request)
{
    char             room[KIT_MESSAGE];
    struct buf       b = BUF_ON(room);
    uint64_t         code = 0;
    struct slice     word, rest = w->line;
    struct msg_reply r = {.request = request, .record_route = !given(w->rows, S("Record-Route")).n};

    slice_cut(&rest, ' ', &word);
    assert_int_equal(slice_u64(word, 699, &code), ERR_OK);
    r.code = (unsigned)code;
    r.to_tag = p->now->local_tag;
    msg_put_reply(&b, &r);
    if (code < 400 && !is_given(w->rows, S("Contact")))
        put_contact(p, &b, w);
    put_rows(&b, w->rows);
    put_body(p, &b, w, request->method_id == METHOD_INVITE && code == 200);
    assert_int_equal(buf_err(&b), ERR_OK);
    return keep(p, buf_slice(&b));
}

/* Of a 2xx: a request of its own in the dialog; of any other: hop by hop, with the INVITE's branch (RFC 3261 §17.1.1.3). */
struct slice peer_compose_ack(struct peer *p, const struct msg *response, const struct wanted *w)
{
    char         room[KIT_MESSAGE], token[80];
    struct buf   b = BUF_ON(room), branch = BUF_ON(token);
    struct call *c = peer_call_of(p, msg_call_id(response));
    struct cseq  cseq = {0};
    struct slice uri = c->target, rest = c->invite, line;
    struct wanted plain = {.has_body = false};
    bool         is_2xx = response->status < 300;

    if (!is_2xx) { /* Request-URI of the INVITE */
        slice_line(&rest, &line);
        slice_cut(&line, ' ', &uri);
        slice_cut(&line, ' ', &uri);
    }
    buf_put(&branch, is_2xx ? S("z9hG4bK-") : c->invite_branch);
    if (is_2xx)
        kit_token(p->k, "b", &branch);
    assert_int_equal(msg_cseq(response, &cseq), ERR_OK);
    msg_put_request_line(&b, S("ACK"), uri);
    put_via(p, &b, buf_slice(&branch));
    if (is_2xx || c->in_dialog)
        buf_put(&b, c->routes);
    msg_put_row(&b, HDR_MAX_FORWARDS, S("70"));
    msg_put_rows_of(&b, response, HDR_FROM);
    msg_put_rows_of(&b, response, HDR_TO);
    msg_put_row(&b, HDR_CALL_ID, c->call_id);
    msg_put_cseq(&b, cseq.number, S("ACK"));
    put_rows(&b, w ? w->rows : SLICE_NONE);
    put_body(p, &b, w ? w : &plain, false);
    assert_int_equal(buf_err(&b), ERR_OK);
    return keep(p, buf_slice(&b));
}

/* The credentials' row, for what the login says of the request. */
static void put_login(struct peer *p, struct auth_login *l, const struct msg *challenge, struct buf *b)
{
    enum hdr_id           asks = challenge->status == 401 ? HDR_WWW_AUTHENTICATE : HDR_PROXY_AUTHENTICATE;
    struct auth_challenge c;

    l->challenge = &c;
    l->username = slice_z(p->auth_name);
    l->password = slice_z(p->password[0] ? p->password : KIT_PASSWORD);
    l->cnonce = S("cnonce-of-the-test");
    assert_int_equal(auth_choose(&p->k->arena, challenge, asks, SLICE_NONE, &c), ERR_OK);
    buf_puts(b, hdr_name(asks == HDR_WWW_AUTHENTICATE ? HDR_AUTHORIZATION : HDR_PROXY_AUTHORIZATION), S(": "));
    assert_int_equal(auth_put_credentials(b, &p->k->x.digester, l), ERR_OK);
    buf_put(b, S("\r\n"));
}

const char *peer_login(struct peer *p, const struct msg *challenge, const char *method_and_uri, unsigned nc)
{
    char              room[2048];
    struct buf        b = BUF_ON(room);
    struct auth_login l = {.uri = slice_z(method_and_uri), .nc = nc};

    slice_cut(&l.uri, ' ', &l.method);
    put_login(p, &l, challenge, &b);
    return arena_z(&p->k->arena, slice_trim(buf_slice(&b)));
}

struct slice peer_compose_login(struct peer *p, struct slice request, const struct msg *challenge)
{
    char            room[KIT_MESSAGE], login[2048], number[64], token[80], via[KIT_TEXT];
    struct buf      b = BUF_ON(room), lb = BUF_ON(login), nb = BUF_ON(number), tb = BUF_ON(token), vb = BUF_ON(via);
    struct msg_edit e;
    struct msg     *m;
    struct call    *c = peer_call_of(p, msg_call_id(challenge));

    assert_int_equal(msg_parse(&p->k->arena, request, &m), ERR_OK);
    put_login(p, &(struct auth_login){.method = m->method, .uri = m->uri, .body = m->body, .nc = 1}, challenge, &lb);
    buf_put(&tb, S("z9hG4bK-"));
    kit_token(p->k, "b", &tb);
    put_via_value(p, &vb, buf_slice(&tb));
    buf_putu(&nb, ++c->cseq);
    buf_puts(&nb, S(" "), m->method);
    msg_edit_begin(&e, m);
    msg_edit_value(&e, msg_row(m, HDR_VIA), buf_slice(&vb));
    msg_edit_value(&e, msg_row(m, HDR_CSEQ), buf_slice(&nb));
    msg_edit_replace(&e, slice_from(m->head, m->head.n), buf_slice(&lb));
    assert_int_equal(msg_edit_write(&e, &b), ERR_OK);
    if (m->method_id == METHOD_INVITE) {
        c->invite = keep(p, buf_slice(&b));
        c->invite_branch = keep(p, buf_slice(&tb));
        c->invite_cseq = c->cseq;
        c->invite_code = 0;
    }
    return keep(p, buf_slice(&b));
}

/* One row of the script in place of the message's own of that name. */
static void edit_row(struct peer *p, struct msg_edit *e, const struct msg *m, struct slice line)
{
    struct slice          name, value = line;
    const struct msg_row *row;

    assert_true(slice_cut(&value, ':', &name));
    row = msg_row_named(m, name);
    if (!row)
        kit_fail(p->k, p->number, "has sent no such header field");
    msg_edit_value(e, row, slice_trim(value));
}

struct slice peer_compose_again(struct peer *p, struct slice request, struct slice rows)
{
    char            room[KIT_MESSAGE], token[80];
    struct buf      b = BUF_ON(room), tb = BUF_ON(token);
    struct msg_edit e;
    struct msg     *m;
    struct slice    line;

    assert_int_equal(msg_parse(&p->k->arena, request, &m), ERR_OK);
    assert_non_null(msg_via(m));
    buf_put(&tb, S("z9hG4bK-"));
    kit_token(p->k, "b", &tb);
    msg_edit_begin(&e, m);
    msg_edit_replace(&e, msg_via(m)->branch, buf_slice(&tb));
    while (slice_line(&rows, &line))
        edit_row(p, &e, m, line);
    assert_int_equal(msg_edit_write(&e, &b), ERR_OK);
    return keep(p, buf_slice(&b));
}
