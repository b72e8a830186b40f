/* dial.c - dial rules, and the trunks that a call goes out through.
 *
 * Room      server/plan (pure).
 * In        plan_route(); server/directory (rules are checked when they are set), server/proxy (numbers on their way in).
 * Touches   the plan. */
#include "server/plan/plan_priv.h"

/* ---- one place of a pattern ---- */

/* A number may also be a name. */
static bool is_literal(char c)
{
    return (ascii_is_alnum(c) && c != 'x') || slice_find(S("+*#-._"), c) != SIZE_MAX;
}

/* "[1-46]": how long it is with its brackets, and whether c is one of these; 0: it is none. */
static size_t read_class(struct slice s, char c, bool *fits)
{
    size_t end = slice_find(s, ']');

    *fits = false;
    if (end == SIZE_MAX || end < 2)
        return 0;
    for (size_t i = 1; i < end; i++) {
        char from = s.p[i], to = from;

        if (i + 2 < end && s.p[i + 1] == '-')
            to = s.p[i += 2];
        if (!ascii_is_digit(from) || !ascii_is_digit(to) || to < from)
            return 0;
        *fits |= c >= from && c <= to;
    }
    return end + 1;
}

/* How long the place at the front of `s` is, and whether c fits it; 0: it is none. */
static size_t read_place(struct slice s, char c, bool *fits)
{
    if (s.p[0] == '[')
        return read_class(s, c, fits);
    *fits = s.p[0] == 'x' ? ascii_is_digit(c) : c == s.p[0];
    return s.p[0] == 'x' || is_literal(s.p[0]) ? 1 : 0;
}

/* ---- one rule ---- */

struct rule {
    struct slice pattern;
    bool         whole; /* PUT takes the place of all of it */
    uint16_t     strip;
    struct slice put;
};

static bool is_put(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]) && slice_find(S("+*#-._"), s.p[i]) == SIZE_MAX)
            return false;
    return true;
}

static enum err read_rule(struct slice text, struct rule *out)
{
    struct slice rest = text, strip;

    *out = (struct rule){.pattern = text};
    if (slice_find(text, '=') != SIZE_MAX) {
        slice_cut(&rest, '=', &out->pattern);
        out->whole = true;
        out->put = rest;
        return rest.n && is_put(rest) ? ERR_OK : ERR_SYNTAX;
    }
    if (!slice_cut(&rest, '/', &out->pattern))
        return ERR_OK;
    slice_cut(&rest, '/', &strip);
    out->put = rest;
    return slice_u16(strip, &out->strip) || out->strip > PLAN_MAX_DIALLED || !is_put(rest) ? ERR_SYNTAX : ERR_OK;
}

/* Does the pattern fit? With a number that it does not fit it is still known whether it is a pattern. */
static enum err match(struct slice pattern, struct slice number, struct plan_dial *out, bool *fits)
{
    bool     open = slice_ends(pattern, S("*")), fit, good = true;
    size_t   used, places = 0;
    unsigned literals = 0;

    if (pattern.n == 0)
        return ERR_SYNTAX;
    for (struct slice p = slice_to(pattern, pattern.n - open); p.n; p = slice_from(p, used), places++) {
        if (!(used = read_place(p, places < number.n ? number.p[places] : '\0', &fit)))
            return ERR_SYNTAX;
        good = good && fit;
        literals += is_literal(p.p[0]);
    }
    if (places > PLAN_MAX_DIALLED)
        return ERR_LIMIT;
    *fits = good && number.n <= PLAN_MAX_DIALLED && (open ? number.n >= places : number.n == places);
    out->pattern = pattern;
    out->fixed = !open && literals == places;
    out->weight = (uint32_t)(places * 4 * PLAN_MAX_DIALLED + literals * 2 + !open);
    return ERR_OK;
}

static enum err try_rule(struct slice text, struct slice number, struct plan_dial *out, bool *fits)
{
    struct rule r;
    enum err    e;

    if ((e = read_rule(text, &r)) || (e = match(r.pattern, number, out, fits)))
        return e;
    out->put = r.put;
    out->strip = r.whole ? PLAN_MAX_DIALLED : r.strip;
    return ERR_OK;
}

enum err plan_dial_check(struct slice rules, struct slice *at)
{
    struct plan_dial d;
    bool             fits;
    enum err         e = ERR_OK;

    for (bool more = true; more && !e;) {
        more = slice_cut(&rules, ',', at);
        e = try_rule(*at, SLICE_NONE, &d, &fits);
    }
    return e;
}

bool plan_dial_find(struct slice rules, struct slice number, struct plan_dial *out)
{
    struct slice     one;
    struct plan_dial d;
    bool             fits, any = false;

    for (bool more = rules.n > 0; more;) {
        more = slice_cut(&rules, ',', &one);
        if (try_rule(one, number, &d, &fits) || !fits || (any && d.weight <= out->weight))
            continue;
        *out = d;
        any = true;
    }
    return any;
}

void plan_dial_put(struct buf *b, const struct plan_dial *d, struct slice number)
{
    buf_puts(b, d->put, slice_from(number, d->strip));
}

bool plan_is_emergency(struct slice numbers, struct slice number)
{
    struct slice one;

    for (bool more = numbers.n > 0; more;) {
        more = slice_cut(&numbers, ',', &one);
        if (number.n && slice_eq(one, number))
            return true;
    }
    return false;
}

bool plan_is_sos(struct slice uri)
{
    struct slice sos = S("urn:service:sos");

    return slice_istarts(uri, sos) && (uri.n == sos.n || uri.p[sos.n] == '.');
}

bool plan_trunk_failed(uint16_t code)
{
    return code == 408 || code == 430 || code == 503;
}

/* ---- the trunks of a call ---- */

/* Does `a` go before `b`? `b` is there already: of two alike it stays in front. */
static bool goes_before(const struct plan_way *a, const struct plan_way *b, bool emergency)
{
    if (emergency && a->trunk->emergency != b->trunk->emergency)
        return a->trunk->emergency;
    if (a->trunk->down != b->trunk->down)
        return b->trunk->down;
    if (!emergency && a->dial.weight != b->dial.weight)
        return a->dial.weight > b->dial.weight;
    return a->trunk->preference < b->trunk->preference;
}

static void add_way(struct plan *p, const struct plan_way *w, bool emergency)
{
    size_t at = p->n_ways;

    while (at > 0 && goes_before(w, &p->ways[at - 1], emergency))
        at--;
    if (at == PLAN_MAX_WAYS)
        return;
    if (p->n_ways < PLAN_MAX_WAYS)
        p->n_ways++;
    for (size_t i = p->n_ways - 1; i > at; i--)
        p->ways[i] = p->ways[i - 1];
    p->ways[at] = *w;
}

static void take_ways(struct plan *p, enum plan_rule rule)
{
    p->act = PLAN_TRUNK;
    p->group_ms = PLAN_TRUNK_MS;
    p->reason.rule = rule;
    p->reason.trunk = p->ways[0].trunk->name;
    p->reason.dial = p->ways[0].dial;
    p->reason.n_ways = (uint32_t)p->n_ways;
    for (size_t i = 0; i < p->n_ways; i++)
        p->reason.n_down += p->ways[i].trunk->down;
}

bool plan_dial(const struct plan_facts *f, struct plan *p)
{
    const struct plan_request *r = &f->request;
    const struct plan_trunk   *full = NULL;

    if (!slice_eq(r->method, S("INVITE")) || (!r->caller_ours && !r->trunk.n && !r->forwarded))
        return false;
    for (size_t i = 0; i < f->n_trunks; i++) {
        struct plan_way w = {.trunk = &f->trunks[i]};

        if (!plan_dial_find(w.trunk->dial, r->number, &w.dial))
            continue;
        if (w.trunk->full)
            full = w.trunk;
        else
            add_way(p, &w, false);
    }
    if (p->n_ways == 0 && !full)
        return false;
    if (r->trunk.n && !r->forwarded) {
        p->n_ways = 0;
        p->reason.trunk = r->trunk;
        plan_reply(p, PLAN_RULE_NO_TRANSIT, 403);
    } else if (p->n_ways == 0) {
        p->reason.trunk = full->name;
        plan_reply(p, PLAN_RULE_TRUNK_FULL, 503);
    } else
        take_ways(p, PLAN_RULE_TRUNK);
    return true;
}

/* A rule is for it when it says all of the number; one for numbers in general would make another number of it. */
bool plan_emergency(const struct plan_facts *f, struct plan *p)
{
    if (!slice_eq(f->request.method, S("INVITE")) || (f->request.trunk.n && !f->request.forwarded))
        return false;
    for (size_t i = 0; i < f->n_trunks; i++) {
        struct plan_way w = {.trunk = &f->trunks[i]};

        if (!plan_dial_find(w.trunk->dial, f->request.number, &w.dial) || !w.dial.fixed)
            w.dial = (struct plan_dial){.pattern = f->request.number};
        add_way(p, &w, true);
    }
    if (p->n_ways == 0)
        return false;
    take_ways(p, PLAN_RULE_EMERGENCY);
    return true;
}
