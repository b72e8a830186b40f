/* reason.c - a plan's reason as a sentence, a word, a reason phrase.
 *
 * Room      server/plan (pure).
 * Touches   the buffer it is given. Wire text in a sentence is escaped and cut, so that no header of a stranger can make
 *           a ladder or log unreadable. */
#include "server/plan/plan.h"

#define NAME_OCTETS 64 /* of one wire text in a sentence */

static void put_name(struct buf *b, struct slice s)
{
    buf_put_escaped(b, slice_to(s, NAME_OCTETS));
    if (s.n > NAME_OCTETS)
        buf_put(b, S("..."));
}

/* "12 s", "5 min", "3 h", "2 days" */
static void put_age(struct buf *b, int64_t age_ms)
{
    uint64_t s = age_ms > 0 ? (uint64_t)age_ms / 1000 : 0;

    if (s < 120)
        buf_putu(b, s), buf_put(b, S(" s"));
    else if (s < 7200)
        buf_putu(b, s / 60), buf_put(b, S(" min"));
    else if (s < 172800)
        buf_putu(b, s / 3600), buf_put(b, S(" h"));
    else
        buf_putu(b, s / 86400), buf_put(b, S(" days"));
}

static void put_bindings(struct buf *b, const struct plan_reason *r)
{
    put_name(b, r->number);
    if (r->n_bindings == 1) {
        buf_put(b, S(" has one binding, registered "));
    } else {
        buf_put(b, S(" has "));
        buf_putu(b, r->n_bindings);
        buf_put(b, S(" bindings, the best of them registered "));
    }
    put_age(b, r->age_ms);
    buf_put(b, S(" ago"));
    if (r->received.n) {
        buf_put(b, S(" from "));
        put_name(b, r->received);
    }
    if (r->n_groups > 1) {
        buf_put(b, S("; tried in "));
        buf_putu(b, r->n_groups);
        buf_put(b, S(" groups, one after another"));
    }
    if (r->n_waiting > 0) {
        buf_put(b, S("; "));
        buf_putu(b, r->n_waiting);
        buf_put(b, S(" of them must connect again first"));
    }
}

static void put_between(struct buf *b, struct slice before, struct slice name, struct slice after)
{
    buf_put(b, before);
    put_name(b, name);
    buf_put(b, after);
}

static void put_left_out(struct buf *b, uint32_t n, struct slice why)
{
    if (n == 0)
        return;
    buf_put(b, S("; "));
    buf_putu(b, n);
    buf_put(b, why);
}

static void put_group(struct buf *b, const struct plan_reason *r)
{
    put_name(b, r->number);
    buf_put(b, S(" is a ring group of "));
    buf_putu(b, r->n_members);
    if (r->rule == PLAN_RULE_GROUP_EMPTY)
        buf_put(b, S(", and none of them can be rung"));
    else
        buf_put(b, r->how == PLAN_HOW_ALL    ? S(", rung all at once")
                   : r->how == PLAN_HOW_TURN ? S(", rung in turn")
                                             : S(", rung one after the other, who has been idle for longest first"));
    put_left_out(b, r->n_dnd, S(" not to be disturbed"));
    put_left_out(b, r->n_away, S(" without a phone"));
}

static void put_cause(struct buf *b, const struct plan_reason *r)
{
    switch (r->cause) {
    case PLAN_CAUSE_ALWAYS:
        buf_put(b, S(" forwards every call to "));
        break;
    case PLAN_CAUSE_BUSY:
        buf_put(b, S(" is busy, and forwards then to "));
        break;
    case PLAN_CAUSE_DND:
        buf_put(b, S(" does not want to be disturbed, and forwards then to "));
        break;
    case PLAN_CAUSE_NO_ANSWER:
        buf_put(b, S(" has not answered, and forwards after "));
        put_age(b, r->rang_ms);
        buf_put(b, S(" to "));
        break;
    case PLAN_CAUSE_UNREGISTERED:
        buf_put(b, S(" cannot be reached at any phone, and forwards then to "));
        break;
    case PLAN_CAUSE_DEFLECTION:
    case PLAN_CAUSE_N:
        buf_put(b, S(" sends the call on to "));
        break;
    }
    put_name(b, r->detail);
}

static void put_forward(struct buf *b, const struct plan_reason *r)
{
    put_name(b, r->number);
    put_cause(b, r);
    if (r->rule == PLAN_RULE_FORWARD_LOOP)
        buf_put(b, S("; but this call has been that way before and would go in a circle"));
    else if (r->rule == PLAN_RULE_FORWARD_MAX) {
        buf_put(b, S("; but a call is not forwarded more than "));
        buf_putu(b, PLAN_MAX_FORWARDS);
        buf_put(b, S(" times"));
    }
}

static void put_ways(struct buf *b, const struct plan_reason *r)
{
    put_name(b, r->number);
    if (r->rule == PLAN_RULE_EMERGENCY)
        buf_put(b, S(" is an emergency number, which nobody is refused: it"));
    else
        put_between(b, S(" fits the dial rule "), r->dial.pattern, S(", and"));
    put_between(b, S(" goes out by trunk "), r->trunk, SLICE_NONE);
    if (r->dial.strip || r->dial.put.n) {
        buf_put(b, S(" as "));
        plan_dial_put(b, &r->dial, slice_to(r->number, NAME_OCTETS));
    }
    if (r->n_ways > 1) {
        buf_put(b, S("; "));
        buf_putu(b, r->n_ways - 1);
        buf_put(b, r->n_ways > 2 ? S(" more trunks stand behind it") : S(" more trunk stands behind it"));
    }
    if (r->n_down > 0) {
        buf_put(b, S("; "));
        buf_putu(b, r->n_down);
        buf_put(b, S(" of all did not answer lately"));
    }
}

/* It has to do with another exchange. */
static void put_by_trunk(struct buf *b, const struct plan_reason *r)
{
    switch (r->rule) {
    case PLAN_RULE_NO_TRANSIT:
        put_between(b, S("the call comes from trunk "), r->trunk, S(" and would go out through a trunk"));
        put_between(b, S(", which only a user here may send it to: "), r->number, SLICE_NONE);
        break;
    case PLAN_RULE_DID_UNKNOWN:
        put_between(b, S("trunk "), r->trunk, S(" calls "));
        put_between(b, SLICE_NONE, r->number, S(", which none of its rules in fits"));
        break;
    case PLAN_RULE_TRUNK_FULL:
        put_name(b, r->number);
        put_between(b, S(" would go out by trunk "), r->trunk, S(", which has more to do than it can and has asked for fewer calls"));
        break;
    default: /* PLAN_RULE_TRUNK, PLAN_RULE_EMERGENCY */
        put_ways(b, r);
        break;
    }
}

/* A feature of the exchange, or what users have set, made it so. */
static void put_by_feature(struct buf *b, const struct plan_reason *r)
{
    switch (r->rule) {
    case PLAN_RULE_DND:
        put_between(b, SLICE_NONE, r->number, S(" does not want to be disturbed"));
        break;
    case PLAN_RULE_BARRED:
        put_between(b, S("who calls is barred from calling "), r->number, SLICE_NONE);
        break;
    case PLAN_RULE_ANONYMOUS:
        put_between(b, SLICE_NONE, r->number, S(" takes no calls from people who do not say who they are"));
        break;
    case PLAN_RULE_GROUP:
    case PLAN_RULE_GROUP_EMPTY:
        put_group(b, r);
        break;
    case PLAN_RULE_PICKUP:
        put_between(b, S("the call of "), r->detail.n ? r->detail : S("somebody"), S(" that rings at "));
        put_between(b, SLICE_NONE, r->number, S(" is picked up: who called is asked to take this one in its place"));
        break;
    case PLAN_RULE_FETCH:
        put_between(b, r->detail.n ? r->detail : S("somebody"), S(" waits at "), r->number);
        buf_put(b, S(": that phone is asked to take this call in place of its own"));
        break;
    case PLAN_RULE_PICKUP_NONE:
        put_between(b, S("nothing rings at "), r->number, S(" that could be picked up"));
        break;
    default: /* PLAN_RULE_FORWARD and what prevents it */
        put_forward(b, r);
        break;
    }
}

/* What users, groups and trunks are set to decides. */
static void put_by_setting(struct buf *b, const struct plan_reason *r)
{
    if (r->rule == PLAN_RULE_TRUNK || r->rule == PLAN_RULE_EMERGENCY || r->rule == PLAN_RULE_NO_TRANSIT || r->rule == PLAN_RULE_DID_UNKNOWN ||
        r->rule == PLAN_RULE_TRUNK_FULL)
        put_by_trunk(b, r);
    else if (r->rule < PLAN_RULE_N)
        put_by_feature(b, r);
}

void plan_put_reason(struct buf *b, const struct plan_reason *r)
{
    switch (r->rule) {
    case PLAN_RULE_SCHEME:
        put_between(b, S("the URI's scheme "), r->detail, S(" is none that a telephone exchange can route"));
        break;
    case PLAN_RULE_HOPS:
        buf_put(b, S("Max-Forwards has come down to 0"));
        break;
    case PLAN_RULE_LOOP:
        buf_put(b, S("the request has been here before and would take the same way again"));
        break;
    case PLAN_RULE_PROXY_REQUIRE:
        put_between(b, S("it requires of proxies what this one does not know: "), r->detail, SLICE_NONE);
        break;
    case PLAN_RULE_BREADTH:
        buf_put(b, S("Max-Breadth is 0, so it may not be sent on to anybody"));
        break;
    case PLAN_RULE_RELAY_REFUSED:
        put_between(b, SLICE_NONE, r->detail, S(" is not a domain of ours, and this caller may not be connected to others"));
        break;
    case PLAN_RULE_NO_NUMBER:
        put_between(b, S("the request is for "), r->detail, S(" itself, not for a number"));
        break;
    case PLAN_RULE_UNKNOWN:
        put_between(b, S("there is no user "), r->number, SLICE_NONE);
        break;
    case PLAN_RULE_NOT_REGISTERED:
        put_between(b, SLICE_NONE, r->number, S(" is a user, but no phone is registered for it"));
        break;
    case PLAN_RULE_BINDINGS:
        put_bindings(b, r);
        break;
    case PLAN_RULE_RELAY:
        put_between(b, SLICE_NONE, r->detail, S(" is not a domain of ours; this caller may be connected to others"));
        break;
    case PLAN_RULE_APP:
        put_between(b, SLICE_NONE, r->number, S(" is answered by the exchange itself: "));
        put_name(b, r->detail);
        break;
    case PLAN_RULE_ENDED:
        put_between(b, S("what the phones of "), r->number, S(" said is what the caller is told"));
        break;
    default:
        put_by_setting(b, r);
        break;
    }
}

const char *plan_rule_text(enum plan_rule rule)
{
    static const char *const text[PLAN_RULE_N] = {
        [PLAN_RULE_SCHEME] = "scheme",
        [PLAN_RULE_HOPS] = "too-many-hops",
        [PLAN_RULE_LOOP] = "loop",
        [PLAN_RULE_PROXY_REQUIRE] = "proxy-require",
        [PLAN_RULE_BREADTH] = "max-breadth",
        [PLAN_RULE_RELAY_REFUSED] = "relay-refused",
        [PLAN_RULE_NO_NUMBER] = "no-number",
        [PLAN_RULE_UNKNOWN] = "unknown-number",
        [PLAN_RULE_NOT_REGISTERED] = "not-registered",
        [PLAN_RULE_BINDINGS] = "bindings",
        [PLAN_RULE_RELAY] = "relay",
        [PLAN_RULE_APP] = "app",
        [PLAN_RULE_DND] = "dnd",
        [PLAN_RULE_FORWARD] = "forward",
        [PLAN_RULE_FORWARD_LOOP] = "forward-loop",
        [PLAN_RULE_FORWARD_MAX] = "forward-max",
        [PLAN_RULE_ENDED] = "ended",
        [PLAN_RULE_BARRED] = "barred",
        [PLAN_RULE_ANONYMOUS] = "anonymous",
        [PLAN_RULE_PICKUP] = "pickup",
        [PLAN_RULE_FETCH] = "fetch",
        [PLAN_RULE_PICKUP_NONE] = "pickup-none",
        [PLAN_RULE_GROUP] = "group",
        [PLAN_RULE_GROUP_EMPTY] = "group-empty",
        [PLAN_RULE_TRUNK] = "trunk",
        [PLAN_RULE_EMERGENCY] = "emergency",
        [PLAN_RULE_NO_TRANSIT] = "no-transit",
        [PLAN_RULE_DID_UNKNOWN] = "did-unknown",
        [PLAN_RULE_TRUNK_FULL] = "trunk-full",
    };

    return rule < PLAN_RULE_N ? text[rule] : "unknown-rule";
}

const char *plan_phrase(uint16_t code)
{
    switch (code) {
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 416: return "Unsupported URI Scheme";
    case 420: return "Bad Extension";
    case 433: return "Anonymity Disallowed";
    case 440: return "Max-Breadth Exceeded";
    case 480: return "Temporarily Unavailable";
    case 482: return "Loop Detected";
    case 483: return "Too Many Hops";
    case 503: return "Service Unavailable";
    default: return "Error"; /* no plan replies with another */
    }
}
