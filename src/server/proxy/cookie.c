/* cookie.c - the keyed cookie in the user part of our Record-Route URIs (PROTOCOL 2.1), and those rows themselves.
 *
 * Room      server/proxy.
 * Touches   its arguments only.
 *
 * The user part is   time "." flow towards the caller "." flow towards the callee "." MAC
 * in base64url and hex, so that no escaping is needed: some phones drop URI parameters, none drops the user. The MAC is
 * HMAC-SHA-256 under the exchange's stored key, cut to COOKIE_MAC_OCTETS, over those three, the Call-ID and the tag of the
 * side that began the dialog. A request from the other side has that tag in To. */
#include "server/proxy/proxy_priv.h"

enum { COOKIE_MAC_OCTETS = 12 };

struct cookie_text {
    struct slice time, caller, callee, mac;
};

static void cookie_mac(struct proxy *px, const struct cookie_text *t, struct slice call_id, struct slice tag,
                       unsigned char out[DIGESTER_MAX_OCTETS])
{
    const struct slice pieces[] = {S("strowger route 1"), S("\n"), t->time, S("\n"), t->caller, S("\n"), t->callee, S("\n"),
                                   call_id, S("\n"), tag};

    px->digester->hmac(px->digester->ctx, (struct slice){(const char *)px->key, sizeof px->key}, pieces,
                       sizeof pieces / sizeof pieces[0], out);
}

static bool split(struct slice user, struct cookie_text *t)
{
    return slice_cut(&user, '.', &t->time) && slice_cut(&user, '.', &t->caller) && slice_cut(&user, '.', &t->callee) &&
           (t->mac = user).n != 0 && slice_find(user, '.') == SIZE_MAX;
}

static bool mac_fits(struct proxy *px, const struct cookie_text *t, struct slice call_id, struct slice tag)
{
    unsigned char mac[DIGESTER_MAX_OCTETS];
    char          text[2 * COOKIE_MAC_OCTETS];
    struct buf    b = BUF_ON(text);

    if (tag.n == 0)
        return false;
    cookie_mac(px, t, call_id, tag, mac);
    buf_put_base64url(&b, (struct slice){(const char *)mac, COOKIE_MAC_OCTETS});
    return digest_same(buf_slice(&b), t->mac);
}

enum err proxy_cookie_read(struct proxy *px, const struct msg *m, struct slice uri, uint64_t now_s, struct proxy_cookie *out)
{
    struct cookie_text  t;
    struct proxy_cookie c;
    struct uri          u;

    if (uri_parse(uri, &u, NULL) || !uri_is_sip(&u) || u.user.n > PROXY_MAX_COOKIE_OCTETS || !split(u.user, &t))
        return ERR_NOTFOUND;
    if (slice_hex64(t.time, &c.made_s) || flow_parse_token(t.caller, &c.caller) || flow_parse_token(t.callee, &c.callee))
        return ERR_NOTFOUND;
    if (mac_fits(px, &t, msg_call_id(m), msg_from_tag(m)))
        c.from_caller = true;
    else if (mac_fits(px, &t, msg_call_id(m), msg_to_tag(m)))
        c.from_caller = false;
    else
        return ERR_DENIED;
    *out = c;
    return now_s > c.made_s + PROXY_COOKIE_S ? ERR_STALE : ERR_OK;
}

void cookie_put(struct proxy *px, const struct cookie_facts *facts, struct buf *b)
{
    char               time[16], caller[FLOW_MAX_TOKEN], callee[FLOW_MAX_TOKEN];
    struct buf         tb = BUF_ON(time), ub = BUF_ON(caller), db = BUF_ON(callee);
    unsigned char      mac[DIGESTER_MAX_OCTETS];
    struct cookie_text t;

    buf_puthex64(&tb, facts->made_s);
    flow_put_token(&ub, &facts->caller);
    flow_put_token(&db, &facts->callee);
    t = (struct cookie_text){buf_slice(&tb), buf_slice(&ub), buf_slice(&db), SLICE_NONE};
    cookie_mac(px, &t, facts->call_id, facts->tag, mac);
    buf_puts(b, t.time, S("."), t.caller, S("."), t.callee, S("."));
    buf_put_base64url(b, (struct slice){(const char *)mac, COOKIE_MAC_OCTETS});
}

static void put_route_row(struct fork *f, struct transport *tp, const struct flow *to, const struct flow *side, struct buf *b)
{
    const struct cookie_facts facts = {proxy_wall_ms(f->sh) / 1000, f->upstream, *to, f->call_id, f->caller_tag};

    buf_put(b, S("Record-Route: <sip:"));
    cookie_put(f->px, &facts, b);
    buf_putc(b, '@');
    flow_put_sent_by(tp, side, b);
    if (side->kind != TRANSPORT_UDP)
        buf_puts(b, S(";transport="), transport_param_name(side->kind));
    buf_put(b, S(";lr>\r\n"));
}

/* One row when both sides reach us by the same address and transport, else two (RFC 5658 §3): the upper one is how the
 * callee's side reaches us, the lower one how the caller's does. */
void proxy_put_record_route(void *arg, struct transport *tp, const struct flow *to, struct buf *b)
{
    struct fork *f = arg;
    char         here[ADDR_MAX_TEXT * 4], there[ADDR_MAX_TEXT * 4];
    struct buf   hb = BUF_ON(here), tb = BUF_ON(there);

    flow_put_sent_by(tp, &f->upstream, &hb);
    flow_put_sent_by(tp, to, &tb);
    put_route_row(f, tp, to, to, b);
    if (to->kind != f->upstream.kind || !slice_eq(buf_slice(&hb), buf_slice(&tb)))
        put_route_row(f, tp, to, &f->upstream, b);
}
