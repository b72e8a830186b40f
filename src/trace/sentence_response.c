/* sentence_response.c - sentences on responses.
 *
 * Room      trace (pure). In: one response and what is known around it. Out: its sentence. */
#include "trace/sentence.h"

static size_t answerer(const struct telling *s)
{
    return sentence_maker(s->t, (size_t)(s->i - s->t->items));
}

static const struct item *request_of(const struct telling *s)
{
    return s->i->request == NONE ? NULL : &s->t->items[s->i->request];
}

static bool within_dialog(const struct telling *s)
{
    const struct item *r = request_of(s);

    return r && r->to_tag.n;
}

/* --- refusals ---------------------------------------------------------------------------------------------------------------- */

struct refusal {
    unsigned    status;
    const char *text; /* behind the end's name */
};

static const struct refusal refusals[] = {
    {400, " could not read the request"},
    {402, " wants to be paid first"},
    {403, " does not allow it"},
    {404, " knows no such number"},
    {405, " does not do such things"},
    {406, " cannot answer in a way that would be understood"},
    {408, " got no answer in time"},
    {410, " says that the number is gone"},
    {412, " knows no such publication any more"},
    {413, " finds the message too large"},
    {414, " finds the address too long"},
    {415, " does not know that kind of content"},
    {416, " does not know that kind of address"},
    {420, " lacks an extension that was required"},
    {421, " requires an extension that was not offered"},
    {422, " wants a longer session timer"},
    {423, " wants a longer time"},
    {428, " wants a signed identity"},
    {429, " wants to know who asked for the transfer"},
    {430, " lost the connection to the phone"},
    {433, " takes no anonymous calls"},
    {436, " cannot check the signed identity"},
    {440, " has tried as many ways as it may"},
    {469, " does not know that kind of information"},
    {480, " cannot be reached now"},
    {481, " knows of no such call"},
    {482, " has seen this request before: a loop"},
    {483, " stops it: too many hops"},
    {484, " needs more digits"},
    {485, " does not know which of several is meant"},
    {486, " is busy"},
    {487, " ends the request: it was given up"},
    {488, " cannot take the media that were offered"},
    {489, " knows no such event"},
    {491, " is changing the call itself: not now"},
    {493, " cannot decrypt it"},
    {494, " wants another security"},
    {500, " cannot work on it now"},
    {501, " does not know such requests"},
    {502, " got nonsense from further on"},
    {503, " has no capacity for it now"},
    {504, " got no answer from another server"},
    {505, " does not speak this version of SIP"},
    {513, " finds the message too large"},
    {580, " cannot get what the call needs of the network"},
    {600, " is busy"},
    {603, " declines"},
    {604, " says that there is nobody of that number anywhere"},
    {606, " cannot take the media that were offered"},
    {607, " does not want to be called by that one"},
    {608, " was told not to let it through"},
};

/* What the exchange says of a number that it cannot connect to. */
static struct slice exchange_text(unsigned code)
{
    switch (code) {
    case 480:
        return S(" cannot reach ");
    case 486:
    case 600:
        return S(" knows to be busy: ");
    case 603:
        return S(" declines for ");
    default:
        return SLICE_NONE;
    }
}

static void tell_refusal(struct telling *s)
{
    unsigned     code = status_of(s->i);
    bool         by_exchange = s->i->method_id == METHOD_INVITE && end_is_exchange(s->t, answerer(s)) && exchange_text(code).n;
    struct slice text = SLICE_NONE;

    for (size_t k = 0; k < sizeof refusals / sizeof *refusals; k++)
        if (refusals[k].status == code)
            text = slice_z(refusals[k].text);
    if (s->i->cause != NONE) {
        sentence_put_to(s, S(" learns it: "));
        sentence_put_end(s, answerer(s));
    } else {
        sentence_put_from(s, SLICE_NONE);
    }
    if (by_exchange && item_user(s->i, HDR_TO).n) {
        sentence_put(s, exchange_text(code));
        put_wire(s->b, item_user(s->i, HDR_TO));
        return;
    }
    if (text.n) {
        sentence_put(s, text);
        return;
    }
    sentence_put(s, S(" refuses: "));
    buf_putu(s->b, code);
    buf_putc(s->b, ' ');
    put_wire(s->b, s->i->m->reason);
}

/* --- the others ---------------------------------------------------------------------------------------------------------------- */

static void tell_redirect(struct telling *s)
{
    if (s->i->cause != NONE)
        sentence_put_to(s, S(" is told to call "));
    else
        sentence_put_from(s, S(" sends the call on to "));
    if (item_contact(s->i).n)
        sentence_put_number(s, item_contact(s->i));
    else
        sentence_put(s, S("nobody (there is no Contact)"));
}

static struct slice progress_text(unsigned status)
{
    switch (status) {
    case 180:
        return S(" rings");
    case 181:
        return S(" forwards the call");
    case 182:
        return S(" has queued the call");
    case 183:
        return S(" is at work (there may be sound already)");
    case 199:
        return S(" has refused; others may still answer");
    default:
        return S(" is at work");
    }
}

static void tell_progress(struct telling *s)
{
    if (s->i->cause != NONE)
        sentence_put_to(s, S(" hears that "));
    sentence_put_end(s, answerer(s));
    sentence_put(s, progress_text(status_of(s->i)));
}

static void tell_invite_success(struct telling *s)
{
    bool               passed = s->i->cause != NONE;
    const struct item *r = request_of(s);

    if (within_dialog(s)) {
        if (!passed && r && !sentence_has_sdp(r) && sentence_has_sdp(s->i))
            sentence_put_from(s, S(" agrees, and offers how"));
        else
            sentence_put_from(s, passed ? S(" passes the consent on") : S(" agrees"));
        return;
    }
    if (passed)
        sentence_put_to(s, S(" learns that "));
    sentence_put_end(s, answerer(s));
    sentence_put(s, passed ? S(" answered") : S(" answers"));
    if (item_is_focus(s->i))
        sentence_put(s, S(": it is a conference"));
}

static void tell_refer_success(struct telling *s)
{
    bool passed = s->i->cause != NONE;

    if (end_is_exchange(s->t, s->i->from) && !passed)
        sentence_put_from(s, S(" accepts the transfer itself"));
    else
        sentence_put_from(s, passed ? S(" passes the consent on") : S(" will do it"));
}

static void tell_subscribe_success(struct telling *s)
{
    uint32_t expires = 0;

    sentence_put_from(s, S(" will tell"));
    if (msg_expires(s->i->m, &expires))
        return;
    if (!expires) {
        sentence_put(s, S(" it no more"));
        return;
    }
    sentence_put(s, S(" it for "));
    buf_putu(s->b, expires);
    sentence_put(s, S(" s"));
}

/* Of requests that are only acknowledged. */
static struct slice success_text(enum method m)
{
    switch (m) {
    case METHOD_CANCEL:
        return S(" will stop");
    case METHOD_NOTIFY:
        return S(" has heard it");
    case METHOD_PRACK:
        return S(" knows that it was heard");
    case METHOD_UPDATE:
        return S(" agrees");
    case METHOD_INFO:
    case METHOD_MESSAGE:
        return S(" has got it");
    case METHOD_OPTIONS:
        return S(" is there");
    case METHOD_REGISTER:
        return S(" has noted where that is");
    case METHOD_PUBLISH:
        return S(" has noted it");
    default:
        return S(" says yes");
    }
}

static void tell_success(struct telling *s)
{
    bool passed = s->i->cause != NONE;

    switch (s->i->method_id) {
    case METHOD_INVITE:
        tell_invite_success(s);
        break;
    case METHOD_BYE:
        sentence_put_from(s, passed ? S(" passes that on: it is over") : S(" agrees: it is over"));
        break;
    case METHOD_REFER:
        tell_refer_success(s);
        break;
    case METHOD_SUBSCRIBE:
        tell_subscribe_success(s);
        break;
    default:
        sentence_put_from(s, passed ? S(" passes that on") : success_text(s->i->method_id));
        break;
    }
}

void sentence_of_response(struct telling *s)
{
    unsigned code = status_of(s->i);

    if (code == 100) {
        sentence_put_from(s, S(" has got it"));
    } else if (code < 200) {
        tell_progress(s);
    } else if (code < 300) {
        tell_success(s);
    } else if (code < 400) {
        tell_redirect(s);
    } else if (code == 401 || code == 407) {
        sentence_put_from(s, S(" asks who "));
        sentence_put_to(s, S(" is"));
    } else {
        tell_refusal(s);
    }
}
