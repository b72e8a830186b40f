/* cookie.c - the keyed cookie in the user part of our Record-Route URIs (PROTOCOL 2.1), and those rows themselves.
 *
 * Room      server/proxy.
 * Touches   its arguments only.
 *
 * The user part is   time "." flow towards the caller "." flow towards the callee "." MAC
 * in base64url and hex, so that no escaping is needed: some phones drop URI parameters, none drops the user. The MAC is
 * SipHash-2-4 (64 bits) over those three, the Call-ID and the tag of the side that began the dialog, under a key of 128 bits
 * that is made of the exchange's stored one for this and for nothing else: so a cookie outlives a restart. A request from
 * the other side has that tag in To.
 *
 * Why 64 bits do: the key shows nowhere, so a MAC can only be guessed, one message for each guess, and a wrong guess tells
 * nothing of the right one: with 100 000 messages a second it takes three million years until half of all have been tried.
 * And what a forged one would open is small: one request passes without credentials, to the remote target of the dialog
 * that it names by all its ids, or, where no dialog of those ids is known, to one address of the forger's choice. What begins
 * a call, changes a binding or a setting asks for the account all the same. */
#include "server/proxy/proxy_priv.h"

#include <string.h>

#include "base/scan.h"

enum { LEAST_COOKIE = COOKIE_MAC_TEXT + 12 }; /* a time of 8 digits, three dots, flows of whatever length */

struct cookie_text {
    struct slice time, flows, mac;
    struct slice signed_part; /* all before the MAC and its dot */
};

void cookie_key(const struct digester *d, struct slice stored, struct hash_key *out)
{
    const struct slice use[] = {S("strowger route 2")};
    unsigned char      octets[DIGESTER_MAX_OCTETS];

    d->hmac(d->ctx, stored, use, 1, octets);
    *out = (struct hash_key){0};
    for (unsigned i = 0; i < 8; i++) {
        out->k0 |= (uint64_t)octets[i] << 8 * i;
        out->k1 |= (uint64_t)octets[8 + i] << 8 * i;
    }
}

static void put_mac(struct proxy *px, struct slice signed_part, struct slice call_id, struct slice tag, struct buf *b)
{
    const struct slice pieces[] = {signed_part, call_id, tag};
    uint64_t           mac = hash_pieces(&px->cookie_key, pieces, sizeof pieces / sizeof pieces[0]);
    char               octets[8];

    scan_put_word(octets, mac);
    buf_put_base64url(b, (struct slice){octets, sizeof octets});
}

/* User part of a SIP URI that may be a cookie, without a look at the rest: it is asked of every Request-URI, whose users have shorter
 * names. Empty: none. */
static struct slice user_of(struct slice uri)
{
    size_t   at = slice_find(uri, '@');
    uint64_t scheme;

    if (at == SIZE_MAX || at < LEAST_COOKIE)
        return SLICE_NONE;
    uri = slice_to(uri, at);
    scheme = scan_lower(scan_word(uri.p));
    if ((scheme & UINT32_MAX) == scan_word_of("sip:", 4))
        return slice_from(uri, 4);
    return (scheme & 0xffffffffffu) == scan_word_of("sips:", 5) ? slice_from(uri, 5) : SLICE_NONE;
}

/* From both ends: what is between the time and the MAC is looked at when a flow is asked for. */
static bool split(struct slice user, struct cookie_text *t)
{
    if (user.n <= COOKIE_MAC_TEXT)
        return false;
    t->mac = slice_from(user, user.n - COOKIE_MAC_TEXT);
    t->signed_part = slice_to(user, user.n - COOKIE_MAC_TEXT - 1);
    t->flows = t->signed_part;
    return user.p[t->signed_part.n] == '.' && slice_cut(&t->flows, '.', &t->time);
}

static bool mac_fits(struct proxy *px, const struct cookie_text *t, struct slice call_id, struct slice tag)
{
    char       text[COOKIE_MAC_TEXT];
    struct buf b = BUF_ON(text);

    if (tag.n == 0)
        return false;
    put_mac(px, t->signed_part, call_id, tag, &b);
    return digest_same(buf_slice(&b), t->mac);
}

/* Did that side send the request, by the cookie? */
static bool is_from(struct proxy *px, const struct cookie_text *t, const struct msg *m, enum dialog_side side)
{
    return mac_fits(px, t, msg_call_id(m), side == DIALOG_CALLER ? msg_from_tag(m) : msg_to_tag(m));
}

enum err proxy_cookie_read(struct proxy *px, const struct msg *m, struct slice uri, enum dialog_side likely, uint64_t now_s,
                           struct proxy_cookie *out)
{
    struct slice        user = user_of(uri);
    struct cookie_text  t;
    struct proxy_cookie c;

    if (user.n > PROXY_MAX_COOKIE_OCTETS || !split(user, &t))
        return ERR_NOTFOUND;
    c.time = t.time;
    c.flows = t.flows;
    if (is_from(px, &t, m, likely))
        c.from_caller = likely == DIALOG_CALLER;
    else if (is_from(px, &t, m, dialogs_other(likely)))
        c.from_caller = likely != DIALOG_CALLER;
    else
        return ERR_DENIED;
    *out = c;
    return now_s && now_s > proxy_cookie_made_s(&c) + PROXY_COOKIE_S ? ERR_STALE : ERR_OK;
}

/* The MAC has proved that we have written it. */
uint64_t proxy_cookie_made_s(const struct proxy_cookie *c)
{
    uint64_t s = 0;

    (void)slice_hex64(c->time, &s);
    return s;
}

enum err proxy_cookie_flow(const struct proxy_cookie *c, enum dialog_side towards, struct flow *out)
{
    struct slice callee = c->flows, caller;

    if (!slice_cut(&callee, '.', &caller))
        return ERR_SYNTAX;
    return flow_parse_token(towards == DIALOG_CALLER ? caller : callee, out);
}

void cookie_put(struct proxy *px, const struct cookie_facts *facts, struct buf *b)
{
    size_t       from = b->n;
    struct slice signed_part;

    buf_puthex64(b, facts->made_s);
    buf_putc(b, '.');
    flow_put_token(b, &facts->caller);
    buf_putc(b, '.');
    flow_put_token(b, &facts->callee);
    signed_part = slice_from(buf_slice(b), from);
    buf_putc(b, '.');
    put_mac(px, signed_part, facts->call_id, facts->tag, b);
}

static void put_route_row(const struct fork *f, struct slice cookie, const struct flow *side, struct slice sent_by, struct buf *b)
{
    buf_puts(b, proxy_is_sips(f->target) ? S("Record-Route: <sips:") : S("Record-Route: <sip:"), cookie, S("@"), sent_by);
    if (side->kind != TRANSPORT_UDP)
        buf_puts(b, S(";transport="), transport_param_name((enum transport_kind)side->kind));
    buf_put(b, S(";lr>\r\n"));
}

/* Do both flows leave us by the same address and port, whatever it is? */
static bool same_listener(const struct flow *a, const struct flow *b)
{
    return a->kind == b->kind && a->kind == TRANSPORT_UDP && a->listener == b->listener && memcmp(a->local, b->local, sizeof a->local) == 0;
}

/* One row when both sides reach us by the same address and transport, else two (RFC 5658 §3): the upper one is how the
 * callee's side reaches us, the lower one how the caller's does. */
void proxy_put_record_route(void *arg, struct transport *tp, const struct flow *to, struct buf *b)
{
    struct branch            *br = arg;
    struct fork              *f = br->fork;
    const struct cookie_facts facts = {proxy_wall_ms(f->sh) / 1000, f->upstream, *to, f->call_id, f->caller_tag};
    char                      text[PROXY_MAX_COOKIE_OCTETS], here[ADDR_MAX_TEXT * 4], there[ADDR_MAX_TEXT * 4];
    struct buf                cookie = BUF_ON(text), hb = BUF_ON(here), tb = BUF_ON(there);

    cookie_put(f->px, &facts, &cookie);
    flow_put_sent_by(tp, to, &tb);
    put_route_row(f, buf_slice(&cookie), to, buf_slice(&tb), b);
    if (cookie.n > sizeof br->seal)
        memcpy(br->seal, cookie.p + cookie.n - sizeof br->seal, sizeof br->seal);
    if (same_listener(to, &f->upstream))
        return;
    flow_put_sent_by(tp, &f->upstream, &hb);
    if (to->kind != f->upstream.kind || !slice_eq(buf_slice(&hb), buf_slice(&tb)))
        put_route_row(f, buf_slice(&cookie), &f->upstream, buf_slice(&hb), b);
}

bool cookie_is_back(const struct branch *b, struct slice element)
{
    size_t at = slice_find(element, '@');

    return at != SIZE_MAX && at > sizeof b->seal && b->seal[0] && memcmp(element.p + at - sizeof b->seal, b->seal, sizeof b->seal) == 0;
}
