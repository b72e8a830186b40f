/* server.c - server transactions: begun by a request, answered by the user (RFC 3261 §17.2).
 *
 * Room      sip/stack.
 * In        events from match.c and timers; the door's stack_respond() and stack_reply().
 * Out       responses; callbacks of stack_user and stack_server_on.
 * Owns      the request's octets until the final response, the last response while it may be repeated.
 * Touches   the held shard. A callback is the last thing done with a transaction, but for its end. */
#include "sip/stack/stack_priv.h"

#include <string.h>

#include "base/scan.h"

/* ---- finding ---- */

static struct server *server_in(struct shard *sh, uint32_t slot)
{
    struct txn *t = sh->slots[slot - 1].t;

    return t->is_server ? (struct server *)t : NULL;
}

struct server *server_find(struct shard *sh, const struct tsx_key *key, const struct tsx_match *m,
                           const struct stack_in *in)
{
    bool                  is_ack = in->m->method_id == METHOD_ACK;
    struct keyring_search search;

    for (uint32_t n = keyring_find(&sh->keys, key->a, &search); n; n = keyring_find_next(&sh->keys, &search)) {
        struct server *s = server_in(sh, n);

        if (s && tsx_key_eq(s->t.key, *key) && s->t.flow.kind == in->from.kind && tsx_tags_match(&s->tags, m, is_ack))
            return s;
    }
    return NULL;
}

struct server *server_find_merged(struct shard *sh, const struct tsx_match *m)
{
    struct keyring_search search;

    if (!m->may_merge)
        return NULL;
    for (uint32_t n = keyring_find(&sh->keys, m->merged.a, &search); n; n = keyring_find_next(&sh->keys, &search)) {
        struct server *s = server_in(sh, n);

        if (s && s->may_merge && tsx_key_eq(s->merged, m->merged))
            return s;
    }
    return NULL;
}

static struct server *server_of(struct shard *sh, struct tsx_id id)
{
    struct txn *t = txn_slot_find(sh, id);

    return t && t->is_server ? (struct server *)t : NULL;
}

/* ---- the request ---- */

static void asked_free(struct server *s)
{
    if (s->asked)
        mem_free(shard_heap(s->t.sh), s->asked, sizeof *s->asked + s->asked->raw_n);
    s->asked = NULL;
}

static enum err asked_make(struct server *s, const struct stack_in *in)
{
    struct asked *a = mem_alloc(shard_heap(s->t.sh), sizeof *a + in->m->raw.n);

    if (!a)
        return ERR_NOMEM;
    *a = (struct asked){
        .from = in->from,
        .invite = in->invite,
        .merged = in->merged,
        .raw_n = (uint32_t)in->m->raw.n,
    };
    memcpy(a->raw, in->m->raw.p, in->m->raw.n);
    s->asked = a;
    return ERR_OK;
}

/* Parsed from a copy in scratch: what the user looks at lives until its callback ends, even if it answers meanwhile. */
static const struct stack_in *asked_parse(struct server *s)
{
    struct arena    *scratch = &s->t.sh->holder->scratch;
    struct asked    *a = s->asked;
    struct stack_in *in = arena_zalloc(scratch, sizeof *in);
    struct slice     text;
    struct msg      *m;

    if (!in || arena_dup(scratch, (struct slice){a->raw, a->raw_n}, &text) || msg_parse(scratch, text, &m) ||
        match_via(s->t.sh, m, &a->from.remote, &in->via))
        return NULL;
    in->m = m;
    in->from = a->from;
    in->tsx = s->t.id;
    in->invite = a->invite;
    in->merged = a->merged;
    return in;
}

const struct stack_in *stack_request_of(struct shard *sh, struct tsx_id server)
{
    struct server *s = server_of(sh, server);

    if (!s || !s->asked)
        return NULL;
    if (!s->asked->in || s->asked->epoch != sh->epoch) {
        s->asked->in = asked_parse(s);
        s->asked->epoch = sh->epoch;
    }
    return s->asked->in;
}

/* ---- beginning and end ---- */

static bool wants_reports(const struct stack_in *in)
{
    return msg_via(in->m) && overload_is_offered(msg_via(in->m));
}

static enum err server_open(struct shard *sh, const struct stack_in *in, struct server **out)
{
    enum tsx_kind  kind = in->m->method_id == METHOD_INVITE ? TSX_INVITE_SERVER : TSX_NON_INVITE_SERVER;
    struct server *s;
    enum err       e;

    if (atomic_load_explicit(&sh->n_servers, memory_order_relaxed) >= STACK_MAX_TSX)
        return ERR_FULL;
    if (!(s = mem_zalloc(shard_heap(sh), sizeof *s)))
        return ERR_NOMEM;
    txn_init(&s->t, sh, kind, transport_is_reliable((enum transport_kind)in->from.kind));
    if ((e = asked_make(s, in)))
        goto fail;
    if ((e = txn_slot_take(sh, &s->t)))
        goto fail;
    *out = s;
    return ERR_OK;
fail:
    asked_free(s);
    mem_free(shard_heap(sh), s, sizeof *s);
    return e;
}

enum err server_begin(struct shard *sh, struct stack_in *in, const struct tsx_match *m)
{
    struct server *s;
    enum err       e;

    if ((e = server_open(sh, in, &s)))
        return e;
    match_way_back(shard_transport(sh), in->m, &in->from, &s->t.flow);
    s->wants_reports = wants_reports(in);
    s->t.key = m->key;
    s->tags.request = m->to_tag;
    s->rfc2543 = m->rfc2543;
    keyring_add(&sh->keys, m->key.a, s->t.id.slot);
    if (m->may_merge) {
        s->may_merge = true;
        s->merged = m->merged;
        keyring_add(&sh->keys, m->merged.a, s->t.id.slot);
    }
    count(&sh->n_servers);
    in->tsx = s->t.id;
    s->asked->in = in;
    s->asked->epoch = sh->epoch;
    server_event(s, &(struct tsx_event){.kind = TSX_BEGIN}, &(struct event_facts){.in = in});
    return ERR_OK;
}

void server_free(struct server *s)
{
    struct shard *sh = s->t.sh;

    txn_stop_timers(&s->t);
    keyring_remove(&sh->keys, s->t.key.a, s->t.id.slot);
    if (s->may_merge)
        keyring_remove(&sh->keys, s->merged.a, s->t.id.slot);
    txn_slot_give(sh, &s->t);
    shard_free(sh, &s->t.last);
    asked_free(s);
    mem_free(shard_heap(sh), s, sizeof *s);
    uncount(&sh->n_servers);
}

/* Late enough that the response is on its way, and before the end. */
static void tell_answered(struct server *s)
{
    unsigned code = s->answered;

    s->answered = 0;
    if (code && s->on && s->on->answered)
        s->on->answered(s->arg, s->t.sh, s->t.id, code);
}

static void server_end(struct server *s)
{
    const struct stack_server_on *on = s->on;
    struct shard                 *sh = s->t.sh;
    struct tsx_id                 id = s->t.id;
    void                         *arg = s->arg;

    tell_answered(s);
    server_free(s);
    if (on && on->ended)
        on->ended(arg, sh, id);
}

/* ---- carrying out ---- */

/* The stream that the request came by may have ended: then a new one to where its Via says (§18.2.2). */
static enum err send_response(struct server *s, struct slice octets)
{
    struct transport *tp = shard_transport(s->t.sh);
    struct msg       *m;
    const struct via *v;
    struct flow       to;
    enum err          e = txn_send(&s->t, octets);

    if (e != ERR_CLOSED)
        return e;
    if (msg_parse(&s->t.sh->holder->scratch, octets, &m) || !(v = msg_via(m)) ||
        flow_for_response(tp, &s->t.flow, v, &to))
        return e;
    s->t.flow = to;
    return txn_send(&s->t, octets);
}

static bool is_asked_for_again_only(const struct server *s, unsigned code)
{
    return s->t.machine.kind == TSX_NON_INVITE_SERVER || code < 200; /* else timer G repeats it, by itself */
}

/* What it was made of, but for what the request has. */
static void keep_answer(struct server *s, const struct answer *a)
{
    struct shard *sh = s->t.sh;
    size_t        n = a->to_tag.n + a->reason.n + a->rows.n;
    char         *p = n ? mem_alloc(shard_heap(sh), n) : NULL;
    struct buf    b;

    shard_free(sh, &s->t.last);
    s->kept = (struct kept){0};
    if (n && !p)
        return; /* as txn_keep() */
    buf_init(&b, p, n);
    buf_puts(&b, a->to_tag, a->reason, a->rows);
    s->t.last = buf_slice(&b);
    s->kept = (struct kept){.code = (uint16_t)a->code, .tag_n = (uint16_t)a->to_tag.n, .reason_n = (uint16_t)a->reason.n};
}

static void keep(struct server *s, const struct event_facts *facts)
{
    const struct answer *a = facts->answer;

    if (a && a->to_tag.n + a->reason.n <= UINT16_MAX && is_asked_for_again_only(s, a->code)) {
        keep_answer(s, a);
        return;
    }
    s->kept = (struct kept){0};
    txn_keep(&s->t, facts->octets);
    if (s->asked) /* it rings: most calls are answered, or refused, before it is worth the work */
        txn_slim_later(&s->t);
}

void server_slim(struct server *s)
{
    struct slice likened, kept;

    if (!s->asked || s->kept.code || s->kept.likened || !s->t.last.n /* there was no memory for it */ ||
        liken(&s->t.sh->holder->scratch, s->t.last, (struct slice){s->asked->raw, s->asked->raw_n}, &likened) ||
        shard_dup(s->t.sh, likened, &kept))
        return; /* no memory: then it stays as it is */
    shard_free(s->t.sh, &s->t.last);
    s->t.last = kept;
    s->kept.likened = true;
}

static void release(struct server *s)
{
    s->kept = (struct kept){0};
    shard_free(s->t.sh, &s->t.last);
}

static void send_and_keep(struct server *s, const struct event_facts *facts)
{
    struct event_facts sent = *facts;
    enum err           e;

    if (s->wants_reports)
        sent.octets = gate_report(s->t.sh->holder, facts->octets);
    if ((e = send_response(s, sent.octets)))
        txn_broken(&s->t, e);
    if (!s->t.machine.reliable && s->t.machine.state != TSX_ACCEPTED)
        keep(s, &sent); /* a 2xx to INVITE is repeated by the user */
}

static void send_trying(struct server *s)
{
    const struct stack_in *in = stack_request_of(s->t.sh, s->t.id);
    struct answer          a = {.code = 100};
    struct event_facts     facts = {.answer = &a};

    if (!in)
        return;
    a.request = in->m;
    a.via = in->via;
    if (refuse_write(s->t.sh, &a, &in->from.remote, &facts.octets) == ERR_OK)
        send_and_keep(s, &facts);
}

/* `in`: the request that has come again. */
static void make_again(struct server *s, const struct stack_in *in)
{
    struct slice  rest = slice_from(s->t.last, s->kept.tag_n), response;
    struct answer a = {
        .request = in->m,
        .code = s->kept.code,
        .to_tag = slice_to(s->t.last, s->kept.tag_n),
        .reason = slice_to(rest, s->kept.reason_n),
        .rows = slice_from(rest, s->kept.reason_n),
        .via = in->via,
    };

    if (refuse_write(s->t.sh, &a, &in->from.remote, &response))
        return;
    txn_send_again(&s->t, s->wants_reports ? gate_report(s->t.sh->holder, response) : response);
}

static void resend(struct server *s, const struct stack_in *in)
{
    struct slice response;

    if (s->kept.code)
        make_again(s, in);
    else if (!s->kept.likened)
        txn_resend(&s->t);
    else if (!unliken(&s->t.sh->holder->scratch, s->t.last, (struct slice){s->asked->raw, s->asked->raw_n}, &response))
        txn_send_again(&s->t, response);
}

static void tell(struct server *s, const struct event_facts *facts)
{
    const struct stack_config *config = &s->t.sh->st->config;

    assert(facts->in); /* what a user is told of is a request that has come */
    if (config->uas_only && !tsx_is_none(facts->in->merged))
        stack_reply_code(s->t.sh, s->t.id, 482); /* §8.2.2.2 */
    else
        config->user->request(config->ctx, s->t.sh, facts->in);
}

static void tell_failed(struct server *s, enum err why)
{
    if (s->on && s->on->failed)
        s->on->failed(s->arg, s->t.sh, s->t.id, why);
}

/* False: s has ended. */
static bool carry_out(struct server *s, const struct tsx_action *a, const struct event_facts *facts)
{
    switch (a->what) {
    case TSX_DO_SEND: send_and_keep(s, facts); break;
    case TSX_DO_SEND_TRYING: send_trying(s); break;
    case TSX_DO_RESEND: resend(s, facts->in); break;
    case TSX_DO_RELEASE: release(s); break;
    case TSX_DO_SET_TIMER: txn_set_timer(&s->t, a); break;
    case TSX_DO_STOP_TIMERS: txn_stop_timers(&s->t); break;
    case TSX_DO_TELL: tell(s, facts); break;
    case TSX_DO_TELL_ACKED:
        if (s->on && s->on->acked)
            s->on->acked(s->arg, s->t.sh, s->t.id);
        break;
    case TSX_DO_TELL_TIMEOUT: tell_failed(s, ERR_TIMEOUT); break;
    case TSX_DO_TELL_ERROR: tell_failed(s, facts->why); break;
    case TSX_DO_END: server_end(s); return false;
    case TSX_DO_SEND_ACK: case TSX_DO_SEND_CANCEL: break; /* a client's */
    }
    return true;
}

void server_event(struct server *s, const struct tsx_event *ev, const struct event_facts *facts)
{
    struct tsx_out out;

    tsx_handle(&s->t.machine, &s->t.sh->st->times, ev, &out);
    for (size_t i = 0; i < out.n; i++)
        if (!carry_out(s, &out.action[i], facts))
            return;
}

/* ---- the door ---- */

/* Three digits, or 0 when it is no response. */
static unsigned status_of(struct slice response)
{
    enum { CODE = 8, END = CODE + 3 }; /* where they stand */
    const char *p = response.p;

    if (response.n < END || scan_lower(scan_word(p)) != scan_word("sip/2.0 ") || !ascii_is_digit(p[CODE]) ||
        !ascii_is_digit(p[CODE + 1]) || !ascii_is_digit(p[CODE + 2]) || (response.n > END && ascii_is_digit(p[END])))
        return 0;
    return (unsigned)(100 * (p[CODE] - '0') + 10 * (p[CODE + 1] - '0') + (p[CODE + 2] - '0'));
}

/* The ACK of an RFC 2543 peer is known by the tag of our answer (§17.2.3). */
static void remember_tag(struct server *s, struct slice response)
{
    struct msg *m;

    if (msg_parse(&s->t.sh->holder->scratch, response, &m) == ERR_OK)
        s->tags.response = tsx_tag_hash(&s->t.sh->st->config.key, msg_to_tag(m));
}

static enum err respond(struct server *s, unsigned code, const struct event_facts *facts)
{
    struct shard    *sh = s->t.sh;
    struct tsx_id    id = s->t.id;
    struct tsx_event ev = {.kind = TSX_RESPONSE, .code = code};

    if (code < 100 || code > 699)
        return ERR_SYNTAX;
    if (!s->asked && !(s->t.machine.state == TSX_ACCEPTED && ev.code / 100 == 2))
        return ERR_INVALID;
    if (ev.code >= 200) {
        if (s->rfc2543)
            remember_tag(s, facts->octets);
        s->answered = s->asked ? (uint16_t)ev.code : 0;
        asked_free(s);
    }
    server_event(s, &ev, facts);
    if ((s = server_of(sh, id)))
        tell_answered(s);
    return ERR_OK;
}

enum err stack_respond(struct shard *sh, struct tsx_id server, struct slice response)
{
    struct server *s = server_of(sh, server);

    return s ? respond(s, status_of(response), &(struct event_facts){.octets = response}) : ERR_NOTFOUND;
}

/* A refusal of our own making. A challenge is none: every new phone gets one. */
static void tell_refused(const struct shard *sh, const struct stack_in *in, const struct stack_reply *r)
{
    struct log_line l;

    if (r->code < 400 || r->code == 401 || r->code == 407)
        return;
    log_begin(&l, sh->st->config.log, LOG_INFO, LOG_EVENT("request.refused"), msg_call_id(in->m));
    log_text(&l, "method", in->m->method);
    log_text(&l, "uri", in->m->uri);
    log_number(&l, "code", r->code);
    log_text(&l, "reason", r->reason.n ? r->reason : msg_reason(r->code));
    log_addr(&l, "from", &in->from.remote);
    log_end(&l);
}

/* With all but what it takes from the request. */
static struct answer answer_of(struct server *s, const struct stack_reply *reply, struct buf *tag)
{
    struct answer a = {.code = reply->code, .reason = reply->reason, .to_tag = reply->to_tag, .rows = reply->rows};

    if (!a.to_tag.n && a.code > 100)
        a.to_tag = refuse_tag(s->t.sh, &s->t.key, tag);
    return a;
}

enum err stack_reply_head(struct shard *sh, struct tsx_id server, const struct stack_reply *reply, struct slice *head)
{
    const struct stack_in *in = stack_request_of(sh, server);
    struct server         *s = server_of(sh, server);
    char                   tag_text[16];
    struct buf             tag = BUF_ON(tag_text);
    struct answer          a;

    assert(reply->code < 300); /* a refusal is told with its request */
    if (!s)
        return ERR_NOTFOUND;
    if (!in)
        return s->asked ? ERR_NOMEM : ERR_INVALID;
    a = answer_of(s, reply, &tag);
    a.request = in->m;
    a.via = in->via;
    return refuse_head(sh, &a, &in->from.remote, head);
}

/* Of the request as it is now: in what has just come, or parsed again. */
static enum err write_of_request(struct server *s, const struct stack_reply *reply, struct answer *a, struct slice *out)
{
    const struct stack_in *in = stack_request_of(s->t.sh, s->t.id);

    if (!in)
        return ERR_NOMEM;
    tell_refused(s->t.sh, in, reply);
    a->request = in->m;
    a->via = in->via;
    return refuse_write(s->t.sh, a, &in->from.remote, out);
}

enum err stack_reply(struct shard *sh, struct tsx_id server, const struct stack_reply *reply)
{
    struct server     *s = server_of(sh, server);
    char               tag_text[16];
    struct buf         tag = BUF_ON(tag_text);
    struct answer      a;
    struct event_facts facts = {.answer = &a};
    enum err           e;

    if (!s)
        return ERR_NOTFOUND;
    if (!s->asked)
        return ERR_INVALID;
    a = answer_of(s, reply, &tag);
    e = reply->head.n ? refuse_join(sh, &a, reply->head, &facts.octets) : write_of_request(s, reply, &a, &facts.octets);
    return e ? e : respond(s, a.code, &facts);
}

enum err stack_reply_code(struct shard *sh, struct tsx_id server, unsigned code)
{
    return stack_reply(sh, server, &(struct stack_reply){.code = code});
}

enum err stack_watch_server(struct shard *sh, struct tsx_id server, const struct stack_server_on *on, void *arg)
{
    struct server *s = server_of(sh, server);

    if (!s)
        return ERR_NOTFOUND;
    s->on = on;
    s->arg = arg;
    return ERR_OK;
}
