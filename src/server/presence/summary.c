/* summary.c - the package `message-summary`: messages waiting (RFC 3842).
 *
 * Room      server/presence.
 * In        what is published (RFC 3903); else the user's setting mwi ("2/1": new/old), which an administrator sets.
 * Touches   nothing. */
#include "server/presence/presence_priv.h"

struct counts {
    uint64_t new, old;
};

/* What has been published goes before what an administrator has set. */
static bool of_published(struct presence *p, const struct presence_ask *ask, struct counts *out)
{
    struct published     list[PUBLISHED_MAX_OF_NUMBER];
    struct published_key key = {package_find(p, S("message-summary")), ask->number, SLICE_NONE};
    size_t               n = published_list(p, &key, ask->now_ms, list);

    *out = (struct counts){0, 0};
    for (size_t i = 0; i < n; i++) {
        out->new += list[i].summary.new;
        out->old += list[i].summary.old;
    }
    return n > 0;
}

static struct counts of_setting(const struct presence_ask *ask)
{
    const struct directory_user *u = directory_user(ask->view, ask->number);
    struct slice                 old = u ? directory_setting(u, S("mwi")) : SLICE_NONE, new;
    struct counts                c = {0, 0};

    slice_cut(&old, '/', &new);
    slice_u64(new, UINT16_MAX, &c.new);
    slice_u64(old, UINT16_MAX, &c.old);
    return c;
}

/* A mailbox is its user's business. */
static enum presence_may may(void *ctx, const struct presence_ask *ask)
{
    enum presence_may m = may_watch(ask);

    (void)ctx;
    return m == PRESENCE_YES && !slice_eq(ask->number, ask->subscriber) ? PRESENCE_FORBIDDEN : m;
}

static enum err put(void *ctx, const struct presence_ask *ask, struct buf *body)
{
    struct counts c;

    if (!of_published(ctx, ask, &c))
        c = of_setting(ask);
    buf_puts(body, S("Messages-Waiting: "), c.new > 0 ? S("yes") : S("no"), S("\r\nMessage-Account: "));
    presence_put_uri(body, ask->number, ask->host);
    buf_put(body, S("\r\nVoice-Message: "));
    buf_putu(body, c.new);
    buf_putc(body, '/');
    buf_putu(body, c.old);
    buf_put(body, S(" (0/0)\r\n"));
    presence_element(ask, 0, buf_slice(body));
    return buf_err(body);
}

enum err add_summary(struct presence *p)
{
    return presence_add_package(p, &(struct presence_package){.name = S("message-summary"),
                                                              .content_type = S("application/simple-message-summary"),
                                                              .default_s = 3600, .may = may, .put = put, .ctx = p});
}
