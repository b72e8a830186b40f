/* gruu.c - public and temporary GRUUs (RFC 5627): written, and led back to the bindings that they name.
 *
 * Room      server/location.
 * Public    sip:1001@example.com;gr=INSTANCE: AOR and instance stand in it.
 * Temporary sip:tgruu.TOKEN@example.com;gr: the token holds slot, epoch and CSeq under a key of the store's, so that nobody
 *           else can tell whose it is, and none is kept. MAC first, then the text enciphered with a stream that begins at
 *           the MAC: equal texts look equal, different ones have nothing in common. A new epoch (another Call-ID) or the
 *           binding's end makes it worthless (§5.4.1). */
#include <string.h>

#include "server/location/location_priv.h"

#define PREFIX "tgruu."
#define MAC_OCTETS 10
#define TEXT_OCTETS 12 /* slot, epoch, CSeq: 4 octets each */
#define TOKEN_OCTETS (MAC_OCTETS + TEXT_OCTETS)

static void mac(struct location *l, struct slice purpose, struct slice text, unsigned char *out)
{
    const struct digester *dg = l->conf.digester;
    const struct slice     pieces[] = {purpose, text};

    dg->hmac(dg->ctx, store_key(l->conf.store), pieces, 2, out);
}

/* Encipher or decipher: the stream is the same. */
static void mask(struct location *l, const unsigned char *tag, unsigned char *text)
{
    unsigned char stream[DIGESTER_MAX_OCTETS];

    mac(l, S("temp-gruu text"), (struct slice){(const char *)tag, MAC_OCTETS}, stream);
    for (size_t i = 0; i < TEXT_OCTETS; i++)
        text[i] ^= stream[i];
}

static void seal(struct location *l, const uint32_t words[3], unsigned char token[TOKEN_OCTETS])
{
    unsigned char tag[DIGESTER_MAX_OCTETS];
    unsigned char *text = token + MAC_OCTETS;

    for (size_t i = 0; i < TEXT_OCTETS; i++)
        text[i] = (unsigned char)(words[i / 4] >> 8 * (i % 4));
    mac(l, S("temp-gruu mac"), (struct slice){(const char *)text, TEXT_OCTETS}, tag);
    memcpy(token, tag, MAC_OCTETS);
    mask(l, token, text);
}

static bool unseal(struct location *l, unsigned char token[TOKEN_OCTETS], uint32_t words[3])
{
    unsigned char  tag[DIGESTER_MAX_OCTETS];
    unsigned char *text = token + MAC_OCTETS;

    mask(l, token, text);
    mac(l, S("temp-gruu mac"), (struct slice){(const char *)text, TEXT_OCTETS}, tag);
    if (!digest_same((struct slice){(const char *)tag, MAC_OCTETS}, (struct slice){(const char *)token, MAC_OCTETS}))
        return false;
    memset(words, 0, 3 * sizeof *words);
    for (size_t i = 0; i < TEXT_OCTETS; i++)
        words[i / 4] |= (uint32_t)text[i] << 8 * (i % 4);
    return true;
}

/* ---- writing ---- */
void location_put_pub_gruu(struct buf *out, const struct location_binding *b)
{
    struct uri u;

    if (b->instance.n == 0 || uri_parse(b->aor_uri, &u, NULL) || !uri_is_sip(&u))
        return;
    u.params = u.headers = u.password = SLICE_NONE;
    u.has_password = false;
    uri_write(out, &u);
    buf_put(out, S(";gr="));
    uri_put_escaped_param(out, b->instance);
}

void location_put_temp_gruu(struct location *l, struct buf *out, const struct location_binding *b)
{
    const uint32_t words[3] = {b->slot, (uint32_t)b->temp_gruu_ms, b->cseq};
    unsigned char  token[TOKEN_OCTETS];
    struct uri     u;

    if (b->instance.n == 0 || uri_parse(b->aor_uri, &u, NULL) || !uri_is_sip(&u))
        return;
    seal(l, words, token);
    buf_puts(out, u.scheme == URI_SIPS ? S("sips:") : S("sip:"), S(PREFIX));
    buf_put_base64url(out, (struct slice){(const char *)token, sizeof token});
    buf_putc(out, '@');
    uri_put_host(out, u.host);
    if (u.port) {
        buf_putc(out, ':');
        buf_putu(out, u.port);
    }
    buf_put(out, S(";gr"));
}

/* ---- reading ---- */
/* Has it a parameter whose name begins so at all? That is asked of every Request-URI; few have one. */
static bool may_have_gr(struct slice uri)
{
    for (size_t at; (at = slice_find(uri, ';')) != SIZE_MAX;) {
        uri = slice_from(uri, at + 1);
        if (slice_istarts(uri, S("gr")))
            return true;
    }
    return false;
}

bool location_is_gruu(struct slice uri)
{
    struct uri u;

    return may_have_gr(uri) && uri_parse(uri, &u, NULL) == ERR_OK && uri_is_sip(&u) && uri_has_param(&u, S("gr"));
}

/* What a GRUU names: an AOR and one of its instances. */
struct named {
    struct aor  *aor;
    struct slice instance; /* of a public one */
    uint32_t     slot, epoch; /* of a temporary one; slot 0: public */
};

static enum err read_temp(struct location *l, const struct uri *u, struct named *out)
{
    unsigned char token[TOKEN_OCTETS + 2];
    struct buf    b;
    uint32_t      words[3];

    buf_init(&b, token, sizeof token);
    if (!slice_starts(u->user, S(PREFIX)) || buf_put_unbase64(&b, slice_from(u->user, sizeof PREFIX - 1)) ||
        b.n != TOKEN_OCTETS || !unseal(l, token, words))
        return ERR_NOTFOUND;
    if (words[0] == 0 || words[0] >= l->n_slots || !(out->aor = atomic_load(&slots_at(l, words[0])->aor)))
        return ERR_NOTFOUND;
    out->slot = words[0];
    out->epoch = words[1];
    return ERR_OK;
}

static enum err read_public(struct location *l, const struct uri *u, struct slice gr, struct arena *a, struct named *out)
{
    char       number[LOCATION_MAX_AOR];
    struct buf b = BUF_ON(number), instance;

    uri_put_user_key(&b, u);
    if (buf_err(&b) || !(out->aor = aor_find(l, buf_slice(&b))))
        return ERR_NOTFOUND;
    buf_init(&instance, arena_alloc(a, gr.n), gr.n);
    if (!instance.p)
        return ERR_NOMEM;
    uri_put_unescaped(&instance, gr);
    out->instance = buf_slice(&instance);
    return ERR_OK;
}

/* Is this binding one of the phone that is named? Of a temporary GRUU the slot says which phone it is. */
static void learn_instance(struct named *nm, const struct location_binding *list, size_t n)
{
    for (size_t i = 0; i < n && nm->slot; i++)
        if (list[i].slot == nm->slot && (uint32_t)list[i].temp_gruu_ms == nm->epoch)
            nm->instance = list[i].instance;
}

static void newest_first(struct location_binding *list, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct location_binding b = list[i];
        size_t                  at = i;

        for (; at > 0 && list[at - 1].registered_ms < b.registered_ms; at--)
            list[at] = list[at - 1];
        list[at] = b;
    }
}

enum err location_by_gruu(struct location *l, struct slice uri, int64_t now_ms, struct arena *a, struct location_binding **out,
                          size_t *n)
{
    struct named             nm = {0};
    struct location_binding *list;
    struct slice             gr;
    struct uri               u;
    size_t                   all, kept = 0;
    enum err                 e;

    if (uri_parse(uri, &u, NULL) || !uri_is_sip(&u) || uri_param(&u, S("gr"), &gr))
        return ERR_NOTFOUND;
    if ((e = gr.n ? read_public(l, &u, gr, a, &nm) : read_temp(l, &u, &nm)))
        return e;
    if ((e = location_lookup(l, (struct slice){nm.aor->text, nm.aor->n}, now_ms, a, &list, &all)))
        return e;
    learn_instance(&nm, list, all);
    for (size_t i = 0; i < all; i++)
        if (nm.instance.n && slice_ieq(list[i].instance, nm.instance))
            list[kept++] = list[i];
    if (kept == 0)
        return ERR_NOTFOUND;
    newest_first(list, kept);
    *out = list;
    *n = kept;
    return ERR_OK;
}
