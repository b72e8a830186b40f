/* event.c - Event and Subscription-State (RFC 6665 §8.2), Reason (RFC 3326), Content-Type and Accept (RFC 3261 §20.1,
 * §20.15): values of the form token *( SEMI param ).
 *
 * Room      sip/msg (pure).
 * In        values as written.
 * Out       their parts. */
#include "sip/msg/msg_priv.h"

enum err token_value_parse(struct slice element, struct token_value *out)
{
    struct slice       s = slice_trim(element);
    struct token_value v;
    enum err           e;

    v.token = msg_take_token(&s);
    if (!v.token.n)
        return ERR_SYNTAX;
    v.params = slice_trim(s);
    if ((e = msg_params_check(v.params)))
        return e;
    *out = v;
    return ERR_OK;
}

enum err msg_event(const struct msg *m, struct event *out)
{
    struct token_value v;
    struct event       ev = {0};
    enum err           e;

    if (!msg_has(m, HDR_EVENT))
        return ERR_NOTFOUND;
    if ((e = token_value_parse(msg_value(m, HDR_EVENT), &v)))
        return e;
    ev.package = v.token;
    ev.params = v.params;
    msg_param(v.params, S("id"), &ev.id);
    *out = ev;
    return ERR_OK;
}

static enum err optional_seconds(struct slice params, struct slice name, bool *has, uint32_t *out)
{
    struct slice text;
    enum err     e;

    *has = msg_param(params, name, &text) == ERR_OK;
    if (!*has)
        return ERR_OK;
    if ((e = slice_u32(text, out)) == ERR_LIMIT) {
        *out = UINT32_MAX;
        return ERR_OK;
    }
    return e;
}

enum err msg_subscription_state(const struct msg *m, struct subscription_state *out)
{
    struct token_value        v;
    struct subscription_state st = {.state = SUBSCRIPTION_OTHER};
    enum err                  e;

    if (!msg_has(m, HDR_SUBSCRIPTION_STATE))
        return ERR_NOTFOUND;
    if ((e = token_value_parse(msg_value(m, HDR_SUBSCRIPTION_STATE), &v)))
        return e;
    st.text = v.token;
    if (slice_ieq(v.token, S("active")))
        st.state = SUBSCRIPTION_ACTIVE;
    else if (slice_ieq(v.token, S("pending")))
        st.state = SUBSCRIPTION_PENDING;
    else if (slice_ieq(v.token, S("terminated")))
        st.state = SUBSCRIPTION_TERMINATED;
    msg_param(v.params, S("reason"), &st.reason);
    if ((e = optional_seconds(v.params, S("expires"), &st.has_expires, &st.expires))
        || (e = optional_seconds(v.params, S("retry-after"), &st.has_retry_after, &st.retry_after)))
        return e;
    *out = st;
    return ERR_OK;
}

enum err reason_value_parse(struct slice element, struct reason_value *out)
{
    struct token_value  v;
    struct reason_value r = {0};
    struct slice        cause;
    uint64_t            n;
    enum err            e;

    if ((e = token_value_parse(element, &v)))
        return e;
    r.protocol = v.token;
    if (msg_param(v.params, S("cause"), &cause) == ERR_OK) {
        if ((e = slice_u64(cause, 9999, &n)))
            return e;
        r.cause = (unsigned)n;
    }
    msg_param(v.params, S("text"), &r.text);
    *out = r;
    return ERR_OK;
}

enum err media_type_parse(struct slice value, struct media_type *out)
{
    struct slice      s = slice_trim(value);
    struct media_type t;
    enum err          e;

    t.type = msg_take_token(&s);
    if (!t.type.n || !msg_take_char(&s, '/'))
        return ERR_SYNTAX;
    t.subtype = msg_take_token(&s);
    t.params = slice_trim(s);
    if (!t.subtype.n)
        return ERR_SYNTAX;
    if ((e = msg_params_check(t.params)))
        return e;
    *out = t;
    return ERR_OK;
}

enum err msg_content_type(const struct msg *m, struct media_type *out)
{
    return msg_has(m, HDR_CONTENT_TYPE) ? media_type_parse(msg_value(m, HDR_CONTENT_TYPE), out) : ERR_NOTFOUND;
}

bool media_type_is(const struct media_type *t, struct slice type, struct slice subtype)
{
    return slice_ieq(t->type, type) && slice_ieq(t->subtype, subtype);
}

static bool range_takes(const struct media_type *range, struct slice type, struct slice subtype)
{
    uint16_t q;

    if (msg_q(range->params, &q) == ERR_OK && q == 0)
        return false;
    return (slice_eq(range->type, S("*")) || slice_ieq(range->type, type))
           && (slice_eq(range->subtype, S("*")) || slice_ieq(range->subtype, subtype));
}

/* Absent: application/sdp is meant. Present and empty: nothing is taken (RFC 3261 §20.1). */
bool msg_accepts(const struct msg *m, struct slice type, struct slice subtype)
{
    struct msg_list   it = msg_list_begin(m, HDR_ACCEPT);
    struct slice      one;
    struct media_type range;

    if (!msg_has(m, HDR_ACCEPT))
        return slice_ieq(type, S("application")) && slice_ieq(subtype, S("sdp"));
    while (msg_list_next(&it, &one))
        if (media_type_parse(one, &range) == ERR_OK && range_takes(&range, type, subtype))
            return true;
    return false;
}
