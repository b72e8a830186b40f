/* order.c - which of several records comes first: SRV by priority and weight (RFC 2782), NAPTR by order and preference
 * (RFC 3263 §4.1, RFC 3403 §4.1).
 *
 * Room      sip/transport. Pure in effect: touches its arguments only. */
#include "sip/transport/transport_priv.h"

static void swap_srv(struct srv *a, struct srv *b)
{
    struct srv t = *a;

    *a = *b;
    *b = t;
}

/* Stable, so that equal seeds give equal orders. */
static void sort_srv(struct srv *s, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0; j--) {
            struct srv *a = &s[j - 1], *b = &s[j];
            bool        zero_first = a->priority == b->priority && a->weight && !b->weight;

            if (a->priority <= b->priority && !zero_first)
                break;
            swap_srv(a, b);
        }
}

/* One priority: RFC 2782's running sums. Those of weight 0 stand first, so a draw of 0 can pick one of them. */
static void draw_srv(struct rng *rng, struct srv *s, size_t n)
{
    for (size_t first = 0; first + 1 < n; first++) {
        uint64_t sum = 0, running = 0, drawn;
        size_t   i = first;

        for (size_t k = first; k < n; k++)
            sum += s[k].weight;
        drawn = rng_below(rng, sum + 1);
        while (i + 1 < n && (running += s[i].weight) < drawn)
            i++;
        for (; i > first; i--) /* to the front; the order of the others stays */
            swap_srv(&s[i - 1], &s[i]);
    }
}

void order_srv(struct rng *rng, struct srv *s, size_t n)
{
    sort_srv(s, n);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && s[to].priority == s[from].priority;)
            to++;
        draw_srv(rng, s + from, to - from);
    }
}

enum err order_naptr_kind(struct slice service, enum transport_kind *out, bool *sips)
{
    static const struct {
        struct slice        name;
        enum transport_kind kind;
        bool                sips;
    } table[] = {
        {{"SIP+D2U", 7}, TRANSPORT_UDP, false},  {{"SIP+D2T", 7}, TRANSPORT_TCP, false},
        {{"SIPS+D2T", 8}, TRANSPORT_TLS, true},  {{"SIP+D2W", 7}, TRANSPORT_WS, false},
        {{"SIPS+D2W", 8}, TRANSPORT_WSS, true},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (slice_ieq(service, table[i].name)) {
            *out = table[i].kind;
            *sips = table[i].sips;
            return ERR_OK;
        }
    return ERR_NOTFOUND;
}

static bool naptr_fits(const struct net_record *r, bool sips, const bool supported[TRANSPORT_KINDS])
{
    enum transport_kind kind;
    bool                is_sips;

    return slice_ieq(r->flags, S("s")) && r->target.n && order_naptr_kind(r->service, &kind, &is_sips) == ERR_OK &&
           supported[kind] && (is_sips || !sips);
}

static bool naptr_before(const struct net_record *a, const struct net_record *b)
{
    return a->priority != b->priority ? a->priority < b->priority : a->weight < b->weight;
}

size_t order_naptr(const struct net_record *r, size_t n, bool sips, const bool supported[TRANSPORT_KINDS], size_t *out,
                   size_t max)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        size_t at = found;

        if (!naptr_fits(&r[i], sips, supported))
            continue;
        while (at > 0 && naptr_before(&r[i], &r[out[at - 1]]))
            at--;
        if (at == max)
            continue;
        for (size_t k = found < max ? found : max - 1; k > at; k--)
            out[k] = out[k - 1];
        out[at] = i;
        if (found < max)
            found++;
    }
    /* Once a record of one order has matched, those of a higher order are not looked at (RFC 3403 §4.1). */
    for (size_t i = 1; i < found; i++)
        if (r[out[i]].priority != r[out[0]].priority)
            return i;
    return found;
}
