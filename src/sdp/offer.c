/* offer.c - what an end of ours says: RFC 3264 §5 (offers), §6 (answers), §8 (changes).
 *
 * Room      sdp (pure).
 * In        sdp_offer(), sdp_answer(), sdp_apply(): one struct sdp_local per leg.
 * Touches   the sdp_local, on success only; the buffer.
 * Must hold a payload number that this session has given a codec is never given to another (§8.3.2): adopt_pt(). */
#include "sdp/sdp_priv.h"

#include <string.h>

#include "base/hash.h"

#define NO_STREAM SIZE_MAX
#define FIRST_DYNAMIC_PT 96
#define LAST_PT 127

enum err sdp_local_init(struct sdp_local *l, uint64_t id, const struct sdp_codec *codecs, size_t n)
{
    if (n > SDP_MAX_CODECS)
        return ERR_LIMIT;
    *l = (struct sdp_local){.id = id, .dir = SDP_SENDRECV, .n_codecs = n};
    for (size_t i = 0; i < n; i++)
        l->codecs[i] = codecs[i];
    return ERR_OK;
}

static bool is_event(struct slice name)
{
    return slice_ieq(name, S("telephone-event"));
}

/* ---- writing ---- */

static void put_host(struct buf *b, const struct addr *a)
{
    buf_put(b, a->family == ADDR_IP6 ? S("IN IP6 ") : S("IN IP4 "));
    addr_put_ip(b, a);
}

static void put_codec(struct buf *b, const struct sdp_codec *c)
{
    buf_put(b, S("a=rtpmap:"));
    buf_putu(b, c->pt);
    buf_puts(b, S(" "), c->name, S("/"));
    buf_putu(b, c->rate_hz);
    if (c->channels > 1) {
        buf_putc(b, '/');
        buf_putu(b, c->channels);
    }
    if (c->fmtp.n) {
        buf_put(b, S("\r\na=fmtp:"));
        buf_putu(b, c->pt);
        buf_puts(b, S(" "), c->fmtp);
    }
    buf_put(b, S("\r\n"));
}

/* Our audio stream with the codecs whose bit is set in `which`. */
struct stream {
    struct slice proto;
    uint32_t     which;
    enum sdp_dir dir;
    uint32_t     suites; /* a bit each: keys of ours for them */
    uint32_t     tag;    /* of an answer: the offer's; 0: each suite's own */
};

static void put_keys(struct buf *b, const struct sdp_local *l, const struct stream *st)
{
    for (int i = SDP_AES_128_80; i < SDP_SUITES; i++)
        if (st->suites & 1u << i)
            sdp_crypto_put(b, st->tag ? st->tag : (uint32_t)i, (enum sdp_suite)i, l->srtp_key[i]);
}

static void put_audio(struct buf *b, const struct sdp_local *l, const struct stream *st)
{
    buf_put(b, S("m=audio "));
    buf_putu(b, l->rtp.port);
    buf_puts(b, S(" "), st->proto);
    for (size_t i = 0; i < l->n_codecs; i++)
        if (st->which & 1u << i) {
            buf_putc(b, ' ');
            buf_putu(b, l->codecs[i].pt);
        }
    buf_put(b, S("\r\n"));
    for (size_t i = 0; i < l->n_codecs; i++)
        if (st->which & 1u << i)
            put_codec(b, &l->codecs[i]);
    put_keys(b, l, st);
    if (l->ptime_ms) {
        buf_put(b, S("a=ptime:"));
        buf_putu(b, l->ptime_ms);
        buf_put(b, S("\r\n"));
    }
    if (l->rtcp_port && l->rtcp_port != l->rtp.port + 1) {
        buf_put(b, S("a=rtcp:"));
        buf_putu(b, l->rtcp_port);
        buf_put(b, S("\r\n"));
    }
    if (l->rtcp_xr)
        buf_put(b, S("a=rtcp-xr:voip-metrics rcvr-rtt=all\r\n"));
    buf_puts(b, S("a="), sdp_dir_name(st->dir), S("\r\n"));
}

/* An m= line of the session that is not ours (any more): its place must stay (RFC 3264 §8). */
static void put_empty_slot(struct buf *b, enum sdp_kind kind)
{
    switch (kind) {
    case SDP_VIDEO: buf_put(b, S("m=video 0 RTP/AVP 31\r\n")); return;
    case SDP_IMAGE: buf_put(b, S("m=image 0 udptl t38\r\n")); return;
    case SDP_TEXT: buf_put(b, S("m=text 0 RTP/AVP 98\r\n")); return;
    case SDP_APPLICATION: buf_put(b, S("m=application 0 RTP/AVP 98\r\n")); return;
    case SDP_MESSAGE: buf_put(b, S("m=message 0 TCP/MSRP *\r\n")); return;
    case SDP_AUDIO:
    case SDP_OTHER: break; /* a kind that we cannot name may be replaced while it is off (§5.1) */
    }
    buf_put(b, S("m=audio 0 RTP/AVP 0\r\n"));
}

static void put_session(struct buf *b, const struct sdp_local *l)
{
    buf_put(b, S("s=-\r\nc="));
    put_host(b, &l->rtp);
    buf_put(b, S("\r\nt=0 0\r\n"));
}

/* v= and o=, then `tail`, with the version that RFC 3264 §8 asks for: one more exactly when something changed. */
static enum err say(struct sdp_local *l, struct slice tail, struct buf *out)
{
    static const struct hash_key key = {0x7374726f77676572u, 0x2073647020736169u};
    uint64_t                     sum = hash_octets(&key, tail);
    uint64_t                     version = !l->spoke ? 1 : l->version + (sum != l->said);
    const struct addr           *origin = l->spoke ? &l->origin : &l->rtp;

    buf_puts(out, S("v=0\r\no="), l->user.n ? l->user : S("-"), S(" "));
    buf_putu(out, l->id);
    buf_putc(out, ' ');
    buf_putu(out, version);
    buf_putc(out, ' ');
    put_host(out, origin);
    buf_puts(out, S("\r\n"), tail);
    if (buf_err(out))
        return ERR_LIMIT;
    l->origin = *origin;
    l->version = version;
    l->said = sum;
    l->spoke = true;
    return ERR_OK;
}

static bool can_speak(const struct sdp_local *l)
{
    bool voice = false;

    for (size_t i = 0; i < l->n_codecs; i++)
        voice = voice || !is_event(l->codecs[i].name);
    return voice && l->rtp.family != ADDR_NONE && l->rtp.port != 0 && !addr_is_any(&l->rtp);
}

/* The suites that we offer now: once one is agreed that one, else those that every phone has, so that offers stay short. */
static uint32_t suites_offered(const struct sdp_local *l)
{
    if (l->suite != SDP_CLEAR)
        return 1u << l->suite;
    return l->srtp >= SDP_SRTP_OPTIONAL ? 1u << SDP_AES_128_80 | 1u << SDP_AES_128_32 : 0;
}

static bool offers_savp(const struct sdp_local *l)
{
    return l->srtp == SDP_SRTP_REQUIRED || (l->suite != SDP_CLEAR && l->savp);
}

enum err sdp_offer(struct sdp_local *l, struct buf *out)
{
    char             block[SDP_MAX_WRITTEN];
    struct buf       tail = BUF_ON(block);
    struct stream    st = {offers_savp(l) ? S("RTP/SAVP") : S("RTP/AVP"), (1u << l->n_codecs) - 1, l->dir, suites_offered(l), 0};
    struct sdp_local next = *l;

    if (!can_speak(l))
        return ERR_INVALID;
    if (next.n_slots == 0) {
        next.n_slots = 1;
        next.ours = 0;
        next.slots[0] = SDP_AUDIO;
    }
    put_session(&tail, l);
    for (size_t i = 0; i < next.n_slots; i++) {
        if (i == next.ours)
            put_audio(&tail, l, &st);
        else
            put_empty_slot(&tail, (enum sdp_kind)next.slots[i]);
    }
    if (buf_err(&tail) || say(&next, buf_slice(&tail), out))
        return ERR_LIMIT;
    *l = next;
    return ERR_OK;
}

/* ---- matching ---- */

/* Our codec for that format, or SIZE_MAX. */
static size_t codec_for(const struct sdp_local *l, const struct sdp_format *f)
{
    for (size_t i = 0; i < l->n_codecs; i++)
        if (slice_ieq(l->codecs[i].name, f->name) && l->codecs[i].rate_hz == f->rate_hz &&
            (l->codecs[i].channels ? l->codecs[i].channels : 1) == f->channels)
            return i;
    return SIZE_MAX;
}

static bool pt_taken(const struct sdp_local *l, uint8_t pt)
{
    for (size_t i = 0; i < l->n_codecs; i++)
        if (l->codecs[i].pt == pt)
            return true;
    return false;
}

/* Our codec i is `pt` from now on; whichever codec had that number gets a free one. */
static void adopt_pt(struct sdp_local *l, size_t i, uint8_t pt)
{
    uint8_t free_pt = FIRST_DYNAMIC_PT;

    if (l->codecs[i].pt == pt)
        return;
    while (free_pt < LAST_PT && (free_pt == pt || pt_taken(l, free_pt)))
        free_pt++;
    for (size_t k = 0; k < l->n_codecs; k++)
        if (k != i && l->codecs[k].pt == pt)
            l->codecs[k].pt = free_pt;
    l->codecs[i].pt = pt;
}

/* The offer's most preferred voice format that we can speak. */
static const struct sdp_format *choose_voice(const struct sdp_local *l, const struct sdp_media *m, size_t *codec)
{
    for (size_t i = 0; i < m->n_formats; i++) {
        *codec = is_event(m->formats[i].name) ? SIZE_MAX : codec_for(l, &m->formats[i]);
        if (*codec != SIZE_MAX)
            return &m->formats[i];
    }
    return NULL;
}

/* telephone-event at the voice's clock (RFC 4733 §2.1), else at any that we have: phones mix them. */
static const struct sdp_format *choose_event(const struct sdp_local *l, const struct sdp_media *m, uint32_t rate_hz,
                                             size_t *codec)
{
    const struct sdp_format *any = NULL;

    for (size_t i = 0; i < m->n_formats; i++) {
        size_t c = is_event(m->formats[i].name) ? codec_for(l, &m->formats[i]) : SIZE_MAX;

        if (c == SIZE_MAX || (any && m->formats[i].rate_hz != rate_hz))
            continue;
        any = &m->formats[i];
        *codec = c;
        if (any->rate_hz == rate_hz)
            break;
    }
    return any;
}

/* "voip-metrics rcvr-rtt=sender:60": has it that word, with a value or without? */
static bool has_xr(struct slice words, struct slice want)
{
    while (words.n) {
        struct slice word = sdp_word(&words), name;

        slice_cut(&word, '=', &name);
        if (slice_ieq(name, want))
            return true;
    }
    return false;
}

/* What holds for the stream whoever offered: addresses, hold, packet time, direction. */
static void agree_stream(const struct sdp_local *l, const struct sdp_media *m, struct sdp_agreed *a)
{
    *a = (struct sdp_agreed){.live = true, .host = m->host, .ptime_ms = m->ptime_ms};
    a->dir = (enum sdp_dir)(sdp_dir_mirror(sdp_effective_dir(m)) & l->dir);
    a->held = sdp_is_hold(m);
    a->voip_metrics = has_xr(m->rtcp_xr, S("voip-metrics"));
    a->rcvr_rtt = has_xr(m->rtcp_xr, S("rcvr-rtt"));
    if (!sdp_is_blackholed(m) && m->rtp.family != ADDR_NONE) {
        a->rtp = m->rtp;
        a->rtcp = m->rtcp;
    }
}

/* ---- answering ---- */

static bool is_savp(const struct sdp_media *m)
{
    return slice_ieq(m->proto, S("RTP/SAVP")) || slice_ieq(m->proto, S("RTP/SAVPF"));
}

static bool has_keys(const struct sdp_local *l, const struct sdp_media *m, struct sdp_crypto *out)
{
    return l->srtp != SDP_SRTP_OFF && sdp_crypto_choose(m, out);
}

/* Do we speak over that profile, and must we not without keys? */
static bool is_profile(const struct sdp_local *l, const struct sdp_media *m, struct slice *why)
{
    struct sdp_crypto c;
    bool              plain = slice_ieq(m->proto, S("RTP/AVP")) || slice_ieq(m->proto, S("RTP/AVPF"));

    if (!plain && (!is_savp(m) || l->srtp == SDP_SRTP_OFF)) {
        *why = S("transport not supported");
        return false;
    }
    if ((is_savp(m) || l->srtp == SDP_SRTP_REQUIRED) && !has_keys(l, m, &c)) {
        *why = plain ? S("SRTP is required here") : S("no key for SRTP that can be used");
        return false;
    }
    return true;
}

static bool is_usable(const struct sdp_local *l, const struct sdp_media *m, struct slice *why)
{
    size_t codec;

    if (m->kind != SDP_AUDIO || m->port == 0)
        return false;
    if (!is_profile(l, m, why))
        return false;
    if (m->host.n == 0) {
        *why = S("no connection address");
        return false;
    }
    *why = S("no codec in common");
    return choose_voice(l, m, &codec) != NULL;
}

/* Our stream of the offer, the one that it was before if it can be; NO_STREAM with a reason. */
static size_t choose_stream(const struct sdp_local *l, const struct sdp *offer, struct slice *why)
{
    *why = S("no audio stream");
    if (l->n_slots && l->ours < offer->n_media && is_usable(l, &offer->media[l->ours], why))
        return l->ours;
    for (size_t i = 0; i < offer->n_media; i++)
        if (is_usable(l, &offer->media[i], why))
            return i;
    return NO_STREAM;
}

static bool all_off(const struct sdp *s)
{
    for (size_t i = 0; i < s->n_media; i++)
        if (s->media[i].port)
            return false;
    return true;
}

/* Agree on stream m and let l's codecs take on its numbers; returns the codecs for the answer, a bit each. */
static uint32_t agree_answer(struct sdp_local *l, const struct sdp_media *m, struct sdp_agreed *a)
{
    size_t                   codec, event = 0;
    const struct sdp_format *voice = choose_voice(l, m, &codec);
    const struct sdp_format *tel = choose_event(l, m, voice->rate_hz, &event);
    uint32_t                 which = 1u << codec;

    agree_stream(l, m, a);
    adopt_pt(l, codec, voice->pt);
    a->formats[0] = (struct sdp_agreed_format){l->codecs[codec].id, voice->pt, voice->pt, voice->fmtp};
    a->n_formats = 1;
    if (tel) {
        adopt_pt(l, event, tel->pt);
        a->events = true;
        a->event_hz = tel->rate_hz;
        a->event_send_pt = a->event_recv_pt = tel->pt;
        which |= 1u << event;
    }
    return which;
}

static void agree_keys(struct sdp_local *l, const struct sdp_crypto *c, struct sdp_agreed *a)
{
    l->suite = a->suite = c->suite;
    memcpy(a->send_key, l->srtp_key[c->suite], sizeof a->send_key);
    memset(a->send_key + sdp_suite_key_octets(c->suite), 0, sizeof a->send_key - sdp_suite_key_octets(c->suite));
    memcpy(a->receive_key, c->key, sizeof a->receive_key);
}

/* Theirs is the choice, as far as we can: the first of their lines (RFC 4568 §5.1.2). */
static void answer_keys(struct sdp_local *l, const struct sdp_media *m, struct sdp_agreed *a, struct stream *st)
{
    struct sdp_crypto c;

    l->savp = is_savp(m);
    l->suite = SDP_CLEAR;
    if (!has_keys(l, m, &c))
        return;
    agree_keys(l, &c, a);
    st->suites = 1u << c.suite;
    st->tag = c.tag;
}

static void put_refused(struct buf *b, const struct sdp_media *m)
{
    buf_puts(b, S("m="), m->type, S(" 0 "), m->proto, S(" "), m->fmts.n ? m->fmts : S("0"), S("\r\n"));
}

enum err sdp_answer(struct sdp_local *l, const struct sdp *offer, struct buf *out, struct sdp_agreed *agreed)
{
    char              block[SDP_MAX_WRITTEN];
    struct buf        tail = BUF_ON(block);
    struct sdp_local  next = *l;
    struct sdp_agreed a = {.live = false};
    struct stream     st = {.which = 0};
    size_t            mine = choose_stream(l, offer, &a.why);

    if (!can_speak(l))
        return ERR_INVALID;
    if (mine == NO_STREAM && !all_off(offer)) {
        agreed->why = a.why;
        return ERR_UNSUPPORTED;
    }
    if (mine == NO_STREAM) {
        a.why = S("all streams are switched off");
    } else {
        st.which = agree_answer(&next, &offer->media[mine], &a);
        st.proto = offer->media[mine].proto;
        st.dir = a.dir;
        answer_keys(&next, &offer->media[mine], &a, &st);
        next.ours = mine;
    }
    put_session(&tail, l);
    next.n_slots = offer->n_media;
    for (size_t i = 0; i < offer->n_media; i++) {
        next.slots[i] = (uint8_t)offer->media[i].kind;
        if (i == mine)
            put_audio(&tail, &next, &st);
        else
            put_refused(&tail, &offer->media[i]);
    }
    if (out && (buf_err(&tail) || say(&next, buf_slice(&tail), out)))
        return ERR_LIMIT;
    if (out)
        *l = next;
    *agreed = a;
    return ERR_OK;
}

/* ---- taking an answer ---- */

/* Our codec for a format of the answer. Some ends name a dynamic number of ours without its rtpmap. */
static size_t codec_of_answer(const struct sdp_local *l, const struct sdp_format *f)
{
    if (f->name.n)
        return codec_for(l, f);
    for (size_t i = 0; i < l->n_codecs; i++)
        if (l->codecs[i].pt == f->pt)
            return i;
    return SIZE_MAX;
}

/* Of several, that of the voice's clock; else the first. */
static void agree_event(const struct sdp_codec *mine, const struct sdp_format *theirs, uint32_t rate_hz, struct sdp_agreed *a)
{
    if (a->events && mine->rate_hz != rate_hz)
        return;
    a->events = true;
    a->event_hz = mine->rate_hz;
    a->event_send_pt = theirs->pt;
    a->event_recv_pt = mine->pt;
}

static void agree_formats(const struct sdp_local *l, const struct sdp_media *m, struct sdp_agreed *a)
{
    uint32_t rate_hz = 0; /* of the voice that is sent */

    for (size_t i = 0; i < m->n_formats && a->n_formats < SDP_MAX_CODECS; i++) {
        size_t c = codec_of_answer(l, &m->formats[i]);

        if (c == SIZE_MAX || is_event(l->codecs[c].name))
            continue;
        rate_hz = a->n_formats ? rate_hz : l->codecs[c].rate_hz;
        a->formats[a->n_formats++] =
            (struct sdp_agreed_format){l->codecs[c].id, m->formats[i].pt, l->codecs[c].pt, m->formats[i].fmtp};
    }
    for (size_t i = 0; i < m->n_formats; i++) {
        size_t c = codec_of_answer(l, &m->formats[i]);

        if (c != SIZE_MAX && is_event(l->codecs[c].name) && (!a->events || a->event_hz != rate_hz))
            agree_event(&l->codecs[c], &m->formats[i], rate_hz, a);
    }
}

/* One of our lines, by its tag, with their key; or none, where plain RTP was offered. False: neither. */
static bool apply_keys(struct sdp_local *l, const struct sdp_media *m, struct sdp_agreed *a)
{
    uint32_t          offered = suites_offered(l);
    struct sdp_crypto c;

    if (!offered)
        return true;
    if (m->n_crypto == 0 && !offers_savp(l)) {
        l->suite = SDP_CLEAR;
        return true;
    }
    if (m->n_crypto == 0 || !sdp_crypto_read(m->crypto[0], &c) || c.tag != (uint32_t)c.suite || !(offered & 1u << c.suite))
        return false;
    l->savp = is_savp(m);
    agree_keys(l, &c, a);
    return true;
}

enum err sdp_apply(struct sdp_local *l, const struct sdp *answer, struct sdp_agreed *agreed)
{
    const struct sdp_media *m = &answer->media[l->ours];
    struct sdp_agreed       a = {.why = S("the answer refuses the stream")};

    if (!l->spoke || l->ours >= answer->n_media || m->kind != SDP_AUDIO)
        return ERR_INVALID;
    if (m->port) {
        agree_stream(l, m, &a);
        agree_formats(l, m, &a);
        if (a.n_formats == 0)
            a = (struct sdp_agreed){.why = S("the answer has no codec of the offer")};
        else if (!apply_keys(l, m, &a))
            a = (struct sdp_agreed){.why = S("the answer has no key for SRTP that fits the offer")};
    }
    *agreed = a;
    return ERR_OK;
}

/* ---- another's in our place ---- */

enum err sdp_pass(struct sdp_local *l, struct slice theirs, struct buf *out)
{
    char              id_room[24], host_room[ADDR_MAX_TEXT];
    struct buf        id = BUF_ON(id_room), host = BUF_ON(host_room);
    struct sdp_origin o = {.user = l->user.n ? l->user : S("-"), .nettype = S("IN")};
    enum err          e;

    if (!l->spoke)
        return ERR_INVALID;
    buf_putu(&id, l->id);
    addr_put_ip(&host, &l->origin);
    o.id = buf_slice(&id);
    o.addrtype = l->origin.family == ADDR_IP6 ? S("IP6") : S("IP4");
    o.host = buf_slice(&host);
    if ((e = sdp_rewrite(theirs, &(struct sdp_edit){.origin = &o, .version = l->version + 1}, out)))
        return e;
    l->version++;
    l->said = ~l->said; /* whatever we say next is something else than that */
    return ERR_OK;
}
