/* sentence_request.c - sentences on requests.
 *
 * Room      trace (pure). In: one request and what is known around it. Out: its sentence. */
#include "trace/sentence.h"

/* --- new calls --------------------------------------------------------------------------------------------------------------- */

/* The link that says why this call was made, or NULL. */
static const struct link *origin(const struct telling *s)
{
    for (size_t l = sentence_call(s)->made_by; l != NONE; l = s->t->links[l].next)
        if (s->t->links[l].kind == TRACE_LINK_REFER || s->t->links[l].kind == TRACE_LINK_REDIRECT ||
            s->t->links[l].kind == TRACE_LINK_RECALL)
            return &s->t->links[l];
    return NULL;
}

static void called_number(struct telling *s)
{
    struct name_addr na;

    if (msg_to(s->i->m, &na) == ERR_OK)
        sentence_put_number(s, na.uri);
    else
        sentence_put_number(s, s->i->m->uri);
}

static bool tried_before(const struct telling *s)
{
    return msg_has(s->i->m, HDR_AUTHORIZATION) || msg_has(s->i->m, HDR_PROXY_AUTHORIZATION);
}

/* RFC 3323 section 4.1.1.3, and what RFC 3325 phones do. */
static bool hides(const struct item *i)
{
    struct name_addr na;
    struct uri       u;

    if (msg_has_token(i->m, HDR_PRIVACY, S("id")) || msg_has_token(i->m, HDR_PRIVACY, S("user")))
        return true;
    return msg_from(i->m, &na) == ERR_OK && uri_parse(na.uri, &u, NULL) == ERR_OK &&
           (slice_ieq(u.user, S("anonymous")) || slice_ieq(u.host, S("anonymous.invalid")));
}

/* The phone shall answer by itself: Alert-Info and Call-Info as desk phones know them, Answer-Mode (RFC 5373). */
static bool at_once(const struct item *i)
{
    return slice_find_slice(msg_value(i->m, HDR_ALERT_INFO), S("answer")) != SIZE_MAX ||
           slice_find_slice(msg_value(i->m, HDR_CALL_INFO), S("answer-after")) != SIZE_MAX ||
           slice_ieq(slice_to(slice_trim(msg_value(i->m, HDR_ANSWER_MODE)), 4), S("Auto"));
}

static void tell_replaces(struct telling *s)
{
    struct dialog_ref ref;
    size_t            asked = sentence_call(s)->callee, other = NONE, call, d = NONE;

    if (!msg_has(s->i->m, HDR_REPLACES))
        return;
    if (msg_dialog_ref(s->i->m, HDR_REPLACES, &ref) == ERR_OK)
        d = dialog_named(s->t, &ref, &call);
    if (d != NONE && (s->t->dialogs[d].end[0] == asked || s->t->dialogs[d].end[1] == asked))
        other = s->t->dialogs[d].end[s->t->dialogs[d].end[0] == asked];
    if (d != NONE && dialog_rings(s->t, d, time_of(s->i))) {
        sentence_put(s, S(", to pick up the call that rings there"));
    } else if (other != NONE && other != s->i->from) {
        sentence_put(s, S(", to take the place of "));
        sentence_put_end(s, other);
    } else {
        sentence_put(s, S(", to take over a call that is there"));
    }
}

static void tell_origin(struct telling *s, const struct link *why)
{
    const struct item *r;

    if (!why)
        return;
    r = &s->t->items[item_origin(s->t, why->item)];
    if (why->kind == TRACE_LINK_REFER) {
        if (sentence_by_exchange(s) || end_is_exchange(s->t, s->i->from)) {
            sentence_put(s, S(" for "));
            sentence_put_end(s, refer_transferee(s->t, r));
        }
        sentence_put(s, S(", as "));
        sentence_put_end(s, r->from);
        sentence_put(s, S(" asked"));
    } else if (why->kind == TRACE_LINK_REDIRECT) {
        sentence_put(s, S(" instead"));
    } else if (why->kind == TRACE_LINK_RECALL) {
        sentence_put(s, S(" back: the transfer that it asked for did not come about"));
    }
}

/* --- forwards by an exchange ------------------------------------------------------------------------------------------------ */

static struct slice diversion_text(struct slice reason)
{
    static const char *const words[][2] = {
        {"user-busy", " is busy"},           {"no-answer", " does not answer"}, {"unconditional", " forwards every call"},
        {"unavailable", " is not registered"}, {"do-not-disturb", " does not want to be disturbed"},
        {"deflection", " sends it on"},      {"follow-me", " is elsewhere"},    {"away", " is away"},
    };

    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (slice_ieq(reason, slice_z(words[k][0])))
            return slice_z(words[k][1]);
    return S(" forwards it");
}

/* The exchange has put a Diversion (RFC 5806) or a History-Info entry (RFC 7044) on top: it sends the call elsewhere. */
static void tell_diversion(struct telling *s)
{
    const struct item *in = &s->t->items[s->i->cause];
    struct name_addr   na;
    struct slice       reason = SLICE_NONE;

    if (msg_element_count(s->i->m, HDR_DIVERSION) > msg_element_count(in->m, HDR_DIVERSION) &&
        msg_name_addr(s->i->m, HDR_DIVERSION, &na) == ERR_OK) {
        (void)msg_param(na.params, S("reason"), &reason);
        sentence_put(s, S(": "));
        sentence_put_number(s, na.uri);
        sentence_put(s, diversion_text(reason));
    } else if (msg_element_count(s->i->m, HDR_HISTORY_INFO) > msg_element_count(in->m, HDR_HISTORY_INFO) + 1 &&
               !uri_text_equal(item_request_user(s->i), item_request_user(in))) {
        sentence_put(s, S(", whom it was not for at first"));
    }
}

static void tell_new_call(struct telling *s)
{
    const struct link *why = origin(s);

    if (s->i->cause != NONE) {
        sentence_put_from(s, S(" passes the call on to "));
        sentence_put_to(s, SLICE_NONE);
        tell_diversion(s);
        return;
    }
    sentence_put_from(s, S(" calls "));
    called_number(s);
    tell_origin(s, why);
    tell_replaces(s);
    if (msg_has(s->i->m, HDR_JOIN))
        sentence_put(s, S(", to join a call that is there"));
    if (hides(s->i))
        sentence_put(s, S(", and hides who it is"));
    if (at_once(s->i))
        sentence_put(s, S(", to be answered at once"));
    if (tried_before(s))
        sentence_put(s, S(", and says who it is"));
}

/* --- within a call --------------------------------------------------------------------------------------------------------------- */

/* Was this side holding the other before? */
static bool held_before(const struct telling *s)
{
    for (size_t n = s->i->prev; n != NONE; n = s->t->items[n].prev) {
        const struct item *o = &s->t->items[n];

        if (is_request(o) && o->method_id == METHOD_INVITE && o->cseq < s->i->cseq && slice_eq(o->from_tag, s->i->from_tag))
            return item_holds(o);
    }
    return false;
}

/* The exchange connects this end elsewhere (RFC 3725): first it asks for an offer, then it brings the other's. */
static void tell_third_party(struct telling *s)
{
    if (!sentence_has_sdp(s->i)) {
        sentence_put_from(s, S(" asks "));
        sentence_put_to(s, S(" how it wants to hear and speak, to connect it elsewhere"));
    } else if (item_holds(s->i)) {
        sentence_put_from(s, S(" puts "));
        sentence_put_to(s, S(" on hold"));
    } else {
        sentence_put_from(s, S(" tells "));
        sentence_put_to(s, S(" where its sound goes from now on"));
    }
}

static void tell_reinvite(struct telling *s)
{
    size_t other = sentence_partner(s, s->i->from);

    if (s->i->cause != NONE) {
        sentence_put_from(s, S(" passes that on to "));
        sentence_put_to(s, SLICE_NONE);
    } else if (sentence_by_exchange(s)) {
        tell_third_party(s);
    } else if (item_holds(s->i)) {
        sentence_put_from(s, S(" puts "));
        sentence_put_end(s, other == NONE ? s->i->to : other);
        sentence_put(s, S(" on hold"));
    } else if (held_before(s)) {
        sentence_put_from(s, S(" takes "));
        sentence_put_end(s, other == NONE ? s->i->to : other);
        sentence_put(s, S(" back from hold"));
    } else if (!sentence_has_sdp(s->i)) {
        sentence_put_from(s, S(" asks for an offer, to change the call"));
    } else {
        sentence_put_from(s, S(" asks to change the call (addresses, codecs or timer)"));
    }
}

static void tell_ack(struct telling *s)
{
    const struct tsx  *x = s->i->tsx == NONE ? NULL : &s->t->tsxs[s->i->tsx];
    const struct item *invite = s->i->request == NONE ? NULL : &s->t->items[s->i->request];
    const struct call *c = sentence_call(s);

    if (x && tsx_status(s->t, x) >= 300) {
        sentence_put_from(s, tsx_status(s->t, x) < 400 ? S(" has heard that") : S(" has heard the refusal"));
    } else if (!invite && c->invite == NONE && !c->up_before) {
        sentence_put_from(s, S(" confirms an answer that was not captured"));
    } else if (invite && invite->to_tag.n) {
        if (sentence_by_exchange(s) && sentence_has_sdp(s->i))
            sentence_put_from(s, S(" answers what was offered"));
        else
            sentence_put_from(s, s->i->cause == NONE ? S(" confirms the change") : S(" passes that on"));
    } else if (sentence_partner(s, s->i->to) == NONE || (s->i->to != c->callee && s->i->to != c->caller)) {
        sentence_put_from(s, S(" confirms"));
    } else {
        sentence_put_to(s, S(" has it: "));
        sentence_put_end(s, call_speaker(s->t, s->i->call, c->caller));
        sentence_put(s, S(" and "));
        sentence_put_end(s, c->callee);
        sentence_put(s, S(" are connected"));
    }
}

/* What a BYE or CANCEL says of itself (RFC 3326). */
static void tell_reason(struct telling *s)
{
    struct slice        element;
    struct reason_value v;
    char                plain[128];
    struct buf          text = BUF_ON(plain);

    if (msg_element(s->i->m, HDR_REASON, 0, &element) || reason_value_parse(element, &v))
        return;
    if (slice_ieq(v.protocol, S("SIP")) && v.cause == 200) {
        sentence_put(s, S(": somebody else has answered"));
        return;
    }
    msg_put_unquoted(&text, slice_to(v.text, 100));
    if (!text.n)
        return;
    sentence_put(s, S(" ("));
    put_wire(s->b, buf_slice(&text));
    sentence_put(s, S(")"));
}

static void tell_bye(struct telling *s)
{
    if (s->i->cause != NONE) {
        sentence_put_from(s, S(" tells "));
        sentence_put_to(s, S(" that the other side hung up"));
    } else if (sentence_by_exchange(s)) {
        sentence_put_from(s, S(" ends the call of "));
        sentence_put_to(s, SLICE_NONE);
        tell_reason(s);
    } else {
        sentence_put_from(s, S(" hangs up"));
        tell_reason(s);
    }
}

static void tell_cancel(struct telling *s)
{
    if (s->i->from == sentence_call(s)->caller) {
        sentence_put_from(s, S(" gives up"));
    } else {
        sentence_put_from(s, S(" tells "));
        sentence_put_to(s, S(" to stop ringing"));
    }
    tell_reason(s);
}

/* --- transfers --------------------------------------------------------------------------------------------------------------------- */

/* A REFER to a conference (RFC 4579): the other end of the call had said that it is one. */
static bool to_a_focus(const struct telling *s)
{
    size_t focus = sentence_call(s)->focus;

    return focus < (size_t)(s->i - s->t->items) && s->t->items[focus].from != s->i->from;
}

/* ", whom B talks with already", when the Refer-To has Replaces. */
static void tell_consultation(struct telling *s)
{
    struct dialog_ref ref;
    struct slice      value;
    size_t            call, d = NONE;

    if (refer_replaces(s->t, s->i, &value))
        return;
    if (dialog_ref_parse(HDR_REPLACES, value, &ref) == ERR_OK)
        d = dialog_named(s->t, &ref, &call);
    if (d != NONE && dialog_rings(s->t, d, time_of(s->i)))
        sentence_put(s, S(", who still rings"));
    else
        sentence_put(s, S(", in its own place"));
}

static void tell_conference_refer(struct telling *s, const struct name_addr *target)
{
    struct uri   u;
    struct slice method = SLICE_NONE;

    if (uri_parse(target->uri, &u, NULL) == ERR_OK)
        (void)uri_param(&u, S("method"), &method);
    sentence_put_from(s, S(" asks the conference to "));
    sentence_put(s, slice_ieq(method, S("BYE")) ? S("let go of ") : S("take in "));
    sentence_put_number(s, target->uri);
}

static void tell_refer(struct telling *s)
{
    const struct name_addr none = {.uri = SLICE_NONE};
    struct name_addr       na = none;
    size_t                 other = sentence_partner(s, s->i->from);

    (void)msg_name_addr(s->i->m, HDR_REFER_TO, &na);
    if (s->i->cause == NONE && na.uri.n && to_a_focus(s)) {
        tell_conference_refer(s, &na);
        return;
    }
    if (s->i->cause != NONE) {
        sentence_put_from(s, S(" passes the request on: "));
        sentence_put_to(s, S(" shall call "));
    } else if (other != NONE && other != s->i->to) {
        sentence_put_from(s, S(" asks "));
        sentence_put_to(s, S(" to connect "));
        sentence_put_end(s, call_speaker(s->t, s->i->call, other));
        sentence_put(s, S(" to "));
    } else {
        sentence_put_from(s, S(" asks "));
        sentence_put_to(s, S(" to call "));
    }
    if (!na.uri.n) {
        sentence_put(s, S("nobody (there is no Refer-To)"));
        return;
    }
    sentence_put_number(s, na.uri);
    if (s->i->cause == NONE)
        tell_consultation(s);
}

/* --- others ------------------------------------------------------------------------------------------------------------------------- */

/* "Signal=5" (application/dtmf-relay) */
static void tell_info(struct telling *s)
{
    struct media_type type;
    struct slice      body = s->i->m->body, line, name;

    if (msg_content_type(s->i->m, &type) == ERR_OK && slice_ieq(type.subtype, S("dtmf-relay"))) {
        while (slice_line(&body, &line)) {
            if (!slice_cut(&line, '=', &name) || !slice_ieq(slice_trim(name), S("Signal")))
                continue;
            sentence_put_from(s, S(" presses the key "));
            put_wire(s->b, slice_to(slice_trim(line), 8));
            return;
        }
    }
    sentence_put_from(s, S(" sends a key or other information"));
}

static void tell_update(struct telling *s)
{
    if (s->i->cause != NONE) {
        sentence_put_from(s, S(" passes that on to "));
        sentence_put_to(s, SLICE_NONE);
    } else if (!sentence_has_sdp(s->i)) {
        sentence_put_from(s, S(" renews the session"));
    } else {
        sentence_put_from(s, item_holds(s->i) ? S(" puts the other side on hold") : S(" asks to change the call (addresses or codecs)"));
    }
}

static void tell_other(struct telling *s)
{
    sentence_put_from(s, S(" sends "));
    sentence_put_to(s, S(" "));
    put_wire(s->b, s->i->method);
}

void sentence_of_request(struct telling *s)
{
    switch (s->i->method_id) {
    case METHOD_INVITE:
        if (s->i->to_tag.n)
            tell_reinvite(s);
        else
            tell_new_call(s);
        break;
    case METHOD_ACK:
        tell_ack(s);
        break;
    case METHOD_BYE:
        tell_bye(s);
        break;
    case METHOD_CANCEL:
        tell_cancel(s);
        break;
    case METHOD_REFER:
        tell_refer(s);
        break;
    case METHOD_NOTIFY:
        sentence_of_notify(s);
        break;
    case METHOD_SUBSCRIBE:
        sentence_of_subscribe(s);
        break;
    case METHOD_PUBLISH:
        sentence_of_publish(s);
        break;
    case METHOD_PRACK:
        sentence_put_from(s, S(" confirms that it heard the provisional answer"));
        break;
    case METHOD_UPDATE:
        tell_update(s);
        break;
    case METHOD_INFO:
        tell_info(s);
        break;
    case METHOD_OPTIONS:
        sentence_put_from(s, S(" asks whether "));
        sentence_put_to(s, S(" is there"));
        break;
    case METHOD_REGISTER:
        sentence_put_from(s, S(" says where it is"));
        break;
    case METHOD_MESSAGE:
        sentence_put_from(s, S(" sends a text"));
        break;
    default:
        tell_other(s);
        break;
    }
}
