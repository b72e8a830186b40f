/* publish.c - PUBLISH: state that a phone or a program brings itself (RFC 3903).
 *
 * Room      server/presence.
 * In        server/core, which knows who sent it.
 * Out       an answer to each; what is published (published.c); word to who watches.
 * Packages  presence (PIDF) and message-summary. A user publishes for itself only. */
#include <string.h>

#include "server/presence/presence_priv.h"

enum { ROWS_OCTETS = 256 };

static void answer(struct shard *sh, const struct stack_in *in, unsigned code, struct slice rows)
{
    stack_reply(sh, in->tsx, &(struct stack_reply){.code = code, .rows = rows});
}

struct publishing {
    struct presence     *p;
    struct shard        *sh;
    const struct stack_in *in;
    struct published_key key;
    struct published     what;
    uint32_t             seconds;
};

bool publish_serves(const struct presence_package *package)
{
    return slice_eq(package->name, S("presence")) || slice_eq(package->name, S("message-summary"));
}

/* ---- what is refused ---- */

static bool is_content(const struct publishing *b)
{
    struct media_type is, want;
    char              rows[ROWS_OCTETS];
    struct buf        r = BUF_ON(rows);

    if (!b->in->m->body.n || (msg_content_type(b->in->m, &is) == ERR_OK &&
                              media_type_parse(b->key.package->content_type, &want) == ERR_OK &&
                              media_type_is(&is, want.type, want.subtype)))
        return true;
    msg_put_row(&r, HDR_ACCEPT, b->key.package->content_type);
    answer(b->sh, b->in, 415, buf_slice(&r));
    return false;
}

static bool read_body(struct publishing *b)
{
    struct slice body = b->in->m->body;
    enum err     e;

    if (!body.n && b->key.etag.n)
        return true; /* refreshed, or taken back */
    e = slice_eq(b->key.package->name, S("presence")) ? pidf_read(body, &b->what.pidf) : summary_read(body, &b->what.summary);
    if (!e)
        return true;
    answer(b->sh, b->in, e == ERR_LIMIT ? 413 : e == ERR_NOMEM ? 503 : 400, SLICE_NONE);
    return false;
}

static bool grant(struct publishing *b)
{
    char       rows[ROWS_OCTETS];
    struct buf r = BUF_ON(rows);

    if (msg_expires(b->in->m, &b->seconds) || b->seconds > PRESENCE_MAX_S)
        b->seconds = PRESENCE_MAX_S;
    if (b->seconds == 0 || b->seconds >= PRESENCE_MIN_S)
        return true;
    msg_put_row_number(&r, HDR_MIN_EXPIRES, PRESENCE_MIN_S);
    answer(b->sh, b->in, 423, buf_slice(&r));
    return false;
}

static bool is_own(struct publishing *b, const struct presence_asker *who)
{
    struct presence_ask ask = {.number = who->target, .subscriber = who->number, .view = who->view};

    if (may_watch(&ask) == PRESENCE_NOBODY) {
        answer(b->sh, b->in, 404, SLICE_NONE);
        return false;
    }
    if (slice_eq(who->target, who->number))
        return true;
    proxy_say(b->sh, msg_call_id(b->in->m), S("a user may publish for itself only"));
    answer(b->sh, b->in, 403, SLICE_NONE);
    return false;
}

/* ---- what is done ---- */

/* RFC 3903 §6: SIP-If-Match names what is changed; each success has a new tag. */
static enum err carry_out(struct publishing *b)
{
    if (!b->key.etag.n)
        return b->seconds ? published_add(b->p, &b->key, &b->what) : ERR_OK;
    if (!b->seconds)
        return published_remove(b->p, &b->key);
    return published_change(b->p, &b->key, &b->what, b->in->m->body.n == 0);
}

static void tell(struct publishing *b)
{
    char       rows[ROWS_OCTETS];
    struct buf r = BUF_ON(rows);

    msg_put_row(&r, HDR_SIP_ETAG, (struct slice){b->what.etag, PUBLISHED_ETAG_OCTETS});
    msg_put_row_number(&r, HDR_EXPIRES, b->seconds);
    answer(b->sh, b->in, 200, buf_slice(&r));
    presence_changed(b->p, b->key.package->name, b->key.number);
}

void publish_request(struct presence *p, struct shard *sh, const struct stack_in *in, const struct presence_asker *who,
                     const struct presence_package *package)
{
    struct publishing b = {.p = p, .sh = sh, .in = in, .key = {package, who->target, msg_value(in->m, HDR_SIP_IF_MATCH)}};
    struct buf        tag = BUF_ON(b.what.etag);

    if (!is_own(&b, who) || !grant(&b) || !is_content(&b) || !read_body(&b))
        return;
    stack_put_token(shard_rng(sh), &tag);
    b.what.expires_ms = wall_ms(sh) + (int64_t)b.seconds * 1000;
    switch (carry_out(&b)) {
    case ERR_OK: tell(&b); break;
    case ERR_NOTFOUND: answer(sh, in, 412, SLICE_NONE); break;
    case ERR_FULL: answer(sh, in, 403, SLICE_NONE); break;
    default: answer(sh, in, 503, S("Retry-After: 30\r\n")); break;
    }
}
