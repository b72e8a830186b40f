/* feature.c - the package `as-feature-event`: do-not-disturb and forwards, the same on all phones of a user.
 *
 * Room      server/presence. No RFC has it: it is what desk phones speak with the servers that their makers tested with.
 * In        the user's settings dnd and forward.*, whoever sets them; a SUBSCRIBE with a body sets them.
 * Out       an event for each of the four features, alone or as multipart/mixed; then those that change. A phone that sets one
 *           hears of it with all others, by the directory's word (presence_user_changed).
 * Acts      wait for the disk, so the directory carries them out on its own thread.
 * Touches   nothing. */
#include <string.h>

#include "server/presence/presence_priv.h"

enum {
    RING_S = 6, /* a phone counts rings, the exchange seconds */
    MIN_S = 5,  /* what forward.noanswer_s may be */
    MAX_S = 180,
    ONE_OCTETS = 4096
};

#define NAMESPACE S("http://www.ecma-international.org/standards/ecma-323/csta/ed3")
#define TYPE S("application/x-as-feature-event+xml")

static const struct {
    enum feature feature;
    const char  *key, *type;
} forwards[] = {{FEATURE_ALWAYS, "forward.always", "forwardImmediate"},
                {FEATURE_BUSY, "forward.busy", "forwardBusy"},
                {FEATURE_NO_ANSWER, "forward.noanswer", "forwardNoAns"}};
#define N_FORWARDS (sizeof forwards / sizeof forwards[0])

static enum presence_may may(void *ctx, const struct presence_ask *ask)
{
    (void)ctx;
    if (!directory_user(ask->view, ask->number))
        return PRESENCE_NOBODY;
    return slice_eq(ask->number, ask->subscriber) ? PRESENCE_YES : PRESENCE_FORBIDDEN;
}

/* ---- told ---- */

struct writing {
    const struct presence_ask *ask;
    struct buf                *body;
    char                      *room;
    size_t                     n; /* events written */
    char                       boundary_text[STACK_TOKEN_OCTETS];
    struct slice               boundary;
};

static void begin(const struct writing *w, struct buf *b, struct slice event)
{
    buf_init(b, w->room, ONE_OCTETS);
    buf_puts(b, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<"), event, S(" xmlns=\""), NAMESPACE, S("\"><device>"));
    presence_put_xml(b, w->ask->number);
    buf_put(b, S("</device>"));
}

static void put_event(struct writing *w, uint64_t id, struct slice text)
{
    if (!presence_element(w->ask, id, text))
        return;
    w->n++;
    buf_puts(w->body, S("--"), w->boundary, S("\r\nContent-Type: "), TYPE, S("\r\n\r\n"), text, S("\r\n"));
}

static void put_dnd(struct writing *w, const struct directory_user *u)
{
    bool       on = slice_eq(directory_setting(u, S("dnd")), S("on"));
    struct buf b;

    begin(w, &b, S("DoNotDisturbEvent"));
    buf_puts(&b, S("<doNotDisturbOn>"), on ? S("true") : S("false"), S("</doNotDisturbOn></DoNotDisturbEvent>\n"));
    put_event(w, FEATURE_DND, buf_slice(&b));
}

static void put_forward(struct writing *w, const struct directory_user *u, size_t i)
{
    struct slice target = directory_setting(u, slice_z(forwards[i].key));
    uint64_t     s;
    struct buf   b;

    begin(w, &b, S("ForwardingEvent"));
    buf_puts(&b, S("<forwardingType>"), slice_z(forwards[i].type), S("</forwardingType><forwardStatus>"),
             target.n ? S("true") : S("false"), S("</forwardStatus><forwardTo>"));
    presence_put_xml(&b, target);
    buf_put(&b, S("</forwardTo>"));
    if (forwards[i].feature == FEATURE_NO_ANSWER && slice_u64(directory_setting(u, S("forward.noanswer_s")), MAX_S, &s) == ERR_OK) {
        buf_put(&b, S("<ringCount>"));
        buf_putu(&b, (s + RING_S - 1) / RING_S);
        buf_put(&b, S("</ringCount>"));
    }
    buf_put(&b, S("</ForwardingEvent>\n"));
    put_event(w, forwards[i].feature, buf_slice(&b));
}

static enum err put(void *ctx, const struct presence_ask *ask, struct buf *body)
{
    const struct presence       *p = ctx;
    const struct directory_user *u = directory_user(ask->view, ask->number);
    struct writing               w = {.ask = ask, .body = body, .room = arena_alloc(ask->scratch, ONE_OCTETS)};
    struct buf                   b = BUF_ON(w.boundary_text);

    if (!w.room)
        return ERR_NOMEM;
    if (!u)
        return ERR_OK;
    stack_put_token(p->config.rng, &b);
    w.boundary = buf_slice(&b);
    put_dnd(&w, u);
    for (size_t i = 0; i < N_FORWARDS; i++)
        put_forward(&w, u, i);
    buf_puts(body, S("--"), w.boundary, S("--\r\n"));
    buf_reset(ask->type);
    buf_puts(ask->type, S("multipart/mixed;boundary=\""), w.boundary, S("\""));
    return buf_err(body);
}

/* ---- set ---- */

static void on_set(void *arg, enum err e, const struct directory_fault *fault)
{
    const struct presence *p = arg;
    struct log_line        l;

    if (!e)
        return;
    log_begin(&l, p->config.log, LOG_INFO, LOG_EVENT("feature.refused"), SLICE_NONE);
    log_text(&l, "why", slice_z(fault->text));
    log_end(&l);
}

/* The settings that it asks for. Returns how many; 0: it makes no sense. */
static size_t pairs_of(const struct feature_request *r, struct directory_pair *pairs, struct buf *number)
{
    struct slice target = {r->target, r->n_target};
    uint64_t     s = (uint64_t)r->rings * RING_S;

    if (r->feature == FEATURE_DND) {
        pairs[0] = (struct directory_pair){S("dnd"), r->on ? S("on") : S("off")};
        return 1;
    }
    for (size_t i = 0; i < N_FORWARDS; i++)
        if (forwards[i].feature == r->feature)
            pairs[0] = (struct directory_pair){slice_z(forwards[i].key), r->on ? target : SLICE_NONE};
    if (r->on && !target.n)
        return 0;
    if (r->feature != FEATURE_NO_ANSWER || !r->has_rings)
        return 1;
    buf_putu(number, s < MIN_S ? MIN_S : s > MAX_S ? MAX_S : s);
    pairs[1] = (struct directory_pair){S("forward.noanswer_s"), buf_slice(number)};
    return 2;
}

static enum err take(void *ctx, const struct presence_ask *ask, const struct msg *m)
{
    struct presence       *p = ctx;
    struct feature_request r;
    struct directory_pair  pairs[2];
    struct media_type      type;
    char                   text[24];
    struct buf             number = BUF_ON(text);
    enum err               e;

    if (!m->body.n)
        return ERR_OK;
    if (msg_content_type(m, &type) || !media_type_is(&type, S("application"), S("x-as-feature-event+xml")))
        return ERR_UNSUPPORTED;
    if ((e = feature_read(m->body, &r)))
        return e;
    struct directory_act act = {.number = ask->number, .pairs = pairs, .n_pairs = pairs_of(&r, pairs, &number),
                                .who = S("phone"), .now_ms = ask->now_ms};
    if (!act.n_pairs)
        return ERR_INVALID;
    e = directory_set_later(proxy_directory(p->config.proxy), &act, on_set, p);
    return e ? e : ERR_AGAIN;
}

enum err add_feature(struct presence *p)
{
    return presence_add_package(p, &(struct presence_package){.name = S("as-feature-event"), .content_type = TYPE,
                                                              .default_s = 3600, .may = may, .put = put, .take = take, .ctx = p});
}
