/* refusal.c - refusals of INVITEs that went out before a restart: passed back, and acknowledged (RFC 3261 §16.11, §17.1.1.3).
 *
 * Room      server/proxy.
 * In        stray.c: a 3xx-6xx that no transaction waits for, and whose it is. server/core: every ACK, before all else.
 * Owns      struct stray, one for each such refusal.
 * Touches   the shard's list of them; the dialog's record when the caller has been told.
 *
 * Nobody here repeats the refusal towards the caller: the phone does, until it is acknowledged. So its ACK is sent when the
 * caller's has come, as it would be by a proxy without transactions; or when the caller says nothing for STRAY_WAIT. The
 * caller's ACK ends here, since it is for one hop. */
#include "server/proxy/proxy_priv.h"

#include <string.h>

enum {
    STRAY_MAX = 256,         /* of a shard; what is over it is acknowledged at once          */
    STRAY_WAIT_MS = 4000,    /* for the caller's ACK                                         */
    STRAY_AWAY_MS = 31000,   /* for a caller whose connection has gone: it may come back     */
    STRAY_KEPT_MS = 64 * 500 /* from our ACK on: so long the refusal may still come again    */
};

struct stray {
    struct list_node   node;
    struct proxy      *px;
    struct shard      *sh;
    struct wheel_timer timer;
    size_t             octets;
    struct flow        callee;
    bool               acked;
    uint16_t           code;
    uint32_t           cseq;          /* as the caller counts */
    struct dialog_id   record;
    bool               within;
    enum dialog_side   from;
    struct slice       call_id, from_tag, to_tag, ack; /* in text */
    char               text[];
};

static struct proxy_shard *shard_of(struct proxy *px, struct shard *sh)
{
    return &px->shard[shard_index(sh)];
}

static void stray_free(struct stray *s)
{
    struct proxy_shard *ps = shard_of(s->px, s->sh);

    shard_timer_stop(s->sh, &s->timer);
    list_remove(&s->node);
    ps->n_strays--;
    mem_free(shard_mem(s->sh), s, s->octets);
}

void stray_close(struct proxy *px, struct shard *sh)
{
    for (struct list_node *n; (n = list_first(&shard_of(px, sh)->strays));)
        stray_free(LIST_OF(n, struct stray, node));
}

static struct stray *find(struct proxy *px, struct shard *sh, const struct msg *m)
{
    struct list *all = &shard_of(px, sh)->strays;

    for (struct list_node *n = list_first(all); n; n = list_next(all, n)) {
        struct stray *s = LIST_OF(n, struct stray, node);

        if (slice_eq(s->call_id, msg_call_id(m)) && slice_eq(s->from_tag, msg_from_tag(m)) && slice_eq(s->to_tag, msg_to_tag(m)))
            return s;
    }
    return NULL;
}

/* ---- the ACK ---- */

/* Its Via is that of the INVITE as we sent it, without what the phone has added; Request-URI and Route are what the phone
 * is reached by, which it does not look at (RFC 3261 §17.2.3). */
static enum err write_ack(const struct lost_invite *l, const struct msg *m, struct slice *out)
{
    const struct via *via = msg_via(m);
    struct cseq       cseq;
    struct name_addr  to;
    struct slice      sent_by;
    struct buf        b;
    enum err          e;

    if (!via)
        return ERR_NOTFOUND;
    if ((e = msg_cseq(m, &cseq)) || (e = msg_name_addr(m, HDR_TO, &to)) ||
        (e = proxy_scratch(l->gone.sh, m->head.n + l->target.n + l->route.n + 256, &b)))
        return e;
    msg_put_request_line(&b, S("ACK"), l->target.n ? l->target : to.uri);
    sent_by = slice_trim(slice_to(via->raw, (size_t)(via->params.p ? via->params.p - via->raw.p : (ptrdiff_t)via->raw.n)));
    buf_puts(&b, S("Via: "), sent_by, S(";branch="), via->branch, S(";rport\r\n"));
    if (l->route.n)
        msg_put_row(&b, HDR_ROUTE, l->route);
    msg_put_row(&b, HDR_MAX_FORWARDS, S("70"));
    msg_put_rows_of(&b, m, HDR_FROM);
    msg_put_rows_of(&b, m, HDR_TO);
    msg_put_row(&b, HDR_CALL_ID, msg_call_id(m));
    msg_put_cseq(&b, cseq.number, S("ACK"));
    msg_put_end(&b, SLICE_NONE, SLICE_NONE);
    *out = buf_slice(&b);
    return buf_err(&b);
}

/* Done with: acknowledged, and kept in the dialog's record as the fork would have done. */
static void acknowledge(struct stray *s)
{
    struct fork gone = {.px = s->px, .sh = s->sh, .method = METHOD_INVITE, .record = s->record, .within = s->within,
                        .from = s->from, .best_code = s->code};

    s->acked = true;
    flow_send(shard_transport(s->sh), &s->callee, s->ack);
    keep_failure(&gone, s->code, msg_reason(s->code));
    shard_timer_start(s->sh, &s->timer, STRAY_KEPT_MS);
}

static void on_timer(void *arg)
{
    struct stray *s = arg;

    if (s->acked)
        stray_free(s);
    else
        acknowledge(s);
}

/* ---- in and out ---- */

static struct slice put(char **at, struct slice what)
{
    struct slice there = {*at, what.n};

    if (what.n)
        memcpy(*at, what.p, what.n);
    *at += what.n;
    return there;
}

static struct stray *stray_new(const struct lost_invite *l, const struct msg *m, struct slice ack)
{
    const struct fork  *f = &l->gone;
    struct proxy_shard *ps = shard_of(f->px, f->sh);
    size_t              n = sizeof(struct stray) + msg_call_id(m).n + msg_from_tag(m).n + msg_to_tag(m).n + ack.n;
    struct stray       *s = ps->n_strays < STRAY_MAX ? mem_alloc(shard_mem(f->sh), n) : NULL;
    char               *at;

    if (!s)
        return NULL;
    *s = (struct stray){.px = f->px, .sh = f->sh, .octets = n, .code = m->status, .cseq = l->cseq, .record = f->record,
                        .within = f->within, .from = f->from};
    at = s->text;
    s->call_id = put(&at, msg_call_id(m));
    s->from_tag = put(&at, msg_from_tag(m));
    s->to_tag = put(&at, msg_to_tag(m));
    s->ack = put(&at, ack);
    s->timer.fire = on_timer;
    s->timer.arg = s;
    list_append(&ps->strays, &s->node);
    ps->n_strays++;
    return s;
}

bool stray_is_repeat(struct proxy *px, struct shard *sh, const struct msg *m, const struct flow *from)
{
    struct stray *s = m->status < 300 ? NULL : find(px, sh, m);

    if (!s || !s->acked)
        return false;
    s->callee = *from;
    flow_send(shard_transport(sh), &s->callee, s->ack);
    return true;
}

void stray_refusal(struct lost_invite *l, const struct msg *m, const struct flow *from)
{
    struct fork  *f = &l->gone;
    struct stray *s = find(f->px, f->sh, m);
    struct slice  ack;
    bool          sent = l->passes && stray_pass(l, m) == ERR_OK;

    if (!s) {
        if (write_ack(l, m, &ack))
            return;
        if (!l->passes || !(s = stray_new(l, m, ack))) {
            flow_send(shard_transport(f->sh), from, ack);
            return;
        }
        shard_timer_start(f->sh, &s->timer, sent ? STRAY_WAIT_MS : STRAY_AWAY_MS);
    }
    s->callee = *from;
}

bool proxy_takes_ack(struct proxy *px, struct shard *sh, const struct stack_in *in)
{
    struct stray *s = list_empty(&shard_of(px, sh)->strays) ? NULL : find(px, sh, in->m);
    struct cseq   cseq;

    if (!s || msg_cseq(in->m, &cseq) || cseq.number != s->cseq)
        return false;
    if (!s->acked)
        acknowledge(s);
    return true;
}
