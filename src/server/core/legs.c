/* legs.c - the exchange as an end of a call: its user agent beside the proxy (DESIGN §5).
 *
 * Room      server/core.
 * In        requests that the proxy's plan gives to an app; requests in the dialogs of legs; what the ua tells.
 * Out       the app whose number was called.
 * Touches   c->ua; the shard's list of requests whose answers are waited for: by their call's record, which ends here when it
 *           was refused (else server/voice has it), and by whoever wants to hear of it (a transfer does, for its NOTIFY). */
#include "server/core/core_priv.h"

#include <string.h>

enum {
    NOTE_OCTETS = 4096,    /* of a text message of ours */
    LOST_CSEQS = 1000,     /* more than an end of ours sends between two refreshes, when its record hears of its CSeq */
    LEGS_SESSION_S = 600   /* at half of it the peer of a call with us is asked whether it is still there */
};

/* A request for one of our ends that has no answer yet. */
struct taken {
    struct list_node   node;
    struct mem        *mem;
    struct core       *core;
    struct proxy_watch watch;  /* who wants to hear of it */
    struct dialog_id   record; /* gen 0: none */
    struct slice       transferred_by; /* behind it */
    size_t             octets;
};

static void taken_free(struct taken *t)
{
    list_remove(&t->node);
    mem_free(t->mem, t, t->octets);
}

/* No call came of it. */
static void end_refused(struct core *c, struct shard *sh, struct dialog_id record, unsigned code)
{
    bool              given_up = code == 487;
    struct dialog_end end = {.now_ms = (int64_t)(net_wall_us(shard_net(sh)) / 1000), .code = (uint16_t)code,
                             .by = given_up ? S("caller") : S("exchange"), .why = given_up ? S("cancel") : msg_reason(code)};

    if (record.gen && code >= 300)
        (void)dialogs_end(c->dialogs, record, &end);
}

static void tell(struct proxy_watch w, struct shard *sh, unsigned code)
{
    if (w.answered)
        w.answered(w.arg, sh, code);
}

static void on_answered(void *arg, struct shard *sh, struct tsx_id id, unsigned code)
{
    struct taken      *t = arg;
    struct proxy_watch w = t->watch;

    (void)id;
    t->watch = (struct proxy_watch){0};
    end_refused(t->core, sh, t->record, code);
    tell(w, sh, code);
}

static void on_ended(void *arg, struct shard *sh, struct tsx_id id)
{
    struct taken *t = arg;

    (void)sh;
    (void)id;
    if (t->watch.dropped)
        t->watch.dropped(t->watch.arg);
    taken_free(t);
}

static const struct stack_server_on taken_on = {.answered = on_answered, .ended = on_ended};

static enum err watch(struct core *c, struct shard *sh, struct tsx_id server, const struct proxy_handed *h)
{
    size_t        octets = sizeof(struct taken) + h->transferred_by.n;
    struct taken *t;
    struct buf    b;

    if (!h->watch->answered && !h->record.gen)
        return ERR_OK;
    if (!(t = mem_zalloc(shard_mem(sh), octets)))
        return ERR_NOMEM;
    *t = (struct taken){.mem = shard_mem(sh), .core = c, .watch = *h->watch, .record = h->record, .octets = octets};
    buf_init(&b, t + 1, h->transferred_by.n);
    buf_put(&b, h->transferred_by);
    t->transferred_by = buf_slice(&b);
    list_append(&c->taken[shard_index(sh)], &t->node);
    return stack_watch_server(sh, server, &taken_on, t);
}

static void take(void *ctx, struct shard *sh, const struct stack_in *in, const struct proxy_handed *h)
{
    struct core *c = ctx;

    if (watch(c, sh, in->tsx, h)) {
        stack_reply_code(sh, in->tsx, 503);
        end_refused(c, sh, h->record, 503);
        tell(*h->watch, sh, 503);
        return;
    }
    if (in->m->method_id != METHOD_REFER || !voice_refer(c->voice, sh, in))
        ua_new(c->ua, sh, in);
}

/* By the record of that call: the leg may come later than its request, when it is to replace another one. */
static struct slice transferred_by(struct core *c, struct shard *sh, const struct msg *m)
{
    struct list     *taken = &c->taken[shard_index(sh)];
    struct dialog_id id;
    struct cseq      cseq;

    if (msg_cseq(m, &cseq) || dialogs_find_attempt(c->dialogs, msg_call_id(m), msg_from_tag(m), cseq.number, &id))
        return SLICE_NONE;
    for (struct list_node *n = list_first(taken); n; n = list_next(taken, n)) {
        const struct taken *t = LIST_OF(n, struct taken, node);

        if (t->record.gen == id.gen && t->record.slot == id.slot)
            return t->transferred_by;
    }
    return SLICE_NONE;
}

static struct slice app_of(void *ctx, struct slice number)
{
    struct core *c = ctx;

    return voice_app_of(c->voice, number);
}

struct voice *core_voice(struct core *c)
{
    return c->voice;
}

struct proxy_legs legs_for_proxy(struct core *c)
{
    return (struct proxy_legs){app_of, take, c};
}

static bool is_ours(struct core *c, struct slice uri)
{
    const struct directory_view *view = directory_take(c->directory);
    struct uri                   u;
    bool ours = uri_parse(uri, &u, NULL) == ERR_OK && (u.scheme == URI_TEL || directory_host_is_ours(view, u.host));

    directory_give(view);
    return ours;
}

/* The best binding of a number of ours, or the one that has this very URI. */
static enum err find_phone(struct core *c, struct shard *sh, struct slice uri, struct location_binding *out)
{
    struct location_binding *list;
    int64_t                  now_ms = (int64_t)(net_wall_us(shard_net(sh)) / 1000);
    char                     number[CORE_NUMBER_OCTETS];
    struct buf               b = BUF_ON(number);
    struct uri               u;
    size_t                   n;
    enum err                 e = uri_parse(uri, &u, NULL);

    if (e || location_by_contact(c->location, uri, now_ms, shard_scratch(sh), out) == ERR_OK)
        return e;
    if (!is_ours(c, uri))
        return ERR_DENIED;
    uri_put_user_key(&b, &u);
    if ((e = location_lookup(c->location, buf_slice(&b), now_ms, shard_scratch(sh), &list, &n)))
        return e;
    if (!n)
        return ERR_NOTFOUND;
    *out = list[0];
    return ERR_OK;
}

static unsigned reach(void *ctx, struct shard *sh, struct slice uri, struct voice_way *out)
{
    struct core            *c = ctx;
    struct location_binding b;
    struct slice            plain = slice_to(uri, slice_find_any(uri, S("?")));
    size_t                  octets = 2 * uri.n + 64;
    char                   *room;
    struct buf              text;
    enum err                e = find_phone(c, sh, plain, &b);

    if (e == ERR_NOTFOUND || e == ERR_DENIED)
        return e == ERR_NOTFOUND ? 480 : 403; /* it calls nobody else's users */
    if (e || b.flow.n != sizeof out->flow || !(room = arena_alloc(shard_scratch(sh), octets + b.path.n)))
        return 500;
    buf_init(&text, room, octets + b.path.n);
    buf_puts(&text, S("<"), plain, S(">"));
    out->to = buf_slice(&text);
    if (b.path.n)
        msg_put_row(&text, HDR_ROUTE, b.path);
    out->rows = slice_from(buf_slice(&text), out->to.n);
    out->target = b.contact;
    out->number = b.aor;
    memcpy(&out->flow, b.flow.p, sizeof out->flow);
    return buf_err(&text) ? 500 : 0;
}

static void put_message(struct shard *sh, const struct voice_note *n, const struct location_binding *to, struct buf *b)
{
    msg_put_request_line(b, S("MESSAGE"), to->contact);
    if (to->path.n)
        msg_put_row(b, HDR_ROUTE, to->path);
    msg_put_row(b, HDR_MAX_FORWARDS, S("70"));
    buf_puts(b, S("From: <"), n->from, S(">;tag="));
    stack_put_token(shard_rng(sh), b);
    buf_puts(b, S("\r\nTo: <"), n->to, S(">\r\nCall-ID: "));
    stack_put_token(shard_rng(sh), b);
    buf_put(b, S("\r\n"));
    msg_put_cseq(b, 1, S("MESSAGE"));
    msg_put_end(b, S("text/plain"), n->text);
}

/* To each phone that is reached by a flow of its own. */
static void message(void *ctx, struct shard *sh, const struct voice_note *n)
{
    struct core             *c = ctx;
    struct location_binding *list;
    int64_t                  now_ms = (int64_t)(net_wall_us(shard_net(sh)) / 1000);
    char                     number[CORE_NUMBER_OCTETS], *room = arena_alloc(shard_scratch(sh), NOTE_OCTETS);
    struct buf               b = BUF_ON(number), text;
    struct uri               u;
    size_t                   count;

    if (!room || uri_parse(n->to, &u, NULL) || !is_ours(c, n->to))
        return;
    uri_put_user_key(&b, &u);
    if (location_lookup(c->location, buf_slice(&b), now_ms, shard_scratch(sh), &list, &count))
        return;
    for (size_t i = 0; i < count; i++) {
        struct flow flow;

        if (list[i].flow.n != sizeof flow)
            continue;
        memcpy(&flow, list[i].flow.p, sizeof flow);
        buf_init(&text, room, NOTE_OCTETS);
        put_message(sh, n, &list[i], &text);
        if (!buf_err(&text))
            (void)proxy_speak(c->proxy, sh, &flow, buf_slice(&text), NULL, NULL);
    }
}

static void speak(void *ctx, struct shard *sh, const struct flow *to, struct slice request)
{
    (void)proxy_speak(((struct core *)ctx)->proxy, sh, to, request, NULL, NULL);
}

static bool on_challenged(void *ctx, struct leg *leg, const struct ua_challenged *c, struct buf *rows)
{
    return outsider_answers(ctx, leg, c, rows);
}

static void on_incoming(void *ctx, struct leg *leg, const struct leg_incoming *in)
{
    struct core *c = ctx;

    voice_incoming(c->voice, leg, in, transferred_by(c, leg_shard(leg), in->m));
}

static const struct ua_on ua_on = {.incoming = on_incoming, .challenged = on_challenged};

enum err legs_open(struct core *c, const struct core_config *config)
{
    struct ua_config uc = {.mem = config->mem,
                           .rng = config->rng,
                           .digester = config->digester,
                           .key = config->hash,
                           .user_agent = S("strowger"),
                           .supported = S("join"),
                           .by_flow = true,
                           .session_s = LEGS_SESSION_S,
                           .refresher = UA_REFRESHER_HERE,
                           .on = &ua_on,
                           .ctx = c};

    struct voice_config vc = {.mem = config->mem, .sound = config->sound, .log = config->log, .numbers = *config->numbers, .recall_s = config->recall_s,
                              .directory = config->directory, .dialogs = config->dialogs,
                              .reach = reach, .message = message, .speak = speak, .ctx = c};
    enum err            e;

    for (unsigned i = 0; i < STACK_SHARDS; i++)
        list_init(&c->taken[i]);
    if ((e = ua_open(&uc, &c->ua)))
        return e;
    vc.ua = c->ua;
    return voice_open(&vc, &c->voice);
}

void legs_shard_close(struct core *c, struct shard *sh)
{
    struct list *taken = &c->taken[shard_index(sh)];

    for (struct list_node *n; (n = list_first(taken));) {
        struct taken *t = LIST_OF(n, struct taken, node);

        if (t->watch.dropped)
            t->watch.dropped(t->watch.arg);
        taken_free(t);
    }
    ua_shard_close(c->ua, sh);
}

/* ---- after a restart ---- */

struct lost {
    struct core     *core;
    struct dialog_id id;
};

/* Its peer has waited in silence since: it is told that the call is over, with a CSeq above whatever our end has used. */
static void end_lost(void *arg, struct shard *sh)
{
    struct lost          l = *(struct lost *)arg;
    struct dialog_end    end = {.by = S("restart"), .why = S("restart")};
    struct dialog_record r;
    enum dialog_side     own;

    mem_free(l.core->mem, arg, sizeof l);
    if (dialogs_get(l.core->dialogs, l.id, shard_scratch(sh), &r))
        return;
    own = r.side[DIALOG_CALLER].own ? DIALOG_CALLER : DIALOG_CALLEE;
    r.side[own].cseq += LOST_CSEQS;
    end.now_ms = r.seen_ms;
    if (r.state == DIALOG_CONFIRMED)
        (void)proxy_speak_bye(l.core->proxy, sh, &r, own, S("Reason: SIP;cause=200;text=\"The exchange has restarted\"\r\n"));
    (void)dialogs_end(l.core->dialogs, l.id, &end);
}

static bool look_at(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    struct core *c = arg;
    struct lost *l;

    if ((!r->side[DIALOG_CALLER].own && !r->side[DIALOG_CALLEE].own) || r->started_ms >= c->began_ms)
        return true;
    if (!(l = mem_alloc(c->mem, sizeof *l)))
        return false;
    *l = (struct lost){c, id};
    if (stack_post(c->stack, stack_shard_of(c->stack, r->call_id), end_lost, l) == ERR_OK)
        return true;
    mem_free(c->mem, l, sizeof *l);
    return false;
}

void legs_after_restart(struct core *c)
{
    if (!c->woken)
        (void)dialogs_each(c->dialogs, look_at, c); /* without memory they end by their age */
    c->woken = true;
}

bool legs_gone(struct core *c, struct shard *sh, const struct stack_in *in, const struct proxy_within *w)
{
    struct dialog_end end = {.now_ms = w->record.seen_ms, .by = S("restart"), .why = S("restart")};

    if (!w->id.gen || (!w->record.side[DIALOG_CALLER].own && !w->record.side[DIALOG_CALLEE].own))
        return false;
    (void)dialogs_end(c->dialogs, w->id, &end);
    if (in->m->method_id != METHOD_ACK)
        stack_reply_code(sh, in->tsx, 481);
    return true;
}

bool legs_within(struct core *c, struct shard *sh, const struct stack_in *in)
{
    return ua_legs(c->ua) && ua_within(c->ua, sh, in);
}
