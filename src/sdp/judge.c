/* judge.c - is this an answer to that offer? RFC 3264 §6, for findings: it accuses of what the RFC forbids, and of nothing
 * else.
 *
 * Room      sdp (pure).
 * Touches   its arguments only. */
#include "sdp/sdp_priv.h"

/* The answer has at least one format of the offer's (RFC 3264 §6.1), by name where there is one. */
static bool shares_format(const struct sdp_media *offer, const struct sdp_media *answer)
{
    for (size_t i = 0; i < answer->n_formats; i++)
        for (size_t k = 0; k < offer->n_formats; k++) {
            const struct sdp_format *a = &answer->formats[i], *o = &offer->formats[k];

            if (a->name.n && o->name.n ? slice_ieq(a->name, o->name) && a->rate_hz == o->rate_hz : a->pt == o->pt)
                return true;
        }
    return false;
}

static enum sdp_fault judge_stream(const struct sdp_media *offer, const struct sdp_media *answer)
{
    if (!slice_ieq(offer->type, answer->type))
        return SDP_FAULT_KIND;
    if (answer->port == 0)
        return SDP_FAULT_NONE;
    if (offer->port == 0)
        return SDP_FAULT_REVIVED;
    if (answer->host.n == 0)
        return SDP_FAULT_ADDRESS;
    /* A long list was cut by our own limit, and names that are no numbers are not listed: then nobody is accused. */
    if (sdp_is_rtp(offer->proto) && offer->n_formats && offer->n_formats < SDP_MAX_FORMATS &&
        answer->n_formats < SDP_MAX_FORMATS && !shares_format(offer, answer))
        return SDP_FAULT_CODEC;
    if (answer->dir & ~sdp_dir_mirror(offer->dir))
        return SDP_FAULT_DIRECTION;
    return SDP_FAULT_NONE;
}

enum sdp_fault sdp_judge(const struct sdp *offer, const struct sdp *answer, size_t *stream)
{
    size_t n = offer->n_media < answer->n_media ? offer->n_media : answer->n_media;

    for (size_t i = 0; i < n; i++) {
        enum sdp_fault f = judge_stream(&offer->media[i], &answer->media[i]);

        if (f != SDP_FAULT_NONE) {
            *stream = i;
            return f;
        }
    }
    if (offer->n_media == answer->n_media)
        return SDP_FAULT_NONE;
    *stream = n;
    return SDP_FAULT_STREAMS;
}

struct slice sdp_fault_text(enum sdp_fault f)
{
    switch (f) {
    case SDP_FAULT_NONE: return S("");
    case SDP_FAULT_STREAMS: return S("the answer has not as many m= lines as the offer");
    case SDP_FAULT_KIND: return S("the answer has another kind of stream in this place");
    case SDP_FAULT_REVIVED: return S("the answer switches on a stream that the offer had switched off");
    case SDP_FAULT_CODEC: return S("the answer names no format of the offer");
    case SDP_FAULT_DIRECTION: return S("the answer's direction is not allowed by the offer's");
    case SDP_FAULT_ADDRESS: return S("the answer has a port but no address");
    }
    return S("");
}
