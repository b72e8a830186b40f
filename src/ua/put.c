/* put.c - what our messages have in common: rows, responses, refusals (RFC 3261 §8.2, §20).
 *
 * Room      ua.
 * In        a request's server transaction and what is to be answered.
 * Out       whole responses, to the stack. */
#include "ua/ua_priv.h"

#define ALLOW "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, PRACK, INFO, NOTIFY"
static const struct slice allow = {ALLOW ", REFER", sizeof ALLOW ", REFER" - 1}, allow_no_refer = {ALLOW, sizeof ALLOW - 1};
static const struct slice supported = {"replaces, timer", 15};

struct buf ua_scratch(struct shard *sh, size_t octets)
{
    struct buf b;
    char *block = arena_alloc(shard_scratch(sh), octets);

    buf_init(&b, block, block ? octets : 0);
    return b;
}

static struct slice allow_of(const struct ua *ua)
{
    return ua->config.no_refer ? allow_no_refer : allow;
}

void ua_put_common(struct buf *b, const struct ua *ua, bool request)
{
    msg_put_row(b, HDR_ALLOW, allow_of(ua));
    buf_puts(b, hdr_name(HDR_SUPPORTED), S(": "), supported, ua->config.supported.n ? S(", ") : SLICE_NONE, ua->config.supported, S("\r\n"));
    if (ua->config.user_agent.n)
        msg_put_row(b, request ? HDR_USER_AGENT : HDR_SERVER, ua->config.user_agent);
}

void ua_put_contact(struct buf *b, struct transport *tp, const struct flow *f, struct slice user, struct slice params)
{
    buf_puts(b, hdr_name(HDR_CONTACT), S(": <sip:"));
    if (user.n) {
        uri_put_escaped_user(b, user);
        buf_putc(b, '@');
    }
    flow_put_sent_by(tp, f, b);
    if (f->kind != TRANSPORT_UDP)
        buf_puts(b, S(";transport="), transport_param_name((enum transport_kind)f->kind));
    buf_puts(b, S(">"), params, S("\r\n"));
}

/* A To tag where the answer needs one and its user has none: one for this answer. */
static struct slice own_tag(struct shard *sh, const struct ua_answer *a, struct buf *room)
{
    if (a->to_tag.n || a->code == 100)
        return a->to_tag;
    stack_put_token(shard_rng(sh), room);
    return buf_slice(room);
}

enum err ua_answer(struct ua *ua, struct shard *sh, struct tsx_id tsx, const struct ua_answer *a)
{
    const struct stack_in *in = stack_request_of(sh, tsx);
    struct buf b = ua_scratch(sh, UA_HEAD_OCTETS + a->rows.n + a->body.n + (in ? in->m->head.n : 0));
    char tag[STACK_TOKEN_OCTETS];
    struct buf tag_room = BUF_ON(tag);
    enum err e;

    if (!in)
        return ERR_NOTFOUND;
    msg_put_reply(&b, &(struct msg_reply){.request = in->m,
                                          .code = a->code,
                                          .reason = a->reason,
                                          .to_tag = own_tag(sh, a, &tag_room),
                                          .source = &in->from.remote,
                                          .record_route = a->contact});
    if (a->contact)
        ua_put_contact(&b, shard_transport(sh), &in->from, a->contact_user, a->contact_params);
    if (a->code < 300 && a->code > 100)
        ua_put_common(&b, ua, false);
    else if (ua->config.user_agent.n)
        msg_put_row(&b, HDR_SERVER, ua->config.user_agent);
    buf_put(&b, a->rows);
    if (a->session)
        session_put_answer(a->session, in->m, &b);
    msg_put_end(&b, a->type, a->body);
    if ((e = buf_err(&b)))
        return e;
    if (a->keep && (e = text_set(shard_mem(sh), a->keep, buf_slice(&b))))
        return e;
    return stack_respond(sh, tsx, buf_slice(&b));
}

/* Rows that a code wants beside it: what we could have done instead. */
static struct slice rows_for(const struct ua *ua, unsigned code, struct buf *room)
{
    switch (code) {
    case 405:
    case 501:
        msg_put_row(room, HDR_ALLOW, allow_of(ua));
        break;
    case 415:
        msg_put_row(room, HDR_ACCEPT, S("application/sdp"));
        msg_put_row(room, HDR_ACCEPT_ENCODING, S("identity"));
        break;
    case 489:
        msg_put_row(room, HDR_ALLOW_EVENTS, S("refer"));
        break;
    default:
        break;
    }
    return buf_slice(room);
}

void ua_refuse(struct ua *ua, struct shard *sh, struct tsx_id tsx, unsigned code)
{
    char room[256];
    struct buf rows = BUF_ON(room);

    /* Nothing is left to be done where even this fails: the transaction has gone, or the caller tries again. */
    (void)ua_answer(ua, sh, tsx, &(struct ua_answer){.code = code, .rows = rows_for(ua, code, &rows)});
}

static bool is_among(struct slice option, struct slice rest)
{
    struct slice one;

    while (rest.n) {
        slice_cut(&rest, ',', &one);
        if (slice_ieq(slice_trim(one), option))
            return true;
    }
    return false;
}

static bool is_supported(const struct ua *ua, struct slice option)
{
    return is_among(option, supported) || is_among(option, ua->config.supported) || slice_ieq(option, S("100rel"));
}

/* The options that are required and unknown here, as a value of Unsupported. */
static void put_unsupported(struct buf *b, const struct ua *ua, const struct msg *m)
{
    struct msg_list it = msg_list_begin(m, HDR_REQUIRE);
    struct slice option;

    while (msg_list_next(&it, &option)) {
        if (is_supported(ua, option))
            continue;
        if (b->n)
            buf_put(b, S(", "));
        buf_put(b, option);
    }
}

static bool has_foreign_coding(const struct msg *m)
{
    struct msg_list it = msg_list_begin(m, HDR_CONTENT_ENCODING);
    struct slice coding;

    while (msg_list_next(&it, &coding))
        if (!slice_ieq(coding, S("identity")))
            return true;
    return false;
}

static bool may_ignore_body(const struct msg *m)
{
    struct token_value v;
    struct slice handling;

    return !token_value_parse(msg_value(m, HDR_CONTENT_DISPOSITION), &v) &&
           !msg_param(v.params, S("handling"), &handling) && slice_ieq(handling, S("optional"));
}

static bool has_foreign_body(const struct msg *m)
{
    if (!m->body.n || (m->method_id != METHOD_INVITE && m->method_id != METHOD_UPDATE && m->method_id != METHOD_PRACK))
        return false;
    return !may_ignore_body(m) && (has_foreign_coding(m) || !ua_sdp_of(m).n);
}

unsigned ua_judge(struct ua *ua, struct shard *sh, const struct stack_in *in)
{
    struct buf b = ua_scratch(sh, in->m->head.n), rows = ua_scratch(sh, in->m->head.n + UA_HEAD_OCTETS);
    uint32_t least_s;

    put_unsupported(&b, ua, in->m);
    if (b.n) {
        msg_put_row(&rows, HDR_UNSUPPORTED, buf_slice(&b));
        (void)ua_answer(ua, sh, in->tsx, &(struct ua_answer){.code = 420, .rows = buf_slice(&rows)});
        return 420;
    }
    if (has_foreign_body(in->m)) {
        ua_refuse(ua, sh, in->tsx, 415);
        return 415;
    }
    if ((least_s = session_too_short(in->m))) {
        msg_put_row_number(&rows, HDR_MIN_SE, least_s);
        (void)ua_answer(ua, sh, in->tsx, &(struct ua_answer){.code = 422, .rows = buf_slice(&rows)});
        return 422;
    }
    return 0;
}

struct slice ua_sdp_of(const struct msg *m)
{
    struct slice body;

    return m->body.n && !msg_find_body(m, S("application"), S("sdp"), &body) ? body : SLICE_NONE;
}
