/* sentence_event.c - sentences on subscriptions (RFC 6665): who wants to know what, what is told, what is published.
 *
 * Room      trace (pure). Of bodies only a word or two is looked for, wherever it stands: they are told, not judged. */
#include "trace/sentence.h"

#include "sdp/sdp.h"

struct package {
    const char *name;
    const char *wanted; /* "wants to know ..." */
};

static const struct package packages[] = {
    {"refer", "how the transfer goes"},
    {"dialog", "when somebody talks there"},
    {"message-summary", "of waiting messages"},
    {"reg", "where the number is registered"},
    {"presence", "who is there"},
    {"presence.winfo", "who wants to know who is there"},
    {"conference", "who is in the conference"},
    {"as-feature-event", "of do-not-disturb and forwards"},
    {"ua-profile", "where its configuration is"},
    {"call-completion", "when the other is free"},
};

static const struct package *package_of(const struct item *i, struct event *ev)
{
    if (msg_event(i->m, ev))
        return NULL;
    for (size_t k = 0; k < sizeof packages / sizeof *packages; k++)
        if (slice_ieq(ev->package, slice_z(packages[k].name)))
            return &packages[k];
    return NULL;
}

static void put_wanted(struct telling *s)
{
    struct event          ev = {.package = S("something")};
    const struct package *p = package_of(s->i, &ev);

    if (p) {
        sentence_put(s, slice_z(p->wanted));
        return;
    }
    sentence_put(s, S("of changes of "));
    put_wire(s->b, ev.package);
}

static void put_watched(struct telling *s)
{
    struct slice who = item_request_user(s->i).n ? item_request_user(s->i) : item_user(s->i, HDR_TO);

    if (!who.n)
        return;
    sentence_put(s, S(" ("));
    put_wire(s->b, who);
    sentence_put(s, S(")"));
}

void sentence_of_subscribe(struct telling *s)
{
    uint32_t expires = 1;
    bool     ends = msg_expires(s->i->m, &expires) == ERR_OK && expires == 0;

    if (s->i->cause != NONE) {
        sentence_put_from(s, S(" passes that on to "));
        sentence_put_to(s, SLICE_NONE);
        return;
    }
    sentence_put_from(s, ends ? S(" no longer wants to know ") : s->i->to_tag.n ? S(" still wants to know ") : S(" wants to know "));
    put_wanted(s);
    put_watched(s);
}

/* --- what is told ---------------------------------------------------------------------------------------------------------- */

/* The text of the first such element of XML: "<state ...>confirmed</state>" gives "confirmed". */
static struct slice element_text(struct slice body, struct slice open)
{
    size_t       at = slice_find_slice(body, open), end;
    struct slice rest;

    if (at == SIZE_MAX)
        return SLICE_NONE;
    rest = slice_from(body, at + open.n);
    if ((end = slice_find(rest, '>')) == SIZE_MAX)
        return SLICE_NONE;
    rest = slice_from(rest, end + 1);
    end = slice_find(rest, '<');
    return slice_trim(end == SIZE_MAX ? SLICE_NONE : slice_to(rest, end));
}

/* entity="sip:1002@example.com" */
static void put_entity(struct telling *s, struct slice body)
{
    size_t       at = slice_find_slice(body, S("entity=\"")), end;
    struct slice rest;

    if (at == SIZE_MAX)
        return;
    rest = slice_from(body, at + 8);
    if ((end = slice_find(rest, '"')) == SIZE_MAX)
        return;
    sentence_put(s, S(" that "));
    sentence_put_number(s, slice_to(rest, end));
}

static void put_dialog_state(struct telling *s, struct slice body)
{
    struct slice state = element_text(body, S("<state"));

    put_entity(s, body);
    if (slice_eq(state, S("confirmed")))
        sentence_put(s, S(" talks"));
    else if (slice_eq(state, S("early")) || slice_eq(state, S("proceeding")))
        sentence_put(s, S(" rings"));
    else if (slice_eq(state, S("trying")))
        sentence_put(s, S(" calls somebody"));
    else
        sentence_put(s, S(" is free"));
}

static void put_waiting(struct telling *s, struct slice body)
{
    struct slice line, name;

    sentence_put(s, S(" of waiting messages"));
    while (slice_line(&body, &line)) {
        if (!slice_cut(&line, ':', &name))
            continue;
        if (slice_ieq(slice_trim(name), S("Messages-Waiting")))
            sentence_put(s, slice_ieq(slice_trim(line), S("yes")) ? S(": there are some") : S(": there are none"));
        if (slice_ieq(slice_trim(name), S("Voice-Message"))) {
            sentence_put(s, S(" ("));
            put_wire(s->b, slice_to(slice_trim(line), 24));
            sentence_put(s, S(" new/old)"));
        }
    }
}

static void put_transfer_state(struct telling *s, struct slice body)
{
    struct sipfrag frag;

    sentence_put(s, S(" how the transfer goes"));
    if (sipfrag_parse(body, &frag) || frag.is_request)
        return;
    sentence_put(s, S(": "));
    buf_putu(s->b, frag.status);
    buf_putc(s->b, ' ');
    put_wire(s->b, frag.reason);
}

static void put_told(struct telling *s)
{
    struct event          ev = {.package = S("something")};
    const struct package *p = package_of(s->i, &ev);
    struct slice          body = s->i->m->body, basic = element_text(body, S("<basic"));

    if (slice_ieq(ev.package, S("refer"))) {
        put_transfer_state(s, body);
    } else if (slice_ieq(ev.package, S("dialog"))) {
        put_dialog_state(s, body);
    } else if (slice_ieq(ev.package, S("message-summary"))) {
        put_waiting(s, body);
    } else if (slice_ieq(ev.package, S("presence")) && basic.n) {
        put_entity(s, body);
        sentence_put(s, slice_eq(basic, S("open")) ? S(" is there") : S(" is not there"));
    } else if (slice_ieq(ev.package, S("check-sync")) || slice_ieq(ev.package, S("resync"))) {
        sentence_put(s, S(" to read its configuration again"));
    } else if (slice_ieq(ev.package, S("talk"))) {
        sentence_put(s, S(" to answer or go on"));
    } else if (slice_ieq(ev.package, S("hold"))) {
        sentence_put(s, S(" to hold the call"));
    } else if (p) {
        sentence_put(s, S(" "));
        sentence_put(s, slice_z(p->wanted));
    } else {
        sentence_put(s, S(" the state of "));
        put_wire(s->b, ev.package);
    }
}

void sentence_of_notify(struct telling *s)
{
    struct subscription_state state;
    struct event              ev;

    sentence_put_from(s, S(" tells "));
    sentence_put_to(s, SLICE_NONE);
    put_told(s);
    if (msg_event(s->i->m, &ev) == ERR_OK && !slice_ieq(ev.package, S("refer")) &&
        msg_subscription_state(s->i->m, &state) == ERR_OK && state.state == SUBSCRIPTION_TERMINATED)
        sentence_put(s, S(", and will tell no more"));
}

void sentence_of_publish(struct telling *s)
{
    struct event          ev;
    const struct package *p = package_of(s->i, &ev);
    uint32_t              expires = 1;
    struct slice          basic = element_text(s->i->m->body, S("<basic"));

    sentence_put_from(s, msg_expires(s->i->m, &expires) == ERR_OK && expires == 0 ? S(" takes back what it said ") : S(" says "));
    if (basic.n)
        sentence_put(s, slice_eq(basic, S("open")) ? S("that it is there") : S("that it is not there"));
    else
        sentence_put(s, p ? slice_z(p->wanted) : S("how it is"));
}
