/* latch.c - who is listened to.
 *
 * Room      media; no world in here.
 * Touches   *l only.
 * Why       with no rule anybody who guesses a port is heard, and answered with the call's sound; with only the agreed
 *           address a phone behind a NAT is never heard. So: the agreed one always wins, others must insist, and only
 *           while nobody is there. */
#include "media/latch.h"

#include "media/media.h"

void latch_agree(struct latch *l, const struct addr *agreed, bool allow)
{
    if (!addr_eq(&l->agreed, agreed))
        *l = (struct latch){.agreed = *agreed};
    l->allow = allow;
}

static bool is(const struct addr *a, const struct addr *b)
{
    return a->family != ADDR_NONE && addr_eq(a, b);
}

/* A packet of somebody who might become the sender; true when it insisted. */
static bool insists(struct latch *l, const struct addr *from, uint32_t ssrc)
{
    if (!is(&l->candidate, from) || l->candidate_ssrc != ssrc) {
        l->candidate = *from;
        l->candidate_ssrc = ssrc;
        l->candidate_packets = 0;
    }
    return ++l->candidate_packets >= MEDIA_LATCH_PACKETS;
}

enum latch_verdict latch_on_packet(struct latch *l, const struct addr *from, uint32_t ssrc, uint64_t now_ms)
{
    enum latch_verdict v = LATCH_CHANGED;
    bool               is_agreed = is(&l->agreed, from);
    bool               vacant = l->sender.family == ADDR_NONE || now_ms - l->last_ms >= MEDIA_LATCH_FREE_MS;

    if (is(&l->sender, from) || (is_agreed && l->sender.family == ADDR_NONE))
        v = LATCH_HEARD;
    else if (!is_agreed && !(l->allow && vacant && insists(l, from, ssrc)))
        return LATCH_FOREIGN;
    l->sender = *from;
    l->last_ms = now_ms;
    l->candidate = (struct addr){0};
    return v;
}

bool latch_takes_rtcp(const struct latch *l, const struct addr *from)
{
    return (l->agreed.family != ADDR_NONE && addr_same_ip(&l->agreed, from)) ||
           (l->sender.family != ADDR_NONE && addr_same_ip(&l->sender, from));
}

bool latch_is_elsewhere(const struct latch *l)
{
    return l->agreed.family != ADDR_NONE && l->sender.family != ADDR_NONE && !addr_eq(&l->agreed, &l->sender);
}
