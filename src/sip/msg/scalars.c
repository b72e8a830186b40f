/* scalars.c - numbers of header fields: CSeq, Max-Forwards, Expires, RSeq, RAck, Session-Expires, q ...
 *
 * Room      sip/msg (pure).
 * In        values as written; leading zeros and folds are lawful.
 * Out       numbers in range, or an error: nothing wraps (RFC 4475 §3.1.2.4).
 * Where a time is only a wish (Expires), one too large to be written down is the largest; where a number counts
 * something (CSeq, RSeq) it is an error. */
#include "sip/msg/msg_priv.h"

enum err cseq_parse(struct slice value, struct cseq *out)
{
    struct slice s = slice_trim(value), method;
    enum method  id;
    uint64_t     n;
    enum err     e;

    if ((e = msg_take_number(&s, UINT32_MAX, &n)))
        return e;
    method = slice_between(msg_behind_blank(s.p, slice_end(s)), slice_end(s));
    if (method.n == s.n)
        return ERR_SYNTAX;
    id = method_find(method);
    if (id == METHOD_OTHER && !msg_is_token(method))
        return ERR_SYNTAX;
    *out = (struct cseq){.number = (uint32_t)n, .method = method, .method_id = id};
    return ERR_OK;
}

enum method msg_method(const struct msg *m)
{
    struct cseq c;

    if (m->is_request)
        return m->method_id;
    return msg_cseq(m, &c) ? METHOD_OTHER : c.method_id;
}

/* All of the first row is one number. */
static enum err whole_number(const struct msg *m, enum hdr_id id, uint64_t max, uint64_t *out)
{
    return msg_has(m, id) ? slice_u64(msg_value(m, id), max, out) : ERR_NOTFOUND;
}

/* delta-seconds at the front of a value; too many of them are UINT32_MAX. */
static enum err take_seconds(struct slice *s, uint32_t *out)
{
    uint64_t n;
    size_t   digits = 0;
    enum err e;

    while (digits < s->n && ascii_is_digit(s->p[digits]))
        digits++;
    if ((e = slice_u64(slice_to(*s, digits), UINT32_MAX, &n)) == ERR_SYNTAX)
        return e;
    *s = slice_from(*s, digits);
    *out = e == ERR_LIMIT ? UINT32_MAX : (uint32_t)n;
    return ERR_OK;
}

static enum err whole_seconds(const struct msg *m, enum hdr_id id, uint32_t *out)
{
    struct slice s = msg_value(m, id);
    uint32_t     n;
    enum err     e;

    if (!msg_has(m, id))
        return ERR_NOTFOUND;
    if ((e = take_seconds(&s, &n)))
        return e;
    if (s.n)
        return ERR_SYNTAX;
    *out = n;
    return ERR_OK;
}

enum err msg_max_forwards(const struct msg *m, unsigned *out)
{
    uint64_t n;
    enum err e = whole_number(m, HDR_MAX_FORWARDS, MSG_MAX_FORWARDS, &n);

    if (!e)
        *out = (unsigned)n;
    return e;
}

enum err msg_max_breadth(const struct msg *m, unsigned *out)
{
    uint32_t n;
    enum err e = whole_seconds(m, HDR_MAX_BREADTH, &n);

    if (!e)
        *out = n > UINT16_MAX ? UINT16_MAX : n;
    return e;
}

enum err msg_expires(const struct msg *m, uint32_t *out)
{
    return whole_seconds(m, HDR_EXPIRES, out);
}

enum err msg_min_expires(const struct msg *m, uint32_t *out)
{
    return whole_seconds(m, HDR_MIN_EXPIRES, out);
}

enum err msg_flow_timer(const struct msg *m, uint32_t *out)
{
    return whole_seconds(m, HDR_FLOW_TIMER, out);
}

enum err msg_content_length(const struct msg *m, size_t *out)
{
    return msg_has(m, HDR_CONTENT_LENGTH) ? msg_read_length(msg_value(m, HDR_CONTENT_LENGTH), out) : ERR_NOTFOUND;
}

enum err msg_rseq(const struct msg *m, uint32_t *out)
{
    uint64_t n;
    enum err e = whole_number(m, HDR_RSEQ, UINT32_MAX, &n);

    if (e)
        return e;
    if (!n)
        return ERR_INVALID; /* RFC 3262 §7.1: 1 to 2**32-1 */
    *out = (uint32_t)n;
    return ERR_OK;
}

enum err msg_rack(const struct msg *m, struct rack *out)
{
    struct slice s = msg_value(m, HDR_RACK);
    struct rack  r;
    uint64_t     n;
    enum err     e;

    if (!msg_has(m, HDR_RACK))
        return ERR_NOTFOUND;
    if ((e = msg_take_number(&s, UINT32_MAX, &n)))
        return e;
    if (!s.n || !msg_is_blank(s.p[0]))
        return ERR_SYNTAX;
    if ((e = cseq_parse(s, &r.cseq)))
        return e;
    r.rseq = (uint32_t)n;
    *out = r;
    return ERR_OK;
}

/* delta-seconds [ comment ] *( SEMI param ) */
enum err msg_retry_after(const struct msg *m, struct retry_after *out)
{
    struct slice       s = msg_value(m, HDR_RETRY_AFTER);
    struct retry_after r;
    size_t             end;
    enum err           e;

    if (!msg_has(m, HDR_RETRY_AFTER))
        return ERR_NOTFOUND;
    if ((e = take_seconds(&s, &r.seconds)))
        return e;
    msg_skip_blank(&s);
    if (s.n && s.p[0] == '(') {
        if ((end = slice_find_last(s, ')')) == SIZE_MAX)
            return ERR_SYNTAX;
        s = slice_trim(slice_from(s, end + 1));
    }
    if ((e = msg_params_check(s)))
        return e;
    r.params = s;
    *out = r;
    return ERR_OK;
}

enum err msg_session_expires(const struct msg *m, struct session_expires *out)
{
    struct slice           s = msg_value(m, HDR_SESSION_EXPIRES), who;
    struct session_expires x = {0};
    enum err               e;

    if (!msg_has(m, HDR_SESSION_EXPIRES))
        return ERR_NOTFOUND;
    if ((e = take_seconds(&s, &x.seconds)) || (e = msg_params_check(s)))
        return e;
    x.params = slice_trim(s);
    if (msg_param(s, S("refresher"), &who) == ERR_OK) {
        if (slice_ieq(who, S("uac")))
            x.refresher = REFRESHER_UAC;
        else if (slice_ieq(who, S("uas")))
            x.refresher = REFRESHER_UAS;
        else
            return ERR_SYNTAX;
    }
    *out = x;
    return ERR_OK;
}

enum err msg_min_se(const struct msg *m, uint32_t *out)
{
    struct slice s = msg_value(m, HDR_MIN_SE);
    uint32_t     n;
    enum err     e;

    if (!msg_has(m, HDR_MIN_SE))
        return ERR_NOTFOUND;
    if ((e = take_seconds(&s, &n)) || (e = msg_params_check(s)))
        return e;
    *out = n;
    return ERR_OK;
}

/* qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ) */
enum err msg_q(struct slice params, uint16_t *out)
{
    struct slice s, whole;
    uint64_t     ones, part = 0;

    if (msg_param(params, S("q"), &s)) {
        *out = 1000;
        return ERR_OK;
    }
    slice_cut(&s, '.', &whole);
    if (whole.n != 1 || slice_u64(whole, 1, &ones) || s.n > 3 || (s.n && slice_u64(s, 999, &part)))
        return ERR_SYNTAX;
    for (size_t i = s.n; i < 3; i++)
        part *= 10;
    if (ones * 1000 + part > 1000)
        return ERR_SYNTAX;
    *out = (uint16_t)(ones * 1000 + part);
    return ERR_OK;
}

enum err msg_contact_expires(struct slice params, uint32_t *out)
{
    struct slice s;
    uint32_t     n;

    if (msg_param(params, S("expires"), &s))
        return ERR_NOTFOUND;
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        s = slice_between(s.p + 1, s.p + s.n - 1); /* RFC 2543 peers quote it */
    if (take_seconds(&s, &n) || s.n)
        return ERR_SYNTAX;
    *out = n;
    return ERR_OK;
}
